/* kill -9 in the middle of flushes into SQLite: what commit has promised is there, rows and
 * position agree, and the next owner goes on from there (promise P1 of design.md). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/mr_test.h"
#include "tests/support/sink_cases.h"

enum { N_KILLS = 5, ACKS_BEFORE_KILL = 7 };

MR_SETUP
{
    mr_case_start();
}

MR_TEARDOWN
{
    mr_case_stop();
}

/* Claims, then flushes one row at a time, and tells each position that commit has promised. */
static void child(int fd)
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_sink *sink;
    struct mr_session *session;
    char id[MR_TARGET_ID_BYTES];
    struct mr_claim claim = {.position = {.stream = "orders", .slots = 1}};
    const struct mr_sink_ops *ops = &mr_sink_sqlite;
    int rc = ops->open(&mr_case.f.opts, &sink, &err);
    if (rc == 0)
        rc = ops->setup(sink, id, &err);
    if (rc == 0)
        rc = ops->session_open(sink, &session, &err);
    if (rc == 0)
        rc = ops->claim(sink, &claim, 1, &err);
    for (int64_t at = claim.position.next_offset; rc == 0; at++) {
        uint64_t n_done;
        const struct mr_span span = {.stream = "orders",
                                     .slots = 1,
                                     .epoch = claim.position.epoch,
                                     .expected = at,
                                     .next = at + 1};
        mr_row_build_forget(&mr_case.build);
        mr_case_add(at, "row", NULL);
        const struct mr_put_rows rows = {.table = mr_case.table,
                                         .key = &mr_case.build.key,
                                         .cols =
                                             mr_row_build_cols(&mr_case.build, mr_case_all_cols),
                                         .rows = mr_case.build.rows,
                                         .n_rows = 1};
        rc = ops->begin(session, &mr_case.table, 1, &span, 1, &err);
        if (rc == 0)
            rc = ops->put_rows(session, &rows, MR_PUT_INSERT, &n_done, &err);
        if (rc == 0)
            rc = ops->put_positions(session, &span, 1, &err);
        if (rc == 0)
            rc = ops->commit(session, &err);
        if (rc == 0 && write(fd, &span.next, sizeof span.next) != (ssize_t)sizeof span.next)
            break;
    }
    _exit(3); /* only a kill ends it as it should */
}

MR_TEST("after kill -9 the rows, the position and what was promised agree")
{
    mr_sink_fixture_start(&mr_case.f, MR_KIND_SQLITE);
    mr_case_make("t", 1);
    for (int kills = 0; kills < N_KILLS; kills++) {
        int ends[2];
        int64_t promised = 0;
        MR_CHECK_INT(pipe(ends), 0);
        pid_t pid = fork();
        if (pid == 0) {
            (void)close(ends[0]);
            child(ends[1]);
        }
        (void)close(ends[1]);
        int64_t next;
        for (int acks = 0; acks < ACKS_BEFORE_KILL + kills; acks++) {
            MR_CHECK_INT(read(ends[0], &next, sizeof next), (long)sizeof next);
            promised = next;
        }
        MR_CHECK_INT(kill(pid, SIGKILL), 0);
        while (read(ends[0], &next, sizeof next) == (ssize_t)sizeof next)
            promised = next;
        (void)close(ends[0]);
        int status;
        MR_CHECK_INT(waitpid(pid, &status, 0), pid);
        MR_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        long long stored = -1;
        MR_CHECK_INT(
            sscanf(mr_sink_fixture_query(&mr_case.f, "SELECT next_offset FROM millrace_positions"),
                   "%lld", &stored),
            1);
        MR_CHECK(stored == promised || stored == promised + 1);
        char expected[64];
        (void)snprintf(expected, sizeof expected, "%lld|%lld\n", stored, stored - 1);
        MR_CHECK_STR(mr_sink_fixture_query(&mr_case.f, "SELECT count(*), max(id) FROM t"),
                     expected);
    }
}
