/* Rows of one table and their reduction by key: what a lane gathers between two flushes. Everything
 * is in the batch's arena. Threads: fill, then write, never both. */
#ifndef MR_SCHEMAS_ROWS_H
#define MR_SCHEMAS_ROWS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "schemas/row.h"
#include "schemas/table.h"

struct mr_row_entry; /* rows_journal.h */

/* Rows of one table in one batch. */
struct mr_rows {
    struct mr_table *table; /* a reference */
    struct mr_colset key;   /* key columns of the table, in key order; n_cols 0: keyless */
    bool reduce;            /* fold by key (upsert) or keep every row (append) */
    bool loose;             /* only the target tells which keys are equal: folded by
                               mr_rows_regroup, kept as they come until then (F-33) */
    bool regrouped;         /* that was done */
    size_t fold_bytes;      /* of loose keys: what the fold may take at most */
    size_t max_bytes;       /* of loose keys: the largest row */
    struct mr_arena *arena; /* the batch's */
    struct mr_map by_key;   /* canonical key -> index + 1 as pointer-sized integer */
    struct mr_row *rows;    /* grows by doubling, outside the arena; capacity kept across resets */
    size_t n_rows;
    size_t cap_rows;
    struct mr_row_left *left;     /* the last one; NULL: none */
    struct mr_row_entry *journal; /* the last one; NULL: none */
    size_t n_journal;
    size_t n_moved; /* rows whose masked values were looked for under an old key, since reset */
    struct mr_guard_use guard; /* like `key`: set when the rows are empty */
    struct mr_slice floor;     /* octets of the highest truncate; data NULL: none */
    uint64_t n_cross;          /* records whose key another partition of the batch has, too */
    uint64_t n_stale;          /* records that were older than what their key has, since reset */
    uint64_t n_folded;         /* rows that a later one replaced, since reset */
    bool truncated;            /* the table is emptied before these rows */
};

void mr_rows_init(struct mr_rows *rows, struct mr_table *table, const struct mr_colset *key,
                  bool reduce, struct mr_arena *arena, uint64_t seed);
void mr_rows_release(struct mr_rows *rows);
void mr_rows_reset(struct mr_rows *rows);

/* Is there anything to be done to the table? */
static inline bool mr_rows_have_work(const struct mr_rows *rows)
{
    return rows->n_rows > 0 || rows->truncated || rows->floor.data != NULL;
}

/* the source emptied the table. What was gathered is dropped, and what comes from now on
 * folds from nothing, into an empty table. */
void mr_rows_truncate(struct mr_rows *rows);

/* as mr_rows_truncate, of what is older than a truncate with the guard `written` (by its
 * emitter); what is older is dropped from now on, too. 0; -MR_FULL. */
int mr_rows_truncate_below(struct mr_rows *rows, struct mr_slice written, struct mr_err *err);

/* Adds `row` (its slices are borrowed: tuple, key and key_tuple are copied into the arena) and
 * folds it with the key's earlier state by contract.md section 3.2 (R-01..R-06, R-08); a masked one
 * whose key changed remembers where it came from (U-30), a delete with a new key joins those that
 * left. 0;
 * -MR_FULL when the arena has no room, no row has changed then. */
int mr_rows_add(struct mr_rows *rows, const struct mr_row *row, struct mr_err *err);

/* A record that takes one row away and brings another (E-12, E-40): both, or on -MR_FULL neither.
 */
int mr_rows_add_change(struct mr_rows *rows, const struct mr_row *gone, const struct mr_row *row,
                       struct mr_err *err);

/* folds the states that a key has in several partitions, in the order of `rank` (by span),
 * before the rows are loaded. Nothing to do the second time. 0, or -MR_NO_MEMORY. */
int mr_rows_settle(struct mr_rows *rows, const uint32_t *rank, struct mr_err *err);

/* The field with its length word that stands for column `col`; false where `cols` lacks it. */
bool mr_tuple_column(const struct mr_colset *cols, struct mr_slice tuple, uint16_t col,
                     uint16_t *idx, struct mr_slice *field);

/* Field number `idx` of a tuple: its payload; false for NULL. The tuple is our own, so well-formed.
 */
bool mr_tuple_field(struct mr_slice tuple, uint16_t idx, struct mr_slice *out);

/* ---- rows_guard.c ---- */
/* The guard of a row, as its emitter wrote it; false: it has none. */
bool mr_row_guard(const struct mr_guard_use *use, const struct mr_row *row, struct mr_slice *out);
/* The same as a delete's tuple; false: it has none, or the table has no guards. */
enum { MR_ROW_GUARD_BYTES = 80 };
bool mr_row_guard_tuple(const struct mr_rows *rows, const struct mr_row *row,
                        uint8_t out[MR_ROW_GUARD_BYTES]);
/* May these be the halves of one change, by their guards? Only a guard that is a position tells. */
bool mr_rows_same_change(const struct mr_rows *rows, struct mr_slice a, struct mr_slice b);
/* is `row` older than the state that its key has? */
bool mr_rows_is_stale(const struct mr_rows *rows, const struct mr_row *state,
                      const struct mr_row *row);
/* Is it older than the floor? */
bool mr_rows_is_below(const struct mr_rows *rows, const struct mr_row *row);

#endif
