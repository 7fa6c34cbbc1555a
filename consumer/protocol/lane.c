/* Owns the decision table of a lane's fill thread. Pure: no thread, source or target in here. */
#include "consumer/protocol/lane.h"

#include "base/ban.h"

enum mr_lane_action mr_lane_next(const struct mr_lane_view *v)
{
    bool some = v->n_records > 0;
    bool due = some && v->age_ms >= v->max_wait_ms;

    if (v->parked)
        return MR_LANE_DO_PARK;
    if (v->stopping && !some)
        return MR_LANE_DO_STOP;
    if (v->draining && some)
        return v->writer_free ? MR_LANE_DO_HAND_OVER : MR_LANE_DO_WAIT;
    if (v->draining)
        return MR_LANE_DO_PARK;
    if ((v->full || due) && v->writer_free)
        return MR_LANE_DO_HAND_OVER;
    if (v->full)
        return MR_LANE_DO_WAIT;
    if (v->dry && !v->behind && some && v->writer_free)
        return MR_LANE_DO_HAND_OVER;
    return MR_LANE_DO_READ;
}

uint32_t mr_lane_read_ms(const struct mr_lane_view *v, uint32_t most_ms)
{
    if (v->n_records == 0)
        return most_ms;
    if (v->writer_free && !v->dry)
        return 0; /* look once whether there is more before handing over */
    if (v->age_ms >= v->max_wait_ms)
        return most_ms; /* only the writer is waited for, and it ends the read when it is free */
    uint64_t left = v->max_wait_ms - v->age_ms;
    return left < most_ms ? (uint32_t)left : most_ms;
}
