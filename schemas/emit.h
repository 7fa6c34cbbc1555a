/* Emitters: how typed values become the bytes of a tuple. A plan is compiled for one emitter, and
 * decodes straight into its form in one pass.
 *
 * The framing of a tuple is the same for all emitters, so that folding and copying know no
 * database: int16 number of fields, then per field int32 length (-1: NULL) and that many bytes
 * (big-endian; it is the framing of PostgreSQL's binary COPY, whose rows are then sent as they are.
 * Source: PostgreSQL manual, COPY, "Binary Format"). The plan writes count and NULLs by itself; an
 * emitter writes length and payload of one value.
 *
 * Values that reach an emitter were checked against the column by the plan: an emitter cannot
 * refuse, it only can run out of room, which the plan checks once by mr_buf_ok(). `to` is the
 * column's type, or the element's inside an array. */
#ifndef MR_SCHEMAS_EMIT_H
#define MR_SCHEMAS_EMIT_H

#include "base/buf.h"
#include "schemas/table.h"

/* A number in base 10000 as PostgreSQL's numeric has it (contract.md T-N, T-70). */
enum mr_numeric_sign { MR_NUM_POS, MR_NUM_NEG, MR_NUM_NAN, MR_NUM_PINF, MR_NUM_NINF };
struct mr_numeric {
    enum mr_numeric_sign sign;
    int32_t weight;    /* power of 10000 of digits[0] */
    uint16_t dscale;   /* decimal digits shown after the point */
    uint16_t n_digits; /* 0: zero; no leading or trailing zero groups */
    const int16_t *digits;
};

/* Times as schemas/temporal.h has them: dates are days since 1970-01-01, timestamps microseconds
 * since 2000-01-01 00:00 UTC. INT64_MAX / INT64_MIN (INT32_MAX / INT32_MIN in days) are
 * +-infinity, for date, timestamp and timestamptz. */
struct mr_interval {
    int64_t us;
    int32_t days;
    int32_t months;
};

/* A figure of the type that `to` says, as coordinates: point x, y; line a, b, c; circle x, y,
 * radius; box the upper right corner first; else x, y of each point. */
struct mr_figure {
    bool closed; /* path */
    uint32_t n;  /* numbers */
    const double *v;
};

/* `n` elements of `dim`: idx NULL: all of them; else ascending, from 0, without zeros. */
struct mr_vector {
    int32_t dim;
    uint32_t n;
    const int32_t *idx;
    const double *v;
};

/* Texts by distinct keys, valid UTF-8 without NUL, ordered by length and bytes of the key. Small,
 * as a record can have many: places in `text`. */
struct mr_pair {
    uint32_t key_at;
    uint32_t key_len;
    uint32_t value_at;
    uint32_t value_len; /* UINT32_MAX: null */
};
struct mr_pairs {
    uint32_t n;
    const struct mr_pair *pairs;
    const uint8_t *text;
};
static inline struct mr_slice mr_pair_key(const struct mr_pairs *v, uint32_t i)
{
    return (struct mr_slice){v->text + v->pairs[i].key_at, v->pairs[i].key_len};
}
/* data NULL: null. */
static inline struct mr_slice mr_pair_value(const struct mr_pairs *v, uint32_t i)
{
    bool null = v->pairs[i].value_len == UINT32_MAX;
    return (struct mr_slice){null ? NULL : v->text + v->pairs[i].value_at,
                             null ? 0 : v->pairs[i].value_len};
}

enum { MR_MATRIX_MAX_DIMS = 6 }; /* PostgreSQL's MAXDIM */
struct mr_dims {
    uint32_t n;
    uint32_t len[MR_MATRIX_MAX_DIMS];
};

struct mr_emit_ops {
    const char *name;
    bool no_nan; /* the target would store a NaN as another value: the plan refuses it (L-02) */
    void (*boolean)(struct mr_buf *out, const struct mr_coltype *to, bool v);
    void (*integer)(struct mr_buf *out, const struct mr_coltype *to, int64_t v); /* int2/4/8, oid */
    void (*real)(struct mr_buf *out, const struct mr_coltype *to, double v);     /* float4/8 */
    void (*numeric)(struct mr_buf *out, const struct mr_coltype *to, const struct mr_numeric *v);
    /* text, varchar, bpchar, json, jsonb, enum, cast, ltree: valid UTF-8 without NUL */
    void (*text)(struct mr_buf *out, const struct mr_coltype *to, const char *v, size_t len);
    void (*bytes)(struct mr_buf *out, const struct mr_coltype *to, const uint8_t *v, size_t len);
    void (*uuid)(struct mr_buf *out, const struct mr_coltype *to, const uint8_t v[16]);
    void (*date)(struct mr_buf *out, const struct mr_coltype *to, int32_t unix_days);
    void (*time)(struct mr_buf *out, const struct mr_coltype *to, int64_t us);
    void (*timetz)(struct mr_buf *out, const struct mr_coltype *to, int64_t us, int32_t east_s);
    void (*timestamp)(struct mr_buf *out, const struct mr_coltype *to, int64_t ts); /* and tz */
    void (*interval)(struct mr_buf *out, const struct mr_coltype *to, const struct mr_interval *v);
    /* bit, varbit: `n_bits` bits, first bit in the high bit of v[0], rest of the last byte zero */
    void (*bits)(struct mr_buf *out, const struct mr_coltype *to, const uint8_t *v,
                 uint32_t n_bits);
    void (*figure)(struct mr_buf *out, const struct mr_coltype *to, const struct mr_figure *v);
    /* vector and halfvec (dense), sparsevec: what fits their floats */
    void (*vector)(struct mr_buf *out, const struct mr_coltype *to, const struct mr_vector *v);
    void (*pairs)(struct mr_buf *out, const struct mr_coltype *to, const struct mr_pairs *v);
    /* One-dimensional arrays: begin, then per item a value by the functions above with the
     * element's type or array_null, then end. `at` is what begin returned. */
    size_t (*array_begin)(struct mr_buf *out, const struct mr_coltype *to, uint32_t n_items,
                          bool has_null);
    /* Begins an array of 2 to MR_MATRIX_MAX_DIMS dimensions, none of them 0; its items follow with
     * the last index running fastest, and array_end. */
    size_t (*matrix_begin)(struct mr_buf *out, const struct mr_coltype *to,
                           const struct mr_dims *dims, bool has_null);
    void (*array_null)(struct mr_buf *out, const struct mr_coltype *elem);
    void (*array_end)(struct mr_buf *out, const struct mr_coltype *to, size_t at);
};

#endif
