/* Owns the search for the rows that the target refuses. It decides no fate: what it finds is in
 * load->faults. Speaks to sink->ops only. */
#include "sinks/load_split.h"

#include <stdlib.h>

#include "schemas/rows_journal.h"
#include "sinks/load_guard.h"
#include "sinks/load_masked.h"

#include "base/ban.h"

/* A part that is halved adds one to the stack, and there are no more than 64 halves of halves. */
enum { MAX_DEPTH = 192, HALVES_DEPTH = 64, MAX_WRONG = 4, SCRATCH_SLACK = 1024 * 1024 };

enum part_why {
    PART_HALF,
    PART_BEFORE, /* what comes before a record that the target named */
    PART_NAMED,  /* that record */
};

/* Records [from, to) of the list. */
struct part {
    size_t from, to;
    enum part_why why;
};

struct split {
    struct mr_load *load;
    const struct mr_load_ops *ops;
    struct mr_unfolded rows;
    size_t *records; /* where each record's rows begin; one more: their end */
    size_t n_records;
    struct mr_arena scratch; /* of one part */
    struct part parts[MAX_DEPTH];
    size_t n_parts;
    size_t n_landed;
    size_t n_internal;       /* records with which the server fails by itself */
    size_t n_right, n_wrong; /* records that the target named; wrong: one alone that it takes, or
                                one with others at fault before it */
};

