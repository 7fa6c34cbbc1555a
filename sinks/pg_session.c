/* A session: one writer's connection and its transaction, in as few round trips as possible. The
 * connection comes from the pool, counts there, and is kept between flushes for its staging tables.
 *   begin = BEGIN, LOCK TABLE and the version check in one message; savepoint statements and locks
 * of guards go along with the next statement; commit tells a lost answer from a refusal. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/fault.h"
#include "sinks/pg_ddl.h"
#include "sinks/pg_guard.h"

#include "base/ban.h"

static struct mr_pg_session *session_of(struct mr_session *session)
{
    return (struct mr_pg_session *)session;
}

static int wake_open(int wake[2], struct mr_err *err)
{
    if (pipe(wake) != 0)
        return mr_err_set(err, MR_NO_MEMORY, "pipe: errno %d", errno);
    for (int i = 0; i < 2; i++) {
        (void)fcntl(wake[i], F_SETFL, O_NONBLOCK);
        (void)fcntl(wake[i], F_SETFD, FD_CLOEXEC);
    }
    return 0;
}

int mr_pg_session_open(struct mr_sink *sink, struct mr_session **out, struct mr_err *err)
{
    struct mr_pg_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a session");
    int rc = wake_open(session->wake, err);
    if (rc < 0) {
        free(session);
        return rc;
    }
    session->base = (struct mr_session){.ops = sink->ops, .sink = sink};
    session->sink = (struct mr_pg_sink *)sink;
    atomic_init(&session->interrupted, false);
    *out = &session->base;
    return 0;
}

static void conn_drop(struct mr_pg_session *session)
{
    mr_pg_pool_give(&session->sink->pool, session->conn);
    session->conn = NULL;
    session->in_txn = false;
}

static void session_rollback(struct mr_session *base)
{
    struct mr_pg_session *session = session_of(base);
    struct mr_pg_conn *conn = session->conn;
    mr_buf_reset(&session->pending);
    if (conn == NULL)
        return;
    if (session->in_txn && !conn->broken && PQtransactionStatus(conn->pq) != PQTRANS_IDLE) {
        struct mr_err ignored = MR_ERR_INIT;
        uint32_t timeout_ms = conn->timeout_ms;
        conn->timeout_ms = MR_PG_CANCEL_MS;
        if (mr_pg_exec(conn, "ROLLBACK", NULL, &ignored) < 0)
            conn->broken = true;
        conn->timeout_ms = timeout_ms;
    }
    mr_pg_stages_ended(conn, false);
    session->in_txn = false;
    if (conn->broken)
        conn_drop(session);
}

void mr_pg_session_close(struct mr_session *base)
{
    struct mr_pg_session *session = session_of(base);
    session_rollback(base);
    conn_drop(session);
    (void)close(session->wake[0]);
    (void)close(session->wake[1]);
    mr_buf_release(&session->pending);
    mr_buf_release(&session->sql);
    mr_buf_release(&session->piece);
    mr_buf_release(&session->array);
    free(session->span_ids);
    free(session);
}

int mr_pg_session_failed(struct mr_pg_session *session, const struct mr_err *err, int rc)
{
    if (rc == -MR_DB && strcmp(err->sqlstate, "55P03") == 0)
        mr_pg_end_former(session->sink, session->conn, session->span_ids, session->n_spans);
    return rc;
}

static int spans_keep(struct mr_pg_session *session, const struct mr_span *spans, size_t n,
                      struct mr_err *err)
{
    if (n > session->cap_spans) {
        uint64_t *grown = realloc(session->span_ids, n * sizeof *grown);
        if (grown == NULL)
            return mr_err_set(err, MR_NO_MEMORY, "%zu spans", n);
        session->span_ids = grown;
        session->cap_spans = n;
    }
    for (size_t i = 0; i < n; i++)
        session->span_ids[i] = mr_pg_span_id(spans[i].stream, spans[i].partition, spans[i].slot);
    session->n_spans = n;
    return 0;
}

/* A usable connection, with this session's wake pipe. */
static int conn_get(struct mr_pg_session *session, struct mr_err *err)
{
    char byte;
    atomic_store(&session->interrupted, false);
    while (read(session->wake[0], &byte, 1) > 0)
        ;
    if (session->conn != NULL && session->conn->broken)
        conn_drop(session);
    if (session->conn == NULL) {
        int rc = mr_pg_pool_take(&session->sink->pool, &session->conn, err);
        if (rc < 0)
            return rc;
    }
    mr_pg_memory_begin(session->conn);
    session->conn->wake_fd = session->wake[0];
    session->conn->interrupted = &session->interrupted;
    return 0;
}

