/* The wrapping sink of tests/support/sink_fault.h does what its script says, and nothing else. */
#include "tests/support/sink_fault.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/mr_test.h"
#include "tests/support/sink_cases.h"

static struct mr_sink *sink;
static struct mr_session *session;

MR_SETUP
{
    sink = NULL;
    session = NULL;
    mr_case_start();
    mr_sink_fixture_start(&mr_case.f, MR_KIND_SQLITE);
    sink = mr_sink_fault_new(mr_case.f.sink);
    MR_CHECK_OK(sink->ops->session_open(sink, &session, &mr_case.f.err));
}

MR_TEARDOWN
{
    if (session != NULL)
        session->ops->session_close(session);
    if (sink != NULL)
        sink->ops->close(sink);
    mr_case_stop();
}

static int flush(void)
{
    uint64_t n_done;
    const struct mr_put_rows rows = {.table = mr_case.table,
                                     .key = &mr_case.build.key,
                                     .cols = mr_row_build_cols(&mr_case.build, mr_case_all_cols),
                                     .rows = mr_case.build.rows,
                                     .n_rows = mr_case.build.n_rows};
    int rc = session->ops->begin(session, &mr_case.table, 1, NULL, 0, &mr_case.f.err);
    if (rc == 0)
        rc = session->ops->put_rows(session, &rows, MR_PUT_UPSERT, &n_done, &mr_case.f.err);
    if (rc == 0)
        rc = session->ops->commit(session, &mr_case.f.err);
    session->ops->rollback(session);
    return rc;
}

MR_TEST("without a script every call is the real one")
{
    mr_case_make("t", 1);
    mr_case_add(1, "one", NULL);
    MR_CHECK_STR(sink->ops->name, "sqlite");
    MR_CHECK(sink->ops->emit == mr_case.f.ops->emit);
    MR_CHECK_OK(sink->ops->probe(sink, &mr_case.f.err));
    MR_CHECK_OK(flush());
    mr_case_rows("1|one|~\n");
    MR_CHECK_U64(mr_sink_fault_calls(sink, MR_OP_COMMIT), 1);
    MR_CHECK_U64(mr_sink_fault_met(sink), 0);
}

MR_TEST("the named call fails, those before and behind it do not")
{
    const struct mr_fault_step script[] = {{.op = MR_OP_COMMIT,
                                            .call = 2,
                                            .code = MR_DB,
                                            .class = MR_CLASS_RETRY,
                                            .sqlstate = "40001"}};
    mr_sink_fault_script(sink, script, 1);
    mr_case_make("t", 1);
    MR_CHECK_OK(flush());
    mr_case_add(1, "one", NULL);
    MR_CHECK_INT(flush(), -MR_DB);
    MR_CHECK_STR(mr_case.f.err.sqlstate, "40001");
    MR_CHECK_INT(mr_case.f.err.class, MR_CLASS_RETRY);
    mr_case_rows("");
    MR_CHECK_OK(flush());
    mr_case_rows("1|one|~\n");
    MR_CHECK_U64(mr_sink_fault_met(sink), 1);
}

MR_TEST("an answer that was lost leaves the commit done")
{
    const struct mr_fault_step script[] = {
        {.op = MR_OP_COMMIT, .call = 1, .code = MR_COMMIT_UNKNOWN, .after = true}};
    mr_sink_fault_script(sink, script, 1);
    mr_case_make("t", 1);
    mr_case_add(1, "one", NULL);
    MR_CHECK_INT(flush(), -MR_COMMIT_UNKNOWN);
    mr_case_rows("1|one|~\n");
}

MR_TEST("a poisoned offset fails each put that carries it, and no other")
{
    const struct mr_fault_step script[] = {{.op = MR_OP_PUT_ROWS,
                                            .call = 1,
                                            .times = UINT32_MAX,
                                            .code = MR_VALUE_INVALID,
                                            .by_offset = true,
                                            .offset = 1}};
    mr_sink_fault_script(sink, script, 1);
    mr_case_make("t", 1);
    mr_case_add(1, "offset 0", NULL);
    MR_CHECK_OK(flush());
    mr_case_add(2, "offset 1", NULL);
    MR_CHECK_INT(flush(), -MR_VALUE_INVALID);
    MR_CHECK_INT(flush(), -MR_VALUE_INVALID);
    mr_case_rows("1|offset 0|~\n");
    MR_CHECK_U64(mr_sink_fault_met(sink), 2);
}
