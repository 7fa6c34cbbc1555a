/* Rows, deletes and dead letters of one transaction. Which statement fits is decided here, its text
 * is made by pg_merge.c. Must not know which rows belong together: that is the strategy's business.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/fault.h"
#include "sinks/pg.h"

#include "base/ban.h"

enum { LETTERS_PIECE_BYTES = 16 * 1024 * 1024 };

static struct mr_pg_session *session_of(struct mr_session *session)
{
    return (struct mr_pg_session *)session;
}

int mr_pg_outside_txn(const struct mr_pg_session *session, struct mr_err *err)
{
    if (session->conn != NULL && session->in_txn && !session->conn->broken)
        return 0;
    return mr_err_set(err, MR_BUG, "no transaction is open");
}

/* -MR_EXISTS for a unique violation; the SQLSTATE stays for those who report it. */
static int insert_failed(struct mr_err *err, int rc)
{
    if (rc != -MR_DB || strcmp(err->sqlstate, "23505") != 0)
        return rc;
    rc = mr_err_set(err, MR_EXISTS, "%s", err->detail);
    memcpy(err->sqlstate, "23505", 6);
    return rc;
}

static int put_direct(struct mr_pg_session *session, const struct mr_put_rows *put,
                      uint64_t *n_done, struct mr_err *err)
{
    struct mr_buf *sql = &session->sql;
    mr_buf_reset(sql);
    mr_buf_add(sql, session->pending.data, session->pending.len);
    mr_pg_copy_sql(sql, put->table, put->cols);
    mr_buf_reset(&session->pending);
    if (!mr_buf_ok(sql))
        return mr_err_set(err, MR_NO_MEMORY, "a statement");
    struct mr_pg_copy copy = {.rows = put->rows, .n_rows = put->n_rows};
    return insert_failed(err, mr_pg_copy_rows(session, &copy, put->table->name, n_done, err));
}

int mr_pg_merge_run(struct mr_pg_session *session, uint64_t *n_done, struct mr_err *err)
{
    if (!mr_buf_ok(&session->sql))
        return mr_err_set(err, MR_NO_MEMORY, "a statement");
    if (MR_FAULT(PG_MERGE))
        return mr_pg_cut(session->conn, "pg_merge", err);
    PGresult *res = NULL;
    int rc = mr_pg_exec(session->conn, mr_buf_cstr(&session->sql), &res, err);
    if (rc == 0)
        *n_done = mr_pg_n_done(res);
    PQclear(res);
    return rc;
}

static int put_staged(struct mr_pg_session *session, const struct mr_put_rows *put,
                      enum mr_put mode, uint64_t *n_done, struct mr_err *err)
{
    struct mr_pg_stage_use stage = {.table = put->table, .cols = put->cols};
    struct mr_pg_copy copy = {.rows = put->rows, .n_rows = put->n_rows};
    int rc = mr_pg_stage_rows(session, &stage, &copy, err);
    if (rc < 0)
        return rc;
    mr_buf_reset(&session->sql);
    bool counts = mr_pg_insert_sql(&session->sql, &stage, put->key, mode == MR_PUT_UPSERT);
    rc = mr_pg_merge_run(session, n_done, err);
    if (rc == 0 && !counts) /* rows of a key alone: those that were there are as wanted */
        *n_done = put->n_rows;
    return mode == MR_PUT_INSERT ? insert_failed(err, rc) : rc;
}

int mr_pg_put_rows(struct mr_session *base, const struct mr_put_rows *put, enum mr_put mode,
                   uint64_t *n_done, struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    *n_done = 0;
    base->refused.known = false;
    int rc = mr_pg_outside_txn(session, err);
    if (rc < 0 || put->n_rows == 0)
        return rc;
    if (mode != MR_PUT_INSERT && put->key->n_cols == 0)
        return mr_err_set(err, MR_BUG, "an upsert without a key");
    if (mode == MR_PUT_INSERT && !mr_pg_needs_stage(put->table, put->cols))
        rc = put_direct(session, put, n_done, err);
    else if (mode == MR_PUT_UPDATE)
        rc = mr_pg_put_masked(session, put, n_done, err);
    else
        rc = put_staged(session, put, mode, n_done, err);
    if (rc < 0) {
        (void)mr_pg_err_table(err, put->table);
        mr_pg_err_key(session->conn, put->table, put->key, err);
    }
    return mr_pg_session_failed(session, err, rc);
}

