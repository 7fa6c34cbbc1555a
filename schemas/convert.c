/* Owns the two tables that say which conversions exist. Must not convert. Invariant: a cell that is
 * empty means that the plan is refused (type.incompatible), never that a value is dropped. */
#include "schemas/convert.h"

#include "schemas/convert_write.h"
#include "schemas/tsvector.h"

#include "base/ban.h"

static const struct source {
    enum mr_family family;
    mr_normalise_fn *normalise;
} sources[MR_N_SEMANTICS] = {
    [MR_SEM_NULL] = {MR_FAM_TEXT, NULL},
    [MR_SEM_BOOLEAN] = {MR_FAM_BOOLEAN, NULL},
    [MR_SEM_INT16] = {MR_FAM_INTEGER, NULL},
    [MR_SEM_INT32] = {MR_FAM_INTEGER, NULL},
    [MR_SEM_INT64] = {MR_FAM_INTEGER, NULL},
    [MR_SEM_FLOAT] = {MR_FAM_REAL, NULL},
    [MR_SEM_DOUBLE] = {MR_FAM_REAL, NULL},
    [MR_SEM_STRING] = {MR_FAM_TEXT, NULL},
    [MR_SEM_ENUM_SET] = {MR_FAM_TEXT, NULL},
    [MR_SEM_XML] = {MR_FAM_TEXT, NULL},
    [MR_SEM_TSVECTOR] = {MR_FAM_TEXT, NULL},
    [MR_SEM_LTREE] = {MR_FAM_TEXT, NULL},
    [MR_SEM_JSON] = {MR_FAM_TEXT, NULL},
    [MR_SEM_ENUM] = {MR_FAM_TEXT, NULL},
    [MR_SEM_BYTES] = {MR_FAM_BYTES, NULL},
    [MR_SEM_DECIMAL] = {MR_FAM_NUMERIC, mr_norm_decimal},
    [MR_SEM_VAR_DECIMAL] = {MR_FAM_NUMERIC, mr_norm_var_decimal},
    [MR_SEM_DATE] = {MR_FAM_DATE, mr_norm_date},
    [MR_SEM_TIME_MS] = {MR_FAM_TIME, mr_norm_time},
    [MR_SEM_TIME_US] = {MR_FAM_TIME, mr_norm_time},
    [MR_SEM_TIME_NS] = {MR_FAM_TIME, mr_norm_time},
    [MR_SEM_TS_MS] = {MR_FAM_TIMESTAMP, mr_norm_ts},
    [MR_SEM_TS_US] = {MR_FAM_TIMESTAMP, mr_norm_ts},
    [MR_SEM_TS_NS] = {MR_FAM_TIMESTAMP, mr_norm_ts},
    [MR_SEM_TSTZ_MS] = {MR_FAM_INSTANT, mr_norm_ts},
    [MR_SEM_TSTZ_US] = {MR_FAM_INSTANT, mr_norm_ts},
    [MR_SEM_TSTZ_NS] = {MR_FAM_INSTANT, mr_norm_ts},
    [MR_SEM_ZONED_TS] = {MR_FAM_INSTANT, mr_norm_zoned_ts},
    [MR_SEM_ZONED_TIME] = {MR_FAM_TIMETZ, mr_norm_zoned_time},
    [MR_SEM_ISO_DATE] = {MR_FAM_DATE, mr_norm_iso_date},
    [MR_SEM_ISO_TIME] = {MR_FAM_TIME, mr_norm_iso_time},
    [MR_SEM_ISO_TS] = {MR_FAM_TIMESTAMP, mr_norm_iso_ts},
    [MR_SEM_DURATION_US] = {MR_FAM_INTERVAL, mr_norm_duration},
    [MR_SEM_DURATION_NS] = {MR_FAM_INTERVAL, mr_norm_duration},
    [MR_SEM_INTERVAL] = {MR_FAM_INTERVAL, mr_norm_interval},
    [MR_SEM_AVRO_DURATION] = {MR_FAM_INTERVAL, mr_norm_avro_duration},
    [MR_SEM_UUID] = {MR_FAM_UUID, mr_norm_uuid},
    [MR_SEM_UUID_BYTES] = {MR_FAM_UUID, mr_norm_uuid_bytes},
    [MR_SEM_BITS] = {MR_FAM_BITS, mr_norm_bits},
    [MR_SEM_VAR_DECIMAL_RECORD] = {MR_FAM_NUMERIC, mr_norm_var_decimal_record},
    [MR_SEM_S_DATE] = {MR_FAM_DATE, mr_norm_s_date},
    [MR_SEM_S_TIME] = {MR_FAM_TIME, mr_norm_s_time},
    [MR_SEM_S_TS] = {MR_FAM_TIMESTAMP, mr_norm_s_ts},
    [MR_SEM_S_ZONED_TIME] = {MR_FAM_TIMETZ, mr_norm_s_zoned_time},
    [MR_SEM_S_ZONED_TS] = {MR_FAM_INSTANT, mr_norm_s_ts},
    [MR_SEM_S_DURATION] = {MR_FAM_INTERVAL, mr_norm_s_duration},
    [MR_SEM_GEOMETRY] = {MR_FAM_GEOMETRY, mr_norm_geometry},
    [MR_SEM_GEOGRAPHY] = {MR_FAM_GEOMETRY, mr_norm_geometry},
    [MR_SEM_POINT] = {MR_FAM_GEOMETRY, mr_norm_point},
    [MR_SEM_CIRCLE] = {MR_FAM_CIRCLE, mr_norm_circle},
    [MR_SEM_LINE] = {MR_FAM_LINE, mr_norm_line},
    [MR_SEM_VECTOR] = {MR_FAM_VECTOR, mr_norm_vector},
    [MR_SEM_HALFVEC] = {MR_FAM_VECTOR, mr_norm_vector},
    [MR_SEM_SPARSEVEC] = {MR_FAM_VECTOR, mr_norm_sparse},
    [MR_SEM_STRING_MAP] = {MR_FAM_PAIRS, mr_norm_pairs},
    [MR_SEM_ARRAY] = {MR_FAM_DOCUMENT, NULL}, /* into anything but an array */
    [MR_SEM_NESTED] = {MR_FAM_DOCUMENT, NULL},
};

