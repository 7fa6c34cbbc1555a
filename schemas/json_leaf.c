/* Owns writing JSON's leaves in Avro's binary form: numbers, texts, octets, symbols. Must not look
 * into containers. Invariant: what costs more than its own bytes is paid for from the budget. */
#include "schemas/json_leaf.h"

#include <math.h>
#include <stdlib.h>

#include "schemas/avro_index.h"
#include "schemas/semantic.h"

#include "base/ban.h"

enum { MAX_REAL_BYTES = 1100 };

struct mr_err *mr_json_told(struct mr_json_avro *j)
{
    return j->quiet ? NULL : j->err;
}

int mr_json_misfit(struct mr_json_avro *j, struct mr_json_at at, const char *wanted)
{
    static const char *const names[] = {"null",     "a boolean", "an integer", "a number",
                                        "a string", "an array",  "an object"};
    return mr_err_set(mr_json_told(j), MR_VALUE_INVALID, "%s where the schema has %s, at byte %u",
                      names[mr_json_kind_at(at)], wanted, (unsigned)at.doc->tokens[at.token].start);
}

int mr_json_spent(struct mr_json_avro *j)
{
    return mr_err_set(j->err, MR_FRAMING_TOO_LARGE, "too much work for a record of its size");
}

static int put_integer(struct mr_json_avro *j, struct mr_json_at at,
                       const struct mr_avro_node *node)
{
    int64_t v;
    bool fraction = false;
    if (!mr_json_is_number(at))
        return mr_json_misfit(j, at, mr_avro_kind_name(node->kind));
    int rc = mr_json_number_parse(mr_json_doc_raw(at.doc, at.token), &j->number, mr_json_told(j));
    if (rc < 0)
        return rc;
    bool fits = mr_json_number_to_i64(&j->number, &v, &fraction);
    if (fraction)
        return mr_json_misfit(j, at, mr_avro_kind_name(node->kind));
    if (!fits || (node->kind == MR_AV_INT && (v < INT32_MIN || v > INT32_MAX)))
        return mr_err_set(mr_json_told(j), MR_VALUE_OUT_OF_RANGE,
                          "a JSON number does not fit %s, at byte %u",
                          mr_avro_kind_name(node->kind), (unsigned)at.doc->tokens[at.token].start);
    mr_avro_put_long(j->out, v);
    return 0;
}

static bool real_word(struct mr_json_at at, double *out)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"NaN", (double)NAN},
                 {"Infinity", (double)INFINITY},
                 {"-Infinity", -(double)INFINITY},
                 {"INF", (double)INFINITY},
                 {"-INF", -(double)INFINITY}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (mr_json_doc_is(at.doc, at.token, words[i].word)) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

/* The nearest number, rounded once: a float is never made from a double. */
static int read_real(struct mr_json_avro *j, struct mr_json_at at, bool single, double *out)
{
    char text[MAX_REAL_BYTES];
    if (mr_json_kind_at(at) == MR_JSON_STRING && real_word(at, out))
        return 0;
    if (!mr_json_is_number(at))
        return mr_json_misfit(j, at, single ? "float" : "double");
    struct mr_slice raw = mr_json_doc_raw(at.doc, at.token);
    if (raw.len >= sizeof text)
        return mr_err_set(mr_json_told(j), MR_VALUE_OUT_OF_RANGE, "a number of %zu characters",
                          raw.len);
    memcpy(text, raw.data, raw.len);
    text[raw.len] = '\0';
    *out = single ? (double)strtof(text, NULL) : strtod(text, NULL);
    if (isinf(*out))
        return mr_err_set(mr_json_told(j), MR_VALUE_OUT_OF_RANGE, "a JSON number does not fit %s",
                          single ? "float" : "double");
    return 0;
}

static int put_real(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node)
{
    double v = 0;
    bool single = node->kind == MR_AV_FLOAT;
    int rc = read_real(j, at, single, &v);
    if (rc < 0)
        return rc;
    uint64_t bits = 0;
    if (single) {
        float narrow = (float)v;
        uint32_t half;
        memcpy(&half, &narrow, sizeof half);
        bits = half;
    } else {
        memcpy(&bits, &v, sizeof bits);
    }
    for (unsigned i = 0; i < (single ? 4u : 8u); i++)
        mr_buf_byte(j->out, (uint8_t)(bits >> (8 * i)));
    return 0;
}

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

