/* Rows that are met one by one or not at all: updates of rows whose values the source did not send
 * and the search for those that are not there, the reading of rows that others take values from
 * (contract.md U-27 to U-32), the delete of one of several equal rows (E-40). Which rows those
 * are is the strategy's business. */
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "sinks/pg.h"

#include "base/ban.h"

/* Marks the rows whose key the table does not have, and counts them. */
static int missing_find(struct mr_pg_session *session, const struct mr_pg_stage_use *stage,
                        const struct mr_put_rows *put, uint64_t *n_missing, struct mr_err *err)
{
    mr_buf_reset(&session->sql);
    mr_pg_missing_sql(&session->sql, stage, put->key);
    if (!mr_buf_ok(&session->sql))
        return mr_err_set(err, MR_NO_MEMORY, "a statement");
    PGresult *res = NULL;
    int rc = mr_pg_exec(session->conn, mr_buf_cstr(&session->sql), &res, err);
    memset(put->missing, 0, put->n_rows * sizeof *put->missing);
    *n_missing = 0;
    for (int i = 0; rc == 0 && i < PQntuples(res); i++) {
        int64_t at = mr_pg_i64(res, i, 0);
        if (at < 0 || (uint64_t)at >= put->n_rows || put->missing[at])
            rc = mr_err_set(err, MR_BUG, "a staged row with number %lld", (long long)at);
        else
            put->missing[at] = true;
        (*n_missing)++;
    }
    PQclear(res);
    return rc;
}

static int update_run(struct mr_pg_session *session, const struct mr_pg_stage_use *stage,
                      const struct mr_put_rows *put, uint64_t *n_done, struct mr_err *err)
{
    mr_buf_reset(&session->sql);
    mr_pg_update_sql(&session->sql, stage, put->key, put->mask);
    return mr_pg_merge_run(session, n_done, err);
}

/* A row that the update did not meet and the search finds was inserted by somebody in between: once
 * more. Where a trigger keeps rows from being updated the numbers never agree, which is no error
 * (V-18). */
int mr_pg_put_masked(struct mr_pg_session *session, const struct mr_put_rows *put, uint64_t *n_done,
                     struct mr_err *err)
{
    struct mr_pg_stage_use stage = {
        .table = put->table, .cols = put->cols, .numbered = put->missing != NULL};
    struct mr_pg_copy copy = {.rows = put->rows, .n_rows = put->n_rows, .numbered = stage.numbered};
    int rc = mr_pg_stage_rows(session, &stage, &copy, err);
    for (int i = 0; rc == 0 && i < 2; i++) {
        uint64_t n_missing = 0;
        rc = update_run(session, &stage, put, n_done, err);
        if (rc < 0 || *n_done >= put->n_rows || put->missing == NULL)
            return rc;
        rc = missing_find(session, &stage, put, &n_missing, err);
        if (*n_done + n_missing >= put->n_rows)
            return rc;
    }
    return rc;
}

/* One row of a binary result as a tuple. */
static int tuple_keep(const PGresult *res, int row, struct mr_arena *arena, struct mr_slice *out,
                      struct mr_err *err)
{
    int n = PQnfields(res) - 1;
    size_t len = 2;
    for (int i = 1; i <= n; i++)
        len += 4 + (size_t)PQgetlength(res, row, i);
    uint8_t *at = mr_arena_alloc(arena, len);
    if (at == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a row of %zu bytes", len);
    *out = (struct mr_slice){at, len};
    mr_put_u16(at, (uint16_t)n);
    at += 2;
    for (int i = 1; i <= n; i++) {
        bool null = PQgetisnull(res, row, i) != 0;
        size_t n_bytes = (size_t)PQgetlength(res, row, i);
        mr_put_u32(at, null ? UINT32_MAX : (uint32_t)n_bytes);
        memcpy(at + 4, PQgetvalue(res, row, i), n_bytes);
        at += 4 + n_bytes;
    }
    return 0;
}

static int read_staged(struct mr_pg_session *session, const struct mr_pg_stage_use *stage,
                       const struct mr_read_rows *read, struct mr_err *err)
{
    mr_buf_reset(&session->sql);
    mr_pg_read_sql(&session->sql, stage, read->cols);
    if (!mr_buf_ok(&session->sql))
        return mr_err_set(err, MR_NO_MEMORY, "a statement");
    PGresult *res = NULL;
    int rc = mr_pg_exec_binary(session->conn, mr_buf_cstr(&session->sql), &res, err);
    for (int i = 0; rc == 0 && i < PQntuples(res); i++) {
        uint32_t at = mr_get_u32((const uint8_t *)PQgetvalue(res, i, 0));
        if (at >= read->n_keys)
            rc = mr_err_set(err, MR_BUG, "a staged key with number %u", at);
        else
            rc = tuple_keep(res, i, read->arena, &read->tuples[at], err);
    }
    PQclear(res);
    return rc;
}

int mr_pg_read_rows(struct mr_session *base, const struct mr_read_rows *read, struct mr_err *err)
{
    struct mr_pg_session *session = (struct mr_pg_session *)base;
    struct mr_row rows[MR_READ_MAX_ROWS];
    const struct mr_row *list[MR_READ_MAX_ROWS];
    int rc = mr_pg_outside_txn(session, err);
    if (rc < 0 || read->n_keys == 0)
        return rc;
    if (read->n_keys > MR_READ_MAX_ROWS || read->key->n_cols == 0)
        return mr_err_set(err, MR_BUG, "%zu rows to read", read->n_keys);
    for (size_t i = 0; i < read->n_keys; i++) {
        rows[i] = (struct mr_row){.key_tuple = read->keys[i]};
        list[i] = &rows[i];
        read->tuples[i] = (struct mr_slice){NULL, 0};
    }
    struct mr_pg_stage_use stage = {.table = read->table, .cols = read->key, .numbered = true};
    struct mr_pg_copy copy = {
        .rows = list, .n_rows = read->n_keys, .key_tuples = true, .numbered = true};
    rc = mr_pg_stage_rows(session, &stage, &copy, err);
    if (rc == 0)
        rc = read_staged(session, &stage, read, err);
    if (rc < 0)
        (void)mr_pg_err_table(err, read->table);
    return mr_pg_session_failed(session, err, rc);
}

/* The row that looks the same goes before one that says the same in other digits. */
int mr_pg_delete_match(struct mr_session *base, struct mr_table *table, const struct mr_row *row,
                       uint64_t *n_done, struct mr_err *err)
{
    struct mr_pg_session *session = (struct mr_pg_session *)base;
    struct mr_pg_stage_use stage = {.table = table, .cols = row->cols};
    struct mr_pg_copy copy = {.rows = &row, .n_rows = 1};
    *n_done = 0;
    int rc = mr_pg_outside_txn(session, err);
    if (rc == 0)
        rc = mr_pg_stage_rows(session, &stage, &copy, err);
    for (int i = 0; rc == 0 && i < 2 && *n_done == 0; i++) {
        if (i == 1 && !mr_pg_matches_by_value(table, row->cols, row->mask))
            break;
        mr_buf_reset(&session->sql);
        mr_pg_delete_match_sql(&session->sql, &stage, row->mask, i == 1);
        rc = mr_pg_merge_run(session, n_done, err);
    }
    if (rc < 0)
        (void)mr_pg_err_table(err, table);
    return mr_pg_session_failed(session, err, rc);
}
