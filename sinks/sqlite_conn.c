/* Owns one connection: pragmas, cached statements, and what SQLite's results mean. Must not know
 * tables or positions. Invariants: a connection that failed in a way that may outlast the statement
 * is marked broken and not used again; every error of SQLite has a class here, by its extended
 * code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "sinks/sqlite.h"

#include "base/ban.h"

enum {
    WAL_KEEP_BYTES = 64 * 1024 * 1024, /* what a checkpoint leaves of a long log */
    BUSY_STEP_MS = 10
};

struct refusal {
    int result; /* an extended code, or a primary one for all of its extended codes */
    enum mr_class class;
    const char *sqlstate; /* PostgreSQL's code for the same thing: one vocabulary for users */
    enum mr_code code;    /* MR_DB where no other one says it better */
    bool broken;
};

/* Contract.md section 8, by the SQLSTATE beside it. Only one writer can be at a unique key, so
 * 23505 is a fault of the record here (Q-15 is PostgreSQL's). */
static const struct refusal refusals[] = {
    {SQLITE_CONSTRAINT_PRIMARYKEY, MR_CLASS_POISON, "23505", MR_DB, false},
    {SQLITE_CONSTRAINT_UNIQUE, MR_CLASS_POISON, "23505", MR_DB, false},
    {SQLITE_CONSTRAINT_ROWID, MR_CLASS_POISON, "23505", MR_DB, false},
    {SQLITE_CONSTRAINT_NOTNULL, MR_CLASS_POISON, "23502", MR_DB, false},
    {SQLITE_CONSTRAINT_CHECK, MR_CLASS_POISON, "23514", MR_DB, false},
    {SQLITE_CONSTRAINT_FOREIGNKEY, MR_CLASS_POISON, "23503", MR_DB, false},
    {SQLITE_CONSTRAINT_TRIGGER, MR_CLASS_POISON, "P0001", MR_DB, false},
    {SQLITE_CONSTRAINT_DATATYPE, MR_CLASS_HALT, "42804", MR_TYPE_INCOMPATIBLE, false},
    {SQLITE_CONSTRAINT, MR_CLASS_POISON, "23000", MR_DB, false},
    {SQLITE_TOOBIG, MR_CLASS_POISON, "54000", MR_DB, false},
    {SQLITE_MISMATCH, MR_CLASS_HALT, "42804", MR_TYPE_INCOMPATIBLE, false},
    {SQLITE_BUSY, MR_CLASS_RETRY, "55P03", MR_DB, false},
    {SQLITE_LOCKED, MR_CLASS_RETRY, "55P03", MR_DB, false},
    {SQLITE_INTERRUPT, MR_CLASS_RETRY, "57014", MR_DB, false},
    {SQLITE_PROTOCOL, MR_CLASS_RETRY, "55P03", MR_DB, true},
    {SQLITE_FULL, MR_CLASS_PAUSE, "53100", MR_DB, false},
    {SQLITE_NOMEM, MR_CLASS_PAUSE, "53200", MR_DB, false},
    {SQLITE_IOERR, MR_CLASS_PAUSE, "58030", MR_DB, true},
    {SQLITE_READONLY, MR_CLASS_RETRY, "25006", MR_DB, true},
    {SQLITE_PERM, MR_CLASS_HALT, "42501", MR_TARGET_PRIVILEGE, true},
    {SQLITE_AUTH, MR_CLASS_HALT, "42501", MR_TARGET_PRIVILEGE, true},
    {SQLITE_CORRUPT, MR_CLASS_HALT, "XX001", MR_DB, true},
    {SQLITE_NOTADB, MR_CLASS_HALT, "XX001", MR_DB, true},
    {SQLITE_FORMAT, MR_CLASS_HALT, "XX001", MR_DB, true},
    {SQLITE_SCHEMA, MR_CLASS_RETRY, "0A000", MR_DB, false},
    {SQLITE_RANGE, MR_CLASS_HALT, "42601", MR_INTERNAL_SQL, false},
    {SQLITE_MISUSE, MR_CLASS_HALT, "42601", MR_INTERNAL_SQL, true},
    {SQLITE_ERROR, MR_CLASS_HALT, "42601", MR_INTERNAL_SQL, false},
};

static const struct refusal *refusal_of(int result)
{
    const size_t n = sizeof refusals / sizeof refusals[0];
    for (size_t i = 0; i < n; i++) {
        if (refusals[i].result == result)
            return &refusals[i];
    }
    for (size_t i = 0; i < n; i++) {
        if (refusals[i].result == (result & 0xff))
            return &refusals[i];
    }
    return NULL;
}

