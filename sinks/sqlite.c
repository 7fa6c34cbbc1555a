/* Owns the sink and its sessions: the two places, and the transaction of a flush. Must not know how
 * rows, tables or positions are written (sqlite_*.c do). Invariants: a connection is used by the
 * holder of its place only; a session holds the write place exactly from begin to commit or
 * rollback; a broken connection is closed when its place is given back, and opened again by the
 * next holder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/fault.h"
#include "sinks/sink_plain.h"
#include "sinks/sqlite_guard.h"
#include "sinks/sqlite_look.h"
#include "sinks/typed_emit.h"

#include "base/ban.h"

enum { SQLITE_LOCK_RANK = 60, HOST_BYTES = 65 };
static const char url_prefix[] = "sqlite:";

/* ---- places ---- */

/* Under the lock. 0 when the place is free now. */
static int place_wait(struct mr_sq_sink *sink, struct mr_sq_place *place,
                      struct mr_sq_session *holder, struct mr_err *err) MR_REQUIRES(sink->lock)
{
    struct timespec deadline;
    bool in_time = true;
    mr_clock_deadline(&deadline, sink->wait_ms);
    place->n_waiting++;
    if (holder != NULL)
        holder->waiting = true;
    while (place->busy && in_time && (holder == NULL || !holder->interrupted))
        in_time = mr_cond_wait_until(&sink->given, &sink->lock, &deadline);
    place->n_waiting--;
    bool interrupted = false;
    if (holder != NULL) {
        interrupted = holder->interrupted;
        holder->waiting = false;
        holder->interrupted = false;
    }
    if (!place->busy)
        return 0;
    if (interrupted)
        return mr_err_set_db(err, MR_CLASS_RETRY, "57014", "the wait for %s was interrupted",
                             sink->path);
    return mr_err_set(err, MR_TARGET_POOL_WAIT, "another flush holds %s for more than %u ms",
                      sink->path, (unsigned)sink->wait_ms);
}

/* A file that is not there any more is an outage, never a reason to make an empty one: only setup
 * makes files. */
static int place_connect(struct mr_sq_sink *sink, struct mr_sq_conn *conn, struct mr_err *err)
{
    if (conn->db != NULL && mr_sq_conn_has_moved(conn))
        mr_sq_conn_close(conn);
    conn->memory_mark = mr_memory_mark();
    return conn->db != NULL ? 0 : mr_sq_conn_open(conn, sink, false, err);
}

int mr_sq_take(struct mr_sq_sink *sink, enum mr_sq_which which, struct mr_sq_session *holder,
               struct mr_sq_conn **out, struct mr_err *err)
{
    struct mr_sq_place *place = &sink->places[which];
    mr_lock_take(&sink->lock);
    int rc = place_wait(sink, place, holder, err);
    if (rc == 0)
        place->busy = true;
    mr_lock_drop(&sink->lock);
    if (rc < 0)
        return rc;
    rc = place_connect(sink, &place->conn, err);
    if (rc < 0) {
        mr_sq_give(sink, which);
        return rc;
    }
    /* Only now: who interrupts the holder needs a connection that stays. */
    mr_lock_take(&sink->lock);
    place->interrupted = false;
    place->holder = holder;
    mr_lock_drop(&sink->lock);
    *out = &place->conn;
    return 0;
}

void mr_sq_give(struct mr_sq_sink *sink, enum mr_sq_which which)
{
    struct mr_sq_place *place = &sink->places[which];
    /* First nobody may interrupt the connection any more, then it may be closed. */
    mr_lock_take(&sink->lock);
    place->holder = NULL;
    mr_lock_drop(&sink->lock);
    if (place->conn.broken)
        mr_sq_conn_close(&place->conn);
    mr_lock_take(&sink->lock);
    place->busy = false;
    mr_cond_wake_all(&sink->given);
    mr_lock_drop(&sink->lock);
}

bool mr_sq_wait_step(struct mr_sq_conn *conn, uint32_t step_ms)
{
    struct mr_sq_sink *sink = conn->sink;
    mr_lock_take(&sink->lock);
    const struct mr_sq_place *place = &sink->places[MR_SQ_WRITE];
    bool mine = conn == &place->conn;
    if (!mine || !place->interrupted)
        (void)mr_cond_wait(&sink->given, &sink->lock, step_ms);
    bool interrupted = mine && place->interrupted;
    mr_lock_drop(&sink->lock);
    return !interrupted;
}

/* ---- sink ---- */

