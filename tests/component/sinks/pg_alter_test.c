/* Alterations of columns that are there, keys of tables that lack one, defaults, and the audit
 * trail, against a real server (contract.md section 7). */
#include <stdio.h>
#include <string.h>

#include "tests/support/pg_fixture.h"

static struct pg_fixture f;
static struct pg_fixture other;
static _Atomic uint64_t moved_ms; /* that the alterations showed */

MR_SETUP
{
    pg_fixture_wipe();
    pg_fixture_open(&f, "one");
    pg_fixture_claim(&f, 1);
}

MR_TEARDOWN
{
    pg_server_hold_end();
    pg_fixture_close(&f);
    pg_fixture_close(&other);
    pg_fixture_wipe();
    pg_server_exec("DROP SCHEMA IF EXISTS was CASCADE");
}

static struct mr_coltype wanted(enum mr_type type, int32_t length)
{
    return (struct mr_coltype){.type = type, .length = length, .precision = -1};
}

static int apply(enum mr_ddl_kind kind, const struct mr_shape_column *columns, uint16_t n)
{
    static const uint16_t key[] = {0, 1, 2};
    struct mr_ddl ddl = {.kind = kind,
                         .columns = columns,
                         .n_columns = n,
                         .key = key,
                         .n_key = kind == MR_DDL_ADD_KEY ? 1 : 0,
                         .schema_id = 42,
                         .moved_ms = &moved_ms};
    mr_err_clear(&f.err);
    return f.sink->ops->table_apply(f.sink, NULL, "t", &ddl, &f.err);
}

static const char *types(void)
{
    return pg_server_query("SELECT string_agg(format_type(atttypid, atttypmod) || CASE WHEN "
                           "attnotnull THEN '!' ELSE '' END, ', ' ORDER BY attnum) FROM "
                           "pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT "
                           "attisdropped");
}

static const char *n_changes(void)
{
    return pg_server_query("SELECT count(*) FROM millrace.schema_changes");
}

/* V-04 */
MR_TEST("columns are widened without a rewrite, or with one, and keep their rows")
{
    pg_server_exec("CREATE TABLE t (id int4 PRIMARY KEY, a varchar(2), n numeric(5,2), r float4);"
                   "INSERT INTO t VALUES (1, 'ab', 1.25, 0.5)");
    struct mr_shape_column columns[] = {{.name = "a", .type = wanted(MR_T_VARCHAR, 3)},
                                        {.name = "n", .type = wanted(MR_T_NUMERIC, -1)}};
    columns[1].type.precision = 7;
    columns[1].type.scale = 2;
    const char *before = pg_server_query("SELECT pg_relation_filenode('t')");
    atomic_store(&moved_ms, 0);
    char filenode[32];
    (void)snprintf(filenode, sizeof filenode, "%s", before);
    PG_OK(&f, apply(MR_DDL_WIDEN, columns, 2));
    MR_CHECK(atomic_load(&moved_ms) > 0);
    MR_CHECK_STR(pg_server_query("SELECT pg_relation_filenode('t')"), filenode);
    MR_CHECK_STR(types(), "integer!, character varying(3), numeric(7,2), real");
    const struct mr_shape_column more[] = {{.name = "id", .type = wanted(MR_T_INT8, -1)},
                                           {.name = "r", .type = wanted(MR_T_FLOAT8, -1)}};
    PG_OK(&f, apply(MR_DDL_WIDEN, more, 2));
    MR_CHECK_STR(types(), "bigint!, character varying(3), numeric(7,2), double precision");
    MR_CHECK_STR(pg_server_query("SELECT * FROM t"), "1|ab|1.25|0.5");
}

/* V-04, V-12 */
MR_TEST("what another instance widened first is neither narrowed nor noted again")
{
    pg_server_exec("CREATE TABLE t (id int4 PRIMARY KEY, a varchar(9))");
    const struct mr_shape_column columns[] = {{.name = "a", .type = wanted(MR_T_VARCHAR, 3)}};
    PG_OK(&f, apply(MR_DDL_WIDEN, columns, 1));
    MR_CHECK_STR(types(), "integer!, character varying(9)");
    MR_CHECK_STR(n_changes(), "0");
}

