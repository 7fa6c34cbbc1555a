/* Owns what poll does to partitions: steps of their state machine and the actions on source and
 * lanes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "consumer/poller.h"
#include "consumer/retry.h"

#include "base/ban.h"

enum { UNROUTED_LANE = 0, SEEK_AGAIN_MS = 50 };

static struct mr_lane *lane_of(struct mr_poller *poller, const struct mr_partition *part)
{
    return &poller->opts.lanes[part->lane];
}

static struct mr_source_part source_part(const struct mr_partition *part)
{
    struct mr_source_part out = {.partition = part->partition,
                                 .lane = part->lane,
                                 .offset = part->fill_next,
                                 .leader_epoch = part->fill_leader_epoch};

    memcpy(out.stream, part->stream, sizeof out.stream);
    return out;
}

void mr_poller_fail(struct mr_poller *poller, const struct mr_err *err)
{
    if (atomic_load(&poller->end) != MR_END_RUNNING)
        return;
    poller->failure = *err;
    atomic_store(&poller->end, MR_END_FAILED);
}

/* ---- actions ---- */

static void timer(struct mr_poller *poller, struct mr_partition *part, uint32_t delay_ms)
{
    uint64_t now_ms = mr_mono_ms(&poller->opts.env);

    part->due_ms = now_ms + (delay_ms > 0 ? delay_ms : 1);
}

static void hold(struct mr_poller *poller, struct mr_partition *part)
{
    struct mr_lane *lane = lane_of(poller, part);
    struct mr_err err = MR_ERR_INIT;

    mr_lane_park(lane);
    struct mr_source_part sp = source_part(part);
    if (poller->opts.source->ops->hold(poller->opts.source, &sp, 1, &err) < 0)
        mr_log(MR_WARN, "hold_failed", mr_kv_err(&err)); /* its records are dropped by generation */
    atomic_fetch_add(&part->generation, 1);
    part->fill_held = true;
    mr_lane_unpark(lane);
}

/* A claim raises the epoch: batches with records of the partition would fence themselves. */
/* NOLINTBEGIN(misc-no-recursion): one level, as mr_poller_set_back sends no DUE, and only DUE wants
 * a claim (protocol/partition.c) */
static void claim_wanted(struct mr_poller *poller, struct mr_partition *part)
{
    struct mr_lane *lane = lane_of(poller, part);
    struct mr_err why = MR_ERR_INIT;

    part->wants_claim = true;
    mr_lane_park(lane);
    if (mr_lane_has(lane, part))
        mr_poller_set_back(poller, lane, &why, NULL);
    mr_lane_unpark(lane);
}

static void forget(struct mr_poller *poller, struct mr_partition *part)
{
    (void)poller;
    atomic_fetch_add(&part->generation, 1);
    part->due_ms = 0;
    part->attempts = 0;
    part->wants_claim = false;
    part->wants_seek = false;
    part->fill_held = true;
    mr_partition_stop_forget(part);
    mr_partition_wait_begin(part, INT64_MIN);
}

static void bug(struct mr_poller *poller, const struct mr_partition *part,
                enum mr_partition_state state, enum mr_partition_event event)
{
    struct mr_err err = MR_ERR_INIT;

    mr_err_set(&err, MR_BUG, "partition event %d in state %s", (int)event,
               mr_partition_state_name(state));
    mr_err_at(&err, part->stream, part->partition, -1);
    mr_poller_fail(poller, &err);
}

static void state_note(struct mr_poller *poller, struct mr_partition *part,
                       enum mr_partition_state old)
{
    char number[16];
    struct mr_metrics *metrics = poller->opts.metrics;

    atomic_store(&part->state_seen, part->state);
    if (old == part->state)
        return;
    snprintf(number, sizeof number, "%d", part->partition);
    const char *before[] = {part->stream, number, mr_partition_state_name(old)};
    const char *now[] = {part->stream, number, mr_partition_state_name(part->state)};
    mr_metrics_drop(metrics, MR_M_PARTITION_STATE, before);
    if (part->state != MR_PART_GONE)
        mr_gauge_set(mr_metrics_series(metrics, MR_M_PARTITION_STATE, now), 1);
}

