/* Owns the backoff of every retry in the program. */
#include "consumer/retry.h"

#include <stdbool.h>

#include "base/ban.h"

uint32_t mr_retry_delay_ms(enum mr_class class, uint32_t attempt, struct mr_rng *rng)
{
    bool pause = class == MR_CLASS_PAUSE;
    uint64_t first = pause ? MR_PAUSE_FIRST_MS : MR_RETRY_FIRST_MS;
    uint64_t most = pause ? MR_PAUSE_MOST_MS : MR_RETRY_MOST_MS;
    uint64_t bound = first << (attempt < 16 ? attempt : 16);

    if (bound > most)
        bound = most;
    if (pause)
        return (uint32_t)bound; /* a probe at a known rhythm: jitter would only blur the alarm */
    return (uint32_t)(1 + mr_rng_below(rng, bound));
}
