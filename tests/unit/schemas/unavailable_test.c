/* Placeholders (contract.md section 4; cases 91 to 111 as far as decoding goes). */
#include "schemas/unavailable.h"

#include <stdio.h>

#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

#define P "__debezium_unavailable_value"

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

/* Decodes what is in `value` as a record of one field. */
static const char *one(const char *type)
{
    char schema[1024];
    (void)snprintf(schema, sizeof schema,
                   "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"v\",\"type\":%s}]}",
                   type);
    mr_table_unref(pc.table);
    pc.table = NULL;
    if (plan_case_open(&pc, NULL, schema) < 0)
        MR_FAIL("%s: %s", type, pc.err.detail);
    return plan_case_run(&pc, PLAN_NULL, wire_slice(&value));
}

static const char *text(const char *type, const char *v)
{
    mr_buf_reset(&value);
    wire_text(&value, v);
    return one(type);
}

/* U-01, U-02, U-04, U-18; cases 96, 103, 104 */
MR_TEST("strings and bytes are masked by whole-value equality only")
{
    static const char json[] = "{\"type\":\"string\",\"connect.name\":\"io.debezium.data.Json\"}";
    MR_CHECK_STR(text("\"string\"", P), "c{~}");
    MR_CHECK_STR(text("[\"null\",\"int\",\"string\"]", ""), "c{NULL}");
    MR_CHECK_STR(text("\"string\"", P " "), "c{" P " }");
    MR_CHECK_STR(text("\"string\"", "__DEBEZIUM_unavailable_value"),
                 "c{__DEBEZIUM_unavailable_value}");
    MR_CHECK_STR(text("\"string\"", "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="), "c{~}");
    MR_CHECK_STR(text("\"bytes\"", P), "c{~}");
    MR_CHECK_STR(text(json, P), "c{~}");
    MR_CHECK_STR(text(json, "{\"a\":\"" P "\"}"), "c{{\"a\":\"" P "\"}}");
    MR_CHECK_STR(
        text("{\"type\":\"string\",\"connect.name\":\"io.debezium.time.ZonedTimestamp\"}", P),
        "c{~}");
}

/* U-17: what the source really holds cannot be told from it, so it is taken as not sent; off, it is
 * loaded */
MR_TEST("a real value that equals the placeholder is masked, unless detection is off")
{
    MR_CHECK_STR(text("\"string\"", P), "c{~}");
    pc.route.unavailable_detect = false;
    MR_CHECK_STR(text("\"string\"", P), "c{" P "}");
}

/* U-11, case 102 */
MR_TEST("the hstore form as JSON is masked, blanks or not")
{
    static const char json[] = "{\"type\":\"string\",\"connect.name\":\"io.debezium.data.Json\"}";
    MR_CHECK_STR(text(json, "{\"" P "\":\"" P "\"}"), "c{~}");
    MR_CHECK_STR(text(json, " { \"" P "\" : \"" P "\" } "), "c{~}");
    MR_CHECK_STR(text(json, "{\"" P "\":\"" P " \"}"), "c{{\"" P "\":\"" P " \"}}");
    MR_CHECK_STR(text(json, "{\"" P "\":1}"), "c{{\"" P "\":1}}");
}

/* U-10, U-15a */
MR_TEST("a map of P to P and a raw P in a union are masked")
{
    static const char map[] = "{\"type\":\"map\",\"values\":[\"null\",\"string\"]}";
    mr_buf_reset(&value);
    wire_long(&value, 1);
    wire_text(&value, P);
    wire_long(&value, 1);
    wire_text(&value, P);
    wire_long(&value, 0);
    MR_CHECK_STR(one(map), "c{~}");
    mr_buf_reset(&value);
    wire_long(&value, 1);
    wire_text(&value, P);
    wire_long(&value, 0);
    wire_long(&value, 0);
    MR_CHECK_STR(one(map), "c{{\"" P "\": null}}");
    mr_buf_reset(&value);
    wire_long(&value, 2);
    wire_text(&value, P);
    MR_CHECK_STR(one("[\"null\",{\"type\":\"array\",\"items\":\"int\"},\"string\"]"), "c{~}");
}

