/* The key that a row had before, and what one row of a table without a key must equal (contract.md
 * U-30, E-12, E-13, E-40), and nulls that are no values (U-13, U-16). */
#include <stdio.h>

#include "schemas/plan.h"
#include "tests/support/emit_text.h"
#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

#define P "__debezium_unavailable_value"
#define ROW(key_type)                                                                              \
    "{\"type\":\"record\",\"name\":\"Value\",\"fields\":["                                         \
    "{\"name\":\"id\",\"type\":" key_type "},"                                                     \
    "{\"name\":\"a\",\"type\":[\"null\",\"string\"]},"                                             \
    "{\"name\":\"b\",\"type\":[\"null\",\"string\"]}]}"
#define ENVELOPE_OF(key_type)                                                                      \
    "{\"type\":\"record\",\"name\":\"Envelope\",\"connect.name\":\"s.public.t.Envelope\","         \
    "\"fields\":[{\"name\":\"before\",\"type\":[\"null\"," ROW(                                    \
        key_type) "]},"                                                                            \
                  "{\"name\":\"after\",\"type\":[\"null\",\"Value\"]},"                            \
                  "{\"name\":\"op\",\"type\":\"string\"}]}"
#define KEY_OF(key_type)                                                                           \
    "{\"type\":\"record\",\"name\":\"Key\",\"fields\":[{\"name\":\"id\",\"type\":" key_type "}]}"
#define ENVELOPE ENVELOPE_OF("\"int\"")
#define KEY KEY_OF("\"int\"")

static struct plan_case pc;
static const char *header_name;
static struct mr_buf key;
static struct mr_buf value;
static struct mr_slice raw_key; /* data NULL: not told */

MR_SETUP
{
    raw_key = (struct mr_slice){NULL, 0};
    plan_case_init(&pc);
    header_name = "__debezium.oldkey";
    mr_buf_reset(&key);
    mr_buf_reset(&value);
}

MR_TEARDOWN
{
    plan_case_release(&pc);
    mr_buf_release(&key);
    mr_buf_release(&value);
}

static void put_row(int id, const char *a, const char *b)
{
    const char *const texts[] = {a, b};
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

/* An event of key `id`; 0: without a key. */
static const char *run(const char *op, int id)
{
    wire_text(&value, op);
    mr_buf_reset(&key);
    if (id != 0)
        wire_long(&key, id);
    struct mr_slice body = id != 0 ? wire_slice(&key) : PLAN_NULL;
    pc.in.raw_key = raw_key;
    if (raw_key.data != NULL) /* framed by five bytes */
        body = (struct mr_slice){raw_key.data + 5, raw_key.len - 5};
    const char *text = plan_case_run(&pc, body, wire_slice(&value));
    mr_buf_reset(&value);
    return text;
}

static struct mr_slice header;

static bool last_header(const void *owner, const char *name, struct mr_slice *out)
{
    (void)owner;
    if (strcmp(name, header_name) != 0)
        return false;
    *out = header;
    return true;
}

static void set_header(struct mr_slice text)
{
    header = text;
    pc.in.headers = (struct mr_headers){.owner = "", .last = last_header};
}

/* The old key of a masked create of row 2, or "". */
static const char *old_key(struct mr_slice text)
{
    set_header(text);
    put_row(0, NULL, NULL);
    put_row(2, "x", P);
    MR_CHECK_STR(run("c", 2), "c{2,x,~}");
    return pc.decoded.old_key.data != NULL ? mr_emit_text_tuple(pc.decoded.old_key_tuple, NULL)
                                           : "";
}

/* U-30 */
MR_TEST("the old key is read from each form that header converters write")
{
    static const uint8_t raw[] = {0, 0, 0, 0, 7, 4};
    static const uint8_t framed[] = {0, 0, 0, 0, 7, 2};
    static const uint8_t other_id[] = {0, 0, 0, 0, 8, 2};
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    MR_CHECK_STR(old_key(mr_slice_str("{\"id\":1}")), "{1}");
    MR_CHECK_STR(old_key(mr_slice_str("{\"schema\":{\"type\":\"struct\"},\"payload\":{\"id\":1}}")),
                 "{1}");
    MR_CHECK_STR(old_key((struct mr_slice){framed, sizeof framed}), ""); /* whose id? */
    raw_key = (struct mr_slice){raw, sizeof raw};
    MR_CHECK_STR(old_key((struct mr_slice){framed, sizeof framed}), "{1}");
    MR_CHECK_STR(old_key((struct mr_slice){other_id, sizeof other_id}), "");
    MR_CHECK(pc.decoded.key_tuple.len > 0);
    MR_CHECK(!pc.decoded.key_changed);
}

/* U-30, S-01 */
MR_TEST("a key that was resolved is no measure of its header's frame")
{
    static const uint8_t raw[] = {0, 0, 0, 0, 7, 2, 4};
    static const uint8_t framed[] = {0, 0, 0, 0, 7, 2, 2};
    static const uint8_t resolved[] = {2};
    struct mr_slice body;
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    /* the plan's key is shorter than the writer's, by a byte that the frame seems to have */
    pc.in.raw_key = (struct mr_slice){raw, sizeof raw};
    set_header((struct mr_slice){framed, sizeof framed});
    put_row(0, NULL, NULL);
    put_row(2, "x", P);
    wire_text(&value, "c");
    wire_long(&key, 2);
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), wire_slice(&value)), "c{2,x,~}");
    MR_CHECK(pc.decoded.old_key.data == NULL);
    pc.in.key = (struct mr_slice){raw + 5, 2};
    MR_CHECK(mr_decode_old_framed(&pc.in, &body));
    MR_CHECK_MEM(body.data, framed + 5, 2);
    pc.in.old_key = (struct mr_slice){resolved, sizeof resolved};
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), wire_slice(&value)), "c{2,x,~}");
    MR_CHECK_STR(mr_emit_text_tuple(pc.decoded.old_key_tuple, NULL), "{1}");
}

