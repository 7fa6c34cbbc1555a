/* Owns strings into columns of other types (contract.md, T-10, T-35): parsed here,
 * so that a bad one is found before the stream. Blanks around a value are ignored, as the server
 * does. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "schemas/convert_write.h"
#include "schemas/json_text.h"
#include "schemas/tsvector.h"

#include "base/ban.h"

static struct mr_slice trim(struct mr_slice text)
{
    while (text.len > 0 && (text.data[0] == ' ' || (text.data[0] >= 9 && text.data[0] <= 13))) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' ||
                            (text.data[text.len - 1] >= 9 && text.data[text.len - 1] <= 13)))
        text.len--;
    return text;
}

static int invalid(struct mr_convert_run *run, const struct mr_convert *c)
{
    return mr_err_set(run->err, MR_VALUE_INVALID, "the text is no value of %s",
                      mr_type_name(c->to.type));
}

int mr_parse_text(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_slice text = v->s;
    int rc = mr_convert_screen(run, &text);
    if (rc == 0)
        run->emit->text(run->out, &c->to, (const char *)text.data, text.len);
    return rc;
}

/* Neither text nor labels hold a NUL. */
static int label_order(const void *key, const void *label)
{
    const struct mr_slice *text = key;
    const char *const *at = label;
    int order = text->len > 0 ? strncmp((const char *)text->data, *at, text->len) : 0;
    return order != 0 || (*at)[text->len] == '\0' ? order : -1;
}

/* the server would take the whole batch down for a label that it does not know. */
static int check_label(struct mr_convert_run *run, const struct mr_labels *labels,
                       struct mr_slice text)
{
    if (labels == NULL ||
        bsearch(&text, labels->texts, labels->n, sizeof *labels->texts, label_order) != NULL)
        return 0;
    run->label_missed = true;
    return mr_err_set(run->err, MR_VALUE_INVALID, "no label of the enum");
}

int mr_parse_enum(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_slice text = v->s;
    int rc = mr_convert_screen(run, &text);
    if (rc == 0)
        rc = check_label(run, c->to.labels, text);
    if (rc < 0)
        return rc;
    run->emit->text(run->out, &c->to, (const char *)text.data, text.len);
    return 0;
}

/* T-37 */
int mr_parse_tsvector(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_slice text = v->s;
    int rc = mr_convert_screen(run, &text);
    if (rc < 0)
        return rc;
    if (!mr_tsvector_valid(text))
        return mr_err_set(run->err, MR_VALUE_INVALID, "the text is no value of tsvector");
    run->emit->text(run->out, &c->to, (const char *)text.data, text.len);
    return 0;
}

int mr_parse_varchar(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_slice text = v->s;
    int rc = mr_convert_screen(run, &text);
    if (rc == 0)
        rc = mr_convert_length(run, &c->to, &text);
    if (rc == 0)
        run->emit->text(run->out, &c->to, (const char *)text.data, text.len);
    return rc;
}

static bool is_word(struct mr_slice text, const char *word)
{
    return text.len == strlen(word) && strncasecmp((const char *)text.data, word, text.len) == 0;
}

int mr_parse_boolean(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    static const char *const words[] = {"false", "true", "f", "t", "no",  "yes",
                                        "n",     "y",    "0", "1", "off", "on"};
    struct mr_slice text = trim(v->s);
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        if (!is_word(text, words[i]))
            continue;
        run->emit->boolean(run->out, &c->to, i % 2 == 1);
        return 0;
    }
    return invalid(run, c);
}

int mr_parse_integer(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_slice text = trim(v->s);
    size_t at = 0;
    int64_t n = 0;
    bool negative = text.len > 0 && text.data[0] == '-';
    if (negative || (text.len > 0 && text.data[0] == '+'))
        at++;
    if (at == text.len)
        return invalid(run, c);
    for (; at < text.len; at++) {
        int digit = text.data[at] - '0';
        if (digit < 0 || digit > 9)
            return invalid(run, c);
        if (__builtin_mul_overflow(n, (int64_t)10, &n) ||
            __builtin_add_overflow(n, (int64_t)(negative ? -digit : digit), &n))
            return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "%zu digits into %s", text.len,
                              mr_type_name(c->to.type));
    }
    if (!mr_convert_fits(n, c->to.type))
        return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "%lld into %s", (long long)n,
                          mr_type_name(c->to.type));
    run->emit->integer(run->out, &c->to, n);
    return 0;
}

