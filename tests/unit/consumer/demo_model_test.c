/* The demo's rows: copies, replacement, removal. */
#include "consumer/demo_model.h"

#include "tests/support/mr_test.h"

#include "base/ban.h"

static struct mr_demo_model model;
static struct mr_err err;
static char text[16];
static struct mr_demo_value values[MR_DEMO_MAX_COLUMNS];

MR_SETUP
{
    mr_demo_model_init(&model);
    memset(values, 0, sizeof values);
    values[1].text = text;
    memcpy(text, "first", 6);
}

MR_TEARDOWN
{
    mr_demo_model_release(&model);
}

static const struct mr_demo_rows *customers(void)
{
    return &model.tables[MR_DEMO_CUSTOMERS];
}

MR_TEST("a row keeps its texts when the caller's are gone")
{
    values[0].number = 3;
    MR_CHECK_OK(mr_demo_model_add(&model, MR_DEMO_CUSTOMERS, values, &err));
    memcpy(text, "other", 6);
    MR_CHECK_STR(customers()->rows[0]->values[1].text, "first");
    MR_CHECK_OK(mr_demo_model_replace(&model, MR_DEMO_CUSTOMERS, 0, values, &err));
    MR_CHECK_STR(customers()->rows[0]->values[1].text, "other");
    MR_CHECK_U64(mr_demo_model_count(&model), 1);
}

MR_TEST("a removed row is gone and the others stay")
{
    for (int64_t i = 0; i < 5000; i++) {
        values[0].number = i;
        MR_CHECK_OK(mr_demo_model_add(&model, MR_DEMO_CUSTOMERS, values, &err));
    }
    mr_demo_model_remove(&model, MR_DEMO_CUSTOMERS, 0);
    MR_CHECK_U64(mr_demo_model_count(&model), 4999);
    bool there[5000] = {false};
    for (size_t i = 0; i < customers()->n_rows; i++)
        there[customers()->rows[i]->values[0].number] = true;
    MR_CHECK(!there[0]);
    for (size_t i = 1; i < 5000; i++)
        MR_CHECK(there[i]);
}

MR_TEST("composite keys that differ in either part are different")
{
    const struct mr_demo_table *items = &mr_demo_tables[MR_DEMO_ORDER_ITEMS];
    const struct mr_demo_value a[2] = {{.number = 1}, {.number = 2}};
    const struct mr_demo_value b[2] = {{.number = 2}, {.number = 1}};
    const struct mr_demo_value c[2] = {{.number = 1}, {.number = INT32_MAX}};
    MR_CHECK(mr_demo_key_of(items, a) != mr_demo_key_of(items, b));
    MR_CHECK(mr_demo_key_of(items, a) != mr_demo_key_of(items, c));
    MR_CHECK(mr_demo_key_of(items, b) != mr_demo_key_of(items, c));
}
