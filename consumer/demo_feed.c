/* Owns the pace of the demo's records. Must not know what they say. Invariant: a partition is never
 * further ahead of its position than MR_DEMO_AHEAD_BYTES and one record. */
#include "consumer/demo_feed.h"

#include <stdlib.h>

#include "consumer/kafka_producer.h"

#include "base/ban.h"

enum {
    RANK_FEED = 25,
    MARK_BYTES = 32 * 1024,
    N_MARKS = 64, /* more than MR_DEMO_AHEAD_BYTES / MARK_BYTES */
    WAIT_MS = 5,
    FLUSH_MS = 30000,
    REST_MS = 1000,
    QUEUE_BYTES = 4 * 1024 * 1024,
    RECORD_OVERHEAD = 80, /* what the broker keeps beside key and value, at most */
    MAX_SEND_TRIES = 6000
};

/* All bytes below `offset` are `bytes`: how much a position means. */
struct mark {
    int64_t offset;
    uint64_t bytes;
};

struct part { /* thread: feed, or anyone while it rests */
    const char *topic;
    int32_t partition;
    int64_t next; /* the offset of the next record: the topic is new, and nobody else writes */
    uint64_t sent_bytes;
    uint64_t loaded_bytes;
    struct mark marks[N_MARKS];
    size_t first, n_marks;
};

enum feed_state { FEED_SENDING, FEED_RESTING, FEED_FAILED };

struct mr_demo_feed {
    struct mr_demo_generator *gen;
    struct mr_kafka_producer *producer;
    struct mr_partitions *partitions;
    struct part parts[MR_DEMO_N_TABLES][MR_DEMO_MAX_PARTITIONS];
    pthread_t thread;
    bool started;
    _Atomic bool stop;
    _Atomic uint64_t n_sent;
    _Atomic uint64_t n_broken;
    struct mr_lock lock; /* rank 25 */
    struct mr_cond changed;
    enum feed_state state MR_GUARDED_BY(lock);
    uint64_t target MR_GUARDED_BY(lock); /* where it rests */
    uint32_t rate MR_GUARDED_BY(lock);   /* 0: as fast as it may */
    struct mr_err failure MR_GUARDED_BY(lock);
};

/* ---- pace ---- */

static int64_t position_of(const struct mr_demo_feed *feed, const struct part *part)
{
    struct mr_partition *known = mr_partitions_find(feed->partitions, part->topic, part->partition);
    int64_t next = known != NULL ? atomic_load(&known->committed_next) : -1;

    return next > 0 ? next : 0;
}

static uint64_t ahead(const struct mr_demo_feed *feed, struct part *part)
{
    int64_t position = position_of(feed, part);

    while (part->n_marks > 0 && part->marks[part->first].offset <= position) {
        part->loaded_bytes = part->marks[part->first].bytes;
        part->first = (part->first + 1) % N_MARKS;
        part->n_marks--;
    }
    return part->sent_bytes - part->loaded_bytes;
}

static void note_sent(struct part *part, size_t n_bytes)
{
    size_t last = (part->first + part->n_marks + N_MARKS - 1) % N_MARKS;
    uint64_t marked = part->n_marks > 0 ? part->marks[last].bytes : part->loaded_bytes;

    part->next++;
    part->sent_bytes += n_bytes + RECORD_OVERHEAD;
    if (part->n_marks < N_MARKS && part->sent_bytes - marked >= MARK_BYTES)
        part->marks[(part->first + part->n_marks++) % N_MARKS] =
            (struct mark){part->next, part->sent_bytes};
}

/* ---- the thread ---- */

