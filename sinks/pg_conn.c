/* One PostgreSQL connection: opening it by the URL within a deadline, the session settings that
 * design.md section 4 asks for, and the server's notices. Must not know tables or positions.
 * Source: PostgreSQL manual, 34.1 "Database Connection Control Functions". */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/fault.h"
#include "base/log.h"
#include "sinks/pg.h"
#include "sinks/pg_hosts.h"

#include "base/ban.h"

/* The server's own messages: warnings of its own and of the user's triggers. */
static void notice_log(void *arg, const PGresult *res)
{
    (void)arg;
    const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    mr_log(MR_WARN, "target_notice", mr_kv_str("sqlstate", sqlstate != NULL ? sqlstate : ""),
           mr_kv_str("detail", text != NULL ? text : ""));
}

/* Waits until the socket is ready as libpq asks; *ready false: ask again. */
static int connect_wait(struct mr_pg_conn *conn, PostgresPollingStatusType want, uint64_t deadline,
                        bool *ready, struct mr_err *err)
{
    uint64_t now = mr_mono_ms(conn->env);
    if (now >= deadline)
        return mr_err_set(err, MR_TARGET_AWAY, "no connection within the time allowed");
    uint64_t left = deadline - now;
    struct pollfd fd = {.fd = PQsocket(conn->pq), .events = POLLIN};
    if (want == PGRES_POLLING_WRITING)
        fd.events = POLLOUT;
    int n = poll(&fd, 1, left > 1000 ? 1000 : (int)left);
    if (n < 0 && errno != EINTR)
        return mr_err_set(err, MR_TARGET_AWAY, "poll: errno %d", errno);
    *ready = n > 0;
    return 0;
}

static int connect_poll(struct mr_pg_conn *conn, uint64_t deadline, struct mr_err *err)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    if (PQstatus(conn->pq) == CONNECTION_BAD)
        return mr_pg_fail_connect(PQerrorMessage(conn->pq), err);
    while (state != PGRES_POLLING_OK) {
        bool ready = false;
        int rc = connect_wait(conn, state, deadline, &ready, err);
        if (rc < 0)
            return rc;
        if (ready)
            state = PQconnectPoll(conn->pq);
        if (state == PGRES_POLLING_FAILED)
            return mr_pg_fail_connect(PQerrorMessage(conn->pq), err);
    }
    return 0;
}

/* What stands before dbname is a default that the URL may override; what stands behind it is ours.
 * Source: PostgreSQL manual, PQconnectdbParams, expand_dbname. */
static PGconn *connect_start(const struct mr_sink_opts *opts, const struct mr_pg_hosts *hosts,
                             size_t turn)
{
    struct mr_buf lists[3] = {MR_BUF_INIT, MR_BUF_INIT, MR_BUF_INIT};
    const struct mr_buf *named[3] = {&hosts->host, &hosts->hostaddr, &hosts->port};
    static const char *const names[3] = {"host", "hostaddr", "port"};
    char name[128];
    (void)snprintf(name, sizeof name, "millrace/%s/%s", opts->pipeline, opts->instance_id);
    char user_timeout[16];
    (void)snprintf(user_timeout, sizeof user_timeout, "%" PRIu32, opts->session_timeout_ms);
    /* a call without a time-out ends with a server that is gone, too */
    const char *keys[] = {"application_name",
                          "target_session_attrs",
                          "tcp_user_timeout",
                          "keepalives_idle",
                          "keepalives_interval",
                          "dbname",
                          "client_encoding",
                          NULL,
                          NULL,
                          NULL,
                          NULL};
    const char *values[] = {name,         opts->look_only ? "any" : "read-write",
                            user_timeout, "30",
                            "10",         opts->url,
                            "UTF8",       NULL,
                            NULL,         NULL,
                            NULL};
    size_t n = 7;
    for (size_t i = 0; turn > 0 && i < 3; i++) {
        if (named[i]->len == 0)
            continue;
        mr_pg_hosts_turn(named[i], turn, &lists[i]);
        keys[n] = names[i];
        values[n++] = mr_buf_cstr(&lists[i]);
    }
    PGconn *pq = PQconnectStartParams(keys, values, 1);
    for (size_t i = 0; i < 3; i++)
        mr_buf_release(&lists[i]);
    return pq;
}

