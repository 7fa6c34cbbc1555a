/* Positions: reading them and moving them by compare and set. Statements take position rows in
 * (topic, partition, slot) order, so that they cannot deadlock with each other or with claims. What
 * an epoch means is not decided here: it is compared, no more. */
#include "sinks/pg_positions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/ban.h"

uint64_t mr_pg_span_id(const char *stream, int32_t partition, int16_t slot)
{
    uint64_t place = ((uint64_t)(uint32_t)partition << 16) | (uint16_t)slot;
    return mr_hash(stream, strlen(stream), place);
}

static void copy_text(char *out, size_t cap, const char *text)
{
    (void)snprintf(out, cap, "%s", text);
}

/* ---- reading ---- */

const char mr_pg_position_columns[] =
    "p.topic, p.topic_id, p.cluster_id, p.partition, p.slot, p.slots, p.next_offset, p.epoch, "
    "p.leader_epoch, pg_catalog.round(pg_catalog.date_part('epoch', p.record_timestamp) * 1000)"
    "::int8, pg_catalog.round(pg_catalog.date_part('epoch', p.updated_at) * 1000)::int8, p.owner, "
    "p.envelope, p.topic_partitions";

void mr_pg_position_fill(struct mr_position *out, const PGresult *res, int row)
{
    *out = (struct mr_position){
        .partition = (int32_t)mr_pg_i64(res, row, 3),
        .slot = (int16_t)mr_pg_i64(res, row, 4),
        .slots = (int16_t)mr_pg_i64(res, row, 5),
        .next_offset = mr_pg_i64(res, row, 6),
        .epoch = mr_pg_i64(res, row, 7),
        .leader_epoch = (int32_t)mr_pg_i64(res, row, 8),
        .timestamp_ms = PQgetisnull(res, row, 9) ? -1 : mr_pg_i64(res, row, 9),
        .updated_ms = mr_pg_i64(res, row, 10),
        .envelope = mr_pg_bool(res, row, 12),
        .topic_partitions = (int32_t)mr_pg_i64(res, row, 13),
    };
    copy_text(out->stream, sizeof out->stream, PQgetvalue(res, row, 0));
    copy_text(out->stream_id, sizeof out->stream_id, PQgetvalue(res, row, 1));
    copy_text(out->cluster_id, sizeof out->cluster_id, PQgetvalue(res, row, 2));
    copy_text(out->owner, sizeof out->owner, PQgetvalue(res, row, 11));
}

static int positions_gather(const PGresult *res, struct mr_position **out, size_t *n_out,
                            struct mr_err *err)
{
    size_t n = (size_t)PQntuples(res);
    struct mr_position *all = calloc(n == 0 ? 1 : n, sizeof *all);
    if (all == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu positions", n);
    for (size_t i = 0; i < n; i++)
        mr_pg_position_fill(&all[i], res, (int)i);
    *out = all;
    *n_out = n;
    return 0;
}

int mr_pg_positions_read(struct mr_sink *base, struct mr_position **out, size_t *n_out,
                         struct mr_err *err)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    struct mr_pg_conn *conn = NULL;
    int rc = mr_pg_pool_take(&sink->pool, &conn, err);
    if (rc < 0)
        return rc;
    struct mr_buf sql = MR_BUF_INIT;
    mr_buf_fmt(&sql,
               "SELECT %s FROM %s.positions p WHERE p.pipeline = $1 "
               "ORDER BY p.topic, p.partition, p.slot",
               mr_pg_position_columns, sink->control);
    struct mr_pg_params params = {.n = 0};
    mr_pg_param_text(&params, sink->opts->pipeline);
    PGresult *res = NULL;
    rc = mr_pg_exec_params(conn, mr_buf_cstr(&sql), &params, &res, err);
    if (rc == 0)
        rc = positions_gather(res, out, n_out, err);
    PQclear(res);
    mr_buf_release(&sql);
    mr_pg_pool_give(&sink->pool, conn);
    return rc;
}

/* ---- arrays of spans and claims ---- */

struct mr_buf *mr_pg_array_next(struct mr_pg_arrays *arrays)
{
    return &arrays->bufs[arrays->n++];
}

