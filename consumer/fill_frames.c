/* Owns fill's way from a record's payloads to Avro bodies, and from a writer's body to the plan's.
 * It decides no fate: a fault goes back to fill with its class. */
#include "consumer/lane.h"

#include "base/ban.h"

static struct mr_transcode_for transcode_for(const struct mr_target *target, bool is_key)
{
    return (struct mr_transcode_for){
        .route = &target->rule->route, .scope = target->idx, .is_key = is_key};
}

int mr_fill_frames(struct mr_lane *lane, const struct mr_record *record, struct mr_frame *key,
                   struct mr_frame *value, struct mr_err *err)
{
    const struct mr_target *target = record->target;
    const struct mr_route *route = &target->rule->route;
    const struct mr_transcode_for of[] = {transcode_for(target, false),
                                          transcode_for(target, true)};

    if (record->key.len + record->value.len > route->max_record_bytes)
        return mr_err_set(err, MR_FRAMING_TOO_LARGE, "%zu bytes, the limit is %zu",
                          record->key.len + record->value.len, route->max_record_bytes);
    int rc =
        mr_framing_open(record->value, false, route->value_format, &record->headers, value, err);
    if (rc == 0)
        rc = mr_framing_open(record->key, true, route->key_format, &record->headers, key, err);
    if (rc == 0 && (value->ref.kind == MR_REF_RAW || value->ref.kind == MR_REF_CONFIGURED))
        rc = mr_transcode_open(lane->transcode, &of[0], value, err);
    if (rc == 0 && (key->ref.kind == MR_REF_RAW || key->ref.kind == MR_REF_CONFIGURED))
        rc = mr_transcode_open(lane->transcode, &of[1], key, err);
    return rc;
}

int mr_fill_resolve(struct mr_lane *lane, const struct mr_target *target,
                    const struct mr_record_in *in, struct mr_record_in *out, struct mr_err *err)
{
    const struct mr_transcode_via via = {.value = mr_plans_resolver(lane->plans, false),
                                         .key = mr_plans_resolver(lane->plans, true),
                                         .max_zero = target->rule->route.max_zero_size_items};

    return mr_transcode_resolve(lane->transcode, &via, in, out, err);
}
