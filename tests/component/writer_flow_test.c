/* What the writer does when the target refuses, stalls, or does not answer: a service with a faulty
 * sink around a SQLite file. Tables are appended to, so that a record that is written twice shows.
 */
#include <stdio.h>
#include <string.h>

#include "tests/support/flow.h"
#include "tests/support/mr_test.h"
#include "tests/support/writer_case.h"

enum { FOR_EVER = 1 << 30 };

static struct flow f;

/* Their plans are made one after the other; they must agree on the table all the same. */
MR_TEST("rows and tombstones of a table share their batches")
{
    writer_begin(&f, 1, (struct flow_opts){0}, NULL, 0);
    for (int i = 0; i < 100; i++) {
        flow_put(&f, 0, i, "x");
        flow_put_bytes(&f, 0, i, (struct mr_slice){NULL, 0});
    }
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 200);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 200);
    MR_CHECK(atomic_load(&f.lanes[0].n_flushes) <= 3);
    writer_end(&f);
}

/* */
MR_TEST("a batch whose begin is refused three times for a passing reason lands once")
{
    static const struct mr_fault_step steps[] = {{.op = MR_OP_BEGIN,
                                                  .call = 1,
                                                  .times = 3,
                                                  .code = MR_DB,
                                                  .class = MR_CLASS_RETRY,
                                                  .sqlstate = "08006"}};

    writer_load_through(&f, steps, 1);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_retries), 3);
    MR_CHECK_U64(mr_sink_fault_met(f.sink), 3);
    writer_end(&f);
}

/* Q-01, case 155 */
MR_TEST("a commit whose answer was lost, but which landed, is found out and not repeated")
{
    static const struct mr_fault_step steps[] = {
        {.op = MR_OP_COMMIT, .call = 1, .code = MR_COMMIT_UNKNOWN, .after = true}};

    writer_load_through(&f, steps, 1);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_fenced), 0);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_records), 100);
    writer_end(&f);
}

/* */
MR_TEST("a commit that never arrived is written once more")
{
    static const struct mr_fault_step steps[] = {
        {.op = MR_OP_COMMIT, .call = 1, .code = MR_COMMIT_UNKNOWN}};

    writer_load_through(&f, steps, 1);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_fenced), 0);
    MR_CHECK(mr_sink_fault_calls(f.sink, MR_OP_COMMIT) >= 2);
    writer_end(&f);
}

/* a server that was at the COMMIT still when the positions were read */
MR_TEST("a batch in doubt that is fenced when it is written once more is looked up again")
{
    static const struct mr_fault_step steps[] = {
        {.op = MR_OP_COMMIT, .call = 1, .code = MR_COMMIT_UNKNOWN},
        {.op = MR_OP_PUT_POSITIONS, .call = 2, .code = MR_FENCED}};

    writer_load_through(&f, steps, 2);
    MR_CHECK_U64(mr_sink_fault_met(f.sink), 2);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_fenced), 0);
    writer_end(&f);
}

/* never assume either */
MR_TEST("a commit in doubt waits until the positions can be read, whatever it was")
{
    static const bool landed[] = {true, false};

    for (int i = 0; i < 2; i++) {
        const struct mr_fault_step steps[] = {
            {.op = MR_OP_COMMIT, .call = 1, .code = MR_COMMIT_UNKNOWN, .after = landed[i]},
            /* the first call is the claim's */
            {.op = MR_OP_POSITIONS_READ, .call = 2, .times = 3, .code = MR_TARGET_AWAY}};
        writer_load_through(&f, steps, 2);
        MR_CHECK_U64(mr_sink_fault_calls(f.sink, MR_OP_POSITIONS_READ), 5);
        MR_CHECK_U64(atomic_load(&f.lanes[0].n_retries), 3);
        writer_end(&f);
    }
}

