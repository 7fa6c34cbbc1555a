/* What every kind of sink promises (sinks/sink.h) of tables and rows, as one list of cases that
 * runs against each kind by its capabilities. Values and positions: sink_values_test.c,
 * sink_positions_test.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/mr_test.h"
#include "tests/support/sink_cases.h"

MR_SETUP
{
    mr_case_start();
}

MR_TEARDOWN
{
    mr_case_stop();
}

/* ---- tables ---- */

MR_CONFORM(made, "a table made by a wish has its columns, its key, and is known as ours")
{
    mr_case_make("t", 1);
    MR_CHECK_U64(mr_case.table->n_columns, 3);
    MR_CHECK_STR(mr_case.table->name, "t");
    MR_CHECK_INT(mr_case.table->columns[0].type.type, MR_T_INT8);
    MR_CHECK_INT(mr_case.table->columns[1].type.type, MR_T_TEXT);
    MR_CHECK(mr_case.table->columns[0].not_null);
    MR_CHECK(!mr_case.table->columns[1].not_null);
    MR_CHECK_U64(mr_case.table->n_uniques, 1);
    MR_CHECK(mr_case.table->uniques[0].primary);
    MR_CHECK_U64(mr_case.table->uniques[0].n_cols, 1);
    MR_CHECK(mr_case.table->made_by_us);
}

/* V-11, V-12 */
MR_CONFORM(made_twice, "a table or column that somebody made first is no error")
{
    mr_case_make("t", 1);
    const struct mr_shape_column more[] = {{.name = "c", .type = MR_CASE_TYPE(MR_T_INT4)}};
    MR_CHECK_OK(mr_case_apply(MR_DDL_CREATE, "t", more, 1, 0));
    MR_CHECK_OK(mr_case_apply(MR_DDL_ADD_COLUMNS, "t", more, 1, 0));
    MR_CHECK_OK(mr_case_apply(MR_DDL_ADD_COLUMNS, "t", more, 1, 0));
    mr_case_open("t");
    MR_CHECK_U64(mr_case.table->n_columns, 4);
}

/* V-01 */
MR_CONFORM(grown, "a column that is added is NULL in the rows that are there")
{
    mr_case_fill();
    const struct mr_shape_column more[] = {{.name = "c", .type = MR_CASE_TYPE(MR_T_INT4)}};
    MR_CHECK_OK(mr_case_apply(MR_DDL_ADD_COLUMNS, "t", more, 1, 0));
    MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f, "SELECT id, c FROM t ORDER BY id"),
                 "1|~\n2|~\n");
}

MR_CONFORM_ALL(absent, "a table that is not there is target.missing")
{
    MR_CHECK_INT(mr_case.f.ops->table_open(mr_case.f.sink, NULL, "nowhere", false, &mr_case.table,
                                           &mr_case.f.err),
                 -MR_TARGET_MISSING);
}

/* I-12 */
MR_CONFORM(view, "a view is refused")
{
    mr_sink_fixture_exec(&mr_case.f, "CREATE VIEW w AS SELECT 1 AS id");
    MR_CHECK_INT(
        mr_case.f.ops->table_open(mr_case.f.sink, NULL, "w", false, &mr_case.table, &mr_case.f.err),
        -MR_TARGET_VIEW);
}

/* V-13 */
MR_CONFORM(changed, "a table that somebody altered is found by the flush's begin")
{
    mr_case_make("t", 1);
    mr_case_begin();
    mr_case.f.ops->rollback(mr_case.f.session);
    mr_sink_fixture_exec(&mr_case.f, "ALTER TABLE t ADD COLUMN c integer");
    MR_CHECK_INT(
        mr_case.f.ops->begin(mr_case.f.session, &mr_case.table, 1, NULL, 0, &mr_case.f.err),
        -MR_TABLE_CHANGED);
    MR_CHECK_STR(mr_case.f.err.table, mr_case.f.kind == MR_KIND_SQLITE ? "t" : "public.t");
    mr_case.f.ops->rollback(mr_case.f.session);
    mr_case_open("t");
    MR_CHECK_U64(mr_case.table->n_columns, 4);
    mr_case_begin();
}

