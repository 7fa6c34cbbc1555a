/* ALTER TABLE from a wish of schemas/evolve, compared once more with the table as it is under the
 * DDL lock: what another instance did meanwhile is left out, so that nothing is altered, or noted,
 * twice (V-12). Must not decide what is wished, nor run it. */
#include <string.h>

#include <libpq-fe.h>

#include "schemas/widen.h"
#include "sinks/pg_ddl.h"

#include "base/ban.h"

/* By the exact name: that is what the statement says. */
static const struct mr_column *column_named(const struct mr_table *table, const char *name)
{
    for (uint16_t i = 0; i < table->n_columns; i++) {
        if (strcmp(table->columns[i].name, name) == 0)
            return &table->columns[i];
    }
    return NULL;
}

static bool has_primary(const struct mr_table *table)
{
    for (uint16_t i = 0; i < table->n_uniques; i++) {
        if (table->uniques[i].primary)
            return true;
    }
    return false;
}

static void add_column(struct mr_buf *sql, const struct mr_shape_column *column, bool defaults)
{
    mr_buf_str(sql, "ADD COLUMN IF NOT EXISTS ");
    mr_pg_ident(sql, column->name);
    mr_buf_byte(sql, ' ');
    mr_pg_type_sql(sql, &column->type);
    if (!defaults || column->dflt == NULL)
        return;
    mr_buf_str(sql, " DEFAULT ");
    mr_pg_literal(sql, column->dflt);
}

static void alter_column(struct mr_buf *sql, const char *name)
{
    mr_buf_str(sql, "ALTER COLUMN ");
    mr_pg_ident(sql, name);
}

/* The action for one column; false where nothing is left to be done. */
static bool action(struct mr_buf *sql, const struct mr_ddl *ddl, uint16_t i,
                   const struct mr_table *now, bool defaults)
{
    const struct mr_shape_column *want = &ddl->columns[i];
    const struct mr_column *have = column_named(now, want->name);
    if (ddl->kind == MR_DDL_ADD_COLUMNS && have == NULL) {
        add_column(sql, want, defaults);
        return true;
    }
    if (ddl->kind == MR_DDL_DROP_NOT_NULL && have != NULL && have->not_null) {
        alter_column(sql, want->name);
        mr_buf_str(sql, " DROP NOT NULL");
        return true;
    }
    if (ddl->kind != MR_DDL_WIDEN || have == NULL ||
        mr_widen_kind(&have->type, &want->type, MR_SEM_STRING) == MR_WIDEN_NONE)
        return false;
    alter_column(sql, want->name);
    mr_buf_str(sql, " TYPE ");
    mr_pg_type_sql(sql, &want->type);
    return true;
}

static void add_key(struct mr_buf *sql, const struct mr_ddl *ddl)
{
    for (uint16_t i = 0; i < ddl->n_key; i++) {
        mr_buf_str(sql, i == 0 ? "ADD PRIMARY KEY (" : ", ");
        mr_pg_ident(sql, ddl->columns[ddl->key[i]].name);
    }
    mr_buf_byte(sql, ')');
}

void mr_pg_alter_print(struct mr_buf *sql, const struct mr_table *now, const struct mr_ddl *ddl,
                       bool defaults)
{
    struct mr_buf one = MR_BUF_INIT;
    bool first = true;
    uint16_t n = ddl->kind == MR_DDL_ADD_KEY ? 1 : ddl->n_columns;
    for (uint16_t i = 0; i < n; i++) {
        mr_buf_reset(&one);
        if (ddl->kind == MR_DDL_ADD_KEY && !has_primary(now))
            add_key(&one, ddl);
        else if (ddl->kind == MR_DDL_ADD_KEY || !action(&one, ddl, i, now, defaults))
            continue;
        if (first) {
            mr_buf_str(sql, "ALTER TABLE ");
            mr_pg_table_name(sql, now);
        }
        mr_buf_fmt(sql, "%s%s", first ? " " : ", ", mr_buf_cstr(&one));
        first = false;
    }
    mr_buf_release(&one);
}

/* ALTER COLUMN TYPE gives the new type's own collation where none is named, so that a column with
 * another one cannot be left to it: its order and its equality would change. */
static int collations_check(struct mr_pg_conn *conn, const struct mr_table *now,
                            const struct mr_ddl *ddl, struct mr_err *err)
{
    struct mr_buf names = MR_BUF_INIT;
    for (uint16_t i = 0; i < ddl->n_columns; i++) {
        mr_buf_str(&names, i == 0 ? "" : ", ");
        mr_pg_literal(&names, ddl->columns[i].name);
    }
    struct mr_buf sql = MR_BUF_INIT;
    mr_buf_fmt(&sql,
               "SELECT a.attname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid "
               "= a.atttypid WHERE a.attrelid = %llu AND a.attcollation <> t.typcollation AND "
               "a.attname IN (%s) LIMIT 1",
               (unsigned long long)now->version.v[0], mr_buf_cstr(&names));
    PGresult *res = NULL;
    int rc = mr_buf_ok(&sql) ? mr_pg_exec(conn, mr_buf_cstr(&sql), &res, err)
                             : mr_err_set(err, MR_NO_MEMORY, "a statement");
    if (rc == 0 && PQntuples(res) > 0)
        rc = mr_err_set(err, MR_TYPE_INCOMPATIBLE,
                        "column '%s' has a collation of its own: it is not widened",
                        PQgetvalue(res, 0, 0));
    PQclear(res);
    mr_buf_release(&names);
    mr_buf_release(&sql);
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): seven parameters, the interface of pg.h */
int mr_pg_alter_sql(struct mr_pg_sink *sink, struct mr_pg_conn *conn, const struct mr_table *place,
                    const struct mr_ddl *ddl, bool defaults, struct mr_buf *sql, struct mr_err *err)
{
    struct mr_table *now = NULL;
    int rc = mr_pg_table_read(sink, conn, place, &now, err);
    if (rc < 0)
        return rc;
    if (ddl->kind == MR_DDL_WIDEN)
        rc = collations_check(conn, now, ddl, err);
    if (rc == 0)
        mr_pg_alter_print(sql, now, ddl, defaults);
    mr_table_unref(now);
    return rc;
}
