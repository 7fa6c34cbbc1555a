/* Owns the checks between top-level settings and the defaults that depend on other settings. Must
 * not read files or ask servers: that is `millrace check`. */
#include "config/validate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/options.h"
#include "config/setting.h"
#include "config/units.h"

#include "base/ban.h"

enum { POOL_SPARE = 2, POOL_SPARE_DEFAULT = 4, POOL_MAX_DEFAULT = 10, TOPIC_BYTES = 249 };
enum { LEAST_RETENTION_MS = 24 * 60 * 60 * 1000 };
#define LANE_BYTES                                                                                 \
    ((uint64_t)4 * 1024 * 1024) /* two batches and a fetch queue of the least use                  \
                                   \ */

int mr_validate_fail(const struct mr_config *config, struct mr_err *err, const char *path,
                     const char *fmt, ...)
{
    char text[MR_ERR_DETAIL_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    const struct mr_setting *setting = mr_setting_find(config->settings, path);
    return mr_setting_fail(err, setting == NULL ? config->settings : setting, MR_CONFIG_INVALID,
                           "`%s`: %s", path, text);
}

bool mr_validate_absent(const struct mr_config *config, const char *path)
{
    return mr_setting_find(config->settings, path) == NULL;
}

/* Letters, digits, `.`, `_`, `-`: what Kafka allows in topics. */
static bool is_topic_name(const char *name)
{
    static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(name);
    return len > 0 && len <= TOPIC_BYTES && strspn(name, bytes) == len && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static int complete(struct mr_config *config, struct mr_arena *arena, struct mr_err *err)
{
    uint64_t writers = (uint64_t)config->lanes * config->slots;
    config->registry.name = "default";
    if (config->group_id[0] == '\0')
        config->group_id = config->pipeline;
    if (config->target.pool.max == 0) {
        uint64_t wanted = writers + POOL_SPARE_DEFAULT;
        config->target.pool.max = wanted > POOL_MAX_DEFAULT ? (uint32_t)wanted : POOL_MAX_DEFAULT;
    }
    if (config->dlq.topic[0] == '\0') {
        char topic[TOPIC_BYTES + 8];
        snprintf(topic, sizeof(topic), "%.240s.dlq", config->pipeline);
        config->dlq.topic = mr_setting_text(arena, topic, strlen(topic));
        if (config->dlq.topic == NULL)
            return mr_setting_no_room(err);
    }
    return 0;
}

static int check_names(const struct mr_config *config, struct mr_err *err)
{
    static const char allowed[] =
        "only letters, digits, `.`, `_` and `-` are allowed; write another name";
    if (!is_topic_name(config->pipeline))
        return mr_validate_fail(config, err, "pipeline", "%s", allowed);
    if (!is_topic_name(config->dlq.topic))
        return mr_validate_fail(config, err, "dlq.topic", "%s", allowed);
    for (uint32_t i = 0; config->dlq.to == MR_CONF_DLQ_TOPIC && i < config->n_routes; i++) {
        if (strcmp(config->routes[i].topic, config->dlq.topic) == 0)
            return mr_validate_fail(config, err, "dlq.topic",
                                    "a route loads this topic; write another name");
    }
    return 0;
}

static int check_target(const struct mr_config *config, struct mr_err *err)
{
    static const char *const schemes[] = {"postgresql://", "postgres://", "sqlite:", "stdout:"};
    const struct mr_target_conf *target = &config->target;
    size_t i = 0;
    while (i < 4 && strncmp(target->url, schemes[i], strlen(schemes[i])) != 0)
        i++;
    /* The value itself may hold a password, in whatever form it has. */
    if (i == 4)
        return mr_validate_fail(config, err, "target.url",
                                "begins with none of postgresql://, sqlite: and stdout:; write "
                                "postgresql://USER@HOST/DATABASE");
    if (strcmp(target->url, "sqlite:") == 0)
        return mr_validate_fail(config, err, "target.url", "names no file; write sqlite:FILE");
    uint64_t writers = (uint64_t)config->lanes * config->slots;
    if (i < 2 && target->pool.max < writers + POOL_SPARE)
        return mr_validate_fail(
            config, err, "target.pool.max",
            "%u connections are too few for %llu writers: write at least %llu, or "
            "fewer lanes",
            target->pool.max, (unsigned long long)writers,
            (unsigned long long)writers + POOL_SPARE);
    if (target->pool.min > target->pool.max)
        return mr_validate_fail(config, err, "target.pool.min",
                                "%u is more than target.pool.max (%u)", target->pool.min,
                                target->pool.max);
    return 0;
}

/* So long is a key with a letter remembered, over restarts by the table (decision 026). */
static int check_retention(const struct mr_config *config, struct mr_err *err)
{
    const struct mr_dlq_conf *dlq = &config->dlq;
    const struct {
        const char *path;
        uint64_t ms;
    } rows[] = {{"dlq.retention", dlq->retention_ms}, {"dlq.retention_new", dlq->retention_new_ms}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].ms == 0)
            continue;
        if (rows[i].ms < LEAST_RETENTION_MS)
            return mr_validate_fail(config, err, rows[i].path,
                                    "less than a day: keys with a letter are remembered so long; "
                                    "write at least \"1d\", or \"0s\" for ever");
    }
    return 0;
}

