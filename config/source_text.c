/* Owns reading files and putting included ones in their place. Must not know keys or libconfig.
 * Invariant: `lines` has an entry for each line of `text`. */
#include "config/source_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/scan.h"
#include "config/setting.h"

#include "base/ban.h"

/* A file being gone through; the includes of a file are files above it. */
struct open_file {
    const char *path; /* in arena */
    struct mr_buf bytes;
    struct mr_scan scan;
    const char *copied; /* up to here it is in the joined text */
    uint32_t copied_line;
    uint32_t brackets; /* open where it began */
    struct mr_conf_origin included_at;
};

struct reader {
    struct mr_source_text *source;
    struct mr_arena *arena;
    struct mr_err *err;
    struct mr_scan_rules rules;
    struct open_file files[MR_SOURCE_INCLUDE_DEPTH];
    size_t depth;
};

/* What the system says, in a buffer of its own: strerror() is not for threads. */
static void system_says(char *out, size_t cap, const char *remedy)
{
    char text[64] = "unknown error";
    (void)strerror_r(errno, text, sizeof(text));
    snprintf(out, cap, "cannot be read (%s); %s", text, remedy);
}

static int file_fail(const char *path, const struct mr_conf_origin *place, const char *why,
                     struct mr_err *err)
{
    if (place != NULL)
        return mr_setting_fail_at(err, place, MR_CONFIG_INVALID, "%.200s: %s", path, why);
    return mr_err_set(err, MR_CONFIG_INVALID, "%.200s: %s", path, why);
}

/* All of an open file; the bytes may be a few more than `limit` when it is too large. */
static int read_all(int fd, size_t limit, struct mr_buf *out)
{
    for (;;) {
        uint8_t chunk[8192];
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0 || out->len > limit)
            return 0;
        mr_buf_add(out, chunk, (size_t)n);
    }
}

