/* The sink itself and its control tables (design.md section 4, "Control tables"): opened without a
 * connection, made or migrated under an advisory lock at the first one, and asked whether the
 * target can be written. Must not know rows. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "sinks/pg.h"

#include "base/ban.h"

enum { CONTROL_VERSION = 1 };

/* '@' stands for the control schema. One statement an element; each may meet what it makes. */
static const char *const control_statements[] = {
    "CREATE SCHEMA IF NOT EXISTS @",
    "CREATE TABLE IF NOT EXISTS @.meta (schema_version int4 NOT NULL, target_id text NOT NULL)",
    "CREATE UNIQUE INDEX IF NOT EXISTS meta_one_row ON @.meta ((true))",
    "CREATE TABLE IF NOT EXISTS @.positions (pipeline text NOT NULL, group_id text NOT NULL, "
    "cluster_id text NOT NULL, topic text NOT NULL, topic_id text NOT NULL, "
    "partition int4 NOT NULL, slot int4 NOT NULL, slots int4 NOT NULL, "
    "next_offset int8 NOT NULL, leader_epoch int8 NOT NULL, epoch int8 NOT NULL, "
    "owner text NOT NULL, record_timestamp timestamptz, updated_at timestamptz NOT NULL, "
    "envelope bool NOT NULL DEFAULT false, topic_partitions int4 NOT NULL DEFAULT 0, "
    "PRIMARY KEY (pipeline, topic, partition, slot)) WITH (fillfactor = 50)",
    "CREATE TABLE IF NOT EXISTS @.dead_letters (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    "pipeline text NOT NULL, topic text NOT NULL, partition int4 NOT NULL, "
    "\"offset\" int8 NOT NULL, key bytea, value bytea, headers jsonb, "
    "record_timestamp timestamptz, code text NOT NULL, sqlstate text, detail text, "
    "target_table text, attempts int4 NOT NULL DEFAULT 1, state text NOT NULL DEFAULT 'new', "
    "created_at timestamptz NOT NULL DEFAULT pg_catalog.now(), "
    "updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(), overtaken_by int8, changed_by text)",
    "CREATE INDEX IF NOT EXISTS dead_letters_place ON @.dead_letters "
    "(pipeline, topic, partition, \"offset\")",
    "CREATE INDEX IF NOT EXISTS dead_letters_recent ON @.dead_letters (pipeline, created_at)",
    "CREATE INDEX IF NOT EXISTS dead_letters_key ON @.dead_letters "
    "(pipeline, topic, partition, pg_catalog.substr(key, 1, 200), \"offset\")",
    "CREATE INDEX IF NOT EXISTS dead_letters_age ON @.dead_letters (pipeline, state, updated_at)",
    "CREATE TABLE IF NOT EXISTS @.replayed_letters (pipeline text NOT NULL, letter text NOT NULL, "
    "version int8 NOT NULL, changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(), "
    "changed_by text NOT NULL, PRIMARY KEY (pipeline, letter, version))",
    "CREATE TABLE IF NOT EXISTS @.tables (schema text NOT NULL, name text NOT NULL, "
    "pipeline text NOT NULL, route text NOT NULL, created_by_millrace bool NOT NULL, "
    "shared bool NOT NULL DEFAULT false, PRIMARY KEY (schema, name, pipeline))",
    "CREATE TABLE IF NOT EXISTS @.schema_changes (id int8 GENERATED ALWAYS AS IDENTITY "
    "PRIMARY KEY, pipeline text NOT NULL, schema text NOT NULL, name text NOT NULL, "
    "statement text NOT NULL, instance_id text NOT NULL, "
    "changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(), schema_id int8, db_user text)",
    "CREATE TABLE IF NOT EXISTS @.tombs (pipeline text NOT NULL, schema text NOT NULL, "
    "name text NOT NULL, key bytea NOT NULL, kind text NOT NULL, guard bytea, kept bytea, "
    "deleted_at timestamptz NOT NULL DEFAULT pg_catalog.now(), "
    "PRIMARY KEY (pipeline, schema, name, key, kind))",
    "CREATE INDEX IF NOT EXISTS tombs_age ON @.tombs (pipeline, schema, name, kind, deleted_at)",
    "CREATE OR REPLACE VIEW @.freshness AS SELECT pipeline, topic, "
    "pg_catalog.min(record_timestamp) AS source_time, "
    "pg_catalog.now() - pg_catalog.min(record_timestamp) AS lag, "
    "pg_catalog.min(updated_at) AS as_of FROM @.positions GROUP BY pipeline, topic",
    "CREATE OR REPLACE FUNCTION @.wait_for(topic text, partition int4, \"offset\" int8, "
    "timeout interval DEFAULT '30 seconds') RETURNS bool LANGUAGE plpgsql VOLATILE "
    "SET search_path = pg_catalog AS $$ "
    "DECLARE deadline timestamptz := clock_timestamp() + $4; "
    "BEGIN LOOP "
    "PERFORM 1 FROM @.positions p WHERE p.topic = $1 AND p.partition = $2 "
    "HAVING min(p.next_offset) > $3; "
    "IF FOUND THEN RETURN true; END IF; "
    "IF clock_timestamp() >= deadline THEN RETURN false; END IF; "
    "PERFORM pg_sleep(0.02); "
    "END LOOP; END $$",
};

