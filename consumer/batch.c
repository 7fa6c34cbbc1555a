/* Owns the memory of a batch and its bounds. It decodes nothing and writes nothing. */
#include "consumer/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/memory.h"
#include "consumer/dlq.h"
#include "consumer/source.h"
#include "schemas/rows_loose.h"

#include "base/ban.h"

enum {
    ARENA_CHUNK = 512 * 1024,
    ARENA_SLACK = 1024 * 1024,
    MAX_TABLES_KEPT = 64,
    MAX_MOVED = 64,
    ROWS_KEPT = 256
};

int mr_batch_init(struct mr_batch *batch, const struct mr_batch_opts *opts)
{
    memset(batch, 0, sizeof *batch);
    batch->opts = *opts;
    mr_arena_init(&batch->arena, ARENA_CHUNK, opts->max_bytes + ARENA_SLACK);
    return 0;
}

static void table_free(struct mr_batch_table *table)
{
    mr_rows_release(&table->rows);
    free(table);
}

void mr_batch_release(struct mr_batch *batch)
{
    for (size_t i = 0; i < batch->cap_tables; i++)
        if (batch->tables[i] != NULL)
            table_free(batch->tables[i]);
    free(batch->tables);
    free(batch->spans);
    free(batch->held);
    free(batch->letters);
    free(batch->overtaken);
    for (size_t i = 0; i < batch->n_plans; i++)
        mr_plan_unref(batch->plans[i]);
    free(batch->plans);
    mr_arena_release(&batch->arena);
    memset(batch, 0, sizeof *batch);
}

/* Room that the batch hardly used is given back: the arena does not count it, and each of the
 * tables kept could hold on to a whole batch's. */
static void rows_empty(struct mr_rows *rows)
{
    if (rows->cap_rows > ROWS_KEPT && rows->n_rows < rows->cap_rows / 8)
        mr_rows_release(rows); /* table_for makes them anew */
    else
        mr_rows_reset(rows);
}

/* Tables are kept with their capacity for the next batch; past a bound the surplus is freed. */
static void tables_reset(struct mr_batch *batch)
{
    for (size_t i = 0; i < batch->cap_tables; i++) {
        struct mr_batch_table *table = batch->tables[i];
        if (table == NULL)
            continue;
        if (i >= MAX_TABLES_KEPT || i >= batch->n_tables) {
            table_free(table);
            batch->tables[i] = NULL;
            continue;
        }
        rows_empty(&table->rows);
        table->n_upserts = 0;
        table->n_deletes = 0;
        table->n_left_out = 0;
        table->split = false;
        table->constraints_now = false;
        table->internal_too = false;
        table->refused.known = false;
    }
    /* what stayed is packed at the front and still bound to its target: mr_batch looks them up */
    batch->n_tables = batch->n_tables < MAX_TABLES_KEPT ? batch->n_tables : MAX_TABLES_KEPT;
}

void mr_batch_reset(struct mr_batch *batch, struct mr_source *source)
{
    for (size_t i = 0; i < batch->n_held; i++)
        source->ops->release_record(source, &batch->held[i]);
    batch->n_held = 0;
    batch->n_spans = 0;
    batch->n_letters = 0;
    batch->n_overtaken = 0;
    batch->held_bytes = 0;
    batch->bytes_consumed = 0;
    batch->n_moved = 0;
    batch->first_us = 0;
    batch->last_table = NULL;
    batch->last_span = NULL;
    tables_reset(batch);
    for (size_t i = 0; i < batch->n_plans; i++)
        mr_plan_unref(batch->plans[i]);
    batch->n_plans = 0;
    mr_arena_reset(&batch->arena);
    batch->arena.limit_bytes = batch->opts.max_bytes + ARENA_SLACK;
}

void mr_batch_limit(struct mr_batch *batch, size_t max_bytes, uint32_t max_rows)
{
    size_t limit = max_bytes + ARENA_SLACK;

    batch->opts.max_rows = max_rows;
    batch->opts.max_bytes = max_bytes;
    batch->arena.limit_bytes = limit;
    if (batch->arena.held_bytes <= limit)
        return;
    mr_arena_release(&batch->arena);
    mr_arena_init(&batch->arena, ARENA_CHUNK, limit);
}

bool mr_batch_is_full(const struct mr_batch *batch)
{
    return batch->n_held >= batch->opts.max_rows || batch->n_moved >= MAX_MOVED ||
           batch->held_bytes + batch->arena.used_bytes >= batch->opts.max_bytes;
}

/* Doubles an array of `size`-byte items; NULL when memory is out (the old one stays valid). */
static void *grown(void *items, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return items;
    size_t want = *cap == 0 ? 16 : *cap * 2;
    void *more = realloc(items, want * size);
    if (more != NULL)
        *cap = want;
    return more;
}

