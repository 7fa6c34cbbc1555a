/* Positions: reading, claiming, moving, and what to do about an owner that does not let go. All
 * statements take position rows in (topic, partition, slot) order, so that they cannot deadlock
 * with each other. The pure protocol (who may own what) is not decided here: an epoch and an offset
 * are compared, no more.
 *
 * owner = instance, host, backend pid, backend start, separated by blanks; the last two are parsed.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/log.h"
#include "sinks/pg_positions.h"

#include "base/ban.h"

static void copy_text(char *out, size_t cap, const char *text)
{
    (void)snprintf(out, cap, "%s", text);
}

/* ---- former owners ---- */

/* The backend that an owner text names; false where it names none. */
static bool owner_backend(const char *owner, int32_t *pid, char *start, size_t start_cap)
{
    const char *last = strrchr(owner, ' ');
    if (last == NULL || last == owner)
        return false;
    const char *before = last - 1;
    while (before > owner && *before != ' ')
        before--;
    long parsed = strtol(before, NULL, 10);
    if (parsed <= 0 || parsed > INT32_MAX || last[1] == '\0')
        return false;
    *pid = (int32_t)parsed;
    copy_text(start, start_cap, last + 1);
    return true;
}

/* Remembers who owned a position, so that a lock wait can be ended later; the oldest is forgotten.
 */
static void former_note(struct mr_pg_sink *sink, uint64_t span, const char *owner)
{
    struct mr_pg_former former = {.span = span};
    if (!owner_backend(owner, &former.pid, former.start, sizeof former.start))
        return;
    mr_lock_take(&sink->former_lock);
    if (sink->former == NULL)
        sink->former = calloc(MR_PG_MAX_FORMER, sizeof *sink->former);
    if (sink->former != NULL) {
        if (sink->n_former == MR_PG_MAX_FORMER)
            memmove(sink->former, sink->former + 1, --sink->n_former * sizeof *sink->former);
        sink->former[sink->n_former++] = former;
    }
    mr_lock_drop(&sink->former_lock);
}

/* Takes one former owner of one of the spans out of the list. */
static bool former_pop(struct mr_pg_sink *sink, const uint64_t *span_ids, size_t n,
                       struct mr_pg_former *out)
{
    bool found = false;
    mr_lock_take(&sink->former_lock);
    for (size_t i = 0; i < sink->n_former && !found; i++) {
        for (size_t k = 0; k < n && !found; k++)
            found = sink->former[i].span == span_ids[k];
        if (!found)
            continue;
        *out = sink->former[i];
        memmove(sink->former + i, sink->former + i + 1,
                (--sink->n_former - i) * sizeof *sink->former);
    }
    mr_lock_drop(&sink->former_lock);
    return found;
}

/* Ends a backend if it is still the one that was noted: a pid alone may be another's by now. */
static void backend_end(struct mr_pg_conn *conn, const struct mr_pg_former *former)
{
    static const char sql[] =
        "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a "
        "WHERE a.pid = $1 AND a.pid <> pg_catalog.pg_backend_pid() "
        "AND pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD\"T\"HH24:MI:SS.US') = $2";
    char pid[16];
    (void)snprintf(pid, sizeof pid, "%" PRId32, former->pid);
    struct mr_pg_params params = {.n = 0};
    mr_pg_param_text(&params, pid);
    mr_pg_param_text(&params, former->start);
    struct mr_err err = MR_ERR_INIT;
    PGresult *res = NULL;
    if (mr_pg_exec_params(conn, sql, &params, &res, &err) < 0)
        mr_log(MR_WARN, "former_owner_not_ended", mr_kv_i64("pid", former->pid), mr_kv_err(&err));
    else if (PQntuples(res) > 0)
        mr_log(MR_WARN, "former_owner_ended", mr_kv_i64("pid", former->pid));
    PQclear(res);
}

void mr_pg_end_former(struct mr_pg_sink *sink, const struct mr_pg_conn *mine,
                      const uint64_t *span_ids, size_t n)
{
    struct mr_pg_conn *conn = NULL;
    struct mr_pg_former former;
    struct mr_err ignored = MR_ERR_INIT;
    while (former_pop(sink, span_ids, n, &former)) {
        if (former.pid == mine->backend_pid && strcmp(former.start, mine->backend_start) == 0)
            continue;
        if (conn == NULL && mr_pg_pool_take(&sink->pool, &conn, &ignored) < 0)
            return;
        backend_end(conn, &former);
    }
    mr_pg_pool_give(&sink->pool, conn);
}

