/* Owns what extensions bring, vectors, pairs and labels: from arrays, records, maps and texts into
 * columns (contract.md T-36, T-38, T-44, T-45). */
#include "schemas/convert_write.h"
#include "schemas/json_text.h"
#include "schemas/semantic_record.h"
#include "schemas/vector.h"
#include "schemas/walk.h"

#include "base/ban.h"

static int too_large(struct mr_convert_run *run)
{
    return mr_err_set(run->err, MR_VALUE_TOO_LARGE, "more elements than there is room for");
}

static struct mr_vector_room room_of(struct mr_convert_run *run)
{
    mr_buf_reset(&run->items);
    mr_buf_reset(&run->text);
    return (struct mr_vector_room){.reals = &run->items, .idx = &run->text};
}

/* An array of floats; its items may be null, a vector's may not. */
int mr_norm_vector(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_wire w;
    struct mr_wire_block block = {.n = 0};
    uint32_t null_branch = 0;
    const struct mr_avro_node *inner = c->node->items;
    bool nullable = mr_avro_nullable(c->node->items, &inner, &null_branch);
    struct mr_vector_room room = room_of(run);
    mr_wire_init(&w, v->s, 0);
    while (mr_wire_block_open(&w, 1, &block) && block.n > 0) {
        for (; block.n > 0; block.n--) {
            struct mr_value item = {.i = 0};
            uint32_t branch = UINT32_MAX;
            if (nullable && (!mr_wire_branch(&w, 2, &branch) || branch == null_branch))
                return mr_err_set(run->err, MR_VALUE_INVALID, "a null in a vector");
            if (!mr_walk_scalar(&w, inner, &item))
                return mr_wire_fail(&w, run->err);
            mr_buf_add(room.reals, &item.d, sizeof item.d);
        }
    }
    if (!mr_buf_ok(room.reals))
        return too_large(run);
    v->vector = (struct mr_vector){.n = (uint32_t)(room.reals->len / sizeof(double)),
                                   .v = mr_buf_items(room.reals)};
    v->vector.dim = (int32_t)v->vector.n; /* at most MR_WIRE_MAX_ITEMS */
    return 0;
}

/* 0, which is no index, where the text is no number of at most ten digits. */
static int64_t sparse_index(struct mr_slice text)
{
    int64_t idx = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.len > 10 || text.data[i] < '0' || text.data[i] > '9')
            return 0;
        idx = idx * 10 + (text.data[i] - '0');
    }
    return idx;
}

/* One element of a sparse vector: a map's key is the index as text. */
static bool sparse_item(struct mr_wire *w, const struct mr_avro_node *node, int64_t *idx,
                        double *real)
{
    struct mr_value v = {.i = 0};
    struct mr_slice key;
    *idx = 0;
    if (node->kind == MR_AV_MAP) {
        if (!mr_wire_bytes(w, &key) || !mr_walk_scalar(w, node->items, &v))
            return false;
        *idx = sparse_index(key);
    } else {
        if (!mr_walk_scalar(w, node->items->fields[0].type, &v))
            return false;
        *idx = v.i;
        if (!mr_walk_scalar(w, node->items->fields[1].type, &v))
            return false;
    }
    *real = v.d;
    return true;
}

/* Indexes count from 1 at the source, as in the text form. */
int mr_norm_sparse(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_part parts[MR_PARTS_MAX];
    struct mr_wire w;
    struct mr_wire_block block = {.n = 0};
    mr_record_read(mr_record_spec(c->semantic), c->node, v->s, parts);
    const struct mr_part *elements = &parts[MR_PART_VECTOR];
    int64_t dim = parts[MR_PART_DIMENSIONS].i;
    if (!parts[MR_PART_DIMENSIONS].set || !elements->set || dim < 1 || dim > MR_SPARSE_MAX_DIM)
        return mr_err_set(run->err, MR_VALUE_INVALID, "a sparse vector of %lld dimensions",
                          (long long)dim);
    struct mr_vector_room room = room_of(run);
    uint32_t n = 0;
    mr_wire_init(&w, elements->s, 0);
    while (mr_wire_block_open(&w, 1, &block) && block.n > 0) {
        for (; block.n > 0; block.n--) {
            int64_t idx;
            double real;
            if (!sparse_item(&w, elements->node, &idx, &real))
                return mr_wire_fail(&w, run->err);
            if (idx < 1 || idx > dim)
                return mr_err_set(run->err, MR_VALUE_INVALID, "index %lld of %lld", (long long)idx,
                                  (long long)dim);
            int32_t from_zero = (int32_t)(idx - 1);
            mr_buf_add(room.idx, &from_zero, sizeof from_zero);
            mr_buf_add(room.reals, &real, sizeof real);
            n++;
        }
    }
    if (!mr_buf_ok(room.reals) || !mr_buf_ok(room.idx))
        return too_large(run);
    static const int32_t none[1];
    v->vector = (struct mr_vector){.dim = (int32_t)dim,
                                   .n = n,
                                   .idx = n > 0 ? mr_buf_items(room.idx) : none,
                                   .v = mr_buf_items(room.reals)};
    if (!mr_vector_sort(&room, &v->vector))
        return mr_err_set(run->err, MR_VALUE_INVALID, "an index stands twice");
    return 0;
}