static struct mr_batch_table *table_new(struct mr_batch *batch, struct mr_target *target,
                                        const struct mr_plan *plan)
{
    size_t old_cap = batch->cap_tables;
    void *more = grown(batch->tables, &batch->cap_tables, batch->n_tables, sizeof *batch->tables);

    if (more == NULL)
        return NULL;
    batch->tables = more;
    for (size_t i = old_cap; i < batch->cap_tables; i++)
        batch->tables[i] = NULL;
    struct mr_batch_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    table->target = target;
    mr_rows_init(&table->rows, mr_plan_table(plan), mr_plan_key(plan), target->load->reduce,
                 &batch->arena, batch->opts.seed);
    if (batch->tables[batch->n_tables] != NULL)
        table_free(batch->tables[batch->n_tables]);
    batch->tables[batch->n_tables++] = table;
    return table;
}

/* The table's rows in this batch. A plan for a newer catalogue entry of the same table gets rows of
 * its own once the old ones are empty; until then the batch must be handed over first. */
static struct mr_batch_table *table_for(struct mr_batch *batch, struct mr_target *target,
                                        const struct mr_plan *plan, int *rc)
{
    struct mr_batch_table *table = batch->last_table;

    *rc = 0;
    if (table == NULL || table->target != target) {
        table = NULL;
        for (size_t i = 0; i < batch->n_tables && table == NULL; i++)
            if (batch->tables[i]->target == target)
                table = batch->tables[i];
    }
    if (table == NULL)
        table = table_new(batch, target, plan);
    if (table == NULL) {
        *rc = -MR_NO_MEMORY;
        return NULL;
    }
    bool in_use = mr_rows_have_work(&table->rows);
    if (in_use && !mr_table_same(table->rows.table, mr_plan_table(plan))) {
        *rc = -MR_FULL;
        return NULL;
    }
    if (!in_use && table->rows.table != mr_plan_table(plan)) {
        mr_rows_release(&table->rows);
        mr_rows_init(&table->rows, mr_plan_table(plan), mr_plan_key(plan), target->load->reduce,
                     &batch->arena, batch->opts.seed);
    }
    /* kept from an earlier batch: the plan that lent the key's columns may be gone, this one is
     * kept */
    if (table->rows.n_rows == 0) {
        mr_rows_key(&table->rows, mr_plan_key(plan));
        table->rows.guard = *mr_plan_guard(plan);
    }
    batch->last_table = table;
    return table;
}

static struct mr_batch_span *span_for(struct mr_batch *batch, struct mr_partition *part,
                                      int64_t expected)
{
    if (batch->last_span != NULL && batch->last_span->part == part)
        return batch->last_span;
    for (size_t i = 0; i < batch->n_spans; i++)
        if (batch->spans[i].part == part)
            return batch->last_span = &batch->spans[i];
    void *more = grown(batch->spans, &batch->cap_spans, batch->n_spans, sizeof *batch->spans);
    if (more == NULL)
        return NULL;
    batch->spans = more;
    struct mr_batch_span *span = &batch->spans[batch->n_spans++];
    *span = (struct mr_batch_span){
        .part = part,
        .span = {.stream = part->stream,
                 .partition = part->partition,
                 .slot = 0,
                 .slots = 1,
                 .epoch = atomic_load(&part->epoch),
                 .expected = expected,
                 .next = expected,
                 .leader_epoch = part->fill_leader_epoch,
                 .timestamp_ms = -1,
                 .envelope = part->envelope_topic},
    };
    return batch->last_span = span;
}

static uint32_t span_idx_of(const struct mr_batch *batch, const struct mr_partition *part)
{
    if (batch->last_span != NULL && batch->last_span->part == part)
        return (uint32_t)(batch->last_span - batch->spans);
    for (size_t i = 0; i < batch->n_spans; i++)
        if (batch->spans[i].part == part)
            return (uint32_t)i;
    return (uint32_t)batch->n_spans; /* the one that mr_batch_take will make */
}

/* Room for one record more, so that taking it cannot fail once its row or letter is in. */
static bool room_make(struct mr_batch *batch)
{
    void *held = grown(batch->held, &batch->cap_held, batch->n_held, sizeof *batch->held);

    if (held == NULL)
        return false;
    batch->held = held;
    ptrdiff_t last = batch->last_span != NULL ? batch->last_span - batch->spans : -1;
    void *spans = grown(batch->spans, &batch->cap_spans, batch->n_spans, sizeof *batch->spans);
    if (spans == NULL)
        return false;
    batch->spans = spans;
    batch->last_span = last >= 0 ? &batch->spans[last] : NULL;
    return true;
}

