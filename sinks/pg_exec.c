/* Statements on a connection: a non-blocking socket and poll(2), so that each wait has a deadline
 * and another thread can end it. Must not know what the statements mean. Sources: PostgreSQL
 * manual, 34.4 "Asynchronous Command Processing", 34.10 "Functions Associated with the COPY
 * Command". In non-blocking mode PQputCopyData never returns 0 and buffers without end
 * (environment.md): a piece is followed by PQflush() until that returns 0. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "sinks/pg_conn.h"

#include "base/ban.h"

struct waiting {       /* one call's patience */
    uint64_t deadline; /* 0: none */
    bool cancelled;
    bool by_order; /* the cancel was asked for by mr_session_interrupt */
};

static struct waiting waiting_init(const struct mr_pg_conn *conn)
{
    uint64_t deadline = conn->timeout_ms == 0 ? 0 : mr_mono_ms(conn->env) + conn->timeout_ms;
    return (struct waiting){.deadline = deadline};
}

void mr_pg_param_text(struct mr_pg_params *params, const char *value)
{
    params->values[params->n] = value;
    params->lengths[params->n] = 0;
    params->formats[params->n++] = 0;
}

void mr_pg_param_bytes(struct mr_pg_params *params, const void *bytes, int len)
{
    params->values[params->n] = bytes;
    params->lengths[params->n] = len;
    params->formats[params->n++] = 1;
}

int64_t mr_pg_i64(const struct pg_result *res, int row, int col)
{
    return strtoll(PQgetvalue(res, row, col), NULL, 10);
}

bool mr_pg_bool(const struct pg_result *res, int row, int col)
{
    return PQgetvalue(res, row, col)[0] == 't';
}

uint64_t mr_pg_n_done(struct pg_result *res)
{
    return res == NULL ? 0 : strtoull(PQcmdTuples(res), NULL, 10);
}

/* Asks the server to end what it does; its answer then comes the usual way. */
static void cancel_send(struct mr_pg_conn *conn, struct waiting *waiting, bool by_order)
{
    char text[256];
    PGcancel *cancel = PQgetCancel(conn->pq);
    if (cancel != NULL)
        (void)PQcancel(cancel, text, sizeof text);
    PQfreeCancel(cancel);
    waiting->cancelled = true;
    waiting->by_order = by_order;
    waiting->deadline = mr_mono_ms(conn->env) + MR_PG_CANCEL_MS;
}

/* Milliseconds to the deadline, at most a second, so that a moved clock is noticed. */
static int poll_ms(const struct mr_pg_conn *conn, const struct waiting *waiting)
{
    if (waiting->deadline == 0)
        return 1000;
    uint64_t now = mr_mono_ms(conn->env);
    if (now >= waiting->deadline)
        return 0;
    uint64_t left = waiting->deadline - now;
    return left > 1000 ? 1000 : (int)left;
}

static void wake_drain(const struct mr_pg_conn *conn)
{
    char bytes[64];
    while (read(conn->wake_fd, bytes, sizeof bytes) > 0)
        ;
}

/* One wait for the socket; 0 whatever happened, unless the call has to be given up. */
static int wait_socket(struct mr_pg_conn *conn, short events, struct waiting *waiting,
                       struct mr_err *err)
{
    struct pollfd fds[2] = {{.fd = PQsocket(conn->pq), .events = events},
                            {.fd = conn->wake_fd, .events = POLLIN}};
    int n = poll(fds, conn->wake_fd >= 0 ? 2 : 1, poll_ms(conn, waiting));
    if (n < 0 && errno != EINTR) {
        conn->broken = true;
        return mr_err_set(err, MR_TARGET_AWAY, "poll: errno %d", errno);
    }
    if (conn->moved_ms != NULL)
        atomic_store(conn->moved_ms, mr_mono_ms(conn->env));
    if (conn->wake_fd >= 0 && (fds[1].revents & POLLIN) != 0) {
        wake_drain(conn);
        if (!waiting->cancelled && atomic_exchange(conn->interrupted, false))
            cancel_send(conn, waiting, true);
    }
    /* Also where the socket is ready: what comes may be notices without end. */
    if (waiting->deadline == 0 || mr_mono_ms(conn->env) < waiting->deadline)
        return 0;
    if (!waiting->cancelled) {
        cancel_send(conn, waiting, false);
        return 0;
    }
    conn->broken = true;
    return mr_err_set(err, MR_TARGET_AWAY, "the server does not answer");
}