/* Planner: an un-analysed staging table makes it hash the whole target, so merges pin nested loops
 * over the key index (measured: about double the speed). */
static const char *const fixed_settings[][2] = {
    {"search_path", "pg_catalog"},
    {"TimeZone", "UTC"},
    {"DateStyle", "ISO"},
    {"IntervalStyle", "postgres"},
    {"lc_monetary", "C"},
    {"bytea_output", "hex"},
    {"extra_float_digits", "1"}, /* texts of floats that tell them apart */
    {"standard_conforming_strings", "on"},
    {"client_min_messages", "warning"},
    {"client_connection_check_interval", "2000"},
    {"jit", "off"},
    {"enable_hashjoin", "off"},
    {"enable_mergejoin", "off"},
    {"temp_buffers", "4096"},
    {"work_mem", "32768"},
};

struct settings {
    struct mr_buf names;
    struct mr_buf values;
};

static void setting_add(struct settings *set, const char *name, const char *value)
{
    bool first = set->names.len == 0;
    mr_pg_array_text(&set->names, first, name);
    mr_pg_array_text(&set->values, first, value);
}

static void setting_add_ms(struct settings *set, const char *name, uint32_t ms)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%" PRIu32, ms);
    setting_add(set, name, text);
}

static void settings_fill(struct settings *set, const struct mr_sink_opts *opts)
{
    uint32_t lock_ms = opts->lock_timeout_ms;
    if (lock_ms == 0 || lock_ms > MR_PG_LOCK_WAIT_MS)
        lock_ms = MR_PG_LOCK_WAIT_MS;
    uint32_t idle_ms =
        opts->session_timeout_ms > MR_PG_MIN_IDLE_MS ? opts->session_timeout_ms : MR_PG_MIN_IDLE_MS;
    for (size_t i = 0; i < sizeof fixed_settings / sizeof fixed_settings[0]; i++)
        setting_add(set, fixed_settings[i][0], fixed_settings[i][1]);
    setting_add_ms(set, "lock_timeout", lock_ms);
    setting_add_ms(set, "statement_timeout", opts->statement_timeout_ms);
    setting_add_ms(set, "idle_in_transaction_session_timeout", idle_ms);
    setting_add_ms(set, "tcp_user_timeout", idle_ms);
    mr_buf_str(&set->names, "}");
    mr_buf_str(&set->values, "}");
}

/* I-03: it would cut names that we look up in full. */
static int names_check(const struct mr_pg_conn *conn, int64_t max_bytes, struct mr_err *err)
{
    if (max_bytes >= MR_PG_NAME_BYTES)
        return 0;
    return mr_err_set(err, MR_TARGET_SHORT_NAMES, "database %s takes names of %lld bytes",
                      PQdb(conn->pq), (long long)max_bytes);
}

/* One statement for all; what this server does not know is left out. The role's path still holds:
 * everything is named with its schema. */
static int settings_apply(struct mr_pg_conn *conn, const struct mr_sink_opts *opts,
                          struct mr_err *err)
{
    static const char sql[] =
        "SELECT (SELECT pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD\"T\"HH24:MI:SS.US') FROM pg_catalog.pg_stat_get_activity("
        "pg_catalog.pg_backend_pid()) a), pg_catalog.current_setting('max_identifier_length'), "
        "pg_catalog.set_config(s.name, w.value, false) FROM "
        "unnest($1::pg_catalog.text[], $2::pg_catalog.text[]) AS w(name, value) "
        "JOIN pg_catalog.pg_settings s ON s.name OPERATOR(pg_catalog.=) w.name";
    struct settings set = {.names = MR_BUF_INIT, .values = MR_BUF_INIT};
    settings_fill(&set, opts);
    struct mr_pg_params params = {.n = 0};
    mr_pg_param_text(&params, mr_buf_cstr(&set.names));
    mr_pg_param_text(&params, mr_buf_cstr(&set.values));
    PGresult *res = NULL;
    int rc = mr_pg_exec_params(conn, sql, &params, &res, err);
    if (rc == 0) {
        conn->backend_pid = PQbackendPID(conn->pq);
        (void)snprintf(conn->backend_start, sizeof conn->backend_start, "%s",
                       PQntuples(res) > 0 ? PQgetvalue(res, 0, 0) : "");
        if (PQntuples(res) > 0)
            rc = names_check(conn, mr_pg_i64(res, 0, 1), err);
    }
    PQclear(res);
    mr_buf_release(&set.names);
    mr_buf_release(&set.values);
    return rc;
}

