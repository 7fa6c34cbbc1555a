/* Owns fibers, virtual time, and what the product believes to be locks and threads. */
#include "tests/sim/fiber.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_ASAN 1
#endif
#endif
#ifdef SIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#include "base/err.h"
#include "base/lock.h"

enum { STACK_BYTES = 512 * 1024, GUARD_BYTES = 4096, HELD_MOST = 16 };
enum { RANK_BITS = 8, LEAF_RANK = 60 };

enum fiber_state { FIBER_FREE, FIBER_READY, FIBER_WAITS, FIBER_ENDED };

struct fiber {
    ucontext_t ctx;
    uint8_t *stack;
    void *fake_stack;
    enum fiber_state state;
    uint32_t owner;
    void (*body)(void *);
    void *arg;
    void *(*thread_body)(void *);
    const void *on;    /* what it waits for */
    uint64_t until_us; /* at most */
    bool woken;
    int held[HELD_MOST]; /* ranks */
    int n_held;
};

static struct {
    struct fiber fibers[SIM_MAX_FIBERS];
    uint32_t n_fibers; /* used at least once in this run */
    struct fiber *now; /* NULL: the scheduler */
    ucontext_t scheduler;
    void *fake_stack;
    const void *main_stack;
    size_t main_stack_bytes;
    uint64_t now_us;
    uint64_t n_steps;
    uint64_t stopped; /* a bit a process */
    struct sim_fibers_opts opts;
    struct mr_rng chance;
    struct mr_rng turns;
} s;

static void die(const char *what)
{
    (void)fprintf(stderr, "simulation: %s\n", what);
    abort();
}

/* ---- switching ---- */

static void switch_to_fiber(struct fiber *fiber)
{
    s.now = fiber;
#ifdef SIM_ASAN
    __sanitizer_start_switch_fiber(&s.fake_stack, fiber->stack + GUARD_BYTES,
                                   STACK_BYTES - GUARD_BYTES);
#endif
    (void)swapcontext(&s.scheduler, &fiber->ctx);
#ifdef SIM_ASAN
    __sanitizer_finish_switch_fiber(s.fake_stack, NULL, NULL);
#endif
    s.now = NULL;
}

static void switch_to_scheduler(struct fiber *fiber)
{
#ifdef SIM_ASAN
    bool last = fiber->state == FIBER_ENDED;
    __sanitizer_start_switch_fiber(last ? NULL : &fiber->fake_stack, s.main_stack,
                                   s.main_stack_bytes);
#endif
    (void)swapcontext(&fiber->ctx, &s.scheduler);
#ifdef SIM_ASAN
    __sanitizer_finish_switch_fiber(fiber->fake_stack, &s.main_stack, &s.main_stack_bytes);
#endif
}

static void fiber_main(void)
{
    struct fiber *fiber = s.now;

#ifdef SIM_ASAN
    __sanitizer_finish_switch_fiber(NULL, &s.main_stack, &s.main_stack_bytes);
#endif
    if (fiber->thread_body != NULL)
        (void)fiber->thread_body(fiber->arg);
    else
        fiber->body(fiber->arg);
    if (fiber->n_held > 0)
        die("a thread ended with a lock");
    fiber->state = FIBER_ENDED;
    sim_wake(fiber);
    switch_to_scheduler(fiber);
    die("a fiber went on after its end");
}

static struct fiber *fiber_new(uint32_t owner, void *arg)
{
    struct fiber *fiber = NULL;

    for (uint32_t i = 0; i < SIM_MAX_FIBERS && fiber == NULL; i++)
        if (s.fibers[i].state == FIBER_FREE) {
            fiber = &s.fibers[i];
            s.n_fibers = i >= s.n_fibers ? i + 1 : s.n_fibers;
        }
    if (fiber == NULL)
        die("too many threads");
    if (fiber->stack == NULL) {
        fiber->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (fiber->stack == MAP_FAILED || mprotect(fiber->stack, GUARD_BYTES, PROT_NONE) != 0)
            die("no memory for a stack");
    }
#ifdef SIM_ASAN
    ASAN_UNPOISON_MEMORY_REGION(fiber->stack + GUARD_BYTES, STACK_BYTES - GUARD_BYTES);
#endif
    fiber->state = FIBER_READY;
    fiber->owner = owner;
    fiber->arg = arg;
    fiber->body = NULL;
    fiber->thread_body = NULL;
    fiber->on = NULL;
    fiber->n_held = 0;
    fiber->fake_stack = NULL;
    (void)getcontext(&fiber->ctx);
    fiber->ctx.uc_stack.ss_sp = fiber->stack + GUARD_BYTES;
    fiber->ctx.uc_stack.ss_size = STACK_BYTES - GUARD_BYTES;
    fiber->ctx.uc_link = NULL;
    makecontext(&fiber->ctx, fiber_main, 0);
    fiber->ctx.uc_stack.ss_size = 0; /* else the sanitizer clears all its shadow at each switch */
    return fiber;
}

