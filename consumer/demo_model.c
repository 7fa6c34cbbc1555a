/* Owns the rows of the demo's source. Invariant: a row is one block of memory, texts included. */
#include "consumer/demo_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/ban.h"

enum { FIRST_ROWS = 1024 };

void mr_demo_model_init(struct mr_demo_model *model)
{
    memset(model, 0, sizeof *model);
}

void mr_demo_model_release(struct mr_demo_model *model)
{
    for (size_t t = 0; t < MR_DEMO_N_TABLES; t++) {
        for (size_t i = 0; i < model->tables[t].n_rows; i++)
            free(model->tables[t].rows[i]);
        free(model->tables[t].rows);
    }
    mr_demo_model_init(model);
}

uint64_t mr_demo_key_of(const struct mr_demo_table *table, const struct mr_demo_value *values)
{
    uint64_t key = (uint64_t)values[0].number << 31;
    return table->n_key > 1 ? key | (uint64_t)values[1].number : key;
}

static struct mr_demo_row *row_new(const struct mr_demo_table *table,
                                   const struct mr_demo_value *values)
{
    size_t n_texts = 0;
    size_t fixed = sizeof(struct mr_demo_row) + table->n_columns * sizeof(struct mr_demo_value);

    for (uint16_t i = 0; i < table->n_columns; i++)
        n_texts += values[i].text != NULL ? strlen(values[i].text) + 1 : 0;
    struct mr_demo_row *row = malloc(fixed + n_texts);
    if (row == NULL)
        return NULL;
    char *at = (char *)row + fixed;
    row->key = mr_demo_key_of(table, values);
    row->seen = false;
    for (uint16_t i = 0; i < table->n_columns; i++) {
        row->values[i] = values[i];
        if (values[i].text == NULL)
            continue;
        size_t n = strlen(values[i].text) + 1;
        memcpy(at, values[i].text, n);
        row->values[i].text = at;
        at += n;
    }
    return row;
}

int mr_demo_model_add(struct mr_demo_model *model, uint16_t table,
                      const struct mr_demo_value *values, struct mr_err *err)
{
    struct mr_demo_rows *rows = &model->tables[table];

    if (rows->n_rows == rows->capacity) {
        size_t capacity = rows->capacity == 0 ? FIRST_ROWS : 2 * rows->capacity;
        struct mr_demo_row **grown = realloc(rows->rows, capacity * sizeof *grown);
        if (grown == NULL)
            return mr_err_set(err, MR_NO_MEMORY, "the demo's rows");
        rows->rows = grown;
        rows->capacity = capacity;
    }
    struct mr_demo_row *row = row_new(&mr_demo_tables[table], values);
    if (row == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a row of the demo");
    rows->rows[rows->n_rows++] = row;
    return 0;
}

int mr_demo_model_replace(struct mr_demo_model *model, uint16_t table, size_t idx,
                          const struct mr_demo_value *values, struct mr_err *err)
{
    struct mr_demo_row *row = row_new(&mr_demo_tables[table], values);

    if (row == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a row of the demo");
    free(model->tables[table].rows[idx]);
    model->tables[table].rows[idx] = row;
    return 0;
}

void mr_demo_model_remove(struct mr_demo_model *model, uint16_t table, size_t idx)
{
    struct mr_demo_rows *rows = &model->tables[table];

    free(rows->rows[idx]);
    rows->rows[idx] = rows->rows[--rows->n_rows];
}

size_t mr_demo_model_count(const struct mr_demo_model *model)
{
    size_t n = 0;
    for (size_t t = 0; t < MR_DEMO_N_TABLES; t++)
        n += model->tables[t].n_rows;
    return n;
}
