/* Owns the way from a letter's bytes to JSON. */
#include "consumer/letter_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumer/plans.h"
#include "schemas/walk.h"

#include "base/ban.h"

enum { REGISTRY_MS = 10000, JSON_BYTES = 64 * 1024 * 1024 };

int mr_letter_decoder_init(struct mr_letter_decoder *decoder, struct mr_letter_box *box,
                           struct mr_err *err)
{
    memset(decoder, 0, sizeof *decoder);
    decoder->box = box;
    decoder->key.json.limit = JSON_BYTES;
    decoder->value.json.limit = JSON_BYTES;
    decoder->transcode = mr_transcode_new(box->env);
    decoder->num = malloc(sizeof *decoder->num);
    return decoder->transcode != NULL && decoder->num != NULL
               ? 0
               : mr_err_set(err, MR_NO_MEMORY, "a dead letter");
}

void mr_letter_decoder_release(struct mr_letter_decoder *decoder)
{
    mr_transcode_free(decoder->transcode);
    free(decoder->num);
    mr_buf_release(&decoder->key.json);
    mr_buf_release(&decoder->value.json);
    memset(decoder, 0, sizeof *decoder);
}

static int frame_open(struct mr_letter_decoder *decoder, const struct mr_target *target,
                      const struct mr_replay_record *record, bool is_key, struct mr_frame *frame)
{
    struct mr_err *err = &(is_key ? &decoder->key : &decoder->value)->why;
    const struct mr_route *route = &target->rule->route;
    const struct mr_letter *letter = &record->kept.letter;
    struct mr_headers headers = mr_letter_headers_as(&record->headers);
    struct mr_transcode_for of = {.route = route, .scope = target->idx, .is_key = is_key};
    int rc =
        mr_framing_open(is_key ? letter->key : letter->value, is_key,
                        is_key ? route->key_format : route->value_format, &headers, frame, err);

    if (rc == 0 && (frame->ref.kind == MR_REF_RAW || frame->ref.kind == MR_REF_CONFIGURED))
        rc = mr_transcode_open(decoder->transcode, &of, frame, err);
    return rc;
}

static int json_make(const struct mr_letter_decoder *decoder, const struct mr_schema *schema,
                     uint32_t max_zero, struct mr_slice body, struct mr_letter_side *side)
{
    struct mr_convert_run run = {.err = &side->why, .num = decoder->num};
    struct mr_typed typed;
    struct mr_wire w;

    mr_typed_of(schema->root, NULL, &typed);
    mr_wire_init(&w, body, max_zero);
    int rc = mr_walk_json(&w, &typed, &run, &side->json);
    if (rc == 0 && mr_wire_left(&w) > 0)
        rc = mr_err_set(&side->why, MR_AVRO_TRAILING, "%zu bytes", mr_wire_left(&w));
    if (rc == 0 && !mr_buf_ok(&side->json))
        rc = mr_err_set(&side->why, MR_VALUE_TOO_LARGE, "as JSON");
    mr_buf_release(&run.text);
    mr_buf_release(&run.more);
    mr_buf_release(&run.items);
    return rc;
}

static int side_read(struct mr_letter_decoder *decoder, struct mr_target *target,
                     const struct mr_replay_record *record, bool is_key,
                     struct mr_letter_side *side)
{
    struct mr_frame frame;
    struct mr_schema *schema = NULL;
    int rc = frame_open(decoder, target, record, is_key, &frame);

    if (rc < 0)
        return rc;
    if (frame.ref.kind == MR_REF_NONE) {
        mr_buf_str(&side->json, "null"); /* JSON's */
        return 0;
    }
    if (frame.ref.kind == MR_REF_ID)
        side->schema_id = frame.ref.id;
    struct mr_plan_for want = {
        .target = target, .topic = record->kept.letter.stream, .made = decoder->transcode};
    *(is_key ? &want.key : &want.value) = frame.ref;
    rc = mr_plan_schema(&want, is_key, REGISTRY_MS, &schema, &side->why);
    if (rc < 0)
        return rc;
    if (schema == NULL)
        return mr_err_set(&side->why, MR_SCHEMA_INVALID, "nothing names a schema");
    if (frame.ref.kind != MR_REF_MADE)
        (void)snprintf(side->schema, sizeof side->schema, "%s",
                       schema->root->full_name != NULL ? schema->root->full_name
                                                       : mr_avro_kind_name(schema->root->kind));
    rc = json_make(decoder, schema, target->rule->route.max_zero_size_items, frame.body, side);
    mr_schema_unref(schema);
    return rc;
}

static void side_decode(struct mr_letter_decoder *decoder, const struct mr_replay_record *record,
                        bool is_key, struct mr_letter_side *side)
{
    const struct mr_letter *letter = &record->kept.letter;
    struct mr_target *target = NULL;

    mr_err_clear(&side->why);
    mr_buf_reset(&side->json);
    side->schema_id = -1;
    side->schema[0] = '\0';
    side->null = (is_key ? letter->key : letter->value).data == NULL;
    side->read = false;
    if (side->null)
        return;
    int rc = mr_targets_for(&decoder->box->targets, letter->stream, &target, &side->why);
    if (rc == 0 && target == NULL)
        rc = mr_err_set(&side->why, MR_CONFIG_INVALID, "no route takes the topic");
    if (rc == 0)
        rc = side_read(decoder, target, record, is_key, side);
    side->read = rc == 0;
    if (rc < 0)
        mr_buf_reset(&side->json);
}

void mr_letter_decode(struct mr_letter_decoder *decoder, const struct mr_replay_record *record)
{
    side_decode(decoder, record, true, &decoder->key);
    side_decode(decoder, record, false, &decoder->value);
}
