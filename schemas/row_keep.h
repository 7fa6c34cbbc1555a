/* Copies of a row's parts in the batch's arena, for the makers of rows. Each gives false where the
 * arena has no room. Thread: that of the rows. */
#ifndef MR_SCHEMAS_ROW_KEEP_H
#define MR_SCHEMAS_ROW_KEEP_H

#include "base/arena.h"
#include "schemas/row.h"

/* `from`, which may be `*to`; without data it stays so. */
bool mr_slice_keep(struct mr_arena *arena, struct mr_slice from, struct mr_slice *to);

/* The mask of `from`, of which `to` is a copy or the same row. */
bool mr_mask_keep(struct mr_arena *arena, const struct mr_row *from, struct mr_row *to);

#endif
