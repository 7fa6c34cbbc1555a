/* Owns the list of columns that no field of a record fills. Must not name columns: that is
 * shape.c's. */
#include "schemas/shape.h"

#include "base/ban.h"

static void extra_of(struct mr_shape_extra *out, const char *name, enum mr_type type,
                     enum mr_origin origin)
{
    *out = (struct mr_shape_extra){
        .name = name,
        .type = {.type = type,
                 .elem = type == MR_T_ARRAY ? MR_T_TEXT : MR_T_NONE,
                 .length = -1,
                 .precision = -1},
        .source = {.origin = origin, .value_idx = MR_NO_IDX, .key_idx = MR_NO_IDX}};
}

static void meta_of(struct mr_shape_extra *out, const struct mr_route_meta *meta)
{
    static const enum mr_type types[] = {
        [MR_META_TOPIC] = MR_T_TEXT,
        [MR_META_PARTITION] = MR_T_INT4,
        [MR_META_OFFSET] = MR_T_INT8,
        [MR_META_OP] = MR_T_TEXT,
        [MR_META_TS] = MR_T_TIMESTAMPTZ,
        [MR_META_SOURCE_TS] = MR_T_TIMESTAMPTZ,
        [MR_META_LOADED_AT] = MR_T_TIMESTAMPTZ,
        [MR_META_SCHEMA_ID] = MR_T_INT8,
    };
    extra_of(out, meta->name, types[meta->from], MR_FROM_META);
    out->source.meta = meta->from;
}

/* By the literal's kind, or the type that is named. */
static void constant_of(struct mr_shape_extra *out, const struct mr_route_constant *constant)
{
    static const enum mr_type types[] = {[MR_CONSTANT_TEXT] = MR_T_TEXT,
                                         [MR_CONSTANT_WHOLE] = MR_T_INT8,
                                         [MR_CONSTANT_REAL] = MR_T_FLOAT8,
                                         [MR_CONSTANT_TRUTH] = MR_T_BOOL};
    extra_of(out, constant->name, types[constant->kind], MR_FROM_CONSTANT);
    out->cast = constant->cast;
    out->source.cast = constant->cast != NULL;
    out->source.constant = constant->text;
}

bool mr_shape_extra(const struct mr_route *route, uint16_t idx, struct mr_shape_extra *out)
{
    uint16_t n_own = route->strategy == MR_STRATEGY_APPEND ? 2 : 0;
    if (idx < n_own && idx == 0)
        extra_of(out, "_op", MR_T_TEXT, MR_FROM_OP);
    else if (idx < n_own)
        extra_of(out, "_unavailable", MR_T_ARRAY, MR_FROM_UNAVAILABLE);
    else if (idx - n_own < route->n_meta)
        meta_of(out, &route->meta[idx - n_own]);
    else if (idx - n_own - route->n_meta < route->n_constants)
        constant_of(out, &route->constants[idx - n_own - route->n_meta]);
    else
        return false;
    return true;
}
