/* A Kafka client that cannot go on (contract.md K-09): `millrace run` against a mock cluster, with
 * the client's own switch for a fatal error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <sqlite3.h>

#include "base/fault.h"
#include "tests/support/cmd_call.h"
#include "tests/support/conf_files.h"
#include "tests/support/kafka_rig.h"
#include "tests/support/mr_test.h"

#if defined(MR_FAULTS) && MR_FAULTS

enum { N_RECORDS = 500 };

static struct kafka_rig rig;
static struct conf_files conf;
static struct cmd_call call;
static char dir[64];

MR_SETUP
{
    conf_files_init(&conf);
    snprintf(dir, sizeof dir, "/tmp/mr-anew-XXXXXX");
    MR_CHECK(mkdtemp(dir) != NULL);
    kafka_rig_open(&rig, "orders", 2);
    for (int32_t p = 0; p < 2; p++)
        kafka_rig_produce(&rig, p, N_RECORDS);
}

MR_TEARDOWN
{
    char command[128];

    mr_fault_disarm_all();
    kafka_rig_close(&rig);
    conf_files_release(&conf);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    MR_CHECK_INT(system(command), 0);
}

static int run(void)
{
    char text[1024];
    const char *words[] = {"run", "-c", NULL, "--until-caught-up", NULL};

    snprintf(text, sizeof text,
             "pipeline = \"p\";\n"
             "kafka: { bootstrap_servers = \"%s\"; session_timeout_ms = 6000; };\n"
             "log: { level = \"warn\"; };\n"
             "target: { url = \"sqlite:%s/t.db\"; };\nhttp: { listen = \"\"; };\n"
             "tables = ( { topic = \"orders\"; table = \"t\"; strategy = \"append\";\n"
             "  key_format = \"string\"; value_format = \"string\"; value_column = \"v\"; } );\n",
             mr_demo_broker_bootstrap(rig.broker), dir);
    words[2] = conf_files_write(&conf, "run.conf", text);
    cmd_call_run(&call, words);
    return call.code;
}

static int number(const char *sql)
{
    char path[128];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;

    snprintf(path, sizeof path, "%s/t.db", dir);
    MR_CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    MR_CHECK_INT(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    MR_CHECK_INT(sqlite3_step(stmt), SQLITE_ROW);
    int n = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return n;
}

static int times_told(const char *event)
{
    int n = 0;

    for (const char *at = strstr(call.err, event); at != NULL; at = strstr(at + 1, event))
        n++;
    return n;
}

/* K-09 */
MR_TEST("a client that cannot go on is made anew, and every record is there once")
{
    mr_fault_arm(MR_FAULT_KAFKA_FATAL, 5, 1);
    MR_CHECK_INT(run(), EX_OK);
    MR_CHECK_INT(times_told("event=client_made_anew"), 1);
    MR_CHECK_INT(number("SELECT count(*) FROM t"), 2 * N_RECORDS);
    MR_CHECK_INT(number("SELECT count(DISTINCT v) FROM t"), N_RECORDS);
}

/* K-09 */
MR_TEST("where the new client cannot go on either, the process ends")
{
    mr_fault_arm(MR_FAULT_KAFKA_FATAL, 5, 0);
    MR_CHECK_INT(run(), EX_UNAVAILABLE);
    MR_CHECK_INT(times_told("event=client_made_anew"), 1);
    MR_CHECK(strstr(call.err, "source.fatal") != NULL);
}

#else

MR_TEST("this build has no faults")
{
}

#endif
