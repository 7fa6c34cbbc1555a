/* See the header. */
#include "tests/support/pg_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sinks/sink.h"
#include "tests/support/mr_test.h"

static void names_parse(const struct mr_table *table, const char *names, uint16_t *idx,
                        struct mr_colset *out)
{
    char text[1024];
    char *save = NULL;
    uint16_t n = 0;
    (void)snprintf(text, sizeof text, "%s", names);
    for (char *name = strtok_r(text, ",", &save); name != NULL; name = strtok_r(NULL, ",", &save)) {
        int col = mr_table_column(table, name);
        if (col < 0)
            MR_FAIL("no column %s", name);
        idx[n++] = (uint16_t)col;
    }
    *out = (struct mr_colset){n, idx};
}

void pg_rows_init(struct pg_rows *rows, struct mr_table *table, const char *key, const char *cols)
{
    struct mr_colset key_set;
    memset(rows, 0, sizeof *rows);
    mr_arena_init(&rows->arena, 0, 0);
    names_parse(table, key, rows->key_idx, &key_set);
    rows->rows = (struct mr_rows){.table = table,
                                  .key = key_set,
                                  .reduce = key_set.n_cols > 0,
                                  .arena = &rows->arena,
                                  .rows = rows->storage,
                                  .cap_rows = PG_ROWS_MAX};
    if (cols != NULL) {
        pg_rows_columns(rows, cols);
        return;
    }
    for (uint16_t i = 0; i < table->n_columns; i++)
        rows->col_idx[i] = i;
    rows->cols = (struct mr_colset){table->n_columns, rows->col_idx};
}

void pg_rows_release(struct pg_rows *rows)
{
    mr_arena_release(&rows->arena);
}

void pg_rows_columns(struct pg_rows *rows, const char *cols)
{
    uint16_t *idx = mr_arena_alloc(&rows->arena, PG_ROWS_MAX_COLS * sizeof *idx);
    names_parse(rows->rows.table, cols, idx, &rows->cols);
}

static void field_add(struct mr_buf *out, const struct mr_coltype *to, const char *text)
{
    const struct mr_emit_ops *emit = mr_sink_postgresql.emit;
    if (strcmp(text, "NULL") == 0)
        mr_buf_u32(out, UINT32_MAX);
    else if (to->type == MR_T_INT2 || to->type == MR_T_INT4 || to->type == MR_T_INT8)
        emit->integer(out, to, strtoll(text, NULL, 10));
    else if (to->type == MR_T_BOOL)
        emit->boolean(out, to, text[0] == 't');
    else if (to->type == MR_T_FLOAT8 || to->type == MR_T_FLOAT4)
        emit->real(out, to, strtod(text, NULL));
    else
        emit->text(out, to, text, strlen(text));
}

static struct mr_slice tuple_make(struct pg_rows *rows, const struct mr_colset *cols,
                                  const char *values)
{
    struct mr_buf out = MR_BUF_INIT;
    const char *at = values;
    mr_buf_u16(&out, cols->n_cols);
    for (uint16_t i = 0; i < cols->n_cols; i++) {
        char text[4096];
        size_t len = strcspn(at, "|");
        (void)snprintf(text, sizeof text, "%.*s", (int)len, at);
        at += len + (at[len] == '|');
        field_add(&out, &rows->rows.table->columns[cols->cols[i]].type, text);
    }
    struct mr_slice made = {mr_arena_copy(&rows->arena, out.data, out.len), out.len};
    mr_buf_release(&out);
    return made;
}

/* The key columns' values out of all values. */
static struct mr_slice key_of(struct pg_rows *rows, struct mr_slice tuple)
{
    struct mr_buf out = MR_BUF_INIT;
    mr_buf_u16(&out, rows->rows.key.n_cols);
    for (uint16_t k = 0; k < rows->rows.key.n_cols; k++) {
        for (uint16_t i = 0; i < rows->cols.n_cols; i++) {
            struct mr_slice field = {NULL, 0};
            if (rows->cols.cols[i] != rows->rows.key.cols[k] || !mr_tuple_field(tuple, i, &field))
                continue;
            mr_buf_u32(&out, (uint32_t)field.len);
            mr_buf_add(&out, field.data, field.len);
        }
    }
    struct mr_slice made = {mr_arena_copy(&rows->arena, out.data, out.len), out.len};
    mr_buf_release(&out);
    return made;
}

static struct mr_row *row_next(struct pg_rows *rows)
{
    if (rows->rows.n_rows == PG_ROWS_MAX)
        MR_FAIL("more than %d rows", PG_ROWS_MAX);
    struct mr_row *row = &rows->storage[rows->rows.n_rows++];
    *row = (struct mr_row){.offset = (int64_t)rows->rows.n_rows};
    return row;
}

struct mr_row *pg_rows_put(struct pg_rows *rows, const char *values)
{
    struct mr_row *row = row_next(rows);
    struct mr_colset *kept = mr_arena_alloc(&rows->arena, sizeof *kept);
    *kept = rows->cols;
    row->op = MR_ROW_UPSERT;
    row->cols = kept;
    row->tuple = tuple_make(rows, kept, values);
    row->key_tuple = key_of(rows, row->tuple);
    row->key = row->key_tuple;
    return row;
}

struct mr_row *pg_rows_delete(struct pg_rows *rows, const char *key_values)
{
    struct mr_row *row = row_next(rows);
    row->op = MR_ROW_DELETE;
    row->key_tuple = tuple_make(rows, &rows->rows.key, key_values);
    row->key = row->key_tuple;
    return row;
}

void pg_rows_mask(struct pg_rows *rows, struct mr_row *row, uint16_t field)
{
    size_t words = ((size_t)row->cols->n_cols + 63) / 64;
    uint64_t *mask = mr_arena_alloc(&rows->arena, words * sizeof *mask);
    if (row->mask != NULL)
        memcpy(mask, row->mask, words * sizeof *mask);
    else
        memset(mask, 0, words * sizeof *mask);
    mask[field / 64] |= UINT64_C(1) << (field % 64);
    row->mask = mask;
}
