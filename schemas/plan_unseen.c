/* Owns telling which columns' unavailable values have no form by which they could be known
 * (contract.md U-12, U-13): they arrive as null, and an update then writes it. Looked at once, when
 * a plan is made. */
#include <string.h>

#include "schemas/plan_ops.h"

#include "base/ban.h"

/* Items whose arrays have no placeholder; strings may be any type's, and those of text have one. */
static bool item_is_unseen(const struct mr_typed *items)
{
    return items->semantic != MR_SEM_STRING && items->semantic != MR_SEM_JSON &&
           items->semantic != MR_SEM_UUID && items->semantic != MR_SEM_BYTES &&
           items->semantic != MR_SEM_INT32 && items->semantic != MR_SEM_DATE &&
           items->semantic != MR_SEM_INT64;
}

/* Of the types that PostgreSQL may store out of line. */
static bool is_unseen(const struct mr_typed *typed)
{
    struct mr_typed items;
    switch (typed->node->kind) {
    case MR_AV_BYTES:
    case MR_AV_FIXED:
        return typed->semantic == MR_SEM_DECIMAL || typed->semantic == MR_SEM_BITS;
    case MR_AV_RECORD:
        return typed->semantic < MR_SEM_S_DATE || typed->semantic > MR_SEM_S_DURATION;
    case MR_AV_ARRAY:
        mr_typed_items(typed, &items);
        return item_is_unseen(&items);
    case MR_AV_NULL:
    case MR_AV_BOOLEAN:
    case MR_AV_INT:
    case MR_AV_LONG:
    case MR_AV_FLOAT:
    case MR_AV_DOUBLE:
    case MR_AV_STRING:
    case MR_AV_ENUM:
    case MR_AV_MAP:
    case MR_AV_UNION:
    default:
        return false;
    }
}

static bool op_is_unseen(const struct mr_plan *plan, const struct mr_op *op)
{
    return plan->postgres && plan->layout == MR_LAYOUT_ENVELOPE && op->mapped && op->detect &&
           !op->null_masks && op->slot == MR_NO_IDX && is_unseen(&op->typed);
}

bool mr_plan_is_unseen(const struct mr_plan *plan, const char *column)
{
    for (uint32_t i = 0; i < plan->row.n; i++) {
        const struct mr_op *op = &plan->row.ops[i];
        if (op_is_unseen(plan, op) && strcmp(op->column, column) == 0)
            return true;
    }
    return false;
}

uint32_t mr_plan_unseen(const struct mr_plan *plan, struct mr_buf *names)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < plan->row.n; i++) {
        if (!op_is_unseen(plan, &plan->row.ops[i]))
            continue;
        mr_buf_str(names, n++ > 0 ? "," : "");
        mr_buf_str(names, plan->row.ops[i].column);
    }
    return n;
}
