/* Owns what happens with unavailable values at the target (contract.md U-26 to U-31). Must not know
 * how they look in a record. Speaks to sink->ops only. Invariant: a placeholder is never written,
 * and a value only where it is known to be the row's own. */
#include "sinks/load_masked.h"

#include <stdlib.h>
#include <string.h>

#include "sinks/load_left.h"

#include "base/ban.h"

enum { COMPLETED_CHUNK_BYTES = 64 * 1024 };

/* ---- values from the row under an old key ---- */

static bool wants_old(const struct mr_row *row)
{
    return row->mask != NULL && row->past != NULL && row->past->came != NULL;
}

void mr_completed_release(struct mr_completed *completed)
{
    mr_arena_release(&completed->arena);
    free(completed->rows);
    free(completed->of);
    *completed = (struct mr_completed){.n_rows = 0};
}

const struct mr_row *mr_completed_row(const struct mr_completed *completed,
                                      const struct mr_rows *rows, size_t idx, size_t *at)
{
    while (*at < completed->n_rows && completed->of[*at] < idx)
        (*at)++;
    if (*at < completed->n_rows && completed->of[*at] == idx)
        return &completed->rows[*at];
    return &rows->rows[idx];
}

/* The masked columns of a row, ascending as its own are. */
static int masked_cols(const struct mr_row *row, struct mr_arena *arena, struct mr_colset *out,
                       struct mr_err *err)
{
    uint16_t *cols = mr_arena_alloc(arena, row->cols->n_cols * sizeof *cols);
    uint16_t n = 0;
    if (cols == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%u columns", (unsigned)row->cols->n_cols);
    for (uint16_t i = 0; i < row->cols->n_cols; i++) {
        if (mr_row_is_masked(row->mask, i))
            cols[n++] = row->cols->cols[i];
    }
    *out = (struct mr_colset){.n_cols = n, .cols = cols};
    return 0;
}

/* `row` with these fields in place of its masked ones, one for each of them. */
static int complete(const struct mr_row *row, const struct mr_slice *fields, struct mr_arena *arena,
                    struct mr_row *out, struct mr_err *err)
{
    size_t max = row->tuple.len;
    size_t n_taken = 0;
    for (uint16_t i = 0; i < row->cols->n_cols; i++)
        max += mr_row_is_masked(row->mask, i) ? fields[n_taken++].len : 0;
    uint8_t *tuple = mr_arena_alloc(arena, max);
    if (tuple == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a row of %zu bytes", max);
    const uint8_t *at = row->tuple.data + 2;
    size_t len = 2;
    mr_put_u16(tuple, row->cols->n_cols);
    for (uint16_t i = 0; i < row->cols->n_cols; i++) {
        struct mr_slice own = {at, mr_field_len(at)};
        struct mr_slice field = mr_row_is_masked(row->mask, i) ? *fields++ : own;
        memcpy(tuple + len, field.data, field.len);
        len += field.len;
        at += own.len;
    }
    *out = *row;
    out->tuple = (struct mr_slice){tuple, len};
    out->mask = NULL;
    out->past = NULL;
    return 0;
}

/* Can their old rows be asked for together? */
static bool reads_alike(const struct mr_row *a, const struct mr_row *b)
{
    size_t n_words = ((size_t)a->cols->n_cols + 63) / 64;
    return a->cols == b->cols && memcmp(a->mask, b->mask, n_words * sizeof *a->mask) == 0;
}

static bool all_known(const struct mr_slice *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fields[i].data == NULL)
            return false;
    }
    return true;
}