/* U-30 */
MR_TEST("a header that cannot be read, or names the same key, gives no old key")
{
    static const char *const texts[] = {
        "{\"id\":\"1\"}",      "{\"ix\":1}", "{\"id\":1.5}", "{\"id\":null}",
        "{\"id\":{}}",         "{\"id\":1",  "[1]",          "{\"id\":2}",
        "{\"id\":4294967296}", "\"",         "{\"id\":tru}"};
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        MR_CHECK_STR(old_key(mr_slice_str(texts[i])), "");
    MR_CHECK_STR(old_key((struct mr_slice){NULL, 0}), "");
    MR_CHECK_STR(old_key(mr_slice_str("")), "");
}

#define VAR_DECIMAL                                                                                \
    "{\"type\":\"record\",\"name\":\"D\",\"connect.name\":\"io.debezium.data."                     \
    "VariableScaleDecimal\",\"fields\":[{\"name\":\"scale\",\"type\":\"int\"},{\"name\":"          \
    "\"value\","                                                                                   \
    "\"type\":\"bytes\"}]}"

/* U-30: bytes base64; strings with backslash and quote escaped only */
MR_TEST("strings, bytes and other types of keys are read exactly from a header")
{
    static const struct {
        const char *type;
        const char *own; /* Avro bytes of the record's key, hex */
        const char *text;
        const char *old;
    } cases[] = {
        {"\"string\"", "02 7a", "{\"id\":\"a\\\\b\\\"c\n\"}", "{a\\b\"c\n}"},
        {"\"bytes\"", "02 7a", "{\"id\":\"AQI=\"}", "{\\x0102}"},
        {"\"bytes\"", "02 7a", "{\"id\":\"AQI\"}", "{\\x0102}"},
        {"\"bytes\"", "02 7a", "{\"id\":\"A*==\"}", ""},
        {"\"long\"", "02", "{\"id\":-9223372036854775808}", "{-9223372036854775808}"},
        {"\"boolean\"", "00", "{\"id\":true}", "{true}"},
        {"[\"null\",\"long\"]", "02 02", "{\"id\":300}", "{300}"},
        {"[\"long\",\"null\"]", "00 02", "{\"id\":300}", "{300}"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"u\",\"v\"]}", "00", "{\"id\":\"v\"}",
         "{v}"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "7a 7a", "{\"id\":\"AQI=\"}",
         "{\\x0102}"},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":5,\"scale\":2}", "02 05",
         "{\"id\":1.50}", "{1.50}"},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":5,\"scale\":2}", "02 05",
         "{\"id\":1.505}", ""},
        {VAR_DECIMAL, "02 02 05", "{\"id\":1.50}", "{1.50}"},
        {VAR_DECIMAL, "02 02 05", "{\"id\":{\"scale\":2,\"value\":\"AJY=\"}}", "{1.50}"},
        {VAR_DECIMAL, "02 02 05", "{\"id\":{\"scale\":2}}", ""},
        {"{\"type\":\"int\",\"connect.name\":\"io.debezium.time.Date\"}", "02", "{\"id\":18262}",
         "{2020-01-01}"},
        {"{\"type\":\"int\",\"logicalType\":\"date\"}", "02", "{\"id\":18262}", "{2020-01-01}"},
        /* printed in the worker's own zone: which day it was is not said */
        {"{\"type\":\"int\",\"logicalType\":\"date\"}", "02", "{\"id\":2020-01-01}", ""},
        {"{\"type\":\"int\",\"default\":5}", "02", "{}", ""},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":5,\"scale\":2}", "02 05",
         "{\"id\":\"AJY=\"}", "{1.50}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char schema[256];
        (void)snprintf(schema, sizeof schema,
                       "{\"type\":\"record\",\"name\":\"Key\",\"fields\":[{\"name\":\"id\","
                       "\"type\":%s}]}",
                       cases[i].type);
        plan_case_release(&pc);
        plan_case_init(&pc);
        MR_CHECK_OK(plan_case_open(&pc, schema,
                                   "{\"type\":\"record\",\"name\":\"V\",\"fields\":["
                                   "{\"name\":\"a\",\"type\":\"string\"}]}"));
        set_header(mr_slice_str(cases[i].text));
        mr_buf_reset(&key);
        mr_buf_reset(&value);
        wire_hex(&key, cases[i].own);
        wire_text(&value, P);
        MR_CHECK(strchr(plan_case_run(&pc, wire_slice(&key), wire_slice(&value)), '~') != NULL);
        MR_CHECK_STR(pc.decoded.old_key.data != NULL
                         ? mr_emit_text_tuple(pc.decoded.old_key_tuple, NULL)
                         : "",
                     cases[i].old);
    }
}

