#include "consumer/cmd/cmd.h"

#include <string.h>
#include <sysexits.h>

#include "tests/support/cmd_call.h"
#include "tests/support/mr_test.h"

static struct cmd_call call;

#define RUN(...) cmd_call_run(&call, (const char *const[]){__VA_ARGS__, NULL})

static void shows(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        MR_FAIL("\"%s\" is not in:\n%s", part, text);
}

MR_TEST("help and version are printed to standard output")
{
    RUN("--help");
    MR_CHECK_INT(call.code, EX_OK);
    shows(call.out, "Usage: millrace COMMAND");
    shows(call.out, "  config ");
    shows(call.out, "-c, --config FILE");
    MR_CHECK_STR(call.err, "");
    RUN("--version");
    MR_CHECK_INT(call.code, EX_OK);
    shows(call.out, "millrace 0.");
    RUN("config", "--version");
    shows(call.out, "millrace 0.");
}

MR_TEST("an unknown command is a usage error that names the nearest")
{
    RUN("cofnig");
    MR_CHECK_INT(call.code, EX_USAGE);
    shows(call.err, "did you mean millrace config?");
    MR_CHECK_STR(call.out, "");
    RUN("zzzzzz");
    MR_CHECK_INT(call.code, EX_USAGE);
    shows(call.err, "zzzzzz is not a command");
}

MR_TEST("a command line without a command is a usage error")
{
    cmd_call_run(&call, (const char *const[]){NULL});
    MR_CHECK_INT(call.code, EX_USAGE);
    shows(call.err, "no command");
    RUN("-c", "x.conf", "config");
    MR_CHECK_INT(call.code, EX_USAGE);
    shows(call.err, "write millrace COMMAND OPTIONS");
}

MR_TEST("options that a command lacks, values that are missing and words too many are usage errors")
{
    RUN("config", "--rows", "3");
    MR_CHECK_INT(call.code, EX_USAGE);
    shows(call.err, "--rows is not an option of this command");
    RUN("config", "-x");
    shows(call.err, "-x is not an option of this command");
    RUN("config", "-c");
    MR_CHECK_INT(call.code, EX_USAGE);
    shows(call.err, "-c needs a value");
    RUN("config", "word", "--json");
    MR_CHECK_INT(call.code, EX_USAGE);
    shows(call.err, "word is one word too many");
}

MR_TEST("-o is taken as often as its limit says, and no more")
{
    const char *words[MR_CMD_OVERRIDES + 3] = {"config"};
    for (int i = 1; i <= MR_CMD_OVERRIDES + 1; i++)
        words[i] = "-olanes=2";
    words[MR_CMD_OVERRIDES + 1] = NULL;
    cmd_call_run(&call, words);
    MR_CHECK_INT(call.code, EX_CONFIG);
    shows(call.err, "`pipeline` is missing");
    words[MR_CMD_OVERRIDES + 1] = "-olanes=2";
    cmd_call_run(&call, words);
    MR_CHECK_INT(call.code, EX_USAGE);
    shows(call.err, "is repeated too often");
}

MR_TEST("an error ends with the exit code of its class")
{
    RUN("config", "-c", "/nonexistent/x.conf");
    MR_CHECK_INT(call.code, EX_CONFIG);
    shows(call.err, "millrace: config.invalid");
    shows(call.err, "/nonexistent/x.conf");
    RUN("config", "-o", "nonsense");
    MR_CHECK_INT(call.code, EX_USAGE);
    shows(call.err, "write -o key=value");
}
