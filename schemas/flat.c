/* Owns taking nested records apart. Must not know columns. Invariant: entries stand in the order in
 * which the values are on the wire, a record's own before those of its fields. */
#include "schemas/flat.h"

#include "base/ban.h"

enum { FLAT_MAX_NAME_BYTES = 4 * 1024 * 1024 }; /* of all entries */

/* A record that is open: its fields are being listed. */
struct level {
    const struct mr_avro_node *record;
    uint16_t next;
    uint32_t entry; /* the record's own; of the outermost: none */
};

struct flatten {
    const struct mr_route *route;
    struct mr_arena *arena;
    struct mr_err *err;
    struct mr_flat_field *fields;
    uint32_t n;
    uint32_t cap;
    uint32_t depth;
    size_t name_bytes;
    struct level levels[MR_FLAT_MAX_DEPTH];
};

static int no_memory(struct flatten *f)
{
    return mr_err_set(f->err, MR_NO_MEMORY, "taking a record apart");
}

static int room_make(struct flatten *f)
{
    if (f->n < f->cap)
        return 0;
    if (f->n >= MR_FLAT_MAX_FIELDS)
        return mr_err_set(f->err, MR_SCHEMA_TOO_LARGE, "more than %d fields in nested records",
                          MR_FLAT_MAX_FIELDS);
    uint32_t cap = f->cap * 4;
    struct mr_flat_field *fields = mr_arena_alloc(f->arena, cap * sizeof *fields);
    if (fields == NULL)
        return no_memory(f);
    memcpy(fields, f->fields, f->n * sizeof *fields);
    f->fields = fields;
    f->cap = cap;
    return 0;
}

/* The field's name behind that of the record that it stands in. */
static int name_make(struct flatten *f, const char *field, const char **out)
{
    if (f->depth == 1) {
        *out = field;
        return 0;
    }
    const char *parts[] = {f->fields[f->levels[f->depth - 1].entry].name,
                           f->route->nested_delimiter, field};
    size_t len = 1;
    for (unsigned i = 0; i < 3; i++)
        len += strlen(parts[i]);
    f->name_bytes += len;
    if (f->name_bytes > FLAT_MAX_NAME_BYTES)
        return mr_err_set(f->err, MR_SCHEMA_TOO_LARGE, "the names of nested records' fields");
    char *name = mr_arena_alloc(f->arena, len);
    if (name == NULL)
        return no_memory(f);
    char *at = name;
    for (unsigned i = 0; i < 3; i++) {
        size_t n = strlen(parts[i]);
        memcpy(at, parts[i], n);
        at += n;
    }
    *at = '\0';
    *out = name;
    return 0;
}

/* A record that the route speaks of is one column, or none. */
static bool is_named(const struct mr_route *route, const char *name)
{
    for (uint16_t i = 0; i < route->n_columns; i++) {
        if (strcmp(route->columns[i].field, name) == 0)
            return true;
    }
    for (uint16_t i = 0; i < route->n_exclude; i++) {
        if (strcmp(route->exclude[i], name) == 0)
            return true;
    }
    return false;
}

static bool may_open(const struct flatten *f, const struct mr_flat_field *entry)
{
    const struct mr_avro_node *node = entry->typed.node;
    return f->route->nested_delimiter != NULL && node->kind == MR_AV_RECORD &&
           entry->typed.semantic == MR_SEM_NESTED && node->n_fields > 0 &&
           f->depth < MR_FLAT_MAX_DEPTH && strlen(entry->name) < MR_FLAT_NAME_BYTES &&
           !is_named(f->route, entry->name);
}

/* Opens the record of the last entry. One that stands open already leads back to itself: it, or
 * where it is the outermost the field that leads back, stays one value. */
static void open(struct flatten *f)
{
    const struct mr_avro_node *node = f->fields[f->n - 1].typed.node;
    for (uint32_t i = 0; i < f->depth; i++) {
        if (f->levels[i].record != node)
            continue;
        if (i > 0) {
            f->n = f->levels[i].entry + 1;
            f->depth = i;
        }
        return;
    }
    f->levels[f->depth++] = (struct level){.record = node, .entry = f->n - 1};
}

static int step(struct flatten *f)
{
    struct level *level = &f->levels[f->depth - 1];
    if (level->next == level->record->n_fields) {
        if (--f->depth > 0)
            f->fields[level->entry].n_inner = f->n - level->entry - 1;
        return 0;
    }
    const struct mr_avro_field *field = &level->record->fields[level->next++];
    struct mr_flat_field entry = {.field = field, .top = f->depth == 1};
    int rc = name_make(f, field->name, &entry.name);
    if (rc == 0)
        rc = room_make(f);
    if (rc < 0)
        return rc;
    mr_typed_of(field->type, &field->props, &entry.typed);
    f->fields[f->n++] = entry;
    if (may_open(f, &entry))
        open(f);
    return 0;
}

int mr_flat_make(const struct mr_avro_node *record, const struct mr_route *route,
                 struct mr_arena *arena, struct mr_flat *out, struct mr_err *err)
{
    struct flatten f = {.route = route, .arena = arena, .err = err, .cap = record->n_fields};
    if (f.cap == 0) {
        *out = (struct mr_flat){.n = 0};
        return 0;
    }
    f.fields = mr_arena_alloc(arena, f.cap * sizeof *f.fields);
    if (f.fields == NULL)
        return no_memory(&f);
    f.levels[f.depth++] = (struct level){.record = record};
    int rc = 0;
    while (rc == 0 && f.depth > 0)
        rc = step(&f);
    if (rc == 0)
        *out = (struct mr_flat){.fields = f.fields, .n = f.n};
    return rc;
}

int mr_flat_find(const struct mr_flat *flat, const char *name)
{
    for (uint32_t i = 0; i < flat->n; i++) {
        if (strcmp(flat->fields[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}
