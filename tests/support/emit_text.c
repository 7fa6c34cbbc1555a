#include "tests/support/emit_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "schemas/figure.h"
#include "schemas/json_text.h"
#include "schemas/numeric.h"
#include "schemas/temporal.h"
#include "schemas/vector.h"

/* Of the matrix that is printed next. */
static struct mr_buf matrix_head = MR_BUF_INIT;

/* Where a payload begins; its length is patched in at the end. */
static size_t begin(struct mr_buf *out)
{
    size_t at = out->len;
    mr_buf_u32(out, 0);
    return at;
}

static void end(struct mr_buf *out, size_t at)
{
    mr_buf_patch_u32(out, at, (uint32_t)(out->len - at - 4));
}

static void put(struct mr_buf *out, const void *bytes, size_t len)
{
    size_t at = begin(out);
    mr_buf_add(out, bytes, len);
    end(out, at);
}

static void text_boolean(struct mr_buf *out, const struct mr_coltype *to, bool v)
{
    (void)to;
    put(out, v ? "true" : "false", v ? 4 : 5);
}

static void text_integer(struct mr_buf *out, const struct mr_coltype *to, int64_t v)
{
    (void)to;
    size_t at = begin(out);
    mr_json_text_integer(out, v);
    end(out, at);
}

static void text_real(struct mr_buf *out, const struct mr_coltype *to, double v)
{
    size_t at = begin(out);
    mr_json_text_real(out, v, to->type == MR_T_FLOAT4, false);
    end(out, at);
}

static void text_numeric(struct mr_buf *out, const struct mr_coltype *to,
                         const struct mr_numeric *v)
{
    (void)to;
    size_t at = begin(out);
    mr_numeric_print(v, out);
    end(out, at);
}

static void text_text(struct mr_buf *out, const struct mr_coltype *to, const char *v, size_t len)
{
    (void)to;
    put(out, v, len);
}

static void text_bytes(struct mr_buf *out, const struct mr_coltype *to, const uint8_t *v,
                       size_t len)
{
    (void)to;
    size_t at = begin(out);
    mr_buf_str(out, "\\x");
    for (size_t i = 0; i < len; i++)
        mr_buf_fmt(out, "%02x", v[i]);
    end(out, at);
}

