/* Owns the transition table of an assigned partition. Pure: no thread, source or target in here. */
#include "consumer/protocol/partition.h"

#include "base/ban.h"

#define CL MR_PART_CLAIMING
#define SE MR_PART_SEEKING
#define FL MR_PART_FLOWING
#define HE MR_PART_HELD
#define HA MR_PART_HALTED
#define FE MR_PART_FENCED
#define GO MR_PART_GONE
#define BUG {GO, MR_PART_DO_BUG}

#define DO(what) MR_PART_DO_##what

static const struct mr_partition_step steps[MR_N_PART_STATES][MR_N_PART_EVENTS] = {
    [CL] = {{SE, DO(SEEK)},
            {CL, DO(WAIT)},
            BUG,
            BUG,
            BUG,
            {HA, DO(WAIT)},
            {CL, DO(NOTHING)},
            {CL, DO(NOTHING)},
            {CL, DO(NOTHING)},
            {CL, DO(CLAIM)},
            {GO, DO(FORGET)}},
    [SE] = {BUG,
            BUG,
            {FL, DO(FLOW)},
            {SE, DO(WAIT)},
            BUG,
            {HA, DO(WAIT)},
            {CL, DO(WAIT)},
            {SE, DO(NOTHING)},
            {FE, DO(WAIT)},
            {SE, DO(SEEK)},
            {GO, DO(FORGET)}},
    [FL] = {BUG,
            BUG,
            BUG,
            BUG,
            {HE, DO(HOLD)},
            {HA, DO(HOLD)},
            {CL, DO(HOLD)},
            {SE, DO(HOLD_SEEK)},
            {FE, DO(HOLD)},
            BUG,
            {GO, DO(FORGET)}},
    [HE] = {BUG,
            BUG,
            BUG,
            BUG,
            {HE, DO(NOTHING)},
            {HA, DO(WAIT)},
            {CL, DO(WAIT)},
            {HE, DO(NOTHING)},
            {FE, DO(WAIT)},
            {SE, DO(SEEK)},
            {GO, DO(FORGET)}},
    [HA] = {BUG,
            BUG,
            BUG,
            BUG,
            {HA, DO(NOTHING)},
            {HA, DO(NOTHING)},
            {HA, DO(NOTHING)},
            {HA, DO(NOTHING)},
            {HA, DO(NOTHING)},
            {CL, DO(CLAIM)},
            {GO, DO(FORGET)}},
    [FE] = {BUG,
            BUG,
            BUG,
            BUG,
            BUG,
            {HA, DO(WAIT)},
            {FE, DO(NOTHING)},
            {FE, DO(NOTHING)},
            {FE, DO(NOTHING)},
            {CL, DO(CLAIM)},
            {GO, DO(FORGET)}},
    [GO] = {BUG, BUG, BUG, BUG, BUG, BUG, BUG, BUG, BUG, BUG, BUG},
};

struct mr_partition_step mr_partition_next(enum mr_partition_state state,
                                           enum mr_partition_event event)
{
    if ((unsigned)state >= MR_N_PART_STATES || (unsigned)event >= MR_N_PART_EVENTS)
        return (struct mr_partition_step)BUG;
    return steps[state][event];
}

const char *mr_partition_state_name(enum mr_partition_state state)
{
    static const char *const names[MR_N_PART_STATES] = {
        [CL] = "claiming", [SE] = "seeking", [FL] = "flowing", [HE] = "held",
        [HA] = "halted",   [FE] = "fenced",  [GO] = "gone",
    };
    return (unsigned)state < MR_N_PART_STATES ? names[state] : "?";
}

bool mr_fence_note(struct mr_fence_count *count, uint64_t now_ms)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count->n; i++)
        if (now_ms - count->at_ms[i] < MR_FENCE_WINDOW_MS)
            count->at_ms[kept++] = count->at_ms[i];
    if (kept == MR_FENCES_TO_HALT) {
        for (uint32_t i = 1; i < kept; i++)
            count->at_ms[i - 1] = count->at_ms[i];
        kept--;
    }
    count->at_ms[kept++] = now_ms;
    count->n = kept;
    return kept == MR_FENCES_TO_HALT;
}