/* U-30: the common path does not pay */
MR_TEST("a row without masked columns does not look at its headers")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    set_header(mr_slice_str("{\"id\":1}"));
    put_row(0, NULL, NULL);
    put_row(2, "x", "y");
    MR_CHECK_STR(run("c", 2), "c{2,x,y}");
    MR_CHECK(pc.decoded.old_key.data == NULL);
}

/* Runs a delete of row 1; has it a new key? */
static bool new_key(const char *text)
{
    set_header(mr_slice_str(text));
    header_name = "__debezium.newkey";
    put_row(1, NULL, NULL);
    put_row(0, NULL, NULL);
    MR_CHECK_STR(run("d", 1), "d{1}");
    MR_CHECK(pc.decoded.old_key.data == NULL);
    return pc.decoded.new_key_tuple.data != NULL;
}

/* U-32 */
MR_TEST("where rows that move are kept a delete tells their new key, and a create their old one")
{
    pc.route.keep_moved = true;
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    set_header(mr_slice_str("{\"id\":1}"));
    put_row(0, NULL, NULL);
    put_row(2, "x", "y");
    MR_CHECK_STR(run("c", 2), "c{2,x,y}");
    MR_CHECK_STR(mr_emit_text_tuple(pc.decoded.old_key_tuple, NULL), "{1}");
    put_row(0, NULL, NULL);
    put_row(2, "x", "y");
    MR_CHECK_STR(run("u", 2), "u{2,x,y}");
    struct mr_buf two = MR_BUF_INIT; /* as the record of the new key has it */
    mr_buf_add(&two, pc.decoded.key_tuple.data, pc.decoded.key_tuple.len);
    MR_CHECK(new_key("{\"id\":2}"));
    MR_CHECK(mr_slice_eq(pc.decoded.new_key_tuple, (struct mr_slice){two.data, two.len}));
    MR_CHECK(!new_key("{\"id\":1}"));
    MR_CHECK(!new_key("{\"id\":\"2\"}"));
    mr_buf_release(&two);
}

/* U-32: what cannot be masked need not be kept */
MR_TEST("a table whose columns are always sent does not look for new keys")
{
    pc.route.keep_moved = true;
    pc.route.unavailable_detect = false;
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    MR_CHECK(!new_key("{\"id\":2}"));
}

