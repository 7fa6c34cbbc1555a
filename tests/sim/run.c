/* Owns a run: a world drawn from a seed, some faults in it, and the end: everything is loaded, and
 * all processes are gone. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "tests/sim/world.h"
#include "tests/support/memory_gate.h"

enum {
    TURN_STEPS = 4,      /* between two looks of the group at its members */
    STEPS_MOST = 400000, /* of a run: more is a process that never comes to rest */
    DRAIN_S = 900,       /* of virtual time: backoffs, contention and halts pass within */
    EVENTS_MOST = 5,
    PROCESSES_MOST = 4 /* that live at the same time */
};

struct sim_world world;

void sim_violate(const char *format, ...)
{
    va_list args;

    if (*world.violation != '\0')
        return;
    int n = snprintf(world.violation, sizeof world.violation,
                     "at %.3f ms: ", (double)sim_now_us() / 1e3);
    va_start(args, format);
    (void)vsnprintf(world.violation + n, sizeof world.violation - (size_t)n, format, args);
    va_end(args);
    sim_trace("VIOLATION %s", world.violation);
}

void sim_trace(const char *format, ...)
{
    va_list args;

    if (!world.trace)
        return;
    (void)fprintf(stderr, "%11.3f ", (double)sim_now_us() / 1e3);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

int sim_part_find(const char *stream, int32_t partition)
{
    for (uint32_t i = 0; i < world.n_parts; i++)
        if (world.parts[i].partition == partition && strcmp(world.parts[i].stream, stream) == 0)
            return (int)i;
    sim_violate("nobody knows %s/%d", stream, partition);
    return 0;
}

/* ---- the world ---- */

static uint32_t rate(uint32_t most)
{
    return sim_once_in(2) ? 0 : (uint32_t)(most / 4 + sim_below(most));
}

static void world_make(void)
{
    uint32_t n_keyed = 1 + (uint32_t)sim_below(3);

    memset(world.parts, 0, sizeof world.parts);
    world.n_parts = n_keyed + (uint32_t)sim_below(3);
    world.n_lanes = sim_once_in(3) ? 2 : 1;
    world.max_rows = 2 + (uint32_t)sim_below(10);
    world.max_wait_ms = 1 + (uint32_t)sim_below(60);
    world.n_processes = 0;
    world.target_away_until_us = 0;
    memset(&world.n, 0, sizeof world.n);
    world.violation[0] = '\0';
    for (uint32_t i = 0; i < world.n_parts; i++) {
        struct sim_part *part = &world.parts[i];
        part->appended = i >= n_keyed;
        part->stream = part->appended ? "a" : "t";
        part->partition = (int32_t)(part->appended ? i - n_keyed : i);
        part->committed = -1;
        part->owner = -1;
        part->wanted = -1;
    }
    struct mr_sink_opts opts = {.url = "stdout:", .output_fd = -1};
    memory_gate_hold();
    (void)mr_sink_stdout.open(&opts, &world.tables, NULL);
    memory_gate_go_on();
    sim_server_begin();
    world.faults = (struct sim_faults){.cut = rate(80),
                                       .half_open = rate(4),
                                       .doubt = rate(8),
                                       .late = rate(3),
                                       .claim_lost = rate(10),
                                       .changed = rate(30),
                                       .no_kill = rate(4),
                                       .seek = rate(10),
                                       .facts = rate(20),
                                       .slow = rate(30)};
}

static void turn_of(struct sim_process *process)
{
    if (process->stopped_until_us > 0 && process->stopped_until_us <= sim_now_us()) {
        sim_trace("process %u goes on", process->id);
        process->stopped_until_us = 0;
        sim_stop_process(process->id, false);
    }
}

/* A partition that waits out a fence whose epoch is still its own was fenced by nobody. */
static void check_fences(const struct sim_process *process)
{
    for (uint32_t i = 0; i < process->poller.n_assigned; i++) {
        const struct mr_partition *part = process->poller.assigned[i];
        if (part->state != MR_PART_FENCED)
            continue;
        int at = sim_part_find(part->stream, part->partition);
        if (atomic_load(&part->epoch) == world.stored[at].epoch)
            sim_violate("process %u holds %s/%d for fenced, and is its owner", process->id,
                        part->stream, part->partition);
    }
}

/* Lets the world go on up to a time, or until it has come to rest. */
static void go_on(uint64_t until_us)
{
    uint64_t next_us = 0;

    for (uint32_t n = 0; sim_now_us() < until_us && *world.violation == '\0'; n++) {
        if (n % TURN_STEPS != 0 && sim_now_us() < next_us) {
            (void)sim_step(next_us);
            continue;
        }
        sim_server_turn();
        next_us = sim_server_next_us();
        for (uint32_t i = 0; i < world.n_processes; i++) {
            struct sim_process *process = &world.processes[i];
            turn_of(process);
            if (process->stopped_until_us > 0 && process->stopped_until_us < next_us)
                next_us = process->stopped_until_us;
            if (process->poller_made && process->running && !process->dead)
                check_fences(process);
        }
        sim_group_turn();
        next_us = next_us < until_us ? next_us : until_us;
        if (next_us <= sim_now_us())
            next_us = sim_now_us() + 1;
        (void)sim_step(next_us);
        if (sim_n_steps() > STEPS_MOST)
            sim_violate("no rest after %d steps", (int)STEPS_MOST);
    }
}

/* ---- what happens ---- */

static bool is_up(const struct sim_process *process)
{
    return process->used && !process->dead && !process->leaving &&
           (process->running || !process->poller_made);
}

/* One of those that live; NULL: none. */
static struct sim_process *some_process(void)
{
    struct sim_process *up[SIM_MAX_PROCESSES];
    size_t n = 0;

    for (uint32_t i = 0; i < world.n_processes; i++)
        if (is_up(&world.processes[i]))
            up[n++] = &world.processes[i];
    return n == 0 ? NULL : up[sim_below(n)];
}

static uint32_t n_up(void)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < world.n_processes; i++)
        n += is_up(&world.processes[i]);
    return n;
}

