/* The options of `millrace demo`: what is refused before anything starts. */
#include <string.h>
#include <sysexits.h>

#include "tests/support/cmd_call.h"
#include "tests/support/mr_test.h"

#include "base/ban.h"

static struct cmd_call call;

static int refused(const char *option, const char *value)
{
    cmd_call_run(&call, (const char *const[]){"demo", option, value, NULL});
    MR_CHECK_STR(call.out, "");
    return call.code;
}

MR_TEST("numbers that are none, or out of their range, are refused as usage")
{
    MR_CHECK_INT(refused("--rows", "999"), EX_USAGE);
    MR_CHECK_INT(refused("--rows", "1000000001"), EX_USAGE);
    MR_CHECK_INT(refused("--rows", "9999999999999999999999"), EX_USAGE);
    MR_CHECK_INT(refused("--rows", "many"), EX_USAGE);
    MR_CHECK_INT(refused("--rows", ""), EX_USAGE);
    MR_CHECK_INT(refused("--seed", "-1"), EX_USAGE);
    MR_CHECK(strstr(call.err, "--seed wants a whole number") != NULL);
}

MR_TEST("a configuration of one's own is refused, with the way to set single keys")
{
    MR_CHECK_INT(refused("-c", "own.conf"), EX_USAGE);
    MR_CHECK(strstr(call.err, "use -o") != NULL);
}

MR_TEST("a target that cannot be compared is refused as configuration")
{
    MR_CHECK_INT(refused("--target", "stdout:"), EX_CONFIG);
    MR_CHECK(strstr(call.err, "cannot be compared") != NULL);
    MR_CHECK_INT(refused("--target", "mysql://x"), EX_CONFIG);
}

MR_TEST("the help names every option")
{
    cmd_call_run(&call, (const char *const[]){"demo", "--help", NULL});
    MR_CHECK_INT(call.code, EX_OK);
    for (const char *const *option =
             (const char *const[]){"--rows", "--target", "--seed", "--keep", NULL};
         *option != NULL; option++)
        MR_CHECK(strstr(call.out, *option) != NULL);
}
