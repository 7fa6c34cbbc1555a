/* Strategy `upsert`: the row equals the record's last state. Rows come reduced by key (contract.md
 * section 3.2); the order of statements is: a truncate, deletes, then updates of masked
 * rows, then the rest. Speaks to sink->ops only. */
#include <stdlib.h>

#include "sinks/load_guard.h"
#include "sinks/load_kept.h"
#include "sinks/load_left.h"
#include "sinks/load_masked.h"

#include "base/ban.h"

enum { MAX_SKIP_DIRECT = 1024 }; /* flushes until the direct way is tried again */

/* absent columns must get the target's defaults. Where every column that can be written is
 * carried, an upsert says the same; a mask says that something is not carried. */
static bool needs_delete(const struct mr_table *table, const struct mr_row *row)
{
    if (row->op == MR_ROW_DELETE)
        return true;
    if ((row->flags & MR_ROW_REPLACED) == 0)
        return false;
    uint16_t n_writable = 0;
    for (uint16_t i = 0; i < table->n_columns; i++)
        n_writable = (uint16_t)(n_writable + !table->columns[i].generated);
    return row->mask != NULL || row->cols->n_cols < n_writable;
}

/* Takes `n` rows away. */
static int rows_delete(struct mr_load *load, const struct mr_row *const *picked, size_t n,
                       struct mr_err *err)
{
    uint64_t n_done = 0;
    if (n == 0)
        return 0;
    int rc = load->session->ops->delete_keys(load->session, load->rows->table, &load->rows->key,
                                             picked, n, &n_done, err);
    load->stats->n_deleted += n_done;
    return rc;
}

static int upsert_deletes(struct mr_load *load, const struct mr_row **picked, struct mr_err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < load->rows->n_rows; i++) {
        const struct mr_row *row = &load->rows->rows[i];
        if (load->deletes_later && row->op == MR_ROW_DELETE)
            continue;
        if (needs_delete(load->rows->table, row))
            picked[n++] = row;
    }
    return rows_delete(load, picked, n, err);
}

static struct mr_put_rows put_of(const struct mr_load *load, const struct mr_load_group *group)
{
    return (struct mr_put_rows){.table = load->rows->table,
                                .key = &load->rows->key,
                                .cols = group->cols,
                                .mask = group->mask,
                                .rows = group->rows,
                                .n_rows = group->n_rows};
}

static int put_upsert(struct mr_load *load, const struct mr_load_group *group, struct mr_err *err)
{
    struct mr_put_rows put = put_of(load, group);
    uint64_t n_done = 0;
    int rc = load->session->ops->put_rows(load->session, &put, MR_PUT_UPSERT, &n_done, err);
    load->stats->n_upserted += n_done;
    if (rc == 0)
        mr_load_left_out(load, group->n_rows, n_done);
    return rc;
}

/* A miss makes the next try twice as rare, so that a table of existing keys does not pay twice. */
static void direct_missed(struct mr_load *load)
{
    struct mr_load_memory *memory = load->memory;
    load->stats->n_fallbacks++;
    if (memory->direct_misses < 31)
        memory->direct_misses++;
    uint32_t skip = UINT32_C(1) << memory->direct_misses;
    memory->skip_direct = skip > MAX_SKIP_DIRECT ? MAX_SKIP_DIRECT : skip;
}

static int direct_undo(struct mr_load *load, struct mr_err *err)
{
    const struct mr_sink_ops *ops = load->session->ops;
    int rc = ops->rollback_to_savepoint(load->session, err);
    return rc < 0 ? rc : ops->release_savepoint(load->session, err);
}

/* The fast way for keys that are likely new: a plain insert, taken back where one exists. */
static int put_direct(struct mr_load *load, const struct mr_load_group *group, struct mr_err *err)
{
    const struct mr_sink_ops *ops = load->session->ops;
    struct mr_put_rows put = put_of(load, group);
    uint64_t n_done = 0;
    int rc = ops->savepoint(load->session, err);
    if (rc < 0)
        return rc;
    rc = ops->put_rows(load->session, &put, MR_PUT_INSERT, &n_done, err);
    if (rc == 0) {
        load->memory->direct_misses = 0;
        load->stats->n_inserted += n_done;
        load->stats->n_direct += n_done;
        mr_load_left_out(load, group->n_rows, n_done);
        return ops->release_savepoint(load->session, err);
    }
    struct mr_err why = *err;
    if (mr_load_takes_apart(load,
                            &why)) { /* the savepoint of whoever takes the load apart is next */
        mr_err_clear(err);
        int undone = direct_undo(load, err);
        if (undone < 0)
            return undone;
        *err = why;
        return rc;
    }
    if (rc != -MR_EXISTS)
        return rc;
    direct_missed(load);
    mr_err_clear(err);
    rc = direct_undo(load, err);
    return rc < 0 ? rc : put_upsert(load, group, err);
}

