/* Headers of a dead letter, back from JSON (design.md section 4, control tables). */
#include "consumer/letter_headers.h"

#include <string.h>

#include "tests/support/mr_test.h"

static struct mr_arena arena;
static struct mr_letter_headers headers;
static struct mr_err err;

MR_SETUP
{
    mr_arena_init(&arena, 0, 1024 * 1024);
    mr_err_clear(&err);
}

MR_TEARDOWN
{
    mr_arena_release(&arena);
}

static void check_last(const char *name, const char *value)
{
    struct mr_headers as = mr_letter_headers_as(&headers);
    struct mr_slice found = {NULL, 9};

    MR_CHECK(mr_headers_last(&as, name, &found));
    MR_CHECK((found.data == NULL) == (value == NULL));
    if (value != NULL)
        MR_CHECK(mr_slice_eq(found, mr_slice_str(value)));
}

/* F-06 */
MR_TEST("headers come back in their order, and the last of a name counts")
{
    MR_CHECK_OK(mr_letter_headers_parse("[{\"k\":\"a\",\"v\":\"YQ==\"},{\"k\":\"b\",\"v\":null},"
                                        "{\"k\": \"a\", \"v\": \"YWI=\"},{\"k\":\"c\",\"v\":\"\"},"
                                        "{\"k\":\"d\",\"v\":\"YWJj\"}]",
                                        &arena, &headers, &err));
    MR_CHECK_U64(headers.n, 5);
    check_last("a", "ab");
    check_last("b", NULL);
    check_last("c", "");
    check_last("d", "abc");
    struct mr_headers as = mr_letter_headers_as(&headers);
    struct mr_slice found;
    MR_CHECK(!mr_headers_last(&as, "e", &found));
}

MR_TEST("no headers are none to be asked")
{
    struct mr_slice found;

    MR_CHECK_OK(mr_letter_headers_parse("[]", &arena, &headers, &err));
    struct mr_headers as = mr_letter_headers_as(&headers);
    MR_CHECK(as.owner == NULL && !mr_headers_last(&as, "a", &found));
}

MR_TEST("octets of every value survive")
{
    MR_CHECK_OK(
        mr_letter_headers_parse("[{\"k\":\"a\",\"v\":\"AP+A/w==\"}]", &arena, &headers, &err));
    MR_CHECK_U64(headers.items[0].value.len, 4);
    MR_CHECK(memcmp(headers.items[0].value.data, "\x00\xff\x80\xff", 4) == 0);
}

MR_TEST("what somebody else wrote in another form is refused")
{
    static const char *const texts[] = {
        "",
        "{}",
        "[1]",
        "[{\"k\":\"a\"}]",
        "[{\"v\":\"YQ==\"}]",
        "[{\"k\":1,\"v\":\"YQ==\"}]",
        "[{\"k\":\"a\",\"v\":1}]",
        "[{\"k\":\"a\",\"v\":\"YQ=\"}]",
        "[{\"k\":\"a\",\"v\":\"Y===\"}]",
        "[{\"k\":\"a\",\"v\":\"Y Q=\"}]",
        "[{\"k\":\"a\",\"v\":\"YQ==YQ==\"}]",
        "[{\"k\":\"a\\u0000\",\"v\":\"YQ==\"}]",
        "[[[[[[[[[[[[]]]]]]]]]]]]",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (mr_letter_headers_parse(texts[i], &arena, &headers, &err) != -MR_VALUE_INVALID_JSON)
            MR_FAIL("taken: %s", texts[i]);
}
