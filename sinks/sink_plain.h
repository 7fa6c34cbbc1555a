/* What kinds answer that lack an ability, for their ops tables. Any thread. */
#ifndef MR_SINKS_SINK_PLAIN_H
#define MR_SINKS_SINK_PLAIN_H

#include "sinks/sink.h"

/* wish_resolve of targets without extensions. */
int mr_sink_wish_plain(struct mr_sink *sink, const struct mr_ddl *ddl, struct mr_arena *arena,
                       struct mr_ddl *out, struct mr_err *err);

/* poisons_read and overtaken_put of targets that keep no letters. */
int mr_sink_poisons_plain(struct mr_sink *sink, const struct mr_poison_taker *taker,
                          struct mr_err *err);
int mr_sink_overtaken_plain(struct mr_session *session, const struct mr_overtaken *overtaken,
                            size_t n, struct mr_err *err);

/* key_groups of targets whose tables have no keys that they alone can compare. */
int mr_sink_keys_plain(struct mr_session *session, const struct mr_keys *keys, uint32_t *groups,
                       struct mr_err *err);

/* constraints_later and _now of targets that check each row as it comes. */
int mr_sink_constraints_plain(struct mr_session *session, const struct mr_table *table,
                              struct mr_err *err);

/* place of targets that keep no positions. */
int mr_sink_place_plain(struct mr_sink *sink, const struct mr_position *positions, size_t n,
                        struct mr_err *err);

#endif
