/* Owns the generator behind wide_plan.h. Must not depend on anything but the number, so that a
 * stored input means the same plan for ever. */
#include "tests/support/wide_plan.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/nested_types.h"

enum { MAX_COLUMNS = 8 };

struct wide {
    struct random_maker maker; /* its text is the schema in the making */
    struct mr_buf reader;      /* the same for the reader, where there is one */
    struct mr_buf types;       /* of columns, one behind the other */
    size_t type_at[MAX_COLUMNS + 1];
    unsigned n_columns;
    bool nests; /* rows and arrays in arrays are columns of their own */
    bool resolves;
    bool plain;
    struct mr_route route;
    enum mr_format raw_key;
    bool envelope_topic;
    struct mr_route_column columns[3];
    const char *key_columns[2];
};

static unsigned below(struct wide *w, unsigned n)
{
    return random_below(&w->maker, n);
}

static bool one_in(struct wide *w, unsigned n)
{
    return below(w, n) == 0;
}

static void both(struct wide *w, const char *text)
{
    mr_buf_str(&w->maker.text, text);
    mr_buf_str(&w->reader, text);
}

/* ---- schemas ---- */

static bool is_type(struct mr_slice type, const char *text)
{
    return mr_slice_eq(type, mr_slice_str(text));
}

static bool contains(struct mr_slice text, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = 0; i + n <= text.len; i++) {
        if (memcmp(text.data + i, part, n) == 0)
            return true;
    }
    return false;
}

/* The reader's type of a column: the writer's, or one that resolves to it. */
static void put_reader_type(struct wide *w, struct mr_slice type)
{
    static const char *const wider[][2] = {
        {"\"int\"", "\"long\""},     {"\"int\"", "\"double\""},   {"\"long\"", "\"double\""},
        {"\"float\"", "\"double\""}, {"\"string\"", "\"bytes\""}, {"\"bytes\"", "\"string\""}};
    enum { N_WIDER = sizeof wider / sizeof *wider };
    unsigned how = below(w, 4);
    bool bare = type.data[0] == '"' && !is_type(type, "\"null\"");
    for (unsigned i = 0; how == 0 && i < N_WIDER; i++) {
        if (is_type(type, wider[i][0])) {
            mr_buf_str(&w->reader, wider[i][1]);
            return;
        }
    }
    if (how == 1 && bare)
        mr_buf_str(&w->reader, "[\"null\",");
    mr_buf_add(&w->reader, type.data, type.len);
    if (how == 1 && bare)
        mr_buf_str(&w->reader, "]");
}

static struct mr_slice column_type(const struct wide *w, unsigned idx)
{
    return (struct mr_slice){w->types.data + w->type_at[idx],
                             w->type_at[idx + 1] - w->type_at[idx]};
}

/* The types of the row's columns; the first is one that a key can have, in three of four. */
static void choose_types(struct wide *w)
{
    struct mr_buf text = w->maker.text;
    w->maker.text = w->types;
    w->n_columns = w->nests ? 3 + below(w, MAX_COLUMNS - 2) : 1 + below(w, MAX_COLUMNS);
    for (unsigned i = 0; i < w->n_columns; i++) {
        w->type_at[i] = w->maker.text.len;
        if (i < 2 && !one_in(w, 4))
            random_key_type(&w->maker);
        else if (w->nests)
            nested_type(&w->maker, 0);
        else
            random_type(&w->maker, 1);
    }
    w->type_at[w->n_columns] = w->maker.text.len;
    w->types = w->maker.text;
    w->maker.text = text;
}

