/* Envelopes: what a record asks for (contract.md section 3; cases 58 to 76 of section 10). */
#include "schemas/plan.h"
#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

#define VALUE                                                                                      \
    "{\"type\":\"record\",\"name\":\"Value\",\"fields\":["                                         \
    "{\"name\":\"id\",\"type\":\"int\"},"                                                          \
    "{\"name\":\"a\",\"type\":[\"null\",\"string\"],\"default\":null},"                            \
    "{\"name\":\"b\",\"type\":[\"null\",\"string\"],\"default\":null}]}"
#define SOURCE                                                                                     \
    "{\"type\":\"record\",\"name\":\"Source\",\"namespace\":"                                      \
    "\"io.debezium.connector.postgresql\",\"fields\":["                                            \
    "{\"name\":\"version\",\"type\":\"string\"},{\"name\":\"ts_ms\",\"type\":\"long\"}]}"
#define ENVELOPE                                                                                   \
    "{\"type\":\"record\",\"name\":\"Envelope\",\"namespace\":\"s.public.t\","                     \
    "\"connect.name\":\"s.public.t.Envelope\",\"fields\":["                                        \
    "{\"name\":\"before\",\"type\":[\"null\"," VALUE "],\"default\":null},"                        \
    "{\"name\":\"after\",\"type\":[\"null\",\"Value\"],\"default\":null},"                         \
    "{\"name\":\"source\",\"type\":" SOURCE "},"                                                   \
    "{\"name\":\"op\",\"type\":\"string\"},"                                                       \
    "{\"name\":\"ts_ms\",\"type\":[\"null\",\"long\"],\"default\":null}]}"
#define KEY "{\"type\":\"record\",\"name\":\"Key\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"}]}"

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

/* A row's image; id 0: null. */
static void put_row(int id, const char *a, const char *b)
{
    const char *texts[] = {a, b};
    wire_long(&value, id != 0 ? 1 : 0);
    if (id == 0)
        return;
    wire_long(&value, id);
    for (int i = 0; i < 2; i++) {
        wire_long(&value, texts[i] != NULL ? 1 : 0);
        if (texts[i] != NULL)
            wire_text(&value, texts[i]);
    }
}

static void put_end(const char *op)
{
    wire_text(&value, "3.0");
    wire_long(&value, 1700000000123);
    wire_text(&value, op);
    wire_long(&value, 1);
    wire_long(&value, 1700000000456);
}

static struct mr_slice key_of(int id)
{
    mr_buf_reset(&key);
    wire_long(&key, id);
    return wire_slice(&key);
}

/* before and after have one row each, or none. */
static const char *run(const char *op, int before, int after)
{
    mr_buf_reset(&value);
    put_row(before, "o", "o");
    put_row(after, "x", "y");
    put_end(op);
    return plan_case_run(&pc,
                         key_of(before != 0  ? before
                                : after != 0 ? after
                                             : 1),
                         wire_slice(&value));
}

/* E-01, E-02, E-03, V-11 */
MR_TEST("c, r and u with an after are upserts of it")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text, b text");
    MR_CHECK_STR(run("c", 0, 1), "c{1,x,y}");
    MR_CHECK(pc.decoded.insert);
    MR_CHECK_INT(pc.decoded.source_ts_ms, 1700000000123);
    MR_CHECK_STR(run("r", 0, 2), "r{2,x,y}");
    MR_CHECK_STR(run("u", 3, 3), "u{3,x,y}");
    MR_CHECK(!pc.decoded.insert);
}

/* E-04, E-05, E-07, E-08, E-09; cases 66 to 68 */
MR_TEST("deletes go by the key, and an op without its image is poison")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    MR_CHECK_STR(run("d", 4, 0), "d{4}");
    MR_CHECK_STR(run("d", 0, 0), "d{1}");
    MR_CHECK_STR(run("x", 0, 1), "!envelope.bad_op");
    MR_CHECK_STR(run("", 0, 1), "!envelope.bad_op");
    MR_CHECK_STR(run("c", 0, 0), "!envelope.missing_after");
    MR_CHECK_STR(run("u", 1, 0), "!envelope.missing_after");
    MR_CHECK_STR(run("m", 0, 1), "skip.message");
}

