/* Owns the canonical key form. Must not be changed in meaning without a migration: slots of a
 * partition are chosen by its hash. Source: contract.md F-33. */
#include "schemas/canon.h"

#include <math.h>

#include "schemas/temporal.h"

#include "base/ban.h"

static void canon_raw(struct mr_buf *out, const void *bytes, size_t len)
{
    mr_buf_u32(out, (uint32_t)len); /* a record is far below 4 GiB */
    mr_buf_add(out, bytes, len);
}

static void canon_i64(struct mr_buf *out, int64_t v)
{
    uint8_t *at = mr_buf_room(out, 12);
    if (at == NULL)
        return;
    mr_put_u32(at, 8);
    mr_put_u64(at + 4, (uint64_t)v);
}

static void canon_boolean(struct mr_buf *out, const struct mr_coltype *to, bool v)
{
    (void)to;
    canon_raw(out, v ? "t" : "f", 1);
}

static void canon_integer(struct mr_buf *out, const struct mr_coltype *to, int64_t v)
{
    (void)to;
    canon_i64(out, v);
}

/* -0 = 0, all NaN are equal. */
static void canon_real(struct mr_buf *out, const struct mr_coltype *to, double v)
{
    (void)to;
    int64_t bits;
    double one = isnan(v) ? (double)NAN : v == 0 ? 0 : v;
    memcpy(&bits, &one, sizeof bits);
    canon_i64(out, bits);
}

/* Digits have no zero groups at their ends; dscale is left out: 1.0 = 1.00. */
static void canon_numeric(struct mr_buf *out, const struct mr_coltype *to,
                          const struct mr_numeric *v)
{
    (void)to;
    uint16_t n = v->sign <= MR_NUM_NEG ? v->n_digits : 0;
    mr_buf_u32(out, 5u + 2u * n);
    mr_buf_byte(out, (uint8_t)v->sign);
    mr_buf_u32(out, n > 0 ? (uint32_t)v->weight : 0);
    for (uint16_t i = 0; i < n; i++)
        mr_buf_u16(out, (uint16_t)v->digits[i]);
}

static void canon_text(struct mr_buf *out, const struct mr_coltype *to, const char *v, size_t len)
{
    while (to->type == MR_T_BPCHAR && len > 0 && v[len - 1] == ' ')
        len--;
    canon_raw(out, v, len);
}

static void canon_bytes(struct mr_buf *out, const struct mr_coltype *to, const uint8_t *v,
                        size_t len)
{
    (void)to;
    canon_raw(out, v, len);
}

static void canon_uuid(struct mr_buf *out, const struct mr_coltype *to, const uint8_t v[16])
{
    (void)to;
    canon_raw(out, v, 16);
}

static void canon_date(struct mr_buf *out, const struct mr_coltype *to, int32_t unix_days)
{
    (void)to;
    canon_i64(out, unix_days);
}

static void canon_time(struct mr_buf *out, const struct mr_coltype *to, int64_t us)
{
    (void)to;
    canon_i64(out, us);
}

/* As Unix time, which the form had first. What it cannot hold gets a form of another length, so
 * that no instant is ever equal to an infinity. */
static void canon_timestamp(struct mr_buf *out, const struct mr_coltype *to, int64_t ts)
{
    int64_t unix_us;
    (void)to;
    if (ts == INT64_MAX || ts == INT64_MIN) {
        canon_i64(out, ts);
    } else if (!__builtin_add_overflow(ts, MR_TS_EPOCH_US, &unix_us) && unix_us != INT64_MAX) {
        canon_i64(out, unix_us);
    } else {
        mr_buf_u32(out, 16);
        mr_buf_u64(out, 0);
        mr_buf_u64(out, (uint64_t)ts);
    }
}

static void canon_timetz(struct mr_buf *out, const struct mr_coltype *to, int64_t us,
                         int32_t east_s)
{
    (void)to;
    mr_buf_u32(out, 12);
    mr_buf_u64(out, (uint64_t)us);
    mr_buf_u32(out, (uint32_t)east_s);
}

/* The server holds intervals equal by their length, with months of 30 days and days of 24 hours.
 * Source: PostgreSQL, interval_cmp_value(). */
