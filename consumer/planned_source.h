/* Inside of planning.c: the tables of a topic whose records name theirs (contract.md E-30). */
#ifndef MR_CONSUMER_PLANNED_SOURCE_H
#define MR_CONSUMER_PLANNED_SOURCE_H

#include "consumer/planned.h"
#include "schemas/framing.h"

enum { MR_PLANNED_SOURCES = 256 }; /* tables of a topic that are looked at */

/* One of them. */
struct planned_source {
    struct mr_target *target;
    struct planned_pairs pairs;
    uint64_t n_records;
};

/* NULL when memory is out. */
struct planned_sources *planned_sources_new(void);
void planned_sources_free(struct planned_sources *sources); /* NULL is allowed */

/* The table that a value of the topic names; NULL where it carries nothing to load, or the table is
 * one too many. Errors: those of the registry, of mr_locator_make, mr_locate and
 * mr_targets_for_source. */
int planned_source_look(struct planned_work *work, const struct mr_frame *value,
                        struct planned_source **out, struct mr_err *err);
/* Each of them once, in the order of their first records; NULL at the end. */
struct planned_source *planned_sources_next(struct planned_sources *sources);

#endif
