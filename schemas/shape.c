/* Owns deriving a shape: which columns a pair of writer schemas asks of a table, in which order,
 * and which of them are its key (contract.md sections 1.2, 6, R-26). Must not look at column types
 * of the target: that is evolve's and the plan's. Invariant: a shape's names are final, unique
 * target names. */
#include "schemas/shape.h"

#include <stdlib.h>
#include <strings.h>

#include "base/memory.h"
#include "schemas/field_default.h"
#include "schemas/identifier.h"
#include "schemas/naming.h"

#include "base/ban.h"

enum { SHAPE_CHUNK_BYTES = 8192, SHAPE_LIMIT_BYTES = 32 * 1024 * 1024, SHAPE_NAME_BYTES = 1024 };

/* What derivation carries along. */
struct derive {
    struct mr_shape *shape;
    const struct mr_route *route;
    const struct mr_table *table; /* NULL */
    const char *default_json;     /* of the field that is being added; NULL */
    struct mr_err *err;
};

static int no_memory(struct derive *d)
{
    return mr_err_set(d->err, MR_NO_MEMORY, "deriving a table's shape");
}

void mr_shape_free(struct mr_shape *shape)
{
    if (shape == NULL)
        return;
    mr_schema_unref(shape->key);
    mr_schema_unref(shape->value);
    mr_arena_release(&shape->arena);
    free(shape);
}

const struct mr_shape_column *mr_shape_columns(const struct mr_shape *shape, uint16_t *n)
{
    *n = shape->n_columns;
    return shape->columns;
}

bool mr_shape_is_envelope(const struct mr_shape *shape)
{
    return shape->envelope.layout == MR_LAYOUT_ENVELOPE ||
           shape->envelope.layout == MR_LAYOUT_DOCUMENT;
}

static const struct mr_route_column *route_column(const struct mr_route *route, const char *field)
{
    for (uint16_t i = 0; i < route->n_columns; i++) {
        if (strcmp(route->columns[i].field, field) == 0)
            return &route->columns[i];
    }
    return NULL;
}

static bool is_listed(const char *const *list, uint16_t n, const char *name)
{
    for (uint16_t i = 0; i < n; i++) {
        if (strcmp(list[i], name) == 0)
            return true;
    }
    return false;
}

/* I-05: names that every PostgreSQL table has already. */
static bool is_system_name(const char *name)
{
    static const char *const names[] = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"};
    return is_listed(names, sizeof names / sizeof *names, name);
}

/* I-06: what the column is called before I-02 to I-05: as the route says, as the source calls it,
 * or as the field. `undone` is room for the last. */
static const char *wanted_name(const struct derive *d, const char *field,
                               const struct mr_typed *typed, struct mr_buf *undone)
{
    const struct mr_route_column *entry = route_column(d->route, field);
    if (entry != NULL && entry->name != NULL)
        return entry->name;
    const char *original =
        d->route->name_original && typed != NULL ? mr_naming_original(typed) : NULL;
    if (original != NULL)
        return original;
    if (!d->route->unmangle_unicode)
        return field;
    mr_naming_unmangle(field, undone);
    return mr_buf_cstr(undone);
}

/* I-02..I-05: the target's name, in the shape's arena. */
static int name_fit(struct derive *d, const char *text, const char **out)
{
    struct mr_identifier_opts opts = {.letter_case = d->route->identifier_case,
                                      .long_halt = d->route->identifier_long_halt,
                                      .max_bytes = d->route->max_identifier_bytes};
    char name[SHAPE_NAME_BYTES];
    if (opts.max_bytes == 0 || opts.max_bytes >= sizeof name - 1)
        opts.max_bytes = sizeof name - 2;
    int rc = mr_identifier_make(text, strlen(text), &opts, name, sizeof name - 1, d->err);
    if (rc < 0)
        return rc;
    size_t len = strlen(name);
    if (is_system_name(name))
        name[len++] = '_';
    name[len] = '\0';
    *out = mr_arena_copy(&d->shape->arena, name, len + 1);
    return *out != NULL ? 0 : no_memory(d);
}

