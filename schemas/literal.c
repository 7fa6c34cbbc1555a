/* Owns the texts of values for row literals (contract.md T-47). Must not know rows. Sources:
 * PostgreSQL 15, src/backend/utils/adt: rowtypes.c record_in(), arrayfuncs.c array_in(). */
#include "schemas/literal.h"

#include <math.h>

#include "schemas/figure.h"
#include "schemas/json_text.h"
#include "schemas/numeric.h"
#include "schemas/temporal.h"
#include "schemas/vector.h"

#include "base/ban.h"

enum { LENGTH_BYTES = 4 };

static size_t value_begin(struct mr_buf *out)
{
    size_t at = out->len;
    mr_buf_u32(out, 0);
    return at;
}

static void value_end(struct mr_buf *out, size_t at)
{
    uint32_t len;
    if (!mr_buf_ok(out))
        return;
    if (mr_u32_from_size(out->len - at - LENGTH_BYTES, &len) && len <= INT32_MAX)
        mr_buf_patch_u32(out, at, len);
    else
        out->failed = true;
}

void mr_literal_quote(struct mr_buf *out, struct mr_slice text)
{
    size_t done = 0;
    mr_buf_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '"' && text.data[i] != '\\')
            continue;
        mr_buf_add(out, text.data + done, i - done);
        mr_buf_byte(out, '\\');
        done = i;
    }
    mr_buf_add(out, text.data + done, text.len - done);
    mr_buf_byte(out, '"');
}

static void put_text(struct mr_buf *out, const struct mr_coltype *to, const char *v, size_t len)
{
    (void)to;
    size_t at = value_begin(out);
    mr_buf_add(out, v, len);
    value_end(out, at);
}

static void put_boolean(struct mr_buf *out, const struct mr_coltype *to, bool v)
{
    put_text(out, to, v ? "t" : "f", 1);
}

static void put_integer(struct mr_buf *out, const struct mr_coltype *to, int64_t v)
{
    (void)to;
    size_t at = value_begin(out);
    mr_json_text_integer(out, v);
    value_end(out, at);
}

static void put_real(struct mr_buf *out, const struct mr_coltype *to, double v)
{
    size_t at = value_begin(out);
    if (isnan(v))
        mr_buf_str(out, "NaN");
    else if (isinf(v))
        mr_buf_str(out, v < 0 ? "-Infinity" : "Infinity");
    else
        mr_json_text_real(out, v, to->type == MR_T_FLOAT4, true);
    value_end(out, at);
}

static void put_numeric(struct mr_buf *out, const struct mr_coltype *to, const struct mr_numeric *v)
{
    (void)to;
    size_t at = value_begin(out);
    mr_numeric_print(v, out);
    value_end(out, at);
}

static void put_hex(struct mr_buf *out, const uint8_t *v, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *room = len <= INT32_MAX / 2 ? mr_buf_room(out, 2 * len) : NULL;
    if (room == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < len; i++) {
        room[2 * i] = (uint8_t)hex[v[i] >> 4];
        room[2 * i + 1] = (uint8_t)hex[v[i] & 15];
    }
}

/* A geometry takes hex alone. */
static void put_bytes(struct mr_buf *out, const struct mr_coltype *to, const uint8_t *v, size_t len)
{
    size_t at = value_begin(out);
    if (to->type != MR_T_GEOMETRY && to->type != MR_T_GEOGRAPHY)
        mr_buf_str(out, "\\x");
    if (len > 0)
        put_hex(out, v, len);
    value_end(out, at);
}

/* The server reads a uuid without its dashes. */
static void put_uuid(struct mr_buf *out, const struct mr_coltype *to, const uint8_t v[16])
{
    (void)to;
    size_t at = value_begin(out);
    put_hex(out, v, 16);
    value_end(out, at);
}

static void put_date(struct mr_buf *out, const struct mr_coltype *to, int32_t unix_days)
{
    (void)to;
    size_t at = value_begin(out);
    mr_print_date(out, unix_days);
    value_end(out, at);
}

static void put_time(struct mr_buf *out, const struct mr_coltype *to, int64_t us)
{
    (void)to;
    size_t at = value_begin(out);
    mr_print_time(out, us);
    value_end(out, at);
}

static void put_timetz(struct mr_buf *out, const struct mr_coltype *to, int64_t us, int32_t east_s)
{
    (void)to;
    size_t at = value_begin(out);
    mr_print_time(out, us);
    mr_print_offset(out, east_s);
    value_end(out, at);
}

static void put_timestamp(struct mr_buf *out, const struct mr_coltype *to, int64_t ts)
{
    size_t at = value_begin(out);
    mr_print_timestamp(out, ts, ' ', to->type == MR_T_TIMESTAMPTZ ? "+00" : "");
    value_end(out, at);
}

/* By its three numbers: the server carries nothing from one to the other. */
static void put_interval(struct mr_buf *out, const struct mr_coltype *to,
                         const struct mr_interval *v)
{
    (void)to;
    size_t at = value_begin(out);
    uint64_t us = v->us < 0 ? 0 - (uint64_t)v->us : (uint64_t)v->us;
    uint64_t s = us / 1000000;
    mr_buf_fmt(out, "%d mons %d days %s%llu:%02llu:%02llu.%06llu", (int)v->months, (int)v->days,
               v->us < 0 ? "-" : "", (unsigned long long)(s / 3600),
               (unsigned long long)(s / 60 % 60), (unsigned long long)(s % 60),
               (unsigned long long)(us % 1000000));
    value_end(out, at);
}

