/* Owns compiling a guard: which reads of a record give its inputs, and which column keeps it. Must
 * not read records. */
#include "schemas/plan_ops.h"

#include "base/ban.h"

void mr_guard_mark(const struct mr_guard *guard, int field, struct mr_op *op)
{
    for (uint16_t i = 0; i < guard->n_inputs; i++) {
        if (guard->field[i] != field)
            continue;
        op->capture = op->capture == MR_CAPTURE_SOURCE_TS ? MR_CAPTURE_GUARD_TS : MR_CAPTURE_GUARD;
        op->slot = i;
    }
}

/* Reads all fields of a row, and keeps the guard's. `record` may be before's own type, whose fields
 * are found by name. */
static int row_program(struct mr_op_make *make, const struct mr_avro_node *record,
                       struct mr_ops *out)
{
    const struct mr_guard *guard = &make->plan->guard;
    struct mr_op *ops = mr_op_room(make, record->n_fields);
    if (ops == NULL)
        return -MR_NO_MEMORY;
    for (uint16_t i = 0; i < record->n_fields; i++) {
        struct mr_typed typed;
        mr_typed_of(record->fields[i].type, &record->fields[i].props, &typed);
        int rc = mr_op_skip(make, &typed, &ops[i]);
        if (rc < 0)
            return rc;
        int at =
            record == guard->record ? i : mr_envelope_field(guard->record, record->fields[i].name);
        if (at >= 0)
            mr_guard_mark(guard, at, &ops[i]);
        if (ops[i].capture != MR_CAPTURE_NONE && guard->kind == MR_GUARD_FIELDS)
            (void)mr_convert_leaf(&typed, &ops[i].convert);
    }
    *out = (struct mr_ops){.ops = ops, .n = record->n_fields};
    return 0;
}

/* O-10: the column's type is the guard's own, since the target compares it. */
static int column_check(struct mr_op_make *make, const struct mr_column *column)
{
    enum mr_type want = make->plan->guard.single ? MR_T_INT8 : MR_T_BYTEA;
    if (column->type.type == want)
        return 0;
    mr_err_in(make->err, NULL, column->name);
    return mr_err_set(make->err, MR_TYPE_INCOMPATIBLE, "guard column '%s' is %s, not %s",
                      column->name, mr_type_name(column->type.type), mr_type_name(want));
}

/* What an emitter writes before a value's octets. */
static uint8_t bytes_before(const struct mr_emit_ops *emit)
{
    static const struct mr_coltype to = {.type = MR_T_BYTEA, .length = -1, .precision = -1};
    struct mr_buf probe = MR_BUF_INIT;
    emit->bytes(&probe, &to, (const uint8_t *)"x", 1);
    size_t n = probe.len > 5 ? probe.len - 5 : 0; /* the length word, and the octet itself */
    mr_buf_release(&probe);
    return (uint8_t)(n < UINT8_MAX ? n : UINT8_MAX);
}

int mr_guard_compile(struct mr_op_make *make, const struct mr_shape *shape)
{
    struct mr_plan *plan = make->plan;
    plan->guard = shape->guard;
    if (plan->guard.kind == MR_GUARD_NONE)
        return 0;
    int rc = 0;
    plan->guard_column = mr_arena_copy(&plan->arena, make->route->guard_column,
                                       strlen(make->route->guard_column) + 1);
    if (plan->guard_column == NULL)
        return mr_err_set(make->err, MR_NO_MEMORY, "compiling a plan");
    if (!plan->guard.in_source)
        rc = row_program(make, plan->guard.record, &plan->guard_row);
    plan->guard_before = plan->guard_row;
    const struct mr_avro_node *before = shape->envelope.before_row;
    if (rc == 0 && !plan->guard.in_source && before != NULL && before != plan->guard.record)
        rc = row_program(make, before, &plan->guard_before);
    /* a table without a key has none to compare by */
    bool keyed = plan->table != NULL && shape->guard_idx != MR_NO_IDX;
    int at = keyed ? mr_table_column(plan->table, plan->guard_column) : -1;
    if (rc < 0 || at < 0)
        return rc;
    plan->guard_use = (struct mr_guard_use){.on = true,
                                            .single = plan->guard.single,
                                            .before = bytes_before(plan->emit),
                                            .col = (uint16_t)at,
                                            .tomb_ttl_ms = make->route->guard_tomb_ttl_ms,
                                            .position = make->route->guard != MR_GUARD_FIELDS};
    return column_check(make, &plan->table->columns[at]);
}
