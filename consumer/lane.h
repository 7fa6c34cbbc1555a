/* A lane: one unit of parallelism, with its own partitions, batches and target session. Two
 * threads: fill reads, decodes and gathers; write loads. Two batches go between them by turn: one
 * fills while the other is written. What fill does next is protocol/lane.c's decision, what becomes
 * of a batch protocol/ writer.c's; these threads only carry the events.
 *
 * The reading section: fill is inside it while it reads its queue or works on records in memory.
 * poll changes a partition's assignment, seek, pause or forwarding only while fill is outside
 * (mr_lane_park). Fill leaves it before anything that may block (registry, target, a busy writer),
 * and afterwards drops the records whose partition has got a new generation meanwhile. */
#ifndef MR_CONSUMER_LANE_H
#define MR_CONSUMER_LANE_H

#include <pthread.h>

#include "consumer/batch.h"
#include "consumer/flush.h"
#include "consumer/frames.h"
#include "consumer/locators.h"
#include "consumer/meters.h"
#include "consumer/plans.h"
#include "consumer/poisoned.h"
#include "consumer/protocol/lane.h"
#include "consumer/protocol/writer.h"
#include "consumer/source.h"

enum { MR_LANE_READ_RECORDS = 1000, MR_LANE_READ_MS = 100 };

/* What all lanes share; borrowed, immutable. */
struct mr_lane_shared {
    struct mr_source *source;
    struct mr_sink *sink;
    struct mr_partitions *partitions;
    struct mr_targets *targets;
    struct mr_metrics *metrics;
    struct mr_poisoned *poisoned; /* NULL: keys with dead letters are not remembered */
    /* In its place, for deletes and records that do not carry all columns: 1 where an earlier
     * letter of the key stays, with the reason; 0; or an error. NULL: none. */
    int (*after_letter)(void *arg, const struct mr_record *record, struct mr_err *why);
    void *after_letter_arg;
    const struct mr_letter_topic_opts *letter_topic; /* NULL: letters go to the target */
    struct mr_batch_opts batch;
    const _Atomic size_t
        *batch_bytes; /* a batch's share of memory_limit now; NULL: batch.max_bytes */
    uint64_t max_wait_ms;
    uint32_t resolve_deadline_ms; /* of one registry or catalogue step */
};

struct mr_lane {
    uint32_t id;
    const struct mr_lane_shared *shared;
    struct mr_env fill_env;  /* thread: fill */
    struct mr_env write_env; /* thread: write */
    pthread_t fill_thread;
    pthread_t write_thread;
    bool started;

    struct mr_lock lock; /* rank 30 */
    struct mr_cond changed;
    uint32_t n_parks MR_GUARDED_BY(lock); /* poll's wishes to be alone */
    bool reading MR_GUARDED_BY(lock);     /* fill is inside the reading section */
    bool draining MR_GUARDED_BY(lock);
    bool stopping MR_GUARDED_BY(lock);
    bool abandoned MR_GUARDED_BY(lock);    /* a waiting batch shall be given up */
    bool reset_wanted MR_GUARDED_BY(lock); /* the writer gave a batch up: poll sets the lane back */
    bool closing MR_GUARDED_BY(lock);      /* poll is gone: nobody takes a report any more */
    struct mr_batch *to_write MR_GUARDED_BY(lock);
    bool written MR_GUARDED_BY(lock); /* what to_write holds is over, its memory is being reset */
    struct mr_err reset_err MR_GUARDED_BY(lock);
    struct mr_target *reset_target MR_GUARDED_BY(lock);
    struct mr_err last_err MR_GUARDED_BY(lock);     /* of the writer, for /status */
    struct mr_session *session MR_GUARDED_BY(lock); /* for interrupts; used by write alone */
    enum mr_writer_state writer_state MR_GUARDED_BY(lock);

    struct mr_batch batches[2];
    struct mr_batch *filling;         /* thread: fill; poll while parked */
    struct mr_plans *plans;           /* thread: fill */
    struct mr_transcode *transcode;   /* thread: fill */
    struct mr_locators *locators;     /* thread: fill */
    struct mr_decoder *decoder;       /* thread: fill */
    struct mr_record *unread;         /* thread: fill; MR_LANE_READ_RECORDS of them */
    size_t n_unread, at_unread;       /* thread: fill */
    struct mr_partition *last_part;   /* thread: fill */
    bool dry, behind;                 /* thread: fill; what the last read showed */
    bool inside;                      /* thread: fill; what `reading` is, without the lock */
    struct mr_load_memories memories; /* thread: write */
    struct mr_letter_topic letters;   /* thread: write */

    bool settling;         /* thread: poll; forgotten while a flush was under way: its partitions
                              are not released before that flush has ended */
    _Atomic bool failed;   /* a FATAL or BUG: the service must stop */
    struct mr_err failure; /* valid once failed */
    _Atomic uint64_t n_records, n_rows, n_bytes, n_flushes, n_letters, n_retries, n_fenced;
    _Atomic bool fill_ended, write_ended;
    /* monotonic: when fill and write last took a turn or waited for each other; for /healthz */
    _Atomic uint64_t fill_moved_ms, write_moved_ms;
    /* of the next batch: less than batch.max_rows after one was too much for the target */
    _Atomic uint32_t max_rows;
    _Atomic bool fill_asks; /* registry, target or source: it is silent as long as a statement */
};

