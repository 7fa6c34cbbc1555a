/* How a column of a shape fits the table's: for who shows a plan before it runs. Must agree with
 * what mr_plan_compile refuses; a test compares them. Pure. Threads: any. */
#ifndef MR_SCHEMAS_FIT_H
#define MR_SCHEMAS_FIT_H

#include "schemas/plan.h"

enum mr_fit {
    MR_FIT_EXACT,        /* every value of the field has its place */
    MR_FIT_CHECKED,      /* each value is checked: what does not fit is a record fault */
    MR_FIT_CAST,         /* staged as text, cast by the server */
    MR_FIT_LOSSY,        /* loses information, which the route's `cast` allows */
    MR_FIT_INCOMPATIBLE, /* type.incompatible */
    MR_FIT_GENERATED,    /* the table makes it itself (V-15) */
    MR_FIT_ABSENT,       /* the table has no such column */
};
const char *mr_fit_name(enum mr_fit fit);

/* Of the shape's column `idx`. *column: the table's column, -1 if it has none. */
enum mr_fit mr_fit_of(const struct mr_shape *shape, uint16_t idx, const struct mr_table *table,
                      int *column);

/* What the field is, for people: its connect.name, logical type, or bare type; "" for columns of
 * millrace's own. */
const char *mr_fit_source(const struct mr_shape *shape, uint16_t idx);

#endif
