/* What is known of rows just before they left their keys: by the batch, the target, and tombs
 * (contract.md U-30, U-32). Used by the strategies. Thread: write. */
#ifndef MR_SINKS_LOAD_LEFT_H
#define MR_SINKS_LOAD_LEFT_H

#include "sinks/load.h"

/* U-32: joins the halves of changes that different partitions have brought, by a guard that is the
 * source's position. To be called before the others. */
int mr_left_pair(struct mr_load *load, struct mr_err *err);

/* Of `n` rows, at most MR_READ_MAX_ROWS, each named by a half of its change (rows.h): one that left
 * is told as it was just before its delete, one that came as it was before it came. */
struct mr_left_find {
    struct mr_row_left *const *of;
    size_t n;
    const struct mr_colset *cols;
    struct mr_arena *arena;
    struct mr_slice *fields; /* for each row one a column, with its length word; data NULL where
                                nobody knows it for sure */
};
/* To be called before anything is deleted and before guards of the batch's deletes are put. */
int mr_left_find(struct mr_load *load, const struct mr_left_find *find, struct mr_err *err);

#endif
