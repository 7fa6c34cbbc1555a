/* The configuration's text: the file and all that it includes, as one text with the place of each
 * line.
 * @include is done here and not by libconfig, so that a path is taken from the including file's
 * folder, a folder or an unreadable file is an error (libconfig's scanner ends the process on a
 * folder), and all is read once. Threads: one. */
#ifndef MR_CONFIG_SOURCE_TEXT_H
#define MR_CONFIG_SOURCE_TEXT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"

enum { MR_SOURCE_FILE_BYTES = 4 * 1024 * 1024, MR_SOURCE_INCLUDE_DEPTH = 8, MR_SOURCE_FILES = 256 };

struct mr_source_text {
    struct mr_buf text;  /* NUL-terminated */
    struct mr_buf lines; /* struct mr_conf_origin of each line */
    size_t n_files;
};

#define MR_SOURCE_TEXT_INIT                                                                        \
    {.text = {.limit = (size_t)16 << 20}, .lines = {.limit = (size_t)64 << 20}, .n_files = 0}

/* Reads and scans. File names are put in `arena`. */
int mr_source_text_read(struct mr_source_text *source, const char *path, struct mr_arena *arena,
                        struct mr_err *err);
void mr_source_text_release(struct mr_source_text *source);

/* The place of a line of the text, counted from 1. */
struct mr_conf_origin mr_source_text_origin(const struct mr_source_text *source, uint32_t line);

/* Reads a regular file of at most `limit` bytes into `out`. `place` is what refers to it, for
 * messages (NULL: nothing does). Also used for ${file:}. */
int mr_source_file_read(const char *path, size_t limit, const struct mr_conf_origin *place,
                        struct mr_buf *out, struct mr_err *err);

/* `path` seen from the folder of `from` ("" or NULL: the working directory), into `out`. */
void mr_source_path(const char *from, const char *path, struct mr_buf *out);

#endif
