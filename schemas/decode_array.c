/* Owns arrays: of scalars into array columns in one pass over the items, arrays in arrays into
 * those of several dimensions, and both into array literals (contract.md T-60). Must not recurse.
 */
#include "schemas/decode_run.h"
#include "schemas/walk.h"

#include "base/ban.h"

/* Counts the items of an array and checks its structure; `w` is a copy. */
static bool count_items(struct mr_wire *w, const struct mr_typed *items, uint32_t *n,
                        bool *has_null)
{
    struct mr_wire_block block;
    struct mr_value ignored;
    uint32_t least = items->null_branch >= 0 ? 1 : items->node->min_bytes;
    *n = 0;
    *has_null = false;
    for (;;) {
        if (!mr_wire_block_open(w, least, &block))
            return false;
        if (block.n == 0)
            return mr_wire_block_close(w, &block);
        *n += (uint32_t)block.n; /* at most MR_WIRE_MAX_ITEMS in all */
        for (; block.n > 0; block.n--) {
            uint32_t branch = UINT32_MAX;
            if (items->null_branch >= 0 && !mr_wire_branch(w, 2, &branch))
                return false;
            if (items->null_branch >= 0 && (int)branch == items->null_branch)
                *has_null = true;
            else if (!mr_walk_value(w, items, &ignored))
                return false;
        }
        if (!mr_wire_block_close(w, &block))
            return false;
    }
}

static int put_item(struct mr_decoder *d, const struct mr_op *op, const struct mr_typed *items)
{
    struct mr_wire *w = &d->wire;
    struct mr_value v;
    uint32_t branch;
    if (items->null_branch >= 0) {
        if (!mr_wire_branch(w, 2, &branch))
            return mr_wire_fail(w, d->err);
        if ((int)branch == items->null_branch) {
            d->run.emit->array_null(d->run.out, &op->convert.to);
            return 0;
        }
    }
    if (!mr_walk_value(w, items, &v))
        return mr_wire_fail(w, d->err);
    return mr_decode_convert(d, &op->convert, &v);
}

/* The items' number and nulls stand before them, so the bytes are walked twice. */
int mr_decode_array(struct mr_decoder *d, const struct mr_op *op)
{
    struct mr_typed items;
    struct mr_wire probe = d->wire;
    uint32_t n;
    bool has_null;
    mr_typed_items(&op->typed, &items);
    if (!count_items(&probe, &items, &n, &has_null))
        return mr_wire_fail(&probe, d->err);
    size_t at = d->run.emit->array_begin(d->run.out, &op->to, n, has_null);
    struct mr_wire_block block = {.n = 0};
    uint32_t least = items.null_branch >= 0 ? 1 : items.node->min_bytes;
    while (mr_wire_block_open(&d->wire, least, &block) && block.n > 0) {
        for (; block.n > 0; block.n--) {
            int rc = put_item(d, op, &items);
            if (rc < 0)
                return rc;
        }
    }
    if (d->wire.fault != MR_OK)
        return mr_wire_fail(&d->wire, d->err);
    d->run.emit->array_end(d->run.out, &op->to, at);
    return 0;
}

/* ---- arrays in arrays ---- */

struct level {
    struct mr_typed items;
    struct mr_wire_block block;
    uint32_t n; /* items so far */
};

enum matrix_pass { PASS_COUNT, PASS_WRITE, PASS_LITERAL };

/* One walk over all levels. Counting finds the lengths, which must be the same wherever a level is
 * opened; writing emits items; a literal gets braces and quotes besides. */
struct matrix {
    struct mr_decoder *d;
    const struct mr_op *op;
    struct mr_wire *w;
    enum matrix_pass pass;
    struct level levels[MR_MATRIX_MAX_DIMS];
    struct mr_dims dims;
    bool known[MR_MATRIX_MAX_DIMS]; /* dims.len of the level is set */
    bool has_null;
};

static int not_rectangular(struct matrix *m)
{
    return mr_err_set(m->d->err, MR_VALUE_INVALID, "the inner arrays differ in length");
}

/* A nullable item's branch. 0; *is_null says what it was. */
static int item_branch(struct matrix *m, const struct mr_typed *items, bool *is_null)
{
    uint32_t branch;
    *is_null = false;
    if (items->null_branch < 0)
        return 0;
    if (!mr_wire_branch(m->w, 2, &branch))
        return mr_wire_fail(m->w, m->d->err);
    *is_null = (int)branch == items->null_branch;
    return 0;
}

