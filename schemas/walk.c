/* Owns the two interpreters that walk any schema over bytes: one skips, one renders. Must not
 * recurse: a frame per open record, array or map, at most MR_WIRE_MAX_DEPTH (unions do not count,
 * S-45). The renderer skips a record that is one value; the skip never renders. Invariant: both
 * do the same structural checks. */
#include "schemas/walk.h"

#include "schemas/json_text.h"

#include "base/ban.h"

enum frame_kind { FRAME_RECORD, FRAME_ARRAY, FRAME_MAP, FRAME_ENTRIES };

struct frame {
    const struct mr_avro_node *node;
    struct mr_wire_block block; /* n: items left */
    enum frame_kind kind;
    uint32_t next; /* record: the next field */
    bool first;    /* no member is written yet */
    bool wrapped;  /* stands inside {"branch": ... } */
};

struct walk {
    struct mr_wire *w;
    struct mr_convert_run *run;
    struct mr_buf *out;
    int rc; /* a leaf's own error; wire faults are in w */
    uint32_t depth;
    uint32_t n_entries; /* open frames of entries, in which a record is open, too */
    struct frame frames[MR_WIRE_MAX_DEPTH];
};

struct skip_frame {
    const struct mr_avro_node *node;
    struct mr_wire_block block;
    uint32_t next; /* record: the next field */
};

struct skip {
    struct mr_wire *w;
    uint32_t above; /* what is open around it */
    uint32_t depth;
    struct skip_frame frames[MR_WIRE_MAX_DEPTH];
};

bool mr_walk_scalar(struct mr_wire *w, const struct mr_avro_node *node, struct mr_value *v)
{
    uint32_t idx;
    switch (node->kind) {
    case MR_AV_BOOLEAN:
        return mr_wire_boolean(w, &v->i);
    case MR_AV_INT:
        return mr_wire_int(w, &v->i);
    case MR_AV_LONG:
        return mr_wire_long(w, &v->i);
    case MR_AV_FLOAT:
        return mr_wire_float(w, &v->d);
    case MR_AV_DOUBLE:
        return mr_wire_double(w, &v->d);
    case MR_AV_BYTES:
    case MR_AV_STRING:
        return mr_wire_bytes(w, &v->s);
    case MR_AV_FIXED:
        if (node->size == 0 && !mr_wire_zero(w))
            return false;
        return mr_wire_fixed(w, node->size, &v->s);
    case MR_AV_ENUM:
        if (!mr_wire_enum(w, node->n_symbols, &idx))
            return false;
        v->s = mr_slice_str(node->symbols[idx]);
        return true;
    case MR_AV_NULL:
    case MR_AV_RECORD:
    case MR_AV_ARRAY:
    case MR_AV_MAP:
    case MR_AV_UNION:
    default:
        return mr_wire_zero(w);
    }
}

bool mr_walk_var_decimal(struct mr_wire *w, const struct mr_avro_node *node, struct mr_value *v)
{
    for (unsigned i = 0; i < 2; i++) {
        if (!mr_walk_scalar(w, node->fields[i].type, v))
            return false;
    }
    return true;
}

static bool is_container(const struct mr_avro_node *node)
{
    return node->kind == MR_AV_RECORD || node->kind == MR_AV_ARRAY || node->kind == MR_AV_MAP;
}

/* May a container be opened below `depth` others? */
static bool may_open(struct mr_wire *w, const struct mr_avro_node *node, uint32_t depth)
{
    if (depth >= MR_WIRE_MAX_DEPTH)
        return mr_wire_fault(w, MR_AVRO_DEPTH);
    return node->kind != MR_AV_RECORD || node->n_fields > 0 || mr_wire_zero(w);
}

