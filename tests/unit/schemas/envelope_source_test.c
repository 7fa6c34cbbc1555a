/* Envelopes as each of Debezium's connectors writes them (contract.md E-29, E-31, T-19). The field
 * lists are those of the connectors' SourceInfoStructMaker classes and of MongoDbSchema. */
#include <stdio.h>
#include <stdlib.h>

#include "schemas/envelope.h"
#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

#define F(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define S(name) F(name, "\"string\"")
#define L(name) F(name, "\"long\"")
#define I(name) F(name, "\"int\"")
#define OS(name) "{\"name\":\"" name "\",\"type\":[\"null\",\"string\"],\"default\":null}"
#define OL(name) "{\"name\":\"" name "\",\"type\":[\"null\",\"long\"],\"default\":null}"
#define OI(name) "{\"name\":\"" name "\",\"type\":[\"null\",\"int\"],\"default\":null}"
/* optional with a default of its own: null stands behind the value */
#define SNAPSHOT                                                                                   \
    "{\"name\":\"snapshot\",\"type\":[{\"type\":\"string\",\"connect.version\":1,"                 \
    "\"connect.parameters\":{\"allowed\":\"true,first,first_in_data_collection,"                   \
    "last_in_data_collection,last,false,incremental\"},\"connect.default\":\"false\","             \
    "\"connect.name\":\"io.debezium.data.Enum\"},\"null\"],\"default\":\"false\"}"
#define COMMON                                                                                     \
    S("version")                                                                                   \
    "," S("connector") "," S("name") "," L("ts_ms") "," SNAPSHOT "," S("db") "," OS(               \
        "sequence") "," OL("ts_us") "," OL("ts_ns")
#define SOURCE(space, fields)                                                                      \
    "{\"type\":\"record\",\"name\":\"Source\",\"namespace\":\"io.debezium.connector." space        \
    "\",\"fields\":[" fields "],\"connect.name\":\"io.debezium.connector." space ".Source\"}"
/* a list of fields */
#define L2(a, b) a "," b
#define L4(a, b, c, d) L2(L2(a, b), L2(c, d))
#define ORACLE                                                                                     \
    L4(S("schema"), S("table"), OS("txId"), OS("scn"))                                             \
    "," L4(OS("commit_scn"), OS("lcr_position"), OS("rs_id"),                                      \
           OL("ssn")) "," OI("redo_thread") "," L2(OS("user_name"), OS("redo_sql"))
#define TRANSACTION                                                                                \
    "{\"name\":\"transaction\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"block\","        \
    "\"namespace\":\"event\",\"fields\":[" S("id") "," L("total_order") "," L(                     \
        "data_collection_order") "],\"connect.name\":\"event.block\"}],\"default\":null}"
#define VALUE "{\"type\":\"record\",\"name\":\"Value\",\"fields\":[" I("id") "," OS("a") "]}"
#define TIMES OL("ts_ms") "," OL("ts_us") "," OL("ts_ns")
#define ENVELOPE(source, times)                                                                    \
    "{\"type\":\"record\",\"name\":\"Envelope\",\"namespace\":\"s.t\",\"fields\":["                \
    "{\"name\":\"before\",\"type\":[\"null\"," VALUE "],\"default\":null},"                        \
    "{\"name\":\"after\",\"type\":[\"null\",\"Value\"],\"default\":null}," F(                      \
        "source", source) "," TRANSACTION                                                          \
                          "," S("op") "," times                                                    \
                                      "],\"connect.version\":2,\"connect.name\":\"s.t.Envelope\"}"
#define KEY "{\"type\":\"record\",\"name\":\"Key\",\"fields\":[" I("id") "]}"

static struct plan_case pc;
static struct mr_buf key;
static struct mr_buf value;

MR_SETUP
{
    plan_case_init(&pc);
    mr_buf_reset(&key);
    mr_buf_reset(&value);
}