/* Columns that came after the tables of version 1. An older program goes on with them there: each
 * may be NULL or has a default. */
static const struct {
    const char *table;
    const char *column;
    const char *type;
} late_columns[] = {
    {"positions", "envelope", "bool NOT NULL DEFAULT false"},
    {"positions", "topic_partitions", "int4 NOT NULL DEFAULT 0"},
    {"schema_changes", "schema_id", "int8"},
    {"schema_changes", "db_user", "text"},
    {"dead_letters", "changed_by", "text"},
    {"tombs", "kept", "bytea"},
    {"dead_letters", "overtaken_by", "int8"},
};
enum { N_LATE_COLUMNS = sizeof late_columns / sizeof late_columns[0] };

/* Tables and indexes that came later; control_statements makes them. */
static const char *const late_relations[] = {
    "replayed_letters", "dead_letters_recent", "dead_letters_key", "dead_letters_age", "tombs_age",
};
enum { N_LATE_RELATIONS = sizeof late_relations / sizeof late_relations[0] };

static void late_columns_sql(struct mr_buf *sql, const char *control)
{
    for (size_t i = 0; i < N_LATE_COLUMNS; i++)
        mr_buf_fmt(sql, "ALTER TABLE %s.%s ADD COLUMN IF NOT EXISTS %s %s;\n", control,
                   late_columns[i].table, late_columns[i].column, late_columns[i].type);
}

static void statement_add(struct mr_buf *sql, const char *text, const char *control)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '@')
            mr_buf_str(sql, control);
        else
            mr_buf_byte(sql, (uint8_t)*at);
    }
}

void mr_pg_control_sql(struct mr_buf *sql, const char *control)
{
    for (size_t i = 0; i < sizeof control_statements / sizeof control_statements[0]; i++) {
        statement_add(sql, control_statements[i], control);
        mr_buf_str(sql, ";\n");
    }
}

const char *mr_pg_control(const struct mr_pg_sink *sink)
{
    return sink->control;
}

static int control_name(struct mr_pg_sink *sink, const char *name, struct mr_err *err)
{
    struct mr_buf quoted = MR_BUF_INIT;
    mr_pg_ident(&quoted, name);
    size_t len = strlen(name);
    int rc = 0;
    if (!mr_buf_ok(&quoted))
        rc = mr_err_set(err, MR_NO_MEMORY, "a sink");
    else if (len == 0 || len > MR_PG_NAME_BYTES || quoted.len >= sizeof sink->control)
        rc = mr_err_set(err, MR_CONFIG_INVALID, "target.control_schema must have 1 to %d bytes",
                        MR_PG_NAME_BYTES);
    else
        memcpy(sink->control, mr_buf_cstr(&quoted), quoted.len + 1);
    mr_buf_release(&quoted);
    return rc;
}

