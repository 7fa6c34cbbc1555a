/* Owns the effect of a wish on a description. Must not decide what is wished. */
#include "schemas/table_after.h"

#include <string.h>

#include "base/ban.h"

static const char *kept(struct mr_table *table, const char *text)
{
    return text == NULL ? NULL : mr_arena_copy(&table->arena, text, strlen(text) + 1);
}

static bool column_copy(struct mr_table *table, const struct mr_column *from)
{
    struct mr_column *to = &table->columns[table->n_columns++];
    *to = *from;
    to->name = kept(table, from->name);
    to->type.sql = kept(table, from->type.sql);
    to->type.base_sql = kept(table, from->type.base_sql);
    return to->name != NULL && (to->type.sql != NULL || from->type.sql == NULL) &&
           (to->type.base_sql != NULL || from->type.base_sql == NULL);
}

static bool unique_copy(struct mr_table *table, const struct mr_unique *from)
{
    struct mr_unique *to = &table->uniques[table->n_uniques++];
    uint16_t *cols = mr_arena_alloc(&table->arena, from->n_cols * sizeof *cols);
    *to = (struct mr_unique){.n_cols = from->n_cols, .primary = from->primary, .cols = cols};
    to->loose = kept(table, from->loose);
    if (cols != NULL)
        memcpy(cols, from->cols, from->n_cols * sizeof *cols);
    return cols != NULL && (to->loose != NULL || from->loose == NULL);
}

/* By the exact name; -1. */
static int column_named(const struct mr_table *table, const char *name)
{
    for (uint16_t i = 0; i < table->n_columns; i++) {
        if (strcmp(table->columns[i].name, name) == 0)
            return i;
    }
    return -1;
}

static bool columns_make(struct mr_table *table, const struct mr_ddl *ddl)
{
    for (uint16_t i = 0; i < ddl->n_columns; i++) {
        const struct mr_shape_column *want = &ddl->columns[i];
        struct mr_column column = {
            .name = want->name, .type = want->type, .not_null = want->not_null};
        if (mr_table_column(table, want->name) < 0 && !column_copy(table, &column))
            return false;
    }
    return true;
}

static void columns_alter(struct mr_table *table, const struct mr_ddl *ddl)
{
    for (uint16_t i = 0; i < ddl->n_columns; i++) {
        int at = column_named(table, ddl->columns[i].name);
        if (at >= 0 && ddl->kind == MR_DDL_WIDEN)
            table->columns[at].type = ddl->columns[i].type;
        else if (at >= 0)
            table->columns[at].not_null = false;
    }
}

static bool key_make(struct mr_table *table, const struct mr_ddl *ddl)
{
    uint16_t *cols = mr_arena_alloc(&table->arena, (ddl->n_key + 1u) * sizeof *cols);
    if (cols == NULL)
        return false;
    for (uint16_t k = 0; k < ddl->n_key; k++) {
        int at = column_named(table, ddl->columns[ddl->key[k]].name);
        if (at < 0)
            return false;
        cols[k] = (uint16_t)at;
        table->columns[at].not_null = true;
    }
    table->uniques[table->n_uniques++] =
        (struct mr_unique){.n_cols = ddl->n_key, .primary = true, .cols = cols};
    return true;
}

static bool change(struct mr_table *table, const struct mr_ddl *ddl)
{
    bool ok = true;
    if (ddl->kind == MR_DDL_CREATE || ddl->kind == MR_DDL_ADD_COLUMNS)
        ok = columns_make(table, ddl);
    else if (ddl->kind != MR_DDL_ADD_KEY)
        columns_alter(table, ddl);
    if (ok && ddl->n_key > 0 && (ddl->kind == MR_DDL_CREATE || ddl->kind == MR_DDL_ADD_KEY))
        ok = key_make(table, ddl);
    return ok;
}

struct mr_table *mr_table_after(const struct mr_table *now, const struct mr_ddl *ddl)
{
    struct mr_table *table = mr_table_new();
    if (table == NULL)
        return NULL;
    size_t n_columns = (size_t)now->n_columns + ddl->n_columns;
    table->schema = kept(table, now->schema);
    table->name = kept(table, now->name);
    table->made_by_us = now->made_by_us || ddl->kind == MR_DDL_CREATE;
    table->columns = mr_arena_alloc(&table->arena, n_columns * sizeof *table->columns);
    table->uniques = mr_arena_alloc(&table->arena, (now->n_uniques + 1u) * sizeof *table->uniques);
    bool ok = table->schema != NULL && table->name != NULL && table->columns != NULL &&
              table->uniques != NULL;
    for (uint16_t i = 0; ok && i < now->n_columns; i++)
        ok = column_copy(table, &now->columns[i]);
    for (uint16_t i = 0; ok && i < now->n_uniques; i++)
        ok = unique_copy(table, &now->uniques[i]);
    if (ok)
        ok = change(table, ddl);
    if (!ok) {
        mr_table_unref(table);
        return NULL;
    }
    return table;
}
