/* Owns the names of a letter's headers in a topic and what they say. */
#include "consumer/letter_wire.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "consumer/letter_text.h"
#include "schemas/json_text.h"

#include "base/ban.h"

enum { DIGEST_DIGITS = 8, MAX_DIGITS = 18 };

#define H_TOPIC "__connect.errors.topic" /* the first of ours */
#define H_PARTITION "__connect.errors.partition"
#define H_OFFSET "__connect.errors.offset"
#define H_CODE "__connect.errors.exception.class.name"
#define H_DETAIL "__connect.errors.exception.message"
#define H_KEY "__millrace.key"
#define H_NULL "__millrace.null"
#define H_TIMESTAMP "__millrace.timestamp"
#define H_SQLSTATE "__millrace.sqlstate"
#define H_TABLE "__millrace.table"
#define H_ATTEMPTS "__millrace.attempts"
#define H_CREATED "__millrace.created"
#define H_STATE "__millrace.state"
#define H_BY "__millrace.by"

/* ---- ids ---- */

/* The same in every process that meets the record. */
static uint32_t digest(const struct mr_letter *letter)
{
    uint8_t stamp[8];
    mr_put_u64(stamp, (uint64_t)letter->timestamp_ms);
    uint64_t sum = mr_hash(stamp, sizeof stamp, letter->key.data == NULL);

    sum = mr_hash(letter->key.data, letter->key.len, sum + (letter->value.data == NULL));
    sum = mr_hash(letter->value.data, letter->value.len, sum);
    return (uint32_t)(sum ^ sum >> 32);
}

void mr_letter_wire_id(const struct mr_letter *letter, char out[MR_LETTER_ID_BYTES])
{
    (void)snprintf(out, MR_LETTER_ID_BYTES, "%s-%d-%lld-%08x", letter->stream,
                   (int)letter->partition, (long long)letter->offset, (unsigned)digest(letter));
}

void mr_letter_wire_key(const char *pipeline, const char *id, char out[MR_LETTER_KEY_BYTES])
{
    (void)snprintf(out, MR_LETTER_KEY_BYTES, "%s/%s", pipeline, id);
}

/* Steps back over what stands before `end` from the set, and the dash before it; NULL: it has
 * another form. */
static const char *part_before(const char *text, const char *end, const char *set, size_t most)
{
    const char *at = end;

    while (at > text && strchr(set, at[-1]) != NULL)
        at--;
    size_t len = (size_t)(end - at);
    return len > 0 && len <= most && at > text && at[-1] == '-' ? at - 1 : NULL;
}

bool mr_letter_wire_is_id(const char *text)
{
    static const char digits[] = "0123456789";
    size_t len = strlen(text);
    const char *end = text + len;
    const char *at =
        len < MR_LETTER_ID_BYTES ? part_before(text, end, "0123456789abcdef", DIGEST_DIGITS) : NULL;

    if (at == NULL || end - at != DIGEST_DIGITS + 1 || strchr(text, '/') != NULL)
        return false;
    at = part_before(text, at, digits, MAX_DIGITS);
    at = at != NULL ? part_before(text, at, digits, MAX_DIGITS) : NULL;
    return at != NULL && at > text;
}

/* ---- writing ---- */

static void header_add(struct mr_wire_letter *wire, const char *name, struct mr_slice value)
{
    wire->headers[wire->n_headers++] = (struct mr_kafka_header){.name = name, .value = value};
}

static void number_add(struct mr_wire_letter *wire, const char *name, int64_t n)
{
    char *text = wire->numbers[wire->n_numbers++];

    (void)snprintf(text, sizeof wire->numbers[0], "%lld", (long long)n);
    header_add(wire, name, mr_slice_str(text));
}

static void text_add(struct mr_wire_letter *wire, const char *name, const char *text)
{
    if (*text != '\0')
        header_add(wire, name, mr_slice_str(text));
}

void mr_letter_wire_make(struct mr_wire_letter *wire, const struct mr_letter *letter,
                         const struct mr_wire_stamp *stamp)
{
    char id[MR_LETTER_ID_BYTES];

    mr_letter_wire_id(letter, id);
    mr_letter_wire_key(stamp->pipeline, id, wire->key);
    wire->n_headers = 0;
    wire->n_numbers = 0;
    wire->value = letter->value.data != NULL ? letter->value : mr_slice_str("");
    header_add(wire, H_TOPIC, mr_slice_str(letter->stream));
    number_add(wire, H_PARTITION, letter->partition);
    number_add(wire, H_OFFSET, letter->offset);
    header_add(wire, "__connect.errors.connector.name", mr_slice_str(stamp->pipeline));
    number_add(wire, "__connect.errors.task.id", stamp->task);
    header_add(wire, "__connect.errors.stage", mr_slice_str(stamp->stage));
    header_add(wire, "__connect.errors.class.name", mr_slice_str("millrace"));
    header_add(wire, H_CODE, mr_slice_str(letter->code));
    header_add(wire, H_DETAIL, mr_slice_str(letter->detail));
    header_add(wire, H_KEY, letter->key);
    if (letter->value.data == NULL)
        header_add(wire, H_NULL, mr_slice_str("value"));
    if (letter->timestamp_ms >= 0)
        number_add(wire, H_TIMESTAMP, letter->timestamp_ms);
    text_add(wire, H_SQLSTATE, letter->sqlstate);
    text_add(wire, H_TABLE, letter->target_table);
    if (stamp->attempts > 1) {
        number_add(wire, H_ATTEMPTS, stamp->attempts);
        number_add(wire, H_CREATED, stamp->created_ms);
    }
}

