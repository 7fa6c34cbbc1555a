/* Questions and answers of POST /resume. */
#include "consumer/report_resume.h"

#include <string.h>

#include "tests/support/mr_test.h"
#include "tests/support/service_rig.h"

static struct service_rig rig;
static struct mr_buf question, out;

MR_SETUP
{
    service_rig_init(&rig);
    question = (struct mr_buf)MR_BUF_INIT;
    out = (struct mr_buf)MR_BUF_INIT;
}

MR_TEARDOWN
{
    mr_buf_release(&question);
    mr_buf_release(&out);
    service_rig_release(&rig);
}

static unsigned answer(const char *text)
{
    mr_buf_reset(&question);
    mr_buf_reset(&out);
    mr_buf_str(&question, text);
    return mr_report_resume(&rig.service, &question, &out);
}

MR_TEST("what the command asks is what the service takes, and its answer is told in words")
{
    struct mr_buf told = MR_BUF_INIT;

    MR_CHECK_OK(mr_report_resume_ask("t", 12, &question));
    MR_CHECK_U64(mr_report_resume(&rig.service, &question, &out), 200);
    mr_report_resume_tell(&out, &told);
    MR_CHECK_STR(mr_buf_cstr(&told),
                 "t: a fresh window, 0 halted partitions and 0 halted tables go on; the limit is "
                 "higher by 12 for the next 12 records\n");
    mr_buf_release(&told);
}

MR_TEST("an unknown route is told with those that there are")
{
    struct mr_buf told = MR_BUF_INIT;

    MR_CHECK_U64(answer("{\"route\": \"u\"}"), 404);
    mr_report_resume_tell(&out, &told);
    MR_CHECK_STR(mr_buf_cstr(&told), "no such route: there are t");
    mr_buf_release(&told);
}

MR_TEST("a question that is none is refused")
{
    static const char *const wrong[] = {"",
                                        "{}",
                                        "[]",
                                        "{\"route\": 1}",
                                        "{\"route\": \"t\", \"accept\": -1}",
                                        "{\"route\": \"t\", \"accept\": 1000000001}",
                                        "{\"route\": \"t\", \"accept\": \"1\"}",
                                        "{\"route\": \"t\", \"more\": 1}",
                                        "{\"route\": \"t\"",
                                        "{\"route\": \"t\"} x"};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (answer(wrong[i]) != 400)
            MR_FAIL("taken: %s", wrong[i]);
}

MR_TEST("an answer of something else is told as such")
{
    mr_buf_str(&question, "<html>");
    mr_report_resume_tell(&question, &out);
    MR_CHECK_STR(mr_buf_cstr(&out), "the answer is none of millrace's\n");
}
