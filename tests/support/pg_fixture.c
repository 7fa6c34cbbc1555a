/* See the header. */
#include "tests/support/pg_fixture.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/pg_faults.h"

void pg_fixture_wipe(void)
{
    pg_faults_disarm();
    pg_server_exec("DROP SCHEMA IF EXISTS millrace CASCADE; DROP SCHEMA IF EXISTS public CASCADE; "
                   "CREATE SCHEMA public");
}

void pg_fixture_opts(struct pg_fixture *f, const char *instance)
{
    memset(f, 0, sizeof *f);
    mr_err_clear(&f->err);
    f->opts = (struct mr_sink_opts){.url = pg_server_url(),
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
                                    .lock_timeout_ms = 500,
                                    .connect_timeout_ms = 10000,
                                    .session_timeout_ms = 45000,
                                    .output_fd = 1};
    mr_env_init_system(&f->opts.env);
}

void pg_fixture_open(struct pg_fixture *f, const char *instance)
{
    pg_fixture_opts(f, instance);
    pg_fixture_start(f);
}

void pg_fixture_start(struct pg_fixture *f)
{
    char target_id[MR_TARGET_ID_BYTES];
    PG_OK(f, mr_sink_postgresql.open(&f->opts, &f->sink, &f->err));
    PG_OK(f, f->sink->ops->setup(f->sink, target_id, &f->err));
    PG_OK(f, f->sink->ops->session_open(f->sink, &f->session, &f->err));
}

void pg_fixture_close(struct pg_fixture *f)
{
    pg_faults_disarm();
    if (f->rows.rows.table != NULL)
        pg_rows_release(&f->rows);
    mr_table_unref(f->table);
    if (f->session != NULL)
        f->session->ops->session_close(f->session);
    if (f->sink != NULL)
        f->sink->ops->close(f->sink);
    memset(f, 0, sizeof *f);
}

void pg_fixture_claim(struct pg_fixture *f, int64_t n)
{
    f->claim = (struct mr_claim){.start_offset = 0, .start_leader_epoch = -1};
    (void)snprintf(f->claim.position.stream, sizeof f->claim.position.stream, "t");
    f->claim.position.slots = 1;
    PG_OK(f, f->sink->ops->claim(f->sink, &f->claim, 1, &f->err));
    f->span = (struct mr_span){.stream = f->claim.position.stream,
                               .slots = 1,
                               .epoch = f->claim.position.epoch,
                               .expected = f->claim.position.next_offset,
                               .next = f->claim.position.next_offset + n,
                               .leader_epoch = 3,
                               .timestamp_ms = 1000};
}

void pg_fixture_table(struct pg_fixture *f, const char *name, const char *key, const char *cols)
{
    if (f->rows.rows.table != NULL)
        pg_rows_release(&f->rows);
    f->rows.rows.table = NULL;
    mr_table_unref(f->table);
    f->table = NULL;
    PG_OK(f, f->sink->ops->table_open(f->sink, NULL, name, true, &f->table, &f->err));
    pg_rows_init(&f->rows, f->table, key, cols);
}

int pg_fixture_begin(struct pg_fixture *f)
{
    struct mr_table *tables[] = {f->table};
    mr_err_clear(&f->err);
    return f->session->ops->begin(f->session, tables, 1, &f->span, 1, &f->err);
}

int pg_fixture_run(struct pg_fixture *f)
{
    const struct mr_load_ops *load =
        f->rows.rows.key.n_cols > 0 ? &mr_load_upsert : &mr_load_append;
    static const struct mr_route route;
    struct mr_load_faults faults;
    struct mr_load run = {.session = f->session,
                          .rows = &f->rows.rows,
                          .route = f->route != NULL ? f->route : &route,
                          .memory = &f->memory,
                          .stats = &f->stats,
                          .faults = &faults};
    mr_load_faults_init(&faults);
    int rc = load->run(&run, &f->err);
    f->n_faults = faults.n_items;
    for (size_t i = 0; i < faults.n_items && i < PG_FIXTURE_FAULTS; i++)
        f->faults[i] = faults.items[i].offset;
    mr_load_faults_release(&faults);
    return rc;
}

int pg_fixture_flush(struct pg_fixture *f)
{
    const struct mr_sink_ops *ops = f->session->ops;
    int rc = pg_fixture_begin(f);
    if (rc == 0)
        rc = pg_fixture_run(f);
    if (rc == 0)
        rc = ops->put_positions(f->session, &f->span, 1, &f->err);
    if (rc == 0)
        rc = ops->commit(f->session, &f->err);
    if (rc < 0) {
        ops->rollback(f->session);
        return rc;
    }
    f->span.expected = f->span.next++;
    f->rows.rows.n_rows = 0;
    return 0;
}