static int check_memory(const struct mr_config *config, struct mr_err *err)
{
    uint64_t least = LANE_BYTES * config->lanes * config->slots;
    if (config->memory_limit_bytes >= least)
        return 0;
    struct mr_buf text = MR_BUF_INIT;
    mr_units_print_bytes(least, &text);
    int rc = mr_validate_fail(config, err, "memory_limit",
                              "too small for %u lanes: write at least \"%s\", or fewer lanes",
                              config->lanes, mr_buf_cstr(&text));
    mr_buf_release(&text);
    return rc;
}

static bool is_loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]:", 6) == 0 ||
           strncmp(listen, "localhost:", 10) == 0;
}

static int check_http(const struct mr_config *config, struct mr_err *err)
{
    const char *listen = config->http.listen;
    if (listen[0] == '\0')
        return 0;
    const char *colon = strrchr(listen, ':');
    size_t n_digits = colon == NULL ? 0 : strspn(colon + 1, "0123456789");
    int64_t port = -1;
    if (n_digits > 0 && colon[1 + n_digits] == '\0')
        (void)mr_units_read_i64(colon + 1, &port);
    if (colon == listen || port < 0 || port > 65535)
        return mr_validate_fail(config, err, "http.listen",
                                "\"%.60s\" is not address:port; write \"127.0.0.1:9464\"", listen);
    if (!is_loopback(listen) && config->http.bearer_token[0] == '\0')
        return mr_validate_fail(
            config, err, "http.listen",
            "\"%.60s\" can be reached from outside: set http.bearer_token too, or "
            "listen on 127.0.0.1",
            listen);
    return 0;
}

static int check_registry(const struct mr_config *config, uint32_t idx, struct mr_err *err)
{
    const struct mr_registry_conf *registry = mr_config_registry(config, idx);
    char group[40];
    char path[64];
    snprintf(group, sizeof(group), "registries[%u]", idx - 1);
    if (idx == 0)
        snprintf(group, sizeof(group), "registry");
    snprintf(path, sizeof(path), "%s.url", group);
    if (registry->urls.n_items == 0)
        return mr_validate_fail(config, err, path, "names no address; write \"http://HOST:8081\"");
    for (uint32_t i = 0; i < registry->urls.n_items; i++) {
        const char *url = registry->urls.items[i];
        if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
            return mr_validate_fail(config, err, path,
                                    "an address begins with http:// or https://; write "
                                    "\"http://HOST:8081\"");
    }
    snprintf(path, sizeof(path), "%s.basic_auth", group);
    if (registry->basic_auth[0] != '\0' && strchr(registry->basic_auth, ':') == NULL)
        return mr_validate_fail(config, err, path, "write user:password");
    if (registry->basic_auth[0] != '\0' && registry->bearer_token[0] != '\0')
        return mr_validate_fail(config, err, path,
                                "and bearer_token are both set; keep one of them");
    snprintf(path, sizeof(path), "%s.tls", group);
    if ((registry->tls.cert[0] == '\0') != (registry->tls.key[0] == '\0'))
        return mr_validate_fail(config, err, path, "cert and key go together; set both or none");
    return 0;
}

static int check_registries(const struct mr_config *config, struct mr_err *err)
{
    char path[64];
    for (uint32_t i = 0; i <= config->n_registries; i++) {
        const char *name = mr_config_registry(config, i)->name;
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(mr_config_registry(config, j)->name, name) != 0)
                continue;
            snprintf(path, sizeof(path), "registries[%u].name", i - 1);
            return mr_validate_fail(config, err, path, "\"%.60s\" is taken; choose another name",
                                    name);
        }
        int rc = check_registry(config, i, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int mr_validate(struct mr_config *config, struct mr_arena *arena, struct mr_err *err)
{
    int rc = complete(config, arena, err);
    if (rc == 0)
        rc = check_names(config, err);
    if (rc == 0)
        rc = check_target(config, err);
    if (rc == 0)
        rc = check_retention(config, err);
    if (rc == 0)
        rc = check_memory(config, err);
    if (rc == 0)
        rc = check_http(config, err);
    if (rc == 0)
        rc = check_registries(config, err);
    if (rc == 0)
        rc = mr_validate_routes(config, arena, err);
    return rc;
}
