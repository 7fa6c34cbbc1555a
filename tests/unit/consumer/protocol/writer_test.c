/* The writer's state machine: its table and its drawing. */
#include "consumer/protocol/writer.h"

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
    mr_drawing_read("consumer/protocol/writer.h", &drawing);
    MR_CHECK_U64(drawing.n_states, MR_N_WRITER_STATES);
    MR_CHECK_U64(drawing.n_events, MR_N_WRITER_EVENTS);
    for (unsigned s = 0; s < MR_N_WRITER_STATES; s++)
        for (unsigned e = 0; e < MR_N_WRITER_EVENTS; e++) {
            char name[MR_DRAWING_NAME];
            struct mr_writer_step step =
                mr_writer_next((enum mr_writer_state)s, (enum mr_writer_event)e);
            if (strcmp(drawing.cells[s][e], ".") == 0) {
                MR_CHECK_INT(step.action, MR_WRITER_DO_BUG);
                continue;
            }
            lower(drawing.cells[s][e], name);
            MR_CHECK_STR(name, mr_writer_state_name(step.next));
            MR_CHECK(step.action != MR_WRITER_DO_BUG);
        }
}

/* contract.md Q-01 */
MR_TEST("a commit in doubt is never assumed: only what the positions say ends it")
{
    for (unsigned e = 0; e < MR_N_WRITER_EVENTS; e++) {
        struct mr_writer_step step = mr_writer_next(MR_WRITER_DOUBT, (enum mr_writer_event)e);
        if (step.action == MR_WRITER_DO_PUBLISH)
            MR_CHECK_INT(e, MR_WRITER_EV_LANDED);
        if (step.action == MR_WRITER_DO_FLUSH)
            MR_CHECK_INT(e, MR_WRITER_EV_ABSENT);
        if (step.action == MR_WRITER_DO_DROP)
            MR_FAIL("event %u drops a batch whose fate is not known", e);
    }
}

MR_TEST("a batch is published only when it is durable")
{
    for (unsigned s = 0; s < MR_N_WRITER_STATES; s++)
        for (unsigned e = 0; e < MR_N_WRITER_EVENTS; e++) {
            struct mr_writer_step step =
                mr_writer_next((enum mr_writer_state)s, (enum mr_writer_event)e);
            if (step.action == MR_WRITER_DO_PUBLISH)
                MR_CHECK(e == MR_WRITER_EV_DONE || e == MR_WRITER_EV_LANDED);
        }
}

MR_TEST("a waiting batch can be given up, a flush under way cannot")
{
    MR_CHECK_INT(mr_writer_next(MR_WRITER_WAITING, MR_WRITER_EV_ABANDON).action, MR_WRITER_DO_DROP);
    MR_CHECK_INT(mr_writer_next(MR_WRITER_FLUSHING, MR_WRITER_EV_ABANDON).next, MR_WRITER_FLUSHING);
}
