/* Owns telling an envelope from a plain record by its schema alone. Must not read records. Sources:
 * contract.md section 3; Debezium's value schemas. */
#include "schemas/envelope.h"

#include "base/ban.h"

#define DELETED_PREFIX "__"

int mr_envelope_field(const struct mr_avro_node *record, const char *name)
{
    for (uint16_t i = 0; i < record->n_fields; i++) {
        if (strcmp(record->fields[i].name, name) == 0)
            return i;
    }
    return -1;
}

/* The field's type without null. */
static const struct mr_avro_node *field_type(const struct mr_avro_node *record, int idx)
{
    uint32_t null_idx;
    const struct mr_avro_node *inner = record->fields[idx].type;
    (void)mr_avro_nullable(record->fields[idx].type, &inner, &null_idx);
    return inner;
}

/* Index of a field of that kind; -1. */
static int field_of_kind(const struct mr_avro_node *record, const char *name,
                         enum mr_avro_kind kind)
{
    int idx = mr_envelope_field(record, name);
    return idx >= 0 && field_type(record, idx)->kind == kind ? idx : -1;
}

static bool ends_with(const char *text, const char *tail)
{
    size_t n = strlen(text);
    size_t m = strlen(tail);
    return n >= m && strcmp(text + n - m, tail) == 0;
}

static bool starts_with(const char *text, const char *head)
{
    return strncmp(text, head, strlen(head)) == 0;
}

static const char *record_name(const struct mr_avro_node *record)
{
    if (record->props.connect_name != NULL)
        return record->props.connect_name;
    return record->full_name != NULL ? record->full_name : "";
}

/* Debezium's own bookkeeping: E-15..E-19. NULL: not that. */
static const char *skip_reason(const struct mr_avro_node *record, const char *topic)
{
    const char *name = record_name(record);
    bool debezium = starts_with(name, "io.debezium.connector.");
    if (starts_with(topic, "__debezium-heartbeat") ||
        (debezium && ends_with(name, ".common.Heartbeat")))
        return "skip.heartbeat";
    if ((debezium && ends_with(name, ".SchemaChangeValue")) ||
        (mr_envelope_field(record, "ddl") >= 0 && mr_envelope_field(record, "tableChanges") >= 0) ||
        mr_envelope_field(record, "historyRecord") >= 0)
        return "skip.schema_change";
    if ((debezium && ends_with(name, ".TransactionMetadataValue")) ||
        (ends_with(topic, ".transaction") && field_of_kind(record, "status", MR_AV_STRING) >= 0 &&
         mr_envelope_field(record, "event_count") >= 0))
        return "skip.transaction";
    if (debezium && ends_with(name, ".common.Notification"))
        return "skip.signal";
    if (field_of_kind(record, "op", MR_AV_STRING) >= 0 &&
        field_of_kind(record, "message", MR_AV_RECORD) >= 0 &&
        mr_envelope_field(record, "after") < 0)
        return "skip.message";
    return NULL;
}

static bool is_envelope(const struct mr_avro_node *record)
{
    if (record->props.connect_name != NULL && ends_with(record->props.connect_name, ".Envelope"))
        return true;
    return field_of_kind(record, "op", MR_AV_STRING) >= 0 &&
           (field_of_kind(record, "before", MR_AV_RECORD) >= 0 ||
            field_of_kind(record, "after", MR_AV_RECORD) >= 0 ||
            field_of_kind(record, "source", MR_AV_RECORD) >= 0);
}

static void envelope_fill(const struct mr_avro_node *record, struct mr_envelope *out)
{
    out->layout = MR_LAYOUT_ENVELOPE;
    out->op = field_of_kind(record, "op", MR_AV_STRING);
    out->before = field_of_kind(record, "before", MR_AV_RECORD);
    out->after = field_of_kind(record, "after", MR_AV_RECORD);
    out->source = field_of_kind(record, "source", MR_AV_RECORD);
    if (out->source >= 0)
        out->postgres =
            strstr(record_name(field_type(record, out->source)), ".postgresql.") != NULL;
    if (out->after < 0 && field_of_kind(record, "after", MR_AV_STRING) >= 0) {
        out->layout = MR_LAYOUT_DOCUMENT;
        out->after = field_of_kind(record, "after", MR_AV_STRING);
        out->before = -1;
        return;
    }
    if (out->before >= 0)
        out->before_row = field_type(record, out->before);
    out->row = out->after >= 0 ? field_type(record, out->after) : out->before_row;
}

