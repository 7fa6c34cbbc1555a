/* Dead letters in the control schema of PostgreSQL: found, closed, and locked and settled in a
 * replay's transaction. Putting them there is the flush's (pg_put.c). */
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "sinks/letters.h"
#include "sinks/pg.h"

#include "base/ban.h"

struct pg_letters {
    struct mr_letters base;
    struct mr_pg_sink *sink;
    PGresult *found; /* NULL: nothing */
    int at;
    bool with_bytes;
    struct mr_buf texts; /* of the letter that was given last, zero-ended one after the other */
    struct mr_buf arrays[7];
};

static struct pg_letters *letters_of(struct mr_letters *base)
{
    return (struct pg_letters *)base;
}

static void pg_close(struct mr_letters *base)
{
    struct pg_letters *letters = letters_of(base);

    PQclear(letters->found);
    mr_buf_release(&letters->texts);
    for (size_t i = 0; i < sizeof letters->arrays / sizeof *letters->arrays; i++)
        mr_buf_release(&letters->arrays[i]);
    free(letters);
}

int mr_pg_letters_open(struct mr_sink *sink, struct mr_letters **out, struct mr_err *err)
{
    struct pg_letters *letters = calloc(1, sizeof *letters);

    if (letters == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "dead letters");
    letters->base.ops = &mr_letters_postgresql;
    letters->sink = (struct mr_pg_sink *)sink;
    *out = &letters->base;
    return 0;
}

/* ---- finding ---- */

/* The columns of a result, in their order. */
enum {
    COL_ID,
    COL_PARTITION,
    COL_OFFSET,
    COL_TIMESTAMP,
    COL_BYTES,
    COL_ATTEMPTS,
    COL_CREATED,
    COL_UPDATED,
    COL_TOPIC,
    COL_CODE,
    COL_SQLSTATE,
    COL_DETAIL,
    COL_TABLE,
    COL_STATE,
    COL_BY,
    COL_KEY,
    COL_VALUE,
    COL_HEADERS
};
#define MS_OF(column) "pg_catalog.floor(EXTRACT(epoch FROM " column ") * 1000)::int8"
static const char select_columns[] = "SELECT id, partition::int8, \"offset\", coalesce(" MS_OF(
    "record_timestamp") ", -1), "
                        "(coalesce(pg_catalog.octet_length(key), 0) + "
                        "coalesce(pg_catalog.octet_length(value), 0) + "
                        "coalesce(pg_catalog.octet_length(headers::text), 0))::int8, "
                        "attempts::int8, " MS_OF("created_at") ", " MS_OF(
                            "updated_at") ", topic, code, coalesce(sqlstate, ''), "
                                          "coalesce(detail, ''), coalesce(target_table, ''), "
                                          "state, coalesce(changed_by, '')";
static const char select_bytes[] = ", key, value, coalesce(headers::text, '[]')";

static int id_array_add(struct mr_buf *array, bool first, const char *text, struct mr_err *err)
{
    int64_t id = 0;
    int rc = mr_letter_id_get(text, &id, err);

    mr_pg_array_i64(array, first, id);
    return rc;
}

/* "{1,2}" in letters->arrays[0]. */
static int id_array(struct pg_letters *letters, const char *const *ids, size_t n,
                    struct mr_err *err)
{
    struct mr_buf *array = &letters->arrays[0];
    int rc = 0;

    mr_buf_reset(array);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = id_array_add(array, i == 0, ids[i], err);
    mr_buf_str(array, n == 0 ? "{}" : "}");
    if (rc == 0 && !mr_buf_ok(array))
        rc = mr_err_set(err, MR_NO_MEMORY, "ids of dead letters");
    return rc;
}

struct where {
    struct mr_buf sql;
    struct mr_pg_params params;
    char numbers[3][24];
    char states[64];
};

static void where_add(struct where *where, const char *condition, const char *value)
{
    mr_pg_param_text(&where->params, value);
    mr_buf_fmt(&where->sql, " AND %s$%d%s", condition, where->params.n,
               strchr(condition, '(') != NULL ? ")" : "");
}

