/* The configuration: one immutable snapshot, typed, checked and complete. It owns all that it
 * points to; strings are never NULL ("" means not set), so that a reader tests text[0]. Loading
 * parses libconfig text, puts -o and the environment over it, resolves ${env:} and ${file:}, and
 * refuses the whole with the place, the cause and the remedy of the first fault (class FATAL, exit
 * 78). The one table of all keys is config/options.c. Sees nothing but base: the Kafka client
 * checks its properties through a callback. Source: design.md section 7; contract.md section 11.
 * Threads: any after load; it never changes. */
#ifndef MR_CONFIG_CONFIG_H
#define MR_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "config/route_conf.h"

enum mr_conf_registry_kind { MR_CONF_REGISTRY_CONFLUENT, MR_CONF_REGISTRY_APICURIO };
enum mr_conf_isolation { MR_CONF_READ_COMMITTED, MR_CONF_READ_UNCOMMITTED };
enum mr_conf_data_loss { MR_CONF_DATA_LOSS_HALT, MR_CONF_DATA_LOSS_CONTINUE };
enum mr_conf_dlq_to { MR_CONF_DLQ_TABLE, MR_CONF_DLQ_TOPIC };

enum mr_conf_origin_kind {
    MR_CONF_FROM_DEFAULT,
    MR_CONF_FROM_FILE,
    MR_CONF_FROM_ARGUMENT, /* -o */
    MR_CONF_FROM_ENVIRONMENT
};

struct mr_conf_origin {
    enum mr_conf_origin_kind kind;
    const char *file; /* of FILE; of ENVIRONMENT the variable's name; else "" */
    uint32_t line;
};

/* A key under `kafka` that is not millrace's own: a property of the Kafka client. */
struct mr_kafka_property {
    const char *name; /* as the client spells it where a check was given, else as written */
    const char *value;
    bool secret;
    struct mr_conf_origin origin;
};

struct mr_kafka_conf {
    const char *bootstrap_servers;
    uint64_t revoke_timeout_ms;
    struct mr_kafka_property *properties; /* in the order of the file, then of -o */
    uint32_t n_properties;
};

struct mr_tls_conf {
    const char *ca;
    const char *cert;
    const char *key;
    const char *key_password;
};

struct mr_registry_conf {
    const char *name; /* "default" for the group `registry` */
    enum mr_conf_registry_kind kind;
    struct mr_strs urls;
    const char *basic_auth; /* user:password */
    const char *bearer_token;
    struct mr_tls_conf tls;
    uint64_t timeout_ms;         /* of one request */
    uint32_t cache_max_schemas;  /* F-42 */
    uint64_t cache_not_found_ms; /* F-42 */
    const char *cache_dir;       /* "": none */
};

struct mr_pool_conf {
    uint32_t min;
    uint32_t max;
    uint64_t wait_ms;
    uint64_t idle_ms;
    uint64_t max_age_ms;
};

struct mr_target_conf {
    const char *url; /* postgresql:, postgres:, sqlite: or stdout: */
    const char *schema;
    const char *control_schema;
    struct mr_pool_conf pool;
    uint64_t statement_timeout_ms;
    uint64_t lock_timeout_ms;
};

struct mr_batch_conf {
    uint32_t max_rows;
    uint64_t max_bytes;
    uint64_t max_wait_ms;
    bool adaptive;
};

struct mr_dlq_conf {
    enum mr_conf_dlq_to to;
    const char *topic; /* default: the pipeline with .dlq */
    double max_ratio;
    uint32_t max_rows;
    uint64_t window_ms;
    uint64_t retention_ms;     /* of closed letters; 0: for ever */
    uint64_t retention_new_ms; /* of the others */
};

struct mr_http_conf {
    const char *listen; /* address:port; "": no listener */
    const char *bearer_token;
};

struct mr_setting;
struct mr_conf_memory; /* what all pointers point into */

struct mr_config {
    const char *pipeline;
    const char *group_id;    /* default: the pipeline */
    const char *instance_id; /* "": made by the process */
    struct mr_kafka_conf kafka;
    enum mr_conf_isolation isolation_level; /* F-16 */
    struct mr_conf_start start;             /* K-06 */
    enum mr_conf_data_loss on_data_loss;
    struct mr_registry_conf registry;    /* the group `registry`, named "default" */
    struct mr_registry_conf *registries; /* the named ones; see mr_config_registry() */
    uint32_t n_registries;
    struct mr_target_conf target;
    uint32_t lanes;
    uint32_t slots; /* writers of a lane */
    uint64_t memory_limit_bytes;
    struct mr_batch_conf batch;
    struct mr_dlq_conf dlq;
    struct mr_http_conf http;
    enum mr_log_level log_level;
    enum mr_log_format log_format;
    uint64_t record_max_bytes; /* limits.record_max_bytes, G-06 */
    uint32_t zero_size_items;  /* limits.zero_size_items, S-36 */
    uint64_t shutdown_timeout_ms;
    bool check_with_avro_c;
    struct mr_route_conf *routes; /* `tables`, in the order of the file: the first match wins */
    uint32_t n_routes;

    const struct mr_setting *settings; /* what was written, for origins; private to config/ */
    struct mr_conf_memory *memory;     /* private to config/ */
};

/* One question to the Kafka client: is this a property, and is this a value for it? */
struct mr_kafka_check {
    const char *name; /* as written, underscores and all */
    const char *value;
    char canonical[128]; /* out: the client's spelling */
    char why[256];       /* out: its complaint, without the value */
};

struct mr_config_args {
    const char *path;             /* NULL: no file */
    const char *const *overrides; /* of -o, each "key=value"; later ones win */
    uint32_t n_overrides;
    const char *(*getenv)(const char *name, void *arg); /* NULL: an empty environment */
    void *getenv_arg;
    /* 0, or -1 when the client refuses. NULL: properties are taken unchecked (tests). */
    int (*kafka_check)(struct mr_kafka_check *check, void *arg);
    void *kafka_check_arg;
};

/* Reads and checks everything. `out` is untouched on error.
 *   out   gives: mr_config_free()
 * Errors: -MR_CONFIG_SYNTAX, _UNKNOWN, _TYPE, _RANGE, _INVALID, -MR_IO (all FATAL), -MR_NO_MEMORY.
 */
int mr_config_load(const struct mr_config_args *args, struct mr_config **out, struct mr_err *err);
void mr_config_free(struct mr_config *config); /* NULL is fine */

/* The registry of a route: 0 is the group `registry`, i the entry i - 1 of `registries`. */
const struct mr_registry_conf *mr_config_registry(const struct mr_config *config, uint32_t idx);

/* The effective configuration with the origin of each value, a line each or as JSON. Secrets are
 * printed as "(secret)", a URL's password as ***. 0 or -MR_NO_MEMORY. */
int mr_config_print(const struct mr_config *config, bool json, struct mr_buf *out);

/* A URL with its passwords replaced by ***; for logs too. Appends to `out`. */
void mr_config_redact_url(const char *url, struct mr_buf *out);

#endif
