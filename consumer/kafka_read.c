/* Owns the way from the client's messages to records. Must not wait for a full array: the first
 * record is awaited, the rest are only taken if they are there. Source: librdkafka's rdkafka.h,
 * rd_kafka_consume_batch_queue(); rdkafka_queue.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "consumer/kafka_err.h"
#include "consumer/kafka_source.h"
#include "schemas/json_text.h"

#include "base/ban.h"

static void lane_enter(struct mr_kafka_lane *lane)
{
    mr_lock_take(&lane->lock);
    lane->reading = true;
    mr_lock_drop(&lane->lock);
}

static void lane_leave(struct mr_kafka_lane *lane)
{
    mr_lock_take(&lane->lock);
    lane->reading = false;
    lane->n_reads++;
    mr_cond_wake_all(&lane->changed);
    mr_lock_drop(&lane->lock);
}

void mr_kafka_lane_settle(struct mr_kafka_lane *lane)
{
    mr_lock_take(&lane->lock);
    uint64_t n_reads = lane->n_reads;
    while (lane->reading && lane->n_reads == n_reads) {
        mr_lock_drop(&lane->lock);
        rd_kafka_queue_yield(lane->queue);
        mr_lock_take(&lane->lock);
        if (lane->reading && lane->n_reads == n_reads)
            mr_cond_wait(&lane->changed, &lane->lock, 10);
    }
    mr_lock_drop(&lane->lock);
}

bool mr_kafka_header_last(const void *owner, const char *name, struct mr_slice *value)
{
    rd_kafka_headers_t *headers = NULL;
    const void *bytes = NULL;
    size_t size = 0;

    if (rd_kafka_message_headers(owner, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &bytes, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    *value = (struct mr_slice){bytes, size};
    return true;
}

/* What the headers cost; 0 where there are none. The client parses them at the first question and
 * keeps the result in the message. */
static size_t headers_bytes(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    const char *name = NULL;
    const void *bytes = NULL;
    size_t size = 0;
    size_t sum = 0;

    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &bytes, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++)
        sum += strlen(name) + size + 64;
    return sum;
}

static struct mr_kafka_part *part_of(struct mr_kafka *kafka, struct mr_kafka_lane *lane,
                                     const rd_kafka_message_t *message)
{
    struct mr_kafka_part *part = lane->last;

    if (message->rkt == NULL)
        return NULL;
    const char *stream = rd_kafka_topic_name(message->rkt);
    if (part != NULL && part->partition == message->partition && strcmp(part->stream, stream) == 0)
        return part;
    part = mr_kafka_part_find(kafka, stream, message->partition);
    if (part != NULL)
        lane->last = part;
    return part;
}

static void data_fill(struct mr_record *record, struct mr_kafka_part *part,
                      rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    size_t n_headers = headers_bytes(message);
    size_t n_bytes = message->key_len + message->len + n_headers + MR_KAFKA_RECORD_OVERHEAD;

    record->kind = MR_RECORD_DATA;
    record->timestamp_ms = rd_kafka_message_timestamp(message, &type);
    record->leader_epoch = rd_kafka_message_leader_epoch(message);
    record->key = (struct mr_slice){message->key, message->key_len};
    record->value = (struct mr_slice){message->payload, message->len};
    if (n_headers > 0)
        record->headers = (struct mr_headers){.owner = message, .last = mr_kafka_header_last};
    if (!mr_u32_from_size(n_bytes, &record->n_bytes))
        record->n_bytes = UINT32_MAX;
    atomic_store_explicit(&part->next, message->offset + 1, memory_order_relaxed);
    atomic_store_explicit(&part->astray, false, memory_order_relaxed);
}

/* Where the leader's log of the position's epoch ends: where the two parted. -1: not told. */
static int64_t parted_at(const char *text)
{
    static const char before[] = "end offset is ";
    const char *at = strstr(text, before);

    return at != NULL ? strtoll(at + strlen(before), NULL, 10) : -1;
}

