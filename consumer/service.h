/* The service: everything that `millrace run` and `millrace demo` start and stop, in one struct.
 * Threads: main starts, ticks and stops it; admin reads it through status.h. */
#ifndef MR_CONSUMER_SERVICE_H
#define MR_CONSUMER_SERVICE_H

#include "config/config.h"
#include "consumer/letter_keeper.h"
#include "consumer/poller.h"
#include "consumer/wiring.h"

struct mr_service_opts {
    const struct mr_config *config; /* borrowed; outlives the service */
    bool until_caught_up;
    struct mr_env env;
    const struct mr_source_ops *source_ops; /* NULL: the Kafka client */
};

struct mr_service {
    struct mr_service_opts opts;
    struct mr_wiring wiring;
    struct mr_source_opts source_opts; /* borrowed by the source and the sink */
    struct mr_sink_opts sink_opts;
    struct mr_metrics *metrics;
    struct mr_sink *sink;
    struct mr_source *source;
    struct mr_partitions partitions;
    struct mr_targets targets;
    struct mr_poisoned poisoned;
    struct mr_letter_topic_opts letter_topic;
    bool letters_in_topic;
    struct mr_letter_keeper keeper;
    struct mr_claims *claims;
    struct mr_lane_shared shared;
    _Atomic size_t batch_bytes; /* one batch's share of memory_limit now */
    struct mr_lane *lanes;
    uint32_t n_lanes, n_lanes_made, n_lanes_started;
    struct mr_poller poller;
    bool poller_made, poller_started;
    uint64_t started_ms; /* monotonic */
    int64_t started_wall_ms;
};

/* Makes and starts all parts; the brokers and the target are reached later, by the threads. Gives:
 * mr_service_close, also after an error. */
int mr_service_open(struct mr_service *service, const struct mr_service_opts *opts,
                    struct mr_err *err);
/* Asks for a graceful end; returns at once. Any thread. */
void mr_service_stop(struct mr_service *service);
/* Has it ended? MR_END_RUNNING while it has not. Any thread. */
enum mr_poller_end mr_service_end(struct mr_service *service);
/* Ends all threads and frees everything. Waits for a call to the target or the brokers that is
 * under way, and some seconds for leaving the group. */
void mr_service_close(struct mr_service *service);

/* sysexits' code for an end; prints nothing. */
int mr_service_exit_code(struct mr_service *service);

#endif
