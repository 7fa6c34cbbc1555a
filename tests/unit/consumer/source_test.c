/* The table that every source fills (consumer/source.h). */
#include "consumer/source.h"

#include <string.h>

#include "tests/support/mr_test.h"

typedef void (*any_op)(void);
enum { N_OPS = sizeof(struct mr_source_ops) / sizeof(any_op) };
_Static_assert(sizeof(const char *) == sizeof(any_op), "the table is one of pointers alone");

/* What a source leaves out is a call of NULL somewhere, perhaps only when a page is asked for. */
static void check_whole(const struct mr_source_ops *ops)
{
    any_op all[N_OPS];

    memcpy(all, ops, sizeof all);
    for (size_t i = 0; i < N_OPS; i++) {
        if (all[i] == NULL)
            MR_CHECK_INT(i, -1); /* prints which one */
    }
}

MR_TEST("the Kafka source fills every op")
{
    check_whole(&mr_source_kafka);
    MR_CHECK(strchr(mr_source_kafka.client_version(), '.') != NULL);
}