/* The only field of a key tuple: count, length, bytes (emit.h). */
static struct mr_slice only_field(const struct mr_row *row)
{
    const uint8_t *at = row->key_tuple.data;
    return (struct mr_slice){at + 6, mr_get_u32(at + 2)};
}

static int compare_rows(const void *a, const void *b)
{
    struct mr_slice x = only_field(*(const struct mr_row *const *)a);
    struct mr_slice y = only_field(*(const struct mr_row *const *)b);
    size_t len = x.len < y.len ? x.len : y.len;
    int order = memcmp(x.data, y.data, len);
    if (order != 0)
        return order;
    return (x.len > y.len) - (x.len < y.len);
}

/* The keys as one binary array (T-60), sorted: neighbours in the index are looked up together. */
static int keys_array(struct mr_pg_session *session, uint32_t oid, const struct mr_row *const *rows,
                      size_t n_rows, struct mr_err *err)
{
    struct mr_buf *array = &session->array;
    uint32_t n = 0;
    const struct mr_row **sorted = malloc(n_rows * sizeof(*sorted));
    if (sorted == NULL || !mr_u32_from_size(n_rows, &n)) {
        free(sorted);
        return mr_err_set(err, MR_NO_MEMORY, "%zu keys", n_rows);
    }
    memcpy(sorted, rows, n_rows * sizeof(*sorted));
    qsort(sorted, n_rows, sizeof(*sorted), compare_rows);
    mr_buf_reset(array);
    mr_buf_u32(array, 1);
    mr_buf_u32(array, 0);
    mr_buf_u32(array, oid);
    mr_buf_u32(array, n);
    mr_buf_u32(array, 1);
    for (size_t i = 0; i < n_rows; i++)
        mr_buf_add(array, sorted[i]->key_tuple.data + 2, sorted[i]->key_tuple.len - 2);
    free(sorted);
    if (!mr_buf_ok(array) || array->len > INT_MAX)
        return mr_err_set(err, MR_NO_MEMORY, "%zu keys", n_rows);
    return 0;
}

static int delete_any(struct mr_pg_session *session, const struct mr_table *table,
                      const struct mr_colset *key, uint64_t *n_done, struct mr_err *err)
{
    int rc = mr_pg_session_settle(session, err);
    if (rc < 0)
        return rc;
    mr_buf_reset(&session->sql);
    (void)mr_pg_delete_any_sql(&session->sql, table, key);
    struct mr_pg_params params = {.n = 0};
    mr_pg_param_bytes(&params, session->array.data, (int)session->array.len);
    PGresult *res = NULL;
    rc = mr_pg_exec_params(session->conn, mr_buf_cstr(&session->sql), &params, &res, err);
    if (rc == 0)
        *n_done = mr_pg_n_done(res);
    PQclear(res);
    return rc;
}

