/* The demo's producer thread: draws records from the generator and sends them to the broker of this
 * process, at most MR_DEMO_AHEAD_BYTES a partition ahead of what is loaded, since that broker
 * forgets what is older than 5 MiB. It sends so many records and rests; while it rests, the
 * generator's model is what the target must become. */
#ifndef MR_CONSUMER_DEMO_FEED_H
#define MR_CONSUMER_DEMO_FEED_H

#include "consumer/demo_generator.h"
#include "consumer/partitions.h"

enum { MR_DEMO_AHEAD_BYTES = 1024 * 1024, MR_DEMO_STEPS_A_SECOND = 10 };

struct mr_demo_feed_opts {
    const char *bootstrap; /* borrowed until open returns */
    uint64_t n_records;
    uint64_t seed;
};

struct mr_demo_feed;

/* Gives: mr_demo_feed_close(). */
int mr_demo_feed_open(const struct mr_demo_feed_opts *opts, struct mr_demo_feed **out,
                      struct mr_err *err);
/* Begins to send. `partitions` says how far they are loaded; borrowed until close. */
int mr_demo_feed_start(struct mr_demo_feed *feed, struct mr_partitions *partitions,
                       struct mr_err *err);
/* After the rest: goes on without end, at `rate` records a second. */
void mr_demo_feed_continue(struct mr_demo_feed *feed, uint32_t rate);
/* Ends the thread and frees all. NULL is fine. The partitions may be gone only after it. */
void mr_demo_feed_close(struct mr_demo_feed *feed);

/* Any thread. */
uint64_t mr_demo_feed_sent(const struct mr_demo_feed *feed);
uint64_t mr_demo_feed_broken(const struct mr_demo_feed *feed); /* of them cut off */
/* Whether it could not go on, and why. */
bool mr_demo_feed_failed(struct mr_demo_feed *feed, struct mr_err *out);
/* Whether it rests and all that it sent is loaded. The model may be read then. */
bool mr_demo_feed_is_loaded(struct mr_demo_feed *feed);
struct mr_demo_model *mr_demo_feed_model(struct mr_demo_feed *feed);

#endif
