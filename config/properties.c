/* Owns the passing on of Kafka client properties. Must not know the client: it is asked by a
 * callback. The names that millrace keeps for itself are a table. */
#include "config/properties.h"

#include <stdio.h>
#include <string.h>

#include "config/suggest.h"

#include "base/ban.h"

/* What millrace sets itself, with underscores for dots, and what to write instead. */
static const struct {
    const char *name; /* a leading * matches any beginning */
    const char *instead;
} own[] = {
    {"*_cb", "callbacks cannot be configured; remove it"},
    {"bootstrap_servers", "write bootstrap_servers in the group kafka"},
    {"metadata_broker_list", "use kafka.bootstrap_servers"},
    {"group_id", "use the top-level key group_id"},
    {"auto_offset_reset", "use start, and on_data_loss for lost records"},
    {"isolation_level", "use the top-level key isolation_level"},
    {"enable_auto_commit", "millrace commits after the target has; remove it"},
    {"enable_auto_offset_store", "millrace stores positions in the target; remove it"},
    {"partition_assignment_strategy", "millrace needs cooperative-sticky; remove it"},
};

static const char *const secret_parts[] = {"password",           "secret", "token", "_pem",
                                           "oauthbearer_config", "jaas"};

static void underscored(const char *name, char *out, size_t cap)
{
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < cap; i++)
        out[i] = (char)(name[i] == '.' || name[i] == '-' ? '_' : name[i]);
    out[i] = '\0';
}

bool mr_properties_is_secret(const char *name)
{
    char folded[128];
    underscored(name, folded, sizeof(folded));
    for (size_t i = 0; i < sizeof(secret_parts) / sizeof(secret_parts[0]); i++) {
        if (strstr(folded, secret_parts[i]) != NULL)
            return true;
    }
    return false;
}

static const char *instead_of(const char *folded)
{
    size_t len = strlen(folded);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        const char *name = own[i].name;
        size_t tail = strlen(name) - 1;
        if (name[0] == '*' ? len > tail && strcmp(folded + len - tail, name + 1) == 0
                           : strcmp(folded, name) == 0)
            return own[i].instead;
    }
    return NULL;
}

/* The client's complaint, or a key of ours that is nearly that. */
static int refused(const struct mr_properties *into, const struct mr_setting *setting,
                   const char *why)
{
    struct mr_suggest near;
    char path[MR_CONF_PATH_BYTES];
    const char *group = into->option->name;
    size_t len = strlen(group);
    snprintf(path, sizeof(path), "%s.%s", group, setting->name);
    mr_suggest_init(&near, path);
    for (size_t i = 0; i < into->table->n_rows; i++) {
        const char *name = into->table->rows[i].name;
        if (strncmp(name, group, len) == 0 && name[len] == '.')
            mr_suggest_offer(&near, name);
    }
    if (near.best != NULL)
        return mr_setting_fail(into->err, setting, MR_CONFIG_UNKNOWN,
                               "`%s` is not a key; the nearest is `%s`", path, near.best);
    return mr_setting_fail(
        into->err, setting, MR_CONFIG_UNKNOWN,
        "`%s`: the Kafka client refuses it: %.250s; see librdkafka's CONFIGURATION.md", path, why);
}

static int check(const struct mr_properties *into, const struct mr_setting *setting,
                 struct mr_kafka_check *question)
{
    char folded[128];
    underscored(setting->name, folded, sizeof(folded));
    const char *instead = instead_of(folded);
    if (instead != NULL)
        return mr_setting_fail(into->err, setting, MR_CONFIG_UNKNOWN,
                               "`%s.%.100s` is millrace's own to set: %s", into->option->name,
                               setting->name, instead);
    if (setting->kind == MR_SETTING_GROUP || setting->kind == MR_SETTING_LIST)
        return mr_setting_fail(into->err, setting, MR_CONFIG_TYPE,
                               "`%s.%.100s` wants a string, a number or a boolean",
                               into->option->name, setting->name);
    *question = (struct mr_kafka_check){.name = setting->name, .value = setting->text};
    snprintf(question->canonical, sizeof(question->canonical), "%s", setting->name);
    if (into->args->kafka_check == NULL)
        return 0;
    if (into->args->kafka_check(question, into->args->kafka_check_arg) == 0)
        return 0;
    return refused(into, setting, question->why);
}

int mr_properties_add(const struct mr_properties *into, const struct mr_setting *setting,
                      void *base)
{
    struct mr_kafka_check question;
    struct mr_kafka_property *items = NULL;
    uint32_t n_items = 0;
    char *field = (char *)base + into->option->at;
    char *count = (char *)base + into->option->count;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): the pointer itself is copied */
    memcpy(&items, field, sizeof(items));
    memcpy(&n_items, count, sizeof(n_items));

    int rc = check(into, setting, &question);
    if (rc < 0)
        return rc;
    if (n_items == (uint32_t)into->option->max)
        return mr_setting_fail(into->err, setting, MR_CONFIG_RANGE,
                               "more than %u properties in `%s`", n_items, into->option->name);
    if (n_items == 0)
        items = mr_arena_alloc(into->arena, (size_t)into->option->max * sizeof(*items));
    const char *name = mr_setting_text(into->arena, question.canonical, strlen(question.canonical));
    if (items == NULL || name == NULL)
        return mr_setting_no_room(into->err);
    items[n_items++] = (struct mr_kafka_property){.name = name,
                                                  .value = setting->text,
                                                  .secret = setting->secret ||
                                                            mr_properties_is_secret(setting->name),
                                                  .origin = setting->origin};
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): the pointer itself is copied */
    memcpy(field, &items, sizeof(items));
    memcpy(count, &n_items, sizeof(n_items));
    return 0;
}