/* Rows of one column set and mask, from `first` on: keeps those of which all is known. */
static int complete_some(struct mr_load *load, const size_t *first, size_t n,
                         struct mr_completed *out, struct mr_err *err)
{
    struct mr_row_left *came[MR_READ_MAX_ROWS];
    struct mr_colset cols;
    const struct mr_row *rows = load->rows->rows;
    int rc = masked_cols(&rows[first[0]], &out->arena, &cols, err);
    if (rc < 0)
        return rc;
    struct mr_left_find find = {.of = came, .n = n, .cols = &cols, .arena = &out->arena};
    find.fields = mr_arena_alloc(&out->arena, n * cols.n_cols * sizeof *find.fields);
    if (find.fields == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu rows", n);
    for (size_t i = 0; i < n; i++)
        came[i] = rows[first[i]].past->came;
    rc = mr_left_find(load, &find, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct mr_slice *fields = find.fields + i * cols.n_cols;
        if (!all_known(fields, cols.n_cols))
            continue;
        rc = complete(&rows[first[i]], fields, &out->arena, &out->rows[out->n_rows], err);
        out->of[out->n_rows] = first[i];
        out->n_rows += rc == 0 ? 1 : 0;
    }
    return rc;
}

static int complete_all(struct mr_load *load, const size_t *wanting, size_t n,
                        struct mr_completed *out, struct mr_err *err)
{
    const struct mr_row *rows = load->rows->rows;
    size_t from = 0;
    while (from < n) {
        size_t to = from + 1;
        while (to < n && to - from < MR_READ_MAX_ROWS &&
               reads_alike(&rows[wanting[from]], &rows[wanting[to]]))
            to++;
        int rc = complete_some(load, wanting + from, to - from, out, err);
        if (rc < 0)
            return rc;
        from = to;
    }
    return 0;
}

int mr_masked_complete(struct mr_load *load, struct mr_completed *out, struct mr_err *err)
{
    size_t n = 0;
    *out = (struct mr_completed){.n_rows = 0};
    mr_arena_init(&out->arena, COMPLETED_CHUNK_BYTES, SIZE_MAX / 2);
    if (load->rows->n_moved == 0)
        return 0;
    for (size_t i = 0; i < load->rows->n_rows; i++)
        n += wants_old(&load->rows->rows[i]) ? 1 : 0;
    if (n == 0)
        return 0;
    size_t *wanting = calloc(n, sizeof *wanting);
    out->rows = calloc(n, sizeof *out->rows);
    out->of = calloc(n, sizeof *out->of);
    int rc = wanting != NULL && out->rows != NULL && out->of != NULL
                 ? 0
                 : mr_err_set(err, MR_NO_MEMORY, "%zu rows", n);
    n = 0;
    for (size_t i = 0; rc == 0 && i < load->rows->n_rows; i++) {
        if (wants_old(&load->rows->rows[i]))
            wanting[n++] = i;
    }
    if (rc == 0)
        rc = complete_all(load, wanting, n, out, err);
    free(wanting);
    return rc;
}

/* ---- rows that the target does not have ---- */

static int orphan(struct mr_load *load, const struct mr_row *row, const char *column,
                  struct mr_err *err)
{
    struct mr_err why = MR_ERR_INIT;
    bool halt = load->route->missing_row == MR_MISSING_ROW_HALT;
    mr_err_set(&why, halt ? MR_UNAVAILABLE_ORPHAN_HALT : MR_UNAVAILABLE_ORPHAN,
               "column '%s' was not sent, and the row is not there", column);
    return mr_load_fault_add(load->faults, row, &why, err);
}

/* The first masked column; with `hard`, the first that must have a value and has no default. */
static const char *masked_column(const struct mr_load *load, const struct mr_load_group *group,
                                 bool hard)
{
    for (uint16_t i = 0; i < group->cols->n_cols; i++) {
        const struct mr_column *column = &load->rows->table->columns[group->cols->cols[i]];
        if (mr_row_is_masked(group->mask, i) &&
            (!hard || (column->not_null && !column->has_default)))
            return column->name;
    }
    return NULL;
}

/* The tuple without its masked fields. */
static int reduce_tuple(const struct mr_load_group *group, const struct mr_row *row,
                        struct mr_arena *arena, struct mr_row *out, struct mr_err *err)
{
    uint16_t n_kept = 0;
    uint8_t *tuple = mr_arena_alloc(arena, row->tuple.len);
    if (tuple == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a row of %zu bytes", row->tuple.len);
    const uint8_t *at = row->tuple.data + 2;
    size_t len = 2;
    for (uint16_t i = 0; i < group->cols->n_cols; i++) {
        size_t n = mr_field_len(at);
        if (!mr_row_is_masked(group->mask, i)) {
            memcpy(tuple + len, at, n);
            len += n;
            n_kept++;
        }
        at += n;
    }
    mr_put_u16(tuple, n_kept);
    *out = *row;
    out->tuple = (struct mr_slice){tuple, len};
    out->mask = NULL;
    return 0;
}

/* unavailable_missing_row = "null": a column that is not mentioned gets its default, or NULL. */
static int put_without(struct mr_load *load, const struct mr_load_group *missing,
                       struct mr_err *err)
{
    struct mr_arena arena;
    mr_arena_init(&arena, COMPLETED_CHUNK_BYTES, SIZE_MAX / 2);
    struct mr_row *rows = calloc(missing->n_rows, sizeof *rows);
    const struct mr_row **list = calloc(missing->n_rows, sizeof(*list));
    uint16_t *kept = mr_arena_alloc(&arena, missing->cols->n_cols * sizeof *kept);
    struct mr_colset cols = {.n_cols = 0, .cols = kept};
    int rc = rows != NULL && list != NULL && kept != NULL
                 ? 0
                 : mr_err_set(err, MR_NO_MEMORY, "%zu rows", missing->n_rows);
    for (uint16_t i = 0; rc == 0 && i < missing->cols->n_cols; i++) {
        if (!mr_row_is_masked(missing->mask, i))
            kept[cols.n_cols++] = missing->cols->cols[i];
    }
    for (size_t i = 0; rc == 0 && i < missing->n_rows; i++) {
        rc = reduce_tuple(missing, missing->rows[i], &arena, &rows[i], err);
        rows[i].cols = &cols;
        list[i] = &rows[i];
    }
    struct mr_put_rows put = {.table = load->rows->table,
                              .key = &load->rows->key,
                              .cols = &cols,
                              .rows = list,
                              .n_rows = missing->n_rows};
    uint64_t n_done = 0;
    enum mr_put mode = load->rows->key.n_cols > 0 ? MR_PUT_UPSERT : MR_PUT_INSERT;
    if (rc == 0)
        rc = load->session->ops->put_rows(load->session, &put, mode, &n_done, err);
    load->stats->n_upserted += n_done;
    if (rc == 0)
        mr_load_left_out(load, missing->n_rows, n_done);
    free(list);
    free(rows);
    mr_arena_release(&arena);
    return rc;
}

/* U-31. */
int mr_masked_missing(struct mr_load *load, const struct mr_load_group *missing, struct mr_err *err)
{
    const char *hard = masked_column(load, missing, true);
    bool null = load->route->missing_row == MR_MISSING_ROW_NULL;
    int rc = 0;
    if (null && hard == NULL)
        return put_without(load, missing, err);
    const char *column = null ? hard : masked_column(load, missing, false);
    for (size_t i = 0; rc == 0 && i < missing->n_rows; i++)
        rc = orphan(load, missing->rows[i], column, err);
    return rc;
}

int mr_masked_put(struct mr_load *load, const struct mr_load_group *group, struct mr_err *err)
{
    uint64_t n_done = 0;
    struct mr_put_rows put = {.table = load->rows->table,
                              .key = &load->rows->key,
                              .cols = group->cols,
                              .mask = group->mask,
                              .rows = group->rows,
                              .n_rows = group->n_rows,
                              .missing = calloc(group->n_rows, sizeof(bool))};
    if (put.missing == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu rows", group->n_rows);
    int rc = load->session->ops->put_rows(load->session, &put, MR_PUT_UPDATE, &n_done, err);
    load->stats->n_updated += n_done;
    if (rc == 0 && n_done < group->n_rows) {
        /* The rows' list is the group's own: those that are missing move to its front. */
        struct mr_load_group missing = *group;
        missing.n_rows = 0;
        for (size_t i = 0; i < group->n_rows; i++) {
            if (put.missing[i])
                missing.rows[missing.n_rows++] = group->rows[i];
        }
        mr_load_left_out(load, group->n_rows, n_done + missing.n_rows);
        if (missing.n_rows > 0)
            rc = mr_masked_missing(load, &missing, err);
    }
    free(put.missing);
    return rc;
}
