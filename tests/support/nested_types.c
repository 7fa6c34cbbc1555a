/* Owns the generator behind nested_types.h. Must not depend on anything but the maker's number. */
#include "tests/support/nested_types.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/convert.h"

enum { MAX_NESTED = 3, MAX_ROWS = 5, LEAVES_ALONE = 9, MAX_EXTRA = 2 };

static bool one_in(struct random_maker *maker, unsigned n)
{
    return random_below(maker, n) == 0;
}

/* ---- schemas ---- */

/* Arrays in arrays of a scalar, mostly as deep as they can be in few bytes. */
static void put_matrix(struct random_maker *maker)
{
    struct mr_buf *out = &maker->text;
    unsigned n = one_in(maker, 24) ? 4 + random_below(maker, 4) : 1 + random_below(maker, 3);
    bool nulls = one_in(maker, 16); /* in place of inner arrays: no matrix has them */
    for (unsigned i = 0; i < n; i++)
        mr_buf_str(out, nulls && i > 0 ? "[\"null\",{\"type\":\"array\",\"items\":"
                                       : "{\"type\":\"array\",\"items\":");
    bool wrapped = one_in(maker, 3);
    mr_buf_str(out, wrapped ? "[\"null\"," : "");
    if (wrapped)
        random_key_type(maker);
    else
        random_type(maker, LEAVES_ALONE);
    mr_buf_str(out, wrapped ? "]" : "");
    for (unsigned i = 0; i < n; i++)
        mr_buf_str(out, nulls && i + 1 < n ? "}]" : "}");
}

static void put_record(struct random_maker *maker, unsigned depth)
{
    struct mr_buf *out = &maker->text;
    unsigned n = 1 + random_below(maker, 5);
    mr_buf_fmt(out, "{\"type\":\"record\",\"name\":\"N%u\",\"fields\":[", maker->n_names++);
    for (unsigned i = 0; i < n; i++) {
        mr_buf_fmt(out, "%s{\"name\":\"f%u\",\"type\":", i > 0 ? "," : "", i);
        if (depth < MAX_NESTED && one_in(maker, 3))
            nested_type(maker, depth + 1);
        else
            random_type(maker, one_in(maker, 2) ? MAX_NESTED : LEAVES_ALONE);
        mr_buf_str(out, "}");
    }
    mr_buf_str(out, "]}");
}

void nested_type(struct random_maker *maker, unsigned depth)
{
    struct mr_buf *out = &maker->text;
    bool optional = one_in(maker, 3);
    mr_buf_str(out, optional ? "[\"null\"," : "");
    unsigned kind = random_below(maker, 8);
    if (kind < 3) {
        put_matrix(maker);
    } else if (kind < 6) {
        put_record(maker, depth);
    } else {
        bool nulls = one_in(maker, 2);
        mr_buf_str(out, nulls ? "{\"type\":\"array\",\"items\":[\"null\","
                              : "{\"type\":\"array\",\"items\":");
        put_record(maker, depth);
        mr_buf_str(out, nulls ? "]}" : "}");
    }
    mr_buf_str(out, optional ? "]" : "");
}

/* ---- columns ---- */

static void column(struct random_maker *maker, struct mr_arena *arena, const struct mr_typed *typed,
                   unsigned depth, struct mr_coltype *out);

/* A type that this value has a conversion to, or its own. */
static void scalar(struct random_maker *maker, const struct mr_typed *typed, struct mr_coltype *out)
{
    static const char *texts[] = {"a", "bb", "ccc"};
    static const struct mr_labels labels = {3, texts};
    const struct mr_convert_from from = {.typed = typed};
    struct mr_convert found;
    bool of_texts = typed->node->kind == MR_AV_STRING || typed->node->kind == MR_AV_ENUM;
    if (of_texts && one_in(maker, 12)) {
        *out = (struct mr_coltype){
            .type = MR_T_ENUM, .length = -1, .precision = -1, .labels = &labels};
        return;
    }
    for (int i = 0; i < 6; i++) {
        random_column(maker, out);
        if (out->elem == MR_T_NONE && mr_convert_find(&from, out, &found))
            return;
    }
    mr_semantic_column(typed, out);
    if (out->type == MR_T_NONE || out->type == MR_T_ARRAY)
        *out = (struct mr_coltype){.type = MR_T_JSONB, .length = -1, .precision = -1};
}

