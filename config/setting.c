/* Owns the tree of settings and the form of a place in messages. Must not know what a key means,
 * save that a table may take other keys (options.c tells which group). */
#include "config/setting.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/options.h"

#include "base/ban.h"

enum { PLACE_BYTES = 200, PATH_SEGMENTS = 8 };

/* One step of a path: a name, then perhaps an index. */
struct segment {
    char name[MR_CONF_PATH_BYTES];
    bool has_index;
    uint32_t index;
};

const char *mr_setting_text(struct mr_arena *arena, const char *bytes, size_t len)
{
    char *copy = mr_arena_alloc(arena, len + 1);
    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

struct mr_setting *mr_setting_new(struct mr_arena *arena, struct mr_setting *parent,
                                  const char *name, enum mr_setting_kind kind)
{
    struct mr_setting *setting = mr_arena_alloc(arena, sizeof(*setting));
    if (setting == NULL)
        return NULL;
    *setting = (struct mr_setting){.name = mr_setting_text(arena, name, strlen(name)),
                                   .kind = kind,
                                   .text = "",
                                   .origin = {.kind = MR_CONF_FROM_DEFAULT, .file = ""}};
    if (setting->name == NULL)
        return NULL;
    if (parent == NULL)
        return setting;
    if (parent->last != NULL)
        parent->last->next = setting;
    else
        parent->first = setting;
    parent->last = setting;
    parent->n_children++;
    return setting;
}

struct mr_setting *mr_setting_child(const struct mr_setting *parent, const char *name)
{
    for (struct mr_setting *child = parent->first; child != NULL; child = child->next) {
        if (strcmp(child->name, name) == 0)
            return child;
    }
    return NULL;
}

struct mr_setting *mr_setting_at(const struct mr_setting *parent, uint32_t idx)
{
    struct mr_setting *child = parent->first;
    while (child != NULL && idx > 0) {
        child = child->next;
        idx--;
    }
    return child;
}

/* Takes the next segment off *path; false at its end or where it is malformed (*path then not at
 * '\0'). */
static bool next_segment(const char **path, bool whole_rest, struct segment *segment)
{
    const char *at = *path;
    size_t len = whole_rest ? strlen(at) : strcspn(at, ".[");
    if (len == 0 || len >= sizeof(segment->name))
        return false;
    memcpy(segment->name, at, len);
    segment->name[len] = '\0';
    segment->has_index = at[len] == '[';
    segment->index = 0;
    at += len;
    if (segment->has_index) {
        size_t n_digits = strspn(at + 1, "0123456789");
        if (n_digits == 0 || n_digits > 6 || at[1 + n_digits] != ']')
            return false;
        for (size_t i = 0; i < n_digits; i++)
            segment->index = segment->index * 10 + (uint32_t)(at[1 + i] - '0');
        at += n_digits + 2;
    }
    if (*at == '.')
        at++;
    else if (*at != '\0')
        return false;
    *path = at;
    return true;
}

/* True when the global table says that this top-level group takes keys of its own kind. */
static bool takes_other_keys(const char *name)
{
    const struct mr_option *row = mr_options_find(&mr_options_global, name);
    return row != NULL && row->type == MR_OPT_PROPERTIES;
}

static bool rest_is_one_name(const struct mr_setting *root, const struct mr_setting *at)
{
    return at != root && takes_other_keys(at->name) && mr_setting_child(root, at->name) == at;
}

struct mr_setting *mr_setting_find(const struct mr_setting *root, const char *path)
{
    const struct mr_setting *at = root;
    struct mr_setting *found = NULL;
    struct segment segment;
    while (*path != '\0') {
        if (!next_segment(&path, rest_is_one_name(root, at), &segment))
            return NULL;
        found = mr_setting_child(at, segment.name);
        if (found != NULL && segment.has_index)
            found = mr_setting_at(found, segment.index);
        if (found == NULL)
            return NULL;
        at = found;
    }
    return found;
}

/* The entry of a list at `segment`'s index, made when it is the next one. */
static int make_entry(struct mr_arena *arena, struct mr_setting **at, const struct segment *segment,
                      struct mr_err *err)
{
    struct mr_setting *list = *at;
    if (list->kind != MR_SETTING_LIST) {
        list->kind = MR_SETTING_LIST;
        list->first = NULL;
        list->last = NULL;
        list->n_children = 0;
    }
    if (segment->index > list->n_children)
        return mr_err_set(err, MR_CONFIG_USAGE,
                          "-o: `%.60s` has %u entries, so the next one is %.60s[%u], not [%u]",
                          segment->name, list->n_children, segment->name, list->n_children,
                          segment->index);
    *at = mr_setting_at(list, segment->index);
    if (*at == NULL)
        *at = mr_setting_new(arena, list, "", MR_SETTING_GROUP);
    return *at == NULL ? mr_setting_no_room(err) : 0;
}

int mr_setting_make(struct mr_arena *arena, struct mr_setting *root, const char *path,
                    struct mr_setting **out, struct mr_err *err)
{
    const char *rest = path;
    struct mr_setting *at = root;
    struct segment segment = {.has_index = false};
    for (int depth = 0; depth < PATH_SEGMENTS; depth++) {
        if (!next_segment(&rest, rest_is_one_name(root, at), &segment))
            break;
        struct mr_setting *child = mr_setting_child(at, segment.name);
        if (child == NULL)
            child = mr_setting_new(arena, at, segment.name, MR_SETTING_GROUP);
        if (child == NULL)
            return mr_setting_no_room(err);
        if (segment.has_index) {
            int rc = make_entry(arena, &child, &segment, err);
            if (rc < 0)
                return rc;
        }
        at = child;
        if (*rest == '\0' && path[strlen(path) - 1] != '.') {
            *at = (struct mr_setting){
                .name = at->name, .kind = MR_SETTING_TEXT, .text = "", .next = at->next};
            at->origin = (struct mr_conf_origin){.kind = MR_CONF_FROM_ARGUMENT, .file = ""};
            *out = at;
            return 0;
        }
    }
    return mr_err_set(err, MR_CONFIG_USAGE,
                      "-o: `%.100s` is no path to a setting; write -o group.key=value or "
                      "-o list[0].key=value",
                      path);
}

const char *mr_setting_origin(const struct mr_conf_origin *origin, char *out, size_t cap)
{
    size_t len = strlen(origin->file);
    /* The end of a long path says more than its beginning. */
    const char *file = len > PLACE_BYTES ? origin->file + len - PLACE_BYTES : origin->file;
    switch (origin->kind) {
    case MR_CONF_FROM_FILE:
        if (origin->line > 0)
            snprintf(out, cap, "%s:%u", file, origin->line);
        else
            snprintf(out, cap, "%s", file);
        break;
    case MR_CONF_FROM_ARGUMENT:
        snprintf(out, cap, "-o");
        break;
    case MR_CONF_FROM_ENVIRONMENT:
        snprintf(out, cap, "$%s", file);
        break;
    case MR_CONF_FROM_DEFAULT:
        snprintf(out, cap, "default");
        break;
    }
    return out;
}

static int fail(struct mr_err *err, const struct mr_conf_origin *origin, enum mr_code code,
                const char *text)
{
    char place[PLACE_BYTES + 32];
    mr_setting_origin(origin, place, sizeof(place));
    return mr_err_set(err, code, "%s: %s", place, text);
}

int mr_setting_fail_at(struct mr_err *err, const struct mr_conf_origin *origin, enum mr_code code,
                       const char *fmt, ...)
{
    char text[MR_ERR_DETAIL_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return fail(err, origin, code, text);
}

int mr_setting_fail(struct mr_err *err, const struct mr_setting *at, enum mr_code code,
                    const char *fmt, ...)
{
    char text[MR_ERR_DETAIL_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return fail(err, &at->origin, code, text);
}

int mr_setting_no_room(struct mr_err *err)
{
    return mr_err_set(err, MR_CONFIG_RANGE,
                      "the configuration takes more than %d MiB of memory; make it smaller",
                      MR_CONF_MEMORY_BYTES / (1024 * 1024));
}
