/* A session's calls to libpq, in their order. */
#include <string.h>

#include "sinks/pg.h"
#include "tests/support/fake_pq.inc"
#include "tests/support/pg_faults.h"

static struct mr_sink_opts opts;
static struct mr_sink *sink;
static struct mr_session *session;
static struct mr_err err;
static struct mr_table table = {
    .schema = "public", .name = "t", .version = {.v = {16384, 700, 800, 900}, .n_words = 4}};
static struct mr_table second = {
    .schema = "public", .name = "u", .version = {.v = {16385, 700, 800, 900}, .n_words = 4}};
static struct mr_table *const tables[] = {&table};
static const char *const version_same[] = {"700", "800", "900"};
static const char *const backend_start[] = {"2026-11-21T10:00:00.000000", "63"};
static const char *const noted[] = {"orders", "2", "0", "other host 99 2026-11-21T09:00:00.000000"};
static const struct mr_span span = {
    .stream = "orders", .partition = 2, .epoch = 5, .expected = 10, .next = 20, .slots = 1};

MR_SETUP
{
    pq_init();
    pg_faults_disarm();
    mr_err_clear(&err);
    opts = (struct mr_sink_opts){.url = "postgresql:///db",
                                 .schema = "public",
                                 .control_schema = "millrace",
                                 .pipeline = "shop",
                                 .group_id = "shop",
                                 .instance_id = "one",
                                 .pool_max = 3,
                                 .pool_wait_ms = 10,
                                 .statement_timeout_ms = 10000,
                                 .connect_timeout_ms = 1000,
                                 .env = {.clock = &pq.clock.base}};
    MR_CHECK_OK(mr_sink_postgresql.open(&opts, &sink, &err));
    MR_CHECK_OK(sink->ops->session_open(sink, &session, &err));
}

/* Closes what the test left open; the script must be at its end. */
static void close_all(void)
{
    session->ops->session_close(session);
    sink->ops->close(sink);
    pq_finish();
}

static void expect_connect(void)
{
    pq_expect("CONNECT", pq_done(""));
    pq_expect("set_config", pq_rows(1, 2, backend_start));
}

static void begin(void)
{
    expect_connect();
    pq_expect("SET owner = $11", pq_rows(1, 4, noted));
    pq_expect("BEGIN", pq_rows(1, 3, version_same));
    MR_CHECK_OK(session->ops->begin(session, tables, 1, &span, 1, &err));
}

MR_TEST("begin opens, locks and checks the versions in one message")
{
    begin();
    MR_CHECK(strstr(pq.last_sql, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
                                 "SET LOCAL search_path TO DEFAULT; LOCK TABLE ONLY "
                                 "\"public\".\"t\" IN ROW EXCLUSIVE MODE; SELECT ") != NULL);
    MR_CHECK(strstr(pq.last_sql, "pg_catalog.unnest('{16384}'::pg_catalog.oid[])") != NULL);
    pq_expect("ROLLBACK", pq_done("ROLLBACK"));
    close_all();
}

MR_TEST("a connection notes itself as owner once, and keeps its statements to one round trip then")
{
    begin();
    pq_expect("COMMIT", pq_done("COMMIT"));
    MR_CHECK_OK(session->ops->commit(session, &err));
    pq_expect("BEGIN", pq_rows(1, 3, version_same));
    MR_CHECK_OK(session->ops->begin(session, tables, 1, &span, 1, &err));
    pq_expect("ROLLBACK", pq_done("ROLLBACK"));
    close_all();
}

// V-13
MR_TEST("another version is -MR_TABLE_CHANGED and names the table")
{
    static const char *const other[] = {"701", "800", "900"};
    expect_connect();
    pq_expect("SET owner = $11", pq_rows(1, 4, noted));
    pq_expect("BEGIN", pq_rows(1, 3, other));
    MR_CHECK_INT(session->ops->begin(session, tables, 1, &span, 1, &err), -MR_TABLE_CHANGED);
    MR_CHECK_STR(err.table, "public.t");
    pq_expect("ROLLBACK", pq_done("ROLLBACK"));
    session->ops->rollback(session);
    close_all();
}

//
MR_TEST("a commit whose answer is lost is unknown, and the connection is not used again")
{
    begin();
    pq_expect("COMMIT", pq_cut());
    MR_CHECK_INT(session->ops->commit(session, &err), -MR_COMMIT_UNKNOWN);
    session->ops->rollback(session); /* no ROLLBACK is sent */
    MR_CHECK_INT(pq.n_closed, 1);
    close_all();
}

//
MR_TEST("a commit that breaks while it is sent is unknown too")
{
    begin();
    pq_expect("COMMIT", pq_unsent());
    MR_CHECK_INT(session->ops->commit(session, &err), -MR_COMMIT_UNKNOWN);
    session->ops->rollback(session);
    close_all();
}

//
MR_TEST("a commit that the server does not know the end of is unknown")
{
    begin();
    pq_expect("COMMIT", pq_refused("40003", "statement completion unknown"));
    MR_CHECK_INT(session->ops->commit(session, &err), -MR_COMMIT_UNKNOWN);
    session->ops->rollback(session);
    close_all();
}

MR_TEST("a commit that the server refuses is no doubt")
{
    begin();
    pq_expect("COMMIT", pq_refused("23503", "violates foreign key"));
    MR_CHECK_INT(session->ops->commit(session, &err), -MR_DB);
    MR_CHECK_STR(err.sqlstate, "23503");
    session->ops->rollback(session);
    close_all();
}

