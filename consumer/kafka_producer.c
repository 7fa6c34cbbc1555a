/* Owns the producer client. Must not retry beyond what the client does: the caller sends again.
 * Source: librdkafka's rdkafka.h, rd_kafka_produceva(), rd_kafka_flush(). */
#include "consumer/kafka_producer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "consumer/kafka_err.h"

#include "base/ban.h"

enum { MOST_ARGS = 9, RECORD_SLACK_BYTES = 64 * 1024 };

struct mr_kafka_producer {
    rd_kafka_t *rk;
    uint64_t n_outstanding;
    uint64_t outstanding_bytes;
    int failed_code; /* the first failure since the last flush; 0: none */
};

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct mr_kafka_producer *producer = opaque;

    (void)rk;
    producer->n_outstanding--;
    producer->outstanding_bytes -= message->len + message->key_len;
    if (message->_private != NULL)
        *(int *)message->_private = (int)mr_kafka_err_code((int)message->err);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && producer->failed_code == 0)
        producer->failed_code = (int)message->err;
}

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, struct mr_err *err)
{
    char text[256];

    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return 0;
    return mr_err_set(err, MR_CONFIG_INVALID, "kafka.%s: the client does not take this value",
                      name);
}

static void log_nothing(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
    (void)rk;
    (void)level;
    (void)fac;
    (void)text;
}

static int conf_fill(rd_kafka_conf_t *conf, const struct mr_kafka_producer_opts *opts,
                     struct mr_err *err)
{
    char number[24];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < opts->n_properties; i++)
        rc = set(conf, opts->properties[i].name, opts->properties[i].value, err);
    if (rc == 0 && opts->client_id != NULL)
        rc = set(conf, "client.id", opts->client_id, err);
    if (rc == 0 && opts->idempotent)
        rc = set(conf, "enable.idempotence", "true", err);
    if (rc == 0 && opts->queue_bytes > 0) {
        snprintf(number, sizeof number, "%zu", opts->queue_bytes / 1024 + 1);
        rc = set(conf, "queue.buffering.max.kbytes", number, err);
    }
    if (rc == 0 && opts->record_bytes > 0) {
        snprintf(number, sizeof number, "%zu", opts->record_bytes + RECORD_SLACK_BYTES);
        rc = set(conf, "message.max.bytes", number, err);
    }
    if (opts->quiet)
        rd_kafka_conf_set_log_cb(conf, log_nothing);
    return rc;
}

int mr_kafka_producer_open(const struct mr_kafka_producer_opts *opts,
                           struct mr_kafka_producer **out, struct mr_err *err)
{
    char text[512] = "";
    struct mr_kafka_producer *producer = calloc(1, sizeof *producer);

    if (producer == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a producer");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rc = conf_fill(conf, opts, err);
    if (rc == 0) {
        rd_kafka_conf_set_dr_msg_cb(conf, delivered);
        rd_kafka_conf_set_opaque(conf, producer);
        producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
        if (producer->rk == NULL)
            rc = mr_err_set(err, MR_CONFIG_INVALID, "the Kafka client refuses its settings: %s",
                            text);
    }
    if (rc < 0) {
        rd_kafka_conf_destroy(conf); /* the client takes it only on success */
        free(producer);
        return rc;
    }
    *out = producer;
    return 0;
}

/* The client copies key and value, but its types do not say const. */
static void *unconst(const void *bytes)
{
    union {
        const void *in;
        void *out;
    } pointer = {.in = bytes};

    return pointer.out;
}

static size_t args_fill(const struct mr_kafka_send *send, rd_kafka_vu_t *args)
{
    size_t n = 0;

    args[n].vtype = RD_KAFKA_VTYPE_TOPIC;
    args[n++].u.cstr = send->topic;
    args[n].vtype = RD_KAFKA_VTYPE_PARTITION;
    args[n++].u.i32 = send->partition;
    args[n].vtype = RD_KAFKA_VTYPE_KEY;
    args[n].u.mem.ptr = unconst(send->key.data);
    args[n++].u.mem.size = send->key.len;
    args[n].vtype = RD_KAFKA_VTYPE_VALUE;
    args[n].u.mem.ptr = unconst(send->value.data);
    args[n++].u.mem.size = send->value.len;
    args[n].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    args[n++].u.i64 = send->timestamp_ms;
    args[n].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    args[n++].u.i = RD_KAFKA_MSG_F_COPY;
    args[n].vtype = RD_KAFKA_VTYPE_OPAQUE;
    args[n++].u.ptr = send->outcome;
    return n;
}

/* The headers of another message, then those of our own. The client takes them with the record. */
static int headers_make(const struct mr_kafka_send *send, rd_kafka_headers_t **out,
                        struct mr_err *err)
{
    rd_kafka_headers_t *theirs = NULL;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    *out = NULL;
    if (send->like == NULL && send->n_headers == 0)
        return 0;
    if (send->like != NULL &&
        rd_kafka_message_headers(send->like, &theirs) == RD_KAFKA_RESP_ERR_NO_ERROR)
        *out = rd_kafka_headers_copy(theirs);
    else
        *out = rd_kafka_headers_new(send->n_headers);
    for (size_t i = 0; *out != NULL && code == RD_KAFKA_RESP_ERR_NO_ERROR && i < send->n_headers;
         i++)
        code = rd_kafka_header_add(*out, send->headers[i].name, -1, send->headers[i].value.data,
                                   (ssize_t)send->headers[i].value.len);
    if (*out != NULL && code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    if (*out != NULL)
        rd_kafka_headers_destroy(*out);
    return mr_err_set(err, MR_NO_MEMORY, "headers of a record");
}

int mr_kafka_producer_send(struct mr_kafka_producer *producer, const struct mr_kafka_send *send,
                           struct mr_err *err)
{
    rd_kafka_vu_t args[MOST_ARGS];
    rd_kafka_headers_t *headers = NULL;
    int rc = headers_make(send, &headers, err);

