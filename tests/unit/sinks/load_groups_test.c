#include "sinks/load_groups.h"

#include <stddef.h>

#include "tests/support/mr_test.h"

static const uint16_t idx[] = {0, 1, 2};
static const struct mr_colset two = {2, idx};
static const struct mr_colset three = {3, idx};
static const uint64_t mask[] = {2};

MR_TEST("masked groups come first, and each keeps the order of its rows")
{
    struct mr_row rows[5] = {{.cols = &three, .offset = 1, .flags = MR_ROW_INSERT},
                             {.cols = &two, .offset = 2, .flags = MR_ROW_INSERT},
                             {.cols = &three, .offset = 3, .mask = mask},
                             {.cols = &two, .offset = 4},
                             {.cols = &three, .offset = 5, .flags = MR_ROW_INSERT}};
    const struct mr_row *picked[5] = {&rows[0], &rows[1], &rows[2], &rows[3], &rows[4]};
    struct mr_load_groups groups;
    struct mr_err err = MR_ERR_INIT;
    MR_CHECK_OK(mr_load_groups_make(&groups, picked, 5, true, &err));
    MR_CHECK_U64(groups.n_groups, 3);
    MR_CHECK(groups.groups[0].mask == mask);
    MR_CHECK(groups.groups[1].cols == &two);
    MR_CHECK(!groups.groups[1].all_inserts);
    MR_CHECK_INT(groups.groups[1].rows[1]->offset, 4);
    MR_CHECK(groups.groups[2].all_inserts);
    MR_CHECK_U64(groups.groups[2].n_rows, 2);
    mr_load_groups_release(&groups);
    MR_CHECK_OK(mr_load_groups_make(&groups, picked, 5, false, &err));
    MR_CHECK_U64(groups.n_groups, 2);
    MR_CHECK(groups.groups[1].mask == NULL);
    mr_load_groups_release(&groups);
}

MR_TEST("no rows make no groups")
{
    struct mr_load_groups groups;
    struct mr_err err = MR_ERR_INIT;
    MR_CHECK_OK(mr_load_groups_make(&groups, NULL, 0, true, &err));
    MR_CHECK_U64(groups.n_groups, 0);
    mr_load_groups_release(&groups);
}
