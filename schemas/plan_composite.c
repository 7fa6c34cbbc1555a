/* Owns compiling records into row types of the target (contract.md T-47): which field fills which
 * attribute, and how. Must not run anything. */
#include "schemas/plan_ops.h"

#include "base/ban.h"

enum { MAX_NESTED = 16 };

/* The record behind arrays; its semantic is none of those that are one value. */
static bool is_plain_record(const struct mr_typed *typed)
{
    return typed->semantic == MR_SEM_NESTED && typed->node->kind == MR_AV_RECORD;
}

static bool is_array(const struct mr_typed *typed)
{
    return typed->node->kind == MR_AV_ARRAY && !mr_semantic_is_whole(typed->semantic);
}

bool mr_op_is_row(const struct mr_typed *typed, const struct mr_coltype *to)
{
    struct mr_typed items;
    if (to->type != MR_T_CAST || to->row == NULL)
        return false;
    if (to->elem == MR_T_NONE)
        return is_plain_record(typed);
    if (!is_array(typed))
        return false;
    mr_typed_items(typed, &items);
    return is_plain_record(&items);
}

/* P5: what has no place would be lost. */
static int no_attribute(struct mr_op_make *make, const struct mr_op_target *target,
                        const char *field)
{
    mr_err_in(make->err, NULL, target->column->name);
    return mr_err_set(make->err, MR_TYPE_INCOMPATIBLE, "'%s': %s has no attribute for field '%s'",
                      target->column->name, target->column->type.sql, field);
}

/* One field; `at` is its attribute, -1 where a cast lets it go. */
static int field_op(struct mr_op_make *make, const struct mr_op_target *target,
                    const struct mr_avro_field *field, int at, struct mr_op *op)
{
    struct mr_typed typed;
    const struct mr_shape_source source = {.detect_off = true, .cast = target->source->cast};
    mr_typed_of(field->type, &field->props, &typed);
    if (at < 0)
        return mr_op_skip(make, &typed, op);
    struct mr_op_target inner = {.column = &target->column->type.row->attrs[at],
                                 .source = &source,
                                 .typed = &typed,
                                 .field = (uint16_t)at,
                                 .slot = MR_NO_IDX};
    return mr_op_column(make, &inner, op);
}

static int row_ops(struct mr_op_make *make, const struct mr_op_target *target,
                   const struct mr_avro_node *record, struct mr_row_ops *row)
{
    const struct mr_composite *type = target->column->type.row;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): only const is taken off, and nothing written */
    const struct mr_table as_table = {.columns = (struct mr_column *)(uintptr_t)type->attrs,
                                      .n_columns = type->n};
    struct mr_op *ops = mr_op_room(make, record->n_fields);
    if (ops == NULL)
        return -MR_NO_MEMORY;
    for (uint32_t i = 0; i < record->n_fields; i++) {
        int at = mr_table_column(&as_table, record->fields[i].name);
        for (uint32_t k = 0; k < i && at >= 0; k++) {
            if (ops[k].mapped && ops[k].field == at)
                return no_attribute(make, target, record->fields[i].name);
        }
        if (at < 0 && !target->source->cast)
            return no_attribute(make, target, record->fields[i].name);
        int rc = field_op(make, target, &record->fields[i], at, &ops[i]);
        if (rc < 0)
            return rc;
    }
    *row = (struct mr_row_ops){.ops = {.ops = ops, .n = record->n_fields}, .n_attrs = type->n};
    return 0;
}

int mr_op_row(struct mr_op_make *make, const struct mr_op_target *target, struct mr_op *op)
{
    struct mr_typed record = op->typed;
    if (target->slot != MR_NO_IDX)
        return mr_err_set(make->err, MR_KEY_UNSUPPORTED, "key column '%s' is a record",
                          target->column->name);
    if (make->n_nested == MAX_NESTED)
        return mr_err_set(make->err, MR_TYPE_INCOMPATIBLE, "'%s': more than %d row types nested",
                          target->column->name, MAX_NESTED);
    op->wire = MR_W_ROW;
    op->n_levels = 0;
    if (target->column->type.elem != MR_T_NONE) {
        mr_typed_items(&op->typed, &record);
        op->n_levels = 1;
    }
    struct mr_row_ops *row = mr_arena_alloc(&make->plan->arena, sizeof *row);
    if (row == NULL)
        return mr_err_set(make->err, MR_NO_MEMORY, "compiling a plan");
    make->n_nested++;
    int rc = row_ops(make, target, record.node, row);
    make->n_nested--;
    op->row = row;
    return rc;
}
