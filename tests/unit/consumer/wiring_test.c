/* From a configuration to what the parts take: each setting reaches its place. */
#include "consumer/wiring.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "schemas/identifier.h"
#include "tests/support/conf_files.h"
#include "tests/support/mr_test.h"

#define TARGET "pipeline = \"p\"; target: { url = \"postgresql://h/db\"; };\n"
#define TABLE "tables = ( { topic = \"a\"; } );\n"

static struct {
    struct conf_files conf;
    struct mr_wiring wiring;
    struct mr_env env;
    struct mr_clock_fake clock;
    struct mr_err err;
} f;

MR_SETUP
{
    memset(&f, 0, sizeof f);
    conf_files_init(&f.conf);
    mr_clock_fake_init(&f.clock, 1);
    f.env.clock = &f.clock.base;
    mr_rng_init(&f.env.rng, 5);
    mr_err_clear(&f.err);
}

MR_TEARDOWN
{
    mr_wiring_release(&f.wiring);
    conf_files_release(&f.conf);
}

static void wire(const char *text)
{
    mr_wiring_release(&f.wiring);
    if (conf_files_load_text(&f.conf, text) < 0)
        MR_FAIL("%s", f.conf.line);
    MR_CHECK_OK(mr_wiring_init(&f.wiring, f.conf.config, f.env, &f.err));
}

/* One route with these settings. */
static const struct mr_route *route_of(const char *settings)
{
    char text[2048];
    int n = snprintf(text, sizeof text, TARGET "tables = ( { topic = \"a\"; %s } );\n", settings);

    MR_CHECK(n > 0 && (size_t)n < sizeof text);
    wire(text);
    MR_CHECK_U64(f.wiring.n_rules, 1);
    return &f.wiring.rules[0].route;
}

/* wiring.c casts from one to the other */
MR_TEST("the choices of the configuration and of the layers have the same values")
{
    static const struct {
        int conf, layer;
    } pairs[] = {
        {MR_CONF_FORMAT_AUTO, MR_FORMAT_AUTO},
        {MR_CONF_FORMAT_CONFLUENT, MR_FORMAT_CONFLUENT},
        {MR_CONF_FORMAT_CONFLUENT_HEADER, MR_FORMAT_CONFLUENT_HEADER},
        {MR_CONF_FORMAT_APICURIO_HEADER, MR_FORMAT_APICURIO_HEADER},
        {MR_CONF_FORMAT_APICURIO8, MR_FORMAT_APICURIO8},
        {MR_CONF_FORMAT_RAW_AVRO, MR_FORMAT_RAW_AVRO},
        {MR_CONF_FORMAT_STRING, MR_FORMAT_STRING},
        {MR_CONF_FORMAT_JSON, MR_FORMAT_JSON},
        {MR_CONF_FORMAT_INT32, MR_FORMAT_INT32},
        {MR_CONF_FORMAT_INT64, MR_FORMAT_INT64},
        {MR_CONF_FORMAT_BYTES, MR_FORMAT_BYTES},
        {MR_CONF_ENVELOPE_AUTO, MR_ENVELOPE_AUTO},
        {MR_CONF_ENVELOPE_DEBEZIUM, MR_ENVELOPE_DEBEZIUM},
        {MR_CONF_ENVELOPE_PLAIN, MR_ENVELOPE_PLAIN},
        {MR_CONF_EVOLVE_ADD, MR_EVOLVE_ADD},
        {MR_CONF_EVOLVE_WIDEN, MR_EVOLVE_WIDEN},
        {MR_CONF_EVOLVE_FREEZE, MR_EVOLVE_FREEZE},
        {MR_CONF_EVOLVE_DISCARD_COLUMN, MR_EVOLVE_DISCARD_COLUMN},
        {MR_CONF_EVOLVE_DISCARD_RECORD, MR_EVOLVE_DISCARD_RECORD},
        {MR_CONF_TEXT_NUL_POISON, MR_TEXT_NUL_POISON},
        {MR_CONF_TEXT_NUL_STRIP, MR_TEXT_NUL_STRIP},
        {MR_CONF_TEXT_NUL_REPLACE, MR_TEXT_NUL_REPLACE},
        {MR_CONF_TRUNCATE_APPLY, MR_TRUNCATE_APPLY},
        {MR_CONF_TRUNCATE_SKIP, MR_TRUNCATE_SKIP},
        {MR_CONF_TRUNCATE_HALT, MR_TRUNCATE_HALT},
        {MR_CONF_CASE_KEEP, MR_CASE_KEEP},
        {MR_CONF_CASE_LOWER, MR_CASE_LOWER},
        {MR_CONF_CASE_UPPER, MR_CASE_UPPER},
        {MR_CONF_META_TOPIC, MR_META_TOPIC},
        {MR_CONF_META_PARTITION, MR_META_PARTITION},
        {MR_CONF_META_OFFSET, MR_META_OFFSET},
        {MR_CONF_META_OP, MR_META_OP},
        {MR_CONF_META_TS, MR_META_TS},
        {MR_CONF_META_SOURCE_TS, MR_META_SOURCE_TS},
        {MR_CONF_META_LOADED_AT, MR_META_LOADED_AT},
        {MR_CONF_META_SCHEMA_ID, MR_META_SCHEMA_ID},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i].conf != pairs[i].layer)
            MR_FAIL("pair %zu: %d is not %d", i, pairs[i].conf, pairs[i].layer);
}

