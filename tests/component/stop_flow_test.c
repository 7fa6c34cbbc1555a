/* Records that a flush finds to be ones to wait at, and what becomes of that knowledge when the
 * partition's life goes on in another way: the fake source, a real SQLite target behind a gate. */
#include "tests/support/flow.h"
#include "tests/support/mr_test.h"

enum { SEEKS_REFUSED = 1000000 };

#define MASKED "__debezium_unavailable_value"

static struct flow f;

static void put_many(int64_t first_id, int n)
{
    for (int i = 0; i < n; i++)
        flow_put(&f, 0, first_id + i, "x");
}

/* A flush has found record 9 to be one to wait at, and the partition has not been released yet. */
static void stopped_before_nine(struct flow_opts opts)
{
    static const struct mr_fault_step gate = {.op = MR_OP_BEGIN, .call = 1, .gate = true};

    opts.n_lanes = 1;
    opts.faults = true;
    flow_registry_away(false);
    flow_start(&f, &opts);
    mr_sink_fault_script(f.sink, &gate, 1);
    fake_source_partition(f.fake, "t", 0, 0);
    put_many(0, 9);
    flow_put(&f, 0, 9, MASKED);
    fake_source_assign(f.fake, "t", 0);
    flow_await_gate(&f, 1);
    fake_source_refuse_seeks(f.fake, SEEKS_REFUSED);
    mr_sink_fault_open(f.sink);
    flow_await_state(&f, 0, MR_PART_SEEKING);
    flow_await_calls(&f, MR_OP_PUT_POSITIONS, 1);
}

static void end(void)
{
    MR_CHECK_INT(flow_stop(&f), MR_END_STOPPED);
    flow_free(&f, false);
}

/* U-31 */
MR_TEST("everything before a record without its row lands, and the partition waits at it")
{
    stopped_before_nine((struct flow_opts){.on_bad = MR_ON_BAD_STOP});
    fake_source_refuse_seeks(f.fake, 0);
    flow_await_position(&f, 0, 9);
    flow_await_state(&f, 0, MR_PART_HALTED);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 9);
    end();
}

/* U-31, K-12: the other member's position is behind the record that stopped this one */
MR_TEST("a stop of an earlier life of the partition neither holds it nor hides the next one")
{
    stopped_before_nine((struct flow_opts){.on_bad = MR_ON_BAD_STOP});
    fake_source_revoke(f.fake, "t", 0, false);
    flow_await_state(&f, 0, MR_PART_GONE);
    flow_exec(&f, "UPDATE millrace_positions SET next_offset = 10, epoch = epoch + 1");
    fake_source_refuse_seeks(f.fake, 0);
    put_many(10, 5);
    flow_put(&f, 0, 99, MASKED);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 15);
    flow_await_state(&f, 0, MR_PART_HALTED);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 5);
    end();
}

/* U-31, K-12 */
MR_TEST("where another member brought the row meanwhile nothing stops")
{
    stopped_before_nine((struct flow_opts){.on_bad = MR_ON_BAD_STOP});
    fake_source_revoke(f.fake, "t", 0, false);
    flow_await_state(&f, 0, MR_PART_GONE);
    flow_exec(&f, "INSERT INTO t (id, v) VALUES (9, 'kept')");
    fake_source_refuse_seeks(f.fake, 0);
    put_many(10, 5);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 15);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 15);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t WHERE v = 'kept'"), 1);
    end();
}

/* U-31 */
MR_TEST("a record to wait at that compaction takes away is passed, and the next one is waited at")
{
    stopped_before_nine((struct flow_opts){.on_bad = MR_ON_BAD_STOP});
    fake_source_compact(f.fake, "t", 0, 9);
    put_many(10, 5);
    flow_put(&f, 0, 99, MASKED);
    fake_source_refuse_seeks(f.fake, 0);
    flow_await_position(&f, 0, 15);
    flow_await_state(&f, 0, MR_PART_HALTED);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 14);
    end();
}

/* U-31, E-30 */
MR_TEST("a halt that a flush finds is the fault of the table that the record's source names")
{
    struct mr_target *target;
    size_t n_halted = 0;

    flow_registry_away(false);
    flow_start(&f, &(struct flow_opts){
                       .n_lanes = 1, .by_source = true, .missing_row = MR_MISSING_ROW_HALT});
    fake_source_partition(f.fake, "t", 0, 0);
    flow_put_from(&f, 0, 1, "orders", MASKED);
    fake_source_assign(f.fake, "t", 0);
    flow_await_state(&f, 0, MR_PART_HALTED);
    for (size_t i = 0; (target = mr_targets_at(&f.targets, i)) != NULL; i++) {
        MR_CHECK_INT(atomic_load(&target->halted), !target->stem);
        n_halted += atomic_load(&target->halted);
    }
    MR_CHECK_U64(n_halted, 1);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM orders"), 0);
    end();
}
