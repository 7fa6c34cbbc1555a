/* `millrace resume`: a halted route goes on at once, with a fresh window of its breaker (design.md
 * sections 6 and 8). Threads: any. */
#ifndef MR_CONSUMER_RESUME_H
#define MR_CONSUMER_RESUME_H

#include "consumer/service.h"

enum { MR_RESUME_MAX_ACCEPT = 1000000000 };

struct mr_resumed {
    const char *route;      /* its label */
    uint32_t n_partitions;  /* that were halted, and are tried now */
    uint32_t n_tables;      /* likewise */
    struct mr_tally before; /* the window that ended */
    bool was_open;
};

/* `route`: the topic or regex of an entry of `tables`, or a topic or table of it that this instance
 * has met. For the next `accept` records the breaker's limit is higher by as many. Every table and
 * partition of the route that is halted, whatever for, is tried at once. False: no such route. */
bool mr_resume(struct mr_service *service, const char *route, uint64_t accept,
               struct mr_resumed *out);

#endif
