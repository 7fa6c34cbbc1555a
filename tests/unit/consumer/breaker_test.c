/* When so many bad records come that the fault is not in them (contract.md section 8,
 * poison.flood).
 */
#include "consumer/breaker.h"

#include "tests/support/mr_test.h"

enum { WINDOW_MS = 60000, NOW_MS = 1000000 };

static struct mr_breaker breaker;

static void start(double max_ratio, uint64_t max_rows)
{
    mr_breaker_init(&breaker, &(struct mr_breaker_opts){.max_ratio = max_ratio,
                                                        .max_rows = max_rows,
                                                        .window_ms = WINDOW_MS});
}

static uint64_t room(uint64_t n_records, uint64_t n_bad, uint64_t now_ms)
{
    return mr_breaker_room(&breaker, (struct mr_tally){n_records, n_bad}, now_ms);
}

static void count(uint64_t n_records, uint64_t n_bad, uint64_t now_ms)
{
    mr_breaker_count(&breaker, (struct mr_tally){n_records, n_bad}, now_ms);
}

MR_TEARDOWN
{
    mr_breaker_release(&breaker);
}

/* poison.flood */
MR_TEST("sixteen bad records are let pass whatever their share, one more only within it")
{
    start(0.05, 10000);
    MR_CHECK_U64(room(1, 0, NOW_MS), 16);
    MR_CHECK_U64(room(16, 15, NOW_MS), 1);
    MR_CHECK_U64(room(17, 16, NOW_MS), 0);
    MR_CHECK_U64(room(1000, 16, NOW_MS), 34);
    MR_CHECK_U64(room(1000, 51, NOW_MS), 0);
}

/* poison.flood */
MR_TEST("more than dlq.max_rows are too many of however many records")
{
    start(0.05, 100);
    MR_CHECK_U64(room(1000000, 99, NOW_MS), 1);
    MR_CHECK_U64(room(1000000, 100, NOW_MS), 0);
    mr_breaker_release(&breaker);
    start(0.05, 0);
    MR_CHECK_U64(room(1, 0, NOW_MS), 0);
}

/* poison.flood */
MR_TEST("what landed counts until its window ends")
{
    start(0.05, 10000);
    count(100, 10, NOW_MS);
    MR_CHECK_U64(room(10, 1, NOW_MS + WINDOW_MS - 1), 5);
    MR_CHECK_U64(room(10, 1, NOW_MS + WINDOW_MS), 15);
}

/* poison.flood */
MR_TEST("an open window does not end by itself while bad records come")
{
    start(0.05, 10000);
    count(100, 16, NOW_MS);
    mr_breaker_trip(&breaker, NOW_MS + 1000);
    MR_CHECK(mr_breaker_is_open(&breaker));
    MR_CHECK_U64(room(1, 0, NOW_MS + WINDOW_MS + 999), 0);
    mr_breaker_trip(&breaker, NOW_MS + WINDOW_MS);
    MR_CHECK_U64(room(1, 0, NOW_MS + 2 * WINDOW_MS - 1), 0);
    MR_CHECK(mr_breaker_is_open(&breaker));
    MR_CHECK_U64(room(1, 0, NOW_MS + 2 * WINDOW_MS), 16);
    MR_CHECK(!mr_breaker_is_open(&breaker));
}

/* poison.flood */
MR_TEST("good records that land make room for their share of bad ones, also while it is open")
{
    start(0.05, 10000);
    count(100, 16, NOW_MS);
    mr_breaker_trip(&breaker, NOW_MS);
    count(900, 0, NOW_MS + 1);
    MR_CHECK_U64(room(0, 0, NOW_MS + 2), 34);
}

/* poison.flood */
MR_TEST("a resume begins a fresh window at once, although it is open")
{
    start(0.05, 10000);
    count(100, 16, NOW_MS);
    mr_breaker_trip(&breaker, NOW_MS + 1);
    mr_breaker_resume(&breaker, 0, NOW_MS + 2);
    MR_CHECK(!mr_breaker_is_open(&breaker));
    MR_CHECK_U64(room(1, 0, NOW_MS + 3), 16);
    MR_CHECK_U64(room(17, 16, NOW_MS + 3), 0);
}

/* poison.flood */
MR_TEST("a resume that accepts N records raises the limit until so many have landed")
{
    start(0.05, 20);
    mr_breaker_resume(&breaker, 100, NOW_MS);
    MR_CHECK_U64(room(1, 0, NOW_MS), 116);
    count(99, 99, NOW_MS + 1);
    MR_CHECK_U64(room(1, 0, NOW_MS + 2), 17);
    count(0, 1, NOW_MS + 2); /* what a flush found, told before its records */
    count(1, 0, NOW_MS + 2);
    MR_CHECK_U64(room(1, 0, NOW_MS + 3), 16); /* none of them is held against what follows */
    MR_CHECK_U64(room(1, 0, NOW_MS + 3 + WINDOW_MS), 16);
    mr_breaker_resume(&breaker, UINT64_MAX, NOW_MS);
    MR_CHECK_U64(room(1, 0, NOW_MS), UINT64_MAX);
}

/* poison.flood */
MR_TEST("what is read of a breaker says since when, how much, and how much it may be")
{
    struct mr_breaker_state state;

    start(0.05, 10000);
    mr_breaker_resume(&breaker, 0, NOW_MS);
    count(1000, 40, NOW_MS + 1);
    mr_breaker_trip(&breaker, NOW_MS + 5);
    mr_breaker_trip(&breaker, NOW_MS + 9);
    mr_breaker_read(&breaker, NOW_MS + 10, &state);
    MR_CHECK(state.open);
    MR_CHECK_U64(state.open_ms, NOW_MS + 5);
    MR_CHECK_U64(state.began_ms, NOW_MS);
    MR_CHECK_U64(state.window.n_records, 1000);
    MR_CHECK_U64(state.window.n_bad, 40);
    MR_CHECK_U64(state.limit, 50);
    mr_breaker_resume(&breaker, 7, NOW_MS + 11);
    mr_breaker_read(&breaker, NOW_MS + 12, &state);
    MR_CHECK(!state.open);
    MR_CHECK_U64(state.accept, 7);
    MR_CHECK_U64(state.limit, 23);
}

MR_TEST("who has an older idea of now than another lane ends no window")
{
    start(0.05, 10000);
    count(10, 10, NOW_MS);
    MR_CHECK_U64(room(0, 0, NOW_MS - 1), 6);
    mr_breaker_trip(&breaker, NOW_MS);
    count(1, 0, NOW_MS - 1);
    MR_CHECK(mr_breaker_is_open(&breaker));
}
