/* The switches of the fault points; in a build without them, that nothing is left of them. */
#include "base/fault.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/mr_test.h"

#if defined(MR_FAULTS) && MR_FAULTS

#include <signal.h>

MR_SETUP
{
    mr_fault_disarm_all();
}

MR_TEARDOWN
{
    mr_fault_disarm_all();
}

MR_TEST("one seeded bug is on at a time, and none unless a test says so")
{
    MR_CHECK(!MR_MUTATION(SKIP_FENCE));
    mr_mutation_set(MR_MUTATION_SKIP_FENCE);
    MR_CHECK(MR_MUTATION(SKIP_FENCE));
    MR_CHECK(!MR_MUTATION(FOLD_REVERSED));
    MR_CHECK_STR(mr_mutation_name(MR_MUTATION_SKIP_FENCE), "SKIP_FENCE");
    mr_mutation_set(MR_MUTATION_NONE);
    MR_CHECK(!MR_MUTATION(SKIP_FENCE));
}

MR_TEST("a point that nobody armed never fires, and counts its passes")
{
    for (int i = 0; i < 100; i++)
        MR_CHECK(!MR_FAULT(PG_BEGIN));
    MR_CHECK_U64(mr_fault_passes(MR_FAULT_PG_BEGIN), 100);
    MR_CHECK_U64(mr_fault_passes(MR_FAULT_PG_COPY), 0);
}

MR_TEST("an armed point lets its passes go, fires as often as told, then lets go again")
{
    (void)MR_FAULT(PG_COPY);
    mr_fault_arm(MR_FAULT_PG_COPY, 2, 3);
    static const bool want[] = {false, false, true, true, true, false};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        MR_CHECK_INT(MR_FAULT(PG_COPY), want[i]);
    MR_CHECK(!MR_FAULT(PG_MERGE));
}

MR_TEST("armed for ever means until disarmed")
{
    mr_fault_arm(MR_FAULT_CLAIM, 0, 0);
    for (int i = 0; i < 100; i++)
        MR_CHECK(MR_FAULT(CLAIM));
    mr_fault_disarm_all();
    MR_CHECK(!MR_FAULT(CLAIM));
    MR_CHECK_U64(mr_fault_passes(MR_FAULT_CLAIM), 1);
}

MR_TEST("the text of the environment arms a point in any case of its letters")
{
    MR_CHECK(mr_fault_arm_text("pg_commit_after_send:1"));
    MR_CHECK(!MR_FAULT(PG_COMMIT_AFTER_SEND));
    MR_CHECK(MR_FAULT(PG_COMMIT_AFTER_SEND));
    MR_CHECK(!MR_FAULT(PG_COMMIT_AFTER_SEND));
    MR_CHECK(mr_fault_arm_text("SEEK:0:error"));
    MR_CHECK(MR_FAULT(SEEK));
}

MR_TEST("a text that names no point, number or action is refused")
{
    static const char *const bad[] = {
        "",           "PG_COPY",
        "PG_COPY:",   "NO_POINT:1",
        "PG_COPY:x",  ":1",
        "PG_COPY:-1", "PG_COPY:1x",
        "PG_COPY:1:", "PG_COPY:1:explode",
        "PG_CO:1",    "PG_COPY: 1",
        "PG_COPYX:1", "PG_COPY:99999999999999999999",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (mr_fault_arm_text(bad[i]))
            MR_FAIL("accepted: %s", bad[i]);
    }
}

MR_TEST("every point has a name that arms it")
{
    for (int point = 0; point < (int)MR_N_FAULTS; point++) {
        char text[64];
        const char *name = mr_fault_name((enum mr_fault_point)point);
        MR_CHECK(strlen(name) < 50);
        memcpy(text, name, strlen(name));
        memcpy(text + strlen(name), ":0", 3);
        MR_CHECK(mr_fault_arm_text(text));
        MR_CHECK(mr_fault_hit((enum mr_fault_point)point));
    }
}

/* The status of a child that arms by the environment and passes SEEK. */
static int status_of_child(const char *text, int options, pid_t *pid)
{
    *pid = fork();
    if (*pid == 0) {
        (void)close(STDERR_FILENO);
        (void)setenv("MILLRACE_FAULT", text, 1);
        mr_fault_arm_from_env();
        _exit(MR_FAULT(SEEK) ? 1 : 0);
    }
    int status = 0;
    MR_CHECK(*pid > 0 && waitpid(*pid, &status, options) == *pid);
    return status;
}

MR_TEST("the environment arms error and exit, and a wrong text ends the process")
{
    pid_t pid;
    int status = status_of_child("SEEK:0", 0, &pid);
    MR_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    status = status_of_child("SEEK:0:exit", 0, &pid);
    MR_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 99);
    status = status_of_child("SEEEK:0", 0, &pid);
    MR_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 64);
    status = status_of_child("", 0, &pid);
    MR_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

MR_TEST("an owner stopped at a point goes on behind it when it is continued")
{
    pid_t pid;
    int status = status_of_child("SEEK:0:stop", WUNTRACED, &pid);
    MR_CHECK(WIFSTOPPED(status));
    MR_CHECK_INT(kill(pid, SIGCONT), 0);
    MR_CHECK(waitpid(pid, &status, 0) == pid);
    MR_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#else

MR_TEST("a release knows the points by number alone, and none fires")
{
    MR_CHECK(MR_N_FAULTS > 0);
    MR_CHECK(!MR_FAULT(PG_COMMIT_AFTER_SEND));
}

#endif