int mr_pg_open(const struct mr_sink_opts *opts, struct mr_sink **out, struct mr_err *err)
{
    /* libpq's own message quotes parts of the URL, so it may hold a password: not printed. */
    char *why = NULL;
    PQconninfoOption *parsed = PQconninfoParse(opts->url, &why);
    bool lacks_memory = why == NULL; /* libpq's way to say it */
    PQfreemem(why);
    if (parsed == NULL && lacks_memory)
        return mr_err_set(err, MR_NO_MEMORY, "a sink");
    if (parsed == NULL)
        return mr_err_set(err, MR_CONFIG_INVALID, "target.url does not parse as libpq's syntax");
    PQconninfoFree(parsed);
    struct mr_pg_sink *sink = calloc(1, sizeof *sink);
    if (sink == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a sink");
    int rc = control_name(sink, opts->control_schema, err);
    if (rc < 0) {
        free(sink);
        return rc;
    }
    sink->base.ops = &mr_sink_postgresql;
    sink->opts = opts;
    if (gethostname(sink->host, sizeof sink->host - 1) != 0 || sink->host[0] == '\0')
        memcpy(sink->host, "localhost", sizeof "localhost");
    mr_pg_pool_init(&sink->pool, opts);
    mr_lock_init(&sink->cache_lock, 55);
    mr_lock_init(&sink->former_lock, 58);
    mr_map_init(&sink->cache, 0);
    *out = &sink->base;
    return 0;
}

void mr_pg_close(struct mr_sink *base)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    mr_pg_cache_release(sink);
    mr_pg_pool_release(&sink->pool);
    mr_lock_take(&sink->former_lock);
    free(sink->former);
    mr_lock_drop(&sink->former_lock);
    mr_lock_release(&sink->cache_lock);
    mr_lock_release(&sink->former_lock);
    free(sink);
}

void mr_pg_stats(struct mr_sink *base, uint32_t *idle, uint32_t *busy, uint32_t *waiting)
{
    struct mr_pg_pool *pool = &((struct mr_pg_sink *)base)->pool;
    mr_lock_take(&pool->lock);
    *idle = pool->n_idle;
    *busy = pool->n_open - pool->n_idle;
    *waiting = pool->n_waiting;
    mr_lock_drop(&pool->lock);
}

/* The stored version, 0 where there is none yet. */
static int version_read(struct mr_pg_sink *sink, struct mr_pg_conn *conn, int64_t *version,
                        char *target_id, struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    struct mr_buf name = MR_BUF_INIT;
    *version = 0;
    mr_buf_fmt(&name, "%s.meta", sink->control);
    mr_buf_str(&sql, "SELECT pg_catalog.to_regclass(");
    mr_pg_literal(&sql, mr_buf_cstr(&name));
    mr_buf_str(&sql, ") IS NOT NULL");
    PGresult *res = NULL;
    int rc = mr_pg_exec(conn, mr_buf_cstr(&sql), &res, err);
    if (rc < 0 || !mr_pg_bool(res, 0, 0))
        goto out;
    PQclear(res);
    res = NULL;
    mr_buf_reset(&sql);
    mr_buf_fmt(&sql, "SELECT schema_version, target_id FROM %s", mr_buf_cstr(&name));
    rc = mr_pg_exec(conn, mr_buf_cstr(&sql), &res, err);
    if (rc < 0 || PQntuples(res) == 0)
        goto out;
    *version = mr_pg_i64(res, 0, 0);
    strncpy(target_id, PQgetvalue(res, 0, 1), MR_TARGET_ID_BYTES - 1);
    target_id[MR_TARGET_ID_BYTES - 1] = '\0';
    if (*version > CONTROL_VERSION)
        rc = mr_err_set(err, MR_TARGET_CONTROL_NEWER,
                        "schema %s has version %lld, this program knows %d", sink->control,
                        (long long)*version, CONTROL_VERSION);
out:
    PQclear(res);
    mr_buf_release(&name);
    mr_buf_release(&sql);
    return rc;
}

