/* Changes of keys, and what a masked row remembers (contract.md U-30, U-31, R-05). */
#include <stdio.h>

#include "schemas/rows.h"
#include "tests/support/emit_text.h"
#include "tests/support/mr_test.h"

static struct mr_table *table;
static struct mr_arena arena;
static struct mr_rows rows;
static int64_t offset;
static const uint16_t key_cols[] = {0};
static const uint16_t cols[] = {0, 1, 2};
static const struct mr_colset key_set = {1, key_cols};
static const struct mr_colset set = {3, cols};
static const struct mr_colset set_a = {2, cols};

enum { MASK_A = 2, MASK_B = 4 };

MR_SETUP
{
    table = mr_table_new();
    offset = 0;
    mr_arena_init(&arena, 0, 0);
    mr_rows_init(&rows, table, &key_set, true, &arena, 7);
}

MR_TEARDOWN
{
    mr_rows_release(&rows);
    mr_arena_release(&arena);
    mr_table_unref(table);
}

static struct mr_slice tuple(const char *id, const char *a, const char *b)
{
    static struct mr_buf buf = MR_BUF_INIT;
    const char *const fields[] = {id, a, b};
    mr_buf_reset(&buf);
    mr_buf_u16(&buf, 3);
    for (int i = 0; i < 3; i++) {
        mr_buf_u32(&buf, fields[i] == NULL ? UINT32_MAX : (uint32_t)strlen(fields[i]));
        if (fields[i] != NULL)
            mr_buf_add(&buf, fields[i], strlen(fields[i]));
    }
    return (struct mr_slice){buf.data, buf.len};
}

static struct mr_row row_of(const char *id)
{
    return (struct mr_row){
        .key = mr_slice_str(id), .key_tuple = mr_slice_str(id), .offset = ++offset};
}

static void put(const char *id, const char *a, const char *b, uint64_t mask)
{
    struct mr_err err;
    struct mr_row row = row_of(id);
    row.cols = &set;
    row.tuple = tuple(id, a, b);
    row.mask = mask != 0 ? &mask : NULL;
    MR_CHECK_OK(mr_rows_add(&rows, &row, &err));
}

static void delete_by(const char *id, uint32_t span_idx)
{
    struct mr_err err;
    struct mr_row row = row_of(id);
    row.op = MR_ROW_DELETE;
    row.span_idx = span_idx;
    MR_CHECK_OK(mr_rows_add(&rows, &row, &err));
}

/* A change of the key: the row under its new key, with a masked column. */
static const struct mr_row *move(const char *from, const char *to, const char *a, uint64_t mask)
{
    struct mr_err err;
    struct mr_row row = row_of(to);
    struct mr_row_past past = {.old_key = mr_slice_str(from), .old_key_tuple = mr_slice_str(from)};
    row.cols = &set;
    row.tuple = tuple(to, a, NULL);
    row.mask = &mask;
    row.past = &past;
    MR_CHECK_OK(mr_rows_add(&rows, &row, &err));
    for (size_t i = 0; i < rows.n_rows; i++) {
        if (mr_slice_eq(rows.rows[i].key, mr_slice_str(to)))
            return &rows.rows[i];
    }
    return NULL;
}

static const char *text(const struct mr_row *row)
{
    static char out[256];
    char old[32] = "";
    if (row->past != NULL && row->past->old_key.data != NULL)
        (void)snprintf(old, sizeof old, " of %.*s%s", (int)row->past->old_key_tuple.len,
                       (const char *)row->past->old_key_tuple.data,
                       row->past->old_in_target ? " in the target" : "");
    (void)snprintf(out, sizeof out, "%s%s%s", mr_emit_text_tuple(row->tuple, row->mask), old,
                   (row->flags & MR_ROW_REPLACED) != 0 ? " replaced" : "");
    return out;
}

/* U-30; case 109 */
MR_TEST("a moved row takes its masked values from the state that its old key's delete ended")
{
    put("1", "x", "BIG", 0);
    delete_by("1", 0);
    delete_by("1", 0); /* the tombstone */
    MR_CHECK_STR(text(move("1", "2", "x2", MASK_B)), "{2,x2,BIG}");
    MR_CHECK(rows.rows[1].past == NULL);
}

