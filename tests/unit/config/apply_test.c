#include "config/apply.h"

#include <string.h>

#include "tests/support/conf_files.h"
#include "tests/support/mr_test.h"

static struct conf_files f;

MR_SETUP
{
    conf_files_init(&f);
}
MR_TEARDOWN
{
    conf_files_release(&f);
}

MR_TEST("groups, lists and lists in lists reach their fields")
{
    MR_CHECK_OK(conf_files_load_text(
        &f, "pipeline = \"p\"; target: { url = \"stdout:\"; pool: { wait = \"1s\"; }; };\n"
            "tables = ( { topic = \"a\"; }, { topic = \"b\"; columns = ( { field = \"Weird Col\"; "
            "name = "
            "\"weird\"; unit = \"ms\"; }, { field = \"c\"; } ); meta = ( { from = "
            "\"_offset\"; name = \"at\"; } ); key_columns = \"id\"; } );\n"));
    MR_CHECK_U64(f.config->target.pool.wait_ms, 1000);
    MR_CHECK_U64(f.config->n_routes, 2);
    MR_CHECK_U64(f.config->routes[0].n_columns, 0);
    const struct mr_route_conf *route = &f.config->routes[1];
    MR_CHECK_U64(route->n_columns, 2);
    MR_CHECK_STR(route->columns[0].field, "Weird Col");
    MR_CHECK_STR(route->columns[0].name, "weird");
    MR_CHECK_INT(route->columns[0].unit, MR_CONF_UNIT_MS);
    MR_CHECK_STR(route->columns[1].name, "");
    MR_CHECK_U64(route->n_meta, 1);
    MR_CHECK_INT(route->meta[0].from, MR_CONF_META_OFFSET);
    MR_CHECK_STR(route->meta[0].name, "at");
    MR_CHECK_STR(route->key_columns.items[0], "id");
}

MR_TEST("options of features that this version lacks may only say their default")
{
    static const char *const refused[] = {
        "tables[0].where=a = 1",
        "tables[0].tracked=a",
        "tables[0].insert_missing=true",
        "slots=2",
        "tables[0].strategy=scd2",
        "tables[0].strategy=facts",
        "tables[0].source_skip_corrupt=true",
        "registry.tls.key_password=x",
        "batch.adaptive=false",
    };
    static const char *const fine[] = {"tables[0].guard=lsn",
                                       "tables[0].guard_tomb_ttl=1h",
                                       "tables[0].strategy=append",
                                       "slots=1",
                                       "tables[0].truncate=apply",
                                       "tables[0].truncate=halt",
                                       "tables[0].insert_missing=false",
                                       "tables[0].evolve=freeze",
                                       "tables[0].value_schema=\"int\"",
                                       "tables[0].schema_lenient_names=false",
                                       "tables[0].fk_wait=0s",
                                       "tables[0].unavailable_missing_row=poison",
                                       "registry.tls.key_password=",
                                       "batch.adaptive=true",
                                       "dlq.to=table",
                                       "dlq.to=topic",
                                       "dlq.max_ratio=0.05"};
    f.n_overrides = 1;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        f.overrides[0] = refused[i];
        MR_CHECK_INT(conf_files_load_more(&f, ""), -MR_CONFIG_INVALID);
        if (strstr(f.err.detail, "not supported by this version") == NULL)
            MR_FAIL("%s: %s", refused[i], f.err.detail);
    }
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        f.overrides[0] = fine[i];
        MR_CHECK_OK(conf_files_load_more(&f, ""));
    }
}

MR_TEST("a list of a feature that this version lacks may only be empty")
{
    MR_CHECK_INT(
        conf_files_load_text(&f, "pipeline = \"p\"; target: { url = \"stdout:\"; };\ntables = ( { "
                                 "topic = \"a\";\ntracked = [ \"k\" ]; } );\n"),
        -MR_CONFIG_INVALID);
    MR_CHECK(strstr(f.line, "test.conf:3: `tables[0].tracked` is not supported by this version; "
                            "remove it") != NULL);
    MR_CHECK_OK(
        conf_files_load_text(&f, "pipeline = \"p\"; target: { url = \"stdout:\"; };\ntables = ( { "
                                 "topic = \"a\"; tracked = [ ]; } );\n"));
}

MR_TEST("a later -o wins over an earlier one and over the file")
{
    f.overrides[0] = "lanes=3";
    f.overrides[1] = "lanes=5";
    f.n_overrides = 2;
    MR_CHECK_OK(conf_files_load_more(&f, "lanes = 2;"));
    MR_CHECK_U64(f.config->lanes, 5);
}

MR_TEST("a configuration can be made of -o alone")
{
    static const char *const all[] = {"pipeline=p", "target.url=sqlite:x", "tables[0].topic=t",
                                      "tables[0].columns[0].field=a",
                                      "tables[0].columns[0].name=b"};
    for (uint32_t i = 0; i < 5; i++)
        f.overrides[f.n_overrides++] = all[i];
    MR_CHECK_OK(conf_files_load(&f, NULL));
    MR_CHECK_STR(f.config->routes[0].columns[0].name, "b");
}

MR_TEST("a string with a substitution is read as what the option is")
{
    f.environment[0] = "N";
    f.environment[1] = "7";
    MR_CHECK_OK(conf_files_load_text(
        &f, "pipeline = \"p\"; target: { url = \"stdout:\"; }; lanes = \"${env:N}\";\n"
            "tables = ( { topic = \"t\"; create = \"${env:X:-false}\"; } );\n"));
    MR_CHECK_U64(f.config->lanes, 7);
    MR_CHECK(!f.config->routes[0].create);
}
