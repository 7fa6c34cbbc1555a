/* Each type of the plan's emitter against a real server: what was sent as bytes is read back as
 * text. */
#include "tests/support/pg_shown.inc"

/* The arguments of each value; `out` and `to` are in scope. */
VALUE(v_true, boolean(out, to, true))
VALUE(v_min, integer(out, to,
                     to->type == MR_T_INT2   ? INT16_MIN
                     : to->type == MR_T_INT4 ? INT32_MIN
                                             : INT64_MIN))
VALUE(v_oid, integer(out, to, 4294967295))
VALUE(v_real, real(out, to, -1.5))
VALUE(v_nan, real(out, to, __builtin_nan("")))
VALUE(v_text, text(out, to, "\xc3\xa9 'x'", 6))
VALUE(v_json, text(out, to, "{\"a\": [1]}", 10))
VALUE(v_ok, text(out, to, "ok", 2))
VALUE(v_bytes, bytes(out, to, (const uint8_t *)"\0\xff", 2))
VALUE(v_uuid, uuid(out, to, (const uint8_t *)"0123456789abcdef"))
VALUE(v_date, date(out, to, 17000))
VALUE(v_date_bc, date(out, to, -2440588))
VALUE(v_date_inf, date(out, to, INT32_MAX))
VALUE(v_date_ninf, date(out, to, INT32_MIN))
VALUE(v_time, time(out, to, INT64_C(86399999999)))
VALUE(v_time_24, time(out, to, INT64_C(86400000000)))
VALUE(v_timetz, timetz(out, to, INT64_C(3600000000), 7200))
VALUE(v_stamp, timestamp(out, to, INT64_C(531575490123456)))
VALUE(v_stamp_min, timestamp(out, to, INT64_C(-211813488000000000)))
VALUE(v_stamp_max, timestamp(out, to, INT64_C(9223371331199999999)))
VALUE(v_stamp_inf, timestamp(out, to, INT64_MAX))
VALUE(v_stamp_ninf, timestamp(out, to, INT64_MIN))
VALUE(v_span, interval(out, to, &(struct mr_interval){.us = 1500000, .days = -3, .months = 14}))
VALUE(v_years, interval(out, to, &(struct mr_interval){.months = 36}))
VALUE(v_hours, interval(out, to, &(struct mr_interval){.us = INT64_C(7200000000), .days = 1}))
VALUE(v_bits, bits(out, to, (const uint8_t *)"\xa0\x80", 9))
VALUE(v_no_bits, bits(out, to, NULL, 0))
VALUE(v_numeric, numeric(out, to,
                         &(struct mr_numeric){.sign = MR_NUM_NEG,
                                              .weight = 1,
                                              .dscale = 2,
                                              .n_digits = 3,
                                              .digits = (const int16_t[]){12, 3456, 7800}}))
VALUE(v_zero, numeric(out, to, &(struct mr_numeric){.sign = MR_NUM_NEG, .dscale = 2}))
VALUE(v_num_nan, numeric(out, to, &(struct mr_numeric){.sign = MR_NUM_NAN}))
VALUE(v_num_ninf, numeric(out, to, &(struct mr_numeric){.sign = MR_NUM_NINF}))
VALUE(v_num_small, numeric(out, to,
                           &(struct mr_numeric){.sign = MR_NUM_POS,
                                                .weight = -2,
                                                .dscale = 8,
                                                .n_digits = 1,
                                                .digits = (const int16_t[]){5}}))

#define FIGURE(closes, ...)                                                                        \
    figure(out, to,                                                                                \
           &(struct mr_figure){.closed = (closes),                                                 \
                               .n = sizeof((const double[]){__VA_ARGS__}) / sizeof(double),        \
                               .v = (const double[]){__VA_ARGS__}})
VALUE(v_point, FIGURE(false, 1.5, -2))
VALUE(v_three, FIGURE(false, 1.5, -2, 0.1))
VALUE(v_circle, FIGURE(false, 1.5, -2, 3))
VALUE(v_box, FIGURE(false, 2, 4, 1, 3))
VALUE(v_closed, FIGURE(true, 2, 4, 1, 3))
VALUE(v_literal, text(out, to, "{\"10.0.0.1\",NULL}", 17))

static void v_array(struct mr_buf *out, const struct mr_emit_ops *emit, const struct mr_coltype *to)
{
    struct mr_coltype elem = {.type = to->elem, .oid = to->elem_oid};
    size_t at = emit->array_begin(out, to, 2, true);
    if (to->elem == MR_T_INT4)
        emit->integer(out, &elem, 7);
    else
        emit->text(out, &elem, "ok", 2);
    emit->array_null(out, &elem);
    emit->array_end(out, to, at);
}

static void v_matrix(struct mr_buf *out, const struct mr_emit_ops *emit,
                     const struct mr_coltype *to)
{
    static const struct mr_dims dims = {.n = 2, .len = {2, 2}};
    struct mr_coltype elem = {.type = to->elem, .oid = to->elem_oid};
    size_t at = emit->matrix_begin(out, to, &dims, true);
    emit->integer(out, &elem, 7);
    emit->array_null(out, &elem);
    emit->integer(out, &elem, -1);
    emit->integer(out, &elem, 0);
    emit->array_end(out, to, at);
}