MR_CONFORM(unchanged, "another table's change does not disturb")
{
    mr_case_make("t", 1);
    mr_sink_fixture_exec(&mr_case.f, "CREATE TABLE other(x integer)");
    mr_case_begin();
}

/* V-13 */
MR_CONFORM(dropped, "a table that somebody dropped is found by the flush's begin")
{
    mr_case_make("t", 1);
    mr_sink_fixture_exec(&mr_case.f, "DROP TABLE t");
    MR_CHECK_INT(
        mr_case.f.ops->begin(mr_case.f.session, &mr_case.table, 1, NULL, 0, &mr_case.f.err),
        -MR_TABLE_CHANGED);
}

MR_CONFORM(registered, "a table that another pipeline loads is refused unless both share it")
{
    mr_case_make("t", 1);
    MR_CHECK_OK(mr_case.f.ops->table_register(mr_case.f.sink, mr_case.table, "orders", false,
                                              &mr_case.f.err));
    MR_CHECK_OK(mr_case.f.ops->table_register(mr_case.f.sink, mr_case.table, "orders", false,
                                              &mr_case.f.err));
    struct mr_sink_fixture other = mr_case.f;
    other.opts.pipeline = "other";
    mr_sink_fixture_twin(&other, "two", &mr_case.twin);
    MR_CHECK_INT(
        mr_case.f.ops->table_register(mr_case.twin.sink, mr_case.table, "r", true, &mr_case.f.err),
        -MR_TARGET_SHARED);
    MR_CHECK_OK(mr_case.f.ops->table_register(mr_case.f.sink, mr_case.table, "orders", true,
                                              &mr_case.f.err));
    MR_CHECK_INT(
        mr_case.f.ops->table_register(mr_case.twin.sink, mr_case.table, "r", false, &mr_case.f.err),
        -MR_TARGET_SHARED);
    MR_CHECK_OK(
        mr_case.f.ops->table_register(mr_case.twin.sink, mr_case.table, "r", true, &mr_case.f.err));
}

/* I-02, I-05 */
MR_CONFORM(names,
           "names with quotes, blanks, reserved words and letters of any script are just names")
{
    static const char *const key[] = {"select", NULL};
    static const char *const cols[] = {"select", "a\"b", "Weird Col", "größe", NULL};
    const struct mr_shape_column columns[] = {
        {.name = "select", .type = MR_CASE_TYPE(MR_T_INT8), .key = true},
        {.name = "a\"b", .type = MR_CASE_TYPE(MR_T_TEXT)},
        {.name = "Weird Col", .type = MR_CASE_TYPE(MR_T_TEXT)},
        {.name = "größe", .type = MR_CASE_TYPE(MR_T_TEXT)}};
    const char *name = "Order \"of\" 日本 table";
    MR_CHECK_OK(mr_case_apply(MR_DDL_CREATE, name, columns, 4, 1));
    mr_case_open(name);
    MR_CHECK_STR(mr_case.table->name, name);
    mr_row_build_init(&mr_case.build, mr_case.f.ops->emit, mr_case.table, key);
    const struct mr_cell cells[] = {MR_INT(1), MR_TXT("x"), MR_TXT("y"), MR_TXT("z")};
    uint64_t n_done;
    for (int i = 0; i < 2; i++) {
        (void)mr_row_build_put(&mr_case.build, mr_row_build_cols(&mr_case.build, cols), cells);
        mr_case_begin();
        MR_CHECK_OK(mr_case_put_as(i == 0 ? MR_PUT_UPSERT : MR_PUT_UPDATE, cols, NULL, &n_done));
        mr_case_commit();
        MR_CHECK_U64(n_done, 1);
    }
    MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f,
                                       "SELECT \"select\", \"a\"\"b\", \"Weird Col\", \"größe\""
                                       " FROM \"Order \"\"of\"\" 日本 table\""),
                 "1|x|y|z\n");
    (void)mr_row_build_delete(&mr_case.build, cells);
    mr_case_begin();
    MR_CHECK_OK(mr_case_delete(&n_done));
    MR_CHECK_U64(n_done, 1);
}

