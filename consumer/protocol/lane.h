/* clang-format off: the table keeps its columns */
/* What a lane's fill thread does next, as a pure function of what it sees. The fill thread asks it
 * once a turn; the table below is tried from top to bottom, the first row that holds decides.
 *
 * when                                             then
 * parked                                           PARK       wait until poll lets go
 * stopping and nothing gathered                    STOP
 * draining, something gathered, writer free        HAND_OVER
 * draining, something gathered                     WAIT
 * draining                                         PARK
 * full or due, writer free                         HAND_OVER
 * full                                             WAIT       the fetch queue's limit holds back
 * caught up, something gathered, writer free       HAND_OVER  idleness: do not wait for more
 * else                                             READ       at most until the batch is due
 *
 * full = rows or bytes reached; due = the oldest record has waited batch.max_wait; caught up = the
 * last read found nothing (dry), and no partition of the batch is known to have more in its log
 * (behind: it is only on its way here); writer free = it could begin at once; a unit test walks
 * every combination. */
/* clang-format on */
#ifndef MR_CONSUMER_PROTOCOL_LANE_H
#define MR_CONSUMER_PROTOCOL_LANE_H

#include <stdbool.h>
#include <stdint.h>

enum mr_lane_action {
    MR_LANE_DO_READ,
    MR_LANE_DO_HAND_OVER,
    MR_LANE_DO_WAIT,
    MR_LANE_DO_PARK,
    MR_LANE_DO_STOP
};

struct mr_lane_view {
    bool parked;   /* poll works on one of its partitions */
    bool draining; /* flush what there is, read nothing more (revoke, stop) */
    bool stopping; /* the lane ends after its drain */
    bool writer_free;
    bool dry;
    bool behind;
    bool full;
    uint32_t n_records; /* gathered and not handed over */
    uint64_t age_ms;    /* of the oldest of them */
    uint64_t max_wait_ms;
};

enum mr_lane_action mr_lane_next(const struct mr_lane_view *view);

/* How long a read may block, in milliseconds, at most `most_ms`. */
uint32_t mr_lane_read_ms(const struct mr_lane_view *view, uint32_t most_ms);

#endif
