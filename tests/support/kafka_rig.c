#include "tests/support/kafka_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/support/mr_test.h"

enum { AWAIT_MS = 30000, FLUSH_MS = 30000 };

static void must(int rc, const struct mr_err *err)
{
    if (rc < 0)
        MR_FAIL("%s: %s", mr_code_printed(rc), err->detail);
}

void kafka_rig_open(struct kafka_rig *rig, const char *topic, int32_t n_partitions)
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_demo_broker_opts broker = {.n_brokers = 1, .rebalance_delay_ms = 200};

    memset(rig, 0, sizeof *rig);
    rig->topic = topic;
    rig->n_partitions = n_partitions;
    must(mr_demo_broker_open(&broker, &rig->broker, &err), &err);
    kafka_rig_topic(rig, topic, n_partitions);
    struct mr_source_property properties[] = {
        {"bootstrap.servers", mr_demo_broker_bootstrap(rig->broker)},
        {"linger.ms", "2"},
    };
    struct mr_kafka_producer_opts opts = {
        .properties = properties, .n_properties = 2, .client_id = "rig", .idempotent = true};
    must(mr_kafka_producer_open(&opts, &rig->producer, &err), &err);
}

void kafka_rig_close(struct kafka_rig *rig)
{
    mr_kafka_producer_close(rig->producer);
    mr_demo_broker_close(rig->broker);
    memset(rig, 0, sizeof *rig);
}

void kafka_rig_topic(struct kafka_rig *rig, const char *topic, int32_t n_partitions)
{
    struct mr_err err = MR_ERR_INIT;

    must(mr_demo_broker_topic(rig->broker, topic, n_partitions, &err), &err);
}

void kafka_rig_queue(struct kafka_rig *rig, int32_t partition, int64_t n)
{
    char value[24];

    for (int64_t i = 0; i < n; i++) {
        struct mr_err err = MR_ERR_INIT;
        snprintf(value, sizeof value, "%lld", (long long)rig->produced[partition]);
        struct mr_kafka_send send = {.topic = rig->topic,
                                     .partition = partition,
                                     .key = mr_slice_str("k"),
                                     .value = mr_slice_str(value)};
        int rc = mr_kafka_producer_send(rig->producer, &send, &err);
        while (rc == -MR_FULL) {
            mr_kafka_producer_serve(rig->producer, 10);
            rc = mr_kafka_producer_send(rig->producer, &send, &err);
        }
        must(rc, &err);
        rig->produced[partition]++;
    }
}

void kafka_rig_produce(struct kafka_rig *rig, int32_t partition, int64_t n)
{
    struct mr_err err = MR_ERR_INIT;

    kafka_rig_queue(rig, partition, n);
    must(mr_kafka_producer_flush(rig->producer, FLUSH_MS, &err), &err);
}

void kafka_member_open(struct kafka_member *member, const struct kafka_rig *rig, const char *topic,
                       uint32_t n_lanes)
{
    struct mr_err err = MR_ERR_INIT;
    size_t n = 0;

    memset(member, 0, sizeof *member);
    member->properties[n++] =
        (struct mr_source_property){"bootstrap.servers", mr_demo_broker_bootstrap(rig->broker)};
    member->properties[n++] = (struct mr_source_property){"session.timeout.ms", "2000"};
    member->properties[n++] = (struct mr_source_property){"heartbeat.interval.ms", "100"};
    member->properties[n++] = (struct mr_source_property){"fetch.wait.max.ms", "50"};
    member->properties[n++] = (struct mr_source_property){"statistics.interval.ms", "200"};
    if (getenv("MILLRACE_KAFKA_DEBUG") != NULL)
        member->properties[n++] =
            (struct mr_source_property){"debug", getenv("MILLRACE_KAFKA_DEBUG")};
    member->topics[0] = topic;
    member->opts = (struct mr_source_opts){
        .properties = member->properties,
        .n_properties = n,
        .group_id = "rig",
        .client_id = "member",
        .topics = member->topics,
        .n_topics = 1,
        .n_lanes = n_lanes,
        .lane_queue_bytes = 256 * 1024,
    };
    mr_env_init_system(&member->opts.env);
    must(mr_source_kafka.open(&member->opts, &member->source, &err), &err);
}

void kafka_member_close(struct kafka_member *member)
{
    if (member->source != NULL)
        member->source->ops->close(member->source, 5000);
    member->source = NULL;
}

struct mr_source_part kafka_part(const struct kafka_member *member, const char *topic,
                                 int32_t partition, int64_t offset)
{
    struct mr_source_part part = {.partition = partition,
                                  .lane = (uint32_t)partition % member->opts.n_lanes,
                                  .offset = offset,
                                  .leader_epoch = -1};

    snprintf(part.stream, sizeof part.stream, "%s", topic);
    return part;
}

void kafka_member_assign(struct kafka_member *member, struct mr_source_event *event)
{
    struct mr_err err = MR_ERR_INIT;

    for (size_t i = 0; i < event->n_parts; i++)
        event->parts[i].lane = (uint32_t)event->parts[i].partition % member->opts.n_lanes;
    must(member->source->ops->assign(member->source, event->parts, event->n_parts, &err), &err);
}

static void answer(struct kafka_member *member, struct mr_source_event *event)
{
    struct mr_err err = MR_ERR_INIT;

    if (event->kind == MR_SOURCE_ASSIGNED)
        kafka_member_assign(member, event);
    else if (event->kind == MR_SOURCE_REVOKED || event->kind == MR_SOURCE_LOST)
        must(member->source->ops->unassign(member->source, event->parts, event->n_parts, &err),
             &err);
}

void kafka_member_await(struct kafka_member *member, enum mr_source_event_kind kind,
                        struct mr_source_event *event)
{
    uint64_t end_ms = mr_mono_ms(&member->opts.env) + AWAIT_MS;

    while (mr_mono_ms(&member->opts.env) < end_ms) {
        member->source->ops->poll(member->source, 100, event);
        if (event->kind == kind)
            return;
        answer(member, event);
        mr_source_event_release(event);
    }
    MR_FAIL("event %d did not come", (int)kind);
}

void kafka_member_release(struct kafka_member *member, const char *topic, int32_t partition,
                          int64_t offset)
{
    struct mr_source_part part = kafka_part(member, topic, partition, offset);
    uint64_t end_ms = mr_mono_ms(&member->opts.env) + AWAIT_MS;

    do {
        struct mr_err err = MR_ERR_INIT;
        struct mr_source_event event;
        member->source->ops->release(member->source, &part, 1, &err);
        if (part.rc == 0)
            return;
        if (part.rc != -MR_AGAIN)
            must(part.rc, &err);
        member->source->ops->poll(member->source, 10, &event);
        answer(member, &event);
        mr_source_event_release(&event);
    } while (mr_mono_ms(&member->opts.env) < end_ms);
    MR_FAIL("the seek of partition %d to %lld was never accepted", partition, (long long)offset);
}