MR_TEST("COMMIT answered with ROLLBACK is not taken for a commit")
{
    begin();
    pq_expect("COMMIT", pq_done("ROLLBACK"));
    MR_CHECK_INT(session->ops->commit(session, &err), -MR_INTERNAL_TXN);
    session->ops->rollback(session);
    close_all();
}

// G-03
MR_TEST("fewer position rows than spans is a fence that names its place")
{
    static const char *const held[] = {"1", "30", "6", "two host 1 x"};
    begin();
    pq_expect("UPDATE \"millrace\".positions", pq_done("UPDATE 0"));
    pq_expect("WITH ORDINALITY", pq_rows(1, 4, held));
    MR_CHECK_INT(session->ops->put_positions(session, &span, 1, &err), -MR_FENCED);
    MR_CHECK_STR(err.topic, "orders");
    MR_CHECK_INT(err.partition, 2);
    MR_CHECK_STR(err.detail,
                 "expected next offset 10 under epoch 5, the target holds 30 under epoch "
                 "6, owner two host 1 x");
    pq_expect("ROLLBACK", pq_done("ROLLBACK"));
    session->ops->rollback(session);
    close_all();
}

MR_TEST("savepoint statements go along with the next statement")
{
    begin();
    MR_CHECK_OK(session->ops->savepoint(session, &err));
    MR_CHECK_OK(session->ops->rollback_to_savepoint(session, &err));
    MR_CHECK_OK(session->ops->release_savepoint(session, &err));
    pq_expect("SAVEPOINT millrace; ROLLBACK TO SAVEPOINT millrace; RELEASE SAVEPOINT millrace; "
              "COMMIT",
              pq_done("COMMIT"));
    MR_CHECK_OK(session->ops->commit(session, &err));
    close_all();
}

#define LOCK(name)                                                                                 \
    "SELECT "                                                                                      \
    "pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('millrace:guard:public." name    \
    "', 0)); "

// P-22
MR_TEST("guards are locked along with the next statement, and once a transaction")
{
    for (int i = 0; i < 2; i++) {
        if (i == 0) {
            begin();
        } else {
            pq_expect("BEGIN", pq_rows(1, 3, version_same));
            MR_CHECK_OK(session->ops->begin(session, tables, 1, &span, 1, &err));
        }
        MR_CHECK_OK(session->ops->guard_lock(session, &table, &err));
        MR_CHECK_OK(session->ops->guard_lock(session, &second, &err));
        MR_CHECK_OK(session->ops->guard_lock(session, &table, &err));
        pq_expect(LOCK("t") LOCK("u") "COMMIT", pq_done("COMMIT"));
        MR_CHECK_OK(session->ops->commit(session, &err));
    }
    close_all();
}

// P-22
MR_TEST("a guard that was locked after a savepoint is locked anew once that is rolled back to")
{
    begin();
    MR_CHECK_OK(session->ops->guard_lock(session, &table, &err));
    MR_CHECK_OK(session->ops->savepoint(session, &err));
    MR_CHECK_OK(session->ops->savepoint(session, &err));
    MR_CHECK_OK(session->ops->guard_lock(session, &second, &err));
    MR_CHECK_OK(session->ops->release_savepoint(session, &err));
    MR_CHECK_OK(session->ops->guard_lock(session, &second, &err));
    MR_CHECK_OK(session->ops->rollback_to_savepoint(session, &err));
    MR_CHECK_OK(session->ops->release_savepoint(session, &err));
    MR_CHECK_OK(session->ops->guard_lock(session, &table, &err));
    MR_CHECK_OK(session->ops->guard_lock(session, &second, &err));
    pq_expect(
        LOCK("t") "SAVEPOINT millrace; SAVEPOINT millrace; " LOCK(
            "u") "RELEASE SAVEPOINT "
                 "millrace; ROLLBACK TO SAVEPOINT millrace; RELEASE SAVEPOINT millrace; " LOCK(
                     "u") "COMMIT",
        pq_done("COMMIT"));
    MR_CHECK_OK(session->ops->commit(session, &err));
    close_all();
}

MR_TEST("calls outside a transaction are bugs, not statements")
{
    uint64_t n_done = 0;
    struct mr_put_rows put = {.table = &table};
    MR_CHECK_INT(session->ops->commit(session, &err), -MR_BUG);
    MR_CHECK_INT(session->ops->savepoint(session, &err), -MR_BUG);
    MR_CHECK_INT(session->ops->put_positions(session, &span, 1, &err), -MR_BUG);
    MR_CHECK_INT(session->ops->put_rows(session, &put, MR_PUT_INSERT, &n_done, &err), -MR_BUG);
    session->ops->rollback(session);
    close_all();
}

MR_TEST("a lock wait ends the backend that owned the position before")
{
    begin();
    pq_expect("UPDATE \"millrace\".positions", pq_refused("55P03", "lock timeout"));
    expect_connect();
    pq_expect("pg_terminate_backend", pq_done("SELECT 1"));
    MR_CHECK_INT(session->ops->put_positions(session, &span, 1, &err), -MR_DB);
    MR_CHECK_STR(pq.last_params[0], "99");
    MR_CHECK_STR(pq.last_params[1], "2026-11-21T09:00:00.000000");
    pq_expect("ROLLBACK", pq_done("ROLLBACK"));
    session->ops->rollback(session);
    close_all();
}
