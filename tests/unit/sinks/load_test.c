#include "sinks/load.h"

#include "tests/support/mr_test.h"

MR_TEST("each strategy has its loader, and only upsert reduces by key")
{
    MR_CHECK(mr_load_for(MR_STRATEGY_UPSERT) == &mr_load_upsert);
    MR_CHECK(mr_load_for(MR_STRATEGY_APPEND) == &mr_load_append);
    MR_CHECK(mr_load_upsert.reduce);
    MR_CHECK(!mr_load_append.reduce);
}
