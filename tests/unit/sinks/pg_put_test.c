/* Which statements rows and deletes become, and the bytes of COPY streams and key arrays, over a
 * scripted libpq. Also the test of pg_copy.c. */
#include <string.h>

#include "sinks/pg.h"
#include "tests/support/fake_pq.inc"
#include "tests/support/pg_faults.h"

static struct mr_sink_opts opts;
static struct mr_pg_sink sink;
static struct mr_pg_conn conn;
static struct mr_pg_session *session;
static struct mr_session *base;
static struct mr_err err;
static struct mr_column columns[2];
static struct mr_table table;
static const uint16_t idx[] = {0, 1};
static const struct mr_colset cols = {2, idx};
static const struct mr_colset key = {1, idx};
static struct mr_row rows[3];
static const struct mr_row *picked[3] = {&rows[0], &rows[1], &rows[2]};

/* id (int4) = 1, v NULL; and the keys 3, 1, 2 */
static const uint8_t tuple[] = {0, 2, 0, 0, 0, 4, 0, 0, 0, 1, 255, 255, 255, 255};
static const uint8_t keys[3][10] = {
    {0, 1, 0, 0, 0, 4, 0, 0, 0, 3}, {0, 1, 0, 0, 0, 4, 0, 0, 0, 1}, {0, 1, 0, 0, 0, 4, 0, 0, 0, 2}};

MR_SETUP
{
    pq_init();
    pg_faults_disarm();
    mr_err_clear(&err);
    columns[0] = (struct mr_column){.name = "id", .type = {.type = MR_T_INT4, .oid = 23}};
    columns[1] = (struct mr_column){.name = "v", .type = {.type = MR_T_TEXT, .oid = 25}};
    table.schema = "public";
    table.name = "t";
    table.columns = columns;
    table.n_columns = 2;
    table.version.v[0] = 16384;
    opts = (struct mr_sink_opts){.pipeline = "shop", .env = {.clock = &pq.clock.base}};
    memset(&sink, 0, sizeof sink);
    sink.base.ops = &mr_sink_postgresql;
    sink.opts = &opts;
    conn = (struct mr_pg_conn){.pq = &pq.conn, .env = &opts.env, .wake_fd = -1};
    MR_CHECK_OK(mr_pg_session_open(&sink.base, &base, &err));
    session = (struct mr_pg_session *)base;
    session->conn = &conn;
    session->in_txn = true;
    for (int i = 0; i < 3; i++)
        rows[i] = (struct mr_row){
            .cols = &cols, .tuple = {tuple, sizeof tuple}, .key_tuple = {keys[i], sizeof keys[i]}};
}

static void close_all(void)
{
    free(conn.stages);
    session->conn = NULL;
    session->in_txn = false;
    mr_pg_session_close(base);
    pq_finish();
}

static int put(enum mr_put mode, uint64_t *n_done)
{
    struct mr_put_rows what = {
        .table = &table, .key = &key, .cols = &cols, .rows = picked, .n_rows = 2};
    return mr_pg_put_rows(base, &what, mode, n_done, &err);
}

// section 5: header, rows, trailer
MR_TEST("a plain insert is one COPY into the table, header to trailer")
{
    static const uint8_t head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
    uint64_t n_done = 0;
    pq_expect("COPY \"public\".\"t\" (\"id\", \"v\") FROM STDIN (FORMAT binary)", pq_copy());
    pq_expect("", pq_done("COPY 2"));
    MR_CHECK_OK(put(MR_PUT_INSERT, &n_done));
    MR_CHECK_U64(n_done, 2);
    MR_CHECK_U64(pq.n_stream, 19 + 2 * sizeof tuple + 2);
    MR_CHECK_MEM(pq.stream, head, 19);
    MR_CHECK_MEM(pq.stream + 19, tuple, sizeof tuple);
    MR_CHECK_MEM(pq.stream + 19 + sizeof tuple, tuple, sizeof tuple);
    MR_CHECK_MEM(pq.stream + 19 + 2 * sizeof tuple, "\377\377", 2);
    close_all();
}

MR_TEST("a unique violation of a plain insert is -MR_EXISTS")
{
    uint64_t n_done = 0;
    pq_expect("COPY", pq_copy());
    pq_expect("", pq_refused("23505", "duplicate key value"));
    MR_CHECK_INT(put(MR_PUT_INSERT, &n_done), -MR_EXISTS);
    MR_CHECK_INT(err.class, MR_CLASS_FLOW);
    MR_CHECK_STR(err.sqlstate, "23505");
    close_all();
}

