/* Owns the fill thread: reads a lane's queue, finds each record's plan, decodes, and gathers rows.
 * It never touches the target's session; what it cannot go on with it leaves as a wish for poll
 * (hold). */
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "consumer/lane.h"
#include "consumer/retry.h"

#include "base/ban.h"

enum { REGISTRY_HALT_MS = 30000, STOP_PROBE_MS = 60000, SOURCE_TRIES = 3, ASK_MS = 10000 };

/* What became of a record. */
enum fill_fate {
    FATE_TAKEN,   /* the batch has it */
    FATE_DROPPED, /* it is to be given back */
    FATE_FULL,    /* once more, in the next batch */
    FATE_LEFT     /* the reading section was left: once more, if it still counts then */
};

static struct mr_partition *part_of(struct mr_lane *lane, const struct mr_record *record)
{
    struct mr_partition *part = lane->last_part;

    if (part != NULL && part->partition == record->partition &&
        strcmp(part->stream, record->stream) == 0)
        return part;
    part = mr_partitions_find(lane->shared->partitions, record->stream, record->partition);
    if (part != NULL)
        lane->last_part = part;
    return part;
}

static void wish(struct mr_lane *lane, const struct mr_record *record,
                 enum mr_partition_event event, uint32_t delay_ms, const struct mr_err *err)
{
    struct mr_partition *part = record->part;
    struct mr_partition_wish w = {
        .event = event, .generation = record->generation, .delay_ms = delay_ms, .err = *err};

    mr_err_at(&w.err, record->stream, record->partition, record->offset);
    part->fill_held = true;
    mr_partition_wish_set(part, &w);
    lane->shared->source->ops->wake_poll(lane->shared->source);
}

/* RETRY, PAUSE and HALT hold the partition at this record; the next attempt comes by poll. */
static void hold(struct mr_lane *lane, const struct mr_record *record, const struct mr_err *err)
{
    struct mr_partition *part = record->part;
    enum mr_partition_event event = MR_PART_EV_HELD;
    uint32_t delay_ms;

    part->fill_tries = part->fill_held_at == record->offset ? part->fill_tries + 1 : 0;
    part->fill_held_at = record->offset;
    if (err->class == MR_CLASS_HALT) {
        event = MR_PART_EV_HALTED;
        delay_ms = err->owner == MR_OWNER_REGISTRY
                       ? REGISTRY_HALT_MS
                       : mr_target_halt(record->target, err, mr_mono_ms(&lane->fill_env));
    } else {
        delay_ms = mr_retry_delay_ms(err->class, part->fill_tries, &lane->fill_env.rng);
    }
    wish(lane, record, event, delay_ms, err);
}

/* The batch has no room for it, or it waits. */
static int not_taken(struct mr_lane *lane, const struct mr_record *record, int rc,
                     const struct mr_err *err)
{
    if (rc == -MR_FULL)
        return FATE_FULL;
    hold(lane, record, err);
    return FATE_DROPPED;
}

static int take(struct mr_lane *lane, struct mr_record *record, enum mr_batch_count count,
                struct mr_err *err)
{
    int rc = mr_batch_take(lane->filling, record, count, mr_mono_us(&lane->fill_env), err);

    return rc < 0 ? not_taken(lane, record, rc, err) : FATE_TAKEN;
}

static void note_bad(struct mr_lane *lane, const struct mr_err *why)
{
    const char *labels[] = {mr_class_name(why->class), mr_owner_name(why->owner)};

    mr_counter_add(mr_metrics_series(lane->shared->metrics, MR_M_ERRORS, labels), 1);
}

/* One bad record too many of its route: the fault is not in the records. */
static bool is_flood(struct mr_lane *lane, const struct mr_record *record, struct mr_err *why)
{
    const struct mr_route_rule *rule = record->target->rule;
    uint64_t now_ms = mr_mono_ms(&lane->fill_env);
    char code[64];

    if (rule->breaker == NULL)
        return false;
    struct mr_tally batch = mr_batch_tally(lane->filling, rule);
    batch.n_records++;
    if (mr_breaker_room(rule->breaker, batch, now_ms) > 0)
        return false;
    struct mr_err last = *why;
    mr_breaker_trip(rule->breaker, now_ms);
    mr_err_set(why, MR_POISON_FLOOD, "the last is %s: %.400s",
               mr_err_printed(&last, code, sizeof code), last.detail);
    return true;
}

