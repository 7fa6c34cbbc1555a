/* Owns decoding one record by its plan: key, envelope, what is asked for (contract.md section 3).
 * Must not format anything on the way that works. Invariant: `out` is filled on 0 only, and its
 * slices live in the decoder until its next call. */
#include <stdlib.h>

#include "base/memory.h"
#include "schemas/decode_run.h"
#include "schemas/json_connect.h"
#include "schemas/walk.h"

#include "base/ban.h"

/* G-06, of all that decoding a record takes. Each buffer has room of its own, which it keeps over
 * records; what they have above it they share. */
enum {
    DECODE_FLOOR_BYTES = 1024 * 1024,
    DECODE_FACTOR = 64,
    SIZE_STEP = 256, /* sizes are told apart by it, so that a topic's records are mostly of one */
    OWN_BYTES = 16 * 1024,
    OWN_FACTOR = 4, /* of the record's size: the row's buffers */
    OWN_DIVISOR = 4 /* the others */
};

struct mr_decoder *mr_decoder_new(void)
{
    struct mr_decoder *d = mr_memory_given(calloc(1, sizeof *d));
    if (d == NULL)
        return NULL;
    d->run.num = &d->num;
    d->bounded_for = SIZE_MAX;
    return d;
}

void mr_decoder_free(struct mr_decoder *d)
{
    if (d == NULL)
        return;
    mr_buf_release(&d->row);
    mr_buf_release(&d->tuple);
    mr_buf_release(&d->key_fields);
    mr_buf_release(&d->canons);
    mr_buf_release(&d->check);
    mr_buf_release(&d->key_tuple);
    mr_buf_release(&d->key);
    mr_buf_release(&d->doc);
    mr_buf_release(&d->attrs);
    mr_buf_release(&d->old_key);
    mr_buf_release(&d->old_key_tuple);
    mr_buf_release(&d->kept);
    mr_buf_release(&d->run.text);
    mr_buf_release(&d->run.more);
    mr_buf_release(&d->run.items);
    free(d);
}

static size_t wire_bytes(const struct mr_record_in *in)
{
    return in->wire_bytes > 0 ? in->wire_bytes : in->value.len + in->key.len;
}

/* What a record of `size` bytes may take. Nothing to do where the last one was as large, and no
 * buffer took more than its own room. */
static void bound_memory(struct mr_decoder *d, size_t size)
{
    struct mr_buf *const bounded[] = {
        &d->row,      &d->tuple,    &d->doc,       &d->key_fields, &d->key,
        &d->canons,   &d->check,    &d->key_tuple, &d->old_key,    &d->old_key_tuple,
        &d->run.text, &d->run.more, &d->run.items, &d->attrs,      &d->kept};
    enum { N_BOUNDED = sizeof bounded / sizeof *bounded, N_ROWS = 3 };
    size -= size % SIZE_STEP;
    if (size == d->bounded_for && d->shared == d->shared_all)
        return;
    size_t limit = size * DECODE_FACTOR + DECODE_FLOOR_BYTES;
    d->bounded_for = size;
    d->shared_all = limit - sizeof *d;
    for (size_t i = 0; i < N_BOUNDED; i++) {
        size_t own = OWN_BYTES + (i < N_ROWS ? size * OWN_FACTOR : size / OWN_DIVISOR);
        if (bounded[i]->cap > own)
            mr_buf_release(bounded[i]);
        bounded[i]->limit = limit;
        bounded[i]->own = own;
        bounded[i]->shared = &d->shared;
        d->shared_all -= own;
    }
    d->shared = d->shared_all;
}

static void decoder_begin(struct mr_decoder *d, const struct mr_plan *plan,
                          const struct mr_record_in *in, struct mr_err *err)
{
    bound_memory(d, wire_bytes(in));
    d->plan = plan;
    d->in = in;
    d->err = err;
    d->run.emit = plan->emit;
    d->run.out = &d->row;
    d->run.err = err;
    d->run.zone_us = plan->zone_us;
    d->run.nanos_poison = plan->nanos_poison;
    d->run.excess_scale_round = plan->excess_scale_round;
    d->run.text_nul = plan->text_nul;
    d->run.label_missed = false;
    mr_buf_reset(&d->key_fields);
    mr_buf_reset(&d->canons);
    for (uint16_t i = 0; i < plan->n_slots; i++)
        d->slots[i].set = false;
    if (d->masked)
        memset(d->mask, 0, sizeof d->mask);
    d->masked = false;
    if (d->null_masked)
        memset(d->null_mask, 0, sizeof d->null_mask);
    d->null_masked = false;
    d->op = 0;
    d->have_op = false;
    d->deleted = false;
    d->have_row = false;
    d->as_before = false;
    d->before = (struct mr_slice){NULL, 0};
    d->source_ts_ms = -1;
    if (plan->guard.kind != MR_GUARD_NONE)
        mr_guard_begin(d);
    mr_tuple_begin(d);
}

