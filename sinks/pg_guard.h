/* Guards and tombs of the PostgreSQL sink (sinks/sink.h). Inside that sink only. */
#ifndef MR_SINKS_PG_GUARD_H
#define MR_SINKS_PG_GUARD_H

#include "sinks/pg.h"

int mr_pg_guard_lock(struct mr_session *session, const struct mr_table *table, struct mr_err *err);
int mr_pg_guards_read(struct mr_session *session, const struct mr_guarded *what,
                      struct mr_guard_seen *seen, struct mr_err *err);
int mr_pg_tombs_put(struct mr_session *session, const struct mr_guarded *what, struct mr_err *err);
int mr_pg_truncate_below(struct mr_session *session, const struct mr_guarded *what,
                         struct mr_slice octets, struct mr_err *err);

/* The tombs of one table and kind, in statements with `d` for the tombs: parameters 1 to 3. */
#define MR_PG_TOMBS_OF(kind)                                                                       \
    "d.pipeline OPERATOR(pg_catalog.=) $1 AND d.schema OPERATOR(pg_catalog.=) $2 AND "             \
    "d.name OPERATOR(pg_catalog.=) $3 AND d.kind OPERATOR(pg_catalog.=) '" kind "'"
void mr_pg_tomb_params(const struct mr_pg_session *session, const struct mr_table *table,
                       struct mr_pg_params *params);
/* Drops some of those that have expired. */
struct mr_pg_expiry {
    const char *kind;
    uint64_t ttl_ms;
    size_t n_left; /* how many the flush leaves itself */
};
int mr_pg_tombs_expire(struct mr_pg_session *session, const struct mr_table *table,
                       const struct mr_pg_expiry *what, struct mr_err *err);

/* A bytea[] in binary form: begun with its number of items, filled, checked (-MR_NO_MEMORY). */
void mr_pg_bytea_array(struct mr_buf *out, size_t n);
void mr_pg_bytea_add(struct mr_buf *out, struct mr_slice octets);
int mr_pg_bytea_check(const struct mr_buf *array, struct mr_err *err);

/* ---- pg_kept.c: values of moved rows (contract.md U-32) ---- */
int mr_pg_kept_read(struct mr_session *session, const struct mr_kept_rows *what,
                    struct mr_err *err);
int mr_pg_kept_put(struct mr_session *session, const struct mr_kept_rows *what, struct mr_err *err);

#endif