void mr_poller_step(struct mr_poller *poller, struct mr_partition *part,
                    enum mr_partition_event event, uint32_t delay_ms)
{
    enum mr_partition_state old = part->state;
    struct mr_partition_step step = mr_partition_next(old, event);

    if (step.action == MR_PART_DO_BUG) {
        bug(poller, part, old, event);
        return;
    }
    part->state = step.next;
    state_note(poller, part, old);
    switch (step.action) {
    case MR_PART_DO_CLAIM:
        claim_wanted(poller, part);
        break;
    case MR_PART_DO_SEEK:
        part->wants_seek = true;
        break;
    case MR_PART_DO_HOLD:
        hold(poller, part);
        timer(poller, part, delay_ms);
        break;
    case MR_PART_DO_HOLD_SEEK:
        hold(poller, part);
        part->wants_seek = true;
        break;
    case MR_PART_DO_WAIT:
        part->wants_seek = false;
        timer(poller, part, delay_ms);
        break;
    case MR_PART_DO_FORGET:
        forget(poller, part);
        break;
    case MR_PART_DO_FLOW: /* done while the lane was parked: see releases */
    case MR_PART_DO_NOTHING:
    case MR_PART_DO_BUG:
        break;
    }
}

static uint32_t fence_delay(struct mr_poller *poller, struct mr_partition *part,
                            const struct mr_err *why, enum mr_partition_event *event)
{
    const struct mr_source *source = poller->opts.source;

    if (mr_fence_note(&part->fences, mr_mono_ms(&poller->opts.env))) {
        struct mr_err err = MR_ERR_INIT;
        mr_err_set(&err, MR_POSITION_CONTENDED, "fenced %d times within five minutes, at last: %s",
                   (int)MR_FENCES_TO_HALT, why->detail);
        mr_err_at(&err, part->stream, part->partition, -1);
        mr_partition_note_err(part, &err);
        mr_log(MR_ERROR, "partition_halted", mr_kv_err(&err));
        *event = MR_PART_EV_HALTED;
        return MR_PAUSE_MOST_MS;
    }
    return source->ops->session_timeout_ms(source);
}

static bool is_fenced_one(const struct mr_partition *part, const struct mr_err *why)
{
    return why->class == MR_CLASS_FENCED &&
           (*why->topic == '\0' ||
            (part->partition == why->partition && strcmp(part->stream, why->topic) == 0));
}

/* Does it work by the claim that was fenced? In the other states it is claimed anew in any case. */
static bool reads_by_claim(const struct mr_partition *part)
{
    return part->state == MR_PART_FLOWING || part->state == MR_PART_SEEKING ||
           part->state == MR_PART_HELD;
}

void mr_poller_set_back(struct mr_poller *poller, struct mr_lane *lane, const struct mr_err *why,
                        struct mr_target *target)
{
    uint32_t halt_ms = 0;
    bool fenced = false;
    bool table_halt = why->class == MR_CLASS_HALT || why->class == MR_CLASS_POISON;

    mr_lane_park(lane);
    if (!mr_lane_forget(lane) && !MR_MUTATION(NO_SETTLING))
        lane->settling = true;
    if (table_halt && target != NULL)
        mr_target_halt(target, why, mr_mono_ms(&poller->opts.env));
    else if (table_halt)
        halt_ms = MR_RETRY_MOST_MS; /* the whole target: nothing of this lane can go on */
    for (size_t i = 0; i < poller->n_assigned; i++) {
        struct mr_partition *part = poller->assigned[i];
        enum mr_partition_event event = MR_PART_EV_RESET;
        uint32_t delay_ms = 0;
        if (part->lane != lane->id || part->state == MR_PART_GONE)
            continue;
        part->set_back = true;
        mr_partition_stop_arm(part);
        fenced = is_fenced_one(part, why) && reads_by_claim(part);
        if (fenced) {
            event = MR_PART_EV_FENCED;
            mr_partition_note_err(part, why);
            delay_ms = fence_delay(poller, part, why, &event);
        } else if (halt_ms > 0) {
            event = MR_PART_EV_HALTED;
            delay_ms = halt_ms;
            mr_partition_note_err(part, why);
        }
        mr_poller_step(poller, part, event, delay_ms);
    }
    mr_lane_unpark(lane);
}
/* NOLINTEND(misc-no-recursion) */

