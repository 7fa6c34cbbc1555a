/* Tables as the target's catalogue has them: columns with their types in millrace's terms, the
 * unique indexes that can carry a key (V-17), what tells that a table changed (V-13), and the
 * refusals of I-12 and V-18. Keeps what it read until somebody finds it stale. Must not alter
 * anything. */
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "sinks/pg.h"

#include "base/ban.h"

struct mr_pg_cached {
    struct mr_table *table; /* a reference */
    size_t key_len;
    char key[]; /* "schema\0name" */
};

/* Everything of the columns that a plan relies on, as one number, with the schema's name:
 * statements name the table, and a schema that is renamed leaves the row of the table as it is. */
#define VERSION_COLUMNS                                                                            \
    "c.xmin::pg_catalog.text::pg_catalog.int8, c.relfilenode::pg_catalog.int8, "                   \
    "(SELECT pg_catalog.hashtextextended(pg_catalog.concat((SELECT v.nspname FROM "                \
    "pg_catalog.pg_namespace v WHERE v.oid OPERATOR(pg_catalog.=) c.relnamespace), ';', "          \
    "pg_catalog.string_agg(pg_catalog.concat_ws(',', "                                             \
    "a.attnum, a.atttypid, a.atttypmod, a.attname, a.attnotnull, a.atthasdef, a.attidentity, "     \
    "a.attgenerated, a.attcollation), ';' ORDER BY a.attnum)), 0) FROM pg_catalog.pg_attribute a " \
    "WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT " \
    "a.attisdropped)"

static char *arena_text(struct mr_table *table, const char *text)
{
    return mr_arena_copy(&table->arena, text, strlen(text) + 1);
}

static int no_memory(struct mr_err *err)
{
    return mr_err_set(err, MR_NO_MEMORY, "a table's description");
}

/* The attributes of row types, as one number; a table's own row does not tell when they change. */
static void rows_version_sql(struct mr_buf *sql, const struct mr_table *table)
{
    mr_buf_str(sql,
               "(SELECT pg_catalog.hashtextextended(pg_catalog.string_agg("
               "pg_catalog.concat_ws(',', a.attrelid, a.attnum, a.atttypid, a.atttypmod, "
               "a.attname), ';' ORDER BY a.attrelid, a.attnum), 0) "
               "FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) ANY ('{");
    for (uint16_t i = 0; i < table->n_rows; i++)
        mr_buf_fmt(sql, "%s%lu", i == 0 ? "" : ",", (unsigned long)table->rows[i]);
    mr_buf_str(
        sql, "}'::pg_catalog.oid[]) AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped)");
}

static int rows_version(struct mr_pg_conn *conn, struct mr_table *table, struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    PGresult *res = NULL;
    if (table->n_rows == 0)
        return 0;
    mr_buf_str(&sql, "SELECT ");
    rows_version_sql(&sql, table);
    int rc = mr_buf_ok(&sql) ? mr_pg_exec(conn, mr_buf_cstr(&sql), &res, err) : no_memory(err);
    if (rc == 0)
        table->version.v[3] ^= (uint64_t)mr_pg_i64(res, 0, 0);
    PQclear(res);
    mr_buf_release(&sql);
    return rc;
}

void mr_pg_version_sql(struct mr_buf *sql, struct mr_table *const *tables, size_t n)
{
    bool any = false;
    mr_buf_str(sql, "SELECT " VERSION_COLUMNS);
    for (size_t i = 0; i < n; i++) {
        if (tables[i]->n_rows == 0)
            continue;
        mr_buf_fmt(sql, "%s WHEN o.i OPERATOR(pg_catalog.=) %zu THEN ", any ? "" : ", CASE", i + 1);
        rows_version_sql(sql, tables[i]);
        any = true;
    }
    mr_buf_str(sql, any ? " END FROM pg_catalog.unnest('{" : " FROM pg_catalog.unnest('{");
    for (size_t i = 0; i < n; i++)
        mr_buf_fmt(sql, "%s%llu", i == 0 ? "" : ",", (unsigned long long)tables[i]->version.v[0]);
    mr_buf_str(sql,
               "}'::pg_catalog.oid[]) WITH ORDINALITY o(oid, i) LEFT JOIN pg_catalog.pg_class c "
               "ON c.oid OPERATOR(pg_catalog.=) o.oid ORDER BY o.i");
}