static void append_some(void)
{
    uint64_t n = 1 + sim_below(12);

    for (uint64_t i = 0; i < n; i++) {
        uint64_t dice = sim_below(40);
        sim_log_append((int)sim_below(world.n_parts), dice < 30   ? SIM_PUT
                                                      : dice < 36 ? SIM_DELETE
                                                      : dice < 38 ? SIM_GAP
                                                                  : SIM_BAD);
    }
}

/* The group's leader thinks again: some partitions, or all, shall be somebody else's. */
static void rebalance(bool all)
{
    for (uint32_t i = 0; i < world.n_parts; i++) {
        struct sim_process *to = all || sim_once_in(2) ? some_process() : NULL;
        if (to != NULL)
            world.parts[i].wanted = (int)to->id;
    }
}

static void kill_one(void)
{
    struct sim_process *process = some_process();

    if (process == NULL)
        return;
    world.n.crashes++;
    sim_process_kill(process);
    rebalance(true);
}

/* SIGSTOP: whom the group gives up goes on as if he still owned what he had. */
static void stop_one(void)
{
    struct sim_process *process = some_process();

    if (process == NULL || process->stopped_until_us > 0)
        return;
    world.n.stops++;
    process->stopped_from_us = sim_now_us();
    process->stopped_until_us = sim_now_us() + sim_below(2000000) + 1000;
    sim_stop_process(process->id, true);
    sim_trace("process %u is stopped until %.3f ms", process->id,
              (double)process->stopped_until_us / 1e3);
    if (sim_once_in(2))
        rebalance(true);
}

static void lose_one(void)
{
    int at = (int)sim_below(world.n_parts);
    struct sim_part *part = &world.parts[at];

    if (part->owner < 0)
        return;
    world.n.lost++;
    sim_event_push(&world.processes[part->owner], MR_SOURCE_LOST, at);
    part->owner = -1;
    part->revoking = false;
    if (sim_once_in(2))
        rebalance(false);
}

static void cut_all(void)
{
    sim_trace("server: all connections are cut");
    for (int i = 0; i < world.n_conns; i++)
        if (world.conns[i].state != SIM_BACKEND_FREE && sim_once_in(2))
            sim_conn_leave(i);
}

static void something_happens(void)
{
    switch (sim_below(12)) {
    case 0:
        kill_one();
        break;
    case 1:
    case 2:
        stop_one();
        break;
    case 3:
    case 4:
        rebalance(sim_once_in(3));
        break;
    case 5:
        lose_one();
        break;
    case 6:
        cut_all();
        break;
    case 7:
        world.target_away_until_us = sim_now_us() + sim_below(700000);
        break;
    case 8:
        if (n_up() > 1)
            sim_process_stop(some_process());
        break;
    default:
        break;
    }
    if (n_up() == 0 || (n_up() < PROCESSES_MOST && sim_once_in(4))) {
        (void)sim_process_start();
        if (sim_once_in(2))
            rebalance(true);
    }
    append_some();
}

