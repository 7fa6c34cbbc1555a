/* The Kafka source against a mock cluster in this process. One thread plays poll and fill by turns,
 * so each step's effect is seen alone; source_stress_test.c has the threads. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/lock.h"
#include "tests/support/kafka_reading.h"
#include "tests/support/mr_test.h"

enum { AWAIT_MS = 30000 };

static struct kafka_rig rig;
static struct kafka_member one, two;

MR_SETUP
{
    memset(&one, 0, sizeof one);
    memset(&two, 0, sizeof two);
}

MR_TEARDOWN
{
#if defined(MR_FAULTS) && MR_FAULTS
    mr_fault_disarm_all();
#endif
    kafka_member_close(&two);
    kafka_member_close(&one);
    kafka_rig_close(&rig);
}

static void join(struct kafka_member *member, const char *topic, uint32_t n_lanes)
{
    struct mr_source_event event;

    kafka_member_open(member, &rig, topic, n_lanes);
    do {
        kafka_member_await(member, MR_SOURCE_ASSIGNED, &event);
        kafka_member_assign(member, &event);
        size_t n = event.n_parts;
        mr_source_event_release(&event);
        if (n > 0)
            break;
    } while (true);
}

/* ---- tests ---- */

/* F-16 */
MR_TEST("every record is read once and in order, up to the end of each partition")
{
    struct kafka_seen seen[RIG_MAX_PARTITIONS];

    kafka_rig_open(&rig, "orders", 4);
    for (int32_t p = 0; p < 4; p++)
        kafka_rig_produce(&rig, p, 3000 + p);
    join(&one, "orders", 2);
    kafka_seen_init(seen, 0);
    for (int32_t p = 0; p < 4; p++)
        kafka_member_release(&one, "orders", p, 0);
    for (int32_t p = 0; p < 4; p++)
        kafka_read_to(&one, p, 3000 + p, seen);
    for (int32_t p = 0; p < 4; p++) {
        MR_CHECK_INT(seen[p].n_data, 3000 + p);
        MR_CHECK_INT(seen[p].end, 3000 + p);
        MR_CHECK_INT(seen[p].n_errors, 0);
    }
}

/* K-14 */
MR_TEST("an assigned partition is silent until it is released")
{
    struct kafka_seen seen[RIG_MAX_PARTITIONS];

    kafka_rig_open(&rig, "orders", 1);
    kafka_rig_produce(&rig, 0, 100);
    join(&one, "orders", 1);
    kafka_seen_init(seen, 0);
    kafka_read_quiet(&one, 0, 1200, seen);
    MR_CHECK_INT(seen[0].n_data, 0);
    MR_CHECK_INT(seen[0].end, -1);
    kafka_member_release(&one, "orders", 0, 0);
    kafka_read_to(&one, 0, 100, seen);
    MR_CHECK_INT(seen[0].n_errors, 0);
}

MR_TEST("a held partition is silent while another one of its lane flows")
{
    struct kafka_seen seen[RIG_MAX_PARTITIONS];
    struct mr_err err = MR_ERR_INIT;

    kafka_rig_open(&rig, "orders", 2);
    kafka_rig_produce(&rig, 0, 100);
    kafka_rig_produce(&rig, 1, 100);
    join(&one, "orders", 1);
    kafka_seen_init(seen, 0);
    kafka_member_release(&one, "orders", 0, 0);
    kafka_member_release(&one, "orders", 1, 0);
    kafka_read_to(&one, 0, 100, seen);
    kafka_read_to(&one, 1, 100, seen);
    struct mr_source_part part = kafka_part(&one, "orders", 0, 0);
    MR_CHECK_OK(one.source->ops->hold(one.source, &part, 1, &err));
    kafka_rig_produce(&rig, 0, 50);
    kafka_rig_produce(&rig, 1, 50);
    seen[1].end = -1;
    kafka_read_to(&one, 1, 150, seen);
    kafka_read_quiet(&one, 0, 300, seen);
    MR_CHECK_INT(seen[0].n_data, 100);
    kafka_member_release(&one, "orders", 0, 100);
    kafka_read_to(&one, 0, 150, seen);
}

