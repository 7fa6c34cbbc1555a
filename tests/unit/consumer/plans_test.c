/* A lane's plan cache: what it asks registry and catalogue for, what it remembers, its bound. */
#include "consumer/plans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "consumer/meters.h"
#include "tests/support/emit_text.h"
#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

enum { DEADLINE_MS = 1000, FAULT_TTL_MS = 60000 };

static struct {
    struct mr_clock_fake clock;
    struct mr_env env;
    struct mr_registry *registry;
    struct mr_sink sink;
    struct mr_route_rule rule;
    struct mr_targets targets;
    struct mr_target *target;
    struct mr_plans *plans;
    struct mr_plan *plan;
    struct plan_case pc; /* its table is the catalogue's; NULL: there is none */
    struct mr_err err;
    bool away;           /* the registry */
    const char *columns; /* what a DDL makes of the table; NULL: nothing */
    int fail_open;       /* of table_open */
    int fail_widen;      /* of a table_apply that widens */
    int64_t ddl_schema_id;
    _Atomic uint64_t *ddl_moved_ms;
    uint32_t n_gets, n_opens, n_applies, n_registers;
} f;

/* ---- the registry: odd ids are {id long, v string}, 900 is no schema, 2 the key ---- */

static int fetch_open(const struct mr_registry_opts *opts, void **conn, struct mr_err *err)
{
    (void)opts;
    (void)err;
    *conn = &f;
    return 0;
}

static int fetch_get(void *conn, const char *path, struct mr_registry_answer *answer,
                     struct mr_err *err)
{
    long id = strtol(path + strlen("/schemas/ids/"), NULL, 10);

    (void)conn;
    f.n_gets++;
    mr_buf_reset(&answer->body);
    if (f.away)
        return mr_err_set(err, MR_REGISTRY_AWAY, "scripted");
    answer->status = 200;
    if (id == 900)
        mr_buf_str(&answer->body, "{\"schema\": \"{\\\"type\\\":\\\"recor\\\"}\"}");
    else
        mr_buf_fmt(&answer->body,
                   "{\"schema\": \"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"R%ld\\\","
                   "\\\"fields\\\":[{\\\"name\\\":\\\"id\\\",\\\"type\\\":\\\"long\\\"}%s]}\"}",
                   id, id % 2 == 0 ? "" : ",{\\\"name\\\":\\\"v\\\",\\\"type\\\":\\\"string\\\"}");
    return 0;
}

static void fetch_close(void *conn)
{
    (void)conn;
}

static const struct mr_registry_fetch_ops fetch_ops = {"scripted", fetch_open, fetch_get,
                                                       fetch_close};

/* ---- the catalogue ---- */

static int table_open(struct mr_sink *sink, const char *schema, const char *name, bool fresh,
                      struct mr_table **out, struct mr_err *err)
{
    MR_CHECK(sink == &f.sink && schema == NULL && fresh);
    MR_CHECK_STR(name, "t");
    f.n_opens++;
    if (f.fail_open != 0)
        return mr_err_set(err, (enum mr_code) - f.fail_open, "scripted");
    if (f.pc.table == NULL)
        return mr_err_set(err, MR_TARGET_MISSING, "scripted");
    *out = mr_table_ref(f.pc.table);
    return 0;
}

static int table_apply(struct mr_sink *sink, const char *schema, const char *name,
                       const struct mr_ddl *ddl, struct mr_err *err)
{
    (void)sink;
    (void)schema;
    (void)name;
    MR_CHECK(ddl->kind != MR_DDL_NONE);
    f.n_applies++;
    f.ddl_schema_id = ddl->schema_id;
    f.ddl_moved_ms = ddl->moved_ms;
    if (ddl->kind == MR_DDL_WIDEN && f.fail_widen != 0)
        return mr_err_set(err, (enum mr_code) - f.fail_widen, "scripted");
    if (f.columns != NULL)
        plan_case_table(&f.pc, f.columns);
    if (f.pc.table != NULL)
        f.pc.table->made_by_us = true;
    return 0;
}

static int table_register(struct mr_sink *sink, const struct mr_table *table, const char *route,
                          bool shared, struct mr_err *err)
{
    (void)sink;
    (void)err;
    MR_CHECK(table == f.pc.table && !shared);
    MR_CHECK_STR(route, "t");
    f.n_registers++;
    return 0;
}

static const struct mr_sink_ops sink_ops = {.name = "scripted",
                                            .caps = MR_SINK_ALTER,
                                            .emit = &mr_emit_text,
                                            .table_open = table_open,
                                            .table_apply = table_apply,
                                            .table_register = table_register};

