/* The table of codes, the error's text, and the exit codes of design.md section 8. */
#include "base/err.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/mr_test.h"

static struct mr_err err;
static char text[1024];

MR_SETUP
{
    mr_err_clear(&err);
}

MR_TEST("a cleared error has no place")
{
    MR_CHECK_INT(err.code, MR_OK);
    MR_CHECK_INT(err.partition, -1);
    MR_CHECK_INT(err.offset, -1);
    MR_CHECK_STR(err.topic, "");
}

MR_TEST("setting an error takes class and owner from the table and returns the negative code")
{
    MR_CHECK_INT(mr_err_set(&err, MR_AVRO_TRAILING, "%d bytes", 3), -MR_AVRO_TRAILING);
    MR_CHECK_INT(err.class, MR_CLASS_POISON);
    MR_CHECK_INT(err.owner, MR_OWNER_SOURCE);
    MR_CHECK_STR(err.detail, "3 bytes");
}

MR_TEST("an error may be set without a place to keep it")
{
    MR_CHECK_INT(mr_err_set(NULL, MR_FULL, "%s", "unused"), -MR_FULL);
    MR_CHECK_INT(mr_err_set_db(NULL, MR_CLASS_RETRY, "40001", "%s", "unused"), -MR_DB);
}

MR_TEST("setting an error keeps the place and forgets an old SQLSTATE")
{
    (void)mr_err_set_db(&err, MR_CLASS_POISON, "23505", "duplicate");
    (void)mr_err_at(&err, "orders", 7, 88123);
    (void)mr_err_set(&err, MR_VALUE_UTF8, "byte 4");
    MR_CHECK_STR(err.topic, "orders");
    MR_CHECK_INT(err.offset, 88123);
    MR_CHECK_STR(err.sqlstate, "");
}

MR_TEST("a detail may be built from the error's own text")
{
    (void)mr_err_set(&err, MR_DB, "inner");
    (void)mr_err_set(&err, MR_DB, "outer: %s", err.detail);
    MR_CHECK_STR(err.detail, "outer: inner");
}

MR_TEST("the server's refusal carries the class of its SQLSTATE and prints it")
{
    MR_CHECK_INT(mr_err_set_db(&err, MR_CLASS_POISON, "23505", "key (id)=(%d)", 1), -MR_DB);
    MR_CHECK_INT(err.class, MR_CLASS_POISON);
    MR_CHECK_INT(err.owner, MR_OWNER_TARGET);
    MR_CHECK_STR(mr_err_printed(&err, text, sizeof text), "db.23505");
}

MR_TEST("a refusal without SQLSTATE prints the bare code, and a longer one is cut to five")
{
    (void)mr_err_set_db(&err, MR_CLASS_RETRY, NULL, "gone");
    MR_CHECK_STR(mr_err_printed(&err, text, sizeof text), "db");
    (void)mr_err_set_db(&err, MR_CLASS_RETRY, "40001x", "gone");
    MR_CHECK_STR(mr_err_printed(&err, text, sizeof text), "db.40001");
}

MR_TEST("adding a place returns the code again and leaves unknown names alone")
{
    (void)mr_err_set(&err, MR_VALUE_UTF8, "byte 4");
    MR_CHECK_INT(mr_err_in(&err, "public.orders", "note"), -MR_VALUE_UTF8);
    MR_CHECK_INT(mr_err_in(&err, NULL, "other"), -MR_VALUE_UTF8);
    MR_CHECK_STR(err.table, "public.orders");
    MR_CHECK_STR(err.column, "other");
    MR_CHECK_INT(mr_err_at(&err, NULL, 1, 2), -MR_VALUE_UTF8);
    MR_CHECK_STR(err.topic, "");
}

MR_TEST("a name that does not fit is cut between two characters")
{
    char name[MR_ERR_NAME_BYTES + 8];
    memset(name, 'x', sizeof name);
    memcpy(name + MR_ERR_NAME_BYTES - 2, "\xc3\xa9", 2); /* its second byte does not fit */
    name[sizeof name - 1] = '\0';
    (void)mr_err_in(&err, name, NULL);
    MR_CHECK_U64(strlen(err.table), MR_ERR_NAME_BYTES - 2);
}