MR_TEARDOWN
{
    plan_case_release(&pc);
    mr_buf_release(&key);
    mr_buf_release(&value);
}

/* Values parted by blanks: a text, #7 a number, ?x the second branch of a union, !x its first, and
 * alone that branch's null. */
static void put(struct mr_buf *out, const char *values)
{
    char word[128];
    int n = 0;
    for (; sscanf(values, " %127s%n", word, &n) == 1; values += n) {
        const char *at = word;
        if (*at == '?' || *at == '!') {
            wire_long(out, *at++ == '?' ? 1 : 0);
            if (*at == '\0')
                continue;
        }
        if (*at == '#')
            wire_long(out, strtoll(at + 1, NULL, 10));
        else
            wire_text(out, at);
    }
}

/* An envelope with an after of id 7, that source, and what follows it. */
static const char *run(const char *source, const char *end)
{
    mr_buf_reset(&key);
    mr_buf_reset(&value);
    wire_long(&key, 7);
    put(&value, "! ?#7 ?x");
    put(&value, source);
    put(&value, end);
    return plan_case_run(&pc, wire_slice(&key), wire_slice(&value));
}

static bool is_postgres(const char *json)
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_schema *schema;
    struct mr_envelope envelope;
    struct mr_schema_text text = {json, strlen(json)};
    struct mr_schema_opts opts = {.lenient_names = true};
    MR_CHECK_OK(mr_schema_parse(&text, 1, &opts, &schema, &err));
    MR_CHECK_OK(mr_envelope_find(schema, &pc.route, "s.t", &envelope, &err));
    MR_CHECK_INT(envelope.layout, MR_LAYOUT_ENVELOPE);
    mr_schema_unref(schema);
    return envelope.postgres;
}

