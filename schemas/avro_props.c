/* Owns the attributes that a type or field carries besides its shape: logicalType (contract.md
 * S-13) and Connect's connect.* (S-14). Must not decide what they mean for a column. Invariant: a
 * logical type that is kept is valid for its base; an invalid one is as if it were absent. */
#include "schemas/avro_parse.h"

#include "base/ban.h"

/* Base types of each logical type; MR_AV_NULL: none. `size`: what a fixed base must have, -1: any.
 */
static const struct logical_rule {
    const char *name;
    enum mr_logical logical;
    enum mr_avro_kind base;
    enum mr_avro_kind other_base;
    int32_t size;
} logical_rules[] = {
    {"decimal", MR_LOGICAL_DECIMAL, MR_AV_BYTES, MR_AV_FIXED, -1},
    {"uuid", MR_LOGICAL_UUID, MR_AV_STRING, MR_AV_FIXED, 16},
    {"date", MR_LOGICAL_DATE, MR_AV_INT, MR_AV_NULL, -1},
    {"time-millis", MR_LOGICAL_TIME_MILLIS, MR_AV_INT, MR_AV_NULL, -1},
    {"time-micros", MR_LOGICAL_TIME_MICROS, MR_AV_LONG, MR_AV_NULL, -1},
    {"timestamp-millis", MR_LOGICAL_TIMESTAMP_MILLIS, MR_AV_LONG, MR_AV_NULL, -1},
    {"timestamp-micros", MR_LOGICAL_TIMESTAMP_MICROS, MR_AV_LONG, MR_AV_NULL, -1},
    {"timestamp-nanos", MR_LOGICAL_TIMESTAMP_NANOS, MR_AV_LONG, MR_AV_NULL, -1},
    {"local-timestamp-millis", MR_LOGICAL_LOCAL_TIMESTAMP_MILLIS, MR_AV_LONG, MR_AV_NULL, -1},
    {"local-timestamp-micros", MR_LOGICAL_LOCAL_TIMESTAMP_MICROS, MR_AV_LONG, MR_AV_NULL, -1},
    {"local-timestamp-nanos", MR_LOGICAL_LOCAL_TIMESTAMP_NANOS, MR_AV_LONG, MR_AV_NULL, -1},
    {"duration", MR_LOGICAL_DURATION, MR_AV_FIXED, MR_AV_NULL, 12},
};

/* Most decimal digits of a two's complement number of `size` bytes. No power of two above 1 is a
 * power of ten, so floor(log10(2^bits - 1)) is floor(log10(2^bits)).
 * Source: Avro specification, "Decimal". */
static double digits_of_fixed(uint32_t size)
{
    const double log10_of_2 = 0.30102999566398119521;
    return size == 0 ? 0 : (8.0 * size - 1) * log10_of_2;
}

/* An integer attribute from `least` to INT32_MAX; false if it is absent or no such number. */
static bool read_int(const struct mr_json *json, const char *name, int64_t least, int32_t *out)
{
    const struct mr_json *value = mr_json_find(json, name);
    if (!mr_json_is(value, MR_JSON_INTEGER) || mr_json_integer(value) < least)
        return false;
    return mr_i32_from_i64(mr_json_integer(value), out);
}

static bool read_decimal(const struct mr_json *json, const struct mr_avro_node *node,
                         struct mr_avro_props *out)
{
    int32_t precision;
    int32_t scale = 0;
    if (!read_int(json, "precision", 1, &precision))
        return false;
    if (mr_json_find(json, "scale") != NULL && !read_int(json, "scale", 0, &scale))
        return false;
    if (scale > precision)
        return false;
    if (node->kind == MR_AV_FIXED && precision > digits_of_fixed(node->size))
        return false;
    out->precision = precision;
    out->scale = scale;
    return true;
}

static void read_logical(const struct mr_json *json, const struct mr_avro_node *node,
                         struct mr_avro_props *out)
{
    const char *name = mr_json_text(mr_json_find(json, "logicalType"));
    for (size_t i = 0; name != NULL && i < sizeof logical_rules / sizeof logical_rules[0]; i++) {
        const struct logical_rule *rule = &logical_rules[i];
        if (strcmp(rule->name, name) != 0)
            continue;
        if (node->kind == MR_AV_NULL ||
            (node->kind != rule->base && node->kind != rule->other_base))
            return;
        if (node->kind == MR_AV_FIXED && rule->size >= 0 && node->size != (uint32_t)rule->size)
            return;
        if (rule->logical == MR_LOGICAL_DECIMAL && !read_decimal(json, node, out))
            return;
        out->logical = rule->logical;
        return;
    }
}

