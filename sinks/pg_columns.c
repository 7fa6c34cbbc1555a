/* Columns as the catalogue has them, with the attributes of row types that they are made of
 * (contract.md T-47). Must not know indexes or the cache. */
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "sinks/pg.h"

#include "base/ban.h"

enum { MAX_NESTED = 16 };

/* Places in the result of the columns' query. */
enum {
    C_NAME,
    C_NUM,
    C_TYPE,
    C_TYPMOD,
    C_SQL,
    C_NOT_NULL,
    C_DEFAULT,
    C_GENERATED,
    C_IDENTITY,
    C_KIND,
    C_ELEM,
    C_ELEM_KIND,
    C_BASE,
    C_BASE_TYPMOD,
    C_BASE_KIND,
    C_CONSTRAINED,
    C_BASE_SQL,
    C_ARRAY,
    C_EXTENSION,
    C_ELEM_BASE,
    C_ELEM_TYPMOD,
    C_ELEM_EXTENSION,
    C_LABELS,
    C_ROW,
};

/* clang-format off */
/* A type behind all domains (typtype 'd') that lie over it, the typmod of the last of them, whether
 * one of them has constraints, and "extension.type" where it comes with one. */
#define BASE_OF(type)                                                                              \
    "CROSS JOIN LATERAL (WITH RECURSIVE d(oid, typmod, checked, n) AS (SELECT " type ", -1, "      \
    "false, 0 UNION ALL SELECT y.typbasetype, y.typtypmod, d.checked OR y.typnotnull OR EXISTS "   \
    "(SELECT FROM pg_catalog.pg_constraint k WHERE k.contypid = y.oid), d.n + 1 FROM d "           \
    "JOIN pg_catalog.pg_type y ON y.oid = d.oid WHERE y.typtype = 'd') "                           \
    "SELECT d.oid, d.typmod, d.checked, y.typtype AS kind, y.typrelid AS relid, "                  \
    "COALESCE((SELECT x.extname || '.' || y.typname FROM pg_catalog.pg_depend p "                  \
    "JOIN pg_catalog.pg_extension x ON x.oid = p.refobjid "                                        \
    "WHERE p.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND p.objid = d.oid "             \
    "AND p.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND p.deptype = 'e'), '') " \
    "AS extension FROM d LEFT JOIN pg_catalog.pg_type y ON y.oid = d.oid ORDER BY d.n DESC "       \
    "LIMIT 1) "

static const char columns_sql[] =
    "SELECT a.attname, a.attnum, a.atttypid, a.atttypmod, "
    "pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, "
    "(a.atthasdef AND a.attgenerated = '') OR a.attidentity <> '' OR t.typdefault IS NOT NULL, "
    "a.attgenerated <> '', a.attidentity, t.typtype, COALESCE(e.oid, 0), COALESCE(e.typtype, ''), "
    "b.oid, b.typmod, b.kind, b.checked, pg_catalog.format_type(b.oid, b.typmod), "
    "t.typcategory = 'A', " /* also of a domain over an array */
    "b.extension, COALESCE(c.oid, 0), COALESCE(c.typmod, -1), c.extension, "
    /* each label behind its length, since it may hold any character */
    "(SELECT pg_catalog.string_agg(pg_catalog.concat(pg_catalog.octet_length("
    "l.enumlabel::pg_catalog.text), ':', l.enumlabel), '' "
    "ORDER BY l.enumlabel::pg_catalog.text COLLATE pg_catalog.\"C\") "
    "FROM pg_catalog.pg_enum l WHERE l.enumtypid = COALESCE(c.oid, b.oid)), "
    "COALESCE(c.relid, b.relid, 0) "
    "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
    "LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid "
    BASE_OF("t.oid") "b " BASE_OF("e.oid") "c "
    "WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
/* clang-format on */

static char *arena_text(struct mr_table *table, const char *text)
{
    return mr_arena_copy(&table->arena, text, strlen(text) + 1);
}

/* "3:red5:green"; they come sorted. False: no memory. */
static bool labels_fill(struct mr_table *table, struct mr_coltype *to, const char *packed)
{
    size_t max = strlen(packed) / 2; /* none is shorter than "0:" */
    struct mr_labels *labels = mr_arena_alloc(&table->arena, sizeof *labels);
    const char **texts = mr_arena_alloc(&table->arena, (max + 1) * sizeof *texts);
    if (labels == NULL || texts == NULL)
        return false;
    *labels = (struct mr_labels){.texts = texts};
    while (*packed != '\0') {
        char *colon;
        size_t len = strtoul(packed, &colon, 10);
        char *text = mr_arena_copy(&table->arena, colon + 1, len + 1);
        if (text == NULL)
            return false;
        text[len] = '\0';
        texts[labels->n++] = text;
        packed = colon + 1 + len;
    }
    to->labels = labels;
    return true;
}