/* U-30 */
MR_TEST("what the batch does not know of the old row is in the target as it was before the batch")
{
    delete_by("1", 0);
    MR_CHECK_STR(text(move("1", "2", "x", MASK_B)), "{2,x,~} of 1 in the target");
    put("3", "x", NULL, MASK_B);
    delete_by("3", 0);
    MR_CHECK_STR(text(move("3", "4", NULL, MASK_A | MASK_B)), "{4,x,~} of 3 in the target");
}

/* U-30: a replay that begins behind the delete, or the delete landed in an earlier batch */
MR_TEST("without the old key's delete in the batch its row is not asked for in the target")
{
    MR_CHECK_STR(text(move("1", "2", "x", MASK_B)), "{2,x,~} of 1");
    put("3", "x", "BIG", 0);
    MR_CHECK_STR(text(move("3", "4", "x", MASK_B)), "{4,x,~} of 3");
}

/* U-30 */
MR_TEST("a delete by another partition may be ahead or behind, so it gives nothing")
{
    put("1", "x", "BIG", 0);
    delete_by("1", 1);
    MR_CHECK_STR(text(move("1", "2", "x", MASK_B)), "{2,x,~} of 1");
}

/* U-30 */
MR_TEST("a row that moves twice, or swaps with another one, keeps its own values")
{
    delete_by("1", 0);
    move("1", "9", "x", MASK_B);
    delete_by("2", 0);
    MR_CHECK_STR(text(move("2", "1", "p", MASK_B)), "{1,p,~} of 2 in the target replaced");
    delete_by("9", 0);
    MR_CHECK_STR(text(move("9", "2", "x", MASK_B)), "{2,x,~} of 1 in the target replaced");
}

/* R-05, U-30 */
MR_TEST("a row that was itself masked behind a delete has nothing to give")
{
    delete_by("1", 0);
    put("1", "x", NULL, MASK_B);
    delete_by("1", 0);
    MR_CHECK_STR(text(move("1", "2", "x", MASK_B)), "{2,x,~} of 1");
}

/* R-02, U-30 */
MR_TEST("updates behind the move fold with it, and a full one ends the search")
{
    delete_by("1", 0);
    move("1", "2", "x", MASK_B);
    put("2", "y", NULL, MASK_B);
    MR_CHECK_STR(text(&rows.rows[1]), "{2,y,~} of 1 in the target");
    put("2", NULL, "q", MASK_A);
    MR_CHECK_STR(text(&rows.rows[1]), "{2,y,q}");
    MR_CHECK(rows.rows[1].past == NULL);
}

/* U-30: the old key's row comes before what stands under the new key */
MR_TEST("a row that moves onto a key with a state does not keep that state's values")
{
    put("2", "old", "OLD", 0);
    delete_by("1", 0);
    MR_CHECK_STR(text(move("1", "2", "x", MASK_B)), "{2,x,~} of 1 in the target");
}

static void leave(const char *from, const char *to, uint32_t span_idx)
{
    struct mr_err err;
    struct mr_row row = row_of(from);
    struct mr_row_past past = {.new_key_tuple = mr_slice_str(to)};
    row.op = MR_ROW_DELETE;
    row.span_idx = span_idx;
    row.past = &past;
    MR_CHECK_OK(mr_rows_add(&rows, &row, &err));
}

/* U-32 */
MR_TEST(
    "a row that leaves is remembered with the state that its delete ended, until its new row comes")
{
    put("1", "x", "BIG", 0);
    leave("1", "2", 0);
    leave("3", "4", 0);
    MR_CHECK(rows.left->past == NULL); /* the target's */
    MR_CHECK(!rows.left->taken && !rows.left->before->taken);
    MR_CHECK_STR(mr_emit_text_tuple(rows.left->before->past->tuple, NULL), "{1,x,BIG}");
    MR_CHECK(rows.left->before->before == NULL);
    put("1", "again", "SMALL", 0);
    MR_CHECK_STR(mr_emit_text_tuple(rows.left->before->past->tuple, NULL), "{1,x,BIG}");
    move("3", "4", "y", MASK_B);
    MR_CHECK(rows.left->came);
    MR_CHECK(rows.left->before->taken && !rows.left->before->before->taken);
    mr_rows_truncate(&rows);
    MR_CHECK(rows.left == NULL);
}

/* U-32 */
MR_TEST("a row that leaves is not taken by a move of another partition, or to another key")
{
    leave("1", "2", 1);
    move("1", "2", "x", MASK_B);
    MR_CHECK(!rows.left->before->taken);
    leave("3", "4", 0);
    move("3", "5", "x", MASK_B);
    MR_CHECK(!rows.left->before->taken);
}

