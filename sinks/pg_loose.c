/* Keys that the server alone can compare (contract.md F-33): staged, and grouped by the equality of
 * their index. */
#include <stdlib.h>

#include <libpq-fe.h>

#include "sinks/pg.h"

#include "base/ban.h"

static int groups_take(const PGresult *res, uint32_t *groups, uint32_t n, struct mr_err *err)
{
    for (int row = 0; row < PQntuples(res); row++) {
        int64_t at = mr_pg_i64(res, row, 0);
        int64_t first = mr_pg_i64(res, row, 1);
        if (first < 0 || at <= first || at >= (int64_t)n)
            return mr_err_set(err, MR_BUG, "key %lld like key %lld", (long long)at,
                              (long long)first);
        groups[at] = (uint32_t)first;
    }
    return 0;
}

static int groups_read(struct mr_pg_session *session, const struct mr_keys *keys,
                       const struct mr_pg_copy *copy, uint32_t *groups, struct mr_err *err)
{
    struct mr_pg_stage_use stage = {.table = keys->table, .cols = keys->key, .numbered = true};
    PGresult *res = NULL;
    int rc = mr_pg_stage_rows(session, &stage, copy, err);
    if (rc < 0)
        return rc;
    mr_buf_reset(&session->sql);
    mr_pg_groups_sql(&session->sql, &stage);
    if (!mr_buf_ok(&session->sql))
        return mr_err_set(err, MR_NO_MEMORY, "a statement");
    rc = mr_pg_exec(session->conn, mr_buf_cstr(&session->sql), &res, err);
    if (rc == 0)
        rc = groups_take(res, groups, keys->n, err);
    PQclear(res);
    return rc;
}

int mr_pg_key_groups(struct mr_session *base, const struct mr_keys *keys, uint32_t *groups,
                     struct mr_err *err)
{
    struct mr_pg_session *session = (struct mr_pg_session *)base;
    struct mr_row *rows = calloc((size_t)keys->n + 1, sizeof *rows);
    const struct mr_row **list = calloc((size_t)keys->n + 1, sizeof(*list));
    struct mr_pg_copy copy = {
        .rows = list, .n_rows = keys->n, .key_tuples = true, .numbered = true};
    int rc = mr_pg_outside_txn(session, err);
    if (rc == 0 && (rows == NULL || list == NULL))
        rc = mr_err_set(err, MR_NO_MEMORY, "%u keys", keys->n);
    for (uint32_t i = 0; rc == 0 && i < keys->n; i++) {
        rows[i].key_tuple = keys->tuples[i];
        list[i] = &rows[i];
    }
    if (rc == 0)
        rc = groups_read(session, keys, &copy, groups, err);
    free(list);
    free(rows);
    if (rc < 0)
        (void)mr_pg_err_table(err, keys->table);
    return mr_pg_session_failed(session, err, rc);
}
