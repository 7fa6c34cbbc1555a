/* Changes of keys, and what a masked row remembers (contract.md U-30, U-31, R-05). */
#include <stdio.h>

#include "tests/support/emit_text.h"
#include "tests/support/mr_test.h"
#include "tests/support/rows_case.h"

static const uint16_t cols[] = {0, 1};
static const struct mr_colset set_a = {2, cols};

MR_SETUP
{
    rows_case_start();
}

MR_TEARDOWN
{
    rows_case_stop();
}

/* U-30; case 109 */
MR_TEST("a moved row knows the state that its old key's delete ended")
{
    rows_case_put("1", "x", "BIG", 0);
    rows_case_delete("1", 0);
    rows_case_delete("1", 0); /* the tombstone */
    MR_CHECK_STR(rows_case_text(rows_case_move("1", "2", "x2", ROWS_MASK_B)),
                 "{2,x2,~} of 1 {1,x,BIG} in the target");
}

/* U-30 */
MR_TEST("what the batch does not know of the old row is in the target as it was before the batch")
{
    rows_case_delete("1", 0);
    MR_CHECK_STR(rows_case_text(rows_case_move("1", "2", "x", ROWS_MASK_B)),
                 "{2,x,~} of 1 in the target");
    rows_case_put("3", "x", NULL, ROWS_MASK_B);
    rows_case_delete("3", 0);
    MR_CHECK_STR(rows_case_text(rows_case_move("3", "4", NULL, ROWS_MASK_A | ROWS_MASK_B)),
                 "{4,~,~} of 3 {3,x,~} in the target");
}

/* U-30: a replay that begins behind the delete, or the delete landed in an earlier batch */
MR_TEST("without the old key's delete in the batch its row is not asked for in the target")
{
    MR_CHECK_STR(rows_case_text(rows_case_move("1", "2", "x", ROWS_MASK_B)), "{2,x,~} of 1");
    rows_case_put("3", "x", "BIG", 0);
    MR_CHECK_STR(rows_case_text(rows_case_move("3", "4", "x", ROWS_MASK_B)), "{4,x,~} of 3");
}

/* U-30 */
MR_TEST("a delete by another partition may be ahead or behind, so it gives nothing")
{
    rows_case_put("1", "x", "BIG", 0);
    rows_case_delete("1", 1);
    MR_CHECK_STR(rows_case_text(rows_case_move("1", "2", "x", ROWS_MASK_B)), "{2,x,~} of 1");
}

/* U-30 */
MR_TEST("a row that moves twice, or swaps with another one, keeps its own values")
{
    rows_case_delete("1", 0);
    rows_case_move("1", "9", "x", ROWS_MASK_B);
    rows_case_delete("2", 0);
    MR_CHECK_STR(rows_case_text(rows_case_move("2", "1", "p", ROWS_MASK_B)),
                 "{1,p,~} of 2 in the target replaced");
    rows_case_delete("9", 0);
    MR_CHECK_STR(rows_case_text(rows_case_move("9", "2", "x", ROWS_MASK_B)),
                 "{2,x,~} of 9 {9,x,~} replaced");
}

/* R-05, U-30 */
MR_TEST("a row that was itself masked behind a delete has nothing to give")
{
    rows_case_delete("1", 0);
    rows_case_put("1", "x", NULL, ROWS_MASK_B);
    rows_case_delete("1", 0);
    MR_CHECK_STR(rows_case_text(rows_case_move("1", "2", "x", ROWS_MASK_B)),
                 "{2,x,~} of 1 {1,x,~}");
}

/* R-02, U-30 */
MR_TEST("updates behind the move fold with it, and a full one ends the search")
{
    rows_case_delete("1", 0);
    rows_case_move("1", "2", "x", ROWS_MASK_B);
    rows_case_put("2", "y", NULL, ROWS_MASK_B);
    MR_CHECK_STR(rows_case_text(&rows_case.rows.rows[1]), "{2,y,~} of 1 in the target");
    rows_case_put("2", NULL, "q", ROWS_MASK_A);
    MR_CHECK_STR(rows_case_text(&rows_case.rows.rows[1]), "{2,y,q}");
    MR_CHECK(rows_case.rows.rows[1].past == NULL);
}

/* U-30: the old key's row comes before what stands under the new key */
MR_TEST("a row that moves onto a key with a state does not keep that state's values")
{
    rows_case_put("2", "old", "OLD", 0);
    rows_case_delete("1", 0);
    MR_CHECK_STR(rows_case_text(rows_case_move("1", "2", "x", ROWS_MASK_B)),
                 "{2,x,~} of 1 in the target");
}