/* E-01, E-31, T-19 */
MR_TEST("envelopes of every relational connector load, and one alone is known as PostgreSQL's")
{
    static const char common[] = "3.0 c s #1700000000123 !false db1 ! ! !";
    static const struct {
        const char *envelope, *rest;
        bool postgres;
    } cases[] = {
        {ENVELOPE(SOURCE("postgresql", COMMON "," S("schema") "," S("table") "," OL("txId") "," OL(
                                           "lsn") "," OL("xmin")),
                  TIMES),
         "public t ?#700 ?#24000 !", true},
        {ENVELOPE(SOURCE("mysql",
                         COMMON "," OS("table") "," L("server_id") "," OS("gtid") "," S(
                             "file") "," L("pos") "," I("row") "," OL("thread") "," OS("query")),
                  TIMES),
         "?t #223344 ! binlog.000003 #484 #0 ?#7 !", false},
        {ENVELOPE(SOURCE("mariadb",
                         COMMON "," OS("table") "," L("server_id") "," OS("gtid") "," S(
                             "file") "," L("pos") "," I("row") "," OL("thread") "," OS("query")),
                  TIMES),
         "?t #1 ?0-1-5 mariadb-bin.000001 #484 #0 ! !", false},
        {ENVELOPE(
             SOURCE("sqlserver", COMMON "," S("schema") "," S("table") "," OS("change_lsn") "," OS(
                                     "commit_lsn") "," OL("event_serial_no")),
             TIMES),
         "dbo t ?00000027:00000758:0003 ?00000027:00000758:0005 ?#1", false},
        {ENVELOPE(SOURCE("oracle", COMMON "," ORACLE), TIMES),
         "DEBEZIUM T ?6.28.807 ?2122185 ?2122186 ! ?001234.00012345.0124 ?#1 ?#1 ! !", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char source[512];
        (void)snprintf(source, sizeof source, "%s %s", common, cases[i].rest);
        mr_table_unref(pc.table);
        pc.table = NULL;
        MR_CHECK_OK(plan_case_open(&pc, KEY, cases[i].envelope));
        MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text");
        MR_CHECK_STR(run(source, "! c ?#1700000000456 ! !"), "c{7,x}");
        MR_CHECK_INT(pc.decoded.source_ts_ms, 1700000000123);
        MR_CHECK_INT(is_postgres(cases[i].envelope), cases[i].postgres);
    }
}

/* E-31 */
MR_TEST("snapshot, transaction and the times are read over in every form and decide nothing")
{
    static const char text[] = ENVELOPE(SOURCE("postgresql", COMMON), TIMES);
    static const char truth[] = ENVELOPE(
        SOURCE("postgresql", S("version") "," OL("ts_ms") ",{\"name\":\"snapshot\",\"type\":"
                                                          "[\"null\",\"boolean\"]}"),
        OL("ts_ms"));
    static const char none[] = ENVELOPE(SOURCE("postgresql", S("version")), I("other"));
    static const char *const words[] = {"!true",
                                        "!first",
                                        "!first_in_data_collection",
                                        "!last_in_data_collection",
                                        "!last",
                                        "!false",
                                        "!incremental",
                                        "?"};
    MR_CHECK_OK(plan_case_open(&pc, KEY, text));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char source[128];
        (void)snprintf(source, sizeof source, "3.0 c s #5 %s db ?[null,null] ?#5000 ?#5000000",
                       words[i]);
        MR_CHECK_STR(run(source, "! r ! ! !"), "r{7,x}");
        MR_CHECK_STR(run(source, "?tx #2 #1 u ?#1 ?#1000 ?#1000000"), "u{7,x}");
        MR_CHECK_INT(pc.decoded.source_ts_ms, 5);
    }
    MR_CHECK_OK(plan_case_open(&pc, KEY, truth));
    MR_CHECK_STR(run("1.0 ?#9 !", "! c !"), "c{7,x}");
    MR_CHECK_INT(pc.decoded.source_ts_ms, 9);
    mr_buf_reset(&value);
    put(&value, "! ?#7 ?x 1.0 ! ?");
    wire_hex(&value, "01");
    put(&value, "! c !");
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), wire_slice(&value)), "c{7,x}");
    MR_CHECK_INT(pc.decoded.source_ts_ms, -1);
    MR_CHECK_OK(plan_case_open(&pc, KEY, none));
    MR_CHECK_STR(run("1.0", "! c #3"), "c{7,x}");
    MR_CHECK_INT(pc.decoded.source_ts_ms, -1);
}

#define JSON(name)                                                                                 \
    "{\"name\":\"" name "\",\"type\":[\"null\",{\"type\":\"string\",\"connect.version\":1,"        \
    "\"connect.name\":\"io.debezium.data.Json\"}],\"default\":null}"
#define TEXTS                                                                                      \
    "{\"name\":\"removedFields\",\"type\":[\"null\",{\"type\":\"array\",\"items\":\"string\"}],"   \
    "\"default\":null}"
#define CHANGE "io.debezium.connector.mongodb.changestream"
#define UPDATE                                                                                     \
    "{\"name\":\"updateDescription\",\"type\":[\"null\",{\"type\":\"record\",\"name\":"            \
    "\"updatedescription\",\"namespace\":\"" CHANGE "\",\"fields\":[" TEXTS                        \
    "," JSON("updatedFields") ",{\"name\":\"truncatedArrays\",\"type\":[\"null\",{\"type\":"       \
                              "\"array\",\"items\":{\"type\":\"record\",\"name\":"                 \
                              "\"truncatedarray\",\"fields\":[" S("field") "," I(                  \
                                  "size") "]}}],\"default\":null}]}],\"default\":null}"
#define MONGO_SOURCE                                                                               \
    SOURCE("mongo", COMMON                                                                         \
           "," S("collection") "," I("ord") "," OS("lsid") "," OL("txnNumber") "," OL("wallTime"))
