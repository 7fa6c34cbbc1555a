/* The test library tests itself. Its failing paths are run as a child program by
 * tests/lint/test_lint.py with MR_TEST_PROVOKE set: a check that cannot fail would make every other
 * test worthless. */
#include "tests/support/mr_test.h"

#include <stdlib.h>
#include <string.h>

static int n_setups;
static int n_teardowns;
static int n_evaluated;

/* The kind of failure to provoke; an empty one in a normal run. */
static const char *provoked(void)
{
    const char *kind = getenv("MR_TEST_PROVOKE");
    return kind == NULL ? "" : kind;
}

MR_SETUP
{
    n_setups++;
}

MR_TEARDOWN
{
    n_teardowns++;
}

static int next_number(void)
{
    return ++n_evaluated;
}

MR_TEST("setup runs before and teardown after each test")
{
    MR_CHECK_INT(n_setups, n_teardowns + 1);
}

MR_TEST("a check evaluates its arguments once")
{
    MR_CHECK_INT(next_number(), 1);
    MR_CHECK_INT(n_evaluated, 1);
}

MR_TEST("equal values pass each check")
{
    char copy[] = "same";
    MR_CHECK(copy[0] == 's');
    MR_CHECK_OK(0);
    MR_CHECK_INT(-1, -1);
    MR_CHECK_U64(UINT64_MAX, UINT64_MAX);
    MR_CHECK_STR(copy, "same");
    MR_CHECK_STR(NULL, NULL);
    MR_CHECK_MEM("a\0b", "a\0b", 3);
}

MR_TEST("a provoked failure of any check fails the program")
{
    const char *kind = provoked();
    if (strcmp(kind, "check") == 0)
        MR_CHECK(kind[0] == 'x');
    if (strcmp(kind, "ok") == 0)
        MR_CHECK_OK(-1);
    if (strcmp(kind, "int") == 0)
        MR_CHECK_INT(1, 2);
    if (strcmp(kind, "u64") == 0)
        MR_CHECK_U64(1, 2);
    if (strcmp(kind, "str") == 0)
        MR_CHECK_STR("a", "b");
    if (strcmp(kind, "null") == 0)
        MR_CHECK_STR(NULL, "b");
    if (strcmp(kind, "mem") == 0)
        MR_CHECK_MEM("a\0b", "a\0c", 3);
    if (strcmp(kind, "fail") == 0)
        MR_FAIL("provoked, %s", "as asked");
    if (strcmp(kind, "crash") == 0)
        abort();
    if (strcmp(kind, "skip") == 0)
        MR_SKIP("provoked");
}
