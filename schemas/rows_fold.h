/* U then U: two states of one key become one, for rows.c alone. Thread: fill. */
#ifndef MR_SCHEMAS_ROWS_FOLD_H
#define MR_SCHEMAS_ROWS_FOLD_H

#include "schemas/rows.h"

/* `kept` is the new state; its key is the earlier row's. False: the arena has no room.
 */
bool mr_fold_upserts(struct mr_arena *arena, const struct mr_row *a, const struct mr_row *b,
                     struct mr_row *kept);

#endif
