/* The product's lanes, writers, claims and poll loop over a fake log and a fake target, in virtual
 * time: seeds are interleavings of deliveries, crashes, stalls, rebalances, cut connections and
 * commits without an answer (G-01 to G-04, K-12, Q-01). The oracle is in server.c.
 *
 *   MR_SIM_MEMORY_RUNS=n  so many seeds in each of which memory lacks once, instead of 3,000
 *   MR_SIM_RUNS=1000000   so many seeds instead of 10,000
 *   MR_SIM_SEED=123       this one alone, with a trace
 *   MR_SIM_MUTATION=NAME  that bug switched on (base/mutation.def) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "tests/sim/world.h"
#include "tests/support/memory_gate.h"
#include "tests/support/mr_test.h"

enum { RUNS = 10000, MEMORY_RUNS = 3000, MEMORY_BEFORE = 50, MEMORY_MOST = 400 };

/* ---- the registry: id 1 the value, id 2 the key ---- */

#define FIELD(name) "{\\\"name\\\":\\\"" name "\\\",\\\"type\\\":\\\"long\\\"}"
#define SCHEMA(name, fields)                                                                       \
    "{\"schema\": \"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"" name                           \
    "\\\",\\\"fields\\\":[" fields "]}\"}"

static int script_open(const struct mr_registry_opts *opts, void **conn, struct mr_err *err)
{
    static int one;

    (void)opts;
    (void)err;
    *conn = &one;
    return 0;
}

static int script_get(void *conn, const char *path, struct mr_registry_answer *answer,
                      struct mr_err *err)
{
    bool value = strstr(path, "/1?") != NULL || strcmp(path, "/schemas/ids/1") == 0;

    (void)conn;
    (void)err;
    mr_buf_reset(&answer->body);
    mr_buf_str(&answer->body,
               value ? SCHEMA("V", FIELD("id") "," FIELD("v")) : SCHEMA("K", FIELD("id")));
    answer->retry_after_ms = 0;
    answer->status = 200;
    return 0;
}

static void script_close(void *conn)
{
    (void)conn;
}

static const struct mr_registry_fetch_ops script = {"script", script_open, script_get,
                                                    script_close};

static void log_line(const char *line, size_t len, void *arg)
{
    (void)arg;
    if (world.trace)
        (void)fprintf(stderr, "%11s %.*s", "", (int)len, line);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL && *text != '\0' ? strtoull(text, NULL, 10) : otherwise;
}

/* What is kept for all runs is asked for once before: no run may differ by what was before it. */
MR_SETUP
{
    struct mr_registry_opts opts = {.name = "default",
                                    .urls = {"http://x"},
                                    .n_urls = 1,
                                    .timeout_ms = 1000,
                                    .cache_schemas = 100,
                                    .missing_ttl_ms = 1000,
                                    .schema = {.lenient_names = true}};
    struct mr_env env = {.clock = &sim_clock_still};
    struct mr_err err = MR_ERR_INIT;

    mr_rng_init(&env.rng, 1);
    mr_log_set_clock(&sim_clock_still);
    mr_log_set_hook(log_line, NULL);
    mr_log_set_level(MR_DEBUG);
    MR_CHECK_OK(mr_registry_new(&opts, &script, env, &world.registry, &err));
    world.metrics = mr_metrics_new(mr_meters, MR_N_METERS);
    for (int32_t id = 1; id <= 2; id++) {
        struct mr_schema_ref ref = {.kind = MR_REF_ID, .id = id};
        struct mr_schema *schema = NULL;
        MR_CHECK_OK(mr_registry_get(world.registry, &ref, NULL, 1000, &schema, &err));
        mr_schema_unref(schema);
    }
}

MR_TEARDOWN
{
    mr_registry_free(world.registry);
    mr_metrics_free(world.metrics);
    mr_log_set_hook(NULL, NULL);
    mr_log_set_clock(NULL);
}

static enum mr_mutation mutation_wanted;

#if defined(MR_FAULTS) && MR_FAULTS
static void mutation_from_env(void)
{
    const char *text = getenv("MR_SIM_MUTATION");

    mutation_wanted = MR_MUTATION_NONE;
    for (int i = 0; text != NULL && i < MR_N_MUTATIONS; i++)
        if (strcmp(text, mr_mutation_name((enum mr_mutation)i)) == 0)
            mutation_wanted = (enum mr_mutation)i;
}
#else
static void mutation_from_env(void)
{
}
#endif

