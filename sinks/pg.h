/* What the PostgreSQL sink's files share among themselves; nobody else includes it. libpq's objects
 * appear only as opaque pointers: its header stays in pg_*.c.
 *
 *   pg_conn     one connection: open, settings, cancel       pg_pool     who may use which
 *   pg_exec     statements, results, waits with deadlines     pg_err      SQLSTATE -> class
 *   pg_control  control tables        pg_claim  positions     pg_catalog  tables as they are
 *   pg_ddl      CREATE and ALTER      pg_emit   tuple bytes   pg_copy     COPY streams
 *   pg_merge    statement texts       pg_put    rows in       pg_session  the transaction */
#ifndef MR_SINKS_PG_H
#define MR_SINKS_PG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/lock.h"
#include "base/map.h"
#include "sinks/pg_conn.h"
#include "sinks/pg_merge.h"
#include "sinks/pg_types.h"
#include "sinks/sink.h"

/* ---- pg_pool.c: rank 60 ---- */
struct mr_pg_pool {
    struct mr_lock lock;
    struct mr_cond freed;
    const struct mr_sink_opts *opts;
    struct mr_pg_conn *idle MR_GUARDED_BY(lock);
    uint32_t n_idle MR_GUARDED_BY(lock);
    uint32_t n_open MR_GUARDED_BY(lock); /* idle and lent, and being opened */
    uint32_t n_waiting MR_GUARDED_BY(lock);
};
void mr_pg_pool_init(struct mr_pg_pool *pool, const struct mr_sink_opts *opts);
void mr_pg_pool_release(struct mr_pg_pool *pool); /* nothing may be lent any more */
/* A checked connection; -MR_TARGET_POOL_WAIT after pool_wait_ms. */
int mr_pg_pool_take(struct mr_pg_pool *pool, struct mr_pg_conn **out, struct mr_err *err);
/* Back, or closed where it is broken or too old. NULL is allowed. */
void mr_pg_pool_give(struct mr_pg_pool *pool, struct mr_pg_conn *conn);
bool mr_pg_pool_too_old(const struct mr_pg_pool *pool, const struct mr_pg_conn *conn);

/* ---- the sink ---- */
struct mr_pg_former { /* a backend that owned a position before us */
    uint64_t span;    /* mr_pg_span_id */
    int32_t pid;
    char start[40];
};

struct mr_pg_sink {
    struct mr_sink base;
    const struct mr_sink_opts *opts;
    char control[2 * MR_PG_NAME_BYTES + 3]; /* the control schema, quoted */
    char host[64];
    struct mr_pg_pool pool;
    struct mr_lock cache_lock;                     /* rank 55 */
    struct mr_map cache MR_GUARDED_BY(cache_lock); /* "schema\0name" -> struct mr_pg_cached */
    struct mr_lock former_lock;                    /* rank 58 */
    struct mr_pg_former *former MR_GUARDED_BY(former_lock);
    size_t n_former MR_GUARDED_BY(former_lock);
};
int mr_pg_open(const struct mr_sink_opts *opts, struct mr_sink **out, struct mr_err *err);
void mr_pg_close(struct mr_sink *sink);
void mr_pg_stats(struct mr_sink *sink, uint32_t *idle, uint32_t *busy, uint32_t *waiting);
const char *mr_pg_control(const struct mr_pg_sink *sink); /* quoted schema name */

/* ---- pg_control.c ---- */
/* Appends the statements that make the control tables in schema `control` (quoted). */
void mr_pg_control_sql(struct mr_buf *sql, const char *control);
/* The same as a script that makes, or completes, the control tables with their first row. */
void mr_pg_control_script(struct mr_buf *sql, const char *control);
/* The stored version, 0 for none, and whether a table, index or column of today's is missing. */
int mr_pg_control_look(struct mr_pg_sink *sink, struct mr_pg_conn *conn, int64_t *version,
                       bool *missing, struct mr_err *err);