static void v_points(struct mr_buf *out, const struct mr_emit_ops *emit,
                     const struct mr_coltype *to)
{
    struct mr_coltype elem = {.type = to->elem, .oid = to->elem_oid};
    size_t at = emit->array_begin(out, to, 1, false);
    v_point(out, emit, &elem);
    emit->array_end(out, to, at);
}

static void v_empty(struct mr_buf *out, const struct mr_emit_ops *emit, const struct mr_coltype *to)
{
    emit->array_end(out, to, emit->array_begin(out, to, 0, false));
}

// T-01..T-07, T-29..T-31, T-46
MR_TEST("scalars and texts arrive as they were sent")
{
    static const struct type_case cases[] = {
        {"bool", v_true, "true"},
        {"int2", v_min, "-32768"},
        {"int4", v_min, "-2147483648"},
        {"int8", v_min, "-9223372036854775808"},
        {"oid", v_oid, "4294967295"},
        {"float4", v_real, "-1.5"},
        {"float8", v_real, "-1.5"},
        {"float8", v_nan, "NaN"},
        {"text", v_text, "\xc3\xa9 'x'"},
        {"varchar(5)", v_text, "\xc3\xa9 'x'"},
        {"char(6)", v_text, "\xc3\xa9 'x'"},
        {"short", v_text, "\xc3\xa9 'x'"},
        {"mood", v_ok, "ok"},
        {"json", v_json, "{\"a\": [1]}"},
        {"jsonb", v_json, "{\"a\": [1]}"},
        {"bytea", v_bytes, "\\x00ff"},
        {"uuid", v_uuid, "30313233-3435-3637-3839-616263646566"},
        {"xml", v_ok, "ok"},
        {"tsvector", v_ok, "'ok'"},
        {"citext", v_ok, "ok"},
    };
    pg_server_exec("CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('sad', 'ok'); "
                   "CREATE DOMAIN short AS varchar(20)");
    check(cases, sizeof cases / sizeof cases[0]);
}

// T-12..T-28, T-80, T-83
MR_TEST("dates, times and intervals arrive as they were sent, infinities and BC too")
{
    static const struct type_case cases[] = {
        {"date", v_date, "2016-07-18"},
        {"date", v_date_bc, "4714-11-24 BC"},
        {"date", v_date_inf, "infinity"},
        {"date", v_date_ninf, "-infinity"},
        {"time", v_time, "23:59:59.999999"},
        {"time", v_time_24, "24:00:00"},
        {"timetz", v_timetz, "01:00:00+02"},
        {"timestamp", v_stamp, "2016-11-04 11:51:30.123456"},
        {"timestamptz", v_stamp, "2016-11-04 11:51:30.123456+00"},
        {"timestamp", v_stamp_min, "4714-11-24 00:00:00 BC"},
        {"timestamp", v_stamp_max, "294276-12-31 23:59:59.999999"},
        {"timestamptz", v_stamp_max, "294276-12-31 23:59:59.999999+00"},
        {"timestamptz", v_stamp_inf, "infinity"},
        {"timestamp", v_stamp_ninf, "-infinity"},
        {"interval", v_span, "1 year 2 mons -3 days +00:00:01.5"},
        {"interval year", v_years, "3 years"},
        {"interval day to hour", v_hours, "1 day 02:00:00"},
    };
    check(cases, sizeof cases / sizeof cases[0]);
}

// T-N, T-70, T-33, T-40, T-41, T-60
MR_TEST("numbers, bits, figures and arrays arrive as they were sent")
{
    static const struct type_case cases[] = {
        {"numeric", v_numeric, "-123456.78"},
        {"numeric(10,2)", v_numeric, "-123456.78"},
        {"numeric", v_zero, "0.00"},
        {"numeric", v_num_nan, "NaN"},
        {"numeric", v_num_ninf, "-Infinity"},
        {"numeric", v_num_small, "0.00000005"},
        {"bit(9)", v_bits, "101000001"},
        {"varbit", v_bits, "101000001"},
        {"varbit", v_no_bits, ""},
        {"int4[]", v_array, "{7,NULL}"},
        {"text[]", v_array, "{ok,NULL}"},
        {"mood[]", v_array, "{ok,NULL}"},
        {"int4[]", v_empty, "{}"},
        {"moods[]", v_array, "{ok,NULL}"},
        {"int4[]", v_matrix, "{{7,NULL},{-1,0}}"},
        {"inet[]", v_literal, "{10.0.0.1,NULL}"},
        {"point", v_point, "(1.5,-2)"},
        {"line", v_three, "{1.5,-2,0.1}"},
        {"circle", v_circle, "<(1.5,-2),3>"},
        {"box", v_box, "(2,4),(1,3)"},
        {"lseg", v_box, "[(2,4),(1,3)]"},
        {"path", v_box, "[(2,4),(1,3)]"},
        {"path", v_closed, "((2,4),(1,3))"},
        {"polygon", v_box, "((2,4),(1,3))"},
        {"point[]", v_points, "{\"(1.5,-2)\"}"},
    };
    pg_server_exec("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN moods AS text CHECK "
                   "(VALUE <> 'sad')");
    check(cases, sizeof cases / sizeof cases[0]);
}