/* `typed` NULL: a column of millrace's own, whose name is nobody's field. */
static int column_name(struct derive *d, const char *field, const struct mr_typed *typed,
                       const char **out)
{
    struct mr_buf undone = MR_BUF_INIT;
    const char *text = typed != NULL ? wanted_name(d, field, typed, &undone) : field;
    int rc = mr_buf_ok(&undone) ? name_fit(d, text, out) : no_memory(d);
    mr_buf_release(&undone);
    return rc;
}

static int column_find(const struct mr_shape *shape, const char *name)
{
    for (uint16_t i = 0; i < shape->n_columns; i++) {
        if (strcmp(shape->columns[i].name, name) == 0)
            return i;
    }
    return -1;
}

static bool columns_grow(struct mr_shape *shape)
{
    if (shape->n_columns < shape->cap_columns)
        return true;
    uint16_t cap = (uint16_t)(shape->cap_columns == 0 ? 64 : shape->cap_columns * 4);
    struct mr_shape_column *columns = mr_arena_alloc(&shape->arena, cap * sizeof *columns);
    struct mr_shape_source *sources = mr_arena_alloc(&shape->arena, cap * sizeof *sources);
    if (columns == NULL || sources == NULL)
        return false;
    if (shape->n_columns > 0) {
        memcpy(columns, shape->columns, shape->n_columns * sizeof *columns);
        memcpy(sources, shape->sources, shape->n_columns * sizeof *sources);
    }
    shape->columns = columns;
    shape->sources = sources;
    shape->cap_columns = cap;
    return true;
}

/* Adds a column that is named already; two of one name are a collision (I-07). */
static int column_add(struct derive *d, const struct mr_shape_column *column,
                      const struct mr_shape_source *source, uint16_t *idx)
{
    struct mr_shape *shape = d->shape;
    int same = column_find(shape, column->name);
    if (same >= 0)
        return mr_err_set(d->err, MR_IDENTIFIER_COLLISION, "'%s' and '%s' both give column '%s'",
                          shape->columns[same].field != NULL ? shape->columns[same].field
                                                             : "the route",
                          column->field != NULL ? column->field : "the route", column->name);
    if (shape->n_columns >= MR_TABLE_MAX_COLUMNS)
        return mr_err_set(d->err, MR_SCHEMA_TOO_LARGE, "more than %d columns",
                          MR_TABLE_MAX_COLUMNS);
    if (!columns_grow(shape))
        return no_memory(d);
    if (idx != NULL)
        *idx = shape->n_columns;
    shape->columns[shape->n_columns] = *column;
    shape->sources[shape->n_columns] = *source;
    shape->n_columns++;
    return 0;
}

/* The type that the route names for a column. */
static int cast_type(struct derive *d, const char *cast, struct mr_coltype *type)
{
    if (mr_semantic_cast(cast, type))
        return 0;
    *type = (struct mr_coltype){.type = MR_T_CAST, .length = -1, .precision = -1};
    type->sql = mr_arena_copy(&d->shape->arena, cast, strlen(cast) + 1);
    return type->sql != NULL ? 0 : no_memory(d);
}

/* The type that the route names for a field, else what its schema says. */
static int column_type(struct derive *d, const struct mr_route_column *entry,
                       struct mr_shape_source *source, struct mr_coltype *type)
{
    bool number = source->typed.semantic == MR_SEM_INT64 || source->typed.semantic == MR_SEM_INT32;
    mr_semantic_column(&source->typed, type);
    if (entry == NULL || (entry->cast == NULL && entry->unit == NULL))
        mr_naming_hint(&source->typed, type);
    if (entry == NULL)
        return 0;
    source->unit = entry->unit;
    source->cast = entry->cast != NULL;
    if (entry->cast != NULL)
        return cast_type(d, entry->cast, type);
    if (entry->unit != NULL && number)
        type->type = strcmp(entry->unit, "days") == 0 ? MR_T_DATE : MR_T_TIMESTAMPTZ;
    return 0;
}

