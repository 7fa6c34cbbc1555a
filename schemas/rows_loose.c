/* Keys that only the target can compare (contract.md F-33): gathers the distinct ones, and folds
 * rows once it is known which are equal. Must not ask the target. */
#include "schemas/rows_loose.h"

#include <stdlib.h>

#include "base/memory.h"

#include "base/ban.h"

enum { FOLD_BYTES = 1024 }; /* of one fold, beside its rows: column set, mask, past, notes */

void mr_rows_key(struct mr_rows *rows, const struct mr_colset *key)
{
    rows->key = *key;
    rows->loose = rows->reduce && key->n_cols > 0 &&
                  mr_table_loose_key(rows->table, key->cols, key->n_cols) != NULL;
}

void mr_loose_keys_release(struct mr_loose_keys *keys)
{
    mr_map_release(&keys->by_key);
    free(keys->keys);
    free(keys->tuples);
    *keys = (struct mr_loose_keys){.n = 0};
}

static int key_note(struct mr_loose_keys *keys, struct mr_slice key, struct mr_slice tuple)
{
    if (mr_map_find(&keys->by_key, key.data, key.len) != NULL)
        return 0;
    keys->keys[keys->n] = key;
    keys->tuples[keys->n++] = tuple;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the map keeps a number, never a place */
    return mr_map_put(&keys->by_key, key.data, key.len, (void *)(uintptr_t)keys->n);
}

int mr_loose_keys_make(struct mr_loose_keys *keys, const struct mr_rows *rows, struct mr_err *err)
{
    *keys = (struct mr_loose_keys){.n = 0};
    mr_map_init(&keys->by_key, rows->by_key.seed);
    keys->keys = mr_memory_given(calloc(2 * rows->n_rows + 1, sizeof *keys->keys));
    keys->tuples = mr_memory_given(calloc(2 * rows->n_rows + 1, sizeof *keys->tuples));
    int rc = keys->keys != NULL && keys->tuples != NULL ? 0 : -MR_NO_MEMORY;
    for (size_t i = 0; rc == 0 && i < rows->n_rows; i++) {
        const struct mr_row *row = &rows->rows[i];
        rc = key_note(keys, row->key, row->key_tuple);
        if (rc == 0 && row->past != NULL && row->past->old_key.data != NULL)
            rc = key_note(keys, row->past->old_key, row->past->old_key_tuple);
    }
    return rc == 0 ? 0 : mr_err_set(err, MR_NO_MEMORY, "%zu keys", rows->n_rows);
}

/* The key that stands for those that are equal to this one. */
static struct mr_slice key_of(const struct mr_loose_keys *keys, const uint32_t *groups,
                              struct mr_slice key)
{
    uintptr_t at = 0;
    if (key.data != NULL)
        at = (uintptr_t)mr_map_find(&keys->by_key, key.data, key.len);
    return at == 0 ? key : keys->keys[groups[at - 1]];
}

int mr_rows_regroup(struct mr_rows *rows, const struct mr_loose_keys *keys, const uint32_t *groups,
                    const uint32_t *rank, struct mr_err *err)
{
    struct mr_rows fresh = {.table = rows->table,
                            .key = rows->key,
                            .reduce = true,
                            .arena = rows->arena,
                            .truncated = rows->truncated};
    mr_map_init(&fresh.by_key, rows->by_key.seed);
    rows->arena->limit_bytes += 2 * rows->fold_bytes + rows->n_rows * FOLD_BYTES;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < rows->n_rows; i++) {
        struct mr_row row = rows->rows[i];
        struct mr_row_past past;
        row.key = key_of(keys, groups, row.key);
        if (row.past != NULL) {
            past = *row.past;
            past.old_key = key_of(keys, groups, past.old_key);
            row.past = &past;
        }
        rc = mr_rows_add(&fresh, &row, err);
    }
    if (rc == 0)
        rc = mr_rows_settle(&fresh, rank, err);
    mr_map_release(&fresh.by_key);
    if (rc < 0) {
        free(fresh.rows);
        return mr_err_set(err, MR_NO_MEMORY, "%zu rows of loose keys", rows->n_rows);
    }
    free(rows->rows);
    rows->rows = fresh.rows;
    rows->cap_rows = fresh.cap_rows;
    rows->n_rows = fresh.n_rows;
    rows->n_moved = fresh.n_moved;
    rows->left = fresh.left;
    rows->journal = fresh.journal;
    rows->n_journal = fresh.n_journal;
    rows->n_folded += fresh.n_folded;
    rows->n_cross += fresh.n_cross;
    rows->regrouped = true;
    return 0;
}
