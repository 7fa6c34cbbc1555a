/* A sink: a target that batches are loaded into. One const ops table a kind; every slot is filled,
 * abilities are capability bits.
 *
 * Two objects: the sink (one a process; its functions may be called by any thread; it owns the
 * pool, the catalogue cache and the control tables) and the session (one connection of one writer;
 * one thread, but for session_interrupt).
 *
 * One flush, on a session, in this order (design.md section 4): begin -> truncate? (delete_keys |
 * put_rows)* per table -> put_letters -> put_positions -> commit. Any error: the caller calls
 * rollback (which never fails in a way that matters: a broken connection is dropped, and opened
 * again by the next begin) and decides by the error's class. */
#ifndef MR_SINKS_SINK_H
#define MR_SINKS_SINK_H

#include "base/clock.h"
#include "base/err.h"
#include "base/pos.h"
#include "schemas/plan.h"
#include "sinks/look.h"
#include "sinks/poisoned.h"
#include "sinks/put.h"

enum mr_sink_cap {
    MR_SINK_TXN = 1 << 0,       /* rows and positions in one transaction */
    MR_SINK_POSITIONS = 1 << 1, /* keeps positions; without: the source's own commits are used */
    MR_SINK_DDL = 1 << 2,       /* can create and alter tables */
    MR_SINK_PARALLEL = 1 << 3,  /* several sessions may write at the same time */
    MR_SINK_ALTER = 1 << 4,     /* can alter columns that are there: DROP_NOT_NULL, WIDEN */
};

enum { MR_TARGET_ID_BYTES = 64, MR_OWNER_TEXT_BYTES = 160 };

struct mr_sink_opts { /* borrowed for the sink's life */
    const char *url;
    const char *schema;         /* default schema of tables */
    const char *control_schema; /* PostgreSQL: schema; SQLite: prefix is `<control_schema>_` */
    const char *pipeline;
    const char *group_id;
    const char *instance_id; /* unique a process */
    uint32_t pool_min, pool_max, pool_wait_ms, pool_idle_ms, pool_max_age_ms;
    uint32_t statement_timeout_ms, lock_timeout_ms, connect_timeout_ms;
    uint32_t session_timeout_ms; /* of the source's group: how stale an owner may be */
    bool look_only;              /* only looks: the control tables may be absent (PostgreSQL) */
    struct mr_env env;           /* a copy of its own */
    int output_fd;               /* stdout: where lines go */
};

/* One partition's claim. In: stream, stream_id, cluster_id, partition, slot, slots, start, and
 * topic_partitions for a row that it makes. Out: found, position (with the new epoch). */
struct mr_claim {
    struct mr_position position; /* in: names and ids; out: what the target holds now */
    int64_t start_offset;        /* inserted as next_offset if absent; -1: do not insert */
    int32_t start_leader_epoch;
    bool found; /* the row was there before */
};

struct mr_sink;    /* each kind embeds it as its first member */
struct mr_session; /* likewise */

struct mr_sink_ops {
    const char *name; /* "postgresql", "sqlite", "stdout" */
    uint32_t caps;
    const struct mr_emit_ops *emit;

    /* ---- sink: any thread ---- */
    /* Does not connect: `opts->url` is only parsed. Gives. */
    int (*open)(const struct mr_sink_opts *opts, struct mr_sink **out, struct mr_err *err);
    void (*close)(struct mr_sink *sink); /* after all sessions were closed */
    /* Connects, makes or migrates the control tables under an advisory lock, and reads the target's
     * id. Idempotent; to be retried by class. target_id: MR_TARGET_ID_BYTES. */
    int (*setup)(struct mr_sink *sink, char *target_id, struct mr_err *err);
    /* One cheap round trip: is the target there and writable? */
    int (*probe)(struct mr_sink *sink, struct mr_err *err);

