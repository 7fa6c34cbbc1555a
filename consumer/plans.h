/* A lane's cache of plans: (target, key schema, value schema) -> compiled plan, or why there is
 * none. A hit costs one comparison for a run of like records. A miss asks registry, catalogue and
 * compiler, and may block: the lane leaves its reading section for it. Thread: fill of one lane. */
#ifndef MR_CONSUMER_PLANS_H
#define MR_CONSUMER_PLANS_H

#include "base/metrics.h"
#include "consumer/targets.h"
#include "schemas/plan.h"
#include "schemas/resolve.h"
#include "schemas/transcode.h"

enum { MR_PLANS_MAX = 4096 };

/* What a plan depends on. */
struct mr_plan_for {
    struct mr_target *target;
    const char *topic;
    struct mr_schema_ref key;
    struct mr_schema_ref value;
    bool envelope_topic;
    bool wants_row; /* the table is to be made where the record alone could not tell (plan.h) */
    const struct mr_transcode *made; /* where schemas of kind MR_REF_MADE are; NULL: none */
};

/* The schema that the key or value is written with, from the registry, the record itself or the
 * route; NULL where it has none. Gives a reference. Errors: those of mr_registry_get;
 * schema.invalid where the route refuses its names. */
int mr_plan_schema(const struct mr_plan_for *want, bool is_key, uint32_t deadline_ms,
                   struct mr_schema **out, struct mr_err *err);
/* S-01: with a reader schema the plan is its: `*schema` becomes that, and `*via` what a record is
 * resolved by. As it is where the reader, or the schema, is NULL. Errors: schema.unresolvable. */
int mr_plan_reader(struct mr_schema *reader, struct mr_schema **schema, struct mr_resolver **via,
                   struct mr_err *err);

struct mr_plans;

/* The sink is borrowed. NULL when memory is out. */
struct mr_plans *mr_plans_new(struct mr_sink *sink, struct mr_env env);
/* Fields that new plans read past are counted there; borrowed. Without, nothing is counted. */
void mr_plans_count_into(struct mr_plans *plans, struct mr_metrics *metrics);
/* Long alterations show life there (monotonic ms); borrowed. Without, they are silent. */
void mr_plans_show_life(struct mr_plans *plans, _Atomic uint64_t *moved_ms);
void mr_plans_free(struct mr_plans *plans);

/* 0 with a borrowed plan (valid until the next call that misses), a known fault's code, -MR_SKIP
 * where a key without value has no table to delete from, or -MR_EMPTY: it must be resolved. Never
 * blocks. */
int mr_plans_find(struct mr_plans *plans, const struct mr_plan_for *want, struct mr_plan **out,
                  struct mr_err *err);

/* Makes the plan: schemas from the registry, the table from the catalogue, DDL where the route
 * allows it. Waits at most about `deadline_ms` a step. What fails for good is remembered for a
 * minute. */
int mr_plans_resolve(struct mr_plans *plans, const struct mr_plan_for *want, uint32_t deadline_ms,
                     struct mr_plan **out, struct mr_err *err);

/* The plan is made anew when it is asked for next: its table is not what it was. */
void mr_plans_forget(struct mr_plans *plans, const struct mr_plan_for *want);

/* How the key or value of the plan that was given last becomes what that plan reads; NULL: it is as
 * it is. Borrowed as the plan. */
const struct mr_resolver *mr_plans_resolver(const struct mr_plans *plans, bool is_key);

#endif
