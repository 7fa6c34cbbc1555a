/* JSON records on their way to Avro (F-11): what becomes of a text, shown as the Avro schema's text
 * and the datum that avro-c reads of it. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "schemas/avro_lib.h"
#include "schemas/transcode.h"
#include "tests/support/mr_test.h"

static struct fixture {
    struct mr_transcode *transcode;
    struct mr_route route;
    struct mr_frame frame;
    struct mr_schema *schema;
    struct mr_buf text;
    struct mr_err err;
    uint32_t scope;
} f;

MR_SETUP
{
    memset(&f, 0, sizeof f);
    f.transcode = mr_transcode_new((struct mr_env){.rng = {.s = {1, 2, 3, 4}}});
    f.route.max_zero_size_items = 100;
    f.route.unavailable_detect = true;
    f.route.placeholder = "PLACE";
    f.route.placeholder_len = 5;
}

MR_TEARDOWN
{
    mr_schema_unref(f.schema);
    mr_schema_unref(f.route.value_schema);
    mr_transcode_free(f.transcode);
    mr_buf_release(&f.text);
}

static int open_side(const char *json, bool is_key)
{
    const struct mr_transcode_for of = {.route = &f.route, .scope = f.scope, .is_key = is_key};
    mr_err_clear(&f.err);
    MR_CHECK_OK(
        mr_framing_open(mr_slice_str(json), is_key, MR_FORMAT_JSON, NULL, &f.frame, &f.err));
    int rc = mr_transcode_open(f.transcode, &of, &f.frame, &f.err);
    mr_schema_unref(f.schema);
    f.schema = NULL;
    if (rc == 0 && f.frame.ref.kind == MR_REF_MADE)
        f.schema = mr_transcode_schema(f.transcode, &f.frame.ref);
    else if (rc == 0 && f.frame.ref.kind == MR_REF_CONFIGURED)
        f.schema = mr_schema_ref(f.route.value_schema);
    return rc;
}

/* The datum as Avro JSON, or the code. */
static const char *datum_of(const char *json)
{
    int rc = open_side(json, false);
    if (rc < 0)
        return mr_code_printed(rc);
    if (f.schema == NULL)
        return "null";
    mr_buf_reset(&f.text);
    if (mr_avro_lib_decode_json(f.schema->text, f.frame.body, &f.text, &f.err) < 0)
        MR_FAIL("%s: %s", f.schema->text, f.err.detail);
    return mr_buf_cstr(&f.text);
}

/* The kinds of a record's fields: "id long, a string" with ? for null beside it. */
static const char *fields_of(const struct mr_avro_node *record)
{
    mr_buf_reset(&f.text);
    for (uint16_t i = 0; i < record->n_fields; i++) {
        const struct mr_avro_node *type = record->fields[i].type;
        uint32_t null_branch;
        bool nullable = mr_avro_nullable(type, &type, &null_branch);
        const char *name = record->fields[i].props.connect_name;
        mr_buf_fmt(&f.text, "%s%s %s%s", i > 0 ? ", " : "", record->fields[i].name,
                   name != NULL ? strrchr(name, '.') + 1 : mr_avro_kind_name(type->kind),
                   nullable ? "?" : "");
    }
    return mr_buf_cstr(&f.text);
}

static const char *guessed(const char *json)
{
    int rc = open_side(json, false);
    return rc < 0 ? mr_code_printed(rc) : fields_of(f.schema->root);
}

MR_TEST("F-11: a row's members become fields: long, decimal, boolean, string, JSON text, null")
{
    MR_CHECK_STR(
        guessed(
            "{\"i\":1,\"d\":1.50,\"b\":true,\"s\":\"x\",\"o\":{\"k\": [1]},\"a\":[],\"n\":null}"),
        "i long?, d VariableScaleDecimal?, b boolean?, s string?, o Json?, a Json?, n null");
    MR_CHECK_STR(datum_of("{\"i\":-9223372036854775808,\"s\":\"a\\u00fc\\n\",\"o\":{\"k\": [1]}}"),
                 "{\"i\": {\"long\": -9223372036854775808}, \"s\": {\"string\": \"a\\u00FC\\n\"}, "
                 "\"o\": {\"string\": \"{\\\"k\\\": [1]}\"}}");
}

