/* Owns compiling a shape and a table into a plan: which column each field fills, in which order
 * fields stand in the tuple, what makes the key. Must not read records. Invariant: after
 * mr_plan_compile no name is looked up again, and nothing that a plan points to can change or go
 * away. */
#include "schemas/plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "schemas/evolve.h"
#include "schemas/plan_ops.h"

#include "base/ban.h"

enum { PLAN_CHUNK_BYTES = 16384, PLAN_LIMIT_BYTES = 64 * 1024 * 1024 };

/* What compilation carries along. */
struct compile {
    struct mr_plan *plan;
    const struct mr_shape *shape;
    const struct mr_route *route;
    struct mr_op_make make;
    int *table_cols;    /* per shape column: table column; -1: not loaded */
    uint16_t *field_of; /* per shape column: tuple field; MR_NO_IDX */
    uint16_t *slot_of;  /* per shape column: key slot; MR_NO_IDX */
    struct mr_err *err;
};

static int no_memory(struct compile *c)
{
    return mr_err_set(c->err, MR_NO_MEMORY, "compiling a plan");
}

struct mr_plan *mr_plan_ref(struct mr_plan *plan)
{
    atomic_fetch_add_explicit(&plan->refs, 1, memory_order_relaxed);
    return plan;
}

void mr_plan_unref(struct mr_plan *plan)
{
    if (plan == NULL)
        return;
    if (atomic_fetch_sub_explicit(&plan->refs, 1, memory_order_acq_rel) != 1)
        return;
    mr_schema_unref(plan->key);
    mr_schema_unref(plan->value);
    mr_table_unref(plan->table);
    mr_arena_release(&plan->arena);
    free(plan);
}

struct mr_table *mr_plan_table(const struct mr_plan *plan)
{
    return plan->table;
}

struct mr_plan_ignored mr_plan_ignored(const struct mr_plan *plan)
{
    return plan->ignored;
}

bool mr_plan_is_envelope(const struct mr_plan *plan)
{
    return plan->envelope_topic;
}

const struct mr_guard_use *mr_plan_guard(const struct mr_plan *plan)
{
    return &plan->guard_use;
}

bool mr_plan_lacks_table(const struct mr_plan *plan)
{
    return plan->table == NULL && plan->layout != MR_LAYOUT_SKIP;
}

const struct mr_colset *mr_plan_key(const struct mr_plan *plan)
{
    return &plan->key_cols;
}

static struct mr_plan *plan_new(const struct mr_shape *shape, const struct mr_route *route)
{
    struct mr_plan *plan = mr_memory_given(calloc(1, sizeof *plan));
    if (plan == NULL)
        return NULL;
    atomic_init(&plan->refs, 1);
    mr_arena_init(&plan->arena, PLAN_CHUNK_BYTES, PLAN_LIMIT_BYTES);
    plan->key = shape->key != NULL ? mr_schema_ref(shape->key) : NULL;
    plan->value = shape->value != NULL ? mr_schema_ref(shape->value) : NULL;
    plan->layout = shape->envelope.layout;
    plan->postgres = shape->envelope.postgres;
    plan->skip = shape->envelope.skip;
    plan->append = shape->append;
    plan->envelope_topic = shape->envelope_topic || mr_shape_is_envelope(shape);
    plan->key_form = route->key_from_value ? MR_KEY_NONE : shape->key_form;
    plan->raw_key = shape->raw_key;
    plan->truncate = route->truncate;
    plan->text_nul = route->text_nul;
    plan->guarded = route->guard != MR_GUARD_NONE && !shape->append;
    plan->tombstone_ignore = route->tombstone_ignore;
    plan->nanos_poison = route->nanos_poison;
    plan->zone_us = route->zone_east_s * MR_US_PER_SECOND;
    plan->excess_scale_round = route->excess_scale_round;
    plan->max_zero_size_items = route->max_zero_size_items;
    plan->max_record_bytes = route->max_record_bytes;
    return plan;
}