static int encoding_check(const struct mr_pg_conn *conn, struct mr_err *err)
{
    const char *encoding = PQparameterStatus(conn->pq, "server_encoding");
    if (encoding == NULL || strcmp(encoding, "UTF8") == 0)
        return 0;
    return mr_err_set(err, MR_TARGET_ENCODING, "database %s has encoding %s", PQdb(conn->pq),
                      encoding);
}

/* One try of all servers, but of those behind one that does not answer. */
static int connect_try(struct mr_pg_conn *conn, const struct mr_sink_opts *opts,
                       const struct mr_pg_hosts *hosts, size_t turn, struct mr_err *err)
{
    uint32_t connect_ms = opts->connect_timeout_ms > 0 ? opts->connect_timeout_ms : 10000;
    int rc = 0;

    if (hosts->timeout_ms > 0)
        connect_ms = hosts->timeout_ms;
    mr_pg_memory_begin(conn);
    conn->env = &opts->env;
    conn->wake_fd = -1;
    conn->born_ms = mr_mono_ms(conn->env);
    conn->timeout_ms = connect_ms;
    conn->pq = connect_start(opts, hosts, turn);
    if (conn->pq == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a connection");
    /* The SQLSTATE of a refused login stands in the verbose text only. */
    (void)PQsetErrorVerbosity(conn->pq, PQERRORS_VERBOSE);
    (void)PQsetNoticeReceiver(conn->pq, notice_log, NULL);
    rc = connect_poll(conn, conn->born_ms + connect_ms, err);
    if (rc < 0)
        return rc;
    (void)PQsetErrorVerbosity(conn->pq, PQERRORS_DEFAULT);
    if (PQsetnonblocking(conn->pq, 1) != 0)
        return mr_err_set(err, MR_TARGET_AWAY, "%s", PQerrorMessage(conn->pq));
    rc = encoding_check(conn, err);
    if (rc == 0)
        rc = settings_apply(conn, opts, err);
    conn->timeout_ms =
        opts->statement_timeout_ms > 0 ? opts->statement_timeout_ms + MR_PG_CALL_GRACE_MS : 0;
    conn->used_ms = mr_mono_ms(conn->env);
    return rc;
}

int mr_pg_connect(const struct mr_sink_opts *opts, struct mr_pg_conn **out, struct mr_err *err)
{
    struct mr_pg_hosts hosts;
    int rc = -MR_TARGET_AWAY;

    if (MR_FAULT(PG_CONNECT))
        return mr_err_set(err, MR_TARGET_AWAY, "injected: pg_connect");
    mr_pg_hosts_read(&hosts, opts->url);
    for (size_t turn = 0; turn < hosts.n; turn++) {
        struct mr_pg_conn *conn = calloc(1, sizeof *conn);
        if (conn == NULL) {
            rc = mr_err_set(err, MR_NO_MEMORY, "a connection");
            break;
        }
        rc = connect_try(conn, opts, &hosts, turn, err);
        if (rc == 0) {
            *out = conn;
            break;
        }
        /* who refuses was not the last one that libpq tried; who is silent was */
        bool silent = mr_mono_ms(conn->env) - conn->born_ms >= conn->timeout_ms;
        mr_pg_disconnect(conn);
        if (!silent)
            break;
    }
    mr_pg_hosts_release(&hosts);
    return rc;
}

void mr_pg_disconnect(struct mr_pg_conn *conn)
{
    if (conn == NULL)
        return;
    PQfinish(conn->pq);
    free(conn->stages);
    free(conn->noted);
    free(conn);
}