static void put_row(struct wide *w)
{
    static const char *const flags[] = {
        "{\"name\":\"__deleted\",\"type\":[\"null\",\"string\"]}",
        "{\"name\":\"__deleted\",\"type\":\"boolean\"}",
        "{\"name\":\"__op\",\"type\":[\"null\",\"string\"]}",
        "{\"name\":\"__source_lsn\",\"type\":[\"null\",\"long\"]}",
        "{\"name\":\"__lsn\",\"type\":\"long\"},{\"name\":\"__sequence\",\"type\":\"string\"}",
        "{\"name\":\"__file\",\"type\":\"string\"},{\"name\":\"__pos\",\"type\":\"long\"}",
        "{\"name\":\"op\",\"type\":\"string\"}",
        "{\"name\":\"__source_ts_ms\",\"type\":\"long\"},{\"name\":\"__ord\",\"type\":\"int\"}",
    };
    both(w, "{\"type\":\"record\",\"name\":\"Row\",\"fields\":[{\"name\":\"z\",\"type\":\"null\"}");
    for (unsigned i = 0; i < w->n_columns; i++) {
        struct mr_slice type = column_type(w, i);
        mr_buf_fmt(&w->maker.text, ",{\"name\":\"c%u\",\"type\":", i);
        mr_buf_add(&w->maker.text, type.data, type.len);
        mr_buf_str(&w->maker.text, "}");
        if (i > 0 && one_in(w, 8))
            continue; /* a field that the reader does not know */
        mr_buf_fmt(&w->reader, ",{\"name\":\"c%u\",\"type\":", i);
        put_reader_type(w, type);
        mr_buf_str(&w->reader, "}");
    }
    for (unsigned i = 0; w->plain && i < sizeof flags / sizeof *flags; i++) {
        if (one_in(w, w->route.guard != MR_GUARD_NONE ? 2 : 4)) {
            both(w, ",");
            both(w, flags[i]);
        }
    }
    mr_buf_str(&w->reader, one_in(w, 2)
                               ? ",{\"name\":\"added\",\"type\":\"string\",\"default\":\"x\"}"
                               : ",{\"name\":\"added\",\"type\":[\"null\",\"int\"],"
                                 "\"default\":null}");
    both(w, "]}");
}

/* A row of a type of its own: some columns of the row, in another order. */
static void put_before(struct wide *w)
{
    bool any = false;
    both(w, "{\"type\":\"record\",\"name\":\"Before\",\"fields\":[");
    for (unsigned i = w->n_columns; i > 0; i--) {
        struct mr_slice type = column_type(w, i - 1);
        if (one_in(w, 4) || contains(type, "\"name\"") || contains(type, "Row"))
            continue;
        mr_buf_fmt(&w->maker.text, "%s{\"name\":\"c%u\",\"type\":", any ? "," : "", i - 1);
        mr_buf_fmt(&w->reader, "%s{\"name\":\"c%u\",\"type\":", any ? "," : "", i - 1);
        mr_buf_add(&w->maker.text, type.data, type.len);
        mr_buf_add(&w->reader, type.data, type.len);
        both(w, "}");
        any = true;
    }
    both(w, "]}");
}

/* What each connector says of where a change stands; by enum mr_guard_kind. */
static const char *const sources[] = {
    [MR_GUARD_NONE] = "\"fields\":[{\"name\":\"ts_ms\",\"type\":\"long\"}]",
    [MR_GUARD_LSN] = "\"namespace\":\"io.debezium.connector.postgresql\",\"fields\":["
                     "{\"name\":\"ts_ms\",\"type\":\"long\"},"
                     "{\"name\":\"lsn\",\"type\":[\"null\",\"long\"]},"
                     "{\"name\":\"sequence\",\"type\":[\"null\",\"string\"]}]",
    [MR_GUARD_BINLOG] = "\"namespace\":\"io.debezium.connector.mysql\",\"fields\":["
                        "{\"name\":\"ts_ms\",\"type\":\"long\"},{\"name\":\"file\",\"type\":"
                        "\"string\"},{\"name\":\"pos\",\"type\":\"long\"},"
                        "{\"name\":\"row\",\"type\":\"int\"}]",
    [MR_GUARD_SQLSERVER] = "\"namespace\":\"io.debezium.connector.sqlserver\",\"fields\":["
                           "{\"name\":\"commit_lsn\",\"type\":[\"null\",\"string\"]},"
                           "{\"name\":\"change_lsn\",\"type\":[\"null\",\"string\"]},"
                           "{\"name\":\"event_serial_no\",\"type\":[\"null\",\"long\"]}]",
    [MR_GUARD_SCN] = "\"namespace\":\"io.debezium.connector.oracle\",\"fields\":["
                     "{\"name\":\"ts_ms\",\"type\":[\"null\",\"long\"]},"
                     "{\"name\":\"scn\",\"type\":[\"null\",\"string\"]},"
                     "{\"name\":\"commit_scn\",\"type\":[\"null\",\"string\"]},"
                     "{\"name\":\"ssn\",\"type\":[\"null\",\"long\"]},"
                     "{\"name\":\"redo_thread\",\"type\":[\"null\",\"int\"]}]",
    [MR_GUARD_MONGO] = "\"namespace\":\"io.debezium.connector.mongodb\",\"fields\":["
                       "{\"name\":\"ts_ms\",\"type\":\"long\"},{\"name\":\"ord\",\"type\":"
                       "\"int\"}]",
    [MR_GUARD_FIELDS] = "\"fields\":[{\"name\":\"ts_us\",\"type\":\"long\"}]",
};

