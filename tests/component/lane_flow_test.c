/* Lanes, claims and the poll loop at work: the fake source, a real SQLite target. Every test ends
 * with the source's rules kept and every record given back. */
#include <stdio.h>
#include <string.h>

#include "tests/support/flow.h"
#include "tests/support/mr_test.h"

static struct flow f;

static void begin(uint32_t n_parts, struct flow_opts opts)
{
    flow_registry_away(false);
    flow_start(&f, &opts);
    for (uint32_t i = 0; i < n_parts; i++)
        fake_source_partition(f.fake, "t", (int32_t)i, 0);
}

static void put_many(int32_t partition, int64_t first_id, int n)
{
    for (int i = 0; i < n; i++)
        flow_put(&f, partition, first_id + i, "x");
}

static void assign_all(uint32_t n_parts)
{
    for (uint32_t i = 0; i < n_parts; i++)
        fake_source_assign(f.fake, "t", (int32_t)i);
}

/* G-01 */
MR_TEST("every record of four partitions lands once, and the positions are behind the last")
{
    begin(4, (struct flow_opts){.n_lanes = 2});
    for (int32_t p = 0; p < 4; p++)
        put_many(p, p * 10000, 2500);
    assign_all(4);
    for (int32_t p = 0; p < 4; p++)
        flow_await_position(&f, p, 2500);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 10000);
    MR_CHECK_INT(flow_number(&f, "SELECT sum(next_offset) FROM millrace_positions"), 10000);
    MR_CHECK_INT(flow_stop(&f), MR_END_STOPPED);
    MR_CHECK_INT(fake_source_committed(f.fake, "t", 3), 2500);
    flow_free(&f, false);
}

MR_TEST("an append table gets every record once, in spite of a revoke in the middle")
{
    begin(2, (struct flow_opts){.n_lanes = 2, .strategy = MR_STRATEGY_APPEND, .max_rows = 100});
    put_many(0, 0, 3000);
    put_many(1, 5000, 3000);
    assign_all(2);
    flow_await_position(&f, 0, 300);
    fake_source_revoke(f.fake, "t", 0, false);
    fake_source_assign(f.fake, "t", 0);
    fake_source_revoke(f.fake, "t", 1, true);
    fake_source_assign(f.fake, "t", 1);
    flow_await_position(&f, 0, 3000);
    flow_await_position(&f, 1, 3000);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 6000);
    MR_CHECK_INT(flow_number(&f, "SELECT count(DISTINCT id) FROM t"), 6000);
    MR_CHECK_INT(flow_stop(&f), MR_END_STOPPED);
    flow_free(&f, false);
}

/* case 29 */
MR_TEST("a poison record is put aside in the same transaction, its neighbours land")
{
    static const uint8_t bad[] = {0, 0, 0, 0, 1, 100, 2, 'x', 9};

    begin(1, (struct flow_opts){.n_lanes = 1});
    put_many(0, 0, 50);
    flow_put_bytes(&f, 0, 50, (struct mr_slice){bad, sizeof bad});
    put_many(0, 51, 49);
    assign_all(1);
    flow_await_position(&f, 0, 100);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 99);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM millrace_dead_letters WHERE "
                                 "code = 'avro.trailing' AND \"offset\" = 50"),
                 1);
    flow_stop(&f);
    flow_free(&f, false);
}

/* case 30 */
MR_TEST(
    "with on_bad_record = stop everything before the record lands, and the partition waits at it")
{
    static const uint8_t bad[] = {0, 0};

    begin(2, (struct flow_opts){.n_lanes = 1, .on_bad = MR_ON_BAD_STOP});
    put_many(0, 0, 50);
    flow_put_bytes(&f, 0, 50, (struct mr_slice){bad, sizeof bad});
    put_many(0, 51, 10);
    put_many(1, 1000, 500);
    assign_all(2);
    flow_await_state(&f, 0, MR_PART_HALTED);
    flow_await_position(&f, 0, 50);
    flow_await_position(&f, 1, 500);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 550);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM millrace_dead_letters"), 0);
    flow_stop(&f);
    flow_free(&f, false);
}

/* H-01 */
MR_TEST("a registry that is away holds the partition; nothing is lost when it comes back")
{
    begin(1, (struct flow_opts){.n_lanes = 1});
    flow_registry_away(true);
    put_many(0, 0, 200);
    assign_all(1);
    flow_await_state(&f, 0, MR_PART_HELD);
    flow_registry_away(false);
    flow_await_position(&f, 0, 200);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 200);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM millrace_dead_letters"), 0);
    flow_stop(&f);
    flow_free(&f, false);
}

