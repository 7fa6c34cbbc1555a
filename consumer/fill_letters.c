/* Owns what a lane does with records of keys that have a dead letter. */
#include "consumer/lane.h"

#include "base/ban.h"

/* Appended rows take nothing from rows that are there. */
static bool counts(const struct mr_record *record)
{
    return record->target->load->reduce && record->target->rule->on_bad == MR_ON_BAD_DEAD_LETTER;
}

static int letter_ask(struct mr_lane *lane, const struct mr_record *record, struct mr_err *why)
{
    const struct mr_lane_shared *shared = lane->shared;

    if (shared->after_letter != NULL)
        return shared->after_letter(shared->after_letter_arg, record, why);
    if (shared->poisoned == NULL || !mr_poisoned_holds(shared->poisoned, record->part, record->key,
                                                       record->offset, mr_mono_ms(&lane->fill_env)))
        return 0;
    mr_err_set(why, MR_UNAVAILABLE_AFTER_LETTER, "not all columns come");
    return 1;
}

int mr_fill_after_letter(struct mr_lane *lane, struct mr_record *record,
                         const struct mr_decoded *decoded, struct mr_err *why)
{
    record->masked = decoded->mask != NULL;
    record->whole = !record->masked;
    record->leaves = decoded->op == MR_REC_DELETE;
    record->behind = false;
    if ((!record->masked && !record->leaves) || !counts(record))
        return 0;
    int rc = letter_ask(lane, record, why);
    if (rc != 1 || record->masked)
        return rc;
    record->behind = true; /* it is deleted all the same */
    mr_err_clear(why);
    return 0;
}

void mr_fill_poison(struct mr_lane *lane, const struct mr_record *record)
{
    if (lane->shared->poisoned != NULL && counts(record))
        mr_poisoned_add(lane->shared->poisoned, record->part, record->key, record->offset,
                        mr_mono_ms(&lane->fill_env));
}

void mr_fill_overtake(struct mr_lane *lane, const struct mr_record *record)
{
    struct mr_overtaken ignored; /* the flush tells it, when it can */

    if (record->whole && lane->shared->poisoned != NULL && counts(record))
        mr_poisoned_overtake(lane->shared->poisoned, record->part, record->key, record->offset,
                             &ignored);
}

void mr_lane_count_after(struct mr_lane *lane, const struct mr_batch *batch)
{
    struct mr_poisoned *poisoned = lane->shared->poisoned;

    for (size_t i = 0; poisoned != NULL && i < batch->n_held; i++) {
        const struct mr_record *record = &batch->held[i];
        const char *labels[] = {record->stream};
        if (record->bad)
            continue;
        mr_poisoned_landed(poisoned, record->part, record->key, record->offset);
        if (mr_poisoned_is_after(poisoned, record->part, record->key, record->offset))
            mr_counter_add(mr_metrics_series(lane->shared->metrics, MR_M_AFTER_POISON, labels), 1);
    }
}