/* contract.md section 11 */
MR_TEST("a route without settings gets the contract's defaults")
{
    const struct mr_route *route = route_of("");

    MR_CHECK_INT(route->strategy, MR_STRATEGY_UPSERT);
    MR_CHECK_INT(route->key_format, MR_FORMAT_AUTO);
    MR_CHECK_INT(route->value_format, MR_FORMAT_AUTO);
    MR_CHECK_INT(route->envelope, MR_ENVELOPE_AUTO);
    MR_CHECK_INT(route->evolve, MR_EVOLVE_ADD);
    MR_CHECK_INT(route->text_nul, MR_TEXT_NUL_POISON);
    MR_CHECK_INT(route->truncate, MR_TRUNCATE_APPLY);
    MR_CHECK(route->create && route->unavailable_detect);
    MR_CHECK(!route->tombstone_ignore && !route->key_from_value && !route->nanos_poison);
    MR_CHECK(!route->excess_scale_round && !route->key_change_before && !route->add_defaults);
    MR_CHECK(!route->identifier_long_halt);
    MR_CHECK_INT(route->identifier_case, MR_CASE_KEEP);
    MR_CHECK(route->value_column == NULL);
    MR_CHECK_U64(route->n_key_columns + route->n_include + route->n_exclude, 0);
    MR_CHECK_STR(route->placeholder, "__debezium_unavailable_value");
    MR_CHECK_U64(route->placeholder_len, 28);
    MR_CHECK_U64(route->max_zero_size_items, 65536);
    MR_CHECK_U64(route->max_record_bytes, 64 << 20);
    MR_CHECK_U64(route->max_identifier_bytes, 63);
    MR_CHECK_INT(f.wiring.rules[0].on_bad, MR_ON_BAD_DEAD_LETTER);
    MR_CHECK_INT(f.wiring.rules[0].start, MR_START_COMMITTED);
    MR_CHECK(f.wiring.rules[0].table == NULL && f.wiring.rules[0].schema == NULL);
    MR_CHECK(!f.wiring.rules[0].table_shared);
}

