/* Owns the questions to the brokers about a partition's log. Must not be called on the poll thread:
 * each question may block until its time-out.
 * Source: librdkafka's rdkafka.h, rd_kafka_query_watermark_offsets(), rd_kafka_committed(),
 * rd_kafka_offsets_for_times(), rd_kafka_DescribeTopics(). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "consumer/kafka_err.h"
#include "consumer/kafka_source.h"

#include "base/ban.h"

/* Cluster and topic ids are asked for again after this time: a topic may be deleted and made anew.
 */
enum { IDS_FRESH_MS = 10000, LEAST_TIMEOUT_MS = 100 };

/* One id that a topic was seen with. Ids are handed out as pointers, so an entry never changes its
 * id: a new id is a new entry before the old one. */
struct mr_kafka_topic {
    char stream[MR_STREAM_NAME_BYTES];
    char id[MR_TOPIC_ID_BYTES]; /* immutable */
    int32_t n_partitions;       /* when it was asked for; 0: not known */
    uint64_t asked_ms;
    bool stale; /* whatever its age */
    struct mr_kafka_topic *next;
};

void mr_kafka_facts_release(struct mr_kafka *kafka) MR_NO_TSA
{
    while (kafka->topics != NULL) {
        struct mr_kafka_topic *topic = kafka->topics;
        kafka->topics = topic->next;
        free(topic);
    }
}

static int left_ms(const struct mr_kafka *kafka, uint64_t end_ms)
{
    uint64_t now_ms = mr_mono_ms(&kafka->opts.env);

    return end_ms > now_ms + LEAST_TIMEOUT_MS ? (int)(end_ms - now_ms) : LEAST_TIMEOUT_MS;
}

/* ---- ids ---- */

static int cluster_get(struct mr_kafka *kafka, uint64_t end_ms, const char **out,
                       struct mr_err *err)
{
    uint64_t now_ms = mr_mono_ms(&kafka->opts.env);

    *out = kafka->cluster_id;
    mr_lock_take(&kafka->facts_lock);
    bool known = *kafka->cluster_id != '\0' && now_ms - kafka->cluster_at_ms < IDS_FRESH_MS;
    mr_lock_drop(&kafka->facts_lock);
    if (known)
        return 0;
    char *id = rd_kafka_clusterid(kafka->rk, left_ms(kafka, end_ms));
    if (id == NULL)
        return mr_err_set(err, MR_SOURCE_AWAY, "no broker tells the cluster's id");
    mr_lock_take(&kafka->facts_lock);
    if (strcmp(kafka->cluster_id, id) != 0)
        snprintf(kafka->cluster_id, sizeof kafka->cluster_id, "%s", id);
    kafka->cluster_at_ms = now_ms;
    mr_lock_drop(&kafka->facts_lock);
    rd_kafka_mem_free(kafka->rk, id);
    return 0;
}

static struct mr_kafka_topic *topic_find(struct mr_kafka *kafka, const char *stream)
    MR_REQUIRES(kafka->facts_lock)
{
    for (struct mr_kafka_topic *topic = kafka->topics; topic != NULL; topic = topic->next)
        if (strcmp(topic->stream, stream) == 0)
            return topic;
    return NULL;
}

void mr_kafka_facts_forget(struct mr_kafka *kafka, const char *stream)
{
    mr_lock_take(&kafka->facts_lock);
    struct mr_kafka_topic *topic = topic_find(kafka, stream);
    if (topic != NULL)
        topic->stale = true;
    mr_lock_drop(&kafka->facts_lock);
}

static const char *topic_note(struct mr_kafka *kafka, const char *stream, const char *id,
                              int32_t n_partitions)
{
    const char *noted = "";

    mr_lock_take(&kafka->facts_lock);
    struct mr_kafka_topic *topic = topic_find(kafka, stream);
    if (topic == NULL || strcmp(topic->id, id) != 0) {
        topic = calloc(1, sizeof *topic);
        if (topic != NULL) {
            snprintf(topic->stream, sizeof topic->stream, "%s", stream);
            snprintf(topic->id, sizeof topic->id, "%s", id);
            topic->next = kafka->topics;
            kafka->topics = topic;
        }
    }
    if (topic != NULL) {
        topic->n_partitions = n_partitions;
        topic->asked_ms = mr_mono_ms(&kafka->opts.env);
        topic->stale = false;
        noted = topic->id;
    }
    mr_lock_drop(&kafka->facts_lock);
    return noted;
}

static bool topic_known(struct mr_kafka *kafka, const char *stream, struct mr_log_facts *out)
{
    bool fresh = false;

    mr_lock_take(&kafka->facts_lock);
    struct mr_kafka_topic *topic = topic_find(kafka, stream);
    if (topic != NULL) {
        fresh = !topic->stale && mr_mono_ms(&kafka->opts.env) - topic->asked_ms < IDS_FRESH_MS;
        out->stream_id = topic->id;
        out->n_partitions = topic->n_partitions;
    }
    mr_lock_drop(&kafka->facts_lock);
    return fresh;
}

