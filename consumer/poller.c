/* Owns the poll loop: what is looked at in which order, mirror commits, and when the service ends.
 */
#include "consumer/poller.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "consumer/retry.h"

#include "base/ban.h"

enum { POLL_MS = 100, FINAL_COMMIT_MS = 3000 };

int mr_poller_init(struct mr_poller *poller, const struct mr_poller_opts *opts,
                   struct mr_err *err) MR_NO_TSA
{
    memset(poller, 0, sizeof *poller);
    poller->opts = *opts;
    mr_err_clear(&poller->failure);
    mr_err_clear(&poller->source_err);
    mr_err_clear(&poller->topic_err);
    poller->assignment_ms = mr_mono_ms(&poller->opts.env);
    mr_lock_init(&poller->lock, 12);
    poller->lane_load = calloc(opts->n_lanes, sizeof *poller->lane_load);
    if (poller->lane_load == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for the poll loop");
    return 0;
}

void mr_poller_release(struct mr_poller *poller)
{
    free(poller->assigned);
    free(poller->lane_load);
    mr_lock_release(&poller->lock);
}

void mr_poller_stop(struct mr_poller *poller)
{
    atomic_store(&poller->stop_asked, true);
    poller->opts.source->ops->wake_poll(poller->opts.source);
}

bool mr_poller_source_fault(struct mr_poller *poller, struct mr_err *out, uint64_t *at_ms)
{
    mr_lock_take(&poller->lock);
    *out = poller->source_err;
    *at_ms = poller->source_err_ms;
    mr_lock_drop(&poller->lock);
    return out->code != MR_OK;
}

static bool is_met(const struct mr_poller *poller, const char *topic)
{
    struct mr_partition *part;

    for (size_t i = 0; (part = mr_partitions_at(poller->opts.partitions, i)) != NULL; i++)
        if (strcmp(part->stream, topic) == 0)
            return true;
    return false;
}

/* A regex names no topic: it waits where none has matched, so that no group was joined. */
static bool rule_waits(const struct mr_poller *poller, const struct mr_route_rule *rule)
{
    return rule->topic != NULL ? !is_met(poller, rule->topic)
                               : !atomic_load(&poller->seen_assignment);
}

bool mr_poller_topic_waits(struct mr_poller *poller, struct mr_err *why)
{
    const struct mr_targets *targets = poller->opts.targets;

    mr_lock_take(&poller->lock);
    *why = poller->topic_err;
    mr_lock_drop(&poller->lock);
    for (size_t i = 0; why->code != MR_OK && i < targets->n_rules; i++)
        if (rule_waits(poller, &targets->rules[i]))
            return true;
    return false;
}

/* ---- what is looked at in a turn ---- */

static void source_fault(struct mr_poller *poller, const struct mr_err *err)
{
    const char *labels[] = {mr_class_name(err->class), mr_owner_name(err->owner)};

    mr_counter_add(mr_metrics_series(poller->opts.metrics, MR_M_ERRORS, labels), 1);
    mr_log(MR_WARN, "source_fault", mr_kv_err(err));
    mr_lock_take(&poller->lock);
    poller->source_err = *err;
    poller->source_err_ms = mr_mono_ms(&poller->opts.env);
    if (err->code == MR_SOURCE_TOPIC_MISSING || err->code == MR_SOURCE_PRIVILEGE)
        poller->topic_err = *err;
    mr_lock_drop(&poller->lock);
    if (err->class == MR_CLASS_FATAL || err->class == MR_CLASS_BUG)
        mr_poller_fail(poller, err);
    else
        mr_claims_source_ask(poller->opts.claims);
}

/* What the client tells of the source is how it was. A right that is missing is nothing that an
 * answer disproves: it is told again as long as it is. */
static void source_answers(struct mr_poller *poller)
{
    if (!mr_claims_source_answered(poller->opts.claims))
        return;
    mr_lock_take(&poller->lock);
    struct mr_err was = poller->source_err;
    bool over = was.code != MR_OK && was.code != MR_SOURCE_PRIVILEGE;
    if (over)
        mr_err_clear(&poller->source_err);
    mr_lock_drop(&poller->lock);
    if (over)
        mr_log(MR_INFO, "source_answers", mr_kv_str("after", was.detail));
}

static void source_event(struct mr_poller *poller, uint32_t timeout_ms)
{
    struct mr_source *source = poller->opts.source;
    struct mr_source_event event;

    memset(&event, 0, sizeof event);
    source->ops->poll(source, timeout_ms, &event);
    switch (event.kind) {
    case MR_SOURCE_ASSIGNED:
        mr_poller_assigned(poller, &event);
        break;
    case MR_SOURCE_REVOKED:
    case MR_SOURCE_LOST:
        mr_poller_unassigned(poller, &event);
        break;
    case MR_SOURCE_FAULT:
        source_fault(poller, &event.err);
        break;
    case MR_SOURCE_NOTHING:
        break;
    }
    mr_source_event_release(&event);
}

static void lane_reports(struct mr_poller *poller)
{
    for (uint32_t i = 0; i < poller->opts.n_lanes; i++) {
        struct mr_lane *lane = &poller->opts.lanes[i];
        struct mr_err why = MR_ERR_INIT;
        struct mr_target *target = NULL;
        if (atomic_load(&lane->failed))
            mr_poller_fail(poller, &lane->failure);
        if (!mr_lane_reset_wanted(lane))
            continue;
        /* parked before the report is taken: fill must not read on in between */
        mr_lane_park(lane);
        if (mr_lane_take_reset(lane, &why, &target))
            mr_poller_set_back(poller, lane, &why, target);
        mr_lane_unpark(lane);
    }
}

static void wishes(struct mr_poller *poller)
{
    for (size_t i = 0; i < poller->n_assigned; i++) {
        struct mr_partition *part = poller->assigned[i];
        struct mr_partition_wish wish;
        if (!mr_partition_wish_take(part, &wish) ||
            wish.generation != atomic_load(&part->generation))
            continue;
        if (wish.event == MR_PART_EV_FENCED) {
            mr_log(MR_WARN, "position_moved", mr_kv_err(&wish.err));
            mr_poller_set_back(poller, &poller->opts.lanes[part->lane], &wish.err, NULL);
            continue;
        }
        mr_log(wish.event == MR_PART_EV_HALTED ? MR_ERROR : MR_WARN,
               wish.event == MR_PART_EV_HALTED ? "partition_halted" : "partition_held",
               mr_kv_u64("delay_ms", wish.delay_ms), mr_kv_err(&wish.err));
        mr_poller_step(poller, part, wish.event, wish.delay_ms);
    }
}

static void timers(struct mr_poller *poller)
{
    uint64_t now_ms = mr_mono_ms(&poller->opts.env);

    for (size_t i = 0; i < poller->n_assigned; i++) {
        struct mr_partition *part = poller->assigned[i];
        bool hurry = atomic_exchange(&part->hurry, false) && part->state == MR_PART_HALTED;
        if (part->due_ms == 0 || (part->due_ms > now_ms && !hurry))
            continue;
        part->due_ms = 0;
        mr_poller_step(poller, part, MR_PART_EV_DUE, 0);
    }
}

static void claim_result(struct mr_poller *poller, const struct mr_claim_item *item)
{
    struct mr_partition *part = item->part;

    if (!part->assigned || part->state != MR_PART_CLAIMING ||
        atomic_load(&part->generation) != item->generation)
        return;
    if (item->rc < 0) {
        bool halt = item->err.class == MR_CLASS_HALT;
        uint32_t delay_ms = mr_retry_delay_ms(halt ? MR_CLASS_PAUSE : item->err.class,
                                              part->attempts++, &poller->opts.env.rng);
        mr_partition_note_err(part, &item->err);
        mr_log(halt ? MR_ERROR : MR_WARN, halt ? "partition_halted" : "claim_failed",
               mr_kv_u64("delay_ms", delay_ms), mr_kv_err(&item->err));
        if (item->err.class == MR_CLASS_FATAL || item->err.class == MR_CLASS_BUG)
            mr_poller_fail(poller, &item->err);
        mr_poller_step(poller, part, halt ? MR_PART_EV_HALTED : MR_PART_EV_REFUSED, delay_ms);
        return;
    }
    part->attempts = 0;
    part->fill_next = item->offset;
    part->fill_from = item->stored;
    part->fill_leader_epoch = item->leader_epoch;
    if (item->envelope) /* else this process may know better, where positions are not kept */
        part->envelope_topic = true;
    part->set_back = false;
    mr_partition_stop_forget(part); /* of a flush that reported after the claim was begun, too */
    mr_partition_wait_begin(part, item->offset);
    atomic_store(&part->epoch, item->epoch);
    atomic_store(&part->committed_next, item->stored);
    /* the former owner may not have told the group what he loaded last, and no more may come */
    atomic_store(&part->commit_dirty, item->resumed);
    atomic_store(&part->committed_ts_ms, item->timestamp_ms);
    atomic_store(&part->end_seen, item->end);
    if (atomic_load(&part->end_at_start) < 0)
        atomic_store(&part->end_at_start, item->end);
    mr_log(MR_INFO, "partition_claimed", mr_kv_str("topic", part->stream),
           mr_kv_i64("partition", part->partition), mr_kv_i64("offset", item->offset),
           mr_kv_i64("epoch", item->epoch), mr_kv_u64("lane", part->lane));
    mr_poller_step(poller, part, MR_PART_EV_CLAIMED, 0);
}

static void claims_finished(struct mr_poller *poller)
{
    size_t n = 0;
    struct mr_claim_item *items = mr_claims_finished(poller->opts.claims, &n);

    for (size_t i = 0; i < n; i++)
        claim_result(poller, &items[i]);
    free(items);
}

static bool can_claim(const struct mr_poller *poller, const struct mr_partition *part)
{
    return part->wants_claim && !mr_poller_is_settling(&poller->opts.lanes[part->lane]);
}

static void claims_begin(struct mr_poller *poller)
{
    size_t n = 0;

    if (!mr_claims_idle(poller->opts.claims))
        return;
    for (size_t i = 0; i < poller->n_assigned; i++)
        n += can_claim(poller, poller->assigned[i]);
    if (n == 0)
        return;
    struct mr_claim_item *items = calloc(n, sizeof *items);
    if (items == NULL)
        return; /* the wishes stay for the next turn */
    size_t n_most = n;
    n = 0;
    for (size_t i = 0; i < poller->n_assigned && n < n_most; i++) {
        struct mr_partition *part = poller->assigned[i];
        if (!can_claim(poller, part))
            continue;
        part->wants_claim = false;
        items[n].part = part;
        items[n].generation = atomic_load(&part->generation);
        mr_err_clear(&items[n++].err);
    }
    mr_claims_start(poller->opts.claims, items, n);
}

/* ---- mirror commits: for lag tools, never a position (design.md section 4) ---- */

void mr_poller_mirror(struct mr_poller *poller, bool last)
{
    struct mr_source *source = poller->opts.source;
    uint64_t now_ms = mr_mono_ms(&poller->opts.env);
    char metadata[256];
    size_t n = 0;

    if (!last && now_ms - poller->last_commit_ms < MR_COMMIT_INTERVAL_MS)
        return;
    poller->last_commit_ms = now_ms;
    struct mr_source_part *parts = calloc(poller->n_assigned + 1, sizeof *parts);
    if (parts == NULL)
        return;
    for (size_t i = 0; i < poller->n_assigned; i++) {
        struct mr_partition *part = poller->assigned[i];
        /* a flush of a former life may report late: its position is not this one's */
        if (atomic_load(&part->committed_next) < 0 || !atomic_exchange(&part->commit_dirty, false))
            continue;
        memcpy(parts[n].stream, part->stream, sizeof parts[n].stream);
        parts[n].partition = part->partition;
        parts[n].leader_epoch = -1;
        parts[n++].offset = atomic_load(&part->committed_next);
    }
    mr_claims_metadata(poller->opts.claims, metadata, sizeof metadata);
    if (n > 0 && last)
        source->ops->commit_wait(source, parts, n, metadata, FINAL_COMMIT_MS);
    else if (n > 0)
        source->ops->commit(source, parts, n, metadata);
    free(parts);
}

/* ---- the end ---- */

/* Is every partition at the end that it had at the start (or waiting for somebody)? */
static bool caught_up(struct mr_poller *poller, bool *halted)
{
    const struct mr_source *source = poller->opts.source;
    struct mr_err ignored;

    *halted = mr_poller_topic_waits(poller, &ignored);
    /* without any topic there is no group to join */
    if (!poller->seen_assignment && !*halted)
        return false;
    /* who joins a group is first given nothing until the others have given up a share */
    if (poller->n_assigned == 0)
        return mr_mono_ms(&poller->opts.env) - poller->assignment_ms >=
               source->ops->session_timeout_ms(source);
    for (size_t i = 0; i < poller->n_assigned; i++) {
        struct mr_partition *part = poller->assigned[i];
        int64_t end = atomic_load(&part->end_at_start);
        if (part->state == MR_PART_HALTED) {
            *halted = *halted || mr_partition_is_halted(part);
            continue;
        }
        if (end < 0 || atomic_load(&part->committed_next) < end)
            return false;
    }
    return true;
}

static bool lanes_ended(const struct mr_poller *poller)
{
    for (uint32_t i = 0; i < poller->opts.n_lanes; i++)
        if (!atomic_load(&poller->opts.lanes[i].write_ended))
            return false;
    return true;
}

static void stop_begin(struct mr_poller *poller)
{
    poller->stop_by_ms = mr_mono_ms(&poller->opts.env) + poller->opts.shutdown_timeout_ms;
    mr_log(MR_INFO, "stopping", mr_kv_u64("timeout_ms", poller->opts.shutdown_timeout_ms));
    for (uint32_t i = 0; i < poller->opts.n_lanes; i++)
        mr_lane_drain(&poller->opts.lanes[i], true);
}

/* While stopping, a batch that waits for a target that is away is waited for until the time is
 * over.
 */
static enum mr_poller_end stop_turn(struct mr_poller *poller, enum mr_poller_end want)
{
    if (lanes_ended(poller)) {
        mr_poller_mirror(poller, true);
        return want;
    }
    if (mr_mono_ms(&poller->opts.env) < poller->stop_by_ms)
        return MR_END_RUNNING;
    for (uint32_t i = 0; i < poller->opts.n_lanes; i++) {
        mr_lane_abandon(&poller->opts.lanes[i]);
        mr_lane_interrupt(&poller->opts.lanes[i]);
    }
    return MR_END_TIMED_OUT;
}

static void turn(struct mr_poller *poller)
{
    source_event(poller, POLL_MS);
    source_answers(poller);
    lane_reports(poller);
    wishes(poller);
    claims_finished(poller);
    timers(poller);
    claims_begin(poller);
    mr_poller_releases(poller);
    mr_poller_mirror(poller, false);
    atomic_store(&poller->progress_ms, mr_mono_ms(&poller->opts.env));
}

static void *poller_main(void *arg)
{
    struct mr_poller *poller = arg;
    enum mr_poller_end want = MR_END_STOPPED;

    while (atomic_load(&poller->end) == MR_END_RUNNING) {
        bool halted = false;
        turn(poller);
        if (poller->stop_by_ms == 0 && poller->opts.until_caught_up && caught_up(poller, &halted)) {
            want = halted ? MR_END_HALTED : MR_END_CAUGHT_UP;
            stop_begin(poller);
        }
        if (poller->stop_by_ms == 0 && atomic_load(&poller->stop_asked))
            stop_begin(poller);
        if (poller->stop_by_ms == 0)
            continue;
        enum mr_poller_end end = stop_turn(poller, want);
        if (end != MR_END_RUNNING && atomic_load(&poller->end) == MR_END_RUNNING)
            atomic_store(&poller->end, (int)end);
    }
    return NULL;
}

int mr_poller_start(struct mr_poller *poller, struct mr_err *err)
{
    if (mr_thread_start(&poller->thread, "poll", poller_main, poller) < 0)
        return mr_err_set(err, MR_NO_MEMORY, "cannot start the poll thread");
    return 0;
}

void mr_poller_join(struct mr_poller *poller)
{
    pthread_join(poller->thread, NULL);
}
