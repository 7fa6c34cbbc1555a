/* Owns the control tables of design.md section 4 in a SQLite file: their making and version, the
 * target's id, dead letters, and the form of their times. Must not know rows of users' tables.
 * Invariant: setup is the only one that makes the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "schemas/temporal.h"
#include "sinks/sqlite.h"

#include "base/ban.h"

/* Identity columns never are NULL ('' where not known), so that they compare. Times are texts as
 * PostgreSQL prints timestamptz; the declared types are those of sqlite_types.c. */
static const char *const control_ddl[] = {
    "CREATE TABLE IF NOT EXISTS \"%meta\"("
    " schema_version INTEGER NOT NULL, target_id TEXT NOT NULL)",

    "CREATE TABLE IF NOT EXISTS \"%positions\"("
    " pipeline TEXT NOT NULL, group_id TEXT NOT NULL, cluster_id TEXT NOT NULL,"
    " topic TEXT NOT NULL, topic_id TEXT NOT NULL, \"partition\" INTEGER NOT NULL,"
    " slot INTEGER NOT NULL, slots INTEGER NOT NULL, next_offset INTEGER NOT NULL,"
    " leader_epoch INTEGER NOT NULL, epoch INTEGER NOT NULL, owner TEXT NOT NULL,"
    " record_timestamp TIMESTAMPTZ_TEXT, updated_at TIMESTAMPTZ_TEXT NOT NULL,"
    " envelope BOOLEAN NOT NULL DEFAULT 0, topic_partitions INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY (pipeline, topic, \"partition\", slot)) WITHOUT ROWID",

    "CREATE TABLE IF NOT EXISTS \"%dead_letters\"("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, pipeline TEXT NOT NULL, topic TEXT NOT NULL,"
    " \"partition\" INTEGER NOT NULL, \"offset\" INTEGER NOT NULL, key BLOB, value BLOB,"
    " headers JSON_TEXT NOT NULL, record_timestamp TIMESTAMPTZ_TEXT, code TEXT NOT NULL,"
    " sqlstate TEXT NOT NULL, detail TEXT NOT NULL, target_table TEXT NOT NULL,"
    " attempts INTEGER NOT NULL, state TEXT NOT NULL, created_at TIMESTAMPTZ_TEXT NOT NULL,"
    " updated_at TIMESTAMPTZ_TEXT NOT NULL, overtaken_by INTEGER, changed_by TEXT)",
    "CREATE INDEX IF NOT EXISTS \"%dead_letters_place\" ON \"%dead_letters\""
    "(pipeline, topic, \"partition\", \"offset\")",
    "CREATE INDEX IF NOT EXISTS \"%dead_letters_recent\" ON \"%dead_letters\""
    "(pipeline, created_at)",
    "CREATE INDEX IF NOT EXISTS \"%dead_letters_key\" ON \"%dead_letters\""
    "(pipeline, topic, \"partition\", key, \"offset\")",
    "CREATE INDEX IF NOT EXISTS \"%dead_letters_age\" ON \"%dead_letters\""
    "(pipeline, state, updated_at)",

    "CREATE TABLE IF NOT EXISTS \"%replayed_letters\"("
    " pipeline TEXT NOT NULL, letter TEXT NOT NULL, version INTEGER NOT NULL,"
    " changed_at TIMESTAMPTZ_TEXT NOT NULL, changed_by TEXT NOT NULL,"
    " PRIMARY KEY (pipeline, letter, version)) WITHOUT ROWID",

    "CREATE TABLE IF NOT EXISTS \"%tables\"("
    " schema TEXT NOT NULL, name TEXT NOT NULL, pipeline TEXT NOT NULL, route TEXT NOT NULL,"
    " created_by_millrace BOOLEAN NOT NULL, shared BOOLEAN NOT NULL,"
    " PRIMARY KEY (schema, name, pipeline)) WITHOUT ROWID",

    "CREATE TABLE IF NOT EXISTS \"%schema_changes\"("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, pipeline TEXT NOT NULL, schema TEXT NOT NULL,"
    " name TEXT NOT NULL, statement TEXT NOT NULL, instance_id TEXT NOT NULL,"
    " changed_at TIMESTAMPTZ_TEXT NOT NULL, schema_id INTEGER, db_user TEXT)",

    "CREATE TABLE IF NOT EXISTS \"%tombs\"("
    " pipeline TEXT NOT NULL, schema TEXT NOT NULL, name TEXT NOT NULL, key BLOB NOT NULL,"
    " kind TEXT NOT NULL, guard BLOB, kept BLOB, deleted_at TIMESTAMPTZ_TEXT NOT NULL,"
    " PRIMARY KEY (pipeline, schema, name, key, kind)) WITHOUT ROWID",

    "CREATE INDEX IF NOT EXISTS \"%tombs_age\" ON \"%tombs\""
    "(pipeline, schema, name, kind, deleted_at)",

    /* SQLite's date functions know no "+00", which is cut off. */
    "CREATE VIEW IF NOT EXISTS \"%freshness\" AS SELECT pipeline, topic,"
    " min(record_timestamp) AS source_time,"
    " (julianday('now') - julianday(substr(min(record_timestamp), 1, 19))) * 86400 AS lag_seconds,"
    " min(updated_at) AS as_of FROM \"%positions\" GROUP BY pipeline, topic",
};

