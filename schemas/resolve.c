/* Owns the compilation of schema resolution: which field, branch and symbol of the writer becomes
 * which of the reader. Must not read data. Invariants: recursion follows the types and is bounded
 * by MAX_LEVELS, and a pair of records is compiled once (S-10); what cannot resolve is an op that
 * fails when a value comes to it. Source: Avro specification, "Schema Resolution". */
#include "schemas/resolve.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "schemas/json_avro.h"
#include "schemas/resolve_ops.h"

#include "base/ban.h"

enum { MAX_LEVELS = 300, MAX_OPS = 200000, CHUNK_BYTES = 8192, MAX_BYTES = 64 * 1024 * 1024 };

struct pair_key {
    const struct mr_avro_node *writer;
    const struct mr_avro_node *reader;
};

struct compile {
    struct mr_resolver *resolver;
    struct mr_map pairs; /* struct pair_key in arena -> struct mr_res_op */
    uint32_t depth;
    uint32_t n_ops;
    struct mr_err *err;
};

static int no_memory(struct compile *c)
{
    return mr_err_set(c->err, MR_SCHEMA_TOO_LARGE, "resolving the schemas takes too much memory");
}

static void *room(struct compile *c, size_t n, size_t size)
{
    void *at = mr_arena_alloc(&c->resolver->arena, n * size);
    if (at != NULL && n > 0)
        memset(at, 0, n * size);
    return at;
}

static int op_new(struct compile *c, enum mr_res_kind kind, const struct mr_res_place *w,
                  const struct mr_res_place *r, struct mr_res_op **out)
{
    if (++c->n_ops > MAX_OPS)
        return no_memory(c);
    struct mr_res_op *op = room(c, 1, sizeof *op);
    if (op == NULL)
        return no_memory(c);
    op->kind = kind;
    op->same = kind != MR_RES_FAIL;
    op->writer = w->node;
    op->reader = r->node;
    *out = op;
    return 0;
}

static const char *type_name(const struct mr_avro_node *node)
{
    return node->full_name != NULL ? node->full_name : mr_avro_kind_name(node->kind);
}

/* NOLINTNEXTLINE(readability-function-size): the pair, what is wrong with it, and the answer */
static int op_fail(struct compile *c, const struct mr_res_place *w, const struct mr_res_place *r,
                   enum mr_code code, const char *what, const struct mr_res_op **out)
{
    char text[400];
    struct mr_res_op *op;
    int rc = op_new(c, MR_RES_FAIL, w, r, &op);
    if (rc < 0)
        return rc;
    (void)snprintf(text, sizeof text, "writer %.100s, reader %.100s: %.150s", type_name(w->node),
                   type_name(r->node), what);
    op->code = code;
    op->why = mr_arena_copy(&c->resolver->arena, text, strlen(text) + 1);
    *out = op;
    return op->why != NULL ? 0 : no_memory(c);
}

static int unresolvable(struct compile *c, const struct mr_res_place *w,
                        const struct mr_res_place *r, const char *what,
                        const struct mr_res_op **out)
{
    return op_fail(c, w, r, MR_SCHEMA_UNRESOLVABLE, what, out);
}

/* ---- compilation ---- */

static int compile_pair(struct compile *c, const struct mr_res_place *w,
                        const struct mr_res_place *r, const struct mr_res_op **out);

static int compile_scalar(struct compile *c, const struct mr_res_place *w,
                          const struct mr_res_place *r, const struct mr_res_op **out)
{
    struct mr_res_op *op;
    enum mr_avro_kind from = w->node->kind;
    enum mr_avro_kind to = r->node->kind;
    bool real = from != to && (to == MR_AV_FLOAT || to == MR_AV_DOUBLE);
    enum mr_res_kind kind = real ? MR_RES_REAL : MR_RES_SCALAR;
    const char *clash = mr_res_clash(w, r);
    if (clash != NULL)
        return unresolvable(c, w, r, clash, out);
    if (from == MR_AV_NULL)
        kind = MR_RES_NULL;
    int rc = op_new(c, kind, w, r, &op);
    if (rc < 0)
        return rc;
    bool bytes = (from == MR_AV_STRING || from == MR_AV_BYTES);
    op->same = from == to || (bytes && !real); /* an int is checked as an int */
    *out = op;
    return 0;
}

