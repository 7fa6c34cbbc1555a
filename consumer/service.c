/* Owns the order in which the parts are started and stopped. */
#include "consumer/service.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"

#include "base/ban.h"

enum { LEAVE_TIMEOUT_MS = 5000, RESOLVE_DEADLINE_MS = 5000 };

static struct mr_env env_split(struct mr_service *service)
{
    struct mr_env env = {.clock = service->opts.env.clock};

    env.rng = mr_rng_split(&service->opts.env.rng);
    return env;
}

static int ends_open(struct mr_service *s, struct mr_err *err)
{
    const struct mr_config *config = s->opts.config;
    const struct mr_sink_ops *sink_ops = mr_sink_for_url(config->target.url, err);

    if (sink_ops == NULL)
        return -(int)err->code;
    mr_wiring_source_opts(&s->wiring, env_split(s), &s->source_opts);
    const struct mr_source_ops *source_ops = s->opts.source_ops;
    if (source_ops == NULL)
        source_ops = &mr_source_kafka;
    int rc = source_ops->open(&s->source_opts, &s->source, err);
    if (rc < 0)
        return rc;
    mr_wiring_sink_opts(&s->wiring, env_split(s), &s->sink_opts);
    s->sink_opts.session_timeout_ms = s->source->ops->session_timeout_ms(s->source);
    return sink_ops->open(&s->sink_opts, &s->sink, err);
}

static int middle_open(struct mr_service *s, struct mr_err *err)
{
    struct mr_claims_opts opts;

    mr_partitions_init(&s->partitions, mr_rng_u64(&s->opts.env.rng));
    mr_targets_init(&s->targets, s->wiring.rules, s->wiring.n_rules, s->opts.config->dlq.topic,
                    s->wiring.n_rules > 0 ? s->wiring.rules[0].route.max_identifier_bytes : 63,
                    env_split(s));
    s->targets.default_schema = s->opts.config->target.schema;
    mr_poisoned_init(&s->poisoned, MR_POISONED_KEYS);
    mr_wiring_claims_opts(&s->wiring, env_split(s), &opts);
    opts.partitions = &s->partitions;
    s->letters_in_topic = mr_wiring_letter_topic(&s->wiring, &s->letter_topic);
    if (s->letters_in_topic) { /* settings that no producer takes are told now, not at a letter */
        int rc = mr_letter_topic_try(&s->letter_topic, false, err);
        if (rc < 0)
            return rc;
    }
    opts.poisoned = &s->poisoned;
    opts.poisons_stored = !s->letters_in_topic; /* it does not say which letters were overtaken */
    opts.source = s->source;
    opts.sink = s->sink;
    return mr_claims_new(&opts, &s->claims, err);
}

