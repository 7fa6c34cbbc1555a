/* Every plan against avro-c: random schemas, random values written by an encoder of this file,
 * decoded by our plan and by avro-c, compared field by field. MR_SEED=<n> repeats a run. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "schemas/avro_lib.h"
#include "schemas/semantic.h"
#include "tests/support/emit_text.h"
#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

enum { N_SCHEMAS = 500, N_VALUES = 250, MAX_DEPTH = 4, MAX_FIELDS = 8 };

static uint64_t rng;
static unsigned n_names;

static uint64_t next_random(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
}

static unsigned below(unsigned n)
{
    return (unsigned)(next_random() >> 33) % n;
}

static void gen_type(struct mr_buf *out, unsigned depth, bool in_union);

static void gen_record(struct mr_buf *out, unsigned depth)
{
    unsigned n = 1 + below(depth == 0 ? MAX_FIELDS : 3);
    mr_buf_fmt(out, "{\"type\":\"record\",\"name\":\"R%u\",\"fields\":[", n_names++);
    for (unsigned i = 0; i < n; i++) {
        mr_buf_fmt(out, "%s{\"name\":\"f%u\",\"type\":", i > 0 ? "," : "", i);
        gen_type(out, depth + 1, false);
        mr_buf_str(out, "}");
    }
    mr_buf_str(out, "]}");
}

/* Branches of different kinds, so that none stands twice. */
static void gen_union(struct mr_buf *out, unsigned depth)
{
    static const char *const scalars[] = {"\"int\"",   "\"long\"",   "\"string\"",
                                          "\"bytes\"", "\"double\"", "\"boolean\""};
    unsigned first = below(6);
    switch (below(3)) {
    case 0:
        mr_buf_str(out, "[\"null\",");
        gen_type(out, depth + 1, true);
        mr_buf_str(out, "]");
        break;
    case 1:
        mr_buf_str(out, "[");
        gen_type(out, depth + 1, true);
        mr_buf_str(out, ",\"null\"]");
        break;
    default:
        mr_buf_fmt(out, "[%s,\"null\",%s]", scalars[first], scalars[(first + 1) % 6]);
        break;
    }
}

static void gen_type(struct mr_buf *out, unsigned depth, bool in_union)
{
    static const char *const scalars[] = {"\"boolean\"", "\"int\"",   "\"long\"",  "\"float\"",
                                          "\"double\"",  "\"bytes\"", "\"string\""};
    unsigned kind = below(depth >= MAX_DEPTH ? 9 : 14);
    if (in_union && kind >= 12)
        kind = below(7);
    if (kind < 7) {
        mr_buf_str(out, scalars[kind]);
    } else if (kind == 7) {
        mr_buf_fmt(out, "{\"type\":\"enum\",\"name\":\"E%u\",\"symbols\":[\"A\",\"B\",\"C\"]}",
                   n_names++);
    } else if (kind == 8) {
        mr_buf_fmt(out, "{\"type\":\"fixed\",\"name\":\"F%u\",\"size\":%u}", n_names++,
                   1 + below(5));
    } else if (kind == 9) {
        mr_buf_str(out, "{\"type\":\"array\",\"items\":");
        gen_type(out, depth + 1, false);
        mr_buf_str(out, "}");
    } else if (kind == 10) {
        mr_buf_str(out, "{\"type\":\"map\",\"values\":");
        gen_type(out, depth + 1, false);
        mr_buf_str(out, "}");
    } else if (kind == 11) {
        gen_record(out, depth);
    } else {
        gen_union(out, depth);
    }
}

static int64_t gen_integer(bool is_int)
{
    int64_t v = (int64_t)(next_random() >> below(64));
    if (below(2) == 0)
        v = -v;
    return is_int ? (int32_t)v : v;
}

static double gen_double(void)
{
    switch (below(4)) {
    case 0:
        return (double)gen_integer(true);
    case 1:
        return (double)gen_integer(false) / 1000.0;
    case 2:
        return ldexp((double)(int32_t)next_random(), (int)below(120) - 60);
    default:
        return 0.1 * (double)below(100);
    }
}

static void gen_string(struct mr_buf *out)
{
    static const char *const pieces[] = {
        "a", "\"",   "\\", "\n", "\x01", " ", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "/", "\x7f", "zz"};
    struct mr_buf text = MR_BUF_INIT;
    for (unsigned n = below(8); n > 0; n--)
        mr_buf_str(&text, pieces[below(12)]);
    wire_bytes(out, text.data, text.len);
    mr_buf_release(&text);
}