/* Sends all that libpq holds. Input is read too: the server may be blocked in writing to us. */
static int flush_all(struct mr_pg_conn *conn, struct waiting *waiting, struct mr_err *err)
{
    for (;;) {
        int left = PQflush(conn->pq);
        if (left == 0)
            return 0;
        if (left < 0)
            return mr_pg_fail(conn, NULL, err);
        int rc = wait_socket(conn, POLLIN | POLLOUT, waiting, err);
        if (rc < 0)
            return rc;
        struct pollfd fd = {.fd = PQsocket(conn->pq), .events = POLLIN};
        if (poll(&fd, 1, 0) > 0 && PQconsumeInput(conn->pq) == 0)
            return mr_pg_fail(conn, NULL, err);
    }
}

/* The next result, NULL at the end of the statements. */
static int next_result(struct mr_pg_conn *conn, struct waiting *waiting, PGresult **out,
                       struct mr_err *err)
{
    while (PQisBusy(conn->pq) != 0) {
        int rc = wait_socket(conn, POLLIN, waiting, err);
        if (rc < 0)
            return rc;
        struct pollfd fd = {.fd = PQsocket(conn->pq), .events = POLLIN};
        if (poll(&fd, 1, 0) > 0 && PQconsumeInput(conn->pq) == 0)
            return mr_pg_fail(conn, NULL, err);
    }
    *out = PQgetResult(conn->pq);
    return 0;
}

