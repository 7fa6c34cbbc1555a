/* The breaker of a route: so many bad records that the fault is not in them halt the route, before
 * all of them are dead letters (design.md section 6; contract.md section 8, poison.flood). More
 * than MR_BREAKER_FREE bad records of a window that are also more than `max_ratio` of its records,
 * or more than `max_rows`, are too many. Then the window stays until none has come for as long as
 * it lasts: bad records are let pass only as the share of all that landed allows. `millrace resume`
 * begins a fresh window at once, and may raise the limit for a number of records. Threads: any. */
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

/* What /status says of it. */
struct mr_breaker_state {
    bool open;
    struct mr_tally window;
    uint64_t limit;    /* bad records that the window may have as it is now */
    uint64_t accept;   /* records left for which it is raised */
    uint64_t began_ms; /* of the window; monotonic, like the next */
    uint64_t open_ms;  /* since when it is open */
};

struct mr_breaker {
    struct mr_breaker_opts opts;
    struct mr_lock lock; /* rank 46 */
    struct mr_tally window MR_GUARDED_BY(lock);
    uint64_t began_ms MR_GUARDED_BY(lock);
    uint64_t bad_ms MR_GUARDED_BY(lock); /* when the last bad record was met */
    uint64_t open_ms MR_GUARDED_BY(lock);
    uint64_t raised MR_GUARDED_BY(lock); /* what a resume adds to the limit */
    uint64_t accept MR_GUARDED_BY(lock); /* for how many records more */
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
void mr_breaker_read(struct mr_breaker *breaker, uint64_t now_ms, struct mr_breaker_state *out);
/* A fresh window. For the next `accept` records that land the limit is higher by as many, then
 * another window begins. */
void mr_breaker_resume(struct mr_breaker *breaker, uint64_t accept, uint64_t now_ms);

#endif