/* Which column of the table each column of the shape is. */
static int match_columns(struct compile *c)
{
    const struct mr_table *table = c->plan->table;
    for (uint16_t i = 0; i < c->shape->n_columns; i++) {
        const char *name = c->shape->columns[i].name;
        int at = mr_shape_match(c->shape, table, i);
        c->table_cols[i] = at;
        c->field_of[i] = MR_NO_IDX;
        c->slot_of[i] = MR_NO_IDX;
        if (at < 0 && c->route->evolve != MR_EVOLVE_DISCARD_COLUMN)
            return mr_err_set(c->err, MR_SCHEMA_FROZEN, "column '%s'", name);
        if (at < 0) {
            c->plan->ignored.n_discarded++;
            continue;
        }
        if (table->columns[at].generated) { /* V-15 */
            c->plan->ignored.n_generated++;
            c->table_cols[i] = -1;
        }
        for (uint16_t k = 0; k < i; k++) {
            if (c->table_cols[k] == at)
                return mr_err_set(c->err, MR_IDENTIFIER_COLLISION, "'%s' and '%s' both fill '%s'",
                                  c->shape->columns[k].name, name, table->columns[at].name);
        }
    }
    return 0;
}

/* The tuple: ascending by table column. */
static int make_colset(struct compile *c)
{
    const struct mr_table *table = c->plan->table;
    uint16_t *by_col = mr_arena_alloc(&c->plan->arena, table->n_columns * sizeof *by_col);
    uint16_t *cols = mr_arena_alloc(&c->plan->arena, table->n_columns * sizeof *cols);
    uint16_t n = 0;
    if (by_col == NULL || cols == NULL)
        return no_memory(c);
    memset(by_col, 0xff, table->n_columns * sizeof *by_col);
    for (uint16_t i = 0; i < c->shape->n_columns; i++) {
        if (c->table_cols[i] >= 0)
            by_col[c->table_cols[i]] = i;
    }
    for (uint16_t t = 0; t < table->n_columns; t++) {
        if (by_col[t] == MR_NO_IDX)
            continue;
        c->field_of[by_col[t]] = n;
        cols[n++] = t;
    }
    c->plan->cols = (struct mr_colset){.n_cols = n, .cols = cols};
    return 0;
}

/* Slots in the order of the unique index, so that every plan of the table makes the same keys. */
static int make_key(struct compile *c)
{
    struct mr_plan *plan = c->plan;
    const struct mr_shape *shape = c->shape;
    plan->key_cols = (struct mr_colset){.n_cols = 0};
    if (shape->n_key == 0)
        return 0;
    const struct mr_unique *unique = mr_evolve_key(shape, plan->table);
    if (unique == NULL)
        return mr_err_set(c->err, MR_TARGET_NO_UNIQUE_KEY, "%u key columns",
                          (unsigned)shape->n_key);
    const char *loose = mr_table_loose_key(plan->table, unique->cols, unique->n_cols);
    if (loose != NULL && plan->guarded) /* tombs are found by the bytes of their keys */
        return mr_err_set(c->err, MR_TARGET_NO_UNIQUE_KEY,
                          "only the target knows which values of key column '%s' are equal, so "
                          "that no guard can be kept of what was deleted",
                          loose);
    uint16_t *cols = mr_arena_alloc(&plan->arena, unique->n_cols * sizeof *cols);
    if (cols == NULL)
        return no_memory(c);
    for (uint16_t k = 0; k < unique->n_cols; k++) {
        cols[k] = unique->cols[k];
        plan->slot_names[k] = plan->table->columns[cols[k]].name;
        if (plan->table->columns[cols[k]].generated)
            return mr_err_set(c->err, MR_TARGET_NO_UNIQUE_KEY, "key column '%s' is generated",
                              plan->slot_names[k]);
        for (uint16_t i = 0; i < shape->n_columns; i++) {
            if (c->table_cols[i] == cols[k])
                c->slot_of[i] = k;
        }
    }
    plan->key_cols = (struct mr_colset){.n_cols = unique->n_cols, .cols = cols};
    plan->n_slots = unique->n_cols;
    return 0;
}

