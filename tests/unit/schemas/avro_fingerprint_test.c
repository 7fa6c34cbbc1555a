/* Canonical forms and fingerprints. The numbers are those of Avro's own test data
 * (share/test/data/schema-tests.txt), whose fingerprints are printed as signed 64-bit numbers. */
#include <inttypes.h>

#include "schemas/avro_schema.h"
#include "tests/support/mr_test.h"

static struct fixture {
    struct mr_schema *schema;
    struct mr_buf form;
    struct mr_err err;
} f;

MR_SETUP
{
    memset(&f, 0, sizeof f);
}

MR_TEARDOWN
{
    mr_schema_unref(f.schema);
    mr_buf_release(&f.form);
}

static void parse(const char *json)
{
    struct mr_schema_text text = {json, strlen(json)};
    struct mr_schema_opts opts = {.lenient_names = true};
    mr_schema_unref(f.schema);
    f.schema = NULL;
    MR_CHECK_OK(mr_schema_parse(&text, 1, &opts, &f.schema, &f.err));
}

static const char *form_of(const char *json)
{
    parse(json);
    mr_buf_reset(&f.form);
    MR_CHECK_OK(mr_schema_canonical(f.schema, &f.form, &f.err));
    return mr_buf_cstr(&f.form);
}

static int64_t fingerprint_of(const char *json)
{
    uint64_t bits = 0;
    int64_t v;
    parse(json);
    MR_CHECK_OK(mr_schema_fingerprint(f.schema, &bits, &f.err));
    memcpy(&v, &bits, sizeof v);
    return v;
}

MR_TEST("fingerprints are those of Avro's test data")
{
    MR_CHECK_INT(fingerprint_of("\"null\""), INT64_C(7195948357588979594));
    MR_CHECK_INT(fingerprint_of("{\"type\":\"null\"}"), INT64_C(7195948357588979594));
    MR_CHECK_INT(fingerprint_of("\"boolean\""), INT64_C(-6970731678124411036));
    MR_CHECK_INT(fingerprint_of("\"int\""), INT64_C(8247732601305521295));
    MR_CHECK_INT(fingerprint_of("\"long\""), INT64_C(-3434872931120570953));
    MR_CHECK_INT(fingerprint_of("\"string\""), INT64_C(-8142146995180207161));
}

MR_TEST("the canonical form has full names, the order of the specification, and nothing else")
{
    MR_CHECK_STR(
        form_of(
            "{\"doc\":\"d\",\"fields\":[{\"type\":{\"type\":\"enum\",\"symbols\":[\"A\",\"B\"],"
            "\"name\":\"E\",\"default\":\"A\"},\"default\":\"A\",\"name\":\"e\"},"
            "{\"name\":\"again\",\"type\":\"E\"},"
            "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"size\":4,\"name\":\"o.F\"}},"
            "{\"name\":\"m\",\"type\":{\"values\":{\"type\":\"array\",\"items\":[\"null\","
            "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},\"R\"]},\"type\":\"map\"}}],"
            "\"type\":\"record\",\"namespace\":\"n\",\"name\":\"R\"}"),
        "{\"name\":\"n.R\",\"type\":\"record\",\"fields\":[{\"name\":\"e\",\"type\":{\"name\":"
        "\"n.E\",\"type\":\"enum\",\"symbols\":[\"A\",\"B\"]}},{\"name\":\"again\",\"type\":\"n."
        "E\"},"
        "{\"name\":\"x\",\"type\":{\"name\":\"o.F\",\"type\":\"fixed\",\"size\":4}},"
        "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":"
        "[\"null\",\"long\",\"n.R\"]}}}]}");
    MR_CHECK_STR(form_of("{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}"),
                 "{\"name\":\"R\",\"type\":\"record\",\"fields\":[]}");
    MR_CHECK_STR(form_of("[]"), "[]");
}

/* The graph is deeper than the JSON: each record refers to the one before it. */
MR_TEST("a chain of 10,000 types has a canonical form")
{
    struct mr_buf text = MR_BUF_INIT;
    mr_buf_str(&text, "[{\"type\":\"record\",\"name\":\"R0\",\"fields\":[]}");
    for (int i = 1; i < 10000; i++)
        mr_buf_fmt(&text,
                   ",{\"type\":\"record\",\"name\":\"R%d\",\"fields\":"
                   "[{\"name\":\"f\",\"type\":\"R%d\"}]}",
                   i, i - 1);
    mr_buf_str(&text, "]");
    parse(mr_buf_cstr(&text));
    /* The last one as the root: all the others are below it. */
    f.schema->root = f.schema->root->branches[9999];
    mr_buf_release(&text);
    MR_CHECK_OK(mr_schema_canonical(f.schema, &f.form, &f.err));
    const char *form = mr_buf_cstr(&f.form);
    MR_CHECK(strncmp(form, "{\"name\":\"R9999\"", 15) == 0);
    MR_CHECK(strstr(form, "{\"name\":\"R0\",\"type\":\"record\",\"fields\":[]}") != NULL);
}
