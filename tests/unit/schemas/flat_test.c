/* Nested records taken apart: names, order, and what stays whole (contract.md S-20, S-10). */
#include "schemas/flat.h"

#include <stdio.h>

#include "schemas/avro_schema.h"
#include "tests/support/mr_test.h"

#define F(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define R(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"

static struct {
    struct mr_route route;
    struct mr_arena arena;
    struct mr_schema *schema;
    struct mr_err err;
} f;

MR_SETUP
{
    memset(&f, 0, sizeof f);
    f.route.nested_delimiter = "_";
    mr_arena_init(&f.arena, 0, 0);
    mr_err_clear(&f.err);
}

MR_TEARDOWN
{
    mr_schema_unref(f.schema);
    mr_arena_release(&f.arena);
}

/* "a(2) a_b a_c d": entries with the number of those behind them that are theirs. */
static const char *entries(const char *json)
{
    static char text[4096];
    struct mr_schema_text source = {json, strlen(json)};
    struct mr_schema_opts opts = {.lenient_names = true};
    struct mr_flat flat;
    size_t len = 0;
    mr_schema_unref(f.schema);
    f.schema = NULL;
    MR_CHECK_OK(mr_schema_parse(&source, 1, &opts, &f.schema, &f.err));
    if (mr_flat_make(f.schema->root, &f.route, &f.arena, &flat, &f.err) < 0)
        return mr_code_printed((int)f.err.code);
    text[0] = '\0';
    for (uint32_t i = 0; i < flat.n; i++) {
        char inner[16] = "";
        if (flat.fields[i].n_inner > 0)
            (void)snprintf(inner, sizeof inner, "(%u)", (unsigned)flat.fields[i].n_inner);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s%s", i > 0 ? " " : "",
                                flat.fields[i].name, inner);
        MR_CHECK(flat.fields[i].top == (strchr(flat.fields[i].name, '_') == NULL));
        MR_CHECK_INT(mr_flat_find(&flat, flat.fields[i].name), i);
    }
    MR_CHECK_INT(mr_flat_find(&flat, "nothing"), -1);
    return text;
}

MR_TEST("nested records, nullable or not, are entries in front of their fields'")
{
    static const char json[] =
        R("V",
          F("x", "\"int\"") "," F(
              "a", R("A", F("b", "\"int\"") "," F(
                              "c", "[\"null\"," R("C", F("d", "\"int\"")) "]"))) "," F("y",
                                                                                       "\"int\""));
    MR_CHECK_STR(entries(json), "x a(3) a_b a_c(1) a_c_d y");
    f.route.nested_delimiter = NULL;
    MR_CHECK_STR(entries(json), "x a y");
    MR_CHECK_STR(entries(R("V", "")), "");
}

MR_TEST("what is no plain record stays one value: arrays, maps, unions, empty and meaningful ones")
{
    static const char list[] = "{\"type\":\"array\",\"items\":" R("L", F("b", "\"int\"")) "}";
    static const char decimal[] =
        "{\"type\":\"record\",\"name\":\"D\",\"connect.name\":"
        "\"io.debezium.data.VariableScaleDecimal\",\"fields\":["
        "{\"name\":\"scale\",\"type\":\"int\"},{\"name\":\"value\",\"type\":\"bytes\"}]}";
    char json[2048];
    (void)snprintf(json, sizeof json,
                   "{\"type\":\"record\",\"name\":\"V\",\"fields\":["
                   "{\"name\":\"e\",\"type\":%s},{\"name\":\"l\",\"type\":%s},"
                   "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"L\"}},"
                   "{\"name\":\"u\",\"type\":[\"int\",\"L\"]},{\"name\":\"n\",\"type\":%s}]}",
                   R("E", ""), list, decimal);
    MR_CHECK_STR(entries(json), "e l m u n");
}

#define P(a, b) a "," b
#define INT(name) F(name, "\"int\"")
#define MAYBE(name, type) F(name, "[\"null\",\"" type "\"]")

/* S-10 */
MR_TEST("a record that leads back to itself stays whole, and so does what leads back to the row")
{
    MR_CHECK_STR(entries(R("V", P(F("a", R("A", P(INT("b"), MAYBE("n", "A")))), INT("z")))), "a z");
    MR_CHECK_STR(entries(R("V", P(MAYBE("p", "V"), INT("z")))), "p z");
    MR_CHECK_STR(
        entries(R("V", P(F("a", R("A", F("b", R("B", P(INT("c"), MAYBE("a", "A")))))), INT("z")))),
        "a z");
    /* the same type twice is no loop */
    MR_CHECK_STR(entries(R("V", P(F("a", R("A", INT("b"))), F("z", "\"A\"")))),
                 "a(1) a_b z(1) z_b");
}

MR_TEST("a record that the route names stays whole")
{
    static const struct mr_route_column column = {.field = "a_c"};
    static const char *const exclude[] = {"d"};
    static const char json[] = R("V", F("a", R("A", F("c", R("C", F("x", "\"int\""))))) "," F(
                                          "d", "\"C\"") "," F("e", "\"C\""));
    f.route.columns = &column;
    f.route.n_columns = 1;
    f.route.exclude = exclude;
    f.route.n_exclude = 1;
    MR_CHECK_STR(entries(json), "a(1) a_c d e(1) e_x");
}

MR_TEST("depth and number of entries are bounded")
{
    static char json[65536];
    size_t len = 0;
    /* V holds R0 ... R19, each the next */
    len += (size_t)snprintf(json, sizeof json, "{\"type\":\"record\",\"name\":\"V\",\"fields\":[");
    for (int i = 0; i < 20; i++)
        len += (size_t)snprintf(json + len, sizeof json - len,
                                "{\"name\":\"r\",\"type\":{\"type\":\"record\",\"name\":\"R%d\","
                                "\"fields\":[",
                                i);
    len += (size_t)snprintf(json + len, sizeof json - len, F("v", "\"int\""));
    for (int i = 0; i < 20; i++)
        len += (size_t)snprintf(json + len, sizeof json - len, "]}}");
    (void)snprintf(json + len, sizeof json - len, "]}");
    const char *text = entries(json);
    unsigned n = 1;
    for (const char *at = text; *at != '\0'; at++)
        n += *at == ' ' ? 1 : 0;
    MR_CHECK_U64(n, MR_FLAT_MAX_DEPTH);
    /* 15 levels of two fields of one type each: 2^15 leaves */
    len = 0;
    len += (size_t)snprintf(json, sizeof json, "{\"type\":\"record\",\"name\":\"V\",\"fields\":[");
    for (int i = 0; i < 15; i++)
        len += (size_t)snprintf(json + len, sizeof json - len,
                                "{\"name\":\"r\",\"type\":{\"type\":\"record\",\"name\":\"R%d\","
                                "\"fields\":[",
                                i);
    len += (size_t)snprintf(json + len, sizeof json - len, F("v", "\"int\""));
    for (int i = 14; i >= 0; i--)
        len += (size_t)snprintf(json + len, sizeof json - len,
                                "]}},{\"name\":\"s\",\"type\":\"R%d\"}", i);
    (void)snprintf(json + len, sizeof json - len, "]}");
    MR_CHECK_STR(entries(json), "schema.too_large");
}
