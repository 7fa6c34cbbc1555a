/* Owns the key that a row had before: from the header `__debezium.oldkey` (contract.md U-30), or
 * from `before` (E-12). Looked at only for rows with masked columns, or where the route asks.
 * Invariant: what cannot be read exactly as the record key would be gives nothing. */
#include <stdlib.h>

#include "schemas/decode_run.h"
#include "schemas/json.h"

#include "base/ban.h"

enum { OLD_KEY_MAX_BYTES = 64 * 1024, OLD_KEY_MAX_DEPTH = 16, OLD_KEY_MAX_VALUES = 4096 };

/* ---- JSON as Avro bytes of the key's schema ---- */

static void put_long(struct mr_buf *out, int64_t v)
{
    uint64_t u = ((uint64_t)v << 1) ^ (uint64_t)(v < 0 ? -1 : 0);
    for (; u >= 0x80; u >>= 7)
        mr_buf_byte(out, (uint8_t)(u | 0x80));
    mr_buf_byte(out, (uint8_t)u);
}

static void put_bytes(struct mr_buf *out, struct mr_slice bytes)
{
    put_long(out, (int64_t)bytes.len);
    mr_buf_add(out, bytes.data, bytes.len);
}

static int base64_digit(uint8_t c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != 0 ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* Padded, without blanks, as Connect's converters write it. */
static bool base64_read(struct mr_slice text, struct mr_buf *out)
{
    if (text.len % 4 != 0)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        bool last = i + 4 == text.len;
        int n_pad = last && text.data[i + 3] == '=' ? (text.data[i + 2] == '=' ? 2 : 1) : 0;
        uint32_t bits = 0;
        for (int k = 0; k < 4; k++) {
            int digit = k >= 4 - n_pad ? 0 : base64_digit(text.data[i + (size_t)k]);
            if (digit < 0)
                return false;
            bits = bits << 6 | (uint32_t)digit;
        }
        for (int k = 0; k < 3 - n_pad; k++)
            mr_buf_byte(out, (uint8_t)(bits >> (16 - 8 * k)));
    }
    return true;
}

static bool put_base64(const struct mr_avro_node *node, struct mr_slice text, struct mr_buf *out)
{
    struct mr_buf bytes = MR_BUF_INIT;
    bool ok = base64_read(text, &bytes) && mr_buf_ok(&bytes);
    struct mr_slice got = {bytes.data, bytes.len};
    if (ok && node->kind == MR_AV_FIXED)
        mr_buf_add(out, got.data, got.len);
    else if (ok)
        put_bytes(out, got);
    ok = ok && (node->kind != MR_AV_FIXED || got.len == node->size);
    mr_buf_release(&bytes);
    return ok;
}

static bool put_symbol(const struct mr_avro_node *node, struct mr_slice text, struct mr_buf *out)
{
    for (uint32_t i = 0; i < node->n_symbols; i++) {
        if (!mr_slice_eq(mr_slice_str(node->symbols[i]), text))
            continue;
        put_long(out, i);
        return true;
    }
    return false;
}

static bool put_double(const struct mr_avro_node *node, const struct mr_json *v, struct mr_buf *out)
{
    double d = mr_json_number(v);
    float f = (float)d;
    uint8_t bytes[8];
    uint64_t bits = 0;
    size_t n = node->kind == MR_AV_FLOAT ? sizeof f : sizeof d;
    if (node->kind == MR_AV_FLOAT) {
        uint32_t bits32;
        memcpy(&bits32, &f, sizeof f);
        bits = bits32;
    } else {
        memcpy(&bits, &d, sizeof d);
    }
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(bits >> (8 * i)); /* Avro is little-endian here */
    mr_buf_add(out, bytes, n);
    return true;
}

