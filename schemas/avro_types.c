/* Owns the complex types of a schema: record, enum, fixed, array, map, union. Must not know text
 * limits (the driver's) nor attributes (avro_props). Invariant: lists are counted before they are
 * allocated, and all of a type's checks come before it is given to its parent. */
#include "schemas/avro_index.h"
#include "schemas/avro_parse.h"

#include "base/ban.h"

static uint32_t add_saturating(uint32_t a, uint32_t b)
{
    uint32_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT32_MAX : sum;
}

/* Adds `name` to a set; -1: memory is out, 0: it was there, 1: it is new. */
static int set_add(struct mr_map *set, const char *name)
{
    bool found;
    size_t len = strlen(name);
    struct mr_map_entry *entry =
        mr_map_entry(set, name, len, mr_hash(name, len, set->seed), &found);
    if (entry == NULL)
        return -1;
    return found ? 0 : 1;
}

/* The list under `name`, which must be there. */
static int need_list(struct avro_parser *p, const struct mr_json *json, const char *name,
                     const struct mr_avro_node *node, const struct mr_json **out)
{
    *out = mr_json_find(json, name);
    if (!mr_json_is(*out, MR_JSON_ARRAY))
        return mr_err_set(p->err, MR_SCHEMA_INVALID, "%s '%s' without a list '%s'",
                          mr_avro_kind_name(node->kind), node->full_name, name);
    return 0;
}

static int field_parse(struct avro_parser *p, const struct mr_json *json,
                       const struct avro_scope *scope, struct mr_avro_field *field)
{
    const char *name = mr_json_text(mr_json_find(json, "name"));
    int rc = avro_check_name(p, "field", name);
    if (rc < 0)
        return rc;
    const struct mr_json *type = mr_json_find(json, "type");
    if (type == NULL)
        return mr_err_set(p->err, MR_SCHEMA_INVALID, "the field '%s' has no type", name);
    field->name = avro_copy(p, name);
    if (field->name == NULL)
        return avro_no_memory(p);
    rc = avro_type(p, type, scope, &field->type);
    if (rc == 0)
        rc = avro_field_props(p, json, field->type, &field->props);
    if (rc == 0)
        rc = avro_aliases(p, mr_json_find(json, "aliases"), NULL, &field->aliases,
                          &field->n_aliases);
    const struct mr_json *dflt = mr_json_find(json, "default");
    if (rc == 0 && dflt != NULL)
        rc = avro_print(p, dflt, &field->default_json);
    return rc;
}

/* A record that encloses itself is unfinished while its fields are parsed: they see min_bytes 0 and
 * no fields (S-35), so both are set at the end. */
static int fields_parse(struct avro_parser *p, const struct mr_json *list,
                        const struct avro_scope *scope, struct mr_avro_node *node,
                        struct mr_map *seen)
{
    size_t n = mr_json_size(list);
    uint32_t min_bytes = 0;
    struct mr_avro_field *fields = avro_alloc(p, n, sizeof *fields);
    if (fields == NULL)
        return avro_no_memory(p);
    for (size_t i = 0; i < n; i++) {
        int rc = field_parse(p, mr_json_at(list, i), scope, &fields[i]);
        if (rc < 0)
            return rc;
        int added = set_add(seen, fields[i].name);
        if (added < 0)
            return mr_err_set(p->err, MR_NO_MEMORY, "field names");
        if (added == 0)
            return mr_err_set(p->err, MR_SCHEMA_INVALID, "two fields '%s' in '%s'", fields[i].name,
                              node->full_name);
        min_bytes = add_saturating(min_bytes, fields[i].type->min_bytes);
    }
    node->by_name = mr_avro_index_fields(p->arena, fields, (uint32_t)n);
    node->fields = fields;
    node->n_fields = (uint16_t)n; /* at most AVRO_MAX_FIELDS */
    node->min_bytes = min_bytes;
    return node->by_name != NULL ? 0 : avro_no_memory(p);
}

