/* Dead letters in a topic (design.md section 6): each is its record again, key, value, headers and
 * time stamp, with Kafka Connect's headers behind them. They are acknowledged before the flush
 * commits; a flush that is tried again after that writes them again, with the same topic, partition
 * and offset in their headers. Thread: one writer. */
#ifndef MR_CONSUMER_LETTER_TOPIC_H
#define MR_CONSUMER_LETTER_TOPIC_H

#include "consumer/kafka_producer.h"
#include "sinks/put.h"

struct mr_letter_topic_opts { /* borrowed for the topic's life */
    const char *topic;
    const char *pipeline;
    const char *client_id;
    const struct mr_source_property *properties;
    size_t n_properties;
    size_t record_bytes; /* most of one record */
    uint32_t timeout_ms; /* most that a flush waits */
};

struct mr_letter_topic {
    const struct mr_letter_topic_opts *opts; /* NULL: letters do not go to a topic */
    uint32_t task;                           /* of the headers */
    struct mr_kafka_producer *producer;      /* NULL until the first letter, and after a failure */
};

void mr_letter_topic_init(struct mr_letter_topic *to, const struct mr_letter_topic_opts *opts,
                          uint32_t task);
void mr_letter_topic_release(struct mr_letter_topic *to);

/* Writes them. `stage`: of the headers. Errors, here and below: dlq.topic. */
int mr_letter_topic_put(struct mr_letter_topic *to, const struct mr_letter *letters, size_t n,
                        const char *stage, struct mr_err *err);
/* Waits for the brokers. After an error nothing is on its way: all are to be put again. */
int mr_letter_topic_flush(struct mr_letter_topic *to, struct mr_err *err);

/* Can the topic be had? Makes nothing. For `check`, and at the start. */
int mr_letter_topic_try(const struct mr_letter_topic_opts *opts, bool ask, struct mr_err *err);

#endif
