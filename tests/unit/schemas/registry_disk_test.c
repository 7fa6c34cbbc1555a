/* The cache on disk: what an outage finds there, what is not believed, and its bound (F-42). */
#include "schemas/registry_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/mr_test.h"
#include "tests/support/registry_script.h"

static char dir[64];

/* The only file of the folder, or NULL; *n: how many there are. */
static const char *only_file(size_t *n)
{
    static char path[400];
    DIR *open = opendir(dir);
    const struct dirent *entry;
    *n = 0;
    while ((entry = readdir(open)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        (*n)++;
    }
    closedir(open);
    return *n > 0 ? path : NULL;
}

MR_SETUP
{
    script_setup();
    (void)snprintf(dir, sizeof dir, "/tmp/mr-disk-XXXXXX");
    MR_CHECK(mkdtemp(dir) != NULL);
    script.opts.cache_dir = dir;
    script.opts.urls[0] = "http://user:secret@registry:8081";
    script.opts.n_urls = 1;
}

MR_TEARDOWN
{
    size_t n;
    script_teardown();
    for (const char *path = only_file(&n); path != NULL; path = only_file(&n))
        unlink(path);
    rmdir(dir);
}

static void restart(void)
{
    mr_schema_unref(script.schema);
    script.schema = NULL;
    mr_registry_free(script.registry);
    script.registry = NULL;
    mr_err_clear(&script.err);
}

/* F-42 */
MR_TEST("F-42: a schema that was loaded once survives a restart while the registry is away")
{
    script_answer("/schemas/ids/7", 200, "{\"schema\":\"\\\"long\\\"\"}");
    MR_CHECK_OK(script_get_id(7));
    restart();
    script_away("/schemas/ids/7");
    MR_CHECK_OK(script_get_id(7));
    MR_CHECK_INT(script.schema->root->kind, MR_AV_LONG);
    MR_CHECK_INT(script.schema->id, 7);
    script_away("/schemas/ids/8");
    MR_CHECK_INT(script_get_id(8), -MR_REGISTRY_AWAY);
}

MR_TEST("F-42: a registry that answers is believed, not the file")
{
    script_answer("/schemas/ids/7", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(7));
    restart();
    script_answer("/schemas/ids/7", 200, "{\"schema\":\"\\\"long\\\"\"}");
    MR_CHECK_OK(script_get_id(7));
    MR_CHECK_INT(script.schema->root->kind, MR_AV_LONG);
    restart();
    script_answer("/schemas/ids/7", 404, SCRIPT_UNKNOWN);
    MR_CHECK_INT(script_get_id(7), -MR_SCHEMA_UNKNOWN_ID);
}

MR_TEST("F-43: a file belongs to one registry and one context, and names no credential")
{
    size_t n;
    script_answer("/schemas/ids/7", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(7));
    FILE *file = fopen(only_file(&n), "rb");
    char bytes[2000] = {0};
    MR_CHECK(file != NULL && fread(bytes, 1, sizeof bytes - 1, file) > 0);
    (void)fclose(file);
    for (size_t i = 0; i < sizeof bytes - 6; i++)
        MR_CHECK(memcmp(bytes + i, "secret", 6) != 0);
    restart();
    script.opts.urls[0] = "http://other:8081";
    script_away(NULL);
    MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_AWAY);
    restart();
    script.opts.urls[0] = "http://user:changed@registry:8081";
    script_away(NULL);
    MR_CHECK_INT(script_get_subject(7, ":.dev:s"), -MR_REGISTRY_AWAY);
    script_away(NULL);
    MR_CHECK_OK(script_get_id(7));
}

MR_TEST("F-42: a file that was changed in any byte is as if it were absent")
{
    size_t n;
    script_answer("/schemas/ids/7", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(7));
    const char *path = only_file(&n);
    FILE *file = fopen(path, "rb");
    uint8_t whole[2000];
    size_t len = fread(whole, 1, sizeof whole, file);
    (void)fclose(file);
    for (size_t cut = 0; cut < len; cut += 7) {
        file = fopen(path, "wb");
        whole[cut] ^= 0x40;
        MR_CHECK_U64(fwrite(whole, 1, len - (cut % 2), file), len - (cut % 2));
        whole[cut] ^= 0x40;
        (void)fclose(file);
        restart();
        script_away(NULL);
        MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_AWAY);
        script.n_steps = script.n_asked = 0;
    }
}

MR_TEST("F-42: there are at most as many files as schemas are cached")
{
    size_t n;
    script.opts.cache_schemas = 4;
    for (int id = 1; id <= 9; id++) {
        script_answer(NULL, 200, SCRIPT_INT_SCHEMA);
        MR_CHECK_OK(script_get_id(id));
        mr_schema_unref(script.schema);
        script.schema = NULL;
    }
    (void)only_file(&n);
    MR_CHECK_U64(n, 4);
}

MR_TEST("F-42: what a crash left beside a file goes with the oldest, other files stay")
{
    static const char digits[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const char *const rests[] = {".schema.aB3dE9", ".schema.toolong", ".other"};
    const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    char path[300];
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s%s", dir, digits, rests[i]);
        FILE *file = fopen(path, "wb");
        MR_CHECK(file != NULL && fclose(file) == 0);
        MR_CHECK_INT(utimensat(AT_FDCWD, path, old, 0), 0);
    }
    script.opts.cache_schemas = 1;
    script_answer("/schemas/ids/7", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(7));
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s%s", dir, digits, rests[i]);
        MR_CHECK_INT(access(path, F_OK), i == 0 ? -1 : 0);
    }
}

/* G-06 */
MR_TEST("F-42: a pipe or a link in a file's place is as if it were absent, and nobody waits for it")
{
    size_t n;
    char other[300];
    script_answer("/schemas/ids/7", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(7));
    const char *path = only_file(&n);
    (void)snprintf(other, sizeof other, "%s/linked", dir);
    MR_CHECK_INT(rename(path, other), 0);
    MR_CHECK_INT(symlink(other, path), 0);
    restart();
    script_away(NULL);
    MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_AWAY);
    MR_CHECK_INT(unlink(path), 0);
    MR_CHECK_INT(mkfifo(path, 0600), 0);
    restart();
    script.n_steps = script.n_asked = 0;
    script_away(NULL);
    MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_AWAY);
}

MR_TEST("F-42: a folder that is not there is no fault")
{
    script.opts.cache_dir = "/nonexistent/folder";
    script_answer("/schemas/ids/7", 200, SCRIPT_INT_SCHEMA);
    MR_CHECK_OK(script_get_id(7));
    restart();
    script_away(NULL);
    MR_CHECK_INT(script_get_id(7), -MR_REGISTRY_AWAY);
}
