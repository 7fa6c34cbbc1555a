#include "config/scan.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/mr_test.h"

/* Each token as its kind's letter and its text. */
static const char *tokens(const char *text)
{
    static char out[512];
    static const char letters[] = "EWNSPIoc";
    struct mr_scan scan;
    size_t used = 0;
    mr_scan_init(&scan, text, strlen(text));
    for (;;) {
        struct mr_token token = mr_scan_next(&scan);
        used += (size_t)snprintf(out + used, sizeof(out) - used, "%c:%.*s@%u ", letters[token.kind],
                                 (int)token.len, token.text, token.line);
        if (token.kind == MR_TOKEN_END || token.kind == MR_TOKEN_OPEN_STRING ||
            token.kind == MR_TOKEN_OPEN_COMMENT)
            return out;
    }
}

static const char *complaint(const char *text)
{
    static struct mr_err err;
    struct mr_scan scan;
    struct mr_scan_rules rules;
    struct mr_token token;
    int rc = 0;
    mr_err_clear(&err);
    mr_scan_init(&scan, text, strlen(text));
    mr_scan_rules_init(&rules);
    do {
        token = mr_scan_next(&scan);
        rc = mr_scan_rules_step(&rules, &token, "f", &err);
    } while (rc == 0 && token.kind != MR_TOKEN_END);
    return rc == 0 ? "" : err.detail;
}

static void says(const char *text, const char *why)
{
    if (strstr(complaint(text), why) == NULL)
        MR_FAIL("%s: \"%s\" does not say \"%s\"", text, complaint(text), why);
}

MR_TEST("words, numbers, strings and marks are told apart, comments are none of them")
{
    MR_CHECK_STR(tokens("a-b = -5L; # x\n // y\n/* z\n */ s=\"q\\\"r\";"),
                 "W:a-b@1 P:=@1 N:-5L@1 P:;@1 W:s@4 P:=@4 S:q\\\"r@4 P:;@4 E:@4 ");
    MR_CHECK_STR(tokens("1.5e-3 0xFF"), "N:1.5e-3@1 N:0xFF@1 E:@1 ");
    MR_CHECK_STR(tokens("s = \"# no comment // nor this /*\""),
                 "W:s@1 P:=@1 S:# no comment // nor this /*@1 E:@1 ");
}

MR_TEST("an include is one only at the start of a line")
{
    MR_CHECK_STR(tokens("  @include \"a b.conf\"\nx"), "I:a b.conf@1 W:x@2 E:@2 ");
    MR_CHECK_STR(tokens("s=\"\n@include\";"), "W:s@1 P:=@1 S:\n@include@1 P:;@2 E:@2 ");
    MR_CHECK_STR(tokens("x @include \"a\""), "W:x@1 P:@@1 W:include@1 S:a@1 E:@1 ");
}

MR_TEST("a string or comment without an end is given with the line where it begins")
{
    MR_CHECK_STR(tokens("\na = \"x\ny"), "W:a@2 P:=@2 o:x\ny@2 ");
    MR_CHECK_STR(tokens("a\n/* b"), "W:a@1 c:@1 ");
    says("a = 1;\nb = \"x;\n", "f:2: the string that begins here has no end");
    says("a /* b", "a comment after this line has no end");
}

MR_TEST("a number beyond 32 bits without L is refused, since libconfig 1.5 wraps it")
{
    says("a = 3000000000;", "f:1: 3000000000 does not fit 32 bits");
    says("a = 3000000000;", "write it with an L: 3000000000L");
    says("a = -2147483649;", "does not fit 32 bits");
    says("a = 0xFFFFFFFF;", "does not fit 32 bits");
    says("a = 99999999999999999999L;", "does not fit 64 bits");
    MR_CHECK_STR(complaint("a = 2147483647; b = -2147483648; c = 3000000000L; d = 0x7FFFFFFF;"),
                 "");
    MR_CHECK_STR(complaint("e = 1.5; f = 2e10; g = 9223372036854775807LL;"), "");
}

MR_TEST("what libconfig calls a syntax error is explained")
{
    says("a = 500ms;", "\"500ms\"");
    says("a = 127.0.0.1;", "in quotes");
    says("a = info;", "`info` without quotes is no value");
    says("a = [ b ];", "`b` without quotes");
    says("a = (1, 2,);", "remove the last comma");
    says("a = [\"x\" \"y\"];", "add the comma");
    says("\"a\" = 1;", "a key stands without quotes");
    says("_a = 1;", "cannot begin with `_`");
    says("a.b = 1;", "cannot hold a dot");
    says("a = { b = (1; };", "`}` where the `(` of line 1 wants its `)`");
    says("a = 1; }", "closes nothing");
    says("a = 'x';", "double quotes");
    says("a @include \"x\"", "on a line of its own");
    says("a=((((((((((((((((((1", "nested more than 16 deep");
    says("a = 00000000000000000000000000000000000000000000000001;", "a number of 50 digits");
}

MR_TEST("what libconfig allows passes")
{
    MR_CHECK_STR(complaint("a = \"x\" \"y\"; b : { c = true, };"), "");
    MR_CHECK_STR(
        complaint("a = 1, b : { c = true; d = FALSE }, e = ( { f = \"x\" \"y\"; }, [1, 2] )"), "");
}
