#include "config/setting.h"

#include <string.h>

#include "tests/support/mr_test.h"

static struct mr_arena arena;
static struct mr_setting *root;
static struct mr_err err;

MR_SETUP
{
    mr_arena_init(&arena, 0, 1 << 20);
    root = mr_setting_new(&arena, NULL, "", MR_SETTING_GROUP);
    mr_err_clear(&err);
}
MR_TEARDOWN
{
    mr_arena_release(&arena);
}

static struct mr_setting *make(const char *path)
{
    struct mr_setting *made = NULL;
    MR_CHECK_OK(mr_setting_make(&arena, root, path, &made, &err));
    return made;
}

MR_TEST("a made setting is found again by its path")
{
    static const char *const paths[] = {"pipeline",        "batch.max_rows",
                                        "target.pool.max", "tables[0].topic",
                                        "tables[1].topic", "tables[0].columns[0].name"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct mr_setting *made = make(paths[i]);
        MR_CHECK(mr_setting_find(root, paths[i]) == made);
        MR_CHECK(make(paths[i]) == made);
    }
    MR_CHECK_U64(mr_setting_child(root, "tables")->n_children, 2);
    MR_CHECK(mr_setting_find(root, "tables[2].topic") == NULL);
    MR_CHECK(mr_setting_find(root, "batch.max") == NULL);
}

MR_TEST("below kafka the rest of the path is one name")
{
    struct mr_setting *made = make("kafka.ssl.ca.location");
    MR_CHECK_STR(made->name, "ssl.ca.location");
    MR_CHECK(mr_setting_find(root, "kafka.ssl.ca.location") == made);
}

MR_TEST("a path that is none, or skips an entry of a list, is refused")
{
    static const char *const paths[] = {
        "",    ".a",    "a.",     "a..b",         "a[x]",
        "a[]", "a[0]b", "a[1].b", "a[9999999].b", "a.b.c.d.e.f.g.h.i"};
    struct mr_setting *made = NULL;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (mr_setting_make(&arena, root, paths[i], &made, &err) != -MR_CONFIG_USAGE)
            MR_FAIL("\"%s\" was taken", paths[i]);
    }
}

MR_TEST("a place is a file and line, an argument or a variable")
{
    char out[64];
    static const struct mr_conf_origin places[] = {{MR_CONF_FROM_FILE, "a/b.conf", 12},
                                                   {MR_CONF_FROM_FILE, "a/b.conf", 0},
                                                   {MR_CONF_FROM_ARGUMENT, "", 0},
                                                   {MR_CONF_FROM_ENVIRONMENT, "DATABASE_URL", 0},
                                                   {MR_CONF_FROM_DEFAULT, "", 0}};
    static const char *const texts[] = {"a/b.conf:12", "a/b.conf", "-o", "$DATABASE_URL",
                                        "default"};
    for (size_t i = 0; i < 5; i++)
        MR_CHECK_STR(mr_setting_origin(&places[i], out, sizeof(out)), texts[i]);
}

MR_TEST("a long path is cut at its beginning, so that the line stays")
{
    char file[400];
    char out[256];
    memset(file, 'd', sizeof(file));
    memcpy(file + sizeof(file) - 8, "/x.conf", 8);
    struct mr_conf_origin place = {MR_CONF_FROM_FILE, file, 3};
    mr_setting_origin(&place, out, sizeof(out));
    MR_CHECK_U64(strlen(out), 202);
    MR_CHECK(strstr(out, "/x.conf:3") != NULL);
}

MR_TEST("a full arena is an error and not a crash")
{
    struct mr_arena small;
    mr_arena_init(&small, 256, 256);
    while (mr_setting_new(&small, NULL, "name", MR_SETTING_GROUP) != NULL)
        ;
    MR_CHECK(mr_setting_text(&small, "0123456789012345678901234567890123456789", 40) == NULL);
    MR_CHECK_INT(mr_setting_no_room(&err), -MR_CONFIG_RANGE);
    mr_arena_release(&small);
}
