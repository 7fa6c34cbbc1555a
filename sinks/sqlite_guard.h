/* Guards and tombs of the SQLite sink (sinks/sink.h). Inside that sink only. */
#ifndef MR_SINKS_SQLITE_GUARD_H
#define MR_SINKS_SQLITE_GUARD_H

#include "sinks/sqlite.h"

/* ---- sqlite_rows.c ---- */
/* For statements about single rows: the key's WHERE, with its parameters from 1 on, and what is
 * bound there. */
struct mr_sq_keyed {
    struct mr_sq_conn *conn;
    struct sqlite3_stmt *stmt;
    const struct mr_table *table;
    const struct mr_colset *key;
};
void mr_sq_where_key(struct mr_buf *sql, const struct mr_table *table, const struct mr_colset *key);
int mr_sq_bind_key(const struct mr_sq_keyed *to, const struct mr_row *row, struct mr_err *err);

/* ---- sqlite_guard.c ---- */
int mr_sq_guard_lock(struct mr_session *session, const struct mr_table *table, struct mr_err *err);
int mr_sq_guards_read(struct mr_session *session, const struct mr_guarded *what,
                      struct mr_guard_seen *seen, struct mr_err *err);
int mr_sq_tombs_put(struct mr_session *session, const struct mr_guarded *what, struct mr_err *err);
/* U-32. */
int mr_sq_kept_read(struct mr_session *session, const struct mr_kept_rows *what,
                    struct mr_err *err);
int mr_sq_kept_put(struct mr_session *session, const struct mr_kept_rows *what, struct mr_err *err);
int mr_sq_truncate_below(struct mr_session *session, const struct mr_guarded *what,
                         struct mr_slice octets, struct mr_err *err);

#endif
