/* The cache of schemas: contract.md F-42, with threads. */
#include <pthread.h>
#include <sched.h>

#include "tests/support/mr_test.h"
#include "tests/support/registry_script.h"

MR_SETUP
{
    script_setup();
}

MR_TEARDOWN
{
    script_teardown();
}

/* F-40, F-42 */
MR_TEST("a schema is asked for once and then comes from the cache")
{
    script_answer("/schemas/ids/7", 200, SCRIPT_INT_SCHEMA);
    for (int i = 0; i < 3; i++) {
        MR_CHECK_OK(script_get_id(7));
        MR_CHECK_INT(script.schema->root->kind, MR_AV_INT);
        MR_CHECK_INT(script.schema->id, 7);
        MR_CHECK(!script.schema->encrypted);
        script_pass_ms(100000000);
    }
    script_check_all_asked();
    struct mr_registry_stats stats;
    mr_registry_stats(script.registry, &stats);
    MR_CHECK_U64(stats.n_requests, 1);
    MR_CHECK_U64(stats.n_hits, 2);
    MR_CHECK_U64(stats.n_misses, 1);
    MR_CHECK_U64(stats.n_cached, 1);
    MR_CHECK_INT(stats.last_rc, 0);
}

/* F-42 */
MR_TEST("the cache keeps the schemas that were used last")
{
    script.opts.cache_schemas = 2;
    script_answer("/schemas/ids/1", 200, SCRIPT_INT_SCHEMA);
    script_answer("/schemas/ids/2", 200, SCRIPT_INT_SCHEMA);
    script_answer("/schemas/ids/3", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(1));
    MR_CHECK_OK(script_get_id(2));
    MR_CHECK_OK(script_get_id(1));
    struct mr_schema *kept = mr_schema_ref(script.schema);
    MR_CHECK_OK(script_get_id(3)); /* 2 goes */
    MR_CHECK_OK(script_get_id(1));
    script_check_all_asked();
    script_answer("/schemas/ids/2", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(2)); /* 3 goes */
    MR_CHECK_OK(script_get_id(1));
    script_answer("/schemas/ids/3", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(3));
    script_check_all_asked();
    struct mr_registry_stats stats;
    mr_registry_stats(script.registry, &stats);
    MR_CHECK_U64(stats.n_cached, 2);
    MR_CHECK_INT(kept->root->kind, MR_AV_INT); /* what was given out lives on */
    mr_schema_unref(kept);
}

/* F-42 */
MR_TEST("entries of missing ids are bounded too")
{
    script.opts.cache_schemas = 2;
    for (int i = 1; i <= 3; i++) {
        script_answer(NULL, 422, "");
        MR_CHECK_INT(script_get_id(i), -MR_SCHEMA_UNKNOWN_ID);
    }
    script_answer("/schemas/ids/1", 200, SCRIPT_INT_SCHEMA); /* its entry went */
    MR_CHECK_OK(script_get_id(1));
    MR_CHECK_INT(script_get_id(3), -MR_SCHEMA_UNKNOWN_ID);
    script_check_all_asked();
}

enum { N_THREADS = 8 };

struct caller {
    pthread_t thread;
    int64_t id;
    uint32_t deadline_ms;
    int rc;
    enum mr_class class;
    struct mr_schema *schema;
};

static void *caller_run(void *arg)
{
    struct caller *caller = arg;
    struct mr_err err = MR_ERR_INIT;
    struct mr_schema_ref ref;
    memset(&ref, 0, sizeof ref);
    ref.kind = MR_REF_ID;
    ref.id = caller->id;
    caller->rc =
        mr_registry_get(script.registry, &ref, NULL, caller->deadline_ms, &caller->schema, &err);
    caller->class = err.class;
    return NULL;
}

static void callers_start(struct caller *callers, size_t n, bool same_id)
{
    for (size_t i = 0; i < n; i++) {
        callers[i] = (struct caller){.id = same_id ? 1 : (int64_t)i + 1, .deadline_ms = 20000};
        MR_CHECK_OK(mr_thread_start(&callers[i].thread, "caller", caller_run, &callers[i]));
    }
}

