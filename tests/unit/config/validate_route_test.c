#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "config/config.h"
#include "config/validate.h"
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

static int load(const char *tables)
{
    char text[4096];
    snprintf(text, sizeof(text),
             "pipeline = \"p\"; target: { url = \"stdout:\"; };\nregistries = ( { name = "
             "\"other\"; url = "
             "\"http://h\"; } );\nstart = \"latest\";\ntables = (\n%s );\n",
             tables);
    return conf_files_load_text(&f, text);
}

static void refused(const char *tables, const char *place, const char *why)
{
    MR_CHECK_INT(load(tables), -MR_CONFIG_INVALID);
    if (strstr(f.err.detail, why) == NULL || strstr(f.err.detail, place) == NULL)
        MR_FAIL("%s: \"%s\" does not say \"%s\" at %s", tables, f.err.detail, why, place);
}

MR_TEST("a route is named by its topic or its expression, and takes the global start")
{
    MR_CHECK_OK(load("{ topic = \"a\"; start = \"earliest\"; }, { topic_regex = \"b.*\"; registry "
                     "= \"other\"; }"));
    MR_CHECK_STR(f.config->routes[0].label, "a");
    MR_CHECK_INT(f.config->routes[0].start.kind, MR_CONF_START_EARLIEST);
    MR_CHECK_STR(f.config->routes[1].label, "b.*");
    MR_CHECK_INT(f.config->routes[1].start.kind, MR_CONF_START_LATEST);
    MR_CHECK_STR(mr_config_registry(f.config, f.config->routes[1].registry_idx)->name, "other");
    MR_CHECK_STR(mr_config_registry(f.config, f.config->routes[0].registry_idx)->name, "default");
}

MR_TEST("a route has a topic or an expression, not both and not neither")
{
    refused("{ table = \"x\"; }", "test.conf:5: `tables[0]`", "either a topic or a topic_regex");
    refused("{ topic = \"a\"; topic_regex = \"b\"; }", "`tables[0]`", "set one of them");
    refused("{ topic = \"a.*\"; }", "`tables[0].topic`", "write a pattern as topic_regex");
}

/* F-13 */
MR_TEST("F-13: raw Avro needs the schema that it is written with")
{
    refused("{ topic = \"a\"; value_format = \"raw_avro\"; }", "`tables[0].value_format`",
            "needs value_schema");
    refused("{ topic = \"a\"; key_format = \"raw_avro\"; value_schema = \"'x'\"; }",
            "`tables[0].key_format`", "needs key_schema");
    MR_CHECK_OK(load("{ topic = \"a\"; value_format = \"raw_avro\"; value_schema = \"x\"; }"));
}

MR_TEST("an expression compiles, and the table asks only for groups that it has")
{
    refused("{ topic_regex = \"a(b\"; }", "test.conf:5: `tables[0].topic_regex`",
            "is no POSIX extended regular expression");
    refused("{ topic_regex = \"a(b)\"; table = \"$2\"; }", "`tables[0].table`",
            "topic_regex has 1 groups");
    refused("{ topic_regex = \"a(b)\"; table = \"$0\"; }", "`tables[0].table`", "there is no $0");
    refused("{ topic = \"a\"; table = \"$1\"; }", "`tables[0].table`", "needs a topic_regex");
    MR_CHECK_OK(load(
        "{ topic_regex = \"(a)(b)\"; table = \"$2$1\"; }, { topic = \"c\"; table = \"$x\"; }"));
}

MR_TEST("a route that is never reached is refused")
{
    refused("{ topic = \"a\"; },\n{ topic = \"a\"; }", "test.conf:6: `tables[1].topic`",
            "taken by tables[0]");
    refused("{ topic_regex = \"s.*\"; }, { topic_regex = \"s.*\"; }", "tables[1].topic_regex",
            "taken by tables[0]");
    refused("{ topic_regex = \"s.*\"; }, { topic = \"so\"; }", "tables[0].topic_regex",
            "takes \"so\" before tables[1] can");
    MR_CHECK_OK(load("{ topic_regex = \"s.\"; }, { topic = \"sos\"; }"));
}

/* I-08 */
MR_TEST("two topics with one table need table_shared in both")
{
    refused(
        "{ topic = \"a\"; table = \"x\"; }, { topic = \"b\"; table = \"x\"; table_shared = true; }",
        "tables[1].table", "set table_shared = true in both");
    MR_CHECK_OK(load(
        "{ topic = \"a\"; table = \"x\"; table_shared = true; }, { topic = \"b\"; table = \"x\"; "
        "table_shared = true; }"));
    MR_CHECK_OK(load(
        "{ topic = \"a\"; table = \"x\"; schema = \"s\"; }, { topic = \"b\"; table = \"x\"; }"));
}

