/* Owns the order of guarded rows inside a batch (contract.md ). Must not fold: rows.c
 * does that with what is let through. */
#include "schemas/guard.h"
#include "schemas/rows.h"

#include "base/ban.h"

bool mr_row_guard(const struct mr_guard_use *use, const struct mr_row *row, struct mr_slice *out)
{
    if (row->tuple.data == NULL)
        return false;
    if (row->op == MR_ROW_DELETE)
        return mr_tuple_field(row->tuple, 0, out);
    for (uint16_t i = row->cols->n_cols; i > 0; i--) {
        if (row->cols->cols[i - 1] == use->col)
            return mr_tuple_field(row->tuple, (uint16_t)(i - 1), out);
    }
    return false;
}

bool mr_row_guard_tuple(const struct mr_rows *rows, const struct mr_row *row,
                        uint8_t out[MR_ROW_GUARD_BYTES])
{
    struct mr_slice guard;
    if (!rows->guard.on || !mr_row_guard(&rows->guard, row, &guard) ||
        guard.len > MR_ROW_GUARD_BYTES - 6)
        return false;
    mr_put_u16(out, 1);
    mr_put_u32(out + 2, (uint32_t)guard.len);
    memcpy(out + 6, guard.data, guard.len);
    return true;
}

bool mr_rows_same_change(const struct mr_rows *rows, struct mr_slice a, struct mr_slice b)
{
    return !rows->guard.position || a.len == 0 || b.len == 0 || mr_slice_eq(a, b);
}

bool mr_rows_is_stale(const struct mr_rows *rows, const struct mr_row *state,
                      const struct mr_row *row)
{
    struct mr_slice mine;
    struct mr_slice theirs;
    if (!mr_row_guard(&rows->guard, row, &mine))
        return true; /* O-06: a snapshot's row, where its key has a state already */
    if (!mr_row_guard(&rows->guard, state, &theirs))
        return false;
    int order = mr_guard_order(rows->guard.single, mine, theirs);
    return order < 0 || (order == 0 && (row->flags & MR_ROW_READ) != 0);
}

bool mr_rows_is_below(const struct mr_rows *rows, const struct mr_row *row)
{
    uint8_t octets[MR_GUARD_MAX_BYTES];
    struct mr_slice guard;
    if (!mr_row_guard(&rows->guard, row, &guard))
        return true;
    size_t len = mr_guard_octets(&rows->guard, guard, octets);
    return mr_guard_order(false, (struct mr_slice){octets, len}, rows->floor) < 0;
}
