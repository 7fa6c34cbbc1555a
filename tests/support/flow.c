/* Owns the service that component tests drive. */
#include "tests/support/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "tests/support/mr_test.h"

static _Atomic bool registry_is_away;

void flow_registry_away(bool away)
{
    atomic_store(&registry_is_away, away);
}

/* ---- the registry: id 1 the value, id 2 the key, id 3 an envelope of the value, id 4 one with a
 * source ---- */

#define VALUE                                                                                      \
    "{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"V\\\",\\\"fields\\\":["                         \
    "{\\\"name\\\":\\\"id\\\",\\\"type\\\":\\\"long\\\"},"                                         \
    "{\\\"name\\\":\\\"v\\\",\\\"type\\\":\\\"string\\\"}]}"
#define KEY                                                                                        \
    "{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"K\\\",\\\"fields\\\":["                         \
    "{\\\"name\\\":\\\"id\\\",\\\"type\\\":\\\"long\\\"}]}"
#define ENVELOPE                                                                                   \
    "{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"Envelope\\\",\\\"fields\\\":["                  \
    "{\\\"name\\\":\\\"before\\\",\\\"type\\\":[\\\"null\\\"," VALUE "]},"                         \
    "{\\\"name\\\":\\\"after\\\",\\\"type\\\":[\\\"null\\\",\\\"V\\\"]},"                          \
    "{\\\"name\\\":\\\"op\\\",\\\"type\\\":\\\"string\\\"}]}"
#define SOURCED                                                                                    \
    "{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"Envelope\\\",\\\"fields\\\":["                  \
    "{\\\"name\\\":\\\"before\\\",\\\"type\\\":[\\\"null\\\"," VALUE "]},"                         \
    "{\\\"name\\\":\\\"after\\\",\\\"type\\\":[\\\"null\\\",\\\"V\\\"]},"                          \
    "{\\\"name\\\":\\\"source\\\",\\\"type\\\":{\\\"type\\\":\\\"record\\\",\\\"name\\\":"         \
    "\\\"S\\\","                                                                                   \
    "\\\"fields\\\":[{\\\"name\\\":\\\"table\\\",\\\"type\\\":\\\"string\\\"}]}},"                 \
    "{\\\"name\\\":\\\"op\\\",\\\"type\\\":\\\"string\\\"}]}"

static bool is_id(const char *path, const char *query, const char *whole)
{
    return strstr(path, query) != NULL || strcmp(path, whole) == 0;
}

static int script_open(const struct mr_registry_opts *opts, void **conn, struct mr_err *err)
{
    static int one;

    (void)opts;
    (void)err;
    *conn = &one;
    return 0;
}

static int script_get(void *conn, const char *path, struct mr_registry_answer *answer,
                      struct mr_err *err)
{
    const char *schema = KEY;

    (void)conn;
    if (is_id(path, "/1?", "/schemas/ids/1"))
        schema = VALUE;
    if (is_id(path, "/3?", "/schemas/ids/3"))
        schema = ENVELOPE;
    if (is_id(path, "/4?", "/schemas/ids/4"))
        schema = SOURCED;
    mr_buf_reset(&answer->body);
    answer->retry_after_ms = 0;
    if (atomic_load(&registry_is_away))
        return mr_err_set(err, MR_REGISTRY_AWAY, "scripted");
    answer->status = 200;
    mr_buf_str(&answer->body, "{\"schema\": \"");
    mr_buf_str(&answer->body, schema);
    mr_buf_str(&answer->body, "\"}");
    return 0;
}

static void script_close(void *conn)
{
    (void)conn;
}

static const struct mr_registry_fetch_ops script = {"script", script_open, script_get,
                                                    script_close};

/* ---- start and stop ---- */

