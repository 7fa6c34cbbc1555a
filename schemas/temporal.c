/* Owns calendar arithmetic, units, ranges and sentinels, and the printing of times. Must not parse
 * text (temporal_parse.c). Invariant: every sum and product is checked before it is made. */
#include "schemas/temporal.h"

#include <inttypes.h>

#include "base/ban.h"

/* Debezium's sentinels, PostgresValueConverter (contract.md T-12, T-16, T-18). The later ones are
 * what its PostgreSQL connector 3.7 sends for a change, and by a snapshot. */
static const int32_t date_plus_infinity[] = {-2147472692, 2146033979, -622191234};
static const int32_t date_minus_infinity[] = {-2147472691, -625821272};
#define TS_PLUS_INFINITY_MS INT64_C(9223372036825200)
#define TS_MINUS_INFINITY_MS INT64_C(-9223372036832400)
#define TS_PLUS_INFINITY_US INT64_C(9223372036825200000)
#define TS_MINUS_INFINITY_US INT64_C(-9223372036832400000)
/* The same instants as date and time of day: +294247-01-10T04:00:25.2Z and
 * -290308-12-21T19:59:27.6Z (T-23). */
enum { ISO_PLUS_DAYS = 106751991, ISO_MINUS_DAYS = -106751992 };
#define ISO_PLUS_US INT64_C(14425200000)
#define ISO_MINUS_US INT64_C(71967600000)

/* Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": eras of 400 years. */
int64_t mr_days_from_civil(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

void mr_civil_from_days(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2 ? 1 : 0);
}

static bool is_one_of(int64_t days, const int32_t *sentinels, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (days == sentinels[i])
            return true;
    }
    return false;
}

int mr_date_from_days(int64_t days, int32_t *out, struct mr_err *err)
{
    if (days >= MR_DATE_MIN && days <= MR_DATE_MAX) {
        *out = (int32_t)days;
        return 0;
    }
    bool plus = is_one_of(days, date_plus_infinity, sizeof date_plus_infinity / sizeof(int32_t));
    if (!plus &&
        !is_one_of(days, date_minus_infinity, sizeof date_minus_infinity / sizeof(int32_t)))
        return mr_err_set(err, MR_VALUE_OUT_OF_RANGE, "day %" PRId64 " is no date", days);
    *out = plus ? INT32_MAX : INT32_MIN;
    return 0;
}

/* Division that rounds towards minus infinity, by a positive number. */
static int64_t floor_div(int64_t v, int64_t by)
{
    int64_t q = v / by;
    return v % by < 0 ? q - 1 : q;
}

int mr_us_from_unit(int64_t v, enum mr_ts_unit unit, bool nanos_poison, int64_t *out,
                    struct mr_err *err)
{
    int64_t factor = unit == MR_UNIT_S ? MR_US_PER_SECOND : unit == MR_UNIT_MS ? 1000 : 1;
    if (unit == MR_UNIT_NS) {
        if (nanos_poison && v % 1000 != 0)
            return mr_err_set(err, MR_TEMPORAL_NANOS, "%" PRId64 " ns", v);
        *out = floor_div(v, 1000);
        return 0;
    }
    if (__builtin_mul_overflow(v, factor, out))
        return mr_err_set(err, MR_VALUE_OUT_OF_RANGE, "%" PRId64 " is beyond every time", v);
    return 0;
}

/* True where `v` says an infinity in its unit. */
static bool ts_sentinel(int64_t v, enum mr_ts_unit unit, int64_t *out)
{
    bool ends = unit == MR_UNIT_US || unit == MR_UNIT_NS;
    bool plus = ends && v == INT64_MAX;
    bool minus = ends && v == INT64_MIN;
    if (unit == MR_UNIT_MS || unit == MR_UNIT_US) { /* connector 3.7 puts these into ms, too */
        plus = plus || v == TS_PLUS_INFINITY_US;
        minus = minus || v == TS_MINUS_INFINITY_US;
    }
    if (unit == MR_UNIT_MS) {
        plus = plus || v == TS_PLUS_INFINITY_MS;
        minus = minus || v == TS_MINUS_INFINITY_MS;
    }
    if (plus || minus)
        *out = plus ? INT64_MAX : INT64_MIN;
    return plus || minus;
}