int mr_write_vector(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    int rc = mr_vector_check(&v->vector, &c->to, run->err);
    if (rc == 0 && c->to.type == MR_T_SPARSEVEC && v->vector.idx != NULL && v->vector.n > 0)
        mr_vector_drop_zeros(&v->vector, mr_buf_items(&run->text), mr_buf_items(&run->items));
    if (rc == 0)
        run->emit->vector(run->out, &c->to, &v->vector);
    return rc;
}

int mr_parse_vector(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_vector_room room = room_of(run);
    if (!mr_vector_parse(v->s, c->to.type == MR_T_SPARSEVEC, &room, &v->vector))
        return mr_err_set(run->err, MR_VALUE_INVALID, "the text is no value of %s",
                          mr_type_name(c->to.type));
    return mr_write_vector(run, c, v);
}

/* What each server refuses in an ltree; letters beyond ASCII are its locale's to know, and `-` and
 * labels of more than 255 characters its version's. Source: PostgreSQL, contrib/ltree/ltree_io.c.
 */
static bool is_ltree(struct mr_slice text)
{
    enum { MAX_LABELS = 65535, MAX_LABEL_CHARS = 1000 };
    size_t n_chars = 0;
    size_t n_labels = 1;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool letter = (uint8_t)((c | 0x20) - 'a') < 26 || (uint8_t)(c - '0') < 10 || c == '_' ||
                      c == '-' || c >= 0x80;
        if (c == '.' ? n_chars == 0 : !letter)
            return false;
        n_chars = c == '.' ? 0 : n_chars + ((c & 0xc0) != 0x80);
        n_labels += c == '.';
        if (n_chars > MAX_LABEL_CHARS)
            return false;
    }
    return text.len == 0 || (n_chars > 0 && n_labels <= MAX_LABELS);
}

int mr_parse_ltree(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_slice text = v->s;
    int rc = mr_convert_screen(run, &text);
    if (rc < 0)
        return rc;
    if (!is_ltree(text))
        return mr_err_set(run->err, MR_VALUE_INVALID, "the text is no value of ltree");
    run->emit->text(run->out, &c->to, (const char *)text.data, text.len);
    return 0;
}

/* Screened and kept in run->text, behind a byte that gives each text a place of its own. */
static int keep_text(struct mr_convert_run *run, struct mr_slice text, uint32_t *at, uint32_t *len)
{
    int rc = mr_convert_screen(run, &text);
    mr_buf_byte(&run->text, 0);
    *at = (uint32_t)run->text.len; /* far below 4 GiB, as the record is */
    *len = (uint32_t)text.len;
    if (rc == 0)
        mr_buf_add(&run->text, text.data, text.len);
    return rc;
}

static int pair_read(struct mr_convert_run *run, const struct mr_avro_node *items,
                     struct mr_wire *w, struct mr_pair *out)
{
    struct mr_slice text;
    uint32_t branch = UINT32_MAX;
    uint32_t null_branch = 0;
    const struct mr_avro_node *inner = items;
    bool nullable = mr_avro_nullable(items, &inner, &null_branch);
    if (!mr_wire_bytes(w, &text))
        return mr_wire_fail(w, run->err);
    int rc = keep_text(run, text, &out->key_at, &out->key_len);
    if (rc < 0)
        return rc;
    out->value_at = 0;
    out->value_len = UINT32_MAX;
    if (nullable && !mr_wire_branch(w, 2, &branch))
        return mr_wire_fail(w, run->err);
    if (nullable && branch == null_branch)
        return 0;
    if (!mr_wire_bytes(w, &text))
        return mr_wire_fail(w, run->err);
    return keep_text(run, text, &out->value_at, &out->value_len);
}

int mr_norm_pairs(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_wire w;
    struct mr_wire_block block = {.n = 0};
    uint32_t n = 0;
    mr_buf_reset(&run->text);
    mr_buf_reset(&run->items);
    mr_wire_init(&w, v->s, 0);
    while (mr_wire_block_open(&w, 1, &block) && block.n > 0) {
        for (; block.n > 0; block.n--, n++) {
            struct mr_pair pair;
            int rc = pair_read(run, c->node->items, &w, &pair);
            if (rc < 0)
                return rc;
            mr_buf_add(&run->items, &pair, sizeof pair);
        }
    }
    if (!mr_buf_ok(&run->text) || !mr_buf_ok(&run->items))
        return too_large(run);
    struct mr_pair *pairs = mr_buf_items(&run->items);
    if (n > 0)
        mr_pairs_sort(run->text.data, pairs, &n);
    v->pairs = (struct mr_pairs){.n = n, .pairs = pairs, .text = run->text.data};
    return 0;
}

int mr_write_pairs(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    run->emit->pairs(run->out, &c->to, &v->pairs);
    return 0;
}

int mr_parse_pairs(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_slice text = v->s;
    bool json = c->semantic == MR_SEM_JSON;
    int rc = json ? mr_json_check(text, true, run->err) : mr_convert_screen(run, &text);
    if (rc < 0)
        return rc;
    if (!(json ? mr_pairs_parse_json : mr_pairs_parse)(text, &run->text, &run->items, &v->pairs))
        return mr_err_set(run->err, MR_VALUE_INVALID, "the text is no value of %s",
                          mr_type_name(c->to.type));
    return mr_write_pairs(run, c, v);
}
