/* Owns the reading and printing of sizes, times and time stamps. Must not know options. A number
 * without a unit is refused, since 500 could be bytes, rows, seconds or milliseconds. */
#include "config/units.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"

#include "base/ban.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first: printing takes the first that divides. */
static const struct unit byte_units[] = {
    {"GiB", 1073741824}, {"MiB", 1048576}, {"KiB", 1024}, {"B", 1}};
static const struct unit time_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads digits; the first byte behind them, or NULL on overflow. */
static const char *read_digits(const char *at, uint64_t *out)
{
    uint64_t value = 0;
    for (; is_digit(*at); at++) {
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return NULL;
    }
    *out = value;
    return at;
}

static int read_unit(const char *text, const struct unit *units, size_t n_units, uint64_t *out)
{
    uint64_t number = 0;
    if (!is_digit(text[0]))
        return -MR_CONFIG_TYPE;
    const char *unit = read_digits(text, &number);
    if (unit == NULL)
        return -MR_CONFIG_RANGE;
    for (size_t i = 0; i < n_units; i++) {
        if (strcmp(unit, units[i].name) != 0)
            continue;
        uint64_t value = 0;
        if (__builtin_mul_overflow(number, units[i].factor, &value) || value > INT64_MAX)
            return -MR_CONFIG_RANGE;
        *out = value;
        return 0;
    }
    return -MR_CONFIG_TYPE;
}

int mr_units_read_bytes(const char *text, uint64_t *out)
{
    return read_unit(text, byte_units, sizeof(byte_units) / sizeof(byte_units[0]), out);
}

int mr_units_read_ms(const char *text, uint64_t *out)
{
    return read_unit(text, time_units, sizeof(time_units) / sizeof(time_units[0]), out);
}

