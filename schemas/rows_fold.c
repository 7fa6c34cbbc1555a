/* Owns what tuples look like inside, and the fold of two of them column by column. Must not know a
 * type: fields are moved as their emitter framed them. */
#include "schemas/rows_fold.h"

#include <string.h>

#include "schemas/rows_past.h"

#include "base/ban.h"

/* A tuple read field by field, in order. */
struct cursor {
    const uint8_t *at;
    uint16_t field;
};

static struct cursor cursor_open(struct mr_slice tuple)
{
    return (struct cursor){.at = tuple.data + 2, .field = 0};
}

/* The whole field with its length word; the cursor moves behind it. */
static struct mr_slice cursor_next(struct cursor *cursor)
{
    struct mr_slice field = {cursor->at, mr_field_len(cursor->at)};
    cursor->at += field.len;
    cursor->field++;
    return field;
}

bool mr_tuple_field(struct mr_slice tuple, uint16_t idx, struct mr_slice *out)
{
    struct cursor cursor = cursor_open(tuple);
    struct mr_slice field = cursor_next(&cursor);
    while (idx-- > 0)
        field = cursor_next(&cursor);
    if (mr_get_u32(field.data) == UINT32_MAX)
        return false;
    *out = (struct mr_slice){field.data + 4, field.len - 4};
    return true;
}

bool mr_tuple_column(const struct mr_colset *cols, struct mr_slice tuple, uint16_t col,
                     uint16_t *idx, struct mr_slice *field)
{
    struct cursor cursor = cursor_open(tuple);
    while (cursor.field < cols->n_cols && cols->cols[cursor.field] <= col) {
        *idx = cursor.field;
        *field = cursor_next(&cursor);
        if (cols->cols[*idx] == col)
            return true;
    }
    return false;
}

/* Same columns, told by content: two plans of one table have sets of their own. */
static bool colset_eq(const struct mr_colset *a, const struct mr_colset *b)
{
    return a == b ||
           (a->n_cols == b->n_cols && memcmp(a->cols, b->cols, a->n_cols * sizeof *a->cols) == 0);
}

/* What a fold by columns builds, in the arena. */
struct fold {
    struct mr_colset *cols;
    uint16_t *idx;
    uint8_t *tuple;
    size_t tuple_len;
    uint64_t *mask;
    bool masked;
};

static bool fold_alloc(struct mr_arena *arena, const struct mr_row *a, const struct mr_row *b,
                       struct fold *fold)
{
    size_t n_max = (size_t)a->cols->n_cols + b->cols->n_cols;
    *fold = (struct fold){.cols = mr_arena_alloc(arena, sizeof *fold->cols)};
    fold->idx = mr_arena_alloc(arena, n_max * sizeof *fold->idx);
    fold->tuple = mr_arena_alloc(arena, a->tuple.len + b->tuple.len);
    fold->mask = mr_arena_alloc(arena, ((n_max + 63) / 64) * sizeof *fold->mask);
    if (fold->cols == NULL || fold->idx == NULL || fold->tuple == NULL || fold->mask == NULL)
        return false;
    memset(fold->mask, 0, ((n_max + 63) / 64) * sizeof *fold->mask);
    fold->tuple_len = 2; /* the count is written last */
    return true;
}

static void fold_take(struct fold *fold, uint16_t col, struct mr_slice field, bool masked)
{
    uint16_t n = fold->cols->n_cols;
    fold->idx[n] = col;
    fold->cols->n_cols = (uint16_t)(n + 1);
    memcpy(fold->tuple + fold->tuple_len, field.data, field.len);
    fold->tuple_len += field.len;
    if (masked) {
        fold->mask[n / 64] |= UINT64_C(1) << (n % 64);
        fold->masked = true;
    }
}

/* column by column over the union of both sets, which ascend. A column that only one
 * of them carries, and masks, is left out: the other does not mention it, which says the same, and
 * is no reason for an orphan. What a moved row masks is not the earlier state's to give. */
static void fold_columns(const struct mr_row *a, const struct mr_row *b, struct fold *fold)
{
    struct cursor at_a = cursor_open(a->tuple);
    struct cursor at_b = cursor_open(b->tuple);
    bool moved = mr_past_is_moved(b);
    fold->cols->n_cols = 0;
    fold->cols->cols = fold->idx;
    while (at_a.field < a->cols->n_cols || at_b.field < b->cols->n_cols) {
        uint32_t col_a = at_a.field < a->cols->n_cols ? a->cols->cols[at_a.field] : UINT32_MAX;
        uint32_t col_b = at_b.field < b->cols->n_cols ? b->cols->cols[at_b.field] : UINT32_MAX;
        bool mask_a = col_a != UINT32_MAX && mr_row_is_masked(a->mask, at_a.field);
        bool mask_b = col_b != UINT32_MAX && mr_row_is_masked(b->mask, at_b.field);
        struct mr_slice field_a = {NULL, 0};
        struct mr_slice field_b = {NULL, 0};
        if (col_a <= col_b)
            field_a = cursor_next(&at_a);
        if (col_b <= col_a)
            field_b = cursor_next(&at_b);
        if ((col_a < col_b && mask_a) || (col_b < col_a && mask_b && !moved))
            continue;
        if (col_a < col_b || (col_a == col_b && mask_b && !moved))
            fold_take(fold, (uint16_t)col_a, field_a, mask_a);
        else
            fold_take(fold, (uint16_t)col_b, field_b, mask_b);
    }
    mr_put_u16(fold->tuple, fold->cols->n_cols);
}

/* U then U. `kept` is the new state; its key is the earlier row's. */
bool mr_fold_upserts(struct mr_arena *arena, const struct mr_row *a, const struct mr_row *b,
                     struct mr_row *kept)
{
    if (b->mask == NULL && colset_eq(a->cols, b->cols)) {
        kept->cols = b->cols;
        kept->mask = NULL;
        kept->past = NULL;
        kept->tuple =
            (struct mr_slice){mr_arena_copy(arena, b->tuple.data, b->tuple.len), b->tuple.len};
        return kept->tuple.data != NULL;
    }
    struct fold fold;
    if (!fold_alloc(arena, a, b, &fold))
        return false;
    fold_columns(a, b, &fold);
    kept->cols = fold.cols;
    kept->tuple = (struct mr_slice){fold.tuple, fold.tuple_len};
    kept->mask = fold.masked ? fold.mask : NULL;
    return mr_past_fold(arena, a, b, kept);
}
