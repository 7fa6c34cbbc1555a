/* Columns that no field fills: the `constants` of a route (its `meta`: decode_test.c). */
#include "schemas/plan.h"
#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

#define KEY "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"}]}"
#define ROW                                                                                        \
    "{\"type\":\"record\",\"name\":\"V\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"},"          \
    "{\"name\":\"a\",\"type\":\"string\"}]}"

static struct plan_case pc;
static const struct mr_slice row = {(const uint8_t *)"\x0e\x02x", 3};
static const struct mr_slice key = {(const uint8_t *)"\x0e", 1};

MR_SETUP
{
    plan_case_init(&pc);
}

MR_TEARDOWN
{
    plan_case_release(&pc);
}

static void constants(const struct mr_route_constant *list, uint16_t n)
{
    pc.route.constants = list;
    pc.route.n_constants = n;
}

MR_TEST("a constant's column has the type of its literal, or the one that is named")
{
    static const struct mr_route_constant list[] = {
        {"region", MR_CONSTANT_TEXT, "eu", NULL},
        {"shard", MR_CONSTANT_WHOLE, "9007199254740993", NULL},
        {"share", MR_CONSTANT_REAL, "0.5", NULL},
        {"live", MR_CONSTANT_TRUTH, "true", NULL},
        {"since", MR_CONSTANT_TEXT, "2024-02-29", "date"},
        {"rate", MR_CONSTANT_REAL, "1.10", "numeric"}};
    constants(list, 6);
    MR_CHECK_OK(plan_case_open(&pc, KEY, ROW));
    MR_CHECK_STR(
        plan_case_columns(&pc),
        "id int4 pk, a text, region text, shard int8, share float8, live bool, since date, "
        "rate numeric");
    for (int i = 0; i < 2; i++)
        MR_CHECK_STR(plan_case_run(&pc, key, row),
                     "u{7,x,eu,9007199254740993,0.5,true,2024-02-29,1.10}");
    MR_CHECK_STR(plan_case_run(&pc, key, PLAN_NULL), "d{7}");
}

/* */
MR_TEST("a constant wall clock is read in the route's zone, as a record's is")
{
    static const struct mr_route_constant list[] = {
        {"since", MR_CONSTANT_TEXT, "2024-01-01 00:00:00", "timestamptz"}};
    constants(list, 1);
    pc.route.zone_east_s = 7200;
    MR_CHECK_OK(plan_case_open(&pc, KEY, ROW));
    MR_CHECK_STR(plan_case_run(&pc, key, row), "u{7,x,2023-12-31 22:00:00+00}");
}

MR_TEST("a constant fits the column that the table has, wherever it stands")
{
    static const struct mr_route_constant list[] = {{"n", MR_CONSTANT_WHOLE, "12", NULL}};
    constants(list, 1);
    plan_case_table(&pc, "n int2, a text, id int4 pk");
    MR_CHECK_OK(plan_case_open(&pc, KEY, ROW));
    MR_CHECK_STR(plan_case_run(&pc, key, row), "u{12,x,7}");
    pc.route.strategy = MR_STRATEGY_APPEND;
    plan_case_table(&pc, "n int2, a text, id int4, _op text, _unavailable text[]");
    MR_CHECK_OK(plan_case_open(&pc, KEY, ROW));
    MR_CHECK_STR(plan_case_run(&pc, key, PLAN_NULL), "a{12,NULL,7,d,NULL}");
}

MR_TEST("a constant that its column cannot hold halts the table before any record")
{
    static const struct mr_route_constant far[] = {{"n", MR_CONSTANT_WHOLE, "40000", NULL}};
    static const struct mr_route_constant word[] = {{"n", MR_CONSTANT_TEXT, "twelve", NULL}};
    constants(far, 1);
    plan_case_table(&pc, "id int4 pk, a text, n int2");
    MR_CHECK_INT(plan_case_open(&pc, KEY, ROW), -MR_TYPE_INCOMPATIBLE);
    MR_CHECK_STR(pc.err.column, "n");
    constants(word, 1);
    MR_CHECK_INT(plan_case_open(&pc, KEY, ROW), -MR_TYPE_INCOMPATIBLE);
}

/* I-07 */
MR_TEST("a constant and a field of one name are a collision")
{
    static const struct mr_route_constant list[] = {{"a", MR_CONSTANT_TEXT, "x", NULL}};
    constants(list, 1);
    MR_CHECK_INT(plan_case_open(&pc, KEY, ROW), -MR_IDENTIFIER_COLLISION);
}