/* E-10, F-31, and what tombstone = "ignore" changes */
MR_TEST("a tombstone deletes by its key")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    MR_CHECK_STR(plan_case_run(&pc, key_of(7), PLAN_NULL), "d{7}");
    MR_CHECK_INT(pc.decoded.op_letter, '-');
    MR_CHECK_STR(plan_case_run(&pc, PLAN_NULL, PLAN_NULL), "skip.empty_record");
    pc.route.tombstone_ignore = true;
    MR_CHECK_OK(plan_case_open(&pc, KEY, NULL));
    MR_CHECK_STR(plan_case_run(&pc, key_of(7), PLAN_NULL), "skip.tombstone");
}

/* E-14; cases 76 to 78 */
MR_TEST("a truncate is applied, skipped or stops, as the route says")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    MR_CHECK_STR(run("t", 0, 0), "t");
    pc.route.truncate = MR_TRUNCATE_SKIP;
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    MR_CHECK_STR(run("t", 0, 0), "skip.truncate");
    pc.route.truncate = MR_TRUNCATE_HALT;
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    MR_CHECK_STR(run("t", 0, 0), "!truncate.halted");
}

/* F-30, E-06, E-07, E-40; case 81 */
MR_TEST("without a record key the key columns come from the row, else changes are poison")
{
    static const char *const columns[] = {"id"};
    mr_buf_reset(&value);
    put_row(0, NULL, NULL);
    put_row(1, "x", NULL);
    put_end("c");
    MR_CHECK_OK(plan_case_open(&pc, NULL, ENVELOPE));
    MR_CHECK_STR(plan_case_run(&pc, PLAN_NULL, wire_slice(&value)), "c{1,x,NULL}");
    MR_CHECK_U64(pc.decoded.key.len, 0);
    mr_buf_reset(&value);
    put_row(1, NULL, NULL);
    put_row(1, "x", NULL);
    put_end("u");
    MR_CHECK_STR(plan_case_run(&pc, PLAN_NULL, wire_slice(&value)), "!envelope.keyless_change");
    plan_case_table(&pc, "id int4 pk, a text, b text");
    MR_CHECK_OK(plan_case_open(&pc, NULL, ENVELOPE));
    MR_CHECK_STR(plan_case_run(&pc, PLAN_NULL, wire_slice(&value)), "!key.missing");
    pc.route.key_columns = columns;
    pc.route.n_key_columns = 1;
    MR_CHECK_OK(plan_case_open(&pc, NULL, ENVELOPE));
    MR_CHECK_STR(plan_case_run(&pc, PLAN_NULL, wire_slice(&value)), "u{1,x,NULL}");
    mr_buf_reset(&value);
    put_row(5, NULL, NULL);
    put_row(0, NULL, NULL);
    put_end("d");
    MR_CHECK_STR(plan_case_run(&pc, PLAN_NULL, wire_slice(&value)), "d{5}");
    mr_buf_reset(&value);
    put_row(0, NULL, NULL);
    put_row(0, NULL, NULL);
    put_end("d");
    MR_CHECK_STR(plan_case_run(&pc, PLAN_NULL, wire_slice(&value)), "!envelope.delete_without_key");
}

/* E-11, E-12; case 88 */
MR_TEST("what before holds is never written and never makes a key change")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    mr_buf_reset(&value);
    put_row(9, "filler", "filler");
    put_row(2, "p", "q");
    put_end("u");
    MR_CHECK_STR(plan_case_run(&pc, key_of(2), wire_slice(&value)), "u{2,p,q}");
}

/* op stands before the images in some producers' envelopes; a delete then never converts `after` */
MR_TEST("the order of the envelope's fields does not matter")
{
    static const char early[] = "{\"type\":\"record\",\"name\":\"E\",\"fields\":["
                                "{\"name\":\"op\",\"type\":[\"null\",\"string\"]},"
                                "{\"name\":\"after\",\"type\":[\"null\"," VALUE "]},"
                                "{\"name\":\"before\",\"type\":[\"null\",\"Value\"]}]}";
    MR_CHECK_OK(plan_case_open(&pc, KEY, early));
    mr_buf_reset(&value);
    wire_long(&value, 1);
    wire_text(&value, "u");
    put_row(3, "x", NULL);
    put_row(0, NULL, NULL);
    MR_CHECK_STR(plan_case_run(&pc, key_of(3), wire_slice(&value)), "u{3,x,NULL}");
    mr_buf_reset(&value);
    wire_long(&value, 1);
    wire_text(&value, "d");
    put_row(3, "bad \xff utf8", NULL);
    put_row(3, NULL, NULL);
    MR_CHECK_STR(plan_case_run(&pc, key_of(3), wire_slice(&value)), "d{3}");
    mr_buf_reset(&value);
    wire_long(&value, 0);
    MR_CHECK_STR(plan_case_run(&pc, key_of(3), wire_slice(&value)), "!envelope.bad_op");
}