/* U-05, P-03 */
MR_TEST("an array of one P in a union of several branches is masked, of two is a value")
{
    static const char either[] = "[\"null\",{\"type\":\"array\",\"items\":\"string\"},\"string\"]";
    for (int n = 1; n <= 2; n++) {
        mr_buf_reset(&value);
        wire_long(&value, 1);
        wire_long(&value, n);
        for (int i = 0; i < n; i++)
            wire_text(&value, P);
        wire_long(&value, 0);
        MR_CHECK_STR(one(either), n == 1 ? "c{~}" : "c{{\"array\": [\"" P "\", \"" P "\"]}}");
    }
}

static void put_texts(const char *v, int n)
{
    mr_buf_reset(&value);
    wire_long(&value, n);
    for (int i = 0; i < n; i++)
        wire_text(&value, v);
    wire_long(&value, 0);
}

/* n numbers of P's octets; `blocks`: each in a block of its own, with its size. */
static void put_octets(size_t n, bool blocks)
{
    mr_buf_reset(&value);
    if (!blocks)
        wire_long(&value, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        if (blocks) {
            wire_long(&value, -1);
            wire_long(&value, P[i] < 64 ? 1 : 2);
        }
        wire_long(&value, P[i]);
    }
    wire_long(&value, 0);
}

/* U-05 to U-09; cases 97 to 101 */
MR_TEST("arrays are masked in each element type's form")
{
    static const char texts[] = "{\"type\":\"array\",\"items\":\"string\"}";
    static const char ints[] = "{\"type\":\"array\",\"items\":\"int\"}";
    static const char longs[] = "{\"type\":\"array\",\"items\":\"long\"}";
    static const char uuids[] =
        "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"connect.name\":"
        "\"io.debezium.data.Uuid\"}}";
    put_texts(P, 1);
    MR_CHECK_STR(one(texts), "c{~}");
    MR_CHECK_STR(one("{\"type\":\"array\",\"items\":\"bytes\"}"), "c{~}");
    put_texts(P, 2);
    MR_CHECK_STR(one(texts), "c{{" P "," P "}}");
    put_octets(28, false);
    MR_CHECK_STR(one(ints), "c{~}");
    MR_CHECK_STR(one(longs), "c{~}");
    MR_CHECK_STR(one("{\"type\":\"array\",\"items\":{\"type\":\"int\",\"logicalType\":\"date\"}}"),
                 "c{~}");
    put_octets(28, true);
    MR_CHECK_STR(one(ints), "c{~}");
    put_octets(27, false);
    MR_CHECK(strncmp(one(ints), "c{{95,95,100", 12) == 0);
    put_texts("b68a35a7-17ad-35b3-af2a-ae46edb4545a", 1);
    MR_CHECK_STR(one(uuids), "c{~}");
}

/* U-12a; case 111 */
MR_TEST("float arrays of the octets are masked")
{
    mr_buf_reset(&value);
    wire_long(&value, 28);
    for (size_t i = 0; i < 28; i++)
        wire_double(&value, P[i]);
    wire_long(&value, 0);
    MR_CHECK_STR(one("{\"type\":\"array\",\"items\":\"double\"}"), "c{~}");
}

/* cases 105, 106; U-20 */
MR_TEST("the placeholder is the route's, as octets, and detection can be off")
{
    pc.route.placeholder = "gone";
    pc.route.placeholder_len = 4;
    put_texts("50c1f58b-e7f5-347e-8f53-d64c094783c2", 1);
    MR_CHECK_STR(one("{\"type\":\"array\",\"items\":{\"type\":\"string\",\"connect.name\":"
                     "\"io.debezium.data.Uuid\"}}"),
                 "c{~}");
    MR_CHECK_STR(text("\"string\"", P), "c{" P "}");
    pc.route.placeholder = "\0\xff";
    pc.route.placeholder_len = 2;
    mr_buf_reset(&value);
    wire_hex(&value, "04 00 ff");
    MR_CHECK_STR(one("\"bytes\""), "c{~}");
    pc.route.unavailable_detect = false;
    MR_CHECK_STR(one("\"bytes\""), "c{\\x00ff}");
}

/* U-25, V-08: a masked field of a NOT NULL column is no null */
MR_TEST("a masked field of a NOT NULL column is left to the load")
{
    plan_case_table(&pc, "v text notnull");
    MR_CHECK_OK(plan_case_open(&pc, NULL,
                               "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"v\","
                               "\"type\":\"string\"}]}"));
    wire_text(&value, P);
    MR_CHECK_STR(plan_case_run(&pc, PLAN_NULL, wire_slice(&value)), "c{~}");
}
