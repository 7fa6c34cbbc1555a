/* One connection of the PostgreSQL sink: opening, statements, COPY, and the server's refusals.
 * libpq's objects appear only as opaque pointers: its header stays in pg_*.c. Inside the PostgreSQL
 * sink only. */
#ifndef MR_SINKS_PG_CONN_H
#define MR_SINKS_PG_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/memory.h"
#include "sinks/sink.h"

struct pg_conn;   /* PGconn */
struct pg_result; /* PGresult */

enum {
    MR_PG_MAX_PARAMS = 16,
    MR_PG_NAME_BYTES = 63,      /* NAMEDATALEN - 1, I-03 */
    MR_PG_MAX_STAGES = 1024,    /* staging tables that a connection remembers */
    MR_PG_MAX_NOTED = 4096,     /* positions that a connection remembers to own */
    MR_PG_MAX_FORMER = 1024,    /* former owners that a sink remembers */
    MR_PG_CALL_GRACE_MS = 5000, /* beyond the server's own time-outs, before a call is given up */
    MR_PG_CANCEL_MS = 5000,     /* for the answer after a cancel, and for a rollback */
    MR_PG_MIN_IDLE_MS = 10000,  /* in a transaction, before the server ends the session */
    MR_PG_LOCK_WAIT_MS = 5000,  /* design.md section 4: then the former owner is ended */
    MR_PG_DDL_LOCK_MS = 2000,   /* V-01 */
    MR_PG_PIECE_BYTES = 256 * 1024, /* of a COPY stream */
};

/* ---- pg_conn.c, pg_exec.c: one connection; thread: whoever took it from the pool ---- */
struct mr_pg_stage {
    uint64_t id;  /* of table, version and columns */
    bool made;    /* created in this transaction, as far as no savepoint took it back */
    bool lasting; /* its CREATE was committed */
    bool used;    /* may hold rows of this transaction */
};

struct mr_pg_conn {
    struct pg_conn *pq;
    const struct mr_env *env;
    uint32_t timeout_ms; /* of one call, on the client's side */
    uint64_t born_ms;
    uint64_t used_ms;
    uint32_t memory_mark; /* when it was taken: nothing is sent once memory lacked since */
    bool broken;          /* to be closed, never used again */
    char constraint[MR_PG_NAME_BYTES + 1]; /* that the last error named; "": none */
    const char *copying;                   /* the table of the COPY under way; NULL: none */
    uint64_t copy_row; /* of its stream, that the last error named, from 1; 0: none */
    int32_t backend_pid;
    char backend_start[40];
    int wake_fd;                /* of the session that holds it; -1: none */
    _Atomic bool *interrupted;  /* likewise */
    _Atomic uint64_t *moved_ms; /* a wait shows life there, each second; NULL: need not */
    struct mr_pg_stage *stages; /* MR_PG_MAX_STAGES, made at first use */
    size_t n_stages;
    uint64_t *noted; /* MR_PG_MAX_NOTED, made at first use */
    size_t n_noted;
    struct mr_pg_conn *next; /* in the pool's idle list */
};

/* Opens by opts->url within connect_timeout_ms, applies the session settings, checks the encoding
 * (I-13) and how long names may be (I-03). Errors: target.away, target.auth, target.missing,
 * target.encoding, target.short_names, db.*. Gives. */
int mr_pg_connect(const struct mr_sink_opts *opts, struct mr_pg_conn **out, struct mr_err *err);
void mr_pg_disconnect(struct mr_pg_conn *conn); /* NULL is allowed */

/* Parameters of one statement; values are borrowed until the call returns. */
struct mr_pg_params {
    int n;
    const char *values[MR_PG_MAX_PARAMS]; /* NULL: null */
    int lengths[MR_PG_MAX_PARAMS];
    int formats[MR_PG_MAX_PARAMS]; /* 1: binary */
};
void mr_pg_param_text(struct mr_pg_params *params, const char *value);
void mr_pg_param_bytes(struct mr_pg_params *params, const void *bytes, int len);

