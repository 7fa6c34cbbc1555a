/* The PostgreSQL sink against a real server: control tables, claims, flushes, and what the target
 * holds afterwards, read by a plain connection. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "sinks/load.h"
#include "sinks/sink.h"
#include "tests/support/mr_test.h"
#include "tests/support/pg_rows.h"
#include "tests/support/pg_server.h"

static struct {
    struct mr_sink_opts opts;
    struct mr_sink *sink;
    struct mr_session *session;
    struct mr_table *table;
    struct pg_rows rows;
    struct mr_load_memory memory;
    struct mr_load_stats stats;
    struct mr_claim claim;
    struct mr_span span;
    struct mr_err err;
} f;

static struct mr_sink_opts opts_make(const char *instance)
{
    struct mr_sink_opts opts = {.url = pg_server_url(),
                                .schema = "public",
                                .control_schema = "millrace",
                                .pipeline = "shop",
                                .group_id = "shop",
                                .instance_id = instance,
                                .pool_min = 1,
                                .pool_max = 4,
                                .pool_wait_ms = 200,
                                .pool_idle_ms = 600000,
                                .pool_max_age_ms = 3600000,
                                .statement_timeout_ms = 30000,
                                .lock_timeout_ms = 1000,
                                .connect_timeout_ms = 10000,
                                .session_timeout_ms = 45000,
                                .output_fd = 1};
    mr_env_init_system(&opts.env);
    return opts;
}

/* Reports the error's line where a call fails. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        char line_[1024];                                                                          \
        if ((call) != 0)                                                                           \
            MR_FAIL("%s: %s", #call, mr_err_line(&f.err, line_, sizeof line_));                    \
    } while (0)

static void sink_open(void)
{
    char target_id[MR_TARGET_ID_BYTES];
    f.opts = opts_make("one");
    OK(mr_sink_postgresql.open(&f.opts, &f.sink, &f.err));
    OK(f.sink->ops->setup(f.sink, target_id, &f.err));
    OK(f.sink->ops->session_open(f.sink, &f.session, &f.err));
}

MR_SETUP
{
    memset(&f, 0, sizeof f);
    mr_err_clear(&f.err);
    mr_fault_disarm_all();
    pg_server_exec("DROP SCHEMA IF EXISTS millrace CASCADE; DROP SCHEMA IF EXISTS public CASCADE; "
                   "CREATE SCHEMA public");
    sink_open();
}

MR_TEARDOWN
{
    mr_fault_disarm_all();
    if (f.rows.rows.table != NULL)
        pg_rows_release(&f.rows);
    mr_table_unref(f.table);
    if (f.session != NULL)
        f.session->ops->session_close(f.session);
    if (f.sink != NULL)
        f.sink->ops->close(f.sink);
}

/* Claims topic "t", partition 0, and prepares a span that moves it by `n`. */
static void claim(int64_t n)
{
    f.claim = (struct mr_claim){.start_offset = 0, .start_leader_epoch = -1};
    snprintf(f.claim.position.stream, sizeof f.claim.position.stream, "t");
    f.claim.position.slots = 1;
    OK(f.sink->ops->claim(f.sink, &f.claim, 1, &f.err));
    f.span = (struct mr_span){.stream = f.claim.position.stream,
                              .slots = 1,
                              .epoch = f.claim.position.epoch,
                              .expected = f.claim.position.next_offset,
                              .next = f.claim.position.next_offset + n,
                              .leader_epoch = 3,
                              .timestamp_ms = 1000};
}

static void table_open(const char *name, const char *key, const char *cols)
{
    if (f.rows.rows.table != NULL)
        pg_rows_release(&f.rows);
    mr_table_unref(f.table);
    OK(f.sink->ops->table_open(f.sink, NULL, name, true, &f.table, &f.err));
    pg_rows_init(&f.rows, f.table, key, cols);
}

