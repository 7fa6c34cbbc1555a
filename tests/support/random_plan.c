/* Owns the generator of schemas and tables behind random_plan.h. Must not depend on anything but
 * the number, so that a stored input means the same plan for ever; an item that is added to a list
 * changes what old inputs test, which is why the corpus is only a start. */
#include "tests/support/random_plan.h"

#include <stdlib.h>
#include <string.h>

#define BITS_13                                                                                    \
    "{\"type\":\"bytes\",\"connect.name\":\"io.debezium.data.Bits\","                              \
    "\"connect.parameters\":{\"length\":\"13\"}}"

/* What plan 0 to 65535 choose from. */
static const char *const leaves[] = {
    "\"null\"",
    "\"boolean\"",
    "\"int\"",
    "\"long\"",
    "\"float\"",
    "\"double\"",
    "\"bytes\"",
    "\"string\"",
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":20,\"scale\":4}",
    "{\"type\":\"int\",\"logicalType\":\"date\"}",
    "{\"type\":\"int\",\"logicalType\":\"time-millis\"}",
    "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}",
    "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
    "{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\"}",
    "{\"type\":\"string\",\"logicalType\":\"uuid\"}",
    "{\"type\":\"int\",\"connect.type\":\"int16\"}",
    "{\"type\":\"int\",\"connect.name\":\"io.debezium.time.Date\"}",
    "{\"type\":\"long\",\"connect.name\":\"io.debezium.time.MicroTime\"}",
    "{\"type\":\"long\",\"connect.name\":\"io.debezium.time.NanoTime\"}",
    "{\"type\":\"long\",\"connect.name\":\"io.debezium.time.Timestamp\"}",
    "{\"type\":\"long\",\"connect.name\":\"io.debezium.time.MicroTimestamp\"}",
    "{\"type\":\"long\",\"connect.name\":\"io.debezium.time.NanoTimestamp\"}",
    "{\"type\":\"long\",\"connect.name\":\"io.debezium.time.MicroDuration\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.time.ZonedTimestamp\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.time.ZonedTime\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.time.Interval\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.time.IsoDate\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.time.IsoTime\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.time.IsoTimestamp\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.data.Uuid\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.data.Json\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.data.Xml\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.data.Ltree\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.data.Tsvector\"}",
    "{\"type\":\"string\",\"connect.name\":\"io.debezium.data.EnumSet\"}",
    BITS_13,
    "[\"null\",\"string\"]",
    "[\"null\",\"long\"]",
    "[\"int\",\"null\",\"string\"]",
    "[\"null\",{\"type\":\"array\",\"items\":\"int\"}]",
    "[\"null\",{\"type\":\"array\",\"items\":[\"null\",\"string\"]}]",
    "[\"null\",\"Row\"]", /* recursion */
};