int mr_pg_arrays_params(struct mr_pg_arrays *arrays, struct mr_pg_params *params,
                        struct mr_err *err)
{
    for (size_t i = 0; i < arrays->n; i++) {
        mr_buf_str(&arrays->bufs[i], arrays->bufs[i].len == 0 ? "{}" : "}");
        if (!mr_buf_ok(&arrays->bufs[i]))
            return mr_err_set(err, MR_NO_MEMORY, "positions");
        mr_pg_param_text(params, mr_buf_cstr(&arrays->bufs[i]));
    }
    return 0;
}

void mr_pg_arrays_release(struct mr_pg_arrays *arrays)
{
    for (size_t i = 0; i < arrays->n; i++)
        mr_buf_release(&arrays->bufs[i]);
}

/* Of several arrays: the parser itself takes pg_catalog's. Source: PostgreSQL,
 * transformRangeFunction() in parse_clause.c. */
#define SPAN_UNNEST                                                                                \
    "unnest($2::pg_catalog.text[], $3::pg_catalog.int4[], $4::pg_catalog.int4[], "                 \
    "$5::pg_catalog.int8[], $6::pg_catalog.int8[], $7::pg_catalog.int8[], $8::pg_catalog.int8[], " \
    "$9::pg_catalog.int8[], $10::pg_catalog.bool[])"
#define SAME_PLACE                                                                                 \
    "p.topic OPERATOR(pg_catalog.=) s.topic AND "                                                  \
    "p.partition OPERATOR(pg_catalog.=) s.partition AND p.slot OPERATOR(pg_catalog.=) s.slot"

const char mr_pg_span_rows[] = SPAN_UNNEST " AS s(topic, partition, slot, epoch, expected, next, "
                                           "leader_epoch, ts, envelope)";

static void spans_arrays(struct mr_pg_arrays *arrays, const struct mr_span *spans, size_t n)
{
    arrays->n = 9;
    for (size_t i = 0; i < n; i++) {
        bool first = i == 0;
        mr_pg_array_text(&arrays->bufs[0], first, spans[i].stream);
        mr_pg_array_i64(&arrays->bufs[1], first, spans[i].partition);
        mr_pg_array_i64(&arrays->bufs[2], first, spans[i].slot);
        mr_pg_array_i64(&arrays->bufs[3], first, spans[i].epoch);
        mr_pg_array_i64(&arrays->bufs[4], first, spans[i].expected);
        mr_pg_array_i64(&arrays->bufs[5], first, spans[i].next);
        mr_pg_array_i64(&arrays->bufs[6], first, spans[i].leader_epoch);
        mr_pg_array_i64(&arrays->bufs[7], first, spans[i].timestamp_ms);
        mr_pg_array_i64(&arrays->bufs[8], first, spans[i].envelope);
    }
}

int mr_pg_spans_exec(const struct mr_pg_spans_call *call, struct mr_buf *sql,
                     struct pg_result **res, struct mr_err *err)
{
    struct mr_pg_arrays arrays = {.n = 0};
    struct mr_pg_params params = {.n = 0};
    spans_arrays(&arrays, call->spans, call->n_spans);
    mr_pg_param_text(&params, call->sink->opts->pipeline);
    int rc = mr_pg_arrays_params(&arrays, &params, err);
    if (call->owner != NULL)
        mr_pg_param_text(&params, call->owner);
    if (rc == 0)
        rc = mr_pg_exec_params(call->conn, mr_buf_cstr(sql), &params, res, err);
    mr_pg_arrays_release(&arrays);
    return rc;
}

/* ---- moving ---- */

