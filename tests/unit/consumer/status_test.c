/* What a service says of itself: figures, gauges, health and readiness, each condition by itself.
 */
#include "consumer/status.h"

#include <string.h>

#include "tests/support/mr_test.h"
#include "tests/support/service_rig.h"

static struct service_rig rig;
static struct mr_status status;
static struct mr_buf out;

MR_SETUP
{
    service_rig_init(&rig);
    out = (struct mr_buf)MR_BUF_INIT;
}

MR_TEARDOWN
{
    service_rig_release(&rig);
    mr_buf_release(&out);
}

static void read_status(void)
{
    mr_status_read(&rig.service, &status);
}

MR_TEST("a service that has nothing yet counts nothing and has no trouble")
{
    read_status();
    MR_CHECK_U64(status.n_assigned + status.n_flowing + status.n_waiting + status.n_halted, 0);
    MR_CHECK_INT(status.lag_records, 0);
    MR_CHECK(status.lag_seconds == 0 && status.freshness_p50_s == 0);
    MR_CHECK_INT(status.last_err.code, MR_OK);
}

MR_TEST("partitions are counted by whether they flow, those that are gone are not")
{
    service_rig_part(&rig, 0, MR_PART_FLOWING, 0, 0);
    service_rig_part(&rig, 1, MR_PART_FLOWING, 0, 0);
    service_rig_part(&rig, 2, MR_PART_HALTED, 0, 0);
    service_rig_part(&rig, 3, MR_PART_CLAIMING, -1, 0);
    service_rig_part(&rig, 4, MR_PART_GONE, 0, 0);
    read_status();
    MR_CHECK_U64(status.n_assigned, 4);
    MR_CHECK_U64(status.n_flowing, 2);
    MR_CHECK_U64(status.n_waiting, 2);
    MR_CHECK_U64(status.n_halted, 1);
}

MR_TEST("lag is the sum of the partitions' records, and the age of the oldest")
{
    int64_t now_ms = mr_wall_ms(&rig.service.opts.env);
    struct mr_partition *a = service_rig_part(&rig, 0, MR_PART_FLOWING, 40, 100);
    struct mr_partition *b = service_rig_part(&rig, 1, MR_PART_FLOWING, 7, 10);

    atomic_store(&a->committed_ts_ms, now_ms - 4000);
    atomic_store(&b->committed_ts_ms, now_ms - 1500);
    read_status();
    MR_CHECK_INT(status.lag_records, 63);
    MR_CHECK(status.lag_seconds == 4.0);
}

MR_TEST("a partition has no lag at its end, without a position, or beyond what is known")
{
    static const struct {
        int64_t next, end, seen, records;
    } cases[] = {{10, 10, -1, 0}, {-1, 10, -1, 0}, {12, 10, -1, 0}, {10, 10, 15, 5}, {3, 10, 5, 7}};
    int64_t records;
    double seconds;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mr_partition *part =
            service_rig_part(&rig, (int32_t)i, MR_PART_FLOWING, cases[i].next, cases[i].end);
        atomic_store(&part->end_seen, cases[i].seen);
        atomic_store(&part->committed_ts_ms, mr_wall_ms(&rig.service.opts.env) - 2000);
        mr_status_lag(&rig.service, part, &records, &seconds);
        MR_CHECK_INT(records, cases[i].records);
        MR_CHECK(seconds == (records > 0 ? 2.0 : 0.0));
    }
}

MR_TEST("a record from the future has no negative age, and one without a time has none")
{
    struct mr_partition *part = service_rig_part(&rig, 0, MR_PART_FLOWING, 3, 10);
    int64_t records;
    double seconds;

    atomic_store(&part->committed_ts_ms, mr_wall_ms(&rig.service.opts.env) + 60000);
    mr_status_lag(&rig.service, part, &records, &seconds);
    MR_CHECK(seconds == 0);
    atomic_store(&part->committed_ts_ms, -1);
    mr_status_lag(&rig.service, part, &records, &seconds);
    MR_CHECK(seconds == 0);
}

