/* Owns the normalisers: the wire's scalar to its family's form, with the checks that belong to the
 * meaning and not to a column. Must not emit. */
#include <inttypes.h>

#include "schemas/convert_write.h"

#include "base/ban.h"

int mr_norm_decimal(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    return mr_numeric_from_bytes(v->s, c->scale, run->num, &v->num, run->err);
}

int mr_norm_var_decimal(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    (void)c;
    return mr_numeric_from_bytes(v->s, (int32_t)v->i, run->num, &v->num, run->err);
}

int mr_norm_date(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    int32_t days;
    (void)c;
    int rc = mr_date_from_days(v->i, &days, run->err);
    v->i = days;
    return rc;
}

/* The unit of a semantic type; plain numbers have the one of their column's entry. */
static enum mr_ts_unit unit_of(const struct mr_convert *c)
{
    switch ((int)c->semantic) {
    case MR_SEM_TIME_MS:
    case MR_SEM_TS_MS:
    case MR_SEM_TSTZ_MS:
        return MR_UNIT_MS;
    case MR_SEM_TIME_US:
    case MR_SEM_TS_US:
    case MR_SEM_TSTZ_US:
    case MR_SEM_DURATION_US:
        return MR_UNIT_US;
    case MR_SEM_TIME_NS:
    case MR_SEM_TS_NS:
    case MR_SEM_TSTZ_NS:
    case MR_SEM_DURATION_NS:
        return MR_UNIT_NS;
    default:
        return c->unit;
    }
}

int mr_norm_time(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    return mr_us_from_unit(v->i, unit_of(c), run->nanos_poison, &v->i, run->err);
}

int mr_norm_ts(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_ts_form form = {
        .unit = unit_of(c), .sentinels = c->sentinels, .nanos_poison = run->nanos_poison};
    return mr_ts_from_unit(v->i, &form, &v->i, run->err);
}

int mr_norm_unit_ts(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_ts_form form = {
        .unit = c->unit, .sentinels = false, .nanos_poison = run->nanos_poison};
    return mr_ts_from_unit(v->i, &form, &v->i, run->err);
}

int mr_norm_unit_date(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    (void)c;
    if (v->i < MR_DATE_MIN || v->i > MR_DATE_MAX)
        return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "day %" PRId64 " is no date", v->i);
    return 0;
}

/* Parses; `need` must be there, nothing but `need` and `may`. */
static int norm_iso(struct mr_convert_run *run, struct mr_slice text, unsigned need, unsigned may,
                    struct mr_iso *iso)
{
    bool ok = mr_iso_parse(text, iso);
    bool infinite = ok && iso->infinity != 0 && (need & MR_ISO_DATE) != 0;
    if (!ok || (!infinite && ((iso->parts & need) != need || (iso->parts & ~(need | may)) != 0)))
        return mr_err_set(run->err, MR_VALUE_INVALID, "the text is not of its type's ISO form");
    if (iso->nanos != 0 && run->nanos_poison)
        return mr_err_set(run->err, MR_TEMPORAL_NANOS, "%d ns below a microsecond",
                          (int)iso->nanos);
    return 0;
}

int mr_norm_zoned_ts(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_iso iso;
    (void)c;
    int rc = norm_iso(run, v->s, MR_ISO_DATE | MR_ISO_TIME | MR_ISO_OFFSET, 0, &iso);
    return rc < 0 ? rc : mr_iso_timestamp(&iso, &v->i, run->err);
}

int mr_norm_zoned_time(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_iso iso;
    (void)c;
    int rc = norm_iso(run, v->s, MR_ISO_TIME | MR_ISO_OFFSET, 0, &iso);
    v->i = iso.us;
    v->east_s = iso.east_s;
    return rc;
}

/* T-23: only UTC makes sense for a date or time alone. */
static int norm_utc(struct mr_convert_run *run, const struct mr_iso *iso)
{
    if (iso->east_s != 0)
        return mr_err_set(run->err, MR_VALUE_INVALID, "an offset other than UTC");
    return 0;
}