/* An index has attributes as a table has: a relation without any is not there. */
static int late_look(struct mr_pg_sink *sink, struct mr_pg_conn *conn, bool *missing,
                     struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    mr_buf_str(&sql, "SELECT EXISTS (SELECT FROM (VALUES ");
    for (size_t i = 0; i < N_LATE_COLUMNS; i++)
        mr_buf_fmt(&sql, "%s('%s', '%s')", i == 0 ? "" : ", ", late_columns[i].table,
                   late_columns[i].column);
    for (size_t i = 0; i < N_LATE_RELATIONS; i++)
        mr_buf_fmt(&sql, ", ('%s', '')", late_relations[i]);
    mr_buf_str(&sql, ") w(t, c) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE "
                     "a.attrelid = pg_catalog.to_regclass(");
    mr_pg_literal(&sql, sink->control);
    mr_buf_str(&sql, " || '.' || w.t) AND (w.c = '' OR a.attname = w.c) AND NOT "
                     "a.attisdropped))");
    PGresult *res = NULL;
    int rc = mr_buf_ok(&sql) ? mr_pg_exec(conn, mr_buf_cstr(&sql), &res, err)
                             : mr_err_set(err, MR_NO_MEMORY, "a statement");
    if (rc == 0)
        *missing = mr_pg_bool(res, 0, 0);
    PQclear(res);
    mr_buf_release(&sql);
    return rc;
}

static void first_row_sql(struct mr_buf *sql, const char *control)
{
    mr_buf_fmt(sql,
               "INSERT INTO %s.meta SELECT %d, pg_catalog.gen_random_uuid()::text "
               "WHERE NOT EXISTS (SELECT FROM %s.meta)",
               control, CONTROL_VERSION, control);
}

void mr_pg_control_script(struct mr_buf *sql, const char *control)
{
    mr_pg_control_sql(sql, control);
    late_columns_sql(sql, control);
    first_row_sql(sql, control);
}

int mr_pg_control_look(struct mr_pg_sink *sink, struct mr_pg_conn *conn, int64_t *version,
                       bool *missing, struct mr_err *err)
{
    char target_id[MR_TARGET_ID_BYTES];
    int rc = version_read(sink, conn, version, target_id, err);
    *missing = false;
    return rc == 0 && *version != 0 ? late_look(sink, conn, missing, err) : rc;
}

/* In one transaction, one maker at a time; the version is read again under the lock. */
static int control_make(struct mr_pg_sink *sink, struct mr_pg_conn *conn, struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    struct mr_buf lock = MR_BUF_INIT;
    mr_buf_fmt(&lock, "millrace:control:%s", sink->control);
    mr_buf_str(&sql, "BEGIN; SET LOCAL lock_timeout = 0; SELECT pg_catalog.pg_advisory_xact_lock("
                     "pg_catalog.hashtextextended(");
    mr_pg_literal(&sql, mr_buf_cstr(&lock));
    mr_buf_str(&sql, ", 0));\n");
    mr_pg_control_script(&sql, sink->control);
    mr_buf_str(&sql, "; COMMIT");
    int rc = mr_buf_ok(&sql) ? mr_pg_exec(conn, mr_buf_cstr(&sql), NULL, err)
                             : mr_err_set(err, MR_NO_MEMORY, "a statement");
    if (rc < 0) {
        struct mr_err ignored = MR_ERR_INIT;
        if (!conn->broken && mr_pg_exec(conn, "ROLLBACK", NULL, &ignored) < 0)
            conn->broken = true;
    }
    mr_buf_release(&lock);
    mr_buf_release(&sql);
    return rc;
}

int mr_pg_setup(struct mr_sink *base, char *target_id, struct mr_err *err)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    struct mr_pg_conn *conn = NULL;
    int64_t version = 0;
    int rc = mr_pg_pool_take(&sink->pool, &conn, err);
    if (rc < 0)
        return rc;
    bool missing = false;
    rc = version_read(sink, conn, &version, target_id, err);
    if (rc == 0 && version != 0)
        rc = late_look(sink, conn, &missing, err);
    if (rc == 0 && (version == 0 || missing)) {
        rc = control_make(sink, conn, err);
        if (rc == 0)
            rc = version_read(sink, conn, &version, target_id, err);
    }
    mr_pg_pool_give(&sink->pool, conn);
    return rc;
}

