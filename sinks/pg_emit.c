/* Values as PostgreSQL's binary COPY has them (contract.md section 5). Values were checked by the
 * plan; nothing is refused here. Must not know tables or connections. Sources: PostgreSQL manual,
 * COPY, "Binary Format"; src/backend/utils/adt, the *_recv functions. */
#include <string.h>

#include "schemas/emit.h"
#include "sinks/pg.h"

#include "base/ban.h"

enum { PG_EPOCH_DAYS = 10957 };

/* The length word and `len` bytes of room behind it; NULL when memory is out. */
static uint8_t *field_room(struct mr_buf *out, uint32_t len)
{
    uint8_t *at = mr_buf_room(out, 4 + (size_t)len);
    if (at == NULL)
        return NULL;
    mr_put_u32(at, len);
    return at + 4;
}

static void put_bytes(struct mr_buf *out, const void *bytes, size_t len)
{
    uint32_t n = 0;
    if (!mr_u32_from_size(len, &n) || n > INT32_MAX) {
        out->failed = true;
        return;
    }
    uint8_t *at = field_room(out, n);
    if (at != NULL && bytes != NULL && n > 0)
        memcpy(at, bytes, n);
}

static void put_i64(struct mr_buf *out, int64_t v)
{
    uint8_t *at = field_room(out, 8);
    if (at != NULL)
        mr_put_u64(at, (uint64_t)v);
}

static void put_i32(struct mr_buf *out, int32_t v)
{
    uint8_t *at = field_room(out, 4);
    if (at != NULL)
        mr_put_u32(at, (uint32_t)v);
}

static void emit_boolean(struct mr_buf *out, const struct mr_coltype *to, bool v)
{
    (void)to;
    uint8_t *at = field_room(out, 1);
    if (at != NULL)
        at[0] = v ? 1 : 0;
}

static void emit_integer(struct mr_buf *out, const struct mr_coltype *to, int64_t v)
{
    if (to->type == MR_T_INT2) {
        uint8_t *at = field_room(out, 2);
        if (at != NULL)
            mr_put_u16(at, (uint16_t)(v & 0xffff));
    } else if (to->type == MR_T_INT4 || to->type == MR_T_OID) {
        uint8_t *at = field_room(out, 4);
        if (at != NULL)
            mr_put_u32(at, (uint32_t)(v & 0xffffffff));
    } else {
        put_i64(out, v);
    }
}

static void emit_real(struct mr_buf *out, const struct mr_coltype *to, double v)
{
    if (to->type == MR_T_FLOAT4) {
        float narrow = (float)v;
        uint32_t bits = 0;
        memcpy(&bits, &narrow, sizeof bits);
        uint8_t *at = field_room(out, 4);
        if (at != NULL)
            mr_put_u32(at, bits);
        return;
    }
    uint64_t bits = 0;
    memcpy(&bits, &v, sizeof bits);
    uint8_t *at = field_room(out, 8);
    if (at != NULL)
        mr_put_u64(at, bits);
}

/* T-N, T-70: sign words of numeric_recv(). */
static void emit_numeric(struct mr_buf *out, const struct mr_coltype *to,
                         const struct mr_numeric *v)
{
    static const uint16_t signs[] = {[MR_NUM_POS] = 0x0000,
                                     [MR_NUM_NEG] = 0x4000,
                                     [MR_NUM_NAN] = 0xC000,
                                     [MR_NUM_PINF] = 0xD000,
                                     [MR_NUM_NINF] = 0xF000};
    (void)to;
    bool finite = v->sign == MR_NUM_POS || v->sign == MR_NUM_NEG;
    uint16_t n_digits = finite ? v->n_digits : 0;
    uint16_t sign = finite && n_digits == 0 ? 0x0000 : signs[v->sign];
    int32_t weight = n_digits == 0 ? 0 : v->weight;
    uint8_t *at = field_room(out, 8 + 2 * (uint32_t)n_digits);
    if (at == NULL)
        return;
    mr_put_u16(at, n_digits);
    mr_put_u16(at + 2, (uint16_t)((uint32_t)weight & 0xffff));
    mr_put_u16(at + 4, sign);
    mr_put_u16(at + 6, finite ? v->dscale : 0);
    for (uint16_t i = 0; i < n_digits; i++)
        mr_put_u16(at + 8 + 2 * (size_t)i, (uint16_t)v->digits[i]);
}

/* T-30, T-36: jsonb and ltree have a version byte before their text; every other type is the text.
 */
static void emit_text(struct mr_buf *out, const struct mr_coltype *to, const char *v, size_t len)
{
    if (to->type != MR_T_JSONB && to->type != MR_T_LTREE) {
        put_bytes(out, v, len);
        return;
    }
    uint32_t n = 0;
    if (!mr_u32_from_size(len, &n) || n >= INT32_MAX) {
        out->failed = true;
        return;
    }
    uint8_t *at = field_room(out, n + 1);
    if (at == NULL)
        return;
    at[0] = 0x01;
    if (n > 0)
        memcpy(at + 1, v, n);
}

