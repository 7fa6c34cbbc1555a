/* Owns the words for a conversion. It asks the same tables as the compiler (convert.c), and decides
 * nothing. */
#include "schemas/fit.h"

#include "schemas/convert.h"
#include "schemas/shape.h"
#include "schemas/widen.h"

#include "base/ban.h"

const char *mr_fit_name(enum mr_fit fit)
{
    static const char *const names[] = {
        [MR_FIT_EXACT] = "exact",
        [MR_FIT_CHECKED] = "checked per value",
        [MR_FIT_CAST] = "cast by server",
        [MR_FIT_LOSSY] = "lossy, allowed by cast",
        [MR_FIT_INCOMPATIBLE] = "no conversion",
        [MR_FIT_GENERATED] = "generated, not loaded",
        [MR_FIT_ABSENT] = "no column",
    };
    return names[fit];
}

static bool same_type(const struct mr_coltype *a, const struct mr_coltype *b)
{
    return a->type == b->type && a->elem == b->elem && a->length == b->length &&
           a->precision == b->precision && (a->precision < 0 || a->scale == b->scale);
}

/* canonical text and documents take everything that is printed. */
static bool takes_all(const struct mr_typed *typed, enum mr_type type)
{
    bool text = typed->semantic == MR_SEM_STRING || typed->semantic == MR_SEM_JSON ||
                typed->semantic == MR_SEM_ENUM_SET || typed->semantic == MR_SEM_XML;
    return type == MR_T_TEXT || (!text && (type == MR_T_JSON || type == MR_T_JSONB));
}

static bool is_found(const struct mr_shape_source *source, const struct mr_coltype *to, bool cast)
{
    struct mr_convert_from from = {.typed = &source->typed, .unit = source->unit, .cast = cast};
    struct mr_typed items;
    struct mr_convert found;
    struct mr_coltype elem = *to;
    if (source->typed.semantic == MR_SEM_ARRAY && to->type == MR_T_ARRAY) {
        mr_typed_items(&source->typed, &items);
        from.typed = &items;
        elem.type = to->elem;
        elem.oid = to->elem_oid;
    }
    return mr_convert_find(&from, &elem, &found);
}

enum mr_fit mr_fit_of(const struct mr_shape *shape, uint16_t idx, const struct mr_table *table,
                      int *column)
{
    const struct mr_shape_source *source = &shape->sources[idx];
    const struct mr_coltype *want = &shape->columns[idx].type;
    *column = table != NULL ? mr_shape_match(shape, table, idx) : -1;
    if (*column < 0)
        return MR_FIT_ABSENT;
    const struct mr_coltype *have = &table->columns[*column].type;
    if (table->columns[*column].generated)
        return MR_FIT_GENERATED;
    if (source->typed.node == NULL)
        return same_type(have, want) ? MR_FIT_EXACT : MR_FIT_CHECKED;
    if (!is_found(source, have, false))
        return source->cast && is_found(source, have, true) ? MR_FIT_LOSSY : MR_FIT_INCOMPATIBLE;
    if (have->type == MR_T_CAST || have->base_sql != NULL)
        return MR_FIT_CAST;
    if (same_type(have, want) || takes_all(&source->typed, have->type) ||
        mr_widen_kind(want, have, source->typed.semantic) != MR_WIDEN_NONE)
        return MR_FIT_EXACT;
    return MR_FIT_CHECKED;
}

static const char *logical_name(enum mr_logical logical)
{
    static const char *const names[] = {
        [MR_LOGICAL_NONE] = NULL,
        [MR_LOGICAL_DECIMAL] = "decimal",
        [MR_LOGICAL_UUID] = "uuid",
        [MR_LOGICAL_DATE] = "date",
        [MR_LOGICAL_TIME_MILLIS] = "time-millis",
        [MR_LOGICAL_TIME_MICROS] = "time-micros",
        [MR_LOGICAL_TIMESTAMP_MILLIS] = "timestamp-millis",
        [MR_LOGICAL_TIMESTAMP_MICROS] = "timestamp-micros",
        [MR_LOGICAL_TIMESTAMP_NANOS] = "timestamp-nanos",
        [MR_LOGICAL_LOCAL_TIMESTAMP_MILLIS] = "local-timestamp-millis",
        [MR_LOGICAL_LOCAL_TIMESTAMP_MICROS] = "local-timestamp-micros",
        [MR_LOGICAL_LOCAL_TIMESTAMP_NANOS] = "local-timestamp-nanos",
        [MR_LOGICAL_DURATION] = "duration",
    };
    return names[logical];
}

const char *mr_fit_source(const struct mr_shape *shape, uint16_t idx)
{
    const struct mr_typed *typed = &shape->sources[idx].typed;
    if (typed->node == NULL)
        return "";
    if (typed->props->connect_name != NULL)
        return typed->props->connect_name;
    const char *logical = logical_name(typed->props->logical);
    if (logical != NULL)
        return logical;
    return typed->props->connect_type != NULL ? typed->props->connect_type
                                              : mr_avro_kind_name(typed->node->kind);
}
