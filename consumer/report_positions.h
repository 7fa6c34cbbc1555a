/* What `millrace positions --json` prints. */
#ifndef MR_CONSUMER_REPORT_POSITIONS_H
#define MR_CONSUMER_REPORT_POSITIONS_H

#include "consumer/placing.h"

/* Each appends an object or array: 0, or -MR_NO_MEMORY. */
int mr_report_positions(const struct mr_position *positions, size_t n, struct mr_buf *out);
int mr_report_placing(const struct mr_placing *placing, bool applied, struct mr_buf *out);

#endif
