/* Which checks are run: in their order, and not where one that they need has a fault. */
#include "consumer/check.h"

#include <string.h>

#include "tests/support/mr_test.h"

static struct mr_check check;
static struct mr_buf ran;

MR_SETUP
{
    mr_check_open(&check, NULL);
    ran = (struct mr_buf)MR_BUF_INIT;
}

MR_TEARDOWN
{
    mr_check_close(&check);
    mr_buf_release(&ran);
}

static void good(struct mr_check *of)
{
    mr_buf_fmt(&ran, "%s ", of->findings.check);
    mr_findings_add(&of->findings, MR_FINDING_WARNING, "x", "a warning is no fault");
}

static void bad(struct mr_check *of)
{
    mr_buf_fmt(&ran, "%s! ", of->findings.check);
    mr_findings_add(&of->findings, MR_FINDING_FAULT, "x", "y");
}

MR_TEST("a check whose needs are met is run, and warnings meet them")
{
    static const struct mr_check_row rows[] = {
        {"a", {NULL}, "", good}, {"b", {"a"}, "", good}, {"c", {"a", "b"}, "", good}};
    mr_check_rows(&check, rows, 3);
    MR_CHECK_STR(mr_buf_cstr(&ran), "a b c ");
    MR_CHECK_U64(check.findings.counts[MR_FINDING_SKIPPED], 0);
}

MR_TEST("a check that needs a failed one is not run, nor is what needs that; others are")
{
    static const struct mr_check_row rows[] = {{"a", {NULL}, "the first", bad},
                                               {"b", {NULL}, "the second", good},
                                               {"c", {"b", "a"}, "the third", good},
                                               {"d", {"c"}, "the fourth", good},
                                               {"e", {"b"}, "the fifth", good}};
    mr_check_rows(&check, rows, 5);
    MR_CHECK_STR(mr_buf_cstr(&ran), "a! b e ");
    MR_CHECK_U64(check.findings.counts[MR_FINDING_SKIPPED], 2);
    MR_CHECK_STR(check.findings.items[2].subject, "the third");
    MR_CHECK_STR(check.findings.items[2].what, "not checked: a");
    MR_CHECK_STR(check.findings.items[3].what, "not checked: c");
}