static int leaf(struct matrix *m, const struct mr_typed *items, bool is_null)
{
    struct mr_decoder *d = m->d;
    const struct mr_convert *c = &m->op->convert;
    struct mr_value v;
    if (is_null) {
        m->has_null = true;
        if (m->pass == PASS_WRITE)
            d->run.emit->array_null(d->run.out, &c->to);
        else if (m->pass == PASS_LITERAL)
            mr_buf_str(&d->doc, "NULL");
        return 0;
    }
    if (!mr_walk_value(m->w, items, &v))
        return mr_wire_fail(m->w, d->err);
    if (m->pass == PASS_COUNT)
        return 0;
    if (m->pass == PASS_WRITE)
        return mr_decode_convert(d, c, &v);
    int rc = c->normalise != NULL ? c->normalise(&d->run, c, &v) : 0;
    return rc < 0 ? rc : mr_convert_literal(&d->run, c, &v, &d->doc);
}

static void brace(struct matrix *m, char c)
{
    if (m->pass == PASS_LITERAL)
        mr_buf_byte(&m->d->doc, (uint8_t)c);
}

/* The level has no more items: its length is that of all its kind. */
static int level_end(struct matrix *m, unsigned depth)
{
    brace(m, '}');
    if (m->pass == PASS_COUNT && m->known[depth] && m->dims.len[depth] != m->levels[depth].n)
        return not_rectangular(m);
    m->known[depth] = true;
    m->dims.len[depth] = m->levels[depth].n;
    return 0;
}

/* Opens the level's next block where the last one is through; *more: there is an item. */
static int level_next(struct matrix *m, struct level *level, bool *more)
{
    *more = true;
    if (level->block.n > 0)
        return 0;
    uint32_t least = level->items.null_branch >= 0 ? 1 : level->items.node->min_bytes;
    if ((level->n > 0 && !mr_wire_block_close(m->w, &level->block)) ||
        !mr_wire_block_open(m->w, least, &level->block))
        return mr_wire_fail(m->w, m->d->err);
    *more = level->block.n > 0;
    if (!*more && !mr_wire_block_close(m->w, &level->block))
        return mr_wire_fail(m->w, m->d->err);
    return 0;
}

static void level_open(struct matrix *m, unsigned depth, const struct mr_typed *array)
{
    struct level *level = &m->levels[depth];
    *level = (struct level){.n = 0};
    mr_typed_items(array, &level->items);
    brace(m, '{');
}

static int matrix_walk(struct matrix *m)
{
    unsigned depth = 0;
    level_open(m, 0, &m->op->typed);
    for (;;) {
        struct level *level = &m->levels[depth];
        bool more = false;
        bool is_null = false;
        int rc = level_next(m, level, &more);
        if (rc == 0 && !more) {
            rc = level_end(m, depth);
            if (rc < 0 || depth == 0)
                return rc;
            depth--;
            continue;
        }
        if (rc == 0)
            rc = item_branch(m, &level->items, &is_null);
        if (rc < 0)
            return rc;
        level->block.n--;
        if (level->n++ > 0)
            brace(m, mr_is_geometry(m->op->to.elem) ? ':' : ',');
        if (depth + 1 == m->op->n_levels) {
            rc = leaf(m, &level->items, is_null);
            if (rc < 0)
                return rc;
        } else if (is_null) {
            return not_rectangular(m);
        } else {
            level_open(m, ++depth, &level->items);
        }
    }
}

/* Arrays without items at all are one empty array; some that are empty in one that is not would be
 * lost. */
static int matrix_empty(struct matrix *m, bool *empty)
{
    m->dims.n = m->op->n_levels;
    *empty = m->dims.len[0] == 0;
    for (unsigned i = 0; i < m->dims.n && !*empty; i++) {
        if (m->dims.len[i] == 0)
            return mr_err_set(m->d->err, MR_VALUE_LOSSY, "empty arrays in an array");
    }
    return 0;
}

static int literal(struct matrix *m)
{
    mr_buf_reset(&m->d->doc);
    m->pass = PASS_LITERAL;
    int rc = matrix_walk(m);
    if (rc < 0)
        return rc;
    struct mr_decoder *d = m->d;
    if (!mr_buf_ok(&d->doc))
        return mr_err_set(d->err, MR_FRAMING_TOO_LARGE, "as an array literal");
    d->run.emit->text(d->run.out, &m->op->to, (const char *)d->doc.data, d->doc.len);
    return 0;
}

int mr_decode_matrix(struct mr_decoder *d, const struct mr_op *op)
{
    struct mr_wire probe = d->wire;
    struct matrix m = {.d = d, .op = op, .w = &probe, .pass = PASS_COUNT};
    bool empty;
    int rc = matrix_walk(&m);
    if (rc == 0)
        rc = matrix_empty(&m, &empty);
    if (rc < 0)
        return rc;
    m.w = &d->wire;
    if (op->to.type == MR_T_CAST)
        return literal(&m);
    const struct mr_emit_ops *emit = d->run.emit;
    size_t at = empty ? emit->array_begin(d->run.out, &op->to, 0, false)
                      : emit->matrix_begin(d->run.out, &op->to, &m.dims, m.has_null);
    m.pass = PASS_WRITE;
    rc = matrix_walk(&m);
    if (rc == 0)
        emit->array_end(d->run.out, &op->to, at);
    return rc;
}
