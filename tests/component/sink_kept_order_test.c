/* Whose values a tomb's are where partitions, guards, replays and keys that only the target can
 * compare make it hard to tell (contract.md U-32, U-30, R-09, R-10, F-33). */
#include <stdio.h>
#include <string.h>

#include "tests/support/kept_case.h"
#include "tests/support/mr_test.h"

MR_SETUP
{
    kept_case_start();
}

MR_TEARDOWN
{
    kept_case_stop();
}

MR_CONFORM(guarded, "with a guard the halves of a change find each other across partitions")
{
    kept_case_guarded(10);
    kept_put(1, "x", "BIG");
    kept_put(3, "y", "LARGE");
    (void)kept_flush();
    kept_case.guard = 20;
    kept_leave(1, 2);
    kept_leave(3, 4);
    (void)kept_flush();
    kept_case_add((struct kept_change){.id = 2, .old_id = 1, .a = "moved", .b = "~", .span = 1});
    kept_case.guard = 21; /* of another change */
    kept_case_add((struct kept_change){.id = 4, .old_id = 3, .a = "moved", .b = "~", .span = 1});
    MR_CHECK_U64(kept_flush(), 1);
    kept_check("2|moved|BIG\n");
    kept_case.rows.guard.position = false; /* of fields: two changes may have the same */
    kept_case.guard = 20;
    kept_case_add((struct kept_change){.id = 4, .old_id = 3, .a = "moved", .b = "~", .span = 1});
    MR_CHECK_U64(kept_flush(), 1);
}

MR_CONFORM(newer, "with a guard a row that is newer than the delete is not the one that moved")
{
    kept_case_guarded(30);
    kept_put(1, "newer", "VALUE");
    (void)kept_flush();
    kept_case.guard = 20;
    kept_leave(1, 2);
    kept_put(5, "another", "row");
    (void)kept_flush();
    kept_check("1|newer|VALUE\n5|another|row\n");
    MR_CHECK_INT(kept_n_tombs(), 0);
}

MR_CONFORM(replayed,
           "what was kept for a row that came whole is no later row's, in a replay neither")
{
    kept_case_make();
    kept_put(1, "x", "V1");
    (void)kept_flush();
    kept_leave(1, 2);
    (void)kept_flush();
    kept_arrive(1, 2, "x", "V2"); /* whole: it uses the tomb up */
    (void)kept_flush();
    kept_leave(2, 1);
    kept_arrive(2, 1, "x", "~");
    (void)kept_flush();
    kept_check("1|x|V2\n");
    kept_leave(1, 2);
    kept_arrive(1, 2, "x", "~");
    (void)kept_flush();
    kept_check("2|x|V2\n");
    kept_arrive(1, 2, "x", "~"); /* replay of the suffix that begins here */
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("2|x|V2\n");
}

MR_CONFORM(unsure, "without a guard a key with states in two partitions leaves nothing")
{
    kept_case_make();
    kept_put(1, "x", "OLD");
    (void)kept_flush();
    kept_case_add((struct kept_change){.id = 1, .a = "x", .b = "NEW"});
    kept_case_add((struct kept_change){.id = 1, .new_id = 2, .delete = true, .span = 1});
    kept_case_settle();
    (void)kept_flush();
    kept_check("");
    kept_case_add((struct kept_change){.id = 2, .old_id = 1, .a = "x", .b = "~", .span = 1});
    size_t n = kept_flush();
    MR_CHECK_STR(kept_query("SELECT count(*) FROM t WHERE b = 'OLD'"), "0\n");
    (void)n;
}

MR_CONFORM(late_state,
           "with a guard what is kept is the newer one of the batch's state and the target's row")
{
    kept_case_guarded(15);
    kept_put(1, "x", "G15"); /* by another partition */
    (void)kept_flush();
    kept_case.guard = 10;
    kept_put(1, "x", "G10");
    kept_case.guard = 20;
    kept_leave(1, 2);
    (void)kept_flush();
    kept_arrive(1, 2, "x", "~");
    (void)kept_flush();
    MR_CHECK_STR(kept_query("SELECT count(*) FROM t WHERE b = 'G10'"), "0\n");
}

