/* Owns names: the grammar, namespaces, definitions and references (contract.md S-11, S-12, F-41).
 * Must not parse types. Invariant: a full name has one node; a repeated definition in a later text
 * is compared with the first and then dropped, so named types are equal exactly when their nodes
 * are the same pointer. */
#include "schemas/avro_parse.h"

#include "base/ban.h"

/* Bounds the work of a reference: its full name is built and hashed each time. */
enum { MAX_NAME_BYTES = 4096 };

static bool name_start(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* In the grammar: letters, digits and '_' not beginning with a digit; dots between if allowed. */
static bool in_grammar(const char *name, bool dots)
{
    bool start = true;
    for (const char *at = name; *at != '\0'; at++) {
        if (dots && *at == '.' && !start)
            start = true;
        else if (name_start(*at) || (!start && *at >= '0' && *at <= '9'))
            start = false;
        else
            return false;
    }
    return !start;
}

static int check_size(struct avro_parser *p, const char *what, const char *name)
{
    if (name == NULL || name[0] == '\0')
        return mr_err_set(p->err, MR_SCHEMA_INVALID, "a %s without a name", what);
    if (strlen(name) > MAX_NAME_BYTES)
        return mr_err_set(p->err, MR_SCHEMA_TOO_LARGE, "a %s name of more than %d bytes", what,
                          MAX_NAME_BYTES);
    return 0;
}

static int check_grammar(struct avro_parser *p, const char *what, const char *name, bool dots)
{
    if (p->schema->odd_name != NULL || in_grammar(name, dots))
        return 0;
    if (!p->lenient_names)
        return mr_err_set(p->err, MR_SCHEMA_INVALID, "the %s name '%s' is outside Avro's grammar",
                          what, name);
    p->schema->odd_name = avro_copy(p, name);
    return p->schema->odd_name != NULL ? 0 : avro_no_memory(p);
}

int avro_check_name(struct avro_parser *p, const char *what, const char *name)
{
    int rc = check_size(p, what, name);
    return rc < 0 ? rc : check_grammar(p, what, name, false);
}

/* Writes "namespace.name", or the name where the namespace is null. */
static int join_name(struct avro_parser *p, const char *namespace, const char *name,
                     char out[MAX_NAME_BYTES + 1])
{
    size_t n_space = strlen(namespace);
    size_t n_name = strlen(name);
    size_t n_dot = n_space > 0;
    if (n_space > MAX_NAME_BYTES || n_name > MAX_NAME_BYTES ||
        n_space + n_dot + n_name > MAX_NAME_BYTES)
        return mr_err_set(p->err, MR_SCHEMA_TOO_LARGE, "a full name of more than %d bytes",
                          MAX_NAME_BYTES);
    memcpy(out, namespace, n_space);
    if (n_dot)
        out[n_space] = '.';
    memcpy(out + n_space + n_dot, name, n_name);
    out[n_space + n_dot + n_name] = '\0';
    return 0;
}

/* A name with a dot is a full one (".A" is A of the null namespace); another one gets the
 * namespace. */
static int full_name(struct avro_parser *p, const char *namespace, const char *name,
                     char out[MAX_NAME_BYTES + 1])
{
    if (strchr(name, '.') != NULL)
    namespace = "";
    if (name[0] == '.' && strchr(name + 1, '.') == NULL)
        name++;
    return join_name(p, namespace, name, out);
}

static int alias_copy(struct avro_parser *p, const char *namespace, const char *alias,
                      const char **out)
{
    char joined[MAX_NAME_BYTES + 1];
    int rc = check_size(p, "alias", alias);
    if (rc == 0 && namespace != NULL) {
        rc = full_name(p, namespace, alias, joined);
        alias = joined;
    }
    if (rc < 0)
        return rc;
    *out = avro_copy(p, alias);
    return *out != NULL ? 0 : avro_no_memory(p);
}

int avro_aliases(struct avro_parser *p, const struct mr_json *json, const char *namespace,
                 const char *const **out, uint16_t *n_out)
{
    size_t n = mr_json_is(json, MR_JSON_ARRAY) ? mr_json_size(json) : 0;
    if (n == 0)
        return 0;
    if (n > UINT16_MAX)
        return mr_err_set(p->err, MR_SCHEMA_TOO_LARGE, "%zu aliases of one name", n);
    const char **aliases = avro_alloc(p, n, sizeof *aliases);
    if (aliases == NULL)
        return avro_no_memory(p);
    for (size_t i = 0; i < n; i++) {
        int rc = alias_copy(p, namespace, mr_json_text(mr_json_at(json, i)), &aliases[i]);
        if (rc < 0)
            return rc;
    }
    *out = aliases;
    *n_out = (uint16_t)n;
    return 0;
}

/* `namespace` counts unless the name has a dot; absent, it is that of the enclosing named type. */
static int declared_name(struct avro_parser *p, const struct mr_json *json,
                         const struct avro_scope *scope, char joined[MAX_NAME_BYTES + 1])
{
    const char *name = mr_json_text(mr_json_find(json, "name"));
    const char *namespace = mr_json_text(mr_json_find(json, "namespace"));
    int rc = check_size(p, "type", name);
    if (rc == 0)
        rc = full_name(p, namespace != NULL ? namespace : scope->namespace, name, joined);
    if (rc == 0)
        rc = check_grammar(p, "type", joined, true);
    return rc;
}

int avro_name_node(struct avro_parser *p, const struct mr_json *json,
                   const struct avro_scope *scope, struct mr_avro_node *node,
                   struct avro_scope *inner)
{
    char joined[MAX_NAME_BYTES + 1];
    int rc = declared_name(p, json, scope, joined);
    if (rc != 0)
        return rc;
    char *last_dot = strrchr(joined, '.');
    node->full_name = avro_copy(p, joined);
    if (node->full_name == NULL)
        return avro_no_memory(p);
    node->name = last_dot != NULL ? node->full_name + (last_dot - joined) + 1 : node->full_name;
    if (last_dot == NULL)
        last_dot = joined;
    *last_dot = '\0';
    inner->namespace = avro_copy(p, joined);
    if (inner->namespace == NULL)
        return avro_no_memory(p);
    if (node->name[0] == '\0')
        return mr_err_set(p->err, MR_SCHEMA_INVALID, "a type name ends in a dot");
    return avro_aliases(p, mr_json_find(json, "aliases"), inner->namespace, &node->aliases,
                        &node->n_aliases);
}

static bool is_primitive_name(const char *name)
{
    for (int kind = 0; kind < AVRO_N_PRIMITIVES; kind++) {
        if (strcmp(name, mr_avro_kind_name((enum mr_avro_kind)kind)) == 0)
            return true;
    }
    return false;
}

int avro_define(struct avro_parser *p, struct mr_avro_node *node, const struct mr_avro_node **known)
{
    *known = NULL;
    if (is_primitive_name(node->full_name))
        return mr_err_set(p->err, MR_SCHEMA_INVALID, "a type named '%s'", node->full_name);
    struct avro_named *first = mr_map_find(&p->named, node->full_name, strlen(node->full_name));
    if (first != NULL && first->text_idx == p->text_idx)
        return mr_err_set(p->err, MR_SCHEMA_INVALID, "the type '%s' is defined twice",
                          node->full_name);
    if (first != NULL) {
        *known = first->node;
        return 0;
    }
    struct avro_named *named = avro_alloc(p, 1, sizeof *named);
    if (named == NULL)
        return avro_no_memory(p);
    *named = (struct avro_named){.node = node, .text_idx = p->text_idx};
    return mr_map_put(&p->named, node->full_name, strlen(node->full_name), named) == 0
               ? 0
               : mr_err_set(p->err, MR_NO_MEMORY, "type names");
}

int avro_resolve(struct avro_parser *p, const char *name, const struct avro_scope *scope,
                 const struct mr_avro_node **out)
{
    char joined[MAX_NAME_BYTES + 1];
    *out = NULL;
    int rc = check_size(p, "type", name);
    if (rc == 0)
        rc = full_name(p, scope->namespace, name, joined);
    if (rc < 0)
        return rc;
    struct avro_named *named = mr_map_find(&p->named, joined, strlen(joined));
    /* As Avro's Java reference does: a name without a dot may be one of the null namespace. */
    if (named == NULL)
        named = mr_map_find(&p->named, name, strlen(name));
    if (named != NULL)
        *out = named->node;
    return 0;
}

static bool text_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool texts_equal(const char *const *a, const char *const *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(a[i], b[i]) != 0)
            return false;
    }
    return true;
}