/* V-04: it is only tried */
MR_TEST("a column that a view reads, or with a collation of its own, is refused as it is")
{
    pg_server_exec("CREATE TABLE t (id int4 PRIMARY KEY, a varchar(2), c varchar(2) COLLATE \"C\");"
                   "CREATE VIEW w AS SELECT a FROM t");
    const struct mr_shape_column a[] = {{.name = "a", .type = wanted(MR_T_TEXT, -1)}};
    const struct mr_shape_column c[] = {{.name = "c", .type = wanted(MR_T_TEXT, -1)}};
    MR_CHECK(apply(MR_DDL_WIDEN, a, 1) < 0);
    MR_CHECK_INT(f.err.class, MR_CLASS_HALT);
    MR_CHECK_STR(f.err.sqlstate, "0A000");
    MR_CHECK_INT(apply(MR_DDL_WIDEN, c, 1), -MR_TYPE_INCOMPATIBLE);
    MR_CHECK_STR(types(), "integer!, character varying(2), character varying(2)");
    MR_CHECK_STR(n_changes(), "0");
}

/* V-08 */
MR_TEST("a NOT NULL is dropped once")
{
    pg_server_exec("CREATE TABLE t (id int4 PRIMARY KEY, a text NOT NULL)");
    const struct mr_shape_column columns[] = {{.name = "a", .type = wanted(MR_T_TEXT, -1)}};
    PG_OK(&f, apply(MR_DDL_DROP_NOT_NULL, columns, 1));
    PG_OK(&f, apply(MR_DDL_DROP_NOT_NULL, columns, 1));
    MR_CHECK_STR(types(), "integer!, text");
    MR_CHECK_STR(n_changes(), "1");
}

/* V-17 */
MR_TEST("a key is added once, and refused as the table's fault where its rows have duplicates")
{
    pg_server_exec("CREATE TABLE t (id int4, a text); INSERT INTO t VALUES (1, 'x'), (1, 'y')");
    const struct mr_shape_column columns[] = {{.name = "id", .type = wanted(MR_T_INT4, -1)},
                                              {.name = "a", .type = wanted(MR_T_TEXT, -1)}};
    MR_CHECK_INT(apply(MR_DDL_ADD_KEY, columns, 2), -MR_TARGET_NO_UNIQUE_KEY);
    MR_CHECK_INT(f.err.class, MR_CLASS_HALT);
    pg_server_exec("DELETE FROM t WHERE a = 'y'");
    PG_OK(&f, apply(MR_DDL_ADD_KEY, columns, 2));
    PG_OK(&f, apply(MR_DDL_ADD_KEY, columns, 2));
    MR_CHECK_STR(pg_server_query("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE "
                                 "conrelid = 't'::regclass AND contype = 'p'"),
                 "PRIMARY KEY (id)");
    MR_CHECK_STR(n_changes(), "1");
}

/* V-06 */
MR_TEST("a default fills the rows that are there, and one that does not fit is left out")
{
    pg_server_exec("CREATE TABLE t (id int4 PRIMARY KEY); INSERT INTO t VALUES (1)");
    struct mr_shape_column columns[] = {
        {.name = "a", .type = wanted(MR_T_TEXT, -1), .dflt = "it's \\ a"},
        {.name = "b", .type = wanted(MR_T_BYTEA, -1), .dflt = "\\x00ff"},
        {.name = "n", .type = wanted(MR_T_NUMERIC, -1), .dflt = "-1.50"}};
    PG_OK(&f, apply(MR_DDL_ADD_COLUMNS, columns, 3));
    MR_CHECK_STR(pg_server_query("SELECT * FROM t"), "1|it's \\ a|\\x00ff|-1.50");
    const struct mr_shape_column bad[] = {
        {.name = "v", .type = wanted(MR_T_VARCHAR, 1), .dflt = "long"}};
    PG_OK(&f, apply(MR_DDL_ADD_COLUMNS, bad, 1));
    MR_CHECK_STR(pg_server_query("SELECT v IS NULL FROM t"), "t");
}

