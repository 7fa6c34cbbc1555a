/* Owns the reading of single values out of settings. Must know no option by name: the row decides.
 * The fields themselves are the business of field.c. */
#include "config/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/choices.h"
#include "config/suggest.h"
#include "config/units.h"

#include "base/ban.h"

static void put(const struct mr_option *option, void *base, const void *value, size_t size)
{
    memcpy((char *)base + option->at, value, size);
}

static int wants(const struct mr_value *value, enum mr_code code, const char *why)
{
    struct mr_buf expected = MR_BUF_INIT;
    mr_value_expected(value->option, &expected);
    int rc = mr_setting_fail(value->err, value->setting, code, "`%s` %s; it wants %s", value->path,
                             why, mr_buf_cstr(&expected));
    mr_buf_release(&expected);
    return rc;
}

static int wrong_type(const struct mr_value *value)
{
    static const char *const kinds[] = {
        "is a group",   "is a list",   "is a whole number", "is a number with a point",
        "is a boolean", "is a string", "has another form"};
    return wants(value, MR_CONFIG_TYPE, kinds[value->setting->kind]);
}

static int wrong_text(const struct mr_value *value, int code)
{
    char why[96];
    bool hide = value->option->secret || value->setting->secret;
    const char *text = hide ? "(secret)" : value->setting->text;
    if (code == -MR_CONFIG_RANGE)
        snprintf(why, sizeof(why), "cannot be %.40s", text);
    else
        snprintf(why, sizeof(why), "cannot be read from \"%.40s\"", text);
    return wants(value, (enum mr_code) - code, why);
}

static bool in_range(const struct mr_option *option, int64_t number)
{
    return option->max == 0 || (number >= option->min && number <= option->max);
}

/* A number, from a number or from text; 0, or -MR_CONFIG_TYPE or _RANGE. */
static int read_number(const struct mr_value *value, int64_t *out)
{
    const struct mr_setting *setting = value->setting;
    uint64_t number = 0;
    int rc = -MR_CONFIG_TYPE;
    switch (value->option->type) {
    case MR_OPT_U32:
        if (setting->kind == MR_SETTING_INT) {
            *out = setting->i64;
            return 0;
        }
        return setting->kind == MR_SETTING_TEXT ? mr_units_read_i64(setting->text, out) : rc;
    case MR_OPT_SIZE:
        rc = mr_units_read_bytes(setting->text, &number);
        break;
    case MR_OPT_TIME:
        rc = mr_units_read_ms(setting->text, &number);
        break;
    case MR_OPT_BOOL:
    case MR_OPT_RATIO:
    case MR_OPT_STR:
    case MR_OPT_STRS:
    case MR_OPT_CHOICE:
    case MR_OPT_START:
    case MR_OPT_SCALAR:
    case MR_OPT_LIST:
    case MR_OPT_PROPERTIES:
        break;
    }
    *out = (int64_t)number; /* units.c refuses more than INT64_MAX */
    return rc;
}

static bool is_text(const struct mr_setting *setting)
{
    return setting->kind == MR_SETTING_STRING || setting->kind == MR_SETTING_TEXT;
}

static int set_number(const struct mr_value *value, void *base)
{
    const struct mr_setting *setting = value->setting;
    int64_t number = 0;
    if (value->option->type != MR_OPT_U32 && !is_text(setting))
        return wrong_type(value);
    int rc = read_number(value, &number);
    if (rc == -MR_CONFIG_TYPE && setting->kind != MR_SETTING_TEXT &&
        value->option->type == MR_OPT_U32)
        return wrong_type(value);
    if (rc == 0 && !in_range(value->option, number))
        rc = -MR_CONFIG_RANGE;
    if (rc < 0)
        return wrong_text(value, rc);
    uint64_t wide = (uint64_t)number;
    uint32_t narrow = (uint32_t)wide; /* every U32 row has bounds within 32 bits (options_test.c) */
    if (value->option->type == MR_OPT_U32)
        put(value->option, base, &narrow, sizeof(narrow));
    else
        put(value->option, base, &wide, sizeof(wide));
    return 0;
}

