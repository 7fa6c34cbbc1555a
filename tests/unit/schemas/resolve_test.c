/* Schema resolution, writer to reader: datums are written by avro-c from Avro JSON, resolved by us,
 * and read back by avro-c under the reader's schema. Expected texts are from the Avro
 * specification's rules. */
#include "schemas/resolve.h"

#include <stdio.h>

#include "schemas/avro_lib.h"
#include "tests/support/mr_test.h"

enum { MAX_ZERO = 1000 };

static struct fixture {
    struct mr_schema *writer;
    struct mr_schema *reader;
    struct mr_resolver *resolver;
    struct mr_buf datum;
    struct mr_buf out;
    struct mr_buf text;
    struct mr_err err;
} f;

MR_SETUP
{
    memset(&f, 0, sizeof f);
    f.out.limit = 1024 * 1024;
}

static void forget(void)
{
    mr_resolver_free(f.resolver);
    mr_schema_unref(f.writer);
    mr_schema_unref(f.reader);
    f.resolver = NULL;
    f.writer = NULL;
    f.reader = NULL;
    mr_err_clear(&f.err);
}

MR_TEARDOWN
{
    forget();
    mr_buf_release(&f.datum);
    mr_buf_release(&f.out);
    mr_buf_release(&f.text);
}

static struct mr_schema *schema_of(const char *text)
{
    const struct mr_schema_opts opts = {.lenient_names = true};
    const struct mr_schema_text one = {text, strlen(text)};
    struct mr_schema *schema = NULL;
    if (mr_schema_parse(&one, 1, &opts, &schema, &f.err) < 0)
        MR_FAIL("%s: %s", text, f.err.detail);
    return schema;
}

/* Compiles the pair anew. */
static int pair(const char *writer, const char *reader)
{
    forget();
    f.writer = schema_of(writer);
    f.reader = schema_of(reader);
    return mr_resolver_compile(f.writer, f.reader, &f.resolver, &f.err);
}

static int run_bytes(const void *bytes, size_t len)
{
    mr_buf_reset(&f.out);
    if (f.resolver == NULL) {
        mr_buf_add(&f.out, bytes, len);
        return 0;
    }
    return mr_resolver_run(f.resolver, (struct mr_slice){bytes, len}, MAX_ZERO, &f.out, &f.err);
}

/* What the reader reads of a writer's value, as Avro JSON, or the code. */
static const char *resolved(const char *writer, const char *json, const char *reader)
{
    int rc = pair(writer, reader);
    mr_buf_reset(&f.datum);
    mr_buf_reset(&f.text);
    if (rc == 0) {
        MR_CHECK_OK(mr_avro_lib_encode_json(writer, json, &f.datum, &f.err));
        rc = run_bytes(f.datum.data != NULL ? (const void *)f.datum.data : "", f.datum.len);
    }
    if (rc == 0)
        rc = mr_avro_lib_decode_json(reader, (struct mr_slice){f.out.data, f.out.len}, &f.text,
                                     &f.err);
    return rc < 0 ? mr_code_printed(rc) : mr_buf_cstr(&f.text);
}

#define REC(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define FIELD_OR(name, type, dflt) "{\"name\":\"" name "\",\"type\":" type ",\"default\":" dflt "}"
#define ENUM(symbols) "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[" symbols "]}"

/* S-02 */
MR_TEST("S-02: the promotions of the specification, and no other")
{
    static const char *const kinds[] = {"null",  "boolean", "int",   "long",
                                        "float", "double",  "bytes", "string"};
    static const char *const values[] = {"null", "true", "7",      "7",
                                         "1.5",  "1.5",  "\"ab\"", "\"ab\""};
    static const char *const allowed[] = {"int-long",     "int-float",   "int-double",
                                          "long-float",   "long-double", "float-double",
                                          "bytes-string", "string-bytes"};
    for (size_t w = 0; w < 8; w++) {
        for (size_t r = 0; r < 8; r++) {
            char writer[16];
            char reader[16];
            char both[32];
            (void)snprintf(writer, sizeof writer, "\"%s\"", kinds[w]);
            (void)snprintf(reader, sizeof reader, "\"%s\"", kinds[r]);
            (void)snprintf(both, sizeof both, "%s-%s", kinds[w], kinds[r]);
            bool want = w == r;
            for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
                want = want || strcmp(allowed[i], both) == 0;
            const char *got = resolved(writer, values[w], reader);
            if (want == (strcmp(got, "schema.unresolvable") == 0))
                MR_FAIL("%s: %s", both, got);
        }
    }
    MR_CHECK_STR(resolved("\"int\"", "-5", "\"double\""), "-5.0");
    MR_CHECK_STR(resolved("\"long\"", "9007199254740993", "\"long\""), "9007199254740993");
}

