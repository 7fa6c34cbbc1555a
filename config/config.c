/* Owns libconfig, and the order in which a configuration comes about: text, tree, -o, environment,
 * typed values, checks. Must not know a key by name. Invariant: nothing of a configuration that
 * failed is left. */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

#include <libconfig.h>

#include "base/arena.h"
#include "base/memory.h"
#include "config/apply.h"
#include "config/options.h"
#include "config/scan.h"
#include "config/setting.h"
#include "config/source_text.h"
#include "config/substitute.h"
#include "config/validate.h"

#include "base/ban.h"

enum { ARENA_CHUNK_BYTES = 64 * 1024, TREE_DEPTH = MR_SCAN_DEPTH + 1 };

struct mr_conf_memory {
    struct mr_arena arena;
};

struct loader {
    const struct mr_config_args *args;
    struct mr_arena *arena;
    struct mr_err *err;
    const struct mr_source_text *source;
};

/* Resolves ${...} in `text` and gives it to the setting. */
static int set_text(struct loader *loader, struct mr_setting *setting, const char *name,
                    const char *text)
{
    struct mr_substitution sub = {
        .args = loader->args, .origin = &setting->origin, .setting = name};
    struct mr_buf value = MR_BUF_INIT;
    int rc = mr_substitute(&sub, text, &value, loader->err);
    if (rc == 0) {
        setting->text = mr_setting_text(loader->arena, mr_buf_cstr(&value), value.len);
        setting->secret = sub.secret;
        if (sub.any)
            setting->kind = MR_SETTING_TEXT;
        if (setting->text == NULL)
            rc = mr_setting_no_room(loader->err);
    }
    mr_buf_release(&value);
    return rc;
}

static int set_number(struct loader *loader, struct mr_setting *setting)
{
    struct mr_buf text = MR_BUF_INIT;
    if (setting->kind == MR_SETTING_INT)
        mr_buf_fmt(&text, "%lld", (long long)setting->i64);
    else if (setting->kind == MR_SETTING_FLOAT)
        mr_buf_fmt(&text, "%.15g", setting->f64);
    else
        mr_buf_str(&text, setting->boolean ? "true" : "false");
    setting->text = mr_setting_text(loader->arena, mr_buf_cstr(&text), text.len);
    mr_buf_release(&text);
    return setting->text == NULL ? mr_setting_no_room(loader->err) : 0;
}

/* One of libconfig's settings as one of ours, without its children. */
static int convert(struct loader *loader, const config_setting_t *from, struct mr_setting *parent,
                   struct mr_setting **out)
{
    const char *name = config_setting_name(from);
    struct mr_setting *to =
        mr_setting_new(loader->arena, parent, name == NULL ? "" : name, MR_SETTING_GROUP);
    if (to == NULL)
        return mr_setting_no_room(loader->err);
    to->origin = mr_source_text_origin(loader->source, (uint32_t)config_setting_source_line(from));
    *out = to;
    switch (config_setting_type(from)) {
    case CONFIG_TYPE_INT:
        to->kind = MR_SETTING_INT;
        to->i64 = config_setting_get_int(from);
        to->f64 = (double)to->i64;
        return set_number(loader, to);
    case CONFIG_TYPE_INT64:
        to->kind = MR_SETTING_INT;
        to->i64 = config_setting_get_int64(from);
        to->f64 = (double)to->i64;
        return set_number(loader, to);
    case CONFIG_TYPE_FLOAT:
        to->kind = MR_SETTING_FLOAT;
        to->f64 = config_setting_get_float(from);
        return set_number(loader, to);
    case CONFIG_TYPE_BOOL:
        to->kind = MR_SETTING_BOOL;
        to->boolean = config_setting_get_bool(from) != 0;
        return set_number(loader, to);
    case CONFIG_TYPE_STRING:
        to->kind = MR_SETTING_STRING;
        return set_text(loader, to, to->name[0] == '\0' && parent != NULL ? parent->name : to->name,
                        config_setting_get_string(from));
    case CONFIG_TYPE_ARRAY:
    case CONFIG_TYPE_LIST:
        to->kind = MR_SETTING_LIST;
        return 0;
    default:
        return 0;
    }
}

/* The whole tree; the scan has bounded its depth. */
static int convert_tree(struct loader *loader, const config_t *parsed, struct mr_setting *root)
{
    struct {
        const config_setting_t *from;
        struct mr_setting *to;
        unsigned next;
    } stack[TREE_DEPTH] = {{config_root_setting(parsed), root, 0}};
    size_t depth = 1;
    while (depth > 0) {
        const config_setting_t *from = stack[depth - 1].from;
        const config_setting_t *child = config_setting_get_elem(from, stack[depth - 1].next++);
        struct mr_setting *made = NULL;
        if (child == NULL) {
            depth--;
            continue;
        }
        int rc = convert(loader, child, stack[depth - 1].to, &made);
        if (rc < 0)
            return rc;
        if (!config_setting_is_aggregate(child))
            continue;
        if (depth == TREE_DEPTH)
            return mr_setting_fail(loader->err, made, MR_CONFIG_RANGE, "nested too deep");
        stack[depth].from = child;
        stack[depth].to = made;
        stack[depth++].next = 0;
    }
    return 0;
}