/* append: slots are just the key's fields, to fill columns from. */
static int make_append_slots(struct compile *c)
{
    for (uint16_t i = 0; i < c->shape->n_columns; i++) {
        if (c->shape->sources[i].key_idx == MR_NO_IDX || c->table_cols[i] < 0)
            continue;
        if (c->plan->n_slots >= MR_KEY_MAX_COLUMNS)
            return mr_err_set(c->err, MR_KEY_UNSUPPORTED, "more than %d key columns",
                              MR_KEY_MAX_COLUMNS);
        c->plan->slot_names[c->plan->n_slots] = c->shape->columns[i].name;
        c->slot_of[i] = c->plan->n_slots++;
    }
    return 0;
}

/* The shape's column that field `idx` of the row record fills; MR_NO_IDX. */
static uint16_t column_of_value(const struct compile *c, uint16_t idx)
{
    for (uint16_t i = 0; i < c->shape->n_columns; i++) {
        const struct mr_shape_source *source = &c->shape->sources[i];
        if (source->origin == MR_FROM_VALUE && source->value_idx == idx)
            return i;
    }
    return MR_NO_IDX;
}

static int op_of_column(struct compile *c, uint16_t i, const struct mr_typed *typed,
                        struct mr_op *op)
{
    if (i == MR_NO_IDX || c->table_cols[i] < 0)
        return mr_op_skip(&c->make, typed, op);
    struct mr_op_target target = {.column = &c->plan->table->columns[c->table_cols[i]],
                                  .source = &c->shape->sources[i],
                                  .typed = typed,
                                  .field = c->field_of[i],
                                  .slot = c->plan->append ? MR_NO_IDX : c->slot_of[i]};
    return mr_op_column(&c->make, &target, op);
}

/* The ops of a row record. `own`: it is the shape's; else (before's own type) its fields are found
 * by name. */
static int row_ops(struct compile *c, const struct mr_flat *row, bool own, struct mr_ops *out)
{
    struct mr_op *ops = mr_op_room(&c->make, row->n);
    if (ops == NULL)
        return -MR_NO_MEMORY;
    for (uint32_t i = 0; i < row->n; i++) {
        const struct mr_flat_field *field = &row->fields[i];
        int at = own ? (int)i : mr_flat_find(&c->shape->row, field->name);
        uint16_t column = at < 0 ? MR_NO_IDX : column_of_value(c, (uint16_t)at);
        int rc = 0;
        if (field->n_inner > 0)
            mr_op_branch(&field->typed, field->n_inner, &ops[i]);
        else
            rc = op_of_column(c, column, &field->typed, &ops[i]);
        if (rc < 0)
            return rc;
    }
    *out = (struct mr_ops){.ops = ops, .n = row->n};
    return 0;
}

/* before's own record type: other fields, in another order. */
static int before_ops(struct compile *c)
{
    struct mr_flat before;
    int rc =
        mr_flat_make(c->shape->envelope.before_row, c->route, &c->plan->arena, &before, c->err);
    return rc < 0 ? rc : row_ops(c, &before, false, &c->plan->before);
}

/* Ops that keep nothing, over all fields of a record; of the envelope's source, its time. */
static int skip_ops(struct compile *c, const struct mr_avro_node *record, bool source,
                    struct mr_ops *out)
{
    struct mr_op *ops = mr_op_room(&c->make, record->n_fields);
    if (ops == NULL)
        return -MR_NO_MEMORY;
    for (uint16_t i = 0; i < record->n_fields; i++) {
        struct mr_typed typed;
        mr_typed_of(record->fields[i].type, &record->fields[i].props, &typed);
        int rc = mr_op_skip(&c->make, &typed, &ops[i]);
        if (rc < 0)
            return rc;
        if (source && strcmp(record->fields[i].name, "ts_ms") == 0 && ops[i].wire == MR_W_LONG)
            ops[i].capture = MR_CAPTURE_SOURCE_TS;
        if (source && c->plan->guard.in_source)
            mr_guard_mark(&c->plan->guard, i, &ops[i]);
    }
    *out = (struct mr_ops){.ops = ops, .n = record->n_fields};
    return 0;
}

