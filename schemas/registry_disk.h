/* Schemas kept in files, so that a restart while the registry is away can go on (contract.md F-42):
 * the texts that a load gathered, under a name made of what was asked of which registry. A file is
 * read only when the registry did not answer, and is believed no more than an answer: its digest
 * and its key are compared, and the texts are parsed with all limits. Inside of registry*.c.
 * Threads: any. */
#ifndef MR_SCHEMAS_REGISTRY_DISK_H
#define MR_SCHEMAS_REGISTRY_DISK_H

#include <stdatomic.h>

#include "schemas/registry.h"

enum {
    REGISTRY_DISK_FILE_BYTES = 16 * 1024 * 1024,
    REGISTRY_DISK_MAX_BYTES = 512 * 1024 * 1024 /* all files; the oldest go first */
};

/* Where, and of which registry. */
struct registry_disk {
    const char *dir; /* "": off */
    const char *registry;
    uint32_t max_files;
    _Atomic uint32_t n_written; /* files; relaxed */
    _Atomic uint64_t n_bytes;   /* written since the folder was looked at for their sake; relaxed */
};

/* What was asked for: the reference and its context. */
struct registry_disk_key {
    const struct mr_schema_ref *ref;
    const char *context;
};

/* The texts of one schema, as mr_schema_parse takes them. */
struct registry_disk_texts {
    struct mr_buf bytes; /* owns what `texts` point into */
    struct mr_schema_text *texts;
    size_t n_texts;
    bool encrypted;
};

/* Writes a file beside and renames it; what fails leaves no file and is not told, since nothing
 * depends on it. The oldest files go beyond max_files and an eighth, which a crash's rests count
 * for, too. */
void registry_disk_write(struct registry_disk *disk, const struct registry_disk_key *key,
                         const struct registry_disk_texts *texts);
/* False where there is no file, or none that can be believed. Gives: registry_disk_release(). */
bool registry_disk_read(const struct registry_disk *disk, const struct registry_disk_key *key,
                        struct registry_disk_texts *out);
void registry_disk_release(struct registry_disk_texts *texts);

#endif