static void states_array(uint32_t states, char *out, size_t cap)
{
    size_t at = 0;

    for (int i = 0; i < MR_N_LETTER_STATES; i++)
        if ((states & 1u << i) != 0)
            at += (size_t)snprintf(out + at, cap - at, "%c%s", at == 0 ? '{' : ',',
                                   mr_letter_state_name((enum mr_letter_state)i));
    (void)snprintf(out + at, cap - at, at == 0 ? "{}" : "}");
}

static void time_add(struct where *where, char *number, const char *op, int64_t ms)
{
    (void)snprintf(number, sizeof where->numbers[0], "%lld", (long long)ms);
    mr_pg_param_text(&where->params, number);
    mr_buf_fmt(&where->sql, " AND created_at %s pg_catalog.to_timestamp($%d::int8 / 1000.0)", op,
               where->params.n);
}

static void where_make(struct pg_letters *letters, const struct mr_letter_filter *filter,
                       struct where *where)
{
    mr_pg_param_text(&where->params, letters->sink->opts->pipeline);
    mr_buf_fmt(&where->sql, " FROM %s.dead_letters WHERE pipeline = $1", letters->sink->control);
    if (filter->ids != NULL)
        where_add(where, "id = ANY (", mr_buf_cstr(&letters->arrays[0]));
    if (filter->topic != NULL)
        where_add(where, "topic = ", filter->topic);
    if (filter->code != NULL)
        where_add(where, "code = ", filter->code);
    if (filter->states != 0) {
        states_array(filter->states, where->states, sizeof where->states);
        where_add(where, "state = ANY (", where->states);
    }
    if (filter->since_ms >= 0)
        time_add(where, where->numbers[0], ">=", filter->since_ms);
    if (filter->until_ms >= 0)
        time_add(where, where->numbers[1], "<", filter->until_ms);
    mr_buf_str(&where->sql, filter->in_log_order
                                ? " ORDER BY topic COLLATE \"C\", partition, \"offset\", id"
                                : " ORDER BY id DESC");
    if (filter->limit > 0)
        mr_buf_fmt(&where->sql, " LIMIT %zu", filter->limit);
}

/* On a connection of the pool's, given back at once. */
static int pool_run(struct pg_letters *letters, const char *sql, const struct mr_pg_params *params,
                    PGresult **out, struct mr_err *err)
{
    struct mr_pg_conn *conn = NULL;
    int rc = mr_pg_pool_take(&letters->sink->pool, &conn, err);

    if (rc < 0)
        return rc;
    rc = mr_pg_exec_params_binary(conn, sql, params, out, err);
    mr_pg_pool_give(&letters->sink->pool, conn);
    return rc;
}

static int pg_find(struct mr_letters *base, const struct mr_letter_filter *filter,
                   struct mr_err *err)
{
    struct pg_letters *letters = letters_of(base);
    struct where where = {.sql = MR_BUF_INIT};

    PQclear(letters->found);
    letters->found = NULL;
    letters->at = 0;
    letters->with_bytes = filter->with_bytes;
    int rc = filter->ids != NULL ? id_array(letters, filter->ids, filter->n_ids, err) : 0;
    if (rc < 0)
        return rc;
    mr_buf_str(&where.sql, select_columns);
    mr_buf_str(&where.sql, filter->with_bytes ? select_bytes : "");
    where_make(letters, filter, &where);
    rc = mr_buf_ok(&where.sql)
             ? pool_run(letters, mr_buf_cstr(&where.sql), &where.params, &letters->found, err)
             : mr_err_set(err, MR_NO_MEMORY, "a query");
    mr_buf_release(&where.sql);
    return rc;
}

/* Results are binary: an int8 in network order. */
static int64_t i64_at(const struct pg_letters *letters, int col)
{
    if (PQgetlength(letters->found, letters->at, col) != 8)
        return -1;
    return (int64_t)mr_get_u64((const uint8_t *)PQgetvalue(letters->found, letters->at, col));
}

/* libpq ends binary values with a NUL, too. Source: PostgreSQL manual, PQgetvalue. */
static const char *text_at(const struct pg_letters *letters, int col)
{
    return PQgetvalue(letters->found, letters->at, col);
}

static struct mr_slice bytes_at(const struct pg_letters *letters, int col)
{
    if (PQgetisnull(letters->found, letters->at, col))
        return (struct mr_slice){NULL, 0};
    return (struct mr_slice){(const uint8_t *)PQgetvalue(letters->found, letters->at, col),
                             (size_t)PQgetlength(letters->found, letters->at, col)};
}

