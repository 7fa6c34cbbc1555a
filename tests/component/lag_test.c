/* `millrace lag` with a mock broker and positions in a SQLite file: the figures of each partition,
 * as a table and as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

#include "sinks/sink.h"
#include "tests/support/cmd_call.h"
#include "tests/support/conf_files.h"
#include "tests/support/kafka_rig.h"
#include "tests/support/mr_test.h"

static struct kafka_rig rig;
static struct conf_files conf;
static struct cmd_call call;
static char dir[64];
static char url[128];
static struct mr_env env;

MR_SETUP
{
    conf_files_init(&conf);
    mr_env_init_system(&env);
    snprintf(dir, sizeof dir, "/tmp/mr-lag-XXXXXX");
    MR_CHECK(mkdtemp(dir) != NULL);
    snprintf(url, sizeof url, "sqlite:%s/lag.db", dir);
    kafka_rig_open(&rig, "orders", 3);
}

MR_TEARDOWN
{
    char command[128];

    kafka_rig_close(&rig);
    conf_files_release(&conf);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    MR_CHECK_INT(system(command), 0);
}

/* Moves the position of a claimed partition as a flush does. */
static void position_put(struct mr_sink *sink, const struct mr_claim *claim, int64_t next,
                         int64_t timestamp_ms)
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_session *session = NULL;
    struct mr_span span = {.stream = claim->position.stream,
                           .partition = claim->position.partition,
                           .slots = 1,
                           .epoch = claim->position.epoch,
                           .expected = claim->position.next_offset,
                           .next = next,
                           .leader_epoch = -1,
                           .timestamp_ms = timestamp_ms};

    MR_CHECK_OK(sink->ops->session_open(sink, &session, &err));
    MR_CHECK_OK(sink->ops->begin(session, NULL, 0, &span, 1, &err));
    MR_CHECK_OK(sink->ops->put_positions(session, &span, 1, &err));
    MR_CHECK_OK(sink->ops->commit(session, &err));
    sink->ops->session_close(session);
}

/* Positions as a loader left them: partition p at next[p]. */
static void loaded_up_to(const int64_t *next, int32_t n, int64_t timestamp_ms)
{
    struct mr_sink_opts opts = {.url = url,
                                .schema = "public",
                                .control_schema = "millrace",
                                .pipeline = "p",
                                .group_id = "p",
                                .instance_id = "i",
                                .pool_max = 2,
                                .pool_wait_ms = 5000,
                                .statement_timeout_ms = 5000,
                                .lock_timeout_ms = 5000,
                                .env = env};
    struct mr_sink *sink = NULL;
    struct mr_err err = MR_ERR_INIT;
    char target_id[MR_TARGET_ID_BYTES];

    MR_CHECK_OK(mr_sink_sqlite.open(&opts, &sink, &err));
    MR_CHECK_OK(sink->ops->setup(sink, target_id, &err));
    for (int32_t p = 0; p < n; p++) {
        struct mr_claim claim = {.start_offset = 0, .start_leader_epoch = -1};
        snprintf(claim.position.stream, sizeof claim.position.stream, "orders");
        claim.position.partition = p;
        claim.position.slots = 1;
        MR_CHECK_OK(sink->ops->claim(sink, &claim, 1, &err));
        if (next[p] > 0)
            position_put(sink, &claim, next[p], timestamp_ms);
    }
    sink->ops->close(sink);
}

static int lag(const char *brokers, const char *option)
{
    char text[512];
    const char *words[] = {"lag", "-c", NULL, option, NULL};

    snprintf(text, sizeof text,
             "pipeline = \"p\"; kafka: { bootstrap_servers = \"%s\"; };\n"
             "target: { url = \"%s\"; };\ntables = ( { topic = \"orders\"; } );\n",
             brokers, url);
    words[2] = conf_files_write(&conf, "lag.conf", text);
    cmd_call_run(&call, words);
    return call.code;
}

static int64_t number(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

MR_TEST("each partition is one line: committed, position, end, lag, and all of them together")
{
    static const int64_t next[] = {40, 100, 0};

    kafka_rig_produce(&rig, 0, 100);
    kafka_rig_produce(&rig, 1, 100);
    loaded_up_to(next, 3, -1);
    MR_CHECK_INT(lag(mr_demo_broker_bootstrap(rig.broker), NULL), EX_OK);
    static const char *const lines[] = {
        "\norders                                           0           -1           40          "
        "100         60        0.0\n",
        "\norders                                           1           -1          100          "
        "100          0        0.0\n",
        "\norders                                           2           -1            0            "
        "0          0        0.0\n",
        "\n3 partitions, 60 records behind\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (strstr(call.out, lines[i]) == NULL)
            MR_FAIL("no line%sin\n%s", lines[i], call.out);
}

MR_TEST("as JSON the figures are the same, and lag has an age where the last record has a time")
{
    static const int64_t next[] = {40, 100};
    json_error_t error;

    kafka_rig_produce(&rig, 0, 100);
    kafka_rig_produce(&rig, 1, 100);
    loaded_up_to(next, 2, mr_wall_ms(&env) - 90000);
    MR_CHECK_INT(lag(mr_demo_broker_bootstrap(rig.broker), "--json"), EX_OK);
    json_t *root = json_loads(call.out, 0, &error);
    MR_CHECK_U64(json_array_size(root), 2);
    const json_t *row = json_array_get(root, 0);
    MR_CHECK_STR(json_string_value(json_object_get(row, "topic")), "orders");
    MR_CHECK_INT(number(row, "partition"), 0);
    MR_CHECK_INT(number(row, "position"), 40);
    MR_CHECK_INT(number(row, "end"), 100);
    MR_CHECK_INT(number(row, "lag"), 60);
    MR_CHECK_INT(number(row, "committed"), -1);
    double seconds = json_real_value(json_object_get(row, "lag_seconds"));
    MR_CHECK(seconds >= 90 && seconds < 400);
    row = json_array_get(root, 1);
    MR_CHECK_INT(number(row, "lag"), 0);
    MR_CHECK(json_real_value(json_object_get(row, "lag_seconds")) == 0);
    json_decref(root);
}

MR_TEST("a partition that is gone has no end and no lag, and the others are told all the same")
{
    static const int64_t next[] = {1, 1, 1, 1};

    kafka_rig_produce(&rig, 0, 10);
    loaded_up_to(next, 4, mr_wall_ms(&env) - 90000); /* the fourth partition does not exist */
    MR_CHECK_INT(lag(mr_demo_broker_bootstrap(rig.broker), NULL), EX_OK);
    static const char *const lines[] = {
        "\norders                                           0           -1            1           "
        "10          9 ",
        "\norders                                           3           -1            1           "
        "-1         -1        0.0\n",
        "\n4 partitions, 9 records behind\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (strstr(call.out, lines[i]) == NULL)
            MR_FAIL("no line%sin\n%s", lines[i], call.out);
}
