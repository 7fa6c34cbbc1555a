/* Owns the order of statements in a flush's transaction. It speaks to the sink's ops only. */
#include "consumer/flush.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "consumer/flush_order.h"
#include "sinks/load_split.h"

#include "base/ban.h"

void mr_load_memories_release(struct mr_load_memories *memories)
{
    free(memories->items);
    memset(memories, 0, sizeof *memories);
}

struct mr_load_memory *mr_load_memory_of(struct mr_load_memories *memories, uint32_t idx)
{
    if (idx >= memories->n_items) {
        size_t n = (size_t)idx + 16;
        struct mr_load_memory *items = realloc(memories->items, n * sizeof *items);
        if (items == NULL)
            return NULL;
        memset(items + memories->n_items, 0, (n - memories->n_items) * sizeof *items);
        memories->items = items;
        memories->n_items = n;
    }
    return &memories->items[idx];
}

/* By name: every flush takes its table locks in the same order (contract.md P-22). */
static int by_name(const void *a, const void *b)
{
    const struct mr_batch_table *x = *(struct mr_batch_table *const *)a;
    const struct mr_batch_table *y = *(struct mr_batch_table *const *)b;
    int order = strcmp(x->rows.table->schema, y->rows.table->schema);

    return order != 0 ? order : strcmp(x->rows.table->name, y->rows.table->name);
}

struct flush_lists {
    struct mr_batch_table **work; /* tables with rows, sorted */
    struct mr_table **tables;
    struct mr_flush_place *places; /* the order of loading; NULL: that of `work` */
    struct mr_span *spans;         /* sorted */
    struct mr_span *by_idx;        /* as the batch counts them */
    uint32_t *rank; /* of the batch's spans: partitions apply in their order */
    size_t n_work;
    size_t n_spans;
};

static void lists_release(struct flush_lists *lists)
{
    free(lists->work);
    free(lists->tables);
    free(lists->spans);
    free(lists->rank);
    free(lists->by_idx);
    free(lists->places);
}

struct place {
    struct mr_span span;
    uint32_t idx;
};

static int by_span(const void *a, const void *b)
{
    return mr_span_compare(&((const struct place *)a)->span, &((const struct place *)b)->span);
}

/* needed where keys have states in several partitions, or may turn out to have. */
static int rank_make(const struct mr_batch *batch, struct flush_lists *lists, struct mr_err *err)
{
    bool needed = false;
    for (size_t i = 0; i < batch->n_tables; i++)
        needed = needed || batch->tables[i]->rows.n_cross > 0 || batch->tables[i]->rows.loose;
    if (!needed)
        return 0;
    struct place *places = calloc(batch->n_spans + 1, sizeof *places);
    lists->rank = calloc(batch->n_spans + 1, sizeof *lists->rank);
    int rc = places != NULL && lists->rank != NULL ? 0 : mr_err_set(err, MR_NO_MEMORY, "a flush");
    for (size_t i = 0; rc == 0 && i < batch->n_spans; i++)
        places[i] = (struct place){batch->spans[i].span, (uint32_t)i};
    if (rc == 0)
        qsort(places, batch->n_spans, sizeof *places, by_span);
    for (size_t i = 0; rc == 0 && i < batch->n_spans; i++)
        lists->rank[places[i].idx] = (uint32_t)i;
    free(places);
    return rc;
}

static int partitions_settle(struct mr_batch *batch, struct flush_lists *lists, struct mr_err *err)
{
    int rc = rank_make(batch, lists, err);
    for (size_t i = 0; rc == 0 && lists->rank != NULL && i < batch->n_tables; i++)
        rc = mr_rows_settle(&batch->tables[i]->rows, lists->rank, err);
    return rc;
}

