/* CREATE TABLE and ADD COLUMN from a wish of schemas/evolve (V-01, V-11), in a short transaction of
 * its own that holds no rows (V-21), one altering instance at a time (V-12), noted in
 * schema_changes. Must not decide what is wished. */
#include <string.h>

#include <libpq-fe.h>

#include "base/log.h"
#include "sinks/pg.h"

#include "base/ban.h"

/* Default types of contract.md section 5 by the name that PostgreSQL has for them. */
static const char *plain_type(enum mr_type type)
{
    static const char *const names[MR_N_TYPES] = {
        [MR_T_BOOL] = "boolean",
        [MR_T_INT2] = "smallint",
        [MR_T_INT4] = "integer",
        [MR_T_INT8] = "bigint",
        [MR_T_FLOAT4] = "real",
        [MR_T_FLOAT8] = "double precision",
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
        [MR_T_OID] = "oid",
    };
    return names[type] != NULL ? names[type] : "text";
}

static bool has_length(enum mr_type type)
{
    return type == MR_T_VARCHAR || type == MR_T_BPCHAR || type == MR_T_BIT || type == MR_T_VARBIT;
}

static bool has_fraction(enum mr_type type)
{
    return type == MR_T_TIME || type == MR_T_TIMETZ || type == MR_T_TIMESTAMP ||
           type == MR_T_TIMESTAMPTZ;
}

static void scalar_sql(struct mr_buf *sql, enum mr_type type, const struct mr_coltype *mods)
{
    /* Without a length bpchar is any length, but bit would be bit(1). */
    bool any_bits = type == MR_T_BIT && mods->length <= 0;
    mr_buf_str(sql, any_bits ? "varbit" : plain_type(type));
    if (has_length(type) && mods->length > 0)
        mr_buf_fmt(sql, "(%d)", (int)mods->length);
    else if (type == MR_T_NUMERIC && mods->precision > 0)
        mr_buf_fmt(sql, "(%d,%d)", (int)mods->precision, (int)mods->scale);
    else if (has_fraction(type) && mods->precision >= 0 && mods->precision < 6)
        mr_buf_fmt(sql, "(%d)", (int)mods->precision);
}

void mr_pg_type_sql(struct mr_buf *sql, const struct mr_coltype *type)
{
    if (type->sql != NULL) {
        mr_buf_str(sql, type->sql);
    } else if (type->type == MR_T_ARRAY) {
        scalar_sql(sql, type->elem, type);
        mr_buf_str(sql, "[]");
    } else {
        scalar_sql(sql, type->type, type);
    }
}

static void column_sql(struct mr_buf *sql, const struct mr_shape_column *column)
{
    mr_pg_ident(sql, column->name);
    mr_buf_byte(sql, ' ');
    mr_pg_type_sql(sql, &column->type);
}

static void create_sql(struct mr_buf *sql, const struct mr_table *name, const struct mr_ddl *ddl)
{
    mr_buf_str(sql, "CREATE TABLE ");
    mr_pg_table_name(sql, name);
    mr_buf_str(sql, " (");
    for (uint16_t i = 0; i < ddl->n_columns; i++) {
        mr_buf_str(sql, i == 0 ? "" : ", ");
        column_sql(sql, &ddl->columns[i]);
        if (ddl->columns[i].not_null)
            mr_buf_str(sql, " NOT NULL");
    }
    for (uint16_t i = 0; i < ddl->n_key; i++) {
        mr_buf_str(sql, i == 0 ? ", PRIMARY KEY (" : ", ");
        mr_pg_ident(sql, ddl->columns[ddl->key[i]].name);
    }
    mr_buf_str(sql, ddl->n_key > 0 ? "))" : ")");
}

static void add_sql(struct mr_buf *sql, const struct mr_table *name, const struct mr_ddl *ddl)
{
    mr_buf_str(sql, "ALTER TABLE ");
    mr_pg_table_name(sql, name);
    for (uint16_t i = 0; i < ddl->n_columns; i++) {
        mr_buf_str(sql, i == 0 ? " ADD COLUMN IF NOT EXISTS " : ", ADD COLUMN IF NOT EXISTS ");
        column_sql(sql, &ddl->columns[i]);
    }
}

/* V-12: the lock's name is the table's, for every instance and pipeline. */
static int ddl_begin(struct mr_pg_conn *conn, const struct mr_table *name, bool *exists,
                     struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    struct mr_buf quoted = MR_BUF_INIT;
    mr_pg_table_name(&quoted, name);
    mr_buf_fmt(&sql,
               "BEGIN; SET LOCAL lock_timeout = %d; SELECT pg_catalog.pg_advisory_xact_lock("
               "pg_catalog.hashtextextended(",
               MR_PG_DDL_LOCK_MS);
    mr_pg_literal(&sql, mr_buf_cstr(&quoted));
    mr_buf_str(&sql, ", 0)); SELECT pg_catalog.to_regclass(");
    mr_pg_literal(&sql, mr_buf_cstr(&quoted));
    mr_buf_str(&sql, ") IS NOT NULL");
    PGresult *res = NULL;
    int rc = mr_pg_exec(conn, mr_buf_cstr(&sql), &res, err);
    if (rc == 0)
        *exists = mr_pg_bool(res, 0, 0);
    PQclear(res);
    mr_buf_release(&quoted);
    mr_buf_release(&sql);
    return rc;
}

