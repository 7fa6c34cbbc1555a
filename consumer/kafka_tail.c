/* Owns a consumer client that joins no group: partitions are assigned by hand, and nothing is ever
 * committed. Must not outlive a command. Source: librdkafka's rdkafka.h, rd_kafka_metadata(),
 * rd_kafka_assign(), rd_kafka_consumer_poll(). */
#include "consumer/kafka_tail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "consumer/kafka_err.h"
#include "consumer/kafka_source.h"

#include "base/ban.h"

enum { LEAST_TIMEOUT_MS = 100, STEP_MS = 200 };

/* A partition that is being read; done at `end`. */
struct reading {
    int32_t partition;
    int64_t end;
    bool done;
};

struct mr_kafka_tail {
    rd_kafka_t *rk;
    struct mr_env env;
    uint64_t end_ms; /* of what was begun */
    struct reading readings[MR_TAIL_MAX_PARTITIONS];
    size_t n_readings;
    char topic[MR_STREAM_NAME_BYTES];
};

static int left_ms(const struct mr_kafka_tail *tail)
{
    uint64_t now_ms = mr_mono_ms(&tail->env);

    return tail->end_ms > now_ms + LEAST_TIMEOUT_MS ? (int)(tail->end_ms - now_ms)
                                                    : LEAST_TIMEOUT_MS;
}

int mr_kafka_tail_open(const struct mr_source_opts *opts, struct mr_kafka_tail **out,
                       struct mr_err *err)
{
    struct mr_kafka_tail *tail = calloc(1, sizeof *tail);
    uint32_t ignored_ms = 0;

