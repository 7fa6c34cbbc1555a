/* Owns the look at whose logs are being read (contract.md K-04): a topic that was deleted and made
 * again between two of the client's looks at its metadata goes on being read as if nothing had
 * been. So the topics' ids are asked for again and again, without waiting for the answer; where one
 * is another than at the claim, its partitions are told to be gone, and their claims find out.
 * Source: librdkafka's rdkafka.h, rd_kafka_DescribeTopics(), RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT.
 * Thread: poll. */
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "consumer/kafka_err.h"
#include "consumer/kafka_source.h"

#include "base/ban.h"

enum { ASK_EVERY_MS = 5000, ANSWER_MS = 10000, TOPICS_AT_ONCE = 500 };

/* The topics of flowing partitions from `identity_at` on, each once; the next ask goes on there. */
static size_t topics_gather(struct mr_kafka *kafka, const char **out)
{
    size_t n = 0;

    mr_lock_take(&kafka->lock);
    size_t n_parts = kafka->n_parts;
    for (size_t i = 0; i < n_parts && n < TOPICS_AT_ONCE; i++) {
        const struct mr_kafka_part *part = kafka->parts[kafka->identity_at++ % n_parts];
        const char *claimed = atomic_load(&part->log_id);
        bool again = !part->flowing || claimed == NULL || *claimed == '\0';
        for (size_t k = 0; k < n && !again; k++)
            again = strcmp(out[k], part->stream) == 0;
        if (!again)
            out[n++] = part->stream;
    }
    mr_lock_drop(&kafka->lock);
    return n;
}

void mr_kafka_identity_ask(struct mr_kafka *kafka)
{
    const char *names[TOPICS_AT_ONCE];
    uint64_t now_ms = mr_mono_ms(&kafka->opts.env);
    char text[128];

    if (now_ms - kafka->identity_ms < (kafka->identity_asked ? ANSWER_MS * 2 : ASK_EVERY_MS))
        return;
    kafka->identity_ms = now_ms;
    size_t n = topics_gather(kafka, names);
    if (n == 0)
        return;
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(names, n);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(kafka->rk, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, text, sizeof text);
    rd_kafka_DescribeTopics(kafka->rk, topics, options, kafka->events);
    kafka->identity_asked = true;
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_TopicCollection_destroy(topics);
}

/* `id` "": the topic is not there. */
static void topic_compare(struct mr_kafka *kafka, const char *stream, const char *id)
{
    mr_lock_take(&kafka->lock);
    for (size_t i = 0; i < kafka->n_parts; i++) {
        struct mr_kafka_part *part = kafka->parts[i];
        const char *claimed = atomic_load(&part->log_id);
        if (!part->flowing || claimed == NULL || *claimed == '\0' ||
            strcmp(part->stream, stream) != 0 || strcmp(claimed, id) == 0)
            continue;
        if (!atomic_exchange(&part->gone, true))
            atomic_fetch_add(&kafka->n_gone, 1);
    }
    mr_lock_drop(&kafka->lock);
}

void mr_kafka_identity_answer(struct mr_kafka *kafka, rd_kafka_event_t *event)
{
    const rd_kafka_DescribeTopics_result_t *result = rd_kafka_event_DescribeTopics_result(event);
    size_t n = 0;

    kafka->identity_asked = false;
    if (result == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return; /* asked again */
    const rd_kafka_TopicDescription_t **topics = rd_kafka_DescribeTopics_result_topics(result, &n);
    for (size_t i = 0; i < n; i++) {
        const rd_kafka_error_t *error = rd_kafka_TopicDescription_error(topics[i]);
        int code = error != NULL ? (int)rd_kafka_error_code(error) : 0;
        char id[MR_TOPIC_ID_BYTES] = "";
        if (code == 0)
            mr_kafka_id_text(rd_kafka_TopicDescription_topic_id(topics[i]), id, sizeof id);
        if (*id != '\0' || mr_kafka_err_code(code) == MR_SOURCE_TOPIC_MISSING)
            topic_compare(kafka, rd_kafka_TopicDescription_name(topics[i]), id);
    }
}
