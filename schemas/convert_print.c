/* Owns values as text and as JSON leaves (contract.md S-21, X-10), and the screening of text that
 * came off the wire (T-06, X-09). */
#include <strings.h>

#include "schemas/convert_write.h"
#include "schemas/figure.h"
#include "schemas/json_text.h"

#include "base/ban.h"

enum { TEXT_MAX_BYTES = 1024 * 1024 * 1024 - 1024 }; /* T-06 */

static void uuid_print(struct mr_buf *out, const uint8_t uuid[16])
{
    static const char hex[] = "0123456789abcdef";
    for (unsigned i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            mr_buf_byte(out, '-');
        mr_buf_byte(out, (uint8_t)hex[uuid[i] >> 4]);
        mr_buf_byte(out, (uint8_t)hex[uuid[i] & 15]);
    }
}

static void bits_print(struct mr_buf *out, const struct mr_value *v)
{
    for (uint32_t i = 0; i < v->n_bits; i++)
        mr_buf_byte(out, (v->s.data[i / 8] >> (7 - i % 8) & 1) != 0 ? '1' : '0');
}

/* `json`: T between date and time, minutes in the offset; both as PostgreSQL does it. */
static void moment_print(enum mr_family family, const struct mr_value *v, bool json,
                         struct mr_buf *out)
{
    switch ((int)family) {
    case MR_FAM_DATE:
        mr_print_date(out, (int32_t)v->i);
        break;
    case MR_FAM_TIMETZ:
        mr_print_time(out, v->i);
        mr_print_offset(out, v->east_s);
        break;
    case MR_FAM_TIMESTAMP:
        mr_print_timestamp(out, v->i, json ? 'T' : ' ', "");
        break;
    case MR_FAM_INSTANT:
        mr_print_timestamp(out, v->i, json ? 'T' : ' ', json ? "+00:00" : "+00");
        break;
    case MR_FAM_INTERVAL:
        mr_print_interval(out, &v->interval);
        break;
    default:
        mr_print_time(out, v->i);
        break;
    }
}

static void value_print(enum mr_family family, const struct mr_convert *c, const struct mr_value *v,
                        bool json, struct mr_buf *out)
{
    switch ((int)family) {
    case MR_FAM_BOOLEAN:
        mr_buf_str(out, v->i != 0 ? "true" : "false");
        break;
    case MR_FAM_INTEGER:
        mr_json_text_integer(out, v->i);
        break;
    case MR_FAM_REAL:
        mr_json_text_real(out, v->d, c->semantic == MR_SEM_FLOAT, false);
        break;
    case MR_FAM_NUMERIC:
        mr_numeric_print(&v->num, out);
        break;
    case MR_FAM_UUID:
        uuid_print(out, v->uuid);
        break;
    case MR_FAM_BITS:
        bits_print(out, v);
        break;
    case MR_FAM_GEOMETRY:
        mr_geometry_print(out, c, v);
        break;
    case MR_FAM_CIRCLE:
    case MR_FAM_LINE:
        mr_figure_print(out, family == MR_FAM_LINE ? MR_T_LINE : MR_T_CIRCLE, &v->figure);
        break;
    case MR_FAM_TEXT:
    case MR_FAM_DOCUMENT:
        mr_buf_add(out, v->s.data, v->s.len);
        break;
    default:
        moment_print(family, v, json, out);
        break;
    }
}

void mr_convert_text(enum mr_family family, const struct mr_convert *c, const struct mr_value *v,
                     struct mr_buf *out)
{
    value_print(family, c, v, false, out);
}

/* T-31: U+0000 inside a document. */
static int screen_leaf(struct mr_convert_run *run, struct mr_slice *text)
{
    if (!mr_utf8_valid(text->data, text->len))
        return mr_err_set(run->err, MR_VALUE_UTF8, "a nested string");
    if (text->len == 0 || memchr(text->data, 0, text->len) == NULL)
        return 0;
    if (run->text_nul != MR_TEXT_NUL_POISON)
        return mr_convert_screen(run, text);
    return run->for_jsonb ? mr_err_set(run->err, MR_VALUE_JSON_NUL, "a nested string") : 0;
}

