/* Tables and their columns (contract.md I-11). */
#include "schemas/table.h"

#include "tests/support/mr_test.h"

MR_TEST("a column is found by its exact name, else by a unique one in other letters")
{
    struct mr_column columns[] = {
        {.name = "id"}, {.name = "Name"}, {.name = "NAME"}, {.name = "X"}};
    struct mr_table *table = mr_table_new();
    table->columns = columns;
    table->n_columns = 4;
    MR_CHECK_INT(mr_table_column(table, "ID"), 0);
    MR_CHECK_INT(mr_table_column(table, "NAME"), 2);
    MR_CHECK_INT(mr_table_column(table, "name"), -1);
    MR_CHECK_INT(mr_table_column(table, "x"), 3);
    MR_CHECK_INT(mr_table_column(table, "y"), -1);
    mr_table_unref(table);
}

MR_TEST("a table lives as long as its last reference")
{
    struct mr_table *table = mr_table_new();
    MR_CHECK(mr_table_ref(table) == table);
    mr_table_unref(table);
    table->name = "still there";
    MR_CHECK_STR(table->name, "still there");
    mr_table_unref(table);
    mr_table_unref(NULL);
}

/* V-13: what each of them may differ in, one by one */
MR_TEST("two readings of a table are the same only where every part of them says so")
{
    static const uint16_t ab[] = {0, 1};
    static const uint16_t ba[] = {1, 0};
    struct mr_unique forth[] = {{.n_cols = 2, .primary = true, .cols = ab}, {.cols = NULL}};
    struct mr_unique back[] = {{.n_cols = 2, .primary = true, .cols = ba}};
    struct mr_unique other[] = {{.n_cols = 2, .primary = false, .cols = ab}};
    struct mr_unique fewer[] = {{.n_cols = 1, .primary = true, .cols = ab}};
    struct mr_unique loose[] = {{.n_cols = 2, .primary = true, .cols = ab, .loose = "k"}};
    const struct mr_table one = {.schema = "s",
                                 .name = "t",
                                 .uniques = forth,
                                 .n_uniques = 1,
                                 .version = {.v = {7, 8, 9, 10}, .n_words = 3}};
#define AS_ONE                                                                                     \
    .schema = one.schema, .name = one.name, .uniques = one.uniques, .n_uniques = one.n_uniques,    \
    .version = {.v = {7, 8, 9, 11}, .n_words = 3}
    const struct mr_table same = {AS_ONE};
    MR_CHECK(mr_table_same(&one, &one));
    MR_CHECK(mr_table_same(&one, &same)); /* the fourth word does not tell */
    struct mr_table differ[] = {{AS_ONE}, {AS_ONE}, {AS_ONE}, {AS_ONE}, {AS_ONE}, {AS_ONE},
                                {AS_ONE}, {AS_ONE}, {AS_ONE}, {AS_ONE}, {AS_ONE}};
    differ[0].schema = "s2";
    differ[1].name = "u";
    differ[2].version.v[0] = 0;
    differ[3].version.v[2] = 0;
    differ[4].version.n_words = 2;
    differ[5].made_by_us = true;
    differ[6].n_uniques = 2;
    differ[7].uniques = back;
    differ[8].uniques = other;
    differ[9].uniques = fewer;
    differ[10].uniques = loose;
    for (size_t i = 0; i < sizeof differ / sizeof differ[0]; i++) {
        if (mr_table_same(&one, &differ[i]) || mr_table_same(&differ[i], &one))
            MR_FAIL("%zu: the same", i);
    }
}

MR_TEST("tables whose sink has no version are the same only as one object")
{
    const struct mr_table one = {.schema = "", .name = "t"};
    const struct mr_table two = {.schema = "", .name = "t"};
    MR_CHECK(mr_table_same(&one, &one));
    MR_CHECK(!mr_table_same(&one, &two));
}

MR_TEST("every type has a name for messages")
{
    for (int t = 0; t < MR_N_TYPES; t++)
        MR_CHECK(mr_type_name((enum mr_type)t) != NULL);
    MR_CHECK_STR(mr_type_name(MR_T_TIMESTAMPTZ), "timestamptz");
}
