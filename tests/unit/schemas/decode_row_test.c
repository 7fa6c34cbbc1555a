/* Hostile bytes and key fields (contract.md S-30..S-47, F-20..F-33; cases 24 to 28, 31 to 59). */
#include <stdio.h>
#include <stdlib.h>

#include "schemas/decode_run.h"
#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

static struct plan_case pc;
static struct mr_buf value;

MR_SETUP
{
    plan_case_init(&pc);
    mr_buf_reset(&value);
}

MR_TEARDOWN
{
    plan_case_release(&pc);
    mr_buf_release(&value);
}

/* A record with one field `v` of the type, decoded by an append-like keyless plan. */
static const char *one(const char *type, const char *hex)
{
    char schema[4096];
    (void)snprintf(schema, sizeof schema,
                   "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"v\",\"type\":%s}]}",
                   type);
    mr_table_unref(pc.table);
    pc.table = NULL;
    if (plan_case_open(&pc, NULL, schema) < 0)
        MR_FAIL("%s: %s", type, pc.err.detail);
    mr_buf_reset(&value);
    wire_hex(&value, hex);
    return plan_case_run(&pc, PLAN_NULL, wire_slice(&value));
}

struct wire_case {
    const char *type;
    const char *hex;
    const char *want;
};

static void check_all(const struct wire_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = one(cases[i].type, cases[i].hex);
        if (strcmp(got, cases[i].want) != 0)
            MR_FAIL("%s <- %s: got %s, want %s", cases[i].type, cases[i].hex, got, cases[i].want);
    }
}

#define CHECK_ALL(cases) check_all(cases, sizeof(cases) / sizeof *(cases))

/* S-30, S-31, S-32, S-39, S-40, S-06; cases 31 to 37, 48 */
MR_TEST("varints, booleans, enums and union indexes are checked bit by bit")
{
    static const struct wire_case cases[] = {
        {"[\"null\",\"int\"]", "04 02", "!avro.bad_union_index"},
        {"[\"null\",\"int\"]", "01", "!avro.bad_union_index"},
        {"\"boolean\"", "02", "!avro.boolean"},
        {"\"boolean\"", "01", "c{true}"},
        {"\"long\"", "FFFFFFFFFFFFFFFFFF01", "c{-9223372036854775808}"},
        {"\"long\"", "FEFFFFFFFFFFFFFFFF01", "c{9223372036854775807}"},
        {"\"long\"", "FFFFFFFFFFFFFFFFFF02", "!avro.varint"},
        {"\"long\"", "FFFFFFFFFFFFFFFFFFFF01", "!avro.varint"},
        {"\"long\"", "808080808080808080808080", "!avro.varint"},
        {"\"int\"", "8080808010", "!avro.varint"},
        {"\"int\"", "FFFFFFFF0F", "c{-2147483648}"},
        {"\"int\"", "8000", "c{0}"},
        {"\"int\"", "80", "!avro.truncated"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\",\"C\"]}", "06",
         "!avro.enum_index"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\",\"C\"]}", "01",
         "!avro.enum_index"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\",\"C\"]}", "04", "c{C}"},
    };
    CHECK_ALL(cases);
}

