/* The order in which a flush loads its tables: what another table refers to comes before it
 * (contract.md R-13), else by name. Tables that refer to each other in a circle stay together.
 * Pure.
 */
#ifndef MR_CONSUMER_FLUSH_ORDER_H
#define MR_CONSUMER_FLUSH_ORDER_H

#include "base/err.h"
#include "schemas/table.h"

struct mr_flush_place {
    uint32_t idx;    /* in the tables */
    bool referenced; /* by another of them */
    bool circular;   /* in a circle with others, or refers to itself */
};

/* Of `tables`, sorted by schema and name, makes the places of n_tables in the order of loading.
 * `out` NULL: none refers to another or itself, and they are loaded as they are. Gives: free().
 * 0, or -MR_NO_MEMORY. */
int mr_flush_order_make(struct mr_table *const *tables, size_t n_tables,
                        struct mr_flush_place **out, struct mr_err *err);

#endif
