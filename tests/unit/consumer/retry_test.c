/* How long is waited before the same thing is tried again (contract.md section 0, RETRY; Q-05). */
#include "consumer/retry.h"

#include "tests/support/mr_test.h"

static struct mr_rng rng;

MR_SETUP
{
    mr_rng_init(&rng, 7);
}

MR_TEST("the bound of a retry doubles from 100 ms to 30 s, and the jitter stays within it")
{
    static const uint32_t bounds[] = {100,  200,   400,   800,   1600, 3200,
                                      6400, 12800, 25600, 30000, 30000};

    for (uint32_t attempt = 0; attempt < sizeof bounds / sizeof *bounds; attempt++) {
        uint32_t most = 0;
        for (int i = 0; i < 2000; i++) {
            uint32_t ms = mr_retry_delay_ms(MR_CLASS_RETRY, attempt, &rng);
            MR_CHECK(ms >= 1 && ms <= bounds[attempt]);
            most = ms > most ? ms : most;
        }
        MR_CHECK(most > bounds[attempt] * 9 / 10); /* full jitter: the whole range is used */
    }
}

MR_TEST("the jitter is full: two retries of one attempt seldom wait alike")
{
    uint32_t n_alike = 0;

    for (int i = 0; i < 100; i++)
        n_alike += mr_retry_delay_ms(MR_CLASS_RETRY, 20, &rng) ==
                   mr_retry_delay_ms(MR_CLASS_RETRY, 20, &rng);
    MR_CHECK(n_alike < 5);
}

MR_TEST("a number of attempts beyond all counting still waits at most 30 s")
{
    MR_CHECK(mr_retry_delay_ms(MR_CLASS_RETRY, UINT32_MAX, &rng) <= 30000);
    MR_CHECK_U64(mr_retry_delay_ms(MR_CLASS_PAUSE, UINT32_MAX, &rng), 60000);
}

/* */
MR_TEST("a target that pauses is probed after 5, 10, 20, 40 and then every 60 seconds")
{
    static const uint32_t probes[] = {5000, 10000, 20000, 40000, 60000, 60000};

    for (uint32_t attempt = 0; attempt < sizeof probes / sizeof *probes; attempt++)
        MR_CHECK_U64(mr_retry_delay_ms(MR_CLASS_PAUSE, attempt, &rng), probes[attempt]);
}