/* Types with a name, which a schema may define once: %u makes it another one. */
static const char *const named[] = {
    "{\"type\":\"fixed\",\"name\":\"F%u\",\"size\":16}",
    "{\"type\":\"fixed\",\"name\":\"F%u\",\"size\":12,\"logicalType\":\"duration\"}",
    "{\"type\":\"enum\",\"name\":\"E%u\",\"symbols\":[\"a\",\"bb\",\"ccc\"]}",
    "{\"type\":\"record\",\"name\":\"V%u\",\"connect.name\":\"io.debezium.data."
    "VariableScaleDecimal\","
    "\"fields\":[{\"name\":\"scale\",\"type\":\"int\"},{\"name\":\"value\",\"type\":\"bytes\"}]}",
    "{\"type\":\"record\",\"name\":\"P%u\",\"connect.name\":\"io.debezium.data.geometry.Point\","
    "\"fields\":["
    "{\"name\":\"x\",\"type\":\"double\"},{\"name\":\"y\",\"type\":\"double\"},"
    "{\"name\":\"wkb\",\"type\":[\"null\",\"bytes\"]},{\"name\":\"srid\",\"type\":[\"null\","
    "\"int\"]}]}",
    "{\"type\":\"record\",\"name\":\"G%u\",\"connect.name\":\"io.debezium.data.geometry.Geometry\","
    "\"fields\":["
    "{\"name\":\"wkb\",\"type\":\"bytes\"},{\"name\":\"srid\",\"type\":[\"null\",\"int\"]},"
    "{\"name\":\"extensions\",\"type\":[\"null\",{\"type\":\"map\",\"values\":\"string\"}]}]}",
    "{\"type\":\"record\",\"name\":\"S%u\",\"connect.name\":\"io.debezium.data."
    "SparseDoubleVector\",\"fields\":["
    "{\"name\":\"dimensions\",\"type\":{\"type\":\"int\",\"connect.type\":\"int16\"}},"
    "{\"name\":\"vector\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"M%"
    "u\","
    "\"namespace\":\"io.confluent.connect.avro\",\"connect.internal.type\":\"MapEntry\",\"fields\":"
    "["
    "{\"name\":\"key\",\"type\":{\"type\":\"int\",\"connect.type\":\"int16\"}},"
    "{\"name\":\"value\",\"type\":\"double\"}]}}}]}",
    "{\"type\":\"array\",\"items\":\"double\",\"connect.name\":\"io.debezium.data.DoubleVector\"}",
    "{\"type\":\"map\",\"values\":[\"null\",\"string\"]}",
    "{\"type\":\"record\",\"name\":\"C%u\",\"connect.name\":\"io.debezium.data.geometry.Circle\","
    "\"fields\":[{\"name\":\"center\",\"type\":{\"type\":\"record\",\"name\":\"Q%u\",\"fields\":["
    "{\"name\":\"x\",\"type\":\"double\"},{\"name\":\"y\",\"type\":\"double\"}]}},"
    "{\"name\":\"radius\",\"type\":\"double\"}]}",
    "{\"type\":\"record\",\"name\":\"U%u\",\"connect.name\":\"io.debezium.time."
    "StructuredDuration\",\"fields\":["
    "{\"name\":\"years\",\"type\":\"int\"},{\"name\":\"months\",\"type\":\"int\"},"
    "{\"name\":\"days\",\"type\":\"int\"},{\"name\":\"hours\",\"type\":\"int\"},"
    "{\"name\":\"minutes\",\"type\":\"int\"},{\"name\":\"seconds\",\"type\":\"long\"},"
    "{\"name\":\"picoseconds\",\"type\":[\"null\",\"long\"]}]}",
    "{\"type\":\"record\",\"name\":\"T%u\",\"connect.name\":\"io.debezium.time."
    "StructuredTimestamp\","
    "\"fields\":[{\"name\":\"year\",\"type\":[\"null\",\"int\"]},{\"name\":\"month\",\"type\":["
    "\"null\",\"int\"]},"
    "{\"name\":\"day\",\"type\":[\"null\",\"int\"]},{\"name\":\"hour\",\"type\":[\"null\",\"int\"]}"
    ","
    "{\"name\":\"minute\",\"type\":[\"null\",\"int\"]},{\"name\":\"second\",\"type\":[\"null\","
    "\"int\"]},"
    "{\"name\":\"nanos\",\"type\":[\"null\",\"int\"]},"
    "{\"name\":\"specialValue\",\"type\":[\"null\",\"string\"]}]}",
};

enum {
    N_LEAVES = sizeof leaves / sizeof *leaves,
    N_NAMED = sizeof named / sizeof *named,
    MAX_DEPTH = 4
};

unsigned random_below(struct random_maker *maker, unsigned n)
{
    maker->rng ^= maker->rng << 13;
    maker->rng ^= maker->rng >> 7;
    maker->rng ^= maker->rng << 17;
    return (unsigned)(maker->rng >> 33) % n;
}

/* %u of a pattern is the name's number, each time. */
static void put_named(struct random_maker *maker, const char *pattern)
{
    unsigned number = maker->n_names++;
    for (const char *at = pattern; *at != '\0'; at++) {
        if (at[0] == '%' && at[1] == 'u') {
            mr_buf_fmt(&maker->text, "%u", number);
            at++;
        } else {
            mr_buf_byte(&maker->text, (uint8_t)*at);
        }
    }
}

void random_type(struct random_maker *maker, unsigned depth)
{
    struct mr_buf *out = &maker->text;
    unsigned kind = random_below(maker, depth >= MAX_DEPTH ? N_LEAVES : N_LEAVES + N_NAMED + 6);
    if (kind < N_LEAVES) {
        mr_buf_str(out, leaves[kind]);
    } else if (kind < N_LEAVES + N_NAMED) {
        put_named(maker, named[kind - N_LEAVES]);
    } else if (kind < N_LEAVES + N_NAMED + 4) {
        bool map = kind >= N_LEAVES + N_NAMED + 2;
        mr_buf_str(out, map ? "{\"type\":\"map\",\"values\":" : "{\"type\":\"array\",\"items\":");
        random_type(maker, depth + 1);
        mr_buf_str(out, "}");
    } else {
        unsigned n = random_below(maker, 4);
        mr_buf_fmt(out, "{\"type\":\"record\",\"name\":\"N%u\",\"fields\":[", maker->n_names++);
        for (unsigned i = 0; i < n; i++) {
            mr_buf_fmt(out, "%s{\"name\":\"f%u\",\"type\":", i > 0 ? "," : "", i);
            random_type(maker, depth + 1);
            mr_buf_str(out, "}");
        }
        mr_buf_str(out, "]}");
    }
}

