/* Semantic names and default columns (contract.md S-13 to S-15, T-08, T-33). */
#include "schemas/semantic.h"

#include <stdio.h>

#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

static const char *column_of(const char *type)
{
    static char text[128];
    char schema[1024];
    struct plan_case pc;
    plan_case_init(&pc);
    (void)snprintf(schema, sizeof schema,
                   "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"v\",\"type\":%s}]}",
                   type);
    MR_CHECK_OK(plan_case_open(&pc, NULL, schema));
    (void)snprintf(text, sizeof text, "%s", plan_case_columns(&pc) + 2);
    plan_case_release(&pc);
    return text;
}

/* S-14 */
MR_TEST("connect.name decides before logicalType, logicalType before the bare type")
{
    MR_CHECK_STR(column_of("{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"),
                 "timestamptz");
    MR_CHECK_STR(column_of("{\"type\":\"long\",\"logicalType\":\"timestamp-millis\","
                           "\"connect.name\":\"org.apache.kafka.connect.data.Timestamp\"}"),
                 "timestamp");
    MR_CHECK_STR(column_of("{\"type\":\"long\",\"connect.name\":\"my.Own\"}"), "int8");
    MR_CHECK_STR(column_of("{\"type\":\"string\",\"connect.name\":\"io.debezium.time.Date\"}"),
                 "text");
    MR_CHECK_STR(column_of("{\"type\":\"int\",\"connect.type\":\"int8\"}"), "int2");
    MR_CHECK_STR(column_of("{\"type\":\"int\",\"logicalType\":\"uuid\"}"), "int4");
}

/* T-08 */
MR_TEST("a decimal's precision is the source's, never the converter's filler")
{
    static const char format[] =
        "{\"type\":\"bytes\",\"connect.name\":\"org.apache.kafka.connect.data.Decimal\","
        "\"logicalType\":\"decimal\",\"precision\":%s,\"scale\":2,\"connect.parameters\":"
        "{\"scale\":\"2\"%s}}";
    char type[512];
    (void)snprintf(type, sizeof type, format, "9", "");
    MR_CHECK_STR(column_of(type), "numeric(9,2)");
    (void)snprintf(type, sizeof type, format, "64", "");
    MR_CHECK_STR(column_of(type), "numeric");
    (void)snprintf(type, sizeof type, format, "64", ",\"connect.decimal.precision\":\"12\"");
    MR_CHECK_STR(column_of(type), "numeric(12,2)");
    (void)snprintf(type, sizeof type, format, "1001", "");
    MR_CHECK_STR(column_of(type), "numeric");
}

/* T-33, S-20, T-60 */
MR_TEST("bits, arrays and nested values have their columns")
{
    static const char bits[] = "{\"type\":\"bytes\",\"connect.name\":\"io.debezium.data.Bits\","
                               "\"connect.parameters\":{\"length\":\"%s\"}}";
    char type[256];
    (void)snprintf(type, sizeof type, bits, "5");
    MR_CHECK_STR(column_of(type), "bit(5)");
    (void)snprintf(type, sizeof type, bits, "2147483647");
    MR_CHECK_STR(column_of(type), "varbit");
    MR_CHECK_STR(column_of("{\"type\":\"array\",\"items\":\"string\"}"), "text[]");
    MR_CHECK_STR(column_of("{\"type\":\"array\",\"items\":[\"null\",\"long\"]}"), "int8[]");
    MR_CHECK_STR(column_of("{\"type\":\"array\",\"items\":[\"int\",\"string\"]}"), "jsonb");
    MR_CHECK_STR(column_of("{\"type\":\"map\",\"values\":\"int\"}"), "jsonb");
    MR_CHECK_STR(column_of("[\"int\",\"string\"]"), "jsonb");
}

MR_TEST("a cast is known by PostgreSQL's names in any letter case")
{
    struct mr_coltype type;
    MR_CHECK(mr_semantic_cast("Double Precision", &type));
    MR_CHECK_INT(type.type, MR_T_FLOAT8);
    MR_CHECK(!mr_semantic_cast("inet", &type));
}
