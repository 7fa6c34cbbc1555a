/* Owns the difference between what a shape asks and what a table has (contract.md section 7), as an
 * intent that the sink turns into DDL. Must not decide conversions: those are the plan's. */
#include "schemas/evolve.h"

#include "schemas/widen.h"

#include "base/ban.h"

static bool unique_covers(const struct mr_table *table, const struct mr_unique *unique,
                          const struct mr_shape *shape)
{
    if (unique->n_cols != shape->n_key)
        return false;
    for (uint16_t k = 0; k < shape->n_key; k++) {
        int at = mr_shape_match(shape, table, shape->key_columns[k]);
        bool found = false;
        for (uint16_t i = 0; i < unique->n_cols; i++)
            found = found || (at >= 0 && unique->cols[i] == at);
        if (!found)
            return false;
    }
    return true;
}

const struct mr_unique *mr_evolve_key(const struct mr_shape *shape, const struct mr_table *table)
{
    const struct mr_unique *found = NULL;
    for (uint16_t i = 0; i < table->n_uniques; i++) {
        const struct mr_unique *unique = &table->uniques[i];
        if (unique_covers(table, unique, shape) && (found == NULL || unique->primary))
            found = unique;
    }
    return found;
}

static bool has_primary(const struct mr_table *table)
{
    bool found = false;
    for (uint16_t i = 0; i < table->n_uniques; i++)
        found = found || table->uniques[i].primary;
    return found;
}

/* V-10, V-17. */
static int check_key(const struct mr_shape *shape, const struct mr_table *table, struct mr_err *err)
{
    if (shape->n_key == 0 || mr_evolve_key(shape, table) != NULL)
        return 0;
    const char *first = shape->columns[shape->key_columns[0]].name;
    if (table->made_by_us && has_primary(table))
        return mr_err_set(err, MR_KEY_CHANGED,
                          "the record's key ('%s', %u columns) is not the table's", first,
                          (unsigned)shape->n_key);
    return mr_err_set(err, MR_TARGET_NO_UNIQUE_KEY, "for key '%s', %u columns", first,
                      (unsigned)shape->n_key);
}

/* V-17: a table that millrace made without a key, and whose records have one now. */
static bool lacks_key(const struct mr_shape *shape, const struct mr_table *table,
                      const struct mr_route *route)
{
    return shape->n_key > 0 && table->made_by_us && !has_primary(table) &&
           mr_evolve_key(shape, table) == NULL && mr_evolve_adds(route);
}

/* V-03: only where rows are inserted. */
static int check_not_null(const struct mr_shape *shape, const struct mr_table *table,
                          struct mr_err *err)
{
    if (shape->envelope.layout == MR_LAYOUT_KEY_ONLY)
        return 0;
    for (uint16_t i = 0; i < table->n_columns; i++) {
        const struct mr_column *column = &table->columns[i];
        if (!column->not_null || column->has_default || column->generated ||
            column->identity_always)
            continue;
        bool found = false;
        for (uint16_t k = 0; k < shape->n_columns; k++)
            found = found || mr_shape_match(shape, table, k) == i;
        if (!found) {
            mr_err_in(err, NULL, column->name);
            return mr_err_set(err, MR_TARGET_NOT_NULL_MISSING, "column '%s'", column->name);
        }
    }
    return 0;
}

bool mr_evolve_adds(const struct mr_route *route)
{
    return route->evolve == MR_EVOLVE_ADD || route->evolve == MR_EVOLVE_WIDEN;
}

int mr_evolve_check(const struct mr_shape *shape, const struct mr_table *table, struct mr_err *err)
{
    int rc = check_key(shape, table, err);
    return rc < 0 ? rc : check_not_null(shape, table, err);
}

static int want_key(const struct mr_shape *shape, enum mr_ddl_kind kind, struct mr_arena *arena,
                    struct mr_ddl *out, struct mr_err *err)
{
    out->kind = kind;
    out->columns = shape->columns;
    out->n_columns = shape->n_columns;
    uint16_t *key = mr_arena_alloc(arena, shape->n_key * sizeof *key);
    if (key == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "planning a table");
    memcpy(key, shape->key_columns, shape->n_key * sizeof *key);
    out->key = key;
    out->n_key = shape->n_key;
    return 0;
}

/* What decides whether a column of the table is altered. */
struct alter {
    const struct mr_shape *shape;
    const struct mr_table *table;
    const struct mr_route *route;
};

/* V-01. */
static bool is_new(const struct alter *a, uint16_t idx, int at)
{
    (void)a;
    (void)idx;
    return at < 0;
}

static bool is_of_unique(const struct mr_table *table, int at)
{
    for (uint16_t u = 0; u < table->n_uniques; u++) {
        for (uint16_t k = 0; k < table->uniques[u].n_cols && table->uniques[u].primary; k++) {
            if (table->uniques[u].cols[k] == at)
                return true;
        }
    }
    return false;
}