/* Q-05, case 156 */
MR_TEST("a full disk pauses the writer, is told, and nothing becomes a dead letter")
{
    static const struct mr_fault_step steps[] = {{.op = MR_OP_PUT_ROWS,
                                                  .call = 1,
                                                  .code = MR_DB,
                                                  .class = MR_CLASS_PAUSE,
                                                  .sqlstate = "53100"}};

    writer_begin(&f, 1, (struct flow_opts){0}, steps, 1);
    writer_put_many(&f, 0, 0, 100);
    fake_source_assign(f.fake, "t", 0);
    flow_await_calls(&f, MR_OP_PUT_ROWS, 1);
    flow_await_position(&f, 0, 100);
    writer_check_rows(&f, 100);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM millrace_dead_letters"), 0);
    mr_lock_take(&f.lanes[0].lock);
    struct mr_err err = f.lanes[0].last_err;
    mr_lock_drop(&f.lanes[0].lock);
    MR_CHECK_INT(err.class, MR_CLASS_PAUSE);
    MR_CHECK_STR(err.sqlstate, "53100");
    writer_end(&f);
}

/* case 158, Q-07 */
MR_TEST(
    "a table that is refused holds its partitions, its neighbour goes on, and a probe resumes it")
{
    static const struct mr_fault_step steps[] = {{.op = MR_OP_PUT_ROWS,
                                                  .call = 1,
                                                  .times = 3,
                                                  .code = MR_DB,
                                                  .class = MR_CLASS_HALT,
                                                  .sqlstate = "42501",
                                                  .by_offset = true,
                                                  .offset = 1005}};

    writer_begin(&f, 0, (struct flow_opts){.any_topic = true}, steps, 1);
    fake_source_partition(f.fake, "bad", 0, 1000);
    fake_source_partition(f.fake, "good", 0, 0);
    for (int i = 0; i < 20; i++)
        flow_put_to(&f, "bad", 0, i, "x");
    fake_source_assign(f.fake, "bad", 0);
    fake_source_assign(f.fake, "good", 0);
    flow_await_state_of(&f, "bad", 0, MR_PART_HALTED);
    for (int i = 0; i < 4; i++) {
        flow_put_to(&f, "good", 0, i, "x");
        flow_await_position_of(&f, "good", 0, i + 1);
    }
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM bad"), 0);
    flow_await_position_of(&f, "bad", 0, 1020);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM bad"), 20);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM good"), 4);
    writer_end(&f);
}

/* V-13 */
MR_TEST("a table that changed under its plan is read again, and the batch loaded once")
{
    static const struct mr_fault_step steps[] = {
        {.op = MR_OP_BEGIN, .call = 1, .code = MR_TABLE_CHANGED}};

    writer_load_through(&f, steps, 1);
    struct mr_target *target = mr_targets_at(&f.targets, 0);
    MR_CHECK_U64(atomic_load(&target->version), 1);
    writer_end(&f);
}

static uint64_t n_halts(void)
{
    const char *labels[] = {"HALT", "target"};

    return mr_counter_value(mr_metrics_series(f.metrics, MR_M_ERRORS, labels));
}

/* V-13 */
MR_TEST("a table that changed once under the batches of many lanes is no table that always changes")
{
    static const struct mr_fault_step step = {
        .op = MR_OP_BEGIN, .call = 1, .times = 6, .code = MR_TABLE_CHANGED, .gate = true};

    writer_begin(&f, 6, (struct flow_opts){.n_lanes = 6}, &step, 1);
    for (int32_t p = 0; p < 6; p++) {
        writer_put_many(&f, p, p * 100, 10);
        fake_source_assign(f.fake, "t", p);
    }
    flow_await_gate(&f, 6);
    mr_sink_fault_open(f.sink);
    for (int32_t p = 0; p < 6; p++)
        flow_await_position(&f, p, 10);
    writer_check_rows(&f, 60);
    MR_CHECK_U64(n_halts(), 0);
    writer_end(&f);
}

/* V-13 */
MR_TEST("a flush that lands ends the row of those that found the table changed")
{
    static const struct mr_fault_step steps[] = {
        {.op = MR_OP_BEGIN, .call = 1, .times = 5, .code = MR_TABLE_CHANGED},
        {.op = MR_OP_BEGIN, .call = 7, .times = 5, .code = MR_TABLE_CHANGED}};

    writer_load_through(&f, steps, 2);
    writer_put_many(&f, 0, 100, 100);
    flow_await_position(&f, 0, 200);
    writer_check_rows(&f, 200);
    MR_CHECK_U64(mr_sink_fault_met(f.sink), 10);
    MR_CHECK_U64(n_halts(), 0);
    writer_end(&f);
}