/* Which span the target refuses, and why. */
static int fenced_describe(const PGresult *res, const struct mr_span *spans, size_t n,
                           struct mr_err *err)
{
    if (res == NULL || PQntuples(res) == 0)
        return mr_err_set(err, MR_FENCED, "a position moved meanwhile");
    int64_t at = mr_pg_i64(res, 0, 0) - 1;
    const struct mr_span *span = &spans[at >= 0 && (size_t)at < n ? at : 0];
    int rc = 0;
    if (PQgetisnull(res, 0, 1))
        rc = mr_err_set(err, MR_FENCED, "the position is gone");
    else
        rc = mr_err_set(err, MR_FENCED,
                        "expected next offset %" PRId64 " under epoch %" PRId64
                        ", the target holds %s under epoch %s, owner %s",
                        span->expected, span->epoch, PQgetvalue(res, 0, 1), PQgetvalue(res, 0, 2),
                        PQgetvalue(res, 0, 3));
    (void)mr_err_at(err, span->stream, span->partition, span->expected);
    return rc;
}

/* A copy in locking order. */
struct mr_span *mr_pg_spans_sorted(const struct mr_span *spans, size_t n)
{
    struct mr_span *sorted = malloc(n * sizeof *sorted);
    if (sorted == NULL)
        return NULL;
    memcpy(sorted, spans, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, mr_span_compare);
    return sorted;
}

int mr_pg_fenced(const struct mr_pg_spans_call *call, struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    struct mr_err ignored = MR_ERR_INIT;
    PGresult *res = NULL;
    mr_buf_fmt(&sql,
               "SELECT s.i, p.next_offset, p.epoch, p.owner FROM " SPAN_UNNEST
               " WITH ORDINALITY AS s(topic, partition, slot, epoch, expected, "
               "next, leader_epoch, ts, envelope, i) LEFT JOIN %s.positions p ON p.pipeline "
               "OPERATOR(pg_catalog.=) $1 AND " SAME_PLACE " WHERE p.epoch IS NULL OR "
               "p.epoch OPERATOR(pg_catalog.<>) s.epoch OR p.next_offset OPERATOR(pg_catalog.<>) "
               "s.expected AND "
               "p.next_offset OPERATOR(pg_catalog.<>) s.next ORDER BY s.i LIMIT 1",
               call->sink->control);
    struct mr_pg_spans_call ask = *call;
    ask.owner = NULL;
    (void)mr_pg_spans_exec(&ask, &sql, &res, &ignored);
    int rc = fenced_describe(res, call->spans, call->n_spans, err);
    PQclear(res);
    mr_buf_release(&sql);
    return rc;
}

/* Compare and set. Rows are locked in order: the inner SELECT gives them so, and the pinned planner
 * settings keep the join a nested loop over it. */
int mr_pg_put_positions(struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                        const struct mr_span *spans, size_t n, struct mr_err *err)
{
    struct mr_span *sorted = mr_pg_spans_sorted(spans, n);
    if (sorted == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu positions", n);
    struct mr_buf sql = MR_BUF_INIT;
    mr_buf_fmt(
        &sql,
        "UPDATE %s.positions p SET next_offset = s.next, leader_epoch = CASE WHEN "
        "s.leader_epoch OPERATOR(pg_catalog.>=) 0 THEN s.leader_epoch ELSE p.leader_epoch END, "
        "record_timestamp = CASE WHEN s.ts OPERATOR(pg_catalog.>=) 0 THEN "
        "pg_catalog.to_timestamp(s.ts::pg_catalog.numeric OPERATOR(pg_catalog./) 1000.0) ELSE "
        "p.record_timestamp END, "
        "envelope = p.envelope OR s.envelope, "
        "updated_at = pg_catalog.clock_timestamp() FROM (SELECT * FROM %s "
        "ORDER BY topic, partition, slot) s WHERE p.pipeline OPERATOR(pg_catalog.=) $1 "
        "AND " SAME_PLACE " AND "
        "p.epoch OPERATOR(pg_catalog.=) s.epoch AND p.next_offset OPERATOR(pg_catalog.=) "
        "s.expected",
        sink->control, mr_pg_span_rows);
    PGresult *res = NULL;
    struct mr_pg_spans_call call = {sink, conn, sorted, n, NULL};
    int rc = mr_pg_spans_exec(&call, &sql, &res, err);
    if (rc == 0 && mr_pg_n_done(res) != n)
        rc = mr_pg_fenced(&call, err);
    PQclear(res);
    mr_buf_release(&sql);
    free(sorted);
    return rc;
}
