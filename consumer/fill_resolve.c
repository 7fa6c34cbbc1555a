/* Owns fill's way from a writer's body to the plan's. It decides no fate: a fault goes back to fill
 * with its class. */
#include "consumer/lane.h"

#include "base/ban.h"

int mr_fill_resolve(struct mr_lane *lane, const struct mr_target *target,
                    const struct mr_record_in *in, struct mr_record_in *out, struct mr_err *err)
{
    const struct mr_transcode_via via = {.value = mr_plans_resolver(lane->plans, false),
                                         .key = mr_plans_resolver(lane->plans, true),
                                         .max_zero = target->rule->route.max_zero_size_items};

    return mr_transcode_resolve(lane->transcode, &via, in, out, err);
}
