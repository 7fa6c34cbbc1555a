/* Rows as their emitter wrote them, and their reduction by key: what a lane gathers between two
 * flushes for one table. Everything is in the batch's arena. Threads: fill, then write, never both.
 */
#ifndef MR_SCHEMAS_ROWS_H
#define MR_SCHEMAS_ROWS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "schemas/table.h"

/* The columns that a tuple carries, in its order, ascending by column index. Immutable, owned by
 * the plan or, for a union made by a fold, by the batch's arena. */
struct mr_colset {
    uint16_t n_cols;
    const uint16_t *cols; /* indexes into the table's columns */
};

/* How rows of a table are guarded (contract.md section 3.1). */
struct mr_guard_use {
    bool on;
    bool single;    /* an int8, else a bytea (O-10) */
    uint8_t before; /* bytes that the emitter puts before its octets or number */
    uint16_t col;   /* of the table */
    uint64_t tomb_ttl_ms;
};

enum mr_row_op { MR_ROW_UPSERT, MR_ROW_DELETE };

enum mr_row_flag {
    MR_ROW_INSERT = 1 << 0, /* from op c or r and first of its key here: likely a new key */
    MR_ROW_READ = 1 << 2,   /* a snapshot's: with a guard it must be newer to count (O-06) */
    MR_ROW_REPLACED =
        1 << 1, /* a delete came before in this batch: absent columns get defaults */
};

/* A record that a masked row was folded from, besides the last one. */
struct mr_row_place {
    uint32_t span_idx;
    int64_t offset;
    const struct mr_row_place *before; /* NULL: the first one */
};

/* What few rows must still know of what came before them in the batch; in the arena. */
struct mr_row_past {
    /* Of a delete: the state that it ended, `cols` NULL where the batch had none (U-30). */
    const struct mr_colset *cols;
    struct mr_slice tuple;
    const uint64_t *mask;
    bool replaced;
    /* Of a masked row after a change of its key, and of a delete that ended one: whose row has the
     * values of the masked columns; data NULL: its own. */
    struct mr_slice old_key;
    struct mr_slice old_key_tuple;
    bool old_in_target; /* as it was before the batch: this partition's delete of it is in the batch
                         */
    struct mr_slice new_key; /* to mr_rows_add alone, of a delete: where its row goes on (U-32) */
    /* Of a masked row: the records that it was folded from. Each of them is masked where it is, so
     * each is at fault where nothing completes it (U-31). */
    const struct mr_row_place *places;
};

/* A row that went on under another key (U-32): what it was is asked for when the batch with its new
 * key comes. In the arena. */
struct mr_row_left {
    struct mr_slice key;
    struct mr_slice key_tuple;
    struct mr_slice new_key;
    struct mr_slice tuple;          /* of the delete: its guard, or empty */
    const struct mr_row_past *past; /* the state that the delete ended; NULL: the target's */
    uint32_t span_idx;
    bool taken; /* the row with the new key is in this batch, too */
    struct mr_row_left *before;
};

struct mr_row {
    enum mr_row_op op;
    uint32_t flags;
    const struct mr_colset *cols; /* of `tuple`; NULL for deletes */
    struct mr_slice tuple;        /* emit.h's framing; of deletes empty, or their guard alone */
    struct mr_slice key;          /* canonical bytes (F-33); empty in keyless tables */
    struct mr_slice key_tuple;    /* the key columns in emit.h's framing, in key order */
    const uint64_t
        *mask;         /* bit i: tuple field i is unavailable (contract.md section 4); NULL: none */
    uint32_t span_idx; /* which of the batch's spans it came from */
    uint32_t sibling;  /* index + 1 of the key's state in another partition; 0: none */
    int64_t offset;
    struct mr_row_past
        *past; /* NULL: nothing; to mr_rows_add: old_key and old_key_tuple, or new_key */
};

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
    struct mr_row_left *left; /* the last one; NULL: none */
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
 * folds it with the key's earlier state by contract.md section 3.2 (R-01..R-06, R-08), a masked one
 * whose key changed with the old key's (U-30); a delete with a new key joins those that left. 0;
 * -MR_FULL when the arena has no room, no row has changed then. */
int mr_rows_add(struct mr_rows *rows, const struct mr_row *row, struct mr_err *err);

/* A record that takes one row away and brings another (E-12, E-40): both, or on -MR_FULL neither.
 */
int mr_rows_add_change(struct mr_rows *rows, const struct mr_row *gone, const struct mr_row *row,
                       struct mr_err *err);

/* folds the states that a key has in several partitions, in the order of `rank` (by span),
 * before the rows are loaded. Nothing to do the second time. 0, or -MR_NO_MEMORY. */
int mr_rows_settle(struct mr_rows *rows, const uint32_t *rank, struct mr_err *err);

/* Bytes of the field that begins at `at`, with its length word. */
static inline size_t mr_field_len(const uint8_t *at)
{
    uint32_t len = mr_get_u32(at);
    return len == UINT32_MAX ? 4 : 4 + (size_t)len;
}

/* Whether field `idx` is unavailable. */
static inline bool mr_row_is_masked(const uint64_t *mask, uint16_t idx)
{
    return mask != NULL && (mask[idx / 64] >> (idx % 64) & 1) != 0;
}

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
/* is `row` older than the state that its key has? */
bool mr_rows_is_stale(const struct mr_rows *rows, const struct mr_row *state,
                      const struct mr_row *row);
/* Is it older than the floor? */
bool mr_rows_is_below(const struct mr_rows *rows, const struct mr_row *row);

#endif
