/* Owns the gathering of one table's rows between two flushes and their reduction by key
 * (contract.md section 3.2). Must not know a type: fields are moved as their emitter framed them.
 * Invariants: with `reduce`, at most one row stands for a key; a refused row leaves everything as
 * it was. */
#include "schemas/rows.h"

#include <stdlib.h>

#include "schemas/guard.h"
#include "schemas/rows_loose.h"
#include "schemas/rows_past.h"

#include "base/ban.h"

enum {
    ROWS_FIRST_CAP = 256,
    SETTLE_BYTES = 64 * 1024, /* a fold's column set and mask, beside its tuple */
    MR_ROW_TAKEN = 1 << 30,   /* a flag, while keys of several partitions are settled */
};

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of rows.h */
void mr_rows_init(struct mr_rows *rows, struct mr_table *table, const struct mr_colset *key,
                  bool reduce, struct mr_arena *arena, uint64_t seed)
{
    *rows = (struct mr_rows){.table = mr_table_ref(table), .reduce = reduce, .arena = arena};
    mr_rows_key(rows, key);
    mr_map_init(&rows->by_key, seed);
}

void mr_rows_release(struct mr_rows *rows)
{
    mr_table_unref(rows->table);
    mr_map_release(&rows->by_key);
    free(rows->rows);
    *rows = (struct mr_rows){.table = NULL};
}

void mr_rows_reset(struct mr_rows *rows)
{
    mr_map_reset(&rows->by_key);
    rows->n_rows = 0;
    rows->n_folded = 0;
    rows->n_moved = 0;
    rows->left = NULL;
    rows->truncated = false;
    rows->floor = (struct mr_slice){NULL, 0};
    rows->n_stale = 0;
    rows->n_cross = 0;
    rows->regrouped = false;
    rows->fold_bytes = 0;
    rows->max_bytes = 0;
}

void mr_rows_truncate(struct mr_rows *rows)
{
    mr_map_reset(&rows->by_key);
    rows->n_rows = 0;
    rows->n_moved = 0;
    rows->fold_bytes = 0;
    rows->max_bytes = 0;
    rows->left = NULL;
    rows->truncated = true;
}

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

static size_t mask_words(uint16_t n_cols)
{
    return ((size_t)n_cols + 63) / 64;
}

static bool rows_reserve(struct mr_rows *rows)
{
    if (rows->n_rows < rows->cap_rows)
        return true;
    size_t cap = rows->cap_rows == 0 ? ROWS_FIRST_CAP : rows->cap_rows * 2;
    if (cap > SIZE_MAX / sizeof *rows->rows)
        return false;
    struct mr_row *grown = realloc(rows->rows, cap * sizeof *grown);
    if (grown == NULL)
        return false;
    rows->rows = grown;
    rows->cap_rows = cap;
    return true;
}

static int rows_full(struct mr_err *err)
{
    return mr_err_set(err, MR_FULL, "the batch's memory is used up");
}

static bool slice_keep(struct mr_arena *arena, struct mr_slice from, struct mr_slice *to)
{
    if (from.data == NULL) {
        *to = from;
        return true;
    }
    to->data = mr_arena_copy(arena, from.data, from.len);
    to->len = from.len;
    return to->data != NULL;
}

static bool mask_keep(struct mr_arena *arena, const struct mr_row *from, struct mr_row *to)
{
    to->mask = NULL;
    if (from->mask == NULL || from->cols == NULL)
        return true;
    size_t n = mask_words(from->cols->n_cols) * sizeof *from->mask;
    uint64_t *mask = mr_arena_alloc(arena, n);
    if (mask == NULL)
        return false;
    memcpy(mask, from->mask, n);
    to->mask = mask;
    return true;
}

/* A row of a new key, or of a table that keeps them all. */
static int rows_append(struct mr_rows *rows, const struct mr_row *row, struct mr_err *err)
{
    struct mr_row kept = *row;
    if (rows->truncated && !rows->loose) /* no old row can give what this one lacks */
        kept.flags |= MR_ROW_REPLACED;
    if (!rows_reserve(rows) || !slice_keep(rows->arena, row->tuple, &kept.tuple) ||
        !slice_keep(rows->arena, row->key, &kept.key) ||
        !slice_keep(rows->arena, row->key_tuple, &kept.key_tuple) ||
        !mask_keep(rows->arena, row, &kept))
        return rows_full(err);
    rows->rows[rows->n_rows++] = kept;
    return 0;
}

