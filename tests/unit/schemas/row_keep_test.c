/* Copies of slices and masks in an arena. */
#include "schemas/row_keep.h"

#include <string.h>

#include "tests/support/mr_test.h"

enum { N_COLS = 65, N_WORDS = 2 };

static const uint16_t cols[N_COLS];
static const struct mr_colset wide = {N_COLS, cols};
static struct mr_arena arena;

MR_SETUP
{
    mr_arena_init(&arena, 1024, 1024);
}

MR_TEARDOWN
{
    mr_arena_release(&arena);
}

static void fill(void)
{
    while (mr_arena_alloc(&arena, 8) != NULL)
        continue;
}

MR_TEST("a kept slice has bytes of its own, also where it replaces the one it was made from")
{
    uint8_t bytes[] = {1, 2, 3};
    struct mr_slice slice = {bytes, sizeof bytes};
    MR_CHECK(mr_slice_keep(&arena, slice, &slice));
    memset(bytes, 0, sizeof bytes);
    MR_CHECK_U64(slice.len, 3);
    MR_CHECK_INT(slice.data[2], 3);
}

MR_TEST("no slice stays none, and an empty one empty")
{
    struct mr_slice slice = {(const uint8_t *)"", 0};
    MR_CHECK(mr_slice_keep(&arena, slice, &slice));
    MR_CHECK(slice.data != NULL && slice.len == 0);
    MR_CHECK(mr_slice_keep(&arena, (struct mr_slice){NULL, 0}, &slice));
    MR_CHECK(slice.data == NULL);
}

MR_TEST("a mask is kept to its last column")
{
    uint64_t mask[N_WORDS] = {1, 1};
    struct mr_row row = {.cols = &wide, .mask = mask};
    MR_CHECK(mr_mask_keep(&arena, &row, &row));
    mask[0] = mask[1] = 0;
    MR_CHECK_U64(row.mask[0], 1);
    MR_CHECK_U64(row.mask[1], 1);
}

MR_TEST("a row without a mask or without columns is kept without one")
{
    const uint64_t mask[N_WORDS] = {1, 1};
    struct mr_row kept = {.mask = mask};
    MR_CHECK(mr_mask_keep(&arena, &(struct mr_row){.cols = &wide}, &kept));
    MR_CHECK(kept.mask == NULL);
    MR_CHECK(mr_mask_keep(&arena, &(struct mr_row){.mask = mask}, &kept));
    MR_CHECK(kept.mask == NULL);
}

MR_TEST("a full arena is told")
{
    const uint64_t mask[N_WORDS] = {1, 1};
    struct mr_row row = {.cols = &wide, .mask = mask};
    struct mr_slice slice = {(const uint8_t *)"12345678", 8};
    fill();
    MR_CHECK(!mr_slice_keep(&arena, slice, &slice));
    MR_CHECK(!mr_mask_keep(&arena, &row, &row));
}
