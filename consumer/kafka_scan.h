/* Reads a topic without a group, from where the caller wants to the ends that it had when it was
 * asked for them, and takes its beginning away. Nothing is committed. Thread: its owner's; each
 * call waits at most as long as no broker answers. */
#ifndef MR_CONSUMER_KAFKA_SCAN_H
#define MR_CONSUMER_KAFKA_SCAN_H

#include "consumer/letter_wire.h"
#include "consumer/source.h"

struct mr_kafka_scan_opts {
    const struct mr_source_opts *source; /* its topics, lanes and group are not used */
    const char *topic;
    uint32_t timeout_ms; /* without anything from the brokers */
};
struct mr_kafka_scan;

/* Gives: close. `opts->topic` is borrowed for its life. Errors: config.invalid. */
int mr_kafka_scan_open(const struct mr_kafka_scan_opts *opts, struct mr_kafka_scan **out,
                       struct mr_err *err);
void mr_kafka_scan_close(struct mr_kafka_scan *scan); /* NULL is allowed */

struct mr_scan_ends {
    int64_t low; /* the first offset that is there */
    int64_t end; /* the next one to be written */
};
/* By partition, borrowed until the next call; a topic that is not there has none. Errors: source.*.
 */
int mr_kafka_scan_ends(struct mr_kafka_scan *scan, const struct mr_scan_ends **out, size_t *n,
                       struct mr_err *err);

/* Begins with offset from[p] of each partition, of which there are as many as ends were told, up to
 * to[p]; none where from[p] >= to[p]. */
int mr_kafka_scan_begin(struct mr_kafka_scan *scan, const int64_t *from, const int64_t *to,
                        struct mr_err *err);
struct mr_scan_record {
    int32_t partition;
    int64_t offset;
    struct mr_wire_record wire;
};
/* 1 with the next record, borrowed until the next call; 0 behind the last one. Errors: source.*. */
int mr_kafka_scan_next(struct mr_kafka_scan *scan, struct mr_scan_record *out, struct mr_err *err);

/* Takes away what is before offset before[p] of each partition; 0: nothing of it. Errors:
 * config.usage where the topic's policy does not allow it, source.*. */
int mr_kafka_scan_cut(struct mr_kafka_scan *scan, const int64_t *before, struct mr_err *err);

#endif