MR_SETUP
{
    struct mr_registry_opts opts = {.name = "default",
                                    .urls = {"http://x"},
                                    .n_urls = 1,
                                    .timeout_ms = DEADLINE_MS,
                                    .cache_schemas = 10000,
                                    .missing_ttl_ms = 1000,
                                    .schema = {.lenient_names = true}};

    memset(&f, 0, sizeof f);
    mr_log_setup(MR_ERROR, MR_LOG_LOGFMT, 2);
    mr_err_clear(&f.err);
    mr_clock_fake_init(&f.clock, 1000000);
    f.env.clock = &f.clock.base;
    mr_rng_init(&f.env.rng, 3);
    MR_CHECK_OK(mr_registry_new(&opts, &fetch_ops, f.env, &f.registry, &f.err));
    plan_case_init(&f.pc);
    f.sink.ops = &sink_ops;
    f.rule = (struct mr_route_rule){
        .route = f.pc.route, .label = "t", .topic = "t", .registry = f.registry};
    mr_targets_init(&f.targets, &f.rule, 1, "", 63, f.env);
    MR_CHECK_OK(mr_targets_for(&f.targets, "t", &f.target, &f.err));
    f.plans = mr_plans_new(&f.sink, f.env);
    MR_CHECK(f.plans != NULL);
    f.columns = "id int8 pk, v text";
}

MR_TEARDOWN
{
    mr_plans_free(f.plans);
    mr_targets_release(&f.targets);
    mr_registry_free(f.registry);
    plan_case_release(&f.pc);
}

static struct mr_plan_for want_of(int64_t value_id)
{
    struct mr_plan_for want = {.target = f.target, .topic = "t"};

    want.key.kind = MR_REF_ID;
    want.key.id = 2;
    want.value.kind = value_id > 0 ? MR_REF_ID : MR_REF_NONE;
    want.value.id = value_id > 0 ? value_id : 0;
    return want;
}

static int find(int64_t value_id)
{
    struct mr_plan_for want = want_of(value_id);

    f.plan = NULL;
    mr_err_clear(&f.err);
    return mr_plans_find(f.plans, &want, &f.plan, &f.err);
}

static int resolve(int64_t value_id)
{
    struct mr_plan_for want = want_of(value_id);

    f.plan = NULL;
    mr_err_clear(&f.err);
    return mr_plans_resolve(f.plans, &want, DEADLINE_MS, &f.plan, &f.err);
}

static void pass_ms(uint64_t ms)
{
    f.clock.now_us += ms * 1000;
}

MR_TEST("what was resolved is found without asking anybody again")
{
    plan_case_table(&f.pc, "id int8 pk, v text");
    MR_CHECK_INT(find(1), -MR_EMPTY);
    MR_CHECK_OK(resolve(1));
    struct mr_plan *plan = f.plan;
    MR_CHECK(plan != NULL && mr_plan_table(plan) == f.pc.table);
    MR_CHECK_U64(f.n_gets, 2);
    MR_CHECK_U64(f.n_opens, 1);
    MR_CHECK_U64(f.n_registers, 1);
    MR_CHECK_U64(f.n_applies, 0);
    for (int i = 0; i < 10; i++) {
        MR_CHECK_OK(find(1));
        MR_CHECK(f.plan == plan);
    }
    MR_CHECK_INT(find(3), -MR_EMPTY);
    MR_CHECK_OK(resolve(3));
    MR_CHECK(f.plan != plan);
    MR_CHECK_OK(find(1)); /* two schemas in turn */
    MR_CHECK(f.plan == plan);
    MR_CHECK_U64(f.n_gets, 3);
    MR_CHECK_U64(f.n_opens, 2);
}

/* V-11 */
MR_TEST("a table that is not there is made first, then read and compiled for")
{
    MR_CHECK_OK(resolve(1));
    MR_CHECK_U64(f.n_applies, 1);
    MR_CHECK_U64(f.n_opens, 2);
    MR_CHECK_U64(f.n_registers, 1);
    MR_CHECK(mr_plan_table(f.plan) == f.pc.table);
}

/* V-12: another instance may alter it at the same time, but not without end */
MR_TEST("a table that does not fit after eight alterations is given up")
{
    f.columns = NULL;
    MR_CHECK_INT(resolve(1), -MR_TYPE_INCOMPATIBLE);
    MR_CHECK_U64(f.n_applies, 8);
    MR_CHECK_INT(f.err.class, MR_CLASS_HALT);
    MR_CHECK_STR(f.err.table, "t");
}

