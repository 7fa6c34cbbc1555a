/* Owns the forms of guards. Must not read the wire: inputs come from the decoder. Invariant: of two
 * guards of one kind, the later has the larger bytes (or the larger number, where it is single). */
#include "schemas/guard.h"

#include <stdio.h>

#include "schemas/convert.h"

#include "base/ban.h"

enum guard_form { GUARD_NUMBER, GUARD_TEXT };

struct input_row {
    const char *name;
    enum guard_form form;
    bool needed; /* by the schema; a record may still lack it */
};

enum { MOST_ROWS = 4, MAX_NAME = 96 };

/* Debezium's source blocks. O-01 to O-05. */
static const struct input_row kinds[][MOST_ROWS] = {
    [MR_GUARD_LSN] = {{"lsn", GUARD_NUMBER, true}, {"sequence", GUARD_TEXT, false}},
    [MR_GUARD_BINLOG] = {{"file", GUARD_TEXT, true},
                         {"pos", GUARD_NUMBER, true},
                         {"row", GUARD_NUMBER, false}},
    [MR_GUARD_SQLSERVER] = {{"commit_lsn", GUARD_TEXT, true},
                            {"change_lsn", GUARD_TEXT, false},
                            {"event_serial_no", GUARD_NUMBER, false}},
    [MR_GUARD_SCN] = {{"commit_scn", GUARD_TEXT, true},
                      {"scn", GUARD_TEXT, true},
                      {"ssn", GUARD_NUMBER, false},
                      {"redo_thread", GUARD_NUMBER, false}},
    [MR_GUARD_MONGO] = {{"ts_ms", GUARD_NUMBER, true}, {"ord", GUARD_NUMBER, true}},
};

static int halt(struct mr_err *err, int rc)
{
    if (err != NULL)
        err->class = MR_CLASS_HALT; /* no record of this schema can have one */
    return rc;
}

static bool has_form(const struct mr_avro_field *field, enum guard_form form)
{
    struct mr_typed typed;
    mr_typed_of(field->type, &field->props, &typed);
    enum mr_avro_kind kind = typed.node->kind;
    return form == GUARD_TEXT ? kind == MR_AV_STRING : kind == MR_AV_INT || kind == MR_AV_LONG;
}

/* A flattened record carries them as `__source_lsn` or `__lsn`, with the route's own prefix
 * (Debezium, ExtractNewRecordState, add.fields and add.fields.prefix). */
static int field_of(const struct mr_guard *guard, const struct mr_route *route,
                    const struct input_row *row)
{
    const char *prefix = guard->in_source ? "" : mr_envelope_prefix(route);
    static const char *const parts[] = {"", "source_"};
    for (unsigned i = guard->in_source ? 1 : 2; i > 0; i--) {
        char name[MAX_NAME];
        int n = snprintf(name, sizeof name, "%s%s%s", prefix, parts[i - 1], row->name);
        int at = n > 0 && n < MAX_NAME ? mr_envelope_field(guard->record, name) : -1;
        if (at >= 0 && has_form(&guard->record->fields[at], row->form))
            return at;
    }
    return -1;
}

static int find_source(struct mr_guard *guard, const struct mr_route *route,
                       const struct mr_envelope *env, struct mr_err *err)
{
    guard->in_source = env->layout != MR_LAYOUT_PLAIN;
    guard->record = env->root;
    if (guard->in_source && env->source < 0)
        return halt(err, mr_err_set(err, MR_GUARD_MISSING, "the envelope has no source"));
    if (guard->in_source) {
        struct mr_typed typed;
        mr_typed_of(env->root->fields[env->source].type, NULL, &typed);
        guard->record = typed.node;
    }
    for (uint16_t i = 0; i < MOST_ROWS && kinds[guard->kind][i].name != NULL; i++) {
        const struct input_row *row = &kinds[guard->kind][i];
        guard->field[i] = field_of(guard, route, row);
        if (guard->field[i] < 0 && row->needed)
            return halt(err, mr_err_set(err, MR_GUARD_MISSING, "the schema has no %s in %s",
                                        row->name, guard->in_source ? "source" : "the record"));
        guard->n_inputs = (uint16_t)(i + 1);
    }
    guard->single = guard->kind == MR_GUARD_LSN && guard->field[1] < 0;
    return 0;
}

