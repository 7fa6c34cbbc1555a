/* Which table a record's envelope names (contract.md E-30). */
#include "schemas/locate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

#define F(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define S(name) F(name, "\"string\"")
#define O(name, type) "{\"name\":\"" name "\",\"type\":[\"null\"," type "],\"default\":null}"
#define R(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define ROW R("V", F("id", "\"int\"") "," F("xs", "{\"type\":\"array\",\"items\":\"long\"}"))
#define ENVELOPE(source) R("E", O("after", ROW) "," F("source", source) "," S("op"))
#define SOURCE(fields) R("Source", fields)
#define POSTGRES                                                                                   \
    SOURCE(F("ts_ms", "\"long\"") "," S("db") "," S("schema") "," S("table") "," S("tail"))

static struct {
    struct mr_route route;
    struct mr_schema *schema;
    struct mr_locator *locator;
    struct mr_buf value;
    struct mr_err err;
} f;

MR_SETUP
{
    memset(&f, 0, sizeof f);
    f.route.max_zero_size_items = 100;
    mr_err_clear(&f.err);
}

MR_TEARDOWN
{
    mr_locator_free(f.locator);
    mr_schema_unref(f.schema);
    mr_buf_release(&f.value);
}

static int make(const char *json, const char *topic)
{
    struct mr_schema_text text = {json, strlen(json)};
    struct mr_schema_opts opts = {.lenient_names = true};
    mr_locator_free(f.locator);
    mr_schema_unref(f.schema);
    f.locator = NULL;
    f.schema = NULL;
    MR_CHECK_OK(mr_schema_parse(&text, 1, &opts, &f.schema, &f.err));
    return mr_locator_make(f.schema, &f.route, topic, &f.locator, &f.err);
}

static int add(char *out, size_t cap, struct mr_slice name)
{
    return name.data == NULL ? snprintf(out, cap, "- ")
                             : snprintf(out, cap, "%.*s ", (int)name.len, (const char *)name.data);
}

/* "db schema table", - for what is not said; or the error. */
static const char *names(const char *hex)
{
    static char text[256];
    struct mr_located at;
    mr_buf_reset(&f.value);
    wire_hex(&f.value, hex);
    if (mr_locate(f.locator, wire_slice(&f.value), &at, &f.err) < 0)
        return mr_code_printed((int)f.err.code);
    int n = add(text, sizeof text, at.db);
    n += add(text + n, sizeof text - (size_t)n, at.schema);
    (void)add(text + n, sizeof text - (size_t)n, at.table);
    return text;
}

MR_TEST("names are read past whatever stands before them, and nothing behind them is")
{
    MR_CHECK_OK(make(ENVELOPE(POSTGRES), "t"));
    MR_CHECK(!mr_locator_skips(f.locator));
    MR_CHECK_STR(names("00 0a 0264 0273 0274"), "d s t ");
    MR_CHECK_STR(names("02 0e 04 02 04 00 0a 0264 0273 0274 ff ff"), "d s t ");
    MR_CHECK_STR(names("02 0e 03 04 02 04 00 0a 0264 0273 0274"), "d s t ");
}

MR_TEST("each connector's source says what it has")
{
    MR_CHECK_OK(make(ENVELOPE(SOURCE(S("db") "," O("table", "\"string\""))), "t")); /* MySQL */
    MR_CHECK_STR(names("00 0264 02 0274"), "d - t ");
    MR_CHECK_STR(names("00 0264 00"), "route.missing"); /* a statement that is no table's */
    MR_CHECK_OK(make(ENVELOPE(SOURCE(S("db") "," S("collection"))), "t")); /* MongoDB */
    MR_CHECK_STR(names("00 0264 0263"), "d - c ");
    MR_CHECK_OK(make(ENVELOPE(SOURCE("{\"name\":\"table\",\"type\":[\"string\",\"null\"]}")), "t"));
    MR_CHECK_STR(names("00 00 0274"), "- - t ");
    MR_CHECK_OK(make(R("E", O("source", SOURCE(S("table"))) "," S("op")), "t"));
    MR_CHECK_STR(names("02 0274"), "- - t ");
    MR_CHECK_STR(names("00"), "route.missing");
}

MR_TEST("what names no table is missing its route")
{
    MR_CHECK_INT(make(ROW, "t"), -MR_ROUTE_MISSING);
    MR_CHECK_INT(make(ENVELOPE(SOURCE(S("db"))), "t"), -MR_ROUTE_MISSING);
    MR_CHECK_INT(make(ENVELOPE(SOURCE(F("table", "\"int\""))), "t"), -MR_ROUTE_MISSING);
    MR_CHECK_INT(make("\"string\"", "t"), -MR_VALUE_NOT_RECORD);
    MR_CHECK_OK(make(ENVELOPE(POSTGRES), "t"));
    MR_CHECK_STR(names("00 0a 0264 0273 00"), "route.missing");
    MR_CHECK_STR(names("00 0a 0264 0273 04 7400"), "route.missing");
    MR_CHECK_STR(names("00 0a 0264 02ff 0274"), "value.utf8");
}

/* E-16, E-18 */
MR_TEST("bookkeeping values name no table and need none")
{
    MR_CHECK_OK(make(R("H", F("ts_ms", "\"long\"")), "__debezium-heartbeat.s"));
    MR_CHECK(mr_locator_skips(f.locator));
}

/* S-30, S-35, S-38, S-42 */
MR_TEST("hostile bytes before the names are found on the way")
{
    MR_CHECK_OK(make(ENVELOPE(POSTGRES), "t"));
    MR_CHECK_STR(names("04"), "avro.bad_union_index");
    MR_CHECK_STR(names("02 0e feffffff0f"), "avro.block_count");
    MR_CHECK_STR(names("00 0a 80"), "avro.truncated");
    MR_CHECK_STR(names("00 0a 7f"), "avro.length");
    MR_CHECK_STR(names(""), "avro.truncated");
}

/* S-42: whatever the bytes are, nothing is read or given outside of them */
MR_TEST("names of random bytes lie inside the value")
{
    struct mr_rng rng;
    mr_rng_init(&rng, 7);
    MR_CHECK_OK(make(ENVELOPE(POSTGRES), "t"));
    unsigned n_found = 0;
    for (int i = 0; i < 20000; i++) {
        size_t len = (size_t)mr_rng_below(&rng, 24);
        uint8_t *bytes = malloc(len > 0 ? len : 1); /* of its size, for ASan */
        struct mr_located at;
        MR_CHECK(bytes != NULL);
        for (size_t k = 0; k < len; k++) /* small lengths are likely */
            bytes[k] = (uint8_t)mr_rng_below(&rng, mr_rng_below(&rng, 4) == 0 ? 256 : 12);
        if (mr_locate(f.locator, (struct mr_slice){bytes, len}, &at, &f.err) == 0) {
            MR_CHECK(at.table.data >= bytes && at.table.data + at.table.len <= bytes + len);
            n_found++;
        }
        free(bytes);
    }
    MR_CHECK(n_found > 0);
}
