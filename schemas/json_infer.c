/* Owns guessing a schema from one JSON value. Must not cache schemas. Invariants: the guess depends
 * on the value and on what was seen before, and only its form does: every value is written exactly;
 * what is remembered is bounded, and forgetting it costs schemas, not values. */
#include "schemas/json_infer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"

#include "base/ban.h"

enum {
    MAX_MEMBERS = 5000,
    MAX_MEMORIES = 65536,
    MAX_MEMORY_BYTES = 16 * 1024 * 1024, /* before a record, which adds at most 20 MiB of names */
    MAX_NAME_BYTES = 4096,
    CHUNK_BYTES = 16384
};

enum guess { G_NULL, G_BOOL, G_LONG, G_DECIMAL, G_TEXT, G_JSON };

/* Where a record stands. */
enum level { LEVEL_TOP, LEVEL_ROW, LEVEL_SOURCE, LEVEL_MESSAGE };

/* What a field was. */
struct memory {
    enum guess guess;
    uint32_t order; /* of being met first */
    uint64_t stamp; /* of the record that had it last, and where in `members` */
    uint32_t at;
};

struct member {
    struct memory *memory;
    uint32_t name;
    uint32_t value;
};

struct mr_json_infer {
    struct mr_map memories;
    struct mr_arena arena; /* keys and memories */
    uint64_t seed;
    uint64_t stamp;
    uint32_t n_met;
    struct mr_buf members; /* struct member, of the open records */
    struct mr_json_avro avro;
    struct mr_json_number number;
};

/* One value. */
struct infer {
    struct mr_json_infer *own;
    const struct mr_json_infer_of *of;
    const struct mr_json_doc *doc;
    struct mr_buf *schema;
    struct mr_buf *body;
    struct mr_err *err;
    size_t row_at; /* the text of the first row's fields; 0: none yet */
    size_t row_len;
};

struct mr_json_infer *mr_json_infer_new(uint64_t seed)
{
    struct mr_json_infer *infer = mr_memory_given(calloc(1, sizeof *infer));
    if (infer == NULL)
        return NULL;
    infer->seed = seed;
    mr_map_init(&infer->memories, seed);
    mr_arena_init(&infer->arena, CHUNK_BYTES, 0);
    mr_json_avro_init(&infer->avro, NULL, NULL);
    return infer;
}

void mr_json_infer_free(struct mr_json_infer *infer)
{
    if (infer == NULL)
        return;
    mr_map_release(&infer->memories);
    mr_arena_release(&infer->arena);
    mr_buf_release(&infer->members);
    mr_json_avro_release(&infer->avro);
    free(infer);
}

static int no_memory(struct infer *i)
{
    return mr_err_set(i->err, MR_NO_MEMORY, "guessing a JSON record's schema");
}

/* The memory of a name, which is not longer than MAX_NAME_BYTES; made where it is new. NULL: memory
 * is out. */
static struct memory *memory_of(struct infer *i, enum level level, struct mr_slice name)
{
    uint8_t key[8 + MAX_NAME_BYTES];
    size_t len = 8 + name.len;
    mr_put_u32(key, i->of->scope);
    mr_put_u16(key + 4, (uint16_t)level);
    mr_put_u16(key + 6, i->of->is_key);
    memcpy(key + 8, name.data, len - 8);
    struct memory *memory = mr_map_find(&i->own->memories, key, len);
    if (memory != NULL)
        return memory;
    const void *kept = mr_arena_copy(&i->own->arena, key, len);
    memory = mr_arena_alloc(&i->own->arena, sizeof *memory);
    if (kept == NULL || memory == NULL || mr_map_put(&i->own->memories, kept, len, memory) < 0)
        return NULL;
    *memory = (struct memory){.guess = G_NULL, .order = i->own->n_met++};
    return memory;
}

