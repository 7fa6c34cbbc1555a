/* A service with a faulty sink around a SQLite file, for tests of what the writer does about
 * errors. Its table is appended to, so that a record that is written twice shows. Thread: the
 * test's. */
#ifndef MR_TESTS_SUPPORT_WRITER_CASE_H
#define MR_TESTS_SUPPORT_WRITER_CASE_H

#include "tests/support/flow.h"

/* Partitions 0 to n_parts - 1 of topic `t`, not yet assigned; the sink goes through the steps. */
void writer_begin(struct flow *flow, uint32_t n_parts, struct flow_opts opts,
                  const struct mr_fault_step *steps, size_t n_steps);
void writer_put_many(struct flow *flow, int32_t partition, int64_t first_id, int n);

/* The table has n rows, each once. */
void writer_check_rows(struct flow *flow, int64_t n);

/* Loads 100 records of one partition through the steps; each must be there once, and the position
 * behind them. */
void writer_load_through(struct flow *flow, const struct mr_fault_step *steps, size_t n_steps);
void writer_end(struct flow *flow);

#endif
