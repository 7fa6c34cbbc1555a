/* JSON text: writing pieces of it, and checking text that came in, without a library and without
 * building values (contract.md S-21, T-30, T-31). Threads: any. */
#ifndef MR_SCHEMAS_JSON_TEXT_H
#define MR_SCHEMAS_JSON_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum { MR_JSON_MAX_DEPTH = 1000, MR_JSON_MAX_STRING = 268435455 }; /* T-31 */

/* A quoted string; `text` is valid UTF-8. */
void mr_json_text_string(struct mr_buf *out, struct mr_slice text);
void mr_json_text_base64(struct mr_buf *out, struct mr_slice bytes); /* quoted, padded */
void mr_json_text_integer(struct mr_buf *out, int64_t v);
/* The shortest text that reads back as the same number (`single`: the same float). JSON has no word
 * for NaN and infinities: they are strings with `quoted`, bare words without. */
void mr_json_text_real(struct mr_buf *out, double v, bool single, bool quoted);

/* Checks one JSON text for json or jsonb. `for_jsonb`: also what jsonb cannot hold: \u0000, lone
 * surrogates, numbers beyond numeric. Errors: value.invalid_json, value.utf8, value.json_nul,
 * value.out_of_range, value.too_large. */
int mr_json_check(struct mr_slice text, bool for_jsonb, struct mr_err *err);

#endif