int mr_sq_fail(struct mr_sq_conn *conn, int result, const char *doing, struct mr_err *err)
{
    const char *text = conn->db != NULL ? sqlite3_errmsg(conn->db) : sqlite3_errstr(result);
    if ((result & 0xff) == SQLITE_CANTOPEN) {
        conn->broken = true;
        return mr_err_set(err, MR_TARGET_AWAY, "%s: %s", doing, text);
    }
    if ((result & 0xff) == SQLITE_BUSY && conn->interrupted)
        result = SQLITE_INTERRUPT;
    conn->interrupted = false;
    const struct refusal *refusal = refusal_of(result);
    if (refusal == NULL) {
        conn->broken = true;
        return mr_err_set_db(err, MR_CLASS_HALT, "XX000", "%s: %s (SQLite result %d)", doing, text,
                             result);
    }
    conn->broken = conn->broken || refusal->broken;
    if (refusal->code != MR_DB)
        return mr_err_set(err, refusal->code, "%s: %s", doing, text);
    return mr_err_set_db(err, refusal->class, refusal->sqlstate, "%s: %s", doing, text);
}

static int memory_judge(const struct mr_sq_conn *conn, struct mr_err *err)
{
    return mr_memory_judge(conn->memory_mark, 0, err, "making a statement");
}

int mr_sq_exec(struct mr_sq_conn *conn, const char *sql, struct mr_err *err)
{
    int rc = memory_judge(conn, err);
    if (rc < 0)
        return rc;
    int result = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? 0 : mr_sq_fail(conn, result, sql, err);
}

/* The journal mode is a property of the file; that it was refused shows only in the answer. */
static int conn_use_wal(struct mr_sq_conn *conn, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_prepare(conn, "PRAGMA journal_mode=WAL", &stmt, err);
    if (rc < 0)
        return rc;
    rc = mr_sq_step(conn, stmt, "set the journal mode", err);
    if (rc < 0)
        return rc;
    bool is_wal = rc == 1 && sqlite3_stricmp(mr_sq_text(stmt, 0), "wal") == 0;
    (void)sqlite3_reset(stmt);
    if (!is_wal)
        return mr_err_set_db(err, MR_CLASS_HALT, "0A000",
                             "this file system cannot hold a SQLite file in WAL mode");
    return 0;
}

/* SQLite's own wait cannot be interrupted. */
static int conn_wait(void *arg, int n_waits)
{
    struct mr_sq_conn *conn = arg;
    if ((uint64_t)n_waits * BUSY_STEP_MS >= conn->sink->busy_ms)
        return 0;
    conn->interrupted = !mr_sq_wait_step(conn, BUSY_STEP_MS);
    return conn->interrupted ? 0 : 1;
}

int mr_sq_conn_open(struct mr_sq_conn *conn, struct mr_sq_sink *sink, bool create,
                    struct mr_err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
    conn->sink = sink;
    conn->memory_mark = mr_memory_mark();
    int result = sqlite3_open_v2(sink->path, &conn->db, flags, NULL);
    int rc = 0;
    if (result != SQLITE_OK)
        rc = mr_sq_fail(conn, result, sink->path, err);
    if (rc == 0) {
        (void)sqlite3_extended_result_codes(conn->db, 1);
        (void)sqlite3_busy_handler(conn->db, conn_wait, conn);
        rc = conn_use_wal(conn, err);
    }
    struct mr_buf sql = MR_BUF_INIT;
    if (rc == 0) {
        mr_buf_fmt(&sql,
                   "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
                   "PRAGMA journal_size_limit=%d; PRAGMA temp_store=MEMORY",
                   WAL_KEEP_BYTES);
        rc = mr_buf_ok(&sql) ? mr_sq_exec(conn, mr_buf_cstr(&sql), err)
                             : mr_err_set(err, MR_NO_MEMORY, "pragmas");
    }
    mr_buf_release(&sql);
    if (rc < 0)
        mr_sq_conn_close(conn);
    return rc;
}

void mr_sq_conn_close(struct mr_sq_conn *conn)
{
    for (size_t i = 0; i < MR_SQ_CACHED_STATEMENTS; i++) {
        (void)sqlite3_finalize(conn->cache[i].stmt);
        free(conn->cache[i].sql);
    }
    (void)sqlite3_close(conn->db);
    *conn = (struct mr_sq_conn){.db = NULL};
}

