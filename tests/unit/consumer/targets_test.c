/* Routes at work: which table a topic's records go to, and what a table's fault does (design.md
 * section 5). */
#include "consumer/targets.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/mr_test.h"

enum { MAX_RULES = 4 };

static struct {
    struct mr_route_rule rules[MAX_RULES];
    size_t n_rules;
    struct mr_targets targets;
    bool made;
    struct mr_clock_fake clock;
    struct mr_err err;
} f;

static struct mr_route_rule *rule_add(const char *topic, const char *regex)
{
    struct mr_route_rule *rule = &f.rules[f.n_rules++];

    rule->label = topic != NULL ? topic : regex;
    rule->topic = topic;
    if (topic == NULL)
        MR_CHECK_INT(regcomp(&rule->regex, regex, REG_EXTENDED), 0);
    rule->route.max_identifier_bytes = 63;
    return rule;
}

static struct mr_target *target_of(const char *topic)
{
    struct mr_target *target = NULL;
    struct mr_env env = {.clock = &f.clock.base};

    if (!f.made)
        mr_targets_init(&f.targets, f.rules, f.n_rules, "shop.dlq", 63, env);
    f.made = true;
    mr_err_clear(&f.err);
    if (mr_targets_for(&f.targets, topic, &target, &f.err) < 0)
        MR_CHECK(target == NULL);
    return target;
}

MR_SETUP
{
    memset(&f, 0, sizeof f);
    mr_clock_fake_init(&f.clock, 1000000);
}

MR_TEARDOWN
{
    if (f.made)
        mr_targets_release(&f.targets);
    for (size_t i = 0; i < f.n_rules; i++)
        if (f.rules[i].topic == NULL)
            regfree(&f.rules[i].regex);
}

MR_TEST("the first rule that takes a topic decides, exact or not")
{
    rule_add("a.b.orders", NULL)->table = "exact";
    rule_add(NULL, "a\\..*")->table = "wide";
    rule_add("a.b.items", NULL)->table = "too_late";
    MR_CHECK_STR(target_of("a.b.orders")->name, "exact");
    MR_CHECK_STR(target_of("a.b.items")->name, "wide");
}

MR_TEST("a regex must match the whole name")
{
    rule_add(NULL, "orders|orders_old")->table = "$1x";
    MR_CHECK(target_of("orders") != NULL);
    MR_CHECK(target_of("new_orders") == NULL);
    MR_CHECK(target_of("orders2") == NULL);
    MR_CHECK_INT(f.err.code, MR_OK);
}

MR_TEST("groups of the regex name the table")
{
    rule_add(NULL, "shop\\.([a-z]+)\\.([a-z]+)(_v[0-9])?")->table = "$2$3_$$1_$1";
    MR_CHECK_STR(target_of("shop.eu.orders")->name, "orders_$1_eu");
    MR_CHECK_STR(target_of("shop.us.items_v2")->name, "items_v2_$1_us");
}