void sim_fiber_start(uint32_t owner, void (*body)(void *), void *arg)
{
    struct fiber *fiber = fiber_new(owner, arg);

    fiber->body = body;
}

/* ---- the scheduler ---- */

void sim_fibers_begin(const struct sim_fibers_opts *opts)
{
    for (uint32_t i = 0; i < s.n_fibers; i++) {
        if (s.fibers[i].state != FIBER_FREE && s.fibers[i].state != FIBER_ENDED)
            die("a run began while threads of the former one live");
        s.fibers[i].state = FIBER_FREE;
    }
    s.opts = *opts;
    s.n_fibers = 0;
    s.now_us = 1000;
    s.n_steps = 0;
    s.stopped = 0;
    mr_rng_init(&s.chance, opts->seed);
    s.turns = mr_rng_split(&s.chance);
}

static bool is_stopped(const struct fiber *fiber)
{
    return (s.stopped >> fiber->owner & 1) != 0;
}

static bool can_go(struct fiber *fiber)
{
    if (fiber->state == FIBER_WAITS && fiber->until_us <= s.now_us) {
        fiber->state = FIBER_READY;
        fiber->woken = false;
    }
    return fiber->state == FIBER_READY && !is_stopped(fiber);
}

static bool time_passes(uint64_t until_us)
{
    uint64_t next_us = until_us;

    for (uint32_t i = 0; i < s.n_fibers; i++)
        if (s.fibers[i].state == FIBER_WAITS && !is_stopped(&s.fibers[i]) &&
            s.fibers[i].until_us < next_us)
            next_us = s.fibers[i].until_us;
    s.now_us = next_us > s.now_us ? next_us : s.now_us;
    return next_us < until_us;
}

bool sim_step(uint64_t until_us)
{
    struct fiber *picks[SIM_MAX_FIBERS];
    uint32_t n = 0;

    if (s.now_us >= until_us)
        return false;
    for (uint32_t i = 0; i < s.n_fibers; i++)
        if (can_go(&s.fibers[i]))
            picks[n++] = &s.fibers[i];
    if (n == 0)
        return time_passes(until_us);
    s.n_steps++;
    s.now_us += 1 + mr_rng_below(&s.turns, s.opts.step_us);
    switch_to_fiber(picks[n == 1 ? 0 : mr_rng_below(&s.turns, n)]);
    return true;
}

void sim_stop_process(uint32_t owner, bool stopped)
{
    uint64_t bit = UINT64_C(1) << owner;

    s.stopped = stopped ? s.stopped | bit : s.stopped & ~bit;
}

bool sim_process_lives(uint32_t owner)
{
    for (uint32_t i = 0; i < s.n_fibers; i++)
        if (s.fibers[i].owner == owner &&
            (s.fibers[i].state == FIBER_READY || s.fibers[i].state == FIBER_WAITS))
            return true;
    return false;
}

uint64_t sim_n_steps(void)
{
    return s.n_steps;
}

uint64_t sim_now_us(void)
{
    return s.now_us;
}

uint64_t sim_below(uint64_t bound)
{
    return mr_rng_below(&s.chance, bound);
}

bool sim_once_in(uint32_t n)
{
    return n > 0 && mr_rng_below(&s.chance, n) == 0;
}

/* ---- from a fiber ---- */

void sim_yield(void)
{
    if (s.now != NULL)
        switch_to_scheduler(s.now);
}

static void maybe_yield(void)
{
    if (s.now != NULL && mr_rng_below(&s.turns, s.opts.yield_in) == 0)
        switch_to_scheduler(s.now);
}

bool sim_wait(const void *on, uint64_t until_us)
{
    struct fiber *fiber = s.now;

    if (fiber == NULL)
        die("only a fiber can wait");
    fiber->state = FIBER_WAITS;
    fiber->on = on;
    fiber->until_us = until_us;
    switch_to_scheduler(fiber);
    fiber->on = NULL;
    return fiber->woken;
}

void sim_sleep_us(uint64_t us)
{
    (void)sim_wait(NULL, s.now_us + us);
}

void sim_wake(const void *on)
{
    for (uint32_t i = 0; i < s.n_fibers; i++)
        if (s.fibers[i].state == FIBER_WAITS && s.fibers[i].on == on) {
            s.fibers[i].state = FIBER_READY;
            s.fibers[i].woken = true;
        }
}

uint32_t sim_process(void)
{
    return s.now != NULL ? s.now->owner : SIM_NOBODY;
}

/* ---- clocks ---- */

static uint64_t still_us(const struct mr_clock *clock)
{
    (void)clock;
    return s.now_us;
}

static uint64_t moving_us(const struct mr_clock *clock)
{
    (void)clock;
    maybe_yield();
    return s.now_us;
}

