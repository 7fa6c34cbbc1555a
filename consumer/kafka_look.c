/* Owns the administrative questions of `millrace check`. Must not change anything at the brokers.
 * Source: librdkafka's rdkafka.h, rd_kafka_DescribeTopics(), rd_kafka_DescribeConfigs(),
 * rd_kafka_DescribeConsumerGroups(), rd_kafka_query_watermark_offsets(). */
#include "consumer/kafka_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "consumer/kafka_err.h"

#include "base/ban.h"

/* One question: asked of `queue`, answered by `event`. */
struct question {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
    rd_kafka_event_t *event; /* NULL: no answer in time */
    const char *what;
    int timeout_ms;
};

static void question_init(struct question *q, struct mr_kafka_tail *tail, rd_kafka_admin_op_t op,
                          uint32_t timeout_ms)
{
    char text[128];

    memset(q, 0, sizeof *q);
    q->rk = mr_kafka_tail_client(tail);
    q->queue = rd_kafka_queue_new(q->rk);
    q->options = rd_kafka_AdminOptions_new(q->rk, op);
    q->timeout_ms = (int)timeout_ms;
    rd_kafka_AdminOptions_set_request_timeout(q->options, q->timeout_ms, text, sizeof text);
    if (op != RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS)
        rd_kafka_error_destroy(
            rd_kafka_AdminOptions_set_include_authorized_operations(q->options, 1));
}

static void question_release(struct question *q)
{
    if (q->event != NULL)
        rd_kafka_event_destroy(q->event);
    rd_kafka_AdminOptions_destroy(q->options);
    rd_kafka_queue_destroy(q->queue);
}

/* 0 where there is an answer to read. */
static int answer_await(struct question *q, const char *what, struct mr_err *err)
{
    q->what = what;
    q->event = rd_kafka_queue_poll(q->queue, q->timeout_ms);
    int code =
        q->event != NULL ? (int)rd_kafka_event_error(q->event) : (int)RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    return mr_kafka_err_set(err, code, what,
                            q->event != NULL ? rd_kafka_event_error_string(q->event) : NULL);
}

static int error_take(const struct question *q, const rd_kafka_error_t *error, struct mr_err *err)
{
    int code = error != NULL ? (int)rd_kafka_error_code(error) : 0;

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    return mr_kafka_err_set(err, code, q->what, rd_kafka_error_string(error));
}

static bool has_read(const rd_kafka_AclOperation_t *allowed, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (allowed[i] == RD_KAFKA_ACL_OPERATION_READ || allowed[i] == RD_KAFKA_ACL_OPERATION_ALL)
            return true;
    }
    return false;
}

/* ---- topics ---- */

static int rights_read(const struct question *q, struct mr_topic_look *out, struct mr_err *err)
{
    size_t n = 0;
    const rd_kafka_DescribeTopics_result_t *result = rd_kafka_event_DescribeTopics_result(q->event);
    const rd_kafka_TopicDescription_t **topics =
        result != NULL ? rd_kafka_DescribeTopics_result_topics(result, &n) : NULL;

    if (n == 0)
        return 0;
    int rc = error_take(q, rd_kafka_TopicDescription_error(topics[0]), err);
    if (rc < 0)
        return rc;
    const rd_kafka_AclOperation_t *allowed =
        rd_kafka_TopicDescription_authorized_operations(topics[0], &n);
    out->rights_known = allowed != NULL;
    out->may_read = allowed != NULL && has_read(allowed, n);
    return 0;
}

static void setting_take(const char *name, const char *value, struct mr_topic_look *out)
{
    if (strcmp(name, "cleanup.policy") == 0) {
        out->settings_known = true;
        out->compacts = strstr(value, "compact") != NULL;
        out->deletes = strstr(value, "delete") != NULL;
    } else if (strcmp(name, "retention.ms") == 0) {
        out->retention_ms = strtoll(value, NULL, 10);
    } else if (strcmp(name, "retention.bytes") == 0) {
        out->retention_bytes = strtoll(value, NULL, 10);
    }
}

