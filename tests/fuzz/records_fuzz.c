/* The plan interpreter over all that a route can ask for (wide_plan.h): up to four records of one
 * plan, one behind the other by one decoder, for every target. Input: bytes 0 and 1 name the plan
 * (big-endian; from 0xf000 on one that nests); then each record: a byte of flags (below), the
 * lengths of key, header and value in one byte each (255: a value up to the end), and these three.
 * Beside memory safety:
 *   - a fault is a record's own and has a code; a tuple is framed as emit.h says;
 *   - what a record comes to does not depend on the records before it;
 *   - the targets agree about op, key, mask and old key;
 *   - a record costs no more than G-06 allows.
 * The mutator writes whole data of the plan's schemas, for the fuzzer to spoil. */
#include <stdlib.h>

#include "schemas/decode_run.h"
#include "sinks/sink.h"
#include "tests/support/decode_watch.inc"
#include "tests/support/random_datum.h"
#include "tests/support/wide_plan.h"

enum {
    N_NESTED = 4096, /* the numbers from here to the last */
    N_PLANS = WIDE_PLAN_NESTED + N_NESTED,
    MAX_RECORDS = 4,
    HEAD_BYTES = 4,
    KEY_AS_IS = 0,
    KEY_NULL,
    KEY_FRAMED, /* five bytes of framing first */
    KEY_GUID,   /* seventeen */
    KEY_MASK = 3,
    VALUE_NULL = 4,
    HEADER_SHIFT = 3,
    HEADER_NULL = 64,
    HEADER_FRAMED = 128 /* the key's own framing stands before the header's value */
};

static const char *const header_names[8] = {
    NULL,
    NULL,
    "__op",
    "op",
    "__debezium.oldkey",
    "__debezium.oldkey",
    "__debezium.oldkey",
    "__debezium.newkey",
};

static struct {
    bool made;
    struct wide_plan plan;
} cache[N_PLANS];

static const struct wide_plan *plan_of(const uint8_t *data)
{
    uint32_t number = (uint32_t)data[0] << 8 | data[1];
    number = number >= 65536 - N_NESTED ? WIDE_PLAN_NESTED + number % N_NESTED
                                        : number % WIDE_PLAN_NESTED;
    if (!cache[number].made) {
        wide_plan_make(number, watch_emits(), &cache[number].plan);
        cache[number].made = true;
    }
    return &cache[number].plan;
}

/* ---- records ---- */

/* Parts are copies of exactly their size, so that a read past their end is seen. */
struct record {
    uint8_t *parts[3];
    struct mr_slice header;
    const char *header_name;
    struct mr_record_in in;
};

static bool header_last(const void *owner, const char *name, struct mr_slice *value)
{
    const struct record *record = owner;
    if (record->header_name == NULL || strcmp(record->header_name, name) != 0)
        return false;
    *value = record->header;
    return true;
}

static struct mr_slice cut(struct mr_slice *rest, size_t n)
{
    struct mr_slice part = {rest->data, n < rest->len ? n : rest->len};
    rest->data += part.len;
    rest->len -= part.len;
    return part;
}

/* `front` and then `part`, in memory of their own. */
static uint8_t *copy_of(struct mr_slice front, struct mr_slice part)
{
    uint8_t *copy = malloc(front.len + part.len + (front.len + part.len == 0));
    check(copy != NULL);
    if (front.len > 0)
        memcpy(copy, front.data, front.len);
    if (part.len > 0)
        memcpy(copy + front.len, part.data, part.len);
    return copy;
}

static void record_key(struct record *record, unsigned flags, struct mr_slice key)
{
    struct mr_slice none = {NULL, 0};
    size_t front = (flags & KEY_MASK) == KEY_GUID ? 17 : (flags & KEY_MASK) == KEY_FRAMED ? 5 : 0;
    if ((flags & KEY_MASK) == KEY_NULL)
        return;
    record->parts[0] = copy_of(none, key);
    record->in.key = (struct mr_slice){record->parts[0], key.len};
    if (front > 0 && front < key.len) {
        record->in.raw_key = record->in.key;
        record->in.key = (struct mr_slice){record->parts[0] + front, key.len - front};
    }
}

