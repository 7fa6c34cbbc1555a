/* A mock cluster with a producer, and sources on it, for the component tests of the Kafka source.
 * The value of each record is its own offset as text, so that a reader can tell what it got. */
#ifndef MR_TESTS_SUPPORT_KAFKA_RIG_H
#define MR_TESTS_SUPPORT_KAFKA_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consumer/demo_broker.h"
#include "consumer/kafka_producer.h"
#include "consumer/source.h"

enum { RIG_MAX_PARTITIONS = 32, RIG_MAX_PROPERTIES = 16 };

struct kafka_rig {
    struct mr_demo_broker *broker;
    struct mr_kafka_producer *producer;
    const char *topic;
    int32_t n_partitions;
    int64_t produced[RIG_MAX_PARTITIONS]; /* the next offset of each partition */
};

/* One source: its options live as long as it. */
struct kafka_member {
    struct mr_source *source;
    struct mr_source_opts opts;
    struct mr_source_property properties[RIG_MAX_PROPERTIES];
    const char *topics[4];
};

void kafka_rig_open(struct kafka_rig *rig, const char *topic, int32_t n_partitions);
void kafka_rig_close(struct kafka_rig *rig);
/* Another topic of the same cluster. */
void kafka_rig_topic(struct kafka_rig *rig, const char *topic, int32_t n_partitions);
/* Queues `n` records for a partition of the rig's topic; values are offsets. */
void kafka_rig_queue(struct kafka_rig *rig, int32_t partition, int64_t n);
/* The same, acknowledged. */
void kafka_rig_produce(struct kafka_rig *rig, int32_t partition, int64_t n);

void kafka_member_open(struct kafka_member *member, const struct kafka_rig *rig, const char *topic,
                       uint32_t n_lanes);
void kafka_member_close(struct kafka_member *member);
/* Polls until an event of this kind comes (at most 30 s, else the test fails); other rebalances are
 * answered by assign and unassign. Gives: mr_source_event_release. */
void kafka_member_await(struct kafka_member *member, enum mr_source_event_kind kind,
                        struct mr_source_event *event);
/* Assigns an event's partitions to lanes by their number. */
void kafka_member_assign(struct kafka_member *member, struct mr_source_event *event);
/* Seeks one partition to `offset` and lets it flow; tries again while the client is not ready. */
void kafka_member_release(struct kafka_member *member, const char *topic, int32_t partition,
                          int64_t offset);
struct mr_source_part kafka_part(const struct kafka_member *member, const char *topic,
                                 int32_t partition, int64_t offset);

#endif
