/* A session that writes down what a strategy asks of it: "delete 1,2; insert[0,1] 3; ..." and
 * answers as told. Rows are told by their offset. Included by one test file of a program. */
#ifndef MR_TESTS_SUPPORT_FAKE_SINK_H
#define MR_TESTS_SUPPORT_FAKE_SINK_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sinks/load.h"

static struct {
    char log[2048];
    size_t used;
    bool exists;         /* plain inserts meet an existing key */
    uint64_t n_missing;  /* rows that an update does not find */
    uint64_t n_left_out; /* rows that a put does not do */
    int fail_rc;         /* of put_rows, once it is not 0 */
} fake_sink;

__attribute__((format(printf, 1, 2))) static void fake_sink_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(fake_sink.log + fake_sink.used, sizeof fake_sink.log - fake_sink.used, format,
                      args);
    va_end(args);
    if (n > 0 && fake_sink.used + (size_t)n < sizeof fake_sink.log)
        fake_sink.used += (size_t)n;
}

static void fake_sink_rows(const struct mr_row *const *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fake_sink_note("%s%lld", i == 0 ? " " : ",", (long long)rows[i]->offset);
    fake_sink_note("; ");
}

static int fake_sink_savepoint(struct mr_session *session, struct mr_err *err)
{
    (void)session;
    (void)err;
    fake_sink_note("savepoint; ");
    return 0;
}

static int fake_sink_rollback_to(struct mr_session *session, struct mr_err *err)
{
    (void)session;
    (void)err;
    fake_sink_note("rollback to; ");
    return 0;
}

static int fake_sink_release(struct mr_session *session, struct mr_err *err)
{
    (void)session;
    (void)err;
    fake_sink_note("release; ");
    return 0;
}

static int fake_sink_truncate(struct mr_session *session, struct mr_table *table,
                              struct mr_err *err)
{
    (void)session;
    (void)table;
    (void)err;
    fake_sink_note("truncate; ");
    return 0;
}

static int fake_sink_delete(struct mr_session *session, struct mr_table *table,
                            const struct mr_colset *key, const struct mr_row *const *rows,
                            size_t n_rows, uint64_t *n_done, struct mr_err *err)
{
    (void)session;
    (void)table;
    (void)key;
    (void)err;
    fake_sink_note("delete");
    fake_sink_rows(rows, n_rows);
    *n_done = n_rows;
    return 0;
}

static int fake_sink_put(struct mr_session *session, const struct mr_put_rows *put,
                         enum mr_put mode, uint64_t *n_done, struct mr_err *err)
{
    static const char *const names[] = {"insert", "upsert", "update"};
    (void)session;
    fake_sink_note("%s[", names[mode]);
    for (uint16_t i = 0; i < put->cols->n_cols; i++) {
        bool masked = put->mask != NULL && ((put->mask[0] >> i) & 1) != 0;
        fake_sink_note("%s%u%s", i == 0 ? "" : ",", put->cols->cols[i], masked ? "m" : "");
    }
    fake_sink_note("]");
    fake_sink_rows(put->rows, put->n_rows);
    *n_done = put->n_rows;
    if (fake_sink.fail_rc != 0)
        return fake_sink.fail_rc;
    if (mode == MR_PUT_INSERT && fake_sink.exists)
        return mr_err_set(err, MR_EXISTS, "a key is there");
    if (mode == MR_PUT_UPDATE) {
        *n_done -= fake_sink.n_missing;
        for (size_t i = 0; put->missing != NULL && i < fake_sink.n_missing; i++)
            put->missing[i] = true;
    }
    *n_done -= fake_sink.n_left_out < *n_done ? fake_sink.n_left_out : *n_done;
    return 0;
}

static const struct mr_sink_ops fake_sink_ops = {
    .name = "fake",
    .savepoint = fake_sink_savepoint,
    .rollback_to_savepoint = fake_sink_rollback_to,
    .release_savepoint = fake_sink_release,
    .truncate = fake_sink_truncate,
    .delete_keys = fake_sink_delete,
    .put_rows = fake_sink_put,
};

/* A table of five writable columns (0 is the key), its rows, and a session. */
static struct {
    struct mr_session session;
    struct mr_column columns[5];
    struct mr_table table;
    struct mr_row row[16];
    struct mr_rows rows;
    struct mr_load_memory memory;
    struct mr_load_stats stats;
    struct mr_route route;
    struct mr_load_faults faults;
    struct mr_err err;
} fake_load;

static const uint16_t fake_cols[] = {0, 1, 2, 3, 4};
static const struct mr_colset fake_all = {5, fake_cols};
static const struct mr_colset fake_some = {3, fake_cols};

static void fake_load_init(void)
{
    memset(&fake_sink, 0, sizeof fake_sink);
    memset(&fake_load, 0, sizeof fake_load);
    mr_err_clear(&fake_load.err);
    fake_load.session.ops = &fake_sink_ops;
    fake_load.table.columns = fake_load.columns;
    fake_load.table.n_columns = 5;
    fake_load.table.name = "orders";
    fake_load.rows = (struct mr_rows){
        .table = &fake_load.table, .key = {1, fake_cols}, .rows = fake_load.row, .cap_rows = 16};
}

static struct mr_row *fake_load_row(const struct mr_colset *cols, uint32_t flags)
{
    struct mr_row *row = &fake_load.row[fake_load.rows.n_rows++];
    row->op = cols == NULL ? MR_ROW_DELETE : MR_ROW_UPSERT;
    row->cols = cols;
    row->flags = flags;
    row->offset = (int64_t)fake_load.rows.n_rows;
    return row;
}

/* Runs the strategy; what it asked for is then in fake_sink.log. */
static int fake_load_run(const struct mr_load_ops *load)
{
    fake_sink.used = 0;
    fake_sink.log[0] = '\0';
    struct mr_load run = {.session = &fake_load.session,
                          .rows = &fake_load.rows,
                          .route = &fake_load.route,
                          .memory = &fake_load.memory,
                          .stats = &fake_load.stats,
                          .faults = &fake_load.faults};
    mr_load_faults_release(&fake_load.faults);
    mr_load_faults_init(&fake_load.faults);
    return load->run(&run, &fake_load.err);
}

#endif