/* ---- rows ---- */

MR_CONFORM(inserted, "rows that are inserted are there, with their NULLs")
{
    mr_case_fill();
    mr_case_rows("1|one|uno\n2|two|~\n");
}

MR_CONFORM(exists,
           "an insert that meets a key says so, and the transaction goes on behind a savepoint")
{
    mr_case_fill();
    mr_case_add(3, "three", NULL);
    mr_case_add(1, "again", NULL);
    mr_case_begin();
    MR_CHECK_OK(mr_case.f.ops->savepoint(mr_case.f.session, &mr_case.f.err));
    MR_CHECK_INT(mr_case_put(MR_PUT_INSERT), -MR_EXISTS);
    MR_CHECK_OK(mr_case.f.ops->rollback_to_savepoint(mr_case.f.session, &mr_case.f.err));
    MR_CHECK_OK(mr_case.f.ops->release_savepoint(mr_case.f.session, &mr_case.f.err));
    mr_case_add(4, "four", NULL);
    MR_CHECK_OK(mr_case_put(MR_PUT_INSERT));
    mr_case_commit();
    mr_case_rows("1|one|uno\n2|two|~\n4|four|~\n");
}

MR_CONFORM(savepoint, "a savepoint can be gone back to more than once")
{
    mr_case_fill();
    mr_case_begin();
    MR_CHECK_OK(mr_case.f.ops->savepoint(mr_case.f.session, &mr_case.f.err));
    for (int i = 0; i < 2; i++) {
        mr_case_add(3, "three", NULL);
        MR_CHECK_OK(mr_case_put(MR_PUT_INSERT));
        MR_CHECK_OK(mr_case.f.ops->rollback_to_savepoint(mr_case.f.session, &mr_case.f.err));
    }
    MR_CHECK_OK(mr_case.f.ops->release_savepoint(mr_case.f.session, &mr_case.f.err));
    mr_case_commit();
    mr_case_rows("1|one|uno\n2|two|~\n");
}

MR_CONFORM(upserted, "an upsert inserts what is new and overwrites what is there, also with NULL")
{
    mr_case_fill();
    mr_case_add(1, "uno", NULL);
    mr_case_add(3, "three", "tre");
    mr_case_begin();
    MR_CHECK_OK(mr_case_put(MR_PUT_UPSERT));
    mr_case_commit();
    mr_case_rows("1|uno|~\n2|two|~\n3|three|tre\n");
}

/* V-02, V-19 */
MR_CONFORM(partial, "an upsert of some columns leaves the others as they are")
{
    mr_case_fill();
    uint64_t n_done;
    const struct mr_cell old[] = {MR_INT(1), MR_TXT("new a")};
    const struct mr_cell new[] = {MR_INT(7), MR_TXT("new row")};
    (void)mr_row_build_put(&mr_case.build, mr_row_build_cols(&mr_case.build, mr_case_id_and_a),
                           old);
    (void)mr_row_build_put(&mr_case.build, mr_row_build_cols(&mr_case.build, mr_case_id_and_a),
                           new);
    mr_case_begin();
    MR_CHECK_OK(mr_case_put_as(MR_PUT_UPSERT, mr_case_id_and_a, NULL, &n_done));
    const struct mr_cell other[] = {MR_INT(2), MR_TXT("new b")};
    (void)mr_row_build_put(&mr_case.build, mr_row_build_cols(&mr_case.build, mr_case_id_and_b),
                           other);
    MR_CHECK_OK(mr_case_put_as(MR_PUT_UPSERT, mr_case_id_and_b, NULL, &n_done));
    mr_case_commit();
    mr_case_rows("1|new a|uno\n2|two|new b\n7|new row|~\n");
}

