/* What every kind of sink promises of values: each type that it can hold comes back as it went in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/mr_test.h"
#include "tests/support/sink_cases.h"

MR_SETUP
{
    mr_case_start();
}

MR_TEARDOWN
{
    mr_case_stop();
}

struct value_case {
    const char *name;
    struct mr_coltype type;
    struct mr_cell cell;
    const char *text;        /* as PostgreSQL prints it */
    const char *sqlite_text; /* NULL: the same */
};

static const struct mr_cell some_ints[] = {
    {.kind = MR_CELL_INT, .i = 1}, {.kind = MR_CELL_NULL}, {.kind = MR_CELL_INT, .i = -3}};
static const struct mr_cell some_texts[] = {{.kind = MR_CELL_TEXT, .text = "a\"b", .len = 3},
                                            {.kind = MR_CELL_TEXT, .text = "c,d", .len = 3}};

#define SIZED(t, n) {.type = (t), .length = (n), .precision = -1}
#define LIST(t) {.type = MR_T_ARRAY, .elem = (t), .length = -1, .precision = -1}
static const struct value_case value_cases[] = {
    {"true", MR_CASE_TYPE(MR_T_BOOL), {.kind = MR_CELL_INT, .i = 1}, "t", "1"},
    {"int2", MR_CASE_TYPE(MR_T_INT2), {.kind = MR_CELL_INT, .i = INT16_MIN}, "-32768", NULL},
    {"int4", MR_CASE_TYPE(MR_T_INT4), {.kind = MR_CELL_INT, .i = INT32_MIN}, "-2147483648", NULL},
    {"int8",
     MR_CASE_TYPE(MR_T_INT8),
     {.kind = MR_CELL_INT, .i = INT64_MIN},
     "-9223372036854775808",
     NULL},
    {"float4", MR_CASE_TYPE(MR_T_FLOAT4), {.kind = MR_CELL_REAL, .r = 1.5}, "1.5", NULL},
    {"float8", MR_CASE_TYPE(MR_T_FLOAT8), {.kind = MR_CELL_REAL, .r = -0.25}, "-0.25", NULL},
    {"numeric", MR_CASE_TYPE(MR_T_NUMERIC), MR_CELL_TEXT_OF("123456789012345678901234567890.10"),
     "123456789012345678901234567890.10", NULL},
    {"small numeric", MR_CASE_TYPE(MR_T_NUMERIC), MR_CELL_TEXT_OF("-0.00001"), "-0.00001", NULL},
    {"zero", MR_CASE_TYPE(MR_T_NUMERIC), MR_CELL_TEXT_OF("0.00"), "0.00", NULL},
    {"numeric NaN", MR_CASE_TYPE(MR_T_NUMERIC), MR_CELL_TEXT_OF("NaN"), "NaN", NULL},
    {"numeric(9,2)",
     {.type = MR_T_NUMERIC, .length = -1, .precision = 9, .scale = 2},
     MR_CELL_TEXT_OF("1234567.80"),
     "1234567.80",
     NULL},
    {"text", MR_CASE_TYPE(MR_T_TEXT), MR_CELL_TEXT_OF("größe ' \" \\ 日本"), "größe ' \" \\ 日本",
     NULL},
    {"text like a number", MR_CASE_TYPE(MR_T_TEXT), MR_CELL_TEXT_OF("007"), "007", NULL},
    {"empty text", MR_CASE_TYPE(MR_T_TEXT), MR_CELL_TEXT_OF(""), "", NULL},
    {"varchar", SIZED(MR_T_VARCHAR, 10), MR_CELL_TEXT_OF("ten"), "ten", NULL},
    {"bytea", MR_CASE_TYPE(MR_T_BYTEA), MR_CELL_TEXT_OF("AZ"), "\\x415a", "AZ"},
    {"date", MR_CASE_TYPE(MR_T_DATE), {.kind = MR_CELL_INT, .i = 20413}, "2025-11-21", NULL},
    {"date BC",
     MR_CASE_TYPE(MR_T_DATE),
     {.kind = MR_CELL_INT, .i = -2440588},
     "4714-11-24 BC",
     NULL},
    {"last date",
     MR_CASE_TYPE(MR_T_DATE),
     {.kind = MR_CELL_INT, .i = 2145042905},
     "5874897-12-31",
     NULL},
    {"no end", MR_CASE_TYPE(MR_T_DATE), {.kind = MR_CELL_INT, .i = INT32_MAX}, "infinity", NULL},
    {"time", MR_CASE_TYPE(MR_T_TIME), {.kind = MR_CELL_INT, .i = 49890250000}, "13:51:30.25", NULL},
    {"24 h", MR_CASE_TYPE(MR_T_TIME), {.kind = MR_CELL_INT, .i = 86400000000}, "24:00:00", NULL},
    {"timetz",
     MR_CASE_TYPE(MR_T_TIMETZ),
     {.kind = MR_CELL_INT, .i = 49890000000, .days = 7200},
     "13:51:30+02",
     NULL},
    {"timestamp",
     MR_CASE_TYPE(MR_T_TIMESTAMP),
     {.kind = MR_CELL_INT, .i = -1},
     "1969-12-31 23:59:59.999999",
     NULL},
    {"never",
     MR_CASE_TYPE(MR_T_TIMESTAMP),
     {.kind = MR_CELL_INT, .i = INT64_MIN},
     "-infinity",
     NULL},
    {"timestamptz",
     MR_CASE_TYPE(MR_T_TIMESTAMPTZ),
     {.kind = MR_CELL_INT, .i = 0},
     "1970-01-01 00:00:00+00",
     NULL},
    {"year 0",
     MR_CASE_TYPE(MR_T_TIMESTAMPTZ),
     {.kind = MR_CELL_INT, .i = INT64_C(-62167219200000000)},
     "0001-01-01 00:00:00+00 BC",
     NULL},
    {"interval",
     MR_CASE_TYPE(MR_T_INTERVAL),
     {.kind = MR_CELL_SPAN, .i = 14706780000, .days = 3, .months = 14},
     "1 year 2 mons 3 days 04:05:06.78",
     NULL},
    {"mixed interval",
     MR_CASE_TYPE(MR_T_INTERVAL),
     {.kind = MR_CELL_SPAN, .i = 1000000, .days = -1, .months = 0},
     "-1 days +00:00:01",
     NULL},
    {"no interval", MR_CASE_TYPE(MR_T_INTERVAL), {.kind = MR_CELL_SPAN}, "00:00:00", NULL},
    {"uuid", MR_CASE_TYPE(MR_T_UUID), MR_CELL_TEXT_OF("0123456789abcdef"),
     "30313233-3435-3637-3839-616263646566", NULL},
    {"json", MR_CASE_TYPE(MR_T_JSON), MR_CELL_TEXT_OF("{\"a\": 1.50}"), "{\"a\": 1.50}", NULL},
    {"jsonb", MR_CASE_TYPE(MR_T_JSONB), MR_CELL_TEXT_OF("{\"a\": 1.50}"), "{\"a\": 1.50}", NULL},
    {"bit", SIZED(MR_T_BIT, 10), MR_CELL_TEXT_OF("1000000001"), "1000000001", NULL},
    {"varbit", MR_CASE_TYPE(MR_T_VARBIT), MR_CELL_TEXT_OF("010"), "010", NULL},
    {"int4[]",
     LIST(MR_T_INT4),
     {.kind = MR_CELL_ITEMS, .items = some_ints, .len = 3},
     "{1,NULL,-3}",
     "[1,null,-3]"},
    {"text[]",
     LIST(MR_T_TEXT),
     {.kind = MR_CELL_ITEMS, .items = some_texts, .len = 2},
     "{\"a\\\"b\",\"c,d\"}",
     "[\"a\\\"b\",\"c,d\"]"},
    {"empty list", LIST(MR_T_INT8), {.kind = MR_CELL_ITEMS}, "{}", "[]"},
};
enum { N_VALUE_CASES = sizeof value_cases / sizeof value_cases[0] };