/* Never 0: avro-c 1.11 cuts its JSON of bytes there. */
static void gen_bytes(struct mr_buf *out, size_t n)
{
    for (; n > 0; n--)
        mr_buf_byte(out, (uint8_t)(1 + below(255)));
}

static void encode(struct mr_buf *out, const struct mr_avro_node *node);

/* Items in any of the block forms that a writer may choose. */
static void encode_items(struct mr_buf *out, const struct mr_avro_node *node)
{
    unsigned key = 0;
    for (unsigned blocks = below(3); blocks > 0; blocks--) {
        struct mr_buf block = MR_BUF_INIT;
        unsigned n = 1 + below(3);
        for (unsigned i = 0; i < n; i++) {
            char name[16];
            (void)snprintf(name, sizeof name, "k%u", key++);
            if (node->kind == MR_AV_MAP)
                wire_text(&block, name);
            encode(&block, node->items);
        }
        bool sized = below(2) == 0;
        wire_long(out, sized ? -(int64_t)n : (int64_t)n);
        if (sized)
            wire_long(out, (int64_t)block.len);
        mr_buf_add(out, block.data, block.len);
        mr_buf_release(&block);
    }
    wire_long(out, 0);
}

static void encode(struct mr_buf *out, const struct mr_avro_node *node)
{
    unsigned idx;
    switch (node->kind) {
    case MR_AV_BOOLEAN:
        mr_buf_byte(out, (uint8_t)below(2));
        break;
    case MR_AV_INT:
    case MR_AV_LONG:
        wire_long(out, gen_integer(node->kind == MR_AV_INT));
        break;
    case MR_AV_FLOAT:
        wire_float(out, (float)gen_double());
        break;
    case MR_AV_DOUBLE:
        wire_double(out, gen_double());
        break;
    case MR_AV_BYTES:
        idx = below(6);
        wire_long(out, idx);
        gen_bytes(out, idx);
        break;
    case MR_AV_STRING:
        gen_string(out);
        break;
    case MR_AV_FIXED:
        gen_bytes(out, node->size);
        break;
    case MR_AV_ENUM:
        wire_long(out, below(node->n_symbols));
        break;
    case MR_AV_UNION:
        idx = below(node->n_branches);
        wire_long(out, idx);
        encode(out, node->branches[idx]);
        break;
    case MR_AV_RECORD:
        for (idx = 0; idx < node->n_fields; idx++)
            encode(out, node->fields[idx].type);
        break;
    case MR_AV_ARRAY:
    case MR_AV_MAP:
        encode_items(out, node);
        break;
    case MR_AV_NULL:
    default:
        break;
    }
}

/* What a union's JSON says: its branch's node and value. */
static const struct mr_avro_node *branch_of(const struct mr_avro_node *node, json_t **theirs)
{
    if (node->kind != MR_AV_UNION || json_is_null(*theirs))
        return node;
    const char *name = json_object_iter_key(json_object_iter(*theirs));
    *theirs = json_object_iter_value(json_object_iter(*theirs));
    for (uint16_t i = 0; i < node->n_branches; i++) {
        const struct mr_avro_node *branch = node->branches[i];
        const char *own = branch->name != NULL ? branch->name : mr_avro_kind_name(branch->kind);
        if (strcmp(own, name) == 0 ||
            (branch->full_name != NULL && strcmp(branch->full_name, name) == 0))
            return branch;
    }
    MR_FAIL("avro-c names a branch %s", name);
}

/* Code points 0-255 as bytes. */
static void code_points(json_t *theirs, struct mr_buf *out)
{
    const char *text = json_string_value(theirs);
    size_t len = json_string_length(theirs);
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)text[i];
        if (c >= 0xc0)
            mr_buf_byte(out, (uint8_t)((c & 3) << 6 | ((uint8_t)text[++i] & 0x3f)));
        else
            mr_buf_byte(out, c);
    }
}

static bool same_real(const struct mr_avro_node *node, double ours, double theirs)
{
    if (node->kind == MR_AV_FLOAT)
        return (float)ours == (float)theirs;
    return ours == theirs;
}