MR_CONFORM(later_life,
           "with a guard a later life of the old key gives nothing to the row that moved")
{
    kept_case_guarded(10);
    kept_put(1, "x", "BIG");
    (void)kept_flush();
    kept_case.guard = 30;
    kept_put(1, "y", "LATER"); /* by another partition or topic: a new life */
    (void)kept_flush();
    kept_case.guard = 20;
    kept_leave(1, 2);
    kept_arrive(1, 2, "x", "~");
    (void)kept_flush();
    MR_CHECK_STR(kept_query("SELECT count(*) FROM t WHERE id = 2 AND b = 'LATER'"), "0\n");
}

MR_CONFORM(under, "what is in a tomb comes before the batch's other state under the new key")
{
    kept_case_guarded(10);
    kept_put(1, "x", "BIG");
    (void)kept_flush();
    kept_case.guard = 20;
    kept_leave(1, 2);
    (void)kept_flush();
    kept_case.guard = 12;
    kept_case_add(
        (struct kept_change){.id = 2, .a = "p", .b = "OTHER", .span = 1}); /* its d (15) is late */
    kept_case.guard = 20;
    kept_arrive(1, 2, "x", "~");
    (void)kept_flush();
    MR_CHECK_STR(kept_query("SELECT count(*) FROM t WHERE b = 'OTHER'"), "0\n");
}

static void add_ci(const char *id, const char *old_id, const char *new_id, const char *b)
{
    static int64_t offset;
    struct mr_buf tuple = MR_BUF_INIT;
    struct mr_buf own = MR_BUF_INIT;
    struct mr_buf old = MR_BUF_INIT;
    struct mr_buf new = MR_BUF_INIT;
    uint64_t mask = 0;
    struct mr_row_past past = {.cols = NULL};
    struct mr_row row = {.op = b == NULL ? MR_ROW_DELETE : MR_ROW_UPSERT, .offset = ++offset};
    mr_buf_u16(&own, 1);
    kept_case_text(&own, 0, id);
    if (b != NULL) {
        mr_buf_u16(&tuple, 4);
        kept_case_text(&tuple, 0, id);
        kept_case_text(&tuple, 1, "x");
        kept_case_text(&tuple, 2, kept_case_mask(b, KEPT_B, &mask));
        mr_case.f.ops->emit->integer(&tuple, &mr_case.table->columns[3].type, 0);
        row.cols = &kept_all;
    }
    row.tuple = (struct mr_slice){tuple.data, tuple.len};
    row.key_tuple = (struct mr_slice){own.data, own.len};
    row.mask = mask != 0 ? &mask : NULL;
    row.key = mr_slice_str(id);
    if (old_id != NULL) {
        mr_buf_u16(&old, 1);
        kept_case_text(&old, 0, old_id);
        past.old_key = mr_slice_str(old_id);
        past.old_key_tuple = (struct mr_slice){old.data, old.len};
    }
    if (new_id != NULL) {
        mr_buf_u16(&new, 1);
        kept_case_text(&new, 0, new_id);
        past.new_key_tuple = (struct mr_slice){new.data, new.len};
    }
    row.past = old_id != NULL || new_id != NULL ? &past : NULL;
    MR_CHECK_OK(mr_rows_add(&kept_case.rows, &row, &mr_case.f.err));
    mr_buf_release(&tuple);
    mr_buf_release(&own);
    mr_buf_release(&old);
    mr_buf_release(&new);
}

static void ci_make(void)
{
    kept_case_make();
    (void)kept_query("DROP TABLE t");
    (void)kept_query("CREATE EXTENSION IF NOT EXISTS citext");
    (void)kept_query("CREATE TABLE t (id citext PRIMARY KEY, a text, b text, g int8)");
    kept_case_open();
}

