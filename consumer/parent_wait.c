/* Owns the clocks of records that wait for rows of other tables. */
#include "consumer/parent_wait.h"

#include <stddef.h>
#include <string.h>

#include "consumer/retry.h"

#include "base/ban.h"

enum { MAX_ATTEMPT = 16 };

static const struct mr_parent_clock *clock_of(const struct mr_parent_wait *wait, int64_t at)
{
    for (uint32_t i = 0; i < wait->n; i++)
        if (at >= wait->clocks[i].from && at < wait->clocks[i].to)
            return &wait->clocks[i];
    return NULL;
}

/* What stands before the partition's position has landed. */
static void passed_drop(struct mr_parent_wait *wait, int64_t position)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < wait->n; i++)
        if (wait->clocks[i].to > position)
            wait->clocks[n++] = wait->clocks[i];
    wait->n = n;
}

void mr_parent_wait_note(struct mr_parent_wait *wait, const struct mr_parent_clock *batch,
                         int64_t at)
{
    struct mr_parent_clock *clocks = wait->clocks;
    uint32_t i = 0;

    passed_drop(wait, batch->from);
    if (clock_of(wait, at) != NULL)
        return;
    while (i < wait->n && clocks[i].from < at)
        i++;
    if (wait->n == MR_PARENT_WAIT_CLOCKS) {
        if (i > 0)
            clocks[i - 1].to = at + 1;
        else
            clocks[0].from = at;
        return;
    }
    int64_t to = batch->to > at ? batch->to : at + 1;
    if (i < wait->n && clocks[i].from < to)
        to = clocks[i].from;
    memmove(&clocks[i + 1], &clocks[i], (wait->n - i) * sizeof *clocks);
    clocks[i] = (struct mr_parent_clock){.from = at, .to = to, .since_ms = batch->since_ms};
    wait->n++;
}

bool mr_parent_wait_is_over(const struct mr_parent_wait *wait, int64_t at, uint64_t limit_ms,
                            uint64_t now_ms)
{
    const struct mr_parent_clock *clock = clock_of(wait, at);
    return clock != NULL && now_ms - clock->since_ms >= limit_ms;
}

bool mr_parent_wait_is_behind(const struct mr_parent_wait *wait, int64_t at, int64_t position)
{
    const struct mr_parent_clock *clock = clock_of(wait, at);
    return clock != NULL && clock->from < at && clock->from >= position;
}

static uint64_t oldest_ms(const struct mr_parent_wait *wait, uint64_t now_ms)
{
    uint64_t age_ms = 0;

    for (uint32_t i = 0; i < wait->n; i++)
        if (now_ms - wait->clocks[i].since_ms > age_ms)
            age_ms = now_ms - wait->clocks[i].since_ms;
    return age_ms;
}

uint32_t mr_parent_wait_delay_ms(const struct mr_parent_wait *wait, int64_t at, uint64_t limit_ms,
                                 uint64_t now_ms, struct mr_rng *rng)
{
    const struct mr_parent_clock *clock = clock_of(wait, at);
    uint64_t waited_ms = clock != NULL ? now_ms - clock->since_ms : 0;
    uint64_t left_ms = waited_ms < limit_ms ? limit_ms - waited_ms : 0;
    uint64_t age_ms = oldest_ms(wait, now_ms);
    uint32_t attempt = 0;

    while (attempt < MAX_ATTEMPT && ((uint64_t)MR_RETRY_FIRST_MS << attempt) < age_ms)
        attempt++;
    uint32_t delay_ms = mr_retry_delay_ms(MR_CLASS_RETRY, attempt, rng);
    return delay_ms < left_ms ? delay_ms : (uint32_t)left_ms;
}