/* The client has compared a position with the leader's epochs, and the log ends before it: records
 * that were read are gone, and others may have their offsets (K-05). It says so in the text of a
 * general error only. Where nothing was read since the seek, it is the stored position that the log
 * does not have; else the next claim seeks to that, and it is compared again. */
static bool is_cut(struct mr_kafka_part *part, const char *text)
{
    char place[40];
    int64_t sought = atomic_load(&part->sought);

    if (text == NULL || strstr(text, rd_kafka_err2str(RD_KAFKA_RESP_ERR__LOG_TRUNCATION)) == NULL)
        return false;
    snprintf(place, sizeof place, "offset %lld ", (long long)sought);
    if (atomic_load(&part->next) == sought && strstr(text, place) != NULL) {
        atomic_store(&part->cut_end, parted_at(text));
        atomic_store(&part->cut_at, sought);
        atomic_store(&part->cut_epoch, atomic_load(&part->sought_epoch));
    }
    return true;
}

/* False: the message says nothing to a lane. */
static bool record_fill(struct mr_kafka *kafka, struct mr_kafka_lane *lane,
                        rd_kafka_message_t *message, struct mr_record *record)
{
    struct mr_kafka_part *part = part_of(kafka, lane, message);

    if (part == NULL)
        return false;
    *record = (struct mr_record){.message = message,
                                 .stream = part->stream,
                                 .partition = message->partition,
                                 .offset = message->offset,
                                 .timestamp_ms = -1,
                                 .leader_epoch = -1,
                                 .n_bytes = MR_KAFKA_RECORD_OVERHEAD};
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        data_fill(record, part, message);
        return true;
    }
    /* the client believes now that one more offset was read: see kafka_source.h */
    atomic_store(&part->astray, true);
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        record->kind = MR_RECORD_END;
        atomic_store(&part->next, message->offset);
        return true;
    }
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        atomic_store(&part->dead, true);
    record->kind = MR_RECORD_ERROR;
    record->offset = atomic_load(&part->next);
    record->rc = -(int)mr_kafka_err_code(message->err);
    record->detail = rd_kafka_message_errstr(message);
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && is_cut(part, record->detail))
        record->rc = -MR_SOURCE_TRUNCATED;
    mr_kafka_facts_forget(kafka, part->stream); /* the next claim asks who the topic is now */
    return true;
}

/* ---- partitions that are gone ----
 * A topic that was deleted makes its partitions' queues fall silent: the client tells it in a text
 * for people only ("topic [3]: ..."), and goes on in the topic of the same name once there is one.
 * So each of them is an error of its lane, and its claim looks whose log it is now (K-04). */

void mr_kafka_gone_note(struct mr_kafka *kafka, const char *reason)
{
    mr_lock_take(&kafka->lock);
    for (size_t i = 0; i < kafka->n_parts; i++) {
        struct mr_kafka_part *part = kafka->parts[i];
        char place[MR_STREAM_NAME_BYTES + 24];
        int len = snprintf(place, sizeof place, "%s [%d]:", part->stream, part->partition);
        if (!atomic_load(&part->assigned) || strncmp(reason, place, (size_t)len) != 0)
            continue;
        if (!atomic_exchange(&part->gone, true))
            atomic_fetch_add(&kafka->n_gone, 1);
        break;
    }
    mr_lock_drop(&kafka->lock);
}

static struct mr_kafka_part *gone_take(struct mr_kafka *kafka, uint32_t lane_id)
{
    struct mr_kafka_part *found = NULL;

    mr_lock_take(&kafka->lock);
    for (size_t i = 0; i < kafka->n_parts && found == NULL; i++) {
        struct mr_kafka_part *part = kafka->parts[i];
        if (!atomic_load(&part->gone) || (atomic_load(&part->assigned) && part->lane != lane_id))
            continue;
        atomic_store(&part->gone, false);
        atomic_fetch_sub(&kafka->n_gone, 1);
        if (atomic_load(&part->assigned))
            found = part;
    }
    mr_lock_drop(&kafka->lock);
    return found;
}

