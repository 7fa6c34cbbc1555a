/* Owns what can be told of a PostgreSQL server and its control tables before they are loaded into.
 * Alters nothing. What is missing comes with the statement that an administrator would run. */
#include <string.h>

#include <libpq-fe.h>

#include "sinks/pg.h"

#include "base/ban.h"

enum { LEAST_SERVER = 130000 };

/* ---- the server ---- */

/* Fields of the one question. */
enum { VERSION, VERSION_NUM, STANDBY, READ_ONLY, SYNC, FSYNC, PLACES, TAKEN, ROLE_PLACES, CUTS };
static const char server_sql[] =
    "SELECT pg_catalog.current_setting('server_version'), "
    "pg_catalog.current_setting('server_version_num')::int, pg_catalog.pg_is_in_recovery(), "
    "pg_catalog.current_setting('transaction_read_only')::bool, "
    "pg_catalog.current_setting('synchronous_commit') = 'off', "
    "pg_catalog.current_setting('fsync') = 'off', "
    "pg_catalog.current_setting('max_connections')::int - "
    "pg_catalog.current_setting('superuser_reserved_connections')::int, "
    "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()), "
    "(SELECT rolconnlimit FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER), "
    "(SELECT pg_catalog.string_agg(name, ', ' ORDER BY name) FROM pg_catalog.pg_settings "
    "WHERE name IN ('idle_session_timeout', 'transaction_timeout') AND setting <> '0')";

static void writable_look(const PGresult *res, struct mr_findings *findings)
{
    struct mr_err err = MR_ERR_INIT;
    bool standby = mr_pg_bool(res, 0, STANDBY);

    if (!standby && !mr_pg_bool(res, 0, READ_ONLY))
        return;
    (void)mr_err_set_db(&err, mr_pg_class("25006"), "25006", "%s",
                        standby ? "the server is a standby, and takes no writes"
                                : "transactions are read-only by default");
    mr_findings_fault(findings, "server", &err);
    mr_findings_remedy(findings, standby
                                     ? "Name the primary in target.url, or several hosts: the one "
                                       "that can be written is taken."
                                     : "Set default_transaction_read_only = off for the database "
                                       "or the role.");
}

static void durable_look(const PGresult *res, struct mr_findings *findings)
{
    if (mr_pg_bool(res, 0, FSYNC)) {
        mr_findings_add(findings, MR_FINDING_WARNING, "server",
                        "fsync is off: a crash of the machine may destroy the database");
        mr_findings_remedy(findings, "Set fsync = on.");
    }
    if (mr_pg_bool(res, 0, SYNC))
        mr_findings_add(findings, MR_FINDING_NOTE, "server",
                        "synchronous_commit is off: a crash may take back the last commits, rows "
                        "and positions alike; they are then loaded again");
    if (*PQgetvalue(res, 0, CUTS) == '\0')
        return;
    mr_findings_add(findings, MR_FINDING_WARNING, "server", "%s ends sessions of the pool",
                    PQgetvalue(res, 0, CUTS));
    mr_findings_remedy(findings, "Set it to 0 for the role: idle connections are millrace's to "
                                 "close (target.pool.idle).");
}

static void places_look(const struct mr_pg_sink *sink, const PGresult *res,
                        struct mr_findings *findings)
{
    int64_t most = mr_pg_i64(res, 0, PLACES);
    int64_t taken = mr_pg_i64(res, 0, TAKEN);
    int64_t role = mr_pg_i64(res, 0, ROLE_PLACES);
    int64_t want = sink->opts->pool_max;

    if (role >= 0 && role < want) {
        mr_findings_add(findings, MR_FINDING_WARNING, "connections",
                        "the role may have %lld at once, target.pool.max is %lld", (long long)role,
                        (long long)want);
        mr_findings_remedy(findings, "ALTER ROLE ... CONNECTION LIMIT, or lower target.pool.max.");
    } else if (most - taken < want) {
        mr_findings_add(findings, MR_FINDING_WARNING, "connections",
                        "%lld of %lld are in use, target.pool.max is %lld", (long long)taken,
                        (long long)most, (long long)want);
        mr_findings_remedy(findings, "Raise the server's max_connections, or lower "
                                     "target.pool.max and lanes.");
    }
}

static int server_look(const struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                       struct mr_findings *findings, struct mr_err *err)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(conn, server_sql, &res, err);

    if (rc == 0) {
        mr_findings_add(findings, MR_FINDING_OK, "server", "PostgreSQL %s, encoding UTF8",
                        PQgetvalue(res, 0, VERSION));
        if (mr_pg_i64(res, 0, VERSION_NUM) < LEAST_SERVER) {
            mr_findings_add(findings, MR_FINDING_FAULT, "server",
                            "PostgreSQL 13 is the oldest that is loaded into");
            mr_findings_remedy(findings, "Upgrade the server.");
        }
        writable_look(res, findings);
        durable_look(res, findings);
        places_look(sink, res, findings);
    }
    PQclear(res);
    return rc;
}

/* ---- control tables ---- */

int mr_pg_look_role(struct mr_pg_conn *conn, struct mr_buf *role, struct mr_err *err)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(conn, "SELECT pg_catalog.quote_ident(CURRENT_USER)", &res, err);

    if (rc == 0)
        mr_buf_str(role, PQgetvalue(res, 0, 0));
    PQclear(res);
    return rc;
}

/* May the role make the schema, or make what is missing in it; and use all that is there? */
struct control_rights {
    bool there;  /* the schema */
    bool usable; /* USAGE */
    bool makes;
    bool complete; /* the rights on its tables */
};

