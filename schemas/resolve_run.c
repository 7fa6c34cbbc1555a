/* Owns running a resolver over a writer's bytes. Must not look at names. Invariants: every read is
 * the wire's own (S-30..S-45); recursion is bounded by MAX_LEVELS, which lets a column's value have
 * all of its own levels below record and envelope; nothing is read from the output after it failed.
 */
#include "schemas/json_avro.h"
#include "schemas/resolve_ops.h"
#include "schemas/walk.h"
#include "schemas/wire.h"

#include "base/ban.h"

enum { MAX_LEVELS = MR_WIRE_MAX_DEPTH + 2 };

struct run {
    struct mr_wire w;
    struct mr_buf *out;
    struct mr_buf extents; /* struct extent of the open records' fields, by place */
    struct mr_buf sorted;  /* a record in the reader's order */
    struct mr_err *err;
    uint32_t depth;
};

struct extent {
    size_t at;
    size_t len;
};

static int fault(struct run *run)
{
    return mr_wire_fail(&run->w, run->err);
}

static int full(struct run *run)
{
    return mr_err_set(run->err, MR_FRAMING_TOO_LARGE,
                      "the record in the reader's form is larger than %zu bytes", run->out->limit);
}

/* A scalar is passed on as it is written, once it was read. */
static int run_scalar(struct run *run, const struct mr_res_op *op)
{
    struct mr_value ignored;
    const uint8_t *first = run->w.at;
    if (!mr_walk_scalar(&run->w, op->writer, &ignored))
        return fault(run);
    mr_buf_add(run->out, first, (size_t)(run->w.at - first));
    return 0;
}

static bool float_holds(float f, int64_t v)
{
    return f >= -0x1p63F && f < 0x1p63F && (int64_t)f == v;
}

static bool double_holds(double d, int64_t v)
{
    return d >= -0x1p63 && d < 0x1p63 && (int64_t)d == v;
}

static void put_little(struct mr_buf *out, uint64_t bits, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        mr_buf_byte(out, (uint8_t)(bits >> (8 * i)));
}

/* S-02: exact, or not at all. */
static int run_real(struct run *run, const struct mr_res_op *op)
{
    struct mr_value v = {.i = 0};
    bool single = op->reader->kind == MR_AV_FLOAT;
    bool whole = op->writer->kind != MR_AV_FLOAT;
    if (!mr_walk_scalar(&run->w, op->writer, &v))
        return fault(run);
    if (whole) {
        v.d = (double)v.i;
        bool exact = single ? float_holds((float)v.i, v.i) : double_holds(v.d, v.i);
        if (!exact)
            return mr_err_set(run->err, MR_VALUE_LOSSY, "%lld is no %s", (long long)v.i,
                              single ? "float" : "double");
    }
    if (single) {
        float f = (float)v.i;
        uint32_t bits;
        memcpy(&bits, &f, sizeof bits);
        put_little(run->out, bits, sizeof bits);
    } else {
        uint64_t bits;
        memcpy(&bits, &v.d, sizeof bits);
        put_little(run->out, bits, sizeof bits);
    }
    return 0;
}

static int run_enum(struct run *run, const struct mr_res_op *op)
{
    uint32_t idx;
    if (!mr_wire_enum(&run->w, op->writer->n_symbols, &idx))
        return fault(run);
    if (op->symbols[idx] < 0)
        return mr_err_set(run->err, MR_SCHEMA_UNRESOLVABLE,
                          "the reader's enum %.100s has no '%.100s'", op->reader->full_name,
                          op->writer->symbols[idx]);
    mr_avro_put_long(run->out, op->symbols[idx]);
    return 0;
}

static int run_op(struct run *run, const struct mr_res_op *op);

/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int run_field(struct run *run, const struct mr_res_field *field)
{
    if (field->op != NULL)
        return run_op(run, field->op);
    if (field->place == MR_RES_DROPPED)
        return mr_walk_skip(&run->w, field->type) ? 0 : fault(run);
    mr_buf_add(run->out, field->bytes.data, field->bytes.len);
    return 0;
}