static bool fits_long(struct infer *i, uint32_t token)
{
    int64_t v;
    bool fraction;
    struct mr_slice raw = mr_json_doc_raw(i->doc, token);
    if (raw.len < 19) /* with a sign at most 18 digits */
        return true;
    return mr_json_number_parse(raw, &i->own->number, NULL) == 0 &&
           mr_json_number_to_i64(&i->own->number, &v, &fraction);
}

static enum guess guess_of(struct infer *i, uint32_t token)
{
    switch ((enum mr_json_kind)i->doc->tokens[token].kind) {
    case MR_JSON_NULL:
        return G_NULL;
    case MR_JSON_BOOL:
        return G_BOOL;
    case MR_JSON_INTEGER:
        return fits_long(i, token) ? G_LONG : G_DECIMAL;
    case MR_JSON_REAL:
        return G_DECIMAL;
    case MR_JSON_STRING:
        return G_TEXT;
    case MR_JSON_ARRAY:
    case MR_JSON_OBJECT:
    default:
        return G_JSON;
    }
}

/* What the field is now: a null is what it was, a long where decimals were is one. */
static enum guess guess_member(struct infer *i, const struct member *member)
{
    enum guess guess = guess_of(i, member->value);
    enum guess was = member->memory->guess;
    if (guess == G_NULL || (guess == G_LONG && was == G_DECIMAL))
        return was;
    member->memory->guess = guess;
    return guess;
}

static int compare_order(const void *a, const void *b)
{
    uint32_t x = ((const struct member *)a)->memory->order;
    uint32_t y = ((const struct member *)b)->memory->order;
    return (x > y) - (x < y);
}

static struct member *member_at(struct infer *i, size_t base, uint32_t n)
{
    union {
        uint8_t *in;
        struct member *out;
    } cast = {.in = i->own->members.data + base};
    return cast.out + n;
}

/* Pushes an object's members, of equal names the last, in the order of being met first. */
static int gather(struct infer *i, uint32_t object, enum level level, uint32_t *n)
{
    size_t base = i->own->members.len;
    uint64_t stamp = ++i->own->stamp;
    uint32_t at = object + 1;
    bool sorted = true;
    *n = 0;
    for (uint32_t k = 0; k < i->doc->tokens[object].n; k++) {
        struct member member = {.name = at, .value = at + 1};
        struct mr_slice name = mr_json_doc_raw(i->doc, member.name);
        at = i->doc->tokens[at + 1].next;
        if (name.len > MAX_NAME_BYTES)
            return mr_err_set(i->err, MR_SCHEMA_TOO_LARGE, "a JSON member's name of %zu bytes",
                              name.len);
        member.memory = memory_of(i, level, name);
        if (member.memory == NULL)
            return no_memory(i);
        if (member.memory->stamp == stamp) {
            member_at(i, base, member.memory->at)->value = member.value;
            continue;
        }
        if (*n == MAX_MEMBERS)
            return mr_err_set(i->err, MR_SCHEMA_TOO_LARGE, "a JSON object of more than %d members",
                              MAX_MEMBERS);
        member.memory->stamp = stamp;
        member.memory->at = (*n)++;
        sorted =
            sorted && (*n == 1 || member_at(i, base, *n - 2)->memory->order < member.memory->order);
        mr_buf_add(&i->own->members, &member, sizeof member);
        if (!mr_buf_ok(&i->own->members))
            return no_memory(i);
    }
    if (!sorted)
        qsort(i->own->members.data + base, *n, sizeof(struct member), compare_order);
    return 0;
}

#define TYPE_JSON "{\"type\":\"string\",\"connect.name\":\"io.debezium.data.Json\"}"
#define TYPE_DECIMAL                                                                               \
    "{\"type\":\"record\",\"name\":\"D%u\",\"connect.name\":"                                      \
    "\"io.debezium.data.VariableScaleDecimal\",\"fields\":[{\"name\":\"scale\",\"type\":\"int\"}," \
    "{\"name\":\"value\",\"type\":\"bytes\"}]}"

