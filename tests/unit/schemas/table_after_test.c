/* A table as it would be after a wish (contract.md V-01 to V-17). */
#include "schemas/table_after.h"

#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

static struct plan_case pc;

MR_SETUP
{
    plan_case_init(&pc);
}

MR_TEARDOWN
{
    plan_case_release(&pc);
}

#define TYPE(t) {.type = (t), .length = -1, .precision = -1}

static void apply(enum mr_ddl_kind kind, const struct mr_shape_column *columns, uint16_t n)
{
    static const uint16_t key[] = {0};
    struct mr_table place = {.schema = "", .name = "t"};
    bool keyed = kind == MR_DDL_CREATE || kind == MR_DDL_ADD_KEY;
    struct mr_ddl ddl = {
        .kind = kind, .columns = columns, .n_columns = n, .key = key, .n_key = keyed ? 1 : 0};
    struct mr_table *after = mr_table_after(pc.table != NULL ? pc.table : &place, &ddl);
    MR_CHECK(after != NULL);
    mr_table_unref(pc.table);
    pc.table = after;
}

/* V-01, V-04, V-08, V-11 */
MR_TEST("each wish changes the description, and nothing else of it")
{
    const struct mr_shape_column made[] = {{.name = "id", .type = TYPE(MR_T_INT4), .key = true},
                                           {.name = "a", .type = TYPE(MR_T_TEXT)}};
    const struct mr_shape_column more[] = {{.name = "b", .type = TYPE(MR_T_INT4)}};
    const struct mr_shape_column wide[] = {{.name = "b", .type = TYPE(MR_T_INT8)}};
    apply(MR_DDL_CREATE, made, 2);
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text");
    MR_CHECK(pc.table->made_by_us && pc.table->columns[0].not_null);
    apply(MR_DDL_ADD_COLUMNS, more, 1);
    apply(MR_DDL_ADD_COLUMNS, more, 1);
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text, b int4");
    apply(MR_DDL_WIDEN, wide, 1);
    MR_CHECK_STR(plan_case_columns(&pc), "id int4 pk, a text, b int8");
    pc.table->columns[2].not_null = true;
    apply(MR_DDL_DROP_NOT_NULL, wide, 1);
    MR_CHECK(!pc.table->columns[2].not_null && pc.table->columns[0].not_null);
}

/* V-17 */
MR_TEST("a key that is added is found by its columns' names")
{
    const struct mr_shape_column id[] = {{.name = "id", .type = TYPE(MR_T_INT4)}};
    plan_case_table(&pc, "a text, id int4");
    apply(MR_DDL_ADD_KEY, id, 1);
    MR_CHECK_STR(plan_case_columns(&pc), "a text, id int4 pk");
    MR_CHECK(!pc.table->made_by_us);
}
