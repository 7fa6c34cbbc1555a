/* Grouping of rows by column set and mask. Plans share their column sets, so that the pointer tells
 * most of the time; folds make new ones, which are compared by content (V-19: by column set, not by
 * schema id). */
#include "sinks/load_groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/ban.h"

struct sorted_row {
    const struct mr_row *row;
    size_t at; /* keeps the order inside a group */
};

static size_t mask_words(const struct mr_row *row)
{
    return ((size_t)row->cols->n_cols + 63) / 64;
}

static int compare_size(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare_cols(const struct mr_row *a, const struct mr_row *b)
{
    if (a->cols == b->cols)
        return 0;
    int order = compare_size(a->cols->n_cols, b->cols->n_cols);
    if (order != 0 || a->cols->n_cols == 0)
        return order;
    return memcmp(a->cols->cols, b->cols->cols, a->cols->n_cols * sizeof *a->cols->cols);
}

/* Masked before unmasked: updates go before inserts. */
static int compare_masks(const struct mr_row *a, const struct mr_row *b)
{
    if (a->mask == b->mask)
        return 0;
    if (a->mask == NULL || b->mask == NULL)
        return a->mask == NULL ? 1 : -1;
    return memcmp(a->mask, b->mask, mask_words(a) * sizeof *a->mask);
}

static int compare_place(const struct sorted_row *x, const struct sorted_row *y, bool by_mask)
{
    if (by_mask && (x->row->mask == NULL) != (y->row->mask == NULL))
        return x->row->mask == NULL ? 1 : -1;
    int order = compare_cols(x->row, y->row);
    if (order == 0 && by_mask)
        order = compare_masks(x->row, y->row);
    return order;
}

static int compare_by_mask(const void *a, const void *b)
{
    const struct sorted_row *x = a;
    const struct sorted_row *y = b;
    int order = compare_place(x, y, true);
    return order != 0 ? order : compare_size(x->at, y->at);
}

static int compare_by_cols(const void *a, const void *b)
{
    const struct sorted_row *x = a;
    const struct sorted_row *y = b;
    int order = compare_place(x, y, false);
    return order != 0 ? order : compare_size(x->at, y->at);
}

/* The common case: one plan wrote them all. */
static bool all_alike(const struct mr_row *const *rows, size_t n, bool by_mask)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i]->cols != rows[0]->cols || (by_mask && rows[i]->mask != NULL))
            return false;
    }
    return true;
}

static void group_begin(struct mr_load_groups *out, size_t at, bool by_mask)
{
    const struct mr_row *row = out->rows[at];
    out->groups[out->n_groups++] = (struct mr_load_group){.cols = row->cols,
                                                          .mask = by_mask ? row->mask : NULL,
                                                          .rows = out->rows + at,
                                                          .all_inserts = true};
}

static void group_add(struct mr_load_groups *out, const struct mr_row *row)
{
    struct mr_load_group *group = &out->groups[out->n_groups - 1];
    group->n_rows++;
    group->all_inserts = group->all_inserts && (row->flags & MR_ROW_INSERT) != 0;
}

static int sort_rows(struct mr_load_groups *out, size_t n, bool by_mask, size_t *n_groups)
{
    struct sorted_row *sorted = malloc(n * sizeof *sorted);
    if (sorted == NULL)
        return -MR_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct sorted_row){out->rows[i], i};
    qsort(sorted, n, sizeof *sorted, by_mask ? compare_by_mask : compare_by_cols);
    *n_groups = 1;
    for (size_t i = 0; i < n; i++) {
        out->rows[i] = sorted[i].row;
        if (i > 0 && compare_place(&sorted[i - 1], &sorted[i], by_mask) != 0)
            (*n_groups)++;
    }
    free(sorted);
    return 0;
}

int mr_load_groups_make(struct mr_load_groups *out, const struct mr_row *const *rows, size_t n,
                        bool by_mask, struct mr_err *err)
{
    *out = (struct mr_load_groups){.n_groups = 0};
    if (n == 0)
        return 0;
    size_t n_groups = 1;
    out->rows = malloc(n * sizeof(*out->rows));
    if (out->rows == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu rows", n);
    memcpy(out->rows, rows, n * sizeof(*out->rows));
    if (!all_alike(rows, n, by_mask) && sort_rows(out, n, by_mask, &n_groups) < 0)
        return mr_err_set(err, MR_NO_MEMORY, "%zu rows", n);
    out->groups = calloc(n_groups, sizeof *out->groups);
    if (out->groups == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu groups", n_groups);
    for (size_t i = 0; i < n; i++) {
        struct sorted_row before = {out->rows[i == 0 ? 0 : i - 1], 0};
        struct sorted_row here = {out->rows[i], 0};
        if (i == 0 || compare_place(&before, &here, by_mask) != 0)
            group_begin(out, i, by_mask);
        group_add(out, out->rows[i]);
    }
    return 0;
}

void mr_load_groups_release(struct mr_load_groups *groups)
{
    free(groups->groups);
    free(groups->rows);
    *groups = (struct mr_load_groups){.n_groups = 0};
}