/* U-32 */
MR_TEST(
    "a row that leaves is remembered with the state that its delete ended, until its new row comes")
{
    rows_case_put("1", "x", "BIG", 0);
    rows_case_leave("1", "2", 0);
    rows_case_leave("3", "4", 0);
    MR_CHECK(rows_case.rows.left->past == NULL); /* the target's */
    MR_CHECK(!rows_case.rows.left->taken && !rows_case.rows.left->before->taken);
    MR_CHECK_STR(mr_emit_text_tuple(rows_case.rows.left->before->past->tuple, NULL), "{1,x,BIG}");
    MR_CHECK(rows_case.rows.left->before->before == NULL);
    rows_case_put("1", "again", "SMALL", 0);
    MR_CHECK_STR(mr_emit_text_tuple(rows_case.rows.left->before->past->tuple, NULL), "{1,x,BIG}");
    rows_case_move("3", "4", "y", ROWS_MASK_B);
    MR_CHECK(rows_case.rows.left->came);
    MR_CHECK(rows_case.rows.left->before->taken && !rows_case.rows.left->before->before->taken);
    mr_rows_truncate(&rows_case.rows);
    MR_CHECK(rows_case.rows.left == NULL);
}

/* U-32 */
MR_TEST("a row that leaves is not taken by a move of another partition, or to another key")
{
    rows_case_leave("1", "2", 1);
    rows_case_move("1", "2", "x", ROWS_MASK_B);
    MR_CHECK(!rows_case.rows.left->before->taken);
    rows_case_leave("3", "4", 0);
    rows_case_move("3", "5", "x", ROWS_MASK_B);
    MR_CHECK(!rows_case.rows.left->before->taken);
}

/* R-10, U-32 */
MR_TEST("a row leaves with the state that its own partition has of the key")
{
    rows_case_put("1", "x", "BIG", 0);
    rows_case_leave("1", "2", 1);
    MR_CHECK(rows_case.rows.left->past == NULL);
    rows_case_leave("1", "3", 0);
    MR_CHECK_STR(mr_emit_text_tuple(rows_case.rows.left->past->tuple, NULL), "{1,x,BIG}");
}

/* R-10, U-30 */
MR_TEST("a delete is found behind the state that another partition has of its key")
{
    rows_case_put("1", "x", "BIG", 0);
    rows_case_delete("1", 0);
    MR_CHECK_OK(rows_case_add("1", "z", "NEW", 0, 1));
    MR_CHECK_STR(rows_case_text(rows_case_move("1", "2", "x2", ROWS_MASK_B)),
                 "{2,x2,~} of 1 {1,x,BIG} in the target");
    rows_case_delete("3", 0);
    MR_CHECK_OK(rows_case_add("3", "z", "NEW", 0, 1));
    rows_case_leave("3", "4", 0);
    MR_CHECK(rows_case.rows.left->gone);
    rows_case_leave("3", "4", 1);
    MR_CHECK(!rows_case.rows.left->gone);
}

/* R-10, U-30: whichever of the two came first */
MR_TEST("a key with states of several partitions has nothing to give to the row that left it")
{
    static const uint32_t rank[] = {0, 1};
    rows_case_put("1", "x", "BIG", 0);
    rows_case_leave("1", "2", 0);
    rows_case_move("1", "2", "x2", ROWS_MASK_B);
    rows_case_leave("3", "4", 0);
    rows_case_move("3", "4", "y2", ROWS_MASK_B);
    MR_CHECK_OK(rows_case_add("1", "z", "NEW", 0, 1));
    MR_CHECK_OK(mr_rows_settle(&rows_case.rows, rank, NULL));
    MR_CHECK_STR(rows_case_text(&rows_case.rows.rows[1]), "{2,x2,~} of 1 unknown");
    MR_CHECK_STR(rows_case_text(&rows_case.rows.rows[3]), "{4,y2,~} of 3 in the target");
}

/* U-30: what it was is lost with the record that is missing between */
MR_TEST("a key that was deleted twice, or a change whose row came twice, gives nothing")
{
    rows_case_put("1", "x", "BIG", 0);
    rows_case_delete("1", 0);
    rows_case_leave("1", "2", 0);
    MR_CHECK_STR(rows_case_text(rows_case_move("1", "2", "x", ROWS_MASK_B)),
                 "{2,x,~} of 1 unknown");
    rows_case_put("3", "x", "BIG", 0);
    rows_case_leave("3", "4", 0);
    rows_case_move("3", "4", "y", 0);
    MR_CHECK_STR(rows_case_text(rows_case_move("3", "4", "z", ROWS_MASK_B)),
                 "{4,z,~} of 3 unknown");
}

