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

#define TYPED(name, type) ",{\"name\":\"" name "\",\"type\":" type "}"
#define DECIMAL(p, s)                                                                              \
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" p ",\"scale\":" s "}"

/* V-04 */
MR_TEST("widen alters what PostgreSQL widens without a rewrite, add leaves it to the X rows")
{
    static const char before[] = "id int4 pk, a varchar(2), n numeric(5,2), i int4, f float4";
    const char *value = VALUE(TYPED("a", "\"string\"") TYPED("n", DECIMAL("7", "2"))
                                  TYPED("i", "\"long\"") TYPED("f", "\"double\""));
    plan_case_table(&pc, before);
    MR_CHECK_INT(plan_case_open(&pc, KEY, value), -MR_TYPE_INCOMPATIBLE); /* double into float4 */
    MR_CHECK_STR(plan_case_columns(&pc), before);
    pc.route.evolve = MR_EVOLVE_WIDEN;
    MR_CHECK_INT(plan_case_open(&pc, KEY, value), -MR_TYPE_INCOMPATIBLE);
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text, n numeric(7,2), i int4, f float4");
    pc.route.widen_rewrite = true;
    MR_CHECK_OK(plan_case_open(&pc, KEY, value));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text, n numeric(7,2), i int8, f float8");
}

/* V-04, V-19: a schema of before comes back, and nothing is narrowed. */
MR_TEST("an older schema finds its wider columns and alters nothing")
{
    pc.route.evolve = MR_EVOLVE_WIDEN;
    pc.route.widen_rewrite = true;
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(TYPED("i", "\"int\""))));
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(TYPED("i", "\"long\"") FIELD("b"))));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, i int8, b text");
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(TYPED("i", "\"int\""))));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, i int8, b text");
    struct mr_slice value = {(const uint8_t *)"\x02\x04", 2};
    MR_CHECK_STR(plan_case_run(&pc, (struct mr_slice){value.data, 1}, value), "u{1,2}");
}

/* V-07, V-08 */
MR_TEST("NOT NULL is never set, and dropped only where relax_not_null says so")
{
    static const char strict[] = "id int4 pk, a text notnull";
    plan_case_table(&pc, strict);
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(FIELD("a"))));
    struct mr_slice null = {(const uint8_t *)"\x02\x00", 2};
    MR_CHECK_STR(plan_case_run(&pc, (struct mr_slice){null.data, 1}, null), "!value.not_null");
    pc.route.relax_not_null = true;
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(TYPED("a", "\"string\"")))); /* never null */
    MR_CHECK(pc.table->columns[1].not_null);
    pc.route.evolve = MR_EVOLVE_FREEZE;
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(FIELD("a"))));
    MR_CHECK(pc.table->columns[1].not_null);
    pc.route.evolve = MR_EVOLVE_ADD;
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(FIELD("a"))));
    MR_CHECK(!pc.table->columns[1].not_null);
    MR_CHECK_STR(plan_case_run(&pc, (struct mr_slice){null.data, 1}, null), "u{1,NULL}");
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(TYPED("a", "\"string\"")))); /* required again */
    MR_CHECK(!pc.table->columns[1].not_null);
}

/* V-17 */
MR_TEST("a table that millrace made without a key gets one, another's does not")
{
    plan_case_table(&pc, "id int4, a text");
    pc.table->made_by_us = true;
    pc.route.evolve = MR_EVOLVE_FREEZE;
    MR_CHECK_INT(plan_case_open(&pc, KEY, VALUE(FIELD("a"))), -MR_TARGET_NO_UNIQUE_KEY);
    pc.route.evolve = MR_EVOLVE_ADD;
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(FIELD("a"))));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text");
}

/* V-01, V-15 */
MR_TEST("a plan tells how many fields it reads past")
{
    plan_case_table(&pc, "id int4 pk, g text generated");
    pc.route.evolve = MR_EVOLVE_DISCARD_COLUMN;
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(FIELD("a") FIELD("b") FIELD("g"))));
    MR_CHECK_INT(mr_plan_ignored(pc.plan).n_discarded, 2);
    MR_CHECK_INT(mr_plan_ignored(pc.plan).n_generated, 1);
}

/* V-02, V-09: a rename is a new column, unless the route knows both names. */
MR_TEST("a renamed field is a new column unless the route maps it")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(FIELD("a"))));
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(FIELD("b"))));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text, b text");
    struct mr_route_column columns[] = {{.field = "c", .name = "a"}};
    pc.route.columns = columns;
    pc.route.n_columns = 1;
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(FIELD("c"))));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text, b text");
}
