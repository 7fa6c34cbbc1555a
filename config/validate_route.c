/* Owns the checks of `tables`: patterns, names that collide, settings that do not go together. Must
 * not know topics or tables that exist. */
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "config/choices.h"
#include "config/options.h"
#include "config/setting.h"
#include "config/suggest.h"
#include "config/units.h"
#include "config/validate.h"

#include "base/ban.h"

/* A route under check, with where to say so. */
struct check {
    struct mr_config *config;
    struct mr_arena *arena;
    struct mr_err *err;
    uint32_t idx;
    struct mr_route_conf *route;
};

/* "tables[3].key" */
static const char *path_of(const struct check *check, const char *key, char *out, size_t cap)
{
    snprintf(out, cap, "tables[%u]%s%s", check->idx, key[0] == '\0' ? "" : ".", key);
    return out;
}

/* Fails at a key of the route, or at the route where the key is not written. */
#define FAIL(check, key, ...)                                                                      \
    mr_validate_fail((check)->config, (check)->err,                                                \
                     path_of((check), (key), (char[MR_CONF_PATH_BYTES]){""}, MR_CONF_PATH_BYTES),  \
                     __VA_ARGS__)

static int check_topic(const struct check *check)
{
    static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const struct mr_route_conf *route = check->route;
    bool by_name = route->topic[0] != '\0';
    if (by_name == (route->topic_regex[0] != '\0'))
        return FAIL(check, "", "a route has either a topic or a topic_regex; set one of them");
    if (by_name && strspn(route->topic, bytes) != strlen(route->topic))
        return FAIL(check, "topic",
                    "\"%.80s\" cannot be a topic's name; write a pattern as topic_regex",
                    route->topic);
    return 0;
}

/* Highest group that the template asks for, or -1 at `$0`. */
static int highest_group(const char *table)
{
    int highest = 0;
    for (const char *at = strchr(table, '$'); at != NULL; at = strchr(at + 1, '$')) {
        if (at[1] == '0')
            return -1;
        if (at[1] >= '1' && at[1] <= '9' && at[1] - '0' > highest)
            highest = at[1] - '0';
    }
    return highest;
}

static int check_table(const struct check *check, size_t n_groups)
{
    const struct mr_route_conf *route = check->route;
    int highest = highest_group(route->table);
    if (highest < 0)
        return FAIL(check, "table", "there is no $0; put parentheses around what $1 shall be");
    if (highest > 0 && route->topic_regex[0] == '\0')
        return FAIL(check, "table", "$%d needs a topic_regex with groups", highest);
    if ((size_t)highest > n_groups)
        return FAIL(check, "table", "$%d, but topic_regex has %zu groups; add parentheses to it",
                    highest, n_groups);
    return 0;
}

/* True when the expression matches the whole name. */
static bool takes(const regex_t *regex, const char *topic)
{
    regmatch_t match;
    return regexec(regex, topic, 1, &match, 0) == 0 && match.rm_so == 0 &&
           topic[match.rm_eo] == '\0';
}

static int check_regex(const struct check *check)
{
    regex_t regex;
    char why[128];
    int refused = regcomp(&regex, check->route->topic_regex, REG_EXTENDED);
    if (refused == REG_ESPACE)
        mr_memory_note_refused();
    if (refused != 0) {
        regerror(refused, &regex, why, sizeof(why));
        return FAIL(check, "topic_regex",
                    "is no POSIX extended regular expression (%s); correct it", why);
    }
    int rc = check_table(check, regex.re_nsub);
    const struct mr_config *config = check->config;
    for (uint32_t i = check->idx + 1; i < config->n_routes && rc == 0; i++) {
        const char *topic = config->routes[i].topic;
        if (topic[0] != '\0' && topic[0] != '_' && takes(&regex, topic))
            rc = FAIL(check, "topic_regex",
                      "takes \"%.80s\" before tables[%u] can; move that route to the front", topic,
                      i);
    }
    regfree(&regex);
    return rc;
}

static int check_registry(const struct check *check)
{
    struct mr_route_conf *route = check->route;
    struct mr_suggest near;
    mr_suggest_init(&near, route->registry);
    for (uint32_t i = 0; i <= check->config->n_registries; i++) {
        const char *name = mr_config_registry(check->config, i)->name;
        route->registry_idx = i;
        if (strcmp(name, route->registry) == 0)
            return 0;
        mr_suggest_offer(&near, name);
    }
    return FAIL(check, "registry", "no entry of `registries` has the name \"%.60s\"; %s%.60s%s",
                route->registry, near.best == NULL ? "add one" : "did you mean \"",
                near.best == NULL ? "" : near.best, near.best == NULL ? "" : "\"?");
}

