/* What a replay's files share among themselves; nobody else includes it.
 *   replay   pages of letters, open and close     replay_play  one letter on its way to a batch
 *   replay_flush  a batch's transaction, and what follows its error
 *   replay_before  which letters an earlier one of their key holds back */
#ifndef MR_CONSUMER_REPLAY_RUN_H
#define MR_CONSUMER_REPLAY_RUN_H

#include "consumer/lane.h"
#include "consumer/replay.h"
#include "consumer/replay_session.h"
#include "consumer/retry.h"

enum { MR_REPLAY_PAGE = 500, MR_REPLAY_WAIT_MS = 1000 };

enum mr_replay_state {
    MR_REPLAY_WAITS,
    MR_REPLAY_TAKEN, /* the batch has it */
    MR_REPLAY_DONE
};

struct mr_replay_item {
    struct mr_replay_record record; /* the first: it is the record's message */
    enum mr_replay_state state;
    bool stays;  /* a letter still when the others of the page are replayed, or found to be */
    bool whole;  /* its record carries all columns, or deletes its row */
    bool asked;  /* it does not, or deletes its row: what was changed before it counts */
    bool behind; /* a delete that knows that this is not there */
};

struct mr_replay {
    struct mr_letter_box *box;
    struct mr_replay_result *result;
    struct mr_source source;
    struct mr_partitions partitions;
    struct mr_metrics *metrics;
    struct mr_lane_shared shared;
    struct mr_lane lane;
    bool lane_made;
    struct mr_replay_session session;
    struct mr_position *stored; /* for what a tombstone is */
    size_t n_stored;

    /* of a page */
    struct mr_arena arena;
    struct mr_replay_item items[MR_REPLAY_PAGE];
    size_t n_items;
    const struct mr_replay_record *records[MR_REPLAY_PAGE]; /* of the flush in hand */
    struct mr_replay_item *taken[MR_REPLAY_PAGE];
    struct mr_letter_mark marks[MR_REPLAY_PAGE];
    struct mr_letter_before before[MR_REPLAY_PAGE]; /* of the page's items, once asked */
    bool before_known;
    size_t n_taken;
    size_t most; /* letters of one flush: fewer after one was too much for the target */
    uint32_t n_tries;
    uint64_t stalled_ms; /* monotonic: since when a letter waits for a reason that passes; 0 */
    struct mr_retries retries;
};

/* replay_play.c */
void mr_replay_note(struct mr_replay_result *result, const struct mr_replay_record *record,
                    bool failed, const char *code, const char *detail);
/* It cannot be tried to the end now. */
void mr_replay_hold(struct mr_replay *r, struct mr_replay_item *item, const struct mr_err *why);
/* For a moment, or less. */
void mr_replay_wait(struct mr_replay *r, uint32_t delay_ms);
/* 0: taken or held; -MR_FULL: the batch first; -MR_AGAIN: it must wait for a moment. */
int mr_replay_play(struct mr_replay *r, struct mr_replay_item *item, struct mr_err *err);

/* replay_flush.c: what was taken lands, or waits to be played again. Errors end the replay. */
int mr_replay_flush(struct mr_replay *r, struct mr_err *err);

/* replay_before.c */
/* Of a record that does not carry all columns, or a delete: 1 where an earlier letter of its key
 * stays, with that as a reason to stay, too; 0; or an error. */
int mr_replay_before(void *replay, const struct mr_record *record, struct mr_err *why);
/* After the load, when it is known which of those taken fail: -MR_AGAIN where one that lands must
 * not, and the batch is to be formed anew. Says in the marks which landed whole. */
int mr_replay_before_check(void *replay, struct mr_err *err);

#endif