/* What the metadata tell. Topic ids are asked of the controller. Brokers that name none that is one
 * of them (a proxy, the mock cluster) never answer; waiting for it would cost each claim its whole
 * time-out. */
struct look {
    bool has_controller;
    int32_t n_partitions; /* 0: the topic has an error */
    int error;            /* the client's */
};

static int topic_look(struct mr_kafka *kafka, const char *stream, uint64_t end_ms, struct look *out,
                      struct mr_err *err)
{
    const struct rd_kafka_metadata *found = NULL;
    int32_t controller = rd_kafka_controllerid(kafka->rk, left_ms(kafka, end_ms));
    rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka->rk, stream, NULL);
    int code = topic != NULL
                   ? (int)rd_kafka_metadata(kafka->rk, 0, topic, &found, left_ms(kafka, end_ms))
                   : (int)rd_kafka_last_error();

    if (topic != NULL)
        rd_kafka_topic_destroy(topic);
    /* not known must not pass for 0: the start of the topic's other partitions depends on it */
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || found == NULL)
        return mr_kafka_err_set(err, code, "ask for the topic's partitions", NULL);
    *out = (struct look){.n_partitions = 0};
    for (int i = 0; i < found->broker_cnt && !out->has_controller; i++)
        out->has_controller = found->brokers[i].id == controller;
    if (found->topic_cnt == 1) {
        out->n_partitions = found->topics[0].partition_cnt;
        out->error = (int)found->topics[0].err;
    }
    rd_kafka_metadata_destroy(found);
    return 0;
}

void mr_kafka_id_text(const rd_kafka_Uuid_t *id, char *out, size_t cap)
{
    *out = '\0';
    if (id != NULL && (rd_kafka_Uuid_most_significant_bits(id) != 0 ||
                       rd_kafka_Uuid_least_significant_bits(id) != 0))
        snprintf(out, cap, "%s", rd_kafka_Uuid_base64str(id));
}

/* "" where the brokers are too old for topic ids, or do not tell. A missing topic is an error, and
 * so is no answer: an id that is not known cannot show that the topic was made anew. */
static int describe_read(rd_kafka_event_t *event, char id[MR_TOPIC_ID_BYTES], struct mr_err *err)
{
    size_t n = 0;
    int failed = event != NULL ? (int)rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;

    *id = '\0';
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR && mr_kafka_err_code(failed) == MR_SOURCE_AWAY)
        return mr_kafka_err_set(err, failed, "describe the topic",
                                event != NULL ? rd_kafka_event_error_string(event) : NULL);
    const rd_kafka_DescribeTopics_result_t *result =
        event != NULL ? rd_kafka_event_DescribeTopics_result(event) : NULL;
    if (result == NULL || failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    const rd_kafka_TopicDescription_t **topics = rd_kafka_DescribeTopics_result_topics(result, &n);
    if (n == 0)
        return 0;
    const rd_kafka_error_t *error = rd_kafka_TopicDescription_error(topics[0]);
    int code = error != NULL ? (int)rd_kafka_error_code(error) : 0;
    if (mr_kafka_err_code(code) == MR_SOURCE_TOPIC_MISSING)
        return mr_kafka_err_set(err, code, "describe the topic", rd_kafka_error_string(error));
    if (code == 0)
        mr_kafka_id_text(rd_kafka_TopicDescription_topic_id(topics[0]), id, MR_TOPIC_ID_BYTES);
    return 0;
}

static int topic_describe(struct mr_kafka *kafka, const char *stream, uint64_t end_ms,
                          char id[MR_TOPIC_ID_BYTES], struct mr_err *err)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka->rk);
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(&stream, 1);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(kafka->rk, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    char text[128];
    int timeout_ms = left_ms(kafka, end_ms);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof text);
    rd_kafka_DescribeTopics(kafka->rk, topics, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
    int rc = describe_read(event, id, err);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_TopicCollection_destroy(topics);
    rd_kafka_queue_destroy(queue);
    return rc;
}

static int topic_get(struct mr_kafka *kafka, const char *stream, uint64_t end_ms,
                     struct mr_log_facts *out, struct mr_err *err)
{
    char id[MR_TOPIC_ID_BYTES] = "";
    struct look look = {.n_partitions = 0};

    if (topic_known(kafka, stream, out))
        return 0;
    int rc = topic_look(kafka, stream, end_ms, &look, err);
    if (rc == 0 && look.has_controller)
        rc = topic_describe(kafka, stream, end_ms, id, err);
    if (rc < 0)
        return rc;
    out->stream_id = topic_note(kafka, stream, id, look.n_partitions);
    out->n_partitions = look.n_partitions;
    return 0;
}

/* ---- offsets ---- */

static rd_kafka_topic_partition_list_t *one(const char *stream, int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, stream, partition)->offset = offset;
    return list;
}

static int code_of(int code, const rd_kafka_topic_partition_list_t *list)
{
    return code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : (int)list->elems[0].err;
}

