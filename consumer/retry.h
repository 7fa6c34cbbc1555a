/* Backoff: the only place that decides how long to wait before the same thing is tried again. Full
 * jitter over an exponential bound (contract.md section 0, RETRY). Pure. */
#ifndef MR_CONSUMER_RETRY_H
#define MR_CONSUMER_RETRY_H

#include "base/clock.h"
#include "base/err.h"

enum { MR_RETRY_FIRST_MS = 100, MR_RETRY_MOST_MS = 30000 };
enum { MR_PAUSE_FIRST_MS = 5000, MR_PAUSE_MOST_MS = 60000 }; /* the probe of a full target */

/* The wait before attempt number `attempt` (0: the first repetition). */
uint32_t mr_retry_delay_ms(enum mr_class class, uint32_t attempt, struct mr_rng *rng);

#endif