static int check_placeholder(const struct check *check)
{
    const char *text = check->route->unavailable_placeholder;
    if (strncmp(text, "hex:", 4) != 0)
        return 0;
    size_t n_digits = strspn(text + 4, "0123456789abcdefABCDEF");
    if (n_digits == 0 || n_digits % 2 != 0 || text[4 + n_digits] != '\0')
        return FAIL(check, "unavailable_placeholder",
                    "\"%.60s\" is not hex: and pairs of hexadecimal digits", text);
    return 0;
}

static int check_cast(const struct check *check, const char *list, uint32_t idx, const char *cast)
{
    static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_ (),.[]\"";
    char key[64];
    snprintf(key, sizeof(key), "%s[%u].cast", list, idx);
    if (strspn(cast, bytes) == strlen(cast))
        return 0;
    return FAIL(check, key, "\"%.60s\" is no name of a type; write as in numeric(10,2)", cast);
}

/* Claims a column; fails when another entry has it (I-07). */
static int claim(const struct check *check, struct mr_map *claimed, const char *key,
                 const char *column)
{
    if (mr_map_find(claimed, column, strlen(column)) != NULL)
        return FAIL(check, key, "two entries give the column \"%.60s\"; name them apart", column);
    if (mr_map_put(claimed, column, strlen(column), check->route) < 0)
        return mr_setting_no_room(check->err);
    return 0;
}

static int check_columns(const struct check *check, struct mr_map *claimed)
{
    const struct mr_route_conf *route = check->route;
    char key[64];
    for (uint32_t i = 0; i < route->n_columns; i++) {
        const struct mr_column_conf *column = &route->columns[i];
        snprintf(key, sizeof(key), "columns[%u].field", i);
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(route->columns[j].field, column->field) == 0)
                return FAIL(check, key, "\"%.60s\" has two entries; join them", column->field);
        }
        int rc = claim(check, claimed, key, column->name[0] == '\0' ? column->field : column->name);
        if (rc == 0)
            rc = check_cast(check, "columns", i, column->cast);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int check_added_columns(const struct check *check, struct mr_map *claimed)
{
    struct mr_route_conf *route = check->route;
    char key[64];
    int rc = 0;
    for (uint32_t i = 0; i < route->n_constants && rc == 0; i++) {
        snprintf(key, sizeof(key), "constants[%u].name", i);
        rc = claim(check, claimed, key, route->constants[i].name);
        if (rc == 0)
            rc = check_cast(check, "constants", i, route->constants[i].cast);
    }
    for (uint32_t i = 0; i < route->n_meta && rc == 0; i++) {
        snprintf(key, sizeof(key), "meta[%u].name", i);
        if (route->meta[i].name[0] == '\0')
            route->meta[i].name = mr_choices_name(&mr_choices_meta, (int)route->meta[i].from);
        rc = claim(check, claimed, key, route->meta[i].name);
    }
    return rc;
}

/* contract.md section 3.1: the guard's column is one of the table's, and an appended row replaces
 * none. */
static int check_guard(const struct check *check, struct mr_map *claimed)
{
    const struct mr_route_conf *route = check->route;
    if (route->guard.n_items == 0)
        return 0;
    if (route->strategy == MR_CONF_APPEND)
        return FAIL(check, "guard", "strategy \"append\" keeps every record; remove the guard");
    return claim(check, claimed, "guard_column", route->guard_column);
}

static int check_fields(const struct check *check)
{
    const struct mr_route_conf *route = check->route;
    for (uint32_t i = 0; i < route->exclude.n_items; i++) {
        for (uint32_t j = 0; j < route->include.n_items; j++) {
            if (strcmp(route->exclude.items[i], route->include.items[j]) == 0)
                return FAIL(check, "exclude", "\"%.60s\" stands in include too; keep one of them",
                            route->exclude.items[i]);
        }
    }
    if (route->key_source == MR_CONF_KEY_SOURCE_VALUE && route->key_columns.n_items == 0)
        return FAIL(check, "key_source", "\"value\" needs key_columns: name the key's columns");
    struct mr_map claimed;
    mr_map_init(&claimed, check->idx);
    int rc = check_columns(check, &claimed);
    if (rc == 0)
        rc = check_added_columns(check, &claimed);
    if (rc == 0)
        rc = check_guard(check, &claimed);
    mr_map_release(&claimed);
    return rc;
}

