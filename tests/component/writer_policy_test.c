/* What the writer tries before an error's class decides (contract.md section 8): a service with a
 * faulty sink around a SQLite file. Tables are appended to, so that a record that is written twice
 * shows. */
#include <string.h>

#include "tests/support/flow.h"
#include "tests/support/mr_test.h"
#include "tests/support/writer_case.h"

static struct flow f;

static uint64_t n_halts_of(const char *owner)
{
    const char *labels[] = {"HALT", owner};

    return mr_counter_value(mr_metrics_series(f.metrics, MR_M_ERRORS, labels));
}

/* Q-02, case 154 */
MR_TEST("a batch that lost a deadlock six times lands once, the last time after a usual wait")
{
    static const struct mr_fault_step step = {.op = MR_OP_PUT_ROWS,
                                              .call = 1,
                                              .times = 6,
                                              .code = MR_DB,
                                              .class = MR_CLASS_RETRY,
                                              .sqlstate = "40P01"};

    writer_load_through(&f, &step, 1);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_retries), 6);
    MR_CHECK_U64(n_halts_of("target"), 0);
    writer_end(&f);
}

static struct mr_fault_step refused(const char *sqlstate, uint32_t times)
{
    return (struct mr_fault_step){.op = MR_OP_PUT_ROWS,
                                  .call = 1,
                                  .times = times,
                                  .code = MR_DB,
                                  .class = MR_CLASS_HALT,
                                  .sqlstate = sqlstate};
}

/* */
MR_TEST("what should not happen is tried once more, and halts its table the second time")
{
    static const char *const states[] = {"21000", "25P02", "26000"};

    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        const struct mr_fault_step once = refused(states[i], 1);
        writer_load_through(&f, &once, 1);
        MR_CHECK_U64(n_halts_of("target"), 0);
        writer_end(&f);
        const struct mr_fault_step twice = refused(states[i], 2);
        writer_begin(&f, 1, (struct flow_opts){0}, &twice, 1);
        writer_put_many(&f, 0, 0, 100);
        fake_source_assign(f.fake, "t", 0);
        flow_await_state(&f, 0, MR_PART_HALTED);
        MR_CHECK_U64(n_halts_of("target"), 1);
        writer_end(&f);
    }
}

/* Loads 100 records, which are one batch, through a step, and ends. */
static void load_halved(const struct mr_fault_step *step, uint64_t n_retries)
{
    writer_begin(&f, 1, (struct flow_opts){.max_rows = 100}, step, 1);
    writer_put_many(&f, 0, 0, 100);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 100);
    writer_check_rows(&f, 100);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_retries), n_retries);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_flushes), 2);
    MR_CHECK_U64(atomic_load(&f.lanes[0].max_rows), 100); /* it has grown back */
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_fenced), 0);
    writer_end(&f);
}

/* */
MR_TEST("a batch whose statement was cancelled three times lands in halves")
{
    static const struct mr_fault_step step = {.op = MR_OP_PUT_ROWS,
                                              .call = 1,
                                              .times = 3,
                                              .code = MR_DB,
                                              .class = MR_CLASS_RETRY,
                                              .sqlstate = "57014"};

    load_halved(&step, 2);
}

/* */
MR_TEST("a batch that the server has no memory for lands in halves, without a pause")
{
    static const struct mr_fault_step step = {.op = MR_OP_PUT_ROWS,
                                              .call = 1,
                                              .code = MR_DB,
                                              .class = MR_CLASS_PAUSE,
                                              .sqlstate = "53200"};

    load_halved(&step, 0);
}

/* */
MR_TEST("a batch that is halved down to one record waits as every other RETRY")
{
    static const struct mr_fault_step step = {.op = MR_OP_PUT_ROWS,
                                              .call = 1,
                                              .times = 5,
                                              .code = MR_DB,
                                              .class = MR_CLASS_RETRY,
                                              .sqlstate = "57014"};

    writer_begin(&f, 1, (struct flow_opts){0}, &step, 1);
    writer_put_many(&f, 0, 0, 1);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 1);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_retries), 5);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_flushes), 1);
    writer_end(&f);
}

static uint64_t n_letters(void)
{
    return atomic_load(&f.lanes[0].n_letters);
}

/* An internal error of the server for every put of the record at `offset`; -1: for every put. Its
 * class is RETRY, so that the pauses are short ones. */
static struct mr_fault_step internal_at(int64_t offset)
{
    return (struct mr_fault_step){.op = MR_OP_PUT_ROWS,
                                  .call = 1,
                                  .times = 1000,
                                  .code = MR_DB,
                                  .class = MR_CLASS_RETRY,
                                  .sqlstate = "XX000",
                                  .by_offset = offset >= 0,
                                  .offset = offset};
}

/* */
MR_TEST("a value that the server itself fails at three times is found, and put aside")
{
    const struct mr_fault_step step = internal_at(70);

    writer_begin(&f, 1, (struct flow_opts){.max_rows = 100}, &step, 1);
    writer_put_many(&f, 0, 0, 100);
    fake_source_assign(f.fake, "t", 0);
    flow_await_position(&f, 0, 100);
    writer_check_rows(&f, 99);
    MR_CHECK_INT(flow_number(&f, "SELECT count(*) FROM t WHERE id = 70"), 0);
    MR_CHECK_U64(n_letters(), 1);
    MR_CHECK_U64(atomic_load(&f.lanes[0].n_retries), 2);
    MR_CHECK_U64(n_halts_of("target"), 0);
    writer_end(&f);
}

/* */
MR_TEST("a server that fails at whatever it is given halts the table, and no record is at fault")
{
    const struct mr_fault_step step = internal_at(-1);

    writer_begin(&f, 1, (struct flow_opts){.max_rows = 10}, &step, 1);
    writer_put_many(&f, 0, 0, 10);
    fake_source_assign(f.fake, "t", 0);
    flow_await_state(&f, 0, MR_PART_HALTED);
    writer_check_rows(&f, 0);
    MR_CHECK_U64(n_letters(), 0);
    MR_CHECK_U64(n_halts_of("target"), 1);
    writer_end(&f);
}

/* */
MR_TEST("an internal error that goes away by itself leaves no trace")
{
    struct mr_fault_step step = internal_at(-1);

    step.times = 2;
    writer_load_through(&f, &step, 1);
    MR_CHECK_U64(n_letters(), 0);
    MR_CHECK_U64(n_halts_of("target"), 0);
    writer_end(&f);
}