static int committed_get(struct mr_kafka *kafka, rd_kafka_topic_partition_list_t *list,
                         const char *our_metadata, int timeout_ms, struct mr_log_facts *out)
{
    int code = code_of((int)rd_kafka_committed(kafka->rk, list, timeout_ms), list);
    const rd_kafka_topic_partition_t *elem = &list->elems[0];
    size_t len = our_metadata != NULL ? strlen(our_metadata) : 0;

    out->committed = -1;
    out->committed_leader_epoch = -1;
    out->committed_is_ours = false;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || elem->offset < 0)
        return code;
    out->committed = elem->offset;
    out->committed_leader_epoch = rd_kafka_topic_partition_get_leader_epoch(elem);
    out->committed_is_ours =
        len > 0 && elem->metadata_size >= len && memcmp(elem->metadata, our_metadata, len) == 0;
    return 0;
}

static int at_time_get(struct mr_kafka *kafka, rd_kafka_topic_partition_list_t *list,
                       int timeout_ms, struct mr_log_facts *out)
{
    int code = code_of((int)rd_kafka_offsets_for_times(kafka->rk, list, timeout_ms), list);

    out->at_timestamp = -1;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && list->elems[0].offset >= 0)
        out->at_timestamp = list->elems[0].offset;
    return code;
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are those of mr_source_ops.facts */
int mr_kafka_facts(struct mr_source *source, const char *stream, int32_t partition,
                   enum mr_start start, int64_t start_ms, const char *our_metadata,
                   uint32_t timeout_ms, struct mr_log_facts *out, struct mr_err *err)
{
    struct mr_kafka *kafka = mr_kafka_of(source);
    uint64_t end_ms = mr_mono_ms(&kafka->opts.env) + timeout_ms;

    *out = (struct mr_log_facts){.at_timestamp = -1, .stream_id = "", .cluster_id = ""};
    int rc = cluster_get(kafka, end_ms, &out->cluster_id, err);
    if (rc == 0)
        rc = topic_get(kafka, stream, end_ms, out, err);
    if (rc < 0)
        return rc;
    struct mr_kafka_part *part = mr_kafka_part_find(kafka, stream, partition);
    if (part != NULL) {
        atomic_store(&part->log_id, out->stream_id);
        out->cut_at = atomic_load(&part->cut_at);
        out->cut_epoch = atomic_load(&part->cut_epoch);
        out->cut_end = atomic_load(&part->cut_end);
        out->is_cut = out->cut_epoch >= 0;
    }
    if (out->n_partitions > 0 && out->n_partitions <= partition)
        out->n_partitions = partition + 1; /* the topic has grown since it was asked */
    int code = (int)rd_kafka_query_watermark_offsets(kafka->rk, stream, partition, &out->low,
                                                     &out->high, left_ms(kafka, end_ms));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return mr_kafka_err_set(err, code, "ask for the ends of the log", NULL);
    rd_kafka_topic_partition_list_t *list = one(stream, partition, RD_KAFKA_OFFSET_INVALID);
    code = committed_get(kafka, list, our_metadata, left_ms(kafka, end_ms), out);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return mr_kafka_err_set(err, code, "ask for the group's commit", NULL);
    if (start != MR_START_TIMESTAMP)
        return 0;
    list = one(stream, partition, start_ms);
    code = at_time_get(kafka, list, left_ms(kafka, end_ms), out);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return mr_kafka_err_set(err, code, "ask for the offset of a time stamp", NULL);
    return 0;
}

bool mr_kafka_answers(struct mr_source *source, uint32_t timeout_ms)
{
    const struct rd_kafka_metadata *found = NULL;
    int code = (int)rd_kafka_metadata(mr_kafka_of(source)->rk, 0, NULL, &found, (int)timeout_ms);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && found != NULL)
        rd_kafka_metadata_destroy(found);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

int mr_kafka_n_partitions(struct mr_source *source, const char *stream, uint32_t timeout_ms,
                          int32_t *out, struct mr_err *err)
{
    struct mr_kafka *kafka = mr_kafka_of(source);
    struct look look = {.n_partitions = 0};
    int rc = topic_look(kafka, stream, mr_mono_ms(&kafka->opts.env) + timeout_ms, &look, err);

    if (rc == 0 && mr_kafka_err_code(look.error) == MR_SOURCE_TOPIC_MISSING)
        rc = mr_kafka_err_set(err, look.error, "ask for the topic's partitions", NULL);
    else if (rc == 0 && look.n_partitions <= 0)
        rc = mr_err_set(err, MR_SOURCE_AWAY, "the broker does not tell the topic's partitions");
    if (rc == 0)
        *out = look.n_partitions;
    return rc;
}

int64_t mr_kafka_known_end(struct mr_source *source, const char *stream, int32_t partition)
{
    struct mr_kafka *kafka = mr_kafka_of(source);
    const struct mr_kafka_part *part = mr_kafka_part_find(kafka, stream, partition);
    int64_t low = -1;
    int64_t high = -1;

    if (part == NULL || !atomic_load(&part->assigned) ||
        rd_kafka_get_watermark_offsets(kafka->rk, stream, partition, &low, &high) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        high < 0)
        return -1;
    return high;
}