static int pg_next(struct mr_letters *base, struct mr_kept_letter *out, struct mr_err *err)
{
    struct pg_letters *letters = letters_of(base);

    if (letters->found == NULL || letters->at >= PQntuples(letters->found))
        return 0;
    mr_buf_reset(&letters->texts);
    mr_buf_fmt(&letters->texts, "%lld", (long long)i64_at(letters, COL_ID));
    if (!mr_buf_ok(&letters->texts))
        return mr_err_set(err, MR_NO_MEMORY, "a dead letter");
    int state = mr_letter_state_of(text_at(letters, COL_STATE));
    *out = (struct mr_kept_letter){
        .id = mr_buf_cstr(&letters->texts),
        .letter = {.stream = text_at(letters, COL_TOPIC),
                   .partition = (int32_t)i64_at(letters, COL_PARTITION),
                   .offset = i64_at(letters, COL_OFFSET),
                   .headers_json = "[]",
                   .timestamp_ms = i64_at(letters, COL_TIMESTAMP),
                   .code = text_at(letters, COL_CODE),
                   .sqlstate = text_at(letters, COL_SQLSTATE),
                   .detail = text_at(letters, COL_DETAIL),
                   .target_table = text_at(letters, COL_TABLE)},
        .n_bytes = (uint64_t)i64_at(letters, COL_BYTES),
        .attempts = (uint32_t)i64_at(letters, COL_ATTEMPTS),
        /* a state that somebody else wrote: nothing of ours to replay */
        .state = state < 0 ? MR_LETTER_DISCARDED : (enum mr_letter_state)state,
        .created_ms = i64_at(letters, COL_CREATED),
        .updated_ms = i64_at(letters, COL_UPDATED),
        .changed_by = text_at(letters, COL_BY),
    };
    if (letters->with_bytes) {
        out->letter.key = bytes_at(letters, COL_KEY);
        out->letter.value = bytes_at(letters, COL_VALUE);
        out->letter.headers_json = text_at(letters, COL_HEADERS);
    }
    letters->at++;
    return 1;
}

/* Of the key of l; a long key is in the index by its first bytes. */
#define SAME_KEY(of)                                                                               \
    of ".pipeline = $1 AND " of ".topic = l.topic AND " of ".partition = l.partition AND "         \
       "pg_catalog.substr(" of ".key, 1, 200) = pg_catalog.substr(l.key, 1, 200) AND " of          \
       ".key = l.key AND "

static int before_ask(struct pg_letters *letters, const struct mr_letter_before *of, size_t n,
                      struct mr_err *err)
{
    struct mr_buf *ids = &letters->arrays[0];
    const char *control = letters->sink->control;
    struct mr_pg_params params = {.n = 0};
    struct mr_buf sql = MR_BUF_INIT;
    int rc = 0;

    mr_buf_reset(ids);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = id_array_add(ids, i == 0, of[i].id, err);
    if (rc < 0)
        return rc;
    mr_buf_str(ids, n == 0 ? "{}" : "}");
    mr_buf_fmt(
        &sql,
        "SELECT m.nr, e.id, e.\"offset\" FROM unnest($2::pg_catalog.int8[]) WITH ORDINALITY AS "
        "m(id, nr) JOIN %s.dead_letters l ON l.id = m.id CROSS JOIN LATERAL (SELECT b.id, "
        "b.\"offset\" FROM %s.dead_letters b WHERE " SAME_KEY(
            "b") "b.\"offset\" < "
                 "l.\"offset\" AND b.state = 'new' AND b.id <> ALL ($2) ORDER BY b.\"offset\" DESC "
                 "LIMIT 1) e WHERE l.pipeline = $1 AND NOT EXISTS (SELECT FROM %s.dead_letters o "
                 "WHERE " SAME_KEY("o") "o.overtaken_by > e.\"offset\" AND o.overtaken_by < "
                                        "l.\"offset\")",
        control, control, control);
    mr_pg_param_text(&params, letters->sink->opts->pipeline);
    mr_pg_param_text(&params, mr_buf_cstr(ids));
    rc = mr_buf_ok(&sql) && mr_buf_ok(ids)
             ? pool_run(letters, mr_buf_cstr(&sql), &params, &letters->found, err)
             : mr_err_set(err, MR_NO_MEMORY, "a query");
    mr_buf_release(&sql);
    return rc;
}

