/* Owns the translation of a configuration into the options of the parts. It decides nothing that a
 * user could see: choices map one to one. */
#include "consumer/wiring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/units.h"

#include "base/ban.h"

enum { MAX_IDENTIFIER_BYTES = 63, CONNECT_TIMEOUT_MS = 10000, LETTER_TIMEOUT_MS = 10000 };

static const char *set_or_null(const char *text)
{
    return text != NULL && *text != '\0' ? text : NULL;
}

/* ---- registries ---- */

static int registry_make(const struct mr_registry_conf *conf, bool check_with_avro_c,
                         struct mr_env env, struct mr_registry **out, struct mr_err *err)
{
    struct mr_registry_opts opts = {
        .name = conf->name,
        .kind =
            conf->kind == MR_CONF_REGISTRY_APICURIO ? MR_REGISTRY_APICURIO : MR_REGISTRY_CONFLUENT,
        .basic_auth = set_or_null(conf->basic_auth),
        .bearer_token = set_or_null(conf->bearer_token),
        .tls_ca = set_or_null(conf->tls.ca),
        .tls_cert = set_or_null(conf->tls.cert),
        .tls_key = set_or_null(conf->tls.key),
        .timeout_ms = (uint32_t)conf->timeout_ms,
        .cache_schemas = conf->cache_max_schemas,
        .cache_dir = conf->cache_dir,
        .missing_ttl_ms = (uint32_t)conf->cache_not_found_ms,
        .schema = {.lenient_names = true},
        .check_with_avro_c = check_with_avro_c,
    };

    for (uint32_t i = 0; i < conf->urls.n_items && i < MR_REGISTRY_MAX_URLS; i++)
        opts.urls[opts.n_urls++] = conf->urls.items[i];
    return mr_registry_new(&opts, &mr_registry_http, env, out, err);
}

static int registries_make(struct mr_wiring *w, struct mr_env env, struct mr_err *err)
{
    size_t n = (size_t)w->config->n_registries + 1;

    w->registries = calloc(n, sizeof(struct mr_registry *));
    if (w->registries == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for registries");
    for (size_t i = 0; i < n; i++) {
        const struct mr_registry_conf *conf = mr_config_registry(w->config, (uint32_t)i);
        int rc = registry_make(conf, w->config->check_with_avro_c, env, &w->registries[i], err);
        if (rc < 0)
            return rc;
        w->n_registries++;
    }
    return 0;
}

/* ---- routes ---- */

static void *list_new(struct mr_wiring *w, size_t n, size_t size)
{
    void **lists = realloc(w->lists, (w->n_lists + 1) * sizeof(void *));

    if (lists == NULL)
        return NULL;
    w->lists = lists;
    void *list = calloc(n > 0 ? n : 1, size);
    if (list != NULL)
        lists[w->n_lists++] = list;
    return list;
}

static bool columns_make(struct mr_wiring *w, const struct mr_route_conf *conf,
                         struct mr_route *route)
{
    static const char *const units[] = {
        [MR_CONF_UNIT_NONE] = NULL, [MR_CONF_UNIT_S] = "s",   [MR_CONF_UNIT_MS] = "ms",
        [MR_CONF_UNIT_US] = "us",   [MR_CONF_UNIT_NS] = "ns", [MR_CONF_UNIT_DAYS] = "days"};
    struct mr_route_column *columns = list_new(w, conf->n_columns, sizeof *columns);
    struct mr_route_meta *meta = list_new(w, conf->n_meta, sizeof *meta);
    struct mr_route_constant *constants = list_new(w, conf->n_constants, sizeof *constants);

    if (columns == NULL || meta == NULL || constants == NULL)
        return false;
    for (uint32_t i = 0; i < conf->n_columns; i++)
        columns[i] = (struct mr_route_column){.field = conf->columns[i].field,
                                              .name = set_or_null(conf->columns[i].name),
                                              .cast = set_or_null(conf->columns[i].cast),
                                              .unit = units[conf->columns[i].unit],
                                              .detect_off = conf->columns[i].unavailable_detect ==
                                                            MR_CONF_DETECT_OFF};
    for (uint32_t i = 0; i < conf->n_meta; i++)
        meta[i] = (struct mr_route_meta){.from = (enum mr_meta)conf->meta[i].from,
                                         .name = set_or_null(conf->meta[i].name)};
    for (uint32_t i = 0; i < conf->n_constants; i++)
        constants[i] =
            (struct mr_route_constant){.name = conf->constants[i].name,
                                       .kind = (enum mr_constant_kind)conf->constants[i].value.kind,
                                       .text = conf->constants[i].value.text,
                                       .cast = set_or_null(conf->constants[i].cast)};
    route->constants = constants;
    route->n_constants = (uint16_t)conf->n_constants;
    route->columns = columns;
    route->n_columns = (uint16_t)conf->n_columns;
    route->meta = meta;
    route->n_meta = (uint16_t)conf->n_meta;
    return true;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c);

    return at != NULL ? (int)(at - digits) : -1;
}