MR_TEST("with create = false a missing table is the target's fault, and is asked for again")
{
    f.rule.route.create = false;
    MR_CHECK_INT(resolve(1), -MR_TARGET_MISSING);
    MR_CHECK_INT(resolve(0), -MR_TARGET_MISSING);
    MR_CHECK_INT(find(1), -MR_EMPTY);
    plan_case_table(&f.pc, "id int8 pk, v text");
    MR_CHECK_OK(resolve(1));
}

/* V-13 */
MR_TEST("a plan of an older version of its table is found no more")
{
    plan_case_table(&f.pc, "id int8 pk, v text");
    MR_CHECK_OK(resolve(1));
    atomic_fetch_add(&f.target->version, 1);
    MR_CHECK_INT(find(1), -MR_EMPTY);
    plan_case_table(&f.pc, "id int8 pk, v text, more text");
    MR_CHECK_OK(resolve(1));
    MR_CHECK(mr_plan_table(f.plan) == f.pc.table);
    MR_CHECK_OK(find(1));
}

/* */
MR_TEST("a plan that is forgotten is made anew with the table read again, others stay")
{
    struct mr_plan_for want = want_of(1);
    struct mr_plan_for never = want_of(5);
    plan_case_table(&f.pc, "id int8 pk, v enum");
    MR_CHECK_OK(resolve(3));
    MR_CHECK_OK(resolve(1));
    MR_CHECK_U64(f.n_opens, 2);
    mr_plans_forget(f.plans, &never);
    mr_plans_forget(f.plans, &want);
    mr_plans_forget(f.plans, &want);
    MR_CHECK_INT(find(1), -MR_EMPTY);
    MR_CHECK_OK(find(3));
    MR_CHECK_OK(resolve(1));
    MR_CHECK_U64(f.n_opens, 3);
    MR_CHECK_OK(find(1));
}

/* H-10 */
MR_TEST("a schema that is none is remembered for a minute with its error, then asked anew")
{
    plan_case_table(&f.pc, "id int8 pk, v text");
    MR_CHECK_INT(resolve(900), -MR_SCHEMA_INVALID);
    uint32_t n_gets = f.n_gets;
    pass_ms(FAULT_TTL_MS - 1);
    MR_CHECK_INT(find(900), -MR_SCHEMA_INVALID);
    MR_CHECK_INT(f.err.code, MR_SCHEMA_INVALID);
    MR_CHECK_STR(f.err.table, "t");
    MR_CHECK(f.plan == NULL);
    MR_CHECK_U64(f.n_gets, n_gets);
    pass_ms(1);
    MR_CHECK_INT(find(900), -MR_EMPTY);
    MR_CHECK_INT(resolve(900), -MR_SCHEMA_INVALID);
    MR_CHECK(f.n_gets > n_gets);
}

/* H-01, case 158: they pass, or are probed, elsewhere */
MR_TEST("an outage and a halt are never remembered")
{
    plan_case_table(&f.pc, "id int8 pk, v text");
    f.away = true;
    MR_CHECK_INT(resolve(1), -MR_REGISTRY_AWAY);
    MR_CHECK_INT(find(1), -MR_EMPTY);
    f.away = false;
    f.fail_open = -MR_TARGET_AWAY;
    pass_ms(60000);
    MR_CHECK_INT(resolve(1), -MR_TARGET_AWAY);
    MR_CHECK_INT(find(1), -MR_EMPTY);
    f.fail_open = -MR_TARGET_PRIVILEGE;
    MR_CHECK_INT(resolve(1), -MR_TARGET_PRIVILEGE);
    MR_CHECK_INT(find(1), -MR_EMPTY);
    f.fail_open = 0;
    MR_CHECK_OK(resolve(1));
}

/* E-10 */
MR_TEST("a tombstone without a table has nothing to delete, until a record makes the table")
{
    MR_CHECK_INT(resolve(0), -MR_SKIP);
    MR_CHECK_U64(f.n_applies, 0);
    MR_CHECK_INT(find(0), -MR_EMPTY);
    MR_CHECK_OK(resolve(1));
    MR_CHECK_OK(resolve(0));
    MR_CHECK_OK(find(0));
}

MR_TEST("tombstones of an envelope topic have a plan of their own, values do not care")
{
    struct mr_plan *plain = NULL;
    struct mr_plan *again = NULL;

    plan_case_table(&f.pc, "id int8 pk, v text");
    struct mr_plan_for want = want_of(0);
    MR_CHECK_OK(mr_plans_resolve(f.plans, &want, DEADLINE_MS, &plain, &f.err));
    want.envelope_topic = true;
    MR_CHECK_INT(mr_plans_find(f.plans, &want, &again, &f.err), -MR_EMPTY);
    want = want_of(1);
    MR_CHECK_OK(mr_plans_resolve(f.plans, &want, DEADLINE_MS, &plain, &f.err));
    want.envelope_topic = true;
    MR_CHECK_OK(mr_plans_find(f.plans, &want, &again, &f.err));
    MR_CHECK(again == plain);
}

