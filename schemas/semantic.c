/* Owns the table of semantic names (contract.md section 5) and the default column of each. Must not
 * convert values. Invariant: a name counts only on the base type that it is written on by its
 * producer; on another one the next rule of S-14 decides. */
#include "schemas/semantic.h"

#include <limits.h>
#include <stdlib.h>
#include <strings.h>

#include "schemas/semantic_record.h"

#include "base/ban.h"

#define KIND(k) (1u << (k))

static const struct connect_name {
    const char *name;
    unsigned kinds;
    enum mr_semantic semantic;
} connect_names[] = {
    {"io.debezium.data.Bits", KIND(MR_AV_BYTES), MR_SEM_BITS},
    {"io.debezium.data.DoubleVector", KIND(MR_AV_ARRAY), MR_SEM_VECTOR},
    {"io.debezium.data.Enum", KIND(MR_AV_STRING), MR_SEM_STRING},
    {"io.debezium.data.EnumSet", KIND(MR_AV_STRING), MR_SEM_ENUM_SET},
    {"io.debezium.data.FloatVector", KIND(MR_AV_ARRAY), MR_SEM_HALFVEC},
    {"io.debezium.data.Json", KIND(MR_AV_STRING), MR_SEM_JSON},
    {"io.debezium.data.Ltree", KIND(MR_AV_STRING), MR_SEM_LTREE},
    {"io.debezium.data.SparseDoubleVector", KIND(MR_AV_RECORD), MR_SEM_SPARSEVEC},
    {"io.debezium.data.SparseVector", KIND(MR_AV_RECORD), MR_SEM_SPARSEVEC},
    {"io.debezium.data.Tsvector", KIND(MR_AV_STRING), MR_SEM_TSVECTOR},
    {"io.debezium.data.Uuid", KIND(MR_AV_STRING), MR_SEM_UUID},
    {"io.debezium.data.VariableScaleDecimal", KIND(MR_AV_RECORD), MR_SEM_VAR_DECIMAL},
    {"io.debezium.data.Xml", KIND(MR_AV_STRING), MR_SEM_XML},
    {"io.debezium.data.geometry.Circle", KIND(MR_AV_RECORD), MR_SEM_CIRCLE},
    {"io.debezium.data.geometry.Geography", KIND(MR_AV_RECORD), MR_SEM_GEOGRAPHY},
    {"io.debezium.data.geometry.Geometry", KIND(MR_AV_RECORD), MR_SEM_GEOMETRY},
    {"io.debezium.data.geometry.Line", KIND(MR_AV_RECORD), MR_SEM_LINE},
    {"io.debezium.data.geometry.Point", KIND(MR_AV_RECORD), MR_SEM_POINT},
    {"io.debezium.time.Date", KIND(MR_AV_INT), MR_SEM_DATE},
    {"io.debezium.time.Interval", KIND(MR_AV_STRING), MR_SEM_INTERVAL},
    {"io.debezium.time.IsoDate", KIND(MR_AV_STRING), MR_SEM_ISO_DATE},
    {"io.debezium.time.IsoTime", KIND(MR_AV_STRING), MR_SEM_ISO_TIME},
    {"io.debezium.time.IsoTimestamp", KIND(MR_AV_STRING), MR_SEM_ISO_TS},
    {"io.debezium.time.MicroDuration", KIND(MR_AV_LONG), MR_SEM_DURATION_US},
    {"io.debezium.time.MicroTime", KIND(MR_AV_LONG), MR_SEM_TIME_US},
    {"io.debezium.time.MicroTimestamp", KIND(MR_AV_LONG), MR_SEM_TS_US},
    {"io.debezium.time.NanoDuration", KIND(MR_AV_LONG), MR_SEM_DURATION_NS},
    {"io.debezium.time.NanoTime", KIND(MR_AV_LONG), MR_SEM_TIME_NS},
    {"io.debezium.time.NanoTimestamp", KIND(MR_AV_LONG), MR_SEM_TS_NS},
    {"io.debezium.time.Time", KIND(MR_AV_INT), MR_SEM_TIME_MS},
    {"io.debezium.time.Timestamp", KIND(MR_AV_LONG), MR_SEM_TS_MS},
    {"io.debezium.time.Year", KIND(MR_AV_INT), MR_SEM_INT32},
    {"io.debezium.time.ZonedTime", KIND(MR_AV_STRING), MR_SEM_ZONED_TIME},
    {"io.debezium.time.ZonedTimestamp", KIND(MR_AV_STRING), MR_SEM_ZONED_TS},
    {"org.apache.kafka.connect.data.Date", KIND(MR_AV_INT), MR_SEM_DATE},
    {"org.apache.kafka.connect.data.Decimal", KIND(MR_AV_BYTES) | KIND(MR_AV_FIXED),
     MR_SEM_DECIMAL},
    {"org.apache.kafka.connect.data.Time", KIND(MR_AV_INT), MR_SEM_TIME_MS},
    {"org.apache.kafka.connect.data.Timestamp", KIND(MR_AV_LONG), MR_SEM_TS_MS},
};