static int sqlite_open(const struct mr_sink_opts *opts, struct mr_sink **out, struct mr_err *err)
{
    size_t prefix_len = sizeof url_prefix - 1;
    if (strncmp(opts->url, url_prefix, prefix_len) != 0 || opts->url[prefix_len] == '\0' ||
        opts->url[prefix_len] == ':')
        return mr_err_set(err, MR_CONFIG_INVALID,
                          "target.url is sqlite:FILE, with the path of a file");
    struct mr_sq_sink *sink = calloc(1, sizeof *sink);
    if (sink == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a sink");
    sink->base.ops = &mr_sink_sqlite;
    sink->opts = opts;
    sink->path = opts->url + prefix_len;
    sink->control = opts->control_schema != NULL ? opts->control_schema : "millrace";
    sink->wait_ms = opts->pool_wait_ms > 0 ? opts->pool_wait_ms : MR_SQ_DEFAULT_WAIT_MS;
    sink->busy_ms = opts->lock_timeout_ms > 0 ? opts->lock_timeout_ms : MR_SQ_DEFAULT_BUSY_MS;
    sink->rng = opts->env.rng;
    char host[HOST_BYTES] = "";
    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(sink->owner, sizeof sink->owner, "%s host=%s pid=%ld",
                   opts->instance_id != NULL ? opts->instance_id : "", host, (long)getpid());
    mr_lock_init(&sink->lock, SQLITE_LOCK_RANK);
    mr_cond_init(&sink->given);
    mr_map_init(&sink->tables, mr_rng_u64(&sink->rng));
    *out = &sink->base;
    return 0;
}

static void sqlite_close(struct mr_sink *base)
{
    struct mr_sq_sink *sink = mr_sq_sink(base);
    for (int i = 0; i < MR_SQ_N_PLACES; i++)
        mr_sq_conn_close(&sink->places[i].conn);
    mr_sq_tables_drop(sink);
    mr_map_release(&sink->tables);
    mr_cond_release(&sink->given);
    mr_lock_release(&sink->lock);
    free(sink);
}

static void sqlite_stats(struct mr_sink *base, uint32_t *idle, uint32_t *busy, uint32_t *waiting)
{
    struct mr_sq_sink *sink = mr_sq_sink(base);
    *idle = 0;
    *busy = 0;
    *waiting = 0;
    mr_lock_take(&sink->lock);
    for (int i = 0; i < MR_SQ_N_PLACES; i++) {
        const struct mr_sq_place *place = &sink->places[i];
        *(place->busy ? busy : idle) += 1;
        *waiting += place->n_waiting;
    }
    mr_lock_drop(&sink->lock);
}

/* ---- session ---- */

static int sqlite_session_open(struct mr_sink *sink, struct mr_session **out, struct mr_err *err)
{
    struct mr_sq_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a session");
    session->base.ops = &mr_sink_sqlite;
    session->base.sink = sink;
    *out = &session->base;
    return 0;
}

static void sqlite_rollback(struct mr_session *base)
{
    struct mr_sq_session *session = mr_sq_session(base);
    if (session->conn == NULL)
        return;
    mr_sq_rollback(session->conn);
    session->conn = NULL;
    mr_sq_give(mr_sq_sink(base->sink), MR_SQ_WRITE);
}

static void sqlite_session_close(struct mr_session *base)
{
    sqlite_rollback(base);
    free(mr_sq_session(base));
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are the interface's */
static int sqlite_begin(struct mr_session *base, struct mr_table *const *tables, size_t n_tables,
                        const struct mr_span *spans, size_t n_spans, struct mr_err *err)
{
    (void)spans; /* no backend of a stalled owner holds locks: its process would have to hold the */
    (void)n_spans; /* whole file, and the next owner then waits as for any other writer */
    struct mr_sq_session *session = mr_sq_session(base);
    struct mr_sq_sink *sink = mr_sq_sink(base->sink);
    if (session->conn != NULL)
        return mr_err_set(err, MR_BUG, "begin within a transaction");
    int rc = mr_sq_take(sink, MR_SQ_WRITE, session, &session->conn, err);
    if (rc < 0)
        return rc;
    rc = mr_sq_begin(session->conn, err);
    for (size_t i = 0; rc == 0 && i < n_tables; i++)
        rc = mr_sq_table_check(session->conn, tables[i], err);
    if (rc < 0)
        sqlite_rollback(base);
    return rc;
}

int mr_sq_session_conn(struct mr_session *base, struct mr_sq_conn **out, struct mr_err *err)
{
    struct mr_sq_session *session = mr_sq_session(base);
    if (session->conn == NULL)
        return mr_err_set(err, MR_BUG, "no transaction was begun");
    if (sqlite3_get_autocommit(session->conn->db))
        return mr_err_set_db(err, MR_CLASS_RETRY, "40000", "SQLite has rolled back by itself");
    *out = session->conn;
    return 0;
}

static int session_exec(struct mr_session *base, const char *sql, struct mr_err *err)
{
    struct mr_sq_conn *conn = NULL;
    int rc = mr_sq_session_conn(base, &conn, err);
    return rc < 0 ? rc : mr_sq_exec(conn, sql, err);
}

static int sqlite_savepoint(struct mr_session *session, struct mr_err *err)
{
    return session_exec(session, "SAVEPOINT millrace", err);
}

static int sqlite_rollback_to_savepoint(struct mr_session *session, struct mr_err *err)
{
    return session_exec(session, "ROLLBACK TO millrace", err);
}

static int sqlite_release_savepoint(struct mr_session *session, struct mr_err *err)
{
    return session_exec(session, "RELEASE millrace", err);
}

static int sqlite_commit(struct mr_session *base, struct mr_err *err)
{
    struct mr_sq_session *session = mr_sq_session(base);
    struct mr_sq_sink *sink = mr_sq_sink(base->sink);
    struct mr_sq_conn *conn = NULL;
    int rc = mr_sq_session_conn(base, &conn, err);
    if (rc < 0 || conn == NULL)
        return rc;
    if (MR_FAULT(SQLITE_COMMIT))
        return mr_err_set(err, MR_TARGET_AWAY, "injected: sqlite_commit");
    rc = mr_sq_commit(conn, err);
    if (rc < 0) {
        /* The log's last page may be on the disk although its sync was refused. */
        if ((sqlite3_errcode(conn->db) & 0xff) == SQLITE_IOERR)
            return mr_err_set(err, MR_COMMIT_UNKNOWN, "%s: COMMIT met an I/O error", sink->path);
        return rc;
    }
    session->conn = NULL;
    mr_sq_give(sink, MR_SQ_WRITE);
    return 0;
}

static void sqlite_session_interrupt(struct mr_session *base)
{
    struct mr_sq_session *session = mr_sq_session(base);
    struct mr_sq_sink *sink = mr_sq_sink(base->sink);
    mr_lock_take(&sink->lock);
    struct mr_sq_place *place = &sink->places[MR_SQ_WRITE];
    if (session->waiting) {
        session->interrupted = true;
    } else if (place->holder == session) {
        place->interrupted = true;
        if (place->conn.db != NULL)
            sqlite3_interrupt(place->conn.db);
    }
    mr_cond_wake_all(&sink->given);
    mr_lock_drop(&sink->lock);
}

static void sqlite_session_idle(struct mr_session *session)
{
    (void)session; /* nothing ages: the connection is the sink's */
}

/* For this transaction, all of them. Source: sqlite.org/pragma.html#pragma_defer_foreign_keys */
static int sqlite_constraints_later(struct mr_session *base, const struct mr_table *table,
                                    struct mr_err *err)
{
    (void)table;
    return mr_sq_exec(mr_sq_session(base)->conn, "PRAGMA defer_foreign_keys=ON", err);
}

/* Only foreign keys can be put off; SQLite counts, but does not say, whose rows they miss. */
static int sqlite_constraints_now(struct mr_session *base, const struct mr_table *table,
                                  struct mr_err *err)
{
    int n = 0;
    int most = 0;
    (void)table;
    (void)sqlite3_db_status(mr_sq_session(base)->conn->db, SQLITE_DBSTATUS_DEFERRED_FKS, &n, &most,
                            0);
    return n == 0 ? 0
                  : mr_err_set_db(err, MR_CLASS_POISON, "23503",
                                  "FOREIGN KEY constraint failed, at the end of the transaction");
}

const struct mr_sink_ops mr_sink_sqlite = {
    .name = "sqlite",
    .caps = MR_SINK_TXN | MR_SINK_POSITIONS | MR_SINK_DDL,
    .emit = &mr_typed_emit_no_nan,
    .open = sqlite_open,
    .close = sqlite_close,
    .setup = mr_sq_setup,
    .probe = mr_sq_probe,
    .table_open = mr_sq_table_open,
    .table_apply = mr_sq_table_apply,
    .ddl_print = mr_sq_ddl_print,
    .wish_resolve = mr_sink_wish_plain,
    .table_register = mr_sq_table_register,
    .positions_read = mr_sq_positions_read,
    .claim = mr_sq_claim,
    .place = mr_sq_place,
    .poisons_read = mr_sq_poisons_read,
    .look_over = mr_sq_look_over,
    .stats = sqlite_stats,
    .session_open = sqlite_session_open,
    .session_close = sqlite_session_close,
    .begin = sqlite_begin,
    .savepoint = sqlite_savepoint,
    .rollback_to_savepoint = sqlite_rollback_to_savepoint,
    .release_savepoint = sqlite_release_savepoint,
    .defer = sqlite_constraints_later,
    .constraints_now = sqlite_constraints_now,
    .truncate = mr_sq_truncate,
    .guard_lock = mr_sq_guard_lock,
    .guards_read = mr_sq_guards_read,
    .tombs_put = mr_sq_tombs_put,
    .truncate_below = mr_sq_truncate_below,
    .key_groups = mr_sink_keys_plain,
    .kept_read = mr_sq_kept_read,
    .kept_put = mr_sq_kept_put,
    .delete_keys = mr_sq_delete_keys,
    .delete_match = mr_sq_delete_match,
    .put_rows = mr_sq_put_rows,
    .read_rows = mr_sq_read_rows,
    .put_letters = mr_sq_put_letters,
    .overtaken_put = mr_sq_overtaken_put,
    .put_positions = mr_sq_put_positions,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .session_interrupt = sqlite_session_interrupt,
    .session_idle = sqlite_session_idle,
};
