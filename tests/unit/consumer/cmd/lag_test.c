/* `millrace lag` without a broker: what it prints where nothing was loaded, and how it fails. With
 * a broker: tests/component/lag_test.c. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "tests/support/cmd_call.h"
#include "tests/support/conf_files.h"
#include "tests/support/mr_test.h"

#include "base/ban.h"

static struct conf_files conf;
static struct cmd_call call;

MR_SETUP
{
    conf_files_init(&conf);
}

MR_TEARDOWN
{
    conf_files_release(&conf);
}

static int lag(const char *url, const char *option)
{
    char text[512];
    const char *words[] = {"lag", "-c", NULL, option, NULL};

    snprintf(text, sizeof text,
             "pipeline = \"p\"; kafka: { bootstrap_servers = \"127.0.0.1:1\"; };\n"
             "target: { url = \"%s\"; };\ntables = ( { topic = \"t\"; } );\n",
             url);
    words[2] = conf_files_write(&conf, "lag.conf", text);
    cmd_call_run(&call, words);
    return call.code;
}

static const char *db_url(void)
{
    static char url[200];

    snprintf(url, sizeof url, "sqlite:%s", conf_files_db(&conf));
    return url;
}

MR_TEST("a pipeline that has no position yet has no partitions, and needs no broker")
{
    MR_CHECK_INT(lag(db_url(), NULL), EX_OK);
    MR_CHECK(strncmp(call.out, "TOPIC ", 6) == 0);
    MR_CHECK(strstr(call.out, "PARTITION    COMMITTED     POSITION          END        LAG    "
                              "SECONDS\n") != NULL);
    MR_CHECK(strstr(call.out, "\n0 partitions, 0 records behind\n") != NULL);
    MR_CHECK_INT(lag(db_url(), "--json"), EX_OK);
    MR_CHECK_STR(call.out, "[]\n");
}

MR_TEST("a target that cannot be opened is said on standard error, and nothing is printed")
{
    MR_CHECK(lag("sqlite:/nonexistent-folder/x.db", NULL) != EX_OK);
    MR_CHECK_STR(call.out, "");
    MR_CHECK(strncmp(call.err, "millrace: ", 10) == 0);
}

MR_TEST("a configuration that is refused ends with its code")
{
    MR_CHECK_INT(lag("mysql://x", NULL), EX_CONFIG);
    MR_CHECK_STR(call.out, "");
}