/* A column for a field of the value or key. */
static int field_add(struct derive *d, const char *field, struct mr_shape_source *source,
                     uint16_t *idx)
{
    struct mr_shape_column column = {.field = field};
    const struct mr_route_column *entry = route_column(d->route, field);
    source->typed.borrowed = mr_naming_is_borrowed(&source->typed, field);
    int rc = column_name(d, field, &source->typed, &column.name);
    if (rc == 0)
        rc = column_type(d, entry, source, &column.type);
    if (rc < 0)
        return rc;
    source->detect_off = entry != NULL && entry->detect_off;
    source->null_masks = is_listed(d->route->null_columns, d->route->n_null_columns, field);
    if (d->route->add_defaults && !source->cast && source->unit == NULL)
        column.dflt = mr_field_default(&source->typed, d->default_json, &d->shape->arena);
    return column_add(d, &column, source, idx);
}

static bool is_key_field(const struct mr_route *route, const struct mr_shape *shape,
                         const char *field)
{
    if (is_listed(route->key_columns, route->n_key_columns, field))
        return true;
    return shape->key_form == MR_KEY_RECORD && !route->key_from_value &&
           mr_envelope_field(shape->key->root, field) >= 0;
}

/* E-25, include, exclude. Key fields are always columns. */
static bool is_wanted(struct derive *d, const char *field)
{
    const struct mr_route *route = d->route;
    if (is_key_field(route, d->shape, field))
        return true;
    if (is_listed(route->exclude, route->n_exclude, field))
        return false;
    if (route->n_include > 0)
        return is_listed(route->include, route->n_include, field);
    bool meta = d->shape->envelope.layout == MR_LAYOUT_PLAIN && mr_envelope_is_meta(route, field);
    return !meta || route_column(route, field) != NULL;
}

/* Has the table a column that the field goes to? Names that cannot be made fail where they are
 * used. */
static bool has_column(struct derive *d, const char *field, const struct mr_typed *typed)
{
    const char *name;
    struct mr_err ignored = MR_ERR_INIT;
    struct mr_err *err = d->err;
    d->err = &ignored;
    bool found = column_name(d, field, typed, &name) == 0 && d->table != NULL &&
                 mr_table_column(d->table, name) >= 0;
    d->err = err;
    return found;
}

/* A column for each value of the row record; what `include` says of a nested record that is taken
 * apart it says of all its fields. */
static int row_columns(struct derive *d)
{
    struct mr_shape *shape = d->shape;
    uint32_t included = 0; /* up to here by a record that they stand in */
    int rc = mr_flat_make(shape->envelope.row, d->route, &shape->arena, &shape->row, d->err);
    for (uint32_t i = 0; rc == 0 && i < shape->row.n; i++) {
        const struct mr_flat_field *field = &shape->row.fields[i];
        bool listed = is_listed(d->route->include, d->route->n_include, field->name);
        if (listed && i + field->n_inner >= included)
            included = i + field->n_inner + 1;
        bool by_record =
            i < included && !is_listed(d->route->exclude, d->route->n_exclude, field->name);
        if (field->n_inner > 0 || !(by_record || is_wanted(d, field->name)))
            continue;
        if (field->typed.semantic == MR_SEM_NULL && !has_column(d, field->name, &field->typed))
            continue; /* nothing says what its column would be */
        struct mr_shape_source source = {.origin = MR_FROM_VALUE,
                                         .value_idx = (uint16_t)i,
                                         .key_idx = MR_NO_IDX,
                                         .typed = field->typed};
        d->default_json = field->top ? field->field->default_json : NULL;
        rc = field_add(d, field->name, &source, NULL);
    }
    d->default_json = NULL;
    return rc;
}

static int value_columns(struct derive *d)
{
    const struct mr_envelope *env = &d->shape->envelope;
    struct mr_shape_source source = {.origin = MR_FROM_VALUE, .key_idx = MR_NO_IDX};
    if (env->layout == MR_LAYOUT_SINGLE) {
        mr_typed_of(env->root, NULL, &source.typed);
        return field_add(d, d->route->value_column, &source, NULL);
    }
    if (env->layout == MR_LAYOUT_DOCUMENT) {
        const struct mr_avro_field *after = &env->root->fields[env->after];
        mr_typed_of(after->type, &after->props, &source.typed);
        source.typed.semantic = MR_SEM_JSON;
        return field_add(d, "doc", &source, NULL);
    }
    return env->row != NULL ? row_columns(d) : 0;
}

