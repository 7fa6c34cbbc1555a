/* Owns Avro's Parsing Canonical Form and its CRC-64-AVRO. Must not recurse: the graph of types may
 * be deeper than any JSON was, since a type may refer to one that was defined beside it. Invariant:
 * a named type is written out once, at its first place, and by its full name afterwards. */
#include <stdlib.h>

#include "base/memory.h"
#include "schemas/avro_schema.h"

#include "base/ban.h"

enum { MAX_FORM_BYTES = 8 * 1024 * 1024 };

struct form_frame {
    const struct mr_avro_node *node;
    uint32_t next; /* child to write */
};

struct form {
    struct mr_buf *out;
    struct form_frame *frames; /* n_nodes: each complex node is on the stack at most once */
    size_t depth;
    uint8_t *named; /* by node_idx: written out already */
};

/* Names and symbols are from JSON strings; PCF keeps them but for escapes that JSON demands. */
static void form_string(struct mr_buf *out, const char *text)
{
    mr_buf_byte(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            mr_buf_byte(out, '\\');
        if ((unsigned char)*text < 0x20)
            mr_buf_fmt(out, "\\u%04x", (unsigned)*text);
        else
            mr_buf_byte(out, (uint8_t)*text);
    }
    mr_buf_byte(out, '"');
}

static void form_head(struct mr_buf *out, const struct mr_avro_node *node)
{
    mr_buf_str(out, "{\"name\":");
    form_string(out, node->full_name != NULL ? node->full_name : "");
    mr_buf_fmt(out, ",\"type\":\"%s\"", mr_avro_kind_name(node->kind));
}

static void form_enum(struct mr_buf *out, const struct mr_avro_node *node)
{
    form_head(out, node);
    mr_buf_str(out, ",\"symbols\":[");
    for (uint32_t i = 0; i < node->n_symbols; i++) {
        if (i > 0)
            mr_buf_byte(out, ',');
        form_string(out, node->symbols[i]);
    }
    mr_buf_str(out, "]}");
}

static bool form_leaf(struct form *form, const struct mr_avro_node *node)
{
    if (node->full_name != NULL && form->named[node->node_idx]) {
        form_string(form->out, node->full_name);
        return true;
    }
    form->named[node->node_idx] = node->full_name != NULL;
    if (node->kind <= MR_AV_STRING) {
        form_string(form->out, mr_avro_kind_name(node->kind));
    } else if (node->kind == MR_AV_ENUM) {
        form_enum(form->out, node);
    } else if (node->kind == MR_AV_FIXED) {
        form_head(form->out, node);
        mr_buf_fmt(form->out, ",\"size\":%u}", (unsigned)node->size);
    } else {
        return false;
    }
    return true;
}

/* Writes a leaf, or the begin of a complex type, which then is on the stack. */
static void form_open(struct form *form, const struct mr_avro_node *node)
{
    if (form_leaf(form, node))
        return;
    if (node->kind == MR_AV_RECORD) {
        form_head(form->out, node);
        mr_buf_str(form->out, ",\"fields\":[");
    } else if (node->kind == MR_AV_UNION) {
        mr_buf_byte(form->out, '[');
    } else {
        mr_buf_fmt(form->out, "{\"type\":\"%s\",\"%s\":", mr_avro_kind_name(node->kind),
                   node->kind == MR_AV_ARRAY ? "items" : "values");
    }
    form->frames[form->depth++] = (struct form_frame){.node = node, .next = 0};
}

/* The next child of the top type, or its end. */
static void form_step(struct form *form)
{
    struct form_frame *top = &form->frames[form->depth - 1];
    const struct mr_avro_node *node = top->node;
    uint32_t at = top->next++;
    if (at > 0 && node->kind == MR_AV_RECORD)
        mr_buf_byte(form->out, '}');
    if (node->kind == MR_AV_RECORD && at < node->n_fields) {
        mr_buf_str(form->out, at > 0 ? ",{\"name\":" : "{\"name\":");
        form_string(form->out, node->fields[at].name);
        mr_buf_str(form->out, ",\"type\":");
        form_open(form, node->fields[at].type);
    } else if (node->kind == MR_AV_UNION && at < node->n_branches) {
        if (at > 0)
            mr_buf_byte(form->out, ',');
        form_open(form, node->branches[at]);
    } else if (node->items != NULL && at == 0) {
        form_open(form, node->items);
    } else {
        static const char *const ends[] = {
            [MR_AV_RECORD] = "]}", [MR_AV_UNION] = "]", [MR_AV_ARRAY] = "}", [MR_AV_MAP] = "}"};
        mr_buf_str(form->out, ends[node->kind]);
        form->depth--;
    }
}

int mr_schema_canonical(const struct mr_schema *schema, struct mr_buf *out, struct mr_err *err)
{
    struct form form = {.out = out,
                        .frames =
                            mr_memory_given(calloc(schema->n_nodes, sizeof(struct form_frame))),
                        .named = mr_memory_given(calloc(schema->n_nodes, 1))};
    int rc = 0;
    if (form.frames == NULL || form.named == NULL) {
        rc = mr_err_set(err, MR_NO_MEMORY, "a schema's canonical form");
    } else {
        form_open(&form, schema->root);
        while (form.depth > 0 && mr_buf_ok(out))
            form_step(&form);
    }
    free(form.frames);
    free(form.named);
    return rc;
}

/* The polynomial's bits from the specification, as an unsigned value. */
#define CRC_EMPTY UINT64_C(0xc15d213aa4d7a795)

static uint64_t crc64_avro(const uint8_t *bytes, size_t len)
{
    uint64_t crc = CRC_EMPTY;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (CRC_EMPTY & (0 - (crc & 1)));
    }
    return crc;
}

int mr_schema_fingerprint(const struct mr_schema *schema, uint64_t *out, struct mr_err *err)
{
    struct mr_buf form = {.limit = MAX_FORM_BYTES};
    int rc = mr_schema_canonical(schema, &form, err);
    if (rc == 0 && !mr_buf_ok(&form))
        rc = mr_err_set(err, MR_SCHEMA_TOO_LARGE, "a canonical form of more than 8 MiB");
    if (rc == 0)
        *out = crc64_avro(form.data, form.len);
    mr_buf_release(&form);
    return rc;
}