static void text_uuid(struct mr_buf *out, const struct mr_coltype *to, const uint8_t v[16])
{
    (void)to;
    size_t at = begin(out);
    for (int i = 0; i < 16; i++)
        mr_buf_fmt(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", v[i]);
    end(out, at);
}

static void text_date(struct mr_buf *out, const struct mr_coltype *to, int32_t unix_days)
{
    (void)to;
    size_t at = begin(out);
    mr_print_date(out, unix_days);
    end(out, at);
}

static void text_time(struct mr_buf *out, const struct mr_coltype *to, int64_t us)
{
    (void)to;
    size_t at = begin(out);
    mr_print_time(out, us);
    end(out, at);
}

static void text_timetz(struct mr_buf *out, const struct mr_coltype *to, int64_t us, int32_t east_s)
{
    (void)to;
    size_t at = begin(out);
    mr_print_time(out, us);
    mr_print_offset(out, east_s);
    end(out, at);
}

static void text_timestamp(struct mr_buf *out, const struct mr_coltype *to, int64_t ts)
{
    size_t at = begin(out);
    mr_print_timestamp(out, ts, ' ', to->type == MR_T_TIMESTAMPTZ ? "+00" : "");
    end(out, at);
}

static void text_interval(struct mr_buf *out, const struct mr_coltype *to,
                          const struct mr_interval *v)
{
    (void)to;
    size_t at = begin(out);
    mr_print_interval(out, v);
    end(out, at);
}

static void text_bits(struct mr_buf *out, const struct mr_coltype *to, const uint8_t *v,
                      uint32_t n_bits)
{
    (void)to;
    size_t at = begin(out);
    for (uint32_t i = 0; i < n_bits; i++)
        mr_buf_byte(out, (v[i / 8] >> (7 - i % 8) & 1) != 0 ? '1' : '0');
    end(out, at);
}

static void text_figure(struct mr_buf *out, const struct mr_coltype *to, const struct mr_figure *v)
{
    size_t at = begin(out);
    mr_figure_print(out, to->type, v);
    end(out, at);
}

static void text_vector(struct mr_buf *out, const struct mr_coltype *to, const struct mr_vector *v)
{
    (void)to;
    size_t at = begin(out);
    mr_vector_print(out, v);
    end(out, at);
}

static void text_pairs(struct mr_buf *out, const struct mr_coltype *to, const struct mr_pairs *v)
{
    (void)to;
    size_t at = begin(out);
    mr_pairs_print(out, v);
    end(out, at);
}

/* Items are framed values, as in PostgreSQL; read back by the printer. */
static size_t text_array_begin(struct mr_buf *out, const struct mr_coltype *to, uint32_t n_items,
                               bool has_null)
{
    (void)to;
    size_t at = begin(out);
    mr_buf_str(out, "\x01[");
    mr_buf_u32(out, n_items);
    mr_buf_byte(out, has_null ? 'n' : '-');
    return at;
}

/* Printed flat; the head tells the lengths: "2x3:{...}". */
static size_t text_matrix_begin(struct mr_buf *out, const struct mr_coltype *to,
                                const struct mr_dims *dims, bool has_null)
{
    uint32_t n = 1;
    mr_buf_reset(&matrix_head);
    for (uint32_t i = 0; i < dims->n; i++) {
        n *= dims->len[i];
        mr_buf_fmt(&matrix_head, i + 1 < dims->n ? "%ux" : "%u:", (unsigned)dims->len[i]);
    }
    return text_array_begin(out, to, n, has_null);
}

static void text_array_null(struct mr_buf *out, const struct mr_coltype *elem)
{
    (void)elem;
    mr_buf_u32(out, UINT32_MAX);
}

static void text_array_end(struct mr_buf *out, const struct mr_coltype *to, size_t at)
{
    (void)to;
    end(out, at);
}

const struct mr_emit_ops mr_emit_text = {
    .name = "text",
    .boolean = text_boolean,
    .integer = text_integer,
    .real = text_real,
    .numeric = text_numeric,
    .text = text_text,
    .bytes = text_bytes,
    .uuid = text_uuid,
    .date = text_date,
    .time = text_time,
    .timetz = text_timetz,
    .timestamp = text_timestamp,
    .interval = text_interval,
    .bits = text_bits,
    .figure = text_figure,
    .vector = text_vector,
    .pairs = text_pairs,
    .array_begin = text_array_begin,
    .matrix_begin = text_matrix_begin,
    .array_null = text_array_null,
    .array_end = text_array_end,
};

static void print_array(struct mr_buf *out, struct mr_slice v)
{
    uint32_t n = mr_get_u32(v.data + 2);
    size_t at = 7;
    bool null = false;
    mr_buf_add(out, matrix_head.data, matrix_head.len);
    mr_buf_release(&matrix_head);
    mr_buf_byte(out, '{');
    for (uint32_t i = 0; i < n; i++) {
        uint32_t len = mr_get_u32(v.data + at);
        at += 4;
        if (i > 0)
            mr_buf_byte(out, ',');
        if (len == UINT32_MAX) {
            mr_buf_str(out, "NULL");
            null = true;
            continue;
        }
        mr_buf_add(out, v.data + at, len);
        at += len;
    }
    mr_buf_byte(out, '}');
    if (at != v.len || null != (v.data[6] == 'n'))
        mr_buf_str(out, "<the array's head is wrong>");
}

const char *mr_emit_text_tuple(struct mr_slice tuple, const uint64_t *mask)
{
    static struct mr_buf text = MR_BUF_INIT;
    uint16_t n = mr_get_u16(tuple.data);
    mr_buf_reset(&text);
    mr_buf_byte(&text, '{');
    for (uint16_t i = 0; i < n; i++) {
        struct mr_slice v;
        if (i > 0)
            mr_buf_byte(&text, ',');
        bool there = mr_tuple_field(tuple, i, &v);
        if (mask != NULL && (mask[i / 64] >> (i % 64) & 1) != 0)
            mr_buf_str(&text, there ? "<masked but not NULL>" : "~");
        else if (!there)
            mr_buf_str(&text, "NULL");
        else if (v.len >= 7 && v.data[0] == 1 && v.data[1] == '[')
            print_array(&text, v);
        else
            mr_buf_add(&text, v.data, v.len);
    }
    mr_buf_byte(&text, '}');
    return mr_buf_cstr(&text);
}