/* ---- assignment ---- */

static uint32_t lane_least(struct mr_poller *poller)
{
    uint32_t least = 0;

    for (uint32_t i = 1; i < poller->opts.n_lanes; i++)
        if (poller->lane_load[i] < poller->lane_load[least])
            least = i;
    return least;
}

static bool assigned_add(struct mr_poller *poller, struct mr_partition *part)
{
    if (poller->n_assigned == poller->cap_assigned) {
        size_t cap = poller->cap_assigned == 0 ? 64 : poller->cap_assigned * 2;
        struct mr_partition **more = realloc(poller->assigned, cap * sizeof *more);
        if (more == NULL)
            return false;
        poller->assigned = more;
        poller->cap_assigned = cap;
    }
    poller->assigned[poller->n_assigned++] = part;
    atomic_store(&poller->n_assigned_seen, (uint32_t)poller->n_assigned);
    return true;
}

/* A new life of a partition: it is held until its position is claimed. Its lane is parked: records
 * of an earlier life may be on their way there. */
static void part_begin(struct mr_poller *poller, struct mr_partition *part)
{
    struct mr_err err = MR_ERR_INIT;

    atomic_fetch_add(&part->generation, 1);
    part->fill_held = true;
    part->due_ms = 0;
    part->attempts = 0;
    part->state = MR_PART_CLAIMING;
    state_note(poller, part, MR_PART_GONE);
    atomic_store(&part->committed_next, -1);
    atomic_store(&part->commit_dirty, false);
    mr_partition_note_err(part, &err);
    struct mr_target *target = NULL;
    if (part->target == NULL &&
        mr_targets_for(poller->opts.targets, part->stream, &target, &err) < 0) {
        mr_err_at(&err, part->stream, part->partition, -1);
        mr_partition_note_err(part, &err);
        if (err.code == MR_NO_MEMORY) /* nothing would look for its target again */
            mr_poller_fail(poller, &err);
        else
            mr_log(MR_ERROR, "partition_halted", mr_kv_err(&err));
    }
    if (target != NULL)
        part->target = target;
    if (part->target == NULL) {
        part->state = MR_PART_HALTED; /* no route: nothing will ever be claimed */
        state_note(poller, part, MR_PART_CLAIMING);
        return;
    }
    part->wants_claim = true;
}

/* memory_limit is shared by the lanes that have partitions: two batches each (design.md section 4).
 * What a lane without partitions does not need for its fetch queue the others' batches may take, up
 * to half of theirs. */
static void shares_update(struct mr_poller *poller)
{
    size_t all = poller->opts.batches_bytes;
    size_t n_loaded = 0;

    for (uint32_t i = 0; i < poller->opts.n_lanes; i++)
        n_loaded += poller->lane_load[i] > 0;
    if (poller->opts.batch_bytes == NULL || n_loaded == 0)
        return;
    all -= all / 2 / poller->opts.n_lanes * (n_loaded - 1);
    atomic_store(poller->opts.batch_bytes, all / (2 * n_loaded));
}

/* Parks nest: a lane with several of the partitions is parked as often. */
static void lanes_park(struct mr_poller *poller, const struct mr_source_event *event)
{
    for (size_t i = 0; i < event->n_parts; i++)
        mr_lane_park(&poller->opts.lanes[event->parts[i].lane]);
}

static void lanes_unpark(struct mr_poller *poller, const struct mr_source_event *event)
{
    for (size_t i = 0; i < event->n_parts; i++)
        mr_lane_unpark(&poller->opts.lanes[event->parts[i].lane]);
}