/* S-02, P5 */
MR_TEST("S-02: a number that the reader's float or double cannot hold exactly is value.lossy")
{
    MR_CHECK_STR(resolved("\"int\"", "16777216", "\"float\""), "16777216.0");
    MR_CHECK_STR(resolved("\"int\"", "16777217", "\"float\""), "value.lossy");
    MR_CHECK_STR(resolved("\"long\"", "9007199254740992", "\"double\""), "9007199254740992.0");
    MR_CHECK_STR(resolved("\"long\"", "9007199254740993", "\"double\""), "value.lossy");
    MR_CHECK_STR(resolved("\"long\"", "9223372036854775807", "\"double\""), "value.lossy");
    MR_CHECK_STR(resolved("\"long\"", "9223372036854775807", "\"float\""), "value.lossy");
}

/* S-01, S-03 */
MR_TEST("S-03: fields match by name, others are dropped, absent ones get the reader's default")
{
    const char *writer =
        REC(FIELD("a", "\"int\"") "," FIELD("b", "\"string\"") "," FIELD("c", "\"int\""));
    MR_CHECK_STR(resolved(writer, "{\"a\":1,\"b\":\"x\",\"c\":3}", REC(FIELD("c", "\"long\""))),
                 "{\"c\": 3}");
    MR_CHECK_STR(
        resolved(writer, "{\"a\":1,\"b\":\"x\",\"c\":3}",
                 REC(FIELD("c", "\"int\"") "," FIELD("a", "\"int\"") "," FIELD("b", "\"string\""))),
        "{\"c\": 3, \"a\": 1, \"b\": \"x\"}");
    MR_CHECK_STR(
        resolved(writer, "{\"a\":1,\"b\":\"x\",\"c\":3}",
                 REC(FIELD_OR("n", "\"int\"", "9") "," FIELD("b", "\"string\"") "," FIELD_OR(
                     "m", "\"string\"", "\"k\"") "," FIELD("a", "\"int\""))),
        "{\"n\": 9, \"b\": \"x\", \"m\": \"k\", \"a\": 1}");
    MR_CHECK_STR(resolved(writer, "{\"a\":1,\"b\":\"x\",\"c\":3}", REC(FIELD("z", "\"int\""))),
                 "schema.unresolvable");
}