static void parts_start(struct flow *f, const struct flow_opts *opts)
{
    struct mr_source_opts source_opts = {.n_lanes = opts->n_lanes, .env = f->env};
    struct mr_registry_opts registry_opts = {.name = "default",
                                             .urls = {"http://x"},
                                             .n_urls = 1,
                                             .timeout_ms = 1000,
                                             .cache_schemas = 100,
                                             .missing_ttl_ms = 1000,
                                             .schema = {.lenient_names = true}};
    f->sink_opts = (struct mr_sink_opts){.url = f->url,
                                         .schema = "public",
                                         .control_schema = "millrace",
                                         .pipeline = "flow",
                                         .group_id = "flow",
                                         .instance_id = "one",
                                         .pool_min = 1,
                                         .pool_max = 8,
                                         .pool_wait_ms = 5000,
                                         .pool_idle_ms = 600000,
                                         .pool_max_age_ms = 3600000,
                                         .statement_timeout_ms = 30000,
                                         .lock_timeout_ms = 5000,
                                         .connect_timeout_ms = 5000,
                                         .session_timeout_ms = 200,
                                         .env = f->env,
                                         .output_fd = 1};
    const struct mr_sink_ops *ops = opts->sink_ops != NULL ? opts->sink_ops : &mr_sink_sqlite;
    enum mr_format format = opts->json ? MR_FORMAT_JSON : MR_FORMAT_AUTO;
    struct mr_err err = MR_ERR_INIT;

    MR_CHECK_OK(mr_source_fake.open(&source_opts, &f->source, &err));
    f->fake = fake_source_of(f->source);
    MR_CHECK_OK(mr_registry_new(&registry_opts, &script, f->env, &f->registry, &err));
    MR_CHECK_OK(ops->open(&f->sink_opts, &f->sink, &err));
    f->real_sink = f->sink;
    if (opts->faults)
        f->sink = mr_sink_fault_new(f->real_sink);
    f->metrics = mr_metrics_new(mr_meters, MR_N_METERS);
    f->rule = (struct mr_route_rule){.route = {.strategy = opts->strategy,
                                               .create = true,
                                               .missing_row = opts->missing_row,
                                               .key_format = format,
                                               .value_format = format,
                                               .unavailable_detect = true,
                                               .placeholder = "__debezium_unavailable_value",
                                               .placeholder_len = 28,
                                               .max_zero_size_items = 65536,
                                               .max_record_bytes = 1 << 20,
                                               .max_identifier_bytes = 63},
                                     .label = "t",
                                     .topic = "t",
                                     .start = opts->start,
                                     .by_source = opts->by_source,
                                     .on_bad = opts->on_bad,
                                     .registry = f->registry};
    if (opts->any_topic) {
        f->rule.topic = NULL;
        MR_CHECK_INT(regcomp(&f->rule.regex, "^[a-z]+$", REG_EXTENDED), 0);
    }
    mr_partitions_init(&f->partitions, 1);
    mr_targets_init(&f->targets, &f->rule, 1, NULL, 63, f->env);
}

static void threads_start(struct flow *f, const struct flow_opts *opts)
{
    struct mr_claims_opts claims_opts = {.source = f->source,
                                         .sink = f->sink,
                                         .pipeline = "flow",
                                         .partitions = &f->partitions,
                                         .env = f->env};
    struct mr_err err = MR_ERR_INIT;

    MR_CHECK_OK(mr_claims_new(&claims_opts, &f->claims, &err));
    f->shared =
        (struct mr_lane_shared){.source = f->source,
                                .sink = f->sink,
                                .partitions = &f->partitions,
                                .targets = &f->targets,
                                .metrics = f->metrics,
                                .batch = {.max_rows = opts->max_rows > 0 ? opts->max_rows : 1000,
                                          .max_bytes = 4 << 20,
                                          .max_record_bytes = 1 << 20},
                                .max_wait_ms = opts->max_wait_ms > 0 ? opts->max_wait_ms : 50,
                                .resolve_deadline_ms = 2000};
    f->n_lanes = opts->n_lanes;
    for (uint32_t i = 0; i < f->n_lanes; i++) {
        MR_CHECK_OK(mr_lane_init(&f->lanes[i], i, &f->shared, f->env, &err));
        MR_CHECK_OK(mr_lane_start(&f->lanes[i], &err));
    }
    uint32_t revoke_ms = opts->revoke_timeout_ms > 0 ? opts->revoke_timeout_ms : 5000;
    uint32_t shutdown_ms = opts->shutdown_timeout_ms > 0 ? opts->shutdown_timeout_ms : 10000;
    struct mr_poller_opts poller_opts = {.source = f->source,
                                         .sink = f->sink,
                                         .partitions = &f->partitions,
                                         .targets = &f->targets,
                                         .claims = f->claims,
                                         .metrics = f->metrics,
                                         .lanes = f->lanes,
                                         .group_id = "flow",
                                         .n_lanes = f->n_lanes,
                                         .until_caught_up = opts->until_caught_up,
                                         .revoke_timeout_ms = revoke_ms,
                                         .shutdown_timeout_ms = shutdown_ms,
                                         .env = f->env};
    MR_CHECK_OK(mr_poller_init(&f->poller, &poller_opts, &err));
    MR_CHECK_OK(mr_poller_start(&f->poller, &err));
}

