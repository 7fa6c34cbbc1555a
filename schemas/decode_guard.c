/* Owns a record's guard: where its inputs are read, and what the tuple gets of it. Must not know
 * the kinds of guards: that is guard.c's. Only plans with a guard come here. */
#include "schemas/decode_run.h"

#include "base/ban.h"

void mr_guard_begin(struct mr_decoder *d)
{
    for (int i = 0; i < MR_GUARD_MAX_INPUTS; i++)
        d->guard_inputs[i].set = false;
    d->guard.null = true;
    d->after = (struct mr_slice){NULL, 0};
}

int mr_guard_capture(struct mr_decoder *d, const struct mr_op *op, const struct mr_value *read)
{
    struct mr_guard_input *input = &d->guard_inputs[op->slot];
    struct mr_value v = *read;
    if (op->convert.normalise != NULL) {
        int rc = op->convert.normalise(&d->run, &op->convert, &v);
        if (rc < 0)
            return rc;
    }
    *input = (struct mr_guard_input){.set = true, .i = v.i, .s = v.s};
    if (op->capture == MR_CAPTURE_GUARD_TS)
        d->source_ts_ms = v.i;
    return 0;
}

/* Fields of the row are read by a program of their own, over bytes that were checked before. */
static int read_row(struct mr_decoder *d)
{
    const struct mr_plan *plan = d->plan;
    bool plain = plan->layout == MR_LAYOUT_PLAIN;
    struct mr_slice bytes = plain ? d->in->value : d->op == 'd' ? d->before : d->after;
    const struct mr_ops *ops = !plain && d->op == 'd' ? &plan->guard_before : &plan->guard_row;
    if (bytes.data == NULL || ops->n == 0)
        return 0;
    mr_wire_init(&d->wire, bytes, plan->max_zero_size_items);
    return mr_decode_ops(d, ops, MR_ROW_SKIP);
}

int mr_guard_finish(struct mr_decoder *d)
{
    const struct mr_guard *guard = &d->plan->guard;
    int rc = guard->in_source ? 0 : read_row(d);
    if (rc == 0)
        rc = mr_guard_make(guard, d->op, d->guard_inputs, &d->guard, d->err);
    return rc < 0 ? mr_err_in(d->err, NULL, d->plan->guard_column) : 0;
}

void mr_guard_put(struct mr_decoder *d, const struct mr_coltype *to)
{
    const struct mr_guard_value *guard = &d->guard;
    if (guard->null)
        mr_buf_u32(d->run.out, UINT32_MAX);
    else if (d->plan->guard.single)
        d->run.emit->integer(d->run.out, to, guard->single);
    else
        d->run.emit->bytes(d->run.out, to, guard->bytes, guard->len);
}

int mr_guard_tuple(struct mr_decoder *d, struct mr_slice *out)
{
    static const struct mr_coltype types[] = {
        {.type = MR_T_BYTEA, .length = -1, .precision = -1},
        {.type = MR_T_INT8, .length = -1, .precision = -1},
    };
    *out = (struct mr_slice){NULL, 0};
    if (d->guard.null)
        return 0;
    mr_buf_reset(&d->tuple);
    mr_buf_u16(&d->tuple, 1);
    d->run.out = &d->tuple;
    mr_guard_put(d, &types[d->plan->guard.single ? 1 : 0]);
    d->run.out = &d->row;
    if (!mr_buf_ok(&d->tuple))
        return mr_err_set(d->err, MR_FRAMING_TOO_LARGE, "the guard");
    *out = (struct mr_slice){d->tuple.data, d->tuple.len};
    return 0;
}
