/* The service's state as JSON: the body of /status and /readyz, and of `--json` outputs. */
#ifndef MR_CONSUMER_REPORT_H
#define MR_CONSUMER_REPORT_H

#include "consumer/status.h"

/* 0, or -MR_NO_MEMORY. Any thread. */
int mr_report_status(struct mr_service *service, struct mr_buf *out);
int mr_report_ready(struct mr_service *service, bool *ready, struct mr_buf *out);

/* One line of `millrace lag`. */
struct mr_lag_row {
    char stream[MR_STREAM_NAME_BYTES];
    int32_t partition;
    int64_t committed; /* Kafka's; -1: none */
    int64_t position;  /* the target's; -1: none */
    int64_t end;       /* -1: not known */
    int64_t lag;       /* records; -1: not known */
    double lag_seconds;
};
int mr_report_lag(const struct mr_lag_row *rows, size_t n, struct mr_buf *out);

#endif