static int pg_before(struct mr_letters *base, struct mr_letter_before *of, size_t n,
                     struct mr_arena *arena, struct mr_err *err)
{
    struct pg_letters *letters = letters_of(base);

    PQclear(letters->found);
    letters->found = NULL;
    for (size_t i = 0; i < n; i++)
        of[i].before_id = NULL;
    int rc = before_ask(letters, of, n, err);
    for (letters->at = 0; rc == 0 && letters->at < PQntuples(letters->found); letters->at++) {
        char id[24];
        int64_t nr = i64_at(letters, 0);
        if (nr < 1 || (uint64_t)nr > n)
            continue;
        (void)snprintf(id, sizeof id, "%lld", (long long)i64_at(letters, 1));
        of[nr - 1].before_offset = i64_at(letters, 2);
        of[nr - 1].before_id = mr_arena_copy(arena, id, strlen(id) + 1);
        if (of[nr - 1].before_id == NULL)
            rc = mr_err_set(err, MR_NO_MEMORY, "a dead letter");
    }
    PQclear(letters->found);
    letters->found = NULL;
    return rc;
}

/* ---- closing ---- */

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of letters.h */
static int pg_discard(struct mr_letters *base, const char *const *ids, size_t n, const char *by,
                      uint64_t *n_done, struct mr_err *err)
{
    struct pg_letters *letters = letters_of(base);
    struct mr_pg_params params = {.n = 0};
    struct mr_buf sql = MR_BUF_INIT;
    PGresult *res = NULL;
    int rc = id_array(letters, ids, n, err);

    *n_done = 0;
    if (rc < 0)
        return rc;
    mr_buf_fmt(&sql,
               "UPDATE %s.dead_letters SET state = 'discarded', updated_at = pg_catalog.now(), "
               "changed_by = $3 WHERE pipeline = $1 AND id = ANY ($2) AND state = 'new'",
               letters->sink->control);
    mr_pg_param_text(&params, letters->sink->opts->pipeline);
    mr_pg_param_text(&params, mr_buf_cstr(&letters->arrays[0]));
    mr_pg_param_text(&params, by);
    rc = mr_buf_ok(&sql) ? pool_run(letters, mr_buf_cstr(&sql), &params, &res, err)
                         : mr_err_set(err, MR_NO_MEMORY, "a statement");
    if (rc == 0)
        *n_done = mr_pg_n_done(res);
    PQclear(res);
    mr_buf_release(&sql);
    return rc;
}

/* Letters have the server's time, so their age is taken by its clock: one of ours that is wrong
 * removes none too early. Who has a letter locked (a replay, another purge) is not waited for. An
 * array, not IN: the limit is that of one run of the subquery, and a join may run it more often.
 * NOLINTNEXTLINE(readability-function-size): six parameters, the interface of letters.h */
static int pg_purge(struct mr_letters *base, uint32_t states, int64_t before_ms, size_t max,
                    uint64_t *n_done, struct mr_err *err)
{
    struct pg_letters *letters = letters_of(base);
    struct mr_pg_params params = {.n = 0};
    struct mr_buf sql = MR_BUF_INIT;
    PGresult *res = NULL;
    char array[64];
    char age[24];

    *n_done = 0;
    states_array(states, array, sizeof array);
    (void)snprintf(age, sizeof age, "%lld",
                   (long long)(mr_wall_ms(&letters->sink->opts->env) - before_ms));
    mr_buf_fmt(&sql,
               "DELETE FROM %s.dead_letters WHERE id = ANY (ARRAY(SELECT id FROM %s.dead_letters "
               "WHERE pipeline = $1 AND state = ANY ($2) AND updated_at < "
               "pg_catalog.now() - $3::float8 * interval '1 millisecond' LIMIT %zu "
               "FOR UPDATE SKIP LOCKED))",
               letters->sink->control, letters->sink->control, max);
    mr_pg_param_text(&params, letters->sink->opts->pipeline);
    mr_pg_param_text(&params, array);
    mr_pg_param_text(&params, age);
    int rc = mr_buf_ok(&sql) ? pool_run(letters, mr_buf_cstr(&sql), &params, &res, err)
                             : mr_err_set(err, MR_NO_MEMORY, "a statement");
    if (rc == 0)
        *n_done = mr_pg_n_done(res);
    PQclear(res);
    mr_buf_release(&sql);
    return rc;
}