/* S-33 to S-38, S-42; cases 38 to 44, 50 */
MR_TEST("blocks and lengths are checked before anything is allocated")
{
    static const struct wire_case cases[] = {
        {"{\"type\":\"array\",\"items\":\"int\"}", "FFFFFFFFFFFFFFFFFF01 02", "!avro.block_count"},
        {"{\"type\":\"array\",\"items\":\"int\"}", "03 04 02 04 00", "c{{1,2}}"},
        {"{\"type\":\"array\",\"items\":\"int\"}", "03 06 02 04 00", "!avro.block_size"},
        {"{\"type\":\"array\",\"items\":\"int\"}", "03 02 02 04 00", "!avro.block_size"},
        {"{\"type\":\"array\",\"items\":\"int\"}", "03 01 02 04 00", "!avro.block_size"},
        {"{\"type\":\"array\",\"items\":\"int\"}", "03 7e 02 04 00", "!avro.block_size"},
        {"{\"type\":\"array\",\"items\":\"long\"}", "808080808040 00 00 00 00",
         "!avro.block_count"},
        {"{\"type\":\"array\",\"items\":\"null\"}", "8094ebdc03 00", "!avro.block_count"},
        {"{\"type\":\"array\",\"items\":\"null\"}", "04 00", "c{[null, null]}"},
        {"{\"type\":\"array\",\"items\":\"int\"}", "02 02 02 04 00", "c{{1,2}}"},
        {"{\"type\":\"map\",\"values\":\"int\"}", "02 026b 02", "!avro.truncated"},
        {"\"string\"", "01", "!avro.length"},
        {"\"string\"", "0661", "!avro.length"},
        {"\"bytes\"", "FEFFFFFFFFFFFFFFFF01", "!avro.length"},
        {"\"double\"", "00 00", "!avro.truncated"},
        {"\"float\"", "00", "!avro.truncated"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", "01 02", "!avro.truncated"},
        {"\"boolean\"", "", "!avro.truncated"},
    };
    CHECK_ALL(cases);
}

/* S-36; case 43 */
MR_TEST("65,536 values without a byte pass, one more does not, however they are nested")
{
    static const char empty[] =
        "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"N\",\"fields\":[]}}";
    MR_CHECK(strncmp(one(empty, "808008 00"), "c{[{}, {}", 9) == 0);
    MR_CHECK_STR(one(empty, "828008 00"), "!avro.block_count");
    MR_CHECK_STR(one(empty, "808008 02 00"), "!avro.block_count");
    /* three nulls an item */
    static const char nulls[] =
        "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"N\",\"fields\":["
        "{\"name\":\"a\",\"type\":\"null\"},{\"name\":\"b\",\"type\":\"null\"},"
        "{\"name\":\"c\",\"type\":\"null\"}]}}";
    MR_CHECK_STR(one(nulls, "80b005 00"), "!avro.block_count"); /* 44,032 items */
}

/* S-37 */
MR_TEST("more than 4 Mi items in all containers of a record are refused")
{
    char schema[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                    "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"int\"}},"
                    "{\"name\":\"b\",\"type\":{\"type\":\"array\",\"items\":\"int\"}}]}";
    enum { HALF = 2 * 1024 * 1024 };
    uint8_t *zeros = calloc(1, HALF);
    MR_CHECK(zeros != NULL);
    pc.route.max_record_bytes = 0;
    MR_CHECK_OK(plan_case_open(&pc, NULL, schema));
    for (int extra = 0; extra < 2; extra++) {
        mr_buf_reset(&value);
        for (int i = 0; i < 2; i++) {
            wire_long(&value, HALF);
            mr_buf_add(&value, zeros, HALF);
            if (i == 1 && extra == 1)
                wire_hex(&value, "02 00");
            wire_hex(&value, "00");
        }
        const char *got = plan_case_run(&pc, PLAN_NULL, wire_slice(&value));
        if (extra == 0)
            MR_CHECK(got[0] == 'c');
        else
            MR_CHECK_STR(got, "!avro.too_many_items");
    }
    free(zeros);
}

/* S-41; cases 45 to 47 */
MR_TEST("UTF-8 is checked where it is loaded, and only there")
{
    static const struct wire_case cases[] = {
        {"\"string\"", "04 C080", "!value.utf8"},
        {"\"string\"", "06 EDA080", "!value.utf8"},
        {"\"string\"", "08 F4908080", "!value.utf8"},
        {"\"string\"", "04 E282", "!value.utf8"},
        {"\"string\"", "06 E282AC", "c{\xe2\x82\xac}"},
        {"{\"type\":\"map\",\"values\":\"int\"}", "02 04 C080 02 00", "!value.utf8"},
    };
    static const char *const hidden[] = {"v"};
    CHECK_ALL(cases);
    pc.route.exclude = hidden;
    pc.route.n_exclude = 1;
    MR_CHECK_OK(plan_case_open(&pc, NULL,
                               "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"v\","
                               "\"type\":\"string\"},{\"name\":\"w\",\"type\":\"int\"}]}"));
    plan_case_table(&pc, "w int4");
    MR_CHECK_OK(plan_case_open(&pc, NULL,
                               "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"v\","
                               "\"type\":\"string\"},{\"name\":\"w\",\"type\":\"int\"}]}"));
    mr_buf_reset(&value);
    wire_hex(&value, "04 C080 02");
    MR_CHECK_STR(plan_case_run(&pc, PLAN_NULL, wire_slice(&value)), "c{1}");
}

/* S-10, S-45; case 49 */
MR_TEST("64 levels are rendered, 65 are refused, mapped or not")
{
    static const char list[] = "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"n\","
                               "\"type\":[\"null\",\"L\"]}]}";
    static const char *const hidden[] = {"v"};
    char hex[512];
    for (int hide = 0; hide < 2; hide++) {
        pc.route.exclude = hidden;
        pc.route.n_exclude = (uint16_t)hide;
        for (int depth = 64; depth <= 65; depth++) {
            size_t at = 0;
            for (int i = 1; i < depth; i++)
                at += (size_t)snprintf(hex + at, sizeof hex - at, "02");
            (void)snprintf(hex + at, sizeof hex - at, "00");
            const char *got = one(list, hex);
            if (depth == 64)
                MR_CHECK(got[0] == 'c');
            else
                MR_CHECK_STR(got, "!avro.depth");
        }
    }
}

/* S-17, S-19, S-20, S-21; cases 55, 56 */
MR_TEST("nested values are rendered as JSON with exact numbers and ISO times")
{
    static const struct wire_case cases[] = {
        {"[\"null\",\"int\",\"string\"]", "04 0271", "c{{\"string\": \"q\"}}"},
        {"[\"null\",\"int\",\"string\"]", "00", "c{NULL}"},
        {"{\"type\":\"map\",\"values\":\"int\"}", "04 026b 02 026b 04 00",
         "c{{\"k\": 1, \"k\": 2}}"},
        {"{\"type\":\"record\",\"name\":\"N\",\"fields\":[{\"name\":\"l\",\"type\":\"long\"},"
         "{\"name\":\"d\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,"
         "\"scale\":2}},{\"name\":\"b\",\"type\":\"bytes\"},{\"name\":\"x\",\"type\":\"double\"}]}",
         "FEFFFFFFFFFFFFFFFF01 02 6e 04 0102 000000000000f87f",
         "c{{\"l\": 9223372036854775807, \"d\": 1.10, \"b\": \"AQI=\", \"x\": \"NaN\"}}"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":\"int\","
         "\"logicalType\":\"date\"}}}",
         "02 04 00 02 00 00", "c{[[\"1970-01-01\", \"1970-01-02\"]]}"},
        {"{\"type\":\"record\",\"name\":\"N\",\"fields\":[{\"name\":\"t\",\"type\":{\"type\":"
         "\"long\","
         "\"logicalType\":\"timestamp-millis\"}},{\"name\":\"s\",\"type\":\"string\"}]}",
         "02 04 0a22", "c{{\"t\": \"1970-01-01T00:00:00.001+00:00\", \"s\": \"\\n\\\"\"}}"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"MapEntry\",\"namespace\":"
         "\"io.confluent.connect.avro\",\"fields\":[{\"name\":\"key\",\"type\":\"int\"},"
         "{\"name\":\"value\",\"type\":\"string\"}]}}",
         "04 02 0261 04 0262 00", "c{{\"1\": \"a\", \"2\": \"b\"}}"},
    };
    CHECK_ALL(cases);
}

#define PAIR                                                                                       \
    "{\"type\":\"record\",\"name\":\"V\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},"         \
    "{\"name\":\"a\",\"type\":\"string\"}]}"

/* F-22, F-24; cases 24, 25, 28 */
MR_TEST("a raw key has its form's length, and must say what the value says")
{
    static const uint8_t seven[] = {0, 0, 0, 7};
    plan_case_table(&pc, "id int8 pk, a text");
    pc.raw_key = MR_FORMAT_INT32;
    MR_CHECK_OK(plan_case_open(&pc, NULL, PAIR));
    wire_hex(&value, "0e 0278");
    MR_CHECK_STR(plan_case_run(&pc, (struct mr_slice){seven, 4}, wire_slice(&value)), "u{7,x}");
    MR_CHECK_STR(plan_case_run(&pc, (struct mr_slice){seven, 4}, PLAN_NULL), "d{7}");
    MR_CHECK_STR(plan_case_run(&pc, (struct mr_slice){seven, 3}, PLAN_NULL), "!framing.bad_key");
    mr_buf_reset(&value);
    wire_hex(&value, "10 0278");
    MR_CHECK_STR(plan_case_run(&pc, (struct mr_slice){seven, 4}, wire_slice(&value)),
                 "!key.mismatch");
}

/* F-21; cases 26, 27 */
MR_TEST("a primitive key fills the one key column of the table")
{
    plan_case_table(&pc, "id int8 pk, a text");
    MR_CHECK_OK(plan_case_open(&pc, "\"long\"", PAIR));
    wire_hex(&value, "0e 0278");
    struct mr_slice key = {(const uint8_t *)"\x0e", 1};
    MR_CHECK_STR(plan_case_run(&pc, key, wire_slice(&value)), "u{7,x}");
    MR_CHECK_STR(plan_case_run(&pc, key, PLAN_NULL), "d{7}");
    plan_case_table(&pc, "a text pk, id int8 pk");
    MR_CHECK_INT(plan_case_open(&pc, "\"long\"", PAIR), -MR_KEY_UNNAMED);
}

/* F-33: 1.0 and 1.00 are one key */
MR_TEST("equal numbers of different scale are no mismatch and one canonical key")
{
    plan_case_table(&pc, "n numeric pk");
    MR_CHECK_OK(plan_case_open(
        &pc,
        "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"n\",\"type\":{\"type\":"
        "\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":1}}]}",
        "{\"type\":\"record\",\"name\":\"V\",\"fields\":[{\"name\":\"n\",\"type\":{\"type\":"
        "\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}}]}"));
    wire_hex(&value, "02 64");
    struct mr_slice key = {(const uint8_t *)"\x02\x0a", 2};
    MR_CHECK_STR(plan_case_run(&pc, key, wire_slice(&value)), "u{1.00}");
    mr_buf_reset(&value);
    wire_hex(&value, "02 65");
    MR_CHECK_STR(plan_case_run(&pc, key, wire_slice(&value)), "!key.mismatch");
}

