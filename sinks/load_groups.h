/* Rows that can go into the target by one statement: same columns, same mask, same way. Used by the
 * strategies; the sink's put_rows wants such groups. Thread: write. */
#ifndef MR_SINKS_LOAD_GROUPS_H
#define MR_SINKS_LOAD_GROUPS_H

#include "sinks/load.h"

struct mr_load_group {
    const struct mr_colset *cols;
    const uint64_t *mask;       /* NULL: none */
    const struct mr_row **rows; /* in the order they came */
    size_t n_rows;
    bool all_inserts; /* each row is likely a new key */
};

struct mr_load_groups {
    struct mr_load_group *groups; /* masked ones first */
    size_t n_groups;
    const struct mr_row **rows; /* the groups' arrays, one behind the other */
};

/* Groups `n` rows; `by_mask` false: masks do not part them. Gives: mr_load_groups_release(), also
 * after an error (-MR_NO_MEMORY). */
int mr_load_groups_make(struct mr_load_groups *out, const struct mr_row *const *rows, size_t n,
                        bool by_mask, struct mr_err *err);
void mr_load_groups_release(struct mr_load_groups *groups);

#endif
