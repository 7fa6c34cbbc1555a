/* The SQLite sink's own promises: places, sessions, errors. What every sink promises stands in
 * tests/component/sink_conformance_test.c. */
#include "sinks/sqlite.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/fault.h"
#include "tests/support/mr_test.h"
#include "tests/support/sink_fixture.h"

static struct mr_sink_fixture f;
static struct mr_table *table;
static struct mr_row_build build;
static const char *const key_names[] = {"id", NULL};
static const char *const both_names[] = {"id", "v", NULL};

MR_SETUP
{
    f = (struct mr_sink_fixture){.ops = NULL};
    table = NULL;
    build = (struct mr_row_build){.emit = NULL};
}

MR_TEARDOWN
{
#if defined(MR_FAULTS) && MR_FAULTS
    mr_fault_disarm_all();
#endif
    mr_row_build_release(&build);
    mr_table_unref(table);
    mr_sink_fixture_stop(&f);
}

/* A started sink with table t(id int8 primary key, v text). */
static void start(void)
{
    const struct mr_shape_column columns[] = {
        {.name = "id", .type = {.type = MR_T_INT8, .length = -1, .precision = -1}, .key = true},
        {.name = "v", .type = {.type = MR_T_TEXT, .length = -1, .precision = -1}}};
    const uint16_t key[] = {0};
    const struct mr_ddl ddl = {
        .kind = MR_DDL_CREATE, .columns = columns, .n_columns = 2, .key = key, .n_key = 1};
    mr_sink_fixture_start(&f, MR_KIND_SQLITE);
    MR_CHECK_OK(f.ops->table_apply(f.sink, NULL, "t", &ddl, &f.err));
    MR_CHECK_OK(f.ops->table_open(f.sink, NULL, "t", false, &table, &f.err));
    mr_row_build_init(&build, f.ops->emit, table, key_names);
}

static int put(enum mr_put mode)
{
    uint64_t n_done;
    const struct mr_put_rows rows = {.table = table,
                                     .key = &build.key,
                                     .cols = mr_row_build_cols(&build, both_names),
                                     .rows = build.rows,
                                     .n_rows = build.n_rows};
    return f.ops->put_rows(f.session, &rows, mode, &n_done, &f.err);
}

MR_TEST("a flush writes rows and moves positions in one transaction")
{
    start();
    struct mr_claim claim = {.position = {.stream = "orders", .slots = 1}, .start_offset = 0};
    MR_CHECK_OK(f.ops->claim(f.sink, &claim, 1, &f.err));
    const struct mr_span span = {
        .stream = "orders", .slots = 1, .epoch = claim.position.epoch, .expected = 0, .next = 2};
    const struct mr_cell one[] = {MR_INT(1), MR_TXT("a")};
    const struct mr_cell two[] = {MR_INT(2), MR_NIL};
    (void)mr_row_build_put(&build, mr_row_build_cols(&build, both_names), one);
    (void)mr_row_build_put(&build, mr_row_build_cols(&build, both_names), two);
    MR_CHECK_OK(f.ops->begin(f.session, &table, 1, &span, 1, &f.err));
    MR_CHECK_OK(put(MR_PUT_UPSERT));
    MR_CHECK_OK(f.ops->put_positions(f.session, &span, 1, &f.err));
    MR_CHECK_STR(mr_sink_fixture_query(&f, "SELECT count(*) FROM t"), "0\n");
    MR_CHECK_OK(f.ops->commit(f.session, &f.err));
    MR_CHECK_STR(mr_sink_fixture_query(&f, "SELECT * FROM t ORDER BY id"), "1|a\n2|~\n");
    MR_CHECK_STR(mr_sink_fixture_query(&f, "SELECT next_offset FROM millrace_positions"), "2\n");
}

MR_TEST("a URL that names no file is refused")
{
    static const char *const urls[] = {"sqlite:", "sqlite::memory:", "stdout:", "postgresql:///x"};
    for (size_t i = 0; i < 4; i++) {
        const struct mr_sink_opts opts = {.url = urls[i]};
        struct mr_sink *sink;
        struct mr_err err = MR_ERR_INIT;
        MR_CHECK_INT(mr_sink_sqlite.open(&opts, &sink, &err), -MR_CONFIG_INVALID);
    }
}

/* ---- places ---- */