/* F-20, U-19; case 107 */
MR_TEST("null or a placeholder in a key column is poison")
{
    static const char key_schema[] = "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":"
                                     "\"k\",\"type\":[\"null\",\"string\"]}]}";
    struct mr_buf key = MR_BUF_INIT;
    MR_CHECK_OK(plan_case_open(&pc, key_schema, NULL));
    MR_CHECK_STR(plan_case_run(&pc, (struct mr_slice){(const uint8_t *)"\0", 1}, PLAN_NULL),
                 "!key.null");
    wire_hex(&key, "02");
    wire_text(&key, "__debezium_unavailable_value");
    MR_CHECK_STR(plan_case_run(&pc, wire_slice(&key), PLAN_NULL), "!unavailable.key");
    mr_buf_release(&key);
}

/* V-15, V-17: a generated column takes no value, so no record could name a row by it */
MR_TEST("a table whose key column is generated halts when the plan is made")
{
    plan_case_table(&pc, "k text pk generated, v int4");
    MR_CHECK_INT(plan_case_open(&pc,
                                "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"k\","
                                "\"type\":\"string\"}]}",
                                NULL),
                 -MR_TARGET_NO_UNIQUE_KEY);
}

/* F-33, O-07: tombs are found by the bytes of their keys */
MR_TEST("a key that only the target can compare makes a plan, but none with a guard")
{
    static const char key[] = "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"k\","
                              "\"type\":\"string\"}]}";
    plan_case_table(&pc, "k text pk, v int4");
    pc.table->uniques[0].loose = "k";
    MR_CHECK_OK(plan_case_open(&pc, key, NULL));
    pc.route.guard = MR_GUARD_LSN;
    MR_CHECK_INT(plan_case_open(&pc, key, NULL), -MR_TARGET_NO_UNIQUE_KEY);
}