MR_TEST("each setting of a route that is turned around reaches the route")
{
    MR_CHECK_INT(route_of("strategy = \"append\";")->strategy, MR_STRATEGY_APPEND);
    MR_CHECK_INT(route_of("key_format = \"int64\";")->key_format, MR_FORMAT_INT64);
    MR_CHECK_INT(route_of("value_format = \"confluent\";")->value_format, MR_FORMAT_CONFLUENT);
    MR_CHECK_INT(route_of("envelope = \"plain\";")->envelope, MR_ENVELOPE_PLAIN);
    MR_CHECK_INT(route_of("evolve = \"freeze\";")->evolve, MR_EVOLVE_FREEZE);
    MR_CHECK_INT(route_of("text_nul = \"strip\";")->text_nul, MR_TEXT_NUL_STRIP);
    MR_CHECK_INT(route_of("truncate = \"skip\";")->truncate, MR_TRUNCATE_SKIP);
    MR_CHECK(!route_of("create = false;")->create);
    MR_CHECK(route_of("tombstone = \"ignore\";")->tombstone_ignore);
    MR_CHECK(route_of("temporal_nanos = \"poison\";")->nanos_poison);
    MR_CHECK(route_of("numeric_excess_scale = \"round\";")->excess_scale_round);
    MR_CHECK(route_of("identifier_long = \"halt\";")->identifier_long_halt);
    MR_CHECK_INT(route_of("identifier_case = \"lower\";")->identifier_case, MR_CASE_LOWER);
    MR_CHECK(!route_of("unavailable_detect = \"off\";")->unavailable_detect);
    const struct mr_route *route =
        route_of("key_source = \"value\"; key_columns = [ \"a\", \"b\" ]; include = [ \"a\", "
                 "\"b\", \"c\" ];");
    MR_CHECK(route->key_from_value);
    MR_CHECK_U64(route->n_key_columns, 2);
    MR_CHECK_STR(route->key_columns[1], "b");
    MR_CHECK_U64(route->n_include, 3);
    MR_CHECK_STR(route->include[2], "c");
    route = route_of("exclude = [ \"x\" ];");
    MR_CHECK_U64(route->n_exclude, 1);
    MR_CHECK_STR(route->exclude[0], "x");
    MR_CHECK_STR(route_of("value_format = \"string\"; value_column = \"doc\"; strategy = "
                          "\"append\";")
                     ->value_column,
                 "doc");
}

MR_TEST("what a rule says beside its route: table, faults, start")
{
    wire(TARGET "tables = ( { topic_regex = \"s\\\\.(.*)\"; table = \"$1\"; schema = \"raw\"; "
                "table_shared = true; on_bad_record = \"stop\"; start = \"latest\"; },\n"
                "{ topic = \"b\"; on_bad_record = \"skip\"; start = "
                "\"2024-01-01T00:00:00Z\"; } );\n");
    const struct mr_route_rule *rule = f.wiring.rules;
    MR_CHECK(rule[0].topic == NULL);
    MR_CHECK_INT(regexec(&rule[0].regex, "s.orders", 0, NULL, 0), 0);
    MR_CHECK_STR(rule[0].table, "$1");
    MR_CHECK_STR(rule[0].schema, "raw");
    MR_CHECK(rule[0].table_shared);
    MR_CHECK_INT(rule[0].on_bad, MR_ON_BAD_STOP);
    MR_CHECK_INT(rule[0].start, MR_START_LATEST);
    MR_CHECK_U64(rule[0].route.route_idx, 0);
    MR_CHECK_STR(rule[1].topic, "b");
    MR_CHECK_INT(rule[1].on_bad, MR_ON_BAD_SKIP);
    MR_CHECK_INT(rule[1].start, MR_START_TIMESTAMP);
    MR_CHECK_INT(rule[1].start_ms, 1704067200000);
    MR_CHECK_U64(rule[1].route.route_idx, 1);
}

/* K-06 */
MR_TEST("a route without a start has the pipeline's")
{
    wire(TARGET "start = \"earliest\";\n" TABLE);
    MR_CHECK_INT(f.wiring.rules[0].start, MR_START_EARLIEST);
}

MR_TEST("columns and meta columns are taken in their order, names that are not set as none")
{
    const struct mr_route *route =
        route_of("columns = ( { field = \"a\"; name = \"x\"; unit = \"us\"; }, { field = \"b\"; "
                 "cast = \"text\"; } ); meta = ( { from = \"_offset\"; name = \"at\"; }, { from "
                 "= \"_loaded_at\"; } );");

    MR_CHECK_U64(route->n_columns, 2);
    MR_CHECK_STR(route->columns[0].field, "a");
    MR_CHECK_STR(route->columns[0].name, "x");
    MR_CHECK_STR(route->columns[0].unit, "us");
    MR_CHECK(route->columns[0].cast == NULL);
    MR_CHECK_STR(route->columns[1].field, "b");
    MR_CHECK(route->columns[1].name == NULL && route->columns[1].unit == NULL);
    MR_CHECK_STR(route->columns[1].cast, "text");
    MR_CHECK_U64(route->n_meta, 2);
    MR_CHECK_INT(route->meta[0].from, MR_META_OFFSET);
    MR_CHECK_STR(route->meta[0].name, "at");
    MR_CHECK_INT(route->meta[1].from, MR_META_LOADED_AT);
}