static void record_open(struct mr_slice *rest, struct record *record)
{
    struct mr_slice none = {NULL, 0};
    struct mr_slice head = cut(rest, HEAD_BYTES);
    unsigned flags = head.data[0];
    *record = (struct record){.header_name = header_names[flags >> HEADER_SHIFT & 7]};
    record->in = (struct mr_record_in){.headers = {record, header_last},
                                       .topic = "t",
                                       .partition = 3,
                                       .offset = INT64_C(1) << 40,
                                       .timestamp_ms = (flags & 1) != 0 ? -1 : 1700000000123,
                                       .schema_id = 7,
                                       .loaded_at_ms = 1700000000456};
    record_key(record, flags, cut(rest, head.data[1]));
    struct mr_slice header = cut(rest, head.data[2]);
    struct mr_slice value = cut(rest, head.data[3] == 255 ? SIZE_MAX : head.data[3]);
    if ((flags & HEADER_NULL) == 0) {
        struct mr_slice raw = record->in.raw_key;
        bool framed = (flags & HEADER_FRAMED) != 0 && raw.data != NULL;
        struct mr_slice front = {raw.data, raw.len - record->in.key.len};
        record->parts[1] = copy_of(framed ? front : none, header);
        record->header = (struct mr_slice){record->parts[1], header.len + (framed ? front.len : 0)};
    }
    if ((flags & VALUE_NULL) == 0) {
        record->parts[2] = copy_of(none, value);
        record->in.value = (struct mr_slice){record->parts[2], value.len};
    }
}

static void record_close(struct record *record)
{
    for (unsigned i = 0; i < 3; i++)
        free(record->parts[i]);
}

/* ---- outcomes ---- */

struct outcome {
    int rc;
    struct mr_decoded out; /* slices are its decoder's */
};

static void check_outcome(const struct outcome *outcome, const struct mr_err *err)
{
    const struct mr_decoded *out = &outcome->out;
    if (outcome->rc < 0) {
        check(err->code != MR_OK && err->code != MR_BUG && outcome->rc == -(int)err->code);
        check(err->class == MR_CLASS_POISON || err->class == MR_CLASS_HALT);
        return;
    }
    if (out->op == MR_REC_UPSERT || out->op == MR_REC_APPEND)
        check_tuple(out->tuple, out->cols->n_cols);
    else if (out->tuple.data != NULL)
        check_tuple(out->tuple, 1); /* a guard alone */
    if (out->op == MR_REC_DELETE)
        check(out->key.len > 0 || out->match.data != NULL);
    if (out->match.data != NULL)
        check_tuple(out->match, out->cols->n_cols);
    check(!out->key_changed || out->old_key.data != NULL);
    check((out->op == MR_REC_SKIP) == (out->skip != NULL));
}

static struct outcome decode(const struct mr_plan *plan, struct mr_decoder *decoder,
                             const struct mr_record_in *in)
{
    struct mr_err err = MR_ERR_INIT;
    struct outcome outcome = {.out = {.op = MR_REC_SKIP}};
    watch.n_decoded++;
    outcome.rc = mr_decode_record(plan, decoder, in, &outcome.out, &err);
    check_outcome(&outcome, &err);
    return outcome;
}

static bool same(struct mr_slice a, struct mr_slice b)
{
    return (a.data == NULL) == (b.data == NULL) && mr_slice_eq(a, b);
}

static bool same_mask(const uint64_t *a, const uint64_t *b, uint16_t n)
{
    if (a == NULL || b == NULL)
        return a == b;
    return memcmp(a, b, ((size_t)n + 63) / 64 * sizeof *a) == 0;
}

/* By a decoder that has seen no record: what it takes is what the record costs, and what comes out
 * is what came out of the other. */
