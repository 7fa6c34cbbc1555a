/* Owns a replay's flush: which letters it closed, and what follows its error. */
#include <string.h>

#include "consumer/replay_run.h"

#include "base/ban.h"

enum { MAX_TRIES = 8 }; /* of one flush, for reasons that pass */

/* The batch is over: what it held lands, or is played again. */
static void batch_end(struct mr_replay *r)
{
    mr_batch_reset(r->lane.filling, &r->source);
    for (size_t i = 0; i < r->n_taken; i++)
        if (r->taken[i]->state == MR_REPLAY_TAKEN)
            r->taken[i]->state = MR_REPLAY_WAITS;
    r->n_taken = 0;
    for (size_t i = 0;; i++) {
        struct mr_partition *part = mr_partitions_at(&r->partitions, i);
        if (part == NULL)
            break;
        part->fill_next = 0;
        part->fill_from = 0;
        part->fill_held = false;
    }
}

static int landed(struct mr_replay *r, struct mr_err *err)
{
    struct mr_letters *letters = r->box->letters;

    for (size_t i = 0; i < r->n_taken; i++) {
        const struct mr_letter *again = r->marks[i].again;
        r->taken[i]->state = MR_REPLAY_DONE;
        if (again == NULL) {
            r->result->n_landed++;
            continue;
        }
        r->result->n_failed++;
        mr_replay_note(r->result, r->records[i], true, again->code, again->detail);
    }
    r->n_tries = 0;
    memset(&r->retries, 0, sizeof r->retries);
    return letters->ops->settled(letters, r->marks, r->n_taken, err);
}

/* n_taken: none. */
static size_t taken_with(const struct mr_replay *r, const char *id)
{
    size_t i = 0;

    while (i < r->n_taken && strcmp(r->marks[i].id, id) != 0)
        i++;
    return i;
}

/* What one letter is now, after a flush whose outcome is not known, or that others came before. */
static void item_settle(struct mr_replay *r, struct mr_replay_item *item,
                        const struct mr_kept_letter *now, bool in_doubt)
{
    const struct mr_kept_letter *then = &item->record.kept;

    if (now->state == MR_LETTER_NEW && now->attempts == then->attempts)
        return;
    item->state = MR_REPLAY_DONE;
    item->stays = now->state == MR_LETTER_NEW;
    item->whole = item->whole && now->state == MR_LETTER_REPLAYED;
    if (!in_doubt || now->state == MR_LETTER_DISCARDED) {
        r->result->n_gone++;
    } else if (now->state == MR_LETTER_REPLAYED) {
        r->result->n_landed++;
    } else {
        r->result->n_failed++;
        mr_replay_note(r->result, &item->record, true, now->letter.code, now->letter.detail);
    }
}

static int reread(struct mr_replay *r, bool in_doubt, struct mr_err *err)
{
    struct mr_letters *letters = r->box->letters;
    const char *ids[MR_REPLAY_PAGE];
    bool seen[MR_REPLAY_PAGE] = {false};
    struct mr_letter_filter filter = {
        .ids = ids, .n_ids = r->n_taken, .since_ms = -1, .until_ms = -1};
    struct mr_kept_letter now;

    for (size_t i = 0; i < r->n_taken; i++)
        ids[i] = r->marks[i].id;
    mr_err_clear(err);
    int rc = letters->ops->find(letters, &filter, err);
    while (rc == 0 && (rc = letters->ops->next(letters, &now, err)) == 1) {
        size_t at = taken_with(r, now.id);
        if (at < r->n_taken) {
            seen[at] = true;
            item_settle(r, r->taken[at], &now, in_doubt);
        }
        rc = 0;
    }
    for (size_t i = 0; rc == 0 && i < r->n_taken; i++) {
        if (seen[i])
            continue;
        r->taken[i]->state = MR_REPLAY_DONE; /* removed */
        r->taken[i]->stays = false;
        r->taken[i]->whole = false;
        r->result->n_gone++;
    }
    for (size_t i = 0; i < r->n_taken; i++)
        if (r->taken[i]->state == MR_REPLAY_DONE)
            r->n_tries = 0; /* it goes on */
    return rc;
}

static void versions_raise(struct mr_replay *r, const struct mr_flush_result *result)
{
    const struct mr_batch *batch = r->lane.filling;

    for (size_t i = 0; i < batch->n_tables; i++) {
        struct mr_target *target = batch->tables[i]->target;
        if (result->failed == NULL || result->failed == target)
            atomic_fetch_add(&target->version, 1);
    }
}

/* The flush found records to be waited at: the next try meets them there. */
static void stops_arm(struct mr_replay *r, const struct mr_flush_result *result)
{
    mr_flush_faults_stops(&result->faults, r->lane.filling, mr_mono_ms(&r->box->env));
    for (size_t i = 0; i < r->n_taken; i++)
        mr_partition_stop_arm(mr_partitions_find(&r->partitions, r->records[i]->kept.letter.stream,
                                                 r->records[i]->kept.letter.partition));
}

/* What follows an error: 0 to form the batch anew, or the error that ends the replay. */
static int after_error(struct mr_replay *r, const struct mr_flush_result *result,
                       struct mr_err *err)
{
    int rc = -(int)err->code;

    if (++r->n_tries > MAX_TRIES)
        return rc;
    if (rc == -MR_COMMIT_UNKNOWN || rc == -MR_AGAIN)
        return reread(r, rc == -MR_COMMIT_UNKNOWN, err);
    if (result->stopped) {
        stops_arm(r, result);
    } else if (rc == -MR_TABLE_CHANGED) {
        versions_raise(r, result);
    } else if (err->class == MR_CLASS_HALT && result->failed != NULL) {
        (void)mr_target_halt(result->failed, err, mr_mono_ms(&r->box->env));
    } else if (err->class == MR_CLASS_RETRY || err->class == MR_CLASS_PAUSE) {
        if (result->first != MR_FIRST_QUICK)
            r->most = r->n_taken > 1 ? r->n_taken / 2 : 1;
        mr_replay_wait(r, mr_retry_delay_ms(err->class, r->n_tries, &r->box->env.rng));
    } else {
        return rc;
    }
    mr_err_clear(err);
    return 0;
}

int mr_replay_flush(struct mr_replay *r, struct mr_err *err) MR_NO_TSA
{
    struct mr_flush_result result;
    struct mr_flush flush = {.session = r->lane.session,
                             .batch = r->lane.filling,
                             .memories = &r->lane.memories,
                             .source = &r->source,
                             .retries = &r->retries,
                             .now_ms = mr_mono_ms(&r->box->env)};

    r->session.n = r->n_taken;
    mr_flush_result_init(&result);
    int rc = mr_flush_run(&flush, &result, err);
    rc = rc == 0 ? landed(r, err) : after_error(r, &result, err);
    mr_flush_result_release(&result);
    batch_end(r);
    return rc;
}
