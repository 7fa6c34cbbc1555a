/* The PostgreSQL sink against a real server: what one flush does to a table. Read back by a plain
 * connection. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/pg_fixture.h"

static struct pg_fixture f;

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
}

static void flush(void)
{
    PG_OK(&f, pg_fixture_flush(&f));
}

// G-01, G-02
MR_TEST("rows and the position they end at are committed together")
{
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY, name text, n int4)");
    pg_fixture_table(&f, "orders", "id", NULL);
    pg_rows_put(&f.rows, "1|a|10");
    pg_rows_put(&f.rows, "2|b|NULL");
    f.span.next = 3;
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM orders ORDER BY 1"), "1|a|10\n2|b|NULL");
    MR_CHECK_STR(pg_server_query("SELECT topic, partition, next_offset, leader_epoch, epoch, "
                                 "record_timestamp FROM millrace.positions"),
                 "t|0|3|3|1|1970-01-01 00:00:01+00");
}

// V-02
MR_TEST("an upsert updates what exists and writes only the columns that it carries")
{
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY, name text, n int4 DEFAULT 7);"
                   "INSERT INTO orders VALUES (1, 'old', 1)");
    pg_fixture_table(&f, "orders", "id", "id,name");
    pg_rows_put(&f.rows, "1|new");
    pg_rows_put(&f.rows, "2|two");
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM orders ORDER BY 1"), "1|new|1\n2|two|7");
    MR_CHECK_U64(f.stats.n_upserted, 2);
}

MR_TEST("an upsert of a table that is all key meets existing rows without an error")
{
    pg_server_exec("CREATE TABLE pairs (a int4, b int4, PRIMARY KEY (a, b));"
                   "INSERT INTO pairs VALUES (1, 1)");
    pg_fixture_table(&f, "pairs", "a,b", NULL);
    pg_rows_put(&f.rows, "1|1");
    pg_rows_put(&f.rows, "1|2");
    flush();
    MR_CHECK_U64(f.stats.n_left_out, 0);
    MR_CHECK_STR(pg_server_query("SELECT * FROM pairs ORDER BY 2"), "1|1\n1|2");
}

MR_TEST("deletes go by one key column and by several, and absent keys are no error")
{
    pg_server_exec("CREATE TABLE one (id text PRIMARY KEY); INSERT INTO one VALUES ('a'), ('b');"
                   "CREATE TABLE two (a int4, b text, PRIMARY KEY (a, b));"
                   "INSERT INTO two VALUES (1, 'x'), (1, 'y')");
    pg_fixture_table(&f, "one", "id", NULL);
    pg_rows_delete(&f.rows, "zz");
    pg_rows_delete(&f.rows, "a");
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM one"), "b");
    pg_fixture_table(&f, "two", "a,b", NULL);
    pg_rows_delete(&f.rows, "1|x");
    pg_rows_delete(&f.rows, "2|x");
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM two"), "1|y");
}

MR_TEST("a key of any built-in type is deleted by its array")
{
    static const char *const types[] = {"int2",    "int4", "bool",      "text",
                                        "char(4)", "date", "varchar(9)"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const char *value = strcmp(types[i], "bool") == 0 ? "t" : "1";
        if (strcmp(types[i], "date") == 0)
            continue; /* its value is no integer here; pg_types_test.c has it */
        pg_server_exec("DROP TABLE IF EXISTS k; CREATE TABLE k (id %s PRIMARY KEY); "
                       "INSERT INTO k VALUES ('%s')",
                       types[i], value);
        pg_fixture_table(&f, "k", "id", NULL);
        pg_rows_delete(&f.rows, value);
        flush();
        MR_CHECK_STR(pg_server_query("SELECT count(*) FROM k"), "0");
    }
}

MR_TEST("likely new rows go in directly, and fall back to an upsert where a key exists")
{
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY, name text)");
    pg_fixture_table(&f, "orders", "id", NULL);
    pg_rows_put(&f.rows, "1|a")->flags = MR_ROW_INSERT;
    flush();
    MR_CHECK_U64(f.stats.n_direct, 1);
    pg_rows_put(&f.rows, "2|b")->flags = MR_ROW_INSERT;
    pg_rows_put(&f.rows, "1|c")->flags = MR_ROW_INSERT;
    flush();
    MR_CHECK_U64(f.stats.n_fallbacks, 1);
    MR_CHECK_U64(f.stats.n_upserted, 2);
    MR_CHECK_STR(pg_server_query("SELECT * FROM orders ORDER BY 1"), "1|c\n2|b");
}

