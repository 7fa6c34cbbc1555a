/* Owns the second look at a batch's records, by what became of others meanwhile. */
#include "consumer/flush_letters.h"

#include <stdlib.h>

#include "base/log.h"
#include "consumer/flush.h"

#include "base/ban.h"

static bool counts(const struct mr_target *target)
{
    return target->load->reduce && target->rule->on_bad == MR_ON_BAD_DEAD_LETTER;
}

int mr_flush_letters_meet(struct mr_poisoned *poisoned, struct mr_batch *batch, uint64_t now_ms,
                          struct mr_err *err)
{
    struct mr_overtaken overtaken;

    batch->n_overtaken = 0;
    for (size_t i = 0; poisoned != NULL && i < batch->n_held; i++) {
        const struct mr_record *record = &batch->held[i];
        if (record->bad || record->target == NULL || !counts(record->target) ||
            !mr_poisoned_maybe(record->part, record->key))
            continue;
        if (record->whole &&
            mr_poisoned_overtake(poisoned, record->part, record->key, record->offset, &overtaken))
            mr_batch_add_overtaken(batch, &overtaken);
        if ((record->masked || (record->leaves && !record->behind)) &&
            mr_poisoned_holds(poisoned, record->part, record->key, record->offset, now_ms))
            return mr_err_set(err, MR_AGAIN, "an earlier record of its key is a dead letter");
    }
    return 0;
}

static void note_add(struct mr_poisoned *poisoned, struct mr_flush_faults *faults,
                     const struct mr_flush_fault *item, uint64_t now_ms)
{
    struct mr_poisoned_note *note = &faults->notes[faults->n_notes];

    *note = (struct mr_poisoned_note){
        .part = item->record->part, .key = item->record->key, .offset = item->record->offset};
    mr_poisoned_try(poisoned, note, now_ms);
    faults->n_notes++;
}

int mr_flush_letters_found(struct mr_poisoned *poisoned, struct mr_batch *batch,
                           struct mr_flush_faults *faults, uint64_t now_ms, struct mr_err *err)
{
    if (poisoned == NULL || faults->n_letters == 0)
        return 0;
    faults->notes = calloc(faults->n_items, sizeof *faults->notes);
    if (faults->notes == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu dead letters", faults->n_items);
    for (size_t i = 0; i < faults->n_items; i++) {
        const struct mr_flush_fault *item = &faults->items[i];
        /* without a row there is no value to keep: what follows is an orphan itself */
        if (counts(item->target) && item->record->key.data != NULL &&
            faults->found.items[item->fault].code != MR_UNAVAILABLE_ORPHAN)
            note_add(poisoned, faults, item, now_ms);
    }
    int rc = mr_flush_letters_meet(poisoned, batch, now_ms, err);
    if (rc < 0)
        faults->n_notes = 0; /* the batch is formed anew by what is known now */
    return rc;
}

void mr_flush_letters_undo(struct mr_poisoned *poisoned, struct mr_flush_faults *faults)
{
    while (faults->n_notes > 0)
        mr_poisoned_undo(poisoned, &faults->notes[--faults->n_notes]);
}

/* Those that the topic has no room for stand in the target's table, in this transaction: nothing
 * waits for a topic that never takes them, and they are found where the table's letters are. */
static int put_in_topic(const struct mr_flush *flush, const struct mr_flush_faults *faults,
                        struct mr_err *err)
{
    const struct mr_batch *batch = flush->batch;
    const struct mr_letter_topic *topic = flush->topic;
    const struct mr_letter_lot lots[] = {
        {batch->letters, batch->n_letters, "VALUE_CONVERTER"},
        {faults->letters, faults->n_letters, "TASK_PUT"},
    };
    int rc = mr_letter_topic_write(flush->topic, lots, sizeof lots / sizeof *lots, err);

    if (rc < 0 || topic->n_refused == 0)
        return rc;
    for (size_t i = 0; i < topic->n_refused; i++)
        mr_log(MR_WARN, "letter_too_large", mr_kv_str("topic", topic->refused[i].stream),
               mr_kv_i64("partition", topic->refused[i].partition),
               mr_kv_i64("offset", topic->refused[i].offset),
               mr_kv_str("dlq_topic", topic->opts->topic));
    return flush->session->ops->put_letters(flush->session, topic->refused, topic->n_refused, err);
}

int mr_flush_letters_put(const struct mr_flush *flush, const struct mr_flush_faults *faults,
                         struct mr_err *err)
{
    const struct mr_sink_ops *ops = flush->session->ops;
    const struct mr_batch *batch = flush->batch;
    int rc = 0;

    if (batch->n_letters + faults->n_letters + batch->n_overtaken == 0)
        return 0;
    if (flush->topic != NULL)
        return put_in_topic(flush, faults, err);
    if (batch->n_letters > 0)
        rc = ops->put_letters(flush->session, batch->letters, batch->n_letters, err);
    if (rc == 0 && faults->n_letters > 0)
        rc = ops->put_letters(flush->session, faults->letters, faults->n_letters, err);
    if (rc == 0 && batch->n_overtaken > 0)
        rc = ops->overtaken_put(flush->session, batch->overtaken, batch->n_overtaken, err);
    return rc;
}
