/* Inside of planning.c: what is kept of a topic's plan. */
#ifndef MR_CONSUMER_PLANNED_H
#define MR_CONSUMER_PLANNED_H

#include "consumer/planning.h"

/* A key's and a value's schema that came together; without gaps. */
struct planned_pair {
    struct mr_schema_ref key;
    struct mr_schema_ref value;
    size_t order;                            /* of being met first */
    struct mr_schema *made_key, *made_value; /* that were made of the record; else NULL */
};
struct planned_pairs {
    struct planned_pair items[MR_PLANNED_SCHEMAS];
    size_t n;
};

void planned_pairs_release(struct planned_pairs *pairs);

struct planned_sources; /* planned_source.h */

/* One topic in the making. */
struct planned_work {
    struct mr_planning *planning;
    struct mr_target *target;
    struct mr_route route;
    struct mr_table *before; /* NULL: absent */
    struct mr_table *table;  /* after what was wished so far; NULL: absent */
    struct mr_planned *out;
    struct planned_sources *sources; /* of a topic whose records name their tables; else NULL */
};

/* The schema that a key or value is written with; NULL where it has none. */
int planned_schema(const struct planned_work *work, const struct mr_schema_ref *ref, bool is_key,
                   struct mr_schema **out, struct mr_err *err);

void planned_trouble(struct mr_planned *out, const struct mr_err *err, const char *sql);
/* The wish in the target's own types. */
int planned_resolve(struct planned_work *work, struct mr_ddl *ddl, struct mr_err *err);
void planned_statement(struct planned_work *work, const struct mr_ddl *ddl);
int planned_apply(struct planned_work *work, const struct mr_ddl *ddl, struct mr_err *err);
/* What would mend the fault, in the arena; "". `shape` NULL: not known. */
const char *planned_by_hand(struct planned_work *work, const struct mr_shape *shape,
                            const struct mr_err *err);
/* The columns as this shape fills them, and what else could be widened; replaces those of before.
 */
void planned_columns(struct planned_work *work, const struct mr_shape *shape);
/* What the source loses of them, likewise. `plan` NULL: it could not be compiled. */
void planned_notes(struct planned_work *work, const struct mr_shape *shape,
                   const struct mr_plan *plan);

#endif
