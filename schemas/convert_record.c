/* Owns values that come as records of their parts: decimals, dates, times, durations (contract.md
 * T-09, T-24, T-28). Must not emit. */
#include "schemas/convert_write.h"
#include "schemas/semantic_record.h"

#include "base/ban.h"

#define PICOS_PER_SECOND INT64_C(1000000000000)
enum { MAX_OFFSET_S = 57600 };

static int invalid(struct mr_convert_run *run, const char *what)
{
    return mr_err_set(run->err, MR_VALUE_INVALID, "%s", what);
}

static void parts_of(const struct mr_convert *c, struct mr_slice bytes, struct mr_part *parts)
{
    mr_record_read(mr_record_spec(c->semantic), c->node, bytes, parts);
}

int mr_norm_var_decimal_record(struct mr_convert_run *run, const struct mr_convert *c,
                               struct mr_value *v)
{
    struct mr_part parts[MR_PARTS_MAX];
    parts_of(c, v->s, parts);
    if (!parts[MR_PART_SCALE].set || !parts[MR_PART_VALUE].set)
        return invalid(run, "a decimal without scale or value");
    int64_t scale = parts[MR_PART_SCALE].i;
    if (scale != (int32_t)scale)
        return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "scale %lld", (long long)scale);
    return mr_numeric_from_bytes(parts[MR_PART_VALUE].s, (int32_t)scale, run->num, &v->num,
                                 run->err);
}

/* +1 or -1: the value is an infinity. */
static int special(struct mr_convert_run *run, const struct mr_part *part, int *sign)
{
    *sign = 0;
    if (!part->set)
        return 0;
    if (mr_slice_eq(part->s, mr_slice_str("POSITIVE_INFINITY")))
        *sign = 1;
    else if (mr_slice_eq(part->s, mr_slice_str("NEGATIVE_INFINITY")))
        *sign = -1;
    return *sign != 0 ? 0 : invalid(run, "an unknown special value");
}

static int days_of(struct mr_convert_run *run, const struct mr_part *parts, int64_t *days)
{
    const struct mr_part *year = &parts[MR_PART_YEAR];
    const struct mr_part *month = &parts[MR_PART_MONTH];
    const struct mr_part *day = &parts[MR_PART_DAY];
    if (!year->set || !month->set || !day->set)
        return invalid(run, "a date without year, month or day");
    if (year->i != (int32_t)year->i || month->i < 1 || month->i > 12 || day->i < 1 ||
        day->i > mr_month_days(year->i, (int)month->i))
        return invalid(run, "no day of the calendar");
    *days = mr_days_from_civil(year->i, (int)month->i, (int)day->i);
    return 0;
}

/* Whichever of the two fractions the schema has; a schema may have none. */
static int fraction_of(struct mr_convert_run *run, const struct mr_part *parts, int64_t *us)
{
    const struct mr_part *nanos = &parts[MR_PART_NANOS];
    const struct mr_part *picos = &parts[MR_PART_PICOS];
    *us = 0;
    if (!nanos->known && !picos->known)
        return 0;
    if (!nanos->set && !picos->set)
        return invalid(run, "a time without its fraction");
    int64_t p = picos->set ? picos->i : nanos->i;
    if (!picos->set && __builtin_mul_overflow(p, (int64_t)1000, &p))
        return invalid(run, "a fraction of more than a second");
    if (p <= -PICOS_PER_SECOND || p >= PICOS_PER_SECOND)
        return invalid(run, "a fraction of more than a second");
    *us = p / 1000000 - (p % 1000000 < 0 ? 1 : 0);
    return mr_convert_excess(run, p % 1000000 != 0);
}

/* 24:00 is a time of day, nothing beyond it. */
static int time_of(struct mr_convert_run *run, const struct mr_part *parts, int64_t *us)
{
    int64_t fraction;
    const struct mr_part *hour = &parts[MR_PART_HOUR];
    const struct mr_part *minute = &parts[MR_PART_MINUTE];
    const struct mr_part *second = &parts[MR_PART_SECOND];
    if (!hour->set || !minute->set || !second->set)
        return invalid(run, "a time without hour, minute or second");
    int rc = fraction_of(run, parts, &fraction);
    if (rc < 0)
        return rc;
    if (hour->i < 0 || hour->i > 24 || minute->i < 0 || minute->i > 59 || second->i < 0 ||
        second->i > 59 || fraction < 0)
        return invalid(run, "no time of day");
    *us = ((hour->i * 60 + minute->i) * 60 + second->i) * MR_US_PER_SECOND + fraction;
    bool beyond = hour->i == 24 && (parts[MR_PART_NANOS].i != 0 || parts[MR_PART_PICOS].i != 0);
    return *us <= MR_US_PER_DAY && !beyond ? 0 : invalid(run, "no time of day");
}

