/* Exact decimal numbers in base 10000 (contract.md T-N, T-70..T-72): from two's complement bytes,
 * from integers, from text; fitted to a column; printed. No floating point anywhere. Threads: any,
 * each with its own scratch. */
#ifndef MR_SCHEMAS_NUMERIC_H
#define MR_SCHEMAS_NUMERIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "schemas/emit.h"

enum {
    MR_NUM_MAX_BYTES = 8192,        /* S-47 */
    MR_NUM_MAX_INT_DIGITS = 131072, /* T-72 */
    MR_NUM_MAX_SCALE = 16383,
    MR_NUM_MAX_GROUPS = MR_NUM_MAX_INT_DIGITS / 4 + MR_NUM_MAX_SCALE / 4 + 16,
};

/* Where digits live: a struct mr_numeric points into it until the scratch's next use. */
struct mr_num_scratch {
    int16_t digits[MR_NUM_MAX_GROUPS];
    uint32_t limbs[MR_NUM_MAX_BYTES / 4 + 4];
};

/* unscaled * 10^-scale. Errors: value.out_of_range. */
int mr_numeric_from_i64(int64_t unscaled, int32_t scale, struct mr_num_scratch *scratch,
                        struct mr_numeric *out, struct mr_err *err);

/* Two's complement, big-endian; empty is 0 (S-47). Errors: value.out_of_range. */
int mr_numeric_from_bytes(struct mr_slice bytes, int32_t scale, struct mr_num_scratch *scratch,
                          struct mr_numeric *out, struct mr_err *err);

/* Decimal text with optional sign, point and exponent, no blanks around; also the special values of
 * T-10. Errors: value.invalid, value.out_of_range. */
int mr_numeric_from_text(struct mr_slice text, struct mr_num_scratch *scratch,
                         struct mr_numeric *out, struct mr_err *err);

/* Makes the number fit numeric(precision, scale); precision -1: unconstrained. `round`: excess
 * digits are rounded half away from zero, else they are an error. Writes into its digits.
 * Errors: numeric.excess_scale, value.out_of_range. */
struct mr_num_typmod {
    int32_t precision;
    int32_t scale;
    bool round;
};
int mr_numeric_fit(struct mr_numeric *num, const struct mr_num_typmod *to,
                   struct mr_num_scratch *scratch, struct mr_err *err);

/* The integer it is; false if it has a fraction or does not fit. */
bool mr_numeric_to_i64(const struct mr_numeric *num, int64_t *out);

/* As PostgreSQL prints it, with dscale digits behind the point; "NaN", "Infinity", "-Infinity". */
void mr_numeric_print(const struct mr_numeric *num, struct mr_buf *out);

#endif
