/* Owns writing JSON values in Avro's binary form. Must not choose schemas. Invariants: recursion is
 * bounded by MAX_LEVELS, since types may refer to themselves through defaults; what a union's
 * refused branch wrote is taken back; the number of values looked at is bounded by `budget`. */
#include "schemas/json_avro.h"

#include <math.h>
#include <stdlib.h>

#include "schemas/semantic.h"

#include "base/ban.h"

enum { MAX_LEVELS = 160, MAX_REAL_BYTES = 1100, BUDGET_FACTOR = 64, BUDGET_FLOOR = 1024 * 1024 };

void mr_json_avro_init(struct mr_json_avro *j, struct mr_buf *out, struct mr_err *err)
{
    j->form = MR_JSON_FORM_VALUE;
    j->out = out;
    j->err = err;
    j->budget = BUDGET_FLOOR;
    j->depth = 0;
    j->places = (struct mr_buf)MR_BUF_INIT;
}

void mr_json_avro_release(struct mr_json_avro *j)
{
    mr_buf_release(&j->places);
}

void mr_avro_put_long(struct mr_buf *out, int64_t v)
{
    uint64_t u = ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
    uint8_t bytes[10];
    size_t n = 0;
    for (; u >= 0x80; u >>= 7)
        bytes[n++] = (uint8_t)(u | 0x80);
    bytes[n++] = (uint8_t)u;
    mr_buf_add(out, bytes, n);
}

void mr_avro_put_bytes(struct mr_buf *out, struct mr_slice bytes)
{
    mr_avro_put_long(out, (int64_t)bytes.len);
    mr_buf_add(out, bytes.data, bytes.len);
}

static enum mr_json_kind kind_at(struct mr_json_at at)
{
    return (enum mr_json_kind)at.doc->tokens[at.token].kind;
}

static bool is_number(struct mr_json_at at)
{
    return kind_at(at) == MR_JSON_INTEGER || kind_at(at) == MR_JSON_REAL;
}

static int misfit(struct mr_json_avro *j, struct mr_json_at at, const char *wanted)
{
    static const char *const names[] = {"null",     "a boolean", "an integer", "a number",
                                        "a string", "an array",  "an object"};
    return mr_err_set(j->err, MR_VALUE_INVALID, "%s where the schema has %s, at byte %u",
                      names[kind_at(at)], wanted, (unsigned)at.doc->tokens[at.token].start);
}

/* ---- leaves ---- */

