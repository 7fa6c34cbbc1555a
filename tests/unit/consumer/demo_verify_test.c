/* The verdict over a scripted target: it must find every kind of difference, and name its place. */
#include "consumer/demo_verify.h"

#include <stdio.h>

#include "consumer/demo_generator.h"
#include "tests/support/mr_test.h"

#include "base/ban.h"

enum { N_RECORDS = 1500 };

/* Plays the model back as a target's texts, with one thing wrong at one row. */
enum wrong { RIGHT, LOST, DOUBLED, STRANGE, CHANGED, NULLED, FILLED, KEYLESS };

static struct {
    struct mr_reader base;
    const struct mr_demo_rows *rows;
    const struct mr_demo_table *table;
    size_t at;
    struct mr_buf texts[MR_DEMO_MAX_COLUMNS];
    const char *values[MR_DEMO_MAX_COLUMNS];
} target;

static struct {
    struct mr_demo_generator *gen;
    struct mr_demo_verdict verdict;
    struct mr_err err;
    enum wrong wrong;
    const char *table, *column; /* where */
    bool done;
} f;

static int target_begin(struct mr_reader *reader, const struct mr_reader_query *query,
                        struct mr_err *err)
{
    (void)reader;
    (void)err;
    MR_CHECK_STR(query->schema, "shop");
    for (size_t t = 0; t < MR_DEMO_N_TABLES; t++) {
        if (strcmp(mr_demo_tables[t].name, query->table) == 0) {
            target.table = &mr_demo_tables[t];
            target.rows = &mr_demo_generator_model(f.gen)->tables[t];
        }
    }
    MR_CHECK_U64(query->n_columns, target.table->n_columns);
    MR_CHECK_U64(query->n_key, target.table->n_key);
    target.at = 0;
    return 0;
}

static void spoil(void)
{
    static char strange[] = "2000000000";
    f.done = true;
    for (uint16_t i = 0; i < target.table->n_columns; i++) {
        bool here = f.column != NULL && strcmp(target.table->columns[i].name, f.column) == 0;
        if (here && f.wrong == CHANGED)
            mr_buf_str(&target.texts[i], "~");
        if (here && (f.wrong == CHANGED || f.wrong == FILLED))
            target.values[i] = mr_buf_cstr(&target.texts[i]);
        if (here && f.wrong == NULLED)
            target.values[i] = NULL;
    }
    if (f.wrong == STRANGE)
        target.values[0] = strange;
    if (f.wrong == KEYLESS)
        target.values[0] = NULL;
}

/* Whether row `row` is the one to spoil: any, but for what the change needs. */
static bool is_place(const struct mr_demo_row *row)
{
    if (f.wrong == RIGHT || f.done || strcmp(target.table->name, f.table) != 0)
        return false;
    for (uint16_t i = 0; f.column != NULL && i < target.table->n_columns; i++) {
        if (strcmp(target.table->columns[i].name, f.column) == 0)
            return row->values[i].is_null == (f.wrong == FILLED);
    }
    return true;
}

static int target_next(struct mr_reader *reader, const char *const **values, struct mr_err *err)
{
    (void)reader;
    (void)err;
    if (target.at < target.rows->n_rows && f.wrong == LOST &&
        is_place(target.rows->rows[target.at])) {
        f.done = true;
        target.at++;
    }
    if (target.at == target.rows->n_rows)
        return 0;
    const struct mr_demo_row *row = target.rows->rows[target.at];
    for (uint16_t i = 0; i < target.table->n_columns; i++) {
        mr_buf_reset(&target.texts[i]);
        mr_demo_value_print(&target.table->columns[i], &row->values[i], &target.texts[i]);
        target.values[i] = row->values[i].is_null ? NULL : mr_buf_cstr(&target.texts[i]);
    }
    bool place = f.wrong != LOST && is_place(row);
    if (place)
        spoil();
    target.at += place && f.wrong == DOUBLED ? 0 : 1;
    *values = target.values;
    return 1;
}

static void target_close(struct mr_reader *reader)
{
    (void)reader;
}