static bool is_op(uint8_t letter)
{
    static const uint8_t letters[] = {'c', 'r', 'u', 'd', 't', 'm'};

    return memchr(letters, letter, sizeof letters) != NULL;
}

/* The envelope's op; `otherwise` for a plain record or a tombstone, which have none. */
static char op_or(const struct mr_decoder *d, char otherwise)
{
    if (d->op == 0)
        return otherwise;
    return d->op;
}

static int skip(struct mr_decoder *d, struct mr_decoded *out, const char *why)
{
    out->op = MR_REC_SKIP;
    out->skip = why;
    out->op_letter = op_or(d, '-');
    return 0;
}

/* In pieces: gcc zeroes a struct of this size by `rep stos`, a tenth of decoding ten columns. */
static void out_clear(struct mr_decoded *out)
{
    enum { PIECE = 64 };
    _Static_assert(sizeof *out > (size_t)2 * PIECE && sizeof *out <= (size_t)3 * PIECE, "3 pieces");
    uint8_t *at = (uint8_t *)out;
    memset(at, 0, PIECE);
    memset(at + PIECE, 0, PIECE);
    memset(at + (size_t)2 * PIECE, 0, sizeof *out - (size_t)2 * PIECE);
}

/* The record's own fields of `out`, once op is known. */
static void out_begin(const struct mr_decoder *d, struct mr_decoded *out)
{
    out_clear(out);
    out->op = MR_REC_SKIP;
    out->op_letter = op_or(d, '-');
    out->source_ts_ms = d->source_ts_ms;
}

/* U-13, U-16: in the columns that the route names, a null of an update is no value. Known only now,
 * since op may stand behind the row. */
static int settle_nulls(struct mr_decoder *d)
{
    bool plain = d->plan->layout == MR_LAYOUT_PLAIN && !d->have_op;
    for (uint16_t i = 0; i < d->plan->cols.n_cols; i++) {
        uint64_t bit = d->null_mask[i / 64] & UINT64_C(1) << (i % 64);
        if (bit == 0)
            continue;
        if (d->op == 'u' && !plain) {
            d->mask[i / 64] |= bit;
            d->masked = true;
        } else if (!d->plan->fields[i].nullable) {
            mr_err_in(d->err, NULL, d->plan->fields[i].column);
            return mr_err_set(d->err, MR_VALUE_NOT_NULL, "column '%s'", d->plan->fields[i].column);
        }
    }
    return 0;
}

static int finish_append(struct mr_decoder *d, struct mr_decoded *out)
{
    d->op_text[0] = op_or(d, 'd');
    d->op_text[1] = '\0';
    int rc = d->null_masked ? settle_nulls(d) : 0;
    if (rc == 0)
        rc = mr_tuple_finish(d, &out->tuple);
    if (rc < 0)
        return rc;
    out->op = MR_REC_APPEND;
    out->insert = true;
    out->cols = &d->plan->cols;
    out->mask = d->masked ? d->mask : NULL;
    return 0;
}

/* What writes no row carries its guard alone. */
static int finish_guard(struct mr_decoder *d, struct mr_decoded *out)
{
    int rc = mr_guard_finish(d);
    return rc < 0 ? rc : mr_guard_tuple(d, &out->tuple);
}

static int finish_delete(struct mr_decoder *d, struct mr_decoded *out)
{
    if (d->plan->append)
        return finish_append(d, out);
    int rc = d->plan->n_slots > 0 ? mr_tuple_key(d, out) : mr_decode_match(d, out);
    if (rc == 0 && d->plan->guard.kind != MR_GUARD_NONE && d->plan->n_slots > 0)
        rc = finish_guard(d, out);
    if (rc < 0)
        return rc;
    out->op = MR_REC_DELETE;
    if (d->plan->looks_moved && d->op == 'd')
        mr_decode_new_header(d, out);
    return 0;
}

/* E-40: without a key only new rows can be told. */
static int check_keyless(struct mr_decoder *d)
{
    if (d->plan->table == NULL)
        return mr_err_set(d->err, MR_TARGET_MISSING, "op %c", op_or(d, 'u'));
    if (d->plan->key_missing)
        return mr_err_set(d->err, MR_KEY_MISSING, "the table has a primary key");
    bool change = d->op == 'u' || d->op == 'd' || d->deleted;
    bool complete = d->plan->looks_before && d->before.data != NULL && d->plan->before.n > 0;
    if (change && !complete)
        return mr_err_set(d->err, MR_ENVELOPE_KEYLESS_CHANGE, "op %c", op_or(d, 'd'));
    return 0;
}

