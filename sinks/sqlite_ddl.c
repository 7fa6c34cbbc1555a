/* Owns the making and widening of users' tables, and the register of who loads them. Must not run
 * inside a flush's transaction (V-21). Invariants: BEGIN IMMEDIATE is what the advisory lock is
 * elsewhere (V-12): under it the catalogue is read again, and what somebody else did first is left
 * alone; each change is noted in the same transaction. */
#include <string.h>
#include <strings.h>

#include <sqlite3.h>

#include "sinks/sqlite.h"

#include "base/ban.h"

static void add_column(struct mr_buf *sql, const struct mr_shape_column *column)
{
    mr_sq_quote(sql, column->name);
    mr_buf_byte(sql, ' ');
    mr_sq_type_declare(sql, &column->type);
}

/* V-06. The column's affinity makes numbers of texts; what SQLite has no text form for gets none.
 */
static void add_default(struct mr_buf *sql, const struct mr_shape_column *column)
{
    const char *text = column->dflt;
    bool real = column->type.type == MR_T_FLOAT4 || column->type.type == MR_T_FLOAT8;
    if (text == NULL || (real && strpbrk(text, "nN") != NULL)) /* NaN, Infinity */
        return;
    if (column->type.type == MR_T_BOOL) {
        mr_buf_str(sql, strcmp(text, "true") == 0 ? " DEFAULT 1" : " DEFAULT 0");
        return;
    }
    bool bytes = column->type.type == MR_T_BYTEA;
    mr_buf_str(sql, bytes ? " DEFAULT X'" : " DEFAULT '");
    for (const char *at = bytes ? text + 2 : text; *at != '\0'; at++) {
        if (*at == '\'')
            mr_buf_byte(sql, '\'');
        mr_buf_byte(sql, (uint8_t)*at);
    }
    mr_buf_byte(sql, '\'');
}

/* SQLite compares names of columns without case (ASCII). */
static int check_names(const struct mr_ddl *ddl, struct mr_err *err)
{
    for (uint16_t i = 0; i < ddl->n_columns; i++) {
        if (ddl->columns[i].name[0] == '\0')
            return mr_err_set(err, MR_IDENTIFIER_INVALID, "a column's name is empty");
        for (uint16_t k = 0; k < i; k++) {
            if (strcasecmp(ddl->columns[i].name, ddl->columns[k].name) == 0)
                return mr_err_set(err, MR_IDENTIFIER_COLLISION,
                                  "SQLite takes columns \"%s\" and \"%s\" as one",
                                  ddl->columns[k].name, ddl->columns[i].name);
        }
    }
    return 0;
}

/* L-07, V-11: NOT NULL only for key columns. */
static void create_sql(struct mr_buf *sql, const char *name, const struct mr_ddl *ddl)
{
    mr_buf_str(sql, "CREATE TABLE ");
    mr_sq_quote(sql, name);
    mr_buf_str(sql, " (");
    for (uint16_t i = 0; i < ddl->n_columns; i++) {
        mr_buf_str(sql, i > 0 ? ", " : "");
        add_column(sql, &ddl->columns[i]);
        for (uint16_t k = 0; k < ddl->n_key; k++)
            mr_buf_str(sql, ddl->key[k] == i ? " NOT NULL" : "");
    }
    if (ddl->n_key > 0)
        mr_buf_str(sql, ", PRIMARY KEY (");
    for (uint16_t k = 0; k < ddl->n_key; k++) {
        mr_buf_str(sql, k > 0 ? ", " : "");
        mr_sq_quote(sql, ddl->columns[ddl->key[k]].name);
    }
    mr_buf_str(sql, ddl->n_key > 0 ? ")) WITHOUT ROWID" : ")");
}

static void add_column_sql(struct mr_buf *sql, const char *table,
                           const struct mr_shape_column *column)
{
    mr_buf_str(sql, "ALTER TABLE ");
    mr_sq_quote(sql, table);
    mr_buf_str(sql, " ADD COLUMN ");
    add_column(sql, column);
    add_default(sql, column);
}

/* What was done, and for whom. */
struct change {
    struct mr_sq_sink *sink;
    struct mr_sq_conn *conn;
    const char *name; /* of the table in the file */
    int64_t schema_id;
    char now[MR_SQ_TIME_BYTES];
};