/* F-16 */
MR_TEST("a gap at the end of the log moves the position to the end")
{
    begin(1, (struct flow_opts){.n_lanes = 1});
    put_many(0, 0, 10);
    fake_source_gap(f.fake, "t", 0, 3);
    put_many(0, 10, 10);
    fake_source_gap(f.fake, "t", 0, 1);
    assign_all(1);
    flow_await_position(&f, 0, 24);
    MR_CHECK_INT(flow_number(&f, "SELECT next_offset FROM millrace_positions"), 24);
    flow_stop(&f);
    flow_free(&f, false);
}

/* G-02: the target's position decides, not the group's commit */
MR_TEST("a second run goes on where the first one stopped")
{
    char dir[64];

    begin(1, (struct flow_opts){.n_lanes = 1, .strategy = MR_STRATEGY_APPEND});
    put_many(0, 0, 100);
    assign_all(1);
    flow_await_position(&f, 0, 100);
    flow_stop(&f);
    snprintf(dir, sizeof dir, "%s", f.dir);
    flow_free(&f, true);
    begin(1, (struct flow_opts){.n_lanes = 1, .strategy = MR_STRATEGY_APPEND, .dir = dir});
    put_many(0, 0, 150);
    assign_all(1);
    flow_await_position(&f, 0, 150);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 150);
    flow_stop(&f);
    flow_free(&f, false);
}

/* the new process has met no value of the topic */
MR_TEST("a restart between a delete and its tombstone adds no row to an append table")
{
    char dir[64];

    begin(1, (struct flow_opts){.n_lanes = 1, .strategy = MR_STRATEGY_APPEND});
    flow_put_envelope(&f, 0, 7, 'c');
    flow_put_envelope(&f, 0, 7, 'd');
    assign_all(1);
    flow_await_position(&f, 0, 2);
    flow_stop(&f);
    MR_CHECK_INT(flow_number(&f, "SELECT envelope FROM millrace_positions"), 1);
    snprintf(dir, sizeof dir, "%s", f.dir);
    flow_free(&f, true);
    begin(1, (struct flow_opts){.n_lanes = 1, .strategy = MR_STRATEGY_APPEND, .dir = dir});
    flow_put_envelope(&f, 0, 7, 'c');
    flow_put_envelope(&f, 0, 7, 'd');
    flow_put_bytes(&f, 0, 7, (struct mr_slice){NULL, 0});
    assign_all(1);
    flow_await_position(&f, 0, 3);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 2);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t WHERE _op = 'd'"), 1);
    flow_stop(&f);
    flow_free(&f, false);
}

/* */
MR_TEST("after a restart a tombstone of a plain topic still is a row of an append table")
{
    char dir[64];

    begin(1, (struct flow_opts){.n_lanes = 1, .strategy = MR_STRATEGY_APPEND});
    put_many(0, 7, 1);
    assign_all(1);
    flow_await_position(&f, 0, 1);
    flow_stop(&f);
    snprintf(dir, sizeof dir, "%s", f.dir);
    flow_free(&f, true);
    begin(1, (struct flow_opts){.n_lanes = 1, .strategy = MR_STRATEGY_APPEND, .dir = dir});
    put_many(0, 7, 1);
    flow_put_bytes(&f, 0, 7, (struct mr_slice){NULL, 0});
    assign_all(1);
    flow_await_position(&f, 0, 2);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t WHERE _op = 'd'"), 1);
    flow_stop(&f);
    flow_free(&f, false);
}

/* R-20; case 77 */
MR_TEST("a truncate of the only partition empties the table at its place among the records")
{
    begin(1, (struct flow_opts){.n_lanes = 1, .max_rows = 3});
    for (int64_t id = 0; id < 8; id++)
        flow_put_envelope(&f, 0, id, 'c');
    flow_put_envelope(&f, 0, 0, 't');
    for (int64_t id = 8; id < 10; id++)
        flow_put_envelope(&f, 0, id, 'c');
    assign_all(1);
    flow_await_position(&f, 0, 11);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 2);
    MR_CHECK_INT(flow_number(&f, "SELECT min(id) FROM t"), 8);
    flow_stop(&f);
    flow_free(&f, false);
}