MR_TEST("postgresql: a key that changes its letters and its value keeps its row")
{
    mr_case_run(MR_KIND_POSTGRESQL, ci_make);
    MR_CHECK(kept_case.rows.loose);
    add_ci("ABC", NULL, NULL, "BIG");
    (void)kept_flush();
    kept_check("ABC|x|BIG\n");
    add_ci("ABC", NULL, "abc", NULL); /* ABC -> abc -> z */
    add_ci("ABC", NULL, NULL, NULL);
    add_ci("abc", "ABC", NULL, "~");
    add_ci("abc", NULL, "z", NULL);
    add_ci("abc", NULL, NULL, NULL);
    (void)kept_flush();
    kept_check("");
    add_ci("z", "abc", NULL, "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("z|x|BIG\n");
}

MR_TEST("postgresql: a key that changes its letters alone keeps its row across a border")
{
    mr_case_run(MR_KIND_POSTGRESQL, ci_make);
    add_ci("ABC", NULL, NULL, "BIG");
    (void)kept_flush();
    add_ci("ABC", NULL, "abc", NULL);
    add_ci("ABC", NULL, NULL, NULL);
    (void)kept_flush();
    add_ci("abc", "ABC", NULL, "~");
    size_t n1 = kept_flush();
    add_ci("abc", NULL, NULL, "BIG");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("abc|x|BIG\n");
    /* same case change in one batch */
    add_ci("abc", NULL, "ABC", NULL);
    add_ci("abc", NULL, NULL, NULL);
    add_ci("ABC", "abc", NULL, "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("ABC|x|BIG\n");
    MR_CHECK_U64(n1, 0);
}

MR_TEST("postgresql: a key that another life spelt otherwise keeps its row")
{
    mr_case_run(MR_KIND_POSTGRESQL, ci_make);
    add_ci("q", NULL, NULL, "BIG");
    (void)kept_flush();
    add_ci("Z", NULL, NULL, "other"); /* first the letters of another life of z, deleted */
    add_ci("Z", NULL, NULL, NULL);
    add_ci("q", NULL, "z", NULL);
    (void)kept_flush();
    add_ci("z", "q", NULL, "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("z|x|BIG\n");
}

MR_CONFORM(stale, "a move whose delete is in the batch asks no tomb")
{
    kept_case_make();
    kept_put(1, "x", "V1");
    (void)kept_flush();
    kept_leave(1, 2);
    (void)kept_flush();
    kept_arrive(1, 2, "x", "V2"); /* whole: it uses the tomb up */
    (void)kept_flush();
    kept_leave(2, 1);
    kept_arrive(2, 1, "x", "~");
    (void)kept_flush();
    kept_check("1|x|V2\n");
    kept_case_add((struct kept_change){.id = 1, .a = "x", .b = "V3", .span = 1});
    kept_leave(1, 2);
    kept_arrive(1, 2, "x", "~");
    kept_case_settle();
    (void)kept_flush();
    MR_CHECK_STR(kept_query("SELECT count(*) FROM t WHERE b = 'V1'"), "0\n");
}

MR_CONFORM(look_back, "moves of another partition do not hide the delete that is in the batch")
{
    kept_case_make();
    for (int64_t i = 1; i <= 17; i++)
        kept_put(i, "x", "BIG");
    (void)kept_flush();
    kept_leave(1, 101);
    for (int64_t i = 2; i <= 17; i++)
        kept_case_add((struct kept_change){.id = i, .new_id = 100 + i, .delete = true, .span = 1});
    kept_arrive(1, 101, "x", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("101|x|BIG\n");
    MR_CHECK_INT(kept_n_tombs(), 16);
}

/* G-04 */
MR_CONFORM(once_more, "a delete that is read once more keeps the tomb that it left")
{
    const struct kept_change leaving = {.id = 1, .new_id = 2, .delete = true, .offset = 1000};
    kept_case_make();
    kept_put(1, "x", "BIG");
    (void)kept_flush();
    kept_case_add(leaving);
    (void)kept_flush();
    kept_case_add(leaving);
    (void)kept_flush();
    MR_CHECK_INT(kept_n_tombs(), 1);
    kept_arrive(1, 2, "x", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("2|x|BIG\n");
}

MR_CONFORM(late_delete, "with a guard a late delete takes no newer one's tomb away")
{
    kept_case_guarded(10);
    kept_put(1, "x", "BIG");
    (void)kept_flush();
    kept_case.guard = 30;
    kept_leave(1, 2);
    (void)kept_flush();
    kept_case.guard = 20; /* an older life's */
    kept_leave(1, 3);
    kept_put(7, "p", "q");
    (void)kept_flush();
    kept_case.guard = 30;
    kept_arrive(1, 2, "x", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("2|x|BIG\n7|p|q\n");
}

/* */
MR_CONFORM(others, "one key with states in two partitions takes nothing from the other keys")
{
    kept_case_make();
    kept_put(1, "x", "BIG");
    (void)kept_flush();
    kept_leave(1, 2);
    kept_case_add((struct kept_change){.id = 5, .a = "p", .b = "q"});
    kept_case_add((struct kept_change){.id = 5, .a = "r", .b = "s", .span = 1});
    kept_case_settle();
    (void)kept_flush();
    MR_CHECK_INT(kept_n_tombs(), 1);
    kept_arrive(1, 2, "x", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("2|x|BIG\n5|r|s\n");
}

/* U-32: from another partition, by the guard */
MR_CONFORM(whole_guarded,
           "with a guard a row that comes whole by another partition uses its tomb up")
{
    kept_case_guarded(10);
    kept_put(1, "x", "BIG");
    (void)kept_flush();
    kept_case.guard = 20;
    kept_leave(1, 2);
    (void)kept_flush();
    kept_case_add((struct kept_change){.id = 2, .old_id = 1, .a = "x", .b = "new", .span = 1});
    MR_CHECK_U64(kept_flush(), 0);
    MR_CHECK_INT(kept_n_tombs(), 0);
}

/* U-30, R-09 */
MR_CONFORM(late_state_in,
           "with a guard a row that moves within a batch has the values of the newer state, too")
{
    kept_case_guarded(15);
    kept_put(1, "x", "G15"); /* by another partition */
    (void)kept_flush();
    kept_case.guard = 10;
    kept_put(1, "x", "G10");
    kept_case.guard = 20;
    kept_leave(1, 2);
    kept_arrive(1, 2, "x", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("2|x|G15\n");
}

/* U-30, R-09: there was a later life, of which nothing has come */
MR_CONFORM(late_life, "with a guard a state that is older than its key's tomb gives nothing")
{
    kept_case_guarded(15);
    kept_case_add((struct kept_change){.id = 1, .delete = true});
    kept_case_add((struct kept_change){.id = 3, .delete = true});
    (void)kept_flush();
    kept_case.guard = 10;
    kept_put(1, "x", "G10");
    kept_put(3, "x", "G10");
    kept_case.guard = 20;
    kept_leave(1, 2);
    kept_arrive(1, 2, "x", "~");
    kept_leave(3, 4);
    MR_CHECK_U64(kept_flush(), 1);
    kept_check("");
    MR_CHECK_INT(kept_n_tombs(), 0);
}

/* U-30, R-10 */
MR_CONFORM(unsure_in,
           "without a guard a key with states in two partitions gives nothing within a batch")
{
    kept_case_make();
    kept_put(1, "x", "OLD");
    (void)kept_flush();
    kept_case_add((struct kept_change){.id = 1, .new_id = 2, .delete = true, .span = 1});
    kept_case_add((struct kept_change){.id = 1, .a = "x", .b = "NEW"});
    kept_case_add((struct kept_change){.id = 2, .old_id = 1, .a = "x", .b = "~", .span = 1});
    kept_case_settle();
    MR_CHECK_U64(kept_flush(), 1);
    MR_CHECK_STR(kept_query("SELECT count(*) FROM t WHERE b = 'OLD'"), "0\n");
    kept_put(3, "y", "OLD");
    kept_leave(3, 4);
    kept_arrive(3, 4, "y", "~");
    kept_case_add((struct kept_change){.id = 3, .a = "y", .b = "NEW", .span = 1});
    kept_case_settle();
    MR_CHECK_U64(kept_flush(), 1);
    MR_CHECK_STR(kept_query("SELECT count(*) FROM t WHERE b = 'OLD'"), "0\n");
}

/* U-30, U-32 */
MR_CONFORM(across, "with a guard the halves of a change find each other in one batch, too")
{
    kept_case_guarded(10);
    kept_put(1, "x", "BIG");
    kept_put(3, "y", "LARGE");
    (void)kept_flush();
    kept_case.guard = 20;
    kept_leave(1, 2);
    kept_case_add((struct kept_change){.id = 2, .old_id = 1, .a = "~", .b = "~", .span = 1});
    kept_case.guard = 30;
    kept_case_add((struct kept_change){.id = 4, .old_id = 3, .a = "~", .b = "~", .span = 1});
    kept_leave(3, 4);
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("2|x|BIG\n4|y|LARGE\n");
    MR_CHECK_INT(kept_n_tombs(), 0);
}

/* U-30 */
MR_CONFORM(other_row, "with a guard an older row under the new key is not the one that came")
{
    kept_case_guarded(10);
    kept_put(2, "p", "OTHER");
    (void)kept_flush();
    kept_case.guard = 20; /* the delete of the other row is behind, as is that of the old key */
    kept_arrive(1, 2, "x", "~");
    MR_CHECK_U64(kept_flush(), 1);
    MR_CHECK_STR(kept_query("SELECT count(*) FROM t WHERE b = 'OTHER'"), "0\n");
}

/* U-32: a route's option may change between two starts */
MR_CONFORM(not_kept, "where rows are not kept a tomb of before is none of a later move")
{
    kept_case_make();
    kept_put(1, "x", "V1");
    (void)kept_flush();
    kept_leave(1, 2);
    (void)kept_flush();
    MR_CHECK_INT(kept_n_tombs(), 1);
    kept_case.route.keep_moved = false;
    kept_put(1, "y", "V2"); /* another row; what came of the first was put aside */
    (void)kept_flush();
    kept_leave(1, 2);
    (void)kept_flush();
    MR_CHECK_INT(kept_n_tombs(), 0);
    kept_case.route.keep_moved = true;
    kept_arrive(1, 2, "y", "~");
    MR_CHECK_U64(kept_flush(), 1);
    kept_check("");
}

/* U-30, U-32: the delete of the later change came by another partition, which is behind */
MR_CONFORM(two_changes, "with a guard two changes between the same keys are not taken for one")
{
    kept_case_guarded(10);
    kept_put(1, "x", "FIRST");
    kept_put(3, "x", "FIRST");
    (void)kept_flush();
    kept_case.guard = 20;
    kept_leave(1, 2);
    kept_leave(3, 4);
    kept_case.guard = 40;
    kept_arrive(1, 2, "x", "~");
    MR_CHECK_U64(kept_flush(), 1);
    kept_arrive(3, 4, "x", "~");
    MR_CHECK_U64(kept_flush(), 1);
    kept_check("");
}

/* O-11 */
MR_CONFORM(columns, "a guard orders rows, not their columns")
{
    kept_case_guarded(10);
    kept_put(1, "x", "G10");
    (void)kept_flush();
    kept_case.guard = 20;
    kept_put(1, "y", "~"); /* of G15, which another partition brings later */
    MR_CHECK_U64(kept_flush(), 0);
    kept_case.guard = 15;
    kept_put(1, "x", "G15");
    (void)kept_flush();
    kept_check("1|y|G10\n");
    MR_CHECK_U64(kept_case.stats.n_updated, 1);
}
