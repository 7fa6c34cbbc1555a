/* Which columns a pair of schemas asks for (contract.md sections 1.2 and 6). */
#include "schemas/shape.h"

#include <stdio.h>

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

#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define RECORD(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define KEY RECORD("K", FIELD("id", "\"int\""))

static const char *columns_of(const char *key, const char *value)
{
    static char text[4096];
    mr_table_unref(pc.table);
    pc.table = NULL;
    if (plan_case_open(&pc, key, value) < 0)
        (void)snprintf(text, sizeof text, "!%s", mr_code_printed((int)pc.err.code));
    else
        (void)snprintf(text, sizeof text, "%s", plan_case_columns(&pc));
    return text;
}

/* F-20, F-24 */
MR_TEST("a composite key and key columns that the value lacks")
{
    MR_CHECK_STR(columns_of(RECORD("K", FIELD("a", "\"int\"") "," FIELD("b", "\"string\"")),
                            RECORD("V", FIELD("b", "\"string\"") "," FIELD("c", "\"int\""))),
                 "b text pk, c int4, a int4 pk");
    struct mr_buf key = MR_BUF_INIT;
    struct mr_buf value = MR_BUF_INIT;
    wire_hex(&key, "02 0262");
    wire_hex(&value, "0262 06");
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), wire_slice(&value)), "u{b,3,1}");
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), PLAN_NULL), "d{1,b}");
    mr_buf_release(&key);
    mr_buf_release(&value);
}

/* F-23 */
MR_TEST("key_source = value takes the key columns from the value alone")
{
    static const char *const columns[] = {"c"};
    pc.route.key_columns = columns;
    pc.route.n_key_columns = 1;
    pc.route.key_from_value = true;
    pc.raw_key = MR_FORMAT_STRING;
    MR_CHECK_STR(columns_of(NULL, RECORD("V", FIELD("b", "\"int\"") "," FIELD("c", "\"int\""))),
                 "b int4, c int4 pk");
    struct mr_slice value = {(const uint8_t *)"\x02\x04", 2};
    MR_CHECK_STR(plan_case_run(&pc, mr_slice_str("ignored"), value), "u{1,2}");
    MR_CHECK_STR(plan_case_run(&pc, mr_slice_str("ignored"), PLAN_NULL), "!key.missing");
    MR_CHECK_STR(columns_of(NULL, RECORD("V", FIELD("b", "\"int\""))), "!key.missing");
}

/* F-20, F-21 */
MR_TEST("keys that cannot be a column stop the route")
{
    MR_CHECK_STR(columns_of(RECORD("K", FIELD("n", RECORD("N", FIELD("x", "\"int\"")))),
                            RECORD("V", FIELD("b", "\"int\""))),
                 "!key.unsupported");
    MR_CHECK_STR(columns_of("\"long\"", RECORD("V", FIELD("b", "\"int\""))), "!key.unnamed");
}

/* I-06, include, exclude, columns */
MR_TEST("columns are chosen and renamed by the route, key columns always stay")
{
    static const char *const exclude[] = {"id", "b"};
    static const char *const include[] = {"c"};
    static const struct mr_route_column renamed[] = {{.field = "c", .name = "see"}};
    static const char value[] =
        RECORD("V", FIELD("id", "\"int\"") "," FIELD("b", "\"int\"") "," FIELD("c", "\"int\""));
    pc.route.exclude = exclude;
    pc.route.n_exclude = 2;
    MR_CHECK_STR(columns_of(KEY, value), "id int4 pk, c int4");
    pc.route.n_exclude = 0;
    pc.route.include = include;
    pc.route.n_include = 1;
    pc.route.columns = renamed;
    pc.route.n_columns = 1;
    MR_CHECK_STR(columns_of(KEY, value), "id int4 pk, see int4");
}

/* I-03, I-05, I-07; cases 144, 145 */
MR_TEST("names are cut with a hash, system names get a tail, collisions stop the route")
{
    char value[1024];
    char name[128] = "";
    for (int i = 0; i < 40; i++)
        (void)snprintf(name + 2 * i, sizeof name - 2 * (size_t)i, "\xc3\xa9");
    (void)snprintf(value, sizeof value, RECORD("V", FIELD("%s", "\"int\"")), name);
    const char *columns = columns_of(NULL, value);
    MR_CHECK_U64(strcspn(columns, " "), 63); /* 27 characters, _, 8 digits */
    MR_CHECK(strncmp(columns, name, 54) == 0 && columns[54] == '_');
    MR_CHECK_STR(columns_of(NULL, RECORD("V", FIELD("xmin", "\"int\""))), "xmin_ int4");
    static const char two[] = RECORD("V", FIELD("Id", "\"int\"") "," FIELD("id", "\"int\""));
    MR_CHECK_STR(columns_of(NULL, two), "Id int4, id int4");
    pc.route.identifier_case = 1;
    MR_CHECK_STR(columns_of(NULL, two), "!identifier.collision");
}

/* I-11 */
MR_TEST("a column of another letter case is found, unless a field has it exactly")
{
    plan_case_table(&pc, "Name text");
    MR_CHECK_OK(plan_case_open(&pc, NULL, RECORD("V", FIELD("name", "\"string\""))));
    MR_CHECK_STR(plan_case_columns(&pc), "Name text");
    MR_CHECK_OK(plan_case_open(
        &pc, NULL, RECORD("V", FIELD("name", "\"string\"") "," FIELD("Name", "\"string\""))));
    MR_CHECK_STR(plan_case_columns(&pc), "Name text, name text");
}

/* E-27 */
MR_TEST("a value that is no record fills the column that the route names")
{
    MR_CHECK_STR(columns_of(KEY, "\"string\""), "!value.not_record");
    pc.route.value_column = "payload";
    MR_CHECK_STR(columns_of(KEY, "\"string\""), "payload text, id int4 pk");
    struct mr_slice key = {(const uint8_t *)"\x02", 1};
    MR_CHECK_STR(plan_case_run(&pc, key, (struct mr_slice){(const uint8_t *)"\x02q", 2}), "u{q,1}");
}
