/* A JSON number as the exact decimal that its lexeme is, and its ways into integers and two's
 * complement bytes: no floating point on the way. Threads: any. */
#ifndef MR_SCHEMAS_JSON_NUMBER_H
#define MR_SCHEMAS_JSON_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The way from decimal to binary is quadratic: a longer number is refused. */
enum { MR_JSON_NUMBER_DIGITS = 4000 };

/* digits * 10^-scale, without leading zeros; n 0: zero. */
struct mr_json_number {
    bool negative;
    int32_t scale;
    uint32_t n;
    uint8_t digits[MR_JSON_NUMBER_DIGITS]; /* 0..9 */
};

/* `lexeme` is a checked JSON number. Errors: value.out_of_range for more than 4,000 digits or an
 * exponent beyond +-200,000. */
int mr_json_number_parse(struct mr_slice lexeme, struct mr_json_number *out, struct mr_err *err);

/* False if it has a fraction (*fraction) or does not fit. 1.0 and 1e3 are integers. */
bool mr_json_number_to_i64(const struct mr_json_number *number, int64_t *out, bool *fraction);

/* Appends unscaled two's complement bytes, big-endian and shortest, of the number at `scale`.
 * Errors: value.invalid if it has more fractional digits, value.out_of_range. */
int mr_json_number_to_bytes(const struct mr_json_number *number, int32_t scale, struct mr_buf *out,
                            struct mr_err *err);

#endif