static void callers_join(struct caller *callers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pthread_join(callers[i].thread, NULL);
}

static void gate(bool shut)
{
    mr_lock_take(&script.lock);
    script.gate_shut = shut;
    mr_cond_wake_all(&script.cond);
    mr_lock_drop(&script.lock);
}

static void await_at_gate(size_t n)
{
    mr_lock_take(&script.lock);
    while (script.n_at_gate < n)
        mr_cond_wait(&script.cond, &script.lock, 10000);
    mr_lock_drop(&script.lock);
}

static void await_misses(uint64_t n)
{
    struct mr_registry_stats stats;
    do {
        mr_registry_stats(script.registry, &stats);
        sched_yield();
    } while (stats.n_misses < n);
}

/* F-42 */
MR_TEST("threads that want one id share one flight")
{
    struct caller callers[N_THREADS];
    script_start();
    script_answer("/schemas/ids/1", 200, SCRIPT_INT_SCHEMA);
    gate(true);
    callers_start(callers, N_THREADS, true);
    await_misses(N_THREADS); /* all are in: one at the gate, the others wait for it */
    gate(false);
    callers_join(callers, N_THREADS);
    for (size_t i = 0; i < N_THREADS; i++) {
        MR_CHECK_OK(callers[i].rc);
        MR_CHECK(callers[i].schema == callers[0].schema);
        mr_schema_unref(callers[i].schema);
    }
    script_check_all_asked();
}

/* F-42 */
MR_TEST("threads that waited for a flight get its error and make no attempt of their own")
{
    struct caller callers[N_THREADS];
    script_start();
    script_away("/schemas/ids/1");
    gate(true);
    callers_start(callers, N_THREADS, true);
    await_misses(N_THREADS);
    gate(false);
    callers_join(callers, N_THREADS);
    for (size_t i = 0; i < N_THREADS; i++) {
        MR_CHECK_INT(callers[i].rc, -MR_REGISTRY_AWAY);
        MR_CHECK_INT(callers[i].class, MR_CLASS_RETRY);
    }
    script_check_all_asked();
}

MR_TEST("threads that want several ids fly at the same time")
{
    struct caller callers[N_THREADS];
    script_start();
    for (size_t i = 0; i < N_THREADS; i++)
        script_answer(NULL, 200, SCRIPT_INT_SCHEMA);
    gate(true);
    callers_start(callers, N_THREADS, false);
    await_at_gate(N_THREADS); /* would wait for ever if one flight held back another */
    gate(false);
    callers_join(callers, N_THREADS);
    for (size_t i = 0; i < N_THREADS; i++) {
        MR_CHECK_OK(callers[i].rc);
        mr_schema_unref(callers[i].schema);
    }
    script_check_all_asked();
}

MR_TEST("a wait for another thread's flight ends at the deadline")
{
    struct caller flying;
    script_start();
    script_answer("/schemas/ids/1", 200, SCRIPT_INT_SCHEMA);
    gate(true);
    callers_start(&flying, 1, true);
    await_at_gate(1);
    struct caller waiting = {.id = 1, .deadline_ms = 1};
    caller_run(&waiting);
    gate(false);
    callers_join(&flying, 1);
    mr_schema_unref(flying.schema);
    MR_CHECK_INT(waiting.rc, -MR_REGISTRY_AWAY);
    MR_CHECK_OK(flying.rc);
}

/* F-42: entries in flight are not evicted under their threads */
MR_TEST("more flights than the cache has entries all land")
{
    struct caller callers[N_THREADS];
    script.opts.cache_schemas = 1;
    script_start();
    for (size_t i = 0; i < N_THREADS; i++)
        script_answer(NULL, 200, SCRIPT_INT_SCHEMA);
    gate(true);
    callers_start(callers, N_THREADS, false);
    await_at_gate(N_THREADS);
    gate(false);
    callers_join(callers, N_THREADS);
    for (size_t i = 0; i < N_THREADS; i++) {
        MR_CHECK_OK(callers[i].rc);
        mr_schema_unref(callers[i].schema);
    }
    struct mr_registry_stats stats;
    mr_registry_stats(script.registry, &stats);
    MR_CHECK_U64(stats.n_cached, 1);
}
