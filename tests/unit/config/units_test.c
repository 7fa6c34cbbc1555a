#include "config/units.h"

#include "base/err.h"
#include "tests/support/mr_test.h"

static int read_bytes(const char *text)
{
    uint64_t out = 7;
    int rc = mr_units_read_bytes(text, &out);
    MR_CHECK(rc == 0 || out == 7);
    return rc;
}

static int read_ms(const char *text)
{
    uint64_t out = 7;
    int rc = mr_units_read_ms(text, &out);
    MR_CHECK(rc == 0 || out == 7);
    return rc;
}

static int read_timestamp(const char *text)
{
    int64_t out = 7;
    int rc = mr_units_read_timestamp(text, &out);
    MR_CHECK(rc == 0 || out == 7);
    return rc;
}

MR_TEST("a size is a number and a unit")
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {{"0B", 0},  {"1B", 1}, {"64KiB", 65536}, {"16MiB", 16777216}, {"3GiB", 3221225472},
                 {"007B", 7}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t out = 0;
        MR_CHECK_OK(mr_units_read_bytes(cases[i].text, &out));
        MR_CHECK_U64(out, cases[i].bytes);
    }
}

MR_TEST("a size without a unit, with a blank or with a power of ten is refused")
{
    static const char *const cases[] = {"",     "16",    "MiB",    "16 MiB", "16mib", "16MB",
                                        "1.5B", "-1KiB", "16MiBx", "+1B",    " 1B"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        MR_CHECK_INT(read_bytes(cases[i]), -MR_CONFIG_TYPE);
    MR_CHECK_INT(read_bytes("99999999999999999999B"), -MR_CONFIG_RANGE);
    MR_CHECK_INT(read_bytes("9223372036854775807GiB"), -MR_CONFIG_RANGE);
    MR_CHECK_INT(read_bytes("9223372036854775808B"), -MR_CONFIG_RANGE);
    MR_CHECK_INT(read_bytes("9223372036854775807B"), 0);
}

MR_TEST("a time is a number and a unit")
{
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = {{"0s", 0},      {"500ms", 500},    {"10s", 10000},
                 {"5m", 300000}, {"24h", 86400000}, {"7d", 604800000}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t out = 1;
        MR_CHECK_OK(mr_units_read_ms(cases[i].text, &out));
        MR_CHECK_U64(out, cases[i].ms);
    }
    MR_CHECK_INT(read_ms("500"), -MR_CONFIG_TYPE);
    MR_CHECK_INT(read_ms("1us"), -MR_CONFIG_TYPE);
    MR_CHECK_INT(read_ms("5M"), -MR_CONFIG_TYPE);
    MR_CHECK_INT(read_ms("9223372036854775807d"), -MR_CONFIG_RANGE);
}

MR_TEST("a time stamp is read as the instant that it names")
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00:00Z", 0},
        {"2000-02-29T12:34:56.789Z", 951827696789},
        {"2026-01-31T12:00Z", 1769860800000},
        {"2026-01-31T12:00:00+02:00", 1769853600000},
        {"2026-01-31T12:00:00-05:30", 1769880600000},
        {"9999-12-31T23:59:59Z", 253402300799000},
        {"2024-03-01T00:00:00.1239Z", 1709251200123},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t out = 1;
        MR_CHECK_OK(mr_units_read_timestamp(cases[i].text, &out));
        MR_CHECK_INT(out, cases[i].ms);
    }
}

