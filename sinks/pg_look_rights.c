/* Owns the rights that the role needs on the tables of its routes, and the GRANTs for those that it
 * lacks. Asks only the catalogue. */
#include <string.h>

#include <libpq-fe.h>

#include "sinks/pg.h"

#include "base/ban.h"

static const char *const needs[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"};
enum { N_NEEDS = sizeof needs / sizeof needs[0], NEED_INSERT = 1, NEED_TRUNCATE = 4 };

/* Fields of the one question a table. */
enum { SCHEMA_THERE, SCHEMA_USAGE, SCHEMA_CREATE, TABLE_THERE, TABLE_OWNED, TABLE_NEEDS };
static const char table_sql[] =
    "SELECT n.oid IS NOT NULL, pg_catalog.has_schema_privilege(n.oid, 'USAGE'), "
    "pg_catalog.has_schema_privilege(n.oid, 'CREATE'), c.oid IS NOT NULL, "
    "pg_catalog.pg_has_role(c.relowner, 'USAGE'), "
    "pg_catalog.has_table_privilege(c.oid, 'SELECT'), "
    "pg_catalog.has_table_privilege(c.oid, 'INSERT'), "
    "pg_catalog.has_table_privilege(c.oid, 'UPDATE'), "
    "pg_catalog.has_table_privilege(c.oid, 'DELETE'), "
    "pg_catalog.has_table_privilege(c.oid, 'TRUNCATE') "
    "FROM (VALUES ($1::text, $2::text)) w(s, t) "
    "LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = w.s "
    "LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.t";

struct asking {
    const struct mr_look_table *table;
    const char *schema;
    struct mr_findings *findings;
    struct mr_buf role;    /* quoted */
    struct mr_buf subject; /* schema.name, for people */
    struct mr_buf place;   /* quoted */
    struct mr_buf sql;
};

static void refuse(struct asking *ask, const char *what)
{
    struct mr_err err = MR_ERR_INIT;

    (void)mr_err_set(&err, MR_TARGET_PRIVILEGE, "role %s %s", mr_buf_cstr(&ask->role), what);
    mr_findings_fault(ask->findings, mr_buf_cstr(&ask->subject), &err);
    mr_findings_remedy(ask->findings, "Let the owner, or an administrator, run:");
    mr_findings_sql(ask->findings, mr_buf_cstr(&ask->sql));
}

static void grant_on_schema(struct asking *ask, const char *rights)
{
    mr_buf_reset(&ask->sql);
    mr_buf_fmt(&ask->sql, "GRANT %s ON SCHEMA ", rights);
    mr_pg_ident(&ask->sql, ask->schema);
    mr_buf_fmt(&ask->sql, " TO %s", mr_buf_cstr(&ask->role));
}

/* The table would be made. */
static bool absent_look(struct asking *ask, const PGresult *res)
{
    if (ask->table->n_statements == 0)
        return true; /* nothing would make it: the plan says so */
    if (!mr_pg_bool(res, 0, SCHEMA_THERE)) {
        mr_buf_reset(&ask->sql);
        mr_buf_str(&ask->sql, "CREATE SCHEMA ");
        mr_pg_ident(&ask->sql, ask->schema);
        mr_buf_fmt(&ask->sql, " AUTHORIZATION %s", mr_buf_cstr(&ask->role));
        refuse(ask, "finds no such schema: millrace makes tables, not schemas");
        return false;
    }
    if (mr_pg_bool(res, 0, SCHEMA_CREATE) && mr_pg_bool(res, 0, SCHEMA_USAGE))
        return true;
    grant_on_schema(ask, "USAGE, CREATE");
    refuse(ask, "may not make tables in the schema");
    return false;
}

/* Appends what is lacking; false: nothing is. */
static bool lacking(const struct asking *ask, const PGresult *res, struct mr_buf *out)
{
    for (int i = 0; i < N_NEEDS; i++) {
        bool needed = i == NEED_INSERT || (!ask->table->append && i != NEED_TRUNCATE);
        if (needed && !mr_pg_bool(res, 0, TABLE_NEEDS + i))
            mr_buf_fmt(out, "%s%s", out->len > 0 ? ", " : "", needs[i]);
    }
    return out->len > 0;
}

static bool rows_look(struct asking *ask, const PGresult *res)
{
    struct mr_buf rights = MR_BUF_INIT;
    struct mr_buf what = MR_BUF_INIT;
    bool good = !lacking(ask, res, &rights);

    if (!good) {
        mr_buf_reset(&ask->sql);
        mr_buf_fmt(&ask->sql, "GRANT %s ON TABLE %s TO %s", mr_buf_cstr(&rights),
                   mr_buf_cstr(&ask->place), mr_buf_cstr(&ask->role));
        mr_buf_fmt(&what, "lacks %s", mr_buf_cstr(&rights));
        refuse(ask, mr_buf_cstr(&what));
    } else if (ask->table->truncates && !mr_pg_bool(res, 0, TABLE_NEEDS + NEED_TRUNCATE)) {
        mr_findings_add(ask->findings, MR_FINDING_NOTE, mr_buf_cstr(&ask->subject),
                        "role %s may not TRUNCATE: the source's truncates are done by DELETE",
                        mr_buf_cstr(&ask->role));
    }
    mr_buf_release(&rights);
    mr_buf_release(&what);
    return good;
}

/* Only a table's owner may alter it: the statements are then the owner's to run. */
static bool alter_look(struct asking *ask, const PGresult *res)
{
    if (ask->table->n_statements == 0 || mr_pg_bool(res, 0, TABLE_OWNED))
        return true;
    mr_buf_reset(&ask->sql);
    for (size_t i = 0; i < ask->table->n_statements; i++)
        mr_buf_fmt(&ask->sql, "%s%s", i > 0 ? ";\n" : "", ask->table->statements[i]);
    refuse(ask, "does not own the table, and would have to alter it");
    return false;
}

static int table_look(struct asking *ask, struct mr_pg_conn *conn, struct mr_err *err)
{
    struct mr_pg_params params = {.n = 0};
    PGresult *res = NULL;

    mr_buf_reset(&ask->subject);
    mr_buf_fmt(&ask->subject, "%s.%s", ask->schema, ask->table->name);
    mr_buf_reset(&ask->place);
    mr_pg_ident(&ask->place, ask->schema);
    mr_buf_byte(&ask->place, '.');
    mr_pg_ident(&ask->place, ask->table->name);
    mr_pg_param_text(&params, ask->schema);
    mr_pg_param_text(&params, ask->table->name);
    int rc = mr_pg_exec_params(conn, table_sql, &params, &res, err);
    if (rc < 0)
        return rc;
    bool there = mr_pg_bool(res, 0, TABLE_THERE);
    bool good = true;
    if (there && !mr_pg_bool(res, 0, SCHEMA_USAGE)) {
        grant_on_schema(ask, "USAGE");
        refuse(ask, "may not use the schema");
        good = false;
    }
    good = (there ? rows_look(ask, res) : absent_look(ask, res)) && good;
    good = (!there || alter_look(ask, res)) && good;
    if (good)
        mr_findings_add(ask->findings, MR_FINDING_OK, mr_buf_cstr(&ask->subject), "%s",
                        there ? "the role may load it" : "the role may make it");
    PQclear(res);
    return 0;
}

/* Rows that are only inserted are not staged. */
static bool any_staged(const struct mr_look *look)
{
    for (size_t i = 0; i < look->n_tables; i++) {
        if (!look->tables[i].append)
            return true;
    }
    return false;
}

/* Staging tables are temporary ones. */
static int temp_look(struct asking *ask, struct mr_pg_conn *conn, struct mr_err *err)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(conn,
                        "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), "
                        "'TEMP'), pg_catalog.quote_ident(pg_catalog.current_database())",
                        &res, err);

    if (rc == 0 && !mr_pg_bool(res, 0, 0)) {
        mr_buf_str(&ask->subject, "database");
        mr_buf_fmt(&ask->sql, "GRANT TEMPORARY ON DATABASE %s TO %s", PQgetvalue(res, 0, 1),
                   mr_buf_cstr(&ask->role));
        refuse(ask, "may not make temporary tables, in which batches are staged");
    }
    PQclear(res);
    return rc;
}

int mr_pg_look_rights(struct mr_pg_sink *sink, struct mr_pg_conn *conn, const struct mr_look *look,
                      struct mr_findings *findings, struct mr_err *err)
{
    struct asking ask = {.findings = findings,
                         .role = MR_BUF_INIT,
                         .subject = MR_BUF_INIT,
                         .place = MR_BUF_INIT,
                         .sql = MR_BUF_INIT};
    int rc = mr_pg_look_role(conn, &ask.role, err);

    if (look->n_tables == 0)
        mr_findings_add(findings, MR_FINDING_SKIPPED, "the role may do what run does",
                        "not checked: no table is known");
    if (rc == 0 && any_staged(look))
        rc = temp_look(&ask, conn, err);
    for (size_t i = 0; rc == 0 && i < look->n_tables; i++) {
        ask.table = &look->tables[i];
        ask.schema = *ask.table->schema != '\0' ? ask.table->schema : sink->opts->schema;
        rc = table_look(&ask, conn, err);
    }
    mr_buf_release(&ask.role);
    mr_buf_release(&ask.subject);
    mr_buf_release(&ask.place);
    mr_buf_release(&ask.sql);
    return rc;
}