MR_TEST("totals are the lanes' together")
{
    for (uint32_t i = 0; i < RIG_LANES; i++) {
        struct mr_lane *lane = &rig.service.lanes[i];
        atomic_store(&lane->n_records, 10 + i);
        atomic_store(&lane->n_bytes, 20 + i);
        atomic_store(&lane->n_flushes, 30 + i);
        atomic_store(&lane->n_letters, 40 + i);
        atomic_store(&lane->n_retries, 50 + i);
        atomic_store(&lane->n_fenced, 60 + i);
    }
    read_status();
    MR_CHECK_U64(status.n_records, 21);
    MR_CHECK_U64(status.n_bytes, 41);
    MR_CHECK_U64(status.n_flushes, 61);
    MR_CHECK_U64(status.n_letters, 81);
    MR_CHECK_U64(status.n_retries, 101);
    MR_CHECK_U64(status.n_fenced, 121);
}

MR_TEST("trouble is what still stands: a writer that waits, a partition that is held")
{
    service_rig_writer(&rig, 1, MR_WRITER_IDLE, MR_TARGET_AWAY, "over");
    read_status();
    MR_CHECK_INT(status.last_err.code, MR_OK);
    service_rig_writer(&rig, 1, MR_WRITER_WAITING, MR_TARGET_AWAY, "down");
    read_status();
    MR_CHECK_INT(status.last_err.code, MR_TARGET_AWAY);
    service_rig_writer(&rig, 1, MR_WRITER_DOUBT, MR_COMMIT_UNKNOWN, "cut");
    read_status();
    MR_CHECK_INT(status.last_err.code, MR_COMMIT_UNKNOWN);
    struct mr_partition *part = service_rig_part(&rig, 0, MR_PART_HELD, 5, 10);
    service_rig_part_err(part, MR_REGISTRY_AWAY, "down too");
    read_status();
    MR_CHECK_INT(status.last_err.code, MR_REGISTRY_AWAY);
    service_rig_part(&rig, 0, MR_PART_FLOWING, 5, 10);
    service_rig_writer(&rig, 1, MR_WRITER_FLUSHING, MR_COMMIT_UNKNOWN, "cut");
    read_status();
    MR_CHECK_INT(status.last_err.code, MR_OK);
}

MR_TEST("a partition that no route takes hides nobody's trouble")
{
    struct mr_partition *part = service_rig_part(&rig, 0, MR_PART_HALTED, 5, 10);

    service_rig_part_err(part, MR_TARGET_PRIVILEGE, "no");
    service_rig_part(&rig, 1, MR_PART_HALTED, -1, 10);
    read_status();
    MR_CHECK_INT(status.last_err.code, MR_TARGET_PRIVILEGE);
    MR_CHECK_U64(status.n_halted, 2);
}

MR_TEST("freshness comes from the histogram of commits")
{
    struct mr_series *fresh = mr_metrics_series(rig.service.metrics, MR_M_FRESHNESS, NULL);

    mr_histogram_observe(fresh, 0.3, 98);
    mr_histogram_observe(fresh, 20, 2);
    read_status();
    MR_CHECK(status.freshness_p50_s > 0.25 && status.freshness_p50_s <= 0.5);
    MR_CHECK(status.freshness_p99_s > 10 && status.freshness_p99_s <= 30);
}

/* ---- gauges ---- */

static const char *metrics_text(void)
{
    mr_status_gauges(&rig.service);
    mr_buf_reset(&out);
    mr_metrics_print(rig.service.metrics, &out);
    return mr_buf_cstr(&out);
}

static void check_has(const char *line)
{
    if (strstr(metrics_text(), line) == NULL)
        MR_FAIL("no line %s", line);
}

