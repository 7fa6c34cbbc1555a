/* Owns the difference between what a shape asks and what a table has (contract.md section 7), as an
 * intent that the sink turns into DDL. Must not decide conversions: those are the plan's. */
#include "schemas/evolve.h"

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

/* V-10, V-17. */
static int check_key(const struct mr_shape *shape, const struct mr_table *table, struct mr_err *err)
{
    bool had_key = false;
    for (uint16_t i = 0; i < table->n_uniques; i++)
        had_key = had_key || table->uniques[i].primary;
    if (shape->n_key == 0 || mr_evolve_key(shape, table) != NULL)
        return 0;
    const char *first = shape->columns[shape->key_columns[0]].name;
    if (table->made_by_us && had_key)
        return mr_err_set(err, MR_KEY_CHANGED,
                          "the record's key ('%s', %u columns) is not the table's", first,
                          (unsigned)shape->n_key);
    return mr_err_set(err, MR_TARGET_NO_UNIQUE_KEY, "for key '%s', %u columns", first,
                      (unsigned)shape->n_key);
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

int mr_evolve_check(const struct mr_shape *shape, const struct mr_table *table, struct mr_err *err)
{
    int rc = check_key(shape, table, err);
    return rc < 0 ? rc : check_not_null(shape, table, err);
}

static int want_all(const struct mr_shape *shape, struct mr_arena *arena, struct mr_ddl *out,
                    struct mr_err *err)
{
    out->kind = MR_DDL_CREATE;
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

/* V-01. */
static int want_new(const struct mr_shape *shape, const struct mr_table *table,
                    struct mr_arena *arena, struct mr_ddl *out, struct mr_err *err)
{
    struct mr_shape_column *columns = mr_arena_alloc(arena, shape->n_columns * sizeof *columns);
    if (columns == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "planning columns");
    for (uint16_t i = 0; i < shape->n_columns; i++) {
        if (mr_shape_match(shape, table, i) < 0)
            columns[out->n_columns++] = shape->columns[i];
    }
    out->columns = columns;
    if (out->n_columns > 0)
        out->kind = MR_DDL_ADD_COLUMNS;
    return 0;
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of evolve.h */
int mr_evolve_diff(const struct mr_shape *shape, const struct mr_table *table,
                   const struct mr_route *route, struct mr_arena *arena, struct mr_ddl *out,
                   struct mr_err *err)
{
    *out = (struct mr_ddl){.kind = MR_DDL_NONE};
    if (shape->envelope.layout == MR_LAYOUT_SKIP)
        return 0;
    if (table == NULL) {
        if (!route->create)
            return mr_err_set(err, MR_TARGET_MISSING, "create = false");
        return want_all(shape, arena, out, err);
    }
    int rc = mr_evolve_check(shape, table, err);
    if (rc == 0)
        rc = want_new(shape, table, arena, out, err);
    if (rc < 0 || out->kind == MR_DDL_NONE)
        return rc;
    const char *name = out->columns[0].name;
    switch (route->evolve) {
    case MR_EVOLVE_FREEZE:
        mr_err_in(err, NULL, name);
        return mr_err_set(err, MR_SCHEMA_FROZEN, "column '%s'", name);
    case MR_EVOLVE_DISCARD_RECORD:
        mr_err_in(err, NULL, name);
        return mr_err_set(err, MR_SCHEMA_DRIFT, "column '%s'", name);
    case MR_EVOLVE_DISCARD_COLUMN:
        *out = (struct mr_ddl){.kind = MR_DDL_NONE};
        return 0;
    case MR_EVOLVE_ADD:
    case MR_EVOLVE_WIDEN:
    default:
        return 0;
    }
}
