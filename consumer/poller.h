/* The poll loop: the one thread that serves the consumer client and changes assignments. It steps
 * the partitions' state machine (protocol/partition.c) with what source, claims, lanes and timers
 * report, and carries out the actions. It never waits for the target; for a lane only at a revoke,
 * and then at most kafka.revoke_timeout. */
#ifndef MR_CONSUMER_POLLER_H
#define MR_CONSUMER_POLLER_H

#include "consumer/claims.h"
#include "consumer/lane.h"

enum { MR_COMMIT_INTERVAL_MS = 1000 };

struct mr_poller_opts { /* borrowed */
    struct mr_source *source;
    struct mr_sink *sink;
    struct mr_partitions *partitions;
    struct mr_targets *targets;
    struct mr_claims *claims;
    struct mr_metrics *metrics;
    struct mr_lane *lanes;
    const char *group_id;
    uint32_t n_lanes;
    uint32_t revoke_timeout_ms;
    uint32_t shutdown_timeout_ms;
    bool until_caught_up;
    size_t batches_bytes;        /* all lanes' batches together */
    _Atomic size_t *batch_bytes; /* what poll makes of it: one batch's share; NULL: fixed */
    struct mr_env env;
};

enum mr_poller_end {
    MR_END_RUNNING,
    MR_END_STOPPED,   /* asked to stop, everything flushed */
    MR_END_CAUGHT_UP, /* until_caught_up: every partition at the end it had at the start; without
                         any partition for a whole session time-out: the group has none for us */
    MR_END_HALTED,    /* until_caught_up: some partitions wait for somebody, the others are there */
    MR_END_TIMED_OUT, /* the shutdown time-out passed: what was not flushed will be read again */
    MR_END_FAILED     /* FATAL or BUG: `failure` */
};

struct mr_poller {
    struct mr_poller_opts opts;
    struct mr_partition **assigned; /* thread: poll */
    size_t n_assigned, cap_assigned;
    uint32_t *lane_load; /* partitions of a lane; thread: poll */
    uint64_t last_commit_ms;
    uint64_t assignment_ms; /* thread: poll; when the assignment changed last */
    _Atomic bool seen_assignment;
    uint64_t stop_by_ms;     /* 0: not stopping */
    _Atomic bool stop_asked; /* any thread */
    _Atomic uint32_t n_assigned_seen;
    _Atomic uint64_t progress_ms;
    _Atomic int end;                              /* enum mr_poller_end */
    struct mr_err failure;                        /* valid once end is MR_END_FAILED */
    struct mr_lock lock;                          /* rank 12 */
    struct mr_err source_err MR_GUARDED_BY(lock); /* the last fault of the whole source */
    uint64_t source_err_ms MR_GUARDED_BY(lock);
    struct mr_err topic_err MR_GUARDED_BY(lock); /* the last that a whole topic waits for */
    pthread_t thread;
};

int mr_poller_init(struct mr_poller *poller, const struct mr_poller_opts *opts, struct mr_err *err);
int mr_poller_start(struct mr_poller *poller, struct mr_err *err);
void mr_poller_join(struct mr_poller *poller);
void mr_poller_release(struct mr_poller *poller);
/* Any thread. */
void mr_poller_stop(struct mr_poller *poller);
/* The last fault of the whole source, until it has answered since. */
bool mr_poller_source_fault(struct mr_poller *poller, struct mr_err *out, uint64_t *at_ms);
/* Is there a topic that a route names or matches, that the brokers refused or do not have, and of
 * which no partition was ever assigned? The source tells it once only. Any thread. */
bool mr_poller_topic_waits(struct mr_poller *poller, struct mr_err *why);

/* ---- internal: assignment.c ---- */
void mr_poller_assigned(struct mr_poller *poller, const struct mr_source_event *event);
void mr_poller_unassigned(struct mr_poller *poller, const struct mr_source_event *event);
/* Steps one partition and carries the action out. */
void mr_poller_step(struct mr_poller *poller, struct mr_partition *part,
                    enum mr_partition_event event, uint32_t delay_ms);
/* Gives up what a lane has gathered and sets its partitions back to their positions. */
void mr_poller_set_back(struct mr_poller *poller, struct mr_lane *lane, const struct mr_err *why,
                        struct mr_target *target);
void mr_poller_fail(struct mr_poller *poller, const struct mr_err *err);
/* A batch that was being written while its lane was set back decides from where its partitions are
 * read. Released before, they would start at a position that this very batch is about to move;
 * claimed before, its flush would be fenced by this process itself. */
bool mr_poller_is_settling(struct mr_lane *lane);
/* Carries out the seeks that are wanted. */
void mr_poller_releases(struct mr_poller *poller);
/* Tells the source the positions that moved, at most once a second; `last` waits for the answer. */
void mr_poller_mirror(struct mr_poller *poller, bool last);

#endif
