#include "config/options.h"

#include <string.h>

#include "config/value.h"
#include "tests/support/conf_files.h"
#include "tests/support/mr_test.h"

static struct conf_files f;

MR_SETUP
{
    conf_files_init(&f);
}
MR_TEARDOWN
{
    conf_files_release(&f);
}

static void check_row(const struct mr_options *table, const struct mr_option *row)
{
    char base[sizeof(struct mr_config) + sizeof(struct mr_route_conf)] = {0};
    struct mr_arena arena;
    struct mr_err err = MR_ERR_INIT;
    struct mr_setting setting = {.name = row->name, .kind = MR_SETTING_TEXT, .text = row->dflt};
    struct mr_value value = {row, &setting, row->name, &arena, &err};
    setting.origin.file = "";
    size_t help_len = strlen(row->help);
    if (help_len < 4 || row->help[help_len - 1] != '.')
        MR_FAIL("%s: the help is no sentence", row->name);
    if (mr_options_find(table, row->name) != row)
        MR_FAIL("%s stands twice in %s", row->name, table->title);
    if (row->at >= table->bytes || (row->max > 0 && row->min > row->max))
        MR_FAIL("%s: offset or bounds", row->name);
    if (row->type == MR_OPT_U32 && (row->max <= 0 || row->max > UINT32_MAX || row->min < 0))
        MR_FAIL("%s: bounds beyond 32 bits", row->name);
    if ((row->type == MR_OPT_SIZE || row->type == MR_OPT_TIME || row->type == MR_OPT_RATIO) &&
        row->max == 0)
        MR_FAIL("%s has no upper bound", row->name);
    if ((row->type == MR_OPT_CHOICE) != (row->choices != NULL) ||
        (row->type == MR_OPT_LIST) != (row->sub != NULL))
        MR_FAIL("%s: choices or sub", row->name);
    if (row->dflt == NULL)
        return;
    mr_arena_init(&arena, 0, 1 << 20);
    if (mr_value_set(&value, base) < 0)
        MR_FAIL("%s: its default: %s", row->name, err.detail);
    mr_arena_release(&arena);
}

static size_t check_table(const struct mr_options *table)
{
    for (size_t i = 0; i < table->n_rows; i++)
        check_row(table, &table->rows[i]);
    return table->n_rows;
}

MR_TEST("every row has a sentence of help, bounds, and a default that its own type takes")
{
    size_t n_rows = check_table(&mr_options_global) + check_table(&mr_options_route);
    for (size_t i = 0; i < mr_options_route.n_rows; i++) {
        if (mr_options_route.rows[i].sub != NULL)
            n_rows += check_table(mr_options_route.rows[i].sub);
    }
    n_rows += check_table(mr_options_find(&mr_options_global, "registries")->sub);
    MR_CHECK(n_rows > 120);
}

MR_TEST("no two rows of a table fill the same field")
{
    static const struct mr_options *const tables[] = {&mr_options_global, &mr_options_route};
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < tables[t]->n_rows; i++) {
            for (size_t j = 0; j < i; j++) {
                if (tables[t]->rows[i].at == tables[t]->rows[j].at)
                    MR_FAIL("%s and %s", tables[t]->rows[i].name, tables[t]->rows[j].name);
            }
        }
    }
}

