/* What the SQLite sink reads of tables that users made, and how names become names in a file
 * without schemas. */
#include <string.h>

#include "sinks/sqlite.h"
#include "tests/support/mr_test.h"
#include "tests/support/sink_fixture.h"

static struct mr_sink_fixture f;
static struct mr_table *table;

MR_SETUP
{
    f = (struct mr_sink_fixture){.ops = NULL};
    table = NULL;
    mr_sink_fixture_start(&f, MR_KIND_SQLITE);
}

MR_TEARDOWN
{
    mr_table_unref(table);
    mr_sink_fixture_stop(&f);
}

static void open_table(const char *ddl)
{
    mr_sink_fixture_exec(&f, ddl);
    MR_CHECK_OK(f.ops->table_open(f.sink, NULL, "t", true, &table, &f.err));
}

/* V-17 */
MR_TEST("an INTEGER PRIMARY KEY is a key although no index stands for it")
{
    open_table("CREATE TABLE t(v TEXT, id INTEGER PRIMARY KEY)");
    MR_CHECK_U64(table->n_uniques, 1);
    MR_CHECK(table->uniques[0].primary);
    MR_CHECK_U64(table->uniques[0].cols[0], 1);
    MR_CHECK(!table->made_by_us);
}

/* V-17 */
MR_TEST("only whole, plain unique indexes with bytewise comparison count as keys")
{
    open_table("CREATE TABLE t(a TEXT, b TEXT, c TEXT, d TEXT UNIQUE COLLATE NOCASE);"
               "CREATE UNIQUE INDEX good ON t(b, a);"
               "CREATE UNIQUE INDEX partial ON t(a) WHERE b IS NULL;"
               "CREATE UNIQUE INDEX expression ON t(lower(c));"
               "CREATE INDEX plain ON t(c)");
    MR_CHECK_U64(table->n_uniques, 1);
    MR_CHECK(!table->uniques[0].primary);
    MR_CHECK_U64(table->uniques[0].n_cols, 2);
    MR_CHECK_U64(table->uniques[0].cols[0], 1);
    MR_CHECK_U64(table->uniques[0].cols[1], 0);
}

/* V-03, V-15 */
MR_TEST("defaults, NOT NULL and generated columns are seen")
{
    open_table("CREATE TABLE t(a TEXT NOT NULL, b TEXT DEFAULT 'x', c TEXT AS (a || b) STORED,"
               " d TEXT AS (a))");
    MR_CHECK_U64(table->n_columns, 4);
    MR_CHECK(table->columns[0].not_null);
    MR_CHECK(!table->columns[0].has_default);
    MR_CHECK(table->columns[1].has_default);
    MR_CHECK(table->columns[2].generated);
    MR_CHECK(table->columns[3].generated);
    MR_CHECK(!table->columns[1].generated);
}

MR_TEST("an index that comes later changes the table's version, too")
{
    open_table("CREATE TABLE t(a TEXT)");
    mr_sink_fixture_exec(&f, "CREATE UNIQUE INDEX i ON t(a)");
    MR_CHECK_INT(f.ops->begin(f.session, &table, 1, NULL, 0, &f.err), -MR_TABLE_CHANGED);
}

MR_TEST("a table is read once, and again when it is asked afresh")
{
    open_table("CREATE TABLE t(a TEXT)");
    struct mr_table *again;
    MR_CHECK_OK(f.ops->table_open(f.sink, NULL, "t", false, &again, &f.err));
    MR_CHECK(again == table);
    mr_table_unref(again);
    mr_sink_fixture_exec(&f, "CREATE TABLE other(a TEXT)");
    MR_CHECK_OK(f.ops->table_open(f.sink, NULL, "t", true, &again, &f.err));
    MR_CHECK(again != table);
    MR_CHECK(mr_table_same(again, table)); /* nothing of it changed */
    mr_table_unref(again);
    mr_sink_fixture_exec(&f, "ALTER TABLE t ADD COLUMN b TEXT");
    MR_CHECK_OK(f.ops->table_open(f.sink, NULL, "t", false, &again, &f.err));
    MR_CHECK(mr_table_same(again, table)); /* the cache does not look */
    mr_table_unref(again);
    MR_CHECK_OK(f.ops->table_open(f.sink, NULL, "t", true, &again, &f.err));
    MR_CHECK_INT(again->n_columns, 2);
    MR_CHECK(!mr_table_same(again, table));
    mr_table_unref(again);
}

MR_TEST("a virtual table is refused like a view")
{
    mr_sink_fixture_exec(&f, "CREATE VIRTUAL TABLE t USING fts5(a)");
    MR_CHECK_INT(f.ops->table_open(f.sink, NULL, "t", true, &table, &f.err), -MR_TARGET_VIEW);
}

