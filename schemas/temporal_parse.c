/* Owns reading dates, times and durations from text. Must not know a column. Invariant: a text is
 * taken whole or not at all. */
#include "schemas/temporal.h"

#include "base/ban.h"

enum { ISO_MAX_YEAR_DIGITS = 9, ISO_MAX_FRACTION = 9, ISO_MAX_OFFSET_S = 57600 };

struct scan {
    const uint8_t *at;
    const uint8_t *end;
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool scan_char(struct scan *s, uint8_t c)
{
    if (s->at >= s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static bool scan_digits(struct scan *s, int min, int max, int64_t *out)
{
    int n = 0;
    int64_t v = 0;
    while (n < max && s->at < s->end && is_digit(*s->at)) {
        v = v * 10 + (*s->at++ - '0');
        n++;
    }
    *out = v;
    return n >= min;
}

int mr_month_days(int64_t year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* The text ends in " BC": the year counts backwards from 1 BC = 0. */
static bool strip_bc(struct scan *s)
{
    if (s->end - s->at < 3 || memcmp(s->end - 3, " BC", 3) != 0)
        return false;
    s->end -= 3;
    return true;
}

static bool scan_date(struct scan *s, bool bc, int64_t *days)
{
    int64_t year;
    int64_t month;
    int64_t day;
    bool negative = scan_char(s, '-');
    if (!negative)
        (void)scan_char(s, '+');
    if (!scan_digits(s, 4, ISO_MAX_YEAR_DIGITS, &year) || !scan_char(s, '-') ||
        !scan_digits(s, 2, 2, &month) || !scan_char(s, '-') || !scan_digits(s, 2, 2, &day))
        return false;
    if (bc && (negative || year == 0))
        return false;
    if (negative)
        year = -year;
    if (bc)
        year = 1 - year;
    if (month < 1 || month > 12 || day < 1 || day > mr_month_days(year, (int)month))
        return false;
    *days = mr_days_from_civil(year, (int)month, (int)day);
    return true;
}

static bool scan_fraction(struct scan *s, struct mr_iso *out)
{
    int64_t v;
    const uint8_t *first = s->at;
    if (!scan_digits(s, 1, ISO_MAX_FRACTION, &v))
        return false;
    for (int64_t n = s->at - first; n < ISO_MAX_FRACTION; n++)
        v *= 10;
    out->us += v / 1000;
    out->nanos = (int32_t)(v % 1000);
    return true;
}

static bool scan_time(struct scan *s, struct mr_iso *out)
{
    int64_t hour;
    int64_t minute;
    int64_t second = 0;
    if (!scan_digits(s, 2, 2, &hour) || !scan_char(s, ':') || !scan_digits(s, 2, 2, &minute))
        return false;
    bool has_second = scan_char(s, ':');
    if (has_second && !scan_digits(s, 2, 2, &second))
        return false;
    if (hour > 24 || minute > 59 || second > 59)
        return false;
    out->us = ((hour * 60 + minute) * 60 + second) * MR_US_PER_SECOND;
    out->nanos = 0;
    if (has_second && scan_char(s, '.') && !scan_fraction(s, out))
        return false;
    return out->us < MR_US_PER_DAY || (out->us == MR_US_PER_DAY && out->nanos == 0);
}

static bool scan_offset(struct scan *s, struct mr_iso *out)
{
    int64_t hour;
    int64_t minute = 0;
    int64_t second = 0;
    if (scan_char(s, 'Z') || scan_char(s, 'z')) {
        out->east_s = 0;
        return true;
    }
    bool west = scan_char(s, '-');
    if (!west && !scan_char(s, '+'))
        return false;
    if (!scan_digits(s, 2, 2, &hour))
        return false;
    bool colon = scan_char(s, ':');
    if (s->at < s->end && !scan_digits(s, 2, 2, &minute))
        return false;
    if (colon && scan_char(s, ':') && !scan_digits(s, 2, 2, &second))
        return false;
    if (minute > 59 || second > 59)
        return false;
    int64_t total = (hour * 60 + minute) * 60 + second;
    if (total >= ISO_MAX_OFFSET_S)
        return false;
    out->east_s = (int32_t)(west ? -total : total);
    return true;
}

static bool iso_infinity(struct mr_slice text, struct mr_iso *out)
{
    struct mr_slice plus = mr_slice_str("infinity");
    struct mr_slice minus = mr_slice_str("-infinity");
    out->infinity = mr_slice_eq(text, plus) ? 1 : mr_slice_eq(text, minus) ? -1 : 0;
    return out->infinity != 0;
}

bool mr_iso_parse(struct mr_slice text, struct mr_iso *out)
{
    *out = (struct mr_iso){.parts = 0};
    if (iso_infinity(text, out))
        return true;
    if (text.len < 5 || text.len > 64)
        return false;
    struct scan s = {text.data, text.data + text.len};
    bool bc = strip_bc(&s);
    /* hh:mm has its colon where a year still has digits. */
    if (text.data[2] != ':') {
        if (!scan_date(&s, bc, &out->days))
            return false;
        out->parts |= MR_ISO_DATE;
        if (s.at < s.end && (scan_char(&s, 'T') || scan_char(&s, 't') || scan_char(&s, ' '))) {
            if (!scan_time(&s, out))
                return false;
            out->parts |= MR_ISO_TIME;
        }
    } else {
        if (bc || !scan_time(&s, out))
            return false;
        out->parts |= MR_ISO_TIME;
    }
    if (s.at < s.end) {
        if (!scan_offset(&s, out))
            return false;
        out->parts |= MR_ISO_OFFSET;
    }
    return s.at == s.end;
}

/* One number of a duration with its fraction in microunits. */
struct amount {
    int64_t whole;
    int64_t micro;
    bool has_fraction;
    bool excess; /* below a microsecond something was floored */
};

static bool scan_amount(struct scan *s, struct amount *out)
{
    bool negative = scan_char(s, '-');
    if (!negative)
        (void)scan_char(s, '+');
    *out = (struct amount){.whole = 0};
    if (!scan_digits(s, 1, 18, &out->whole))
        return false;
    if (scan_char(s, '.')) {
        const uint8_t *first = s->at;
        int64_t v;
        if (!scan_digits(s, 1, ISO_MAX_FRACTION, &v))
            return false;
        for (int64_t n = s->at - first; n < ISO_MAX_FRACTION; n++)
            v *= 10;
        out->micro = v / 1000;
        out->excess = v % 1000 != 0;
        out->has_fraction = true;
    }
    if (negative) {
        out->whole = -out->whole;
        out->micro = -out->micro - (out->excess ? 1 : 0); /* floor, as of all times */
    }
    return true;
}

static bool add_scaled(int64_t *to, int64_t v, int64_t factor)
{
    int64_t product;
    return !__builtin_mul_overflow(v, factor, &product) &&
           !__builtin_add_overflow(*to, product, to);
}

/* Sums in 64 bits; the 32-bit parts are narrowed at the end. */
struct duration {
    int64_t months;
    int64_t days;
    int64_t us;
};

static bool duration_add(struct duration *sum, const struct amount *n, char unit, bool time)
{
    static const int64_t second = MR_US_PER_SECOND;
    if (n->has_fraction && unit != 'S')
        return false;
    if (!time) {
        switch (unit) {
        case 'Y':
            return add_scaled(&sum->months, n->whole, 12);
        case 'M':
            return add_scaled(&sum->months, n->whole, 1);
        case 'W':
            return add_scaled(&sum->days, n->whole, 7);
        case 'D':
            return add_scaled(&sum->days, n->whole, 1);
        default:
            return false;
        }
    }
    switch (unit) {
    case 'H':
        return add_scaled(&sum->us, n->whole, 3600 * second);
    case 'M':
        return add_scaled(&sum->us, n->whole, 60 * second);
    case 'S':
        return add_scaled(&sum->us, n->whole, second) && add_scaled(&sum->us, n->micro, 1);
    default:
        return false;
    }
}

bool mr_iso_interval(struct mr_slice text, struct mr_interval *out, bool *excess)
{
    struct scan s = {text.data, text.data + text.len};
    struct duration sum = {0, 0, 0};
    bool time = false;
    bool any = false;
    *excess = false;
    if (text.len > 128 || !scan_char(&s, 'P'))
        return false;
    while (s.at < s.end) {
        if (!time && scan_char(&s, 'T')) {
            time = true;
            any = false; /* a T wants a part behind it */
            continue;
        }
        struct amount n;
        if (!scan_amount(&s, &n) || s.at >= s.end)
            return false;
        if (!duration_add(&sum, &n, (char)*s.at++, time))
            return false;
        *excess = *excess || n.excess;
        any = true;
    }
    if (!any || sum.months != (int32_t)sum.months || sum.days != (int32_t)sum.days)
        return false;
    /* T-27: all parts at their ends would be read as infinity by newer servers. */
    if ((sum.months == INT32_MAX && sum.days == INT32_MAX && sum.us == INT64_MAX) ||
        (sum.months == INT32_MIN && sum.days == INT32_MIN && sum.us == INT64_MIN))
        return false;
    *out = (struct mr_interval){
        .us = sum.us, .days = (int32_t)sum.days, .months = (int32_t)sum.months};
    return true;
}