void flow_start(struct flow *f, const struct flow_opts *opts)
{
    memset(f, 0, sizeof *f);
    mr_env_init_system(&f->env);
    if (opts->dir != NULL) {
        snprintf(f->dir, sizeof f->dir, "%s", opts->dir);
    } else {
        snprintf(f->dir, sizeof f->dir, "/tmp/mr-flow-XXXXXX");
        MR_CHECK(mkdtemp(f->dir) != NULL);
    }
    snprintf(f->url, sizeof f->url, "sqlite:%s/flow.db", f->dir);
    parts_start(f, opts);
    threads_start(f, opts);
}

static void wait_a_bit(void)
{
    struct timespec tick = {.tv_nsec = 2000000};

    nanosleep(&tick, NULL); /* the step of an awaited condition, which has a deadline */
}

enum mr_poller_end flow_stop(struct flow *f)
{
    mr_poller_stop(&f->poller);
    mr_poller_join(&f->poller);
    return (enum mr_poller_end)atomic_load(&f->poller.end);
}

enum mr_poller_end flow_await_end(struct flow *f)
{
    uint64_t end_ms = mr_mono_ms(&f->env) + FLOW_WAIT_MS;

    while (atomic_load(&f->poller.end) == MR_END_RUNNING && mr_mono_ms(&f->env) < end_ms)
        wait_a_bit();
    MR_CHECK(atomic_load(&f->poller.end) != MR_END_RUNNING);
    mr_poller_join(&f->poller);
    return (enum mr_poller_end)atomic_load(&f->poller.end);
}

void flow_free(struct flow *f, bool keep)
{
    char command[128];
    const char *violation = fake_source_violation(f->fake);
    char text[256] = "";

    for (uint32_t i = 0; i < f->n_lanes; i++)
        mr_lane_drain(&f->lanes[i], true);
    for (uint32_t i = 0; i < f->n_lanes; i++)
        mr_lane_abandon(&f->lanes[i]);
    for (uint32_t i = 0; i < f->n_lanes; i++)
        mr_lane_release(&f->lanes[i]);
    mr_claims_free(f->claims);
    mr_poller_release(&f->poller);
    uint32_t outstanding = fake_source_n_outstanding(f->fake);
    if (violation != NULL)
        snprintf(text, sizeof text, "%s", violation);
    f->source->ops->close(f->source, 0);
    f->sink->ops->close(f->sink);
    if (f->real_sink != f->sink)
        f->real_sink->ops->close(f->real_sink);
    if (f->rule.topic == NULL)
        regfree(&f->rule.regex);
    mr_partitions_release(&f->partitions);
    mr_targets_release(&f->targets);
    mr_registry_free(f->registry);
    mr_metrics_free(f->metrics);
    if (!keep) {
        snprintf(command, sizeof command, "rm -rf %s", f->dir);
        MR_CHECK_INT(system(command), 0);
    }
    MR_CHECK_STR(text, "");
    MR_CHECK_U64(outstanding, 0);
}

/* ---- records ---- */

static size_t varint(uint8_t *out, int64_t v)
{
    uint64_t z = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    size_t n = 0;

    for (; z > 127; z >>= 7)
        out[n++] = (uint8_t)(z | 128);
    out[n++] = (uint8_t)z;
    return n;
}

static int64_t put_bytes_to(struct flow *f, const char *topic, int32_t partition, int64_t id,
                            struct mr_slice value)
{
    uint8_t key[16] = {0, 0, 0, 0, 2};
    size_t n = 5 + varint(key + 5, id);

    return fake_source_append(f->fake, topic, partition, (struct mr_slice){key, n}, value);
}

int64_t flow_put_bytes(struct flow *f, int32_t partition, int64_t id, struct mr_slice value)
{
    return put_bytes_to(f, "t", partition, id, value);
}

int64_t flow_put_envelope(struct flow *f, int32_t partition, int64_t id, char op)
{
    uint8_t value[64] = {0, 0, 0, 0, 3};
    size_t n = 5;

    value[n++] = op == 'd' ? 2 : 0; /* the branch of before */
    if (op != 'd')
        value[n++] = 2; /* and of after, behind a null before */
    n += varint(value + n, id);
    value[n++] = 2;
    value[n++] = 'x';
    if (op == 'd')
        value[n++] = 0;
    value[n++] = 2;
    value[n++] = (uint8_t)op;
    return put_bytes_to(f, "t", partition, id, (struct mr_slice){value, n});
}

