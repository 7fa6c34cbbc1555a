/* What was written, before anyone knows its meaning: a tree of settings with the place of each.
 * Built from libconfig's tree, with -o and the environment put over it. Lives in the
 * configuration's arena. Threads: one while loading; any afterwards. */
#ifndef MR_CONFIG_SETTING_H
#define MR_CONFIG_SETTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "config/config.h"

enum mr_setting_kind {
    MR_SETTING_GROUP, /* { } and the file itself */
    MR_SETTING_LIST,  /* ( ) and [ ] */
    MR_SETTING_INT,
    MR_SETTING_FLOAT,
    MR_SETTING_BOOL,
    MR_SETTING_STRING,
    MR_SETTING_TEXT /* of -o, or a string with a substitution: read as whatever the option is */
};

struct mr_setting {
    const char *name; /* "" in a list and for the root */
    enum mr_setting_kind kind;
    const char *text; /* STRING, TEXT: substituted; INT, FLOAT, BOOL: as one would write it */
    int64_t i64;      /* INT */
    double f64;       /* FLOAT, INT */
    bool boolean;     /* BOOL */
    bool secret;      /* a part came from ${file:} */
    struct mr_conf_origin origin;
    struct mr_setting *first;
    struct mr_setting *last;
    struct mr_setting *next;
    uint32_t n_children;
};

/* A copy of `len` bytes with a NUL, in arena; NULL when it is full. */
const char *mr_setting_text(struct mr_arena *arena, const char *bytes, size_t len);

/* A new last child of `parent` (NULL: a root), in arena; NULL when it is full. */
struct mr_setting *mr_setting_new(struct mr_arena *arena, struct mr_setting *parent,
                                  const char *name, enum mr_setting_kind kind);

/* The child of that name, or of that index; NULL if absent. */
struct mr_setting *mr_setting_child(const struct mr_setting *parent, const char *name);
struct mr_setting *mr_setting_at(const struct mr_setting *parent, uint32_t idx);

/* The setting at a path such as `tables[0].columns[1].name`; NULL if it was not written. Below a
 * group that takes other keys (`kafka`), all the rest of the path is one name. */
struct mr_setting *mr_setting_find(const struct mr_setting *root, const char *path);

/* As mr_setting_find, but makes what is absent: groups, and an entry at the end of a list. The leaf
 * is of kind TEXT without text. For messages, `what` is the whole argument. */
int mr_setting_make(struct mr_arena *arena, struct mr_setting *root, const char *path,
                    struct mr_setting **out, struct mr_err *err);

/* Fills `err` with the place of the setting and the formatted text; returns -code. */
int mr_setting_fail(struct mr_err *err, const struct mr_setting *at, enum mr_code code,
                    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same for a place without a setting, such as a line that does not parse. */
int mr_setting_fail_at(struct mr_err *err, const struct mr_conf_origin *origin, enum mr_code code,
                       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* "shop.conf:12", "-o", "$DATABASE_URL" or "default"; returns `out`. */
const char *mr_setting_origin(const struct mr_conf_origin *origin, char *out, size_t cap);

/* -MR_CONFIG_RANGE with the cause: the configuration's arena is full. */
int mr_setting_no_room(struct mr_err *err);

#endif