/* ---- owning ---- */

static void owner_text(const struct mr_pg_sink *sink, const struct mr_pg_conn *conn, char *out,
                       size_t cap)
{
    (void)snprintf(out, cap, "%.60s %.40s %" PRId32 " %s", sink->opts->instance_id, sink->host,
                   conn->backend_pid, conn->backend_start);
}

static bool noted(struct mr_pg_conn *conn, uint64_t id)
{
    for (size_t i = 0; i < conn->n_noted; i++) {
        if (conn->noted[i] == id)
            return true;
    }
    return false;
}

static uint64_t note_id(const struct mr_span *span)
{
    return mr_pg_span_id(span->stream, span->partition, span->slot) ^
           ((uint64_t)span->epoch * UINT64_C(0x9e3779b97f4a7c15));
}

static void note_add(struct mr_pg_conn *conn, const struct mr_span *spans, size_t n)
{
    if (conn->noted == NULL)
        conn->noted = calloc(MR_PG_MAX_NOTED, sizeof *conn->noted);
    for (size_t i = 0; conn->noted != NULL && i < n; i++) {
        if (conn->n_noted == MR_PG_MAX_NOTED)
            conn->n_noted = 0; /* noting again is harmless */
        conn->noted[conn->n_noted++] = note_id(&spans[i]);
    }
}

/* The former owners in a result: columns topic, partition, slot, owner. */
static void formers_note(struct mr_pg_sink *sink, const PGresult *res, const char *mine)
{
    for (int i = 0; i < PQntuples(res); i++) {
        const char *owner = PQgetvalue(res, i, 3);
        if (strcmp(owner, mine) == 0)
            continue;
        former_note(sink,
                    mr_pg_span_id(PQgetvalue(res, i, 0), (int32_t)mr_pg_i64(res, i, 1),
                                  (int16_t)mr_pg_i64(res, i, 2)),
                    owner);
    }
}