bool mr_sq_conn_has_moved(struct mr_sq_conn *conn)
{
    int moved = 0;
    if (sqlite3_file_control(conn->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK)
        return false;
    return moved != 0;
}

int mr_sq_begin(struct mr_sq_conn *conn, struct mr_err *err)
{
    return mr_sq_exec(conn, "BEGIN IMMEDIATE", err);
}

void mr_sq_rollback(struct mr_sq_conn *conn)
{
    if (conn->db == NULL || sqlite3_get_autocommit(conn->db))
        return; /* SQLite has rolled back by itself, as it does after some errors */
    conn->memory_mark = mr_memory_mark();
    if (mr_sq_exec(conn, "ROLLBACK", NULL) < 0)
        conn->broken = true;
}

int mr_sq_commit(struct mr_sq_conn *conn, struct mr_err *err)
{
    return mr_sq_exec(conn, "COMMIT", err);
}

static struct mr_sq_cached *cache_slot(struct mr_sq_conn *conn, const char *sql, uint64_t hash)
{
    struct mr_sq_cached *oldest = &conn->cache[0];
    for (size_t i = 0; i < MR_SQ_CACHED_STATEMENTS; i++) {
        struct mr_sq_cached *slot = &conn->cache[i];
        if (slot->stmt != NULL && slot->hash == hash && strcmp(slot->sql, sql) == 0)
            return slot;
        if (slot->used < oldest->used)
            oldest = slot;
    }
    (void)sqlite3_finalize(oldest->stmt);
    free(oldest->sql);
    *oldest = (struct mr_sq_cached){.stmt = NULL};
    return oldest;
}

int mr_sq_prepare(struct mr_sq_conn *conn, const char *sql, struct sqlite3_stmt **out,
                  struct mr_err *err)
{
    int rc = memory_judge(conn, err);
    if (rc < 0)
        return rc;
    uint64_t hash = mr_hash(sql, strlen(sql), 0);
    struct mr_sq_cached *slot = cache_slot(conn, sql, hash);
    slot->used = ++conn->tick;
    if (slot->stmt != NULL) {
        (void)sqlite3_reset(slot->stmt);
        (void)sqlite3_clear_bindings(slot->stmt);
        *out = slot->stmt;
        return 0;
    }
    struct sqlite3_stmt *stmt = NULL;
    int result = sqlite3_prepare_v3(conn->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (result != SQLITE_OK)
        return mr_sq_fail(conn, result, sql, err);
    slot->sql = strdup(sql);
    if (slot->sql == NULL) {
        (void)sqlite3_finalize(stmt);
        return mr_err_set(err, MR_NO_MEMORY, "a statement's text");
    }
    slot->stmt = stmt;
    slot->hash = hash;
    *out = stmt;
    return 0;
}

int mr_sq_step(struct mr_sq_conn *conn, struct sqlite3_stmt *stmt, const char *doing,
               struct mr_err *err)
{
    int rc = memory_judge(conn, err);
    if (rc < 0) {
        (void)sqlite3_reset(stmt);
        return rc;
    }
    int result = sqlite3_step(stmt);
    if (result == SQLITE_ROW)
        return 1;
    rc = result == SQLITE_DONE ? 0 : mr_sq_fail(conn, result, doing, err);
    (void)sqlite3_reset(stmt);
    return rc;
}

/* A bind fails only for a wrong number, a busy statement (both our own bugs, and the next step then
 * tells) or a text beyond SQLite's limit, which is checked where records are bound. */
void mr_sq_bind_i64(struct sqlite3_stmt *stmt, int at, int64_t v)
{
    (void)sqlite3_bind_int64(stmt, at, v);
}

void mr_sq_bind_text(struct sqlite3_stmt *stmt, int at, const char *v)
{
    (void)sqlite3_bind_text(stmt, at, v, -1, SQLITE_STATIC);
}

const char *mr_sq_text(struct sqlite3_stmt *stmt, int at)
{
    const unsigned char *text = sqlite3_column_text(stmt, at);
    return text != NULL ? (const char *)text : "";
}

int mr_sq_has_table(struct mr_sq_conn *conn, const char *name, struct mr_err *err)
{
    struct sqlite3_stmt *stmt = NULL;
    int rc = mr_sq_prepare(
        conn, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
        &stmt, err);
    if (rc < 0)
        return rc;
    mr_sq_bind_text(stmt, 1, name);
    rc = mr_sq_step(conn, stmt, "look a table up", err);
    (void)sqlite3_reset(stmt);
    return rc;
}
