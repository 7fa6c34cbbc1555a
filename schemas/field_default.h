/* A field's default as the text of a column DEFAULT (contract.md V-06, S-09). Threads: any. */
#ifndef MR_SCHEMAS_FIELD_DEFAULT_H
#define MR_SCHEMAS_FIELD_DEFAULT_H

#include "schemas/semantic.h"

/* The default of a scalar field, as the target's column of its default type reads it; bytes as
 * `\x` and hex digits. NULL where there is none, it is null, or it is no literal of the type (such
 * a default is not needed to load, so it is no fault). In `arena`. */
const char *mr_field_default(const struct mr_typed *typed, const char *default_json,
                             struct mr_arena *arena);

#endif
