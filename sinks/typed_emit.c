/* Owns the payload of typed tuples. Must not touch a target. Invariants: text and blob payloads can
 * be bound as they lie in the tuple, without a copy; an array is one JSON text. NaN of a float is
 * refused by the plan where the target cannot hold it (L-02), since an emitter cannot refuse. */
#include "sinks/typed_emit.h"

#include "schemas/figure.h"
#include "schemas/json_text.h"
#include "schemas/numeric.h"
#include "schemas/temporal.h"
#include "schemas/vector.h"

#include "base/ban.h"

enum { LENGTH_BYTES = 4, MATRIX_HEAD = 'm' };
#define US_PER_HOUR UINT64_C(3600000000)

static size_t value_begin(struct mr_buf *out, int form)
{
    size_t at = out->len;
    uint8_t *room = mr_buf_room(out, LENGTH_BYTES + 1);
    if (room != NULL)
        room[LENGTH_BYTES] = (uint8_t)form;
    return at;
}

static void value_end(struct mr_buf *out, size_t at)
{
    if (mr_buf_ok(out))
        mr_buf_patch_u32(out, at, (uint32_t)(out->len - at - LENGTH_BYTES));
}

static void emit_integer(struct mr_buf *out, const struct mr_coltype *to, int64_t v)
{
    (void)to;
    uint8_t *at = mr_buf_room(out, LENGTH_BYTES + 1 + sizeof v);
    if (at == NULL)
        return;
    mr_put_u32(at, 1 + sizeof v);
    at[LENGTH_BYTES] = MR_TYPED_INTEGER;
    mr_put_u64(at + LENGTH_BYTES + 1, (uint64_t)v);
}

static void emit_boolean(struct mr_buf *out, const struct mr_coltype *to, bool v)
{
    emit_integer(out, to, v ? 1 : 0);
}

static void emit_real(struct mr_buf *out, const struct mr_coltype *to, double v)
{
    (void)to;
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint8_t *at = mr_buf_room(out, LENGTH_BYTES + 1 + sizeof bits);
    if (at == NULL)
        return;
    mr_put_u32(at, 1 + sizeof bits);
    at[LENGTH_BYTES] = MR_TYPED_REAL;
    mr_put_u64(at + LENGTH_BYTES + 1, bits);
}

static void emit_numeric(struct mr_buf *out, const struct mr_coltype *to,
                         const struct mr_numeric *v)
{
    (void)to;
    size_t at = value_begin(out, MR_TYPED_TEXT);
    mr_numeric_print(v, out);
    value_end(out, at);
}

static void emit_text(struct mr_buf *out, const struct mr_coltype *to, const char *v, size_t len)
{
    (void)to;
    size_t at = value_begin(out, MR_TYPED_TEXT);
    mr_buf_add(out, v, len);
    value_end(out, at);
}

static void emit_bytes(struct mr_buf *out, const struct mr_coltype *to, const uint8_t *v,
                       size_t len)
{
    (void)to;
    size_t at = value_begin(out, MR_TYPED_BLOB);
    mr_buf_add(out, v, len);
    value_end(out, at);
}

static void emit_uuid(struct mr_buf *out, const struct mr_coltype *to, const uint8_t v[16])
{
    (void)to;
    size_t at = value_begin(out, MR_TYPED_TEXT);
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            mr_buf_byte(out, '-');
        mr_buf_byte(out, (uint8_t)hex[v[i] >> 4]);
        mr_buf_byte(out, (uint8_t)hex[v[i] & 15]);
    }
    value_end(out, at);
}

static void emit_date(struct mr_buf *out, const struct mr_coltype *to, int32_t unix_days)
{
    (void)to;
    size_t at = value_begin(out, MR_TYPED_TEXT);
    mr_print_date(out, unix_days);
    value_end(out, at);
}

static void emit_time(struct mr_buf *out, const struct mr_coltype *to, int64_t us)
{
    (void)to;
    size_t at = value_begin(out, MR_TYPED_TEXT);
    mr_print_time(out, us);
    value_end(out, at);
}

static void emit_timetz(struct mr_buf *out, const struct mr_coltype *to, int64_t us, int32_t east_s)
{
    (void)to;
    size_t at = value_begin(out, MR_TYPED_TEXT);
    mr_print_time(out, us);
    mr_print_offset(out, east_s);
    value_end(out, at);
}

static void emit_timestamp(struct mr_buf *out, const struct mr_coltype *to, int64_t ts)
{
    size_t at = value_begin(out, MR_TYPED_TEXT);
    mr_print_timestamp(out, ts, ' ', to->type == MR_T_TIMESTAMPTZ ? "+00" : "");
    value_end(out, at);
}