MR_CONFORM(key_only, "an upsert that carries nothing but the key makes the row, or leaves it")
{
    mr_case_fill();
    uint64_t n_done;
    const struct mr_cell cells[][1] = {{MR_INT(1)}, {MR_INT(9)}};
    for (size_t i = 0; i < 2; i++)
        (void)mr_row_build_put(&mr_case.build, mr_row_build_cols(&mr_case.build, mr_case_id_key),
                               cells[i]);
    mr_case_begin();
    MR_CHECK_OK(mr_case_put_as(MR_PUT_UPSERT, mr_case_id_key, NULL, &n_done));
    mr_case_commit();
    mr_case_rows("1|one|uno\n2|two|~\n9|~|~\n");
}

/* U-27, U-28 */
MR_CONFORM(masked, "an update leaves masked columns as they are and counts the rows that are there")
{
    mr_case_fill();
    uint64_t n_done;
    const uint64_t b_masked[] = {1u << 2};
    mr_case_add(1, "uno", NULL);
    mr_case_add(8, "absent", NULL);
    mr_case_begin();
    MR_CHECK_OK(mr_case_put_as(MR_PUT_UPDATE, mr_case_all_cols, b_masked, &n_done));
    MR_CHECK_U64(n_done, 1);
    mr_case_commit();
    mr_case_rows("1|uno|uno\n2|two|~\n");
}

/* U-28 */
MR_CONFORM(all_masked, "an update of which everything is masked still proves the row")
{
    mr_case_fill();
    uint64_t n_done;
    const uint64_t both[] = {3u << 1};
    mr_case_add(2, NULL, NULL);
    mr_case_add(8, NULL, NULL);
    mr_case_begin();
    MR_CHECK_OK(mr_case_put_as(MR_PUT_UPDATE, mr_case_all_cols, both, &n_done));
    MR_CHECK_U64(n_done, 1);
    mr_case_commit();
    mr_case_rows("1|one|uno\n2|two|~\n");
}

MR_CONFORM(deleted, "deletes take the rows of their keys; a key that is absent is no error")
{
    mr_case_fill();
    uint64_t n_done;
    const struct mr_cell keys[] = {MR_INT(2), MR_INT(5)};
    (void)mr_row_build_delete(&mr_case.build, &keys[0]);
    (void)mr_row_build_delete(&mr_case.build, &keys[1]);
    mr_case_begin();
    MR_CHECK_OK(mr_case_delete(&n_done));
    MR_CHECK_U64(n_done, 1);
    mr_case_commit();
    mr_case_rows("1|one|uno\n");
}

MR_CONFORM(two_columns, "a key of two columns is one key")
{
    static const char *const key[] = {"x", "y", NULL};
    static const char *const cols[] = {"x", "y", "v", NULL};
    const struct mr_shape_column columns[] = {
        {.name = "x", .type = MR_CASE_TYPE(MR_T_TEXT), .key = true},
        {.name = "y", .type = MR_CASE_TYPE(MR_T_INT4), .key = true},
        {.name = "v", .type = MR_CASE_TYPE(MR_T_TEXT)}};
    MR_CHECK_OK(mr_case_apply(MR_DDL_CREATE, "t", columns, 3, 2));
    mr_case_open("t");
    mr_row_build_init(&mr_case.build, mr_case.f.ops->emit, mr_case.table, key);
    const struct mr_cell rows[][3] = {{MR_TXT("a"), MR_INT(1), MR_TXT("a1")},
                                      {MR_TXT("a"), MR_INT(2), MR_TXT("a2")},
                                      {MR_TXT("b"), MR_INT(1), MR_TXT("b1")}};
    uint64_t n_done;
    for (size_t i = 0; i < 3; i++)
        (void)mr_row_build_put(&mr_case.build, mr_row_build_cols(&mr_case.build, cols), rows[i]);
    mr_case_begin();
    MR_CHECK_OK(mr_case_put_as(MR_PUT_UPSERT, cols, NULL, &n_done));
    (void)mr_row_build_delete(&mr_case.build, rows[1]);
    MR_CHECK_OK(mr_case_delete(&n_done));
    mr_case_commit();
    MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f, "SELECT x, y, v FROM t ORDER BY x, y"),
                 "a|1|a1\nb|1|b1\n");
}

