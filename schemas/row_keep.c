/* Owns how a part of a row gets into an arena. Must not know what the row is kept for. */
#include "schemas/row_keep.h"

#include <string.h>

#include "base/ban.h"

enum { WORD_BITS = 64 };

bool mr_slice_keep(struct mr_arena *arena, struct mr_slice from, struct mr_slice *to)
{
    *to = from;
    if (from.data == NULL)
        return true;
    to->data = mr_arena_copy(arena, from.data, from.len);
    return to->data != NULL;
}

bool mr_mask_keep(struct mr_arena *arena, const struct mr_row *from, struct mr_row *to)
{
    to->mask = from->cols != NULL ? from->mask : NULL;
    if (to->mask == NULL)
        return true;
    size_t n_words = ((size_t)from->cols->n_cols + WORD_BITS - 1) / WORD_BITS;
    uint64_t *mask = mr_arena_alloc(arena, n_words * sizeof *mask);
    if (mask == NULL)
        return false;
    memcpy(mask, from->mask, n_words * sizeof *mask);
    to->mask = mask;
    return true;
}
