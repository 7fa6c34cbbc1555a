/* An emitter whose fields are plain text, so that expectations read like `{1,x,NULL}`: the framing
 * of schemas/emit.h with PostgreSQL's text forms as payload. */
#ifndef MR_TESTS_SUPPORT_EMIT_TEXT_H
#define MR_TESTS_SUPPORT_EMIT_TEXT_H

#include "schemas/emit.h"
#include "schemas/rows.h"

extern const struct mr_emit_ops mr_emit_text;

/* `{a,b,NULL}`; a field with its bit in `mask` (may be NULL) reads `~`. Static buffer: the text is
 * valid until the next call. */
const char *mr_emit_text_tuple(struct mr_slice tuple, const uint64_t *mask);

#endif
