/* Dead letters to a topic (design.md section 6, decision 030): each is its record again with Kafka
 * Connect's headers behind its own (letter_wire.h). They are acknowledged before the flush commits;
 * a flush that is tried again after that writes them again, under the same keys. One that is too
 * large for the topic is given back: the target's table takes it. Thread: one writer. */
#ifndef MR_CONSUMER_LETTER_TOPIC_H
#define MR_CONSUMER_LETTER_TOPIC_H

#include "consumer/kafka_producer.h"
#include "sinks/letters.h"

struct mr_letter_topic_opts { /* borrowed for the topic's life */
    const char *topic;
    const char *pipeline;
    const char *client_id;
    const struct mr_source_property *properties;
    size_t n_properties;
    size_t record_bytes; /* most of one record */
    uint32_t timeout_ms; /* most that a flush waits */
};

struct mr_letter_sent; /* letter_topic.c */

struct mr_letter_topic {
    const struct mr_letter_topic_opts *opts; /* NULL: letters do not go to a topic */
    uint32_t task;                           /* of the headers */
    struct mr_kafka_producer *producer;      /* NULL until the first letter, and after a failure */
    struct mr_letter_sent *sent;             /* of the last write */
    size_t cap_sent;
    struct mr_letter *refused; /* by the last write: too large for the topic; borrow as it did */
    size_t n_refused;
};

void mr_letter_topic_init(struct mr_letter_topic *to, const struct mr_letter_topic_opts *opts,
                          uint32_t task);
void mr_letter_topic_release(struct mr_letter_topic *to);

/* Letters that failed at the same stage, as Kafka Connect's header calls it. */
struct mr_letter_lot {
    const struct mr_letter *letters;
    size_t n;
    const char *stage;
};
/* Writes them and waits until the brokers have them, but for those in `refused`. After an error
 * nothing is on its way, and all are to be written again. Errors, here and below: dlq.topic. */
int mr_letter_topic_write(struct mr_letter_topic *to, const struct mr_letter_lot *lots,
                          size_t n_lots, struct mr_err *err);

/* What becomes of a letter that the topic has. */
struct mr_letter_end {
    const char *id;
    int32_t partition;             /* of the topic, where it was read */
    enum mr_letter_state state;    /* closed as that; MR_LETTER_NEW: it failed again */
    const char *by;                /* who closes it */
    const struct mr_letter *again; /* why it failed again */
    uint32_t attempts;             /* then with this one */
    int64_t created_ms;
};
/* Writes that, and waits until the brokers have it. */
int mr_letter_topic_end(struct mr_letter_topic *to, const struct mr_letter_end *ends, size_t n,
                        struct mr_err *err);

/* Can the topic be had? Makes nothing. For `check`, and at the start. */
int mr_letter_topic_try(const struct mr_letter_topic_opts *opts, bool ask, struct mr_err *err);

#endif
