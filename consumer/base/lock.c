/* Owns mutexes, conditions and the start of threads. Must not know what they protect. Invariants:
 * conditions wait on CLOCK_MONOTONIC; in builds with MR_FAULTS a thread that takes a lock whose
 * rank is not above all that it holds aborts, since another thread may take them the other way. */
#include "base/lock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"

#include "base/ban.h"

#if defined(MR_FAULTS) && MR_FAULTS
enum { LOCK_MAX_HELD = 16 };
static _Thread_local int held_ranks[LOCK_MAX_HELD];
static _Thread_local int n_held;

static void rank_push(int rank)
{
    if (n_held == LOCK_MAX_HELD || (n_held > 0 && held_ranks[n_held - 1] >= rank)) {
        (void)fprintf(stderr, "lock rank %d taken under rank %d\n", rank,
                      n_held > 0 ? held_ranks[n_held - 1] : -1);
        abort();
    }
    held_ranks[n_held++] = rank;
}

static void rank_pop(int rank)
{
    for (int i = n_held; i-- > 0;) {
        if (held_ranks[i] != rank)
            continue;
        for (n_held--; i < n_held; i++)
            held_ranks[i] = held_ranks[i + 1];
        return;
    }
    (void)fprintf(stderr, "lock rank %d dropped, but not held\n", rank);
    abort();
}
#else
static void rank_push(int rank)
{
    (void)rank;
}
static void rank_pop(int rank)
{
    (void)rank;
}
#endif

/* pthread calls on valid objects fail only by our own bugs, and going on would lose the lock. */
static void must(int rc, const char *what)
{
    if (rc != 0) {
        (void)fprintf(stderr, "%s: error %d\n", what, rc);
        abort();
    }
}

void mr_lock_init(struct mr_lock *lock, int rank)
{
    must(pthread_mutex_init(&lock->mutex, NULL), "pthread_mutex_init");
    lock->rank = rank;
}

void mr_lock_release(struct mr_lock *lock)
{
    must(pthread_mutex_destroy(&lock->mutex), "pthread_mutex_destroy");
}

MR_NO_TSA void mr_lock_take(struct mr_lock *lock)
{
    rank_push(lock->rank);
    must(pthread_mutex_lock(&lock->mutex), "pthread_mutex_lock");
}

MR_NO_TSA void mr_lock_drop(struct mr_lock *lock)
{
    must(pthread_mutex_unlock(&lock->mutex), "pthread_mutex_unlock");
    rank_pop(lock->rank);
}

void mr_cond_init(struct mr_cond *cond)
{
    pthread_condattr_t attr;
    must(pthread_condattr_init(&attr), "pthread_condattr_init");
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), "pthread_condattr_setclock");
    must(pthread_cond_init(&cond->cond, &attr), "pthread_cond_init");
    (void)pthread_condattr_destroy(&attr);
}

void mr_cond_release(struct mr_cond *cond)
{
    must(pthread_cond_destroy(&cond->cond), "pthread_cond_destroy");
}

void mr_cond_wake_one(struct mr_cond *cond)
{
    must(pthread_cond_signal(&cond->cond), "pthread_cond_signal");
}

void mr_cond_wake_all(struct mr_cond *cond)
{
    must(pthread_cond_broadcast(&cond->cond), "pthread_cond_broadcast");
}

bool mr_cond_wait_until(struct mr_cond *cond, struct mr_lock *lock, const struct timespec *deadline)
{
    /* Any error but a time-out (there is none for valid arguments) counts as a wake-up without
     * reason: the caller looks at its condition anyway. */
    return pthread_cond_timedwait(&cond->cond, &lock->mutex, deadline) != ETIMEDOUT;
}

bool mr_cond_wait(struct mr_cond *cond, struct mr_lock *lock, uint32_t timeout_ms)
{
    if (timeout_ms == 0)
        return false;
    struct timespec deadline;
    mr_clock_deadline(&deadline, timeout_ms);
    return mr_cond_wait_until(cond, lock, &deadline);
}

struct thread_start {
    void *(*body)(void *);
    void *arg;
    char name[16]; /* the kernel's limit with the NUL: prctl(2), PR_SET_NAME */
};

static void *thread_enter(void *arg)
{
    struct thread_start start = *(struct thread_start *)arg;
    free(arg);
    (void)prctl(PR_SET_NAME, start.name, 0, 0, 0);
    return start.body(start.arg);
}

int mr_thread_start(pthread_t *thread, const char *name, void *(*body)(void *), void *arg)
{
    struct thread_start *start = calloc(1, sizeof *start);
    if (start == NULL)
        return -MR_NO_MEMORY;
    start->body = body;
    start->arg = arg;
    memcpy(start->name, name, strnlen(name, sizeof start->name - 1));
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    must(pthread_sigmask(SIG_SETMASK, &all, &before), "pthread_sigmask");
    int rc = pthread_create(thread, NULL, thread_enter, start);
    must(pthread_sigmask(SIG_SETMASK, &before, NULL), "pthread_sigmask");
    if (rc != 0) {
        free(start);
        return -MR_NO_MEMORY; /* EAGAIN: no memory for a stack, or a limit on threads */
    }
    return 0;
}