/* V-12, design.md section 4 */
MR_TEST("the audit trail says when, by which schema, what and by whom, and only what was done")
{
    pg_server_exec("CREATE TABLE t (id int4 PRIMARY KEY)");
    const struct mr_shape_column columns[] = {{.name = "a", .type = wanted(MR_T_TEXT, -1)},
                                              {.name = "b", .type = wanted(MR_T_TEXT, -1)}};
    PG_OK(&f, apply(MR_DDL_ADD_COLUMNS, columns, 1));
    PG_OK(&f, apply(MR_DDL_ADD_COLUMNS, columns, 2));
    PG_OK(&f, apply(MR_DDL_ADD_COLUMNS, columns, 2));
    MR_CHECK_STR(
        pg_server_query("SELECT pipeline, schema, name, instance_id, schema_id, db_user = "
                        "current_user, changed_at > now() - interval '1 minute', statement FROM "
                        "millrace.schema_changes ORDER BY id"),
        "shop|public|t|one|42|t|t|ALTER TABLE \"public\".\"t\" ADD COLUMN IF NOT EXISTS \"a\" "
        "text\n"
        "shop|public|t|one|42|t|t|ALTER TABLE \"public\".\"t\" ADD COLUMN IF NOT EXISTS \"b\" "
        "text");
}

/* design.md section 4, control tables */
MR_TEST("control tables of before get the columns that came later")
{
    char target_id[MR_TARGET_ID_BYTES];
    pg_server_exec("ALTER TABLE millrace.schema_changes DROP COLUMN schema_id, DROP COLUMN db_user;"
                   "ALTER TABLE millrace.positions DROP COLUMN envelope CASCADE");
    PG_OK(&f, f.sink->ops->setup(f.sink, target_id, &f.err));
    MR_CHECK_STR(pg_server_query("SELECT string_agg(attname, ' ' ORDER BY attname) FROM "
                                 "pg_attribute WHERE attrelid IN "
                                 "('millrace.schema_changes'::regclass, "
                                 "'millrace.positions'::regclass) AND attname IN "
                                 "('schema_id', 'db_user', 'envelope')"),
                 "db_user envelope schema_id");
}

/* V-13: the row of the table in pg_class stays as it is */
MR_TEST("a table under a schema that took the name of another has changed")
{
    pg_server_exec("CREATE TABLE t (id int8 PRIMARY KEY, v int8)");
    pg_fixture_table(&f, "t", "id", NULL);
    pg_rows_put(&f.rows, "1|1");
    pg_server_exec("ALTER SCHEMA public RENAME TO was; CREATE SCHEMA public; "
                   "CREATE TABLE public.t (id int8 PRIMARY KEY, v float8)");
    MR_CHECK_INT(pg_fixture_flush(&f), -MR_TABLE_CHANGED);
    pg_server_exec("DROP SCHEMA public CASCADE; ALTER SCHEMA was RENAME TO public");
}

/* V-13 */
MR_TEST("a column that was dropped and added again, or renamed, is a change")
{
    pg_server_exec("CREATE TABLE t (id int8 PRIMARY KEY, v int8, w int8)");
    pg_fixture_table(&f, "t", "id", NULL);
    pg_rows_put(&f.rows, "1|1|2");
    pg_server_exec("ALTER TABLE t DROP COLUMN v, ADD COLUMN v int8");
    MR_CHECK_INT(pg_fixture_flush(&f), -MR_TABLE_CHANGED);
    pg_fixture_table(&f, "t", "id", NULL);
    pg_server_exec("ALTER TABLE t RENAME v TO x; ALTER TABLE t RENAME w TO v; "
                   "ALTER TABLE t RENAME x TO w");
    MR_CHECK_INT(pg_fixture_flush(&f), -MR_TABLE_CHANGED);
}

