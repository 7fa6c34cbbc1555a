/* Owns tombs of rows whose key changed, in PostgreSQL (contract.md U-32). Must not know what their
 * values say: the strategy does. */
#include <libpq-fe.h>

#include "sinks/pg_guard.h"

#include "base/ban.h"

static int keys_param(struct mr_pg_session *session, const struct mr_kept_rows *what, bool put,
                      size_t *n_out, struct mr_err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < what->n; i++)
        n += !put || what->kept[i].values.data == NULL ? 1 : 0;
    mr_pg_bytea_array(&session->array, n);
    for (size_t i = 0; i < what->n; i++) {
        if (!put || what->kept[i].values.data == NULL)
            mr_pg_bytea_add(&session->array, what->kept[i].key);
    }
    *n_out = n;
    return mr_pg_bytea_check(&session->array, err);
}

/* The answers are rows of (number, values), in binary form. */
static int values_take(const PGresult *res, const struct mr_kept_rows *what, struct mr_err *err)
{
    for (int row = 0; row < PQntuples(res); row++) {
        uint64_t at = mr_get_u64((const uint8_t *)PQgetvalue(res, row, 0)) - 1;
        size_t len = (size_t)PQgetlength(res, row, 1);
        if (at >= what->n)
            return mr_err_set(err, MR_BUG, "a tomb of row %llu", (unsigned long long)at);
        if (PQgetisnull(res, row, 1))
            continue;
        what->kept[at].values.data = mr_arena_copy(what->arena, PQgetvalue(res, row, 1), len);
        what->kept[at].values.len = len;
        if (what->kept[at].values.data == NULL)
            return mr_err_set(err, MR_NO_MEMORY, "a tomb of %zu bytes", len);
    }
    return 0;
}

static int failed(struct mr_pg_session *session, const struct mr_kept_rows *what, int rc,
                  struct mr_err *err)
{
    if (rc < 0)
        (void)mr_pg_err_table(err, what->table);
    return mr_pg_session_failed(session, err, rc);
}

static int begin(struct mr_pg_session *session, struct mr_err *err)
{
    int rc = mr_pg_outside_txn(session, err);
    return rc == 0 ? mr_pg_session_settle(session, err) : rc;
}

int mr_pg_kept_read(struct mr_session *base, const struct mr_kept_rows *what, struct mr_err *err)
{
    struct mr_pg_session *session = (struct mr_pg_session *)base;
    struct mr_pg_params params;
    PGresult *res = NULL;
    size_t n = 0;
    for (size_t i = 0; i < what->n; i++)
        what->kept[i].values = (struct mr_slice){NULL, 0};
    int rc = begin(session, err);
    if (rc == 0)
        rc = keys_param(session, what, false, &n, err);
    if (rc < 0)
        return rc;
    mr_buf_reset(&session->sql);
    /* The first tomb from this key on, by the primary key's own order: while a table of tombs is
     * new and without statistics, any other form is planned to look through all of them for each
     * key. */
    mr_buf_fmt(&session->sql,
               "SELECT k.i, t.kept FROM pg_catalog.unnest($4::pg_catalog.bytea[]) WITH ORDINALITY "
               "k(key, i), LATERAL "
               "(SELECT d.key, d.kind, d.kept, d.deleted_at FROM %s.tombs d WHERE d.pipeline "
               "OPERATOR(pg_catalog.=) $1 "
               "AND d.schema OPERATOR(pg_catalog.=) $2 AND d.name OPERATOR(pg_catalog.=) $3 AND "
               "(d.key, d.kind) OPERATOR(pg_catalog.>=) (k.key, 'row') "
               "ORDER BY d.key, d.kind LIMIT 1) t WHERE t.key OPERATOR(pg_catalog.=) k.key AND "
               "t.kind OPERATOR(pg_catalog.=) 'row' AND "
               "t.deleted_at OPERATOR(pg_catalog.>=) (pg_catalog.now() OPERATOR(pg_catalog.-) "
               "pg_catalog.make_interval(secs => %llu.%03u))",
               session->sink->control, (unsigned long long)(what->ttl_ms / 1000),
               (unsigned)(what->ttl_ms % 1000));
    mr_pg_tomb_params(session, what->table, &params);
    mr_pg_param_bytes(&params, session->array.data, (int)session->array.len);
    rc = mr_pg_exec_params_binary(session->conn, mr_buf_cstr(&session->sql), &params, &res, err);
    if (rc == 0)
        rc = values_take(res, what, err);
    PQclear(res);
    return failed(session, what, rc, err);
}

