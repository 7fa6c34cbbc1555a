/* A configuration for which memory lacks: each allocation fails once, and the answer says that,
 * never that the file is at fault. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "config/config.h"
#include "tests/support/conf_files.h"
#include "tests/support/memory_gate.h"
#include "tests/support/mr_test.h"

static struct conf_files conf;
static struct mr_buf want;
static struct mr_buf got;

MR_SETUP
{
    conf_files_init(&conf);
}

MR_TEARDOWN
{
    (void)memory_gate_disarm();
    conf_files_release(&conf);
    mr_buf_release(&want);
    mr_buf_release(&got);
}

static int any_property(struct mr_kafka_check *check, void *arg)
{
    (void)arg;
    snprintf(check->canonical, sizeof check->canonical, "%s", check->name);
    return 0;
}

/* All there is of syntax, and enough of it for buffers and arenas to grow. */
static void large_file(void)
{
    static char text[16384];
    size_t len = 0;
    conf_files_write(&conf, "secret.txt", "hush\n");
    conf_files_write(&conf, "more.conf", "fetch_min_bytes = 10;\nclient_rack = \"a\";\n");
    len += (size_t)snprintf(
        text, sizeof text,
        "pipeline = \"p\";\n"
        "kafka: { bootstrap_servers = \"${env:BROKER:-b:9}\";\n"
        "@include \"more.conf\"\n"
        "  sasl_password = \"${file:secret.txt}\"; socket_keepalive_enable = true; };\n"
        "target: { url = \"sqlite:x.db\"; pool: { max = 20; }; };\n"
        "registry: { url = [ \"http://a:1\", \"http://b:2\" ]; };\n"
        "registries = ( { name = \"b\"; url = \"http://c\"; } );\n"
        "dlq: { max_ratio = 0.5; };\n"
        "tables = (\n");
    for (int i = 0; i < 25; i++)
        len += (size_t)snprintf(
            text + len, sizeof text - len,
            "  { topic = \"topic_%d\"; table = \"t%d\"; key_columns = [ \"a\", \"b\" ];\n"
            "    columns = ( { field = \"f\"; name = \"g\"; } ); },\n",
            i, i);
    (void)snprintf(
        text + len, sizeof text - len,
        "  { topic_regex = \"^s\\\\.(.*)$\"; table = \"u\"; strategy = \"append\"; } );\n");
    conf_files_write(&conf, "large.conf", text);
}

static int loads(void *arg, struct mr_err *err)
{
    (void)arg;
    int rc = conf_files_load(&conf, conf.paths[2]);
    *err = conf.err;
    return rc;
}

static int prints(void *arg, struct mr_err *err)
{
    (void)arg;
    mr_buf_release(&got);
    int rc = mr_config_print(conf.config, true, &got);
    return rc < 0 ? mr_err_set(err, (enum mr_code) - rc, "printing") : 0;
}

static void is_whole(void *arg, int rc)
{
    (void)arg;
    struct mr_err err = MR_ERR_INIT;
    if (rc < 0)
        return;
    MR_CHECK_OK(prints(NULL, &err));
    MR_CHECK_STR(mr_buf_cstr(&got), mr_buf_cstr(&want));
}

static void printed_whole(void *arg, int rc)
{
    (void)arg;
    if (rc == 0)
        MR_CHECK_STR(mr_buf_cstr(&got), mr_buf_cstr(&want));
}

/* G-07 */
MR_TEST("a configuration for which memory lacks anywhere says so, and is read the next time")
{
    conf.kafka_check = any_property;
    conf.environment[0] = "BROKER";
    conf.environment[1] = "broker:9092";
    conf.environment[2] = "DATABASE_URL";
    conf.environment[3] = "sqlite:y.db";
    conf.overrides[0] = "batch.max_rows=5";
    conf.overrides[1] = "registry.url=http://d:1,http://e:2";
    conf.overrides[2] = "tables[0].topic=first";
    conf.n_overrides = 3;
    large_file();
    if (conf_files_load(&conf, conf.paths[2]) < 0)
        MR_FAIL("%s", conf.line);
    MR_CHECK_OK(mr_config_print(conf.config, true, &want));

    memory_gate_try_all(&(struct memory_gate_work){
        .name = "configuration", .run = loads, .after = is_whole, .least = 500});
    memory_gate_try_all(&(struct memory_gate_work){
        .name = "printing it", .run = prints, .after = printed_whole, .least = 10});
}