//
MR_TEST("a replaced row gets the target's defaults for what it does not carry")
{
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY, name text, n int4 DEFAULT 7);"
                   "INSERT INTO orders VALUES (1, 'old', 1)");
    pg_fixture_table(&f, "orders", "id", "id,name");
    pg_rows_put(&f.rows, "1|new")->flags = MR_ROW_REPLACED;
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM orders"), "1|new|7");
}

// U-27
MR_TEST("a masked column keeps the value that the target holds")
{
    pg_server_exec("CREATE TABLE docs (id int8 PRIMARY KEY, title text, body text NOT NULL);"
                   "INSERT INTO docs VALUES (1, 'a', 'long'), (2, 'b', 'longer')");
    pg_fixture_table(&f, "docs", "id", NULL);
    pg_rows_mask(&f.rows, pg_rows_put(&f.rows, "1|new|NULL"), 2);
    pg_rows_put(&f.rows, "2|whole|short");
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM docs ORDER BY 1"), "1|new|long\n2|whole|short");
    MR_CHECK_U64(f.stats.n_updated, 1);
}

// U-28
MR_TEST("a row whose every value is masked must still be there")
{
    pg_server_exec("CREATE TABLE docs (id int8 PRIMARY KEY, body text); "
                   "INSERT INTO docs VALUES (1, 'kept')");
    pg_fixture_table(&f, "docs", "id", NULL);
    pg_rows_mask(&f.rows, pg_rows_put(&f.rows, "1|NULL"), 1);
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM docs"), "1|kept");
    struct mr_row *orphan = pg_rows_put(&f.rows, "2|NULL");
    pg_rows_mask(&f.rows, orphan, 1);
    orphan->offset = 77;
    pg_rows_mask(&f.rows, pg_rows_put(&f.rows, "1|NULL"), 1);
    flush();
    MR_CHECK_U64(f.n_faults, 1);
    MR_CHECK_INT(f.faults[0], 77);
    MR_CHECK_STR(pg_server_query("SELECT * FROM docs"), "1|kept");
}

// U-31
MR_TEST("a masked row that is not there is inserted with defaults where the route allows it")
{
    static const struct mr_route route = {.missing_row = MR_MISSING_ROW_NULL};
    f.route = &route;
    pg_server_exec(
        "CREATE TABLE docs (id int8 PRIMARY KEY, a text, body text DEFAULT 'none', n text);"
        "INSERT INTO docs VALUES (1, 'x', 'long', 'n')");
    pg_fixture_table(&f, "docs", "id", NULL);
    for (int id = 1; id <= 3; id++) {
        char values[32];
        (void)snprintf(values, sizeof values, "%d|new|NULL|m", id);
        pg_rows_mask(&f.rows, pg_rows_put(&f.rows, values), 2);
    }
    flush();
    MR_CHECK_U64(f.n_faults, 0);
    MR_CHECK_STR(pg_server_query("SELECT * FROM docs ORDER BY 1"),
                 "1|new|long|m\n2|new|none|m\n3|new|none|m");
    pg_server_exec("ALTER TABLE docs ALTER body SET NOT NULL, ALTER body DROP DEFAULT");
    pg_fixture_table(&f, "docs", "id", NULL);
    pg_rows_mask(&f.rows, pg_rows_put(&f.rows, "4|new|NULL|m"), 2);
    pg_rows_put(&f.rows, "5|whole|b|m");
    flush();
    MR_CHECK_U64(f.n_faults, 1);
    MR_CHECK_STR(pg_server_query("SELECT id FROM docs WHERE id > 3"), "5");
}