static void put_op(struct wide *w)
{
    both(w, one_in(w, 4) ? "{\"name\":\"op\",\"type\":[\"null\",\"string\"]}"
                         : "{\"name\":\"op\",\"type\":\"string\"}");
}

static void put_rows(struct wide *w, bool document)
{
    static const char json[] = "{\"type\":\"string\",\"connect.name\":\"io.debezium.data.Json\"}";
    both(w, "{\"name\":\"before\",\"type\":[\"null\",");
    bool own = !document && one_in(w, 4);
    if (document)
        both(w, json);
    else if (own)
        put_before(w);
    else
        put_row(w);
    bool bare = !document && one_in(w, 8);
    both(w,
         bare ? "]},{\"name\":\"after\",\"type\":" : "]},{\"name\":\"after\",\"type\":[\"null\",");
    if (document)
        both(w, json);
    else if (own)
        put_row(w);
    else
        both(w, "\"Row\"");
    both(w, bare ? "}" : "]}");
}

static void put_envelope(struct wide *w)
{
    bool op_first = one_in(w, 2);
    both(w, "{\"type\":\"record\",\"name\":\"Envelope\",\"fields\":[");
    if (op_first) {
        put_op(w);
        both(w, ",");
    }
    put_rows(w, one_in(w, 6));
    both(w, ",{\"name\":\"source\",\"type\":{\"type\":\"record\",\"name\":\"Source\",");
    both(w, sources[w->route.guard != MR_GUARD_NONE ? w->route.guard : below(w, 6)]);
    both(w, "}}");
    if (!op_first) {
        both(w, ",");
        put_op(w);
    }
    if (one_in(w, 2))
        both(w, ",{\"name\":\"transaction\",\"type\":[\"null\",{\"type\":\"record\",\"name\":"
                "\"Block\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"}]}]}");
    both(w, "]}");
}

static void put_value(struct wide *w)
{
    unsigned kind = below(w, 16);
    choose_types(w);
    w->plain = kind < 6;
    if (kind == 15) {
        w->route.value_column = "v";
        if (w->nests)
            nested_type(&w->maker, 0);
        else
            random_type(&w->maker, 2);
        w->resolves = false;
    } else if (w->plain) {
        put_row(w);
    } else {
        put_envelope(w);
    }
}

/* ---- keys ---- */

static void put_key_field(struct wide *w, unsigned idx)
{
    struct mr_slice type = column_type(w, idx);
    mr_buf_fmt(&w->maker.text, "%s{\"name\":\"c%u\",\"type\":", idx > 0 ? "," : "", idx);
    if (contains(type, "Row"))
        mr_buf_str(&w->maker.text, "\"long\"");
    else
        mr_buf_add(&w->maker.text, type.data, type.len);
    mr_buf_str(&w->maker.text, "}");
}

/* A key schema's text, or none; what the route says of keys. */
static void put_key(struct wide *w)
{
    static const enum mr_format raw[] = {MR_FORMAT_STRING, MR_FORMAT_INT32, MR_FORMAT_INT64,
                                         MR_FORMAT_BYTES};
    unsigned kind = below(w, 10);
    unsigned n = w->n_columns > 1 && one_in(w, 2) ? 2 : 1;
    bool own = one_in(w, 2);
    w->key_columns[0] = own ? "k" : "c0";
    w->key_columns[1] = "c1";
    if (kind < 3) { /* the row's own columns */
        mr_buf_str(&w->maker.text, "{\"type\":\"record\",\"name\":\"Key\",\"fields\":[");
        for (unsigned i = 0; i < n; i++)
            put_key_field(w, i);
        mr_buf_str(&w->maker.text, "]}");
    } else if (kind == 3) { /* a column that only the key has */
        mr_buf_str(&w->maker.text,
                   "{\"type\":\"record\",\"name\":\"Key\",\"fields\":[{\"name\":\"k\",\"type\":");
        random_key_type(&w->maker);
        mr_buf_str(&w->maker.text, "}]}");
    } else if (kind < 8) {
        w->route.key_columns = w->key_columns;
        w->route.n_key_columns = 1;
        if (kind == 4) {
            random_key_type(&w->maker);
        } else if (kind < 7) {
            w->raw_key = raw[below(w, 4)];
        } else {
            w->key_columns[0] = "c0";
            w->route.n_key_columns = (uint16_t)n;
            w->route.key_from_value = true;
        }
    }
}

