/* Waits, deadlines and streams over a scripted libpq. */
#include <string.h>

#include "sinks/pg_conn.h"
#include "tests/support/fake_pq.inc"

static struct mr_sink_opts opts;
static struct mr_pg_conn *conn;
static struct mr_err err;
static const char *const settings[] = {"2026-11-21T10:00:00.000000", "63"};

MR_SETUP
{
    pq_init();
    mr_err_clear(&err);
    opts = (struct mr_sink_opts){.url = "postgresql:///db",
                                 .pipeline = "shop",
                                 .instance_id = "one",
                                 .statement_timeout_ms = 10000,
                                 .env = {.clock = &pq.clock.base}};
    pq_expect("CONNECT", pq_done(""));
    pq_expect("set_config", pq_rows(1, 2, settings));
    MR_CHECK_OK(mr_pg_connect(&opts, &conn, &err));
}

static void close_all(void)
{
    mr_pg_disconnect(conn);
    pq_finish();
}

MR_TEST("a refusal leaves the connection usable, a lost connection does not")
{
    struct pg_result wrong = pq_refused("42601", "syntax error");
    wrong.position = "1";
    pq_expect("SELECT 1", wrong);
    MR_CHECK_INT(mr_pg_exec(conn, "SELECT 1", NULL, &err), -MR_INTERNAL_SQL);
    MR_CHECK(!conn->broken);
    pq_expect("SELECT 2", pq_cut());
    MR_CHECK_INT(mr_pg_exec(conn, "SELECT 2", NULL, &err), -MR_TARGET_AWAY);
    MR_CHECK(conn->broken);
    close_all();
}

MR_TEST("a server that does not answer in time is cancelled, and its answer is waited for")
{
    pq_expect("SELECT 1", pq_silent());
    pq_expect("CANCELLED", pq_refused("57014", "canceling statement"));
    MR_CHECK_INT(mr_pg_exec(conn, "SELECT 1", NULL, &err), -MR_DB);
    MR_CHECK_STR(err.sqlstate, "57014");
    MR_CHECK_INT(err.class, MR_CLASS_RETRY);
    MR_CHECK_INT(pq.n_cancels, 1);
    MR_CHECK(!conn->broken);
    close_all();
}

/* V-04: what has no time-out must not look like a thread that hangs */
MR_TEST("a wait shows life where somebody looks")
{
    _Atomic uint64_t moved_ms = 0;
    conn->moved_ms = &moved_ms;
    pq_expect("SELECT 1", pq_silent());
    pq_expect("CANCELLED", pq_done("SELECT 1"));
    (void)mr_pg_exec(conn, "SELECT 1", NULL, &err);
    MR_CHECK(atomic_load(&moved_ms) >= opts.statement_timeout_ms);
    close_all();
}

MR_TEST("a server that does not answer a cancel either is given up")
{
    pq_expect("SELECT 1", pq_silent());
    MR_CHECK_INT(mr_pg_exec(conn, "SELECT 1", NULL, &err), -MR_TARGET_AWAY);
    MR_CHECK_INT(pq.n_cancels, 1);
    MR_CHECK(conn->broken);
    close_all();
}

MR_TEST("a piece of a stream returns only when libpq holds nothing more of it")
{
    struct mr_buf piece = MR_BUF_INIT;
    uint64_t n_rows = 0;
    mr_buf_str(&piece, "abc");
    pq_expect("COPY t", pq_copy());
    MR_CHECK_OK(mr_pg_copy_begin(conn, "COPY t FROM STDIN", &err));
    for (int i = 0; i < 3; i++) {
        pq.stalls_on_put = 5;
        MR_CHECK_OK(mr_pg_copy_piece(conn, &piece, &err));
    }
    MR_CHECK_INT(pq.stalled, 15);
    pq_expect("", pq_done("COPY 7"));
    MR_CHECK_OK(mr_pg_copy_end(conn, NULL, &n_rows, &err));
    MR_CHECK_U64(n_rows, 7);
    MR_CHECK_U64(pq.n_stream, 9);
    mr_buf_release(&piece);
    close_all();
}

MR_TEST("a stream that the server refuses ends with the server's reason")
{
    pq_expect("COPY t", pq_copy());
    MR_CHECK_OK(mr_pg_copy_begin(conn, "COPY t FROM STDIN", &err));
    pq_expect("", pq_refused("22P04", "bad format"));
    MR_CHECK_INT(mr_pg_copy_end(conn, NULL, NULL, &err), -MR_INTERNAL_COPY);
    MR_CHECK(!conn->broken);
    close_all();
}

MR_TEST("a COPY that is not asked for is not streamed")
{
    pq_expect("COPY t", pq_done("SELECT 0"));
    MR_CHECK_INT(mr_pg_copy_begin(conn, "COPY t FROM STDIN", &err), -MR_INTERNAL_COPY);
    close_all();
}
