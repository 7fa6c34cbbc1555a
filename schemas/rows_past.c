/* Owns what a few rows must know of earlier states (contract.md U-30, U-31, R-05). Must not fold:
 * that is rows.c's. Invariant: everything it makes is in the batch's arena. */
#include "schemas/rows_past.h"

#include "schemas/row_keep.h"

#include "base/ban.h"

enum { LEFT_LOOK_BACK = 16, LEFT_LOOK_BACK_ALL = 512 };

static struct mr_row_past *past_new(struct mr_arena *arena)
{
    struct mr_row_past *past = mr_arena_alloc(arena, sizeof *past);
    if (past != NULL)
        *past = (struct mr_row_past){.cols = NULL};
    return past;
}

bool mr_past_delete(struct mr_arena *arena, const struct mr_row *a, struct mr_row *kept)
{
    kept->past = a->past;
    if (a->op == MR_ROW_DELETE)
        return true; /* the first one ended the state */
    kept->past = past_new(arena);
    if (kept->past == NULL)
        return false;
    kept->past->came = a->past != NULL ? a->past->came : NULL;
    kept->past->cols = a->cols;
    kept->past->tuple = a->tuple;
    kept->past->mask = a->mask;
    kept->past->replaced = (a->flags & MR_ROW_REPLACED) != 0;
    return true;
}

/* The key's state in the partition that `row` came by. Guards order the partitions by themselves.
 */
static const struct mr_row *state_of(const struct mr_rows *rows, const struct mr_row *row,
                                     const struct mr_slice *key)
{
    uintptr_t at = (uintptr_t)mr_map_find(&rows->by_key, key->data, key->len);
    while (at != 0 && !rows->guard.on && rows->rows[at - 1].span_idx != row->span_idx)
        at = rows->rows[at - 1].sibling;
    return at != 0 ? &rows->rows[at - 1] : NULL;
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
        tuple = (struct mr_slice){guard, 2 + mr_field_len(guard + 2)};
    *left = (struct mr_row_left){.span_idx = row->span_idx, .offset = row->offset, .came = !leaves};
    const struct mr_row *state = leaves ? state_of(rows, row, &row->key) : NULL;
    left->gone = (state != NULL && state->op == MR_ROW_DELETE) || (row->flags & MR_ROW_BEHIND) != 0;
    bool ok = mr_slice_keep(arena, leaves ? row->key : row->past->old_key, &left->key) &&
              mr_slice_keep(arena, leaves ? row->key_tuple : row->past->old_key_tuple,
                            &left->key_tuple) &&
              mr_slice_keep(arena, leaves ? row->past->new_key_tuple : row->key_tuple,
                            &left->new_key_tuple) &&
              mr_slice_keep(arena, tuple, &left->tuple);
    return ok ? left : NULL;
}

void mr_past_unsure(struct mr_rows *rows)
{
    for (struct mr_row_left *left = rows->left; left != NULL; left = left->before) {
        uintptr_t at = (uintptr_t)mr_map_find(&rows->by_key, left->key.data, left->key.len);
        left->unsure = left->unsure || (at != 0 && rows->rows[at - 1].sibling != 0);
    }
}

/* The other half of the change that brought `came`. The connector writes the two records of a
 * change behind each other, with a tombstone between, so that in one partition the one is among the
 * last that left. */
static struct mr_row_left *left_by(const struct mr_rows *rows, const struct mr_row_left *came)
{
    int n_own = 0;
    int n = 0;
    for (struct mr_row_left *left = rows->left;
         left != NULL && n_own < LEFT_LOOK_BACK && n < LEFT_LOOK_BACK_ALL; left = left->before) {
        n++;
        if (left->span_idx != came->span_idx)
            continue;
        n_own++;
        if (!left->came && !left->plain && mr_slice_eq(left->new_key_tuple, came->new_key_tuple) &&
            mr_slice_eq(left->key_tuple, came->key_tuple) &&
            mr_rows_same_change(rows, left->tuple, came->tuple))
            return left;
    }
    return NULL;
}

/* Did the delete that made this state name the key under which its row goes on? */
static bool is_named(const struct mr_rows *rows, const struct mr_row *state,
                     const struct mr_row_left *came)
{
    int n = 0;
    for (const struct mr_row_left *left = rows->left; left != NULL && n < LEFT_LOOK_BACK_ALL;
         left = left->before) {
        n++;
        if (!left->came && !left->plain && left->past == state->past &&
            mr_slice_eq(left->key_tuple, came->key_tuple))
            return true;
    }
    return false;
}

/* A delete that names no other key, but by the same partition: it is that of the change all the
 * same. Of another partition it may be ahead or behind. False: the arena has no room. */
static bool plain_by(const struct mr_rows *rows, const struct mr_row *row, struct mr_row_left *came)
{
    const struct mr_row *state = state_of(rows, row, &came->key);
    if (state == NULL || state->op != MR_ROW_DELETE || state->span_idx != row->span_idx ||
        mr_slice_eq(came->key_tuple, row->key_tuple) || is_named(rows, state, came))
        return true;
    came->of = mr_arena_alloc(rows->arena, sizeof *came->of);
    if (came->of == NULL)
        return false;
    *came->of = *came;
    came->of->came = false;
    came->of->of = NULL;
    came->of->plain = true;
    came->of->gone = (state->flags & MR_ROW_BEHIND) != 0;
    came->of->past = state->past;
    return true;
}

bool mr_past_move(const struct mr_rows *rows, const struct mr_row *row, struct mr_row_left *came,
                  struct mr_row *moved)
{
    *moved = *row;
    moved->past = NULL;
    came->of = left_by(rows, came);
    if (came->of != NULL && came->of->taken) { /* by another change */
        came->of = NULL;
        came->lost = true;
    }
    if (row->mask == NULL)
        return true;
    moved->past = past_new(rows->arena);
    if (moved->past == NULL)
        return false;
    moved->past->came = came;
    return came->of != NULL || came->lost || plain_by(rows, row, came);
}

void mr_past_left(struct mr_rows *rows, const struct mr_row *row, struct mr_row_left *left)
{
    const struct mr_row *state;
    if (left->of != NULL)
        left->of->taken = true;
    if (left->of != NULL && left->of->plain) { /* it is asked whether it is unsure, too */
        left->of->before = rows->left;
        rows->left = left->of;
    }
    if (!left->came) {
        state = state_of(rows, row, &left->key);
        left->past = state != NULL ? state->past : NULL;
    }
    left->before = rows->left;
    rows->left = left;
}

bool mr_past_keep(struct mr_arena *arena, const struct mr_row *row, struct mr_row *moved)
{
    const struct mr_row_past *from = row->past;
    struct mr_row_past *past = past_new(arena);
    moved->past = past;
    return past != NULL && mr_slice_keep(arena, from->old_key, &past->old_key) &&
           mr_slice_keep(arena, from->old_key_tuple, &past->old_key_tuple) &&
           mr_slice_keep(arena, from->new_key_tuple, &past->new_key_tuple);
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
    past->places = places;
    kept->past = past;
    return true;
}
