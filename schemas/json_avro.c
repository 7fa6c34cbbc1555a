/* Owns writing JSON values in Avro's binary form. Must not choose schemas. Invariants: recursion is
 * bounded by MAX_LEVELS, since types may refer to themselves through defaults; what a union's
 * refused branch wrote is taken back; the work is bounded by `budget`, and a default is parsed
 * once. */
#include "schemas/json_avro.h"

#include "schemas/avro_index.h"
#include "schemas/json_leaf.h"

#include "base/ban.h"

enum {
    MAX_LEVELS = 160,
    /* A record's steps: 64 for each byte of it, and a floor. A leaf's byte costs four. */
    BUDGET_FACTOR = 64,
    BUDGET_FLOOR = 1024 * 1024,
    STEPS_A_BYTE = 4,
    FIELDS_A_STEP = 8,
    CHUNK_BYTES = 4096,
    KEPT_BYTES = 1024 * 1024 /* a buffer's, for the next record */
};

/* A default that this value needed before: where its bytes stand in `defaults`. */
struct kept {
    size_t at;
    size_t len;
};

void mr_json_avro_init(struct mr_json_avro *j, struct mr_buf *out, struct mr_err *err)
{
    j->form = MR_JSON_FORM_VALUE;
    j->out = out;
    j->err = err;
    j->budget = BUDGET_FLOOR;
    j->depth = 0;
    j->quiet = false;
    j->places = j->text = j->octets = j->defaults = (struct mr_buf)MR_BUF_INIT;
    mr_map_init(&j->kept, (uintptr_t)j);
    mr_arena_init(&j->arena, CHUNK_BYTES, 0);
}

void mr_json_avro_release(struct mr_json_avro *j)
{
    mr_buf_release(&j->places);
    mr_buf_release(&j->text);
    mr_buf_release(&j->octets);
    mr_buf_release(&j->defaults);
    mr_map_release(&j->kept);
    mr_arena_release(&j->arena);
}

static int full(struct mr_json_avro *j)
{
    return mr_err_set(j->err, MR_FRAMING_TOO_LARGE, "the record's values are too large");
}

void mr_avro_put_long(struct mr_buf *out, int64_t v)
{
    uint64_t u = ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
    uint8_t bytes[10];
    size_t n = 0;
    for (; u >= 0x80; u >>= 7)
        bytes[n++] = (uint8_t)(u | 0x80);
    bytes[n++] = (uint8_t)u;
    mr_buf_add(out, bytes, n);
}

void mr_avro_put_bytes(struct mr_buf *out, struct mr_slice bytes)
{
    mr_avro_put_long(out, (int64_t)bytes.len);
    mr_buf_add(out, bytes.data, bytes.len);
}

/* ---- containers ---- */

static int put_value(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node,
                     const struct mr_avro_props *props);

/* The field of a member; `hint` is where it would stand in order. MR_AVRO_NO_NAME: the record has
 * none. */
static int field_of(struct mr_json_avro *j, const struct mr_avro_node *node, struct mr_json_at name,
                    uint16_t hint, int32_t *out)
{
    struct mr_slice text;
    int rc = mr_json_leaf_text(j, name, &text);
    *out = MR_AVRO_NO_NAME;
    if (rc < 0)
        return rc == -MR_VALUE_UTF8 ? 0 : rc; /* a lone surrogate: no name */
    *out = mr_slice_eq(text, mr_slice_str(node->fields[hint].name))
               ? hint
               : mr_avro_field_find(node, text);
    return 0;
}

/* Where each field's value stands, pushed on `places`; of equal names the last one's. */
static int find_fields(struct mr_json_avro *j, struct mr_json_at at,
                       const struct mr_avro_node *node)
{
    size_t base = j->places.len;
    uint8_t *room = mr_buf_room(&j->places, node->n_fields * sizeof(uint32_t));
    if (room == NULL)
        return mr_err_set(j->err, MR_NO_MEMORY, "fields of a JSON record");
    memset(room, 0, node->n_fields * sizeof(uint32_t));
    const struct mr_json_token *object = &at.doc->tokens[at.token];
    uint32_t token = at.token + 1;
    uint16_t hint = 0;
    for (uint32_t i = 0; i < object->n && node->n_fields > 0; i++) {
        uint32_t value = object->kind == MR_JSON_OBJECT ? token + 1 : token;
        int32_t field = (int32_t)i;
        int rc = object->kind == MR_JSON_ARRAY
                     ? 0
                     : field_of(j, node, (struct mr_json_at){at.doc, token}, hint, &field);
        if (rc < 0)
            return rc;
        if (field >= 0) {
            memcpy(j->places.data + base + (size_t)field * sizeof value, &value, sizeof value);
            hint = (uint16_t)((field + 1) % node->n_fields);
        }
        token = at.doc->tokens[value].next;
    }
    return 0;
}

