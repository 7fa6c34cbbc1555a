/* Who may use which connection: at most pool_max are open, a taker waits its turn for a bounded
 * time, what is too old or unused for long is closed, and each is asked before it is lent again.
 * Sessions keep theirs between flushes; it counts. The lock is never held across a call of libpq.
 */
#include <stdlib.h>
#include <time.h>

#include "base/lock.h"
#include "sinks/pg.h"

#include "base/ban.h"

void mr_pg_pool_init(struct mr_pg_pool *pool, const struct mr_sink_opts *opts) MR_NO_TSA
{
    *pool = (struct mr_pg_pool){.opts = opts};
    mr_lock_init(&pool->lock, 60);
    mr_cond_init(&pool->freed);
}

void mr_pg_pool_release(struct mr_pg_pool *pool) MR_NO_TSA
{
    while (pool->idle != NULL) {
        struct mr_pg_conn *conn = pool->idle;
        pool->idle = conn->next;
        mr_pg_disconnect(conn);
    }
    mr_cond_release(&pool->freed);
    mr_lock_release(&pool->lock);
}

bool mr_pg_pool_too_old(const struct mr_pg_pool *pool, const struct mr_pg_conn *conn)
{
    uint64_t now = mr_mono_ms(&pool->opts->env);
    if (pool->opts->pool_max_age_ms > 0 && now - conn->born_ms >= pool->opts->pool_max_age_ms)
        return true;
    return pool->opts->pool_idle_ms > 0 && now - conn->used_ms >= pool->opts->pool_idle_ms;
}

/* Takes the idle connections that nobody needs out of the list: too old ones, while more than
 * pool_min are there. */
static struct mr_pg_conn *reap_locked(struct mr_pg_pool *pool) MR_REQUIRES(pool->lock)
{
    struct mr_pg_conn *reaped = NULL;
    struct mr_pg_conn **link = &pool->idle;
    while (*link != NULL) {
        struct mr_pg_conn *conn = *link;
        if (pool->n_open <= pool->opts->pool_min || !mr_pg_pool_too_old(pool, conn)) {
            link = &conn->next;
            continue;
        }
        *link = conn->next;
        conn->next = reaped;
        reaped = conn;
        pool->n_idle--;
        pool->n_open--;
    }
    return reaped;
}

static void disconnect_all(struct mr_pg_conn *list)
{
    while (list != NULL) {
        struct mr_pg_conn *next = list->next;
        mr_pg_disconnect(list);
        list = next;
    }
}

/* Waits until a connection is idle (given) or may be opened (NULL, already counted). */
static int turn_wait(struct mr_pg_pool *pool, struct mr_pg_conn **out, struct mr_err *err)
{
    struct timespec deadline;
    mr_clock_deadline(&deadline, pool->opts->pool_wait_ms);
    uint32_t max = pool->opts->pool_max > 0 ? pool->opts->pool_max : 1;
    bool in_time = true;
    mr_lock_take(&pool->lock);
    pool->n_waiting++;
    while (pool->idle == NULL && pool->n_open >= max && in_time)
        in_time = mr_cond_wait_until(&pool->freed, &pool->lock, &deadline);
    pool->n_waiting--;
    *out = pool->idle;
    bool served = true;
    if (pool->idle != NULL) {
        pool->idle = pool->idle->next;
        pool->n_idle--;
    } else if (pool->n_open < max) {
        pool->n_open++;
    } else {
        served = false;
    }
    mr_lock_drop(&pool->lock);
    if (!served)
        return mr_err_set(err, MR_TARGET_POOL_WAIT, "all %u connections were in use for %u ms",
                          (unsigned)max, (unsigned)pool->opts->pool_wait_ms);
    return 0;
}

/* One connection less is open. */
static void closed(struct mr_pg_pool *pool)
{
    mr_lock_take(&pool->lock);
    pool->n_open--;
    mr_cond_wake_one(&pool->freed);
    mr_lock_drop(&pool->lock);
}

int mr_pg_pool_take(struct mr_pg_pool *pool, struct mr_pg_conn **out, struct mr_err *err)
{
    for (;;) {
        struct mr_pg_conn *conn = NULL;
        int rc = turn_wait(pool, &conn, err);
        if (rc < 0)
            return rc;
        if (conn == NULL) {
            rc = mr_pg_connect(pool->opts, out, err);
            if (rc < 0)
                closed(pool);
            return rc;
        }
        conn->next = NULL;
        mr_pg_memory_begin(conn);
        struct mr_err ignored = MR_ERR_INIT;
        if (!mr_pg_pool_too_old(pool, conn) && mr_pg_exec(conn, "", NULL, &ignored) == 0) {
            *out = conn;
            return 0;
        }
        mr_pg_disconnect(conn);
        closed(pool);
    }
}

void mr_pg_pool_give(struct mr_pg_pool *pool, struct mr_pg_conn *conn)
{
    if (conn == NULL)
        return;
    conn->wake_fd = -1;
    conn->interrupted = NULL;
    bool keep = !conn->broken && !mr_pg_pool_too_old(pool, conn);
    if (!keep)
        mr_pg_disconnect(conn);
    struct mr_pg_conn *reaped = NULL;
    mr_lock_take(&pool->lock);
    if (keep) {
        conn->next = pool->idle;
        pool->idle = conn;
        pool->n_idle++;
        reaped = reap_locked(pool);
    } else {
        pool->n_open--;
    }
    mr_cond_wake_one(&pool->freed);
    mr_lock_drop(&pool->lock);
    disconnect_all(reaped);
}
