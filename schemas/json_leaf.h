/* The inside of json_avro.c (containers) and json_leaf.c (leaves). Threads: one owner. */
#ifndef MR_SCHEMAS_JSON_LEAF_H
#define MR_SCHEMAS_JSON_LEAF_H

#include "schemas/json_avro.h"
#include "schemas/semantic.h"

/* Any type but a record, array, map and union. */
int mr_json_leaf_put(struct mr_json_avro *j, struct mr_json_at at, const struct mr_typed *typed);
/* A number where the schema has a VariableScaleDecimal: its own scale. */
int mr_json_leaf_var_decimal(struct mr_json_avro *j, struct mr_json_at at,
                             const struct mr_avro_node *node);

/* A string's characters, unescaped into `scratch` where need be: until the next call. Errors:
 * value.utf8. */
int mr_json_leaf_text(struct mr_json_avro *j, struct mr_json_at at, struct mr_slice *out);

/* Where a fault is told: nowhere while a union's branch is tried. */
struct mr_err *mr_json_told(struct mr_json_avro *j);
int mr_json_misfit(struct mr_json_avro *j, struct mr_json_at at, const char *wanted);

/* Pays for `n` steps; what is left of a budget that does not suffice is nothing. */
static inline bool mr_json_spend(struct mr_json_avro *j, uint64_t n)
{
    bool enough = j->budget >= n;
    j->budget = enough ? j->budget - n : 0;
    return enough;
}

/* The failure when there is nothing to pay with. */
int mr_json_spent(struct mr_json_avro *j);

static inline enum mr_json_kind mr_json_kind_at(struct mr_json_at at)
{
    return (enum mr_json_kind)at.doc->tokens[at.token].kind;
}

static inline bool mr_json_is_number(struct mr_json_at at)
{
    return mr_json_kind_at(at) == MR_JSON_INTEGER || mr_json_kind_at(at) == MR_JSON_REAL;
}

#endif