MR_TEST("a time stamp that is no time is refused")
{
    static const char *const cases[] = {"",
                                        "now",
                                        "2026",
                                        "2026-1-1",
                                        "2026-01-01T",
                                        "2026-01-01T12Z",
                                        "2026-01-01T12:00",
                                        "2026-01-01 12:00Z",
                                        "2026-01-01T24:00Z",
                                        "2026-01-01T12:00:60Z",
                                        "2026-01-01T12:00:00.Z",
                                        "2026-01-01T12:00Zx",
                                        "2026-13-01",
                                        "2026-01-01T12:00+25:00"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        MR_CHECK_INT(read_timestamp(cases[i]), -MR_CONFIG_TYPE);
    MR_CHECK_INT(read_timestamp("1969-12-31"), -MR_CONFIG_RANGE);
    MR_CHECK_INT(read_timestamp("2025-02-29"), -MR_CONFIG_RANGE);
    MR_CHECK_INT(read_timestamp("2026-00-10"), -MR_CONFIG_RANGE);
    MR_CHECK_INT(read_timestamp("2026-04-31"), -MR_CONFIG_RANGE);
}

MR_TEST("a whole number is read up to the ends of 64 bits")
{
    int64_t out = 0;
    MR_CHECK_OK(mr_units_read_i64("-9223372036854775808", &out));
    MR_CHECK_INT(out, INT64_MIN);
    MR_CHECK_OK(mr_units_read_i64("+9223372036854775807", &out));
    MR_CHECK_INT(out, INT64_MAX);
    MR_CHECK_OK(mr_units_read_i64("-0", &out));
    MR_CHECK_INT(out, 0);
    MR_CHECK_INT(mr_units_read_i64("9223372036854775808", &out), -MR_CONFIG_RANGE);
    MR_CHECK_INT(mr_units_read_i64("1x", &out), -MR_CONFIG_TYPE);
    MR_CHECK_INT(mr_units_read_i64("-", &out), -MR_CONFIG_TYPE);
}

MR_TEST("a printed value reads back as the same value")
{
    static const uint64_t numbers[] = {0,     1,        999,     1000,     1024,      1536,
                                       60000, 90000000, 1 << 20, 86400000, 172800000, 3221225472};
    struct mr_buf out = MR_BUF_INIT;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uint64_t back = 1;
        mr_buf_reset(&out);
        mr_units_print_bytes(numbers[i], &out);
        MR_CHECK_OK(mr_units_read_bytes(mr_buf_cstr(&out), &back));
        MR_CHECK_U64(back, numbers[i]);
        mr_buf_reset(&out);
        mr_units_print_ms(numbers[i], &out);
        MR_CHECK_OK(mr_units_read_ms(mr_buf_cstr(&out), &back));
        MR_CHECK_U64(back, numbers[i]);
    }
    static const int64_t instants[] = {0, 951827696789, 1709251200000, 253402300799000,
                                       1767225599999};
    for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++) {
        int64_t back = 1;
        mr_buf_reset(&out);
        mr_units_print_timestamp(instants[i], &out);
        MR_CHECK_OK(mr_units_read_timestamp(mr_buf_cstr(&out), &back));
        MR_CHECK_INT(back, instants[i]);
    }
    mr_buf_reset(&out);
    mr_units_print_ms(90000, &out);
    MR_CHECK_STR(mr_buf_cstr(&out), "90s");
    mr_buf_release(&out);
}

/* */
MR_TEST("an offset of a zone is UTC, or hours with minutes and seconds, east of it")
{
    static const struct {
        const char *text;
        int32_t east_s;
    } good[] = {{"UTC", 0},
                {"Z", 0},
                {"+00", 0},
                {"+02:00", 7200},
                {"-0330", -12600},
                {"+05:45", 20700},
                {"-15:59:59", -57599},
                {"+0530", 19800}};
    static const char *const bad[] = {
        "",      "utc",     "Europe/Berlin", "+2",     "+16:00",  "+02:60",   "+02:",   "02:00",
        "+02:0", "+02:00:", "+02:00:60",     "+02003", "+020030", "+02:0030", "+02:00 "};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int32_t out = 1;
        MR_CHECK_OK(mr_units_read_offset(good[i].text, &out));
        MR_CHECK_INT(out, good[i].east_s);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int32_t out = 7;
        if (mr_units_read_offset(bad[i], &out) == 0 || out != 7)
            MR_FAIL("%s was read as %d", bad[i], (int)out);
    }
}
