/* Owns guards in a SQLite file: what the rows and tombs of keys have, and the tombs themselves.
 * Must not compare records: the strategy does. One process writes at a time (BEGIN IMMEDIATE), so
 * nothing moves between the look and the writes. A tomb with an empty key is its table's floor
 * (R-22). */
#include "sinks/sqlite_guard.h"

#include <string.h>

#include <sqlite3.h>

#include "base/ban.h"

enum { EXPIRED_PIECE = 1000 }; /* tombs that one flush drops, besides two for each that it leaves */

/* The tombs of one table: parameters 1 to 3. */
#define TOMBS_OF_KIND "pipeline = ?1 AND schema = ?2 AND name = ?3 AND kind = "
#define TOMBS_OF TOMBS_OF_KIND "'guard'"

static void bind_table(const struct mr_sq_sink *sink, struct sqlite3_stmt *stmt,
                       const struct mr_table *table)
{
    mr_sq_bind_text(stmt, 1, sink->opts->pipeline);
    mr_sq_bind_text(stmt, 2, table->schema);
    mr_sq_bind_text(stmt, 3, table->name);
}

static void bind_octets(struct sqlite3_stmt *stmt, int at, struct mr_slice octets)
{
    static const uint8_t none[1];
    (void)sqlite3_bind_blob64(stmt, at, octets.len > 0 ? octets.data : none, octets.len,
                              SQLITE_STATIC);
}

/* A stored guard as octets: of an INTEGER its eight bytes, with the sign turned round. */
static struct mr_slice column_octets(struct sqlite3_stmt *stmt, bool single, uint8_t number[8])
{
    if (sqlite3_column_type(stmt, 0) == SQLITE_NULL)
        return (struct mr_slice){NULL, 0};
    if (!single)
        return (struct mr_slice){sqlite3_column_blob(stmt, 0),
                                 (size_t)sqlite3_column_bytes(stmt, 0)};
    mr_put_u64(number, (uint64_t)sqlite3_column_int64(stmt, 0) ^ (UINT64_C(1) << 63));
    return (struct mr_slice){number, 8};
}

/* Raises `seen` by the guard that the prepared statement reads, if there is one. */
static int raise_by(struct mr_sq_conn *conn, struct sqlite3_stmt *stmt, bool single,
                    struct mr_guard_seen *seen, struct mr_err *err)
{
    uint8_t number[8];
    int rc = mr_sq_step(conn, stmt, "read guards", err);
    if (rc <= 0)
        return rc;
    mr_guard_raise(seen, column_octets(stmt, single, number));
    (void)sqlite3_reset(stmt);
    return 0;
}

/* The guards of the rows themselves. */
static int rows_read(struct mr_sq_conn *conn, const struct mr_guarded *what,
                     struct mr_guard_seen *seen, struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    struct mr_sq_keyed keyed = {.conn = conn, .table = what->table, .key = what->key};
    mr_buf_str(&sql, "SELECT ");
    mr_sq_quote(&sql, what->table->columns[what->guard->col].name);
    mr_buf_str(&sql, " FROM ");
    mr_sq_quote(&sql, what->table->name);
    mr_sq_where_key(&sql, what->table, what->key);
    int rc = mr_buf_ok(&sql) ? mr_sq_prepare(conn, mr_buf_cstr(&sql), &keyed.stmt, err)
                             : mr_err_set(err, MR_NO_MEMORY, "a statement");
    mr_buf_release(&sql);
    for (size_t i = 0; rc == 0 && i < what->n_rows; i++) {
        rc = mr_sq_bind_key(&keyed, what->rows[i], err);
        if (rc == 0)
            rc = raise_by(conn, keyed.stmt, what->guard->single, &seen[i], err);
    }
    return rc;
}

static int tombs_read(const struct mr_sq_sink *sink, struct mr_sq_conn *conn,
                      const struct mr_guarded *what, struct mr_guard_seen *seen, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    struct mr_guard_seen floor = {.state = MR_GUARD_ABSENT};
    int rc = mr_sq_control_prepare(
        sink, conn, "SELECT guard FROM \"%tombs\" WHERE " TOMBS_OF " AND key = ?4", &stmt, err);
    if (rc < 0)
        return rc;
    bind_table(sink, stmt, what->table);
    bind_octets(stmt, 4, (struct mr_slice){NULL, 0});
    rc = raise_by(conn, stmt, false, &floor, err);
    for (size_t i = 0; rc == 0 && i < what->n_rows; i++) {
        bind_octets(stmt, 4, what->rows[i]->key);
        rc = raise_by(conn, stmt, false, &seen[i], err);
        if (floor.state == MR_GUARD_SEEN)
            mr_guard_raise(&seen[i], (struct mr_slice){floor.octets, floor.len});
    }
    return rc;
}

/* A transaction that writes has the whole file. */
int mr_sq_guard_lock(struct mr_session *base, const struct mr_table *table, struct mr_err *err)
{
    struct mr_sq_conn *conn = NULL;
    (void)table;
    return mr_sq_session_conn(base, &conn, err);
}

