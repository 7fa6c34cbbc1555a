/* Owns the life of a schema and the parser's driver: texts in order, a type by its JSON form. Must
 * not keep anything of the JSON tree: all that stays is in the schema's arena. The parser is the
 * one place that recurses; each level consumes one level of JSON, of which there are at most 256
 * (S-23). Invariant: a finished node's min_bytes is final, since a reference is to a finished node
 * or to one that encloses it, which counts 0 (S-35). */
#include "schemas/avro_schema.h"

#include <stdlib.h>

#include "base/memory.h"
#include "schemas/avro_parse.h"

#include "base/ban.h"

static const char *const kind_names[] = {
    [MR_AV_NULL] = "null",   [MR_AV_BOOLEAN] = "boolean", [MR_AV_INT] = "int",
    [MR_AV_LONG] = "long",   [MR_AV_FLOAT] = "float",     [MR_AV_DOUBLE] = "double",
    [MR_AV_BYTES] = "bytes", [MR_AV_STRING] = "string",   [MR_AV_RECORD] = "record",
    [MR_AV_ENUM] = "enum",   [MR_AV_FIXED] = "fixed",     [MR_AV_ARRAY] = "array",
    [MR_AV_MAP] = "map",     [MR_AV_UNION] = "union",
};

const char *mr_avro_kind_name(enum mr_avro_kind kind)
{
    return (size_t)kind < sizeof kind_names / sizeof kind_names[0] ? kind_names[kind] : "?";
}

int avro_no_memory(struct avro_parser *p)
{
    return mr_err_set(p->err, MR_SCHEMA_TOO_LARGE, "the schema's model needs more than %zu bytes",
                      p->arena->limit_bytes);
}

void *avro_alloc(struct avro_parser *p, size_t n, size_t element_bytes)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, element_bytes, &bytes))
        return NULL;
    void *at = mr_arena_alloc(p->arena, bytes);
    if (at != NULL && bytes > 0)
        memset(at, 0, bytes);
    return at;
}

const char *avro_copy(struct avro_parser *p, const char *text)
{
    return mr_arena_copy(p->arena, text, strlen(text) + 1);
}

int avro_print(struct avro_parser *p, const struct mr_json *json, const char **out)
{
    struct mr_buf text = {.limit = AVRO_MAX_TEXT_BYTES * (size_t)2};
    mr_json_print(json, &text);
    mr_buf_byte(&text, 0);
    *out = mr_buf_ok(&text) ? mr_arena_copy(p->arena, text.data, text.len) : NULL;
    mr_buf_release(&text);
    return *out != NULL ? 0 : avro_no_memory(p);
}

int avro_node_new(struct avro_parser *p, enum mr_avro_kind kind, struct mr_avro_node **out)
{
    if (p->schema->n_nodes >= AVRO_MAX_NODES)
        return mr_err_set(p->err, MR_SCHEMA_TOO_LARGE, "more than %d types", AVRO_MAX_NODES);
    struct mr_avro_node *node = avro_alloc(p, 1, sizeof *node);
    if (node == NULL)
        return avro_no_memory(p);
    node->kind = kind;
    node->node_idx = p->schema->n_nodes++;
    node->props = (struct mr_avro_props)AVRO_PROPS_INIT;
    *out = node;
    return 0;
}

static uint32_t primitive_min_bytes(enum mr_avro_kind kind)
{
    if (kind == MR_AV_NULL)
        return 0;
    if (kind == MR_AV_FLOAT)
        return 4;
    return kind == MR_AV_DOUBLE ? 8 : 1;
}

/* A primitive named by a string: all share one node, which has no attributes. */
static int bare_primitive(struct avro_parser *p, enum mr_avro_kind kind,
                          const struct mr_avro_node **out)
{
    if (p->bare[kind] == NULL) {
        struct mr_avro_node *node;
        int rc = avro_node_new(p, kind, &node);
        if (rc != 0)
            return rc;
        node->min_bytes = primitive_min_bytes(kind);
        p->bare[kind] = node;
    }
    *out = p->bare[kind];
    return 0;
}

