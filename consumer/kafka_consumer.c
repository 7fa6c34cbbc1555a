/* Owns the consumer client: its events, mirror commits, and its life but for its end. It pulls
 * events instead of taking callbacks, so a rebalance is answered by poll when the lanes are ready,
 * not inside the client. Source: librdkafka's rdkafka.h, rd_kafka_queue_poll(), "Queue API" and
 * "Event interface". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "base/fault.h"
#include "base/log.h"
#include "consumer/kafka_err.h"
#include "consumer/kafka_source.h"

#include "base/ban.h"

/* ---- events ---- */

static int parts_copy(const rd_kafka_topic_partition_list_t *list, struct mr_source_event *event)
{
    size_t n = list != NULL ? (size_t)list->cnt : 0;

    event->parts = calloc(n + 1, sizeof *event->parts);
    if (event->parts == NULL)
        return mr_err_set(&event->err, MR_NO_MEMORY, "no memory for a rebalance");
    event->n_parts = n;
    for (size_t i = 0; i < n; i++) {
        struct mr_source_part *part = &event->parts[i];
        snprintf(part->stream, sizeof part->stream, "%s", list->elems[i].topic);
        part->partition = list->elems[i].partition;
        part->offset = -1;
        part->leader_epoch = -1;
    }
    return 0;
}

static void rebalance_read(struct mr_kafka *kafka, rd_kafka_event_t *from,
                           struct mr_source_event *event)
{
    bool gives = rd_kafka_event_error(from) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;

    if (parts_copy(rd_kafka_event_topic_partition_list(from), event) < 0) {
        event->kind = MR_SOURCE_FAULT; /* the group waits for an answer that cannot be given */
        event->err.class = MR_CLASS_FATAL;
        return;
    }
    if (gives)
        event->kind = MR_SOURCE_ASSIGNED;
    else
        event->kind = rd_kafka_assignment_lost(kafka->rk) ? MR_SOURCE_LOST : MR_SOURCE_REVOKED;
}

static void error_read(struct mr_kafka *kafka, rd_kafka_event_t *from,
                       struct mr_source_event *event)
{
    char text[512] = "";
    int code = (int)rd_kafka_event_error(from);
    const char *what = rd_kafka_event_error_string(from);

    event->kind = MR_SOURCE_FAULT;
    if (rd_kafka_event_error_is_fatal(from)) {
        code = (int)rd_kafka_fatal_error(kafka->rk, text, sizeof text);
        if (mr_code_class((int)mr_kafka_err_code(code)) != MR_CLASS_FATAL)
            code = RD_KAFKA_RESP_ERR__FATAL;
        what = text;
    }
    mr_kafka_err_set(&event->err, code, "the Kafka client", what);
    rd_kafka_topic_partition_t *at = rd_kafka_event_topic_partition(from);
    if (at != NULL) {
        mr_err_at(&event->err, at->topic, at->partition, -1);
        rd_kafka_topic_partition_destroy(at);
    }
}

static void log_forward(rd_kafka_event_t *from)
{
    static const enum mr_log_level levels[] = {MR_ERROR, MR_ERROR, MR_ERROR, MR_ERROR,
                                               MR_WARN,  MR_INFO,  MR_INFO,  MR_DEBUG};
    const char *facility = "";
    const char *text = "";
    int level = 0;

    if (rd_kafka_event_log(from, &facility, &text, &level) != 0)
        return;
    if (level < 0 || level > 7)
        level = 7;
    mr_log(levels[level], "kafka_log", mr_kv_str("facility", facility), mr_kv_str("detail", text));
}

static void stats_keep(struct mr_kafka *kafka, rd_kafka_event_t *from)
{
    const char *text = rd_kafka_event_stats(from);

    mr_lock_take(&kafka->stats_lock);
    mr_buf_reset(&kafka->stats);
    mr_buf_str(&kafka->stats, text != NULL ? text : "");
    mr_lock_drop(&kafka->stats_lock);
}