static int put_group(struct mr_load *load, const struct mr_load_group *group, bool try_direct,
                     struct mr_err *err)
{
    if (group->mask != NULL)
        return mr_masked_put(load, group, err);
    if (group->all_inserts && try_direct)
        return put_direct(load, group, err);
    return put_upsert(load, group, err);
}

static int upsert_puts(struct mr_load *load, const struct mr_completed *completed,
                       const struct mr_row **picked, struct mr_err *err)
{
    size_t n = 0;
    size_t at = 0;
    bool any_direct = false;
    for (size_t i = 0; i < load->rows->n_rows; i++) {
        if (load->rows->rows[i].op == MR_ROW_UPSERT)
            picked[n++] = mr_completed_row(completed, load->rows, i, &at);
    }
    struct mr_load_groups groups;
    int rc = mr_load_groups_make(&groups, picked, n, true, err);
    bool try_direct = load->memory->skip_direct == 0;
    for (size_t i = 0; rc == 0 && i < groups.n_groups; i++) {
        any_direct = any_direct || (groups.groups[i].all_inserts && groups.groups[i].mask == NULL);
        rc = put_group(load, &groups.groups[i], try_direct, err);
    }
    if (any_direct && !try_direct)
        load->memory->skip_direct--;
    mr_load_groups_release(&groups);
    return rc;
}

static int upsert_run(struct mr_load *load, struct mr_err *err)
{
    const struct mr_rows *rows = load->rows;
    struct mr_completed completed = {.n_rows = 0};
    int rc = 0;
    if (rows->truncated && !load->truncate_done)
        rc = load->session->ops->truncate(load->session, rows->table, err);
    if (rc == 0)
        rc = mr_load_guard(load, err);
    if (rc == 0)
        rc = mr_load_regroup(load, err);
    if (rows->n_rows == 0 || rc < 0)
        return rc;
    if (rows->key.n_cols == 0) {
        rc = mr_load_guard_tombs(load, err);
        return rc == 0 ? mr_keyless_run(load, err) : rc;
    }
    const struct mr_row **picked = malloc(rows->n_rows * sizeof(*picked));
    if (picked == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu rows", rows->n_rows);
    rc = mr_left_pair(load, err);
    if (rc == 0)
        rc = mr_masked_complete(load, &completed, err);
    if (rc == 0)
        rc = mr_kept_leave(load, err);
    if (rc == 0)
        rc = mr_load_guard_tombs(load, err);
    if (rc == 0 && !rows->truncated) /* else there is nothing to delete */
        rc = upsert_deletes(load, picked, err);
    if (rc == 0)
        rc = upsert_puts(load, &completed, picked, err);
    mr_completed_release(&completed);
    free(picked);
    return rc;
}

/* The rows are what the run left of them: compared with guards, and folded. */
static int upsert_deletes_left(struct mr_load *load, struct mr_err *err)
{
    const struct mr_rows *rows = load->rows;
    size_t n = 0;
    if (rows->truncated || rows->n_rows == 0 || rows->key.n_cols == 0)
        return 0;
    const struct mr_row **picked = malloc(rows->n_rows * sizeof(*picked));
    if (picked == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu rows", rows->n_rows);
    for (size_t i = 0; i < rows->n_rows; i++) {
        if (rows->rows[i].op == MR_ROW_DELETE)
            picked[n++] = &rows->rows[i];
    }
    int rc = rows_delete(load, picked, n, err);
    free(picked);
    return rc;
}

const struct mr_load_ops mr_load_upsert = {
    .name = "upsert", .reduce = true, .run = upsert_run, .deletes = upsert_deletes_left};
