/* A row's past, for rows.c alone: what a delete ended, whose values a masked row takes after a
 * change of its key, and which records a masked row was folded from. Thread: fill. */
#ifndef MR_SCHEMAS_ROWS_PAST_H
#define MR_SCHEMAS_ROWS_PAST_H

#include "schemas/rows.h"

/* A delete of the key whose state is `a`. False: the arena has no room. */
bool mr_past_delete(struct mr_arena *arena, const struct mr_row *a, struct mr_row *kept);

/* The other key that a row's past names, in the arena. False: no room. */
bool mr_past_keep(struct mr_arena *arena, const struct mr_row *row, struct mr_row *kept);

/* U-32: what is kept of a delete whose past names a new key, before it is added; and afterwards.
 * False: the arena has no room. */
bool mr_past_leave(struct mr_arena *arena, const struct mr_row *row, struct mr_row_left **left);
void mr_past_left(struct mr_rows *rows, struct mr_row_left *left);
/* The row under the new key is in the batch, too: nothing need be kept of the one that left. */
void mr_past_taken(const struct mr_rows *rows, const struct mr_row *row);

/* U-30: completes the masked columns of `row`, whose past names an old key, from the state that
 * this partition's delete of the old key ended. What the batch does not know stays masked, and
 * `moved` says where else it may be. False: the arena has no room. */
bool mr_past_move(const struct mr_rows *rows, const struct mr_row *row, struct mr_row *moved);

/* Is `row` a new row of its key, whose masked columns are not its key's former ones? */
static inline bool mr_past_is_moved(const struct mr_row *row)
{
    return row->past != NULL && row->past->old_in_target;
}

/* Room that folding `row` onto another state takes for its past, at most. */
size_t mr_past_bytes(const struct mr_row *row);

/* U then U: the past of `kept`, which has its mask already. False: the arena has no room, and
 * nothing changed. */
bool mr_past_fold(struct mr_arena *arena, const struct mr_row *a, const struct mr_row *b,
                  struct mr_row *kept);

#endif
