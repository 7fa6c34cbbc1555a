/* Statement texts, word by word: a change here is a change of what the server plans. */
#include "sinks/pg_merge.h"

#include "tests/support/mr_test.h"

static struct mr_buf sql;
static struct mr_column columns[4];
static struct mr_table table;
static struct mr_unique unique;
static const char *operators[1];
static const uint16_t all_idx[] = {0, 1, 2, 3};
static const struct mr_colset key = {1, all_idx};
static const struct mr_colset key_two = {2, all_idx};
static const struct mr_colset three = {3, all_idx};
static struct mr_pg_stage_use stage;

MR_SETUP
{
    sql = (struct mr_buf)MR_BUF_INIT;
    columns[0] = (struct mr_column){.name = "id", .type = {.type = MR_T_INT8, .oid = 20}};
    columns[1] = (struct mr_column){.name = "n\"x", .type = {.type = MR_T_TEXT, .oid = 25}};
    columns[2] = (struct mr_column){.name = "v", .type = {.type = MR_T_INT4, .oid = 23}};
    columns[3] =
        (struct mr_column){.name = "ip", .type = {.type = MR_T_CAST, .sql = "inet", .oid = 869}};
    unique = (struct mr_unique){.n_cols = 1, .cols = all_idx, .eq_ops = operators};
    operators[0] = "OPERATOR(ext.=)";
    table.schema = "public";
    table.name = "orders";
    table.columns = columns;
    table.n_columns = 4;
    table.uniques = &unique;
    table.n_uniques = 0;
    stage = (struct mr_pg_stage_use){.table = &table, .cols = &three, .name = "millrace_s_1"};
}

MR_TEARDOWN
{
    mr_buf_release(&sql);
}

// I-02
MR_TEST("identifiers and literals are quoted with their quotes doubled")
{
    mr_pg_ident(&sql, "a\"b C");
    mr_buf_byte(&sql, ' ');
    mr_pg_literal(&sql, "it's");
    MR_CHECK_STR(mr_buf_cstr(&sql), "\"a\"\"b C\" 'it''s'");
}

MR_TEST("array literals quote what array syntax would read")
{
    mr_pg_array_text(&sql, true, "a\"b\\c,{}");
    mr_pg_array_text(&sql, false, "NULL");
    mr_buf_byte(&sql, ' ');
    mr_pg_array_i64(&sql, true, -1);
    mr_pg_array_i64(&sql, false, 2);
    MR_CHECK_STR(mr_buf_cstr(&sql), "{\"a\\\"b\\\\c,{}\",\"NULL\" {-1,2");
}

// T-74
MR_TEST("a stage takes its types from the table itself, and text for what is cast")
{
    static const struct mr_colset cols = {4, all_idx};
    stage.cols = &cols;
    mr_pg_stage_create_sql(&sql, &stage);
    MR_CHECK_STR(mr_buf_cstr(&sql),
                 "CREATE TEMPORARY TABLE IF NOT EXISTS pg_temp.\"millrace_s_1\" ON COMMIT DELETE "
                 "ROWS AS SELECT t.\"id\", t.\"n\"\"x\", t.\"v\", t.\"ip\"::pg_catalog.text AS "
                 "\"ip\" FROM \"public\".\"orders\" t WITH NO DATA; ");
    MR_CHECK(mr_pg_needs_stage(&table, &cols));
    MR_CHECK(!mr_pg_needs_stage(&table, &three));
}

MR_TEST("an upsert sorts by the key and sets only what is carried")
{
    mr_pg_insert_sql(&sql, &stage, &key, true);
    MR_CHECK_STR(mr_buf_cstr(&sql),
                 "INSERT INTO \"public\".\"orders\" (\"id\", \"n\"\"x\", \"v\") SELECT s.\"id\", "
                 "s.\"n\"\"x\", s.\"v\" FROM pg_temp.\"millrace_s_1\" s ORDER BY s.\"id\" ON "
                 "CONFLICT (\"id\") DO UPDATE SET \"n\"\"x\" = EXCLUDED.\"n\"\"x\", \"v\" = "
                 "EXCLUDED.\"v\"");
}

// V-16
MR_TEST("an identity column is inserted by force and never set")
{
    columns[0].identity_always = true;
    columns[2].identity_always = true;
    mr_pg_insert_sql(&sql, &stage, &key, true);
    MR_CHECK_STR(mr_buf_cstr(&sql),
                 "INSERT INTO \"public\".\"orders\" (\"id\", \"n\"\"x\", \"v\") OVERRIDING SYSTEM "
                 "VALUE SELECT s.\"id\", s.\"n\"\"x\", s.\"v\" FROM pg_temp.\"millrace_s_1\" s "
                 "ORDER BY s.\"id\" ON CONFLICT (\"id\") DO UPDATE SET \"n\"\"x\" = "
                 "EXCLUDED.\"n\"\"x\"");
}

MR_TEST("a key whose equal values can look different is set as well")
{
    columns[0].type = (struct mr_coltype){.type = MR_T_CAST, .sql = "public.citext"};
    stage.cols = &key;
    mr_pg_insert_sql(&sql, &stage, &key, true);
    MR_CHECK_STR(mr_buf_cstr(&sql),
                 "INSERT INTO \"public\".\"orders\" (\"id\") SELECT s.\"id\"::public.citext FROM "
                 "pg_temp.\"millrace_s_1\" s ORDER BY s.\"id\"::public.citext ON CONFLICT "
                 "(\"id\") DO UPDATE SET \"id\" = EXCLUDED.\"id\"");
}