static int record_fields(struct avro_parser *p, const struct mr_json *json,
                         const struct avro_scope *scope, struct mr_avro_node *node)
{
    const struct mr_json *list;
    int rc = need_list(p, json, "fields", node, &list);
    if (rc < 0)
        return rc;
    if (mr_json_size(list) > AVRO_MAX_FIELDS)
        return mr_err_set(p->err, MR_SCHEMA_TOO_LARGE, "record '%s' has more than %d fields",
                          node->full_name, AVRO_MAX_FIELDS);
    struct mr_map seen;
    mr_map_init(&seen, p->named.seed);
    rc = fields_parse(p, list, scope, node, &seen);
    mr_map_release(&seen);
    return rc;
}

static int enum_symbols(struct avro_parser *p, const struct mr_json *list,
                        struct mr_avro_node *node, struct mr_map *seen)
{
    size_t n = mr_json_size(list);
    const char **symbols = avro_alloc(p, n, sizeof *symbols);
    if (symbols == NULL)
        return avro_no_memory(p);
    for (size_t i = 0; i < n; i++) {
        const char *symbol = mr_json_text(mr_json_at(list, i));
        int rc = avro_check_name(p, "symbol", symbol);
        if (rc < 0)
            return rc;
        symbols[i] = avro_copy(p, symbol);
        int added = symbols[i] != NULL ? set_add(seen, symbols[i]) : -1;
        if (added < 0)
            return avro_no_memory(p);
        if (added == 0)
            return mr_err_set(p->err, MR_SCHEMA_INVALID, "two symbols '%s' in '%s'", symbol,
                              node->full_name);
    }
    node->by_name = mr_avro_index_symbols(p->arena, symbols, (uint32_t)n);
    node->symbols = symbols;
    node->n_symbols = (uint32_t)n; /* at most AVRO_MAX_JSON_VALUES */
    return node->by_name != NULL ? 0 : avro_no_memory(p);
}

static int enum_body(struct avro_parser *p, const struct mr_json *json, struct mr_avro_node *node)
{
    const struct mr_json *list;
    int rc = need_list(p, json, "symbols", node, &list);
    if (rc < 0)
        return rc;
    struct mr_map seen;
    mr_map_init(&seen, p->named.seed);
    rc = enum_symbols(p, list, node, &seen);
    mr_map_release(&seen);
    node->min_bytes = 1;
    const char *dflt = mr_json_text(mr_json_find(json, "default"));
    if (rc < 0 || dflt == NULL)
        return rc;
    node->enum_default = avro_copy(p, dflt);
    return node->enum_default != NULL ? 0 : avro_no_memory(p);
}

static int fixed_body(struct avro_parser *p, const struct mr_json *json, struct mr_avro_node *node)
{
    const struct mr_json *size = mr_json_find(json, "size");
    int64_t n = mr_json_is(size, MR_JSON_INTEGER) ? mr_json_integer(size) : -1;
    if (n < 0 || n > INT32_MAX)
        return mr_err_set(p->err, MR_SCHEMA_INVALID, "fixed '%s' without a valid size",
                          node->full_name);
    node->size = (uint32_t)n;
    node->min_bytes = node->size;
    return 0;
}

/* What record, enum and fixed share: name, definition, body, and the check of a repeated one. */
static int named_type(struct avro_parser *p, enum mr_avro_kind kind, const struct mr_json *json,
                      const struct avro_scope *scope, const struct mr_avro_node **out)
{
    struct mr_avro_node *node;
    struct avro_scope inner;
    const struct mr_avro_node *known;
    int rc = avro_node_new(p, kind, &node);
    if (rc == 0)
        rc = avro_name_node(p, json, scope, node, &inner);
    if (rc == 0)
        rc = avro_define(p, node, &known);
    if (rc != 0)
        return rc;
    if (kind == MR_AV_RECORD)
        rc = record_fields(p, json, &inner, node);
    else if (kind == MR_AV_ENUM)
        rc = enum_body(p, json, node);
    else
        rc = fixed_body(p, json, node);
    if (rc == 0)
        rc = avro_props(p, json, node, &node->props);
    *out = node;
    if (rc < 0 || known == NULL)
        return rc;
    *out = known;
    return avro_same_definition(p, known, node);
}

