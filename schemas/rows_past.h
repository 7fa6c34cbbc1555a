/* A row's past, for rows.c alone: what a delete ended, where a masked row came from by a change of
 * its key, and which records a masked row was folded from. Thread: fill. */
#ifndef MR_SCHEMAS_ROWS_PAST_H
#define MR_SCHEMAS_ROWS_PAST_H

#include "schemas/rows.h"

/* A delete of the key whose state is `a`. False: the arena has no room. */
bool mr_past_delete(struct mr_arena *arena, const struct mr_row *a, struct mr_row *kept);

/* The other key that a row's past names, in the arena. False: no room. */
bool mr_past_keep(struct mr_arena *arena, const struct mr_row *row, struct mr_row *kept);

/* U-30, U-32: the note of a row that leaves its key or comes from another one, as its past names
 * them: made before the row is added (NULL: the arena has no room), and put afterwards. */
struct mr_row_left *mr_past_leave(const struct mr_rows *rows, const struct mr_row *row);
void mr_past_left(struct mr_rows *rows, const struct mr_row *row, struct mr_row_left *left);

/* before states of several partitions are folded, marks the rows that left such keys. */
void mr_past_unsure(struct mr_rows *rows);

/* U-30: `row` as it is to be added, where it came as `came` says: finds the half of the change that
 * left, if this partition has brought it. Its masked columns are looked for at the flush, when all
 * is known that the batch has of the old key. False: the arena has no room. */
bool mr_past_move(const struct mr_rows *rows, const struct mr_row *row, struct mr_row_left *came,
                  struct mr_row *moved);

/* Is `row` a new row of its key, whose masked columns are not its key's former ones? */
static inline bool mr_past_is_moved(const struct mr_row *row)
{
    return row->past != NULL && row->past->came != NULL;
}

/* Room that folding `row` onto another state takes for its past, at most. */
size_t mr_past_bytes(const struct mr_row *row);

/* U then U: the past of `kept`, which has its mask already. False: the arena has no room, and
 * nothing changed. */
bool mr_past_fold(struct mr_arena *arena, const struct mr_row *a, const struct mr_row *b,
                  struct mr_row *kept);

#endif
