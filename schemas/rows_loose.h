/* Keys that only the target can compare (contract.md F-33): rows of them are kept as they come, and
 * folded once the target told which keys are equal. Threads: fill, then write. */
#ifndef MR_SCHEMAS_ROWS_LOOSE_H
#define MR_SCHEMAS_ROWS_LOOSE_H

#include "schemas/rows.h"

/* Sets the key, of rows that are empty. Borrows its columns. */
void mr_rows_key(struct mr_rows *rows, const struct mr_colset *key);
/* Keys that differ in their canonical form, old ones (U-30) among them. Borrows from the rows. */
struct mr_loose_keys {
    struct mr_map by_key;    /* canonical key -> index + 1 */
    struct mr_slice *keys;   /* canonical */
    struct mr_slice *tuples; /* their key tuples */
    uint32_t n;
};
/* 0; -MR_NO_MEMORY. Gives: mr_loose_keys_release(), also after an error. */
int mr_loose_keys_make(struct mr_loose_keys *keys, const struct mr_rows *rows, struct mr_err *err);
void mr_loose_keys_release(struct mr_loose_keys *keys);
/* Folds the rows in their order, as they would have been if equal keys had looked the same:
 * groups[i] is the least number of a key that the target holds equal to key i. Nothing has changed
 * on -MR_NO_MEMORY. */
int mr_rows_regroup(struct mr_rows *rows, const struct mr_loose_keys *keys, const uint32_t *groups,
                    const uint32_t *rank, struct mr_err *err);

#endif