int mr_source_file_read(const char *path, size_t limit, const struct mr_conf_origin *place,
                        struct mr_buf *out, struct mr_err *err)
{
    char why[128];
    struct stat st;
    int rc = 0;
    /* Not to wait for the writer of a pipe: only regular files are read. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        system_says(why, sizeof(why), "check the path and its permissions");
        rc = file_fail(path, place, why, err);
    } else if (S_ISDIR(st.st_mode)) {
        rc = file_fail(path, place, "is a folder; name a file in it", err);
    } else if (!S_ISREG(st.st_mode)) {
        rc = file_fail(path, place, "is not a regular file; copy it into one", err);
    } else if (read_all(fd, limit, out) < 0) {
        system_says(why, sizeof(why), "check the disk");
        rc = file_fail(path, place, why, err);
    } else if (out->len > limit) {
        snprintf(why, sizeof(why), "has more than %zu bytes; make it smaller", limit);
        rc = file_fail(path, place, why, err);
    } else if (!mr_buf_ok(out)) {
        rc = mr_setting_no_room(err);
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

void mr_source_path(const char *from, const char *path, struct mr_buf *out)
{
    const char *slash = from == NULL ? NULL : strrchr(from, '/');
    if (path[0] != '/' && slash != NULL)
        mr_buf_add(out, from, (size_t)(slash - from) + 1);
    mr_buf_str(out, path);
}

static void add_line(struct mr_source_text *source, const char *file, uint32_t line)
{
    struct mr_conf_origin origin = {MR_CONF_FROM_FILE, file, line};
    mr_buf_add(&source->lines, &origin, sizeof(origin));
}

/* Appends the file's bytes from `copied` up to `end` to the joined text. */
static void copy_up_to(struct mr_source_text *source, struct open_file *file, const char *end)
{
    mr_buf_add(&source->text, file->copied, (size_t)(end - file->copied));
    for (const char *at = file->copied; at < end; at++) {
        if (*at == '\n')
            add_line(source, file->path, ++file->copied_line);
    }
    file->copied = end;
}

static int check_bytes(const struct open_file *file, struct mr_err *err)
{
    uint32_t line = 1;
    for (size_t i = 0; i < file->bytes.len; i++) {
        uint8_t byte = file->bytes.data[i];
        if (byte == '\n')
            line++;
        if (byte == 0 || (byte < 0x20 && strchr("\t\n\r\f", byte) == NULL)) {
            struct mr_conf_origin at = {MR_CONF_FROM_FILE, file->path, line};
            return mr_setting_fail_at(err, &at, MR_CONFIG_SYNTAX,
                                      "a control byte 0x%02x; write the file as plain text", byte);
        }
    }
    if (!mr_utf8_valid(file->bytes.data, file->bytes.len)) {
        struct mr_conf_origin at = {MR_CONF_FROM_FILE, file->path, 0};
        return mr_setting_fail_at(err, &at, MR_CONFIG_SYNTAX,
                                  "the file is not valid UTF-8; save it in that encoding");
    }
    return 0;
}

static int open_file(struct reader *reader, const char *path, const struct mr_conf_origin *place)
{
    if (reader->depth == MR_SOURCE_INCLUDE_DEPTH || reader->source->n_files == MR_SOURCE_FILES)
        return mr_setting_fail_at(
            reader->err, place, MR_CONFIG_RANGE,
            "@include goes more than %d files deep, or there are more than %d; "
            "does a file include itself?",
            MR_SOURCE_INCLUDE_DEPTH, MR_SOURCE_FILES);
    struct open_file *file = &reader->files[reader->depth++];
    *file = (struct open_file){.path = mr_setting_text(reader->arena, path, strlen(path)),
                               .bytes = MR_BUF_INIT,
                               .copied_line = 1,
                               .brackets = reader->rules.depth};
    if (place != NULL)
        file->included_at = *place;
    if (file->path == NULL)
        return mr_setting_no_room(reader->err);
    int rc = mr_source_file_read(path, MR_SOURCE_FILE_BYTES, place, &file->bytes, reader->err);
    if (rc == 0)
        rc = check_bytes(file, reader->err);
    if (rc < 0)
        return rc;
    reader->source->n_files++;
    const char *text = mr_buf_cstr(&file->bytes);
    mr_scan_init(&file->scan, text, file->bytes.len);
    file->copied = text;
    add_line(reader->source, file->path, 1);
    return 0;
}

/* The line of the directive is dropped: the included file's first line takes its place. */
static int include(struct reader *reader, const struct mr_token *token)
{
    struct open_file *file = &reader->files[reader->depth - 1];
    struct mr_conf_origin at = {MR_CONF_FROM_FILE, file->path, token->line};
    copy_up_to(reader->source, file, token->start);
    file->copied = token->text + token->len + 1;
    if (mr_buf_ok(&reader->source->lines))
        reader->source->lines.len -= sizeof(struct mr_conf_origin);

    struct mr_buf name = MR_BUF_INIT;
    struct mr_buf path = MR_BUF_INIT;
    mr_buf_add(&name, token->text, token->len);
    mr_source_path(file->path, mr_buf_cstr(&name), &path);
    int rc = mr_buf_ok(&path) ? open_file(reader, mr_buf_cstr(&path), &at)
                              : mr_setting_no_room(reader->err);
    mr_buf_release(&name);
    mr_buf_release(&path);
    return rc;
}

static int close_file(struct reader *reader)
{
    struct open_file *file = &reader->files[reader->depth - 1];
    const struct mr_scan_rules *rules = &reader->rules;
    copy_up_to(reader->source, file, file->scan.end);
    if (rules->depth > file->brackets) {
        const struct mr_scan_bracket *open = &rules->brackets[rules->depth - 1];
        return mr_setting_fail_at(
            reader->err, &open->origin, MR_CONFIG_SYNTAX,
            "the `%c` of this line is still open at the end of the file; close it", open->open);
    }
    mr_buf_release(&file->bytes);
    reader->depth--;
    if (reader->depth == 0)
        return 0;
    /* What follows stands on a line of its own again. */
    struct open_file *outer = &reader->files[reader->depth - 1];
    mr_buf_byte(&reader->source->text, '\n');
    add_line(reader->source, outer->path, outer->copied_line);
    return 0;
}

static int read_files(struct reader *reader)
{
    int rc = 0;
    while (rc == 0 && reader->depth > 0) {
        struct open_file *file = &reader->files[reader->depth - 1];
        struct mr_token token = mr_scan_next(&file->scan);
        rc = mr_scan_rules_step(&reader->rules, &token, file->path, reader->err);
        if (rc < 0)
            break;
        if (token.kind == MR_TOKEN_INCLUDE)
            rc = include(reader, &token);
        else if (token.kind == MR_TOKEN_END)
            rc = close_file(reader);
    }
    return rc;
}

int mr_source_text_read(struct mr_source_text *source, const char *path, struct mr_arena *arena,
                        struct mr_err *err)
{
    struct reader reader = {.source = source, .arena = arena, .err = err, .depth = 0};
    mr_scan_rules_init(&reader.rules);
    int rc = open_file(&reader, path, NULL);
    if (rc == 0)
        rc = read_files(&reader);
    while (reader.depth > 0)
        mr_buf_release(&reader.files[--reader.depth].bytes);
    if (rc == 0 && (!mr_buf_ok(&source->text) || !mr_buf_ok(&source->lines)))
        rc = mr_setting_no_room(err);
    if (rc == 0)
        (void)mr_buf_cstr(&source->text);
    return rc;
}

void mr_source_text_release(struct mr_source_text *source)
{
    mr_buf_release(&source->text);
    mr_buf_release(&source->lines);
}

struct mr_conf_origin mr_source_text_origin(const struct mr_source_text *source, uint32_t line)
{
    struct mr_conf_origin origin = {MR_CONF_FROM_FILE, "", 0};
    size_t n_lines = source->lines.len / sizeof(origin);
    if (n_lines == 0)
        return origin;
    size_t idx = line == 0 ? 0 : line - 1;
    if (idx >= n_lines)
        idx = n_lines - 1;
    memcpy(&origin, source->lines.data + idx * sizeof(origin), sizeof(origin));
    return origin;
}
