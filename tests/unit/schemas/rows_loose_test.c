/* Rows whose keys only the target can compare: kept as they come, folded once it told which are
 * equal (contract.md F-33). Here keys are equal without regard to case. */
#include "schemas/rows_loose.h"

#include <ctype.h>
#include <stdio.h>

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
static struct mr_unique unique = {.n_cols = 1, .primary = true, .cols = key_cols, .loose = "k"};

enum { MASK_A = 2, MASK_B = 4 };

MR_SETUP
{
    table = mr_table_new();
    table->uniques = &unique;
    table->n_uniques = 1;
    table->n_columns = 3;
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

static int add(const char *id, const char *a, const char *b, uint64_t mask, uint32_t span_idx)
{
    struct mr_err err;
    struct mr_row row = {.key = mr_slice_str(id),
                         .key_tuple = mr_slice_str(id),
                         .offset = ++offset,
                         .span_idx = span_idx};
    row.cols = &set;
    row.tuple = tuple(id, a, b);
    row.mask = mask != 0 ? &mask : NULL;
    return mr_rows_add(&rows, &row, &err);
}

static void put(const char *id, const char *a, const char *b, uint64_t mask)
{
    MR_CHECK_OK(add(id, a, b, mask, 0));
}

static void delete_by(const char *id)
{
    struct mr_err err;
    struct mr_row row = {.op = MR_ROW_DELETE,
                         .key = mr_slice_str(id),
                         .key_tuple = mr_slice_str(id),
                         .offset = ++offset};
    MR_CHECK_OK(mr_rows_add(&rows, &row, &err));
}

static void move(const char *from, const char *to, const char *a, uint64_t mask)
{
    struct mr_err err;
    struct mr_row_past past = {.old_key = mr_slice_str(from), .old_key_tuple = mr_slice_str(from)};
    struct mr_row row = {.key = mr_slice_str(to),
                         .key_tuple = mr_slice_str(to),
                         .offset = ++offset,
                         .cols = &set,
                         .tuple = tuple(to, a, NULL),
                         .mask = &mask,
                         .past = &past};
    MR_CHECK_OK(mr_rows_add(&rows, &row, &err));
}

static bool same_key(struct mr_slice a, struct mr_slice b)
{
    bool same = a.len == b.len;
    for (size_t i = 0; same && i < a.len; i++)
        same = tolower(a.data[i]) == tolower(b.data[i]);
    return same;
}

/* What is left after the fold, by commas: "key:tuple", "key:-" for a delete. */
static const char *regrouped(void)
{
    static char out[1024];
    static const uint32_t rank[] = {1, 0}; /* the second span is the first partition */
    uint32_t groups[64];
    struct mr_loose_keys keys;
    struct mr_err err;
    size_t len = 0;
    MR_CHECK_OK(mr_loose_keys_make(&keys, &rows, &err));
    for (uint32_t i = 0; i < keys.n; i++) {
        groups[i] = 0;
        while (!same_key(keys.keys[groups[i]], keys.keys[i]))
            groups[i]++;
    }
    MR_CHECK_OK(mr_rows_regroup(&rows, &keys, groups, rank, &err));
    mr_loose_keys_release(&keys);
    MR_CHECK(rows.regrouped);
    out[0] = '\0';
    for (size_t i = 0; i < rows.n_rows; i++) {
        const struct mr_row *row = &rows.rows[i];
        const char *old = row->past != NULL && row->past->old_in_target ? " from the target" : "";
        len += (size_t)snprintf(
            out + len, sizeof out - len, "%s%.*s:%s%s%s", i == 0 ? "" : ", ",
            (int)row->key_tuple.len, (const char *)row->key_tuple.data,
            row->op == MR_ROW_DELETE ? "-" : mr_emit_text_tuple(row->tuple, row->mask),
            (row->flags & MR_ROW_REPLACED) != 0 ? " replaced" : "", old);
    }
    return out;
}

// F-33
MR_TEST("only a key with an index that the target alone can read is loose")
{
    static const uint16_t other[] = {1};
    static const struct mr_colset other_key = {1, other};
    MR_CHECK(rows.loose);
    mr_rows_key(&rows, &other_key);
    MR_CHECK(!rows.loose);
    rows.reduce = false;
    mr_rows_key(&rows, &key_set);
    MR_CHECK(!rows.loose);
}

// F-33, R-02; case 164
MR_TEST("keys that the target holds equal are folded in the order of their records")
{
    put("ab", "1", "x", 0);
    delete_by("AB");
    put("c", "1", "x", 0);
    put("Ab", "2", "y", 0);
    put("C", "2", "y", 0);
    put("d", "1", "x", 0);
    delete_by("D");
    MR_CHECK_U64(rows.n_rows, 7);
    MR_CHECK_STR(regrouped(), "ab:{Ab,2,y} replaced, c:{C,2,y}, d:-");
    MR_CHECK_U64(rows.n_folded, 4);
}

// F-33: an order that a fold by bytes would lose
MR_TEST("a delete by another spelling stands between two updates by one")
{
    put("ab", "1", "x", 0);
    delete_by("AB");
    put("ab", "2", NULL, MASK_B);
    MR_CHECK_STR(regrouped(), "ab:{ab,2,~} replaced");
}

// F-33, U-30
MR_TEST("a key that changes its spelling alone keeps what its row had")
{
    put("ab", "1", "BIG", 0);
    delete_by("ab");
    move("ab", "AB", "2", MASK_B);
    delete_by("c");
    move("c", "C", "2", MASK_B);
    MR_CHECK_STR(regrouped(), "ab:{AB,2,BIG} replaced, c:{C,2,~} replaced from the target");
}

// F-33, U-30
MR_TEST("a row is looked for under another spelling of its old key")
{
    put("ab", "1", "BIG", 0);
    delete_by("AB");
    move("aB", "x", "2", MASK_B);
    MR_CHECK_STR(regrouped(), "ab:-, x:{x,2,BIG}");
}

// F-33, R-10
MR_TEST("spellings that came by several partitions apply in their partitions' order")
{
    MR_CHECK_OK(add("ab", "1", "x", 0, 0));
    MR_CHECK_OK(add("AB", "2", "y", 0, 1));
    MR_CHECK_STR(regrouped(), "AB:{ab,1,x}");
    MR_CHECK_U64(rows.n_cross, 1);
}

// F-33, R-20
MR_TEST("what comes behind a truncate replaces, whatever its spelling")
{
    put("ab", "1", "x", 0);
    mr_rows_truncate(&rows);
    put("AB", "2", "y", 0);
    put("ab", "3", NULL, MASK_B);
    MR_CHECK_STR(regrouped(), "AB:{ab,3,y} replaced");
}

// F-33: the fold has no chance to load in between
MR_TEST("rows are full before their fold could run out of room")
{
    static char big[4096];
    memset(big, 'x', sizeof big - 1);
    arena.limit_bytes = 128 * 1024;
    put("ab", big, "x", 0);
    int rc = 0;
    while (rc == 0)
        rc = add("AB", "1", NULL, MASK_B, 0);
    MR_CHECK_INT(rc, -MR_FULL);
    MR_CHECK(rows.n_rows > 8 && rows.n_rows < 24);
    MR_CHECK_STR(regrouped(), "ab:{AB,1,x}");
    mr_rows_reset(&rows);
    MR_CHECK(!rows.regrouped);
    MR_CHECK_U64(rows.fold_bytes, 0);
}
