/* Owns the stage between framing and plan. Must not know tables. Invariants: a body that it gives
 * lies in the side's buffer, whose limit follows the payload's size (G-06); a side keeps a
 * reference of the schema that it was given last, so that a plan can be made of it whatever the
 * caches do. */
#include "schemas/transcode.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "schemas/digest.h"
#include "schemas/json_avro.h"
#include "schemas/json_connect.h"
#include "schemas/json_infer.h"

#include "base/ban.h"

enum {
    N_SIDES = 2,
    BODY_FACTOR = 64,
    BODY_FLOOR = 1024 * 1024,
    MAX_TEXTS_BYTES = 64 * 1024 * 1024, /* that schemas are kept by */
    KEPT_BYTES = 1024 * 1024            /* of a list of tokens or a text, for the next record */
};

/* Key or value. */
struct side {
    struct mr_buf body;     /* of mr_transcode_open */
    struct mr_buf resolved; /* of mr_transcode_resolve */
    struct mr_schema *schema;
    struct mr_schema_ref ref; /* of `schema` */
    bool guessed;             /* `schema`, from the values */
};

/* A schema that was made, by the text that it was made of: Connect's schema as it stands in
 * records, or the Avro text that was guessed. */
struct made {
    struct mr_schema *schema;
    struct mr_schema_ref ref;
    struct made *newer, *older;
    size_t len;
    uint8_t text[];
};

struct mr_transcode {
    struct side sides[N_SIDES];
    struct mr_map by_text; /* struct made */
    struct made *newest, *oldest;
    size_t texts_bytes;
    struct mr_json_doc doc;
    struct mr_json_avro avro;
    struct mr_json_infer *infer;
    struct mr_buf old_key;                      /* of mr_transcode_resolve */
    struct mr_buf text;                         /* a schema's */
    struct mr_schema *raw[MR_FORMAT_BYTES + 1]; /* of values without a schema, by format */
};

struct mr_transcode *mr_transcode_new(struct mr_env env)
{
    struct mr_transcode *t = mr_memory_given(calloc(1, sizeof *t));
    if (t == NULL)
        return NULL;
    uint64_t seed = mr_rng_u64(&env.rng);
    t->infer = mr_json_infer_new(seed);
    if (t->infer == NULL) {
        free(t);
        return NULL;
    }
    mr_map_init(&t->by_text, seed);
    mr_json_avro_init(&t->avro, NULL, NULL);
    return t;
}

static void made_drop(struct mr_transcode *t, struct made *made)
{
    *(made->newer != NULL ? &made->newer->older : &t->newest) = made->older;
    *(made->older != NULL ? &made->older->newer : &t->oldest) = made->newer;
    t->texts_bytes -= made->len;
    mr_map_remove(&t->by_text, made->text, made->len);
    mr_schema_unref(made->schema);
    free(made);
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
    while (t->oldest != NULL)
        made_drop(t, t->oldest);
    mr_map_release(&t->by_text);
    mr_json_doc_release(&t->doc);
    mr_json_avro_release(&t->avro);
    mr_json_infer_free(t->infer);
    mr_buf_release(&t->old_key);
    mr_buf_release(&t->text);
    free(t);
}

/* A buffer that is larger than this payload may ask for goes back: its limit holds in its own room
 * only, and an uncommonly large record's memory is not kept. */
