/* Starts for which memory lacks (contract.md G-07): each allocation of millrace's own objects is
 * refused once, while a schema is read, its table made, its plan compiled, and while a whole
 * service comes up. The answer is an error that says so, and the next try succeeds as the first
 * would have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "consumer/plans.h"
#include "consumer/service.h"
#include "schemas/json.h"
#include "schemas/json_text.h"
#include "tests/support/conf_files.h"
#include "tests/support/memory_gate.h"
#include "tests/support/mr_test.h"
#include "tests/support/sink_cases.h"
#include "tests/support/source_fake.h"

enum { DEADLINE_MS = 1000 };

MR_SETUP
{
    mr_case_start();
    mr_log_setup(MR_ERROR, MR_LOG_LOGFMT, 2);
    mr_json_count_memory();
}

MR_TEARDOWN
{
    (void)memory_gate_disarm();
    mr_case_stop();
}

/* ---- the registry: 1 the value, which refers to 3, 2 the key ---- */

static const char key_schema[] =
    "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"}]}";
static const char suit_schema[] = "{\"type\":\"enum\",\"name\":\"Suit\",\"symbols\":[\"a\",\"b\"]}";
static const char value_schema[] =
    "{\"type\":\"record\",\"name\":\"V\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"v\",\"type\":\"string\"},"
    "{\"name\":\"s\",\"type\":\"Suit\"},{\"name\":\"n\",\"type\":{\"type\":\"bytes\","
    "\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}},"
    "{\"name\":\"l\",\"type\":{\"type\":\"array\",\"items\":\"int\"}}]}";

static int fetch_open(const struct mr_registry_opts *opts, void **conn, struct mr_err *err)
{
    static int one;
    (void)opts;
    (void)err;
    *conn = &one;
    return 0;
}

static int fetch_get(void *conn, const char *path, struct mr_registry_answer *answer,
                     struct mr_err *err)
{
    (void)conn;
    (void)err;
    const bool value = strncmp(path, "/schemas/ids/1", 14) == 0;
    const char *schema = value ? value_schema : key_schema;
    if (strstr(path, "/subjects/suit") != NULL)
        schema = suit_schema;
    mr_buf_reset(&answer->body);
    answer->status = 200;
    answer->retry_after_ms = 0;
    mr_buf_str(&answer->body, "{\"schema\": ");
    mr_json_text_string(&answer->body, mr_slice_str(schema));
    if (value)
        mr_buf_str(&answer->body, ", \"references\": [{\"name\": \"Suit\", \"subject\": \"suit\", "
                                  "\"version\": 1}]");
    mr_buf_str(&answer->body, "}");
    return 0;
}

static void fetch_close(void *conn)
{
    (void)conn;
}

static const struct mr_registry_fetch_ops fetch_ops = {"scripted", fetch_open, fetch_get,
                                                       fetch_close};

static struct {
    struct mr_registry *registry;
    struct mr_route_rule rule;
    struct mr_targets targets;
    struct mr_target *target;
    struct mr_plans *plans;
    struct mr_env env;
} f;

static int plan_resolves(void *arg, struct mr_err *err)
{
    struct mr_plan_for want = {.target = f.target, .topic = "t"};
    struct mr_plan *plan = NULL;

    (void)arg;
    want.key.kind = MR_REF_ID;
    want.key.id = 2;
    want.value.kind = MR_REF_ID;
    want.value.id = 1;
    return mr_plans_resolve(f.plans, &want, DEADLINE_MS, &plan, err);
}

static void plans_make(void)
{
    const struct mr_registry_opts opts = {.name = "default",
                                          .urls = {"http://x"},
                                          .n_urls = 1,
                                          .timeout_ms = DEADLINE_MS,
                                          .cache_schemas = 100,
                                          .missing_ttl_ms = 1000,
                                          .schema = {.lenient_names = true}};
    struct mr_err err = MR_ERR_INIT;
    MR_CHECK_OK(mr_registry_new(&opts, &fetch_ops, f.env, &f.registry, &err));
    f.rule.registry = f.registry;
    mr_targets_init(&f.targets, &f.rule, 1, NULL, 63, f.env);
    MR_CHECK_OK(mr_targets_for(&f.targets, "t", &f.target, &err));
    f.plans = mr_plans_new(mr_case.f.sink, f.env);
    MR_CHECK(f.plans != NULL);
}

