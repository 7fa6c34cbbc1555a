/* Owns the detection of a payload's form and of the reference to its schema (contract.md section
 * 1.1). Must not look at the datum, ask the registry, or allocate. Invariant: every read is behind
 * a length check; `out->ref` is zeroed before it is filled, so that it can be a hash key. */
#include "schemas/framing.h"

#include "base/ban.h"

enum { MAGIC_V0 = 0x00, MAGIC_V1 = 0x01, ID_BYTES = 4, LONG_ID_BYTES = 8, GUID_BYTES = 16 };

/* A form's answer besides 0 and errors: the payload does not have this form. */
enum { NOT_THIS_FORM = 1 };

struct framing {
    struct mr_slice payload;
    bool is_key;
    const struct mr_headers *headers;
    struct mr_frame *out;
    struct mr_err *err;
};

static int32_t load_i32(const uint8_t *at)
{
    uint32_t bits = mr_get_u32(at);
    int32_t v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static int64_t load_i64(const uint8_t *at)
{
    uint64_t bits = mr_get_u64(at);
    int64_t v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static int take_id(struct framing *f, enum mr_ref_kind kind, int64_t id, const char *hint)
{
    if (id <= 0)
        return mr_err_set(f->err, MR_FRAMING_BAD_ID, "id %lld%s", (long long)id, hint);
    f->out->ref.kind = kind;
    f->out->ref.id = id;
    return 0;
}

static void take_guid(struct framing *f, const uint8_t *guid)
{
    f->out->ref.kind = MR_REF_GUID;
    memcpy(f->out->ref.guid, guid, GUID_BYTES);
}

/* The body is what follows the first `n` bytes. */
static void take_body(struct framing *f, size_t n)
{
    f->out->body = (struct mr_slice){f->payload.data + n, f->payload.len - n};
}

/* F-10, F-13: what the bytes look like, so that the remedy is at hand. */
static const char *magic_hint(struct mr_slice payload)
{
    static const uint8_t ocf[] = {0x4f, 0x62, 0x6a, 0x01};
    static const uint8_t single[] = {0xc3, 0x01};
    if (payload.len >= sizeof ocf && memcmp(payload.data, ocf, sizeof ocf) == 0)
        return " (looks like OCF, an Avro container file)";
    if (payload.len >= sizeof single && memcmp(payload.data, single, sizeof single) == 0)
        return " (looks like a single-object encoded Avro datum)";
    if (payload.data[0] == '{' || payload.data[0] == '[' || payload.data[0] == '"')
        return " (looks like JSON)";
    return "";
}

static int unknown_magic(const struct framing *f)
{
    return mr_err_set(f->err, MR_FRAMING_UNKNOWN_MAGIC, "byte 0 is 0x%02x%s", f->payload.data[0],
                      magic_hint(f->payload));
}

static int truncated(const struct framing *f, size_t need)
{
    return mr_err_set(f->err, MR_FRAMING_TRUNCATED, "%zu bytes, the framing alone has %zu",
                      f->payload.len, need);
}

/* F-03, F-04. */
static int open_prefix(struct framing *f)
{
    const uint8_t *at = f->payload.data;
    if (at[0] == MAGIC_V0) {
        size_t need = 1 + ID_BYTES;
        if (f->payload.len < need)
            return truncated(f, need);
        take_body(f, need);
        int32_t id = load_i32(at + 1);
        bool long_id = id == 0 && f->payload.len >= 1 + LONG_ID_BYTES;
        return take_id(f, MR_REF_ID, id,
                       long_id ? " (an 8-byte id? then the format is apicurio8)" : "");
    }
    if (at[0] == MAGIC_V1) {
        size_t need = 1 + GUID_BYTES;
        if (f->payload.len < need)
            return truncated(f, need);
        take_guid(f, at + 1);
        take_body(f, need);
        return 0;
    }
    return unknown_magic(f);
}

/* The last header of that name; a null value counts as no header (F-06). */
static bool find_header(const struct framing *f, const char *name, struct mr_slice *value)
{
    return mr_headers_last(f->headers, name, value) && value->data != NULL;
}

/* F-05. Avro has nothing behind the id (F-18), so a longer value is as wrong as a shorter one. */
static int open_confluent_header(struct framing *f)
{
    const char *name = f->is_key ? "__key_schema_id" : "__value_schema_id";
    struct mr_slice header;
    if (!find_header(f, name, &header))
        return NOT_THIS_FORM;
    take_body(f, 0);
    if (header.len == 1 + ID_BYTES && header.data[0] == MAGIC_V0)
        return take_id(f, MR_REF_ID, load_i32(header.data + 1), "");
    if (header.len == 1 + GUID_BYTES && header.data[0] == MAGIC_V1) {
        take_guid(f, header.data + 1);
        return 0;
    }
    return mr_err_set(f->err, MR_FRAMING_BAD_HEADER, "header %s has %zu bytes", name, header.len);
}

/* F-08. */
static int open_apicurio_header(struct framing *f)
{
    static const struct {
        const char *name[2]; /* value, key */
        enum mr_ref_kind kind;
    } ids[] = {
        {{"apicurio.value.globalId", "apicurio.key.globalId"}, MR_REF_GLOBAL_ID},
        {{"apicurio.value.contentId", "apicurio.key.contentId"}, MR_REF_CONTENT_ID},
    };
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        const char *name = ids[i].name[f->is_key];
        struct mr_slice header;
        if (!find_header(f, name, &header))
            continue;
        if (header.len != LONG_ID_BYTES)
            return mr_err_set(f->err, MR_FRAMING_BAD_HEADER, "header %s has %zu bytes", name,
                              header.len);
        take_body(f, 0);
        return take_id(f, ids[i].kind, load_i64(header.data), "");
    }
    return NOT_THIS_FORM;
}

/* F-09. */
static int open_apicurio8(struct framing *f)
{
    size_t need = 1 + LONG_ID_BYTES;
    if (f->payload.data[0] != MAGIC_V0)
        return unknown_magic(f);
    if (f->payload.len < need)
        return truncated(f, need);
    take_body(f, need);
    return take_id(f, MR_REF_GLOBAL_ID, load_i64(f->payload.data + 1), "");
}

static int open_raw(struct framing *f, enum mr_format format)
{
    size_t need = 0;
    if (format == MR_FORMAT_INT32)
        need = sizeof(int32_t);
    else if (format == MR_FORMAT_INT64)
        need = sizeof(int64_t);
    if (need != 0 && f->payload.len != need)
        return mr_err_set(f->err, f->is_key ? MR_FRAMING_BAD_KEY : MR_VALUE_INVALID,
                          "%zu bytes, an int%zu has %zu", f->payload.len, need * 8, need);
    f->out->ref.kind = MR_REF_RAW;
    f->out->ref.format = format;
    take_body(f, 0);
    return 0;
}

static int need_header(struct framing *f, int rc)
{
    if (rc != NOT_THIS_FORM)
        return rc;
    return mr_err_set(f->err, MR_FRAMING_BAD_HEADER, "the record has no schema id header");
}

/* F-06: header forms come before prefix forms. */
static int open_auto(struct framing *f)
{
    int rc = open_confluent_header(f);
    if (rc == NOT_THIS_FORM)
        rc = open_apicurio_header(f);
    return rc == NOT_THIS_FORM ? open_prefix(f) : rc;
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of framing.h */
int mr_framing_open(struct mr_slice payload, bool is_key, enum mr_format format,
                    const struct mr_headers *headers, struct mr_frame *out, struct mr_err *err)
{
    struct framing f = {payload, is_key, headers, out, err};
    memset(out, 0, sizeof *out);
    if (payload.data == NULL) /* MR_REF_NONE: F-01, F-07 */
        return 0;
    if (payload.len == 0 && format != MR_FORMAT_STRING && format != MR_FORMAT_BYTES)
        return mr_err_set(err, MR_FRAMING_EMPTY, "0 bytes; a tombstone is null");
    switch (format) {
    case MR_FORMAT_AUTO:
        return open_auto(&f);
    case MR_FORMAT_CONFLUENT:
        return open_prefix(&f);
    case MR_FORMAT_CONFLUENT_HEADER:
        return need_header(&f, open_confluent_header(&f));
    case MR_FORMAT_APICURIO_HEADER:
        return need_header(&f, open_apicurio_header(&f));
    case MR_FORMAT_APICURIO8:
        return open_apicurio8(&f);
    case MR_FORMAT_RAW_AVRO:
        out->ref.kind = MR_REF_CONFIGURED;
        take_body(&f, 0);
        return 0;
    case MR_FORMAT_STRING:
    case MR_FORMAT_JSON:
    case MR_FORMAT_INT32:
    case MR_FORMAT_INT64:
    case MR_FORMAT_BYTES:
        return open_raw(&f, format);
    }
    return mr_err_set(err, MR_BUG, "payload format %d", (int)format);
}

bool mr_framing_single_object(struct mr_slice *body, uint64_t fingerprint)
{
    enum { MARK_BYTES = 2, FINGERPRINT_BYTES = 8 };
    if (body->len < MARK_BYTES + FINGERPRINT_BYTES || body->data[0] != 0xc3 ||
        body->data[1] != 0x01)
        return false;
    if (__builtin_bswap64(mr_get_u64(body->data + MARK_BYTES)) != fingerprint)
        return false;
    body->data += MARK_BYTES + FINGERPRINT_BYTES;
    body->len -= MARK_BYTES + FINGERPRINT_BYTES;
    return true;
}
