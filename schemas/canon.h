/* The canonical form of key columns (contract.md F-33): an emitter whose bytes are equal exactly
 * where the target holds the values equal, whatever the writer's schema, scale or sign of zero was.
 * Each value has its length before it, so that forms of several columns can be joined. Threads:
 * any. */
#ifndef MR_SCHEMAS_CANON_H
#define MR_SCHEMAS_CANON_H

#include "schemas/emit.h"

extern const struct mr_emit_ops mr_canon;

#endif