static int send(struct mr_demo_feed *feed, const struct mr_demo_record *record, struct mr_err *err)
{
    struct part *part = &feed->parts[record->table][record->partition];
    struct mr_kafka_send send = {.topic = part->topic,
                                 .partition = part->partition,
                                 .key = record->key,
                                 .value = record->value};

    while (ahead(feed, part) > MR_DEMO_AHEAD_BYTES && !atomic_load(&feed->stop))
        mr_kafka_producer_serve(feed->producer, WAIT_MS);
    int rc = mr_kafka_producer_send(feed->producer, &send, err);
    for (int i = 0; rc == -MR_FULL && i < MAX_SEND_TRIES && !atomic_load(&feed->stop); i++) {
        mr_kafka_producer_serve(feed->producer, WAIT_MS);
        rc = mr_kafka_producer_send(feed->producer, &send, err);
    }
    if (rc < 0)
        return rc;
    note_sent(part, record->key.len + record->value.len);
    atomic_fetch_add(&feed->n_broken, record->broken ? 1 : 0);
    atomic_fetch_add(&feed->n_sent, 1);
    return 0;
}

/* Sends up to `n` records. */
static int send_some(struct mr_demo_feed *feed, uint64_t n, struct mr_err *err)
{
    int rc = 0;

    for (uint64_t i = 0; rc == 0 && i < n && !atomic_load(&feed->stop); i++) {
        struct mr_demo_record record;
        rc = mr_demo_generator_next(feed->gen, &record, err);
        if (rc == 0)
            rc = send(feed, &record, err);
    }
    return rc;
}

static void fail(struct mr_demo_feed *feed, const struct mr_err *err)
{
    mr_lock_take(&feed->lock);
    feed->state = FEED_FAILED;
    feed->failure = *err;
    mr_lock_drop(&feed->lock);
}

/* How many records come next: 0 after a rest, or a pause for the rate. */
static uint64_t portion(struct mr_demo_feed *feed)
{
    uint64_t n_sent = atomic_load(&feed->n_sent);
    uint64_t n = 0;

    mr_lock_take(&feed->lock);
    if (n_sent >= feed->target) {
        feed->state = FEED_RESTING;
        (void)mr_cond_wait(&feed->changed, &feed->lock, REST_MS);
    } else if (feed->rate > 0) {
        (void)mr_cond_wait(&feed->changed, &feed->lock, 1000 / MR_DEMO_STEPS_A_SECOND);
        n = feed->rate / MR_DEMO_STEPS_A_SECOND;
    } else {
        n = feed->target - n_sent < 256 ? feed->target - n_sent : 256;
    }
    mr_lock_drop(&feed->lock);
    return n;
}

static bool at_rest(struct mr_demo_feed *feed)
{
    mr_lock_take(&feed->lock);
    bool due = atomic_load(&feed->n_sent) >= feed->target && feed->state == FEED_SENDING;
    mr_lock_drop(&feed->lock);
    return due;
}

static void *feed_run(void *arg)
{
    struct mr_demo_feed *feed = arg;
    struct mr_err err = MR_ERR_INIT;

    while (!atomic_load(&feed->stop)) {
        int rc = 0;
        if (at_rest(feed)) /* nothing may be under way at rest */
            rc = mr_kafka_producer_flush(feed->producer, FLUSH_MS, &err);
        if (rc == 0)
            rc = send_some(feed, portion(feed), &err);
        if (rc < 0 && !atomic_load(&feed->stop)) {
            fail(feed, &err);
            break;
        }
    }
    return NULL;
}

/* ---- outside ---- */

static int producer_open(struct mr_demo_feed *feed, const char *bootstrap, struct mr_err *err)
{
    /* One request at a time: offsets are then the order of sending, whatever is repeated. */
    const struct mr_source_property properties[] = {
        {"bootstrap.servers", bootstrap},
        {"max.in.flight.requests.per.connection", "1"},
        {"linger.ms", "20"},
        {"log_level", "3"},
    };
    const struct mr_kafka_producer_opts opts = {
        .properties = properties,
        .n_properties = sizeof properties / sizeof properties[0],
        .client_id = "demo-feed",
        .queue_bytes = QUEUE_BYTES,
    };

    return mr_kafka_producer_open(&opts, &feed->producer, err);
}

