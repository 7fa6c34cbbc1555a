/* Writers under faults: what their tests share. */
#include "tests/support/writer_case.h"

#include "tests/support/mr_test.h"

void writer_begin(struct flow *flow, uint32_t n_parts, struct flow_opts opts,
                  const struct mr_fault_step *steps, size_t n_steps)
{
    opts.faults = true;
    opts.strategy = MR_STRATEGY_APPEND;
    if (opts.n_lanes == 0)
        opts.n_lanes = 1;
    flow_registry_away(false);
    flow_start(flow, &opts);
    mr_sink_fault_script(flow->sink, steps, n_steps);
    for (uint32_t i = 0; i < n_parts; i++)
        fake_source_partition(flow->fake, "t", (int32_t)i, 0);
}

void writer_put_many(struct flow *flow, int32_t partition, int64_t first_id, int n)
{
    for (int i = 0; i < n; i++)
        flow_put(flow, partition, first_id + i, "x");
}

void writer_check_rows(struct flow *flow, int64_t n)
{
    MR_CHECK_INT(flow_number(flow, "SELECT count(*) FROM t"), n);
    MR_CHECK_INT(flow_number(flow, "SELECT count(DISTINCT id) FROM t"), n);
}

void writer_load_through(struct flow *flow, const struct mr_fault_step *steps, size_t n_steps)
{
    writer_begin(flow, 1, (struct flow_opts){0}, steps, n_steps);
    writer_put_many(flow, 0, 0, 100);
    fake_source_assign(flow->fake, "t", 0);
    flow_await_position(flow, 0, 100);
    writer_check_rows(flow, 100);
    MR_CHECK_INT(flow_number(flow, "SELECT next_offset FROM millrace_positions"), 100);
}

void writer_end(struct flow *flow)
{
    MR_CHECK_INT(flow_stop(flow), MR_END_STOPPED);
    flow_free(flow, false);
}
