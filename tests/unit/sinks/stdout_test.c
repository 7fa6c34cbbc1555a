/* The sink that prints: what each line says, and when lines leave. */
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "schemas/plan.h"
#include "tests/support/mr_test.h"
#include "tests/support/sink_fixture.h"

static struct mr_sink_fixture f;
static struct mr_table *table;
static struct mr_row_build build;
static const char *const key_names[] = {"id", NULL};
static const char *const names[] = {"id", "n", "doc", NULL};

MR_SETUP
{
    f = (struct mr_sink_fixture){.ops = NULL};
    table = NULL;
    build = (struct mr_row_build){.emit = NULL};
}

MR_TEARDOWN
{
    mr_row_build_release(&build);
    mr_table_unref(table);
    mr_sink_fixture_stop(&f);
}

static void start(void)
{
    const struct mr_shape_column columns[] = {
        {.name = "id", .type = {.type = MR_T_INT8}, .key = true},
        {.name = "n", .type = {.type = MR_T_NUMERIC, .precision = -1}},
        {.name = "doc", .type = {.type = MR_T_JSONB}}};
    const uint16_t key[] = {0};
    const struct mr_ddl ddl = {
        .kind = MR_DDL_CREATE, .columns = columns, .n_columns = 3, .key = key, .n_key = 1};
    mr_sink_fixture_start(&f, MR_KIND_STDOUT);
    MR_CHECK_OK(f.ops->table_apply(f.sink, "shop", "t", &ddl, &f.err));
    MR_CHECK_OK(f.ops->table_open(f.sink, "shop", "t", false, &table, &f.err));
    mr_row_build_init(&build, f.ops->emit, table, key_names);
    MR_CHECK_OK(f.ops->begin(f.session, &table, 1, NULL, 0, &f.err));
}

static void put(enum mr_put mode, const struct mr_cell cells[3], const uint64_t *mask)
{
    uint64_t n_done;
    mr_row_build_forget(&build);
    (void)mr_row_build_put(&build, mr_row_build_cols(&build, names), cells);
    const struct mr_put_rows rows = {.table = table,
                                     .key = &build.key,
                                     .cols = mr_row_build_cols(&build, names),
                                     .mask = mask,
                                     .rows = build.rows,
                                     .n_rows = 1};
    MR_CHECK_OK(f.ops->put_rows(f.session, &rows, mode, &n_done, &f.err));
}

static const struct mr_cell one[] = {{.kind = MR_CELL_INT, .i = INT64_MAX},
                                     MR_CELL_TEXT_OF("12345678901234567890.10"),
                                     MR_CELL_TEXT_OF("{\"a\":\n1}")};

/* S-21 */
MR_TEST("a row is one line with its table, op, key and exact values")
{
    start();
    put(MR_PUT_UPSERT, one, NULL);
    MR_CHECK_OK(f.ops->commit(f.session, &f.err));
    MR_CHECK_STR(mr_sink_fixture_query(&f, ""),
                 "{\"table\":\"shop.t\",\"op\":\"upsert\",\"key\":{\"id\":9223372036854775807},"
                 "\"row\":{\"id\":9223372036854775807,\"n\":12345678901234567890.10,"
                 "\"doc\":{\"a\": 1}}}\n");
}

MR_TEST("a delete carries its key, an update not its masked fields")
{
    start();
    uint64_t n_done;
    const uint64_t mask[] = {1u << 1};
    put(MR_PUT_UPDATE, one, mask);
    mr_row_build_forget(&build);
    (void)mr_row_build_delete(&build, one);
    MR_CHECK_OK(f.ops->delete_keys(f.session, table, &build.key, build.rows, 1, &n_done, &f.err));
    MR_CHECK_OK(f.ops->commit(f.session, &f.err));
    MR_CHECK_STR(mr_sink_fixture_query(&f, ""),
                 "{\"table\":\"shop.t\",\"op\":\"update\",\"key\":{\"id\":9223372036854775807},"
                 "\"row\":{\"id\":9223372036854775807,\"doc\":{\"a\": 1}}}\n"
                 "{\"table\":\"shop.t\",\"op\":\"delete\",\"key\":{\"id\":9223372036854775807}}\n");
}

MR_TEST("nothing is printed before commit, and nothing that was rolled back")
{
    start();
    put(MR_PUT_UPSERT, one, NULL);
    MR_CHECK_STR(mr_sink_fixture_query(&f, ""), "");
    f.ops->rollback(f.session);
    MR_CHECK_OK(f.ops->begin(f.session, &table, 1, NULL, 0, &f.err));
    MR_CHECK_OK(f.ops->savepoint(f.session, &f.err));
    put(MR_PUT_UPSERT, one, NULL);
    MR_CHECK_OK(f.ops->rollback_to_savepoint(f.session, &f.err));
    MR_CHECK_OK(f.ops->release_savepoint(f.session, &f.err));
    MR_CHECK_OK(f.ops->commit(f.session, &f.err));
    MR_CHECK_STR(mr_sink_fixture_query(&f, ""), "");
}

