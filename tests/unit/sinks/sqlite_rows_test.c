/* Binding of rows in SQLite: what would be stored as another value is refused, and keys are one key
 * in all their spellings. Puts and deletes as every sink has them:
 * tests/component/sink_conformance_test.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/mr_test.h"
#include "tests/support/sink_fixture.h"

static struct mr_sink_fixture f;
static struct mr_table *table;
static struct mr_row_build build;
static const char *const key_names[] = {"k", NULL};
static const char *const names[] = {"k", "v", NULL};

MR_SETUP
{
    f = (struct mr_sink_fixture){.ops = NULL};
    table = NULL;
    build = (struct mr_row_build){.emit = NULL};
}

MR_TEARDOWN
{
    mr_row_build_release(&build);
    mr_table_unref(table);
    mr_sink_fixture_stop(&f);
}

static void start(const char *ddl)
{
    mr_sink_fixture_start(&f, MR_KIND_SQLITE);
    mr_sink_fixture_exec(&f, ddl);
    MR_CHECK_OK(f.ops->table_open(f.sink, NULL, "t", true, &table, &f.err));
    mr_row_build_init(&build, f.ops->emit, table, key_names);
    MR_CHECK_OK(f.ops->begin(f.session, &table, 1, NULL, 0, &f.err));
}

static int put(enum mr_put mode, struct mr_cell key, struct mr_cell v)
{
    uint64_t n_done;
    const struct mr_cell cells[] = {key, v};
    mr_row_build_forget(&build);
    (void)mr_row_build_put(&build, mr_row_build_cols(&build, names), cells);
    const struct mr_put_rows rows = {.table = table,
                                     .key = &build.key,
                                     .cols = mr_row_build_cols(&build, names),
                                     .rows = build.rows,
                                     .n_rows = build.n_rows};
    return f.ops->put_rows(f.session, &rows, mode, &n_done, &f.err);
}

static const char *rows_now(void)
{
    MR_CHECK_OK(f.ops->commit(f.session, &f.err));
    return mr_sink_fixture_query(&f, "SELECT typeof(k), k, typeof(v), v FROM t ORDER BY k");
}

/* L-02 */
MR_TEST("NaN is refused with its column; infinities are kept")
{
    start("CREATE TABLE t(k INTEGER PRIMARY KEY, v REAL)");
    MR_CHECK_INT(put(MR_PUT_UPSERT, MR_INT(1), MR_REAL((double)NAN)), -MR_VALUE_OUT_OF_RANGE);
    MR_CHECK_STR(f.err.column, "v");
    MR_CHECK_INT(f.err.class, MR_CLASS_POISON);
    MR_CHECK_OK(put(MR_PUT_UPSERT, MR_INT(1), MR_REAL(-(double)INFINITY)));
    MR_CHECK_STR(rows_now(), "integer|1|real|-Inf\n");
}

/* L-07, F-33 */
MR_TEST("a numeric key is one key with and without trailing zeros")
{
    start("CREATE TABLE t(k NUMERIC_TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID");
    MR_CHECK_OK(put(MR_PUT_UPSERT, MR_TXT("1.00"), MR_TXT("a")));
    MR_CHECK_OK(put(MR_PUT_UPSERT, MR_TXT("1"), MR_TXT("b")));
    MR_CHECK_OK(put(MR_PUT_UPDATE, MR_TXT("1.0"), MR_TXT("c")));
    MR_CHECK_OK(put(MR_PUT_UPSERT, MR_TXT("100"), MR_TXT("d")));
    MR_CHECK_OK(put(MR_PUT_UPSERT, MR_TXT("0.0"), MR_TXT("e")));
    uint64_t n_done;
    const struct mr_cell zero = MR_TXT("0");
    mr_row_build_forget(&build);
    (void)mr_row_build_delete(&build, &zero);
    MR_CHECK_OK(f.ops->delete_keys(f.session, table, &build.key, build.rows, 1, &n_done, &f.err));
    MR_CHECK_U64(n_done, 1);
    MR_CHECK_STR(rows_now(), "text|1|text|c\ntext|100|text|d\n");
}