bool mr_pg_version_same(const struct mr_table *table, const struct pg_result *res, int row)
{
    uint64_t rows = 0;
    if (table->n_rows > 0 && (PQnfields(res) < 4 || PQgetisnull(res, row, 3)))
        return false;
    if (table->n_rows > 0)
        rows = (uint64_t)mr_pg_i64(res, row, 3);
    for (int i = 0; i < 3; i++) {
        if (PQgetisnull(res, row, i) ||
            ((uint64_t)mr_pg_i64(res, row, i) ^ (i == 2 ? rows : 0)) != table->version.v[i + 1])
            return false;
    }
    return true;
}

/* ---- unique indexes ---- */

enum { U_INDEX, U_PRIMARY, U_COLUMN, U_N_COLS, U_OPERATOR, U_COLLATION, U_CITEXT, U_NAME };

static const char uniques_sql[] =
    "SELECT i.indexrelid, i.indisprimary, i.indkey[k.n - 1], i.indnkeyatts, "
    "(SELECT 'OPERATOR(' || pg_catalog.quote_ident(pn.nspname) || '.' || o.oprname || ')' "
    "FROM pg_catalog.pg_opclass oc JOIN pg_catalog.pg_amop ao ON ao.amopfamily = oc.opcfamily "
    "AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype "
    "AND ao.amopstrategy = 3 JOIN pg_catalog.pg_operator o ON o.oid = ao.amopopr "
    "JOIN pg_catalog.pg_namespace pn ON pn.oid = o.oprnamespace "
    "WHERE oc.oid = i.indclass[k.n - 1] LIMIT 1), "
    "COALESCE((SELECT ' COLLATE ' || pg_catalog.quote_ident(cn.nspname) || '.' || "
    "pg_catalog.quote_ident(co.collname) FROM pg_catalog.pg_collation co "
    "JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace "
    "WHERE co.oid = i.indcollation[k.n - 1] AND NOT co.collisdeterministic), ''), EXISTS (SELECT "
    "FROM pg_catalog.pg_opclass oc "
    "JOIN pg_catalog.pg_type ot ON ot.oid = oc.opcintype "
    "WHERE oc.oid = i.indclass[k.n - 1] AND ot.typname = 'citext'), "
    "(SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = i.indexrelid) "
    "FROM pg_catalog.pg_index i, pg_catalog.generate_series(1, i.indnkeyatts) AS k(n) "
    "WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indimmediate "
    "AND i.indpred IS NULL AND i.indexprs IS NULL "
    "ORDER BY i.indisprimary DESC, i.indexrelid, k.n";

static int column_by_number(const struct mr_table *table, const int64_t *numbers, int64_t attnum)
{
    for (uint16_t i = 0; i < table->n_columns; i++) {
        if (numbers[i] == attnum)
            return i;
    }
    return -1;
}

/* Equal for the server though their canonical forms differ: texts that are cast are compared as
 * what they become, documents as such. */
static bool equal_by_server(const struct mr_coltype *type)
{
    enum mr_type basic = type->type == MR_T_ARRAY ? type->elem : type->type;
    return mr_pg_staged_as_text(basic) || basic == MR_T_JSONB || basic == MR_T_NONE;
}

