/* Plans by number, for fuzzing: each number stands for one pair of schemas, one table and one
 * emitter, so that an input of a fuzz target names its plan in two bytes and the plan is compiled
 * once. Threads: one. */
#ifndef MR_TESTS_SUPPORT_RANDOM_PLAN_H
#define MR_TESTS_SUPPORT_RANDOM_PLAN_H

#include "schemas/plan.h"

enum { RANDOM_PLAN_EMITS = 4 };

struct random_plan {
    /* One for each emitter, over the same schemas and table; NULL: this combination of types is
     * refused when it is compiled. */
    struct mr_plan *plans[RANDOM_PLAN_EMITS];
    struct mr_schema *key;
    struct mr_schema *value;
};

/* Makes plan `number`; the table's columns are those that the shape asks for, or columns of other
 * types. Gives: random_plan_release(). */
void random_plan_make(uint32_t number, const struct mr_emit_ops *const emits[RANDOM_PLAN_EMITS],
                      struct random_plan *out);
void random_plan_release(struct random_plan *plan);

/* The parts of which plans are made, for other generators. */
struct random_maker {
    uint64_t rng;
    unsigned n_names; /* of named types, which a schema defines once */
    struct mr_buf text;
};
unsigned random_below(struct random_maker *maker, unsigned n);
/* Appends a type as JSON; random_key_type: one of those that a key can have. */
void random_type(struct random_maker *maker, unsigned depth);
void random_key_type(struct random_maker *maker);
/* The text as a schema; NULL: it is none. */
struct mr_schema *random_parse(struct random_maker *maker);
/* Another type for a column; most combinations are refused by the compiler, which is a test too. */
void random_column(struct random_maker *maker, struct mr_coltype *type);

#endif
