/* Dead letters through the same path as records from the source: framing, plan, fold, load, in one
 * transaction a batch, in which the letters are marked, too (design.md section 6). One lane without
 * threads, driven from here: its records are letters, its session's positions their states. A
 * letter that fails again stays, with one attempt more and the new reason; one that somebody else
 * has closed meanwhile is left alone. Safe beside an instance that runs, and beside another replay.
 * Thread: its owner's. */
#ifndef MR_CONSUMER_REPLAY_H
#define MR_CONSUMER_REPLAY_H

#include "consumer/letter_box.h"

enum { MR_REPLAY_NOTES = 100 };

/* What became of a letter that did not land. */
struct mr_replay_note {
    const char *id;
    const char *stream;
    int32_t partition;
    int64_t offset;
    bool failed;      /* again; else it waits for what `detail` says */
    const char *code; /* printed */
    const char *detail;
};

struct mr_replay_result {
    uint64_t n_found;
    uint64_t n_landed;
    uint64_t n_failed;  /* again */
    uint64_t n_held;    /* not tried to the end: table, registry or route must be mended first */
    uint64_t n_gone;    /* closed, or tried, by somebody else meanwhile */
    struct mr_err held; /* the first of those */
    struct mr_replay_note notes[MR_REPLAY_NOTES]; /* of the first ones; in `arena` */
    size_t n_notes;
    struct mr_arena arena;
};
void mr_replay_result_init(struct mr_replay_result *result);
void mr_replay_result_release(struct mr_replay_result *result);

/* May a letter's record overwrite a newer row, which only --force allows? */
bool mr_replay_is_blind(const struct mr_route_rule *rule);
/* The first topic among the new letters of the filter into which a replay would be blind; "" where
 * there is none. */
int mr_replay_blind_topic(struct mr_letter_box *box, const struct mr_letter_filter *filter,
                          char topic[MR_STREAM_NAME_BYTES], struct mr_err *err);

/* Replays what the filter takes of the new letters. Errors: of the target or the registry as a
 * whole; what was done before them stands in the result, and in the letters. */
int mr_replay_run(struct mr_letter_box *box, const struct mr_letter_filter *filter, const char *by,
                  struct mr_replay_result *result, struct mr_err *err);

#endif
