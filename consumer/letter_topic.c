/* Owns the form of a dead letter in a topic. Which records are letters, fill and flush decide. */
#include "consumer/letter_topic.h"

#include <stdio.h>
#include <string.h>

#include "base/ban.h"

enum { NUMBER_BYTES = 24, FULL_WAIT_MS = 100, FULL_WAITS = 50 };

void mr_letter_topic_init(struct mr_letter_topic *to, const struct mr_letter_topic_opts *opts,
                          uint32_t task)
{
    *to = (struct mr_letter_topic){.opts = opts, .task = task};
}

void mr_letter_topic_release(struct mr_letter_topic *to)
{
    mr_kafka_producer_close(to->producer);
    to->producer = NULL;
}

/* Whatever it is, the flush is tried again: no letter may be left out. */
static int fail(struct mr_letter_topic *to, const struct mr_err *why, struct mr_err *err)
{
    char code[64];

    mr_letter_topic_release(to); /* what is on its way still would come twice */
    return mr_err_set(err, MR_DLQ_TOPIC, "%s: %s: %.300s", to->opts->topic,
                      mr_err_printed(why, code, sizeof code), why->detail);
}

static int open_producer(const struct mr_letter_topic_opts *opts, struct mr_kafka_producer **out,
                         struct mr_err *err)
{
    const struct mr_kafka_producer_opts producer_opts = {.properties = opts->properties,
                                                         .n_properties = opts->n_properties,
                                                         .client_id = opts->client_id,
                                                         .idempotent = true,
                                                         .record_bytes = opts->record_bytes,
                                                         .quiet = true};

    return mr_kafka_producer_open(&producer_opts, out, err);
}

static int open_lazily(struct mr_letter_topic *to, struct mr_err *err)
{
    struct mr_err ignored = MR_ERR_INIT;

    if (to->producer != NULL)
        return 0;
    int rc = open_producer(to->opts, &to->producer, err);
    if (rc == 0) /* without the right to make it, it may be there all the same */
        (void)mr_kafka_producer_topic(to->producer, to->opts->topic, false, to->opts->timeout_ms,
                                      &ignored);
    return rc;
}

static int send(struct mr_letter_topic *to, const struct mr_letter *letter, const char *stage,
                struct mr_err *err)
{
    char partition[NUMBER_BYTES];
    char offset[NUMBER_BYTES];
    char task[NUMBER_BYTES];
    (void)snprintf(partition, sizeof partition, "%d", (int)letter->partition);
    (void)snprintf(offset, sizeof offset, "%lld", (long long)letter->offset);
    (void)snprintf(task, sizeof task, "%u", to->task);
    const struct mr_kafka_header headers[] = {
        {"__connect.errors.topic", mr_slice_str(letter->stream)},
        {"__connect.errors.partition", mr_slice_str(partition)},
        {"__connect.errors.offset", mr_slice_str(offset)},
        {"__connect.errors.connector.name", mr_slice_str(to->opts->pipeline)},
        {"__connect.errors.task.id", mr_slice_str(task)},
        {"__connect.errors.stage", mr_slice_str(stage)},
        {"__connect.errors.class.name", mr_slice_str("millrace")},
        {"__connect.errors.exception.class.name", mr_slice_str(letter->code)},
        {"__connect.errors.exception.message", mr_slice_str(letter->detail)}};
    const struct mr_kafka_send one = {.topic = to->opts->topic,
                                      .partition = -1,
                                      .key = letter->key,
                                      .value = letter->value,
                                      .timestamp_ms =
                                          letter->timestamp_ms > 0 ? letter->timestamp_ms : 0,
                                      .headers = headers,
                                      .n_headers = sizeof headers / sizeof headers[0],
                                      .like = letter->message};
    int rc = mr_kafka_producer_send(to->producer, &one, err);

    for (int i = 0; rc == -MR_FULL && i < FULL_WAITS; i++) {
        mr_kafka_producer_serve(to->producer, FULL_WAIT_MS);
        mr_err_clear(err);
        rc = mr_kafka_producer_send(to->producer, &one, err);
    }
    return rc;
}

int mr_letter_topic_put(struct mr_letter_topic *to, const struct mr_letter *letters, size_t n,
                        const char *stage, struct mr_err *err)
{
    struct mr_err why = MR_ERR_INIT;
    int rc = n > 0 ? open_lazily(to, &why) : 0;

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = send(to, &letters[i], stage, &why);
    return rc < 0 ? fail(to, &why, err) : 0;
}

int mr_letter_topic_flush(struct mr_letter_topic *to, struct mr_err *err)
{
    struct mr_err why = MR_ERR_INIT;

    if (to->producer == NULL ||
        mr_kafka_producer_flush(to->producer, to->opts->timeout_ms, &why) == 0)
        return 0;
    return fail(to, &why, err);
}

int mr_letter_topic_try(const struct mr_letter_topic_opts *opts, bool ask, struct mr_err *err)
{
    struct mr_kafka_producer *producer = NULL;
    int rc = open_producer(opts, &producer, err);

    if (rc == 0 && ask)
        rc = mr_kafka_producer_topic(producer, opts->topic, true, opts->timeout_ms, err);
    mr_kafka_producer_close(producer);
    return rc;
}
