/* Telling envelopes from rows and bookkeeping (contract.md section 3; cases 73 to 75). */
#include "schemas/envelope.h"

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
#define ROW RECORD("V", FIELD("id", "\"int\""))

static const char *skipped(const char *value)
{
    struct mr_slice none = {(const uint8_t *)"", 0};
    MR_CHECK_OK(plan_case_open(&pc, NULL, value));
    return plan_case_run(&pc, PLAN_NULL, none);
}

/* E-15 to E-19 */
MR_TEST("bookkeeping values are skipped by their schema")
{
    MR_CHECK_STR(
        skipped(RECORD("io.debezium.connector.common.Heartbeat", FIELD("ts_ms", "\"long\""))),
        "skip.heartbeat");
    MR_CHECK_STR(skipped(RECORD("io.debezium.connector.mysql.SchemaChangeValue",
                                FIELD("databaseName", "\"string\""))),
                 "skip.schema_change");
    MR_CHECK_STR(
        skipped(RECORD("S", FIELD("ddl", "\"string\"") "," FIELD("tableChanges", "\"string\""))),
        "skip.schema_change");
    MR_CHECK_STR(skipped(RECORD("S", FIELD("historyRecord", "\"string\""))), "skip.schema_change");
    MR_CHECK_STR(skipped(RECORD("io.debezium.connector.common.TransactionMetadataValue",
                                FIELD("status", "\"string\""))),
                 "skip.transaction");
    MR_CHECK_STR(
        skipped(RECORD("io.debezium.connector.common.Notification", FIELD("id", "\"string\""))),
        "skip.signal");
    MR_CHECK_STR(skipped(RECORD("M", FIELD("op", "\"string\"") "," FIELD(
                                         "message", RECORD("B", FIELD("prefix", "\"string\""))))),
                 "skip.message");
    pc.topic = "__debezium-heartbeat.s";
    MR_CHECK_STR(skipped(RECORD("H", FIELD("ts_ms", "\"long\""))), "skip.heartbeat");
    pc.topic = "s-signal";
    MR_CHECK_STR(skipped(RECORD("G", FIELD("id", "\"string\""))), "skip.signal");
}

static bool is_envelope(const char *value)
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_schema *schema;
    struct mr_shape *shape;
    struct mr_schema_text text = {value, strlen(value)};
    struct mr_schema_opts opts = {.lenient_names = true};
    MR_CHECK_OK(mr_schema_parse(&text, 1, &opts, &schema, &err));
    struct mr_shape_from from = {.value = schema, .topic = "s.t"};
    MR_CHECK_OK(mr_shape_derive(&from, &pc.route, NULL, &shape, &err));
    bool envelope = mr_shape_is_envelope(shape);
    mr_shape_free(shape);
    mr_schema_unref(schema);
    return envelope;
}

MR_TEST("an envelope has op and an image or source, or the name")
{
    static const char full[] =
        RECORD("E", FIELD("op", "\"string\"") "," FIELD("after", "[\"null\"," ROW "]"));
    static const char texts[] =
        RECORD("E", FIELD("op", "\"string\"") "," FIELD("after", "\"string\""));
    MR_CHECK(is_envelope(full));
    MR_CHECK(!is_envelope(texts));
    MR_CHECK(!is_envelope(ROW));
    pc.route.envelope = MR_ENVELOPE_PLAIN;
    MR_CHECK(!is_envelope(full));
}

/* E-18, E-19 */
MR_TEST("transactions and signals are told by their topics, other rows there are rows")
{
    static const char end[] =
        RECORD("T", FIELD("status", "\"string\"") "," FIELD("id", "\"string\"") "," FIELD(
                        "event_count", "[\"null\",\"long\"]"));
    static const char envelope[] =
        RECORD("E", FIELD("op", "\"string\"") "," FIELD("after", "[\"null\"," ROW "]"));
    pc.topic = "s.transaction";
    MR_CHECK_STR(skipped(end), "skip.transaction");
    MR_CHECK(!is_envelope(ROW));
    pc.topic = "s.public.orders";
    MR_CHECK_OK(plan_case_open(&pc, NULL, end));
    MR_CHECK_STR(plan_case_columns(&pc), "status text, id text, event_count int8");
    /* a captured signal table's rows are ordinary rows */
    pc.topic = "s-signal";
    mr_table_unref(pc.table);
    pc.table = NULL;
    MR_CHECK_OK(plan_case_open(&pc, NULL, envelope));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4");
}

/* E-28, F-18 */
MR_TEST("CloudEvents are refused until the operator says plain")
{
    static const char cloud[] =
        RECORD("C", FIELD("specversion", "\"string\"") "," FIELD("data", "\"string\""));
    MR_CHECK_INT(plan_case_open(&pc, NULL, cloud), -MR_ENVELOPE_UNSUPPORTED);
    pc.route.envelope = MR_ENVELOPE_PLAIN;
    MR_CHECK_OK(plan_case_open(&pc, NULL, cloud));
}