/* Goes to the next item of an array or map; *end where there is none. */
static bool next_item(struct mr_wire *w, const struct mr_avro_node *node,
                      struct mr_wire_block *block, bool *end)
{
    *end = false;
    if (block->n == 0) {
        /* A map's key takes at least the byte of its length. */
        uint32_t least = node->items->min_bytes + (node->kind == MR_AV_MAP ? 1 : 0);
        if (!mr_wire_block_close(w, block) || !mr_wire_block_open(w, least, block))
            return false;
        if (block->n == 0) {
            *end = true;
            return mr_wire_block_close(w, block);
        }
    }
    block->n--;
    return true;
}

/* One value: a leaf is passed, a container is opened. */
static bool skip_value(struct skip *skip, const struct mr_avro_node *node)
{
    if (node->kind == MR_AV_UNION) {
        uint32_t idx;
        if (!mr_wire_branch(skip->w, node->n_branches, &idx))
            return false;
        node = node->branches[idx];
        if (node->kind == MR_AV_NULL)
            return true;
    }
    if (!is_container(node)) {
        struct mr_value ignored;
        return mr_walk_scalar(skip->w, node, &ignored);
    }
    if (!may_open(skip->w, node, skip->above + skip->depth))
        return false;
    skip->frames[skip->depth++] = (struct skip_frame){.node = node};
    return true;
}

static bool skip_step(struct skip *skip, struct skip_frame *frame)
{
    const struct mr_avro_node *node = frame->node;
    struct mr_slice key;
    bool end = node->kind == MR_AV_RECORD && frame->next == node->n_fields;
    if (node->kind != MR_AV_RECORD && !next_item(skip->w, node, &frame->block, &end))
        return false;
    if (end) {
        skip->depth--;
        return true;
    }
    if (node->kind == MR_AV_RECORD)
        return skip_value(skip, node->fields[frame->next++].type);
    if (node->kind == MR_AV_MAP && !mr_wire_bytes(skip->w, &key))
        return false;
    return skip_value(skip, node->items);
}

static bool skip_below(struct mr_wire *w, const struct mr_avro_node *node, uint32_t above)
{
    struct mr_value ignored;
    if (!is_container(node) && node->kind != MR_AV_UNION)
        return mr_walk_scalar(w, node, &ignored);
    struct skip skip;
    skip.w = w;
    skip.above = above;
    skip.depth = 0;
    if (!skip_value(&skip, node))
        return false;
    while (skip.depth > 0) {
        if (!skip_step(&skip, &skip.frames[skip.depth - 1]))
            return false;
    }
    return true;
}

bool mr_walk_skip(struct mr_wire *w, const struct mr_avro_node *node)
{
    return skip_below(w, node, 0);
}

static bool value_below(struct mr_wire *w, const struct mr_typed *typed, uint32_t above,
                        struct mr_value *v)
{
    if (typed->semantic == MR_SEM_VAR_DECIMAL)
        return may_open(w, typed->node, above) && mr_walk_var_decimal(w, typed->node, v);
    if (!mr_semantic_is_whole(typed->semantic))
        return mr_walk_scalar(w, typed->node, v);
    const uint8_t *first = w->at;
    bool ok = skip_below(w, typed->node, above);
    v->s = (struct mr_slice){first, (size_t)(w->at - first)};
    return ok;
}

bool mr_walk_value(struct mr_wire *w, const struct mr_typed *typed, struct mr_value *v)
{
    return value_below(w, typed, 0, v);
}

static void put(struct walk *walk, const char *text)
{
    mr_buf_add(walk->out, text, strlen(text));
}

/* As many as the skip has open here (S-45). */
static uint32_t n_open(const struct walk *walk)
{
    return walk->depth + walk->n_entries;
}

/* A leaf as JSON: only here are meanings looked at. */
static bool leaf_json(struct walk *walk, const struct mr_typed *typed)
{
    struct mr_value v;
    struct mr_convert c;
    enum mr_family family = mr_convert_leaf(typed, &c);
    if (!value_below(walk->w, typed, n_open(walk), &v))
        return false;
    if (typed->node->kind == MR_AV_NULL) {
        put(walk, "null");
        return true;
    }
    if (c.normalise != NULL)
        walk->rc = c.normalise(walk->run, &c, &v);
    if (walk->rc == 0)
        walk->rc = mr_convert_json(walk->run, family, &c, &v, walk->out);
    return walk->rc == 0;
}

