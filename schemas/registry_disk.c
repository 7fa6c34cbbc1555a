/* Owns the files of the schema cache. Must not parse schemas. Form: a line of magic, then the key,
 * flags, number of texts and each text with their lengths, then the SHA-256 of all before it.
 * Invariant: every length is compared with what is left before it is believed. */
#include "schemas/registry_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "schemas/digest.h"

#include "base/ban.h"

enum { PATH_BYTES = 4096, MAX_TEXTS = 1001, NAME_DIGITS = 2 * MR_SHA256_BYTES, BESIDE_BYTES = 7 };

static const char magic[] = "millrace schema 1\n";
static const char suffix[] = ".schema";

/* What was asked, so that a file under a wrong name is not believed. */
static void put_key(const struct registry_disk *disk, const struct registry_disk_key *key,
                    struct mr_buf *out)
{
    mr_buf_fmt(out, "%u %lld ", (unsigned)key->ref->kind, (long long)key->ref->id);
    for (size_t i = 0; i < sizeof key->ref->guid; i++)
        mr_buf_fmt(out, "%02x", (unsigned)key->ref->guid[i]);
    mr_buf_fmt(out, "\n%s\n%s\n", key->context, disk->registry);
}

static bool path_of(const struct registry_disk *disk, const struct mr_buf *key,
                    char path[PATH_BYTES])
{
    uint8_t digest[MR_SHA256_BYTES];
    char name[NAME_DIGITS + 1];
    if (!mr_buf_ok(key) || !mr_digest_sha256((struct mr_slice){key->data, key->len}, digest))
        return false;
    for (size_t i = 0; i < sizeof digest; i++)
        (void)snprintf(name + 2 * i, 3, "%02x", (unsigned)digest[i]);
    int len = snprintf(path, PATH_BYTES, "%s/%s%s", disk->dir, name, suffix);
    return len > 0 && len < PATH_BYTES;
}

static void put_part(struct mr_buf *out, const void *bytes, size_t len)
{
    mr_buf_u32(out, (uint32_t)len);
    mr_buf_add(out, bytes, len);
}

static bool file_make(const struct mr_buf *key, const struct registry_disk_texts *texts,
                      struct mr_buf *out)
{
    uint8_t digest[MR_SHA256_BYTES];
    mr_buf_str(out, magic);
    put_part(out, key->data, key->len);
    mr_buf_byte(out, texts->encrypted ? 1 : 0);
    mr_buf_u32(out, (uint32_t)texts->n_texts);
    for (size_t i = 0; i < texts->n_texts; i++)
        put_part(out, texts->texts[i].json, texts->texts[i].len);
    if (!mr_buf_ok(out) || !mr_digest_sha256((struct mr_slice){out->data, out->len}, digest))
        return false;
    mr_buf_add(out, digest, sizeof digest);
    return mr_buf_ok(out);
}

