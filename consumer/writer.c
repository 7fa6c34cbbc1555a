/* Owns the write thread: carries a batch through its flush, its retries and its doubt, and tells
 * poll and the metrics how it ended. What follows what is decided in protocol/writer.c. */
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "consumer/lane.h"
#include "consumer/protocol/position.h"
#include "consumer/retry.h"

#include "base/ban.h"

enum { MAX_TABLE_CHANGES = 5 };

struct write_run {
    struct mr_batch *batch;
    bool in_doubt; /* its COMMIT had no answer: it is not given up before its fate is known */
    bool absent;   /* the positions said that it had not landed */
    bool asked;    /* fenced, and the positions were asked whether by another owner */
    bool own;      /* they said: by this process itself */
    struct mr_err err;
    struct mr_flush_result result;
    struct mr_retries retries;
    uint32_t attempt; /* of those that back off ever longer */
    uint32_t n_tries;
    uint64_t began_us;
};

/* Its sign of life: at each step of a batch (a backoff is short), and while it waits for one. */
static void moved(struct mr_lane *lane)
{
    atomic_store(&lane->write_moved_ms, mr_mono_ms(&lane->write_env));
}

static struct mr_session *session_of(struct mr_lane *lane, struct mr_err *err)
{
    struct mr_sink *sink = lane->shared->sink;
    struct mr_session *session = NULL;

    mr_lock_take(&lane->lock);
    session = lane->session;
    mr_lock_drop(&lane->lock);
    if (session != NULL || sink->ops->session_open(sink, &session, err) < 0)
        return session;
    mr_lock_take(&lane->lock);
    lane->session = session;
    mr_lock_drop(&lane->lock);
    return session;
}

static enum mr_writer_event event_of(int rc, const struct mr_err *err)
{
    if (rc == 0)
        return MR_WRITER_EV_DONE;
    if (rc == -MR_COMMIT_UNKNOWN)
        return MR_WRITER_EV_DOUBT;
    if (err->class == MR_CLASS_RETRY || err->class == MR_CLASS_PAUSE)
        return MR_WRITER_EV_RETRY;
    return MR_WRITER_EV_DROP;
}

static void note_err(struct mr_lane *lane, const struct mr_err *err)
{
    const char *labels[] = {mr_class_name(err->class), mr_owner_name(err->owner)};

    mr_counter_add(mr_metrics_series(lane->shared->metrics, MR_M_ERRORS, labels), 1);
    mr_lock_take(&lane->lock);
    lane->last_err = *err;
    mr_lock_drop(&lane->lock);
}

/* the batch was too much for the target. It is given up and formed anew with half of
 * its records; one record alone waits as its error's class says. */
static bool halve(struct mr_lane *lane, struct write_run *run)
{
    size_t n_rows = run->batch->n_held / 2;

    if (n_rows == 0)
        return false;
    note_err(lane, &run->err);
    mr_log(MR_WARN, "batch_halved", mr_kv_u64("lane", lane->id), mr_kv_u64("max_rows", n_rows),
           mr_kv_err(&run->err));
    atomic_store(&lane->max_rows, (uint32_t)n_rows);
    mr_err_set(&run->err, MR_AGAIN, "with half of its records");
    return true;
}

/* A batch has landed: the next may have twice as many rows, up to what is configured. */
static void grow(struct mr_lane *lane)
{
    uint32_t most = lane->shared->batch.max_rows;
    uint32_t n_rows = atomic_load(&lane->max_rows);

    if (n_rows < most)
        atomic_store(&lane->max_rows, n_rows > most / 2 ? most : 2 * n_rows);
}

static enum mr_writer_event flush_once(struct mr_lane *lane, struct write_run *run)
{
    struct mr_session *session;
    int rc;

