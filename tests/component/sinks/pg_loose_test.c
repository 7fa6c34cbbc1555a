/* Keys whose equality only the server knows (contract.md F-33; case 164): citext, nondeterministic
 * collations, types that texts are cast to. */
#include <stdio.h>
#include <string.h>

#include "tests/support/pg_fixture.h"

static struct pg_fixture f;
static const uint32_t rank[] = {0};

MR_SETUP
{
    pg_fixture_wipe();
    pg_fixture_open(&f, "one");
    pg_fixture_claim(&f, 1);
    pg_server_exec("CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', "
                   "deterministic = false)");
}

MR_TEARDOWN
{
    pg_fixture_close(&f);
}

static bool available(const char *extension)
{
    return strcmp(pg_server_query("SELECT count(*) FROM pg_available_extensions WHERE name = '%s'",
                                  extension),
                  "0") != 0;
}

/* Rows and deletes as a batch would gather them; then what is in the table. */
static const char *loaded(const struct mr_row *const *rows, size_t n, const uint32_t *span_rank)
{
    struct mr_arena arena;
    struct mr_rows batch;
    struct mr_load_faults faults;
    static const struct mr_route route;
    mr_arena_init(&arena, 0, 0);
    mr_load_faults_init(&faults);
    mr_rows_init(&batch, f.table, &f.rows.rows.key, true, &arena, 7);
    for (size_t i = 0; i < n; i++)
        PG_OK(&f, mr_rows_add(&batch, rows[i], &f.err));
    MR_CHECK(batch.loose);
    struct mr_load run = {.session = f.session,
                          .rows = &batch,
                          .route = &route,
                          .memory = &f.memory,
                          .stats = &f.stats,
                          .faults = &faults,
                          .rank = span_rank};
    PG_OK(&f, pg_fixture_begin(&f));
    PG_OK(&f, mr_load_upsert.run(&run, &f.err));
    PG_OK(&f, f.session->ops->commit(f.session, &f.err));
    MR_CHECK_U64(faults.n_items, 0);
    mr_rows_release(&batch);
    mr_load_faults_release(&faults);
    mr_arena_release(&arena);
    return pg_server_query("SELECT string_agg(concat_ws(' ', k, v), ', ' ORDER BY k::text) FROM t");
}

/* A table with key `k` of the type, one row in it, and five records on it and on another one. */
static const char *loaded_into(const char *type, const char *const spelled[4], const char *more)
{
    pg_server_exec("DROP TABLE IF EXISTS t; CREATE TABLE t (k %s PRIMARY KEY, v text); %s;"
                   "INSERT INTO t VALUES ('%s', 'old')",
                   type, more, spelled[0]);
    pg_fixture_table(&f, "t", "k", NULL);
    MR_CHECK_STR(f.table->uniques[0].loose, "k");
    char text[4][64];
    for (int i = 0; i < 4; i++)
        (void)snprintf(text[i], sizeof text[i], "%s|%d", spelled[i], i);
    const struct mr_row *rows[] = {pg_rows_put(&f.rows, text[0]),
                                   pg_rows_delete(&f.rows, spelled[1]),
                                   pg_rows_put(&f.rows, text[2]), pg_rows_put(&f.rows, text[3]),
                                   pg_rows_put(&f.rows, text[1])};
    return loaded(rows, sizeof rows / sizeof rows[0], rank);
}

// F-33, I-12
MR_TEST("spellings of one key are folded by the equality of the key's own index")
{
    static const char *const words[] = {"ab", "AB", "Ab", "c"};
    MR_CHECK_STR(loaded_into("text COLLATE ci", words, ""), "AB 1, c 3");
    MR_CHECK_STR(loaded_into("varchar(9) COLLATE ci", words, ""), "AB 1, c 3");
    static const char *const hosts[] = {"10.0.0.1", "10.0.0.1/32", "10.0.0.1", "10.0.0.2"};
    MR_CHECK_STR(loaded_into("inet", hosts, ""), "10.0.0.1 1, 10.0.0.2 3");
    if (!available("citext"))
        MR_SKIP("PostgreSQL's contrib extension citext is not installed");
    pg_server_exec("CREATE EXTENSION citext SCHEMA public");
    MR_CHECK_STR(loaded_into("public.citext", words, ""), "AB 1, c 3");
    pg_server_exec("CREATE DOMAIN word AS public.citext CHECK (value <> 'bad')");
    MR_CHECK_STR(loaded_into("word", words, ""), "AB 1, c 3");
}

// F-33: the collation is the index's, whatever the column's is
MR_TEST("an index's own collation decides which keys are equal")
{
    pg_server_exec("CREATE TABLE t (k text NOT NULL, v text);"
                   "CREATE UNIQUE INDEX ON t (k COLLATE ci); INSERT INTO t VALUES ('AB', 'old')");
    pg_fixture_table(&f, "t", "k", NULL);
    const struct mr_row *rows[] = {pg_rows_put(&f.rows, "Ab|1"), pg_rows_put(&f.rows, "ab|2"),
                                   pg_rows_put(&f.rows, "c|3")};
    MR_CHECK_STR(loaded(rows, 3, rank), "ab 2, c 3");
    pg_fixture_table(&f, "t", "k", NULL);
    const struct mr_row *gone[] = {pg_rows_delete(&f.rows, "C")};
    MR_CHECK_STR(loaded(gone, 1, rank), "ab 2");
}

// F-33; case 164
MR_TEST("a delete and a masked update meet a row whose key is spelled otherwise")
{
    pg_server_exec("CREATE TABLE t (k text COLLATE ci PRIMARY KEY, v text, w text);"
                   "INSERT INTO t VALUES ('ab', 'old', 'BIG'), ('c', 'old', 'BIG')");
    pg_fixture_table(&f, "t", "k", NULL);
    struct mr_row *masked = pg_rows_put(&f.rows, "C|new|NULL");
    pg_rows_mask(&f.rows, masked, 2);
    const struct mr_row *rows[] = {pg_rows_delete(&f.rows, "AB"), masked};
    (void)loaded(rows, 2, rank);
    MR_CHECK_STR(pg_server_query("SELECT k, v, w FROM t"), "C|new|BIG");
}

// F-33: bpchar, as char(n) compares it
MR_TEST("blanks behind a char key make no other key")
{
    pg_server_exec("CREATE TABLE t (k bpchar PRIMARY KEY, v text); "
                   "INSERT INTO t VALUES ('a', 'old')");
    pg_fixture_table(&f, "t", "k", NULL);
    MR_CHECK(f.table->uniques[0].loose == NULL); /* the canonical form has none */
    (void)pg_rows_put(&f.rows, "a  |new");
    PG_OK(&f, pg_fixture_flush(&f));
    MR_CHECK_STR(pg_server_query("SELECT octet_length(k), v FROM t"), "3|new");
}
