/* JSON trees: limits before parsing, walking, printing. */
#include "schemas/json.h"

#include <stdlib.h>

#include "tests/support/mr_test.h"

static struct fixture {
    struct mr_json *json;
    struct mr_buf text;
    struct mr_err err;
} f;

MR_SETUP
{
    memset(&f, 0, sizeof f);
}

MR_TEARDOWN
{
    if (f.json != NULL)
        mr_json_free(f.json);
    mr_buf_release(&f.text);
}

static int parse_len(const char *text, size_t len)
{
    static const struct mr_json_limits limits = {200, 4, 10};
    return mr_json_parse(text, len, &limits, &f.json, &f.err);
}

static int parse(const char *text)
{
    return parse_len(text, strlen(text));
}

MR_TEST("values are found by name and place and print as they were")
{
    const char *text = "{\"b\":[1,-2.5,\"x\"],\"a\":{\"t\":true,\"n\":null}}";
    MR_CHECK_OK(parse(text));
    const struct mr_json *b = mr_json_find(f.json, "b");
    MR_CHECK_U64(mr_json_size(b), 3);
    MR_CHECK_INT(mr_json_integer(mr_json_at(b, 0)), 1);
    MR_CHECK(mr_json_number(mr_json_at(b, 1)) == -2.5);
    MR_CHECK_STR(mr_json_text(mr_json_at(b, 2)), "x");
    MR_CHECK(mr_json_at(b, 3) == NULL);
    const struct mr_json *a = mr_json_find(f.json, "a");
    MR_CHECK(mr_json_bool(mr_json_find(a, "t")));
    MR_CHECK(mr_json_is(mr_json_find(a, "n"), MR_JSON_NULL));
    MR_CHECK(mr_json_find(a, "none") == NULL);
    MR_CHECK(mr_json_find(b, "none") == NULL);
    mr_json_print(f.json, &f.text);
    MR_CHECK_STR(mr_buf_cstr(&f.text), text);
}

MR_TEST("members are walked in the order of the text")
{
    MR_CHECK_OK(parse("{\"z\":1,\"a\":2,\"m\":3}"));
    struct mr_json_walk walk = MR_JSON_WALK_INIT;
    while (mr_json_next(f.json, &walk))
        mr_buf_fmt(&f.text, "%s%d", walk.name, (int)mr_json_integer(walk.value));
    MR_CHECK_STR(mr_buf_cstr(&f.text), "z1a2m3");
}

/* S-09: the default of a decimal column is often the byte 0 */
MR_TEST("a string with U+0000 has its length, and no C text")
{
    MR_CHECK_OK(parse("\"a\\u0000b\""));
    MR_CHECK_U64(mr_json_string(f.json).len, 3);
    MR_CHECK(mr_json_text(f.json) == NULL);
    mr_json_print(f.json, &f.text);
    MR_CHECK_STR(mr_buf_cstr(&f.text), "\"a\\u0000b\"");
}

MR_TEST("an integer beyond 64 bits becomes a real")
{
    MR_CHECK_OK(parse("{\"a\":18446744073709551616}"));
    MR_CHECK(mr_json_is(mr_json_find(f.json, "a"), MR_JSON_REAL));
}

/* S-23, F-47 */
MR_TEST("bytes, depth and values are limited, each to its last allowed one")
{
    char longest[202];
    memset(longest, ' ', sizeof longest);
    longest[0] = '1';
    MR_CHECK_INT(parse_len(longest, 201), -MR_SCHEMA_TOO_LARGE);
    MR_CHECK_OK(parse_len(longest, 200));
    mr_json_free(f.json);
    f.json = NULL;
    MR_CHECK_INT(parse("[[[[[]]]]]"), -MR_SCHEMA_TOO_LARGE);
    MR_CHECK_OK(parse("[[[[]]]]"));
    mr_json_free(f.json);
    f.json = NULL;
    MR_CHECK_INT(parse("[1,2,3,4,5,6,7,8,9,10]"), -MR_SCHEMA_TOO_LARGE);
    MR_CHECK_OK(parse("[1,2,3,4,5,6,7,8,9]"));
}

MR_TEST("brackets and commas inside strings count for nothing")
{
    MR_CHECK_OK(parse("[\"[[[[[[[\",\"\\\"[[[[[[\",\",,,,,,,,,,,,,,\"]"));
    MR_CHECK_U64(mr_json_size(f.json), 3);
}

MR_TEST("a million open brackets are refused before they are parsed")
{
    enum { N = 1000000 };
    static const struct mr_json_limits limits = {2 * N, 256, 2 * N};
    char *text = malloc(N);
    memset(text, '[', N);
    int rc = mr_json_parse(text, N, &limits, &f.json, &f.err);
    free(text);
    MR_CHECK_INT(rc, -MR_SCHEMA_TOO_LARGE);
}

MR_TEST("text that is not JSON is refused with its place")
{
    static const char *const texts[] = {"",         "{",   "{\"a\":}",  "[1,]", "nul",
                                        "\"\xff\"", "1 2", "\"unended", "]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        mr_err_clear(&f.err);
        MR_CHECK_INT(parse(texts[i]), -MR_SCHEMA_INVALID);
        MR_CHECK(strstr(f.err.detail, "line 1") != NULL);
        MR_CHECK(f.json == NULL);
    }
}
