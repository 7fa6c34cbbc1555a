/* The bounded queue: order, limit, deadlines, closing, and several threads at both ends. */
#include "base/queue.h"

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "tests/support/mr_test.h"

enum { N_ITEMS = 20000, N_ENDS = 3, DEADLINE_MS = 20000 };

static struct mr_queue queue;
static int items[N_ITEMS];

MR_SETUP
{
    MR_CHECK_OK(mr_queue_init(&queue, 3, 30));
}

MR_TEARDOWN
{
    mr_queue_release(&queue);
}

MR_TEST("items come out in the order they went in, over the ring's end")
{
    void *item = NULL;
    for (int round = 0; round < 5; round++) {
        MR_CHECK_OK(mr_queue_push(&queue, &items[0], 0));
        MR_CHECK_OK(mr_queue_push(&queue, &items[1], 0));
        MR_CHECK_U64(mr_queue_len(&queue), 2);
        MR_CHECK_OK(mr_queue_pop(&queue, &item, 0));
        MR_CHECK(item == &items[0]);
        MR_CHECK_OK(mr_queue_pop(&queue, &item, 0));
        MR_CHECK(item == &items[1]);
    }
}

MR_TEST("a full queue refuses, with and without a wait, and goes on after a pop")
{
    void *item = NULL;
    for (int i = 0; i < 3; i++)
        MR_CHECK_OK(mr_queue_push(&queue, &items[i], 0));
    MR_CHECK_INT(mr_queue_push(&queue, &items[3], 0), -MR_FULL);
    MR_CHECK_INT(mr_queue_push(&queue, &items[3], 2), -MR_FULL);
    MR_CHECK_OK(mr_queue_pop(&queue, &item, 0));
    MR_CHECK_OK(mr_queue_push(&queue, &items[3], 0));
    MR_CHECK_U64(mr_queue_len(&queue), 3);
}

MR_TEST("an empty queue says so, with and without a wait, and leaves the caller's item alone")
{
    void *item = &items[7];
    MR_CHECK_INT(mr_queue_pop(&queue, &item, 0), -MR_EMPTY);
    MR_CHECK_INT(mr_queue_pop(&queue, &item, 2), -MR_EMPTY);
    MR_CHECK(item == &items[7]);
}

MR_TEST("a closed queue takes nothing, gives what it holds, then says end")
{
    void *item = NULL;
    MR_CHECK_OK(mr_queue_push(&queue, &items[0], 0));
    mr_queue_close(&queue);
    MR_CHECK_INT(mr_queue_push(&queue, &items[1], DEADLINE_MS), -MR_END);
    MR_CHECK_OK(mr_queue_pop(&queue, &item, DEADLINE_MS));
    MR_CHECK(item == &items[0]);
    MR_CHECK_INT(mr_queue_pop(&queue, &item, DEADLINE_MS), -MR_END);
}

MR_TEST("a capacity of one works, and a queue whose init failed can be released")
{
    struct mr_queue one;
    void *item = NULL;
    MR_CHECK_OK(mr_queue_init(&one, 1, 30));
    MR_CHECK_OK(mr_queue_push(&one, &items[0], 0));
    MR_CHECK_INT(mr_queue_push(&one, &items[1], 0), -MR_FULL);
    MR_CHECK_OK(mr_queue_pop(&one, &item, 0));
    mr_queue_release(&one);
    mr_queue_release(&one);
}

static void *pop_until_end(void *arg)
{
    _Atomic int *n_popped = arg;
    void *item = NULL;
    while (mr_queue_pop(&queue, &item, DEADLINE_MS) == 0) {
        ++*(int *)item; /* each item has one owner at a time */
        (void)atomic_fetch_add(n_popped, 1);
    }
    return NULL;
}

static void *push_share(void *arg)
{
    for (size_t i = (size_t)(uintptr_t)arg; i < N_ITEMS; i += N_ENDS) {
        if (mr_queue_push(&queue, &items[i], DEADLINE_MS) != 0)
            return arg;
    }
    return NULL;
}

MR_TEST("with several threads at both ends every item arrives once")
{
    pthread_t pushers[N_ENDS];
    pthread_t poppers[N_ENDS];
    _Atomic int n_popped = 0;
    void *failed = NULL;
    for (size_t i = 0; i < N_ITEMS; i++)
        items[i] = 0;
    for (size_t i = 0; i < N_ENDS; i++) {
        MR_CHECK_OK(mr_thread_start(&poppers[i], "pop", pop_until_end, &n_popped));
        MR_CHECK_OK(mr_thread_start(&pushers[i], "push", push_share, (void *)(uintptr_t)i));
    }
    for (size_t i = 0; i < N_ENDS; i++) {
        MR_CHECK_INT(pthread_join(pushers[i], &failed), 0);
        MR_CHECK(failed == NULL);
    }
    mr_queue_close(&queue);
    for (size_t i = 0; i < N_ENDS; i++)
        MR_CHECK_INT(pthread_join(poppers[i], NULL), 0);
    MR_CHECK_INT(n_popped, N_ITEMS);
    for (size_t i = 0; i < N_ITEMS; i++)
        MR_CHECK_INT(items[i], 1);
}

/* Longer than ctest lets a test run: a wait that nobody ends shows as a hang. */
enum { NO_DEADLINE_MS = 3600 * 1000, N_CLOSINGS = 50 };

static void *push_two(void *arg)
{
    int *rc = arg;
    (void)mr_queue_push(&queue, &items[0], NO_DEADLINE_MS);
    *rc = mr_queue_push(&queue, &items[1], NO_DEADLINE_MS);
    return NULL;
}

static void *pop_two(void *arg)
{
    int *rc = arg;
    void *item;
    (void)mr_queue_pop(&queue, &item, NO_DEADLINE_MS);
    *rc = mr_queue_pop(&queue, &item, NO_DEADLINE_MS);
    return NULL;
}

/* Closes the queue when the thread has done its first step, so while its second one begins or
 * waits; over the rounds both come up. */
static int rc_of_closed_wait(void *(*body)(void *), uint32_t len_after_first)
{
    pthread_t thread;
    int rc = 0;
    MR_CHECK_OK(mr_thread_start(&thread, "wait", body, &rc));
    while (mr_queue_len(&queue) != len_after_first) {
    }
    mr_queue_close(&queue);
    MR_CHECK_INT(pthread_join(thread, NULL), 0);
    mr_queue_release(&queue);
    MR_CHECK_OK(mr_queue_init(&queue, 3, 30));
    return rc;
}

MR_TEST("closing ends the waits at both ends")
{
    for (int round = 0; round < N_CLOSINGS; round++) {
        MR_CHECK_OK(mr_queue_push(&queue, &items[0], 0));
        MR_CHECK_INT(rc_of_closed_wait(pop_two, 0), -MR_END);
        MR_CHECK_OK(mr_queue_push(&queue, &items[0], 0));
        MR_CHECK_OK(mr_queue_push(&queue, &items[1], 0));
        MR_CHECK_INT(rc_of_closed_wait(push_two, 3), -MR_END);
    }
}
