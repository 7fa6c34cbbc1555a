/* Strategy `append`: every record is one new row, in the order it came: no reduction, no
 * key. Masked columns are NULL in the tuple already. Speaks to sink->ops only. */
#include <stdlib.h>

#include "sinks/load_groups.h"

#include "base/ban.h"

/* An appended row that meets a unique index of the table is a fault of that record. */
static int append_exists(struct mr_err *err, int rc)
{
    if (rc != -MR_EXISTS)
        return rc;
    return mr_err_set_db(err, MR_CLASS_POISON, "23505", "%s", err != NULL ? err->detail : "");
}

static int append_groups(struct mr_load *load, const struct mr_load_groups *groups,
                         struct mr_err *err)
{
    struct mr_session *session = load->session;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < groups->n_groups; i++) {
        const struct mr_load_group *group = &groups->groups[i];
        struct mr_put_rows put = {.table = load->rows->table,
                                  .key = &load->rows->key,
                                  .cols = group->cols,
                                  .rows = group->rows,
                                  .n_rows = group->n_rows};
        uint64_t n_done = 0;
        rc = session->ops->put_rows(session, &put, MR_PUT_INSERT, &n_done, err);
        load->stats->n_inserted += n_done;
        load->stats->n_direct += n_done;
        if (rc == 0)
            mr_load_left_out(load, group->n_rows, n_done);
    }
    return append_exists(err, rc);
}

static int append_run(struct mr_load *load, struct mr_err *err)
{
    const struct mr_rows *rows = load->rows;
    if (rows->n_rows == 0)
        return 0;
    const struct mr_row **picked = malloc(rows->n_rows * sizeof(*picked));
    if (picked == NULL)
        return mr_err_set(err, MR_NO_MEMORY, "%zu rows", rows->n_rows);
    for (size_t i = 0; i < rows->n_rows; i++)
        picked[i] = &rows->rows[i];
    struct mr_load_groups groups;
    int rc = mr_load_groups_make(&groups, picked, rows->n_rows, false, err);
    if (rc == 0)
        rc = append_groups(load, &groups, err);
    mr_load_groups_release(&groups);
    free(picked);
    return rc;
}

const struct mr_load_ops mr_load_append = {.name = "append", .reduce = false, .run = append_run};