/* One op in a program of its own. */
static int single_op(struct compile *c, const struct mr_typed *typed, uint16_t column,
                     struct mr_ops *out)
{
    struct mr_op *op = mr_op_room(&c->make, 1);
    if (op == NULL)
        return -MR_NO_MEMORY;
    *out = (struct mr_ops){.ops = op, .n = 1};
    return op_of_column(c, column, typed, op);
}

static int step_make(struct compile *c, int idx, struct mr_step *step)
{
    const struct mr_envelope *env = &c->shape->envelope;
    const struct mr_avro_field *field = &env->root->fields[idx];
    struct mr_typed typed;
    mr_typed_of(field->type, &field->props, &typed);
    *step = (struct mr_step){.kind = MR_STEP_SKIP, .null_branch = typed.null_branch};
    if (idx == env->op) {
        step->kind = MR_STEP_OP;
        return 0;
    }
    if (idx == env->after || idx == env->before) {
        step->kind = idx == env->after ? MR_STEP_AFTER : MR_STEP_BEFORE;
        if (env->layout == MR_LAYOUT_DOCUMENT) {
            typed.null_branch = -1; /* the step looks at it */
            typed.semantic = MR_SEM_JSON;
            return single_op(c, &typed, column_of_value(c, 0), &step->body);
        }
        if (idx == env->before)
            return skip_ops(c, typed.node, false, &step->body);
        step->body = c->plan->row;
        return 0;
    }
    if (typed.node->kind == MR_AV_RECORD && typed.semantic == MR_SEM_NESTED && idx == env->source)
        return skip_ops(c, typed.node, true, &step->body);
    step->null_branch = -1;
    return single_op(c, &typed, MR_NO_IDX, &step->body);
}

static int make_steps(struct compile *c)
{
    const struct mr_envelope *env = &c->shape->envelope;
    struct mr_step *steps = mr_arena_alloc(&c->plan->arena, env->root->n_fields * sizeof *steps);
    int rc = 0;
    if (steps == NULL)
        return no_memory(c);
    if (env->row != NULL)
        rc = row_ops(c, &c->shape->row, true, &c->plan->row);
    if (rc == 0 && env->before_row == env->row)
        c->plan->before = c->plan->row;
    else if (rc == 0 && env->before_row != NULL)
        rc = before_ops(c);
    for (int i = 0; rc == 0 && i < env->root->n_fields; i++)
        rc = step_make(c, i, &steps[i]);
    c->plan->steps = steps;
    c->plan->n_steps = env->root->n_fields;
    return rc;
}

static int op_header_make(struct compile *c)
{
    const char *prefix = mr_envelope_prefix(c->route);
    size_t n = strlen(prefix);
    char *name = mr_arena_alloc(&c->plan->arena, n + sizeof "op");
    if (name == NULL)
        return no_memory(c);
    (void)snprintf(name, n + sizeof "op", "%sop", prefix);
    c->plan->op_header = name;
    return 0;
}

/* Plain records with `__deleted` or `__op`: looked at before anything is converted, since the
 * values of a deleted row are fillers (E-22). */
static int make_plain(struct compile *c)
{
    const struct mr_envelope *env = &c->shape->envelope;
    int rc = row_ops(c, &c->shape->row, true, &c->plan->row);
    if (rc < 0 || (env->deleted < 0 && env->op < 0))
        return rc;
    rc = skip_ops(c, env->root, false, &c->plan->probe);
    if (rc < 0)
        return rc;
    struct mr_op *ops = mr_op_room(&c->make, c->plan->probe.n);
    if (ops == NULL)
        return -MR_NO_MEMORY;
    memcpy(ops, c->plan->probe.ops, c->plan->probe.n * sizeof *ops);
    if (env->deleted >= 0)
        ops[env->deleted].capture = MR_CAPTURE_DELETED;
    if (env->op >= 0)
        ops[env->op].capture = MR_CAPTURE_OP;
    c->plan->probe.ops = ops;
    return 0;
}