/* A record fault found before the database: put aside, skipped, or waited at, as the route says. */
static int bad_record(struct mr_lane *lane, struct mr_record *record, struct mr_err *why,
                      struct mr_err *err)
{
    enum mr_on_bad on_bad = record->target->rule->on_bad;

    mr_err_at(why, record->stream, record->partition, record->offset);
    if (on_bad == MR_ON_BAD_STOP) {
        note_bad(lane, why);
        wish(lane, record, MR_PART_EV_HALTED, STOP_PROBE_MS, why);
        return FATE_DROPPED;
    }
    if (is_flood(lane, record, why)) {
        note_bad(lane, why);
        hold(lane, record, why);
        return FATE_DROPPED;
    }
    if (on_bad == MR_ON_BAD_DEAD_LETTER) {
        int rc = mr_batch_add_letter(lane->filling, lane->shared->source, record->target, record,
                                     why, err);
        if (rc < 0)
            return not_taken(lane, record, rc, err);
        char code[64];
        const char *labels[] = {record->stream, mr_err_printed(why, code, sizeof code)};
        mr_counter_add(mr_metrics_series(lane->shared->metrics, MR_M_DEAD_LETTERS, labels), 1);
        atomic_fetch_add(&record->target->letters, 1);
        atomic_fetch_add(&lane->n_letters, 1);
        mr_fill_poison(lane, record);
    }
    note_bad(lane, why);
    mr_lock_take(&record->target->lock);
    record->target->last_bad = *why;
    mr_lock_drop(&record->target->lock);
    mr_log(MR_WARN, "record_rejected", mr_kv_u64("lane", lane->id), mr_kv_err(why));
    return take(lane, record, MR_COUNT_BAD, err);
}

/* The plan of a record. May leave the reading section; -MR_AGAIN: the partition has changed
 * meanwhile. */
static int plan_get(struct mr_lane *lane, struct mr_record *record, const struct mr_plan_for *want,
                    struct mr_plan **plan, struct mr_err *err)
{
    uint32_t wait_ms = 0;
    int rc = mr_target_fault(want->target, mr_mono_ms(&lane->fill_env), &wait_ms, err);

    if (rc < 0)
        return rc;
    rc = mr_plans_find(lane->plans, want, plan, err);
    if (rc != -MR_EMPTY)
        return rc;
    mr_lane_ask(lane);
    rc = mr_plans_resolve(lane->plans, want, lane->shared->resolve_deadline_ms, plan, err);
    if (!mr_lane_enter(lane))
        return -MR_AGAIN;
    if (atomic_load(&record->part->generation) != record->generation)
        return -MR_AGAIN;
    return rc;
}

static enum mr_batch_count count_of(const struct mr_decoded *decoded)
{
    switch (decoded->op_letter) {
    case 'c':
        return MR_COUNT_CREATE;
    case 'r':
        return MR_COUNT_READ;
    case 'd':
        return MR_COUNT_DELETE;
    case 't':
        return MR_COUNT_TRUNCATE;
    case '-':
        return MR_COUNT_TOMBSTONE;
    default:
        return MR_COUNT_UPDATE;
    }
}

/* What the decoder is given of a record. */
static struct mr_record_in record_in(struct mr_lane *lane, const struct mr_record *record,
                                     const struct mr_frame *key, const struct mr_frame *value)
{
    struct mr_batch *batch = lane->filling;

    if (mr_batch_is_empty(batch))
        batch->loaded_at_ms = mr_wall_ms(&lane->fill_env);
    return (struct mr_record_in){
        .key = key->body,
        .raw_key = record->key,
        .value = value->body,
        .wire_bytes = record->key.len + record->value.len,
        .headers = record->headers,
        .topic = record->stream,
        .partition = record->partition,
        .offset = record->offset,
        .timestamp_ms = record->timestamp_ms,
        .schema_id = value->ref.kind == MR_REF_ID ? value->ref.id : -1,
        .loaded_at_ms = batch->loaded_at_ms,
    };
}

