/* Owns the series of all families, and their text. Must not know what they count. Invariants: a
 * series lives until it is dropped, so pointers to it stay valid; the lock guards the set of
 * series, never a value; printed buckets, sum and count of one histogram agree on the count. */
#include "base/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/map.h"

#include "base/ban.h"

enum { METRICS_RANK = 70, METRICS_LABEL_BYTES = 512 /* a longer value is cut */ };

struct mr_series {
    struct metric_family *family;
    struct mr_series *next; /* of the family, in order of creation */
    struct mr_series *prev;
    char *labels; /* printed: a="x",b="y"; "" without labels */
    size_t labels_len;
    _Atomic uint64_t value; /* counter: the count; gauge: the double's bits; histogram: sum's */
    _Atomic uint64_t n_in_bucket[]; /* thread: any, relaxed */
};

struct metric_family {
    const struct mr_metric_desc *desc;
    size_t n_labels;
    size_t n_buckets;
    struct mr_map by_labels;
    struct mr_series *first;
    struct mr_series *last;
    struct mr_series *overflow;
    bool overflowed;
};

struct mr_metrics {
    struct mr_lock lock;
    size_t n_families;
    struct metric_family families[] MR_GUARDED_BY(lock);
};

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* A label value or help text. The format knows three escapes, and a scrape with bytes that are not
 * UTF-8 is refused as a whole.
 * Source: prometheus.io, "Exposition formats", "Text format details". */
static void put_escaped(struct mr_buf *out, const char *text, bool in_quotes)
{
    const uint8_t *at = (const uint8_t *)text;
    const uint8_t *end = at + strlen(text);
    size_t room = in_quotes ? (size_t)METRICS_LABEL_BYTES : SIZE_MAX;
    while (at < end) {
        size_t len = mr_utf8_step(at, (size_t)(end - at));
        size_t n = len > 0 ? len : 1;
        if (n > room)
            break;
        if (len == 0) {
            mr_buf_str(out, "\xef\xbf\xbd");
        } else if (*at == '\\') {
            mr_buf_str(out, "\\\\");
        } else if (*at == '\n') {
            mr_buf_str(out, "\\n");
        } else if (*at == '"' && in_quotes) {
            mr_buf_str(out, "\\\"");
        } else {
            mr_buf_add(out, at, n);
        }
        at += n;
        room -= n;
    }
}

/* The shortest of 15 to 17 digits that reads back as the same number. */
static void put_double(struct mr_buf *out, double v)
{
    if (isnan(v)) {
        mr_buf_str(out, "NaN");
    } else if (isinf(v)) {
        mr_buf_str(out, v > 0 ? "+Inf" : "-Inf");
    } else {
        char text[32];
        for (int digits = 15; digits <= 17; digits++) {
            (void)snprintf(text, sizeof text, "%.*g", digits, v);
            if (bits_of(strtod(text, NULL)) == bits_of(v))
                break;
        }
        mr_buf_str(out, text);
    }
}

/* `values` NULL: the labels of the shared series past the bound. */
static void put_labels(struct mr_buf *out, const struct metric_family *family,
                       const char *const *values)
{
    for (size_t i = 0; i < family->n_labels; i++) {
        mr_buf_fmt(out, "%s%s=\"", i > 0 ? "," : "", family->desc->labels[i]);
        put_escaped(out, values != NULL ? values[i] : "_overflow", true);
        mr_buf_byte(out, '"');
    }
}

static struct mr_series *series_new(struct metric_family *family, const struct mr_buf *labels)
{
    size_t n_buckets = family->n_buckets;
    struct mr_series *series =
        calloc(1, sizeof *series + n_buckets * sizeof series->n_in_bucket[0]);
    if (series == NULL)
        return NULL;
    series->family = family;
    series->labels_len = labels->len;
    series->labels = calloc(1, labels->len + 1);
    if (series->labels == NULL) {
        free(series);
        return NULL;
    }
    if (labels->len > 0)
        memcpy(series->labels, labels->data, labels->len);
    return series;
}

