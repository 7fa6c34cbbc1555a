/* Owns time and chance: the only file that reads a clock or the kernel's entropy. Must not sleep.
 * Invariants: the monotonic clock never goes back; a generator's state is never all zero. */
#define MR_CLOCK_OWNER
#include "base/clock.h"

#include <sys/random.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "base/ban.h"

static uint64_t system_mono_us(const struct mr_clock *clock)
{
    (void)clock;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock on Linux */
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int64_t system_wall_ms(const struct mr_clock *clock)
{
    (void)clock;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + (int64_t)now.tv_nsec / 1000000;
}

const struct mr_clock mr_clock_system = {.mono_us = system_mono_us, .wall_ms = system_wall_ms};

void mr_clock_deadline(struct timespec *deadline, uint32_t timeout_ms)
{
    (void)clock_gettime(CLOCK_MONOTONIC, deadline);
    deadline->tv_sec += (time_t)(timeout_ms / 1000);
    deadline->tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (deadline->tv_nsec >= 1000000000) {
        deadline->tv_sec++;
        deadline->tv_nsec -= 1000000000;
    }
}

static uint64_t fake_mono_us(const struct mr_clock *clock)
{
    return ((const struct mr_clock_fake *)clock)->now_us;
}

static int64_t fake_wall_ms(const struct mr_clock *clock)
{
    const struct mr_clock_fake *fake = (const struct mr_clock_fake *)clock;
    return (int64_t)(fake->now_us / 1000) + fake->wall_offset_ms;
}

void mr_clock_fake_init(struct mr_clock_fake *fake, uint64_t start_us)
{
    *fake = (struct mr_clock_fake){
        .base = {.mono_us = fake_mono_us, .wall_ms = fake_wall_ms},
        .now_us = start_us,
    };
}

static uint64_t rotate_left(uint64_t v, unsigned n)
{
    return (v << n) | (v >> (64 - n));
}

/* splitmix64, as the authors of xoshiro advise for seeding: no seed gives an all-zero state.
 * Source: prng.di.unimi.it, splitmix64.c. The sums wrap on purpose. */
static uint64_t splitmix_next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void mr_rng_init(struct mr_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rng->s[i] = splitmix_next(&seed);
}

/* Source: prng.di.unimi.it, xoshiro256starstar.c. The products wrap on purpose. */
uint64_t mr_rng_u64(struct mr_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t out = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return out;
}

uint64_t mr_rng_below(struct mr_rng *rng, uint64_t bound)
{
    /* The lowest 2^64 mod bound values would come up once more often than the others. */
    uint64_t refuse_below = (UINT64_MAX - bound + 1) % bound;
    uint64_t v;
    do
        v = mr_rng_u64(rng);
    while (v < refuse_below);
    return v % bound;
}

struct mr_rng mr_rng_split(struct mr_rng *rng)
{
    struct mr_rng out;
    mr_rng_init(&out, mr_rng_u64(rng));
    return out;
}

void mr_env_init_system(struct mr_env *env)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        /* An old kernel or a strict seccomp profile: chance here spreads retries and hash seeds,
         * it protects no secret. */
        seed = system_mono_us(NULL) ^ ((uint64_t)system_wall_ms(NULL) << 20) ^
               ((uint64_t)getpid() << 44);
    }
    env->clock = &mr_clock_system;
    mr_rng_init(&env->rng, seed);
}