/* Whole numbers and moments have an order that eight bytes keep. */
static bool is_ordered(const struct mr_avro_field *field)
{
    struct mr_typed typed;
    struct mr_convert convert;
    mr_typed_of(field->type, &field->props, &typed);
    enum mr_family family = mr_convert_leaf(&typed, &convert);
    return family == MR_FAM_INTEGER || family == MR_FAM_DATE || family == MR_FAM_TIME ||
           family == MR_FAM_TIMESTAMP || family == MR_FAM_INSTANT;
}

static int find_fields(struct mr_guard *guard, const struct mr_route *route,
                       const struct mr_envelope *env, struct mr_err *err)
{
    if (env->row == NULL || env->layout == MR_LAYOUT_DOCUMENT)
        return halt(err, mr_err_set(err, MR_GUARD_MISSING, "the value has no fields"));
    guard->record = env->row;
    guard->n_inputs = route->n_guard_fields;
    guard->single = route->n_guard_fields == 1;
    for (uint16_t i = 0; i < guard->n_inputs; i++) {
        const char *name = route->guard_fields[i];
        guard->field[i] = mr_envelope_field(guard->record, name);
        if (guard->field[i] < 0)
            return halt(err,
                        mr_err_set(err, MR_GUARD_MISSING, "the schema has no field '%s'", name));
        if (!is_ordered(&guard->record->fields[guard->field[i]]))
            return mr_err_set(err, MR_TYPE_INCOMPATIBLE,
                              "guard field '%s' is no whole number, date or time", name);
    }
    return 0;
}

int mr_guard_find(const struct mr_route *route, const struct mr_envelope *env, struct mr_guard *out,
                  struct mr_err *err)
{
    *out = (struct mr_guard){.kind = MR_GUARD_NONE};
    if (route->guard == MR_GUARD_NONE || env->layout == MR_LAYOUT_KEY_ONLY ||
        env->layout == MR_LAYOUT_SKIP)
        return 0;
    if (env->layout == MR_LAYOUT_SINGLE)
        return halt(err, mr_err_set(err, MR_GUARD_MISSING, "the value is one column"));
    out->kind = route->guard;
    for (int i = 0; i < MR_GUARD_MAX_INPUTS; i++)
        out->field[i] = -1;
    return out->kind == MR_GUARD_FIELDS ? find_fields(out, route, env, err)
                                        : find_source(out, route, env, err);
}

const char *mr_guard_input_name(const struct mr_guard *guard, const struct mr_route *route,
                                uint16_t idx)
{
    return guard->kind == MR_GUARD_FIELDS ? route->guard_fields[idx] : kinds[guard->kind][idx].name;
}

/* ---- values ---- */

static void put(struct mr_guard_value *out, uint64_t v, unsigned n_bytes)
{
    for (unsigned i = n_bytes; i > 0; i--)
        out->bytes[out->len++] = (uint8_t)(v >> (8 * (i - 1)));
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool decimal_u64(struct mr_slice text, uint64_t *out)
{
    uint64_t v = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]) || __builtin_mul_overflow(v, UINT64_C(10), &v) ||
            __builtin_add_overflow(v, (uint64_t)(text.data[i] - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

/* O-04, O-10: up to 16 bytes. */
static bool put_decimal16(struct mr_guard_value *out, struct mr_slice text)
{
    uint8_t *bytes = out->bytes + out->len;
    memset(bytes, 0, 16);
    for (size_t i = 0; i < text.len; i++) {
        unsigned carry = (unsigned)(text.data[i] - '0');
        if (!is_digit(text.data[i]))
            return false;
        for (int at = 15; at >= 0; at--) {
            carry += bytes[at] * 10u;
            bytes[at] = (uint8_t)(carry & 0xff);
            carry >>= 8;
        }
        if (carry != 0)
            return false;
    }
    out->len = (uint8_t)(out->len + 16);
    return text.len > 0;
}

static struct mr_slice skip_blanks(struct mr_slice text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t' || text.data[0] == '\n' ||
                            text.data[0] == '\r'))
        text = (struct mr_slice){text.data + 1, text.len - 1};
    return text;
}

