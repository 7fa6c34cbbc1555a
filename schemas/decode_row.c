/* Owns running a plan's ops over bytes: read, check, convert, emit, one pass, no recursion. Must
 * not know the envelope. Invariant: after an error nothing that was written is used. */
#include "schemas/canon.h"
#include "schemas/decode_run.h"
#include "schemas/walk.h"

#include "base/ban.h"

static int in_column(struct mr_decoder *d, const struct mr_op *op)
{
    return mr_err_in(d->err, NULL, op->column);
}

static int wire_error(struct mr_decoder *d, const struct mr_op *op)
{
    (void)mr_wire_fail(&d->wire, d->err);
    return in_column(d, op);
}

static inline void put_null(struct mr_buf *out)
{
    uint8_t *at = mr_buf_room(out, 4);
    if (at != NULL)
        memset(at, 0xff, 4);
}

/* Reads a value that is not null and not converted as a whole (arrays, documents). */
static inline bool read_scalar(struct mr_wire *w, const struct mr_op *op, struct mr_value *v)
{
    uint32_t idx;
    switch ((enum mr_op_wire)op->wire) {
    case MR_W_BOOLEAN:
        return mr_wire_boolean(w, &v->i);
    case MR_W_INT:
        return mr_wire_int(w, &v->i);
    case MR_W_LONG:
        return mr_wire_long(w, &v->i);
    case MR_W_FLOAT:
        return mr_wire_float(w, &v->d);
    case MR_W_DOUBLE:
        return mr_wire_double(w, &v->d);
    case MR_W_BYTES:
        return mr_wire_bytes(w, &v->s);
    case MR_W_FIXED:
        if (op->size == 0 && !mr_wire_zero(w))
            return false;
        return mr_wire_fixed(w, op->size, &v->s);
    case MR_W_ENUM:
        if (!mr_wire_enum(w, op->size, &idx))
            return false;
        if (op->symbols != NULL)
            v->s = op->symbols[idx];
        return true;
    case MR_W_VAR_DECIMAL:
        return mr_walk_var_decimal(w, op->typed.node, v);
    case MR_W_NULL:
        return mr_wire_zero(w);
    case MR_W_RECORD:
        return true; /* its fields' ops read it */
    case MR_W_WHOLE:
    case MR_W_ARRAY:
    case MR_W_MATRIX:
    case MR_W_ROW:
    case MR_W_NESTED:
    default:
        return mr_walk_skip(w, op->typed.node);
    }
}

static int put_mask(struct mr_decoder *d, const struct mr_op *op)
{
    if (op->slot != MR_NO_IDX)
        return mr_err_set(d->err, MR_UNAVAILABLE_KEY, "placeholder in key column '%s'", op->column);
    d->mask[op->field / 64] |= UINT64_C(1) << (op->field % 64);
    d->masked = true;
    put_null(d->run.out);
    return 0;
}

static int put_sql_null(struct mr_decoder *d, const struct mr_op *op)
{
    if (op->slot != MR_NO_IDX && !d->plan->append)
        return mr_err_set(d->err, MR_KEY_NULL, "key column '%s'", op->column);
    if (op->null_masks && op->field != MR_NO_IDX) {
        d->null_mask[op->field / 64] |= UINT64_C(1) << (op->field % 64);
        d->null_masked = true;
    } else if (op->not_null && op->field != MR_NO_IDX)
        return mr_err_set(d->err, MR_VALUE_NOT_NULL, "column '%s'", op->column);
    put_null(d->run.out);
    return 0;
}

/* The canonical form of a value in hand, appended to `out`. */
static int put_canon(struct mr_decoder *d, const struct mr_op *op, struct mr_value *v,
                     struct mr_buf *out)
{
    struct mr_buf *kept = d->run.out;
    d->run.emit = &mr_canon;
    d->run.out = out;
    int rc = op->convert.write(&d->run, &op->convert, v);
    d->run.emit = d->plan->emit;
    d->run.out = kept;
    return rc;
}

/* F-24: the row's value of a key column that the record key has too. The same bytes are the same
 * value; other bytes may still be, by the canonical form. */
