/* Owns data for random_datum.h. */
#include "tests/support/random_datum.h"

#include <string.h>

enum { DEEP = 6, MAX_TEXT = 24, MAX_VALUES = 64 };

static const char *const texts[] = {
    "",
    "a",
    "bb",
    "c",
    "r",
    "u",
    "d",
    "t",
    "m",
    "true",
    "false",
    "0",
    "-1",
    "127.50",
    "1e3",
    "NaN",
    "NEGATIVE_INFINITY",
    "POSITIVE_INFINITY",
    "Infinity",
    "2024-02-29",
    "23:59:59.999999",
    "13:51:30+02:00",
    "2024-02-29T23:59:59.999999Z",
    "2024-02-29T23:59:59",
    "+294247-01-10T04:00:54.775807Z",
    "-0044-03-15T00:00:00Z",
    "infinity",
    "-infinity",
    "P1Y2M3DT4H5M6.78S",
    "PT-0.000001S",
    "b68a35a7-17ad-35b3-af2a-ae46edb4545a",
    "{\"id\":1,\"x\":[1.5,null,\"y\"]}",
    "{\"a\":\"\\u0000\"}",
    "[]",
    "null",
    "{1,2,NULL}",
    "a.b.c",
    "'fat':1A 'rat':2",
    "x=>1, \"y z\"=>NULL",
    "a,ccc",
    "(1.5,-2)",
    "[(0,0),(1,1)]",
    "((0,0),(1,1),(2,0))",
    "<(1,2),3>",
    "{1,2,3}",
    "[1,2,3]",
    "{1:0.5,3:2}/5",
    "[1,10)",
    "10.0.0.1/8",
    "0101",
    "__debezium_unavailable_value",
    "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==",
    "[\"24023119\",\"24023128\"]",
    "[null,\"24023128\"]",
    "mysql-bin.000003",
    "00000025:00000448:0003",
    "1234567",
    "123:1:09000a00b0110000,124:2:09000a00b0110000",
    "\xed\xa0\x80",
    "\xf0\x9f\x99\x82",
};

/* What a meaning takes, by the end of its name. */
static const struct {
    const char *name;
    const char *texts[4];
} meanings[] = {
    {"ZonedTimestamp",
     {"2024-02-29T23:59:59.999999Z", "+294247-01-10T04:00:54.775807Z", "1999-12-31T00:00:00+02:00",
      "infinity"}},
    {"ZonedTime", {"13:51:30+02:00", "23:59:59.999999Z", "00:00:00Z", "12:00:00-15:59"}},
    {"Interval", {"P1Y2M3DT4H5M6.78S", "PT-0.000001S", "P0D", "P-1Y1M-1DT0S"}},
    {"IsoDate", {"2024-02-29", "0001-01-01", "2024-02-29Z", "9999-12-31"}},
    {"IsoTime", {"23:59:59.999999", "00:00:00Z", "12:30:00", "01:02:03.5"}},
    {"IsoTimestamp",
     {"2024-02-29T23:59:59", "2024-02-29T23:59:59.5Z", "0001-01-01T00:00:00",
      "9999-12-31T00:00:00"}},
    {"Uuid",
     {"b68a35a7-17ad-35b3-af2a-ae46edb4545a", "00000000-0000-0000-0000-000000000000",
      "B68A35A7-17AD-35B3-AF2A-AE46EDB4545A", "ffffffff-ffff-ffff-ffff-ffffffffffff"}},
    {"Json", {"{\"id\":1,\"x\":[1.5,null,\"y\"]}", "null", "[]", "{\"_id\":{\"$oid\":\"6\"}}"}},
    {"Ltree", {"a.b.c", "Top", "a", "x.y"}},
    {"EnumSet", {"a,ccc", "a", "", "bb"}},
};

enum { N_TEXTS = sizeof texts / sizeof *texts, N_MEANINGS = sizeof meanings / sizeof *meanings };

static const char placeholder[] = "__debezium_unavailable_value";

struct chance {
    uint64_t rng;
    uint64_t same; /* makes the columns that a key may share with its row */
    unsigned side; /* 0, or of the matrix whose inner array comes: items of each array */
    unsigned left; /* values that may still follow: with 0 arrays end and unions are null */
};