// V-18
MR_TEST("a masked row that a trigger keeps from being updated is no orphan")
{
    pg_server_exec("CREATE TABLE docs (id int8 PRIMARY KEY, a text, body text);"
                   "INSERT INTO docs VALUES (1, 'a', 'long'), (2, 'b', 'longer');"
                   "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS "
                   "'BEGIN RETURN NULL; END';"
                   "CREATE TRIGGER keep BEFORE UPDATE ON docs FOR EACH ROW WHEN (OLD.id = 1) "
                   "EXECUTE FUNCTION keep()");
    pg_fixture_table(&f, "docs", "id", NULL);
    for (int id = 1; id <= 3; id++) {
        char values[32];
        (void)snprintf(values, sizeof values, "%d|new|NULL", id);
        struct mr_row *row = pg_rows_put(&f.rows, values);
        pg_rows_mask(&f.rows, row, 2);
        row->offset = 70 + id;
    }
    flush();
    MR_CHECK_U64(f.stats.n_left_out, 1);
    MR_CHECK_U64(f.n_faults, 1);
    MR_CHECK_INT(f.faults[0], 73);
    MR_CHECK_STR(pg_server_query("SELECT * FROM docs ORDER BY 1"), "1|a|long\n2|new|longer");
}

// U-30
MR_TEST("a row whose key changed takes the masked values of its old row before that is deleted")
{
    pg_server_exec(
        "CREATE DOMAIN amount AS numeric(10,2) CHECK (VALUE > 0);"
        "CREATE TABLE docs (id int8 PRIMARY KEY, a text, body text, n amount, i inet);"
        "INSERT INTO docs VALUES (1, 'a', 'long', 1.50, '10.0.0.1/8'), (3, 'b', NULL, 2, "
        "NULL)");
    pg_fixture_table(&f, "docs", "id", NULL);
    const char *const moves[][3] = {{"1", "2|x|NULL|NULL|NULL"}, {"3", "4|y|NULL|NULL|NULL"}};
    static struct mr_row_past pasts[2];
    static struct mr_row_left halves[2][2]; /* that left, and that came */
    for (size_t i = 0; i < 2; i++) {
        struct mr_row *gone = pg_rows_delete(&f.rows, moves[i][0]);
        struct mr_row *row = pg_rows_put(&f.rows, moves[i][1]);
        for (uint16_t c = 2; c < 5; c++)
            pg_rows_mask(&f.rows, row, c);
        halves[i][0] = (struct mr_row_left){.key = gone->key, .key_tuple = gone->key_tuple};
        halves[i][1] = (struct mr_row_left){.came = true, .of = &halves[i][0]};
        pasts[i] = (struct mr_row_past){.came = &halves[i][1]};
        row->past = &pasts[i];
    }
    f.rows.rows.n_moved = 2;
    flush();
    MR_CHECK_U64(f.n_faults, 0);
    MR_CHECK_STR(pg_server_query("SELECT * FROM docs ORDER BY 1"),
                 "2|x|long|1.50|10.0.0.1/8\n4|y|NULL|2.00|NULL");
}

//
MR_TEST("append puts every row into a table without a key")
{
    pg_server_exec("CREATE TABLE log (id int8, text text)");
    pg_fixture_table(&f, "log", "", NULL);
    pg_rows_put(&f.rows, "1|a");
    pg_rows_put(&f.rows, "1|a");
    flush();
    MR_CHECK_STR(pg_server_query("SELECT count(*), min(text) FROM log"), "2|a");
}

//
MR_TEST("append reports a unique violation as the record's fault")
{
    pg_server_exec("CREATE TABLE log (id int8 UNIQUE)");
    pg_fixture_table(&f, "log", "", NULL);
    pg_rows_put(&f.rows, "1");
    pg_rows_put(&f.rows, "1");
    MR_CHECK_INT(pg_fixture_flush(&f), -MR_DB);
    MR_CHECK_INT(f.err.class, MR_CLASS_POISON);
    MR_CHECK_STR(f.err.sqlstate, "23505");
}