static void put_type(struct infer *i, enum guess guess)
{
    static const char *const types[] = {
        [G_NULL] = "\"null\"", [G_BOOL] = "\"boolean\"", [G_LONG] = "\"long\"",
        [G_DECIMAL] = NULL,    [G_TEXT] = "\"string\"",  [G_JSON] = TYPE_JSON};
    if (types[guess] != NULL)
        mr_buf_str(i->schema, types[guess]);
    else
        mr_buf_fmt(i->schema, TYPE_DECIMAL, (unsigned)i->schema->len);
}

static int put_decimal(struct infer *i, uint32_t token)
{
    struct mr_json_number *number = &i->own->number;
    struct mr_buf octets = {.limit = MR_JSON_NUMBER_DIGITS};
    int rc = mr_json_number_parse(mr_json_doc_raw(i->doc, token), number, i->err);
    if (rc == 0)
        rc = mr_json_number_to_bytes(number, number->scale, &octets, i->err);
    if (rc == 0 && !mr_buf_ok(&octets))
        rc = no_memory(i);
    if (rc == 0) {
        mr_avro_put_long(i->body, number->scale);
        mr_avro_put_bytes(i->body, (struct mr_slice){octets.data, octets.len});
    }
    mr_buf_release(&octets);
    return rc;
}

/* A value of a node without meaning of its own. */
static int put_plain(struct infer *i, uint32_t token, enum mr_avro_kind kind)
{
    static const struct mr_avro_node nodes[] = {[MR_AV_BOOLEAN] = {.kind = MR_AV_BOOLEAN},
                                                [MR_AV_LONG] = {.kind = MR_AV_LONG},
                                                [MR_AV_STRING] = {.kind = MR_AV_STRING}};
    i->own->avro.out = i->body;
    i->own->avro.err = i->err;
    return mr_json_avro_put(&i->own->avro, (struct mr_json_at){i->doc, token}, &nodes[kind], NULL);
}

/* U-05..U-11 where an array or map has no type: the placeholder's forms become the placeholder. */
static bool is_placeholder(const struct infer *i, uint32_t token)
{
    const struct mr_route *route = i->of->route;
    const struct mr_json_token *t = &i->doc->tokens[token];
    struct mr_slice p = {(const uint8_t *)route->placeholder, route->placeholder_len};
    bool map = t->kind == MR_JSON_OBJECT;
    if (!route->unavailable_detect || p.len == 0)
        return false;
    if (t->n == 1 && i->doc->tokens[token + 1].kind == MR_JSON_STRING &&
        mr_slice_eq(mr_json_doc_raw(i->doc, token + 1), p))
        return !map || mr_slice_eq(mr_json_doc_raw(i->doc, token + 2), p);
    if (map || t->n != p.len)
        return false;
    for (uint32_t k = 0; k < t->n; k++) { /* numbers have no tokens inside */
        const struct mr_json_token *item = &i->doc->tokens[token + 1 + k];
        struct mr_slice raw = mr_json_doc_raw(i->doc, token + 1 + k);
        char octet[8];
        int len = snprintf(octet, sizeof octet, "%d", (int)(int8_t)p.data[k]);
        if (item->kind != MR_JSON_INTEGER || raw.len != (size_t)len ||
            memcmp(raw.data, octet, raw.len) != 0)
            return false;
    }
    return true;
}

/* An object or array as its text. */
static void put_document(struct infer *i, uint32_t token)
{
    const struct mr_route *route = i->of->route;
    if (is_placeholder(i, token))
        mr_avro_put_bytes(i->body, (struct mr_slice){(const uint8_t *)route->placeholder,
                                                     route->placeholder_len});
    else
        mr_avro_put_bytes(i->body, mr_json_doc_raw(i->doc, token));
}

