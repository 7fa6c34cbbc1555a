/* Owns what happens with unavailable values at the target (contract.md U-26 to U-31). Must not know
 * how they look in a record. Speaks to sink->ops only. Invariant: a placeholder is never written,
 * and a value only where it is known to be the row's own. */
#include "sinks/load_masked.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/guard.h"
#include "sinks/load_kept.h"

#include "base/ban.h"

enum { COMPLETED_CHUNK_BYTES = 64 * 1024 };

/* ---- values from the row under an old key ---- */

static bool wants_old(const struct mr_row *row)
{
    const struct mr_row_past *past = row->past;
    return row->mask != NULL && past != NULL &&
           (past->old_in_target || past->new_key_tuple.data != NULL);
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

/* `row` with the fields of `from` in place of its masked ones, which are just those columns. */
static int complete(const struct mr_row *row, struct mr_slice from, struct mr_arena *arena,
                    struct mr_row *out, struct mr_err *err)
{
    uint8_t *tuple = mr_arena_alloc(arena, row->tuple.len + from.len);
    if (tuple == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a row of %zu bytes", row->tuple.len + from.len);
    const uint8_t *at = row->tuple.data + 2;
    const uint8_t *old = from.data + 2;
    size_t len = 2;
    mr_put_u16(tuple, row->cols->n_cols);
    for (uint16_t i = 0; i < row->cols->n_cols; i++) {
        size_t n = mr_field_len(at);
        const uint8_t *field = at;
        size_t n_field = n;
        if (mr_row_is_masked(row->mask, i)) {
            field = old;
            n_field = mr_field_len(old);
            old += n_field;
        }
        memcpy(tuple + len, field, n_field);
        len += n_field;
        at += n;
    }
    *out = *row;
    out->tuple = (struct mr_slice){tuple, len};
    out->mask = NULL;
    out->past = NULL;
    return 0;
}

/* Can their old rows be read by one statement? */
static bool reads_alike(const struct mr_row *a, const struct mr_row *b)
{
    size_t n_words = ((size_t)a->cols->n_cols + 63) / 64;
    return a->past->old_in_target == b->past->old_in_target && a->cols == b->cols &&
           memcmp(a->mask, b->mask, n_words * sizeof *a->mask) == 0;
}

/* A row that is newer than the change is not the one that moved: its key has a later life. */
static int newer_drop(struct mr_load *load, const struct mr_read_rows *read,
                      const struct mr_row *const *rows, struct mr_err *err)
{
    const struct mr_guard_use *use = &load->rows->guard;
    struct mr_slice guards[MR_READ_MAX_ROWS];
    const struct mr_colset col = {.n_cols = 1, .cols = &use->col};
    struct mr_read_rows again = *read;
    again.cols = &col;
    again.tuples = guards;
    int rc = load->session->ops->read_rows(load->session, &again, err);
    for (size_t i = 0; rc == 0 && i < read->n_keys; i++) {
        struct mr_slice mine;
        struct mr_slice theirs;
        if (guards[i].data == NULL || !mr_tuple_field(guards[i], 0, &theirs))
            continue;
        if (!mr_row_guard(use, rows[i], &mine) || mr_guard_order(use->single, mine, theirs) < 0)
            read->tuples[i] = (struct mr_slice){NULL, 0};
    }
    return rc;
}

/* Rows of one column set and mask, whose values are all at the target or all in tombs: what the old
 * rows have in the columns that are masked here. */
static int old_read(struct mr_load *load, const struct mr_kept_find *find, struct mr_err *err)
{
    struct mr_slice keys[MR_READ_MAX_ROWS];
    if (!find->rows[0]->past->old_in_target)
        return mr_kept_find(load, find, err);
    for (size_t i = 0; i < find->n; i++)
        keys[i] = find->rows[i]->past->old_key_tuple;
    struct mr_read_rows read = {.table = load->rows->table,
                                .key = &load->rows->key,
                                .cols = find->cols,
                                .keys = keys,
                                .n_keys = find->n,
                                .arena = find->arena,
                                .tuples = find->tuples};
    int rc = load->session->ops->read_rows(load->session, &read, err);
    return rc == 0 && load->rows->guard.on ? newer_drop(load, &read, find->rows, err) : rc;
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of load_masked.h */
int mr_masked_fill(struct mr_load *load, const struct mr_row *const *rows, size_t n,
                   struct mr_arena *arena, struct mr_row *out, struct mr_err *err)
{
    struct mr_slice tuples[MR_READ_MAX_ROWS];
    struct mr_colset cols;
    int rc = masked_cols(rows[0], arena, &cols, err);
    struct mr_kept_find find = {
        .rows = rows, .n = n, .cols = &cols, .arena = arena, .tuples = tuples};
    if (rc == 0)
        rc = old_read(load, &find, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        out[i] = *rows[i];
        if (tuples[i].data != NULL)
            rc = complete(rows[i], tuples[i], arena, &out[i], err);
    }
    return rc;
}

/* The same of rows from `first` on: keeps those whose old row is there. */
static int complete_some(struct mr_load *load, const size_t *first, size_t n,
                         struct mr_completed *out, struct mr_err *err)
{
    const struct mr_row *rows[MR_READ_MAX_ROWS] = {NULL};
    struct mr_row filled[MR_READ_MAX_ROWS];
    for (size_t i = 0; i < n; i++)
        rows[i] = &load->rows->rows[first[i]];
    int rc = mr_masked_fill(load, rows, n, &out->arena, filled, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (filled[i].mask != NULL)
            continue;
        out->rows[out->n_rows] = filled[i];
        out->of[out->n_rows++] = first[i];
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