static bool unique_fill(struct mr_table *table, struct mr_unique *unique, const PGresult *res,
                        int row, const int64_t *numbers)
{
    size_t n = (size_t)mr_pg_i64(res, row, U_N_COLS);
    uint16_t *cols = mr_arena_alloc(&table->arena, n * sizeof *cols);
    const char **ops = mr_arena_alloc(&table->arena, n * sizeof(*ops));
    const char **collations = mr_arena_alloc(&table->arena, n * sizeof(*collations));
    const char *loose = NULL;
    if (cols == NULL || ops == NULL || collations == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        int at = row + (int)i;
        cols[i] = (uint16_t)column_by_number(table, numbers, mr_pg_i64(res, at, U_COLUMN));
        ops[i] = arena_text(table, PQgetvalue(res, at, U_OPERATOR));
        collations[i] = arena_text(table, PQgetvalue(res, at, U_COLLATION));
        if (ops[i] == NULL || collations[i] == NULL)
            return false;
        const struct mr_column *column = &table->columns[cols[i]];
        if (loose == NULL && (collations[i][0] != '\0' || mr_pg_bool(res, at, U_CITEXT) ||
                              equal_by_server(&column->type)))
            loose = column->name;
    }
    const char *name = arena_text(table, PQgetvalue(res, row, U_NAME));
    if (name == NULL)
        return false;
    *unique = (struct mr_unique){.name = name,
                                 .n_cols = (uint16_t)n,
                                 .primary = mr_pg_bool(res, row, U_PRIMARY),
                                 .cols = cols,
                                 .eq_ops = ops,
                                 .collations = collations,
                                 .loose = loose};
    return true;
}

static int uniques_fill(struct mr_table *table, const PGresult *res, const int64_t *numbers,
                        struct mr_err *err)
{
    int n_rows = PQntuples(res);
    table->uniques = mr_arena_alloc(&table->arena, (size_t)n_rows * sizeof *table->uniques);
    if (table->uniques == NULL)
        return no_memory(err);
    for (int row = 0; row < n_rows; row += (int)mr_pg_i64(res, row, U_N_COLS)) {
        if (!unique_fill(table, &table->uniques[table->n_uniques], res, row, numbers))
            return no_memory(err);
        table->n_uniques++;
    }
    return 0;
}

/* ---- foreign keys ---- */

static const char references_sql[] =
    "SELECT DISTINCT n.nspname, c.relname FROM pg_catalog.pg_constraint k "
    "JOIN pg_catalog.pg_class c ON c.oid = k.confrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE k.conrelid = $1::oid AND k.contype = 'f' ORDER BY 1, 2";

static int references_fill(struct mr_table *table, const PGresult *res, struct mr_err *err)
{
    int n = PQntuples(res) < UINT16_MAX ? PQntuples(res) : UINT16_MAX;
    struct mr_ref *refs = mr_arena_alloc(&table->arena, ((size_t)n + 1) * sizeof *refs);
    if (refs == NULL)
        return no_memory(err);
    table->references = refs;
    for (int i = 0; i < n; i++) {
        refs[i].schema = arena_text(table, PQgetvalue(res, i, 0));
        refs[i].name = arena_text(table, PQgetvalue(res, i, 1));
        if (refs[i].schema == NULL || refs[i].name == NULL)
            return no_memory(err);
        table->n_references++;
    }
    return 0;
}

/* ---- the table ---- */

enum { R_OID, R_KIND, R_RLS, R_RULES, R_OURS, R_VERSION };

static int relation_check(const PGresult *res, struct mr_err *err)
{
    if (PQntuples(res) == 0)
        return mr_err_set(err, MR_TARGET_MISSING, "no such table");
    char kind = PQgetvalue(res, 0, R_KIND)[0];
    if (kind == 'v' || kind == 'm')
        return mr_err_set(err, MR_TARGET_VIEW, "it is a %sview",
                          kind == 'm' ? "materialized " : "");
    if (kind != 'r' && kind != 'p')
        return mr_err_set(err, MR_TARGET_VIEW, "it is neither a table nor a partitioned table");
    if (mr_pg_bool(res, 0, R_RLS))
        return mr_err_set(err, MR_TARGET_RLS, "row security applies to this role");
    if (mr_pg_bool(res, 0, R_RULES))
        return mr_err_set(err, MR_TARGET_RLS, "the table has rules");
    return 0;
}

