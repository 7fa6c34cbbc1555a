/* What is remembered of keys with dead letters (design.md section 6), record by record. */
#include "consumer/poisoned.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/support/mr_test.h"

enum { NOW_MS = 500000000, MOST = 8 };

static struct mr_partitions partitions;
static struct mr_partition *part, *other;
static struct mr_poisoned set;
static struct mr_overtaken overtaken;
static const struct mr_slice K = {(const uint8_t *)"k", 1};
static const struct mr_slice L = {(const uint8_t *)"l", 1};

MR_SETUP
{
    mr_log_setup(MR_ERROR, MR_LOG_LOGFMT, STDERR_FILENO);
    mr_partitions_init(&partitions, 1);
    part = mr_partitions_get(&partitions, "t", 0, 0);
    other = mr_partitions_get(&partitions, "t", 1, 0);
    mr_poisoned_init(&set, MOST);
}

MR_TEARDOWN
{
    mr_poisoned_release(&set);
    mr_partitions_release(&partitions);
}

static bool holds(struct mr_slice key, int64_t offset)
{
    return mr_poisoned_holds(&set, part, key, offset, NOW_MS);
}

MR_TEST("a partition without letters is not looked at, and another one's are its own")
{
    MR_CHECK(!mr_poisoned_maybe(part, K));
    mr_poisoned_add(&set, part, K, 5, NOW_MS);
    MR_CHECK(mr_poisoned_maybe(part, K));
    MR_CHECK(!mr_poisoned_maybe(other, K));
    MR_CHECK(!mr_poisoned_holds(&set, other, K, 6, NOW_MS));
}

MR_TEST("updates without all columns are held behind a letter of their key, not before it")
{
    mr_poisoned_add(&set, part, K, 5, NOW_MS);
    MR_CHECK(!holds(K, 4));
    MR_CHECK(!holds(K, 5));
    MR_CHECK(holds(K, 6));
    MR_CHECK(!holds(L, 6));
}

MR_TEST("a record with all columns ends it, from there on, and says which letters it overtook")
{
    mr_poisoned_add(&set, part, K, 5, NOW_MS);
    mr_poisoned_add(&set, part, K, 6, NOW_MS);
    MR_CHECK(!mr_poisoned_overtake(&set, part, K, 6, &overtaken));
    MR_CHECK(mr_poisoned_overtake(&set, part, K, 9, &overtaken));
    MR_CHECK_INT(overtaken.from, 5);
    MR_CHECK_INT(overtaken.to, 6);
    MR_CHECK_INT(overtaken.by, 9);
    MR_CHECK_STR(overtaken.stream, "t");
    MR_CHECK(!holds(K, 10));
    MR_CHECK(holds(K, 8)); /* read again after its batch was given up */
    MR_CHECK(mr_poisoned_overtake(&set, part, K, 9, &overtaken));
    MR_CHECK(!mr_poisoned_overtake(&set, part, K, 11, &overtaken));
}

MR_TEST("a letter after that begins anew")
{
    mr_poisoned_add(&set, part, K, 5, NOW_MS);
    MR_CHECK(mr_poisoned_overtake(&set, part, K, 9, &overtaken));
    mr_poisoned_add(&set, part, K, 12, NOW_MS);
    MR_CHECK(!holds(K, 11));
    MR_CHECK(holds(K, 13));
    mr_poisoned_add(&set, part, K, 5, NOW_MS); /* read again */
    MR_CHECK(holds(K, 6));
    MR_CHECK(!mr_poisoned_overtake(&set, part, K, 9, &overtaken));
    MR_CHECK(mr_poisoned_overtake(&set, part, K, 14, &overtaken));
    MR_CHECK_INT(overtaken.from, 5);
}

/* P5 */
MR_TEST("a record that was to end it, and is a letter itself, ends nothing")
{
    mr_poisoned_add(&set, part, K, 5, NOW_MS);
    MR_CHECK(mr_poisoned_overtake(&set, part, K, 9, &overtaken));
    mr_poisoned_add(&set, part, K, 9, NOW_MS);
    MR_CHECK(holds(K, 8));
    MR_CHECK(holds(K, 10));
    MR_CHECK(mr_poisoned_overtake(&set, part, K, 11, &overtaken));
    MR_CHECK_INT(overtaken.from, 5);
    MR_CHECK_INT(overtaken.to, 9);
}

/* */
MR_TEST("records behind a letter of their key are counted for the day, also once it is overtaken")
{
    mr_poisoned_add(&set, part, K, 5, NOW_MS);
    MR_CHECK(!mr_poisoned_is_after(&set, part, K, 5));
    MR_CHECK(mr_poisoned_overtake(&set, part, K, 9, &overtaken));
    MR_CHECK(mr_poisoned_is_after(&set, part, K, 9));
    MR_CHECK(mr_poisoned_is_after(&set, part, K, 10));
    MR_CHECK(!mr_poisoned_is_after(&set, part, L, 10));
}

