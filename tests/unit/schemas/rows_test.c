/* Reduction by key (contract.md section 3.2). */
#include "schemas/rows.h"

#include <stdio.h>

#include "tests/support/emit_text.h"
#include "tests/support/mr_test.h"

static struct mr_table *table;
static struct mr_arena arena;
static struct mr_rows rows;
static uint32_t span; /* of the rows that are added */
static const uint16_t key_cols[] = {0};
static const uint16_t cols_ab[] = {0, 1, 2};
static const uint16_t cols_a[] = {0, 1};
static const uint16_t cols_bc[] = {0, 2, 3};
static const struct mr_colset key_set = {1, key_cols};
static const struct mr_colset set_ab = {3, cols_ab};
static const struct mr_colset set_a = {2, cols_a};
static const struct mr_colset set_bc = {3, cols_bc};

MR_SETUP
{
    table = mr_table_new();
    mr_arena_init(&arena, 0, 0);
    mr_rows_init(&rows, table, &key_set, true, &arena, 7);
    span = 0;
}

MR_TEARDOWN
{
    mr_rows_release(&rows);
    mr_arena_release(&arena);
    mr_table_unref(table);
}

/* Fields as texts; NULL is SQL's. Static: valid until the next call. */
static struct mr_slice tuple(uint16_t n, const char *const *fields)
{
    static struct mr_buf buf = MR_BUF_INIT;
    mr_buf_reset(&buf);
    mr_buf_u16(&buf, n);
    for (uint16_t i = 0; i < n; i++) {
        if (fields[i] == NULL) {
            mr_buf_u32(&buf, UINT32_MAX);
            continue;
        }
        mr_buf_u32(&buf, (uint32_t)strlen(fields[i]));
        mr_buf_add(&buf, fields[i], strlen(fields[i]));
    }
    return (struct mr_slice){buf.data, buf.len};
}

static void upsert(const struct mr_colset *cols, const char *const *fields, uint64_t mask,
                   uint32_t flags)
{
    struct mr_err err;
    static int64_t offset;
    char key[16];
    (void)snprintf(key, sizeof key, "%s", fields[0]);
    struct mr_row row = {.op = MR_ROW_UPSERT,
                         .flags = flags,
                         .cols = cols,
                         .offset = ++offset,
                         .span_idx = span,
                         .tuple = tuple(cols->n_cols, fields),
                         .key = mr_slice_str(key),
                         .key_tuple = mr_slice_str(key),
                         .mask = mask != 0 ? &mask : NULL};
    MR_CHECK_OK(mr_rows_add(&rows, &row, &err));
    memset(key, 'x', sizeof key); /* what it borrowed may change afterwards */
}

static void delete(const char *key)
{
    struct mr_err err;
    struct mr_row row = {.op = MR_ROW_DELETE,
                         .key = mr_slice_str(key),
                         .key_tuple = mr_slice_str(key),
                         .span_idx = span,
                         .offset = 99};
    MR_CHECK_OK(mr_rows_add(&rows, &row, &err));
}

#define ROW(...) ((const char *const[]){__VA_ARGS__})

static const char *state(size_t i)
{
    static char text[256];
    const struct mr_row *row = &rows.rows[i];
    if (row->op == MR_ROW_DELETE)
        return "D";
    (void)snprintf(text, sizeof text, "%s%s%s", mr_emit_text_tuple(row->tuple, row->mask),
                   (row->flags & MR_ROW_INSERT) != 0 ? " insert" : "",
                   (row->flags & MR_ROW_REPLACED) != 0 ? " replaced" : "");
    return text;
}

/* cases 60, 65, 90 */
MR_TEST("later upserts of a key replace earlier ones and stay inserts")
{
    upsert(&set_ab, ROW("1", "x", "y"), 0, MR_ROW_INSERT);
    MR_CHECK_STR(state(0), "{1,x,y} insert");
    for (int i = 0; i < 1000; i++)
        upsert(&set_ab, ROW("1", "x2", NULL), 0, 0);
    upsert(&set_ab, ROW("2", "p", "q"), 0, 0);
    MR_CHECK_U64(rows.n_rows, 2);
    MR_CHECK_U64(rows.n_folded, 1000);
    MR_CHECK_STR(state(0), "{1,x2,NULL} insert");
    MR_CHECK_INT(rows.rows[0].offset, 1001);
    MR_CHECK_STR(state(1), "{2,p,q}");
}

/* R-02; cases 92, 93 */
MR_TEST("a masked field keeps the earlier value, and stays masked where both are")
{
    upsert(&set_ab, ROW("1", "x", "BIG"), 0, 0);
    upsert(&set_ab, ROW("1", "x2", NULL), 4, 0);
    MR_CHECK_STR(state(0), "{1,x2,BIG}");
    upsert(&set_ab, ROW("2", "p", NULL), 4, 0);
    upsert(&set_ab, ROW("2", NULL, "q"), 2, 0);
    MR_CHECK_STR(state(1), "{2,p,q}");
    upsert(&set_ab, ROW("3", "p", NULL), 4, 0);
    upsert(&set_ab, ROW("3", "r", NULL), 4, 0);
    MR_CHECK_STR(state(2), "{3,r,~}");
    upsert(&set_ab, ROW("3", "s", NULL), 0, 0);
    MR_CHECK_STR(state(2), "{3,s,NULL}");
}

