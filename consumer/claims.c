/* Owns the claim job and its thread. The decisions are protocol/position.c's, the statement the
 * sink's. */
#include "consumer/claims.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "consumer/position_watch.h"
#include "consumer/targets.h"

#include "base/ban.h"

/* A partition without a leader gives no answer until the time-out; behind the first one of a job
 * the others get less time, lest those that are well wait for minutes. All are asked again. */
enum { FACTS_TIMEOUT_MS = 10000, FACTS_BEHIND_MS = 1000 };
enum { METADATA_BYTES = 256, PROBE_MS = 5000, WAIT_MS = 1000, ANSWER_MS = 1000 };

struct mr_claims {
    struct mr_claims_opts opts;
    pthread_t thread;
    uint32_t facts_timeout_ms;      /* thread: claims; of this job's next question to a log */
    uint64_t probed_ms;             /* thread: claims */
    struct mr_position_watch watch; /* thread: claims */
    struct mr_lock lock;            /* rank 25 */
    struct mr_cond changed;
    struct mr_claim_item *items MR_GUARDED_BY(lock);
    size_t n_items MR_GUARDED_BY(lock);
    enum { CLAIMS_IDLE, CLAIMS_RUNNING, CLAIMS_DONE } state MR_GUARDED_BY(lock);
    enum { SOURCE_KNOWN, SOURCE_ASKED, SOURCE_ANSWERED } source_state MR_GUARDED_BY(lock);
    uint64_t n_asked MR_GUARDED_BY(lock); /* how often the source was to be asked */
    bool stop MR_GUARDED_BY(lock);
    char metadata[METADATA_BYTES] MR_GUARDED_BY(lock);
    struct mr_err target_err MR_GUARDED_BY(lock); /* why the target is not ready */
};

static bool keeps_positions(const struct mr_claims *claims)
{
    return (claims->opts.sink->ops->caps & MR_SINK_POSITIONS) != 0;
}

static void item_fail(struct mr_claim_item *item, int rc, const struct mr_err *err)
{
    item->rc = rc;
    item->err = *err;
    mr_err_at(&item->err, item->part->stream, item->part->partition, -1);
}

static void all_fail(struct mr_claim_item *items, size_t n, int rc, const struct mr_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].rc == 0)
            item_fail(&items[i], rc, err);
}

static int target_setup(struct mr_claims *claims, struct mr_err *err)
{
    char target_id[MR_TARGET_ID_BYTES] = "";
    char metadata[METADATA_BYTES];

    mr_claims_metadata(claims, metadata, sizeof metadata);
    if (*metadata != '\0')
        return 0;
    int rc = claims->opts.sink->ops->setup(claims->opts.sink, target_id, err);
    mr_lock_take(&claims->lock);
    if (rc == 0)
        snprintf(claims->metadata, sizeof claims->metadata, "millrace:%s:%s", claims->opts.pipeline,
                 target_id);
    claims->target_err = *err;
    mr_lock_drop(&claims->lock);
    if (rc == 0)
        mr_log(MR_INFO, "target_ready", mr_kv_str("target_id", target_id),
               mr_kv_str("sink", claims->opts.sink->ops->name));
    return rc;
}

/* What the target had stored before the claim. */
struct stored {
    const struct mr_position *list;
    size_t n;
};

static const struct mr_position *stored_of(const struct stored *all,
                                           const struct mr_partition *part)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->list[i].partition == part->partition &&
            strcmp(all->list[i].stream, part->stream) == 0)
            return &all->list[i];
    return NULL;
}

static int item_facts(struct mr_claims *claims, const struct mr_claim_item *item,
                      enum mr_start start, struct mr_log_facts *out, struct mr_err *err)
{
    struct mr_source *source = claims->opts.source;
    char metadata[METADATA_BYTES];

