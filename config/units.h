/* Values with units, as the configuration writes them: "64KiB", "500ms", "2026-01-31T12:00:00Z".
 * Threads: any. */
#ifndef MR_CONFIG_UNITS_H
#define MR_CONFIG_UNITS_H

#include <stdint.h>

#include "base/buf.h"

/* Each returns 0, -MR_CONFIG_TYPE when the text has another form, or -MR_CONFIG_RANGE when the
 * number does not fit. `out` is untouched on error. */

/* Bytes: a whole number and B, KiB, MiB or GiB, without a blank. */
int mr_units_read_bytes(const char *text, uint64_t *out);

/* Milliseconds: a whole number and ms, s, m, h or d, without a blank. */
int mr_units_read_ms(const char *text, uint64_t *out);

/* Unix milliseconds of an ISO 8601 time: YYYY-MM-DD (midnight UTC), or with Thh:mm[:ss[.f..]] and Z
 * or +hh:mm. Years 1970 to 9999; fractions are cut to milliseconds. */
int mr_units_read_timestamp(const char *text, int64_t *out);

/* Seconds east of UTC: `UTC`, `Z`, or +hh, +hhmm, +hh:mm, +hh:mm:ss and the same with -, less than
 * 16 hours, as PostgreSQL bounds them. */
int mr_units_read_offset(const char *text, int32_t *out);

/* A whole decimal number with an optional sign, nothing else. */
int mr_units_read_i64(const char *text, int64_t *out);

/* The shortest text that reads back as the same value. */
void mr_units_print_bytes(uint64_t bytes, struct mr_buf *out);
void mr_units_print_ms(uint64_t ms, struct mr_buf *out);
void mr_units_print_timestamp(int64_t ms, struct mr_buf *out);

#endif