/* A row whose key the target alone can compare. What its fold may take is counted now: it must not
 * run out of room when nothing can be loaded in between. A fold by columns takes both rows' bytes.
 */
static int loose_append(struct mr_rows *rows, const struct mr_row *row, struct mr_err *err)
{
    const struct mr_row *last = rows->n_rows > 0 ? &rows->rows[rows->n_rows - 1] : row;
    size_t len = row->tuple.len + row->key.len + row->key_tuple.len + sizeof *row +
                 (row->past != NULL ? row->past->new_key_tuple.len : 0);
    size_t max = len > rows->max_bytes ? len : rows->max_bytes;
    bool by_column = row->mask != NULL || last->cols != row->cols;
    size_t fold =
        rows->fold_bytes + (by_column ? 2 * max + 64 * (size_t)rows->table->n_columns : len);
    struct mr_row kept = *row;
    if (rows->n_rows > 0 && fold > rows->arena->limit_bytes)
        return rows_full(err);
    if (row->past != NULL && !mr_past_keep(rows->arena, row, &kept))
        return rows_full(err);
    int rc = rows_append(rows, &kept, err);
    if (rc < 0)
        return rc;
    rows->fold_bytes = fold;
    rows->max_bytes = max;
    return 0;
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
static bool fold_upserts(struct mr_rows *rows, const struct mr_row *a, const struct mr_row *b,
                         struct mr_row *kept)
{
    if (b->mask == NULL && colset_eq(a->cols, b->cols)) {
        kept->cols = b->cols;
        kept->mask = NULL;
        kept->past = NULL;
        return slice_keep(rows->arena, b->tuple, &kept->tuple);
    }
    struct fold fold;
    if (!fold_alloc(rows->arena, a, b, &fold))
        return false;
    fold_columns(a, b, &fold);
    kept->cols = fold.cols;
    kept->tuple = (struct mr_slice){fold.tuple, fold.tuple_len};
    kept->mask = fold.masked ? fold.mask : NULL;
    return mr_past_fold(rows->arena, a, b, kept);
}

/* R-01..R-06 for a key that has a state already. */
static int rows_fold(struct mr_rows *rows, struct mr_row *a, const struct mr_row *b,
                     struct mr_err *err)
{
    struct mr_row kept = *b;
    kept.key = a->key;
    kept.key_tuple = a->key_tuple;
    kept.sibling = a->sibling;
    kept.flags = b->flags & MR_ROW_READ;
    if (b->op == MR_ROW_DELETE) {
        kept.cols = NULL;
        kept.mask = NULL;
        if (!slice_keep(rows->arena, b->tuple, &kept.tuple) || /* its guard */
            !mr_past_delete(rows->arena, a, &kept))
            return rows_full(err);
    } else if (a->op == MR_ROW_DELETE || (b->flags & MR_ROW_REPLACED) != 0) {
        kept.flags |= MR_ROW_REPLACED; /* R-04; a partition's state has its delete behind it */
        if (!slice_keep(rows->arena, b->tuple, &kept.tuple) || !mask_keep(rows->arena, b, &kept))
            return rows_full(err);
    } else {
        kept.flags |= a->flags & ~(uint32_t)MR_ROW_READ;
        if (!fold_upserts(rows, a, b, &kept))
            return rows_full(err);
    }
    *a = kept;
    rows->n_folded++;
    return 0;
}

/* Finds the places of the keys anew, after rows were taken out. */
static int keys_again(struct mr_rows *rows, struct mr_err *err)
{
    mr_map_reset(&rows->by_key);
    for (size_t i = 0; i < rows->n_rows && rows->reduce && rows->key.n_cols > 0; i++) {
        const struct mr_slice *key = &rows->rows[i].key;
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): the map keeps a number, never a place */
        if (mr_map_put(&rows->by_key, key->data, key->len, (void *)(uintptr_t)(i + 1)) < 0)
            return rows_full(err);
    }
    return 0;
}

int mr_rows_truncate_below(struct mr_rows *rows, struct mr_slice written, struct mr_err *err)
{
    uint8_t octets[MR_GUARD_MAX_BYTES];
    struct mr_slice floor = {octets, mr_guard_octets(&rows->guard, written, octets)};
    struct mr_slice kept;
    size_t n = 0;
    if (rows->floor.data != NULL && mr_guard_order(false, rows->floor, floor) >= 0)
        return 0;
    if (!slice_keep(rows->arena, floor, &kept))
        return rows_full(err);
    rows->floor = kept;
    for (size_t i = 0; i < rows->n_rows; i++) {
        if (!mr_rows_is_below(rows, &rows->rows[i]))
            rows->rows[n++] = rows->rows[i];
    }
    rows->n_rows = n;
    return keys_again(rows, err);
}