static void mutation_set(enum mr_mutation mutation)
{
#if defined(MR_FAULTS) && MR_FAULTS
    mr_mutation_set(mutation);
#else
    (void)mutation;
#endif
}

/* ---- the end ---- */

static void faults_end(void)
{
    memset(&world.faults, 0, sizeof world.faults);
    world.target_away_until_us = 0;
    for (uint32_t i = 0; i < world.n_processes; i++)
        if (world.processes[i].stopped_until_us > 0)
            world.processes[i].stopped_until_us = 1;
    if (n_up() == 0)
        (void)sim_process_start();
    rebalance(true);
    for (uint32_t i = 0; i < world.n_parts; i++) /* so that each is committed once more */
        sim_log_append((int)i, SIM_PUT);
}

static bool is_drained(void)
{
    for (uint32_t i = 0; i < world.n_parts; i++)
        if (world.stored[i].next != world.parts[i].high ||
            world.parts[i].committed != world.parts[i].high)
            return false;
    return true;
}

static void drain(void)
{
    uint64_t end_us = sim_now_us() + (uint64_t)DRAIN_S * 1000000;

    while (!is_drained() && sim_now_us() < end_us && *world.violation == '\0') {
        for (uint32_t i = 0; i < world.n_parts; i++)
            if (world.parts[i].wanted < 0 || !is_up(&world.processes[world.parts[i].wanted])) {
                struct sim_process *to = some_process();
                if (to == NULL)
                    to = sim_process_start();
                world.parts[i].wanted = to != NULL ? (int)to->id : -1;
            }
        go_on(sim_now_us() + 20000);
    }
    for (uint32_t i = 0; i < world.n_parts; i++)
        if (world.stored[i].next != world.parts[i].high ||
            world.parts[i].committed != world.parts[i].high)
            sim_violate("%s/%d comes to no end: the log ends at %lld, stored %lld, committed %lld",
                        world.parts[i].stream, world.parts[i].partition,
                        (long long)world.parts[i].high, (long long)world.stored[i].next,
                        (long long)world.parts[i].committed);
}

static bool any_lives(void)
{
    for (uint32_t i = 0; i < world.n_processes; i++)
        if (sim_process_lives(i))
            return true;
    return false;
}

/* All go, so that their memory is free; after a violation nothing they do counts any more. */
static void all_leave(void)
{
    char violation[sizeof world.violation];
    bool was_wrong = *world.violation != '\0';

    memcpy(violation, world.violation, sizeof violation);
    world.violation[0] = '\0';
    mutation_set(MR_MUTATION_NONE);
    for (uint32_t i = 0; i < world.n_processes; i++) {
        world.processes[i].stopped_until_us = 0;
        sim_stop_process(i, false);
        if (was_wrong)
            world.processes[i].dead = true;
        sim_process_stop(&world.processes[i]);
    }
    while (any_lives()) {
        sim_server_turn();
        for (uint32_t i = 0; i < world.n_processes; i++)
            sim_process_stop(&world.processes[i]); /* one may have been on its way up */
        (void)sim_step(sim_now_us() + 10000);
    }
    world.tables->ops->close(world.tables);
    if (was_wrong)
        memcpy(world.violation, violation, sizeof violation);
}

bool sim_run(uint64_t seed, enum mr_mutation mutation, bool trace)
{
    struct sim_fibers_opts opts = {.seed = seed,
                                   .yield_in = 2 + (uint32_t)(seed % 6) * 5,
                                   .step_us = 1 + (uint32_t)(seed % 5) * 20};
    static const uint32_t n_first[] = {1, 2, 1, 2};

    sim_fibers_begin(&opts);
    mutation_set(mutation);
    world.seed = seed;
    world.trace = trace;
    world_make();
    for (uint32_t i = 0; i < n_first[seed % 4]; i++)
        (void)sim_process_start();
    rebalance(true);
    append_some();
    uint64_t n_events = 1 + sim_below(EVENTS_MOST);
    for (uint64_t i = 0; i < n_events && *world.violation == '\0'; i++) {
        go_on(sim_now_us() + sim_below(sim_once_in(3) ? 400000 : 30000));
        something_happens();
    }
    faults_end();
    drain();
    all_leave();
    return *world.violation == '\0';
}