    mr_err_clear(&run->err);
    run->result.first = MR_FIRST_NOTHING;
    run->began_us = mr_mono_us(&lane->write_env);
    session = session_of(lane, &run->err);
    struct mr_flush flush = {.session = session,
                             .batch = run->batch,
                             .memories = &lane->memories,
                             .source = lane->shared->source,
                             .topic = lane->letters.opts != NULL ? &lane->letters : NULL,
                             .poisoned = lane->shared->poisoned,
                             .retries = &run->retries,
                             .now_ms = mr_mono_ms(&lane->write_env)};
    rc = session == NULL ? -(int)run->err.code : mr_flush_run(&flush, &run->result, &run->err);
    /* a server that was at a COMMIT of ours still when it was asked fences us by ourselves */
    if (rc < 0 && run->err.class == MR_CLASS_FENCED && !run->asked &&
        !MR_MUTATION(NOT_ASKED_AGAIN)) {
        run->asked = true;
        return MR_WRITER_EV_DOUBT;
    }
    if (rc < 0 && run->result.stopped) /* its class is that of the record to wait at */
        return MR_WRITER_EV_DROP;
    if (rc < 0 && run->result.first == MR_FIRST_HALVE && halve(lane, run))
        return MR_WRITER_EV_DROP;
    return event_of(rc, &run->err);
}

/* Has this process itself claimed the partition anew since the span was begun? */
static bool is_superseded(const struct mr_batch_span *span)
{
    return atomic_load(&span->part->epoch) != span->span.epoch;
}

/* A position that moved under us is another owner's, unless it was our own later claim: a partition
 * that was revoked and assigned again while its batch was still on its way. That is no fence, only
 * too late. */
static void fence_judge(struct write_run *run)
{
    const struct mr_batch *batch = run->batch;
    bool named = *run->err.topic != '\0';
    size_t n_superseded = 0;

    for (size_t i = 0; i < batch->n_spans; i++) {
        const struct mr_batch_span *span = &batch->spans[i];
        if (named && (span->span.partition != run->err.partition ||
                      strcmp(span->span.stream, run->err.topic) != 0))
            continue;
        n_superseded += is_superseded(span);
    }
    if (n_superseded > 0)
        mr_err_set(&run->err, MR_AGAIN, "the position was claimed anew by this instance meanwhile");
}

/* What the positions say of a batch that did not land as a whole. Another owner has raised the
 * epoch: the first such span is named. Under our own epoch only this process moves a position: a
 * COMMIT that was given up as absent, and landed late. Its records are read on from there. */
static bool moved_learn(struct write_run *run, const struct mr_position *stored, size_t n_stored)
{
    bool foreign = false;

    for (size_t i = 0; i < run->batch->n_spans; i++) {
        const struct mr_batch_span *span = &run->batch->spans[i];
        const struct mr_position *p = mr_position_of(&span->span, stored, n_stored);
        if (p != NULL && p->epoch == span->span.epoch) {
            if (atomic_load(&span->part->epoch) != p->epoch)
                continue; /* claimed anew by this process meanwhile, which knows better */
            atomic_store(&span->part->committed_next, p->next_offset);
            atomic_store(&span->part->commit_dirty, true);
        } else if (!foreign) {
            mr_err_at(&run->err, span->span.stream, span->span.partition, span->span.expected);
            foreign = true;
        }
    }
    return foreign;
}

static enum mr_writer_event reread(struct mr_lane *lane, struct write_run *run)
{
    struct mr_sink *sink = lane->shared->sink;
    struct mr_position *stored = NULL;
    size_t n_stored = 0;
    struct mr_err err = MR_ERR_INIT;
    struct mr_span *spans = calloc(run->batch->n_spans, sizeof *spans);
    enum mr_writer_event event = MR_WRITER_EV_RETRY;

    if (spans != NULL && sink->ops->positions_read(sink, &stored, &n_stored, &err) == 0) {
        static const enum mr_writer_event events[] = {
            [MR_SETTLED_LANDED] = MR_WRITER_EV_LANDED,
            [MR_SETTLED_ABSENT] = MR_WRITER_EV_ABSENT,
            [MR_SETTLED_MOVED] = MR_WRITER_EV_MOVED,
        };
        for (size_t i = 0; i < run->batch->n_spans; i++)
            spans[i] = run->batch->spans[i].span;
        event = events[mr_position_settle(spans, run->batch->n_spans, stored, n_stored)];
        if (event == MR_WRITER_EV_MOVED)
            run->own = !moved_learn(run, stored, n_stored);
        else if (event == MR_WRITER_EV_ABSENT && run->asked && !run->absent)
            event = MR_WRITER_EV_MOVED; /* the fence is believed: it is claimed anew */
        mr_log(MR_WARN, "commit_settled", mr_kv_u64("lane", lane->id),
               mr_kv_str("outcome", event == MR_WRITER_EV_LANDED   ? "landed"
                                    : event == MR_WRITER_EV_ABSENT ? "absent"
                                                                   : "moved"));
    }
    free(spans);
    free(stored);
    return event;
}