static bool write_all(int fd, const uint8_t *at, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static void file_write(const char *path, const struct mr_buf *bytes)
{
    char beside[PATH_BYTES + 16];
    (void)snprintf(beside, sizeof beside, "%s.XXXXXX", path);
    int fd = mkstemp(beside);
    if (fd < 0)
        return;
    bool ok = write_all(fd, bytes->data, bytes->len);
    ok = close(fd) == 0 && ok;
    if (!ok || rename(beside, path) != 0)
        (void)unlink(beside); /* nothing depends on it */
}

/* ---- the bound ---- */

struct found {
    char name[NAME_DIGITS + sizeof suffix + BESIDE_BYTES];
    int64_t time_s;
    uint64_t bytes;
};

static int compare_time(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;
    return (x->time_s > y->time_s) - (x->time_s < y->time_s);
}

/* A schema's file, or what a crash left beside one. */
static bool is_ours(const char *name)
{
    if (strspn(name, "0123456789abcdef") != NAME_DIGITS ||
        strncmp(name + NAME_DIGITS, suffix, sizeof suffix - 1) != 0)
        return false;
    const char *rest = name + NAME_DIGITS + sizeof suffix - 1;
    return rest[0] == '\0' || (rest[0] == '.' && strlen(rest) == BESIDE_BYTES);
}

/* Our files in the folder, at most `cap` of them; the sum of their sizes. */
static size_t list(const struct registry_disk *disk, struct found *out, size_t cap, uint64_t *bytes)
{
    DIR *dir = opendir(disk->dir);
    const struct dirent *entry;
    size_t n = 0;
    *bytes = 0;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): of a stream that is ours alone */
    while (dir != NULL && n < cap && (entry = readdir(dir)) != NULL) {
        char path[PATH_BYTES + sizeof out->name];
        struct stat st;
        if (!is_ours(entry->d_name))
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", disk->dir, entry->d_name);
        if (lstat(path, &st) != 0)
            continue;
        memcpy(out[n].name, entry->d_name,
               strlen(entry->d_name) + 1); /* of a length that is_ours() knows */
        out[n].time_s = st.st_mtime;
        out[n].bytes = (uint64_t)st.st_size;
        *bytes += out[n++].bytes;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return n;
}

/* Is it time to look at the whole folder? At the first file, then at each eighth of a bound. */
static bool is_due(struct registry_disk *disk, size_t bytes)
{
    uint32_t step = disk->max_files / 8 + 1;
    uint32_t n = atomic_fetch_add_explicit(&disk->n_written, 1, memory_order_relaxed);
    uint64_t sum = atomic_fetch_add_explicit(&disk->n_bytes, bytes, memory_order_relaxed) + bytes;
    bool many = sum >= REGISTRY_DISK_MAX_BYTES / 8;
    if (many)
        atomic_store_explicit(&disk->n_bytes, 0, memory_order_relaxed);
    return many || n % step == 0;
}

/* Removes the oldest files, down to the bounds. */
static void trim(const struct registry_disk *disk)
{
    size_t cap = (size_t)disk->max_files * 2 + 16;
    struct found *found = mr_memory_given(calloc(cap, sizeof *found));
    uint64_t bytes;
    if (found == NULL)
        return;
    size_t n = list(disk, found, cap, &bytes);
    if (n > disk->max_files || bytes > REGISTRY_DISK_MAX_BYTES)
        qsort(found, n, sizeof *found, compare_time);
    size_t left = n;
    for (size_t i = 0; i < n && (left > disk->max_files || bytes > REGISTRY_DISK_MAX_BYTES); i++) {
        char path[PATH_BYTES + sizeof found->name];
        (void)snprintf(path, sizeof path, "%s/%s", disk->dir, found[i].name);
        (void)unlink(path);
        bytes -= found[i].bytes;
        left--;
    }
    free(found);
}

void registry_disk_write(struct registry_disk *disk, const struct registry_disk_key *key,
                         const struct registry_disk_texts *texts)
{
    char path[PATH_BYTES];
    struct mr_buf name = MR_BUF_INIT;
    struct mr_buf bytes = {.limit = REGISTRY_DISK_FILE_BYTES};
    put_key(disk, key, &name);
    if (path_of(disk, &name, path) && file_make(&name, texts, &bytes)) {
        file_write(path, &bytes);
        if (is_due(disk, bytes.len))
            trim(disk);
    }
    mr_buf_release(&name);
    mr_buf_release(&bytes);
}

/* ---- reading ---- */

static bool file_read(const char *path, struct mr_buf *out)
{
    /* neither waits for a pipe's other end nor leaves the folder */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    struct stat st;
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
              st.st_size <= REGISTRY_DISK_FILE_BYTES;
    uint8_t *at = ok ? mr_buf_room(out, (size_t)st.st_size) : NULL;
    size_t left = at != NULL ? (size_t)st.st_size : 0;
    while (left > 0) {
        ssize_t n = read(fd, at, left);
        if (n <= 0)
            break;
        at += n;
        left -= (size_t)n;
    }
    if (fd >= 0)
        (void)close(fd);
    return at != NULL && left == 0;
}

/* Cuts the digest off and compares it. */
static bool check_digest(struct mr_slice *file)
{
    uint8_t digest[MR_SHA256_BYTES];
    if (file->len < sizeof digest)
        return false;
    file->len -= sizeof digest;
    return mr_digest_sha256(*file, digest) &&
           memcmp(digest, file->data + file->len, sizeof digest) == 0;
}

static bool take(struct mr_slice *file, size_t len, struct mr_slice *out)
{
    if (file->len < len)
        return false;
    *out = (struct mr_slice){file->data, len};
    file->data += len;
    file->len -= len;
    return true;
}

static bool take_part(struct mr_slice *file, struct mr_slice *out)
{
    struct mr_slice len;
    return take(file, 4, &len) && take(file, mr_get_u32(len.data), out);
}

static bool take_texts(struct mr_slice *file, struct registry_disk_texts *out)
{
    struct mr_slice head;
    if (!take(file, 5, &head))
        return false;
    size_t n = mr_get_u32(head.data + 1);
    if (n == 0 || n > MAX_TEXTS)
        return false;
    out->encrypted = head.data[0] != 0;
    out->texts = mr_memory_given(calloc(n, sizeof *out->texts));
    for (; out->texts != NULL && out->n_texts < n; out->n_texts++) {
        struct mr_slice text;
        if (!take_part(file, &text))
            return false;
        out->texts[out->n_texts] = (struct mr_schema_text){(const char *)text.data, text.len};
    }
    return out->texts != NULL && file->len == 0;
}

bool registry_disk_read(const struct registry_disk *disk, const struct registry_disk_key *key,
                        struct registry_disk_texts *out)
{
    char path[PATH_BYTES];
    struct mr_buf name = MR_BUF_INIT;
    struct mr_slice part;
    *out = (struct registry_disk_texts){.bytes = {.limit = REGISTRY_DISK_FILE_BYTES + 1}};
    put_key(disk, key, &name);
    bool ok = path_of(disk, &name, path) && file_read(path, &out->bytes);
    struct mr_slice file = {out->bytes.data, out->bytes.len};
    ok = ok && check_digest(&file) && take(&file, sizeof magic - 1, &part) &&
         memcmp(part.data, magic, part.len) == 0 && take_part(&file, &part) &&
         mr_slice_eq(part, (struct mr_slice){name.data, name.len}) && take_texts(&file, out);
    mr_buf_release(&name);
    if (!ok)
        registry_disk_release(out);
    return ok;
}

void registry_disk_release(struct registry_disk_texts *texts)
{
    mr_buf_release(&texts->bytes);
    free(texts->texts);
    *texts = (struct registry_disk_texts){.texts = NULL};
}