static const enum mr_semantic by_logical[] = {
    [MR_LOGICAL_DECIMAL] = MR_SEM_DECIMAL,
    [MR_LOGICAL_UUID] = MR_SEM_UUID,
    [MR_LOGICAL_DATE] = MR_SEM_DATE,
    [MR_LOGICAL_TIME_MILLIS] = MR_SEM_TIME_MS,
    [MR_LOGICAL_TIME_MICROS] = MR_SEM_TIME_US,
    [MR_LOGICAL_TIMESTAMP_MILLIS] = MR_SEM_TSTZ_MS,
    [MR_LOGICAL_TIMESTAMP_MICROS] = MR_SEM_TSTZ_US,
    [MR_LOGICAL_TIMESTAMP_NANOS] = MR_SEM_TSTZ_NS,
    [MR_LOGICAL_LOCAL_TIMESTAMP_MILLIS] = MR_SEM_TS_MS,
    [MR_LOGICAL_LOCAL_TIMESTAMP_MICROS] = MR_SEM_TS_US,
    [MR_LOGICAL_LOCAL_TIMESTAMP_NANOS] = MR_SEM_TS_NS,
    [MR_LOGICAL_DURATION] = MR_SEM_AVRO_DURATION,
};

static const enum mr_semantic by_kind[] = {
    [MR_AV_NULL] = MR_SEM_NULL,   [MR_AV_BOOLEAN] = MR_SEM_BOOLEAN, [MR_AV_INT] = MR_SEM_INT32,
    [MR_AV_LONG] = MR_SEM_INT64,  [MR_AV_FLOAT] = MR_SEM_FLOAT,     [MR_AV_DOUBLE] = MR_SEM_DOUBLE,
    [MR_AV_BYTES] = MR_SEM_BYTES, [MR_AV_STRING] = MR_SEM_STRING,   [MR_AV_RECORD] = MR_SEM_NESTED,
    [MR_AV_ENUM] = MR_SEM_ENUM,   [MR_AV_FIXED] = MR_SEM_BYTES,     [MR_AV_ARRAY] = MR_SEM_NESTED,
    [MR_AV_MAP] = MR_SEM_NESTED,  [MR_AV_UNION] = MR_SEM_NESTED,
};