static void metrics_of(struct mr_lane *lane, const struct write_run *run)
{
    struct mr_metrics *metrics = lane->shared->metrics;
    const struct mr_batch *batch = run->batch;
    uint64_t now_us = mr_mono_us(&lane->write_env);
    int64_t now_ms = mr_wall_ms(&lane->write_env);
    struct mr_series *fresh = mr_metrics_series(metrics, MR_M_FRESHNESS, NULL);

    mr_histogram_observe(mr_metrics_series(metrics, MR_M_FLUSH_DURATION, NULL),
                         (double)(now_us - run->began_us) / 1e6, 1);
    mr_histogram_observe(mr_metrics_series(metrics, MR_M_FLUSH_ROWS, NULL), (double)batch->n_held,
                         1);
    mr_counter_add(mr_metrics_series(metrics, MR_M_BYTES_CONSUMED, NULL), batch->bytes_consumed);
    for (size_t i = 0; i < batch->n_held; i++)
        if (batch->held[i].timestamp_ms >= 0)
            mr_histogram_observe(fresh, (double)(now_ms - batch->held[i].timestamp_ms) / 1e3, 1);
}

static void counts_of(struct mr_lane *lane, const struct mr_batch *batch)
{
    static const char *const ops[MR_N_COUNTS] = {"c",         "r", "u",    "d",
                                                 "tombstone", "t", "skip", "bad"};
    struct mr_metrics *metrics = lane->shared->metrics;

    for (size_t s = 0; s < batch->n_spans; s++)
        for (int i = 0; i < MR_N_COUNTS; i++) {
            const struct mr_batch_span *span = &batch->spans[s];
            const char *labels[] = {span->part->stream, ops[i]};
            if (span->counts[i] > 0)
                mr_counter_add(mr_metrics_series(metrics, MR_M_RECORDS, labels), span->counts[i]);
        }
    for (size_t i = 0; i < batch->n_tables; i++) {
        const struct mr_batch_table *table = batch->tables[i];
        const char *up[] = {table->target->label, "upsert"};
        const char *del[] = {table->target->label, "delete"};
        const char *label[] = {table->target->label};
        const struct {
            enum mr_meter meter;
            uint64_t n;
        } counts[] = {{MR_M_STALE, table->rows.n_stale},
                      {MR_M_CROSS_PARTITION_KEY, table->rows.n_cross},
                      {MR_M_LEFT_OUT, table->n_left_out}};
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
            if (counts[c].n > 0)
                mr_counter_add(mr_metrics_series(metrics, counts[c].meter, label), counts[c].n);
        if (table->n_upserts > 0)
            mr_counter_add(mr_metrics_series(metrics, MR_M_ROWS_WRITTEN, up), table->n_upserts);
        if (table->n_deletes > 0)
            mr_counter_add(mr_metrics_series(metrics, MR_M_ROWS_WRITTEN, del), table->n_deletes);
    }
}

/* Records that the flush put aside, or left out: told once they are durable. */
static void faults_of(struct mr_lane *lane, const struct mr_flush_faults *faults)
{
    for (size_t i = 0; i < faults->n_items; i++) {
        struct mr_target *target = faults->items[i].target;
        struct mr_err why;
        char code[64];
        mr_flush_faults_err(faults, i, &why);
        if (target->rule->on_bad == MR_ON_BAD_DEAD_LETTER) {
            const char *labels[] = {why.topic, mr_err_printed(&why, code, sizeof code)};
            mr_counter_add(mr_metrics_series(lane->shared->metrics, MR_M_DEAD_LETTERS, labels), 1);
            atomic_fetch_add(&target->letters, 1);
            atomic_fetch_add(&lane->n_letters, 1);
        }
        const char *labels[] = {mr_class_name(why.class), mr_owner_name(why.owner)};
        mr_counter_add(mr_metrics_series(lane->shared->metrics, MR_M_ERRORS, labels), 1);
        mr_lock_take(&target->lock);
        target->last_bad = why;
        mr_lock_drop(&target->lock);
        mr_log(MR_WARN, "record_rejected", mr_kv_u64("lane", lane->id), mr_kv_err(&why));
    }
}