/* What the target's own functions (of triggers, checks, defaults) name without a schema is found
 * where their author's sessions find it: on the path of role, database or URL (decision 033). What
 * we send until the COMMIT therefore names all with its schema, operators too. */
static int begin_sql(struct mr_pg_session *session, struct mr_table *const *tables, size_t n,
                     struct mr_err *err)
{
    struct mr_buf *sql = &session->sql;
    mr_buf_reset(sql);
    mr_buf_str(sql, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
                    "SET LOCAL search_path TO DEFAULT");
    for (size_t i = 0; i < n; i++) {
        mr_buf_str(sql, i == 0 ? "; LOCK TABLE ONLY " : ", ONLY ");
        mr_pg_table_name(sql, tables[i]);
    }
    if (n > 0) {
        mr_buf_str(sql, " IN ROW EXCLUSIVE MODE; ");
        mr_pg_version_sql(sql, tables, n);
    }
    return mr_buf_ok(sql) ? 0 : mr_err_set(err, MR_NO_MEMORY, "a statement");
}

/* V-13: what the plans were made for must still be what stands there. */
static int versions_check(struct mr_pg_session *session, struct mr_table *const *tables, size_t n,
                          const PGresult *res, struct mr_err *err)
{
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        if ((int)i < PQntuples(res) && mr_pg_version_same(tables[i], res, (int)i))
            continue;
        mr_pg_table_forget(session->sink, tables[i]->schema, tables[i]->name);
        if (rc < 0)
            continue;
        rc = mr_err_set(err, MR_TABLE_CHANGED, "the catalogue has another version");
        (void)mr_pg_err_table(err, tables[i]);
    }
    return rc;
}