int mr_sq_guards_read(struct mr_session *base, const struct mr_guarded *what,
                      struct mr_guard_seen *seen, struct mr_err *err)
{
    struct mr_sq_conn *conn = NULL;
    int rc = mr_sq_session_conn(base, &conn, err);
    if (rc == 0)
        rc = rows_read(conn, what, seen, err);
    if (rc == 0)
        rc = tombs_read(mr_sq_sink(base->sink), conn, what, seen, err);
    return rc;
}

/* ---- tombs ---- */

struct tomb_put { /* or read */
    const struct mr_sq_sink *sink;
    struct mr_sq_conn *conn;
    struct sqlite3_stmt *stmt;
    char now[MR_SQ_TIME_BYTES]; /* of what is read: the oldest that counts */
};

static int tombs_prepare(struct tomb_put *to, struct mr_session *base, struct mr_err *err)
{
    to->sink = mr_sq_sink(base->sink);
    mr_sq_time_text(mr_wall_ms(&to->sink->opts->env), to->now);
    int rc = mr_sq_session_conn(base, &to->conn, err);
    if (rc < 0)
        return rc;
    return mr_sq_control_prepare(
        to->sink, to->conn,
        "INSERT INTO \"%tombs\" (pipeline, schema, name, key, kind, guard, deleted_at) "
        "VALUES (?1, ?2, ?3, ?4, 'guard', ?5, ?6) "
        "ON CONFLICT (pipeline, schema, name, key, kind) DO UPDATE SET guard = excluded.guard, "
        "deleted_at = excluded.deleted_at WHERE \"%tombs\".guard < excluded.guard",
        &to->stmt, err);
}

static int tomb_put(const struct tomb_put *to, const struct mr_table *table, struct mr_slice key,
                    struct mr_slice octets, struct mr_err *err)
{
    bind_table(to->sink, to->stmt, table);
    bind_octets(to->stmt, 4, key);
    bind_octets(to->stmt, 5, octets);
    mr_sq_bind_text(to->stmt, 6, to->now);
    return mr_sq_step(to->conn, to->stmt, "leave a tomb", err);
}

struct expiry {
    const struct mr_table *table;
    const char *kind;
    uint64_t ttl_ms;
    size_t n_left; /* how many the flush leaves itself */
};

static int tombs_expire(const struct tomb_put *to, const struct expiry *what, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    char then[MR_SQ_TIME_BYTES];
    mr_sq_time_text(mr_wall_ms(&to->sink->opts->env) - (int64_t)what->ttl_ms, then);
    int rc = mr_sq_control_prepare(to->sink, to->conn,
                                   "DELETE FROM \"%tombs\" WHERE " TOMBS_OF_KIND
                                   "?6 AND key IN (SELECT key FROM \"%tombs\" WHERE " TOMBS_OF_KIND
                                   "?6 AND deleted_at < ?4 LIMIT ?5)",
                                   &stmt, err);
    if (rc < 0)
        return rc;
    bind_table(to->sink, stmt, what->table);
    mr_sq_bind_text(stmt, 4, then);
    mr_sq_bind_i64(stmt, 5, EXPIRED_PIECE + 2 * (int64_t)what->n_left);
    mr_sq_bind_text(stmt, 6, what->kind);
    return mr_sq_step(to->conn, stmt, "drop tombs", err);
}

int mr_sq_tombs_put(struct mr_session *base, const struct mr_guarded *what, struct mr_err *err)
{
    struct tomb_put to;
    int rc = tombs_prepare(&to, base, err);
    for (size_t i = 0; rc == 0 && i < what->n_rows; i++) {
        uint8_t octets[MR_GUARD_MAX_BYTES];
        struct mr_slice guard;
        if (!mr_row_guard(what->guard, what->rows[i], &guard))
            continue; /* a guarded delete has one: O-09 */
        size_t len = mr_guard_octets(what->guard, guard, octets);
        rc = tomb_put(&to, what->table, what->rows[i]->key, (struct mr_slice){octets, len}, err);
    }
    const struct expiry expiry = {what->table, "guard", what->guard->tomb_ttl_ms, what->n_rows};
    return rc == 0 ? tombs_expire(&to, &expiry, err) : rc;
}

/* ---- U-32 ---- */

static int kept_read_one(const struct tomb_put *from, const struct mr_kept_rows *what,
                         struct mr_kept *kept, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = from->stmt;
    kept->values = (struct mr_slice){NULL, 0};
    kept->values = (struct mr_slice){NULL, 0};
    bind_table(from->sink, stmt, what->table);
    bind_octets(stmt, 4, kept->key);
    mr_sq_bind_text(stmt, 5, from->now);
    int rc = mr_sq_step(from->conn, stmt, "read tombs", err);
    if (rc <= 0)
        return rc;
    size_t len = (size_t)sqlite3_column_bytes(stmt, 0);
    const void *values = sqlite3_column_blob(stmt, 0);
    rc = 0;
    if (values != NULL) {
        kept->values = (struct mr_slice){mr_arena_copy(what->arena, values, len), len};
        if (kept->values.data == NULL)
            rc = mr_err_set(err, MR_NO_MEMORY, "a tomb of %zu bytes", len);
    }
    (void)sqlite3_reset(stmt);
    return rc;
}

