/* Where to start, whether a stored position still fits its log, and what it says of a batch in
 * doubt. */
#include "consumer/protocol/position.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/mr_test.h"

static const struct mr_log_facts log_facts = {.low = 10,
                                              .high = 100,
                                              .committed = -1,
                                              .committed_leader_epoch = -1,
                                              .at_timestamp = 50,
                                              .stream_id = "tA",
                                              .cluster_id = "cA"};

static struct mr_position stored_at(int64_t next)
{
    struct mr_position p = {.partition = 0, .slots = 1, .next_offset = next, .epoch = 3};

    snprintf(p.stream, sizeof p.stream, "orders");
    snprintf(p.stream_id, sizeof p.stream_id, "tA");
    snprintf(p.cluster_id, sizeof p.cluster_id, "cA");
    return p;
}

static int64_t start_of(enum mr_start start, bool added_later, int64_t committed)
{
    struct mr_start_rule rule = {.start = start, .added_later = added_later};
    struct mr_log_facts facts = log_facts;
    int64_t offset = -1;
    int32_t epoch;
    struct mr_err err = MR_ERR_INIT;

    facts.committed = committed;
    MR_CHECK_OK(mr_position_start(&rule, &facts, &offset, &epoch, &err));
    return offset;
}

/* K-06 */
MR_TEST("without a position the start rule decides")
{
    MR_CHECK_INT(start_of(MR_START_EARLIEST, false, -1), 10);
    MR_CHECK_INT(start_of(MR_START_LATEST, false, -1), 100);
    MR_CHECK_INT(start_of(MR_START_TIMESTAMP, false, -1), 50);
    MR_CHECK_INT(start_of(MR_START_COMMITTED, false, 42), 42);
    MR_CHECK_INT(start_of(MR_START_COMMITTED, false, -1), 10);
}

/* K-06 */
MR_TEST("a partition added later starts at its beginning whatever the rule says")
{
    MR_CHECK_INT(start_of(MR_START_LATEST, true, -1), 10);
    MR_CHECK_INT(start_of(MR_START_TIMESTAMP, true, -1), 10);
}

/* Rows of "orders" whose topic had so many partitions when each was made. */
static bool added_later(const int32_t *counts, size_t n, int32_t partition)
{
    struct mr_position stored[4] = {0};

    for (size_t i = 0; i < n; i++) {
        stored[i] = stored_at(5);
        stored[i].partition = (int32_t)i;
        stored[i].topic_partitions = counts[i];
    }
    return mr_position_added_later(stored, n, "orders", partition);
}

/* K-06: another instance claims it, or its first claim failed */
MR_TEST("a partition that was there at the first start is not added later, whoever claims it when")
{
    static const int32_t counts[] = {4, 4};

    MR_CHECK(!added_later(NULL, 0, 3));
    MR_CHECK(!added_later(counts, 2, 2));
    MR_CHECK(!added_later(counts, 2, 3));
    MR_CHECK(added_later(counts, 2, 4));
}

/* K-06 */
MR_TEST("the smallest number of partitions among the topic's rows is the first start's")
{
    static const int32_t grown[] = {6, 4, 0, 6};

    MR_CHECK(!added_later(grown, 4, 3));
    MR_CHECK(added_later(grown, 4, 4));
    MR_CHECK(added_later(grown, 4, 5));
}

/* K-06 */
MR_TEST("where no row tells the number, a partition without one counts as added later")
{
    static const int32_t unknown[] = {0, 0};

    MR_CHECK(added_later(unknown, 2, 2));
}

MR_TEST("the rows of another topic say nothing about a partition")
{
    struct mr_position other = stored_at(5);

    snprintf(other.stream, sizeof other.stream, "orders2");
    MR_CHECK(!mr_position_added_later(&other, 1, "orders", 7));
    other.topic_partitions = 2;
    MR_CHECK(!mr_position_added_later(&other, 1, "orders", 7));
}

MR_TEST("a time stamp behind the last record starts at the end")
{
    struct mr_start_rule rule = {.start = MR_START_TIMESTAMP};
    struct mr_log_facts facts = log_facts;
    int64_t offset;
    int32_t epoch;
    struct mr_err err = MR_ERR_INIT;

    facts.at_timestamp = -1;
    MR_CHECK_OK(mr_position_start(&rule, &facts, &offset, &epoch, &err));
    MR_CHECK_INT(offset, 100);
}