static int primitive(struct avro_parser *p, enum mr_avro_kind kind, const struct mr_json *json,
                     const struct mr_avro_node **out)
{
    struct mr_avro_node *node;
    int rc = avro_node_new(p, kind, &node);
    if (rc != 0)
        return rc;
    node->min_bytes = primitive_min_bytes(kind);
    *out = node;
    return avro_props(p, json, node, &node->props);
}

/* Kind of a type's name; false for the name of a defined type. */
static bool kind_of_name(const char *name, enum mr_avro_kind *kind)
{
    for (size_t i = 0; i < MR_AV_UNION; i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            *kind = (enum mr_avro_kind)i;
            return true;
        }
    }
    *kind = MR_AV_RECORD;
    return strcmp(name, "error") == 0; /* a record of an Avro protocol */
}

/* "int", "ns.Order" */
static int type_by_name(struct avro_parser *p, const char *name, const struct avro_scope *scope,
                        const struct mr_avro_node **out)
{
    enum mr_avro_kind kind;
    if (kind_of_name(name, &kind) && kind <= MR_AV_STRING)
        return bare_primitive(p, kind, out);
    int rc = avro_resolve(p, name, scope, out);
    if (rc < 0)
        return rc;
    if (*out == NULL)
        return mr_err_set(p->err, MR_SCHEMA_INVALID, "the type '%s' is not defined", name);
    return 0;
}

static int type_of_kind(struct avro_parser *p, enum mr_avro_kind kind, const struct mr_json *json,
                        const struct avro_scope *scope, const struct mr_avro_node **out)
{
    switch (kind) {
    case MR_AV_RECORD:
        return avro_type_record(p, json, scope, out);
    case MR_AV_ENUM:
        return avro_type_enum(p, json, scope, out);
    case MR_AV_FIXED:
        return avro_type_fixed(p, json, scope, out);
    case MR_AV_ARRAY:
    case MR_AV_MAP:
        return avro_type_items(p, kind, json, scope, out);
    case MR_AV_NULL:
    case MR_AV_BOOLEAN:
    case MR_AV_INT:
    case MR_AV_LONG:
    case MR_AV_FLOAT:
    case MR_AV_DOUBLE:
    case MR_AV_BYTES:
    case MR_AV_STRING:
        return primitive(p, kind, json, out);
    case MR_AV_UNION:
        break;
    }
    return mr_err_set(p->err, MR_BUG, "type kind %d", (int)kind);
}

/* NOLINTNEXTLINE(misc-no-recursion): each level takes one level of JSON, at most 256 (S-23) */
int avro_type(struct avro_parser *p, const struct mr_json *json, const struct avro_scope *scope,
              const struct mr_avro_node **out)
{
    if (mr_json_is(json, MR_JSON_ARRAY))
        return avro_type_union(p, json, scope, out);
    if (mr_json_is(json, MR_JSON_OBJECT)) {
        const struct mr_json *type = mr_json_find(json, "type");
        const char *name = mr_json_text(type);
        enum mr_avro_kind kind;
        if (name != NULL && kind_of_name(name, &kind))
            return type_of_kind(p, kind, json, scope, out);
        if (type != NULL) /* {"type": "Order"}, {"type": {"type": ...}} */
            return avro_type(p, type, scope, out);
        return mr_err_set(p->err, MR_SCHEMA_INVALID, "a type object without 'type'");
    }
    const char *name = mr_json_text(json);
    if (name == NULL)
        return mr_err_set(p->err, MR_SCHEMA_INVALID, "a type is neither name, object nor union");
    return type_by_name(p, name, scope, out);
}

static int parse_text(struct avro_parser *p, const struct mr_schema_text *text)
{
    static const struct mr_json_limits limits = {AVRO_MAX_TEXT_BYTES, AVRO_MAX_JSON_DEPTH,
                                                 AVRO_MAX_JSON_VALUES};
    struct mr_json *json = NULL;
    int rc = mr_json_parse(text->json, text->len, &limits, &json, p->err);
    if (rc < 0)
        return rc;
    struct avro_scope scope = {.namespace = ""};
    rc = avro_type(p, json, &scope, &p->schema->root);
    mr_json_free(json);
    return rc;
}