static int check_slot(struct mr_decoder *d, const struct mr_op *op, struct mr_value *v, size_t at)
{
    const struct mr_slot *slot = &d->slots[op->slot];
    const uint8_t *key = slot->from_row ? d->row.data : d->key_fields.data;
    size_t len = d->run.out->len - at;
    if (!mr_buf_ok(d->run.out) ||
        (len == slot->len && memcmp(d->run.out->data + at, key + slot->at, len) == 0))
        return 0;
    mr_buf_reset(&d->check);
    int rc = put_canon(d, op, v, &d->check);
    if (rc < 0)
        return rc;
    if (d->check.len == slot->canon_len &&
        memcmp(d->check.data, d->canons.data + slot->canon_at, slot->canon_len) == 0)
        return 0;
    return mr_err_set(d->err, MR_KEY_MISMATCH, "column '%s' differs between key and value",
                      op->column);
}

/* A key column's field was written at `at`. */
static int put_slot(struct mr_decoder *d, const struct mr_op *op, struct mr_value *v, size_t at)
{
    struct mr_slot *slot = &d->slots[op->slot];
    if (slot->set)
        return check_slot(d, op, v, at);
    *slot = (struct mr_slot){.set = true,
                             .from_row = d->run.out == &d->row,
                             .at = at,
                             .len = d->run.out->len - at,
                             .canon_at = d->canons.len};
    if (d->plan->append)
        return 0;
    int rc = put_canon(d, op, v, &d->canons);
    slot->canon_len = d->canons.len - slot->canon_at;
    return rc;
}

/* An array of scalars behind a union of several branches. */
static bool is_masked_array(struct mr_decoder *d, const struct mr_avro_node *node,
                            struct mr_wire probe)
{
    struct mr_typed array;
    mr_typed_of(node, NULL, &array);
    return array.semantic == MR_SEM_ARRAY &&
           mr_unavailable_array(&d->plan->unavailable, &array, probe, &d->num);
}

/* A union's null is SQL's (S-17); a map, string or array that is the placeholder is masked (U-05,
 * U-10, U-15a). */
static int nested_special(struct mr_decoder *d, const struct mr_op *op, bool *done)
{
    const struct mr_avro_node *node = op->typed.node;
    struct mr_wire probe = d->wire;
    struct mr_value v;
    *done = true;
    if (node->kind == MR_AV_UNION) {
        uint32_t branch;
        if (!mr_wire_branch(&probe, node->n_branches, &branch))
            return mr_wire_fail(&probe, d->err);
        node = node->branches[branch];
    }
    bool is_null = node->kind == MR_AV_NULL;
    bool masked = false;
    if (op->detect && node->kind == MR_AV_MAP)
        masked = mr_unavailable_map(&d->plan->unavailable, node, probe);
    else if (op->detect && node->kind == MR_AV_STRING && mr_walk_scalar(&probe, node, &v))
        masked = mr_unavailable_scalar(&d->plan->unavailable, MR_SEM_STRING, v.s);
    else if (op->detect && node->kind == MR_AV_ARRAY)
        masked = is_masked_array(d, node, probe);
    *done = is_null || masked;
    if (!*done)
        return 0;
    if (!mr_walk_skip(&d->wire, op->typed.node))
        return mr_wire_fail(&d->wire, d->err);
    return is_null ? put_sql_null(d, op) : put_mask(d, op);
}

static int put_nested(struct mr_decoder *d, const struct mr_op *op)
{
    bool done;
    int rc = nested_special(d, op, &done);
    if (rc < 0 || done)
        return rc;
    mr_buf_reset(&d->doc);
    d->run.for_jsonb = op->to.type == MR_T_JSONB;
    rc = mr_walk_json(&d->wire, &op->typed, &d->run, &d->doc);
    if (rc < 0)
        return rc;
    if (!mr_buf_ok(&d->doc))
        return mr_err_set(d->err, MR_FRAMING_TOO_LARGE, "as JSON");
    struct mr_value v = {.s = {d->doc.data, d->doc.len}};
    return op->convert.write(&d->run, &op->convert, &v);
}

