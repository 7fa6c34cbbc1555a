/* The breaker of a route: so many bad records that the fault is not in them halt the route, before
 * all of them are dead letters (design.md section 6; contract.md section 8, poison.flood). More
 * than MR_BREAKER_FREE bad records of a window that are also more than `max_ratio` of its records,
 * or more than `max_rows`, are too many. Then the window stays until none has come for as long as
 * it lasts: bad records are let pass only as the share of all that landed allows. Threads: any. */
#ifndef MR_CONSUMER_BREAKER_H
#define MR_CONSUMER_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"

enum { MR_BREAKER_FREE = 16 };

struct mr_breaker_opts {
    double max_ratio;
    uint64_t max_rows;
    uint64_t window_ms;
};

/* Records of one route. */
struct mr_tally {
    uint64_t n_records; /* the bad ones among them */
    uint64_t n_bad;
};

struct mr_breaker {
    struct mr_breaker_opts opts;
    struct mr_lock lock; /* rank 46 */
    struct mr_tally window MR_GUARDED_BY(lock);
    uint64_t began_ms MR_GUARDED_BY(lock);
    uint64_t bad_ms MR_GUARDED_BY(lock); /* when the last bad record was met */
    bool open MR_GUARDED_BY(lock);
};

void mr_breaker_init(struct mr_breaker *breaker, const struct mr_breaker_opts *opts);
void mr_breaker_release(struct mr_breaker *breaker);

/* How many bad records more may be put aside, when a batch that is not durable yet has `batch` of
 * the route. `now_ms` is monotonic here and below. */
uint64_t mr_breaker_room(struct mr_breaker *breaker, struct mr_tally batch, uint64_t now_ms);
/* One more than that was met. */
void mr_breaker_trip(struct mr_breaker *breaker, uint64_t now_ms);
/* Records that are durable, or put aside durably. */
void mr_breaker_count(struct mr_breaker *breaker, struct mr_tally landed, uint64_t now_ms);
bool mr_breaker_is_open(struct mr_breaker *breaker);

#endif
