/* Owns the reading of a running service. It changes nothing but gauges. */
#include "consumer/status.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "version.h"

#include "base/ban.h"

/* A right to the group that is missing is told again at each try to join it. */
enum { PRIVILEGE_FRESH_MS = 60000 };

static bool is_assigned(const struct mr_partition *part)
{
    return atomic_load(&part->state_seen) != MR_PART_GONE;
}

void mr_status_lag(struct mr_service *service, const struct mr_partition *part, int64_t *records,
                   double *seconds)
{
    struct mr_source *source = service->source;
    int64_t next = atomic_load(&part->committed_next);
    int64_t end = source->ops->known_end(source, part->stream, part->partition);
    int64_t seen = atomic_load(&part->end_seen);
    int64_t ts_ms = atomic_load(&part->committed_ts_ms);

    if (seen > end)
        end = seen;
    *records = next >= 0 && end > next ? end - next : 0;
    *seconds = 0;
    if (*records > 0 && ts_ms >= 0) {
        int64_t age_ms = mr_wall_ms(&service->opts.env) - ts_ms;
        *seconds = age_ms > 0 ? (double)age_ms / 1e3 : 0;
    }
}

static void lanes_read(struct mr_service *service, struct mr_status *out)
{
    for (uint32_t i = 0; i < service->n_lanes; i++) {
        struct mr_lane *lane = &service->lanes[i];
        out->n_records += atomic_load(&lane->n_records);
        out->n_bytes += atomic_load(&lane->n_bytes);
        out->n_flushes += atomic_load(&lane->n_flushes);
        out->n_letters += atomic_load(&lane->n_letters);
        out->n_retries += atomic_load(&lane->n_retries);
        out->n_fenced += atomic_load(&lane->n_fenced);
        mr_lock_take(&lane->lock);
        bool waits =
            lane->writer_state == MR_WRITER_WAITING || lane->writer_state == MR_WRITER_DOUBT;
        if (waits)
            out->last_err = lane->last_err;
        mr_lock_drop(&lane->lock);
    }
}

static void part_read(struct mr_service *service, struct mr_partition *part, struct mr_status *out)
{
    enum mr_partition_state state = (enum mr_partition_state)atomic_load(&part->state_seen);
    int64_t records;
    double seconds;

    out->n_assigned++;
    out->n_flowing += state == MR_PART_FLOWING;
    out->n_waiting += state != MR_PART_FLOWING;
    out->n_halted += state == MR_PART_HALTED;
    mr_status_lag(service, part, &records, &seconds);
    out->lag_records += records;
    if (seconds > out->lag_seconds)
        out->lag_seconds = seconds;
    if (state == MR_PART_HALTED || state == MR_PART_HELD || state == MR_PART_FENCED) {
        struct mr_err err;
        mr_partition_last_err(part, &err);
        if (err.code != MR_OK) /* no route takes it: no trouble, and none of others is hidden */
            out->last_err = err;
    }
}

void mr_status_read(struct mr_service *service, struct mr_status *out)
{
    struct mr_series *fresh = mr_metrics_series(service->metrics, MR_M_FRESHNESS, NULL);
    struct mr_partition *part;

    memset(out, 0, sizeof *out);
    mr_err_clear(&out->last_err);
    lanes_read(service, out);
    for (size_t i = 0; (part = mr_partitions_at(&service->partitions, i)) != NULL; i++)
        if (is_assigned(part))
            part_read(service, part, out);
    out->freshness_p50_s = mr_histogram_quantile(fresh, 0.5);
    out->freshness_p99_s = mr_histogram_quantile(fresh, 0.99);
}

/* ---- gauges ---- */

static uint32_t count_fds(void)
{
    uint32_t n = 0;
    DIR *dir = opendir("/proc/self/fd");

    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL) /* NOLINT(concurrency-mt-unsafe): of a stream that is ours alone */
        n++;
    closedir(dir);
    return n > 3 ? n - 3 : 0; /* `.`, `..` and the listing's own */
}

static double resident_bytes(void)
{
    char line[128] = "";
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL)
        return 0;
    const char *resident = fgets(line, sizeof line, file) != NULL ? strchr(line, ' ') : NULL;
    unsigned long pages = resident != NULL ? strtoul(resident, NULL, 10) : 0;
    (void)fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void gauge(struct mr_service *service, enum mr_meter meter, const char *const *labels,
                  double value)
{
    mr_metrics_set(service->metrics, meter, labels, value);
}

