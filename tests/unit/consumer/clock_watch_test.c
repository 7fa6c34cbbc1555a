/* What is taken for a step of the wall clock (no wait of ours goes by it: base/clock.h). */
#include "consumer/clock_watch.h"

#include "tests/support/mr_test.h"

static struct mr_clock_fake clock_fake;
static struct mr_env env;
static struct mr_clock_watch watch;

MR_SETUP
{
    mr_clock_fake_init(&clock_fake, 5000000);
    env = (struct mr_env){.clock = &clock_fake.base};
    watch = (struct mr_clock_watch){.looked = false};
}

static int64_t look(uint64_t pass_ms, int64_t set_ms)
{
    clock_fake.now_us += pass_ms * 1000;
    clock_fake.wall_offset_ms += set_ms;
    return mr_clock_watch_step(&watch, &env);
}

MR_TEST("time that passes is no step, nor is the first look")
{
    MR_CHECK_INT(look(0, 0), 0);
    MR_CHECK_INT(look(250, 0), 0);
    MR_CHECK_INT(look(3600000, 0), 0); /* the machine was suspended, or the process stopped */
}

MR_TEST("a step is told once, in either direction, with its length")
{
    (void)look(0, 0);
    MR_CHECK_INT(look(250, -10800000), -10800000);
    MR_CHECK_INT(look(250, 0), 0);
    MR_CHECK_INT(look(250, 7200000), 7200000);
    MR_CHECK_INT(look(250, MR_CLOCK_STEP_MS), MR_CLOCK_STEP_MS);
}

MR_TEST("a clock that is slewed makes no step, however far it goes")
{
    (void)look(0, 0);
    for (int i = 0; i < 100; i++)
        MR_CHECK_INT(look(250, i % 2 == 0 ? -499 : -400), 0);
}
