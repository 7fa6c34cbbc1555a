/* Owns compiling single ops: how a value is read, and by which conversion it reaches its column.
 * Must not know where the value stands in a record. */
#include "schemas/plan_ops.h"

#include "base/ban.h"

static int no_memory(struct mr_op_make *make)
{
    return mr_err_set(make->err, MR_NO_MEMORY, "compiling a plan");
}

struct mr_op *mr_op_room(struct mr_op_make *make, uint32_t n)
{
    struct mr_op *ops = mr_arena_alloc(&make->plan->arena, (size_t)n * sizeof *ops);
    if (ops == NULL)
        (void)no_memory(make);
    return ops;
}

static enum mr_op_wire wire_of(const struct mr_typed *typed)
{
    static const uint8_t wires[] = {
        [MR_AV_NULL] = MR_W_NULL,   [MR_AV_BOOLEAN] = MR_W_BOOLEAN, [MR_AV_INT] = MR_W_INT,
        [MR_AV_LONG] = MR_W_LONG,   [MR_AV_FLOAT] = MR_W_FLOAT,     [MR_AV_DOUBLE] = MR_W_DOUBLE,
        [MR_AV_BYTES] = MR_W_BYTES, [MR_AV_STRING] = MR_W_BYTES,    [MR_AV_RECORD] = MR_W_NESTED,
        [MR_AV_ENUM] = MR_W_ENUM,   [MR_AV_FIXED] = MR_W_FIXED,     [MR_AV_ARRAY] = MR_W_NESTED,
        [MR_AV_MAP] = MR_W_NESTED,  [MR_AV_UNION] = MR_W_NESTED,
    };
    if (typed->semantic == MR_SEM_VAR_DECIMAL)
        return MR_W_VAR_DECIMAL;
    return (enum mr_op_wire)wires[typed->node->kind];
}

static int op_symbols(struct mr_op_make *make, struct mr_op *op)
{
    const struct mr_avro_node *node = op->typed.node;
    struct mr_slice *symbols =
        mr_arena_alloc(&make->plan->arena, (size_t)node->n_symbols * sizeof *symbols);
    if (symbols == NULL)
        return no_memory(make);
    for (uint32_t i = 0; i < node->n_symbols; i++)
        symbols[i] = mr_slice_str(node->symbols[i]);
    op->symbols = symbols;
    return 0;
}

int mr_op_skip(struct mr_op_make *make, const struct mr_typed *typed, struct mr_op *out)
{
    (void)make;
    *out = (struct mr_op){.wire = (uint8_t)wire_of(typed),
                          .null_branch = (int8_t)typed->null_branch,
                          .field = MR_NO_IDX,
                          .slot = MR_NO_IDX,
                          .typed = *typed,
                          .column = ""};
    if (typed->node->kind == MR_AV_FIXED)
        out->size = typed->node->size;
    else if (typed->node->kind == MR_AV_ENUM)
        out->size = typed->node->n_symbols;
    return 0;
}

static int incompatible(struct mr_op_make *make, const struct mr_op_target *target)
{
    const struct mr_column *column = target->column;
    mr_err_in(make->err, NULL, column->name);
    const char *from = target->typed->props->connect_name != NULL
                           ? target->typed->props->connect_name
                           : mr_avro_kind_name(target->typed->node->kind);
    const struct mr_coltype *to = &column->type;
    bool array = to->elem != MR_T_NONE;
    return mr_err_set(make->err, MR_TYPE_INCOMPATIBLE, "'%s': %s into %s%s", column->name, from,
                      to->sql != NULL ? to->sql : mr_type_name(array ? to->elem : to->type),
                      to->sql == NULL && array ? "[]" : "");
}

/* item by item into E[], else the array as a document. */
static bool find_array(struct mr_convert_from *from, struct mr_op *op)
{
    struct mr_typed items;
    struct mr_coltype elem = op->to;
    mr_typed_items(&op->typed, &items);
    from->typed = &items;
    elem.type = op->to.elem;
    elem.oid = op->to.elem_oid;
    op->wire = MR_W_ARRAY;
    if (!mr_convert_find(from, &elem, &op->convert))
        return false;
    from->typed = &op->typed;
    return true;
}

int mr_op_column(struct mr_op_make *make, const struct mr_op_target *target, struct mr_op *out)
{
    int rc = mr_op_skip(make, target->typed, out);
    if (rc < 0)
        return rc;
    out->mapped = true;
    out->field = target->field;
    out->slot = target->slot;
    out->to = target->column->type;
    out->column = target->column->name;
    out->not_null = target->column->not_null;
    out->detect = make->route->unavailable_detect && make->route->placeholder_len > 0;
    struct mr_convert_from from = {.typed = target->typed,
                                   .unit = target->source->unit,
                                   .cast = target->source->cast,
                                   .sentinels = make->postgres};
    bool found = target->typed->semantic == MR_SEM_ARRAY && out->to.type == MR_T_ARRAY
                     ? find_array(&from, out)
                     : mr_convert_find(&from, &out->to, &out->convert);
    if (!found)
        return incompatible(make, target);
    if (target->slot != MR_NO_IDX && (out->wire == MR_W_ARRAY || out->wire == MR_W_NESTED))
        return mr_err_set(make->err, MR_KEY_UNSUPPORTED, "key column '%s' is %s",
                          target->column->name, mr_avro_kind_name(target->typed->node->kind));
    return out->wire == MR_W_ENUM ? op_symbols(make, out) : 0;
}
