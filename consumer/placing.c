/* Owns the way from words to positions that are put by hand. Where one may be put is decided in
 * protocol/position.c. */
#include "consumer/placing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/units.h"

#include "base/ban.h"

enum { FACTS_TIMEOUT_MS = 10000, APPLY_TRIES = 5, MAX_PLACEMENTS = 100000 };

/* ---- words ---- */

int mr_pick_parse(const char *word, struct mr_pick *out, struct mr_err *err)
{
    const char *slash = strchr(word, '/'); /* no topic's name has one */
    size_t len = slash != NULL ? (size_t)(slash - word) : strlen(word);
    int64_t partition = -1;

    if (len == 0 || len >= sizeof out->stream)
        return mr_err_set(err, MR_CONFIG_USAGE, "%.300s: no topic's name", word);
    if (slash != NULL &&
        (mr_units_read_i64(slash + 1, &partition) < 0 || partition < 0 || partition > INT32_MAX))
        return mr_err_set(err, MR_CONFIG_USAGE, "%.300s: write TOPIC or TOPIC/PARTITION", word);
    memcpy(out->stream, word, len);
    out->stream[len] = '\0';
    out->partition = (int32_t)partition;
    return 0;
}

bool mr_pick_meets(const struct mr_pick *picks, size_t n, const struct mr_position *position)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(picks[i].stream, position->stream) == 0 &&
            (picks[i].partition < 0 || picks[i].partition == position->partition))
            return true;
    return n == 0;
}

int mr_place_rule_parse(const char *word, struct mr_place_rule *out, struct mr_err *err)
{
    out->value = -1;
    if (strcmp(word, "earliest") == 0)
        out->to = MR_PLACE_EARLIEST;
    else if (strcmp(word, "latest") == 0)
        out->to = MR_PLACE_LATEST;
    else if (mr_units_read_i64(word, &out->value) == 0 && out->value >= 0)
        out->to = MR_PLACE_OFFSET;
    else if (mr_units_read_timestamp(word, &out->value) == 0)
        out->to = MR_PLACE_TIMESTAMP;
    else
        return mr_err_set(err, MR_CONFIG_USAGE,
                          "%.100s: write earliest, latest, an offset, or a time as "
                          "2026-01-31T12:00:00Z",
                          word);
    return 0;
}

/* ---- planning ---- */

/* What planning works with. */
struct plan {
    struct mr_ends *ends;
    const struct mr_place_rule *rule;
    const struct mr_position *stored;
    size_t n_stored;
    struct mr_placing *out;
};

void mr_placing_release(struct mr_placing *placing)
{
    free(placing->items);
    *placing = (struct mr_placing){NULL, 0, 0};
}

static bool has(const struct mr_placing *placing, const struct mr_position *position)
{
    for (size_t i = 0; i < placing->n; i++) {
        const struct mr_position *have = &placing->items[i].to;
        if (have->partition == position->partition && have->slot == position->slot &&
            strcmp(have->stream, position->stream) == 0)
            return true;
    }
    return false;
}

static struct mr_placement *item_add(struct mr_placing *placing, struct mr_err *err)
{
    if (placing->n == MAX_PLACEMENTS) {
        mr_err_set(err, MR_CONFIG_USAGE, "more than %d positions at once", (int)MAX_PLACEMENTS);
        return NULL;
    }
    if (placing->n == placing->cap) {
        size_t cap = placing->cap == 0 ? 16 : placing->cap * 2;
        struct mr_placement *more = realloc(placing->items, cap * sizeof *more);
        if (more == NULL) {
            mr_err_set(err, MR_NO_MEMORY, "no memory for the positions");
            return NULL;
        }
        placing->items = more;
        placing->cap = cap;
    }
    return &placing->items[placing->n++];
}

/* One position; `at` names it, and is what is stored where `found`. */
static int position_plan(struct plan *plan, const struct mr_position *at, bool found,
                         const struct mr_log_facts *log, struct mr_err *err)
{
    if (has(plan->out, at))
        return 0;
    struct mr_placement *item = item_add(plan->out, err);
    if (item == NULL)
        return -(int)err->code;
    *item = (struct mr_placement){
        .found = found, .from = *at, .to = *at, .low = log->low, .high = log->high};
    int rc = mr_position_place(plan->rule, found ? at : NULL, log, &item->to, err);
    return rc < 0 ? mr_err_at(err, at->stream, at->partition, -1) : 0;
}

