/* Owns writing dates, times, timestamps and intervals into columns (contract.md X-11..X-14, X-21).
 */
#include <inttypes.h>

#include "schemas/convert_write.h"

#include "base/ban.h"

int mr_convert_fraction(struct mr_convert_run *run, const struct mr_convert *c, int64_t us)
{
    static const int32_t steps[] = {1000000, 100000, 10000, 1000, 100, 10};
    int32_t digits = c->to.precision;
    if (digits < 0 || digits > 5 || c->lossy || us == INT64_MAX || us == INT64_MIN ||
        us % steps[digits] == 0)
        return 0;
    return mr_err_set(run->err, MR_VALUE_LOSSY, "%" PRId64 " us into %s(%d)", us,
                      mr_type_name(c->to.type), (int)digits);
}

int mr_write_date(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    run->emit->date(run->out, &c->to, (int32_t)v->i); /* normalised: fits */
    return 0;
}

int mr_write_date_ts(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    int64_t ts;
    if (v->i == INT32_MAX || v->i == INT32_MIN)
        ts = v->i > 0 ? INT64_MAX : INT64_MIN;
    else if (__builtin_mul_overflow(v->i - MR_TS_EPOCH_DAYS, MR_US_PER_DAY, &ts) ||
             ts < MR_TS_MIN || ts >= MR_TS_END)
        return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "day %" PRId64 " is no timestamp", v->i);
    run->emit->timestamp(run->out, &c->to, ts);
    return 0;
}

int mr_convert_excess(struct mr_convert_run *run, bool excess)
{
    if (excess && run->nanos_poison)
        return mr_err_set(run->err, MR_TEMPORAL_NANOS, "digits below a microsecond");
    return 0;
}

int mr_convert_day(struct mr_convert_run *run, int64_t us)
{
    if (us < 0 || us > MR_US_PER_DAY)
        return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "%" PRId64 " us is no time of day", us);
    return 0;
}

int mr_write_time(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    int rc = mr_convert_day(run, v->i);
    if (rc == 0)
        rc = mr_convert_fraction(run, c, v->i);
    if (rc == 0)
        (run->emit->time)(run->out, &c->to, v->i);
    return rc;
}

int mr_write_time_tz(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    int rc = mr_convert_day(run, v->i);
    if (rc == 0)
        rc = mr_convert_fraction(run, c, v->i);
    if (rc == 0)
        run->emit->timetz(run->out, &c->to, v->i, 0);
    return rc;
}

/* Any sign and size: MySQL's TIME goes to 838 hours (T-14). */
int mr_write_time_interval(struct mr_convert_run *run, const struct mr_convert *c,
                           struct mr_value *v)
{
    v->interval = (struct mr_interval){.us = v->i};
    return mr_write_interval(run, c, v);
}

int mr_write_timetz(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    int rc = mr_convert_fraction(run, c, v->i);
    if (rc == 0)
        run->emit->timetz(run->out, &c->to, v->i, v->east_s);
    return rc;
}

int mr_write_ts(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    int rc = mr_convert_fraction(run, c, v->i);
    if (rc == 0)
        run->emit->timestamp(run->out, &c->to, v->i);
    return rc;
}

int mr_convert_zone(struct mr_convert_run *run, int64_t *ts)
{
    if (*ts == INT64_MAX || *ts == INT64_MIN)
        return 0;
    int64_t at;
    if (__builtin_sub_overflow(*ts, run->zone_us, &at) || at < MR_TS_MIN || at >= MR_TS_END)
        return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE,
                          "%" PRId64 " us is no timestamp, read by timestamp_zone", *ts);
    *ts = at;
    return 0;
}

int mr_write_ts_zone(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    int64_t ts = v->i;
    int rc = mr_convert_zone(run, &ts);
    if (rc == 0)
        rc = mr_convert_fraction(run, c, ts);
    if (rc == 0)
        run->emit->timestamp(run->out, &c->to, ts);
    return rc;
}

int mr_write_ts_date(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    if (v->i == INT64_MAX || v->i == INT64_MIN) {
        run->emit->date(run->out, &c->to, v->i > 0 ? INT32_MAX : INT32_MIN);
        return 0;
    }
    int64_t rest = v->i % MR_US_PER_DAY;
    if (rest != 0 && !c->lossy)
        return mr_err_set(run->err, MR_VALUE_LOSSY, "a time of day into date");
    int64_t days = v->i / MR_US_PER_DAY - (rest < 0 ? 1 : 0) + MR_TS_EPOCH_DAYS;
    run->emit->date(run->out, &c->to, (int32_t)days); /* a timestamp's range is within a date's */
    return 0;
}

/* What `interval hour to minute` and the like would cut in silence. */
static int interval_cut(struct mr_convert_run *run, const struct mr_convert *c,
                        const struct mr_interval *v)
{
    int32_t least = c->to.length;
    int64_t step = (least == MR_FIELD_HOUR ? 3600 : 60) * MR_US_PER_SECOND;
    bool cut;
    if (least < 0 || least == MR_FIELD_SECOND || c->lossy)
        return 0;
    if (least <= MR_FIELD_MONTH)
        cut = v->us != 0 || v->days != 0 || (least == MR_FIELD_YEAR && v->months % 12 != 0);
    else
        cut = least == MR_FIELD_DAY ? v->us != 0 : v->us % step != 0;
    return cut ? mr_err_set(run->err, MR_VALUE_LOSSY, "the column keeps fewer fields") : 0;
}

int mr_write_interval(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    int rc = mr_convert_fraction(run, c, v->interval.us);
    if (rc == 0)
        rc = interval_cut(run, c, &v->interval);
    if (rc == 0)
        run->emit->interval(run->out, &c->to, &v->interval);
    return rc;
}

int mr_write_interval_integer(struct mr_convert_run *run, const struct mr_convert *c,
                              struct mr_value *v)
{
    if (v->interval.days != 0 || v->interval.months != 0)
        return mr_err_set(run->err, MR_VALUE_LOSSY, "days or months into microseconds");
    run->emit->integer(run->out, &c->to, v->interval.us);
    return 0;
}