/* Puts the fields of the record that was written from `start` on in the reader's order. */
static int sort_fields(struct run *run, const struct mr_res_op *op, size_t start, size_t base)
{
    struct extent e;
    mr_buf_reset(&run->sorted);
    for (uint16_t i = 0; i < op->reader->n_fields; i++) {
        memcpy(&e, run->extents.data + base + i * sizeof e, sizeof e);
        mr_buf_add(&run->sorted, run->out->data + e.at, e.len);
    }
    if (!mr_buf_ok(&run->sorted))
        return full(run);
    if (run->sorted.len > 0)
        memcpy(run->out->data + start, run->sorted.data, run->sorted.len);
    return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int run_record(struct run *run, const struct mr_res_op *op)
{
    size_t start = run->out->len;
    size_t base = run->extents.len;
    if (op->writer->n_fields == 0 && !mr_wire_zero(&run->w))
        return fault(run);
    if (!op->in_order &&
        mr_buf_room(&run->extents, op->reader->n_fields * sizeof(struct extent)) == NULL)
        return mr_err_set(run->err, MR_NO_MEMORY, "the order of a record's fields");
    for (uint32_t i = 0; i < op->n_fields; i++) {
        const struct mr_res_field *field = &op->fields[i];
        struct extent e = {.at = run->out->len};
        int rc = run_field(run, field);
        if (rc < 0)
            return rc;
        if (!mr_buf_ok(run->out))
            return full(run);
        if (op->in_order || field->place == MR_RES_DROPPED)
            continue;
        e.len = run->out->len - e.at;
        memcpy(run->extents.data + base + field->place * sizeof e, &e, sizeof e);
    }
    if (op->in_order)
        return 0;
    run->extents.len = base;
    return sort_fields(run, op, start, base);
}

/* A block of n items; its keys are passed on. */
/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int run_block(struct run *run, const struct mr_res_op *op, uint64_t n)
{
    bool map = op->writer->kind == MR_AV_MAP;
    mr_avro_put_long(run->out, (int64_t)n);
    for (; n > 0; n--) {
        struct mr_slice key;
        if (map && !mr_wire_bytes(&run->w, &key))
            return fault(run);
        if (map)
            mr_avro_put_bytes(run->out, key);
        int rc = run_op(run, op->inner);
        if (rc < 0)
            return rc;
        if (!mr_buf_ok(run->out))
            return full(run);
    }
    return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int run_items(struct run *run, const struct mr_res_op *op)
{
    struct mr_wire_block block;
    uint32_t least = op->writer->items->min_bytes;
    if (op->writer->kind == MR_AV_MAP && least < UINT32_MAX)
        least++; /* the byte of a key's length */
    for (;;) {
        if (!mr_wire_block_open(&run->w, least, &block))
            return fault(run);
        if (block.n == 0)
            break;
        int rc = run_block(run, op, block.n);
        if (rc < 0)
            return rc;
        if (!mr_wire_block_close(&run->w, &block))
            return fault(run);
    }
    if (!mr_wire_block_close(&run->w, &block))
        return fault(run);
    mr_buf_byte(run->out, 0);
    return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int run_container(struct run *run, const struct mr_res_op *op)
{
    if (run->depth >= MAX_LEVELS) {
        mr_wire_fault(&run->w, MR_AVRO_DEPTH);
        return fault(run);
    }
    run->depth++;
    int rc = op->kind == MR_RES_RECORD ? run_record(run, op) : run_items(run, op);
    run->depth--;
    return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS; unions are not in unions */
static int run_branch(struct run *run, const struct mr_res_op *op)
{
    uint32_t branch;
    if (!mr_wire_branch(&run->w, op->writer->n_branches, &branch))
        return fault(run);
    return run_op(run, op->inners[branch]);
}

/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int run_op(struct run *run, const struct mr_res_op *op)
{
    switch (op->kind) {
    case MR_RES_NULL:
        return mr_wire_zero(&run->w) ? 0 : fault(run);
    case MR_RES_SCALAR:
        return run_scalar(run, op);
    case MR_RES_REAL:
        return run_real(run, op);
    case MR_RES_ENUM:
        return run_enum(run, op);
    case MR_RES_RECORD:
    case MR_RES_ITEMS:
        return run_container(run, op);
    case MR_RES_BRANCH:
        return run_branch(run, op);
    case MR_RES_WRAP:
        mr_avro_put_long(run->out, op->branch);
        return run_op(run, op->inner);
    case MR_RES_FAIL:
    default:
        return mr_err_set(run->err, op->code, "%s", op->why);
    }
}

int mr_resolver_run(const struct mr_resolver *resolver, struct mr_slice datum, uint32_t max_zero,
                    struct mr_buf *out, struct mr_err *err)
{
    struct run run = {.out = out,
                      .extents = MR_BUF_INIT,
                      .sorted = {.limit = out->limit},
                      .err = err,
                      .depth = 0};
    mr_wire_init(&run.w, datum, max_zero);
    int rc = run_op(&run, resolver->root);
    if (rc == 0 && !mr_buf_ok(out))
        rc = full(&run);
    if (rc == 0 && run.w.at != run.w.end)
        rc = mr_err_set(err, MR_AVRO_TRAILING, "%zu bytes behind the value", mr_wire_left(&run.w));
    mr_buf_release(&run.extents);
    mr_buf_release(&run.sorted);
    return rc;
}