MR_TEST("a dead letter is a line, too")
{
    start();
    const struct mr_letter letter = {.stream = "orders",
                                     .partition = 3,
                                     .offset = 7,
                                     .headers_json = "[]",
                                     .code = "avro.trailing",
                                     .sqlstate = "",
                                     .detail = "a \"b\"",
                                     .target_table = ""};
    MR_CHECK_OK(f.ops->put_letters(f.session, &letter, 1, &f.err));
    MR_CHECK_OK(f.ops->commit(f.session, &f.err));
    MR_CHECK_STR(mr_sink_fixture_query(&f, ""),
                 "{\"dead_letter\":{\"topic\":\"orders\",\"partition\":3,\"offset\":7,"
                 "\"code\":\"avro.trailing\",\"detail\":\"a \\\"b\\\"\"}}\n");
}

/* V-01 */
MR_TEST("a table grows with the records, and its key stays")
{
    start();
    const struct mr_shape_column more[] = {{.name = "n", .type = {.type = MR_T_INT8}},
                                           {.name = "z", .type = {.type = MR_T_TEXT}}};
    const struct mr_ddl ddl = {.kind = MR_DDL_ADD_COLUMNS, .columns = more, .n_columns = 2};
    MR_CHECK_OK(f.ops->table_apply(f.sink, "shop", "t", &ddl, &f.err));
    struct mr_table *grown;
    MR_CHECK_OK(f.ops->table_open(f.sink, "shop", "t", false, &grown, &f.err));
    MR_CHECK_U64(grown->n_columns, 4);
    MR_CHECK_U64(grown->n_uniques, 1);
    MR_CHECK_U64(grown->uniques[0].n_cols, 1);
    mr_table_unref(grown);
}

/* An own sink on the writing end of a pipe. */
static struct mr_session *open_pipe(int ends[2], struct mr_sink **sink)
{
    struct mr_session *session;
    MR_CHECK_INT(pipe(ends), 0);
    f.opts.output_fd = ends[1];
    f.opts.url = "stdout:";
    mr_env_init_system(&f.opts.env);
    MR_CHECK_OK(mr_sink_stdout.open(&f.opts, sink, &f.err));
    MR_CHECK_OK((*sink)->ops->session_open(*sink, &session, &f.err));
    return session;
}

static void close_pipe(struct mr_session *session, int fd)
{
    struct mr_sink *sink = session->sink;
    sink->ops->session_close(session);
    sink->ops->close(sink);
    (void)close(fd);
    f.opts.output_fd = -1;
}

static const struct mr_letter small_letter = {.stream = "s",
                                              .headers_json = "[]",
                                              .code = "c",
                                              .sqlstate = "",
                                              .detail = "",
                                              .target_table = ""};

MR_TEST("a reader that is gone is FATAL")
{
    int ends[2];
    struct mr_sink *sink;
    struct mr_session *session = open_pipe(ends, &sink);
    (void)signal(SIGPIPE, SIG_IGN);
    MR_CHECK_OK(sink->ops->probe(sink, &f.err));
    (void)close(ends[0]);
    MR_CHECK_INT(sink->ops->probe(sink, &f.err), -MR_IO);
    MR_CHECK_OK(sink->ops->begin(session, NULL, 0, NULL, 0, &f.err));
    MR_CHECK_OK(sink->ops->put_letters(session, &small_letter, 1, &f.err));
    MR_CHECK_INT(sink->ops->commit(session, &f.err), -MR_IO);
    MR_CHECK_INT(f.err.class, MR_CLASS_FATAL);
    close_pipe(session, ends[1]);
}

struct writer {
    struct mr_session *session;
    int rc;
    _Atomic bool done;
};

static void *commit_in_thread(void *arg)
{
    struct writer *writer = arg;
    writer->rc = writer->session->ops->commit(writer->session, NULL);
    atomic_store(&writer->done, true);
    return NULL;
}

MR_TEST("a reader that does not read is waited for, until an interrupt")
{
    int ends[2];
    struct mr_sink *sink;
    struct writer writer = {.session = open_pipe(ends, &sink)};
    char junk[4096] = "";
    MR_CHECK_INT(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    while (write(ends[1], junk, sizeof junk) > 0)
        continue;
    MR_CHECK_OK(sink->ops->begin(writer.session, NULL, 0, NULL, 0, &f.err));
    MR_CHECK_OK(sink->ops->put_letters(writer.session, &small_letter, 1, &f.err));
    pthread_t thread;
    MR_CHECK_OK(mr_thread_start(&thread, "commit", commit_in_thread, &writer));
    while (!atomic_load(&writer.done))
        sink->ops->session_interrupt(writer.session);
    MR_CHECK_INT(pthread_join(thread, NULL), 0);
    MR_CHECK_INT(writer.rc, -MR_DB);
    close_pipe(writer.session, ends[1]);
    (void)close(ends[0]);
}