/* Asks how many partitions the topic has, outside of the reading section. -MR_AGAIN: the partition
 * has changed meanwhile. */
static int partitions_ask(struct mr_lane *lane, const struct mr_record *record, int32_t *n,
                          struct mr_err *err)
{
    struct mr_source *source = lane->shared->source;

    mr_lane_ask(lane);
    int rc = source->ops->n_partitions(source, record->stream, ASK_MS, n, err);
    if (!mr_lane_enter(lane) || atomic_load(&record->part->generation) != record->generation)
        return -MR_AGAIN;
    return rc;
}

/* a truncate takes effect where its place among the table's records is known,
 * by the partition or by the guard. */
static int truncate_record(struct mr_lane *lane, struct mr_record *record, struct mr_plan *plan,
                           const struct mr_decoded *decoded, struct mr_err *err)
{
    struct mr_target *target = record->target;
    struct mr_slice below;
    int32_t n = 0;
    int rc = 0;

    if (target->rule->table_shared)
        rc = mr_err_set(err, MR_TRUNCATE_SHARED_TARGET, "table_shared = true");
    else
        rc = partitions_ask(lane, record, &n, err);
    if (rc == -MR_AGAIN)
        return FATE_LEFT;
    bool guarded = mr_plan_guard(plan)->on && decoded->tuple.data != NULL &&
                   mr_tuple_field(decoded->tuple, 0, &below);
    if (rc == 0 && n == 1 && mr_plan_lacks_table(plan))
        return take(lane, record, MR_COUNT_SKIP, err);
    if (rc == 0 && mr_plan_lacks_table(plan))
        rc = mr_err_set(err, MR_TARGET_MISSING, "a truncate with a guard waits for the table");
    if (rc == 0 && n > 1 && !guarded)
        rc = mr_err_set(err, MR_TRUNCATE_UNORDERED, "%d partitions", (int)n);
    if (rc == 0)
        rc = mr_batch_truncate(lane->filling, target, plan, n > 1 ? &below : NULL, err);
    if (rc < 0)
        return not_taken(lane, record, rc, err);
    return take(lane, record, MR_COUNT_TRUNCATE, err);
}

static int fault_fate(struct mr_lane *lane, struct mr_record *record, int rc, struct mr_err *err)
{
    struct mr_err why = *err;

    switch (why.class) {
    case MR_CLASS_POISON:
        return bad_record(lane, record, &why, err);
    case MR_CLASS_FLOW:
        if (rc == -MR_SKIP)
            return take(lane, record, MR_COUNT_SKIP, err);
        return FATE_DROPPED;
    case MR_CLASS_FATAL:
    case MR_CLASS_BUG:
        mr_err_at(&why, record->stream, record->partition, record->offset);
        mr_lane_fail(lane, &why);
        record->part->fill_held = true;
        return FATE_DROPPED;
    case MR_CLASS_RETRY:
    case MR_CLASS_PAUSE:
    case MR_CLASS_HALT:
    case MR_CLASS_FENCED:
    case MR_N_CLASSES:
        break;
    }
    hold(lane, record, &why);
    return FATE_DROPPED;
}

static int add_decoded(struct mr_lane *lane, struct mr_record *record, struct mr_plan *plan,
                       const struct mr_decoded *decoded, struct mr_err *err)
{
    if (decoded->op == MR_REC_SKIP)
        return take(lane, record, MR_COUNT_SKIP, err);
    if (decoded->op == MR_REC_TRUNCATE)
        return truncate_record(lane, record, plan, decoded, err);
    int rc = mr_fill_after_letter(lane, record, decoded, err);
    if (rc != 0)
        return fault_fate(lane, record, rc, err);
    rc = mr_batch_add(lane->filling, record->target, plan, decoded, record, err);
    if (rc < 0)
        return not_taken(lane, record, rc, err);
    int fate = take(lane, record, count_of(decoded), err);
    if (fate == FATE_TAKEN)
        mr_fill_overtake(lane, record);
    return fate;
}