    if (tail == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a look at topics");
    tail->env = opts->env;
    int rc = mr_kafka_client_new(opts, NULL, &tail->rk, &ignored_ms, err);
    if (rc < 0) {
        free(tail);
        return rc;
    }
    rd_kafka_poll_set_consumer(tail->rk);
    *out = tail;
    return 0;
}

void mr_kafka_tail_close(struct mr_kafka_tail *tail)
{
    if (tail == NULL)
        return;
    rd_kafka_assign(tail->rk, NULL);
    rd_kafka_destroy_flags(tail->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(tail);
}

struct rd_kafka_s *mr_kafka_tail_client(struct mr_kafka_tail *tail)
{
    return tail->rk;
}

/* ---- topics ---- */

static int by_name(const void *a, const void *b)
{
    const struct mr_tail_topic *x = a;
    const struct mr_tail_topic *y = b;

    return strcmp(x->name, y->name);
}

int mr_kafka_tail_topics(struct mr_kafka_tail *tail, uint32_t timeout_ms,
                         struct mr_tail_topic **out, size_t *n_out, struct mr_err *err)
{
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(tail->rk, 1, NULL, &found, (int)timeout_ms);
    size_t n = 0;

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return mr_kafka_err_set(err, (int)code, "ask for the topics", NULL);
    struct mr_tail_topic *topics = calloc((size_t)found->topic_cnt + 1, sizeof *topics);
    for (int i = 0; topics != NULL && i < found->topic_cnt && n < MR_TAIL_MAX_TOPICS; i++) {
        const struct rd_kafka_metadata_topic *topic = &found->topics[i];
        if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR ||
            strlen(topic->topic) >= sizeof topics[n].name)
            continue;
        snprintf(topics[n].name, sizeof topics[n].name, "%s", topic->topic);
        topics[n++].n_partitions = topic->partition_cnt;
    }
    rd_kafka_metadata_destroy(found);
    if (topics == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for the topics");
    qsort(topics, n, sizeof *topics, by_name);
    *out = topics;
    *n_out = n;
    return 0;
}

/* ---- records ---- */

/* Where the last `n_last` offsets of a partition begin; a partition without records is left out. */
static int add_reading(struct mr_kafka_tail *tail, int32_t partition, int64_t n_last,
                       rd_kafka_topic_partition_list_t *list, struct mr_err *err)
{
    int64_t low = 0;
    int64_t high = 0;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(tail->rk, tail->topic, partition,
                                                                &low, &high, left_ms(tail));

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return mr_kafka_err_set(err, (int)code, "ask for the ends of the log", NULL);
    if (high <= low)
        return 0;
    int64_t from = high - n_last > low ? high - n_last : low;
    rd_kafka_topic_partition_list_add(list, tail->topic, partition)->offset = from;
    tail->readings[tail->n_readings++] = (struct reading){.partition = partition, .end = high};
    return 0;
}

int mr_kafka_tail_begin(struct mr_kafka_tail *tail, const struct mr_tail_topic *topic,
                        int64_t n_last, uint32_t timeout_ms, struct mr_err *err)
{
    int32_t n =
        topic->n_partitions < MR_TAIL_MAX_PARTITIONS ? topic->n_partitions : MR_TAIL_MAX_PARTITIONS;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
    int rc = 0;

    tail->end_ms = mr_mono_ms(&tail->env) + timeout_ms;
    tail->n_readings = 0;
    snprintf(tail->topic, sizeof tail->topic, "%s", topic->name);
    for (int32_t i = 0; rc == 0 && i < n; i++)
        rc = add_reading(tail, i, n_last, list, err);
    if (rc == 0 && tail->n_readings > 0) {
        rd_kafka_resp_err_t code = rd_kafka_assign(tail->rk, list);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            rc = mr_kafka_err_set(err, (int)code, "assign the topic's partitions", NULL);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

static struct reading *reading_of(struct mr_kafka_tail *tail, const rd_kafka_message_t *message)
{
    if (message->rkt == NULL || strcmp(rd_kafka_topic_name(message->rkt), tail->topic) != 0)
        return NULL; /* of what was begun before */
    for (size_t i = 0; i < tail->n_readings; i++) {
        if (tail->readings[i].partition == message->partition)
            return &tail->readings[i];
    }
    return NULL;
}

static bool is_done(const struct mr_kafka_tail *tail)
{
    for (size_t i = 0; i < tail->n_readings; i++) {
        if (!tail->readings[i].done)
            return false;
    }
    return true;
}

static void record_fill(struct mr_record *record, rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;

    *record = (struct mr_record){.kind = MR_RECORD_DATA,
                                 .message = message,
                                 .stream = rd_kafka_topic_name(message->rkt),
                                 .partition = message->partition,
                                 .offset = message->offset,
                                 .timestamp_ms = -1,
                                 .leader_epoch = -1,
                                 .key = {message->key, message->key_len},
                                 .value = {message->payload, message->len}};
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
        record->headers = (struct mr_headers){.owner = message, .last = mr_kafka_header_last};
}

/* What a message that is no record says; < 0: `err` is set. */
static int event_take(struct reading *reading, const rd_kafka_message_t *message,
                      struct mr_err *err)
{
    int code = (int)message->err;

    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (reading != NULL)
            reading->done = true;
        return 0;
    }
    if (mr_kafka_err_code(code) == MR_SOURCE_AWAY)
        return 0; /* the client goes on until our time is over */
    return mr_kafka_err_set(err, code, "read the last records", rd_kafka_message_errstr(message));
}

int mr_kafka_tail_next(struct mr_kafka_tail *tail, struct mr_record *record, struct mr_err *err)
{
    while (!is_done(tail) && mr_mono_ms(&tail->env) < tail->end_ms) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(tail->rk, STEP_MS);
        if (message == NULL)
            continue;
        struct reading *reading = reading_of(tail, message);
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && reading != NULL) {
            reading->done = reading->done || message->offset + 1 >= reading->end;
            record_fill(record, message);
            return 1;
        }
        int rc = message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : event_take(reading, message, err);
        rd_kafka_message_destroy(message);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void mr_kafka_tail_give_back(struct mr_record *record)
{
    if (record->message != NULL)
        rd_kafka_message_destroy(record->message);
    record->message = NULL;
}