/* A table that cannot be locked by its name any more has changed as well. */
static int begin_failed(struct mr_pg_session *session, struct mr_table *const *tables, size_t n,
                        int rc, struct mr_err *err)
{
    if (strcmp(err->sqlstate, "42P01") != 0 && strcmp(err->sqlstate, "3F000") != 0)
        return mr_pg_session_failed(session, err, rc);
    for (size_t i = 0; i < n; i++)
        mr_pg_table_forget(session->sink, tables[i]->schema, tables[i]->name);
    rc = mr_err_set(err, MR_TABLE_CHANGED, "%s", err->detail);
    for (size_t i = 0; i < n; i++) {
        if (n == 1 || strstr(err->detail, tables[i]->name) != NULL)
            (void)mr_pg_err_table(err, tables[i]);
    }
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are the interface's */
static int session_begin(struct mr_session *base, struct mr_table *const *tables, size_t n_tables,
                         const struct mr_span *spans, size_t n_spans, struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    if (session->in_txn)
        return mr_err_set(err, MR_BUG, "a transaction is open already");
    int rc = conn_get(session, err);
    if (rc == 0)
        rc = spans_keep(session, spans, n_spans, err);
    if (rc == 0)
        rc = mr_pg_note_owner(session->sink, session->conn, spans, n_spans, err);
    if (rc == 0)
        rc = begin_sql(session, tables, n_tables, err);
    if (rc == 0 && MR_FAULT(PG_BEGIN))
        rc = mr_pg_cut(session->conn, "pg_begin", err);
    if (rc < 0)
        return rc;
    mr_buf_reset(&session->pending);
    session->n_held = 0;
    session->depth = 0;
    session->in_txn = true;
    PGresult *res = NULL;
    rc = mr_pg_exec(session->conn, mr_buf_cstr(&session->sql), &res, err);
    if (rc < 0)
        rc = begin_failed(session, tables, n_tables, rc, err);
    else if (n_tables > 0)
        rc = versions_check(session, tables, n_tables, res, err);
    PQclear(res);
    return rc;
}

static int pend(struct mr_session *base, const char *sql, struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    if (!session->in_txn)
        return mr_err_set(err, MR_BUG, "no transaction is open");
    mr_buf_str(&session->pending, sql);
    return mr_buf_ok(&session->pending) ? 0 : mr_err_set(err, MR_NO_MEMORY, "a statement");
}

/* Savepoints of one name nest as a stack. Source: PostgreSQL manual, SAVEPOINT. */
static int session_savepoint(struct mr_session *base, struct mr_err *err)
{
    session_of(base)->depth++;
    return pend(base, "SAVEPOINT millrace; ", err);
}

/* What was locked since then stays so, as if it were since the one around it. */
static int session_release_savepoint(struct mr_session *base, struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    if (session->depth > 0)
        session->depth--;
    for (size_t i = 0; i < session->n_held; i++)
        if (session->held[i].depth > session->depth)
            session->held[i].depth = session->depth;
    return pend(base, "RELEASE SAVEPOINT millrace; ", err);
}

static int session_rollback_to_savepoint(struct mr_session *base, struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    if (session->conn == NULL || session->conn->broken)
        return mr_err_set(err, MR_TARGET_AWAY, "the connection was lost");
    mr_pg_stages_undone(session->conn);
    size_t n_left = 0;
    for (size_t i = 0; i < session->n_held; i++)
        if (session->held[i].depth < session->depth)
            session->held[n_left++] = session->held[i];
    session->n_held = n_left;
    return pend(base, "ROLLBACK TO SAVEPOINT millrace; ", err);
}

int mr_pg_session_settle(struct mr_pg_session *session, struct mr_err *err)
{
    if (session->pending.len == 0)
        return 0;
    int rc = mr_pg_exec(session->conn, mr_buf_cstr(&session->pending), NULL, err);
    mr_buf_reset(&session->pending);
    return rc;
}

static int session_put_positions(struct mr_session *base, const struct mr_span *spans, size_t n,
                                 struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    if (!session->in_txn)
        return mr_err_set(err, MR_BUG, "no transaction is open");
    if (MR_FAULT(PG_POSITIONS))
        return mr_pg_cut(session->conn, "pg_positions", err);
    int rc = mr_pg_session_settle(session, err);
    if (rc == 0 && n > 0)
        rc = mr_pg_put_positions(session->sink, session->conn, spans, n, err);
    return mr_pg_session_failed(session, err, rc);
}

/* the answer is missing, or says that nobody knows. */
static int commit_doubt(struct mr_pg_conn *conn, int rc, struct mr_err *err)
{
    if (!conn->broken && rc != -MR_COMMIT_UNKNOWN)
        return rc;
    char detail[MR_ERR_DETAIL_BYTES];
    memcpy(detail, err->detail, sizeof detail);
    conn->broken = true;
    return mr_err_set(err, MR_COMMIT_UNKNOWN, "%s", detail);
}

static int commit_answer(struct mr_pg_session *session, struct mr_err *err)
{
    struct mr_pg_conn *conn = session->conn;
    if (MR_FAULT(PG_COMMIT_AFTER_SEND)) {
        conn->broken = true;
        return mr_err_set(err, MR_COMMIT_UNKNOWN, "injected: pg_commit_after_send");
    }
    PGresult *res = NULL;
    int rc = mr_pg_answers(conn, &res, err);
    if (rc < 0) {
        rc = commit_doubt(conn, rc, err);
    } else if (strcmp(PQcmdStatus(res), "COMMIT") != 0) {
        rc = mr_err_set(err, MR_INTERNAL_TXN, "the server answered COMMIT with %s",
                        PQcmdStatus(res));
    }
    PQclear(res);
    return rc;
}

static int session_commit(struct mr_session *base, struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    struct mr_pg_conn *conn = session->conn;
    if (!session->in_txn || conn == NULL)
        return mr_err_set(err, MR_BUG, "no transaction is open");
    if (MR_FAULT(PG_COMMIT_BEFORE_SEND))
        return mr_pg_cut(conn, "pg_commit_before_send", err);
    mr_buf_str(&session->pending, "COMMIT");
    if (!mr_buf_ok(&session->pending))
        return mr_err_set(err, MR_NO_MEMORY, "a statement");
    int rc = mr_pg_memory_judge(conn, err);
    if (rc < 0)
        return rc;
    /* From here on the server may have got it, whatever the client sees. */
    bool sent = mr_pg_send_only(conn, mr_buf_cstr(&session->pending));
    mr_buf_reset(&session->pending);
    if (!sent) {
        conn->broken = true;
        return mr_err_set(err, MR_COMMIT_UNKNOWN, "the connection was lost while COMMIT was sent");
    }
    rc = commit_answer(session, err);
    if (rc == 0) {
        session->in_txn = false;
        mr_pg_stages_ended(conn, true);
    }
    return rc;
}

static void session_interrupt(struct mr_session *base)
{
    struct mr_pg_session *session = session_of(base);
    atomic_store(&session->interrupted, true);
    ssize_t n = write(session->wake[1], "", 1);
    (void)n; /* a full pipe wakes as well */
}

static void session_idle(struct mr_session *base)
{
    struct mr_pg_session *session = session_of(base);
    if (session->conn == NULL || session->in_txn)
        return;
    if (session->conn->broken || mr_pg_pool_too_old(&session->sink->pool, session->conn))
        conn_drop(session);
}

const struct mr_sink_ops mr_sink_postgresql = {
    .name = "postgresql",
    .caps = MR_SINK_TXN | MR_SINK_POSITIONS | MR_SINK_DDL | MR_SINK_PARALLEL | MR_SINK_ALTER,
    .emit = &mr_pg_emit,
    .open = mr_pg_open,
    .close = mr_pg_close,
    .setup = mr_pg_setup,
    .probe = mr_pg_probe,
    .table_open = mr_pg_table_open,
    .table_apply = mr_pg_table_apply,
    .ddl_print = mr_pg_ddl_print,
    .wish_resolve = mr_pg_sink_wish,
    .table_register = mr_pg_table_register,
    .positions_read = mr_pg_positions_read,
    .claim = mr_pg_claim,
    .place = mr_pg_place,
    .poisons_read = mr_pg_poisons_read,
    .look_over = mr_pg_look_over,
    .stats = mr_pg_stats,
    .session_open = mr_pg_session_open,
    .session_close = mr_pg_session_close,
    .begin = session_begin,
    .savepoint = session_savepoint,
    .rollback_to_savepoint = session_rollback_to_savepoint,
    .release_savepoint = session_release_savepoint,
    .defer = mr_pg_constraints_later,
    .constraints_now = mr_pg_constraints_now,
    .truncate = mr_pg_truncate,
    .guard_lock = mr_pg_guard_lock,
    .guards_read = mr_pg_guards_read,
    .tombs_put = mr_pg_tombs_put,
    .truncate_below = mr_pg_truncate_below,
    .key_groups = mr_pg_key_groups,
    .kept_read = mr_pg_kept_read,
    .kept_put = mr_pg_kept_put,
    .delete_keys = mr_pg_delete_keys,
    .delete_match = mr_pg_delete_match,
    .put_rows = mr_pg_put_rows,
    .read_rows = mr_pg_read_rows,
    .put_letters = mr_pg_put_letters,
    .overtaken_put = mr_pg_overtaken_put,
    .put_positions = session_put_positions,
    .commit = session_commit,
    .rollback = session_rollback,
    .session_interrupt = session_interrupt,
    .session_idle = session_idle,
};