static void series_free(struct mr_series *series)
{
    if (series == NULL)
        return;
    free(series->labels);
    free(series);
}

static int family_init(struct metric_family *family, const struct mr_metric_desc *desc,
                       uint64_t seed)
{
    family->desc = desc;
    while (family->n_labels < MR_METRICS_MAX_LABELS && desc->labels[family->n_labels] != NULL)
        family->n_labels++;
    if (desc->kind == MR_HISTOGRAM) {
        while (!isinf(desc->buckets[family->n_buckets]))
            family->n_buckets++;
        family->n_buckets++;
        assert(family->n_buckets <= MR_METRICS_MAX_BUCKETS);
    }
    mr_map_init(&family->by_labels, seed);
    struct mr_buf labels = MR_BUF_INIT;
    put_labels(&labels, family, NULL);
    if (mr_buf_ok(&labels))
        family->overflow = series_new(family, &labels);
    mr_buf_release(&labels);
    /* A family without labels has one series, and shows its zero from the start. */
    family->overflowed = family->n_labels == 0;
    return family->overflow != NULL ? 0 : -1;
}

static void family_release(struct metric_family *family)
{
    struct mr_series *series = family->first;
    while (series != NULL) {
        struct mr_series *next = series->next;
        series_free(series);
        series = next;
    }
    series_free(family->overflow);
    mr_map_release(&family->by_labels);
}

MR_NO_TSA struct mr_metrics *mr_metrics_new(const struct mr_metric_desc *descs, size_t n_descs)
{
    struct mr_metrics *metrics = calloc(1, sizeof *metrics + n_descs * sizeof metrics->families[0]);
    if (metrics == NULL)
        return NULL;
    mr_lock_init(&metrics->lock, METRICS_RANK);
    metrics->n_families = n_descs;
    /* Topic names are chosen by whoever may create topics, so the seed must not be known. */
    struct mr_env env;
    mr_env_init_system(&env);
    for (size_t i = 0; i < n_descs; i++) {
        if (family_init(&metrics->families[i], &descs[i], mr_rng_u64(&env.rng)) < 0) {
            mr_metrics_free(metrics);
            return NULL;
        }
    }
    return metrics;
}

MR_NO_TSA void mr_metrics_free(struct mr_metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (size_t i = 0; i < metrics->n_families; i++)
        family_release(&metrics->families[i]);
    mr_lock_release(&metrics->lock);
    free(metrics);
}

/* The series of these printed labels, made if absent; the shared one past the bound. */
static struct mr_series *family_series(struct metric_family *family, const struct mr_buf *labels)
{
    struct mr_series *series = mr_map_find(&family->by_labels, labels->data, labels->len);
    if (series != NULL)
        return series;
    if (mr_buf_ok(labels) && family->by_labels.n_entries < MR_METRICS_MAX_SERIES)
        series = series_new(family, labels);
    if (series != NULL &&
        mr_map_put(&family->by_labels, series->labels, series->labels_len, series) < 0) {
        series_free(series);
        series = NULL;
    }
    if (series == NULL) {
        family->overflowed = true;
        return family->overflow;
    }
    series->prev = family->last;
    if (family->last != NULL)
        family->last->next = series;
    else
        family->first = series;
    family->last = series;
    return series;
}

/* `labels` is the caller's scratch. */
static struct mr_series *series_get(struct mr_metrics *metrics, size_t desc_idx,
                                    const char *const *label_values, struct mr_buf *labels)
    MR_REQUIRES(metrics->lock)
{
    assert(desc_idx < metrics->n_families);
    struct metric_family *family = &metrics->families[desc_idx];
    if (family->n_labels == 0)
        return family->overflow;
    put_labels(labels, family, label_values);
    return family_series(family, labels);
}