static int delete_staged(struct mr_pg_session *session, struct mr_pg_stage_use *stage,
                         const struct mr_pg_copy *copy, uint64_t *n_done, struct mr_err *err)
{
    int rc = mr_pg_stage_rows(session, stage, copy, err);
    if (rc < 0)
        return rc;
    mr_buf_reset(&session->sql);
    mr_pg_delete_sql(&session->sql, stage);
    return mr_pg_merge_run(session, n_done, err);
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are the interface's */
int mr_pg_delete_keys(struct mr_session *base, struct mr_table *table, const struct mr_colset *key,
                      const struct mr_row *const *rows, size_t n_rows, uint64_t *n_done,
                      struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    *n_done = 0;
    base->refused.known = false;
    int rc = mr_pg_outside_txn(session, err);
    if (rc < 0 || n_rows == 0)
        return rc;
    if (key->n_cols == 0)
        return mr_err_set(err, MR_BUG, "a delete without a key");
    mr_buf_reset(&session->sql);
    if (mr_pg_delete_any_sql(&session->sql, table, key)) {
        rc = keys_array(session, table->columns[key->cols[0]].type.oid, rows, n_rows, err);
        if (rc == 0)
            rc = delete_any(session, table, key, n_done, err);
    } else {
        struct mr_pg_stage_use stage = {.table = table, .cols = key};
        struct mr_pg_copy copy = {.rows = rows, .n_rows = n_rows, .key_tuples = true};
        rc = delete_staged(session, &stage, &copy, n_done, err);
    }
    if (rc < 0)
        (void)mr_pg_err_table(err, table);
    return mr_pg_session_failed(session, err, rc);
}

/* ---- deferred constraints ---- */

/* SET CONSTRAINTS means all of a name in their schema, and refuses it where one cannot be put off.
 * Those of other tables that refer to this one are concerned by its rows as well. */
#define NAMES_SQL                                                                                  \
    "SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format('%I.%I', n.nspname, c.conname), "     \
    "', ') FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n "                        \
    "ON n.oid OPERATOR(pg_catalog.=) c.connamespace WHERE NOT EXISTS (SELECT FROM "                \
    "pg_catalog.pg_constraint o "                                                                  \
    "WHERE o.connamespace OPERATOR(pg_catalog.=) c.connamespace AND o.conname "                    \
    "OPERATOR(pg_catalog.=) c.conname AND NOT o.condeferrable) "                                   \
    "AND "

static const char deferred_sql[] =
    NAMES_SQL "c.condeferred AND (c.conrelid OPERATOR(pg_catalog.=) "
              "$1::pg_catalog.regclass::pg_catalog.oid OR "
              "c.contype OPERATOR(pg_catalog.=) 'f' AND c.confrelid OPERATOR(pg_catalog.=) "
              "$1::pg_catalog.regclass::pg_catalog.oid)";
static const char deferrable_sql[] =
    NAMES_SQL "c.condeferrable AND c.contype OPERATOR(pg_catalog.=) 'f' AND c.conrelid "
              "OPERATOR(pg_catalog.=) $1::pg_catalog.regclass::pg_catalog.oid";

/* Appends "schema"."name" of each, with commas. */
static int names_read(struct mr_pg_session *session, const char *sql, const struct mr_table *table,
                      struct mr_buf *names, struct mr_err *err)
{
    struct mr_buf name = MR_BUF_INIT;
    struct mr_pg_params params = {.n = 0};
    PGresult *res = NULL;
    mr_pg_table_name(&name, table);
    mr_pg_param_text(&params, mr_buf_cstr(&name));
    int rc = mr_pg_session_settle(session, err);
    if (rc == 0)
        rc = mr_pg_exec_params(session->conn, sql, &params, &res, err);
    if (rc == 0 && PQntuples(res) == 1 && PQgetisnull(res, 0, 0) == 0)
        mr_buf_str(names, PQgetvalue(res, 0, 0));
    PQclear(res);
    mr_buf_release(&name);
    return rc;
}

/* Runs the statement in session->sql. */
static int names_set(struct mr_pg_session *session, struct mr_err *err)
{
    return mr_buf_ok(&session->sql)
               ? mr_pg_exec(session->conn, mr_buf_cstr(&session->sql), NULL, err)
               : mr_err_set(err, MR_NO_MEMORY, "a statement");
}

int mr_pg_constraints_later(struct mr_session *base, const struct mr_table *table,
                            struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    struct mr_buf names = MR_BUF_INIT;
    int rc = names_read(session, deferrable_sql, table, &names, err);
    if (rc == 0 && names.len > 0) {
        mr_buf_reset(&session->sql);
        mr_buf_fmt(&session->sql, "SET CONSTRAINTS %s DEFERRED", mr_buf_cstr(&names));
        rc = names_set(session, err);
    }
    mr_buf_release(&names);
    return rc;
}

/* Back to deferred at once: what follows of this transaction may need it. */
int mr_pg_constraints_now(struct mr_session *base, const struct mr_table *table, struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    struct mr_buf names = MR_BUF_INIT;
    int rc = names_read(session, deferred_sql, table, &names, err);
    if (rc == 0 && names.len > 0) {
        const char *list = mr_buf_cstr(&names);
        mr_buf_reset(&session->sql);
        mr_buf_fmt(&session->sql, "SET CONSTRAINTS %s IMMEDIATE; SET CONSTRAINTS %s DEFERRED", list,
                   list);
        rc = names_set(session, err);
    }
    mr_buf_release(&names);
    return rc;
}

/* ---- truncates ---- */

static int empty_by(struct mr_pg_session *session, const char *verb, const struct mr_table *table,
                    struct mr_err *err)
{
    int rc = mr_pg_session_settle(session, err);
    if (rc < 0)
        return rc;
    mr_buf_reset(&session->sql);
    mr_buf_str(&session->sql, verb);
    mr_pg_table_name(&session->sql, table);
    if (!mr_buf_ok(&session->sql))
        return mr_err_set(err, MR_NO_MEMORY, "a statement");
    return mr_pg_exec(session->conn, mr_buf_cstr(&session->sql), NULL, err);
}

/* another table refers to it, or the role may delete but not truncate. */
static bool may_delete_instead(const struct mr_err *err, int rc)
{
    return rc == -MR_TARGET_PRIVILEGE || (rc < 0 && strcmp(err->sqlstate, "0A000") == 0);
}

int mr_pg_truncate(struct mr_session *base, struct mr_table *table, struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    const struct mr_sink_ops *ops = base->ops;
    int rc = mr_pg_outside_txn(session, err);
    if (rc == 0)
        rc = ops->savepoint(base, err);
    if (rc < 0)
        return rc;
    rc = empty_by(session, "TRUNCATE ", table, err);
    if (may_delete_instead(err, rc)) {
        mr_err_clear(err);
        rc = ops->rollback_to_savepoint(base, err);
        if (rc == 0)
            rc = empty_by(session, "DELETE FROM ", table, err);
    }
    if (rc == 0)
        return ops->release_savepoint(base, err);
    (void)mr_pg_err_table(err, table);
    return mr_pg_session_failed(session, err, rc);
}

/* ---- dead letters ---- */

enum { LETTER_TEXTS = 5 }; /* topic, code, sqlstate, detail, target_table; headers apart */

struct letter_arrays {
    struct mr_buf texts[LETTER_TEXTS];
    struct mr_buf headers;
    struct mr_buf partition, offset, timestamp;
    struct mr_buf key, value; /* binary bytea[] */
};

void mr_pg_array_clean(struct mr_buf *out, bool first, const char *text)
{
    size_t len = strlen(text);
    if (mr_utf8_valid((const uint8_t *)text, len)) {
        mr_pg_array_text(out, first, text);
        return;
    }
    char *clean = strdup(text);
    if (clean == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)clean[i] >= 0x80)
            clean[i] = '?';
    }
    mr_pg_array_text(out, first, clean);
    free(clean);
}

