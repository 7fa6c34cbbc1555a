/* Cutting JSON into tokens: what is accepted, what is refused and where, and strings. */
#include "schemas/json_tokens.h"

#include "tests/support/mr_test.h"

static struct mr_json_doc doc;
static struct mr_buf text;
static struct mr_err err;

MR_SETUP
{
    mr_err_clear(&err);
}

MR_TEARDOWN
{
    mr_json_doc_release(&doc);
    mr_buf_release(&text);
}

static int parse(const char *json)
{
    return mr_json_doc_parse(&doc, mr_slice_str(json), &err);
}

MR_TEST("tokens keep kind, place, number of members, and what comes behind")
{
    MR_CHECK_OK(parse(" {\"a\": [1, 2.5e3, -0], \"b\":{}, \"c\" : null} "));
    MR_CHECK_U64(doc.n_tokens, 10);
    MR_CHECK_INT(doc.tokens[0].kind, MR_JSON_OBJECT);
    MR_CHECK_U64(doc.tokens[0].n, 3);
    MR_CHECK_U64(doc.tokens[0].next, 10);
    MR_CHECK_INT(doc.tokens[2].kind, MR_JSON_ARRAY);
    MR_CHECK_U64(doc.tokens[2].n, 3);
    MR_CHECK_U64(doc.tokens[2].next, 6);
    MR_CHECK_INT(doc.tokens[3].kind, MR_JSON_INTEGER);
    MR_CHECK_INT(doc.tokens[4].kind, MR_JSON_REAL);
    MR_CHECK(mr_slice_eq(mr_json_doc_raw(&doc, 2), mr_slice_str("[1, 2.5e3, -0]")));
    MR_CHECK(mr_slice_eq(mr_json_doc_raw(&doc, 7), mr_slice_str("{}")));
    MR_CHECK_U64(doc.tokens[7].n, 0);
    MR_CHECK_U64(mr_json_doc_find(&doc, 0, "c"), 9);
    MR_CHECK_U64(mr_json_doc_find(&doc, 0, "d"), MR_JSON_NO_TOKEN);
}

MR_TEST("of equal names the last one counts")
{
    MR_CHECK_OK(parse("{\"a\":1,\"b\":2,\"\\u0061\":3}"));
    MR_CHECK(mr_slice_eq(mr_json_doc_raw(&doc, mr_json_doc_find(&doc, 0, "a")), mr_slice_str("3")));
}

/* F-11 */
MR_TEST("F-11: bad JSON is framing.bad_json with its offset")
{
    static const struct {
        const char *json;
        const char *detail;
    } cases[] = {
        {"", "the text ends too early at byte 0"},
        {"{\"a\":1", "the text ends too early at byte 6"},
        {"[1,]", "an unknown word at byte 3"},
        {"{\"a\" 1}", "no colon at byte 5"},
        {"{1:2}", "no member name at byte 1"},
        {"[1 2]", "no comma at byte 3"},
        {"[1}", "no comma at byte 2"},
        {"01", "a number with a leading zero at byte 2"},
        {"1.", "a wrong number at byte 2"},
        {"1e", "a wrong number at byte 2"},
        {"nul", "an unknown word at byte 0"},
        {"NaN", "an unknown word at byte 0"},
        {"\"\\x\"", "a wrong escape at byte 3"},
        {"\"\\u12g4\"", "a wrong escape at byte 5"},
        {"\"a\nb\"", "a control character in a string at byte 2"},
        {"\"abc", "a cut string at byte 4"},
        {"1 2", "text behind the value at byte 2"},
        {"\"\xc0\x80\"", "the text is not UTF-8"},
        {"\"\xed\xa0\x80\"", "the text is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MR_CHECK_INT(parse(cases[i].json), -MR_FRAMING_BAD_JSON);
        MR_CHECK_STR(err.detail, cases[i].detail);
    }
}

MR_TEST("64 levels are accepted, 65 are not")
{
    char json[131];
    memset(json, '[', 65);
    memset(json + 65, ']', 65);
    MR_CHECK_OK(mr_json_doc_parse(&doc, (struct mr_slice){(uint8_t *)json + 1, 128}, &err));
    MR_CHECK_U64(doc.n_tokens, 64);
    MR_CHECK_INT(mr_json_doc_parse(&doc, (struct mr_slice){(uint8_t *)json, 130}, &err),
                 -MR_FRAMING_BAD_JSON);
    MR_CHECK_STR(err.detail, "more than 64 levels at byte 64");
}

MR_TEST("escapes are undone, a lone surrogate is refused")
{
    MR_CHECK_OK(parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00fc\\u20ac\\ud83d\\ude42x\""));
    MR_CHECK(mr_json_doc_text(&doc, 0, &text));
    MR_CHECK_STR(mr_buf_cstr(&text), "\"\\/\b\f\n\r\t\xc3\xbc\xe2\x82\xac\xf0\x9f\x99\x82x");
    static const char *const lone[] = {"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"",
                                       "\"\\ud800\\u0041\""};
    for (size_t i = 0; i < 4; i++) {
        MR_CHECK_OK(parse(lone[i]));
        mr_buf_reset(&text);
        MR_CHECK(!mr_json_doc_text(&doc, 0, &text));
    }
}