/* ---- putting ---- */

static int drop(struct mr_pg_session *session, const struct mr_kept_rows *what, struct mr_err *err)
{
    struct mr_pg_params params;
    size_t n = 0;
    int rc = keys_param(session, what, true, &n, err);
    if (rc < 0 || n == 0)
        return rc;
    mr_buf_reset(&session->sql);
    mr_buf_fmt(&session->sql,
               "DELETE FROM %s.tombs d WHERE " MR_PG_TOMBS_OF(
                   "row") " AND d.key OPERATOR(pg_catalog.=) ANY ($4::pg_catalog.bytea[])",
               session->sink->control);
    mr_pg_tomb_params(session, what->table, &params);
    mr_pg_param_bytes(&params, session->array.data, (int)session->array.len);
    return mr_pg_exec_params(session->conn, mr_buf_cstr(&session->sql), &params, NULL, err);
}

static int insert(struct mr_pg_session *session, const struct mr_kept_rows *what,
                  const struct mr_buf *values, struct mr_err *err)
{
    struct mr_pg_params params;
    int rc = mr_pg_bytea_check(&session->array, err);
    if (rc == 0)
        rc = mr_pg_bytea_check(values, err);
    if (rc < 0)
        return rc;
    mr_buf_reset(&session->sql);
    mr_buf_fmt(
        &session->sql,
        "INSERT INTO %s.tombs AS d (pipeline, schema, name, key, kind, kept) "
        "SELECT $1, $2, $3, k.key, 'row', k.kept "
        "FROM unnest($4::pg_catalog.bytea[], $5::pg_catalog.bytea[]) k(key, kept) ORDER BY k.key "
        "ON CONFLICT (pipeline, schema, name, key, kind) DO UPDATE "
        "SET kept = EXCLUDED.kept, deleted_at = EXCLUDED.deleted_at",
        session->sink->control);
    mr_pg_tomb_params(session, what->table, &params);
    mr_pg_param_bytes(&params, session->array.data, (int)session->array.len);
    mr_pg_param_bytes(&params, values->data, (int)values->len);
    return mr_pg_exec_params(session->conn, mr_buf_cstr(&session->sql), &params, NULL, err);
}

static int put_all(struct mr_pg_session *session, const struct mr_kept_rows *what, size_t n,
                   struct mr_err *err)
{
    struct mr_buf values = MR_BUF_INIT;
    mr_pg_bytea_array(&session->array, n);
    mr_pg_bytea_array(&values, n);
    for (size_t i = 0; i < what->n; i++) {
        if (what->kept[i].values.data == NULL)
            continue;
        mr_pg_bytea_add(&session->array, what->kept[i].key);
        mr_pg_bytea_add(&values, what->kept[i].values);
    }
    int rc = insert(session, what, &values, err);
    mr_buf_release(&values);
    return rc;
}

int mr_pg_kept_put(struct mr_session *base, const struct mr_kept_rows *what, struct mr_err *err)
{
    struct mr_pg_session *session = (struct mr_pg_session *)base;
    struct mr_pg_expiry expiry = {"row", what->ttl_ms, what->n_expire};
    size_t n = 0;
    int rc = begin(session, err);
    if (rc == 0)
        rc = drop(session, what, err);
    for (size_t i = 0; i < what->n; i++)
        n += what->kept[i].values.data != NULL ? 1 : 0;
    if (rc == 0 && n > 0)
        rc = put_all(session, what, n, err);
    if (rc == 0 && what->n_expire > 0)
        rc = mr_pg_tombs_expire(session, what->table, &expiry, err);
    return failed(session, what, rc, err);
}
