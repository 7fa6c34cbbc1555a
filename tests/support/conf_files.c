/* Writes configurations for tests. Must not check anything itself. */
#include "tests/support/conf_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *find_variable(const char *name, void *arg)
{
    const struct conf_files *files = arg;
    for (size_t i = 0; files->environment[i] != NULL; i += 2) {
        if (strcmp(files->environment[i], name) == 0)
            return files->environment[i + 1];
    }
    return NULL;
}

void conf_files_init(struct conf_files *files)
{
    memset(files, 0, sizeof(*files));
    snprintf(files->folder, sizeof(files->folder), "/tmp/mr-conf-XXXXXX");
    if (mkdtemp(files->folder) == NULL)
        abort();
    snprintf(files->db, sizeof(files->db), "%s/target.db", files->folder);
}

const char *conf_files_db(struct conf_files *files)
{
    return files->db;
}

void conf_files_release(struct conf_files *files)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[160];

    mr_config_free(files->config);
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        snprintf(path, sizeof(path), "%s%s", files->db, ends[i]);
        unlink(path);
    }
    for (size_t i = 0; i < files->n_paths; i++)
        unlink(files->paths[i]);
    rmdir(files->folder);
}

const char *conf_files_write(struct conf_files *files, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", files->folder, name);
    FILE *file = fopen(path, "w");
    if (file == NULL || files->n_paths == 8)
        abort();
    fputs(text, file);
    fclose(file);
    for (size_t i = 0; i < files->n_paths; i++) {
        if (strcmp(files->paths[i], path) == 0)
            return files->paths[i];
    }
    memcpy(files->paths[files->n_paths], path, sizeof(path));
    return files->paths[files->n_paths++];
}

int conf_files_load(struct conf_files *files, const char *path)
{
    struct mr_config_args args = {.path = path,
                                  .overrides = files->overrides,
                                  .n_overrides = files->n_overrides,
                                  .getenv = find_variable,
                                  .getenv_arg = files,
                                  .kafka_check = files->kafka_check};
    struct mr_config *config = NULL;
    mr_err_clear(&files->err);
    files->line[0] = '\0';
    int rc = mr_config_load(&args, &config, &files->err);
    if (rc < 0) {
        mr_err_line(&files->err, files->line, sizeof(files->line));
        return rc;
    }
    mr_config_free(files->config);
    files->config = config;
    return 0;
}

int conf_files_load_text(struct conf_files *files, const char *text)
{
    return conf_files_load(files, conf_files_write(files, "test.conf", text));
}

int conf_files_load_more(struct conf_files *files, const char *text)
{
    char all[8192];
    snprintf(all, sizeof(all),
             "pipeline = \"p\";\ntarget: { url = \"sqlite:x.db\"; };\n"
             "tables = ( { topic = \"t\"; } );\n%s",
             text);
    return conf_files_load_text(files, all);
}