MR_TEST("a detail that does not fit is cut between two characters")
{
    char detail[MR_ERR_DETAIL_BYTES + 8];
    for (size_t lead = 1; lead <= 3; lead++) { /* bytes of the character that still fit */
        memset(detail, 'x', sizeof detail);
        memcpy(detail + MR_ERR_DETAIL_BYTES - 1 - lead, "\xf0\x9f\x98\x80", 4);
        detail[sizeof detail - 1] = '\0';
        (void)mr_err_set(&err, MR_VALUE_UTF8, "%s", detail);
        MR_CHECK_U64(strlen(err.detail), MR_ERR_DETAIL_BYTES - 1 - lead);
    }
    memcpy(detail + MR_ERR_DETAIL_BYTES - 5, "\xf0\x9f\x98\x80z", 5);
    (void)mr_err_set(&err, MR_VALUE_UTF8, "%s", detail);
    MR_CHECK_U64(strlen(err.detail), MR_ERR_DETAIL_BYTES - 1);
}

MR_TEST("the line for people says what failed, where, why and what to do")
{
    (void)mr_err_set(&err, MR_VALUE_NUL, "at byte %d", 12);
    (void)mr_err_at(&err, "orders", 7, 88123);
    (void)mr_err_in(&err, "public.orders", "note");
    MR_CHECK_STR(mr_err_line(&err, text, sizeof text),
                 "value.nul: a string holds U+0000, which the target cannot store: at byte 12 "
                 "(topic orders, partition 7, offset 88123, table public.orders, column note). "
                 "Set text_nul = \"strip\" or \"replace\".");
}

MR_TEST("the line leaves out what is not known")
{
    (void)mr_err_set(&err, MR_CONFIG_USAGE, "%s", "");
    MR_CHECK_STR(mr_err_line(&err, text, sizeof text),
                 "config.usage: the command line cannot be used. See millrace --help.");
}