static int32_t symbol_of(const struct mr_avro_node *node, const char *symbol)
{
    for (uint32_t i = 0; symbol != NULL && i < node->n_symbols; i++) {
        if (strcmp(node->symbols[i], symbol) == 0)
            return (int32_t)i;
    }
    return -1;
}

/* S-05. Symbols are found by a map, since both sides may have very many. */
static int compile_symbols(struct compile *c, const struct mr_res_place *w,
                           const struct mr_res_place *r, struct mr_map *by_name,
                           struct mr_res_op *op)
{
    int32_t *symbols = room(c, w->node->n_symbols, sizeof *symbols);
    int32_t otherwise = symbol_of(r->node, r->node->enum_default);
    if (symbols == NULL)
        return no_memory(c);
    op->same = w->node->n_symbols == r->node->n_symbols;
    for (uint32_t i = r->node->n_symbols; i > 0; i--) {
        const char *const *symbol = &r->node->symbols[i - 1];
        union {
            const char *const *in;
            void *out;
        } cast = {.in = symbol};
        if (mr_map_put(by_name, *symbol, strlen(*symbol), cast.out) < 0)
            return mr_err_set(c->err, MR_NO_MEMORY, "an enum's symbols");
    }
    for (uint32_t i = 0; i < w->node->n_symbols; i++) {
        const char *const *found =
            mr_map_find(by_name, w->node->symbols[i], strlen(w->node->symbols[i]));
        symbols[i] = found != NULL ? (int32_t)(found - r->node->symbols) : otherwise;
        op->same = op->same && symbols[i] == (int32_t)i;
    }
    op->symbols = symbols;
    return 0;
}

static int compile_enum(struct compile *c, const struct mr_res_place *w,
                        const struct mr_res_place *r, const struct mr_res_op **out)
{
    struct mr_res_op *op;
    struct mr_map by_name;
    int rc = op_new(c, MR_RES_ENUM, w, r, &op);
    if (rc < 0)
        return rc;
    mr_map_init(&by_name, c->pairs.seed);
    rc = compile_symbols(c, w, r, &by_name, op);
    mr_map_release(&by_name);
    *out = op;
    return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion): along the types, at most MAX_LEVELS */
static int compile_items(struct compile *c, const struct mr_res_place *w,
                         const struct mr_res_place *r, const struct mr_res_op **out)
{
    struct mr_res_op *op;
    int rc = op_new(c, MR_RES_ITEMS, w, r, &op);
    if (rc == 0)
        rc = compile_pair(c, &(struct mr_res_place){w->node->items, NULL},
                          &(struct mr_res_place){r->node->items, NULL}, &op->inner);
    if (rc < 0)
        return rc;
    op->same = op->inner->same;
    *out = op;
    return 0;
}

/* The reader's field for a writer's one: by its name, else by an alias (S-03). */
static int reader_field(const struct mr_avro_node *r, const char *name)
{
    for (uint16_t i = 0; i < r->n_fields; i++) {
        if (strcmp(r->fields[i].name, name) == 0)
            return i;
    }
    for (uint16_t i = 0; i < r->n_fields; i++) {
        for (uint16_t k = 0; k < r->fields[i].n_aliases; k++) {
            if (strcmp(r->fields[i].aliases[k], name) == 0)
                return i;
        }
    }
    return -1;
}

