/* Values of rows whose key changes, kept from the batch with the delete of the old key to the one
 * with the new row (contract.md U-32): in a tomb, under the old key. Used by the strategies.
 * Thread: write. */
#ifndef MR_SINKS_LOAD_KEPT_H
#define MR_SINKS_LOAD_KEPT_H

#include "sinks/load.h"

/* Leaves a tomb for each row of the batch that goes on under a key which the batch does not have,
 * with all that is known of it: to be called before anything is deleted, and where the route keeps
 * such rows. A row that is not there leaves none, and takes away a former one. What rows that came
 * have left behind is used up. */
int mr_kept_leave(struct mr_load *load, struct mr_err *err);

/* What tombs have for rows that came, at most MR_READ_MAX_ROWS: for each of them one field a
 * column, with its length word; data NULL where no tomb of this very change has it. What is found
 * is used up. */
struct mr_kept_find {
    const struct mr_row_left *const *came;
    size_t n;
    const struct mr_colset *cols;
    struct mr_arena *arena;
    struct mr_slice *fields;
};
int mr_kept_find(struct mr_load *load, const struct mr_kept_find *find, struct mr_err *err);

#endif
