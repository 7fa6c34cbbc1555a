/* Owns the comparison of a batch with what the target has, in the flush's transaction and under a
 * lock of the table's guards, so that nothing moves between the look and the writes. Speaks to
 * sink->ops only. */
#include "sinks/load_guard.h"

#include <stdlib.h>

#include "schemas/guard.h"

#include "base/ban.h"

static bool is_newer(const struct mr_rows *rows, const struct mr_row *row,
                     const struct mr_guard_seen *seen)
{
    uint8_t octets[MR_GUARD_MAX_BYTES];
    struct mr_slice guard;
    bool has = mr_row_guard(&rows->guard, row, &guard);
    if (seen->state == MR_GUARD_ABSENT)
        return true;
    if (!has) /* O-06: only where the row is absent */
        return false;
    if (seen->state == MR_GUARD_LOWEST)
        return true;
    struct mr_slice mine = {octets, mr_guard_octets(&rows->guard, guard, octets)};
    int order = mr_guard_order(false, mine, (struct mr_slice){seen->octets, seen->len});
    return order > 0 || (order == 0 && (row->flags & MR_ROW_READ) == 0);
}

/* A row that came from another key, where the target has an older one under its new key: that is
 * another row, so what was not sent is not there (U-30). */
static void replaces(const struct mr_rows *rows, struct mr_row *row,
                     const struct mr_guard_seen *seen)
{
    uint8_t octets[MR_GUARD_MAX_BYTES];
    struct mr_slice guard;
    if (row->mask == NULL || row->past == NULL || row->past->came == NULL ||
        seen->state == MR_GUARD_ABSENT)
        return;
    const struct mr_row came = {.op = MR_ROW_DELETE, .tuple = row->past->came->tuple};
    if (!mr_row_guard(&rows->guard, &came, &guard))
        return;
    struct mr_slice mine = {octets, mr_guard_octets(&rows->guard, guard, octets)};
    if (mr_guard_order(false, mine, (struct mr_slice){seen->octets, seen->len}) > 0)
        row->flags |= MR_ROW_REPLACED;
}

static void keep_newer(struct mr_rows *rows, const struct mr_guard_seen *seen)
{
    size_t n = 0;
    for (size_t i = 0; i < rows->n_rows; i++) {
        if (!is_newer(rows, &rows->rows[i], &seen[i]))
            continue;
        replaces(rows, &rows->rows[i], &seen[i]);
        rows->rows[n++] = rows->rows[i];
    }
    rows->n_stale += rows->n_rows - n;
    rows->n_rows = n;
}

int mr_load_floor(struct mr_load *load, struct mr_err *err)
{
    const struct mr_rows *rows = load->rows;
    const struct mr_row *none = NULL;
    struct mr_guarded what = {
        .table = load->rows->table, .key = &rows->key, .guard = &rows->guard, .rows = &none};
    if (!rows->guard.on || rows->floor.data == NULL)
        return 0;
    return load->session->ops->truncate_below(load->session, &what, rows->floor, err);
}

int mr_load_guard(struct mr_load *load, struct mr_err *err)
{
    struct mr_session *session = load->session;
    struct mr_rows *rows = load->rows;
    if (!rows->guard.on || (rows->n_rows == 0 && rows->floor.data == NULL))
        return 0;
    const struct mr_row **picked = malloc((rows->n_rows + 1) * sizeof(*picked));
    struct mr_guard_seen *seen = calloc(rows->n_rows + 1, sizeof *seen);
    struct mr_guarded what = {.table = rows->table,
                              .key = &rows->key,
                              .guard = &rows->guard,
                              .rows = picked,
                              .n_rows = rows->n_rows};
    int rc = picked != NULL && seen != NULL
                 ? mr_load_floor(load, err)
                 : mr_err_set(err, MR_NO_MEMORY, "%zu rows", rows->n_rows);
    if (rc < 0)
        goto out;
    for (size_t i = 0; i < rows->n_rows; i++)
        picked[i] = &rows->rows[i];
    if (rows->n_rows > 0 && rows->key.n_cols > 0)
        rc = session->ops->guards_read(session, &what, seen, err);
    if (rc == 0)
        keep_newer(rows, seen);
out:
    free(seen);
    free(picked);
    return rc;
}

int mr_load_guard_tombs(struct mr_load *load, struct mr_err *err)
{
    const struct mr_rows *rows = load->rows;
    if (!rows->guard.on)
        return 0;
    const struct mr_row **picked = malloc((rows->n_rows + 1) * sizeof(*picked));
    struct mr_guarded what = {
        .table = rows->table, .key = &rows->key, .guard = &rows->guard, .rows = picked};
    if (picked == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu rows", rows->n_rows);
    for (size_t i = 0; i < rows->n_rows; i++) {
        if (rows->rows[i].op == MR_ROW_DELETE)
            picked[what.n_rows++] = &rows->rows[i];
    }
    int rc = what.n_rows > 0 ? load->session->ops->tombs_put(load->session, &what, err) : 0;
    free(picked);
    return rc;
}