#define FLAT(extra)                                                                                \
    "{\"type\":\"record\",\"name\":\"Flat\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"},"       \
    "{\"name\":\"a\",\"type\":\"string\"}" extra "]}"

static struct mr_slice flat(int id, const char *a)
{
    mr_buf_reset(&value);
    wire_long(&value, id);
    wire_text(&value, a);
    return wire_slice(&value);
}

/* E-21 to E-25; cases 70 to 72 */
MR_TEST("flattened records tell deletes by __deleted and __op, which are no columns")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, FLAT(",{\"name\":\"__deleted\",\"type\":\"string\"}")));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text");
    (void)flat(1, "x");
    wire_text(&value, "true");
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)), "d{1}");
    (void)flat(1, "x");
    wire_text(&value, "false");
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)), "u{1,x}");
    MR_CHECK_OK(plan_case_open(&pc, KEY,
                               FLAT(",{\"name\":\"__deleted\",\"type\":[\"null\",\"boolean\"]},"
                                    "{\"name\":\"__op\",\"type\":\"string\"}")));
    (void)flat(1, "filler \xff");
    wire_hex(&value, "02 01");
    wire_text(&value, "u");
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)), "d{1}");
    (void)flat(1, "x");
    wire_hex(&value, "00");
    wire_text(&value, "c");
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)), "c{1,x}");
    (void)flat(1, "x");
    wire_hex(&value, "00");
    wire_text(&value, "zz");
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)), "!envelope.bad_op");
}

static bool op_header(const void *owner, const char *name, struct mr_slice *out)
{
    if (strcmp(name, "__op") != 0)
        return false;
    *out = mr_slice_str(owner);
    return true;
}

static bool plain_header(const void *owner, const char *name, struct mr_slice *out)
{
    if (strcmp(name, "__oop") != 0)
        return false;
    *out = mr_slice_str(owner);
    return true;
}

/* E-24, header form; case 72 */
MR_TEST("the op of a flattened record may stand in a header")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, FLAT("")));
    pc.in.headers = (struct mr_headers){.owner = "d", .last = op_header};
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), flat(1, "x")), "d{1}");
    pc.in.headers.owner = "\"r\"";
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), flat(1, "x")), "r{1,x}");
    pc.in.headers.owner = "{\"schema\":{\"type\":\"string\",\"optional\":false},\"payload\":\"c\"}";
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), flat(1, "x")), "c{1,x}");
    pc.in.headers.owner = "{\"schema\":{\"type\":\"string\"},\"payload\":null}";
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), flat(1, "x")), "!envelope.bad_op");
    pc.in.headers.owner = "upsert";
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), flat(1, "x")), "!envelope.bad_op");
}

/* E-24, E-27 */
MR_TEST("a value that is one column may come with headers, and with an op among them")
{
    pc.route.value_column = "payload";
    MR_CHECK_OK(plan_case_open(&pc, KEY, "\"string\""));
    mr_buf_reset(&value);
    wire_text(&value, "q");
    pc.in.headers = (struct mr_headers){.owner = "d", .last = plain_header};
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)), "u{q,1}");
    pc.in.headers.last = op_header;
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)), "d{1}");
}

/* E-24, E-25 */
MR_TEST("the prefix of a flattened record's fields and header is the route's, __deleted stays")
{
    pc.route.envelope_prefix = "dbz_";
    MR_CHECK_OK(plan_case_open(&pc, KEY,
                               FLAT(",{\"name\":\"dbz_op\",\"type\":\"string\"},"
                                    "{\"name\":\"dbz_source_ts_ms\",\"type\":\"long\"},"
                                    "{\"name\":\"__deleted\",\"type\":\"string\"},"
                                    "{\"name\":\"__note\",\"type\":\"string\"}")));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text, __note text");
    static const struct {
        const char *op, *deleted, *wanted;
    } cases[] = {{"c", "false", "c{1,x,n}"},
                 {"d", "false", "d{1}"},
                 {"u", "true", "d{1}"},
                 {"t", "false", "t"},
                 {"m", "false", "skip.message"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)flat(1, "x");
        wire_text(&value, cases[i].op);
        wire_long(&value, 5);
        wire_text(&value, cases[i].deleted);
        wire_text(&value, "n");
        MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)), cases[i].wanted);
    }
    pc.route.envelope_prefix = "__o";
    MR_CHECK_OK(plan_case_open(&pc, KEY, FLAT("")));
    pc.in.headers = (struct mr_headers){.owner = "d", .last = op_header};
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), flat(1, "x")), "u{1,x}");
    pc.in.headers.last = plain_header;
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), flat(1, "x")), "d{1}");
}

