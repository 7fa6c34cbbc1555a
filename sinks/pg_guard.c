/* Guards in PostgreSQL (contract.md section 3.1): what the rows and tombs of keys have, and the
 * tombs themselves. Must not compare records: the strategy does, in the same transaction. So that
 * nothing moves between the look and the writes, flushes of a guarded table hold an advisory lock
 * of its name from the look to the commit. A tomb with an empty key is its table's floor. */
#include "sinks/pg_guard.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/ban.h"

enum { EXPIRED_PIECE = 1000, BYTEA_OID = 17 };

static struct mr_pg_session *session_of(struct mr_session *session)
{
    return (struct mr_pg_session *)session;
}

void mr_pg_tomb_params(const struct mr_pg_session *session, const struct mr_table *table,
                       struct mr_pg_params *params)
{
    params->n = 0;
    mr_pg_param_text(params, session->sink->opts->pipeline);
    mr_pg_param_text(params, table->schema);
    mr_pg_param_text(params, table->name);
}

static bool is_held(const struct mr_pg_session *session, const struct mr_table *table)
{
    for (size_t i = 0; i < session->n_held; i++)
        if (session->held[i].relation == table->version.v[0])
            return true;
    return false;
}

/* Goes along with the next statement, and once a transaction: nothing is read before it, as all
 * that reads or writes brings or settles first what is pending. More than fit are locked again. */
static int lock(struct mr_pg_session *session, const struct mr_table *table, struct mr_err *err)
{
    struct mr_buf name = MR_BUF_INIT;
    struct mr_buf *sql = &session->pending;
    if (is_held(session, table))
        return 0;
    mr_buf_fmt(&name, "millrace:guard:%s.%s", table->schema, table->name);
    mr_buf_str(sql, "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(");
    mr_pg_literal(sql, mr_buf_cstr(&name));
    mr_buf_str(sql, ", 0)); ");
    bool ok = mr_buf_ok(&name) && mr_buf_ok(sql);
    mr_buf_release(&name);
    if (!ok)
        return mr_err_set(err, MR_NO_MEMORY, "a statement");
    if (session->n_held < MR_PG_MAX_HELD)
        session->held[session->n_held++] =
            (struct mr_pg_held){.relation = table->version.v[0], .depth = session->depth};
    return 0;
}

static int hex_digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* A cell of encode(..., 'hex'); data NULL: SQL's null. Octets beyond a guard's are none of ours. */
static struct mr_slice cell_octets(const PGresult *res, int row, int col,
                                   uint8_t out[MR_GUARD_MAX_BYTES])
{
    const char *hex = PQgetvalue(res, row, col);
    size_t len = (size_t)PQgetlength(res, row, col) / 2;
    if (PQgetisnull(res, row, col))
        return (struct mr_slice){NULL, 0};
    if (len > MR_GUARD_MAX_BYTES)
        len = MR_GUARD_MAX_BYTES;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(hex_digit(hex[2 * i]) * 16 + hex_digit(hex[2 * i + 1]));
    return (struct mr_slice){out, len};
}

/* Rows of (number, guard as hex), numbers from `first`; number first - 1 is for all. */
static int seen_take(const PGresult *res, int64_t first, struct mr_guard_seen *seen, size_t n,
                     struct mr_err *err)
{
    for (int row = 0; row < PQntuples(res); row++) {
        uint8_t octets[MR_GUARD_MAX_BYTES];
        struct mr_slice guard = cell_octets(res, row, 1, octets);
        int64_t at = mr_pg_i64(res, row, 0) - first;
        if (at < -1 || at >= (int64_t)n)
            return mr_err_set(err, MR_BUG, "a guard of row %lld", (long long)at);
        for (size_t i = 0; at == -1 && i < n; i++)
            mr_guard_raise(&seen[i], guard);
        if (at >= 0)
            mr_guard_raise(&seen[at], guard);
    }
    return 0;
}

static int rows_read(struct mr_pg_session *session, const struct mr_guarded *what,
                     struct mr_guard_seen *seen, struct mr_err *err)
{
    struct mr_pg_stage_use stage = {.table = what->table, .cols = what->key, .numbered = true};
    struct mr_pg_copy copy = {
        .rows = what->rows, .n_rows = what->n_rows, .key_tuples = true, .numbered = true};
    int rc = mr_pg_stage_rows(session, &stage, &copy, err);
    if (rc < 0)
        return rc;
    mr_buf_reset(&session->sql);
    mr_pg_guards_sql(&session->sql, &stage, what->guard);
    if (!mr_buf_ok(&session->sql))
        return mr_err_set(err, MR_NO_MEMORY, "a statement");
    PGresult *res = NULL;
    rc = mr_pg_exec(session->conn, mr_buf_cstr(&session->sql), &res, err);
    if (rc == 0)
        rc = seen_take(res, 0, seen, what->n_rows, err);
    PQclear(res);
    return rc;
}