static size_t gone_records(struct mr_kafka *kafka, uint32_t lane_id, struct mr_record *records,
                           size_t max)
{
    struct mr_kafka_part *part = NULL;
    size_t n = 0;

    while (n < max && (part = gone_take(kafka, lane_id)) != NULL) {
        mr_kafka_facts_forget(kafka, part->stream);
        records[n++] = (struct mr_record){.kind = MR_RECORD_ERROR,
                                          .stream = part->stream,
                                          .partition = part->partition,
                                          .offset = atomic_load(&part->next),
                                          .timestamp_ms = -1,
                                          .leader_epoch = -1,
                                          .n_bytes = MR_KAFKA_RECORD_OVERHEAD,
                                          .rc = -MR_SOURCE_TOPIC_MISSING,
                                          .detail = "the topic or the partition is gone"};
    }
    return n;
}

size_t mr_kafka_read(struct mr_source *source, uint32_t lane_id, struct mr_record *records,
                     size_t max, uint32_t timeout_ms)
{
    struct mr_kafka *kafka = mr_kafka_of(source);
    struct mr_kafka_lane *lane = &kafka->lanes[lane_id];
    size_t n_records = 0;

    if (max > MR_KAFKA_READ_MOST)
        max = MR_KAFKA_READ_MOST;
    lane_enter(lane);
    ssize_t n = rd_kafka_consume_batch_queue(lane->queue, (int)timeout_ms, lane->messages, 1);
    if (n == 1 && max > 1) {
        ssize_t more = rd_kafka_consume_batch_queue(lane->queue, 0, lane->messages + 1, max - 1);
        n += more > 0 ? more : 0;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (record_fill(kafka, lane, lane->messages[i], &records[n_records]))
            n_records++;
        else
            rd_kafka_message_destroy(lane->messages[i]);
    }
    lane_leave(lane);
    if (atomic_load(&kafka->n_gone) > 0)
        n_records += gone_records(kafka, lane_id, records + n_records, max - n_records);
    return n_records;
}

void mr_kafka_release_record(struct mr_source *source, struct mr_record *record)
{
    (void)source;
    if (record->message != NULL)
        rd_kafka_message_destroy(record->message);
    record->message = NULL;
}

/* A header's name is bytes to Kafka, text to JSON: what is not UTF-8 becomes U+FFFD. */
static void name_add(struct mr_buf *out, const char *name)
{
    struct mr_buf text = MR_BUF_INIT;
    const uint8_t *at = (const uint8_t *)name;
    size_t left = strlen(name);

    while (left > 0) {
        size_t step = mr_utf8_step(at, left);
        if (step > 0)
            mr_buf_add(&text, at, step);
        else
            mr_buf_str(&text, "\xEF\xBF\xBD");
        step = step > 0 ? step : 1;
        at += step;
        left -= step;
    }
    mr_json_text_string(out, (struct mr_slice){text.data, text.len});
    mr_buf_release(&text);
}

void mr_kafka_headers_json(struct mr_source *source, const struct mr_record *record,
                           struct mr_buf *out)
{
    rd_kafka_headers_t *headers = NULL;
    const char *name = NULL;
    const void *bytes = NULL;
    size_t size = 0;

    (void)source;
    mr_buf_byte(out, '[');
    if (record->kind == MR_RECORD_DATA &&
        rd_kafka_message_headers(record->message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        headers = NULL;
    for (size_t i = 0;
         headers != NULL &&
         rd_kafka_header_get_all(headers, i, &name, &bytes, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        mr_buf_str(out, i > 0 ? ",{\"k\":" : "{\"k\":");
        name_add(out, name);
        mr_buf_str(out, ",\"v\":");
        if (bytes != NULL)
            mr_json_text_base64(out, (struct mr_slice){bytes, size});
        else
            mr_buf_str(out, "null");
        mr_buf_byte(out, '}');
    }
    mr_buf_byte(out, ']');
}
