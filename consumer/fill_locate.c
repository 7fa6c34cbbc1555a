/* Owns fill's way to a record's table where its source names it (contract.md E-30). */
#include "consumer/lane.h"

#include "base/ban.h"

int mr_fill_locate(struct mr_lane *lane, struct mr_record *record, struct mr_plan_for *want,
                   struct mr_slice value, struct mr_err *err)
{
    struct mr_target *stem = want->target;

    if (value.data == NULL) /* tombstones name no table; the d before it did the work */
        return -MR_SKIP;
    int rc = mr_locators_find(lane->locators, want, value, &record->target, err);
    if (rc == -MR_EMPTY) {
        mr_lane_ask(lane);
        rc = mr_locators_resolve(lane->locators, want, lane->shared->resolve_deadline_ms, err);
        if (!mr_lane_enter(lane) || atomic_load(&record->part->generation) != record->generation)
            return -MR_AGAIN;
        if (rc == 0)
            rc = mr_locators_find(lane->locators, want, value, &record->target, err);
    }
    if (rc < 0)
        return rc;
    mr_target_clear(stem); /* what names could not be told by is over */
    want->target = record->target;
    return 0;
}
