/* Owns positions in a SQLite file: claims, compare and set, reading (design.md section 4). Must not
 * know rows. Invariants: a position moves only for the owner of its epoch and from where that owner
 * believed it to be; a claim raises the epoch, whatever the former owner does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/fault.h"
#include "sinks/sqlite.h"

#include "base/ban.h"

static void fill_position(struct sqlite3_stmt *stmt, struct mr_position *out)
{
    *out = (struct mr_position){
        .partition = sqlite3_column_int(stmt, 3),
        .slot = (int16_t)sqlite3_column_int(stmt, 4),
        .slots = (int16_t)sqlite3_column_int(stmt, 5),
        .next_offset = sqlite3_column_int64(stmt, 6),
        .leader_epoch = sqlite3_column_int(stmt, 7),
        .epoch = sqlite3_column_int64(stmt, 8),
        .timestamp_ms = mr_sq_time_ms(mr_sq_text(stmt, 10)),
        .updated_ms = mr_sq_time_ms(mr_sq_text(stmt, 11)),
        .envelope = sqlite3_column_int(stmt, 12) != 0,
        .topic_partitions = sqlite3_column_int(stmt, 13),
    };
    (void)snprintf(out->stream, sizeof out->stream, "%s", mr_sq_text(stmt, 0));
    (void)snprintf(out->stream_id, sizeof out->stream_id, "%s", mr_sq_text(stmt, 1));
    (void)snprintf(out->cluster_id, sizeof out->cluster_id, "%s", mr_sq_text(stmt, 2));
    (void)snprintf(out->owner, sizeof out->owner, "%s", mr_sq_text(stmt, 9));
}

#define POSITION_COLUMNS                                                                           \
    "topic, topic_id, cluster_id, \"partition\", slot, slots, next_offset, leader_epoch, epoch,"   \
    " owner, record_timestamp, updated_at, envelope, topic_partitions"

static int read_all(struct mr_sq_sink *sink, struct mr_sq_conn *conn, struct mr_buf *positions,
                    struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_control_prepare(sink, conn,
                                   "SELECT " POSITION_COLUMNS " FROM \"%positions\""
                                   " WHERE pipeline = ?1 ORDER BY topic, \"partition\", slot",
                                   &stmt, err);
    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, sink->opts->pipeline);
    while ((rc = mr_sq_step(conn, stmt, "read positions", err)) == 1) {
        struct mr_position position;
        fill_position(stmt, &position);
        mr_buf_add(positions, &position, sizeof position);
    }
    if (rc == 0 && !mr_buf_ok(positions))
        rc = mr_err_set(err, MR_NO_MEMORY, "positions");
    return rc;
}

int mr_sq_positions_read(struct mr_sink *base, struct mr_position **out, size_t *n_out,
                         struct mr_err *err)
{
    struct mr_sq_sink *sink = mr_sq_sink(base);
    struct mr_sq_conn *conn = NULL;
    struct mr_buf positions = MR_BUF_INIT;
    int rc = mr_sq_take(sink, MR_SQ_READ, NULL, &conn, err);
    if (rc < 0)
        return rc;
    rc = read_all(sink, conn, &positions, err);
    mr_sq_give(sink, MR_SQ_READ);
    struct mr_position *copy = NULL;
    if (rc == 0 && positions.len > 0) {
        copy = malloc(positions.len);
        if (copy == NULL)
            rc = mr_err_set(err, MR_NO_MEMORY, "positions");
        else
            memcpy(copy, positions.data, positions.len);
    }
    if (rc == 0) {
        *out = copy;
        *n_out = positions.len / sizeof *copy;
    }
    mr_buf_release(&positions);
    return rc;
}

/* ---- claims ---- */

static void bind_place(struct sqlite3_stmt *stmt, const struct mr_sq_sink *sink,
                       const struct mr_position *position)
{
    mr_sq_bind_text(stmt, 1, sink->opts->pipeline);
    mr_sq_bind_text(stmt, 2, position->stream);
    mr_sq_bind_i64(stmt, 3, position->partition);
    mr_sq_bind_i64(stmt, 4, position->slot);
}
#define AT_PLACE " pipeline = ?1 AND topic = ?2 AND \"partition\" = ?3 AND slot = ?4"

/* 1: found and claimed, 0: there is none. A stored id is kept, also if it is another one: the
 * caller compares, and stops. */