void mr_poller_assigned(struct mr_poller *poller, const struct mr_source_event *event)
{
    struct mr_source *source = poller->opts.source;
    struct mr_err err = MR_ERR_INIT;
    const char *kind[] = {"assigned"};
    size_t n_before = poller->n_assigned;

    mr_counter_add(mr_metrics_series(poller->opts.metrics, MR_M_REBALANCES, kind), 1);
    mr_log(MR_INFO, "partitions_assigned", mr_kv_u64("partitions", event->n_parts));
    for (size_t i = 0; i < event->n_parts; i++) {
        struct mr_source_part *sp = &event->parts[i];
        struct mr_partition *part = mr_partitions_get(poller->opts.partitions, sp->stream,
                                                      sp->partition, lane_least(poller));
        if (part == NULL || (!part->assigned && !assigned_add(poller, part))) {
            mr_err_set(&err, MR_NO_MEMORY, "no memory for partition %d of %s", sp->partition,
                       sp->stream);
            mr_poller_fail(poller, &err);
            return;
        }
        sp->lane = part->lane;
        if (part->assigned)
            continue;
        part->assigned = true;
        poller->lane_load[part->lane]++;
    }
    shares_update(poller);
    lanes_park(poller, event);
    for (size_t i = n_before; i < poller->n_assigned; i++)
        part_begin(poller, poller->assigned[i]);
    if (source->ops->assign(source, event->parts, event->n_parts, &err) < 0)
        mr_log(MR_ERROR, "assign_failed", mr_kv_err(&err));
    lanes_unpark(poller, event);
    poller->assignment_ms = mr_mono_ms(&poller->opts.env);
    atomic_store(&poller->seen_assignment, true);
}

static void assigned_remove(struct mr_poller *poller, struct mr_partition *part)
{
    for (size_t i = 0; i < poller->n_assigned; i++) {
        if (poller->assigned[i] != part)
            continue;
        poller->assigned[i] = poller->assigned[--poller->n_assigned];
        break;
    }
    atomic_store(&poller->n_assigned_seen, (uint32_t)poller->n_assigned);
}

static void lanes_drain(struct mr_poller *poller, const bool *concerned, uint32_t timeout_ms)
{
    uint64_t end_ms = mr_mono_ms(&poller->opts.env) + timeout_ms;

    for (uint32_t i = 0; i < poller->opts.n_lanes; i++)
        if (concerned[i])
            mr_lane_drain(&poller->opts.lanes[i], false);
    for (uint32_t i = 0; i < poller->opts.n_lanes; i++) {
        uint64_t now_ms = mr_mono_ms(&poller->opts.env);
        if (concerned[i])
            mr_lane_wait_empty(&poller->opts.lanes[i],
                               now_ms < end_ms ? (uint32_t)(end_ms - now_ms) : 0);
    }
}

static void part_end(struct mr_poller *poller, struct mr_partition *part)
{
    char number[16];

    mr_poller_step(poller, part, MR_PART_EV_REVOKED, 0);
    part->assigned = false;
    if (poller->lane_load[part->lane] > 0)
        poller->lane_load[part->lane]--;
    assigned_remove(poller, part);
    snprintf(number, sizeof number, "%d", part->partition);
    static const enum mr_meter gone[] = {MR_M_GROUP_LAG, MR_M_GROUP_LAG_SECONDS, MR_M_GROUP_OFFSET,
                                         MR_M_LATEST_OFFSET};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        const char *labels[] = {poller->opts.group_id, part->stream, number};
        mr_metrics_drop(poller->opts.metrics, gone[i], labels);
    }
}

static void parts_end(struct mr_poller *poller, const struct mr_source_event *event)
{
    for (size_t i = 0; i < event->n_parts; i++) {
        struct mr_partition *part = mr_partitions_find(
            poller->opts.partitions, event->parts[i].stream, event->parts[i].partition);
        if (part != NULL && part->assigned)
            part_end(poller, part);
    }
}

/* Revoked: what the lanes have is flushed within kafka.revoke_timeout or dropped; lost: dropped.
 * Either is correct, the epoch sees to it (contract.md K-12, G-03). */
