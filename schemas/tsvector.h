/* Texts of PostgreSQL's search vectors (contract.md T-37): told apart before the stream, since the
 * server refuses the whole batch for one. Threads: any. */
#ifndef MR_SCHEMAS_TSVECTOR_H
#define MR_SCHEMAS_TSVECTOR_H

#include "base/buf.h"

/* PostgreSQL's pg_type.oid of tsvector. */
enum { MR_TSVECTOR_OID = 3614 };

/* False for what tsvectorin() refuses. What depends on the server's locale is left to it. `text` is
 * UTF-8 without U+0000. */
bool mr_tsvector_valid(struct mr_slice text);

#endif