/* ---- the route ---- */

static void choose_meta(struct wide *w)
{
    static const struct mr_route_meta meta[] = {{MR_META_TOPIC, "m_topic"},
                                                {MR_META_PARTITION, "m_partition"},
                                                {MR_META_OFFSET, "m_offset"},
                                                {MR_META_OP, "m_op"},
                                                {MR_META_TS, "m_ts"},
                                                {MR_META_SOURCE_TS, "m_source_ts"},
                                                {MR_META_LOADED_AT, "m_loaded_at"},
                                                {MR_META_SCHEMA_ID, "m_schema_id"}};
    static const struct mr_route_constant constants[] = {
        {"k_text", MR_CONSTANT_TEXT, "eu", NULL},
        {"k_whole", MR_CONSTANT_WHOLE, "-7", NULL},
        {"k_real", MR_CONSTANT_REAL, "2.5", NULL},
        {"k_truth", MR_CONSTANT_TRUTH, "true", NULL},
        {"k_cast", MR_CONSTANT_TEXT, "2024-02-29", "date"}};
    unsigned first = below(w, 8);
    if (one_in(w, 3)) {
        w->route.meta = meta + first;
        w->route.n_meta = (uint16_t)(8 - first);
    }
    if (one_in(w, 4)) {
        w->route.constants = constants;
        w->route.n_constants = (uint16_t)(1 + below(w, 5));
    }
}

static void choose_columns(struct wide *w)
{
    static const char *const fields[] = {"c1", "c2", "c3"};
    static const char *const casts[] = {"text",     "integer",    "bigint", "numeric(7,2)",
                                        "boolean",  "bytea",      "date",   "timestamptz",
                                        "jsonb",    "inet",       "real",   "uuid",
                                        "interval", "varchar(4)", "time"};
    static const char *const units[] = {"s", "ms", "us", "ns", "days"};
    for (unsigned i = 0; i < 3; i++) {
        struct mr_route_column *column = &w->columns[i];
        *column = (struct mr_route_column){.field = fields[i]};
        unsigned kind = below(w, 4);
        if (kind == 0)
            column->cast = casts[below(w, sizeof casts / sizeof *casts)];
        else if (kind == 1)
            column->unit = units[below(w, 5)];
        else if (kind == 2)
            column->detect_off = true;
    }
    if (one_in(w, 3)) {
        w->route.columns = w->columns;
        w->route.n_columns = 3;
    }
}

static void choose_route(struct wide *w)
{
    static const char *const null_columns[] = {"c0", "c1", "c2", "c4"};
    static const char *const guard_fields[] = {"c0", "c1"};
    struct mr_route *route = &w->route;
    *route = (struct mr_route){
        .create = true,
        .strategy = one_in(w, 5) ? MR_STRATEGY_APPEND : MR_STRATEGY_UPSERT,
        .evolve = MR_EVOLVE_DISCARD_COLUMN,
        .text_nul = (enum mr_text_nul)below(w, 3),
        .truncate = (enum mr_truncate)below(w, 3),
        .tombstone_ignore = one_in(w, 8),
        .nanos_poison = one_in(w, 2),
        .excess_scale_round = one_in(w, 2),
        .zone_east_s = one_in(w, 3) ? 19800 : 0,
        .key_change_before = one_in(w, 2),
        .keyless_match_full = one_in(w, 2),
        .unavailable_detect = !one_in(w, 4),
        .guard = one_in(w, 2) ? (enum mr_guard_kind)below(w, MR_GUARD_FIELDS + 1) : MR_GUARD_NONE,
        .guard_fields = guard_fields,
        .n_guard_fields = (uint16_t)(1 + below(w, 2)),
        .guard_column = "_guard",
        .envelope_prefix = one_in(w, 6) ? "" : NULL,
        .nested_delimiter = one_in(w, 3) && !w->nests ? "_" : NULL,
        .placeholder = "__debezium_unavailable_value",
        .placeholder_len = 28,
        .max_zero_size_items = one_in(w, 4) ? 16 : 65536,
        .max_record_bytes = one_in(w, 32) ? 64 : 0,
        .max_identifier_bytes = 63};
    if (one_in(w, 2)) {
        route->null_columns = null_columns;
        route->n_null_columns = 4;
    }
    choose_meta(w);
    choose_columns(w);
    w->envelope_topic = one_in(w, 2);
    w->resolves = one_in(w, 3);
}

