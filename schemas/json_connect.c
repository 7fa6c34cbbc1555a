/* Owns the translation of Connect's JSON schemas. Must not look at payloads. Invariants: recursion
 * follows the tokens, which have at most 64 levels; names are copied as they are escaped, so that
 * the text stays JSON; no two records have one name. Source: Kafka Connect, JsonConverter and
 * JsonSchema; Confluent, AvroData.fromConnectSchema. */
#include "schemas/json_connect.h"

#include "base/map.h"

#include "base/ban.h"

struct connect {
    const struct mr_json_doc *doc;
    struct mr_buf *out;
    struct mr_map names; /* of records; keys are slices of the text */
    uint32_t n_names;
    uint32_t root;
    struct mr_err *err;
};

static bool is_kind(const struct mr_json_doc *doc, uint32_t token, enum mr_json_kind kind)
{
    return token != MR_JSON_NO_TOKEN && doc->tokens[token].kind == kind;
}

bool mr_json_connect_open(const struct mr_json_doc *doc, uint32_t *schema, uint32_t *payload)
{
    if (doc->tokens[0].kind != MR_JSON_OBJECT || doc->tokens[0].n != 2)
        return false;
    *schema = mr_json_doc_find(doc, 0, "schema");
    *payload = mr_json_doc_find(doc, 0, "payload");
    if (*schema == MR_JSON_NO_TOKEN || *payload == MR_JSON_NO_TOKEN)
        return false;
    if (doc->tokens[*schema].kind == MR_JSON_NULL) {
        *schema = MR_JSON_NO_TOKEN;
        return true;
    }
    return is_kind(doc, mr_json_doc_find(doc, *schema, "type"), MR_JSON_STRING);
}

static void put_raw(struct connect *c, uint32_t token)
{
    struct mr_slice raw = mr_json_doc_raw(c->doc, token);
    mr_buf_add(c->out, raw.data, raw.len);
}

static int invalid(struct connect *c, uint32_t token, const char *what)
{
    return mr_err_set(c->err, MR_SCHEMA_INVALID, "the Connect schema at byte %u %s",
                      (unsigned)c->doc->tokens[token].start, what);
}

/* connect.name and connect.parameters. */
static void put_props(struct connect *c, uint32_t token)
{
    uint32_t name = mr_json_doc_find(c->doc, token, "name");
    uint32_t params = mr_json_doc_find(c->doc, token, "parameters");
    if (is_kind(c->doc, name, MR_JSON_STRING)) {
        mr_buf_str(c->out, ",\"connect.name\":\"");
        put_raw(c, name);
        mr_buf_byte(c->out, '"');
    }
    if (is_kind(c->doc, params, MR_JSON_OBJECT)) {
        mr_buf_str(c->out, ",\"connect.parameters\":");
        put_raw(c, params);
    }
}

/* A record's name: Connect's, or a made one; a second record of one name gets a number. */
static int put_name(struct connect *c, uint32_t name, const char *otherwise)
{
    struct mr_slice text = is_kind(c->doc, name, MR_JSON_STRING) ? mr_json_doc_raw(c->doc, name)
                                                                 : mr_slice_str(otherwise);
    bool found;
    mr_buf_str(c->out, "\"name\":\"");
    mr_buf_add(c->out, text.data, text.len);
    if (mr_map_entry(&c->names, text.data, text.len, mr_hash(text.data, text.len, c->names.seed),
                     &found) == NULL)
        return mr_err_set(c->err, MR_NO_MEMORY, "a Connect schema");
    if (found)
        mr_buf_fmt(c->out, "-%u", (unsigned)++c->n_names);
    mr_buf_byte(c->out, '"');
    return 0;
}

static int put_type(struct connect *c, uint32_t token);