static int set_bool(const struct mr_value *value, void *base)
{
    const struct mr_setting *setting = value->setting;
    bool yes = setting->boolean;
    if (setting->kind == MR_SETTING_TEXT) {
        yes = strcmp(setting->text, "true") == 0;
        if (!yes && strcmp(setting->text, "false") != 0)
            return wrong_text(value, -MR_CONFIG_TYPE);
    } else if (setting->kind != MR_SETTING_BOOL) {
        return wrong_type(value);
    }
    put(value->option, base, &yes, sizeof(yes));
    return 0;
}

static int set_ratio(const struct mr_value *value, void *base)
{
    const struct mr_setting *setting = value->setting;
    double ratio = setting->f64;
    if (setting->kind == MR_SETTING_TEXT) {
        char *end = NULL;
        ratio = strtod(setting->text, &end);
        if (end == setting->text || *end != '\0')
            return wrong_text(value, -MR_CONFIG_TYPE);
    } else if (setting->kind != MR_SETTING_FLOAT && setting->kind != MR_SETTING_INT) {
        return wrong_type(value);
    }
    /* Written so that NaN is refused too. */
    if (!(ratio * 1000 >= (double)value->option->min && ratio * 1000 <= (double)value->option->max))
        return wrong_text(value, -MR_CONFIG_RANGE);
    put(value->option, base, &ratio, sizeof(ratio));
    return 0;
}

static int set_str(const struct mr_value *value, void *base)
{
    const struct mr_option *option = value->option;
    if (!is_text(value->setting))
        return wrong_type(value);
    const char *text = value->setting->text;
    size_t len = strlen(text);
    if (len > MR_CONF_TEXT_BYTES || !in_range(option, (int64_t)len) ||
        (len < (size_t)option->min && option->max == 0)) {
        char why[64];
        snprintf(why, sizeof(why), "has %zu bytes", len);
        return wants(value, MR_CONFIG_RANGE, why);
    }
    put(option, base, &text, sizeof(text));
    return 0;
}

static int set_choice(const struct mr_value *value, void *base)
{
    if (!is_text(value->setting))
        return wrong_type(value);
    const struct mr_choices *choices = value->option->choices;
    const struct mr_choice *choice = mr_choices_find(choices, value->setting->text);
    if (choice == NULL) {
        struct mr_suggest near;
        char why[160];
        mr_suggest_init(&near, value->setting->text);
        for (size_t i = 0; i < choices->n_items; i++)
            mr_suggest_offer(&near, choices->items[i].name);
        if (near.best == NULL || value->setting->secret)
            return wrong_text(value, -MR_CONFIG_RANGE);
        snprintf(why, sizeof(why), "cannot be \"%.40s\", did you mean \"%.40s\"",
                 value->setting->text, near.best);
        return wants(value, MR_CONFIG_RANGE, why);
    }
    if (choice->later) {
        char why[128];
        snprintf(why, sizeof(why), "= \"%s\" is not supported by this version", choice->name);
        return wants(value, MR_CONFIG_INVALID, why);
    }
    put(value->option, base, &choice->value, sizeof(choice->value));
    return 0;
}

/* 0 or -MR_CONFIG_TYPE, _RANGE. */
static int read_start(const char *text, struct mr_conf_start *out)
{
    static const char *const words[] = {"", "committed", "earliest", "latest"};
    *out = (struct mr_conf_start){MR_CONF_START_TIMESTAMP, 0};
    for (int i = MR_CONF_START_COMMITTED; i < MR_CONF_START_TIMESTAMP; i++) {
        if (strcmp(text, words[i]) == 0) {
            out->kind = (enum mr_conf_start_kind)i;
            return 0;
        }
    }
    return mr_units_read_timestamp(text, &out->timestamp_ms);
}

static int set_start(const struct mr_value *value, void *base)
{
    struct mr_conf_start start;
    if (!is_text(value->setting))
        return wrong_type(value);
    int rc = read_start(value->setting->text, &start);
    if (rc < 0)
        return wrong_text(value, rc);
    put(value->option, base, &start, sizeof(start));
    return 0;
}