/* A region without its offset cannot be told, but for those that are UTC. */
static int offset_of(struct mr_convert_run *run, const struct mr_part *parts, int32_t *east_s)
{
    const struct mr_part *offset = &parts[MR_PART_OFFSET];
    const struct mr_part *zone = &parts[MR_PART_ZONE];
    *east_s = 0;
    if (!offset->set) {
        bool utc = zone->set && (mr_slice_eq(zone->s, mr_slice_str("Z")) ||
                                 mr_slice_eq(zone->s, mr_slice_str("UTC")));
        return utc ? 0 : invalid(run, "a zoned time without its offset");
    }
    if (offset->i <= -MAX_OFFSET_S || offset->i >= MAX_OFFSET_S)
        return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "an offset of %lld s",
                          (long long)offset->i);
    *east_s = (int32_t)offset->i;
    return 0;
}

int mr_norm_s_date(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_part parts[MR_PARTS_MAX];
    int sign;
    int64_t days = 0;
    parts_of(c, v->s, parts);
    int rc = special(run, &parts[MR_PART_SPECIAL], &sign);
    if (rc == 0 && sign == 0)
        rc = days_of(run, parts, &days);
    if (rc == 0 && sign == 0 && (days < MR_DATE_MIN || days > MR_DATE_MAX))
        rc = mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "day %lld is no date", (long long)days);
    v->i = sign > 0 ? INT32_MAX : sign < 0 ? INT32_MIN : days;
    return rc;
}

int mr_norm_s_time(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_part parts[MR_PARTS_MAX];
    parts_of(c, v->s, parts);
    if (parts[MR_PART_SPECIAL].set)
        return invalid(run, "a time of day has no special values");
    return time_of(run, parts, &v->i);
}

int mr_norm_s_zoned_time(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_part parts[MR_PARTS_MAX];
    parts_of(c, v->s, parts);
    if (parts[MR_PART_SPECIAL].set)
        return invalid(run, "a time of day has no special values");
    int rc = time_of(run, parts, &v->i);
    return rc < 0 ? rc : offset_of(run, parts, &v->east_s);
}

/* With a zone or without. */
int mr_norm_s_ts(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_part parts[MR_PARTS_MAX];
    int sign;
    int64_t days;
    int64_t us;
    int32_t east_s = 0;
    parts_of(c, v->s, parts);
    int rc = special(run, &parts[MR_PART_SPECIAL], &sign);
    if (rc < 0 || sign != 0) {
        v->i = sign > 0 ? INT64_MAX : INT64_MIN;
        return rc;
    }
    rc = days_of(run, parts, &days);
    if (rc == 0)
        rc = time_of(run, parts, &us);
    if (rc == 0 && c->semantic == MR_SEM_S_ZONED_TS)
        rc = offset_of(run, parts, &east_s);
    if (rc < 0)
        return rc;
    return mr_ts_from_parts(days, us - east_s * MR_US_PER_SECOND, &v->i, run->err);
}

static bool add_scaled(int64_t *sum, const struct mr_part *part, int64_t factor)
{
    int64_t product;
    return !part->set || (!__builtin_mul_overflow(part->i, factor, &product) &&
                          !__builtin_add_overflow(*sum, product, sum));
}

/* Parts that are null say nothing; at least one must be there. Its parts stand where a moment has
 * its own. */
int mr_norm_s_duration(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_part parts[MR_PARTS_MAX];
    int64_t months = 0;
    int64_t days = 0;
    int64_t us = 0;
    bool any = false;
    parts_of(c, v->s, parts);
    for (int i = MR_PART_YEAR; i <= MR_PART_PICOS; i++)
        any = any || parts[i].set;
    if (!any || parts[MR_PART_SPECIAL].set)
        return invalid(run, "a duration without parts");
    if (parts[MR_PART_NANOS].set || parts[MR_PART_PICOS].set) {
        int rc = fraction_of(run, parts, &us);
        if (rc < 0)
            return rc;
    }
    bool ok = add_scaled(&months, &parts[MR_PART_YEAR], 12) &&
              add_scaled(&months, &parts[MR_PART_MONTH], 1) &&
              add_scaled(&days, &parts[MR_PART_DAY], 1) &&
              add_scaled(&us, &parts[MR_PART_HOUR], 3600 * MR_US_PER_SECOND) &&
              add_scaled(&us, &parts[MR_PART_MINUTE], 60 * MR_US_PER_SECOND) &&
              add_scaled(&us, &parts[MR_PART_SECOND], MR_US_PER_SECOND);
    v->interval = (struct mr_interval){.us = us, .days = (int32_t)days, .months = (int32_t)months};
    bool end = us == INT64_MAX || us == INT64_MIN; /* T-27: never an infinity by accident */
    if (!ok || end || months != (int32_t)months || days != (int32_t)days)
        return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "a duration beyond every interval");
    return 0;
}