/* E-12; case 88 */
MR_TEST("key_change = before tells an update of the key by before, and record ignores it")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    put_row(1, "p", "q");
    put_row(2, "x", "y");
    MR_CHECK_STR(run("u", 2), "u{2,x,y}");
    MR_CHECK(pc.decoded.old_key.data == NULL);
    pc.route.key_change_before = true;
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    put_row(1, "p", "q");
    put_row(2, "x", "y");
    MR_CHECK_STR(run("u", 2), "u{2,x,y}");
    MR_CHECK(pc.decoded.key_changed);
    MR_CHECK_STR(mr_emit_text_tuple(pc.decoded.old_key_tuple, NULL), "{1}");
    MR_CHECK_STR(mr_emit_text_tuple(pc.decoded.key_tuple, NULL), "{2}");
    put_row(2, "p", "q");
    put_row(2, "x", P);
    MR_CHECK_STR(run("u", 2), "u{2,x,~}");
    MR_CHECK(!pc.decoded.key_changed);
    put_row(0, NULL, NULL);
    put_row(2, "x", "y");
    MR_CHECK_STR(run("u", 2), "u{2,x,y}");
    MR_CHECK(!pc.decoded.key_changed);
}

static const char *match(void)
{
    return pc.decoded.match.data != NULL
               ? mr_emit_text_tuple(pc.decoded.match, pc.decoded.match_mask)
               : "";
}

/* E-40; cases 81, 82 */
MR_TEST("match_full gives updates and deletes without a key the whole before")
{
    MR_CHECK_OK(plan_case_open(&pc, NULL, ENVELOPE));
    put_row(1, "p", NULL);
    put_row(1, "x", "y");
    MR_CHECK_STR(run("u", 0), "!envelope.keyless_change");
    pc.route.keyless_match_full = true;
    MR_CHECK_OK(plan_case_open(&pc, NULL, ENVELOPE));
    put_row(1, "p", NULL);
    put_row(1, "x", "y");
    MR_CHECK_STR(run("u", 0), "u{1,x,y}");
    MR_CHECK_STR(match(), "{1,p,NULL}");
    put_row(1, "p", "q");
    put_row(0, NULL, NULL);
    MR_CHECK_STR(run("d", 0), "d={1,p,q}");
    put_row(0, NULL, NULL);
    put_row(1, "x", "y");
    MR_CHECK_STR(run("c", 0), "c{1,x,y}");
    MR_CHECK_STR(match(), "");
}

/* E-40, U-13 */
MR_TEST("a null that is no value is forgotten before the next row without a key")
{
    static const char *const columns[] = {"a", "b"};
    pc.route.keyless_match_full = true;
    pc.route.null_columns = columns;
    pc.route.n_null_columns = 2;
    MR_CHECK_OK(plan_case_open(&pc, NULL, ENVELOPE));
    put_row(1, "p", "q");
    put_row(1, NULL, "y");
    MR_CHECK_STR(run("u", 0), "u{1,~,y}");
    put_row(1, "p", "q");
    put_row(1, "x", NULL);
    MR_CHECK_STR(run("u", 0), "u{1,x,~}");
}

/* E-40, E-42, P-35 */
MR_TEST("a before that is absent or has a placeholder is not complete")
{
    pc.route.keyless_match_full = true;
    MR_CHECK_OK(plan_case_open(&pc, NULL, ENVELOPE));
    put_row(0, NULL, NULL);
    put_row(1, "x", "y");
    MR_CHECK_STR(run("u", 0), "!envelope.keyless_change");
    put_row(1, "p", P);
    put_row(1, "x", "y");
    MR_CHECK_STR(run("u", 0), "!envelope.keyless_change");
    put_row(1, "p", P);
    put_row(0, NULL, NULL);
    MR_CHECK_STR(run("d", 0), "!envelope.keyless_change");
    put_row(0, NULL, NULL);
    put_row(0, NULL, NULL);
    MR_CHECK_STR(run("d", 0), "!envelope.delete_without_key");
}

/* U-13, U-16; case 108 */
MR_TEST("a null in unavailable_null_columns is masked in an update and a null elsewhere")
{
    static const char *const columns[] = {"b"};
    pc.route.null_columns = columns;
    pc.route.n_null_columns = 1;
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    put_row(0, NULL, NULL);
    put_row(1, NULL, NULL);
    MR_CHECK_STR(run("u", 1), "u{1,NULL,~}");
    put_row(0, NULL, NULL);
    put_row(1, "x", NULL);
    MR_CHECK_STR(run("c", 1), "c{1,x,NULL}");
    put_row(0, NULL, NULL);
    put_row(1, "x", NULL);
    MR_CHECK_STR(run("r", 1), "r{1,x,NULL}");
    put_row(0, NULL, NULL);
    put_row(1, "x", "y");
    MR_CHECK_STR(run("u", 1), "u{1,x,y}");
}