/* P5 */
MR_TEST("F-11: numbers are exact, whatever their size")
{
    static const struct {
        const char *json;
        const char *body; /* branch 1, scale, length, unscaled */
        size_t len;
    } cases[] = {
        {"{\"d\":9223372036854775808}", "\x02\x00\x12\x00\x80\0\0\0\0\0\0\0", 12},
        {"{\"d\":0.10}", "\x02\x04\x02\x0a", 4},
        {"{\"d\":-1e3}", "\x02\x05\x02\xff", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MR_CHECK_OK(open_side(cases[i].json, false));
        MR_CHECK_STR(fields_of(f.schema->root), "d VariableScaleDecimal?");
        MR_CHECK_MEM(f.frame.body.data, cases[i].body, cases[i].len);
    }
}

MR_TEST("F-11: a field's null has the type that the field had, a long beside decimals is one")
{
    MR_CHECK_STR(guessed("{\"a\":1,\"b\":null}"), "a long?, b null");
    MR_CHECK_STR(guessed("{\"a\":null,\"b\":\"x\"}"), "a long?, b string?");
    MR_CHECK_STR(guessed("{\"b\":null,\"a\":1.5}"), "a VariableScaleDecimal?, b string?");
    MR_CHECK_STR(guessed("{\"b\":null,\"a\":7}"), "a VariableScaleDecimal?, b string?");
    f.scope = 1; /* another table knows nothing of it */
    MR_CHECK_STR(guessed("{\"b\":null,\"a\":7}"), "b null, a long?");
}

MR_TEST("F-11: records of one kind have one schema, whatever the order of their members")
{
    (void)guessed("{\"a\":1,\"b\":\"x\"}");
    struct mr_schema_ref first = f.frame.ref;
    (void)guessed("{\"b\":null,\"a\":null}");
    MR_CHECK_MEM(&f.frame.ref, &first, sizeof first);
    MR_CHECK_STR(datum_of("{\"b\":\"y\",\"a\":2,\"b\":\"z\"}"),
                 "{\"a\": {\"long\": 2}, \"b\": {\"string\": \"z\"}}");
    MR_CHECK_MEM(&f.frame.ref, &first, sizeof first);
}

MR_TEST("F-11: Debezium's envelope without a schema keeps its records")
{
    MR_CHECK_STR(
        guessed(
            "{\"before\":null,\"after\":{\"id\":1,\"v\":\"x\"},\"source\":{\"connector\":"
            "\"postgresql\",\"ts_ms\":5,\"lsn\":7},\"op\":\"c\",\"ts_ms\":6,\"transaction\":null}"),
        "before null, after record?, source record?, op string?, ts_ms long?, transaction null");
    const struct mr_avro_node *root = f.schema->root;
    MR_CHECK_STR(root->fields[2].type->branches[1]->full_name,
                 "io.debezium.connector.postgresql.Source");
    MR_CHECK_STR(fields_of(root->fields[1].type->branches[1]), "id long?, v string?");
    (void)guessed(
        "{\"before\":{\"id\":1,\"v\":null},\"after\":{\"id\":1,\"v\":\"y\"},\"op\":\"u\"}");
    root = f.schema->root;
    MR_CHECK(root->fields[0].type->branches[1] == root->fields[1].type->branches[1]);
    f.route.envelope = MR_ENVELOPE_PLAIN;
    MR_CHECK_STR(guessed("{\"after\":{\"id\":1},\"op\":\"c\"}"), "after Json?, op string?");
}

MR_TEST("F-11, U-05 to U-11: a document that is the placeholder's form becomes the placeholder")
{
    MR_CHECK_STR(
        datum_of("{\"a\":[\"PLACE\"],\"m\":{\"PLACE\":\"PLACE\"},\"i\":[80,76,65,67,69],"
                 "\"x\":[\"PLACE\",\"PLACE\"],\"y\":[80,76,65,67]}"),
        "{\"a\": {\"string\": \"PLACE\"}, \"m\": {\"string\": \"PLACE\"}, "
        "\"i\": {\"string\": \"PLACE\"}, \"x\": {\"string\": \"[\\\"PLACE\\\",\\\"PLACE\\\"]\"}, "
        "\"y\": {\"string\": \"[80,76,65,67]\"}}");
}

MR_TEST("F-11: null is the null payload, alone, as a payload, and with a schema")
{
    MR_CHECK_STR(datum_of("null"), "null");
    MR_CHECK(f.frame.body.data == NULL);
    MR_CHECK_STR(datum_of(" {\"schema\":null,\"payload\":null}"), "null");
    MR_CHECK_STR(datum_of("{\"schema\":{\"type\":\"string\",\"optional\":true},\"payload\":null}"),
                 "null");
}

MR_TEST("F-11: a key is a record or one value")
{
    MR_CHECK_OK(open_side("{\"id\":7}", true));
    MR_CHECK_STR(fields_of(f.schema->root), "id long?");
    MR_CHECK_OK(open_side("\"abc\"", true));
    MR_CHECK_INT(f.schema->root->kind, MR_AV_STRING);
    MR_CHECK_OK(open_side("{\"schema\":null,\"payload\":12}", true));
    MR_CHECK_INT(f.schema->root->kind, MR_AV_LONG);
    MR_CHECK_MEM(f.frame.body.data, "\x18", 1);
    MR_CHECK_OK(open_side("1.50", true)); /* exact as its text */
    MR_CHECK_MEM(f.frame.body.data,
                 "\x08"
                 "1.50",
                 5);
}

#define ENVELOPE(schema, payload) "{\"schema\":" schema ",\"payload\":" payload "}"
#define STRUCT(fields)                                                                             \
    "{\"type\":\"struct\",\"fields\":[" fields "],\"optional\":false,\"name\":\"s.t.Value\"}"

MR_TEST("F-11: Connect's types and forms")
{
    static const struct {
        const char *schema, *payload, *shown;
    } cases[] = {
        {"{\"type\":\"int8\"}", "-128", "-128"},
        {"{\"type\":\"int16\"}", "7", "7"},
        {"{\"type\":\"int32\"}", "2147483647", "2147483647"},
        {"{\"type\":\"int64\"}", "9223372036854775807", "9223372036854775807"},
        {"{\"type\":\"float\"}", "0.1", "0.10000000149011612"},
        {"{\"type\":\"double\"}", "0.1", "0.10000000000000001"},
        {"{\"type\":\"boolean\"}", "false", "false"},
        {"{\"type\":\"string\"}", "\"\\ud83d\\ude42\"", "\"\\uD83D\\uDE42\""},
        {"{\"type\":\"bytes\"}", "\"Af8=\"", "\"\\u0001\\u00FF\""},
        {"{\"type\":\"array\",\"items\":{\"type\":\"int32\",\"optional\":true}}", "[1,null]",
         "[{\"int\": 1}, null]"},
        {"{\"type\":\"map\",\"keys\":{\"type\":\"string\"},\"values\":{\"type\":\"int32\"}}",
         "{\"k\":1}", "{\"k\": 1}"},
        {"{\"type\":\"map\",\"keys\":{\"type\":\"int32\"},\"values\":{\"type\":\"string\"}}",
         "[[1,\"a\"],[2,\"b\"]]",
         "[{\"key\": 1, \"value\": \"a\"}, {\"key\": 2, \"value\": \"b\"}]"},
        {"{\"type\":\"int32\"}", "2147483648", "value.out_of_range"},
        {"{\"type\":\"int32\"}", "1.5", "value.invalid"},
        {"{\"type\":\"int32\"}", "\"1\"", "value.invalid"},
        {"{\"type\":\"double\"}", "1e999", "value.out_of_range"},
        {"{\"type\":\"bytes\"}", "\"A*==\"", "value.invalid"},
        {"{\"type\":\"string\"}", "\"\\ud83d\"", "value.utf8"},
        {"{\"type\":\"decimal\"}", "1", "schema.invalid"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[400];
        (void)snprintf(json, sizeof json, ENVELOPE("%s", "%s"), cases[i].schema, cases[i].payload);
        const char *got = datum_of(json);
        if (strcmp(got, cases[i].shown) != 0)
            MR_FAIL("%s: %s, expected %s", json, got, cases[i].shown);
    }
}

MR_TEST("F-11: an optional type is a union with null, but for the whole value")
{
    MR_CHECK_OK(open_side(ENVELOPE("{\"type\":\"struct\",\"optional\":true,\"fields\":[{\"field\":"
                                   "\"a\",\"type\":\"int32\",\"optional\":true}]}",
                                   "{\"a\":null}"),
                          false));
    MR_CHECK_STR(fields_of(f.schema->root), "a int?");
    MR_CHECK_MEM(f.frame.body.data, "\x00", 1);
}

MR_TEST("F-11: names and parameters of Connect's schema say what a field means")
{
    MR_CHECK_OK(open_side(
        ENVELOPE(STRUCT("{\"field\":\"d\",\"type\":\"bytes\",\"optional\":true,\"version\":1,"
                        "\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{"
                        "\"scale\":\"2\",\"connect.decimal.precision\":\"5\"}},"
                        "{\"field\":\"t\",\"type\":\"int64\",\"optional\":false,\"default\":0,"
                        "\"name\":\"io.debezium.time.MicroTimestamp\"},"
                        "{\"field\":\"s\",\"type\":\"int16\",\"optional\":false}"),
                 "{\"d\":\"AJY=\",\"s\":3}"),
        false));
    MR_CHECK_STR(fields_of(f.schema->root), "d Decimal?, t MicroTimestamp, s int");
    MR_CHECK_STR(mr_avro_param(&f.schema->root->fields[0].props, "scale"), "2");
    MR_CHECK_STR(f.schema->root->fields[2].props.connect_type, "int16");
    MR_CHECK_STR(f.schema->root->full_name, "s.t.Value");
    MR_CHECK_MEM(f.frame.body.data, "\x02\x04\x00\x96\x00\x06", 6);
    /* decimal.format = NUMERIC */
    MR_CHECK_OK(open_side(
        ENVELOPE(STRUCT("{\"field\":\"d\",\"type\":\"bytes\","
                        "\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{"
                        "\"scale\":\"2\"}}"),
                 "{\"d\":1.5}"),
        false));
    MR_CHECK_MEM(f.frame.body.data, "\x04\x00\x96", 3);
    MR_CHECK_STR(datum_of(ENVELOPE(STRUCT("{\"field\":\"a\",\"type\":\"int32\"}"), "{\"b\":1}")),
                 "value.invalid");
    MR_CHECK(strstr(f.err.detail, "'a' is missing") != NULL);
}

MR_TEST("F-11: structs of one name are told apart, and one schema text is translated once")
{
#define ROW                                                                                        \
    "{\"type\":\"struct\",\"optional\":true,\"name\":\"s.t.Value\",\"field\":\"%s\","              \
    "\"fields\":[{\"field\":\"id\",\"type\":\"int32\"}]}"
    char json[1000];
    (void)snprintf(json, sizeof json,
                   "{\"schema\":{\"type\":\"struct\",\"name\":\"s.t.Envelope\",\"fields\":[" ROW
                   "," ROW ",{\"field\":\"op\",\"type\":\"string\"}]},"
                   "\"payload\":{\"before\":null,\"after\":{\"id\":1},\"op\":\"c\"}}",
                   "before", "after");
    MR_CHECK_OK(open_side(json, false));
    const struct mr_schema *first = f.schema;
    MR_CHECK_STR(f.schema->root->props.connect_name, "s.t.Envelope");
    MR_CHECK_STR(f.schema->root->fields[1].type->branches[1]->props.connect_name, "s.t.Value");
    MR_CHECK_MEM(f.frame.body.data,
                 "\x00\x02\x02\x02"
                 "c",
                 5);
    MR_CHECK_OK(open_side(json, false));
    MR_CHECK(f.schema == first);
}

MR_TEST("value_schema says what JSON without a schema is, defaults and unions too")
{
    static const char text[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"},"
        "{\"name\":\"k\",\"type\":\"string\",\"default\":\"z\"},"
        "{\"name\":\"u\",\"type\":[\"null\",\"int\",\"string\",{\"type\":\"array\",\"items\":"
        "\"int\"}]"
        "},{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}}]"
        "}";
    const struct mr_schema_opts opts = {.lenient_names = true};
    const struct mr_schema_text one = {text, sizeof text - 1};
    MR_CHECK_OK(mr_schema_parse(&one, 1, &opts, &f.route.value_schema, &f.err));
    MR_CHECK_STR(datum_of("{\"i\":1,\"u\":\"x\",\"e\":\"B\",\"more\":1}"),
                 "{\"i\": 1, \"k\": \"z\", \"u\": {\"string\": \"x\"}, \"e\": \"B\"}");
    MR_CHECK_STR(datum_of("{\"i\":1,\"k\":\"y\",\"u\":{\"array\":[3]},\"e\":\"A\"}"),
                 "{\"i\": 1, \"k\": \"y\", \"u\": {\"array\": [3]}, \"e\": \"A\"}");
    MR_CHECK_STR(datum_of("{\"i\":1,\"u\":[],\"e\":\"A\"}"),
                 "{\"i\": 1, \"k\": \"z\", \"u\": {\"array\": []}, \"e\": \"A\"}");
    MR_CHECK_STR(datum_of("{\"i\":1,\"u\":true,\"e\":\"A\"}"), "value.invalid");
    MR_CHECK_STR(datum_of("{\"i\":1,\"u\":null,\"e\":\"C\"}"), "value.invalid");
}

MR_TEST("F-11: bad JSON is framing.bad_json with its offset")
{
    MR_CHECK_STR(datum_of("{\"a\":1,}"), "framing.bad_json");
    MR_CHECK_STR(f.err.detail, "no member name at byte 7");
}

MR_TEST("schemas that records bring are bounded, the ones in use stay")
{
    for (int i = 0; i < MR_TRANSCODE_MAX_SCHEMAS + 100; i++) {
        char json[64];
        (void)snprintf(json, sizeof json, "{\"field_%d\":1}", i);
        MR_CHECK_OK(open_side(json, false));
        MR_CHECK(f.schema != NULL);
    }
    MR_CHECK_OK(open_side("{\"field_0\":1}", false));
    MR_CHECK_STR(f.schema->root->fields[0].name, "field_0");
}

/* ---- what hostile records may cost ---- */

static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Its work is that of a few megabytes; one that is not linear takes minutes. */
static const double max_seconds = 20;

static void check_cost(const struct mr_buf *json, int code)
{
    double start = cpu_seconds();
    MR_CHECK_INT(open_side((const char *)json->data, false), code);
    if (cpu_seconds() - start > max_seconds)
        MR_FAIL("%zu bytes took %.1f s", json->len, cpu_seconds() - start);
}

static void repeat(struct mr_buf *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mr_buf_str(out, text);
}

MR_TEST("G-06: a default that many objects lack is read once")
{
    struct mr_buf json = MR_BUF_INIT;
    mr_buf_str(&json, "{\"schema\":{\"type\":\"array\",\"items\":{\"type\":\"struct\",\"fields\":[{"
                      "\"field\":\"a\",\"type\":\"string\",\"default\":\"");
    repeat(&json, "x", 200000);
    mr_buf_str(&json, "\"}]}},\"payload\":[{}");
    repeat(&json, ",{}", 300000);
    mr_buf_str(&json, "]}");
    check_cost(&json, -MR_FRAMING_TOO_LARGE); /* 300,000 times 200,000 bytes */
    mr_buf_release(&json);
}

MR_TEST("G-06: a default is the same each time")
{
    MR_CHECK_STR(datum_of(ENVELOPE(
                     "{\"type\":\"array\",\"items\":{\"type\":\"struct\",\"fields\":[{\"field\":"
                     "\"a\",\"type\":\"string\",\"default\":\"xy\"},{\"field\":\"b\",\"type\":"
                     "\"int32\",\"default\":7}]}}",
                     "[{},{\"b\":1},{\"a\":\"\"},{}]")),
                 "[{\"a\": \"xy\", \"b\": 7}, {\"a\": \"xy\", \"b\": 1}, {\"a\": \"\", \"b\": 7}, "
                 "{\"a\": \"xy\", \"b\": 7}]");
}

static void put_wide_schema(struct mr_buf *json)
{
    mr_buf_str(json, "{\"schema\":{\"type\":\"array\",\"items\":{\"type\":\"struct\",\"fields\":[");
    for (int i = 0; i < 5000; i++)
        mr_buf_fmt(json, "%s{\"field\":\"f%d\",\"type\":\"int32\",\"optional\":true}",
                   i > 0 ? "," : "", i);
    mr_buf_str(json, "]}},\"payload\":[");
}

MR_TEST("G-06: empty objects of a wide struct end at the limit of what they become")
{
    struct mr_buf json = MR_BUF_INIT;
    put_wide_schema(&json);
    mr_buf_str(&json, "{}");
    repeat(&json, ",{}", 400000);
    mr_buf_str(&json, "]}");
    check_cost(&json, -MR_FRAMING_TOO_LARGE);
    mr_buf_release(&json);
}

MR_TEST("G-06: members that a wide struct lacks are not compared with each of its fields")
{
    struct mr_buf json = MR_BUF_INIT;
    put_wide_schema(&json);
    mr_buf_str(&json, "{\"f0\":null");
    repeat(&json, ",\"\\u0078\":0", 400000);
    mr_buf_str(&json, "}]}");
    check_cost(&json, 0);
    mr_buf_release(&json);
}

static void use_value_schema(const char *text)
{
    const struct mr_schema_opts opts = {.lenient_names = true};
    const struct mr_schema_text one = {text, strlen(text)};
    MR_CHECK_OK(mr_schema_parse(&one, 1, &opts, &f.route.value_schema, &f.err));
}

MR_TEST("G-06: symbols of an enum are not compared one by one")
{
    struct mr_buf text = MR_BUF_INIT;
    struct mr_buf json = MR_BUF_INIT;
    mr_buf_str(&text,
               "{\"type\":\"array\",\"items\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":["
               "\"s0\"");
    for (int i = 1; i < 60000; i++)
        mr_buf_fmt(&text, ",\"s%d\"", i);
    mr_buf_str(&text, "]}}");
    use_value_schema((const char *)text.data);
    mr_buf_str(&json, "[\"s1\"");
    repeat(&json, ",\"s59999\"", 200000);
    mr_buf_str(&json, "]");
    check_cost(&json, 0);
    mr_buf_release(&text);
    mr_buf_release(&json);
}

MR_TEST("G-06: branches of nested unions that refuse a value are paid for")
{
    /* each level is read as A, which lacks a field behind it, and then as B */
    use_value_schema(
        "[{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"k\",\"type\":[\"A\","
        "{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"k\",\"type\":[\"A\","
        "\"B\",\"string\"]}]},\"string\"]},{\"name\":\"z\",\"type\":\"int\"}]},\"B\"]");
    struct mr_buf json = MR_BUF_INIT;
    MR_CHECK_STR(datum_of("{\"k\":{\"k\":\"y\"}}"),
                 "{\"B\": {\"k\": {\"B\": {\"k\": {\"string\": \"y\"}}}}}");
    repeat(&json, "{\"k\":", 20);
    mr_buf_byte(&json, '"');
    repeat(&json, "y", 4000000);
    mr_buf_byte(&json, '"');
    repeat(&json, "}", 20);
    check_cost(&json, -MR_FRAMING_TOO_LARGE);
    mr_buf_release(&json);
}

MR_TEST("G-06: a default that was read once costs no more steps")
{
    struct mr_buf schema = MR_BUF_INIT;
    struct mr_buf json = MR_BUF_INIT;
    mr_buf_str(&schema,
               "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"r\",\"fields\":[{"
               "\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"int\"},\"default\":[1");
    repeat(&schema, ",1", 199);
    mr_buf_str(&schema, "]}]}}");
    use_value_schema(mr_buf_cstr(&schema));
    mr_buf_str(&json, "[{}");
    repeat(&json, ",{}", 5000);
    mr_buf_str(&json, "]");
    check_cost(&json, 0);
    mr_buf_release(&schema);
    mr_buf_release(&json);
}

MR_TEST("G-06: a wide record that an object is not is paid for by its width")
{
    struct mr_buf schema = MR_BUF_INIT;
    struct mr_buf json = MR_BUF_INIT;
    mr_buf_str(&schema, "{\"type\":\"array\",\"items\":[{\"type\":\"record\",\"name\":\"A\","
                        "\"fields\":[{\"name\":\"f\",\"type\":\"int\"}");
    for (int i = 0; i < 4000; i++)
        mr_buf_fmt(&schema, ",{\"name\":\"f%d\",\"type\":\"int\"}", i);
    mr_buf_str(&schema, "]},{\"type\":\"record\",\"name\":\"B\",\"fields\":[]}]}");
    use_value_schema(mr_buf_cstr(&schema));
    mr_buf_str(&json, "[{}");
    repeat(&json, ",{}", 20000);
    mr_buf_str(&json, "]");
    check_cost(&json, -MR_FRAMING_TOO_LARGE);
    mr_buf_release(&schema);
    mr_buf_release(&json);
}

/* P5 */
MR_TEST("F-11: a member's name that is longer than names may be is refused, never cut")
{
    struct mr_buf json = MR_BUF_INIT;
    mr_buf_str(&json, "{\"");
    repeat(&json, "n", 4096);
    mr_buf_str(&json, "1\":1,\"");
    repeat(&json, "n", 4096);
    mr_buf_str(&json, "2\":2}");
    MR_CHECK_INT(open_side((const char *)json.data, false), -MR_SCHEMA_TOO_LARGE);
    mr_buf_release(&json);
}
