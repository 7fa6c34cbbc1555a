/* Who gets which connection, over a scripted libpq. */
#include <poll.h>
#include <pthread.h>

#include "sinks/pg.h"
#include "tests/support/fake_pq.inc"

static struct mr_sink_opts opts;
static struct mr_pg_pool pool;
static struct mr_err err;
static const char *const settings[] = {"2026-11-21T10:00:00.000000", "63"};

MR_SETUP
{
    pq_init();
    mr_err_clear(&err);
    opts = (struct mr_sink_opts){.url = "postgresql:///db",
                                 .pipeline = "shop",
                                 .instance_id = "one",
                                 .pool_min = 1,
                                 .pool_max = 2,
                                 .pool_wait_ms = 10,
                                 .pool_idle_ms = 600000,
                                 .pool_max_age_ms = 3600000,
                                 .statement_timeout_ms = 10000,
                                 .env = {.clock = &pq.clock.base}};
    mr_pg_pool_init(&pool, &opts);
}

static struct mr_pg_conn *take_new(void)
{
    struct mr_pg_conn *conn = NULL;
    pq_expect("CONNECT", pq_done(""));
    pq_expect("set_config", pq_rows(1, 2, settings));
    MR_CHECK_OK(mr_pg_pool_take(&pool, &conn, &err));
    return conn;
}

static void close_all(void)
{
    mr_pg_pool_release(&pool);
    pq_finish();
}

MR_TEST("a connection given back is asked before it is lent again")
{
    struct mr_pg_conn *first = take_new();
    struct mr_pg_conn *again = NULL;
    mr_pg_pool_give(&pool, first);
    pq_expect("", pq_done(""));
    MR_CHECK_OK(mr_pg_pool_take(&pool, &again, &err));
    MR_CHECK(again == first);
    mr_pg_pool_give(&pool, again);
    close_all();
}

MR_TEST("one that does not answer is replaced")
{
    mr_pg_pool_give(&pool, take_new());
    pq_expect("", pq_unsent());
    mr_pg_pool_give(&pool, take_new());
    MR_CHECK_INT(pq.n_open, 2);
    MR_CHECK_INT(pq.n_closed, 1);
    close_all();
}

MR_TEST("a broken one and one beyond its age are closed, and their place is free again")
{
    struct mr_pg_conn *broken = take_new();
    broken->broken = true;
    mr_pg_pool_give(&pool, broken);
    MR_CHECK_INT(pq.n_closed, 1);
    struct mr_pg_conn *old = take_new();
    pq.clock.now_us += UINT64_C(3600) * 1000000;
    mr_pg_pool_give(&pool, old);
    MR_CHECK_INT(pq.n_closed, 2);
    mr_pg_pool_give(&pool, take_new());
    close_all();
}

MR_TEST("beyond the maximum a taker waits, and is told when nothing came free")
{
    struct mr_pg_conn *none = NULL;
    struct mr_pg_conn *one = take_new();
    struct mr_pg_conn *two = take_new();
    MR_CHECK_INT(mr_pg_pool_take(&pool, &none, &err), -MR_TARGET_POOL_WAIT);
    MR_CHECK_INT(err.class, MR_CLASS_RETRY);
    mr_pg_pool_give(&pool, one);
    mr_pg_pool_give(&pool, two);
    close_all();
}

/* Gives the connection back once somebody waits for it. */
static void *give_to_waiting(void *arg)
{
    bool waiting = false;
    while (!waiting) {
        (void)poll(NULL, 0, 1);
        mr_lock_take(&pool.lock);
        waiting = pool.n_waiting > 0;
        mr_lock_drop(&pool.lock);
    }
    mr_pg_pool_give(&pool, arg);
    return NULL;
}

MR_TEST("a taker that waits gets the connection that comes free")
{
    pthread_t thread;
    struct mr_pg_conn *got = NULL;
    opts.pool_max = 1;
    opts.pool_wait_ms = 20000;
    struct mr_pg_conn *only = take_new();
    pq_expect("", pq_done(""));
    MR_CHECK_INT(pthread_create(&thread, NULL, give_to_waiting, only), 0);
    MR_CHECK_OK(mr_pg_pool_take(&pool, &got, &err));
    (void)pthread_join(thread, NULL);
    MR_CHECK(got == only);
    mr_pg_pool_give(&pool, got);
    close_all();
}

MR_TEST("what is idle for long goes, down to the minimum")
{
    struct mr_pg_conn *one = take_new();
    struct mr_pg_conn *two = take_new();
    mr_pg_pool_give(&pool, one);
    pq.clock.now_us += UINT64_C(700) * 1000000;
    two->used_ms = pq.clock.now_us / 1000;
    mr_pg_pool_give(&pool, two);
    MR_CHECK_INT(pq.n_closed, 1);
    close_all();
}

MR_TEST("a connection that cannot be opened takes no place")
{
    struct mr_pg_conn *conn = NULL;
    for (int i = 0; i < 5; i++) {
        pq_expect("CONNECT", pq_refused("", "Connection refused"));
        MR_CHECK_INT(mr_pg_pool_take(&pool, &conn, &err), -MR_TARGET_AWAY);
    }
    close_all();
}
