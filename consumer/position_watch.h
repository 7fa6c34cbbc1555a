/* Looks whether the stored positions are still those that this process claimed. A batch finds that
 * out when it lands; where nothing comes, nobody would: a position that was put by hand would be
 * taken up with the next record, perhaps days later (design.md section 4, Positions). Reads only.
 * Thread: claims. */
#ifndef MR_CONSUMER_POSITION_WATCH_H
#define MR_CONSUMER_POSITION_WATCH_H

#include "consumer/partitions.h"
#include "sinks/sink.h"

/* A look follows another after this time, or a hundred times what the last one took. */
enum { MR_POSITION_WATCH_MS = 5000, MR_POSITION_WATCH_SHARE = 100 };

struct mr_position_watch {
    struct mr_partitions *partitions;
    struct mr_sink *sink;
    const struct mr_env *env;
    uint64_t due_ms; /* 0: the first look comes at once */
};

/* Reads the positions if a look is due, and leaves each flowing partition whose epoch is another
 * one a wish to be fenced. Positions that cannot be read are read next time. */
void mr_position_watch_run(struct mr_position_watch *watch);

#endif
