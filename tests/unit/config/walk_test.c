#include <string.h>

#include "config/options.h"
#include "tests/support/conf_files.h"
#include "tests/support/mr_test.h"

static struct conf_files f;
static struct conf_files g;

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

static const char tables[] =
    "pipeline = \"p\";\ntarget: { url = \"stdout:\"; };\n"
    "tables = ( { topic = \"a\"; columns = ( { field = \"x\"; }, { field = \"y\"; } ); },"
    " { topic = \"b\"; } );\n";

/* How often the path comes; `last` is the last path of all. */
static size_t count(struct mr_walk *walk, const char *path)
{
    size_t n = 0;
    while (mr_walk_next(walk))
        n += strcmp(walk->path, path) == 0 ? 1 : 0;
    return n;
}

MR_TEST("a walk goes into every entry of every list, once")
{
    static const char *const paths[] = {"pipeline",
                                        "target.pool.max",
                                        "tables",
                                        "tables[0].topic",
                                        "tables[0].columns[0].field",
                                        "tables[0].columns[1].unit",
                                        "tables[1].topic",
                                        "check_with_avro_c"};
    struct mr_walk walk;
    MR_CHECK_OK(conf_files_load_text(&f, tables));
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        mr_walk_init(&walk, f.config, NULL);
        MR_CHECK_U64(count(&walk, paths[i]), 1);
    }
    mr_walk_init(&walk, f.config, NULL);
    MR_CHECK_U64(count(&walk, "tables[2].topic") + count(&walk, "tables[1].columns[0].field"), 0);
}

MR_TEST("a walk over two configurations does not enter lists of different lengths")
{
    struct mr_walk walk;
    MR_CHECK_OK(conf_files_load_text(&f, tables));
    MR_CHECK_OK(conf_files_load_more(&g, ""));
    mr_walk_init(&walk, f.config, g.config);
    MR_CHECK_U64(count(&walk, "tables[0].topic"), 0);
    mr_walk_init(&walk, f.config, f.config);
    MR_CHECK_U64(count(&walk, "tables[0].topic"), 1);
}