/* E-40, R-26 */
MR_CONFORM(keyless, "a table without a key takes the same row twice")
{
    mr_case_make("t", 0);
    MR_CHECK_U64(mr_case.table->n_uniques, 0);
    mr_case_add(1, "same", NULL);
    mr_case_add(1, "same", NULL);
    mr_case_begin();
    MR_CHECK_OK(mr_case_put(MR_PUT_INSERT));
    mr_case_commit();
    mr_case_rows("1|same|~\n1|same|~\n");
}

MR_CONFORM(rolled_back, "a rollback leaves nothing behind")
{
    mr_case_fill();
    uint64_t n_done;
    const struct mr_cell key = MR_INT(1);
    mr_case_add(3, "three", NULL);
    mr_case_begin();
    MR_CHECK_OK(mr_case_put(MR_PUT_UPSERT));
    (void)mr_row_build_delete(&mr_case.build, &key);
    MR_CHECK_OK(mr_case_delete(&n_done));
    mr_case.f.ops->rollback(mr_case.f.session);
    mr_case_rows("1|one|uno\n2|two|~\n");
    mr_case_begin();
    mr_case_commit();
    mr_case_rows("1|one|uno\n2|two|~\n");
}

MR_CONFORM(closed, "a session that is closed within a flush leaves nothing behind")
{
    mr_case_fill();
    mr_case_add(3, "three", NULL);
    mr_case_begin();
    MR_CHECK_OK(mr_case_put(MR_PUT_UPSERT));
    mr_case.f.ops->session_close(mr_case.f.session);
    mr_case.f.session = NULL;
    MR_CHECK_OK(mr_case.f.ops->session_open(mr_case.f.sink, &mr_case.f.session, &mr_case.f.err));
    mr_case_begin();
    mr_case_commit();
    mr_case_rows("1|one|uno\n2|two|~\n");
}

/* */
MR_CONFORM(not_null, "NULL for a column that is NOT NULL is a fault of the record")
{
    mr_sink_fixture_exec(&mr_case.f,
                         "CREATE TABLE t(id bigint PRIMARY KEY, a text NOT NULL, b text)");
    mr_case_open("t");
    MR_CHECK(!mr_case.table->made_by_us);
    mr_row_build_init(&mr_case.build, mr_case.f.ops->emit, mr_case.table, mr_case_id_key);
    mr_case_add(1, NULL, NULL);
    mr_case_begin();
    MR_CHECK_INT(mr_case_put(MR_PUT_UPSERT), -MR_DB);
    MR_CHECK_STR(mr_case.f.err.sqlstate, "23502");
    MR_CHECK_INT(mr_case.f.err.class, MR_CLASS_POISON);
}

/* */
MR_CONFORM(check, "a CHECK that a row violates is a fault of the record")
{
    mr_sink_fixture_exec(&mr_case.f,
                         "CREATE TABLE t(id bigint PRIMARY KEY, a text CHECK (a <> 'bad'),"
                         " b text)");
    mr_case_open("t");
    mr_row_build_init(&mr_case.build, mr_case.f.ops->emit, mr_case.table, mr_case_id_key);
    mr_case_add(1, "bad", NULL);
    mr_case_begin();
    MR_CHECK_INT(mr_case_put(MR_PUT_UPSERT), -MR_DB);
    MR_CHECK_STR(mr_case.f.err.sqlstate, "23514");
    MR_CHECK_INT(mr_case.f.err.class, MR_CLASS_POISON);
}

