/* From a source's name to the target's: I-02, I-03 (contract.md section 7). */
#include "schemas/identifier.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/mr_test.h"

static struct mr_identifier_opts opts;
static char out[128];
static struct mr_err err;

MR_SETUP
{
    opts = (struct mr_identifier_opts){.max_bytes = 63};
    memset(out, '#', sizeof out);
    mr_err_clear(&err);
}

static int make(const char *text)
{
    return mr_identifier_make(text, strlen(text), &opts, out, sizeof out, &err);
}

/* I-02, case 142 */
MR_TEST("a name is kept as it is: case, quotes, blanks and reserved words")
{
    static const char *const names[] = {
        "Order", "select", "a\"b", " a b ", "prix_\xc3\xa9t\xc3\xa9", "1st"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        MR_CHECK_OK(make(names[i]));
        MR_CHECK_STR(out, names[i]);
    }
}

/* I-02 */
MR_TEST("only ASCII letters are folded, and only where it is asked for")
{
    opts.letter_case = MR_CASE_LOWER;
    MR_CHECK_OK(make("Id_\xc3\x89@[`{Z"));
    MR_CHECK_STR(out, "id_\xc3\x89@[`{z");
    opts.letter_case = MR_CASE_UPPER;
    MR_CHECK_OK(make("Id_\xc3\xa9@[`{z"));
    MR_CHECK_STR(out, "ID_\xc3\xa9@[`{Z");
}

/* I-02 */
MR_TEST("an empty name, U+0000 and what is not UTF-8 are refused")
{
    static const struct {
        const char *text;
        size_t len;
    } bad[] = {{"", 0}, {"a\0b", 3}, {"a\xc3", 2}, {"\xed\xa0\x80", 3}, {"\xff", 1}};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int rc = mr_identifier_make(bad[i].text, bad[i].len, &opts, out, sizeof out, &err);
        MR_CHECK_INT(rc, -MR_IDENTIFIER_INVALID);
        MR_CHECK_INT(err.class, MR_CLASS_HALT);
    }
}

/* I-03, case 143; the hash is sha256sum's, of 64 times a */
MR_TEST("a name of 63 bytes is kept, one of 64 keeps its first 54 bytes and gets a hash")
{
    char name[80];

    memset(name, 'a', sizeof name);
    name[63] = '\0';
    MR_CHECK_OK(make(name));
    MR_CHECK_STR(out, name);
    name[63] = 'a';
    name[64] = '\0';
    MR_CHECK_OK(make(name));
    MR_CHECK_STR(out, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_ffe054fe");
}

/* I-03 */
MR_TEST("two long names that differ in their last byte stay two, and one name gives one result")
{
    char name[101];
    char first[128];

    memset(name, 'n', 100);
    name[100] = '\0';
    MR_CHECK_OK(make(name));
    memcpy(first, out, sizeof first);
    MR_CHECK_OK(make(name));
    MR_CHECK_STR(out, first);
    name[99] = 'm';
    MR_CHECK_OK(make(name));
    MR_CHECK(strcmp(out, first) != 0);
    MR_CHECK_U64(strlen(out), 63);
}

/* I-03, case 144 */
MR_TEST("a long name is cut at a character's border")
{
    char name[128] = "";

    for (int i = 0; i < 40; i++)
        memcpy(name + (size_t)2 * (size_t)i, "\xc3\xa9", 3);
    MR_CHECK_OK(make(name));
    MR_CHECK_U64(strlen(out), 63);
    MR_CHECK_MEM(out, name, 54);
    memmove(name + 1, name, 81);
    name[0] = 'x'; /* now byte 54 is the second one of a character */
    MR_CHECK_OK(make(name));
    MR_CHECK_U64(strlen(out), 62);
    MR_CHECK_MEM(out, name, 53);
    MR_CHECK_INT(out[53], '_');
    MR_CHECK(mr_utf8_valid((const uint8_t *)out, strlen(out)));
}

/* I-03 */
MR_TEST("with identifier_long = halt a long name is refused, with its length and the limit")
{
    char name[65];

    opts.long_halt = true;
    memset(name, 'a', 64);
    name[64] = '\0';
    MR_CHECK_INT(make(name), -MR_IDENTIFIER_INVALID);
    MR_CHECK(strstr(err.detail, "64 bytes") != NULL);
    MR_CHECK(strstr(err.detail, "takes 63") != NULL);
    name[63] = '\0';
    MR_CHECK_OK(make(name));
}

/* the text goes into JSON and into dead letters, which take nothing but UTF-8 */
MR_TEST("a refusal shows a very long name cut at a character's border")
{
    char name[128] = "x";

    opts.long_halt = true;
    for (size_t i = 0; i < 60; i++)
        memcpy(name + 1 + 2 * i, "\xc3\xa9", 3);
    MR_CHECK_INT(make(name), -MR_IDENTIFIER_INVALID);
    MR_CHECK(mr_utf8_valid((const uint8_t *)err.detail, strlen(err.detail)));
    MR_CHECK(strstr(err.detail, "\xc3\xa9' has 121 bytes") != NULL);
}

MR_TEST("the hash is of the name before it is folded, so that two cases stay two names")
{
    char upper[71];
    char lower[71];
    char first[128];

    memset(upper, 'A', 70);
    memset(lower, 'a', 70);
    upper[70] = lower[70] = '\0';
    opts.letter_case = MR_CASE_LOWER;
    MR_CHECK_OK(make(upper));
    memcpy(first, out, sizeof first);
    MR_CHECK_OK(make(lower));
    MR_CHECK_MEM(out, first, 55);
    MR_CHECK(strcmp(out, first) != 0);
}

MR_TEST("another server's limit is kept too, and too little room is our own fault")
{
    opts.max_bytes = 30;
    MR_CHECK_OK(make("a_name_of_more_than_thirty_bytes"));
    MR_CHECK_U64(strlen(out), 30);
    MR_CHECK_INT(mr_identifier_make("a", 1, &opts, out, 30, &err), -MR_BUG);
    opts.max_bytes = 9;
    MR_CHECK_INT(make("a"), -MR_BUG);
}