static int flush_by(const struct mr_load_ops *load)
{
    const struct mr_sink_ops *ops = f.session->ops;
    struct mr_table *tables[] = {f.table};
    int rc = ops->begin(f.session, tables, 1, &f.span, 1, &f.err);
    if (rc == 0)
        rc = load->run(f.session, &f.rows.rows, &f.memory, &f.stats, &f.err);
    if (rc == 0)
        rc = ops->put_positions(f.session, &f.span, 1, &f.err);
    if (rc == 0)
        rc = ops->commit(f.session, &f.err);
    if (rc < 0)
        ops->rollback(f.session);
    else
        f.span.expected = f.span.next++;
    f.rows.rows.n_rows = 0;
    return rc;
}

static void flush(void)
{
    OK(flush_by(&mr_load_upsert));
}

MR_TEST("setup makes the control tables once and gives the target an id that stays")
{
    char first[MR_TARGET_ID_BYTES];
    char second[MR_TARGET_ID_BYTES];
    OK(f.sink->ops->setup(f.sink, first, &f.err));
    OK(f.sink->ops->setup(f.sink, second, &f.err));
    MR_CHECK_STR(second, first);
    MR_CHECK_U64(strlen(first), 36);
    MR_CHECK_STR(pg_server_query("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class "
                                 "WHERE relnamespace = 'millrace'::regnamespace AND relkind IN "
                                 "('r', 'v')"),
                 "dead_letters freshness meta positions schema_changes tables tombs");
}

// G-01, G-02
MR_TEST("rows and the position they end at are committed together")
{
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY, name text, n int4)");
    claim(3);
    table_open("orders", "id", NULL);
    pg_rows_put(&f.rows, "1|a|10");
    pg_rows_put(&f.rows, "2|b|NULL");
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM orders ORDER BY 1"), "1|a|10\n2|b|NULL");
    MR_CHECK_STR(pg_server_query("SELECT topic, partition, next_offset, leader_epoch, epoch, "
                                 "record_timestamp FROM millrace.positions"),
                 "t|0|3|3|1|1970-01-01 00:00:01+00");
}

MR_TEST("an upsert updates what exists and writes only the columns that it carries")
{
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY, name text, n int4 DEFAULT 7);"
                   "INSERT INTO orders VALUES (1, 'old', 1)");
    claim(1);
    table_open("orders", "id", "id,name");
    pg_rows_put(&f.rows, "1|new");
    pg_rows_put(&f.rows, "2|two");
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM orders ORDER BY 1"), "1|new|1\n2|two|7");
    MR_CHECK_U64(f.stats.n_upserted, 2);
}

MR_TEST("deletes go by one key column and by several, and absent keys are no error")
{
    pg_server_exec("CREATE TABLE one (id text PRIMARY KEY); INSERT INTO one VALUES ('a'), ('b');"
                   "CREATE TABLE two (a int4, b text, PRIMARY KEY (a, b));"
                   "INSERT INTO two VALUES (1, 'x'), (1, 'y')");
    claim(1);
    table_open("one", "id", NULL);
    pg_rows_delete(&f.rows, "zz");
    pg_rows_delete(&f.rows, "a");
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM one"), "b");
    table_open("two", "a,b", NULL);
    pg_rows_delete(&f.rows, "1|x");
    pg_rows_delete(&f.rows, "2|x");
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM two"), "1|y");
}

MR_TEST("likely new rows go in directly, and fall back to an upsert where a key exists")
{
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY, name text)");
    claim(1);
    table_open("orders", "id", NULL);
    pg_rows_put(&f.rows, "1|a")->flags = MR_ROW_INSERT;
    flush();
    MR_CHECK_U64(f.stats.n_direct, 1);
    pg_rows_put(&f.rows, "2|b")->flags = MR_ROW_INSERT;
    pg_rows_put(&f.rows, "1|c")->flags = MR_ROW_INSERT;
    flush();
    MR_CHECK_U64(f.stats.n_fallbacks, 1);
    MR_CHECK_U64(f.stats.n_upserted, 2);
    MR_CHECK_STR(pg_server_query("SELECT * FROM orders ORDER BY 1"), "1|c\n2|b");
}