/* The two rows of a change stay together. */
static int records_find(struct split *split, struct mr_err *err)
{
    const struct mr_unfolded *rows = &split->rows;
    split->records = calloc(rows->n_rows + 1, sizeof *split->records);
    if (split->records == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu records", rows->n_rows);
    for (size_t i = 0; i < rows->n_rows; i++) {
        const struct mr_row *row = rows->rows[i];
        bool first = i == 0 || rows->rows[i - 1]->span_idx != row->span_idx ||
                     rows->rows[i - 1]->offset != row->offset;
        if (first)
            split->records[split->n_records++] = i;
    }
    split->records[split->n_records] = rows->n_rows;
    return 0;
}

/* The rows of a part, reduced as if they were a batch of their own. */
static int part_fold(struct split *split, struct part part, struct mr_rows *rows,
                     struct mr_err *err)
{
    int rc = 0;
    for (size_t i = split->records[part.from]; rc == 0 && i < split->records[part.to]; i++)
        rc = mr_rows_add(rows, split->rows.rows[i], err);
    if (rc == -MR_FULL)
        rc = mr_err_set(err, MR_NO_MEMORY, "%zu records to be taken apart", split->n_records);
    return rc == 0 ? mr_rows_settle(rows, split->load->rank, err) : rc;
}

static int part_load(struct split *split, struct part part, struct mr_err *err)
{
    const struct mr_rows *whole = split->load->rows;
    struct mr_load load = *split->load;
    struct mr_rows rows;
    mr_rows_init(&rows, whole->table, &whole->key, whole->reduce, &split->scratch,
                 whole->by_key.seed);
    rows.loose = false; /* the target has compared the keys */
    rows.guard = whole->guard;
    rows.floor = whole->floor;
    load.rows = &rows;
    int rc = part_fold(split, part, &rows, err);
    rows.floor = (struct mr_slice){NULL, 0}; /* that was done, and its rows were dropped */
    if (rc == 0)
        rc = split->ops->run(&load, err);
    if (rc == 0 && load.constraints_now)
        rc = load.session->ops->constraints_now(load.session, rows.table, err);
    mr_rows_release(&rows);
    mr_arena_reset(&split->scratch);
    return rc;
}

/* Loads a part, or leaves nothing of it. */
static int part_try(struct split *split, struct part part, struct mr_err *err)
{
    struct mr_load *load = split->load;
    struct mr_session *session = load->session;
    struct mr_load_stats stats = *load->stats;
    size_t n_faults = load->faults->n_items;
    int rc = session->ops->savepoint(session, err);
    if (rc < 0)
        return rc;
    session->refused.known = false;
    rc = part_load(split, part, err);
    split->n_landed += rc == 0 ? part.to - part.from : 0;
    if (rc == 0)
        return session->ops->release_savepoint(session, err);
    if (!mr_load_takes_apart(load, err))
        return rc;
    struct mr_err why = *err;
    load->refused = session->refused;
    *load->stats = stats;
    load->faults->n_items = n_faults;
    rc = session->ops->rollback_to_savepoint(session, err);
    if (rc == 0)
        rc = session->ops->release_savepoint(session, err);
    if (rc < 0)
        return rc;
    *err = why;
    return -(int)why.code;
}

/* is this record refused for rows of other tables that may still come, or go? */
static bool is_wait(const struct split *split, size_t record, const struct mr_err *err)
{
    const struct mr_load *load = split->load;
    const struct mr_row *row = split->rows.rows[split->records[record + 1] - 1];
    return load->may_wait != NULL && mr_load_is_foreign(err) &&
           load->may_wait(load->may_wait_arg, row);
}

/* The batch will not land with a record that must wait: where other partitions stop is worth
 * knowing, what comes behind it in its own is not. */
static int record_wait(struct split *split, size_t record, struct mr_err *err)
{
    const struct mr_unfolded *rows = &split->rows;
    const struct mr_row *row = rows->rows[split->records[record + 1] - 1];
    struct part *parts = split->parts;
    size_t next = record + 1;
    struct mr_err why = *err;
    (void)mr_err_set_db(&why, MR_CLASS_RETRY, err->sqlstate, "waits for %s: %.400s",
                        row->op == MR_ROW_DELETE ? "the rows that refer to it to go" : "its parent",
                        err->detail);
    mr_err_clear(err);
    while (next < split->n_records && rows->rows[split->records[next]]->span_idx == row->span_idx)
        next++;
    if (split->load->rows->guard.on) /* the partitions' records are mixed */
        next = split->n_records;
    while (split->n_parts > 0 && parts[split->n_parts - 1].to <= next)
        split->n_parts--;
    if (split->n_parts > 0 && parts[split->n_parts - 1].from < next)
        parts[split->n_parts - 1].from = next;
    return mr_load_fault_add(split->load->faults, row, &why, err);
}

/* A record that was refused alone. */
static int record_bad(struct split *split, size_t record, struct mr_err *err)
{
    if (is_wait(split, record, err))
        return record_wait(split, record, err);
    const struct mr_row *row = split->rows.rows[split->records[record + 1] - 1];
    struct mr_err why = *err;
    split->n_internal += mr_load_is_internal(&why) ? 1 : 0;
    why.class = MR_CLASS_POISON;
    mr_err_clear(err);
    return mr_load_fault_add(split->load->faults, row, &why, err);
}

static void part_push(struct split *split, size_t from, size_t to, enum part_why why)
{
    if (from < to)
        split->parts[split->n_parts++] = (struct part){from, to, why};
}

/* The record of the part that the target named; part.to: none, or it is not to be believed. A part
 * before another such record is halved, so that the parts become small whatever is named. */
static size_t named_record(const struct split *split, struct part part)
{
    const struct mr_refused *refused = &split->load->refused;
    if (!refused->known || part.why == PART_BEFORE || split->n_wrong > split->n_right + MAX_WRONG ||
        split->n_parts + HALVES_DEPTH > MAX_DEPTH)
        return part.to;
    for (size_t i = part.from; i < part.to; i++) {
        const struct mr_row *row = split->rows.rows[split->records[i]];
        if (row->span_idx == refused->span_idx && row->offset == refused->offset)
            return i;
    }
    return part.to;
}

static void part_divide(struct split *split, struct part part)
{
    size_t named = named_record(split, part);
    size_t middle = part.from + (part.to - part.from) / 2;
    if (named < part.to) {
        part_push(split, named + 1, part.to, PART_HALF);
        part_push(split, named, named + 1, PART_NAMED);
        part_push(split, part.from, named, PART_BEFORE);
    } else {
        part_push(split, middle, part.to, PART_HALF);
        part_push(split, part.from, middle, PART_HALF);
    }
}

static int part_settle(struct split *split, struct part part, struct mr_err *err)
{
    int rc = part_try(split, part, err);
    if (rc < 0 && !mr_load_takes_apart(split->load, err))
        return rc;
    split->n_right += rc < 0 && part.why == PART_NAMED ? 1 : 0;
    split->n_wrong += (rc == 0 && part.why == PART_NAMED) || (rc < 0 && part.why == PART_BEFORE);
    if (rc == 0)
        return 0;
    if (part.to - part.from == 1)
        return record_bad(split, part.from, err);
    mr_err_clear(err);
    part_divide(split, part);
    return 0;
}

/* A record that was named already says where to begin; all at once would be refused again. */
static int parts_try(struct split *split, struct mr_err *err)
{
    const struct mr_load_faults *faults = split->load->faults;
    size_t n_before = faults->n_items;
    uint64_t limit = split->load->max_faults;
    struct part all = {0, split->n_records, PART_HALF};
    int rc = 0;
    if (named_record(split, all) < all.to)
        part_divide(split, all);
    else
        part_push(split, all.from, all.to, all.why);
    while (rc == 0 && split->n_parts > 0 && (limit == 0 || faults->n_items - n_before < limit))
        rc = part_settle(split, split->parts[--split->n_parts], err);
    split->load->cut = split->n_parts > 0;
    return rc;
}

/* With no record at all the server does not fail: then it is no value's fault. */
static int internal_judge(const struct split *split, struct mr_err *err)
{
    const struct mr_load_faults *faults = split->load->faults;
    if (split->n_internal == 0 || split->n_landed > 0)
        return 0;
    return mr_err_set_db(err, MR_CLASS_HALT, "XX000", "with each record alone, too: %s",
                         faults->items[faults->n_items - 1].detail);
}

static int split_run(struct split *split, struct mr_err *err)
{
    struct mr_load *load = split->load;
    const struct mr_rows *rows = load->rows;
    int rc = mr_load_regroup(load, err);
    if (rc == 0)
        rc = mr_rows_unfold(rows, load->rank, &split->rows, err);
    if (rc == 0)
        rc = records_find(split, err);
    if (rc == 0 && split->n_records == 0) /* a truncate alone */
        return split->ops->run(load, err);
    if (rc == 0 && rows->truncated && !load->truncate_done)
        rc = load->session->ops->truncate(load->session, rows->table, err);
    if (rc == 0) /* of the whole, whatever becomes of its parts */
        rc = mr_load_floor(load, err);
    if (rc == 0)
        rc = parts_try(split, err);
    return rc == 0 ? internal_judge(split, err) : rc;
}

int mr_load_split(struct mr_load *load, const struct mr_load_ops *ops, struct mr_err *err)
{
    struct split split = {.load = load, .ops = ops};
    mr_arena_init(&split.scratch, 0, 2 * load->rows->arena->limit_bytes + SCRATCH_SLACK);
    int rc = split_run(&split, err);
    free(split.records);
    mr_unfolded_release(&split.rows);
    mr_arena_release(&split.scratch);
    return rc;
}