static int lanes_open(struct mr_service *s, struct mr_err *err)
{
    const struct mr_config *config = s->opts.config;
    size_t share = mr_wiring_memory(config).batches / (2 * (size_t)config->lanes);

    atomic_store(&s->batch_bytes, share);
    s->shared = (struct mr_lane_shared){
        .source = s->source,
        .sink = s->sink,
        .partitions = &s->partitions,
        .targets = &s->targets,
        .metrics = s->metrics,
        .poisoned = &s->poisoned,
        .letter_topic = s->letters_in_topic ? &s->letter_topic : NULL,
        .batch = {.max_rows = config->batch.max_rows,
                  .max_bytes = (size_t)config->batch.max_bytes,
                  .max_record_bytes = (size_t)config->record_max_bytes},
        .batch_bytes = &s->batch_bytes,
        .max_wait_ms = config->batch.max_wait_ms,
        .resolve_deadline_ms = RESOLVE_DEADLINE_MS,
    };
    s->n_lanes = config->lanes;
    s->lanes = calloc(s->n_lanes, sizeof *s->lanes);
    if (s->lanes == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for lanes");
    for (uint32_t i = 0; i < s->n_lanes; i++) {
        s->n_lanes_made++;
        int rc = mr_lane_init(&s->lanes[i], i, &s->shared, env_split(s), err);
        if (rc == 0)
            rc = mr_lane_start(&s->lanes[i], err);
        if (rc < 0)
            return rc;
        s->n_lanes_started++;
    }
    return 0;
}

static int poller_open(struct mr_service *s, struct mr_err *err)
{
    const struct mr_config *config = s->opts.config;
    struct mr_poller_opts opts = {
        .source = s->source,
        .sink = s->sink,
        .partitions = &s->partitions,
        .targets = &s->targets,
        .claims = s->claims,
        .metrics = s->metrics,
        .lanes = s->lanes,
        .group_id = config->group_id,
        .n_lanes = s->n_lanes,
        .revoke_timeout_ms = (uint32_t)config->kafka.revoke_timeout_ms,
        .shutdown_timeout_ms = (uint32_t)config->shutdown_timeout_ms,
        .until_caught_up = s->opts.until_caught_up,
        .batches_bytes = mr_wiring_memory(config).batches,
        .batch_bytes = &s->batch_bytes,
        .env = env_split(s),
    };
    int rc = mr_poller_init(&s->poller, &opts, err);

    s->poller_made = true;
    if (rc == 0)
        rc = mr_poller_start(&s->poller, err);
    s->poller_started = rc == 0;
    return rc;
}

static int keeper_open(struct mr_service *s, struct mr_err *err)
{
    const struct mr_dlq_conf *dlq = &s->opts.config->dlq;
    const struct mr_letter_keeper_opts opts = {.sink = s->sink,
                                               .metrics = s->metrics,
                                               .closed_ms = dlq->retention_ms,
                                               .new_ms = dlq->retention_new_ms,
                                               .env = env_split(s)};

    return mr_letter_keeper_start(&s->keeper, &opts, err);
}

/* From 0 on: a series that begins with its first retry does not show it in a rate. */
static void retries_begin(struct mr_metrics *metrics)
{
    for (int owner = 0; owner < MR_N_OWNERS; owner++) {
        const char *labels[] = {mr_owner_name((enum mr_owner)owner)};
        mr_metrics_series(metrics, MR_M_RETRIES, labels);
    }
}

int mr_service_open(struct mr_service *s, const struct mr_service_opts *opts, struct mr_err *err)
{
    memset(s, 0, sizeof *s);
    s->opts = *opts;
    s->started_ms = mr_mono_ms(&s->opts.env);
    s->started_wall_ms = mr_wall_ms(&s->opts.env);
    s->metrics = mr_metrics_new(mr_meters, MR_N_METERS);
    if (s->metrics == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for metrics");
    retries_begin(s->metrics);
    int rc = mr_wiring_init(&s->wiring, opts->config, env_split(s), err);
    if (rc == 0)
        rc = ends_open(s, err);
    if (rc == 0)
        rc = middle_open(s, err);
    if (rc == 0)
        rc = lanes_open(s, err);
    if (rc == 0)
        rc = poller_open(s, err);
    if (rc == 0)
        rc = keeper_open(s, err);
    if (rc == 0)
        mr_log(MR_INFO, "started", mr_kv_str("pipeline", opts->config->pipeline),
               mr_kv_str("instance", s->wiring.instance_id), mr_kv_u64("lanes", s->n_lanes),
               mr_kv_str("sink", s->sink->ops->name));
    return rc;
}

void mr_service_stop(struct mr_service *s)
{
    mr_poller_stop(&s->poller);
}

enum mr_poller_end mr_service_end(struct mr_service *s)
{
    return (enum mr_poller_end)atomic_load(&s->poller.end);
}

static void lanes_close(struct mr_service *s)
{
    for (uint32_t i = 0; i < s->n_lanes_started; i++) {
        mr_lane_drain(&s->lanes[i], true);
        mr_lane_abandon(&s->lanes[i]);
    }
    for (uint32_t i = 0; i < s->n_lanes_made; i++)
        mr_lane_release(&s->lanes[i]);
    free(s->lanes);
}

void mr_service_close(struct mr_service *s)
{
    if (s->poller_started)
        mr_poller_join(&s->poller);
    lanes_close(s);
    mr_letter_keeper_stop(&s->keeper);
    mr_claims_free(s->claims);
    if (s->poller_made)
        mr_poller_release(&s->poller);
    if (s->source != NULL)
        s->source->ops->close(s->source, LEAVE_TIMEOUT_MS);
    if (s->sink != NULL)
        s->sink->ops->close(s->sink);
    if (s->partitions.lock.rank != 0) {
        mr_partitions_release(&s->partitions);
        mr_targets_release(&s->targets);
        mr_poisoned_release(&s->poisoned);
    }
    mr_wiring_release(&s->wiring);
    mr_metrics_free(s->metrics);
    memset(s, 0, sizeof *s);
}

int mr_service_exit_code(struct mr_service *s)
{
    switch (mr_service_end(s)) {
    case MR_END_RUNNING:
    case MR_END_STOPPED:
    case MR_END_CAUGHT_UP:
        return EX_OK;
    case MR_END_HALTED:
    case MR_END_TIMED_OUT:
        return EX_TEMPFAIL;
    case MR_END_FAILED:
        return mr_err_exit_code(&s->poller.failure);
    }
    return EX_SOFTWARE;
}