/* A scalar as the text emitter writes it. */
static bool same_text(const struct mr_avro_node *node, struct mr_slice ours, json_t *theirs)
{
    struct mr_buf want = MR_BUF_INIT;
    struct mr_buf bytes = MR_BUF_INIT;
    char copy[64];
    bool same;
    switch (node->kind) {
    case MR_AV_BOOLEAN:
        mr_buf_str(&want, json_is_true(theirs) ? "true" : "false");
        break;
    case MR_AV_INT:
    case MR_AV_LONG:
        mr_buf_fmt(&want, "%lld", (long long)json_integer_value(theirs));
        break;
    case MR_AV_FLOAT:
    case MR_AV_DOUBLE:
        (void)snprintf(copy, sizeof copy, "%.*s", (int)ours.len, (const char *)ours.data);
        return same_real(node, strtod(copy, NULL), json_number_value(theirs));
    case MR_AV_BYTES:
    case MR_AV_FIXED:
        code_points(theirs, &bytes);
        mr_buf_str(&want, "\\x");
        for (size_t i = 0; i < bytes.len; i++)
            mr_buf_fmt(&want, "%02x", bytes.data[i]);
        break;
    case MR_AV_STRING:
    case MR_AV_ENUM:
        mr_buf_add(&want, json_string_value(theirs), json_string_length(theirs));
        break;
    case MR_AV_NULL:
    case MR_AV_RECORD:
    case MR_AV_ARRAY:
    case MR_AV_MAP:
    case MR_AV_UNION:
    default:
        break;
    }
    same = ours.len == want.len && (want.len == 0 || memcmp(ours.data, want.data, want.len) == 0);
    mr_buf_release(&want);
    mr_buf_release(&bytes);
    return same;
}

static bool same_base64(json_t *ours, json_t *theirs)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct mr_buf bytes = MR_BUF_INIT;
    struct mr_buf want = MR_BUF_INIT;
    code_points(theirs, &bytes);
    unsigned bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | bytes.data[i];
        for (have += 8; have >= 6; have -= 6)
            mr_buf_byte(&want, (uint8_t)letters[bits >> (have - 6) & 63]);
    }
    if (have > 0)
        mr_buf_byte(&want, (uint8_t)letters[bits << (6 - have) & 63]);
    while (want.len % 4 != 0)
        mr_buf_byte(&want, '=');
    bool same = json_is_string(ours) && json_string_length(ours) == want.len &&
                (want.len == 0 || memcmp(json_string_value(ours), want.data, want.len) == 0);
    mr_buf_release(&bytes);
    mr_buf_release(&want);
    return same;
}

static bool same_json(const struct mr_avro_node *node, json_t *ours, json_t *theirs);

static bool same_container(const struct mr_avro_node *node, json_t *ours, json_t *theirs)
{
    if (node->kind == MR_AV_ARRAY) {
        if (json_array_size(ours) != json_array_size(theirs))
            return false;
        for (size_t i = 0; i < json_array_size(ours); i++) {
            if (!same_json(node->items, json_array_get(ours, i), json_array_get(theirs, i)))
                return false;
        }
        return json_is_array(ours);
    }
    const char *key;
    json_t *value;
    size_t i = 0;
    if (json_object_size(ours) != json_object_size(theirs))
        return false;
    json_object_foreach(theirs, key, value)
    {
        const struct mr_avro_node *type =
            node->kind == MR_AV_MAP ? node->items : node->fields[i].type;
        json_t *mine = json_object_get(ours, key);
        if (mine == NULL || !same_json(type, mine, value))
            return false;
        i++;
    }
    return json_is_object(ours);
}

static bool same_json(const struct mr_avro_node *node, json_t *ours, json_t *theirs)
{
    const struct mr_avro_node *inner;
    uint32_t null_idx;
    if (json_is_null(theirs))
        return json_is_null(ours);
    if (node->kind == MR_AV_UNION) {
        bool nullable = mr_avro_nullable(node, &inner, &null_idx);
        const struct mr_avro_node *branch = branch_of(node, &theirs);
        if (!nullable)
            ours = json_object_iter_value(json_object_iter(ours));
        return ours != NULL && same_json(branch, ours, theirs);
    }
    switch (node->kind) {
    case MR_AV_FLOAT:
    case MR_AV_DOUBLE:
        return same_real(node, json_number_value(ours), json_number_value(theirs));
    case MR_AV_BYTES:
    case MR_AV_FIXED:
        return same_base64(ours, theirs);
    case MR_AV_ARRAY:
    case MR_AV_MAP:
    case MR_AV_RECORD:
        return same_container(node, ours, theirs);
    case MR_AV_NULL:
    case MR_AV_BOOLEAN:
    case MR_AV_INT:
    case MR_AV_LONG:
    case MR_AV_STRING:
    case MR_AV_ENUM:
    case MR_AV_UNION:
    default:
        return json_equal(ours, theirs) != 0;
    }
}