/* cases 61, 62, 63 */
MR_TEST("a delete stays a delete, and what follows it replaces the row")
{
    upsert(&set_ab, ROW("1", "x", "y"), 0, MR_ROW_INSERT);
    delete ("1");
    delete ("1");
    MR_CHECK_STR(state(0), "D");
    MR_CHECK_INT(rows.rows[0].offset, 99);
    MR_CHECK(rows.rows[0].cols == NULL);
    upsert(&set_ab, ROW("1", "p", NULL), 0, MR_ROW_INSERT);
    MR_CHECK_STR(state(0), "{1,p,NULL} replaced");
    upsert(&set_ab, ROW("1", "q", NULL), 0, 0);
    MR_CHECK_STR(state(0), "{1,q,NULL} replaced");
}

/* */
MR_TEST("a masked upsert behind a delete keeps its mask for the load to settle")
{
    upsert(&set_ab, ROW("1", "x", "BIG"), 0, 0);
    delete ("1");
    upsert(&set_ab, ROW("1", "p", NULL), 4, 0);
    MR_CHECK_STR(state(0), "{1,p,~} replaced");
}

/* R-08, V-19 */
MR_TEST("records of different columns fold by column name")
{
    upsert(&set_a, ROW("1", "a1"), 0, 0);
    upsert(&set_bc, ROW("1", "b1", "c1"), 0, 0);
    MR_CHECK_STR(state(0), "{1,a1,b1,c1}");
    MR_CHECK_U64(rows.rows[0].cols->n_cols, 4);
    MR_CHECK_U64(rows.rows[0].cols->cols[3], 3);
    upsert(&set_a, ROW("1", NULL), 0, 0);
    MR_CHECK_STR(state(0), "{1,NULL,b1,c1}");
    upsert(&set_bc, ROW("1", NULL, "c2"), 2, 0);
    MR_CHECK_STR(state(0), "{1,NULL,b1,c2}");
    upsert(&set_bc, ROW("2", "b", NULL), 4, 0);
    upsert(&set_a, ROW("2", "a"), 0, 0);
    MR_CHECK_STR(state(1), "{2,a,b}"); /* not mentioned is kept, too, and can be inserted */
    upsert(&set_a, ROW("3", "a"), 0, 0);
    upsert(&set_bc, ROW("3", "b", NULL), 4, 0);
    MR_CHECK_STR(state(2), "{3,a,b}");
}

/* E-40, R-26 */
MR_TEST("without a key or without reduction every row stays")
{
    rows.reduce = false;
    upsert(&set_ab, ROW("1", "x", "y"), 0, 0);
    upsert(&set_ab, ROW("1", "x", "y"), 0, 0);
    MR_CHECK_U64(rows.n_rows, 2);
    mr_rows_reset(&rows);
    rows.reduce = true;
    rows.key.n_cols = 0;
    upsert(&set_ab, ROW("1", "x", "y"), 0, 0);
    upsert(&set_ab, ROW("1", "x", "y"), 0, 0);
    MR_CHECK_U64(rows.n_rows, 2);
}