/* Keeps the plan until the batch is reset: the lane's cache may drop it before. */
static bool plan_keep(struct mr_batch *batch, struct mr_plan *plan)
{
    for (size_t i = batch->n_plans; i > 0; i--)
        if (batch->plans[i - 1] == plan)
            return true;
    void *more = grown(batch->plans, &batch->cap_plans, batch->n_plans, sizeof *batch->plans);
    if (more == NULL)
        return false;
    batch->plans = more;
    batch->plans[batch->n_plans++] = mr_plan_ref(plan);
    return true;
}

/* Makes room for a record that is alone and larger than a normal batch: G-06 is its limit. False
 * where it is not alone or the room was made before. */
static bool lone_room_make(struct mr_batch *batch)
{
    size_t limit = 64 * batch->opts.max_record_bytes + ARENA_SLACK;

    if (batch->n_held > 0 || batch->arena.limit_bytes >= limit)
        return false;
    batch->arena.limit_bytes = limit;
    return true;
}

/* A record that names another row than its own: the row under the old key, or one that equals
 * `before`. */
static int change_add(struct mr_batch_table *table, const struct mr_decoded *decoded,
                      struct mr_row *row, struct mr_err *err)
{
    struct mr_row gone = {.op = MR_ROW_DELETE, .span_idx = row->span_idx, .offset = row->offset};
    uint8_t guard[MR_ROW_GUARD_BYTES];
    struct mr_row_past past = {.old_key = decoded->old_key,
                               .old_key_tuple = decoded->old_key_tuple};

    if (decoded->match.data != NULL) {
        gone.cols = decoded->cols;
        gone.tuple = decoded->match;
        gone.mask = decoded->match_mask;
        if (row->op == MR_ROW_DELETE)
            return mr_rows_add(&table->rows, &gone, err);
    } else {
        row->past = &past;
        if (!decoded->key_changed) {
            int rc = mr_rows_add(&table->rows, row, err);
            row->past = NULL;
            return rc;
        }
        gone.key = decoded->old_key;
        gone.key_tuple = decoded->old_key_tuple;
        if (mr_row_guard_tuple(&table->rows, row, guard)) /* it is as old as the change */
            gone.tuple = (struct mr_slice){guard, sizeof guard};
    }
    int rc = mr_rows_add_change(&table->rows, &gone, row, err);
    row->past = NULL;
    if (rc == 0)
        table->n_deletes++;
    return rc;
}

static int rows_add(struct mr_batch_table *table, const struct mr_decoded *decoded,
                    struct mr_row *row, struct mr_err *err)
{
    struct mr_row_past leaving = {.new_key_tuple = decoded->new_key_tuple};
    int rc;

    if (MR_MUTATION(FOLD_REVERSED) && table->rows.reduce && row->key.data != NULL &&
        mr_map_find(&table->rows.by_key, row->key.data, row->key.len) != NULL)
        return 0;
    if (decoded->old_key.data != NULL || decoded->match.data != NULL)
        return change_add(table, decoded, row, err);
    if (decoded->new_key_tuple.data != NULL)
        row->past = &leaving;
    rc = mr_rows_add(&table->rows, row, err);
    row->past = NULL;
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of batch.h */
int mr_batch_add(struct mr_batch *batch, struct mr_target *target, struct mr_plan *plan,
                 const struct mr_decoded *decoded, const struct mr_record *record,
                 struct mr_err *err)
{
    int rc;
    struct mr_batch_table *table = table_for(batch, target, plan, &rc);