/* R-21; case 78 */
MR_TEST("a truncate of a topic with two partitions halts at its place, and the other goes on")
{
    begin(2, (struct flow_opts){.n_lanes = 1});
    flow_put_envelope(&f, 0, 1, 'c');
    flow_put_envelope(&f, 0, 1, 't');
    flow_put_envelope(&f, 1, 2, 'c');
    assign_all(2);
    flow_await_state(&f, 0, MR_PART_HALTED);
    flow_await_position(&f, 0, 1);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t WHERE id = 1"), 1);
    flow_stop(&f);
    flow_free(&f, false);
}

/* */
MR_TEST("a truncate of a table that several topics fill halts")
{
    begin(1, (struct flow_opts){.n_lanes = 1});
    f.rule.table_shared = true;
    flow_put_envelope(&f, 0, 1, 'c');
    flow_put_envelope(&f, 0, 1, 't');
    assign_all(1);
    flow_await_state(&f, 0, MR_PART_HALTED);
    struct mr_err err;
    mr_partition_last_err(mr_partitions_find(&f.partitions, "t", 0), &err);
    MR_CHECK_INT(err.code, MR_TRUNCATE_SHARED_TARGET);
    flow_stop(&f);
    flow_free(&f, false);
}

/* a truncate is one table's, and one table's alone */
MR_TEST("a truncate leaves the other tables of its batch as they are")
{
    begin(0, (struct flow_opts){.n_lanes = 1, .any_topic = true});
    fake_source_partition(f.fake, "t", 0, 0);
    fake_source_partition(f.fake, "other", 0, 0);
    flow_put_to(&f, "other", 0, 1, "x");
    flow_put_envelope(&f, 0, 1, 'c');
    flow_put_envelope(&f, 0, 1, 't');
    fake_source_assign(f.fake, "other", 0);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position_of(&f, "other", 0, 1);
    flow_await_position_of(&f, "t", 0, 2);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM other"), 1);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 0);
    flow_stop(&f);
    flow_free(&f, false);
}

/* R-11, E-13 */
MR_TEST("a change of the key that is cut between two batches moves the row")
{
    begin(1, (struct flow_opts){.n_lanes = 1, .max_rows = 1});
    flow_put_envelope(&f, 0, 1, 'c');
    flow_put_envelope(&f, 0, 1, 'd');
    flow_put_bytes(&f, 0, 1, (struct mr_slice){NULL, 0});
    flow_put_envelope(&f, 0, 2, 'c');
    assign_all(1);
    flow_await_position(&f, 0, 4);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 1);
    MR_CHECK_INT(flow_number(&f, "SELECT id FROM t"), 2);
    flow_stop(&f);
    flow_free(&f, false);
}

static void put_history(struct flow *flow, int32_t n_parts)
{
    for (int32_t p = 0; p < n_parts; p++) {
        fake_source_partition(flow->fake, "t", p, 0);
        for (int i = 0; i < 20; i++)
            flow_put(flow, p, p * 100 + i, "old");
    }
}

/* K-06 */
MR_TEST(
    "with start = latest the second of two instances loads no history, a new partition loads all")
{
    static struct flow second;
    struct flow_opts opts = {.n_lanes = 1, .start = MR_START_LATEST};

    flow_registry_away(false);
    flow_start(&f, &opts);
    opts.dir = f.dir;
    flow_start(&second, &opts);
    put_history(&f, 4);
    put_history(&second, 4);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 20);
    fake_source_assign(second.fake, "t", 3);
    flow_await_position(&second, 3, 20);
    flow_put(&second, 3, 399, "new");
    flow_await_position(&second, 3, 21);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 1);
    /* the topic grows */
    fake_source_partition(f.fake, "t", 4, 0);
    flow_put(&f, 4, 400, "added");
    fake_source_assign(f.fake, "t", 4);
    flow_await_position(&f, 4, 1);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 2);
    /* there from the beginning, claimed only now */
    fake_source_assign(f.fake, "t", 1);
    flow_await_position(&f, 1, 20);
    flow_put(&f, 1, 199, "new");
    flow_await_position(&f, 1, 21);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 3);
    flow_stop(&second);
    flow_free(&second, true);
    flow_stop(&f);
    flow_free(&f, false);
}