    /* any target of the pipeline: one that was dropped and made anew has another id */
    snprintf(metadata, sizeof metadata, "millrace:%s:", claims->opts.pipeline);
    int rc = source->ops->facts(source, item->part->stream, item->part->partition, start,
                                item->part->target->rule->start_ms, metadata,
                                claims->facts_timeout_ms, out, err);
    if (rc == -MR_SOURCE_AWAY)
        claims->facts_timeout_ms = FACTS_BEHIND_MS;
    return rc;
}

/* said once a table, before such a record is met. */
static void tell_truncate(const struct mr_partition *part, const struct mr_log_facts *facts)
{
    struct mr_target *target = part->target;
    const struct mr_route_rule *rule = target->rule;
    enum mr_code code = rule->table_shared ? MR_TRUNCATE_SHARED_TARGET : MR_TRUNCATE_UNORDERED;

    if (rule->route.strategy != MR_STRATEGY_UPSERT || rule->route.truncate != MR_TRUNCATE_APPLY ||
        ((facts->n_partitions <= 1 || rule->route.guard != MR_GUARD_NONE) && !rule->table_shared) ||
        atomic_exchange(&target->truncate_told, true))
        return;
    mr_log(MR_WARN, "truncate_ruled_out", mr_kv_str("topic", part->stream),
           mr_kv_str("table", target->label), mr_kv_str("err", mr_code_printed((int)code)),
           mr_kv_i64("partitions", facts->n_partitions));
}

/* Fills item and claim from the log and the stored positions. */
static int item_decide(struct mr_claims *claims, struct mr_claim_item *item,
                       const struct stored *all, struct mr_claim *claim, struct mr_err *err)
{
    const struct mr_position *stored = stored_of(all, item->part);
    struct mr_start_rule rule = {.start = item->part->target->rule->start,
                                 .continue_on_loss = claims->opts.continue_on_loss};
    struct mr_log_facts facts;

    if (stored == NULL)
        rule.added_later =
            mr_position_added_later(all->list, all->n, item->part->stream, item->part->partition);
    int rc = item_facts(claims, item, stored != NULL ? MR_START_EARLIEST : rule.start, &facts, err);
    if (rc < 0)
        return rc;
    if (!keeps_positions(claims))
        facts.committed_is_ours = false; /* the group's commits are the position */
    tell_truncate(item->part, &facts);
    item->end = facts.high;
    item->leader_epoch = -1;
    rc = stored != NULL ? mr_position_check(stored, &rule, &facts, &item->offset, err)
                        : mr_position_start(&rule, &facts, &item->offset, &item->leader_epoch, err);
    if (rc < 0)
        return rc;
    /* the group's commits follow late; what was written since the assignment is known here */
    int64_t here = atomic_load(&item->part->committed_next);
    if (!keeps_positions(claims) && here >= facts.low && here <= facts.high)
        item->offset = here;
    memset(claim, 0, sizeof *claim);
    struct mr_position *p = &claim->position;
    snprintf(p->stream, sizeof p->stream, "%s", item->part->stream);
    snprintf(p->stream_id, sizeof p->stream_id, "%s", facts.stream_id ? facts.stream_id : "");
    snprintf(p->cluster_id, sizeof p->cluster_id, "%s", facts.cluster_id ? facts.cluster_id : "");
    p->partition = item->part->partition;
    p->slots = 1;
    p->topic_partitions = facts.n_partitions;
    p->leader_epoch = item->leader_epoch;
    p->timestamp_ms = -1;
    claim->start_offset = item->offset;
    claim->start_leader_epoch = item->leader_epoch;
    return 0;
}

