/* The partition's state machine: its table, its drawing, and walks through it. */
#include "consumer/protocol/partition.h"

#include <ctype.h>
#include <string.h>

#include "tests/support/drawing.h"
#include "tests/support/mr_test.h"

static void lower(const char *from, char *to)
{
    while ((*to++ = (char)tolower((unsigned char)*from++)) != '\0')
        ;
}

static struct mr_drawing drawing;

MR_TEST("the drawing in the header is the table")
{
    mr_drawing_read("consumer/protocol/partition.h", &drawing);
    MR_CHECK_U64(drawing.n_states, MR_N_PART_STATES);
    MR_CHECK_U64(drawing.n_events, MR_N_PART_EVENTS);
    for (unsigned s = 0; s < MR_N_PART_STATES; s++) {
        char name[MR_DRAWING_NAME];
        lower(drawing.states[s], name);
        MR_CHECK_STR(name, mr_partition_state_name((enum mr_partition_state)s));
        for (unsigned e = 0; e < MR_N_PART_EVENTS; e++) {
            struct mr_partition_step step =
                mr_partition_next((enum mr_partition_state)s, (enum mr_partition_event)e);
            if (strcmp(drawing.cells[s][e], ".") == 0) {
                MR_CHECK_INT(step.action, MR_PART_DO_BUG);
                continue;
            }
            lower(drawing.cells[s][e], name);
            MR_CHECK_STR(name, mr_partition_state_name(step.next));
            MR_CHECK(step.action != MR_PART_DO_BUG);
        }
    }
}

MR_TEST("the drawing names the events in the order of the enum")
{
    static const char *const names[MR_N_PART_EVENTS] = {
        [MR_PART_EV_CLAIMED] = "claimed", [MR_PART_EV_REFUSED] = "refused",
        [MR_PART_EV_SOUGHT] = "sought",   [MR_PART_EV_UNSOUGHT] = "unsought",
        [MR_PART_EV_HELD] = "held",       [MR_PART_EV_HALTED] = "halted",
        [MR_PART_EV_ADRIFT] = "adrift",   [MR_PART_EV_RESET] = "reset",
        [MR_PART_EV_FENCED] = "fenced",   [MR_PART_EV_DUE] = "due",
        [MR_PART_EV_REVOKED] = "revoked"};

    mr_drawing_read("consumer/protocol/partition.h", &drawing);
    for (unsigned e = 0; e < MR_N_PART_EVENTS; e++)
        MR_CHECK_STR(drawing.events[e], names[e]);
}

/* contract.md G-02, K-14: nothing is read before the position was claimed and sought */
MR_TEST("a partition flows only after its claim and its seek")
{
    struct mr_partition_step step = mr_partition_next(MR_PART_CLAIMING, MR_PART_EV_CLAIMED);

    MR_CHECK_INT(step.action, MR_PART_DO_SEEK);
    step = mr_partition_next(step.next, MR_PART_EV_SOUGHT);
    MR_CHECK_INT(step.action, MR_PART_DO_FLOW);
    MR_CHECK_INT(step.next, MR_PART_FLOWING);
    for (unsigned s = 0; s < MR_N_PART_STATES; s++)
        for (unsigned e = 0; e < MR_N_PART_EVENTS; e++) {
            step = mr_partition_next((enum mr_partition_state)s, (enum mr_partition_event)e);
            if (step.next == MR_PART_FLOWING && s != MR_PART_FLOWING)
                MR_CHECK(s == MR_PART_SEEKING && e == MR_PART_EV_SOUGHT);
        }
}

MR_TEST("every way out of FLOWING but a revoke holds the partition first")
{
    for (unsigned e = 0; e < MR_N_PART_EVENTS; e++) {
        struct mr_partition_step step =
            mr_partition_next(MR_PART_FLOWING, (enum mr_partition_event)e);
        if (step.action == MR_PART_DO_BUG || e == MR_PART_EV_REVOKED)
            continue;
        MR_CHECK(step.action == MR_PART_DO_HOLD || step.action == MR_PART_DO_HOLD_SEEK);
    }
}

MR_TEST("every state but GONE can be revoked")
{
    for (unsigned s = 0; s < MR_PART_GONE; s++) {
        struct mr_partition_step step =
            mr_partition_next((enum mr_partition_state)s, MR_PART_EV_REVOKED);
        MR_CHECK_INT(step.next, MR_PART_GONE);
        MR_CHECK_INT(step.action, MR_PART_DO_FORGET);
    }
}

MR_TEST("a fenced partition is claimed again only after its time-out")
{
    struct mr_partition_step step = mr_partition_next(MR_PART_FLOWING, MR_PART_EV_FENCED);

    MR_CHECK_INT(step.next, MR_PART_FENCED);
    MR_CHECK_INT(step.action, MR_PART_DO_HOLD);
    step = mr_partition_next(step.next, MR_PART_EV_DUE);
    MR_CHECK_INT(step.next, MR_PART_CLAIMING);
    MR_CHECK_INT(step.action, MR_PART_DO_CLAIM);
}

MR_TEST("the third fence within five minutes is contention, older ones do not count")
{
    struct mr_fence_count count = {.n = 0};

    MR_CHECK(!mr_fence_note(&count, 1000));
    MR_CHECK(!mr_fence_note(&count, 2000));
    MR_CHECK(mr_fence_note(&count, 3000));
    struct mr_fence_count slow = {.n = 0};
    MR_CHECK(!mr_fence_note(&slow, 0));
    MR_CHECK(!mr_fence_note(&slow, 200000));
    MR_CHECK(!mr_fence_note(&slow, 400000));
    MR_CHECK(!mr_fence_note(&slow, 600000));
    MR_CHECK(mr_fence_note(&slow, 600001));
}

MR_TEST("an unknown state or event is a bug, not a guess")
{
    MR_CHECK_INT(mr_partition_next(MR_N_PART_STATES, MR_PART_EV_DUE).action, MR_PART_DO_BUG);
    MR_CHECK_INT(mr_partition_next(MR_PART_HELD, MR_N_PART_EVENTS).action, MR_PART_DO_BUG);
}
