/* The table of metric families against design.md section 9 and Prometheus's rules for names. */
#include "consumer/meters.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/mr_test.h"

enum { MAX_TEXT = 128 * 1024 };

static char text[MAX_TEXT];

static bool ends_with(const char *name, const char *end)
{
    size_t a = strlen(name);
    size_t b = strlen(end);

    return a >= b && strcmp(name + a - b, end) == 0;
}

static const struct mr_metric_desc *family(const char *name, size_t len)
{
    for (size_t i = 0; i < MR_N_METERS; i++)
        if (strlen(mr_meters[i].name) == len && strncmp(mr_meters[i].name, name, len) == 0)
            return &mr_meters[i];
    return NULL;
}

static size_t count_labels(const struct mr_metric_desc *desc)
{
    size_t n = 0;

    while (n <= MR_METRICS_MAX_LABELS && desc->labels[n] != NULL)
        n++;
    return n;
}

MR_TEST("every meter has a row: a name of its own, a sentence of help, labels that end")
{
    for (size_t i = 0; i < MR_N_METERS; i++) {
        const struct mr_metric_desc *desc = &mr_meters[i];
        if (desc->name == NULL || desc->help == NULL)
            MR_FAIL("meter %zu has no row", i);
        MR_CHECK(family(desc->name, strlen(desc->name)) == desc);
        MR_CHECK(ends_with(desc->help, "."));
        MR_CHECK(count_labels(desc) <= MR_METRICS_MAX_LABELS);
        for (const char *c = desc->name; *c != '\0'; c++)
            MR_CHECK(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
    }
}

MR_TEST("a family is called _total exactly where it is a counter")
{
    for (size_t i = 0; i < MR_N_METERS; i++) {
        bool counter = mr_meters[i].kind == MR_COUNTER || mr_meters[i].kind == MR_COUNTER_F64;
        if (ends_with(mr_meters[i].name, "_total") != counter)
            MR_FAIL("%s is %sa counter", mr_meters[i].name, counter ? "" : "not ");
    }
}

MR_TEST("histograms have rising bounds up to infinity, and nothing else has bounds")
{
    for (size_t i = 0; i < MR_N_METERS; i++) {
        const double *buckets = mr_meters[i].buckets;
        MR_CHECK((mr_meters[i].kind == MR_HISTOGRAM) == (buckets != NULL));
        if (buckets == NULL)
            continue;
        size_t n = 1;
        for (; !isinf(buckets[n - 1]); n++) {
            MR_CHECK(n < MR_METRICS_MAX_BUCKETS);
            MR_CHECK(buckets[n] > buckets[n - 1]);
        }
        MR_CHECK(buckets[n - 1] > 0);
    }
}

/* ---- what design.md promises ---- */

static void doc_read(void)
{
    FILE *file = fopen("docs/design.md", "r");

    MR_CHECK(file != NULL);
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    MR_CHECK(len < sizeof text - 1);
    text[len] = '\0';
}

static void labels_check(const struct mr_metric_desc *desc, const char *at, const char *end)
{
    size_t n = 0;

    while (at < end) {
        size_t len = strcspn(at, ",}");
        if (n >= count_labels(desc) || strlen(desc->labels[n]) != len ||
            strncmp(desc->labels[n], at, len) != 0)
            MR_FAIL("%s: label %zu is not %.*s", desc->name, n, (int)len, at);
        n++;
        at += len + 1;
    }
    MR_CHECK_U64(n, count_labels(desc));
}

/* One `name` or `name{label,label}` of the section. */
static void promise_check(const char *at, size_t len)
{
    const char *brace = memchr(at, '{', len);
    size_t name_len = brace != NULL ? (size_t)(brace - at) : len;
    const struct mr_metric_desc *desc = family(at, name_len);

    if (desc == NULL)
        MR_FAIL("design.md promises %.*s, which is no meter", (int)name_len, at);
    if (brace != NULL && strncmp(brace, "{...", 4) != 0)
        labels_check(desc, brace + 1, at + len);
}

MR_TEST("the families and labels that design.md lists are those that are exported")
{
    size_t n = 0;

    doc_read();
    const char *at = strstr(text, "\n## 9. Observability");
    const char *end = at != NULL ? strstr(at, "In the target, views") : NULL;
    MR_CHECK(end != NULL);
    while ((at = strchr(at, '`')) != NULL && at < end) {
        size_t len = strcspn(++at, "`");
        if (strncmp(at, "millrace_", 9) == 0 || strncmp(at, "kafka_", 6) == 0) {
            promise_check(at, len);
            n++;
        }
        at += len + 1;
    }
    MR_CHECK(n >= 16);
}

/* design.md section 9: labels of the ecosystem's exporter */
MR_TEST("the lag's families carry group, topic and partition")
{
    static const char want[] = "group,topic,partition}";
    static const enum mr_meter meters[] = {MR_M_GROUP_LAG, MR_M_GROUP_LAG_SECONDS,
                                           MR_M_GROUP_OFFSET, MR_M_LATEST_OFFSET};

    for (size_t i = 0; i < sizeof meters / sizeof *meters; i++)
        labels_check(&mr_meters[meters[i]], want, want + strlen(want));
}

MR_TEST("a registry of the table prints every family's type")
{
    struct mr_metrics *metrics = mr_metrics_new(mr_meters, MR_N_METERS);
    struct mr_buf out = MR_BUF_INIT;
    const char *labels[MR_METRICS_MAX_LABELS] = {"a", "b", "c", "d"};
    char line[128];

    MR_CHECK(metrics != NULL);
    for (size_t i = 0; i < MR_N_METERS; i++)
        MR_CHECK(mr_metrics_series(metrics, i, labels) != NULL);
    mr_metrics_print(metrics, &out);
    for (size_t i = 0; i < MR_N_METERS; i++) {
        snprintf(line, sizeof line, "# TYPE %s ", mr_meters[i].name);
        if (strstr(mr_buf_cstr(&out), line) == NULL)
            MR_FAIL("%s is not printed", mr_meters[i].name);
    }
    mr_buf_release(&out);
    mr_metrics_free(metrics);
}
