/* Records with nested ones as columns of their own (contract.md S-20, I-07): nested_mode =
 * "flatten". */
#include "schemas/plan.h"
#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

#define F(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define O(name, type) "{\"name\":\"" name "\",\"type\":[\"null\"," type "],\"default\":null}"
#define R(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define KEY R("K", F("id", "\"int\""))
/* id, a {b, c? {d, e?}}?, z */
#define C R("C", F("d", "\"int\"") "," O("e", "\"string\""))
#define A R("A", F("b", "\"string\"") "," O("c", C))
#define ROW(name) R(name, F("id", "\"int\"") "," O("a", A) "," F("z", "\"int\""))
#define COLUMNS "id int4 pk, a_b text, a_c_d int4, a_c_e text, z int4"

static struct plan_case pc;
static struct mr_buf key;
static struct mr_buf value;

MR_SETUP
{
    plan_case_init(&pc);
    pc.route.nested_delimiter = "_";
    mr_buf_reset(&key);
    mr_buf_reset(&value);
    wire_long(&key, 7);
}

MR_TEARDOWN
{
    plan_case_release(&pc);
    mr_buf_release(&key);
    mr_buf_release(&value);
}

static const char *run(const char *hex)
{
    mr_buf_reset(&value);
    wire_hex(&value, hex);
    return plan_case_run(&pc, wire_slice(&key), wire_slice(&value));
}

/* S-20 */
MR_TEST("nested records fill columns of their fields, and a null one makes all of them null")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, ROW("V")));
    MR_CHECK_STR(plan_case_columns(&pc), COLUMNS);
    MR_CHECK_STR(run("0e 02 0262 02 12 02 0265 18"), "u{7,b,9,e,12}");
    MR_CHECK_STR(run("0e 02 0262 02 12 00 18"), "u{7,b,9,NULL,12}");
    MR_CHECK_STR(run("0e 02 0262 00 18"), "u{7,b,NULL,NULL,12}");
    MR_CHECK_STR(run("0e 00 18"), "u{7,NULL,NULL,NULL,12}");
    MR_CHECK_STR(run("0e 04 18"), "!avro.bad_union_index");
    MR_CHECK_STR(run("0e 02 0262 02"), "!avro.truncated");
    MR_CHECK_STR(run("0e 00 18 00"), "!avro.trailing");
}

MR_TEST("columns that stand in another order in the table are filled as well")
{
    plan_case_table(&pc, "z int4, a_c_e text, id int4 pk, a_b text, a_c_d int4");
    MR_CHECK_OK(plan_case_open(&pc, KEY, ROW("V")));
    MR_CHECK_STR(run("0e 02 0262 02 12 02 0265 18"), "u{12,e,7,b,9}");
    MR_CHECK_STR(run("0e 00 18"), "u{12,NULL,7,NULL,NULL}");
}

/* V-08 */
MR_TEST("a NOT NULL column of a nested record that is null puts the record aside")
{
    plan_case_table(&pc, "id int4 pk, a_b text notnull, a_c_d int4, a_c_e text, z int4");
    MR_CHECK_OK(plan_case_open(&pc, KEY, ROW("V")));
    MR_CHECK_STR(run("0e 02 0262 00 18"), "u{7,b,NULL,NULL,12}");
    MR_CHECK_STR(run("0e 00 18"), "!value.not_null");
    MR_CHECK_STR(pc.err.column, "a_b");
}

/* E-01, E-03, E-04 */
MR_TEST("an envelope's rows are taken apart like plain ones")
{
    static const char envelope[] =
        "{\"type\":\"record\",\"name\":\"E\",\"connect.name\":\"x.Envelope\",\"fields\":[" O(
            "before", ROW("V")) "," O("after", "\"V\"") "," F("op", "\"string\"") "]}";
    MR_CHECK_OK(plan_case_open(&pc, KEY, envelope));
    MR_CHECK_STR(plan_case_columns(&pc), COLUMNS);
    MR_CHECK_STR(run("00 02 0e 02 0262 00 18 0263"), "c{7,b,NULL,NULL,12}");
    MR_CHECK_STR(run("02 0e 00 18 02 0e 00 18 0275"), "u{7,NULL,NULL,NULL,12}");
    MR_CHECK_STR(run("02 0e 02 0262 00 18 00 0264"), "d{7}");
    pc.route.strategy = MR_STRATEGY_APPEND;
    mr_table_unref(pc.table);
    pc.table = NULL;
    MR_CHECK_OK(plan_case_open(&pc, KEY, envelope));
    MR_CHECK_STR(run("02 0e 00 18 00 0264"), "a{7,NULL,NULL,NULL,12,d,NULL}");
    MR_CHECK_STR(run("02 0e 02 0262 00 18 00 0264"), "a{7,b,NULL,NULL,12,d,NULL}");
}