/* a record that is older than what is known has no effect. */
static bool is_late(struct mr_rows *rows, const struct mr_row *row)
{
    if (rows->floor.data != NULL && mr_rows_is_below(rows, row))
        return true;
    uintptr_t at = (uintptr_t)mr_map_find(&rows->by_key, row->key.data, row->key.len);
    if (at == 0 || !mr_rows_is_stale(rows, &rows->rows[at - 1], row))
        return false;
    rows->n_cross += rows->rows[at - 1].span_idx != row->span_idx ? 1 : 0;
    return true;
}

/* the state that this partition has of the key whose first state is at `first`; a new one
 * where there is none yet. Guards order the partitions by themselves. */
static int fold_found(struct mr_rows *rows, size_t first, const struct mr_row *row,
                      struct mr_err *err)
{
    size_t at = first;
    while (!rows->guard.on && rows->rows[at].span_idx != row->span_idx) {
        if (rows->rows[at].sibling == 0) {
            int rc = rows_append(rows, row, err);
            if (rc < 0)
                return rc;
            rows->rows[at].sibling = (uint32_t)rows->n_rows;
            rows->n_cross++;
            return 0;
        }
        at = rows->rows[at].sibling - 1;
    }
    bool cross = at != first || rows->rows[at].span_idx != row->span_idx;
    int rc = rows_fold(rows, &rows->rows[at], row, err);
    rows->n_cross += rc == 0 && cross ? 1 : 0;
    return rc;
}

/* The lowest of the states that are left of a key. */
static struct mr_row *next_state(struct mr_rows *rows, size_t first, const uint32_t *rank)
{
    struct mr_row *found = NULL;
    for (size_t at = first + 1; at != 0; at = rows->rows[at - 1].sibling) {
        struct mr_row *row = &rows->rows[at - 1];
        if ((row->flags & MR_ROW_TAKEN) == 0 &&
            (found == NULL || rank[row->span_idx] < rank[found->span_idx]))
            found = row;
    }
    if (found != NULL)
        found->flags |= MR_ROW_TAKEN;
    return found;
}

static int settle_key(struct mr_rows *rows, size_t first, const uint32_t *rank, struct mr_err *err)
{
    struct mr_row state = *next_state(rows, first, rank);
    struct mr_row *next;
    state.flags &= ~(uint32_t)MR_ROW_TAKEN;
    while ((next = next_state(rows, first, rank)) != NULL) {
        struct mr_row row = *next;
        row.flags &= ~(uint32_t)MR_ROW_TAKEN;
        rows->arena->limit_bytes +=
            2 * (state.tuple.len + row.tuple.len) + mr_past_bytes(&row) + SETTLE_BYTES;
        if (rows_fold(rows, &state, &row, err) < 0) {
            for (size_t at = first + 1; at != 0; at = rows->rows[at - 1].sibling)
                rows->rows[at - 1].flags &= ~(uint32_t)MR_ROW_TAKEN; /* it may be tried again */
            return mr_err_set(err, MR_NO_MEMORY, "keys of several partitions");
        }
    }
    state.sibling = 0;
    rows->rows[first] = state;
    return 0;
}

int mr_rows_settle(struct mr_rows *rows, const uint32_t *rank, struct mr_err *err)
{
    size_t n = 0;
    if (rows->n_cross > 0)
        mr_past_unsure(rows);
    for (size_t i = 0; i < rows->n_rows && rows->n_cross > 0; i++) {
        const struct mr_row *row = &rows->rows[i];
        if (row->sibling != 0 && (row->flags & MR_ROW_TAKEN) == 0) {
            int rc = settle_key(rows, i, rank, err);
            if (rc < 0)
                return rc;
        }
    }
    for (size_t i = 0; i < rows->n_rows && rows->n_cross > 0; i++) {
        if ((rows->rows[i].flags & MR_ROW_TAKEN) == 0)
            rows->rows[n++] = rows->rows[i];
    }
    if (rows->n_cross > 0)
        rows->n_rows = n;
    return 0;
}