/* case 105, case 106 */
MR_TEST("a placeholder is its text, or with hex: the octets, ended by a NUL")
{
    static const char octets[] = {0, (char)0xff, (char)0xab};
    const struct mr_route *route = route_of("unavailable_placeholder = \"gone\";");

    MR_CHECK_STR(route->placeholder, "gone");
    MR_CHECK_U64(route->placeholder_len, 4);
    route = route_of("unavailable_placeholder = \"hex:00ffAb\";");
    MR_CHECK_U64(route->placeholder_len, 3);
    MR_CHECK_MEM(route->placeholder, octets, 3);
    MR_CHECK_INT(route->placeholder[3], 0);
}

/* F-43 */
MR_TEST("each route asks the registry that it names")
{
    wire(TARGET "registry: { url = \"http://one\"; };\n"
                "registries = ( { name = \"two\"; url = \"http://two\"; } );\n"
                "tables = ( { topic = \"a\"; registry = \"two\"; }, { topic = \"b\"; } );\n");
    MR_CHECK_U64(f.wiring.n_registries, 2);
    MR_CHECK(f.wiring.registries[0] != f.wiring.registries[1]);
    uint32_t two = f.conf.config->routes[0].registry_idx;
    MR_CHECK_STR(mr_config_registry(f.conf.config, two)->name, "two");
    MR_CHECK(f.wiring.rules[0].registry == f.wiring.registries[two]);
    MR_CHECK(f.wiring.rules[1].registry == f.wiring.registries[1 - two]);
}

/* ---- source ---- */

static struct mr_source_opts source_opts(void)
{
    struct mr_source_opts opts;

    mr_wiring_source_opts(&f.wiring, f.env, &opts);
    return opts;
}

static const char *property(const struct mr_source_opts *opts, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < opts->n_properties; i++)
        if (strcmp(opts->properties[i].name, name) == 0)
            value = opts->properties[i].value;
    return value;
}

/* F-16 */
MR_TEST("the source gets group, brokers, isolation, and the user's own properties behind them")
{
    wire(TARGET "group_id = \"g\"; instance_id = \"i\"; lanes = 3;\n"
                "kafka: { bootstrap_servers = \"h:1,h:2\"; fetch_wait_max_ms = 50; "
                "client_rack = \"r\"; };\n" TABLE);
    struct mr_source_opts opts = source_opts();
    MR_CHECK_STR(opts.group_id, "g");
    MR_CHECK_STR(opts.client_id, "i");
    MR_CHECK_U64(opts.n_lanes, 3);
    MR_CHECK_STR(property(&opts, "bootstrap.servers"), "h:1,h:2");
    MR_CHECK_STR(property(&opts, "isolation.level"), "read_committed");
    MR_CHECK_U64(opts.n_properties, 4);
    MR_CHECK_STR(opts.properties[2].value, "50");
    MR_CHECK_STR(opts.properties[3].value, "r");
    wire(TARGET "isolation_level = \"read_uncommitted\";\n" TABLE);
    opts = source_opts();
    MR_CHECK_STR(property(&opts, "isolation.level"), "read_uncommitted");
}

MR_TEST("topics are subscribed by name, regexes whole: as the rules match them")
{
    wire(TARGET "tables = ( { topic = \"a.b\"; }, { topic_regex = \"x|y\"; table = \"t\"; "
                "table_shared = true; }, { topic_regex = \"^z\"; table = \"u\"; } );\n");
    struct mr_source_opts opts = source_opts();
    MR_CHECK_U64(opts.n_topics, 3);
    MR_CHECK_STR(opts.topics[0], "a.b");
    MR_CHECK_STR(opts.topics[1], "^(x|y)$");
    MR_CHECK_STR(opts.topics[2], "^(^z)$");
}