MR_TEST("a release begins exactly at the sought offset, behind and ahead")
{
    static const int64_t to[] = {10, 999, 0, 500, 501, 3, 1000};
    struct kafka_seen seen[RIG_MAX_PARTITIONS];
    struct mr_err err = MR_ERR_INIT;

    kafka_rig_open(&rig, "orders", 1);
    kafka_rig_produce(&rig, 0, 1000);
    join(&one, "orders", 1);
    kafka_seen_init(seen, 700);
    kafka_member_release(&one, "orders", 0, 700);
    kafka_read_once(&one, 0, 1000, seen);
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        struct mr_source_part part = kafka_part(&one, "orders", 0, to[i]);
        MR_CHECK_OK(one.source->ops->hold(one.source, &part, 1, &err));
        kafka_seen_init(seen, to[i]);
        kafka_member_release(&one, "orders", 0, to[i]);
        if (i % 2 == 0)
            kafka_read_to(&one, 0, 1000, seen);
        else
            kafka_read_once(&one, 0, 1000, seen);
    }
}

/* K-05: what it means is found out by the claim */
MR_TEST("an offset beyond the log's end is reported as an error of that partition")
{
    struct kafka_seen seen[RIG_MAX_PARTITIONS];
    uint64_t end_ms;

    kafka_rig_open(&rig, "orders", 1);
    kafka_rig_produce(&rig, 0, 10);
    join(&one, "orders", 1);
    kafka_seen_init(seen, 0);
    end_ms = mr_mono_ms(&one.opts.env) + AWAIT_MS;
    kafka_member_release(&one, "orders", 0, 5000);
    while (seen[0].n_errors == 0 && mr_mono_ms(&one.opts.env) < end_ms)
        kafka_read_once(&one, 0, 50, seen);
    MR_CHECK(seen[0].n_errors > 0);
    MR_CHECK_INT(seen[0].n_data, 0);
    kafka_seen_init(seen, 4);
    kafka_member_release(&one, "orders", 0, 4);
    kafka_read_to(&one, 0, 10, seen);
}

/* K-12, K-14: the record that the client would step over is written between the rebalance's pause
 * and its resume */
MR_TEST("the record behind an end that was met survives the rebalance of other partitions")
{
    struct kafka_seen seen[RIG_MAX_PARTITIONS];
    struct mr_source_event event;

    kafka_rig_open(&rig, "orders", 4);
    for (int32_t p = 0; p < 4; p++)
        kafka_rig_produce(&rig, p, 20);
    join(&one, "orders", 1);
    kafka_seen_init(seen, 0);
    for (int32_t p = 0; p < 4; p++)
        kafka_member_release(&one, "orders", p, 0);
    for (int32_t p = 0; p < 4; p++)
        kafka_read_to(&one, p, 20, seen);
    kafka_member_open(&two, &rig, "orders", 1);
    /* a revoke that is not answered yet: all of the first member's partitions are paused */
    kafka_member_await(&one, MR_SOURCE_REVOKED, &event);
    for (int32_t p = 0; p < 4; p++)
        kafka_rig_produce(&rig, p, 10);
    struct mr_err err = MR_ERR_INIT;
    bool mine[RIG_MAX_PARTITIONS] = {true, true, true, true};
    for (size_t i = 0; i < event.n_parts; i++)
        mine[event.parts[i].partition] = false;
    MR_CHECK_OK(one.source->ops->unassign(one.source, event.parts, event.n_parts, &err));
    MR_CHECK(event.n_parts > 0 && event.n_parts < 4);
    mr_source_event_release(&event);
    kafka_member_await(&two, MR_SOURCE_ASSIGNED, &event);
    kafka_member_assign(&two, &event);
    mr_source_event_release(&event);
    for (int32_t p = 0; p < 4; p++)
        if (mine[p]) {
            seen[p].end = -1;
            uint64_t end_ms = mr_mono_ms(&one.opts.env) + AWAIT_MS;
            while (seen[p].next < 30 && mr_mono_ms(&one.opts.env) < end_ms) {
                kafka_read_once(&one, 0, 50, seen);
                one.source->ops->poll(one.source, 0, &event);
                if (event.kind == MR_SOURCE_ASSIGNED)
                    kafka_member_assign(&one, &event);
                mr_source_event_release(&event);
            }
            MR_CHECK_INT(seen[p].next, 30);
            MR_CHECK_INT(seen[p].n_errors, 0);
        }
}

