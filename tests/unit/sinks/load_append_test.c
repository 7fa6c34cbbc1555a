#include "sinks/load.h"
#include "tests/support/fake_sink.h"
#include "tests/support/mr_test.h"

static const uint64_t mask_1[] = {1 << 1};

MR_SETUP
{
    fake_load_init();
}

//
MR_TEST("append inserts every row in its order, masked ones among them, without a savepoint")
{
    fake_load_row(&fake_some, 0)->mask = mask_1;
    fake_load_row(&fake_all, 0);
    fake_load_row(&fake_some, 0);
    MR_CHECK_OK(fake_load_run(&mr_load_append));
    MR_CHECK_STR(fake_sink.log, "insert[0,1,2] 1,3; insert[0,1,2,3,4] 2; ");
    MR_CHECK_U64(fake_load.stats.n_inserted, 3);
}

//
MR_TEST("a unique violation in append is the record's fault")
{
    fake_load_row(&fake_all, 0);
    fake_sink.exists = true;
    MR_CHECK_INT(fake_load_run(&mr_load_append), -MR_DB);
    MR_CHECK_INT(fake_load.err.class, MR_CLASS_POISON);
    MR_CHECK_STR(fake_load.err.sqlstate, "23505");
    MR_CHECK_STR(fake_load.err.detail, "a key is there");
}