static int target_open(const char *url, const struct mr_env *env, struct mr_reader **out,
                       struct mr_err *err)
{
    (void)url;
    (void)env;
    (void)out;
    return mr_err_set(err, MR_BUG, "not called");
}

static const struct mr_reader_ops target_ops = {"scripted", target_open, target_begin, target_next,
                                                target_close};

MR_SETUP
{
    const struct mr_demo_generator_opts opts = {.n_records = N_RECORDS, .seed = 1};
    struct mr_demo_record record;
    memset(&f, 0, sizeof f);
    memset(&target, 0, sizeof target);
    target.base.ops = &target_ops;
    MR_CHECK_OK(mr_demo_generator_new(&opts, &f.gen, &f.err));
    for (int i = 0; i < N_RECORDS; i++)
        MR_CHECK_OK(mr_demo_generator_next(f.gen, &record, &f.err));
}

MR_TEARDOWN
{
    for (size_t i = 0; i < MR_DEMO_MAX_COLUMNS; i++)
        mr_buf_release(&target.texts[i]);
    mr_demo_generator_free(f.gen);
}

static const char *verdict(enum wrong wrong, const char *table, const char *column)
{
    static char line[1024];
    struct mr_buf text = MR_BUF_INIT;
    f.wrong = wrong;
    f.table = table;
    f.column = column;
    f.done = false;
    MR_CHECK_OK(
        mr_demo_verify(&target.base, "shop", mr_demo_generator_model(f.gen), &f.verdict, &f.err));
    if (f.verdict.equal)
        return "equal";
    mr_demo_verdict_print(&f.verdict, &text);
    (void)snprintf(line, sizeof line, "%s", mr_buf_cstr(&text));
    mr_buf_release(&text);
    return line;
}

MR_TEST("a target that shows every row is equal, and each row is counted once")
{
    MR_CHECK_STR(verdict(RIGHT, NULL, NULL), "equal");
    MR_CHECK_U64(f.verdict.n_rows, mr_demo_model_count(mr_demo_generator_model(f.gen)));
}

MR_TEST("a lost row, a doubled one and a strange one are found")
{
    MR_CHECK(strstr(verdict(LOST, "orders", NULL), ": expected one row, found none") != NULL);
    MR_CHECK(strncmp(verdict(LOST, "orders", NULL), "orders, id = ", 13) == 0);
    MR_CHECK(strstr(verdict(DOUBLED, "customers", NULL), "expected one row, found two") != NULL);
    MR_CHECK_STR(verdict(STRANGE, "customers", NULL),
                 "customers, id = 2000000000: expected none, found one row");
    MR_CHECK_STR(verdict(KEYLESS, "orders", NULL),
                 "orders, id = NULL: expected none, found one row");
}

MR_TEST("a changed value is found in every column of every table, with both values")
{
    for (size_t t = 0; t < MR_DEMO_N_TABLES; t++) {
        const struct mr_demo_table *table = &mr_demo_tables[t];
        for (uint16_t i = table->n_key; i < table->n_columns; i++) {
            char place[64];
            const char *line = verdict(CHANGED, table->name, table->columns[i].name);
            (void)snprintf(place, sizeof place, ", column %s: expected '", table->columns[i].name);
            MR_CHECK(strncmp(line, table->name, strlen(table->name)) == 0);
            MR_CHECK(strstr(line, place) != NULL);
            MR_CHECK(strstr(line, "~") != NULL || strstr(line, "...") != NULL);
        }
    }
}

MR_TEST("NULL and the empty text are two things")
{
    MR_CHECK(strstr(verdict(NULLED, "orders", "note"), ", found NULL") != NULL);
    MR_CHECK(strstr(verdict(FILLED, "orders", "note"), "expected NULL, found ''") != NULL);
}

MR_TEST("a composite key is named whole")
{
    const char *line = verdict(CHANGED, "order_items", "sku");
    MR_CHECK(strstr(line, "order_items, order_id = ") == line);
    MR_CHECK(strstr(line, ", line_no = ") != NULL);
}
