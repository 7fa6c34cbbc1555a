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

/* An open window ends when no bad record has come for its time, any other one by itself. */
static void window_roll(struct mr_breaker *breaker, uint64_t now_ms) MR_REQUIRES(breaker->lock)
{
    uint64_t since = breaker->open ? breaker->bad_ms : breaker->began_ms;
    if (now_ms - since < breaker->opts.window_ms)
        return;
    breaker->window = (struct mr_tally){0, 0};
    breaker->began_ms = now_ms;
    breaker->open = false;
}

static uint64_t limit_of(const struct mr_breaker_opts *opts, uint64_t n_records)
{
    double share = opts->max_ratio * (double)n_records;
    uint64_t limit = share > (double)MR_BREAKER_FREE ? (uint64_t)share : MR_BREAKER_FREE;
    return limit < opts->max_rows ? limit : opts->max_rows;
}

uint64_t mr_breaker_room(struct mr_breaker *breaker, struct mr_tally batch, uint64_t now_ms)
{
    mr_lock_take(&breaker->lock);
    window_roll(breaker, now_ms);
    uint64_t n_bad = breaker->window.n_bad + batch.n_bad;
    uint64_t limit = limit_of(&breaker->opts, breaker->window.n_records + batch.n_records);
    mr_lock_drop(&breaker->lock);
    return limit > n_bad ? limit - n_bad : 0;
}

void mr_breaker_trip(struct mr_breaker *breaker, uint64_t now_ms)
{
    mr_lock_take(&breaker->lock);
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
    mr_lock_drop(&breaker->lock);
}

bool mr_breaker_is_open(struct mr_breaker *breaker)
{
    mr_lock_take(&breaker->lock);
    bool open = breaker->open;
    mr_lock_drop(&breaker->lock);
    return open;
}