/* A row of which nothing is known but what it says. */
static int add_alone(struct mr_rows *rows, const struct mr_row *row, struct mr_err *err)
{
    if (!rows->reduce || rows->key.n_cols == 0)
        return rows_append(rows, row, err);
    bool found;
    uint64_t hash = mr_hash(row->key.data, row->key.len, rows->by_key.seed);
    struct mr_map_entry *entry =
        mr_map_entry(&rows->by_key, row->key.data, row->key.len, hash, &found);
    if (entry == NULL)
        return rows_full(err);
    if (found)
        return fold_found(rows, (uintptr_t)entry->value - 1, row, err);
    int rc = rows_append(rows, row, err);
    if (rc < 0) {
        (void)mr_map_remove(&rows->by_key, row->key.data, row->key.len);
        return rc;
    }
    /* The entry borrowed the caller's bytes; from now on it has the arena's. */
    entry->key = rows->rows[rows->n_rows - 1].key.data;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the map keeps a number, never a place */
    entry->value = (void *)(uintptr_t)rows->n_rows;
    return 0;
}

/* A row that leaves its key, or comes from another one. */
static int add_moving(struct mr_rows *rows, const struct mr_row *row, struct mr_err *err)
{
    struct mr_row added = *row;
    struct mr_row_left *left = mr_past_leave(rows, row);
    if (left == NULL)
        return rows_full(err);
    if (row->op == MR_ROW_DELETE)
        added.past = NULL;
    else if (!mr_past_move(rows, row, left, &added))
        return rows_full(err);
    int rc = add_alone(rows, &added, err);
    if (rc < 0)
        return rc;
    mr_past_left(rows, row, left);
    rows->n_moved += added.mask != NULL ? 1 : 0;
    return 0;
}

int mr_rows_add(struct mr_rows *rows, const struct mr_row *row, struct mr_err *err)
{
    bool folds = rows->reduce && rows->key.n_cols > 0;
    if (rows->loose)
        return loose_append(rows, row, err);
    if (folds && rows->guard.on && is_late(rows, row)) {
        rows->n_stale++;
        return 0;
    }
    return row->past != NULL ? add_moving(rows, row, err) : add_alone(rows, row, err);
}

/* What a record does to the rows but for its own key's, so that it can be taken back. */
struct before {
    size_t n_rows, n_moved;
    uint64_t n_folded, n_cross, n_stale;
    size_t at;           /* of the state that the record folds into; n_rows: none */
    struct mr_row state; /* that */
    bool met;            /* the key has a state, in whichever partition */
};

static struct before before_of(const struct mr_rows *rows, const struct mr_row *row)
{
    struct before before = {.n_rows = rows->n_rows,
                            .n_moved = rows->n_moved,
                            .n_folded = rows->n_folded,
                            .n_cross = rows->n_cross,
                            .n_stale = rows->n_stale,
                            .at = rows->n_rows};
    uintptr_t at = 0;
    if (rows->reduce && rows->key.n_cols > 0)
        at = (uintptr_t)mr_map_find(&rows->by_key, row->key.data, row->key.len);
    before.met = at > 0;
    while (at > 0 && !rows->guard.on && rows->rows[at - 1].span_idx != row->span_idx)
        at = rows->rows[at - 1].sibling;
    if (at > 0) {
        before.at = at - 1;
        before.state = rows->rows[at - 1];
    }
    return before;
}

static void take_back(struct mr_rows *rows, const struct mr_row *row, const struct before *before)
{
    if (before->at < before->n_rows)
        rows->rows[before->at] = before->state;
    if (!before->met)
        (void)mr_map_remove(&rows->by_key, row->key.data, row->key.len);
    for (size_t i = 0; i < before->n_rows && rows->n_cross > before->n_cross; i++) {
        if (rows->rows[i].sibling > before->n_rows)
            rows->rows[i].sibling = 0;
    }
    rows->n_rows = before->n_rows;
    rows->n_moved = before->n_moved;
    rows->n_folded = before->n_folded;
    rows->n_cross = before->n_cross;
    rows->n_stale = before->n_stale;
}

int mr_rows_add_change(struct mr_rows *rows, const struct mr_row *gone, const struct mr_row *row,
                       struct mr_err *err)
{
    struct before before = before_of(rows, gone);
    int rc = mr_rows_add(rows, gone, err);
    if (rc < 0)
        return rc;
    rc = mr_rows_add(rows, row, err);
    if (rc < 0)
        take_back(rows, gone, &before);
    return rc;
}
