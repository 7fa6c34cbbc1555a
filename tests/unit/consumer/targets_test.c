/* Routes at work: which table a topic's records go to, and what a table's fault does (design.md
 * section 5). */
#include "consumer/targets.h"

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