// as a writer of another transaction would be met, without one
MR_TEST("a unique violation tells whether it is of the index of the route's own key")
{
    static const char *const constraints[] = {"log_pkey", "log_text_key", "other"};
    pg_server_exec("CREATE TABLE log (id int8 PRIMARY KEY, text text UNIQUE);"
                   "CREATE FUNCTION met() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END';"
                   "CREATE TRIGGER met BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION met()");
    pg_fixture_table(&f, "log", "id", NULL);
    pg_rows_put(&f.rows, "1|b");
    for (size_t i = 0; i < sizeof constraints / sizeof constraints[0]; i++) {
        pg_server_exec("CREATE OR REPLACE FUNCTION met() RETURNS trigger LANGUAGE plpgsql AS "
                       "'BEGIN RAISE unique_violation USING CONSTRAINT = ''%s''; END'",
                       constraints[i]);
        MR_CHECK_INT(pg_fixture_flush(&f), -MR_DB);
        MR_CHECK_STR(f.err.sqlstate, "23505");
        MR_CHECK_INT(f.err.class, MR_CLASS_POISON);
        MR_CHECK_INT(f.err.on_key, i == 0);
        mr_err_clear(&f.err);
    }
}

// X-08, I-12: with a plain `=` a citext key would be compared as text
MR_TEST("an extension type is staged as text, and its key compared by its own operator")
{
    pg_server_exec("CREATE EXTENSION citext; "
                   "CREATE TABLE people (mail citext PRIMARY KEY, n int4, address inet);"
                   "INSERT INTO people VALUES ('A@x', 1, '10.0.0.1'), ('B@x', 1, NULL)");
    pg_fixture_table(&f, "people", "mail", NULL);
    pg_rows_put(&f.rows, "a@X|2|10.0.0.2");
    pg_rows_put(&f.rows, "c@x|3|NULL");
    pg_rows_delete(&f.rows, "b@X");
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM people ORDER BY 1"), "a@X|2|10.0.0.2\nc@x|3|NULL");
    pg_rows_mask(&f.rows, pg_rows_put(&f.rows, "A@X|NULL|10.0.0.9"), 1);
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM people ORDER BY 1"), "A@X|2|10.0.0.9\nc@x|3|NULL");
}

// T-47, X-09, T-74: a cast of a text to the domain would cut it to three characters
MR_TEST("a domain with constraints refuses what its base type cannot hold, and asks them last")
{
    pg_server_exec("CREATE DOMAIN code AS varchar(3) NOT NULL CHECK (VALUE <> 'bad');"
                   "CREATE TABLE d (id int4 PRIMARY KEY, v code, n int4)");
    pg_fixture_table(&f, "d", "id", NULL);
    pg_rows_put(&f.rows, "1|abc|1")->flags = MR_ROW_INSERT;
    pg_rows_put(&f.rows, "2|xyz|1");
    flush();
    pg_rows_mask(&f.rows, pg_rows_put(&f.rows, "2|NULL|2"), 1);
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM d ORDER BY 1"), "1|abc|1\n2|xyz|2");
    static const char *const refused[][2] = {
        {"3|abcdef|1", "22001"}, {"3|bad|1", "23514"}, {"3|NULL|1", "23502"}};
    for (size_t i = 0; i < 3; i++) {
        pg_rows_put(&f.rows, refused[i][0]);
        MR_CHECK_INT(pg_fixture_flush(&f), -MR_DB);
        MR_CHECK_STR(f.err.sqlstate, refused[i][1]);
        pg_fixture_table(&f, "d", "id", NULL);
    }
}

// I-12: the stage has the column's own collation, else the join could not choose one
MR_TEST("a key with a collation of its own is joined with its stage")
{
    pg_server_exec("CREATE TABLE c (a text COLLATE \"C\", b text COLLATE \"en-x-icu\", n int4, "
                   "PRIMARY KEY (a, b)); INSERT INTO c VALUES ('a', 'b', 1), ('d', 'e', 1)");
    pg_fixture_table(&f, "c", "a,b", NULL);
    pg_rows_mask(&f.rows, pg_rows_put(&f.rows, "d|e|NULL"), 2);
    pg_rows_delete(&f.rows, "a|b");
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM c"), "d|e|1");
}

