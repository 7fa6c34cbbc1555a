/* A producer: for dead letters to a topic and for the demo's generator. Everything sent is either
 * acknowledged by the brokers or reported by the next flush. Thread: one owner. */
#ifndef MR_CONSUMER_KAFKA_PRODUCER_H
#define MR_CONSUMER_KAFKA_PRODUCER_H

#include "base/buf.h"
#include "base/err.h"
#include "consumer/source.h"

struct mr_kafka_producer_opts {                  /* borrowed until open returns */
    const struct mr_source_property *properties; /* the client's own, already validated */
    size_t n_properties;
    const char *client_id;
    bool idempotent;     /* the brokers must allow it */
    size_t queue_bytes;  /* most bytes that wait for the brokers; 0: the client's default */
    size_t record_bytes; /* most of one record; 0: the client's default */
    bool quiet;          /* the client's own log lines are left out: what fails, calls tell */
};

struct mr_kafka_header {
    const char *name;
    struct mr_slice value; /* data NULL: null */
};

struct mr_kafka_send { /* borrowed until send returns: all is copied */
    const char *topic;
    int32_t partition;     /* -1: the client chooses by the key */
    struct mr_slice key;   /* data NULL: null */
    struct mr_slice value; /* data NULL: null */
    int64_t timestamp_ms;  /* 0: now */
    const struct mr_kafka_header *headers;
    size_t n_headers;
    void *like;   /* a message of the Kafka source, whose headers stand before those; NULL */
    int *outcome; /* NULL, or what gets 0 or our code once the brokers or close decide it */
};

struct mr_kafka_producer;

/* Gives: mr_kafka_producer_close. Errors: -MR_CONFIG_INVALID, -MR_NO_MEMORY. */
int mr_kafka_producer_open(const struct mr_kafka_producer_opts *opts,
                           struct mr_kafka_producer **out, struct mr_err *err);
/* Queues one record. -MR_FULL: the queue is full, flush or serve first. Errors: by kafka_err's
 * table. */
int mr_kafka_producer_send(struct mr_kafka_producer *producer, const struct mr_kafka_send *send,
                           struct mr_err *err);
struct mr_kafka_topic {
    const char *name;
    const struct mr_source_property *settings; /* its own; the brokers' for all others */
    size_t n_settings;
};
/* Makes the topic; one that is there is left as it is. `only_try`: only asks whether that could be
 * done. Errors: by kafka_err's table. */
int mr_kafka_producer_topic(struct mr_kafka_producer *producer, const struct mr_kafka_topic *topic,
                            bool only_try, uint32_t timeout_ms, struct mr_err *err);
/* Takes acknowledgements that have come, waiting at most `timeout_ms` for the first. */
void mr_kafka_producer_serve(struct mr_kafka_producer *producer, uint32_t timeout_ms);
/* 0 when all that was sent is acknowledged. The first failure since the last flush otherwise, or
 * -MR_SOURCE_AWAY when the time is over; what is outstanding stays so. */
int mr_kafka_producer_flush(struct mr_kafka_producer *producer, uint32_t timeout_ms,
                            struct mr_err *err);
uint64_t mr_kafka_producer_outstanding(const struct mr_kafka_producer *producer);
uint64_t mr_kafka_producer_outstanding_bytes(const struct mr_kafka_producer *producer);
/* Drops what is outstanding. NULL is allowed. */
void mr_kafka_producer_close(struct mr_kafka_producer *producer);

#endif
