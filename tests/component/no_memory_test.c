/* Targets for which memory lacks: each allocation of millrace's own objects is refused once,
 * through setting a target up and through a whole flush (contract.md G-01, G-07). The answer is an
 * error that says so; nothing landed, or all of it; and the next try succeeds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumer/flush.h"
#include "tests/support/kept_case.h"
#include "tests/support/memory_gate.h"
#include "tests/support/mr_test.h"

MR_SETUP
{
    kept_case_start();
}

MR_TEARDOWN
{
    (void)memory_gate_disarm();
    kept_case_stop();
}

/* ---- a start ---- */

static char target_id[MR_TARGET_ID_BYTES];

static int target_starts(void *arg, struct mr_err *err)
{
    const struct mr_sink_fixture *f = arg;
    struct mr_sink *sink = NULL;
    struct mr_session *session = NULL;
    char id[MR_TARGET_ID_BYTES] = "";

    int rc = f->ops->open(&f->opts, &sink, err);
    if (rc == 0)
        rc = f->ops->setup(sink, id, err);
    if (rc == 0)
        rc = f->ops->session_open(sink, &session, err);
    if (session != NULL)
        f->ops->session_close(session);
    if (sink != NULL)
        f->ops->close(sink);
    if (rc == 0)
        memcpy(target_id, id, sizeof id);
    return rc;
}

/* G-07 */
MR_CONFORM(start, "a target can be set up wherever memory lacked the time before")
{
    char control[256];
    snprintf(control, sizeof control, "%s",
             mr_case.f.kind == MR_KIND_SQLITE ? "" : "DROP SCHEMA millrace CASCADE");
    if (mr_case.f.kind == MR_KIND_SQLITE) {
        static const char *const names[] = {"meta",   "positions",      "dead_letters",
                                            "tables", "schema_changes", "tombs"};
        for (size_t i = 0; i < sizeof names / sizeof(*names); i++) {
            snprintf(control, sizeof control, "DROP TABLE %s",
                     mr_sink_fixture_control(&mr_case.f, names[i]));
            mr_sink_fixture_exec(&mr_case.f, control);
        }
        snprintf(control, sizeof control, "DROP VIEW %s",
                 mr_sink_fixture_control(&mr_case.f, "freshness"));
    }
    mr_sink_fixture_exec(&mr_case.f, control);
    const struct memory_gate_work work = {
        .name = "start", .run = target_starts, .arg = &mr_case.f, .least = 10};
    memory_gate_try_all(&work);
    char first[MR_TARGET_ID_BYTES];
    memcpy(first, target_id, sizeof first);
    memory_gate_try_all(&work); /* of one that is there */
    MR_CHECK_STR(target_id, first);
}

/* ---- a flush ---- */

static struct {
    struct mr_batch batch;
    struct mr_batch_table table, *list;
    struct mr_batch_span spans[2];
    struct mr_target target;
    struct mr_route_rule rule;
    struct mr_load_memories memories;
    struct mr_flush_result result;
    struct mr_partition parts[2];
    struct mr_record held[16];
    int64_t next; /* of both partitions */
} fl;

enum { N_RECORDS = 7 };

/* Seven records of two partitions: a value that comes from the record before, one that the target
 * refuses, keys that come twice. */
static void rows_add(void)
{
    kept_case_add((struct kept_change){.id = 1, .a = "x", .b = "one", .offset = 1, .insert = true});
    kept_case_add((struct kept_change){.id = 2, .a = "x", .b = "two", .offset = 2, .insert = true});
    kept_case_add((struct kept_change){.id = 1, .a = "~", .b = "new", .offset = 3});
    kept_case_add((struct kept_change){.id = 3, .a = "bad", .b = "c", .offset = 4, .insert = true});
    kept_case_add((struct kept_change){.id = 2, .delete = true, .offset = 5});
    kept_case_add((struct kept_change){.id = 4, .a = "y", .b = "d", .offset = 6});
    kept_case_add((struct kept_change){.id = 4, .a = "z", .b = "e", .offset = 1, .span = 1});
}

