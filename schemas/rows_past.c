/* Owns what a few rows must know of earlier states (contract.md U-30, U-31, R-05). Must not fold:
 * that is rows.c's. Invariant: everything it makes is in the batch's arena. */
#include "schemas/rows_past.h"

#include "base/ban.h"

enum { LEFT_LOOK_BACK = 16, LEFT_LOOK_BACK_ALL = 512 };

static struct mr_row_past *past_new(struct mr_arena *arena)
{
    struct mr_row_past *past = mr_arena_alloc(arena, sizeof *past);
    if (past != NULL)
        *past = (struct mr_row_past){.cols = NULL};
    return past;
}

static void take_old(struct mr_row_past *to, const struct mr_row_past *from)
{
    to->old_key = from->old_key;
    to->old_key_tuple = from->old_key_tuple;
    to->old_in_target = from->old_in_target;
    to->new_key_tuple = from->new_key_tuple;
}

bool mr_past_delete(struct mr_arena *arena, const struct mr_row *a, struct mr_row *kept)
{
    kept->past = a->past;
    if (a->op == MR_ROW_DELETE)
        return true; /* the first one ended the state */
    kept->past = past_new(arena);
    if (kept->past == NULL)
        return false;
    if (a->past != NULL)
        take_old(kept->past, a->past);
    kept->past->cols = a->cols;
    kept->past->tuple = a->tuple;
    kept->past->mask = a->mask;
    kept->past->replaced = (a->flags & MR_ROW_REPLACED) != 0;
    return true;
}

/* The old key's delete, where it came by the same partition: another one may be behind, and then
 * what it has is older than what was moved. */
static const struct mr_row *delete_of(const struct mr_rows *rows, const struct mr_row *row)
{
    const struct mr_slice *key = &row->past->old_key;
    uintptr_t at = (uintptr_t)mr_map_find(&rows->by_key, key->data, key->len);
    if (at == 0 || mr_slice_eq(row->past->old_key_tuple, row->key_tuple))
        return NULL; /* one that differs in its bytes alone had its row deleted all the same */
    const struct mr_row *state = &rows->rows[at - 1];
    return state->op == MR_ROW_DELETE && state->span_idx == row->span_idx ? state : NULL;
}

static bool keep(struct mr_arena *arena, struct mr_slice from, struct mr_slice *to)
{
    *to = (struct mr_slice){NULL, 0};
    if (from.data == NULL)
        return true;
    *to = (struct mr_slice){mr_arena_copy(arena, from.data, from.len), from.len};
    return to->data != NULL;
}

struct mr_row_left *mr_past_leave(const struct mr_rows *rows, const struct mr_row *row)
{
    struct mr_arena *arena = rows->arena;
    struct mr_row_left *left = mr_arena_alloc(arena, sizeof *left);
    bool leaves = row->op == MR_ROW_DELETE;
    uint8_t guard[MR_ROW_GUARD_BYTES];
    struct mr_slice tuple = {NULL, 0};
    if (left == NULL)
        return NULL;
    if (mr_row_guard_tuple(rows, row, guard))
        tuple = (struct mr_slice){guard, sizeof guard};
    *left = (struct mr_row_left){.span_idx = row->span_idx, .offset = row->offset, .came = !leaves};
    bool ok =
        keep(arena, leaves ? row->key : row->past->old_key, &left->key) &&
        keep(arena, leaves ? row->key_tuple : row->past->old_key_tuple, &left->key_tuple) &&
        keep(arena, leaves ? row->past->new_key_tuple : row->key_tuple, &left->new_key_tuple) &&
        keep(arena, tuple, &left->tuple);
    return ok ? left : NULL;
}

void mr_past_unsure(struct mr_rows *rows)
{
    for (struct mr_row_left *left = rows->left; left != NULL; left = left->before) {
        uintptr_t at = (uintptr_t)mr_map_find(&rows->by_key, left->key.data, left->key.len);
        left->unsure = left->unsure || (at != 0 && rows->rows[at - 1].sibling != 0);
    }
}

/* The delete of the change that `row` came by. The connector writes the two records of a change
 * behind each other, with a tombstone between, so that in one partition the one is among the last
 * that left. */
static struct mr_row_left *left_by(const struct mr_rows *rows, const struct mr_row *row)
{
    int n_own = 0;
    int n = 0;
    for (struct mr_row_left *left = rows->left;
         left != NULL && n_own < LEFT_LOOK_BACK && n < LEFT_LOOK_BACK_ALL; left = left->before) {
        n++;
        if (left->span_idx != row->span_idx)
            continue;
        n_own++;
        if (left->new_key_tuple.data != NULL && mr_slice_eq(left->new_key_tuple, row->key_tuple) &&
            mr_slice_eq(left->key_tuple, row->past->old_key_tuple))
            return left;
    }
    return NULL;
}

/* The key's state in the partition that the delete came by. */
static const struct mr_row_past *past_of(const struct mr_rows *rows, const struct mr_row *row)
{
    uintptr_t at = (uintptr_t)mr_map_find(&rows->by_key, row->key.data, row->key.len);
    while (at != 0 && !rows->guard.on && rows->rows[at - 1].span_idx != row->span_idx)
        at = rows->rows[at - 1].sibling;
    return at != 0 ? rows->rows[at - 1].past : NULL;
}

