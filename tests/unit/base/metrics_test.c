/* Series, their bound, and the Prometheus text. */
#include "base/metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/lock.h"
#include "tests/support/mr_test.h"

enum { RECORDS, STATE, FLUSH, LAG, BYTES, CPU, N_DESCS };

static const double bounds[] = {0.005, 0.1, 1, INFINITY};
static const double one_bound[] = {INFINITY};
static const struct mr_metric_desc descs[N_DESCS] = {
    [RECORDS] = {"millrace_records_total", "Records read.", MR_COUNTER, {"topic", "op"}, NULL},
    [STATE] = {"millrace_state", "A \\ and a\nline.", MR_GAUGE, {"name"}, NULL},
    [FLUSH] = {"millrace_flush_duration_seconds", "Flushes.", MR_HISTOGRAM, {"table"}, bounds},
    [LAG] = {"millrace_lag", "Lag.", MR_HISTOGRAM, {NULL}, one_bound},
    [BYTES] = {"millrace_bytes_total", "Bytes.", MR_COUNTER, {NULL}, NULL},
    [CPU] = {"process_cpu_seconds_total", "CPU.", MR_COUNTER_F64, {NULL}, NULL},
};

static struct {
    struct mr_metrics *metrics;
    struct mr_buf text;
} f;

MR_SETUP
{
    f.metrics = mr_metrics_new(descs, N_DESCS);
    f.text = (struct mr_buf)MR_BUF_INIT;
    MR_CHECK(f.metrics != NULL);
}

MR_TEARDOWN
{
    mr_metrics_free(f.metrics);
    mr_buf_release(&f.text);
}

static const char *print(void)
{
    mr_buf_reset(&f.text);
    mr_metrics_print(f.metrics, &f.text);
    return mr_buf_cstr(&f.text);
}

static struct mr_series *series(size_t desc_idx, const char *one, const char *two)
{
    return mr_metrics_series(f.metrics, desc_idx, (const char *const[]){one, two});
}

MR_TEST("a new registry shows the families without labels at zero, and no others")
{
    MR_CHECK_STR(print(), "# HELP millrace_lag Lag.\n"
                          "# TYPE millrace_lag histogram\n"
                          "millrace_lag_bucket{le=\"+Inf\"} 0\n"
                          "millrace_lag_sum 0\n"
                          "millrace_lag_count 0\n"
                          "# HELP millrace_bytes_total Bytes.\n"
                          "# TYPE millrace_bytes_total counter\n"
                          "millrace_bytes_total 0\n"
                          "# HELP process_cpu_seconds_total CPU.\n"
                          "# TYPE process_cpu_seconds_total counter\n"
                          "process_cpu_seconds_total 0\n");
}

MR_TEST("the same label values give the same series, others another")
{
    struct mr_series *a = series(RECORDS, "orders", "c");
    MR_CHECK(series(RECORDS, "orders", "c") == a);
    MR_CHECK(series(RECORDS, "orders", "u") != a);
    MR_CHECK(series(RECORDS, "order", "sc") != a);
    mr_counter_add(a, 2);
    mr_counter_add(a, 3);
    MR_CHECK_U64(mr_counter_value(a), 5);
    MR_CHECK_U64(mr_counter_value(series(RECORDS, "orders", "u")), 0);
}

MR_TEST("a family without labels has one series, with or without an array of values")
{
    struct mr_series *bytes = mr_metrics_series(f.metrics, BYTES, NULL);
    MR_CHECK(series(BYTES, NULL, NULL) == bytes);
    mr_metrics_drop(f.metrics, BYTES, NULL);
    mr_counter_add(bytes, 7);
    MR_CHECK(strstr(print(), "\nmillrace_bytes_total 7\n") != NULL);
}

MR_TEST("counters and gauges print help, type and their series in order of creation")
{
    mr_counter_add(series(RECORDS, "b", "c"), UINT64_MAX);
    mr_counter_add(series(RECORDS, "a", "c"), 1);
    mr_gauge_set(series(STATE, "x", NULL), 0.1);
    const char *want = "# HELP millrace_records_total Records read.\n"
                       "# TYPE millrace_records_total counter\n"
                       "millrace_records_total{topic=\"b\",op=\"c\"} 18446744073709551615\n"
                       "millrace_records_total{topic=\"a\",op=\"c\"} 1\n"
                       "# HELP millrace_state A \\\\ and a\\nline.\n"
                       "# TYPE millrace_state gauge\n"
                       "millrace_state{name=\"x\"} 0.1\n";
    MR_CHECK_MEM(print(), want, strlen(want));
}

MR_TEST("label values are escaped, and bytes that are not UTF-8 do not spoil the scrape")
{
    mr_gauge_set(series(STATE, "q\" b\\ n\n \xff\xc3\xa9", NULL), 1);
    MR_CHECK(strstr(print(), "{name=\"q\\\" b\\\\ n\\n \xef\xbf\xbd\xc3\xa9\"} 1\n") != NULL);
    MR_CHECK(mr_utf8_valid(f.text.data, f.text.len));
}