    if (rc < 0)
        return rc;
    memset(args, 0, sizeof args);
    rd_kafka_poll(producer->rk, 0);
    size_t n_args = args_fill(send, args);
    if (headers != NULL) {
        args[n_args].vtype = RD_KAFKA_VTYPE_HEADERS;
        args[n_args++].u.headers = headers;
    }
    rd_kafka_error_t *error = rd_kafka_produceva(producer->rk, args, n_args);
    if (error == NULL) {
        producer->n_outstanding++;
        producer->outstanding_bytes += send->key.len + send->value.len;
        return 0;
    }
    if (headers != NULL)
        rd_kafka_headers_destroy(headers); /* taken only with the record */
    mr_kafka_err_set(err, (int)rd_kafka_error_code(error), "produce", rd_kafka_error_string(error));
    int code = (int)rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return -(int)mr_kafka_err_code(code);
}

static int topic_made(rd_kafka_event_t *event, struct mr_err *err)
{
    size_t n = 0;
    const rd_kafka_CreateTopics_result_t *result =
        event != NULL ? rd_kafka_event_CreateTopics_result(event) : NULL;
    const rd_kafka_topic_result_t **topics =
        result != NULL ? rd_kafka_CreateTopics_result_topics(result, &n) : NULL;
    int code = event == NULL ? (int)RD_KAFKA_RESP_ERR__TIMED_OUT
               : n == 0      ? (int)rd_kafka_event_error(event)
                             : (int)rd_kafka_topic_result_error(topics[0]);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return 0;
    return mr_kafka_err_set(err, code, "create the topic",
                            n > 0 ? rd_kafka_topic_result_error_string(topics[0]) : NULL);
}

static rd_kafka_NewTopic_t *topic_wish(const struct mr_kafka_topic *topic, struct mr_err *err)
{
    char text[256] = "";
    rd_kafka_NewTopic_t *wish = rd_kafka_NewTopic_new(topic->name, -1, -1, text, sizeof text);

    if (wish == NULL)
        (void)mr_err_set(err, MR_CONFIG_INVALID, "dlq.topic: %s", text);
    for (size_t i = 0; wish != NULL && i < topic->n_settings; i++)
        (void)rd_kafka_NewTopic_set_config(wish, topic->settings[i].name, topic->settings[i].value);
    return wish;
}

int mr_kafka_producer_topic(struct mr_kafka_producer *producer, const struct mr_kafka_topic *topic,
                            bool only_try, uint32_t timeout_ms, struct mr_err *err)
{
    char text[256] = "";
    rd_kafka_NewTopic_t *wish = topic_wish(topic, err);

    if (wish == NULL)
        return -MR_CONFIG_INVALID;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(producer->rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(producer->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, (int)timeout_ms, text, sizeof text);
    rd_kafka_AdminOptions_set_validate_only(options, only_try, text, sizeof text);
    rd_kafka_CreateTopics(producer->rk, &wish, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, (int)timeout_ms);
    int rc = topic_made(event, err);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(wish);
    return rc;
}

void mr_kafka_producer_serve(struct mr_kafka_producer *producer, uint32_t timeout_ms)
{
    rd_kafka_poll(producer->rk, (int)timeout_ms);
}

int mr_kafka_producer_flush(struct mr_kafka_producer *producer, uint32_t timeout_ms,
                            struct mr_err *err)
{
    rd_kafka_flush(producer->rk, (int)timeout_ms);
    int code = producer->failed_code;
    producer->failed_code = 0;
    if (code != 0)
        return mr_kafka_err_set(err, code, "produce", NULL);
    if (producer->n_outstanding > 0)
        return mr_err_set(err, MR_SOURCE_AWAY, "%llu records are not acknowledged after %u ms",
                          (unsigned long long)producer->n_outstanding, timeout_ms);
    return 0;
}

uint64_t mr_kafka_producer_outstanding(const struct mr_kafka_producer *producer)
{
    return producer->n_outstanding;
}

uint64_t mr_kafka_producer_outstanding_bytes(const struct mr_kafka_producer *producer)
{
    return producer->outstanding_bytes;
}

void mr_kafka_producer_close(struct mr_kafka_producer *producer)
{
    if (producer == NULL)
        return;
    rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_poll(producer->rk, 0);
    rd_kafka_destroy(producer->rk);
    free(producer);
}
