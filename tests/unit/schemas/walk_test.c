/* The walk over any schema (contract.md S-10, S-19, S-45, T-48): skipping and rendering read the
 * same bytes. Rows of hostile bytes are in decode_row_test.c. */
#include "schemas/walk.h"

#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

static const char deep[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":[\"null\",\"long\"]}},"
    "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":[\"string\",\"null\",\"R\"]}},"
    "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"X\",\"Y\"]}}]}";

static struct mr_schema *schema;
static struct mr_buf bytes;
static struct mr_buf json;

MR_SETUP
{
    struct mr_err err;
    struct mr_schema_text text = {deep, sizeof deep - 1};
    struct mr_schema_opts opts = {.lenient_names = true};
    MR_CHECK_OK(mr_schema_parse(&text, 1, &opts, &schema, &err));
    mr_buf_reset(&bytes);
    mr_buf_reset(&json);
}

MR_TEARDOWN
{
    mr_schema_unref(schema);
    mr_buf_release(&bytes);
    mr_buf_release(&json);
}

static const char *rendered(size_t *used)
{
    struct mr_err err = MR_ERR_INIT;
    static struct mr_num_scratch num; /* large for a stack */
    struct mr_convert_run run = {.err = &err, .num = &num};
    struct mr_typed typed;
    struct mr_wire w;
    mr_typed_of(schema->root, NULL, &typed);
    mr_wire_init(&w, wire_slice(&bytes), 100);
    mr_buf_reset(&json);
    int rc = mr_walk_json(&w, &typed, &run, &json);
    *used = (size_t)(w.at - w.start);
    return rc < 0 ? mr_code_printed(rc) : mr_buf_cstr(&json);
}

MR_TEST("a recursive value is rendered as deep as it goes")
{
    size_t used;
    wire_hex(&bytes, "02 026b 02 0e 00"); /* m {k: 7} */
    wire_hex(&bytes, "04 00 0271 04");    /* a ["q", R ...] */
    wire_hex(&bytes, "00 02 02 00 00 00 02");
    MR_CHECK_STR(rendered(&used),
                 "{\"m\": {\"k\": 7}, \"a\": [{\"string\": \"q\"}, {\"R\": {\"m\": {}, \"a\": "
                 "[null], \"e\": \"X\"}}], \"e\": \"Y\"}");
    MR_CHECK_U64(used, bytes.len);
}

MR_TEST("skipping ends where rendering ends, at every cut of the bytes too")
{
    size_t used;
    wire_hex(&bytes, "02 026b 02 0e 00 04 00 0271 04 00 02 02 00 00 00 02");
    size_t full = bytes.len;
    for (size_t len = 0; len <= full; len++) {
        struct mr_wire w;
        bytes.len = len;
        mr_wire_init(&w, wire_slice(&bytes), 100);
        bool skipped = mr_walk_skip(&w, schema->root);
        const char *text = rendered(&used);
        MR_CHECK(skipped == (len == full));
        MR_CHECK(skipped == (text[0] == '{'));
        if (!skipped)
            MR_CHECK_STR(mr_code_printed((int)w.fault), text);
    }
}

/* A value of a type that holds itself: `n` of it, `open` and `close` around each. */
static void check_depth(const char *type, const char *open, const char *leaf, const char *close)
{
    struct mr_err err;
    struct mr_schema_text text = {type, strlen(type)};
    struct mr_schema_opts opts = {.lenient_names = true};
    size_t used;
    mr_schema_unref(schema);
    schema = NULL;
    MR_CHECK_OK(mr_schema_parse(&text, 1, &opts, &schema, &err));
    bool seen[2] = {false, false};
    for (int n = 1; n <= 70; n++) {
        struct mr_wire w;
        mr_buf_reset(&bytes);
        for (int i = 0; i < n; i++)
            wire_hex(&bytes, open);
        wire_hex(&bytes, leaf);
        for (int i = 0; i < n; i++)
            wire_hex(&bytes, close);
        mr_wire_init(&w, wire_slice(&bytes), 100);
        bool skipped = mr_walk_skip(&w, schema->root);
        const char *shown = rendered(&used);
        if (skipped != (strcmp(shown, "avro.depth") != 0))
            MR_FAIL("%s %d deep: skipped %d, rendered %s", type, n, skipped, shown);
        if (!skipped)
            MR_CHECK_INT(w.fault, MR_AVRO_DEPTH);
        seen[skipped] = true;
    }
    MR_CHECK(seen[0] && seen[1]);
}

/* S-45 */
MR_TEST("what is too deep to skip is too deep to render: entries and records that are one value")
{
    check_depth(
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"e\",\"type\":{\"type\":"
        "\"array\",\"items\":{\"type\":\"record\",\"name\":"
        "\"io.confluent.connect.avro.MapEntry\",\"fields\":[{\"name\":\"key\",\"type\":\"int\"},"
        "{\"name\":\"value\",\"type\":[\"null\",\"R\"]}]}}}]}",
        "02 04 02", "00", "00");
    check_depth(
        "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":"
        "\"io.confluent.connect.avro.MapEntry\",\"fields\":[{\"name\":\"key\",\"type\":\"int\"},"
        "{\"name\":\"value\",\"type\":{\"type\":\"record\",\"name\":\"R\",\"fields\":[{"
        "\"name\":\"e\",\"type\":[\"null\",{\"type\":\"array\",\"items\":"
        "\"io.confluent.connect.avro.MapEntry\"}]}]}}]}}",
        "02 04 02", "00", "00");
#define DEEP_LEAF(name, fields)                                                                    \
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"r\",\"type\":[\"null\",\"R\"]},"  \
    "{\"name\":\"l\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"L\",\"connect.name\":"     \
    "\"" name "\",\"fields\":[" fields "]}]}]}"
    check_depth(
        DEEP_LEAF("io.debezium.data.VariableScaleDecimal",
                  "{\"name\":\"scale\",\"type\":\"int\"},{\"name\":\"value\",\"type\":\"bytes\"}"),
        "02", "00 02 02 02 05", "00");
    check_depth(
        DEEP_LEAF("io.debezium.data.geometry.Point",
                  "{\"name\":\"x\",\"type\":\"double\"},{\"name\":\"y\",\"type\":\"double\"},"
                  "{\"name\":\"wkb\",\"type\":[\"null\",\"bytes\"]},{\"name\":\"srid\",\"type\":"
                  "[\"null\",\"int\"]}"),
        "02", "00 02 00000000000000000000000000000000 00 00", "00");
}