/* G-01, G-02, G-03, G-04, K-12, Q-01 */
MR_TEST(
    "nothing is lost, nothing comes twice, and positions equal rows, at every commit of every seed")
{
    uint64_t n_runs = number_of("MR_SIM_RUNS", RUNS);
    uint64_t first = number_of("MR_SIM_SEED", 0);
    uint64_t commits = 0, doubts = 0, late = 0, fenced = 0, crashes = 0, stops = 0, steps = 0,
             records = 0;

    mutation_from_env();
    mr_log_set_level(first > 0 ? MR_DEBUG : MR_ERROR);
    for (uint64_t seed = first > 0 ? first : 1; seed <= (first > 0 ? first : n_runs); seed++) {
        if (!sim_run(seed, mutation_wanted, first > 0))
            MR_FAIL("MR_SIM_SEED=%llu: %s", (unsigned long long)seed, world.violation);
        commits += world.n.commits;
        doubts += world.n.doubts;
        late += world.n.late;
        fenced += world.n.fenced;
        crashes += world.n.crashes;
        stops += world.n.stops;
        records += world.n.records;
        steps += sim_n_steps();
    }
    (void)printf("simulated: %llu runs, %llu records, %llu commits, %llu in doubt (%llu late), "
                 "%llu fenced, %llu kills, %llu stalls, %llu turns: 0 violations\n",
                 (unsigned long long)(first > 0 ? 1 : n_runs), (unsigned long long)records,
                 (unsigned long long)commits, (unsigned long long)doubts, (unsigned long long)late,
                 (unsigned long long)fenced, (unsigned long long)crashes, (unsigned long long)stops,
                 (unsigned long long)steps);
}

/* G-01, G-07: each run lacks memory once, at an allocation of its own choice. */
MR_TEST("nothing is lost and nothing comes twice wherever memory lacks once")
{
    uint64_t n_runs = number_of("MR_SIM_MEMORY_RUNS", MEMORY_RUNS);
    uint64_t first = number_of("MR_SIM_SEED", 0);
    uint64_t n_refused = 0, commits = 0;

    mr_log_set_level(MR_ERROR);
    for (uint64_t seed = 1; seed <= MEMORY_BEFORE; seed++) /* what is made once is there then */
        MR_CHECK(sim_run(seed, MR_MUTATION_NONE, false));
    mr_log_set_level(first > 0 ? MR_DEBUG : MR_ERROR);
    world.memory_lacks = true;
    for (uint64_t seed = first > 0 ? first : 1; seed <= (first > 0 ? first : n_runs); seed++) {
        memory_gate_arm((int)(seed * 7919 % MEMORY_MOST));
        bool ok = sim_run(seed, MR_MUTATION_NONE, first > 0);
        n_refused += memory_gate_disarm() ? 1 : 0;
        if (!ok)
            MR_FAIL("MR_SIM_SEED=%llu: %s", (unsigned long long)seed, world.violation);
        commits += world.n.commits;
    }
    world.memory_lacks = false;
    (void)printf("simulated: %llu runs, in %llu memory lacked, %llu commits: 0 violations\n",
                 (unsigned long long)(first > 0 ? 1 : n_runs), (unsigned long long)n_refused,
                 (unsigned long long)commits);
    MR_CHECK(first > 0 || n_refused > n_runs / 2);
}

#if defined(MR_FAULTS) && MR_FAULTS
/* The oracle can fail: each bug that a test can switch on is found within as many seeds. */
MR_TEST("every seeded bug of base/mutation.def is found")
{
    mr_log_set_level(MR_ERROR);
    for (int m = MR_MUTATION_NONE + 1; m < MR_N_MUTATIONS; m++) {
        uint64_t seed = 1;
        while (seed <= RUNS && sim_run(seed, (enum mr_mutation)m, false))
            seed++;
        if (seed > RUNS)
            MR_FAIL("%s lives through %d seeds", mr_mutation_name((enum mr_mutation)m), (int)RUNS);
        (void)printf("simulated: %-22s found by seed %4llu: %s\n",
                     mr_mutation_name((enum mr_mutation)m), (unsigned long long)seed,
                     world.violation);
    }
}
#endif

/* A seed is all that a run depends on. */
MR_TEST("the same seed is the same run")
{
    mr_log_set_level(MR_ERROR);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        MR_CHECK(sim_run(seed, MR_MUTATION_NONE, false));
        uint64_t steps = sim_n_steps(), now_us = sim_now_us(), commits = world.n.commits;
        MR_CHECK(sim_run(seed, MR_MUTATION_NONE, false));
        MR_CHECK_U64(sim_n_steps(), steps);
        MR_CHECK_U64(sim_now_us(), now_us);
        MR_CHECK_U64(world.n.commits, commits);
    }
}