/* After the statement: the target's answer is the truth, also where it moved since it was read. */
static void item_settle(struct mr_claim_item *item, const struct mr_claim *claim,
                        const struct mr_position *stored)
{
    item->epoch = claim->position.epoch;
    item->stored = claim->position.next_offset;
    item->timestamp_ms = claim->position.timestamp_ms;
    item->envelope = claim->position.envelope;
    item->resumed = stored != NULL;
    bool stepped_over = stored != NULL && item->offset != stored->next_offset &&
                        stored->next_offset == claim->position.next_offset;
    if (stepped_over) {
        mr_log(MR_ERROR, "offsets_lost", mr_kv_str("topic", item->part->stream),
               mr_kv_i64("partition", item->part->partition),
               mr_kv_i64("first", stored->next_offset), mr_kv_i64("last", item->offset - 1));
        return;
    }
    item->offset = claim->position.next_offset;
    if (claim->position.leader_epoch >= 0)
        item->leader_epoch = claim->position.leader_epoch;
}

/* Asking the log of many partitions of a cluster that is away takes long; an end does not wait for
 * it. */
static bool is_stopping(struct mr_claims *claims)
{
    mr_lock_take(&claims->lock);
    bool stop = claims->stop;
    mr_lock_drop(&claims->lock);
    return stop;
}

static void poison_take(void *arg, const struct mr_poison *poison)
{
    struct mr_claims *claims = arg;
    struct mr_partition *part =
        mr_partitions_find(claims->opts.partitions, poison->stream, poison->partition);

    if (part != NULL && part->letters_wanted)
        mr_poisoned_learn(claims->opts.poisoned, part, poison, mr_mono_ms(&claims->opts.env));
}

/* After the claim: a former owner can add none any more. */
static int poisons_learn(struct mr_claims *claims, const struct mr_claim_item *items, size_t n,
                         struct mr_err *err)
{
    struct mr_sink *sink = claims->opts.sink;
    const struct mr_poison_taker taker = {poison_take, claims};

    if (claims->opts.poisoned == NULL)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (items[i].rc == 0)
            mr_poisoned_forget(claims->opts.poisoned, items[i].part);
    if (!claims->opts.poisons_stored)
        return 0;
    for (size_t i = 0; i < n; i++)
        items[i].part->letters_wanted = items[i].rc == 0;
    int rc = sink->ops->poisons_read(sink, &taker, err);
    for (size_t i = 0; i < n; i++)
        items[i].part->letters_wanted = false;
    return rc;
}

static int claim_all(struct mr_claims *claims, struct mr_claim_item *items, size_t n,
                     const struct stored *stored, struct mr_err *err)
{
    struct mr_claim *list = calloc(n, sizeof *list);
    size_t *idx = calloc(n, sizeof *idx);
    size_t n_list = 0;
    int rc = 0;

    claims->facts_timeout_ms = FACTS_TIMEOUT_MS;
    if (list == NULL || idx == NULL) {
        rc = mr_err_set(err, MR_NO_MEMORY, "no memory for a claim");
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        if (is_stopping(claims)) {
            rc = mr_err_set(err, MR_AGAIN, "the claims end");
            goto out;
        }
        struct mr_err why = MR_ERR_INIT;
        int fault = item_decide(claims, &items[i], stored, &list[n_list], &why);
        if (fault < 0)
            item_fail(&items[i], fault, &why);
        else
            idx[n_list++] = i;
    }
    if (n_list == 0)
        goto out;
    if (MR_FAULT(CLAIM)) {
        rc = mr_err_set(err, MR_TARGET_AWAY, "injected: claim");
        goto out;
    }
    if (keeps_positions(claims))
        rc = claims->opts.sink->ops->claim(claims->opts.sink, list, n_list, err);
    for (size_t i = 0; rc == 0 && i < n_list; i++) {
        struct mr_claim_item *item = &items[idx[i]];
        if (!keeps_positions(claims)) {
            item->stored = item->offset;
            item->timestamp_ms = -1;
            continue;
        }
        item_settle(item, &list[i], stored_of(stored, item->part));
    }
out:
    free(list);
    free(idx);
    return rc;
}

