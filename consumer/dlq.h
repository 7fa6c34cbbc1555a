/* The form of a dead letter: a record put aside with its reason, its raw bytes and its place
 * (design.md section 6). The bytes stay the message's; texts are copied into the batch's arena. */
#ifndef MR_CONSUMER_DLQ_H
#define MR_CONSUMER_DLQ_H

#include "base/arena.h"
#include "consumer/record.h"
#include "sinks/sink.h"

struct mr_source;

/* 0, or -MR_FULL when the arena has no room. Thread: fill. */
int mr_letter_make(struct mr_letter *out, struct mr_arena *arena, struct mr_source *source,
                   const struct mr_record *record, const char *target_table,
                   const struct mr_err *why);

#endif