struct mr_series *mr_metrics_series(struct mr_metrics *metrics, size_t desc_idx,
                                    const char *const *label_values)
{
    struct mr_buf labels = MR_BUF_INIT;
    mr_lock_take(&metrics->lock);
    struct mr_series *series = series_get(metrics, desc_idx, label_values, &labels);
    mr_lock_drop(&metrics->lock);
    mr_buf_release(&labels);
    return series;
}

void mr_metrics_set(struct mr_metrics *metrics, size_t desc_idx, const char *const *label_values,
                    double value)
{
    struct mr_buf labels = MR_BUF_INIT;
    mr_lock_take(&metrics->lock);
    mr_gauge_set(series_get(metrics, desc_idx, label_values, &labels), value);
    mr_lock_drop(&metrics->lock);
    mr_buf_release(&labels);
}

void mr_metrics_drop(struct mr_metrics *metrics, size_t desc_idx, const char *const *label_values)
{
    assert(desc_idx < metrics->n_families);
    struct mr_buf labels = MR_BUF_INIT;
    struct mr_series *series = NULL;
    mr_lock_take(&metrics->lock);
    struct metric_family *family = &metrics->families[desc_idx];
    if (family->n_labels > 0) {
        put_labels(&labels, family, label_values);
        series = mr_map_remove(&family->by_labels, labels.data, labels.len);
    }
    if (series != NULL) {
        if (series->prev != NULL)
            series->prev->next = series->next;
        else
            family->first = series->next;
        if (series->next != NULL)
            series->next->prev = series->prev;
        else
            family->last = series->prev;
    }
    mr_lock_drop(&metrics->lock);
    mr_buf_release(&labels);
    series_free(series);
}

void mr_counter_add(struct mr_series *series, uint64_t n)
{
    assert(series->family->desc->kind == MR_COUNTER);
    (void)atomic_fetch_add_explicit(&series->value, n, memory_order_relaxed);
}