/* 1: the register of tables is there. Who only looks may come before it was made. */
static int has_register(struct mr_pg_sink *sink, struct mr_pg_conn *conn, struct mr_err *err)
{
    if (!sink->opts->look_only)
        return 1;
    struct mr_buf sql = MR_BUF_INIT;
    mr_buf_str(&sql, "SELECT pg_catalog.to_regclass(");
    mr_pg_literal(&sql, sink->control);
    mr_buf_str(&sql, " || '.tables') IS NOT NULL");
    PGresult *res = NULL;
    int rc = mr_pg_exec(conn, mr_buf_cstr(&sql), &res, err);
    if (rc == 0)
        rc = mr_pg_bool(res, 0, 0);
    PQclear(res);
    mr_buf_release(&sql);
    return rc;
}

static int relation_read(struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                         const struct mr_table *table, PGresult **res, struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    int rc = has_register(sink, conn, err);
    if (rc < 0)
        return rc;
    mr_buf_str(&sql, "SELECT c.oid, c.relkind, c.relkind IN ('r', 'p') AND "
                     "pg_catalog.row_security_active(c.oid), EXISTS (SELECT FROM "
                     "pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid), ");
    if (rc == 1)
        mr_buf_fmt(&sql,
                   "EXISTS (SELECT FROM %s.tables m WHERE m.schema = $1::text AND m.name = "
                   "$2::text AND m.created_by_millrace), ",
                   sink->control);
    else
        mr_buf_str(&sql, "false, ");
    mr_buf_str(&sql, VERSION_COLUMNS " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
                                     "ON n.oid = c.relnamespace WHERE n.nspname = $1::text AND "
                                     "c.relname = $2::text AND c.relkind IN ('r', 'p', 'v', 'm', "
                                     "'f')");
    struct mr_pg_params params = {.n = 0};
    mr_pg_param_text(&params, table->schema);
    mr_pg_param_text(&params, table->name);
    rc = mr_pg_exec_params(conn, mr_buf_cstr(&sql), &params, res, err);
    mr_buf_release(&sql);
    return rc < 0 ? rc : relation_check(*res, err);
}

/* The version is read first: what changes between the reads is found by the next flush. */
static int table_read(struct mr_pg_sink *sink, struct mr_pg_conn *conn, struct mr_table *table,
                      struct mr_err *err)
{
    PGresult *relation = NULL;
    PGresult *uniques = NULL;
    PGresult *references = NULL;
    int64_t *numbers = NULL; /* of the columns */
    int rc = relation_read(sink, conn, table, &relation, err);
    if (rc < 0)
        goto out;
    table->made_by_us = mr_pg_bool(relation, 0, R_OURS);
    table->version.n_words = 4;
    table->version.v[0] = (uint64_t)mr_pg_i64(relation, 0, R_OID);
    for (int i = 0; i < 3; i++)
        table->version.v[i + 1] = (uint64_t)mr_pg_i64(relation, 0, R_VERSION + i);
    struct mr_pg_params params = {.n = 0};
    mr_pg_param_text(&params, PQgetvalue(relation, 0, R_OID));
    rc = mr_pg_columns_read(conn, PQgetvalue(relation, 0, R_OID), table, &numbers, err);
    if (rc == 0 && table->n_rows > 0) { /* once more, behind their version */
        free(numbers);
        numbers = NULL;
        rc = rows_version(conn, table, err);
        if (rc == 0)
            rc = mr_pg_columns_read(conn, PQgetvalue(relation, 0, R_OID), table, &numbers, err);
    }
    if (rc == 0)
        rc = mr_pg_exec_params(conn, uniques_sql, &params, &uniques, err);
    if (rc == 0)
        rc = uniques_fill(table, uniques, numbers, err);
    if (rc == 0)
        rc = mr_pg_exec_params(conn, references_sql, &params, &references, err);
    if (rc == 0)
        rc = references_fill(table, references, err);
out:
    PQclear(relation);
    PQclear(uniques);
    PQclear(references);
    free(numbers);
    return rc;
}

