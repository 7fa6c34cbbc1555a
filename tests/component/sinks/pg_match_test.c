/* Deletes by a whole row (contract.md E-40) against a real server: type by type, with rows in the
 * table that the type's own equality cannot tell from the one that goes. */
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
    pg_fixture_close(&f);
}

/* The columns of row 1 in table `wanted` but its id, as they are staged. */
static struct mr_slice wanted_read(void)
{
    static const uint16_t idx[] = {1, 2, 3};
    struct mr_slice tuple;
    pg_fixture_table(&f, "wanted", "id", "id");
    struct mr_slice key = pg_rows_put(&f.rows, "1")->key_tuple;
    const struct mr_colset cols = {(uint16_t)(f.table->n_columns - 1), idx};
    const struct mr_read_rows read = {.table = f.table,
                                      .key = &f.rows.rows.key,
                                      .cols = &cols,
                                      .keys = &key,
                                      .n_keys = 1,
                                      .arena = &f.rows.arena,
                                      .tuples = &tuple};
    PG_OK(&f, pg_fixture_begin(&f));
    PG_OK(&f, f.session->ops->read_rows(f.session, &read, &f.err));
    f.session->ops->rollback(f.session);
    tuple.data = memcpy(malloc(tuple.len), tuple.data, tuple.len);
    return tuple;
}

/* Deletes a row of `logs` that equals the one of `wanted`; how many went. */
static uint64_t delete_wanted(void)
{
    struct mr_slice tuple = wanted_read();
    uint64_t n_done = 0;
    pg_fixture_table(&f, "logs", "", NULL);
    struct mr_row row = {.cols = &f.rows.cols, .tuple = tuple};
    PG_OK(&f, pg_fixture_begin(&f));
    PG_OK(&f, f.session->ops->delete_match(f.session, f.table, &row, &n_done, &f.err));
    PG_OK(&f, f.session->ops->commit(f.session, &f.err));
    free((void *)(uintptr_t)tuple.data);
    return n_done;
}

/* What is left of a table with both values after a delete of a row that has `wanted`. */
static const char *left_of(const char *type, const char *other, const char *wanted)
{
    pg_server_exec(
        "DROP TABLE IF EXISTS wanted, logs;"
        "CREATE TABLE wanted (id int4 PRIMARY KEY, v %s); CREATE TABLE logs (v %s);"
        "INSERT INTO wanted VALUES (1, $q$%s$q$); INSERT INTO logs VALUES ($q$%s$q$), ($q$%s$q$)",
        type, type, wanted, other, wanted);
    MR_CHECK_U64(delete_wanted(), 1);
    return pg_server_query("SELECT v::text FROM logs");
}

struct match_case {
    const char *type, *other, *wanted;
};

static void check(const struct match_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        MR_CHECK_STR(left_of(cases[i].type, cases[i].other, cases[i].wanted), cases[i].other);
}

// E-40
MR_TEST("a delete by a whole row takes the one that looks the same, whatever its type holds equal")
{
    static const struct match_case cases[] = {
        {"box", "(2,2),(0,0)", "(4,1),(0,0)"},
        {"circle", "<(5,5),2>", "<(0,0),2>"},
        {"path", "((5,5),(7,7))", "((0,0),(1,1))"},
        {"lseg", "[(0,0),(1,1.0000001)]", "[(0,0),(1,1)]"},
        {"line", "{2,4,6}", "{1,2,3}"},
        {"point", "(1e-07,0)", "(0,0)"},
        {"polygon", "((1,0),(1,1),(0,0))", "((0,0),(1,0),(1,1))"},
        {"box[]", "{(2,2),(0,0)}", "{(4,1),(0,0)}"},
        {"numeric", "1.0", "1.00"},
        {"numeric", "1", "NaN"},
        {"numeric[]", "{1.0}", "{1.00}"},
        {"float8", "0", "-0"},
        {"float8", "0.1", "0.10000000000000002"},
        {"float4[]", "{0}", "{-0}"},
        {"interval", "30 days", "1 mon"},
        {"interval[]", "{24:00:00}", "{\"1 day\"}"},
        {"jsonb", "{\"a\": 1.0}", "{\"a\": 1.00}"},
        {"json", "{\"a\":1}", "{\"a\": 1}"},
        {"bit varying", "010", "0100"},
        {"timetz", "10:00:00+00", "12:00:00+02"},
        {"text[]", "{A}", "{a}"},
        {"tsvector", "'a':1", "'a'"},
        {"numrange", "[1.0,2)", "[1.00,2)"},
        {"inet", "10.0.0.1/24", "10.0.0.1/32"},
        {"money", "$1.00", "$1.01"},
    };
    check(cases, sizeof cases / sizeof cases[0]);
    pg_server_exec("CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', "
                   "deterministic = false)");
    static const struct match_case loose[] = {{"text COLLATE ci", "A", "a"},
                                              {"text[] COLLATE ci", "{A}", "{a}"},
                                              {"varchar(3) COLLATE ci", "A", "a"}};
    check(loose, sizeof loose / sizeof loose[0]);
}

