/* Owns the const table of every key that a configuration can have: the union of design.md and of
 * contract.md section 11, one name each; any other key is refused. Must hold no logic beyond
 * look-ups. A key that this version knows but does not build yet has `later`. Adding a key = a
 * field and a row. */
#include "config/options.h"

#include <string.h>

#include "config/choices.h"
#include "config/value.h"

#include "base/ban.h"

#define SEC ((int64_t)1000)
#define MINUTE (60 * SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB ((int64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define ROWS(rows) rows, sizeof(rows) / sizeof((rows)[0])
#define G(field) .at = offsetof(struct mr_config, field)

#define NAME_MAX_BYTES .min = 0, .max = MR_CONF_NAME_BYTES
#define NOW .reload = MR_RELOAD_NOW
#define NEXT .reload = MR_RELOAD_NEXT_BATCH
#define RESTART .reload = MR_RELOAD_RESTART

/* The group `registry` and each entry of `registries` have the same keys: P is the prefix of the
 * names, S the struct, M the member's prefix, URL what the two say differently about the address.
 */
/* clang-format off */
#define REGISTRY_ROWS(P, S, M, URL)                                                                \
    {P "url", MR_OPT_STRS, offsetof(S, M urls), URL, RESTART, .url = true, .max = 16,              \
     .help = "Address of the schema registry, or an array of them, tried in turn."},               \
    {P "kind", MR_OPT_CHOICE, offsetof(S, M kind), .dflt = "confluent", RESTART,                   \
     .choices = &mr_choices_registry_kind,                                                         \
     .help = "The registry's API: Confluent's (Apicurio's look-alike included) or Apicurio's."},   \
    {P "basic_auth", MR_OPT_STR, offsetof(S, M basic_auth), RESTART, .secret = true,               \
     .help = "`user:password` for HTTP basic authentication."},                                    \
    {P "bearer_token", MR_OPT_STR, offsetof(S, M bearer_token), RESTART, .secret = true,           \
     .help = "Token for HTTP bearer authentication."},                                             \
    {P "tls.ca", MR_OPT_STR, offsetof(S, M tls.ca), RESTART,                                       \
     .help = "File of the certificate authorities to trust instead of the system's."},             \
    {P "tls.cert", MR_OPT_STR, offsetof(S, M tls.cert), RESTART,                                   \
     .help = "File of the client's certificate."},                                                 \
    {P "tls.key", MR_OPT_STR, offsetof(S, M tls.key), RESTART,                                     \
     .help = "File of the client's private key."},                                                 \
    {P "tls.key_password", MR_OPT_STR, offsetof(S, M tls.key_password), RESTART, .secret = true,   \
     .later = true, .help = "Password of that private key."},                                      \
    {P "timeout", MR_OPT_TIME, offsetof(S, M timeout_ms), .dflt = "10s", .min = 100,               \
     .max = 5 * MINUTE, RESTART, .help = "Longest wait for one answer of the registry."},          \
    {P "cache.max_schemas", MR_OPT_U32, offsetof(S, M cache_max_schemas), .dflt = "10000",         \
     .min = 16, .max = 1000000, .unit = "schemas", RESTART,                                        \
     .help = "Schemas kept; the least recently used goes first."},                                 \
    {P "cache.dir", MR_OPT_STR, offsetof(S, M cache_dir), .dflt_says = "none", RESTART,            \
     .help = "Folder that keeps schemas across restarts: read where the registry does not "        \
             "answer. At most `cache.max_schemas` files."},                                        \
    {P "cache.not_found", MR_OPT_TIME, offsetof(S, M cache_not_found_ms), .dflt = "60s",           \
     .min = SEC, .max = HOUR, RESTART,                                                             \
     .help = "How long an unknown schema id is remembered as unknown."}
/* clang-format on */