/* The record's fields in another order and case, attributes that it lacks, and seldom one less. */
static const struct mr_composite *row_of(struct random_maker *maker, struct mr_arena *arena,
                                         const struct mr_avro_node *record, unsigned depth)
{
    struct mr_composite *row = mr_arena_alloc(arena, sizeof *row);
    struct mr_column *attrs =
        mr_arena_alloc(arena, ((size_t)record->n_fields + MAX_EXTRA) * sizeof *attrs);
    unsigned first = record->n_fields > 0 ? random_below(maker, record->n_fields) : 0;
    bool less = one_in(maker, 32);
    *row = (struct mr_composite){.n = 0, .attrs = attrs};
    for (unsigned i = 0; i < record->n_fields; i++) {
        const struct mr_avro_field *field = &record->fields[(i + first) % record->n_fields];
        struct mr_typed typed;
        if (less && i == 0)
            continue;
        char *name = mr_arena_copy(arena, field->name, strlen(field->name) + 1);
        if (name[0] == 'f' && one_in(maker, 4))
            name[0] = 'F';
        mr_typed_of(field->type, &field->props, &typed);
        attrs[row->n] = (struct mr_column){.name = name};
        column(maker, arena, &typed, depth + 1, &attrs[row->n++].type);
    }
    for (unsigned i = random_below(maker, MAX_EXTRA + 1); i > 0; i--) {
        attrs[row->n] = (struct mr_column){.name = i == 1 ? "x" : "y z"};
        random_column(maker, &attrs[row->n++].type);
    }
    return row;
}

static bool is_array(const struct mr_typed *typed)
{
    return typed->node->kind == MR_AV_ARRAY && !mr_semantic_is_whole(typed->semantic);
}

static void array(struct random_maker *maker, struct mr_arena *arena, const struct mr_typed *typed,
                  unsigned depth, struct mr_coltype *out)
{
    struct mr_typed items = *typed;
    while (is_array(&items)) {
        struct mr_typed inner;
        mr_typed_items(&items, &inner);
        items = inner;
    }
    column(maker, arena, &items, depth, out);
    out->composite = false;
    out->elem = out->type;
    if (out->type != MR_T_CAST && out->type != MR_T_GEOMETRY && out->type != MR_T_GEOGRAPHY)
        out->type = MR_T_ARRAY;
    else
        out->type = MR_T_CAST;
    if (one_in(maker, 24) || items.semantic == MR_SEM_NULL)
        *out = (struct mr_coltype){.type = MR_T_JSONB, .length = -1, .precision = -1};
}

static void column(struct random_maker *maker, struct mr_arena *arena, const struct mr_typed *typed,
                   unsigned depth, struct mr_coltype *out)
{
    bool record = typed->semantic == MR_SEM_NESTED && typed->node->kind == MR_AV_RECORD;
    if (is_array(typed)) {
        array(maker, arena, typed, depth, out);
    } else if (record && depth < MAX_ROWS && !one_in(maker, 12)) {
        *out = (struct mr_coltype){.type = MR_T_CAST,
                                   .length = -1,
                                   .precision = -1,
                                   .composite = true,
                                   .sql = "public.pair",
                                   .row = row_of(maker, arena, typed->node, depth)};
    } else {
        scalar(maker, typed, out);
    }
}

void nested_column(struct random_maker *maker, struct mr_arena *arena, const struct mr_typed *typed,
                   struct mr_coltype *out)
{
    column(maker, arena, typed, 0, out);
}