/* What a record is on its way to a row. */
struct fill_work {
    struct mr_plan_for want;
    struct mr_record_in in;
    struct mr_plan *plan;
    struct mr_decoded decoded;
};

/* Decodes by the plan, where the route has schemas of its own after resolving to them. */
static int decode_by_plan(struct mr_lane *lane, const struct mr_target *target,
                          struct fill_work *work, struct mr_err *err)
{
    const struct mr_route *route = &target->rule->route;
    struct mr_record_in in;

    if (route->value_schema == NULL && route->key_schema == NULL)
        return mr_decode_record(work->plan, lane->decoder, &work->in, &work->decoded, err);
    int rc = mr_fill_resolve(lane, target, &work->in, &in, err);
    return rc < 0 ? rc : mr_decode_record(work->plan, lane->decoder, &in, &work->decoded, err);
}

/* Finds the plan and decodes. A record without a key may be a truncate, which makes no table: that
 * is seen when it was decoded. A label that the plan's table does not know may be new in the
 * target: such a record is looked at by a table that was read after it came. */
static int decode_record(struct mr_lane *lane, struct mr_record *record, struct fill_work *work,
                         struct mr_err *err)
{
    bool read_again = false;

    for (;;) {
        int rc = plan_get(lane, record, &work->want, &work->plan, err);
        if (rc < 0)
            return rc;
        rc = decode_by_plan(lane, record->target, work, err);
        if (rc < 0 && mr_decoder_missed_label(lane->decoder) && !read_again) {
            mr_plans_forget(lane->plans, &work->want);
            read_again = true;
        } else if (rc != -MR_TARGET_MISSING || work->want.wants_row ||
                   !mr_plan_lacks_table(work->plan)) {
            return rc;
        } else {
            work->want.wants_row = true;
        }
        mr_err_clear(err);
    }
}

/* A flush could not land this record, and the route says to wait at it: everything before it has
 * landed by now. The next try takes it along again. */
static int stop_at(struct mr_lane *lane, struct mr_record *record, struct mr_err *err)
{
    struct mr_partition_stop stop = {.why = *err, .target = record->target};

    mr_partition_stop_take(record->part, &stop);
    *err = stop.why;
    record->target = stop.target;
    if (err->class == MR_CLASS_HALT) {
        hold(lane, record, err);
    } else if (err->class == MR_CLASS_RETRY) { /* */
        struct mr_parent_wait wait;
        mr_partition_wait_read(record->part, &wait);
        uint32_t delay_ms =
            mr_parent_wait_delay_ms(&wait, record->offset, record->target->rule->fk_wait_ms,
                                    mr_mono_ms(&lane->fill_env), &lane->fill_env.rng);
        wish(lane, record, MR_PART_EV_HELD, delay_ms, err);
    } else {
        note_bad(lane, err);
        wish(lane, record, MR_PART_EV_HALTED, STOP_PROBE_MS, err);
    }
    return FATE_DROPPED;
}

/* From a record to a row: framing, plan, decode, batch. */
static int data_record(struct mr_lane *lane, struct mr_record *record, struct mr_err *err)
{
    struct mr_partition *part = record->part;
    struct mr_frame key;
    struct mr_frame value;
    uint32_t mark = mr_memory_mark();

    if (record->key.data == NULL && record->value.data == NULL)
        return take(lane, record, MR_COUNT_SKIP, err); /* contract.md F-31 */
    int rc = mr_frames_open(lane->transcode, record, &key, &value, err);
    rc = mr_memory_judge(mark, rc, err, "reading a record");
    if (rc < 0)
        return fault_fate(lane, record, rc, err);
    if (key.body.data == NULL && value.body.data == NULL)
        return take(lane, record, MR_COUNT_SKIP, err); /* JSON's null, both */
    struct fill_work work = {.want = {.target = part->target,
                                      .topic = record->stream,
                                      .value = value.ref,
                                      .envelope_topic = part->envelope_topic,
                                      .made = lane->transcode}};
    if (part->target->rule->by_source)
        rc = mr_fill_locate(lane, record, &work.want, value.body, err);
    if (rc == 0 && part->target->rule->by_source && mr_transcode_guessed(lane->transcode))
        rc = mr_frames_open(lane->transcode, record, &key, &value,
                            err); /* by its table's own records */
    work.want.key = key.ref;
    work.want.value = value.ref;
    work.in = record_in(lane, record, &key, &value);
    if (rc == 0)
        rc = decode_record(lane, record, &work, err);
    if (rc == -MR_AGAIN)
        return FATE_LEFT;
    rc = mr_memory_judge(mark, rc, err, "reading a record");
    if (rc == -MR_SKIP)
        err->class = MR_CLASS_FLOW;
    if (rc < 0)
        return fault_fate(lane, record, rc, err);
    if (value.ref.kind != MR_REF_NONE && mr_plan_is_envelope(work.plan))
        part->envelope_topic = true;
    return add_decoded(lane, record, work.plan, &work.decoded, err);
}