static void bytes_begin(struct mr_buf *out, uint32_t n)
{
    mr_buf_u32(out, 1);
    mr_buf_u32(out, 1);  /* may hold nulls */
    mr_buf_u32(out, 17); /* bytea */
    mr_buf_u32(out, n);
    mr_buf_u32(out, 1);
}

static void bytes_add(struct mr_buf *out, struct mr_slice bytes)
{
    uint32_t len = 0;
    if (bytes.data == NULL) {
        mr_buf_u32(out, UINT32_MAX);
    } else if (mr_u32_from_size(bytes.len, &len) && len <= INT32_MAX) {
        mr_buf_u32(out, len);
        mr_buf_add(out, bytes.data, bytes.len);
    } else {
        out->failed = true;
    }
}

static void letter_add(struct letter_arrays *to, bool first, const struct mr_letter *letter)
{
    const char *const texts[LETTER_TEXTS] = {letter->stream, letter->code, letter->sqlstate,
                                             letter->detail, letter->target_table};
    for (size_t i = 0; i < LETTER_TEXTS; i++)
        mr_pg_array_clean(&to->texts[i], first, texts[i]);
    mr_pg_array_clean(&to->headers, first, letter->headers_json);
    mr_pg_array_i64(&to->partition, first, letter->partition);
    mr_pg_array_i64(&to->offset, first, letter->offset);
    mr_pg_array_i64(&to->timestamp, first, letter->timestamp_ms);
    bytes_add(&to->key, letter->key);
    bytes_add(&to->value, letter->value);
}