// V-15, V-16
MR_TEST("identity columns take the record's value, and generated ones are left out")
{
    pg_server_exec("CREATE TABLE g (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int4, "
                   "twice int4 GENERATED ALWAYS AS (n * 2) STORED)");
    pg_fixture_table(&f, "g", "id", "id,n");
    pg_rows_put(&f.rows, "7|1")->flags = MR_ROW_INSERT;
    flush();
    pg_rows_put(&f.rows, "7|3");
    pg_rows_put(&f.rows, "8|4");
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM g ORDER BY 1"), "7|3|6\n8|4|8");
}

// V-14
MR_TEST("a partitioned table takes inserts, updates and deletes")
{
    pg_server_exec("CREATE TABLE p (id int8, day int4, n int4, PRIMARY KEY (id, day)) "
                   "PARTITION BY LIST (day); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);"
                   "CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2)");
    pg_fixture_table(&f, "p", "id,day", NULL);
    pg_rows_put(&f.rows, "1|1|10")->flags = MR_ROW_INSERT;
    pg_rows_put(&f.rows, "2|2|20")->flags = MR_ROW_INSERT;
    flush();
    pg_rows_put(&f.rows, "1|1|11");
    pg_rows_delete(&f.rows, "2|2");
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM p"), "1|1|11");
}

// I-02
MR_TEST("names with quotes, blanks and reserved words are names like others")
{
    pg_server_exec("CREATE TABLE \"we\"\"ird %%s\" (\"select\" int4 PRIMARY KEY, \"a b\" text)");
    pg_fixture_table(&f, "we\"ird %s", "select", NULL);
    pg_rows_put(&f.rows, "1|x");
    flush();
    pg_rows_put(&f.rows, "1|y")->flags = MR_ROW_INSERT;
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM \"we\"\"ird %%s\""), "1|y");
}

// V-13
MR_TEST("a table that changed since its plan was made is found before a row is written")
{
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY, v int8)");
    pg_fixture_table(&f, "orders", "id", NULL);
    pg_rows_put(&f.rows, "1|1");
    pg_server_exec("ALTER TABLE orders ALTER COLUMN v TYPE float8");
    MR_CHECK_INT(pg_fixture_flush(&f), -MR_TABLE_CHANGED);
    MR_CHECK_STR(f.err.table, "public.orders");
    struct mr_table *again = NULL;
    PG_OK(&f, f.sink->ops->table_open(f.sink, NULL, "orders", false, &again, &f.err));
    MR_CHECK_INT(again->columns[1].type.type, MR_T_FLOAT8);
    mr_table_unref(again);
}

// V-13
MR_TEST("a table that was dropped, or dropped and made again, has changed")
{
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY)");
    pg_fixture_table(&f, "orders", "id", NULL);
    pg_server_exec("DROP TABLE orders; CREATE TABLE orders (id int8 PRIMARY KEY)");
    MR_CHECK_INT(pg_fixture_flush(&f), -MR_TABLE_CHANGED);
    pg_server_exec("DROP TABLE orders");
    MR_CHECK_INT(pg_fixture_flush(&f), -MR_TABLE_CHANGED);
    struct mr_table *again = NULL;
    MR_CHECK_INT(f.sink->ops->table_open(f.sink, NULL, "orders", false, &again, &f.err),
                 -MR_TARGET_MISSING);
}

// V-13: autovacuum writes pg_class too
MR_TEST("ANALYZE and VACUUM are no change of a table")
{
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY); INSERT INTO orders VALUES (5)");
    pg_fixture_table(&f, "orders", "id", NULL);
    pg_server_exec("ANALYZE orders");
    pg_server_exec("VACUUM orders");
    flush();
}

