/* The Kafka source's inside, shared by its files: kafka_consumer.c (life, events), kafka_close.c
 * (its end), kafka_assign.c (assign, hold, release), kafka_read.c (records), kafka_facts.c
 * (questions to the brokers).
 *
 * Four facts of the client shape it (seen in the sources of librdkafka 2.3 and 2.8):
 *
 * Fact 1. A cooperative rebalance pauses every assigned partition, also those that stay, and
 * incremental_(un)assign resumes them; the pause sets the fetch position to the client's own idea
 * of the application's (rdkafka_cgrp.c, rd_kafka_rebalance_op_incr; rdkafka_partition.c,
 * rd_kafka_toppar_pause_resume).
 *
 * Fact 2. Until 2.13.2 a batch read moves that idea one past the offset of an end-of-partition
 * event or an error (rdkafka_queue.c, rd_kafka_q_serve_rkmessages; changelog, #5213). With fact 1
 * the record that is written next to a partition whose end was met is lost in the next rebalance.
 * So each partition remembers `next`, and `astray` ones are sought back before the client resumes.
 *
 * Fact 3. A partition assigned at a logical offset (END) asks the broker for it. The answer, when
 * it comes after a seek, is dropped, but the question is put again half a second later and then
 * moves the partition to the end (rdkafka_partition.c, rd_kafka_toppar_handle_Offset,
 * _offset_retry). So partitions are assigned paused and at an absolute offset that nothing is ever
 * fetched from.
 *
 * Fact 4. After an offset reset (auto.offset.reset is "error" here) the fetcher of the partition
 * has ended and every seek is refused (rdkafka_offset.c, rd_kafka_offset_reset): the partition is
 * unassigned and assigned again. */
#ifndef MR_CONSUMER_KAFKA_SOURCE_H
#define MR_CONSUMER_KAFKA_SOURCE_H

#include <stdatomic.h>

#include "base/lock.h"
#include "base/map.h"
#include "consumer/source.h"

struct rd_kafka_s;
struct rd_kafka_queue_s;
struct rd_kafka_message_s;
struct rd_kafka_topic_partition_list_s;
struct rd_kafka_op_s; /* rd_kafka_event_t */

enum {
    MR_KAFKA_READ_MOST = 1000,
    /* what the client allocates for a record beside its bytes: its op, of which the message is a
     * part, has about 450 bytes in 2.8 */
    MR_KAFKA_RECORD_OVERHEAD = 512
};

/* Lives as long as the source: records point at `stream`. */
struct mr_kafka_part {
    char stream[MR_STREAM_NAME_BYTES];
    int32_t partition;
    uint8_t key[MR_STREAM_NAME_BYTES + 4];
    size_t key_len;
    uint32_t lane;              /* thread: poll */
    bool flowing;               /* thread: poll; released and not held since */
    uint32_t n_refused;         /* thread: poll; seeks in a row that came too early */
    _Atomic bool assigned;      /* poll writes */
    _Atomic bool dead;          /* the client gave it up (fact 4) */
    _Atomic bool gone;          /* the client says so, the lane was not told yet */
    const char *_Atomic log_id; /* of the topic when it was claimed last; NULL: not asked yet */
    _Atomic bool astray;        /* the client's idea of the position is not `next` (fact 2) */
    _Atomic int64_t next;   /* where the lane goes on: what was sought, or one past what was read */
    _Atomic int64_t sought; /* the last seek, and its leader epoch; poll writes */
    _Atomic int32_t sought_epoch; /* -1: none */
    /* The position that the log was found to be cut below, its leader epoch (-1: none was), and
     * where the log of that epoch ends (-1: not told); fill writes. */
    _Atomic int64_t cut_at;
    _Atomic int32_t cut_epoch;
    _Atomic int64_t cut_end;
};

struct mr_kafka_lane {
    struct rd_kafka_queue_s *queue;
    struct rd_kafka_message_s **messages; /* thread: fill; MR_KAFKA_READ_MOST of them */
    struct mr_kafka_part *last;           /* thread: fill; the part of the last record */
    struct mr_lock lock;                  /* rank 45 */
    struct mr_cond changed;
    bool reading MR_GUARDED_BY(lock);     /* a read is inside the client */
    uint64_t n_reads MR_GUARDED_BY(lock); /* that have ended */
};

struct mr_kafka_topic; /* kafka_facts.c: what was asked about a topic */

struct mr_kafka {
    struct mr_source base;
    struct mr_source_opts opts; /* opts.env: thread poll, its clock any */
    struct rd_kafka_s *rk;
    struct rd_kafka_queue_s *events; /* the consumer's queue: all events, no records */
    uint32_t session_timeout_ms;     /* immutable after open */
    struct mr_kafka_lane *lanes;
    _Atomic bool woken;      /* poll shall return at once */
    _Atomic uint32_t n_gone; /* partitions that are marked so */
    bool broken;             /* thread: poll; `failure` is the next event */
    struct mr_err failure;
    uint64_t n_commits_failed; /* thread: poll */
    uint64_t identity_ms;      /* thread: poll, these three; when it was asked */
    size_t identity_at;        /* the partition from which to ask on */
    bool identity_asked;       /* the answer is on its way */

