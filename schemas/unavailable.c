/* Owns the forms in which Debezium writes "not available". Must not decide what happens then.
 * Sources: contract.md U-01..U-12a; Debezium's UnchangedToastedPlaceholder. */
#include "schemas/unavailable.h"

#include "schemas/digest.h"
#include "schemas/json_text.h"
#include "schemas/walk.h"

#include "base/ban.h"

static int keep(struct mr_buf *buf, struct mr_arena *arena, struct mr_slice *out,
                struct mr_err *err)
{
    out->len = buf->len;
    out->data = mr_buf_ok(buf) ? mr_arena_copy(arena, buf->data, buf->len) : NULL;
    return out->data != NULL ? 0 : mr_err_set(err, MR_NO_MEMORY, "placeholder forms");
}

int mr_unavailable_make(struct mr_slice text, struct mr_arena *arena, struct mr_unavailable *out,
                        struct mr_err *err)
{
    struct mr_buf buf = MR_BUF_INIT;
    *out = (struct mr_unavailable){.text = text};
    out->has_uuid = mr_digest_uuid3(text, out->uuid);
    mr_buf_add(&buf, text.data, text.len);
    int rc = keep(&buf, arena, &out->text, err);
    mr_buf_reset(&buf);
    mr_json_text_base64(&buf, text);
    if (rc == 0)
        rc = keep(&buf, arena, &out->base64, err);
    for (size_t i = 0; i < buf.len; i++)
        buf.data[i] = buf.data[i] == '+' ? '-' : buf.data[i] == '/' ? '_' : buf.data[i];
    if (rc == 0)
        rc = keep(&buf, arena, &out->base64_url, err);
    mr_buf_reset(&buf);
    if (mr_utf8_valid(text.data, text.len)) {
        mr_buf_byte(&buf, '{');
        mr_json_text_string(&buf, text);
        mr_buf_byte(&buf, ':');
        mr_json_text_string(&buf, text);
        mr_buf_byte(&buf, '}');
    }
    if (rc == 0)
        rc = keep(&buf, arena, &out->json, err);
    mr_buf_release(&buf);
    /* Without the quotes that the JSON writer puts around. */
    if (rc == 0) {
        out->base64 = (struct mr_slice){out->base64.data + 1, out->base64.len - 2};
        out->base64_url = (struct mr_slice){out->base64_url.data + 1, out->base64_url.len - 2};
    }
    return rc;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Equal but for blanks outside of strings (U-11). */
static bool json_equal(struct mr_slice form, struct mr_slice v)
{
    size_t at = 0;
    bool in_string = false;
    if (form.len == 0)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        if (!in_string && is_blank(v.data[i]))
            continue;
        if (at >= form.len || form.data[at] != v.data[i])
            return false;
        if (v.data[i] == '"' && (at == 0 || form.data[at - 1] != '\\'))
            in_string = !in_string;
        at++;
    }
    return at == form.len;
}

bool mr_unavailable_scalar(const struct mr_unavailable *p, enum mr_semantic semantic,
                           struct mr_slice v)
{
    if (v.len == p->text.len)
        return memcmp(v.data, p->text.data, v.len) == 0;
    if (semantic == MR_SEM_STRING && v.len == p->base64.len)
        return mr_slice_eq(v, p->base64) || mr_slice_eq(v, p->base64_url);
    return semantic == MR_SEM_JSON && v.len >= p->json.len && json_equal(p->json, v);
}

/* Item number `idx` of an array against the form that its type has. */
static bool item_equal(const struct mr_unavailable *p, const struct mr_typed *items, size_t idx,
                       struct mr_value *v, struct mr_num_scratch *num)
{
    int64_t octet = idx < p->text.len ? (int8_t)p->text.data[idx] : 0;
    int64_t i;
    switch (items->node->kind) {
    case MR_AV_INT:
    case MR_AV_LONG:
        return v->i == octet;
    case MR_AV_FLOAT:
    case MR_AV_DOUBLE:
        return v->d == (double)octet;
    case MR_AV_STRING:
        if (mr_slice_eq(v->s, p->text))
            return true;
        return p->has_uuid && mr_uuid_parse(v->s, v->uuid) && memcmp(v->uuid, p->uuid, 16) == 0;
    case MR_AV_BYTES:
    case MR_AV_FIXED:
        if (items->semantic != MR_SEM_DECIMAL)
            return mr_slice_eq(v->s, p->text);
        return mr_numeric_from_bytes(v->s, mr_semantic_scale(items->props), num, &v->num, NULL) ==
                   0 &&
               mr_numeric_to_i64(&v->num, &i) && i == octet;
    case MR_AV_NULL:
    case MR_AV_BOOLEAN:
    case MR_AV_RECORD:
    case MR_AV_ENUM:
    case MR_AV_ARRAY:
    case MR_AV_MAP:
    case MR_AV_UNION:
    default:
        return false;
    }
}

static bool is_numeric_item(const struct mr_typed *items)
{
    return items->node->kind <= MR_AV_DOUBLE || items->semantic == MR_SEM_DECIMAL;
}

/* The next item, over the borders of blocks; false at the end, on null and on a fault. */
static bool next_item(struct mr_wire *w, const struct mr_typed *items, struct mr_wire_block *block,
                      struct mr_value *v)
{
    uint32_t branch;
    uint32_t least = items->node->min_bytes;
    if (block->n == 0 && (!mr_wire_block_open(w, least, block) || block->n == 0))
        return false;
    block->n--;
    if (items->null_branch >= 0 &&
        (!mr_wire_branch(w, 2, &branch) || (int)branch == items->null_branch))
        return false;
    return mr_walk_scalar(w, items->node, v);
}

bool mr_unavailable_array(const struct mr_unavailable *p, const struct mr_typed *array,
                          struct mr_wire w, struct mr_num_scratch *num)
{
    struct mr_typed items;
    struct mr_value v;
    struct mr_wire_block block = {.n = 0};
    mr_typed_items(array, &items);
    size_t want = is_numeric_item(&items) ? p->text.len : 1;
    for (size_t idx = 0; idx < want; idx++) {
        if (!next_item(&w, &items, &block, &v) || !item_equal(p, &items, idx, &v, num))
            return false;
    }
    return block.n == 0 && mr_wire_block_open(&w, items.node->min_bytes, &block) && block.n == 0;
}

bool mr_unavailable_map(const struct mr_unavailable *p, const struct mr_avro_node *map,
                        struct mr_wire w)
{
    struct mr_typed items;
    struct mr_wire_block block = {.n = 0};
    struct mr_slice key;
    struct mr_value v;
    uint32_t branch;
    mr_typed_of(map->items, NULL, &items);
    if (items.node->kind != MR_AV_STRING || !mr_wire_block_open(&w, 1, &block) || block.n != 1 ||
        !mr_wire_bytes(&w, &key) || !mr_slice_eq(key, p->text))
        return false;
    if (items.null_branch >= 0 &&
        (!mr_wire_branch(&w, 2, &branch) || (int)branch == items.null_branch))
        return false;
    return mr_wire_bytes(&w, &v.s) && mr_slice_eq(v.s, p->text) &&
           mr_wire_block_open(&w, 1, &block) && block.n == 0;
}
