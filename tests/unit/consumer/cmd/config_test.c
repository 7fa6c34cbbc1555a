#include <string.h>
#include <sysexits.h>

#include "tests/support/cmd_call.h"
#include "tests/support/mr_test.h"

static struct cmd_call call;

#define RUN(...) cmd_call_run(&call, (const char *const[]){__VA_ARGS__, NULL})
#define SMALLEST "-opipeline=p", "-otarget.url=postgresql://u:hunter2@h/d", "-otables[0].topic=t"

static void shows(const char *part)
{
    if (strstr(call.out, part) == NULL)
        MR_FAIL("\"%s\" is not in:\n%s%s", part, call.out, call.err);
}

MR_TEST("config prints the effective configuration with origins and without secrets")
{
    RUN("config", SMALLEST, "-okafka.sasl_password=hunter2");
    MR_CHECK_INT(call.code, EX_OK);
    shows("pipeline                                 = \"p\"  # -o\n");
    shows("batch.max_rows                           = 20000  # default\n");
    shows("kafka.sasl.password                      = \"(secret)\"  # -o\n");
    MR_CHECK(strstr(call.out, "hunter2") == NULL);
}

MR_TEST("config --json prints an object")
{
    RUN("config", "--json", SMALLEST);
    MR_CHECK_INT(call.code, EX_OK);
    MR_CHECK(strncmp(call.out, "{\n  \"options\": [", 16) == 0);
    shows("{\"key\": \"lanes\", \"value\": 4, \"origin\": \"default\"}");
}

MR_TEST("config asks the Kafka client whether a property exists")
{
    RUN("config", SMALLEST, "-okafka.no_such_property=1");
    MR_CHECK_INT(call.code, EX_CONFIG);
    MR_CHECK(strstr(call.err, "the Kafka client refuses it") != NULL);
}

MR_TEST("config --reference needs no configuration")
{
    RUN("config", "--reference");
    MR_CHECK_INT(call.code, EX_OK);
    MR_CHECK(strncmp(call.out, "# Configuration\n", 16) == 0);
}

MR_TEST("config --metrics needs no configuration")
{
    RUN("config", "--metrics");
    MR_CHECK_INT(call.code, EX_OK);
    MR_CHECK(strncmp(call.out, "# Metrics\n", 10) == 0);
}

MR_TEST("config --help lists the keys")
{
    RUN("config", "--help");
    MR_CHECK_INT(call.code, EX_OK);
    shows("Usage: millrace config [OPTIONS]");
    shows("--reference");
    shows("  batch.max_wait ");
}