/* V-13 */
MR_TEST("a table that changes under every flush halts, and goes on when it has settled")
{
    static const struct mr_fault_step step = {
        .op = MR_OP_BEGIN, .call = 1, .times = 6, .code = MR_TABLE_CHANGED};

    writer_load_through(&f, &step, 1);
    MR_CHECK_U64(n_halts(), 1);
    writer_end(&f);
}

/* G-03 */
MR_TEST("a fenced batch is dropped whole, claimed anew and loaded once")
{
    static const struct mr_fault_step steps[] = {
        {.op = MR_OP_PUT_POSITIONS, .call = 1, .code = MR_FENCED}};

    writer_load_through(&f, steps, 1);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_fenced), 1);
    MR_CHECK_U64(mr_sink_fault_calls(f.sink, MR_OP_CLAIM), 2);
    writer_end(&f);
}

MR_TEST("rows that the server refuses for good are dead letters, and the position goes on")
{
    static const struct mr_fault_step steps[] = {{.op = MR_OP_PUT_ROWS,
                                                  .call = 1,
                                                  .times = FOR_EVER,
                                                  .code = MR_DB,
                                                  .class = MR_CLASS_POISON,
                                                  .sqlstate = "23514"}};

    writer_begin(&f, 1, (struct flow_opts){0}, steps, 1);
    writer_put_many(&f, 0, 0, 100);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 100);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 0);
    MR_CHECK_INT(flow_number(&f, "SELECT count(DISTINCT \"offset\") FROM millrace_dead_letters"),
                 100);
    writer_end(&f);
}

/* */
MR_TEST("rows that the server refused together, and takes apart, all land")
{
    static const struct mr_fault_step steps[] = {{.op = MR_OP_PUT_ROWS,
                                                  .call = 1,
                                                  .code = MR_DB,
                                                  .class = MR_CLASS_POISON,
                                                  .sqlstate = "23505"}};

    writer_begin(&f, 1, (struct flow_opts){0}, steps, 1);
    writer_put_many(&f, 0, 0, 100);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 100);
    writer_check_rows(&f, 100);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM millrace_dead_letters"), 0);
    writer_end(&f);
}

/* design.md section 6, HALT: probed ever more rarely; the plan itself was never at fault */
MR_TEST("a table whose rows the server refuses stays halted until a flush of its rows succeeds")
{
    static const struct mr_fault_step steps[] = {{.op = MR_OP_PUT_ROWS,
                                                  .call = 1,
                                                  .code = MR_DB,
                                                  .class = MR_CLASS_HALT,
                                                  .sqlstate = "42501"},
                                                 {.op = MR_OP_COMMIT, .call = 1, .gate = true}};

    writer_begin(&f, 1, (struct flow_opts){0}, steps, 2);
    writer_put_many(&f, 0, 0, 100);
    fake_source_assign(f.fake, "t", 0);
    flow_await_gate(&f, 1); /* the plan is made again, the second flush waits at its commit */
    MR_CHECK(atomic_load(&mr_targets_at(&f.targets, 0)->halted));
    mr_sink_fault_open(f.sink);
    flow_await_position(&f, 0, 100);
    writer_check_rows(&f, 100);
    writer_end(&f);
}

/* ---- what comes while a batch is on its way ---- */

static const struct mr_fault_step slow_commit[] = {{.op = MR_OP_COMMIT, .call = 1, .gate = true}};

/* K-12, G-03 */
MR_TEST("a revoke during a slow commit fences none of the lane's other partitions")
{
    writer_begin(&f, 2, (struct flow_opts){.revoke_timeout_ms = 50}, slow_commit, 1);
    fake_source_assign(f.fake, "t", 0);
    fake_source_assign(f.fake, "t", 1);
    flow_await_state(&f, 0, MR_PART_FLOWING);
    flow_await_state(&f, 1, MR_PART_FLOWING); /* a claim would wait for the slow commit */
    writer_put_many(&f, 0, 0, 50);
    writer_put_many(&f, 1, 1000, 50);
    flow_await_gate(&f, 1);
    writer_put_many(&f, 1, 1050, 50);
    fake_source_revoke(f.fake, "t", 0, false);
    flow_await_state(&f, 0, MR_PART_GONE);
    flow_await_state(&f, 1, MR_PART_SEEKING);
    mr_sink_fault_open(f.sink);
    flow_await_position(&f, 1, 100);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_fenced), 0);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 50);
    writer_check_rows(&f, 150);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_fenced), 0);
    writer_end(&f);
}