/* K-05, case 159 */
MR_TEST("a position below the log's start halts the partition and loads nothing")
{
    char dir[64];

    begin(1, (struct flow_opts){.n_lanes = 1});
    put_many(0, 0, 100);
    assign_all(1);
    flow_await_position(&f, 0, 100);
    flow_stop(&f);
    snprintf(dir, sizeof dir, "%s", f.dir);
    flow_free(&f, true);
    flow_registry_away(false);
    struct flow_opts opts = {.n_lanes = 1, .dir = dir};
    flow_start(&f, &opts);
    fake_source_partition(f.fake, "t", 0, 0);
    put_many(0, 0, 300);
    fake_source_retain(f.fake, "t", 0, 150);
    assign_all(1);
    flow_await_state(&f, 0, MR_PART_HALTED);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 100);
    flow_stop(&f);
    flow_free(&f, false);
}

/* G-03, case 163 */
MR_TEST("an owner whose position was claimed by another is fenced, and doubles nothing")
{
    struct mr_claim claim;
    struct mr_err err = MR_ERR_INIT;

    begin(1, (struct flow_opts){.n_lanes = 1, .strategy = MR_STRATEGY_APPEND});
    put_many(0, 0, 100);
    assign_all(1);
    flow_await_position(&f, 0, 100);
    memset(&claim, 0, sizeof claim);
    snprintf(claim.position.stream, sizeof claim.position.stream, "t");
    claim.position.slots = 1;
    claim.start_offset = -1;
    MR_CHECK_OK(f.sink->ops->claim(f.sink, &claim, 1, &err));
    put_many(0, 100, 100);
    flow_await_position(&f, 0, 200);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 200);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_fenced), 1);
    flow_stop(&f);
    flow_free(&f, false);
}

MR_TEST("seeks that the client refuses are tried again")
{
    begin(1, (struct flow_opts){.n_lanes = 1});
    fake_source_refuse_seeks(f.fake, 5);
    put_many(0, 0, 10);
    assign_all(1);
    flow_await_position(&f, 0, 10);
    flow_stop(&f);
    flow_free(&f, false);
}

/* K-10, K-03: the log itself has nothing to say against the position */
MR_TEST("an error of the source that comes back from the same offset halts its partition")
{
    begin(2, (struct flow_opts){.n_lanes = 2});
    put_many(0, 0, 10);
    fake_source_fail_reads(f.fake, 1 << 30, MR_SOURCE_CORRUPT);
    fake_source_assign(f.fake, "t", 0);
    flow_await_state(&f, 0, MR_PART_HALTED);
    struct mr_err err;
    mr_partition_last_err(mr_partitions_find(&f.partitions, "t", 0), &err);
    MR_CHECK_INT(err.code, MR_SOURCE_CORRUPT);
    flow_stop(&f);
    flow_free(&f, false);
}

MR_TEST("an error of the source that passes is gone past, without a loss")
{
    begin(1, (struct flow_opts){.n_lanes = 1, .strategy = MR_STRATEGY_APPEND});
    put_many(0, 0, 10);
    fake_source_fail_reads(f.fake, 3, MR_SOURCE_CORRUPT);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 10);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 10);
    flow_stop(&f);
    flow_free(&f, false);
}

MR_TEST("a stop under load flushes what was gathered, and nothing is read twice afterwards")
{
    char dir[64];

    begin(2, (struct flow_opts){.n_lanes = 2, .strategy = MR_STRATEGY_APPEND, .max_rows = 200});
    put_many(0, 0, 4000);
    put_many(1, 10000, 4000);
    assign_all(2);
    flow_await_position(&f, 0, 400);
    MR_CHECK_INT(flow_stop(&f), MR_END_STOPPED);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"),
                 flow_number(&f, "SELECT sum(next_offset) FROM millrace_positions"));
    snprintf(dir, sizeof dir, "%s", f.dir);
    flow_free(&f, true);
    begin(2, (struct flow_opts){.n_lanes = 2, .strategy = MR_STRATEGY_APPEND, .dir = dir});
    put_many(0, 0, 4000);
    put_many(1, 10000, 4000);
    assign_all(2);
    flow_await_position(&f, 0, 4000);
    flow_await_position(&f, 1, 4000);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 8000);
    MR_CHECK_INT(flow_number(&f, "SELECT count(DISTINCT id) FROM t"), 8000);
    flow_stop(&f);
    flow_free(&f, false);
}
