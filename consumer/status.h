/* What a running service says of itself: figures for the progress line, gauges for /metrics, and
 * the answers of /healthz, /readyz and /status. Reads atomics and short locks only: it never waits
 * for target, brokers or registry. Threads: any. */
#ifndef MR_CONSUMER_STATUS_H
#define MR_CONSUMER_STATUS_H

#include "consumer/service.h"

/* One look at the whole service. */
struct mr_status {
    uint32_t n_assigned;
    uint32_t n_flowing;
    uint32_t n_waiting; /* held, halted, fenced, claiming, seeking */
    uint32_t n_halted;
    int64_t lag_records; /* of all assigned partitions; ends that are not known count 0 */
    double lag_seconds;  /* the oldest of them */
    uint64_t n_records, n_bytes, n_flushes, n_letters, n_retries, n_fenced;
    double freshness_p50_s, freshness_p99_s;
    struct mr_err last_err; /* the newest trouble that still stands; code MR_OK: none */
};
void mr_status_read(struct mr_service *service, struct mr_status *out);

/* Lag of one partition as the process knows it: records, and seconds since its last loaded record
 * where records wait (0 when there is none). */
void mr_status_lag(struct mr_service *service, const struct mr_partition *part, int64_t *records,
                   double *seconds);

/* Brings the gauges up to date, for /metrics. */
void mr_status_gauges(struct mr_service *service);

/* False only if the process is wedged: a thread with work to do has not moved for `wedged_ms`, a
 * writer, or a fill thread that asks, also for the time that a statement may take. */
bool mr_status_healthy(struct mr_service *service, uint64_t wedged_ms, struct mr_buf *why);

enum { MR_STATUS_CHECKS = 5, MR_WEDGED_MS = 120000 };
struct mr_status_check {
    const char *name; /* "assignment" "target" "source" "registry" "tables" */
    bool ok;
    struct mr_err why; /* where not ok */
};
/* Each thing that must be well for the service to be of use; true: all are. */
bool mr_status_ready(struct mr_service *service, struct mr_status_check checks[MR_STATUS_CHECKS]);

#endif