MR_TEST("a second session waits for the first one's commit, and gives up in time")
{
    start();
    struct mr_sink_opts *opts = &f.opts;
    struct mr_session *second;
    struct mr_sink *sink;
    opts->pool_wait_ms = 20;
    MR_CHECK_OK(mr_sink_sqlite.open(opts, &sink, &f.err));
    MR_CHECK_OK(sink->ops->session_open(sink, &second, &f.err));
    struct mr_session *first;
    MR_CHECK_OK(sink->ops->session_open(sink, &first, &f.err));
    MR_CHECK_OK(sink->ops->begin(first, &table, 1, NULL, 0, &f.err));
    MR_CHECK_INT(sink->ops->begin(second, &table, 1, NULL, 0, &f.err), -MR_TARGET_POOL_WAIT);
    MR_CHECK_INT(f.err.class, MR_CLASS_RETRY);
    uint32_t idle;
    uint32_t busy;
    uint32_t waiting;
    sink->ops->stats(sink, &idle, &busy, &waiting);
    MR_CHECK_U64(busy, 1);
    MR_CHECK_U64(idle, 1);
    MR_CHECK_OK(sink->ops->commit(first, &f.err));
    MR_CHECK_OK(sink->ops->begin(second, &table, 1, NULL, 0, &f.err));
    sink->ops->session_close(second);
    sink->ops->session_close(first);
    sink->ops->close(sink);
}

MR_TEST("catalogue and positions are read while a flush is open")
{
    start();
    struct mr_position *positions;
    size_t n;
    MR_CHECK_OK(f.ops->begin(f.session, &table, 1, NULL, 0, &f.err));
    mr_table_unref(table);
    table = NULL;
    MR_CHECK_OK(f.ops->table_open(f.sink, NULL, "t", true, &table, &f.err));
    MR_CHECK_OK(f.ops->positions_read(f.sink, &positions, &n, &f.err));
    free(positions);
}