/* A container that is one value, or an array: is it the placeholder in its type's form? */
static bool is_masked(struct mr_decoder *d, const struct mr_op *op)
{
    const struct mr_avro_node *node = op->typed.node;
    if (!op->detect)
        return false;
    if (node->kind == MR_AV_MAP)
        return mr_unavailable_map(&d->plan->unavailable, node, d->wire);
    return node->kind == MR_AV_ARRAY && op->n_levels < 2 &&
           mr_unavailable_array(&d->plan->unavailable, &op->typed, d->wire, &d->num);
}

static int put_whole(struct mr_decoder *d, const struct mr_op *op)
{
    struct mr_value v;
    if (!mr_walk_value(&d->wire, &op->typed, &v))
        return mr_wire_fail(&d->wire, d->err);
    size_t at = d->run.out->len;
    int rc = mr_decode_convert(d, &op->convert, &v);
    if (rc == 0 && op->slot != MR_NO_IDX)
        rc = put_slot(d, op, &v, at);
    return rc;
}

static int put_container(struct mr_decoder *d, const struct mr_op *op)
{
    if (op->wire == MR_W_NESTED)
        return put_nested(d, op);
    if (is_masked(d, op)) {
        if (!mr_walk_skip(&d->wire, op->typed.node))
            return mr_wire_fail(&d->wire, d->err);
        return put_mask(d, op);
    }
    if (op->wire == MR_W_WHOLE)
        return put_whole(d, op);
    if (op->wire == MR_W_ROW)
        return mr_decode_row_literal(d, op);
    return op->wire == MR_W_ARRAY ? mr_decode_array(d, op) : mr_decode_matrix(d, op);
}

/* A mapped value that is there. In the loop itself: its second caller, row literals, made it a
 * call, six of a hundred instructions of decoding. */
__attribute__((always_inline)) static inline int put_value(struct mr_decoder *d,
                                                           const struct mr_op *op)
{
    struct mr_value v;
    if (op->wire >= MR_W_WHOLE)
        return put_container(d, op);
    if (!read_scalar(&d->wire, op, &v))
        return mr_wire_fail(&d->wire, d->err);
    if (op->wire == MR_W_NULL)
        return put_sql_null(d, op);
    if (op->detect && (op->wire == MR_W_BYTES || op->wire == MR_W_FIXED) &&
        op->convert.semantic != MR_SEM_DECIMAL &&
        mr_unavailable_scalar(&d->plan->unavailable, op->convert.semantic, v.s))
        return put_mask(d, op);
    size_t at = d->run.out->len;
    int rc = mr_decode_convert(d, &op->convert, &v);
    if (rc == 0 && op->slot != MR_NO_IDX)
        rc = put_slot(d, op, &v, at);
    return rc;
}

int mr_decode_value(struct mr_decoder *d, const struct mr_op *op)
{
    return put_value(d, op);
}

int mr_decode_null(struct mr_decoder *d, const struct mr_op *op)
{
    return put_sql_null(d, op);
}

static int capture(struct mr_decoder *d, const struct mr_op *op, const struct mr_value *v)
{
    if (op->capture == MR_CAPTURE_SOURCE_TS) {
        d->source_ts_ms = v->i;
    } else if (op->capture == MR_CAPTURE_DELETED) {
        d->deleted = op->wire == MR_W_BOOLEAN ? v->i != 0 : mr_slice_eq(v->s, mr_slice_str("true"));
    } else if (op->capture == MR_CAPTURE_OP) {
        if (v->s.len != 1)
            return mr_err_set(d->err, MR_ENVELOPE_BAD_OP, "__op of %zu bytes", v->s.len);
        d->op = (char)v->s.data[0];
        d->have_op = true;
    } else {
        return mr_guard_capture(d, op, v);
    }
    return 0;
}

/* A value that no column wants: read with all checks, kept at most for the envelope. */
static int pass_value(struct mr_decoder *d, const struct mr_op *op)
{
    struct mr_value v = {.i = 0}; /* containers are passed without a value */
    if (!read_scalar(&d->wire, op, &v))
        return wire_error(d, op);
    return op->capture != MR_CAPTURE_NONE ? capture(d, op, &v) : 0;
}