/* I-07 */
MR_TEST("two entries with one column are refused")
{
    refused(
        "{ topic = \"a\"; columns = ( { field = \"x\"; }, { field = \"y\"; name = \"x\"; } ); }",
        "tables[0].columns[1].field", "two entries give the column \"x\"");
    refused(
        "{ topic = \"a\"; columns = ( { field = \"x\"; }, { field = \"x\"; name = \"z\"; } ); }",
        "tables[0].columns[1].field", "has two entries");
    refused("{ topic = \"a\"; meta = ( { from = \"_offset\"; }, { from = \"_offset\"; } ); }",
            "tables[0].meta[1]", "two entries give the column \"_offset\"");
    refused(
        "{ topic = \"a\"; meta = ( { from = \"_offset\"; name = \"c\"; } ); columns = ( { field = "
        "\"x\"; name = \"c\"; } ); }",
        "tables[0].meta[0].name", "two entries give the column");
}

MR_TEST("settings of fields go together")
{
    refused("{ topic = \"a\"; include = [ \"x\" ]; exclude = [ \"y\", \"x\" ]; }",
            "tables[0].exclude", "stands in include too");
    refused("{ topic = \"a\"; key_source = \"value\"; }", "tables[0].key_source",
            "needs key_columns");
    refused("{ topic = \"a\"; columns = ( { field = \"x\"; cast = \"int; drop\"; } ); }",
            "tables[0].columns[0].cast", "is no name of a type");
    refused("{ topic = \"a\"; unavailable_placeholder = \"hex:0f0\"; }", "unavailable_placeholder",
            "pairs of hexadecimal digits");
    refused("{ topic = \"a\"; registry = \"othr\"; }", "tables[0].registry",
            "did you mean \"other\"?");
    refused("{ topic = \"a\"; guard = \"lsn\"; strategy = \"append\"; }", "tables[0].guard",
            "remove the guard");
    refused(
        "{ topic = \"a\"; guard = \"lsn\"; guard_column = \"x\"; columns = ( { field = \"x\"; } "
        "); }",
        "tables[0]", "two entries give the column \"x\"");
    MR_CHECK_OK(load("{ topic = \"a\"; guard = [ \"v\" ]; guard_column = \"g\"; }"));
    MR_CHECK_OK(
        load("{ topic = \"a\"; unavailable_placeholder = \"hex:00ff\"; columns = ( { field = "
             "\"x\"; cast = \"numeric(10,2)\"; } ); }"));
}

static int checked_again(void)
{
    struct mr_arena arena;
    mr_arena_init(&arena, 0, 1 << 20);
    int rc = mr_validate_routes(f.config, &arena, &f.err);
    mr_arena_release(&arena);
    return rc;
}

/* These keys are refused before their check while `later` stands in their rows, so that the check
 * is called by itself. I-07 */
MR_TEST("settings that this version does not take yet are checked too")
{
    struct mr_constant_conf constants[] = {{"k", {MR_CONF_TRUTH, "true"}, "bool"},
                                           {"c", {MR_CONF_WHOLE, "1"}, ""}};
    MR_CHECK_OK(load("{ topic = \"a\"; meta = ( { from = \"_offset\"; name = \"c\"; } ); }"));
    struct mr_route_conf *route = &f.config->routes[0];
    route->constants = constants;
    route->n_constants = 1;
    MR_CHECK_OK(checked_again());
    route->n_constants = 2;
    MR_CHECK_INT(checked_again(), -MR_CONFIG_INVALID);
    MR_CHECK(strstr(f.err.detail, "tables[0].meta[0].name") != NULL);
    MR_CHECK(strstr(f.err.detail, "two entries give the column") != NULL);
}

/* a place's zone reads an hour of each autumn twice */
MR_TEST("the zone of timestamps is UTC or a fixed offset")
{
    MR_CHECK_OK(load("{ topic = \"a\"; timestamp_zone = \"UTC\"; }"));
    MR_CHECK_OK(load("{ topic = \"a\"; timestamp_zone = \"-03:30\"; }"));
    MR_CHECK_INT(load("{ topic = \"a\"; timestamp_zone = \"Europe/Berlin\"; }"),
                 -MR_CONFIG_INVALID);
    MR_CHECK(strstr(f.err.detail, "is no fixed offset") != NULL);
}
