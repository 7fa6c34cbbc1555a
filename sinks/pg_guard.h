/* Guards and tombs of the PostgreSQL sink (sinks/sink.h). Inside that sink only. */
#ifndef MR_SINKS_PG_GUARD_H
#define MR_SINKS_PG_GUARD_H

#include "sinks/pg.h"

int mr_pg_guards_read(struct mr_session *session, const struct mr_guarded *what,
                      struct mr_guard_seen *seen, struct mr_err *err);
int mr_pg_tombs_put(struct mr_session *session, const struct mr_guarded *what, struct mr_err *err);
int mr_pg_truncate_below(struct mr_session *session, const struct mr_guarded *what,
                         struct mr_slice octets, struct mr_err *err);

#endif