void random_key_type(struct random_maker *maker)
{
    mr_buf_str(&maker->text, leaves[1 + random_below(maker, 15)]);
}

static void put_row(struct random_maker *maker)
{
    unsigned n = 1 + random_below(maker, 6);
    mr_buf_str(&maker->text, "{\"type\":\"record\",\"name\":\"Row\",\"fields\":[");
    for (unsigned i = 0; i < n; i++) {
        mr_buf_fmt(&maker->text, "%s{\"name\":\"c%u\",\"type\":", i > 0 ? "," : "", i);
        random_type(maker, 1);
        mr_buf_str(&maker->text, "}");
    }
    if (random_below(maker, 4) == 0)
        mr_buf_str(&maker->text, ",{\"name\":\"__deleted\",\"type\":[\"null\",\"string\"]}");
    mr_buf_str(&maker->text, "]}");
}

static void put_envelope(struct random_maker *maker)
{
    struct mr_buf *out = &maker->text;
    mr_buf_str(out, "{\"type\":\"record\",\"name\":\"Envelope\",\"fields\":["
                    "{\"name\":\"before\",\"type\":[\"null\",");
    put_row(maker);
    mr_buf_str(out,
               "]},{\"name\":\"after\",\"type\":[\"null\",\"Row\"]},{\"name\":\"source\",\"type\":"
               "{\"type\":\"record\",\"name\":\"Source\",\"namespace\":"
               "\"io.debezium.connector.postgresql\",\"fields\":["
               "{\"name\":\"ts_ms\",\"type\":\"long\"},{\"name\":\"table\",\"type\":\"string\"},"
               "{\"name\":\"lsn\",\"type\":[\"null\",\"long\"]},"
               "{\"name\":\"sequence\",\"type\":[\"null\",\"string\"]}]}},"
               "{\"name\":\"op\",\"type\":\"string\"}]}");
}

struct mr_schema *random_parse(struct random_maker *maker)
{
    struct mr_schema_opts opts = {.lenient_names = true};
    struct mr_schema_text source = {mr_buf_cstr(&maker->text), maker->text.len};
    struct mr_schema *schema = NULL;
    struct mr_err err = MR_ERR_INIT;
    if (mr_schema_parse(&source, 1, &opts, &schema, &err) < 0)
        schema = NULL;
    return schema;
}

/* Another type for a column; most combinations are refused by the compiler, which is a test too. */
void random_column(struct random_maker *maker, struct mr_coltype *type)
{
    static const enum mr_type types[] = {
        MR_T_TEXT,     MR_T_INT4,     MR_T_INT8,   MR_T_NUMERIC,     MR_T_FLOAT8,   MR_T_BOOL,
        MR_T_VARCHAR,  MR_T_DATE,     MR_T_TIME,   MR_T_TIMESTAMPTZ, MR_T_UUID,     MR_T_JSONB,
        MR_T_INTERVAL, MR_T_BYTEA,    MR_T_CAST,   MR_T_ARRAY,       MR_T_JSON,     MR_T_TIMESTAMP,
        MR_T_BIT,      MR_T_VARBIT,   MR_T_TIMETZ, MR_T_FLOAT4,      MR_T_POINT,    MR_T_LINE,
        MR_T_CIRCLE,   MR_T_BOX,      MR_T_LSEG,   MR_T_PATH,        MR_T_POLYGON,  MR_T_LTREE,
        MR_T_HSTORE,   MR_T_GEOMETRY, MR_T_VECTOR, MR_T_HALFVEC,     MR_T_SPARSEVEC};
    enum mr_type to = types[random_below(maker, sizeof types / sizeof *types)];
    *type = (struct mr_coltype){.type = to, .length = -1, .precision = -1};
    if (to == MR_T_CAST && random_below(maker, 2) == 0)
        type->elem = MR_T_CAST;
    if (to == MR_T_ARRAY)
        type->elem = random_below(maker, 2) == 0 ? MR_T_TEXT : MR_T_INT4;
    if (to == MR_T_VARCHAR || to == MR_T_BIT)
        type->length = 5;
    if (to == MR_T_NUMERIC && random_below(maker, 2) == 0) {
        type->precision = 7;
        type->scale = 2;
    }
}