static void canon_interval(struct mr_buf *out, const struct mr_coltype *to,
                           const struct mr_interval *v)
{
    (void)to;
    int64_t days = (int64_t)v->months * 30 + v->days + v->us / INT64_C(86400000000);
    int64_t rest = v->us % INT64_C(86400000000);
    if (rest < 0) {
        rest += INT64_C(86400000000);
        days -= 1;
    }
    mr_buf_u32(out, 16);
    mr_buf_u64(out, (uint64_t)days);
    mr_buf_u64(out, (uint64_t)rest);
}

static void canon_bits(struct mr_buf *out, const struct mr_coltype *to, const uint8_t *v,
                       uint32_t n_bits)
{
    (void)to;
    uint32_t len = n_bits / 8 + (n_bits % 8 != 0 ? 1 : 0);
    mr_buf_u32(out, 4 + len);
    mr_buf_u32(out, n_bits);
    mr_buf_add(out, v, len);
}

static void canon_reals(struct mr_buf *out, const double *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        double one = v[i] == 0 ? 0 : v[i];
        uint64_t bits;
        memcpy(&bits, &one, sizeof bits);
        mr_buf_u64(out, bits);
    }
}

static void canon_figure(struct mr_buf *out, const struct mr_coltype *to, const struct mr_figure *v)
{
    (void)to;
    mr_buf_u32(out, 1 + 8 * v->n);
    mr_buf_byte(out, v->closed ? 1 : 0);
    canon_reals(out, v->v, v->n);
}

static void canon_vector(struct mr_buf *out, const struct mr_coltype *to, const struct mr_vector *v)
{
    (void)to;
    mr_buf_u32(out, 4 + (v->idx != NULL ? 12 : 8) * v->n);
    mr_buf_u32(out, (uint32_t)v->dim);
    for (uint32_t i = 0; v->idx != NULL && i < v->n; i++)
        mr_buf_u32(out, (uint32_t)v->idx[i]);
    for (uint32_t i = 0; i < v->n; i++) {
        double stored = (double)(float)v->v[i];
        canon_reals(out, &stored, 1);
    }
}

static void canon_pairs(struct mr_buf *out, const struct mr_coltype *to, const struct mr_pairs *v)
{
    (void)to;
    size_t at = out->len;
    mr_buf_u32(out, 0);
    for (uint32_t i = 0; i < v->n; i++) {
        struct mr_slice key = mr_pair_key(v, i);
        struct mr_slice value = mr_pair_value(v, i);
        canon_raw(out, key.data, key.len);
        if (value.data == NULL)
            mr_buf_u32(out, UINT32_MAX);
        else
            canon_raw(out, value.data, value.len);
    }
    mr_buf_patch_u32(out, at, (uint32_t)(out->len - at - 4));
}

static size_t canon_array_begin(struct mr_buf *out, const struct mr_coltype *to, uint32_t n_items,
                                bool has_null)
{
    (void)to;
    (void)has_null;
    size_t at = out->len;
    mr_buf_u32(out, 0);
    mr_buf_u32(out, n_items);
    return at;
}

static size_t canon_matrix_begin(struct mr_buf *out, const struct mr_coltype *to,
                                 const struct mr_dims *dims, bool has_null)
{
    (void)to;
    (void)has_null;
    size_t at = out->len;
    mr_buf_u32(out, 0);
    for (uint32_t i = 0; i < dims->n; i++)
        mr_buf_u32(out, dims->len[i]);
    return at;
}

static void canon_array_null(struct mr_buf *out, const struct mr_coltype *elem)
{
    (void)elem;
    mr_buf_u32(out, UINT32_MAX);
}

static void canon_array_end(struct mr_buf *out, const struct mr_coltype *to, size_t at)
{
    (void)to;
    mr_buf_patch_u32(out, at, (uint32_t)(out->len - at - 4));
}

const struct mr_emit_ops mr_canon = {
    .name = "canon",
    .boolean = canon_boolean,
    .integer = canon_integer,
    .real = canon_real,
    .numeric = canon_numeric,
    .text = canon_text,
    .bytes = canon_bytes,
    .uuid = canon_uuid,
    .date = canon_date,
    .time = canon_time,
    .timetz = canon_timetz,
    .timestamp = canon_timestamp,
    .interval = canon_interval,
    .bits = canon_bits,
    .figure = canon_figure,
    .vector = canon_vector,
    .pairs = canon_pairs,
    .array_begin = canon_array_begin,
    .matrix_begin = canon_matrix_begin,
    .array_null = canon_array_null,
    .array_end = canon_array_end,
};