static unsigned below(struct chance *c, unsigned n)
{
    c->rng ^= c->rng << 13;
    c->rng ^= c->rng >> 7;
    c->rng ^= c->rng << 17;
    return (unsigned)(c->rng >> 33) % n;
}

static void put_long(struct mr_buf *out, int64_t v)
{
    uint64_t u = ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
    for (; u >= 0x80; u >>= 7)
        mr_buf_byte(out, (uint8_t)(u | 0x80));
    mr_buf_byte(out, (uint8_t)u);
}

/* Numbers of all sizes, and the edges of types and calendars. */
static int64_t whole(struct chance *c, bool is_int)
{
    static const int64_t edges[] = {0,
                                    1,
                                    -1,
                                    95,
                                    12,
                                    INT16_MAX,
                                    INT16_MIN,
                                    INT32_MAX,
                                    INT32_MIN,
                                    86399999,
                                    86400000,
                                    86400000000,
                                    INT64_MAX,
                                    INT64_MIN,
                                    19675,
                                    1700000000123,
                                    1700000000123456,
                                    1700000000123456789,
                                    2147483648,
                                    -2147483649};
    enum { N_EDGES = sizeof edges / sizeof *edges };
    int64_t v = below(c, 3) == 0 ? edges[below(c, N_EDGES)] : (int64_t)(c->rng >> below(c, 64));
    if (below(c, 4) == 0)
        v = (int64_t)(0 - (uint64_t)v);
    return is_int && (v > INT32_MAX || v < INT32_MIN) ? (int32_t)((uint64_t)v & 0xffff) : v;
}

/* Mostly one that a date, a time and a smallint have. */
static int64_t number_of(struct chance *c, const struct mr_avro_node *node)
{
    const struct mr_avro_props *props = &node->props;
    bool meaning = props->connect_name != NULL || props->logical != MR_LOGICAL_NONE;
    if ((meaning || props->connect_type != NULL) && below(c, 4) != 0)
        return (int64_t)below(c, props->connect_type != NULL ? 32767 : 86400000);
    return whole(c, node->kind == MR_AV_INT);
}

static void put_double(struct chance *c, unsigned n_bytes, struct mr_buf *out)
{
    static const double edges[] = {0.0, -0.0, 1.5, -2.25, 1e300, -1e-300, 95.0, 1e10, 0.1};
    double d = below(c, 4) == 0 ? (double)whole(c, false) : edges[below(c, 9)];
    float f = (float)d;
    uint8_t bytes[8];
    unsigned kind = below(c, 16);
    if (n_bytes == 4)
        memcpy(bytes, &f, 4);
    else
        memcpy(bytes, &d, 8);
    if (kind == 0) /* not a number, or an infinity */
        memcpy(bytes + n_bytes - 2, below(c, 2) == 0 ? "\xf8\x7f" : "\xf0\xff", 2);
    else if (kind < 4)
        memcpy(bytes, &c->rng, n_bytes);
    mr_buf_add(out, bytes, n_bytes);
}

/* A text of the node's meaning; NULL: it has none of those that are known. */
static const char *meant(struct chance *c, const struct mr_avro_node *node)
{
    const char *name = node->props.connect_name;
    if (node->props.logical == MR_LOGICAL_UUID)
        name = "Uuid";
    for (unsigned i = 0; name != NULL && i < N_MEANINGS; i++) {
        size_t n = strlen(meanings[i].name);
        if (strlen(name) >= n && strcmp(name + strlen(name) - n, meanings[i].name) == 0)
            return meanings[i].texts[below(c, 4)];
    }
    return NULL;
}

static struct mr_slice choose_text(struct chance *c, const struct mr_avro_node *node,
                                   uint8_t room[MAX_TEXT])
{
    const char *text = node != NULL && below(c, 8) != 0 ? meant(c, node) : NULL;
    if (below(c, 8) == 0)
        text = placeholder;
    if (text != NULL)
        return mr_slice_str(text);
    if (below(c, 4) != 0)
        return mr_slice_str(texts[below(c, N_TEXTS)]);
    size_t n = below(c, MAX_TEXT);
    for (size_t i = 0; i < n; i++)
        room[i] = (uint8_t)(' ' + below(c, 95));
    return (struct mr_slice){room, n};
}

