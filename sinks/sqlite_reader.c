/* Reads a SQLite file's table back as text, over a connection of its own that cannot write. Must
 * not use the sink's catalogue or types. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "sinks/reader.h"

#include "base/ban.h"

enum { BUSY_MS = 10000 };
static const char prefix[] = "sqlite:";

struct sqlite_reader {
    struct mr_reader base;
    sqlite3 *db;
    sqlite3_stmt *stmt; /* NULL: nothing begun */
    size_t n_columns;
    const char *values[MR_READER_MAX_COLUMNS];
};

static int fail(struct sqlite_reader *reader, const char *doing, struct mr_err *err)
{
    return mr_err_set(err, MR_TARGET_AWAY, "%s: %s", doing, sqlite3_errmsg(reader->db));
}

static void sqlite_close(struct mr_reader *base)
{
    struct sqlite_reader *reader = (struct sqlite_reader *)base;

    (void)sqlite3_finalize(reader->stmt);
    (void)sqlite3_close(reader->db);
    free(reader);
}

/* Read-only is asked for by a pragma: a file in WAL mode that nobody has open cannot be opened so.
 * Source: sqlite.org/wal.html, "Read-Only Databases". */
static int sqlite_open(const char *url, const struct mr_env *env, struct mr_reader **out,
                       struct mr_err *err)
{
    struct sqlite_reader *reader = calloc(1, sizeof *reader);
    const char *path = strncmp(url, prefix, sizeof prefix - 1) == 0 ? url + sizeof prefix - 1 : url;
    int rc = 0;

    (void)env;
    if (reader == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a reader");
    reader->base.ops = &mr_reader_sqlite;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &reader->db, flags, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(reader->db, BUSY_MS) != SQLITE_OK ||
        sqlite3_exec(reader->db, "PRAGMA query_only=1", NULL, NULL, NULL) != SQLITE_OK)
        rc = fail(reader, path, err);
    if (rc < 0)
        sqlite_close(&reader->base);
    else
        *out = &reader->base;
    return rc;
}

static void add_name(struct mr_buf *sql, const char *name)
{
    mr_buf_byte(sql, '"');
    for (; *name != '\0'; name++)
        mr_buf_fmt(sql, *name == '"' ? "\"\"" : "%c", *name);
    mr_buf_byte(sql, '"');
}

static void select_sql(const struct mr_reader_query *query, struct mr_buf *sql)
{
    for (size_t i = 0; i < query->n_columns; i++) {
        mr_buf_str(sql, i == 0 ? "SELECT " : ", ");
        mr_buf_str(sql, query->columns[i].is_bool ? "CASE " : "");
        add_name(sql, query->columns[i].name);
        if (query->columns[i].is_bool)
            mr_buf_str(sql, " WHEN 0 THEN 'false' WHEN 1 THEN 'true' END");
    }
    mr_buf_str(sql, " FROM ");
    add_name(sql, query->table);
    for (size_t i = 0; i < query->n_key; i++) {
        mr_buf_str(sql, i == 0 ? " ORDER BY " : ", ");
        add_name(sql, query->columns[i].name);
    }
}

static int sqlite_begin(struct mr_reader *base, const struct mr_reader_query *query,
                        struct mr_err *err)
{
    struct sqlite_reader *reader = (struct sqlite_reader *)base;
    struct mr_buf sql = MR_BUF_INIT;
    int rc = 0;

    (void)sqlite3_finalize(reader->stmt);
    reader->stmt = NULL;
    reader->n_columns = query->n_columns;
    select_sql(query, &sql);
    if (!mr_buf_ok(&sql))
        rc = mr_err_set(err, MR_NO_MEMORY, "a query");
    else if (sqlite3_prepare_v2(reader->db, mr_buf_cstr(&sql), -1, &reader->stmt, NULL) !=
             SQLITE_OK)
        rc = mr_err_set(err, MR_TARGET_MISSING, "%s", sqlite3_errmsg(reader->db));
    mr_buf_release(&sql);
    return rc;
}

static int sqlite_next(struct mr_reader *base, const char *const **values, struct mr_err *err)
{
    struct sqlite_reader *reader = (struct sqlite_reader *)base;
    int result = sqlite3_step(reader->stmt);

    if (result == SQLITE_DONE)
        return 0;
    if (result != SQLITE_ROW)
        return fail(reader, "read a row", err);
    for (size_t i = 0; i < reader->n_columns; i++)
        reader->values[i] = (const char *)sqlite3_column_text(reader->stmt, (int)i);
    *values = reader->values;
    return 1;
}

const struct mr_reader_ops mr_reader_sqlite = {
    .name = "sqlite",
    .open = sqlite_open,
    .begin = sqlite_begin,
    .next = sqlite_next,
    .close = sqlite_close,
};
