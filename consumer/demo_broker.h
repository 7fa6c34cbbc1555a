/* A Kafka cluster inside this process, for the demo and for tests: librdkafka's mock cluster. Keeps
 * 5 MiB a partition, forgets everything at close. Threads: any, but open and close by one. */
#ifndef MR_CONSUMER_DEMO_BROKER_H
#define MR_CONSUMER_DEMO_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct mr_demo_broker;

struct mr_demo_broker_opts {
    int n_brokers;               /* 1 or more */
    uint32_t rebalance_delay_ms; /* how long a new group waits for more members */
};

/* Gives: mr_demo_broker_close. Errors: -MR_SOURCE_FATAL. */
int mr_demo_broker_open(const struct mr_demo_broker_opts *opts, struct mr_demo_broker **out,
                        struct mr_err *err);
/* NULL is allowed; all clients of the cluster were closed before. */
void mr_demo_broker_close(struct mr_demo_broker *broker);
/* For bootstrap.servers; lives as long as the cluster. */
const char *mr_demo_broker_bootstrap(const struct mr_demo_broker *broker);
int mr_demo_broker_topic(struct mr_demo_broker *broker, const char *topic, int n_partitions,
                         struct mr_err *err);

/* The next `n` requests of this kind are answered with this error (protocol numbers). */
void mr_demo_broker_fail(struct mr_demo_broker *broker, int api_key, int error_code, uint32_t n);
/* Each answer of a broker (1, 2, ...) comes this much later. */
void mr_demo_broker_delay(struct mr_demo_broker *broker, int broker_id, uint32_t delay_ms);
/* Takes a broker (1, 2, ...) down, and up again. */
void mr_demo_broker_set_up(struct mr_demo_broker *broker, int broker_id, bool up);

#endif