int avro_type_record(struct avro_parser *p, const struct mr_json *json,
                     const struct avro_scope *scope, const struct mr_avro_node **out)
{
    return named_type(p, MR_AV_RECORD, json, scope, out);
}

int avro_type_enum(struct avro_parser *p, const struct mr_json *json,
                   const struct avro_scope *scope, const struct mr_avro_node **out)
{
    return named_type(p, MR_AV_ENUM, json, scope, out);
}

int avro_type_fixed(struct avro_parser *p, const struct mr_json *json,
                    const struct avro_scope *scope, const struct mr_avro_node **out)
{
    return named_type(p, MR_AV_FIXED, json, scope, out);
}

int avro_type_items(struct avro_parser *p, enum mr_avro_kind kind, const struct mr_json *json,
                    const struct avro_scope *scope, const struct mr_avro_node **out)
{
    const char *name = kind == MR_AV_ARRAY ? "items" : "values";
    const struct mr_json *items = mr_json_find(json, name);
    if (items == NULL)
        return mr_err_set(p->err, MR_SCHEMA_INVALID, "%s without '%s'", mr_avro_kind_name(kind),
                          name);
    struct mr_avro_node *node;
    int rc = avro_node_new(p, kind, &node);
    if (rc == 0)
        rc = avro_type(p, items, scope, &node->items);
    if (rc < 0)
        return rc;
    node->min_bytes = 1; /* the end-of-blocks count */
    *out = node;
    return avro_props(p, json, node, &node->props);
}

/* What makes two branches the same one (S-12): the full name, or the kind of an unnamed type. */
static const char *branch_name(const struct mr_avro_node *branch)
{
    return branch->full_name != NULL ? branch->full_name : mr_avro_kind_name(branch->kind);
}

static int union_add(struct avro_parser *p, const struct mr_avro_node *branch, struct mr_map *seen)
{
    if (branch->kind == MR_AV_UNION)
        return mr_err_set(p->err, MR_SCHEMA_INVALID, "a union directly inside a union");
    int added = set_add(seen, branch_name(branch));
    if (added < 0)
        return mr_err_set(p->err, MR_NO_MEMORY, "union branches");
    if (added == 0)
        return mr_err_set(p->err, MR_SCHEMA_INVALID, "two branches '%s' in one union",
                          branch_name(branch));
    return 0;
}

static int union_branches(struct avro_parser *p, const struct mr_json *json,
                          const struct avro_scope *scope, struct mr_avro_node *node,
                          struct mr_map *seen)
{
    size_t n = mr_json_size(json);
    uint32_t least = n > 0 ? UINT32_MAX : 0;
    const struct mr_avro_node **branches = avro_alloc(p, n, sizeof(struct mr_avro_node *));
    if (branches == NULL)
        return avro_no_memory(p);
    for (size_t i = 0; i < n; i++) {
        int rc = avro_type(p, mr_json_at(json, i), scope, &branches[i]);
        if (rc == 0)
            rc = union_add(p, branches[i], seen);
        if (rc < 0)
            return rc;
        if (branches[i]->min_bytes < least)
            least = branches[i]->min_bytes;
    }
    node->branches = branches;
    node->n_branches = (uint16_t)n;
    node->min_bytes = add_saturating(1, least);
    return 0;
}

int avro_type_union(struct avro_parser *p, const struct mr_json *json,
                    const struct avro_scope *scope, const struct mr_avro_node **out)
{
    if (mr_json_size(json) > UINT16_MAX)
        return mr_err_set(p->err, MR_SCHEMA_TOO_LARGE, "a union of %zu branches",
                          mr_json_size(json));
    struct mr_avro_node *node;
    int rc = avro_node_new(p, MR_AV_UNION, &node);
    if (rc < 0)
        return rc;
    struct mr_map seen;
    mr_map_init(&seen, p->named.seed);
    rc = union_branches(p, json, scope, node, &seen);
    mr_map_release(&seen);
    *out = node;
    return rc;
}
