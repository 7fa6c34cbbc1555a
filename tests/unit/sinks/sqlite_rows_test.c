/* Rows in SQLite: what would be stored as another value is refused before, and keys are one key
 * in all their spellings. Puts and deletes as every sink has them:
 * tests/component/sink_conformance_test.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"
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

/* One string for v of k = 1 on its whole way: the plan's word, or what SQLite then holds. */
static const char *through(const char *text)
{
    static char got[256];
    struct plan_case pc;
    struct mr_buf key = MR_BUF_INIT;
    struct mr_buf value = MR_BUF_INIT;
    uint64_t n_done;

    plan_case_init(&pc);
    pc.table = mr_table_ref(table);
    pc.emit = f.ops->emit;
    MR_CHECK_OK(plan_case_open(&pc,
                               "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"k\","
                               "\"type\":\"long\"}]}",
                               "{\"type\":\"record\",\"name\":\"V\",\"fields\":[{\"name\":\"k\","
                               "\"type\":\"long\"},{\"name\":\"v\",\"type\":\"string\"}]}"));
    wire_long(&key, 1);
    wire_long(&value, 1);
    wire_text(&value, text);
    const char *said = plan_case_run(&pc, wire_slice(&key), wire_slice(&value));
    (void)snprintf(got, sizeof got, "%s", said);
    if (said[0] != '!') {
        const struct mr_row row = {.op = MR_ROW_UPSERT,
                                   .cols = pc.decoded.cols,
                                   .tuple = pc.decoded.tuple,
                                   .key = pc.decoded.key,
                                   .key_tuple = pc.decoded.key_tuple};
        const struct mr_row *rows = &row;
        const struct mr_put_rows one = {.table = table,
                                        .key = mr_plan_key(pc.plan),
                                        .cols = pc.decoded.cols,
                                        .rows = &rows,
                                        .n_rows = 1};
        MR_CHECK_OK(f.ops->put_rows(f.session, &one, MR_PUT_UPSERT, &n_done, &f.err));
        MR_CHECK_OK(f.ops->commit(f.session, &f.err));
        (void)snprintf(got, sizeof got, "%s",
                       mr_sink_fixture_query(&f, "SELECT typeof(v), v FROM t"));
        MR_CHECK_OK(f.ops->begin(f.session, &table, 1, NULL, 0, &f.err));
    }
    mr_buf_release(&key);
    mr_buf_release(&value);
    plan_case_release(&pc);
    return got;
}

/* L-03, P5: nothing of it reaches the put, where the whole table would wait */
MR_TEST("a user's DECIMAL column takes what it can hold; what would lose digits the plan refuses")
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"0.1", "real|0.1\n"},
        {"-123456789.123456", "real|-123456789.123456\n"},
        {"123456789012345.6", "!value.lossy"},
        {"0.0000000000000001234", "real|1.234e-16\n"},
        {"9223372036854775807", "integer|9223372036854775807\n"},
        {"-9223372036854775807", "integer|-9223372036854775807\n"},
        {"9223372036854775808", "!value.lossy"},
        {"1000000000000000.50", "!value.lossy"},
        {"12345678901234567890.10", "!value.lossy"},
        {"NaN", "text|NaN\n"},
    };
    start("CREATE TABLE t(k INTEGER PRIMARY KEY, v DECIMAL)");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = through(cases[i].text);
        if (strcmp(got, cases[i].want) != 0)
            MR_FAIL("%s: %s, want %s", cases[i].text, got, cases[i].want);
    }
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
MR_TEST("a missing parent row is a fault of the record, which may wait")
{
    start("CREATE TABLE p(id INTEGER PRIMARY KEY);"
          "CREATE TABLE t(k INTEGER PRIMARY KEY, v INTEGER REFERENCES p(id))");
    MR_CHECK_INT(put(MR_PUT_UPSERT, MR_INT(1), MR_INT(9)), -MR_DB);
    MR_CHECK_STR(f.err.sqlstate, "23503");
    MR_CHECK_INT(f.err.class, MR_CLASS_POISON);
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

/* V-18, U-31 */
MR_TEST("a masked row that a trigger keeps from being updated is not missing")
{
    static const uint64_t all_masked[] = {2};
    start("CREATE TABLE t(k INTEGER PRIMARY KEY, v TEXT);"
          "INSERT INTO t VALUES (1, 'a'), (2, 'b');"
          "CREATE TRIGGER keep BEFORE UPDATE ON t WHEN OLD.k = 1 "
          "BEGIN SELECT RAISE(IGNORE); END");
    for (int masked = 0; masked < 2; masked++) {
        uint64_t n_done;
        bool missing[3] = {false, false, false};
        mr_row_build_forget(&build);
        for (int64_t k = 1; k <= 3; k++) {
            const struct mr_cell cells[] = {MR_INT(k), MR_TXT("new")};
            (void)mr_row_build_put(&build, mr_row_build_cols(&build, names), cells);
        }
        const struct mr_put_rows rows = {.table = table,
                                         .key = &build.key,
                                         .cols = mr_row_build_cols(&build, names),
                                         .mask = masked ? all_masked : NULL,
                                         .rows = build.rows,
                                         .n_rows = build.n_rows,
                                         .missing = missing};
        MR_CHECK_OK(f.ops->put_rows(f.session, &rows, MR_PUT_UPDATE, &n_done, &f.err));
        MR_CHECK_U64(n_done, 1);
        MR_CHECK(!missing[0] && !missing[1] && missing[2]);
    }
    MR_CHECK_STR(rows_now(), "integer|1|text|a\ninteger|2|text|new\n");
}

MR_TEST("texts that look like statements stay texts")
{
    start("CREATE TABLE t(k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID");
    MR_CHECK_OK(put(MR_PUT_UPSERT, MR_TXT("'; DROP TABLE t; --"), MR_TXT("?1")));
    MR_CHECK_STR(rows_now(), "text|'; DROP TABLE t; --|text|?1\n");
}