static bool real_word(struct mr_slice text, double *out)
{
    if (is_word(text, "NaN"))
        *out = (double)NAN;
    else if (is_word(text, "Infinity") || is_word(text, "POSITIVE_INFINITY"))
        *out = HUGE_VAL;
    else if (is_word(text, "-Infinity") || is_word(text, "NEGATIVE_INFINITY"))
        *out = -HUGE_VAL;
    else
        return false;
    return true;
}

/* Only the characters of a decimal number: strtod would take hex floats and "nan(...)" too. Read in
 * the column's own width: a double on the way would round twice. */
static bool real_scan(struct mr_slice text, bool single, double *out)
{
    char copy[400];
    char *end;
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("0123456789+-.eE", text.data[i]) == NULL || text.data[i] == 0)
            return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    errno = 0;
    *out = single ? (double)strtof(copy, &end) : strtod(copy, &end);
    return *end == '\0';
}

/* A digit that is not 0 before any exponent: read as 0, such a number was too small to be held. */
static bool real_is_zero(struct mr_slice text)
{
    for (size_t i = 0; i < text.len && (text.data[i] | 0x20) != 'e'; i++) {
        if (text.data[i] >= '1' && text.data[i] <= '9')
            return false;
    }
    return true;
}

int mr_parse_real(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    double d;
    struct mr_slice text = trim(v->s);
    bool word = real_word(text, &d);
    if (!word && !real_scan(text, c->to.type == MR_T_FLOAT4, &d))
        return invalid(run, c);
    if (!word && (!isfinite(d) || (d == 0 && !real_is_zero(text))))
        return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "a number beyond %s",
                          mr_type_name(c->to.type));
    return mr_convert_real(run, c, d);
}

int mr_parse_numeric(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    int rc = mr_numeric_from_text(trim(v->s), run->num, &v->num, run->err);
    return rc < 0 ? rc : mr_write_numeric(run, c, v);
}

static int hex_digit(uint8_t h)
{
    uint8_t low = h | 0x20;
    if (h >= '0' && h <= '9')
        return h - '0';
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* bytea's hex form, or text without a backslash, which means its own bytes. */
int mr_parse_bytes(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_slice text = v->s;
    if (text.len == 0 || memchr(text.data, '\\', text.len) == NULL) {
        run->emit->bytes(run->out, &c->to, text.data, text.len);
        return 0;
    }
    if (text.len % 2 != 0 || text.data[0] != '\\' || text.data[1] != 'x')
        return invalid(run, c);
    mr_buf_reset(&run->more);
    for (size_t i = 2; i < text.len; i += 2) {
        int high = hex_digit(text.data[i]);
        int low = hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0)
            return invalid(run, c);
        mr_buf_byte(&run->more, (uint8_t)(high << 4 | low));
    }
    run->emit->bytes(run->out, &c->to, run->more.data, run->more.len);
    return 0;
}

/* Parses and checks that nothing is lost or missing. */
static int parse_iso(struct mr_convert_run *run, const struct mr_convert *c, struct mr_slice text,
                     unsigned need, struct mr_iso *iso)
{
    if (!mr_iso_parse(trim(text), iso))
        return invalid(run, c);
    if (iso->infinity != 0)
        return (need & MR_ISO_DATE) != 0 ? 0 : invalid(run, c);
    if ((iso->parts & need) != need)
        return invalid(run, c);
    if (iso->nanos != 0 && run->nanos_poison)
        return mr_err_set(run->err, MR_TEMPORAL_NANOS, "%d ns below a microsecond",
                          (int)iso->nanos);
    return 0;
}

int mr_parse_date(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_iso iso;
    int32_t days;
    int rc = parse_iso(run, c, v->s, MR_ISO_DATE, &iso);
    if (rc < 0)
        return rc;
    if (iso.infinity != 0) {
        run->emit->date(run->out, &c->to, iso.infinity > 0 ? INT32_MAX : INT32_MIN);
        return 0;
    }
    if (iso.east_s != 0)
        return invalid(run, c);
    if ((iso.parts & MR_ISO_TIME) != 0 && (iso.us != 0 || iso.nanos != 0) && !c->lossy)
        return mr_err_set(run->err, MR_VALUE_LOSSY, "a time of day into date");
    rc = mr_date_from_days(iso.days, &days, run->err);
    if (rc == 0)
        run->emit->date(run->out, &c->to, days);
    return rc;
}

int mr_parse_time(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_iso iso;
    int rc = parse_iso(run, c, v->s, MR_ISO_TIME, &iso);
    if (rc < 0)
        return rc;
    if ((iso.parts & MR_ISO_DATE) != 0 || iso.east_s != 0)
        return invalid(run, c);
    rc = mr_convert_fraction(run, c, iso.us);
    if (rc == 0)
        (run->emit->time)(run->out, &c->to, iso.us);
    return rc;
}