/* Runs the statements of `sql`; `out` (may be NULL) is the last result: PQclear() by the caller.
 * Whose memory lacked since the connection was taken (mr_pg_memory_begin) may have texts that were
 * cut short: only a ROLLBACK is sent then, all else is -MR_NO_MEMORY. Errors: by pg_err; -MR_AGAIN
 * after an interrupt; -MR_TARGET_AWAY when the connection is lost, which sets conn->broken. */
int mr_pg_exec(struct mr_pg_conn *conn, const char *sql, struct pg_result **out,
               struct mr_err *err);
static inline void mr_pg_memory_begin(struct mr_pg_conn *conn)
{
    conn->memory_mark = mr_memory_mark();
}
int mr_pg_exec_params(struct mr_pg_conn *conn, const char *sql, const struct mr_pg_params *params,
                      struct pg_result **out, struct mr_err *err);
/* The same, and a statement without parameters, whose results come in binary form. */
int mr_pg_exec_params_binary(struct mr_pg_conn *conn, const char *sql,
                             const struct mr_pg_params *params, struct pg_result **out,
                             struct mr_err *err);
int mr_pg_exec_binary(struct mr_pg_conn *conn, const char *sql, struct pg_result **out,
                      struct mr_err *err);
/* 0, or the error where memory lacked: for who sends by mr_pg_send_only(). */
int mr_pg_memory_judge(const struct mr_pg_conn *conn, struct mr_err *err);
/* Sends and flushes without waiting for an answer; false when the connection broke. */
bool mr_pg_send_only(struct mr_pg_conn *conn, const char *sql);
/* Reads all answers of a statement that was sent. */
int mr_pg_answers(struct mr_pg_conn *conn, struct pg_result **out, struct mr_err *err);
/* Sends `sql`, which ends in COPY ... FROM STDIN, and reads up to the server's readiness. */
int mr_pg_copy_begin(struct mr_pg_conn *conn, const char *sql, struct mr_err *err);
/* Back pressure: returns when libpq's buffer is with the kernel. */
int mr_pg_copy_piece(struct mr_pg_conn *conn, const struct mr_buf *piece, struct mr_err *err);
/* Ends the stream (reason NULL) or fails it; reads all answers. n_rows may be NULL. */
int mr_pg_copy_end(struct mr_pg_conn *conn, const char *reason, uint64_t *n_rows,
                   struct mr_err *err);
/* Fields of a result; "" for NULL. */
int64_t mr_pg_i64(const struct pg_result *res, int row, int col);
bool mr_pg_bool(const struct pg_result *res, int row, int col);
uint64_t mr_pg_n_done(struct pg_result *res); /* rows that the command touched */

/* ---- pg_err.c ---- */
enum mr_class mr_pg_class(const char *sqlstate);
/* Fills `err` from a result that is an error (NULL: from the connection, then it is broken). */
int mr_pg_fail(struct mr_pg_conn *conn, const struct pg_result *res, struct mr_err *err);
/* The row, from 1, that an error's context names in the COPY into `table`; 0: none. `context` is
 * the server's, in its own language. */
uint64_t mr_pg_copy_row(const char *context, const char *table);
/* The place "schema.name" into `err`; returns -err->code. */
int mr_pg_err_table(struct mr_err *err, const struct mr_table *table);
/* err->on_key: is the constraint of the connection's last error the index of this key? */
void mr_pg_err_key(const struct mr_pg_conn *conn, const struct mr_table *table,
                   const struct mr_colset *key, struct mr_err *err);
/* An armed fault point: the connection is lost here. */
int mr_pg_cut(struct mr_pg_conn *conn, const char *point, struct mr_err *err);
/* A refused connection: the SQLSTATE stands in libpq's verbose text only. */
int mr_pg_fail_connect(const char *text, struct mr_err *err);

#endif
