/* What every kind of target that letters of a topic are replayed into promises of its notes
 * (sinks/replayed.h). */
#include <stdio.h>
#include <string.h>

#include "sinks/replayed.h"
#include "tests/support/mr_test.h"
#include "tests/support/sink_cases.h"

static char found[512];

MR_SETUP
{
    mr_case_start();
}

MR_TEARDOWN
{
    mr_case_stop();
}

static void begin(void)
{
    MR_CHECK_OK(mr_case.f.ops->begin(mr_case.f.session, NULL, 0, NULL, 0, &mr_case.f.err));
}

static int note(const struct mr_replayed *letters, size_t n)
{
    mr_err_clear(&mr_case.f.err);
    return mr_replayed_note(mr_case.f.session, letters, n, "me@here", &mr_case.f.err);
}

static void take(void *arg, const struct mr_replayed *letter)
{
    size_t *at = arg;

    if (letter->at_ms < 1600000000000)
        MR_FAIL("noted at %lld", (long long)letter->at_ms);
    *at += (size_t)snprintf(found + *at, sizeof found - *at, "%s@%lld by %s\n", letter->id,
                            (long long)letter->version, letter->by);
}

static const char *noted(void)
{
    size_t at = 0;
    const struct mr_replayed_taker taker = {.take = take, .arg = &at};

    found[0] = '\0';
    MR_CHECK_OK(mr_replayed_read(mr_case.f.sink, &taker, &mr_case.f.err));
    return found;
}

static const struct mr_replayed one[] = {{.id = "t-0-1-01234567", .version = 1700000000000}};
static const struct mr_replayed both[] = {{.id = "t-0-1-01234567", .version = 1700000000001},
                                          {.id = "t-0-1-01234567", .version = 1700000000000}};

/* G-01 */
MR_CONFORM(rolled, "what is noted goes with its transaction, and stays with it")
{
    begin();
    MR_CHECK_OK(note(one, 1));
    mr_case.f.ops->rollback(mr_case.f.session);
    MR_CHECK_STR(noted(), "");
    begin();
    MR_CHECK_OK(note(one, 1));
    MR_CHECK_OK(mr_case.f.ops->commit(mr_case.f.session, &mr_case.f.err));
    MR_CHECK_STR(noted(), "t-0-1-01234567@1700000000000 by me@here\n");
}

/* G-01: of two replays one sees that the other was first. */
MR_CONFORM(twice, "a version of a letter is noted once, another version beside it")
{
    begin();
    MR_CHECK_OK(note(one, 1));
    MR_CHECK_OK(mr_case.f.ops->commit(mr_case.f.session, &mr_case.f.err));
    begin();
    MR_CHECK_INT(note(both, 2), -MR_AGAIN);
    mr_case.f.ops->rollback(mr_case.f.session);
    begin();
    MR_CHECK_OK(note(both, 1));
    MR_CHECK_OK(mr_case.f.ops->commit(mr_case.f.session, &mr_case.f.err));
    mr_err_clear(&mr_case.f.err);
    MR_CHECK(strstr(noted(), "000001 by") != NULL && strstr(found, "000000 by") != NULL);
}

MR_CONFORM(forgotten, "what the topic says by itself is forgotten, version by version")
{
    begin();
    MR_CHECK_OK(note(both, 2));
    MR_CHECK_OK(mr_case.f.ops->commit(mr_case.f.session, &mr_case.f.err));
    MR_CHECK_OK(mr_replayed_forget(mr_case.f.sink, one, 1, &mr_case.f.err));
    MR_CHECK_STR(noted(), "t-0-1-01234567@1700000000001 by me@here\n");
    MR_CHECK_OK(mr_replayed_forget(mr_case.f.sink, both, 2, &mr_case.f.err));
    MR_CHECK_STR(noted(), "");
    MR_CHECK_OK(mr_replayed_forget(mr_case.f.sink, both, 0, &mr_case.f.err));
}

MR_CONFORM_ALL(none, "standard output keeps no notes")
{
    MR_CHECK_INT(mr_replayed_is_kept(mr_case.f.sink), mr_case.f.sink->ops != &mr_sink_stdout);
    if (mr_case.f.sink->ops != &mr_sink_stdout)
        return;
    size_t at = 0;
    const struct mr_replayed_taker taker = {.take = take, .arg = &at};
    MR_CHECK_INT(mr_replayed_read(mr_case.f.sink, &taker, &mr_case.f.err), -MR_CONFIG_USAGE);
    MR_CHECK_INT(mr_replayed_forget(mr_case.f.sink, one, 1, &mr_case.f.err), -MR_CONFIG_USAGE);
    mr_err_clear(&mr_case.f.err);
}
