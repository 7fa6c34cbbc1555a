/* Dead letters of a topic behind the interface of sinks/letters.h. Opening reads nothing; the first
 * question reads the whole topic once, without keeping bytes, each later one what was written
 * since; bytes are read again, a page at a time. What closes a letter is a record without a value
 * under its key; a replay's transaction notes its letters in the target until the topic says it,
 * too (sinks/replayed.h). Thread: its owner's. */
#ifndef MR_CONSUMER_TOPIC_LETTERS_H
#define MR_CONSUMER_TOPIC_LETTERS_H

#include "consumer/letter_topic.h"
#include "consumer/source.h"
#include "sinks/letters.h"

struct mr_topic_letters_opts { /* what it points to is borrowed until close */
    const struct mr_source_opts *source;
    const struct mr_letter_topic_opts *topic;
    struct mr_sink *sink; /* set up */
};

/* Gives: ops->close. Errors, here and from all calls: source.*, config.*, dlq.topic. */
int mr_topic_letters_open(const struct mr_topic_letters_opts *opts, struct mr_letters **out,
                          struct mr_err *err);

#endif
