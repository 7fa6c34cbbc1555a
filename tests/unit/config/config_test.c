#include "config/config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* Kinds of wrong configuration. Each is refused as FATAL with exit code 78, and says where and what
 * to do. The text stands behind three lines that are right, so its first line is the fourth. */
static const struct {
    const char *text;
    enum mr_code code;
    const char *place;
    const char *remedy;
} wrong[] = {
    {"lane = 3;", MR_CONFIG_UNKNOWN, "test.conf:4: ", "the nearest is `lanes`"},
    {"batch: { max_row = 3; };", MR_CONFIG_UNKNOWN,
     "test.conf:4: ", "the nearest is `batch.max_rows`"},
    {"max_rows = 3;", MR_CONFIG_UNKNOWN, "test.conf:4: ", "the nearest is `batch.max_rows`"},
    {"xyzzy = 3;", MR_CONFIG_UNKNOWN, "test.conf:4: ", "millrace config --reference"},
    {"registry: { tls: { cacert = \"x\"; }; };", MR_CONFIG_UNKNOWN,
     "test.conf:4: ", "registry.tls.cert"},
    {"lanes = \"3\";", MR_CONFIG_TYPE, "test.conf:4: ", "without quotes"},
    {"\n\nbatch: { max_wait = 500; };", MR_CONFIG_TYPE, "test.conf:6: ", "such as \"500ms\""},
    {"batch: { adaptive = 1; };", MR_CONFIG_TYPE, "test.conf:4: ", "true or false"},
    {"batch = 3;", MR_CONFIG_TYPE, "test.conf:4: ", "batch: { key = value; ... };"},
    {"registries = { name = \"x\"; };", MR_CONFIG_TYPE, "test.conf:4: ", "( { ... }, { ... } )"},
    {"registries = ( 3 );", MR_CONFIG_TYPE, "test.conf:4: ", "{ key = value; ... }"},
    {"lanes = 0;", MR_CONFIG_RANGE, "test.conf:4: ", "from 1 to 256 lanes"},
    {"batch: { max_bytes = \"1B\"; };", MR_CONFIG_RANGE, "test.conf:4: ", "from 64KiB to 1GiB"},
    {"dlq: { max_ratio = 1.5; };", MR_CONFIG_RANGE, "test.conf:4: ", "from 0 to 1"},
    {"log: { level = \"warning\"; };", MR_CONFIG_RANGE, "test.conf:4: ", "did you mean \"warn\""},
    {"limits: { zero_size_items = 3000000000; };", MR_CONFIG_RANGE, "test.conf:4: ", "3000000000L"},
    {"limits: { zero_size_items = 3000000000L; };", MR_CONFIG_RANGE,
     "test.conf:4: ", "to 4194304 items"},
    {"a = 1;\nlanes = 2;\nlanes = 3;", MR_CONFIG_SYNTAX, "test.conf:6: ", "remove one of them"},
    {"registry: { url = [ \"http://a\", ]; };", MR_CONFIG_SYNTAX, "test.conf:4: ", "last comma"},
    {"registry: { url = [ \"a\" \"b\" ]; };", MR_CONFIG_SYNTAX, "test.conf:4: ", "add the comma"},
    {"registry: { url = [ \"a\", 1 ]; };", MR_CONFIG_SYNTAX, "test.conf:4: ", "in quotes"},
    {"lanes 3;", MR_CONFIG_SYNTAX, "test.conf:4: ", "missing `=`"},
    {"batch: { max_rows = 3;", MR_CONFIG_SYNTAX, "test.conf:4: ", "close it"},
    {"log: { level = \"info; };", MR_CONFIG_SYNTAX, "test.conf:4: ", "add the quote"},
    {"log: { level = info; };", MR_CONFIG_SYNTAX, "test.conf:4: ", "write \"info\""},
    {"shutdown_timeout = 10s;", MR_CONFIG_SYNTAX, "test.conf:4: ", "\"10s\""},
    {"kafka: { ssl.ca.location = \"x\"; };", MR_CONFIG_SYNTAX, "test.conf:4: ", "underscores"},
    {"kafka: { group_id = \"x\"; };", MR_CONFIG_UNKNOWN, "test.conf:4: ", "top-level key group_id"},
    {"start = \"yesterday\";", MR_CONFIG_TYPE, "test.conf:4: ", "\"2026-01-31T12:00:00Z\""},
    {"http: { bearer_token = \"${env:NONE}\"; };", MR_CONFIG_INVALID,
     "test.conf:4: ", "set it, or"},
    {"http: { bearer_token = \"${file:none}\"; };", MR_CONFIG_INVALID,
     "test.conf:4: ", "check the path"},
    {"@include \"none.conf\"", MR_CONFIG_INVALID, "test.conf:4: ", "check the path"},
    {"slots = 4;", MR_CONFIG_INVALID, "test.conf:4: ", "not supported by this version; remove it"},
    {"registries = ( { url = \"http://h\"; } );", MR_CONFIG_INVALID,
     "test.conf:4: ", "`registries[0].name` is missing"},
    {"target2: { };", MR_CONFIG_UNKNOWN, "test.conf:4: ", "is not a key"},
};

MR_TEST("each kind of wrong configuration is fatal (78), with file, line and remedy")
{
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        MR_CHECK(conf_files_load_more(&f, wrong[i].text) < 0);
        if (f.err.code != wrong[i].code || strstr(f.line, wrong[i].place) == NULL ||
            strstr(f.line, wrong[i].remedy) == NULL)
            MR_FAIL("%s:\n  \"%s\" is not %s with \"%s\" and \"%s\"", wrong[i].text, f.line,
                    mr_code_printed((int)wrong[i].code), wrong[i].place, wrong[i].remedy);
        MR_CHECK_INT(f.err.class, MR_CLASS_FATAL);
        MR_CHECK_INT(mr_err_exit_code(&f.err), 78);
    }
}

