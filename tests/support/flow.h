/* A whole service without its command line for component tests: the fake source, a scripted
 * registry with one plain schema {id int key; v string} and an envelope of it, a SQLite file, real
 * lanes, claims and poll loop. */
#ifndef MR_TESTS_SUPPORT_FLOW_H
#define MR_TESTS_SUPPORT_FLOW_H

#include "consumer/poller.h"
#include "tests/support/sink_fault.h"
#include "tests/support/source_fake.h"

enum { FLOW_WAIT_MS = 20000 };

struct flow {
    char dir[64];
    char url[128];
    struct mr_env env;
    struct mr_source *source;
    struct fake_source *fake;
    struct mr_sink_opts sink_opts; /* borrowed by the sink */
    struct mr_sink *sink;
    struct mr_sink *real_sink; /* behind `sink`, where that is a wrapper with scripted faults */
    struct mr_registry *registry;
    struct mr_route_rule rule;
    struct mr_metrics *metrics;
    struct mr_partitions partitions;
    struct mr_targets targets;
    struct mr_claims *claims;
    struct mr_lane_shared shared;
    struct mr_lane lanes[8];
    uint32_t n_lanes;
    struct mr_poller poller;
};

struct flow_opts {
    uint32_t n_lanes;
    enum mr_strategy strategy;
    enum mr_start start;
    enum mr_on_bad on_bad;
    enum mr_missing_row missing_row;
    bool json;            /* keys and values are JSON without a schema: flow_put_json() */
    uint32_t max_rows;    /* of a batch; 0: 1000 */
    uint32_t max_wait_ms; /* of a batch; 0: 50 */
    const struct mr_sink_ops *sink_ops; /* NULL: SQLite */
    bool faults;                        /* wrap the sink: f.sink takes mr_sink_fault_script() */
    bool by_source;                     /* each record's source names its table: flow_put_from() */
    bool any_topic; /* the route takes every topic, each into a table of its name */
    bool until_caught_up;
    uint32_t revoke_timeout_ms;   /* 0: 5000 */
    uint32_t shutdown_timeout_ms; /* 0: 10000 */
    const char *dir;              /* an existing folder to go on in; NULL: a new one */
};

void flow_start(struct flow *flow, const struct flow_opts *opts);
/* Asks for a graceful end and waits for it. */
enum mr_poller_end flow_stop(struct flow *flow);
/* Frees everything; removes the folder unless `keep`. Checks the fake source for violations. */
void flow_free(struct flow *flow, bool keep);

/* Waits until the service has ended by itself. */
enum mr_poller_end flow_await_end(struct flow *flow);

/* One record {id, v} with its key {id} on partition `partition` of topic "t". */
int64_t flow_put(struct flow *flow, int32_t partition, int64_t id, const char *v);
/* The same as an envelope: op 'd' has `before`, any other `after`. */
int64_t flow_put_envelope(struct flow *flow, int32_t partition, int64_t id, char op);
int64_t flow_put_bytes(struct flow *flow, int32_t partition, int64_t id, struct mr_slice value);

/* The same on any topic. */
int64_t flow_put_to(struct flow *flow, const char *topic, int32_t partition, int64_t id,
                    const char *v);

/* An envelope whose source is `table`, on topic "t"; for `by_source`. */
int64_t flow_put_from(struct flow *flow, int32_t partition, int64_t id, const char *table,
                      const char *v);

/* A record of JSON texts on partition 0 of topic "t". */
int64_t flow_put_json(struct flow *flow, const char *key, const char *value);

/* Waits until the position in the target is `next` or behind it; fails the test at the deadline. */
void flow_await_position(struct flow *flow, int32_t partition, int64_t next);
void flow_await_position_of(struct flow *flow, const char *topic, int32_t partition, int64_t next);
void flow_await_state(struct flow *flow, int32_t partition, enum mr_partition_state state);
void flow_await_state_of(struct flow *flow, const char *topic, int32_t partition,
                         enum mr_partition_state state);
/* Waits until so many calls of the faulty sink stand at a gate. */
void flow_await_gate(struct flow *flow, uint32_t n);
/* Waits until so many calls of an op of the faulty sink were made since its script. */
void flow_await_calls(struct flow *flow, enum mr_fault_op op, uint32_t n);

/* One number from the target, read beside the sink: "SELECT count(*) FROM t". */
int64_t flow_number(struct flow *flow, const char *sql);

/* Another program's statement. */
void flow_exec(struct flow *flow, const char *sql);

/* While true, the scripted registry does not answer. */
void flow_registry_away(bool away);

#endif
