/* How long dead letters are kept: a thread that removes old ones in small pieces, beside the lanes
 * and never in their transactions (dlq.retention, dlq.retention_new). Each instance of a pipeline
 * has one, at moments of its own; two that meet take different letters (sinks/letters.h, purge).
 * Threads: its own; main starts and stops it. */
#ifndef MR_CONSUMER_LETTER_KEEPER_H
#define MR_CONSUMER_LETTER_KEEPER_H

#include <pthread.h>

#include "base/lock.h"
#include "base/metrics.h"
#include "sinks/letters.h"

struct mr_letter_keeper_opts {
    struct mr_sink *sink;       /* borrowed */
    struct mr_metrics *metrics; /* borrowed */
    uint64_t closed_ms;         /* replayed and discarded letters go after that; 0: never */
    uint64_t new_ms;            /* those that nobody closed; 0: never */
    struct mr_env env;          /* a copy of its own; its wall clock says how old a letter is */
};

/* thread: its own, but for the last three */
struct mr_letter_keeper {
    struct mr_letter_keeper_opts opts;
    struct mr_letters *letters; /* NULL: there is nothing to do */
    bool set_up;                /* the control tables are there */
    bool failing;               /* that was told */
    bool clock_known;
    int64_t wall_ahead_ms;                 /* of the monotonic clock; the least that was seen */
    uint64_t n_purged[MR_N_LETTER_STATES]; /* since the last event */
    pthread_t thread;
    bool started;
    struct mr_lock lock; /* rank 32 */
    struct mr_cond changed;
    bool stopping MR_GUARDED_BY(lock);
};

enum {
    MR_KEEPER_PIECE = 500,         /* letters of a state in one statement */
    MR_KEEPER_PAUSE_MS = 100,      /* between pieces */
    MR_KEEPER_REST_MS = 600 * 1000 /* when none is left; and up to a fifth more, by chance */
};

/* A piece of each state: the milliseconds until the next. An error is told once, in the log, and
 * ends with the next turn without one. For the thread, and for tests. */
uint64_t mr_letter_keeper_turn(struct mr_letter_keeper *keeper);

/* Starts the thread where there is anything to do. 0 or -MR_NO_MEMORY. */
int mr_letter_keeper_start(struct mr_letter_keeper *keeper,
                           const struct mr_letter_keeper_opts *opts, struct mr_err *err);
/* Ends it, after a piece that is under way; safe on a zeroed one. */
void mr_letter_keeper_stop(struct mr_letter_keeper *keeper);

#endif
