/* Owns the way from a tree of settings to struct mr_config. Must know no option by name; lists and
 * groups are worked off a queue, so that nothing recurses. Invariant: a list's entries have their
 * defaults before any of their settings is read. */
#include "config/apply.h"

#include <stdio.h>
#include <string.h>

#include "config/options.h"
#include "config/properties.h"
#include "config/suggest.h"
#include "config/value.h"

#include "base/ban.h"

/* A group of settings still to be read. */
struct task {
    const struct mr_options *table;
    const struct mr_setting *group;
    void *base;
    const char *prefix; /* of its keys in the table: "batch." */
    const char *path;   /* of the struct, for messages: "tables[0]." */
    struct task *next;
};

struct applier {
    const struct mr_config_args *args;
    struct mr_arena *arena;
    struct mr_err *err;
    struct task *first;
    struct task *last;
};

static const char *join(struct mr_arena *arena, const char *a, const char *b, const char *c)
{
    struct mr_buf joined = MR_BUF_INIT;
    mr_buf_str(&joined, a);
    mr_buf_str(&joined, b);
    mr_buf_str(&joined, c);
    const char *text =
        mr_buf_ok(&joined) ? mr_setting_text(arena, mr_buf_cstr(&joined), joined.len) : NULL;
    mr_buf_release(&joined);
    return text;
}

static int add_task(struct applier *applier, struct task task)
{
    struct task *copy = mr_arena_alloc(applier->arena, sizeof(*copy));
    if (copy == NULL || task.prefix == NULL || task.path == NULL)
        return mr_setting_no_room(applier->err);
    *copy = task;
    if (applier->last != NULL)
        applier->last->next = copy;
    else
        applier->first = copy;
    applier->last = copy;
    return 0;
}

static int unknown(struct applier *applier, const struct task *task,
                   const struct mr_setting *setting, const char *name)
{
    struct mr_suggest near;
    const struct mr_options *table = task->table;
    mr_suggest_init(&near, name);
    /* A key in the wrong group is likelier than a misspelt one. */
    for (size_t i = 0; i < table->n_rows && near.best == NULL; i++) {
        const char *dot = strrchr(table->rows[i].name, '.');
        if (dot != NULL && strcmp(dot + 1, setting->name) == 0)
            near.best = table->rows[i].name;
    }
    bool elsewhere = near.best != NULL;
    for (size_t i = 0; i < table->n_rows && !elsewhere; i++)
        mr_suggest_offer(&near, table->rows[i].name);
    if (near.best == NULL)
        return mr_setting_fail(
            applier->err, setting, MR_CONFIG_UNKNOWN,
            "`%.100s%.100s` is not a key, and none is near it; see millrace config "
            "--reference",
            task->path, name);
    return mr_setting_fail(applier->err, setting, MR_CONFIG_UNKNOWN,
                           "`%.100s%.100s` is not a key; the nearest is `%s%s`", task->path, name,
                           task->path, near.best);
}

