/* What a shape asks of a table (contract.md section 7; cases 147 to 152). */
#include "schemas/evolve.h"

#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

static struct plan_case pc;

MR_SETUP
{
    plan_case_init(&pc);
}

MR_TEARDOWN
{
    plan_case_release(&pc);
}

#define KEY "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"}]}"
#define VALUE(extra)                                                                               \
    "{\"type\":\"record\",\"name\":\"V\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"}" extra "]" \
    "}"
#define FIELD(name) ",{\"name\":\"" name "\",\"type\":[\"null\",\"string\"]}"

/* V-01, V-02, V-11; cases 146, 148 */
MR_TEST("an absent table is created, new fields are added, lost ones stay")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(FIELD("a"))));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text");
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(FIELD("b") FIELD("a"))));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text, b text");
    struct mr_slice value = {(const uint8_t *)"\x02\x02\x02"
                                              "B"
                                              "\x02\x02"
                                              "A",
                             7};
    MR_CHECK_STR(plan_case_run(&pc, (struct mr_slice){value.data, 1}, value), "u{1,A,B}");
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(FIELD("b"))));
    MR_CHECK_STR(
        plan_case_run(&pc, (struct mr_slice){value.data, 1}, (struct mr_slice){value.data, 4}),
        "u{1,B}");
    MR_CHECK_U64(pc.decoded.cols->cols[1], 2);
}

/* V-01; case 147 */
MR_TEST("the other evolve modes stop, drop the column or the record")
{
    plan_case_table(&pc, "id int4 pk");
    pc.route.evolve = MR_EVOLVE_FREEZE;
    MR_CHECK_INT(plan_case_open(&pc, KEY, VALUE(FIELD("a"))), -MR_SCHEMA_FROZEN);
    MR_CHECK_INT(pc.err.class, MR_CLASS_HALT);
    MR_CHECK_STR(pc.err.column, "a");
    pc.route.evolve = MR_EVOLVE_DISCARD_RECORD;
    MR_CHECK_INT(plan_case_open(&pc, KEY, VALUE(FIELD("a"))), -MR_SCHEMA_DRIFT);
    MR_CHECK_INT(pc.err.class, MR_CLASS_POISON);
    pc.route.evolve = MR_EVOLVE_DISCARD_COLUMN;
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(FIELD("a"))));
    struct mr_slice value = {(const uint8_t *)"\x02\x02\x02"
                                              "x",
                             4};
    MR_CHECK_STR(plan_case_run(&pc, (struct mr_slice){value.data, 1}, value), "u{1}");
}

/* V-11 */
MR_TEST("create = false makes an absent table stop the route")
{
    pc.route.create = false;
    MR_CHECK_INT(plan_case_open(&pc, KEY, VALUE("")), -MR_TARGET_MISSING);
}

/* V-03, V-15; cases 149, 150 */
MR_TEST("a NOT NULL column that no record fills stops the route, a generated one does not")
{
    plan_case_table(&pc, "id int4 pk, n text notnull");
    MR_CHECK_INT(plan_case_open(&pc, KEY, VALUE("")), -MR_TARGET_NOT_NULL_MISSING);
    MR_CHECK_STR(pc.err.column, "n");
    MR_CHECK_OK(plan_case_open(&pc, KEY, NULL)); /* deletes insert nothing */
    plan_case_table(&pc, "id int4 pk, n text notnull default");
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE("")));
    plan_case_table(&pc, "id int4 pk, a text notnull generated");
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(FIELD("a"))));
    struct mr_slice value = {(const uint8_t *)"\x02\x02\x02"
                                              "x",
                             4};
    MR_CHECK_STR(plan_case_run(&pc, (struct mr_slice){value.data, 1}, value), "u{1}");
}

/* V-10, V-17; case 152 */
MR_TEST("the key must be covered exactly by a unique index")
{
    plan_case_table(&pc, "id int4, a text");
    MR_CHECK_INT(plan_case_open(&pc, KEY, VALUE("")), -MR_TARGET_NO_UNIQUE_KEY);
    plan_case_table(&pc, "id int4 pk, a text pk");
    MR_CHECK_INT(plan_case_open(&pc, KEY, VALUE(FIELD("a"))), -MR_TARGET_NO_UNIQUE_KEY);
    pc.table->made_by_us = true;
    MR_CHECK_INT(plan_case_open(&pc, KEY, VALUE(FIELD("a"))), -MR_KEY_CHANGED);
}

/* E-15 to E-19: no table is made for what is skipped */
MR_TEST("bookkeeping records need no table")
{
    MR_CHECK_OK(plan_case_open(
        &pc, NULL,
        "{\"type\":\"record\",\"name\":\"Heartbeat\",\"namespace\":"
        "\"io.debezium.connector.common\",\"fields\":[{\"name\":\"ts_ms\",\"type\":\"long\"}]}"));
    MR_CHECK(pc.table == NULL);
    MR_CHECK_STR(plan_case_run(&pc, PLAN_NULL, (struct mr_slice){(const uint8_t *)"\x02", 1}),
                 "skip.heartbeat");
}