/* ---- tables ---- */

/* What no shape asks for. */
static void other_type(struct wide *w, struct mr_column *column)
{
    static const char *texts[] = {"a", "bb", "u"};
    static const struct mr_labels labels = {3, texts};
    struct mr_coltype *type = &column->type;
    switch (below(w, 8)) {
    case 0:
        *type = (struct mr_coltype){
            .type = MR_T_ENUM, .length = -1, .precision = -1, .labels = &labels};
        break;
    case 1:
        *type = (struct mr_coltype){.type = MR_T_BPCHAR, .length = 3, .precision = -1};
        break;
    case 2:
        *type = (struct mr_coltype){.type = MR_T_OID, .length = -1, .precision = -1};
        break;
    case 3:
        *type = (struct mr_coltype){
            .type = MR_T_CAST, .length = -1, .precision = -1, .composite = true};
        break;
    case 4:
        *type = (struct mr_coltype){
            .type = MR_T_TEXT, .length = -1, .precision = -1, .as_number = true};
        break;
    case 5:
        type->domain = true;
        break;
    default:
        random_column(&w->maker, type);
        if (type->type == MR_T_INTERVAL || type->type == MR_T_TIMESTAMP ||
            type->type == MR_T_TIMESTAMPTZ || type->type == MR_T_TIME)
            type->precision = (int32_t)below(w, 8) - 1;
        break;
    }
}

static bool is_guard(const struct mr_shape_column *column)
{
    return strcmp(column->name, "_guard") == 0;
}

/* The record of the row, itself or in an envelope. */
static const struct mr_avro_node *row_of(const struct mr_avro_node *root)
{
    for (unsigned i = 0; root->kind == MR_AV_RECORD && i < root->n_fields; i++) {
        struct mr_typed typed;
        mr_typed_of(root->fields[i].type, NULL, &typed);
        if (typed.node->kind == MR_AV_RECORD && strcmp(typed.node->name, "Row") == 0)
            return typed.node;
    }
    return root;
}

