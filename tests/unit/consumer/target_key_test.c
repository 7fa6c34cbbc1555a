/* The key that a table is loaded by (contract.md V-10). */
#include "consumer/target_key.h"

#include <stdlib.h>

#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

static struct {
    struct mr_route_rule rule;
    struct mr_targets targets;
    struct mr_target *target;
    struct plan_case pc;
    struct mr_err err;
} f;

MR_SETUP
{
    struct mr_env env = {.clock = NULL};
    memset(&f, 0, sizeof f);
    plan_case_init(&f.pc);
    f.rule = (struct mr_route_rule){.route = f.pc.route, .label = "t", .topic = "t"};
    mr_targets_init(&f.targets, &f.rule, 1, "", 63, env);
    MR_CHECK_OK(mr_targets_for(&f.targets, "t", &f.target, &f.err));
}

MR_TEARDOWN
{
    mr_targets_release(&f.targets);
    plan_case_release(&f.pc);
}

#define KEY(fields) "{\"type\":\"record\",\"name\":\"K\",\"fields\":[" fields "]}"
#define INT(name) "{\"name\":\"" name "\",\"type\":\"int\"}"

static struct mr_schema *parsed(const char *json)
{
    struct mr_schema *schema = NULL;
    struct mr_schema_text text = {.json = json, .len = strlen(json)};
    struct mr_schema_opts opts = {.lenient_names = true};
    MR_CHECK_OK(mr_schema_parse(&text, 1, &opts, &schema, &f.err));
    return schema;
}

static int check(const char *key)
{
    struct mr_shape *shape = NULL;
    struct mr_shape_from from = {.key = parsed(key), .value = parsed(KEY(INT("a") "," INT("b")))};
    mr_err_clear(&f.err);
    MR_CHECK_OK(mr_shape_derive(&from, &f.pc.route, f.pc.table, &shape, &f.err));
    int rc = mr_target_key_check(f.target, shape, f.pc.table, &f.err);
    mr_shape_free(shape);
    mr_schema_unref(from.key);
    mr_schema_unref(from.value);
    return rc;
}

/* V-10 */
MR_TEST("another key of the records halts while the table has the one it was loaded by")
{
    plan_case_table(&f.pc, "a int4 pk, b int4");
    MR_CHECK_OK(check(KEY(INT("a"))));
    MR_CHECK_INT(check(KEY(INT("b"))), -MR_KEY_CHANGED);
    MR_CHECK_INT(f.err.class, MR_CLASS_HALT);
    MR_CHECK(strstr(f.err.detail, "(a)") != NULL && strstr(f.err.detail, "(b)") != NULL);
    MR_CHECK_INT(check(KEY(INT("a") "," INT("b"))), -MR_KEY_CHANGED);
    MR_CHECK_OK(check(KEY(INT("a"))));
}

/* V-10: the operator has migrated the table */
MR_TEST("another key is taken when the table no longer has the former one")
{
    plan_case_table(&f.pc, "a int4 pk, b int4");
    MR_CHECK_OK(check(KEY(INT("a"))));
    plan_case_table(&f.pc, "a int4 pk, b int4 pk");
    MR_CHECK_OK(check(KEY(INT("b") "," INT("a"))));
    MR_CHECK_INT(check(KEY(INT("a"))), -MR_KEY_CHANGED);
    MR_CHECK_OK(check(KEY(INT("a") "," INT("b"))));
}

/* V-11, V-17: who made no table for it has not loaded by it */
MR_TEST("a key without a unique index is not remembered")
{
    MR_CHECK_OK(check(KEY(INT("a"))));
    plan_case_table(&f.pc, "a int4, b int4");
    MR_CHECK_OK(check(KEY(INT("a"))));
    plan_case_table(&f.pc, "a int4, b int4 pk");
    MR_CHECK_OK(check(KEY(INT("b"))));
}