static void job_run(struct mr_claims *claims, struct mr_claim_item *items, size_t n)
{
    struct mr_sink *sink = claims->opts.sink;
    struct mr_err err = MR_ERR_INIT;
    struct mr_position *stored = NULL;
    size_t n_stored = 0;
    int rc = target_setup(claims, &err);

    if (rc == 0 && keeps_positions(claims))
        rc = sink->ops->positions_read(sink, &stored, &n_stored, &err);
    if (rc == 0)
        rc = claim_all(claims, items, n, &(struct stored){stored, n_stored}, &err);
    if (rc == 0 && keeps_positions(claims))
        rc = poisons_learn(claims, items, n, &err);
    if (rc < 0)
        all_fail(items, n, rc, &err);
    mr_lock_take(&claims->lock);
    claims->target_err = err;
    mr_lock_drop(&claims->lock);
    free(stored);
}

/* While nothing is loaded, nothing else notices that the target is away; /readyz must. A target in
 * this machine's own hands is not probed: it would be written to without end. */
static bool probe_due(const struct mr_claims *claims)
{
    return (claims->opts.sink->ops->caps & MR_SINK_PARALLEL) != 0 &&
           mr_mono_ms(&claims->opts.env) - claims->probed_ms >= PROBE_MS;
}

static void probe_run(struct mr_claims *claims)
{
    struct mr_sink *sink = claims->opts.sink;
    struct mr_err err = MR_ERR_INIT;
    int rc = sink->ops->probe(sink, &err);

    if (rc == -MR_TARGET_POOL_WAIT)
        return; /* writers use all connections: they tell how the target is */
    mr_lock_take(&claims->lock);
    bool changed = (rc < 0) != (claims->target_err.code != MR_OK);
    claims->target_err = err;
    mr_lock_drop(&claims->lock);
    if (changed && rc < 0)
        mr_log(MR_WARN, "target_away", mr_kv_err(&err));
    else if (changed)
        mr_log(MR_INFO, "target_back", mr_kv_str("sink", sink->ops->name));
}

/* The client tells faults, but not that they are over. An answer that was on its way when the next
 * fault came says nothing of that one. */
static void source_ask(struct mr_claims *claims, uint64_t n_asked)
{
    struct mr_source *source = claims->opts.source;

    if (!source->ops->answers(source, ANSWER_MS))
        return;
    mr_lock_take(&claims->lock);
    if (claims->n_asked == n_asked)
        claims->source_state = SOURCE_ANSWERED;
    mr_lock_drop(&claims->lock);
    source->ops->wake_poll(source);
}

/* Between jobs. n_asked: of the question that is open; 0: none. */
static void look_around(struct mr_claims *claims, bool target_known, uint64_t n_asked)
{
    if (n_asked > 0)
        source_ask(claims, n_asked);
    if (!target_known)
        return;
    if (probe_due(claims)) {
        probe_run(claims);
        claims->probed_ms = mr_mono_ms(&claims->opts.env);
    }
    mr_position_watch_run(&claims->watch);
}

static void *claims_main(void *arg)
{
    struct mr_claims *claims = arg;

    claims->probed_ms = mr_mono_ms(&claims->opts.env);
    mr_lock_take(&claims->lock);
    while (!claims->stop) {
        if (claims->state != CLAIMS_RUNNING) {
            mr_cond_wait(&claims->changed, &claims->lock, WAIT_MS);
            if (claims->stop || claims->state == CLAIMS_RUNNING)
                continue;
            bool target_known = *claims->metadata != '\0';
            uint64_t n_asked = claims->source_state == SOURCE_ASKED ? claims->n_asked : 0;
            mr_lock_drop(&claims->lock);
            look_around(claims, target_known, n_asked);
            mr_lock_take(&claims->lock);
            continue;
        }
        struct mr_claim_item *items = claims->items;
        size_t n = claims->n_items;
        mr_lock_drop(&claims->lock);
        job_run(claims, items, n);
        mr_lock_take(&claims->lock);
        claims->state = CLAIMS_DONE;
        mr_lock_drop(&claims->lock);
        claims->opts.source->ops->wake_poll(claims->opts.source);
        mr_lock_take(&claims->lock);
    }
    mr_lock_drop(&claims->lock);
    return NULL;
}