MR_TEST("a very long label value is cut at a character")
{
    char name[2000];
    memset(name, 'x', sizeof name);
    name[511] = '\xc3';
    name[512] = '\xa9';
    name[sizeof name - 1] = '\0';
    mr_gauge_set(series(STATE, name, NULL), 1);
    MR_CHECK(strstr(print(), "xxx\"} 1\n") != NULL);
    const char *value = strstr(mr_buf_cstr(&f.text), "{name=\"") + strlen("{name=\"");
    MR_CHECK_U64(strcspn(value, "\""), 511);
    memset(name, '\xff', sizeof name - 1);
    mr_gauge_set(series(STATE, name, NULL), 2);
    value = strstr(print(), "{name=\"\xef") + strlen("{name=\"");
    MR_CHECK_U64(strcspn(value, "\""), 3 * 512);
}

MR_TEST("numbers print so that they read back the same, with Prometheus' words for the odd ones")
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {0.1, "0.1"},
        {1e21, "1e+21"},
        {1.0 / 3, "0.3333333333333333"},
        {123456789012345678.0, "1.2345678901234568e+17"},
        {1795259045.123, "1795259045.123"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
        {NAN, "NaN"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char want[64];
        (void)snprintf(want, sizeof want, "{name=\"x\"} %s\n", cases[i].text);
        mr_gauge_set(series(STATE, "x", NULL), cases[i].value);
        if (strstr(print(), want) == NULL)
            MR_FAIL("no %s in %s", want, mr_buf_cstr(&f.text));
    }
}

MR_TEST("a histogram counts a value in the first bucket whose bound it does not pass")
{
    struct mr_series *flush = series(FLUSH, "t", NULL);
    mr_histogram_observe(flush, 0.005, 1);
    mr_histogram_observe(flush, 0.0051, 2);
    mr_histogram_observe(flush, 1, 1);
    mr_histogram_observe(flush, 50, 3);
    mr_histogram_observe(flush, NAN, 1);
    MR_CHECK_U64(mr_histogram_count(flush), 7);
    const char *want = "# HELP millrace_flush_duration_seconds Flushes.\n"
                       "# TYPE millrace_flush_duration_seconds histogram\n"
                       "millrace_flush_duration_seconds_bucket{table=\"t\",le=\"0.005\"} 1\n"
                       "millrace_flush_duration_seconds_bucket{table=\"t\",le=\"0.1\"} 3\n"
                       "millrace_flush_duration_seconds_bucket{table=\"t\",le=\"1\"} 4\n"
                       "millrace_flush_duration_seconds_bucket{table=\"t\",le=\"+Inf\"} 7\n"
                       "millrace_flush_duration_seconds_sum{table=\"t\"} 151.0152\n"
                       "millrace_flush_duration_seconds_count{table=\"t\"} 7\n";
    MR_CHECK_MEM(print(), want, strlen(want));
}

static void check_near(double actual, double expected)
{
    if (fabs(actual - expected) > 1e-9)
        MR_FAIL("%.12g, want %.12g", actual, expected);
}

MR_TEST("a quantile lies inside its bucket by its share, and at the last bound beyond it")
{
    struct mr_series *flush = series(FLUSH, "t", NULL);
    check_near(mr_histogram_quantile(flush, 0.5), 0);
    mr_histogram_observe(flush, 0.05, 100);
    check_near(mr_histogram_quantile(flush, 0), 0.005);
    check_near(mr_histogram_quantile(flush, 0.5), 0.0525);
    check_near(mr_histogram_quantile(flush, 1), 0.1);
    mr_histogram_observe(flush, 0.5, 100);
    check_near(mr_histogram_quantile(flush, 0.75), 0.55);
    mr_histogram_observe(flush, 99, 1000);
    check_near(mr_histogram_quantile(flush, 0.9), 1);
    struct mr_series *lag = mr_metrics_series(f.metrics, LAG, NULL);
    mr_histogram_observe(lag, 5, 1);
    check_near(mr_histogram_quantile(lag, 0.5), 0);
}

MR_TEST("a dropped series is gone from the text, and made anew at zero")
{
    mr_counter_add(series(RECORDS, "a", "c"), 1);
    mr_counter_add(series(RECORDS, "b", "c"), 2);
    mr_counter_add(series(RECORDS, "c", "c"), 3);
    mr_metrics_drop(f.metrics, RECORDS, (const char *const[]){"b", "c"});
    mr_metrics_drop(f.metrics, RECORDS, (const char *const[]){"unknown", "c"});
    MR_CHECK(strstr(print(), "topic=\"b\"") == NULL);
    MR_CHECK(strstr(print(), "{topic=\"a\",op=\"c\"} 1\n") != NULL);
    MR_CHECK_U64(mr_counter_value(series(RECORDS, "b", "c")), 0);
    mr_metrics_drop(f.metrics, RECORDS, (const char *const[]){"a", "c"});
    mr_metrics_drop(f.metrics, RECORDS, (const char *const[]){"b", "c"});
    MR_CHECK(strstr(print(), "op=\"c\"} 3\n") != NULL);
    mr_metrics_drop(f.metrics, RECORDS, (const char *const[]){"c", "c"});
    MR_CHECK(strstr(print(), "millrace_records_total") == NULL);
}

