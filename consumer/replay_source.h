/* The source of a replay: dead letters as the records that they were. A replay drives its lane by
 * itself, so that nothing is polled, sought or read here; it answers what fill asks on a record's
 * way. Thread: the replay's. */
#ifndef MR_CONSUMER_REPLAY_SOURCE_H
#define MR_CONSUMER_REPLAY_SOURCE_H

#include "base/arena.h"
#include "consumer/letter_headers.h"
#include "consumer/source.h"
#include "sinks/letters.h"

/* A letter on its way; the record's message. */
struct mr_replay_record {
    struct mr_kept_letter kept; /* in the page's arena, as all else */
    struct mr_letter_headers headers;
};

extern const struct mr_source_ops mr_source_replay;

/* Copies the letter into the arena. Errors: those of mr_letter_headers_parse. */
int mr_replay_record_init(struct mr_replay_record *out, const struct mr_kept_letter *kept,
                          struct mr_arena *arena, struct mr_err *err);
/* The record that it was, of its partition; `of` is borrowed. */
void mr_replay_record_make(const struct mr_replay_record *of, struct mr_record *out);

#endif