const char *mr_envelope_prefix(const struct mr_route *route)
{
    return route->envelope_prefix != NULL ? route->envelope_prefix : DELETED_PREFIX;
}

bool mr_envelope_is_meta(const struct mr_route *route, const char *field)
{
    const char *prefix = mr_envelope_prefix(route);
    if (strcmp(field, DELETED_PREFIX "deleted") == 0)
        return true;
    return *prefix != '\0' ? starts_with(field, prefix) : strcmp(field, "op") == 0;
}

/* Index of the field `prefix` + `name`; -1. */
static int prefixed_field(const struct mr_avro_node *record, const char *prefix, const char *name)
{
    size_t n = strlen(prefix);
    for (uint16_t i = 0; i < record->n_fields; i++) {
        const char *field = record->fields[i].name;
        if (strncmp(field, prefix, n) == 0 && strcmp(field + n, name) == 0)
            return i;
    }
    return -1;
}

/* -1 where the field is of another kind than the flags that Debezium writes. */
static int flag_of(const struct mr_avro_node *record, int idx)
{
    if (idx < 0)
        return -1;
    enum mr_avro_kind kind = field_type(record, idx)->kind;
    return kind == MR_AV_STRING || kind == MR_AV_BOOLEAN ? idx : -1;
}

/* Debezium writes `__deleted` whatever add.fields.prefix says; without a prefix `deleted` alone may
 * be any column. */
static void plain_fill(const struct mr_avro_node *record, const struct mr_route *route,
                       struct mr_envelope *out)
{
    const char *prefix = mr_envelope_prefix(route);
    out->layout = MR_LAYOUT_PLAIN;
    out->row = record;
    if (*prefix != '\0')
        out->deleted = flag_of(record, prefixed_field(record, prefix, "deleted"));
    if (out->deleted < 0)
        out->deleted = flag_of(record, prefixed_field(record, DELETED_PREFIX, "deleted"));
    out->op = prefixed_field(record, prefix, "op");
    if (out->op >= 0 && field_type(record, out->op)->kind != MR_AV_STRING)
        out->op = -1;
}

int mr_envelope_find(const struct mr_schema *value, const struct mr_route *route, const char *topic,
                     struct mr_envelope *out, struct mr_err *err)
{
    *out = (struct mr_envelope){.layout = MR_LAYOUT_KEY_ONLY,
                                .op = -1,
                                .before = -1,
                                .after = -1,
                                .source = -1,
                                .deleted = -1};
    if (value == NULL)
        return 0;
    out->root = value->root;
    if (value->encrypted)
        return mr_err_set(err, MR_SCHEMA_ENCRYPTED, "the schema has an ENCRYPT rule");
    bool record = value->root->kind == MR_AV_RECORD;
    if (route->value_column != NULL && (!record || route->envelope == MR_ENVELOPE_PLAIN)) {
        out->layout = MR_LAYOUT_SINGLE;
        return 0;
    }
    if (!record)
        return mr_err_set(err, MR_VALUE_NOT_RECORD, "the value's schema is %s",
                          mr_avro_kind_name(value->root->kind));
    bool envelope = route->envelope == MR_ENVELOPE_DEBEZIUM ||
                    (route->envelope == MR_ENVELOPE_AUTO && is_envelope(value->root));
    if (route->envelope != MR_ENVELOPE_PLAIN) {
        out->skip = skip_reason(value->root, topic);
        if (out->skip == NULL && !envelope && ends_with(topic, "-signal"))
            out->skip = "skip.signal";
        if (out->skip != NULL) {
            out->layout = MR_LAYOUT_SKIP;
            return 0;
        }
    }
    if (envelope) {
        envelope_fill(value->root, out);
        if (out->op < 0)
            return mr_err_set(err, MR_ENVELOPE_UNSUPPORTED, "the envelope has no op field");
        return 0;
    }
    if (route->envelope == MR_ENVELOPE_AUTO && mr_envelope_field(value->root, "specversion") >= 0)
        return mr_err_set(err, MR_ENVELOPE_UNSUPPORTED, "a CloudEvents value");
    plain_fill(value->root, route, out);
    return 0;
}
