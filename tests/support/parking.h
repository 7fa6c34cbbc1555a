/* The parking discipline of consumer/lane.c for tests that play a lane themselves: fill reads
 * inside a section; whoever changes the assignment waits until fill is outside, and keeps it there.
 */
#ifndef MR_TESTS_SUPPORT_PARKING_H
#define MR_TESTS_SUPPORT_PARKING_H

#include "base/lock.h"
#include "consumer/source.h"

struct parking {
    struct mr_source *source;
    uint32_t lane;
    struct mr_lock lock; /* rank 30 */
    struct mr_cond changed;
    uint32_t n_parks MR_GUARDED_BY(lock);
    bool reading MR_GUARDED_BY(lock);
    bool stopping MR_GUARDED_BY(lock);
};

void parking_init(struct parking *parking, struct mr_source *source, uint32_t lane);
void parking_release(struct parking *parking);

/* ---- thread: poll ---- */
/* Returns when fill is outside, where it stays until parking_unpark. Nests. */
void parking_park(struct parking *parking);
void parking_unpark(struct parking *parking);
/* Wakes fill and keeps it outside for good. */
void parking_stop(struct parking *parking);

/* ---- thread: fill ---- */
bool parking_enter(struct parking *parking); /* false: parked for long, or stopping */
void parking_leave(struct parking *parking);
bool parking_is_stopping(struct parking *parking);
/* Waits outside the section, at most that long. Any thread. */
void parking_doze(struct parking *parking, uint32_t most_ms);

#endif