MR_TEST("what a savepoint takes back is gone, and the rest is committed")
{
    const struct mr_sink_ops *ops = f.session->ops;
    pg_server_exec("CREATE TABLE orders (id inet PRIMARY KEY, n int4)");
    pg_fixture_table(&f, "orders", "id", NULL);
    PG_OK(&f, pg_fixture_begin(&f));
    PG_OK(&f, ops->savepoint(f.session, &f.err));
    pg_rows_put(&f.rows, "10.0.0.1|1");
    PG_OK(&f, pg_fixture_run(&f));
    PG_OK(&f, ops->rollback_to_savepoint(f.session, &f.err));
    f.rows.rows.n_rows = 0;
    pg_rows_put(&f.rows, "10.0.0.2|2");
    PG_OK(&f, pg_fixture_run(&f));
    PG_OK(&f, ops->release_savepoint(f.session, &f.err));
    f.rows.rows.n_rows = 0;
    pg_rows_put(&f.rows, "10.0.0.3|3");
    PG_OK(&f, pg_fixture_run(&f));
    PG_OK(&f, ops->commit(f.session, &f.err));
    MR_CHECK_STR(pg_server_query("SELECT * FROM orders ORDER BY 1"), "10.0.0.2|2\n10.0.0.3|3");
}

MR_TEST("a stage whose making was taken back is made again by a later flush")
{
    const struct mr_sink_ops *ops = f.session->ops;
    pg_server_exec("CREATE TABLE a (id int4 PRIMARY KEY)");
    pg_fixture_table(&f, "a", "id", NULL);
    PG_OK(&f, pg_fixture_begin(&f));
    PG_OK(&f, ops->savepoint(f.session, &f.err));
    pg_rows_put(&f.rows, "1");
    PG_OK(&f, pg_fixture_run(&f));
    PG_OK(&f, ops->rollback_to_savepoint(f.session, &f.err));
    PG_OK(&f, ops->release_savepoint(f.session, &f.err));
    PG_OK(&f, ops->commit(f.session, &f.err));
    flush();
    pg_rows_put(&f.rows, "2");
    flush();
    MR_CHECK_STR(pg_server_query("SELECT * FROM a ORDER BY 1"), "1\n2");
}

//
MR_TEST("a row that the server refuses is poison, and the halves around it can be loaded")
{
    const struct mr_sink_ops *ops = f.session->ops;
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY, n int4 CHECK (n > 0))");
    pg_fixture_table(&f, "orders", "id", NULL);
    PG_OK(&f, pg_fixture_begin(&f));
    PG_OK(&f, ops->savepoint(f.session, &f.err));
    pg_rows_put(&f.rows, "1|1");
    pg_rows_put(&f.rows, "2|0");
    MR_CHECK_INT(pg_fixture_run(&f), -MR_DB);
    MR_CHECK_INT(f.err.class, MR_CLASS_POISON);
    MR_CHECK_STR(f.err.sqlstate, "23514");
    MR_CHECK_STR(f.err.table, "public.orders");
    PG_OK(&f, ops->rollback_to_savepoint(f.session, &f.err));
    f.rows.rows.n_rows = 1;
    PG_OK(&f, pg_fixture_run(&f));
    PG_OK(&f, ops->release_savepoint(f.session, &f.err));
    PG_OK(&f, ops->put_positions(f.session, &f.span, 1, &f.err));
    PG_OK(&f, ops->commit(f.session, &f.err));
    MR_CHECK_STR(pg_server_query("SELECT * FROM orders"), "1|1");
}

// T-74
MR_TEST("a value that the column's length refuses fails in the stage, not in the merge")
{
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY, v varchar(3))");
    pg_fixture_table(&f, "orders", "id", NULL);
    pg_rows_put(&f.rows, "1|abcd");
    MR_CHECK_INT(pg_fixture_flush(&f), -MR_DB);
    MR_CHECK_STR(f.err.sqlstate, "22001");
    MR_CHECK_INT(f.err.class, MR_CLASS_POISON);
}

MR_TEST("a stream that is larger than every buffer between client and server arrives whole")
{
    static char values[4000];
    pg_server_exec("CREATE TABLE big (id int8 PRIMARY KEY, v text)");
    pg_fixture_table(&f, "big", "id", NULL);
    for (int i = 0; i < PG_ROWS_MAX; i++) {
        int len = snprintf(values, sizeof values, "%d|", i);
        memset(values + len, 'a' + i % 26, sizeof values - 1 - (size_t)len);
        pg_rows_put(&f.rows, values);
    }
    flush();
    MR_CHECK_STR(pg_server_query("SELECT count(*), count(DISTINCT left(v, 1)), sum(length(v)) > "
                                 "16000000 FROM big"),
                 "4096|26|t");
}