/* The end of a partition lies behind its last record where markers stand (contract.md F-16). */
static void end_record(struct mr_lane *lane, const struct mr_record *record)
{
    struct mr_partition *part = record->part;
    struct mr_err err = MR_ERR_INIT;

    atomic_store(&part->end_seen, record->offset);
    if (record->offset > part->fill_next &&
        mr_batch_pass(lane->filling, part, record->offset, mr_mono_us(&lane->fill_env), &err) < 0)
        hold(lane, record, &err);
}

/* The source cannot deliver from here: the claim finds out why. Where it finds nothing and the same
 * error comes back (corrupt bytes, a right to read that was taken away), the partition halts
 * (contract.md K-03, K-10). */
static void error_record(struct mr_lane *lane, const struct mr_record *record, struct mr_err *err)
{
    struct mr_partition *part = record->part;

    mr_err_set(err, (enum mr_code) - record->rc, "%s",
               record->detail != NULL ? record->detail : "the source cannot read on");
    part->fill_tries = part->fill_held_at == record->offset ? part->fill_tries + 1 : 0;
    part->fill_held_at = record->offset;
    if (err->class == MR_CLASS_HALT && part->fill_tries >= SOURCE_TRIES)
        wish(lane, record, MR_PART_EV_HALTED, STOP_PROBE_MS, err);
    else
        wish(lane, record, MR_PART_EV_ADRIFT,
             mr_retry_delay_ms(MR_CLASS_RETRY, part->fill_tries, &lane->fill_env.rng), err);
}

int mr_fill_record(struct mr_lane *lane, struct mr_record *record, struct mr_err *err)
{
    struct mr_partition *part = record->part;

    if (part == NULL || part->fill_held ||
        (atomic_load(&part->generation) != record->generation && !MR_MUTATION(STALE_GENERATION)) ||
        (record->kind == MR_RECORD_DATA && record->offset < part->fill_next))
        return FATE_DROPPED;
    mr_err_clear(err);
    record->target = part->target;
    if (record->kind == MR_RECORD_END) {
        end_record(lane, record);
        return FATE_DROPPED;
    }
    if (record->kind == MR_RECORD_ERROR) {
        error_record(lane, record, err);
        return FATE_DROPPED;
    }
    if (record->offset == part->fill_stop_at)
        return stop_at(lane, record, err);
    if (part->fill_stop_at >= 0 && record->offset > part->fill_stop_at)
        mr_partition_stop_forget(part); /* compaction took the record */
    return data_record(lane, record, err);
}

static void unread_drop(struct mr_lane *lane)
{
    struct mr_source *source = lane->shared->source;

    for (; lane->at_unread < lane->n_unread; lane->at_unread++)
        source->ops->release_record(source, &lane->unread[lane->at_unread]);
    lane->at_unread = 0;
    lane->n_unread = 0;
}