/* */
MR_TEST("a before of its own type is taken apart by its own fields")
{
    static const char envelope[] =
        "{\"type\":\"record\",\"name\":\"E\",\"connect.name\":\"x.Envelope\",\"fields\":[" O(
            "before",
            R("Old", O("a", R("OldA", F("x", "\"int\"") "," F("b", "\"string\""))) "," F(
                         "id", "\"int\""))) "," O("after", ROW("V")) "," F("op", "\"string\"") "]}";
    pc.route.strategy = MR_STRATEGY_APPEND;
    MR_CHECK_OK(plan_case_open(&pc, KEY, envelope));
    MR_CHECK_STR(run("02 02 0a 0262 0e 00 0264"), "a{7,b,NULL,NULL,NULL,d,NULL}");
    MR_CHECK_STR(run("02 00 0e 00 0264"), "a{7,NULL,NULL,NULL,NULL,d,NULL}");
    MR_CHECK_STR(run("00 02 0e 02 0262 00 18 0263"), "a{7,b,NULL,NULL,12,c,NULL}");
}

/* E-22, F-23 */
MR_TEST("key columns may be fields of a nested record, of deletes too")
{
    static const char *const columns[] = {"a_k"};
    static const char flat[] =
        R("V", O("a", R("A", F("t", "\"string\"") "," F("k", "\"int\""))) "," F("__deleted",
                                                                                "\"string\""));
    pc.route.key_columns = columns;
    pc.route.n_key_columns = 1;
    pc.route.key_from_value = true;
    MR_CHECK_OK(plan_case_open(&pc, NULL, flat));
    MR_CHECK_STR(plan_case_columns(&pc), "a_t text, a_k int4 pk");
    MR_CHECK_STR(run("02 0274 0a 08 74727565"), "d{5}");
    MR_CHECK_STR(run("02 0274 0a 0a 66616c7365"), "u{t,5}");
    MR_CHECK_STR(run("00 0a 66616c7365"), "!key.null");
}

/* I-07; include, exclude, columns */
MR_TEST("names that meet are a collision, and the route chooses among nested fields")
{
    static const char *const include[] = {"id", "a"};
    static const char *const exclude[] = {"a_c"};
    static const struct mr_route_column renamed = {.field = "a_b", .name = "title"};
    MR_CHECK_INT(
        plan_case_open(&pc, KEY,
                       R("V", F("id", "\"int\"") "," F("a", R("A", F("b", "\"int\""))) "," F(
                                  "a_b", "\"int\""))),
        -MR_IDENTIFIER_COLLISION);
    pc.route.include = include;
    pc.route.n_include = 2;
    pc.route.exclude = exclude;
    pc.route.n_exclude = 1;
    pc.route.columns = &renamed;
    pc.route.n_columns = 1;
    MR_CHECK_OK(plan_case_open(&pc, KEY, ROW("V")));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, title text");
    MR_CHECK_STR(run("0e 02 0262 02 12 00 18"), "u{7,b}");
    MR_CHECK_STR(run("0e 00 18"), "u{7,NULL}");
}

/* S-10 */
MR_TEST("a recursive record and a record that columns names are JSON")
{
    static const struct mr_route_column whole = {.field = "a"};
    MR_CHECK_OK(plan_case_open(
        &pc, KEY,
        R("V", F("id", "\"int\"") "," O("n", R("N", F("v", "\"int\"") "," O("n", "\"N\""))))));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, n jsonb");
    MR_CHECK_STR(run("0e 02 02 02 04 00"), "u{7,{\"v\": 1, \"n\": {\"v\": 2, \"n\": null}}}");
    pc.route.columns = &whole;
    pc.route.n_columns = 1;
    mr_table_unref(pc.table);
    pc.table = NULL;
    MR_CHECK_OK(plan_case_open(&pc, KEY, ROW("V")));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a jsonb, z int4");
}

/* U-01: an unavailable value in a nested record is its column's */
MR_TEST("a placeholder in a nested record masks its own column")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, ROW("V")));
    mr_buf_reset(&value);
    wire_hex(&value, "0e 02");
    wire_text(&value, "__debezium_unavailable_value");
    wire_hex(&value, "00 18");
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), wire_slice(&value)), "u{7,~,NULL,NULL,12}");
}