/* E-24, E-25 */
MR_TEST("an empty prefix makes op the envelope's, and deleted a column like any other")
{
    pc.route.envelope_prefix = "";
    MR_CHECK_OK(plan_case_open(&pc, KEY,
                               FLAT(",{\"name\":\"op\",\"type\":\"string\"},"
                                    "{\"name\":\"deleted\",\"type\":\"boolean\"}")));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text, deleted bool");
    (void)flat(1, "x");
    wire_text(&value, "u");
    wire_hex(&value, "01");
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)), "u{1,x,true}");
    (void)flat(1, "x");
    wire_text(&value, "d");
    wire_hex(&value, "00");
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)), "d{1}");
}

/* E-25 */
MR_TEST("a flattened record's own fields become columns where the route names them")
{
    static const struct mr_route_column named[] = {{.field = "__op", .name = "change"}};
    pc.route.columns = named;
    pc.route.n_columns = 1;
    MR_CHECK_OK(plan_case_open(&pc, KEY,
                               FLAT(",{\"name\":\"__op\",\"type\":\"string\"},"
                                    "{\"name\":\"__lsn\",\"type\":\"long\"}")));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text, change text");
    (void)flat(1, "x");
    wire_text(&value, "c");
    wire_long(&value, 5);
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)), "c{1,x,c}");
}

/* E-26: what Debezium's event flattening makes of an insert, an update and a delete of key 1, by
 * delete.tombstone.handling.mode, and of both older settings with the same names */
MR_TEST("every way to unwrap deletes ends with the row deleted, but for the one that drops them")
{
    static const struct {
        const char *mode;
        bool flagged;          /* records have __deleted */
        const char *events[3]; /* of the delete: a row with that flag, or a tombstone "" */
        const char *wanted[3];
    } modes[] = {
        {"drop", false, {NULL}, {NULL}},
        {"tombstone", false, {""}, {"d{1}"}},
        {"rewrite", true, {"true"}, {"d{1}"}},
        {"rewrite-with-tombstone", true, {"true", ""}, {"d{1}", "d{1}"}},
        {"delete-to-tombstone", false, {""}, {"d{1}"}},
    };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        mr_table_unref(pc.table);
        pc.table = NULL;
        MR_CHECK_OK(plan_case_open(
            &pc, KEY,
            modes[i].flagged ? FLAT(",{\"name\":\"__deleted\",\"type\":\"string\"}") : FLAT("")));
        MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text");
        for (int k = 0; k < 2; k++) {
            (void)flat(1, k == 0 ? "x" : "y");
            if (modes[i].flagged)
                wire_text(&value, "false");
            MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)),
                         k == 0 ? "u{1,x}" : "u{1,y}");
        }
        for (int k = 0; k < 3 && modes[i].events[k] != NULL; k++) {
            (void)flat(1, "");
            wire_text(&value, modes[i].events[k]);
            bool tombstone = modes[i].events[k][0] == '\0';
            MR_CHECK_STR(plan_case_run(&pc, key_of(1), tombstone ? PLAN_NULL : wire_slice(&value)),
                         modes[i].wanted[k]);
        }
    }
}

/* S-43, case 29 */
MR_TEST("bytes behind the datum are poison, in key and value")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, FLAT("")));
    (void)flat(1, "x");
    wire_hex(&value, "00");
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)), "!avro.trailing");
    (void)key_of(1);
    wire_hex(&key, "00");
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), flat(1, "x")), "!avro.trailing");
}

/* F-15, G-06 */
MR_TEST("a record over the limit is refused before it is read")
{
    pc.route.max_record_bytes = 8;
    MR_CHECK_OK(plan_case_open(&pc, KEY, FLAT("")));
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), flat(1, "12345")), "u{1,12345}");
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), flat(1, "123456")), "!framing.too_large");
}

