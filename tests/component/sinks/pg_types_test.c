/* Each type of the plan's emitter against a real server: what was sent as bytes is read back as
 * text. */
#include <stdint.h>
#include <string.h>

#include "tests/support/pg_fixture.h"

static struct pg_fixture f;

MR_SETUP
{
    pg_fixture_wipe();
    pg_fixture_open(&f, "one");
    pg_fixture_claim(&f, 1);
}

MR_TEARDOWN
{
    pg_fixture_close(&f);
}

typedef void put_fn(struct mr_buf *out, const struct mr_emit_ops *emit,
                    const struct mr_coltype *to);

/* Loads one value into a column of the type, by COPY into the table and by the stage; the text that
 * the server then shows. */
static const char *shown(const char *type, put_fn *put)
{
    struct mr_buf tuple = MR_BUF_INIT;
    pg_server_exec("DROP TABLE IF EXISTS v; CREATE TABLE v (id int4 PRIMARY KEY, v %s)", type);
    pg_fixture_table(&f, "v", "id", NULL);
    for (int i = 0; i < 2; i++) {
        struct mr_row *row = pg_rows_put(&f.rows, i == 0 ? "0|NULL" : "1|NULL");
        row->flags = i == 0 ? MR_ROW_INSERT : 0;
        mr_buf_reset(&tuple);
        mr_buf_u16(&tuple, 2);
        mr_sink_postgresql.emit->integer(&tuple, &f.table->columns[0].type, i);
        put(&tuple, mr_sink_postgresql.emit, &f.table->columns[1].type);
        MR_CHECK(mr_buf_ok(&tuple));
        row->tuple = (struct mr_slice){tuple.data, tuple.len};
        PG_OK(&f, pg_fixture_flush(&f));
    }
    mr_buf_release(&tuple);
    return pg_server_query("SELECT string_agg(DISTINCT v::text, ' != ') FROM v");
}

#define VALUE(name, call)                                                                          \
    static void name(struct mr_buf *out, const struct mr_emit_ops *emit,                           \
                     const struct mr_coltype *to)                                                  \
    {                                                                                              \
        emit->call;                                                                                \
    }
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

static void v_empty(struct mr_buf *out, const struct mr_emit_ops *emit, const struct mr_coltype *to)
{
    emit->array_end(out, to, emit->array_begin(out, to, 0, false));
}

struct type_case {
    const char *type;
    put_fn *put;
    const char *text;
};

static void check(const struct type_case *cases, size_t n)
{
    pg_server_exec("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN short AS varchar(20)");
    for (size_t i = 0; i < n; i++)
        MR_CHECK_STR(shown(cases[i].type, cases[i].put), cases[i].text);
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
    pg_server_exec("CREATE EXTENSION citext");
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

// T-N, T-70, T-33, T-60
MR_TEST("numbers, bits and arrays arrive as they were sent")
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
    };
    check(cases, sizeof cases / sizeof cases[0]);
}