/* S-03 */
MR_TEST("S-03: an alias of the reader names the writer's field or type")
{
    const char *reader = "{\"type\":\"record\",\"name\":\"N\",\"aliases\":[\"R\"],\"fields\":["
                         "{\"name\":\"new\",\"aliases\":[\"old\"],\"type\":\"int\"}]}";
    MR_CHECK_STR(resolved(REC(FIELD("old", "\"int\"")), "{\"old\":4}", reader), "{\"new\": 4}");
    /* its own name wins over the alias */
    const char *both = "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                       "{\"name\":\"new\",\"aliases\":[\"old\"],\"type\":\"int\"}]}";
    MR_CHECK_STR(resolved(REC(FIELD("old", "\"int\"") "," FIELD("new", "\"int\"")),
                          "{\"old\":4,\"new\":5}", both),
                 "{\"new\": 5}");
    MR_CHECK_STR(
        resolved(REC(FIELD("a", "\"int\"")), "{\"a\":4}",
                 "{\"type\":\"record\",\"name\":\"Other\",\"fields\":[" FIELD("a", "\"int\"") "]}"),
        "schema.unresolvable");
    /* names are compared without their namespaces */
    MR_CHECK_STR(
        resolved(REC(FIELD("a", "\"int\"")), "{\"a\":4}",
                 "{\"type\":\"record\",\"name\":\"ns.R\",\"fields\":[" FIELD("a", "\"long\"") "]}"),
        "{\"a\": 4}");
}

/* S-05 */
MR_TEST("S-05: enums resolve by symbol, unknown ones to the reader's default or not at all")
{
    const char *writer = ENUM("\"A\",\"B\",\"C\"");
    MR_CHECK_STR(resolved(writer, "\"C\"", ENUM("\"C\",\"A\"")), "\"C\"");
    MR_CHECK_STR(resolved(writer, "\"A\"", ENUM("\"C\",\"A\"")), "\"A\"");
    MR_CHECK_STR(resolved(writer, "\"B\"", ENUM("\"C\",\"A\"")), "schema.unresolvable");
    MR_CHECK_STR(resolved(writer, "\"B\"",
                          "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"C\",\"A\"],"
                          "\"default\":\"A\"}"),
                 "\"A\"");
}

/* S-06, S-07 */
MR_TEST("S-07: unions: the written branch must match, the reader's first exact branch takes it")
{
    MR_CHECK_STR(resolved("[\"null\",\"int\"]", "{\"int\":3}", "\"long\""), "3");
    MR_CHECK_STR(resolved("[\"null\",\"int\"]", "null", "\"long\""), "schema.unresolvable");
    MR_CHECK_STR(resolved("\"int\"", "3", "[\"null\",\"double\",\"int\"]"), "{\"int\": 3}");
    MR_CHECK_STR(resolved("\"int\"", "3", "[\"null\",\"double\",\"long\"]"), "{\"double\": 3.0}");
    MR_CHECK_STR(resolved("[\"int\",\"null\"]", "null", "[\"null\",\"int\"]"), "null");
    MR_CHECK_STR(resolved("[\"int\",\"string\"]", "{\"string\":\"s\"}", "[\"null\",\"int\"]"),
                 "schema.unresolvable");
    MR_CHECK_STR(resolved("[\"int\",\"string\"]", "{\"int\":1}", "[\"null\",\"int\"]"),
                 "{\"int\": 1}");
    MR_CHECK_STR(resolved("\"boolean\"", "true", "[\"null\",\"int\"]"), "schema.unresolvable");
    MR_CHECK_OK(pair("[\"null\",\"int\"]", "[\"null\",\"long\"]"));
    MR_CHECK_INT(run_bytes("\x04", 1), -MR_AVRO_BAD_UNION_INDEX);
}

/* S-08 */
MR_TEST("S-08: fixed needs name and size, decimals precision and scale, times one meaning")
{
#define FIXED(name, size) "{\"type\":\"fixed\",\"name\":\"" name "\",\"size\":" size "}"
#define DECIMAL(p, s)                                                                              \
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" p ",\"scale\":" s "}"
    MR_CHECK_OK(pair(FIXED("F", "2"), FIXED("F", "2")));
    MR_CHECK_INT(pair(FIXED("F", "2"), FIXED("F", "3")), -MR_SCHEMA_UNRESOLVABLE);
    MR_CHECK_INT(pair(FIXED("F", "2"), FIXED("G", "2")), -MR_SCHEMA_UNRESOLVABLE);
    MR_CHECK_OK(pair(DECIMAL("8", "2"), DECIMAL("8", "2")));
    MR_CHECK_INT(pair(DECIMAL("8", "2"), DECIMAL("8", "3")), -MR_SCHEMA_UNRESOLVABLE);
    MR_CHECK_INT(pair(DECIMAL("8", "2"), DECIMAL("9", "2")), -MR_SCHEMA_UNRESOLVABLE);
    MR_CHECK_OK(pair(DECIMAL("8", "2"), "\"bytes\""));
    MR_CHECK_OK(pair("\"bytes\"", DECIMAL("8", "2")));
    MR_CHECK_INT(pair("{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
                      "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}"),
                 -MR_SCHEMA_UNRESOLVABLE);
    MR_CHECK_INT(pair("{\"type\":\"int\",\"logicalType\":\"date\"}",
                      "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"),
                 -MR_SCHEMA_UNRESOLVABLE);
    MR_CHECK_OK(pair("\"int\"", "{\"type\":\"int\",\"logicalType\":\"date\"}"));
    /* the converter's name beside the type that the reader names alone */
    MR_CHECK_OK(pair("{\"type\":\"long\",\"logicalType\":\"timestamp-millis\",\"connect.name\":"
                     "\"org.apache.kafka.connect.data.Timestamp\"}",
                     "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"));
    MR_CHECK_INT(pair("{\"type\":\"long\",\"connect.name\":\"io.debezium.time.MicroTimestamp\"}",
                      "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"),
                 -MR_SCHEMA_UNRESOLVABLE);
}

static const char *with_default(const char *type, const char *dflt)
{
    static char reader[600];
    (void)snprintf(
        reader, sizeof reader,
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
        "{\"name\":\"d\",\"type\":%s,\"default\":%s}]}",
        type, dflt);
    return resolved(REC(FIELD("a", "\"int\"")), "{\"a\":1}", reader);
}

/* S-09 */
MR_TEST("S-09: defaults of every kind")
{
    static const struct {
        const char *type, *dflt, *shown;
    } cases[] = {
        {"\"null\"", "null", "null"},
        {"\"boolean\"", "true", "true"},
        {"\"long\"", "-9223372036854775808", "-9223372036854775808"},
        {"\"float\"", "0.1", "0.10000000149011612"},
        {"\"double\"", "1e300", "1.0000000000000001e300"},
        {"\"bytes\"", "\"\\u00ff\\u0001a\"", "\"\\u00FF\\u0001a\""},
        {FIXED("F", "2"), "\"\\u0001\\u0080\"", "\"\\u0001\\u0080\""},
        {"\"string\"", "\"\\u00fc\\n\"", "\"\\u00FC\\n\""},
        {ENUM("\"A\",\"B\""), "\"B\"", "\"B\""},
        {"{\"type\":\"array\",\"items\":\"int\"}", "[1,2]", "[1, 2]"},
        {"{\"type\":\"map\",\"values\":\"int\"}", "{\"k\":1}", "{\"k\": 1}"},
        {"[\"null\",\"string\"]", "null", "null"},
        {"[\"string\",\"null\"]", "\"s\"", "{\"string\": \"s\"}"},
        {"[\"null\",\"string\"]", "\"s\"", "{\"string\": \"s\"}"},
        {"[" ENUM("\"A\"") ",\"string\"]", "\"B\"", "{\"string\": \"B\"}"},
        {"{\"type\":\"record\",\"name\":\"I\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"},"
         "{\"name\":\"y\",\"type\":\"int\",\"default\":8}]}",
         "{\"x\":7}", "{\"x\": 7, \"y\": 8}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[200];
        (void)snprintf(want, sizeof want, "{\"a\": 1, \"d\": %s}", cases[i].shown);
        MR_CHECK_STR(with_default(cases[i].type, cases[i].dflt), want);
    }
}

/* S-09 */
MR_TEST("S-09: NaN and infinities are strings; a bad default is schema.invalid when it is needed")
{
    (void)with_default("\"bytes\"", "\"\\u0000\\u00ff\""); /* avro-c reads no U+0000 */
    MR_CHECK_MEM(f.out.data, "\x02\x04\0\xff", 4);
    (void)with_default("\"double\"", "\"NaN\"");
    MR_CHECK_MEM(f.out.data, "\x02\0\0\0\0\0\0\xf8\x7f", 9);
    (void)with_default("\"float\"", "\"-Infinity\"");
    MR_CHECK_MEM(f.out.data, "\x02\0\0\x80\xff", 5);
    MR_CHECK_STR(with_default("\"int\"", "\"x\""), "schema.invalid");
    MR_CHECK_STR(with_default("\"int\"", "2147483648"), "schema.invalid");
    MR_CHECK_STR(with_default("\"bytes\"", "\"\\u0100\""), "schema.invalid");
    MR_CHECK_STR(with_default(FIXED("F", "2"), "\"a\""), "schema.invalid");
    /* the field is written: its default is not needed */
    MR_CHECK_STR(
        resolved(REC(FIELD("a", "\"int\"")), "{\"a\":1}", REC(FIELD_OR("a", "\"long\"", "\"x\""))),
        "{\"a\": 1}");
}

/* S-10 */
MR_TEST("S-10: recursive types resolve to any depth that the bytes may have")
{
#define LIST(type, more)                                                                           \
    "{\"type\":\"record\",\"name\":\"L\",\"fields\":[" more FIELD("v", type) "," FIELD(            \
        "next", "[\"null\",\"L\"]") "]}"
    const char *writer = LIST("\"int\"", "");
    const char *reader = LIST("\"double\"", FIELD_OR("d", "\"int\"", "5") ",");
    MR_CHECK_STR(
        resolved(writer, "{\"v\":1,\"next\":{\"L\":{\"v\":2,\"next\":null}}}", reader),
        "{\"d\": 5, \"v\": 1.0, \"next\": {\"L\": {\"d\": 5, \"v\": 2.0, \"next\": null}}}");
    uint8_t deep[200];
    for (size_t i = 0; i < 100; i++) {
        deep[2 * i] = 2;
        deep[2 * i + 1] = 2;
    }
    deep[199] = 0;
    MR_CHECK_INT(run_bytes(deep, 200), -MR_AVRO_DEPTH);
    deep[2 * 60 - 1] = 0;
    MR_CHECK_OK(run_bytes(deep, 120));
}

MR_TEST("the same schema needs no resolver, nor one that differs in names alone")
{
    MR_CHECK_OK(
        pair(REC(FIELD("a", "[\"null\",\"string\"]")), REC(FIELD("a", "[\"null\",\"bytes\"]"))));
    MR_CHECK(f.resolver == NULL);
    MR_CHECK_OK(pair(LIST("\"int\"", ""), LIST("\"int\"", "")));
    MR_CHECK(f.resolver == NULL);
    MR_CHECK_OK(pair(LIST("\"int\"", ""), LIST("\"long\"", "")));
    MR_CHECK(f.resolver != NULL);
}

/* S-30..S-45 */
MR_TEST("a writer's bytes are checked as the decoder checks them, dropped fields too")
{
    MR_CHECK_OK(pair(
        REC(FIELD("a", "{\"type\":\"array\",\"items\":\"int\"}") "," FIELD("b", "\"boolean\"")),
        REC(FIELD("a", "{\"type\":\"array\",\"items\":\"long\"}"))));
    MR_CHECK_OK(run_bytes("\x04\x02\x04\x00\x01", 5));
    MR_CHECK_MEM(f.out.data, "\x04\x02\x04\x00", 4);
    MR_CHECK_OK(run_bytes("\x03\x04\x02\x04\x00\x01", 6)); /* S-33: a block with its size */
    MR_CHECK_MEM(f.out.data, "\x04\x02\x04\x00", 4);
    MR_CHECK_INT(run_bytes("\x03\x06\x02\x04\x00\x01", 6), -MR_AVRO_BLOCK_SIZE);
    MR_CHECK_INT(run_bytes("\x04\x02\x04\x00\x02", 5), -MR_AVRO_BOOLEAN);
    MR_CHECK_INT(run_bytes("\x04\x02\x04\x00", 4), -MR_AVRO_TRUNCATED);
    MR_CHECK_INT(run_bytes("\x04\x02\x04\x00\x01\x00", 6), -MR_AVRO_TRAILING);
    MR_CHECK_INT(run_bytes("\x02\x80\x80\x80\x80\x10\x00\x01", 8), -MR_AVRO_VARINT); /* S-31 */
    MR_CHECK_INT(run_bytes("\xfe\xff\xff\xff\x0f\x00\x01", 7), -MR_AVRO_BLOCK_COUNT);
}

MR_TEST("defaults that many items need are bounded by the output's limit")
{
    MR_CHECK_OK(pair("{\"type\":\"array\",\"items\":" REC(FIELD("a", "\"int\"")) "}",
                     "{\"type\":\"array\",\"items\":" REC(FIELD("a", "\"int\"") "," FIELD_OR(
                         "d", "\"string\"", "\"0123456789012345678901234567890123456789\"")) "}"));
    static uint8_t many[40003];
    memset(many, 2, sizeof many);
    memcpy(many, "\x80\xf1\x04", 3); /* 40,000 items */
    many[40002] = 2;
    mr_buf_reset(&f.datum);
    mr_buf_add(&f.datum, many, sizeof many);
    mr_buf_byte(&f.datum, 0);
    MR_CHECK_INT(run_bytes(f.datum.data, f.datum.len), -MR_FRAMING_TOO_LARGE);
}