MR_TEST("a commit of ours without a position halts: the target was restored empty")
{
    static const enum mr_start lossy[] = {MR_START_COMMITTED, MR_START_LATEST, MR_START_TIMESTAMP};
    struct mr_start_rule rule = {.start = MR_START_EARLIEST};
    struct mr_log_facts facts = log_facts;
    int64_t offset;
    int32_t epoch;
    struct mr_err err = MR_ERR_INIT;

    facts.committed = 42;
    facts.committed_is_ours = true;
    for (size_t i = 0; i < sizeof lossy / sizeof *lossy; i++) {
        struct mr_start_rule stepping = {.start = lossy[i]};
        MR_CHECK_INT(mr_position_start(&stepping, &facts, &offset, &epoch, &err),
                     -MR_SOURCE_POSITION_MISSING);
        MR_CHECK_INT(err.class, MR_CLASS_HALT);
    }
    MR_CHECK_OK(mr_position_start(&rule, &facts, &offset, &epoch, &err));
    MR_CHECK_INT(offset, 10);
}

static int check(int64_t next, bool go_on, const char *stream_id, int64_t *offset)
{
    struct mr_position stored = stored_at(next);
    struct mr_start_rule rule = {.continue_on_loss = go_on};
    struct mr_log_facts facts = log_facts;
    struct mr_err err = MR_ERR_INIT;

    facts.stream_id = stream_id;
    return mr_position_check(&stored, &rule, &facts, offset, &err);
}

/* K-05, case 159 */
MR_TEST("a position below the log's start is a gap, and moves only with on_data_loss")
{
    int64_t offset = 0;

    MR_CHECK_INT(check(9, false, "tA", &offset), -MR_SOURCE_GAP);
    MR_CHECK_OK(check(9, true, "tA", &offset));
    MR_CHECK_INT(offset, 10);
    MR_CHECK_OK(check(10, false, "tA", &offset));
    MR_CHECK_INT(offset, 10);
}

/* K-05 */
MR_TEST("a position above the log's end halts even with on_data_loss")
{
    int64_t offset = 0;

    MR_CHECK_OK(check(100, false, "tA", &offset));
    MR_CHECK_INT(check(101, true, "tA", &offset), -MR_SOURCE_TRUNCATED);
}

/* K-05: after an unclean election */
MR_TEST("a position whose log was cut below it halts, however far the log has grown since")
{
    struct mr_position stored = stored_at(90);
    struct mr_start_rule rule = {.continue_on_loss = true};
    struct mr_log_facts facts = log_facts;
    struct mr_err err = MR_ERR_INIT;
    int64_t offset = 0;

    stored.leader_epoch = 4;
    facts.cut_at = 90;
    facts.cut_epoch = 4;
    facts.cut_end = 70;
    MR_CHECK_OK(mr_position_check(&stored, &rule, &facts, &offset, &err));
    facts.is_cut = true;
    MR_CHECK_INT(mr_position_check(&stored, &rule, &facts, &offset, &err), -MR_SOURCE_TRUNCATED);
    MR_CHECK(strstr(err.detail, "epoch 4 from offset 70 to the position 90 any more") != NULL);
    facts.cut_end = -1;
    MR_CHECK_INT(mr_position_check(&stored, &rule, &facts, &offset, &err), -MR_SOURCE_TRUNCATED);
    MR_CHECK(strstr(err.detail, "epoch 4 before the position 90 any more") != NULL);
    stored.next_offset = 80; /* another one is for the brokers to judge */
    MR_CHECK_OK(mr_position_check(&stored, &rule, &facts, &offset, &err));
    stored.next_offset = 90;
    stored.leader_epoch = -1; /* put by hand */
    MR_CHECK_OK(mr_position_check(&stored, &rule, &facts, &offset, &err));
}

/* K-04, case 160 */
MR_TEST("another topic id halts, an unknown one does not")
{
    int64_t offset = 0;

    MR_CHECK_INT(check(50, false, "tB", &offset), -MR_SOURCE_TOPIC_RECREATED);
    MR_CHECK_OK(check(50, false, "", &offset));
    MR_CHECK_OK(check(50, false, NULL, &offset));
}

MR_TEST("another cluster id halts before anything else is compared")
{
    struct mr_position stored = stored_at(5);
    struct mr_start_rule rule = {0};
    struct mr_log_facts facts = log_facts;
    struct mr_err err = MR_ERR_INIT;
    int64_t offset;

    facts.cluster_id = "cB";
    MR_CHECK_INT(mr_position_check(&stored, &rule, &facts, &offset, &err),
                 -MR_SOURCE_CLUSTER_CHANGED);
}

/* ---- by hand ---- */

static int place(const struct mr_place_rule *rule, const struct mr_log_facts *log, bool is_stored,
                 struct mr_position *out)
{
    struct mr_position stored = stored_at(42);
    struct mr_err err = MR_ERR_INIT;