#define MONGO_NAME "],\"connect.name\":\"s.db.c.Envelope\"}"
#define MONGO_HEAD                                                                                 \
    "{\"type\":\"record\",\"name\":\"Envelope\",\"namespace\":\"s.db.c\",\"fields\":["
#define MONGO                                                                                      \
    MONGO_HEAD L4(JSON("before"), JSON("after"), UPDATE,                                           \
                  F("source", MONGO_SOURCE)) "," OS("op") "," L2(TIMES, TRANSACTION) MONGO_NAME
#define MONGO_OLD                                                                                  \
    MONGO_HEAD L4(JSON("after"), JSON("patch"), JSON("filter"), F("source", MONGO_SOURCE)) "," OS( \
        "op") "," L2(OL("ts_ms"), TRANSACTION) MONGO_NAME
#define MONGO_KEY "{\"type\":\"record\",\"name\":\"Key\",\"fields\":[" S("id") "]}"
#define MONGO_SOURCE_VALUES "3.0 mongodb s #5 !false db ! ! ! c #1 ! ! !"

static const char *mongo(const char *id, const char *images, const char *end)
{
    mr_buf_reset(&key);
    mr_buf_reset(&value);
    wire_text(&key, id);
    put(&value, images);
    put(&value, MONGO_SOURCE_VALUES);
    put(&value, end);
    return plan_case_run(&pc, wire_slice(&key), wire_slice(&value));
}

/* E-29 */
MR_TEST("MongoDB's envelope is the document as jsonb under its id's extended JSON text")
{
    static const char oid[] = "{\"$oid\":\"596e275826f08b2730779e1f\"}";
    MR_CHECK_OK(plan_case_open(&pc, MONGO_KEY, MONGO));
    MR_CHECK_STR(plan_case_columns(&pc), "doc jsonb, _id text pk");
    MR_CHECK_STR(mongo(oid, "! ?{\"n\":1} !", "?c ?#1 ! ! !"),
                 "c{{\"n\":1},{\"$oid\":\"596e275826f08b2730779e1f\"}}");
    MR_CHECK_STR(mongo("1004", "! ?{\"_id\":1004} !", "?r ! ! ! ?tx #1 #1"),
                 "r{{\"_id\":1004},1004}");
    /* an update tells the fields too; the pre-image is not read */
    mr_buf_reset(&key);
    wire_text(&key, "\"k\"");
    mr_buf_reset(&value);
    put(&value, "?{\"n\":1} ?{\"n\":2} ? ?");
    wire_hex(&value, "02 0261 00"); /* ["a"] */
    put(&value, "?{\"n\":2} ?");
    wire_hex(&value, "02 0262 06 00"); /* [{b, 3}] */
    put(&value, MONGO_SOURCE_VALUES " ?u ! ! ! !");
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), wire_slice(&value)), "u{{\"n\":2},\"k\"}");
    MR_CHECK_STR(mongo("1004", "! ! !", "?u ! ! ! !"), "!envelope.missing_after");
    MR_CHECK_STR(mongo("1004", "! ! !", "?d ! ! ! !"), "d{1004}");
    MR_CHECK_STR(mongo("1004", "! ! !", "! ! ! ! !"), "!envelope.bad_op");
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), PLAN_NULL), "d{1004}");
    MR_CHECK_STR(mongo("1", "! ?{\"n\": !", "?c ! ! ! !"), "!value.invalid_json");
}

/* E-29: Debezium 1.x writes the oplog's patch instead of the document */
MR_TEST("MongoDB's updates by patch alone are put aside, not half applied")
{
    MR_CHECK_OK(plan_case_open(&pc, MONGO_KEY, MONGO_OLD));
    MR_CHECK_STR(mongo("1", "?{\"n\":1} ! !", "?c ! !"), "c{{\"n\":1},1}");
    MR_CHECK_STR(mongo("1", "! ?{\"$set\":{\"n\":2}} ?{\"_id\":1}", "?u ! !"),
                 "!envelope.missing_after");
}
