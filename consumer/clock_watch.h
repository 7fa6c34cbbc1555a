/* Looks whether the wall clock was set. Nothing here goes by it, but the Kafka client waits for
 * points of it (rdtime.h, rd_timeout_init_timespec): set back by an hour while nothing comes, its
 * threads, and ours inside its calls, sleep for an hour longer, no heartbeat is sent, and the group
 * gives the member up. Whoever is woken once computes its end anew. */
#ifndef MR_CONSUMER_CLOCK_WATCH_H
#define MR_CONSUMER_CLOCK_WATCH_H

#include "consumer/service.h"

/* Smaller steps lengthen waits by no more than that; each look begins a new one, so that a clock
 * that is slewed makes none. */
enum { MR_CLOCK_STEP_MS = 500, MR_CLOCK_WAKES = 3 };

struct mr_clock_watch {
    int64_t ahead_ms; /* of the wall clock before the monotonic one, at the last look */
    bool looked;
    int n_wakes; /* still to be made: who was about to sleep is met by the next one */
};

/* By how much the wall clock was set since the last look; 0: it was not. */
int64_t mr_clock_watch_step(struct mr_clock_watch *watch, const struct mr_env *env);
/* Looks, and wakes whoever may sleep too long. Thread: main. */
void mr_clock_watch_tick(struct mr_clock_watch *watch, struct mr_service *service);

#endif
