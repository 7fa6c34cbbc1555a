/* Names and declared types of the source (contract.md I-09, I-10, S-22). */
#include "schemas/naming.h"

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

static void unmangled(const char *text, const char *expected)
{
    struct mr_buf out = MR_BUF_INIT;
    mr_naming_unmangle(text, &out);
    MR_CHECK_STR(mr_buf_cstr(&out), expected);
    mr_buf_release(&out);
}

/* I-10 */
MR_TEST("avro_unicode names are undone, whatever is no such name stays")
{
    unmangled("a_u002db", "a-b");
    unmangled("order_u005fid", "order_id");
    unmangled("_u00e9t_u00E9", "\xc3\xa9t\xc3\xa9");
    unmangled("_u20ac", "\xe2\x82\xac");
    unmangled("_ud83d_ude00", "\xf0\x9f\x98\x80");
    unmangled("_ud83d", "_ud83d");
    unmangled("_ude00x", "_ude00x");
    unmangled("_u0000", "_u0000");
    unmangled("a_b", "a_b");
    unmangled("_u00g0", "_u00g0");
    unmangled("_u12", "_u12");
    unmangled("", "");
}

#define KEY "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"}]}"
#define VALUE(extra)                                                                               \
    "{\"type\":\"record\",\"name\":\"V\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"}" extra "]" \
    "}"
#define PARAM(name, value) "\"__debezium.source.column." name "\":\"" value "\""
#define STRING_WITH(params) "[\"null\",{\"type\":\"string\",\"connect.parameters\":{" params "}}]"
#define FIELD(name, type) ",{\"name\":\"" name "\",\"type\":" type "}"
#define BITS(params)                                                                               \
    "{\"type\":\"bytes\",\"connect.name\":\"io.debezium.data.Bits\",\"connect.parameters\":{"      \
    "\"length\":\"5\"," params "}}"

/* I-06, I-09, S-22: what a converter wrote as a_b is the source's a-b only where it says so. */
MR_TEST("the source's own name is taken where the route asks for it and the record carries it")
{
    const char *value =
        VALUE(FIELD("a_b", STRING_WITH(PARAM("name", "a-b"))) FIELD("c_d", "\"string\""));
    MR_CHECK_OK(plan_case_open(&pc, KEY, value));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a_b text, c_d text");
    plan_case_release(&pc);
    plan_case_init(&pc);
    pc.route.name_original = true;
    MR_CHECK_OK(plan_case_open(&pc, KEY, value));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a-b text, c_d text");
    plan_case_release(&pc);
    plan_case_init(&pc);
    struct mr_route_column columns[] = {{.field = "a_b", .name = "mine"}};
    pc.route.name_original = true;
    pc.route.columns = columns;
    pc.route.n_columns = 1;
    MR_CHECK_OK(plan_case_open(&pc, KEY, value));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, mine text, c_d text");
}

/* I-10 */
MR_TEST("columns get their own names back by column_unmangle")
{
    pc.route.unmangle_unicode = true;
    MR_CHECK_OK(plan_case_open(&pc, KEY, VALUE(FIELD("order_u002did", "\"string\""))));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, order-id text");
}

/* I-07 */
MR_TEST("two fields whose own names are one collide")
{
    pc.route.name_original = true;
    MR_CHECK_INT(plan_case_open(&pc, KEY,
                                VALUE(FIELD("a_b", STRING_WITH(PARAM("name", "x")))
                                          FIELD("a_c", STRING_WITH(PARAM("name", "x"))))),
                 -MR_IDENTIFIER_COLLISION);
    MR_CHECK(strstr(pc.err.detail, "a_b") != NULL && strstr(pc.err.detail, "a_c") != NULL);
}

/* I-09: hints are for tables that are made. */
MR_TEST("declared lengths narrow what a new table gets, and nothing else")
{
    const char *value = VALUE(
        FIELD("v", STRING_WITH(PARAM("type", "VARCHAR") "," PARAM("length", "40")))
            FIELD("c", STRING_WITH(PARAM("type", "BPCHAR") "," PARAM("length", "4")))
                FIELD("u", STRING_WITH(PARAM("type", "VARCHAR") "," PARAM("length", "2147483647")))
                    FIELD("b", BITS(PARAM("type", "VARBIT")))
                        FIELD("d", BITS(PARAM("type", "BIT"))));
    MR_CHECK_OK(plan_case_open(&pc, KEY, value));
    MR_CHECK_STR(plan_case_columns(&pc),
                 "id int4 pk, v varchar(40), c text, u text, b varbit(5), d bit(5)");
}

#define GEOMETRY(params)                                                                           \
    "{\"type\":\"record\",\"name\":\"Geometry\",\"namespace\":\"io.debezium.data.geometry\","      \
    "\"fields\":[{\"name\":\"wkb\",\"type\":\"bytes\"},{\"name\":\"srid\",\"type\":[\"null\","     \
    "\"int\"]}],"                                                                                  \
    "\"connect.parameters\":{" params "},\"connect.name\":\"io.debezium.data.geometry.Geometry\"}"
#define SAME "\"io.debezium.data.geometry.Geometry\""

/* I-09, T-39: Avro writes a record's parameters once, at the field that defines it. */
MR_TEST("what a source says of one column is not believed of another that shares its record")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY,
                               VALUE(FIELD("a_box", GEOMETRY(PARAM("type", "BOX") "," PARAM(
                                                        "name", "a-box"))) FIELD("b", SAME))));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a_box box, b geometry");
}

/* I-09 */
MR_TEST("a field that shares another's record keeps its own name")
{
    pc.route.name_original = true;
    MR_CHECK_OK(plan_case_open(
        &pc, KEY, VALUE(FIELD("a_box", GEOMETRY(PARAM("name", "\303\251box"))) FIELD("b", SAME))));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a_box geometry, b geometry");
}

/* I-09 */
MR_TEST("the field that defines a record gets the name that its adjusted one hides")
{
    pc.route.name_original = true;
    MR_CHECK_OK(plan_case_open(
        &pc, KEY, VALUE(FIELD("_box", GEOMETRY(PARAM("name", "\303\251box"))) FIELD("b", SAME))));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, \303\251box geometry, b geometry");
}

/* I-09 */
MR_TEST("a hint never touches an existing column")
{
    plan_case_table(&pc, "id int4 pk, v text");
    MR_CHECK_OK(plan_case_open(
        &pc, KEY,
        VALUE(FIELD("v", STRING_WITH(PARAM("type", "VARCHAR") "," PARAM("length", "1"))))));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, v text");
    struct mr_slice value = {(const uint8_t *)"\x02\x02\x04"
                                              "xy",
                             5};
    MR_CHECK_STR(plan_case_run(&pc, (struct mr_slice){value.data, 1}, value), "u{1,xy}");
}

/* I-05 */
MR_TEST("a system column's name gets a suffix, and halts where that is taken")
{
    MR_CHECK_OK(
        plan_case_open(&pc, KEY, VALUE(FIELD("xmin", "\"int\"") FIELD("tableoid", "\"int\""))));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, xmin_ int4, tableoid_ int4");
    MR_CHECK_INT(
        plan_case_open(&pc, KEY, VALUE(FIELD("xmin", "\"int\"") FIELD("xmin_", "\"int\""))),
        -MR_IDENTIFIER_COLLISION);
}
