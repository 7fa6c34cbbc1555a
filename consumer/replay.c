/* Owns which letters are replayed, page by page, and which are refused. */
#include "consumer/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumer/replay_run.h"

#include "base/ban.h"

enum { RESOLVE_MS = 5000, ARENA_CHUNK = 256 * 1024, NOTES_BYTES = 4 * 1024 * 1024 };

void mr_replay_result_init(struct mr_replay_result *result)
{
    memset(result, 0, sizeof *result);
    mr_err_clear(&result->held);
    mr_arena_init(&result->arena, 0, NOTES_BYTES);
}

void mr_replay_result_release(struct mr_replay_result *result)
{
    mr_arena_release(&result->arena);
}

/* ---- pages ---- */

/* Plays what waits, up to a full batch. 1: there is something to flush, or to wait for. */
static int gather(struct mr_replay *r, struct mr_err *err)
{
    bool waits = false;

    for (size_t i = 0; i < r->n_items; i++) {
        struct mr_replay_item *item = &r->items[i];
        if (item->state != MR_REPLAY_WAITS)
            continue;
        int rc = r->n_taken >= r->most ? -MR_FULL : mr_replay_play(r, item, err);
        if (rc == -MR_FULL && r->n_taken == 0)
            return mr_err_set(err, MR_BUG, "a letter does not fit an empty batch");
        if (rc == -MR_FULL || rc == -MR_AGAIN) {
            waits = true;
            break;
        }
        if (rc < 0)
            return rc;
    }
    return waits || r->n_taken > 0 ? 1 : 0;
}

static int page_run(struct mr_replay *r, struct mr_err *err)
{
    int rc;

    while ((rc = gather(r, err)) == 1) {
        rc = r->n_taken > 0 ? mr_replay_flush(r, err) : 0;
        if (rc < 0)
            return rc;
    }
    return rc;
}

static int page_read(struct mr_replay *r, struct mr_err *err)
{
    struct mr_letters *letters = r->box->letters;
    struct mr_kept_letter kept;
    int rc = 0;

    mr_arena_reset(&r->arena);
    r->n_items = 0;
    r->before_known = false;
    while ((rc = letters->ops->next(letters, &kept, err)) == 1 && r->n_items < MR_REPLAY_PAGE) {
        struct mr_replay_item *item = &r->items[r->n_items];
        *item = (struct mr_replay_item){.state = MR_REPLAY_WAITS};
        rc = mr_replay_record_init(&item->record, &kept, &r->arena, err);
        if (rc == -MR_VALUE_INVALID_JSON) { /* a letter that somebody wrote by hand */
            mr_replay_hold(r, item, err);
            mr_err_clear(err);
        } else if (rc < 0) {
            return rc;
        }
        r->n_items++;
    }
    return rc < 0 ? rc : 0;
}

/* A route's own ways with bad records are those of an instance that reads on: here each letter that
 * fails stays a letter, and waits for no row that is not there. */
static void rules_prepare(struct mr_wiring *wiring)
{
    for (size_t i = 0; i < wiring->n_rules; i++) {
        wiring->rules[i].on_bad = MR_ON_BAD_DEAD_LETTER;
        wiring->rules[i].breaker = NULL;
        wiring->rules[i].fk_wait_ms = 0;
    }
}

static int session_get(struct mr_replay *r, const char *by, struct mr_err *err)
{
    struct mr_sink *sink = r->box->sink;
    struct mr_session *session = NULL;
    int rc = sink->ops->session_open(sink, &session, err);

    if (rc < 0)
        return rc;
    mr_replay_session_lend(&r->session, session, r->box->letters, by);
    r->session.records = r->records;
    r->session.marks = r->marks;
    r->session.check = mr_replay_before_check;
    r->session.check_arg = r;
    mr_lock_take(&r->lane.lock);
    r->lane.session = session; /* closed with the lane */
    mr_lock_drop(&r->lane.lock);
    return 0;
}

