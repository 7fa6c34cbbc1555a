/* The order and the ways of statements that strategy `upsert` asks for. */
#include "sinks/load.h"
#include "tests/support/fake_sink.h"
#include "tests/support/mr_test.h"

static const uint64_t mask_2[] = {1 << 2};
static const uint64_t mask_2_too[] = {1 << 2};
static const uint64_t mask_1[] = {1 << 1};

MR_SETUP
{
    fake_load_init();
}

static const char *run(void)
{
    MR_CHECK_OK(fake_load_run(&mr_load_upsert));
    return fake_sink.log;
}

MR_TEARDOWN
{
    mr_load_faults_release(&fake_load.faults);
}

MR_TEST("nothing to load asks for nothing")
{
    MR_CHECK_STR(run(), "");
}

//
MR_TEST("deletes go before updates of masked rows, and those before upserts")
{
    fake_load_row(&fake_all, 0);
    fake_load_row(&fake_all, 0)->mask = mask_2;
    fake_load_row(NULL, 0);
    MR_CHECK_STR(run(), "delete 3; update[0,1,2m,3,4] 2; upsert[0,1,2,3,4] 1; ");
    MR_CHECK_U64(fake_load.stats.n_deleted, 1);
    MR_CHECK_U64(fake_load.stats.n_updated, 1);
    MR_CHECK_U64(fake_load.stats.n_upserted, 1);
}

// V-19
MR_TEST("rows are grouped by the columns they carry, whatever schema wrote them")
{
    static const struct mr_colset same = {3, fake_cols};
    fake_load_row(&fake_some, 0);
    fake_load_row(&fake_all, 0);
    fake_load_row(&same, 0);
    MR_CHECK_STR(run(), "upsert[0,1,2] 1,3; upsert[0,1,2,3,4] 2; ");
}

// U-26
MR_TEST("masked rows are grouped by their mask")
{
    fake_load_row(&fake_some, 0)->mask = mask_2;
    fake_load_row(&fake_some, 0)->mask = mask_1;
    fake_load_row(&fake_some, 0)->mask = mask_2_too;
    MR_CHECK_STR(run(), "update[0,1m,2] 2; update[0,1,2m] 1,3; ");
}

// U-31
MR_TEST("a masked row that the target does not have is a fault of its record, and the rest lands")
{
    fake_load_row(&fake_all, 0);
    fake_load_row(&fake_some, 0)->mask = mask_2;
    fake_load_row(&fake_some, 0)->mask = mask_2;
    fake_sink.n_missing = 1;
    MR_CHECK_STR(run(), "update[0,1,2m] 2,3; upsert[0,1,2,3,4] 1; ");
    MR_CHECK_U64(fake_load.stats.n_updated, 1);
    MR_CHECK_U64(fake_load.faults.n_items, 1);
    MR_CHECK_INT(fake_load.faults.items[0].offset, 2);
    MR_CHECK_INT(fake_load.faults.items[0].code, MR_UNAVAILABLE_ORPHAN);
    MR_CHECK_INT(fake_load.faults.items[0].class, MR_CLASS_POISON);
}

// V-18
MR_TEST("rows that a trigger keeps out are counted, and no fault of their records")
{
    fake_load_row(&fake_some, MR_ROW_INSERT);
    fake_load_row(&fake_all, 0);
    fake_load_row(&fake_all, 0);
    fake_load_row(&fake_all, 0)->mask = mask_2;
    fake_load_row(&fake_all, 0)->mask = mask_2;
    fake_sink.n_left_out = 1;
    fake_sink.n_missing = 1;
    (void)run();
    MR_CHECK_U64(fake_load.stats.n_left_out, 3);
    MR_CHECK_U64(fake_load.stats.n_upserted, 1);
    MR_CHECK_U64(fake_load.faults.n_items, 1);
}