MR_TEST("an upsert makes its stage once a connection, and empties it within a transaction")
{
    uint64_t n_done = 0;
    pq_expect("CREATE TEMPORARY TABLE IF NOT EXISTS", pq_copy());
    pq_expect("", pq_done("COPY 2"));
    pq_expect("INSERT INTO", pq_done("INSERT 0 2"));
    MR_CHECK_OK(put(MR_PUT_UPSERT, &n_done));
    MR_CHECK_U64(n_done, 2);
    pq_expect("; TRUNCATE pg_temp.", pq_copy());
    pq_expect("", pq_done("COPY 2"));
    pq_expect("UPDATE", pq_done("UPDATE 1"));
    MR_CHECK_OK(put(MR_PUT_UPDATE, &n_done));
    MR_CHECK_U64(n_done, 1);
    mr_pg_stages_ended(&conn, true);
    pq_expect("COPY pg_temp.", pq_copy());
    pq_expect("", pq_done("COPY 2"));
    pq_expect("INSERT INTO", pq_done("INSERT 0 2"));
    MR_CHECK_OK(put(MR_PUT_UPSERT, &n_done));
    MR_CHECK(strstr(pq.last_sql, "CREATE") == NULL);
    close_all();
}

MR_TEST("a stage whose transaction was rolled back is made again")
{
    uint64_t n_done = 0;
    for (int i = 0; i < 2; i++) {
        pq_expect("CREATE TEMPORARY TABLE IF NOT EXISTS", pq_copy());
        pq_expect("", pq_done("COPY 2"));
        pq_expect("INSERT INTO", pq_done("INSERT 0 2"));
        MR_CHECK_OK(put(MR_PUT_UPSERT, &n_done));
        mr_pg_stages_ended(&conn, false);
    }
    close_all();
}

MR_TEST("keys are deleted by one sorted binary array")
{
    static const uint8_t array[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0,
                                    3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0,  1, 0, 0,
                                    0, 4, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0,  0, 3};
    uint64_t n_done = 0;
    pq_expect("ANY ($1::pg_catalog.int4[])", pq_done("DELETE 2"));
    MR_CHECK_OK(mr_pg_delete_keys(base, &table, &key, picked, 3, &n_done, &err));
    MR_CHECK_U64(n_done, 2);
    MR_CHECK_U64(session->array.len, sizeof array);
    MR_CHECK_MEM(session->array.data, array, sizeof array);
    close_all();
}

MR_TEST("a stream that is cut is not ended as if it were whole")
{
    uint64_t n_done = 0;
    pg_faults_arm(MR_FAULT_PG_COPY);
    pq_expect("COPY", pq_copy());
    MR_CHECK_INT(put(MR_PUT_INSERT, &n_done), -MR_TARGET_AWAY);
    MR_CHECK(conn.broken);
    MR_CHECK_U64(pq.n_stream, 0);
    close_all();
}

MR_TEST("nothing to put sends nothing")
{
    uint64_t n_done = 7;
    struct mr_put_rows none = {.table = &table, .key = &key, .cols = &cols};
    MR_CHECK_OK(mr_pg_put_rows(base, &none, MR_PUT_UPSERT, &n_done, &err));
    MR_CHECK_U64(n_done, 0);
    MR_CHECK_OK(mr_pg_delete_keys(base, &table, &key, NULL, 0, &n_done, &err));
    MR_CHECK_OK(mr_pg_put_letters(base, NULL, 0, &err));
    close_all();
}

//
MR_TEST("a truncate is a TRUNCATE under a savepoint")
{
    pq_expect("SAVEPOINT", pq_done("SAVEPOINT"));
    pq_expect("TRUNCATE \"public\".\"t\"", pq_done("TRUNCATE TABLE"));
    MR_CHECK_OK(mr_pg_truncate(base, &table, &err));
    close_all();
}

//
MR_TEST("a TRUNCATE that a reference or a missing right forbids becomes a DELETE")
{
    static const char *const states[] = {"0A000", "42501"};
    for (size_t i = 0; i < 2; i++) {
        pq_expect("SAVEPOINT", pq_done("SAVEPOINT"));
        pq_expect("TRUNCATE", pq_refused(states[i], "cannot truncate"));
        pq_expect("ROLLBACK TO SAVEPOINT", pq_done("ROLLBACK"));
        pq_expect("DELETE FROM \"public\".\"t\"", pq_done("DELETE 3"));
        MR_CHECK_OK(mr_pg_truncate(base, &table, &err));
        mr_buf_reset(&session->pending);
    }
    close_all();
}

//
MR_TEST("without the right to delete either the table halts")
{
    pq_expect("SAVEPOINT", pq_done("SAVEPOINT"));
    pq_expect("TRUNCATE", pq_refused("42501", "permission denied for table t"));
    pq_expect("ROLLBACK TO SAVEPOINT", pq_done("ROLLBACK"));
    pq_expect("DELETE FROM", pq_refused("42501", "permission denied for table t"));
    MR_CHECK(mr_pg_truncate(base, &table, &err) < 0);
    MR_CHECK_INT(err.class, MR_CLASS_HALT);
    MR_CHECK_STR(err.table, "public.t");
    close_all();
}

MR_TEST("another refusal of a TRUNCATE is told as it is")
{
    pq_expect("SAVEPOINT", pq_done("SAVEPOINT"));
    pq_expect("TRUNCATE", pq_refused("53100", "disk full"));
    MR_CHECK_INT(mr_pg_truncate(base, &table, &err), -MR_DB);
    MR_CHECK_STR(err.sqlstate, "53100");
    close_all();
}