/* The type of a field, item or branch. Named types are equal by pointer, so the walk ends at them;
 * an unnamed type is as deep as its JSON was (S-23: 256), which bounds the recursion. */
/* NOLINTNEXTLINE(misc-no-recursion): unnamed types nest at most 256 deep (S-23) */
static bool type_equal(const struct mr_avro_node *a, const struct mr_avro_node *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || a->full_name != NULL || b->full_name != NULL ||
        !avro_props_equal(&a->props, &b->props) || a->n_branches != b->n_branches)
        return false;
    for (uint16_t i = 0; i < a->n_branches; i++) {
        if (!type_equal(a->branches[i], b->branches[i]))
            return false;
    }
    return a->items == NULL || type_equal(a->items, b->items);
}

static bool fields_equal(const struct mr_avro_node *a, const struct mr_avro_node *b)
{
    for (uint16_t i = 0; i < a->n_fields; i++) {
        const struct mr_avro_field *fa = &a->fields[i];
        const struct mr_avro_field *fb = &b->fields[i];
        if (strcmp(fa->name, fb->name) != 0 || !type_equal(fa->type, fb->type) ||
            !avro_props_equal(&fa->props, &fb->props) ||
            !text_equal(fa->default_json, fb->default_json) || fa->n_aliases != fb->n_aliases ||
            !texts_equal(fa->aliases, fb->aliases, fa->n_aliases))
            return false;
    }
    return true;
}

int avro_same_definition(struct avro_parser *p, const struct mr_avro_node *known,
                         const struct mr_avro_node *again)
{
    bool same =
        known->kind == again->kind && known->size == again->size &&
        known->n_fields == again->n_fields && known->n_symbols == again->n_symbols &&
        known->n_aliases == again->n_aliases && avro_props_equal(&known->props, &again->props) &&
        text_equal(known->enum_default, again->enum_default) &&
        texts_equal(known->aliases, again->aliases, known->n_aliases) &&
        texts_equal(known->symbols, again->symbols, known->n_symbols) && fields_equal(known, again);
    if (same)
        return 0;
    return mr_err_set(p->err, MR_SCHEMA_BAD_REFERENCE,
                      "two texts define '%s' with different content", known->full_name);
}
