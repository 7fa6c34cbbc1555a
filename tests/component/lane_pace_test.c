/* When a lane reads, waits and hands over, and which of its threads shows life meanwhile: the fake
 * source, a SQLite file, a sink that can be stopped at a gate. */
#include <time.h>

#include "tests/support/flow.h"
#include "tests/support/mr_test.h"

enum { WATCH_MS = 500, STEPS_MOST = 20000 };

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

static void end(void)
{
    MR_CHECK_INT(flow_stop(&f), MR_END_STOPPED);
    flow_free(&f, false);
}

static void await_moved(const _Atomic uint64_t *moved_ms, uint64_t at_least_ms)
{
    const struct timespec tick = {.tv_nsec = 1000000};

    for (int i = 0; i < STEPS_MOST && atomic_load(moved_ms) < at_least_ms; i++)
        nanosleep(&tick, NULL); /* the step of an awaited condition, which has a deadline */
    MR_CHECK(atomic_load(moved_ms) >= at_least_ms);
}

/* The first record's flush stands at its COMMIT, five more are gathered and due. */
static void begin_at_gate(void)
{
    static const struct mr_fault_step gate = {.op = MR_OP_COMMIT, .call = 1, .gate = true};

    begin((struct flow_opts){0}, &gate, 1);
    flow_put(&f, 0, 0, "x");
    fake_source_assign(f.fake, "t", 0);
    flow_await_gate(&f, 1);
    for (int64_t id = 1; id <= 5; id++)
        flow_put(&f, 0, id, "x");
}

MR_TEST("a due batch waits for its writer in a few long reads, and the free writer ends the read")
{
    struct mr_lane *lane = &f.lanes[0];

    begin_at_gate();
    uint64_t start_ms = mr_mono_ms(&f.env);
    await_moved(&lane->fill_moved_ms, start_ms + WATCH_MS);
    uint32_t n_reads = fake_source_n_reads(f.fake);
    await_moved(&lane->fill_moved_ms, start_ms + 2 * (uint64_t)WATCH_MS);
    MR_CHECK(fake_source_n_reads(f.fake) - n_reads < WATCH_MS / 10);
    uint32_t n_wakes = fake_source_n_wakes(f.fake);
    mr_sink_fault_open(f.sink);
    flow_await_position(&f, 0, 6);
    MR_CHECK(fake_source_n_wakes(f.fake) > n_wakes);
    end();
}

/* design.md section 9: /healthz */
MR_TEST("while a flush hangs its writer shows no life, and the fill thread does")
{
    struct mr_lane *lane = &f.lanes[0];

    begin_at_gate();
    uint64_t write_ms = atomic_load(&lane->write_moved_ms);
    await_moved(&lane->fill_moved_ms, write_ms + WATCH_MS);
    MR_CHECK_U64(atomic_load(&lane->write_moved_ms), write_ms);
    mr_sink_fault_open(f.sink);
    await_moved(&lane->write_moved_ms, write_ms + WATCH_MS);
    end();
}

MR_TEST("a fill thread that waits with a full batch for its writer shows life")
{
    static const struct mr_fault_step gate = {.op = MR_OP_COMMIT, .call = 1, .gate = true};
    struct mr_lane *lane = &f.lanes[0];

    begin((struct flow_opts){.max_rows = 2}, &gate, 1);
    for (int64_t id = 0; id < 20; id++)
        flow_put(&f, 0, id, "x");
    fake_source_assign(f.fake, "t", 0);
    flow_await_gate(&f, 1);
    uint64_t write_ms = atomic_load(&lane->write_moved_ms);
    await_moved(&lane->fill_moved_ms, write_ms + WATCH_MS);
    mr_sink_fault_open(f.sink);
    flow_await_position(&f, 0, 20);
    end();
}

MR_TEST("a batch does not wait for more of a partition that is held")
{
    static const uint8_t bad[] = {0, 0};

    begin((struct flow_opts){.on_bad = MR_ON_BAD_STOP, .max_wait_ms = 3600000}, NULL, 0);
    for (int64_t id = 0; id < 50; id++)
        flow_put(&f, 0, id, "x");
    flow_put_bytes(&f, 0, 50, (struct mr_slice){bad, sizeof bad});
    flow_put(&f, 0, 51, "x");
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 50);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t"), 50);
    end();
}

/* design.md section 9: /healthz */
MR_TEST("a fill thread that makes a table is known to ask the target, until it goes on")
{
    static const struct mr_fault_step gate = {.op = MR_OP_TABLE_APPLY, .call = 1, .gate = true};
    struct mr_lane *lane = &f.lanes[0];

    begin((struct flow_opts){0}, &gate, 1);
    flow_put(&f, 0, 0, "x");
    MR_CHECK(!atomic_load(&lane->fill_asks));
    fake_source_assign(f.fake, "t", 0);
    flow_await_gate(&f, 1);
    MR_CHECK(atomic_load(&lane->fill_asks));
    mr_sink_fault_open(f.sink);
    flow_await_position(&f, 0, 1);
    MR_CHECK(!atomic_load(&lane->fill_asks));
    end();
}
