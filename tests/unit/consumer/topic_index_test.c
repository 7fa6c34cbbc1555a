/* What the records of a topic of letters come to (design.md section 6, decision 031). */
#include "consumer/topic_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/mr_test.h"

static struct mr_topic_index idx;
static struct mr_err err;
static char found[512];

MR_SETUP
{
    mr_err_clear(&err);
    mr_topic_index_init(&idx, 7, 5);
}

MR_TEARDOWN
{
    mr_topic_index_release(&idx);
}

/* A record at `offset` of the log's partition, of that time. */
static int add(enum mr_wire_kind kind, struct mr_kept_letter kept, int32_t partition,
               int64_t offset)
{
    const struct mr_topic_place at = {partition, offset};

    if (kept.changed_by == NULL)
        kept.changed_by = "";
    return mr_topic_index_add(&idx, kind, &kept, &at, &err);
}

static struct mr_kept_letter letter(const char *id, const char *topic, int64_t offset,
                                    const char *code)
{
    return (struct mr_kept_letter){.id = id,
                                   .letter = {.stream = topic, .offset = offset, .code = code},
                                   .attempts = 1,
                                   .created_ms = 1000 + offset,
                                   .updated_ms = 1000 + offset};
}

static struct mr_kept_letter end(const char *id, enum mr_letter_state state, int64_t ms)
{
    return (struct mr_kept_letter){
        .id = id, .state = state, .updated_ms = ms, .changed_by = "me@here"};
}

static const struct mr_letter_filter any = {.since_ms = -1, .until_ms = -1};

/* The offsets of what a filter takes. */
static const char *select_of(const struct mr_letter_filter *filter)
{
    struct mr_topic_letter **list = NULL;
    size_t n = 0;
    size_t at = 0;

    found[0] = '\0';
    MR_CHECK_OK(mr_topic_index_select(&idx, filter, &list, &n, &err));
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(found + at, sizeof found - at, "%s%lld ", list[i]->stream,
                               (long long)list[i]->offset);
    free(list);
    return found;
}

#define A1 "a-0-1-01234567"
#define A2 "a-0-2-01234567"
#define B3 "b-0-3-01234567"

static void three(void)
{
    MR_CHECK_OK(add(MR_WIRE_LETTER, letter(B3, "b", 3, "x"), 0, 0));
    MR_CHECK_OK(add(MR_WIRE_LETTER, letter(A2, "a", 2, "y"), 0, 1));
    MR_CHECK_OK(add(MR_WIRE_LETTER, letter(A1, "a", 1, "x"), 1, 0));
}

MR_TEST("letters are selected by id, topic, code, state and time, in either order")
{
    static const char *const ids[] = {B3, A1, "a-9-9-01234567", B3};
    struct mr_letter_filter f = any;

    three();
    MR_CHECK_OK(add(MR_WIRE_END, end(A2, MR_LETTER_REPLAYED, 2000), 0, 2));
    MR_CHECK_STR(select_of(&any), "b3 a2 a1 ");
    f.in_log_order = true;
    MR_CHECK_STR(select_of(&f), "a1 a2 b3 ");
    f.limit = 2;
    MR_CHECK_STR(select_of(&f), "a1 a2 ");
    f = any;
    f.topic = "a";
    MR_CHECK_STR(select_of(&f), "a2 a1 ");
    f.states = 1u << MR_LETTER_NEW;
    MR_CHECK_STR(select_of(&f), "a1 ");
    f = any;
    f.code = "x";
    MR_CHECK_STR(select_of(&f), "b3 a1 ");
    f = any;
    f.since_ms = 1002;
    MR_CHECK_STR(select_of(&f), "b3 a2 ");
    f.until_ms = 1003;
    MR_CHECK_STR(select_of(&f), "a2 ");
    f = any;
    f.ids = ids;
    f.n_ids = 4;
    MR_CHECK_STR(select_of(&f), "b3 a1 ");
}

MR_TEST("what is no id is refused")
{
    static const char *const wrong[] = {"7"};
    struct mr_letter_filter f = any;
    struct mr_topic_letter **list = NULL;
    size_t n;

    f.ids = wrong;
    f.n_ids = 1;
    MR_CHECK_INT(mr_topic_index_select(&idx, &f, &list, &n, &err), -MR_CONFIG_USAGE);
}

