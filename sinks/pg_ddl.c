/* CREATE TABLE and ADD COLUMN from a wish of schemas/evolve (V-01, V-11), in a short transaction of
 * its own that holds no rows (V-21), one altering instance at a time (V-12), noted in
 * schema_changes. Must not decide what is wished. */
#include "sinks/pg_ddl.h"

#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/log.h"

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
        [MR_T_POINT] = "point",
        [MR_T_LINE] = "line",
        [MR_T_CIRCLE] = "circle",
        [MR_T_BOX] = "box",
        [MR_T_LSEG] = "lseg",
        [MR_T_PATH] = "path",
        [MR_T_POLYGON] = "polygon",
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

void mr_pg_create_print(struct mr_buf *sql, const struct mr_table *name, const struct mr_ddl *ddl)
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

struct ddl_call {
    const struct mr_table *place; /* names only */
    const struct mr_ddl *ddl;
    bool defaults;
};

/* What writes the whole table takes the time it takes, here and at the server. */
static bool is_long(const struct mr_ddl *ddl)
{
    return ddl->kind == MR_DDL_WIDEN || ddl->kind == MR_DDL_ADD_KEY;
}

/* V-12: the lock's name is the table's, for every instance and pipeline. */
static int ddl_begin(struct mr_pg_conn *conn, const struct ddl_call *call, bool *exists,
                     struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    struct mr_buf quoted = MR_BUF_INIT;
    mr_pg_table_name(&quoted, call->place);
    mr_buf_fmt(&sql,
               "BEGIN; SET LOCAL lock_timeout = %d; %sSELECT pg_catalog.pg_advisory_xact_lock("
               "pg_catalog.hashtextextended(",
               MR_PG_DDL_LOCK_MS, is_long(call->ddl) ? "SET LOCAL statement_timeout = 0; " : "");
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

/* NOLINTNEXTLINE(readability-function-size): six parameters, all of one row */
static int change_note(struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                       const struct mr_table *name, const char *statement, int64_t schema_id,
                       struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    mr_buf_fmt(&sql,
               "INSERT INTO %s.schema_changes (pipeline, schema, name, statement, instance_id, "
               "schema_id, db_user) VALUES ($1, $2, $3, $4, $5, NULLIF($6::int8, 0), current_user)",
               sink->control);
    struct mr_pg_params params = {.n = 0};
    char id[24];
    (void)snprintf(id, sizeof id, "%lld", (long long)schema_id);
    mr_pg_param_text(&params, sink->opts->pipeline);
    mr_pg_param_text(&params, name->schema);
    mr_pg_param_text(&params, name->name);
    mr_pg_param_text(&params, statement);
    mr_pg_param_text(&params, sink->opts->instance_id);
    mr_pg_param_text(&params, id);
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

/* The statement; empty where another instance was first: the table is then read and compared again.
 */
static int statement_make(struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                          const struct ddl_call *call, struct mr_buf *sql, struct mr_err *err)
{
    bool exists = false;
    int rc = ddl_begin(conn, call, &exists, err);
    if (rc < 0)
        return rc;
    if (call->ddl->kind != MR_DDL_CREATE)
        return mr_pg_alter_sql(sink, conn, call->place, call->ddl, call->defaults, sql, err);
    if (!exists)
        mr_pg_create_print(sql, call->place, call->ddl);
    return 0;
}

static int ddl_run(struct mr_pg_sink *sink, struct mr_pg_conn *conn, const struct ddl_call *call,
                   struct mr_err *err)
{
    const struct mr_table *place = call->place;
    struct mr_buf sql = MR_BUF_INIT;
    int rc = statement_make(sink, conn, call, &sql, err);
    if (rc < 0 || (mr_buf_ok(&sql) && sql.len == 0))
        goto out;
    rc = mr_buf_ok(&sql) ? mr_pg_exec(conn, mr_buf_cstr(&sql), NULL, err)
                         : mr_err_set(err, MR_NO_MEMORY, "a statement");
    if (rc == 0)
        rc = change_note(sink, conn, place, mr_buf_cstr(&sql), call->ddl->schema_id, err);
    if (rc == 0 && call->ddl->kind == MR_DDL_CREATE)
        rc = made_note(sink, conn, place, err);
    if (rc == 0)
        mr_log(MR_INFO, "schema_changed", mr_kv_str("schema", place->schema),
               mr_kv_str("table", place->name), mr_kv_str("statement", mr_buf_cstr(&sql)));
out:
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

/* In a transaction of its own, which is over afterwards. */
static int ddl_transact(struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                        const struct ddl_call *call, struct mr_err *err)
{
    uint32_t timeout_ms = conn->timeout_ms;
    if (is_long(call->ddl))
        conn->timeout_ms = 0;
    int rc = ddl_run(sink, conn, call, err);
    if (rc == 0)
        rc = mr_pg_exec(conn, "COMMIT", NULL, err);
    conn->timeout_ms = timeout_ms;
    struct mr_err ignored = MR_ERR_INIT;
    if (rc < 0 && !conn->broken && mr_pg_exec(conn, "ROLLBACK", NULL, &ignored) < 0)
        conn->broken = true;
    return rc;
}

static bool has_defaults(const struct mr_ddl *ddl)
{
    for (uint16_t i = 0; i < ddl->n_columns && ddl->kind == MR_DDL_ADD_COLUMNS; i++) {
        if (ddl->columns[i].dflt != NULL)
            return true;
    }
    return false;
}

void mr_pg_ddl_print(struct mr_sink *base, const struct mr_table *now, const struct mr_ddl *ddl,
                     struct mr_buf *out)
{
    const struct mr_pg_sink *sink = (const struct mr_pg_sink *)base;
    struct mr_table shown = {.schema = *now->schema != '\0' ? now->schema : sink->opts->schema,
                             .name = now->name,
                             .columns = now->columns,
                             .n_columns = now->n_columns,
                             .uniques = now->uniques,
                             .n_uniques = now->n_uniques};
    if (ddl->kind == MR_DDL_CREATE)
        mr_pg_create_print(out, &shown, ddl);
    else if (ddl->kind != MR_DDL_NONE)
        mr_pg_alter_print(out, &shown, ddl, has_defaults(ddl));
}

/* A server that refuses a value in DDL refuses the wish, not a record. */
static int refused(const struct mr_ddl *ddl, struct mr_err *err)
{
    char detail[MR_ERR_DETAIL_BYTES];
    memcpy(detail, err->detail, sizeof detail);
    return mr_err_set(err,
                      ddl->kind == MR_DDL_ADD_KEY ? MR_TARGET_NO_UNIQUE_KEY : MR_TYPE_INCOMPATIBLE,
                      "%s", detail);
}

int mr_pg_table_apply(struct mr_sink *base, const char *schema, const char *name,
                      const struct mr_ddl *ddl, struct mr_err *err)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    struct mr_table place = {.schema = schema != NULL ? schema : sink->opts->schema, .name = name};
    struct ddl_call call = {.place = &place, .ddl = ddl, .defaults = has_defaults(ddl)};
    struct mr_pg_conn *conn = NULL;
    struct mr_arena arena;
    struct mr_ddl here;
    if (ddl->kind == MR_DDL_NONE || ddl->n_columns == 0)
        return 0;
    int rc = mr_pg_pool_take(&sink->pool, &conn, err);
    if (rc < 0)
        return rc;
    mr_arena_init(&arena, 0, 0);
    conn->moved_ms = ddl->moved_ms;
    rc = mr_pg_wish_resolve(conn, ddl, &arena, &here, err);
    call.ddl = &here;
    if (rc == 0)
        rc = ddl_transact(sink, conn, &call, err);
    if (rc < 0 && err->class == MR_CLASS_POISON && call.defaults && !conn->broken) {
        mr_err_clear(err); /* a default that the column does not take is no reason not to load */
        call.defaults = false;
        rc = ddl_transact(sink, conn, &call, err);
    }
    mr_arena_release(&arena);
    conn->moved_ms = NULL;
    mr_pg_pool_give(&sink->pool, conn);
    mr_pg_table_forget(sink, place.schema, place.name);
    if (was_first(err, rc)) {
        mr_err_clear(err);
        return 0;
    }
    if (rc < 0 && err->class == MR_CLASS_POISON)
        rc = refused(ddl, err);
    if (rc < 0)
        (void)mr_pg_err_table(err, &place);
    return rc;
}
