/* Owns a target's memory of its key: the table's columns, one a line, in the table's order. It
 * lives as long as the process: after a start the table's own unique index is what counts. */
#include "consumer/target_key.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/evolve.h"

#include "base/ban.h"

static bool unique_has(const struct mr_unique *unique, uint16_t col)
{
    for (uint16_t k = 0; k < unique->n_cols; k++) {
        if (unique->cols[k] == col)
            return true;
    }
    return false;
}

/* In the order of the table, so that the same columns give the same text. */
static void names_of(const struct mr_table *table, const struct mr_unique *unique,
                     struct mr_buf *out)
{
    mr_buf_reset(out);
    for (uint16_t i = 0; i < table->n_columns; i++) {
        if (unique_has(unique, i))
            mr_buf_fmt(out, "%s\n", table->columns[i].name);
    }
}

static bool still_there(const struct mr_table *table, const char *key)
{
    struct mr_buf names = MR_BUF_INIT;
    bool found = false;
    for (uint16_t u = 0; u < table->n_uniques && !found; u++) {
        names_of(table, &table->uniques[u], &names);
        found = strcmp(mr_buf_cstr(&names), key) == 0;
    }
    mr_buf_release(&names);
    return found;
}

/* "id, part" of the lines. */
static void shown(const char *key, char *out, size_t cap)
{
    size_t n = 0;
    for (const char *at = key; *at != '\0' && n + 3 < cap; at++) {
        if (*at != '\n') {
            out[n++] = *at;
        } else if (at[1] != '\0') {
            out[n++] = ',';
            out[n++] = ' ';
        }
    }
    out[n] = '\0';
}

static int changed(const char *key, const struct mr_shape *shape, struct mr_err *err)
{
    char old[200];
    char now[200];
    struct mr_buf names = MR_BUF_INIT;
    for (uint16_t k = 0; k < shape->n_key; k++)
        mr_buf_fmt(&names, "%s\n", shape->columns[shape->key_columns[k]].name);
    shown(key, old, sizeof old);
    shown(mr_buf_cstr(&names), now, sizeof now);
    mr_buf_release(&names);
    return mr_err_set(err, MR_KEY_CHANGED, "the table is loaded by key (%s), the record's is (%s)",
                      old, now);
}

int mr_target_key_check(struct mr_target *target, const struct mr_shape *shape,
                        const struct mr_table *table, struct mr_err *err)
{
    struct mr_buf names = MR_BUF_INIT;
    int rc = 0;
    if (table == NULL || shape->n_key == 0)
        return 0;
    const struct mr_unique *unique = mr_evolve_key(shape, table);
    if (unique != NULL)
        names_of(table, unique, &names);
    const char *now = mr_buf_cstr(&names);
    mr_lock_take(&target->lock);
    if (target->key != NULL && strcmp(target->key, now) != 0 && still_there(table, target->key)) {
        rc = changed(target->key, shape, err);
    } else if (unique != NULL && (target->key == NULL || strcmp(target->key, now) != 0)) {
        free(target->key);
        target->key = strdup(now); /* without memory the next plan remembers it */
    }
    mr_lock_drop(&target->lock);
    mr_buf_release(&names);
    return rc;
}
