/* A row as its emitter wrote it, with what it must know of earlier ones. Everything it points to is
 * in the batch's arena, or its plan's. Threads: fill, then write, never both. */
#ifndef MR_SCHEMAS_ROW_H
#define MR_SCHEMAS_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

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
    bool position; /* the source's: the two halves of a change have the same, no others do */
};

enum mr_row_op { MR_ROW_UPSERT, MR_ROW_DELETE };

enum mr_row_flag {
    MR_ROW_INSERT = 1 << 0, /* from op c or r and first of its key here: likely a new key */
    MR_ROW_READ = 1 << 2,   /* a snapshot's: with a guard it must be newer to count (O-06) */
    MR_ROW_REPLACED =
        1 << 1, /* a delete came before in this batch: absent columns get defaults */
    MR_ROW_BEHIND = 1 << 5, /* a delete of a row that an earlier record, put aside, had changed */
    MR_ROW_NOTED = 1 << 3,  /* the rows that made this state are in the journal (rows_journal.h) */
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
    /* To mr_rows_add alone, of a row after a change of its key: the old one; of a delete: the key
     * under which its row goes on. data NULL: none. */
    struct mr_slice old_key;
    struct mr_slice old_key_tuple;
    struct mr_slice new_key_tuple;
    /* Of a masked row after a change of its key, and of a delete that ended one: whose values the
     * masked columns have. NULL: its own key's. */
    struct mr_row_left *came;
    /* Of a masked row: the records that it was folded from. Each of them is masked where it is, so
     * each is at fault where nothing completes it (U-31). */
    const struct mr_row_place *places;
};

/* A row that left its key and goes on under another one: what it was is found at the flush, or kept
 * for the batch with its new key (U-30, U-32). Or the other half, one that came. In the arena. */
struct mr_row_left {
    struct mr_slice key; /* the old one */
    struct mr_slice key_tuple;
    struct mr_slice new_key_tuple;
    struct mr_slice tuple; /* the record's guard as a delete has it, or empty */
    uint32_t span_idx;
    int64_t offset;
    /* Of a row that left: */
    const struct mr_row_past *past; /* the state that the delete ended; NULL: the target's */
    bool gone;   /* the key had been deleted before, or is MR_ROW_BEHIND: the row is not known */
    bool unsure; /* its key has states of several partitions, and no guard */
    bool taken;  /* the row with the new key is in this batch, too */
    bool plain;  /* its delete named no other key */
    /* Of one that came: */
    bool came;
    bool lost;              /* nobody can tell what it was */
    struct mr_row_left *of; /* the half that left; NULL: it is not in the batch, or unknown yet */
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
        *past; /* NULL: nothing; to mr_rows_add: old_key and old_key_tuple, or new_key_tuple */
};

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

#endif