static void check_alone(const struct mr_plan *plan, const struct record *record,
                        const struct outcome *was)
{
    const struct mr_decoded *a = &was->out;
    watch_begin();
    struct mr_decoder *decoder = mr_decoder_new();
    check(decoder != NULL);
    struct outcome now = decode(plan, decoder, &record->in);
    watch_end(record->in.key.len + record->in.value.len + record->header.len);
    const struct mr_decoded *b = &now.out;
    check(was->rc == now.rc);
    if (now.rc == 0) {
        uint16_t n = a->cols != NULL ? a->cols->n_cols : 0;
        check(a->op == b->op && a->skip == b->skip && a->op_letter == b->op_letter);
        check(a->insert == b->insert && a->source_ts_ms == b->source_ts_ms && a->cols == b->cols);
        check(same(a->tuple, b->tuple) && same(a->key, b->key));
        check(same(a->key_tuple, b->key_tuple) && same(a->old_key, b->old_key));
        check(same(a->old_key_tuple, b->old_key_tuple) && a->key_changed == b->key_changed);
        check(same(a->new_key_tuple, b->new_key_tuple));
        check(same(a->match, b->match) && same_mask(a->mask, b->mask, n));
        check(same_mask(a->match_mask, b->match_mask, n));
    }
    mr_decoder_free(decoder);
}

/* What the targets must agree about, kept over the decoder's next call. */
struct agreed {
    int rc;
    enum mr_record_op op;
    bool masked;
    bool matches;
    size_t key_len;
    size_t old_key_len;
};

static struct agreed agreed_of(const struct outcome *outcome)
{
    if (outcome->rc < 0)
        return (struct agreed){.rc = outcome->rc};
    return (struct agreed){.rc = 0,
                           .op = outcome->out.op,
                           .masked = outcome->out.mask != NULL,
                           .matches = outcome->out.match.data != NULL,
                           .key_len = outcome->out.key.len,
                           .old_key_len = outcome->out.old_key.len};
}

static void check_agreement(const struct agreed *a, const struct agreed *b)
{
    if (may_differ(a->rc) || may_differ(b->rc))
        return;
    check(a->rc == b->rc && a->op == b->op && a->masked == b->masked && a->matches == b->matches);
    check(a->key_len == b->key_len);
    /* what one target cannot hold gives it no old key, and the record stays good */
    check(a->old_key_len == b->old_key_len || a->old_key_len == 0 || b->old_key_len == 0);
}

/* The value as the plan reads it; false: it does not resolve. */
static bool resolve(const struct wide_plan *plan, struct record *record, struct mr_buf *room)
{
    struct mr_err err = MR_ERR_INIT;
    if (plan->resolver == NULL || record->in.value.data == NULL)
        return true;
    room->limit = record->in.value.len * COST_FACTOR + COST_FLOOR;
    int rc = mr_resolver_run(plan->resolver, record->in.value, 65536, room, &err);
    check(rc == 0 || (err.class == MR_CLASS_POISON && rc == -(int)err.code));
    record->in.value =
        (struct mr_slice){room->len > 0 ? room->data : (const uint8_t *)"", room->len};
    return rc == 0;
}

static void decode_all(const struct wide_plan *plan, struct mr_decoder *decoder,
                       const struct record *record, unsigned alone)
{
    struct agreed first = {.rc = 0};
    for (unsigned i = 0; i < RANDOM_PLAN_EMITS; i++) {
        check((plan->plans[i] == NULL) == (plan->plans[0] == NULL));
        if (plan->plans[i] == NULL)
            return;
        struct outcome outcome = decode(plan->plans[i], decoder, &record->in);
        struct agreed agreed = agreed_of(&outcome);
        if (i == 0)
            first = agreed;
        check_agreement(&first, &agreed);
        if (i == alone % RANDOM_PLAN_EMITS)
            check_alone(plan->plans[i], record, &outcome);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 + HEAD_BYTES)
        return 0;
    const struct wide_plan *plan = plan_of(data);
    struct mr_slice rest = {data + 2, size - 2};
    struct mr_decoder *decoder = mr_decoder_new();
    struct mr_buf room = MR_BUF_INIT;
    check(decoder != NULL);
    for (unsigned i = 0; i < MAX_RECORDS && rest.len >= HEAD_BYTES; i++) {
        struct record record;
        record_open(&rest, &record);
        mr_buf_reset(&room);
        if (resolve(plan, &record, &room))
            decode_all(plan, decoder, &record, data[1] + i);
        record_close(&record);
    }
    mr_buf_release(&room);
    mr_decoder_free(decoder);
    return 0;
}

/* ---- the mutator ---- */

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