static const char *const control_wants[][2] = {
    {"meta", "SELECT"},
    {"positions", "SELECT"},
    {"positions", "INSERT"},
    {"positions", "UPDATE"},
    {"dead_letters", "INSERT"},
    {"dead_letters", "SELECT"},
    {"dead_letters", "UPDATE"},
    {"tables", "SELECT"},
    {"tables", "INSERT"},
    {"tables", "UPDATE"},
    {"schema_changes", "INSERT"},
    {"tombs", "SELECT"},
    {"tombs", "INSERT"},
    {"tombs", "UPDATE"},
    {"tombs", "DELETE"},
    {"replayed_letters", "SELECT"},
    {"replayed_letters", "INSERT"},
    {"replayed_letters", "DELETE"},
};

static int control_rights_read(const struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                               struct control_rights *out, struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    PGresult *res = NULL;

    /* CREATE SCHEMA IF NOT EXISTS wants the right to create one, also where it is there */
    mr_buf_str(&sql, "SELECT s.oid IS NOT NULL, pg_catalog.has_schema_privilege(s.oid, 'USAGE'), "
                     "pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') "
                     "AND COALESCE(pg_catalog.pg_has_role(n.nspowner, 'USAGE'), true), "
                     "NOT EXISTS (SELECT FROM (VALUES ");
    for (size_t i = 0; i < sizeof control_wants / sizeof control_wants[0]; i++)
        mr_buf_fmt(&sql, "%s('%s', '%s')", i == 0 ? "" : ", ", control_wants[i][0],
                   control_wants[i][1]);
    mr_buf_str(&sql, ") w(t, p) JOIN pg_catalog.pg_class c ON c.relname = w.t AND "
                     "c.relnamespace = s.oid WHERE NOT pg_catalog.has_table_privilege(c.oid, w.p)) "
                     "FROM (SELECT pg_catalog.to_regnamespace(");
    mr_pg_literal(&sql, sink->control);
    mr_buf_str(&sql, ")::oid) s(oid) LEFT JOIN pg_catalog.pg_namespace n ON n.oid = s.oid");
    int rc = mr_buf_ok(&sql) ? mr_pg_exec(conn, mr_buf_cstr(&sql), &res, err)
                             : mr_err_set(err, MR_NO_MEMORY, "a statement");
    if (rc == 0)
        *out = (struct control_rights){.there = mr_pg_bool(res, 0, 0),
                                       .usable = mr_pg_bool(res, 0, 1),
                                       .makes = mr_pg_bool(res, 0, 2),
                                       .complete = mr_pg_bool(res, 0, 3)};
    PQclear(res);
    mr_buf_release(&sql);
    return rc;
}

/* What an administrator runs, so that the role needs no right to create anything there. */
static int control_refused(const struct mr_pg_sink *sink, struct mr_pg_conn *conn, bool make,
                           struct mr_findings *findings, struct mr_err *err)
{
    struct mr_buf role = MR_BUF_INIT;
    struct mr_buf sql = MR_BUF_INIT;
    struct mr_err fault = MR_ERR_INIT;
    int rc = mr_pg_look_role(conn, &role, err);

    if (rc == 0) {
        if (make) {
            mr_pg_control_script(&sql, sink->control);
            mr_buf_str(&sql, ";\n");
        }
        mr_buf_fmt(&sql,
                   "GRANT USAGE ON SCHEMA %s TO %s;\n"
                   "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %s TO %s",
                   sink->control, mr_buf_cstr(&role), sink->control, mr_buf_cstr(&role));
        (void)mr_err_set(&fault, MR_TARGET_PRIVILEGE, "role %s may not %s the control tables",
                         mr_buf_cstr(&role), make ? "make" : "use");
        mr_findings_fault(findings, sink->control, &fault);
        mr_findings_remedy(findings, "Let an administrator of the database run what "
                                     "millrace check --sql prints.");
        mr_findings_sql(findings, mr_buf_cstr(&sql));
    }
    mr_buf_release(&role);
    mr_buf_release(&sql);
    return rc;
}

static int control_look(struct mr_pg_sink *sink, struct mr_pg_conn *conn, struct mr_look *look,
                        struct mr_findings *findings, struct mr_err *err)
{
    struct control_rights rights = {.there = false};
    int64_t version = 0;
    bool missing = false;
    int rc = control_rights_read(sink, conn, &rights, err);

    look->control_absent = true;
    if (rc == 0 && rights.there && (!rights.usable || !rights.complete))
        return control_refused(sink, conn, false, findings, err);
    if (rc == 0)
        rc = mr_pg_control_look(sink, conn, &version, &missing, err);
    if (rc == -MR_TARGET_CONTROL_NEWER) {
        mr_findings_fault(findings, sink->control, err);
        mr_err_clear(err);
        return 0;
    }
    if (rc < 0)
        return rc;
    look->control_absent = version == 0;
    if ((version == 0 || missing) && !rights.makes)
        return control_refused(sink, conn, true, findings, err);
    mr_findings_add(findings, MR_FINDING_OK, sink->control, "%s",
                    version == 0 ? "control tables would be made"
                    : missing    ? "control tables would be completed"
                                 : "control tables are there");
    return 0;
}

int mr_pg_look_over(struct mr_sink *base, struct mr_look *look, struct mr_findings *findings,
                    struct mr_err *err)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    struct mr_pg_conn *conn = NULL;
    int rc = mr_pg_pool_take(&sink->pool, &conn, err);

    if (rc < 0)
        return rc;
    if (look->tables != NULL) {
        rc = mr_pg_look_rights(sink, conn, look, findings, err);
    } else {
        rc = server_look(sink, conn, findings, err);
        if (rc == 0)
            rc = control_look(sink, conn, look, findings, err);
    }
    mr_pg_pool_give(&sink->pool, conn);
    return rc;
}