    struct mr_lock lock; /* rank 46: the table; entries are never removed before close */
    struct mr_map by_key MR_GUARDED_BY(lock);
    struct mr_kafka_part **parts MR_GUARDED_BY(lock);
    size_t n_parts MR_GUARDED_BY(lock);
    size_t cap_parts MR_GUARDED_BY(lock);

    struct mr_lock stats_lock; /* rank 72 */
    struct mr_buf stats MR_GUARDED_BY(stats_lock);

    struct mr_lock facts_lock; /* rank 47 */
    struct mr_kafka_topic *topics MR_GUARDED_BY(facts_lock);
    char cluster_id[MR_CLUSTER_ID_BYTES] MR_GUARDED_BY(facts_lock);
    uint64_t cluster_at_ms MR_GUARDED_BY(facts_lock);
};

static inline struct mr_kafka *mr_kafka_of(struct mr_source *source)
{
    return (struct mr_kafka *)source;
}

/* ---- kafka_conf.c ---- */
/* The client for these options (`kafka`: whom to tell of partitions that are gone; NULL): 0, or
 * -MR_CONFIG_INVALID with the client's text. */
int mr_kafka_client_new(const struct mr_source_opts *opts, struct mr_kafka *kafka,
                        struct rd_kafka_s **out, uint32_t *session_timeout_ms, struct mr_err *err);

/* ---- kafka_consumer.c ---- */
/* Reads an event of the client; true: `event` is for poll. */
bool mr_kafka_event_take(struct mr_kafka *kafka, struct rd_kafka_op_s *from,
                         struct mr_source_event *event);
/* Frees everything; waits for the client's threads. */
void mr_kafka_free(struct mr_kafka *kafka);

/* ---- kafka_close.c ---- */
void mr_kafka_close(struct mr_source *source, uint32_t timeout_ms);

/* ---- kafka_assign.c ---- */
int mr_kafka_assign(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                    struct mr_err *err);
int mr_kafka_unassign(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                      struct mr_err *err);
int mr_kafka_hold(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                  struct mr_err *err);
int mr_kafka_release(struct mr_source *source, struct mr_source_part *parts, size_t n,
                     struct mr_err *err);
/* NULL if unknown. Any thread. */
struct mr_kafka_part *mr_kafka_part_find(struct mr_kafka *kafka, const char *stream,
                                         int32_t partition);
void mr_kafka_parts_release(struct mr_kafka *kafka);

/* ---- kafka_read.c ---- */
/* The client's text says which partition is gone. Any thread. */
void mr_kafka_gone_note(struct mr_kafka *kafka, const char *reason);
size_t mr_kafka_read(struct mr_source *source, uint32_t lane, struct mr_record *records, size_t max,
                     uint32_t timeout_ms);
void mr_kafka_release_record(struct mr_source *source, struct mr_record *record);
/* mr_headers.last of a message of the client, which `owner` is. Any thread. */
bool mr_kafka_header_last(const void *owner, const char *name, struct mr_slice *value);
void mr_kafka_headers_json(struct mr_source *source, const struct mr_record *record,
                           struct mr_buf *out);
/* Returns when no read that was inside the client at the call is there any more. Thread: poll. */
void mr_kafka_lane_settle(struct mr_kafka_lane *lane);

/* ---- kafka_facts.c ---- */
int mr_kafka_facts(struct mr_source *source, const char *stream, int32_t partition,
                   enum mr_start start, int64_t start_ms, const char *our_metadata,
                   uint32_t timeout_ms, struct mr_log_facts *out, struct mr_err *err);
bool mr_kafka_answers(struct mr_source *source, uint32_t timeout_ms);
int mr_kafka_n_partitions(struct mr_source *source, const char *stream, uint32_t timeout_ms,
                          int32_t *out, struct mr_err *err);
int64_t mr_kafka_known_end(struct mr_source *source, const char *stream, int32_t partition);
/* What was known of the topic is asked for again. Any thread. */
void mr_kafka_facts_forget(struct mr_kafka *kafka, const char *stream);
void mr_kafka_facts_release(struct mr_kafka *kafka);
/* "" where the brokers do not tell. */
struct rd_kafka_Uuid_s;
void mr_kafka_id_text(const struct rd_kafka_Uuid_s *id, char *out, size_t cap);

/* ---- kafka_identity.c ---- */
/* Asks from time to time whose logs are read; never waits. */
void mr_kafka_identity_ask(struct mr_kafka *kafka);
void mr_kafka_identity_answer(struct mr_kafka *kafka, struct rd_kafka_op_s *event);

#endif