void mr_poller_unassigned(struct mr_poller *poller, const struct mr_source_event *event)
{
    struct mr_source *source = poller->opts.source;
    bool lost = event->kind == MR_SOURCE_LOST;
    const char *kind[] = {lost ? "lost" : "revoked"};
    struct mr_err err = MR_ERR_INIT;
    struct mr_err none = MR_ERR_INIT;
    bool *concerned = calloc(poller->opts.n_lanes, sizeof *concerned);

    if (concerned == NULL) {
        mr_err_set(&err, MR_NO_MEMORY, "no memory for a rebalance");
        mr_poller_fail(poller, &err);
        return;
    }
    mr_counter_add(mr_metrics_series(poller->opts.metrics, MR_M_REBALANCES, kind), 1);
    mr_log(MR_INFO, lost ? "partitions_lost" : "partitions_revoked",
           mr_kv_u64("partitions", event->n_parts));
    for (size_t i = 0; i < event->n_parts; i++) {
        struct mr_partition *part = mr_partitions_find(
            poller->opts.partitions, event->parts[i].stream, event->parts[i].partition);
        if (part == NULL || !part->assigned)
            continue;
        event->parts[i].lane = part->lane;
        concerned[part->lane] = true;
    }
    lanes_drain(poller, concerned, lost ? 0 : poller->opts.revoke_timeout_ms);
    for (uint32_t i = 0; i < poller->opts.n_lanes; i++)
        if (concerned[i])
            mr_lane_park(&poller->opts.lanes[i]);
    mr_poller_mirror(poller, true);
    parts_end(poller, event);
    shares_update(poller);
    for (uint32_t i = 0; i < poller->opts.n_lanes; i++)
        if (concerned[i] && MR_MUTATION(FORGET_REVOKED))
            (void)mr_lane_forget(&poller->opts.lanes[i]);
        else if (concerned[i] && mr_lane_is_loaded(&poller->opts.lanes[i]))
            mr_poller_set_back(poller, &poller->opts.lanes[i], &none, NULL);
    if (source->ops->unassign(source, event->parts, event->n_parts, &err) < 0)
        mr_log(MR_ERROR, "unassign_failed", mr_kv_err(&err));
    for (uint32_t i = 0; i < poller->opts.n_lanes; i++)
        if (concerned[i]) {
            mr_lane_undrain(&poller->opts.lanes[i]);
            mr_lane_unpark(&poller->opts.lanes[i]);
        }
    poller->assignment_ms = mr_mono_ms(&poller->opts.env);
    free(concerned);
}

/* ---- releases ---- */

static void part_flow(struct mr_partition *part)
{
    part->attempts = 0;
    part->due_ms = 0;
    atomic_fetch_add(&part->generation, 1);
    part->fill_held = false;
}

static void part_release(struct mr_poller *poller, struct mr_partition *part)
{
    struct mr_source *source = poller->opts.source;
    int64_t durable = atomic_load(&part->committed_next);
    struct mr_err err = MR_ERR_INIT;

    if (part->set_back && durable >= 0 && !MR_MUTATION(NO_SET_BACK)) {
        part->fill_next = durable;
        part->fill_from = durable;
    }
    part->set_back = false;
    part->wants_seek = false;
    struct mr_source_part sp = source_part(part);
    if (MR_FAULT(SEEK))
        sp.rc = -MR_AGAIN;
    else if (source->ops->release(source, &sp, 1, &err) < 0 && sp.rc == 0)
        sp.rc = -(int)err.code;
    if (sp.rc == 0) {
        part_flow(part);
        mr_poller_step(poller, part, MR_PART_EV_SOUGHT, 0);
        mr_log(MR_DEBUG, "partition_flows", mr_kv_str("topic", part->stream),
               mr_kv_i64("partition", part->partition), mr_kv_i64("offset", part->fill_next));
        return;
    }
    mr_poller_step(poller, part, MR_PART_EV_UNSOUGHT, SEEK_AGAIN_MS);
}

bool mr_poller_is_settling(struct mr_lane *lane)
{
    lane->settling = lane->settling && (mr_lane_is_writing(lane) || mr_lane_reset_wanted(lane));
    return lane->settling;
}

/* Seeks of one lane are done in one stay outside its reading section. */
void mr_poller_releases(struct mr_poller *poller)
{
    for (uint32_t lane = 0; lane < poller->opts.n_lanes; lane++) {
        bool parked = false;
        if (mr_poller_is_settling(&poller->opts.lanes[lane]))
            continue;
        for (size_t i = 0; i < poller->n_assigned; i++) {
            struct mr_partition *part = poller->assigned[i];
            if (!part->wants_seek || part->lane != lane)
                continue;
            if (!parked)
                mr_lane_park(&poller->opts.lanes[lane]);
            parked = true;
            if (part->state == MR_PART_HELD)
                mr_poller_step(poller, part, MR_PART_EV_DUE, 0);
            part_release(poller, part);
        }
        if (parked)
            mr_lane_unpark(&poller->opts.lanes[lane]);
    }
}
