/* Notes of replayed letters in a SQLite file, which one transaction has at a time. */
#include <sqlite3.h>

#include "sinks/replayed.h"
#include "sinks/sqlite.h"

#include "base/ban.h"

/* Parameters: 1 pipeline, 2 letter, 3 version, 4 now, 5 who. */
static int run(struct mr_sq_sink *sink, struct mr_sq_conn *conn, const char *sql,
               const struct mr_replayed *letter, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    char now[MR_SQ_TIME_BYTES];
    int rc = mr_sq_control_prepare(sink, conn, sql, &stmt, err);

    if (rc < 0)
        return rc;
    mr_sq_time_text(letter->at_ms, now);
    mr_sq_bind_text(stmt, 1, sink->opts->pipeline);
    mr_sq_bind_text(stmt, 2, letter->id);
    mr_sq_bind_i64(stmt, 3, letter->version);
    if (sqlite3_bind_parameter_count(stmt) >= 5) {
        mr_sq_bind_text(stmt, 4, now);
        mr_sq_bind_text(stmt, 5, letter->by);
    }
    return mr_sq_step(conn, stmt, "note replayed letters", err);
}

static int sq_note(struct mr_session *session, const struct mr_replayed *letters, size_t n,
                   const char *by, struct mr_err *err)
{
    struct mr_sq_sink *sink = mr_sq_sink(session->sink);
    struct mr_sq_conn *conn = NULL;
    int rc = mr_sq_session_conn(session, &conn, err);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct mr_replayed one = letters[i];
        one.at_ms = mr_wall_ms(&sink->opts->env);
        one.by = by;
        rc = run(sink, conn,
                 "INSERT INTO \"%replayed_letters\"(pipeline, letter, version, changed_at,"
                 " changed_by) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                 &one, err);
        if (rc == 0 && sqlite3_changes(conn->db) != 1)
            rc = mr_err_set(err, MR_AGAIN, "a dead letter was replayed by somebody else");
    }
    return rc;
}

static int forget_on(struct mr_sq_sink *sink, struct mr_sq_conn *conn,
                     const struct mr_replayed *letters, size_t n, struct mr_err *err)
{
    int rc = mr_sq_begin(conn, err);

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = run(sink, conn,
                 "DELETE FROM \"%replayed_letters\" WHERE pipeline = ?1 AND letter = ?2"
                 " AND version = ?3",
                 &letters[i], err);
    if (rc == 0)
        rc = mr_sq_commit(conn, err);
    mr_sq_rollback(conn);
    return rc;
}

static int sq_forget(struct mr_sink *base, const struct mr_replayed *letters, size_t n,
                     struct mr_err *err)
{
    struct mr_sq_sink *sink = mr_sq_sink(base);
    struct mr_sq_conn *conn = NULL;
    int rc = mr_sq_take(sink, MR_SQ_WRITE, NULL, &conn, err);

    if (rc < 0)
        return rc;
    rc = forget_on(sink, conn, letters, n, err);
    mr_sq_give(sink, MR_SQ_WRITE);
    return rc;
}

static int sq_read(struct mr_sink *base, const struct mr_replayed_taker *taker, struct mr_err *err)
{
    struct mr_sq_sink *sink = mr_sq_sink(base);
    struct mr_sq_conn *conn = NULL;
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_take(sink, MR_SQ_READ, NULL, &conn, err);

    if (rc < 0)
        return rc;
    rc = mr_sq_control_prepare(sink, conn,
                               "SELECT letter, version, changed_at, changed_by FROM"
                               " \"%replayed_letters\" WHERE pipeline = ?1"
                               " ORDER BY changed_at DESC LIMIT ?2",
                               &stmt, err);
    if (rc == 0) {
        mr_sq_bind_text(stmt, 1, sink->opts->pipeline);
        mr_sq_bind_i64(stmt, 2, MR_REPLAYED_READ);
        while ((rc = mr_sq_step(conn, stmt, "read replayed letters", err)) == 1) {
            const struct mr_replayed one = {.id = mr_sq_text(stmt, 0),
                                            .version = sqlite3_column_int64(stmt, 1),
                                            .at_ms = mr_sq_time_ms(mr_sq_text(stmt, 2)),
                                            .by = mr_sq_text(stmt, 3)};
            taker->take(taker->arg, &one);
        }
    }
    mr_sq_give(sink, MR_SQ_READ);
    return rc;
}

const struct mr_replayed_ops mr_replayed_sqlite = {
    .note = sq_note, .forget = sq_forget, .read = sq_read};
