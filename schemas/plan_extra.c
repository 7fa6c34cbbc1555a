/* Owns constants: a literal of the configuration becomes the bytes of a field, once, when the plan
 * is compiled. Must not run for a record. */
#include <stdlib.h>

#include "base/memory.h"
#include "schemas/plan_ops.h"

#include "base/ban.h"

enum { CONSTANT_LIMIT_BYTES = 1024 * 1024 };

static int incompatible(struct mr_op_make *make, const struct mr_column *column, const char *text)
{
    mr_err_in(make->err, NULL, column->name);
    return mr_err_set(
        make->err, MR_TYPE_INCOMPATIBLE, "'%s': the constant \"%.60s\" into %s", column->name, text,
        column->type.sql != NULL ? column->type.sql : mr_type_name(column->type.type));
}

int mr_plan_constant(struct mr_op_make *make, const struct mr_shape_source *source,
                     const struct mr_column *column, struct mr_slice *out)
{
    static const struct mr_avro_node string = {.kind = MR_AV_STRING};
    struct mr_typed typed;
    struct mr_convert convert;
    mr_typed_of(&string, NULL, &typed);
    struct mr_convert_from from = {.typed = &typed, .cast = source->cast};
    if (!mr_convert_find(&from, &column->type, &convert))
        return incompatible(make, column, source->constant);
    struct mr_num_scratch *scratch = mr_memory_given(malloc(sizeof *scratch));
    if (scratch == NULL)
        return mr_err_set(make->err, MR_NO_MEMORY, "compiling a plan");
    struct mr_buf field = MR_BUF_INIT;
    struct mr_err why = MR_ERR_INIT;
    struct mr_value value = {.s = mr_slice_str(source->constant)};
    struct mr_convert_run run = {
        .emit = make->plan->emit, .out = &field, .err = &why, .num = scratch};
    run.zone_us = make->plan->zone_us;
    run.nanos_poison = make->plan->nanos_poison;
    run.excess_scale_round = make->plan->excess_scale_round;
    run.text_nul = make->plan->text_nul;
    field.limit = CONSTANT_LIMIT_BYTES;
    run.text.limit = CONSTANT_LIMIT_BYTES;
    run.more.limit = CONSTANT_LIMIT_BYTES;
    int rc = convert.normalise != NULL ? convert.normalise(&run, &convert, &value) : 0;
    if (rc == 0)
        rc = convert.write(&run, &convert, &value);
    if (rc < 0) {
        rc = incompatible(make, column, source->constant);
    } else {
        out->len = field.len;
        out->data =
            mr_buf_ok(&field) ? mr_arena_copy(&make->plan->arena, field.data, field.len) : NULL;
        if (out->data == NULL)
            rc = mr_err_set(make->err, MR_NO_MEMORY, "compiling a plan");
    }
    mr_buf_release(&field);
    mr_buf_release(&run.text);
    mr_buf_release(&run.more);
    mr_buf_release(&run.items);
    free(scratch);
    return rc;
}

/* Meta columns are conversions like all others, from types that no schema names. */
int mr_plan_meta(struct mr_op_make *make, const struct mr_shape_source *source,
                 const struct mr_column *column, struct mr_convert *out)
{
    static const struct mr_avro_node string = {.kind = MR_AV_STRING};
    static const struct mr_avro_node integer = {.kind = MR_AV_LONG};
    static const struct mr_avro_node moment = {.kind = MR_AV_LONG,
                                               .props = {.logical = MR_LOGICAL_TIMESTAMP_MILLIS}};
    const struct mr_avro_node *node = &string;
    if (source->origin == MR_FROM_META) {
        switch (source->meta) {
        case MR_META_PARTITION:
        case MR_META_OFFSET:
        case MR_META_SCHEMA_ID:
            node = &integer;
            break;
        case MR_META_TS:
        case MR_META_SOURCE_TS:
        case MR_META_LOADED_AT:
            node = &moment;
            break;
        case MR_META_TOPIC:
        case MR_META_OP:
        default:
            break;
        }
    }
    struct mr_typed typed;
    mr_typed_of(node, NULL, &typed);
    struct mr_convert_from from = {.typed = &typed};
    if (mr_convert_find(&from, &column->type, out))
        return 0;
    mr_err_in(make->err, NULL, column->name);
    return mr_err_set(make->err, MR_TYPE_INCOMPATIBLE, "'%s': meta into %s", column->name,
                      mr_type_name(column->type.type));
}