/* The rows are locked by somebody who may be stalled: who owns them now is read without a lock. */
static void owners_end(struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                       const struct mr_span *spans, size_t n)
{
    struct mr_buf sql = MR_BUF_INIT;
    struct mr_err ignored = MR_ERR_INIT;
    PGresult *res = NULL;
    char mine[MR_OWNER_TEXT_BYTES];
    owner_text(sink, conn, mine, sizeof mine);
    mr_buf_fmt(&sql,
               "SELECT p.topic, p.partition, p.slot, p.owner FROM %s JOIN %s.positions p "
               "ON p.pipeline = $1 AND p.topic = s.topic AND p.partition = s.partition "
               "AND p.slot = s.slot",
               mr_pg_span_rows, sink->control);
    struct mr_pg_spans_call call = {sink, conn, spans, n, NULL};
    if (mr_pg_spans_exec(&call, &sql, &res, &ignored) == 0)
        formers_note(sink, res, mine);
    PQclear(res);
    mr_buf_release(&sql);
    uint64_t *ids = calloc(n, sizeof *ids);
    if (ids == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        ids[i] = mr_pg_span_id(spans[i].stream, spans[i].partition, spans[i].slot);
    mr_pg_end_former(sink, conn, ids, n);
    free(ids);
}

static bool is_lock_wait(const struct mr_err *err, int rc)
{
    return rc == -MR_DB && strcmp(err->sqlstate, "55P03") == 0;
}

static int note_exec(struct mr_pg_sink *sink, struct mr_pg_conn *conn, const struct mr_span *spans,
                     size_t n, struct mr_err *err)
{
    char mine[MR_OWNER_TEXT_BYTES];
    owner_text(sink, conn, mine, sizeof mine);
    struct mr_buf sql = MR_BUF_INIT;
    mr_buf_fmt(&sql,
               "UPDATE %s.positions p SET owner = $11 FROM (SELECT q.pipeline, q.topic, "
               "q.partition, q.slot, q.owner FROM %s.positions q JOIN %s ON q.pipeline = $1 AND "
               "q.topic = s.topic AND q.partition = s.partition AND q.slot = s.slot "
               "WHERE q.epoch = s.epoch ORDER BY q.topic, q.partition, q.slot FOR UPDATE OF q) o "
               "WHERE p.pipeline = o.pipeline AND p.topic = o.topic AND "
               "p.partition = o.partition AND p.slot = o.slot "
               "RETURNING p.topic, p.partition, p.slot, o.owner",
               sink->control, sink->control, mr_pg_span_rows);
    PGresult *res = NULL;
    struct mr_pg_spans_call call = {sink, conn, spans, n, mine};
    int rc = mr_pg_spans_exec(&call, &sql, &res, err);
    if (rc == 0) {
        formers_note(sink, res, mine);
        if ((size_t)PQntuples(res) != n)
            rc = mr_pg_fenced(&call, err);
    }
    PQclear(res);
    mr_buf_release(&sql);
    return rc;
}

int mr_pg_note_owner(struct mr_pg_sink *sink, struct mr_pg_conn *conn, const struct mr_span *spans,
                     size_t n, struct mr_err *err)
{
    struct mr_span *fresh = n == 0 ? NULL : mr_pg_spans_sorted(spans, n);
    if (fresh == NULL)
        return n == 0 ? 0 : mr_err_set(err, MR_NO_MEMORY, "%zu positions", n);
    size_t n_fresh = 0;
    for (size_t i = 0; i < n; i++) {
        if (!noted(conn, note_id(&fresh[i])))
            fresh[n_fresh++] = fresh[i];
    }
    int rc = 0;
    if (n_fresh > 0) {
        rc = note_exec(sink, conn, fresh, n_fresh, err);
        if (is_lock_wait(err, rc))
            owners_end(sink, conn, fresh, n_fresh);
    }
    if (rc == 0 && n_fresh > 0)
        note_add(conn, fresh, n_fresh);
    free(fresh);
    return rc;
}

/* ---- claiming ---- */

static void claim_arrays(struct mr_pg_arrays *arrays, const struct mr_claim *claims, size_t n)
{
    struct mr_buf *topics = mr_pg_array_next(arrays);
    struct mr_buf *ids = mr_pg_array_next(arrays);
    struct mr_buf *clusters = mr_pg_array_next(arrays);
    struct mr_buf *partitions = mr_pg_array_next(arrays);
    struct mr_buf *slots = mr_pg_array_next(arrays);
    struct mr_buf *n_slots = mr_pg_array_next(arrays);
    struct mr_buf *starts = mr_pg_array_next(arrays);
    struct mr_buf *epochs = mr_pg_array_next(arrays);
    struct mr_buf *n_parts = mr_pg_array_next(arrays);
    for (size_t i = 0; i < n; i++) {
        const struct mr_position *position = &claims[i].position;
        bool first = i == 0;
        mr_pg_array_text(topics, first, position->stream);
        mr_pg_array_text(ids, first, position->stream_id);
        mr_pg_array_text(clusters, first, position->cluster_id);
        mr_pg_array_i64(partitions, first, position->partition);
        mr_pg_array_i64(slots, first, position->slot);
        mr_pg_array_i64(n_slots, first, position->slots > 0 ? position->slots : 1);
        mr_pg_array_i64(starts, first, claims[i].start_offset);
        mr_pg_array_i64(epochs, first, claims[i].start_leader_epoch);
        mr_pg_array_i64(n_parts, first, position->topic_partitions);
    }
}

static void claim_sql(const struct mr_pg_sink *sink, struct mr_buf *sql)
{
    mr_buf_fmt(sql,
               "WITH w AS MATERIALIZED (SELECT * FROM unnest($4::text[], $5::text[], "
               "$6::text[], $7::int4[], $8::int4[], $9::int4[], $10::int8[], $11::int8[], "
               "$12::int4[]) AS w(topic, topic_id, cluster_id, partition, slot, slots, start, "
               "start_epoch, topic_partitions)), "
               "o AS MATERIALIZED (SELECT p.topic, p.partition, p.slot, p.owner FROM "
               "%s.positions p JOIN w USING (topic, partition, slot) WHERE p.pipeline = $1 "
               "ORDER BY p.topic, p.partition, p.slot FOR UPDATE OF p), ",
               sink->control);
    mr_buf_fmt(sql,
               "p AS (INSERT INTO %s.positions AS p (pipeline, group_id, cluster_id, topic, "
               "topic_id, partition, slot, slots, next_offset, leader_epoch, epoch, owner, "
               "updated_at, topic_partitions) SELECT $1, $2, w.cluster_id, w.topic, w.topic_id, "
               "w.partition, w.slot, "
               "w.slots, CASE WHEN w.start > 0 THEN w.start ELSE 0 END, w.start_epoch, 1, "
               "$3 || ' 0 -', "
               "pg_catalog.clock_timestamp(), w.topic_partitions FROM w LEFT JOIN o USING (topic, "
               "partition, slot) "
               "WHERE w.start >= 0 OR o.topic IS NOT NULL ORDER BY w.topic, w.partition, w.slot "
               "ON CONFLICT (pipeline, topic, partition, slot) DO UPDATE SET "
               "epoch = p.epoch + 1, owner = $3 || ' ' || COALESCE(pg_catalog.substring(p.owner, "
               "'[^ ]+ [^ ]+$'), '0 -'), group_id = EXCLUDED.group_id, "
               "cluster_id = CASE p.cluster_id WHEN '' THEN EXCLUDED.cluster_id "
               "ELSE p.cluster_id END, topic_id = CASE p.topic_id WHEN '' THEN "
               "EXCLUDED.topic_id ELSE p.topic_id END RETURNING p.*) ",
               sink->control);
    mr_buf_fmt(sql,
               "SELECT %s, o.owner, o.topic IS NOT NULL OR p.epoch > 1 FROM p LEFT JOIN o "
               "USING (topic, partition, slot)",
               mr_pg_position_columns);
}

static void claim_fill(struct mr_pg_sink *sink, struct mr_claim *claims, size_t n,
                       const PGresult *res)
{
    for (int row = 0; row < PQntuples(res); row++) {
        struct mr_position position;
        mr_pg_position_fill(&position, res, row);
        for (size_t i = 0; i < n; i++) {
            struct mr_position *wanted = &claims[i].position;
            if (wanted->partition != position.partition || wanted->slot != position.slot ||
                strcmp(wanted->stream, position.stream) != 0)
                continue;
            *wanted = position;
            claims[i].found = mr_pg_bool(res, row, MR_PG_POSITION_COLUMNS + 1);
        }
        former_note(sink, mr_pg_span_id(position.stream, position.partition, position.slot),
                    PQgetvalue(res, row, MR_PG_POSITION_COLUMNS));
    }
}

static int claim_exec(struct mr_pg_sink *sink, struct mr_pg_conn *conn, struct mr_claim *claims,
                      size_t n, struct mr_err *err)
{
    /* The former owner's backend stays named until the writer's own connection notes itself at its
     * first flush: whoever claims in between still knows whom to end. */
    char mine[MR_OWNER_TEXT_BYTES];
    (void)snprintf(mine, sizeof mine, "%.60s %.40s", sink->opts->instance_id, sink->host);
    struct mr_buf sql = MR_BUF_INIT;
    struct mr_pg_arrays arrays = {.n = 0};
    struct mr_pg_params params = {.n = 0};
    claim_sql(sink, &sql);
    claim_arrays(&arrays, claims, n);
    mr_pg_param_text(&params, sink->opts->pipeline);
    mr_pg_param_text(&params, sink->opts->group_id);
    mr_pg_param_text(&params, mine);
    PGresult *res = NULL;
    int rc = mr_pg_arrays_params(&arrays, &params, err);
    if (rc == 0)
        rc = mr_pg_exec_params(conn, mr_buf_cstr(&sql), &params, &res, err);
    if (rc == 0)
        claim_fill(sink, claims, n, res);
    PQclear(res);
    mr_pg_arrays_release(&arrays);
    mr_buf_release(&sql);
    return rc;
}

/* Somebody sits on the rows for longer than a lock wait may take: end the owners and claim once
 * more. */
static int claim_by_force(struct mr_pg_sink *sink, struct mr_pg_conn *conn, struct mr_claim *claims,
                          size_t n, struct mr_err *err)
{
    struct mr_span *spans = calloc(n, sizeof *spans);
    if (spans == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu positions", n);
    for (size_t i = 0; i < n; i++)
        spans[i] = (struct mr_span){.stream = claims[i].position.stream,
                                    .partition = claims[i].position.partition,
                                    .slot = claims[i].position.slot};
    owners_end(sink, conn, spans, n);
    free(spans);
    mr_err_clear(err);
    return claim_exec(sink, conn, claims, n, err);
}

int mr_pg_claim(struct mr_sink *base, struct mr_claim *claims, size_t n, struct mr_err *err)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    struct mr_pg_conn *conn = NULL;
    for (size_t i = 0; i < n; i++)
        claims[i].found = false;
    if (n == 0)
        return 0;
    int rc = mr_pg_pool_take(&sink->pool, &conn, err);
    if (rc < 0)
        return rc;
    rc = claim_exec(sink, conn, claims, n, err);
    if (is_lock_wait(err, rc))
        rc = claim_by_force(sink, conn, claims, n, err);
    mr_pg_pool_give(&sink->pool, conn);
    return rc;
}
