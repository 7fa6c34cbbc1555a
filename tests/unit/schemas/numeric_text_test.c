/* Decimals from text (contract.md T-10, X-08). */
#include "schemas/numeric.h"
#include "tests/support/mr_test.h"

static struct mr_num_scratch scratch;

static const char *read_back(const char *in)
{
    static struct mr_buf text = MR_BUF_INIT;
    struct mr_numeric num;
    struct mr_err err;
    mr_buf_reset(&text);
    int rc = mr_numeric_from_text(mr_slice_str(in), &scratch, &num, &err);
    if (rc < 0)
        return mr_code_printed(rc);
    mr_numeric_print(&num, &text);
    return mr_buf_cstr(&text);
}

MR_TEST("every form that the server takes keeps its digits")
{
    static const char *const cases[][2] = {
        {"0", "0"},
        {"-0.00", "0.00"},
        {"1.10", "1.10"},
        {"+12.5", "12.5"},
        {".5", "0.5"},
        {"5.", "5"},
        {"1e3", "1000"},
        {"1.5E-3", "0.0015"},
        {"123456789.123456789", "123456789.123456789"},
        {"1e-5", "0.00001"},
        {"12345e-2", "123.45"},
        {"000123", "123"},
        {"0.00010", "0.00010"},
        {"1e10", "10000000000"},
        {"0e5", "0"},
        {"NaN", "NaN"},
        {"-Infinity", "-Infinity"},
        {"POSITIVE_INFINITY", "Infinity"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        MR_CHECK_STR(read_back(cases[i][0]), cases[i][1]);
}

MR_TEST("everything else is refused, and so are numbers beyond the server's")
{
    static const char *const bad[] = {"",   "-",   ".",   "1e",  "e1", "1.2.3",
                                      "1 ", "0x1", "1e+", "++1", "1a", "Inf."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        MR_CHECK_STR(read_back(bad[i]), "value.invalid");
    MR_CHECK_STR(read_back("1e131072"), "value.out_of_range");
    MR_CHECK_U64(strlen(read_back("1e131071")), 131072);
    MR_CHECK_STR(read_back("1e-16384"), "value.out_of_range");
    MR_CHECK_STR(read_back("1e99999999999999999999"), "value.out_of_range");
}
