/* ISO texts (contract.md T-21 to T-23, T-27). */
#include <stdio.h>

#include "schemas/temporal.h"
#include "tests/support/mr_test.h"

static const char *parsed(const char *text)
{
    static char out[128];
    struct mr_iso iso;
    if (!mr_iso_parse(mr_slice_str(text), &iso))
        return "no";
    (void)snprintf(
        out, sizeof out, "%s%s%s %lld %lld.%03d %d", (iso.parts & MR_ISO_DATE) != 0 ? "d" : "",
        (iso.parts & MR_ISO_TIME) != 0 ? "t" : "", (iso.parts & MR_ISO_OFFSET) != 0 ? "o" : "",
        (long long)iso.days, (long long)iso.us, (int)iso.nanos, (int)iso.east_s);
    return iso.infinity > 0 ? "inf" : iso.infinity < 0 ? "-inf" : out;
}

MR_TEST("dates, times and offsets are taken in the forms that producers write")
{
    MR_CHECK_STR(parsed("1970-01-02"), "d 1 0.000 0");
    MR_CHECK_STR(parsed("1970-01-01T00:00:01Z"), "dto 0 1000000.000 0");
    MR_CHECK_STR(parsed("1970-01-01 00:01+0530"), "dto 0 60000000.000 19800");
    MR_CHECK_STR(parsed("23:59:59.123456789-01:02:03"), "to 0 86399123456.789 -3723");
    MR_CHECK_STR(parsed("24:00"), "t 0 86400000000.000 0");
    MR_CHECK_STR(parsed("+12345-01-01"), "d 3789391 0.000 0");
    MR_CHECK_STR(parsed("0001-01-01 BC"), "d -719528 0.000 0");
    MR_CHECK_STR(parsed("infinity"), "inf");
    MR_CHECK_STR(parsed("-infinity"), "-inf");
}

MR_TEST("what is no date or time is refused whole")
{
    static const char *const bad[] = {"",
                                      "1970",
                                      "1970-1-1",
                                      "1970-13-01",
                                      "1970-00-10",
                                      "1970-01-32",
                                      "1900-02-29",
                                      "1970-01-01T",
                                      "1970-01-01T25:00",
                                      "24:00:00.1",
                                      "23:60",
                                      "10:11:60",
                                      "10:11:12.",
                                      "10:11:12.1234567890",
                                      "10:11+16:00",
                                      "10:11+1",
                                      "10:11z ",
                                      "70-01-01",
                                      "-0001-01-01 BC",
                                      "0000-01-01 BC",
                                      "1970-01-01TT00:00",
                                      "INFINITY",
                                      "10:11:12 BC"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (strcmp(parsed(bad[i]), "no") != 0)
            MR_FAIL("%s is %s", bad[i], parsed(bad[i]));
    }
    MR_CHECK_STR(parsed("2000-02-29"), "d 11016 0.000 0");
}

/* T-27 */
MR_TEST("durations are summed part by part and checked for overflow")
{
    static const char *const bad[] = {
        "",     "P",     "PT",    "P1",           "1Y",          "P1H",
        "PT1Y", "P1.5Y", "PT1.S", "P2147483648D", "P178956971Y", "PT9223372036854776S",
        "P1YT", "P1Y ",  "PT1S1"};
    struct mr_interval v;
    bool excess;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (mr_iso_interval(mr_slice_str(bad[i]), &v, &excess))
            MR_FAIL("%s is a duration", bad[i]);
    }
    MR_CHECK(mr_iso_interval(mr_slice_str("P1Y-2M1W3DT-4H5M-6.5S"), &v, &excess));
    MR_CHECK_INT(v.months, 10);
    MR_CHECK_INT(v.days, 10);
    MR_CHECK_INT(v.us, INT64_C(-14106500000));
    MR_CHECK(!mr_iso_interval(mr_slice_str("P178956970Y7M2147483647DT9223372036854.775807S"), &v,
                              &excess));
}

static const char *moment(const char *text)
{
    static struct mr_buf out;
    struct mr_iso iso;
    int64_t ts;
    mr_buf_reset(&out);
    if (!mr_iso_parse(mr_slice_str(text), &iso) || mr_iso_timestamp(&iso, &ts, NULL) < 0)
        return "no";
    mr_print_timestamp(&out, ts, ' ', "");
    return mr_buf_cstr(&out);
}

/* T-21, T-23, T-80 */
MR_TEST("timestamps reach from 4714 BC to 294276, and what says infinity becomes that")
{
    MR_CHECK_STR(moment("+294276-12-31T23:59:59.999999Z"), "294276-12-31 23:59:59.999999");
    MR_CHECK_STR(moment("+294277-01-01T00:00:00Z"), "no");
    MR_CHECK_STR(moment("+294277-01-01T00:00:00+00:01"), "294276-12-31 23:59:00");
    MR_CHECK_STR(moment("+294247-01-10T04:00:54.775807Z"), "294247-01-10 04:00:54.775807");
    MR_CHECK_STR(moment("+294247-01-10T04:00:25.2Z"), "infinity");
    MR_CHECK_STR(moment("+294247-01-10T06:00:25.2+02:00"), "infinity");
    MR_CHECK_STR(moment("-290308-12-21T19:59:27.6Z"), "-infinity");
    MR_CHECK_STR(moment("-290308-12-21T19:59:27.7Z"), "no");
    MR_CHECK_STR(moment("-4713-11-24T00:00:00Z"), "4714-11-24 00:00:00 BC");
    MR_CHECK_STR(moment("-4713-11-23T23:59:59.999999Z"), "no");
    MR_CHECK_STR(moment("-4713-11-23T23:00:00-01:00"), "4714-11-24 00:00:00 BC");
    MR_CHECK_STR(moment("-999999999-01-01T00:00:00Z"), "no");
    MR_CHECK_STR(moment("+999999999-12-31T23:59:59Z"), "no");
}

/* T-15, T-27 */
MR_TEST("what a duration says below a microsecond is floored and told")
{
    struct mr_interval v;
    bool excess;
    MR_CHECK(mr_iso_interval(mr_slice_str("PT1.000000999S"), &v, &excess) && excess);
    MR_CHECK_INT(v.us, 1000000);
    MR_CHECK(mr_iso_interval(mr_slice_str("PT-1.0000005S"), &v, &excess) && excess);
    MR_CHECK_INT(v.us, -1000001);
    MR_CHECK(mr_iso_interval(mr_slice_str("PT-1.000001000S"), &v, &excess) && !excess);
    MR_CHECK_INT(v.us, -1000001);
}
