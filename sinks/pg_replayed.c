/* Notes of replayed letters in the control schema of PostgreSQL. */
#include <stdio.h>

#include <libpq-fe.h>

#include "sinks/pg.h"
#include "sinks/pg_merge.h"
#include "sinks/replayed.h"

#include "base/ban.h"

struct lists {
    struct mr_buf ids;
    struct mr_buf versions;
    struct mr_buf sql;
};

static void lists_make(struct lists *lists, const struct mr_replayed *letters, size_t n)
{
    *lists = (struct lists){.ids = MR_BUF_INIT, .versions = MR_BUF_INIT, .sql = MR_BUF_INIT};
    for (size_t i = 0; i < n; i++) {
        mr_pg_array_clean(&lists->ids, i == 0, letters[i].id);
        mr_pg_array_i64(&lists->versions, i == 0, letters[i].version);
    }
    mr_buf_byte(&lists->ids, '}');
    mr_buf_byte(&lists->versions, '}');
}

static void lists_release(struct lists *lists)
{
    mr_buf_release(&lists->ids);
    mr_buf_release(&lists->versions);
    mr_buf_release(&lists->sql);
}

static int params_make(struct lists *lists, const char *pipeline, struct mr_pg_params *params,
                       struct mr_err *err)
{
    if (!mr_buf_ok(&lists->ids) || !mr_buf_ok(&lists->versions) || !mr_buf_ok(&lists->sql))
        return mr_err_set(err, MR_NO_MEMORY, "notes of letters");
    mr_pg_param_text(params, pipeline);
    mr_pg_param_text(params, mr_buf_cstr(&lists->ids));
    mr_pg_param_text(params, mr_buf_cstr(&lists->versions));
    return 0;
}

/* Whoever meets another transaction's note waits for its end, in the order of ids, so that two
 * never wait for each other in a circle. Source: PostgreSQL manual, INSERT, "ON CONFLICT Clause".
 */
static int pg_note(struct mr_session *base, const struct mr_replayed *letters, size_t n,
                   const char *by, struct mr_err *err)
{
    struct mr_pg_session *session = (struct mr_pg_session *)base;
    struct mr_pg_params params = {.n = 0};
    struct lists lists;
    PGresult *res = NULL;

    lists_make(&lists, letters, n);
    mr_buf_fmt(&lists.sql,
               "INSERT INTO %s.replayed_letters (pipeline, letter, version, changed_by) "
               "SELECT $1, l.letter, l.version, $4 FROM unnest($2::pg_catalog.text[], "
               "$3::pg_catalog.int8[]) "
               "AS l(letter, version) ORDER BY 2, 3 ON CONFLICT DO NOTHING",
               mr_pg_control(session->sink));
    int rc = params_make(&lists, session->sink->opts->pipeline, &params, err);
    mr_pg_param_text(&params, by);
    if (rc == 0)
        rc = mr_pg_outside_txn(session, err);
    if (rc == 0)
        rc = mr_pg_session_settle(session, err);
    if (rc == 0)
        rc = mr_pg_exec_params(session->conn, mr_buf_cstr(&lists.sql), &params, &res, err);
    rc = mr_pg_session_failed(session, err, rc);
    if (rc == 0 && mr_pg_n_done(res) != n)
        rc = mr_err_set(err, MR_AGAIN, "a dead letter was replayed by somebody else");
    PQclear(res);
    lists_release(&lists);
    return rc;
}

static int pg_forget(struct mr_sink *base, const struct mr_replayed *letters, size_t n,
                     struct mr_err *err)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    struct mr_pg_params params = {.n = 0};
    struct mr_pg_conn *conn = NULL;
    struct lists lists;

    lists_make(&lists, letters, n);
    mr_buf_fmt(&lists.sql,
               "DELETE FROM %s.replayed_letters r USING unnest($2::pg_catalog.text[], "
               "$3::pg_catalog.int8[]) "
               "AS l(letter, version) "
               "WHERE r.pipeline = $1 AND r.letter = l.letter AND r.version = l.version",
               mr_pg_control(sink));
    int rc = params_make(&lists, sink->opts->pipeline, &params, err);
    if (rc == 0)
        rc = mr_pg_pool_take(&sink->pool, &conn, err);
    if (rc == 0) {
        rc = mr_pg_exec_params(conn, mr_buf_cstr(&lists.sql), &params, NULL, err);
        mr_pg_pool_give(&sink->pool, conn);
    }
    lists_release(&lists);
    return rc;
}

static int pg_read(struct mr_sink *base, const struct mr_replayed_taker *taker, struct mr_err *err)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    struct mr_pg_params params = {.n = 0};
    struct mr_pg_conn *conn = NULL;
    struct mr_buf sql = MR_BUF_INIT;
    PGresult *res = NULL;

    mr_buf_fmt(&sql,
               "SELECT letter, version, pg_catalog.floor(EXTRACT(epoch FROM changed_at) * "
               "1000)::int8, changed_by FROM %s.replayed_letters WHERE pipeline = $1 "
               "ORDER BY changed_at DESC LIMIT %d",
               mr_pg_control(sink), (int)MR_REPLAYED_READ);
    mr_pg_param_text(&params, sink->opts->pipeline);
    int rc = mr_buf_ok(&sql) ? mr_pg_pool_take(&sink->pool, &conn, err)
                             : mr_err_set(err, MR_NO_MEMORY, "a query");
    if (rc == 0) {
        rc = mr_pg_exec_params(conn, mr_buf_cstr(&sql), &params, &res, err);
        mr_pg_pool_give(&sink->pool, conn);
    }
    for (int i = 0; rc == 0 && i < PQntuples(res); i++) {
        const struct mr_replayed one = {.id = PQgetvalue(res, i, 0),
                                        .version = mr_pg_i64(res, i, 1),
                                        .at_ms = mr_pg_i64(res, i, 2),
                                        .by = PQgetvalue(res, i, 3)};
        taker->take(taker->arg, &one);
    }
    PQclear(res);
    mr_buf_release(&sql);
    return rc;
}

const struct mr_replayed_ops mr_replayed_postgresql = {
    .note = pg_note, .forget = pg_forget, .read = pg_read};
