/* How a partition's life begins when target or route are not ready, and what becomes of records
 * that are no rows: a service with a faulty sink around a SQLite file. */
#include <string.h>
#include <time.h>

#include "tests/support/flow.h"
#include "tests/support/mr_test.h"

static struct flow f;

static void begin(struct flow_opts opts, const struct mr_fault_step *steps, size_t n_steps)
{
    opts.faults = true;
    opts.n_lanes = 1;
    flow_registry_away(false);
    flow_start(&f, &opts);
    mr_sink_fault_script(f.sink, steps, n_steps);
    fake_source_partition(f.fake, "t", 0, 0);
}

static void put_many(int64_t first_id, int n)
{
    for (int i = 0; i < n; i++)
        flow_put(&f, 0, first_id + i, "x");
}

static void end(void)
{
    MR_CHECK_INT(flow_stop(&f), MR_END_STOPPED);
    flow_free(&f, false);
}

/* G-02, Q-01 */
MR_TEST("a target that is away at any step of the start is asked again, and all is loaded once")
{
    static const enum mr_fault_op ops[] = {MR_OP_SETUP, MR_OP_POSITIONS_READ, MR_OP_CLAIM,
                                           MR_OP_TABLE_OPEN, MR_OP_SESSION_OPEN};

    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        const struct mr_fault_step step = {
            .op = ops[i], .call = 1, .times = 2, .code = MR_TARGET_AWAY};
        begin((struct flow_opts){.strategy = MR_STRATEGY_APPEND}, &step, 1);
        put_many(0, 50);
        fake_source_assign(f.fake, "t", 0);
        flow_await_position(&f, 0, 50);
        MR_CHECK_U64(mr_sink_fault_met(f.sink), 2);
        MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 50);
        MR_CHECK_INT(flow_number(&f, "SELECT count(DISTINCT id) FROM t"), 50);
        end();
    }
}

/* G-03: its answer was lost, so the epoch moved without our knowing it */
MR_TEST("a claim whose answer was lost is made again, and nobody is fenced")
{
    static const struct mr_fault_step step = {
        .op = MR_OP_CLAIM, .call = 1, .code = MR_TARGET_AWAY, .after = true};

    begin((struct flow_opts){.strategy = MR_STRATEGY_APPEND}, &step, 1);
    put_many(0, 50);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 50);
    MR_CHECK_U64(mr_sink_fault_calls(f.sink, MR_OP_CLAIM), 2);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_fenced), 0);
    MR_CHECK_INT(flow_number(&f, "SELECT epoch FROM millrace_positions"), 2);
    end();
}

/* K-01: a partition without a leader answers nothing until the time-out */
MR_TEST("behind a partition that gives no answer the others of its job get a second each")
{
    static const struct mr_fault_step gate = {.op = MR_OP_POSITIONS_READ, .call = 1, .gate = true};
    const struct timespec tick = {.tv_nsec = 1000000};

    begin((struct flow_opts){0}, &gate, 1);
    put_many(0, 10);
    fake_source_assign(f.fake, "t", 0);
    flow_await_gate(&f, 1);
    for (int32_t p = 1; p < 4; p++) {
        fake_source_partition(f.fake, "t", p, 0);
        flow_put(&f, p, 100 * p, "x");
        fake_source_assign(f.fake, "t", p);
    }
    fake_source_silence(f.fake, "t", 1, true);
    while (atomic_load(&f.poller.n_assigned_seen) < 4)
        nanosleep(&tick, NULL); /* the step of an awaited condition; ctest has the deadline */
    mr_sink_fault_open(f.sink);
    flow_await_position(&f, 2, 1);
    flow_await_position(&f, 3, 1);
    MR_CHECK_U64(fake_source_asked_ms(f.fake, "t", 0), 10000);
    MR_CHECK_U64(fake_source_asked_ms(f.fake, "t", 1), 10000);
    MR_CHECK_U64(fake_source_asked_ms(f.fake, "t", 2), 1000);
    MR_CHECK_U64(fake_source_asked_ms(f.fake, "t", 3), 1000);
    fake_source_silence(f.fake, "t", 1, false);
    flow_await_position(&f, 1, 1);
    MR_CHECK_U64(fake_source_asked_ms(f.fake, "t", 1), 10000); /* a new job */
    end();
}