/* V-08: the field may be null, the column may not. */
static bool is_too_strict(const struct alter *a, uint16_t idx, int at)
{
    const struct mr_shape_source *source = &a->shape->sources[idx];
    if (at < 0 || !a->route->relax_not_null || a->shape->columns[idx].key)
        return false;
    const struct mr_column *column = &a->table->columns[at];
    return source->origin == MR_FROM_VALUE && source->typed.null_branch >= 0 && column->not_null &&
           !column->generated && !column->identity_always && !is_of_unique(a->table, at);
}

/* V-04. */
static bool is_too_narrow(const struct alter *a, uint16_t idx, int at)
{
    if (at < 0 || a->route->evolve != MR_EVOLVE_WIDEN || a->table->columns[at].generated)
        return false;
    enum mr_widening kind = mr_widen_kind(&a->table->columns[at].type, &a->shape->columns[idx].type,
                                          a->shape->sources[idx].typed.node != NULL
                                              ? a->shape->sources[idx].typed.semantic
                                              : MR_SEM_STRING);
    return kind == MR_WIDEN_IN_PLACE || (kind == MR_WIDEN_REWRITE && a->route->widen_rewrite);
}

/* The kinds of alteration of single columns, in the order in which they are done. */
static const struct {
    enum mr_ddl_kind kind;
    bool (*wanted)(const struct alter *a, uint16_t idx, int at);
} alterations[] = {
    {MR_DDL_ADD_COLUMNS, is_new},
    {MR_DDL_DROP_NOT_NULL, is_too_strict},
    {MR_DDL_WIDEN, is_too_narrow},
};
enum { N_ALTERATIONS = sizeof alterations / sizeof alterations[0] };

static int want_altered(const struct alter *a, unsigned which, struct mr_arena *arena,
                        struct mr_ddl *out, struct mr_err *err)
{
    const struct mr_shape *shape = a->shape;
    struct mr_shape_column *columns = mr_arena_alloc(arena, shape->n_columns * sizeof *columns);
    if (columns == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "planning columns");
    for (uint16_t i = 0; i < shape->n_columns; i++) {
        int at = mr_shape_match(shape, a->table, i);
        if (!alterations[which].wanted(a, i, at))
            continue;
        columns[out->n_columns] = shape->columns[i];
        if (at >= 0)
            columns[out->n_columns].name = a->table->columns[at].name;
        out->n_columns++;
    }
    out->columns = columns;
    if (out->n_columns > 0)
        out->kind = alterations[which].kind;
    return 0;
}

/* V-01 where the route does not add; without the guard's column nothing can be compared. */
static int refuse_new(const struct alter *a, struct mr_ddl *out, struct mr_err *err)
{
    const struct mr_route *route = a->route;
    const char *name = out->columns[0].name;
    uint16_t guard = a->shape->guard_idx;
    if (guard != MR_NO_IDX && mr_shape_match(a->shape, a->table, guard) < 0)
        return mr_err_set(err, MR_TARGET_GUARD_MISSING, "column '%s'",
                          a->shape->columns[guard].name);
    if (route->evolve == MR_EVOLVE_DISCARD_COLUMN) {
        *out = (struct mr_ddl){.kind = MR_DDL_NONE};
        return 0;
    }
    mr_err_in(err, NULL, name);
    return mr_err_set(err, route->evolve == MR_EVOLVE_FREEZE ? MR_SCHEMA_FROZEN : MR_SCHEMA_DRIFT,
                      "column '%s'", name);
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of evolve.h */
int mr_evolve_diff(const struct mr_shape *shape, const struct mr_table *table,
                   const struct mr_route *route, struct mr_arena *arena, struct mr_ddl *out,
                   struct mr_err *err)
{
    struct alter alter = {.shape = shape, .table = table, .route = route};
    *out = (struct mr_ddl){.kind = MR_DDL_NONE};
    if (shape->envelope.layout == MR_LAYOUT_SKIP)
        return 0;
    if (table == NULL) {
        if (!route->create)
            return mr_err_set(err, MR_TARGET_MISSING, "create = false");
        return want_key(shape, MR_DDL_CREATE, arena, out, err);
    }
    bool keyless = lacks_key(shape, table, route);
    int rc = keyless ? check_not_null(shape, table, err) : mr_evolve_check(shape, table, err);
    if (rc == 0)
        rc = want_altered(&alter, 0, arena, out, err);
    if (rc == 0 && out->kind == MR_DDL_ADD_COLUMNS && !mr_evolve_adds(route))
        return refuse_new(&alter, out, err);
    if (rc == 0 && out->kind == MR_DDL_NONE && keyless)
        return want_key(shape, MR_DDL_ADD_KEY, arena, out, err);
    for (unsigned k = 1; rc == 0 && out->kind == MR_DDL_NONE && k < N_ALTERATIONS; k++) {
        if (mr_evolve_adds(route))
            rc = want_altered(&alter, k, arena, out, err);
    }
    return rc;
}