/* The column of a key field: the value's of the same name, or a new one. */
static int key_column(struct derive *d, const char *field, uint16_t key_idx,
                      const struct mr_typed *typed)
{
    struct mr_shape *shape = d->shape;
    uint16_t idx = MR_NO_IDX;
    for (uint16_t i = 0; i < shape->n_columns; i++) {
        if (shape->columns[i].field != NULL && strcmp(shape->columns[i].field, field) == 0)
            idx = i;
    }
    if (idx == MR_NO_IDX) {
        struct mr_shape_source source = {
            .origin = MR_FROM_KEY, .value_idx = MR_NO_IDX, .key_idx = key_idx, .typed = *typed};
        int rc = field_add(d, field, &source, &idx);
        if (rc < 0)
            return rc;
    }
    shape->sources[idx].key_idx = key_idx;
    shape->sources[idx].key_typed = *typed;
    if (shape->append)
        return 0;
    if (shape->n_key >= MR_KEY_MAX_COLUMNS)
        return mr_err_set(d->err, MR_KEY_UNSUPPORTED, "more than %d key columns",
                          MR_KEY_MAX_COLUMNS);
    shape->columns[idx].key = true;
    shape->columns[idx].not_null = true;
    shape->key_columns[shape->n_key++] = idx;
    return 0;
}

/* Containers are no keys, but for records that are one value. */
static bool is_no_key(enum mr_semantic semantic)
{
    return semantic == MR_SEM_NESTED || semantic == MR_SEM_ARRAY ||
           (mr_semantic_is_whole(semantic) && !mr_semantic_is_leaf_record(semantic));
}

