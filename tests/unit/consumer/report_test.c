/* The reports are read back as JSON: what a dashboard or a script would see. */
#include "consumer/report.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "tests/support/mr_test.h"
#include "tests/support/service_rig.h"

static struct service_rig rig;
static struct mr_buf out;
static json_t *root;

MR_SETUP
{
    service_rig_init(&rig);
    out = (struct mr_buf)MR_BUF_INIT;
    root = NULL;
}

MR_TEARDOWN
{
    json_decref(root);
    mr_buf_release(&out);
    service_rig_release(&rig);
}

static void parse(void)
{
    json_error_t error;

    json_decref(root);
    root = json_loadb((const char *)out.data, out.len, 0, &error);
    if (root == NULL)
        MR_FAIL("line %d: %s: %s", error.line, error.text, mr_buf_cstr(&out));
    mr_buf_reset(&out);
}

static void status_read(void)
{
    MR_CHECK_OK(mr_report_status(&rig.service, &out));
    parse();
}

/* The value at "a.0.b" below `at`. */
static json_t *below(json_t *at, const char *path)
{
    char word[64];
    int n = 0;

    for (; sscanf(path, "%63[^.]%n", word, &n) == 1; path += n + (path[n] == '.')) {
        unsigned idx;
        at = sscanf(word, "%u", &idx) == 1 ? json_array_get(at, idx) : json_object_get(at, word);
        if (at == NULL)
            MR_FAIL("nothing at %s", path);
    }
    return at;
}

static const char *text_at(const char *path)
{
    return json_string_value(below(root, path));
}

static int64_t number_at(const char *path)
{
    return json_integer_value(below(root, path));
}

MR_TEST("a service that has nothing yet still gives a whole report")
{
    status_read();
    MR_CHECK_STR(text_at("pipeline"), "rig");
    MR_CHECK_STR(text_at("instance"), "here");
    MR_CHECK_STR(text_at("sink"), "stdout");
    MR_CHECK(strlen(text_at("version")) > 0);
    MR_CHECK(json_is_null(below(root, "last_error")));
    MR_CHECK_U64(json_array_size(below(root, "tables")), 0);
    MR_CHECK_U64(json_array_size(below(root, "partitions")), 0);
    MR_CHECK_U64(json_array_size(below(root, "lanes")), RIG_LANES);
    MR_CHECK_INT(number_at("totals.records"), 0);
    service_rig_pass_ms(&rig, 1500);
    status_read();
    MR_CHECK(json_real_value(below(root, "uptime_seconds")) == 1.5);
}

MR_TEST("totals and lanes tell the same figures")
{
    struct mr_lane *lane = &rig.service.lanes[1];

    atomic_store(&lane->n_records, 5000000000);
    atomic_store(&lane->n_flushes, 7);
    atomic_store(&lane->n_retries, 3);
    status_read();
    MR_CHECK_INT(number_at("totals.records"), 5000000000);
    MR_CHECK_INT(number_at("totals.flushes"), 7);
    MR_CHECK_INT(number_at("totals.retries"), 3);
    MR_CHECK_INT(number_at("lanes.0.records"), 0);
    MR_CHECK_INT(number_at("lanes.1.records"), 5000000000);
    MR_CHECK_INT(number_at("lanes.1.flushes"), 7);
    MR_CHECK_STR(text_at("lanes.1.writer"), mr_writer_state_name(MR_WRITER_IDLE));
}

MR_TEST("a partition tells position, lag and state; its error only while it waits")
{
    struct mr_partition *part = service_rig_part(&rig, 3, MR_PART_HALTED, 40, 100);

    atomic_store(&part->epoch, 9);
    service_rig_part_err(part, MR_TARGET_PRIVILEGE, "no right to \"t\"");
    status_read();
    MR_CHECK_STR(text_at("partitions.0.topic"), "t");
    MR_CHECK_INT(number_at("partitions.0.partition"), 3);
    MR_CHECK_INT(number_at("partitions.0.lane"), 1);
    MR_CHECK_INT(number_at("partitions.0.position"), 40);
    MR_CHECK_INT(number_at("partitions.0.epoch"), 9);
    MR_CHECK_INT(number_at("partitions.0.lag"), 60);
    MR_CHECK_STR(text_at("partitions.0.error.code"), mr_code_printed(MR_TARGET_PRIVILEGE));
    MR_CHECK_STR(text_at("partitions.0.error.class"), "HALT");
    MR_CHECK_STR(text_at("partitions.0.error.owner"), "target");
    MR_CHECK_STR(text_at("partitions.0.error.detail"), "no right to \"t\"");
    MR_CHECK_STR(text_at("partitions.0.error.remedy"), mr_code_remedy(MR_TARGET_PRIVILEGE));
    MR_CHECK_STR(text_at("partitions.0.error.topic"), "t");
    MR_CHECK_INT(number_at("partitions.0.error.offset"), 7);
    MR_CHECK_INT(number_at("lag.records"), 60);
    MR_CHECK_STR(text_at("last_error.code"), mr_code_printed(MR_TARGET_PRIVILEGE));
    service_rig_part(&rig, 3, MR_PART_FLOWING, 40, 100);
    status_read();
    MR_CHECK(json_is_null(below(root, "partitions.0.error")));
    service_rig_part(&rig, 3, MR_PART_GONE, 40, 100);
    status_read();
    MR_CHECK_U64(json_array_size(below(root, "partitions")), 0);
}