static const struct mr_option registry_rows[] = {
    {"name", MR_OPT_STR, offsetof(struct mr_registry_conf, name), .required = true, RESTART,
     .help = "What a route's `registry` calls it."},
    REGISTRY_ROWS("", struct mr_registry_conf, , .required = true)};
static const struct mr_options registry_options = {
    "Entries of `registries`", "More schema registries, beside the group `registry`.",
    ROWS(registry_rows), sizeof(struct mr_registry_conf)};

static const struct mr_option global_rows[] = {
    {"pipeline", MR_OPT_STR, G(pipeline), .required = true, .max = 200, RESTART,
     .help = "Names the positions in the target. Letters, digits, `.`, `_` and `-`."},
    {"group_id", MR_OPT_STR, G(group_id), .dflt_says = "the pipeline", .max = 249, RESTART,
     .help = "Kafka consumer group."},
    {"instance_id", MR_OPT_STR, G(instance_id), .dflt_says = "made by the process", .max = 200,
     RESTART,
     .help = "Name of this instance, unique in the group: the Kafka client's id, and the owner of "
             "positions."},
    {"kafka.bootstrap_servers", MR_OPT_STR, G(kafka.bootstrap_servers), .dflt = "127.0.0.1:9092",
     .min = 1, RESTART, .help = "Brokers to ask first, `host:port` with commas between."},
    {"kafka.revoke_timeout", MR_OPT_TIME, G(kafka.revoke_timeout_ms), .dflt = "10s", .min = 100,
     .max = 5 * MINUTE, NOW, .help = "Longest flush of a partition that is being revoked."},
    {"kafka", MR_OPT_PROPERTIES, G(kafka.properties),
     .count = offsetof(struct mr_config, kafka.n_properties), .max = 200, RESTART,
     .help =
         "Any other key is a property of the Kafka client (librdkafka), with underscores for dots: "
         "`security_protocol`, `sasl_username`, `ssl_ca_location`, `fetch_wait_max_ms`."},
    {"isolation_level", MR_OPT_CHOICE, G(isolation_level), .dflt = "read_committed",
     .choices = &mr_choices_isolation, RESTART,
     .help = "Whether records of aborted transactions are read."},
    {"start", MR_OPT_START, G(start), .dflt = "committed", NOW,
     .help = "Where a partition without a position begins: the group's commit (else the earliest "
             "record), the earliest, the latest, or the first at or after an ISO 8601 time. A "
             "partition added later begins at its earliest record."},
    {"on_data_loss", MR_OPT_CHOICE, G(on_data_loss), .dflt = "halt",
     .choices = &mr_choices_data_loss, NOW,
     .help = "What to do when records were removed before they were loaded."},
    REGISTRY_ROWS("registry.", struct mr_config, registry., .dflt = "http://127.0.0.1:8081"),
    {"registries", MR_OPT_LIST, G(registries), .count = offsetof(struct mr_config, n_registries),
     .sub = &registry_options, .max = 32, RESTART, .help = "More registries, by name."},
    {"target.url", MR_OPT_STR, G(target.url), .dflt_says = "$DATABASE_URL", .env = "DATABASE_URL",
     .url = true, .required = true, RESTART,
     .help = "`postgresql://...`, `sqlite:FILE` or `stdout:`."},
    {"target.schema", MR_OPT_STR, G(target.schema), .dflt = "public", NAME_MAX_BYTES, RESTART,
     .help = "Schema of tables that name none."},
    {"target.control_schema", MR_OPT_STR, G(target.control_schema), .dflt = "millrace", .min = 1,
     .max = MR_CONF_NAME_BYTES, RESTART, .help = "Schema of positions and dead letters."},
    {"target.pool.min", MR_OPT_U32, G(target.pool.min), .dflt = "1", .min = 0, .max = 1000,
     .unit = "connections", RESTART, .help = "Connections kept open."},
    {"target.pool.max", MR_OPT_U32, G(target.pool.max),
     .dflt_says = "10, or writers + 4 if that is more", .min = 3, .max = 1000,
     .unit = "connections", RESTART,
     .help = "Most connections, those of the writers included: at least writers + 2."},
    {"target.pool.wait", MR_OPT_TIME, G(target.pool.wait_ms), .dflt = "30s", .min = 100,
     .max = HOUR, NOW, .help = "Longest wait for a free connection."},
    {"target.pool.idle", MR_OPT_TIME, G(target.pool.idle_ms), .dflt = "600s", .min = SEC,
     .max = DAY, NOW, .help = "An unused connection above `min` is closed after this time."},
    {"target.pool.max_age", MR_OPT_TIME, G(target.pool.max_age_ms), .dflt = "3600s",
     .min = 10 * SEC, .max = 7 * DAY, NOW,
     .help = "A connection is replaced at this age, between flushes."},
    {"target.statement_timeout", MR_OPT_TIME, G(target.statement_timeout_ms), .dflt = "5m",
     .min = SEC, .max = DAY, RESTART,
     .help = "The server cancels a statement of a flush after this time."},
    {"target.lock_timeout", MR_OPT_TIME, G(target.lock_timeout_ms), .dflt = "5s", .min = 100,
     .max = HOUR, RESTART,
     .help = "Longest wait for a lock, after which the flush is tried again."},
    {"lanes", MR_OPT_U32, G(lanes), .dflt = "4", .min = 1, .max = 256, .unit = "lanes", RESTART,
     .help = "Units of parallelism, each with its own partitions, batch and connection."},
    {"slots", MR_OPT_U32, G(slots), .dflt = "1", .min = 1, .max = 16, .unit = "slots",
     .later = true, RESTART, .help = "Writers of a lane: parts by key hash of one hot partition."},
    {"memory_limit", MR_OPT_SIZE, G(memory_limit_bytes), .dflt = "80MiB", .min = 8 * MIB,
     .max = 1024 * GIB, RESTART,
     .help = "Shared by the batches and the fetch queues of all lanes; at least 4 MiB a lane."},
    {"batch.max_rows", MR_OPT_U32, G(batch.max_rows), .dflt = "20000", .min = 1, .max = 1000000,
     .unit = "rows", NEXT, .help = "Flush when this many rows wait."},
    {"batch.max_bytes", MR_OPT_SIZE, G(batch.max_bytes), .dflt = "16MiB", .min = 64 * KIB,
     .max = GIB, NEXT,
     .help = "Flush when this many encoded bytes wait, or the lane's share of memory_limit."},
    {"batch.max_wait", MR_OPT_TIME, G(batch.max_wait_ms), .dflt = "500ms", .min = 1,
     .max = 10 * MINUTE, NEXT, .help = "Flush when the oldest row has waited this long."},
    {"batch.adaptive", MR_OPT_BOOL, G(batch.adaptive), .dflt = "true", .later = true, NEXT,
     .help = "Flush sooner when little comes, larger batches when much does."},
    {"tables", MR_OPT_LIST, G(routes), .count = offsetof(struct mr_config, n_routes),
     .sub = &mr_options_route, .max = 2000, .required = true, RESTART,
     .help = "Routes from topics to tables; the first match wins."},
    {"dlq.to", MR_OPT_CHOICE, G(dlq.to), .dflt = "table", .choices = &mr_choices_dlq_to, RESTART,
     .help = "Dead letters go to a table of the target, or to a topic, where each is its record "
             "again with "
             "Kafka Connect's `__connect.errors.*` headers."},
    {"dlq.topic", MR_OPT_STR, G(dlq.topic), .dflt_says = "the pipeline with `.dlq`", .max = 249,
     RESTART,
     .help = "That topic; no route takes it. Best with `cleanup.policy=compact,delete` and "
             "`retention.ms=-1`, as it is made where it is absent."},
    {"dlq.max_ratio", MR_OPT_RATIO, G(dlq.max_ratio), .dflt = "0.05", .min = 0, .max = 1000,
     RESTART,
     .help = "More than 16 bad records of a route in a window that are also more than this share "
             "of its "
             "records halt the route."},
    {"dlq.max_rows", MR_OPT_U32, G(dlq.max_rows), .dflt = "10000", .min = 0, .max = 1000000000,
     .unit = "records", RESTART, .help = "More bad records than this in a window halt the route."},
    {"dlq.window", MR_OPT_TIME, G(dlq.window_ms), .dflt = "1m", .min = SEC, .max = DAY, RESTART,
     .help = "That window."},
    {"dlq.retention", MR_OPT_TIME, G(dlq.retention_ms), .dflt = "0s", .min = 0,
     .max = 36500LL * DAY, RESTART,
     .help = "The running instance removes letters of the table that were replayed or discarded so "
             "long ago; `0s`: none. At least a day. A topic's own is its `retention.ms`."},
    {"dlq.retention_new", MR_OPT_TIME, G(dlq.retention_new_ms), .dflt = "0s", .min = 0,
     .max = 36500LL * DAY, RESTART,
     .help = "Also letters that nobody closed, so long after they were put aside or last tried "
             "again: their records are gone then. `0s`: none."},
    {"http.listen", MR_OPT_STR, G(http.listen), .dflt = "127.0.0.1:9464", .max = 300, RESTART,
     .help = "`address:port` of metrics, health, status and the dashboard; an empty string: none."},
    {"http.bearer_token", MR_OPT_STR, G(http.bearer_token), .secret = true, RESTART,
     .help = "Token that clients must show; needed on anything but loopback."},
    {"log.level", MR_OPT_CHOICE, G(log_level), .dflt = "info", .choices = &mr_choices_log_level,
     NOW, .help = "Least important line that is written."},
    {"log.format", MR_OPT_CHOICE, G(log_format), .dflt = "logfmt",
     .choices = &mr_choices_log_format, RESTART, .help = "Form of a line."},
    {"limits.record_max_bytes", MR_OPT_SIZE, G(record_max_bytes), .dflt = "64MiB", .min = KIB,
     .max = GIB, NEXT, .help = "A larger record is a bad record."},
    {"limits.zero_size_items", MR_OPT_U32, G(zero_size_items), .dflt = "65536", .min = 0,
     .max = 4194304, .unit = "items", NEXT,
     .help = "Most items without bytes (nulls, empty records) in one record's arrays."},
    {"shutdown_timeout", MR_OPT_TIME, G(shutdown_timeout_ms), .dflt = "30s", .min = 0, .max = HOUR,
     NOW,
     .help = "Time for the last flush after SIGTERM; then exit 75. Nothing is lost either way."},
    {"check_with_avro_c", MR_OPT_BOOL, G(check_with_avro_c), .dflt = "false", RESTART,
     .help = "Shows each new schema to avro-c too, and logs a disagreement."},
};
const struct mr_options mr_options_global = {"The file", "", ROWS(global_rows),
                                             sizeof(struct mr_config)};

const struct mr_option *mr_options_find(const struct mr_options *table, const char *name)
{
    for (size_t i = 0; i < table->n_rows; i++) {
        if (strcmp(table->rows[i].name, name) == 0)
            return &table->rows[i];
    }
    return NULL;
}

bool mr_options_is_group(const struct mr_options *table, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < table->n_rows; i++) {
        const char *row = table->rows[i].name;
        if (strncmp(row, name, len) == 0 && row[len] == '.')
            return true;
    }
    return false;
}

void mr_options_defaults(const struct mr_options *table, void *base)
{
    for (size_t i = 0; i < table->n_rows; i++)
        mr_value_default(&table->rows[i], base);
}

const char *mr_reload_name(enum mr_reload reload)
{
    static const char *const names[] = {"at once", "next batch", "restart"};
    return names[reload];
}