/* style.md rule 8: full is an answer, and the row is as it was */
MR_TEST("a full arena refuses a row and leaves everything as it was")
{
    char big[2048];
    struct mr_err err;
    memset(big, 'b', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    mr_rows_release(&rows);
    mr_arena_release(&arena);
    mr_arena_init(&arena, 1024, 4096);
    mr_rows_init(&rows, table, &key_set, true, &arena, 7);
    upsert(&set_ab, ROW("1", "x", "y"), 0, 0);
    const char *const fields[] = {"1", big, big};
    struct mr_row row = {.op = MR_ROW_UPSERT,
                         .cols = &set_ab,
                         .tuple = tuple(3, fields),
                         .key = mr_slice_str("1"),
                         .key_tuple = mr_slice_str("1")};
    MR_CHECK_INT(mr_rows_add(&rows, &row, &err), -MR_FULL);
    MR_CHECK_STR(state(0), "{1,x,y}");
    row.key = mr_slice_str("2");
    MR_CHECK_INT(mr_rows_add(&rows, &row, &err), -MR_FULL);
    MR_CHECK_U64(rows.n_rows, 1);
    MR_CHECK_U64(rows.by_key.n_entries, 1);
    upsert(&set_ab, ROW("2", "p", "q"), 0, 0);
    MR_CHECK_STR(state(1), "{2,p,q}");
}

/* R-20; case 77 */
MR_TEST("a truncate forgets what was gathered, and what comes later starts from nothing")
{
    upsert(&set_ab, ROW("1", "x", "y"), 0, MR_ROW_INSERT);
    delete ("2");
    mr_rows_truncate(&rows);
    MR_CHECK_U64(rows.n_rows, 0);
    MR_CHECK(rows.truncated);
    upsert(&set_a, ROW("1", "z"), 0, MR_ROW_INSERT);
    MR_CHECK_U64(rows.n_rows, 1);
    MR_CHECK_STR(state(0), "{1,z} insert replaced");
    mr_rows_reset(&rows);
    MR_CHECK(!rows.truncated);
    upsert(&set_a, ROW("1", "z"), 0, 0);
    MR_CHECK_STR(state(0), "{1,z}");
}

/* */
MR_TEST("a key in several partitions is folded by partition, then in the order of partitions")
{
    static const uint32_t rank[] = {2, 0, 1}; /* span 1 is the lowest partition */
    span = 0;
    upsert(&set_ab, ROW("1", "p2", "p2"), 0, 0);
    span = 1;
    upsert(&set_ab, ROW("1", "p0", "p0"), 0, 0);
    upsert(&set_ab, ROW("2", "p0", "only"), 0, 0);
    span = 2;
    delete ("1");
    span = 0;
    upsert(&set_a, ROW("1", "p2 again"), 0, 0);
    span = 1;
    delete ("3");
    MR_CHECK_U64(rows.n_cross, 2);
    MR_CHECK_OK(mr_rows_settle(&rows, rank, NULL));
    MR_CHECK_U64(rows.n_rows, 3);
    MR_CHECK_STR(state(0), "{1,p2 again,p2} replaced");
    MR_CHECK_STR(state(1), "{2,p0,only}");
    MR_CHECK_STR(state(2), "D");
    MR_CHECK_OK(mr_rows_settle(&rows, rank, NULL)); /* a flush that is tried again */
    MR_CHECK_U64(rows.n_rows, 3);
    mr_rows_reset(&rows);
    MR_CHECK_U64(rows.n_cross, 0);
}

/* */
MR_TEST("the highest partition that has a key decides, whatever came last")
{
    static const uint32_t rank[] = {0, 1};
    span = 1;
    upsert(&set_ab, ROW("1", "x", "y"), 0, MR_ROW_INSERT);
    delete ("2");
    span = 0;
    delete ("1");
    upsert(&set_ab, ROW("2", "x", "y"), 0, MR_ROW_INSERT);
    MR_CHECK_OK(mr_rows_settle(&rows, rank, NULL));
    MR_CHECK_U64(rows.n_rows, 2);
    MR_CHECK_STR(state(0), "{1,x,y} replaced");
    MR_CHECK_STR(state(1), "D");
}

/* */
MR_TEST("what a partition made anew behind its own delete takes nothing of a lower partition's")
{
    static const uint32_t rank[] = {0, 1};
    span = 0;
    upsert(&set_ab, ROW("1", "x", "OLD"), 0, MR_ROW_INSERT);
    upsert(&set_ab, ROW("2", "x", "OLD"), 0, MR_ROW_INSERT);
    span = 1;
    delete ("1");
    upsert(&set_a, ROW("1", "z"), 0, 0);
    delete ("2");
    upsert(&set_ab, ROW("2", "z", NULL), 4, 0);
    MR_CHECK_OK(mr_rows_settle(&rows, rank, NULL));
    MR_CHECK_U64(rows.n_rows, 2);
    MR_CHECK_STR(state(0), "{1,z} replaced");
    MR_CHECK_STR(state(1), "{2,z,~} replaced");
}

/* E-12, R-10 */
MR_TEST("a change that does not fit leaves the states of all partitions as they were")
{
    char big[8192];
    struct mr_err err;
    static const uint32_t rank[] = {0, 1, 2};
    memset(big, 'b', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    mr_rows_release(&rows);
    mr_arena_release(&arena);
    mr_arena_init(&arena, 1024, 4096);
    mr_rows_init(&rows, table, &key_set, true, &arena, 7);
    span = 0;
    upsert(&set_ab, ROW("1", "x", "y"), 0, 0);
    span = 1;
    upsert(&set_ab, ROW("1", "p", "q"), 0, 0);
    const char *const fields[] = {"2", big, big};
    for (span = 1; span <= 2; span++) { /* a state of its own, none yet */
        struct mr_row gone = {.op = MR_ROW_DELETE,
                              .key = mr_slice_str("1"),
                              .key_tuple = mr_slice_str("1"),
                              .span_idx = span};
        struct mr_row row = {.op = MR_ROW_UPSERT,
                             .cols = &set_ab,
                             .tuple = tuple(3, fields),
                             .key = mr_slice_str("2"),
                             .key_tuple = mr_slice_str("2"),
                             .span_idx = span};
        MR_CHECK_INT(mr_rows_add_change(&rows, &gone, &row, &err), -MR_FULL);
        MR_CHECK_U64(rows.n_rows, 2);
        MR_CHECK_U64(rows.n_cross, 1);
        MR_CHECK_U64(rows.n_folded, 0);
        MR_CHECK_STR(state(0), "{1,x,y}");
        MR_CHECK_STR(state(1), "{1,p,q}");
    }
    MR_CHECK_OK(mr_rows_settle(&rows, rank, NULL));
    MR_CHECK_STR(state(0), "{1,p,q}");
}