MR_TEST("memory is shared so that a sixth is left for everything else")
{
    static const uint32_t lanes[] = {1, 2, 7, 64};

    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) {
        char text[256];
        snprintf(text, sizeof text, TARGET "memory_limit = \"600MiB\"; lanes = %u;\n" TABLE,
                 lanes[i]);
        wire(text);
        struct mr_memory_shares shares = mr_wiring_memory(f.conf.config);
        size_t limit = (size_t)600 << 20;
        MR_CHECK_U64(shares.batches, limit / 2);
        MR_CHECK_U64(shares.lane_queue, limit / 3 / lanes[i]);
        MR_CHECK_U64(source_opts().lane_queue_bytes, shares.lane_queue);
    }
}

/* ---- sink, claims, instance ---- */

MR_TEST("the sink gets names, pool and time-outs as configured")
{
    struct mr_sink_opts opts;

    wire("pipeline = \"p\"; group_id = \"g\"; instance_id = \"i\";\n"
         "target: { url = \"postgresql://h/db\"; schema = \"s\"; control_schema = \"c\";\n"
         "statement_timeout = \"7s\"; lock_timeout = \"3s\";\n"
         "pool: { min = 2; max = 9; wait = \"1s\"; idle = \"2m\"; max_age = \"3h\"; }; };\n" TABLE);
    mr_wiring_sink_opts(&f.wiring, f.env, &opts);
    MR_CHECK_STR(opts.url, "postgresql://h/db");
    MR_CHECK_STR(opts.schema, "s");
    MR_CHECK_STR(opts.control_schema, "c");
    MR_CHECK_STR(opts.pipeline, "p");
    MR_CHECK_STR(opts.group_id, "g");
    MR_CHECK_STR(opts.instance_id, "i");
    MR_CHECK_U64(opts.pool_min, 2);
    MR_CHECK_U64(opts.pool_max, 9);
    MR_CHECK_U64(opts.pool_wait_ms, 1000);
    MR_CHECK_U64(opts.pool_idle_ms, 120000);
    MR_CHECK_U64(opts.pool_max_age_ms, 10800000);
    MR_CHECK_U64(opts.statement_timeout_ms, 7000);
    MR_CHECK_U64(opts.lock_timeout_ms, 3000);
    MR_CHECK(opts.connect_timeout_ms > 0);
    MR_CHECK_INT(opts.output_fd, STDOUT_FILENO);
    MR_CHECK(opts.env.clock == &f.clock.base);
}

/* K-05 */
MR_TEST("claims go on after a loss only where the configuration says so")
{
    struct mr_claims_opts opts;

    wire(TARGET TABLE);
    mr_wiring_claims_opts(&f.wiring, f.env, &opts);
    MR_CHECK(!opts.continue_on_loss);
    MR_CHECK_STR(opts.pipeline, "p");
    wire(TARGET "on_data_loss = \"continue\";\n" TABLE);
    mr_wiring_claims_opts(&f.wiring, f.env, &opts);
    MR_CHECK(opts.continue_on_loss);
}

MR_TEST("without a name an instance is called by host, process and chance")
{
    char first[128];
    char pid[32];

    wire(TARGET TABLE);
    snprintf(pid, sizeof pid, "-%ld-", (long)getpid());
    MR_CHECK(strstr(f.wiring.instance_id, pid) != NULL);
    memcpy(first, f.wiring.instance_id, sizeof first);
    mr_rng_init(&f.env.rng, 6);
    wire(TARGET TABLE);
    MR_CHECK(strcmp(first, f.wiring.instance_id) != 0);
}