/* A key column's value; false for what JSON cannot say exactly (decimals as numbers, records). */
static bool put_json(const struct mr_typed *typed, const struct mr_json *v, struct mr_buf *out)
{
    const struct mr_avro_node *node = typed->node;
    if (typed->null_branch >= 0)
        put_long(out, typed->null_branch == 0 ? 1 : 0);
    switch (node->kind) {
    case MR_AV_BOOLEAN:
        if (mr_json_is(v, MR_JSON_BOOL))
            mr_buf_byte(out, mr_json_bool(v) ? 1 : 0);
        return mr_json_is(v, MR_JSON_BOOL);
    case MR_AV_INT:
    case MR_AV_LONG:
        if (mr_json_is(v, MR_JSON_INTEGER))
            put_long(out, mr_json_integer(v));
        return mr_json_is(v, MR_JSON_INTEGER);
    case MR_AV_FLOAT:
    case MR_AV_DOUBLE:
        return (mr_json_is(v, MR_JSON_INTEGER) || mr_json_is(v, MR_JSON_REAL)) &&
               put_double(node, v, out);
    case MR_AV_STRING:
        if (mr_json_is(v, MR_JSON_STRING))
            put_bytes(out, mr_json_string(v));
        return mr_json_is(v, MR_JSON_STRING);
    case MR_AV_BYTES:
    case MR_AV_FIXED:
        return mr_json_is(v, MR_JSON_STRING) && put_base64(node, mr_json_string(v), out);
    case MR_AV_ENUM:
        return mr_json_is(v, MR_JSON_STRING) && put_symbol(node, mr_json_string(v), out);
    case MR_AV_NULL:
    case MR_AV_RECORD:
    case MR_AV_ARRAY:
    case MR_AV_MAP:
    case MR_AV_UNION:
    default:
        return false;
    }
}

/* A key without a schema (F-22). */
static bool put_raw(const struct mr_decoder *d, const struct mr_json *v, struct mr_buf *out)
{
    bool integer = mr_json_is(v, MR_JSON_INTEGER);
    int64_t i = integer ? mr_json_integer(v) : 0;
    enum mr_format format = d->plan->raw_key;
    if (format == MR_FORMAT_INT32 && integer && i == (int32_t)i)
        mr_buf_u32(out, (uint32_t)i);
    else if (format == MR_FORMAT_INT64 && integer)
        mr_buf_u64(out, (uint64_t)i);
    else if (format == MR_FORMAT_STRING && mr_json_is(v, MR_JSON_STRING))
        mr_buf_add(out, mr_json_string(v).data, mr_json_string(v).len);
    else if (format == MR_FORMAT_BYTES && mr_json_is(v, MR_JSON_STRING))
        return base64_read(mr_json_string(v), out);
    else
        return false;
    return true;
}

static bool put_record(const struct mr_avro_node *record, const struct mr_json *v,
                       struct mr_buf *out)
{
    for (uint16_t i = 0; i < record->n_fields; i++) {
        const struct mr_avro_field *field = &record->fields[i];
        const struct mr_json *member = mr_json_find(v, field->name);
        struct mr_typed typed;
        mr_typed_of(field->type, &field->props, &typed);
        if (member == NULL || !put_json(&typed, member, out))
            return false;
    }
    return true;
}