// E-40: their types come with extensions, whose operators the session does not see
MR_TEST("a delete by a whole row compares what extensions bring by its text")
{
    static const struct {
        const char *extension;
        struct match_case of;
    } cases[] = {
        {"hstore", {"ext.hstore", "\"a\"=>NULL", "\"a\"=>\"NULL\""}},
        {"ltree", {"ext.ltree", "a.b", "a.B"}},
        {"citext", {"ext.citext", "AB", "ab"}},
        {"vector", {"ext.vector", "[1,2]", "[1,2.0000002]"}},
        {"vector", {"ext.halfvec", "[1,2]", "[2,1]"}},
        {"vector", {"ext.sparsevec", "{1:1}/2", "{1:1}/3"}},
        {"postgis",
         {"ext.geometry", "0101000020E6100000000000000000F83F00000000000000C0",
          "0101000000000000000000F83F00000000000000C0"}},
    };
    pg_server_exec("DROP SCHEMA IF EXISTS ext CASCADE; CREATE SCHEMA ext");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(pg_server_query("SELECT count(*) FROM pg_available_extensions WHERE name = '%s'",
                                   cases[i].extension),
                   "0") == 0)
            continue;
        pg_server_exec("CREATE EXTENSION IF NOT EXISTS %s SCHEMA ext", cases[i].extension);
        check(&cases[i].of, 1);
    }
    pg_server_exec("DROP TABLE wanted, logs; DROP SCHEMA ext CASCADE");
}

// E-40
MR_TEST("a char without a length is matched with its blanks")
{
    pg_server_exec("CREATE TABLE logs (v bpchar); INSERT INTO logs VALUES ('a'), ('a ')");
    pg_fixture_table(&f, "logs", "", NULL);
    uint64_t n_done = 0;
    PG_OK(&f, pg_fixture_begin(&f));
    PG_OK(&f, f.session->ops->delete_match(f.session, f.table, pg_rows_put(&f.rows, "a "), &n_done,
                                           &f.err));
    PG_OK(&f, f.session->ops->commit(f.session, &f.err));
    MR_CHECK_STR(pg_server_query("SELECT octet_length(v) FROM logs"), "1");
}

// E-40: IS NOT DISTINCT FROM, where no row looks the same
MR_TEST("a delete by a whole row takes another spelling of its numbers where there is no other")
{
    pg_server_exec("CREATE TABLE logs (n numeric, d float8, j jsonb);"
                   "INSERT INTO logs VALUES ('1.0', '-0', '{\"a\": 1.0}')");
    pg_server_exec("CREATE TABLE wanted (id int4 PRIMARY KEY, n numeric, d float8, j jsonb);"
                   "INSERT INTO wanted VALUES (1, '1.00', 0, '{\"a\": 1}')");
    MR_CHECK_U64(delete_wanted(), 1);
    MR_CHECK_STR(pg_server_query("SELECT count(*) FROM logs"), "0");
}
