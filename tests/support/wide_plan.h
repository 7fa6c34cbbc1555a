/* Plans by number like those of random_plan.h, over all that a route can ask for: guards and their
 * sources, keys of every form (records, single values, raw bytes, from the value), documents and
 * single values, `before` of a type of its own, reader schemas, casts, units, meta columns,
 * constants, tables whose columns stand in another order, are missing or made by the table; from
 * WIDE_PLAN_NESTED on rows in columns of row types, arrays of them, and arrays in arrays, too.
 * Threads: one. */
#ifndef MR_TESTS_SUPPORT_WIDE_PLAN_H
#define MR_TESTS_SUPPORT_WIDE_PLAN_H

#include "schemas/plan.h"
#include "schemas/resolve.h"
#include "tests/support/random_plan.h"

enum { WIDE_PLAN_NESTED = 8192 };

struct wide_plan {
    /* One for each emitter; NULL: this combination is refused when it is compiled. */
    struct mr_plan *plans[RANDOM_PLAN_EMITS];
    struct mr_schema *key;
    struct mr_schema *value;      /* as the plan reads it; NULL: tombstones alone */
    struct mr_schema *writer;     /* as the bytes have it: `value`, or what resolves to it */
    struct mr_resolver *resolver; /* NULL: the bytes are the plan's */
};

/* Makes plan `number`. Gives: wide_plan_release(). */
void wide_plan_make(uint32_t number, const struct mr_emit_ops *const emits[RANDOM_PLAN_EMITS],
                    struct wide_plan *out);
void wide_plan_release(struct wide_plan *plan);

#endif