void mr_pg_bytea_array(struct mr_buf *out, size_t n)
{
    mr_buf_reset(out);
    mr_buf_u32(out, 1);
    mr_buf_u32(out, 0);
    mr_buf_u32(out, BYTEA_OID);
    mr_buf_u32(out, (uint32_t)n);
    mr_buf_u32(out, 1);
}

void mr_pg_bytea_add(struct mr_buf *out, struct mr_slice octets)
{
    mr_buf_u32(out, (uint32_t)octets.len); /* of a key or guard: far below 4 GiB */
    mr_buf_add(out, octets.data, octets.len);
}

int mr_pg_bytea_check(const struct mr_buf *array, struct mr_err *err)
{
    if (mr_buf_ok(array) && array->len <= INT_MAX)
        return 0;
    return mr_err_set(err, MR_NO_MEMORY, "an array of keys");
}

static void keys_array(const struct mr_guarded *what, struct mr_buf *out)
{
    mr_pg_bytea_array(out, what->n_rows);
    for (size_t i = 0; i < what->n_rows; i++)
        mr_pg_bytea_add(out, what->rows[i]->key);
}

static int tombs_read(struct mr_pg_session *session, const struct mr_guarded *what,
                      struct mr_guard_seen *seen, struct mr_err *err)
{
    const char *control = session->sink->control;
    struct mr_pg_params params;
    PGresult *res = NULL;
    keys_array(what, &session->array);
    int rc = mr_pg_bytea_check(&session->array, err);
    if (rc < 0)
        return rc;
    mr_buf_reset(&session->sql);
    mr_buf_fmt(
        &session->sql,
        "SELECT k.i, pg_catalog.encode(d.guard, 'hex') "
        "FROM pg_catalog.unnest($4::pg_catalog.bytea[]) WITH ORDINALITY k(key, i) "
        "JOIN %s.tombs d ON d.key OPERATOR(pg_catalog.=) k.key WHERE " MR_PG_TOMBS_OF(
            "guard") " UNION ALL SELECT 0, pg_catalog.encode(d.guard, 'hex') FROM %s.tombs d "
                     "WHERE " MR_PG_TOMBS_OF(
                         "guard") " AND d.key OPERATOR(pg_catalog.=) ''::pg_catalog.bytea",
        control, control);
    mr_pg_tomb_params(session, what->table, &params);
    mr_pg_param_bytes(&params, session->array.data, (int)session->array.len);
    rc = mr_pg_exec_params(session->conn, mr_buf_cstr(&session->sql), &params, &res, err);
    if (rc == 0)
        rc = seen_take(res, 1, seen, what->n_rows, err);
    PQclear(res);
    return rc;
}

/* Names the table in an error, and ends a stalled owner that holds the lock. */
static int guard_failed(struct mr_pg_session *session, const struct mr_table *table, int rc,
                        struct mr_err *err)
{
    if (rc < 0)
        (void)mr_pg_err_table(err, table);
    return mr_pg_session_failed(session, err, rc);
}

int mr_pg_guard_lock(struct mr_session *base, const struct mr_table *table, struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    int rc = mr_pg_outside_txn(session, err);
    if (rc == 0)
        rc = lock(session, table, err);
    return guard_failed(session, table, rc, err);
}

int mr_pg_guards_read(struct mr_session *base, const struct mr_guarded *what,
                      struct mr_guard_seen *seen, struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    int rc = mr_pg_outside_txn(session, err);
    if (rc == 0)
        rc = lock(session, what->table, err);
    if (rc == 0)
        rc = rows_read(session, what, seen, err);
    if (rc == 0)
        rc = tombs_read(session, what, seen, err);
    return guard_failed(session, what->table, rc, err);
}

/* ---- tombs ---- */

/* Parameters 4 and 5: keys and guards. */
static int tombs_insert(struct mr_pg_session *session, const struct mr_table *table,
                        const struct mr_buf *keys, const struct mr_buf *guards, struct mr_err *err)
{
    struct mr_pg_params params;
    int rc = mr_pg_bytea_check(keys, err);
    if (rc == 0)
        rc = mr_pg_bytea_check(guards, err);
    if (rc < 0)
        return rc;
    mr_buf_reset(&session->sql);
    mr_buf_fmt(
        &session->sql,
        "INSERT INTO %s.tombs AS d (pipeline, schema, name, key, kind, guard) "
        "SELECT $1, $2, $3, k.key, 'guard', k.guard "
        "FROM unnest($4::pg_catalog.bytea[], $5::pg_catalog.bytea[]) k(key, guard) ORDER BY k.key "
        "ON CONFLICT (pipeline, schema, name, key, kind) DO UPDATE "
        "SET guard = EXCLUDED.guard, deleted_at = EXCLUDED.deleted_at "
        "WHERE d.guard OPERATOR(pg_catalog.<) EXCLUDED.guard",
        session->sink->control);
    mr_pg_tomb_params(session, table, &params);
    mr_pg_param_bytes(&params, keys->data, (int)keys->len);
    mr_pg_param_bytes(&params, guards->data, (int)guards->len);
    return mr_pg_exec_params(session->conn, mr_buf_cstr(&session->sql), &params, NULL, err);
}