MR_TEST("two members share the partitions, and each record is read by the one that has it")
{
    struct kafka_seen seen[RIG_MAX_PARTITIONS];
    struct mr_source_event event;
    bool has_two[RIG_MAX_PARTITIONS] = {false};
    struct mr_err err = MR_ERR_INIT;

    kafka_rig_open(&rig, "orders", 4);
    join(&one, "orders", 2);
    kafka_member_open(&two, &rig, "orders", 2);
    kafka_member_await(&one, MR_SOURCE_REVOKED, &event);
    MR_CHECK_U64(event.n_parts, 2);
    for (size_t i = 0; i < event.n_parts; i++)
        has_two[event.parts[i].partition] = true;
    MR_CHECK_OK(one.source->ops->unassign(one.source, event.parts, event.n_parts, &err));
    mr_source_event_release(&event);
    size_t n_two = 0;
    uint64_t end_ms = mr_mono_ms(&one.opts.env) + AWAIT_MS;
    while (n_two < 2 && mr_mono_ms(&one.opts.env) < end_ms) {
        two.source->ops->poll(two.source, 50, &event);
        if (event.kind == MR_SOURCE_ASSIGNED) {
            kafka_member_assign(&two, &event);
            n_two += event.n_parts;
        }
        mr_source_event_release(&event);
        one.source->ops->poll(one.source, 50, &event);
        if (event.kind == MR_SOURCE_ASSIGNED)
            kafka_member_assign(&one, &event);
        mr_source_event_release(&event);
    }
    MR_CHECK_U64(n_two, 2);
    kafka_seen_init(seen, 0);
    for (int32_t p = 0; p < 4; p++) {
        struct kafka_member *member = has_two[p] ? &two : &one;
        kafka_rig_produce(&rig, p, 200);
        kafka_member_release(member, "orders", p, 0);
        kafka_read_to(member, p, 200, seen);
    }
    kafka_member_close(&two);
    kafka_member_await(&one, MR_SOURCE_ASSIGNED, &event);
    MR_CHECK_U64(event.n_parts, 2);
    kafka_member_assign(&one, &event);
    mr_source_event_release(&event);
    for (int32_t p = 0; p < 4; p++) {
        kafka_rig_produce(&rig, p, 50);
        if (has_two[p])
            kafka_member_release(&one, "orders", p, 200);
        kafka_read_to(&one, p, 250, seen);
    }
}

/* G-02, K-11 */
MR_TEST("a commit and its metadata are read back as facts")
{
    struct mr_log_facts facts;
    struct mr_err err = MR_ERR_INIT;

    kafka_rig_open(&rig, "orders", 2);
    kafka_rig_produce(&rig, 1, 100);
    join(&one, "orders", 1);
    MR_CHECK_OK(one.source->ops->facts(one.source, "orders", 1, MR_START_COMMITTED, 0,
                                       "millrace:shop:t1", 5000, &facts, &err));
    MR_CHECK_INT(facts.low, 0);
    MR_CHECK_INT(facts.high, 100);
    MR_CHECK_INT(facts.n_partitions, 2);
    MR_CHECK_INT(facts.committed, -1);
    MR_CHECK(!facts.committed_is_ours);
    MR_CHECK(*facts.cluster_id != '\0');
    MR_CHECK(facts.stream_id != NULL);
    struct mr_source_part part = kafka_part(&one, "orders", 1, 42);
    one.source->ops->commit_wait(one.source, &part, 1, "millrace:shop:t1", 5000);
    MR_CHECK_OK(one.source->ops->facts(one.source, "orders", 1, MR_START_COMMITTED, 0,
                                       "millrace:shop:t1", 5000, &facts, &err));
    MR_CHECK_INT(facts.n_partitions, 2); /* as it was noted */
    MR_CHECK_INT(facts.committed, 42);
    MR_CHECK(facts.committed_is_ours);
    MR_CHECK_OK(one.source->ops->facts(one.source, "orders", 1, MR_START_COMMITTED, 0,
                                       "millrace:shop:t12", 5000, &facts, &err));
    MR_CHECK(!facts.committed_is_ours);
    part.offset = 43;
    one.source->ops->commit(one.source, &part, 1, "other");
    uint64_t end_ms = mr_mono_ms(&one.opts.env) + AWAIT_MS;
    do {
        kafka_poll_once(&one);
        MR_CHECK_OK(one.source->ops->facts(one.source, "orders", 1, MR_START_COMMITTED, 0,
                                           "millrace:shop:t1", 5000, &facts, &err));
    } while (facts.committed != 43 && mr_mono_ms(&one.opts.env) < end_ms);
    MR_CHECK_INT(facts.committed, 43);
    MR_CHECK(!facts.committed_is_ours);
}

