/* Signals of the commands that serve. */
#include "consumer/cmd/signals.h"

#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "tests/support/mr_test.h"

MR_TEST("a signal that came before the wait is given once, then none")
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t set;

    mr_signals_block(&set);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        MR_CHECK_INT(kill(getpid(), signals[i]), 0);
        MR_CHECK_INT(mr_signals_wait(&set), signals[i]);
        MR_CHECK_INT(mr_signals_wait(&set), 0);
    }
}

MR_TEST("writing to a peer that is gone is an error, not the end")
{
    int ends[2];
    sigset_t set;

    mr_signals_block(&set);
    MR_CHECK_INT(pipe(ends), 0);
    close(ends[0]);
    MR_CHECK_INT(write(ends[1], "x", 1), -1);
    close(ends[1]);
}

/* The exit code of a process that gets `signo` after the release, when SIGHUP came before. */
static int code_after(int signo)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        sigset_t set;
        mr_signals_block(&set);
        mr_signals_release(&set);
        kill(getpid(), SIGHUP);
        kill(getpid(), signo);
        _exit(0);
    }
    MR_CHECK_INT(waitpid(child, &status, 0), child);
    MR_CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* design.md section 4: a second SIGTERM exits at once with 75 */
MR_TEST("after the release SIGTERM and SIGINT end the process with 75, SIGHUP does not")
{
    MR_CHECK_INT(code_after(SIGTERM), EX_TEMPFAIL);
    MR_CHECK_INT(code_after(SIGINT), EX_TEMPFAIL);
    MR_CHECK_INT(code_after(SIGHUP), 0);
}