MR_TEST("a partition that is lost and assigned again during a slow commit is loaded once")
{
    writer_begin(&f, 1, (struct flow_opts){0}, slow_commit, 1);
    writer_put_many(&f, 0, 0, 100);
    fake_source_assign(f.fake, "t", 0);
    flow_await_gate(&f, 1);
    fake_source_revoke(f.fake, "t", 0, true);
    flow_await_state(&f, 0, MR_PART_GONE);
    writer_put_many(&f, 0, 100, 100);
    mr_sink_fault_open(f.sink);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 200);
    writer_check_rows(&f, 200);
    writer_end(&f);
}

/* G-03 */
MR_TEST("a partition is claimed only when the flush of its former life has ended")
{
    static const struct mr_fault_step slow_begin[] = {{.op = MR_OP_BEGIN, .call = 1, .gate = true}};

    writer_begin(&f, 2, (struct flow_opts){.n_lanes = 2, .revoke_timeout_ms = 50}, slow_begin, 1);
    writer_put_many(&f, 0, 0, 100);
    fake_source_assign(f.fake, "t", 0);
    flow_await_gate(&f, 1);
    fake_source_revoke(f.fake, "t", 0, false);
    flow_await_state(&f, 0, MR_PART_GONE);
    uint32_t n_claims = mr_sink_fault_calls(f.sink, MR_OP_CLAIM);
    fake_source_assign(f.fake, "t", 0);
    flow_await_state(&f, 0, MR_PART_CLAIMING);
    fake_source_assign(f.fake, "t", 1); /* of the other lane: its claim does not wait */
    flow_await_state(&f, 1, MR_PART_FLOWING);
    MR_CHECK_U64(mr_sink_fault_calls(f.sink, MR_OP_CLAIM), n_claims + 1);
    mr_sink_fault_open(f.sink);
    flow_await_state(&f, 0, MR_PART_FLOWING);
    flow_await_position(&f, 0, 100);
    writer_check_rows(&f, 100);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_fenced), 0);
    writer_end(&f);
}

/* Q-01, G-03 */
MR_TEST(
    "a partition that is assigned again while its old batch is in doubt is not fenced by itself")
{
    static const bool landed[] = {true, false};

    for (int i = 0; i < 2; i++) {
        const struct mr_fault_step steps[] = {
            {.op = MR_OP_COMMIT, .call = 1, .code = MR_COMMIT_UNKNOWN, .after = landed[i]},
            {.op = MR_OP_POSITIONS_READ, .call = 2, .gate = true}};
        writer_begin(&f, 2, (struct flow_opts){.revoke_timeout_ms = 50}, steps, 2);
        writer_put_many(&f, 0, 0, 100);
        fake_source_assign(f.fake, "t", 0);
        flow_await_gate(&f, 1);
        fake_source_revoke(f.fake, "t", 0, false);
        flow_await_state(&f, 0, MR_PART_GONE);
        fake_source_assign(f.fake, "t", 0);
        flow_await_state(&f, 0, MR_PART_CLAIMING); /* its claim waits for the batch */
        writer_put_many(&f, 0, 100, 50);
        mr_sink_fault_open(f.sink);
        flow_await_position(&f, 0, 150);
        writer_check_rows(&f, 150);
        MR_CHECK_U64(atomic_load(&f.lanes[0].n_fenced), 0);
        writer_end(&f);
    }
}

/* ---- ends ---- */

MR_TEST("a stop while the target is away ends at its time-out, and the process can be left")
{
    static const struct mr_fault_step steps[] = {
        {.op = MR_OP_BEGIN, .call = 1, .times = FOR_EVER, .code = MR_TARGET_AWAY}};

    writer_begin(&f, 1, (struct flow_opts){.shutdown_timeout_ms = 100}, steps, 1);
    writer_put_many(&f, 0, 0, 100);
    fake_source_assign(f.fake, "t", 0);
    flow_await_calls(&f, MR_OP_BEGIN, 2);
    MR_CHECK_INT(flow_stop(&f), MR_END_TIMED_OUT);
    MR_CHECK_INT(flow_number(&f, "SELECT next_offset FROM millrace_positions"), 0);
    flow_free(&f, false);
}