/* design.md section 9 */
MR_TEST("the gauges say position, end and lag of each partition by group, topic and number")
{
    struct mr_partition *part = service_rig_part(&rig, 3, MR_PART_FLOWING, 40, 100);

    atomic_store(&part->committed_ts_ms, mr_wall_ms(&rig.service.opts.env) - 2500);
    check_has("kafka_consumergroup_group_lag{group=\"rig\",topic=\"t\",partition=\"3\"} 60\n");
    check_has("kafka_consumergroup_group_lag_seconds{group=\"rig\",topic=\"t\",partition=\"3\"} "
              "2.5\n");
    check_has("kafka_consumergroup_group_offset{group=\"rig\",topic=\"t\",partition=\"3\"} 40\n");
    check_has("kafka_partition_latest_offset{group=\"rig\",topic=\"t\",partition=\"3\"} 100\n");
}

MR_TEST("a partition that is gone has no gauges left, and one without a position has none yet")
{
    service_rig_part(&rig, 3, MR_PART_FLOWING, 40, 100);
    service_rig_part(&rig, 4, MR_PART_CLAIMING, -1, 100);
    MR_CHECK(strstr(metrics_text(), "partition=\"3\"") != NULL);
    MR_CHECK(strstr(metrics_text(), "partition=\"4\"") == NULL);
    service_rig_part(&rig, 3, MR_PART_GONE, 40, 100);
    MR_CHECK(strstr(metrics_text(), "partition=\"3\"") == NULL);
}

MR_TEST("fenced batches of all lanes are counted, and the process tells of itself")
{
    atomic_store(&rig.service.lanes[0].n_fenced, 2);
    atomic_store(&rig.service.lanes[1].n_fenced, 3);
    check_has("\nmillrace_fenced_total 5\n");
    check_has("\nmillrace_build_info{version=\"");
    check_has("\nprocess_start_time_seconds 1000\n");
    check_has("\nmillrace_pool_connections{state=\"idle\"} ");
    check_has("\n# TYPE process_cpu_seconds_total counter\n");
    MR_CHECK(strstr(metrics_text(), "\nprocess_resident_memory_bytes 0\n") == NULL);
    MR_CHECK(strstr(metrics_text(), "\nprocess_open_fds 0\n") == NULL);
}

MR_TEST("requests to the registry are counted by how they ended")
{
    struct mr_schema_ref ref;
    struct mr_schema *schema = NULL;
    struct mr_err err = MR_ERR_INIT;

    check_has("\nmillrace_registry_requests_total{registry=\"default\",result=\"failed\"} 0\n");
    memset(&ref, 0, sizeof ref);
    ref.kind = MR_REF_ID;
    ref.id = 1;
    /* no registry is configured: whatever is asked fails, without a wait */
    MR_CHECK(mr_registry_get(rig.service.wiring.registries[0], &ref, NULL, 1, &schema, &err) < 0);
    check_has("\nmillrace_registry_requests_total{registry=\"default\",result=\"failed\"} 1\n");
}

/* ---- health ---- */

static bool healthy(void)
{
    mr_buf_reset(&out);
    return mr_status_healthy(&rig.service, MR_WEDGED_MS, &out);
}

/* A batch with lane `idx`'s writer, or none. */
static void writer_has(uint32_t idx, bool work)
{
    struct mr_lane *lane = &rig.service.lanes[idx];

    mr_lock_take(&lane->lock);
    lane->to_write = work ? &lane->batches[0] : NULL;
    mr_lock_drop(&lane->lock);
}

static void lanes_move(uint64_t now_ms)
{
    for (uint32_t i = 0; i < RIG_LANES; i++) {
        atomic_store(&rig.service.lanes[i].fill_moved_ms, now_ms);
        atomic_store(&rig.service.lanes[i].write_moved_ms, now_ms);
    }
}

