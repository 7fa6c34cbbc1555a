/* Which notes of replayed letters hold still (design.md section 6, decision 031). */
#include "consumer/topic_notes.h"

#include "tests/support/mr_test.h"

#define ID "a-0-1-01234567"

static struct mr_topic_index idx;
static struct mr_err err;

MR_SETUP
{
    mr_err_clear(&err);
    mr_topic_index_init(&idx, 7, 1);
}

MR_TEARDOWN
{
    mr_topic_index_release(&idx);
}

static void add(enum mr_wire_kind kind, const char *id, int64_t ms)
{
    const struct mr_topic_place at = {0, ms};
    const struct mr_kept_letter kept = {.id = id,
                                        .letter = {.stream = "a", .code = "x"},
                                        .state = kind == MR_WIRE_END ? MR_LETTER_REPLAYED
                                                                     : MR_LETTER_NEW,
                                        .updated_ms = ms,
                                        .changed_by = "me"};

    MR_CHECK(mr_topic_index_add(&idx, kind, &kept, &at, &err) >= 0);
}

static bool is_stale(const char *id, int64_t version)
{
    const struct mr_replayed note = {.id = id, .version = version, .by = "me"};

    return mr_topic_note_is_stale(&idx, &note);
}

/* G-01 */
MR_TEST("a note holds until the topic says that its letter is closed")
{
    add(MR_WIRE_LETTER, ID, 5);
    MR_CHECK(!is_stale(ID, 5));
    struct mr_topic_letter *letter = mr_topic_index_find(&idx, ID);
    letter->state = MR_LETTER_REPLAYED; /* by the note alone */
    letter->noted = true;
    MR_CHECK(!is_stale(ID, 5));
    add(MR_WIRE_END, ID, 6);
    MR_CHECK(is_stale(ID, 5));
}

MR_TEST("a note of a letter that was put aside again holds no more")
{
    add(MR_WIRE_LETTER, ID, 5);
    add(MR_WIRE_LETTER, ID, 7);
    MR_CHECK(is_stale(ID, 5));
    MR_CHECK(!is_stale(ID, 7));
}

MR_TEST("a note of a letter that is gone holds no more, unless it is one of those left out")
{
    MR_CHECK(is_stale(ID, 5));
    add(MR_WIRE_LETTER, ID, 5);
    mr_topic_index_find(&idx, ID)->gone = true;
    MR_CHECK(is_stale(ID, 5));
    add(MR_WIRE_LETTER, "a-0-2-01234567", 6);
    MR_CHECK(!is_stale("a-0-2-01234567", 6));
}