static int run_and_note(const struct change *change, struct mr_buf *sql, struct mr_err *err)
{
    if (!mr_buf_ok(sql))
        return mr_err_set(err, MR_NO_MEMORY, "a statement");
    int rc = mr_sq_exec(change->conn, mr_buf_cstr(sql), err);
    if (rc < 0)
        return rc;
    struct sqlite3_stmt *stmt = NULL;
    rc = mr_sq_control_prepare(change->sink, change->conn,
                               "INSERT INTO \"%schema_changes\"(schema, name, pipeline, statement,"
                               " changed_at, instance_id, schema_id, db_user) VALUES"
                               " ('', ?1, ?2, ?3, ?4, ?5, nullif(?6, 0), NULL)",
                               &stmt, err);
    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, change->name);
    mr_sq_bind_text(stmt, 2, change->sink->opts->pipeline);
    mr_sq_bind_text(stmt, 3, mr_buf_cstr(sql));
    mr_sq_bind_text(stmt, 4, change->now);
    mr_sq_bind_text(stmt, 5, change->sink->opts->instance_id);
    mr_sq_bind_i64(stmt, 6, change->schema_id);
    return mr_sq_step(change->conn, stmt, "note a change of schema", err);
}

static int register_created(const struct change *change, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_control_prepare(
        change->sink, change->conn,
        "INSERT INTO \"%tables\"(schema, name, pipeline, route, shared,"
        " created_by_millrace) VALUES ('', ?1, ?2, '', 0, 1)"
        " ON CONFLICT (schema, name, pipeline) DO UPDATE SET created_by_millrace = 1",
        &stmt, err);
    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, change->name);
    mr_sq_bind_text(stmt, 2, change->sink->opts->pipeline);
    return mr_sq_step(change->conn, stmt, "register a table", err);
}

static int create_table(const struct change *change, const struct mr_ddl *ddl, struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    int rc = mr_sq_has_table(change->conn, change->name, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    create_sql(&sql, change->name, ddl);
    rc = run_and_note(change, &sql, err);
    if (rc == 0)
        rc = register_created(change, err);
    mr_buf_release(&sql);
    return rc;
}

static int add_columns(const struct change *change, const struct mr_ddl *ddl, struct mr_err *err)
{
    struct mr_table *table = NULL;
    struct mr_buf sql = MR_BUF_INIT;
    int rc = mr_sq_table_read(change->sink, change->conn, change->name, &table, err);
    if (rc < 0)
        return rc;
    for (uint16_t i = 0; rc == 0 && i < ddl->n_columns; i++) {
        if (mr_table_column(table, ddl->columns[i].name) >= 0)
            continue;
        mr_buf_reset(&sql);
        add_column_sql(&sql, table->name, &ddl->columns[i]);
        rc = run_and_note(change, &sql, err);
    }
    mr_table_unref(table);
    mr_buf_release(&sql);
    return rc;
}

/* V-17. SQLite cannot add a PRIMARY KEY to a table that is there. */
static void key_index_sql(struct mr_buf *sql, const char *name, const struct mr_ddl *ddl)
{
    struct mr_buf index = MR_BUF_INIT;
    mr_buf_fmt(&index, "%s_key", name);
    mr_buf_str(sql, "CREATE UNIQUE INDEX IF NOT EXISTS ");
    mr_sq_quote(sql, mr_buf_cstr(&index));
    mr_buf_str(sql, " ON ");
    mr_sq_quote(sql, name);
    for (uint16_t k = 0; k < ddl->n_key; k++) {
        mr_buf_str(sql, k > 0 ? ", " : " (");
        mr_sq_quote(sql, ddl->columns[ddl->key[k]].name);
    }
    mr_buf_byte(sql, ')');
    mr_buf_release(&index);
}

static int add_key(const struct change *change, const struct mr_ddl *ddl, struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    key_index_sql(&sql, change->name, ddl);
    int rc = run_and_note(change, &sql, err);
    if (rc < 0 && err->class == MR_CLASS_POISON) { /* rows that are there, not the record */
        char detail[MR_ERR_DETAIL_BYTES];
        memcpy(detail, err->detail, sizeof detail);
        rc = mr_err_set(err, MR_TARGET_NO_UNIQUE_KEY, "%s", detail);
    }
    mr_buf_release(&sql);
    return rc;
}

static int apply_in_txn(const struct change *change, const struct mr_ddl *ddl, struct mr_err *err)
{
    int rc = mr_sq_begin(change->conn, err);
    if (rc == 0 && ddl->kind == MR_DDL_CREATE)
        rc = create_table(change, ddl, err);
    if (rc == 0 && ddl->kind == MR_DDL_ADD_COLUMNS)
        rc = add_columns(change, ddl, err);
    if (rc == 0 && ddl->kind == MR_DDL_ADD_KEY)
        rc = add_key(change, ddl, err);
    if (rc == 0)
        rc = mr_sq_commit(change->conn, err);
    mr_sq_rollback(change->conn);
    return rc;
}

int mr_sq_table_apply(struct mr_sink *base, const char *schema, const char *name,
                      const struct mr_ddl *ddl, struct mr_err *err)
{
    struct mr_sq_sink *sink = mr_sq_sink(base);
    struct mr_buf full = MR_BUF_INIT;
    struct change change = {.sink = sink, .schema_id = ddl->schema_id};
    int rc = check_names(ddl, err);
    if (rc == 0)
        rc = mr_sq_table_name(sink, schema, name, &full, err);
    if (rc == 0)
        rc = mr_sq_take(sink, MR_SQ_WRITE, NULL, &change.conn, err);
    if (rc < 0)
        goto out;
    change.name = mr_buf_cstr(&full);
    mr_sq_time_text(mr_wall_ms(&sink->opts->env), change.now);
    rc = apply_in_txn(&change, ddl, err);
    mr_sq_give(sink, MR_SQ_WRITE);
out:
    mr_buf_release(&full);
    return rc;
}

void mr_sq_ddl_print(struct mr_sink *base, const struct mr_table *now, const struct mr_ddl *ddl,
                     struct mr_buf *out)
{
    struct mr_buf full = MR_BUF_INIT;
    struct mr_err ignored = MR_ERR_INIT;
    const char *name = now->name;
    if (ddl->kind == MR_DDL_CREATE &&
        mr_sq_table_name(mr_sq_sink(base), now->schema, name, &full, &ignored) == 0)
        name = mr_buf_cstr(&full);
    if (ddl->kind == MR_DDL_CREATE)
        create_sql(out, name, ddl);
    else if (ddl->kind == MR_DDL_ADD_KEY)
        key_index_sql(out, name, ddl);
    for (uint16_t i = 0; ddl->kind == MR_DDL_ADD_COLUMNS && i < ddl->n_columns; i++) {
        mr_buf_str(out, i > 0 ? "; " : "");
        add_column_sql(out, name, &ddl->columns[i]);
    }
    mr_buf_release(&full);
}

/* ---- register ---- */

static int check_sharing(const struct change *change, bool shared, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc =
        mr_sq_control_prepare(change->sink, change->conn,
                              "SELECT pipeline FROM \"%tables\" WHERE schema = '' AND name = ?1"
                              " AND pipeline <> ?2 AND NOT (shared AND ?3) LIMIT 1",
                              &stmt, err);
    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, change->name);
    mr_sq_bind_text(stmt, 2, change->sink->opts->pipeline);
    mr_sq_bind_i64(stmt, 3, shared ? 1 : 0);
    rc = mr_sq_step(change->conn, stmt, "look at the register", err);
    if (rc != 1)
        return rc;
    rc = mr_err_set(err, MR_TARGET_SHARED, "pipeline \"%s\" loads \"%s\", too", mr_sq_text(stmt, 0),
                    change->name);
    (void)sqlite3_reset(stmt);
    if (err != NULL)
        (void)mr_err_in(err, change->name, NULL);
    return rc;
}