/* Of several such types in a JSON record's schema, the later ones carry a number (json_connect.c).
 */
static bool is_entry_name(const char *name)
{
    static const char entry[] = "io.confluent.connect.avro.MapEntry";
    size_t n = sizeof entry - 1;
    return strncmp(name, entry, n) == 0 && (name[n] == '\0' || name[n] == '-');
}

/* Connect writes a map whose keys are not strings as an array of these (S-19). */
static bool is_entries(const struct mr_avro_node *array)
{
    const struct mr_avro_node *item = array->items;
    struct mr_typed key;
    if (item->kind != MR_AV_RECORD || item->n_fields != 2 || item->full_name == NULL ||
        !is_entry_name(item->full_name) || strcmp(item->fields[0].name, "key") != 0 ||
        strcmp(item->fields[1].name, "value") != 0)
        return false;
    mr_typed_of(item->fields[0].type, &item->fields[0].props, &key);
    return !is_container(key.node) && key.node->kind != MR_AV_UNION && key.null_branch < 0;
}

static bool push(struct walk *walk, const struct mr_avro_node *node, bool wrapped)
{
    if (!may_open(walk->w, node, n_open(walk)))
        return false;
    struct frame *frame = &walk->frames[walk->depth++];
    *frame = (struct frame){.node = node, .first = true, .wrapped = wrapped};
    if (node->kind == MR_AV_RECORD)
        frame->kind = FRAME_RECORD;
    else if (node->kind == MR_AV_MAP)
        frame->kind = FRAME_MAP;
    else
        frame->kind = is_entries(node) ? FRAME_ENTRIES : FRAME_ARRAY;
    walk->n_entries += frame->kind == FRAME_ENTRIES;
    put(walk, frame->kind == FRAME_ARRAY ? "[" : "{");
    return true;
}

static void pop(struct walk *walk)
{
    const struct frame *frame = &walk->frames[--walk->depth];
    walk->n_entries -= frame->kind == FRAME_ENTRIES;
    put(walk, frame->kind == FRAME_ARRAY ? "]" : "}");
    if (frame->wrapped)
        put(walk, "}");
}

/* The branch's name as Avro's JSON encoding has it. */
static void put_branch(struct walk *walk, const struct mr_avro_node *branch)
{
    const char *name =
        branch->full_name != NULL ? branch->full_name : mr_avro_kind_name(branch->kind);
    mr_buf_byte(walk->out, '{');
    mr_json_text_string(walk->out, mr_slice_str(name));
    mr_buf_add(walk->out, ": ", 2);
}

/* Reads a union's branch; *node becomes what was written. */
static bool open_union(struct walk *walk, struct mr_typed *typed, bool *is_null, bool *wrapped)
{
    const struct mr_avro_node *node = typed->node;
    uint32_t idx;
    if (!mr_wire_branch(walk->w, node->n_branches, &idx))
        return false;
    const struct mr_avro_node *branch = node->branches[idx];
    *is_null = branch->kind == MR_AV_NULL;
    if (*is_null) {
        put(walk, "null");
        return true;
    }
    uint32_t null_branch;
    const struct mr_avro_node *inner;
    *wrapped = !mr_avro_nullable(node, &inner, &null_branch);
    if (*wrapped)
        put_branch(walk, branch);
    mr_typed_of(branch, *wrapped ? NULL : typed->props, typed);
    return true;
}