/* The table that the shape asks for; one column in four is of another type where `other`. */
static struct mr_table *table_of(struct random_maker *maker, const struct mr_shape *shape,
                                 bool other)
{
    uint16_t n;
    const struct mr_shape_column *columns = mr_shape_columns(shape, &n);
    struct mr_table *table = mr_table_new();
    uint16_t *key = mr_arena_alloc(&table->arena, (size_t)n * sizeof *key);
    struct mr_unique *unique = mr_arena_alloc(&table->arena, sizeof *unique);
    table->columns = mr_arena_alloc(&table->arena, (size_t)n * sizeof *table->columns);
    *unique = (struct mr_unique){.primary = true, .cols = key};
    for (uint16_t i = 0; i < n; i++) {
        const char *name =
            mr_arena_copy(&table->arena, columns[i].name, strlen(columns[i].name) + 1);
        table->columns[i] = (struct mr_column){.name = name, .type = columns[i].type};
        if (other && random_below(maker, 4) == 0)
            random_column(maker, &table->columns[i].type);
        if (columns[i].key)
            key[unique->n_cols++] = i;
    }
    table->n_columns = n;
    table->uniques = unique;
    table->n_uniques = unique->n_cols > 0 ? 1 : 0;
    table->schema = "public";
    table->name = "t";
    return table;
}

static void compile(struct random_maker *maker,
                    const struct mr_emit_ops *const emits[RANDOM_PLAN_EMITS],
                    struct random_plan *out)
{
    static const char *const key_columns[] = {"c0"};
    struct mr_route route = {.create = true,
                             .strategy = random_below(maker, 4) == 0 ? MR_STRATEGY_APPEND
                                                                     : MR_STRATEGY_UPSERT,
                             .text_nul = (enum mr_text_nul)random_below(maker, 3),
                             .nanos_poison = random_below(maker, 2) == 0,
                             .excess_scale_round = random_below(maker, 2) == 0,
                             .unavailable_detect = true,
                             .nested_delimiter = maker->rng % 3 == 0 ? "_" : NULL,
                             .placeholder = "__debezium_unavailable_value",
                             .placeholder_len = 28,
                             .max_zero_size_items = 65536,
                             .max_identifier_bytes = 63};
    if (out->key == NULL && random_below(maker, 2) == 0) {
        route.key_columns = key_columns;
        route.n_key_columns = 1;
    }
    struct mr_shape_from from = {.key = out->key, .value = out->value, .topic = "t"};
    struct mr_shape *shape = NULL;
    struct mr_err err = MR_ERR_INIT;
    if (mr_shape_derive(&from, &route, NULL, &shape, &err) < 0)
        return;
    struct mr_table *table = table_of(maker, shape, random_below(maker, 2) == 0);
    for (int i = 0; i < RANDOM_PLAN_EMITS; i++) {
        if (mr_plan_compile(shape, table, emits[i], &route, &out->plans[i], &err) < 0)
            out->plans[i] = NULL;
    }
    mr_table_unref(table);
    mr_shape_free(shape);
}

void random_plan_make(uint32_t number, const struct mr_emit_ops *const emits[RANDOM_PLAN_EMITS],
                      struct random_plan *out)
{
    struct random_maker maker = {.rng = ((uint64_t)number + 1) * UINT64_C(0x9e3779b97f4a7c15),
                                 .text = MR_BUF_INIT};
    *out = (struct random_plan){.key = NULL};
    for (int i = 0; i < 4; i++)
        (void)random_below(&maker, 2); /* neighbouring numbers begin alike */
    if (random_below(&maker, 2) == 0)
        put_envelope(&maker);
    else
        put_row(&maker);
    out->value = random_parse(&maker);
    if (random_below(&maker, 2) == 0) {
        mr_buf_reset(&maker.text);
        mr_buf_str(&maker.text,
                   "{\"type\":\"record\",\"name\":\"Key\",\"fields\":[{\"name\":\"k\",\"type\":");
        random_key_type(&maker);
        mr_buf_str(&maker.text, "}]}");
        out->key = random_parse(&maker);
    }
    if (out->value != NULL)
        compile(&maker, emits, out);
    mr_buf_release(&maker.text);
}

void random_plan_release(struct random_plan *plan)
{
    for (int i = 0; i < RANDOM_PLAN_EMITS; i++)
        mr_plan_unref(plan->plans[i]);
    mr_schema_unref(plan->key);
    mr_schema_unref(plan->value);
    *plan = (struct random_plan){.key = NULL};
}
