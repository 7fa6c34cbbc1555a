/* Which types hold all values of which (contract.md V-04). */
#include "schemas/widen.h"

#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

static struct plan_case pc;

MR_SETUP
{
    plan_case_init(&pc);
}

MR_TEARDOWN
{
    plan_case_release(&pc);
}

struct pair {
    const char *columns; /* what is there, what is wanted */
    enum mr_widening kind;
    enum mr_semantic semantic;
};

static void check(const struct pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        plan_case_table(&pc, pairs[i].columns);
        enum mr_widening kind = mr_widen_kind(&pc.table->columns[0].type,
                                              &pc.table->columns[1].type, pairs[i].semantic);
        if (kind != pairs[i].kind)
            MR_FAIL("%s: %d, not %d", pairs[i].columns, (int)kind, (int)pairs[i].kind);
    }
}
#define CHECK(pairs) check(pairs, sizeof(pairs) / sizeof((pairs)[0]))

/* V-04 */
MR_TEST("what PostgreSQL alters in its catalogue alone is in place")
{
    static const struct pair pairs[] = {
        {"h varchar(2), w varchar(3)", MR_WIDEN_IN_PLACE, MR_SEM_STRING},
        {"h varchar(2), w varchar", MR_WIDEN_IN_PLACE, MR_SEM_STRING},
        {"h varchar(2), w text", MR_WIDEN_IN_PLACE, MR_SEM_STRING},
        {"h numeric(5,2), w numeric(6,2)", MR_WIDEN_IN_PLACE, MR_SEM_DECIMAL},
        {"h numeric(5,2), w numeric", MR_WIDEN_IN_PLACE, MR_SEM_DECIMAL},
        {"h varbit(4), w varbit", MR_WIDEN_IN_PLACE, MR_SEM_BITS},
        {"h timestamp(3), w timestamp", MR_WIDEN_IN_PLACE, MR_SEM_TS_US},
        {"h time(0), w time", MR_WIDEN_IN_PLACE, MR_SEM_TIME_MS},
    };
    CHECK(pairs);
}

/* V-04 */
MR_TEST("what writes the table anew is told apart")
{
    static const struct pair pairs[] = {
        {"h int2, w int4", MR_WIDEN_REWRITE, MR_SEM_INT32},
        {"h int4, w int8", MR_WIDEN_REWRITE, MR_SEM_INT64},
        {"h float4, w float8", MR_WIDEN_REWRITE, MR_SEM_DOUBLE},
        {"h numeric(5,2), w numeric(7,3)", MR_WIDEN_REWRITE, MR_SEM_DECIMAL},
        {"h bit(4), w varbit", MR_WIDEN_REWRITE, MR_SEM_BITS},
        {"h int4[], w int8[]", MR_WIDEN_REWRITE, MR_SEM_ARRAY},
        {"h varchar(2)[], w text[]", MR_WIDEN_REWRITE, MR_SEM_ARRAY},
    };
    CHECK(pairs);
}

/* V-04: never a narrowing, never another class */
MR_TEST("nothing else is a widening")
{
    static const struct pair pairs[] = {
        {"h int8, w int4", MR_WIDEN_NONE, MR_SEM_INT32},
        {"h int4, w int4", MR_WIDEN_NONE, MR_SEM_INT32},
        {"h int4, w text", MR_WIDEN_NONE, MR_SEM_STRING},
        {"h int4, w numeric", MR_WIDEN_NONE, MR_SEM_DECIMAL},
        {"h text, w varchar(9)", MR_WIDEN_NONE, MR_SEM_STRING},
        {"h varchar, w varchar(9)", MR_WIDEN_NONE, MR_SEM_STRING},
        {"h varchar(9), w varchar(9)", MR_WIDEN_NONE, MR_SEM_STRING},
        {"h bpchar(2), w text", MR_WIDEN_NONE, MR_SEM_STRING},
        {"h numeric, w numeric(5,2)", MR_WIDEN_NONE, MR_SEM_DECIMAL},
        {"h numeric(5,2), w numeric(5,3)", MR_WIDEN_NONE, MR_SEM_DECIMAL},
        {"h numeric(5,2), w numeric(9,1)", MR_WIDEN_NONE, MR_SEM_DECIMAL},
        {"h float8, w float4", MR_WIDEN_NONE, MR_SEM_FLOAT},
        {"h timestamp(3), w timestamp", MR_WIDEN_NONE, MR_SEM_TS_MS},
        {"h timestamp, w timestamptz", MR_WIDEN_NONE, MR_SEM_TSTZ_US},
        {"h varbit, w bit(4)", MR_WIDEN_NONE, MR_SEM_BITS},
        {"h int4[], w text[]", MR_WIDEN_NONE, MR_SEM_ARRAY},
        {"h int4, w int8[]", MR_WIDEN_NONE, MR_SEM_ARRAY},
    };
    CHECK(pairs);
}

/* V-04, T-47 */
MR_TEST("a domain is not the table's to widen")
{
    plan_case_table(&pc, "h varchar(2), w text");
    pc.table->columns[0].type.domain = true;
    MR_CHECK_INT(
        mr_widen_kind(&pc.table->columns[0].type, &pc.table->columns[1].type, MR_SEM_STRING),
        MR_WIDEN_NONE);
}