static int claim_update(struct mr_sq_sink *sink, struct mr_sq_conn *conn,
                        const struct mr_position *want, const char *now, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_control_prepare(
        sink, conn,
        "UPDATE \"%positions\" SET epoch = epoch + 1, owner = ?5, group_id = ?6, updated_at = ?7,"
        " topic_id = CASE topic_id WHEN '' THEN ?8 ELSE topic_id END,"
        " cluster_id = CASE cluster_id WHEN '' THEN ?9 ELSE cluster_id END WHERE" AT_PLACE,
        &stmt, err);
    if (rc < 0)
        return rc;
    bind_place(stmt, sink, want);
    mr_sq_bind_text(stmt, 5, sink->owner);
    mr_sq_bind_text(stmt, 6, sink->opts->group_id);
    mr_sq_bind_text(stmt, 7, now);
    mr_sq_bind_text(stmt, 8, want->stream_id);
    mr_sq_bind_text(stmt, 9, want->cluster_id);
    rc = mr_sq_step(conn, stmt, "claim a position", err);
    return rc < 0 ? rc : sqlite3_changes(conn->db);
}

static int claim_insert(struct mr_sq_sink *sink, struct mr_sq_conn *conn,
                        const struct mr_claim *claim, const char *now, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_control_prepare(
        sink, conn,
        "INSERT INTO \"%positions\"(pipeline, topic, \"partition\", slot, owner, group_id,"
        " updated_at, topic_id, cluster_id, slots, next_offset, leader_epoch, epoch,"
        " topic_partitions) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 1, ?13)",
        &stmt, err);
    if (rc < 0)
        return rc;
    const struct mr_position *want = &claim->position;
    bind_place(stmt, sink, want);
    mr_sq_bind_text(stmt, 5, sink->owner);
    mr_sq_bind_text(stmt, 6, sink->opts->group_id);
    mr_sq_bind_text(stmt, 7, now);
    mr_sq_bind_text(stmt, 8, want->stream_id);
    mr_sq_bind_text(stmt, 9, want->cluster_id);
    mr_sq_bind_i64(stmt, 10, want->slots);
    mr_sq_bind_i64(stmt, 11, claim->start_offset);
    mr_sq_bind_i64(stmt, 12, claim->start_leader_epoch);
    mr_sq_bind_i64(stmt, 13, want->topic_partitions);
    return mr_sq_step(conn, stmt, "insert a position", err);
}

static int claim_read(struct mr_sq_sink *sink, struct mr_sq_conn *conn,
                      struct mr_position *position, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_control_prepare(
        sink, conn, "SELECT " POSITION_COLUMNS " FROM \"%positions\" WHERE" AT_PLACE, &stmt, err);
    if (rc < 0)
        return rc;
    bind_place(stmt, sink, position);
    rc = mr_sq_step(conn, stmt, "read a position", err);
    if (rc < 0)
        return rc;
    if (rc == 1) {
        struct mr_position held; /* the names in `position` are bound until the reset */
        fill_position(stmt, &held);
        (void)sqlite3_reset(stmt);
        *position = held;
    } else {
        position->next_offset = -1;
        position->epoch = 0;
    }
    return 0;
}

static int claim_one(struct mr_sq_sink *sink, struct mr_sq_conn *conn, struct mr_claim *claim,
                     const char *now, struct mr_err *err)
{
    int rc = claim_update(sink, conn, &claim->position, now, err);
    if (rc < 0)
        return rc;
    claim->found = rc > 0;
    if (!claim->found && claim->start_offset >= 0) {
        rc = claim_insert(sink, conn, claim, now, err);
        if (rc < 0)
            return rc;
    }
    return claim_read(sink, conn, &claim->position, err);
}

