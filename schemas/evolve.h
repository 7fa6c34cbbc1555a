/* What evolve.c lends the plan compiler: the checks that hold at both times. */
#ifndef MR_SCHEMAS_EVOLVE_H
#define MR_SCHEMAS_EVOLVE_H

#include "schemas/shape.h"

/* The unique index that covers exactly the shape's key columns, the primary key first; NULL. */
const struct mr_unique *mr_evolve_key(const struct mr_shape *shape, const struct mr_table *table);

/* Does the route let the table grow (add, widen)? */
bool mr_evolve_adds(const struct mr_route *route);

/* Errors: target.no_unique_key, key.changed, target.not_null_missing. */
int mr_evolve_check(const struct mr_shape *shape, const struct mr_table *table, struct mr_err *err);

#endif
