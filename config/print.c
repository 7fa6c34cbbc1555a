/* Owns the printed configuration and what of it may be seen. Must not know an option by name. */
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "config/config.h"
#include "config/options.h"
#include "config/setting.h"
#include "config/value.h"

#include "base/ban.h"

enum { KEY_COLUMNS = 40, ORIGIN_BYTES = 256 };

/* A query parameter whose value is a password. */
static bool is_password(const char *name, size_t len)
{
    return (len == 8 && strncasecmp(name, "password", 8) == 0) ||
           (len == 11 && strncasecmp(name, "sslpassword", 11) == 0);
}

void mr_config_redact_url(const char *url, struct mr_buf *out)
{
    const char *at = url;
    const char *slashes = strstr(url, "://");
    if (slashes != NULL) {
        /* user:password@host: the last @ of the authority, since a password may hold one. */
        const char *from = slashes + 3;
        size_t len = strcspn(from, "/?#");
        const char *host = NULL;
        for (size_t i = 0; i < len; i++) {
            if (from[i] == '@')
                host = from + i;
        }
        const char *colon = host == NULL ? NULL : memchr(from, ':', (size_t)(host - from));
        if (colon != NULL) {
            mr_buf_add(out, at, (size_t)(colon - at) + 1);
            mr_buf_str(out, "***");
            at = host;
        }
    }
    for (;;) {
        size_t len = strcspn(at, "?&");
        mr_buf_add(out, at, len);
        at += len;
        if (*at == '\0')
            break;
        size_t name_len = strcspn(at + 1, "=&");
        mr_buf_add(out, at, 1);
        at++;
        if (at[name_len] != '=' || !is_password(at, name_len))
            continue;
        mr_buf_add(out, at, name_len + 1);
        mr_buf_str(out, "***");
        at += name_len + strcspn(at + name_len, "&");
    }
    mr_buf_str(out, "");
}

struct printer {
    struct mr_buf *out;
    bool json;
    bool any;
};

/* One key; `value` is a JSON literal. */
static void print_key(struct printer *printer, const char *key, const char *value,
                      const struct mr_conf_origin *origin)
{
    char text[ORIGIN_BYTES];
    mr_setting_origin(origin, text, sizeof(text));
    if (printer->json) {
        mr_buf_str(printer->out, printer->any ? ",\n    {\"key\": " : "\n    {\"key\": ");
        mr_value_quote(key, printer->out);
        mr_buf_fmt(printer->out, ", \"value\": %s, \"origin\": ", value);
        mr_value_quote(text, printer->out);
        mr_buf_str(printer->out, "}");
    } else {
        mr_buf_fmt(printer->out, "%-*s = %s  # %s\n", KEY_COLUMNS, key, value, text);
    }
    printer->any = true;
}

static void print_properties(struct printer *printer, const struct mr_config *config,
                             const struct mr_option *option)
{
    struct mr_buf key = MR_BUF_INIT;
    struct mr_buf value = MR_BUF_INIT;
    for (uint32_t i = 0; i < config->kafka.n_properties; i++) {
        const struct mr_kafka_property *property = &config->kafka.properties[i];
        mr_buf_reset(&key);
        mr_buf_reset(&value);
        mr_buf_fmt(&key, "%s.%s", option->name, property->name);
        mr_value_quote(property->secret ? "(secret)" : property->value, &value);
        print_key(printer, mr_buf_cstr(&key), mr_buf_cstr(&value), &property->origin);
    }
    mr_buf_release(&key);
    mr_buf_release(&value);
}

static bool any_secret(const struct mr_setting *setting)
{
    if (setting == NULL)
        return false;
    bool secret = setting->secret;
    for (const struct mr_setting *item = setting->first; item != NULL; item = item->next)
        secret = secret || item->secret;
    return secret;
}

int mr_config_print(const struct mr_config *config, bool json, struct mr_buf *out)
{
    static const struct mr_conf_origin nowhere = {MR_CONF_FROM_DEFAULT, "", 0};
    struct printer printer = {out, json, false};
    struct mr_buf value = MR_BUF_INIT;
    struct mr_walk walk;
    uint32_t mark = mr_memory_mark();
    mr_buf_str(out, json ? "{\n  \"options\": [" : "");
    mr_walk_init(&walk, config, NULL);
    while (mr_walk_next(&walk)) {
        if (walk.option->type == MR_OPT_PROPERTIES)
            print_properties(&printer, config, walk.option);
        if (walk.option->type == MR_OPT_LIST || walk.option->type == MR_OPT_PROPERTIES)
            continue;
        const struct mr_setting *setting = mr_setting_find(config->settings, walk.path);
        mr_buf_reset(&value);
        mr_value_print(walk.option, walk.base, any_secret(setting), &value);
        print_key(&printer, walk.path, mr_buf_cstr(&value),
                  setting == NULL ? &nowhere : &setting->origin);
    }
    mr_buf_str(out, json ? "\n  ]\n}\n" : "");
    bool ok = mr_buf_ok(&value) && mr_buf_ok(out);
    mr_buf_release(&value);
    return mr_memory_judge(mark, ok ? 0 : -MR_NO_MEMORY, NULL, "");
}
