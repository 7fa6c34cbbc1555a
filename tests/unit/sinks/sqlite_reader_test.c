/* Reading a SQLite file back, over a file that the SQLite library itself has filled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "sinks/reader.h"
#include "tests/support/mr_test.h"

#include "base/ban.h"

static char path[] = "/tmp/mr_reader_XXXXXX";
static char url[64];
static sqlite3 *db;
static struct mr_reader *reader;
static struct mr_err err;
static struct mr_env env;

static void exec(const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        MR_FAIL("%s: %s", sql, sqlite3_errmsg(db));
}

MR_SETUP
{
    memcpy(path, "/tmp/mr_reader_XXXXXX", sizeof path);
    int fd = mkstemp(path);
    MR_CHECK(fd >= 0);
    (void)close(fd);
    (void)snprintf(url, sizeof url, "sqlite:%s", path);
    mr_env_init_system(&env);
    MR_CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    exec("PRAGMA journal_mode=WAL;"
         "CREATE TABLE \"od\"\"d\"(id INTEGER, b BOOLEAN, note TEXT);"
         "INSERT INTO \"od\"\"d\" VALUES (2, 0, NULL), (1, 1, 'é'), (3, NULL, '')");
    MR_CHECK_OK(mr_reader_open(url, &env, &reader, &err));
}

MR_TEARDOWN
{
    char other[64];
    mr_reader_close(reader);
    reader = NULL;
    (void)sqlite3_close(db);
    (void)unlink(path);
    for (const char *const *end = (const char *const[]){"-wal", "-shm", NULL}; *end != NULL;
         end++) {
        (void)snprintf(other, sizeof other, "%s%s", path, *end);
        (void)unlink(other);
    }
}

static const struct mr_reader_column columns[] = {{"id", false}, {"b", true}, {"note", false}};
static const struct mr_reader_query query = {
    .schema = "left aside", .table = "od\"d", .columns = columns, .n_columns = 3, .n_key = 1};

static const char *const *row(void)
{
    const char *const *values = NULL;
    MR_CHECK_INT(mr_reader_next(reader, &values, &err), 1);
    return values;
}

MR_TEST("rows come as text in the key's order, booleans as words, NULL as NULL")
{
    MR_CHECK_OK(mr_reader_begin(reader, &query, &err));
    const char *const *values = row();
    MR_CHECK_STR(values[0], "1");
    MR_CHECK_STR(values[1], "true");
    MR_CHECK_STR(values[2], "é");
    values = row();
    MR_CHECK_STR(values[1], "false");
    MR_CHECK(values[2] == NULL);
    values = row();
    MR_CHECK(values[1] == NULL);
    MR_CHECK_STR(values[2], "");
    MR_CHECK_INT(mr_reader_next(reader, &values, &err), 0);
}

MR_TEST("a reader sees what was written before it began again, beside a writer")
{
    const char *const *values = NULL;
    MR_CHECK_OK(mr_reader_begin(reader, &query, &err));
    (void)row();
    exec("DELETE FROM \"od\"\"d\" WHERE id < 3");
    MR_CHECK_OK(mr_reader_begin(reader, &query, &err));
    MR_CHECK_STR(row()[0], "3");
    MR_CHECK_INT(mr_reader_next(reader, &values, &err), 0);
}

MR_TEST("a table that is not there is named, and a file that is not there is not made")
{
    struct mr_reader_query absent = query;
    absent.table = "absent";
    MR_CHECK_INT(mr_reader_begin(reader, &absent, &err), -MR_TARGET_MISSING);
    MR_CHECK(strstr(err.detail, "absent") != NULL);
    struct mr_reader *other = NULL;
    MR_CHECK_INT(mr_reader_open("sqlite:/tmp/mr_reader_absent.db", &env, &other, &err),
                 -MR_TARGET_AWAY);
    MR_CHECK(access("/tmp/mr_reader_absent.db", F_OK) != 0);
}
