/* `millrace positions` without a broker: the words that it takes, and what it lists of a SQLite
 * file. With brokers: tests/integration/test_positions.py. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "sinks/sink.h"
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

static int positions(const char *url, const char *const *words)
{
    char text[512];
    const char *all[12] = {"positions", "-c", NULL};
    size_t n = 3;

    snprintf(text, sizeof text,
             "pipeline = \"p\"; kafka: { bootstrap_servers = \"127.0.0.1:1\"; };\n"
             "target: { url = \"%s\"; };\ntables = ( { topic = \"t\"; } );\n",
             url);
    all[2] = conf_files_write(&conf, "positions.conf", text);
    for (size_t i = 0; words[i] != NULL; i++)
        all[n++] = words[i];
    cmd_call_run(&call, all);
    return call.code;
}

static const char *db_url(void)
{
    static char url[200];

    snprintf(url, sizeof url, "sqlite:%s", conf_files_db(&conf));
    return url;
}

static void stored(const char *stream, int32_t partition, int64_t next)
{
    struct mr_sink_opts opts = {.url = db_url(),
                                .schema = "public",
                                .control_schema = "millrace",
                                .pipeline = "p",
                                .group_id = "p",
                                .instance_id = "one",
                                .pool_max = 2,
                                .pool_wait_ms = 5000,
                                .lock_timeout_ms = 5000};
    struct mr_sink *sink = NULL;
    struct mr_err err = MR_ERR_INIT;
    char target_id[MR_TARGET_ID_BYTES];
    struct mr_claim claim = {.start_offset = next, .start_leader_epoch = 4};

    mr_env_init_system(&opts.env);
    MR_CHECK_OK(mr_sink_sqlite.open(&opts, &sink, &err));
    MR_CHECK_OK(sink->ops->setup(sink, target_id, &err));
    snprintf(claim.position.stream, sizeof claim.position.stream, "%s", stream);
    snprintf(claim.position.stream_id, sizeof claim.position.stream_id, "id-of-%s", stream);
    claim.position.partition = partition;
    claim.position.slots = 1;
    MR_CHECK_OK(sink->ops->claim(sink, &claim, 1, &err));
    sink->ops->close(sink);
}

MR_TEST("words that make no sense together are 64, and nothing is asked or made")
{
    static const char *const wrong[][6] = {
        {NULL},
        {"move", "t", NULL},
        {"list", "--yes", NULL},
        {"list", "--to", "earliest", NULL},
        {"set", "t", NULL},
        {"set", "--to", "earliest", NULL},
        {"set", "t", "--to", "committed", NULL},
        {"set", "t", "--all", "--to", "1", NULL},
        {"reset", NULL},
        {"reset", "t/x", NULL},
        {"reset", "t/0", "--to", "soon", NULL},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        MR_CHECK_INT(positions("sqlite:/nonexistent-folder/x.db", wrong[i]), EX_USAGE);
        MR_CHECK_STR(call.out, "");
    }
}

MR_TEST("list needs no broker, and tells those that are named")
{
    stored("orders", 0, 7);
    stored("orders", 1, 8);
    stored("items", 0, 9);
    MR_CHECK_INT(positions(db_url(), (const char *const[]){"list", NULL}), EX_OK);
    MR_CHECK(strstr(call.out, "\n3 positions\n") != NULL);
    MR_CHECK_INT(positions(db_url(), (const char *const[]){"list", "orders/1", NULL}), EX_OK);
    MR_CHECK(strstr(call.out,
                    "\norders                                           1    0            "
                    "8        1       4  one") != NULL);
    MR_CHECK(strstr(call.out, "\n1 positions\n") != NULL);
    MR_CHECK_INT(positions(db_url(), (const char *const[]){"list", "items", "--json", NULL}),
                 EX_OK);
    MR_CHECK(strstr(call.out, "\"topic_id\": \"id-of-items\"") != NULL);
    MR_CHECK(strstr(call.out, "\"next_offset\": 9") != NULL);
    MR_CHECK(strstr(call.out, "\"record_timestamp_ms\": null") != NULL);
    MR_CHECK(strstr(call.out, "orders") == NULL);
    MR_CHECK_INT(positions(db_url(), (const char *const[]){"list", "none", "--json", NULL}), EX_OK);
    MR_CHECK_STR(call.out, "[]\n");
}

MR_TEST("a target that keeps no positions is told as that")
{
    MR_CHECK_INT(positions("stdout:", (const char *const[]){"list", NULL}), EX_USAGE);
    MR_CHECK(strstr(call.err, "keeps no positions") != NULL);
}