void mr_counter_raise(struct mr_series *series, uint64_t total)
{
    assert(series->family->desc->kind == MR_COUNTER);
    uint64_t now = atomic_load_explicit(&series->value, memory_order_relaxed);
    while (now < total &&
           !atomic_compare_exchange_weak_explicit(&series->value, &now, total, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

void mr_gauge_set(struct mr_series *series, double value)
{
    assert(series->family->desc->kind == MR_GAUGE || series->family->desc->kind == MR_COUNTER_F64);
    atomic_store_explicit(&series->value, bits_of(value), memory_order_relaxed);
}

void mr_histogram_observe(struct mr_series *series, double value, uint64_t n_times)
{
    const struct metric_family *family = series->family;
    assert(family->desc->kind == MR_HISTOGRAM);
    if (isnan(value))
        return; /* would turn the sum into NaN for good */
    size_t bucket = 0;
    while (bucket + 1 < family->n_buckets && value > family->desc->buckets[bucket])
        bucket++;
    (void)atomic_fetch_add_explicit(&series->n_in_bucket[bucket], n_times, memory_order_relaxed);
    uint64_t now = atomic_load_explicit(&series->value, memory_order_relaxed);
    uint64_t next;
    do
        next = bits_of(double_of(now) + value * (double)n_times);
    while (!atomic_compare_exchange_weak_explicit(&series->value, &now, next, memory_order_relaxed,
                                                  memory_order_relaxed));
}

uint64_t mr_counter_value(const struct mr_series *series)
{
    return atomic_load_explicit(&series->value, memory_order_relaxed);
}

double mr_gauge_value(const struct mr_series *series)
{
    return double_of(atomic_load_explicit(&series->value, memory_order_relaxed));
}

static uint64_t bucket_count(const struct mr_series *series, size_t bucket)
{
    return atomic_load_explicit(&series->n_in_bucket[bucket], memory_order_relaxed);
}

uint64_t mr_histogram_count(const struct mr_series *series)
{
    uint64_t n = 0;
    for (size_t i = 0; i < series->family->n_buckets; i++)
        n += bucket_count(series, i);
    return n;
}

double mr_histogram_quantile(const struct mr_series *series, double q)
{
    const double *bounds = series->family->desc->buckets;
    size_t n_buckets = series->family->n_buckets;
    uint64_t counts[MR_METRICS_MAX_BUCKETS]; /* one look, since others count meanwhile */
    uint64_t total = 0;
    for (size_t i = 0; i < n_buckets; i++) {
        counts[i] = bucket_count(series, i);
        total += counts[i];
    }
    if (total == 0)
        return 0;
    double rank = q * (double)total;
    double below = 0;
    for (size_t i = 0; i + 1 < n_buckets; i++) {
        double in_bucket = (double)counts[i];
        if (in_bucket > 0 && below + in_bucket >= rank) {
            double from = i > 0 ? bounds[i - 1] : (bounds[0] < 0 ? bounds[0] : 0);
            double part = rank > below ? (rank - below) / in_bucket : 0;
            return from + (bounds[i] - from) * part;
        }
        below += in_bucket;
    }
    /* In the bucket without an upper bound: its lower bound is all that is known. */
    return n_buckets > 1 ? bounds[n_buckets - 2] : 0;
}

static void print_sample(struct mr_buf *out, const struct mr_series *series, const char *suffix)
{
    mr_buf_fmt(out, "%s%s", series->family->desc->name, suffix);
    if (series->labels_len > 0)
        mr_buf_fmt(out, "{%s}", series->labels);
    mr_buf_byte(out, ' ');
}

static void print_histogram(struct mr_buf *out, const struct mr_series *series)
{
    const struct metric_family *family = series->family;
    uint64_t n = 0;
    for (size_t i = 0; i < family->n_buckets; i++) {
        n += bucket_count(series, i);
        mr_buf_fmt(out, "%s_bucket{%s%sle=\"", family->desc->name, series->labels,
                   series->labels_len > 0 ? "," : "");
        put_double(out, family->desc->buckets[i]);
        mr_buf_fmt(out, "\"} %" PRIu64 "\n", n);
    }
    print_sample(out, series, "_sum");
    put_double(out, mr_gauge_value(series));
    mr_buf_byte(out, '\n');
    print_sample(out, series, "_count");
    mr_buf_fmt(out, "%" PRIu64 "\n", n);
}

static void print_series(struct mr_buf *out, const struct mr_series *series)
{
    switch (series->family->desc->kind) {
    case MR_COUNTER:
        print_sample(out, series, "");
        mr_buf_fmt(out, "%" PRIu64 "\n", mr_counter_value(series));
        break;
    case MR_GAUGE:
    case MR_COUNTER_F64:
        print_sample(out, series, "");
        put_double(out, mr_gauge_value(series));
        mr_buf_byte(out, '\n');
        break;
    case MR_HISTOGRAM:
        print_histogram(out, series);
        break;
    }
}

static void print_family(struct mr_buf *out, const struct metric_family *family)
{
    static const char *const types[] = {
        [MR_COUNTER] = "counter",
        [MR_GAUGE] = "gauge",
        [MR_HISTOGRAM] = "histogram",
        [MR_COUNTER_F64] = "counter",
    };
    if (family->first == NULL && !family->overflowed)
        return;
    mr_buf_fmt(out, "# HELP %s ", family->desc->name);
    put_escaped(out, family->desc->help, false);
    mr_buf_fmt(out, "\n# TYPE %s %s\n", family->desc->name, types[family->desc->kind]);
    for (const struct mr_series *series = family->first; series != NULL; series = series->next)
        print_series(out, series);
    if (family->overflowed)
        print_series(out, family->overflow);
}

void mr_metrics_print(struct mr_metrics *metrics, struct mr_buf *out)
{
    mr_lock_take(&metrics->lock);
    for (size_t i = 0; i < metrics->n_families; i++)
        print_family(out, &metrics->families[i]);
    mr_lock_drop(&metrics->lock);
}