/* The key record's ops. Fields that are no key column are skipped. */
static int key_ops(struct compile *c)
{
    const struct mr_shape *shape = c->shape;
    bool record = shape->key_form == MR_KEY_RECORD;
    uint16_t n = record ? shape->key->root->n_fields : 1;
    if (c->plan->key_form == MR_KEY_NONE)
        return 0;
    struct mr_op *ops = mr_op_room(&c->make, n);
    if (ops == NULL)
        return -MR_NO_MEMORY;
    for (uint16_t k = 0; k < n; k++) {
        struct mr_typed typed = {.null_branch = -1};
        uint16_t column = MR_NO_IDX;
        for (uint16_t i = 0; i < shape->n_columns; i++) {
            if (shape->sources[i].key_idx == k)
                column = i;
        }
        if (column != MR_NO_IDX)
            typed = shape->sources[column].key_typed;
        else if (record)
            mr_typed_of(shape->key->root->fields[k].type, &shape->key->root->fields[k].props,
                        &typed);
        else if (shape->key != NULL)
            mr_typed_of(shape->key->root, NULL, &typed);
        int rc = 0;
        if (typed.node == NULL) {
            c->plan->key_form = MR_KEY_NONE; /* a raw key that no column wants */
            return 0;
        }
        bool wanted =
            column != MR_NO_IDX && c->table_cols[column] >= 0 && c->slot_of[column] != MR_NO_IDX;
        if (!wanted) {
            rc = mr_op_skip(&c->make, &typed, &ops[k]);
        } else {
            struct mr_op_target target = {.column = &c->plan->table->columns[c->table_cols[column]],
                                          .source = &shape->sources[column],
                                          .typed = &typed,
                                          .field = MR_NO_IDX,
                                          .slot = c->slot_of[column]};
            rc = mr_op_column(&c->make, &target, &ops[k]);
        }
        if (rc < 0)
            return rc;
    }
    c->plan->key_ops = (struct mr_ops){.ops = ops, .n = n};
    return 0;
}

static int make_fields(struct compile *c)
{
    struct mr_plan *plan = c->plan;
    struct mr_tuple_field *fields =
        mr_arena_alloc(&plan->arena, plan->cols.n_cols * sizeof *fields);
    if (fields == NULL)
        return no_memory(c);
    for (uint16_t i = 0; i < c->shape->n_columns; i++) {
        const struct mr_shape_source *source = &c->shape->sources[i];
        if (c->table_cols[i] < 0)
            continue;
        const struct mr_column *column = &plan->table->columns[c->table_cols[i]];
        struct mr_tuple_field *field = &fields[c->field_of[i]];
        *field = (struct mr_tuple_field){.origin = source->origin,
                                         .meta = source->meta,
                                         .slot = source->key_idx != MR_NO_IDX ? c->slot_of[i]
                                                                              : MR_NO_IDX,
                                         .nullable = !column->not_null,
                                         .to = column->type,
                                         .column = column->name};
        bool array = column->type.type == MR_T_ARRAY && column->type.elem == MR_T_TEXT;
        int rc = 0;
        if (source->origin == MR_FROM_META || source->origin == MR_FROM_OP)
            rc = mr_plan_meta(&c->make, source, column, &field->convert);
        else if (source->origin == MR_FROM_CONSTANT)
            rc = mr_plan_constant(&c->make, source, column, &field->constant);
        else if (source->origin == MR_FROM_UNAVAILABLE && !array)
            rc = mr_err_set(c->err, MR_TYPE_INCOMPATIBLE, "'%s' is no text[]", column->name);
        if (rc < 0)
            return rc;
    }
    plan->fields = fields;
    return 0;
}

/* True when the row's ops meet the tuple's fields in order, and all other fields stand behind. */
static bool is_in_order(const struct mr_plan *plan)
{
    uint16_t next = 0;
    for (uint32_t i = 0; i < plan->row.n; i++) {
        if (!plan->row.ops[i].mapped)
            continue;
        if (plan->row.ops[i].field != next)
            return false;
        next++;
    }
    for (uint16_t i = next; i < plan->cols.n_cols; i++) {
        if (plan->fields[i].origin == MR_FROM_VALUE)
            return false;
    }
    return true;
}