MR_TEST("another process that writes is waited for, then it is RETRY")
{
    start();
    sqlite3 *other;
    MR_CHECK_INT(sqlite3_open(f.url + strlen("sqlite:"), &other), SQLITE_OK);
    MR_CHECK_INT(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    f.opts.lock_timeout_ms = 30;
    struct mr_sink *sink;
    struct mr_session *session;
    MR_CHECK_OK(mr_sink_sqlite.open(&f.opts, &sink, &f.err));
    MR_CHECK_OK(sink->ops->session_open(sink, &session, &f.err));
    MR_CHECK_INT(sink->ops->begin(session, &table, 1, NULL, 0, &f.err), -MR_DB);
    MR_CHECK_STR(f.err.sqlstate, "55P03");
    MR_CHECK_INT(f.err.class, MR_CLASS_RETRY);
    MR_CHECK_INT(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    MR_CHECK_OK(sink->ops->begin(session, &table, 1, NULL, 0, &f.err));
    sink->ops->session_close(session);
    sink->ops->close(sink);
    (void)sqlite3_close(other);
}

struct waiter {
    struct mr_session *session;
    int rc;
    struct mr_err err;
    _Atomic bool done;
};

static void *begin_in_thread(void *arg)
{
    struct waiter *waiter = arg;
    waiter->rc = waiter->session->ops->begin(waiter->session, NULL, 0, NULL, 0, &waiter->err);
    waiter->session->ops->rollback(waiter->session);
    atomic_store(&waiter->done, true);
    return NULL;
}

/* Interrupts until the thread is through: it may not wait yet when the first one comes. */
static void check_interrupted_begin(void)
{
    struct waiter waiter = {.err = MR_ERR_INIT};
    pthread_t thread;
    MR_CHECK_OK(f.ops->session_open(f.sink, &waiter.session, &f.err));
    MR_CHECK_OK(mr_thread_start(&thread, "begin", begin_in_thread, &waiter));
    while (!atomic_load(&waiter.done))
        f.ops->session_interrupt(waiter.session);
    MR_CHECK_INT(pthread_join(thread, NULL), 0);
    f.ops->session_close(waiter.session);
    MR_CHECK_INT(waiter.rc, -MR_DB);
    MR_CHECK_STR(waiter.err.sqlstate, "57014");
    MR_CHECK_INT(waiter.err.class, MR_CLASS_RETRY);
}

MR_TEST("a wait for another session can be interrupted")
{
    start();
    MR_CHECK_OK(f.ops->begin(f.session, &table, 1, NULL, 0, &f.err));
    check_interrupted_begin();
}

MR_TEST("a wait for another process can be interrupted")
{
    start();
    sqlite3 *other;
    MR_CHECK_INT(sqlite3_open(f.url + strlen("sqlite:"), &other), SQLITE_OK);
    MR_CHECK_INT(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    check_interrupted_begin();
    (void)sqlite3_close(other);
    MR_CHECK_OK(f.ops->begin(f.session, &table, 1, NULL, 0, &f.err));
}

enum { N_THREADS = 2, N_FLUSHES = 40 };

/* Each flush moves its own position by one and adds one row. */
static void *flush_in_thread(void *arg)
{
    int number = *(int *)arg;
    struct mr_session *session;
    struct mr_err err = MR_ERR_INIT;
    struct mr_row_build rows;
    struct mr_claim claim = {.position = {.stream = "orders", .partition = number, .slots = 1}};
    MR_CHECK_OK(f.ops->session_open(f.sink, &session, &err));
    MR_CHECK_OK(f.ops->claim(f.sink, &claim, 1, &err));
    mr_row_build_init(&rows, f.ops->emit, table, key_names);
    for (int i = 0; i < N_FLUSHES; i++) {
        uint64_t n_done;
        const struct mr_cell cells[] = {MR_INT(number * 1000 + i), MR_TXT("v")};
        const struct mr_span span = {.stream = "orders",
                                     .partition = number,
                                     .slots = 1,
                                     .epoch = claim.position.epoch,
                                     .expected = i,
                                     .next = i + 1};
        mr_row_build_forget(&rows);
        (void)mr_row_build_put(&rows, mr_row_build_cols(&rows, both_names), cells);
        const struct mr_put_rows put_rows = {.table = table,
                                             .key = &rows.key,
                                             .cols = mr_row_build_cols(&rows, both_names),
                                             .rows = rows.rows,
                                             .n_rows = 1};
        struct mr_table *fresh;
        MR_CHECK_OK(f.ops->table_open(f.sink, NULL, "t", i % 8 == 0, &fresh, &err));
        mr_table_unref(fresh);
        MR_CHECK_OK(f.ops->begin(session, &table, 1, &span, 1, &err));
        MR_CHECK_OK(f.ops->put_rows(session, &put_rows, MR_PUT_UPSERT, &n_done, &err));
        MR_CHECK_OK(f.ops->put_positions(session, &span, 1, &err));
        MR_CHECK_OK(f.ops->commit(session, &err));
    }
    mr_row_build_release(&rows);
    f.ops->session_close(session);
    return NULL;
}

MR_TEST("two sessions on two threads write one file, each flush whole")
{
    start();
    pthread_t threads[N_THREADS];
    int numbers[N_THREADS];
    for (int i = 0; i < N_THREADS; i++) {
        numbers[i] = i;
        MR_CHECK_OK(mr_thread_start(&threads[i], "flush", flush_in_thread, &numbers[i]));
    }
    for (int i = 0; i < N_THREADS; i++)
        MR_CHECK_INT(pthread_join(threads[i], NULL), 0);
    MR_CHECK_STR(mr_sink_fixture_query(&f, "SELECT count(*) FROM t"), "80\n");
    MR_CHECK_STR(mr_sink_fixture_query(&f,
                                       "SELECT \"partition\", next_offset FROM millrace_positions"
                                       " ORDER BY 1"),
                 "0|40\n1|40\n");
}

/* ---- the file ---- */

MR_TEST("a file that was moved away is an outage, not a reason for an empty one")
{
    start();
    char moved[512];
    const char *path = f.url + strlen("sqlite:");
    (void)snprintf(moved, sizeof moved, "%s.away", path);
    MR_CHECK_INT(rename(path, moved), 0);
    MR_CHECK_INT(f.ops->begin(f.session, &table, 1, NULL, 0, &f.err), -MR_TARGET_AWAY);
    MR_CHECK_INT(access(path, F_OK), -1);
    MR_CHECK_INT(rename(moved, path), 0);
    MR_CHECK_OK(f.ops->begin(f.session, &table, 1, NULL, 0, &f.err));
}

MR_TEST("a file that is no database is HALT")
{
    start();
    f.ops->session_close(f.session);
    f.session = NULL;
    f.ops->close(f.sink);
    f.sink = NULL;
    int fd = open(f.url + strlen("sqlite:"), O_WRONLY | O_TRUNC | O_CLOEXEC);
    char junk[8192];
    memset(junk, 'x', sizeof junk);
    MR_CHECK_INT(write(fd, junk, sizeof junk), (long)sizeof junk);
    (void)close(fd);
    MR_CHECK_OK(f.ops->open(&f.opts, &f.sink, &f.err));
    MR_CHECK_INT(f.ops->setup(f.sink, f.target_id, &f.err), -MR_DB);
    MR_CHECK_STR(f.err.sqlstate, "XX001");
    MR_CHECK_INT(f.err.class, MR_CLASS_HALT);
}

/* P-17, Q-05 */
MR_TEST("a full disk is PAUSE, nothing stands alone behind it, and the next flush is whole")
{
    start();
    struct mr_session *session = f.session;
    /* SQLite's own limit on the file gives the same result as a full disk. */
    MR_CHECK_OK(f.ops->begin(session, &table, 1, NULL, 0, &f.err));
    sqlite3 *db = mr_sq_session(session)->conn->db;
    MR_CHECK_INT(sqlite3_exec(db, "PRAGMA max_page_count = 1", NULL, NULL, NULL), SQLITE_OK);
    static char big[100000];
    memset(big, 'v', sizeof big);
    const struct mr_cell cells[] = {MR_INT(1),
                                    {.kind = MR_CELL_TEXT, .text = big, .len = sizeof big}};
    (void)mr_row_build_put(&build, mr_row_build_cols(&build, both_names), cells);
    MR_CHECK_INT(put(MR_PUT_UPSERT), -MR_DB);
    MR_CHECK_STR(f.err.sqlstate, "53100");
    MR_CHECK_INT(f.err.class, MR_CLASS_PAUSE);
    if (sqlite3_get_autocommit(db))
        MR_CHECK_INT(put(MR_PUT_UPSERT), -MR_DB);
    f.ops->rollback(session);
    MR_CHECK_STR(mr_sink_fixture_query(&f, "SELECT count(*) FROM t"), "0\n");
    MR_CHECK_INT(sqlite3_exec(db, "PRAGMA max_page_count = 1000000", NULL, NULL, NULL), SQLITE_OK);
    MR_CHECK_OK(f.ops->begin(session, &table, 1, NULL, 0, &f.err));
    MR_CHECK_OK(put(MR_PUT_UPSERT));
    MR_CHECK_OK(f.ops->commit(session, &f.err));
    MR_CHECK_STR(mr_sink_fixture_query(&f, "SELECT count(*) FROM t"), "1\n");
}

MR_TEST("what SQLite has rolled back by itself is not gone on with")
{
    start();
    MR_CHECK_OK(f.ops->begin(f.session, &table, 1, NULL, 0, &f.err));
    MR_CHECK_INT(sqlite3_exec(mr_sq_session(f.session)->conn->db, "ROLLBACK", NULL, NULL, NULL),
                 SQLITE_OK);
    const struct mr_cell cells[] = {MR_INT(1), MR_NIL};
    (void)mr_row_build_put(&build, mr_row_build_cols(&build, both_names), cells);
    MR_CHECK_INT(put(MR_PUT_UPSERT), -MR_DB);
    MR_CHECK_INT(f.err.class, MR_CLASS_RETRY);
    MR_CHECK_INT(f.ops->commit(f.session, &f.err), -MR_DB);
    f.ops->rollback(f.session);
    MR_CHECK_STR(mr_sink_fixture_query(&f, "SELECT count(*) FROM t"), "0\n");
}

MR_TEST("rows without a transaction are a bug, not a write")
{
    start();
    const struct mr_cell cells[] = {MR_INT(1), MR_NIL};
    (void)mr_row_build_put(&build, mr_row_build_cols(&build, both_names), cells);
    MR_CHECK_INT(put(MR_PUT_UPSERT), -MR_BUG);
    MR_CHECK_INT(f.ops->commit(f.session, &f.err), -MR_BUG);
}

#if defined(MR_FAULTS) && MR_FAULTS
MR_TEST("a fault before COMMIT leaves nothing, and the flush can be done again")
{
    start();
    const struct mr_cell cells[] = {MR_INT(1), MR_NIL};
    (void)mr_row_build_put(&build, mr_row_build_cols(&build, both_names), cells);
    mr_fault_arm(MR_FAULT_SQLITE_COMMIT, 0, 1);
    MR_CHECK_OK(f.ops->begin(f.session, &table, 1, NULL, 0, &f.err));
    MR_CHECK_OK(put(MR_PUT_UPSERT));
    MR_CHECK_INT(f.ops->commit(f.session, &f.err), -MR_TARGET_AWAY);
    f.ops->rollback(f.session);
    MR_CHECK_STR(mr_sink_fixture_query(&f, "SELECT count(*) FROM t"), "0\n");
    MR_CHECK_OK(f.ops->begin(f.session, &table, 1, NULL, 0, &f.err));
    MR_CHECK_OK(put(MR_PUT_UPSERT));
    MR_CHECK_OK(f.ops->commit(f.session, &f.err));
    MR_CHECK_STR(mr_sink_fixture_query(&f, "SELECT count(*) FROM t"), "1\n");
}

MR_TEST("a claim that was cut off claims nothing")
{
    start();
    struct mr_claim claim = {.position = {.stream = "orders", .slots = 1}, .start_offset = 4};
    mr_fault_arm(MR_FAULT_CLAIM, 0, 1);
    MR_CHECK_INT(f.ops->claim(f.sink, &claim, 1, &f.err), -MR_TARGET_AWAY);
    MR_CHECK_INT(claim.position.epoch, 0);
    MR_CHECK_STR(mr_sink_fixture_query(&f, "SELECT count(*) FROM millrace_positions"), "0\n");
}
#endif