/* L-07, F-33 */
MR_TEST("a blank-padded key is one key with and without its blanks")
{
    start("CREATE TABLE t(k CHAR(4) PRIMARY KEY, v TEXT) WITHOUT ROWID");
    MR_CHECK_OK(put(MR_PUT_UPSERT, MR_TXT("ab  "), MR_TXT("one")));
    MR_CHECK_OK(put(MR_PUT_UPSERT, MR_TXT("ab"), MR_TXT("two  ")));
    MR_CHECK_STR(rows_now(), "text|ab|text|two  \n");
}

/* L-03, P5 */
MR_TEST("a user's DECIMAL column takes what it can hold and refuses what would lose digits")
{
    static const struct {
        const char *text;
        bool taken;
    } cases[] = {
        {"0.1", true},
        {"-123456789.123456", true},
        {"123456789012345.6", false},
        {"0.0000000000000001234", true},
        {"9223372036854775807", true},
        {"9223372036854775808", false},
        {"1000000000000000.50", false},
        {"12345678901234567890.10", false},
        {"NaN", true},
    };
    start("CREATE TABLE t(k INTEGER PRIMARY KEY, v DECIMAL(30,10))");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rc = put(MR_PUT_UPSERT, MR_INT(1), MR_STR(cases[i].text));
        if (rc != (cases[i].taken ? 0 : -MR_VALUE_LOSSY))
            MR_FAIL("%s: %d", cases[i].text, rc);
    }
    MR_CHECK_OK(put(MR_PUT_UPSERT, MR_INT(2), MR_TXT("9223372036854775807")));
    MR_CHECK_STR(rows_now(), "integer|1|text|NaN\ninteger|2|integer|9223372036854775807\n");
}

/* */
MR_TEST("an upsert that meets another unique key is a fault of the record")
{
    start("CREATE TABLE t(k INTEGER PRIMARY KEY, v TEXT UNIQUE)");
    MR_CHECK_OK(put(MR_PUT_UPSERT, MR_INT(1), MR_TXT("a")));
    MR_CHECK_INT(put(MR_PUT_UPSERT, MR_INT(2), MR_TXT("a")), -MR_DB);
    MR_CHECK_STR(f.err.sqlstate, "23505");
    MR_CHECK_INT(f.err.class, MR_CLASS_POISON);
    MR_CHECK_INT(put(MR_PUT_INSERT, MR_INT(2), MR_TXT("a")), -MR_EXISTS);
    MR_CHECK_STR(rows_now(), "integer|1|text|a\n");
}

/* */
MR_TEST("a missing parent row makes the table wait")
{
    start("CREATE TABLE p(id INTEGER PRIMARY KEY);"
          "CREATE TABLE t(k INTEGER PRIMARY KEY, v INTEGER REFERENCES p(id))");
    MR_CHECK_INT(put(MR_PUT_UPSERT, MR_INT(1), MR_INT(9)), -MR_DB);
    MR_CHECK_STR(f.err.sqlstate, "23503");
    MR_CHECK_INT(f.err.class, MR_CLASS_HALT);
}

/* */
MR_TEST("a trigger that raises is a fault of the record")
{
    start("CREATE TABLE t(k INTEGER PRIMARY KEY, v TEXT);"
          "CREATE TRIGGER no BEFORE INSERT ON t BEGIN SELECT raise(ABORT, 'no'); END");
    MR_CHECK_INT(put(MR_PUT_UPSERT, MR_INT(1), MR_NIL), -MR_DB);
    MR_CHECK_STR(f.err.sqlstate, "P0001");
    MR_CHECK_INT(f.err.class, MR_CLASS_POISON);
}

MR_TEST("texts that look like statements stay texts")
{
    start("CREATE TABLE t(k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID");
    MR_CHECK_OK(put(MR_PUT_UPSERT, MR_TXT("'; DROP TABLE t; --"), MR_TXT("?1")));
    MR_CHECK_STR(rows_now(), "text|'; DROP TABLE t; --|text|?1\n");
}