/* A part of an interval; nothing for 0. Behind a negative part a positive one shows its sign. */
static void interval_part(struct mr_buf *out, size_t begin, int v, const char *unit,
                          bool *after_minus)
{
    if (v == 0)
        return;
    mr_buf_fmt(out, "%s%s%d %s%s", out->len > begin ? " " : "", *after_minus && v > 0 ? "+" : "", v,
               unit, v != 1 ? "s" : "");
    *after_minus = v < 0;
}

/* 1 year 2 mons 3 days 04:05:06.78, IntervalStyle postgres.
 * Source: PostgreSQL 15, src/backend/utils/adt/datetime.c, EncodeInterval. */
static void interval_print(struct mr_buf *out, const struct mr_interval *v)
{
    size_t begin = out->len;
    bool after_minus = false;
    interval_part(out, begin, v->months / 12, "year", &after_minus);
    interval_part(out, begin, v->months % 12, "mon", &after_minus);
    interval_part(out, begin, v->days, "day", &after_minus);
    if (v->us == 0 && out->len > begin)
        return;
    if (out->len > begin)
        mr_buf_byte(out, ' ');
    if (v->us < 0)
        mr_buf_byte(out, '-');
    else if (after_minus)
        mr_buf_byte(out, '+');
    uint64_t us = v->us < 0 ? 0 - (uint64_t)v->us : (uint64_t)v->us;
    /* The hours can be more than an int: they are written here, the rest as any time of day. */
    uint64_t hours = us / US_PER_HOUR;
    mr_buf_fmt(out, "%02llu", (unsigned long long)hours);
    size_t at = out->len;
    mr_print_time(out, (int64_t)(us % US_PER_HOUR));
    if (!mr_buf_ok(out))
        return;
    memmove(out->data + at, out->data + at + 2, out->len - at - 2);
    out->len -= 2;
}

static void emit_interval(struct mr_buf *out, const struct mr_coltype *to,
                          const struct mr_interval *v)
{
    (void)to;
    size_t at = value_begin(out, MR_TYPED_TEXT);
    interval_print(out, v);
    value_end(out, at);
}

static void emit_bits(struct mr_buf *out, const struct mr_coltype *to, const uint8_t *v,
                      uint32_t n_bits)
{
    (void)to;
    size_t at = value_begin(out, MR_TYPED_TEXT);
    uint8_t *room = mr_buf_room(out, n_bits);
    for (uint32_t i = 0; room != NULL && i < n_bits; i++)
        room[i] = (uint8_t)('0' + (v[i / 8] >> (7 - i % 8) & 1));
    value_end(out, at);
}

static void emit_figure(struct mr_buf *out, const struct mr_coltype *to, const struct mr_figure *v)
{
    size_t at = value_begin(out, MR_TYPED_TEXT);
    mr_figure_print(out, to->type, v);
    value_end(out, at);
}

/* As their extensions print them; targets without these types declare others (T-44). */
static void emit_vector(struct mr_buf *out, const struct mr_coltype *to, const struct mr_vector *v)
{
    (void)to;
    size_t at = value_begin(out, MR_TYPED_TEXT);
    mr_vector_print(out, v);
    value_end(out, at);
}

static void emit_pairs(struct mr_buf *out, const struct mr_coltype *to, const struct mr_pairs *v)
{
    (void)to;
    size_t at = value_begin(out, MR_TYPED_TEXT);
    mr_pairs_print(out, v);
    value_end(out, at);
}

/* Items come in the framing of any other value, since they are emitted by the same functions; the
 * end turns them into JSON. */
static size_t emit_array_begin(struct mr_buf *out, const struct mr_coltype *to, uint32_t n_items,
                               bool has_null)
{
    (void)to;
    (void)n_items;
    (void)has_null;
    return value_begin(out, MR_TYPED_TEXT);
}

/* The head says how the items nest, until the end makes JSON of them. */
static size_t emit_matrix_begin(struct mr_buf *out, const struct mr_coltype *to,
                                const struct mr_dims *dims, bool has_null)
{
    (void)to;
    (void)has_null;
    size_t at = value_begin(out, MATRIX_HEAD);
    mr_buf_byte(out, (uint8_t)dims->n);
    for (uint32_t i = 0; i < dims->n; i++)
        mr_buf_u32(out, dims->len[i]);
    return at;
}

static void emit_array_null(struct mr_buf *out, const struct mr_coltype *elem)
{
    (void)elem;
    mr_buf_u32(out, UINT32_MAX);
}