static void body_begin(struct mr_buf *body, size_t payload_bytes)
{
    body->limit = payload_bytes * BODY_FACTOR + BODY_FLOOR;
    mr_buf_reset(body);
    if (body->cap > body->limit + 1)
        mr_buf_release(body);
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

/* ---- JSON (F-11) ---- */

static void made_push(struct mr_transcode *t, struct made *made)
{
    made->newer = NULL;
    made->older = t->newest;
    *(t->newest != NULL ? &t->newest->newer : &t->oldest) = made;
    t->newest = made;
}

/* What was made of a text before, now the newest; NULL: nothing. */
static struct made *made_find(struct mr_transcode *t, struct mr_slice text)
{
    struct made *made = mr_map_find(&t->by_text, text.data, text.len);
    if (made == NULL || made == t->newest)
        return made;
    made->newer->older = made->older; /* it is not the newest */
    *(made->older != NULL ? &made->older->newer : &t->oldest) = made->newer;
    made_push(t, made);
    return made;
}

static int parse_avro(struct mr_slice avro, struct made *made, struct mr_err *err)
{
    static const struct mr_schema_opts opts = {.lenient_names = true};
    const struct mr_schema_text text = {(const char *)avro.data, avro.len};
    uint8_t digest[MR_SHA256_BYTES];
    if (!mr_digest_sha256(avro, digest))
        return mr_err_set(err, MR_NO_MEMORY, "a schema's digest");
    made->ref.kind = MR_REF_MADE;
    made->ref.format = MR_FORMAT_JSON;
    memcpy(made->ref.guid, digest, sizeof made->ref.guid);
    return mr_schema_parse(&text, 1, &opts, &made->schema, err);
}

/* Keeps the schema `avro` under `text`; the oldest go, down to the bounds. */
static int made_new(struct mr_transcode *t, struct mr_slice text, struct mr_slice avro,
                    struct made **out, struct mr_err *err)
{
    struct made *made = mr_memory_given(calloc(1, sizeof *made + text.len));
    if (made == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a schema of a JSON record");
    made->len = text.len;
    memcpy(made->text, text.data, text.len);
    int rc = parse_avro(avro, made, err);
    if (rc == 0 && mr_map_put(&t->by_text, made->text, made->len, made) < 0)
        rc = mr_err_set(err, MR_NO_MEMORY, "a schema of a JSON record");
    if (rc < 0) {
        mr_schema_unref(made->schema);
        free(made);
        return rc;
    }
    made_push(t, made);
    t->texts_bytes += made->len;
    while (t->oldest != made &&
           (t->by_text.n_entries > MR_TRANSCODE_MAX_SCHEMAS || t->texts_bytes > MAX_TEXTS_BYTES))
        made_drop(t, t->oldest);
    *out = made;
    return 0;
}

static int text_checked(struct mr_transcode *t, int rc, struct mr_err *err)
{
    if (rc == 0 && !mr_buf_ok(&t->text))
        return mr_err_set(err, MR_SCHEMA_TOO_LARGE, "the schema of a JSON record");
    return rc;
}

/* The Avro form of the Connect schema at `token`. */
static int connect_made(struct mr_transcode *t, uint32_t token, struct made **out,
                        struct mr_err *err)
{
    struct mr_slice text = mr_json_doc_raw(&t->doc, token);
    *out = made_find(t, text);
    if (*out != NULL)
        return 0;
    mr_buf_reset(&t->text);
    int rc = mr_json_connect_schema(&t->doc, token, &t->text, err);
    rc = text_checked(t, rc, err);
    return rc < 0 ? rc : made_new(t, text, (struct mr_slice){t->text.data, t->text.len}, out, err);
}

/* Writes the value at `token` as Avro of a schema that is there. */
static int put_as(struct mr_transcode *t, struct side *side, uint32_t token,
                  const struct mr_schema *schema, struct mr_err *err)
{
    t->avro.out = &side->body;
    t->avro.err = err;
    return mr_json_avro_put(&t->avro, (struct mr_json_at){&t->doc, token}, schema->root, NULL);
}

static int put_guessed(struct mr_transcode *t, struct side *side, uint32_t token,
                       const struct mr_transcode_for *of, struct mr_err *err)
{
    const struct mr_json_infer_of whose = {of->route, of->scope, of->is_key};
    const struct mr_json_infer_out out = {&t->text, &side->body};
    struct made *made;
    mr_buf_reset(&t->text);
    int rc = mr_json_infer_put(t->infer, &whose, (struct mr_json_at){&t->doc, token}, &out, err);
    rc = text_checked(t, rc, err);
    if (rc < 0)
        return rc;
    struct mr_slice text = {t->text.data, t->text.len};
    made = made_find(t, text);
    if (made == NULL)
        rc = made_new(t, text, text, &made, err);
    if (rc == 0)
        side_take(side, made->schema, &made->ref);
    side->guessed = true;
    return rc;
}

/* A payload that is not null: by Connect's schema, the route's own, or a guessed one. */
static int put_payload(struct mr_transcode *t, const struct mr_transcode_for *of, uint32_t schema,
                       uint32_t payload, struct mr_err *err)
{
    struct side *side = &t->sides[of->is_key];
    struct mr_schema *own = of->is_key ? of->route->key_schema : of->route->value_schema;
    struct made *made;
    if (schema != MR_JSON_NO_TOKEN) {
        int rc = connect_made(t, schema, &made, err);
        if (rc == 0)
            side_take(side, made->schema, &made->ref);
        return rc < 0 ? rc : put_as(t, side, payload, side->schema, err);
    }
    if (own == NULL)
        return put_guessed(t, side, payload, of, err);
    const struct mr_schema_ref ref = {.kind = MR_REF_CONFIGURED};
    side_take(side, own, &ref);
    return put_as(t, side, payload, own, err);
}

/* What an uncommonly large text took goes back. */
static void trim(struct mr_transcode *t)
{
    if (t->doc.cap_tokens > KEPT_BYTES / sizeof(struct mr_json_token))
        mr_json_doc_release(&t->doc);
    if (t->text.cap > KEPT_BYTES)
        mr_buf_release(&t->text);
}

static int put_json(struct mr_transcode *t, const struct mr_transcode_for *of,
                    struct mr_frame *frame, struct mr_err *err)
{
    struct side *side = &t->sides[of->is_key];
    uint32_t schema = MR_JSON_NO_TOKEN;
    uint32_t payload = 0;
    int rc = mr_json_doc_parse(&t->doc, frame->body, err);
    if (rc < 0)
        return rc;
    if (!mr_json_connect_open(&t->doc, &schema, &payload)) {
        schema = MR_JSON_NO_TOKEN;
        payload = 0;
    }
    if (t->doc.tokens[payload].kind == MR_JSON_NULL) {
        memset(frame, 0, sizeof *frame);
        return 0;
    }
    body_begin(&side->body, frame->body.len);
    rc = put_payload(t, of, schema, payload, err);
    if (rc == 0 && !mr_buf_ok(&side->body))
        rc = mr_err_set(err, MR_FRAMING_TOO_LARGE, "a JSON record's values");
    if (rc < 0)
        return rc;
    frame->ref = side->ref;
    frame->body = (struct mr_slice){side->body.data != NULL ? side->body.data : (const uint8_t *)"",
                                    side->body.len};
    return 0;
}

static int open_json(struct mr_transcode *t, const struct mr_transcode_for *of,
                     struct mr_frame *frame, struct mr_err *err)
{
    int rc = put_json(t, of, frame, err);
    trim(t);
    return rc;
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
    t->sides[of->is_key].guessed = false;
    if (frame->ref.kind == MR_REF_CONFIGURED) {
        (void)mr_framing_single_object(&frame->body, of->is_key ? route->key_fingerprint
                                                                : route->value_fingerprint);
        return 0;
    }
    if (frame->ref.kind == MR_REF_RAW && frame->ref.format == MR_FORMAT_JSON)
        return open_json(t, of, frame, err);
    if (frame->ref.kind == MR_REF_RAW && !of->is_key && is_raw(frame))
        return open_raw(t, &t->sides[of->is_key], frame, err);
    return 0;
}

bool mr_transcode_guessed(const struct mr_transcode *t)
{
    return t->sides[false].guessed || t->sides[true].guessed;
}

struct mr_schema *mr_transcode_schema(const struct mr_transcode *t, const struct mr_schema_ref *ref)
{
    for (size_t i = 0; t != NULL && i < N_SIDES; i++) {
        if (t->sides[i].schema != NULL && memcmp(&t->sides[i].ref, ref, sizeof *ref) == 0)
            return mr_schema_ref(t->sides[i].schema);
    }
    return NULL;
}

static int resolve_into(struct mr_buf *out, const struct mr_resolver *via, uint32_t max_zero,
                        struct mr_slice *body, struct mr_err *err)
{
    if (via == NULL || body->data == NULL)
        return 0;
    body_begin(out, body->len);
    int rc = mr_resolver_run(via, *body, max_zero, out, err);
    if (rc == 0) /* never NULL, which would be a tombstone */
        *body = (struct mr_slice){out->data != NULL ? out->data : (const uint8_t *)"", out->len};
    return rc;
}

int mr_transcode_resolve(struct mr_transcode *t, const struct mr_transcode_via *via,
                         const struct mr_record_in *in, struct mr_record_in *out,
                         struct mr_err *err)
{
    struct mr_slice old;
    *out = *in;
    int rc = resolve_into(&t->sides[0].resolved, via->value, via->max_zero, &out->value, err);
    if (rc == 0)
        rc = resolve_into(&t->sides[1].resolved, via->key, via->max_zero, &out->key, err);
    if (rc == 0 && via->key != NULL && mr_decode_old_framed(in, &old) &&
        resolve_into(&t->old_key, via->key, via->max_zero, &old, NULL) == 0)
        out->old_key = old;
    return rc;
}