static int put_value(struct infer *i, uint32_t token, enum guess guess)
{
    switch (guess) {
    case G_NULL:
        return 0;
    case G_BOOL:
        return put_plain(i, token, MR_AV_BOOLEAN);
    case G_LONG:
        return put_plain(i, token, MR_AV_LONG);
    case G_DECIMAL:
        return put_decimal(i, token);
    case G_TEXT:
        return put_plain(i, token, MR_AV_STRING);
    case G_JSON:
    default:
        put_document(i, token);
        return 0;
    }
}

/* A field's type and value: null or what it is. */
static int put_member(struct infer *i, const struct member *member)
{
    enum guess guess = guess_member(i, member);
    bool null = i->doc->tokens[member->value].kind == MR_JSON_NULL;
    if (guess == G_NULL) {
        put_type(i, guess);
        return 0;
    }
    mr_buf_str(i->schema, "[\"null\",");
    put_type(i, guess);
    mr_buf_byte(i->schema, ']');
    mr_avro_put_long(i->body, null ? 0 : 1);
    return null ? 0 : put_value(i, member->value, guess);
}

static void put_name(struct infer *i, uint32_t name)
{
    struct mr_slice raw = mr_json_doc_raw(i->doc, name);
    mr_buf_str(i->schema, "{\"name\":\"");
    mr_buf_add(i->schema, raw.data, raw.len);
    mr_buf_str(i->schema, "\",\"type\":");
}

/* A record of plain fields. */
static int put_flat(struct infer *i, uint32_t object, enum level level)
{
    size_t base = i->own->members.len;
    uint32_t n;
    int rc = gather(i, object, level, &n);
    mr_buf_byte(i->schema, '[');
    for (uint32_t k = 0; rc == 0 && k < n; k++) {
        struct member member = *member_at(i, base, k);
        if (k > 0)
            mr_buf_byte(i->schema, ',');
        put_name(i, member.name);
        rc = put_member(i, &member);
        mr_buf_byte(i->schema, '}');
    }
    mr_buf_byte(i->schema, ']');
    i->own->members.len = base;
    return rc;
}

/* A name that says the connector (T-19): source.connector where it is a plain word. */
static void put_source_name(struct infer *i, uint32_t object)
{
    uint32_t connector = mr_json_doc_find(i->doc, object, "connector");
    struct mr_slice raw = {NULL, 0};
    if (connector != MR_JSON_NO_TOKEN && i->doc->tokens[connector].kind == MR_JSON_STRING)
        raw = mr_json_doc_raw(i->doc, connector);
    bool word = raw.len > 0 && raw.len < 64;
    for (size_t k = 0; word && k < raw.len; k++)
        word = (raw.data[k] >= 'a' && raw.data[k] <= 'z') || raw.data[k] == '_';
    mr_buf_str(i->schema, word ? "io.debezium.connector." : "");
    mr_buf_add(i->schema, raw.data, word ? raw.len : 0);
    mr_buf_str(i->schema, word ? ".Source" : "Source");
}

/* before, after, source, message: a record or null. Two rows of one form are one type. */
static int put_part(struct infer *i, uint32_t object, enum level level)
{
    mr_buf_str(i->schema, "[\"null\",");
    mr_avro_put_long(i->body, 1);
    size_t start = i->schema->len;
    mr_buf_str(i->schema, "{\"type\":\"record\",\"name\":\"");
    if (level == LEVEL_SOURCE)
        put_source_name(i, object);
    else
        mr_buf_str(i->schema, level == LEVEL_MESSAGE ? "Message" : i->row_at == 0 ? "Row" : "Row2");
    mr_buf_str(i->schema, "\",\"fields\":");
    size_t at = i->schema->len;
    int rc = put_flat(i, object, level);
    if (rc < 0 || !mr_buf_ok(i->schema))
        return rc;
    size_t len = i->schema->len - at;
    mr_buf_byte(i->schema, '}');
    if (level == LEVEL_ROW && i->row_at == 0) {
        i->row_at = at;
        i->row_len = len;
    } else if (level == LEVEL_ROW && len == i->row_len &&
               memcmp(i->schema->data + at, i->schema->data + i->row_at, len) == 0) {
        i->schema->len = start;
        mr_buf_str(i->schema, "\"Row\"");
    }
    mr_buf_byte(i->schema, ']');
    return 0;
}

