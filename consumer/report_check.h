/* Findings as JSON: `millrace check --json`. */
#ifndef MR_CONSUMER_REPORT_CHECK_H
#define MR_CONSUMER_REPORT_CHECK_H

#include "sinks/findings.h"

/* Appends one object on its own lines. 0, or -MR_NO_MEMORY. */
int mr_report_findings(const struct mr_findings *findings, struct mr_buf *out);

#endif
