/* Owns the service without threads of tests/unit/consumer/. */
#include "tests/support/service_rig.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/mr_test.h"

enum { WAIT_MS = 10000 };

static void ends_open(struct service_rig *rig)
{
    struct mr_service *s = &rig->service;
    struct mr_err err = MR_ERR_INIT;

    MR_CHECK_OK(mr_wiring_init(&s->wiring, rig->conf.config, s->opts.env, &err));
    mr_wiring_source_opts(&s->wiring, s->opts.env, &s->source_opts);
    MR_CHECK_OK(mr_source_fake.open(&s->source_opts, &s->source, &err));
    rig->fake = fake_source_of(s->source);
    mr_wiring_sink_opts(&s->wiring, s->opts.env, &s->sink_opts);
    MR_CHECK_OK(mr_sink_stdout.open(&s->sink_opts, &s->sink, &err));
}

static void lanes_make(struct service_rig *rig)
{
    struct mr_service *s = &rig->service;
    struct mr_err err = MR_ERR_INIT;

    s->shared = (struct mr_lane_shared){
        .source = s->source,
        .sink = s->sink,
        .partitions = &s->partitions,
        .targets = &s->targets,
        .metrics = s->metrics,
        .batch = {.max_rows = 100, .max_bytes = 1 << 20, .max_record_bytes = 1 << 20}};
    s->n_lanes = RIG_LANES;
    s->lanes = calloc(RIG_LANES, sizeof *s->lanes);
    MR_CHECK(s->lanes != NULL);
    for (uint32_t i = 0; i < RIG_LANES; i++)
        MR_CHECK_OK(mr_lane_init(&s->lanes[i], i, &s->shared, s->opts.env, &err));
    struct mr_poller_opts poller_opts = {.source = s->source,
                                         .sink = s->sink,
                                         .partitions = &s->partitions,
                                         .targets = &s->targets,
                                         .metrics = s->metrics,
                                         .lanes = s->lanes,
                                         .group_id = "rig",
                                         .n_lanes = RIG_LANES,
                                         .env = s->opts.env};
    MR_CHECK_OK(mr_poller_init(&s->poller, &poller_opts, &err));
}

void service_rig_init(struct service_rig *rig)
{
    struct mr_service *s = &rig->service;
    struct mr_err err = MR_ERR_INIT;
    struct mr_claims_opts claims_opts;
    struct mr_env system;

    memset(rig, 0, sizeof *rig);
    conf_files_init(&rig->conf);
    MR_CHECK_OK(conf_files_load_text(&rig->conf,
                                     "pipeline = \"rig\"; target: { url = \"stdout:\"; };\n"
                                     "group_id = \"rig\"; instance_id = \"here\"; lanes = 2;\n"
                                     "tables = ( { topic = \"t\"; } );\n"));
    mr_clock_fake_init(&rig->clock, (uint64_t)RIG_START_MS * 1000);
    s->opts.config = rig->conf.config;
    s->opts.env.clock = &rig->clock.base;
    mr_rng_init(&s->opts.env.rng, 11);
    s->started_ms = mr_mono_ms(&s->opts.env);
    s->started_wall_ms = mr_wall_ms(&s->opts.env);
    s->metrics = mr_metrics_new(mr_meters, MR_N_METERS);
    MR_CHECK(s->metrics != NULL);
    ends_open(rig);
    mr_partitions_init(&s->partitions, 1);
    mr_targets_init(&s->targets, s->wiring.rules, s->wiring.n_rules, "", 63, s->opts.env);
    mr_env_init_system(&system); /* the claims' thread must not race with a clock set by hand */
    mr_wiring_claims_opts(&s->wiring, system, &claims_opts);
    claims_opts.source = s->source;
    claims_opts.sink = s->sink;
    MR_CHECK_OK(mr_claims_new(&claims_opts, &s->claims, &err));
    lanes_make(rig);
}

void service_rig_release(struct service_rig *rig)
{
    struct mr_service *s = &rig->service;

    for (uint32_t i = 0; i < s->n_lanes; i++)
        mr_lane_release(&s->lanes[i]);
    free(s->lanes);
    mr_claims_free(s->claims);
    mr_poller_release(&s->poller);
    s->source->ops->close(s->source, 0);
    s->sink->ops->close(s->sink);
    mr_partitions_release(&s->partitions);
    mr_targets_release(&s->targets);
    mr_wiring_release(&s->wiring);
    mr_metrics_free(s->metrics);
    conf_files_release(&rig->conf);
}

void service_rig_pass_ms(struct service_rig *rig, uint64_t ms)
{
    rig->clock.now_us += ms * 1000;
}

struct mr_partition *service_rig_part(struct service_rig *rig, int32_t partition,
                                      enum mr_partition_state state, int64_t next, int64_t end)
{
    struct mr_partition *part = mr_partitions_find(&rig->service.partitions, "t", partition);

    if (part == NULL) {
        fake_source_partition(rig->fake, "t", partition, 0);
        if (end > 0)
            fake_source_gap(rig->fake, "t", partition, end);
        part = mr_partitions_get(&rig->service.partitions, "t", partition,
                                 (uint32_t)partition % RIG_LANES);
    }
    MR_CHECK(part != NULL);
    atomic_store(&part->state_seen, state);
    atomic_store(&part->committed_next, next);
    return part;
}

void service_rig_part_err(struct mr_partition *part, enum mr_code code, const char *detail)
{
    struct mr_err err = MR_ERR_INIT;

    mr_err_set(&err, code, "%s", detail);
    mr_err_at(&err, part->stream, part->partition, 7);
    mr_partition_note_err(part, &err);
}

void service_rig_writer(struct service_rig *rig, uint32_t idx, enum mr_writer_state state,
                        enum mr_code code, const char *detail)
{
    struct mr_lane *lane = &rig->service.lanes[idx];

    mr_lock_take(&lane->lock);
    lane->writer_state = state;
    mr_err_set(&lane->last_err, code, "%s", detail);
    mr_lock_drop(&lane->lock);
}

void service_rig_reach_target(struct service_rig *rig)
{
    struct mr_env env;
    struct timespec tick = {.tv_nsec = 1000000};
    struct mr_claim_item *items = calloc(1, sizeof *items);
    struct mr_claim_item *done = NULL;
    size_t n = 0;

    mr_env_init_system(&env);
    uint64_t end_ms = mr_mono_ms(&env) + WAIT_MS;
    mr_claims_start(rig->service.claims, items, 0);
    while ((done = mr_claims_finished(rig->service.claims, &n)) == NULL &&
           mr_mono_ms(&env) < end_ms)
        nanosleep(&tick, NULL); /* the step of an awaited condition, which has a deadline */
    MR_CHECK(done == items);
    free(done);
}

void service_rig_source_fault(struct service_rig *rig, enum mr_code code, const char *detail)
{
    struct mr_poller *poller = &rig->service.poller;

    mr_lock_take(&poller->lock);
    mr_err_set(&poller->source_err, code, "%s", detail);
    poller->source_err_ms = mr_mono_ms(&rig->service.opts.env);
    mr_lock_drop(&poller->lock);
}