static int make_programs(struct compile *c)
{
    struct mr_plan *plan = c->plan;
    int rc = key_ops(c);
    if (rc == 0)
        rc = op_header_make(c);
    if (rc < 0)
        return rc;
    if (plan->layout == MR_LAYOUT_PLAIN)
        rc = make_plain(c);
    else if (plan->layout == MR_LAYOUT_SINGLE)
        rc = single_op(c, &c->shape->sources[0].typed, 0, &plan->row);
    else if (plan->layout != MR_LAYOUT_KEY_ONLY)
        rc = make_steps(c);
    if (rc < 0)
        return rc;
    plan->in_order = plan->layout != MR_LAYOUT_DOCUMENT && is_in_order(plan);
    for (uint32_t i = 0; plan->in_order && i < plan->row.n; i++)
        plan->n_value_fields = (uint16_t)(plan->n_value_fields + (plan->row.ops[i].mapped ? 1 : 0));
    return 0;
}

static bool has_primary(const struct mr_table *table)
{
    for (uint16_t i = 0; i < table->n_uniques; i++) {
        if (table->uniques[i].primary)
            return true;
    }
    return false;
}

static int compile_all(struct compile *c)
{
    struct mr_plan *plan = c->plan;
    size_t n = c->shape->n_columns;
    c->table_cols = mr_arena_alloc(&plan->arena, n * sizeof *c->table_cols);
    c->field_of = mr_arena_alloc(&plan->arena, n * sizeof *c->field_of);
    c->slot_of = mr_arena_alloc(&plan->arena, n * sizeof *c->slot_of);
    if (c->table_cols == NULL || c->field_of == NULL || c->slot_of == NULL)
        return no_memory(c);
    int rc = mr_guard_compile(&c->make, c->shape);
    if (rc < 0)
        return rc;
    if (plan->table == NULL) { /* only what is asked for is read, not a column */
        memset(c->table_cols, 0xff, n * sizeof *c->table_cols);
        return make_programs(c);
    }
    struct mr_slice placeholder = {(const uint8_t *)c->route->placeholder,
                                   c->route->placeholder_len};
    rc = mr_evolve_check(c->shape, plan->table, c->err);
    if (rc == 0)
        rc = mr_unavailable_make(placeholder, &plan->arena, &plan->unavailable, c->err);
    if (rc == 0)
        rc = match_columns(c);
    if (rc == 0)
        rc = make_colset(c);
    if (rc == 0)
        rc = plan->append ? make_append_slots(c) : make_key(c);
    if (rc == 0)
        rc = make_fields(c);
    plan->looks_before = !plan->append && (plan->n_slots > 0 ? c->route->key_change_before
                                                             : c->route->keyless_match_full);
    plan->key_missing = !plan->append && plan->n_slots == 0 && has_primary(plan->table);
    return rc == 0 ? make_programs(c) : rc;
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of plan.h */
int mr_plan_compile(const struct mr_shape *shape, struct mr_table *table,
                    const struct mr_emit_ops *emit, const struct mr_route *route,
                    struct mr_plan **out, struct mr_err *err)
{
    struct mr_plan *plan = plan_new(shape, route);
    if (plan == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "compiling a plan");
    plan->emit = emit;
    struct compile c = {.plan = plan, .shape = shape, .route = route, .err = err};
    c.make = (struct mr_op_make){
        .plan = plan, .route = route, .postgres = shape->envelope.postgres, .err = err};
    int rc = 0;
    if (plan->layout != MR_LAYOUT_SKIP) {
        bool keyed = shape->n_key > 0 || plan->append || !mr_shape_is_envelope(shape);
        if (table != NULL)
            plan->table = mr_table_ref(table);
        else if (keyed)
            rc = mr_err_set(err, MR_TARGET_MISSING, "no table to compile a plan for");
        if (rc == 0)
            rc = compile_all(&c);
    }
    if (rc < 0) {
        mr_plan_unref(plan);
        return rc;
    }
    *out = plan;
    return 0;
}