static const enum mr_type default_types[MR_N_SEMANTICS] = {
    [MR_SEM_NULL] = MR_T_TEXT,
    [MR_SEM_BOOLEAN] = MR_T_BOOL,
    [MR_SEM_INT16] = MR_T_INT2,
    [MR_SEM_INT32] = MR_T_INT4,
    [MR_SEM_INT64] = MR_T_INT8,
    [MR_SEM_FLOAT] = MR_T_FLOAT4,
    [MR_SEM_DOUBLE] = MR_T_FLOAT8,
    [MR_SEM_STRING] = MR_T_TEXT,
    [MR_SEM_ENUM_SET] = MR_T_TEXT,
    [MR_SEM_XML] = MR_T_CAST,
    [MR_SEM_TSVECTOR] = MR_T_CAST,
    [MR_SEM_LTREE] = MR_T_LTREE,
    [MR_SEM_JSON] = MR_T_JSONB,
    [MR_SEM_ENUM] = MR_T_TEXT,
    [MR_SEM_BYTES] = MR_T_BYTEA,
    [MR_SEM_DECIMAL] = MR_T_NUMERIC,
    [MR_SEM_VAR_DECIMAL] = MR_T_NUMERIC,
    [MR_SEM_DATE] = MR_T_DATE,
    [MR_SEM_TIME_MS] = MR_T_TIME,
    [MR_SEM_TIME_US] = MR_T_TIME,
    [MR_SEM_TIME_NS] = MR_T_TIME,
    [MR_SEM_TS_MS] = MR_T_TIMESTAMP,
    [MR_SEM_TS_US] = MR_T_TIMESTAMP,
    [MR_SEM_TS_NS] = MR_T_TIMESTAMP,
    [MR_SEM_TSTZ_MS] = MR_T_TIMESTAMPTZ,
    [MR_SEM_TSTZ_US] = MR_T_TIMESTAMPTZ,
    [MR_SEM_TSTZ_NS] = MR_T_TIMESTAMPTZ,
    [MR_SEM_ZONED_TS] = MR_T_TIMESTAMPTZ,
    [MR_SEM_ZONED_TIME] = MR_T_TIMETZ,
    [MR_SEM_ISO_DATE] = MR_T_DATE,
    [MR_SEM_ISO_TIME] = MR_T_TIME,
    [MR_SEM_ISO_TS] = MR_T_TIMESTAMP,
    [MR_SEM_DURATION_US] = MR_T_INTERVAL,
    [MR_SEM_DURATION_NS] = MR_T_INTERVAL,
    [MR_SEM_INTERVAL] = MR_T_INTERVAL,
    [MR_SEM_AVRO_DURATION] = MR_T_INTERVAL,
    [MR_SEM_UUID] = MR_T_UUID,
    [MR_SEM_UUID_BYTES] = MR_T_UUID,
    [MR_SEM_BITS] = MR_T_VARBIT,
    [MR_SEM_VAR_DECIMAL_RECORD] = MR_T_NUMERIC,
    [MR_SEM_S_DATE] = MR_T_DATE,
    [MR_SEM_S_TIME] = MR_T_TIME,
    [MR_SEM_S_TS] = MR_T_TIMESTAMP,
    [MR_SEM_S_ZONED_TIME] = MR_T_TIMETZ,
    [MR_SEM_S_ZONED_TS] = MR_T_TIMESTAMPTZ,
    [MR_SEM_S_DURATION] = MR_T_INTERVAL,
    [MR_SEM_GEOMETRY] = MR_T_GEOMETRY,
    [MR_SEM_GEOGRAPHY] = MR_T_GEOGRAPHY,
    [MR_SEM_POINT] = MR_T_POINT,
    [MR_SEM_CIRCLE] = MR_T_CIRCLE,
    [MR_SEM_LINE] = MR_T_LINE,
    [MR_SEM_VECTOR] = MR_T_VECTOR,
    [MR_SEM_HALFVEC] = MR_T_HALFVEC,
    [MR_SEM_SPARSEVEC] = MR_T_SPARSEVEC,
    [MR_SEM_STRING_MAP] = MR_T_JSONB,
    [MR_SEM_ARRAY] = MR_T_ARRAY,
    [MR_SEM_NESTED] = MR_T_JSONB,
};

static int compare_name(const void *key, const void *entry)
{
    return strcmp(key, ((const struct connect_name *)entry)->name);
}

/* Exactly {scale int, value bytes}, in either order (T-09). */
static bool is_var_decimal(const struct mr_avro_node *node)
{
    if (node->n_fields != 2)
        return false;
    for (unsigned i = 0; i < 2; i++) {
        const struct mr_avro_field *scale = &node->fields[i];
        const struct mr_avro_field *value = &node->fields[1 - i];
        if (strcmp(scale->name, "scale") == 0 && scale->type->kind == MR_AV_INT &&
            strcmp(value->name, "value") == 0 && value->type->kind == MR_AV_BYTES)
            return true;
    }
    return false;
}