/* I-01, I-08 */
MR_TEST("tables of two schemas stay two tables in a file that has none")
{
    mr_sink_fixture_exec(&f, "CREATE TABLE t(a TEXT); CREATE TABLE \"inventory.t\"(b TEXT)");
    static const char *const schemas[] = {NULL, "", "public", "main"};
    for (size_t i = 0; i < 4; i++) {
        struct mr_table *found;
        MR_CHECK_OK(f.ops->table_open(f.sink, schemas[i], "t", false, &found, &f.err));
        MR_CHECK_STR(found->name, "t");
        mr_table_unref(found);
    }
    MR_CHECK_OK(f.ops->table_open(f.sink, "inventory", "t", false, &table, &f.err));
    MR_CHECK_STR(table->name, "inventory.t");
    MR_CHECK_STR(table->columns[0].name, "b");
}

MR_TEST("names that SQLite or the control tables have for themselves are refused")
{
    static const char *const names[] = {"", "sqlite_t", "SQLITE_x", "millrace_positions",
                                        "Millrace_META"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        MR_CHECK_INT(f.ops->table_open(f.sink, NULL, names[i], false, &table, &f.err),
                     -MR_IDENTIFIER_INVALID);
    MR_CHECK_INT(f.ops->table_open(f.sink, NULL, "millrace_orders", false, &table, &f.err),
                 -MR_TARGET_MISSING);
}

/* I-07 */
MR_TEST("two columns that SQLite takes as one are refused before anything is made")
{
    const struct mr_shape_column columns[] = {{.name = "Id", .type = {.type = MR_T_INT8}},
                                              {.name = "id", .type = {.type = MR_T_INT8}}};
    const struct mr_ddl ddl = {.kind = MR_DDL_CREATE, .columns = columns, .n_columns = 2};
    MR_CHECK_INT(f.ops->table_apply(f.sink, NULL, "t", &ddl, &f.err), -MR_IDENTIFIER_COLLISION);
    MR_CHECK_STR(mr_sink_fixture_query(&f, "SELECT count(*) FROM sqlite_schema WHERE name = 't'"),
                 "0\n");
}

MR_TEST("what was made and altered is noted")
{
    const struct mr_shape_column columns[] = {{.name = "id", .type = {.type = MR_T_INT8}},
                                              {.name = "c", .type = {.type = MR_T_UUID}}};
    const uint16_t key[] = {0};
    struct mr_ddl ddl = {
        .kind = MR_DDL_CREATE, .columns = columns, .n_columns = 1, .key = key, .n_key = 1};
    MR_CHECK_OK(f.ops->table_apply(f.sink, NULL, "t", &ddl, &f.err));
    ddl = (struct mr_ddl){.kind = MR_DDL_ADD_COLUMNS, .columns = columns, .n_columns = 2};
    MR_CHECK_OK(f.ops->table_apply(f.sink, NULL, "t", &ddl, &f.err));
    MR_CHECK_STR(
        mr_sink_fixture_query(&f, "SELECT statement FROM millrace_schema_changes"
                                  " ORDER BY id"),
        "CREATE TABLE \"t\" (\"id\" INTEGER NOT NULL, PRIMARY KEY (\"id\")) WITHOUT ROWID\n"
        "ALTER TABLE \"t\" ADD COLUMN \"c\" UUID_TEXT\n");
}

/* V-10, V-17: SQLite adds no PRIMARY KEY; without this a changed key would be taken for a missing
 * one, whose index is there already */
MR_TEST("the key that a table of ours got later is its primary key, another's index is not")
{
    const struct mr_shape_column columns[] = {{.name = "id", .type = {.type = MR_T_INT8}},
                                              {.name = "c", .type = {.type = MR_T_INT8}}};
    const uint16_t key[] = {0};
    struct mr_ddl ddl = {.kind = MR_DDL_CREATE, .columns = columns, .n_columns = 2};
    MR_CHECK_OK(f.ops->table_apply(f.sink, NULL, "t", &ddl, &f.err));
    ddl.kind = MR_DDL_ADD_KEY;
    ddl.key = key;
    ddl.n_key = 1;
    MR_CHECK_OK(f.ops->table_apply(f.sink, NULL, "t", &ddl, &f.err));
    open_table("CREATE UNIQUE INDEX more ON t(c)");
    MR_CHECK(table->made_by_us);
    MR_CHECK_U64(table->n_uniques, 2);
    for (uint16_t i = 0; i < 2; i++)
        MR_CHECK_INT(table->uniques[i].primary, table->uniques[i].cols[0] == 0);
    mr_table_unref(table);
    mr_sink_fixture_exec(&f, "CREATE TABLE u(id INTEGER); CREATE UNIQUE INDEX u_key ON u(id)");
    MR_CHECK_OK(f.ops->table_open(f.sink, NULL, "u", true, &table, &f.err));
    MR_CHECK(!table->uniques[0].primary);
}