#if defined(MR_FAULTS) && MR_FAULTS
/* K-11 */
MR_TEST("a mirror commit that fails changes nothing and stops nothing")
{
    struct mr_log_facts facts;
    struct mr_err err = MR_ERR_INIT;

    kafka_rig_open(&rig, "orders", 1);
    join(&one, "orders", 1);
    struct mr_source_part part = kafka_part(&one, "orders", 0, 7);
    mr_fault_arm(MR_FAULT_KAFKA_COMMIT, 0, 2);
    one.source->ops->commit(one.source, &part, 1, "m");
    one.source->ops->commit_wait(one.source, &part, 1, "m", 1000);
    MR_CHECK_OK(one.source->ops->facts(one.source, "orders", 0, MR_START_COMMITTED, 0, "m", 5000,
                                       &facts, &err));
    MR_CHECK_INT(facts.committed, -1);
    one.source->ops->commit_wait(one.source, &part, 1, "m", 5000);
    MR_CHECK_OK(one.source->ops->facts(one.source, "orders", 0, MR_START_COMMITTED, 0, "m", 5000,
                                       &facts, &err));
    MR_CHECK_INT(facts.committed, 7);
}
#endif

/* K-04 */
MR_TEST("facts of a topic that does not exist say so")
{
    struct mr_log_facts facts;
    struct mr_err err = MR_ERR_INIT;

    kafka_rig_open(&rig, "orders", 1);
    join(&one, "orders", 1);
    int rc = one.source->ops->facts(one.source, "orders", 9, MR_START_COMMITTED, 0, "m", 3000,
                                    &facts, &err);
    MR_CHECK_INT(rc, -MR_SOURCE_TOPIC_MISSING);
    MR_CHECK_INT(err.class, MR_CLASS_HALT);
}

/* K-01 */
MR_TEST("facts while the broker is down are an outage, within their time-out")
{
    struct mr_log_facts facts;
    struct mr_err err = MR_ERR_INIT;

    kafka_rig_open(&rig, "orders", 1);
    join(&one, "orders", 1);
    mr_demo_broker_set_up(rig.broker, 1, false);
    int rc = one.source->ops->facts(one.source, "orders", 0, MR_START_COMMITTED, 0, "m", 500,
                                    &facts, &err);
    mr_demo_broker_set_up(rig.broker, 1, true);
    MR_CHECK_INT(rc, -MR_SOURCE_AWAY);
}

/* The mock cluster names a controller that is none of its brokers. Topic ids are asked of it: they
 * stay unknown, and no time is spent on waiting for it. */
MR_TEST("facts of a cluster without a controller come at once, without a topic id")
{
    struct mr_log_facts facts;
    struct mr_err err = MR_ERR_INIT;

    kafka_rig_open(&rig, "orders", 3);
    kafka_rig_produce(&rig, 2, 7);
    join(&one, "orders", 1);
    uint64_t from_ms = mr_mono_ms(&one.opts.env);
    MR_CHECK_OK(one.source->ops->facts(one.source, "orders", 2, MR_START_COMMITTED, 0, "m",
                                       AWAIT_MS, &facts, &err));
    MR_CHECK(mr_mono_ms(&one.opts.env) - from_ms < AWAIT_MS / 2);
    MR_CHECK_STR(facts.stream_id, "");
    MR_CHECK_INT(facts.n_partitions, 3);
    MR_CHECK_INT(facts.high, 7);
}

MR_TEST("a regular expression subscribes to the topics that match it")
{
    struct mr_source_event event;

    kafka_rig_open(&rig, "shop.public.orders", 2);
    kafka_rig_topic(&rig, "shop.public.items", 1);
    kafka_rig_topic(&rig, "other", 3);
    kafka_member_open(&one, &rig, "^shop\\.public\\..*", 1);
    kafka_member_await(&one, MR_SOURCE_ASSIGNED, &event);
    MR_CHECK_U64(event.n_parts, 3);
    for (size_t i = 0; i < event.n_parts; i++)
        MR_CHECK(strncmp(event.parts[i].stream, "shop.public.", 12) == 0);
    kafka_member_assign(&one, &event);
    mr_source_event_release(&event);
}