/* ---- a replay's transaction ---- */

static int session_run(struct mr_pg_session *session, const char *sql,
                       const struct mr_pg_params *params, PGresult **out, struct mr_err *err)
{
    int rc = mr_pg_outside_txn(session, err);

    if (rc == 0)
        rc = mr_pg_session_settle(session, err);
    if (rc == 0)
        rc = mr_pg_exec_params(session->conn, sql, params, out, err);
    return mr_pg_session_failed(session, err, rc);
}

/* Locked in the order of ids, so that two replays never wait for each other in a circle. Who waited
 * for a lock sees the row as it is then. Source: PostgreSQL manual, "Read Committed Isolation
 * Level". */
static int pg_lock(struct mr_letters *base, struct mr_session *session,
                   const struct mr_letter_mark *marks, size_t n, struct mr_err *err)
{
    struct pg_letters *letters = letters_of(base);
    struct mr_buf *ids = &letters->arrays[0];
    struct mr_buf *attempts = &letters->arrays[1];
    struct mr_pg_params params = {.n = 0};
    struct mr_buf sql = MR_BUF_INIT;
    PGresult *res = NULL;
    int rc = 0;

    mr_buf_reset(ids);
    mr_buf_reset(attempts);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = id_array_add(ids, i == 0, marks[i].id, err);
        mr_pg_array_i64(attempts, i == 0, marks[i].attempts);
    }
    if (rc < 0 || n == 0)
        return rc;
    mr_buf_str(ids, "}");
    mr_buf_str(attempts, "}");
    mr_buf_fmt(&sql,
               "SELECT d.id FROM %s.dead_letters d "
               "JOIN unnest($2::pg_catalog.int8[], $3::pg_catalog.int4[]) AS m(id, attempts) ON "
               "m.id OPERATOR(pg_catalog.=) d.id "
               "WHERE d.pipeline OPERATOR(pg_catalog.=) $1 AND d.state OPERATOR(pg_catalog.=) "
               "'new' AND d.attempts OPERATOR(pg_catalog.=) m.attempts "
               "ORDER BY d.id FOR UPDATE OF d",
               letters->sink->control);
    mr_pg_param_text(&params, letters->sink->opts->pipeline);
    mr_pg_param_text(&params, mr_buf_cstr(ids));
    mr_pg_param_text(&params, mr_buf_cstr(attempts));
    rc = mr_buf_ok(&sql) && mr_buf_ok(ids) && mr_buf_ok(attempts)
             ? session_run((struct mr_pg_session *)session, mr_buf_cstr(&sql), &params, &res, err)
             : mr_err_set(err, MR_NO_MEMORY, "a statement");
    if (rc == 0 && (size_t)PQntuples(res) != n)
        rc = mr_err_set(err, MR_AGAIN, "a dead letter is no longer as it was read");
    PQclear(res);
    mr_buf_release(&sql);
    return rc;
}

static int landed_settle(struct pg_letters *letters, struct mr_pg_session *session, const char *by,
                         size_t n, struct mr_err *err)
{
    struct mr_pg_params params = {.n = 0};
    struct mr_buf sql = MR_BUF_INIT;
    PGresult *res = NULL;

    mr_buf_fmt(&sql,
               "UPDATE %s.dead_letters SET state = 'replayed', updated_at = pg_catalog.now(), "
               "changed_by = $3, overtaken_by = CASE WHEN id OPERATOR(pg_catalog.=) ANY "
               "($4::pg_catalog.int8[]) THEN \"offset\" "
               "ELSE overtaken_by END WHERE pipeline OPERATOR(pg_catalog.=) $1 AND id "
               "OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.int8[]) AND "
               "state OPERATOR(pg_catalog.=) 'new'",
               letters->sink->control);
    mr_pg_param_text(&params, letters->sink->opts->pipeline);
    mr_pg_param_text(&params, mr_buf_cstr(&letters->arrays[0]));
    mr_pg_param_text(&params, by);
    mr_pg_param_text(&params, mr_buf_cstr(&letters->arrays[6]));
    int rc = mr_buf_ok(&sql) ? session_run(session, mr_buf_cstr(&sql), &params, &res, err)
                             : mr_err_set(err, MR_NO_MEMORY, "a statement");
    if (rc == 0 && mr_pg_n_done(res) != n)
        rc = mr_err_set(err, MR_AGAIN, "a dead letter was closed by somebody else");
    PQclear(res);
    mr_buf_release(&sql);
    return rc;
}