int mr_convert_json(struct mr_convert_run *run, enum mr_family family, const struct mr_convert *c,
                    const struct mr_value *v, struct mr_buf *out)
{
    struct mr_slice text = v->s;
    bool bare = family == MR_FAM_BOOLEAN || family == MR_FAM_INTEGER || family == MR_FAM_DOCUMENT ||
                (family == MR_FAM_NUMERIC && v->num.sign <= MR_NUM_NEG);
    if (family == MR_FAM_REAL) {
        mr_json_text_real(out, v->d, c->semantic == MR_SEM_FLOAT, true);
    } else if (family == MR_FAM_BYTES) {
        mr_json_text_base64(out, text);
    } else if (family == MR_FAM_TEXT) {
        int rc = screen_leaf(run, &text);
        if (rc < 0)
            return rc;
        mr_json_text_string(out, text);
    } else if (family == MR_FAM_TIME && mr_convert_day(run, v->i) < 0) {
        return -MR_VALUE_OUT_OF_RANGE;
    } else if (bare) {
        value_print(family, c, v, true, out);
    } else {
        mr_buf_byte(out, '"');
        value_print(family, c, v, true, out);
        mr_buf_byte(out, '"');
    }
    return 0;
}

int mr_convert_screen(struct mr_convert_run *run, struct mr_slice *text)
{
    if (!mr_utf8_valid(text->data, text->len))
        return mr_err_set(run->err, MR_VALUE_UTF8, "%zu bytes", text->len);
    if (text->len > TEXT_MAX_BYTES)
        return mr_err_set(run->err, MR_VALUE_TOO_LARGE, "%zu bytes", text->len);
    if (text->len == 0 || memchr(text->data, 0, text->len) == NULL)
        return 0;
    if (run->text_nul == MR_TEXT_NUL_POISON)
        return mr_err_set(run->err, MR_VALUE_NUL, "%zu bytes", text->len);
    mr_buf_reset(&run->more);
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] != 0)
            mr_buf_byte(&run->more, text->data[i]);
        else if (run->text_nul == MR_TEXT_NUL_REPLACE)
            mr_buf_add(&run->more, "\xef\xbf\xbd", 3); /* U+FFFD */
    }
    if (!mr_buf_ok(&run->more))
        return mr_err_set(run->err, MR_VALUE_TOO_LARGE, "%zu bytes", text->len);
    /* what was nothing but U+0000 is empty, not absent */
    *text = (struct mr_slice){run->more.len > 0 ? run->more.data : text->data, run->more.len};
    return 0;
}

/* More digits behind the point than a cast would keep; what else stands in the text is not known.
 */
static int cast_scale(struct mr_convert_run *run, const struct mr_coltype *to, struct mr_slice text)
{
    const uint8_t *end = text.data + text.len;
    const uint8_t *at = text.len > 0 ? memchr(text.data, '.', text.len) : NULL;
    if (at == NULL || to->precision < 0 || run->excess_scale_round)
        return 0;
    at++;
    for (int32_t i = 0; at < end && *at >= '0' && *at <= '9'; i++, at++) {
        if (i >= to->scale && *at != '0')
            return mr_err_set(run->err, MR_NUMERIC_EXCESS_SCALE, "%d digits behind the point fit",
                              (int)to->scale);
    }
    return 0;
}

