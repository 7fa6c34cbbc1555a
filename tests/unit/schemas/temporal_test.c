/* Calendar, units and printing (contract.md T-12 to T-20, T-80, T-83). */
#include "schemas/temporal.h"

#include "tests/support/mr_test.h"

static struct mr_buf out;

MR_TEARDOWN
{
    mr_buf_release(&out);
}

/* T-83 */
MR_TEST("every day of 12 eras survives the way to the calendar and back")
{
    int64_t last_year = 0;
    for (int64_t days = -2440588; days < 2000000; days += 1) {
        int64_t year;
        int month;
        int day;
        mr_civil_from_days(days, &year, &month, &day);
        if (mr_days_from_civil(year, month, day) != days || month < 1 || month > 12 || day < 1 ||
            day > 31 || (days > -2440588 && year < last_year))
            MR_FAIL("day %lld is %lld-%d-%d", (long long)days, (long long)year, month, day);
        last_year = year;
    }
    MR_CHECK_INT(mr_days_from_civil(1970, 1, 1), 0);
    MR_CHECK_INT(mr_days_from_civil(2000, 1, 1), 10957);
    MR_CHECK_INT(mr_days_from_civil(-4713, 11, 24), -2440588);
}

static const char *timestamp(int64_t us)
{
    mr_buf_reset(&out);
    mr_print_timestamp(&out, us, ' ', "+00");
    return mr_buf_cstr(&out);
}

MR_TEST("timestamps before the epoch and before Christ print as PostgreSQL prints them")
{
    MR_CHECK_STR(timestamp(-MR_TS_EPOCH_US - 1), "1969-12-31 23:59:59.999999+00");
    MR_CHECK_STR(timestamp(MR_TS_MIN), "4714-11-24 00:00:00+00 BC");
    MR_CHECK_STR(timestamp(MR_TS_END - 1), "294276-12-31 23:59:59.999999+00");
    MR_CHECK_STR(timestamp(INT64_MAX), "infinity");
    MR_CHECK_STR(timestamp(INT64_MIN), "-infinity");
    MR_CHECK_STR(timestamp(1500000), "2000-01-01 00:00:01.5+00");
}

static const char *interval(int32_t months, int32_t days, int64_t us)
{
    const struct mr_interval v = {.us = us, .days = days, .months = months};
    mr_buf_reset(&out);
    mr_print_interval(&out, &v);
    return mr_buf_cstr(&out);
}

MR_TEST("intervals print so that reading them gives the same parts")
{
    static const struct mr_interval cases[] = {
        {0, 0, 0},           {1, 0, 0},
        {-1, 0, 0},          {INT64_C(3600000000), 0, 0},
        {-61000001, 3, -14}, {INT64_MIN, INT32_MIN, INT32_MAX},
        {INT64_MAX, -1, 25}};
    MR_CHECK_STR(interval(0, 0, 0), "PT0S");
    MR_CHECK_STR(interval(14, -3, -500000), "P1Y2M-3DT-0.5S");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mr_interval back;
        const char *text = interval(cases[i].months, cases[i].days, cases[i].us);
        bool excess;
        if (!mr_iso_interval(mr_slice_str(text), &back, &excess) || excess)
            MR_FAIL("%s is not read", text);
        MR_CHECK_INT(back.us, cases[i].us);
        MR_CHECK_INT(back.days, cases[i].days);
        MR_CHECK_INT(back.months, cases[i].months);
    }
}

/* T-15, T-16, T-20 */
MR_TEST("units are scaled with a check and nanoseconds floored")
{
    struct mr_err err;
    int64_t us;
    const struct mr_ts_form ms = {.unit = MR_UNIT_MS, .sentinels = false};
    MR_CHECK_OK(mr_us_from_unit(-1, MR_UNIT_NS, false, &us, &err));
    MR_CHECK_INT(us, -1);
    MR_CHECK_INT(mr_us_from_unit(1, MR_UNIT_NS, true, &us, &err), -MR_TEMPORAL_NANOS);
    MR_CHECK_INT(mr_us_from_unit(INT64_MAX, MR_UNIT_S, false, &us, &err), -MR_VALUE_OUT_OF_RANGE);
    MR_CHECK_OK(mr_ts_from_unit(INT64_C(9223372036825200), &ms, &us, &err));
    MR_CHECK_INT(us, INT64_C(9223372036825200000) - MR_TS_EPOCH_US); /* no sentinel is meant */
}

/* T-80 */
MR_TEST("every unit reaches the ends of the range and not a step further")
{
    static const struct {
        enum mr_ts_unit unit;
        int64_t v;
        bool fits;
    } cases[] = {
        {MR_UNIT_S, -210866803200, true},
        {MR_UNIT_S, -210866803201, false},
        {MR_UNIT_S, 9224318015999, true},
        {MR_UNIT_S, 9224318016000, false},
        {MR_UNIT_S, INT64_MIN, false},
        {MR_UNIT_MS, INT64_C(9224318015999999), true},
        {MR_UNIT_MS, INT64_C(9224318016000000), false},
        {MR_UNIT_MS, INT64_MAX, false},
        {MR_UNIT_US, INT64_MAX, true},
        {MR_UNIT_US, INT64_C(-210866803200000000), true},
        {MR_UNIT_US, INT64_C(-210866803200000001), false},
        {MR_UNIT_US, INT64_MIN, false},
        {MR_UNIT_NS, INT64_MAX, true},
        {MR_UNIT_NS, INT64_MIN, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct mr_ts_form form = {.unit = cases[i].unit};
        int64_t ts;
        if ((mr_ts_from_unit(cases[i].v, &form, &ts, NULL) == 0) != cases[i].fits)
            MR_FAIL("unit %d: %lld", (int)cases[i].unit, (long long)cases[i].v);
    }
}
