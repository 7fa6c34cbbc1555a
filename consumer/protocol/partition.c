/* Owns the transition table of an assigned partition. Pure: no thread, source or target in here. */
#include "consumer/protocol/partition.h"

#define CL MR_PART_CLAIMING
#define SE MR_PART_SEEKING
#define FL MR_PART_FLOWING
#define HE MR_PART_HELD
#define HA MR_PART_HALTED
#define FE MR_PART_FENCED
#define GO MR_PART_GONE
#define BUG {GO, MR_PART_DO_BUG}

static const struct mr_partition_step steps[MR_N_PART_STATES][MR_N_PART_EVENTS] = {
    [CL] = {{SE, MR_PART_DO_SEEK}, {CL, MR_PART_DO_WAIT}, BUG, BUG, BUG, {HA, MR_PART_DO_WAIT},
            BUG, BUG, {CL, MR_PART_DO_CLAIM}, {GO, MR_PART_DO_FORGET}},
    [SE] = {BUG, BUG, {FL, MR_PART_DO_FLOW}, {SE, MR_PART_DO_WAIT}, BUG, {HA, MR_PART_DO_WAIT},
            BUG, BUG, {SE, MR_PART_DO_SEEK}, {GO, MR_PART_DO_FORGET}},
    [FL] = {BUG, BUG, BUG, BUG, {HE, MR_PART_DO_HOLD}, {HA, MR_PART_DO_HOLD},
            {SE, MR_PART_DO_HOLD_SEEK}, {FE, MR_PART_DO_HOLD}, BUG, {GO, MR_PART_DO_FORGET}},
    [HE] = {BUG, BUG, BUG, BUG, {HE, MR_PART_DO_NOTHING}, {HA, MR_PART_DO_WAIT},
            {HE, MR_PART_DO_NOTHING}, {FE, MR_PART_DO_WAIT}, {SE, MR_PART_DO_SEEK},
            {GO, MR_PART_DO_FORGET}},
    [HA] = {BUG, BUG, BUG, BUG, {HA, MR_PART_DO_NOTHING}, {HA, MR_PART_DO_NOTHING},
            {HA, MR_PART_DO_NOTHING}, {HA, MR_PART_DO_NOTHING}, {CL, MR_PART_DO_CLAIM},
            {GO, MR_PART_DO_FORGET}},
    [FE] = {BUG, BUG, BUG, BUG, BUG, {HA, MR_PART_DO_WAIT}, BUG, BUG, {CL, MR_PART_DO_CLAIM},
            {GO, MR_PART_DO_FORGET}},
    [GO] = {BUG, BUG, BUG, BUG, BUG, BUG, BUG, BUG, BUG, BUG},
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
