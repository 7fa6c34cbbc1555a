/* Owns the lock between a test's poll and its fill. */
#include "tests/support/parking.h"

#include <string.h>

enum { RANK = 30, PARK_STEP_MS = 10, ENTER_STEP_MS = 100 };

void parking_init(struct parking *parking, struct mr_source *source, uint32_t lane) MR_NO_TSA
{
    memset(parking, 0, sizeof *parking);
    parking->source = source;
    parking->lane = lane;
    mr_lock_init(&parking->lock, RANK);
    mr_cond_init(&parking->changed);
}

void parking_release(struct parking *parking)
{
    mr_cond_release(&parking->changed);
    mr_lock_release(&parking->lock);
}

void parking_park(struct parking *parking)
{
    struct mr_source *source = parking->source;

    mr_lock_take(&parking->lock);
    parking->n_parks++;
    while (parking->reading) {
        mr_lock_drop(&parking->lock);
        source->ops->wake_lane(source, parking->lane);
        mr_lock_take(&parking->lock);
        if (parking->reading)
            mr_cond_wait(&parking->changed, &parking->lock, PARK_STEP_MS);
    }
    mr_lock_drop(&parking->lock);
}

void parking_unpark(struct parking *parking)
{
    mr_lock_take(&parking->lock);
    parking->n_parks--;
    mr_cond_wake_all(&parking->changed);
    mr_lock_drop(&parking->lock);
}

void parking_stop(struct parking *parking)
{
    struct mr_source *source = parking->source;

    mr_lock_take(&parking->lock);
    parking->stopping = true;
    mr_cond_wake_all(&parking->changed);
    mr_lock_drop(&parking->lock);
    source->ops->wake_lane(source, parking->lane);
}

bool parking_enter(struct parking *parking)
{
    mr_lock_take(&parking->lock);
    while (parking->n_parks > 0 && !parking->stopping)
        mr_cond_wait(&parking->changed, &parking->lock, ENTER_STEP_MS);
    bool ok = parking->n_parks == 0 && !parking->stopping;
    parking->reading = ok;
    mr_lock_drop(&parking->lock);
    return ok;
}

void parking_leave(struct parking *parking)
{
    mr_lock_take(&parking->lock);
    parking->reading = false;
    mr_cond_wake_all(&parking->changed);
    mr_lock_drop(&parking->lock);
}

bool parking_is_stopping(struct parking *parking)
{
    mr_lock_take(&parking->lock);
    bool stopping = parking->stopping;
    mr_lock_drop(&parking->lock);
    return stopping;
}

void parking_doze(struct parking *parking, uint32_t most_ms)
{
    mr_lock_take(&parking->lock);
    mr_cond_wait(&parking->changed, &parking->lock, most_ms);
    mr_lock_drop(&parking->lock);
}
