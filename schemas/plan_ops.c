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
    if (mr_semantic_is_whole(typed->semantic))
        return MR_W_WHOLE;
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

void mr_op_branch(const struct mr_typed *typed, uint32_t n_inner, struct mr_op *out)
{
    *out = (struct mr_op){.wire = MR_W_RECORD,
                          .null_branch = (int8_t)typed->null_branch,
                          .field = MR_NO_IDX,
                          .slot = MR_NO_IDX,
                          .size = n_inner,
                          .typed = *typed,
                          .column = ""};
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

/* The column's element as a type; its `elem` still says that it is one. */
static struct mr_coltype element_of(const struct mr_coltype *to)
{
    struct mr_coltype elem = *to;
    elem.type = to->elem;
    elem.oid = to->elem_oid;
    return elem;
}

/* item by item into E[]. */
static bool find_array(struct mr_convert_from *from, struct mr_op *op)
{
    struct mr_typed items;
    struct mr_coltype elem = element_of(&op->to);
    mr_typed_items(&op->typed, &items);
    from->typed = &items;
    op->wire = MR_W_ARRAY;
    return mr_convert_find(from, &elem, &op->convert);
}

/* T-60: arrays in arrays of scalars into E[], and arrays of any depth into the literals of E[] that
 * no writer has, like inet[]. */
static bool find_matrix(struct mr_convert_from *from, struct mr_op *op)
{
    struct mr_typed array = op->typed;
    struct mr_typed items = op->typed;
    struct mr_coltype elem = element_of(&op->to);
    op->n_levels = 0;
    while (items.node->kind == MR_AV_ARRAY && !mr_semantic_is_whole(items.semantic)) {
        if (op->n_levels++ == MR_MATRIX_MAX_DIMS)
            return false;
        array = items;
        mr_typed_items(&array, &items);
    }
    if (items.semantic == MR_SEM_NESTED || items.semantic == MR_SEM_NULL)
        return false;
    if (op->to.type == MR_T_CAST)
        elem.elem = MR_T_NONE;
    struct mr_convert bare;
    if (mr_is_geometry(elem.type) && mr_convert_leaf(&items, &bare) == MR_FAM_BYTES)
        return false; /* what they are is only seen by a writer */
    from->typed = &items;
    op->wire = MR_W_MATRIX;
    return mr_convert_find(from, &elem, &op->convert);
}

/* A container that is one value, where the column wants it as it is built. */
static bool wants_document(const struct mr_typed *typed, const struct mr_coltype *to)
{
    bool json = to->type == MR_T_JSON || to->type == MR_T_JSONB;
    bool text = to->type == MR_T_TEXT || to->type == MR_T_VARCHAR || to->type == MR_T_BPCHAR ||
                to->type == MR_T_CAST;
    if (!mr_semantic_is_whole(typed->semantic) || mr_semantic_is_leaf_record(typed->semantic))
        return false;
    return json || (text && typed->semantic >= MR_SEM_VECTOR);
}

/* Floats without a meaning into a vector. */
static bool is_vector_source(const struct mr_typed *typed, const struct mr_coltype *to)
{
    struct mr_typed items;
    if (typed->semantic != MR_SEM_ARRAY || (to->type != MR_T_VECTOR && to->type != MR_T_HALFVEC))
        return false;
    mr_typed_items(typed, &items);
    return items.semantic == MR_SEM_FLOAT || items.semantic == MR_SEM_DOUBLE;
}

/* What the value is for this column, and how it then gets there. */
static bool find(struct mr_convert_from *from, struct mr_op *op)
{
    const struct mr_coltype *to = &op->to;
    bool literal = to->type == MR_T_CAST && to->elem != MR_T_NONE;
    bool array = to->type == MR_T_ARRAY;
    if (wants_document(&op->typed, to)) {
        op->typed.semantic = MR_SEM_NESTED;
        op->wire = MR_W_NESTED;
    } else if (is_vector_source(&op->typed, to)) {
        op->typed.semantic = MR_SEM_VECTOR;
        op->wire = MR_W_WHOLE;
    } else if (array &&
               (op->typed.semantic == MR_SEM_VECTOR || op->typed.semantic == MR_SEM_HALFVEC)) {
        op->typed.semantic = MR_SEM_ARRAY;
    }
    bool source = op->typed.node->kind == MR_AV_ARRAY && !mr_semantic_is_whole(op->typed.semantic);
    if (array && op->typed.semantic == MR_SEM_ARRAY)
        return find_array(from, op);
    if (source && (array || literal))
        return find_matrix(from, op);
    return mr_convert_find(from, to, &op->convert);
}

/* Of the kinds that placeholders come in (U-01 to U-11). */
static bool may_mask(const struct mr_op *op)
{
    switch (op->typed.node->kind) {
    case MR_AV_STRING:
    case MR_AV_BYTES:
    case MR_AV_FIXED:
    case MR_AV_ARRAY:
    case MR_AV_MAP:
        return op->detect || op->null_masks;
    case MR_AV_NULL:
    case MR_AV_BOOLEAN:
    case MR_AV_INT:
    case MR_AV_LONG:
    case MR_AV_FLOAT:
    case MR_AV_DOUBLE:
    case MR_AV_ENUM:
    case MR_AV_RECORD:
    case MR_AV_UNION:
    default:
        return op->null_masks;
    }
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
    out->detect = make->route->unavailable_detect && !target->source->detect_off &&
                  make->route->placeholder_len > 0;
    out->null_masks = target->source->null_masks;
    if (make->route->keep_moved && !make->plan->append && make->plan->n_slots > 0 &&
        target->slot == MR_NO_IDX && may_mask(out))
        make->plan->looks_moved = true;
    struct mr_convert_from from = {.typed = &out->typed,
                                   .unit = target->source->unit,
                                   .cast = target->source->cast,
                                   .sentinels = make->postgres};
    if (mr_op_is_row(&out->typed, &out->to))
        return mr_op_row(make, target, out);
    if (!find(&from, out))
        return incompatible(make, target);
    bool leaf = mr_semantic_is_leaf_record(out->typed.semantic);
    if (target->slot != MR_NO_IDX && out->wire >= MR_W_WHOLE && !leaf)
        return mr_err_set(make->err, MR_KEY_UNSUPPORTED, "key column '%s' is %s",
                          target->column->name, mr_avro_kind_name(target->typed->node->kind));
    return out->wire == MR_W_ENUM ? op_symbols(make, out) : 0;
}