MR_CONFORM(many, "20,000 rows go in by one flush")
{
    enum { N = 20000 };
    mr_case_make("t", 1);
    char text[32];
    for (int i = 0; i < N; i++) {
        (void)snprintf(text, sizeof text, "value %d", i);
        mr_case_add(i, text, NULL);
    }
    mr_case_begin();
    uint64_t n_done;
    MR_CHECK_OK(mr_case_put_as(MR_PUT_UPSERT, mr_case_all_cols, NULL, &n_done));
    mr_case_commit();
    MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f, "SELECT count(*), min(id), max(id) FROM t"),
                 "20000|0|19999\n");
}

/* ---- truncates ---- */

/* */
MR_CONFORM(truncated, "a truncate empties the table, and the transaction goes on")
{
    mr_case_fill();
    mr_case_begin();
    MR_CHECK_OK(mr_case.f.ops->truncate(mr_case.f.session, mr_case.table, &mr_case.f.err));
    mr_case_add(3, "three", "tres");
    MR_CHECK_OK(mr_case_put(MR_PUT_INSERT));
    mr_case_commit();
    mr_case_rows("3|three|tres\n");
}

MR_CONFORM(truncate_undone, "a truncate that is rolled back leaves the rows")
{
    mr_case_fill();
    mr_case_begin();
    MR_CHECK_OK(mr_case.f.ops->truncate(mr_case.f.session, mr_case.table, &mr_case.f.err));
    mr_case.f.ops->rollback(mr_case.f.session);
    mr_case_rows("1|one|uno\n2|two|~\n");
}

/* */
MR_CONFORM(truncate_referenced, "a table that another refers to is emptied by a delete")
{
    mr_case_fill();
    mr_sink_fixture_exec(&mr_case.f, "CREATE TABLE child(id bigint REFERENCES t(id))");
    mr_case_open("t");
    mr_case_begin();
    MR_CHECK_OK(mr_case.f.ops->truncate(mr_case.f.session, mr_case.table, &mr_case.f.err));
    mr_case_add(3, "three", NULL);
    MR_CHECK_OK(mr_case_put(MR_PUT_UPSERT));
    mr_case_commit();
    mr_case_rows("3|three|~\n");
}

/* V-06 */
MR_CONFORM(defaults, "a column's default fills the rows that are there")
{
    mr_case_fill();
    const struct mr_shape_column more[] = {
        {.name = "i", .type = MR_CASE_TYPE(MR_T_INT4), .dflt = "7"},
        {.name = "s", .type = MR_CASE_TYPE(MR_T_TEXT), .dflt = "o'c"},
        {.name = "y", .type = MR_CASE_TYPE(MR_T_BOOL), .dflt = "true"},
        {.name = "d", .type = MR_CASE_TYPE(MR_T_FLOAT8), .dflt = "1.5"}};
    MR_CHECK_OK(mr_case_apply(MR_DDL_ADD_COLUMNS, "t", more, 4, 0));
    MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f,
                                       "SELECT id, i + 1, s, CASE WHEN y THEN 1 END, d * 2 FROM t "
                                       "ORDER BY id"),
                 mr_case.f.kind == MR_KIND_SQLITE ? "1|8|o'c|1|3.0\n2|8|o'c|1|3.0\n"
                                                  : "1|8|o'c|1|3\n2|8|o'c|1|3\n");
}

/* V-17 */
MR_CONFORM(key_added, "a table that was made without a key gets one, unless its rows have it twice")
{
    mr_case_make("t", 0);
    const struct mr_shape_column id[] = {{.name = "id", .type = MR_CASE_TYPE(MR_T_INT8)}};
    mr_sink_fixture_exec(&mr_case.f, "INSERT INTO t(id) VALUES (1), (1)");
    MR_CHECK_INT(mr_case_apply(MR_DDL_ADD_KEY, "t", id, 1, 1), -MR_TARGET_NO_UNIQUE_KEY);
    mr_sink_fixture_exec(&mr_case.f, "DELETE FROM t");
    MR_CHECK_OK(mr_case_apply(MR_DDL_ADD_KEY, "t", id, 1, 1));
    mr_case_open("t");
    MR_CHECK_U64(mr_case.table->n_uniques, 1);
    MR_CHECK_U64(mr_case.table->uniques[0].n_cols, 1);
}