/* A column that is staged as text takes bytea's input form; a geometry takes hex alone (T-39). */
static void emit_bytes(struct mr_buf *out, const struct mr_coltype *to, const uint8_t *v,
                       size_t len)
{
    static const char hex[] = "0123456789abcdef";
    bool geometry = mr_is_geometry(to->type);
    size_t head = geometry ? 0 : 2;
    if (to->type != MR_T_CAST && !geometry) {
        put_bytes(out, v, len);
        return;
    }
    uint32_t n = 0;
    if (len > INT32_MAX / 2 - 2 || !mr_u32_from_size(head + 2 * len, &n)) {
        out->failed = true;
        return;
    }
    uint8_t *at = field_room(out, n);
    if (at == NULL)
        return;
    memcpy(at, "\\x", head);
    for (size_t i = 0; i < len; i++) {
        at[head + 2 * i] = (uint8_t)hex[v[i] >> 4];
        at[head + 2 * i + 1] = (uint8_t)hex[v[i] & 15];
    }
}

static void emit_uuid(struct mr_buf *out, const struct mr_coltype *to, const uint8_t v[16])
{
    (void)to;
    put_bytes(out, v, 16);
}

static void emit_date(struct mr_buf *out, const struct mr_coltype *to, int32_t unix_days)
{
    (void)to;
    bool infinite = unix_days == INT32_MAX || unix_days == INT32_MIN;
    put_i32(out, infinite ? unix_days : unix_days - PG_EPOCH_DAYS);
}

static void emit_time(struct mr_buf *out, const struct mr_coltype *to, int64_t us)
{
    (void)to;
    put_i64(out, us);
}

/* T-22: the zone goes as seconds west of UTC. */
static void emit_timetz(struct mr_buf *out, const struct mr_coltype *to, int64_t us, int32_t east_s)
{
    (void)to;
    uint8_t *at = field_room(out, 12);
    if (at == NULL)
        return;
    mr_put_u64(at, (uint64_t)us);
    mr_put_u32(at + 8, (uint32_t)-east_s);
}

/* Its epoch is the server's, its infinities too. */
static void emit_timestamp(struct mr_buf *out, const struct mr_coltype *to, int64_t ts)
{
    (void)to;
    put_i64(out, ts);
}

static void emit_interval(struct mr_buf *out, const struct mr_coltype *to,
                          const struct mr_interval *v)
{
    (void)to;
    uint8_t *at = field_room(out, 16);
    if (at == NULL)
        return;
    mr_put_u64(at, (uint64_t)v->us);
    mr_put_u32(at + 8, (uint32_t)v->days);
    mr_put_u32(at + 12, (uint32_t)v->months);
}

static void emit_bits(struct mr_buf *out, const struct mr_coltype *to, const uint8_t *v,
                      uint32_t n_bits)
{
    (void)to;
    uint32_t n_bytes = n_bits / 8 + (n_bits % 8 != 0);
    uint8_t *at = field_room(out, 4 + n_bytes);
    if (at == NULL)
        return;
    mr_put_u32(at, n_bits);
    if (n_bytes > 0)
        memcpy(at + 4, v, n_bytes);
}

/* The length of what has items, where `at` is. */
static void emit_array_end(struct mr_buf *out, const struct mr_coltype *to, size_t at)
{
    (void)to;
    uint32_t len = 0;
    if (!mr_buf_ok(out))
        return;
    if (!mr_u32_from_size(out->len - at - 4, &len) || len > INT32_MAX) {
        out->failed = true;
        return;
    }
    mr_buf_patch_u32(out, at, len);
}

static void put_real(uint8_t *at, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    mr_put_u64(at, bits);
}

/* T-40, T-41: float8s, of a path behind its form and number of points, of a polygon behind that.
 * Source: src/backend/utils/adt/geo_ops.c, the *_recv functions. */
static void emit_figure(struct mr_buf *out, const struct mr_coltype *to, const struct mr_figure *v)
{
    uint32_t head = to->type == MR_T_PATH ? 5 : to->type == MR_T_POLYGON ? 4 : 0;
    uint8_t *at = field_room(out, head + 8 * v->n);
    if (at == NULL)
        return;
    if (to->type == MR_T_PATH)
        *at++ = v->closed ? 1 : 0;
    if (head > 0) {
        mr_put_u32(at, v->n / 2);
        at += 4;
    }
    for (uint32_t i = 0; i < v->n; i++)
        put_real(at + 8 * (size_t)i, v->v[i]);
}