static int64_t wall_ms(const struct mr_clock *clock)
{
    (void)clock;
    return INT64_C(1700000000000) + (int64_t)(s.now_us / 1000);
}

const struct mr_clock sim_clock = {.mono_us = moving_us, .wall_ms = wall_ms};
const struct mr_clock sim_clock_still = {.mono_us = still_us, .wall_ms = wall_ms};

/* ---- base/lock.h: a lock's holder stands above its rank ---- */

static int rank_of(const struct mr_lock *lock)
{
    return lock->rank & ((1 << RANK_BITS) - 1);
}

static bool is_taken(const struct mr_lock *lock)
{
    return lock->rank >> RANK_BITS != 0;
}

void mr_lock_init(struct mr_lock *lock, int rank)
{
    lock->rank = rank;
}

MR_NO_TSA void mr_lock_release(struct mr_lock *lock)
{
    if (is_taken(lock))
        die("a lock was released while it was taken");
}

static void held_push(struct fiber *fiber, int rank)
{
    if (fiber->n_held == HELD_MOST || (fiber->n_held > 0 && fiber->held[fiber->n_held - 1] >= rank))
        die("a lock was taken under one of its rank or above");
    fiber->held[fiber->n_held++] = rank;
}

static void held_pop(struct fiber *fiber, int rank)
{
    int i = fiber->n_held;

    while (i > 0 && fiber->held[i - 1] != rank)
        i--;
    if (i == 0)
        die("a lock was dropped by another thread than its holder");
    for (fiber->n_held--; i <= fiber->n_held; i++)
        fiber->held[i - 1] = fiber->held[i];
}

MR_NO_TSA void mr_lock_take(struct mr_lock *lock)
{
    struct fiber *fiber = s.now;

    if (fiber == NULL && is_taken(lock))
        die("a lock is taken that the test needs");
    if (fiber != NULL) {
        if (rank_of(lock) < LEAF_RANK) /* else a trace would change what it shows */
            maybe_yield();
        while (is_taken(lock))
            (void)sim_wait(lock, SIM_NEVER);
        held_push(fiber, rank_of(lock));
    }
    lock->rank |= 1 << RANK_BITS;
}

MR_NO_TSA void mr_lock_drop(struct mr_lock *lock)
{
    if (!is_taken(lock))
        die("a lock was dropped that nobody holds");
    lock->rank &= (1 << RANK_BITS) - 1;
    if (s.now == NULL)
        return;
    held_pop(s.now, rank_of(lock));
    sim_wake(lock);
    if (rank_of(lock) < LEAF_RANK)
        maybe_yield();
}

void mr_cond_init(struct mr_cond *cond)
{
    (void)cond;
}

void mr_cond_release(struct mr_cond *cond)
{
    (void)cond;
}

void mr_cond_wake_one(struct mr_cond *cond)
{
    sim_wake(cond); /* waiting may end without reason */
}

void mr_cond_wake_all(struct mr_cond *cond)
{
    sim_wake(cond);
}

static MR_NO_TSA bool cond_wait(struct mr_cond *cond, struct mr_lock *lock, uint64_t until_us)
{
    lock->rank &= (1 << RANK_BITS) - 1;
    held_pop(s.now, rank_of(lock));
    sim_wake(lock);
    bool woken = sim_wait(cond, until_us);
    while (is_taken(lock))
        (void)sim_wait(lock, SIM_NEVER);
    held_push(s.now, rank_of(lock));
    lock->rank |= 1 << RANK_BITS;
    return woken;
}

bool mr_cond_wait(struct mr_cond *cond, struct mr_lock *lock, uint32_t timeout_ms)
{
    if (timeout_ms == 0)
        return false;
    return cond_wait(cond, lock, s.now_us + (uint64_t)timeout_ms * 1000);
}

/* Its deadline is the real clock's: nobody here waits so for anything that comes late. */
bool mr_cond_wait_until(struct mr_cond *cond, struct mr_lock *lock, const struct timespec *deadline)
{
    (void)deadline;
    return cond_wait(cond, lock, s.now_us + 1000);
}

int mr_thread_start(pthread_t *thread, const char *name, void *(*body)(void *), void *arg)
{
    (void)name;
    struct fiber *fiber = fiber_new(sim_process(), arg);

    fiber->thread_body = body;
    *thread = (pthread_t)(fiber - s.fibers);
    maybe_yield();
    return 0;
}

/* The linker gives the product's pthread_join this name (tests/CMakeLists.txt). */
int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result)
{
    struct fiber *fiber = &s.fibers[thread];

    if (result != NULL)
        *result = NULL;
    while (fiber->state != FIBER_ENDED && fiber->state != FIBER_FREE)
        (void)sim_wait(fiber, SIM_NEVER);
    fiber->state = FIBER_FREE;
    return 0;
}
