/* Complex types: contract.md S-10, S-12, S-23, S-35. */
#include "tests/support/mr_test.h"
#include "tests/support/parsed_schema.h"

MR_SETUP
{
    parsed_setup();
}

MR_TEARDOWN
{
    parsed_teardown();
}

MR_TEST("a record has its fields in order, with defaults as JSON and aliases")
{
    const struct mr_avro_field *fields =
        parsed_fields("{\"name\":\"a\",\"type\":\"int\",\"default\":7,\"aliases\":[\"x\",\"y\"]},"
                      "{\"name\":\"b\",\"type\":[\"null\",\"string\"],\"default\":null},"
                      "{\"name\":\"c\",\"type\":\"bytes\",\"default\":\"\\u0000\\u00ff\"},"
                      "{\"name\":\"d\",\"type\":\"string\"}");
    MR_CHECK_INT(parsed.schema->root->n_fields, 4);
    MR_CHECK_STR(fields[0].default_json, "7");
    MR_CHECK_INT(fields[0].n_aliases, 2);
    MR_CHECK_STR(fields[0].aliases[1], "y");
    MR_CHECK_STR(fields[1].default_json, "null");
    MR_CHECK(strstr(fields[2].default_json, "\\u0000") != NULL);
    MR_CHECK(fields[3].default_json == NULL);
    MR_CHECK_STR(parsed.schema->root->name, "R");
    MR_CHECK_STR(parsed.schema->root->full_name, "ns.R");
}

/* S-12, and forms that are no schema */
MR_TEST("a text that is not a schema is invalid")
{
    static const char *const texts[] = {
        "",
        "{",
        "7",
        "null",
        "\"nope\"",
        "{}",
        "{\"type\":7}",
        "{\"type\":\"record\"}",
        "{\"type\":\"record\",\"name\":\"R\"}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":{}}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[7]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\"}]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"type\":\"int\"}]}",
        "{\"type\":\"record\",\"name\":\"\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"a.\",\"fields\":[]}",
        "{\"type\":\"record\",\"name\":\"int\",\"fields\":[]}",
        "{\"type\":\"enum\",\"name\":\"E\"}",
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[1]}",
        "{\"type\":\"fixed\",\"name\":\"F\"}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2147483648}",
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":\"4\"}",
        "{\"type\":\"array\"}",
        "{\"type\":\"map\"}",
        "[\"int\",\"nope\"]",
        /* S-12 */
        "[\"int\",\"int\"]",
        "[\"int\",[\"null\"]]",
        "[{\"type\":\"array\",\"items\":\"int\"},{\"type\":\"array\",\"items\":\"long\"}]",
        "[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},\"F\"]",
        "[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},"
        "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}]",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":"
        "\"fixed\","
        "\"name\":\"F\",\"size\":1}},{\"name\":\"b\",\"type\":{\"type\":\"fixed\",\"name\":\"F\","
        "\"size\":1}}]}",
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
        "{\"name\":\"a\",\"type\":\"int\"}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        mr_err_clear(&parsed.err);
        int rc = parsed_text(texts[i]);
        if (rc != -MR_SCHEMA_INVALID)
            MR_FAIL("%s: %s", texts[i], mr_code_printed(rc));
        MR_CHECK_INT(parsed.err.class, MR_CLASS_POISON);
        MR_CHECK(parsed.err.detail[0] != '\0');
    }
}

/* S-10 */
MR_TEST("a record may refer to itself")
{
    const struct mr_avro_node *root =
        parsed_root("{\"type\":\"record\",\"name\":\"List\",\"fields\":[{\"name\":\"v\",\"type\":"
                    "\"double\"},{\"name\":\"next\",\"type\":[\"null\",\"List\"]}]}");
    MR_CHECK(root->fields[1].type->branches[1] == root);
    MR_CHECK_U64(root->min_bytes, 9);
}

/* S-35 */
MR_TEST("the least size of a type counts fields, the smallest branch, and 0 for recursion")
{
    MR_CHECK_U64(parsed_root("{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}")->min_bytes, 0);
    MR_CHECK_U64(parsed_root("[\"double\",\"float\"]")->min_bytes, 5);
    MR_CHECK_U64(parsed_root("[\"null\",\"float\"]")->min_bytes, 1);
    MR_CHECK_U64(parsed_root("{\"type\":\"array\",\"items\":\"double\"}")->min_bytes, 1);
    MR_CHECK_U64(parsed_root("{\"type\":\"fixed\",\"name\":\"F\",\"size\":9}")->min_bytes, 9);
    MR_CHECK_U64(parsed_root("{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}")->min_bytes, 0);
    /* B is complete while A, which it refers to, is not: it counts 1 for its own int. */
    const struct mr_avro_field *fields =
        parsed_fields("{\"name\":\"b\",\"type\":{\"type\":\"record\",\"name\":\"B\",\"fields\":["
                      "{\"name\":\"up\",\"type\":\"R\"},{\"name\":\"i\",\"type\":\"int\"}]}},"
                      "{\"name\":\"c\",\"type\":\"B\"}");
    MR_CHECK_U64(fields[0].type->min_bytes, 1);
    MR_CHECK_U64(parsed.schema->root->min_bytes, 2);
}

/* S-35 */
MR_TEST("the least size saturates")
{
    mr_buf_str(&parsed.text,
               "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"f\",\"type\":"
               "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2147483647}}");
    for (int i = 0; i < 3; i++)
        mr_buf_fmt(&parsed.text, ",{\"name\":\"f%d\",\"type\":\"F\"}", i);
    mr_buf_str(&parsed.text, "]}");
    MR_CHECK_OK(parsed_buf());
    MR_CHECK_U64(parsed.schema->root->min_bytes, UINT32_MAX);
}

/* S-23 */
MR_TEST("a record has at most 5,000 fields")
{
    for (int n = 5000; n <= 5001; n++) {
        mr_buf_reset(&parsed.text);
        mr_buf_str(&parsed.text, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[");
        for (int i = 0; i < n; i++)
            mr_buf_fmt(&parsed.text, "%s{\"name\":\"f%d\",\"type\":\"int\"}", i > 0 ? "," : "", i);
        mr_buf_str(&parsed.text, "]}");
        MR_CHECK_INT(parsed_buf(), n == 5000 ? 0 : -MR_SCHEMA_TOO_LARGE);
    }
}
