/* Types that nest, by chance: records, arrays of records and arrays in arrays, and columns of a
 * target that take them (contract.md T-47, T-60). Threads: one. */
#ifndef MR_TESTS_SUPPORT_NESTED_TYPES_H
#define MR_TESTS_SUPPORT_NESTED_TYPES_H

#include "base/arena.h"
#include "schemas/semantic.h"
#include "tests/support/random_plan.h"

/* Appends such a type as JSON. `depth` 0 at the outermost. */
void nested_type(struct random_maker *maker, unsigned depth);
/* A column's type that the value fits into, mostly: a row type, an array of one, an array of any
 * dimensions, or a scalar. In `arena`. */
void nested_column(struct random_maker *maker, struct mr_arena *arena, const struct mr_typed *typed,
                   struct mr_coltype *out);

#endif