static void process_gauges(struct mr_service *service)
{
    struct rusage usage;
    const char *build[] = {MR_VERSION, service->source->ops->client_version()};

    gauge(service, MR_M_BUILD_INFO, build, 1);
    gauge(service, MR_M_RESIDENT_BYTES, NULL, resident_bytes());
    gauge(service, MR_M_OPEN_FDS, NULL, count_fds());
    gauge(service, MR_M_START_TIME, NULL, (double)service->started_wall_ms / 1e3);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        gauge(service, MR_M_CPU_SECONDS, NULL,
              (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

static void registry_counters(struct mr_service *service)
{
    for (size_t i = 0; i < service->wiring.n_registries; i++) {
        const char *labels[] = {mr_config_registry(service->opts.config, (uint32_t)i)->name};
        struct mr_registry_stats stats;

        mr_registry_stats(service->wiring.registries[i], &stats);
        mr_counter_raise(mr_metrics_series(service->metrics, MR_M_SCHEMA_DISAGREEMENTS, labels),
                         stats.n_disagreements);
        const char *ok[] = {labels[0], "ok"};
        const char *failed[] = {labels[0], "failed"};
        mr_counter_raise(mr_metrics_series(service->metrics, MR_M_REGISTRY_REQUESTS, failed),
                         stats.n_failures);
        if (stats.n_requests > stats.n_failures)
            mr_counter_raise(mr_metrics_series(service->metrics, MR_M_REGISTRY_REQUESTS, ok),
                             stats.n_requests - stats.n_failures);
    }
}

static void lane_counters(struct mr_service *service)
{
    uint64_t n_fenced = 0;

    for (uint32_t i = 0; i < service->n_lanes; i++)
        n_fenced += atomic_load(&service->lanes[i].n_fenced);
    mr_counter_raise(mr_metrics_series(service->metrics, MR_M_FENCED, NULL), n_fenced);
}

static void pool_gauges(struct mr_service *service)
{
    uint32_t n[3] = {0, 0, 0};
    static const char *const states[] = {"idle", "busy", "waiting"};

    service->sink->ops->stats(service->sink, &n[0], &n[1], &n[2]);
    for (int i = 0; i < 3; i++) {
        const char *labels[] = {states[i]};
        gauge(service, MR_M_POOL_CONNECTIONS, labels, n[i]);
    }
}

/* Only this function makes the series of a partition, so that none comes back after a revoke. */
static void part_gauges(struct mr_service *service, struct mr_partition *part)
{
    static const enum mr_meter meters[] = {MR_M_GROUP_LAG, MR_M_GROUP_LAG_SECONDS,
                                           MR_M_GROUP_OFFSET, MR_M_LATEST_OFFSET};
    int64_t next = atomic_load(&part->committed_next);
    char number[16];
    int64_t records;
    double seconds;

    snprintf(number, sizeof number, "%d", part->partition);
    const char *labels[] = {service->opts.config->group_id, part->stream, number};
    if (!is_assigned(part) || next < 0) {
        for (size_t i = 0; i < sizeof meters / sizeof *meters; i++)
            mr_metrics_drop(service->metrics, meters[i], labels);
        return;
    }
    mr_status_lag(service, part, &records, &seconds);
    gauge(service, MR_M_GROUP_LAG, labels, (double)records);
    gauge(service, MR_M_GROUP_LAG_SECONDS, labels, seconds);
    gauge(service, MR_M_GROUP_OFFSET, labels, (double)next);
    gauge(service, MR_M_LATEST_OFFSET, labels, (double)(next + records));
}

void mr_status_gauges(struct mr_service *service)
{
    struct mr_partition *part;

    for (size_t i = 0; (part = mr_partitions_at(&service->partitions, i)) != NULL; i++)
        part_gauges(service, part);
    lane_counters(service);
    process_gauges(service);
    pool_gauges(service);
    registry_counters(service);
}

/* ---- health and readiness ---- */

static bool moved(struct mr_service *service, uint64_t progress_ms, uint64_t wedged_ms)
{
    uint64_t now_ms = mr_mono_ms(&service->opts.env);

    return progress_ms == 0 || now_ms < progress_ms || now_ms - progress_ms < wedged_ms;
}

/* Fill takes a turn at least every MR_LANE_READ_MS, but where it asks registry, target or source.
 * Who asks the target is silent inside a statement, which the server or the session gives up after
 * its time-out; an ALTER without one shows life while it is waited for. */
static bool lane_moves(struct mr_service *service, uint32_t idx, uint64_t wedged_ms,
                       struct mr_buf *why)
{
    struct mr_lane *lane = &service->lanes[idx];
    uint64_t silent_ms = wedged_ms + service->opts.config->target.statement_timeout_ms;
    bool asks = atomic_load(&lane->fill_asks);
    bool fills = atomic_load(&lane->fill_ended) ||
                 moved(service, atomic_load(&lane->fill_moved_ms), asks ? silent_ms : wedged_ms);
    bool writes =
        !mr_lane_is_writing(lane) || moved(service, atomic_load(&lane->write_moved_ms), silent_ms);

    if (!fills)
        mr_buf_fmt(why, "lane %u: the fill thread does not move\n", idx);
    if (!writes)
        mr_buf_fmt(why, "lane %u: the write thread does not move\n", idx);
    return fills && writes;
}

bool mr_status_healthy(struct mr_service *service, uint64_t wedged_ms, struct mr_buf *why)
{
    bool ok = true;

    if (!moved(service, atomic_load(&service->poller.progress_ms), wedged_ms)) {
        mr_buf_str(why, "the poll thread does not move\n");
        ok = false;
    }
    for (uint32_t i = 0; i < service->n_lanes; i++)
        ok = lane_moves(service, i, wedged_ms, why) && ok;
    if (ok)
        mr_buf_str(why, "ok\n");
    return ok;
}

static struct mr_status_check check_assignment(struct mr_service *service)
{
    struct mr_status_check check = {.name = "assignment", .ok = true, .why = MR_ERR_INIT};

    if (!atomic_load(&service->poller.seen_assignment)) {
        mr_err_set(&check.why, MR_SOURCE_AWAY, "no assignment from the group yet");
        check.ok = false;
    }
    return check;
}

static struct mr_status_check check_target(struct mr_service *service)
{
    struct mr_status_check check = {.name = "target", .ok = true, .why = MR_ERR_INIT};

    check.ok = mr_claims_target_ready(service->claims, &check.why);
    for (uint32_t i = 0; i < service->n_lanes; i++) {
        struct mr_lane *lane = &service->lanes[i];
        mr_lock_take(&lane->lock);
        if (lane->writer_state == MR_WRITER_WAITING || lane->writer_state == MR_WRITER_DOUBT) {
            check.ok = false;
            check.why = lane->last_err;
        }
        mr_lock_drop(&lane->lock);
    }
    return check;
}

static struct mr_status_check check_source(struct mr_service *service)
{
    struct mr_status_check check = {.name = "source", .ok = true, .why = MR_ERR_INIT};
    uint64_t at_ms = 0;
    struct mr_err err;

    if (mr_poller_source_fault(&service->poller, &err, &at_ms) &&
        (err.code != MR_SOURCE_PRIVILEGE ||
         mr_mono_ms(&service->opts.env) - at_ms < PRIVILEGE_FRESH_MS)) {
        check.ok = false;
        check.why = err;
    }
    if (check.ok && mr_poller_topic_waits(&service->poller, &err)) {
        check.ok = false;
        check.why = err;
    }
    return check;
}

static struct mr_status_check check_registry(struct mr_service *service)
{
    struct mr_status_check check = {.name = "registry", .ok = true, .why = MR_ERR_INIT};

    for (size_t i = 0; i < service->wiring.n_registries; i++) {
        struct mr_registry_stats stats;
        mr_registry_stats(service->wiring.registries[i], &stats);
        enum mr_class class = mr_code_class(stats.last_rc);
        if (stats.last_rc < 0 && (class == MR_CLASS_RETRY || class == MR_CLASS_HALT)) {
            check.ok = false;
            mr_err_set(&check.why, (enum mr_code) - stats.last_rc, "%s",
                       mr_code_text(stats.last_rc));
        }
    }
    return check;
}

static struct mr_status_check check_tables(struct mr_service *service)
{
    struct mr_status_check check = {.name = "tables", .ok = true, .why = MR_ERR_INIT};
    struct mr_partition *part;

    for (size_t i = 0; (part = mr_partitions_at(&service->partitions, i)) != NULL; i++)
        if (mr_partition_is_halted(part)) {
            check.ok = false;
            mr_partition_last_err(part, &check.why);
        }
    return check;
}

bool mr_status_ready(struct mr_service *service, struct mr_status_check checks[MR_STATUS_CHECKS])
{
    bool ok = true;

    checks[0] = check_assignment(service);
    checks[1] = check_target(service);
    checks[2] = check_source(service);
    checks[3] = check_registry(service);
    checks[4] = check_tables(service);
    for (int i = 0; i < MR_STATUS_CHECKS; i++)
        ok = ok && checks[i].ok;
    return ok;
}