int mr_pg_table_read(struct mr_pg_sink *sink, struct mr_pg_conn *conn, const struct mr_table *place,
                     struct mr_table **out, struct mr_err *err)
{
    struct mr_table *table = mr_table_new();
    if (table == NULL)
        return no_memory(err);
    table->schema = arena_text(table, place->schema);
    table->name = arena_text(table, place->name);
    int rc = table->schema != NULL && table->name != NULL ? table_read(sink, conn, table, err)
                                                          : no_memory(err);
    if (rc < 0) {
        (void)mr_pg_err_table(err, place);
        mr_table_unref(table);
        return rc;
    }
    *out = table;
    return 0;
}

static int table_make(struct mr_pg_sink *sink, const char *schema, const char *name,
                      struct mr_table **out, struct mr_err *err)
{
    struct mr_table place = {.schema = schema, .name = name};
    struct mr_pg_conn *conn = NULL;
    int rc = mr_pg_pool_take(&sink->pool, &conn, err);
    if (rc < 0)
        return rc;
    rc = mr_pg_table_read(sink, conn, &place, out, err);
    mr_pg_pool_give(&sink->pool, conn);
    return rc;
}

/* ---- the cache ---- */

static struct mr_pg_cached *cached_make(const char *schema, const char *name)
{
    size_t schema_len = strlen(schema) + 1;
    size_t name_len = strlen(name);
    struct mr_pg_cached *cached = calloc(1, sizeof *cached + schema_len + name_len + 1);
    if (cached == NULL)
        return NULL;
    cached->key_len = schema_len + name_len;
    memcpy(cached->key, schema, schema_len);
    memcpy(cached->key + schema_len, name, name_len + 1);
    return cached;
}

static void cached_free(struct mr_pg_cached *cached)
{
    if (cached == NULL)
        return;
    mr_table_unref(cached->table);
    free(cached);
}

/* Puts `table` (NULL: nothing) in the place of what is known under this name. */
static void cache_set(struct mr_pg_sink *sink, const char *schema, const char *name,
                      struct mr_table *table)
{
    struct mr_pg_cached *fresh = cached_make(schema, name);
    if (fresh == NULL)
        return; /* only a cache: a stale entry is found out by begin */
    mr_lock_take(&sink->cache_lock);
    struct mr_pg_cached *old = mr_map_remove(&sink->cache, fresh->key, fresh->key_len);
    if (table != NULL && mr_map_put(&sink->cache, fresh->key, fresh->key_len, fresh) == 0) {
        fresh->table = mr_table_ref(table);
        fresh = NULL;
    }
    mr_lock_drop(&sink->cache_lock);
    cached_free(old);
    cached_free(fresh);
}

static struct mr_table *cache_find(struct mr_pg_sink *sink, const char *schema, const char *name)
{
    struct mr_pg_cached *wanted = cached_make(schema, name);
    if (wanted == NULL)
        return NULL;
    mr_lock_take(&sink->cache_lock);
    struct mr_pg_cached *cached = mr_map_find(&sink->cache, wanted->key, wanted->key_len);
    struct mr_table *table = cached == NULL ? NULL : mr_table_ref(cached->table);
    mr_lock_drop(&sink->cache_lock);
    cached_free(wanted);
    return table;
}

void mr_pg_table_forget(struct mr_pg_sink *sink, const char *schema, const char *name)
{
    cache_set(sink, schema, name, NULL);
}

void mr_pg_cache_release(struct mr_pg_sink *sink)
{
    size_t at = 0;
    mr_lock_take(&sink->cache_lock);
    for (struct mr_map_entry *entry = mr_map_next(&sink->cache, &at); entry != NULL;
         entry = mr_map_next(&sink->cache, &at))
        cached_free(entry->value);
    mr_map_release(&sink->cache);
    mr_lock_drop(&sink->cache_lock);
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are the interface's */
int mr_pg_table_open(struct mr_sink *base, const char *schema, const char *name, bool fresh,
                     struct mr_table **out, struct mr_err *err)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    const char *in_schema = schema != NULL ? schema : sink->opts->schema;
    *out = fresh ? NULL : cache_find(sink, in_schema, name);
    if (*out != NULL)
        return 0;
    int rc = table_make(sink, in_schema, name, out, err);
    cache_set(sink, in_schema, name, rc == 0 ? *out : NULL);
    return rc;
}