/* Works through the array; leaves it half done when fill had to leave its reading section. */
static void work(struct mr_lane *lane)
{
    struct mr_source *source = lane->shared->source;

    while (lane->inside && lane->at_unread < lane->n_unread) {
        struct mr_record *record = &lane->unread[lane->at_unread];
        struct mr_err err = MR_ERR_INIT;
        int fate = mr_fill_record(lane, record, &err);
        if (fate == FATE_LEFT)
            continue;
        if (fate == FATE_DROPPED)
            source->ops->release_record(source, record);
        if (fate != FATE_FULL)
            lane->at_unread++;
        if ((fate == FATE_FULL || mr_batch_is_full(lane->filling)) && mr_lane_hand_over(lane))
            mr_lane_enter(lane);
    }
}

/* Is more on its way here than was read? Of a partition that is held nothing is. */
static bool is_behind(const struct mr_lane *lane)
{
    struct mr_source *source = lane->shared->source;
    const struct mr_batch *batch = lane->filling;

    for (size_t i = 0; i < batch->n_spans; i++) {
        const struct mr_span *span = &batch->spans[i].span;
        if (!batch->spans[i].part->fill_held &&
            span->next < source->ops->known_end(source, span->stream, span->partition))
            return true;
    }
    return false;
}

static void read_and_work(struct mr_lane *lane, uint32_t timeout_ms)
{
    struct mr_source *source = lane->shared->source;

    if (!mr_lane_enter(lane))
        return;
    if (lane->at_unread >= lane->n_unread) {
        lane->at_unread = 0;
        lane->n_unread =
            source->ops->read(source, lane->id, lane->unread, MR_LANE_READ_RECORDS, timeout_ms);
        lane->dry = lane->n_unread == 0;
        lane->behind = lane->dry && is_behind(lane);
        for (size_t i = 0; i < lane->n_unread; i++) {
            struct mr_record *record = &lane->unread[i];
            record->part = part_of(lane, record);
            if (record->part != NULL)
                record->generation = atomic_load(&record->part->generation);
        }
    }
    work(lane);
    if (lane->inside)
        mr_lane_leave(lane);
}

static struct mr_lane_view look(struct mr_lane *lane)
{
    const struct mr_batch *batch = lane->filling;
    uint64_t now_us = mr_mono_us(&lane->fill_env);
    struct mr_lane_view view = {.dry = lane->dry && lane->at_unread >= lane->n_unread,
                                .behind = lane->behind,
                                .max_wait_ms = lane->shared->max_wait_ms};

    mr_lock_take(&lane->lock);
    view.parked = (lane->n_parks > 0 || lane->reset_wanted) && !lane->closing;
    view.draining = lane->draining;
    view.stopping = lane->stopping;
    view.writer_free = lane->to_write == NULL;
    /* while poll is alone with the lane, the batch is poll's; when the lane closes, it is given
       up */
    if (!view.parked && !lane->closing && !mr_batch_is_empty(batch)) {
        view.full = mr_batch_is_full(batch);
        view.n_records = batch->n_held > 0 ? (uint32_t)batch->n_held : 1;
        view.age_ms = now_us > batch->first_us ? (now_us - batch->first_us) / 1000 : 0;
    }
    mr_lock_drop(&lane->lock);
    return view;
}

static void wait_changed(struct mr_lane *lane)
{
    mr_lock_take(&lane->lock);
    mr_cond_wait(&lane->changed, &lane->lock, MR_LANE_READ_MS);
    mr_lock_drop(&lane->lock);
}

void *mr_lane_fill_main(void *arg)
{
    struct mr_lane *lane = arg;

    for (;;) {
        struct mr_lane_view view = look(lane);
        enum mr_lane_action action = mr_lane_next(&view);
        mr_lane_moved(lane);
        if (action == MR_LANE_DO_STOP)
            break;
        if (action == MR_LANE_DO_READ)
            read_and_work(lane, mr_lane_read_ms(&view, MR_LANE_READ_MS));
        else if (action != MR_LANE_DO_HAND_OVER || !mr_lane_hand_over(lane))
            wait_changed(lane);
    }
    unread_drop(lane);
    atomic_store(&lane->fill_ended, true);
    mr_lock_take(&lane->lock);
    mr_cond_wake_all(&lane->changed);
    mr_lock_drop(&lane->lock);
    return NULL;
}
