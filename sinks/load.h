/* Load strategies: which statements in which order bring a table's reduced rows into the target.
 * They speak to sink->ops only. One file a strategy, chosen by mr_load_for. Thread: write. */
#ifndef MR_SINKS_LOAD_H
#define MR_SINKS_LOAD_H

#include "sinks/sink.h"

struct mr_load_stats {
    uint64_t n_inserted, n_upserted, n_updated, n_deleted;
    uint64_t n_direct;    /* rows that went in by plain insert */
    uint64_t n_fallbacks; /* direct inserts that met an existing key */
    uint64_t n_left_out;  /* V-18: rows that the table's own triggers kept out, or as they were */
};

/* What a strategy learns about a table between flushes; kept by the writer, one a table. */
struct mr_load_memory {
    uint32_t direct_misses; /* consecutive fall-backs: the direct way is tried ever more rarely */
    uint32_t skip_direct;   /* flushes still to go without trying */
    uint32_t n_changes;     /* flushes in a row that found the table changed */
};

/* A record that the load found to be bad, while its neighbours land: the flush puts it aside in the
 * same transaction. For faults that only the target shows. */
struct mr_load_fault {
    uint32_t span_idx;
    int64_t offset;
    enum mr_code code;
    enum mr_class class; /* POISON; HALT where the table waits for somebody at this record, RETRY
                            where the record waits for rows of other tables */
    char sqlstate[6];
    const char *detail; /* in `texts` */
};

struct mr_load_faults {
    struct mr_load_fault *items;
    size_t n_items;
    size_t cap;
    struct mr_arena texts;
};
void mr_load_faults_init(struct mr_load_faults *faults);
void mr_load_faults_release(struct mr_load_faults *faults);
void mr_load_faults_reset(struct mr_load_faults *faults);
/* Every record that `row` was folded from is at fault: a masked row remembers them all, any other
 * one stands for its last. -MR_NO_MEMORY. */
int mr_load_fault_add(struct mr_load_faults *faults, const struct mr_row *row,
                      const struct mr_err *why, struct mr_err *err);

/* The server's own fault, but it may be one value's. */
bool mr_load_is_internal(const struct mr_err *err);

/* One table's rows on their way. */
struct mr_load {
    struct mr_session *session;
    struct mr_rows *rows;
    const struct mr_route *route;
    struct mr_load_memory *memory;
    struct mr_load_stats *stats;
    struct mr_load_faults *faults;
    const uint32_t *rank;        /* the order of the batch's spans */
    const struct mr_span *spans; /* of the batch: what the rows' span_idx counts */
    uint64_t max_faults;         /* a split ends with so many, `cut`; 0: none */
    bool cut;                    /* out: parts were left untried, so the batch must not land */
    struct mr_refused refused;   /* by the load that is to be split */
    bool internal_too;           /* a split looks for what gives the server's internal error, too */
    bool constraints_now;        /* parts of a split are held against deferred constraints, too */
    bool truncate_done;          /* where other tables are concerned it comes before all rows */
    bool deletes_later;          /* the rows that go, by mr_load_ops.deletes */
    /* Of a split: is a record that a foreign key refuses one to wait at? Else it is at
     * fault. NULL: none is. */
    bool (*may_wait)(const void *arg, const struct mr_row *row);
    const void *may_wait_arg;
};

struct mr_load_ops {
    const char *name;
    bool reduce; /* fold by key before loading */
    int (*run)(struct mr_load *load, struct mr_err *err);
    /* What a run with deletes_later has left: rows that other tables' rows, of the same
     * transaction, refer to until they have been loaded. NULL: it leaves nothing. */
    int (*deletes)(struct mr_load *load, struct mr_err *err);
};

extern const struct mr_load_ops mr_load_upsert;
extern const struct mr_load_ops mr_load_append;
/* May the load go on without the records that are at fault? Then it is taken apart. */
bool mr_load_takes_apart(const struct mr_load *load, const struct mr_err *err);
/* is it a foreign key's refusal? 23001 is what RESTRICT says since release 18. */
bool mr_load_is_foreign(const struct mr_err *err);
/* Counts what a put that succeeded has not done of its rows. */
void mr_load_left_out(struct mr_load *load, size_t n_rows, uint64_t n_done);
const struct mr_load_ops *mr_load_for(enum mr_strategy strategy);

#endif
