#include "tests/support/plan_case.h"

#include <stdio.h>
#include <stdlib.h>

#include "schemas/semantic.h"
#include "tests/support/emit_text.h"
#include "tests/support/mr_test.h"

void plan_case_init(struct plan_case *pc)
{
    static const char placeholder[] = "__debezium_unavailable_value";
    *pc = (struct plan_case){.topic = "s.public.t", .emit = &mr_emit_text, .err = MR_ERR_INIT};
    pc->route.create = true;
    pc->route.unavailable_detect = true;
    pc->route.placeholder = placeholder;
    pc->route.placeholder_len = sizeof placeholder - 1;
    pc->route.max_zero_size_items = 65536;
    pc->route.max_record_bytes = 64u * 1024 * 1024;
    pc->route.max_identifier_bytes = 63;
    pc->decoder = mr_decoder_new();
    pc->in = (struct mr_record_in){.timestamp_ms = -1, .schema_id = -1};
    MR_CHECK(pc->decoder != NULL);
}

void plan_case_release(struct plan_case *pc)
{
    mr_plan_unref(pc->plan);
    mr_table_unref(pc->table);
    mr_decoder_free(pc->decoder);
}

static const char *keep_text(struct mr_table *table, const char *text, size_t len)
{
    char *copy = mr_arena_alloc(&table->arena, len + 1);
    MR_CHECK(copy != NULL);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

static bool has_fraction(enum mr_type type)
{
    return type == MR_T_TIME || type == MR_T_TIMETZ || type == MR_T_TIMESTAMP ||
           type == MR_T_TIMESTAMPTZ || type == MR_T_INTERVAL;
}

static void column_type(const char *word, struct mr_column *column)
{
    char name[64];
    int a = -1;
    int b = -1;
    (void)snprintf(name, sizeof name, "%s", word);
    char *open = strchr(name, '(');
    if (open != NULL) {
        (void)sscanf(open, "(%d,%d)", &a, &b);
        *open = '\0';
    }
    bool array = strstr(word, "[]") != NULL;
    char *square = strchr(name, '[');
    if (square != NULL)
        *square = '\0';
    column->type = (struct mr_coltype){.length = -1, .precision = -1};
    for (int t = MR_T_NONE + 1; t < MR_N_TYPES; t++) {
        if (strcmp(mr_type_name((enum mr_type)t), name) == 0)
            column->type.type = (enum mr_type)t;
    }
    if (column->type.type == MR_T_NONE)
        MR_FAIL("unknown type %s", word);
    if ((column->type.type == MR_T_NUMERIC || column->type.type == MR_T_CAST) && a >= 0 &&
        (b >= 0 || column->type.type == MR_T_NUMERIC)) {
        column->type.precision = a;
        column->type.scale = b >= 0 ? b : 0;
    } else if (has_fraction(column->type.type)) {
        column->type.precision = a;
    } else if (a >= 0) {
        column->type.length = a;
    }
    if (array) {
        column->type.elem = column->type.type;
        /* an array of what is cast has no writer: it is cast, too */
        column->type.type = column->type.type == MR_T_CAST || mr_is_geometry(column->type.type)
                                ? MR_T_CAST
                                : MR_T_ARRAY;
    }
}

/* One column of the text; returns what is behind its comma. */
static const char *table_column(struct mr_table *table, const char *at, uint16_t *key,
                                uint16_t *n_key)
{
    struct mr_column *column = &table->columns[table->n_columns];
    char word[64];
    int n = 0;
    for (int place = 0; sscanf(at, " %63[^ ,(]%n", word, &n) == 1; place++) {
        const char *end = at + n;
        if (*end == '(') { /* numeric(5,2) holds a comma */
            end = strchr(end, ')') + 1;
            if (end[0] == '[')
                end += 2;
            (void)snprintf(word, sizeof word, "%.*s", (int)(end - at), at);
        }
        const char *text = word + strspn(word, " ");
        at = end;
        if (place == 0)
            column->name = keep_text(table, text, strlen(text));
        else if (place == 1)
            column_type(text, column);
        else if (strcmp(text, "pk") == 0)
            key[(*n_key)++] = table->n_columns;
        else if (strcmp(text, "notnull") == 0)
            column->not_null = true;
        else if (strcmp(text, "default") == 0)
            column->has_default = true;
        else if (strcmp(text, "generated") == 0)
            column->generated = true;
        else
            MR_FAIL("unknown word %s", text);
        if (*at == ',')
            break;
    }
    table->n_columns++;
    return *at == ',' ? at + 1 : at;
}

static struct mr_table *table_room(uint16_t n_columns)
{
    struct mr_table *table = mr_table_new();
    MR_CHECK(table != NULL);
    table->schema = "public";
    table->name = "t";
    table->columns = mr_arena_alloc(&table->arena, n_columns * sizeof *table->columns);
    MR_CHECK(table->columns != NULL);
    memset(table->columns, 0, n_columns * sizeof *table->columns);
    return table;
}

static void table_key(struct mr_table *table, const uint16_t *key, uint16_t n_key)
{
    if (n_key == 0)
        return;
    uint16_t *cols = mr_arena_alloc(&table->arena, n_key * sizeof *cols);
    table->uniques = mr_arena_alloc(&table->arena, sizeof *table->uniques);
    MR_CHECK(cols != NULL && table->uniques != NULL);
    memcpy(cols, key, n_key * sizeof *cols);
    table->uniques[0] = (struct mr_unique){.n_cols = n_key, .primary = true, .cols = cols};
    table->n_uniques = 1;
    for (uint16_t k = 0; k < n_key; k++)
        table->columns[key[k]].not_null = true;
}

void plan_case_table(struct plan_case *pc, const char *columns)
{
    uint16_t key[32];
    uint16_t n_key = 0;
    struct mr_table *table = table_room(64);
    while (*columns != '\0')
        columns = table_column(table, columns, key, &n_key);
    table_key(table, key, n_key);
    mr_table_unref(pc->table);
    pc->table = table;
}

static void alter_columns(struct mr_table *table, const struct mr_ddl *ddl)
{
    for (uint16_t i = 0; i < ddl->n_columns; i++) {
        int at = mr_table_column(table, ddl->columns[i].name);
        MR_CHECK(at >= 0);
        if (ddl->kind == MR_DDL_WIDEN)
            table->columns[at].type = ddl->columns[i].type;
        else
            table->columns[at].not_null = false;
    }
}

static void add_columns(struct mr_table *table, const struct mr_ddl *ddl)
{
    for (uint16_t i = 0; i < ddl->n_columns; i++) {
        const struct mr_shape_column *from = &ddl->columns[i];
        struct mr_column *to = &table->columns[table->n_columns++];
        *to = (struct mr_column){.type = from->type, .not_null = from->not_null};
        to->name = keep_text(table, from->name, strlen(from->name));
    }
}

/* The table as the sink would have it after the DDL. */
static void apply(struct plan_case *pc, const struct mr_ddl *ddl)
{
    const struct mr_table *old = pc->table;
    uint16_t n_old = old != NULL ? old->n_columns : 0;
    if (ddl->kind == MR_DDL_NONE)
        return;
    struct mr_table *table = table_room((uint16_t)(n_old + ddl->n_columns));
    table->made_by_us = old == NULL || old->made_by_us;
    for (uint16_t i = 0; i < n_old; i++) {
        table->columns[i] = old->columns[i];
        table->columns[i].name =
            keep_text(table, old->columns[i].name, strlen(old->columns[i].name));
    }
    table->n_columns = n_old;
    if (ddl->kind == MR_DDL_CREATE || ddl->kind == MR_DDL_ADD_COLUMNS)
        add_columns(table, ddl);
    else if (ddl->kind != MR_DDL_ADD_KEY)
        alter_columns(table, ddl);
    if (ddl->kind == MR_DDL_CREATE || ddl->kind == MR_DDL_ADD_KEY)
        table_key(table, ddl->key, ddl->n_key);
    else if (old != NULL && old->n_uniques > 0)
        table_key(table, old->uniques[0].cols, old->uniques[0].n_cols);
    mr_table_unref(pc->table);
    pc->table = table;
}

static struct mr_schema *parse(struct plan_case *pc, const char *json)
{
    struct mr_schema *schema = NULL;
    struct mr_schema_text text = {.json = json, .len = json != NULL ? strlen(json) : 0};
    struct mr_schema_opts opts = {.lenient_names = true};
    if (json == NULL)
        return NULL;
    if (mr_schema_parse(&text, 1, &opts, &schema, &pc->err) < 0)
        MR_FAIL("schema: %s: %s", mr_code_printed((int)pc->err.code), pc->err.detail);
    return schema;
}

/* One alteration; 0 when nothing is left to alter, 1 when there was one. */
static int alter_once(struct plan_case *pc, const struct mr_shape *shape)
{
    struct mr_arena arena;
    struct mr_ddl ddl;
    mr_arena_init(&arena, 0, 0);
    int rc = mr_evolve_diff(shape, pc->table, &pc->route, &arena, &ddl, &pc->err);
    if (rc == 0 && ddl.kind != MR_DDL_NONE) {
        apply(pc, &ddl);
        rc = 1;
    }
    mr_arena_release(&arena);
    return rc;
}

static int compile(struct plan_case *pc, struct mr_shape *shape)
{
    int rc = 1;
    for (int i = 0; rc == 1 && i < 8; i++)
        rc = alter_once(pc, shape);
    MR_CHECK(rc <= 0);
    return rc < 0 ? rc
                  : mr_plan_compile(shape, pc->table, pc->emit, &pc->route, &pc->plan, &pc->err);
}

int plan_case_open(struct plan_case *pc, const char *key, const char *value)
{
    struct mr_shape *shape = NULL;
    struct mr_shape_from from = {
        .raw_key = pc->raw_key, .topic = pc->topic, .envelope_topic = pc->envelope_topic};
    mr_err_clear(&pc->err);
    mr_plan_unref(pc->plan);
    pc->plan = NULL;
    from.key = parse(pc, key);
    from.value = parse(pc, value);
    int rc = mr_shape_derive(&from, &pc->route, pc->table, &shape, &pc->err);
    if (rc == 0)
        rc = compile(pc, shape);
    mr_shape_free(shape);
    mr_schema_unref(from.key);
    mr_schema_unref(from.value);
    return rc;
}

/* The record in buffers of exactly its size, so that ASan sees a read past its end. */
static struct mr_slice exact(struct mr_slice from, uint8_t **owned)
{
    *owned = malloc(from.len == 0 ? 1 : from.len);
    MR_CHECK(*owned != NULL);
    if (from.len > 0)
        memcpy(*owned, from.data, from.len);
    return (struct mr_slice){from.data != NULL ? *owned : NULL, from.len};
}

const char *plan_case_run(struct plan_case *pc, struct mr_slice key, struct mr_slice value)
{
    static char text[65536];
    uint8_t *owned_key;
    uint8_t *owned_value;
    struct mr_decoded *d = &pc->decoded;
    pc->in.key = exact(key, &owned_key);
    if (pc->in.raw_key.data != NULL && key.data > pc->in.raw_key.data &&
        key.data < pc->in.raw_key.data + pc->in.raw_key.len)
        pc->in.key = key; /* where it stands says how long its frame is */
    pc->in.value = exact(value, &owned_value);
    pc->in.topic = pc->topic;
    mr_err_clear(&pc->err);
    int rc = mr_decode_record(pc->plan, pc->decoder, &pc->in, d, &pc->err);
    if (rc < 0)
        (void)snprintf(text, sizeof text, "!%s", mr_code_printed(rc));
    else if (d->op == MR_REC_SKIP)
        (void)snprintf(text, sizeof text, "%s", d->skip);
    else if (d->op == MR_REC_TRUNCATE)
        (void)snprintf(text, sizeof text, "t");
    else if (d->op == MR_REC_DELETE && d->match.data != NULL)
        (void)snprintf(text, sizeof text, "d=%s", mr_emit_text_tuple(d->match, d->match_mask));
    else if (d->op == MR_REC_DELETE)
        (void)snprintf(text, sizeof text, "d%s", mr_emit_text_tuple(d->key_tuple, NULL));
    else
        (void)snprintf(text, sizeof text, "%c%s", d->op == MR_REC_APPEND ? 'a' : d->op_letter,
                       mr_emit_text_tuple(d->tuple, d->mask));
    free(owned_key);
    free(owned_value);
    return text;
}

const char *plan_case_columns(struct plan_case *pc)
{
    static char text[4096];
    size_t at = 0;
    const struct mr_table *table = pc->table;
    for (uint16_t i = 0; i < table->n_columns && at < sizeof text; i++) {
        const struct mr_column *column = &table->columns[i];
        const struct mr_coltype *type = &column->type;
        bool array = type->type == MR_T_ARRAY;
        bool key = false;
        for (uint16_t u = 0; u < table->n_uniques; u++) {
            for (uint16_t k = 0; k < table->uniques[u].n_cols; k++)
                key = key || table->uniques[u].cols[k] == i;
        }
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %s", i > 0 ? ", " : "",
                               column->name, mr_type_name(array ? type->elem : type->type));
        if (type->precision >= 0)
            at += (size_t)snprintf(text + at, sizeof text - at, "(%d,%d)", (int)type->precision,
                                   (int)type->scale);
        if (type->length >= 0)
            at += (size_t)snprintf(text + at, sizeof text - at, "(%d)", (int)type->length);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", array ? "[]" : "",
                               key ? " pk" : "");
    }
    return text;
}