static void check_value(const struct value_case *value)
{
    static const char *const cols[] = {"id", "v", NULL};
    static int number;
    char name[32];
    char sql[128];
    char expected[256];
    const struct mr_shape_column columns[] = {
        {.name = "id", .type = MR_CASE_TYPE(MR_T_INT8), .key = true},
        {.name = "v", .type = value->type}};
    (void)snprintf(name, sizeof name, "v%d", number++);
    MR_CHECK_OK(mr_case_apply(MR_DDL_CREATE, name, columns, 2, 1));
    mr_case_open(name);
    MR_CHECK_INT(mr_case.table->columns[1].type.type, value->type.type);
    MR_CHECK_INT(mr_case.table->columns[1].type.elem, value->type.elem);
    MR_CHECK_INT(mr_case.table->columns[1].type.length, value->type.length);
    MR_CHECK_INT(mr_case.table->columns[1].type.precision, value->type.precision);
    mr_row_build_init(&mr_case.build, mr_case.f.ops->emit, mr_case.table, mr_case_id_key);
    const struct mr_cell cells[] = {MR_INT(1), value->cell};
    (void)mr_row_build_put(&mr_case.build, mr_row_build_cols(&mr_case.build, cols), cells);
    mr_case_begin();
    uint64_t n_done;
    MR_CHECK_OK(mr_case_put_as(MR_PUT_UPSERT, cols, NULL, &n_done));
    mr_case_commit();
    (void)snprintf(sql, sizeof sql, "SELECT v FROM %s", name);
    bool sqlite = mr_case.f.kind == MR_KIND_SQLITE && value->sqlite_text != NULL;
    (void)snprintf(expected, sizeof expected, "%s\n", sqlite ? value->sqlite_text : value->text);
    const char *got = mr_sink_fixture_query(&mr_case.f, sql);
    if (strcmp(got, expected) != 0)
        MR_FAIL("%s: %s, expected %s", value->name, got, expected);
    mr_row_build_release(&mr_case.build);
}

/* L-01 to L-06, T-01 to T-60, X-08 */
MR_CONFORM(values,
           "a value of every type is read back as it was written, by the type it was made with")
{
    for (size_t i = 0; i < N_VALUE_CASES; i++)
        check_value(&value_cases[i]);
}