/* Columns that came after the tables of version 1. An older program goes on with them there: each
 * may be NULL or has a default. */
static const struct {
    const char *table;
    const char *column;
    const char *type;
} late_columns[] = {
    {"positions", "envelope", "BOOLEAN NOT NULL DEFAULT 0"},
    {"positions", "topic_partitions", "INTEGER NOT NULL DEFAULT 0"},
    {"schema_changes", "schema_id", "INTEGER"},
    {"schema_changes", "db_user", "TEXT"},
    {"dead_letters", "changed_by", "TEXT"},
    {"tombs", "kept", "BLOB"},
    {"dead_letters", "overtaken_by", "INTEGER"},
};

/* ---- statements ---- */

/* The prefix stands within quotes, so its own are doubled. */
void mr_sq_control_sql(struct mr_buf *out, const struct mr_sq_sink *sink, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '%') {
            mr_buf_byte(out, (uint8_t)*at);
            continue;
        }
        for (const char *p = sink->control; *p != '\0'; p++) {
            if (*p == '"')
                mr_buf_byte(out, '"');
            mr_buf_byte(out, (uint8_t)*p);
        }
        mr_buf_byte(out, '_');
    }
}

int mr_sq_control_prepare(const struct mr_sq_sink *sink, struct mr_sq_conn *conn, const char *text,
                          struct sqlite3_stmt **out, struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    mr_sq_control_sql(&sql, sink, text);
    int rc = mr_buf_ok(&sql) ? mr_sq_prepare(conn, mr_buf_cstr(&sql), out, err)
                             : mr_err_set(err, MR_NO_MEMORY, "a statement");
    mr_buf_release(&sql);
    return rc;
}

static int control_exec(const struct mr_sq_sink *sink, struct mr_sq_conn *conn, const char *text,
                        struct mr_err *err)
{
    struct mr_buf sql = MR_BUF_INIT;
    mr_sq_control_sql(&sql, sink, text);
    int rc = mr_buf_ok(&sql) ? mr_sq_exec(conn, mr_buf_cstr(&sql), err)
                             : mr_err_set(err, MR_NO_MEMORY, "a statement");
    mr_buf_release(&sql);
    return rc;
}

/* ---- times ---- */

void mr_sq_time_text(int64_t ms, char out[MR_SQ_TIME_BYTES])
{
    struct mr_buf text = MR_BUF_INIT;
    out[0] = '\0';
    static const struct mr_ts_form form = {.unit = MR_UNIT_MS};
    int64_t ts;
    if (ms != -1 && mr_ts_from_unit(ms, &form, &ts, NULL) == 0)
        mr_print_timestamp(&text, ts, ' ', "+00");
    if (text.len < MR_SQ_TIME_BYTES) {
        memcpy(out, mr_buf_cstr(&text), text.len);
        out[text.len] = '\0';
    }
    mr_buf_release(&text);
}

int64_t mr_sq_time_ms(const char *text)
{
    struct mr_iso iso;
    int64_t ts;
    if (!mr_iso_parse(mr_slice_str(text), &iso) || mr_iso_timestamp(&iso, &ts, NULL) < 0)
        return -1;
    return ts / 1000 + MR_TS_EPOCH_US / 1000;
}

/* ---- setup ---- */

