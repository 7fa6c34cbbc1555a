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

/* */
MR_TEST("a repetition at once waits from 10 to 200 ms, and all of that range")
{
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;

    for (int i = 0; i < 4000; i++) {
        uint32_t ms = mr_retry_quick_ms(&rng);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    MR_CHECK_U64(least, 10);
    MR_CHECK_U64(most, 200);
}

struct first_case {
    const char *state;
    enum mr_class class; /* by the sink's table */
    bool on_key;
    int n_quick;           /* of one batch */
    int n_usual;           /* then, as the class says */
    enum mr_first finally; /* then, every time */
};

/* */
MR_TEST("what comes before an error's class is counted for each batch and kind of error")
{
    static const struct first_case cases[] = {
        {"40001", MR_CLASS_RETRY, false, 5, 0, MR_FIRST_NOTHING},
        {"40P01", MR_CLASS_RETRY, false, 5, 0, MR_FIRST_NOTHING},
        {"23505", MR_CLASS_POISON, true, 5, 0, MR_FIRST_NOTHING},
        {"23505", MR_CLASS_POISON, false, 0, 0, MR_FIRST_NOTHING},
        {"21000", MR_CLASS_HALT, false, 1, 0, MR_FIRST_NOTHING},
        {"25P02", MR_CLASS_HALT, false, 1, 0, MR_FIRST_NOTHING},
        {"3B001", MR_CLASS_HALT, false, 1, 0, MR_FIRST_NOTHING},
        {"2D000", MR_CLASS_HALT, false, 1, 0, MR_FIRST_NOTHING},
        {"34000", MR_CLASS_HALT, false, 1, 0, MR_FIRST_NOTHING},
        {"26000", MR_CLASS_HALT, false, 1, 0, MR_FIRST_NOTHING},
        {"57014", MR_CLASS_RETRY, false, 0, 2, MR_FIRST_HALVE},
        {"53200", MR_CLASS_PAUSE, false, 0, 0, MR_FIRST_HALVE},
        {"53100", MR_CLASS_PAUSE, false, 0, 0, MR_FIRST_NOTHING},
        {"XX000", MR_CLASS_PAUSE, false, 0, 2, MR_FIRST_SPLIT},
        {"XX000", MR_CLASS_POISON, false, 0, 0, MR_FIRST_NOTHING},
        {"XX001", MR_CLASS_PAUSE, false, 0, 0, MR_FIRST_NOTHING},
        {"XX002", MR_CLASS_PAUSE, false, 0, 0, MR_FIRST_NOTHING},
        {"58030", MR_CLASS_PAUSE, false, 0, 0, MR_FIRST_NOTHING},
        {"", MR_CLASS_RETRY, false, 0, 0, MR_FIRST_NOTHING},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct first_case *c = &cases[i];
        struct mr_retries retries = {{0}};
        for (int n = 0; n < 400; n++) { /* also when counters would wrap */
            struct mr_err err = MR_ERR_INIT;
            (void)mr_err_set_db(&err, c->class, c->state, "why");
            err.on_key = c->on_key;
            enum mr_first first = mr_retry_first(&retries, &err);
            bool quick = n < c->n_quick;
            if (first != (quick                         ? MR_FIRST_QUICK
                          : n - c->n_quick < c->n_usual ? MR_FIRST_NOTHING
                                                        : c->finally))
                MR_FAIL("%s: error %d got %d", c->state, n, (int)first);
            MR_CHECK_INT(err.class, quick ? MR_CLASS_RETRY : c->class);
        }
    }
}

/* */
MR_TEST("errors of one kind share their repetitions, and each batch has its own")
{
    struct mr_retries one = {{0}};
    struct mr_retries other = {{0}};
    struct mr_err err = MR_ERR_INIT;

    for (int i = 0; i < 5; i++) {
        (void)mr_err_set_db(&err, MR_CLASS_RETRY, i % 2 == 0 ? "40001" : "40P01", "why");
        MR_CHECK_INT(mr_retry_first(&one, &err), MR_FIRST_QUICK);
    }
    MR_CHECK_INT(mr_retry_first(&one, &err), MR_FIRST_NOTHING);
    MR_CHECK_INT(mr_retry_first(&other, &err), MR_FIRST_QUICK);
}