/* A piece at a time, but more than the flush leaves: else a steady stream of deletes would outgrow
 * it. */
int mr_pg_tombs_expire(struct mr_pg_session *session, const struct mr_table *table,
                       const struct mr_pg_expiry *what, struct mr_err *err)
{
    struct mr_pg_params params;
    mr_buf_reset(&session->sql);
    mr_buf_fmt(&session->sql,
               "DELETE FROM %s.tombs t WHERE t.ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT "
               "d.ctid FROM %s.tombs d "
               "WHERE d.pipeline OPERATOR(pg_catalog.=) $1 AND d.schema OPERATOR(pg_catalog.=) $2 "
               "AND d.name OPERATOR(pg_catalog.=) $3 AND d.kind OPERATOR(pg_catalog.=) '%s' "
               "AND d.deleted_at OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) "
               "pg_catalog.make_interval(secs => %llu.%03u)) LIMIT %zu FOR UPDATE SKIP LOCKED))",
               session->sink->control, session->sink->control, what->kind,
               (unsigned long long)(what->ttl_ms / 1000), (unsigned)(what->ttl_ms % 1000),
               EXPIRED_PIECE + 2 * what->n_left);
    mr_pg_tomb_params(session, table, &params);
    return mr_pg_exec_params(session->conn, mr_buf_cstr(&session->sql), &params, NULL, err);
}

int mr_pg_tombs_put(struct mr_session *base, const struct mr_guarded *what, struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    struct mr_buf guards = MR_BUF_INIT;
    int rc = mr_pg_outside_txn(session, err);
    if (rc == 0)
        rc = mr_pg_session_settle(session, err);
    if (rc < 0)
        return rc;
    keys_array(what, &session->array);
    mr_pg_bytea_array(&guards, what->n_rows);
    for (size_t i = 0; i < what->n_rows; i++) {
        uint8_t octets[MR_GUARD_MAX_BYTES];
        struct mr_slice guard = {octets, 0};
        size_t len = 0;
        if (mr_row_guard(what->guard, what->rows[i], &guard)) /* a guarded delete has one: O-09 */
            len = mr_guard_octets(what->guard, guard, octets);
        mr_pg_bytea_add(&guards, (struct mr_slice){octets, len});
    }
    rc = tombs_insert(session, what->table, &session->array, &guards, err);
    mr_buf_release(&guards);
    struct mr_pg_expiry expiry = {"guard", what->guard->tomb_ttl_ms, what->n_rows};
    if (rc == 0)
        rc = mr_pg_tombs_expire(session, what->table, &expiry, err);
    return guard_failed(session, what->table, rc, err);
}

/* ---- R-22 ---- */

static int delete_below(struct mr_pg_session *session, const struct mr_guarded *what,
                        struct mr_slice octets, struct mr_err *err)
{
    struct mr_buf *sql = &session->sql;
    const char *name = what->table->columns[what->guard->col].name;
    struct mr_pg_params params = {.n = 0};
    mr_buf_reset(sql);
    mr_buf_str(sql, "DELETE FROM ");
    mr_pg_table_name(sql, what->table);
    mr_buf_str(sql, " t WHERE t.");
    mr_pg_ident(sql, name);
    mr_buf_str(sql, " IS NULL OR ");
    mr_pg_guard_octets_sql(sql, name, what->guard->single);
    mr_buf_str(sql, " OPERATOR(pg_catalog.<) $1::pg_catalog.bytea");
    if (!mr_buf_ok(sql))
        return mr_err_set(err, MR_NO_MEMORY, "a statement");
    mr_pg_param_bytes(&params, octets.data, (int)octets.len);
    return mr_pg_exec_params(session->conn, mr_buf_cstr(sql), &params, NULL, err);
}

int mr_pg_truncate_below(struct mr_session *base, const struct mr_guarded *what,
                         struct mr_slice octets, struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    struct mr_buf guards = MR_BUF_INIT;
    int rc = mr_pg_outside_txn(session, err);
    if (rc == 0)
        rc = lock(session, what->table, err);
    if (rc == 0)
        rc = mr_pg_session_settle(session, err);
    if (rc == 0)
        rc = delete_below(session, what, octets, err);
    if (rc == 0) {
        mr_pg_bytea_array(&session->array, 1);
        mr_pg_bytea_add(&session->array, (struct mr_slice){octets.data, 0});
        mr_pg_bytea_array(&guards, 1);
        mr_pg_bytea_add(&guards, octets);
        rc = tombs_insert(session, what->table, &session->array, &guards, err);
    }
    mr_buf_release(&guards);
    return guard_failed(session, what->table, rc, err);
}
