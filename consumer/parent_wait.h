/* How long the records of a partition have waited for rows of other tables (contract.md Q-24). A
 * record's clock begins when it is refused first, and what its batch had behind it then waits from
 * the same moment on, so that many such records cost one wait. Pure. */
#ifndef MR_CONSUMER_PARENT_WAIT_H
#define MR_CONSUMER_PARENT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum { MR_PARENT_WAIT_CLOCKS = 8 };

/* Records [from, to) since then, monotonic like now_ms below. */
struct mr_parent_clock {
    int64_t from, to;
    uint64_t since_ms;
};

struct mr_parent_wait {
    struct mr_parent_clock clocks[MR_PARENT_WAIT_CLOCKS]; /* by offset, disjoint */
    uint32_t n;
};

/* The record at `at` was refused, in a batch that holds its partition's records from `position` up
 * to `next`. With too many clocks it shares its neighbour's. */
void mr_parent_wait_note(struct mr_parent_wait *wait, const struct mr_parent_clock *batch,
                         int64_t at);
/* Has it waited for `limit_ms`? Nobody has who is refused for the first time, whatever the limit
 * is: what the record asks for may come with its own batch. */
bool mr_parent_wait_is_over(const struct mr_parent_wait *wait, int64_t at, uint64_t limit_ms,
                            uint64_t now_ms);
/* Has the record at `at` waited behind another one, which stands in the same batch, one whose first
 * record is at `position`? */
bool mr_parent_wait_is_behind(const struct mr_parent_wait *wait, int64_t at, int64_t position);
/* How long until the record at `at` is tried again: by backoff, as after an outage that has lasted
 * as long as the partition's oldest wait, but no later than when its own is over. */
uint32_t mr_parent_wait_delay_ms(const struct mr_parent_wait *wait, int64_t at, uint64_t limit_ms,
                                 uint64_t now_ms, struct mr_rng *rng);

#endif
