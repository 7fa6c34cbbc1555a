/* Dates, times and intervals (contract.md T-12..T-28, T-80, T-83): proleptic Gregorian calendar,
 * astronomical years. Dates are days since 1970-01-01. Timestamps are microseconds since 2000-01-01
 * 00:00 UTC, in which 64 bits hold the whole range of T-80; Unix time's would end in 294247.
 * Infinities are INT64_MAX / INT64_MIN (dates: INT32_MAX / INT32_MIN). Threads: any. */
#ifndef MR_SCHEMAS_TEMPORAL_H
#define MR_SCHEMAS_TEMPORAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "schemas/emit.h"

#define MR_US_PER_SECOND INT64_C(1000000)
#define MR_US_PER_DAY INT64_C(86400000000)
enum { MR_TS_EPOCH_DAYS = 10957 };              /* 2000-01-01 as a date */
#define MR_TS_EPOCH_US INT64_C(946684800000000) /* 2000-01-01 in Unix time */
#define MR_TS_MIN INT64_C(-211813488000000000)  /* 4714-11-24 BC, T-80 */
#define MR_TS_END INT64_C(9223371331200000000)  /* 294277-01-01, the first that is too late */
enum { MR_DATE_MIN = -2440588, MR_DATE_MAX = 2145042905 }; /* T-12 */

enum mr_ts_unit { MR_UNIT_S, MR_UNIT_MS, MR_UNIT_US, MR_UNIT_NS };

int64_t mr_days_from_civil(int64_t year, int month, int day);
void mr_civil_from_days(int64_t days, int64_t *year, int *month, int *day);

/* Of the month; 1..12. */
int mr_month_days(int64_t year, int month);

/* Wire values, which are Unix time, to checked dates and timestamps, with DBZ's sentinels for
 * infinity. Errors: value.out_of_range. */
int mr_date_from_days(int64_t days, int32_t *out, struct mr_err *err);
/* How a number is read. `sentinels`: it may say infinity (T-19). `nanos_poison`: nanoseconds that
 * microseconds cannot hold are temporal.nanos, else they are floored. */
struct mr_ts_form {
    enum mr_ts_unit unit;
    bool sentinels;
    bool nanos_poison;
};
int mr_ts_from_unit(int64_t v, const struct mr_ts_form *form, int64_t *out, struct mr_err *err);
/* Times and durations: no sentinels, no range. Errors: value.out_of_range (overflow),
 * temporal.nanos. */
int mr_us_from_unit(int64_t v, enum mr_ts_unit unit, bool nanos_poison, int64_t *out,
                    struct mr_err *err);

/* What a text of date, time or both says. */
enum mr_iso_parts { MR_ISO_DATE = 1, MR_ISO_TIME = 2, MR_ISO_OFFSET = 4 };
struct mr_iso {
    unsigned parts;
    int64_t days;
    int64_t us;    /* of the day; 24:00:00 allowed */
    int32_t nanos; /* below a microsecond, 0..999 */
    int32_t east_s;
    int infinity; /* +1, -1: `infinity`, `-infinity`; all else is then 0 */
};
/* ISO 8601 / RFC 3339 as Debezium and Java write them: signed and long years, optional seconds, 0-9
 * fraction digits, `T` or blank between, offset Z, +hh, +hhmm, +hh:mm[:ss], an optional trailing `
 * BC`. False if the text is anything else. */
bool mr_iso_parse(struct mr_slice text, struct mr_iso *out);
/* Days and time of day to a timestamp; the instants by which DBZ writes infinities (T-23) become
 * those. Errors: value.out_of_range. */
int mr_iso_timestamp(const struct mr_iso *iso, int64_t *out, struct mr_err *err);
/* The same of days since 1970 and microseconds of that day's UTC, of any sign; no instant means an
 * infinity. */
int mr_ts_from_parts(int64_t days, int64_t us, int64_t *out, struct mr_err *err);

/* `P1Y2M3DT4H5M6.78S`, each part may be negative. False if it is not that; overflow too. `*excess`:
 * digits below a microsecond were floored. */
bool mr_iso_interval(struct mr_slice text, struct mr_interval *out, bool *excess);

/* As PostgreSQL prints them in style ISO: BC behind everything, infinities as words. */
void mr_print_date(struct mr_buf *out, int32_t days);
void mr_print_time(struct mr_buf *out, int64_t us); /* any sign and size: a MySQL TIME has both */
void mr_print_offset(struct mr_buf *out, int32_t east_s);
/* `between` date and time 'T' or ' '; `zone` is written behind: "", "+00", "+00:00". */
void mr_print_timestamp(struct mr_buf *out, int64_t ts, char between, const char *zone);
/* ISO 8601 with designators. */
void mr_print_interval(struct mr_buf *out, const struct mr_interval *v);

#endif