/* contract.md section 4: `hex:` gives raw octets, anything else is the text itself. */
static bool placeholder_make(struct mr_wiring *w, const struct mr_route_conf *conf,
                             struct mr_route *route)
{
    const char *text = conf->unavailable_placeholder;
    size_t len = strlen(text);
    char *out = list_new(w, len + 1, 1);

    if (out == NULL)
        return false;
    memcpy(out, text, len + 1);
    if (strncmp(text, "hex:", 4) == 0 && len % 2 == 0) {
        size_t n = 0;
        for (const char *p = text + 4; *p != '\0'; p += 2) {
            if (hex_digit(p[0]) < 0 || hex_digit(p[1]) < 0)
                break;
            out[n++] = (char)(hex_digit(p[0]) * 16 + hex_digit(p[1]));
        }
        out[n] = '\0';
        len = n;
    }
    route->placeholder = out;
    route->placeholder_len = len;
    return true;
}

/* The enums of config and of the layers above are written in the same order; a test compares them.
 */
static void route_make(const struct mr_config *config, const struct mr_route_conf *conf,
                       uint32_t idx, struct mr_route *route)
{
    *route = (struct mr_route){
        .route_idx = idx,
        .strategy = conf->strategy == MR_CONF_APPEND ? MR_STRATEGY_APPEND : MR_STRATEGY_UPSERT,
        .key_format = (enum mr_format)conf->key_format,
        .value_format = (enum mr_format)conf->value_format,
        .envelope = (enum mr_envelope_mode)conf->envelope,
        .evolve = (enum mr_evolve)conf->evolve,
        .text_nul = (enum mr_text_nul)conf->text_nul,
        .truncate = (enum mr_truncate)conf->truncate,
        .create = conf->create,
        .tombstone_ignore = conf->tombstone == MR_CONF_TOMBSTONE_IGNORE,
        .key_from_value = conf->key_source == MR_CONF_KEY_SOURCE_VALUE,
        .nanos_poison = conf->temporal_nanos == MR_CONF_NANOS_POISON,
        .excess_scale_round = conf->numeric_excess_scale == MR_CONF_EXCESS_SCALE_ROUND,
        .key_change_before = conf->key_change == MR_CONF_KEY_CHANGE_BEFORE,
        .add_defaults = conf->add_defaults,
        .relax_not_null = conf->relax_not_null,
        .widen_rewrite = conf->widen_rewrite,
        .name_original = conf->column_name_source == MR_CONF_NAME_ORIGINAL,
        .unmangle_unicode = conf->column_unmangle == MR_CONF_UNMANGLE_AVRO_UNICODE,
        .identifier_long_halt = conf->identifier_long == MR_CONF_LONG_NAME_HALT,
        .identifier_case = (uint8_t)conf->identifier_case,
        .unavailable_detect = conf->unavailable_detect == MR_CONF_DETECT_AUTO,
        .keep_moved = conf->unavailable_keep_deleted,
        .moved_tomb_ttl_ms = conf->unavailable_tomb_ttl_ms,
        .null_columns = conf->unavailable_null_columns.items,
        .n_null_columns = (uint16_t)conf->unavailable_null_columns.n_items,
        .keyless_match_full = conf->keyless == MR_CONF_KEYLESS_MATCH_FULL,
        .missing_row = (enum mr_missing_row)conf->unavailable_missing_row,
        .key_columns = conf->key_columns.items,
        .n_key_columns = (uint16_t)conf->key_columns.n_items,
        .value_column = set_or_null(conf->value_column),
        .envelope_prefix = conf->envelope_prefix,
        .nested_delimiter =
            conf->nested_mode == MR_CONF_NESTED_FLATTEN ? conf->nested_delimiter : NULL,
        .include = conf->include.items,
        .n_include = (uint16_t)conf->include.n_items,
        .exclude = conf->exclude.items,
        .n_exclude = (uint16_t)conf->exclude.n_items,
        .max_zero_size_items = config->zero_size_items,
        .max_record_bytes = (size_t)config->record_max_bytes,
        .max_identifier_bytes = MAX_IDENTIFIER_BYTES,
    };
}