int mr_norm_iso_date(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_iso iso;
    int rc = norm_iso(run, v->s, MR_ISO_DATE, MR_ISO_OFFSET, &iso);
    if (rc == 0)
        rc = norm_utc(run, &iso);
    if (rc < 0)
        return rc;
    v->i = iso.days;
    if (iso.infinity != 0) {
        v->i = iso.infinity > 0 ? INT32_MAX : INT32_MIN;
        return 0;
    }
    return mr_norm_date(run, c, v);
}

int mr_norm_iso_time(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_iso iso;
    (void)c;
    int rc = norm_iso(run, v->s, MR_ISO_TIME, MR_ISO_OFFSET, &iso);
    if (rc == 0)
        rc = norm_utc(run, &iso);
    v->i = iso.us;
    return rc;
}

int mr_norm_iso_ts(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_iso iso;
    (void)c;
    int rc = norm_iso(run, v->s, MR_ISO_DATE | MR_ISO_TIME, MR_ISO_OFFSET, &iso);
    return rc < 0 ? rc : mr_iso_timestamp(&iso, &v->i, run->err);
}

int mr_norm_duration(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    v->interval = (struct mr_interval){.us = 0};
    return mr_us_from_unit(v->i, unit_of(c), run->nanos_poison, &v->interval.us, run->err);
}

int mr_norm_interval(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    bool excess;
    (void)c;
    if (!mr_iso_interval(v->s, &v->interval, &excess))
        return mr_err_set(run->err, MR_VALUE_INVALID, "the text is not an ISO 8601 duration");
    return mr_convert_excess(run, excess);
}

static uint32_t little_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* T-28: months, days, milliseconds, little-endian. */
int mr_norm_avro_duration(struct mr_convert_run *run, const struct mr_convert *c,
                          struct mr_value *v)
{
    (void)c;
    uint32_t months = little_u32(v->s.data);
    uint32_t days = little_u32(v->s.data + 4);
    if (months > INT32_MAX || days > INT32_MAX)
        return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "%" PRIu32 " months, %" PRIu32 " days",
                          months, days);
    v->interval = (struct mr_interval){.us = (int64_t)little_u32(v->s.data + 8) * 1000,
                                       .days = (int32_t)days,
                                       .months = (int32_t)months};
    return 0;
}

int mr_norm_uuid(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    (void)c;
    if (!mr_uuid_parse(v->s, v->uuid))
        return mr_err_set(run->err, MR_VALUE_INVALID, "the text is not a uuid");
    return 0;
}

int mr_norm_uuid_bytes(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    (void)run;
    (void)c;
    memcpy(v->uuid, v->s.data, sizeof v->uuid); /* fixed(16) by S-13 */
    return 0;
}

/* The number of bits up to the highest one that is set; bytes are little-endian. */
static uint64_t bits_used(struct mr_slice bytes)
{
    size_t n = bytes.len;
    while (n > 0 && bytes.data[n - 1] == 0)
        n--;
    if (n == 0)
        return 0;
    return (uint64_t)n * 8 - (uint64_t)__builtin_clz((unsigned)bytes.data[n - 1]) + 24;
}

/* T-33: bit i goes to position n-1-i of the bit string, which is packed first bit high. */
int mr_norm_bits(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    uint64_t used = bits_used(v->s);
    uint64_t n = c->n_bits == INT32_MAX ? used : (uint64_t)c->n_bits;
    if (used > n || n > INT32_MAX)
        return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE,
                          "bit %" PRIu64 " is set, %" PRIu64 " fit", used - 1, n);
    mr_buf_reset(&run->text);
    uint8_t *to = mr_buf_room(&run->text, (size_t)(n + 7) / 8);
    if (to == NULL)
        return mr_err_set(run->err, MR_FRAMING_TOO_LARGE, "%" PRIu64 " bits", n);
    memset(to, 0, (size_t)(n + 7) / 8);
    for (uint64_t i = 0; i < used; i++) {
        uint64_t at = n - 1 - i;
        if ((v->s.data[i / 8] >> (i % 8) & 1) != 0)
            to[at / 8] = (uint8_t)(to[at / 8] | 0x80u >> (at % 8));
    }
    v->s = (struct mr_slice){to, (size_t)(n + 7) / 8};
    v->n_bits = (uint32_t)n;
    return 0;
}
