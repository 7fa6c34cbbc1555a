/* Which dead letters later records may still meet, and which they have overtaken (design.md section
 * 6). Must not know why a letter matters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "sinks/pg.h"

#include "base/ban.h"

static void give(const PGresult *res, int row, const struct mr_poison_taker *taker)
{
    size_t len = 0;
    unsigned char *key = PQunescapeBytea((const unsigned char *)PQgetvalue(res, row, 5), &len);
    const struct mr_poison poison = {.stream = PQgetvalue(res, row, 0),
                                     .partition = (int32_t)mr_pg_i64(res, row, 1),
                                     .offset = mr_pg_i64(res, row, 2),
                                     .overtaken_by = mr_pg_i64(res, row, 3),
                                     .age_ms = mr_pg_i64(res, row, 4),
                                     .key = {key, len}};

    if (key != NULL)
        taker->take(taker->arg, &poison);
    PQfreemem(key);
}

/* By the index on (pipeline, created_at), from its end. */
int mr_pg_poisons_read(struct mr_sink *base, const struct mr_poison_taker *taker,
                       struct mr_err *err)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    struct mr_pg_conn *conn = NULL;
    struct mr_buf sql = MR_BUF_INIT;
    struct mr_pg_params params = {.n = 0};
    PGresult *res = NULL;
    int rc = mr_pg_pool_take(&sink->pool, &conn, err);

    if (rc < 0)
        return rc;
    mr_buf_fmt(&sql,
               "SELECT d.topic, d.partition, d.\"offset\", COALESCE(d.overtaken_by, -1), "
               "(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - d.created_at) * 1000)::int8, "
               "d.key FROM (SELECT * FROM %s.dead_letters WHERE "
               "pipeline = $1 AND created_at > pg_catalog.now() - interval '%d milliseconds' AND "
               "pg_catalog.octet_length(key) <= %d AND state <> 'replayed' AND code <> "
               "'unavailable.orphan' "
               "ORDER BY created_at DESC LIMIT %d) d ORDER BY d.topic, d.partition, d.\"offset\"",
               sink->control, (int)MR_POISONED_MS, (int)MR_POISONED_KEY_BYTES,
               (int)MR_POISONED_READ);
    mr_pg_param_text(&params, sink->opts->pipeline);
    rc = mr_buf_ok(&sql) ? mr_pg_exec_params(conn, mr_buf_cstr(&sql), &params, &res, err)
                         : mr_err_set(err, MR_NO_MEMORY, "a statement");
    for (int i = 0; rc == 0 && i < PQntuples(res); i++)
        give(res, i, taker);
    PQclear(res);
    mr_buf_release(&sql);
    mr_pg_pool_give(&sink->pool, conn);
    return rc;
}

static int overtaken_send(struct mr_pg_session *session, const struct mr_overtaken *one,
                          struct mr_err *err)
{
    struct mr_pg_params params = {.n = 0};
    const int64_t numbers[] = {one->partition, one->from, one->to, one->by};
    char texts[4][24];

    mr_buf_reset(&session->sql);
    mr_buf_fmt(&session->sql,
               "UPDATE %s.dead_letters SET overtaken_by = $6::pg_catalog.int8 WHERE pipeline "
               "OPERATOR(pg_catalog.=) $1 AND "
               "topic OPERATOR(pg_catalog.=) $2 AND partition OPERATOR(pg_catalog.=) "
               "$3::pg_catalog.int4 AND \"offset\" OPERATOR(pg_catalog.>=) $4::pg_catalog.int8 AND "
               "\"offset\" OPERATOR(pg_catalog.<=) $5::pg_catalog.int8 "
               "AND key OPERATOR(pg_catalog.=) $7::pg_catalog.bytea AND overtaken_by IS NULL",
               mr_pg_control(session->sink));
    mr_pg_param_text(&params, session->sink->opts->pipeline);
    mr_pg_param_text(&params, one->stream);
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%lld", (long long)numbers[i]);
        mr_pg_param_text(&params, texts[i]);
    }
    mr_pg_param_bytes(&params, one->key.data, (int)one->key.len);
    if (!mr_buf_ok(&session->sql))
        return mr_err_set(err, MR_NO_MEMORY, "a statement");
    return mr_pg_exec_params(session->conn, mr_buf_cstr(&session->sql), &params, NULL, err);
}

int mr_pg_overtaken_put(struct mr_session *base, const struct mr_overtaken *overtaken, size_t n,
                        struct mr_err *err)
{
    struct mr_pg_session *session = (struct mr_pg_session *)base;
    int rc = mr_pg_outside_txn(session, err);

    if (rc == 0 && n > 0)
        rc = mr_pg_session_settle(session, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = overtaken_send(session, &overtaken[i], err);
    return mr_pg_session_failed(session, err, rc);
}
