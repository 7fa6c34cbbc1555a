/* Ranks, conditions and the start of threads. */
#include "base/lock.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/mr_test.h"

enum { N_THREADS = 4, N_ROUNDS = 20000, DEADLINE_MS = 20000 };

static struct {
    struct mr_lock lock;
    struct mr_cond cond;
    uint64_t n MR_GUARDED_BY(lock);
    bool go MR_GUARDED_BY(lock);
} f;

MR_SETUP
{
    mr_lock_init(&f.lock, 30);
    mr_cond_init(&f.cond);
    mr_lock_take(&f.lock);
    f.n = 0;
    f.go = false;
    mr_lock_drop(&f.lock);
}

MR_TEARDOWN
{
    mr_cond_release(&f.cond);
    mr_lock_release(&f.lock);
}

static void *count(void *arg)
{
    (void)arg;
    for (int i = 0; i < N_ROUNDS; i++) {
        mr_lock_take(&f.lock);
        f.n++;
        mr_lock_drop(&f.lock);
    }
    return NULL;
}

MR_TEST("a lock keeps threads apart")
{
    pthread_t threads[N_THREADS];
    for (int i = 0; i < N_THREADS; i++)
        MR_CHECK_OK(mr_thread_start(&threads[i], "count", count, NULL));
    for (int i = 0; i < N_THREADS; i++)
        MR_CHECK_INT(pthread_join(threads[i], NULL), 0);
    mr_lock_take(&f.lock);
    uint64_t n = f.n;
    mr_lock_drop(&f.lock);
    MR_CHECK_U64(n, N_THREADS * N_ROUNDS);
}

static void *wait_for_go(void *arg)
{
    bool *seen = arg;
    struct timespec deadline;
    mr_clock_deadline(&deadline, DEADLINE_MS);
    bool in_time = true;
    mr_lock_take(&f.lock);
    f.n++;
    mr_cond_wake_all(&f.cond);
    while (!f.go && in_time)
        in_time = mr_cond_wait_until(&f.cond, &f.lock, &deadline);
    *seen = f.go && in_time;
    mr_lock_drop(&f.lock);
    return NULL;
}

MR_TEST("waking all wakes every thread that waits")
{
    pthread_t threads[N_THREADS];
    bool seen[N_THREADS] = {false};
    for (int i = 0; i < N_THREADS; i++)
        MR_CHECK_OK(mr_thread_start(&threads[i], "wait", wait_for_go, &seen[i]));
    mr_lock_take(&f.lock);
    while (f.n < N_THREADS)
        (void)mr_cond_wait(&f.cond, &f.lock, DEADLINE_MS);
    f.go = true;
    mr_cond_wake_all(&f.cond);
    mr_lock_drop(&f.lock);
    for (int i = 0; i < N_THREADS; i++) {
        MR_CHECK_INT(pthread_join(threads[i], NULL), 0);
        MR_CHECK(seen[i]);
    }
}

MR_TEST("a wait nobody ends returns false at its time-out, at once for 0")
{
    mr_lock_take(&f.lock);
    bool at_once = mr_cond_wait(&f.cond, &f.lock, 0);
    bool in_time = true;
    uint64_t start_us = mr_clock_system.mono_us(&mr_clock_system);
    struct timespec deadline;
    mr_clock_deadline(&deadline, 5);
    while (in_time) /* a wake-up without reason is allowed */
        in_time = mr_cond_wait_until(&f.cond, &f.lock, &deadline);
    mr_lock_drop(&f.lock);
    MR_CHECK(!at_once);
    MR_CHECK(mr_clock_system.mono_us(&mr_clock_system) >= start_us + 5000);
}

struct thread_view {
    char name[16];
    int n_blocked;
};

static void *look(void *arg)
{
    struct thread_view *view = arg;
    sigset_t mask;
    (void)prctl(PR_GET_NAME, view->name, 0, 0, 0);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    view->n_blocked =
        sigismember(&mask, SIGTERM) + sigismember(&mask, SIGHUP) + sigismember(&mask, SIGINT);
    return view;
}

MR_TEST("a thread has its name, cut to fifteen characters, and takes no signals")
{
    pthread_t thread;
    struct thread_view view = {.name = ""};
    void *result = NULL;
    MR_CHECK_OK(mr_thread_start(&thread, "a-name-that-is-too-long", look, &view));
    MR_CHECK_INT(pthread_join(thread, &result), 0);
    MR_CHECK(result == &view);
    MR_CHECK_STR(view.name, "a-name-that-is-");
    MR_CHECK_INT(view.n_blocked, 3);
}

MR_TEST("starting a thread leaves the starter's own signals as they were")
{
    pthread_t thread;
    struct thread_view view = {.name = ""};
    sigset_t mask;
    MR_CHECK_OK(mr_thread_start(&thread, "x", look, &view));
    MR_CHECK_INT(pthread_join(thread, NULL), 0);
    MR_CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    MR_CHECK_INT(sigismember(&mask, SIGTERM), 0);
}

#if defined(MR_FAULTS) && MR_FAULTS
/* The signal that ends a child which runs `body`; 0 if it comes to its end. */
static int signal_of_child(void (*body)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)close(STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL); /* cmocka and the sanitizers have their own */
        body();
        _exit(0);
    }
    int status = 0;
    MR_CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static struct mr_lock low;
static struct mr_lock high;

static MR_NO_TSA void take_upwards(void)
{
    mr_lock_take(&low);
    mr_lock_take(&high);
    mr_lock_drop(&low); /* dropped in any order */
    mr_lock_drop(&high);
    mr_lock_take(&low);
    mr_lock_drop(&low);
}

static MR_NO_TSA void take_downwards(void)
{
    mr_lock_take(&high);
    mr_lock_take(&low);
}

static MR_NO_TSA void take_equals(void)
{
    struct mr_lock other;
    mr_lock_init(&other, 10);
    mr_lock_take(&low);
    mr_lock_take(&other);
}

static MR_NO_TSA void drop_free(void)
{
    mr_lock_take(&low);
    mr_lock_drop(&low);
    mr_lock_drop(&low);
}

MR_TEST("a test build aborts where ranks are not taken upwards, and only there")
{
    mr_lock_init(&low, 10);
    mr_lock_init(&high, 20);
    MR_CHECK_INT(signal_of_child(take_upwards), 0);
    MR_CHECK_INT(signal_of_child(take_downwards), SIGABRT);
    MR_CHECK_INT(signal_of_child(take_equals), SIGABRT);
    MR_CHECK_INT(signal_of_child(drop_free), SIGABRT);
    mr_lock_release(&low);
    mr_lock_release(&high);
}
#endif