/* F-20. With key_columns, only those of them that the key record has come from it. */
static int key_from_record(struct derive *d)
{
    const struct mr_avro_node *root = d->shape->key->root;
    for (uint16_t i = 0; i < root->n_fields; i++) {
        const struct mr_avro_field *field = &root->fields[i];
        struct mr_typed typed;
        if (d->route->n_key_columns > 0 &&
            !is_listed(d->route->key_columns, d->route->n_key_columns, field->name))
            continue;
        mr_typed_of(field->type, &field->props, &typed);
        if (is_no_key(typed.semantic))
            return mr_err_set(d->err, MR_KEY_UNSUPPORTED, "key field '%s' is %s", field->name,
                              mr_avro_kind_name(typed.node->kind));
        const char *name = field->name;
        if (d->shape->envelope.layout == MR_LAYOUT_DOCUMENT && strcmp(name, "id") == 0)
            name = "_id"; /* E-29 */
        int rc = key_column(d, name, i, &typed);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* F-21, F-22: the one column that an unnamed key fills; NULL if nothing names it. */
static const char *single_name(struct derive *d)
{
    const struct mr_table *table = d->table;
    if (d->route->n_key_columns == 1)
        return d->route->key_columns[0];
    for (uint16_t i = 0; d->route->n_key_columns == 0 && table != NULL && i < table->n_uniques;
         i++) {
        if (table->uniques[i].primary && table->uniques[i].n_cols == 1)
            return table->columns[table->uniques[i].cols[0]].name;
    }
    return NULL;
}

/* A raw key as if it had an Avro type. */
static void raw_typed(enum mr_format format, struct mr_typed *out)
{
    static const struct mr_avro_node nodes[] = {
        {.kind = MR_AV_STRING}, {.kind = MR_AV_INT}, {.kind = MR_AV_LONG}, {.kind = MR_AV_BYTES}};
    unsigned at = format == MR_FORMAT_INT32   ? 1
                  : format == MR_FORMAT_INT64 ? 2
                  : format == MR_FORMAT_BYTES ? 3
                                              : 0;
    mr_typed_of(&nodes[at], NULL, out);
}

static int key_from_single(struct derive *d)
{
    struct mr_typed typed;
    const char *name = single_name(d);
    if (d->shape->key_form == MR_KEY_SINGLE)
        mr_typed_of(d->shape->key->root, NULL, &typed);
    else
        raw_typed(d->shape->raw_key, &typed);
    if (name == NULL && d->shape->append)
        return 0; /* no key needed, and nothing names it */
    if (name == NULL)
        return mr_err_set(d->err, MR_KEY_UNNAMED, "the key is %s without a name",
                          mr_avro_kind_name(typed.node->kind));
    if (is_no_key(typed.semantic))
        return mr_err_set(d->err, MR_KEY_UNSUPPORTED, "the key is %s",
                          mr_avro_kind_name(typed.node->kind));
    return key_column(d, name, 0, &typed);
}

/* Columns of key_columns that the record key did not give: from the value (F-23, F-30). */
static int key_from_value(struct derive *d)
{
    struct mr_shape *shape = d->shape;
    for (uint16_t k = 0; k < d->route->n_key_columns && !shape->append; k++) {
        int idx = -1;
        for (uint16_t i = 0; i < shape->n_columns; i++) {
            const char *field = shape->columns[i].field;
            if (field != NULL && strcmp(field, d->route->key_columns[k]) == 0)
                idx = i;
        }
        if (idx >= 0 && shape->columns[idx].key)
            continue;
        if (idx < 0)
            return mr_err_set(d->err, MR_KEY_MISSING, "neither key nor value has column '%s'",
                              d->route->key_columns[k]);
        if (shape->n_key >= MR_KEY_MAX_COLUMNS)
            return mr_err_set(d->err, MR_KEY_UNSUPPORTED, "more than %d key columns",
                              MR_KEY_MAX_COLUMNS);
        shape->columns[idx].key = true;
        shape->columns[idx].not_null = true;
        shape->key_columns[shape->n_key++] = (uint16_t)idx;
    }
    return 0;
}

static int key_columns(struct derive *d)
{
    int rc = 0;
    if (!d->route->key_from_value) {
        if (d->shape->key_form == MR_KEY_RECORD)
            rc = key_from_record(d);
        else if (d->shape->key_form != MR_KEY_NONE)
            rc = key_from_single(d);
    }
    return rc < 0 ? rc : key_from_value(d);
}

static bool has_primary(const struct mr_table *table)
{
    for (uint16_t i = 0; table != NULL && i < table->n_uniques; i++) {
        if (table->uniques[i].primary)
            return true;
    }
    return false;
}

/* Where the guard is kept; a truncate has no key of its own. */
static int guard_column(struct derive *d)
{
    struct mr_shape *shape = d->shape;
    struct mr_shape_source source = {
        .origin = MR_FROM_GUARD, .value_idx = MR_NO_IDX, .key_idx = MR_NO_IDX};
    struct mr_shape_column column = {.type = {.type = shape->guard.single ? MR_T_INT8 : MR_T_BYTEA,
                                              .length = -1,
                                              .precision = -1}};
    if (shape->guard.kind == MR_GUARD_NONE || !(shape->n_key > 0 || has_primary(d->table)))
        return 0;
    int rc = column_name(d, d->route->guard_column, NULL, &column.name);
    return rc < 0 ? rc : column_add(d, &column, &source, &shape->guard_idx);
}

/* The columns that no field fills: the guard's, append's own, the route's. */
static int extra_columns(struct derive *d)
{
    struct mr_shape_extra extra;
    int rc = guard_column(d);
    for (uint16_t i = 0; rc == 0 && mr_shape_extra(d->route, i, &extra); i++) {
        struct mr_shape_column column = {.type = extra.type};
        const char **literal = &extra.source.constant;
        rc = column_name(d, extra.name, NULL, &column.name);
        if (rc == 0 && extra.cast != NULL)
            rc = cast_type(d, extra.cast, &column.type);
        if (*literal != NULL)
            *literal = mr_arena_copy(&d->shape->arena, *literal, strlen(*literal) + 1);
        if (rc == 0 && extra.source.origin == MR_FROM_CONSTANT && *literal == NULL)
            rc = no_memory(d);
        if (rc == 0)
            rc = column_add(d, &column, &extra.source, NULL);
    }
    return rc;
}

int mr_shape_match(const struct mr_shape *shape, const struct mr_table *table, uint16_t idx)
{
    const char *name = shape->columns[idx].name;
    int at = mr_table_column(table, name);
    if (at < 0 || strcmp(table->columns[at].name, name) == 0)
        return at;
    return column_find(shape, table->columns[at].name) >= 0 ? -1 : at;
}

/* A column that the table has in another letter case takes the table's name. */
static int match_table(struct derive *d)
{
    for (uint16_t i = 0; d->table != NULL && i < d->shape->n_columns; i++) {
        struct mr_shape_column *column = &d->shape->columns[i];
        int at = mr_shape_match(d->shape, d->table, i);
        if (at < 0 || strcmp(d->table->columns[at].name, column->name) == 0)
            continue;
        const char *name = d->table->columns[at].name;
        column->name = mr_arena_copy(&d->shape->arena, name, strlen(name) + 1);
        if (column->name == NULL)
            return no_memory(d);
    }
    return 0;
}

/* Field names are the schema's, other texts the route's or the table's: copied, since they die. */
static int own_fields(struct derive *d)
{
    for (uint16_t i = 0; i < d->shape->n_columns; i++) {
        const char **texts[] = {&d->shape->columns[i].field, &d->shape->sources[i].unit};
        for (unsigned k = 0; k < 2; k++) {
            if (*texts[k] == NULL)
                continue;
            *texts[k] = mr_arena_copy(&d->shape->arena, *texts[k], strlen(*texts[k]) + 1);
            if (*texts[k] == NULL)
                return no_memory(d);
        }
    }
    return 0;
}

static enum mr_key_form key_form(const struct mr_shape_from *from)
{
    if (from->key != NULL)
        return from->key->root->kind == MR_AV_RECORD ? MR_KEY_RECORD : MR_KEY_SINGLE;
    bool raw = from->raw_key == MR_FORMAT_STRING || from->raw_key == MR_FORMAT_INT32 ||
               from->raw_key == MR_FORMAT_INT64 || from->raw_key == MR_FORMAT_BYTES;
    return raw ? MR_KEY_RAW : MR_KEY_NONE;
}

static int derive_all(struct derive *d)
{
    enum mr_layout layout = d->shape->envelope.layout;
    if (layout == MR_LAYOUT_SKIP)
        return 0;
    int rc = layout == MR_LAYOUT_KEY_ONLY ? 0 : value_columns(d);
    if (rc == 0)
        rc = key_columns(d);
    if (rc == 0)
        rc = extra_columns(d);
    if (rc == 0)
        rc = match_table(d);
    return rc == 0 ? own_fields(d) : rc;
}

int mr_shape_derive(const struct mr_shape_from *from, const struct mr_route *route,
                    const struct mr_table *table, struct mr_shape **out, struct mr_err *err)
{
    struct mr_shape *shape = mr_memory_given(calloc(1, sizeof *shape));
    if (shape == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "deriving a table's shape");
    mr_arena_init(&shape->arena, SHAPE_CHUNK_BYTES, SHAPE_LIMIT_BYTES);
    shape->key = from->key != NULL ? mr_schema_ref(from->key) : NULL;
    shape->value = from->value != NULL ? mr_schema_ref(from->value) : NULL;
    shape->key_form = key_form(from);
    shape->raw_key = from->raw_key;
    shape->append = route->strategy == MR_STRATEGY_APPEND;
    shape->envelope_topic = from->envelope_topic;
    shape->guard_idx = MR_NO_IDX;
    struct derive d = {.shape = shape, .route = route, .table = table, .err = err};
    int rc = mr_envelope_find(from->value, route, from->topic != NULL ? from->topic : "",
                              &shape->envelope, err);
    if (rc == 0 && !shape->append)
        rc = mr_guard_find(route, &shape->envelope, &shape->guard, err);
    if (rc == 0)
        rc = derive_all(&d);
    if (rc < 0) {
        mr_shape_free(shape);
        return rc;
    }
    *out = shape;
    return 0;
}