static int again_settle(struct pg_letters *letters, struct mr_pg_session *session,
                        struct mr_err *err)
{
    struct mr_pg_params params = {.n = 0};
    struct mr_buf sql = MR_BUF_INIT;

    mr_buf_fmt(&sql,
               "UPDATE %s.dead_letters d SET attempts = d.attempts OPERATOR(pg_catalog.+) 1, code "
               "= a.code, "
               "sqlstate = CASE WHEN a.sqlstate OPERATOR(pg_catalog.<>) '' THEN a.sqlstate END, "
               "detail = a.detail, "
               "target_table = CASE WHEN a.target_table OPERATOR(pg_catalog.<>) '' THEN "
               "a.target_table END, updated_at = pg_catalog.now() "
               "FROM unnest($2::pg_catalog.int8[], $3::pg_catalog.text[], $4::pg_catalog.text[], "
               "$5::pg_catalog.text[], $6::pg_catalog.text[]) "
               "AS a(id, code, sqlstate, detail, target_table) "
               "WHERE d.pipeline OPERATOR(pg_catalog.=) $1 AND d.id OPERATOR(pg_catalog.=) a.id "
               "AND d.state OPERATOR(pg_catalog.=) 'new'",
               letters->sink->control);
    mr_pg_param_text(&params, letters->sink->opts->pipeline);
    for (int i = 1; i < 6; i++)
        mr_pg_param_text(&params, mr_buf_cstr(&letters->arrays[i]));
    int rc = mr_buf_ok(&sql) ? session_run(session, mr_buf_cstr(&sql), &params, NULL, err)
                             : mr_err_set(err, MR_NO_MEMORY, "a statement");
    mr_buf_release(&sql);
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of letters.h */
static int pg_settle(struct mr_letters *base, struct mr_session *session,
                     const struct mr_letter_mark *marks, size_t n, const char *by,
                     struct mr_err *err)
{
    struct pg_letters *letters = letters_of(base);
    /* ids that landed; ids and texts of the others; ids that landed whole */
    struct mr_buf *arrays = letters->arrays;
    size_t n_landed = 0;
    size_t n_whole = 0;
    size_t n_again = 0;
    bool ok = true;
    int rc = 0;

    for (int i = 0; i < 7; i++)
        mr_buf_reset(&arrays[i]);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct mr_letter *again = marks[i].again;
        if (again == NULL) {
            rc = id_array_add(&arrays[0], n_landed++ == 0, marks[i].id, err);
            if (rc == 0 && marks[i].whole)
                rc = id_array_add(&arrays[6], n_whole++ == 0, marks[i].id, err);
            continue;
        }
        const char *const texts[] = {again->code, again->sqlstate, again->detail,
                                     again->target_table};
        rc = id_array_add(&arrays[1], n_again == 0, marks[i].id, err);
        for (int k = 0; k < 4; k++)
            mr_pg_array_clean(&arrays[2 + k], n_again == 0, texts[k]);
        n_again++;
    }
    for (int i = 0; i < 7; i++) {
        mr_buf_str(&arrays[i], i == 6 && n_whole == 0 ? "{}" : "}");
        ok = ok && mr_buf_ok(&arrays[i]);
    }
    if (rc == 0 && !ok)
        rc = mr_err_set(err, MR_NO_MEMORY, "dead letters");
    if (rc == 0 && n_landed > 0)
        rc = landed_settle(letters, (struct mr_pg_session *)session, by, n_landed, err);
    if (rc == 0 && n_again > 0)
        rc = again_settle(letters, (struct mr_pg_session *)session, err);
    return rc;
}

const struct mr_letters_ops mr_letters_postgresql = {
    .name = "postgresql",
    .close = pg_close,
    .find = pg_find,
    .next = pg_next,
    .discard = pg_discard,
    .purge = pg_purge,
    .before = pg_before,
    .lock = pg_lock,
    .settle = pg_settle,
    .settled = mr_letters_settled_plain,
};
