/* The clocks of records that wait for rows of other tables. */
#include "consumer/parent_wait.h"

#include "tests/support/mr_test.h"

enum { LIMIT_MS = 1000 };

static struct mr_parent_wait wait;
static struct mr_rng rng;

MR_SETUP
{
    wait = (struct mr_parent_wait){.n = 0};
    mr_rng_init(&rng, 1);
}

/* Of a batch with the records [from, to). */
static void note(int64_t from, int64_t to, int64_t at, uint64_t now_ms)
{
    struct mr_parent_clock batch = {.from = from, .to = to, .since_ms = now_ms};
    mr_parent_wait_note(&wait, &batch, at);
}

static bool over(int64_t at, uint64_t now_ms)
{
    return mr_parent_wait_is_over(&wait, at, LIMIT_MS, now_ms);
}

/* */
MR_TEST("nothing has waited where nothing was refused, whatever the limit")
{
    MR_CHECK(!over(0, UINT64_MAX));
    MR_CHECK(!mr_parent_wait_is_over(&wait, 0, 0, 0));
}

/* */
MR_TEST("a record waits for the limit, and so does what its batch had behind it")
{
    note(5, 20, 7, 500);
    MR_CHECK(!over(7, 1499) && over(7, 1500));
    MR_CHECK(!over(19, 1499) && over(19, 1500));
    MR_CHECK(!over(6, 9000) && !over(20, 9000));
}

/* */
MR_TEST("being refused again is no new wait, also not beside records that came later")
{
    note(5, 20, 7, 500);
    note(5, 30, 7, 900);
    note(5, 40, 12, 1000);
    MR_CHECK(over(7, 1500) && over(19, 1500));
    note(5, 40, 25, 1600); /* 7 was put aside in that batch, which could not land */
    MR_CHECK(over(7, 1600) && !over(25, 2599) && over(39, 2600));
    note(20, 50, 45, 2700);
    MR_CHECK(!over(7, 2700) && over(25, 2700) && !over(45, 2700));
    MR_CHECK_U64(wait.n, 2);
}

/* */
MR_TEST("a record before one that waits has a clock of its own, and takes none away")
{
    note(0, 20, 5, 500);
    note(0, 5, 2, 600); /* what it needs stands behind 5 */
    note(0, 20, 5, 700);
    note(0, 5, 2, 800);
    MR_CHECK(over(5, 1500) && !over(2, 1500) && over(2, 1600));
    MR_CHECK(!over(1, 1600));
}

/* */
MR_TEST("a limit of 0 is over at the second refusal")
{
    note(7, 7, 7, 500);
    MR_CHECK(mr_parent_wait_is_over(&wait, 7, 0, 500));
    MR_CHECK(!mr_parent_wait_is_over(&wait, 8, 0, 500));
    MR_CHECK_U64(mr_parent_wait_delay_ms(&wait, 7, 0, 500, &rng), 0);
}

/* */
MR_TEST("a record has waited behind the one that began to, as long as that is in its batch")
{
    note(5, 20, 7, 500);
    MR_CHECK(mr_parent_wait_is_behind(&wait, 12, 5) && mr_parent_wait_is_behind(&wait, 12, 7));
    MR_CHECK(!mr_parent_wait_is_behind(&wait, 12, 8));
    MR_CHECK(!mr_parent_wait_is_behind(&wait, 7, 5)); /* it began by itself */
    MR_CHECK(!mr_parent_wait_is_behind(&wait, 20, 5) && !mr_parent_wait_is_behind(&wait, 6, 5));
}

/* */
MR_TEST("past the last clock records share their neighbour's")
{
    for (int64_t i = MR_PARENT_WAIT_CLOCKS; i >= 1; i--)
        note(0, 10 * i + 5, 10 * i, 500);
    MR_CHECK_U64(wait.n, MR_PARENT_WAIT_CLOCKS);
    note(0, 200, 17, 1400);
    MR_CHECK(over(17, 1500) && !over(18, 1500));
    note(0, 200, 3, 1400);
    MR_CHECK(over(3, 1500) && over(9, 1500));
    MR_CHECK_U64(wait.n, MR_PARENT_WAIT_CLOCKS);
}

/* The longest of many delays of the record at 7. */
static uint32_t longest(uint64_t limit_ms, uint64_t now_ms)
{
    uint32_t most = 0;

    for (int i = 0; i < 1000; i++) {
        uint32_t delay_ms = mr_parent_wait_delay_ms(&wait, 7, limit_ms, now_ms, &rng);
        most = delay_ms > most ? delay_ms : most;
    }
    return most;
}

/* */
MR_TEST(
    "the longer a partition waits, the more rarely it tries, and once more when the time is over")
{
    note(5, 20, 7, 1000);
    MR_CHECK(longest(60000, 1000) <= 100);
    MR_CHECK(longest(60000, 2000) > 800 && longest(60000, 2000) <= 1600);
    MR_CHECK(longest(60000, 31000) > 20000 && longest(60000, 31000) <= 30000);
    MR_CHECK(longest(60000, 60990) == 10);
    MR_CHECK(longest(600000, 500000) <= 30000);
    note(5, 7, 5, 31000); /* by turns with a record behind it */
    MR_CHECK(mr_parent_wait_delay_ms(&wait, 5, 1000, 31000, &rng) <= 1000);
}