int mr_pg_setup(struct mr_sink *sink, char *target_id, struct mr_err *err);
int mr_pg_probe(struct mr_sink *sink, struct mr_err *err);
int mr_pg_table_register(struct mr_sink *sink, const struct mr_table *table, const char *route,
                         bool shared, struct mr_err *err);

/* ---- pg_look.c, pg_look_rights.c ---- */
int mr_pg_look_over(struct mr_sink *sink, struct mr_look *look, struct mr_findings *findings,
                    struct mr_err *err);
int mr_pg_look_rights(struct mr_pg_sink *sink, struct mr_pg_conn *conn, const struct mr_look *look,
                      struct mr_findings *findings, struct mr_err *err);
/* The role's name as this connection has it, quoted. */
int mr_pg_look_role(struct mr_pg_conn *conn, struct mr_buf *role, struct mr_err *err);

/* ---- pg_claim.c ---- */
int mr_pg_positions_read(struct mr_sink *sink, struct mr_position **out, size_t *n_out,
                         struct mr_err *err);
int mr_pg_claim(struct mr_sink *sink, struct mr_claim *claims, size_t n, struct mr_err *err);
int mr_pg_place(struct mr_sink *sink, const struct mr_position *positions, size_t n,
                struct mr_err *err);
uint64_t mr_pg_span_id(const char *stream, int32_t partition, int16_t slot);
/* Writes this backend as owner of the spans that it did not note yet; -MR_FENCED when one is not
 * ours any more. Outside a transaction. */
int mr_pg_note_owner(struct mr_pg_sink *sink, struct mr_pg_conn *conn, const struct mr_span *spans,
                     size_t n, struct mr_err *err);
/* Ends the backends, other than `mine`, that owned these spans before us, where they still live. */
void mr_pg_end_former(struct mr_pg_sink *sink, const struct mr_pg_conn *mine,
                      const uint64_t *span_ids, size_t n);
int mr_pg_put_positions(struct mr_pg_sink *sink, struct mr_pg_conn *conn,
                        const struct mr_span *spans, size_t n, struct mr_err *err);

/* ---- pg_catalog.c ---- */
int mr_pg_table_open(struct mr_sink *sink, const char *schema, const char *name, bool fresh,
                     struct mr_table **out, struct mr_err *err);
/* The same of `place` (its names) on this connection, past the cache. */
int mr_pg_table_read(struct mr_pg_sink *sink, struct mr_pg_conn *conn, const struct mr_table *place,
                     struct mr_table **out, struct mr_err *err);
/* pg_columns.c: the columns of the relation (oid as text), and their numbers (free()), also after
 * an error. */
int mr_pg_columns_read(struct mr_pg_conn *conn, const char *relid, struct mr_table *table,
                       int64_t **numbers, struct mr_err *err);
void mr_pg_table_forget(struct mr_pg_sink *sink, const char *schema, const char *name);
void mr_pg_cache_release(struct mr_pg_sink *sink);
/* Appends the SELECT that reads the versions of the tables, one row each in their order. */
void mr_pg_version_sql(struct mr_buf *sql, struct mr_table *const *tables, size_t n);
bool mr_pg_version_same(const struct mr_table *table, const struct pg_result *res, int row);

/* ---- pg_emit.c ---- */
extern const struct mr_emit_ops mr_pg_emit;

