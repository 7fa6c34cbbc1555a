/* The end of the Kafka source: it returns within its time also where the client never comes back
 * from a call, and whoever comes last frees. The client's function for that call is wrapped by the
 * linker (tests/CMakeLists.txt) and stands at a gate. */
#include <dirent.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

#include "base/lock.h"
#include "tests/support/kafka_rig.h"
#include "tests/support/mr_test.h"

enum { CLOSE_MS = 500, AWAIT_MS = 30000, N_HASTY = 3 };

static struct kafka_rig rig;
static struct mr_env env;
static _Atomic bool gate_shut;
static _Atomic int n_at_gate;

static void tick(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* a step of an awaited condition */
}

/* the names that `--wrap` gives:
 * NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl*,readability-identifier-naming)
 */
rd_kafka_error_t *__real_rd_kafka_incremental_unassign(
    rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *partitions);
rd_kafka_error_t *__wrap_rd_kafka_incremental_unassign(
    rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *partitions);

rd_kafka_error_t *__wrap_rd_kafka_incremental_unassign(
    rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *partitions)
{
    atomic_fetch_add(&n_at_gate, 1);
    while (atomic_load(&gate_shut))
        tick();
    return __real_rd_kafka_incremental_unassign(rk, partitions);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl*,readability-identifier-naming)
 */

static int count_threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    int n = 0;

    MR_CHECK(dir != NULL);
    while (readdir(dir) != NULL) /* NOLINT(concurrency-mt-unsafe): of a stream that is ours alone */
        n++;
    closedir(dir);
    return n - 2;
}

static bool are_threads(int n)
{
    uint64_t end_ms = mr_mono_ms(&env) + AWAIT_MS;

    while (count_threads() != n && mr_mono_ms(&env) < end_ms)
        tick();
    return count_threads() == n;
}

static void await_threads(int n)
{
    if (!are_threads(n))
        MR_CHECK_INT(count_threads(), n);
}

MR_SETUP
{
    mr_env_init_system(&env);
    atomic_store(&gate_shut, false);
    atomic_store(&n_at_gate, 0);
    kafka_rig_open(&rig, "orders", 4);
    kafka_rig_produce(&rig, 0, 1);
}

MR_TEARDOWN
{
    kafka_rig_close(&rig);
}

/* On the heap, so that what the source uses of it after its close is found. */
static struct kafka_member *join(void)
{
    struct kafka_member *member = calloc(1, sizeof *member);
    struct mr_source_event event;
    size_t n = 0;

    MR_CHECK(member != NULL);
    kafka_member_open(member, &rig, "orders", 2);
    while (n == 0) {
        kafka_member_await(member, MR_SOURCE_ASSIGNED, &event);
        kafka_member_assign(member, &event);
        n = event.n_parts;
        mr_source_event_release(&event);
    }
    return member;
}

/* Closes within `timeout_ms`, frees the options; gives how long it took. */
static uint64_t leave(struct kafka_member *member, uint32_t timeout_ms)
{
    uint64_t from_ms = mr_mono_ms(&env);

    member->source->ops->close(member->source, timeout_ms);
    free(member);
    return mr_mono_ms(&env) - from_ms;
}

MR_TEST("a close that the client answers leaves no thread behind")
{
    int n_threads = count_threads();
    struct kafka_member *member = join();

    MR_CHECK(leave(member, AWAIT_MS) < AWAIT_MS / 2);
    MR_CHECK_INT(atomic_load(&n_at_gate), 1);
    await_threads(n_threads);
}

/* K-12; what never comes back must not hold up the end of the process */
MR_TEST("a close returns within its time from a client that does not, which is freed when it does")
{
    int n_threads = count_threads();
    struct kafka_member *member = join();

    atomic_store(&gate_shut, true);
    uint64_t took_ms = leave(member, CLOSE_MS);
    MR_CHECK(took_ms >= CLOSE_MS && took_ms < AWAIT_MS / 2);
    MR_CHECK_INT(atomic_load(&n_at_gate), 1);
    MR_CHECK(count_threads() > n_threads);
    atomic_store(&gate_shut, false);
    await_threads(n_threads);
}

/* The client ends its membership while it is asked, and then may never come back from the call
 * (consumer/kafka_close.c; about once in a hundred such closes): that is its own, so it may happen
 * to one of them, not to all. */
MR_TEST("a close without any time left returns at once, and all is freed")
{
    bool freed = false;

    for (int i = 0; i < N_HASTY && !freed; i++) {
        int n_threads = count_threads();
        struct kafka_member *member = join();
        MR_CHECK(leave(member, 0) < AWAIT_MS / 2);
        freed = are_threads(n_threads);
    }
    MR_CHECK(freed);
}

/* K-01 */
MR_TEST("a close while no broker answers returns within its time, and all is freed")
{
    int n_threads = count_threads();
    struct kafka_member *member = join();

    mr_demo_broker_set_up(rig.broker, 1, false);
    MR_CHECK(leave(member, CLOSE_MS) < AWAIT_MS / 2);
    mr_demo_broker_set_up(rig.broker, 1, true);
    await_threads(n_threads);
}