/* The first element of `["24023119","24023128"]`; null is 0. */
static bool sequence_first(struct mr_slice text, uint64_t *out)
{
    text = skip_blanks(text);
    if (text.len == 0 || text.data[0] != '[')
        return false;
    text = skip_blanks((struct mr_slice){text.data + 1, text.len - 1});
    struct mr_slice first = {text.data, 0};
    bool quoted = text.len > 0 && text.data[0] == '"';
    if (quoted)
        first.data++;
    else if (text.len < 4 || memcmp(text.data, "null", 4) != 0)
        return false;
    size_t at = quoted ? 1 : 4;
    while (quoted && at < text.len && is_digit(text.data[at])) {
        at++;
        first.len++;
    }
    if (quoted && (at >= text.len || text.data[at] != '"'))
        return false;
    at += quoted;
    text = skip_blanks((struct mr_slice){text.data + at, text.len - at});
    if (text.len == 0 || (text.data[0] != ',' && text.data[0] != ']'))
        return false;
    *out = 0;
    return !quoted || decimal_u64(first, out);
}

static bool make_lsn(const struct mr_guard *guard, char op, const struct mr_guard_input *in,
                     struct mr_guard_value *out)
{
    uint64_t commit = 0;
    if (!in[0].set)
        return false;
    if (guard->single) {
        out->single = in[0].i;
        return true;
    }
    if (in[1].set ? !sequence_first(in[1].s, &commit) : op != 'r')
        return false;
    put(out, commit, 8);
    put(out, (uint64_t)in[0].i, 8);
    return true;
}

/* O-02: "mysql-bin.000003" */
static bool make_binlog(const struct mr_guard_input *in, struct mr_guard_value *out)
{
    uint64_t file;
    if (!in[0].set || !in[1].set || in[1].i < 0)
        return false;
    size_t at = in[0].s.len;
    while (at > 0 && is_digit(in[0].s.data[at - 1]))
        at--;
    if (!decimal_u64((struct mr_slice){in[0].s.data + at, in[0].s.len - at}, &file))
        return false;
    put(out, file, 8);
    put(out, (uint64_t)in[1].i, 8);
    put(out, in[2].set && in[2].i > 0 ? (uint64_t)in[2].i : 0, 8);
    return true;
}

