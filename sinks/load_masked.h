/* Rows with unavailable values on their way into the target (contract.md section 4): values taken
 * from the row under an old key, updates of what is there, and what becomes of a row that is not.
 * Used by the strategies. Thread: write. */
#ifndef MR_SINKS_LOAD_MASKED_H
#define MR_SINKS_LOAD_MASKED_H

#include "sinks/load_groups.h"

/* Copies of rows whose masked columns were found; in `arena`. A run that is tried again finds them
 * again. */
struct mr_completed {
    struct mr_arena arena;
    struct mr_row *rows;
    size_t *of; /* index in the table's rows, ascending */
    size_t n_rows;
};

/* Completes the rows whose old key's row is in the target still or has left a tomb: to be called
 * before anything is deleted (U-30, U-32). Gives: mr_completed_release(), also after an error. */
int mr_masked_complete(struct mr_load *load, struct mr_completed *out, struct mr_err *err);
void mr_completed_release(struct mr_completed *completed);
/* The row to be put for row `idx`: its completed copy, or itself. `*at` begins with 0 and idx only
 * grows. */
const struct mr_row *mr_completed_row(const struct mr_completed *completed,
                                      const struct mr_rows *rows, size_t idx, size_t *at);

/* A group of masked rows: updates those that are there; of the others makes what the route's
 * unavailable_missing_row says (U-27, U-31). */
int mr_masked_put(struct mr_load *load, const struct mr_load_group *group, struct mr_err *err);
/* A group of masked rows that the target does not have. */
int mr_masked_missing(struct mr_load *load, const struct mr_load_group *missing,
                      struct mr_err *err);

/* load_loose.c: folds rows whose keys only the target can compare (F-33). */
int mr_load_regroup(struct mr_load *load, struct mr_err *err);

/* load_keyless.c: the rows of a table without a key. */
int mr_keyless_run(struct mr_load *load, struct mr_err *err);

#endif