static void breaker_count(struct mr_lane *lane, const struct mr_route_rule *rule,
                          struct mr_tally landed)
{
    if (rule != NULL && rule->breaker != NULL)
        mr_breaker_count(rule->breaker, landed, mr_mono_ms(&lane->write_env));
}

/* By route, a run of like records at a time. */
static void breakers_count(struct mr_lane *lane, const struct write_run *run)
{
    const struct mr_batch *batch = run->batch;
    const struct mr_flush_faults *faults = &run->result.faults;
    const struct mr_route_rule *rule = NULL;
    struct mr_tally tally = {0, 0};

    /* first: the records may end a limit that was raised for them */
    for (size_t i = 0; i < faults->n_items; i++)
        breaker_count(lane, faults->items[i].target->rule, (struct mr_tally){0, 1});
    for (size_t i = 0; i < batch->n_held; i++) {
        const struct mr_record *record = &batch->held[i];
        if (record->target == NULL)
            continue;
        if (record->target->rule != rule) {
            breaker_count(lane, rule, tally);
            tally = (struct mr_tally){0, 0};
            rule = record->target->rule;
        }
        tally.n_records++;
        tally.n_bad += record->bad ? 1 : 0;
    }
    breaker_count(lane, rule, tally);
}

static void publish(struct mr_lane *lane, struct write_run *run)
{
    struct mr_batch *batch = run->batch;

    grow(lane);
    metrics_of(lane, run);
    counts_of(lane, batch);
    faults_of(lane, &run->result.faults);
    breakers_count(lane, run);
    for (size_t i = 0; i < run->result.faults.n_items; i++)
        batch->held[run->result.faults.items[i].record - batch->held].bad = true;
    mr_lane_count_after(lane, batch);
    for (size_t i = 0; i < batch->n_spans; i++) {
        struct mr_partition *part = batch->spans[i].part;
        if (batch->spans[i].span.timestamp_ms >= 0)
            atomic_store(&part->committed_ts_ms, batch->spans[i].span.timestamp_ms);
        atomic_store(&part->committed_next, batch->spans[i].span.next);
        atomic_store(&part->commit_dirty, true);
    }
    for (size_t i = 0; i < batch->n_tables; i++) {
        struct mr_target *target = batch->tables[i]->target;
        if (mr_rows_have_work(&batch->tables[i]->rows)) {
            struct mr_load_memory *memory = mr_load_memory_of(&lane->memories, target->idx);
            if (memory != NULL)
                memory->n_changes = 0;
            mr_target_clear(target);
        }
        atomic_fetch_add(&target->rows_upserted, batch->tables[i]->n_upserts);
        atomic_fetch_add(&target->rows_deleted, batch->tables[i]->n_deletes);
    }
    atomic_fetch_add(&lane->n_records, batch->n_held);
    atomic_fetch_add(&lane->n_bytes, batch->bytes_consumed);
    atomic_fetch_add(&lane->n_flushes, 1);
    mr_log(MR_DEBUG, "batch_committed", mr_kv_u64("lane", lane->id),
           mr_kv_u64("records", batch->n_held),
           mr_kv_u64("letters", batch->n_letters + run->result.faults.n_letters),
           mr_kv_f64("seconds", (double)(mr_mono_us(&lane->write_env) - run->began_us) / 1e6));
    lane->shared->source->ops->wake_poll(lane->shared->source);
}

static uint32_t delay_of(struct mr_lane *lane, struct write_run *run)
{
    struct mr_rng *rng = &lane->write_env.rng;

    return run->result.first == MR_FIRST_QUICK
               ? mr_retry_quick_ms(rng)
               : mr_retry_delay_ms(run->err.class, run->attempt++, rng);
}