static unsigned below(uint64_t *rng, unsigned n)
{
    *rng ^= *rng << 13;
    *rng ^= *rng >> 7;
    *rng ^= *rng << 17;
    return (unsigned)(*rng >> 33) % n;
}

static void put_part(struct mr_buf *out, struct mr_buf *part, unsigned head, size_t most)
{
    size_t len = part->len < most ? part->len : most;
    out->data[head] = (uint8_t)len;
    mr_buf_add(out, part->data, len);
    mr_buf_reset(part);
}

static void put_key(uint64_t *rng, uint64_t same, const struct wide_plan *plan, struct mr_buf *out)
{
    if (plan->key == NULL)
        mr_buf_add(out, "\0\0\0\0\0\0\1\2", 4u << below(rng, 2));
    else
        random_datum(rng, same, plan->key->root, out);
}

static void put_old_key(uint64_t *rng, const struct wide_plan *plan, bool json, struct mr_buf *out)
{
    if (plan->key == NULL && json)
        mr_buf_str(out, below(rng, 2) == 0 ? "{\"k\":\"AAEC\"}" : "{\"k\":17}");
    else if (json)
        random_datum_json(rng, plan->key->root, out);
    else
        put_key(rng, *rng, plan, out);
}

static void put_record(uint64_t *rng, const struct wide_plan *plan, bool last, struct mr_buf *out)
{
    struct mr_buf part = MR_BUF_INIT;
    size_t head = out->len;
    uint64_t same = *rng;
    unsigned flags = (unsigned)(*rng >> 20) & 0xff;
    if (below(rng, 4) != 0)
        flags &= (unsigned)~(VALUE_NULL | HEADER_NULL | KEY_NULL);
    mr_buf_byte(out, (uint8_t)flags);
    mr_buf_add(out, "\0\0\0", 3);
    if ((flags & KEY_MASK) == KEY_FRAMED)
        mr_buf_add(&part, "\0\0\0\0\7", 5);
    if ((flags & KEY_MASK) == KEY_GUID)
        mr_buf_add(&part, "\1ABCDEFGHIJKLMNOP", 17);
    put_key(rng, same, plan, &part);
    put_part(out, &part, (unsigned)head + 1, 255);
    const char *name = header_names[flags >> HEADER_SHIFT & 7];
    if (name != NULL && strstr(name, "key") != NULL)
        put_old_key(rng, plan, (flags & HEADER_FRAMED) == 0, &part);
    else if (name != NULL)
        mr_buf_byte(&part, (uint8_t)"crudtmx"[below(rng, 7)]);
    put_part(out, &part, (unsigned)head + 2, 255);
    if (plan->writer != NULL && (flags & VALUE_NULL) == 0)
        random_datum(rng, same, plan->writer->root, &part);
    bool rest = last && part.len > 254;
    put_part(out, &part, (unsigned)head + 3, rest ? SIZE_MAX : 254);
    if (rest)
        out->data[head + 3] = 255;
    mr_buf_release(&part);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    uint64_t rng = ((uint64_t)seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    unsigned how = below(&rng, 4);
    struct mr_buf made = MR_BUF_INIT;
    if (how > 0 || max_size < 2)
        return LLVMFuzzerMutate(data, size, max_size);
    uint8_t number[2] = {(uint8_t)(rng >> 8), (uint8_t)rng};
    if (size >= 2 && below(&rng, 2) == 0)
        memcpy(number, data, 2);
    else if (below(&rng, 2) == 0)
        number[0] |= 0xf0;
    for (int i = 0; i < 8 && plan_of(number)->plans[0] == NULL; i++) /* few are refused so often */
        number[0] = (uint8_t)below(&rng, 256) | (number[0] >= 0xf0 ? 0xf0 : 0);
    mr_buf_add(&made, number, 2);
    unsigned n = 1 + below(&rng, 3);
    for (unsigned i = 0; i < n; i++)
        put_record(&rng, plan_of(number), i + 1 == n, &made);
    size_t len = made.len < max_size ? made.len : max_size;
    memcpy(data, made.data, len);
    mr_buf_release(&made);
    return below(&rng, 3) == 0 ? LLVMFuzzerMutate(data, len, max_size) : len;
}
#endif