static int hex_digit(uint8_t c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* O-03: "00000025:00000448:0003", compared as three numbers. */
static bool put_log_number(struct mr_guard_value *out, struct mr_slice text)
{
    size_t at = 0;
    for (unsigned part = 0; part < 3; part++) {
        unsigned n_bytes = part < 2 ? 4 : 2;
        uint64_t v = 0;
        size_t first = at;
        for (; at < text.len && hex_digit(text.data[at]) >= 0; at++) {
            if (at - first >= 2 * (size_t)n_bytes)
                return false;
            v = v << 4 | (uint64_t)hex_digit(text.data[at]);
        }
        bool ended = part < 2 ? at < text.len && text.data[at] == ':' : at == text.len;
        if (at == first || !ended)
            return false;
        at++;
        put(out, v, n_bytes);
    }
    return true;
}

static bool make_sqlserver(const struct mr_guard_input *in, struct mr_guard_value *out)
{
    if (!in[0].set || !put_log_number(out, in[0].s))
        return false;
    if (in[1].set ? !put_log_number(out, in[1].s) : false)
        return false;
    if (!in[1].set) { /* a snapshot's: the lowest */
        put(out, 0, 8);
        put(out, 0, 2);
    }
    put(out, in[2].set && in[2].i > 0 ? (uint64_t)in[2].i : 0, 8);
    return true;
}

/* Up to the next `end`; *rest begins behind it. */
static struct mr_slice cut(struct mr_slice text, char end, struct mr_slice *rest)
{
    const uint8_t *at = text.len > 0 ? memchr(text.data, end, text.len) : NULL;
    size_t len = at != NULL ? (size_t)(at - text.data) : text.len;
    size_t behind = at != NULL ? len + 1 : len;
    *rest = (struct mr_slice){text.data + behind, text.len - behind};
    return (struct mr_slice){text.data, len};
}

/* O-04, RAC: "scn:thread:...,scn:thread:...", of which the record's own thread counts; or the SCN
 * alone. */
static bool commit_of(const struct mr_guard_input *in, struct mr_slice *out)
{
    struct mr_slice rest = in[0].s;
    bool alone = memchr(rest.data, ',', rest.len) == NULL;
    while (rest.len > 0) {
        struct mr_slice behind;
        struct mr_slice more;
        uint64_t number;
        struct mr_slice scn = cut(cut(rest, ',', &rest), ':', &behind);
        struct mr_slice thread = cut(behind, ':', &more);
        *out = scn;
        if (alone && (thread.len == 0 || !in[3].set))
            return true;
        if (in[3].set && decimal_u64(thread, &number) && number == (uint64_t)in[3].i)
            return true;
    }
    return false;
}

static bool make_scn(char op, const struct mr_guard_input *in, struct mr_guard_value *out)
{
    struct mr_slice commit;
    bool has_commit = in[0].set && in[0].s.len > 0;
    if (!in[1].set || (!has_commit && op != 'r'))
        return false;
    if (!has_commit) { /* a snapshot's: the lowest */
        put(out, 0, 8);
        put(out, 0, 8);
    } else if (!commit_of(in, &commit) || !put_decimal16(out, commit)) {
        return false;
    }
    if (!put_decimal16(out, in[1].s))
        return false;
    put(out, in[2].set && in[2].i > 0 ? (uint64_t)in[2].i : 0, 8);
    return true;
}

static bool make_mongo(const struct mr_guard_input *in, struct mr_guard_value *out)
{
    if (!in[0].set || !in[1].set || in[0].i < 0 || in[1].i < 0)
        return false;
    put(out, (uint64_t)in[0].i / 1000, 8);
    put(out, (uint64_t)in[1].i, 8);
    return true;
}

/* Signed numbers compare bytewise when their sign bit is turned round. A delete's `before` has
 * fillers where the source keeps no old rows (E-11): a guard that is 0 in all its parts is one. */
static bool make_fields(const struct mr_guard *guard, char op, const struct mr_guard_input *in,
                        struct mr_guard_value *out)
{
    bool filler = op == 'd';
    for (uint16_t i = 0; i < guard->n_inputs; i++) {
        if (!in[i].set)
            return false;
        filler = filler && in[i].i == 0;
        put(out, (uint64_t)in[i].i ^ (UINT64_C(1) << 63), 8);
    }
    out->single = in[0].i;
    return !filler;
}

static bool make(const struct mr_guard *guard, char op, const struct mr_guard_input *in,
                 struct mr_guard_value *out)
{
    switch (guard->kind) {
    case MR_GUARD_LSN:
        return make_lsn(guard, op, in, out);
    case MR_GUARD_BINLOG:
        return make_binlog(in, out);
    case MR_GUARD_SQLSERVER:
        return make_sqlserver(in, out);
    case MR_GUARD_SCN:
        return make_scn(op, in, out);
    case MR_GUARD_MONGO:
        return make_mongo(in, out);
    case MR_GUARD_FIELDS:
        return make_fields(guard, op, in, out);
    case MR_GUARD_NONE:
    default:
        return false;
    }
}

int mr_guard_make(const struct mr_guard *guard, char op, const struct mr_guard_input *inputs,
                  struct mr_guard_value *out, struct mr_err *err)
{
    *out = (struct mr_guard_value){.null = false};
    if (make(guard, op, inputs, out))
        return 0;
    *out = (struct mr_guard_value){.null = true};
    if (op == 'r' || op == 't')
        return 0;
    return mr_err_set(err, MR_GUARD_MISSING, "op %c", op);
}

int mr_guard_order(bool single, struct mr_slice a, struct mr_slice b)
{
    if (single) { /* the last eight bytes, big-endian, whatever the emitter puts before them */
        int64_t x = (int64_t)mr_get_u64(a.data + a.len - 8);
        int64_t y = (int64_t)mr_get_u64(b.data + b.len - 8);
        return (x > y) - (x < y);
    }
    size_t len = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.data, b.data, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

size_t mr_guard_octets(const struct mr_guard_use *use, struct mr_slice written,
                       uint8_t out[MR_GUARD_MAX_BYTES])
{
    size_t len = written.len < use->before ? 0 : written.len - use->before;
    if (len > MR_GUARD_MAX_BYTES)
        len = MR_GUARD_MAX_BYTES; /* none of ours */
    memcpy(out, written.data + written.len - len, len);
    if (use->single && len > 0)
        out[0] ^= 0x80; /* signed: its sign turned round */
    return len;
}

void mr_guard_raise(struct mr_guard_seen *seen, struct mr_slice octets)
{
    if (octets.data == NULL) {
        if (seen->state == MR_GUARD_ABSENT)
            seen->state = MR_GUARD_LOWEST;
        return;
    }
    struct mr_slice now = {seen->octets, seen->len};
    if (seen->state == MR_GUARD_SEEN && mr_guard_order(false, now, octets) >= 0)
        return;
    seen->state = MR_GUARD_SEEN;
    seen->len = (uint8_t)(octets.len < MR_GUARD_MAX_BYTES ? octets.len : MR_GUARD_MAX_BYTES);
    memcpy(seen->octets, octets.data, seen->len);
}