static int cast_too_long(struct mr_convert_run *run, size_t len, size_t most)
{
    return mr_err_set(run->err, MR_VALUE_TOO_LONG, "%zu bytes, %zu fit", len, most);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Bytes of an item as the server reads it: blanks around it, quotes and backslashes are none of
 * its, and NULL has none. Source: PostgreSQL, arrayfuncs.c, ReadArrayStr(). */
static size_t item_bytes(struct mr_slice item)
{
    size_t first = 0;
    size_t len = 0;
    size_t kept = 0; /* without the blanks behind it */
    bool quoted = false;
    bool plain = true;
    while (first < item.len && is_blank(item.data[first]))
        first++;
    for (size_t i = first; i < item.len; i++) {
        bool quote = item.data[i] == '"';
        bool escape = item.data[i] == '\\' && i + 1 < item.len;
        plain = plain && !quote && !escape;
        quoted = quote ? !quoted : quoted;
        i += escape;
        len += !quote;
        if (quoted || quote || escape || !is_blank(item.data[i]))
            kept = len;
    }
    bool null = plain && kept == 4 && strncasecmp((const char *)item.data + first, "NULL", 4) == 0;
    return null ? 0 : kept;
}

static int cast_item(struct mr_convert_run *run, const struct mr_coltype *to, struct mr_slice item)
{
    size_t most = to->length >= 0 ? (size_t)to->length : SIZE_MAX;
    size_t len = item_bytes(item);
    return len > most ? cast_too_long(run, len, most) : cast_scale(run, to, item);
}

/* Where the items of an array literal begin: behind its bounds, `[0:1]={a,b}`. */
static size_t items_begin(struct mr_slice text)
{
    size_t at = 0;
    while (at < text.len && is_blank(text.data[at]))
        at++;
    const uint8_t *brace =
        at < text.len && text.data[at] == '[' ? memchr(text.data, '{', text.len) : NULL;
    return brace != NULL ? (size_t)(brace - text.data) : 0;
}

/* The same of each item of an array literal. */
static int cast_items(struct mr_convert_run *run, const struct mr_coltype *to, struct mr_slice text)
{
    size_t first = items_begin(text);
    bool quoted = false;
    for (size_t i = first; i < text.len; i++) {
        uint8_t c = text.data[i];
        i += c == '\\';
        quoted = c == '"' ? !quoted : quoted;
        if (quoted || (c != '{' && c != '}' && c != ','))
            continue;
        int rc = cast_item(run, to, (struct mr_slice){text.data + first, i - first});
        if (rc < 0)
            return rc;
        first = i + 1;
    }
    return first < text.len
               ? cast_item(run, to, (struct mr_slice){text.data + first, text.len - first})
               : 0;
}

int mr_convert_length(struct mr_convert_run *run, const struct mr_coltype *to,
                      struct mr_slice *text)
{
    if (to->type == MR_T_CAST && to->elem != MR_T_NONE)
        return cast_items(run, to, *text);
    size_t most = to->length >= 0 ? (size_t)to->length : SIZE_MAX;
    size_t n = 0;
    if (text->len <= most)
        return to->type == MR_T_CAST ? cast_scale(run, to, *text) : 0;
    if (to->type == MR_T_CAST)
        return cast_too_long(run, text->len, most);
    for (size_t i = 0; i < text->len; i++) {
        if ((text->data[i] & 0xc0) == 0x80 || n++ < most)
            continue;
        /* The first character too many: what follows may only be blanks, which the server cuts. */
        for (size_t k = i; k < text->len; k++) {
            if (text->data[k] != ' ')
                return mr_err_set(run->err, MR_VALUE_TOO_LONG, "%zu bytes into %s(%d)", text->len,
                                  mr_type_name(to->type), (int)to->length);
        }
        text->len = i;
    }
    return 0;
}

/* Emits text that we made ourselves: valid, without U+0000. */
static int emit_text(struct mr_convert_run *run, const struct mr_convert *c, struct mr_slice text)
{
    int rc = 0;
    if (c->to.type == MR_T_VARCHAR || c->to.type == MR_T_BPCHAR || c->to.type == MR_T_CAST)
        rc = mr_convert_length(run, &c->to, &text);
    if (rc == 0)
        run->emit->text(run->out, &c->to, (const char *)text.data, text.len);
    return rc;
}

int mr_write_document(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    return emit_text(run, c, v->s);
}

int mr_write_printed(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    enum mr_family family = mr_convert_family(c->semantic);
    mr_buf_reset(&run->more);
    mr_convert_text(family, c, v, &run->more);
    return emit_text(run, c, (struct mr_slice){run->more.data, run->more.len});
}

int mr_write_json(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    enum mr_family family = mr_convert_family(c->semantic);
    mr_buf_reset(&run->more);
    int rc = mr_convert_json(run, family, c, v, &run->more);
    struct mr_slice text = {run->more.data, run->more.len};
    if (rc == 0)
        rc = mr_convert_as_number(run, c, text);
    return rc < 0 ? rc : emit_text(run, c, text);
}

int mr_convert_literal(struct mr_convert_run *run, const struct mr_convert *c,
                       const struct mr_value *v, struct mr_buf *out)
{
    enum mr_family family = mr_convert_family(c->semantic);
    struct mr_slice text = v->s;
    int rc = 0;
    if (family == MR_FAM_TEXT) {
        rc = mr_convert_screen(run, &text);
    } else {
        mr_buf_reset(&run->more);
        mr_convert_text(family, c, v, &run->more);
        text = (struct mr_slice){run->more.data, run->more.len};
    }
    if (rc == 0)
        rc = mr_convert_length(run, &c->to, &text);
    mr_buf_byte(out, '"');
    for (size_t i = 0; rc == 0 && i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            mr_buf_byte(out, '\\');
        mr_buf_byte(out, text.data[i]);
    }
    mr_buf_byte(out, '"');
    return rc;
}