/* R-10, U-32 */
MR_TEST("a row leaves with the state that its own partition has of the key")
{
    put("1", "x", "BIG", 0);
    leave("1", "2", 1);
    MR_CHECK(rows.left->past == NULL);
    leave("1", "3", 0);
    MR_CHECK_STR(mr_emit_text_tuple(rows.left->past->tuple, NULL), "{1,x,BIG}");
}

MR_TEST("a row that leaves a full batch is in it whole, or not at all")
{
    struct mr_err err;
    struct mr_row row = row_of("1");
    struct mr_row_past past = {.new_key_tuple = mr_slice_str("2")};
    size_t limit = 64;
    row.op = MR_ROW_DELETE;
    row.past = &past;
    for (;; limit += 8) {
        mr_rows_reset(&rows);
        mr_arena_release(&arena);
        mr_arena_init(&arena, 64, limit);
        if (mr_rows_add(&rows, &row, &err) == 0)
            break;
        MR_CHECK(rows.left == NULL && rows.n_rows == 0);
        MR_CHECK(limit < 4096);
    }
    MR_CHECK(limit > 64 && rows.left != NULL && rows.n_rows == 1);
}

/* U-32: else the next batch would miss it */
MR_TEST("a row that finds no room under its new key is still one that left")
{
    struct mr_err err;
    struct mr_row row = row_of("2");
    uint64_t mask = MASK_B;
    struct mr_row_past past = {.old_key = mr_slice_str("1"), .old_key_tuple = mr_slice_str("1")};
    row.cols = &set;
    row.tuple = tuple("2", "x", NULL);
    row.mask = &mask;
    row.past = &past;
    for (size_t room = 0;; room += 8) { /* at each of its allocations */
        mr_rows_reset(&rows);
        mr_arena_release(&arena);
        mr_arena_init(&arena, 64, 0);
        leave("1", "2", 0);
        arena.limit_bytes = arena.held_bytes + room;
        if (mr_rows_add(&rows, &row, &err) == 0)
            break;
        MR_CHECK(!rows.left->taken);
        MR_CHECK_U64(rows.n_moved, 0);
        MR_CHECK(room < 4096);
    }
    MR_CHECK(rows.left->came && rows.left->before->taken);
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
    put("1", "a", NULL, MASK_B);
    put("1", "b", NULL, MASK_B);
    put("1", "c", NULL, MASK_A | MASK_B);
    MR_CHECK_STR(places(&rows.rows[0]), "3 2 1");
    put("1", NULL, "q", MASK_A);
    MR_CHECK_STR(text(&rows.rows[0]), "{1,b,q}");
    MR_CHECK_STR(places(&rows.rows[0]), "4");
    delete_by("1", 0);
    put("1", "e", NULL, MASK_B);
    MR_CHECK_STR(places(&rows.rows[0]), "6");
}

/* U-31, R-10 */
MR_TEST("states of several partitions that stay masked remember the records of each")
{
    static const uint32_t rank[] = {0, 1};
    for (int i = 0; i < 5; i++) {
        struct mr_err err;
        struct mr_row row = row_of("1");
        uint64_t mask = MASK_B;
        row.cols = &set;
        row.span_idx = i < 2 ? 0 : 1;
        row.tuple = tuple("1", "x", NULL);
        row.mask = &mask;
        MR_CHECK_OK(mr_rows_add(&rows, &row, &err));
    }
    MR_CHECK_STR(places(&rows.rows[0]), "2 1");
    MR_CHECK_STR(places(&rows.rows[1]), "5 4 3");
    MR_CHECK_OK(mr_rows_settle(&rows, rank, NULL));
    MR_CHECK_U64(rows.n_rows, 1);
    MR_CHECK_STR(places(&rows.rows[0]), "5 3 4 2 1");
}

MR_TEST("a column is found in a tuple by its index in the table")
{
    uint16_t idx;
    struct mr_slice field;
    struct mr_slice one = tuple("1", "xx", "y");
    MR_CHECK(mr_tuple_column(&set, one, 1, &idx, &field));
    MR_CHECK_U64(idx, 1);
    MR_CHECK_U64(field.len, 6);
    MR_CHECK(!mr_tuple_column(&set_a, one, 2, &idx, &field));
    MR_CHECK(!mr_tuple_column(&set, one, 7, &idx, &field));
}
