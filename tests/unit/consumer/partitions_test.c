/* The table of partitions and the wishes that are left for poll. */
#include "consumer/partitions.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/mr_test.h"

static struct mr_partitions set;

MR_SETUP
{
    mr_partitions_init(&set, 3);
}

MR_TEARDOWN
{
    mr_partitions_release(&set);
}

MR_TEST("a partition that nobody has met is not found")
{
    MR_CHECK(mr_partitions_find(&set, "t", 0) == NULL);
    MR_CHECK(mr_partitions_at(&set, 0) == NULL);
}

MR_TEST("a partition is made once, keeps its lane, and begins as gone with nothing known")
{
    struct mr_partition *part = mr_partitions_get(&set, "t", 7, 2);

    MR_CHECK(part != NULL);
    MR_CHECK(mr_partitions_get(&set, "t", 7, 1) == part);
    MR_CHECK(mr_partitions_find(&set, "t", 7) == part);
    MR_CHECK_U64(part->lane, 2);
    MR_CHECK_STR(part->stream, "t");
    MR_CHECK_INT(part->state, MR_PART_GONE);
    MR_CHECK_INT(atomic_load(&part->committed_next), -1);
    MR_CHECK_INT(atomic_load(&part->end_at_start), -1);
    MR_CHECK(!part->assigned);
}

MR_TEST("name and number together are the key")
{
    struct mr_partition *a = mr_partitions_get(&set, "t", 1, 0);

    MR_CHECK(mr_partitions_get(&set, "t", 2, 0) != a);
    MR_CHECK(mr_partitions_get(&set, "u", 1, 0) != a);
    MR_CHECK(mr_partitions_find(&set, "t", -1) == NULL);
    MR_CHECK(mr_partitions_at(&set, 2) != NULL);
    MR_CHECK(mr_partitions_at(&set, 3) == NULL);
}

MR_TEST("a topic's longest name is kept whole")
{
    char name[MR_STREAM_NAME_BYTES];

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct mr_partition *part = mr_partitions_get(&set, name, 0, 0);
    MR_CHECK_STR(part->stream, name);
    MR_CHECK(mr_partitions_find(&set, name, 0) == part);
}

MR_TEST("pointers stay good while the table grows, and past its limit nothing is made")
{
    struct mr_partition *first = mr_partitions_get(&set, "many", 0, 0);

    for (int32_t i = 1; i < MR_MAX_PARTITIONS; i++)
        if (mr_partitions_get(&set, "many", i, 0) == NULL)
            MR_FAIL("partition %d could not be made", i);
    MR_CHECK(mr_partitions_get(&set, "many", MR_MAX_PARTITIONS, 0) == NULL);
    MR_CHECK(mr_partitions_find(&set, "many", 0) == first);
    MR_CHECK(mr_partitions_find(&set, "many", MR_MAX_PARTITIONS - 1) != NULL);
}

static struct mr_partition_wish wish_of(uint32_t generation, enum mr_code code)
{
    struct mr_partition_wish wish = {
        .event = MR_PART_EV_HELD, .generation = generation, .delay_ms = 5, .err = MR_ERR_INIT};

    mr_err_set(&wish.err, code, "scripted");
    return wish;
}

MR_TEST("a wish is taken once, and its error is what the partition says of itself")
{
    struct mr_partition *part = mr_partitions_get(&set, "t", 0, 0);
    struct mr_partition_wish wish = wish_of(1, MR_REGISTRY_AWAY);
    struct mr_partition_wish got;
    struct mr_err err;

    MR_CHECK(!mr_partition_wish_take(part, &got));
    mr_partition_wish_set(part, &wish);
    MR_CHECK(mr_partition_wish_take(part, &got));
    MR_CHECK_U64(got.delay_ms, 5);
    MR_CHECK_INT(got.event, MR_PART_EV_HELD);
    MR_CHECK(!mr_partition_wish_take(part, &got));
    mr_partition_last_err(part, &err);
    MR_CHECK_INT(err.code, MR_REGISTRY_AWAY);
}

MR_TEST("of two wishes of one generation the first stays, a newer generation's replaces it")
{
    struct mr_partition *part = mr_partitions_get(&set, "t", 0, 0);
    struct mr_partition_wish first = wish_of(1, MR_REGISTRY_AWAY);
    struct mr_partition_wish second = wish_of(1, MR_TARGET_MISSING);
    struct mr_partition_wish newer = wish_of(2, MR_TARGET_MISSING);
    struct mr_partition_wish got;

    mr_partition_wish_set(part, &first);
    mr_partition_wish_set(part, &second);
    MR_CHECK(mr_partition_wish_take(part, &got));
    MR_CHECK_INT(got.err.code, MR_REGISTRY_AWAY);
    mr_partition_wish_set(part, &first);
    mr_partition_wish_set(part, &newer);
    MR_CHECK(mr_partition_wish_take(part, &got));
    MR_CHECK_U64(got.generation, 2);
    MR_CHECK_INT(got.err.code, MR_TARGET_MISSING);
}

MR_TEST("halted is who waits for somebody: not a partition that no route takes")
{
    struct mr_partition *part = mr_partitions_get(&set, "t", 0, 0);
    struct mr_err err = MR_ERR_INIT;

    MR_CHECK(!mr_partition_is_halted(part));
    atomic_store(&part->state_seen, MR_PART_HALTED);
    MR_CHECK(!mr_partition_is_halted(part)); /* no route, no fault */
    mr_err_set(&err, MR_IDENTIFIER_COLLISION, "two topics");
    mr_partition_note_err(part, &err);
    MR_CHECK(mr_partition_is_halted(part)); /* a route, but no table for it: I-08 */
    atomic_store(&part->state_seen, MR_PART_FLOWING);
    MR_CHECK(!mr_partition_is_halted(part));
}