/* Where the row was before: rows with masked columns, and what the route's key_change and keyless
 * ask for. */
static int finish_moved(struct mr_decoder *d, struct mr_decoded *out)
{
    if (d->plan->n_slots == 0)
        return d->op == 'u' ? mr_decode_match(d, out) : 0;
    bool by_before = d->plan->looks_before && d->op == 'u' && d->before.data != NULL;
    if (!by_before && (d->masked || d->plan->looks_moved))
        mr_decode_old_header(d, out);
    return by_before && d->plan->before.n > 0 ? mr_decode_old_before(d, out) : 0;
}

static int finish_upsert(struct mr_decoder *d, struct mr_decoded *out)
{
    if (d->plan->append)
        return finish_append(d, out);
    d->op_text[0] = op_or(d, 'u');
    d->op_text[1] = '\0';
    int rc = d->plan->n_slots > 0 ? mr_tuple_key(d, out) : check_keyless(d);
    if (rc == 0 && d->null_masked)
        rc = settle_nulls(d);
    if (rc == 0 && d->plan->guard.kind != MR_GUARD_NONE && d->plan->n_slots > 0)
        rc = mr_guard_finish(d);
    if (rc == 0)
        rc = mr_tuple_finish(d, &out->tuple);
    if (rc < 0)
        return rc;
    out->op = MR_REC_UPSERT;
    out->insert = d->op == 'c' || d->op == 'r';
    out->cols = &d->plan->cols;
    out->mask = d->masked ? d->mask : NULL;
    bool looks = d->plan->looks_before || (d->plan->looks_moved && d->op == 'c');
    return d->masked || looks ? finish_moved(d, out) : 0;
}

static int finish_truncate(struct mr_decoder *d, struct mr_decoded *out)
{
    if (d->plan->append)
        return finish_append(d, out);
    if (d->plan->truncate == MR_TRUNCATE_HALT)
        return mr_err_set(d->err, MR_TRUNCATE_HALTED, "op t");
    bool guarded = d->plan->guard.kind != MR_GUARD_NONE;
    if (d->plan->truncate == MR_TRUNCATE_SKIP || (d->plan->table == NULL && !guarded))
        return skip(d, out, "skip.truncate");
    out->op = MR_REC_TRUNCATE;
    return guarded ? finish_guard(d, out) : 0;
}

static int check_end(struct mr_decoder *d)
{
    if (d->wire.at == d->wire.end)
        return 0;
    return mr_err_set(d->err, MR_AVRO_TRAILING, "%zu bytes behind the value",
                      mr_wire_left(&d->wire));
}

/* E-10, R-26. */
static int decode_tombstone(struct mr_decoder *d, struct mr_decoded *out)
{
    out_begin(d, out);
    if (d->in->key.data == NULL)
        return skip(d, out, "skip.empty_record");
    if (d->plan->tombstone_ignore || (d->plan->append && d->plan->envelope_topic))
        return skip(d, out, "skip.tombstone");
    if (d->plan->append)
        return finish_append(d, out);
    if (d->plan->n_slots == 0)
        return d->plan->key_missing ? check_keyless(d) : skip(d, out, "skip.tombstone");
    if (d->plan->guarded) /* O-09 */
        return d->plan->envelope_topic
                   ? skip(d, out, "skip.tombstone")
                   : mr_err_set(d->err, MR_GUARD_MISSING, "a tombstone carries none");
    /* The d before it did the work where the key is not in the record key. */
    if (!mr_tuple_key_complete(d) && d->plan->envelope_topic)
        return skip(d, out, "skip.tombstone");
    return finish_delete(d, out);
}

static int step_op(struct mr_decoder *d, const struct mr_step *step)
{
    struct mr_slice text;
    uint32_t branch;
    if (step->null_branch >= 0) {
        if (!mr_wire_branch(&d->wire, 2, &branch))
            return mr_wire_fail(&d->wire, d->err);
        if ((int)branch == step->null_branch)
            return mr_err_set(d->err, MR_ENVELOPE_BAD_OP, "op is null");
    }
    if (!mr_wire_bytes(&d->wire, &text))
        return mr_wire_fail(&d->wire, d->err);
    if (text.len != 1 || !is_op(text.data[0]))
        return mr_err_set(d->err, MR_ENVELOPE_BAD_OP, "op of %zu bytes, first 0x%02x", text.len,
                          text.len > 0 ? text.data[0] : 0u);
    d->op = (char)text.data[0];
    return 0;
}

