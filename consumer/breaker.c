/* Owns the counts of a route's window. What becomes of a record, fill and flush decide. */
#include "consumer/breaker.h"

#include <string.h>

#include "base/ban.h"

void mr_breaker_init(struct mr_breaker *breaker, const struct mr_breaker_opts *opts)
{
    memset(breaker, 0, sizeof *breaker);
    breaker->opts = *opts;
    mr_lock_init(&breaker->lock, 46);
}

void mr_breaker_release(struct mr_breaker *breaker)
{
    mr_lock_release(&breaker->lock);
}

static void window_begin(struct mr_breaker *breaker, uint64_t now_ms) MR_REQUIRES(breaker->lock)
{
    breaker->window = (struct mr_tally){0, 0};
    breaker->began_ms = now_ms;
    breaker->open = false;
}

/* An open window ends when no bad record has come for its time, any other one by itself. */
static void window_roll(struct mr_breaker *breaker, uint64_t now_ms) MR_REQUIRES(breaker->lock)
{
    uint64_t since = breaker->open ? breaker->bad_ms : breaker->began_ms;
    /* a flush that began before another lane's end has an older idea of now */
    if (now_ms < since || now_ms - since < breaker->opts.window_ms)
        return;
    window_begin(breaker, now_ms);
}

static uint64_t limit_of(const struct mr_breaker *breaker, uint64_t n_records)
    MR_REQUIRES(breaker->lock)
{
    const struct mr_breaker_opts *opts = &breaker->opts;
    double share = opts->max_ratio * (double)n_records;
    uint64_t limit = share > (double)MR_BREAKER_FREE ? (uint64_t)share : MR_BREAKER_FREE;
    limit = limit < opts->max_rows ? limit : opts->max_rows;
    return limit < UINT64_MAX - breaker->raised ? limit + breaker->raised : UINT64_MAX;
}

uint64_t mr_breaker_room(struct mr_breaker *breaker, struct mr_tally batch, uint64_t now_ms)
{
    mr_lock_take(&breaker->lock);
    window_roll(breaker, now_ms);
    uint64_t n_bad = breaker->window.n_bad + batch.n_bad;
    uint64_t limit = limit_of(breaker, breaker->window.n_records + batch.n_records);
    mr_lock_drop(&breaker->lock);
    return limit > n_bad ? limit - n_bad : 0;
}

void mr_breaker_trip(struct mr_breaker *breaker, uint64_t now_ms)
{
    mr_lock_take(&breaker->lock);
    if (!breaker->open)
        breaker->open_ms = now_ms;
    breaker->open = true;
    breaker->bad_ms = now_ms;
    mr_lock_drop(&breaker->lock);
}

void mr_breaker_count(struct mr_breaker *breaker, struct mr_tally landed, uint64_t now_ms)
{
    mr_lock_take(&breaker->lock);
    window_roll(breaker, now_ms);
    breaker->window.n_records += landed.n_records;
    breaker->window.n_bad += landed.n_bad;
    if (landed.n_bad > 0)
        breaker->bad_ms = now_ms;
    bool raised = breaker->accept > 0;
    breaker->accept -= landed.n_records < breaker->accept ? landed.n_records : breaker->accept;
    if (raised && breaker->accept == 0) {
        breaker->raised = 0;
        window_begin(breaker, now_ms); /* what was accepted is not held against the next */
    }
    mr_lock_drop(&breaker->lock);
}

bool mr_breaker_is_open(struct mr_breaker *breaker)
{
    mr_lock_take(&breaker->lock);
    bool open = breaker->open;
    mr_lock_drop(&breaker->lock);
    return open;
}

void mr_breaker_read(struct mr_breaker *breaker, uint64_t now_ms, struct mr_breaker_state *out)
{
    mr_lock_take(&breaker->lock);
    window_roll(breaker, now_ms);
    *out = (struct mr_breaker_state){.open = breaker->open,
                                     .window = breaker->window,
                                     .limit = limit_of(breaker, breaker->window.n_records),
                                     .accept = breaker->accept,
                                     .began_ms = breaker->began_ms,
                                     .open_ms = breaker->open_ms};
    mr_lock_drop(&breaker->lock);
}

void mr_breaker_resume(struct mr_breaker *breaker, uint64_t accept, uint64_t now_ms)
{
    mr_lock_take(&breaker->lock);
    window_begin(breaker, now_ms);
    breaker->raised = accept;
    breaker->accept = accept;
    mr_lock_drop(&breaker->lock);
}