static int make_target_id(struct mr_sq_sink *sink, struct mr_sq_conn *conn, struct mr_err *err)
{
    char id[MR_TARGET_ID_BYTES];
    struct sqlite3_stmt *stmt = NULL;
    (void)snprintf(id, sizeof id, "%016llx%016llx", (unsigned long long)mr_rng_u64(&sink->rng),
                   (unsigned long long)mr_rng_u64(&sink->rng));
    int rc = mr_sq_control_prepare(
        sink, conn, "INSERT INTO \"%meta\"(schema_version, target_id) VALUES (?1, ?2)", &stmt, err);
    if (rc < 0)
        return rc;
    mr_sq_bind_i64(stmt, 1, MR_SQ_SCHEMA_VERSION);
    mr_sq_bind_text(stmt, 2, id);
    return mr_sq_step(conn, stmt, "note the target's id", err);
}

/* 1: read, 0: there is none yet. */
static int read_meta(const struct mr_sq_sink *sink, struct mr_sq_conn *conn, int64_t *version,
                     char *target_id, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_control_prepare(sink, conn, "SELECT schema_version, target_id FROM \"%meta\"",
                                   &stmt, err);
    if (rc == 0)
        rc = mr_sq_step(conn, stmt, "read the target's id", err);
    if (rc != 1)
        return rc;
    *version = sqlite3_column_int64(stmt, 0);
    (void)snprintf(target_id, MR_TARGET_ID_BYTES, "%s", mr_sq_text(stmt, 1));
    (void)sqlite3_reset(stmt);
    return 1;
}

static int check_version(const struct mr_sq_sink *sink, int64_t version, struct mr_err *err)
{
    if (version <= MR_SQ_SCHEMA_VERSION)
        return 0;
    return mr_err_set(err, MR_TARGET_CONTROL_NEWER, "%s has version %lld, this millrace knows %d",
                      sink->path, (long long)version, (int)MR_SQ_SCHEMA_VERSION);
}

static int late_column_add(struct mr_sq_sink *sink, struct mr_sq_conn *conn, size_t i,
                           struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    struct mr_buf table = MR_BUF_INIT;
    struct mr_buf sql = MR_BUF_INIT;
    mr_buf_fmt(&sql, "%%%s", late_columns[i].table);
    mr_sq_control_sql(&table, sink, mr_buf_cstr(&sql));
    int rc = mr_sq_prepare(conn, "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2", &stmt, err);
    if (rc == 0) {
        mr_sq_bind_text(stmt, 1, mr_buf_cstr(&table));
        mr_sq_bind_text(stmt, 2, late_columns[i].column);
        rc = mr_sq_step(conn, stmt, "look at a control table", err);
        if (rc == 1)
            (void)sqlite3_reset(stmt);
    }
    if (rc == 0) {
        mr_buf_reset(&sql);
        mr_buf_fmt(&sql, "ALTER TABLE \"%%%s\" ADD COLUMN %s %s", late_columns[i].table,
                   late_columns[i].column, late_columns[i].type);
        rc = control_exec(sink, conn, mr_buf_cstr(&sql), err);
    }
    mr_buf_release(&table);
    mr_buf_release(&sql);
    return rc < 0 ? rc : 0;
}

static int setup_in_txn(struct mr_sq_sink *sink, struct mr_sq_conn *conn, char *target_id,
                        struct mr_err *err)
{
    int rc = 0;
    int64_t version = 0;
    for (size_t i = 0; rc == 0 && i < sizeof control_ddl / sizeof control_ddl[0]; i++)
        rc = control_exec(sink, conn, control_ddl[i], err);
    for (size_t i = 0; rc == 0 && i < sizeof late_columns / sizeof late_columns[0]; i++)
        rc = late_column_add(sink, conn, i, err);
    if (rc == 0)
        rc = read_meta(sink, conn, &version, target_id, err);
    if (rc == 0) {
        rc = make_target_id(sink, conn, err);
        if (rc == 0)
            rc = read_meta(sink, conn, &version, target_id, err);
    }
    if (rc < 0)
        return rc;
    return check_version(sink, version, err);
}

/* What a newer millrace made is not touched at all. */
static int refuse_newer(struct mr_sq_sink *sink, struct mr_sq_conn *conn, struct mr_err *err)
{
    struct mr_buf name = MR_BUF_INIT;
    char target_id[MR_TARGET_ID_BYTES];
    int64_t version = 0;
    mr_sq_control_sql(&name, sink, "%meta");
    int rc = mr_sq_has_table(conn, mr_buf_cstr(&name), err);
    mr_buf_release(&name);
    if (rc == 1)
        rc = read_meta(sink, conn, &version, target_id, err);
    if (rc < 0)
        return rc;
    return check_version(sink, version, err);
}