/* K-11: the position is in the target, Kafka's commit is for lag tools. */
static void commit_note(struct mr_kafka *kafka, int code)
{
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return;
    kafka->n_commits_failed++;
    mr_log(MR_INFO, "mirror_commit_failed",
           mr_kv_str("detail", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
           mr_kv_u64("failures", kafka->n_commits_failed));
}

bool mr_kafka_event_take(struct mr_kafka *kafka, rd_kafka_event_t *from,
                         struct mr_source_event *event)
{
    switch (rd_kafka_event_type(from)) {
    case RD_KAFKA_EVENT_REBALANCE:
        rebalance_read(kafka, from, event);
        return true;
    case RD_KAFKA_EVENT_ERROR:
        error_read(kafka, from, event);
        return true;
    case RD_KAFKA_EVENT_LOG:
        log_forward(from);
        return false;
    case RD_KAFKA_EVENT_STATS:
        stats_keep(kafka, from);
        return false;
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
        commit_note(kafka, (int)rd_kafka_event_error(from));
        return false;
    case RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT:
        mr_kafka_identity_answer(kafka, from);
        return false;
    default:
        return false;
    }
}

static void kafka_poll(struct mr_source *source, uint32_t timeout_ms, struct mr_source_event *event)
{
    struct mr_kafka *kafka = mr_kafka_of(source);
    uint64_t now_ms = mr_mono_ms(&kafka->opts.env);
    uint64_t end_ms = now_ms + timeout_ms;
    bool taken = false;

    *event = (struct mr_source_event){.kind = MR_SOURCE_NOTHING, .err = MR_ERR_INIT};
    if (MR_FAULT(KAFKA_FATAL))
        (void)rd_kafka_test_fatal_error(kafka->rk, RD_KAFKA_RESP_ERR_UNKNOWN, "injected");
    if (kafka->broken) {
        kafka->broken = false;
        event->kind = MR_SOURCE_FAULT;
        event->err = kafka->failure;
        return;
    }
    mr_kafka_identity_ask(kafka);
    while (!taken) {
        /* a wake-up that came while nobody waited: serve what is there, do not wait */
        bool woken = atomic_exchange(&kafka->woken, false);
        uint64_t left_ms = woken || end_ms < now_ms ? 0 : end_ms - now_ms;
        rd_kafka_event_t *from = rd_kafka_queue_poll(kafka->events, (int)left_ms);
        if (from == NULL)
            break;
        taken = mr_kafka_event_take(kafka, from, event);
        rd_kafka_event_destroy(from);
        now_ms = mr_mono_ms(&kafka->opts.env);
        if (woken)
            end_ms = now_ms;
    }
}

static void wake_poll(struct mr_source *source)
{
    struct mr_kafka *kafka = mr_kafka_of(source);

    atomic_store(&kafka->woken, true);
    rd_kafka_queue_yield(kafka->events);
}

/* A question that the client's main thread answers by itself, and at once. */
static void wake_client(struct mr_source *source)
{
    struct mr_kafka *kafka = mr_kafka_of(source);

    rd_kafka_mem_free(kafka->rk, rd_kafka_memberid(kafka->rk));
}

static void wake_lane(struct mr_source *source, uint32_t lane)
{
    rd_kafka_queue_yield(mr_kafka_of(source)->lanes[lane].queue);
}

/* ---- mirror commits ---- */

static rd_kafka_topic_partition_list_t *commit_list(const struct mr_source_part *parts, size_t n,
                                                    const char *metadata)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    size_t len = metadata != NULL ? strlen(metadata) : 0;

    for (size_t i = 0; i < n; i++) {
        rd_kafka_topic_partition_t *elem =
            rd_kafka_topic_partition_list_add(list, parts[i].stream, parts[i].partition);
        elem->offset = parts[i].offset;
        rd_kafka_topic_partition_set_leader_epoch(elem, parts[i].leader_epoch);
        if (len == 0)
            continue;
        elem->metadata = strdup(metadata); /* the list frees it */
        elem->metadata_size = elem->metadata != NULL ? len : 0;
    }
    return list;
}