size_t mr_letter_wire_end(struct mr_kafka_header headers[MR_WIRE_END_HEADERS],
                          enum mr_letter_state state, const char *by)
{
    headers[0] = (struct mr_kafka_header){H_STATE, mr_slice_str(mr_letter_state_name(state))};
    headers[1] = (struct mr_kafka_header){H_BY, mr_slice_str(by)};
    return MR_WIRE_END_HEADERS;
}

/* ---- reading ---- */

/* The last of its name; NULL: none. */
static const struct mr_kafka_header *header_of(const struct mr_wire_record *record,
                                               const char *name)
{
    for (size_t i = record->n_headers; i > 0; i--)
        if (strcmp(record->headers[i - 1].name, name) == 0)
            return &record->headers[i - 1];
    return NULL;
}

static const char *text_of(const struct mr_wire_record *record, const char *name,
                           struct mr_arena *arena, bool *ok)
{
    const struct mr_kafka_header *header = header_of(record, name);
    size_t len = header != NULL ? header->value.len : 0;
    char *text = mr_arena_alloc(arena, len + 1);

    if (text == NULL) {
        *ok = false;
        return "";
    }
    if (len > 0)
        memcpy(text, header->value.data, len);
    text[len] = '\0';
    return text;
}

/* `otherwise` where there is none, or none that could be ours. */
static int64_t number_of(const struct mr_wire_record *record, const char *name, int64_t otherwise)
{
    const struct mr_kafka_header *header = header_of(record, name);
    int64_t n = 0;

    if (header == NULL || header->value.len == 0 || header->value.len > MAX_DIGITS)
        return otherwise;
    for (size_t i = 0; i < header->value.len; i++) {
        uint8_t c = header->value.data[i];
        if (c < '0' || c > '9')
            return otherwise;
        n = n * 10 + (c - '0');
    }
    return n;
}

/* The id in the key; false where it is not the pipeline's. */
static bool id_of(const char *pipeline, struct mr_slice key, char out[MR_LETTER_ID_BYTES])
{
    size_t len = strlen(pipeline);

    if (key.len <= len + 1 || memcmp(key.data, pipeline, len) != 0 || key.data[len] != '/')
        return false;
    size_t id_len = key.len - len - 1;
    if (id_len >= MR_LETTER_ID_BYTES)
        return false;
    memcpy(out, key.data + len + 1, id_len);
    out[id_len] = '\0';
    return strlen(out) == id_len && mr_letter_wire_is_id(out);
}

static struct mr_slice bytes_keep(struct mr_arena *arena, struct mr_slice bytes, bool *ok)
{
    if (bytes.data == NULL)
        return (struct mr_slice){NULL, 0};
    const uint8_t *kept = mr_arena_copy(arena, bytes.data, bytes.len);
    *ok = *ok && kept != NULL;
    return (struct mr_slice){kept, bytes.len};
}

/* The record's own: those before the last of ours that is the first of a letter's. */
static size_t n_own_headers(const struct mr_wire_record *record)
{
    const struct mr_kafka_header *first = header_of(record, H_TOPIC);

    return first != NULL ? (size_t)(first - record->headers) : record->n_headers;
}

/* With our headers alone: those that the record brought may be called the same. */
static struct mr_wire_record with_ours(const struct mr_wire_record *record)
{
    size_t n_own = n_own_headers(record);
    struct mr_wire_record ours = *record;

    ours.headers = n_own > 0 ? record->headers + n_own : record->headers;
    ours.n_headers -= n_own;
    return ours;
}