void mr_typed_json(struct mr_buf *out, enum mr_type type, struct mr_slice payload)
{
    struct mr_slice value = {payload.data + 1, payload.len - 1};
    double real;
    uint64_t bits;

    switch ((enum mr_typed_form)payload.data[0]) {
    case MR_TYPED_INTEGER:
        bits = mr_get_u64(value.data);
        if (type == MR_T_BOOL)
            mr_buf_str(out, bits != 0 ? "true" : "false");
        else
            mr_json_text_integer(out, (int64_t)bits);
        break;
    case MR_TYPED_REAL:
        bits = mr_get_u64(value.data);
        memcpy(&real, &bits, sizeof real);
        mr_json_text_real(out, real, type == MR_T_FLOAT4, true);
        break;
    case MR_TYPED_BLOB:
        mr_json_text_base64(out, value);
        break;
    case MR_TYPED_TEXT:
    default:
        /* A numeric is a JSON number unless NaN or infinite; JSON stands as it is. */
        if ((type == MR_T_NUMERIC && value.data[value.len - 1] <= '9') || type == MR_T_JSON ||
            type == MR_T_JSONB || type == MR_T_ARRAY)
            mr_buf_add(out, value.data, value.len);
        else
            mr_json_text_string(out, value);
        break;
    }
}

/* The items' nesting: of one dimension unless a matrix's head says more. */
static void dims_of(const struct mr_buf *out, size_t at, size_t *first, struct mr_dims *dims)
{
    *first = at + LENGTH_BYTES + 1;
    *dims = (struct mr_dims){.n = 1};
    if (out->data[at + LENGTH_BYTES] != MATRIX_HEAD)
        return;
    dims->n = out->data[*first];
    *first += 1;
    for (uint32_t i = 0; i < dims->n; i++, *first += 4)
        dims->len[i] = mr_get_u32(out->data + *first);
}

/* Brackets that open before item number `idx`, or close behind it: one for each inner dimension of
 * which it is the first or last. */
static void brackets(struct mr_buf *out, const struct mr_dims *dims, uint64_t idx, char c)
{
    uint64_t span = 1;
    for (uint32_t i = dims->n; i > 1; i--) {
        span *= dims->len[i - 1];
        if ((idx + (c == ']' ? 1 : 0)) % span == 0)
            mr_buf_byte(out, (uint8_t)c);
    }
}

static void emit_array_end(struct mr_buf *out, const struct mr_coltype *to, size_t at)
{
    if (!mr_buf_ok(out))
        return;
    size_t first;
    struct mr_dims dims;
    dims_of(out, at, &first, &dims);
    size_t end = out->len;
    uint64_t idx = 0;
    mr_buf_byte(out, '[');
    for (size_t item = first; item < end && mr_buf_ok(out); idx++) {
        if (item > first)
            mr_buf_byte(out, ',');
        brackets(out, &dims, idx, '[');
        uint32_t len = mr_buf_ok(out) ? mr_get_u32(out->data + item) : UINT32_MAX;
        item += LENGTH_BYTES;
        if (len == UINT32_MAX) {
            mr_buf_add(out, "null", 4);
        } else {
            /* The buffer may move while it grows: room for the worst case first (6 bytes for one).
             */
            if (!mr_buf_grow(out, (size_t)len * 6 + 64))
                return;
            mr_typed_json(out, to->elem, (struct mr_slice){out->data + item, len});
            item += len;
        }
        brackets(out, &dims, idx, ']');
    }
    mr_buf_byte(out, ']');
    if (!mr_buf_ok(out))
        return;
    out->data[at + LENGTH_BYTES] = MR_TYPED_TEXT;
    size_t begin = at + LENGTH_BYTES + 1;
    memmove(out->data + begin, out->data + end, out->len - end);
    out->len -= end - begin;
    value_end(out, at);
}

/* What both tables hold. */
#define TYPED_FUNCTIONS                                                                            \
    .boolean = emit_boolean, .integer = emit_integer, .real = emit_real, .numeric = emit_numeric,  \
    .text = emit_text, .bytes = emit_bytes, .uuid = emit_uuid, .date = emit_date,                  \
    .time = emit_time, .timetz = emit_timetz, .timestamp = emit_timestamp,                         \
    .interval = emit_interval, .bits = emit_bits, .figure = emit_figure, .vector = emit_vector,    \
    .pairs = emit_pairs, .array_begin = emit_array_begin, .matrix_begin = emit_matrix_begin,       \
    .array_null = emit_array_null, .array_end = emit_array_end

const struct mr_emit_ops mr_typed_emit = {.name = "typed", TYPED_FUNCTIONS};
const struct mr_emit_ops mr_typed_emit_no_nan = {
    .name = "typed_no_nan", .no_nan = true, TYPED_FUNCTIONS};