static uint32_t place_of(const struct mr_json_avro *j, size_t base, uint16_t field)
{
    uint32_t token;
    memcpy(&token, j->places.data + base + field * sizeof token, sizeof token);
    return token;
}

/* A field that the object lacks. */
/* NOLINTNEXTLINE(misc-no-recursion): through defaults, at most MAX_LEVELS */
static int put_absent(struct mr_json_avro *j, const struct mr_avro_field *field)
{
    const struct mr_avro_node *inner;
    uint32_t null_branch;
    if (!mr_json_spend(j, 1))
        return mr_json_spent(j);
    if (field->default_json != NULL)
        return mr_json_avro_default(j, field);
    if (mr_avro_nullable(field->type, &inner, &null_branch)) {
        mr_avro_put_long(j->out, null_branch);
        return 0;
    }
    if (field->type->kind == MR_AV_NULL)
        return 0;
    return mr_err_set(mr_json_told(j), MR_VALUE_INVALID, "field '%.200s' is missing", field->name);
}

/* Connect's map with other keys is an array of [key, value] (S-19). */
static bool is_pair(struct mr_json_at at, const struct mr_avro_node *node)
{
    return mr_json_kind_at(at) == MR_JSON_ARRAY && node->n_fields == 2 &&
           at.doc->tokens[at.token].n == 2 && strcmp(node->fields[0].name, "key") == 0 &&
           strcmp(node->fields[1].name, "value") == 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int put_record(struct mr_json_avro *j, struct mr_json_at at, const struct mr_typed *typed)
{
    const struct mr_avro_node *node = typed->node;
    if (typed->semantic == MR_SEM_VAR_DECIMAL && mr_json_is_number(at))
        return mr_json_leaf_var_decimal(j, at, node);
    if (mr_json_kind_at(at) != MR_JSON_OBJECT && !is_pair(at, node))
        return mr_json_misfit(j, at, "a record");
    size_t base = j->places.len;
    if (!mr_json_spend(j, node->n_fields / FIELDS_A_STEP))
        return mr_json_spent(j);
    int rc = find_fields(j, at, node);
    for (uint16_t i = 0; rc == 0 && i < node->n_fields; i++) {
        const struct mr_avro_field *field = &node->fields[i];
        uint32_t token = place_of(j, base, i);
        if (token == MR_JSON_NO_TOKEN)
            rc = put_absent(j, field);
        else
            rc = put_value(j, (struct mr_json_at){at.doc, token}, field->type, &field->props);
        if (rc == 0 && !mr_buf_ok(j->out))
            rc = full(j);
        if (rc < 0 && !j->quiet)
            mr_err_in(j->err, NULL, field->name);
    }
    j->places.len = base;
    return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int put_items(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node)
{
    bool map = node->kind == MR_AV_MAP;
    const struct mr_json_token *list = &at.doc->tokens[at.token];
    if (list->kind != (map ? MR_JSON_OBJECT : MR_JSON_ARRAY))
        return mr_json_misfit(j, at, map ? "a map" : "an array");
    uint32_t token = at.token + 1;
    int rc = 0;
    if (list->n > 0)
        mr_avro_put_long(j->out, list->n);
    for (uint32_t i = 0; rc == 0 && i < list->n; i++) {
        static const struct mr_avro_node key = {.kind = MR_AV_STRING};
        if (map)
            rc = put_value(j, (struct mr_json_at){at.doc, token++}, &key, NULL);
        if (rc == 0)
            rc = put_value(j, (struct mr_json_at){at.doc, token}, node->items, NULL);
        if (rc == 0 && !mr_buf_ok(j->out))
            rc = full(j);
        token = at.doc->tokens[token].next;
    }
    mr_buf_byte(j->out, 0);
    return rc;
}

/* {"branch": value} */
static int tagged_branch(struct mr_json_avro *j, const struct mr_avro_node *node,
                         struct mr_json_at at)
{
    struct mr_slice tag;
    const struct mr_json_at name = {at.doc, at.token + 1};
    if (mr_json_kind_at(at) != MR_JSON_OBJECT || at.doc->tokens[at.token].n != 1 ||
        mr_json_leaf_text(j, name, &tag) < 0)
        return -1;
    for (uint16_t i = 0; i < node->n_branches; i++) {
        const struct mr_avro_node *branch = node->branches[i];
        const char *branch_name =
            branch->full_name != NULL ? branch->full_name : mr_avro_kind_name(branch->kind);
        if (mr_slice_eq(tag, mr_slice_str(branch_name)))
            return i;
    }
    return -1;
}

/* Not what another branch may mend: no work, memory or room is left, or the schema is wrong. */
static bool is_final(const struct mr_json_avro *j, int rc)
{
    return rc == 0 || j->budget == 0 || !mr_buf_ok(j->out) || rc == -MR_SCHEMA_INVALID ||
           mr_code_class(rc) != MR_CLASS_POISON;
}

/* The first branch that takes the value. */
/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int put_tried(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node)
{
    bool quiet = j->quiet;
    uint32_t depth = j->depth;
    size_t len = j->out->len;
    size_t base = j->places.len;
    bool null = mr_json_kind_at(at) == MR_JSON_NULL;
    int rc = 0;
    if (!mr_json_spend(j, node->n_branches))
        return mr_json_spent(j);
    for (uint16_t i = 0; i < node->n_branches; i++) {
        if (null != (node->branches[i]->kind == MR_AV_NULL))
            continue;
        mr_avro_put_long(j->out, i);
        j->quiet = true;
        rc = put_value(j, at, node->branches[i], NULL);
        j->quiet = quiet;
        if (is_final(j, rc))
            return rc;
        j->out->len = len;
        j->places.len = base;
        j->depth = depth;
    }
    if (rc == 0)
        return mr_json_misfit(j, at, "a union without that branch");
    return mr_err_set(mr_json_told(j), (enum mr_code) - rc,
                      "a value that no branch of its union takes, at byte %u",
                      (unsigned)at.doc->tokens[at.token].start);
}

/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int put_union(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node,
                     const struct mr_avro_props *props)
{
    const struct mr_avro_node *inner;
    uint32_t null_branch;
    if (mr_avro_nullable(node, &inner, &null_branch)) {
        bool null = mr_json_kind_at(at) == MR_JSON_NULL;
        mr_avro_put_long(j->out, null ? null_branch : 1 - null_branch);
        return null ? 0 : put_value(j, at, inner, props);
    }
    int tagged = j->form == MR_JSON_FORM_DEFAULT ? -1 : tagged_branch(j, node, at);
    if (tagged < 0)
        return put_tried(j, at, node);
    mr_avro_put_long(j->out, tagged);
    return put_value(j, (struct mr_json_at){at.doc, at.token + 2}, node->branches[tagged], NULL);
}

static int put_leaf(struct mr_json_avro *j, struct mr_json_at at, const struct mr_typed *typed)
{
    const struct mr_json_token *token = &at.doc->tokens[at.token];
    if (!mr_json_spend(j, (uint64_t)(token->end - token->start) * STEPS_A_BYTE))
        return mr_json_spent(j);
    return mr_json_leaf_put(j, at, typed);
}

/* NOLINTNEXTLINE(misc-no-recursion): at most MAX_LEVELS */
static int put_value(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node,
                     const struct mr_avro_props *props)
{
    struct mr_typed typed;
    int rc;
    if (!mr_json_spend(j, 1))
        return mr_json_spent(j);
    if (node->kind == MR_AV_UNION)
        return put_union(j, at, node, props);
    if (++j->depth > MAX_LEVELS)
        return mr_err_set(mr_json_told(j), MR_AVRO_DEPTH, "nested deeper than %d", MAX_LEVELS);
    mr_typed_of(node, props, &typed);
    if (node->kind == MR_AV_RECORD)
        rc = put_record(j, at, &typed);
    else if (node->kind == MR_AV_ARRAY || node->kind == MR_AV_MAP)
        rc = put_items(j, at, node);
    else
        rc = put_leaf(j, at, &typed);
    j->depth--;
    return rc;
}

/* What a large record took goes back. */
static void trim(struct mr_buf *buf)
{
    mr_buf_reset(buf);
    if (buf->cap > KEPT_BYTES)
        mr_buf_release(buf);
}

static void forget(struct mr_json_avro *j)
{
    trim(&j->places);
    trim(&j->text);
    trim(&j->octets);
    trim(&j->defaults);
    if (j->kept.n_entries == 0)
        return;
    if (j->kept.capacity > KEPT_BYTES / sizeof(struct mr_map_entry))
        mr_map_release(&j->kept);
    mr_map_reset(&j->kept);
    mr_arena_reset(&j->arena);
}

int mr_json_avro_put(struct mr_json_avro *j, struct mr_json_at at, const struct mr_avro_node *node,
                     const struct mr_avro_props *props)
{
    j->budget = (uint64_t)at.doc->text.len * BUDGET_FACTOR + BUDGET_FLOOR;
    j->depth = 0;
    j->quiet = false;
    int rc = put_value(j, at, node, props);
    if (rc == 0 && !mr_buf_ok(j->out))
        rc = full(j);
    forget(j);
    return rc;
}

/* ---- defaults ---- */

/* The default's bytes stand behind `start` of the output: the next time they are copied. Where they
 * have no room they are made again, at the cost of steps. */
static int keep_default(struct mr_json_avro *j, const struct mr_avro_field *field, size_t start)
{
    size_t len = j->out->len - start;
    if (j->defaults.len > j->out->limit || j->out->limit - j->defaults.len <= len)
        return 0;
    struct kept *kept = mr_arena_alloc(&j->arena, sizeof *kept);
    j->defaults.limit = j->out->limit;
    mr_buf_add(&j->defaults, j->out->data + start, len);
    if (kept == NULL || !mr_buf_ok(&j->defaults))
        return mr_err_set(j->err, MR_NO_MEMORY, "a default");
    *kept = (struct kept){.at = j->defaults.len - len, .len = len};
    if (mr_map_put(&j->kept, &field->default_json, sizeof field->default_json, kept) < 0)
        return mr_err_set(j->err, MR_NO_MEMORY, "a default");
    return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): a default's record may need defaults; at most MAX_LEVELS */
static int put_default(struct mr_json_avro *j, const struct mr_avro_field *field,
                       struct mr_err *why)
{
    struct mr_json_doc doc = MR_JSON_DOC_INIT;
    enum mr_json_form form = j->form;
    uint32_t depth = j->depth;
    bool quiet = j->quiet;
    struct mr_err *err = j->err;
    int rc = mr_json_doc_parse(&doc, mr_slice_str(field->default_json), why);
    if (rc == 0) {
        j->form = MR_JSON_FORM_DEFAULT;
        j->quiet = false;
        j->err = why;
        rc = put_value(j, (struct mr_json_at){&doc, 0}, field->type, &field->props);
    }
    j->form = form;
    j->depth = depth;
    j->quiet = quiet;
    j->err = err;
    mr_json_doc_release(&doc);
    return rc;
}

/* NOLINTNEXTLINE(misc-no-recursion): a default's record may need defaults; at most MAX_LEVELS */
int mr_json_avro_default(struct mr_json_avro *j, const struct mr_avro_field *field)
{
    struct mr_err why = MR_ERR_INIT;
    const struct kept *kept =
        mr_map_find(&j->kept, &field->default_json, sizeof field->default_json);
    if (kept != NULL) {
        mr_buf_add(j->out, j->defaults.data + kept->at, kept->len);
        return 0;
    }
    size_t start = j->out->len;
    size_t cost = strlen(field->default_json);
    if (cost >= j->budget) {
        j->budget = 0;
        return full(j);
    }
    j->budget -= cost;
    int rc = put_default(j, field, &why);
    if (rc == 0 && mr_buf_ok(j->out))
        return keep_default(j, field, start);
    if (rc == 0)
        return full(j);
    bool bad = mr_code_class(rc) == MR_CLASS_POISON && rc != -MR_FRAMING_TOO_LARGE &&
               j->budget > 0 && mr_buf_ok(j->out);
    if (!bad) {
        *j->err = why;
        return rc;
    }
    return mr_err_set(j->err, MR_SCHEMA_INVALID, "the default of field '%.200s': %.300s",
                      field->name, why.detail);
}