static void claim(void)
{
    struct mr_claim claims[2];
    for (int32_t p = 0; p < 2; p++)
        claims[p] = (struct mr_claim){.position = {.stream = "s.t", .partition = p, .slots = 1}};
    MR_CHECK_OK(mr_case.f.ops->claim(mr_case.f.sink, claims, 2, &mr_case.f.err));
    fl.next = claims[0].position.next_offset + N_RECORDS;
    for (int i = 0; i < 2; i++)
        fl.spans[i] =
            (struct mr_batch_span){.span = {.stream = "s.t",
                                            .partition = i,
                                            .slots = 1,
                                            .epoch = claims[i].position.epoch,
                                            .expected = claims[i].position.next_offset,
                                            .next = claims[i].position.next_offset + N_RECORDS,
                                            .leader_epoch = -1},
                                   .part = &fl.parts[i]};
}

static void batch_make(void)
{
    memset(&fl.table, 0, sizeof fl.table);
    claim();
    rows_add();
    fl.rule = (struct mr_route_rule){.route = kept_case.route, .on_bad = MR_ON_BAD_SKIP};
    fl.target.rule = &fl.rule;
    fl.target.load = &mr_load_upsert;
    fl.table.target = &fl.target;
    fl.table.rows = kept_case.rows;
    fl.list = &fl.table;
    fl.batch = (struct mr_batch){
        .tables = &fl.list, .n_tables = 1, .spans = fl.spans, .n_spans = 2, .held = fl.held};
    for (int64_t offset = 1; offset <= 6; offset++)
        fl.held[fl.batch.n_held++] = (struct mr_record){
            .part = &fl.parts[0], .stream = "s.t", .offset = offset, .target = &fl.target};
    fl.held[fl.batch.n_held++] = (struct mr_record){
        .part = &fl.parts[1], .stream = "s.t", .partition = 1, .offset = 1, .target = &fl.target};
}

/* As the writer does it: a batch whose rows were refused is taken apart by the next try. */
static int flush(struct mr_err *err)
{
    struct mr_flush what = {
        .session = mr_case.f.session, .batch = &fl.batch, .memories = &fl.memories};
    mr_err_clear(err);
    return mr_flush_run(&what, &fl.result, err);
}

static int flush_once(void *arg, struct mr_err *err)
{
    (void)arg;
    return flush(err);
}

static void flushed(void *arg, int rc)
{
    struct mr_err err = MR_ERR_INIT;
    char sql[200];
    int n_moved = 0;

    (void)arg;
    if (rc < 0) {
        kept_check("");
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE next_offset = %lld",
                 mr_sink_fixture_control(&mr_case.f, "positions"), (long long)fl.next);
        n_moved = (int)strtol(kept_query(sql), NULL, 10);
        MR_CHECK_INT(n_moved, 0);
        if (flush(&err) < 0)
            MR_FAIL("with memory again: %s: %s", mr_code_printed((int)err.code), err.detail);
    }
    kept_check("1|x|new\n4|z|e\n");
    MR_CHECK_U64(fl.result.faults.n_items, 1);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE next_offset = %lld",
             mr_sink_fixture_control(&mr_case.f, "positions"), (long long)fl.next);
    MR_CHECK_INT(strtol(kept_query(sql), NULL, 10), 2);
    mr_sink_fixture_exec(&mr_case.f, "DELETE FROM t");
    kept_case.rows = fl.table.rows;
    kept_case_reset();
    batch_make();
}

/* G-01, G-07 */
MR_CONFORM(flush, "a flush lands nothing where memory lacks, and all of it the next time")
{
    mr_sink_fixture_exec(&mr_case.f, "CREATE TABLE t(id bigint NOT NULL PRIMARY KEY, a text CHECK "
                                     "(a <> 'bad'), b text, g bigint)");
    kept_case_open();
    mr_flush_result_init(&fl.result);
    batch_make();
    memory_gate_try_all(&(struct memory_gate_work){
        .name = "flush", .run = flush_once, .after = flushed, .least = 20});
    kept_case.rows = fl.table.rows;
    kept_case_reset();
    mr_flush_result_release(&fl.result);
    mr_load_memories_release(&fl.memories);
}