static bool has_field(const struct mr_avro_node *record, const char *name)
{
    for (uint16_t i = 0; i < record->n_fields; i++) {
        if (strcmp(record->fields[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Which reader's field each writer's one becomes; a field that is there by its own name is not
 * taken by an alias too. */
static void match_fields(const struct mr_avro_node *w, const struct mr_avro_node *r,
                         uint16_t *places, bool *taken)
{
    for (uint16_t i = 0; i < w->n_fields; i++) {
        int at = reader_field(r, w->fields[i].name);
        bool by_name = at >= 0 && strcmp(r->fields[at].name, w->fields[i].name) == 0;
        if (at >= 0 && !by_name && (taken[at] || has_field(w, r->fields[at].name)))
            at = -1;
        places[i] = at >= 0 ? (uint16_t)at : MR_RES_DROPPED;
        if (at >= 0)
            taken[at] = true;
    }
}

/* A default's bytes, once for all values (S-09). *failed: none, or not valid. */
static int default_bytes(struct compile *c, const struct mr_avro_field *field,
                         struct mr_slice *bytes, bool *failed)
{
    struct mr_buf out = {.limit = MAX_BYTES};
    struct mr_json_avro *j = mr_memory_given(malloc(sizeof *j));
    struct mr_err why = MR_ERR_INIT;
    int rc = 0;
    *failed = field->default_json == NULL;
    if (j == NULL)
        return mr_err_set(c->err, MR_NO_MEMORY, "a default");
    mr_json_avro_init(j, &out, &why);
    if (!*failed)
        rc = mr_json_avro_default(j, field);
    mr_json_avro_release(j);
    free(j);
    if (rc == -MR_NO_MEMORY) {
        *c->err = why;
    } else {
        *failed = *failed || rc < 0 || !mr_buf_ok(&out);
        rc = 0;
    }
    if (rc == 0 && !*failed) {
        *bytes = (struct mr_slice){mr_arena_copy(&c->resolver->arena, out.data, out.len), out.len};
        rc = bytes->data != NULL ? 0 : no_memory(c);
    }
    mr_buf_release(&out);
    return rc;
}

/* A reader's field that the writer lacks: its default, or an op that fails. */
static int compile_default(struct compile *c, const struct mr_res_place *w,
                           const struct mr_res_place *r, uint16_t place, struct mr_res_field *out)
{
    const struct mr_avro_field *field = &r->node->fields[place];
    char what[200];
    bool failed;
    *out = (struct mr_res_field){.place = place};
    int rc = default_bytes(c, field, &out->bytes, &failed);
    if (rc < 0 || !failed)
        return rc;
    bool bad = field->default_json != NULL;
    (void)snprintf(what, sizeof what, "field '%.100s' %s", field->name,
                   bad ? "has a default that does not fit it"
                       : "is not written and has no default");
    return op_fail(c, w, r, bad ? MR_SCHEMA_INVALID : MR_SCHEMA_UNRESOLVABLE, what, &out->op);
}

/* Defaults stand before the field that they precede in the reader, as far as fields are in order.
 */
/* NOLINTNEXTLINE(misc-no-recursion): along the types, at most MAX_LEVELS */
static int compile_fields(struct compile *c, const struct mr_res_place *w,
                          const struct mr_res_place *r, const uint16_t *places,
                          struct mr_res_op *op)
{
    const struct mr_avro_node *wn = w->node;
    const struct mr_avro_node *rn = r->node;
    bool *taken = room(c, rn->n_fields, sizeof *taken);
    struct mr_res_field *fields = room(c, (size_t)wn->n_fields + rn->n_fields, sizeof *fields);
    uint16_t next = 0;
    int rc = taken != NULL && fields != NULL ? 0 : no_memory(c);
    op->fields = fields;
    for (uint16_t i = 0; rc == 0 && i < wn->n_fields; i++) {
        if (places[i] != MR_RES_DROPPED)
            taken[places[i]] = true;
    }
    for (uint16_t i = 0; rc == 0 && i < wn->n_fields; i++) {
        uint16_t place = places[i];
        for (; rc == 0 && place != MR_RES_DROPPED && next < place && !taken[next]; next++)
            rc = compile_default(c, w, r, next, &fields[op->n_fields++]);
        if (rc < 0)
            return rc;
        struct mr_res_field *field = &fields[op->n_fields++];
        *field = (struct mr_res_field){.place = place, .type = wn->fields[i].type};
        op->same = op->same && place == i;
        if (place == MR_RES_DROPPED)
            continue;
        next = place >= next ? (uint16_t)(place + 1) : next;
        rc = compile_pair(c, &(struct mr_res_place){wn->fields[i].type, &wn->fields[i].props},
                          &(struct mr_res_place){rn->fields[place].type, &rn->fields[place].props},
                          &field->op);
        op->same = op->same && rc == 0 && field->op->same;
    }
    return rc;
}

/* What no field of the writer stood behind; each field of the reader is then written once. */
static int compile_rest(struct compile *c, const struct mr_res_place *w,
                        const struct mr_res_place *r, struct mr_res_op *op)
{
    struct mr_res_field *fields = room(c, (size_t)op->n_fields + r->node->n_fields, sizeof *fields);
    bool *done = room(c, r->node->n_fields, sizeof *done);
    uint16_t next = 0;
    int rc = fields != NULL && done != NULL ? 0 : no_memory(c);
    op->in_order = true;
    for (uint32_t i = 0; rc == 0 && i < op->n_fields; i++) {
        fields[i] = op->fields[i];
        if (fields[i].place == MR_RES_DROPPED)
            continue;
        done[fields[i].place] = true;
        op->in_order = op->in_order && fields[i].place == next;
        next++;
    }
    for (uint16_t i = 0; rc == 0 && i < r->node->n_fields; i++) {
        if (done[i])
            continue;
        op->in_order = op->in_order && i == next;
        next++;
        op->same = false;
        rc = compile_default(c, w, r, i, &fields[op->n_fields++]);
    }
    op->fields = fields;
    return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion): along the types, at most MAX_LEVELS */
static int compile_record(struct compile *c, const struct mr_res_place *w,
                          const struct mr_res_place *r, const struct mr_res_op **out)
{
    struct mr_res_op *op = NULL;
    const struct pair_key pair = {w->node, r->node};
    const struct mr_res_op *known = mr_map_find(&c->pairs, &pair, sizeof pair);
    if (known != NULL) {
        *out = known;
        return 0;
    }
    struct pair_key *key = room(c, 1, sizeof *key);
    uint16_t *places = room(c, w->node->n_fields, sizeof *places);
    bool *taken = room(c, r->node->n_fields, sizeof *taken);
    if (key == NULL || places == NULL || taken == NULL)
        return no_memory(c);
    *key = pair;
    const char *clash = mr_res_clash(w, r);
    if (clash != NULL)
        return unresolvable(c, w, r, clash, out);
    int rc = op_new(c, MR_RES_RECORD, w, r, &op);
    if (rc == 0 && mr_map_put(&c->pairs, key, sizeof *key, op) < 0)
        rc = mr_err_set(c->err, MR_NO_MEMORY, "resolving schemas");
    if (rc == 0) {
        match_fields(w->node, r->node, places, taken);
        rc = compile_fields(c, w, r, places, op);
    }
    if (rc == 0)
        rc = compile_rest(c, w, r, op);
    *out = op;
    return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion): along the types, at most MAX_LEVELS */
static int compile_branches(struct compile *c, const struct mr_res_place *w,
                            const struct mr_res_place *r, const struct mr_res_op **out)
{
    struct mr_res_op *op;
    const struct mr_avro_node *null_free;
    uint32_t null_branch;
    bool nullable = mr_avro_nullable(w->node, &null_free, &null_branch);
    int rc = op_new(c, MR_RES_BRANCH, w, r, &op);
    if (rc < 0)
        return rc;
    const struct mr_res_op **inners =
        room(c, w->node->n_branches, sizeof(const struct mr_res_op *));
    if (inners == NULL)
        return no_memory(c);
    bool fails = w->node->n_branches > 0;
    op->same = r->node->kind == MR_AV_UNION && r->node->n_branches == w->node->n_branches;
    for (uint16_t i = 0; rc == 0 && i < w->node->n_branches; i++) {
        bool own = nullable && i != null_branch;
        rc = compile_pair(c, &(struct mr_res_place){w->node->branches[i], own ? w->props : NULL}, r,
                          &inners[i]);
        if (rc < 0)
            return rc;
        op->same = op->same && inners[i]->kind == MR_RES_WRAP && inners[i]->branch == i &&
                   inners[i]->inner->same;
        fails = fails && inners[i]->kind == MR_RES_FAIL;
    }
    op->inners = inners;
    *out = fails ? inners[0] : op;
    return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion): along the types, at most MAX_LEVELS */
static int compile_wrap(struct compile *c, const struct mr_res_place *w,
                        const struct mr_res_place *r, const struct mr_res_op **out)
{
    struct mr_res_op *op;
    const struct mr_avro_node *null_free;
    uint32_t null_branch;
    int at = mr_res_branch(w->node, r->node);
    if (at < 0)
        return unresolvable(c, w, r, "no branch of the reader's union takes it", out);
    bool own = mr_avro_nullable(r->node, &null_free, &null_branch) && at != (int)null_branch;
    const struct mr_res_place inner = {r->node->branches[at], own ? r->props : NULL};
    int rc = op_new(c, MR_RES_WRAP, w, r, &op);
    if (rc == 0)
        rc = compile_pair(c, w, &inner, &op->inner);
    if (rc < 0)
        return rc;
    op->branch = (uint32_t)at;
    op->same = false; /* a union's index comes before it */
    *out = op->inner->kind == MR_RES_FAIL ? op->inner : op;
    return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): along the types, at most MAX_LEVELS */
static int compile_kinds(struct compile *c, const struct mr_res_place *w,
                         const struct mr_res_place *r, const struct mr_res_op **out)
{
    if (w->node->kind == MR_AV_UNION)
        return compile_branches(c, w, r, out);
    if (r->node->kind == MR_AV_UNION)
        return compile_wrap(c, w, r, out);
    if (mr_res_match(w->node, r->node) == 0)
        return unresolvable(c, w, r, "they do not match", out);
    switch (w->node->kind) {
    case MR_AV_RECORD:
        return compile_record(c, w, r, out);
    case MR_AV_ENUM:
        return compile_enum(c, w, r, out);
    case MR_AV_ARRAY:
    case MR_AV_MAP:
        return compile_items(c, w, r, out);
    case MR_AV_NULL:
    case MR_AV_BOOLEAN:
    case MR_AV_INT:
    case MR_AV_LONG:
    case MR_AV_FLOAT:
    case MR_AV_DOUBLE:
    case MR_AV_BYTES:
    case MR_AV_STRING:
    case MR_AV_FIXED:
    case MR_AV_UNION:
    default:
        return compile_scalar(c, w, r, out);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): along the types, at most MAX_LEVELS */
static int compile_pair(struct compile *c, const struct mr_res_place *w,
                        const struct mr_res_place *r, const struct mr_res_op **out)
{
    if (++c->depth > MAX_LEVELS)
        return mr_err_set(c->err, MR_SCHEMA_TOO_LARGE, "types nested deeper than %d", MAX_LEVELS);
    int rc = compile_kinds(c, w, r, out);
    c->depth--;
    return rc;
}

static int compile_root(struct mr_resolver *resolver, struct mr_err *err)
{
    struct compile c = {.resolver = resolver, .err = err};
    const struct mr_res_place w = {resolver->writer->root, NULL};
    const struct mr_res_place r = {resolver->reader->root, NULL};
    mr_map_init(&c.pairs, (uintptr_t)resolver);
    int rc = compile_pair(&c, &w, &r, &resolver->root);
    mr_map_release(&c.pairs);
    if (rc == 0 && resolver->root->kind == MR_RES_FAIL)
        rc = mr_err_set(err, resolver->root->code, "%s", resolver->root->why);
    return rc;
}

int mr_resolver_compile(struct mr_schema *writer, struct mr_schema *reader,
                        struct mr_resolver **out, struct mr_err *err)
{
    struct mr_resolver *resolver = mr_memory_given(calloc(1, sizeof *resolver));
    *out = NULL;
    if (resolver == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "resolving schemas");
    mr_arena_init(&resolver->arena, CHUNK_BYTES, MAX_BYTES);
    resolver->writer = mr_schema_ref(writer);
    resolver->reader = mr_schema_ref(reader);
    int rc = compile_root(resolver, err);
    if (rc < 0 || resolver->root->same)
        mr_resolver_free(resolver);
    else
        *out = resolver;
    return rc;
}

void mr_resolver_free(struct mr_resolver *resolver)
{
    if (resolver == NULL)
        return;
    mr_schema_unref(resolver->writer);
    mr_schema_unref(resolver->reader);
    mr_arena_release(&resolver->arena);
    free(resolver);
}
