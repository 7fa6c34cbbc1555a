/* The list of findings: counts, exit code, and what people and psql read of it. */
#include "sinks/findings.h"

#include <string.h>
#include <sysexits.h>

#include "tests/support/mr_test.h"

static struct mr_findings list;
static struct mr_buf out;

MR_SETUP
{
    mr_findings_init(&list);
    out = (struct mr_buf)MR_BUF_INIT;
}

MR_TEARDOWN
{
    mr_findings_release(&list);
    mr_buf_release(&out);
}

static void fault(enum mr_code code)
{
    struct mr_err err = MR_ERR_INIT;
    (void)mr_err_set(&err, code, "why");
    mr_findings_fault(&list, "it", &err);
}

/* design.md section 8: exit codes */
MR_TEST("without a fault all is well, and else the first fault's class decides")
{
    static const struct {
        enum mr_code code;
        int exit_code;
    } cases[] = {{MR_SOURCE_AWAY, EX_UNAVAILABLE},         {MR_REGISTRY_AWAY, EX_UNAVAILABLE},
                 {MR_TARGET_AWAY, EX_UNAVAILABLE},         {MR_TARGET_PRIVILEGE, EX_NOPERM},
                 {MR_SOURCE_PRIVILEGE, EX_NOPERM},         {MR_CONFIG_INVALID, EX_CONFIG},
                 {MR_TARGET_CONTROL_NEWER, EX_CONFIG},     {MR_SCHEMA_INVALID, EX_DATAERR},
                 {MR_SOURCE_TOPIC_MISSING, EX_UNAVAILABLE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mr_findings_release(&list);
        mr_findings_init(&list);
        mr_findings_add(&list, MR_FINDING_WARNING, "a", "b");
        mr_findings_add(&list, MR_FINDING_SKIPPED, "a", "b");
        MR_CHECK_INT(mr_findings_exit_code(&list), EX_OK);
        fault(cases[i].code);
        fault(MR_SCHEMA_INVALID);
        if (mr_findings_exit_code(&list) != cases[i].exit_code)
            MR_FAIL("%s: %d, not %d", mr_code_printed((int)cases[i].code),
                    mr_findings_exit_code(&list), cases[i].exit_code);
    }
}

MR_TEST("a refusal of the server exits as the permission that it is")
{
    struct mr_err err = MR_ERR_INIT;
    (void)mr_err_set_db(&err, MR_CLASS_HALT, "42501", "permission denied");
    mr_findings_fault(&list, "t", &err);
    MR_CHECK_INT(mr_findings_exit_code(&list), EX_NOPERM);
    MR_CHECK_STR(list.items[0].what, "db.42501: permission denied");
    mr_findings_exit(&list, EX_DATAERR);
    MR_CHECK_INT(mr_findings_exit_code(&list), EX_DATAERR);
}

MR_TEST("people read one line a finding, its remedy and statement below, and the counts at the end")
{
    list.check = "topics";
    mr_findings_add(&list, MR_FINDING_OK, "orders", "%d partitions", 3);
    list.check = "rights";
    fault(MR_TARGET_PRIVILEGE);
    mr_findings_remedy(&list, "Ask.");
    mr_findings_sql(&list, "GRANT x TO y");
    mr_findings_print(&list, &out);
    MR_CHECK_STR(mr_buf_cstr(&out), "ok       topics orders 3 partitions\n"
                                    "fault    rights it     target.privilege: why\n"
                                    "                -> Ask.\n"
                                    "                -> GRANT x TO y\n"
                                    "1 ok, 0 notes, 0 warnings, 1 faults\n");
}

MR_TEST("what was not checked is counted only where there is such")
{
    mr_findings_add(&list, MR_FINDING_SKIPPED, "t", "not checked: x");
    mr_findings_print(&list, &out);
    MR_CHECK(strstr(mr_buf_cstr(&out), "0 faults, 1 not checked\n") != NULL);
}

MR_TEST("the script has each statement once, and no name ends its comment")
{
    mr_findings_script(&list, &out);
    MR_CHECK_STR(mr_buf_cstr(&out), "-- no statement is needed\n");
    mr_buf_reset(&out);
    for (int i = 0; i < 2; i++) {
        mr_findings_add(&list, MR_FINDING_FAULT, "a\nDROP TABLE b", "x");
        mr_findings_sql(&list, "GRANT 1;\nGRANT 2");
    }
    mr_findings_script(&list, &out);
    MR_CHECK_STR(mr_buf_cstr(&out), "-- a DROP TABLE b\nGRANT 1;\nGRANT 2;\n");
}

MR_TEST("the script names what was not checked, and says only without such that nothing is needed")
{
    mr_findings_add(&list, MR_FINDING_SKIPPED, "tables\nDROP TABLE a", "not checked: brokers");
    mr_findings_add(&list, MR_FINDING_SKIPPED, "rights", "why\nDROP TABLE b");
    mr_findings_script(&list, &out);
    MR_CHECK_STR(mr_buf_cstr(&out), "-- not checked: tables DROP TABLE a (brokers)\n"
                                    "-- not checked: rights (why DROP TABLE b)\n");
    mr_buf_reset(&out);
    mr_findings_add(&list, MR_FINDING_FAULT, "t", "x");
    mr_findings_sql(&list, "GRANT 1");
    mr_findings_script(&list, &out);
    MR_CHECK(strstr(mr_buf_cstr(&out), "(why DROP TABLE b)\n-- t\nGRANT 1;\n") != NULL);
}

MR_TEST("the list grows, and its texts are its own")
{
    char text[16] = "changes";
    for (int i = 0; i < 1000; i++)
        mr_findings_add(&list, MR_FINDING_NOTE, text, "%d", i);
    memset(text, 'x', 7);
    MR_CHECK_U64(list.n, 1000);
    MR_CHECK_U64(list.counts[MR_FINDING_NOTE], 1000);
    MR_CHECK_STR(list.items[0].subject, "changes");
    MR_CHECK_STR(list.items[999].what, "999");
}

MR_TEST("a text that is too long is cut between two characters")
{
    char text[2 * MR_ERR_DETAIL_BYTES];
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "\xe6\xbc\xa2", 4);
    mr_findings_add(&list, MR_FINDING_NOTE, "t", "%s", text);
    MR_CHECK_U64(strlen(list.items[0].what) % 3, 0);
    MR_CHECK(strlen(list.items[0].what) > MR_ERR_DETAIL_BYTES - 8);
}