/* K-04: poller.c takes an assignment, empty or not, as the sign that some topic matched */
MR_TEST("a regular expression that no topic matches is told as a missing topic, and joins no group")
{
    struct mr_source_event event;
    int n_assigned = 0;

    kafka_rig_open(&rig, "orders", 1);
    kafka_member_open(&one, &rig, "^(shop\\..*)$", 1);
    kafka_member_await(&one, MR_SOURCE_FAULT, &event);
    MR_CHECK_INT(event.err.code, MR_SOURCE_TOPIC_MISSING);
    MR_CHECK(strstr(event.err.detail, "^(shop\\..*)$") != NULL);
    mr_source_event_release(&event);
    uint64_t end_ms = mr_mono_ms(&one.opts.env) + 3000;
    while (mr_mono_ms(&one.opts.env) < end_ms) {
        one.source->ops->poll(one.source, 50, &event);
        n_assigned += event.kind == MR_SOURCE_ASSIGNED;
        mr_source_event_release(&event);
    }
    MR_CHECK_INT(n_assigned, 0);
}

/* ---- wake-ups ---- */

struct waiter {
    pthread_t thread;
    bool lane;
    _Atomic bool entered;
    uint64_t waited_ms;
};

static void *wait_main(void *arg)
{
    struct waiter *waiter = arg;
    struct mr_source_event event;
    struct mr_record record;
    uint64_t from_ms = mr_mono_ms(&one.opts.env);

    atomic_store(&waiter->entered, true);
    if (waiter->lane) {
        if (one.source->ops->read(one.source, 0, &record, 1, AWAIT_MS) > 0)
            one.source->ops->release_record(one.source, &record);
    } else {
        do {
            one.source->ops->poll(one.source, AWAIT_MS, &event);
            mr_source_event_release(&event);
        } while (event.kind != MR_SOURCE_NOTHING);
    }
    waiter->waited_ms = mr_mono_ms(&one.opts.env) - from_ms;
    return NULL;
}

static void wait_and_wake(bool lane)
{
    struct waiter waiter = {.lane = lane};

    kafka_rig_open(&rig, "orders", 1);
    join(&one, "orders", 1);
    MR_CHECK_OK(mr_thread_start(&waiter.thread, "waiter", wait_main, &waiter));
    while (!atomic_load(&waiter.entered))
        ;
    if (lane)
        one.source->ops->wake_lane(one.source, 0);
    else
        one.source->ops->wake_poll(one.source);
    pthread_join(waiter.thread, NULL);
    MR_CHECK(waiter.waited_ms < AWAIT_MS / 2);
}

MR_TEST("a lane's read returns when it is woken")
{
    wait_and_wake(true);
}

MR_TEST("poll returns when it is woken")
{
    wait_and_wake(false);
}

MR_TEST("a wake-up that comes before the wait is not lost")
{
    struct mr_source_event event;
    struct mr_record record;

    kafka_rig_open(&rig, "orders", 1);
    join(&one, "orders", 1);
    uint64_t from_ms = mr_mono_ms(&one.opts.env);
    one.source->ops->wake_poll(one.source);
    do {
        one.source->ops->poll(one.source, AWAIT_MS, &event);
        mr_source_event_release(&event);
    } while (event.kind != MR_SOURCE_NOTHING);
    one.source->ops->wake_lane(one.source, 0);
    MR_CHECK_U64(one.source->ops->read(one.source, 0, &record, 1, AWAIT_MS), 0);
    MR_CHECK(mr_mono_ms(&one.opts.env) - from_ms < AWAIT_MS / 2);
}

/* ---- what records carry ---- */

