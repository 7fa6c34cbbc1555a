/* Configurations for tests: files in a folder of their own that goes with the test, an environment
 * that is a list, and the error of a load that should fail. Thread: the test's. */
#ifndef MR_TESTS_SUPPORT_CONF_FILES_H
#define MR_TESTS_SUPPORT_CONF_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"

struct conf_files {
    char folder[64];
    char paths[8][128];
    char db[128];
    size_t n_paths;
    const char *environment[16]; /* NAME, value, NAME, value ... NULL */
    const char *overrides[8];
    uint32_t n_overrides;
    int (*kafka_check)(struct mr_kafka_check *check, void *arg);
    struct mr_config *config; /* of the last load that worked */
    struct mr_err err;
    char line[1024]; /* of the last load that failed: mr_err_line() */
};

void conf_files_init(struct conf_files *files);
void conf_files_release(struct conf_files *files); /* removes the files, and the database's */

/* Where a SQLite file may be made that goes with the others; the configuration's. */
const char *conf_files_db(struct conf_files *files);

/* Writes a file into the folder; its path. */
const char *conf_files_write(struct conf_files *files, const char *name, const char *text);

/* Loads that path (NULL: none) with the environment and overrides; mr_config_load's result. */
int conf_files_load(struct conf_files *files, const char *path);

/* The same with `text` as the file test.conf. */
int conf_files_load_text(struct conf_files *files, const char *text);

/* `text` behind a pipeline, a target and a table, so that only `text` can be at fault. Line 4 on.
 */
int conf_files_load_more(struct conf_files *files, const char *text);

#endif
