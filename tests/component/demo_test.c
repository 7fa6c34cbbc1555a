/* `millrace demo` as a whole: broker, registry, service and SQLite file in this process, and the
 * verdict, which must be able to fail. The generator is repeatable, so a test makes the same state
 * again and compares the file that the command left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <sqlite3.h>

#include "consumer/demo_generator.h"
#include "consumer/demo_verify.h"
#include "tests/support/cmd_call.h"
#include "tests/support/mr_test.h"

#include "base/ban.h"

static struct cmd_call call;
static char folder[] = "/tmp/mr_demo_XXXXXX";
static char url[64];
static char path[48];

MR_SETUP
{
    memcpy(folder, "/tmp/mr_demo_XXXXXX", sizeof folder);
    MR_CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof path, "%s/t.db", folder);
    (void)snprintf(url, sizeof url, "sqlite:%s", path);
}

MR_TEARDOWN
{
    for (const char *const *end = (const char *const[]){"", "-wal", "-shm", NULL}; *end != NULL;
         end++) {
        char other[80];
        (void)snprintf(other, sizeof other, "%s%s", path, *end);
        (void)unlink(other);
    }
    (void)rmdir(folder);
}

static void exec(const char *sql)
{
    sqlite3 *db = NULL;
    MR_CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        MR_FAIL("%s: %s", sql, sqlite3_errmsg(db));
    (void)sqlite3_close(db);
}

/* The verdict over the file, with the state made anew. */
static void judge(uint64_t n_records, struct mr_demo_verdict *out)
{
    const struct mr_demo_generator_opts opts = {.n_records = n_records, .seed = 5};
    struct mr_demo_generator *gen = NULL;
    struct mr_demo_record record;
    struct mr_reader *reader = NULL;
    struct mr_env env;
    struct mr_err err = MR_ERR_INIT;
    mr_env_init_system(&env);
    MR_CHECK_OK(mr_demo_generator_new(&opts, &gen, &err));
    for (uint64_t i = 0; i < n_records; i++)
        MR_CHECK_OK(mr_demo_generator_next(gen, &record, &err));
    MR_CHECK_OK(mr_reader_open(url, &env, &reader, &err));
    MR_CHECK_OK(mr_demo_verify(reader, NULL, mr_demo_generator_model(gen), out, &err));
    mr_reader_close(reader);
    mr_demo_generator_free(gen);
}

/* P1, P4 of design.md; E-01 to E-10, U-01, V-01, S-42 */
MR_TEST("20,000 changes are loaded and equal, the broken one is named, and a spoilt row is found")
{
    struct mr_demo_verdict verdict;
    cmd_call_run(&call, (const char *const[]){"demo", "--rows", "20000", "--seed", "5", "--target",
                                              url, "-o", "http.listen=127.0.0.1:0", NULL});
    if (call.code != EX_OK)
        MR_FAIL("exit %d\n%s%s", call.code, call.out, call.err);
    MR_CHECK(strstr(call.out, "verified ") != NULL);
    MR_CHECK(strstr(call.out, " rows in 3 tables: equal\n") != NULL);
    MR_CHECK(strstr(call.out, "dead letters 1 (avro.truncated at shop.public.orders/") != NULL);
    MR_CHECK(strstr(call.out, "records 20,000 in ") != NULL);
    judge(20000, &verdict);
    MR_CHECK(verdict.equal);
    MR_CHECK(verdict.n_rows > 1000);

    exec("UPDATE orders SET amount = '0.01' WHERE id = (SELECT max(id) FROM orders)");
    judge(20000, &verdict);
    MR_CHECK(!verdict.equal);
    MR_CHECK_STR(verdict.table, "orders");
    MR_CHECK_STR(verdict.column, "amount");
    MR_CHECK_STR(verdict.found, "'0.01'");
    exec("DELETE FROM customers WHERE id = (SELECT min(id) FROM customers)");
    judge(20000, &verdict);
    MR_CHECK(!verdict.equal);
    MR_CHECK_STR(verdict.table, "customers");
    MR_CHECK_STR(verdict.found, "none");
}

MR_TEST("a table that is not kept equal ends in exit 65, and says which row")
{
    cmd_call_run(&call,
                 (const char *const[]){"demo", "--rows", "2000", "--seed", "5", "-o",
                                       "tables[0].tombstone=ignore", "-o",
                                       "tables[0].strategy=append", "-o", "http.listen=", NULL});
    if (call.code != EX_DATAERR)
        MR_FAIL("exit %d\n%s%s", call.code, call.out, call.err);
    MR_CHECK(strstr(call.out, "DIFFERENT\n  customers, id = ") != NULL);
}

MR_TEST("a file that is there is refused, since it may hold another run's rows")
{
    exec("CREATE TABLE t(x)");
    cmd_call_run(&call, (const char *const[]){"demo", "--target", url, NULL});
    MR_CHECK_INT(call.code, EX_CONFIG);
    MR_CHECK(strstr(call.err, "exists; name a file that does not") != NULL);
}