static inline bool is_wanted(const struct mr_op *op, enum mr_row_mode mode)
{
    return op->mapped && (mode == MR_ROW_FULL || (mode == MR_ROW_KEYS && op->slot != MR_NO_IDX));
}

/* A record taken apart that is null: its fields are (S-20). */
static int put_inner_nulls(struct mr_decoder *d, const struct mr_op *record, enum mr_row_mode mode)
{
    for (const struct mr_op *op = record + 1; op <= record + record->size; op++) {
        if (!is_wanted(op, mode))
            continue;
        if (op->field != MR_NO_IDX)
            d->field_at[op->field] = d->run.out->len;
        int rc = put_sql_null(d, op);
        if (rc < 0)
            return mr_err_in(d->err, NULL, op->column);
    }
    return 0;
}

int mr_decode_ops(struct mr_decoder *d, const struct mr_ops *ops, enum mr_row_mode mode)
{
    const struct mr_op *end = ops->ops + ops->n;
    for (const struct mr_op *op = ops->ops; op < end; op++) {
        bool wanted = is_wanted(op, mode);
        bool is_null = false;
        int rc;
        if (wanted && op->field != MR_NO_IDX)
            d->field_at[op->field] = d->run.out->len;
        if (op->null_branch >= 0) {
            uint32_t branch;
            if (!mr_wire_branch(&d->wire, 2, &branch))
                return wire_error(d, op);
            is_null = (int)branch == op->null_branch;
        }
        if (!is_null) {
            rc = wanted ? put_value(d, op) : pass_value(d, op);
        } else if (op->wire == MR_W_RECORD) {
            rc = put_inner_nulls(d, op, mode);
            op += op->size;
        } else {
            rc = wanted ? put_sql_null(d, op) : 0;
        }
        if (rc < 0)
            return wanted ? in_column(d, op) : rc;
    }
    return 0;
}

/* F-22: fixed lengths, big-endian; strings and bytes as they are. */
static int raw_key(struct mr_decoder *d, struct mr_value *v)
{
    struct mr_slice key = d->in->key;
    size_t want = d->plan->raw_key == MR_FORMAT_INT32   ? 4
                  : d->plan->raw_key == MR_FORMAT_INT64 ? 8
                                                        : key.len;
    if (key.len != want)
        return mr_err_set(d->err, MR_FRAMING_BAD_KEY, "%zu bytes, %zu wanted", key.len, want);
    v->s = key;
    if (d->plan->raw_key == MR_FORMAT_INT32)
        v->i = (int32_t)mr_get_u32(key.data);
    else if (d->plan->raw_key == MR_FORMAT_INT64)
        v->i = (int64_t)mr_get_u64(key.data);
    return 0;
}

static int decode_raw_key(struct mr_decoder *d)
{
    struct mr_value v;
    const struct mr_op *op = d->plan->key_ops.ops;
    int rc = raw_key(d, &v);
    if (rc < 0 || !op->mapped)
        return rc;
    size_t at = d->run.out->len;
    rc = mr_decode_convert(d, &op->convert, &v);
    if (rc == 0)
        rc = put_slot(d, op, &v, at);
    return rc < 0 ? in_column(d, op) : 0;
}

int mr_decode_key(struct mr_decoder *d)
{
    int rc;
    d->run.out = &d->key_fields;
    if (d->plan->key_form == MR_KEY_RAW) {
        rc = decode_raw_key(d);
    } else {
        mr_wire_init(&d->wire, d->in->key, d->plan->max_zero_size_items);
        rc = mr_decode_ops(d, &d->plan->key_ops, MR_ROW_FULL);
        if (rc == 0 && d->wire.at != d->wire.end)
            rc = mr_err_set(d->err, MR_AVRO_TRAILING, "%zu bytes behind the key",
                            mr_wire_left(&d->wire));
    }
    d->run.out = &d->row;
    if (rc == 0 && !(mr_buf_ok(&d->key_fields) && mr_buf_ok(&d->canons)))
        rc = mr_err_set(d->err, MR_FRAMING_TOO_LARGE, "the key");
    return rc;
}
