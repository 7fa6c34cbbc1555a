/* Ranked mutexes and conditions. Ranks are taken only upwards on one thread; a debug build
 * (MR_FAULTS) asserts it. No lock is held across a library call that may block or a log write.
 * Ranks: 10 service, 20 partitions, 30 lane orders, 40 lane hand-over, 50 registry cache,
 * 60 pool, 70 metrics and status, 80 log. clang checks the annotations by -Wthread-safety. */
#ifndef MR_BASE_LOCK_H
#define MR_BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct timespec;

#if defined(__clang__)
#define MR_TSA(x) __attribute__((x))
#else
#define MR_TSA(x)
#endif
/* `l` is a struct mr_lock of the same struct, not a pointer. The `&` makes clang compare the field
 * (in C it has no `this` for a plain name): an access without the lock is found, one under the same
 * lock of another object is not. */
/* NOLINTNEXTLINE(bugprone-macro-parentheses): clang takes `&(l)` for another lock than `&l` */
#define MR_GUARDED_BY(l) MR_TSA(guarded_by(&l))
#define MR_REQUIRES(l) MR_TSA(requires_capability(l))
#define MR_ACQUIRES(l) MR_TSA(acquire_capability(l))
#define MR_RELEASES(l) MR_TSA(release_capability(l))
#define MR_NO_TSA MR_TSA(no_thread_safety_analysis)

struct MR_TSA(capability("mutex")) mr_lock {
    pthread_mutex_t mutex;
    int rank;
};

/* Waits on CLOCK_MONOTONIC. */
struct mr_cond {
    pthread_cond_t cond;
};

void mr_lock_init(struct mr_lock *lock, int rank);
void mr_lock_release(struct mr_lock *lock); /* destroys; it must be free */
void mr_lock_take(struct mr_lock *lock) MR_ACQUIRES(*lock);
void mr_lock_drop(struct mr_lock *lock) MR_RELEASES(*lock);

void mr_cond_init(struct mr_cond *cond);
void mr_cond_release(struct mr_cond *cond);
void mr_cond_wake_one(struct mr_cond *cond);
void mr_cond_wake_all(struct mr_cond *cond);
/* Waits at most `timeout_ms` (0 returns at once); false on time-out. May wake without reason. */
bool mr_cond_wait(struct mr_cond *cond, struct mr_lock *lock, uint32_t timeout_ms)
    MR_REQUIRES(*lock);

/* The same up to a point of CLOCK_MONOTONIC (mr_clock_deadline), for loops that wait again. */
bool mr_cond_wait_until(struct mr_cond *cond, struct mr_lock *lock, const struct timespec *deadline)
    MR_REQUIRES(*lock);

/* Starts a named thread (at most 15 characters) with all signals blocked. 0 or -MR_NO_MEMORY. */
int mr_thread_start(pthread_t *thread, const char *name, void *(*body)(void *), void *arg);

#endif