int64_t flow_put(struct flow *f, int32_t partition, int64_t id, const char *v)
{
    return flow_put_to(f, "t", partition, id, v);
}

int64_t flow_put_to(struct flow *f, const char *topic, int32_t partition, int64_t id, const char *v)
{
    uint8_t value[256] = {0, 0, 0, 0, 1};
    size_t n = 5 + varint(value + 5, id);

    n += varint(value + n, (int64_t)strlen(v));
    memcpy(value + n, v, strlen(v));
    return put_bytes_to(f, topic, partition, id, (struct mr_slice){value, n + strlen(v)});
}

static size_t text(uint8_t *out, const char *s)
{
    size_t n = varint(out, (int64_t)strlen(s));

    memcpy(out + n, s, strlen(s));
    return n + strlen(s);
}

int64_t flow_put_from(struct flow *f, int32_t partition, int64_t id, const char *table,
                      const char *v)
{
    uint8_t value[256] = {0, 0, 0, 0, 4, 0, 2}; /* null before, the branch of after */
    size_t n = 7 + varint(value + 7, id);

    n += text(value + n, v);
    n += text(value + n, table);
    n += text(value + n, "u");
    return put_bytes_to(f, "t", partition, id, (struct mr_slice){value, n});
}

int64_t flow_put_json(struct flow *f, const char *key, const char *value)
{
    return fake_source_append(f->fake, "t", 0, mr_slice_str(key), mr_slice_str(value));
}

/* ---- what is awaited ---- */

void flow_await_position(struct flow *f, int32_t partition, int64_t next)
{
    flow_await_position_of(f, "t", partition, next);
}

void flow_await_position_of(struct flow *f, const char *topic, int32_t partition, int64_t next)
{
    uint64_t end_ms = mr_mono_ms(&f->env) + FLOW_WAIT_MS;
    int64_t at = -2;

    while (mr_mono_ms(&f->env) < end_ms) {
        struct mr_partition *part = mr_partitions_find(&f->partitions, topic, partition);
        at = part != NULL ? atomic_load(&part->committed_next) : -2;
        if (at >= next)
            break;
        wait_a_bit();
    }
    if (at < next)
        MR_CHECK_INT(at, next);
}

void flow_await_state(struct flow *f, int32_t partition, enum mr_partition_state state)
{
    flow_await_state_of(f, "t", partition, state);
}

void flow_await_gate(struct flow *f, uint32_t n)
{
    uint64_t end_ms = mr_mono_ms(&f->env) + FLOW_WAIT_MS;

    while (mr_sink_fault_at_gate(f->sink) < n && mr_mono_ms(&f->env) < end_ms)
        wait_a_bit();
    MR_CHECK(mr_sink_fault_at_gate(f->sink) >= n);
}

void flow_await_calls(struct flow *f, enum mr_fault_op op, uint32_t n)
{
    uint64_t end_ms = mr_mono_ms(&f->env) + FLOW_WAIT_MS;

    while (mr_sink_fault_calls(f->sink, op) < n && mr_mono_ms(&f->env) < end_ms)
        wait_a_bit();
    MR_CHECK(mr_sink_fault_calls(f->sink, op) >= n);
}

void flow_await_state_of(struct flow *f, const char *topic, int32_t partition,
                         enum mr_partition_state state)
{
    uint64_t end_ms = mr_mono_ms(&f->env) + FLOW_WAIT_MS;
    uint32_t seen = MR_N_PART_STATES;

    while (mr_mono_ms(&f->env) < end_ms && seen != (uint32_t)state) {
        struct mr_partition *part = mr_partitions_find(&f->partitions, topic, partition);
        seen = part != NULL ? atomic_load(&part->state_seen) : MR_N_PART_STATES;
        if (seen != (uint32_t)state)
            wait_a_bit();
    }
    MR_CHECK_STR(mr_partition_state_name((enum mr_partition_state)seen),
                 mr_partition_state_name(state));
}

int64_t flow_number(struct flow *f, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int64_t number = -1;

    MR_CHECK_INT(sqlite3_open_v2(f->url + strlen("sqlite:"), &db, SQLITE_OPEN_READONLY, NULL),
                 SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return number;
}

void flow_exec(struct flow *f, const char *sql)
{
    sqlite3 *db = NULL;

    MR_CHECK_INT(sqlite3_open_v2(f->url + strlen("sqlite:"), &db, SQLITE_OPEN_READWRITE, NULL),
                 SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    MR_CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}