static void put_bits(struct mr_buf *out, const struct mr_coltype *to, const uint8_t *v,
                     uint32_t n_bits)
{
    (void)to;
    size_t at = value_begin(out);
    uint8_t *room = mr_buf_room(out, n_bits);
    for (uint32_t i = 0; room != NULL && i < n_bits; i++)
        room[i] = (uint8_t)('0' + (v[i / 8] >> (7 - i % 8) & 1));
    value_end(out, at);
}

static void put_figure(struct mr_buf *out, const struct mr_coltype *to, const struct mr_figure *v)
{
    size_t at = value_begin(out);
    mr_figure_print(out, to->type, v);
    value_end(out, at);
}

static void put_vector(struct mr_buf *out, const struct mr_coltype *to, const struct mr_vector *v)
{
    (void)to;
    size_t at = value_begin(out);
    mr_vector_print(out, v);
    value_end(out, at);
}

static void put_pairs(struct mr_buf *out, const struct mr_coltype *to, const struct mr_pairs *v)
{
    (void)to;
    size_t at = value_begin(out);
    mr_pairs_print(out, v);
    value_end(out, at);
}

/* Items come framed as any other value; the end makes a literal of them. A head says how they nest.
 */
static size_t matrix_begin(struct mr_buf *out, const struct mr_coltype *to,
                           const struct mr_dims *dims, bool has_null)
{
    (void)to;
    (void)has_null;
    size_t at = value_begin(out);
    mr_buf_u32(out, dims->n);
    for (uint32_t i = 0; i < dims->n; i++)
        mr_buf_u32(out, dims->len[i]);
    return at;
}

static size_t array_begin(struct mr_buf *out, const struct mr_coltype *to, uint32_t n_items,
                          bool has_null)
{
    return matrix_begin(out, to, &(struct mr_dims){.n = 1, .len = {n_items}}, has_null);
}

static void array_null(struct mr_buf *out, const struct mr_coltype *elem)
{
    (void)elem;
    mr_buf_u32(out, UINT32_MAX);
}

/* Braces that open before item number `idx`, or close behind it: one for each inner dimension of
 * which it is the first or last. */
static void braces(struct mr_buf *out, const struct mr_dims *dims, uint64_t idx, char c)
{
    uint64_t span = 1;
    for (uint32_t i = dims->n; i > 1; i--) {
        span *= dims->len[i - 1];
        if ((idx + (c == '}' ? 1 : 0)) % span == 0)
            mr_buf_byte(out, (uint8_t)c);
    }
}

static void items_print(struct mr_buf *out, const struct mr_coltype *to, size_t first,
                        const struct mr_dims *dims)
{
    size_t end = out->len;
    uint64_t idx = 0;
    mr_buf_byte(out, '{');
    for (size_t item = first; item < end && mr_buf_ok(out); idx++) {
        if (item > first)
            mr_buf_byte(out, to->elem == MR_T_BOX ? ';' : ',');
        braces(out, dims, idx, '{');
        uint32_t len = mr_buf_ok(out) ? mr_get_u32(out->data + item) : UINT32_MAX;
        item += LENGTH_BYTES;
        if (len == UINT32_MAX) {
            mr_buf_str(out, "NULL");
        } else {
            if (!mr_buf_grow(out, 2 * (size_t)len + 16)) /* it may move while it grows */
                return;
            mr_literal_quote(out, (struct mr_slice){out->data + item, len});
            item += len;
        }
        braces(out, dims, idx, '}');
    }
    mr_buf_byte(out, '}');
}

static void array_end(struct mr_buf *out, const struct mr_coltype *to, size_t at)
{
    if (!mr_buf_ok(out))
        return;
    size_t begin = at + LENGTH_BYTES;
    struct mr_dims dims = {.n = mr_get_u32(out->data + begin)};
    for (uint32_t i = 0; i < dims.n; i++)
        dims.len[i] = mr_get_u32(out->data + begin + 4 * ((size_t)i + 1));
    size_t end = out->len;
    items_print(out, to, begin + 4 * ((size_t)dims.n + 1), &dims);
    if (!mr_buf_ok(out))
        return;
    memmove(out->data + begin, out->data + end, out->len - end);
    out->len -= end - begin;
    value_end(out, at);
}

const struct mr_emit_ops mr_literal_emit = {
    .name = "literal",
    .boolean = put_boolean,
    .integer = put_integer,
    .real = put_real,
    .numeric = put_numeric,
    .text = put_text,
    .bytes = put_bytes,
    .uuid = put_uuid,
    .date = put_date,
    .time = put_time,
    .timetz = put_timetz,
    .timestamp = put_timestamp,
    .interval = put_interval,
    .bits = put_bits,
    .figure = put_figure,
    .vector = put_vector,
    .pairs = put_pairs,
    .array_begin = array_begin,
    .matrix_begin = matrix_begin,
    .array_null = array_null,
    .array_end = array_end,
};