MR_TEST("after a day it is forgotten")
{
    mr_poisoned_add(&set, part, K, 5, NOW_MS);
    MR_CHECK(mr_poisoned_holds(&set, part, K, 6, NOW_MS + MR_POISONED_MS - 1));
    MR_CHECK(!mr_poisoned_holds(&set, part, K, 6, NOW_MS + MR_POISONED_MS));
    MR_CHECK(!mr_poisoned_is_after(&set, part, K, 6));
}

MR_TEST("beyond the limit the key whose letter is oldest is forgotten")
{
    char keys[MOST + 1][8];

    for (int i = 0; i <= MOST; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "key%d", i);
        mr_poisoned_add(&set, part, mr_slice_str(keys[i]), i, NOW_MS);
        if (i == MOST - 1) /* the first one is young again */
            mr_poisoned_add(&set, part, mr_slice_str(keys[0]), 100, NOW_MS);
    }
    MR_CHECK(holds(mr_slice_str(keys[0]), 101));
    MR_CHECK(!holds(mr_slice_str(keys[1]), 101));
    for (int i = 2; i <= MOST; i++)
        MR_CHECK(holds(mr_slice_str(keys[i]), 101));
}

MR_TEST("records without a key, and keys beyond the limit of bytes, are not remembered")
{
    static uint8_t bytes[MR_POISONED_KEY_BYTES + 1];
    const struct mr_slice none = {NULL, 0};
    const struct mr_slice most = {bytes, MR_POISONED_KEY_BYTES};
    const struct mr_slice more = {bytes, sizeof bytes};

    mr_poisoned_add(&set, part, none, 1, NOW_MS);
    mr_poisoned_add(&set, part, more, 1, NOW_MS);
    MR_CHECK(!holds(none, 2) && !holds(more, 2));
    mr_poisoned_add(&set, part, most, 1, NOW_MS);
    MR_CHECK(holds(most, 2) && !holds(more, 2) && !holds(none, 2));
}

MR_TEST("a partition is forgotten, and learnt from what the control tables kept")
{
    struct mr_poison poison = {
        .stream = "t", .offset = 20, .overtaken_by = -1, .age_ms = 1000, .key = K};

    mr_poisoned_add(&set, part, L, 5, NOW_MS);
    mr_poisoned_add(&set, other, L, 5, NOW_MS);
    mr_poisoned_forget(&set, part);
    MR_CHECK(!holds(L, 6) && mr_poisoned_holds(&set, other, L, 6, NOW_MS));
    mr_poisoned_learn(&set, part, &poison, NOW_MS);
    MR_CHECK(holds(K, 21));
    poison.overtaken_by = 25;
    poison.offset = 22;
    mr_poisoned_learn(&set, part, &poison, NOW_MS);
    MR_CHECK(!holds(K, 26));
    MR_CHECK(holds(K, 24));
    MR_CHECK(!mr_poisoned_holds(&set, part, K, 24, NOW_MS + MR_POISONED_MS - 999));
}

MR_TEST("a letter whose flush did not land is taken back, and what was known before counts again")
{
    struct mr_poisoned_note first = {.part = part, .key = K, .offset = 5};
    struct mr_poisoned_note second = {.part = part, .key = K, .offset = 8};

    mr_poisoned_try(&set, &first, NOW_MS);
    MR_CHECK(holds(K, 6));
    mr_poisoned_undo(&set, &first);
    MR_CHECK(!holds(K, 6));
    mr_poisoned_add(&set, part, K, 5, NOW_MS);
    MR_CHECK(mr_poisoned_overtake(&set, part, K, 7, &overtaken));
    mr_poisoned_try(&set, &second, NOW_MS);
    MR_CHECK(holds(K, 9) && !holds(K, 6));
    mr_poisoned_undo(&set, &second);
    MR_CHECK(!holds(K, 9) && holds(K, 6));
}

MR_TEST("a letter that another one has joined meanwhile is not taken back")
{
    struct mr_poisoned_note note = {.part = part, .key = K, .offset = 5};

    mr_poisoned_try(&set, &note, NOW_MS);
    mr_poisoned_add(&set, part, K, 12, NOW_MS); /* by fill, of the next batch */
    mr_poisoned_undo(&set, &note);
    MR_CHECK(holds(K, 13));
}

MR_TEST("a record that landed after all is no letter")
{
    mr_poisoned_add(&set, part, K, 5, NOW_MS);
    mr_poisoned_landed(&set, part, K, 4);
    mr_poisoned_landed(&set, part, L, 5);
    MR_CHECK(holds(K, 6));
    mr_poisoned_landed(&set, part, K, 5);
    MR_CHECK(!holds(K, 6));
}

/* U-32 */
MR_TEST("a delete is told that it follows a letter, also when its batch is formed anew")
{
    mr_poisoned_add(&set, part, K, 5, NOW_MS);
    MR_CHECK(holds(K, 9));
    MR_CHECK(mr_poisoned_overtake(&set, part, K, 9, &overtaken));
    MR_CHECK(holds(K, 9) && !holds(K, 10));
}
