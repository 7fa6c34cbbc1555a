/* Which columns of which connector are known to have lost something before they were sent. */
#include "schemas/losses.h"

#include <stdio.h>
#include <string.h>

#include "schemas/shape.h"
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

static const char envelope[] =
    "{\"type\":\"record\",\"name\":\"Envelope\",\"connect.name\":\"t.Envelope\",\"fields\":["
    "{\"name\":\"after\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Value\",\"fields\":["
    "{\"name\":\"f\",\"type\":%s}]}]},"
    "{\"name\":\"source\",\"type\":{\"type\":\"record\",\"name\":\"Source\",\"namespace\":"
    "\"io.debezium.connector.%s\",\"fields\":[{\"name\":\"lsn\",\"type\":\"long\"}]}},"
    "{\"name\":\"op\",\"type\":\"string\"}]}";
static const char plain[] =
    "{\"type\":\"record\",\"name\":\"V\",\"fields\":[{\"name\":\"f\",\"type\":%s}]}";

#define TIME(kind, type) "{\"type\":\"" type "\",\"connect.name\":\"io.debezium.time." kind "\"}"
#define NULLABLE(type) "[\"null\"," type "]"
#define LIST(type) "{\"type\":\"array\",\"items\":" NULLABLE(type) "}"
#define NUMBER                                                                                     \
    "{\"type\":\"record\",\"name\":\"D\",\"connect.name\":\"io.debezium.data."                     \
    "VariableScaleDecimal\",\"fields\":[{\"name\":\"scale\",\"type\":\"int\"},"                    \
    "{\"name\":\"value\",\"type\":\"bytes\"}]}"
#define DECIMAL "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}"

/* What is told of the field `f`: a word of it; "". connector NULL: a record without an envelope. */
static void check(const char *type, const char *connector, const char *expected)
{
    char text[2048];
    struct mr_shape *shape = NULL;
    struct mr_schema *schema = NULL;
    if (connector != NULL)
        (void)snprintf(text, sizeof text, envelope, type, connector);
    else
        (void)snprintf(text, sizeof text, plain, type);
    struct mr_schema_text source = {.json = text, .len = strlen(text)};
    struct mr_schema_opts opts = {.lenient_names = true};
    MR_CHECK_OK(mr_schema_parse(&source, 1, &opts, &schema, &pc.err));
    struct mr_shape_from from = {.value = schema, .topic = "s.public.t"};
    MR_CHECK_OK(mr_shape_derive(&from, &pc.route, NULL, &shape, &pc.err));
    const struct mr_loss *loss = mr_loss_of(shape, 0);
    if (*expected == '\0' ? loss != NULL : loss == NULL || strstr(loss->what, expected) == NULL)
        MR_FAIL("%s of %s: %s, not %s", type, connector != NULL ? connector : "-",
                loss != NULL ? loss->what : "nothing", *expected != '\0' ? expected : "nothing");
    mr_shape_free(shape);
    mr_schema_unref(schema);
}

/* T-26, T-22, T-09 */
MR_TEST(
    "folded intervals, times in UTC and decimals without scale are told of PostgreSQL's sources")
{
    check(TIME("MicroDuration", "long"), "postgresql", "months");
    check(NULLABLE(TIME("MicroDuration", "long")), "postgresql", "months");
    check(TIME("NanoDuration", "long"), "postgresql", "months");
    check(TIME("ZonedTime", "string"), "postgresql", "offset");
    check(NUMBER, "postgresql", "NaN");
    check(NULLABLE(NUMBER), "postgresql", "NaN");
    check(LIST(NUMBER), "postgresql", "NaN");
    check(LIST(TIME("ZonedTime", "string")), "postgresql", "offset");
}

/* T-27, T-23 */
MR_TEST("what the connector's settings keep is no loss, nor are types that it sends whole")
{
    static const char *const types[] = {
        TIME("Interval", "string"),
        TIME("ZonedTimestamp", "string"),
        TIME("MicroTimestamp", "long"),
        TIME("MicroTime", "long"),
        DECIMAL,
        "\"string\"",
        "\"long\"",
        LIST("\"double\""),
        LIST(DECIMAL),
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        check(types[i], "postgresql", "");
}

MR_TEST("other connectors write the same types for values that they have whole")
{
    check(NUMBER, "oracle", ""); /* NUMBER: neither NaN nor zeros behind the point */
    check(TIME("MicroDuration", "long"), "oracle", "");
    check(TIME("ZonedTime", "string"), "sqlserver", "");
}

MR_TEST("a record without an envelope does not say its connector, and nothing is told")
{
    check(NUMBER, NULL, "");
    check(TIME("MicroDuration", "long"), NULL, "");
}
