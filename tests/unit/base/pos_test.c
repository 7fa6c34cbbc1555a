/* The order in which positions are locked. */
#include "base/pos.h"

#include <stdlib.h>

#include "tests/support/mr_test.h"

MR_TEST("spans are ordered by stream, then partition, then slot")
{
    struct mr_span spans[] = {{.stream = "b", .partition = 0, .slot = 0},
                              {.stream = "a", .partition = 10, .slot = 0},
                              {.stream = "a", .partition = 2, .slot = 1},
                              {.stream = "a", .partition = 2, .slot = 0},
                              {.stream = "a", .partition = -1, .slot = 3}};
    static const struct mr_span wanted[] = {{.stream = "a", .partition = -1, .slot = 3},
                                            {.stream = "a", .partition = 2, .slot = 0},
                                            {.stream = "a", .partition = 2, .slot = 1},
                                            {.stream = "a", .partition = 10, .slot = 0},
                                            {.stream = "b", .partition = 0, .slot = 0}};
    enum { N = sizeof spans / sizeof *spans };

    qsort(spans, N, sizeof *spans, mr_span_compare);
    for (size_t i = 0; i < N; i++) {
        MR_CHECK_STR(spans[i].stream, wanted[i].stream);
        MR_CHECK_INT(spans[i].partition, wanted[i].partition);
        MR_CHECK_INT(spans[i].slot, wanted[i].slot);
        MR_CHECK_INT(mr_span_compare(&spans[i], &wanted[i]), 0);
    }
}