static bool base64(struct mr_slice text, struct mr_buf *out)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;
    while (text.len > 0 && text.data[text.len - 1] == '=')
        text.len--;
    if (text.len % 4 == 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = base64_digit(text.data[i]);
        if (digit < 0)
            return false;
        bits = (bits << 6 | (uint32_t)digit) & 0xfff;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            mr_buf_byte(out, (uint8_t)(bits >> n_bits));
        }
    }
    return (bits & ((1u << n_bits) - 1)) == 0;
}

/* Code points 0-255 of valid UTF-8 (S-09). */
static bool latin1(struct mr_slice text, struct mr_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c >= 0xc4)
            return false;
        if (c >= 0xc2)
            c = (uint8_t)((c & 0x03) << 6 | (text.data[++i] & 0x3f));
        mr_buf_byte(out, c);
    }
    return true;
}

/* Empty, with room for what `n` octets at most become. */
static struct mr_buf *scratch_for(struct mr_buf *scratch, size_t n)
{
    scratch->limit = n + 1; /* refused: memory is out */
    mr_buf_reset(scratch);
    return scratch;
}

int mr_json_leaf_text(struct mr_json_avro *j, struct mr_json_at at, struct mr_slice *out)
{
    *out = mr_json_doc_raw(at.doc, at.token);
    if (!at.doc->tokens[at.token].escaped)
        return 0;
    struct mr_buf *text = scratch_for(&j->text, out->len); /* escapes are longer than their sense */
    if (!mr_json_unescape(*out, text))
        return mr_err_set(mr_json_told(j), MR_VALUE_UTF8,
                          "a lone surrogate in a JSON string, at byte %u",
                          (unsigned)at.doc->tokens[at.token].start);
    if (!mr_buf_ok(text))
        return mr_err_set(j->err, MR_NO_MEMORY, "a string of a JSON record");
    *out = (struct mr_slice){text->data, text->len};
    return 0;
}

/* A string token's octets by the form, in `octets`. */
static int read_octets(struct mr_json_avro *j, struct mr_json_at at, struct mr_buf *octets)
{
    struct mr_slice plain;
    if (mr_json_kind_at(at) != MR_JSON_STRING)
        return mr_json_misfit(j, at, "bytes");
    int rc = mr_json_leaf_text(j, at, &plain);
    if (rc < 0)
        return rc == -MR_VALUE_UTF8 ? mr_json_misfit(j, at, "octets") : rc;
    (void)scratch_for(octets, plain.len);
    bool ok = j->form == MR_JSON_FORM_DEFAULT ? latin1(plain, octets) : base64(plain, octets);
    if (!ok)
        return mr_err_set(mr_json_told(j), MR_VALUE_INVALID, "a string that is no %s, at byte %u",
                          j->form == MR_JSON_FORM_DEFAULT ? "list of code points 0-255" : "base64",
                          (unsigned)at.doc->tokens[at.token].start);
    return 0;
}

/* A decimal as a number (decimal.format = NUMERIC), at the schema's scale. */
static int decimal_octets(struct mr_json_avro *j, struct mr_json_at at, int32_t scale,
                          struct mr_buf *octets)
{
    int rc = mr_json_number_parse(mr_json_doc_raw(at.doc, at.token), &j->number, mr_json_told(j));
    (void)scratch_for(octets, MR_JSON_NUMBER_DIGITS);
    return rc < 0 ? rc : mr_json_number_to_bytes(&j->number, scale, octets, mr_json_told(j));
}

/* A fixed decimal is filled up with its sign. */
static void put_fixed(struct mr_json_avro *j, const struct mr_buf *octets, size_t size)
{
    uint8_t sign = octets->len > 0 && (octets->data[0] & 0x80) != 0 ? 0xff : 0;
    for (size_t i = octets->len; i < size; i++)
        mr_buf_byte(j->out, sign);
    mr_buf_add(j->out, octets->data, octets->len);
}