MR_TEST("a table tells its route, what was done to it, and why it is halted")
{
    struct mr_target *target = NULL;
    struct mr_err err = MR_ERR_INIT;

    MR_CHECK_OK(mr_targets_for(&rig.service.targets, "t", &target, &err));
    atomic_store(&target->rows_upserted, 11);
    atomic_store(&target->rows_deleted, 12);
    atomic_store(&target->letters, 13);
    status_read();
    MR_CHECK_STR(text_at("tables.0.table"), "t");
    MR_CHECK_STR(text_at("tables.0.strategy"), target->load->name);
    MR_CHECK_INT(number_at("tables.0.upserts"), 11);
    MR_CHECK_INT(number_at("tables.0.deletes"), 12);
    MR_CHECK_INT(number_at("tables.0.dead_letters"), 13);
    MR_CHECK(json_is_null(below(root, "tables.0.halted")));
    mr_err_set_db(&err, MR_CLASS_HALT, "42501", "permission denied");
    mr_err_in(&err, "t", "price");
    mr_target_halt(target, &err, 1000);
    status_read();
    MR_CHECK_STR(text_at("tables.0.halted.code"), "db.42501");
    MR_CHECK_STR(text_at("tables.0.halted.table"), "t");
    MR_CHECK_STR(text_at("tables.0.halted.column"), "price");
}

MR_TEST("text that a library gave in another encoding does not cost the report")
{
    struct mr_partition *part = service_rig_part(&rig, 0, MR_PART_HELD, 40, 100);

    service_rig_part_err(part, MR_TARGET_AWAY, "Verbindung verweigert f\xfcr \"x\"\n\x01");
    status_read();
    MR_CHECK_STR(text_at("last_error.detail"), "Verbindung verweigert f?r \"x\"\n\x01");
}

/* ---- /readyz ---- */

static bool ready_read(void)
{
    bool ready = false;

    MR_CHECK_OK(mr_report_ready(&rig.service, &ready, &out));
    parse();
    MR_CHECK(json_is_true(below(root, "ready")) == ready);
    return ready;
}

MR_TEST("readiness lists each check, ok or with its error")
{
    MR_CHECK(!ready_read());
    MR_CHECK_U64(json_object_size(below(root, "checks")), MR_STATUS_CHECKS);
    MR_CHECK_STR(text_at("checks.assignment.code"), mr_code_printed(MR_SOURCE_AWAY));
    MR_CHECK_STR(text_at("checks.source"), "ok");
    atomic_store(&rig.service.poller.seen_assignment, true);
    service_rig_reach_target(&rig);
    MR_CHECK(ready_read());
    MR_CHECK_STR(text_at("checks.assignment"), "ok");
    MR_CHECK_STR(text_at("checks.target"), "ok");
}

/* ---- lag --json ---- */

MR_TEST("lag rows keep their order and -1 for what is not known")
{
    struct mr_lag_row rows[] = {
        {.stream = "b",
         .partition = 1,
         .committed = 5,
         .position = 6,
         .end = 9000000000,
         .lag = 8999999994,
         .lag_seconds = 0.5},
        {.stream = "a", .committed = -1, .position = 0, .end = -1, .lag = -1}};

    MR_CHECK_OK(mr_report_lag(rows, 2, &out));
    parse();
    MR_CHECK_U64(json_array_size(root), 2);
    MR_CHECK_STR(text_at("0.topic"), "b");
    MR_CHECK_INT(number_at("0.partition"), 1);
    MR_CHECK_INT(number_at("0.committed"), 5);
    MR_CHECK_INT(number_at("0.position"), 6);
    MR_CHECK_INT(number_at("0.end"), 9000000000);
    MR_CHECK_INT(number_at("0.lag"), 8999999994);
    MR_CHECK(json_real_value(below(root, "0.lag_seconds")) == 0.5);
    MR_CHECK_INT(number_at("1.committed"), -1);
    MR_CHECK_INT(number_at("1.lag"), -1);
    MR_CHECK_OK(mr_report_lag(rows, 0, &out));
    parse();
    MR_CHECK(json_is_array(root));
    MR_CHECK_U64(json_array_size(root), 0);
}

MR_TEST("a report that does not fit its buffer says so")
{
    out.limit = 100;
    MR_CHECK_INT(mr_report_status(&rig.service, &out), -MR_NO_MEMORY);
    mr_buf_reset(&out);
}

/* design.md section 6; poison.flood */
MR_TEST("a route's breaker says what it counts, since when it is open, and what to do")
{
    struct mr_breaker *breaker = rig.service.wiring.rules[0].breaker;

    status_read();
    MR_CHECK_STR(text_at("routes.0.route"), "t");
    MR_CHECK(json_is_false(below(root, "routes.0.breaker.open")));
    MR_CHECK(json_is_null(below(root, "routes.0.breaker.what_to_do")));
    mr_breaker_count(breaker, (struct mr_tally){40, 16}, RIG_START_MS);
    mr_breaker_trip(breaker, RIG_START_MS);
    service_rig_pass_ms(&rig, 3000);
    status_read();
    MR_CHECK(json_is_true(below(root, "routes.0.breaker.open")));
    MR_CHECK_INT(number_at("routes.0.breaker.records"), 40);
    MR_CHECK_INT(number_at("routes.0.breaker.bad"), 16);
    MR_CHECK_INT(number_at("routes.0.breaker.bad_limit"), 16);
    MR_CHECK(strstr(text_at("routes.0.breaker.what_to_do"), "millrace resume 't'") != NULL);
    MR_CHECK_STR(text_at("routes.0.breaker.open_since"), "1970-01-01T00:16:40Z");
}