void mr_past_left(struct mr_rows *rows, const struct mr_row *row, struct mr_row_left *left)
{
    struct mr_row_left *taken = row->op == MR_ROW_DELETE ? NULL : left_by(rows, row);
    if (taken != NULL)
        taken->taken = true;
    if (row->op == MR_ROW_DELETE)
        left->past = past_of(rows, row);
    left->before = rows->left;
    rows->left = left;
}

bool mr_past_keep(struct mr_arena *arena, const struct mr_row *row, struct mr_row *moved)
{
    const struct mr_row_past *from = row->past;
    moved->past = past_new(arena);
    if (moved->past == NULL)
        return false;
    return keep(arena, from->old_key, &moved->past->old_key) &&
           keep(arena, from->old_key_tuple, &moved->past->old_key_tuple) &&
           keep(arena, from->new_key_tuple, &moved->past->new_key_tuple);
}

/* Fills the masked fields of `row` that `from` has; false: no room. */
static bool fill(struct mr_arena *arena, const struct mr_row_past *from, const struct mr_row *row,
                 struct mr_row *moved)
{
    size_t n_words = ((size_t)row->cols->n_cols + 63) / 64;
    uint8_t *tuple = mr_arena_alloc(arena, row->tuple.len + from->tuple.len);
    uint64_t *mask = mr_arena_alloc(arena, n_words * sizeof *mask);
    if (tuple == NULL || mask == NULL)
        return false;
    memset(mask, 0, n_words * sizeof *mask);
    size_t len = 2;
    bool masked = false;
    mr_put_u16(tuple, row->cols->n_cols);
    const uint8_t *at = row->tuple.data + 2;
    for (uint16_t i = 0; i < row->cols->n_cols; i++) {
        struct mr_slice field = {at, mr_field_len(at)};
        struct mr_slice old;
        uint16_t idx;
        at += field.len;
        if (mr_row_is_masked(row->mask, i)) {
            if (mr_tuple_column(from->cols, from->tuple, row->cols->cols[i], &idx, &old) &&
                !mr_row_is_masked(from->mask, idx)) {
                field = old;
            } else {
                mask[i / 64] |= UINT64_C(1) << (i % 64);
                masked = true;
            }
        }
        memcpy(tuple + len, field.data, field.len);
        len += field.len;
    }
    moved->tuple = (struct mr_slice){tuple, len};
    moved->mask = masked ? mask : NULL;
    return true;
}

bool mr_past_move(const struct mr_rows *rows, const struct mr_row *row, struct mr_row *moved)
{
    const struct mr_row *deleted = delete_of(rows, row);
    *moved = *row;
    if (row->mask == NULL) {
        moved->past = NULL;
        return true;
    }
    if (!mr_past_keep(rows->arena, row, moved))
        return false;
    if (deleted == NULL) /* a tomb may know it, but never where the delete is here */
        return left_by(rows, row) != NULL ||
               keep(rows->arena, row->key_tuple, &moved->past->new_key_tuple);
    const struct mr_row_past *ended = deleted->past;
    bool known = ended != NULL && ended->cols != NULL;
    if (known && !fill(rows->arena, ended, row, moved))
        return false;
    if (moved->mask == NULL) {
        moved->past = NULL;
        return true;
    }
    if (known && ended->old_key.data != NULL)
        take_old(moved->past, ended); /* the key had been changed before */
    else
        moved->past->old_in_target = !known || !ended->replaced;
    return true;
}

static const struct mr_row_place *places_of(const struct mr_row *row)
{
    return row->past != NULL ? row->past->places : NULL;
}

size_t mr_past_bytes(const struct mr_row *row)
{
    size_t n = 0;
    for (const struct mr_row_place *place = places_of(row); place != NULL; place = place->before)
        n += 2 * sizeof *place;
    return n;
}

/* One record more; copied, since a fold may be refused and tried again. */
static bool place_add(struct mr_arena *arena, uint32_t span_idx, int64_t offset,
                      const struct mr_row_place **places)
{
    struct mr_row_place *place = mr_arena_alloc(arena, sizeof *place);
    if (place == NULL)
        return false;
    *place = (struct mr_row_place){span_idx, offset, *places};
    *places = place;
    return true;
}

bool mr_past_fold(struct mr_arena *arena, const struct mr_row *a, const struct mr_row *b,
                  struct mr_row *kept)
{
    kept->past = NULL;
    if (kept->mask == NULL)
        return true;
    kept->past = b->past;
    if (mr_past_is_moved(b))
        return true;
    struct mr_row_past *past = a->past != NULL ? a->past : b->past;
    if (past == NULL)
        past = past_new(arena);
    if (past == NULL)
        return false;
    const struct mr_row_place *places = past->places;
    bool ok = place_add(arena, a->span_idx, a->offset, &places);
    /* a state of another partition was folded from several itself */
    const struct mr_row_place *more = past != b->past ? places_of(b) : NULL;
    for (; ok && more != NULL; more = more->before)
        ok = place_add(arena, more->span_idx, more->offset, &places);
    if (!ok)
        return false;
    if (a->past != NULL && b->past != NULL && !past->old_in_target)
        take_old(past, b->past);
    past->places = places;
    kept->past = past;
    return true;
}