static int change_note(struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                       const struct mr_table *name, const char *statement, struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    mr_buf_fmt(&sql,
               "INSERT INTO %s.schema_changes (pipeline, schema, name, statement, instance_id) "
               "VALUES ($1, $2, $3, $4, $5)",
               sink->control);
    struct mr_pg_params params = {.n = 0};
    mr_pg_param_text(&params, sink->opts->pipeline);
    mr_pg_param_text(&params, name->schema);
    mr_pg_param_text(&params, name->name);
    mr_pg_param_text(&params, statement);
    mr_pg_param_text(&params, sink->opts->instance_id);
    int rc = mr_pg_exec_params(conn, mr_buf_cstr(&sql), &params, NULL, err);
    mr_buf_release(&sql);
    return rc;
}

/* The route's name is filled in by table_register, when the table is first used. */
static int made_note(struct mr_pg_sink *sink, struct mr_pg_conn *conn, const struct mr_table *name,
                     struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    mr_buf_fmt(&sql,
               "INSERT INTO %s.tables (schema, name, pipeline, route, created_by_millrace) "
               "VALUES ($1, $2, $3, '', true) ON CONFLICT (schema, name, pipeline) "
               "DO UPDATE SET created_by_millrace = true",
               sink->control);
    struct mr_pg_params params = {.n = 0};
    mr_pg_param_text(&params, name->schema);
    mr_pg_param_text(&params, name->name);
    mr_pg_param_text(&params, sink->opts->pipeline);
    int rc = mr_pg_exec_params(conn, mr_buf_cstr(&sql), &params, NULL, err);
    mr_buf_release(&sql);
    return rc;
}

static int ddl_run(struct mr_pg_sink *sink, struct mr_pg_conn *conn, const struct mr_table *name,
                   const struct mr_ddl *ddl, struct mr_err *err)
{
    bool exists = false;
    int rc = ddl_begin(conn, name, &exists, err);
    if (rc < 0 || (exists && ddl->kind == MR_DDL_CREATE))
        return rc; /* another instance was first: its shape is read and compared again */
    struct mr_buf sql = MR_BUF_INIT;
    if (ddl->kind == MR_DDL_CREATE)
        create_sql(&sql, name, ddl);
    else
        add_sql(&sql, name, ddl);
    rc = mr_buf_ok(&sql) ? mr_pg_exec(conn, mr_buf_cstr(&sql), NULL, err)
                         : mr_err_set(err, MR_NO_MEMORY, "a statement");
    if (rc == 0)
        rc = change_note(sink, conn, name, mr_buf_cstr(&sql), err);
    if (rc == 0 && ddl->kind == MR_DDL_CREATE)
        rc = made_note(sink, conn, name, err);
    if (rc == 0)
        mr_log(MR_INFO, "schema_changed", mr_kv_str("schema", name->schema),
               mr_kv_str("table", name->name), mr_kv_str("statement", mr_buf_cstr(&sql)));
    mr_buf_release(&sql);
    return rc;
}

/* V-12: somebody who does not take our lock made the same between our look and our statement. */
static bool was_first(const struct mr_err *err, int rc)
{
    return rc < 0 &&
           (strcmp(err->sqlstate, "42701") == 0 || strcmp(err->sqlstate, "42P07") == 0 ||
            (strcmp(err->sqlstate, "23505") == 0 && strstr(err->detail, "pg_type") != NULL));
}

int mr_pg_table_apply(struct mr_sink *base, const char *schema, const char *name,
                      const struct mr_ddl *ddl, struct mr_err *err)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    struct mr_table place = {.schema = schema != NULL ? schema : sink->opts->schema, .name = name};
    struct mr_pg_conn *conn = NULL;
    if (ddl->kind == MR_DDL_NONE || ddl->n_columns == 0)
        return 0;
    int rc = mr_pg_pool_take(&sink->pool, &conn, err);
    if (rc < 0)
        return rc;
    rc = ddl_run(sink, conn, &place, ddl, err);
    if (rc == 0)
        rc = mr_pg_exec(conn, "COMMIT", NULL, err);
    struct mr_err ignored = MR_ERR_INIT;
    if (rc < 0 && !conn->broken && mr_pg_exec(conn, "ROLLBACK", NULL, &ignored) < 0)
        conn->broken = true;
    mr_pg_pool_give(&sink->pool, conn);
    mr_pg_table_forget(sink, place.schema, place.name);
    if (was_first(err, rc)) {
        mr_err_clear(err);
        return 0;
    }
    if (rc < 0)
        (void)mr_pg_err_table(err, &place);
    return rc;
}