static bool type_fill(struct mr_table *table, struct mr_coltype *to, const PGresult *res, int row)
{
    const struct mr_pg_type_row type = {
        .oid = (uint32_t)mr_pg_i64(res, row, C_TYPE),
        .typmod = (int32_t)mr_pg_i64(res, row, C_TYPMOD),
        .kind = PQgetvalue(res, row, C_KIND)[0],
        .base = (uint32_t)mr_pg_i64(res, row, C_BASE),
        .base_typmod = (int32_t)mr_pg_i64(res, row, C_BASE_TYPMOD),
        .base_kind = PQgetvalue(res, row, C_BASE_KIND)[0],
        .constrained = mr_pg_bool(res, row, C_CONSTRAINED),
        .array = mr_pg_bool(res, row, C_ARRAY),
        .extension = PQgetvalue(res, row, C_EXTENSION),
        .elem = (uint32_t)mr_pg_i64(res, row, C_ELEM),
        .elem_kind = PQgetvalue(res, row, C_ELEM_KIND)[0],
        .elem_base = (uint32_t)mr_pg_i64(res, row, C_ELEM_BASE),
        .elem_typmod = (int32_t)mr_pg_i64(res, row, C_ELEM_TYPMOD),
        .elem_extension = PQgetvalue(res, row, C_ELEM_EXTENSION),
    };
    bool constrained = mr_pg_type_fill(&type, to);
    to->sql = arena_text(table, PQgetvalue(res, row, C_SQL));
    if (constrained)
        to->base_sql = arena_text(table, PQgetvalue(res, row, C_BASE_SQL));
    if (!PQgetisnull(res, row, C_LABELS) && !labels_fill(table, to, PQgetvalue(res, row, C_LABELS)))
        return false;
    return to->sql != NULL && (to->base_sql != NULL || !constrained);
}

static int no_memory(struct mr_err *err)
{
    return mr_err_set(err, MR_NO_MEMORY, "a table's description");
}

/* The row types that the table is made of, each once. */
static int row_note(struct mr_table *table, uint32_t relid, struct mr_err *err)
{
    uint32_t *rows = mr_arena_alloc(&table->arena, (table->n_rows + 1u) * sizeof *rows);
    for (uint16_t i = 0; i < table->n_rows; i++) {
        if (table->rows[i] == relid)
            return 0;
    }
    if (rows == NULL || table->n_rows == UINT16_MAX)
        return no_memory(err);
    if (table->n_rows > 0)
        memcpy(rows, table->rows, table->n_rows * sizeof *rows);
    rows[table->n_rows++] = relid;
    table->rows = rows;
    return 0;
}

struct reading {
    struct mr_pg_conn *conn;
    struct mr_table *table;
    unsigned n_nested;
    struct mr_err *err;
};

static int relation_columns(struct reading *r, const char *relid, struct mr_column **columns,
                            PGresult **res);

/* What is nested deeper than plans go is left to literals. */
/* NOLINTNEXTLINE(misc-no-recursion): along the types, at most MAX_NESTED */
static int row_read(struct reading *r, const char *relid, struct mr_coltype *to)
{
    PGresult *res = NULL;
    struct mr_column *attrs = NULL;
    if (to->type != MR_T_CAST || r->n_nested == MAX_NESTED)
        return 0;
    struct mr_composite *row = mr_arena_alloc(&r->table->arena, sizeof *row);
    int rc = row == NULL ? no_memory(r->err)
                         : row_note(r->table, (uint32_t)strtoul(relid, NULL, 10), r->err);
    r->n_nested++;
    if (rc == 0)
        rc = relation_columns(r, relid, &attrs, &res);
    r->n_nested--;
    if (rc == 0) {
        *row = (struct mr_composite){.n = (uint16_t)PQntuples(res), .attrs = attrs};
        to->row = row;
        for (uint16_t i = 0; i < row->n; i++)
            attrs[i].not_null = false; /* a table's own; its row type does not ask */
    }
    PQclear(res);
    return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion): along the types, at most MAX_NESTED */
static int columns_fill(struct reading *r, const PGresult *res, struct mr_column *columns)
{
    struct mr_table *table = r->table;
    for (int i = 0; i < PQntuples(res); i++) {
        struct mr_column *column = &columns[i];
        *column = (struct mr_column){
            .name = arena_text(table, PQgetvalue(res, i, C_NAME)),
            .not_null = mr_pg_bool(res, i, C_NOT_NULL),
            .has_default = mr_pg_bool(res, i, C_DEFAULT),
            .generated = mr_pg_bool(res, i, C_GENERATED),
            .identity_always = PQgetvalue(res, i, C_IDENTITY)[0] == 'a',
        };
        if (column->name == NULL || !type_fill(table, &column->type, res, i))
            return no_memory(r->err);
        const char *relid = PQgetvalue(res, i, C_ROW);
        int rc = strcmp(relid, "0") != 0 ? row_read(r, relid, &column->type) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): along the types, at most MAX_NESTED */
static int relation_columns(struct reading *r, const char *relid, struct mr_column **columns,
                            PGresult **res)
{
    struct mr_pg_params params = {.n = 0};
    mr_pg_param_text(&params, relid);
    int rc = mr_pg_exec_params(r->conn, columns_sql, &params, res, r->err);
    if (rc < 0)
        return rc;
    int n = PQntuples(*res);
    if (n > MR_TABLE_MAX_COLUMNS)
        return mr_err_set(r->err, MR_BUG, "%d columns", n);
    *columns = mr_arena_alloc(&r->table->arena, ((size_t)n + 1) * sizeof **columns);
    return *columns == NULL ? no_memory(r->err) : columns_fill(r, *res, *columns);
}

int mr_pg_columns_read(struct mr_pg_conn *conn, const char *relid, struct mr_table *table,
                       int64_t **numbers, struct mr_err *err)
{
    struct reading r = {.conn = conn, .table = table, .err = err};
    PGresult *res = NULL;
    int rc = relation_columns(&r, relid, &table->columns, &res);
    int n = rc == 0 ? PQntuples(res) : 0;
    *numbers = calloc((size_t)n + 1, sizeof **numbers);
    if (rc == 0 && *numbers == NULL)
        rc = no_memory(err);
    for (int i = 0; rc == 0 && i < n; i++)
        (*numbers)[i] = mr_pg_i64(res, i, C_NUM);
    table->n_columns = (uint16_t)n;
    PQclear(res);
    return rc;
}