MR_TEST("what is resolved twice is kept once, the newer one")
{
    plan_case_table(&f.pc, "id int8 pk, v text");
    MR_CHECK_OK(resolve(1));
    MR_CHECK_OK(resolve(1));
    struct mr_plan *newer = f.plan;
    MR_CHECK_OK(find(1));
    MR_CHECK(f.plan == newer);
}

MR_TEST("the cache is bounded: past its limit it begins anew")
{
    plan_case_table(&f.pc, "id int8 pk, v text");
    for (int64_t i = 0; i < MR_PLANS_MAX; i++)
        MR_CHECK_OK(resolve(1 + 2 * i));
    MR_CHECK_OK(find(1));
    MR_CHECK_OK(find(1 + 2 * (MR_PLANS_MAX - 1)));
    MR_CHECK_OK(resolve(1 + 2 * MR_PLANS_MAX));
    MR_CHECK_OK(find(1 + 2 * MR_PLANS_MAX));
    MR_CHECK_INT(find(1), -MR_EMPTY);
    MR_CHECK_INT(find(1 + 2 * (MR_PLANS_MAX - 1)), -MR_EMPTY);
}

/* V-04: the X rows decide where the table stays as it is */
MR_TEST("a widening that the target refuses is only tried")
{
    f.rule.route.evolve = MR_EVOLVE_WIDEN;
    plan_case_table(&f.pc, "id int8 pk, v varchar(2)");
    f.fail_widen = -MR_TARGET_PRIVILEGE;
    f.columns = NULL;
    mr_log_setup(MR_ERROR, MR_LOG_LOGFMT, 2);
    _Atomic uint64_t moved_ms = 0;
    mr_plans_show_life(f.plans, &moved_ms);
    MR_CHECK_OK(resolve(1));
    MR_CHECK_U64(f.n_applies, 1);
    MR_CHECK_INT(f.ddl_schema_id, 1);
    MR_CHECK(f.ddl_moved_ms == &moved_ms);
    f.fail_widen = -MR_TARGET_AWAY; /* an outage is not an answer */
    MR_CHECK_INT(resolve(3), -MR_TARGET_AWAY);
    f.fail_widen = 0;
    f.columns = "id int8 pk, v text";
    MR_CHECK_OK(resolve(3));
    MR_CHECK_INT(mr_plan_table(f.plan)->columns[1].type.type, MR_T_TEXT);
}

/* V-10 */
MR_TEST("a record of another key halts, and those of the known one go on")
{
    plan_case_table(&f.pc, "id int8 pk, v text");
    MR_CHECK_OK(resolve(1));
    f.pc.table->made_by_us = true;
    struct mr_plan_for want = want_of(1);
    want.key.id = 5; /* {id, v} */
    struct mr_plan *plan = NULL;
    MR_CHECK_INT(mr_plans_resolve(f.plans, &want, DEADLINE_MS, &plan, &f.err), -MR_KEY_CHANGED);
    MR_CHECK_INT(f.err.class, MR_CLASS_HALT);
    MR_CHECK_INT(mr_plans_find(f.plans, &want, &plan, &f.err), -MR_EMPTY);
    MR_CHECK_OK(find(1));
}

/* V-01 */
MR_TEST("fields that a plan reads past are counted once a plan")
{
    struct mr_metrics *metrics = mr_metrics_new(mr_meters, MR_N_METERS);
    const char *labels[] = {"t", "discard_column"};
    MR_CHECK(metrics != NULL);
    mr_plans_count_into(f.plans, metrics);
    f.rule.route.evolve = MR_EVOLVE_DISCARD_COLUMN;
    plan_case_table(&f.pc, "id int8 pk");
    MR_CHECK_OK(resolve(1));
    MR_CHECK_OK(find(1));
    struct mr_series *series = mr_metrics_series(metrics, MR_M_FIELDS_IGNORED, labels);
    mr_counter_add(series, 0);
    struct mr_buf text = MR_BUF_INIT;
    mr_metrics_print(metrics, &text);
    MR_CHECK(strstr(mr_buf_cstr(&text), "millrace_fields_ignored_total{table=\"t\",reason="
                                        "\"discard_column\"} 1") != NULL);
    mr_buf_release(&text);
    mr_metrics_free(metrics);
}