/* R-26; meta columns */
MR_TEST("append keeps every change as a row, with its op, meta and what was unavailable")
{
    static const struct mr_route_meta meta[] = {{MR_META_OFFSET, "off"}, {MR_META_TS, "at"}};
    pc.route.strategy = MR_STRATEGY_APPEND;
    pc.route.meta = meta;
    pc.route.n_meta = 2;
    pc.in.offset = 42;
    pc.in.timestamp_ms = 1500;
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    MR_CHECK_STR(plan_case_columns(&pc), "id int4, a text, b text, _op text, _unavailable text[], "
                                         "off int8, at timestamptz");
    MR_CHECK_STR(run("c", 0, 1), "a{1,x,y,c,NULL,42,1970-01-01 00:00:01.5+00}");
    MR_CHECK_STR(run("d", 3, 0), "a{3,o,o,d,NULL,42,1970-01-01 00:00:01.5+00}");
    MR_CHECK_STR(run("d", 0, 0), "a{1,NULL,NULL,d,NULL,42,1970-01-01 00:00:01.5+00}");
    MR_CHECK_STR(run("t", 0, 0), "a{1,NULL,NULL,t,NULL,42,1970-01-01 00:00:01.5+00}");
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), PLAN_NULL), "skip.tombstone");
    mr_buf_reset(&value);
    put_row(0, NULL, NULL);
    put_row(1, "__debezium_unavailable_value", "y");
    put_end("u");
    MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)),
                 "a{1,~,y,u,{a},42,1970-01-01 00:00:01.5+00}");
    MR_CHECK_OK(plan_case_open(&pc, KEY, NULL));
    MR_CHECK_STR(plan_case_run(&pc, key_of(5), PLAN_NULL),
                 "a{5,d,NULL,42,1970-01-01 00:00:01.5+00}");
}

/* some producers give before a type of its own */
MR_TEST("append takes before by its own type, whatever fields it has and in which order")
{
    pc.route.strategy = MR_STRATEGY_APPEND;
    MR_CHECK_OK(plan_case_open(
        &pc, KEY,
        "{\"type\":\"record\",\"name\":\"E\",\"connect.name\":\"x.Envelope\",\"fields\":["
        "{\"name\":\"before\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Old\","
        "\"fields\":[{\"name\":\"b\",\"type\":\"string\"},{\"name\":\"id\",\"type\":\"int\"},"
        "{\"name\":\"gone\",\"type\":\"string\"}]}]},"
        "{\"name\":\"after\",\"type\":[\"null\"," VALUE "]},"
        "{\"name\":\"op\",\"type\":\"string\"}]}"));
    for (int i = 0; i < 2; i++) {
        mr_buf_reset(&value);
        wire_hex(&value, "00");
        put_row(1, "x", "y");
        wire_text(&value, "c");
        MR_CHECK_STR(plan_case_run(&pc, key_of(1), wire_slice(&value)), "a{1,x,y,c,NULL}");
        mr_buf_reset(&value);
        wire_hex(&value, "02");
        wire_text(&value, "old b");
        wire_long(&value, 7);
        wire_text(&value, "-");
        wire_hex(&value, "00");
        wire_text(&value, "d");
        MR_CHECK_STR(plan_case_run(&pc, key_of(7), wire_slice(&value)), "a{7,NULL,old b,d,NULL}");
    }
}

/* E-29 */
MR_TEST("a document envelope fills _id and doc")
{
    MR_CHECK_OK(plan_case_open(
        &pc,
        "{\"type\":\"record\",\"name\":\"Key\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"}]}",
        "{\"type\":\"record\",\"name\":\"E\",\"connect.name\":\"x.Envelope\",\"fields\":["
        "{\"name\":\"after\",\"type\":[\"null\",{\"type\":\"string\",\"connect.name\":"
        "\"io.debezium.data.Json\"}]},{\"name\":\"op\",\"type\":\"string\"}]}"));
    MR_CHECK_STR(plan_case_columns(&pc), "doc jsonb, _id text pk");
    wire_text(&key, "7");
    wire_hex(&value, "02");
    wire_text(&value, "{\"n\":1}");
    wire_text(&value, "c");
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), wire_slice(&value)), "c{{\"n\":1},7}");
    mr_buf_reset(&value);
    wire_hex(&value, "00");
    wire_text(&value, "u");
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), wire_slice(&value)),
                 "!envelope.missing_after");
    mr_buf_reset(&value);
    wire_hex(&value, "00");
    wire_text(&value, "d");
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), wire_slice(&value)), "d{7}");
}
