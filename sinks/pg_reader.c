/* Reads a PostgreSQL table back as text: a cursor in a read-only transaction, so that memory stays
 * flat. Must not use the sink's catalogue, types or statements; connecting and waiting are shared.
 */
#include <stdio.h>
#include <stdlib.h>

#include <libpq-fe.h>

#include "sinks/pg.h"
#include "sinks/reader.h"

#include "base/ban.h"

enum { STATEMENT_TIMEOUT_MS = 300000, CONNECT_TIMEOUT_MS = 10000, FETCH_ROWS = 2000 };

struct pg_reader {
    struct mr_reader base;
    struct mr_sink_opts opts;
    struct mr_pg_conn *conn;
    PGresult *rows; /* NULL: nothing fetched */
    int at;
    size_t n_columns;
    bool begun;
    const char *values[MR_READER_MAX_COLUMNS];
};

static void pg_close(struct mr_reader *base)
{
    struct pg_reader *reader = (struct pg_reader *)base;

    PQclear(reader->rows);
    mr_pg_disconnect(reader->conn);
    free(reader);
}

static int pg_open(const char *url, const struct mr_env *env, struct mr_reader **out,
                   struct mr_err *err)
{
    struct pg_reader *reader = calloc(1, sizeof *reader);

    if (reader == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a reader");
    reader->base.ops = &mr_reader_postgresql;
    reader->opts = (struct mr_sink_opts){
        .url = url,
        .pipeline = "reader",
        .instance_id = "reader",
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .session_timeout_ms = CONNECT_TIMEOUT_MS,
        .env = *env,
        .output_fd = -1,
    };
    int rc = mr_pg_connect(&reader->opts, &reader->conn, err);
    if (rc < 0)
        pg_close(&reader->base);
    else
        *out = &reader->base;
    return rc;
}

static void select_sql(const struct mr_reader_query *query, struct mr_buf *sql)
{
    mr_buf_str(sql, "BEGIN READ ONLY; DECLARE reader NO SCROLL CURSOR FOR SELECT ");
    for (size_t i = 0; i < query->n_columns; i++) {
        mr_buf_str(sql, i == 0 ? "" : ", ");
        mr_pg_ident(sql, query->columns[i].name);
        mr_buf_str(sql, "::pg_catalog.text");
    }
    mr_buf_str(sql, " FROM ");
    if (query->schema != NULL) {
        mr_pg_ident(sql, query->schema);
        mr_buf_byte(sql, '.');
    }
    mr_pg_ident(sql, query->table);
    for (size_t i = 0; i < query->n_key; i++) {
        mr_buf_str(sql, i == 0 ? " ORDER BY " : ", ");
        mr_pg_ident(sql, query->table);
        mr_buf_byte(sql, '.');
        mr_pg_ident(sql, query->columns[i].name);
    }
}

static int pg_begin(struct mr_reader *base, const struct mr_reader_query *query, struct mr_err *err)
{
    struct pg_reader *reader = (struct pg_reader *)base;
    struct mr_buf sql = MR_BUF_INIT;

    PQclear(reader->rows);
    reader->rows = NULL;
    reader->at = 0;
    reader->n_columns = query->n_columns;
    mr_pg_memory_begin(reader->conn);
    if (reader->begun)
        mr_buf_str(&sql, "ROLLBACK; ");
    select_sql(query, &sql);
    reader->begun = true;
    int rc = mr_buf_ok(&sql) ? mr_pg_exec(reader->conn, mr_buf_cstr(&sql), NULL, err)
                             : mr_err_set(err, MR_NO_MEMORY, "a query");
    mr_buf_release(&sql);
    return rc;
}

static int pg_next(struct mr_reader *base, const char *const **values, struct mr_err *err)
{
    struct pg_reader *reader = (struct pg_reader *)base;

    if (reader->rows == NULL || reader->at == PQntuples(reader->rows)) {
        char sql[64];
        PQclear(reader->rows);
        reader->rows = NULL;
        reader->at = 0;
        (void)snprintf(sql, sizeof sql, "FETCH FORWARD %d FROM reader", (int)FETCH_ROWS);
        int rc = mr_pg_exec(reader->conn, sql, &reader->rows, err);
        if (rc < 0)
            return rc;
        if (reader->rows == NULL || PQntuples(reader->rows) == 0)
            return 0;
    }
    for (size_t i = 0; i < reader->n_columns; i++)
        reader->values[i] = PQgetisnull(reader->rows, reader->at, (int)i)
                                ? NULL
                                : PQgetvalue(reader->rows, reader->at, (int)i);
    reader->at++;
    *values = reader->values;
    return 1;
}

const struct mr_reader_ops mr_reader_postgresql = {
    .name = "postgresql",
    .open = pg_open,
    .begin = pg_begin,
    .next = pg_next,
    .close = pg_close,
};
