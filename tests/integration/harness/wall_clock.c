/* Preloaded into a program, it steps the program's wall clock: by the nanoseconds that stand, as an
 * int64, in the file that MR_WALL_CLOCK names, at any time. CLOCK_MONOTONIC stays as it is. Waits
 * for a time of the wall clock take the steps into account, as the kernel's do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { SLICE_NS = 20000000, SECOND_NS = 1000000000 };
enum { COND_MONOTONIC = 2 }; /* glibc: the bit of __wrefs for a condition's clock */

typedef int cond_wait_fn(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

static _Atomic int64_t *step;
static cond_wait_fn *cond_wait;

__attribute__((constructor)) static void init(void)
{
    const char *path = getenv("MR_WALL_CLOCK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        void *at = mmap(NULL, sizeof *step, PROT_READ, MAP_SHARED, fd, 0);
        step = at != MAP_FAILED ? at : NULL;
        (void)close(fd);
    }
    *(void **)&cond_wait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (cond_wait == NULL)
        *(void **)&cond_wait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
}

static int64_t real_ns(void)
{
    struct timespec now;

    (void)syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

static int64_t wall_ns(void)
{
    return real_ns() + (step != NULL ? atomic_load(step) : 0);
}

static struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS};
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, now);
    *now = timespec_of(wall_ns());
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int64_t ns = wall_ns();

    (void)zone;
    *now = (struct timeval){.tv_sec = ns / SECOND_NS, .tv_usec = ns % SECOND_NS / 1000};
    return 0;
}

time_t time(time_t *now)
{
    time_t seconds = wall_ns() / SECOND_NS;

    if (now != NULL)
        *now = seconds;
    return seconds;
}

int timespec_get(struct timespec *now, int base)
{
    *now = timespec_of(wall_ns());
    return base;
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    int64_t until_ns = (int64_t)until->tv_sec * SECOND_NS + until->tv_nsec;

    if ((cond->__data.__wrefs & COND_MONOTONIC) != 0)
        return cond_wait(cond, mutex, until);
    for (;;) {
        int64_t left_ns = until_ns - wall_ns();
        if (left_ns <= 0)
            return ETIMEDOUT;
        struct timespec slice = timespec_of(real_ns() + (left_ns < SLICE_NS ? left_ns : SLICE_NS));
        int rc = cond_wait(cond, mutex, &slice);
        if (rc != ETIMEDOUT)
            return rc;
    }
}

/* Of glibc, whose C11 threads are its POSIX ones. */
int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex,
                  const struct timespec *restrict until)
{
    int rc = pthread_cond_timedwait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, until);

    return rc == 0 ? thrd_success : rc == ETIMEDOUT ? thrd_timedout : thrd_error;
}