/* The payload of an envelope with its schema, the only member for a key of one value. */
static const struct mr_json *payload_of(const struct mr_decoder *d, const struct mr_json *v)
{
    struct mr_json_walk walk = MR_JSON_WALK_INIT;
    if (mr_json_is(v, MR_JSON_OBJECT) && mr_json_size(v) == 2 &&
        mr_json_find(v, "schema") != NULL && mr_json_find(v, "payload") != NULL)
        v = mr_json_find(v, "payload");
    if (d->plan->key_form != MR_KEY_RECORD && mr_json_is(v, MR_JSON_OBJECT) &&
        mr_json_size(v) == 1 && mr_json_next(v, &walk))
        v = walk.value;
    return v;
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

static bool key_from_json(const struct mr_decoder *d, struct mr_slice text, struct mr_buf *out)
{
    static const struct mr_json_limits limits = {
        .max_bytes = (size_t)6 * OLD_KEY_MAX_BYTES, OLD_KEY_MAX_DEPTH, OLD_KEY_MAX_VALUES};
    struct mr_buf clean = MR_BUF_INIT;
    struct mr_json *root = NULL;
    struct mr_err ignored = MR_ERR_INIT;
    struct mr_typed typed;
    bool ok = false;
    escape_controls(text, &clean);
    if (mr_buf_ok(&clean) &&
        mr_json_parse(mr_buf_cstr(&clean), clean.len, &limits, &root, &ignored) == 0) {
        const struct mr_json *v = payload_of(d, root);
        if (d->plan->key_form == MR_KEY_RAW) {
            ok = put_raw(d, v, out);
        } else if (d->plan->key_form == MR_KEY_RECORD) {
            ok = mr_json_is(v, MR_JSON_OBJECT) && put_record(d->plan->key->root, v, out);
        } else {
            mr_typed_of(d->plan->key->root, NULL, &typed);
            ok = put_json(&typed, v, out);
        }
    }
    mr_json_free(root);
    mr_buf_release(&clean);
    return ok && mr_buf_ok(out);
}

/* ---- the old key ---- */

/* Avro framing is read where it names the record key's own schema: ids are equal where schemas are.
 */
static bool key_from_avro(const struct mr_decoder *d, struct mr_slice header, struct mr_slice *out)
{
    struct mr_slice raw = d->in->raw_key;
    struct mr_slice body = d->in->key;
    if (raw.data == NULL || body.data == NULL || body.len >= raw.len)
        return false;
    size_t n = raw.len - body.len;
    if (header.len <= n || memcmp(header.data, raw.data, n) != 0)
        return false;
    *out = (struct mr_slice){header.data + n, header.len - n};
    return true;
}

static bool is_framed(struct mr_slice header)
{
    return (header.data[0] == 0 && header.len >= 5) || (header.data[0] == 1 && header.len >= 17);
}

static void slots_forget(struct mr_decoder *d)
{
    for (uint16_t i = 0; i < d->plan->n_slots; i++)
        d->slots[i].set = false;
    mr_buf_reset(&d->key_fields);
    mr_buf_reset(&d->canons);
}

/* Joins what the slots have; false where it is the new key. */
static int old_join(struct mr_decoder *d, struct mr_decoded *out)
{
    int rc = mr_tuple_key_into(d, &d->old_key, &d->old_key_tuple);
    struct mr_slice key = {d->old_key.data, d->old_key.len};
    if (rc < 0 || mr_slice_eq(key, out->key))
        return rc;
    out->old_key = key;
    out->old_key_tuple = (struct mr_slice){d->old_key_tuple.data, d->old_key_tuple.len};
    return 0;
}

void mr_decode_old_header(struct mr_decoder *d, struct mr_decoded *out)
{
    struct mr_slice header;
    struct mr_record_in in = *d->in;
    struct mr_err ignored = MR_ERR_INIT;
    struct mr_err *kept = d->err;
    if (d->plan->key_form == MR_KEY_NONE ||
        !mr_headers_last(&d->in->headers, "__debezium.oldkey", &header) || header.data == NULL ||
        header.len == 0 || header.len > OLD_KEY_MAX_BYTES)
        return;
    mr_buf_reset(&d->kept);
    if (is_framed(header)) {
        if (!key_from_avro(d, header, &in.key))
            return;
    } else {
        if (!key_from_json(d, header, &d->kept))
            return;
        in.key = (struct mr_slice){d->kept.data, d->kept.len};
    }
    const struct mr_record_in *own = d->in;
    d->in = &in;
    d->err = &ignored;
    d->run.err = &ignored;
    slots_forget(d);
    if (mr_decode_key(d) == 0)
        (void)old_join(d, out);
    d->in = own;
    d->err = kept;
    d->run.err = kept;
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
    d->null_masked = false;
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
