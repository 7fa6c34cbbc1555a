/* Opening a connection over a scripted libpq: what is asked for, and what a refusal means. */
#include "sinks/pg_conn.h"

#include <string.h>

#include "tests/support/fake_pq.inc"

static struct mr_sink_opts opts;
static struct mr_pg_conn *conn;
static struct mr_err err;
static const char *const settings[] = {"2026-11-21T10:00:00.000000", "63"};

MR_SETUP
{
    pq_init();
    conn = NULL;
    mr_err_clear(&err);
    opts = (struct mr_sink_opts){.url = "postgresql:///db",
                                 .pipeline = "shop",
                                 .instance_id = "one",
                                 .lock_timeout_ms = 60000,
                                 .session_timeout_ms = 45000,
                                 .statement_timeout_ms = 10000,
                                 .env = {.clock = &pq.clock.base}};
}

static int place(const char *keyword)
{
    for (int i = 0; i < 16 && pq.keywords[i] != NULL; i++) {
        if (strcmp(pq.keywords[i], keyword) == 0)
            return i;
    }
    MR_FAIL("no %s", keyword);
}

static int connect_refused(const char *text)
{
    pq_expect("CONNECT", pq_refused("", text));
    int rc = mr_pg_connect(&opts, &conn, &err);
    MR_CHECK(conn == NULL);
    pq_finish();
    return rc;
}

// Source: PQconnectdbParams: what stands behind dbname overrides the URL
MR_TEST("the URL may say which server it takes, but not another encoding")
{
    pq_expect("CONNECT", pq_done(""));
    pq_expect("set_config", pq_rows(1, 2, settings));
    MR_CHECK_OK(mr_pg_connect(&opts, &conn, &err));
    MR_CHECK(place("target_session_attrs") < place("dbname"));
    MR_CHECK(place("client_encoding") > place("dbname"));
    MR_CHECK(place("keepalives_idle") < place("dbname")); /* an ALTER has no time-out */
    MR_CHECK_STR(pq.values[place("keepalives_idle")], "30");
    MR_CHECK_STR(conn->backend_start, settings[0]);
    MR_CHECK_INT(conn->backend_pid, 4711);
    mr_pg_disconnect(conn);
    pq_finish();
}

/* I-03 */
MR_TEST("a server that would cut our names is refused")
{
    static const char *const longer[] = {"2026-11-21T10:00:00.000000", "127"};
    static const char *const shorter[] = {"2026-11-21T10:00:00.000000", "31"};
    pq_expect("CONNECT", pq_done(""));
    pq_expect("max_identifier_length", pq_rows(1, 2, longer));
    MR_CHECK_OK(mr_pg_connect(&opts, &conn, &err));
    mr_pg_disconnect(conn);
    conn = NULL;
    pq_expect("CONNECT", pq_done(""));
    pq_expect("max_identifier_length", pq_rows(1, 2, shorter));
    MR_CHECK_INT(mr_pg_connect(&opts, &conn, &err), -MR_TARGET_SHORT_NAMES);
    MR_CHECK(conn == NULL && strstr(err.detail, "31 bytes") != NULL);
    pq_finish();
}

// design.md section 4
MR_TEST("a lock wait is never longer than the five seconds after which an owner is ended")
{
    pq_expect("CONNECT", pq_done(""));
    pq_expect("set_config", pq_rows(1, 2, settings));
    MR_CHECK_OK(mr_pg_connect(&opts, &conn, &err));
    MR_CHECK(strstr(pq.last_params[0], "\"lock_timeout\",\"statement_timeout\","
                                       "\"idle_in_transaction_session_timeout\"") != NULL);
    MR_CHECK(strstr(pq.last_params[1], "\"5000\",\"10000\",\"45000\"") != NULL);
    mr_pg_disconnect(conn);
    pq_finish();
}

//
MR_TEST("a refused login is told by its SQLSTATE, and its text stays one line")
{
    MR_CHECK_INT(connect_refused("connection to server at \"h\" failed: FATAL:  28P01: password "
                                 "authentication failed for user \"u\"\nLOCATION:  auth.c:1\n"),
                 -MR_TARGET_AUTH);
    MR_CHECK_STR(err.sqlstate, "28P01");
    MR_CHECK_INT(err.class, MR_CLASS_HALT);
    MR_CHECK_STR(err.detail, "password authentication failed for user \"u\"");
}

//
MR_TEST("a full server pauses, a server that is away is tried again")
{
    MR_CHECK_INT(connect_refused("FATAL:  53300: sorry, too many clients already\n"), -MR_DB);
    MR_CHECK_INT(err.class, MR_CLASS_PAUSE);
    pq_init();
    MR_CHECK_INT(connect_refused("could not connect: Connection refused\n"), -MR_TARGET_AWAY);
    MR_CHECK_INT(err.class, MR_CLASS_RETRY);
    MR_CHECK_STR(err.detail, "could not connect: Connection refused");
}
