/* Threads that are not: the product's own threads, locks and conditions (base/lock.h) as fibers of
 * one real thread under a virtual clock. Which fiber goes on is drawn from the run's seed at every
 * lock, wait and call to the outside, so a seed is an interleaving. Linked in place of base/lock.c.
 */
#ifndef MR_TESTS_SIM_FIBER_H
#define MR_TESTS_SIM_FIBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum { SIM_NOBODY = 63, SIM_MAX_FIBERS = 160 };
#define SIM_NEVER UINT64_MAX

struct sim_fibers_opts {
    uint64_t seed;
    uint32_t yield_in; /* a lock is a point of change once in so many times */
    uint32_t step_us;  /* virtual time that a turn takes, at most */
};

/* Begins a run at time 0; all fibers of the former one have ended. */
void sim_fibers_begin(const struct sim_fibers_opts *opts);
/* Starts a fiber of process `owner` (0..62; SIM_NOBODY: of none). */
void sim_fiber_start(uint32_t owner, void (*body)(void *), void *arg);
/* One turn of one fiber, or, where all wait, the clock moves on to the next one's time, at most to
 * `until_us`. False: nothing can go on before that time. */
bool sim_step(uint64_t until_us);
/* While stopped (SIGSTOP), no fiber of the process goes on. */
void sim_stop_process(uint32_t owner, bool stopped);
/* Has the process fibers that have not ended? */
bool sim_process_lives(uint32_t owner);
uint64_t sim_n_steps(void);

uint64_t sim_now_us(void);
/* The run's own chance; the scheduler has another, so that looking on changes nothing. */
uint64_t sim_below(uint64_t bound);
bool sim_once_in(uint32_t n); /* 0: never */

/* ---- from a fiber ---- */
void sim_yield(void);
void sim_sleep_us(uint64_t us);
/* Waits for sim_wake(on), at most until the time; false: the time is over. */
bool sim_wait(const void *on, uint64_t until_us);
void sim_wake(const void *on);
uint32_t sim_process(void); /* of the running fiber */

/* The clock of the product's env: reading it is a point of change, too; and one that is not. */
extern const struct mr_clock sim_clock;
extern const struct mr_clock sim_clock_still;

#endif
