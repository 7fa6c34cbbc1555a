/* Positions that are put elsewhere by hand. One statement, so that it is all or none: rows are
 * locked in (topic, partition, slot) order, and their number is that of the positions only while
 * each still has the epoch of the claim before. */
#include <inttypes.h>
#include <stdio.h>

#include <libpq-fe.h>

#include "sinks/pg_positions.h"

#include "base/ban.h"

static void place_arrays(struct mr_pg_arrays *arrays, const struct mr_position *positions, size_t n)
{
    struct mr_buf *topics = mr_pg_array_next(arrays);
    struct mr_buf *ids = mr_pg_array_next(arrays);
    struct mr_buf *clusters = mr_pg_array_next(arrays);
    struct mr_buf *partitions = mr_pg_array_next(arrays);
    struct mr_buf *slots = mr_pg_array_next(arrays);
    struct mr_buf *epochs = mr_pg_array_next(arrays);
    struct mr_buf *nexts = mr_pg_array_next(arrays);
    struct mr_buf *n_parts = mr_pg_array_next(arrays);
    struct mr_buf *envelopes = mr_pg_array_next(arrays);
    for (size_t i = 0; i < n; i++) {
        const struct mr_position *position = &positions[i];
        bool first = i == 0;
        mr_pg_array_text(topics, first, position->stream);
        mr_pg_array_text(ids, first, position->stream_id);
        mr_pg_array_text(clusters, first, position->cluster_id);
        mr_pg_array_i64(partitions, first, position->partition);
        mr_pg_array_i64(slots, first, position->slot);
        mr_pg_array_i64(epochs, first, position->epoch);
        mr_pg_array_i64(nexts, first, position->next_offset);
        mr_pg_array_i64(n_parts, first, position->topic_partitions);
        mr_pg_array_i64(envelopes, first, position->envelope);
    }
}

static void place_sql(const struct mr_pg_sink *sink, struct mr_buf *sql)
{
    mr_buf_fmt(sql,
               "WITH w AS MATERIALIZED (SELECT * FROM unnest($2::text[], $3::text[], $4::text[], "
               "$5::int4[], $6::int4[], $7::int8[], $8::int8[], $9::int4[], $10::bool[]) AS "
               "w(topic, topic_id, cluster_id, partition, slot, epoch, next, n_parts, envelope)), "
               "l AS MATERIALIZED (SELECT p.topic FROM %s.positions p JOIN w USING (topic, "
               "partition, slot) WHERE p.pipeline = $1 AND p.epoch = w.epoch "
               "ORDER BY p.topic, p.partition, p.slot FOR UPDATE OF p) "
               "UPDATE %s.positions p SET next_offset = w.next, leader_epoch = -1, "
               "record_timestamp = NULL, topic_id = w.topic_id, cluster_id = w.cluster_id, "
               "topic_partitions = w.n_parts, envelope = w.envelope, "
               "updated_at = pg_catalog.clock_timestamp() FROM w WHERE p.pipeline = $1 AND "
               "p.topic = w.topic AND p.partition = w.partition AND p.slot = w.slot AND "
               "p.epoch = w.epoch AND (SELECT count(*) FROM l) = $11::int8",
               sink->control, sink->control);
}

int mr_pg_place(struct mr_sink *base, const struct mr_position *positions, size_t n,
                struct mr_err *err)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    struct mr_pg_conn *conn = NULL;
    struct mr_buf sql = MR_BUF_INIT;
    struct mr_pg_arrays arrays = {.n = 0};
    struct mr_pg_params params = {.n = 0};
    char count[24];
    PGresult *res = NULL;
    int rc = mr_pg_pool_take(&sink->pool, &conn, err);
    if (rc < 0)
        return rc;
    place_sql(sink, &sql);
    place_arrays(&arrays, positions, n);
    mr_pg_param_text(&params, sink->opts->pipeline);
    rc = mr_pg_arrays_params(&arrays, &params, err);
    (void)snprintf(count, sizeof count, "%zu", n);
    mr_pg_param_text(&params, count);
    if (rc == 0)
        rc = mr_pg_exec_params(conn, mr_buf_cstr(&sql), &params, &res, err);
    if (rc == 0 && mr_pg_n_done(res) != n)
        rc = mr_err_set(err, MR_FENCED, "a position was claimed again meanwhile");
    PQclear(res);
    mr_pg_arrays_release(&arrays);
    mr_buf_release(&sql);
    mr_pg_pool_give(&sink->pool, conn);
    return rc;
}
