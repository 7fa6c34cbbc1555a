/* Owns the assembly of tuple and key from fields that were read: reading order to column order, key
 * columns that the value lacks, meta columns. Must not read the wire. */
#include "schemas/decode_run.h"

#include "base/ban.h"

static void put_null(struct mr_buf *out)
{
    mr_buf_u32(out, UINT32_MAX);
}

/* With in_order the row buffer is the tuple: its count stands in front. */
void mr_tuple_begin(struct mr_decoder *d)
{
    mr_buf_reset(&d->row);
    if (d->plan->in_order)
        mr_buf_u16(&d->row, d->plan->cols.n_cols);
}

static int put_text(struct mr_decoder *d, const struct mr_tuple_field *field, const char *text)
{
    struct mr_value v = {.s = mr_slice_str(text)};
    return field->convert.write(&d->run, &field->convert, &v);
}

/* -1 is "not known": NULL. */
static int put_number(struct mr_decoder *d, const struct mr_tuple_field *field, int64_t number)
{
    struct mr_value v = {.i = number};
    if (number < 0) {
        put_null(d->run.out);
        return 0;
    }
    if (field->convert.normalise != NULL) {
        int rc = field->convert.normalise(&d->run, &field->convert, &v);
        if (rc < 0)
            return rc;
    }
    return field->convert.write(&d->run, &field->convert, &v);
}

static int put_meta(struct mr_decoder *d, const struct mr_tuple_field *field)
{
    const struct mr_record_in *in = d->in;
    switch (field->meta) {
    case MR_META_TOPIC:
        return put_text(d, field, in->topic);
    case MR_META_PARTITION:
        return put_number(d, field, in->partition);
    case MR_META_OFFSET:
        return put_number(d, field, in->offset);
    case MR_META_TS:
        return put_number(d, field, in->timestamp_ms);
    case MR_META_SOURCE_TS:
        return put_number(d, field, d->source_ts_ms);
    case MR_META_LOADED_AT:
        return put_number(d, field, in->loaded_at_ms);
    case MR_META_SCHEMA_ID:
        return put_number(d, field, in->schema_id);
    case MR_META_OP:
    default:
        return put_text(d, field, d->op_text);
    }
}

static bool is_masked(const struct mr_decoder *d, uint16_t field)
{
    return (d->mask[field / 64] >> (field % 64) & 1) != 0;
}

/* the names of the masked columns. */
static void put_unavailable(struct mr_decoder *d, const struct mr_tuple_field *field)
{
    struct mr_coltype elem = field->to;
    uint32_t n = 0;
    elem.type = field->to.elem;
    elem.oid = field->to.elem_oid;
    for (uint16_t i = 0; i < d->plan->cols.n_cols; i++)
        n += is_masked(d, i) ? 1 : 0;
    if (n == 0) {
        put_null(d->run.out);
        return;
    }
    size_t at = d->run.emit->array_begin(d->run.out, &field->to, n, false);
    for (uint16_t i = 0; i < d->plan->cols.n_cols; i++) {
        const char *name = d->plan->fields[i].column;
        if (is_masked(d, i))
            d->run.emit->text(d->run.out, &elem, name, strlen(name));
    }
    d->run.emit->array_end(d->run.out, &field->to, at);
}

static void put_slot(struct mr_decoder *d, uint16_t slot_idx)
{
    const struct mr_slot *slot = slot_idx != MR_NO_IDX ? &d->slots[slot_idx] : NULL;
    if (slot == NULL || !slot->set) {
        put_null(d->run.out);
        return;
    }
    const struct mr_buf *from = slot->from_row ? &d->row : &d->key_fields;
    /* The source may be the buffer that grows: room first. */
    uint8_t *to = mr_buf_room(d->run.out, slot->len);
    if (to != NULL)
        memcpy(to, from->data + slot->at, slot->len);
}