static void plans_free(void)
{
    mr_plans_free(f.plans);
    mr_targets_release(&f.targets);
    mr_registry_free(f.registry);
}

/* Afresh for each try, so that all is asked for again; the table stays once it is there. */
static int plan_from_nothing(void *arg, struct mr_err *err)
{
    memory_gate_hold();
    plans_make();
    memory_gate_go_on();
    int rc = plan_resolves(arg, err);
    bool refused = memory_gate_disarm();
    struct mr_err again = MR_ERR_INIT;
    if (rc < 0 && plan_resolves(arg, &again) < 0)
        MR_FAIL("with memory again: %s: %s", mr_code_printed((int)again.code), again.detail);
    plans_free();
    if (rc < 0 && refused)
        mr_sink_fixture_exec(&mr_case.f, "DROP TABLE t");
    return rc;
}

static void columns_check(void)
{
    static const char *const names[] = {"id", "v", "s", "n", "l"};
    struct mr_table *table = NULL;
    struct mr_err err = MR_ERR_INIT;
    MR_CHECK_OK(mr_case.f.ops->table_open(mr_case.f.sink, NULL, "t", true, &table, &err));
    MR_CHECK_U64(table->n_columns, 5);
    for (size_t i = 0; i < 5; i++)
        MR_CHECK_STR(table->columns[i].name, names[i]);
    mr_table_unref(table);
}

/* G-07 */
MR_CONFORM(plan, "a plan and its table are made whole, or not at all, where memory lacks")
{
    mr_env_init_system(&f.env);
    f.rule = (struct mr_route_rule){.route = {.create = true,
                                              .unavailable_detect = true,
                                              .placeholder = "__debezium_unavailable_value",
                                              .placeholder_len = 28,
                                              .max_zero_size_items = 65536,
                                              .max_record_bytes = 1 << 20,
                                              .max_identifier_bytes = 63},
                                    .label = "t",
                                    .topic = "t"};
    memory_gate_try_all(&(struct memory_gate_work){
        .name = "plan and table", .run = plan_from_nothing, .least = 100});
    columns_check();
}

/* ---- a service ---- */

/* In place of the Kafka client, which aborts where memory lacks. */
static struct mr_source_ops source_ops;

static int source_open(const struct mr_source_opts *opts, struct mr_source **out,
                       struct mr_err *err)
{
    memory_gate_hold();
    int rc = mr_source_fake.open(opts, out, err);
    memory_gate_go_on();
    return rc;
}

static struct conf_files conf;

static int service_starts(void *arg, struct mr_err *err)
{
    struct mr_service *service = arg;
    struct mr_service_opts opts = {.config = conf.config, .source_ops = &source_ops};

    mr_env_init_system(&opts.env);
    int rc = mr_service_open(service, &opts, err);
    memory_gate_hold(); /* the end is not the start's */
    if (service->poller_started)
        mr_service_stop(service);
    mr_service_close(service);
    memory_gate_go_on();
    return rc;
}

/* G-07 */
MR_TEST("a service comes up wherever memory lacked the time before, and leaves nothing behind")
{
    static struct mr_service service;
    char text[1024];

    conf_files_init(&conf);
    source_ops = mr_source_fake;
    source_ops.open = source_open;
    (void)snprintf(
        text, sizeof text,
        "pipeline = \"p\"; kafka: { bootstrap_servers = \"127.0.0.1:1\";\n"
        "  session_timeout_ms = 6000; }; lanes = 2;\n"
        "target: { url = \"sqlite:%s/t.db\"; };\n"
        "registry: { url = \"http://127.0.0.1:1\"; };\n"
        "tables = ( { topic = \"orders\"; table = \"t\"; },\n"
        "  { topic_regex = \"^s\\\\.(.*)$\"; table = \"u\"; strategy = \"append\"; } );\n",
        conf.folder);
    if (conf_files_load_text(&conf, text) < 0)
        MR_FAIL("%s", conf.line);
    memory_gate_try_all(&(struct memory_gate_work){
        .name = "service", .run = service_starts, .arg = &service, .least = 40});
    conf_files_release(&conf);
}
