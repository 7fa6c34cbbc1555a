/* Which reader a URL gets. */
#include "sinks/reader.h"

#include "tests/support/mr_test.h"

#include "base/ban.h"

MR_TEST("a target that cannot be read back, or that nobody knows, is refused as configuration")
{
    static const char *const urls[] = {"stdout:", "mysql://x"};
    struct mr_env env;
    mr_env_init_system(&env);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct mr_reader *reader = NULL;
        struct mr_err err = MR_ERR_INIT;
        MR_CHECK_INT(mr_reader_open(urls[i], &env, &reader, &err), -MR_CONFIG_INVALID);
        MR_CHECK(reader == NULL);
    }
}

MR_TEST("a query without columns or with too many is refused before the target sees it")
{
    struct mr_reader_query query = {.table = "t", .n_columns = MR_READER_MAX_COLUMNS + 1};
    struct mr_err err = MR_ERR_INIT;
    struct mr_reader reader = {NULL};
    MR_CHECK_INT(mr_reader_begin(&reader, &query, &err), -MR_BUG);
    query.n_columns = 0;
    MR_CHECK_INT(mr_reader_begin(&reader, &query, &err), -MR_BUG);
    query = (struct mr_reader_query){.table = "t", .n_columns = 1, .n_key = 2};
    MR_CHECK_INT(mr_reader_begin(&reader, &query, &err), -MR_BUG);
    mr_reader_close(NULL);
}
