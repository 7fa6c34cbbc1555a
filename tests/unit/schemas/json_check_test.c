/* JSON text that is to be stored (contract.md T-30, T-31). */
#include <stdlib.h>

#include "schemas/json_text.h"
#include "tests/support/mr_test.h"

static const char *check(const char *text, bool jsonb)
{
    struct mr_err err;
    int rc = mr_json_check(mr_slice_str(text), jsonb, &err);
    return rc < 0 ? mr_code_printed(rc) : "ok";
}

MR_TEST("well-formed texts pass")
{
    static const char *const good[] = {"null",
                                       " true ",
                                       "false",
                                       "0",
                                       "-0",
                                       "-1.5e+3",
                                       "1E2",
                                       "\"\"",
                                       "[]",
                                       "{}",
                                       "[ ]",
                                       "{ }",
                                       "[1,[2,{\"a\":[]}],{}]",
                                       "{\"a\":1,\"b\":{\"c\":null}}",
                                       "\"\\u00e9\\n\\\"\\/\"",
                                       "\"\\ud83d\\ude00\"",
                                       "\t[\r\n1 , 2 ]\n"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        MR_CHECK_STR(check(good[i], true), "ok");
}

MR_TEST("malformed texts are refused")
{
    static const char *const bad[] = {"",           " ",
                                      "nul",        "tru",
                                      "01",         "1.",
                                      ".5",         "-",
                                      "1e",         "+1",
                                      "\"",         "\"\\x\"",
                                      "\"\\u12\"",  "\"\x01\"",
                                      "[",          "]",
                                      "[1",         "[1,]",
                                      "[,1]",       "[1 2]",
                                      "{",          "{1:2}",
                                      "{\"a\"}",    "{\"a\":}",
                                      "{\"a\":1,}", "{\"a\":1 \"b\":2}",
                                      "1 2",        "[1}",
                                      "{\"a\":1]",  "NaN",
                                      "'a'"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (strcmp(check(bad[i], false), "value.invalid_json") != 0)
            MR_FAIL("%s is %s", bad[i], check(bad[i], false));
    }
}

/* T-31 */
MR_TEST("jsonb refuses what json may hold")
{
    static const char *const cases[][3] = {
        {"\"\\u0000\"", "value.json_nul", "ok"},
        {"{\"\\u0000\":1}", "value.json_nul", "ok"},
        {"\"\\ud800\"", "value.invalid_json", "ok"},
        {"\"\\ud800\\u0041\"", "value.invalid_json", "ok"},
        {"\"\\udc00\"", "value.invalid_json", "ok"},
        {"1e131072", "value.out_of_range", "ok"},
        {"1e131071", "ok", "ok"},
        {"1e-16384", "value.out_of_range", "ok"},
        {"\"\xff\"", "value.utf8", "value.utf8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MR_CHECK_STR(check(cases[i][0], true), cases[i][1]);
        MR_CHECK_STR(check(cases[i][0], false), cases[i][2]);
    }
}

/* T-31 */
MR_TEST("1,000 levels pass, 1,001 do not")
{
    char text[2 * (MR_JSON_MAX_DEPTH + 1) + 1];
    for (int depth = MR_JSON_MAX_DEPTH; depth <= MR_JSON_MAX_DEPTH + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        MR_CHECK_STR(check(text, true), depth > MR_JSON_MAX_DEPTH ? "value.too_large" : "ok");
    }
}
