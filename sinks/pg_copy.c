/* COPY streams: rows as their emitter wrote them go out in large pieces, with back pressure, into a
 * table or into its staging table; and the staging tables of a connection, which live as long as it
 * does. Must not know strategies or merges. Source: PostgreSQL manual, COPY, "Binary Format";
 * contract.md section 5. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "sinks/pg.h"

#include "base/ban.h"

static const char copy_header[19] = "PGCOPY\n\377\r\n\0"; /* then flags 0 and extension length 0 */

/* Sends what is gathered, and starts the next piece. */
static int piece_send(struct mr_pg_session *session, struct mr_err *err)
{
    if (!mr_buf_ok(&session->piece))
        return mr_err_set(err, MR_NO_MEMORY, "a piece of the COPY stream");
    if (MR_FAULT(PG_COPY))
        return mr_pg_cut(session->conn, "pg_copy", err);
    int rc = mr_pg_copy_piece(session->conn, &session->piece, err);
    mr_buf_reset(&session->piece);
    return rc;
}

/* One field more: an int4. A batch has no more rows than fit one. */
static void numbered_add(struct mr_buf *piece, struct mr_slice tuple, uint32_t number)
{
    mr_buf_u16(piece, (uint16_t)(mr_get_u16(tuple.data) + 1));
    mr_buf_add(piece, tuple.data + 2, tuple.len - 2);
    mr_buf_u32(piece, 4);
    mr_buf_u32(piece, number);
}

static int stream_rows(struct mr_pg_session *session, const struct mr_pg_copy *copy,
                       struct mr_err *err)
{
    struct mr_buf *piece = &session->piece;
    mr_buf_reset(piece);
    mr_buf_add(piece, copy_header, sizeof copy_header);
    for (size_t i = 0; i < copy->n_rows; i++) {
        const struct mr_row *row = copy->rows[i];
        const struct mr_slice *tuple = copy->key_tuples ? &row->key_tuple : &row->tuple;
        if (copy->numbered)
            numbered_add(piece, *tuple, (uint32_t)i);
        else
            mr_buf_add(piece, tuple->data, tuple->len);
        if (piece->len >= MR_PG_PIECE_BYTES || piece->failed) {
            int rc = piece_send(session, err);
            if (rc < 0)
                return rc;
        }
    }
    mr_buf_u16(piece, UINT16_MAX); /* the end: -1 fields */
    return piece_send(session, err);
}

static int copy_run(struct mr_pg_session *session, const struct mr_pg_copy *copy, uint64_t *n_done,
                    struct mr_err *err)
{
    struct mr_pg_conn *conn = session->conn;
    int rc = mr_pg_copy_begin(conn, mr_buf_cstr(&session->sql), err);
    if (rc < 0)
        return rc;
    rc = stream_rows(session, copy, err);
    if (rc == 0)
        return mr_pg_copy_end(conn, NULL, n_done, err);
    if (!conn->broken) {
        struct mr_err ignored = MR_ERR_INIT;
        (void)mr_pg_copy_end(conn, "abandoned", NULL, &ignored);
    }
    return rc;
}

int mr_pg_copy_rows(struct mr_pg_session *session, const struct mr_pg_copy *copy, const char *table,
                    uint64_t *n_done, struct mr_err *err)
{
    struct mr_pg_conn *conn = session->conn;
    conn->copying = table;
    conn->copy_row = 0;
    int rc = copy_run(session, copy, n_done, err);
    conn->copying = NULL;
    if (rc < 0 && conn->copy_row >= 1 && conn->copy_row <= copy->n_rows)
        session->base.refused = mr_refused_for(copy->rows[conn->copy_row - 1]);
    return rc;
}

/* The connection's note of a staging table; NULL when there are too many to remember. */
static struct mr_pg_stage *stage_note(struct mr_pg_conn *conn, uint64_t id)
{
    for (size_t i = 0; i < conn->n_stages; i++) {
        if (conn->stages[i].id == id)
            return &conn->stages[i];
    }
    if (conn->stages == NULL)
        conn->stages = calloc(MR_PG_MAX_STAGES, sizeof *conn->stages);
    if (conn->stages == NULL || conn->n_stages == MR_PG_MAX_STAGES)
        return NULL;
    struct mr_pg_stage *stage = &conn->stages[conn->n_stages++];
    *stage = (struct mr_pg_stage){.id = id};
    return stage;
}

int mr_pg_stage_rows(struct mr_pg_session *session, struct mr_pg_stage_use *stage,
                     const struct mr_pg_copy *copy, struct mr_err *err)
{
    const struct mr_table *table = stage->table;
    uint64_t id = mr_hash(&table->version, sizeof table->version, 0);
    id = mr_hash(stage->cols->cols, stage->cols->n_cols * sizeof *stage->cols->cols, id);
    id += stage->numbered ? 1 : 0;
    (void)snprintf(stage->name, sizeof stage->name, "millrace_s_%llu_%016llx",
                   (unsigned long long)table->version.v[0], (unsigned long long)id);
    struct mr_pg_stage *note = stage_note(session->conn, id);
    struct mr_buf *sql = &session->sql;
    mr_buf_reset(sql);
    mr_buf_add(sql, session->pending.data, session->pending.len);
    if (note == NULL || !note->lasting)
        mr_pg_stage_create_sql(sql, stage);
    if (note == NULL || note->used) {
        mr_buf_str(sql, "TRUNCATE pg_temp.");
        mr_pg_ident(sql, stage->name);
        mr_buf_str(sql, "; ");
    }
    mr_pg_stage_copy_sql(sql, stage);
    mr_buf_reset(&session->pending);
    if (!mr_buf_ok(sql))
        return mr_err_set(err, MR_NO_MEMORY, "a statement");
    if (note != NULL) {
        note->made = true;
        note->used = true;
    }
    return mr_pg_copy_rows(session, copy, stage->name, NULL, err);
}

void mr_pg_stages_ended(struct mr_pg_conn *conn, bool committed)
{
    for (size_t i = 0; i < conn->n_stages; i++) {
        struct mr_pg_stage *stage = &conn->stages[i];
        stage->lasting = stage->lasting || (committed && stage->made);
        stage->made = false;
        stage->used = false;
    }
}

/* Whether a table was made before or after the savepoint is not kept: it counts as not made, and
 * the next use asks with IF NOT EXISTS. */
void mr_pg_stages_undone(struct mr_pg_conn *conn)
{
    for (size_t i = 0; i < conn->n_stages; i++)
        conn->stages[i].made = false;
}