/* U-13, V-08 */
MR_TEST("where the column wants a value, an update of a null column passes and a create does not")
{
    static const char *const columns[] = {"b"};
    pc.route.null_columns = columns;
    pc.route.n_null_columns = 1;
    plan_case_table(&pc, "id int4 pk, a text, b text notnull");
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    put_row(0, NULL, NULL);
    put_row(1, "x", NULL);
    MR_CHECK_STR(run("u", 1), "u{1,x,~}");
    put_row(0, NULL, NULL);
    put_row(1, "x", NULL);
    MR_CHECK_STR(run("c", 1), "!value.not_null");
}

/* U-12, U-13 */
MR_TEST(
    "columns whose unchanged values have no form are told for PostgreSQL, unless they are listed")
{
    static const char envelope[] =
        "{\"type\":\"record\",\"name\":\"Envelope\",\"connect.name\":\"t.Envelope\",\"fields\":["
        "{\"name\":\"after\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Value\","
        "\"fields\":[{\"name\":\"id\",\"type\":\"int\"},{\"name\":\"t\",\"type\":\"string\"},"
        "{\"name\":\"d\",\"type\":\"double\"},"
        "{\"name\":\"n\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\","
        "\"precision\":9,\"scale\":2}},"
        "{\"name\":\"f\",\"type\":{\"type\":\"array\",\"items\":\"double\"}},"
        "{\"name\":\"i\",\"type\":{\"type\":\"array\",\"items\":\"int\"}},"
        "{\"name\":\"x\",\"type\":{\"type\":\"array\",\"items\":\"string\"}}]}]},"
        "{\"name\":\"source\",\"type\":{\"type\":\"record\",\"name\":\"Source\",\"namespace\":"
        "\"io.debezium.connector.%s\",\"fields\":[{\"name\":\"lsn\",\"type\":\"long\"}]}},"
        "{\"name\":\"op\",\"type\":\"string\"}]}";
    static const char *const listed[] = {"f"};
    static const struct {
        const char *connector;
        uint16_t n_listed;
        const char *names;
    } cases[] = {{"postgresql", 0, "n,f"}, {"postgresql", 1, "n"}, {"mysql", 0, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char schema[2048];
        struct mr_buf names = MR_BUF_INIT;
        (void)snprintf(schema, sizeof schema, envelope, cases[i].connector);
        plan_case_release(&pc);
        plan_case_init(&pc);
        pc.route.null_columns = listed;
        pc.route.n_null_columns = cases[i].n_listed;
        MR_CHECK_OK(plan_case_open(&pc, KEY, schema));
        uint32_t n = mr_plan_unseen(pc.plan, &names);
        MR_CHECK_STR(mr_buf_cstr(&names), cases[i].names);
        MR_CHECK_U64(n, (strlen(cases[i].names) + 1) / 2);
        for (const char *name = "tdnfix"; *name != '\0'; name++) {
            const char column[2] = {*name, '\0'};
            MR_CHECK(mr_plan_is_unseen(pc.plan, column) == (strchr(cases[i].names, *name) != NULL));
        }
        mr_buf_release(&names);
    }
}

/* U-20 */
MR_TEST("a column with unavailable_detect = off takes the placeholder as its value")
{
    static const struct mr_route_column columns[] = {{.field = "b", .detect_off = true}};
    pc.route.columns = columns;
    pc.route.n_columns = 1;
    MR_CHECK_OK(plan_case_open(&pc, KEY, ENVELOPE));
    put_row(0, NULL, NULL);
    put_row(1, P, P);
    MR_CHECK_STR(run("u", 1), "u{1,~," P "}");
}

/* U-19; case 107 */
MR_TEST("a placeholder in a key column is poison")
{
    MR_CHECK_OK(plan_case_open(&pc, KEY_OF("\"string\""), ENVELOPE_OF("\"string\"")));
    wire_text(&key, P);
    wire_hex(&value, "00");
    wire_hex(&value, "02");
    wire_text(&value, P);
    wire_hex(&value, "00 00");
    wire_text(&value, "u");
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), wire_slice(&value)), "!unavailable.key");
}
