/* Owns the other key of a row whose key changes: the one it had, from the header
 * `__debezium.oldkey` (contract.md U-30) or from `before` (E-12), the one it gets, from
 * `__debezium.newkey` (U-32). Looked at only where columns may be masked, or where the route asks.
 * Invariant: what cannot be read exactly as the record key would be gives nothing. */
#include "schemas/decode_run.h"
#include "schemas/json_avro.h"
#include "schemas/json_connect.h"

#include "base/ban.h"

enum { OLD_KEY_MAX_BYTES = 64 * 1024 };

/* ---- JSON as Avro bytes of the key's schema ---- */

/* What a converter writes for the key's field: a decimal may be a record, nothing else is one. */
static bool is_plain(const struct mr_typed *typed, const struct mr_json_doc *doc, uint32_t token)
{
    return doc->tokens[token].kind < MR_JSON_ARRAY || typed->semantic == MR_SEM_VAR_DECIMAL;
}

static bool put_typed(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node,
                      const struct mr_avro_props *props)
{
    struct mr_typed typed;
    mr_typed_of(node, props, &typed);
    return is_plain(&typed, at.doc, at.token) && mr_json_avro_put(j, at, node, props) == 0;
}

/* Every field must be there: a default would be another row's key. */
static bool put_record(struct mr_json_avro *j, struct mr_json_at at,
                       const struct mr_avro_node *record)
{
    if (at.doc->tokens[at.token].n < record->n_fields)
        return false;
    for (uint16_t i = 0; i < record->n_fields; i++) {
        const struct mr_avro_field *field = &record->fields[i];
        uint32_t member = mr_json_doc_find(at.doc, at.token, field->name);
        if (member == MR_JSON_NO_TOKEN ||
            !put_typed(j, (struct mr_json_at){at.doc, member}, field->type, &field->props))
            return false;
    }
    return true;
}

/* A key without a schema (F-22): what was put as Avro is taken out of it again. */
static bool raw_of(enum mr_format format, struct mr_slice avro, struct mr_buf *out)
{
    struct mr_wire w;
    struct mr_slice text;
    int64_t v;
    mr_wire_init(&w, avro, 0);
    if (format == MR_FORMAT_STRING || format == MR_FORMAT_BYTES) {
        if (!mr_wire_bytes(&w, &text))
            return false;
        mr_buf_add(out, text.data, text.len);
        return true;
    }
    if (!mr_wire_long(&w, &v))
        return false;
    if (format == MR_FORMAT_INT32)
        mr_buf_u32(out, (uint32_t)v);
    else
        mr_buf_u64(out, (uint64_t)v);
    return true;
}

static bool put_raw(struct mr_json_avro *j, struct mr_json_at at, enum mr_format format)
{
    static const struct mr_avro_node nodes[] = {[MR_FORMAT_STRING] = {.kind = MR_AV_STRING},
                                                [MR_FORMAT_INT32] = {.kind = MR_AV_INT},
                                                [MR_FORMAT_INT64] = {.kind = MR_AV_LONG},
                                                [MR_FORMAT_BYTES] = {.kind = MR_AV_BYTES}};
    struct mr_buf avro = {.limit = OLD_KEY_MAX_BYTES};
    struct mr_buf *out = j->out;
    if ((size_t)format >= sizeof nodes / sizeof *nodes || nodes[format].kind == MR_AV_NULL)
        return false;
    j->out = &avro;
    bool ok = put_typed(j, at, &nodes[format], NULL) && mr_buf_ok(&avro) &&
              raw_of(format, (struct mr_slice){avro.data, avro.len}, out);
    j->out = out;
    mr_buf_release(&avro);
    return ok;
}

/* The payload of an envelope with its schema, the only member for a key of one value. */
static uint32_t payload_of(const struct mr_decoder *d, const struct mr_json_doc *doc)
{
    uint32_t schema;
    uint32_t payload;
    if (!mr_json_connect_open(doc, &schema, &payload))
        payload = 0;
    if (d->plan->key_form != MR_KEY_RECORD && doc->tokens[payload].kind == MR_JSON_OBJECT &&
        doc->tokens[payload].n == 1)
        payload += 2; /* behind its name */
    return payload;
}

/* Connect's simple converter escapes nothing but backslash and quote. */
static void escape_controls(struct mr_slice text, struct mr_buf *out)
{
    bool in_string = false;
    bool escaped = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (in_string && c < 0x20)
            mr_buf_fmt(out, "\\u%04x", c);
        else
            mr_buf_byte(out, c);
        if (c == '"' && !escaped)
            in_string = !in_string;
        escaped = in_string && c == '\\' && !escaped;
    }
}