/* design.md section 7 and contract.md section 11: what an empty configuration means. */
static const char *const defaults[] = {
    "pipeline",
    "\"p\"",
    "group_id",
    "\"p\"",
    "instance_id",
    "\"\"",
    "kafka.bootstrap_servers",
    "\"127.0.0.1:9092\"",
    "kafka.revoke_timeout",
    "\"10s\"",
    "isolation_level",
    "\"read_committed\"",
    "start",
    "\"committed\"",
    "on_data_loss",
    "\"halt\"",
    "registry.url",
    "[\"http://127.0.0.1:8081\"]",
    "registry.kind",
    "\"confluent\"",
    "registry.basic_auth",
    "\"\"",
    "registry.bearer_token",
    "\"\"",
    "registry.tls.ca",
    "\"\"",
    "registry.tls.cert",
    "\"\"",
    "registry.tls.key",
    "\"\"",
    "registry.tls.key_password",
    "\"\"",
    "registry.timeout",
    "\"10s\"",
    "registry.cache.max_schemas",
    "10000",
    "registry.cache.dir",
    "\"\"",
    "registry.cache.not_found",
    "\"1m\"",
    "registries",
    "0",
    "target.url",
    "\"sqlite:x.db\"",
    "target.schema",
    "\"public\"",
    "target.control_schema",
    "\"millrace\"",
    "target.pool.min",
    "1",
    "target.pool.max",
    "10",
    "target.pool.wait",
    "\"30s\"",
    "target.pool.idle",
    "\"10m\"",
    "target.pool.max_age",
    "\"1h\"",
    "target.statement_timeout",
    "\"5m\"",
    "target.lock_timeout",
    "\"5s\"",
    "lanes",
    "4",
    "slots",
    "1",
    "memory_limit",
    "\"80MiB\"",
    "batch.max_rows",
    "20000",
    "batch.max_bytes",
    "\"16MiB\"",
    "batch.max_wait",
    "\"500ms\"",
    "batch.adaptive",
    "true",
    "tables",
    "1",
    "dlq.to",
    "\"table\"",
    "dlq.topic",
    "\"p.dlq\"",
    "dlq.max_ratio",
    "0.05",
    "dlq.max_rows",
    "10000",
    "dlq.window",
    "\"1m\"",
    "dlq.retention",
    "\"0ms\"",
    "dlq.retention_new",
    "\"0ms\"",
    "http.listen",
    "\"127.0.0.1:9464\"",
    "http.bearer_token",
    "\"\"",
    "log.level",
    "\"info\"",
    "log.format",
    "\"logfmt\"",
    "limits.record_max_bytes",
    "\"64MiB\"",
    "limits.zero_size_items",
    "65536",
    "shutdown_timeout",
    "\"30s\"",
    "check_with_avro_c",
    "false",
    "kafka",
    "0",
    "tables[0].topic",
    "\"t\"",
    "tables[0].topic_regex",
    "\"\"",
    "tables[0].schema",
    "\"\"",
    "tables[0].table",
    "\"\"",
    "tables[0].route",
    "\"topic\"",
    "tables[0].strategy",
    "\"upsert\"",
    "tables[0].create",
    "true",
    "tables[0].evolve",
    "\"add\"",
    "tables[0].add_defaults",
    "false",
    "tables[0].relax_not_null",
    "false",
    "tables[0].widen_rewrite",
    "false",
    "tables[0].table_shared",
    "false",
    "tables[0].start",
    "\"committed\"",
    "tables[0].source_skip_corrupt",
    "false",
    "tables[0].registry",
    "\"default\"",
    "tables[0].key_format",
    "\"auto\"",
    "tables[0].value_format",
    "\"auto\"",
    "tables[0].value_schema",
    "\"\"",
    "tables[0].key_schema",
    "\"\"",
    "tables[0].schema_lenient_names",
    "true",
    "tables[0].key_columns",
    "[]",
    "tables[0].key_source",
    "\"key\"",
    "tables[0].value_column",
    "\"\"",
    "tables[0].include",
    "[]",
    "tables[0].exclude",
    "[]",
    "tables[0].columns",
    "0",
    "tables[0].constants",
    "0",
    "tables[0].meta",
    "0",
    "tables[0].column_name_source",
    "\"field\"",
    "tables[0].column_unmangle",
    "\"none\"",
    "tables[0].identifier_case",
    "\"keep\"",
    "tables[0].identifier_long",
    "\"hash\"",
    "tables[0].nested_mode",
    "\"json\"",
    "tables[0].nested_delimiter",
    "\"_\"",
    "tables[0].envelope",
    "\"auto\"",
    "tables[0].envelope_prefix",
    "\"__\"",
    "tables[0].tombstone",
    "\"delete\"",
    "tables[0].truncate",
    "\"apply\"",
    "tables[0].keyless",
    "\"append\"",
    "tables[0].key_change",
    "\"record\"",
    "tables[0].guard",
    "[]",
    "tables[0].guard_column",
    "\"_guard\"",
    "tables[0].guard_tomb_ttl",
    "\"1d\"",
    "tables[0].where",
    "\"\"",
    "tables[0].unavailable_detect",
    "\"auto\"",
    "tables[0].unavailable_placeholder",
    "\"__debezium_unavailable_value\"",
    "tables[0].unavailable_null_columns",
    "[]",
    "tables[0].unavailable_missing_row",
    "\"poison\"",
    "tables[0].unavailable_keep_deleted",
    "true",
    "tables[0].unavailable_tomb_ttl",
    "\"1d\"",
    "tables[0].text_nul",
    "\"poison\"",
    "tables[0].temporal_nanos",
    "\"truncate\"",
    "tables[0].numeric_excess_scale",
    "\"poison\"",
    "tables[0].timestamp_zone",
    "\"UTC\"",
    "tables[0].on_bad_record",
    "\"dead_letter\"",
    "tables[0].fk_wait",
    "\"1m\"",
    "tables[0].insert_missing",
    "false",
    "tables[0].deleted_column",
    "\"deleted_at\"",
    "tables[0].tracked",
    "[]",
    "tables[0].valid_from",
    "\"valid_from\"",
    "tables[0].valid_to",
    "\"valid_to\"",
    "tables[0].is_current",
    "\"is_current\"",
    "tables[0].surrogate_key",
    "\"_sk\"",
};
enum { N_DEFAULTS = sizeof(defaults) / sizeof(defaults[0]) / 2 };

static const char *expected_default(const char *path)
{
    for (size_t i = 0; i < N_DEFAULTS; i++) {
        if (strcmp(defaults[2 * i], path) == 0)
            return defaults[2 * i + 1];
    }
    MR_FAIL("%s has no expected default in this test", path);
}

MR_TEST("every option of a smallest configuration has the default of the contract")
{
    struct mr_buf out = MR_BUF_INIT;
    struct mr_walk walk;
    size_t n_options = 0;
    MR_CHECK_OK(conf_files_load_more(&f, ""));
    mr_walk_init(&walk, f.config, NULL);
    for (; mr_walk_next(&walk); n_options++) {
        mr_buf_reset(&out);
        mr_value_print(walk.option, walk.base, false, &out);
        if (strcmp(mr_buf_cstr(&out), expected_default(walk.path)) != 0)
            MR_FAIL("%s is %s, expected %s", walk.path, mr_buf_cstr(&out),
                    expected_default(walk.path));
    }
    MR_CHECK_U64(n_options, N_DEFAULTS);
    mr_buf_release(&out);
}

MR_TEST("the pool's default grows with the writers")
{
    MR_CHECK_OK(conf_files_load_more(&f, "lanes = 8;"));
    MR_CHECK_U64(f.config->target.pool.max, 12);
}

MR_TEST("a group is known by its keys, and a key is no group")
{
    MR_CHECK(mr_options_is_group(&mr_options_global, "target"));
    MR_CHECK(mr_options_is_group(&mr_options_global, "target.pool"));
    MR_CHECK(!mr_options_is_group(&mr_options_global, "target.url"));
    MR_CHECK(!mr_options_is_group(&mr_options_global, "targ"));
}
