/* The metrics of design.md section 9: one const table of families, and the series that hot paths
 * hold. */
#ifndef MR_CONSUMER_METERS_H
#define MR_CONSUMER_METERS_H

#include "base/metrics.h"

enum mr_meter {
    MR_M_GROUP_LAG,
    MR_M_GROUP_LAG_SECONDS,
    MR_M_GROUP_OFFSET,
    MR_M_LATEST_OFFSET,
    MR_M_RECORDS,
    MR_M_ROWS_WRITTEN,
    MR_M_BYTES_CONSUMED,
    MR_M_FLUSH_DURATION,
    MR_M_FLUSH_ROWS,
    MR_M_FRESHNESS,
    MR_M_ERRORS,
    MR_M_RETRIES,
    MR_M_DEAD_LETTERS,
    MR_M_LETTERS_PURGED,
    MR_M_FIELDS_IGNORED,
    MR_M_COLUMNS_UNSEEN,
    MR_M_PARTITION_STATE,
    MR_M_POOL_CONNECTIONS,
    MR_M_REGISTRY_REQUESTS,
    MR_M_SCHEMA_DISAGREEMENTS,
    MR_M_REBALANCES,
    MR_M_FENCED,
    MR_M_STALE,
    MR_M_CROSS_PARTITION_KEY,
    MR_M_LEFT_OUT,
    MR_M_AFTER_POISON,
    MR_M_PARENT_WAITS,
    MR_M_BUILD_INFO,
    MR_M_RESIDENT_BYTES,
    MR_M_CPU_SECONDS,
    MR_M_OPEN_FDS,
    MR_M_START_TIME,
    MR_N_METERS
};

/* For mr_metrics_new: indexed by enum mr_meter. docs/metrics.md is printed from it. */
extern const struct mr_metric_desc mr_meters[MR_N_METERS];

/* Appends docs/metrics.md. */
void mr_meters_page(struct mr_buf *out);

#endif