/* All slots of a partition, or a new position where there is none. */
static int partition_plan(struct plan *plan, const struct mr_pick *pick, struct mr_err *err)
{
    struct mr_source *source = plan->ends->source;
    bool by_time = plan->rule->to == MR_PLACE_TIMESTAMP;
    struct mr_log_facts log;
    bool found = false;
    int rc = source->ops->facts(source, pick->stream, pick->partition,
                                by_time ? MR_START_TIMESTAMP : MR_START_EARLIEST,
                                by_time ? plan->rule->value : 0, "", FACTS_TIMEOUT_MS, &log, err);
    if (rc < 0)
        return mr_err_at(err, pick->stream, pick->partition, -1);
    for (size_t i = 0; rc == 0 && i < plan->n_stored; i++) {
        const struct mr_position *at = &plan->stored[i];
        if (at->partition != pick->partition || strcmp(at->stream, pick->stream) != 0)
            continue;
        found = true;
        rc = position_plan(plan, at, true, &log, err);
    }
    if (rc < 0 || found)
        return rc;
    struct mr_position fresh = {.partition = pick->partition,
                                .slots = 1,
                                .next_offset = -1,
                                .leader_epoch = -1,
                                .timestamp_ms = -1};
    memcpy(fresh.stream, pick->stream, sizeof fresh.stream);
    return position_plan(plan, &fresh, false, &log, err);
}

static int pick_plan(struct plan *plan, const struct mr_pick *pick, struct mr_err *err)
{
    struct mr_source *source = plan->ends->source;
    struct mr_pick one = *pick;
    int32_t n = 0;

    if (pick->partition >= 0)
        return partition_plan(plan, pick, err);
    int rc = source->ops->n_partitions(source, pick->stream, FACTS_TIMEOUT_MS, &n, err);
    if (rc < 0)
        return mr_err_at(err, pick->stream, -1, -1);
    for (one.partition = 0; rc == 0 && one.partition < n; one.partition++)
        rc = partition_plan(plan, &one, err);
    return rc;
}

static int stored_plan(struct plan *plan, struct mr_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < plan->n_stored; i++) {
        struct mr_pick pick = {.partition = plan->stored[i].partition};
        memcpy(pick.stream, plan->stored[i].stream, sizeof pick.stream);
        if (!has(plan->out, &plan->stored[i]))
            rc = partition_plan(plan, &pick, err);
    }
    return rc;
}

int mr_placing_plan(struct mr_ends *ends, const struct mr_place_wish *wish, struct mr_placing *out,
                    struct mr_err *err)
{
    struct mr_position *stored = NULL;
    struct plan plan = {.ends = ends, .rule = &wish->rule, .out = out};
    int rc = ends->sink->ops->positions_read(ends->sink, &stored, &plan.n_stored, err);

    plan.stored = stored;
    if (rc == 0 && wish->n_picks == 0)
        rc = stored_plan(&plan, err);
    for (size_t i = 0; rc == 0 && i < wish->n_picks; i++)
        rc = pick_plan(&plan, &wish->picks[i], err);
    free(stored);
    return rc;
}

/* ---- putting ---- */

static int put_once(struct mr_sink *sink, const struct mr_placing *placing, struct mr_claim *claims,
                    struct mr_position *positions, struct mr_err *err)
{
    for (size_t i = 0; i < placing->n; i++) {
        claims[i] = (struct mr_claim){.position = placing->items[i].to,
                                      .start_offset = placing->items[i].to.next_offset,
                                      .start_leader_epoch = -1};
        positions[i] = placing->items[i].to;
    }
    int rc = sink->ops->claim(sink, claims, placing->n, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < placing->n; i++)
        positions[i].epoch = claims[i].position.epoch;
    return sink->ops->place(sink, positions, placing->n, err);
}

int mr_placing_apply(struct mr_ends *ends, const struct mr_placing *placing, struct mr_err *err)
{
    struct mr_claim *claims = calloc(placing->n + 1, sizeof *claims);
    struct mr_position *positions = calloc(placing->n + 1, sizeof *positions);
    int rc = 0;

    if (claims == NULL || positions == NULL)
        rc = mr_err_set(err, MR_NO_MEMORY, "no memory for the positions");
    for (int i = 0; rc == 0 && placing->n > 0 && i < APPLY_TRIES; i++) {
        mr_err_clear(err);
        rc = put_once(ends->sink, placing, claims, positions, err);
        if (rc != -MR_FENCED)
            break;
        rc = i + 1 < APPLY_TRIES ? 0 : rc; /* an instance claimed in between */
    }
    free(claims);
    free(positions);
    return rc;
}
