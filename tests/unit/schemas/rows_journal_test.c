/* What is known of the rows that a fold replaced (contract.md R-14). */
#include "schemas/rows_journal.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/emit_text.h"
#include "tests/support/mr_test.h"
#include "tests/support/rows_case.h"

MR_SETUP
{
    rows_case_start();
}

MR_TEARDOWN
{
    rows_case_stop();
}

/* "1@0/1 -2@0/2": key, partition and offset of each row, with - for a delete. */
static const char *unfolded(const uint32_t *rank)
{
    static char text[512];
    size_t used = 0;
    struct mr_unfolded list;
    struct mr_err err = MR_ERR_INIT;
    text[0] = '\0';
    MR_CHECK_OK(mr_rows_unfold(&rows_case.rows, rank, &list, &err));
    for (size_t i = 0; i < list.n_rows; i++) {
        const struct mr_row *row = list.rows[i];
        int n = snprintf(text + used, sizeof text - used, "%s%s%.*s@%u/%lld", i > 0 ? " " : "",
                         row->op == MR_ROW_DELETE ? "-" : "", (int)row->key.len,
                         (const char *)row->key.data, row->span_idx, (long long)row->offset);
        used += n > 0 && used + (size_t)n < sizeof text ? (size_t)n : 0;
    }
    mr_unfolded_release(&list);
    return text;
}

/* */
MR_TEST("rows that nothing was folded into stand for themselves")
{
    rows_case_put("1", "x", "y", 0);
    rows_case_delete("2", 0);
    MR_CHECK_U64(rows_case.rows.n_journal, 0);
    MR_CHECK_STR(unfolded(NULL), "1@0/1 -2@0/2");
}

/* */
MR_TEST("a folded state is taken apart into its rows, each with what it said itself")
{
    struct mr_unfolded list;
    struct mr_err err = MR_ERR_INIT;
    rows_case_put("1", "a", "b", 0);
    rows_case_put("2", "x", "y", 0);
    rows_case_put("1", "c", NULL, ROWS_MASK_B);
    rows_case_delete("1", 0);
    rows_case_put("1", "d", "e", 0);
    MR_CHECK_STR(unfolded(NULL), "1@0/1 2@0/2 1@0/3 -1@0/4 1@0/5");
    MR_CHECK_OK(mr_rows_unfold(&rows_case.rows, NULL, &list, &err));
    MR_CHECK_STR(rows_case_text(list.rows[0]), "{1,a,b}");
    MR_CHECK_STR(rows_case_text(list.rows[2]), "{1,c,~}");
    MR_CHECK_STR(rows_case_text(list.rows[4]), "{1,d,e}");
    mr_unfolded_release(&list);
}

/* */
MR_TEST("states of several partitions are taken apart in the order of the partitions")
{
    static const uint32_t rank[] = {1, 0};
    struct mr_err err = MR_ERR_INIT;
    MR_CHECK_OK(rows_case_add("1", "a", "b", 0, 0));
    MR_CHECK_OK(rows_case_add("1", "c", "d", 0, 1));
    MR_CHECK_OK(rows_case_add("1", "e", "f", 0, 0));
    MR_CHECK_OK(mr_rows_settle(&rows_case.rows, rank, &err));
    MR_CHECK_U64(rows_case.rows.n_rows, 1);
    MR_CHECK_STR(unfolded(rank), "1@1/2 1@0/1 1@0/3");
}

/* U-30, R-14 */
MR_TEST("a row that came from another key still says so when it is taken apart")
{
    struct mr_unfolded list;
    struct mr_err err = MR_ERR_INIT;
    rows_case_leave("1", "2", 0);
    (void)rows_case_move("1", "2", "x", ROWS_MASK_B);
    MR_CHECK_OK(mr_rows_unfold(&rows_case.rows, NULL, &list, &err));
    size_t n = list.n_rows;
    MR_CHECK(n >= 2);
    MR_CHECK(mr_slice_eq(list.rows[0]->past->new_key_tuple, mr_slice_str("2")));
    MR_CHECK(mr_slice_eq(list.rows[n - 1]->past->old_key, mr_slice_str("1")));
    mr_unfolded_release(&list);
}

/* */
MR_TEST("what a truncate ended is not taken apart")
{
    rows_case_put("1", "a", "b", 0);
    rows_case_put("1", "c", "d", 0);
    mr_rows_truncate(&rows_case.rows);
    rows_case_put("2", "e", "f", 0);
    MR_CHECK_STR(unfolded(NULL), "2@0/3");
}

/* */
MR_TEST("a row that does not fit the batch any more leaves no note behind")
{
    rows_case_put("1", "a", "b", 0);
    rows_case_put("1", "c", "d", 0);
    size_t n = rows_case.rows.n_journal;
    rows_case.arena.limit_bytes = 1; /* no chunk more */
    char text[4096];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    int rc = 0;
    for (int i = 0; i < 1000 && rc == 0; i++) {
        rc = rows_case_add("1", text, text, 0, 0);
        n += rc == 0 ? 1 : 0;
    }
    MR_CHECK_INT(rc, -MR_FULL);
    MR_CHECK_U64(rows_case.rows.n_journal, n);
}

/* */
MR_TEST("a change that did not fit leaves another partition's state as it was")
{
    static char big[1000 * 1000];
    struct mr_err err = MR_ERR_INIT;
    memset(big, 'x', sizeof big - 1);
    MR_CHECK_OK(rows_case_add("1", "a", "b", 0, 0));
    rows_case.arena.limit_bytes = 300 * 1000;
    struct mr_row gone = rows_case_row("1");
    gone.op = MR_ROW_DELETE;
    gone.span_idx = 1;
    struct mr_row row = rows_case_row("2");
    row.span_idx = 1;
    row.offset = gone.offset;
    row.cols = &rows_case_all;
    row.tuple = rows_case_tuple("2", big, "b");
    MR_CHECK_INT(mr_rows_add_change(&rows_case.rows, &gone, &row, &err), -MR_FULL);
    MR_CHECK_U64(rows_case.rows.n_rows, 1);
    MR_CHECK_STR(unfolded(NULL), "1@0/1");
}