static int set_scalar(const struct mr_value *value, void *base)
{
    static const enum mr_conf_constant_kind kinds[] = {
        [MR_SETTING_INT] = MR_CONF_WHOLE,  [MR_SETTING_FLOAT] = MR_CONF_REAL,
        [MR_SETTING_BOOL] = MR_CONF_TRUTH, [MR_SETTING_STRING] = MR_CONF_TEXT,
        [MR_SETTING_TEXT] = MR_CONF_TEXT,
    };
    const struct mr_setting *setting = value->setting;
    if (setting->kind == MR_SETTING_GROUP || setting->kind == MR_SETTING_LIST)
        return wrong_type(value);
    struct mr_conf_scalar scalar = {kinds[setting->kind], setting->text};
    put(value->option, base, &scalar, sizeof(scalar));
    return 0;
}

/* Of -o: `a,b`; blanks around the names are dropped. */
static int split_text(const struct mr_value *value, const char **items, uint32_t *n_items)
{
    const char *at = value->setting->text;
    while (*at != '\0') {
        at += strspn(at, " \t");
        size_t len = strcspn(at, ",");
        size_t kept = len;
        while (kept > 0 && (at[kept - 1] == ' ' || at[kept - 1] == '\t'))
            kept--;
        items[*n_items] = mr_setting_text(value->arena, at, kept);
        if (items[*n_items] == NULL)
            return mr_setting_no_room(value->err);
        (*n_items)++;
        at += len;
        if (*at == ',')
            at++;
    }
    return 0;
}

static int check_strs(const struct mr_value *value, const struct mr_strs *strs)
{
    int64_t max = value->option->max == 0 ? MR_CONF_LIST_ITEMS : value->option->max;
    char why[64];
    if (strs->n_items > max) {
        snprintf(why, sizeof(why), "has %u entries of at most %" PRId64, strs->n_items, max);
        return wants(value, MR_CONFIG_RANGE, why);
    }
    for (uint32_t i = 0; i < strs->n_items; i++) {
        if (strs->items[i][0] == '\0')
            return wants(value, MR_CONFIG_RANGE, "has an empty string");
    }
    return 0;
}

static int set_strs(const struct mr_value *value, void *base)
{
    const struct mr_setting *setting = value->setting;
    struct mr_strs strs = {NULL, 0};
    size_t most = 1;
    if (setting->kind == MR_SETTING_LIST)
        most += setting->n_children;
    else if (setting->kind == MR_SETTING_TEXT)
        most += strlen(setting->text);
    else if (setting->kind != MR_SETTING_STRING)
        return wrong_type(value);
    const char **items = mr_arena_alloc(value->arena, most * sizeof(*items));
    if (items == NULL)
        return mr_setting_no_room(value->err);
    int rc = 0;
    if (setting->kind == MR_SETTING_STRING)
        items[strs.n_items++] = setting->text;
    else if (setting->kind == MR_SETTING_TEXT)
        rc = split_text(value, items, &strs.n_items);
    for (const struct mr_setting *item = setting->first; item != NULL && rc == 0;
         item = item->next) {
        if (is_text(item))
            items[strs.n_items++] = item->text;
        else
            rc = wants(value, MR_CONFIG_TYPE, "has an entry that is no string");
    }
    strs.items = items;
    if (rc == 0)
        rc = check_strs(value, &strs);
    if (rc == 0)
        put(value->option, base, &strs, sizeof(strs));
    return rc;
}

int mr_value_set(const struct mr_value *value, void *base)
{
    switch (value->option->type) {
    case MR_OPT_BOOL:
        return set_bool(value, base);
    case MR_OPT_U32:
    case MR_OPT_SIZE:
    case MR_OPT_TIME:
        return set_number(value, base);
    case MR_OPT_RATIO:
        return set_ratio(value, base);
    case MR_OPT_STR:
        return set_str(value, base);
    case MR_OPT_STRS:
        return set_strs(value, base);
    case MR_OPT_CHOICE:
        return set_choice(value, base);
    case MR_OPT_START:
        return set_start(value, base);
    case MR_OPT_SCALAR:
        return set_scalar(value, base);
    case MR_OPT_LIST:
    case MR_OPT_PROPERTIES:
        break;
    }
    return mr_err_set(value->err, MR_BUG, "an option of a list's type set as one value");
}