/* Makes the lane; its threads start with mr_lane_start. 0 or -MR_NO_MEMORY. */
int mr_lane_init(struct mr_lane *lane, uint32_t id, const struct mr_lane_shared *shared,
                 struct mr_env env, struct mr_err *err);
int mr_lane_start(struct mr_lane *lane, struct mr_err *err);
/* Ends both threads and frees everything. What was not flushed by then is given up, a commit in
 * doubt stays so: the stored positions decide at the next start. Thread: main, when poll has ended.
 */
void mr_lane_release(struct mr_lane *lane);

/* ---- thread: poll ---- */
/* Returns when fill is outside its reading section, where it stays until mr_lane_unpark. Nests. */
void mr_lane_park(struct mr_lane *lane);
void mr_lane_unpark(struct mr_lane *lane);
/* Asks the lane to flush all it has and to read nothing more (stopping: and to end). */
void mr_lane_drain(struct mr_lane *lane, bool stopping);
void mr_lane_undrain(struct mr_lane *lane);
/* Waits until a drained lane has nothing left, or the time is over; true: it is empty. Returns
 * early when the lane cannot get rid of its batch by itself (writer waiting, reset wanted). */
bool mr_lane_wait_empty(struct mr_lane *lane, uint32_t timeout_ms);
/* While parked: gives up what is gathered and what waits to be written, so that positions can be
 * read again. True when nothing is left; false when a flush is under way, which ends by itself:
 * until then (mr_lane_is_writing) nobody knows from where its partitions must be read. */
bool mr_lane_forget(struct mr_lane *lane);
/* While parked: does one of its batches hold records of the partition? */
bool mr_lane_has(struct mr_lane *lane, const struct mr_partition *part);
/* The writer's report, once; false if there is none. While it is wanted, fill does not read. */
bool mr_lane_take_reset(struct mr_lane *lane, struct mr_err *err, struct mr_target **target);
bool mr_lane_reset_wanted(struct mr_lane *lane);
/* While parked: is anything gathered or being written? */
bool mr_lane_is_loaded(struct mr_lane *lane);
/* Is the fate of a batch still open? Any thread. */
bool mr_lane_is_writing(struct mr_lane *lane);
/* Gives up a batch that waits for its backoff; for a stop whose time is over. */
void mr_lane_abandon(struct mr_lane *lane);
/* Any thread: interrupts a call that blocks on the target. */
void mr_lane_interrupt(struct mr_lane *lane);

/* ---- between fill and write ---- */
void *mr_lane_fill_main(void *lane);
void *mr_lane_write_main(void *lane);
/* fill.c: works on one record of the array; see there. */
int mr_fill_record(struct mr_lane *lane, struct mr_record *record, struct mr_err *err);
/* fill_letters.c: what a record must be for an earlier letter of its key (poisoned.h). 1: it does
 * not carry all columns, and must be a letter, too, with the reason; 0; or an error. Of a delete it
 * says record->behind. */
int mr_fill_after_letter(struct mr_lane *lane, struct mr_record *record,
                         const struct mr_decoded *decoded, struct mr_err *why);
/* It is a letter itself; it has been taken into the batch. */
void mr_fill_poison(struct mr_lane *lane, const struct mr_record *record);
void mr_fill_overtake(struct mr_lane *lane, const struct mr_record *record);
/* Durable records of keys that had a letter before, by topic. Thread: write. */
void mr_lane_count_after(struct mr_lane *lane, const struct mr_batch *batch);
/* fill_resolve.c: a record's bodies in the form of the plan that was found last. */
int mr_fill_resolve(struct mr_lane *lane, const struct mr_target *target,
                    const struct mr_record_in *in, struct mr_record_in *out, struct mr_err *err);
/* fill_locate.c: the target of a record whose source names it: record->target, and want's. May
 * leave the reading section; -MR_AGAIN: the partition has changed meanwhile; -MR_SKIP: it carries
 * nothing to load. */
int mr_fill_locate(struct mr_lane *lane, struct mr_record *record, struct mr_plan_for *want,
                   struct mr_slice value, struct mr_err *err);
/* Leaves and enters the reading section; mr_lane_ask leaves it for what may block. Thread: fill. */
void mr_lane_leave(struct mr_lane *lane);
void mr_lane_ask(struct mr_lane *lane);
bool mr_lane_enter(struct mr_lane *lane); /* false: stopping, or a reset is wanted */
/* Gives the filling batch to the writer and takes the other; waits outside the reading section
 * while the writer is busy. False when the lane must stop or be reset first. Thread: fill. */
bool mr_lane_hand_over(struct mr_lane *lane);
void mr_lane_fail(struct mr_lane *lane, const struct mr_err *err);
void mr_lane_moved(struct mr_lane *lane); /* fill's sign of life. Thread: fill. */

#endif
