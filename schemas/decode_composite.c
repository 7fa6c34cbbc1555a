/* Owns records on their way into row types of the target (contract.md T-47): each field by its
 * attribute's own conversion into a text, all of them into a row literal, which is staged as text
 * like every value of a type without a writer. Recurses as deep as row types nest, which the plan
 * bounds. Source: PostgreSQL manual, "Composite Type Input and Output Syntax". */
#include "schemas/decode_run.h"
#include "schemas/literal.h"
#include "schemas/walk.h"

#include "base/ban.h"

/* Attributes' texts lie in d->attrs behind a table of their places: 0 is null. */
struct frame {
    size_t base;
    const struct mr_emit_ops *emit; /* of the value as a whole */
    struct mr_buf *out;
};

static struct frame frame_open(struct mr_decoder *d, uint16_t n_attrs)
{
    struct frame frame = {d->attrs.len, d->run.emit, d->run.out};
    uint8_t *table = mr_buf_room(&d->attrs, 8 * (size_t)n_attrs);
    if (table != NULL && n_attrs > 0)
        memset(table, 0, 8 * (size_t)n_attrs);
    d->run.emit = &mr_literal_emit;
    d->run.out = &d->attrs;
    return frame;
}

static void frame_close(struct mr_decoder *d, const struct frame *frame)
{
    d->run.emit = frame->emit;
    d->run.out = frame->out;
    if (mr_buf_ok(&d->attrs))
        d->attrs.len = frame->base;
}

static int too_large(struct mr_decoder *d)
{
    return mr_err_set(d->err, MR_FRAMING_TOO_LARGE, "as a row literal");
}

/* One field of the record; its text's place is noted. */
static int put_field(struct mr_decoder *d, const struct mr_op *op, size_t base)
{
    bool is_null = false;
    uint32_t branch;
    if (op->null_branch >= 0) {
        if (!mr_wire_branch(&d->wire, 2, &branch))
            return mr_wire_fail(&d->wire, d->err);
        is_null = (int)branch == op->null_branch;
    }
    if (!op->mapped) {
        if (!is_null && !mr_walk_skip(&d->wire, op->typed.node))
            return mr_wire_fail(&d->wire, d->err);
        return 0;
    }
    size_t at = d->attrs.len;
    int rc = is_null ? mr_decode_null(d, op) : mr_decode_value(d, op);
    if (rc == 0 && !mr_buf_ok(&d->attrs))
        rc = too_large(d);
    if (rc == 0)
        mr_put_u64(d->attrs.data + base + 8 * (size_t)op->field, at);
    return rc;
}

/* `(a,b)`: every text in quotes, nothing for null. */
static void row_print(struct mr_decoder *d, size_t base, uint16_t n_attrs)
{
    mr_buf_reset(&d->doc);
    mr_buf_byte(&d->doc, '(');
    for (uint16_t i = 0; i < n_attrs; i++) {
        uint64_t at = mr_get_u64(d->attrs.data + base + 8 * (size_t)i);
        if (i > 0)
            mr_buf_byte(&d->doc, ',');
        uint32_t len = at == 0 ? UINT32_MAX : mr_get_u32(d->attrs.data + at);
        if (len != UINT32_MAX)
            mr_literal_quote(&d->doc, (struct mr_slice){d->attrs.data + at + 4, len});
    }
    mr_buf_byte(&d->doc, ')');
}

/* Makes what is in d->doc the value. */
static int emit_doc(struct mr_decoder *d, const struct mr_op *op)
{
    if (!mr_buf_ok(&d->doc))
        return too_large(d);
    d->run.emit->text(d->run.out, &op->to, (const char *)d->doc.data, d->doc.len);
    return 0;
}

static int put_record(struct mr_decoder *d, const struct mr_op *op)
{
    const struct mr_row_ops *row = op->row;
    struct frame frame = frame_open(d, row->n_attrs);
    int rc = mr_buf_ok(&d->attrs) ? 0 : too_large(d);
    for (uint32_t i = 0; rc == 0 && i < row->ops.n; i++) {
        rc = put_field(d, &row->ops.ops[i], frame.base);
        if (rc < 0)
            (void)mr_err_in(d->err, NULL, row->ops.ops[i].column);
    }
    if (rc == 0)
        row_print(d, frame.base, row->n_attrs);
    frame_close(d, &frame);
    return rc == 0 ? emit_doc(d, op) : rc;
}

/* An item that may be null. */
static int put_item(struct mr_decoder *d, const struct mr_op *op, const struct mr_typed *items)
{
    uint32_t branch;
    if (items->null_branch >= 0) {
        if (!mr_wire_branch(&d->wire, 2, &branch))
            return mr_wire_fail(&d->wire, d->err);
        if ((int)branch == items->null_branch) {
            d->run.emit->array_null(d->run.out, &op->to);
            return 0;
        }
    }
    return put_record(d, op);
}

static int put_items(struct mr_decoder *d, const struct mr_op *op)
{
    struct mr_typed items;
    struct mr_wire_block block = {.n = 0};
    mr_typed_items(&op->typed, &items);
    uint32_t least = items.null_branch >= 0 ? 1 : items.node->min_bytes;
    while (mr_wire_block_open(&d->wire, least, &block) && block.n > 0) {
        for (; block.n > 0; block.n--) {
            int rc = put_item(d, op, &items);
            if (rc == 0 && !mr_buf_ok(d->run.out))
                rc = too_large(d);
            if (rc < 0)
                return rc;
        }
        if (!mr_wire_block_close(&d->wire, &block))
            return mr_wire_fail(&d->wire, d->err);
    }
    if (d->wire.fault == MR_OK && mr_wire_block_close(&d->wire, &block))
        return 0;
    return mr_wire_fail(&d->wire, d->err);
}

/* An array of records: its items' texts, then their literal. */
static int put_rows(struct mr_decoder *d, const struct mr_op *op)
{
    struct frame frame = frame_open(d, 0);
    size_t at = d->run.emit->array_begin(d->run.out, &op->to, 0, false);
    int rc = put_items(d, op);
    if (rc == 0) {
        d->run.emit->array_end(d->run.out, &op->to, at);
        rc = mr_buf_ok(&d->attrs) ? 0 : too_large(d);
    }
    if (rc == 0) {
        mr_buf_reset(&d->doc);
        mr_buf_add(&d->doc, d->attrs.data + at + 4, mr_get_u32(d->attrs.data + at));
    }
    frame_close(d, &frame);
    return rc == 0 ? emit_doc(d, op) : rc;
}

int mr_decode_row_literal(struct mr_decoder *d, const struct mr_op *op)
{
    if (d->run.emit != &mr_literal_emit) { /* a column's: its levels count as one value's (S-45) */
        struct mr_wire probe = d->wire;
        if (!mr_walk_skip(&probe, op->typed.node))
            return mr_wire_fail(&probe, d->err);
        mr_buf_reset(&d->attrs); /* a former record may have failed midway */
    }
    return op->n_levels > 0 ? put_rows(d, op) : put_record(d, op);
}
