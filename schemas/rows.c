/* Owns the gathering of one table's rows between two flushes and their reduction by key
 * (contract.md section 3.2). Must not know a type: fields are moved as their emitter framed them.
 * Invariants: with `reduce`, at most one row stands for a key; a refused row leaves everything as
 * it was. */
#include "schemas/rows.h"

#include <stdlib.h>

#include "base/memory.h"
#include "schemas/guard.h"
#include "schemas/row_keep.h"
#include "schemas/rows_fold.h"
#include "schemas/rows_journal.h"
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
    rows->journal = NULL;
    rows->n_journal = 0;
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
    rows->journal = NULL;
    rows->n_journal = 0;
    rows->truncated = true;
}

static bool rows_reserve(struct mr_rows *rows)
{
    if (rows->n_rows < rows->cap_rows)
        return true;
    size_t cap = rows->cap_rows == 0 ? ROWS_FIRST_CAP : rows->cap_rows * 2;
    if (cap > SIZE_MAX / sizeof *rows->rows)
        return false;
    struct mr_row *grown = mr_memory_given(realloc(rows->rows, cap * sizeof *grown));
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

/* A row of a new key, or of a table that keeps them all. */
static int rows_append(struct mr_rows *rows, const struct mr_row *row, struct mr_err *err)
{
    struct mr_row kept = *row;
    if (rows->truncated && !rows->loose) /* no old row can give what this one lacks */
        kept.flags |= MR_ROW_REPLACED;
    if (!rows_reserve(rows) || !mr_slice_keep(rows->arena, row->tuple, &kept.tuple) ||
        !mr_slice_keep(rows->arena, row->key, &kept.key) ||
        !mr_slice_keep(rows->arena, row->key_tuple, &kept.key_tuple) ||
        !mr_mask_keep(rows->arena, row, &kept))
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
        kept.flags |= b->flags & MR_ROW_BEHIND;
        kept.flags |= a->op == MR_ROW_DELETE ? a->flags & MR_ROW_BEHIND : 0;
        kept.cols = NULL;
        kept.mask = NULL;
        if (!mr_slice_keep(rows->arena, b->tuple, &kept.tuple) || /* its guard */
            !mr_past_delete(rows->arena, a, &kept))
            return rows_full(err);
    } else if (a->op == MR_ROW_DELETE || (b->flags & MR_ROW_REPLACED) != 0) {
        kept.flags |= MR_ROW_REPLACED; /* R-04; a partition's state has its delete behind it */
        if (!mr_slice_keep(rows->arena, b->tuple, &kept.tuple) ||
            !mr_mask_keep(rows->arena, b, &kept))
            return rows_full(err);
    } else {
        kept.flags |= a->flags & ~(uint32_t)MR_ROW_READ;
        if (!mr_fold_upserts(rows->arena, a, b, &kept))
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
    if (!mr_slice_keep(rows->arena, floor, &kept))
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

/* a state that another partition has of the key, behind the one at `at`. */
static int add_sibling(struct mr_rows *rows, size_t at, const struct mr_row *row,
                       const struct mr_journal_step *step, struct mr_err *err)
{
    int rc = rows_append(rows, row, err);
    if (rc < 0)
        return rc;
    mr_journal_note(rows, step, &rows->rows[at]);
    rows->rows[at].sibling = (uint32_t)rows->n_rows;
    rows->rows[rows->n_rows - 1].flags |= MR_ROW_NOTED;
    rows->n_cross++;
    return 0;
}

/* the state that this partition has of the key whose first state is at `first`; a new one
 * where there is none yet. Guards order the partitions by themselves. `came` is the row as it was
 * given. */
static int fold_found(struct mr_rows *rows, size_t first, const struct mr_row *row,
                      const struct mr_row *came, struct mr_err *err)
{
    size_t at = first;
    struct mr_journal_step step;
    bool own = rows->guard.on;
    while (!own && rows->rows[at].span_idx != row->span_idx && rows->rows[at].sibling != 0)
        at = rows->rows[at].sibling - 1;
    own = own || rows->rows[at].span_idx == row->span_idx;
    if (!mr_journal_prepare(rows, &rows->rows[at], came, own, &step))
        return rows_full(err);
    if (!own)
        return add_sibling(rows, at, row, &step, err);
    bool cross = at != first || rows->rows[at].span_idx != row->span_idx;
    int rc = rows_fold(rows, &rows->rows[at], row, err);
    if (rc == 0)
        mr_journal_note(rows, &step, &rows->rows[at]);
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
    state.flags |= MR_ROW_NOTED;
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

/* A row of which nothing is known but what it says; `came`: as it was given. */
static int add_alone(struct mr_rows *rows, const struct mr_row *row, const struct mr_row *came,
                     struct mr_err *err)
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
        return fold_found(rows, (uintptr_t)entry->value - 1, row, came, err);
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
    size_t n_rows = rows->n_rows;
    size_t n_noted = rows->n_journal;
    struct mr_journal_step step;
    if (!mr_journal_prepare(rows, NULL, row, false, &step))
        return rows_full(err);
    int rc = add_alone(rows, &added, row, err);
    if (rc < 0)
        return rc;
    if (rows->n_journal == n_noted && rows->n_rows > n_rows)
        mr_journal_note(rows, &step, &rows->rows[n_rows]);
    mr_past_left(rows, row, left);
    rows->n_moved += added.mask != NULL ? 1 : 0;
    return 0;
}

/* It has no effect, unless what it is older than proves to be a fault. */
static int add_late(struct mr_rows *rows, const struct mr_row *row, struct mr_err *err)
{
    struct mr_journal_step step;
    if (!mr_journal_prepare(rows, NULL, row, false, &step))
        return rows_full(err);
    mr_journal_note(rows, &step, NULL);
    rows->n_stale++;
    return 0;
}

int mr_rows_add(struct mr_rows *rows, const struct mr_row *row, struct mr_err *err)
{
    bool folds = rows->reduce && rows->key.n_cols > 0;
    if (rows->loose)
        return loose_append(rows, row, err);
    if (folds && rows->guard.on && is_late(rows, row))
        return add_late(rows, row, err);
    return row->past != NULL ? add_moving(rows, row, err) : add_alone(rows, row, row, err);
}

/* What a record does to the rows but for its own key's, so that it can be taken back. */
struct before {
    size_t n_rows, n_moved, n_journal;
    struct mr_row_entry *journal;
    uint64_t n_folded, n_cross, n_stale;
    size_t at;           /* of the state that the record folds into; n_rows: none */
    struct mr_row state; /* that */
    size_t last;         /* of the key's states */
    uint32_t last_flags;
    bool met; /* the key has a state, in whichever partition */
};

static struct before before_of(const struct mr_rows *rows, const struct mr_row *row)
{
    struct before before = {.n_rows = rows->n_rows,
                            .n_moved = rows->n_moved,
                            .n_journal = rows->n_journal,
                            .journal = rows->journal,
                            .n_folded = rows->n_folded,
                            .n_cross = rows->n_cross,
                            .n_stale = rows->n_stale,
                            .at = rows->n_rows};
    uintptr_t at = 0;
    if (rows->reduce && rows->key.n_cols > 0)
        at = (uintptr_t)mr_map_find(&rows->by_key, row->key.data, row->key.len);
    before.met = at > 0;
    for (size_t last = at; last > 0; last = rows->rows[last - 1].sibling) {
        before.last = last - 1;
        before.last_flags = rows->rows[last - 1].flags;
    }
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
    if (before->met)
        rows->rows[before->last].flags = before->last_flags;
    else
        (void)mr_map_remove(&rows->by_key, row->key.data, row->key.len);
    for (size_t i = 0; i < before->n_rows && rows->n_cross > before->n_cross; i++) {
        if (rows->rows[i].sibling > before->n_rows)
            rows->rows[i].sibling = 0;
    }
    rows->n_rows = before->n_rows;
    rows->n_moved = before->n_moved;
    rows->n_journal = before->n_journal;
    rows->journal = before->journal;
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