static void put_text(struct chance *c, const struct mr_avro_node *node, struct mr_buf *out)
{
    bool binary = node != NULL && node->kind == MR_AV_BYTES;
    uint8_t room[MAX_TEXT];
    struct mr_slice text = choose_text(c, node, room);
    if (binary && below(c, 2) == 0) {
        size_t n = below(c, MAX_TEXT);
        for (size_t i = 0; i < n; i++)
            room[i] = (uint8_t)below(c, 256);
        text = (struct mr_slice){room, n};
    }
    put_long(out, (int64_t)text.len);
    mr_buf_add(out, text.data, text.len);
}

static void put(struct chance *c, const struct mr_avro_node *node, unsigned depth,
                struct mr_buf *out);

/* An array of arrays, or of what may be one? */
static bool holds_arrays(const struct mr_avro_node *node)
{
    const struct mr_avro_node *items = node->items;
    if (node->kind != MR_AV_ARRAY)
        return false;
    if (items->kind == MR_AV_UNION && items->n_branches == 2)
        items = items->branches[items->branches[0]->kind == MR_AV_NULL ? 1 : 0];
    return items->kind == MR_AV_ARRAY;
}

/* One block or two; sizes before items in some. */
static void put_items(struct chance *c, const struct mr_avro_node *node, unsigned depth,
                      struct mr_buf *out)
{
    bool matrix = holds_arrays(node);
    unsigned side = c->side;
    if (side == 0 && matrix && below(c, 4) != 0)
        side = 1 + below(c, 3);
    unsigned n_blocks = depth >= DEEP || c->left == 0 ? 0 : below(c, 3);
    if (side > 0)
        n_blocks = 1;
    for (unsigned b = 0; b < n_blocks; b++) {
        unsigned n = 1 + below(c, c->left > 0 && below(c, 8) == 0 ? 40 : 3);
        if (side > 0)
            n = side;
        struct mr_buf items = MR_BUF_INIT;
        for (unsigned i = 0; i < n; i++) {
            c->left -= c->left > 0;
            if (node->kind == MR_AV_MAP)
                put_text(c, NULL, &items);
            c->side = matrix ? side : 0;
            put(c, node->items, depth + 1, &items);
        }
        bool sized = below(c, 3) == 0;
        put_long(out, sized ? -(int64_t)n : (int64_t)n);
        if (sized)
            put_long(out, (int64_t)items.len);
        mr_buf_add(out, items.data, items.len);
        mr_buf_release(&items);
    }
    c->side = 0;
    put_long(out, 0);
}

/* Null where it is deep. */
static void put_union(struct chance *c, const struct mr_avro_node *node, unsigned depth,
                      struct mr_buf *out)
{
    unsigned branch = below(c, node->n_branches);
    unsigned last = node->n_branches - 1u;
    if (depth < DEEP && node->branches[last]->kind == MR_AV_RECORD && below(c, 8) != 0)
        branch = last; /* rows are seldom null */
    for (unsigned i = 0; i < node->n_branches && (depth >= DEEP || c->left == 0); i++) {
        if (node->branches[i]->kind == MR_AV_NULL)
            branch = i;
    }
    put_long(out, branch);
    put(c, node->branches[branch], depth + 1, out);
}

/* An op is mostly one: chance would seldom find it. */
static void put_field(struct chance *c, const struct mr_avro_field *field, unsigned depth,
                      struct mr_buf *out)
{
    static const char letters[] = "crudtm";
    const struct mr_avro_node *type = field->type;
    uint32_t null_idx;
    bool op = strcmp(field->name, "op") == 0 || strcmp(field->name, "__op") == 0;
    bool nullable = mr_avro_nullable(field->type, &type, &null_idx);
    if (strcmp(field->name, "c0") == 0 || strcmp(field->name, "c1") == 0) {
        uint64_t rng = c->rng;
        c->rng = c->same + (uint64_t)field->name[1];
        put(c, field->type, depth + 1, out);
        c->rng = rng;
        return;
    }
    if (!op || type->kind != MR_AV_STRING || below(c, 16) == 0) {
        put(c, field->type, depth + 1, out);
        return;
    }
    if (nullable)
        put_long(out, null_idx == 0 ? 1 : 0);
    put_long(out, 1);
    mr_buf_byte(out, (uint8_t)letters[below(c, sizeof letters - 1)]);
}

