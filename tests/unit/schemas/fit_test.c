/* How a shape's columns fit a table, and that it agrees with what the compiler refuses. */
#include "schemas/fit.h"

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

#define FIELD(type)                                                                                \
    "{\"type\":\"record\",\"name\":\"V\",\"fields\":[{\"name\":\"f\",\"type\":" type "}]}"
#define STRING "\"string\""
#define LONG "\"long\""
#define DATE "{\"type\":\"int\",\"logicalType\":\"date\"}"
#define ZONED "{\"type\":\"string\",\"connect.name\":\"io.debezium.time.ZonedTimestamp\"}"
#define LONGS "{\"type\":\"array\",\"items\":\"long\"}"

static struct mr_schema *parsed(const char *json)
{
    struct mr_schema *schema = NULL;
    struct mr_schema_text text = {.json = json, .len = strlen(json)};
    struct mr_schema_opts opts = {.lenient_names = true};
    MR_CHECK_OK(mr_schema_parse(&text, 1, &opts, &schema, &pc.err));
    return schema;
}

static void check(const char *value, const char *table, enum mr_fit expected, const char *source)
{
    struct mr_shape *shape = NULL;
    struct mr_shape_from from = {.value = parsed(value)};
    int column = -1;
    plan_case_table(&pc, table);
    MR_CHECK_OK(mr_shape_derive(&from, &pc.route, pc.table, &shape, &pc.err));
    enum mr_fit fit = mr_fit_of(shape, 0, pc.table, &column);
    if (fit != expected)
        MR_FAIL("%s into %s: %s, not %s", value, table, mr_fit_name(fit), mr_fit_name(expected));
    MR_CHECK_STR(mr_fit_source(shape, 0), source);
    struct mr_plan *plan = NULL;
    mr_err_clear(&pc.err);
    int rc = mr_plan_compile(shape, pc.table, pc.emit, &pc.route, &plan, &pc.err);
    if (fit == MR_FIT_INCOMPATIBLE)
        MR_CHECK_INT(rc, -MR_TYPE_INCOMPATIBLE);
    else if (fit != MR_FIT_ABSENT)
        MR_CHECK_OK(rc);
    mr_plan_unref(plan);
    mr_shape_free(shape);
    mr_schema_unref(from.value);
}

/* */
MR_TEST("a conversion is exact, checked, cast, or not there, as the compiler has it")
{
    check(FIELD(LONG), "f int8", MR_FIT_EXACT, "long");
    check(FIELD(LONG), "f text", MR_FIT_EXACT, "long");
    check(FIELD(LONG), "f jsonb", MR_FIT_EXACT, "long");
    check(FIELD(LONG), "f int4", MR_FIT_CHECKED, "long");
    check(FIELD(LONG), "f date", MR_FIT_INCOMPATIBLE, "long");
    check(FIELD("\"int\""), "f int8", MR_FIT_EXACT, "int");
    check(FIELD(STRING), "f text", MR_FIT_EXACT, "string");
    check(FIELD(STRING), "f varchar(9)", MR_FIT_CHECKED, "string");
    check(FIELD(STRING), "f jsonb", MR_FIT_CHECKED, "string");
    check(FIELD(STRING), "f other", MR_FIT_CAST, "string");
    check(FIELD(DATE), "f date", MR_FIT_EXACT, "date");
    check(FIELD(DATE), "f bool", MR_FIT_INCOMPATIBLE, "date");
    check(FIELD(ZONED), "f timestamptz", MR_FIT_EXACT, "io.debezium.time.ZonedTimestamp");
    check(FIELD(LONGS), "f int8[]", MR_FIT_EXACT, "array");
    check(FIELD(LONGS), "f int4[]", MR_FIT_CHECKED, "array");
    check(FIELD(LONGS), "f date[]", MR_FIT_INCOMPATIBLE, "array");
}

/* V-01, V-15 */
MR_TEST("a generated column is not loaded, and one that is not there is absent")
{
    check(FIELD(LONG), "f int8 generated", MR_FIT_GENERATED, "long");
    check(FIELD(LONG), "g int8", MR_FIT_ABSENT, "long");
}

/* P5: lossy only by name */
MR_TEST("a cast of the route allows what loses information")
{
    struct mr_route_column columns[] = {{.field = "f", .cast = "real"}};
    check(FIELD("\"double\""), "f float4", MR_FIT_INCOMPATIBLE, "double");
    pc.route.columns = columns;
    pc.route.n_columns = 1;
    check(FIELD("\"double\""), "f float4", MR_FIT_LOSSY, "double");
}
