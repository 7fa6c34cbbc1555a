/* What the words of `millrace positions` mean, and that a position which an instance takes back in
 * between is put all the same, or not at all. */
#include "consumer/placing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/mr_test.h"

MR_TEST("a pick is a topic, or one partition of it")
{
    static const struct {
        const char *word;
        int rc;
        int32_t partition;
    } cases[] = {
        {"orders", 0, -1},
        {"orders/0", 0, 0},
        {"orders/2147483647", 0, INT32_MAX},
        {"orders/2147483648", -MR_CONFIG_USAGE, 0},
        {"orders/-1", -MR_CONFIG_USAGE, 0},
        {"orders/", -MR_CONFIG_USAGE, 0},
        {"orders/x", -MR_CONFIG_USAGE, 0},
        {"orders/1/2", -MR_CONFIG_USAGE, 0},
        {"", -MR_CONFIG_USAGE, 0},
        {"/3", -MR_CONFIG_USAGE, 0},
    };
    struct mr_pick pick;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mr_err err = MR_ERR_INIT;
        MR_CHECK_INT(mr_pick_parse(cases[i].word, &pick, &err), cases[i].rc);
        if (cases[i].rc < 0)
            continue;
        MR_CHECK_STR(pick.stream, "orders");
        MR_CHECK_INT(pick.partition, cases[i].partition);
    }
    char longest[300];
    struct mr_err err = MR_ERR_INIT;
    memset(longest, 'x', sizeof longest);
    longest[MR_STREAM_NAME_BYTES] = '\0';
    MR_CHECK_INT(mr_pick_parse(longest, &pick, &err), -MR_CONFIG_USAGE);
    longest[MR_STREAM_NAME_BYTES - 1] = '\0';
    MR_CHECK_OK(mr_pick_parse(longest, &pick, &err));
}

MR_TEST("picks meet their topic's partitions, and without picks each is met")
{
    struct mr_pick picks[] = {{"orders", 2}, {"items", -1}};
    struct mr_position at = {.stream = "orders", .partition = 2};

    MR_CHECK(mr_pick_meets(picks, 2, &at));
    at.partition = 1;
    MR_CHECK(!mr_pick_meets(picks, 2, &at));
    MR_CHECK(mr_pick_meets(picks, 0, &at));
    at = (struct mr_position){.stream = "items", .partition = 7};
    MR_CHECK(mr_pick_meets(picks, 2, &at));
    at = (struct mr_position){.stream = "orders.old", .partition = 2};
    MR_CHECK(!mr_pick_meets(picks, 2, &at));
}

MR_TEST("a place is an end of the log, an offset, or a time")
{
    static const struct {
        const char *word;
        int rc;
        int to;
        int64_t value;
    } cases[] = {
        {"earliest", 0, MR_PLACE_EARLIEST, -1},
        {"latest", 0, MR_PLACE_LATEST, -1},
        {"0", 0, MR_PLACE_OFFSET, 0},
        {"9223372036854775807", 0, MR_PLACE_OFFSET, INT64_MAX},
        {"9223372036854775808", -MR_CONFIG_USAGE, 0, 0},
        {"-1", -MR_CONFIG_USAGE, 0, 0},
        {"2025-01-03", 0, MR_PLACE_TIMESTAMP, 1735862400000},
        {"2025-01-03T00:00:01Z", 0, MR_PLACE_TIMESTAMP, 1735862401000},
        {"committed", -MR_CONFIG_USAGE, 0, 0},
        {"", -MR_CONFIG_USAGE, 0, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mr_place_rule rule;
        struct mr_err err = MR_ERR_INIT;
        MR_CHECK_INT(mr_place_rule_parse(cases[i].word, &rule, &err), cases[i].rc);
        if (cases[i].rc < 0)
            continue;
        MR_CHECK_INT(rule.to, cases[i].to);
        MR_CHECK_INT(rule.value, cases[i].value);
    }
}

/* ---- a target whose positions an instance claims again ---- */

static struct {
    struct mr_sink sink;
    int64_t epoch;
    int n_stolen; /* so many claims are followed by one of the instance */
    int n_claims;
    int64_t next;
} target;

static int target_claim(struct mr_sink *sink, struct mr_claim *claims, size_t n, struct mr_err *err)
{
    (void)sink;
    (void)err;
    target.n_claims++;
    target.epoch++;
    for (size_t i = 0; i < n; i++)
        claims[i].position.epoch = target.epoch;
    if (target.n_claims <= target.n_stolen)
        target.epoch++;
    return 0;
}

static int target_place(struct mr_sink *sink, const struct mr_position *positions, size_t n,
                        struct mr_err *err)
{
    (void)sink;
    for (size_t i = 0; i < n; i++)
        if (positions[i].epoch != target.epoch)
            return mr_err_set(err, MR_FENCED, "claimed again");
    target.next = positions[n - 1].next_offset;
    return 0;
}

static int apply(int n_stolen)
{
    static const struct mr_sink_ops ops = {.claim = target_claim, .place = target_place};
    struct mr_placement item = {.to = {.stream = "orders", .next_offset = 7}};
    struct mr_placing placing = {&item, 1, 1};
    struct mr_ends ends = {.sink = &target.sink};
    struct mr_err err = MR_ERR_INIT;

    memset(&target, 0, sizeof target);
    target.sink.ops = &ops;
    target.n_stolen = n_stolen;
    target.next = -1;
    int rc = mr_placing_apply(&ends, &placing, &err);
    MR_CHECK_INT(rc, -(int)err.code);
    return rc;
}

/* G-03 */
MR_TEST("an instance that claims in between is fenced again, five times at most")
{
    MR_CHECK_OK(apply(0));
    MR_CHECK_INT(target.n_claims, 1);
    MR_CHECK_INT(target.next, 7);
    MR_CHECK_OK(apply(4));
    MR_CHECK_INT(target.n_claims, 5);
    MR_CHECK_INT(target.next, 7);
    MR_CHECK_INT(apply(5), -MR_FENCED);
    MR_CHECK_INT(target.n_claims, 5);
    MR_CHECK_INT(target.next, -1);
}

MR_TEST("without positions the target is not asked")
{
    struct mr_placing placing = {NULL, 0, 0};
    struct mr_ends ends = {.sink = &target.sink};
    struct mr_err err = MR_ERR_INIT;

    memset(&target, 0, sizeof target);
    MR_CHECK_OK(mr_placing_apply(&ends, &placing, &err));
    MR_CHECK_INT(target.n_claims, 0);
}