static int put_octets(struct mr_json_avro *j, struct mr_json_at at, const struct mr_typed *typed)
{
    const struct mr_avro_node *node = typed->node;
    struct mr_buf *octets = &j->octets;
    bool number =
        typed->semantic == MR_SEM_DECIMAL && mr_json_is_number(at) && j->form == MR_JSON_FORM_VALUE;
    if (number && !mr_json_spend(j, typed->props->n_params))
        return mr_json_spent(j);
    int rc = number ? decimal_octets(j, at, mr_semantic_scale(typed->props), octets)
                    : read_octets(j, at, octets);
    if (rc < 0)
        return rc;
    if (!mr_buf_ok(octets))
        return mr_err_set(j->err, MR_NO_MEMORY, "bytes of a JSON record");
    if (node->kind == MR_AV_BYTES) {
        mr_avro_put_bytes(j->out, (struct mr_slice){octets->data, octets->len});
        return 0;
    }
    if (octets->len > node->size || (!number && octets->len != node->size))
        return mr_err_set(mr_json_told(j), MR_VALUE_INVALID, "%zu bytes for fixed(%u)", octets->len,
                          (unsigned)node->size);
    put_fixed(j, octets, node->size);
    return 0;
}

static int put_text(struct mr_json_avro *j, struct mr_json_at at, const struct mr_typed *typed)
{
    struct mr_slice text = mr_json_doc_raw(at.doc, at.token);
    bool json = typed->semantic == MR_SEM_JSON && j->form == MR_JSON_FORM_VALUE;
    int rc = 0;
    /* a document that is written as itself, not as a string, stays as it is */
    if (mr_json_kind_at(at) == MR_JSON_STRING)
        rc = mr_json_leaf_text(j, at, &text);
    else if (!json)
        rc = mr_json_misfit(j, at, "string");
    if (rc == 0)
        mr_avro_put_bytes(j->out, text);
    return rc;
}

static int put_enum(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node)
{
    struct mr_slice text;
    int32_t symbol = MR_AVRO_NO_NAME;
    int rc = 0;
    if (mr_json_kind_at(at) == MR_JSON_STRING)
        rc = mr_json_leaf_text(j, at, &text);
    if (rc == 0 && mr_json_kind_at(at) == MR_JSON_STRING)
        symbol = mr_avro_symbol_find(node, text);
    if (symbol == MR_AVRO_NO_NAME)
        return mr_json_misfit(j, at, "one of an enum's symbols");
    mr_avro_put_long(j->out, symbol);
    return 0;
}

int mr_json_leaf_var_decimal(struct mr_json_avro *j, struct mr_json_at at,
                             const struct mr_avro_node *node)
{
    int rc = mr_json_number_parse(mr_json_doc_raw(at.doc, at.token), &j->number, mr_json_told(j));
    struct mr_buf *octets = scratch_for(&j->octets, MR_JSON_NUMBER_DIGITS);
    if (rc == 0)
        rc = mr_json_number_to_bytes(&j->number, j->number.scale, octets, mr_json_told(j));
    if (rc == 0 && !mr_buf_ok(octets))
        rc = mr_err_set(j->err, MR_NO_MEMORY, "a number of a JSON record");
    for (unsigned i = 0; rc == 0 && i < 2; i++) {
        if (node->fields[i].type->kind == MR_AV_INT)
            mr_avro_put_long(j->out, j->number.scale);
        else
            mr_avro_put_bytes(j->out, (struct mr_slice){octets->data, octets->len});
    }
    return rc;
}

int mr_json_leaf_put(struct mr_json_avro *j, struct mr_json_at at, const struct mr_typed *typed)
{
    const struct mr_avro_node *node = typed->node;
    switch (node->kind) {
    case MR_AV_NULL:
        return mr_json_kind_at(at) == MR_JSON_NULL ? 0 : mr_json_misfit(j, at, "null");
    case MR_AV_BOOLEAN:
        if (mr_json_kind_at(at) != MR_JSON_BOOL)
            return mr_json_misfit(j, at, "boolean");
        mr_buf_byte(j->out, mr_json_doc_raw(at.doc, at.token).data[0] == 't');
        return 0;
    case MR_AV_INT:
    case MR_AV_LONG:
        return put_integer(j, at, node);
    case MR_AV_FLOAT:
    case MR_AV_DOUBLE:
        return put_real(j, at, node);
    case MR_AV_BYTES:
    case MR_AV_FIXED:
        return put_octets(j, at, typed);
    case MR_AV_ENUM:
        return put_enum(j, at, node);
    case MR_AV_STRING:
    case MR_AV_RECORD:
    case MR_AV_ARRAY:
    case MR_AV_MAP:
    case MR_AV_UNION:
    default:
        return put_text(j, at, typed);
    }
}
