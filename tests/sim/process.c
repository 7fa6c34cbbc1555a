/* Owns the processes: the service as consumer/service.c puts it together, without its command line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"
#include "tests/support/memory_gate.h"

enum { REVOKE_MS = 400, SHUTDOWN_MS = 2000 };

struct sim_process *sim_of_source(const struct mr_source *source)
{
    for (uint32_t i = 0; i < world.n_processes; i++)
        if (&world.processes[i].source == source)
            return &world.processes[i];
    abort();
}

struct sim_process *sim_of_sink(const struct mr_sink *sink)
{
    for (uint32_t i = 0; i < world.n_processes; i++)
        if (&world.processes[i].sink == sink)
            return &world.processes[i];
    abort();
}

static struct mr_route_rule rule_for(const char *topic, enum mr_strategy strategy)
{
    return (struct mr_route_rule){.route = {.strategy = strategy,
                                            .create = true,
                                            .unavailable_detect = true,
                                            .placeholder = "__debezium_unavailable_value",
                                            .placeholder_len = 28,
                                            .max_zero_size_items = 65536,
                                            .max_record_bytes = 1 << 20,
                                            .max_identifier_bytes = 63},
                                  .label = topic,
                                  .topic = topic,
                                  .start = MR_START_EARLIEST,
                                  .on_bad = MR_ON_BAD_DEAD_LETTER,
                                  .registry = world.registry};
}

static void must(int rc, const struct mr_err *err)
{
    if (rc >= 0)
        return;
    (void)fprintf(stderr, "simulation: a process cannot start: %s\n", err->detail);
    abort();
}

static void parts_make(struct sim_process *process)
{
    struct mr_err err = MR_ERR_INIT;

    process->source.ops = &sim_source_ops;
    process->sink.ops = &sim_sink_ops;
    process->rules[0] = rule_for("t", MR_STRATEGY_UPSERT);
    process->rules[1] = rule_for("a", MR_STRATEGY_APPEND);
    mr_partitions_init(&process->partitions, mr_rng_u64(&process->env.rng));
    mr_targets_init(&process->targets, process->rules, 2, NULL, 63, process->env);
    struct mr_claims_opts claims = {.source = &process->source,
                                    .sink = &process->sink,
                                    .pipeline = "sim",
                                    .partitions = &process->partitions,
                                    .env = process->env};
    must(mr_claims_new(&claims, &process->claims, &err), &err);
}

static void threads_start(struct sim_process *process)
{
    struct mr_err err = MR_ERR_INIT;

    process->shared = (struct mr_lane_shared){
        .source = &process->source,
        .sink = &process->sink,
        .partitions = &process->partitions,
        .targets = &process->targets,
        .metrics = world.metrics,
        .batch = {.max_rows = world.max_rows, .max_bytes = 1 << 16, .max_record_bytes = 1 << 10},
        .max_wait_ms = world.max_wait_ms,
        .resolve_deadline_ms = 2000};
    for (uint32_t i = 0; i < world.n_lanes; i++) {
        struct mr_env env = {.clock = process->env.clock, .rng = mr_rng_split(&process->env.rng)};
        must(mr_lane_init(&process->lanes[i], i, &process->shared, env, &err), &err);
        must(mr_lane_start(&process->lanes[i], &err), &err);
    }
    struct mr_poller_opts poller = {.source = &process->source,
                                    .sink = &process->sink,
                                    .partitions = &process->partitions,
                                    .targets = &process->targets,
                                    .claims = process->claims,
                                    .metrics = world.metrics,
                                    .lanes = process->lanes,
                                    .group_id = "sim",
                                    .n_lanes = world.n_lanes,
                                    .revoke_timeout_ms = REVOKE_MS,
                                    .shutdown_timeout_ms = SHUTDOWN_MS,
                                    .env = process->env};
    must(mr_poller_init(&process->poller, &poller, &err), &err);
    must(mr_poller_start(&process->poller, &err), &err);
    process->poller_made = true;
}

/* As mr_service_run() ends: poll, lanes, claims. */
static void process_main(void *arg)
{
    struct sim_process *process = arg;
    char code[64];

    memory_gate_hold(); /* what a start without memory does: tests/component/no_memory_test.c */
    parts_make(process);
    threads_start(process);
    memory_gate_go_on();
    process->running = true;
    if (process->dead)
        mr_poller_stop(&process->poller);
    mr_poller_join(&process->poller);
    bool failed = (enum mr_poller_end)atomic_load(&process->poller.end) == MR_END_FAILED;
    if (failed && (!world.memory_lacks || process->poller.failure.code != MR_NO_MEMORY))
        sim_violate("process %u failed: %s %s", process->id,
                    mr_err_printed(&process->poller.failure, code, sizeof code),
                    process->poller.failure.detail);
    process->leaving = true;
    for (uint32_t i = 0; failed && i < world.n_lanes; i++) { /* as mr_service_close() */
        mr_lane_drain(&process->lanes[i], true);
        mr_lane_abandon(&process->lanes[i]);
    }
    for (uint32_t i = 0; i < world.n_lanes; i++)
        mr_lane_release(&process->lanes[i]);
    mr_claims_free(process->claims);
    mr_poller_release(&process->poller);
    mr_partitions_release(&process->partitions);
    mr_targets_release(&process->targets);
    process->running = false;
    if (process->n_outstanding > 0)
        sim_violate("process %u kept %u records", process->id, process->n_outstanding);
}

struct sim_process *sim_process_start(void)
{
    if (world.n_processes == SIM_MAX_PROCESSES)
        return NULL;
    struct sim_process *process = &world.processes[world.n_processes];
    memset(process, 0, sizeof *process);
    process->id = world.n_processes++;
    process->used = true;
    for (int i = 0; i < SIM_MAX_PARTS; i++)
        process->local[i].lane = -1;
    process->env.clock = &sim_clock;
    mr_rng_init(&process->env.rng, world.seed * 1000 + process->id);
    sim_trace("process %u starts", process->id);
    sim_fiber_start(process->id, process_main, process);
    return process;
}

void sim_process_stop(struct sim_process *process)
{
    if (!process->poller_made || process->stop_asked)
        return; /* not up yet: process_main() does it */
    sim_trace("process %u is asked to stop", process->id);
    process->stop_asked = true;
    mr_poller_stop(&process->poller);
}

void sim_process_kill(struct sim_process *process)
{
    sim_trace("process %u is killed", process->id);
    process->dead = true;
    process->stopped_until_us = 0;
    sim_stop_process(process->id, false); /* what is left of it only frees its memory */
    for (int i = 0; i < world.n_conns; i++)
        if (world.conns[i].state != SIM_BACKEND_FREE && world.conns[i].client != NULL &&
            world.conns[i].process == (int)process->id)
            sim_conn_leave(i);
    sim_process_stop(process);
}