/* The text emitter's array: framed items. */
static bool same_array(const struct mr_avro_node *node, struct mr_slice ours, json_t *theirs)
{
    uint32_t n = mr_get_u32(ours.data + 2);
    size_t at = 7;
    if (n != json_array_size(theirs))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        json_t *item = json_array_get(theirs, i);
        uint32_t len = mr_get_u32(ours.data + at);
        at += 4;
        if (len == UINT32_MAX) {
            if (!json_is_null(item))
                return false;
            continue;
        }
        const struct mr_avro_node *type = branch_of(node->items, &item);
        if (json_is_null(item) || !same_text(type, (struct mr_slice){ours.data + at, len}, item))
            return false;
        at += len;
    }
    return at == ours.len;
}

static bool same_field(const struct mr_avro_field *field, struct mr_slice ours, json_t *theirs)
{
    struct mr_typed typed;
    mr_typed_of(field->type, &field->props, &typed);
    if (typed.node->kind != MR_AV_UNION)
        (void)branch_of(field->type, &theirs);
    if (typed.semantic == MR_SEM_ARRAY && ours.len > 1 && ours.data[0] == 1 && ours.data[1] == '[')
        return same_array(typed.node, ours, theirs);
    if (typed.semantic != MR_SEM_NESTED && typed.semantic != MR_SEM_ARRAY &&
        !mr_semantic_is_whole(typed.semantic))
        return same_text(typed.node, ours, theirs);
    json_t *parsed =
        json_loadb((const char *)ours.data, ours.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool same = parsed != NULL && same_json(typed.node, parsed, theirs);
    json_decref(parsed);
    return same;
}

static void fail(uint64_t seed, const char *schema, const char *theirs, const char *ours)
{
    MR_FAIL("MR_SEED=%llu\nschema %s\navro-c %s\nours   %s", (unsigned long long)seed, schema,
            theirs, ours);
}

static void compare(const struct mr_avro_node *root, struct plan_case *pc, struct mr_buf *theirs,
                    uint64_t seed, const char *schema)
{
    json_t *tree =
        json_loadb((const char *)theirs->data, theirs->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    MR_CHECK(tree != NULL);
    for (uint16_t i = 0; i < root->n_fields; i++) {
        struct mr_slice ours;
        json_t *value = json_object_get(tree, root->fields[i].name);
        bool there = mr_tuple_field(pc->decoded.tuple, i, &ours);
        bool same = value != NULL &&
                    (there ? same_field(&root->fields[i], ours, value) : json_is_null(value));
        if (!same)
            fail(seed, schema, mr_buf_cstr(theirs), mr_emit_text_tuple(pc->decoded.tuple, NULL));
    }
    json_decref(tree);
}

static void run_schema(struct mr_buf *text, uint64_t seed)
{
    struct plan_case pc;
    struct mr_avro_lib *lib = NULL;
    struct mr_schema *schema = NULL;
    struct mr_buf datum = MR_BUF_INIT;
    struct mr_buf theirs = MR_BUF_INIT;
    const char *json = mr_buf_cstr(text);
    struct mr_schema_text source = {json, text->len};
    struct mr_schema_opts opts = {.lenient_names = true};
    plan_case_init(&pc);
    pc.route.unavailable_detect = false;
    pc.route.envelope = MR_ENVELOPE_PLAIN;
    if (mr_schema_parse(&source, 1, &opts, &schema, &pc.err) < 0 ||
        plan_case_open(&pc, NULL, json) < 0)
        fail(seed, json, "", pc.err.detail);
    if (mr_avro_lib_new(json, text->len, &lib, &pc.err) < 0)
        fail(seed, json, pc.err.detail, "accepted");
    for (unsigned i = 0; i < N_VALUES; i++) {
        mr_buf_reset(&datum);
        mr_buf_reset(&theirs);
        encode(&datum, schema->root);
        const char *ours = plan_case_run(&pc, PLAN_NULL, wire_slice(&datum));
        if (mr_avro_lib_decode(lib, wire_slice(&datum), &theirs, &pc.err) < 0)
            fail(seed, json, pc.err.detail, ours);
        if (ours[0] != 'c')
            fail(seed, json, mr_buf_cstr(&theirs), ours);
        compare(schema->root, &pc, &theirs, seed, json);
    }
    mr_buf_release(&datum);
    mr_buf_release(&theirs);
    mr_avro_lib_free(lib);
    mr_schema_unref(schema);
    plan_case_release(&pc);
}

/* S-01, S-17, S-20, S-21, S-33, T-60 */
MR_TEST("125,000 random values of 500 random schemas decode as avro-c decodes them")
{
    const char *given = getenv("MR_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 20240607;
    struct mr_buf text = MR_BUF_INIT;
    for (unsigned i = 0; i < N_SCHEMAS; i++, seed++) {
        rng = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
        n_names = 0;
        mr_buf_reset(&text);
        gen_record(&text, 0);
        run_schema(&text, seed);
    }
    mr_buf_release(&text);
}