/* A route's own schema, with its fingerprint. */
static int schema_make(const struct mr_route_conf *conf, bool is_key, struct mr_route *route,
                       struct mr_err *err)
{
    const struct mr_schema_opts opts = {.lenient_names = conf->schema_lenient_names};
    const char *text = is_key ? conf->key_schema : conf->value_schema;
    const struct mr_schema_text one = {text, strlen(text)};
    struct mr_schema **out = is_key ? &route->key_schema : &route->value_schema;
    struct mr_err why = MR_ERR_INIT;

    if (*text == '\0')
        return 0;
    int rc = mr_schema_parse(&one, 1, &opts, out, &why);
    if (rc == 0)
        rc = mr_schema_fingerprint(
            *out, is_key ? &route->key_fingerprint : &route->value_fingerprint, &why);
    if (rc < 0)
        return mr_err_set(err, MR_CONFIG_INVALID, "%s of the route '%.100s': %.300s",
                          is_key ? "key_schema" : "value_schema", conf->label, why.detail);
    return 0;
}

/* A known word alone names a kind of source, anything else fields of the row. */
static void guard_make(const struct mr_route_conf *conf, struct mr_route *route)
{
    static const char *const words[] = {[MR_GUARD_LSN] = "lsn",
                                        [MR_GUARD_BINLOG] = "binlog",
                                        [MR_GUARD_SQLSERVER] = "sqlserver",
                                        [MR_GUARD_SCN] = "scn",
                                        [MR_GUARD_MONGO] = "mongo"};

    if (conf->guard.n_items == 0)
        return;
    route->guard = MR_GUARD_FIELDS;
    for (int i = MR_GUARD_LSN; conf->guard.n_items == 1 && i <= MR_GUARD_MONGO; i++)
        if (strcmp(conf->guard.items[0], words[i]) == 0)
            route->guard = (enum mr_guard_kind)i;
    route->guard_fields = conf->guard.items;
    route->n_guard_fields = (uint16_t)conf->guard.n_items;
    route->guard_column = conf->guard_column;
    route->guard_tomb_ttl_ms = conf->guard_tomb_ttl_ms;
}

