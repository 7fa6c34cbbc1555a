/* A lane's way from a record to its table where the route is by source (contract.md E-30): (rule,
 * value schema) -> where the names stand, or why nowhere; (rule, topic, names) -> target. A hit
 * allocates nothing. A miss of the first asks the registry and may block: the lane leaves its
 * reading section for it. Both are bounded. Thread: fill of one lane. */
#ifndef MR_CONSUMER_LOCATORS_H
#define MR_CONSUMER_LOCATORS_H

#include "consumer/plans.h"

enum { MR_LOCATORS_MAX = 4096, MR_LOCATORS_MAX_NAMES = 4096 };

struct mr_locators;

/* The targets are borrowed. NULL when memory is out. */
struct mr_locators *mr_locators_new(struct mr_targets *targets, struct mr_env env);
void mr_locators_free(struct mr_locators *locators); /* NULL is allowed */

/* The target that the value names. `want` says rule (by its target), topic and value schema.
 * -MR_EMPTY: resolve first. -MR_SKIP: such values carry nothing to load. Errors: those of
 * mr_locator_make, mr_locate and mr_targets_for_source. Never blocks. */
int mr_locators_find(struct mr_locators *locators, const struct mr_plan_for *want,
                     struct mr_slice value, struct mr_target **out, struct mr_err *err);

/* Makes the locator of want's value schema; waits at most about `deadline_ms`. What fails for good
 * is remembered for a minute. */
int mr_locators_resolve(struct mr_locators *locators, const struct mr_plan_for *want,
                        uint32_t deadline_ms, struct mr_err *err);

#endif