    /* The table as the catalogue has it (cached; `fresh` re-reads). Gives a reference;
     * -MR_TARGET_MISSING when it does not exist. schema NULL: the default one. */
    int (*table_open)(struct mr_sink *sink, const char *schema, const char *name, bool fresh,
                      struct mr_table **out, struct mr_err *err);
    /* Carries out a DDL wish in its own short transaction (V-01, V-11, V-12: advisory lock, lock
     * time-out 2 s), notes it in schema_changes and registers the table for pipeline and route. */
    int (*table_apply)(struct mr_sink *sink, const char *schema, const char *name,
                       const struct mr_ddl *ddl, struct mr_err *err);
    /* Appends the statement that table_apply would run, if there are any: `now` is the table, or
     * only its names where it is absent (schema "": the default one). */
    void (*ddl_print)(struct mr_sink *sink, const struct mr_table *now, const struct mr_ddl *ddl,
                      struct mr_buf *out);
    /* The wish in the target's own types, in `arena` (an extension's type, or what it becomes
     * without the extension); table_apply does it by itself. */
    int (*wish_resolve)(struct mr_sink *sink, const struct mr_ddl *ddl, struct mr_arena *arena,
                        struct mr_ddl *out, struct mr_err *err);
    /* Notes that this pipeline loads the table (target.shared if others do that do not share). */
    int (*table_register)(struct mr_sink *sink, const struct mr_table *table, const char *route,
                          bool shared, struct mr_err *err);
    /* Reads all positions of the pipeline into a malloc'd array. */
    int (*positions_read)(struct mr_sink *sink, struct mr_position **out, size_t *n_out,
                          struct mr_err *err);
    /* Claims all in one statement, rows locked in (stream, partition, slot) order; raises epochs;
     * ends a stalled former owner's backend (design.md section 4). */
    int (*claim)(struct mr_sink *sink, struct mr_claim *claims, size_t n, struct mr_err *err);
    /* Puts claimed positions elsewhere by hand, all or none (-MR_FENCED: another epoch by now):
     * next_offset, the log's ids, topic_partitions and envelope become those given. */
    int (*place)(struct mr_sink *sink, const struct mr_position *positions, size_t n,
                 struct mr_err *err);
    /* Letters that later records may meet still, by offset; the youngest MR_POISONED_READ. */
    int (*poisons_read)(struct mr_sink *sink, const struct mr_poison_taker *to, struct mr_err *err);
    /* Looks at what run needs, alters nothing. Errors: the target cannot be asked. */
    int (*look_over)(struct mr_sink *sink, struct mr_look *look, struct mr_findings *findings,
                     struct mr_err *err);
    void (*stats)(struct mr_sink *sink, uint32_t *idle, uint32_t *busy, uint32_t *waiting);