/* V-08 */
MR_TEST("null for a NOT NULL column is poison and names it")
{
    plan_case_table(&pc, "v int4 notnull");
    MR_CHECK_OK(plan_case_open(&pc, NULL,
                               "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"v\","
                               "\"type\":[\"null\",\"int\"]}]}"));
    wire_hex(&value, "00");
    MR_CHECK_STR(plan_case_run(&pc, PLAN_NULL, wire_slice(&value)), "!value.not_null");
    MR_CHECK_STR(pc.err.column, "v");
}

#define EMPTY_ITEMS(n)                                                                             \
    "{\"name\":\"a" n "\",\"type\":{\"type\":\"array\",\"items\":"                                 \
    "{\"type\":\"record\",\"name\":\"E" n "\",\"fields\":[{\"name\":\"a\",\"type\":\"null\"}]}}}"

/* 10,240 records of nulls, which take no bytes, in each of `n` columns: 112,641 bytes of JSON. */
static const char *empty_items(unsigned n)
{
    mr_buf_reset(&value);
    for (unsigned i = 0; i < 4; i++) {
        if (i < n)
            wire_long(&value, 10240);
        wire_long(&value, 0);
    }
    const char *came_to = plan_case_run(&pc, PLAN_NULL, wire_slice(&value));
    return *came_to == '!' ? came_to : "a row";
}

/* G-06 */
MR_TEST("a record takes no more than its share, whatever came before it")
{
    pc.route.strategy = MR_STRATEGY_APPEND;
    MR_CHECK_OK(plan_case_open(
        &pc, NULL,
        "{\"type\":\"record\",\"name\":\"V\",\"fields\":[" EMPTY_ITEMS("0") "," EMPTY_ITEMS(
            "1") "," EMPTY_ITEMS("2") "," EMPTY_ITEMS("3") "]}"));
    for (int round = 0; round < 3; round++) {
        MR_CHECK_STR(empty_items(0), "a row");
        MR_CHECK_STR(empty_items(2), "a row");
        MR_CHECK_STR(empty_items(4), "!framing.too_large");
        MR_CHECK_STR(empty_items(1), "a row");
    }
}
