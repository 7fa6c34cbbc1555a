/* Tables without a key (contract.md E-40): the order of puts and deletes, and what cannot be put.
 */
#include "sinks/load.h"
#include "tests/support/fake_sink.h"
#include "tests/support/mr_test.h"

static const uint64_t mask_2[] = {1 << 2};
static struct mr_sink_ops ops;

static int note_match(struct mr_session *session, struct mr_table *table, const struct mr_row *row,
                      uint64_t *n_done, struct mr_err *err)
{
    (void)session;
    (void)table;
    (void)err;
    fake_sink_note("match %lld; ", (long long)row->offset);
    *n_done = 1;
    return 0;
}

MR_SETUP
{
    fake_load_init();
    ops = *fake_load.session.ops;
    ops.delete_match = note_match;
    fake_load.session.ops = &ops;
    fake_load.rows.key.n_cols = 0;
}

MR_TEARDOWN
{
    mr_load_faults_release(&fake_load.faults);
}

// E-40
MR_TEST("without a key a delete stands where it came: it may mean a row of this batch")
{
    fake_load_row(&fake_all, 0);
    fake_load_row(&fake_some, 0);
    fake_load_row(NULL, 0);
    fake_load_row(&fake_all, 0);
    MR_CHECK_OK(fake_load_run(&mr_load_upsert));
    MR_CHECK_STR(fake_sink.log,
                 "insert[0,1,2] 2; insert[0,1,2,3,4] 1; match 3; insert[0,1,2,3,4] 4; ");
    MR_CHECK_U64(fake_load.stats.n_deleted, 1);
    MR_CHECK_U64(fake_load.stats.n_inserted, 3);
}

// E-40, U-31
MR_TEST("without a key a masked row is an orphan: no row could give what it lacks")
{
    fake_load_row(&fake_all, 0)->mask = mask_2;
    fake_load_row(&fake_all, 0);
    MR_CHECK_OK(fake_load_run(&mr_load_upsert));
    MR_CHECK_STR(fake_sink.log, "insert[0,1,2,3,4] 2; ");
    MR_CHECK_U64(fake_load.faults.n_items, 1);
    MR_CHECK_INT(fake_load.faults.items[0].code, MR_UNAVAILABLE_ORPHAN);
    MR_CHECK_INT(fake_load.faults.items[0].offset, 1);
}

// V-18, E-40
MR_TEST("without a key rows that a trigger keeps out are counted")
{
    fake_load_row(&fake_all, 0);
    fake_load_row(&fake_all, 0);
    fake_sink.n_left_out = 1;
    MR_CHECK_OK(fake_load_run(&mr_load_upsert));
    MR_CHECK_U64(fake_load.stats.n_left_out, 1);
    MR_CHECK_U64(fake_load.stats.n_inserted, 1);
}

//
MR_TEST("without a key a unique violation is a fault of the record")
{
    fake_load_row(&fake_all, 0);
    fake_sink.exists = true;
    MR_CHECK_INT(fake_load_run(&mr_load_upsert), -MR_DB);
    MR_CHECK_INT(fake_load.err.class, MR_CLASS_POISON);
    MR_CHECK_STR(fake_load.err.sqlstate, "23505");
}
