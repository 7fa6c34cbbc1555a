/* Rows whose keys only the target can compare: kept as they come, folded once it told which are
 * equal (contract.md F-33). Here keys are equal without regard to case. */
#include "schemas/rows_loose.h"

#include <ctype.h>
#include <stdio.h>

#include "tests/support/mr_test.h"
#include "tests/support/rows_case.h"

static struct mr_unique unique = {
    .n_cols = 1, .primary = true, .cols = rows_case_key_cols, .loose = "k"};

MR_SETUP
{
    rows_case_start_loose(&unique);
}

MR_TEARDOWN
{
    rows_case_stop();
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
    MR_CHECK_OK(mr_loose_keys_make(&keys, &rows_case.rows, &err));
    for (uint32_t i = 0; i < keys.n; i++) {
        groups[i] = 0;
        while (!same_key(keys.keys[groups[i]], keys.keys[i]))
            groups[i]++;
    }
    MR_CHECK_OK(mr_rows_regroup(&rows_case.rows, &keys, groups, rank, &err));
    mr_loose_keys_release(&keys);
    MR_CHECK(rows_case.rows.regrouped);
    out[0] = '\0';
    for (size_t i = 0; i < rows_case.rows.n_rows; i++) {
        const struct mr_row *row = &rows_case.rows.rows[i];
        len += (size_t)snprintf(out + len, sizeof out - len, "%s%.*s:%s", i == 0 ? "" : ", ",
                                (int)row->key_tuple.len, (const char *)row->key_tuple.data,
                                row->op == MR_ROW_DELETE ? "-" : rows_case_text(row));
    }
    return out;
}

// F-33
MR_TEST("only a key with an index that the target alone can read is loose")
{
    static const uint16_t other[] = {1};
    static const struct mr_colset other_key = {1, other};
    MR_CHECK(rows_case.rows.loose);
    mr_rows_key(&rows_case.rows, &other_key);
    MR_CHECK(!rows_case.rows.loose);
    rows_case.rows.reduce = false;
    mr_rows_key(&rows_case.rows, &rows_case_key);
    MR_CHECK(!rows_case.rows.loose);
}

// F-33, R-02; case 164
MR_TEST("keys that the target holds equal are folded in the order of their records")
{
    rows_case_put("ab", "1", "x", 0);
    rows_case_delete("AB", 0);
    rows_case_put("c", "1", "x", 0);
    rows_case_put("Ab", "2", "y", 0);
    rows_case_put("C", "2", "y", 0);
    rows_case_put("d", "1", "x", 0);
    rows_case_delete("D", 0);
    MR_CHECK_U64(rows_case.rows.n_rows, 7);
    MR_CHECK_STR(regrouped(), "ab:{Ab,2,y} replaced, c:{C,2,y}, d:-");
    MR_CHECK_U64(rows_case.rows.n_folded, 4);
}

// F-33: an order that a fold by bytes would lose
MR_TEST("a delete by another spelling stands between two updates by one")
{
    rows_case_put("ab", "1", "x", 0);
    rows_case_delete("AB", 0);
    rows_case_put("ab", "2", NULL, ROWS_MASK_B);
    MR_CHECK_STR(regrouped(), "ab:{ab,2,~} replaced");
}

// F-33, U-30
MR_TEST("a key that changes its spelling alone keeps what its row had")
{
    rows_case_put("ab", "1", "BIG", 0);
    rows_case_delete("ab", 0);
    rows_case_move("ab", "AB", "2", ROWS_MASK_B);
    rows_case_delete("c", 0);
    rows_case_move("c", "C", "2", ROWS_MASK_B);
    MR_CHECK_STR(regrouped(), "ab:{AB,2,~} of ab {ab,1,BIG} in the target replaced, c:{C,2,~} of c "
                              "in the target replaced");
}

// F-33, U-30
MR_TEST("a row is looked for under another spelling of its old key")
{
    rows_case_put("ab", "1", "BIG", 0);
    rows_case_delete("AB", 0);
    rows_case_move("aB", "x", "2", ROWS_MASK_B);
    MR_CHECK_STR(regrouped(), "ab:-, x:{x,2,~} of aB {ab,1,BIG} in the target");
}

// F-33, R-10
MR_TEST("spellings that came by several partitions apply in their partitions' order")
{
    MR_CHECK_OK(rows_case_add("ab", "1", "x", 0, 0));
    MR_CHECK_OK(rows_case_add("AB", "2", "y", 0, 1));
    MR_CHECK_STR(regrouped(), "AB:{ab,1,x}");
    MR_CHECK_U64(rows_case.rows.n_cross, 1);
}

// F-33, R-20
MR_TEST("what comes behind a truncate replaces, whatever its spelling")
{
    rows_case_put("ab", "1", "x", 0);
    mr_rows_truncate(&rows_case.rows);
    rows_case_put("AB", "2", "y", 0);
    rows_case_put("ab", "3", NULL, ROWS_MASK_B);
    MR_CHECK_STR(regrouped(), "AB:{ab,3,y} replaced");
}

// F-33: the fold has no chance to load in between
MR_TEST("rows are full before their fold could run out of room")
{
    static char big[4096];
    memset(big, 'x', sizeof big - 1);
    rows_case.arena.limit_bytes = 128 * 1024;
    rows_case_put("ab", big, "x", 0);
    int rc = 0;
    while (rc == 0)
        rc = rows_case_add("AB", "1", NULL, ROWS_MASK_B, 0);
    MR_CHECK_INT(rc, -MR_FULL);
    MR_CHECK(rows_case.rows.n_rows > 8 && rows_case.rows.n_rows < 24);
    while (mr_arena_alloc(&rows_case.arena, 64) != NULL) /* by rows of other tables */
        continue;
    MR_CHECK_STR(regrouped(), "ab:{AB,1,x}");
    mr_rows_reset(&rows_case.rows);
    MR_CHECK(!rows_case.rows.regrouped);
    MR_CHECK_U64(rows_case.rows.fold_bytes, 0);
}