/* Waits outside every lock but its own; true when the batch shall be given up meanwhile. One in
 * doubt is given up only when the process ends: whether it landed must be known before its records
 * are read again. */
static bool backoff(struct mr_lane *lane, struct write_run *run)
{
    const char *owner[] = {mr_owner_name(run->err.owner)};
    uint32_t delay_ms = delay_of(lane, run);
    uint64_t end_ms = mr_mono_ms(&lane->write_env) + delay_ms;
    bool abandoned;

    note_err(lane, &run->err);
    atomic_fetch_add(&lane->n_retries, 1);
    mr_counter_add(mr_metrics_series(lane->shared->metrics, MR_M_RETRIES, owner), 1);
    mr_log(MR_WARN, "batch_retry", mr_kv_u64("lane", lane->id),
           mr_kv_u64("attempt", ++run->n_tries), mr_kv_u64("delay_ms", delay_ms),
           mr_kv_err(&run->err));
    mr_lock_take(&lane->lock);
    for (;;) {
        uint64_t now_ms = mr_mono_ms(&lane->write_env);
        abandoned = run->in_doubt ? lane->closing : lane->abandoned;
        if (abandoned || now_ms >= end_ms)
            break;
        mr_cond_wait(&lane->changed, &lane->lock, (uint32_t)(end_ms - now_ms));
    }
    mr_lock_drop(&lane->lock);
    return abandoned;
}

/* A table that changes under every flush of a lane is a fault of its own (contract.md V-13: once,
 * then classify); one change is met by every lane that has rows of the table. */
static void table_changed(struct mr_lane *lane, struct write_run *run)
{
    struct mr_target *target = run->result.failed;

    if (target == NULL) { /* not known which: all of the batch are looked at again */
        for (size_t i = 0; i < run->batch->n_tables; i++)
            atomic_fetch_add(&run->batch->tables[i]->target->version, 1);
        return;
    }
    struct mr_load_memory *memory = mr_load_memory_of(&lane->memories, target->idx);
    if (memory == NULL || memory->n_changes++ < MAX_TABLE_CHANGES) {
        atomic_fetch_add(&target->version, 1); /* plans are made anew */
        return;
    }
    mr_err_set(&run->err, MR_TYPE_INCOMPATIBLE, "the table changes under every flush: %s",
               target->label);
}

/* */
static void waits_count(struct mr_lane *lane, const struct mr_flush_faults *faults)
{
    for (size_t i = 0; i < faults->n_items; i++) {
        const char *label[] = {faults->items[i].target->label};
        if (mr_flush_faults_is_wait(faults, i))
            mr_counter_add(mr_metrics_series(lane->shared->metrics, MR_M_PARENT_WAITS, label), 1);
    }
}

/* The batch is given up: poll sets the lane back to its positions. */
static void report(struct mr_lane *lane, struct write_run *run)
{
    if (run->result.stopped) {
        /* no fault of the batch: it is formed anew up to the records that must be waited at */
        mr_flush_faults_stops(&run->result.faults, run->batch, mr_mono_ms(&lane->write_env));
        waits_count(lane, &run->result.faults);
        mr_err_set(&run->err, MR_AGAIN, "a record that its partition must wait at");
    }
    if (run->err.code == MR_TABLE_CHANGED)
        table_changed(lane, run);
    if (run->err.class == MR_CLASS_FENCED)
        fence_judge(run);
    if (run->err.class == MR_CLASS_FENCED)
        atomic_fetch_add(&lane->n_fenced, 1);
    if (run->err.class != MR_CLASS_FLOW)
        note_err(lane, &run->err);
    mr_log(MR_WARN, "batch_dropped", mr_kv_u64("lane", lane->id),
           mr_kv_u64("records", run->batch->n_held), mr_kv_err(&run->err));
    mr_lock_take(&lane->lock);
    lane->reset_wanted = true;
    lane->reset_err = run->err;
    lane->reset_target = run->result.failed;
    mr_lock_drop(&lane->lock);
    if (run->err.class == MR_CLASS_FATAL || run->err.class == MR_CLASS_BUG)
        mr_lane_fail(lane, &run->err);
}

