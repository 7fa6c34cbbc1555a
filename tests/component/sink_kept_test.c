/* Rows whose key changes across the border of two batches, against every kind of sink that can keep
 * their values (contract.md U-32): batches of rows, each loaded by strategy `upsert` in a
 * transaction of its own. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/support/kept_case.h"
#include "tests/support/mr_test.h"

enum { N_MANY = 600 };

MR_SETUP
{
    kept_case_start();
}

MR_TEARDOWN
{
    kept_case_stop();
}

/* U-32 */
MR_CONFORM(border, "a row whose key changes across a batch's border keeps what was not sent again")
{
    kept_case_make();
    kept_put(1, "x", "BIG");
    kept_put(7, "other", "row");
    MR_CHECK_U64(kept_flush(), 0);
    kept_leave(1, 2);
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("7|other|row\n");
    MR_CHECK_INT(kept_n_tombs(), 1);
    kept_arrive(1, 2, "moved", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("2|moved|BIG\n7|other|row\n");
    MR_CHECK_INT(kept_n_tombs(), 0);
}

/* U-32 */
MR_CONFORM(again, "a tombstone in a batch of its own takes nothing away")
{
    kept_case_make();
    kept_put(1, "x", "BIG");
    (void)kept_flush();
    kept_case_add((struct kept_change){.id = 1, .new_id = 2, .delete = true});
    (void)kept_flush();
    kept_case_add((struct kept_change){.id = 1, .delete = true});
    (void)kept_flush();
    kept_arrive(1, 2, "~", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("2|x|BIG\n");
}

/* U-32 */
MR_CONFORM(tombstone, "a tombstone that comes in the batch of the new row hides no tomb from it")
{
    kept_case_make();
    kept_put(1, "x", "BIG");
    (void)kept_flush();
    kept_case_add((struct kept_change){.id = 1, .new_id = 2, .delete = true});
    (void)kept_flush();
    kept_case_add((struct kept_change){.id = 1, .delete = true});
    kept_arrive(1, 2, "~", "~");
    kept_leave(2, 3);
    kept_arrive(2, 3, "~", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("3|x|BIG\n");
}

/* U-32: never the values of another row */
MR_CONFORM(whose, "a tomb is for the one change that left it")
{
    kept_case_moving();
    kept_arrive(1, 3, "another key", "~");
    kept_case_add(
        (struct kept_change){.id = 2, .old_id = 1, .a = "other partition", .b = "~", .span = 1});
    MR_CHECK_U64(kept_flush(), 2);
    kept_case_add(
        (struct kept_change){.id = 2, .old_id = 1, .a = "other topic", .b = "~", .span = 2});
    kept_arrive(9, 2, "another old key", "~");
    MR_CHECK_U64(kept_flush(), 2);
    kept_check("");
    MR_CHECK_INT(kept_n_tombs(), 1);
    kept_arrive(1, 2, "it", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("2|it|BIG\n");
    kept_case_add((struct kept_change){.id = 2, .delete = true});
    kept_arrive(1, 2, "used up", "~");
    MR_CHECK_U64(kept_flush(), 1);
    kept_check("");
}

/* U-32: "fold included, also of a key that was never in the target" */
MR_CONFORM(fold, "what is kept is the state just before the delete, of the batch and of the target")
{
    kept_case_make();
    kept_put(1, "x", "BIG");
    kept_put(3, "p", "q");
    (void)kept_flush();
    kept_put(1, "x2", "~"); /* b from the target */
    kept_leave(1, 2);
    kept_put(5, "new", "ROW"); /* never in the target */
    kept_leave(5, 6);
    kept_case_add((struct kept_change){.id = 3, .delete = true});
    kept_put(3, "r", "s"); /* not what the target has */
    kept_leave(3, 4);
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("");
    kept_arrive(1, 2, "~", "~");
    kept_arrive(5, 6, "~", "~");
    kept_arrive(3, 4, "~", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("2|x2|BIG\n4|r|s\n6|new|ROW\n");
}

/* U-32, U-30 */
MR_CONFORM(chain, "a row that moves twice takes its values along, wherever the borders are")
{
    kept_case_make();
    kept_put(1, "x", "BIG");
    kept_put(11, "y", "LARGE");
    (void)kept_flush();
    kept_leave(1, 2);
    (void)kept_flush();
    kept_arrive(1, 2, "x2", "~"); /* from the tomb into the next tomb */
    kept_leave(2, 3);
    kept_leave(11, 12);
    kept_arrive(11, 12, "~", "~"); /* in the target still */
    kept_leave(12, 13);
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("");
    kept_arrive(2, 3, "~", "~");
    kept_arrive(12, 13, "~", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("3|x2|BIG\n13|y|LARGE\n");
    MR_CHECK_INT(kept_n_tombs(), 0);
}

MR_CONFORM(whole, "a change within one batch leaves no tomb, whether its row is whole or not")
{
    kept_case_make();
    kept_put(1, "x", "BIG");
    kept_put(3, "y", "LARGE");
    (void)kept_flush();
    kept_leave(1, 2);
    kept_arrive(1, 2, "x", "~");
    kept_leave(3, 4);
    kept_arrive(3, 4, "y", "sent again");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("2|x|BIG\n4|y|sent again\n");
    MR_CHECK_INT(kept_n_tombs(), 0);
}

/* U-32: a replay, say, or a row that was put aside */
MR_CONFORM(absent, "a delete that finds no row takes away what a former one left")
{
    kept_case_moving();
    kept_leave(1, 2);
    MR_CHECK_U64(kept_flush(), 0);
    MR_CHECK_INT(kept_n_tombs(), 0);
    kept_arrive(1, 2, "x", "~");
    MR_CHECK_U64(kept_flush(), 1);
    kept_check("");
}

MR_CONFORM(later, "of two moves of a key in one batch the later one leaves the tomb")
{
    kept_case_make();
    kept_put(1, "x", "BIG");
    (void)kept_flush();
    kept_leave(1, 2);
    kept_put(1, "y", "LARGE");
    kept_leave(1, 3);
    MR_CHECK_U64(kept_flush(), 0);
    MR_CHECK_INT(kept_n_tombs(), 1);
    kept_arrive(1, 3, "~", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("3|y|LARGE\n");
}

/* U-32 with R-20 */
MR_CONFORM(truncated, "behind a truncate the target's rows are none that move")
{
    kept_case_make();
    kept_put(1, "x", "BIG");
    kept_put(3, "x", "BIG");
    (void)kept_flush();
    mr_rows_truncate(&kept_case.rows);
    kept_put(1, "y", "NEW");
    kept_leave(1, 2);
    kept_leave(3, 4);
    MR_CHECK_U64(kept_flush(), 0);
    kept_case_open(); /* a truncate is a change of the table */
    kept_arrive(1, 2, "~", "~");
    kept_arrive(3, 4, "~", "~");
    MR_CHECK_U64(kept_flush(), 1);
    kept_check("2|y|NEW\n");
}

MR_CONFORM(many, "more rows move at once than one statement reads")
{
    kept_case_make();
    for (int64_t i = 1; i <= N_MANY; i++)
        kept_put(i, "x", i % 2 == 0 ? "even" : "odd");
    (void)kept_flush();
    for (int64_t i = 1; i <= N_MANY; i++)
        kept_leave(i, 1000 + i);
    (void)kept_flush();
    MR_CHECK_INT(kept_n_tombs(), N_MANY);
    for (int64_t i = 1; i <= N_MANY; i++)
        kept_arrive(i, 1000 + i, "~", "~");
    MR_CHECK_U64(kept_flush(), 0);
    MR_CHECK_STR(
        kept_query("SELECT count(*), min(id), max(id), sum(CASE WHEN b = CASE id % 2 WHEN 0 THEN "
                   "'even' ELSE 'odd' END THEN 1 ELSE 0 END) FROM t"),
        "600|1001|1600|600\n");
    MR_CHECK_INT(kept_n_tombs(), 0);
}

/* U-32 with section 3.1: a guard made of the source's position names the change */
MR_CONFORM(expired, "a tomb lasts as long as the route says")
{
    const struct timespec moment = {.tv_nsec = 5000000};
    kept_case_make();
    kept_case.route.moved_tomb_ttl_ms = 0;
    kept_put(1, "x", "BIG");
    kept_put(3, "x", "BIG");
    (void)kept_flush();
    kept_leave(1, 2);
    (void)kept_flush();
    MR_CHECK_INT(kept_n_tombs(), 1);
    (void)nanosleep(&moment, NULL); /* a tomb's age is the server's */
    kept_leave(3, 4);
    (void)kept_flush();
    MR_CHECK(kept_n_tombs() <= 1);
    kept_arrive(1, 2, "x", "~");
    MR_CHECK_U64(kept_flush(), 1);
}

/* P5: its bytes would be read as another type's */
MR_TEST("postgresql: what was kept of a column is not for one of another type")
{
    mr_case_run(MR_KIND_POSTGRESQL, kept_case_make);
    kept_put(1, "x", "BIG");
    kept_put(3, "y", "LARGE");
    (void)kept_flush();
    kept_leave(1, 2);
    kept_leave(3, 4);
    (void)kept_flush();
    (void)kept_query("ALTER TABLE t ALTER COLUMN b TYPE varchar(9)");
    kept_case_open();
    kept_arrive(1, 2, "~", "sent");
    kept_arrive(3, 4, "sent", "~");
    MR_CHECK_U64(kept_flush(), 1);
    kept_check("2|x|sent\n");
}

/* P4 */
MR_CONFORM(undone,
           "what is rolled back leaves and uses up no tomb, and the batch can be tried again")
{
    kept_case_make();
    kept_put(1, "x", "BIG");
    (void)kept_flush();
    kept_leave(1, 2);
    struct mr_load load = kept_case_load();
    mr_case_begin();
    MR_CHECK_OK(mr_load_upsert.run(&load, &mr_case.f.err));
    mr_case.f.ops->rollback(mr_case.f.session);
    MR_CHECK_INT(kept_n_tombs(), 0);
    MR_CHECK_U64(kept_flush(), 0);
    kept_arrive(1, 2, "x", "~");
    mr_case_begin();
    MR_CHECK_OK(mr_load_upsert.run(&load, &mr_case.f.err));
    mr_case.f.ops->rollback(mr_case.f.session);
    MR_CHECK_INT(kept_n_tombs(), 1);
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("2|x|BIG\n");
}

MR_CONFORM(used, "a row that comes whole uses up what was kept for it")
{
    kept_case_make();
    kept_put(1, "x", "V1");
    (void)kept_flush();
    kept_leave(1, 2);
    (void)kept_flush();
    kept_arrive(1, 2, "x", "V2");
    (void)kept_flush();
    MR_CHECK_INT(kept_n_tombs(), 0);
}

MR_CONFORM(order, "a tomb that a chain of moves needs is read before another one takes its place")
{
    kept_case_moving();
    kept_arrive(1, 2, "x", "~");
    kept_put(1, "p", "P");
    kept_leave(1, 9);
    kept_put(1, "q", "Q");
    kept_leave(1, 8);
    kept_leave(2, 3);
    (void)kept_flush();
    kept_arrive(2, 3, "x", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("3|x|BIG\n");
}

MR_CONFORM(too_old, "a tomb that has expired is not used, though nothing dropped it")
{
    const struct timespec moment = {.tv_nsec = 50000000};
    kept_case_make();
    kept_case.route.moved_tomb_ttl_ms = 0;
    kept_put(1, "x", "BIG");
    (void)kept_flush();
    kept_leave(1, 2);
    (void)kept_flush();
    (void)nanosleep(&moment, NULL);
    kept_arrive(1, 2, "x", "~");
    MR_CHECK_U64(kept_flush(), 1);
}

MR_TEST("postgresql: columns of types without a binary form move as well")
{
    mr_case_run(MR_KIND_POSTGRESQL, kept_case_make);
    (void)kept_query(
        "ALTER TABLE t ADD COLUMN acl aclitem DEFAULT 'postgres=r/postgres', ADD COLUMN "
        "acls aclitem[] DEFAULT '{postgres=r/postgres}', ADD COLUMN m money DEFAULT 5, ADD "
        "COLUMN x xid, "
        "ADD COLUMN gt int GENERATED ALWAYS AS (3) STORED, ADD COLUMN idn int GENERATED "
        "ALWAYS AS IDENTITY");
    kept_case_open();
    kept_put(1, "x", "BIG");
    (void)kept_flush();
    kept_leave(1, 2);
    (void)kept_flush();
    kept_check("");
    MR_CHECK_INT(kept_n_tombs(), 1);
    kept_arrive(1, 2, "x", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("2|x|BIG\n");
}

MR_CONFORM(second, "a row that moves again in the batch of its first move still finds its tomb")
{
    kept_case_moving();
    kept_arrive(1, 2, "x", "~");
    kept_leave(2, 3);
    kept_arrive(2, 3, "x", "~");
    MR_CHECK_U64(kept_flush(), 0);
    kept_check("3|x|BIG\n");
}
