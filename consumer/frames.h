/* From a record's payloads to Avro bodies: framing, and what stands in front of the plan
 * (contract.md section 1). Thread: the transcode's owner. */
#ifndef MR_CONSUMER_FRAMES_H
#define MR_CONSUMER_FRAMES_H

#include "consumer/record.h"
#include "consumer/targets.h"
#include "schemas/transcode.h"

/* Key and value as the route of the record's target has them; bodies live until the transcode's
 * next call. Errors: framing.too_large, those of mr_framing_open and mr_transcode_open. */
int mr_frames_open(struct mr_transcode *transcode, const struct mr_record *record,
                   struct mr_frame *key, struct mr_frame *value, struct mr_err *err);

#endif
