/* Owns targets of tests. The only file of the suite that knows how each kind of target is read. */
#include "tests/support/sink_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>
#include <sqlite3.h>

#include "tests/support/mr_test.h"
#include "tests/support/pg_server.h"

#include "base/ban.h"

/* ---- SQLite ---- */

static void file_path(const struct mr_sink_fixture *f, const char *suffix, char out[160])
{
    (void)snprintf(out, 160, "%s/target%s", f->folder, suffix);
}

static int add_row(void *arg, int n_columns, char **values, char **names)
{
    (void)names;
    struct mr_buf *text = arg;
    for (int i = 0; i < n_columns; i++) {
        mr_buf_str(text, i > 0 ? "|" : "");
        mr_buf_str(text, values[i] != NULL ? values[i] : "~");
    }
    mr_buf_str(text, "\n");
    return 0;
}

static void sqlite_run(struct mr_sink_fixture *f, const char *sql)
{
    sqlite3 *db;
    char path[160];
    file_path(f, ".db", path);
    mr_buf_reset(&f->text);
    int rc = sqlite3_open(path, &db);
    (void)sqlite3_busy_timeout(db, 10000);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, sql, add_row, &f->text, NULL);
    char why[256];
    (void)snprintf(why, sizeof why, "%s", sqlite3_errmsg(db));
    (void)sqlite3_close(db);
    if (rc != SQLITE_OK)
        MR_FAIL("%s: %s", sql, why);
}

/* ---- PostgreSQL ---- */

static const char pg_database[] = "sink_fixture";

static void pg_start(struct mr_sink_fixture *f)
{
    (void)pg_server_url(); /* skips where there is no server */
    pg_server_exec("DROP DATABASE IF EXISTS %s WITH (FORCE)", pg_database);
    pg_server_exec("CREATE DATABASE %s", pg_database);
    const char *url = pg_server_url_for("postgres", pg_database);
    if (strlen(url) >= sizeof f->url)
        MR_FAIL("the server's URL is too long: %s", url);
    (void)snprintf(f->url, sizeof f->url, "%s", url);
}

static void pg_run(struct mr_sink_fixture *f, const char *sql)
{
    PGconn *conn = PQconnectdb(f->url);
    mr_buf_reset(&f->text);
    PGresult *result = PQexec(conn, "SET timezone = 'UTC'");
    PQclear(result);
    result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    for (int row = 0; row < PQntuples(result); row++) {
        for (int i = 0; i < PQnfields(result); i++) {
            mr_buf_str(&f->text, i > 0 ? "|" : "");
            mr_buf_str(&f->text, PQgetisnull(result, row, i) ? "~" : PQgetvalue(result, row, i));
        }
        mr_buf_str(&f->text, "\n");
    }
    char why[256];
    (void)snprintf(why, sizeof why, "%s", PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        MR_FAIL("%s: %s", sql, why);
}

/* ---- stdout ---- */

static void lines_read(struct mr_sink_fixture *f)
{
    char path[160];
    char bytes[4096];
    file_path(f, ".jsonl", path);
    mr_buf_reset(&f->text);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        MR_FAIL("%s cannot be read", path);
    size_t n;
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0)
        mr_buf_add(&f->text, bytes, n);
    (void)fclose(file);
}

/* ---- all ---- */

static void open_sink(struct mr_sink_fixture *f)
{
    MR_CHECK_OK(f->ops->open(&f->opts, &f->sink, &f->err));
    MR_CHECK_OK(f->ops->setup(f->sink, f->target_id, &f->err));
    MR_CHECK_OK(f->ops->session_open(f->sink, &f->session, &f->err));
}

void mr_sink_fixture_start(struct mr_sink_fixture *f, enum mr_sink_kind kind)
{
    char path[160];
    *f = (struct mr_sink_fixture){.kind = kind, .err = MR_ERR_INIT};
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/mr_sink_XXXXXX");
    if (mkdtemp(f->folder) == NULL)
        MR_FAIL("no temporary folder");
    f->opts = (struct mr_sink_opts){
        .url = f->url,
        .schema = "public",
        .control_schema = "millrace",
        .pipeline = "shop",
        .group_id = "shop-group",
        .instance_id = "one",
        .pool_max = 4,
        .pool_wait_ms = 10000,
        .lock_timeout_ms = 10000,
        .pool_idle_ms = 600000,
        .pool_max_age_ms = 3600000,
        .statement_timeout_ms = 60000,
        .connect_timeout_ms = 10000,
        .session_timeout_ms = 1000,
        .output_fd = -1,
    };
    mr_env_init_system(&f->opts.env);
    switch (kind) {
    case MR_KIND_SQLITE:
        f->ops = &mr_sink_sqlite;
        (void)snprintf(f->url, sizeof f->url, "sqlite:%s/target.db", f->folder);
        break;
    case MR_KIND_STDOUT:
        f->ops = &mr_sink_stdout;
        (void)snprintf(f->url, sizeof f->url, "stdout:");
        file_path(f, ".jsonl", path);
        f->opts.output_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        break;
    case MR_KIND_POSTGRESQL:
    default:
        f->ops = &mr_sink_postgresql;
        pg_start(f);
        break;
    }
    open_sink(f);
}

void mr_sink_fixture_twin(const struct mr_sink_fixture *f, const char *instance_id,
                          struct mr_sink_fixture *twin)
{
    *twin = (struct mr_sink_fixture){.kind = f->kind, .ops = f->ops, .opts = f->opts};
    twin->err = (struct mr_err)MR_ERR_INIT;
    twin->opts.instance_id = instance_id;
    mr_env_init_system(&twin->opts.env);
    open_sink(twin);
}

void mr_sink_fixture_stop(struct mr_sink_fixture *f)
{
    static const char *const suffixes[] = {".db", ".db-wal", ".db-shm", ".jsonl"};
    if (f->session != NULL)
        f->ops->session_close(f->session);
    if (f->sink != NULL)
        f->ops->close(f->sink);
    if (f->opts.output_fd >= 0 && f->kind == MR_KIND_STDOUT && f->folder[0] != '\0')
        (void)close(f->opts.output_fd);
    for (size_t i = 0; f->folder[0] != '\0' && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char path[160];
        file_path(f, suffixes[i], path);
        (void)unlink(path);
    }
    if (f->folder[0] != '\0')
        (void)rmdir(f->folder);
    mr_buf_release(&f->text);
    *f = (struct mr_sink_fixture){.ops = NULL};
}

void mr_sink_fixture_exec(struct mr_sink_fixture *f, const char *sql)
{
    (void)mr_sink_fixture_query(f, sql);
}

const char *mr_sink_fixture_query(struct mr_sink_fixture *f, const char *sql)
{
    switch (f->kind) {
    case MR_KIND_STDOUT:
        lines_read(f);
        break;
    case MR_KIND_POSTGRESQL:
        pg_run(f, sql);
        break;
    case MR_KIND_SQLITE:
    default:
        sqlite_run(f, sql);
        break;
    }
    return mr_buf_cstr(&f->text);
}

const char *mr_sink_fixture_control(const struct mr_sink_fixture *f, const char *table)
{
    static char name[64];
    (void)snprintf(name, sizeof name, "millrace%s%s", f->kind == MR_KIND_POSTGRESQL ? "." : "_",
                   table);
    return name;
}
