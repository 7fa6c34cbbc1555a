/* Owns a letter's way to the batch, and what is told of one that does not get there. */
#include <string.h>

#include "consumer/replay_run.h"

#include "base/ban.h"

enum { PATIENCE_MS = 60000 }; /* with a registry that does not answer, or not yet for good */

static const char *kept_text(struct mr_replay_result *result, const char *text)
{
    const char *kept = mr_arena_copy(&result->arena, text, strlen(text) + 1);
    return kept != NULL ? kept : "";
}

void mr_replay_note(struct mr_replay_result *result, const struct mr_replay_record *record,
                    bool failed, const char *code, const char *detail)
{
    const struct mr_letter *letter = &record->kept.letter;

    if (result->n_notes == MR_REPLAY_NOTES)
        return;
    result->notes[result->n_notes++] = (struct mr_replay_note){
        .id = kept_text(result, record->kept.id),
        .stream = kept_text(result, letter->stream),
        .partition = letter->partition,
        .offset = letter->offset,
        .failed = failed,
        .code = kept_text(result, code),
        .detail = kept_text(result, detail),
    };
}

void mr_replay_hold(struct mr_replay *r, struct mr_replay_item *item, const struct mr_err *why)
{
    char code[64];

    item->state = MR_REPLAY_DONE;
    item->stays = true;
    if (r->result->n_held++ == 0)
        r->result->held = *why;
    mr_replay_note(r->result, &item->record, false, mr_err_printed(why, code, sizeof code),
                   why->detail);
}

/* ---- one letter ---- */

/* Held for good: in a log, nothing behind such a record would be read. */
static bool is_held(const struct mr_partition *part)
{
    return part->state == MR_PART_HALTED;
}

static struct mr_partition *part_of(struct mr_replay *r, const struct mr_letter *letter,
                                    struct mr_err *err)
{
    struct mr_partition *part =
        mr_partitions_find(&r->partitions, letter->stream, letter->partition);

    if (part != NULL)
        return part;
    part = mr_partitions_get(&r->partitions, letter->stream, letter->partition, 0);
    if (part == NULL) {
        mr_err_set(err, MR_NO_MEMORY, "a partition");
        return NULL;
    }
    for (size_t i = 0; i < r->n_stored; i++) {
        const struct mr_position *p = &r->stored[i];
        if (p->partition == letter->partition && strcmp(p->stream, letter->stream) == 0)
            part->envelope_topic = part->envelope_topic || p->envelope;
    }
    if (mr_targets_for(&r->box->targets, letter->stream, &part->target, err) < 0)
        part->state = MR_PART_HALTED;
    return part;
}

void mr_replay_wait(struct mr_replay *r, uint32_t delay_ms)
{
    struct mr_lane *lane = &r->lane;

    mr_lock_take(&lane->lock);
    mr_cond_wait(&lane->changed, &lane->lock,
                 delay_ms < MR_REPLAY_WAIT_MS ? delay_ms : MR_REPLAY_WAIT_MS);
    mr_lock_drop(&lane->lock);
}

/* What fill wished for its record: to wait for a moment, or for somebody. */
static int held(struct mr_replay *r, struct mr_replay_item *item, struct mr_partition *part,
                struct mr_err *err)
{
    struct mr_partition_wish wish;
    uint64_t now_ms = mr_mono_ms(&r->box->env);

    if (!mr_partition_wish_take(part, &wish))
        return mr_err_set(err, MR_BUG, "a letter is held without a reason");
    if (wish.err.class == MR_CLASS_HALT) {
        part->state = MR_PART_HALTED;
        mr_replay_hold(r, item, &wish.err);
        return 0;
    }
    if (r->stalled_ms == 0)
        r->stalled_ms = now_ms;
    part->fill_held = false;
    if (now_ms - r->stalled_ms > PATIENCE_MS) {
        *err = wish.err;
        return -(int)err->code;
    }
    if (r->n_taken == 0)
        mr_replay_wait(r, wish.delay_ms);
    return -MR_AGAIN;
}

static int no_route(struct mr_replay *r, struct mr_replay_item *item, struct mr_partition *part,
                    struct mr_err *err)
{
    if (err->code == MR_OK)
        mr_err_set(err, MR_CONFIG_INVALID, "no route takes the topic %s",
                   item->record.kept.letter.stream);
    part->state = MR_PART_HALTED;
    mr_replay_hold(r, item, err);
    mr_err_clear(err);
    return 0;
}

/* 0: taken or held; -MR_FULL: the batch first; -MR_AGAIN: it must wait for a moment. */
int mr_replay_play(struct mr_replay *r, struct mr_replay_item *item, struct mr_err *err)
{
    struct mr_lane *lane = &r->lane;
    struct mr_err why = MR_ERR_INIT;
    struct mr_record record;

    mr_replay_record_make(&item->record, &record);
    struct mr_partition *part = part_of(r, &item->record.kept.letter, &why);
    if (part == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a partition");
    if (part->target == NULL && (why.code != MR_OK || !is_held(part)))
        return no_route(r, item, part, &why);
    if (is_held(part)) {
        mr_err_set(&why, MR_AGAIN, "an earlier letter of its partition waits");
        mr_replay_hold(r, item, &why);
        return 0;
    }
    if (part->fill_next > record.offset)
        return -MR_FULL; /* the same place twice: the other one goes first, alone */
    record.part = part;
    item->asked = false;
    item->behind = false;
    if (!lane->inside && !mr_lane_enter(lane))
        return mr_err_set(err, MR_BUG, "the lane is not to be entered");
    (void)mr_fill_record(lane, &record, &why);
    if (atomic_load(&lane->failed)) {
        *err = lane->failure;
        return -(int)err->code;
    }
    if (part->fill_held)
        return held(r, item, part, err);
    if (part->fill_next <= record.offset)
        return -MR_FULL;
    const struct mr_record *held = &lane->filling->held[lane->filling->n_held - 1];
    item->state = MR_REPLAY_TAKEN;
    item->stays = item->stays || held->bad;
    item->whole = held->whole && !held->bad && held->target->load->reduce;
    r->stalled_ms = 0;
    r->taken[r->n_taken] = item;
    r->records[r->n_taken] = &item->record;
    r->marks[r->n_taken++] =
        (struct mr_letter_mark){.id = item->record.kept.id, .attempts = item->record.kept.attempts};
    return 0;
}
