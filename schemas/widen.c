/* Owns the comparison of types by their sets of values. Must not know tables. What needs no rewrite
 * is PostgreSQL's: ATColumnChangeRequiresRewrite() in tablecmds.c with the support functions of the
 * length casts (varchar_support, numeric_support, varbit_support, TemporalSimplify). */
#include "schemas/widen.h"

#include "base/ban.h"

/* An int32 length or precision, where -1 is "any". */
static bool holds(int32_t wide, int32_t narrow)
{
    return wide < 0 || (narrow >= 0 && narrow <= wide);
}

static int integer_rank(enum mr_type type)
{
    return type == MR_T_INT2 ? 1 : type == MR_T_INT4 ? 2 : type == MR_T_INT8 ? 3 : 0;
}

static bool is_varying(enum mr_type type)
{
    return type == MR_T_VARCHAR || type == MR_T_TEXT;
}

static int32_t characters(const struct mr_coltype *type, enum mr_type scalar)
{
    return scalar == MR_T_TEXT || type->length <= 0 ? -1 : type->length;
}

static enum mr_widening numeric_kind(const struct mr_coltype *have, const struct mr_coltype *want)
{
    if (have->precision < 0)
        return MR_WIDEN_NONE;
    if (want->precision < 0)
        return MR_WIDEN_IN_PLACE;
    if (want->scale == have->scale)
        return want->precision > have->precision ? MR_WIDEN_IN_PLACE : MR_WIDEN_NONE;
    bool whole = want->precision - want->scale >= have->precision - have->scale;
    return want->scale > have->scale && whole ? MR_WIDEN_REWRITE : MR_WIDEN_NONE;
}

/* Digits of a second that values of this meaning can have. */
static int32_t fraction_of(enum mr_semantic semantic)
{
    switch ((int)semantic) {
    case MR_SEM_TIME_MS:
    case MR_SEM_TS_MS:
    case MR_SEM_TSTZ_MS:
    case MR_SEM_AVRO_DURATION:
        return 3;
    default:
        return 6;
    }
}

static bool is_time(enum mr_type type)
{
    return type == MR_T_TIME || type == MR_T_TIMETZ || type == MR_T_TIMESTAMP ||
           type == MR_T_TIMESTAMPTZ || type == MR_T_INTERVAL;
}

static enum mr_widening time_kind(const struct mr_coltype *have, const struct mr_coltype *want,
                                  enum mr_semantic semantic)
{
    bool enough = have->precision < 0 || have->precision >= fraction_of(semantic);
    return !enough && holds(want->precision, have->precision) ? MR_WIDEN_IN_PLACE : MR_WIDEN_NONE;
}

static enum mr_widening text_kind(const struct mr_coltype *have, enum mr_type have_type,
                                  const struct mr_coltype *want, enum mr_type want_type)
{
    int32_t from = characters(have, have_type);
    int32_t to = characters(want, want_type);
    return from >= 0 && holds(to, from) && to != from ? MR_WIDEN_IN_PLACE : MR_WIDEN_NONE;
}

static enum mr_widening bits_kind(const struct mr_coltype *have, enum mr_type have_type,
                                  const struct mr_coltype *want, enum mr_type want_type)
{
    int32_t from = have->length > 0 ? have->length : have_type == MR_T_BIT ? 1 : -1;
    int32_t to = want->length > 0 ? want->length : -1;
    if (want_type != MR_T_VARBIT || from < 0 || !holds(to, from))
        return MR_WIDEN_NONE;
    if (have_type == MR_T_BIT)
        return MR_WIDEN_REWRITE; /* its indexes are of another operator class */
    return to != from ? MR_WIDEN_IN_PLACE : MR_WIDEN_NONE;
}

static enum mr_widening scalar_kind(const struct mr_coltype *have, enum mr_type have_type,
                                    const struct mr_coltype *want, enum mr_type want_type,
                                    enum mr_semantic semantic) /* NOLINT(readability-function-size)
                                    both types come apart: an array's type is its element's */
{
    if (integer_rank(have_type) > 0 && integer_rank(want_type) > integer_rank(have_type))
        return MR_WIDEN_REWRITE;
    if (have_type == MR_T_FLOAT4 && want_type == MR_T_FLOAT8)
        return MR_WIDEN_REWRITE;
    if (have_type == MR_T_VARCHAR && is_varying(want_type))
        return text_kind(have, have_type, want, want_type);
    if ((have_type == MR_T_BIT || have_type == MR_T_VARBIT))
        return bits_kind(have, have_type, want, want_type);
    if (have_type != want_type)
        return MR_WIDEN_NONE;
    if (have_type == MR_T_NUMERIC)
        return numeric_kind(have, want);
    return is_time(have_type) ? time_kind(have, want, semantic) : MR_WIDEN_NONE;
}

enum mr_widening mr_widen_kind(const struct mr_coltype *have, const struct mr_coltype *want,
                               enum mr_semantic semantic)
{
    if (have->domain)
        return MR_WIDEN_NONE; /* its type is not the table's to alter */
    if (have->type != MR_T_ARRAY || want->type != MR_T_ARRAY)
        return scalar_kind(have, have->type, want, want->type, semantic);
    enum mr_widening kind = scalar_kind(have, have->elem, want, want->elem, MR_SEM_ARRAY);
    return kind == MR_WIDEN_NONE ? kind : MR_WIDEN_REWRITE;
}