int mr_claims_new(const struct mr_claims_opts *opts, struct mr_claims **out,
                  struct mr_err *err) MR_NO_TSA
{
    struct mr_claims *claims = calloc(1, sizeof *claims);

    if (claims == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for claims");
    claims->opts = *opts;
    claims->watch = (struct mr_position_watch){
        .partitions = opts->partitions, .sink = opts->sink, .env = &claims->opts.env};
    mr_lock_init(&claims->lock, 25);
    mr_cond_init(&claims->changed);
    mr_err_clear(&claims->target_err);
    mr_err_set(&claims->target_err, MR_TARGET_AWAY, "the target was not asked yet");
    if (mr_thread_start(&claims->thread, "claims", claims_main, claims) < 0) {
        free(claims);
        return mr_err_set(err, MR_NO_MEMORY, "cannot start the thread for claims");
    }
    *out = claims;
    return 0;
}

void mr_claims_free(struct mr_claims *claims) MR_NO_TSA
{
    if (claims == NULL)
        return;
    mr_lock_take(&claims->lock);
    claims->stop = true;
    mr_cond_wake_all(&claims->changed);
    mr_lock_drop(&claims->lock);
    pthread_join(claims->thread, NULL);
    free(claims->items);
    mr_cond_release(&claims->changed);
    mr_lock_release(&claims->lock);
    free(claims);
}

bool mr_claims_idle(struct mr_claims *claims)
{
    mr_lock_take(&claims->lock);
    bool idle = claims->state == CLAIMS_IDLE;
    mr_lock_drop(&claims->lock);
    return idle;
}

void mr_claims_start(struct mr_claims *claims, struct mr_claim_item *items, size_t n)
{
    mr_lock_take(&claims->lock);
    claims->items = items;
    claims->n_items = n;
    claims->state = CLAIMS_RUNNING;
    mr_cond_wake_all(&claims->changed);
    mr_lock_drop(&claims->lock);
}

struct mr_claim_item *mr_claims_finished(struct mr_claims *claims, size_t *n)
{
    struct mr_claim_item *items = NULL;

    mr_lock_take(&claims->lock);
    if (claims->state == CLAIMS_DONE) {
        items = claims->items;
        *n = claims->n_items;
        claims->items = NULL;
        claims->state = CLAIMS_IDLE;
    }
    mr_lock_drop(&claims->lock);
    return items;
}

void mr_claims_source_ask(struct mr_claims *claims)
{
    mr_lock_take(&claims->lock);
    claims->source_state = SOURCE_ASKED;
    claims->n_asked++;
    mr_cond_wake_all(&claims->changed);
    mr_lock_drop(&claims->lock);
}

bool mr_claims_source_answered(struct mr_claims *claims)
{
    mr_lock_take(&claims->lock);
    bool answered = claims->source_state == SOURCE_ANSWERED;
    if (answered)
        claims->source_state = SOURCE_KNOWN;
    mr_lock_drop(&claims->lock);
    return answered;
}

void mr_claims_metadata(struct mr_claims *claims, char *out, size_t cap)
{
    mr_lock_take(&claims->lock);
    snprintf(out, cap, "%s", claims->metadata);
    mr_lock_drop(&claims->lock);
}

bool mr_claims_target_ready(struct mr_claims *claims, struct mr_err *why)
{
    mr_lock_take(&claims->lock);
    *why = claims->target_err;
    bool ready = *claims->metadata != '\0' && claims->target_err.code == MR_OK;
    mr_lock_drop(&claims->lock);
    return ready;
}