/* A literal default; of bytes and containers there is none (their JSON form is not Avro's). */
static void put_default(struct connect *c, uint32_t schema)
{
    uint32_t dflt = mr_json_doc_find(c->doc, schema, "default");
    uint32_t type = mr_json_doc_find(c->doc, schema, "type");
    if (dflt == MR_JSON_NO_TOKEN || mr_json_doc_is(c->doc, type, "bytes"))
        return;
    enum mr_json_kind kind = (enum mr_json_kind)c->doc->tokens[dflt].kind;
    if (kind == MR_JSON_ARRAY || kind == MR_JSON_OBJECT || kind == MR_JSON_NULL)
        return;
    mr_buf_str(c->out, ",\"default\":");
    if (kind == MR_JSON_STRING)
        mr_buf_byte(c->out, '"');
    put_raw(c, dflt);
    if (kind == MR_JSON_STRING)
        mr_buf_byte(c->out, '"');
}

/* NOLINTNEXTLINE(misc-no-recursion): along the tokens, at most 64 levels */
static int put_field(struct connect *c, uint32_t field)
{
    uint32_t name = mr_json_doc_find(c->doc, field, "field");
    if (!is_kind(c->doc, name, MR_JSON_STRING))
        return invalid(c, field, "is a field without a name");
    mr_buf_str(c->out, "{\"name\":\"");
    put_raw(c, name);
    mr_buf_str(c->out, "\",\"type\":");
    int rc = put_type(c, field);
    if (rc < 0)
        return rc;
    put_default(c, field);
    mr_buf_byte(c->out, '}');
    return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): along the tokens, at most 64 levels */
static int put_struct(struct connect *c, uint32_t token)
{
    uint32_t fields = mr_json_doc_find(c->doc, token, "fields");
    mr_buf_str(c->out, "{\"type\":\"record\",");
    int rc = put_name(c, mr_json_doc_find(c->doc, token, "name"), "ConnectDefault");
    if (rc < 0)
        return rc;
    put_props(c, token);
    mr_buf_str(c->out, ",\"fields\":[");
    if (fields != MR_JSON_NO_TOKEN && !is_kind(c->doc, fields, MR_JSON_ARRAY))
        return invalid(c, token, "has fields that are no array");
    uint32_t n = fields != MR_JSON_NO_TOKEN ? c->doc->tokens[fields].n : 0;
    uint32_t at = fields + 1;
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0)
            mr_buf_byte(c->out, ',');
        rc = put_field(c, at);
        if (rc < 0)
            return rc;
        at = c->doc->tokens[at].next;
    }
    mr_buf_str(c->out, "]}");
    return 0;
}

/* A member that is a schema itself. */
/* NOLINTNEXTLINE(misc-no-recursion): along the tokens, at most 64 levels */
static int put_member(struct connect *c, uint32_t token, const char *name)
{
    uint32_t member = mr_json_doc_find(c->doc, token, name);
    if (!is_kind(c->doc, member, MR_JSON_OBJECT))
        return invalid(c, token, "lacks the type of its items");
    return put_type(c, member);
}

/* NOLINTNEXTLINE(misc-no-recursion): along the tokens, at most 64 levels */
static int put_array(struct connect *c, uint32_t token)
{
    mr_buf_str(c->out, "{\"type\":\"array\"");
    put_props(c, token);
    mr_buf_str(c->out, ",\"items\":");
    int rc = put_member(c, token, "items");
    mr_buf_byte(c->out, '}');
    return rc;
}

/* Keys that are strings give a map, others the array of entries of S-19. */
/* NOLINTNEXTLINE(misc-no-recursion): along the tokens, at most 64 levels */
static int put_map(struct connect *c, uint32_t token)
{
    uint32_t keys = mr_json_doc_find(c->doc, token, "keys");
    uint32_t type = keys != MR_JSON_NO_TOKEN ? mr_json_doc_find(c->doc, keys, "type") : keys;
    int rc = 0;
    if (type != MR_JSON_NO_TOKEN && mr_json_doc_is(c->doc, type, "string")) {
        mr_buf_str(c->out, "{\"type\":\"map\"");
        put_props(c, token);
        mr_buf_str(c->out, ",\"values\":");
        rc = put_member(c, token, "values");
        mr_buf_byte(c->out, '}');
        return rc;
    }
    mr_buf_str(c->out, "{\"type\":\"array\"");
    put_props(c, token);
    mr_buf_str(c->out, ",\"items\":{\"type\":\"record\",");
    rc = put_name(c, MR_JSON_NO_TOKEN, "io.confluent.connect.avro.MapEntry");
    mr_buf_str(c->out, ",\"fields\":[{\"name\":\"key\",\"type\":");
    if (rc == 0)
        rc = put_member(c, token, "keys");
    mr_buf_str(c->out, "},{\"name\":\"value\",\"type\":");
    if (rc == 0)
        rc = put_member(c, token, "values");
    mr_buf_str(c->out, "}]}}");
    return rc;
}

