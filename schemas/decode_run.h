/* The decoder's inside, for decode.c (records), decode_row.c (fields), decode_array.c and
 * decode_tuple.c (assembly). */
#ifndef MR_SCHEMAS_DECODE_RUN_H
#define MR_SCHEMAS_DECODE_RUN_H

#include "schemas/plan_ops.h"

enum { MR_MASK_WORDS = (MR_TABLE_MAX_COLUMNS + 63) / 64 };

/* A key column's value: where its field and its canonical form lie in the decoder's buffers. */
struct mr_slot {
    bool set;
    bool from_row; /* the field is in `row`, else in `key_fields` */
    size_t at;
    size_t len;
    size_t canon_at;
    size_t canon_len;
};

struct mr_decoder {
    struct mr_convert_run run;
    struct mr_num_scratch num;
    struct mr_wire wire;
    const struct mr_plan *plan;
    const struct mr_record_in *in;
    struct mr_err *err;
    struct mr_buf row;        /* fields in the order of reading; with in_order the tuple itself */
    struct mr_buf tuple;      /* assembled, where reading order is another */
    struct mr_buf key_fields; /* fields of the key record */
    struct mr_buf canons;     /* canonical forms, in the order of reading */
    struct mr_buf check;      /* canonical form of a value that is compared with the key's */
    struct mr_buf key_tuple;
    struct mr_buf key;     /* canonical forms, in key order */
    struct mr_buf doc;     /* JSON, or a literal in the making */
    struct mr_buf attrs;   /* texts of row types' attributes, of inner ones behind outer ones */
    struct mr_buf old_key; /* as key and key_tuple, of the key that the row had before */
    struct mr_buf old_key_tuple;
    struct mr_buf kept; /* bytes that outlive the reading of a second row or key */
    /* of these buffers, and run's: what they may have together above their own (G-06) */
    size_t shared;
    size_t shared_all;
    size_t bounded_for; /* the record's size, rounded */
    struct mr_slot slots[MR_KEY_MAX_COLUMNS];
    size_t field_at[MR_TABLE_MAX_COLUMNS]; /* in row; only of fields that were read */
    uint64_t mask[MR_MASK_WORDS];
    bool masked;
    uint64_t null_mask[MR_MASK_WORDS]; /* nulls that are no values in an update (U-13) */
    bool null_masked;
    uint64_t match_mask[MR_MASK_WORDS]; /* fields of `before` that are not compared (E-40) */
    /* what the envelope said */
    char op;
    char op_text[2];
    bool have_op;
    bool deleted;
    bool have_row;
    bool as_before;         /* the row was read by the ops of before's own type */
    struct mr_slice before; /* data NULL: null or absent */
    struct mr_slice after;  /* the same */
    struct mr_guard_input guard_inputs[MR_GUARD_MAX_INPUTS];
    struct mr_guard_value guard;
    int64_t source_ts_ms;
};

/* decode_row.c: which ops do their work. */
enum mr_row_mode {
    MR_ROW_FULL, /* every mapped op writes its field */
    MR_ROW_KEYS, /* only those of key columns, into their slots */
    MR_ROW_SKIP, /* none: checks alone */
};
/* Runs ops over the wire's next values. Errors: everything of contract.md sections 2 and 5. */
int mr_decode_ops(struct mr_decoder *d, const struct mr_ops *ops, enum mr_row_mode mode);
/* Normalises and writes a value that was read. */
static inline int mr_decode_convert(struct mr_decoder *d, const struct mr_convert *c,
                                    struct mr_value *v)
{
    if (c->normalise != NULL) {
        int rc = c->normalise(&d->run, c, v);
        if (rc < 0)
            return rc;
    }
    return c->write(&d->run, c, v);
}
/* Runs the key's ops over the record key. */
int mr_decode_key(struct mr_decoder *d);

/* decode_array.c: arrays of scalars into array columns, arrays in arrays and literals. */
int mr_decode_array(struct mr_decoder *d, const struct mr_op *op);
int mr_decode_matrix(struct mr_decoder *d, const struct mr_op *op);
/* decode_composite.c: records into row literals. */
int mr_decode_row_literal(struct mr_decoder *d, const struct mr_op *op);
/* decode_row.c: a mapped value that is there, or null. */
int mr_decode_value(struct mr_decoder *d, const struct mr_op *op);
int mr_decode_null(struct mr_decoder *d, const struct mr_op *op);
/* decode_guard.c, only where the plan's guard is of a kind. */
void mr_guard_begin(struct mr_decoder *d);
/* Keeps a value that an op captures for the guard. */
int mr_guard_capture(struct mr_decoder *d, const struct mr_op *op, const struct mr_value *v);
/* Makes the guard, once op is known and the record was read. Errors: guard.missing (O-09). */
int mr_guard_finish(struct mr_decoder *d);
/* Appends it as a field. */
void mr_guard_put(struct mr_decoder *d, const struct mr_coltype *to);
/* It alone as a tuple, for what writes no row; data NULL: none. */
int mr_guard_tuple(struct mr_decoder *d, struct mr_slice *out);

/* decode.c: runs ops over the row in `before`, whose structure was checked when it was passed. */
int mr_decode_before(struct mr_decoder *d, enum mr_row_mode mode);

/* decode_old.c: the key that the row had before, into out->old_key; after the row is finished. From
 * the header (nothing where it is absent or cannot be read), or from `before` (E-12). */
void mr_decode_old_header(struct mr_decoder *d, struct mr_decoded *out);
int mr_decode_old_before(struct mr_decoder *d, struct mr_decoded *out);
/* U-32: the key that a deleted row has from now on, into out->new_key_tuple; likewise. */
void mr_decode_new_header(struct mr_decoder *d, struct mr_decoded *out);
/* E-40: the whole `before` as what one row of a table without a key must equal. */
int mr_decode_match(struct mr_decoder *d, struct mr_decoded *out);

/* decode_tuple.c */
void mr_tuple_begin(struct mr_decoder *d);
/* Finishes the tuple of a row that was read (have_row), or of key and meta alone. */
int mr_tuple_finish(struct mr_decoder *d, struct mr_slice *out);
/* Joins the slots to key and key tuple. Errors: key.missing for a slot that nothing set. */
int mr_tuple_key(struct mr_decoder *d, struct mr_decoded *out);
int mr_tuple_key_into(struct mr_decoder *d, struct mr_buf *key, struct mr_buf *key_tuple);
bool mr_tuple_key_complete(const struct mr_decoder *d);

#endif
