/* Owns the way of dead letters to a topic. Which records are letters, fill and flush decide; their
 * form is letter_wire.c's. */
#include "consumer/letter_topic.h"

#include <stdlib.h>

#include "consumer/letter_headers.h"
#include "consumer/letter_wire.h"

#include "base/ban.h"

enum { FULL_WAIT_MS = 100, FULL_WAITS = 50 };

void mr_letter_topic_init(struct mr_letter_topic *to, const struct mr_letter_topic_opts *opts,
                          uint32_t task)
{
    *to = (struct mr_letter_topic){.opts = opts, .task = task};
}

static void client_drop(struct mr_letter_topic *to)
{
    mr_kafka_producer_close(to->producer);
    to->producer = NULL;
}

void mr_letter_topic_release(struct mr_letter_topic *to)
{
    client_drop(to);
    free(to->sent);
    free(to->refused);
    to->sent = NULL;
    to->refused = NULL;
    to->cap_sent = 0;
    to->n_refused = 0;
}

/* Whatever it is, the flush is tried again: no letter may be left out. */
static int fail(struct mr_letter_topic *to, const struct mr_err *why, struct mr_err *err)
{
    char code[64];

    client_drop(to); /* what is on its way still would come twice */
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

/* No letter goes by its age while nobody closed it; one that was closed goes by compaction, and at
 * once by `purge`, which only a policy with "delete" allows. */
static int topic_ask(struct mr_kafka_producer *producer, const struct mr_letter_topic_opts *opts,
                     bool only_try, struct mr_err *err)
{
    static const struct mr_source_property settings[] = {{"cleanup.policy", "compact,delete"},
                                                         {"retention.ms", "-1"}};
    const struct mr_kafka_topic topic = {.name = opts->topic,
                                         .settings = settings,
                                         .n_settings = sizeof settings / sizeof *settings};

    return mr_kafka_producer_topic(producer, &topic, only_try, opts->timeout_ms, err);
}

static int open_lazily(struct mr_letter_topic *to, struct mr_err *err)
{
    struct mr_err ignored = MR_ERR_INIT;

    if (to->producer != NULL)
        return 0;
    int rc = open_producer(to->opts, &to->producer, err);
    if (rc == 0) /* without the right to make it, it may be there all the same */
        (void)topic_ask(to->producer, to->opts, false, &ignored);
    return rc;
}

/* ---- sending ---- */

/* A letter on its way; the client tells `outcome`. */
struct mr_letter_sent {
    const struct mr_letter *letter;
    const char *stage;
    int outcome;
};

/* Waits for room in the client's queue. */
static int send(struct mr_letter_topic *to, const struct mr_kafka_send *one, struct mr_err *err)
{
    int rc = mr_kafka_producer_send(to->producer, one, err);

    for (int i = 0; rc == -MR_FULL && i < FULL_WAITS; i++) {
        mr_kafka_producer_serve(to->producer, FULL_WAIT_MS);
        mr_err_clear(err);
        rc = mr_kafka_producer_send(to->producer, one, err);
    }
    return rc;
}

/* One that the client itself finds too large has its outcome at once. */
static int letter_send(struct mr_letter_topic *to, struct mr_letter_sent *sent, struct mr_err *err)
{
    struct mr_wire_letter wire;
    const struct mr_wire_stamp stamp = {
        .pipeline = to->opts->pipeline, .stage = sent->stage, .task = to->task, .attempts = 1};

    mr_letter_wire_make(&wire, sent->letter, &stamp);
    sent->outcome = 0;
    const struct mr_kafka_send one = {.topic = to->opts->topic,
                                      .partition = -1,
                                      .key = mr_slice_str(wire.key),
                                      .value = wire.value,
                                      .headers = wire.headers,
                                      .n_headers = wire.n_headers,
                                      .like = sent->letter->message,
                                      .outcome = &sent->outcome};
    int rc = send(to, &one, err);
    if (rc != -MR_VALUE_TOO_LARGE)
        return rc;
    mr_err_clear(err);
    sent->outcome = MR_VALUE_TOO_LARGE;
    return 0;
}

static int flush(struct mr_letter_topic *to, struct mr_err *err)
{
    int rc = mr_kafka_producer_flush(to->producer, to->opts->timeout_ms, err);

    if (rc != -MR_VALUE_TOO_LARGE || mr_kafka_producer_outstanding(to->producer) == 0)
        return rc;
    return mr_err_set(err, MR_SOURCE_AWAY, "not all is acknowledged after %u ms",
                      to->opts->timeout_ms);
}

/* Brokers refuse for their size whole packs of records: each is tried alone before it counts. */
static int large_sort(struct mr_letter_topic *to, size_t n, struct mr_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct mr_letter_sent *sent = &to->sent[i];
        if (sent->outcome == 0)
            continue;
        if (sent->outcome != MR_VALUE_TOO_LARGE)
            return mr_err_set(err, (enum mr_code)sent->outcome, "a letter was not taken");
        rc = letter_send(to, sent, err);
        rc = rc == 0 ? flush(to, err) : rc;
        if (rc == 0 && sent->outcome == 0)
            continue;
        if ((rc == 0 || rc == -MR_VALUE_TOO_LARGE) && sent->outcome == MR_VALUE_TOO_LARGE) {
            mr_err_clear(err);
            rc = 0;
            to->refused[to->n_refused++] = *sent->letter;
        }
    }
    return rc;
}