static int put_primitive(struct connect *c, uint32_t token, uint32_t type)
{
    static const struct {
        const char *connect;
        const char *avro;
    } types[] = {
        {"int8", "\"int\",\"connect.type\":\"int8\""},
        {"int16", "\"int\",\"connect.type\":\"int16\""},
        {"int32", "\"int\""},
        {"int64", "\"long\""},
        {"float", "\"float\""},
        {"float32", "\"float\""},
        {"double", "\"double\""},
        {"float64", "\"double\""},
        {"boolean", "\"boolean\""},
        {"string", "\"string\""},
        {"bytes", "\"bytes\""},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!mr_json_doc_is(c->doc, type, types[i].connect))
            continue;
        mr_buf_fmt(c->out, "{\"type\":%s", types[i].avro);
        put_props(c, token);
        mr_buf_byte(c->out, '}');
        return 0;
    }
    return invalid(c, token, "has an unknown type");
}

static bool is_true(const struct mr_json_doc *doc, uint32_t token)
{
    struct mr_slice raw = mr_json_doc_raw(doc, token);
    return is_kind(doc, token, MR_JSON_BOOL) && raw.data != NULL && raw.data[0] == 't';
}

/* NOLINTNEXTLINE(misc-no-recursion): along the tokens, at most 64 levels */
static int put_type(struct connect *c, uint32_t token)
{
    uint32_t type = mr_json_doc_find(c->doc, token, "type");
    uint32_t optional = mr_json_doc_find(c->doc, token, "optional");
    int rc;
    if (!is_kind(c->doc, type, MR_JSON_STRING))
        return invalid(c, token, "has no type");
    /* a payload that is null is no value at all, so the whole needs no null */
    bool nullable = token != c->root && is_true(c->doc, optional);
    if (nullable)
        mr_buf_str(c->out, "[\"null\",");
    if (mr_json_doc_is(c->doc, type, "struct"))
        rc = put_struct(c, token);
    else if (mr_json_doc_is(c->doc, type, "array"))
        rc = put_array(c, token);
    else if (mr_json_doc_is(c->doc, type, "map"))
        rc = put_map(c, token);
    else
        rc = put_primitive(c, token, type);
    if (nullable)
        mr_buf_byte(c->out, ']');
    return rc;
}

int mr_json_connect_schema(const struct mr_json_doc *doc, uint32_t token, struct mr_buf *out,
                           struct mr_err *err)
{
    struct connect c = {.doc = doc, .out = out, .root = token, .err = err};
    mr_map_init(&c.names, (uintptr_t)doc ^ (uintptr_t)out);
    int rc = put_type(&c, token);
    mr_map_release(&c.names);
    return rc;
}

bool mr_json_connect_letter(struct mr_slice text, char *out)
{
    enum { MAX_BYTES = 4096 };
    struct mr_json_doc doc = MR_JSON_DOC_INIT;
    uint32_t schema;
    uint32_t payload;
    bool found = false;
    if (text.len <= MAX_BYTES && mr_json_doc_parse(&doc, text, NULL) == 0) {
        if (!mr_json_connect_open(&doc, &schema, &payload))
            payload = 0;
        struct mr_slice raw = mr_json_doc_raw(&doc, payload);
        found = doc.tokens[payload].kind == MR_JSON_STRING && raw.len == 1;
        if (found)
            *out = (char)raw.data[0];
    }
    mr_json_doc_release(&doc);
    return found;
}