static int apply_list(struct applier *applier, const struct mr_value *value, void *base)
{
    const struct mr_option *option = value->option;
    const struct mr_setting *list = value->setting;
    uint32_t n_items = list->n_children;
    if (list->kind != MR_SETTING_LIST)
        return mr_setting_fail(applier->err, list, MR_CONFIG_TYPE,
                               "`%s` wants a list of groups: %s = ( { ... }, { ... } );",
                               value->path, list->name);
    if (n_items > option->max)
        return mr_setting_fail(applier->err, list, MR_CONFIG_RANGE,
                               "`%s` has %u entries of at most %lld", value->path, n_items,
                               (long long)option->max);
    char *items = mr_arena_alloc(applier->arena, n_items * option->sub->bytes);
    if (items == NULL)
        return mr_setting_no_room(applier->err);
    memset(items, 0, n_items * option->sub->bytes);
    memcpy((char *)base + option->at, &items, sizeof(items));
    memcpy((char *)base + option->count, &n_items, sizeof(n_items));

    uint32_t idx = 0;
    for (const struct mr_setting *item = list->first; item != NULL; item = item->next, idx++) {
        char index[24];
        snprintf(index, sizeof(index), "[%u].", idx);
        void *item_base = items + idx * option->sub->bytes;
        if (item->kind != MR_SETTING_GROUP)
            return mr_setting_fail(applier->err, item, MR_CONFIG_TYPE,
                                   "`%s[%u]` wants a group: { key = value; ... }", value->path,
                                   idx);
        mr_options_defaults(option->sub, item_base);
        int rc =
            add_task(applier, (struct task){option->sub, item, item_base, "",
                                            join(applier->arena, value->path, index, ""), NULL});
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* A known option whose feature is not built may only say its default. */
static int refuse_later(struct applier *applier, const struct mr_value *value, void *base)
{
    struct mr_buf now = MR_BUF_INIT;
    struct mr_buf dflt = MR_BUF_INIT;
    mr_value_print(value->option, base, false, &now);
    mr_value_default(value->option, base);
    mr_value_print(value->option, base, false, &dflt);
    int rc = 0;
    if (strcmp(mr_buf_cstr(&now), mr_buf_cstr(&dflt)) != 0)
        rc = mr_setting_fail(applier->err, value->setting, MR_CONFIG_INVALID,
                             "`%s` is not supported by this version; remove it", value->path);
    mr_buf_release(&now);
    mr_buf_release(&dflt);
    return rc;
}

static int apply_option(struct applier *applier, const struct task *task,
                        const struct mr_option *option, const struct mr_setting *setting)
{
    struct mr_value value = {option, setting, join(applier->arena, task->path, option->name, ""),
                             applier->arena, applier->err};
    if (value.path == NULL)
        return mr_setting_no_room(applier->err);
    int rc = option->type == MR_OPT_LIST ? apply_list(applier, &value, task->base)
                                         : mr_value_set(&value, task->base);
    if (rc == 0 && option->later)
        rc = refuse_later(applier, &value, task->base);
    return rc;
}

/* The properties row of the group that `prefix` names, or NULL. */
static const struct mr_option *properties_row(const struct task *task)
{
    for (size_t i = 0; i < task->table->n_rows; i++) {
        const struct mr_option *row = &task->table->rows[i];
        size_t len = strlen(row->name);
        if (row->type == MR_OPT_PROPERTIES && strncmp(row->name, task->prefix, len) == 0 &&
            task->prefix[len] == '.')
            return row;
    }
    return NULL;
}

static int apply_setting(struct applier *applier, const struct task *task,
                         const struct mr_setting *setting)
{
    const char *name = join(applier->arena, task->prefix, setting->name, "");
    if (name == NULL)
        return mr_setting_no_room(applier->err);
    const struct mr_option *option = mr_options_find(task->table, name);
    const struct mr_option *properties = properties_row(task);
    bool group = mr_options_is_group(task->table, name);
    if (option != NULL && option->type != MR_OPT_PROPERTIES)
        return apply_option(applier, task, option, setting);
    if (group && setting->kind == MR_SETTING_GROUP)
        return add_task(applier,
                        (struct task){task->table, setting, task->base,
                                      join(applier->arena, name, ".", ""), task->path, NULL});
    if (group)
        return mr_setting_fail(applier->err, setting, MR_CONFIG_TYPE,
                               "`%s%s` is a group: %s: { key = value; ... };", task->path, name,
                               setting->name);
    if (properties != NULL) {
        struct mr_properties into = {applier->args, applier->arena, applier->err, task->table,
                                     properties};
        return mr_properties_add(&into, setting, task->base);
    }
    return unknown(applier, task, setting, name);
}

/* Reads a group; for the first group of a struct, also looks for what is missing. */
static int run_task(struct applier *applier, const struct task *task)
{
    int rc = 0;
    for (const struct mr_setting *setting = task->group->first; setting != NULL && rc == 0;
         setting = setting->next)
        rc = apply_setting(applier, task, setting);
    return rc;
}

static int check_required(struct applier *applier, const struct task *task)
{
    for (size_t i = 0; i < task->table->n_rows; i++) {
        const struct mr_option *row = &task->table->rows[i];
        bool missing = mr_setting_find(task->group, row->name) == NULL;
        if (!row->required)
            continue;
        if (row->type == MR_OPT_STR)
            missing = mr_value_str(row, task->base)[0] == '\0';
        else if (row->type == MR_OPT_LIST)
            missing = mr_value_n_items(row, task->base) == 0;
        if (!missing)
            continue;
        struct mr_buf expected = MR_BUF_INIT;
        mr_value_expected(row, &expected);
        /* The help without its full stop: more follows. */
        int rc = mr_setting_fail(applier->err, task->group, MR_CONFIG_INVALID,
                                 "`%s%s` is missing (%.*s); set it to %s", task->path, row->name,
                                 (int)strlen(row->help) - 1, row->help, mr_buf_cstr(&expected));
        mr_buf_release(&expected);
        return rc;
    }
    return 0;
}

int mr_apply(const struct mr_config_args *args, const struct mr_setting *root,
             struct mr_arena *arena, struct mr_config *config, struct mr_err *err)
{
    struct applier applier = {.args = args, .arena = arena, .err = err};
    mr_options_defaults(&mr_options_global, config);
    int rc = add_task(&applier, (struct task){&mr_options_global, root, config, "", "", NULL});
    const struct task *task = applier.first;
    for (; task != NULL && rc == 0; task = task->next)
        rc = run_task(&applier, task);
    for (task = applier.first; task != NULL && rc == 0; task = task->next) {
        if (task->prefix[0] == '\0')
            rc = check_required(&applier, task);
    }
    return rc;
}
