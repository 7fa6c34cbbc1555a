/* Guarded rows (contract.md section 3.1), for strategies that replace rows: what is older than the
 * target's own is taken out before anything is written, and deletes leave tombs. Thread: write. */
#ifndef MR_SINKS_LOAD_GUARD_H
#define MR_SINKS_LOAD_GUARD_H

#include "sinks/load.h"

/* Leaves in `rows` what is to be written now; counts the rest in rows->n_stale. A row that is taken
 * out stays out if the flush is tried again: what the target has only becomes newer. Nothing to do
 * where the rows have no guard. */
int mr_load_guard(struct mr_load *load, struct mr_err *err);

/* O-07: what the rows delete is remembered, lest an older row brings it back: to be called once
 * nobody asks any more what the target had of these keys. */
int mr_load_guard_tombs(struct mr_load *load, struct mr_err *err);

/* deletes what is older than the rows' floor, and keeps it among the tombs. mr_load_guard
 * does it by itself. */
int mr_load_floor(struct mr_load *load, struct mr_err *err);

#endif
