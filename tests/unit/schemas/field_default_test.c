/* A field's default as a literal (contract.md V-06, S-09). */
#include "schemas/field_default.h"

#include "tests/support/mr_test.h"

static void check(const char *field, const char *expected)
{
    struct mr_buf json = MR_BUF_INIT;
    struct mr_arena arena;
    mr_buf_fmt(&json, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"f\",%s}]}",
               field);
    struct mr_schema *schema = NULL;
    struct mr_schema_text text = {.json = mr_buf_cstr(&json), .len = json.len};
    struct mr_schema_opts opts = {.lenient_names = true};
    struct mr_err err = MR_ERR_INIT;
    if (mr_schema_parse(&text, 1, &opts, &schema, &err) < 0)
        MR_FAIL("%s: %s", field, err.detail);
    struct mr_typed typed;
    const struct mr_avro_field *f = &schema->root->fields[0];
    mr_typed_of(f->type, &f->props, &typed);
    mr_arena_init(&arena, 0, 0);
    const char *found = mr_field_default(&typed, f->default_json, &arena);
    if ((found == NULL) != (expected == NULL) || (found != NULL && strcmp(found, expected) != 0))
        MR_FAIL("%s: %s, not %s", field, found == NULL ? "none" : found,
                expected == NULL ? "none" : expected);
    mr_arena_release(&arena);
    mr_schema_unref(schema);
    mr_buf_release(&json);
}

/* V-06 */
MR_TEST("scalars of every meaning become the text that their column reads")
{
    check("\"type\":\"boolean\",\"default\":true", "true");
    check("\"type\":\"int\",\"default\":-5", "-5");
    check("\"type\":\"long\",\"default\":9223372036854775807", "9223372036854775807");
    check("\"type\":\"double\",\"default\":1.5", "1.5");
    check("\"type\":\"double\",\"default\":\"NaN\"", "NaN");
    check("\"type\":\"float\",\"default\":\"-Infinity\"", "-Infinity");
    check("\"type\":\"string\",\"default\":\"o'clock \\u00e9\"", "o'clock \xc3\xa9");
    check("\"type\":[\"string\",\"null\"],\"default\":\"x\"", "x");
    check("\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]},\"default\":\"B\"",
          "B");
    check("\"type\":\"bytes\",\"default\":\"a\\u00ff\"", "\\x61ff");
    check("\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":5,\"scale\":2},"
          "\"default\":\"\\u00ff\\u0085\"",
          "-1.23");
    check("\"type\":{\"type\":\"int\",\"logicalType\":\"date\"},\"default\":1", "1970-01-02");
    check("\"type\":{\"type\":\"long\",\"connect.name\":\"io.debezium.time.MicroTimestamp\"},"
          "\"default\":1500000",
          "1970-01-01 00:00:01.5");
    check("\"type\":{\"type\":\"string\",\"connect.name\":\"io.debezium.time.ZonedTimestamp\"},"
          "\"default\":\"1970-01-01T00:00:00Z\"",
          "1970-01-01 00:00:00+00");
}

/* V-06, S-09: a bad default is a fault only when it is needed, and this is no need. */
MR_TEST("what is no literal of the type gives none")
{
    check("\"type\":[\"null\",\"string\"],\"default\":null", NULL);
    check("\"type\":\"string\"", NULL);
    check("\"type\":\"int\",\"default\":\"x\"", NULL);
    check("\"type\":\"int\",\"default\":2147483648", NULL);
    check("\"type\":\"boolean\",\"default\":0", NULL);
    check("\"type\":\"string\",\"default\":\"a\\u0000b\"", NULL);
    check("\"type\":\"bytes\",\"default\":\"\\u0100\"", NULL);
    check("\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":2},\"default\":\"a\"", NULL);
    check("\"type\":{\"type\":\"array\",\"items\":\"int\"},\"default\":[]", NULL);
    check("\"type\":{\"type\":\"map\",\"values\":\"int\"},\"default\":{}", NULL);
    check("\"type\":{\"type\":\"long\",\"connect.name\":\"io.debezium.time.MicroTime\"},"
          "\"default\":86400000001",
          NULL);
}
