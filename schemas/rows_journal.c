/* Owns the journal of folded rows, and the way back from states to the rows that made them. Must
 * not fold: that is rows.c's. */
#include "schemas/rows_journal.h"

#include <stdlib.h>

#include "base/memory.h"
#include "schemas/row_keep.h"
#include "schemas/rows_past.h"

#include "base/ban.h"

/* Does the fold keep the record's own tuple? All but that by columns does. */
static bool is_shared(const struct mr_row *state, const struct mr_row *came)
{
    if (state == NULL)
        return false;
    if (came->op == MR_ROW_DELETE || state->op == MR_ROW_DELETE)
        return true;
    return came->mask == NULL && state->cols == came->cols;
}

bool mr_journal_prepare(const struct mr_rows *rows, const struct mr_row *state,
                        const struct mr_row *came, bool folds, struct mr_journal_step *step)
{
    struct mr_arena *arena = rows->arena;
    bool notes_state = state != NULL && (state->flags & MR_ROW_NOTED) == 0;
    *step = (struct mr_journal_step){.shares = folds && is_shared(state, came)};
    if (notes_state) {
        step->state = mr_arena_alloc(arena, sizeof *step->state);
        if (step->state == NULL)
            return false;
        step->state->row = *state;
    }
    step->came = mr_arena_alloc(arena, sizeof *step->came);
    if (step->came == NULL)
        return false;
    struct mr_row *row = &step->came->row;
    *row = *came;
    if (state != NULL) {
        row->key = state->key;
        row->key_tuple = state->key_tuple;
    }
    bool ok = state != NULL || (mr_slice_keep(arena, row->key, &row->key) &&
                                mr_slice_keep(arena, row->key_tuple, &row->key_tuple));
    return ok && (step->shares || mr_slice_keep(arena, row->tuple, &row->tuple)) &&
           mr_mask_keep(arena, row, row) && (row->past == NULL || mr_past_keep(arena, row, row));
}

static void entry_add(struct mr_rows *rows, struct mr_row_entry *entry)
{
    entry->row.sibling = 0;
    entry->before = rows->journal;
    rows->journal = entry;
    rows->n_journal++;
}

void mr_journal_note(struct mr_rows *rows, const struct mr_journal_step *step, struct mr_row *state)
{
    if (step->shares)
        step->came->row.tuple = state->tuple;
    if (step->state != NULL) {
        step->state->at = 2 * (size_t)(state - rows->rows) + 1;
        entry_add(rows, step->state);
    }
    step->came->at = 2 * rows->n_rows;
    entry_add(rows, step->came);
    if (state != NULL)
        state->flags |= MR_ROW_NOTED;
}

/* ---- the way back ---- */

struct place {
    uint32_t rank;
    int64_t offset;
    size_t at;
    size_t seq; /* of a record's two rows the one that goes comes first */
    const struct mr_row *row;
};

static int compare_coming(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static struct place place_of(const struct mr_row *row, size_t at, size_t seq, const uint32_t *rank)
{
    uint32_t by = rank != NULL ? rank[row->span_idx] : row->span_idx;
    return (struct place){.rank = by, .offset = row->offset, .at = at, .seq = seq, .row = row};
}

int mr_rows_unfold(const struct mr_rows *rows, const uint32_t *rank, struct mr_unfolded *out,
                   struct mr_err *err)
{
    size_t n_max = rows->n_rows + rows->n_journal;
    struct place *places = mr_memory_given(calloc(n_max + 1, sizeof *places));
    *out = (struct mr_unfolded){.rows = calloc(n_max + 1, sizeof(struct mr_row *))};
    if (places == NULL || out->rows == NULL) {
        free(places);
        return mr_err_set(err, MR_NO_MEMORY, "%zu rows to be taken apart", n_max);
    }
    size_t n = 0;
    for (size_t i = 0; i < rows->n_rows; i++) {
        if ((rows->rows[i].flags & MR_ROW_NOTED) == 0)
            places[n++] = place_of(&rows->rows[i], 2 * i + 1, i, rank);
    }
    size_t seq = n_max;
    for (const struct mr_row_entry *entry = rows->journal; entry != NULL; entry = entry->before)
        places[n++] = place_of(&entry->row, entry->at, seq--, rank);
    qsort(places, n, sizeof *places, rows->guard.on ? compare_coming : compare_places);
    for (size_t i = 0; i < n; i++)
        out->rows[i] = places[i].row;
    out->n_rows = n;
    free(places);
    return 0;
}

void mr_unfolded_release(struct mr_unfolded *unfolded)
{
    free(unfolded->rows);
    *unfolded = (struct mr_unfolded){.n_rows = 0};
}