static int syntax_error(struct loader *loader, const config_t *parsed)
{
    struct mr_conf_origin at =
        mr_source_text_origin(loader->source, (uint32_t)config_error_line(parsed));
    const char *why = config_error_text(parsed);
    if (why != NULL && strstr(why, "duplicate") != NULL)
        return mr_setting_fail_at(
            loader->err, &at, MR_CONFIG_SYNTAX,
            "a key of this line is already set in the same group; remove one of "
            "them");
    if (why != NULL && strstr(why, "mismatched") != NULL)
        return mr_setting_fail_at(
            loader->err, &at, MR_CONFIG_SYNTAX,
            "an array [ ] holds values of one kind; write all of them as strings "
            "in quotes");
    return mr_setting_fail_at(loader->err, &at, MR_CONFIG_SYNTAX,
                              "%s; look here and one line up for a missing `=`, quote or comma",
                              why == NULL ? "syntax error" : why);
}

static int read_file(struct loader *loader, struct mr_setting *root)
{
    struct mr_source_text source = MR_SOURCE_TEXT_INIT;
    config_t parsed;
    config_init(&parsed);
    loader->source = &source;
    root->origin = (struct mr_conf_origin){
        .kind = MR_CONF_FROM_FILE,
        .file = mr_setting_text(loader->arena, loader->args->path, strlen(loader->args->path))};
    int rc = root->origin.file == NULL ? mr_setting_no_room(loader->err) : 0;
    if (rc == 0)
        rc = mr_source_text_read(&source, loader->args->path, loader->arena, loader->err);
    if (rc == 0 && config_read_string(&parsed, mr_buf_cstr(&source.text)) != CONFIG_TRUE)
        rc = syntax_error(loader, &parsed);
    if (rc == 0)
        rc = convert_tree(loader, &parsed, root);
    config_destroy(&parsed);
    mr_source_text_release(&source);
    loader->source = NULL;
    return rc;
}

static int put_override(struct loader *loader, struct mr_setting *root, const char *argument)
{
    const char *equals = strchr(argument, '=');
    struct mr_setting *setting = NULL;
    if (equals == NULL || equals == argument)
        return mr_err_set(loader->err, MR_CONFIG_USAGE, "-o %.100s: write -o key=value", argument);
    const char *path = mr_setting_text(loader->arena, argument, (size_t)(equals - argument));
    if (path == NULL)
        return mr_setting_no_room(loader->err);
    int rc = mr_setting_make(loader->arena, root, path, &setting, loader->err);
    return rc < 0 ? rc : set_text(loader, setting, path, equals + 1);
}

/* Variables that stand in for absent settings, as the option table says. */
static int put_environment(struct loader *loader, struct mr_setting *root)
{
    const struct mr_config_args *args = loader->args;
    for (size_t i = 0; i < mr_options_global.n_rows; i++) {
        const struct mr_option *row = &mr_options_global.rows[i];
        if (row->env == NULL || args->getenv == NULL || mr_setting_find(root, row->name) != NULL)
            continue;
        const char *value = args->getenv(row->env, args->getenv_arg);
        if (value == NULL || value[0] == '\0')
            continue;
        struct mr_setting *setting = NULL;
        int rc = mr_setting_make(loader->arena, root, row->name, &setting, loader->err);
        if (rc < 0)
            return rc;
        setting->origin = (struct mr_conf_origin){MR_CONF_FROM_ENVIRONMENT, row->env, 0};
        setting->text = mr_setting_text(loader->arena, value, strlen(value));
        if (setting->text == NULL)
            return mr_setting_no_room(loader->err);
    }
    return 0;
}

static int load(struct loader *loader, struct mr_config *config)
{
    struct mr_setting *root = mr_setting_new(loader->arena, NULL, "", MR_SETTING_GROUP);
    if (root == NULL)
        return mr_setting_no_room(loader->err);
    root->origin = (struct mr_conf_origin){MR_CONF_FROM_FILE, "no file (give -c FILE)", 0};
    int rc = loader->args->path == NULL ? 0 : read_file(loader, root);
    for (uint32_t i = 0; i < loader->args->n_overrides && rc == 0; i++)
        rc = put_override(loader, root, loader->args->overrides[i]);
    if (rc == 0)
        rc = put_environment(loader, root);
    if (rc == 0)
        rc = mr_apply(loader->args, root, loader->arena, config, loader->err);
    config->settings = root;
    if (rc == 0)
        rc = mr_validate(config, loader->arena, loader->err);
    return rc;
}

int mr_config_load(const struct mr_config_args *args, struct mr_config **out, struct mr_err *err)
{
    uint32_t mark = mr_memory_mark();
    struct mr_conf_memory *memory = malloc(sizeof(*memory));
    if (memory == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "the configuration's arena");
    mr_arena_init(&memory->arena, ARENA_CHUNK_BYTES, MR_CONF_MEMORY_BYTES);
    struct loader loader = {.args = args, .arena = &memory->arena, .err = err, .source = NULL};
    struct mr_config *config = mr_arena_alloc(&memory->arena, sizeof(*config));
    int rc = 0;
    if (config != NULL) {
        memset(config, 0, sizeof(*config));
        config->memory = memory;
        rc = load(&loader, config);
    }
    /* Texts that were cut short by it may have become any fault, or none. */
    rc = mr_memory_judge(mark, rc, err, "reading the configuration");
    if (rc < 0) {
        mr_arena_release(&memory->arena);
        free(memory);
        return rc;
    }
    *out = config;
    return 0;
}

void mr_config_free(struct mr_config *config)
{
    if (config == NULL)
        return;
    struct mr_conf_memory *memory = config->memory; /* the configuration lies in its own arena */
    mr_arena_release(&memory->arena);
    free(memory);
}

const struct mr_registry_conf *mr_config_registry(const struct mr_config *config, uint32_t idx)
{
    return idx == 0 ? &config->registry : &config->registries[idx - 1];
}