/* F-06 */
MR_TEST("a record carries key, value, headers and time stamp, nulls as nulls")
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_kafka_header headers[] = {
        {"a", mr_slice_str("1")}, {"n", {NULL, 0}}, {"a", mr_slice_str("2")}};
    struct mr_kafka_send send = {.topic = "orders",
                                 .partition = 0,
                                 .key = mr_slice_str("key"),
                                 .timestamp_ms = 1700000000123,
                                 .headers = headers,
                                 .n_headers = 3};
    struct mr_record record;
    struct mr_slice value;
    struct mr_buf json = MR_BUF_INIT;

    kafka_rig_open(&rig, "orders", 1);
    MR_CHECK_OK(mr_kafka_producer_send(rig.producer, &send, &err));
    MR_CHECK_OK(mr_kafka_producer_flush(rig.producer, 10000, &err));
    join(&one, "orders", 1);
    kafka_member_release(&one, "orders", 0, 0);
    MR_CHECK_U64(one.source->ops->read(one.source, 0, &record, 1, 10000), 1);
    MR_CHECK_INT(record.kind, MR_RECORD_DATA);
    MR_CHECK_STR(record.stream, "orders");
    MR_CHECK_INT(record.timestamp_ms, 1700000000123);
    MR_CHECK_MEM(record.key.data, "key", 3);
    MR_CHECK(record.value.data == NULL);
    MR_CHECK(record.n_bytes > 3);
    MR_CHECK(mr_headers_last(&record.headers, "a", &value));
    MR_CHECK_MEM(value.data, "2", 1);
    MR_CHECK(mr_headers_last(&record.headers, "n", &value));
    MR_CHECK(value.data == NULL);
    MR_CHECK(!mr_headers_last(&record.headers, "b", &value));
    one.source->ops->headers_json(one.source, &record, &json);
    MR_CHECK_STR(mr_buf_cstr(&json), "[{\"k\":\"a\",\"v\":\"MQ==\"},{\"k\":\"n\",\"v\":null},"
                                     "{\"k\":\"a\",\"v\":\"Mg==\"}]");
    mr_buf_release(&json);
    one.source->ops->release_record(one.source, &record);
}

MR_TEST("the client's statistics and the known end of a partition can be asked")
{
    struct kafka_seen seen[RIG_MAX_PARTITIONS];
    struct mr_buf json = MR_BUF_INIT;

    kafka_rig_open(&rig, "orders", 1);
    kafka_rig_produce(&rig, 0, 25);
    join(&one, "orders", 1);
    MR_CHECK_INT(one.source->ops->session_timeout_ms(one.source), 2000);
    MR_CHECK_INT(one.source->ops->known_end(one.source, "unknown", 0), -1);
    kafka_seen_init(seen, 0);
    kafka_member_release(&one, "orders", 0, 0);
    kafka_read_to(&one, 0, 25, seen);
    MR_CHECK_INT(one.source->ops->known_end(one.source, "orders", 0), 25);
    uint64_t end_ms = mr_mono_ms(&one.opts.env) + AWAIT_MS;
    while (json.len == 0 && mr_mono_ms(&one.opts.env) < end_ms) {
        kafka_poll_once(&one);
        one.source->ops->stats_json(one.source, &json);
    }
    MR_CHECK(json.len > 0 && json.data[0] == '{');
    mr_buf_release(&json);
}

/* the answer's limit, which memory_limit makes small, must not refuse a larger message.max.bytes */
MR_TEST("large records may be allowed in spite of a small share of memory")
{
    struct mr_source_property large[] = {{"message.max.bytes", "67108864"}};
    struct mr_source_opts opts = {.properties = large,
                                  .n_properties = 1,
                                  .group_id = "g",
                                  .n_lanes = 1,
                                  .lane_queue_bytes = 1024 * 1024};
    struct mr_source *source = NULL;
    struct mr_err err = MR_ERR_INIT;

    mr_env_init_system(&opts.env);
    MR_CHECK_OK(mr_source_kafka.open(&opts, &source, &err));
    source->ops->close(source, 1000);
}

MR_TEST("a property that the client does not take refuses to open, without its value")
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_source_property bad[] = {{"session.timeout.ms", "secret-word"}};
    struct mr_source_opts opts = {
        .properties = bad, .n_properties = 1, .group_id = "g", .n_lanes = 1};
    struct mr_source *source = NULL;

    kafka_rig_open(&rig, "orders", 1);
    mr_env_init_system(&opts.env);
    MR_CHECK_INT(mr_source_kafka.open(&opts, &source, &err), -MR_CONFIG_INVALID);
    MR_CHECK(strstr(err.detail, "session.timeout.ms") != NULL);
    MR_CHECK(strstr(err.detail, "secret-word") == NULL);
}