/* Structured times carry their precision and their column in the name (T-24). */
static bool by_structured_name(const char *name, enum mr_semantic *out)
{
    static const char prefix[] = "io.debezium.time.Structured";
    static const struct {
        const char *name;
        enum mr_semantic semantic;
    } types[] = {{"Date", MR_SEM_S_DATE},
                 {"Duration", MR_SEM_S_DURATION},
                 {"Timestamp", MR_SEM_S_TS},
                 {"Time", MR_SEM_S_TIME},
                 {"ZonedTimestamp", MR_SEM_S_ZONED_TS},
                 {"ZonedTime", MR_SEM_S_ZONED_TIME}};
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return false;
    name += sizeof prefix - 1;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t len = strlen(types[i].name);
        if (strncmp(name, types[i].name, len) != 0)
            continue;
        const char *rest = name + len;
        if (*rest != '\0' && strncmp(rest, "Precision", 9) != 0 &&
            strncmp(rest, "SourceColumn", 12) != 0)
            continue;
        *out = types[i].semantic;
        return true;
    }
    return false;
}

/* Is the type built as its producer builds it? */
static bool is_built(const struct mr_avro_node *node, enum mr_semantic *semantic)
{
    if (*semantic == MR_SEM_VAR_DECIMAL && !is_var_decimal(node))
        *semantic = MR_SEM_VAR_DECIMAL_RECORD;
    if (node->kind == MR_AV_ARRAY)
        return node->items->kind == MR_AV_DOUBLE || node->items->kind == MR_AV_FLOAT;
    const struct mr_record_spec *spec = mr_record_spec(*semantic);
    return spec == NULL || mr_record_fits(spec, node);
}

static bool by_connect_name(const struct mr_avro_node *node, const struct mr_avro_props *props,
                            enum mr_semantic *out)
{
    const char *name = props->connect_name;
    if (name == NULL && node->kind == MR_AV_RECORD)
        name = node->full_name;
    if (name == NULL)
        return false;
    const struct connect_name *found =
        bsearch(name, connect_names, sizeof connect_names / sizeof *connect_names,
                sizeof *connect_names, compare_name);
    if (found != NULL && (found->kinds & KIND(node->kind)) != 0)
        *out = found->semantic;
    else if (node->kind != MR_AV_RECORD || !by_structured_name(name, out))
        return false;
    return is_built(node, out);
}

/* map<string, string> (T-38). */
static bool is_string_map(const struct mr_avro_node *node)
{
    uint32_t null_branch;
    const struct mr_avro_node *inner = node->items;
    if (node->kind != MR_AV_MAP)
        return false;
    if (mr_avro_nullable(node->items, &inner, &null_branch) && inner == NULL)
        return false;
    return inner->kind == MR_AV_STRING && inner->props.connect_name == NULL;
}

static enum mr_semantic semantic_of(const struct mr_avro_node *node,
                                    const struct mr_avro_props *props)
{
    enum mr_semantic semantic;
    if (by_connect_name(node, props, &semantic))
        return semantic;
    if (props->logical != MR_LOGICAL_NONE) {
        semantic = by_logical[props->logical];
        return semantic == MR_SEM_UUID && node->kind == MR_AV_FIXED ? MR_SEM_UUID_BYTES : semantic;
    }
    if (is_string_map(node))
        return MR_SEM_STRING_MAP;
    bool small =
        node->kind == MR_AV_INT && props->connect_type != NULL &&
        (strcmp(props->connect_type, "int16") == 0 || strcmp(props->connect_type, "int8") == 0);
    return small ? MR_SEM_INT16 : by_kind[node->kind];
}

static void typed_scalar(const struct mr_avro_node *node, const struct mr_avro_props *props,
                         struct mr_typed *out)
{
    uint32_t null_branch;
    const struct mr_avro_node *inner = node;
    out->null_branch = -1;
    out->borrowed = false;
    if (mr_avro_nullable(node, &inner, &null_branch))
        out->null_branch = (int)null_branch;
    out->node = inner;
    out->props = props != NULL ? props : &inner->props;
    out->semantic = semantic_of(inner, out->props);
}

