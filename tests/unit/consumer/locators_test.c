/* From a record to its table by its source: what a lane remembers, and its bounds (contract.md
 * E-30). */
#include "consumer/locators.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

#define F(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define S(name) F(name, "\"string\"")
#define R(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define ENVELOPE                                                                                   \
    R("E", F("source", R("Source", S("db") "," S("schema") "," S("table"))) "," S("op"))
#define PLAIN R("P", F("id", "\"int\""))
#define HEARTBEAT R("io.debezium.connector.common.Heartbeat", F("ts_ms", "\"long\""))

enum { N_RULES = 3, FAULT_TTL_MS = 60000 };

static struct {
    struct mr_clock_fake clock;
    struct mr_env env;
    struct mr_route_rule rules[N_RULES]; /* by the schema of their values */
    struct mr_targets targets;
    struct mr_locators *locators;
    struct mr_target *target;
    struct mr_buf value;
    struct mr_err err;
} f;

MR_SETUP
{
    static const char *const topics[] = {"shop", "plain", "beat"};
    static const char *const texts[] = {ENVELOPE, PLAIN, HEARTBEAT};
    struct mr_schema_opts opts = {.lenient_names = true};

    memset(&f, 0, sizeof f);
    mr_err_clear(&f.err);
    mr_clock_fake_init(&f.clock, 1000000);
    f.env.clock = &f.clock.base;
    mr_rng_init(&f.env.rng, 9);
    for (int i = 0; i < N_RULES; i++) {
        struct mr_schema_text text = {texts[i], strlen(texts[i])};
        f.rules[i] =
            (struct mr_route_rule){.label = topics[i], .topic = topics[i], .by_source = true};
        f.rules[i].route.max_identifier_bytes = 63;
        f.rules[i].route.max_zero_size_items = 100;
        MR_CHECK_OK(mr_schema_parse(&text, 1, &opts, &f.rules[i].route.value_schema, &f.err));
    }
    mr_targets_init(&f.targets, f.rules, N_RULES, "", 63, f.env);
    f.locators = mr_locators_new(&f.targets, f.env);
    MR_CHECK(f.locators != NULL);
}

MR_TEARDOWN
{
    mr_locators_free(f.locators);
    mr_targets_release(&f.targets);
    for (int i = 0; i < N_RULES; i++)
        mr_schema_unref(f.rules[i].route.value_schema);
    mr_buf_release(&f.value);
}

static struct mr_plan_for want_of(int rule)
{
    struct mr_plan_for want = {.topic = f.rules[rule].topic};

    MR_CHECK_OK(mr_targets_for(&f.targets, want.topic, &want.target, &f.err));
    want.value.kind = MR_REF_CONFIGURED;
    return want;
}

static int find(int rule, const char *schema, const char *table)
{
    struct mr_plan_for want = want_of(rule);

    mr_buf_reset(&f.value);
    wire_text(&f.value, "d");
    wire_text(&f.value, schema);
    wire_text(&f.value, table);
    mr_err_clear(&f.err);
    f.target = NULL;
    return mr_locators_find(f.locators, &want, wire_slice(&f.value), &f.target, &f.err);
}

static int resolve(int rule)
{
    struct mr_plan_for want = want_of(rule);

    mr_err_clear(&f.err);
    return mr_locators_resolve(f.locators, &want, 1000, &f.err);
}

MR_TEST("a schema is resolved once, then names lead to their targets without asking")
{
    MR_CHECK_INT(find(0, "s", "a"), -MR_EMPTY);
    MR_CHECK_OK(resolve(0));
    MR_CHECK_OK(find(0, "s", "a"));
    struct mr_target *a = f.target;
    MR_CHECK_STR(a->label, "s.a");
    MR_CHECK_OK(find(0, "s", "b"));
    MR_CHECK(f.target != a);
    for (int i = 0; i < 3; i++) { /* in turn */
        MR_CHECK_OK(find(0, "s", "a"));
        MR_CHECK(f.target == a);
        MR_CHECK_OK(find(0, "s", "b"));
    }
    MR_CHECK_U64(atomic_load(&a->n_topics), 1); /* it was asked for once */
    /* no two names run into each other */
    MR_CHECK_OK(find(0, "sa", "b"));
    struct mr_target *sab = f.target;
    MR_CHECK_OK(find(0, "s", "ab"));
    MR_CHECK(f.target != sab);
}

MR_TEST("a value without a source is refused by its schema, for a minute without asking")
{
    MR_CHECK_INT(resolve(1), -MR_ROUTE_MISSING);
    MR_CHECK_INT(find(1, "s", "a"), -MR_ROUTE_MISSING);
    MR_CHECK_INT(f.err.class, MR_CLASS_POISON);
    f.clock.now_us += (uint64_t)FAULT_TTL_MS * 1000;
    MR_CHECK_INT(find(1, "s", "a"), -MR_EMPTY);
    MR_CHECK_INT(resolve(1), -MR_ROUTE_MISSING);
}

/* E-16 */
MR_TEST("bookkeeping in such a topic is skipped")
{
    MR_CHECK_OK(resolve(2));
    MR_CHECK_INT(find(2, "s", "a"), -MR_SKIP);
}

MR_TEST("names of any length and number take bounded memory")
{
    char name[MR_LOCATORS_MAX_NAMES];
    struct mr_target *first = NULL;

    MR_CHECK_OK(resolve(0));
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    MR_CHECK_INT(find(0, "s", name), -MR_ROUTE_MISSING);
    f.rules[0].table = "$schema";
    f.rules[0].table_shared = true;
    for (int i = 0; i <= MR_LOCATORS_MAX_NAMES; i++) { /* many names of one table */
        (void)snprintf(name, sizeof name, "t%d", i);
        MR_CHECK_OK(find(0, "s", name));
        first = first == NULL ? f.target : first;
        MR_CHECK(f.target == first);
    }
    MR_CHECK_OK(find(0, "s", "t0"));
    MR_CHECK(f.target == first);
}