/* F-13: raw Avro names no schema, so the route must. */
static int check_schemas(const struct check *check)
{
    const struct mr_route_conf *route = check->route;
    if (route->value_format == MR_CONF_FORMAT_RAW_AVRO && route->value_schema[0] == '\0')
        return FAIL(check, "value_format", "\"raw_avro\" needs value_schema: the writer's schema");
    if (route->key_format == MR_CONF_FORMAT_RAW_AVRO && route->key_schema[0] == '\0')
        return FAIL(check, "key_format", "\"raw_avro\" needs key_schema: the writer's schema");
    return 0;
}

/* a place's zone reads an hour of each autumn twice, so that no rule of it is exact. */
static int check_zone(const struct check *check)
{
    int32_t east_s;
    const char *zone = check->route->timestamp_zone;
    if (mr_units_read_offset(zone, &east_s) == 0)
        return 0;
    return FAIL(check, "timestamp_zone",
                "\"%.60s\" is no fixed offset; write \"UTC\" or as in \"+02:00\"", zone);
}

static int check_route(const struct check *check)
{
    struct mr_route_conf *route = check->route;
    int rc = check_topic(check);
    if (rc < 0)
        return rc;
    route->label = route->topic[0] != '\0' ? route->topic : route->topic_regex;
    if (route->start.kind == MR_CONF_START_DEFAULT)
        route->start = check->config->start;
    rc = route->topic[0] != '\0' ? check_table(check, 0) : check_regex(check);
    if (rc == 0)
        rc = check_registry(check);
    if (rc == 0)
        rc = check_fields(check);
    if (rc == 0)
        rc = check_placeholder(check);
    if (rc == 0)
        rc = check_schemas(check);
    if (rc == 0)
        rc = check_zone(check);
    return rc;
}

/* Remembers the route by `name`; the index of the earlier one that has it, or -1. */
static int64_t remember(const struct check *check, struct mr_map *seen, const char *name)
{
    const struct mr_route_conf *earlier = mr_map_find(seen, name, strlen(name));
    if (earlier != NULL)
        return earlier - check->config->routes;
    (void)mr_map_put(seen, name, strlen(name), check->route);
    return -1;
}

/* Two routes with one topic, or two topics with one table (I-08). */
static int check_twice(const struct check *check, struct mr_map *labels, struct mr_map *tables)
{
    const struct mr_route_conf *route = check->route;
    int64_t earlier = remember(check, labels, route->label);
    if (earlier >= 0)
        return FAIL(check, route->topic[0] != '\0' ? "topic" : "topic_regex",
                    "\"%.80s\" is taken by tables[%lld]; remove one of the two", route->label,
                    (long long)earlier);
    if (route->topic[0] == '\0' || route->table[0] == '\0' ||
        route->route_by == MR_CONF_ROUTE_SOURCE) /* E-30: known when records say it */
        return 0;
    /* An identifier separator keeps ("a", "b.c") and ("a.b", "c") apart. */
    char name[400];
    int len = snprintf(name, sizeof(name), "%s\x1f%s", route->schema, route->table);
    const char *kept = mr_setting_text(check->arena, name, (size_t)len);
    if (kept == NULL)
        return mr_setting_no_room(check->err);
    earlier = remember(check, tables, kept);
    if (earlier >= 0 && (!route->table_shared || !check->config->routes[earlier].table_shared))
        return FAIL(
            check, "table",
            "\"%.80s\" is the table of tables[%lld] too; set table_shared = true in both if that "
            "is wanted",
            route->table, (long long)earlier);
    return 0;
}

int mr_validate_routes(struct mr_config *config, struct mr_arena *arena, struct mr_err *err)
{
    struct mr_map labels;
    struct mr_map tables;
    int rc = 0;
    mr_map_init(&labels, 0);
    mr_map_init(&tables, 0);
    for (uint32_t i = 0; i < config->n_routes && rc == 0; i++) {
        struct check check = {config, arena, err, i, &config->routes[i]};
        rc = check_route(&check);
        if (rc == 0)
            rc = check_twice(&check, &labels, &tables);
    }
    mr_map_release(&labels);
    mr_map_release(&tables);
    return rc;
}
