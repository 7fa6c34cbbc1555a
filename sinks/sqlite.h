/* The SQLite sink's own parts, shared by sqlite*.c only: connections, the two places, sessions, and
 * what each file does for the others.
 *
 * One file, two connections. `write` is used by whoever holds the write place: a flush from begin
 * to commit or rollback, a claim, a DDL. `read` likewise, for catalogue and positions, so that
 * nothing waits for a flush. A place is one for all sessions of the process, waited for with a
 * deadline; other processes are kept out by BEGIN IMMEDIATE. WAL lets readers go on beside the
 * writer.
 *
 * synchronous is FULL: commit's 0 means durable, and Kafka is told so right after. In WAL mode with
 * NORMAL a kill -9 loses nothing either, but a power cut takes the last commits back, rows and
 * positions alike, behind what Kafka and the operator were told; one fsync a flush is the price.
 * Source: sqlite.org/pragma.html#pragma_synchronous, sqlite.org/wal.html. */
#ifndef MR_SINKS_SQLITE_H
#define MR_SINKS_SQLITE_H

#include "base/lock.h"
#include "base/map.h"
#include "base/memory.h"
#include "sinks/sink.h"

struct sqlite3;
struct sqlite3_stmt;

enum {
    MR_SQ_SCHEMA_VERSION = 1, /* of the control tables */
    MR_SQ_CACHED_STATEMENTS = 48,
    MR_SQ_CACHED_TABLES = 4096,
    MR_SQ_DEFAULT_WAIT_MS = 30000, /* design.md section 7, pool */
    MR_SQ_DEFAULT_BUSY_MS = 5000,
};

struct mr_sq_cached {
    struct sqlite3_stmt *stmt;
    char *sql; /* owned */
    uint64_t hash;
    uint64_t used; /* tick of the last use: the smallest goes first */
};
struct mr_sq_sink;

/* Thread: the holder of its place. */
struct mr_sq_conn {
    struct mr_sq_sink *sink;
    struct sqlite3 *db;   /* NULL: not open */
    uint32_t memory_mark; /* when it was taken; memory lacked since: only rollback does something */
    bool broken;          /* an error after which only a new connection is trusted */
    bool interrupted;     /* the wait for another process was: its SQLITE_BUSY means that */
    uint64_t tick;
    struct mr_sq_cached cache[MR_SQ_CACHED_STATEMENTS];
};

enum mr_sq_which { MR_SQ_READ, MR_SQ_WRITE, MR_SQ_N_PLACES };
struct mr_sq_session;

struct mr_sq_place { /* guarded by the sink's lock, but for conn: thread: the holder */
    bool busy;
    uint32_t n_waiting;
    bool interrupted;             /* the holder was: its wait for another process ends */
    struct mr_sq_session *holder; /* NULL: no session (a claim, a DDL, a read) */
    struct mr_sq_conn conn;
};

struct mr_sq_sink {
    struct mr_sink base;
    const struct mr_sink_opts *opts; /* borrowed */
    const char *path;                /* within opts->url */
    const char *control;             /* prefix of the control tables, without its underscore */
    char owner[MR_OWNER_TEXT_BYTES];
    uint32_t wait_ms;  /* for a place */
    uint32_t busy_ms;  /* for locks of other processes */
    struct mr_rng rng; /* thread: the holder of the write place */

    struct mr_lock lock; /* rank 60 */
    struct mr_cond given;
    struct mr_sq_place places[MR_SQ_N_PLACES]; /* guarded by lock */
    struct mr_map tables; /* guarded by lock: name -> struct mr_table, a reference */
};

/* Thread: its own; `waiting` and `interrupted` are guarded by the sink's lock. */
struct mr_sq_session {
    struct mr_session base;
    struct mr_sq_conn *conn; /* the write connection from begin to commit or rollback, else NULL */
    bool waiting;
    bool interrupted;
};