struct cell {
    mr_write_fn *write;
    bool cast_only; /* loses information: a cast of the column must allow it */
};

#define PRINTED                                                                                    \
    [MR_T_TEXT] = {mr_write_printed, false}, [MR_T_VARCHAR] = {mr_write_printed, false},           \
    [MR_T_BPCHAR] = {mr_write_printed, false}, [MR_T_CAST] = {mr_write_printed, false},            \
    [MR_T_JSON] = {mr_write_json, false}, [MR_T_JSONB] = {mr_write_json, false}

static const struct cell cells[MR_N_FAMILIES][MR_N_TYPES] = {
    [MR_FAM_BOOLEAN] = {PRINTED, [MR_T_BOOL] = {mr_write_boolean, false},
                        [MR_T_INT2] = {mr_write_boolean_integer, false},
                        [MR_T_INT4] = {mr_write_boolean_integer, false},
                        [MR_T_INT8] = {mr_write_boolean_integer, false},
                        [MR_T_BIT] = {mr_write_boolean_bit, false}},
    [MR_FAM_INTEGER] =
        {PRINTED, [MR_T_BOOL] = {mr_write_integer_boolean, true},
         [MR_T_INT2] = {mr_write_integer, false}, [MR_T_INT4] = {mr_write_integer, false},
         [MR_T_INT8] = {mr_write_integer, false}, [MR_T_OID] = {mr_write_integer, false},
         [MR_T_FLOAT4] = {mr_write_integer_real, false},
         [MR_T_FLOAT8] = {mr_write_integer_real, false},
         [MR_T_NUMERIC] = {mr_write_integer_numeric, false}},
    [MR_FAM_REAL] =
        {PRINTED, [MR_T_FLOAT4] = {mr_write_real, false}, [MR_T_FLOAT8] = {mr_write_real, false},
         [MR_T_NUMERIC] = {mr_write_real_numeric, false}},
    [MR_FAM_NUMERIC] =
        {PRINTED, [MR_T_INT2] = {mr_write_numeric_integer, false},
         [MR_T_INT4] = {mr_write_numeric_integer, false},
         [MR_T_INT8] = {mr_write_numeric_integer, false},
         [MR_T_OID] = {mr_write_numeric_integer, false},
         [MR_T_FLOAT4] = {mr_write_numeric_real, true},
         [MR_T_FLOAT8] = {mr_write_numeric_real, true}, [MR_T_NUMERIC] = {mr_write_numeric, false}},
    [MR_FAM_TEXT] = {[MR_T_TEXT] = {mr_parse_text, false},
                     [MR_T_CAST] = {mr_parse_varchar, false},
                     [MR_T_ENUM] = {mr_parse_enum, false},
                     [MR_T_VARCHAR] = {mr_parse_varchar, false},
                     [MR_T_BPCHAR] = {mr_parse_varchar, false},
                     [MR_T_BOOL] = {mr_parse_boolean, false},
                     [MR_T_INT2] = {mr_parse_integer, false},
                     [MR_T_INT4] = {mr_parse_integer, false},
                     [MR_T_INT8] = {mr_parse_integer, false},
                     [MR_T_OID] = {mr_parse_integer, false},
                     [MR_T_FLOAT4] = {mr_parse_real, false},
                     [MR_T_FLOAT8] = {mr_parse_real, false},
                     [MR_T_NUMERIC] = {mr_parse_numeric, false},
                     [MR_T_BYTEA] = {mr_parse_bytes, false},
                     [MR_T_DATE] = {mr_parse_date, false},
                     [MR_T_TIME] = {mr_parse_time, false},
                     [MR_T_TIMETZ] = {mr_parse_timetz, false},
                     [MR_T_TIMESTAMP] = {mr_parse_timestamp, false},
                     [MR_T_TIMESTAMPTZ] = {mr_parse_timestamp, false},
                     [MR_T_INTERVAL] = {mr_parse_interval, false},
                     [MR_T_UUID] = {mr_parse_uuid, false},
                     [MR_T_JSON] = {mr_parse_json, false},
                     [MR_T_JSONB] = {mr_parse_json, false},
                     [MR_T_BIT] = {mr_parse_bits, false},
                     [MR_T_VARBIT] = {mr_parse_bits, false},
                     [MR_T_POINT] = {mr_parse_figure, false},
                     [MR_T_LINE] = {mr_parse_figure, false},
                     [MR_T_CIRCLE] = {mr_parse_figure, false},
                     [MR_T_BOX] = {mr_parse_figure, false},
                     [MR_T_LSEG] = {mr_parse_figure, false},
                     [MR_T_PATH] = {mr_parse_figure, false},
                     [MR_T_POLYGON] = {mr_parse_figure, false},
                     [MR_T_LTREE] = {mr_parse_ltree, false},
                     [MR_T_HSTORE] = {mr_parse_pairs, false},
                     [MR_T_GEOMETRY] = {mr_parse_text, false},
                     [MR_T_GEOGRAPHY] = {mr_parse_text, false},
                     [MR_T_VECTOR] = {mr_parse_vector, false},
                     [MR_T_HALFVEC] = {mr_parse_vector, false},
                     [MR_T_SPARSEVEC] = {mr_parse_vector, false}},
    [MR_FAM_BYTES] = {[MR_T_BYTEA] = {mr_write_bytes, false},
                      [MR_T_UUID] = {mr_write_bytes_uuid, false},
                      [MR_T_JSON] = {mr_write_json, false},
                      [MR_T_JSONB] = {mr_write_json, false},
                      [MR_T_GEOMETRY] = {mr_write_bytes_geometry, false},
                      [MR_T_GEOGRAPHY] = {mr_write_bytes_geometry, false}},
    [MR_FAM_DATE] = {PRINTED, [MR_T_DATE] = {mr_write_date, false},
                     [MR_T_TIMESTAMP] = {mr_write_date_ts, false},
                     [MR_T_TIMESTAMPTZ] = {mr_write_date_ts, false}},
    [MR_FAM_TIME] =
        {PRINTED, [MR_T_TIME] = {mr_write_time, false}, [MR_T_TIMETZ] = {mr_write_time_tz, false},
         [MR_T_INTERVAL] = {mr_write_time_interval, false}},
    [MR_FAM_TIMETZ] = {PRINTED, [MR_T_TIMETZ] = {mr_write_timetz, false}},
    [MR_FAM_TIMESTAMP] =
        {PRINTED, [MR_T_TIMESTAMP] = {mr_write_ts, false},
         [MR_T_TIMESTAMPTZ] = {mr_write_ts_zone, false}, [MR_T_DATE] = {mr_write_ts_date, false}},
    [MR_FAM_INSTANT] =
        {PRINTED, [MR_T_TIMESTAMP] = {mr_write_ts, false},
         [MR_T_TIMESTAMPTZ] = {mr_write_ts, false}, [MR_T_DATE] = {mr_write_ts_date, true}},
    [MR_FAM_INTERVAL] = {PRINTED, [MR_T_INTERVAL] = {mr_write_interval, false},
                         [MR_T_INT8] = {mr_write_interval_integer, false}},
    [MR_FAM_UUID] = {PRINTED, [MR_T_UUID] = {mr_write_uuid, false},
                     [MR_T_BYTEA] = {mr_write_uuid_bytes, false}},
    [MR_FAM_BITS] =
        {PRINTED, [MR_T_BIT] = {mr_write_bits, false}, [MR_T_VARBIT] = {mr_write_bits, false}},
    [MR_FAM_GEOMETRY] = {[MR_T_TEXT] = {mr_write_printed, false},
                         [MR_T_VARCHAR] = {mr_write_printed, false},
                         [MR_T_BPCHAR] = {mr_write_printed, false},
                         [MR_T_BYTEA] = {mr_write_bytes, false},
                         [MR_T_GEOMETRY] = {mr_write_bytes, false},
                         [MR_T_GEOGRAPHY] = {mr_write_bytes, false},
                         [MR_T_POINT] = {mr_write_geometry_figure, false},
                         [MR_T_BOX] = {mr_write_geometry_figure, false},
                         [MR_T_LSEG] = {mr_write_geometry_figure, false},
                         [MR_T_PATH] = {mr_write_geometry_figure, false},
                         [MR_T_POLYGON] = {mr_write_geometry_figure, false}},
    [MR_FAM_CIRCLE] = {[MR_T_TEXT] = {mr_write_printed, false},
                       [MR_T_VARCHAR] = {mr_write_printed, false},
                       [MR_T_BPCHAR] = {mr_write_printed, false},
                       [MR_T_CIRCLE] = {mr_write_figure, false}},
    [MR_FAM_LINE] = {[MR_T_TEXT] = {mr_write_printed, false},
                     [MR_T_VARCHAR] = {mr_write_printed, false},
                     [MR_T_BPCHAR] = {mr_write_printed, false},
                     [MR_T_LINE] = {mr_write_figure, false}},
    [MR_FAM_VECTOR] = {[MR_T_VECTOR] = {mr_write_vector, false},
                       [MR_T_HALFVEC] = {mr_write_vector, false},
                       [MR_T_SPARSEVEC] = {mr_write_vector, false}},
    [MR_FAM_PAIRS] = {[MR_T_HSTORE] = {mr_write_pairs, false}},
    [MR_FAM_DOCUMENT] = {[MR_T_TEXT] = {mr_write_document, false},
                         [MR_T_VARCHAR] = {mr_write_document, false},
                         [MR_T_CAST] = {mr_write_document, false},
                         [MR_T_JSON] = {mr_write_document, false},
                         [MR_T_JSONB] = {mr_write_document, false}},
};

