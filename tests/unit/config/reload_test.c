#include <string.h>

#include "config/options.h"
#include "tests/support/conf_files.h"
#include "tests/support/mr_test.h"

static struct conf_files f;
static struct conf_files g;
static struct mr_config_change changes[5]; /* the last is never written */

MR_SETUP
{
    conf_files_init(&f);
    conf_files_init(&g);
}
MR_TEARDOWN
{
    conf_files_release(&f);
    conf_files_release(&g);
}

static size_t changed(const char *now, const char *next)
{
    MR_CHECK_OK(conf_files_load_more(&f, now));
    MR_CHECK_OK(conf_files_load_more(&g, next));
    memset(changes, 0, sizeof(changes));
    return mr_config_changes(f.config, g.config, changes, 4);
}

MR_TEST("the same configuration written otherwise has no changes")
{
    MR_CHECK_U64(changed("batch: { max_wait = \"1s\"; };", "batch: { max_wait = \"1000ms\"; };"),
                 0);
    MR_CHECK_U64(changed("lanes = 4;", ""), 0);
}

MR_TEST("a change is named with its reload class")
{
    static const struct {
        const char *next;
        const char *path;
        enum mr_reload reload;
    } cases[] = {
        {"log: { level = \"debug\"; };", "log.level", MR_RELOAD_NOW},
        {"batch: { max_rows = 5; };", "batch.max_rows", MR_RELOAD_NEXT_BATCH},
        {"lanes = 3;", "lanes", MR_RELOAD_RESTART},
        {"on_data_loss = \"continue\";", "on_data_loss", MR_RELOAD_NOW},
        {"registry: { bearer_token = \"t\"; };", "registry.bearer_token", MR_RELOAD_RESTART},
        {"kafka: { linger_ms = 5; };", "kafka.linger_ms", MR_RELOAD_RESTART},
        {"http: { listen = \"127.0.0.1:1\"; };", "http.listen", MR_RELOAD_RESTART},
        {"shutdown_timeout = \"1s\";", "shutdown_timeout", MR_RELOAD_NOW},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        MR_CHECK_U64(changed("", cases[i].next), 1);
        MR_CHECK_STR(changes[0].path, cases[i].path);
        MR_CHECK_INT(changes[0].reload, cases[i].reload);
    }
}

MR_TEST("a property that goes, comes or changes is one change each")
{
    MR_CHECK_U64(changed("kafka: { a = 1; b = 2; };", "kafka: { b = 3; c = 4; };"), 3);
    MR_CHECK_STR(changes[0].path, "kafka.a");
    MR_CHECK_STR(changes[1].path, "kafka.b");
    MR_CHECK_STR(changes[2].path, "kafka.c");
}

MR_TEST("a setting of one route is named with its index, a list of another length as a whole")
{
    f.overrides[0] = "tables[0].evolve=freeze";
    f.n_overrides = 1;
    MR_CHECK_U64(changed("", ""), 1);
    MR_CHECK_STR(changes[0].path, "tables[0].evolve");
    MR_CHECK_INT(changes[0].reload, MR_RELOAD_NEXT_BATCH);
    f.overrides[0] = "tables[1].topic=u";
    MR_CHECK_U64(changed("", ""), 1);
    MR_CHECK_STR(changes[0].path, "tables");
    MR_CHECK_INT(changes[0].reload, MR_RELOAD_RESTART);
}

MR_TEST("changes beyond the room are counted")
{
    MR_CHECK_U64(changed("", "kafka: { a = 1; b = 1; c = 1; d = 1; e = 1; f = 1; };"), 6);
    MR_CHECK_STR(changes[3].path, "kafka.d");
    MR_CHECK_STR(changes[4].path, "");
    MR_CHECK_STR(mr_reload_name(MR_RELOAD_NEXT_BATCH), "next batch");
}