static int rule_make(struct mr_wiring *w, uint32_t idx, struct mr_err *err)
{
    const struct mr_route_conf *conf = &w->config->routes[idx];
    struct mr_route_rule *rule = &w->rules[idx];
    static const enum mr_on_bad on_bad[] = {[MR_CONF_BAD_DEAD_LETTER] = MR_ON_BAD_DEAD_LETTER,
                                            [MR_CONF_BAD_STOP] = MR_ON_BAD_STOP,
                                            [MR_CONF_BAD_SKIP] = MR_ON_BAD_SKIP};
    static const enum mr_start starts[] = {
        [MR_CONF_START_DEFAULT] = MR_START_COMMITTED,
        [MR_CONF_START_COMMITTED] = MR_START_COMMITTED,
        [MR_CONF_START_EARLIEST] = MR_START_EARLIEST,
        [MR_CONF_START_LATEST] = MR_START_LATEST,
        [MR_CONF_START_TIMESTAMP] = MR_START_TIMESTAMP,
    };

    rule->label = conf->label;
    rule->schema = set_or_null(conf->schema);
    rule->table = set_or_null(conf->table);
    rule->table_shared = conf->table_shared;
    rule->by_source = conf->route_by == MR_CONF_ROUTE_SOURCE;
    rule->on_bad = on_bad[conf->on_bad_record];
    rule->fk_wait_ms = conf->fk_wait_ms;
    rule->start = starts[conf->start.kind];
    rule->start_ms = conf->start.timestamp_ms;
    rule->registry = w->registries[conf->registry_idx];
    route_make(w->config, conf, idx, &rule->route);
    guard_make(conf, &rule->route);
    if (!columns_make(w, conf, &rule->route) || !placeholder_make(w, conf, &rule->route))
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a route");
    if (*conf->topic != '\0') {
        rule->topic = conf->topic;
    } else {
        int refused = regcomp(&rule->regex, conf->topic_regex, REG_EXTENDED);
        if (refused != 0)
            return mr_err_set(err, refused == REG_ESPACE ? MR_NO_MEMORY : MR_CONFIG_INVALID,
                              "topic_regex '%s' does not compile", conf->topic_regex);
    }
    w->n_rules = (size_t)idx + 1;
    rule->breaker = &w->breakers[idx];
    mr_breaker_init(rule->breaker,
                    &(struct mr_breaker_opts){.max_ratio = w->config->dlq.max_ratio,
                                              .max_rows = w->config->dlq.max_rows,
                                              .window_ms = w->config->dlq.window_ms});
    rule->route.strict_names = !conf->schema_lenient_names;
    (void)mr_units_read_offset(conf->timestamp_zone, &rule->route.zone_east_s); /* validated */
    int rc = schema_make(conf, false, &rule->route, err);
    return rc < 0 ? rc : schema_make(conf, true, &rule->route, err);
}