enum mr_family mr_convert_family(enum mr_semantic semantic)
{
    return sources[semantic].family;
}

static void convert_source(const struct mr_typed *typed, struct mr_convert *out)
{
    *out = (struct mr_convert){.normalise = sources[typed->semantic].normalise,
                               .node = typed->node,
                               .semantic = typed->semantic,
                               .sentinels = typed->semantic != MR_SEM_TSTZ_US};
    if (typed->semantic == MR_SEM_DECIMAL)
        out->scale = mr_semantic_scale(typed->props);
    if (typed->semantic == MR_SEM_BITS)
        out->n_bits =
            mr_semantic_is_varbit(typed->props) ? INT32_MAX : mr_semantic_bits(typed->props);
}

enum mr_family mr_convert_leaf(const struct mr_typed *typed, struct mr_convert *out)
{
    convert_source(typed, out);
    return sources[typed->semantic].family;
}

/* a plain number becomes a time by the unit that the column's entry names. */
static enum mr_family unit_family(const char *unit, enum mr_type to, struct mr_convert *c)
{
    static const char *const units[] = {
        [MR_UNIT_S] = "s", [MR_UNIT_MS] = "ms", [MR_UNIT_US] = "us", [MR_UNIT_NS] = "ns"};
    if (strcmp(unit, "days") == 0) {
        c->normalise = mr_norm_unit_date;
        return MR_FAM_DATE;
    }
    for (unsigned i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i]) != 0)
            continue;
        c->unit = (enum mr_ts_unit)i;
        c->normalise = to == MR_T_TIME ? mr_norm_time : mr_norm_unit_ts;
        if (to == MR_T_TIME)
            return MR_FAM_TIME;
        return to == MR_T_DATE ? MR_FAM_TIMESTAMP : MR_FAM_INSTANT; /* a date: X-13 */
    }
    return MR_FAM_NONE;
}