    if (table != NULL && (!room_make(batch) || !plan_keep(batch, plan)))
        rc = -MR_NO_MEMORY;
    if (table == NULL || rc < 0)
        return rc == -MR_FULL ? rc : mr_err_set(err, MR_NO_MEMORY, "no memory for a batch");
    struct mr_row row = {
        .op = decoded->op == MR_REC_DELETE ? MR_ROW_DELETE : MR_ROW_UPSERT,
        .flags = (decoded->insert ? MR_ROW_INSERT : 0) |
                 (decoded->op_letter == 'r' ? MR_ROW_READ : 0) |
                 (record->behind ? MR_ROW_BEHIND : 0),
        .cols = decoded->cols,
        .tuple = decoded->tuple,
        .key = decoded->key,
        .key_tuple = decoded->key_tuple,
        .mask = decoded->mask,
        .span_idx = span_idx_of(batch, record->part),
        .offset = record->offset,
    };
    rc = rows_add(table, decoded, &row, err);
    if (rc == -MR_FULL && lone_room_make(batch)) {
        rc = rows_add(table, decoded, &row, err);
        if (rc == -MR_FULL)
            return mr_err_set(err, MR_NO_MEMORY, "no memory for one record");
    }
    if (rc == 0 && decoded->old_key.data != NULL && decoded->mask != NULL)
        batch->n_moved++;
    if (rc == 0 && row.op == MR_ROW_DELETE)
        table->n_deletes++;
    else if (rc == 0)
        table->n_upserts++;
    return rc;
}

int mr_batch_truncate(struct mr_batch *batch, struct mr_target *target, struct mr_plan *plan,
                      const struct mr_slice *below, struct mr_err *err)
{
    int rc;
    struct mr_batch_table *table = table_for(batch, target, plan, &rc);

    if (table != NULL && (!room_make(batch) || !plan_keep(batch, plan)))
        rc = -MR_NO_MEMORY;
    if (table == NULL || rc < 0)
        return rc == -MR_FULL ? rc : mr_err_set(err, MR_NO_MEMORY, "no memory for a batch");
    if (below != NULL)
        return mr_rows_truncate_below(&table->rows, *below, err);
    mr_rows_truncate(&table->rows);
    return 0;
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, the interface of batch.h */
int mr_batch_add_letter(struct mr_batch *batch, struct mr_source *source,
                        const struct mr_target *target, const struct mr_record *record,
                        const struct mr_err *why, struct mr_err *err)
{
    void *more =
        grown(batch->letters, &batch->cap_letters, batch->n_letters, sizeof *batch->letters);

    if (more != NULL)
        batch->letters = more;
    if (more == NULL || !room_make(batch))
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a dead letter");
    struct mr_letter *letter = &batch->letters[batch->n_letters];
    const char *table = target != NULL ? target->label : "";
    uint32_t mark = mr_memory_mark();
    int rc = mr_letter_make(letter, &batch->arena, source, record, table, why);
    if (rc == -MR_FULL && lone_room_make(batch))
        rc = mr_letter_make(letter, &batch->arena, source, record, table, why);
    if (rc == -MR_FULL && batch->n_held == 0)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a dead letter");
    if (rc == 0) /* never without its headers */
        rc = mr_memory_judge(mark, rc, err, "making a dead letter");
    if (rc == 0)
        batch->n_letters++;
    return rc;
}

void mr_batch_add_overtaken(struct mr_batch *batch, const struct mr_overtaken *overtaken)
{
    void *more = grown(batch->overtaken, &batch->cap_overtaken, batch->n_overtaken,
                       sizeof *batch->overtaken);

    if (more == NULL)
        return;
    batch->overtaken = more;
    batch->overtaken[batch->n_overtaken++] = *overtaken;
}

int mr_batch_take(struct mr_batch *batch, struct mr_record *record, enum mr_batch_count count,
                  uint64_t now_us, struct mr_err *err)
{
    struct mr_partition *part = record->part;
    void *more = grown(batch->held, &batch->cap_held, batch->n_held, sizeof *batch->held);

    if (more != NULL)
        batch->held = more;
    struct mr_batch_span *span = more != NULL ? span_for(batch, part, part->fill_from) : NULL;
    if (span == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a batch");
    if (batch->n_held == 0 && batch->first_us == 0)
        batch->first_us = now_us;
    batch->held[batch->n_held] = *record;
    batch->held[batch->n_held++].bad = count == MR_COUNT_BAD;
    batch->held_bytes += record->n_bytes;
    batch->bytes_consumed += record->key.len + record->value.len;
    span->counts[count]++;
    span->span.next = record->offset + 1;
    if (record->leader_epoch >= 0)
        span->span.leader_epoch = record->leader_epoch;
    if (record->timestamp_ms >= 0)
        span->span.timestamp_ms = record->timestamp_ms;
    span->span.envelope = part->envelope_topic;
    part->fill_next = record->offset + 1;
    part->fill_from = part->fill_next;
    part->fill_leader_epoch = span->span.leader_epoch;
    return 0;
}

int mr_batch_pass(struct mr_batch *batch, struct mr_partition *part, int64_t next, uint64_t now_us,
                  struct mr_err *err)
{
    struct mr_batch_span *span = span_for(batch, part, part->fill_from);

    if (span == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a batch");
    if (batch->first_us == 0)
        batch->first_us = now_us;
    span->span.next = next;
    part->fill_next = next;
    part->fill_from = next;
    return 0;
}

struct mr_tally mr_batch_tally(const struct mr_batch *batch, const struct mr_route_rule *rule)
{
    struct mr_tally tally = {0, 0};

    for (size_t i = 0; i < batch->n_held; i++) {
        const struct mr_record *record = &batch->held[i];
        bool own = record->target != NULL && record->target->rule == rule;
        tally.n_records += own ? 1 : 0;
        tally.n_bad += own && record->bad ? 1 : 0;
    }
    return tally;
}

bool mr_batch_has(const struct mr_batch *batch, const struct mr_partition *part)
{
    for (size_t i = 0; i < batch->n_spans; i++)
        if (batch->spans[i].part == part)
            return true;
    return false;
}
