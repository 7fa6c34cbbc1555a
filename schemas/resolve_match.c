/* Owns what matches in schema resolution: types, names, branches, meanings (contract.md S-02, S-03,
 * S-07, S-08). Must not make ops. */
#include "schemas/resolve_ops.h"
#include "schemas/semantic.h"

#include "base/ban.h"

static const char *short_name(const char *full)
{
    const char *dot = strrchr(full, '.');
    return dot != NULL ? dot + 1 : full;
}

/* S-03: the unqualified name, or an alias of the reader. */
static bool names_match(const struct mr_avro_node *w, const struct mr_avro_node *r)
{
    if (strcmp(w->name, r->name) == 0)
        return true;
    for (uint16_t i = 0; i < r->n_aliases; i++) {
        if (strcmp(short_name(r->aliases[i]), w->name) == 0)
            return true;
    }
    return false;
}

static bool is_promotion(enum mr_avro_kind w, enum mr_avro_kind r)
{
    switch (w) {
    case MR_AV_INT:
        return r == MR_AV_LONG || r == MR_AV_FLOAT || r == MR_AV_DOUBLE;
    case MR_AV_LONG:
        return r == MR_AV_FLOAT || r == MR_AV_DOUBLE;
    case MR_AV_FLOAT:
        return r == MR_AV_DOUBLE;
    case MR_AV_STRING:
        return r == MR_AV_BYTES;
    case MR_AV_BYTES:
        return r == MR_AV_STRING;
    case MR_AV_NULL:
    case MR_AV_BOOLEAN:
    case MR_AV_DOUBLE:
    case MR_AV_RECORD:
    case MR_AV_ENUM:
    case MR_AV_FIXED:
    case MR_AV_ARRAY:
    case MR_AV_MAP:
    case MR_AV_UNION:
    default:
        return false;
    }
}

/* A meaning of its own, beyond the bare type: the number 5 is not 5 days. */
static bool has_meaning(const struct mr_typed *typed)
{
    static const bool bare[MR_N_SEMANTICS] = {
        [MR_SEM_NULL] = true,   [MR_SEM_BOOLEAN] = true, [MR_SEM_INT16] = true,
        [MR_SEM_INT32] = true,  [MR_SEM_INT64] = true,   [MR_SEM_FLOAT] = true,
        [MR_SEM_DOUBLE] = true, [MR_SEM_STRING] = true,  [MR_SEM_ENUM_SET] = true,
        [MR_SEM_XML] = true,    [MR_SEM_JSON] = true,    [MR_SEM_ENUM] = true,
        [MR_SEM_BYTES] = true,  [MR_SEM_ARRAY] = true,   [MR_SEM_NESTED] = true,
    };
    return !bare[typed->semantic];
}

/* S-08: two decimals need the same precision and scale, two other meanings must be one, or of one
 * logical type, whose number a connect.name beside it does not change. Where only one side has a
 * meaning, the reader's counts. NULL: they go together. */
const char *mr_res_clash(const struct mr_res_place *w, const struct mr_res_place *r)
{
    struct mr_typed tw;
    struct mr_typed tr;
    mr_typed_of(w->node, w->props, &tw);
    mr_typed_of(r->node, r->props, &tr);
    if (!has_meaning(&tw) || !has_meaning(&tr))
        return NULL;
    bool one_logical =
        tw.props->logical != MR_LOGICAL_NONE && tw.props->logical == tr.props->logical;
    if (tw.semantic != tr.semantic && !one_logical)
        return "another logical type";
    if (tw.semantic == MR_SEM_DECIMAL &&
        (mr_semantic_scale(tw.props) != mr_semantic_scale(tr.props) ||
         tw.props->precision != tr.props->precision))
        return "decimals of another precision or scale";
    return NULL;
}

/* S-07: 2 the same type, 1 by promotion, 0 not at all. */
int mr_res_match(const struct mr_avro_node *w, const struct mr_avro_node *r)
{
    if (w->kind != r->kind)
        return is_promotion(w->kind, r->kind) ? 1 : 0;
    if (w->kind == MR_AV_FIXED && w->size != r->size)
        return 0;
    if (w->full_name == NULL)
        return 2;
    return names_match(w, r) ? 2 : 0;
}

/* The reader's branch for a writer's type; of records first the one of the same full name. -1 */
int mr_res_branch(const struct mr_avro_node *w, const struct mr_avro_node *r)
{
    int found = -1;
    int best = 0;
    for (uint16_t i = 0; i < r->n_branches; i++) {
        const struct mr_avro_node *branch = r->branches[i];
        int how = mr_res_match(w, branch);
        if (how == 2 && w->full_name != NULL && strcmp(w->full_name, branch->full_name) == 0)
            how = 3;
        if (how > best) {
            best = how;
            found = i;
        }
    }
    return found;
}
