/* Owns the comparison. Must not trust anything that loading used: keys and values are compared as
 * the texts that the target's own client gives. */
#include "consumer/demo_verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"

#include "base/ban.h"

struct comparison {
    const struct mr_demo_table *table;
    struct mr_map by_key; /* of the model's rows */
    struct mr_buf text;
    struct mr_demo_verdict *out;
    struct mr_err *err;
};

static int index_rows(struct comparison *cmp, const struct mr_demo_rows *rows)
{
    mr_map_init(&cmp->by_key, 0);
    for (size_t i = 0; i < rows->n_rows; i++) {
        struct mr_demo_row *row = rows->rows[i];
        row->seen = false;
        int rc = mr_map_put(&cmp->by_key, &row->key, sizeof row->key, row);
        if (rc < 0)
            return mr_err_set(cmp->err, MR_NO_MEMORY, "the comparison");
    }
    return 0;
}

/* ---- differences ---- */

/* "a long te...": cut between characters. */
static void show(char out[MR_DEMO_SHOWN_BYTES + 8], const char *text)
{
    size_t n = text != NULL ? strlen(text) : 0;

    if (text == NULL) {
        (void)snprintf(out, MR_DEMO_SHOWN_BYTES + 8, "NULL");
        return;
    }
    if (n > MR_DEMO_SHOWN_BYTES) {
        for (n = MR_DEMO_SHOWN_BYTES; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
        (void)snprintf(out, MR_DEMO_SHOWN_BYTES + 8, "%.*s...", (int)n, text);
        return;
    }
    (void)snprintf(out, MR_DEMO_SHOWN_BYTES + 8, "'%s'", text);
}

static void show_key(struct comparison *cmp, const char *const *values)
{
    const struct mr_demo_table *table = cmp->table;
    size_t at = 0;

    for (uint16_t i = 0; i < table->n_key && at < sizeof cmp->out->key; i++)
        at += (size_t)snprintf(cmp->out->key + at, sizeof cmp->out->key - at, "%s%s = %.16s",
                               i > 0 ? ", " : "", table->columns[i].name,
                               values[i] != NULL ? values[i] : "NULL");
}

/* Without a column, `expected` and `found` are words for the whole row. */
static void differ(struct comparison *cmp, const char *column, const char *expected,
                   const char *found)
{
    cmp->out->equal = false;
    cmp->out->table = cmp->table->name;
    cmp->out->column = column;
    if (column != NULL) {
        show(cmp->out->expected, expected);
        show(cmp->out->found, found);
        return;
    }
    (void)snprintf(cmp->out->expected, sizeof cmp->out->expected, "%s", expected);
    (void)snprintf(cmp->out->found, sizeof cmp->out->found, "%s", found);
}

/* What the target must show; NULL for NULL. */
static const char *expected_text(struct comparison *cmp, const struct mr_demo_row *row,
                                 uint16_t idx)
{
    if (row->values[idx].is_null)
        return NULL;
    mr_buf_reset(&cmp->text);
    mr_demo_value_print(&cmp->table->columns[idx], &row->values[idx], &cmp->text);
    return mr_buf_cstr(&cmp->text);
}

static void differ_row(struct comparison *cmp, const struct mr_demo_row *row)
{
    char texts[MR_DEMO_MAX_COLUMNS][24];
    const char *values[MR_DEMO_MAX_COLUMNS];

    for (uint16_t i = 0; i < cmp->table->n_key; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%lld", (long long)row->values[i].number);
        values[i] = texts[i];
    }
    show_key(cmp, values);
    differ(cmp, NULL, "one row", "none");
}

/* ---- rows ---- */

/* The model's row of a key as the target shows it; NULL for any text that is no key of ours. */
static struct mr_demo_row *row_of(struct comparison *cmp, const char *const *values)
{
    struct mr_demo_value parts[2] = {{.number = 0}, {.number = 0}};

    for (uint16_t i = 0; i < cmp->table->n_key; i++) {
        char *end = NULL;
        if (values[i] == NULL)
            return NULL;
        errno = 0;
        parts[i].number = strtoll(values[i], &end, 10);
        if (errno != 0 || *end != '\0' || parts[i].number < 0 || parts[i].number > INT32_MAX)
            return NULL;
    }
    uint64_t key = mr_demo_key_of(cmp->table, parts);
    return mr_map_find(&cmp->by_key, &key, sizeof key);
}

static bool row_is_equal(struct comparison *cmp, const struct mr_demo_row *row,
                         const char *const *values)
{
    for (uint16_t i = 0; i < cmp->table->n_columns; i++) {
        const char *expected = expected_text(cmp, row, i);
        bool both = expected != NULL && values[i] != NULL;
        if (both ? strcmp(expected, values[i]) == 0 : expected == values[i])
            continue;
        show_key(cmp, values);
        differ(cmp, cmp->table->columns[i].name, expected, values[i]);
        return false;
    }
    return true;
}

static int compare_rows(struct comparison *cmp, struct mr_reader *reader)
{
    for (;;) {
        const char *const *values = NULL;
        int rc = mr_reader_next(reader, &values, cmp->err);
        if (rc <= 0)
            return rc;
        struct mr_demo_row *row = row_of(cmp, values);
        if (row == NULL || row->seen) {
            show_key(cmp, values);
            differ(cmp, NULL, row == NULL ? "none" : "one row", row == NULL ? "one row" : "two");
            return 0;
        }
        row->seen = true;
        if (!row_is_equal(cmp, row, values))
            return 0;
        cmp->out->n_rows++;
    }
}

static int compare_table(struct comparison *cmp, struct mr_reader *reader, const char *schema,
                         const struct mr_demo_rows *rows)
{
    struct mr_reader_column columns[MR_DEMO_MAX_COLUMNS];
    struct mr_reader_query query = {.schema = schema,
                                    .table = cmp->table->name,
                                    .columns = columns,
                                    .n_columns = cmp->table->n_columns,
                                    .n_key = cmp->table->n_key};

    for (uint16_t i = 0; i < cmp->table->n_columns; i++)
        columns[i] = (struct mr_reader_column){cmp->table->columns[i].name,
                                               cmp->table->columns[i].kind == MR_DEMO_BOOL};
    int rc = index_rows(cmp, rows);
    if (rc == 0)
        rc = mr_reader_begin(reader, &query, cmp->err);
    if (rc == 0)
        rc = compare_rows(cmp, reader);
    for (size_t i = 0; rc == 0 && cmp->out->equal && i < rows->n_rows; i++) {
        if (!rows->rows[i]->seen)
            differ_row(cmp, rows->rows[i]);
    }
    return rc;
}

int mr_demo_verify(struct mr_reader *reader, const char *schema, struct mr_demo_model *model,
                   struct mr_demo_verdict *out, struct mr_err *err)
{
    struct comparison cmp = {.text = MR_BUF_INIT, .out = out, .err = err};
    int rc = 0;

    *out = (struct mr_demo_verdict){.equal = true};
    for (size_t t = 0; rc == 0 && out->equal && t < MR_DEMO_N_TABLES; t++) {
        cmp.table = &mr_demo_tables[t];
        rc = compare_table(&cmp, reader, schema, &model->tables[t]);
        mr_map_release(&cmp.by_key);
    }
    mr_buf_release(&cmp.text);
    return rc;
}

void mr_demo_verdict_print(const struct mr_demo_verdict *verdict, struct mr_buf *out)
{
    mr_buf_fmt(out, "%s, %s", verdict->table, verdict->key);
    if (verdict->column != NULL)
        mr_buf_fmt(out, ", column %s", verdict->column);
    mr_buf_fmt(out, ": expected %s, found %s", verdict->expected, verdict->found);
}
