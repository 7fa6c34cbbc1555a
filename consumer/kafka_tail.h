/* Looks at topics without a group: which there are, and the last records of their partitions. For
 * commands that only look. Thread: its owner's. */
#ifndef MR_CONSUMER_KAFKA_TAIL_H
#define MR_CONSUMER_KAFKA_TAIL_H

#include "consumer/record.h"
#include "consumer/source.h"

enum { MR_TAIL_MAX_TOPICS = 20000, MR_TAIL_MAX_PARTITIONS = 64 };

struct mr_tail_topic {
    char name[MR_STREAM_NAME_BYTES];
    int32_t n_partitions;
};

struct mr_kafka_tail;

/* The options' topics, lanes and group are not used. Gives: mr_kafka_tail_close(). Errors:
 * config.invalid. */
int mr_kafka_tail_open(const struct mr_source_opts *opts, struct mr_kafka_tail **out,
                       struct mr_err *err);
void mr_kafka_tail_close(struct mr_kafka_tail *tail); /* NULL is allowed */

/* The client, for kafka_look.c. Borrowed. */
struct rd_kafka_s *mr_kafka_tail_client(struct mr_kafka_tail *tail);

/* All topics of the cluster, sorted by name, as a malloc'd array (free()). Errors: source.*. */
int mr_kafka_tail_topics(struct mr_kafka_tail *tail, uint32_t timeout_ms,
                         struct mr_tail_topic **out, size_t *n_out, struct mr_err *err);

/* Begins to read the last `n_last` offsets of each partition, of the first MR_TAIL_MAX_PARTITIONS.
 * What was begun before is ended; its records must have been given back. */
int mr_kafka_tail_begin(struct mr_kafka_tail *tail, const struct mr_tail_topic *topic,
                        int64_t n_last, uint32_t timeout_ms, struct mr_err *err);
/* 1 with the next record (MR_RECORD_DATA; give it back), 0 when all were read or the time of begin
 * is over, or an error. */
int mr_kafka_tail_next(struct mr_kafka_tail *tail, struct mr_record *record, struct mr_err *err);
void mr_kafka_tail_give_back(struct mr_record *record);

#endif