static int lists_make(const struct mr_batch *batch, struct flush_lists *lists, struct mr_err *err)
{
    lists->work = calloc(batch->n_tables + 1, sizeof *lists->work);
    lists->tables = calloc(batch->n_tables + 1, sizeof(struct mr_table *));
    lists->spans = calloc(batch->n_spans + 1, sizeof *lists->spans);
    lists->by_idx = calloc(batch->n_spans + 1, sizeof *lists->by_idx);
    if (lists->work == NULL || lists->tables == NULL || lists->spans == NULL ||
        lists->by_idx == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a flush");
    for (size_t i = 0; i < batch->n_tables; i++)
        if (mr_rows_have_work(&batch->tables[i]->rows))
            lists->work[lists->n_work++] = batch->tables[i];
    qsort(lists->work, lists->n_work, sizeof(struct mr_batch_table *), by_name);
    for (size_t i = 0; i < lists->n_work; i++)
        lists->tables[i] = lists->work[i]->rows.table;
    for (size_t i = 0; i < batch->n_spans; i++)
        lists->spans[lists->n_spans++] = lists->by_idx[i] = batch->spans[i].span;
    qsort(lists->spans, lists->n_spans, sizeof *lists->spans, mr_span_compare);
    return mr_flush_order_make(lists->tables, lists->n_work, &lists->places, err);
}

/* Is it `schema.name`? Either may have dots of its own. */
static bool is_named(const struct mr_table *table, const char *text)
{
    size_t len = strlen(table->schema);

    return strncmp(text, table->schema, len) == 0 && text[len] == '.' &&
           strcmp(text + len + 1, table->name) == 0;
}

/* The target that a sink's error names, in full or by the table's name alone. */
static struct mr_target *target_named(const struct flush_lists *lists, const struct mr_err *err)
{
    for (size_t i = 0; i < lists->n_work; i++)
        if (is_named(lists->tables[i], err->table))
            return lists->work[i]->target;
    for (size_t i = 0; i < lists->n_work; i++)
        if (strcmp(err->table, lists->tables[i]->name) == 0)
            return lists->work[i]->target;
    return lists->n_work == 1 ? lists->work[0]->target : NULL;
}

void mr_flush_result_init(struct mr_flush_result *result)
{
    memset(result, 0, sizeof *result);
    mr_flush_faults_init(&result->faults);
}

void mr_flush_result_release(struct mr_flush_result *result)
{
    mr_flush_faults_release(&result->faults);
}

static void result_reset(struct mr_flush_result *result)
{
    mr_flush_faults_reset(&result->faults);
    memset(&result->stats, 0, sizeof result->stats);
    result->failed = NULL;
    result->stopped = false;
    result->at_commit = false;
    result->first = MR_FIRST_NOTHING;
}

/* How many bad records more the table's route may have in this batch. */
static uint64_t bad_room(const struct mr_flush *flush, const struct mr_flush_result *result,
                         const struct mr_batch_table *table)
{
    const struct mr_route_rule *rule = table->target->rule;

    if (rule->breaker == NULL || rule->on_bad == MR_ON_BAD_STOP)
        return UINT64_MAX;
    struct mr_tally tally = mr_batch_tally(flush->batch, rule);
    for (size_t i = 0; i < result->faults.n_items; i++)
        if (result->faults.items[i].target->rule == rule &&
            !mr_flush_faults_is_wait(&result->faults, i))
            tally.n_bad++;
    return mr_breaker_room(rule->breaker, tally, flush->now_ms);
}

/* Of a load that is taken apart: with the last of them the route halts anyway. */
static uint64_t faults_limit(const struct mr_flush *flush, const struct mr_flush_result *result,
                             const struct mr_batch_table *table)
{
    uint64_t room = table->split ? bad_room(flush, result, table) : UINT64_MAX;
    return room == UINT64_MAX ? 0 : room + 1;
}

/* Of what was found from `first` on, the first that is one too many, or n_items. */
static size_t flood_from(const struct mr_flush_faults *faults, size_t first, uint64_t room)
{
    size_t at = first;

    for (uint64_t n_bad = 0; at < faults->n_items; at++) {
        n_bad += mr_flush_faults_is_wait(faults, at) ? 0 : 1;
        if (n_bad > room)
            break;
    }
    return at;
}

/* With a record to stop at the batch will not land. */
static bool has_stop(const struct mr_flush_faults *faults, size_t first)
{
    for (size_t i = first; i < faults->n_items; i++)
        if (mr_flush_faults_is_stop(faults, i))
            return true;
    return false;
}

/* Notes what the table's load has found; too much of it halts the route. The room of a load that
 * was cut is the one that it was cut by: another lane may have made more since, and with that the
 * batch would land without the parts that were not tried. */
static int faults_note(const struct mr_flush *flush, struct mr_flush_result *result,
                       const struct mr_batch_table *table, const struct mr_load *load,
                       struct mr_err *err)
{
    struct mr_flush_faults *faults = &result->faults;
    size_t first = faults->n_items;

    if (faults->found.n_items == faults->n_noted)
        return 0;
    uint64_t room = load->max_faults > 0 ? load->max_faults - 1 : bad_room(flush, result, table);
    int rc = mr_flush_faults_note(faults, flush->batch, table->target, err);
    if (rc < 0)
        return rc;
    if (load->cut && faults->n_items == first)
        return mr_err_set(err, MR_BUG, "a load was cut without a record at fault");
    size_t at = flood_from(faults, first, room);
    if (at == faults->n_items && load->cut && !has_stop(faults, first))
        at--;
    if (at == faults->n_items)
        return 0;
    mr_flush_faults_flood(faults, at);
    mr_breaker_trip(table->target->rule->breaker, flush->now_ms);
    return 0;
}

/* One table of the flush on its way. */
struct loading {
    const struct mr_flush *flush;
    const struct flush_lists *lists;
    struct mr_flush_result *result;
    struct mr_load_memory *memory;
    uint64_t fk_wait_ms;
    bool truncate_done;
    bool deletes_later;
};

/* while its time is not over. What refers to a row that goes may be on its way out itself,
 * behind a record of this batch that is put aside in it: so a delete has a turn without that. */
static bool may_wait(const void *arg, const struct mr_row *row)
{
    const struct loading *on = arg;
    const struct mr_batch_span *span = &on->flush->batch->spans[row->span_idx];
    struct mr_parent_wait wait;

    mr_partition_wait_read(span->part, &wait);
    return !mr_parent_wait_is_over(&wait, row->offset, on->fk_wait_ms, on->flush->now_ms) ||
           (row->op == MR_ROW_DELETE &&
            mr_parent_wait_is_behind(&wait, row->offset, span->span.expected));
}

static struct mr_load load_of(const struct loading *on, struct mr_batch_table *table)
{
    return (struct mr_load){.session = on->flush->session,
                            .rows = &table->rows,
                            .route = &table->target->rule->route,
                            .memory = on->memory,
                            .stats = &on->result->stats,
                            .faults = &on->result->faults.found,
                            .rank = on->lists->rank,
                            .spans = on->lists->by_idx,
                            .max_faults = faults_limit(on->flush, on->result, table),
                            .refused = table->refused,
                            .internal_too = table->internal_too,
                            .constraints_now = table->constraints_now,
                            .truncate_done = on->truncate_done,
                            .deletes_later = on->deletes_later,
                            .may_wait = may_wait,
                            .may_wait_arg = on};
}

static int load_failed(const struct mr_flush *flush, struct mr_flush_result *result,
                       struct mr_batch_table *table, struct mr_err *err)
{
    result->failed = table->target;
    table->refused = flush->session->refused;
    return mr_err_in(err, table->target->label, NULL);
}

static int load_table(struct loading *on, struct mr_batch_table *table, struct mr_err *err)
{
    struct mr_flush_result *result = on->result;
    const struct mr_load_ops *ops = table->target->load;
    uint64_t n_before = result->stats.n_left_out;

    on->memory = mr_load_memory_of(on->flush->memories, table->target->idx);
    if (on->memory == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "no memory for a flush");
    on->fk_wait_ms = table->target->rule->fk_wait_ms;
    struct mr_load load = load_of(on, table);
    on->flush->session->refused.known = false;
    int rc = table->split ? mr_load_split(&load, ops, err) : ops->run(&load, err);
    table->n_left_out = result->stats.n_left_out - n_before;
    if (rc == 0)
        rc = faults_note(on->flush, result, table, &load, err);
    return rc < 0 ? load_failed(on->flush, result, table, err) : 0;
}

/* Rows that go while others of this flush refer to them go when those are loaded. Where the table
 * is taken apart, its order is that of the source. */
static bool has_deletes_for_later(const struct mr_batch_table *table)
{
    if (table->split || table->target->load->deletes == NULL)
        return false;
    for (size_t i = 0; i < table->rows.n_rows; i++)
        if (table->rows.rows[i].op == MR_ROW_DELETE)
            return true;
    return false;
}

/* Before all rows, and children first: what refers to a row is gone before it. */
static int truncate_tables(const struct mr_flush *flush, const struct flush_lists *lists,
                           struct mr_flush_result *result, struct mr_err *err)
{
    struct mr_session *session = flush->session;

    for (size_t i = lists->n_work; i-- > 0;) {
        struct mr_batch_table *table = lists->work[lists->places[i].idx];
        if (!table->rows.truncated)
            continue;
        int rc = session->ops->truncate(session, table->rows.table, err);
        if (rc < 0)
            return load_failed(flush, result, table, err);
    }
    return 0;
}

/* A COMMIT that refused something is asked again part by part: then nothing more is put off. */
static int constraints_later(const struct mr_flush *flush, const struct flush_lists *lists,
                             struct mr_flush_result *result, struct mr_err *err)
{
    struct mr_session *session = flush->session;

    for (size_t i = 0; i < lists->n_work; i++) {
        struct mr_batch_table *table = lists->work[lists->places[i].idx];
        if (!lists->places[i].circular || table->constraints_now)
            continue;
        int rc = session->ops->defer(session, table->rows.table, err);
        if (rc < 0)
            return load_failed(flush, result, table, err);
    }
    return 0;
}

/* The order of loading is another one in a flush of other tables, so their guards are locked before
 * it, by name: else two lanes would wait for each other again and again (P-22). */
static int guards_lock(const struct mr_flush *flush, const struct flush_lists *lists,
                       struct mr_flush_result *result, struct mr_err *err)
{
    struct mr_session *session = flush->session;

    for (size_t i = 0; i < lists->n_work; i++) {
        struct mr_batch_table *table = lists->work[i];
        if (!table->rows.guard.on || !table->rows.reduce)
            continue;
        int rc = session->ops->guard_lock(session, table->rows.table, err);
        if (rc < 0)
            return load_failed(flush, result, table, err);
    }
    return 0;
}

/* The order of tables that refer to each other: truncates, children first; rows, parents
 * first; then the parents' rows that go, children first. */
static int load_related(const struct mr_flush *flush, const struct flush_lists *lists,
                        struct mr_flush_result *result, struct mr_err *err)
{
    bool *later = calloc(lists->n_work, sizeof *later);
    int rc = later != NULL ? 0 : mr_err_set(err, MR_NO_MEMORY, "no memory for a flush");

    if (rc == 0)
        rc = guards_lock(flush, lists, result, err);
    if (rc == 0)
        rc = constraints_later(flush, lists, result, err);
    if (rc == 0)
        rc = truncate_tables(flush, lists, result, err);
    for (size_t i = 0; rc == 0 && i < lists->n_work; i++) {
        struct mr_batch_table *table = lists->work[lists->places[i].idx];
        later[i] = lists->places[i].referenced && has_deletes_for_later(table);
        struct loading on = {.flush = flush,
                             .lists = lists,
                             .result = result,
                             .truncate_done = true,
                             .deletes_later = later[i]};
        rc = load_table(&on, table, err);
    }
    for (size_t i = lists->n_work; rc == 0 && i-- > 0;) {
        struct mr_batch_table *table = lists->work[lists->places[i].idx];
        struct loading on = {.flush = flush, .lists = lists, .result = result};
        if (!later[i])
            continue;
        struct mr_load load = load_of(&on, table);
        flush->session->refused.known = false;
        rc = table->target->load->deletes(&load, err);
        if (rc < 0)
            rc = load_failed(flush, result, table, err);
    }
    free(later);
    return rc;
}

static int load_tables(const struct mr_flush *flush, const struct flush_lists *lists,
                       struct mr_flush_result *result, struct mr_err *err)
{
    if (lists->places != NULL)
        return load_related(flush, lists, result, err);
    for (size_t i = 0; i < lists->n_work; i++) {
        struct loading on = {.flush = flush, .lists = lists, .result = result};
        int rc = load_table(&on, lists->work[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* A record to be waited at: only where the positions still are ours. Another owner's rows are no
 * reason to stop, and a stop of his would outlive the fence. */
static int stop_confirm(const struct mr_flush *flush, const struct flush_lists *lists,
                        struct mr_flush_result *result, struct mr_err *err)
{
    struct mr_err why = *err;
    int rc = flush->session->ops->put_positions(flush->session, lists->spans, lists->n_spans, err);

    if (rc < 0)
        return rc;
    result->stopped = true;
    *err = why;
    return -(int)why.code;
}

/* Letters of the batch, then those of the load. */
static int put_letters(const struct mr_flush *flush, const struct flush_lists *lists,
                       struct mr_flush_result *result, struct mr_err *err)
{
    int rc = mr_flush_faults_settle(&result->faults, flush->source, err);

    if (rc < 0 && rc != -MR_NO_MEMORY)
        rc = stop_confirm(flush, lists, result, err);
    if (rc == 0)
        rc = mr_flush_letters_found(flush->poisoned, flush->batch, &result->faults, flush->now_ms,
                                    err);
    if (rc == 0)
        rc = mr_flush_letters_put(flush, &result->faults, err);
    return rc;
}

/* Where memory lacked, nothing that was found counts. Only the COMMIT is in doubt all the same. */
static int memory_judge(uint32_t mark, int rc, struct mr_flush_result *result, struct mr_err *err)
{
    int judged = mr_memory_judge(mark, rc, err, "loading a batch");

    if (judged == rc)
        return rc;
    result->failed = NULL;
    result->stopped = false;
    result->at_commit = false;
    return judged;
}

static int run_once(const struct mr_flush *flush, struct mr_flush_result *result,
                    struct mr_err *err)
{
    struct mr_session *session = flush->session;
    const struct mr_sink_ops *ops = session->ops;
    struct flush_lists lists = {0};
    uint32_t mark = mr_memory_mark();

    result_reset(result);
    int rc = mr_flush_letters_meet(flush->poisoned, flush->batch, flush->now_ms, err);
    if (rc == 0)
        rc = partitions_settle(flush->batch, &lists, err);
    if (rc == 0)
        rc = lists_make(flush->batch, &lists, err);
    if (rc < 0)
        goto out;
    rc = ops->begin(session, lists.tables, lists.n_work, lists.spans, lists.n_spans, err);
    if (rc < 0) {
        enum mr_class class = err->class;
        if (rc == -MR_TABLE_CHANGED || class == MR_CLASS_HALT)
            result->failed = target_named(&lists, err);
        goto rollback;
    }
    rc = load_tables(flush, &lists, result, err);
    if (rc == 0)
        rc = put_letters(flush, &lists, result, err);
    if (rc == 0)
        rc = ops->put_positions(session, lists.spans, lists.n_spans, err);
    rc = memory_judge(mark, rc, result, err);
    if (rc == 0) {
        rc = ops->commit(session, err);
        /* a deferred constraint: its table's fault, as it would have been at the row */
        if (rc < 0 && (err->class == MR_CLASS_HALT || err->class == MR_CLASS_POISON ||
                       mr_load_is_internal(err)))
            result->failed = target_named(&lists, err);
        result->at_commit = rc < 0;
    }
rollback:
    if (rc < 0 && rc != -MR_COMMIT_UNKNOWN)
        mr_flush_letters_undo(flush->poisoned, &result->faults);
    if (rc <
        0) /* after an unknown COMMIT too: the session gives up a connection nobody can trust */
        ops->rollback(session);
out:
    lists_release(&lists);
    return rc < 0 && rc != -MR_COMMIT_UNKNOWN ? memory_judge(mark, rc, result, err) : rc;
}

/* The target refused what is in a row of `failed`: from now on the batch loads that table in parts,
 * and where only the commit showed it, each part is held against all constraints. NULL: nobody
 * knows of which table it was, so all of them; so where a foreign key was asked at the commit: the
 * row may be that of the other table. False where that was done already. */
static bool split_begin(const struct mr_batch *batch, const struct mr_flush_result *result,
                        const struct mr_err *err)
{
    bool all = result->failed == NULL || (result->at_commit && mr_load_is_foreign(err));
    bool begun = false;
    for (size_t i = 0; i < batch->n_tables; i++) {
        struct mr_batch_table *table = batch->tables[i];
        if (!all && table->target != result->failed)
            continue;
        begun = begun || !table->split || (result->at_commit && !table->constraints_now);
        table->split = true;
        table->constraints_now = table->constraints_now || result->at_commit;
    }
    return begun;
}

/* the server fails by itself, with this batch again and again. One value of the table may be
 * what it fails at: that is looked for once, else the table halts. Of no table: it pauses. */
static void internal_judge(const struct mr_batch *batch, const struct mr_flush_result *result,
                           struct mr_err *err)
{
    for (size_t i = 0; result->failed != NULL && i < batch->n_tables; i++) {
        struct mr_batch_table *table = batch->tables[i];
        if (table->target != result->failed)
            continue;
        err->class = table->internal_too ? MR_CLASS_HALT : MR_CLASS_POISON;
        table->split = table->split && table->internal_too;
        table->internal_too = true;
    }
}

int mr_flush_run(const struct mr_flush *flush, struct mr_flush_result *result, struct mr_err *err)
{
    for (;;) {
        int rc = run_once(flush, result, err);
        /* whether a commit landed is asked first, and records to be waited at are known */
        if (rc < 0 && rc != -MR_COMMIT_UNKNOWN && !result->stopped && flush->retries != NULL)
            result->first = mr_retry_first(flush->retries, err);
        if (rc < 0 && result->first == MR_FIRST_SPLIT)
            internal_judge(flush->batch, result, err);
        if (rc == 0 || err->class != MR_CLASS_POISON || result->stopped ||
            !split_begin(flush->batch, result, err))
            return rc;
        mr_err_clear(err);
    }
}
