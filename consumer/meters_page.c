/* Owns docs/metrics.md, printed from the table of families: a family that is not in the table is
 * not documented, and the other way round. */
#include <math.h>
#include <string.h>

#include "consumer/meters.h"

#include "base/ban.h"

static const char intro[] =
    "# Metrics\n"
    "\n"
    "This page is printed by `millrace config --metrics` and compared with the program by a test: "
    "do not\n"
    "edit it. `/metrics` of the admin listener (`http.listen`) serves Prometheus' text form "
    "(0.0.4). A\n"
    "series appears with its first value, and those of a partition go when it is revoked. A family "
    "has at\n"
    "most ";
static const char intro_end[] =
    " series; what comes after them shares one whose labels are `_overflow`.\n";

/* The families whose names begin with `prefix`, in the table's order. */
static const struct {
    const char *prefix;
    const char *title;
    const char *about;
} groups[] = {
    {"kafka_", "Position and lag",
     "Under the names that lag exporters use, so that their dashboards and alerts fit."},
    {"millrace_", "Loading", "What was read, written, refused and repeated."},
    {"process_", "The process", "The usual figures of a process."},
};

static const char *kind_name(enum mr_metric_kind kind)
{
    switch (kind) {
    case MR_GAUGE:
        return "gauge";
    case MR_HISTOGRAM:
        return "histogram";
    case MR_COUNTER:
    case MR_COUNTER_F64:
        break;
    }
    return "counter";
}

static void buckets(const double *bounds, struct mr_buf *out)
{
    mr_buf_str(out, " Buckets:");
    for (size_t i = 0; !isinf(bounds[i]); i++)
        mr_buf_fmt(out, "%s %.15g", i == 0 ? "" : ",", bounds[i]);
    mr_buf_byte(out, '.');
}

static void family(const struct mr_metric_desc *desc, struct mr_buf *out)
{
    mr_buf_fmt(out, "| `%s` | %s | ", desc->name, kind_name(desc->kind));
    for (size_t i = 0; desc->labels[i] != NULL; i++)
        mr_buf_fmt(out, "%s`%s`", i == 0 ? "" : ", ", desc->labels[i]);
    mr_buf_fmt(out, " | %s", desc->help);
    if (desc->buckets != NULL)
        buckets(desc->buckets, out);
    mr_buf_str(out, " |\n");
}

void mr_meters_page(struct mr_buf *out)
{
    mr_buf_fmt(out, "%s%d%s", intro, (int)MR_METRICS_MAX_SERIES, intro_end);
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        mr_buf_fmt(out,
                   "\n## %s\n\n%s\n\n| name | type | labels | what it tells |\n|---|---|---|---|\n",
                   groups[g].title, groups[g].about);
        for (size_t i = 0; i < MR_N_METERS; i++)
            if (strncmp(mr_meters[i].name, groups[g].prefix, strlen(groups[g].prefix)) == 0)
                family(&mr_meters[i], out);
    }
}