int mr_units_read_i64(const char *text, int64_t *out)
{
    bool negative = text[0] == '-';
    const char *at = text + (text[0] == '-' || text[0] == '+' ? 1 : 0);
    uint64_t number = 0;
    if (!is_digit(at[0]))
        return -MR_CONFIG_TYPE;
    at = read_digits(at, &number);
    if (at == NULL || number > (uint64_t)INT64_MAX + (negative ? 1U : 0U))
        return -MR_CONFIG_RANGE;
    if (at[0] != '\0')
        return -MR_CONFIG_TYPE;
    if (negative)
        *out = number == 0 ? 0 : -(int64_t)(number - 1) - 1;
    else
        *out = (int64_t)number;
    return 0;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400; /* years from 1970 on only */
    int64_t year_of_era = y - era * 400;
    int64_t month_from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static int64_t month_days(int64_t year, int64_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Exactly `width` digits at *at, within 0..max; moves *at behind them. */
static bool take_number(const char **at, int width, int64_t max, int64_t *out)
{
    int64_t value = 0;
    for (int i = 0; i < width; i++) {
        if (!is_digit((*at)[i]))
            return false;
        value = value * 10 + ((*at)[i] - '0');
    }
    *at += width;
    *out = value;
    return value <= max;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* hh:mm[:ss[.f...]] in milliseconds. */
static bool take_time(const char **at, int64_t *out)
{
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t ms = 0;
    if (!take_number(at, 2, 23, &hour) || !take_char(at, ':') || !take_number(at, 2, 59, &minute))
        return false;
    if (take_char(at, ':')) {
        if (!take_number(at, 2, 59, &second))
            return false;
        if (take_char(at, '.')) {
            if (!is_digit(**at))
                return false;
            for (int64_t weight = 100; is_digit(**at); (*at)++, weight /= 10)
                ms += (**at - '0') * weight;
        }
    }
    *out = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
    return true;
}

/* Z, or +hh:mm as milliseconds east of UTC. */
static bool take_zone(const char **at, int64_t *out)
{
    int64_t hour = 0;
    int64_t minute = 0;
    *out = 0;
    if (take_char(at, 'Z'))
        return true;
    int64_t sign = **at == '-' ? -1 : 1;
    if (!take_char(at, '+') && !take_char(at, '-'))
        return false;
    if (!take_number(at, 2, 15, &hour) || !take_char(at, ':') || !take_number(at, 2, 59, &minute))
        return false;
    *out = sign * (hour * 60 + minute) * 60000;
    return true;
}

int mr_units_read_offset(const char *text, int32_t *out)
{
    const char *at = text + 1;
    int64_t part[3] = {0, 0, 0}; /* hours, minutes, seconds */
    if (strcmp(text, "UTC") == 0 || strcmp(text, "Z") == 0) {
        *out = 0;
        return 0;
    }
    if ((text[0] != '+' && text[0] != '-') || !take_number(&at, 2, 15, &part[0]))
        return -MR_CONFIG_TYPE;
    bool colons = at[0] == ':';
    for (int i = 1; i < 3 && at[0] != '\0'; i++) {
        if (colons && *at++ != ':')
            return -MR_CONFIG_TYPE;
        if ((!colons && i > 1) || !take_number(&at, 2, 59, &part[i]))
            return -MR_CONFIG_TYPE;
    }
    if (at[0] != '\0')
        return -MR_CONFIG_TYPE;
    int64_t east_s = (part[0] * 60 + part[1]) * 60 + part[2];
    *out = (int32_t)(text[0] == '-' ? -east_s : east_s);
    return 0;
}

int mr_units_read_timestamp(const char *text, int64_t *out)
{
    const char *at = text;
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    int64_t time_ms = 0;
    int64_t zone_ms = 0;
    if (!take_number(&at, 4, 9999, &year) || !take_char(&at, '-') ||
        !take_number(&at, 2, 12, &month) || !take_char(&at, '-') || !take_number(&at, 2, 31, &day))
        return -MR_CONFIG_TYPE;
    if (*at != '\0' &&
        (!take_char(&at, 'T') || !take_time(&at, &time_ms) || !take_zone(&at, &zone_ms)))
        return -MR_CONFIG_TYPE;
    if (*at != '\0')
        return -MR_CONFIG_TYPE;
    if (year < 1970 || month < 1 || day < 1 || day > month_days(year, month))
        return -MR_CONFIG_RANGE;
    *out = days_from_date(year, month, day) * 86400000 + time_ms - zone_ms;
    return 0;
}

static void print_unit(uint64_t value, const struct unit *units, size_t n_units, struct mr_buf *out)
{
    size_t i = 0;
    while (i + 1 < n_units && (value % units[i].factor != 0 || value == 0))
        i++;
    mr_buf_fmt(out, "%" PRIu64 "%s", value / units[i].factor, units[i].name);
}

void mr_units_print_bytes(uint64_t bytes, struct mr_buf *out)
{
    print_unit(bytes, byte_units, sizeof(byte_units) / sizeof(byte_units[0]), out);
}

void mr_units_print_ms(uint64_t ms, struct mr_buf *out)
{
    print_unit(ms, time_units, sizeof(time_units) / sizeof(time_units[0]), out);
}

void mr_units_print_timestamp(int64_t ms, struct mr_buf *out)
{
    int64_t days = ms / 86400000;
    int64_t rest = ms % 86400000;
    if (rest < 0) {
        rest += 86400000;
        days--;
    }
    /* The inverse of days_from_date. The year's estimate is low by 22 at most, so the loop is
     * short. */
    int64_t year = 1970 + days / 366;
    while (days_from_date(year + 1, 1, 1) <= days)
        year++;
    int64_t month = 1;
    while (month < 12 && days_from_date(year, month + 1, 1) <= days)
        month++;
    int64_t day = days - days_from_date(year, month, 1) + 1;
    mr_buf_fmt(out,
               "%04" PRId64 "-%02" PRId64 "-%02" PRId64 "T%02" PRId64 ":%02" PRId64 ":%02" PRId64,
               year, month, day, rest / 3600000, rest / 60000 % 60, rest / 1000 % 60);
    if (rest % 1000 != 0)
        mr_buf_fmt(out, ".%03" PRId64, rest % 1000);
    mr_buf_str(out, "Z");
}