void mr_typed_of(const struct mr_avro_node *node, const struct mr_avro_props *props,
                 struct mr_typed *out)
{
    struct mr_typed items;
    typed_scalar(node, props, out);
    if (out->node->kind != MR_AV_ARRAY || out->semantic != MR_SEM_NESTED)
        return;
    typed_scalar(out->node->items, NULL, &items);
    if (items.semantic != MR_SEM_NESTED && items.semantic != MR_SEM_NULL &&
        !(items.semantic >= MR_SEM_VECTOR && items.semantic <= MR_SEM_STRING_MAP))
        out->semantic = MR_SEM_ARRAY;
}

void mr_typed_items(const struct mr_typed *array, struct mr_typed *out)
{
    typed_scalar(array->node->items, NULL, out);
}

static int32_t int_param(const struct mr_avro_props *props, const char *name, int32_t otherwise)
{
    const char *text = mr_avro_param(props, name);
    char *end;
    if (text == NULL)
        return otherwise;
    long v = strtol(text, &end, 10);
    if (end == text || *end != '\0' || v < INT32_MIN || v > INT32_MAX)
        return otherwise;
    return (int32_t)v;
}

int32_t mr_semantic_scale(const struct mr_avro_props *props)
{
    if (props->logical == MR_LOGICAL_DECIMAL)
        return props->scale;
    return int_param(props, "scale", 0);
}

int32_t mr_semantic_bits(const struct mr_avro_props *props)
{
    enum { MAX_BITS = 83886080 }; /* PostgreSQL's bit(n): BITS of 10 MiB */
    int32_t length = int_param(props, "length", INT32_MAX);
    return length > 0 && length <= MAX_BITS ? length : INT32_MAX;
}

static const char *source_type(const struct mr_avro_props *props)
{
    const char *type = mr_avro_param(props, "__debezium.source.column.type");
    return type != NULL ? type : "";
}

bool mr_semantic_is_varbit(const struct mr_avro_props *props)
{
    return strcasecmp(source_type(props), "varbit") == 0;
}

bool mr_semantic_is_bit(const struct mr_avro_props *props)
{
    return strcasecmp(source_type(props), "bit") == 0;
}

/* T-39: figures that come as geometries say so in their schema where the connector propagates it.
 */
static enum mr_type figure_type(const struct mr_typed *typed)
{
    static const enum mr_type types[] = {MR_T_BOX, MR_T_LSEG, MR_T_PATH, MR_T_POLYGON};
    for (size_t i = 0; i < sizeof types / sizeof *types && !typed->borrowed; i++) {
        if (strcasecmp(source_type(typed->props), mr_type_name(types[i])) == 0)
            return types[i];
    }
    return MR_T_GEOMETRY;
}

/* T-08: the converter writes precision 64 where the source has none. */
static void decimal_column(const struct mr_avro_props *props, struct mr_coltype *out)
{
    enum { FILLER_PRECISION = 64, MAX_PRECISION = 1000 };
    int32_t precision = int_param(props, "connect.decimal.precision", -1);
    int32_t scale = mr_semantic_scale(props);
    if (precision < 0 && props->logical == MR_LOGICAL_DECIMAL &&
        props->precision != FILLER_PRECISION)
        precision = props->precision;
    if (precision < 1 || precision > MAX_PRECISION || scale < 0 || scale > precision)
        return;
    out->precision = precision;
    out->scale = scale;
}

/* The column of a value that is no array. */
static void plain_column(const struct mr_typed *typed, struct mr_coltype *out)
{
    *out = (struct mr_coltype){
        .type = default_types[typed->semantic], .elem = MR_T_NONE, .length = -1, .precision = -1};
    if (typed->semantic == MR_SEM_DECIMAL) {
        decimal_column(typed->props, out);
    } else if (typed->semantic == MR_SEM_XML) {
        out->sql = "xml";
    } else if (typed->semantic == MR_SEM_TSVECTOR) {
        out->sql = "tsvector";
    } else if (typed->semantic == MR_SEM_GEOMETRY) {
        out->type = figure_type(typed);
    } else if (typed->semantic == MR_SEM_BITS) {
        int32_t bits = mr_semantic_bits(typed->props);
        bool varying = bits == INT32_MAX || mr_semantic_is_varbit(typed->props);
        out->type = varying ? MR_T_VARBIT : MR_T_BIT;
        out->length = bits == INT32_MAX ? -1 : bits;
    }
}

