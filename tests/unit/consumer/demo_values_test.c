/* What the demo expects a target to show, against texts written by hand. */
#include "consumer/demo_values.h"

#include "tests/support/mr_test.h"

#include "base/ban.h"

static struct mr_buf out;

MR_TEARDOWN
{
    mr_buf_release(&out);
}

static const char *printed(enum mr_demo_kind kind, int64_t number)
{
    const struct mr_demo_column column = {.name = "x", .kind = kind};
    const struct mr_demo_value value = {.number = number};
    mr_buf_reset(&out);
    mr_demo_value_print(&column, &value, &out);
    return mr_buf_cstr(&out);
}

static const char *json(enum mr_demo_kind kind, bool nullable, const struct mr_demo_value *value)
{
    const struct mr_demo_column column = {.name = "x", .kind = kind, .nullable = nullable};
    mr_buf_reset(&out);
    mr_demo_value_json(&column, value, &out);
    return mr_buf_cstr(&out);
}

MR_TEST("decimals keep both places and their sign")
{
    MR_CHECK_STR(printed(MR_DEMO_DECIMAL, 0), "0.00");
    MR_CHECK_STR(printed(MR_DEMO_DECIMAL, 1234), "12.34");
    MR_CHECK_STR(printed(MR_DEMO_DECIMAL, -5), "-0.05");
}

MR_TEST("dates follow the calendar on both sides of 1970 and over leap days")
{
    MR_CHECK_STR(printed(MR_DEMO_DATE, 0), "1970-01-01");
    MR_CHECK_STR(printed(MR_DEMO_DATE, -1), "1969-12-31");
    MR_CHECK_STR(printed(MR_DEMO_DATE, 19782), "2024-02-29");
    MR_CHECK_STR(printed(MR_DEMO_DATE, 19783), "2024-03-01");
    MR_CHECK_STR(printed(MR_DEMO_DATE, -10000), "1942-08-16");
}

MR_TEST("fractions of a second show no zero at their end")
{
    MR_CHECK_STR(printed(MR_DEMO_MICROS, INT64_C(1767225600000000)), "2026-01-01 00:00:00");
    MR_CHECK_STR(printed(MR_DEMO_MICROS, INT64_C(1767225600120000)), "2026-01-01 00:00:00.12");
    MR_CHECK_STR(printed(MR_DEMO_MICROS, INT64_C(1767225600000007)), "2026-01-01 00:00:00.000007");
    MR_CHECK_STR(printed(MR_DEMO_ZONED, INT64_C(1767311999001000)), "2026-01-01 23:59:59.001+00");
}

MR_TEST("a decimal goes out as the shortest two's complement, a null as null")
{
    struct mr_demo_value value = {.number = 127};
    MR_CHECK_STR(json(MR_DEMO_DECIMAL, false, &value), "\"\\u007f\"");
    value.number = 128;
    MR_CHECK_STR(json(MR_DEMO_DECIMAL, true, &value), "{\"bytes\":\"\\u0000\\u0080\"}");
    value.number = -1;
    MR_CHECK_STR(json(MR_DEMO_DECIMAL, false, &value), "\"\\u00ff\"");
    value.is_null = true;
    MR_CHECK_STR(json(MR_DEMO_DECIMAL, true, &value), "null");
}