MR_TEST("the remedy begins a sentence, whatever the detail ends with")
{
    static const struct {
        const char *detail;
        const char *line;
    } cases[] = {
        {"no such key", "no such key. See millrace --help."},
        {"did you mean lag?", "did you mean lag? See millrace --help."},
        {"It is taken.", "It is taken. See millrace --help."},
        {"stop!", "stop! See millrace --help."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[512];
        mr_err_clear(&err);
        mr_err_set(&err, MR_CONFIG_USAGE, "%s", cases[i].detail);
        snprintf(expected, sizeof expected, "config.usage: the command line cannot be used: %s",
                 cases[i].line);
        MR_CHECK_STR(mr_err_line(&err, text, sizeof text), expected);
        mr_err_at(&err, "t", 0, 1);
        mr_err_line(&err, text, sizeof text);
        MR_CHECK(strstr(text, " (topic t, partition 0, offset 1). See") != NULL);
    }
}

MR_TEST("a line is cut at the caller's room and stays terminated")
{
    char small[16];
    (void)mr_err_set(&err, MR_VALUE_NUL, "at byte %d", 12);
    MR_CHECK_STR(mr_err_line(&err, small, sizeof small), "value.nul: a st");
    small[0] = 'k';
    (void)mr_err_line(&err, small, 0);
    (void)mr_err_printed(&err, small, 0);
    MR_CHECK_INT(small[0], 'k');
}

MR_TEST("every code has a printed form, a text, a class, an owner and, but for flow, a remedy")
{
    for (int rc = 1; rc < (int)MR_N_CODES; rc++) {
        const char *printed = mr_code_printed(rc);
        bool dotted = strchr(printed, '.') != NULL || rc == MR_DB;
        if (!dotted || mr_code_text(rc)[0] == '\0' || mr_code_class(rc) >= MR_N_CLASSES ||
            mr_code_owner(rc) >= MR_N_OWNERS)
            MR_FAIL("%s is incomplete", printed);
        if (mr_code_class(rc) != MR_CLASS_FLOW && strlen(mr_code_remedy(rc)) < 8)
            MR_FAIL("%s has no remedy", printed);
        size_t len = strlen(mr_code_remedy(rc));
        if (len > 0 && mr_code_remedy(rc)[len - 1] != '.')
            MR_FAIL("the remedy of %s is no sentence", printed);
    }
}

MR_TEST("two codes share a printed form only where their classes differ")
{
    for (int a = 1; a < (int)MR_N_CODES; a++) {
        for (int b = a + 1; b < (int)MR_N_CODES; b++) {
            if (strcmp(mr_code_printed(a), mr_code_printed(b)) == 0 &&
                mr_code_class(a) == mr_code_class(b))
                MR_FAIL("%s stands twice", mr_code_printed(a));
        }
    }
}

MR_TEST("the table answers for a code and for its negative, and takes an unknown one for a bug")
{
    MR_CHECK_STR(mr_code_printed(MR_SOURCE_GAP), "source.gap");
    MR_CHECK_STR(mr_code_printed(-MR_SOURCE_GAP), "source.gap");
    MR_CHECK_STR(mr_code_printed(0), "ok");
    MR_CHECK_INT(mr_code_class(MR_N_CODES), MR_CLASS_BUG);
    MR_CHECK_INT(mr_code_class(-100000), MR_CLASS_BUG);
    MR_CHECK_INT(mr_code_class(INT32_MIN), MR_CLASS_BUG);
}

MR_TEST("classes and owners have the names of the log and of the metrics")
{
    MR_CHECK_STR(mr_class_name(MR_CLASS_RETRY), "RETRY");
    MR_CHECK_STR(mr_class_name(MR_CLASS_BUG), "BUG");
    MR_CHECK_STR(mr_owner_name(MR_OWNER_SOURCE), "source");
    MR_CHECK_STR(mr_owner_name(MR_OWNER_INTERNAL), "internal");
}

MR_TEST("a process ends with sysexits' code of its error")
{
    static const struct {
        enum mr_code code;
        int exit_code;
    } cases[] = {
        {MR_CONFIG_USAGE, 64},
        {MR_AVRO_TRAILING, 65},
        {MR_SOURCE_AWAY, 69},
        {MR_REGISTRY_AWAY, 69},
        {MR_BUG, 70},
        {MR_FULL, 70},
        {MR_IO, 74},
        {MR_POISON_FLOOD, 75},
        {MR_NO_MEMORY, 70},
        {MR_FENCED, 75},
        {MR_TARGET_AUTH, 77},
        {MR_SOURCE_PRIVILEGE, 77},
        {MR_CONFIG_RANGE, 78},
        {MR_KEY_UNNAMED, 78},
        {MR_SOURCE_DUPLICATE_INSTANCE, 78},
        {MR_TARGET_CONTROL_NEWER, 78},
    };
    MR_CHECK_INT(mr_err_exit_code(&err), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)mr_err_set(&err, cases[i].code, "%s", "");
        int exit_code = mr_err_exit_code(&err);
        if (exit_code != cases[i].exit_code)
            MR_FAIL("%s: %d, want %d", mr_code_printed((int)cases[i].code), exit_code,
                    cases[i].exit_code);
    }
}

/* */
MR_TEST("a refused right in the database ends with the permission code, an outage does not")
{
    (void)mr_err_set_db(&err, MR_CLASS_HALT, "42501", "permission denied");
    MR_CHECK_INT(mr_err_exit_code(&err), 77);
    (void)mr_err_set_db(&err, MR_CLASS_HALT, "28P01", "password");
    MR_CHECK_INT(mr_err_exit_code(&err), 77);
    (void)mr_err_set_db(&err, MR_CLASS_RETRY, "57P01", "shutdown");
    MR_CHECK_INT(mr_err_exit_code(&err), 75);
}

/* JSON and the dead letter table take nothing else */
MR_TEST("a detail is UTF-8, whatever a library or a cut name put into it")
{
    (void)mr_err_set(&err, MR_IO, "caf\xe9 '%.*s' \xc3\xa9", 2, "a\xc3\xa9");
    MR_CHECK_STR(err.detail, "caf? 'a?' \xc3\xa9");
    (void)mr_err_set_db(&err, MR_CLASS_HALT, "28P01", "\xff\xfe");
    MR_CHECK_STR(err.detail, "??");
}