/* `answers` gets the result as an event. False: it was not even asked. */
static bool commit_send(struct mr_kafka *kafka, const struct mr_source_part *parts, size_t n,
                        const char *metadata, rd_kafka_queue_t *answers)
{
    int code = RD_KAFKA_RESP_ERR__FAIL;

    if (n == 0)
        return false;
    if (!MR_FAULT(KAFKA_COMMIT)) {
        rd_kafka_topic_partition_list_t *list = commit_list(parts, n, metadata);
        code = (int)rd_kafka_commit_queue(kafka->rk, list, answers, NULL, NULL);
        rd_kafka_topic_partition_list_destroy(list);
    }
    commit_note(kafka, code);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void commit(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                   const char *metadata)
{
    struct mr_kafka *kafka = mr_kafka_of(source);

    commit_send(kafka, parts, n, metadata, kafka->events);
}

static void commit_wait(struct mr_source *source, const struct mr_source_part *parts, size_t n,
                        const char *metadata, uint32_t timeout_ms)
{
    struct mr_kafka *kafka = mr_kafka_of(source);
    rd_kafka_queue_t *answers = rd_kafka_queue_new(kafka->rk);

    if (commit_send(kafka, parts, n, metadata, answers)) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(answers, (int)timeout_ms);
        if (event != NULL)
            commit_note(kafka, (int)rd_kafka_event_error(event));
        else
            commit_note(kafka, RD_KAFKA_RESP_ERR__TIMED_OUT);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(answers);
}

/* ---- life ---- */

static int lanes_open(struct mr_kafka *kafka, struct mr_err *err)
{
    uint32_t n = kafka->opts.n_lanes;

    kafka->lanes = calloc(n > 0 ? n : 1, sizeof *kafka->lanes);
    if (kafka->lanes == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for %u lanes", n);
    for (uint32_t i = 0; i < n; i++) {
        struct mr_kafka_lane *lane = &kafka->lanes[i];
        mr_lock_init(&lane->lock, 45);
        mr_cond_init(&lane->changed);
        lane->queue = rd_kafka_queue_new(kafka->rk);
        lane->messages = calloc(MR_KAFKA_READ_MOST, sizeof(*lane->messages));
        if (lane->messages == NULL)
            return mr_err_set(err, MR_NO_MEMORY, "no memory for lane %u", i);
    }
    return 0;
}

static void lanes_close(struct mr_kafka *kafka)
{
    for (uint32_t i = 0; kafka->lanes != NULL && i < kafka->opts.n_lanes; i++) {
        struct mr_kafka_lane *lane = &kafka->lanes[i];
        if (lane->queue == NULL)
            continue;
        rd_kafka_queue_destroy(lane->queue);
        free(lane->messages);
        mr_cond_release(&lane->changed);
        mr_lock_release(&lane->lock);
    }
    free(kafka->lanes);
}

void mr_kafka_free(struct mr_kafka *kafka)
{
    if (kafka->events != NULL)
        rd_kafka_queue_destroy(kafka->events);
    lanes_close(kafka);
    if (kafka->rk != NULL)
        rd_kafka_destroy_flags(kafka->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    mr_kafka_parts_release(kafka);
    mr_kafka_facts_release(kafka);
    mr_buf_release(&kafka->stats);
    mr_lock_release(&kafka->lock);
    mr_lock_release(&kafka->stats_lock);
    mr_lock_release(&kafka->facts_lock);
    free(kafka);
}

static int subscribe(struct mr_kafka *kafka, struct mr_err *err)
{
    const struct mr_source_opts *opts = &kafka->opts;

    if (opts->n_topics == 0)
        return 0; /* only asks for facts: no member of the group */
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)opts->n_topics);
    for (size_t i = 0; i < opts->n_topics; i++)
        rd_kafka_topic_partition_list_add(list, opts->topics[i], RD_KAFKA_PARTITION_UA);
    int code = (int)rd_kafka_subscribe(kafka->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR__INVALID_ARG)
        return mr_err_set(err, MR_CONFIG_INVALID,
                          "the Kafka client refuses the list of topics: a name twice, or a regular "
                          "expression that does not parse");
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : mr_kafka_err_set(err, code, "subscribe", NULL);
}

static int kafka_open(const struct mr_source_opts *opts, struct mr_source **out,
                      struct mr_err *err) MR_NO_TSA
{
    struct mr_env env = opts->env;
    struct mr_kafka *kafka = calloc(1, sizeof *kafka);

    if (kafka == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for the source");
    kafka->base.ops = &mr_source_kafka;
    kafka->opts = *opts;
    mr_lock_init(&kafka->lock, 46);
    mr_lock_init(&kafka->facts_lock, 47);
    mr_lock_init(&kafka->stats_lock, 72);
    mr_map_init(&kafka->by_key, mr_rng_u64(&env.rng));
    int rc = mr_kafka_client_new(opts, kafka, &kafka->rk, &kafka->session_timeout_ms, err);
    if (rc < 0)
        goto out;
    /* the main queue's events (errors, logs, statistics) come by the consumer's queue too */
    rd_kafka_poll_set_consumer(kafka->rk);
    kafka->events = rd_kafka_queue_get_consumer(kafka->rk);
    rd_kafka_set_log_queue(kafka->rk, NULL);
    rc = lanes_open(kafka, err);
    if (rc == 0)
        rc = subscribe(kafka, err);
out:
    if (rc < 0) {
        mr_kafka_free(kafka);
        return rc;
    }
    *out = &kafka->base;
    return 0;
}

/* ---- the rest of the table ---- */

static uint32_t session_timeout_ms(const struct mr_source *source)
{
    return ((const struct mr_kafka *)source)->session_timeout_ms;
}

static void stats_json(struct mr_source *source, struct mr_buf *out)
{
    struct mr_kafka *kafka = mr_kafka_of(source);

    mr_lock_take(&kafka->stats_lock);
    mr_buf_add(out, kafka->stats.data, kafka->stats.len);
    mr_lock_drop(&kafka->stats_lock);
}

static const char *client_version(void)
{
    return rd_kafka_version_str();
}

const struct mr_source_ops mr_source_kafka = {
    .name = "kafka",
    .open = kafka_open,
    .close = mr_kafka_close,
    .poll = kafka_poll,
    .wake_poll = wake_poll,
    .wake_client = wake_client,
    .wake_lane = wake_lane,
    .assign = mr_kafka_assign,
    .unassign = mr_kafka_unassign,
    .hold = mr_kafka_hold,
    .release = mr_kafka_release,
    .commit = commit,
    .commit_wait = commit_wait,
    .read = mr_kafka_read,
    .release_record = mr_kafka_release_record,
    .headers_json = mr_kafka_headers_json,
    .facts = mr_kafka_facts,
    .answers = mr_kafka_answers,
    .n_partitions = mr_kafka_n_partitions,
    .known_end = mr_kafka_known_end,
    .session_timeout_ms = session_timeout_ms,
    .stats_json = stats_json,
    .client_version = client_version,
};