static enum mr_writer_event wait_then(struct mr_lane *lane, struct write_run *run)
{
    return backoff(lane, run) ? MR_WRITER_EV_ABANDON : MR_WRITER_EV_DUE;
}

static void state_set(struct mr_lane *lane, enum mr_writer_state state)
{
    moved(lane);
    mr_lock_take(&lane->lock);
    lane->writer_state = state;
    mr_cond_wake_all(&lane->changed);
    mr_lock_drop(&lane->lock);
}

static void run_batch(struct mr_lane *lane, struct mr_batch *batch)
{
    struct write_run run = {.batch = batch, .err = MR_ERR_INIT};
    enum mr_writer_state state = MR_WRITER_IDLE;
    enum mr_writer_event event = MR_WRITER_EV_BATCH;

    mr_flush_result_init(&run.result);
    for (;;) {
        struct mr_writer_step step = mr_writer_next(state, event);
        state = step.next;
        state_set(lane, state);
        switch (step.action) {
        case MR_WRITER_DO_FLUSH:
            if (MR_MUTATION(PUBLISH_BEFORE_COMMIT))
                publish(lane, &run);
            event = flush_once(lane, &run);
            continue;
        case MR_WRITER_DO_BACKOFF:
        case MR_WRITER_DO_REREAD_LATER:
            run.in_doubt = step.action == MR_WRITER_DO_REREAD_LATER;
            event = wait_then(lane, &run);
            continue;
        case MR_WRITER_DO_REREAD:
            event = reread(lane, &run);
            run.absent = run.absent || event == MR_WRITER_EV_ABSENT;
            continue;
        case MR_WRITER_DO_NOTHING: /* the process ends in doubt: the next start reads the
                                      positions */
            goto out;
        case MR_WRITER_DO_PUBLISH:
            publish(lane, &run);
            goto out;
        case MR_WRITER_DO_FENCED:
            if (run.own)
                mr_err_set(&run.err, MR_AGAIN, "a commit of this process landed late");
            else if (run.err.class != MR_CLASS_FENCED)
                mr_err_set(&run.err, MR_FENCED,
                           "a commit in doubt: another owner moved the position");
            report(lane, &run);
            goto out;
        case MR_WRITER_DO_DROP:
            report(lane, &run);
            goto out;
        case MR_WRITER_DO_BUG:
            mr_err_set(&run.err, MR_BUG, "writer event %d in state %s", (int)event,
                       mr_writer_state_name(state));
            report(lane, &run);
            goto out;
        }
    }
out:
    mr_flush_result_release(&run.result);
}

/* The next batch, or NULL when the lane has ended. */
static struct mr_batch *batch_wait(struct mr_lane *lane)
{
    struct mr_batch *batch;

    mr_lock_take(&lane->lock);
    while (lane->to_write == NULL && !atomic_load(&lane->fill_ended)) {
        mr_cond_wait(&lane->changed, &lane->lock, 1000);
        moved(lane);
    }
    batch = lane->to_write;
    mr_lock_drop(&lane->lock);
    return batch;
}

void *mr_lane_write_main(void *arg)
{
    struct mr_lane *lane = arg;
    struct mr_source *source = lane->shared->source;
    struct mr_batch *batch;

    while ((batch = batch_wait(lane)) != NULL) {
        run_batch(lane, batch);
        mr_lock_take(&lane->lock);
        lane->written = true;
        mr_lock_drop(&lane->lock);
        mr_batch_reset(batch, source);
        mr_lock_take(&lane->lock);
        lane->to_write = NULL;
        lane->written = false;
        lane->abandoned = lane->closing; /* it was meant for this batch */
        struct mr_session *session = lane->session;
        mr_cond_wake_all(&lane->changed);
        mr_lock_drop(&lane->lock);
        if (session != NULL)
            session->ops->session_idle(session);
        source->ops->wake_lane(source, lane->id); /* fill may wait in a read */
        source->ops->wake_poll(source);
    }
    atomic_store(&lane->write_ended, true);
    source->ops->wake_poll(source);
    return NULL;
}