/* Works on copies: a claim that was rolled back must not look like one. */
static int claim_in_txn(struct mr_sq_sink *sink, struct mr_sq_conn *conn, struct mr_claim *claims,
                        size_t n, struct mr_err *err)
{
    char now[MR_SQ_TIME_BYTES];
    mr_sq_time_text(mr_wall_ms(&sink->opts->env), now);
    int rc = mr_sq_begin(conn, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = claim_one(sink, conn, &claims[i], now, err);
    if (rc == 0)
        rc = mr_sq_commit(conn, err);
    mr_sq_rollback(conn);
    return rc;
}

int mr_sq_claim(struct mr_sink *base, struct mr_claim *claims, size_t n, struct mr_err *err)
{
    struct mr_sq_sink *sink = mr_sq_sink(base);
    struct mr_sq_conn *conn = NULL;
    if (n == 0)
        return 0;
    if (MR_FAULT(CLAIM))
        return mr_err_set(err, MR_TARGET_AWAY, "injected: claim");
    struct mr_claim *work = malloc(n * sizeof *work);
    if (work == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "claims");
    memcpy(work, claims, n * sizeof *work);
    int rc = mr_sq_take(sink, MR_SQ_WRITE, NULL, &conn, err);
    if (rc == 0) {
        rc = claim_in_txn(sink, conn, work, n, err);
        mr_sq_give(sink, MR_SQ_WRITE);
    }
    if (rc == 0)
        memcpy(claims, work, n * sizeof *work);
    free(work);
    return rc;
}

/* ---- by hand ---- */

static int place_one(struct mr_sq_sink *sink, struct mr_sq_conn *conn,
                     const struct mr_position *position, const char *now, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_control_prepare(
        sink, conn,
        "UPDATE \"%positions\" SET next_offset = ?5, leader_epoch = -1, record_timestamp = NULL,"
        " updated_at = ?6, topic_id = ?7, cluster_id = ?8, topic_partitions = ?9, envelope = ?10"
        " WHERE" AT_PLACE " AND epoch = ?11",
        &stmt, err);
    if (rc < 0)
        return rc;
    bind_place(stmt, sink, position);
    mr_sq_bind_i64(stmt, 5, position->next_offset);
    mr_sq_bind_text(stmt, 6, now);
    mr_sq_bind_text(stmt, 7, position->stream_id);
    mr_sq_bind_text(stmt, 8, position->cluster_id);
    mr_sq_bind_i64(stmt, 9, position->topic_partitions);
    mr_sq_bind_i64(stmt, 10, position->envelope);
    mr_sq_bind_i64(stmt, 11, position->epoch);
    rc = mr_sq_step(conn, stmt, "place a position", err);
    if (rc < 0 || sqlite3_changes(conn->db) == 1)
        return rc;
    rc = mr_err_set(err, MR_FENCED, "the position was claimed again meanwhile");
    (void)mr_err_at(err, position->stream, position->partition, -1);
    return rc;
}

int mr_sq_place(struct mr_sink *base, const struct mr_position *positions, size_t n,
                struct mr_err *err)
{
    struct mr_sq_sink *sink = mr_sq_sink(base);
    struct mr_sq_conn *conn = NULL;
    char now[MR_SQ_TIME_BYTES];
    int rc = mr_sq_take(sink, MR_SQ_WRITE, NULL, &conn, err);
    if (rc < 0)
        return rc;
    mr_sq_time_text(mr_wall_ms(&sink->opts->env), now);
    rc = mr_sq_begin(conn, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = place_one(sink, conn, &positions[i], now, err);
    if (rc == 0)
        rc = mr_sq_commit(conn, err);
    mr_sq_rollback(conn);
    mr_sq_give(sink, MR_SQ_WRITE);
    return rc;
}

/* ---- compare and set ---- */

static int put_position(struct mr_sq_sink *sink, struct mr_sq_conn *conn,
                        const struct mr_span *span, const char *now, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_control_prepare(
        sink, conn,
        "UPDATE \"%positions\" SET next_offset = ?5, leader_epoch = ?6,"
        " record_timestamp = coalesce(nullif(?7, ''), record_timestamp), updated_at = ?8,"
        " envelope = envelope OR ?11"
        " WHERE" AT_PLACE " AND epoch = ?9 AND next_offset = ?10",
        &stmt, err);
    if (rc < 0)
        return rc;
    char then[MR_SQ_TIME_BYTES];
    mr_sq_time_text(span->timestamp_ms, then);
    mr_sq_bind_text(stmt, 1, sink->opts->pipeline);
    mr_sq_bind_text(stmt, 2, span->stream);
    mr_sq_bind_i64(stmt, 3, span->partition);
    mr_sq_bind_i64(stmt, 4, span->slot);
    mr_sq_bind_i64(stmt, 5, span->next);
    mr_sq_bind_i64(stmt, 6, span->leader_epoch);
    mr_sq_bind_text(stmt, 7, then);
    mr_sq_bind_text(stmt, 8, now);
    mr_sq_bind_i64(stmt, 9, span->epoch);
    mr_sq_bind_i64(stmt, 10, span->expected);
    mr_sq_bind_i64(stmt, 11, span->envelope);
    rc = mr_sq_step(conn, stmt, "move a position", err);
    if (rc < 0)
        return rc;
    if (sqlite3_changes(conn->db) == 1)
        return 0;
    rc = mr_err_set(err, MR_FENCED, "slot %d is not at %lld under epoch %lld any more",
                    (int)span->slot, (long long)span->expected, (long long)span->epoch);
    if (err != NULL)
        (void)mr_err_at(err, span->stream, span->partition, span->expected);
    return rc;
}

int mr_sq_put_positions(struct mr_session *base, const struct mr_span *spans, size_t n,
                        struct mr_err *err)
{
    struct mr_sq_sink *sink = mr_sq_sink(base->sink);
    struct mr_sq_conn *conn = NULL;
    int rc = mr_sq_session_conn(base, &conn, err);
    char now[MR_SQ_TIME_BYTES];
    mr_sq_time_text(mr_wall_ms(&sink->opts->env), now);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = put_position(sink, conn, &spans[i], now, err);
    return rc;
}