MR_TEST("a stop with a commit in doubt ends too; what became of it is read at the next start")
{
    static const struct mr_fault_step steps[] = {
        {.op = MR_OP_COMMIT, .call = 1, .code = MR_COMMIT_UNKNOWN, .after = true},
        {.op = MR_OP_POSITIONS_READ, .call = 2, .times = FOR_EVER, .code = MR_TARGET_AWAY}};
    char dir[64];

    writer_begin(&f, 1, (struct flow_opts){.shutdown_timeout_ms = 100}, steps, 2);
    writer_put_many(&f, 0, 0, 100);
    fake_source_assign(f.fake, "t", 0);
    flow_await_calls(&f, MR_OP_POSITIONS_READ, 3);
    MR_CHECK_INT(flow_stop(&f), MR_END_TIMED_OUT);
    snprintf(dir, sizeof dir, "%s", f.dir);
    flow_free(&f, true);
    writer_begin(&f, 1, (struct flow_opts){.dir = dir}, NULL, 0);
    writer_put_many(&f, 0, 0, 120);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 120);
    writer_check_rows(&f, 120);
    writer_end(&f);
}

MR_TEST("a fault that cannot be gone on with ends the service, also with other batches waiting")
{
    static const struct mr_fault_step steps[] = {
        {.op = MR_OP_BEGIN, .call = 1, .times = 2, .code = MR_TARGET_AWAY},
        {.op = MR_OP_BEGIN, .call = 3, .code = MR_TARGET_CONTROL_NEWER},
        {.op = MR_OP_BEGIN, .call = 4, .times = FOR_EVER, .code = MR_TARGET_AWAY}};

    writer_begin(&f, 2, (struct flow_opts){.n_lanes = 2}, steps, 3);
    writer_put_many(&f, 0, 0, 100);
    writer_put_many(&f, 1, 1000, 100);
    fake_source_assign(f.fake, "t", 0);
    fake_source_assign(f.fake, "t", 1);
    MR_CHECK_INT(flow_await_end(&f), MR_END_FAILED);
    MR_CHECK_INT(f.poller.failure.code, MR_TARGET_CONTROL_NEWER);
    flow_free(&f, false);
}

/* K-06: until-caught-up */
MR_TEST("until caught up: the end comes when every partition is where its log ended at the start")
{
    writer_begin(&f, 2, (struct flow_opts){.until_caught_up = true}, NULL, 0);
    writer_put_many(&f, 0, 0, 100);
    writer_put_many(&f, 1, 1000, 30);
    fake_source_assign(f.fake, "t", 0);
    fake_source_assign(f.fake, "t", 1);
    MR_CHECK_INT(flow_await_end(&f), MR_END_CAUGHT_UP);
    writer_check_rows(&f, 130);
    flow_free(&f, false);
}

MR_TEST("until caught up: who is given nothing at first does not take that for the end")
{
    writer_begin(&f, 1, (struct flow_opts){.until_caught_up = true}, NULL, 0);
    writer_put_many(&f, 0, 0, 100);
    fake_source_assign(f.fake, "t", 0);
    fake_source_revoke(f.fake, "t", 0, true);
    flow_await_state(&f, 0, MR_PART_GONE);
    fake_source_assign(f.fake, "t", 0);
    MR_CHECK_INT(flow_await_end(&f), MR_END_CAUGHT_UP);
    writer_check_rows(&f, 100);
    flow_free(&f, false);
}

/* K-04 */
MR_TEST("until caught up: a topic that does not exist makes the end a halted one")
{
    writer_begin(&f, 1, (struct flow_opts){.until_caught_up = true}, NULL, 0);
    fake_source_fault(f.fake, MR_SOURCE_TOPIC_MISSING); /* the only topic: no group is joined */
    MR_CHECK_INT(flow_await_end(&f), MR_END_HALTED);
    flow_free(&f, false);
    writer_begin(&f, 1, (struct flow_opts){.until_caught_up = true}, NULL, 0);
    fake_source_fault(f.fake, MR_SOURCE_TOPIC_MISSING); /* it was made meanwhile */
    fake_source_assign(f.fake, "t", 0);
    MR_CHECK_INT(flow_await_end(&f), MR_END_CAUGHT_UP);
    flow_free(&f, false);
}