MR_TEST("dead letters stand in the same transaction, with null keys and any bytes")
{
    struct mr_letter letters[2] = {{.stream = "t",
                                    .partition = 3,
                                    .offset = 42,
                                    .key = {(const uint8_t *)"\0k", 2},
                                    .value = {NULL, 0},
                                    .headers_json = "[{\"k\": \"h\", \"v\": \"YQ==\"}]",
                                    .timestamp_ms = 5000,
                                    .code = "avro.trailing",
                                    .sqlstate = "",
                                    .detail = "a \"quoted\\ text",
                                    .target_table = ""},
                                   {.stream = "t",
                                    .partition = 3,
                                    .offset = 43,
                                    .key = {NULL, 0},
                                    .value = {(const uint8_t *)"", 0},
                                    .headers_json = "[]",
                                    .timestamp_ms = -1,
                                    .code = "db",
                                    .sqlstate = "23514",
                                    .detail = "cut \xc3",
                                    .target_table = "public.orders"}};
    const struct mr_sink_ops *ops = f.session->ops;
    PG_OK(&f, ops->begin(f.session, NULL, 0, &f.span, 1, &f.err));
    PG_OK(&f, ops->put_letters(f.session, letters, 2, &f.err));
    PG_OK(&f, ops->put_positions(f.session, &f.span, 1, &f.err));
    PG_OK(&f, ops->commit(f.session, &f.err));
    MR_CHECK_STR(pg_server_query("SELECT pipeline, topic, partition, \"offset\", key, value, "
                                 "headers, record_timestamp, code, sqlstate, detail, target_table, "
                                 "attempts, state FROM millrace.dead_letters ORDER BY id"),
                 "shop|t|3|42|\\x006b|NULL|[{\"k\": \"h\", \"v\": \"YQ==\"}]|"
                 "1970-01-01 00:00:05+00|avro.trailing|NULL|a \"quoted\\ text|NULL|1|new\n"
                 "shop|t|3|43|NULL|\\x|[]|NULL|db|23514|cut ?|public.orders|1|new");
}

static void *interrupt_soon(void *arg)
{
    struct pg_fixture *of = arg;
    pg_server_await("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "1");
    of->session->ops->session_interrupt(of->session);
    return NULL;
}

MR_TEST("an interrupt ends a call that waits for the server")
{
    pthread_t thread;
    pg_server_exec("CREATE TABLE orders (id int8 PRIMARY KEY)");
    pg_fixture_close(&f);
    pg_fixture_opts(&f, "patient");
    f.opts.lock_timeout_ms = 5000;
    pg_fixture_start(&f);
    pg_fixture_claim(&f, 1);
    pg_fixture_table(&f, "orders", "id", NULL);
    pg_server_hold("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
    MR_CHECK_INT(pthread_create(&thread, NULL, interrupt_soon, &f), 0);
    int rc = pg_fixture_begin(&f);
    pthread_join(thread, NULL);
    f.session->ops->rollback(f.session);
    MR_CHECK_INT(rc, -MR_AGAIN);
    pg_server_hold_end();
    flush();
}

// E-40
MR_TEST("a row without a key is matched by types that have no equality, and by one loose in text")
{
    pg_server_exec("CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', "
                   "deterministic = false);"
                   "CREATE TABLE logs (a text COLLATE ci, j json, x xml, s pg_snapshot);"
                   "INSERT INTO logs VALUES ('A', '{\"k\": 1}', '<a/>', '10:20:14'), "
                   "('a', '{\"k\": 1}', '<a/>', '10:20:14')");
    pg_fixture_table(&f, "logs", "", NULL);
    PG_OK(&f, pg_fixture_begin(&f));
    struct mr_row *row = pg_rows_put(&f.rows, "a|{\"k\": 1}|<a/>|10:20:14");
    uint64_t n_done = 0;
    PG_OK(&f, f.session->ops->delete_match(f.session, f.table, row, &n_done, &f.err));
    MR_CHECK_U64(n_done, 1);
    PG_OK(&f, f.session->ops->commit(f.session, &f.err));
    MR_CHECK_STR(pg_server_query("SELECT a FROM logs"), "A");
}
