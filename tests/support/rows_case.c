/* The rows, and their records. */
#include "tests/support/rows_case.h"

#include <stdio.h>

#include "tests/support/emit_text.h"
#include "tests/support/mr_test.h"

struct rows_case rows_case;
const uint16_t rows_case_key_cols[] = {0};
static const uint16_t cols[] = {0, 1, 2};
const struct mr_colset rows_case_key = {1, rows_case_key_cols};
const struct mr_colset rows_case_all = {3, cols};

static void start(void)
{
    rows_case.offset = 0;
    mr_arena_init(&rows_case.arena, 0, 0);
    mr_rows_init(&rows_case.rows, rows_case.table, &rows_case_key, true, &rows_case.arena, 7);
}

void rows_case_start(void)
{
    rows_case.table = mr_table_new();
    start();
}

void rows_case_start_loose(struct mr_unique *unique)
{
    rows_case.table = mr_table_new();
    rows_case.table->uniques = unique;
    rows_case.table->n_uniques = 1;
    rows_case.table->n_columns = 3;
    start();
}

void rows_case_stop(void)
{
    mr_rows_release(&rows_case.rows);
    mr_arena_release(&rows_case.arena);
    mr_table_unref(rows_case.table);
}

struct mr_slice rows_case_fields(uint16_t n, const char *const *fields)
{
    static struct mr_buf buf = MR_BUF_INIT;
    mr_buf_reset(&buf);
    mr_buf_u16(&buf, n);
    for (uint16_t i = 0; i < n; i++) {
        mr_buf_u32(&buf, fields[i] == NULL ? UINT32_MAX : (uint32_t)strlen(fields[i]));
        if (fields[i] != NULL)
            mr_buf_add(&buf, fields[i], strlen(fields[i]));
    }
    return (struct mr_slice){buf.data, buf.len};
}

struct mr_slice rows_case_tuple(const char *id, const char *a, const char *b)
{
    const char *const fields[] = {id, a, b};
    return rows_case_fields(3, fields);
}

struct mr_row rows_case_row(const char *id)
{
    return (struct mr_row){
        .key = mr_slice_str(id), .key_tuple = mr_slice_str(id), .offset = ++rows_case.offset};
}

static void add(const struct mr_row *row)
{
    struct mr_err err;
    MR_CHECK_OK(mr_rows_add(&rows_case.rows, row, &err));
}

int rows_case_add(const char *id, const char *a, const char *b, uint64_t mask, uint32_t span_idx)
{
    struct mr_err err;
    struct mr_row row = rows_case_row(id);
    row.span_idx = span_idx;
    row.cols = &rows_case_all;
    row.tuple = rows_case_tuple(id, a, b);
    row.mask = mask != 0 ? &mask : NULL;
    return mr_rows_add(&rows_case.rows, &row, &err);
}

void rows_case_put(const char *id, const char *a, const char *b, uint64_t mask)
{
    MR_CHECK_OK(rows_case_add(id, a, b, mask, 0));
}

void rows_case_delete(const char *id, uint32_t span_idx)
{
    struct mr_row row = rows_case_row(id);
    row.op = MR_ROW_DELETE;
    row.span_idx = span_idx;
    add(&row);
}

void rows_case_leave(const char *from, const char *to, uint32_t span_idx)
{
    struct mr_row row = rows_case_row(from);
    struct mr_row_past past = {.new_key_tuple = mr_slice_str(to)};
    row.op = MR_ROW_DELETE;
    row.span_idx = span_idx;
    row.past = &past;
    add(&row);
}

const struct mr_row *rows_case_move(const char *from, const char *to, const char *a, uint64_t mask)
{
    struct mr_row row = rows_case_row(to);
    struct mr_row_past past = {.old_key = mr_slice_str(from), .old_key_tuple = mr_slice_str(from)};
    row.cols = &rows_case_all;
    row.tuple = rows_case_tuple(to, a, NULL);
    row.mask = mask != 0 ? &mask : NULL;
    row.past = &past;
    add(&row);
    for (size_t i = 0; i < rows_case.rows.n_rows; i++) {
        if (mr_slice_eq(rows_case.rows.rows[i].key, mr_slice_str(to)))
            return &rows_case.rows.rows[i];
    }
    return NULL;
}

/* What the batch knows of the row that left. */
static void known_text(const struct mr_row_left *came, char *out, size_t cap)
{
    const struct mr_row_left *left = came->of;
    const struct mr_row_past *past = left != NULL ? left->past : NULL;
    bool state = past != NULL && past->cols != NULL;
    bool nothing = came->lost || (left != NULL && (left->gone || left->unsure));
    const char *base =
        left == NULL || (state && (past->replaced || past->came != NULL)) ? "" : " in the target";
    (void)snprintf(out, cap, " of %.*s%s%s%s", (int)came->key_tuple.len,
                   (const char *)came->key_tuple.data, state && !nothing ? " " : "",
                   state && !nothing ? mr_emit_text_tuple(past->tuple, past->mask) : "",
                   nothing ? " unknown" : base);
}

const char *rows_case_text(const struct mr_row *row)
{
    static char out[512];
    char known[256] = "";
    size_t len;
    (void)snprintf(out, sizeof out, "%s", mr_emit_text_tuple(row->tuple, row->mask));
    len = strlen(out);
    if (row->past != NULL && row->past->came != NULL)
        known_text(row->past->came, known, sizeof known);
    (void)snprintf(out + len, sizeof out - len, "%s%s", known,
                   (row->flags & MR_ROW_REPLACED) != 0 ? " replaced" : "");
    return out;
}
