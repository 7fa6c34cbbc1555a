/* The clocks and the generator. */
#include "base/clock.h"

#include <string.h>
#include <time.h>

#include "tests/support/mr_test.h"

MR_TEST("a fake clock stands still until it is moved")
{
    struct mr_clock_fake fake;
    mr_clock_fake_init(&fake, 5000000);
    struct mr_env env = {.clock = &fake.base};
    MR_CHECK_U64(mr_mono_us(&env), 5000000);
    MR_CHECK_U64(mr_mono_us(&env), 5000000);
    fake.now_us += 1500;
    fake.wall_offset_ms = 1000000000000;
    MR_CHECK_U64(mr_mono_ms(&env), 5001);
    MR_CHECK_INT(mr_wall_ms(&env), 1000000005001);
}

MR_TEST("the system's monotonic clock never goes back and its wall clock is of this age")
{
    struct mr_env env;
    mr_env_init_system(&env);
    uint64_t last = mr_mono_us(&env);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = mr_mono_us(&env);
        MR_CHECK(now >= last);
        last = now;
    }
    MR_CHECK(mr_wall_ms(&env) > INT64_C(1577836800000)); /* 2020-01-01 */
}

MR_TEST("a deadline is the time-out from now, with nanoseconds below a second")
{
    for (uint32_t timeout_ms = 0; timeout_ms < 3000; timeout_ms += 333) {
        uint64_t before = mr_clock_system.mono_us(&mr_clock_system);
        struct timespec deadline;
        mr_clock_deadline(&deadline, timeout_ms);
        uint64_t after = mr_clock_system.mono_us(&mr_clock_system);
        MR_CHECK(deadline.tv_nsec >= 0 && deadline.tv_nsec < 1000000000);
        uint64_t at = (uint64_t)deadline.tv_sec * 1000000 + (uint64_t)deadline.tv_nsec / 1000;
        MR_CHECK(at >= before + timeout_ms * UINT64_C(1000));
        MR_CHECK(at <= after + timeout_ms * UINT64_C(1000));
    }
}

MR_TEST("the generator gives xoshiro256**'s own numbers")
{
    /* First outputs of the reference code at prng.di.unimi.it for the state 1, 2, 3, 4. */
    static const uint64_t want[] = {11520, 0, 1509978240, 1215971899390074240};
    struct mr_rng rng = {{1, 2, 3, 4}};
    for (size_t i = 0; i < 4; i++)
        MR_CHECK_U64(mr_rng_u64(&rng), want[i]);
}

MR_TEST("the same seed gives the same numbers, another seed others, and no seed a dead state")
{
    struct mr_rng a;
    struct mr_rng b;
    struct mr_rng c;
    mr_rng_init(&a, 0);
    mr_rng_init(&b, 0);
    mr_rng_init(&c, 1);
    MR_CHECK((a.s[0] | a.s[1] | a.s[2] | a.s[3]) != 0);
    /* splitmix64's first output for seed 0, by its reference code */
    MR_CHECK_U64(a.s[0], UINT64_C(0xe220a8397b1dcdaf));
    for (int i = 0; i < 100; i++) {
        uint64_t v = mr_rng_u64(&a);
        MR_CHECK_U64(mr_rng_u64(&b), v);
        MR_CHECK(mr_rng_u64(&c) != v);
    }
}

MR_TEST("numbers below a bound stay below it and all come up")
{
    struct mr_rng rng;
    mr_rng_init(&rng, 11);
    uint64_t n_of[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint64_t v = mr_rng_below(&rng, 7);
        MR_CHECK(v < 7);
        n_of[v]++;
    }
    for (int i = 0; i < 7; i++)
        MR_CHECK(n_of[i] > 9500 && n_of[i] < 10500);
    MR_CHECK_U64(mr_rng_below(&rng, 1), 0);
    (void)mr_rng_below(&rng, UINT64_MAX);
}

MR_TEST("a bound over half of the range is met without bias")
{
    /* By modulo alone the lower half would come up twice as often: 2/3 of all. */
    struct mr_rng rng;
    mr_rng_init(&rng, 12);
    uint64_t bound = UINT64_C(3) << 62; /* 3/4 of 2^64 */
    uint64_t n_low = 0;
    for (int i = 0; i < 30000; i++)
        n_low += mr_rng_below(&rng, bound) < (UINT64_C(1) << 62);
    MR_CHECK(n_low > 9500 && n_low < 10500);
}

MR_TEST("a split generator goes its own way and moves its parent on")
{
    struct mr_rng rng;
    mr_rng_init(&rng, 5);
    struct mr_rng one = mr_rng_split(&rng);
    struct mr_rng two = mr_rng_split(&rng);
    MR_CHECK(mr_rng_u64(&one) != mr_rng_u64(&two));
    MR_CHECK(memcmp(&one, &rng, sizeof one) != 0);
}

MR_TEST("two processes' generators begin differently")
{
    struct mr_env a;
    struct mr_env b;
    mr_env_init_system(&a);
    mr_env_init_system(&b);
    MR_CHECK(a.clock == &mr_clock_system);
    MR_CHECK(mr_rng_u64(&a.rng) != mr_rng_u64(&b.rng));
}