/* One value: a leaf is done, a container is opened. */
static bool value(struct walk *walk, const struct mr_avro_node *node,
                  const struct mr_avro_props *props)
{
    struct mr_typed typed = {.node = node, .props = props, .null_branch = -1};
    bool wrapped = false;
    bool is_null = false;
    if (node->kind == MR_AV_UNION) {
        if (!open_union(walk, &typed, &is_null, &wrapped) || is_null)
            return walk->w->fault == MR_OK;
    } else {
        mr_typed_of(node, props, &typed);
    }
    if (is_container(typed.node) && !mr_semantic_is_leaf_record(typed.semantic))
        return push(walk, typed.node, wrapped);
    if (!leaf_json(walk, &typed))
        return false;
    if (wrapped)
        put(walk, "}");
    return true;
}

static void separate(struct walk *walk, struct frame *frame)
{
    if (!frame->first)
        put(walk, ", ");
    frame->first = false;
}

static bool step_record(struct walk *walk, struct frame *frame)
{
    if (frame->next == frame->node->n_fields) {
        pop(walk);
        return true;
    }
    const struct mr_avro_field *field = &frame->node->fields[frame->next++];
    separate(walk, frame);
    mr_json_text_string(walk->out, mr_slice_str(field->name));
    mr_buf_add(walk->out, ": ", 2);
    return value(walk, field->type, &field->props);
}

/* A map's key: a JSON string always. */
static bool map_key(struct walk *walk)
{
    struct mr_slice key;
    if (!mr_wire_bytes(walk->w, &key))
        return false;
    static const struct mr_convert c = {.semantic = MR_SEM_STRING};
    struct mr_value v = {.s = key};
    walk->rc = mr_convert_json(walk->run, MR_FAM_TEXT, &c, &v, walk->out);
    mr_buf_add(walk->out, ": ", 2);
    return walk->rc == 0;
}

/* The key of a {key, value} entry: quoted where its JSON form is not a string yet. */
static bool entry_key(struct walk *walk, const struct mr_avro_field *field)
{
    struct mr_typed typed;
    mr_typed_of(field->type, &field->props, &typed);
    size_t at = walk->out->len;
    mr_buf_byte(walk->out, '"');
    if (!leaf_json(walk, &typed))
        return false;
    if (!mr_buf_ok(walk->out))
        return true;
    if (walk->out->data[at + 1] == '"') {
        memmove(walk->out->data + at, walk->out->data + at + 1, walk->out->len - at - 1);
        walk->out->len--;
    } else {
        mr_buf_byte(walk->out, '"');
    }
    mr_buf_add(walk->out, ": ", 2);
    return true;
}

static bool step_items(struct walk *walk, struct frame *frame)
{
    const struct mr_avro_node *items = frame->node->items;
    bool end;
    if (!next_item(walk->w, frame->node, &frame->block, &end))
        return false;
    if (end) {
        pop(walk);
        return true;
    }
    separate(walk, frame);
    if (frame->kind == FRAME_MAP && !map_key(walk))
        return false;
    if (frame->kind != FRAME_ENTRIES)
        return value(walk, items, NULL);
    if (!may_open(walk->w, items, n_open(walk) - 1) || !entry_key(walk, &items->fields[0]))
        return false;
    return value(walk, items->fields[1].type, &items->fields[1].props);
}

/* Until everything that is open is closed. */
static bool finish(struct walk *walk)
{
    while (walk->depth > 0) {
        struct frame *frame = &walk->frames[walk->depth - 1];
        bool ok = frame->kind == FRAME_RECORD ? step_record(walk, frame) : step_items(walk, frame);
        if (!ok)
            return false;
    }
    return true;
}

int mr_walk_json(struct mr_wire *w, const struct mr_typed *typed, struct mr_convert_run *run,
                 struct mr_buf *out)
{
    struct walk walk;
    walk.w = w;
    walk.run = run;
    walk.out = out;
    walk.rc = 0;
    walk.depth = 0;
    walk.n_entries = 0;
    if (value(&walk, typed->node, typed->props) && finish(&walk))
        return 0;
    return walk.rc < 0 ? walk.rc : mr_wire_fail(w, run->err);
}