static int letters_send(struct mr_pg_session *session, struct letter_arrays *arrays,
                        struct mr_err *err)
{
    struct mr_buf *sql = &session->sql;
    mr_buf_reset(sql);
    mr_buf_fmt(sql,
               "INSERT INTO %s.dead_letters (pipeline, topic, partition, \"offset\", key, value, "
               "headers, record_timestamp, code, sqlstate, detail, target_table) "
               "SELECT $1, d.topic, d.partition, d.o, d.key, d.value, d.headers::pg_catalog.jsonb, "
               "CASE WHEN d.ts OPERATOR(pg_catalog.>=) 0 THEN "
               "pg_catalog.to_timestamp(d.ts::pg_catalog.numeric OPERATOR(pg_catalog./) 1000.0) "
               "END, d.code, "
               "CASE WHEN d.sqlstate OPERATOR(pg_catalog.<>) '' THEN d.sqlstate END, d.detail, "
               "CASE WHEN d.target_table OPERATOR(pg_catalog.<>) '' THEN d.target_table END "
               "FROM unnest($2::pg_catalog.text[], $3::pg_catalog.text[], $4::pg_catalog.text[], "
               "$5::pg_catalog.text[], $6::pg_catalog.text[], "
               "$7::pg_catalog.text[], $8::pg_catalog.int4[], $9::pg_catalog.int8[], "
               "$10::pg_catalog.int8[], $11::pg_catalog.bytea[], $12::pg_catalog.bytea[]) "
               "AS d(topic, code, sqlstate, detail, target_table, headers, partition, o, ts, key, "
               "value)",
               mr_pg_control(session->sink));
    struct mr_pg_params params = {.n = 0};
    mr_pg_param_text(&params, session->sink->opts->pipeline);
    struct mr_buf *texts[] = {&arrays->texts[0],  &arrays->texts[1], &arrays->texts[2],
                              &arrays->texts[3],  &arrays->texts[4], &arrays->headers,
                              &arrays->partition, &arrays->offset,   &arrays->timestamp};
    bool ok = mr_buf_ok(&arrays->key) && mr_buf_ok(&arrays->value);
    for (size_t i = 0; i < sizeof texts / sizeof(*texts); i++) {
        mr_buf_str(texts[i], "}");
        ok = ok && mr_buf_ok(texts[i]);
        mr_pg_param_text(&params, mr_buf_cstr(texts[i]));
    }
    if (!ok || arrays->key.len > INT_MAX || arrays->value.len > INT_MAX)
        return mr_err_set(err, MR_NO_MEMORY, "dead letters");
    mr_pg_param_bytes(&params, arrays->key.data, (int)arrays->key.len);
    mr_pg_param_bytes(&params, arrays->value.data, (int)arrays->value.len);
    return mr_pg_exec_params(session->conn, mr_buf_cstr(sql), &params, NULL, err);
}

static void letter_arrays_release(struct letter_arrays *arrays)
{
    for (size_t i = 0; i < LETTER_TEXTS; i++)
        mr_buf_release(&arrays->texts[i]);
    mr_buf_release(&arrays->headers);
    mr_buf_release(&arrays->partition);
    mr_buf_release(&arrays->offset);
    mr_buf_release(&arrays->timestamp);
    mr_buf_release(&arrays->key);
    mr_buf_release(&arrays->value);
}

/* As many letters as go in one statement: by bytes. */
static size_t letters_piece(const struct mr_letter *letters, size_t n)
{
    size_t bytes = 0;
    size_t i = 0;
    while (i < n && (i == 0 || bytes < LETTERS_PIECE_BYTES)) {
        bytes += letters[i].key.len + letters[i].value.len + strlen(letters[i].headers_json);
        i++;
    }
    return i;
}

int mr_pg_put_letters(struct mr_session *base, const struct mr_letter *letters, size_t n,
                      struct mr_err *err)
{
    struct mr_pg_session *session = session_of(base);
    int rc = mr_pg_outside_txn(session, err);
    if (rc == 0 && n > 0)
        rc = mr_pg_session_settle(session, err);
    for (size_t at = 0; rc == 0 && at < n;) {
        struct letter_arrays arrays = {.key = MR_BUF_INIT};
        size_t n_piece = letters_piece(letters + at, n - at);
        bytes_begin(&arrays.key, (uint32_t)n_piece);
        bytes_begin(&arrays.value, (uint32_t)n_piece);
        for (size_t i = 0; i < n_piece; i++)
            letter_add(&arrays, i == 0, &letters[at + i]);
        rc = letters_send(session, &arrays, err);
        letter_arrays_release(&arrays);
        at += n_piece;
    }
    return mr_pg_session_failed(session, err, rc);
}