static bool put_key(const struct mr_decoder *d, struct mr_json_avro *j,
                    const struct mr_json_doc *doc)
{
    const struct mr_json_at at = {doc, payload_of(d, doc)};
    if (d->plan->key_form == MR_KEY_RAW)
        return put_raw(j, at, d->plan->raw_key);
    if (d->plan->key_form != MR_KEY_RECORD)
        return put_typed(j, at, d->plan->key->root, NULL);
    return doc->tokens[at.token].kind == MR_JSON_OBJECT && put_record(j, at, d->plan->key->root);
}

static bool key_from_json(const struct mr_decoder *d, struct mr_slice text, struct mr_buf *out)
{
    struct mr_buf clean = MR_BUF_INIT;
    struct mr_json_doc doc = MR_JSON_DOC_INIT;
    struct mr_err ignored = MR_ERR_INIT;
    struct mr_json_avro j;
    mr_json_avro_init(&j, out, &ignored);
    escape_controls(text, &clean);
    bool ok = mr_buf_ok(&clean) &&
              mr_json_doc_parse(&doc, (struct mr_slice){clean.data, clean.len}, &ignored) == 0 &&
              put_key(d, &j, &doc);
    mr_json_avro_release(&j);
    mr_json_doc_release(&doc);
    mr_buf_release(&clean);
    return ok && mr_buf_ok(out);
}

/* ---- the old key ---- */

static bool is_framed(struct mr_slice header)
{
    return (header.data[0] == 0 && header.len >= 5) || (header.data[0] == 1 && header.len >= 17);
}

/* The one of the two headers that the record has, where it is of a size that keys have. */
enum other { OLD_KEY, NEW_KEY };
static bool other_header(const struct mr_record_in *in, enum other *which, struct mr_slice *out)
{
    *which = OLD_KEY;
    if (!mr_headers_last(&in->headers, "__debezium.oldkey", out)) {
        *which = NEW_KEY;
        if (!mr_headers_last(&in->headers, "__debezium.newkey", out))
            return false;
    }
    return out->data != NULL && out->len > 0 && out->len <= OLD_KEY_MAX_BYTES;
}

/* Avro framing is read where it names the record key's own schema: ids are equal where schemas are.
 */
bool mr_decode_old_framed(const struct mr_record_in *in, struct mr_slice *out)
{
    struct mr_slice raw = in->raw_key;
    struct mr_slice body = in->key;
    struct mr_slice header;
    enum other which;
    /* a body that does not stand in the record is not the writer's any more, nor are its frames */
    if (raw.data == NULL || body.data == NULL || body.len >= raw.len ||
        body.data != raw.data + (raw.len - body.len) || !other_header(in, &which, &header))
        return false;
    size_t n = raw.len - body.len;
    if (!is_framed(header) || header.len <= n || memcmp(header.data, raw.data, n) != 0)
        return false;
    *out = (struct mr_slice){header.data + n, header.len - n};
    return true;
}

static void slots_forget(struct mr_decoder *d)
{
    for (uint16_t i = 0; i < d->plan->n_slots; i++)
        d->slots[i].set = false;
    mr_buf_reset(&d->key_fields);
    mr_buf_reset(&d->canons);
}

/* Joins what the slots have; nothing where it is the record's own key. */
static int other_join(struct mr_decoder *d, const struct mr_decoded *out)
{
    int rc = mr_tuple_key_into(d, &d->old_key, &d->old_key_tuple);
    if (rc == 0 && mr_slice_eq((struct mr_slice){d->old_key.data, d->old_key.len}, out->key))
        mr_buf_reset(&d->old_key);
    return rc;
}

static int old_join(struct mr_decoder *d, struct mr_decoded *out)
{
    int rc = other_join(d, out);
    if (rc < 0 || d->old_key.len == 0)
        return rc;
    out->old_key = (struct mr_slice){d->old_key.data, d->old_key.len};
    out->old_key_tuple = (struct mr_slice){d->old_key_tuple.data, d->old_key_tuple.len};
    return 0;
}

