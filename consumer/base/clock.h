/* Time and chance: the only file that reads a clock or entropy. All others receive struct mr_env,
 * so that the same input and seed give the same batches, SQL and bytes, and tests never sleep. */
#ifndef MR_BASE_CLOCK_H
#define MR_BASE_CLOCK_H

#include <stdint.h>

struct timespec;

struct mr_clock {
    /* Monotonic milliseconds / microseconds and wall-clock Unix milliseconds. Any thread. */
    uint64_t (*mono_us)(const struct mr_clock *clock);
    int64_t (*wall_ms)(const struct mr_clock *clock);
};

/* xoshiro256**; not for secrets. One owner thread, or a copy a thread (mr_rng_split). */
struct mr_rng {
    uint64_t s[4];
};

struct mr_env {
    const struct mr_clock *clock;
    struct mr_rng rng; /* thread: the owner of this env; each thread gets its own by split */
};

extern const struct mr_clock mr_clock_system;

/* The CLOCK_MONOTONIC time `timeout_ms` from now, for waits on a condition (base/lock.h). */
void mr_clock_deadline(struct timespec *deadline, uint32_t timeout_ms);

/* A clock that tests move by hand. */
struct mr_clock_fake {
    struct mr_clock base;
    uint64_t now_us;
    int64_t wall_offset_ms;
};
void mr_clock_fake_init(struct mr_clock_fake *fake, uint64_t start_us);

void mr_rng_init(struct mr_rng *rng, uint64_t seed);
uint64_t mr_rng_u64(struct mr_rng *rng);
uint64_t mr_rng_below(struct mr_rng *rng, uint64_t bound); /* 0..bound-1, without bias; bound > 0 */
struct mr_rng mr_rng_split(struct mr_rng *rng);

/* The system clock and a seed from the kernel. */
void mr_env_init_system(struct mr_env *env);

static inline uint64_t mr_mono_us(const struct mr_env *env)
{
    return env->clock->mono_us(env->clock);
}
static inline uint64_t mr_mono_ms(const struct mr_env *env)
{
    return env->clock->mono_us(env->clock) / 1000;
}
static inline int64_t mr_wall_ms(const struct mr_env *env)
{
    return env->clock->wall_ms(env->clock);
}

#endif