static bool is_text_type(enum mr_type type)
{
    return type == MR_T_TEXT || type == MR_T_VARCHAR || type == MR_T_BPCHAR || type == MR_T_ENUM;
}

static bool is_time_type(enum mr_type type)
{
    return type == MR_T_DATE || type == MR_T_TIME || type == MR_T_TIMESTAMP ||
           type == MR_T_TIMESTAMPTZ;
}

/* Vectors and sparse vectors have one family, but neither can be the other's type. */
static bool is_other_float(enum mr_semantic semantic, enum mr_type to)
{
    return (semantic == MR_SEM_SPARSEVEC) != (to == MR_T_SPARSEVEC) &&
           sources[semantic].family == MR_FAM_VECTOR;
}

/* An array of a type that no writer has takes the target's own literals, `{a,b}`, a row type its
 * `(a,b)`: a text may be one, a document or a set never is. */
static bool is_no_literal(enum mr_family family, enum mr_semantic semantic,
                          const struct mr_coltype *to)
{
    return to->type == MR_T_CAST && (to->elem != MR_T_NONE || to->composite) &&
           (family != MR_FAM_TEXT || semantic == MR_SEM_ENUM_SET);
}

bool mr_convert_find(const struct mr_convert_from *from, const struct mr_coltype *to,
                     struct mr_convert *out)
{
    convert_source(from->typed, out);
    out->to = *to;
    out->lossy = from->cast;
    out->sentinels = out->sentinels || from->sentinels;
    enum mr_semantic semantic = from->typed->semantic;
    enum mr_family family = sources[semantic].family;
    if (semantic == MR_SEM_NULL) { /* never called: null is null in every column */
        out->write = mr_parse_text;
        return true;
    }
    if (family == MR_FAM_INTEGER && from->unit != NULL && is_time_type(to->type))
        family = unit_family(from->unit, to->type, out);
    if (semantic == MR_SEM_BITS && to->type == MR_T_VARBIT &&
        !mr_semantic_is_bit(from->typed->props)) /* a record of varbit(n) is one of bit(n) else */
        out->n_bits = INT32_MAX;
    if (semantic == MR_SEM_ENUM_SET && to->type == MR_T_ARRAY && is_text_type(to->elem)) {
        out->write = mr_parse_text_array; /* T-35 */
        return true;
    }
    const struct cell *cell = &cells[family][to->type];
    out->write = cell->write;
    if (is_other_float(semantic, to->type) || cell->write == NULL ||
        (cell->cast_only && !from->cast) || is_no_literal(family, semantic, to))
        return false;
    if (family == MR_FAM_TEXT && to->labels != NULL && to->type == MR_T_CAST &&
        to->elem == MR_T_NONE)
        out->write = mr_parse_enum; /* a domain over an enum */
    if (family == MR_FAM_TEXT && to->type == MR_T_CAST && to->oid == MR_TSVECTOR_OID)
        out->write = mr_parse_tsvector;
    /* float4 cannot take a double, but can take a float. */
    return semantic != MR_SEM_DOUBLE || to->type != MR_T_FLOAT4 || from->cast;
}
