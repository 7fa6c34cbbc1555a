/* The order of guarded rows inside a batch (contract.md ). */
#include <stdio.h>

#include "schemas/rows.h"
#include "tests/support/mr_test.h"

enum { NONE = -1 };

static struct mr_table *table;
static struct mr_arena arena;
static struct mr_rows rows;
static uint32_t span; /* of the rows that are added */
static const uint16_t key_cols[] = {0};
static const uint16_t row_cols[] = {0, 1, 2};
static const struct mr_colset key_set = {1, key_cols};
static const struct mr_colset row_set = {3, row_cols};

MR_SETUP
{
    table = mr_table_new();
    span = 0;
    mr_arena_init(&arena, 0, 0);
    mr_rows_init(&rows, table, &key_set, true, &arena, 7);
    rows.guard = (struct mr_guard_use){.on = true, .single = true, .col = 2};
}

MR_TEARDOWN
{
    mr_rows_release(&rows);
    mr_arena_release(&arena);
    mr_table_unref(table);
}

static void field(struct mr_buf *out, const char *text)
{
    mr_buf_u32(out, (uint32_t)strlen(text));
    mr_buf_add(out, text, strlen(text));
}

/* text NULL: a delete. */
static void add(const char *key, const char *text, int64_t guard, uint32_t flags)
{
    struct mr_err err;
    struct mr_buf tuple = MR_BUF_INIT;
    mr_buf_u16(&tuple, text != NULL ? 3 : 1);
    if (text != NULL) {
        field(&tuple, key);
        field(&tuple, text);
    }
    mr_buf_u32(&tuple, guard == NONE ? UINT32_MAX : 8);
    if (guard != NONE)
        mr_buf_u64(&tuple, (uint64_t)guard);
    struct mr_row row = {.op = text != NULL ? MR_ROW_UPSERT : MR_ROW_DELETE,
                         .flags = flags,
                         .cols = text != NULL ? &row_set : NULL,
                         .tuple = {tuple.data, tuple.len},
                         .span_idx = span,
                         .key = mr_slice_str(key),
                         .key_tuple = mr_slice_str(key)};
    MR_CHECK_OK(mr_rows_add(&rows, &row, &err));
    mr_buf_release(&tuple);
}

/* "1=x@200 2=D@5" */
static const char *state(void)
{
    static char out[256];
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < rows.n_rows; i++) {
        const struct mr_row *row = &rows.rows[i];
        struct mr_slice text = mr_slice_str("D");
        struct mr_slice guard;
        if (row->op == MR_ROW_UPSERT)
            MR_CHECK(mr_tuple_field(row->tuple, 1, &text));
        bool has = mr_row_guard(&rows.guard, row, &guard);
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%.*s=%.*s@%lld", i > 0 ? " " : "",
                               (int)row->key.len, (const char *)row->key.data, (int)text.len,
                               (const char *)text.data,
                               has ? (long long)mr_get_u64(guard.data) : -1LL);
    }
    return out;
}

/* R-09, O-06, O-07; cases 83, 84 and 86 */
MR_TEST("a batch folds by guard: what is older is dropped and counted, though it came later")
{
    static const struct {
        const char *first;
        int64_t first_guard;
        const char *then;
        int64_t then_guard;
        uint32_t flags;
        const char *expected;
        uint64_t n_stale;
    } cases[] = {
        {"new", 200, "old", 150, 0, "1=new@200", 1},
        {"old", 150, "new", 200, 0, "1=new@200", 0},
        {"a", 200, "b", 200, 0, "1=b@200", 0},
        {"a", 200, "b", 200, MR_ROW_READ, "1=a@200", 1},
        {"a", 200, "b", 201, MR_ROW_READ, "1=b@201", 0},
        {"a", 200, "b", NONE, MR_ROW_READ, "1=a@200", 1},
        {"a", NONE, "b", 1, 0, "1=b@1", 0},
        {"a", NONE, "b", NONE, MR_ROW_READ, "1=a@-1", 1},
        {NULL, 200, "late", 150, 0, "1=D@200", 1},
        {NULL, 200, "again", 201, 0, "1=again@201", 0},
        {"a", 200, NULL, 199, 0, "1=a@200", 1},
        {"a", 200, NULL, 200, 0, "1=D@200", 0},
        {"a", -3, "b", -4, 0, "1=a@-3", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mr_rows_reset(&rows);
        add("1", cases[i].first, cases[i].first_guard, 0);
        add("1", cases[i].then, cases[i].then_guard, cases[i].flags);
        MR_CHECK_STR(state(), cases[i].expected);
        MR_CHECK_U64(rows.n_stale, cases[i].n_stale);
    }
}

/* */
MR_TEST("a key that came by several partitions is counted, whichever record the guard lets through")
{
    static const uint32_t rank[] = {0, 1};
    add("1", "a", 200, 0);
    add("1", "b", 201, 0);
    MR_CHECK_U64(rows.n_cross, 0);
    span = 1;
    add("1", "c", 202, 0);
    add("1", "d", 203, 0);
    add("2", "x", 300, 0);
    MR_CHECK_U64(rows.n_cross, 1);
    span = 0;
    add("1", "late", 50, 0);
    MR_CHECK_U64(rows.n_cross, 2);
    MR_CHECK_U64(rows.n_stale, 1);
    MR_CHECK_OK(mr_rows_settle(&rows, rank, NULL));
    MR_CHECK_STR(state(), "1=d@203 2=x@300");
}

static void truncate_below(int64_t guard)
{
    uint8_t written[8];
    struct mr_err err;
    mr_put_u64(written, (uint64_t)guard);
    MR_CHECK_OK(mr_rows_truncate_below(&rows, (struct mr_slice){written, 8}, &err));
}

/* R-22; case 79 */
MR_TEST("a truncate with a guard drops what is older, before it and after it")
{
    add("1", "old", 50, 0);
    add("2", "new", 150, 0);
    add("3", NULL, 60, 0);
    add("4", "r", NONE, MR_ROW_READ);
    truncate_below(100);
    MR_CHECK_STR(state(), "2=new@150");
    add("1", "late", 99, 0);
    add("2", "newer", 160, 0); /* found at its new place */
    add("5", "equal", 100, 0);
    MR_CHECK_STR(state(), "2=newer@160 5=equal@100");
    MR_CHECK_U64(rows.n_stale, 1);
    truncate_below(90); /* an older one says nothing new */
    add("6", "late", 95, 0);
    MR_CHECK_STR(state(), "2=newer@160 5=equal@100");
    MR_CHECK(mr_rows_have_work(&rows));
    mr_rows_reset(&rows);
    MR_CHECK(!mr_rows_have_work(&rows));
}
