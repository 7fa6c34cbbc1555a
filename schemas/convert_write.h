/* The writers and normalisers that the tables of convert.c name, by duty: convert_wire.c
 * and convert_record.c (normalise), convert_figure.c, convert_vector.c, convert_number.c,
 * convert_time.c, convert_parse.c (from text), convert_print.c (to text and JSON). Nothing else
 * includes this. */
#ifndef MR_SCHEMAS_CONVERT_WRITE_H
#define MR_SCHEMAS_CONVERT_WRITE_H

#include "schemas/convert.h"

mr_normalise_fn mr_norm_decimal, mr_norm_var_decimal, mr_norm_date, mr_norm_time, mr_norm_ts,
    mr_norm_zoned_ts, mr_norm_zoned_time, mr_norm_iso_date, mr_norm_iso_time, mr_norm_iso_ts,
    mr_norm_duration, mr_norm_interval, mr_norm_avro_duration, mr_norm_uuid, mr_norm_uuid_bytes,
    mr_norm_bits, mr_norm_unit_date, mr_norm_unit_ts, mr_norm_var_decimal_record, mr_norm_s_date,
    mr_norm_s_time, mr_norm_s_ts, mr_norm_s_zoned_time, mr_norm_s_duration, mr_norm_geometry,
    mr_norm_point, mr_norm_circle, mr_norm_line, mr_norm_vector, mr_norm_sparse, mr_norm_pairs;

mr_write_fn mr_write_boolean, mr_write_boolean_integer, mr_write_boolean_bit, mr_write_integer,
    mr_write_integer_numeric, mr_write_integer_real, mr_write_integer_boolean, mr_write_real,
    mr_write_real_numeric, mr_write_numeric, mr_write_numeric_integer, mr_write_numeric_real,
    mr_write_bytes, mr_write_bytes_uuid, mr_write_date, mr_write_date_ts, mr_write_time,
    mr_write_time_tz, mr_write_time_interval, mr_write_timetz, mr_write_ts, mr_write_ts_zone,
    mr_write_ts_date, mr_write_interval, mr_write_interval_integer, mr_write_uuid,
    mr_write_uuid_bytes, mr_write_bits, mr_write_document, mr_write_printed, mr_write_json,
    mr_write_geometry_figure, mr_write_figure, mr_write_bytes_geometry, mr_write_vector,
    mr_write_pairs;

mr_write_fn mr_parse_text, mr_parse_enum, mr_parse_varchar, mr_parse_boolean, mr_parse_integer,
    mr_parse_real, mr_parse_numeric, mr_parse_bytes, mr_parse_date, mr_parse_time, mr_parse_timetz,
    mr_parse_timestamp, mr_parse_interval, mr_parse_uuid, mr_parse_json, mr_parse_bits,
    mr_parse_text_array, mr_parse_figure, mr_parse_vector, mr_parse_pairs, mr_parse_ltree,
    mr_parse_tsvector;

enum mr_family mr_convert_family(enum mr_semantic semantic);
/* EWKB in hex, a Point without SRID as `(x,y)`: what the server would print. */
void mr_geometry_print(struct mr_buf *out, const struct mr_convert *c, const struct mr_value *v);
/* a text into varchar(n) or char(n); *text may be cut by blanks. A type that is cast to may
 * bound its bytes, or the digits behind a point. */
int mr_convert_length(struct mr_convert_run *run, const struct mr_coltype *to,
                      struct mr_slice *text);
/* P5: microseconds into a column that keeps fewer digits of a second, which the server would round.
 */
int mr_convert_fraction(struct mr_convert_run *run, const struct mr_convert *c, int64_t us);
/* a wall clock of the route's zone as an instant; infinity stays. Errors: value.out_of_range.
 */
int mr_convert_zone(struct mr_convert_run *run, int64_t *ts);
/* T-15: digits below a microsecond, which were floored. */
int mr_convert_excess(struct mr_convert_run *run, bool excess);
/* A time of day from 00:00 to 24:00. */
int mr_convert_day(struct mr_convert_run *run, int64_t us);
/* A float that fits, NaN by the emitter's rule. */
int mr_convert_real(struct mr_convert_run *run, const struct mr_convert *c, double v);
/* A text into a column that makes numbers of texts, where `to` is one: value.lossy where digits
 * would go, unless a cast allows it (L-03). */
int mr_convert_as_number(struct mr_convert_run *run, const struct mr_convert *c,
                         struct mr_slice text);
/* Range of an integer column; false outside. */
bool mr_convert_fits(int64_t v, enum mr_type type);

#endif
