/* Which dead letters later records may still meet, and which they have overtaken (design.md section
 * 6), in a SQLite file. */
#include <string.h>

#include <sqlite3.h>

#include "sinks/sqlite.h"

#include "base/ban.h"

static void give(struct sqlite3_stmt *stmt, int64_t now_ms, const struct mr_poison_taker *taker)
{
    const struct mr_poison poison = {
        .stream = mr_sq_text(stmt, 0),
        .partition = sqlite3_column_int(stmt, 1),
        .offset = sqlite3_column_int64(stmt, 2),
        .overtaken_by = sqlite3_column_int64(stmt, 3),
        .age_ms = now_ms - mr_sq_time_ms(mr_sq_text(stmt, 4)),
        .key = {sqlite3_column_blob(stmt, 5), (size_t)sqlite3_column_bytes(stmt, 5)}};

    if (poison.key.data != NULL)
        taker->take(taker->arg, &poison);
}

int mr_sq_poisons_read(struct mr_sink *base, const struct mr_poison_taker *taker,
                       struct mr_err *err)
{
    struct mr_sq_sink *sink = mr_sq_sink(base);
    struct mr_sq_conn *conn = NULL;
    struct sqlite3_stmt *stmt = NULL;
    int64_t now_ms = mr_wall_ms(&sink->opts->env);
    char then[MR_SQ_TIME_BYTES];
    int rc = mr_sq_take(sink, MR_SQ_READ, NULL, &conn, err);

    if (rc < 0)
        return rc;
    rc = mr_sq_control_prepare(
        sink, conn,
        "SELECT topic, \"partition\", \"offset\", coalesce(overtaken_by, -1), created_at, key"
        " FROM (SELECT * FROM \"%dead_letters\" WHERE pipeline = ?1 AND created_at > ?2"
        " AND length(key) <= ?3 AND state <> 'replayed' AND code <> 'unavailable.orphan' ORDER BY "
        "created_at DESC LIMIT ?4)"
        " ORDER BY topic, \"partition\", \"offset\"",
        &stmt, err);
    if (rc == 0) {
        mr_sq_time_text(now_ms - MR_POISONED_MS, then);
        mr_sq_bind_text(stmt, 1, sink->opts->pipeline);
        mr_sq_bind_text(stmt, 2, then);
        mr_sq_bind_i64(stmt, 3, MR_POISONED_KEY_BYTES);
        mr_sq_bind_i64(stmt, 4, MR_POISONED_READ);
        while ((rc = mr_sq_step(conn, stmt, "read dead letters", err)) == 1)
            give(stmt, now_ms, taker);
    }
    mr_sq_give(sink, MR_SQ_READ);
    return rc;
}

static int overtaken_put(struct mr_sq_sink *sink, struct mr_sq_conn *conn,
                         const struct mr_overtaken *one, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_control_prepare(
        sink, conn,
        "UPDATE \"%dead_letters\" SET overtaken_by = ?6 WHERE pipeline = ?1 AND topic = ?2"
        " AND \"partition\" = ?3 AND \"offset\" BETWEEN ?4 AND ?5 AND key = ?7"
        " AND overtaken_by IS NULL",
        &stmt, err);

    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, sink->opts->pipeline);
    mr_sq_bind_text(stmt, 2, one->stream);
    mr_sq_bind_i64(stmt, 3, one->partition);
    mr_sq_bind_i64(stmt, 4, one->from);
    mr_sq_bind_i64(stmt, 5, one->to);
    mr_sq_bind_i64(stmt, 6, one->by);
    (void)sqlite3_bind_blob64(stmt, 7, one->key.data, one->key.len, SQLITE_STATIC);
    return mr_sq_step(conn, stmt, "note overtaken letters", err);
}

int mr_sq_overtaken_put(struct mr_session *base, const struct mr_overtaken *overtaken, size_t n,
                        struct mr_err *err)
{
    struct mr_sq_conn *conn = NULL;
    int rc = mr_sq_session_conn(base, &conn, err);

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = overtaken_put(mr_sq_sink(base->sink), conn, &overtaken[i], err);
    return rc;
}