MR_TEST("health fails only for a thread that has stood still for two minutes, and names it")
{
    MR_CHECK(healthy()); /* nobody has begun */
    uint64_t now_ms = mr_mono_ms(&rig.service.opts.env);
    atomic_store(&rig.service.poller.progress_ms, now_ms);
    atomic_store(&rig.service.lanes[0].fill_moved_ms, now_ms + 1000);
    atomic_store(&rig.service.lanes[1].fill_moved_ms, now_ms + MR_WEDGED_MS);
    MR_CHECK(healthy()); /* a thread may be ahead of our look at the clock */
    MR_CHECK_STR(mr_buf_cstr(&out), "ok\n");
    service_rig_pass_ms(&rig, MR_WEDGED_MS - 1);
    MR_CHECK(healthy());
    service_rig_pass_ms(&rig, 1);
    MR_CHECK(!healthy());
    MR_CHECK_STR(mr_buf_cstr(&out), "the poll thread does not move\n");
    service_rig_pass_ms(&rig, 1000);
    MR_CHECK(!healthy());
    MR_CHECK_STR(mr_buf_cstr(&out),
                 "the poll thread does not move\nlane 0: the fill thread does not move\n");
}

/* design.md section 9: no progress with work to do; a statement may take its time-out */
MR_TEST("a writer that hangs with a batch fails the health, while the fill thread goes on")
{
    uint64_t statement_ms = rig.service.opts.config->target.statement_timeout_ms;

    lanes_move(mr_mono_ms(&rig.service.opts.env));
    writer_has(1, true);
    service_rig_pass_ms(&rig, statement_ms + MR_WEDGED_MS - 1);
    atomic_store(&rig.service.lanes[0].fill_moved_ms, mr_mono_ms(&rig.service.opts.env));
    atomic_store(&rig.service.lanes[1].fill_moved_ms, mr_mono_ms(&rig.service.opts.env));
    MR_CHECK(healthy());
    service_rig_pass_ms(&rig, 1);
    MR_CHECK(!healthy());
    MR_CHECK_STR(mr_buf_cstr(&out), "lane 1: the write thread does not move\n");
    writer_has(1, false);
    MR_CHECK(healthy());
}

MR_TEST(
    "a fill thread that hangs fails the health, while its writer goes on; one that ended does not")
{
    lanes_move(mr_mono_ms(&rig.service.opts.env));
    service_rig_pass_ms(&rig, MR_WEDGED_MS);
    atomic_store(&rig.service.lanes[0].fill_moved_ms, mr_mono_ms(&rig.service.opts.env));
    atomic_store(&rig.service.lanes[1].write_moved_ms, mr_mono_ms(&rig.service.opts.env));
    MR_CHECK(!healthy());
    MR_CHECK_STR(mr_buf_cstr(&out), "lane 1: the fill thread does not move\n");
    atomic_store(&rig.service.lanes[1].fill_ended, true);
    MR_CHECK(healthy());
}

/* V-04: an ALTER may take minutes */
MR_TEST("a fill thread that asks may be silent as long as a statement may take, and no longer")
{
    uint64_t statement_ms = rig.service.opts.config->target.statement_timeout_ms;

    lanes_move(mr_mono_ms(&rig.service.opts.env));
    atomic_store(&rig.service.lanes[0].fill_asks, true);
    service_rig_pass_ms(&rig, MR_WEDGED_MS);
    atomic_store(&rig.service.lanes[1].fill_moved_ms, mr_mono_ms(&rig.service.opts.env));
    MR_CHECK(healthy());
    service_rig_pass_ms(&rig, statement_ms - 1);
    atomic_store(&rig.service.lanes[1].fill_moved_ms, mr_mono_ms(&rig.service.opts.env));
    MR_CHECK(healthy());
    service_rig_pass_ms(&rig, 1);
    MR_CHECK(!healthy());
    MR_CHECK_STR(mr_buf_cstr(&out), "lane 0: the fill thread does not move\n");
}

/* ---- readiness ---- */

static struct mr_status_check checks[MR_STATUS_CHECKS];

static bool ready(void)
{
    return mr_status_ready(&rig.service, checks);
}

