/* Owns a consumer client that reads one topic to its ends. Must not outlive a command. Source:
 * librdkafka's rdkafka.h, rd_kafka_metadata(), rd_kafka_query_watermark_offsets(),
 * rd_kafka_assign(), rd_kafka_consumer_poll(), rd_kafka_DeleteRecords(). */
#include "consumer/kafka_scan.h"

#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "consumer/kafka_err.h"
#include "consumer/kafka_source.h"

#include "base/ban.h"

enum { STEP_MS = 200, PATIENCE_MS = 5000, MAX_PARTITIONS = 10000 };

struct mr_kafka_scan {
    rd_kafka_t *rk;
    struct mr_env env;
    const char *topic;
    uint32_t timeout_ms;
    struct mr_scan_ends *ends;
    int64_t *to; /* of what is being read; by partition */
    bool *open;  /* has it something to come? */
    size_t n;
    size_t n_open;
    rd_kafka_message_t *message; /* of the last record; NULL */
    struct mr_kafka_header *headers;
    size_t cap_headers;
};

int mr_kafka_scan_open(const struct mr_kafka_scan_opts *opts, struct mr_kafka_scan **out,
                       struct mr_err *err)
{
    struct mr_kafka_scan *scan = calloc(1, sizeof *scan);
    uint32_t ignored_ms = 0;

    if (scan == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a look at a topic");
    scan->env = opts->source->env;
    scan->topic = opts->topic;
    scan->timeout_ms = opts->timeout_ms;
    int rc = mr_kafka_client_new(opts->source, NULL, &scan->rk, &ignored_ms, err);
    if (rc < 0) {
        free(scan);
        return rc;
    }
    rd_kafka_poll_set_consumer(scan->rk);
    *out = scan;
    return 0;
}

static void message_drop(struct mr_kafka_scan *scan)
{
    if (scan->message != NULL)
        rd_kafka_message_destroy(scan->message);
    scan->message = NULL;
}

void mr_kafka_scan_close(struct mr_kafka_scan *scan)
{
    if (scan == NULL)
        return;
    message_drop(scan);
    rd_kafka_assign(scan->rk, NULL);
    rd_kafka_destroy_flags(scan->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(scan->ends);
    free(scan->to);
    free(scan->open);
    free(scan->headers);
    free(scan);
}

/* ---- ends ---- */

static int n_partitions(struct mr_kafka_scan *scan, size_t *n, struct mr_err *err)
{
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(scan->rk, scan->topic, NULL);
    rd_kafka_resp_err_t code =
        topic != NULL ? rd_kafka_metadata(scan->rk, 0, topic, &found, (int)scan->timeout_ms)
                      : rd_kafka_last_error();

    *n = 0;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && found != NULL && found->topic_cnt == 1) {
        code = found->topics[0].err;
        *n = (size_t)found->topics[0].partition_cnt;
    }
    if (found != NULL)
        rd_kafka_metadata_destroy(found);
    if (topic != NULL)
        rd_kafka_topic_destroy(topic);
    if (mr_kafka_err_code((int)code) == MR_SOURCE_TOPIC_MISSING) {
        *n = 0;
        return 0;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return mr_kafka_err_set(err, (int)code, scan->topic, NULL);
    if (*n > MAX_PARTITIONS)
        return mr_err_set(err, MR_CONFIG_USAGE, "%s: more than %d partitions", scan->topic,
                          (int)MAX_PARTITIONS);
    return 0;
}

static int room_make(struct mr_kafka_scan *scan, size_t n, struct mr_err *err)
{
    if (n <= scan->n)
        return 0;
    free(scan->ends);
    free(scan->to);
    free(scan->open);
    scan->ends = calloc(n, sizeof *scan->ends);
    scan->to = calloc(n, sizeof *scan->to);
    scan->open = calloc(n, sizeof *scan->open);
    scan->n = scan->ends != NULL && scan->to != NULL && scan->open != NULL ? n : 0;
    return scan->n > 0 ? 0 : mr_err_set(err, MR_NO_MEMORY, "a look at a topic");
}

/* Waits for a moment. */
static bool metadata_again(struct mr_kafka_scan *scan)
{
    size_t n = 0;
    struct mr_err ignored = MR_ERR_INIT;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(scan->rk, STEP_MS);

    if (message != NULL) /* of what was read before: nobody wants more of it */
        rd_kafka_message_destroy(message);
    return n_partitions(scan, &n, &ignored) == 0;
}

/* Metadata that the client asks for by itself may name a partition a moment later than ours. */
static int ends_of(struct mr_kafka_scan *scan, int32_t partition, struct mr_err *err)
{
    struct mr_scan_ends *ends = &scan->ends[partition];
    uint64_t since_ms = mr_mono_ms(&scan->env);
    rd_kafka_resp_err_t code;

    do {
        code = rd_kafka_query_watermark_offsets(scan->rk, scan->topic, partition, &ends->low,
                                                &ends->end, (int)scan->timeout_ms);
    } while (mr_kafka_err_code((int)code) == MR_SOURCE_TOPIC_MISSING &&
             mr_mono_ms(&scan->env) - since_ms < PATIENCE_MS && metadata_again(scan));
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0
                                              : mr_kafka_err_set(err, (int)code, scan->topic, NULL);
}

int mr_kafka_scan_ends(struct mr_kafka_scan *scan, const struct mr_scan_ends **out, size_t *n,
                       struct mr_err *err)
{
    int rc = n_partitions(scan, n, err);

    if (rc == 0)
        rc = room_make(scan, *n, err);
    for (size_t i = 0; rc == 0 && i < *n; i++)
        rc = ends_of(scan, (int32_t)i, err);
    scan->n = rc == 0 ? *n : scan->n;
    *out = scan->ends;
    return rc;
}

/* ---- records ---- */

int mr_kafka_scan_begin(struct mr_kafka_scan *scan, const int64_t *from, const int64_t *to,
                        struct mr_err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)scan->n);
    int rc = 0;

