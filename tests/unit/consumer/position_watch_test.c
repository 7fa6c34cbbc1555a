/* Positions that others moved, while nothing comes that a flush could be fenced with. */
#include "consumer/position_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/mr_test.h"

static struct {
    struct mr_clock_fake clock;
    struct mr_env env;
    struct mr_partitions partitions;
    struct mr_sink sink;
    struct mr_sink_ops ops;
    struct mr_position_watch watch;
    int64_t epoch;  /* that the target has for t/0 */
    uint64_t takes; /* a read, in us */
    bool away;
    int n_reads;
} f;

static int positions_read(struct mr_sink *sink, struct mr_position **out, size_t *n,
                          struct mr_err *err)
{
    (void)sink;
    f.n_reads++;
    f.clock.now_us += f.takes;
    if (f.away)
        return mr_err_set(err, MR_TARGET_AWAY, "scripted");
    *out = calloc(2, sizeof **out);
    MR_CHECK(*out != NULL);
    for (int i = 0; i < 2; i++) {
        (*out)[i] = (struct mr_position){.partition = i * 7, .next_offset = 5, .epoch = f.epoch};
        snprintf((*out)[i].stream, sizeof(*out)[i].stream, "t"); /* t/7 is nobody's here */
        snprintf((*out)[i].owner, sizeof(*out)[i].owner, "somebody");
    }
    *n = 2;
    return 0;
}

static struct mr_partition *part_of(enum mr_partition_state state, int64_t epoch)
{
    struct mr_partition *part = mr_partitions_get(&f.partitions, "t", 0, 0);

    atomic_store(&part->state_seen, (uint32_t)state);
    atomic_store(&part->epoch, epoch);
    atomic_store(&part->generation, 9);
    return part;
}

MR_SETUP
{
    memset(&f, 0, sizeof f);
    mr_clock_fake_init(&f.clock, 1000000);
    f.env.clock = &f.clock.base;
    mr_partitions_init(&f.partitions, 3);
    f.ops = (struct mr_sink_ops){.positions_read = positions_read, .caps = MR_SINK_POSITIONS};
    f.sink.ops = &f.ops;
    f.watch =
        (struct mr_position_watch){.partitions = &f.partitions, .sink = &f.sink, .env = &f.env};
    f.epoch = 4;
}

MR_TEARDOWN
{
    mr_partitions_release(&f.partitions);
}

/* G-03 */
MR_TEST("a position with another epoch than the claimed one makes a wish to be fenced, once")
{
    struct mr_partition *part = part_of(MR_PART_FLOWING, 3);
    struct mr_partition_wish wish;

    mr_position_watch_run(&f.watch);
    MR_CHECK(mr_partition_wish_take(part, &wish));
    MR_CHECK_INT(wish.event, MR_PART_EV_FENCED);
    MR_CHECK_U64(wish.generation, 9);
    MR_CHECK_INT(wish.err.code, MR_FENCED);
    MR_CHECK_STR(wish.err.topic, "t");
    MR_CHECK(strstr(wish.err.detail, "somebody") != NULL);
    atomic_store(&part->epoch, 4);
    f.clock.now_us += MR_POSITION_WATCH_MS * 1000;
    mr_position_watch_run(&f.watch);
    MR_CHECK_INT(f.n_reads, 2);
    MR_CHECK(!mr_partition_wish_take(part, &wish));
}

MR_TEST("only what flows has a claim to lose")
{
    static const enum mr_partition_state states[] = {MR_PART_CLAIMING, MR_PART_SEEKING,
                                                     MR_PART_HELD,     MR_PART_HALTED,
                                                     MR_PART_FENCED,   MR_PART_GONE};
    struct mr_partition_wish wish;

    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct mr_partition *part = part_of(states[i], 3);
        f.watch.due_ms = 0;
        mr_position_watch_run(&f.watch);
        MR_CHECK(!mr_partition_wish_take(part, &wish));
    }
    MR_CHECK_INT(f.n_reads, 6);
}

MR_TEST("looks are five seconds apart, more where one takes long, and one that fails is no reason")
{
    struct mr_partition_wish wish;

    f.takes = 2000;
    f.away = true;
    mr_position_watch_run(&f.watch);
    mr_position_watch_run(&f.watch);
    f.clock.now_us += 4999000;
    mr_position_watch_run(&f.watch);
    MR_CHECK_INT(f.n_reads, 1);
    f.away = false;
    f.takes = 1000000;
    f.clock.now_us += 1000;
    struct mr_partition *part = part_of(MR_PART_FLOWING, 3);
    mr_position_watch_run(&f.watch);
    MR_CHECK_INT(f.n_reads, 2);
    MR_CHECK(mr_partition_wish_take(part, &wish));
    f.clock.now_us += 99999000;
    mr_position_watch_run(&f.watch);
    MR_CHECK_INT(f.n_reads, 2);
    f.clock.now_us += 1000;
    mr_position_watch_run(&f.watch);
    MR_CHECK_INT(f.n_reads, 3);
}

MR_TEST("a target that keeps no positions is not asked")
{
    f.ops.caps = 0;
    part_of(MR_PART_FLOWING, 3);
    mr_position_watch_run(&f.watch);
    MR_CHECK_INT(f.n_reads, 0);
}