static inline struct mr_sq_sink *mr_sq_sink(struct mr_sink *sink)
{
    return (struct mr_sq_sink *)sink;
}
static inline struct mr_sq_session *mr_sq_session(struct mr_session *session)
{
    return (struct mr_sq_session *)session;
}

/* ---- sqlite_conn.c: statements and errors of one connection ---- */
/* Opens with the pragmas above. `create`: the file is made if absent, else -MR_TARGET_AWAY. */
int mr_sq_conn_open(struct mr_sq_conn *conn, struct mr_sq_sink *sink, bool create,
                    struct mr_err *err);
void mr_sq_conn_close(struct mr_sq_conn *conn);
/* Whether the file under its path is no longer the one that is open. */
bool mr_sq_conn_has_moved(struct mr_sq_conn *conn);
/* Turns SQLite's result into an error by its class; notes a broken connection. */
int mr_sq_fail(struct mr_sq_conn *conn, int result, const char *doing, struct mr_err *err);
/* Runs statements without results. */
int mr_sq_exec(struct mr_sq_conn *conn, const char *sql, struct mr_err *err);
/* Begins a transaction that writes; and ends any, without an error. */
int mr_sq_begin(struct mr_sq_conn *conn, struct mr_err *err);
void mr_sq_rollback(struct mr_sq_conn *conn);
int mr_sq_commit(struct mr_sq_conn *conn, struct mr_err *err);
/* A statement from the cache, reset and without bindings; borrowed until the next mr_sq_prepare
 * that many (MR_SQ_CACHED_STATEMENTS) statements later. */
int mr_sq_prepare(struct mr_sq_conn *conn, const char *sql, struct sqlite3_stmt **out,
                  struct mr_err *err);
/* 1: a row, 0: done (the statement is reset), or an error (reset, too). */
int mr_sq_step(struct mr_sq_conn *conn, struct sqlite3_stmt *stmt, const char *doing,
               struct mr_err *err);
/* Parameters by number, from 1. Text is borrowed until the reset. mr_sq_text: "" for NULL. */
void mr_sq_bind_i64(struct sqlite3_stmt *stmt, int at, int64_t v);
void mr_sq_bind_text(struct sqlite3_stmt *stmt, int at, const char *v);
const char *mr_sq_text(struct sqlite3_stmt *stmt, int at);
/* Whether the control table of that name is there (1, 0), or an error. */
int mr_sq_has_table(struct mr_sq_conn *conn, const char *name, struct mr_err *err);

/* ---- sqlite.c: the places ---- */
/* Waits for a place and opens its connection; gives it back with mr_sq_give. -MR_TARGET_POOL_WAIT
 * when nobody gave it back in time. `holder` may be NULL. */
int mr_sq_take(struct mr_sq_sink *sink, enum mr_sq_which which, struct mr_sq_session *holder,
               struct mr_sq_conn **out, struct mr_err *err);
void mr_sq_give(struct mr_sq_sink *sink, enum mr_sq_which which);
/* The connection of the flush that is open. -MR_BUG without one; 40000 (RETRY) where SQLite has
 * rolled back by itself, as after a full disk: what is written from then on would stand alone. */
int mr_sq_session_conn(struct mr_session *session, struct mr_sq_conn **out, struct mr_err *err);
/* One step of the wait for another process's lock: false when it was interrupted. */
bool mr_sq_wait_step(struct mr_sq_conn *conn, uint32_t step_ms);

/* ---- sqlite_types.c: declared types ---- */
/* The type that a declared type means, with sizes; never MR_T_NONE. */
struct mr_coltype mr_sq_type_of(const char *declared);
/* Appends the declared type of a column that millrace makes; mr_sq_type_of gives it back. */
void mr_sq_type_declare(struct mr_buf *out, const struct mr_coltype *type);

/* ---- sqlite_catalog.c ---- */
/* The name of a table within the file, which has no schemas: `name` where the schema is the default
 * one, else "schema.name", so that two schemas' tables stay apart. -MR_IDENTIFIER_INVALID for names
 * that SQLite or the control tables have for themselves. */