/* IEEE 754 binary16, rounded to the nearest, ties to even; the plan saw that it is finite. */
static uint16_t half_of(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000;
    int32_t exponent = (int32_t)(bits >> 23 & 0xff) - 127 + 15;
    uint32_t mantissa = bits & 0x7fffff;
    unsigned shift = 13;
    if (exponent <= 0) { /* below the normal range: the hidden bit moves into the digits */
        if (exponent < -10)
            return (uint16_t)sign;
        mantissa |= 0x800000;
        shift += (unsigned)(1 - exponent);
        exponent = 0;
    }
    uint32_t half = ((uint32_t)exponent << 10) + (mantissa >> shift);
    uint32_t rest = mantissa & ((UINT32_C(1) << shift) - 1);
    uint32_t middle = UINT32_C(1) << (shift - 1);
    if (rest > middle || (rest == middle && (half & 1) != 0))
        half++; /* a carry into the exponent is the next power of two */
    return (uint16_t)(sign | half);
}

/* T-44, T-45. Source: pgvector, vector_recv(), halfvec_recv(), sparsevec_recv(). */
static void emit_vector(struct mr_buf *out, const struct mr_coltype *to, const struct mr_vector *v)
{
    bool sparse = to->type == MR_T_SPARSEVEC;
    uint32_t width = to->type == MR_T_HALFVEC ? 2 : 4;
    uint8_t *at = field_room(out, (sparse ? 12 + 4 * v->n : 4) + width * v->n);
    if (at == NULL)
        return;
    if (sparse) {
        mr_put_u32(at, (uint32_t)v->dim);
        mr_put_u32(at + 4, v->n);
        mr_put_u32(at + 8, 0);
        at += 12;
        for (uint32_t i = 0; i < v->n; i++, at += 4)
            mr_put_u32(at, (uint32_t)v->idx[i]);
    } else {
        mr_put_u16(at, (uint16_t)v->dim);
        mr_put_u16(at + 2, 0);
        at += 4;
    }
    for (uint32_t i = 0; i < v->n; i++, at += width) {
        float narrow = (float)v->v[i];
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        if (width == 4)
            mr_put_u32(at, bits);
        else
            mr_put_u16(at, half_of(narrow));
    }
}

/* T-38. Source: contrib/hstore, hstore_recv(). */
static void emit_pairs(struct mr_buf *out, const struct mr_coltype *to, const struct mr_pairs *v)
{
    (void)to;
    size_t at = out->len;
    mr_buf_u32(out, 0);
    mr_buf_u32(out, v->n);
    for (uint32_t i = 0; i < v->n; i++) {
        struct mr_slice key = mr_pair_key(v, i);
        struct mr_slice value = mr_pair_value(v, i);
        put_bytes(out, key.data, key.len);
        if (value.data == NULL)
            mr_buf_u32(out, UINT32_MAX);
        else
            put_bytes(out, value.data, value.len);
    }
    emit_array_end(out, to, at);
}

/* T-60 */
static size_t emit_array_begin(struct mr_buf *out, const struct mr_coltype *to, uint32_t n_items,
                               bool has_null)
{
    size_t at = out->len;
    mr_buf_u32(out, 0); /* the length, patched by array_end */
    mr_buf_u32(out, n_items == 0 ? 0 : 1);
    mr_buf_u32(out, has_null ? 1 : 0);
    mr_buf_u32(out, to->elem_oid);
    if (n_items > 0) {
        mr_buf_u32(out, n_items);
        mr_buf_u32(out, 1); /* lower bound */
    }
    return at;
}

static size_t emit_matrix_begin(struct mr_buf *out, const struct mr_coltype *to,
                                const struct mr_dims *dims, bool has_null)
{
    size_t at = out->len;
    mr_buf_u32(out, 0);
    mr_buf_u32(out, dims->n);
    mr_buf_u32(out, has_null ? 1 : 0);
    mr_buf_u32(out, to->elem_oid);
    for (uint32_t i = 0; i < dims->n; i++) {
        mr_buf_u32(out, dims->len[i]);
        mr_buf_u32(out, 1); /* lower bound */
    }
    return at;
}

static void emit_array_null(struct mr_buf *out, const struct mr_coltype *elem)
{
    (void)elem;
    mr_buf_u32(out, UINT32_MAX);
}

const struct mr_emit_ops mr_pg_emit = {
    .name = "pg_binary",
    .boolean = emit_boolean,
    .integer = emit_integer,
    .real = emit_real,
    .numeric = emit_numeric,
    .text = emit_text,
    .bytes = emit_bytes,
    .uuid = emit_uuid,
    .date = emit_date,
    .time = emit_time,
    .timetz = emit_timetz,
    .timestamp = emit_timestamp,
    .interval = emit_interval,
    .bits = emit_bits,
    .figure = emit_figure,
    .vector = emit_vector,
    .pairs = emit_pairs,
    .array_begin = emit_array_begin,
    .matrix_begin = emit_matrix_begin,
    .array_null = emit_array_null,
    .array_end = emit_array_end,
};
