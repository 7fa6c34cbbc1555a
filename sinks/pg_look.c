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

enum want { WANT_ALWAYS, WANT_LETTERS, WANT_TOPIC, WANT_PURGE };

static const struct {
    const char *table, *right;
    enum want when;
} control_wants[] = {
    {"meta", "SELECT", WANT_ALWAYS},
    {"positions", "SELECT", WANT_ALWAYS},
    {"positions", "INSERT", WANT_ALWAYS},
    {"positions", "UPDATE", WANT_ALWAYS},
    {"dead_letters", "SELECT", WANT_LETTERS},
    {"dead_letters", "INSERT", WANT_ALWAYS},
    {"dead_letters", "UPDATE", WANT_LETTERS},
    {"dead_letters", "DELETE", WANT_PURGE},
    {"tables", "SELECT", WANT_ALWAYS},
    {"tables", "INSERT", WANT_ALWAYS},
    {"tables", "UPDATE", WANT_ALWAYS},
    {"schema_changes", "INSERT", WANT_ALWAYS},
    {"tombs", "SELECT", WANT_ALWAYS},
    {"tombs", "INSERT", WANT_ALWAYS},
    {"tombs", "UPDATE", WANT_ALWAYS},
    {"tombs", "DELETE", WANT_ALWAYS},
    {"replayed_letters", "SELECT", WANT_TOPIC},
    {"replayed_letters", "INSERT", WANT_TOPIC},
    {"replayed_letters", "DELETE", WANT_TOPIC},
};

/* Where letters go to a topic, no run asks the table for them, and a replay says in another one
 * which of them landed; only a retention deletes from it, and locks what it deletes. */
static bool is_wanted(const struct mr_look *look, enum want when)
{
    return when == WANT_ALWAYS ||
           (when == WANT_LETTERS && (!look->letters_elsewhere || look->letters_purged)) ||
           (when == WANT_TOPIC && look->letters_elsewhere) ||
           (when == WANT_PURGE && look->letters_purged);
}

/* Appends "FROM ...": the rights of table w(n, t, p) that the role has not, on tables c of the
 * schema with oid `schema`. `look` NULL: also those that run does not want. */
static void missing_sql(struct mr_buf *sql, const struct mr_look *look, const char *schema)
{
    size_t n = 0;

    mr_buf_str(sql, "FROM (VALUES ");
    for (size_t i = 0; i < sizeof control_wants / sizeof control_wants[0]; i++)
        if (look == NULL || is_wanted(look, control_wants[i].when))
            mr_buf_fmt(sql, "%s(%zu, '%s', '%s')", n++ == 0 ? "" : ", ", i, control_wants[i].table,
                       control_wants[i].right);
    mr_buf_fmt(sql,
               ") w(n, t, p) JOIN pg_catalog.pg_class c ON c.relname = w.t AND "
               "c.relnamespace = %s WHERE NOT pg_catalog.has_table_privilege(c.oid, w.p)",
               schema);
}

static int control_rights_read(const struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                               const struct mr_look *look, struct control_rights *out,
                               struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    PGresult *res = NULL;

    /* CREATE SCHEMA IF NOT EXISTS wants the right to create one, also where it is there */
    mr_buf_str(&sql, "SELECT s.oid IS NOT NULL, pg_catalog.has_schema_privilege(s.oid, 'USAGE'), "
                     "pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') "
                     "AND COALESCE(pg_catalog.pg_has_role(n.nspowner, 'USAGE'), true), "
                     "NOT EXISTS (SELECT ");
    missing_sql(&sql, look, "s.oid");
    mr_buf_str(&sql, ") FROM (SELECT pg_catalog.to_regnamespace(");
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

static void refused_add(struct mr_findings *findings, const struct mr_pg_sink *sink,
                        const struct mr_err *fault, struct mr_buf *sql)
{
    mr_findings_fault(findings, sink->control, fault);
    mr_findings_remedy(findings, "Let an administrator of the database run what "
                                 "millrace check --sql prints.");
    mr_findings_sql(findings, mr_buf_cstr(sql));
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
        refused_add(findings, sink, &fault, &sql);
    }
    mr_buf_release(&role);
    mr_buf_release(&sql);
    return rc;
}