/* V-13, T-47: the row of the table in pg_class stays as it is */
MR_TEST("a row type whose attributes changed is a change of the tables that have it")
{
    pg_server_exec("CREATE TYPE inner_t AS (u text); CREATE TYPE outer_t AS (a int4, r inner_t[]);"
                   "CREATE TABLE plain (id int8 PRIMARY KEY);"
                   "CREATE TABLE t (id int8 PRIMARY KEY, v outer_t)");
    pg_fixture_table(&f, "t", "id", NULL);
    MR_CHECK_INT(f.table->n_rows, 2);
    const struct mr_composite *row = f.table->columns[1].type.row;
    MR_CHECK_INT(row->n, 2);
    MR_CHECK_STR(row->attrs[1].type.row->attrs[0].name, "u");
    pg_rows_put(&f.rows, "1|(1,\"{(x)}\")");
    PG_OK(&f, pg_fixture_flush(&f));
    pg_rows_put(&f.rows, "2|(1,\"{(x)}\")");
    pg_server_exec("ALTER TYPE inner_t RENAME ATTRIBUTE u TO w");
    MR_CHECK_INT(pg_fixture_flush(&f), -MR_TABLE_CHANGED);
    pg_fixture_table(&f, "t", "id", NULL);
    pg_rows_put(&f.rows, "2|(1,\"{(x)}\")");
    PG_OK(&f, pg_fixture_flush(&f));
    pg_rows_put(&f.rows, "3|(1,\"{(x)}\")");
    pg_server_exec("ALTER TYPE outer_t ADD ATTRIBUTE more int4");
    MR_CHECK_INT(pg_fixture_flush(&f), -MR_TABLE_CHANGED);
    pg_fixture_table(&f, "plain", "id", NULL);
    MR_CHECK_INT(f.table->n_rows, 0);
    pg_rows_put(&f.rows, "1");
    PG_OK(&f, pg_fixture_flush(&f));
    MR_CHECK_STR(pg_server_query("SELECT count(*) FROM t"), "2");
}

/* V-13 */
MR_TEST("a table that gave its name to another has changed")
{
    pg_server_exec("CREATE TABLE t (id int8 PRIMARY KEY, v int8)");
    pg_fixture_table(&f, "t", "id", NULL);
    pg_rows_put(&f.rows, "1|1");
    pg_server_exec("ALTER TABLE t RENAME TO t_old; CREATE TABLE t (id int8 PRIMARY KEY, v float8)");
    MR_CHECK_INT(pg_fixture_flush(&f), -MR_TABLE_CHANGED);
    MR_CHECK_STR(pg_server_query("SELECT count(*) FROM t"), "0");
}

/* V-18 */
MR_TEST("a trigger that refuses a row in silence is no error, and its rows are counted")
{
    pg_server_exec("CREATE TABLE t (id int8 PRIMARY KEY, v int8); "
                   "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS "
                   "$$BEGIN IF NEW.id = 2 THEN RETURN NULL; END IF; RETURN NEW; END$$; "
                   "CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no()");
    pg_fixture_table(&f, "t", "id", NULL);
    for (uint32_t direct = 0; direct < 2; direct++) { /* by the staging table, and by COPY */
        memset(&f.stats, 0, sizeof f.stats);
        pg_server_exec("DELETE FROM t");
        for (int i = 1; i <= 3; i++) {
            char row[32];
            (void)snprintf(row, sizeof row, "%d|%d", i, i);
            pg_rows_put(&f.rows, row)->flags = direct > 0 ? MR_ROW_INSERT : 0;
        }
        PG_OK(&f, pg_fixture_flush(&f));
        MR_CHECK_STR(pg_server_query("SELECT * FROM t ORDER BY 1"), "1|1\n3|3");
        MR_CHECK_U64(f.stats.n_left_out, 1);
        MR_CHECK_U64(f.stats.n_direct, direct > 0 ? 2 : 0);
    }
}