/* The key in that header's bytes, into d->old_key; false: it cannot be read. */
static bool key_of_bytes(struct mr_decoder *d, struct mr_slice header, const struct mr_decoded *out)
{
    struct mr_record_in in = *d->in;
    struct mr_err ignored = MR_ERR_INIT;
    struct mr_err *kept = d->err;
    mr_buf_reset(&d->kept);
    if (in.old_key.data != NULL) {
        in.key = in.old_key;
    } else if (is_framed(header)) {
        if (!mr_decode_old_framed(d->in, &in.key))
            return false;
    } else {
        if (!key_from_json(d, header, &d->kept))
            return false;
        in.key = (struct mr_slice){d->kept.data, d->kept.len};
    }
    const struct mr_record_in *own = d->in;
    d->in = &in;
    d->err = &ignored;
    d->run.err = &ignored;
    slots_forget(d);
    bool ok = mr_decode_key(d) == 0 && other_join(d, out) == 0 && d->old_key.len > 0;
    d->in = own;
    d->err = kept;
    d->run.err = kept;
    return ok;
}

/* The key in the header of that kind; false: there is none that can be read. */
static bool key_of_header(struct mr_decoder *d, enum other which, const struct mr_decoded *out)
{
    struct mr_slice header;
    enum other found;
    return d->plan->key_form != MR_KEY_NONE && other_header(d->in, &found, &header) &&
           found == which && key_of_bytes(d, header, out);
}

void mr_decode_old_header(struct mr_decoder *d, struct mr_decoded *out)
{
    if (!key_of_header(d, OLD_KEY, out))
        return;
    out->old_key = (struct mr_slice){d->old_key.data, d->old_key.len};
    out->old_key_tuple = (struct mr_slice){d->old_key_tuple.data, d->old_key_tuple.len};
}

void mr_decode_new_header(struct mr_decoder *d, struct mr_decoded *out)
{
    if (key_of_header(d, NEW_KEY, out))
        out->new_key_tuple = (struct mr_slice){d->old_key_tuple.data, d->old_key_tuple.len};
}

/* Not compared: what does not come from the row. */
static void match_mask(struct mr_decoder *d)
{
    memset(d->match_mask, 0, sizeof d->match_mask);
    for (uint16_t i = 0; i < d->plan->cols.n_cols; i++) {
        if (d->plan->fields[i].origin != MR_FROM_VALUE)
            d->match_mask[i / 64] |= UINT64_C(1) << (i % 64);
    }
}

int mr_decode_match(struct mr_decoder *d, struct mr_decoded *out)
{
    uint64_t mask[MR_MASK_WORDS];
    bool masked = d->masked;
    mr_buf_reset(&d->kept);
    if (out->tuple.data != NULL) {
        mr_buf_add(&d->kept, out->tuple.data, out->tuple.len);
        out->tuple = (struct mr_slice){d->kept.data, d->kept.len};
    }
    if (!mr_buf_ok(&d->kept))
        return mr_err_set(d->err, MR_FRAMING_TOO_LARGE, "the row");
    memcpy(mask, d->mask, sizeof mask);
    memset(d->mask, 0, sizeof d->mask);
    d->masked = false;
    memset(d->null_mask, 0, sizeof d->null_mask); /* the row's, which are settled */
    d->null_masked = false;
    d->op_text[0] = d->op; /* no delete has set it */
    d->op_text[1] = '\0';
    int rc = mr_decode_before(d, MR_ROW_FULL);
    bool complete = rc == 0 && !d->masked;
    for (uint16_t i = 0; complete && d->as_before && i < d->plan->cols.n_cols; i++)
        complete = d->plan->fields[i].origin != MR_FROM_VALUE || d->field_at[i] != SIZE_MAX;
    if (rc == 0 && !complete)
        rc = mr_err_set(d->err, MR_ENVELOPE_KEYLESS_CHANGE, "op %c with an incomplete before",
                        d->op);
    if (rc == 0)
        rc = mr_tuple_finish(d, &out->match);
    match_mask(d);
    out->match_mask = d->match_mask;
    out->cols = &d->plan->cols;
    memcpy(d->mask, mask, sizeof mask);
    d->masked = masked;
    return rc;
}

int mr_decode_old_before(struct mr_decoder *d, struct mr_decoded *out)
{
    /* Reading the key of `before` takes the row's buffer. */
    mr_buf_reset(&d->kept);
    mr_buf_add(&d->kept, out->tuple.data, out->tuple.len);
    if (!mr_buf_ok(&d->kept))
        return mr_err_set(d->err, MR_FRAMING_TOO_LARGE, "the row");
    out->tuple = (struct mr_slice){d->kept.data, d->kept.len};
    slots_forget(d);
    int rc = mr_decode_before(d, MR_ROW_KEYS);
    if (rc < 0 || !mr_tuple_key_complete(d))
        return rc;
    rc = old_join(d, out);
    out->key_changed = rc == 0 && out->old_key.data != NULL;
    return rc;
}
