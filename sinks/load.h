/* Load strategies: which statements in which order bring a table's reduced rows into the target.
 * They speak to sink->ops only. One file a strategy, chosen by mr_load_for. Thread: write. */
#ifndef MR_SINKS_LOAD_H
#define MR_SINKS_LOAD_H

#include "sinks/sink.h"

struct mr_load_stats {
    uint64_t n_inserted, n_upserted, n_updated, n_deleted;
    uint64_t n_direct;    /* rows that went in by plain insert */
    uint64_t n_fallbacks; /* direct inserts that met an existing key */
};

/* What a strategy learns about a table between flushes; kept by the writer, one a table. */
struct mr_load_memory {
    uint32_t direct_misses; /* consecutive fall-backs: the direct way is tried ever more rarely */
    uint32_t skip_direct;   /* flushes still to go without trying */
};

struct mr_load_ops {
    const char *name;
    bool reduce; /* fold by key before loading */
    int (*run)(struct mr_session *session, struct mr_rows *rows, struct mr_load_memory *memory,
               struct mr_load_stats *stats, struct mr_err *err);
};

extern const struct mr_load_ops mr_load_upsert;
extern const struct mr_load_ops mr_load_append;
const struct mr_load_ops *mr_load_for(enum mr_strategy strategy);

#endif