static void unreadable(const char *path, const char *why)
{
    MR_CHECK(conf_files_load(&f, path) < 0);
    MR_CHECK_INT(f.err.class, MR_CLASS_FATAL);
    MR_CHECK_INT(mr_err_exit_code(&f.err), 78);
    if (strstr(f.line, path) == NULL || strstr(f.line, why) == NULL)
        MR_FAIL("\"%s\" does not say \"%s\"", f.line, why);
}

MR_TEST("an absent file, a folder and a device are refused by name")
{
    unreadable("/nonexistent/x.conf", "No such file or directory");
    unreadable(f.folder, "is a folder");
    unreadable("/dev/null", "not a regular file");
}

MR_TEST("a file that may not be read is refused by name")
{
    if (geteuid() == 0)
        MR_SKIP("root may read everything");
    const char *path = conf_files_write(&f, "locked.conf", "");
    chmod(path, 0);
    unreadable(path, "Permission denied");
}

MR_TEST("required keys that are missing are named, with the file")
{
    MR_CHECK_INT(conf_files_load_text(&f, ""), -MR_CONFIG_INVALID);
    MR_CHECK(strstr(f.line, "test.conf: `pipeline` is missing") != NULL);
    MR_CHECK_INT(conf_files_load_text(&f, "pipeline = \"p\";"), -MR_CONFIG_INVALID);
    MR_CHECK(strstr(f.line, "`target.url` is missing") != NULL);
    MR_CHECK_INT(conf_files_load_text(&f, "pipeline = \"p\"; target: { url = \"stdout:\"; };"),
                 -MR_CONFIG_INVALID);
    MR_CHECK(strstr(f.line, "`tables` is missing") != NULL);
    MR_CHECK_INT(conf_files_load(&f, NULL), -MR_CONFIG_INVALID);
    MR_CHECK(strstr(f.line, "give -c FILE") != NULL);
}

MR_TEST("-o that is no setting is a usage error (64)")
{
    static const char *const bad[] = {"lanes", "=3", "a..b=1", "tables[5].topic=x"};
    f.n_overrides = 1;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        f.overrides[0] = bad[i];
        MR_CHECK_INT(conf_files_load_more(&f, ""), -MR_CONFIG_USAGE);
        MR_CHECK_INT(mr_err_exit_code(&f.err), 64);
    }
    f.overrides[0] = "lans=3";
    MR_CHECK_INT(conf_files_load_more(&f, ""), -MR_CONFIG_UNKNOWN);
    MR_CHECK(strstr(f.line, "-o: `lans` is not a key; the nearest is `lanes`") != NULL);
}

MR_TEST("DATABASE_URL is the default of target.url, and no more than that")
{
    f.environment[0] = "DATABASE_URL";
    f.environment[1] = "postgresql://env/d";
    MR_CHECK_OK(conf_files_load_text(&f, "pipeline = \"p\"; tables = ( { topic = \"t\"; } );"));
    MR_CHECK_STR(f.config->target.url, "postgresql://env/d");
    MR_CHECK_OK(conf_files_load_more(&f, ""));
    MR_CHECK_STR(f.config->target.url, "sqlite:x.db");
}

MR_TEST("a missing semicolon is what libconfig allows")
{
    MR_CHECK_OK(conf_files_load_more(&f, "lanes = 2\nbatch: { max_rows = 5 }"));
    MR_CHECK_U64(f.config->lanes, 2);
    MR_CHECK_U64(f.config->batch.max_rows, 5);
}

MR_TEST("included files give settings, and their places in errors")
{
    conf_files_write(&f, "more.conf", "lanes = 2;\nbatch: { max_rows = 0; };\n");
    MR_CHECK_INT(conf_files_load_more(&f, "@include \"more.conf\"\n"), -MR_CONFIG_RANGE);
    MR_CHECK(strstr(f.line, "more.conf:2: `batch.max_rows`") != NULL);
    conf_files_write(&f, "more.conf", "lanes = 2;\n");
    MR_CHECK_OK(conf_files_load_more(&f, "@include \"more.conf\"\nslots = 1;\n"));
    MR_CHECK_U64(f.config->lanes, 2);
}

MR_TEST("a file beyond its limit is refused")
{
    static char large[MR_BUF_DEFAULT_LIMIT / 32];
    memset(large, '#', sizeof(large) - 1);
    MR_CHECK(conf_files_load(&f, conf_files_write(&f, "large.conf", large)) < 0);
    MR_CHECK(strstr(f.line, "large.conf: has more than 4194304 bytes") != NULL);
}

MR_TEST("the examples load as they stand")
{
    static const char *const paths[] = {"config/examples/minimal.conf",
                                        "config/examples/compose.conf",
                                        "config/examples/production.conf"};
    static const char *const environment[] = {"DATABASE_URL",
                                              "postgresql://u:p@h/d",
                                              "KAFKA_PASSWORD",
                                              "x",
                                              "REGISTRY_PASSWORD",
                                              "x",
                                              "MILLRACE_HTTP_TOKEN",
                                              "x",
                                              "KAFKA_BOOTSTRAP_SERVERS",
                                              "kafka:29092",
                                              "REGISTRY_URL",
                                              "http://h"};
    memcpy(f.environment, environment, sizeof(environment));
    for (size_t i = 0; i < 3; i++) {
        if (conf_files_load(&f, paths[i]) < 0)
            MR_FAIL("%s", f.line);
    }
    MR_CHECK_U64(f.config->n_routes, 4);
    MR_CHECK_STR(f.config->routes[2].schema, "partners");
}
