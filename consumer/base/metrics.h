/* Counters, gauges and histograms with labels, and their Prometheus text (exposition format
 * 0.0.4). Families are declared in one const table by whoever owns them; series are made at first
 * use, bounded by MR_METRICS_MAX_SERIES a family, and live as long as the registry. Updating a
 * series is one relaxed atomic operation. Threads: any. */
#ifndef MR_BASE_METRICS_H
#define MR_BASE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"

enum mr_metric_kind {
    MR_COUNTER,
    MR_GAUGE,
    MR_HISTOGRAM,
    MR_COUNTER_F64 /* a counter with a fraction (CPU seconds), set as a whole by mr_gauge_set() */
};
enum { MR_METRICS_MAX_SERIES = 20000, MR_METRICS_MAX_LABELS = 4, MR_METRICS_MAX_BUCKETS = 24 };

struct mr_metric_desc {
    const char *name; /* with unit and _total as Prometheus wants it */
    const char *help;
    enum mr_metric_kind kind;
    const char *labels[MR_METRICS_MAX_LABELS + 1]; /* NULL-terminated */
    const double *buckets; /* upper bounds ascending, ends with INFINITY; histograms only */
};

struct mr_series; /* one (family, label values) */
struct mr_metrics;

/* `descs` is borrowed for the registry's life. NULL when memory is out. */
struct mr_metrics *mr_metrics_new(const struct mr_metric_desc *descs, size_t n_descs);
void mr_metrics_free(struct mr_metrics *metrics);

/* The series of family number `desc_idx` with these label values (as many as the family has
 * labels; copied); made if absent. Never NULL: past the bound a shared overflow series. */
struct mr_series *mr_metrics_series(struct mr_metrics *metrics, size_t desc_idx,
                                    const char *const *label_values);
/* Forgets a series (a revoked partition's lag). The pointer must not be used again. */
void mr_metrics_drop(struct mr_metrics *metrics, size_t desc_idx, const char *const *label_values);

void mr_counter_add(struct mr_series *series, uint64_t n);
/* Raises the counter to a total that is counted elsewhere (librdkafka's figures). Never lowers it.
 */
void mr_counter_raise(struct mr_series *series, uint64_t total);
void mr_gauge_set(struct mr_series *series, double value);
/* Finds or makes a gauge's series and sets it at once: for series that another thread may drop. */
void mr_metrics_set(struct mr_metrics *metrics, size_t desc_idx, const char *const *label_values,
                    double value);
void mr_histogram_observe(struct mr_series *series, double value, uint64_t n_times);
uint64_t mr_counter_value(const struct mr_series *series);
double mr_gauge_value(const struct mr_series *series);
/* Estimate of a quantile (0..1) by linear interpolation inside the bucket; 0 when empty. */
double mr_histogram_quantile(const struct mr_series *series, double q);
uint64_t mr_histogram_count(const struct mr_series *series);

/* Appends the whole registry as Prometheus text. */
void mr_metrics_print(struct mr_metrics *metrics, struct mr_buf *out);

#endif