/* I-01 */
MR_TEST("without a table the topic's last part is the table, the part before it the schema")
{
    static const struct {
        const char *topic, *schema, *name, *label;
    } cases[] = {{"orders", "", "orders", "orders"},
                 {"srv.inv.orders", "inv", "orders", "inv.orders"},
                 {"srv.db.inv.orders", "inv", "orders", "inv.orders"},
                 {"inv.orders", "", "orders", "orders"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f.n_rules = 0;
        memset(f.rules, 0, sizeof f.rules);
        rule_add(cases[i].topic, NULL);
        struct mr_target *target = target_of(cases[i].topic);
        MR_CHECK_STR(target->schema, cases[i].schema);
        MR_CHECK_STR(target->name, cases[i].name);
        MR_CHECK_STR(target->label, cases[i].label);
        mr_targets_release(&f.targets);
        f.made = false;
    }
}

MR_TEST("a table is schema.name; with a schema of its own it is taken whole, dots and all")
{
    rule_add("a", NULL)->table = "sales.orders";
    struct mr_route_rule *own = rule_add("b", NULL);
    own->table = "v1.orders";
    own->schema = "raw";
    MR_CHECK_STR(target_of("a")->schema, "sales");
    MR_CHECK_STR(target_of("a")->name, "orders");
    MR_CHECK_STR(target_of("b")->schema, "raw");
    MR_CHECK_STR(target_of("b")->name, "v1.orders");
}

/* E-16 .. E-19 */
MR_TEST("topics of the machinery are never taken by a regex, but by their exact name")
{
    static const char *const internal[] = {"shop.dlq", "__debezium-heartbeat.shop", "_schemas",
                                           "shop.transaction", "shop-signal"};

    rule_add(NULL, ".*");
    for (size_t i = 0; i < sizeof internal / sizeof *internal; i++) {
        MR_CHECK(mr_topic_is_internal(internal[i], "shop.dlq"));
        MR_CHECK(target_of(internal[i]) == NULL);
    }
    MR_CHECK(target_of("shop.public.transaction") != NULL); /* a table of that name */
    mr_targets_release(&f.targets);
    f.made = false;
    rule_add("shop.transaction", NULL);
    MR_CHECK_STR(target_of("shop.transaction")->name, "transaction");
}

/* I-08 */
MR_TEST("two topics that give one table collide, unless both routes share it")
{
    struct mr_route_rule *rule = rule_add(NULL, "eu\\.orders|us\\.orders");

    rule->table = "orders";
    MR_CHECK(target_of("eu.orders") != NULL);
    MR_CHECK(target_of("us.orders") == NULL);
    MR_CHECK_INT(f.err.code, MR_IDENTIFIER_COLLISION);
    MR_CHECK_STR(f.err.table, "orders");
    MR_CHECK(target_of("eu.orders") != NULL); /* a second partition of the first topic */
    rule->table_shared = true;
    MR_CHECK(target_of("us.orders") == target_of("eu.orders"));
}

/* I-08: both are public.orders */
MR_TEST("a table without a schema collides with the same one of the default schema")
{
    rule_add("shop.public.orders", NULL);
    rule_add("orders", NULL);
    MR_CHECK(target_of("shop.public.orders") != NULL);
    f.targets.default_schema = "public";
    MR_CHECK(target_of("orders") == NULL);
    MR_CHECK_INT(f.err.code, MR_IDENTIFIER_COLLISION);
    f.targets.default_schema = "sales";
    MR_CHECK(target_of("orders") != NULL);
}

/* I-03 */
MR_TEST("a name too long for the target is cut with a hash, one that is empty halts")
{
    static const char long_name[] =
        "a_name_that_is_longer_than_the_sixty_three_bytes_which_a_server_takes";

    rule_add("a", NULL)->table = long_name;
    rule_add(NULL, "b(c)?")->table = "$1";
    MR_CHECK_U64(strlen(target_of("a")->name), 63);
    MR_CHECK(target_of("b") == NULL);
    MR_CHECK_INT(f.err.code, MR_IDENTIFIER_INVALID);
}

static struct mr_err refusal(const char *detail)
{
    struct mr_err err = MR_ERR_INIT;

    mr_err_set(&err, MR_TARGET_PRIVILEGE, "%s", detail);
    return err;
}

/* */
MR_TEST("a halted table is probed after 5 s, then ever more rarely up to 60 s")
{
    static const uint32_t delays[] = {5000, 10000, 20000, 40000, 60000, 60000};
    struct mr_err err = refusal("no");
    uint64_t now_ms = 1000;
    uint32_t wait_ms = 0;

    rule_add("t", NULL);
    struct mr_target *target = target_of("t");
    MR_CHECK_OK(mr_target_fault(target, now_ms, &wait_ms, &f.err));
    for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
        MR_CHECK_U64(mr_target_halt(target, &err, now_ms), delays[i]);
        MR_CHECK_INT(mr_target_fault(target, now_ms + 1, &wait_ms, &f.err), -MR_TARGET_PRIVILEGE);
        MR_CHECK_U64(wait_ms, delays[i] - 1);
        now_ms += delays[i];
        MR_CHECK_OK(mr_target_fault(target, now_ms, &wait_ms, &f.err));
    }
}

MR_TEST("partitions that meet a standing fault wait for its probe and do not push it away")
{
    struct mr_err first = refusal("first");
    struct mr_err second = refusal("second");
    uint32_t wait_ms = 0;

    rule_add("t", NULL);
    struct mr_target *target = target_of("t");
    MR_CHECK_U64(mr_target_halt(target, &first, 1000), 5000);
    uint32_t version = atomic_load(&target->version);
    for (uint64_t i = 1; i <= 20; i++)
        MR_CHECK_U64(mr_target_halt(target, &second, 1000 + i * 100), 5000 - i * 100);
    MR_CHECK_U64(atomic_load(&target->version), version);
    MR_CHECK_INT(mr_target_fault(target, 3001, &wait_ms, &f.err), -MR_TARGET_PRIVILEGE);
    MR_CHECK_STR(f.err.detail, "first");
    MR_CHECK_OK(mr_target_fault(target, 6000, &wait_ms, &f.err));
    MR_CHECK_U64(mr_target_halt(target, &second, 6000), 10000);
}

MR_TEST("a halt makes the table's plans stale, a success forgets the fault and the backoff")
{
    struct mr_err err = refusal("no");
    uint32_t wait_ms = 0;

    rule_add("t", NULL);
    struct mr_target *target = target_of("t");
    uint32_t version = atomic_load(&target->version);
    mr_target_halt(target, &err, 1000);
    MR_CHECK_U64(atomic_load(&target->version), version + 1);
    mr_target_clear(target);
    MR_CHECK(!atomic_load(&target->halted));
    MR_CHECK_OK(mr_target_fault(target, 1001, &wait_ms, &f.err));
    MR_CHECK_U64(mr_target_halt(target, &err, 2000), 5000);
}

