/* JSON payloads, with and without a Connect schema, envelopes and rows: their way to Avro
 * (contract.md F-11). Input: byte 0 whether it is a key, then the text. Beside memory safety: a
 * fault is the record's own; what is accepted is a whole datum of the schema that was made for it,
 * and within G-06. */
#include <stdlib.h>

#include "schemas/transcode.h"
#include "schemas/walk.h"

enum { COST_FLOOR = 1024 * 1024, COST_FACTOR = 64 };

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_made(const struct mr_transcode *transcode, const struct mr_frame *frame,
                       size_t size)
{
    struct mr_schema *schema = mr_transcode_schema(transcode, &frame->ref);
    struct mr_wire wire;
    check(schema != NULL && frame->body.len <= size * COST_FACTOR + COST_FLOOR);
    mr_wire_init(&wire, frame->body, UINT32_MAX);
    check(mr_walk_skip(&wire, schema->root) && mr_wire_left(&wire) == 0);
    mr_schema_unref(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mr_transcode *transcode;
    if (transcode == NULL) {
        static struct mr_clock_fake clock;
        mr_clock_fake_init(&clock, 1000000);
        struct mr_env env = {.clock = &clock.base};
        mr_rng_init(&env.rng, 1);
        transcode = mr_transcode_new(env);
    }
    if (size < 1)
        return 0;
    struct mr_route route = {.key_format = MR_FORMAT_JSON, .value_format = MR_FORMAT_JSON};
    struct mr_transcode_for of = {.route = &route, .is_key = (data[0] & 1) != 0};
    struct mr_frame frame;
    struct mr_err err = MR_ERR_INIT;
    struct mr_slice text = {data + 1, size - 1};
    int rc = mr_framing_open(text, of.is_key, MR_FORMAT_JSON, NULL, &frame, &err);
    if (rc == 0)
        rc = mr_transcode_open(transcode, &of, &frame, &err);
    check(rc == 0 || (err.class == MR_CLASS_POISON && rc == -(int)err.code));
    if (rc == 0 && frame.ref.kind == MR_REF_MADE)
        check_made(transcode, &frame, size);
    return 0;
}