int mr_parse_timetz(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_iso iso;
    int rc = parse_iso(run, c, v->s, MR_ISO_TIME | MR_ISO_OFFSET, &iso);
    if (rc < 0)
        return rc;
    if ((iso.parts & MR_ISO_DATE) != 0)
        return invalid(run, c);
    rc = mr_convert_fraction(run, c, iso.us);
    if (rc == 0)
        run->emit->timetz(run->out, &c->to, iso.us, iso.east_s);
    return rc;
}

/* Without an offset a text is read by the route's zone; with one, a timestamp gets the UTC
 * clock. */
int mr_parse_timestamp(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_iso iso;
    int64_t us;
    int rc = parse_iso(run, c, v->s, MR_ISO_DATE, &iso);
    if (rc == 0)
        rc = mr_iso_timestamp(&iso, &us, run->err);
    if (rc == 0 && c->to.type == MR_T_TIMESTAMPTZ && (iso.parts & MR_ISO_OFFSET) == 0)
        rc = mr_convert_zone(run, &us);
    if (rc == 0)
        rc = mr_convert_fraction(run, c, us);
    if (rc == 0)
        run->emit->timestamp(run->out, &c->to, us);
    return rc;
}

int mr_parse_interval(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    bool excess;
    if (!mr_iso_interval(trim(v->s), &v->interval, &excess))
        return invalid(run, c);
    int rc = mr_convert_excess(run, excess);
    return rc < 0 ? rc : mr_write_interval(run, c, v);
}

bool mr_uuid_parse(struct mr_slice text, uint8_t out[16])
{
    if (text.len >= 2 && text.data[0] == '{' && text.data[text.len - 1] == '}') {
        text.data++;
        text.len -= 2;
    }
    size_t at = 0;
    for (unsigned i = 0; i < 16; i++) {
        /* A hyphen may stand behind every fourth digit, as PostgreSQL's uuid_in takes it. */
        if (i > 0 && i % 2 == 0 && at < text.len && text.data[at] == '-')
            at++;
        if (text.len - at < 2)
            return false;
        int high = hex_digit(text.data[at]);
        int low = hex_digit(text.data[at + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    return at == text.len;
}

int mr_parse_uuid(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    if (!mr_uuid_parse(trim(v->s), v->uuid))
        return invalid(run, c);
    run->emit->uuid(run->out, &c->to, v->uuid);
    return 0;
}

int mr_parse_json(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    int rc = mr_json_check(v->s, c->to.type == MR_T_JSONB, run->err);
    if (rc == 0)
        rc = mr_convert_as_number(run, c, trim(v->s));
    if (rc == 0)
        run->emit->text(run->out, &c->to, (const char *)v->s.data, v->s.len);
    return rc;
}

int mr_parse_bits(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_slice text = trim(v->s);
    mr_buf_reset(&run->more);
    uint8_t *to = mr_buf_room(&run->more, (text.len + 7) / 8);
    if (to == NULL || text.len > INT32_MAX)
        return mr_err_set(run->err, MR_VALUE_TOO_LARGE, "%zu bits", text.len);
    memset(to, 0, (text.len + 7) / 8);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '0' && text.data[i] != '1')
            return invalid(run, c);
        if (text.data[i] == '1')
            to[i / 8] = (uint8_t)(to[i / 8] | 0x80u >> (i % 8));
    }
    struct mr_value bits = {.s = {to, (text.len + 7) / 8}, .n_bits = (uint32_t)text.len};
    return mr_write_bits(run, c, &bits);
}

/* The items of `a,b`; an empty set has none (T-35). */
int mr_parse_text_array(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_slice text = v->s;
    int rc = mr_convert_screen(run, &text);
    if (rc < 0)
        return rc;
    struct mr_coltype elem = c->to;
    elem.type = c->to.elem;
    elem.oid = c->to.elem_oid;
    uint32_t n = text.len > 0 ? 1 : 0;
    for (size_t i = 0; i < text.len; i++)
        n += text.data[i] == ',' ? 1 : 0;
    size_t at = run->emit->array_begin(run->out, &c->to, n, false);
    for (size_t from = 0; n > 0; n--) {
        size_t to = from;
        while (to < text.len && text.data[to] != ',')
            to++;
        struct mr_slice item = {text.data + from, to - from};
        rc = mr_convert_length(run, &elem, &item);
        if (rc == 0)
            rc = check_label(run, elem.labels, item);
        if (rc < 0)
            return rc;
        run->emit->text(run->out, &elem, (const char *)item.data, item.len);
        from = to + 1;
    }
    run->emit->array_end(run->out, &c->to, at);
    return 0;
}
