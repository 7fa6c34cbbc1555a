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

MR_TEST("every type has a name for messages")
{
    for (int t = 0; t < MR_N_TYPES; t++)
        MR_CHECK(mr_type_name((enum mr_type)t) != NULL);
    MR_CHECK_STR(mr_type_name(MR_T_TIMESTAMPTZ), "timestamptz");
}
