/* Tables without a key (contract.md E-40): rows are appended, and with keyless = "match_full" a
 * delete takes exactly one row that equals the whole `before`. Everything in the order it came: a
 * delete may mean a row of this very batch. Speaks to sink->ops only. */
#include <stdlib.h>

#include "sinks/load_masked.h"

#include "base/ban.h"

static int put_group(struct mr_load *load, const struct mr_load_group *group, struct mr_err *err)
{
    uint64_t n_done = 0;
    struct mr_put_rows put = {.table = load->rows->table,
                              .key = &load->rows->key,
                              .cols = group->cols,
                              .rows = group->rows,
                              .n_rows = group->n_rows};
    if (group->mask != NULL) /* no key to find a row by that could give what it lacks */
        return mr_masked_missing(load, group, err);
    int rc = load->session->ops->put_rows(load->session, &put, MR_PUT_INSERT, &n_done, err);
    load->stats->n_inserted += n_done;
    load->stats->n_direct += n_done;
    if (rc == 0)
        mr_load_left_out(load, group->n_rows, n_done);
    if (rc != -MR_EXISTS)
        return rc;
    return mr_err_set_db(err, MR_CLASS_POISON, "23505", "%s", err != NULL ? err->detail : "");
}

static int put_run(struct mr_load *load, const struct mr_row **rows, size_t n, struct mr_err *err)
{
    struct mr_load_groups groups;
    int rc = mr_load_groups_make(&groups, rows, n, true, err);
    for (size_t i = 0; rc == 0 && i < groups.n_groups; i++)
        rc = put_group(load, &groups.groups[i], err);
    mr_load_groups_release(&groups);
    return rc;
}

static int delete_one(struct mr_load *load, const struct mr_row *row, struct mr_err *err)
{
    uint64_t n_done = 0;
    int rc = load->session->ops->delete_match(load->session, load->rows->table, row, &n_done, err);
    load->stats->n_deleted += n_done;
    return rc;
}

int mr_keyless_run(struct mr_load *load, struct mr_err *err)
{
    const struct mr_rows *rows = load->rows;
    const struct mr_row **run = malloc(rows->n_rows * sizeof(*run));
    size_t n = 0;
    int rc = run != NULL ? 0 : mr_err_set(err, MR_NO_MEMORY, "%zu rows", rows->n_rows);
    for (size_t i = 0; rc == 0 && i < rows->n_rows; i++) {
        if (rows->rows[i].op == MR_ROW_UPSERT) {
            run[n++] = &rows->rows[i];
            continue;
        }
        if (n > 0)
            rc = put_run(load, run, n, err);
        n = 0;
        if (rc == 0)
            rc = delete_one(load, &rows->rows[i], err);
    }
    if (rc == 0 && n > 0)
        rc = put_run(load, run, n, err);
    free(run);
    return rc;
}