MR_TEST("past the bound all further label values share one series")
{
    char topic[32];
    for (int i = 0; i < MR_METRICS_MAX_SERIES; i++) {
        (void)snprintf(topic, sizeof topic, "t%d", i);
        mr_counter_add(series(RECORDS, topic, "c"), 1);
    }
    struct mr_series *shared = series(RECORDS, "one more", "c");
    MR_CHECK(series(RECORDS, "and another", "c") == shared);
    MR_CHECK(series(RECORDS, "t0", "c") != shared);
    mr_counter_add(shared, 9);
    MR_CHECK(strstr(print(), "{topic=\"_overflow\",op=\"_overflow\"} 9\n") != NULL);
    mr_metrics_drop(f.metrics, RECORDS, (const char *const[]){"t0", "c"});
    MR_CHECK(series(RECORDS, "one more", "c") != shared);
}

MR_TEST("a counter raised to a total from elsewhere never falls")
{
    struct mr_series *bytes = mr_metrics_series(f.metrics, BYTES, NULL);
    mr_counter_raise(bytes, 10);
    mr_counter_raise(bytes, 4);
    MR_CHECK_U64(mr_counter_value(bytes), 10);
    mr_gauge_set(mr_metrics_series(f.metrics, CPU, NULL), 1.5);
    MR_CHECK(strstr(print(), "process_cpu_seconds_total 1.5\n") != NULL);
}

MR_TEST("a buffer too small for the text says so")
{
    f.text.limit = 50;
    (void)print();
    MR_CHECK(!mr_buf_ok(&f.text));
}

enum { N_THREADS = 4, N_ROUNDS = 2000 };

static void *update(void *arg)
{
    char topic[16];
    const char *own = arg;
    for (int i = 0; i < N_ROUNDS; i++) {
        (void)snprintf(topic, sizeof topic, "t%d", i % 10);
        mr_counter_add(series(RECORDS, topic, "c"), 1);
        mr_histogram_observe(series(FLUSH, "t", NULL), 0.5, 1);
        mr_gauge_set(series(STATE, own, NULL), i);
        if (i % 50 == 0)
            mr_metrics_drop(f.metrics, STATE, &own);
    }
    return NULL;
}

static const char *const gone[] = {"gone"};

static void *drop_state(void *arg)
{
    (void)arg;
    for (int i = 0; i < N_ROUNDS; i++)
        mr_metrics_drop(f.metrics, STATE, gone);
    return NULL;
}

/* under TSan and ASan a series that is used after it was dropped fails here */
MR_TEST("a gauge that another thread drops can be set by its labels")
{
    pthread_t thread;

    MR_CHECK_OK(mr_thread_start(&thread, "drop", drop_state, NULL));
    for (int i = 0; i < N_ROUNDS; i++)
        mr_metrics_set(f.metrics, STATE, gone, i);
    MR_CHECK_INT(pthread_join(thread, NULL), 0);
    mr_metrics_set(f.metrics, STATE, gone, 7);
    MR_CHECK(mr_gauge_value(series(STATE, "gone", NULL)) == 7);
    mr_metrics_set(f.metrics, CPU, NULL, 1.5);
    MR_CHECK(strstr(print(), "process_cpu_seconds_total 1.5\n") != NULL);
}

MR_TEST("threads count, make and drop series while another prints")
{
    static const char *const names[N_THREADS] = {"a", "b", "c", "d"};
    pthread_t threads[N_THREADS];
    for (int i = 0; i < N_THREADS; i++) {
        void *name;
        memcpy(&name, &names[i], sizeof name);
        MR_CHECK_OK(mr_thread_start(&threads[i], "update", update, name));
    }
    for (int i = 0; i < 50; i++)
        (void)print();
    for (int i = 0; i < N_THREADS; i++)
        MR_CHECK_INT(pthread_join(threads[i], NULL), 0);
    uint64_t n = 0;
    for (int i = 0; i < 10; i++) {
        char topic[16];
        (void)snprintf(topic, sizeof topic, "t%d", i);
        n += mr_counter_value(series(RECORDS, topic, "c"));
    }
    MR_CHECK_U64(n, N_THREADS * N_ROUNDS);
    MR_CHECK_U64(mr_histogram_count(series(FLUSH, "t", NULL)), N_THREADS * N_ROUNDS);
    MR_CHECK(strstr(print(), "_sum{table=\"t\"} 4000\n") != NULL);
}