/* Everything but a field that the row has. */
static int put_other(struct mr_decoder *d, const struct mr_tuple_field *field)
{
    int rc = 0;
    switch (field->origin) {
    case MR_FROM_META:
        rc = put_meta(d, field);
        break;
    case MR_FROM_OP:
        rc = put_text(d, field, d->op_text);
        break;
    case MR_FROM_UNAVAILABLE:
        put_unavailable(d, field);
        break;
    case MR_FROM_GUARD:
        mr_guard_put(d, &field->to);
        break;
    case MR_FROM_CONSTANT:
        mr_buf_add(d->run.out, field->constant.data, field->constant.len);
        break;
    case MR_FROM_KEY:
    case MR_FROM_VALUE:
    default:
        put_slot(d, field->slot);
        break;
    }
    return rc < 0 ? mr_err_in(d->err, NULL, field->column) : 0;
}

static void copy_field(struct mr_decoder *d, uint16_t i)
{
    size_t at = d->field_at[i];
    if (!mr_buf_ok(&d->row))
        return;
    if (at == SIZE_MAX) { /* before's own type lacks it */
        put_slot(d, d->plan->fields[i].slot);
        return;
    }
    uint32_t len = mr_get_u32(d->row.data + at);
    mr_buf_add(&d->tuple, d->row.data + at, len == UINT32_MAX ? 4 : 4 + (size_t)len);
}

static int assemble(struct mr_decoder *d)
{
    const struct mr_plan *plan = d->plan;
    int rc = 0;
    if (d->doc.cap > d->doc.own) /* room for the row's second form */
        mr_buf_release(&d->doc);
    mr_buf_reset(&d->tuple);
    d->run.out = &d->tuple;
    mr_buf_u16(&d->tuple, plan->cols.n_cols);
    for (uint16_t i = 0; rc == 0 && i < plan->cols.n_cols; i++) {
        if (plan->fields[i].origin == MR_FROM_VALUE && d->have_row)
            copy_field(d, i);
        else
            rc = put_other(d, &plan->fields[i]);
    }
    d->run.out = &d->row;
    return rc;
}

static int too_large(struct mr_decoder *d)
{
    return mr_err_set(d->err, MR_FRAMING_TOO_LARGE, "the row would be over 64 times the record");
}

int mr_tuple_finish(struct mr_decoder *d, struct mr_slice *out)
{
    const struct mr_plan *plan = d->plan;
    struct mr_buf *tuple = &d->row;
    int rc = 0;
    if (plan->in_order && d->have_row && !d->as_before) {
        for (uint16_t i = plan->n_value_fields; rc == 0 && i < plan->cols.n_cols; i++)
            rc = put_other(d, &plan->fields[i]);
    } else {
        tuple = &d->tuple;
        rc = assemble(d);
    }
    if (rc < 0)
        return rc;
    if (!mr_buf_ok(tuple) || !mr_buf_ok(&d->row))
        return too_large(d);
    *out = (struct mr_slice){tuple->data, tuple->len};
    return 0;
}

bool mr_tuple_key_complete(const struct mr_decoder *d)
{
    for (uint16_t i = 0; i < d->plan->n_slots; i++) {
        if (!d->slots[i].set)
            return false;
    }
    return true;
}

int mr_tuple_key_into(struct mr_decoder *d, struct mr_buf *key, struct mr_buf *key_tuple)
{
    mr_buf_reset(key_tuple);
    mr_buf_reset(key);
    mr_buf_u16(key_tuple, d->plan->n_slots);
    for (uint16_t i = 0; i < d->plan->n_slots; i++) {
        const struct mr_slot *slot = &d->slots[i];
        const struct mr_buf *from = slot->from_row ? &d->row : &d->key_fields;
        if (!slot->set)
            return mr_err_set(d->err, MR_KEY_MISSING, "key column '%s'", d->plan->slot_names[i]);
        if (!mr_buf_ok(from) || !mr_buf_ok(&d->canons))
            return too_large(d);
        mr_buf_add(key_tuple, from->data + slot->at, slot->len);
        mr_buf_add(key, d->canons.data + slot->canon_at, slot->canon_len);
    }
    return mr_buf_ok(key_tuple) && mr_buf_ok(key) ? 0 : too_large(d);
}

int mr_tuple_key(struct mr_decoder *d, struct mr_decoded *out)
{
    int rc = mr_tuple_key_into(d, &d->key, &d->key_tuple);
    if (rc < 0)
        return rc;
    out->key = (struct mr_slice){d->key.data, d->key.len};
    out->key_tuple = (struct mr_slice){d->key_tuple.data, d->key_tuple.len};
    return 0;
}