int mr_pg_probe(struct mr_sink *base, struct mr_err *err)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    struct mr_pg_conn *conn = NULL;
    int rc = mr_pg_pool_take(&sink->pool, &conn, err);
    if (rc < 0)
        return rc;
    PGresult *res = NULL;
    rc = mr_pg_exec(conn,
                    "SELECT pg_catalog.pg_is_in_recovery() OR "
                    "pg_catalog.current_setting('transaction_read_only')::bool",
                    &res, err);
    if (rc == 0 && mr_pg_bool(res, 0, 0)) {
        conn->broken = true; /* Q-06: the next connection asks for a read-write server */
        rc = mr_err_set_db(err, mr_pg_class("25006"), "25006", "the server is read-only");
    }
    PQclear(res);
    mr_pg_pool_give(&sink->pool, conn);
    return rc;
}

/* Another pipeline's row that does not share; the rows are few, and locked against a second
 * registrar by the insert before. */
static int shared_check(struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                        const struct mr_table *table, bool shared, struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    mr_buf_fmt(&sql,
               "SELECT pipeline FROM %s.tables WHERE schema = $1 AND name = $2 AND pipeline <> $3 "
               "AND NOT (shared AND $4::bool) AND route <> '' LIMIT 1",
               sink->control);
    struct mr_pg_params params = {.n = 0};
    mr_pg_param_text(&params, table->schema);
    mr_pg_param_text(&params, table->name);
    mr_pg_param_text(&params, sink->opts->pipeline);
    mr_pg_param_text(&params, shared ? "t" : "f");
    PGresult *res = NULL;
    int rc = mr_pg_exec_params(conn, mr_buf_cstr(&sql), &params, &res, err);
    if (rc == 0 && PQntuples(res) > 0) {
        rc = mr_err_set(err, MR_TARGET_SHARED, "pipeline %s loads it", PQgetvalue(res, 0, 0));
        (void)mr_pg_err_table(err, table);
    }
    PQclear(res);
    mr_buf_release(&sql);
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are those of table_register */
static int register_insert(struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                           const struct mr_table *table, const char *route, bool shared,
                           struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    mr_buf_fmt(&sql,
               "INSERT INTO %s.tables AS t (schema, name, pipeline, route, created_by_millrace, "
               "shared) VALUES ($1, $2, $3, $4, false, $5::bool) "
               "ON CONFLICT (schema, name, pipeline) DO UPDATE SET route = EXCLUDED.route, "
               "shared = EXCLUDED.shared",
               sink->control);
    struct mr_pg_params params = {.n = 0};
    mr_pg_param_text(&params, table->schema);
    mr_pg_param_text(&params, table->name);
    mr_pg_param_text(&params, sink->opts->pipeline);
    mr_pg_param_text(&params, route);
    mr_pg_param_text(&params, shared ? "t" : "f");
    int rc = mr_pg_exec_params(conn, mr_buf_cstr(&sql), &params, NULL, err);
    mr_buf_release(&sql);
    return rc;
}

int mr_pg_table_register(struct mr_sink *base, const struct mr_table *table, const char *route,
                         bool shared, struct mr_err *err)
{
    struct mr_pg_sink *sink = (struct mr_pg_sink *)base;
    struct mr_pg_conn *conn = NULL;
    int rc = mr_pg_pool_take(&sink->pool, &conn, err);
    if (rc < 0)
        return rc;
    struct mr_buf sql = MR_BUF_INIT;
    mr_buf_fmt(&sql, "BEGIN; LOCK TABLE %s.tables IN SHARE ROW EXCLUSIVE MODE", sink->control);
    rc = mr_pg_exec(conn, mr_buf_cstr(&sql), NULL, err);
    mr_buf_release(&sql);
    if (rc == 0)
        rc = shared_check(sink, conn, table, shared, err);
    if (rc == 0)
        rc = register_insert(sink, conn, table, route, shared, err);
    struct mr_err ignored = MR_ERR_INIT;
    if (rc == 0)
        rc = mr_pg_exec(conn, "COMMIT", NULL, err);
    else if (!conn->broken && mr_pg_exec(conn, "ROLLBACK", NULL, &ignored) < 0)
        conn->broken = true;
    mr_pg_pool_give(&sink->pool, conn);
    return rc;
}