/* Unix time to a timestamp, where it fits 64 bits. */
static bool ts_of_unix(int64_t v, enum mr_ts_unit unit, int64_t *out)
{
    switch (unit) {
    case MR_UNIT_S:
        return !__builtin_sub_overflow(v, MR_TS_EPOCH_US / MR_US_PER_SECOND, &v) &&
               !__builtin_mul_overflow(v, MR_US_PER_SECOND, out);
    case MR_UNIT_MS:
        return !__builtin_sub_overflow(v, MR_TS_EPOCH_US / 1000, &v) &&
               !__builtin_mul_overflow(v, (int64_t)1000, out);
    case MR_UNIT_NS:
        return !__builtin_sub_overflow(floor_div(v, 1000), MR_TS_EPOCH_US, out);
    case MR_UNIT_US:
    default:
        return !__builtin_sub_overflow(v, MR_TS_EPOCH_US, out);
    }
}

int mr_ts_from_unit(int64_t v, const struct mr_ts_form *form, int64_t *out, struct mr_err *err)
{
    int64_t ts;
    if (form->sentinels && ts_sentinel(v, form->unit, out))
        return 0;
    if (form->nanos_poison && form->unit == MR_UNIT_NS && v % 1000 != 0)
        return mr_err_set(err, MR_TEMPORAL_NANOS, "%" PRId64 " ns", v);
    if (!ts_of_unix(v, form->unit, &ts) || ts < MR_TS_MIN || ts >= MR_TS_END)
        return mr_err_set(err, MR_VALUE_OUT_OF_RANGE, "%" PRId64 " is no timestamp", v);
    *out = ts;
    return 0;
}

int mr_ts_from_parts(int64_t days, int64_t us, int64_t *out, struct mr_err *err)
{
    int64_t ts;
    int64_t rest = us - floor_div(us, MR_US_PER_DAY) * MR_US_PER_DAY;
    days += floor_div(us, MR_US_PER_DAY);
    /* From the next midnight backwards where that is nearer to 0, so that only what is out of range
     * can overflow. */
    if (days < MR_TS_EPOCH_DAYS) {
        days += 1;
        rest -= MR_US_PER_DAY;
    }
    if (__builtin_mul_overflow(days - MR_TS_EPOCH_DAYS, MR_US_PER_DAY, &ts) ||
        __builtin_add_overflow(ts, rest, &ts) || ts < MR_TS_MIN || ts >= MR_TS_END)
        return mr_err_set(err, MR_VALUE_OUT_OF_RANGE, "the timestamp is beyond the calendar");
    *out = ts;
    return 0;
}

int mr_iso_timestamp(const struct mr_iso *iso, int64_t *out, struct mr_err *err)
{
    int64_t us = iso->us - (int64_t)iso->east_s * MR_US_PER_SECOND;
    int64_t days = iso->days + floor_div(us, MR_US_PER_DAY);
    us -= floor_div(us, MR_US_PER_DAY) * MR_US_PER_DAY;
    bool plus = iso->infinity > 0 || (days == ISO_PLUS_DAYS && us == ISO_PLUS_US);
    bool minus = iso->infinity < 0 || (days == ISO_MINUS_DAYS && us == ISO_MINUS_US);
    if (!plus && !minus)
        return mr_ts_from_parts(days, us, out, err);
    *out = plus ? INT64_MAX : INT64_MIN;
    return 0;
}