static void put(struct chance *c, const struct mr_avro_node *node, unsigned depth,
                struct mr_buf *out)
{
    switch (node->kind) {
    case MR_AV_NULL:
        break;
    case MR_AV_BOOLEAN:
        mr_buf_byte(out, (uint8_t)below(c, 2));
        break;
    case MR_AV_INT:
    case MR_AV_LONG:
        put_long(out, number_of(c, node));
        break;
    case MR_AV_FLOAT:
    case MR_AV_DOUBLE:
        put_double(c, node->kind == MR_AV_FLOAT ? 4 : 8, out);
        break;
    case MR_AV_BYTES:
    case MR_AV_STRING:
        put_text(c, node, out);
        break;
    case MR_AV_RECORD:
        for (uint16_t i = 0; i < node->n_fields; i++)
            put_field(c, &node->fields[i], depth, out);
        break;
    case MR_AV_ENUM:
        put_long(out, below(c, node->n_symbols));
        break;
    case MR_AV_FIXED:
        for (uint32_t i = 0; i < node->size; i++)
            mr_buf_byte(out, (uint8_t)below(c, 256));
        break;
    case MR_AV_ARRAY:
    case MR_AV_MAP:
        put_items(c, node, depth, out);
        break;
    case MR_AV_UNION:
    default:
        put_union(c, node, depth, out);
        break;
    }
}

void random_datum(uint64_t *rng, uint64_t same, const struct mr_avro_node *node, struct mr_buf *out)
{
    struct chance c = {.rng = *rng, .same = same | 1, .left = MAX_VALUES};
    put(&c, node, 0, out);
    *rng = c.rng;
}

static void put_json(struct chance *c, const struct mr_avro_node *node, struct mr_buf *out)
{
    uint8_t room[MAX_TEXT];
    switch (node->kind) {
    case MR_AV_BOOLEAN:
        mr_buf_str(out, below(c, 2) == 0 ? "true" : "false");
        break;
    case MR_AV_INT:
    case MR_AV_LONG:
        mr_buf_fmt(out, "%lld", (long long)whole(c, node->kind == MR_AV_INT));
        break;
    case MR_AV_FLOAT:
    case MR_AV_DOUBLE:
        mr_buf_fmt(out, "%.17g", (double)whole(c, true) / 8);
        break;
    case MR_AV_ENUM:
        mr_buf_fmt(out, "\"%s\"", node->symbols[below(c, node->n_symbols)]);
        break;
    case MR_AV_BYTES:
    case MR_AV_FIXED:
        mr_buf_str(out, "\"AAECAwQFBgcICQoLDA0ODw==\"");
        break;
    case MR_AV_UNION:
        put_json(c, node->branches[below(c, node->n_branches)], out);
        break;
    case MR_AV_NULL:
    case MR_AV_STRING:
    case MR_AV_RECORD:
    case MR_AV_ARRAY:
    case MR_AV_MAP:
    default: {
        struct mr_slice text = choose_text(c, node, room);
        mr_buf_byte(out, '"');
        for (size_t i = 0; i < text.len; i++) { /* as Connect's simple converter */
            if (text.data[i] == '"' || text.data[i] == '\\')
                mr_buf_byte(out, '\\');
            mr_buf_byte(out, text.data[i]);
        }
        mr_buf_byte(out, '"');
        break;
    }
    }
}

void random_datum_json(uint64_t *rng, const struct mr_avro_node *node, struct mr_buf *out)
{
    struct chance c = {.rng = *rng, .left = MAX_VALUES};
    bool record = node->kind == MR_AV_RECORD;
    if (!record)
        put_json(&c, node, out);
    for (uint16_t i = 0; record && i < node->n_fields; i++) {
        mr_buf_fmt(out, "%s\"%s\":", i > 0 ? "," : "{", node->fields[i].name);
        put_json(&c, node->fields[i].type, out);
    }
    if (record)
        mr_buf_str(out, node->n_fields > 0 ? "}" : "{}");
    *rng = c.rng;
}
