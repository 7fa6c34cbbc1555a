/* Owns the stage between framing and plan. Must not know tables. Invariants: a body that it gives
 * lies in the side's buffer, whose limit follows the payload's size (G-06); a side keeps a
 * reference of the schema that it was given last, so that a plan can be made of it whatever the
 * caches do. */
#include "schemas/transcode.h"

#include <stdlib.h>

#include "schemas/json_avro.h"

#include "base/ban.h"

enum { N_SIDES = 2, BODY_FACTOR = 64, BODY_FLOOR = 1024 * 1024 };

/* Key or value. */
struct side {
    struct mr_buf body;     /* of mr_transcode_open */
    struct mr_buf resolved; /* of mr_transcode_resolve */
    struct mr_schema *schema;
    struct mr_schema_ref ref; /* of `schema` */
};

struct mr_transcode {
    struct side sides[N_SIDES];
    struct mr_schema *raw[MR_FORMAT_BYTES + 1]; /* of values without a schema, by format */
};

struct mr_transcode *mr_transcode_new(struct mr_env env)
{
    (void)env;
    return calloc(1, sizeof(struct mr_transcode));
}

void mr_transcode_free(struct mr_transcode *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < N_SIDES; i++) {
        mr_buf_release(&t->sides[i].body);
        mr_buf_release(&t->sides[i].resolved);
        mr_schema_unref(t->sides[i].schema);
    }
    for (size_t i = 0; i <= MR_FORMAT_BYTES; i++)
        mr_schema_unref(t->raw[i]);
    free(t);
}

static void body_begin(struct mr_buf *body, size_t payload_bytes)
{
    body->limit = payload_bytes * BODY_FACTOR + BODY_FLOOR;
    mr_buf_reset(body);
}

/* The side's record has this schema now. */
static void side_take(struct side *side, struct mr_schema *schema, const struct mr_schema_ref *ref)
{
    if (side->schema != schema) {
        mr_schema_unref(side->schema);
        side->schema = mr_schema_ref(schema);
    }
    side->ref = *ref;
}

/* ---- values without a schema (F-22's forms as values, E-27) ---- */

static int raw_schema(struct mr_transcode *t, enum mr_format format, struct mr_schema **out,
                      struct mr_err *err)
{
    static const struct mr_schema_opts opts = {.lenient_names = true};
    static const char *const texts[] = {[MR_FORMAT_STRING] = "\"string\"",
                                        [MR_FORMAT_INT32] = "\"int\"",
                                        [MR_FORMAT_INT64] = "\"long\"",
                                        [MR_FORMAT_BYTES] = "\"bytes\""};
    int rc = 0;
    if (t->raw[format] == NULL) {
        struct mr_schema_text text = {texts[format], strlen(texts[format])};
        rc = mr_schema_parse(&text, 1, &opts, &t->raw[format], err);
    }
    *out = t->raw[format];
    return rc;
}

static int64_t raw_integer(enum mr_format format, const uint8_t *at)
{
    if (format == MR_FORMAT_INT32) {
        uint32_t bits = mr_get_u32(at);
        int32_t v;
        memcpy(&v, &bits, sizeof v);
        return v;
    }
    uint64_t bits = mr_get_u64(at);
    int64_t v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static int open_raw(struct mr_transcode *t, struct side *side, struct mr_frame *frame,
                    struct mr_err *err)
{
    enum mr_format format = (enum mr_format)frame->ref.format;
    struct mr_schema *schema;
    int rc = raw_schema(t, format, &schema, err);
    if (rc < 0)
        return rc;
    body_begin(&side->body, frame->body.len);
    if (format == MR_FORMAT_INT32 || format == MR_FORMAT_INT64) /* framing checked the length */
        mr_avro_put_long(&side->body, raw_integer(format, frame->body.data));
    else
        mr_avro_put_bytes(&side->body, frame->body);
    if (!mr_buf_ok(&side->body))
        return mr_err_set(err, MR_NO_MEMORY, "a record's value");
    frame->ref.kind = MR_REF_MADE; /* its format stays, and tells it from all others */
    frame->body = (struct mr_slice){side->body.data, side->body.len};
    side_take(side, schema, &frame->ref);
    return 0;
}

/* ---- the stage ---- */

static bool is_raw(const struct mr_frame *frame)
{
    return frame->ref.format == MR_FORMAT_STRING || frame->ref.format == MR_FORMAT_BYTES ||
           frame->ref.format == MR_FORMAT_INT32 || frame->ref.format == MR_FORMAT_INT64;
}

int mr_transcode_open(struct mr_transcode *t, const struct mr_transcode_for *of,
                      struct mr_frame *frame, struct mr_err *err)
{
    const struct mr_route *route = of->route;
    if (frame->ref.kind == MR_REF_CONFIGURED) {
        (void)mr_framing_single_object(&frame->body, of->is_key ? route->key_fingerprint
                                                                : route->value_fingerprint);
        return 0;
    }
    if (frame->ref.kind == MR_REF_RAW && !of->is_key && is_raw(frame))
        return open_raw(t, &t->sides[of->is_key], frame, err);
    return 0;
}

struct mr_schema *mr_transcode_schema(const struct mr_transcode *t, const struct mr_schema_ref *ref)
{
    for (size_t i = 0; t != NULL && i < N_SIDES; i++) {
        if (t->sides[i].schema != NULL && memcmp(&t->sides[i].ref, ref, sizeof *ref) == 0)
            return mr_schema_ref(t->sides[i].schema);
    }
    return NULL;
}

int mr_transcode_resolve(struct mr_transcode *t, const struct mr_transcode_for *of,
                         const struct mr_resolver *resolver, struct mr_slice *body,
                         struct mr_err *err)
{
    struct mr_buf *out = &t->sides[of->is_key].resolved;
    body_begin(out, body->len);
    int rc = mr_resolver_run(resolver, *body, of->route->max_zero_size_items, out, err);
    if (rc == 0) /* never NULL, which would be a tombstone */
        *body = (struct mr_slice){out->data != NULL ? out->data : (const uint8_t *)"", out->len};
    return rc;
}