static int room_make(struct mr_letter_topic *to, size_t n, struct mr_err *err)
{
    if (n <= to->cap_sent)
        return 0;
    free(to->sent);
    free(to->refused);
    to->sent = calloc(n, sizeof *to->sent);
    to->refused = calloc(n, sizeof *to->refused);
    to->cap_sent = to->sent != NULL && to->refused != NULL ? n : 0;
    return to->cap_sent > 0 ? 0 : mr_err_set(err, MR_NO_MEMORY, "dead letters");
}

static int lots_send(struct mr_letter_topic *to, const struct mr_letter_lot *lots, size_t n_lots,
                     size_t *n_sent, struct mr_err *err)
{
    int rc = 0;

    *n_sent = 0;
    for (size_t k = 0; rc == 0 && k < n_lots; k++)
        for (size_t i = 0; rc == 0 && i < lots[k].n; i++) {
            struct mr_letter_sent *sent = &to->sent[(*n_sent)++];
            sent->letter = &lots[k].letters[i];
            sent->stage = lots[k].stage;
            rc = letter_send(to, sent, err);
        }
    return rc;
}

int mr_letter_topic_write(struct mr_letter_topic *to, const struct mr_letter_lot *lots,
                          size_t n_lots, struct mr_err *err)
{
    struct mr_err why = MR_ERR_INIT;
    size_t n = 0;

    to->n_refused = 0;
    for (size_t k = 0; k < n_lots; k++)
        n += lots[k].n;
    if (n == 0)
        return 0;
    int rc = room_make(to, n, &why);
    if (rc == 0)
        rc = open_lazily(to, &why);
    if (rc == 0)
        rc = lots_send(to, lots, n_lots, &n, &why);
    if (rc == 0)
        rc = flush(to, &why);
    if (rc == 0 || rc == -MR_VALUE_TOO_LARGE) {
        mr_err_clear(&why);
        rc = large_sort(to, n, &why);
    }
    return rc < 0 ? fail(to, &why, err) : 0;
}

/* ---- letters that are there ---- */

static int closed_send(struct mr_letter_topic *to, const struct mr_letter_end *end,
                       struct mr_err *err)
{
    struct mr_kafka_header headers[MR_WIRE_END_HEADERS];
    char key[MR_LETTER_KEY_BYTES];

    mr_letter_wire_key(to->opts->pipeline, end->id, key);
    const struct mr_kafka_send one = {.topic = to->opts->topic,
                                      .partition = end->partition,
                                      .key = mr_slice_str(key),
                                      .headers = headers,
                                      .n_headers =
                                          mr_letter_wire_end(headers, end->state, end->by)};
    return send(to, &one, err);
}

/* The record's own headers come back from their JSON: the letter is none of a client's. */
static int again_send(struct mr_letter_topic *to, const struct mr_letter_end *end,
                      struct mr_err *err)
{
    const struct mr_wire_stamp stamp = {.pipeline = to->opts->pipeline,
                                        .stage = "TASK_PUT",
                                        .task = to->task,
                                        .attempts = end->attempts,
                                        .created_ms = end->created_ms};
    struct mr_letter_headers own = {.items = NULL};
    struct mr_wire_letter wire;
    struct mr_arena arena;
    char key[MR_LETTER_KEY_BYTES];

    mr_arena_init(&arena, 0, SIZE_MAX);
    int rc = mr_letter_headers_parse(end->again->headers_json, &arena, &own, err);
    mr_letter_wire_make(&wire, end->again, &stamp);
    mr_letter_wire_key(to->opts->pipeline, end->id, key);
    size_t n = own.n + wire.n_headers;
    struct mr_kafka_header *headers = mr_arena_alloc(&arena, n * sizeof *headers);
    if (rc == 0 && headers == NULL)
        rc = mr_err_set(err, MR_NO_MEMORY, "a dead letter");
    for (size_t i = 0; rc == 0 && i < n; i++)
        headers[i] = i < own.n ? (struct mr_kafka_header){own.items[i].name, own.items[i].value}
                               : wire.headers[i - own.n];
    const struct mr_kafka_send one = {.topic = to->opts->topic,
                                      .partition = end->partition,
                                      .key = mr_slice_str(key),
                                      .value = wire.value,
                                      .headers = headers,
                                      .n_headers = n};
    rc = rc == 0 ? send(to, &one, err) : rc;
    mr_arena_release(&arena);
    return rc;
}

int mr_letter_topic_end(struct mr_letter_topic *to, const struct mr_letter_end *ends, size_t n,
                        struct mr_err *err)
{
    struct mr_err why = MR_ERR_INIT;
    int rc = n > 0 ? open_lazily(to, &why) : 0;

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = ends[i].state == MR_LETTER_NEW ? again_send(to, &ends[i], &why)
                                            : closed_send(to, &ends[i], &why);
    if (rc == 0 && n > 0)
        rc = mr_kafka_producer_flush(to->producer, to->opts->timeout_ms, &why);
    return rc < 0 ? fail(to, &why, err) : 0;
}

/* ---- for who asks before ---- */

int mr_letter_topic_try(const struct mr_letter_topic_opts *opts, bool ask, struct mr_err *err)
{
    struct mr_kafka_producer *producer = NULL;
    int rc = open_producer(opts, &producer, err);

    if (rc == 0 && ask)
        rc = topic_ask(producer, opts, true, err);
    mr_kafka_producer_close(producer);
    return rc;
}
