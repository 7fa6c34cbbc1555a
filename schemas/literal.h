/* Values as the texts that PostgreSQL's types take in, for what goes into its row literals: an
 * emitter in the framing of emit.h, whose payloads are texts. What has items becomes a literal of
 * its own. Threads: any. */
#ifndef MR_SCHEMAS_LITERAL_H
#define MR_SCHEMAS_LITERAL_H

#include "schemas/emit.h"

extern const struct mr_emit_ops mr_literal_emit;

/* Appends `text` between quotes, as items of array and row literals are. */
void mr_literal_quote(struct mr_buf *out, struct mr_slice text);

#endif
