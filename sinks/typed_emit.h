/* Tuples for targets that have few types of their own (SQLite, standard output): the payload of a
 * field is one byte that tells its form, then the value. Texts are those of sinks/print.h
 * (contract.md section 5.2). Threads: any, on its own buffer. */
#ifndef MR_SINKS_TYPED_EMIT_H
#define MR_SINKS_TYPED_EMIT_H

#include "schemas/emit.h"

enum mr_typed_form {
    MR_TYPED_INTEGER = 'i', /* int64, big-endian; booleans are 0 and 1 */
    MR_TYPED_REAL = 'r',    /* IEEE 754 double, big-endian */
    MR_TYPED_TEXT = 't',    /* UTF-8; arrays are JSON */
    MR_TYPED_BLOB = 'b',
};

extern const struct mr_emit_ops mr_typed_emit;
extern const struct mr_emit_ops mr_typed_emit_no_nan; /* SQLite's: a REAL cannot be NaN */

/* Appends one payload of a column of that type as a JSON value (contract.md S-21): numbers exact,
 * NaN and infinities as strings, bytes as base64, json and arrays as they are. `payload` may lie in
 * `out` itself when there is room for 6 times its length + 64 bytes. */
void mr_typed_json(struct mr_buf *out, enum mr_type type, struct mr_slice payload);

#endif