static int register_in_txn(const struct change *change, const char *route, bool shared,
                           struct mr_err *err)
{
    int rc = mr_sq_begin(change->conn, err);
    if (rc == 0)
        rc = check_sharing(change, shared, err);
    struct sqlite3_stmt *stmt = NULL;
    if (rc == 0)
        rc = mr_sq_control_prepare(change->sink, change->conn,
                                   "INSERT INTO \"%tables\"(schema, name, pipeline, route, shared,"
                                   " created_by_millrace) VALUES ('', ?1, ?2, ?3, ?4, 0)"
                                   " ON CONFLICT (schema, name, pipeline) DO UPDATE SET route = "
                                   "excluded.route, shared = excluded.shared",
                                   &stmt, err);
    if (rc == 0) {
        mr_sq_bind_text(stmt, 1, change->name);
        mr_sq_bind_text(stmt, 2, change->sink->opts->pipeline);
        mr_sq_bind_text(stmt, 3, route);
        mr_sq_bind_i64(stmt, 4, shared ? 1 : 0);
        rc = mr_sq_step(change->conn, stmt, "register a table", err);
    }
    if (rc == 0)
        rc = mr_sq_commit(change->conn, err);
    mr_sq_rollback(change->conn);
    return rc;
}

int mr_sq_table_register(struct mr_sink *base, const struct mr_table *table, const char *route,
                         bool shared, struct mr_err *err)
{
    struct mr_sq_sink *sink = mr_sq_sink(base);
    struct change change = {.sink = sink, .name = table->name};
    int rc = mr_sq_take(sink, MR_SQ_WRITE, NULL, &change.conn, err);
    if (rc < 0)
        return rc;
    rc = register_in_txn(&change, route, shared, err);
    mr_sq_give(sink, MR_SQ_WRITE);
    return rc;
}