int mr_sq_table_name(const struct mr_sq_sink *sink, const char *schema, const char *name,
                     struct mr_buf *out, struct mr_err *err);
/* Reads the table; -MR_TARGET_MISSING, -MR_TARGET_VIEW. Gives a reference. */
int mr_sq_table_read(const struct mr_sq_sink *sink, struct mr_sq_conn *conn, const char *name,
                     struct mr_table **out, struct mr_err *err);
/* -MR_TABLE_CHANGED unless it still is what was read. */
int mr_sq_table_check(struct mr_sq_conn *conn, const struct mr_table *table, struct mr_err *err);
int mr_sq_table_open(struct mr_sink *sink, const char *schema, const char *name, bool fresh,
                     struct mr_table **out, struct mr_err *err);
void mr_sq_tables_drop(struct mr_sq_sink *sink);        /* empties the cache, at close */
void mr_sq_quote(struct mr_buf *out, const char *name); /* "name", quotes doubled */

/* ---- sqlite_ddl.c ---- */
void mr_sq_ddl_print(struct mr_sink *base, const struct mr_table *now, const struct mr_ddl *ddl,
                     struct mr_buf *out);
int mr_sq_table_apply(struct mr_sink *sink, const char *schema, const char *name,
                      const struct mr_ddl *ddl, struct mr_err *err);
int mr_sq_table_register(struct mr_sink *sink, const struct mr_table *table, const char *route,
                         bool shared, struct mr_err *err);

/* ---- sqlite_control.c: the control tables ----
 * Statement text with the control tables' prefix for each '%' of `text`. */
void mr_sq_control_sql(struct mr_buf *out, const struct mr_sq_sink *sink, const char *text);
int mr_sq_control_prepare(const struct mr_sq_sink *sink, struct mr_sq_conn *conn, const char *text,
                          struct sqlite3_stmt **out, struct mr_err *err);
int mr_sq_setup(struct mr_sink *sink, char *target_id, struct mr_err *err);
int mr_sq_probe(struct mr_sink *sink, struct mr_err *err);
int mr_sq_put_letters(struct mr_session *session, const struct mr_letter *letters, size_t n,
                      struct mr_err *err);
enum { MR_SQ_TIME_BYTES = 48 }; /* of a time stamp; "" and -1 for none */
void mr_sq_time_text(int64_t ms, char out[MR_SQ_TIME_BYTES]);
int64_t mr_sq_time_ms(const char *text);

/* ---- sqlite_positions.c ---- */
int mr_sq_positions_read(struct mr_sink *sink, struct mr_position **out, size_t *n_out,
                         struct mr_err *err);
int mr_sq_claim(struct mr_sink *sink, struct mr_claim *claims, size_t n, struct mr_err *err);
int mr_sq_place(struct mr_sink *sink, const struct mr_position *positions, size_t n,
                struct mr_err *err);
int mr_sq_put_positions(struct mr_session *session, const struct mr_span *spans, size_t n,
                        struct mr_err *err);
/* ---- sqlite_rows.c ---- */
int mr_sq_delete_match(struct mr_session *session, struct mr_table *table, const struct mr_row *row,
                       uint64_t *n_done, struct mr_err *err);
int mr_sq_read_rows(struct mr_session *session, const struct mr_read_rows *read,
                    struct mr_err *err);
int mr_sq_put_rows(struct mr_session *session, const struct mr_put_rows *put, enum mr_put mode,
                   uint64_t *n_done, struct mr_err *err);
int mr_sq_truncate(struct mr_session *session, struct mr_table *table, struct mr_err *err);
int mr_sq_delete_keys(struct mr_session *session, struct mr_table *table,
                      const struct mr_colset *key, const struct mr_row *const *rows, size_t n_rows,
                      uint64_t *n_done, struct mr_err *err);

#endif
