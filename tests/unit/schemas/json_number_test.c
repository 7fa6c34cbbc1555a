/* JSON numbers: exact decimals, integers where they are integers, two's complement bytes. */
#include "schemas/json_number.h"

#include <string.h>

#include "tests/support/mr_test.h"

static struct mr_json_number number;
static struct mr_buf bytes;
static struct mr_err err;

MR_TEARDOWN
{
    mr_buf_release(&bytes);
}

static int parse(const char *text)
{
    mr_err_clear(&err);
    return mr_json_number_parse(mr_slice_str(text), &number, &err);
}

MR_TEST("integers are found whatever the spelling, fractions and overflow are told apart")
{
    static const struct {
        const char *text;
        int64_t value;
    } whole[] = {{"0", 0},
                 {"-0", 0},
                 {"0.000", 0},
                 {"0e500", 0},
                 {"42", 42},
                 {"-42.00", -42},
                 {"1e3", 1000},
                 {"1500e-2", 15},
                 {"1.25E2", 125},
                 {"9223372036854775807", INT64_MAX},
                 {"-9223372036854775808", INT64_MIN},
                 {"9.223372036854775807e18", INT64_MAX}};
    static const char *const broken[] = {"0.5", "1e-1", "-1.0000000000000000000001", "125e-4"};
    static const char *const large[] = {"9223372036854775808", "-9223372036854775809", "1e19",
                                        "99999999999999999999", "1e200"};
    int64_t v;
    bool fraction;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        MR_CHECK_OK(parse(whole[i].text));
        MR_CHECK(mr_json_number_to_i64(&number, &v, &fraction));
        MR_CHECK_INT(v, whole[i].value);
    }
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        MR_CHECK_OK(parse(broken[i]));
        MR_CHECK(!mr_json_number_to_i64(&number, &v, &fraction) && fraction);
    }
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        MR_CHECK_OK(parse(large[i]));
        MR_CHECK(!mr_json_number_to_i64(&number, &v, &fraction) && !fraction);
    }
}

static void check_bytes(const char *text, int32_t scale, const char *expected, size_t len)
{
    MR_CHECK_OK(parse(text));
    mr_buf_reset(&bytes);
    MR_CHECK_OK(mr_json_number_to_bytes(&number, scale, &bytes, &err));
    MR_CHECK_U64(bytes.len, len);
    MR_CHECK_MEM(bytes.data, expected, len);
}

MR_TEST("two's complement is the shortest that keeps the sign")
{
    check_bytes("0", 0, "\0", 1);
    check_bytes("-0.00", 2, "\0", 1);
    check_bytes("1", 0, "\x01", 1);
    check_bytes("127", 0, "\x7f", 1);
    check_bytes("128", 0, "\x00\x80", 2);
    check_bytes("-1", 0, "\xff", 1);
    check_bytes("-128", 0, "\x80", 1);
    check_bytes("-129", 0, "\xff\x7f", 2);
    check_bytes("255", 0, "\x00\xff", 2);
    check_bytes("-256", 0, "\xff\x00", 2);
    check_bytes("4294967296", 0, "\x01\0\0\0\0", 5);
    check_bytes("18446744073709551616", 0, "\x01\0\0\0\0\0\0\0\0", 9);
    check_bytes("-18446744073709551616", 0, "\xff\0\0\0\0\0\0\0\0", 9);
    check_bytes("1.5", 2, "\x00\x96", 2);
    check_bytes("1.50", 1, "\x0f", 1);
    check_bytes("2e3", -3, "\x02", 1);
    check_bytes("2e3", -1, "\x00\xc8", 2);
}

/* P5 */
MR_TEST("a number with more fractional digits than the scale is refused, never rounded")
{
    MR_CHECK_OK(parse("1.005"));
    MR_CHECK_INT(mr_json_number_to_bytes(&number, 2, &bytes, &err), -MR_VALUE_INVALID);
    MR_CHECK_OK(parse("15"));
    MR_CHECK_INT(mr_json_number_to_bytes(&number, -1, &bytes, &err), -MR_VALUE_INVALID);
}

MR_TEST("4,000 digits and an exponent of 200,000 are the bounds")
{
    char text[4010];
    memset(text, '9', sizeof text);
    text[4000] = '\0';
    MR_CHECK_OK(parse(text));
    MR_CHECK_OK(mr_json_number_to_bytes(&number, 0, &bytes, &err));
    MR_CHECK_U64(bytes.len, 1662);
    MR_CHECK_INT(mr_json_number_to_bytes(&number, 1, &bytes, &err), -MR_VALUE_OUT_OF_RANGE);
    text[4000] = '9';
    text[4001] = '\0';
    MR_CHECK_INT(parse(text), -MR_VALUE_OUT_OF_RANGE);
    MR_CHECK_INT(parse("1e200001"), -MR_VALUE_OUT_OF_RANGE);
    MR_CHECK_INT(parse("1e99999999999999999999"), -MR_VALUE_OUT_OF_RANGE);
    MR_CHECK_INT(parse("1.1e-200000"), -MR_VALUE_OUT_OF_RANGE);
    MR_CHECK_OK(parse("1e200000"));
}