    /* ---- session: one thread ---- */
    int (*session_open)(struct mr_sink *sink, struct mr_session **out, struct mr_err *err);
    void (*session_close)(struct mr_session *session);
    /* Connects if needed (by the pool), opens the transaction, locks the tables ROW EXCLUSIVE and
     * compares their versions with the catalogue: -MR_TABLE_CHANGED (err->table names it) when a
     * plan is stale (V-13). On a new connection it first notes itself as owner of `spans` (so that
     * the next owner can end it, should it stall). Tables sorted by (schema, name). */
    int (*begin)(struct mr_session *session, struct mr_table *const *tables, size_t n_tables,
                 const struct mr_span *spans, size_t n_spans, struct mr_err *err);
    int (*savepoint)(struct mr_session *session, struct mr_err *err);
    int (*rollback_to_savepoint)(struct mr_session *session, struct mr_err *err);
    int (*release_savepoint)(struct mr_session *session, struct mr_err *err);
    /* Puts off until the end of the transaction those foreign keys of the table that may be. */
    int (*defer)(struct mr_session *session, const struct mr_table *table, struct mr_err *err);
    /* Checks now what is put off of the table's rows, also of others' references to them. */
    int (*constraints_now)(struct mr_session *session, const struct mr_table *table,
                           struct mr_err *err);
    /* empties the table, by DELETE where TRUNCATE is refused. */
    int (*truncate)(struct mr_session *session, struct mr_table *table, struct mr_err *err);
    /* P-22: from the next statement until the transaction ends nobody else may compare guards of
     * this table. */
    int (*guard_lock)(struct mr_session *session, const struct mr_table *table, struct mr_err *err);
    /* O-06, O-07: what the target has of the rows' keys, in their order, after guard_lock, which it
     * does by itself. Kinds that cannot compare see nothing. */
    int (*guards_read)(struct mr_session *session, const struct mr_guarded *what,
                       struct mr_guard_seen *seen, struct mr_err *err);
    /* Leaves a tomb with the row's guard for each of the keys, and drops some that have expired. */
    int (*tombs_put)(struct mr_session *session, const struct mr_guarded *what, struct mr_err *err);
    /* deletes rows with a guard below these octets: the floor, kept among the tombs. */
    int (*truncate_below)(struct mr_session *session, const struct mr_guarded *what,
                          struct mr_slice octets, struct mr_err *err);
    /* F-33: groups[i] becomes the least number of a key that the key's index has equal to it. */
    int (*key_groups)(struct mr_session *session, const struct mr_keys *keys, uint32_t *groups,
                      struct mr_err *err);
    /* Deletes by key_tuple; absent keys are no error. Rows distinct by key. */
    int (*delete_keys)(struct mr_session *session, struct mr_table *table,
                       const struct mr_colset *key, const struct mr_row *const *rows, size_t n_rows,
                       uint64_t *n_done, struct mr_err *err);
    /* E-40: deletes one row that equals `row`'s tuple but for masked columns, NULL equals NULL. */
    int (*delete_match)(struct mr_session *session, struct mr_table *table,
                        const struct mr_row *row, uint64_t *n_done, struct mr_err *err);
    /* `n_done`: rows that are in the table now as they were wanted. Of an insert or upsert fewer
     * than there are means that its triggers kept some out (V-18). */
    int (*put_rows)(struct mr_session *session, const struct mr_put_rows *put, enum mr_put mode,
                    uint64_t *n_done, struct mr_err *err);
    /* Reads and locks the rows until the transaction ends (U-30). -MR_NO_MEMORY where they do not
     * fit the arena. Kinds that read nothing find no row. */
    int (*read_rows)(struct mr_session *session, const struct mr_read_rows *read,
                     struct mr_err *err);
    /* U-32: reads the values in tombs of moved rows. Kinds that read nothing find none. */
    int (*kept_read)(struct mr_session *session, const struct mr_kept_rows *what,
                     struct mr_err *err);
    /* Puts them, in place of former ones; without values the tomb goes. */
    int (*kept_put)(struct mr_session *session, const struct mr_kept_rows *what,
                    struct mr_err *err);
    int (*put_letters)(struct mr_session *session, const struct mr_letter *letters, size_t n,
                       struct mr_err *err);
    int (*overtaken_put)(struct mr_session *session, const struct mr_overtaken *overtaken, size_t n,
                         struct mr_err *err);
    /* Compare and set of every span; else -MR_FENCED, and err names the first that failed. */
    int (*put_positions)(struct mr_session *session, const struct mr_span *spans, size_t n,
                         struct mr_err *err);
    /* 0: durable. -MR_COMMIT_UNKNOWN: the answer was lost, settle by positions_read. After any
     * error the caller rolls back, which makes the session ready for the next begin. */
    int (*commit)(struct mr_session *session, struct mr_err *err);
    void (*rollback)(struct mr_session *session);
    /* Any thread: makes a call that blocks on the server return soon (cancel); best effort. */
    void (*session_interrupt)(struct mr_session *session);
    /* Between flushes: returns an over-age or idle connection to the pool's care. */
    void (*session_idle)(struct mr_session *session);
};

struct mr_sink {
    const struct mr_sink_ops *ops;
};
struct mr_session {
    const struct mr_sink_ops *ops;
    struct mr_sink *sink;
    struct mr_refused refused; /* of the last put or delete */
};

extern const struct mr_sink_ops mr_sink_postgresql;
extern const struct mr_sink_ops mr_sink_sqlite;
extern const struct mr_sink_ops mr_sink_stdout;

/* The kind that a URL names (postgresql:// postgres:// or key=value, sqlite:FILE, stdout:);
 * NULL with config.invalid. */
const struct mr_sink_ops *mr_sink_for_url(const char *url, struct mr_err *err);

#endif