    stored.leader_epoch = 5;
    stored.timestamp_ms = 77;
    stored.envelope = true;
    stored.topic_partitions = 2;
    *out = stored;
    if (!is_stored)
        *out = (struct mr_position){.partition = 3, .slots = 1};
    return mr_position_place(rule, is_stored ? &stored : NULL, log, out, &err);
}

MR_TEST("a position is put at either end, at an offset within the log, or by the time")
{
    static const struct {
        struct mr_place_rule rule;
        int rc;
        int64_t at;
    } cases[] = {
        {{MR_PLACE_EARLIEST, -1, false}, 0, 10},
        {{MR_PLACE_LATEST, -1, false}, 0, 100},
        {{MR_PLACE_TIMESTAMP, 1700000000000, false}, 0, 50},
        {{MR_PLACE_OFFSET, 10, false}, 0, 10},
        {{MR_PLACE_OFFSET, 100, false}, 0, 100},
        {{MR_PLACE_OFFSET, 9, false}, -MR_CONFIG_USAGE, -1},
        {{MR_PLACE_OFFSET, 101, false}, -MR_CONFIG_USAGE, -1},
        {{MR_PLACE_OFFSET, 101, true}, -MR_CONFIG_USAGE, -1},
    };
    struct mr_position out;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        MR_CHECK_INT(place(&cases[i].rule, &log_facts, true, &out), cases[i].rc);
        if (cases[i].rc < 0)
            continue;
        MR_CHECK_INT(out.next_offset, cases[i].at);
        MR_CHECK_INT(out.leader_epoch, -1); /* that of the record before is not known */
        MR_CHECK_INT(out.timestamp_ms, -1);
        MR_CHECK(out.envelope);
    }
    struct mr_log_facts later = log_facts;
    later.at_timestamp = -1;
    MR_CHECK_OK(place(&cases[2].rule, &later, true, &out));
    MR_CHECK_INT(out.next_offset, 100);
}

/* K-04 */
MR_TEST("set stays within its log; reset takes the log of now, and what is known of it")
{
    struct mr_log_facts other = log_facts;
    struct mr_place_rule set = {MR_PLACE_EARLIEST, -1, false};
    struct mr_place_rule reset = {MR_PLACE_EARLIEST, -1, true};
    struct mr_position out;

    other.stream_id = "tB";
    other.n_partitions = 6;
    MR_CHECK_INT(place(&set, &other, true, &out), -MR_SOURCE_TOPIC_RECREATED);
    MR_CHECK_OK(place(&reset, &other, true, &out));
    MR_CHECK_STR(out.stream_id, "tB");
    MR_CHECK_INT(out.topic_partitions, 6);
    MR_CHECK(!out.envelope);
    other.cluster_id = "cB";
    MR_CHECK_INT(place(&set, &other, true, &out), -MR_SOURCE_CLUSTER_CHANGED);
    other.stream_id = "";
    MR_CHECK_OK(place(&reset, &other, true, &out));
    MR_CHECK_STR(out.cluster_id, "cB");
    MR_CHECK_STR(out.stream_id, "");
    MR_CHECK_OK(place(&set, &log_facts, false, &out));
    MR_CHECK_STR(out.stream_id, "tA");
    MR_CHECK_STR(out.cluster_id, "cA");
}

/* ---- Q-01 ---- */

static struct mr_span span_of(int32_t partition, int64_t expected, int64_t next)
{
    return (struct mr_span){.stream = "orders",
                            .partition = partition,
                            .slots = 1,
                            .epoch = 3,
                            .expected = expected,
                            .next = next};
}

MR_TEST("a commit in doubt landed if every position stands at the batch's end")
{
    struct mr_span spans[] = {span_of(0, 10, 20), span_of(1, 5, 6)};
    struct mr_position stored[] = {stored_at(20), stored_at(6)};

    stored[1].partition = 1;
    MR_CHECK_INT(mr_position_settle(spans, 2, stored, 2), MR_SETTLED_LANDED);
    stored[0].next_offset = 10;
    stored[1].next_offset = 5;
    MR_CHECK_INT(mr_position_settle(spans, 2, stored, 2), MR_SETTLED_ABSENT);
}

MR_TEST("a mixture, another epoch or a missing row means that another owner was there")
{
    struct mr_span spans[] = {span_of(0, 10, 20), span_of(1, 5, 6)};
    struct mr_position stored[] = {stored_at(20), stored_at(5)};

    stored[1].partition = 1;
    MR_CHECK_INT(mr_position_settle(spans, 2, stored, 2), MR_SETTLED_MOVED);
    stored[1].next_offset = 6;
    stored[1].epoch = 4;
    MR_CHECK_INT(mr_position_settle(spans, 2, stored, 2), MR_SETTLED_MOVED);
    MR_CHECK_INT(mr_position_settle(spans, 2, stored, 1), MR_SETTLED_MOVED);
}