/* K-04 */
MR_TEST("until caught up: a regex that no topic matches makes the end a halted one")
{
    writer_begin(&f, 1, (struct flow_opts){.until_caught_up = true, .any_topic = true}, NULL, 0);
    fake_source_fault(f.fake, MR_SOURCE_TOPIC_MISSING);
    MR_CHECK_INT(flow_await_end(&f), MR_END_HALTED);
    flow_free(&f, false);
    writer_begin(&f, 1, (struct flow_opts){.until_caught_up = true, .any_topic = true}, NULL, 0);
    fake_source_fault(f.fake, MR_SOURCE_TOPIC_MISSING); /* of another regex */
    fake_source_assign(f.fake, "t", 0);
    MR_CHECK_INT(flow_await_end(&f), MR_END_CAUGHT_UP);
    flow_free(&f, false);
}

MR_TEST("until caught up: a partition that is halted makes the end a halted one")
{
    static const uint8_t bad[] = {0, 0};

    writer_begin(&f, 2, (struct flow_opts){.until_caught_up = true, .on_bad = MR_ON_BAD_STOP}, NULL,
                 0);
    writer_put_many(&f, 0, 0, 10);
    flow_put_bytes(&f, 0, 10, (struct mr_slice){bad, sizeof bad});
    writer_put_many(&f, 1, 1000, 30);
    fake_source_assign(f.fake, "t", 0);
    fake_source_assign(f.fake, "t", 1);
    MR_CHECK_INT(flow_await_end(&f), MR_END_HALTED);
    writer_check_rows(&f, 40);
    flow_free(&f, false);
}

MR_TEST("several revokes and assigns under faults leave every record in the table once")
{
    static const struct mr_fault_step steps[] = {
        {.op = MR_OP_COMMIT, .call = 3, .code = MR_COMMIT_UNKNOWN, .after = true},
        {.op = MR_OP_COMMIT, .call = 6, .code = MR_COMMIT_UNKNOWN},
        {.op = MR_OP_BEGIN, .call = 9, .times = 2, .code = MR_TARGET_AWAY},
        {.op = MR_OP_PUT_POSITIONS, .call = 12, .code = MR_FENCED},
        {.op = MR_OP_BEGIN, .call = 16, .code = MR_TABLE_CHANGED},
        {.op = MR_OP_POSITIONS_READ, .call = 4, .times = 2, .code = MR_TARGET_AWAY}};

    writer_begin(&f, 4, (struct flow_opts){.n_lanes = 2, .max_rows = 100, .revoke_timeout_ms = 20},
                 steps, 6);
    for (int32_t p = 0; p < 4; p++) {
        writer_put_many(&f, p, p * 10000, 1500);
        fake_source_assign(f.fake, "t", p);
    }
    for (int round = 1; round <= 4; round++) {
        flow_await_position(&f, round % 4, round * 100);
        fake_source_revoke(f.fake, "t", round % 4, round % 2 == 0);
        fake_source_assign(f.fake, "t", round % 4);
    }
    for (int32_t p = 0; p < 4; p++)
        flow_await_position(&f, p, 1500);
    writer_check_rows(&f, 6000);
    writer_end(&f);
}

/* V-18 */
MR_TEST("rows that a trigger of the target keeps out are counted once they are committed")
{
    static const struct mr_fault_step step = {
        .op = MR_OP_COMMIT, .call = 2, .code = MR_TARGET_AWAY};
    const char *labels[] = {"t"};

    writer_begin(&f, 1, (struct flow_opts){0}, &step, 1);
    writer_put_many(&f, 0, 0, 5);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 5);
    flow_exec(&f, "CREATE TRIGGER keep BEFORE INSERT ON t WHEN NEW.id = 7 "
                  "BEGIN SELECT RAISE(IGNORE); END");
    writer_put_many(&f, 0, 5, 5);
    flow_await_position(&f, 0, 10);
    writer_check_rows(&f, 9);
    MR_CHECK_U64(mr_counter_value(mr_metrics_series(f.metrics, MR_M_LEFT_OUT, labels)), 1);
    writer_end(&f);
}