/* the configuration refuses it before; here nothing may be left over */
MR_TEST("a regex that does not compile is refused, and all that was made is freed")
{
    MR_CHECK_OK(conf_files_load_text(&f.conf, TARGET "tables = ( { topic_regex = \"a\"; table = "
                                                     "\"t\"; }, { topic_regex = \"b\"; table = "
                                                     "\"u\"; } );\n"));
    f.conf.config->routes[1].topic_regex = "(";
    MR_CHECK_INT(mr_wiring_init(&f.wiring, f.conf.config, f.env, &f.err), -MR_CONFIG_INVALID);
    MR_CHECK(strstr(f.err.detail, "'('") != NULL);
    MR_CHECK_U64(f.wiring.n_rules, 0);
    MR_CHECK(f.wiring.rules == NULL);
}

/* contract.md section 3.1 */
MR_TEST("a known word alone is a kind of source, other names are fields of the row")
{
    static const struct {
        const char *text;
        enum mr_guard_kind kind;
        uint16_t n_fields;
    } cases[] = {
        {"", MR_GUARD_NONE, 0},
        {"guard = \"lsn\";", MR_GUARD_LSN, 1},
        {"guard = \"binlog\";", MR_GUARD_BINLOG, 1},
        {"guard = [ \"sqlserver\" ];", MR_GUARD_SQLSERVER, 1},
        {"guard = \"scn\";", MR_GUARD_SCN, 1},
        {"guard = \"mongo\";", MR_GUARD_MONGO, 1},
        {"guard = [ \"version\", \"lsn\" ];", MR_GUARD_FIELDS, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct mr_route *route = route_of(cases[i].text);
        MR_CHECK_INT(route->guard, cases[i].kind);
        MR_CHECK_U64(route->n_guard_fields, cases[i].n_fields);
    }
    const struct mr_route *route =
        route_of("guard = \"lsn\"; guard_column = \"g\"; guard_tomb_ttl = \"90s\";");
    MR_CHECK_STR(route->guard_column, "g");
    MR_CHECK_U64(route->guard_tomb_ttl_ms, 90000);
}

/* E-24, and the columns with a fixed value */
MR_TEST("constants and the envelope's prefix reach the route")
{
    const struct mr_route *route = route_of("envelope_prefix = \"dbz_\"; constants = ("
                                            " { name = \"a\"; value = \"x\"; },"
                                            " { name = \"b\"; value = 7; cast = \"int\"; },"
                                            " { name = \"c\"; value = 1.5; },"
                                            " { name = \"d\"; value = true; } );");
    MR_CHECK_STR(route->envelope_prefix, "dbz_");
    MR_CHECK_U64(route->n_constants, 4);
    MR_CHECK_STR(route->constants[0].name, "a");
    MR_CHECK_INT(route->constants[0].kind, MR_CONSTANT_TEXT);
    MR_CHECK(route->constants[0].cast == NULL);
    MR_CHECK_STR(route->constants[1].text, "7");
    MR_CHECK_INT(route->constants[1].kind, MR_CONSTANT_WHOLE);
    MR_CHECK_STR(route->constants[1].cast, "int");
    MR_CHECK_STR(route->constants[2].text, "1.5");
    MR_CHECK_INT(route->constants[2].kind, MR_CONSTANT_REAL);
    MR_CHECK_INT(route->constants[3].kind, MR_CONSTANT_TRUTH);
    MR_CHECK_STR(route->constants[3].text, "true");
}

/* S-20 */
MR_TEST("a delimiter reaches the route only where nested records are taken apart")
{
    MR_CHECK(route_of("")->nested_delimiter == NULL);
    MR_CHECK(route_of("nested_delimiter = \".\";")->nested_delimiter == NULL);
    MR_CHECK_STR(route_of("nested_mode = \"flatten\";")->nested_delimiter, "_");
    MR_CHECK_STR(
        route_of("nested_mode = \"flatten\"; nested_delimiter = \"__\";")->nested_delimiter, "__");
}

/* E-30 */
MR_TEST("a route by source is the rule's, and may share templates with another one")
{
    wire(TARGET "tables = ( { topic = \"a\"; route = \"source\"; table = \"$db_$table\"; },"
                " { topic = \"b\"; route = \"source\"; table = \"$db_$table\"; },"
                " { topic = \"c\"; } );\n");
    MR_CHECK(f.wiring.rules[0].by_source && f.wiring.rules[1].by_source);
    MR_CHECK(!f.wiring.rules[2].by_source);
}
