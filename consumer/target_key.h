/* The key that a table is loaded by. Rows of one batch are told apart by it, so it must not change
 * while the process runs unless the table's own did (contract.md V-10). Threads: any. */
#ifndef MR_CONSUMER_TARGET_KEY_H
#define MR_CONSUMER_TARGET_KEY_H

#include "consumer/targets.h"
#include "schemas/plan.h"

/* Compares the key of a shape (derived with `table`; NULL: absent) with the one that the target was
 * last loaded by, and keeps it where the table has a unique index for it. Another key is taken only
 * when the table no longer has the former one. Errors: key.changed (HALT). */
int mr_target_key_check(struct mr_target *target, const struct mr_shape *shape,
                        const struct mr_table *table, struct mr_err *err);

#endif