static const struct mr_status_check *check_of(const char *name)
{
    for (int i = 0; i < MR_STATUS_CHECKS; i++)
        if (strcmp(checks[i].name, name) == 0)
            return &checks[i];
    MR_FAIL("no check %s", name);
}

/* Only `name` fails, with that code. */
static void check_fails(const char *name, enum mr_code code)
{
    MR_CHECK(!ready());
    for (int i = 0; i < MR_STATUS_CHECKS; i++)
        if (checks[i].ok != (strcmp(checks[i].name, name) != 0))
            MR_FAIL("%s is %s while %s fails", checks[i].name, checks[i].ok ? "ok" : "not", name);
    MR_CHECK_INT(check_of(name)->why.code, code);
}

static void make_ready(void)
{
    atomic_store(&rig.service.poller.seen_assignment, true);
    service_rig_reach_target(&rig);
    MR_CHECK(ready());
}

MR_TEST("a fresh service is not ready: no assignment, and the target was not asked")
{
    MR_CHECK(!ready());
    MR_CHECK(!check_of("assignment")->ok);
    MR_CHECK_INT(check_of("assignment")->why.code, MR_SOURCE_AWAY);
    MR_CHECK(!check_of("target")->ok);
    MR_CHECK_INT(check_of("target")->why.code, MR_TARGET_AWAY);
    MR_CHECK(check_of("source")->ok && check_of("registry")->ok && check_of("tables")->ok);
    make_ready();
}

/* design.md section 6, PAUSE: /readyz fails at once, with the reason */
MR_TEST("a writer that waits or doubts makes the target not ready")
{
    make_ready();
    service_rig_writer(&rig, 1, MR_WRITER_WAITING, MR_TARGET_AWAY, "down");
    check_fails("target", MR_TARGET_AWAY);
    service_rig_writer(&rig, 1, MR_WRITER_DOUBT, MR_COMMIT_UNKNOWN, "cut");
    check_fails("target", MR_COMMIT_UNKNOWN);
    service_rig_writer(&rig, 1, MR_WRITER_FLUSHING, MR_TARGET_AWAY, "down");
    MR_CHECK(ready());
}

MR_TEST("a fault of the source counts until it answers; a missing right to the group for a minute")
{
    make_ready();
    service_rig_source_fault(&rig, MR_SOURCE_AWAY, "all brokers are down");
    check_fails("source", MR_SOURCE_AWAY);
    service_rig_pass_ms(&rig, 3600000);
    check_fails("source", MR_SOURCE_AWAY); /* how it is over: claim_flow_test.c */
    service_rig_source_fault(&rig, MR_SOURCE_PRIVILEGE, "not this group");
    service_rig_pass_ms(&rig, 59999);
    check_fails("source", MR_SOURCE_PRIVILEGE);
    service_rig_pass_ms(&rig, 1);
    MR_CHECK(ready());
}

MR_TEST("a table that halts makes the service not ready; a topic without a route does not")
{
    make_ready();
    struct mr_partition *part = service_rig_part(&rig, 0, MR_PART_HALTED, 5, 10);
    MR_CHECK(ready()); /* no route takes it */
    service_rig_part_err(part, MR_IDENTIFIER_COLLISION, "two topics");
    check_fails("tables", MR_IDENTIFIER_COLLISION);
    service_rig_part(&rig, 0, MR_PART_FLOWING, 5, 10);
    MR_CHECK(ready());
}

/* H-01 */
MR_TEST("a registry that does not answer makes the service not ready")
{
    struct mr_schema_ref ref;
    struct mr_schema *schema = NULL;
    struct mr_err err = MR_ERR_INIT;

    make_ready();
    memset(&ref, 0, sizeof ref);
    ref.kind = MR_REF_ID;
    ref.id = 1;
    int rc = mr_registry_get(rig.service.wiring.registries[0], &ref, NULL, 1, &schema, &err);
    check_fails("registry", (enum mr_code) - rc);
}
