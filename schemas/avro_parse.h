/* The schema parser's inside, shared by avro_schema.c (driver), avro_types.c (records, enums,
 * unions
 * ...), avro_names.c (namespaces, definitions) and avro_props.c (logical types, connect.*). */
#ifndef MR_SCHEMAS_AVRO_PARSE_H
#define MR_SCHEMAS_AVRO_PARSE_H

#include "base/map.h"
#include "schemas/avro_schema.h"
#include "schemas/json.h"

/* S-23; contract.md section 2. */
enum {
    AVRO_MAX_TEXT_BYTES = 8 * 1024 * 1024, /* all texts of one schema together */
    AVRO_MAX_JSON_DEPTH = 256,
    AVRO_MAX_JSON_VALUES = 1000000,
    AVRO_MAX_FIELDS = 5000,
    AVRO_MAX_NODES = 65536,
    AVRO_N_PRIMITIVES = MR_AV_STRING + 1
};

/* A definition of a named type. */
struct avro_named {
    struct mr_avro_node *node;
    size_t text_idx; /* the text that defined it */
};

struct avro_parser {
    struct mr_schema *schema;
    struct mr_arena *arena; /* the schema's */
    bool lenient_names;
    size_t text_idx;     /* the text being parsed */
    struct mr_map named; /* full name -> struct avro_named, in arena */
    struct mr_avro_node
        *bare[AVRO_N_PRIMITIVES]; /* one node for all bare "int", ...; NULL: not yet */
    struct mr_err *err;
};

/* Where a type stands: the namespace that names without a dot belong to ("" is the null namespace).
 */
struct avro_scope {
    const char *namespace;
};

/* avro_schema.c. Recursion: avro_type -> avro_type_* -> avro_type, as deep as the JSON is nested,
 * which is at most AVRO_MAX_JSON_DEPTH. */
int avro_type(struct avro_parser *p, const struct mr_json *json, const struct avro_scope *scope,
              const struct mr_avro_node **out);
int avro_no_memory(struct avro_parser *p);
/* A new node, counted; its index is its place in the schema. */
int avro_node_new(struct avro_parser *p, enum mr_avro_kind kind, struct mr_avro_node **out);
/* Zeroed memory in the arena for `n` elements; NULL when it is out (then avro_no_memory()). */
void *avro_alloc(struct avro_parser *p, size_t n, size_t element_bytes);
const char *avro_copy(struct avro_parser *p, const char *text);
/* The value as JSON text, in arena. */
int avro_print(struct avro_parser *p, const struct mr_json *json, const char **out);

/* avro_types.c: fill a node whose kind is set. */
int avro_type_record(struct avro_parser *p, const struct mr_json *json,
                     const struct avro_scope *scope, const struct mr_avro_node **out);
int avro_type_enum(struct avro_parser *p, const struct mr_json *json,
                   const struct avro_scope *scope, const struct mr_avro_node **out);
int avro_type_fixed(struct avro_parser *p, const struct mr_json *json,
                    const struct avro_scope *scope, const struct mr_avro_node **out);
int avro_type_items(struct avro_parser *p, enum mr_avro_kind kind, const struct mr_json *json,
                    const struct avro_scope *scope, const struct mr_avro_node **out);
int avro_type_union(struct avro_parser *p, const struct mr_json *json,
                    const struct avro_scope *scope, const struct mr_avro_node **out);

/* avro_names.c */
/* A field's or symbol's name: not empty, in the grammar unless names are lenient (S-11). */
int avro_check_name(struct avro_parser *p, const char *what, const char *name);
/* Names a new record, enum or fixed from `name`, `namespace` and `aliases`, and makes the scope of
 * what it encloses. */
int avro_name_node(struct avro_parser *p, const struct mr_json *json,
                   const struct avro_scope *scope, struct mr_avro_node *node,
                   struct avro_scope *inner);
/* Registers the node's full name, before its fields are parsed so that they may refer to it. *known
 * is NULL, or the definition in an earlier text that the finished node must equal. */
int avro_define(struct avro_parser *p, struct mr_avro_node *node,
                const struct mr_avro_node **known);
/* S-12, F-41: a second definition in a later text must say the same. */
int avro_same_definition(struct avro_parser *p, const struct mr_avro_node *known,
                         const struct mr_avro_node *again);
/* The type that a name refers to; *out NULL if it is not defined. */
int avro_resolve(struct avro_parser *p, const char *name, const struct avro_scope *scope,
                 const struct mr_avro_node **out);
/* The list of strings `json` (NULL or no array: none) into the arena. */
int avro_aliases(struct avro_parser *p, const struct mr_json *json, const char *namespace,
                 const char *const **out, uint16_t *n_out);

/* avro_props.c */
/* S-13, S-14: reads logicalType and connect.* of `json` for a type like `node` (kind and size). */
int avro_props(struct avro_parser *p, const struct mr_json *json, const struct mr_avro_node *node,
               struct mr_avro_props *out);
/* A field's merged attributes: the type's win, the field's own count where the type, or the one
 * non-null branch of its union, is a primitive. */
int avro_field_props(struct avro_parser *p, const struct mr_json *json,
                     const struct mr_avro_node *type, struct mr_avro_props *out);
bool avro_props_equal(const struct mr_avro_props *a, const struct mr_avro_props *b);
#define AVRO_PROPS_INIT {.logical = MR_LOGICAL_NONE, .precision = -1}

#endif
