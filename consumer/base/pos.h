/* Positions and spans: used by errors, sinks and consumer alike, so they belong to none of them.
 * A stream is Kafka's topic (a load's unit later). */
#ifndef MR_BASE_POS_H
#define MR_BASE_POS_H

#include <stdbool.h>
#include <stdint.h>

enum { MR_STREAM_NAME_BYTES = 250, MR_TOPIC_ID_BYTES = 40, MR_CLUSTER_ID_BYTES = 64 };
enum { MR_MAX_SLOTS = 8 };

/* What one flush moves for one slot of one partition: the position is updated to `next` where
 * epoch and `expected` still hold (design.md section 4). `stream` is borrowed from the partition,
 * which outlives its batches. */
struct mr_span {
    const char *stream;
    int32_t partition;
    int16_t slot;
    int16_t slots;
    int64_t epoch;        /* mine, from the claim */
    int64_t expected;     /* next_offset that the target must hold now */
    int64_t next;         /* next_offset after this flush */
    int32_t leader_epoch; /* of the last record; -1: not known */
    int64_t timestamp_ms; /* of the last record, Unix; -1: none */
    bool envelope;        /* a value before `next` was an envelope; stored, true stays true */
};

/* For qsort() over spans: (stream, partition, slot), the order in which flushes and claims lock
 * positions (design.md section 4), so that two of them never wait for each other. Any thread. */
int mr_span_compare(const void *a, const void *b);

/* A position as the target stores it. */
struct mr_position {
    char stream[MR_STREAM_NAME_BYTES];
    char stream_id[MR_TOPIC_ID_BYTES];    /* Kafka's topic id as base64 text; "" where not known */
    char cluster_id[MR_CLUSTER_ID_BYTES]; /* "" where not known */
    int32_t partition;
    int16_t slot;
    int16_t slots;
    int64_t next_offset;
    int64_t epoch;
    int32_t leader_epoch;
    int64_t timestamp_ms; /* record_timestamp; -1: none */
    int64_t updated_ms;
    int32_t topic_partitions; /* how many the topic had when the row was made; 0: not known */
    bool envelope;            /* see mr_span: decides what a tombstone at next_offset is */
    char owner[160];
};

#endif
