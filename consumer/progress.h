/* What `run` shows of its progress: one live line on a terminal, log lines otherwise. Thread: main.
 */
#ifndef MR_CONSUMER_PROGRESS_H
#define MR_CONSUMER_PROGRESS_H

#include "consumer/status.h"

enum { MR_PROGRESS_LINE_MS = 500, MR_PROGRESS_LOG_MS = 10000 };

struct mr_progress {
    struct mr_service *service;
    bool terminal; /* standard error is one */
    uint64_t last_ms;
    uint64_t last_records;
    double rate; /* records/s, smoothed */
};

void mr_progress_init(struct mr_progress *progress, struct mr_service *service);
/* Shows the state if it is time to. */
void mr_progress_tick(struct mr_progress *progress);
/* Clears the line. */
void mr_progress_end(struct mr_progress *progress);

/* The text of the line: "12,345 rec/s  lag 1,000 (0.4 s)  fresh p50 0.21 s ..."; tests read it. */
void mr_progress_text(const struct mr_status *status, double rate, struct mr_buf *out);

#endif
