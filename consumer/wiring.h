/* From the configuration to what the parts take: the only place that knows both (style: layers).
 * Everything made here borrows its strings from the configuration, which must outlive it. Thread:
 * main. */
#ifndef MR_CONSUMER_WIRING_H
#define MR_CONSUMER_WIRING_H

#include "config/config.h"
#include "consumer/claims.h"
#include "consumer/lane.h"
#include "consumer/source.h"
#include "consumer/targets.h"

struct mr_wiring {
    const struct mr_config *config;
    struct mr_registry **registries; /* by mr_config_registry's index */
    size_t n_registries;
    struct mr_route_rule *rules;
    size_t n_rules;
    struct mr_breaker *breakers; /* one a rule */
    void **lists;                /* arrays that rules point to */
    size_t n_lists;
    struct mr_source_property *properties;
    size_t n_properties;
    char **topics; /* for the subscription */
    size_t n_topics;
    char instance_id[128];
};

/* Gives: mr_wiring_release. Errors: config.invalid (a regex, a URL), internal.no_memory. */
int mr_wiring_init(struct mr_wiring *wiring, const struct mr_config *config, struct mr_env env,
                   struct mr_err *err);
void mr_wiring_release(struct mr_wiring *wiring);

void mr_wiring_sink_opts(const struct mr_wiring *wiring, struct mr_env env,
                         struct mr_sink_opts *out);
void mr_wiring_source_opts(const struct mr_wiring *wiring, struct mr_env env,
                           struct mr_source_opts *out);
/* False: letters go to the target. */
bool mr_wiring_letter_topic(const struct mr_wiring *wiring, struct mr_letter_topic_opts *out);
void mr_wiring_claims_opts(const struct mr_wiring *wiring, struct mr_env env,
                           struct mr_claims_opts *out);

/* How memory_limit is shared out (design.md section 4). Bytes. */
struct mr_memory_shares {
    size_t lane_queue; /* the fetch queue of one lane */
    size_t batches;    /* all batches of all lanes together */
};
struct mr_memory_shares mr_wiring_memory(const struct mr_config *config);

#endif