/* A flush that is tried again writes its letters again. */
MR_TEST("a letter that is written again is one, at its later place, and may be put aside anew")
{
    three();
    MR_CHECK_OK(add(MR_WIRE_LETTER, letter(A1, "a", 1, "z"), 1, 5));
    MR_CHECK_STR(select_of(&any), "b3 a2 a1 ");
    const struct mr_topic_letter *one = mr_topic_index_find(&idx, A1);
    MR_CHECK_INT(one->at.offset, 5);
    MR_CHECK_STR(one->code, "z");
    MR_CHECK_OK(add(MR_WIRE_END, end(A1, MR_LETTER_DISCARDED, 2000), 1, 6));
    MR_CHECK_INT(one->state, MR_LETTER_DISCARDED);
    MR_CHECK_STR(one->by, "me@here");
    MR_CHECK_INT(one->updated_ms, 2000);
    MR_CHECK_OK(add(MR_WIRE_LETTER, letter(A1, "a", 1, "z"), 1, 7));
    MR_CHECK_INT(one->state, MR_LETTER_NEW);
    MR_CHECK_STR(one->by, "");
    MR_CHECK(!idx.mixed);
}

MR_TEST("between partitions the younger record holds, whichever is read first")
{
    three();
    MR_CHECK_OK(add(MR_WIRE_END, end(A1, MR_LETTER_REPLAYED, 2000), 1, 9));
    MR_CHECK_OK(add(MR_WIRE_LETTER, letter(A1, "a", 1, "x"), 4, 0));
    MR_CHECK_INT(mr_topic_index_find(&idx, A1)->state, MR_LETTER_REPLAYED);
    MR_CHECK(idx.mixed);
    struct mr_kept_letter later = letter(A1, "a", 1, "x");
    later.updated_ms = 3000;
    MR_CHECK_OK(add(MR_WIRE_LETTER, later, 4, 1));
    MR_CHECK_INT(mr_topic_index_find(&idx, A1)->state, MR_LETTER_NEW);
    MR_CHECK_INT(mr_topic_index_find(&idx, A1)->at.partition, 4);
}

MR_TEST("what closes a letter that is not there any more is nothing")
{
    MR_CHECK_OK(add(MR_WIRE_END, end(A1, MR_LETTER_REPLAYED, 2000), 0, 0));
    MR_CHECK_STR(select_of(&any), "");
    MR_CHECK_INT(idx.n, 0);
}

MR_TEST("a letter that is gone is not found until it is written again")
{
    three();
    mr_topic_index_find(&idx, A1)->gone = true;
    MR_CHECK(mr_topic_index_find(&idx, A1) == NULL);
    MR_CHECK_STR(select_of(&any), "b3 a2 ");
    MR_CHECK_OK(add(MR_WIRE_LETTER, letter(A1, "a", 1, "x"), 1, 9));
    MR_CHECK_STR(select_of(&any), "b3 a2 a1 ");
}

/* Or a purge, the only remedy, would have nothing to go by. */
MR_TEST("letters beyond those that are remembered are left out and counted")
{
    char ids[6][40];

    for (int i = 0; i < 6; i++) {
        snprintf(ids[i], sizeof ids[i], "a-0-%d-01234567", i);
        MR_CHECK_INT(add(MR_WIRE_LETTER, letter(ids[i], "a", i, "x"), 0, i), i < 5 ? 0 : 1);
    }
    MR_CHECK_U64(idx.n_left_out, 1);
    MR_CHECK(mr_topic_index_find(&idx, ids[5]) == NULL);
    MR_CHECK_INT(add(MR_WIRE_END, end(ids[5], MR_LETTER_REPLAYED, 2000), 0, 6), 0);
    MR_CHECK_INT(add(MR_WIRE_END, end(ids[0], MR_LETTER_REPLAYED, 2000), 0, 7), 0);
    MR_CHECK_INT(add(MR_WIRE_LETTER, letter(ids[1], "a", 1, "x"), 0, 8), 0);
    MR_CHECK_INT(mr_topic_index_find(&idx, ids[0])->state, MR_LETTER_REPLAYED);
    MR_CHECK_INT(mr_topic_index_find(&idx, ids[1])->at.offset, 8);
    MR_CHECK_U64(idx.n_left_out, 1);
}