    message_drop(scan);
    scan->n_open = 0;
    for (size_t i = 0; i < scan->n; i++) {
        scan->to[i] = to[i];
        scan->open[i] = from[i] < to[i];
        if (!scan->open[i])
            continue;
        scan->n_open++;
        rd_kafka_topic_partition_list_add(list, scan->topic, (int32_t)i)->offset = from[i];
    }
    if (scan->n_open > 0) {
        rd_kafka_resp_err_t code = rd_kafka_assign(scan->rk, list);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            rc = mr_kafka_err_set(err, (int)code, scan->topic, NULL);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

static void partition_end(struct mr_kafka_scan *scan, int32_t partition)
{
    if (partition < 0 || (size_t)partition >= scan->n || !scan->open[partition])
        return;
    scan->open[partition] = false;
    scan->n_open--;
}

static int headers_fill(struct mr_kafka_scan *scan, struct mr_wire_record *wire, struct mr_err *err)
{
    rd_kafka_headers_t *headers = NULL;
    const char *name = NULL;
    const void *bytes = NULL;
    size_t size = 0;

    if (rd_kafka_message_headers(scan->message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    size_t n = rd_kafka_header_cnt(headers);
    if (n > scan->cap_headers) {
        free(scan->headers);
        scan->headers = calloc(n, sizeof *scan->headers);
        scan->cap_headers = scan->headers != NULL ? n : 0;
        if (scan->headers == NULL)
            return mr_err_set(err, MR_NO_MEMORY, "headers of a letter");
    }
    for (size_t i = 0; i < n; i++) {
        if (rd_kafka_header_get_all(headers, i, &name, &bytes, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        scan->headers[wire->n_headers++] =
            (struct mr_kafka_header){.name = name, .value = {bytes, size}};
    }
    wire->headers = scan->headers;
    return 0;
}

static int record_fill(struct mr_kafka_scan *scan, struct mr_scan_record *out, struct mr_err *err)
{
    const rd_kafka_message_t *message = scan->message;
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);

    *out = (struct mr_scan_record){
        .partition = message->partition,
        .offset = message->offset,
        .wire = {.key = {message->key, message->key_len},
                 .value = {message->payload, message->len},
                 .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp_ms}};
    return headers_fill(scan, &out->wire, err);
}

/* What stands for no record: 0, or an error that ends the reading. */
static int event_take(struct mr_kafka_scan *scan, struct mr_err *err)
{
    int code = (int)scan->message->err;

    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        partition_end(scan, scan->message->partition);
    else if (mr_kafka_err_code(code) != MR_SOURCE_AWAY)
        return mr_kafka_err_set(err, code, scan->topic, rd_kafka_message_errstr(scan->message));
    return 0; /* the client goes on until our time is over */
}

int mr_kafka_scan_next(struct mr_kafka_scan *scan, struct mr_scan_record *out, struct mr_err *err)
{
    uint64_t since_ms = mr_mono_ms(&scan->env);

    message_drop(scan);
    while (scan->n_open > 0) {
        scan->message = rd_kafka_consumer_poll(scan->rk, STEP_MS);
        if (scan->message == NULL) {
            if (mr_mono_ms(&scan->env) - since_ms > scan->timeout_ms)
                return mr_err_set(err, MR_SOURCE_AWAY, "%s: no records came for %u ms", scan->topic,
                                  scan->timeout_ms);
            continue;
        }
        const rd_kafka_message_t *message = scan->message;
        bool ours = message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->partition >= 0 &&
                    (size_t)message->partition < scan->n && scan->open[message->partition];
        if (ours && message->offset + 1 >= scan->to[message->partition])
            partition_end(scan, message->partition);
        if (ours && message->offset < scan->to[message->partition]) {
            int rc = record_fill(scan, out, err);
            return rc < 0 ? rc : 1;
        }
        int rc = message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : event_take(scan, err);
        message_drop(scan);
        if (rc < 0)
            return rc;
    }
    rd_kafka_assign(scan->rk, NULL); /* or the client would go on to read ahead */
    return 0;
}

/* ---- the beginning ---- */

static int cut_answer(const struct mr_kafka_scan *scan, rd_kafka_event_t *event, struct mr_err *err)
{
    const rd_kafka_DeleteRecords_result_t *result =
        event != NULL ? rd_kafka_event_DeleteRecords_result(event) : NULL;
    const rd_kafka_topic_partition_list_t *offsets =
        result != NULL ? rd_kafka_DeleteRecords_result_offsets(result) : NULL;
    rd_kafka_resp_err_t code =
        event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);

    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && offsets != NULL && i < offsets->cnt; i++)
        code = offsets->elems[i].err;
    if (code == RD_KAFKA_RESP_ERR_POLICY_VIOLATION)
        return mr_err_set(err, MR_CONFIG_USAGE,
                          "%s: its cleanup.policy has no \"delete\": compaction alone removes what "
                          "was closed",
                          scan->topic);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return mr_kafka_err_set(err, (int)code, scan->topic, NULL);
    return 0;
}

int mr_kafka_scan_cut(struct mr_kafka_scan *scan, const int64_t *before, struct mr_err *err)
{
    char text[128];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)scan->n);

    for (size_t i = 0; i < scan->n; i++)
        if (before[i] > 0)
            rd_kafka_topic_partition_list_add(list, scan->topic, (int32_t)i)->offset = before[i];
    if (list->cnt == 0) {
        rd_kafka_topic_partition_list_destroy(list);
        return 0;
    }
    rd_kafka_DeleteRecords_t *what = rd_kafka_DeleteRecords_new(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(scan->rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(scan->rk, RD_KAFKA_ADMIN_OP_DELETERECORDS);
    rd_kafka_AdminOptions_set_request_timeout(options, (int)scan->timeout_ms, text, sizeof text);
    rd_kafka_DeleteRecords(scan->rk, &what, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, (int)scan->timeout_ms);
    int rc = cut_answer(scan, event, err);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteRecords_destroy(what);
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}
