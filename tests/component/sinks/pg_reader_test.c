/* Reading a PostgreSQL table back, over a server of the test's own. */
#include <string.h>

#include "sinks/reader.h"
#include "tests/support/mr_test.h"
#include "tests/support/pg_server.h"

#include "base/ban.h"

static struct mr_reader *reader;
static struct mr_err err;
static struct mr_env env;

static const struct mr_reader_column columns[] = {
    {"id", false}, {"b", true}, {"at", false}, {"doc", false}, {"amount", false}};
static const struct mr_reader_query query = {
    .schema = "r\"s", .table = "t", .columns = columns, .n_columns = 5, .n_key = 1};

MR_SETUP
{
    char line[1024];
    mr_env_init_system(&env);
    const char *url = pg_server_url();
    pg_server_exec("DROP SCHEMA IF EXISTS \"r\"\"s\" CASCADE; CREATE SCHEMA \"r\"\"s\"");
    pg_server_exec("CREATE TABLE \"r\"\"s\".t(id int8 PRIMARY KEY, b bool, at timestamptz,"
                   " doc jsonb, amount numeric(12,2))");
    if (mr_reader_open(url, &env, &reader, &err) != 0)
        MR_FAIL("%s", mr_err_line(&err, line, sizeof line));
}

MR_TEARDOWN
{
    mr_reader_close(reader);
    reader = NULL;
}

MR_TEST("rows come as PostgreSQL's text in UTC, in the order of the key's type, NULL as NULL")
{
    const char *const *values = NULL;
    pg_server_exec("INSERT INTO \"r\"\"s\".t VALUES"
                   " (10, NULL, NULL, NULL, NULL),"
                   " (9, true, '2026-01-02 03:04:05.120+02', '{\"bb\":1,\"a\": 2}', 1.5)");
    MR_CHECK_OK(mr_reader_begin(reader, &query, &err));
    MR_CHECK_INT(mr_reader_next(reader, &values, &err), 1);
    MR_CHECK_STR(values[0], "9");
    MR_CHECK_STR(values[1], "true");
    MR_CHECK_STR(values[2], "2026-01-02 01:04:05.12+00");
    MR_CHECK_STR(values[3], "{\"a\": 2, \"bb\": 1}");
    MR_CHECK_STR(values[4], "1.50");
    MR_CHECK_INT(mr_reader_next(reader, &values, &err), 1);
    MR_CHECK_STR(values[0], "10");
    MR_CHECK(values[1] == NULL && values[4] == NULL);
    MR_CHECK_INT(mr_reader_next(reader, &values, &err), 0);
}

MR_TEST("more rows than one fetch holds all come, once each, and a new begin starts over")
{
    const char *const *values = NULL;
    pg_server_exec("INSERT INTO \"r\"\"s\".t SELECT g FROM generate_series(1, 5001) g");
    for (int round = 0; round < 2; round++) {
        int n = 0;
        MR_CHECK_OK(mr_reader_begin(reader, &query, &err));
        while (mr_reader_next(reader, &values, &err) == 1)
            n++;
        MR_CHECK_INT(n, 5001);
    }
}

MR_TEST("the server's refusal of a missing table is told, and the reader goes on")
{
    struct mr_reader_query absent = query;
    absent.table = "absent";
    MR_CHECK(mr_reader_begin(reader, &absent, &err) < 0);
    MR_CHECK_STR(err.sqlstate, "42P01");
    MR_CHECK_OK(mr_reader_begin(reader, &query, &err));
}