/* ---- pg_session.c, pg_copy.c, pg_put.c, pg_masked.c ---- */
enum { MR_PG_MAX_HELD = 64 };
struct mr_pg_held { /* the lock of a table's guards, sent or pending */
    uint64_t relation;
    uint32_t depth; /* of savepoints: the last of them gone back to, it is gone */
};
struct mr_pg_session { /* thread: write, but for interrupt */
    struct mr_session base;
    struct mr_pg_sink *sink;
    struct mr_pg_conn *conn; /* NULL: none */
    bool in_txn;
    struct mr_buf pending; /* of savepoints and locks: goes along with the next statement */
    struct mr_pg_held held[MR_PG_MAX_HELD];
    size_t n_held;
    uint32_t depth; /* savepoints that are open */
    struct mr_buf sql;
    struct mr_buf piece;
    struct mr_buf array;
    uint64_t *span_ids; /* of the transaction's spans, for mr_pg_end_former */
    size_t n_spans;
    size_t cap_spans;
    int wake[2];
    _Atomic bool interrupted;
};
int mr_pg_session_open(struct mr_sink *sink, struct mr_session **out, struct mr_err *err);
void mr_pg_session_close(struct mr_session *session);
/* The pending statements now, where what follows cannot carry them. */
int mr_pg_session_settle(struct mr_pg_session *session, struct mr_err *err);
/* After a failed call: a lock wait ends the former owners. Returns rc. */
int mr_pg_session_failed(struct mr_pg_session *session, const struct mr_err *err, int rc);
struct mr_pg_copy { /* what goes into a COPY stream */
    const struct mr_row *const *rows;
    size_t n_rows;
    bool key_tuples; /* the rows' keys instead of the rows */
    bool numbered;   /* with the row's place as a further field */
};
/* COPY into `table` by the statement in session->sql; n_done may be NULL. */
int mr_pg_copy_rows(struct mr_pg_session *session, const struct mr_pg_copy *copy, const char *table,
                    uint64_t *n_done, struct mr_err *err);
/* COPY into a staging table: makes, empties and fills it; its name is in stage->name then. */
int mr_pg_stage_rows(struct mr_pg_session *session, struct mr_pg_stage_use *stage,
                     const struct mr_pg_copy *copy, struct mr_err *err);
/* What the end of a transaction, or of a part of it, means for the staging tables. */
void mr_pg_stages_ended(struct mr_pg_conn *conn, bool committed);
void mr_pg_stages_undone(struct mr_pg_conn *conn);
int mr_pg_put_rows(struct mr_session *session, const struct mr_put_rows *put, enum mr_put mode,
                   uint64_t *n_done, struct mr_err *err);
/* Runs the statement in session->sql on what was staged. */
int mr_pg_merge_run(struct mr_pg_session *session, uint64_t *n_done, struct mr_err *err);
/* MR_PUT_UPDATE (U-27), and which of the rows are not there. */
int mr_pg_put_masked(struct mr_pg_session *session, const struct mr_put_rows *put, uint64_t *n_done,
                     struct mr_err *err);
int mr_pg_constraints_later(struct mr_session *session, const struct mr_table *table,
                            struct mr_err *err);
int mr_pg_constraints_now(struct mr_session *session, const struct mr_table *table,
                          struct mr_err *err);
int mr_pg_delete_match(struct mr_session *session, struct mr_table *table, const struct mr_row *row,
                       uint64_t *n_done, struct mr_err *err);
int mr_pg_read_rows(struct mr_session *session, const struct mr_read_rows *read,
                    struct mr_err *err);
/* pg_loose.c */
int mr_pg_key_groups(struct mr_session *session, const struct mr_keys *keys, uint32_t *groups,
                     struct mr_err *err);
/* No transaction, no rows. */
int mr_pg_outside_txn(const struct mr_pg_session *session, struct mr_err *err);
int mr_pg_delete_keys(struct mr_session *session, struct mr_table *table,
                      const struct mr_colset *key, const struct mr_row *const *rows, size_t n_rows,
                      uint64_t *n_done, struct mr_err *err);
int mr_pg_truncate(struct mr_session *session, struct mr_table *table, struct mr_err *err);
/* Text for a text[]: what is no UTF-8 in it, which would fail the whole flush, becomes '?'. */
void mr_pg_array_clean(struct mr_buf *out, bool first, const char *text);
int mr_pg_put_letters(struct mr_session *session, const struct mr_letter *letters, size_t n,
                      struct mr_err *err);

#endif