void mr_semantic_column(const struct mr_typed *typed, struct mr_coltype *out)
{
    if (typed->semantic != MR_SEM_ARRAY) {
        plain_column(typed, out);
        return;
    }
    struct mr_typed items;
    mr_typed_items(typed, &items);
    plain_column(&items, out); /* items are never arrays */
    if (out->type == MR_T_CAST)
        out->sql = items.semantic == MR_SEM_XML ? "xml[]" : "tsvector[]";
    out->elem = out->type;
    out->type = MR_T_ARRAY;
}

void mr_semantic_fallback(struct mr_coltype *type)
{
    static const enum mr_type types[MR_N_TYPES] = {
        [MR_T_POINT] = MR_T_TEXT,     [MR_T_LINE] = MR_T_TEXT,       [MR_T_CIRCLE] = MR_T_TEXT,
        [MR_T_BOX] = MR_T_TEXT,       [MR_T_LSEG] = MR_T_TEXT,       [MR_T_PATH] = MR_T_TEXT,
        [MR_T_POLYGON] = MR_T_TEXT,   [MR_T_LTREE] = MR_T_TEXT,      [MR_T_HSTORE] = MR_T_JSONB,
        [MR_T_GEOMETRY] = MR_T_BYTEA, [MR_T_GEOGRAPHY] = MR_T_BYTEA, [MR_T_SPARSEVEC] = MR_T_JSONB,
    };
    enum mr_type *scalar = type->type == MR_T_ARRAY ? &type->elem : &type->type;
    if (type->type == MR_T_VECTOR || type->type == MR_T_HALFVEC) {
        type->elem = type->type == MR_T_VECTOR ? MR_T_FLOAT8 : MR_T_FLOAT4;
        type->type = MR_T_ARRAY;
        type->length = -1;
    } else if (types[*scalar] != MR_T_NONE) {
        *scalar = types[*scalar];
    }
}

bool mr_semantic_cast(const char *name, struct mr_coltype *out)
{
    static const struct {
        const char *name;
        enum mr_type type;
    } names[] = {
        {"boolean", MR_T_BOOL},        {"bool", MR_T_BOOL},
        {"smallint", MR_T_INT2},       {"int2", MR_T_INT2},
        {"integer", MR_T_INT4},        {"int", MR_T_INT4},
        {"int4", MR_T_INT4},           {"bigint", MR_T_INT8},
        {"int8", MR_T_INT8},           {"real", MR_T_FLOAT4},
        {"float4", MR_T_FLOAT4},       {"double precision", MR_T_FLOAT8},
        {"double", MR_T_FLOAT8},       {"float8", MR_T_FLOAT8},
        {"numeric", MR_T_NUMERIC},     {"decimal", MR_T_NUMERIC},
        {"text", MR_T_TEXT},           {"varchar", MR_T_VARCHAR},
        {"bytea", MR_T_BYTEA},         {"date", MR_T_DATE},
        {"time", MR_T_TIME},           {"timetz", MR_T_TIMETZ},
        {"timestamp", MR_T_TIMESTAMP}, {"timestamptz", MR_T_TIMESTAMPTZ},
        {"interval", MR_T_INTERVAL},   {"uuid", MR_T_UUID},
        {"json", MR_T_JSON},           {"jsonb", MR_T_JSONB},
        {"varbit", MR_T_VARBIT},       {"oid", MR_T_OID},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcasecmp(names[i].name, name) != 0)
            continue;
        *out = (struct mr_coltype){
            .type = names[i].type, .elem = MR_T_NONE, .length = -1, .precision = -1};
        return true;
    }
    return false;
}