void wire_long(struct mr_buf *out, int64_t v)
{
    uint64_t u = ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
    while (u >= 0x80) {
        mr_buf_byte(out, (uint8_t)(u | 0x80));
        u >>= 7;
    }
    mr_buf_byte(out, (uint8_t)u);
}

void wire_bytes(struct mr_buf *out, const void *bytes, size_t len)
{
    wire_long(out, (int64_t)len);
    mr_buf_add(out, bytes, len);
}

void wire_text(struct mr_buf *out, const char *text)
{
    wire_bytes(out, text, strlen(text));
}

void wire_double(struct mr_buf *out, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    for (int i = 0; i < 8; i++)
        mr_buf_byte(out, (uint8_t)(bits >> (8 * i)));
}

void wire_float(struct mr_buf *out, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    for (int i = 0; i < 4; i++)
        mr_buf_byte(out, (uint8_t)(bits >> (8 * i)));
}

void wire_hex(struct mr_buf *out, const char *hex)
{
    unsigned byte;
    int n;
    while (sscanf(hex, " %2x%n", &byte, &n) == 1) {
        mr_buf_byte(out, (uint8_t)byte);
        hex += n;
    }
}

struct mr_slice wire_slice(const struct mr_buf *buf)
{
    static const uint8_t none[1];
    return (struct mr_slice){buf->data != NULL ? buf->data : none, buf->len};
}
