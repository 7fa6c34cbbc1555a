/* Logical types and Connect's attributes: contract.md S-13, S-14. */
#include <stdio.h>

#include "tests/support/mr_test.h"
#include "tests/support/parsed_schema.h"

MR_SETUP
{
    parsed_setup();
}

MR_TEARDOWN
{
    parsed_teardown();
}

static enum mr_logical logical_of(const char *type)
{
    return parsed_root(type)->props.logical;
}

/* S-13 */
MR_TEST("logical types are known on their base and ignored elsewhere")
{
    static const struct {
        const char *name, *base;
        enum mr_logical logical;
    } good[] = {
        {"uuid", "string", MR_LOGICAL_UUID},
        {"date", "int", MR_LOGICAL_DATE},
        {"time-millis", "int", MR_LOGICAL_TIME_MILLIS},
        {"time-micros", "long", MR_LOGICAL_TIME_MICROS},
        {"timestamp-millis", "long", MR_LOGICAL_TIMESTAMP_MILLIS},
        {"timestamp-micros", "long", MR_LOGICAL_TIMESTAMP_MICROS},
        {"timestamp-nanos", "long", MR_LOGICAL_TIMESTAMP_NANOS},
        {"local-timestamp-millis", "long", MR_LOGICAL_LOCAL_TIMESTAMP_MILLIS},
        {"local-timestamp-micros", "long", MR_LOGICAL_LOCAL_TIMESTAMP_MICROS},
        {"local-timestamp-nanos", "long", MR_LOGICAL_LOCAL_TIMESTAMP_NANOS},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"type\":\"%s\",\"logicalType\":\"%s\"}", good[i].base,
                 good[i].name);
        MR_CHECK_INT(logical_of(text), good[i].logical);
        snprintf(text, sizeof text, "{\"type\":\"boolean\",\"logicalType\":\"%s\"}", good[i].name);
        MR_CHECK_INT(logical_of(text), MR_LOGICAL_NONE);
    }
    MR_CHECK_INT(logical_of("{\"type\":\"int\",\"logicalType\":\"timestamp-millis\"}"),
                 MR_LOGICAL_NONE);
    MR_CHECK_INT(logical_of("{\"type\":\"null\",\"logicalType\":\"date\"}"), MR_LOGICAL_NONE);
    MR_CHECK_INT(logical_of("{\"type\":\"long\",\"logicalType\":\"other\"}"), MR_LOGICAL_NONE);
    MR_CHECK_INT(logical_of("{\"type\":\"long\",\"logicalType\":7}"), MR_LOGICAL_NONE);
    MR_CHECK_INT(
        logical_of("{\"type\":\"fixed\",\"name\":\"D\",\"size\":12,\"logicalType\":\"duration\"}"),
        MR_LOGICAL_DURATION);
    MR_CHECK_INT(
        logical_of("{\"type\":\"fixed\",\"name\":\"D\",\"size\":11,\"logicalType\":\"duration\"}"),
        MR_LOGICAL_NONE);
    MR_CHECK_INT(
        logical_of("{\"type\":\"fixed\",\"name\":\"U\",\"size\":16,\"logicalType\":\"uuid\"}"),
        MR_LOGICAL_UUID);
    MR_CHECK_INT(
        logical_of("{\"type\":\"fixed\",\"name\":\"U\",\"size\":15,\"logicalType\":\"uuid\"}"),
        MR_LOGICAL_NONE);
}

