/* What the brokers tell of a topic, a group and a log to somebody who joins nothing: rights by
 * their ACLs, retention, members, ends. Thread: its owner's; each call blocks at most its time-out.
 */
#ifndef MR_CONSUMER_KAFKA_LOOK_H
#define MR_CONSUMER_KAFKA_LOOK_H

#include "consumer/kafka_tail.h"

struct mr_topic_look {
    bool rights_known;       /* the brokers tell what this user may do */
    bool may_read;           /* where known */
    bool settings_known;     /* the next four */
    bool compacts;           /* cleanup.policy has compact */
    bool deletes;            /* and delete */
    int64_t retention_ms;    /* -1: without end */
    int64_t retention_bytes; /* of a partition; -1: without end */
};

/* Errors: source.topic_missing, source.privilege, source.away. */
int mr_kafka_look_topic(struct mr_kafka_tail *tail, const char *topic, uint32_t timeout_ms,
                        struct mr_topic_look *out, struct mr_err *err);

struct mr_group_look {
    bool rights_known;
    bool may_read;
    char state[32]; /* "Stable", "Empty", "Dead" (there is none) ... */
    size_t n_members;
};
int mr_kafka_look_group(struct mr_kafka_tail *tail, const char *group_id, uint32_t timeout_ms,
                        struct mr_group_look *out, struct mr_err *err);

/* The first offset that is there, and the next one to be written. */
int mr_kafka_look_ends(struct mr_kafka_tail *tail, const struct mr_position *of,
                       uint32_t timeout_ms, int64_t ends[2], struct mr_err *err);

#endif