static int parse_texts(struct avro_parser *p, const struct mr_schema_text *texts, size_t n_texts)
{
    for (p->text_idx = 0; p->text_idx < n_texts; p->text_idx++) {
        int rc = parse_text(p, &texts[p->text_idx]);
        if (rc < 0)
            return rc;
    }
    const struct mr_schema_text *last = &texts[n_texts - 1];
    char *text = mr_arena_alloc(p->arena, last->len + 1);
    if (text == NULL)
        return avro_no_memory(p);
    memcpy(text, last->json, last->len);
    text[last->len] = '\0';
    p->schema->text = text;
    p->schema->text_len = last->len;
    return 0;
}

static int check_texts(const struct mr_schema_text *texts, size_t n_texts, size_t *bytes,
                       struct mr_err *err)
{
    *bytes = 0;
    for (size_t i = 0; i < n_texts; i++) {
        if (texts[i].len > AVRO_MAX_TEXT_BYTES - *bytes)
            return mr_err_set(err, MR_SCHEMA_TOO_LARGE, "schema texts of more than %d bytes",
                              AVRO_MAX_TEXT_BYTES);
        *bytes += texts[i].len;
    }
    return n_texts > 0 ? 0 : mr_err_set(err, MR_SCHEMA_INVALID, "no schema text");
}

/* Thousands of schemas may be cached, most of them small: a chunk is about what one needs. */
static size_t chunk_bytes(size_t text_bytes)
{
    enum { LEAST = 1024, MOST = 64 * 1024 };
    size_t guess = 2 * text_bytes;
    if (guess < LEAST)
        return LEAST;
    return guess < MOST ? guess : MOST;
}

int mr_schema_parse(const struct mr_schema_text *texts, size_t n_texts,
                    const struct mr_schema_opts *opts, struct mr_schema **out, struct mr_err *err)
{
    size_t bytes;
    int rc = check_texts(texts, n_texts, &bytes, err);
    if (rc < 0)
        return rc;
    struct mr_schema *schema = mr_memory_given(calloc(1, sizeof *schema));
    if (schema == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a schema");
    atomic_init(&schema->refs, 1);
    schema->id = -1;
    mr_arena_init(&schema->arena, chunk_bytes(bytes), 0);
    struct avro_parser p = {.schema = schema,
                            .arena = &schema->arena,
                            .lenient_names = opts->lenient_names,
                            .err = err};
    mr_map_init(&p.named, (uintptr_t)schema);
    rc = parse_texts(&p, texts, n_texts);
    mr_map_release(&p.named);
    if (rc < 0)
        mr_schema_unref(schema);
    else
        *out = schema;
    return rc;
}

struct mr_schema *mr_schema_ref(struct mr_schema *schema)
{
    atomic_fetch_add_explicit(&schema->refs, 1, memory_order_relaxed);
    return schema;
}

void mr_schema_unref(struct mr_schema *schema)
{
    if (schema == NULL || atomic_fetch_sub_explicit(&schema->refs, 1, memory_order_acq_rel) != 1)
        return;
    mr_arena_release(&schema->arena);
    free(schema);
}

const char *mr_avro_param(const struct mr_avro_props *props, const char *name)
{
    for (uint16_t i = 0; i < props->n_params; i++) {
        if (strcmp(props->params[i].name, name) == 0)
            return props->params[i].value;
    }
    return NULL;
}

bool mr_avro_nullable(const struct mr_avro_node *node, const struct mr_avro_node **inner,
                      uint32_t *null_idx)
{
    if (node->kind != MR_AV_UNION || node->n_branches != 2)
        return false;
    uint32_t null_at = node->branches[0]->kind == MR_AV_NULL ? 0 : 1;
    if (node->branches[null_at]->kind != MR_AV_NULL)
        return false;
    *null_idx = null_at;
    *inner = node->branches[1 - null_at];
    return true;
}
