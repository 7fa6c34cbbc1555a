/* The partitions that this process has met: who has them, where they are, how far they are loaded.
 * A partition's struct lives as long as the service (there are as many as the cluster has), so that
 * a record or a batch can point at it across a revoke; being assigned again is a new generation.
 *
 * Threads: `poll` owns the state; `fill` owns the fill_ fields while the partition flows, `poll`
 * while its lane is parked; the atomics are for everybody. */
#ifndef MR_CONSUMER_PARTITIONS_H
#define MR_CONSUMER_PARTITIONS_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/pos.h"
#include "consumer/parent_wait.h"
#include "consumer/protocol/partition.h"

struct mr_target;

enum { MR_PARTITION_KEY_BYTES = MR_STREAM_NAME_BYTES + 4, MR_MAX_PARTITIONS = 100000 };

/* What fill, write or the source ask poll to do with a partition. */
struct mr_partition_wish {
    enum mr_partition_event event; /* HELD, HALTED, ADRIFT; FENCED, as a flush would be */
    uint32_t generation;
    uint32_t delay_ms; /* until it is tried again */
    struct mr_err err;
};

/* A record that a flush found to be one to wait at. */
struct mr_partition_stop {
    struct mr_err why;        /* with its place */
    struct mr_target *target; /* of the record: not the partition's where its source names it */
};

struct mr_partition {
    char stream[MR_STREAM_NAME_BYTES]; /* immutable, like the next four */
    int32_t partition;
    uint32_t lane;
    struct mr_target *target; /* where its records go; NULL: no route takes it */
    uint8_t key[MR_PARTITION_KEY_BYTES];
    size_t key_len;

    bool assigned;                /* thread: poll */
    bool wants_claim, wants_seek; /* thread: poll; to be done in this turn of its loop */
    bool set_back; /* thread: poll; to be read from what the target holds at the release */
    enum mr_partition_state state; /* thread: poll writes; others read state_seen */
    uint64_t due_ms;               /* thread: poll; 0: no timer */
    uint32_t attempts;             /* thread: poll; for the backoff */
    struct mr_fence_count fences;  /* thread: poll */

    int64_t fill_next; /* the offset that fill expects next */
    int64_t fill_from; /* what the target holds when the next span begins; differs from fill_next
                          only where lost offsets are stepped over (on_data_loss) */
    int32_t fill_leader_epoch;
    bool fill_held;       /* fill met a record that must wait: nothing is read before poll acts */
    uint32_t fill_tries;  /* how often the same record was held: for the backoff */
    int64_t fill_held_at; /* its offset */
    int64_t fill_stop_at; /* the record that a flush found to be one to wait at; -1: none */
    bool envelope_topic;  /* a value was an envelope (plan.h): kept with the position */

    _Atomic uint32_t generation;     /* poll writes */
    _Atomic uint32_t state_seen;     /* poll writes */
    _Atomic int64_t epoch;           /* poll writes at a claim */
    _Atomic int64_t committed_next;  /* write: next offset that is durable in the target; -1 */
    _Atomic int64_t committed_ts_ms; /* record time stamp of the last durable record; -1 */
    _Atomic int64_t end_seen;        /* fill: end of the partition as last met or known; -1 */
    _Atomic int64_t end_at_start;    /* jobs: the end when it was first claimed; -1 */
    _Atomic bool commit_dirty;       /* write: the source has not been told yet */
    _Atomic bool wished;             /* a wish waits for poll */
    _Atomic uint64_t letters_filter; /* any: bits of its keys with dead letters (poisoned.h) */
    bool letters_wanted;             /* thread: claims; those of its keys are being read */
    uint32_t watch_generation;       /* thread: claims, these two: position_watch.c */
    int64_t watch_epoch;
    uint64_t letters_seed; /* immutable: tells its keys from those of other partitions */
    _Atomic bool hurry;    /* any: the timer of a halt is due now (millrace resume) */

    struct mr_lock lock;                                /* rank 35: the four below */
    struct mr_partition_stop *stop MR_GUARDED_BY(lock); /* NULL: none */
    struct mr_partition_wish wish MR_GUARDED_BY(lock);
    struct mr_parent_wait wait MR_GUARDED_BY(lock);
    struct mr_err last_err MR_GUARDED_BY(lock); /* for /status: why it waits */
};

struct mr_partitions {
    struct mr_lock lock; /* rank 20: the table; entries are never removed */
    struct mr_map by_key MR_GUARDED_BY(lock);
    struct mr_partition **all MR_GUARDED_BY(lock);
    size_t n_all MR_GUARDED_BY(lock);
    size_t cap_all MR_GUARDED_BY(lock);
};

void mr_partitions_init(struct mr_partitions *set, uint64_t seed);
void mr_partitions_release(struct mr_partitions *set);

/* NULL if unknown. Any thread. */
struct mr_partition *mr_partitions_find(struct mr_partitions *set, const char *stream,
                                        int32_t partition);
/* Finds or makes; a new one starts GONE on lane `lane`. NULL when memory or MR_MAX_PARTITIONS is
 * reached. Thread: poll. */
struct mr_partition *mr_partitions_get(struct mr_partitions *set, const char *stream,
                                       int32_t partition, uint32_t lane);
/* Number `idx`, or NULL past the end: for walks by any thread. */
struct mr_partition *mr_partitions_at(struct mr_partitions *set, size_t idx);

/* Leaves a wish for poll; an older one of the same generation stays. Any thread. */
void mr_partition_wish_set(struct mr_partition *part, const struct mr_partition_wish *wish);
/* Takes it; false if there is none. Thread: poll. */
bool mr_partition_wish_take(struct mr_partition *part, struct mr_partition_wish *out);
/* Notes that the partition must wait at the record that `stop` names, unless it must at an earlier
 * one. Any thread; poll makes it known to fill (mr_partition_stop_arm), while the lane is parked.
 */
void mr_partition_stop_set(struct mr_partition *part, const struct mr_partition_stop *stop);
void mr_partition_stop_arm(struct mr_partition *part);
/* The reason, and forgets it: the next try may go on. Thread: fill. */
void mr_partition_stop_take(struct mr_partition *part, struct mr_partition_stop *stop);
/* What was found in an earlier life, or is passed by now, says nothing any more. Thread: poll while
 * the partition does not flow, else fill. */
void mr_partition_stop_forget(struct mr_partition *part);
/* parent_wait.h, of this partition's records. Any thread. */
void mr_partition_wait_note(struct mr_partition *part, const struct mr_parent_clock *batch,
                            int64_t at);
void mr_partition_wait_read(struct mr_partition *part, struct mr_parent_wait *out);
/* It is read again from `next`: who waited from further behind has not been met yet. */
void mr_partition_wait_begin(struct mr_partition *part, int64_t next);
void mr_partition_note_err(struct mr_partition *part, const struct mr_err *err);
void mr_partition_last_err(struct mr_partition *part, struct mr_err *out);
/* Does it wait for somebody? Not where simply no route takes its topic. Any thread. */
bool mr_partition_is_halted(struct mr_partition *part);

#endif