static int replay_open(struct mr_replay *r, const char *by, struct mr_err *err)
{
    struct mr_letter_box *box = r->box;
    const struct mr_config *config = box->wiring.config;

    rules_prepare(&box->wiring);
    r->source.ops = &mr_source_replay;
    r->most = MR_REPLAY_PAGE;
    mr_arena_init(&r->arena, ARENA_CHUNK, SIZE_MAX);
    mr_partitions_init(&r->partitions, mr_rng_u64(&box->env.rng));
    r->metrics = mr_metrics_new(mr_meters, MR_N_METERS);
    if (r->metrics == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a replay");
    r->shared = (struct mr_lane_shared){
        .source = &r->source,
        .sink = box->sink,
        .partitions = &r->partitions,
        .targets = &box->targets,
        .after_letter = mr_replay_before,
        .after_letter_arg = r,
        .metrics = r->metrics,
        .batch = {.max_rows = config->batch.max_rows,
                  .max_bytes = (size_t)config->batch.max_bytes,
                  .max_record_bytes = (size_t)config->record_max_bytes},
        .resolve_deadline_ms = RESOLVE_MS,
    };
    int rc = mr_lane_init(&r->lane, 0, &r->shared, box->env, err);
    r->lane_made = true;
    if (rc == 0)
        rc = box->sink->ops->positions_read(box->sink, &r->stored, &r->n_stored, err);
    return rc < 0 ? rc : session_get(r, by, err);
}

static void replay_close(struct mr_replay *r)
{
    if (r->lane_made)
        mr_lane_release(&r->lane);
    mr_partitions_release(&r->partitions);
    mr_metrics_free(r->metrics);
    mr_arena_release(&r->arena);
    free(r->stored);
    free(r);
}

/* NOLINTNEXTLINE(readability-function-size): five parameters, the interface of replay.h */
int mr_replay_run(struct mr_letter_box *box, const struct mr_letter_filter *wanted, const char *by,
                  struct mr_replay_result *result, struct mr_err *err)
{
    struct mr_letter_filter filter = *wanted;
    struct mr_letter_pages pages = {.n_ids = 0};
    struct mr_replay *r = calloc(1, sizeof *r);

    if (r == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "a replay");
    r->box = box;
    r->result = result;
    filter.states = 1u << MR_LETTER_NEW;
    filter.in_log_order = true;
    int rc = replay_open(r, by, err);
    if (rc == 0)
        rc = mr_letter_pages_init(&pages, box->letters, &filter, err);
    result->n_found = pages.n_ids;
    while (rc == 0 && (rc = mr_letter_pages_next(&pages, box->letters, MR_REPLAY_PAGE, err)) == 1) {
        rc = page_read(r, err);
        if (rc == 0)
            rc = page_run(r, err);
    }
    mr_letter_pages_release(&pages);
    replay_close(r);
    return rc;
}

/* ---- what is refused ---- */

bool mr_replay_is_blind(const struct mr_route_rule *rule)
{
    return rule->route.strategy == MR_STRATEGY_UPSERT && rule->route.guard == MR_GUARD_NONE;
}

int mr_replay_blind_topic(struct mr_letter_box *box, const struct mr_letter_filter *wanted,
                          char topic[MR_STREAM_NAME_BYTES], struct mr_err *err)
{
    struct mr_letter_filter filter = *wanted;
    struct mr_kept_letter kept;

    *topic = '\0';
    filter.states = 1u << MR_LETTER_NEW;
    filter.in_log_order = true;
    filter.with_bytes = false;
    filter.brief = true;
    int rc = box->letters->ops->find(box->letters, &filter, err);
    while (rc == 0 && (rc = box->letters->ops->next(box->letters, &kept, err)) == 1) {
        struct mr_target *target = NULL;
        struct mr_err ignored = MR_ERR_INIT;
        rc = 0;
        if (mr_targets_for(&box->targets, kept.letter.stream, &target, &ignored) < 0 ||
            target == NULL || !mr_replay_is_blind(target->rule))
            continue;
        (void)snprintf(topic, MR_STREAM_NAME_BYTES, "%s", kept.letter.stream);
        break;
    }
    return rc < 0 ? rc : 0;
}