/* The row may come before op is known: it is converted then, and left aside if op wants another. */
static bool wants_row(const struct mr_decoder *d)
{
    return d->op == 0 || d->op == 'c' || d->op == 'r' || d->op == 'u';
}

static int step_body(struct mr_decoder *d, const struct mr_step *step)
{
    uint32_t branch;
    if (step->null_branch >= 0) {
        if (!mr_wire_branch(&d->wire, 2, &branch))
            return mr_wire_fail(&d->wire, d->err);
        if ((int)branch == step->null_branch)
            return 0;
    }
    const uint8_t *first = d->wire.at;
    if (step->kind == MR_STEP_AFTER) {
        d->have_row = wants_row(d);
        int done = mr_decode_ops(d, &step->body, d->have_row ? MR_ROW_FULL : MR_ROW_SKIP);
        d->after = (struct mr_slice){first, (size_t)(d->wire.at - first)};
        return done;
    }
    int rc = mr_decode_ops(d, &step->body, MR_ROW_SKIP);
    if (step->kind == MR_STEP_BEFORE)
        d->before = (struct mr_slice){first, (size_t)(d->wire.at - first)};
    return rc;
}

static int run_steps(struct mr_decoder *d)
{
    mr_wire_init(&d->wire, d->in->value, d->plan->max_zero_size_items);
    for (uint32_t i = 0; i < d->plan->n_steps; i++) {
        const struct mr_step *step = &d->plan->steps[i];
        int rc = step->kind == MR_STEP_OP ? step_op(d, step) : step_body(d, step);
        if (rc < 0)
            return rc;
    }
    return check_end(d);
}

int mr_decode_before(struct mr_decoder *d, enum mr_row_mode mode)
{
    mr_tuple_begin(d);
    d->as_before = d->plan->before.ops != d->plan->row.ops;
    if (d->as_before) /* it may lack fields, and have them in another order */
        memset(d->field_at, 0xff, d->plan->cols.n_cols * sizeof *d->field_at);
    mr_wire_init(&d->wire, d->before, d->plan->max_zero_size_items);
    int rc = mr_decode_ops(d, &d->plan->before, mode);
    d->have_row = rc == 0 && mode == MR_ROW_FULL;
    return rc;
}

/* An `after` that was converted before op said that it is not wanted leaves nothing behind. */
static void forget_row(struct mr_decoder *d)
{
    if (!d->have_row)
        return;
    d->have_row = false;
    d->masked = false;
    memset(d->mask, 0, sizeof d->mask);
    d->null_masked = false;
    memset(d->null_mask, 0, sizeof d->null_mask);
    for (uint16_t i = 0; i < d->plan->n_slots; i++)
        d->slots[i].set = d->slots[i].set && !d->slots[i].from_row;
}

/* E-04..E-07; append carries `before`, else the key. */
static int envelope_delete(struct mr_decoder *d, struct mr_decoded *out)
{
    int rc = 0;
    bool before = d->before.data != NULL && d->plan->before.n > 0;
    forget_row(d);
    if (d->plan->append)
        rc = before ? mr_decode_before(d, MR_ROW_FULL) : 0;
    else if (d->plan->n_slots == 0 && (before || d->plan->layout == MR_LAYOUT_DOCUMENT))
        rc = check_keyless(d);
    else if (d->plan->n_slots == 0 || (!mr_tuple_key_complete(d) && !before))
        rc = mr_err_set(d->err, MR_ENVELOPE_DELETE_WITHOUT_KEY, "neither key nor before");
    else if (!mr_tuple_key_complete(d))
        rc = mr_decode_before(d, MR_ROW_KEYS);
    return rc < 0 ? rc : finish_delete(d, out);
}

static int decode_envelope(struct mr_decoder *d, struct mr_decoded *out)
{
    int rc = run_steps(d);
    if (rc < 0)
        return rc;
    out_begin(d, out);
    switch (d->op) {
    case 'd':
        return envelope_delete(d, out);
    case 't':
        forget_row(d);
        return finish_truncate(d, out);
    case 'm':
        return skip(d, out, "skip.message");
    case 'c':
    case 'r':
    case 'u':
        if (!d->have_row)
            return mr_err_set(d->err, MR_ENVELOPE_MISSING_AFTER, "op %c", d->op);
        return finish_upsert(d, out);
    default:
        return mr_err_set(d->err, MR_ENVELOPE_BAD_OP, "no op");
    }
}