/* Year y <= 0 is printed as 1-y BC (T-83), which stands behind everything else. */
static bool print_civil(struct mr_buf *out, int64_t days)
{
    int64_t year;
    int month;
    int day;
    mr_civil_from_days(days, &year, &month, &day);
    mr_buf_fmt(out, "%04" PRId64 "-%02d-%02d", year > 0 ? year : 1 - year, month, day);
    return year <= 0;
}

static bool print_infinity(struct mr_buf *out, bool plus, bool minus)
{
    if (plus)
        mr_buf_str(out, "infinity");
    else if (minus)
        mr_buf_str(out, "-infinity");
    return plus || minus;
}

void mr_print_date(struct mr_buf *out, int32_t days)
{
    if (print_infinity(out, days == INT32_MAX, days == INT32_MIN))
        return;
    if (print_civil(out, days))
        mr_buf_str(out, " BC");
}

static void print_fraction(struct mr_buf *out, int64_t us)
{
    char text[7] = "000000";
    int n = 6;
    if (us == 0)
        return;
    for (int i = 5; i >= 0; i--, us /= 10)
        text[i] = (char)('0' + us % 10);
    while (text[n - 1] == '0')
        n--;
    mr_buf_byte(out, '.');
    mr_buf_add(out, text, (size_t)n);
}

void mr_print_time(struct mr_buf *out, int64_t us)
{
    uint64_t left = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    uint64_t s = left / MR_US_PER_SECOND;
    if (us < 0)
        mr_buf_byte(out, '-');
    mr_buf_fmt(out, "%02" PRIu64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
    print_fraction(out, (int64_t)(left % MR_US_PER_SECOND));
}

void mr_print_offset(struct mr_buf *out, int32_t east_s)
{
    int32_t s = east_s < 0 ? -east_s : east_s;
    mr_buf_fmt(out, "%c%02d", east_s < 0 ? '-' : '+', (int)(s / 3600));
    if (s % 3600 != 0)
        mr_buf_fmt(out, ":%02d", (int)(s / 60 % 60));
    if (s % 60 != 0)
        mr_buf_fmt(out, ":%02d", (int)(s % 60));
}

void mr_print_timestamp(struct mr_buf *out, int64_t ts, char between, const char *zone)
{
    if (print_infinity(out, ts == INT64_MAX, ts == INT64_MIN))
        return;
    int64_t days = floor_div(ts, MR_US_PER_DAY);
    bool before_christ = print_civil(out, days + MR_TS_EPOCH_DAYS);
    mr_buf_byte(out, (uint8_t)between);
    mr_print_time(out, ts - days * MR_US_PER_DAY);
    mr_buf_str(out, zone);
    if (before_christ)
        mr_buf_str(out, " BC");
}

static void print_part(struct mr_buf *out, int64_t v, char unit)
{
    if (v != 0)
        mr_buf_fmt(out, "%" PRId64 "%c", v, unit);
}

/* ISO 8601 with designators: every database and every reader takes it, no style setting matters. */
void mr_print_interval(struct mr_buf *out, const struct mr_interval *v)
{
    mr_buf_byte(out, 'P');
    print_part(out, v->months / 12, 'Y');
    print_part(out, v->months % 12, 'M');
    print_part(out, v->days, 'D');
    bool nothing = v->months == 0 && v->days == 0;
    if (v->us == 0) {
        mr_buf_str(out, nothing ? "T0S" : "");
        return;
    }
    mr_buf_byte(out, 'T');
    print_part(out, v->us / (3600 * MR_US_PER_SECOND), 'H');
    print_part(out, v->us / (60 * MR_US_PER_SECOND) % 60, 'M');
    int64_t us = v->us % (60 * MR_US_PER_SECOND);
    if (us == 0)
        return;
    if (us < 0) {
        mr_buf_byte(out, '-');
        us = -us;
    }
    mr_buf_fmt(out, "%" PRId64, us / MR_US_PER_SECOND);
    print_fraction(out, us % MR_US_PER_SECOND);
    mr_buf_byte(out, 'S');
}
