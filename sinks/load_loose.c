/* Rows whose keys only the target can compare (contract.md F-33): its answer decides which of them
 * are folded, before anything is written. Speaks to sink->ops only. */
#include <stdlib.h>

#include "schemas/rows_loose.h"
#include "sinks/load_masked.h"

#include "base/ban.h"

/* Keys stand for themselves where there is nothing to compare, and where the target has nothing to
 * say. */
static int groups_ask(struct mr_load *load, const struct mr_loose_keys *keys, uint32_t *groups,
                      struct mr_err *err)
{
    const struct mr_keys ask = {
        .table = load->rows->table, .key = &load->rows->key, .tuples = keys->tuples, .n = keys->n};
    for (uint32_t i = 0; i < keys->n; i++)
        groups[i] = i;
    return keys->n > 1 ? load->session->ops->key_groups(load->session, &ask, groups, err) : 0;
}

int mr_load_regroup(struct mr_load *load, struct mr_err *err)
{
    struct mr_rows *rows = load->rows;
    struct mr_loose_keys keys;
    if (!rows->loose || rows->regrouped || rows->n_rows == 0)
        return 0;
    int rc = mr_loose_keys_make(&keys, rows, err);
    uint32_t *groups = calloc((size_t)keys.n + 1, sizeof *groups);
    if (rc == 0 && groups == NULL)
        rc = mr_err_set(err, MR_NO_MEMORY, "%u keys", keys.n);
    if (rc == 0)
        rc = groups_ask(load, &keys, groups, err);
    if (rc == 0)
        rc = mr_rows_regroup(rows, &keys, groups, load->rank, err);
    free(groups);
    mr_loose_keys_release(&keys);
    return rc;
}
