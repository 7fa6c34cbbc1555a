/* Records into row types of the target (contract.md T-47). */
#include <stdio.h>
#include <string.h>

#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

static struct plan_case pc;
static struct mr_buf value;

#define BARE .length = -1, .precision = -1
/* inner: u text, v bool; pair: a int4, "b c" varchar(3), n numeric(5,2), x int4[], r inner, rs
 * inner[], t timestamptz */
static const struct mr_column inner_attrs[] = {
    {.name = "u", .type = {.type = MR_T_TEXT, BARE}},
    {.name = "v", .type = {.type = MR_T_BOOL, BARE}},
};
static const struct mr_composite inner = {2, inner_attrs};
static const struct mr_column pair_attrs[] = {
    {.name = "a", .type = {.type = MR_T_INT4, BARE}},
    {.name = "b c", .type = {.type = MR_T_VARCHAR, .length = 3, .precision = -1}},
    {.name = "n", .type = {.type = MR_T_NUMERIC, .length = -1, .precision = 5, .scale = 2}},
    {.name = "x", .type = {.type = MR_T_ARRAY, .elem = MR_T_INT4, BARE}},
    {.name = "r", .type = {.type = MR_T_CAST, .composite = true, .row = &inner, .sql = "inner"}},
    {.name = "rs", .type = {.type = MR_T_CAST, .elem = MR_T_CAST, .row = &inner, .sql = "inner[]"}},
    {.name = "t", .type = {.type = MR_T_TIMESTAMPTZ, BARE}},
};
static const struct mr_composite pair = {7, pair_attrs};

MR_SETUP
{
    plan_case_init(&pc);
    value = (struct mr_buf)MR_BUF_INIT;
}

MR_TEARDOWN
{
    mr_buf_release(&value);
    plan_case_release(&pc);
}

#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define RECORD(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define ARRAY(items) "{\"type\":\"array\",\"items\":" items "}"
#define IN RECORD("I", FIELD("u", "[\"null\",\"string\"]") "," FIELD("v", "\"boolean\""))

/* Opens a table with column c of this row type, fed by field c of the type. */
static int open_c(const struct mr_composite *row, bool array, const char *type)
{
    char schema[2048];
    plan_case_table(&pc, array ? "c other[]" : "c other");
    pc.table->columns[0].type.row = row;
    pc.table->columns[0].type.composite = !array;
    pc.table->columns[0].type.sql = "public.pair";
    (void)snprintf(schema, sizeof schema, RECORD("R", FIELD("c", "%s")), type);
    return plan_case_open(&pc, NULL, schema);
}

static const char *run(const char *hex)
{
    mr_buf_reset(&value);
    wire_hex(&value, hex);
    return plan_case_run(&pc, PLAN_NULL, wire_slice(&value));
}

/* T-47 */
MR_TEST("a record's fields become the attributes of a row type by name, in the row type's order")
{
    static const char named[] =
        "[\"null\"," RECORD("P", FIELD("x", ARRAY("[\"null\",\"int\"]")) "," FIELD(
                                     "b c", "\"string\"") "," FIELD("A", "[\"null\",\"int\"]")) "]";
    MR_CHECK_OK(open_c(&pair, false, named));
    MR_CHECK_STR(run("02 04 0202 00 00 06 22 5c 2c 02 0e"),
                 "c{(\"7\",\"\\\"\\\\,\",,\"{\\\"1\\\",NULL}\",,,)}");
    MR_CHECK_STR(run("02 00 00 00"), "c{(,\"\",,\"{}\",,,)}");
    MR_CHECK_STR(run("00"), "c{NULL}");
}

/* T-47 */
MR_TEST("a row whose attributes are all null is not a null")
{
    MR_CHECK_OK(
        open_c(&inner, false, "[\"null\"," RECORD("I", FIELD("u", "[\"null\",\"string\"]")) "]"));
    MR_CHECK_STR(run("02 00"), "c{(,)}");
    MR_CHECK_STR(run("00"), "c{NULL}");
}

/* T-47 */
MR_TEST("row types in row types, and arrays of them")
{
    MR_CHECK_OK(open_c(&pair, false,
                       RECORD("P", FIELD("r", IN) "," FIELD("rs", ARRAY("[\"null\",\"I\"]")))));
    MR_CHECK_STR(run("02 02 71 01 04 02 00 00 00 00"),
                 "c{(,,,,\"(\\\"q\\\",\\\"t\\\")\",\"{\\\"(,\\\\\\\"f\\\\\\\")\\\",NULL}\",)}");
    MR_CHECK_OK(open_c(&inner, true, ARRAY(IN)));
    MR_CHECK_STR(run("04 02 02 61 01 00 00 00"), "c{{\"(\\\"a\\\",\\\"t\\\")\",\"(,\\\"f\\\")\"}}");
    MR_CHECK_STR(run("00"), "c{{}}");
    MR_CHECK_STR(run("03 08 02 02 61 01 00 00 00"), "!avro.block_size");
}

/* T-47, P5: each attribute's own rules hold */
MR_TEST("what an attribute cannot hold is the record's fault, and the next record is whole")
{
    MR_CHECK_OK(
        open_c(&pair, false, RECORD("P", FIELD("b c", "\"string\"") "," FIELD("n", "\"string\""))));
    MR_CHECK_STR(run("08 61626364 02 31"), "!value.too_long");
    MR_CHECK_STR(run("02 00 02 31"), "!value.nul");
    MR_CHECK_STR(run("02 61 0a 312e303035"), "!numeric.excess_scale");
    MR_CHECK_STR(run("02 61 06 312e"), "!avro.length");
    MR_CHECK_STR(run("02 61 08 312e3130"), "c{(,\"a\",\"1.10\",,,,)}");
}

/* T-47, P5 */
MR_TEST("a field without an attribute halts, unless a cast lets it go")
{
    static const char wider[] = RECORD("I", FIELD("u", "\"string\"") "," FIELD("w", "\"int\""));
    static const char twice[] = RECORD("I", FIELD("u", "\"string\"") "," FIELD("U", "\"string\""));
    MR_CHECK_INT(open_c(&inner, false, wider), -MR_TYPE_INCOMPATIBLE);
    MR_CHECK(strstr(pc.err.detail, "no attribute for field 'w'") != NULL);
    MR_CHECK_INT(open_c(&inner, false, twice), -MR_TYPE_INCOMPATIBLE);
    static const struct mr_route_column cast = {.field = "c", .cast = "row"};
    pc.route.columns = &cast;
    pc.route.n_columns = 1;
    MR_CHECK_OK(open_c(&inner, false, wider));
    MR_CHECK_STR(run("02 61 0e"), "c{(\"a\",)}");
    pc.route.n_columns = 0;
    MR_CHECK_INT(open_c(&inner, false, RECORD("I", FIELD("v", "\"double\""))),
                 -MR_TYPE_INCOMPATIBLE);
    MR_CHECK_INT(open_c(&inner, false, "{\"type\":\"map\",\"values\":\"string\"}"),
                 -MR_TYPE_INCOMPATIBLE);
}

/* T-47, X-08: one staged form for both */
MR_TEST("a text is still the row type's own literal")
{
    MR_CHECK_OK(open_c(&inner, false, "\"string\""));
    MR_CHECK_STR(run("0a 28612c7429"), "c{(a,t)}");
}