/* The write place of a file that may not be there yet. */
static int take_and_create(struct mr_sq_sink *sink, struct mr_sq_conn **conn, struct mr_err *err)
{
    struct mr_sq_conn made = {.db = NULL};
    int rc = mr_sq_conn_open(&made, sink, true, err);
    mr_sq_conn_close(&made);
    return rc < 0 ? rc : mr_sq_take(sink, MR_SQ_WRITE, NULL, conn, err);
}

int mr_sq_setup(struct mr_sink *base, char *target_id, struct mr_err *err)
{
    struct mr_sq_sink *sink = mr_sq_sink(base);
    struct mr_sq_conn *conn = NULL;
    int rc = take_and_create(sink, &conn, err);
    if (rc < 0)
        return rc;
    rc = mr_sq_begin(conn, err);
    if (rc == 0)
        rc = refuse_newer(sink, conn, err);
    if (rc == 0)
        rc = setup_in_txn(sink, conn, target_id, err);
    if (rc == 0)
        rc = mr_sq_commit(conn, err);
    mr_sq_rollback(conn);
    mr_sq_give(sink, MR_SQ_WRITE);
    return rc;
}

/* Writes a page, so that a full disk is found. */
int mr_sq_probe(struct mr_sink *base, struct mr_err *err)
{
    struct mr_sq_sink *sink = mr_sq_sink(base);
    struct mr_sq_conn *conn = NULL;
    int rc = mr_sq_take(sink, MR_SQ_WRITE, NULL, &conn, err);
    if (rc < 0)
        return rc;
    rc = mr_sq_begin(conn, err);
    if (rc == 0)
        rc = control_exec(sink, conn, "UPDATE \"%meta\" SET schema_version = schema_version", err);
    if (rc == 0)
        rc = mr_sq_commit(conn, err);
    mr_sq_rollback(conn);
    mr_sq_give(sink, MR_SQ_WRITE);
    return rc;
}

/* ---- dead letters ---- */

static void bind_bytes(struct sqlite3_stmt *stmt, int at, struct mr_slice bytes)
{
    if (bytes.data != NULL)
        (void)sqlite3_bind_blob64(stmt, at, bytes.data, bytes.len, SQLITE_STATIC);
}

static int put_letter(struct mr_sq_sink *sink, struct mr_sq_conn *conn,
                      const struct mr_letter *letter, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_control_prepare(
        sink, conn,
        "INSERT INTO \"%dead_letters\"(pipeline, topic, \"partition\", \"offset\", key, value,"
        " headers, record_timestamp, code, sqlstate, detail, target_table, attempts, state,"
        " created_at, updated_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, nullif(?8, ''), ?9, ?10, ?11, ?12, 1, 'new', ?13, "
        "?13)",
        &stmt, err);
    if (rc < 0)
        return rc;
    char then[MR_SQ_TIME_BYTES];
    char now[MR_SQ_TIME_BYTES];
    mr_sq_time_text(letter->timestamp_ms, then);
    mr_sq_time_text(mr_wall_ms(&sink->opts->env), now);
    mr_sq_bind_text(stmt, 1, sink->opts->pipeline);
    mr_sq_bind_text(stmt, 2, letter->stream);
    mr_sq_bind_i64(stmt, 3, letter->partition);
    mr_sq_bind_i64(stmt, 4, letter->offset);
    bind_bytes(stmt, 5, letter->key);
    bind_bytes(stmt, 6, letter->value);
    mr_sq_bind_text(stmt, 7, letter->headers_json);
    mr_sq_bind_text(stmt, 8, then);
    mr_sq_bind_text(stmt, 9, letter->code);
    mr_sq_bind_text(stmt, 10, letter->sqlstate);
    mr_sq_bind_text(stmt, 11, letter->detail);
    mr_sq_bind_text(stmt, 12, letter->target_table);
    mr_sq_bind_text(stmt, 13, now);
    return mr_sq_step(conn, stmt, "put a dead letter", err);
}

int mr_sq_put_letters(struct mr_session *base, const struct mr_letter *letters, size_t n,
                      struct mr_err *err)
{
    struct mr_sq_conn *conn = NULL;
    int rc = mr_sq_session_conn(base, &conn, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = put_letter(mr_sq_sink(base->sink), conn, &letters[i], err);
    return rc;
}
