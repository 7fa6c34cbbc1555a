/* A plan that is shown, as JSON: `millrace plan --json`. */
#ifndef MR_CONSUMER_REPORT_PLAN_H
#define MR_CONSUMER_REPORT_PLAN_H

#include "consumer/planning.h"

/* Appends the topic as one object, on its own lines. 0, or -MR_NO_MEMORY. */
int mr_report_planned(const struct mr_planned *planned, struct mr_buf *out);

#endif