/* What is subscribed: exact names, and regexes as the client marks them. */
static int topics_make(struct mr_wiring *w, struct mr_err *err)
{
    w->topics = calloc((size_t)w->config->n_routes + 1, sizeof(char *));
    if (w->topics == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for topics");
    for (uint32_t i = 0; i < w->config->n_routes; i++) {
        const struct mr_route_conf *conf = &w->config->routes[i];
        bool regex = *conf->topic == '\0';
        const char *name = regex ? conf->topic_regex : conf->topic;
        size_t cap = strlen(name) + 8;
        char *topic = malloc(cap);
        if (topic == NULL)
            return mr_err_set(err, MR_NO_MEMORY, "no memory for topics");
        /* anchored at both ends, whatever it holds: a rule matches the whole name */
        if (regex)
            snprintf(topic, cap, "^(%s)$", name);
        else
            snprintf(topic, cap, "%s", name);
        w->topics[w->n_topics++] = topic;
    }
    return 0;
}

static int properties_make(struct mr_wiring *w, struct mr_err *err)
{
    const struct mr_kafka_conf *kafka = &w->config->kafka;

    w->properties = calloc((size_t)kafka->n_properties + 2, sizeof *w->properties);
    if (w->properties == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for properties");
    w->properties[w->n_properties++] =
        (struct mr_source_property){"bootstrap.servers", kafka->bootstrap_servers};
    w->properties[w->n_properties++] = (struct mr_source_property){
        "isolation.level", w->config->isolation_level == MR_CONF_READ_UNCOMMITTED
                               ? "read_uncommitted"
                               : "read_committed"};
    for (uint32_t i = 0; i < kafka->n_properties; i++)
        w->properties[w->n_properties++] =
            (struct mr_source_property){kafka->properties[i].name, kafka->properties[i].value};
    return 0;
}

static void instance_id_make(struct mr_wiring *w, struct mr_env *env)
{
    char host[64] = "host";

    gethostname(host, sizeof host - 1);
    if (*w->config->instance_id != '\0')
        snprintf(w->instance_id, sizeof w->instance_id, "%s", w->config->instance_id);
    else
        snprintf(w->instance_id, sizeof w->instance_id, "%s-%ld-%04x", host, (long)getpid(),
                 (unsigned)mr_rng_below(&env->rng, 65536));
}

int mr_wiring_init(struct mr_wiring *w, const struct mr_config *config, struct mr_env env,
                   struct mr_err *err)
{
    memset(w, 0, sizeof *w);
    w->config = config;
    instance_id_make(w, &env);
    w->rules = calloc((size_t)config->n_routes + 1, sizeof *w->rules);
    w->breakers = calloc((size_t)config->n_routes + 1, sizeof *w->breakers);
    if (w->rules == NULL || w->breakers == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for routes");
    int rc = registries_make(w, env, err);
    for (uint32_t i = 0; rc == 0 && i < config->n_routes; i++)
        rc = rule_make(w, i, err);
    if (rc == 0)
        rc = topics_make(w, err);
    if (rc == 0)
        rc = properties_make(w, err);
    if (rc < 0)
        mr_wiring_release(w);
    return rc;
}

void mr_wiring_release(struct mr_wiring *w)
{
    for (size_t i = 0; i < w->n_rules; i++) {
        if (w->rules[i].topic == NULL)
            regfree(&w->rules[i].regex);
        mr_schema_unref(w->rules[i].route.value_schema);
        mr_schema_unref(w->rules[i].route.key_schema);
        mr_breaker_release(&w->breakers[i]);
    }
    for (size_t i = 0; i < w->n_registries; i++)
        mr_registry_free(w->registries[i]);
    for (size_t i = 0; i < w->n_topics; i++)
        free(w->topics[i]);
    for (size_t i = 0; i < w->n_lists; i++)
        free(w->lists[i]);
    free(w->rules);
    free(w->breakers);
    free(w->registries);
    free(w->topics);
    free(w->lists);
    free(w->properties);
    memset(w, 0, sizeof *w);
}

struct mr_memory_shares mr_wiring_memory(const struct mr_config *config)
{
    size_t limit = (size_t)config->memory_limit_bytes;

    /* what is left, a sixth, is the client's own, caches, and the target's copy buffers */
    return (struct mr_memory_shares){.lane_queue = limit / 3 / config->lanes, .batches = limit / 2};
}

void mr_wiring_sink_opts(const struct mr_wiring *w, struct mr_env env, struct mr_sink_opts *out)
{
    const struct mr_config *config = w->config;
    const struct mr_pool_conf *pool = &config->target.pool;

    *out = (struct mr_sink_opts){
        .url = config->target.url,
        .schema = config->target.schema,
        .control_schema = config->target.control_schema,
        .pipeline = config->pipeline,
        .group_id = config->group_id,
        .instance_id = w->instance_id,
        .pool_min = pool->min,
        .pool_max = pool->max,
        .pool_wait_ms = (uint32_t)pool->wait_ms,
        .pool_idle_ms = (uint32_t)pool->idle_ms,
        .pool_max_age_ms = (uint32_t)pool->max_age_ms,
        .statement_timeout_ms = (uint32_t)config->target.statement_timeout_ms,
        .lock_timeout_ms = (uint32_t)config->target.lock_timeout_ms,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .env = env,
        .output_fd = STDOUT_FILENO,
    };
}

void mr_wiring_source_opts(const struct mr_wiring *w, struct mr_env env, struct mr_source_opts *out)
{
    *out = (struct mr_source_opts){
        .properties = w->properties,
        .n_properties = w->n_properties,
        .group_id = w->config->group_id,
        .client_id = w->instance_id,
        .topics = (const char *const *)w->topics,
        .n_topics = w->n_topics,
        .n_lanes = w->config->lanes,
        .lane_queue_bytes = mr_wiring_memory(w->config).lane_queue,
        .env = env,
    };
}

bool mr_wiring_letter_topic(const struct mr_wiring *w, struct mr_letter_topic_opts *out)
{
    *out = (struct mr_letter_topic_opts){.topic = w->config->dlq.topic,
                                         .pipeline = w->config->pipeline,
                                         .client_id = w->instance_id,
                                         .properties = w->properties,
                                         .n_properties = w->n_properties,
                                         .record_bytes = (size_t)w->config->record_max_bytes,
                                         .timeout_ms = LETTER_TIMEOUT_MS};
    return w->config->dlq.to == MR_CONF_DLQ_TOPIC;
}

void mr_wiring_claims_opts(const struct mr_wiring *w, struct mr_env env, struct mr_claims_opts *out)
{
    memset(out, 0, sizeof *out);
    out->pipeline = w->config->pipeline;
    out->continue_on_loss = w->config->on_data_loss == MR_CONF_DATA_LOSS_CONTINUE;
    out->env = env;
}