/* E-24: the header's value is the letter, or the letter as JSON, with its schema or without. */
static int header_op(struct mr_decoder *d)
{
    struct mr_slice text;
    if (d->have_op || !mr_headers_last(&d->in->headers, d->plan->op_header, &text) ||
        text.data == NULL)
        return 0;
    if (text.len == 1)
        d->op = (char)text.data[0];
    else if (!mr_json_connect_letter(text, &d->op))
        return mr_err_set(d->err, MR_ENVELOPE_BAD_OP, "%s header of %zu bytes", d->plan->op_header,
                          text.len);
    d->have_op = true;
    return 0;
}

static int plain_probe(struct mr_decoder *d)
{
    if (d->plan->probe.n > 0) {
        mr_wire_init(&d->wire, d->in->value, d->plan->max_zero_size_items);
        int rc = mr_decode_ops(d, &d->plan->probe, MR_ROW_SKIP);
        if (rc < 0)
            return rc;
    }
    int rc = header_op(d);
    if (rc == 0 && d->have_op && !is_op((uint8_t)d->op))
        rc = mr_err_set(d->err, MR_ENVELOPE_BAD_OP, "__op 0x%02x", (unsigned char)d->op);
    return rc;
}

/* E-22: the values of a deleted row are fillers, only its key counts. */
static int plain_delete(struct mr_decoder *d, struct mr_decoded *out)
{
    bool keys = !d->plan->append && !mr_tuple_key_complete(d);
    int rc = mr_decode_ops(d, &d->plan->row, keys ? MR_ROW_KEYS : MR_ROW_SKIP);
    if (rc == 0)
        rc = check_end(d);
    if (rc == 0 && !d->plan->append && d->plan->n_slots == 0)
        rc = check_keyless(d);
    if (rc < 0)
        return rc;
    d->op = 'd';
    out_begin(d, out);
    return finish_delete(d, out);
}

static int decode_plain(struct mr_decoder *d, struct mr_decoded *out)
{
    int rc = plain_probe(d);
    if (rc < 0)
        return rc;
    mr_wire_init(&d->wire, d->in->value, d->plan->max_zero_size_items);
    if (d->deleted || d->op == 'd')
        return plain_delete(d, out);
    if (d->op == 't' || d->op == 'm') {
        out_begin(d, out);
        return d->op == 't' ? finish_truncate(d, out) : skip(d, out, "skip.message");
    }
    rc = mr_decode_ops(d, &d->plan->row, MR_ROW_FULL);
    if (rc == 0)
        rc = check_end(d);
    if (rc < 0)
        return rc;
    d->have_row = true;
    /* A state of a key, or where there is none a new row (E-21, E-40). */
    if (d->op == 0)
        d->op = d->plan->n_slots > 0 && !d->plan->append ? 'u' : 'c';
    out_begin(d, out);
    return finish_upsert(d, out);
}

/* F-02, F-15: what framing leaves to the one who knows the route. */
static int check_size(struct mr_decoder *d)
{
    size_t most = d->plan->max_record_bytes;
    if (most != 0 && wire_bytes(d->in) > most)
        return mr_err_set(d->err, MR_FRAMING_TOO_LARGE, "%zu bytes, %zu allowed", wire_bytes(d->in),
                          most);
    return 0;
}

bool mr_decoder_missed_label(const struct mr_decoder *decoder)
{
    return decoder->run.label_missed;
}

static int decode_record(const struct mr_plan *plan, struct mr_decoder *d,
                         const struct mr_record_in *in, struct mr_decoded *out, struct mr_err *err)
{
    if (plan->layout == MR_LAYOUT_SKIP) {
        *out = (struct mr_decoded){
            .op = MR_REC_SKIP, .skip = plan->skip, .op_letter = '-', .source_ts_ms = -1};
        return 0;
    }
    decoder_begin(d, plan, in, err);
    int rc = check_size(d);
    if (rc == 0 && in->key.data != NULL && plan->key_form != MR_KEY_NONE)
        rc = mr_decode_key(d);
    if (rc < 0)
        return rc;
    if (in->value.data == NULL || plan->layout == MR_LAYOUT_KEY_ONLY)
        return decode_tombstone(d, out);
    bool envelope = plan->layout == MR_LAYOUT_ENVELOPE || plan->layout == MR_LAYOUT_DOCUMENT;
    return envelope ? decode_envelope(d, out) : decode_plain(d, out);
}

int mr_decode_record(const struct mr_plan *plan, struct mr_decoder *d,
                     const struct mr_record_in *in, struct mr_decoded *out, struct mr_err *err)
{
    uint32_t mark = mr_memory_mark();

    return mr_memory_judge(mark, decode_record(plan, d, in, out, err), err, "decoding a record");
}