MR_TEST("a topic that no route takes waits as nobody's fault, and the others go on")
{
    begin((struct flow_opts){0}, NULL, 0);
    fake_source_partition(f.fake, "u", 0, 0);
    flow_put_to(&f, "u", 0, 1, "x");
    put_many(0, 20);
    fake_source_assign(f.fake, "u", 0);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 20);
    flow_await_state_of(&f, "u", 0, MR_PART_HALTED);
    struct mr_partition *part = mr_partitions_find(&f.partitions, "u", 0);
    MR_CHECK(!mr_partition_is_halted(part));
    MR_CHECK_INT(atomic_load(&part->committed_next), -1);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM millrace_positions"), 1);
    end();
}

/* contract.md section 0, POISON with `skip` */
MR_TEST("with on_bad_record = skip a poison record is counted and gone past, without a letter")
{
    static const uint8_t bad[] = {0, 0, 0, 0, 1, 100, 2, 'x', 9};

    begin((struct flow_opts){.on_bad = MR_ON_BAD_SKIP}, NULL, 0);
    put_many(0, 50);
    flow_put_bytes(&f, 0, 50, (struct mr_slice){bad, sizeof bad});
    put_many(51, 49);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 100);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 99);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM millrace_dead_letters"), 0);
    end();
}

/* E-10 */
MR_TEST("tombstones delete rows of earlier flushes and of their own")
{
    static const struct mr_slice null = {NULL, 0};

    begin((struct flow_opts){0}, NULL, 0);
    put_many(0, 10);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 10);
    put_many(10, 2);
    for (int64_t id = 0; id < 4; id++)
        flow_put_bytes(&f, 0, id, null);
    flow_put_bytes(&f, 0, 11, null);
    flow_put_bytes(&f, 0, 99, null); /* nobody has it */
    flow_await_position(&f, 0, 18);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 7);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t WHERE id < 4 OR id = 11"), 0);
    end();
}

/* G-01 */
MR_TEST("letters that cannot be put take their batch back with them, then both land once")
{
    static const uint8_t bad[] = {0, 0};
    static const struct mr_fault_step steps[] = {
        {.op = MR_OP_PUT_LETTERS, .call = 1, .times = 2, .code = MR_TARGET_AWAY}};

    begin((struct flow_opts){.strategy = MR_STRATEGY_APPEND}, steps, 1);
    put_many(0, 10);
    flow_put_bytes(&f, 0, 10, (struct mr_slice){bad, sizeof bad});
    put_many(11, 10);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 21);
    MR_CHECK_U64(mr_sink_fault_met(f.sink), 2);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 20);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM millrace_dead_letters"), 1);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_letters), 1);
    end();
}

MR_TEST("a batch of one record is a transaction of its own")
{
    begin((struct flow_opts){.strategy = MR_STRATEGY_APPEND, .max_rows = 1}, NULL, 0);
    put_many(0, 30);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 30);
    MR_CHECK_U64(mr_sink_fault_calls(f.sink, MR_OP_COMMIT), 30);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 30);
    end();
}

static void await_source_fault(bool wanted)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    uint64_t end_ms = mr_mono_ms(&f.env) + FLOW_WAIT_MS;
    struct mr_err err = MR_ERR_INIT;
    uint64_t at_ms = 0;

    while (mr_poller_source_fault(&f.poller, &err, &at_ms) != wanted) {
        MR_CHECK(mr_mono_ms(&f.env) < end_ms);
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
}

/* K-01: what /readyz says */
MR_TEST("a fault of the source lasts until it answers, and no longer")
{
    const struct timespec pause = {.tv_sec = 2};

    begin((struct flow_opts){0}, NULL, 0);
    fake_source_assign(f.fake, "t", 0);
    fake_source_away(f.fake, true);
    fake_source_fault(f.fake, MR_SOURCE_AWAY);
    await_source_fault(true);
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL); /* it is asked each second */
    await_source_fault(true);
    fake_source_away(f.fake, false);
    await_source_fault(false);
    end();
}

/* G-03 */
MR_TEST("a position that was put by hand is taken up though no record comes")
{
    begin((struct flow_opts){.strategy = MR_STRATEGY_APPEND}, NULL, 0);
    put_many(0, 20);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 20);
    flow_exec(&f, "UPDATE millrace_positions SET next_offset = 5, epoch = epoch + 1");
    flow_await_state(&f, 0, MR_PART_FENCED);
    flow_await_state(&f, 0, MR_PART_FLOWING);
    flow_await_position(&f, 0, 20);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 35);
    end();
}