static bool part_level(const struct infer *i, uint32_t name, enum level *level)
{
    static const struct {
        const char *name;
        enum level level;
    } parts[] = {{"before", LEVEL_ROW},
                 {"after", LEVEL_ROW},
                 {"source", LEVEL_SOURCE},
                 {"message", LEVEL_MESSAGE}};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        if (mr_json_doc_is(i->doc, name, parts[k].name)) {
            *level = parts[k].level;
            return true;
        }
    }
    return false;
}

/* Debezium's envelope: one letter of an op, and a record that it is about. */
static bool is_envelope(const struct infer *i, uint32_t object)
{
    static const char *const parts[] = {"before", "after", "source", "message"};
    uint32_t op = mr_json_doc_find(i->doc, object, "op");
    if (i->of->is_key || i->of->route->envelope == MR_ENVELOPE_PLAIN || op == MR_JSON_NO_TOKEN ||
        i->doc->tokens[op].kind != MR_JSON_STRING || mr_json_doc_raw(i->doc, op).len != 1)
        return false;
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        uint32_t part = mr_json_doc_find(i->doc, object, parts[k]);
        if (part != MR_JSON_NO_TOKEN && i->doc->tokens[part].kind == MR_JSON_OBJECT)
            return true;
    }
    return false;
}

static int put_envelope(struct infer *i, uint32_t object)
{
    size_t base = i->own->members.len;
    uint32_t n;
    int rc = gather(i, object, LEVEL_TOP, &n);
    mr_buf_byte(i->schema, '[');
    for (uint32_t k = 0; rc == 0 && k < n; k++) {
        struct member member = *member_at(i, base, k);
        enum level level;
        if (k > 0)
            mr_buf_byte(i->schema, ',');
        put_name(i, member.name);
        bool part = part_level(i, member.name, &level);
        enum mr_json_kind kind = (enum mr_json_kind)i->doc->tokens[member.value].kind;
        if (part && kind == MR_JSON_OBJECT)
            rc = put_part(i, member.value, level);
        else if (part && kind == MR_JSON_NULL)
            put_type(i, G_NULL);
        else
            rc = put_member(i, &member);
        mr_buf_byte(i->schema, '}');
    }
    mr_buf_byte(i->schema, ']');
    i->own->members.len = base;
    return rc;
}

static int put_object(struct infer *i, uint32_t object)
{
    mr_buf_str(i->schema, i->of->is_key ? "{\"type\":\"record\",\"name\":\"Key\",\"fields\":"
                                        : "{\"type\":\"record\",\"name\":\"Value\",\"fields\":");
    int rc = is_envelope(i, object) ? put_envelope(i, object) : put_flat(i, object, LEVEL_TOP);
    mr_buf_byte(i->schema, '}');
    return rc;
}

int mr_json_infer_put(struct mr_json_infer *infer, const struct mr_json_infer_of *of,
                      struct mr_json_at at, const struct mr_json_infer_out *out, struct mr_err *err)
{
    struct infer i = {.own = infer,
                      .of = of,
                      .doc = at.doc,
                      .schema = out->schema,
                      .body = out->body,
                      .err = err};
    if (infer->memories.n_entries >= MAX_MEMORIES || infer->arena.used_bytes >= MAX_MEMORY_BYTES) {
        mr_map_reset(&infer->memories);
        mr_arena_reset(&infer->arena);
    }
    mr_buf_reset(&infer->members);
    if (at.doc->tokens[at.token].kind == MR_JSON_OBJECT)
        return put_object(&i, at.token);
    enum guess guess = guess_of(&i, at.token);
    if (guess == G_DECIMAL)
        guess = G_JSON; /* a record of its own would be columns: its lexeme is exact, too */
    put_type(&i, guess);
    return put_value(&i, at.token, guess);
}
