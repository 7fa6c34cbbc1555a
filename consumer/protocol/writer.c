/* Owns the transition table of a writer's batch. Pure: no thread, source or target in here. */
#include "consumer/protocol/writer.h"

#include "base/ban.h"

#define ID MR_WRITER_IDLE
#define FL MR_WRITER_FLUSHING
#define WA MR_WRITER_WAITING
#define DO MR_WRITER_DOUBT
#define BUG {ID, MR_WRITER_DO_BUG}

static const struct mr_writer_step steps[MR_N_WRITER_STATES][MR_N_WRITER_EVENTS] = {
    [ID] = {{FL, MR_WRITER_DO_FLUSH},
            BUG,
            BUG,
            BUG,
            BUG,
            BUG,
            BUG,
            BUG,
            BUG,
            {ID, MR_WRITER_DO_NOTHING}},
    [FL] = {BUG,
            {ID, MR_WRITER_DO_PUBLISH},
            {WA, MR_WRITER_DO_BACKOFF},
            {DO, MR_WRITER_DO_REREAD},
            {ID, MR_WRITER_DO_DROP},
            BUG,
            BUG,
            BUG,
            BUG,
            {FL, MR_WRITER_DO_NOTHING}},
    [WA] =
        {BUG, BUG, BUG, BUG, BUG, {FL, MR_WRITER_DO_FLUSH}, BUG, BUG, BUG, {ID, MR_WRITER_DO_DROP}},
    [DO] = {BUG,
            BUG,
            {DO, MR_WRITER_DO_REREAD_LATER},
            BUG,
            BUG,
            {DO, MR_WRITER_DO_REREAD},
            {ID, MR_WRITER_DO_PUBLISH},
            {FL, MR_WRITER_DO_FLUSH},
            {ID, MR_WRITER_DO_FENCED},
            {DO, MR_WRITER_DO_NOTHING}},
};

struct mr_writer_step mr_writer_next(enum mr_writer_state state, enum mr_writer_event event)
{
    if ((unsigned)state >= MR_N_WRITER_STATES || (unsigned)event >= MR_N_WRITER_EVENTS)
        return (struct mr_writer_step)BUG;
    return steps[state][event];
}

const char *mr_writer_state_name(enum mr_writer_state state)
{
    static const char *const names[MR_N_WRITER_STATES] = {
        [ID] = "idle", [FL] = "flushing", [WA] = "waiting", [DO] = "doubt"};
    return (unsigned)state < MR_N_WRITER_STATES ? names[state] : "?";
}
