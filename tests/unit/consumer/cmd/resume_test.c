/* `millrace resume` where nothing runs, and wrong words. With an instance:
 * tests/integration/test_resume.py. */
#include <string.h>
#include <sysexits.h>

#include "tests/support/cmd_call.h"
#include "tests/support/conf_files.h"
#include "tests/support/mr_test.h"

#include "base/ban.h"

static struct conf_files conf;
static struct cmd_call call;
static const char *file;

MR_SETUP
{
    conf_files_init(&conf);
    file = conf_files_write(&conf, "resume.conf",
                            "pipeline = \"p\"; kafka: { bootstrap_servers = \"127.0.0.1:1\"; };\n"
                            "target: { url = \"stdout:\"; }; http: { listen = \"127.0.0.1:1\"; };\n"
                            "tables = ( { topic = \"t\"; } );\n");
}

MR_TEARDOWN
{
    conf_files_release(&conf);
}

MR_TEST("an instance that does not run cannot go on")
{
    cmd_call_run(&call, (const char *[]){"resume", "-c", file, "t", NULL});
    MR_CHECK_INT(call.code, EX_UNAVAILABLE);
    MR_CHECK(strstr(call.err, "instance.away") != NULL);
}

MR_TEST("a route must be named, and a number be one")
{
    static const char *const wrong[] = {"-1", "x", "", "1x", "1000000001"};

    cmd_call_run(&call, (const char *[]){"resume", "-c", file, NULL});
    MR_CHECK_INT(call.code, EX_USAGE);
    cmd_call_run(&call, (const char *[]){"resume", "-c", file, "t", "u", NULL});
    MR_CHECK_INT(call.code, EX_USAGE);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cmd_call_run(&call,
                     (const char *[]){"resume", "-c", file, "--accept", wrong[i], "t", NULL});
        if (call.code != EX_USAGE)
            MR_FAIL("taken: --accept %s", wrong[i]);
    }
}