/* design.md section 4 */
MR_CONFORM(audit, "a change of a table is noted with the schema's id, and only where it was made")
{
    char sql[200];
    mr_case_make("t", 1);
    const struct mr_shape_column more[] = {{.name = "c", .type = MR_CASE_TYPE(MR_T_INT4)}};
    const struct mr_ddl ddl = {
        .kind = MR_DDL_ADD_COLUMNS, .columns = more, .n_columns = 1, .schema_id = 42};
    for (int i = 0; i < 2; i++)
        MR_CHECK_OK(mr_case.f.ops->table_apply(mr_case.f.sink, NULL, "t", &ddl, &mr_case.f.err));
    (void)snprintf(sql, sizeof sql, "SELECT schema_id, pipeline FROM %s ORDER BY id",
                   mr_sink_fixture_control(&mr_case.f, "schema_changes"));
    const char *rows = mr_sink_fixture_query(&mr_case.f, sql);
    MR_CHECK(strncmp(rows, "~|", 2) == 0);
    const char *second = strchr(rows, '\n') + 1;
    MR_CHECK(strncmp(second, "42|", 3) == 0);
    MR_CHECK(strchr(strchr(second, '\n') + 1, '\n') == NULL);
}

/* U-31 */
MR_CONFORM(absent_rows, "an update names the rows that are not there, and changes the others")
{
    bool missing[3] = {false, false, false};
    mr_case_fill();
    mr_case_begin();
    mr_case_add(7, "x", NULL);
    mr_case_add(1, "new", NULL);
    mr_case_add(8, "y", NULL);
    MR_CHECK_OK(mr_case_update(4, missing));
    MR_CHECK(missing[0] && !missing[1] && missing[2]);
    mr_case_commit();
    mr_case_rows("1|new|uno\n2|two|~\n");
}

/* U-30 */
MR_CONFORM(read, "columns of rows are read in the form in which they are written, NULL and absent "
                 "rows too")
{
    static const uint16_t cols_read[] = {1, 2};
    static const struct mr_colset cols = {2, cols_read};
    struct mr_slice tuples[3];
    mr_case_fill();
    mr_case_begin();
    mr_case_read(&cols, (const int64_t[]){2, 9, 1}, 3, tuples);
    MR_CHECK(tuples[1].data == NULL);
    for (int i = 0; i < 3; i += 2) {
        struct mr_slice a;
        struct mr_slice b;
        MR_CHECK_U64(mr_get_u16(tuples[i].data), 2);
        MR_CHECK(mr_tuple_field(tuples[i], 0, &a));
        MR_CHECK(mr_tuple_field(tuples[i], 1, &b) == (i == 2));
        MR_CHECK(memcmp(a.data + a.len - 3, i == 0 ? "two" : "one", 3) == 0);
    }
    mr_case_commit();
}

/* E-40; case 82 */
MR_CONFORM(matched, "a delete by a whole row takes one of several equal ones, NULL equal to NULL")
{
    static const uint64_t not_b[] = {4};
    uint64_t n_done;
    mr_case_make("t", 0);
    mr_case_begin();
    for (int i = 0; i < 3; i++)
        mr_case_add(1, "x", NULL);
    mr_case_add(1, "X", "y");
    MR_CHECK_OK(mr_case_put(MR_PUT_INSERT));
    MR_CHECK_OK(mr_case_delete_match(1, "x", NULL, NULL, &n_done));
    MR_CHECK_U64(n_done, 1);
    MR_CHECK_OK(mr_case_delete_match(1, "x", "y", NULL, &n_done)); /* none is no error */
    MR_CHECK_U64(n_done, 0);
    MR_CHECK_OK(mr_case_delete_match(1, "x", "other", not_b, &n_done));
    MR_CHECK_U64(n_done, 1);
    mr_case_commit();
    mr_case_rows("1|X|y\n1|x|~\n");
}
