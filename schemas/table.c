/* Owns the life of a target table's description and the look-up of its columns. Must not know where
 * the description came from. Invariant: everything below the struct is in its own arena. */
#include "schemas/table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

#include "base/ban.h"

enum { TABLE_CHUNK_BYTES = 4096, TABLE_LIMIT_BYTES = 4 * 1024 * 1024 };

static const char *const type_names[MR_N_TYPES] = {
    [MR_T_NONE] = "none",
    [MR_T_BOOL] = "bool",
    [MR_T_INT2] = "int2",
    [MR_T_INT4] = "int4",
    [MR_T_INT8] = "int8",
    [MR_T_FLOAT4] = "float4",
    [MR_T_FLOAT8] = "float8",
    [MR_T_NUMERIC] = "numeric",
    [MR_T_TEXT] = "text",
    [MR_T_VARCHAR] = "varchar",
    [MR_T_BPCHAR] = "bpchar",
    [MR_T_BYTEA] = "bytea",
    [MR_T_DATE] = "date",
    [MR_T_TIME] = "time",
    [MR_T_TIMETZ] = "timetz",
    [MR_T_TIMESTAMP] = "timestamp",
    [MR_T_TIMESTAMPTZ] = "timestamptz",
    [MR_T_INTERVAL] = "interval",
    [MR_T_UUID] = "uuid",
    [MR_T_JSON] = "json",
    [MR_T_JSONB] = "jsonb",
    [MR_T_BIT] = "bit",
    [MR_T_VARBIT] = "varbit",
    [MR_T_ENUM] = "enum",
    [MR_T_OID] = "oid",
    [MR_T_ARRAY] = "array",
    [MR_T_CAST] = "other",
    [MR_T_POINT] = "point",
    [MR_T_LINE] = "line",
    [MR_T_CIRCLE] = "circle",
    [MR_T_BOX] = "box",
    [MR_T_LSEG] = "lseg",
    [MR_T_PATH] = "path",
    [MR_T_POLYGON] = "polygon",
    [MR_T_LTREE] = "ltree",
    [MR_T_HSTORE] = "hstore",
    [MR_T_GEOMETRY] = "geometry",
    [MR_T_GEOGRAPHY] = "geography",
    [MR_T_VECTOR] = "vector",
    [MR_T_HALFVEC] = "halfvec",
    [MR_T_SPARSEVEC] = "sparsevec",
};

struct mr_table *mr_table_new(void)
{
    struct mr_table *table = mr_memory_given(calloc(1, sizeof *table));
    if (table == NULL)
        return NULL;
    atomic_init(&table->refs, 1);
    mr_arena_init(&table->arena, TABLE_CHUNK_BYTES, TABLE_LIMIT_BYTES);
    return table;
}

struct mr_table *mr_table_ref(struct mr_table *table)
{
    atomic_fetch_add_explicit(&table->refs, 1, memory_order_relaxed);
    return table;
}

/* A version need not cover indexes: PostgreSQL's row of a table stays as it is when one is made. */
static bool uniques_same(const struct mr_table *a, const struct mr_table *b)
{
    if (a->n_uniques != b->n_uniques)
        return false;
    for (uint16_t i = 0; i < a->n_uniques; i++) {
        const struct mr_unique *x = &a->uniques[i];
        const struct mr_unique *y = &b->uniques[i];
        if (x->n_cols != y->n_cols || x->primary != y->primary ||
            (x->loose != NULL) != (y->loose != NULL) ||
            memcmp(x->cols, y->cols, x->n_cols * sizeof *x->cols) != 0)
            return false;
    }
    return true;
}

bool mr_table_same(const struct mr_table *a, const struct mr_table *b)
{
    size_t n = a->version.n_words;

    return a == b || (n > 0 && n == b->version.n_words && a->made_by_us == b->made_by_us &&
                      memcmp(a->version.v, b->version.v, n * sizeof a->version.v[0]) == 0 &&
                      strcmp(a->name, b->name) == 0 && strcmp(a->schema, b->schema) == 0 &&
                      uniques_same(a, b));
}

void mr_table_unref(struct mr_table *table)
{
    if (table == NULL)
        return;
    if (atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) != 1)
        return;
    mr_arena_release(&table->arena);
    free(table);
}

int mr_table_column(const struct mr_table *table, const char *name)
{
    int found = -1;
    for (uint16_t i = 0; i < table->n_columns; i++) {
        if (strcmp(table->columns[i].name, name) == 0)
            return i;
    }
    for (uint16_t i = 0; i < table->n_columns; i++) {
        if (strcasecmp(table->columns[i].name, name) != 0)
            continue;
        if (found >= 0)
            return -1; /* ambiguous: I-11 wants a unique match */
        found = i;
    }
    return found;
}

static bool covers(const struct mr_unique *unique, const uint16_t *cols, uint16_t n_cols)
{
    uint16_t n = 0;
    for (uint16_t i = 0; i < unique->n_cols; i++) {
        for (uint16_t k = 0; k < n_cols; k++)
            n = (uint16_t)(n + (unique->cols[i] == cols[k]));
    }
    return n == n_cols && unique->n_cols == n_cols;
}

/* Of several indexes over one key the loosest decides which rows can be there at once. */
const char *mr_table_loose_key(const struct mr_table *table, const uint16_t *cols, uint16_t n_cols)
{
    for (uint16_t i = 0; i < table->n_uniques; i++) {
        const struct mr_unique *unique = &table->uniques[i];
        if (unique->loose != NULL && covers(unique, cols, n_cols))
            return unique->loose;
    }
    return NULL;
}

bool mr_table_is_key_index(const struct mr_table *table, const uint16_t *cols, uint16_t n_cols,
                           const char *index)
{
    for (uint16_t i = 0; n_cols > 0 && i < table->n_uniques; i++) {
        const struct mr_unique *unique = &table->uniques[i];
        if (unique->name != NULL && strcmp(unique->name, index) == 0)
            return covers(unique, cols, n_cols);
    }
    return false;
}

const char *mr_type_name(enum mr_type type)
{
    return (unsigned)type < MR_N_TYPES ? type_names[type] : "unknown";
}