// U-27, I-12
MR_TEST("an update leaves masked columns out and joins by the index's own operator")
{
    const uint64_t mask[] = {1 << 2};
    table.n_uniques = 1;
    mr_pg_update_sql(&sql, &stage, &key, mask);
    MR_CHECK_STR(mr_buf_cstr(&sql),
                 "UPDATE \"public\".\"orders\" t SET \"n\"\"x\" = s.\"n\"\"x\" FROM (SELECT * FROM "
                 "pg_temp.\"millrace_s_1\" s ORDER BY s.\"id\") s WHERE t.\"id\" OPERATOR(ext.=) "
                 "s.\"id\"");
}

// U-28
MR_TEST("an update that may write nothing touches the row")
{
    const uint64_t mask[] = {1 << 1 | 1 << 2};
    columns[0].identity_always = true;
    mr_pg_update_sql(&sql, &stage, &key, mask);
    MR_CHECK_STR(mr_buf_cstr(&sql),
                 "UPDATE \"public\".\"orders\" t SET \"n\"\"x\" = t.\"n\"\"x\" FROM (SELECT * FROM "
                 "pg_temp.\"millrace_s_1\" s ORDER BY s.\"id\") s WHERE t.\"id\" "
                 "OPERATOR(pg_catalog.=) s.\"id\"");
}

MR_TEST("deletes go by an array for one built-in key column, else by the stage")
{
    MR_CHECK(mr_pg_delete_any_sql(&sql, &table, &key));
    MR_CHECK_STR(mr_buf_cstr(&sql), "DELETE FROM \"public\".\"orders\" t WHERE t.\"id\" "
                                    "OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.int8[])");
    mr_buf_reset(&sql);
    MR_CHECK(!mr_pg_delete_any_sql(&sql, &table, &key_two));
    columns[0].type.type = MR_T_CAST;
    MR_CHECK(!mr_pg_delete_any_sql(&sql, &table, &key));
    MR_CHECK_U64(sql.len, 0);
    columns[0].type.type = MR_T_INT8;
    stage.cols = &key_two;
    mr_pg_delete_sql(&sql, &stage);
    MR_CHECK_STR(mr_buf_cstr(&sql),
                 "DELETE FROM \"public\".\"orders\" t USING (SELECT * FROM "
                 "pg_temp.\"millrace_s_1\" s ORDER BY s.\"id\", s.\"n\"\"x\") s WHERE t.\"id\" "
                 "OPERATOR(pg_catalog.=) s.\"id\" AND t.\"n\"\"x\" OPERATOR(pg_catalog.=) "
                 "s.\"n\"\"x\"");
}

// F-33, I-12
MR_TEST("keys are grouped by their index's own collation, and written in their last spelling")
{
    static const char *const collations[] = {" COLLATE \"public\".\"ci\""};
    static const uint16_t text_idx[] = {1, 2};
    static const struct mr_colset text_key = {1, text_idx};
    static const struct mr_colset both = {2, text_idx};
    struct mr_unique pair[] = {{.n_cols = 1, .cols = text_idx, .eq_ops = operators},
                               {.n_cols = 1,
                                .cols = text_idx,
                                .eq_ops = operators,
                                .collations = collations,
                                .loose = "n\"x"}};
    table.uniques = pair;
    table.n_uniques = 2;
    stage.cols = &text_key;
    mr_pg_groups_sql(&sql, &stage);
    MR_CHECK_STR(mr_buf_cstr(&sql),
                 "SELECT w.n, w.g FROM (SELECT s.\"millrace row number\" AS n, pg_catalog.min("
                 "s.\"millrace row number\") OVER (PARTITION BY s.\"n\"\"x\" COLLATE "
                 "\"public\".\"ci\") AS g FROM pg_temp.\"millrace_s_1\" s) w WHERE w.g "
                 "OPERATOR(pg_catalog.<>) w.n");
    mr_buf_reset(&sql);
    MR_CHECK(mr_pg_delete_any_sql(&sql, &table, &text_key));
    MR_CHECK_STR(mr_buf_cstr(&sql),
                 "DELETE FROM \"public\".\"orders\" t WHERE t.\"n\"\"x\" OPERATOR(ext.=) ANY "
                 "($1::pg_catalog.text[] COLLATE \"public\".\"ci\")");
    mr_buf_reset(&sql);
    stage.cols = &both;
    mr_pg_update_sql(&sql, &stage, &text_key, NULL);
    MR_CHECK_STR(mr_buf_cstr(&sql),
                 "UPDATE \"public\".\"orders\" t SET \"n\"\"x\" = s.\"n\"\"x\", \"v\" = s.\"v\" "
                 "FROM (SELECT * FROM pg_temp.\"millrace_s_1\" s ORDER BY s.\"n\"\"x\") s WHERE "
                 "t.\"n\"\"x\" OPERATOR(ext.=) s.\"n\"\"x\" COLLATE \"public\".\"ci\"");
}

MR_TEST("COPY names its columns")
{
    mr_pg_copy_sql(&sql, &table, &key_two);
    mr_buf_str(&sql, "; ");
    stage.cols = &key;
    mr_pg_stage_copy_sql(&sql, &stage);
    MR_CHECK_STR(mr_buf_cstr(&sql), "COPY \"public\".\"orders\" (\"id\", \"n\"\"x\") FROM STDIN "
                                    "(FORMAT binary); COPY pg_temp.\"millrace_s_1\" (\"id\") FROM "
                                    "STDIN (FORMAT binary)");
}