//
MR_TEST("a replaced row is deleted first unless it carries every writable column")
{
    fake_load_row(&fake_some, MR_ROW_REPLACED);
    fake_load_row(&fake_all, MR_ROW_REPLACED);
    MR_CHECK_STR(run(), "delete 1; upsert[0,1,2] 1; upsert[0,1,2,3,4] 2; ");
    fake_load.columns[3].generated = fake_load.columns[4].generated = true;
    MR_CHECK_STR(run(), "upsert[0,1,2] 1; upsert[0,1,2,3,4] 2; ");
}

//
MR_TEST("a replaced row with a mask finds nothing of the row before its delete")
{
    fake_load_row(&fake_all, MR_ROW_REPLACED)->mask = mask_2;
    fake_sink.n_missing = 1;
    MR_CHECK_STR(run(), "delete 1; update[0,1,2m,3,4] 1; ");
    MR_CHECK_U64(fake_load.faults.n_items, 1);
}

MR_TEST("likely new rows are inserted directly under a savepoint")
{
    fake_load_row(&fake_all, MR_ROW_INSERT);
    fake_load_row(&fake_all, MR_ROW_INSERT);
    MR_CHECK_STR(run(), "savepoint; insert[0,1,2,3,4] 1,2; release; ");
    MR_CHECK_U64(fake_load.stats.n_direct, 2);
    MR_CHECK_U64(fake_load.stats.n_inserted, 2);
}

MR_TEST("one row that is no insert sends its group by upsert")
{
    fake_load_row(&fake_all, MR_ROW_INSERT);
    fake_load_row(&fake_all, 0);
    MR_CHECK_STR(run(), "upsert[0,1,2,3,4] 1,2; ");
}

MR_TEST("an existing key sends the group by upsert after all")
{
    fake_load_row(&fake_all, MR_ROW_INSERT);
    fake_sink.exists = true;
    MR_CHECK_STR(run(), "savepoint; insert[0,1,2,3,4] 1; rollback to; release; "
                        "upsert[0,1,2,3,4] 1; ");
    MR_CHECK_INT(fake_load.err.code, MR_OK);
    MR_CHECK_U64(fake_load.stats.n_fallbacks, 1);
    MR_CHECK_U64(fake_load.stats.n_inserted, 0);
}

static int tries_in(int flushes)
{
    int tries = 0;
    for (int i = 0; i < flushes; i++)
        tries += strstr(run(), "savepoint") != NULL;
    return tries;
}

MR_TEST("a table of existing keys is tried directly ever more rarely, and soon again after a hit")
{
    fake_load_row(&fake_all, MR_ROW_INSERT);
    fake_sink.exists = true;
    MR_CHECK_INT(tries_in(1000), 9); /* after 2, 4, 8 ... 512 flushes without a try */
    fake_load.memory.direct_misses = 30;
    fake_load.memory.skip_direct = 0;
    MR_CHECK_INT(tries_in(1), 1);
    MR_CHECK_U64(fake_load.memory.skip_direct, 1024);
    fake_load.memory.skip_direct = 0;
    fake_sink.exists = false;
    MR_CHECK_INT(tries_in(10), 10);
}

MR_TEST("an error ends the load and is handed on as it is")
{
    fake_load_row(&fake_all, MR_ROW_INSERT);
    fake_load_row(&fake_some, 0);
    fake_sink.fail_rc = -MR_TARGET_AWAY;
    MR_CHECK_INT(fake_load_run(&mr_load_upsert), -MR_TARGET_AWAY);
    MR_CHECK_STR(fake_sink.log, "upsert[0,1,2] 2; ");
}

//
MR_TEST("a truncate goes before everything else, and leaves nothing to delete")
{
    fake_load.rows.truncated = true;
    MR_CHECK_STR(run(), "truncate; ");
    fake_load_row(&fake_all, 0)->mask = mask_2;
    fake_load_row(NULL, 0);
    fake_load_row(&fake_some, MR_ROW_REPLACED);
    MR_CHECK_STR(run(), "truncate; update[0,1,2m,3,4] 1; upsert[0,1,2] 3; ");
}