/* A parameter's value: a string, or another scalar by its JSON text (seen from hand-made schemas).
 */
static int param_value(struct avro_parser *p, const struct mr_json *json, const char **out)
{
    const char *text = mr_json_text(json);
    if (text == NULL)
        return avro_print(p, json, out);
    *out = avro_copy(p, text);
    return *out != NULL ? 0 : avro_no_memory(p);
}

static int read_params(struct avro_parser *p, const struct mr_json *json, struct mr_avro_props *out)
{
    size_t n = mr_json_is(json, MR_JSON_OBJECT) ? mr_json_size(json) : 0;
    if (n > UINT16_MAX)
        return mr_err_set(p->err, MR_SCHEMA_TOO_LARGE, "%zu connect.parameters", n);
    if (n == 0)
        return 0;
    struct mr_avro_param *params = avro_alloc(p, n, sizeof *params);
    if (params == NULL)
        return avro_no_memory(p);
    struct mr_json_walk walk = MR_JSON_WALK_INIT;
    for (size_t i = 0; i < n && mr_json_next(json, &walk); i++) {
        params[i].name = avro_copy(p, walk.name);
        int rc = params[i].name != NULL ? param_value(p, walk.value, &params[i].value)
                                        : avro_no_memory(p);
        if (rc < 0)
            return rc;
    }
    out->params = params;
    out->n_params = (uint16_t)n;
    return 0;
}

static int read_text(struct avro_parser *p, const struct mr_json *json, const char *name,
                     const char **out)
{
    const char *text = mr_json_text(mr_json_find(json, name));
    if (text == NULL)
        return 0;
    *out = avro_copy(p, text);
    return *out != NULL ? 0 : avro_no_memory(p);
}

int avro_props(struct avro_parser *p, const struct mr_json *json, const struct mr_avro_node *node,
               struct mr_avro_props *out)
{
    *out = (struct mr_avro_props)AVRO_PROPS_INIT;
    int rc = read_text(p, json, "connect.name", &out->connect_name);
    if (rc == 0)
        rc = read_text(p, json, "connect.type", &out->connect_type);
    if (rc == 0)
        rc = read_params(p, mr_json_find(json, "connect.parameters"), out);
    read_logical(json, node, out);
    return rc;
}

int avro_field_props(struct avro_parser *p, const struct mr_json *json,
                     const struct mr_avro_node *type, struct mr_avro_props *out)
{
    uint32_t null_idx;
    const struct mr_avro_node *inner = type;
    mr_avro_nullable(type, &inner, &null_idx);
    *out = inner->props;
    if (inner->kind >= MR_AV_RECORD)
        return 0;
    struct mr_avro_props own;
    int rc = avro_props(p, json, inner, &own);
    if (rc < 0)
        return rc;
    /* Name and parameters belong together, and so do logical type, precision and scale. */
    if (out->connect_name == NULL && out->n_params == 0) {
        out->connect_name = own.connect_name;
        out->params = own.params;
        out->n_params = own.n_params;
    }
    if (out->connect_type == NULL)
        out->connect_type = own.connect_type;
    if (out->logical == MR_LOGICAL_NONE) {
        out->logical = own.logical;
        out->precision = own.precision;
        out->scale = own.scale;
    }
    return 0;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool avro_props_equal(const struct mr_avro_props *a, const struct mr_avro_props *b)
{
    if (!same(a->connect_name, b->connect_name) || !same(a->connect_type, b->connect_type) ||
        a->logical != b->logical || a->precision != b->precision || a->scale != b->scale ||
        a->n_params != b->n_params)
        return false;
    for (uint16_t i = 0; i < a->n_params; i++) {
        if (!same(a->params[i].name, b->params[i].name) ||
            !same(a->params[i].value, b->params[i].value))
            return false;
    }
    return true;
}