/* A topic whose settings this user may not see is no fault: run does not need them. */
static void settings_look(struct mr_kafka_tail *tail, const char *topic, uint32_t timeout_ms,
                          struct mr_topic_look *out)
{
    struct question q;
    struct mr_err ignored = MR_ERR_INIT;
    rd_kafka_ConfigResource_t *asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    size_t n = 0;

    question_init(&q, tail, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_DescribeConfigs(q.rk, &asked, 1, q.options, q.queue);
    if (answer_await(&q, "ask for the topic's settings", &ignored) == 0) {
        const rd_kafka_DescribeConfigs_result_t *result =
            rd_kafka_event_DescribeConfigs_result(q.event);
        const rd_kafka_ConfigResource_t **found =
            result != NULL ? rd_kafka_DescribeConfigs_result_resources(result, &n) : NULL;
        const rd_kafka_ConfigEntry_t **entries =
            n > 0 ? rd_kafka_ConfigResource_configs(found[0], &n) : NULL;
        for (size_t i = 0; entries != NULL && i < n; i++) {
            const char *value = rd_kafka_ConfigEntry_value(entries[i]);
            setting_take(rd_kafka_ConfigEntry_name(entries[i]), value != NULL ? value : "", out);
        }
    }
    rd_kafka_ConfigResource_destroy(asked);
    question_release(&q);
}

int mr_kafka_look_topic(struct mr_kafka_tail *tail, const char *topic, uint32_t timeout_ms,
                        struct mr_topic_look *out, struct mr_err *err)
{
    struct question q;
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(&topic, 1);

    *out = (struct mr_topic_look){.retention_ms = -1, .retention_bytes = -1};
    question_init(&q, tail, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout_ms);
    rd_kafka_DescribeTopics(q.rk, topics, q.options, q.queue);
    int rc = answer_await(&q, "describe the topic", err);
    if (rc == 0)
        rc = rights_read(&q, out, err);
    rd_kafka_TopicCollection_destroy(topics);
    question_release(&q);
    if (rc == 0)
        settings_look(tail, topic, timeout_ms, out);
    return rc;
}

/* ---- the group ---- */

static int group_read(const struct question *q, struct mr_group_look *out, struct mr_err *err)
{
    size_t n = 0;
    const rd_kafka_DescribeConsumerGroups_result_t *result =
        rd_kafka_event_DescribeConsumerGroups_result(q->event);
    const rd_kafka_ConsumerGroupDescription_t **groups =
        result != NULL ? rd_kafka_DescribeConsumerGroups_result_groups(result, &n) : NULL;

    if (n == 0)
        return 0;
    const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(groups[0]);
    /* KIP-1043: newer brokers say so of a group that is not there yet */
    if (error != NULL && rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
        return 0;
    int rc = error_take(q, error, err);
    if (rc < 0)
        return rc;
    snprintf(
        out->state, sizeof out->state, "%s",
        rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(groups[0])));
    out->n_members = rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
    const rd_kafka_AclOperation_t *allowed =
        rd_kafka_ConsumerGroupDescription_authorized_operations(groups[0], &n);
    out->rights_known = allowed != NULL;
    out->may_read = allowed != NULL && has_read(allowed, n);
    return 0;
}

int mr_kafka_look_group(struct mr_kafka_tail *tail, const char *group_id, uint32_t timeout_ms,
                        struct mr_group_look *out, struct mr_err *err)
{
    struct question q;

    *out = (struct mr_group_look){.state = "Dead"};
    question_init(&q, tail, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeout_ms);
    rd_kafka_DescribeConsumerGroups(q.rk, &group_id, 1, q.options, q.queue);
    int rc = answer_await(&q, "describe the group", err);
    if (rc == 0)
        rc = group_read(&q, out, err);
    question_release(&q);
    return rc;
}

/* ---- a log ---- */

int mr_kafka_look_ends(struct mr_kafka_tail *tail, const struct mr_position *of,
                       uint32_t timeout_ms, int64_t ends[2], struct mr_err *err)
{
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        mr_kafka_tail_client(tail), of->stream, of->partition, &ends[0], &ends[1], (int)timeout_ms);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return mr_kafka_err_set(err, (int)code, "ask for the ends of the log", NULL);
    return 0;
}
