/* Owns the way from a record's payloads to Avro bodies. It decides no fate. */
#include "consumer/frames.h"

#include "base/ban.h"

static struct mr_transcode_for transcode_for(const struct mr_target *target, bool is_key)
{
    return (struct mr_transcode_for){
        .route = &target->rule->route, .scope = target->idx, .is_key = is_key};
}

int mr_frames_open(struct mr_transcode *transcode, const struct mr_record *record,
                   struct mr_frame *key, struct mr_frame *value, struct mr_err *err)
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
        rc = mr_transcode_open(transcode, &of[0], value, err);
    if (rc == 0 && (key->ref.kind == MR_REF_RAW || key->ref.kind == MR_REF_CONFIGURED))
        rc = mr_transcode_open(transcode, &of[1], key, err);
    return rc;
}