static const char *headers_json(const struct mr_wire_record *record, struct mr_arena *arena,
                                bool *ok)
{
    struct mr_buf out = MR_BUF_INIT;

    mr_buf_byte(&out, '[');
    for (size_t i = 0; i < n_own_headers(record); i++) {
        const struct mr_kafka_header *header = &record->headers[i];
        mr_buf_str(&out, i > 0 ? ",{\"k\":" : "{\"k\":");
        mr_letter_text_json(&out, mr_slice_str(header->name));
        mr_buf_str(&out, ",\"v\":");
        if (header->value.data != NULL)
            mr_json_text_base64(&out, header->value);
        else
            mr_buf_str(&out, "null");
        mr_buf_byte(&out, '}');
    }
    mr_buf_byte(&out, ']');
    const char *json =
        mr_buf_ok(&out) ? mr_arena_copy(arena, mr_buf_cstr(&out), out.len + 1) : NULL;
    mr_buf_release(&out);
    *ok = *ok && json != NULL;
    return json != NULL ? json : "[]";
}

static uint64_t n_bytes_of(const struct mr_wire_record *record, struct mr_slice key)
{
    uint64_t n = key.len + record->value.len;

    for (size_t i = 0; i < n_own_headers(record); i++)
        n += strlen(record->headers[i].name) + record->headers[i].value.len;
    return n;
}

static bool letter_fill(const struct mr_wire_record *record, struct mr_arena *arena,
                        bool with_bytes, struct mr_kept_letter *out)
{
    const struct mr_wire_record ours = with_ours(record);
    const struct mr_kafka_header *key = header_of(&ours, H_KEY);
    struct mr_slice bytes = key != NULL ? key->value : (struct mr_slice){NULL, 0};
    int64_t attempts = number_of(&ours, H_ATTEMPTS, 1);
    bool ok = true;

    out->state = MR_LETTER_NEW;
    out->attempts = attempts < UINT32_MAX ? (uint32_t)attempts : UINT32_MAX;
    out->created_ms = number_of(&ours, H_CREATED, record->timestamp_ms);
    out->n_bytes = n_bytes_of(record, bytes);
    out->letter = (struct mr_letter){
        .stream = text_of(&ours, H_TOPIC, arena, &ok),
        .partition = (int32_t)number_of(&ours, H_PARTITION, -1),
        .offset = number_of(&ours, H_OFFSET, -1),
        .headers_json = with_bytes ? headers_json(record, arena, &ok) : "[]",
        .timestamp_ms = number_of(&ours, H_TIMESTAMP, -1),
        .code = text_of(&ours, H_CODE, arena, &ok),
        .sqlstate = text_of(&ours, H_SQLSTATE, arena, &ok),
        .detail = text_of(&ours, H_DETAIL, arena, &ok),
        .target_table = text_of(&ours, H_TABLE, arena, &ok),
    };
    if (with_bytes) {
        out->letter.key = bytes_keep(arena, bytes, &ok);
        out->letter.value = header_of(&ours, H_NULL) == NULL ? bytes_keep(arena, record->value, &ok)
                                                             : (struct mr_slice){NULL, 0};
    }
    return ok;
}

/* The id says the place, too: who writes by hand another one is not believed. */
static bool is_whole(const struct mr_kept_letter *kept)
{
    const struct mr_letter *letter = &kept->letter;
    char place[MR_LETTER_ID_BYTES];

    if (letter->partition < 0 || letter->offset < 0 ||
        strlen(letter->stream) >= MR_STREAM_NAME_BYTES)
        return false;
    int len = snprintf(place, sizeof place, "%s-%d-%lld-", letter->stream, (int)letter->partition,
                       (long long)letter->offset);
    return strncmp(kept->id, place, (size_t)len) == 0;
}

int mr_letter_wire_read(const struct mr_wire_want *want, const struct mr_wire_record *record,
                        struct mr_arena *arena, struct mr_kept_letter *out, struct mr_err *err)
{
    char id[MR_LETTER_ID_BYTES];
    bool ok = true;

    if (!id_of(want->pipeline, record->key, id))
        return MR_WIRE_FOREIGN;
    *out = (struct mr_kept_letter){.id = mr_arena_copy(arena, id, strlen(id) + 1),
                                   .updated_ms = record->timestamp_ms,
                                   .changed_by = ""};
    ok = out->id != NULL;
    if (ok && record->value.data == NULL) {
        const char *state = text_of(record, H_STATE, arena, &ok);
        out->state = strcmp(state, mr_letter_state_name(MR_LETTER_REPLAYED)) == 0
                         ? MR_LETTER_REPLAYED
                         : MR_LETTER_DISCARDED;
        out->changed_by = text_of(record, H_BY, arena, &ok);
        return ok ? MR_WIRE_END : mr_err_set(err, MR_NO_MEMORY, "a dead letter");
    }
    ok = ok && letter_fill(record, arena, want->with_bytes, out);
    if (!ok)
        return mr_err_set(err, MR_NO_MEMORY, "a dead letter");
    return is_whole(out) ? MR_WIRE_LETTER : MR_WIRE_FOREIGN;
}