static struct mr_target *source_target(const struct mr_route_rule *rule, const char *topic,
                                       const char *db, const char *schema, const char *table)
{
    struct mr_target *target = NULL;
    struct mr_located names = {mr_slice_str(db != NULL ? db : ""),
                               mr_slice_str(schema != NULL ? schema : ""), mr_slice_str(table)};

    if (db == NULL)
        names.db.data = NULL;
    if (schema == NULL)
        names.schema.data = NULL;
    mr_err_clear(&f.err);
    if (mr_targets_for_source(&f.targets, rule, topic, &names, &target, &f.err) < 0)
        MR_CHECK(target == NULL);
    return target;
}

/* E-30 */
MR_TEST("by source the topic has a stem without a table, and each table of the source its target")
{
    struct mr_route_rule *rule = rule_add(NULL, "shop\\.(.*)");

    rule->by_source = true;
    struct mr_target *stem = target_of("shop.all");
    MR_CHECK(stem->stem && stem->name[0] == '\0' && stem->label[0] == '\0');
    MR_CHECK(target_of("shop.more") != stem);
    MR_CHECK(target_of("shop.all") == stem);
    struct mr_target *orders = source_target(rule, "shop.all", "d", "public", "orders");
    MR_CHECK_STR(orders->label, "public.orders");
    MR_CHECK(!orders->stem && orders->rule == rule);
    MR_CHECK(source_target(rule, "shop.all", "d", "public", "orders") == orders);
    MR_CHECK_STR(source_target(rule, "shop.all", "d", NULL, "items")->label, "d.items");
    MR_CHECK_STR(source_target(rule, "shop.all", NULL, NULL, "odd.name")->label, "odd.name");
    MR_CHECK_STR(source_target(rule, "shop.all", NULL, NULL, "odd.name")->schema, "");
}

/* E-30 */
MR_TEST("by source templates are made of the topic's groups and the source's names")
{
    static const struct {
        const char *schema, *table, *want_schema, *want_name;
    } cases[] = {{NULL, "raw.$db_$table", "raw", "d_t.x"},
                 {NULL, "$schema.$1_$table", "s", "eu_t.x"},
                 {"$db", "$schema.$table", "d", "s.t.x"},
                 {"arch", NULL, "arch", "t.x"},
                 {NULL, "$$db$tables", "", "$dbt.xs"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t k = 0; k < f.n_rules; k++)
            regfree(&f.rules[k].regex);
        f.n_rules = 0;
        memset(f.rules, 0, sizeof f.rules);
        struct mr_route_rule *rule = rule_add(NULL, "shop\\.(.*)");
        rule->by_source = true;
        rule->schema = cases[i].schema;
        rule->table = cases[i].table;
        MR_CHECK(target_of("shop.eu") != NULL);
        struct mr_target *target = source_target(rule, "shop.eu", "d", "s", "t.x");
        MR_CHECK_STR(target->schema, cases[i].want_schema);
        MR_CHECK_STR(target->name, cases[i].want_name);
        mr_targets_release(&f.targets);
        f.made = false;
    }
}

/* E-30, I-08 */
MR_TEST("two tables of the source that give one collide, unless the route shares it")
{
    struct mr_route_rule *rule = rule_add("shop", NULL);

    rule->by_source = true;
    rule->table = "$table";
    MR_CHECK(target_of("shop") != NULL);
    struct mr_target *first = source_target(rule, "shop", "a", NULL, "orders");
    MR_CHECK(first != NULL);
    MR_CHECK(source_target(rule, "shop", "b", NULL, "orders") == NULL);
    MR_CHECK_INT(f.err.code, MR_IDENTIFIER_COLLISION);
    MR_CHECK(strstr(f.err.detail, "source b..orders") != NULL);
    rule->table_shared = true;
    MR_CHECK(source_target(rule, "shop", "b", NULL, "orders") == first);
}

/* Another list of targets; gives the former one. No other thread is there. */
static MR_NO_TSA struct mr_target **targets_swap(struct mr_target **all, size_t *n_all)
{
    struct mr_target **former = f.targets.all;
    size_t n_former = f.targets.n_all;

    f.targets.all = all;
    f.targets.n_all = *n_all;
    *n_all = n_former;
    return former;
}

/* E-30, I-03: names come off the wire */
MR_TEST("names that the sources make up are bounded in length and in number")
{
    struct mr_route_rule *rule = rule_add("shop", NULL);
    char name[300];

    rule->by_source = true;
    MR_CHECK(target_of("shop") != NULL);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    MR_CHECK_U64(strlen(source_target(rule, "shop", name, name, name)->name), 63);
    /* as many as there may be, without the time to make them all */
    struct mr_target *one = source_target(rule, "shop", "d", "s", "one");
    struct mr_target **full = calloc(MR_MAX_TARGETS, sizeof *full);
    size_t n_all = MR_MAX_TARGETS;
    MR_CHECK(one != NULL && full != NULL);
    for (size_t i = 0; i < MR_MAX_TARGETS; i++)
        full[i] = one;
    struct mr_target **all = targets_swap(full, &n_all);
    MR_CHECK(source_target(rule, "shop", "d", "s", "one_more") == NULL);
    MR_CHECK_INT(f.err.code, MR_ROUTE_TOO_MANY);
    MR_CHECK_INT(f.err.class, MR_CLASS_HALT);
    (void)targets_swap(all, &n_all);
    free(full);
}
