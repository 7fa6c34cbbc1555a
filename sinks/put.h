/* What a session is given to write: dead letters, and rows of one table with one column set. */
#ifndef MR_SINKS_PUT_H
#define MR_SINKS_PUT_H

#include "schemas/guard.h"
#include "schemas/rows.h"

/* A record put aside (design.md section 6). Slices are borrowed until put_letters returns. */
struct mr_letter {
    const char *stream;
    int32_t partition;
    int64_t offset;
    struct mr_slice key;      /* data NULL: null */
    struct mr_slice value;    /* data NULL: null */
    const char *headers_json; /* array of {"k": name, "v": base64 or null}; never NULL */
    int64_t timestamp_ms;     /* -1: none */
    const char *code;         /* "avro.trailing" */
    const char *sqlstate;     /* "" if none */
    const char *detail;       /* mr_err_line-like text with place and remedy */
    const char *target_table; /* "" if not known */
    void *message;            /* the source's own, for who puts letters there; NULL: none */
};

enum mr_put {
    MR_PUT_INSERT, /* plain insert; a unique violation gives -MR_EXISTS (FLOW) */
    MR_PUT_UPSERT, /* insert, or update the tuple's columns of the row with this key */
    MR_PUT_UPDATE, /* update existing rows only; `missing` names those that are not there */
};

/* Rows of one table with one column set (and, for MR_PUT_UPDATE, one mask: masked fields of the
 * tuples are NULL and must not be written). `rows` are in offset order and distinct by key except
 * in MR_PUT_INSERT of append strategies. */
struct mr_put_rows {
    struct mr_table *table;
    const struct mr_colset *key;
    const struct mr_colset *cols;
    const uint64_t *mask; /* NULL: none */
    const struct mr_row *const *rows;
    size_t n_rows;
    bool absent_get_defaults; /* rows were R-04 replaced: delete_keys ran on them before */
    bool *missing; /* of MR_PUT_UPDATE: n_rows of them, cleared by the caller; NULL: not asked */
};

/* The record of which the target said that it refused a put, or a delete, for it. A hint: where to
 * look first, nothing to judge a record by. */
struct mr_refused {
    bool known;
    uint32_t span_idx;
    int64_t offset;
};
static inline struct mr_refused mr_refused_for(const struct mr_row *row)
{
    return (struct mr_refused){true, row->span_idx, row->offset};
}

enum { MR_READ_MAX_ROWS = 64 }; /* of one call: what it reads is in memory at once */

/* Columns of rows as they are now, in the emitter's own form. */
struct mr_read_rows {
    struct mr_table *table;
    const struct mr_colset *key;
    const struct mr_colset *cols;
    const struct mr_slice *keys; /* key tuples; distinct or not */
    size_t n_keys;               /* at most MR_READ_MAX_ROWS */
    struct mr_arena *arena;      /* where the tuples go */
    struct mr_slice *tuples;     /* out: n_keys; data NULL where there is no such row */
};

/* Distinct keys of a table. */
struct mr_keys {
    struct mr_table *table;
    const struct mr_colset *key;
    const struct mr_slice *tuples;
    uint32_t n;
};

/* What a row whose key changed had, in the strategy's own form, under its old key (U-32). */
struct mr_kept {
    struct mr_slice key;    /* its tuple */
    struct mr_slice values; /* data NULL: none */
};
struct mr_kept_rows {
    const struct mr_table *table;
    struct mr_kept *kept; /* to be put: distinct by key */
    size_t n;
    uint64_t ttl_ms;        /* older ones are not read */
    size_t n_expire;        /* kept_put: and more than so many dropped; 0: none */
    struct mr_arena *arena; /* of kept_read: where the values go */
};

/* Rows of a guarded table (contract.md section 3.1). */
struct mr_guarded {
    struct mr_table *table;
    const struct mr_colset *key;
    const struct mr_guard_use *guard;
    const struct mr_row *const *rows; /* distinct by key */
    size_t n_rows;
};

#endif