int mr_sq_kept_read(struct mr_session *base, const struct mr_kept_rows *what, struct mr_err *err)
{
    struct tomb_put from = {.sink = mr_sq_sink(base->sink)};
    mr_sq_time_text(mr_wall_ms(&from.sink->opts->env) - (int64_t)what->ttl_ms, from.now);
    int rc = mr_sq_session_conn(base, &from.conn, err);
    if (rc == 0)
        rc = mr_sq_control_prepare(from.sink, from.conn,
                                   "SELECT kept FROM \"%tombs\" WHERE " TOMBS_OF_KIND
                                   "'row' AND key = ?4 AND deleted_at >= ?5",
                                   &from.stmt, err);
    for (size_t i = 0; rc == 0 && i < what->n; i++)
        rc = kept_read_one(&from, what, &what->kept[i], err);
    return rc;
}

static int kept_step(const struct tomb_put *to, const struct mr_kept_rows *what,
                     const struct mr_kept *kept, struct mr_err *err)
{
    bind_table(to->sink, to->stmt, what->table);
    bind_octets(to->stmt, 4, kept->key);
    if (kept->values.data != NULL) {
        bind_octets(to->stmt, 5, kept->values);
        mr_sq_bind_text(to->stmt, 6, to->now);
    }
    return mr_sq_step(to->conn, to->stmt, "keep a moved row", err);
}

int mr_sq_kept_put(struct mr_session *base, const struct mr_kept_rows *what, struct mr_err *err)
{
    static const char put[] =
        "INSERT INTO \"%tombs\" (pipeline, schema, name, key, kind, kept, deleted_at) "
        "VALUES (?1, ?2, ?3, ?4, 'row', ?5, ?6) "
        "ON CONFLICT (pipeline, schema, name, key, kind) DO UPDATE SET kept = excluded.kept, "
        "deleted_at = excluded.deleted_at";
    static const char drop[] = "DELETE FROM \"%tombs\" WHERE " TOMBS_OF_KIND "'row' AND key = ?4";
    const struct expiry expiry = {what->table, "row", what->ttl_ms, what->n_expire};
    struct tomb_put to = {.sink = mr_sq_sink(base->sink)};
    mr_sq_time_text(mr_wall_ms(&to.sink->opts->env), to.now);
    int rc = mr_sq_session_conn(base, &to.conn, err);
    for (size_t i = 0; rc == 0 && i < what->n; i++) {
        bool has = what->kept[i].values.data != NULL;
        rc = mr_sq_control_prepare(to.sink, to.conn, has ? put : drop, &to.stmt, err);
        if (rc == 0)
            rc = kept_step(&to, what, &what->kept[i], err);
    }
    return rc == 0 && what->n_expire > 0 ? tombs_expire(&to, &expiry, err) : rc;
}

/* ---- R-22 ---- */

static int delete_below(struct mr_sq_conn *conn, const struct mr_guarded *what,
                        struct mr_slice octets, struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    struct sqlite3_stmt *stmt = NULL;
    const char *name = what->table->columns[what->guard->col].name;
    mr_buf_str(&sql, "DELETE FROM ");
    mr_sq_quote(&sql, what->table->name);
    mr_buf_str(&sql, " WHERE ");
    mr_sq_quote(&sql, name);
    mr_buf_str(&sql, " IS NULL OR ");
    mr_sq_quote(&sql, name);
    mr_buf_str(&sql, " < ?1");
    int rc = mr_buf_ok(&sql) ? mr_sq_prepare(conn, mr_buf_cstr(&sql), &stmt, err)
                             : mr_err_set(err, MR_NO_MEMORY, "a statement");
    mr_buf_release(&sql);
    if (rc < 0)
        return rc;
    if (what->guard->single)
        mr_sq_bind_i64(stmt, 1, (int64_t)(mr_get_u64(octets.data) ^ (UINT64_C(1) << 63)));
    else
        bind_octets(stmt, 1, octets);
    return mr_sq_step(conn, stmt, "truncate", err);
}

int mr_sq_truncate_below(struct mr_session *base, const struct mr_guarded *what,
                         struct mr_slice octets, struct mr_err *err)
{
    struct tomb_put to;
    int rc = tombs_prepare(&to, base, err);
    if (rc == 0)
        rc = tomb_put(&to, what->table, (struct mr_slice){NULL, 0}, octets, err);
    if (rc == 0)
        rc = delete_below(to.conn, what, octets, err);
    return rc;
}