static bool is_error(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

/* Reads results to their end; the first error wins, else the last result is kept. */
static int read_all(struct mr_pg_conn *conn, struct waiting *waiting, PGresult **out,
                    struct mr_err *err)
{
    PGresult *kept = NULL;
    int rc = 0;
    for (;;) {
        PGresult *res = NULL;
        int read = next_result(conn, waiting, &res, err);
        if (read < 0) {
            PQclear(kept);
            return rc < 0 ? rc : read;
        }
        if (res == NULL)
            break;
        if (is_error(res) && rc == 0)
            rc = mr_pg_fail(conn, res, err);
        PQclear(kept);
        kept = res;
        if (PQresultStatus(res) == PGRES_COPY_IN)
            break; /* PQgetResult() would give it again and again */
    }
    if (rc == 0 && PQstatus(conn->pq) == CONNECTION_BAD)
        rc = mr_pg_fail(conn, NULL, err);
    if (rc < 0 && waiting->by_order && !conn->broken)
        rc = mr_err_set(err, MR_AGAIN, "interrupted");
    if (rc < 0 || out == NULL) {
        PQclear(kept);
        kept = NULL;
    }
    if (out != NULL)
        *out = kept;
    return rc;
}

static int finish(struct mr_pg_conn *conn, PGresult **out, struct mr_err *err)
{
    struct waiting waiting = waiting_init(conn);
    int rc = flush_all(conn, &waiting, err);
    if (rc == 0)
        rc = read_all(conn, &waiting, out, err);
    else if (out != NULL)
        *out = NULL;
    conn->used_ms = mr_mono_ms(conn->env);
    return rc;
}

int mr_pg_memory_judge(const struct mr_pg_conn *conn, struct mr_err *err)
{
    return mr_memory_judge(conn->memory_mark, 0, err, "making a statement");
}

static bool is_rollback(const char *sql)
{
    return strcmp(sql, "ROLLBACK") == 0;
}

int mr_pg_exec(struct mr_pg_conn *conn, const char *sql, struct pg_result **out, struct mr_err *err)
{
    if (out != NULL)
        *out = NULL;
    int rc = mr_pg_memory_judge(conn, err);
    if (rc < 0 && !is_rollback(sql))
        return rc;
    if (PQsendQuery(conn->pq, sql) == 0)
        return mr_pg_fail(conn, NULL, err);
    return finish(conn, out, err);
}

int mr_pg_exec_params(struct mr_pg_conn *conn, const char *sql, const struct mr_pg_params *params,
                      struct pg_result **out, struct mr_err *err)
{
    if (out != NULL)
        *out = NULL;
    int rc = mr_pg_memory_judge(conn, err);
    if (rc < 0)
        return rc;
    if (PQsendQueryParams(conn->pq, sql, params->n, NULL, params->values, params->lengths,
                          params->formats, 0) == 0)
        return mr_pg_fail(conn, NULL, err);
    return finish(conn, out, err);
}

int mr_pg_exec_params_binary(struct mr_pg_conn *conn, const char *sql,
                             const struct mr_pg_params *params, struct pg_result **out,
                             struct mr_err *err)
{
    *out = NULL;
    int rc = mr_pg_memory_judge(conn, err);
    if (rc < 0)
        return rc;
    if (PQsendQueryParams(conn->pq, sql, params->n, NULL, params->values, params->lengths,
                          params->formats, 1) == 0)
        return mr_pg_fail(conn, NULL, err);
    return finish(conn, out, err);
}

int mr_pg_exec_binary(struct mr_pg_conn *conn, const char *sql, struct pg_result **out,
                      struct mr_err *err)
{
    static const struct mr_pg_params none = {.n = 0};
    return mr_pg_exec_params_binary(conn, sql, &none, out, err);
}

bool mr_pg_send_only(struct mr_pg_conn *conn, const char *sql)
{
    struct mr_err err = MR_ERR_INIT;
    struct waiting waiting = waiting_init(conn);
    return PQsendQuery(conn->pq, sql) != 0 && flush_all(conn, &waiting, &err) == 0;
}

int mr_pg_answers(struct mr_pg_conn *conn, struct pg_result **out, struct mr_err *err)
{
    return finish(conn, out, err);
}

int mr_pg_copy_begin(struct mr_pg_conn *conn, const char *sql, struct mr_err *err)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(conn, sql, &res, err);
    if (rc == 0 && PQresultStatus(res) != PGRES_COPY_IN)
        rc = mr_err_set(err, MR_INTERNAL_COPY, "the server did not ask for the stream");
    PQclear(res);
    return rc;
}

/* libpq left the COPY state by itself: the answers say why. */
static int copy_refused(struct mr_pg_conn *conn, struct mr_err *err)
{
    if (PQstatus(conn->pq) == CONNECTION_BAD)
        return mr_pg_fail(conn, NULL, err);
    int rc = finish(conn, NULL, err);
    conn->broken = true;
    return rc < 0 ? rc : mr_err_set(err, MR_TARGET_AWAY, "the COPY stream ended by itself");
}

int mr_pg_copy_piece(struct mr_pg_conn *conn, const struct mr_buf *piece, struct mr_err *err)
{
    int32_t len = 0;
    if (!mr_i32_from_size(piece->len, &len))
        return mr_err_set(err, MR_BUG, "a piece of %zu bytes", piece->len);
    int lacks = mr_pg_memory_judge(conn, err);
    if (lacks < 0)
        return lacks;
    if (PQputCopyData(conn->pq, (const char *)piece->data, len) != 1)
        return copy_refused(conn, err);
    struct waiting waiting = waiting_init(conn);
    int rc = flush_all(conn, &waiting, err);
    if (rc == 0 && waiting.by_order)
        rc = mr_err_set(err, MR_AGAIN, "interrupted");
    return rc;
}

int mr_pg_copy_end(struct mr_pg_conn *conn, const char *reason, uint64_t *n_rows,
                   struct mr_err *err)
{
    if (PQputCopyEnd(conn->pq, reason) != 1)
        return copy_refused(conn, err);
    PGresult *res = NULL;
    int rc = finish(conn, &res, err);
    if (n_rows != NULL)
        *n_rows = mr_pg_n_done(res);
    PQclear(res);
    return rc;
}