int mr_demo_feed_open(const struct mr_demo_feed_opts *opts, struct mr_demo_feed **out,
                      struct mr_err *err)
{
    struct mr_demo_feed *feed = calloc(1, sizeof *feed);
    const struct mr_demo_generator_opts gen = {.n_records = opts->n_records, .seed = opts->seed};

    if (feed == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "the demo's feed");
    mr_lock_init(&feed->lock, RANK_FEED);
    mr_cond_init(&feed->changed);
    mr_lock_take(&feed->lock);
    feed->target = opts->n_records;
    mr_lock_drop(&feed->lock);
    for (size_t t = 0; t < MR_DEMO_N_TABLES; t++) {
        for (int32_t p = 0; p < mr_demo_tables[t].n_partitions; p++)
            feed->parts[t][p] = (struct part){.topic = mr_demo_tables[t].topic, .partition = p};
    }
    int rc = mr_demo_generator_new(&gen, &feed->gen, err);
    if (rc == 0)
        rc = producer_open(feed, opts->bootstrap, err);
    if (rc < 0)
        mr_demo_feed_close(feed);
    else
        *out = feed;
    return rc;
}

int mr_demo_feed_start(struct mr_demo_feed *feed, struct mr_partitions *partitions,
                       struct mr_err *err)
{
    feed->partitions = partitions;
    int rc = mr_thread_start(&feed->thread, "demo-feed", feed_run, feed);
    feed->started = rc == 0;
    return rc < 0 ? mr_err_set(err, MR_NO_MEMORY, "the demo's thread") : 0;
}

void mr_demo_feed_continue(struct mr_demo_feed *feed, uint32_t rate)
{
    mr_lock_take(&feed->lock);
    feed->target = UINT64_MAX;
    feed->rate = rate;
    if (feed->state == FEED_RESTING)
        feed->state = FEED_SENDING;
    mr_cond_wake_all(&feed->changed);
    mr_lock_drop(&feed->lock);
}

void mr_demo_feed_close(struct mr_demo_feed *feed)
{
    if (feed == NULL)
        return;
    atomic_store(&feed->stop, true);
    mr_lock_take(&feed->lock);
    mr_cond_wake_all(&feed->changed);
    mr_lock_drop(&feed->lock);
    if (feed->started)
        (void)pthread_join(feed->thread, NULL);
    mr_kafka_producer_close(feed->producer);
    mr_demo_generator_free(feed->gen);
    mr_cond_release(&feed->changed);
    mr_lock_release(&feed->lock);
    free(feed);
}

uint64_t mr_demo_feed_sent(const struct mr_demo_feed *feed)
{
    return atomic_load(&feed->n_sent);
}

uint64_t mr_demo_feed_broken(const struct mr_demo_feed *feed)
{
    return atomic_load(&feed->n_broken);
}

bool mr_demo_feed_failed(struct mr_demo_feed *feed, struct mr_err *out)
{
    mr_lock_take(&feed->lock);
    bool failed = feed->state == FEED_FAILED;
    if (failed)
        *out = feed->failure;
    mr_lock_drop(&feed->lock);
    return failed;
}

bool mr_demo_feed_is_loaded(struct mr_demo_feed *feed)
{
    mr_lock_take(&feed->lock);
    bool loaded = feed->state == FEED_RESTING;
    mr_lock_drop(&feed->lock);
    for (uint16_t t = 0; loaded && t < MR_DEMO_N_TABLES; t++) {
        for (uint16_t p = 0; loaded && p < mr_demo_tables[t].n_partitions; p++)
            loaded = position_of(feed, &feed->parts[t][p]) == feed->parts[t][p].next;
    }
    return loaded;
}

struct mr_demo_model *mr_demo_feed_model(struct mr_demo_feed *feed)
{
    return mr_demo_generator_model(feed->gen);
}