/* Table and rights of each table that lacks some: "dead_letters", "INSERT, DELETE". */
static int missing_read(const struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                        const struct mr_look *look, PGresult **out, struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    struct mr_buf schema = MR_BUF_INIT;

    mr_buf_str(&schema, "pg_catalog.to_regnamespace(");
    mr_pg_literal(&schema, sink->control);
    mr_buf_str(&schema, ")::oid");
    mr_buf_str(&sql, "SELECT w.t, pg_catalog.string_agg(w.p, ', ' ORDER BY w.n) ");
    missing_sql(&sql, look, mr_buf_cstr(&schema));
    mr_buf_str(&sql, " GROUP BY w.t ORDER BY pg_catalog.min(w.n)");
    int rc = mr_buf_ok(&sql) && mr_buf_ok(&schema) ? mr_pg_exec(conn, mr_buf_cstr(&sql), out, err)
                                                   : mr_err_set(err, MR_NO_MEMORY, "a statement");
    mr_buf_release(&schema);
    mr_buf_release(&sql);
    return rc;
}

/* Each table that is there, with the rights that it lacks and their grant. */
static int tables_refused(const struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                          const struct mr_look *look, struct mr_findings *findings,
                          struct mr_err *err)
{
    struct mr_buf role = MR_BUF_INIT;
    struct mr_buf sql = MR_BUF_INIT;
    PGresult *res = NULL;
    int rc = mr_pg_look_role(conn, &role, err);

    if (rc == 0)
        rc = missing_read(sink, conn, look, &res, err);
    for (int i = 0; rc == 0 && i < PQntuples(res); i++) {
        const char *table = PQgetvalue(res, i, 0);
        const char *rights = PQgetvalue(res, i, 1);
        struct mr_err fault = MR_ERR_INIT;
        mr_buf_reset(&sql);
        mr_buf_fmt(&sql, "GRANT %s ON %s.%s TO %s", rights, sink->control, table,
                   mr_buf_cstr(&role));
        (void)mr_err_set(&fault, MR_TARGET_PRIVILEGE, "role %s may not %s on %s.%s",
                         mr_buf_cstr(&role), rights, sink->control, table);
        refused_add(findings, sink, &fault, &sql);
    }
    PQclear(res);
    mr_buf_release(&role);
    mr_buf_release(&sql);
    return rc;
}

/* What no run needs: the DELETE of `millrace dlq purge`. */
static int purge_note(const struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                      struct mr_findings *findings, struct mr_err *err)
{
    struct mr_buf remedy = MR_BUF_INIT;
    PGresult *res = NULL;
    int rc = missing_read(sink, conn, NULL, &res, err);

    if (rc == 0 && PQntuples(res) == 1 && strcmp(PQgetvalue(res, 0, 0), "dead_letters") == 0 &&
        strcmp(PQgetvalue(res, 0, 1), "DELETE") == 0) {
        mr_findings_add(findings, MR_FINDING_NOTE, sink->control,
                        "the role may not DELETE on %s.dead_letters: neither millrace dlq purge "
                        "nor dlq.retention would work",
                        sink->control);
        mr_buf_fmt(&remedy, "GRANT DELETE ON %s.dead_letters, if either is wanted.", sink->control);
        mr_findings_remedy(findings, mr_buf_cstr(&remedy));
    }
    PQclear(res);
    mr_buf_release(&remedy);
    return rc;
}

static int control_look(struct mr_pg_sink *sink, struct mr_pg_conn *conn, struct mr_look *look,
                        struct mr_findings *findings, struct mr_err *err)
{
    struct control_rights rights = {.there = false};
    int64_t version = 0;
    bool missing = false;
    int rc = control_rights_read(sink, conn, look, &rights, err);

    look->control_absent = true;
    if (rc == 0 && rights.there && !rights.usable)
        return control_refused(sink, conn, false, findings, err);
    if (rc == 0 && rights.there && !rights.complete)
        return tables_refused(sink, conn, look, findings, err);
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
    return rights.there ? purge_note(sink, conn, findings, err) : 0;
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