/* S-13 */
MR_TEST("a decimal needs a positive precision, a scale within it, and room in its fixed")
{
    static const struct {
        const char *attributes;
        int32_t precision, scale; /* -1: not a decimal */
    } cases[] = {
        {"\"precision\":5,\"scale\":2", 5, 2},
        {"\"precision\":5", 5, 0},
        {"\"precision\":5,\"scale\":5", 5, 5},
        {"\"precision\":5,\"scale\":6", -1, 0},
        {"\"precision\":0", -1, 0},
        {"\"precision\":-1", -1, 0},
        {"\"precision\":5,\"scale\":-1", -1, 0},
        {"\"precision\":\"5\"", -1, 0},
        {"\"precision\":4294967297", -1, 0},
        {"\"scale\":2", -1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[160];
        snprintf(text, sizeof text, "{\"type\":\"bytes\",\"logicalType\":\"decimal\",%s}",
                 cases[i].attributes);
        const struct mr_avro_props *props = &parsed_root(text)->props;
        MR_CHECK_INT(props->precision, cases[i].precision);
        MR_CHECK_INT(props->scale, cases[i].scale);
        MR_CHECK_INT(props->logical, cases[i].precision > 0 ? MR_LOGICAL_DECIMAL : MR_LOGICAL_NONE);
    }
    /* Avro's own example: 4 bytes hold 9 digits, 16 bytes hold 38. */
    static const struct {
        int size, precision;
        enum mr_logical logical;
    } fixed[] = {
        {4, 9, MR_LOGICAL_DECIMAL}, {4, 10, MR_LOGICAL_NONE},   {16, 38, MR_LOGICAL_DECIMAL},
        {16, 39, MR_LOGICAL_NONE},  {3, 6, MR_LOGICAL_DECIMAL}, {3, 7, MR_LOGICAL_NONE},
        {1, 2, MR_LOGICAL_DECIMAL}, {1, 3, MR_LOGICAL_NONE},    {0, 1, MR_LOGICAL_NONE}};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        char text[160];
        snprintf(text, sizeof text,
                 "{\"type\":\"fixed\",\"name\":\"F\",\"size\":%d,\"logicalType\":\"decimal\","
                 "\"precision\":%d}",
                 fixed[i].size, fixed[i].precision);
        MR_CHECK_INT(logical_of(text), fixed[i].logical);
    }
}

/* S-14 */
MR_TEST("Connect's attributes are read from the type, and from the field of a primitive")
{
    const struct mr_avro_field *fields = parsed_fields(
        "{\"name\":\"a\",\"type\":{\"type\":\"bytes\",\"connect.name\":"
        "\"org.apache.kafka.connect.data.Decimal\",\"connect.parameters\":{\"scale\":\"2\","
        "\"n\":7},\"connect.version\":1}},"
        "{\"name\":\"b\",\"type\":[\"null\",{\"type\":\"int\",\"connect.type\":\"int16\"}]},"
        "{\"name\":\"c\",\"type\":\"int\",\"connect.name\":\"io.debezium.time.Date\"},"
        "{\"name\":\"d\",\"type\":[\"null\",\"long\"],\"logicalType\":\"timestamp-micros\"},"
        "{\"name\":\"e\",\"type\":{\"type\":\"int\",\"connect.name\":\"type.wins\"},"
        "\"connect.name\":\"field\",\"connect.parameters\":{\"x\":\"y\"},\"connect.type\":\"int8\"}"
        ","
        "{\"name\":\"g\",\"type\":{\"type\":\"array\",\"items\":\"int\"},"
        "\"connect.name\":\"not.a.primitive\"}");
    MR_CHECK_STR(fields[0].props.connect_name, "org.apache.kafka.connect.data.Decimal");
    MR_CHECK_STR(mr_avro_param(&fields[0].props, "scale"), "2");
    MR_CHECK_STR(mr_avro_param(&fields[0].props, "n"), "7");
    MR_CHECK(mr_avro_param(&fields[0].props, "none") == NULL);
    MR_CHECK_STR(fields[1].props.connect_type, "int16");
    MR_CHECK_STR(fields[2].props.connect_name, "io.debezium.time.Date");
    MR_CHECK(fields[2].type->props.connect_name == NULL);
    MR_CHECK_INT(fields[3].props.logical, MR_LOGICAL_TIMESTAMP_MICROS);
    MR_CHECK_STR(fields[4].props.connect_name, "type.wins");
    MR_CHECK_INT(fields[4].props.n_params, 0);
    MR_CHECK_STR(fields[4].props.connect_type, "int8");
    MR_CHECK(fields[5].props.connect_name == NULL);
}