static int put_integer(struct mr_json_avro *j, struct mr_json_at at,
                       const struct mr_avro_node *node)
{
    int64_t v;
    bool fraction = false;
    if (!is_number(at))
        return misfit(j, at, mr_avro_kind_name(node->kind));
    int rc = mr_json_number_parse(mr_json_doc_raw(at.doc, at.token), &j->number, j->err);
    if (rc < 0)
        return rc;
    bool fits = mr_json_number_to_i64(&j->number, &v, &fraction);
    if (fraction)
        return misfit(j, at, mr_avro_kind_name(node->kind));
    if (!fits || (node->kind == MR_AV_INT && (v < INT32_MIN || v > INT32_MAX)))
        return mr_err_set(j->err, MR_VALUE_OUT_OF_RANGE,
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
    if (kind_at(at) == MR_JSON_STRING && real_word(at, out))
        return 0;
    if (!is_number(at))
        return misfit(j, at, single ? "float" : "double");
    struct mr_slice raw = mr_json_doc_raw(at.doc, at.token);
    if (raw.len >= sizeof text)
        return mr_err_set(j->err, MR_VALUE_OUT_OF_RANGE, "a number of %zu characters", raw.len);
    memcpy(text, raw.data, raw.len);
    text[raw.len] = '\0';
    *out = single ? (double)strtof(text, NULL) : strtod(text, NULL);
    if (isinf(*out))
        return mr_err_set(j->err, MR_VALUE_OUT_OF_RANGE, "a JSON number does not fit %s",
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

/* A string token's octets by the form, appended to `octets`. */
static int read_octets(struct mr_json_avro *j, struct mr_json_at at, struct mr_buf *octets)
{
    struct mr_buf text = MR_BUF_INIT;
    if (kind_at(at) != MR_JSON_STRING)
        return misfit(j, at, "bytes");
    bool ok = mr_json_doc_text(at.doc, at.token, &text);
    struct mr_slice plain = {text.data, text.len};
    if (!mr_buf_ok(&text)) {
        mr_buf_release(&text);
        return mr_err_set(j->err, MR_VALUE_TOO_LARGE, "a string, at byte %u",
                          (unsigned)at.doc->tokens[at.token].start);
    }
    if (ok)
        ok = j->form == MR_JSON_FORM_DEFAULT ? latin1(plain, octets) : base64(plain, octets);
    mr_buf_release(&text);
    if (!ok)
        return mr_err_set(j->err, MR_VALUE_INVALID, "a string that is no %s, at byte %u",
                          j->form == MR_JSON_FORM_DEFAULT ? "list of code points 0-255" : "base64",
                          (unsigned)at.doc->tokens[at.token].start);
    return 0;
}

/* A decimal as a number (decimal.format = NUMERIC), at the schema's scale. */
static int decimal_octets(struct mr_json_avro *j, struct mr_json_at at, int32_t scale,
                          struct mr_buf *octets)
{
    int rc = mr_json_number_parse(mr_json_doc_raw(at.doc, at.token), &j->number, j->err);
    return rc < 0 ? rc : mr_json_number_to_bytes(&j->number, scale, octets, j->err);
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
    bool number =
        typed->semantic == MR_SEM_DECIMAL && is_number(at) && j->form == MR_JSON_FORM_VALUE;
    struct mr_buf octets = MR_BUF_INIT;
    int rc = number ? decimal_octets(j, at, mr_semantic_scale(typed->props), &octets)
                    : read_octets(j, at, &octets);
    if (rc == 0 && !mr_buf_ok(&octets))
        rc = mr_err_set(j->err, MR_NO_MEMORY, "bytes of a JSON record");
    if (rc == 0 && node->kind == MR_AV_BYTES) {
        mr_avro_put_bytes(j->out, (struct mr_slice){octets.data, octets.len});
    } else if (rc == 0) {
        if (octets.len > node->size || (!number && octets.len != node->size))
            rc = mr_err_set(j->err, MR_VALUE_INVALID, "%zu bytes for fixed(%u)", octets.len,
                            (unsigned)node->size);
        else
            put_fixed(j, &octets, node->size);
    }
    mr_buf_release(&octets);
    return rc;
}

static int put_text(struct mr_json_avro *j, struct mr_json_at at, const struct mr_typed *typed)
{
    const struct mr_json_token *token = &at.doc->tokens[at.token];
    bool json = typed->semantic == MR_SEM_JSON && j->form == MR_JSON_FORM_VALUE;
    if (token->kind != MR_JSON_STRING) {
        /* a document that is written as itself, not as a string */
        if (!json)
            return misfit(j, at, "string");
        mr_avro_put_bytes(j->out, mr_json_doc_raw(at.doc, at.token));
        return 0;
    }
    if (!token->escaped) {
        mr_avro_put_bytes(j->out, mr_json_doc_raw(at.doc, at.token));
        return 0;
    }
    struct mr_buf text = MR_BUF_INIT;
    int rc = 0;
    if (!mr_json_doc_text(at.doc, at.token, &text))
        rc = mr_err_set(j->err, MR_VALUE_UTF8, "a lone surrogate in a JSON string, at byte %u",
                        (unsigned)token->start);
    else if (!mr_buf_ok(&text))
        rc = mr_err_set(j->err, MR_NO_MEMORY, "a string of a JSON record");
    else
        mr_avro_put_bytes(j->out, (struct mr_slice){text.data, text.len});
    mr_buf_release(&text);
    return rc;
}

static int put_enum(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node)
{
    for (uint32_t i = 0; i < node->n_symbols; i++) {
        if (mr_json_doc_is(at.doc, at.token, node->symbols[i])) {
            mr_avro_put_long(j->out, i);
            return 0;
        }
    }
    return misfit(j, at, "one of an enum's symbols");
}

static int put_leaf(struct mr_json_avro *j, struct mr_json_at at, const struct mr_typed *typed)
{
    const struct mr_avro_node *node = typed->node;
    switch (node->kind) {
    case MR_AV_NULL:
        return kind_at(at) == MR_JSON_NULL ? 0 : misfit(j, at, "null");
    case MR_AV_BOOLEAN:
        if (kind_at(at) != MR_JSON_BOOL)
            return misfit(j, at, "boolean");
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

/* ---- containers ---- */

static int put_value(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node,
                     const struct mr_avro_props *props);

/* A number where the schema has a VariableScaleDecimal: its own scale. */
static int put_var_decimal(struct mr_json_avro *j, struct mr_json_at at,
                           const struct mr_avro_node *node)
{
    struct mr_buf octets = MR_BUF_INIT;
    int rc = mr_json_number_parse(mr_json_doc_raw(at.doc, at.token), &j->number, j->err);
    if (rc == 0)
        rc = mr_json_number_to_bytes(&j->number, j->number.scale, &octets, j->err);
    for (unsigned i = 0; rc == 0 && i < 2; i++) {
        if (node->fields[i].type->kind == MR_AV_INT)
            mr_avro_put_long(j->out, j->number.scale);
        else
            mr_avro_put_bytes(j->out, (struct mr_slice){octets.data, octets.len});
    }
    if (!mr_buf_ok(&octets))
        rc = mr_err_set(j->err, MR_NO_MEMORY, "a number of a JSON record");
    mr_buf_release(&octets);
    return rc;
}

/* The field of a member; `hint` is where it would stand in order. -1: the record has none. */
static int field_of(const struct mr_avro_node *node, struct mr_json_at name, uint16_t hint)
{
    for (uint16_t i = 0; i < node->n_fields; i++) {
        uint16_t at = (uint16_t)((hint + i) % node->n_fields);
        if (mr_json_doc_is(name.doc, name.token, node->fields[at].name))
            return at;
    }
    return -1;
}

/* Where each field's value stands, pushed on `places`; of equal names the last one's. */
static bool find_fields(struct mr_json_avro *j, struct mr_json_at at,
                        const struct mr_avro_node *node)
{
    size_t base = j->places.len;
    uint8_t *room = mr_buf_room(&j->places, node->n_fields * sizeof(uint32_t));
    if (room == NULL)
        return false;
    memset(room, 0, node->n_fields * sizeof(uint32_t));
    const struct mr_json_token *object = &at.doc->tokens[at.token];
    uint32_t token = at.token + 1;
    uint16_t hint = 0;
    for (uint32_t i = 0; i < object->n && node->n_fields > 0; i++) {
        uint32_t value = object->kind == MR_JSON_OBJECT ? token + 1 : token;
        int field = object->kind == MR_JSON_ARRAY
                        ? (int)i
                        : field_of(node, (struct mr_json_at){at.doc, token}, hint);
        if (field >= 0) {
            memcpy(j->places.data + base + (size_t)field * sizeof value, &value, sizeof value);
            hint = (uint16_t)((field + 1) % node->n_fields);
        }
        token = at.doc->tokens[value].next;
    }
    return true;
}

static uint32_t place_of(const struct mr_json_avro *j, size_t base, uint16_t field)
{
    uint32_t token;
    memcpy(&token, j->places.data + base + field * sizeof token, sizeof token);
    return token;
}

/* A field that the object lacks. */
/* NOLINTNEXTLINE(misc-no-recursion): through defaults, at most MAX_LEVELS */
static int put_absent(struct mr_json_avro *j, const struct mr_avro_field *field)
{
    const struct mr_avro_node *inner;
    uint32_t null_branch;
    if (field->default_json != NULL)
        return mr_json_avro_default(j, field);
    if (mr_avro_nullable(field->type, &inner, &null_branch)) {
        mr_avro_put_long(j->out, null_branch);
        return 0;
    }
    if (field->type->kind == MR_AV_NULL)
        return 0;
    return mr_err_set(j->err, MR_VALUE_INVALID, "field '%.200s' is missing", field->name);
}

/* Connect's map with other keys is an array of [key, value] (S-19). */
static bool is_pair(struct mr_json_at at, const struct mr_avro_node *node)
{
    return kind_at(at) == MR_JSON_ARRAY && node->n_fields == 2 && at.doc->tokens[at.token].n == 2 &&
           strcmp(node->fields[0].name, "key") == 0 && strcmp(node->fields[1].name, "value") == 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int put_record(struct mr_json_avro *j, struct mr_json_at at, const struct mr_typed *typed)
{
    const struct mr_avro_node *node = typed->node;
    if (typed->semantic == MR_SEM_VAR_DECIMAL && is_number(at))
        return put_var_decimal(j, at, node);
    if (kind_at(at) != MR_JSON_OBJECT && !is_pair(at, node))
        return misfit(j, at, "a record");
    size_t base = j->places.len;
    if (!find_fields(j, at, node))
        return mr_err_set(j->err, MR_NO_MEMORY, "fields of a JSON record");
    int rc = 0;
    for (uint16_t i = 0; rc == 0 && i < node->n_fields; i++) {
        const struct mr_avro_field *field = &node->fields[i];
        uint32_t token = place_of(j, base, i);
        if (token == MR_JSON_NO_TOKEN)
            rc = put_absent(j, field);
        else
            rc = put_value(j, (struct mr_json_at){at.doc, token}, field->type, &field->props);
        if (rc < 0)
            mr_err_in(j->err, NULL, field->name);
    }
    j->places.len = base;
    return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int put_items(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node)
{
    bool map = node->kind == MR_AV_MAP;
    const struct mr_json_token *list = &at.doc->tokens[at.token];
    if (list->kind != (map ? MR_JSON_OBJECT : MR_JSON_ARRAY))
        return misfit(j, at, map ? "a map" : "an array");
    uint32_t token = at.token + 1;
    int rc = 0;
    if (list->n > 0)
        mr_avro_put_long(j->out, list->n);
    for (uint32_t i = 0; rc == 0 && i < list->n; i++) {
        static const struct mr_avro_node key = {.kind = MR_AV_STRING};
        if (map)
            rc = put_value(j, (struct mr_json_at){at.doc, token++}, &key, NULL);
        if (rc == 0)
            rc = put_value(j, (struct mr_json_at){at.doc, token}, node->items, NULL);
        token = at.doc->tokens[token].next;
    }
    mr_buf_byte(j->out, 0);
    return rc;
}

/* {"branch": value} */
static int tagged_branch(const struct mr_avro_node *node, struct mr_json_at at)
{
    if (kind_at(at) != MR_JSON_OBJECT || at.doc->tokens[at.token].n != 1)
        return -1;
    for (uint16_t i = 0; i < node->n_branches; i++) {
        const struct mr_avro_node *branch = node->branches[i];
        const char *name =
            branch->full_name != NULL ? branch->full_name : mr_avro_kind_name(branch->kind);
        if (mr_json_doc_is(at.doc, at.token + 1, name))
            return i;
    }
    return -1;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int put_union(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node,
                     const struct mr_avro_props *props)
{
    const struct mr_avro_node *inner;
    uint32_t null_branch;
    bool nullable = mr_avro_nullable(node, &inner, &null_branch);
    int tagged = nullable || j->form == MR_JSON_FORM_DEFAULT ? -1 : tagged_branch(node, at);
    if (tagged >= 0) {
        mr_avro_put_long(j->out, tagged);
        return put_value(j, (struct mr_json_at){at.doc, at.token + 2}, node->branches[tagged],
                         NULL);
    }
    size_t len = j->out->len;
    size_t base = j->places.len;
    bool tried = false;
    int rc = 0;
    for (uint16_t i = 0; i < node->n_branches; i++) {
        bool null = node->branches[i]->kind == MR_AV_NULL;
        if (null != (kind_at(at) == MR_JSON_NULL))
            continue;
        tried = true;
        mr_avro_put_long(j->out, i);
        rc = put_value(j, at, node->branches[i], nullable && !null ? props : NULL);
        if (rc == 0 || !mr_buf_ok(j->out) || j->budget == 0)
            return rc;
        j->out->len = len;
        j->places.len = base;
    }
    return tried ? rc : misfit(j, at, "a union without that branch");
}

/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int put_value(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node,
                     const struct mr_avro_props *props)
{
    struct mr_typed typed;
    int rc;
    if (j->budget == 0)
        return mr_err_set(j->err, MR_VALUE_TOO_LARGE, "too many values for a record of its size");
    j->budget--;
    if (node->kind == MR_AV_UNION)
        return put_union(j, at, node, props);
    if (++j->depth > MAX_LEVELS)
        return mr_err_set(j->err, MR_AVRO_DEPTH, "nested deeper than %d", MAX_LEVELS);
    mr_typed_of(node, props, &typed);
    if (node->kind == MR_AV_RECORD)
        rc = put_record(j, at, &typed);
    else if (node->kind == MR_AV_ARRAY || node->kind == MR_AV_MAP)
        rc = put_items(j, at, node);
    else
        rc = put_leaf(j, at, &typed);
    j->depth--;
    return rc;
}

int mr_json_avro_put(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node,
                     const struct mr_avro_props *props)
{
    j->budget = (uint64_t)at.doc->text.len * BUDGET_FACTOR + BUDGET_FLOOR;
    j->depth = 0;
    mr_buf_reset(&j->places);
    int rc = put_value(j, at, node, props);
    if (rc == 0 && !mr_buf_ok(j->out))
        rc = mr_err_set(j->err, MR_FRAMING_TOO_LARGE, "the record's values are too large");
    return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion): a default's record may need defaults; at most MAX_LEVELS */
int mr_json_avro_default(struct mr_json_avro *j, const struct mr_avro_field *field)
{
    struct mr_json_doc doc = MR_JSON_DOC_INIT;
    enum mr_json_form kept = j->form;
    uint32_t depth = j->depth;
    struct mr_err why = MR_ERR_INIT;
    j->form = MR_JSON_FORM_DEFAULT;
    int rc = mr_json_doc_parse(&doc, mr_slice_str(field->default_json), &why);
    if (rc == 0) {
        struct mr_err *err = j->err;
        j->err = &why;
        rc = put_value(j, (struct mr_json_at){&doc, 0}, field->type, &field->props);
        j->err = err;
    }
    j->form = kept;
    j->depth = depth;
    mr_json_doc_release(&doc);
    if (rc == 0 || mr_code_class(rc) != MR_CLASS_POISON) {
        if (rc < 0)
            *j->err = why;
        return rc;
    }
    return mr_err_set(j->err, MR_SCHEMA_INVALID, "the default of field '%.200s': %.300s",
                      field->name, why.detail);
}