MR_TEST("a row that leaves a full batch is in it whole, or not at all")
{
    struct mr_err err;
    struct mr_row row = rows_case_row("1");
    struct mr_row_past past = {.new_key_tuple = mr_slice_str("2")};
    size_t limit = 64;
    row.op = MR_ROW_DELETE;
    row.past = &past;
    for (;; limit += 8) {
        mr_rows_reset(&rows_case.rows);
        mr_arena_release(&rows_case.arena);
        mr_arena_init(&rows_case.arena, 64, limit);
        if (mr_rows_add(&rows_case.rows, &row, &err) == 0)
            break;
        MR_CHECK(rows_case.rows.left == NULL && rows_case.rows.n_rows == 0);
        MR_CHECK(limit < 4096);
    }
    MR_CHECK(limit > 64 && rows_case.rows.left != NULL && rows_case.rows.n_rows == 1);
}

/* U-32: else the next batch would miss it */
MR_TEST("a row that finds no room under its new key is still one that left")
{
    struct mr_err err;
    struct mr_row row = rows_case_row("2");
    uint64_t mask = ROWS_MASK_B;
    struct mr_row_past past = {.old_key = mr_slice_str("1"), .old_key_tuple = mr_slice_str("1")};
    row.cols = &rows_case_all;
    row.tuple = rows_case_tuple("2", "x", NULL);
    row.mask = &mask;
    row.past = &past;
    for (size_t room = 0;; room += 8) { /* at each of its allocations */
        mr_rows_reset(&rows_case.rows);
        mr_arena_release(&rows_case.arena);
        mr_arena_init(&rows_case.arena, 64, 0);
        rows_case_leave("1", "2", 0);
        rows_case.arena.limit_bytes = rows_case.arena.held_bytes + room;
        if (mr_rows_add(&rows_case.rows, &row, &err) == 0)
            break;
        MR_CHECK(!rows_case.rows.left->taken);
        MR_CHECK_U64(rows_case.rows.n_moved, 0);
        MR_CHECK(room < 4096);
    }
    MR_CHECK(rows_case.rows.left->came && rows_case.rows.left->before->taken);
}

static const char *places(const struct mr_row *row)
{
    static char out[64];
    int at = snprintf(out, sizeof out, "%lld", (long long)row->offset);
    const struct mr_row_place *place = row->past != NULL ? row->past->places : NULL;
    for (; place != NULL; place = place->before)
        at += snprintf(out + at, sizeof out - (size_t)at, " %lld", (long long)place->offset);
    return out;
}

/* U-31 */
MR_TEST("a fold that stays masked remembers its records, and one that is complete none")
{
    rows_case_put("1", "a", NULL, ROWS_MASK_B);
    rows_case_put("1", "b", NULL, ROWS_MASK_B);
    rows_case_put("1", "c", NULL, ROWS_MASK_A | ROWS_MASK_B);
    MR_CHECK_STR(places(&rows_case.rows.rows[0]), "3 2 1");
    rows_case_put("1", NULL, "q", ROWS_MASK_A);
    MR_CHECK_STR(rows_case_text(&rows_case.rows.rows[0]), "{1,b,q}");
    MR_CHECK_STR(places(&rows_case.rows.rows[0]), "4");
    rows_case_delete("1", 0);
    rows_case_put("1", "e", NULL, ROWS_MASK_B);
    MR_CHECK_STR(places(&rows_case.rows.rows[0]), "6");
}

/* U-31, R-10 */
MR_TEST("states of several partitions that stay masked remember the records of each")
{
    static const uint32_t rank[] = {0, 1};
    for (int i = 0; i < 5; i++) {
        struct mr_err err;
        struct mr_row row = rows_case_row("1");
        uint64_t mask = ROWS_MASK_B;
        row.cols = &rows_case_all;
        row.span_idx = i < 2 ? 0 : 1;
        row.tuple = rows_case_tuple("1", "x", NULL);
        row.mask = &mask;
        MR_CHECK_OK(mr_rows_add(&rows_case.rows, &row, &err));
    }
    MR_CHECK_STR(places(&rows_case.rows.rows[0]), "2 1");
    MR_CHECK_STR(places(&rows_case.rows.rows[1]), "5 4 3");
    MR_CHECK_OK(mr_rows_settle(&rows_case.rows, rank, NULL));
    MR_CHECK_U64(rows_case.rows.n_rows, 1);
    MR_CHECK_STR(places(&rows_case.rows.rows[0]), "5 3 4 2 1");
}

MR_TEST("a column is found in a tuple by its index in the table")
{
    uint16_t idx;
    struct mr_slice field;
    struct mr_slice one = rows_case_tuple("1", "xx", "y");
    MR_CHECK(mr_tuple_column(&rows_case_all, one, 1, &idx, &field));
    MR_CHECK_U64(idx, 1);
    MR_CHECK_U64(field.len, 6);
    MR_CHECK(!mr_tuple_column(&set_a, one, 2, &idx, &field));
    MR_CHECK(!mr_tuple_column(&rows_case_all, one, 7, &idx, &field));
}
