/* JSON leaves (contract.md S-21). */
#include "schemas/json_text.h"

#include <math.h>

#include "tests/support/mr_test.h"

static struct mr_buf out;

MR_SETUP
{
    mr_buf_reset(&out);
}

MR_TEARDOWN
{
    mr_buf_release(&out);
}

static const char *real(double v, bool single)
{
    mr_buf_reset(&out);
    mr_json_text_real(&out, v, single, true);
    return mr_buf_cstr(&out);
}

MR_TEST("numbers print shortest and read back the same")
{
    MR_CHECK_STR(real(0.1, false), "0.1");
    MR_CHECK_STR(real((double)0.1f, true), "0.1");
    MR_CHECK_STR(real((double)0.1f, false), "0.10000000149011612");
    MR_CHECK_STR(real(1e300, false), "1e+300");
    MR_CHECK_STR(real(5e-324, false), "5e-324");
    MR_CHECK_STR(real(-0.0, false), "-0");
    MR_CHECK_STR(real((double)NAN, false), "\"NaN\"");
    MR_CHECK_STR(real(-HUGE_VAL, false), "\"-Infinity\"");
    mr_buf_reset(&out);
    mr_json_text_integer(&out, INT64_MIN);
    MR_CHECK_STR(mr_buf_cstr(&out), "-9223372036854775808");
}

MR_TEST("strings are escaped as little as JSON asks for")
{
    mr_json_text_string(&out, (struct mr_slice){(const uint8_t *)"a\"\\\n\x01\0\xc3\xa9/", 9});
    MR_CHECK_STR(mr_buf_cstr(&out), "\"a\\\"\\\\\\n\\u0001\\u0000\xc3\xa9/\"");
}

MR_TEST("bytes are base64 with padding")
{
    static const char *const want[] = {"\"\"", "\"Zg==\"", "\"Zm8=\"", "\"Zm9v\"", "\"Zm9vYg==\""};
    for (size_t n = 0; n < 5; n++) {
        mr_buf_reset(&out);
        mr_json_text_base64(&out, (struct mr_slice){(const uint8_t *)"foob", n});
        MR_CHECK_STR(mr_buf_cstr(&out), want[n]);
    }
}