/* What fills the column; false: no field of the row. */
static bool filled_by(const struct mr_schema *value, const char *name, struct mr_typed *out)
{
    const struct mr_avro_node *row = row_of(value->root);
    mr_typed_of(value->root, NULL, out);
    if (strcmp(name, "v") == 0)
        return true;
    for (unsigned i = 0; row->kind == MR_AV_RECORD && i < row->n_fields; i++) {
        mr_typed_of(row->fields[i].type, &row->fields[i].props, out);
        if (strcmp(row->fields[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Columns as the shape asks for them, or of other types, turned round, missing, made by the table.
 */
static struct mr_table *table_of(struct wide *w, const struct mr_shape *shape,
                                 const struct mr_schema *value)
{
    uint16_t n;
    const struct mr_shape_column *wanted = mr_shape_columns(shape, &n);
    struct mr_table *table = mr_table_new();
    uint16_t *key = mr_arena_alloc(&table->arena, ((size_t)n + 1) * sizeof *key);
    struct mr_unique *unique = mr_arena_alloc(&table->arena, sizeof *unique);
    bool other = one_in(w, w->nests ? 8 : 2);
    bool turned = one_in(w, 2);
    bool lossy = one_in(w, 4);
    table->columns = mr_arena_alloc(&table->arena, ((size_t)n + 1) * sizeof *table->columns);
    *unique = (struct mr_unique){.primary = true, .cols = key};
    for (uint16_t i = 0; i < n; i++) {
        const struct mr_shape_column *from = &wanted[turned ? n - 1 - i : i];
        if (lossy && !from->key && !is_guard(from) && one_in(w, 4))
            continue;
        struct mr_column *column = &table->columns[table->n_columns];
        *column = (struct mr_column){
            .name = mr_arena_copy(&table->arena, from->name, strlen(from->name) + 1),
            .type = from->type,
            .not_null = !from->key && one_in(w, 16),
            .generated = !from->key && !is_guard(from) && one_in(w, 24)};
        struct mr_typed typed;
        if (w->nests && !from->key && value != NULL && filled_by(value, from->name, &typed))
            nested_column(&w->maker, &table->arena, &typed, &column->type);
        if (other && !is_guard(from) && one_in(w, 4))
            other_type(w, column);
        if (from->key)
            key[unique->n_cols++] = table->n_columns;
        table->n_columns++;
    }
    table->uniques = unique;
    table->n_uniques = unique->n_cols > 0 ? 1 : 0;
    table->schema = "public";
    table->name = "t";
    return table;
}

/* ---- plans ---- */

static void compile(struct wide *w, const struct mr_emit_ops *const emits[RANDOM_PLAN_EMITS],
                    struct wide_plan *out)
{
    struct mr_shape_from from = {.key = out->key,
                                 .raw_key = w->raw_key,
                                 .value = out->value,
                                 .topic = "t",
                                 .envelope_topic = w->envelope_topic};
    struct mr_shape *shape = NULL;
    struct mr_err err = MR_ERR_INIT;
    if (mr_shape_derive(&from, &w->route, NULL, &shape, &err) < 0)
        return;
    struct mr_table *table = table_of(w, shape, out->value);
    for (int i = 0; i < RANDOM_PLAN_EMITS; i++) {
        if (mr_plan_compile(shape, table, emits[i], &w->route, &out->plans[i], &err) < 0)
            out->plans[i] = NULL;
    }
    mr_table_unref(table);
    mr_shape_free(shape);
}

/* The writer's schema, and where the route has one the reader's. False: nothing is read by it. */
static bool values(struct wide *w, struct wide_plan *out)
{
    struct mr_err err = MR_ERR_INIT;
    put_value(w);
    out->writer = random_parse(&w->maker);
    if (out->writer == NULL)
        return false;
    if (!w->resolves) {
        out->value = mr_schema_ref(out->writer);
        return true;
    }
    mr_buf_reset(&w->maker.text);
    mr_buf_add(&w->maker.text, w->reader.data, w->reader.len);
    out->value = random_parse(&w->maker);
    return out->value != NULL &&
           mr_resolver_compile(out->writer, out->value, &out->resolver, &err) == 0;
}

void wide_plan_make(uint32_t number, const struct mr_emit_ops *const emits[RANDOM_PLAN_EMITS],
                    struct wide_plan *out)
{
    struct wide w = {.maker = {.rng = ((uint64_t)number + 1) * UINT64_C(0xd1b54a32d192ed03),
                               .text = MR_BUF_INIT},
                     .reader = MR_BUF_INIT,
                     .types = MR_BUF_INIT,
                     .raw_key = MR_FORMAT_AUTO,
                     .nests = number >= WIDE_PLAN_NESTED};
    *out = (struct wide_plan){.key = NULL};
    for (int i = 0; i < 4; i++)
        (void)below(&w, 2); /* neighbouring numbers begin alike */
    choose_route(&w);
    bool ok = values(&w, out);
    mr_buf_reset(&w.maker.text);
    put_key(&w);
    if (w.maker.text.len > 0)
        out->key = random_parse(&w.maker);
    if (one_in(&w, 32)) { /* the key alone is known */
        mr_schema_unref(out->value);
        out->value = NULL;
    }
    if (ok)
        compile(&w, emits, out);
    mr_buf_release(&w.maker.text);
    mr_buf_release(&w.reader);
    mr_buf_release(&w.types);
}

void wide_plan_release(struct wide_plan *plan)
{
    for (int i = 0; i < RANDOM_PLAN_EMITS; i++)
        mr_plan_unref(plan->plans[i]);
    mr_resolver_free(plan->resolver);
    mr_schema_unref(plan->key);
    mr_schema_unref(plan->value);
    mr_schema_unref(plan->writer);
    *plan = (struct wide_plan){.key = NULL};
}
