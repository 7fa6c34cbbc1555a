/* The plan interpreter over random schemas and random bytes. Input: bytes 0 and 1 name the plan
 * (big-endian, random_plan.h), byte 2 the length of the record key (63: null) with bit 7 for a null
 * value, byte 3 which header there is (upper two bits) and its length, then header, key, value.
 * Beside memory safety: a fault is a record's own and has a code; a tuple is framed as emit.h says
 * and has the plan's fields; a record costs no more than G-06 allows. */
#include "base/map.h"
#include "schemas/decode_run.h"
#include "sinks/sink.h"
#include "tests/support/decode_watch.inc"

enum { N_PLANS = 4096 };

static struct {
    bool made;
    struct random_plan plan;
} cache[N_PLANS];

static const struct random_plan *plans_of(uint32_t number)
{
    if (!cache[number].made) {
        random_plan_make(number, watch_emits(), &cache[number].plan);
        cache[number].made = true;
    }
    return &cache[number].plan;
}

struct one_header {
    const char *name;
    struct mr_slice value;
};

static bool header_last(const void *owner, const char *name, struct mr_slice *value)
{
    const struct one_header *header = owner;
    if (strcmp(header->name, name) != 0)
        return false;
    *value = header->value;
    return true;
}

static void check_outcome(int rc, const struct mr_decoded *out, const struct mr_err *err)
{
    if (rc < 0) {
        check(err->code != MR_OK && err->code != MR_BUG && rc == -(int)err->code);
        check(err->class == MR_CLASS_POISON || err->class == MR_CLASS_HALT);
        return;
    }
    if (out->op == MR_REC_UPSERT || out->op == MR_REC_APPEND)
        check_tuple(out->tuple, out->cols->n_cols);
    if (out->op == MR_REC_DELETE)
        check(out->key.len > 0);
}

static struct mr_slice cut(const uint8_t **data, size_t *size, size_t n)
{
    struct mr_slice part = {*data, n < *size ? n : *size};
    *data += part.len;
    *size -= part.len;
    return part;
}

/* What a record came to; slices are kept as copies of what all emitters must agree on. */
struct outcome {
    int rc;
    enum mr_record_op op;
    bool masked;
    size_t key_len;
    uint64_t key_hash;
};

/* A decoder without what an earlier record left in it, so that what it takes is what the record
 * costs. */
static struct mr_decoder *decoder_bare(void)
{
    static struct mr_decoder *decoder;
    if (decoder == NULL)
        decoder = mr_decoder_new();
    check(decoder != NULL);
    struct mr_buf *const buffers[] = {
        &decoder->row,      &decoder->tuple,        &decoder->key_fields, &decoder->canons,
        &decoder->check,    &decoder->key_tuple,    &decoder->key,        &decoder->doc,
        &decoder->run.text, &decoder->run.more,     &decoder->run.items,  &decoder->kept,
        &decoder->old_key,  &decoder->old_key_tuple};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        mr_buf_release(buffers[i]);
    return decoder;
}

static struct outcome decode(const struct mr_plan *plan, const struct mr_record_in *in)
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_decoded out = {.op = MR_REC_SKIP};
    struct mr_decoder *decoder = decoder_bare();
    watch.n_decoded++;
    watch_begin();
    struct outcome result = {.rc = mr_decode_record(plan, decoder, in, &out, &err)};
    watch_end(in->key.len + in->value.len);
    check_outcome(result.rc, &out, &err);
    if (result.rc == 0) {
        result.op = out.op;
        result.masked = out.mask != NULL;
        result.key_len = out.key.len;
        result.key_hash = mr_hash(out.key.data, out.key.len, 1);
    }
    return result;
}

/* Which target it is for says nothing about whether a record is good, what it asks for, and for
 * which key. */
static void check_agreement(const struct outcome *a, const struct outcome *b)
{
    if (may_differ(a->rc) || may_differ(b->rc))
        return;
    check(a->rc == b->rc && a->op == b->op && a->masked == b->masked);
    check(a->key_len == b->key_len && a->key_hash == b->key_hash);
}

static void decode_all(const struct random_plan *plan, const struct mr_record_in *in)
{
    struct outcome first = {.rc = 0};
    for (int i = 0; i < RANDOM_PLAN_EMITS; i++) {
        check((plan->plans[i] == NULL) == (plan->plans[0] == NULL));
        if (plan->plans[i] == NULL)
            continue;
        struct outcome outcome = decode(plan->plans[i], in);
        if (i == 0)
            first = outcome;
        check_agreement(&first, &outcome);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"", "__op", "__debezium.oldkey", "__debezium.newkey"};
    if (size < 4)
        return 0;
    const struct random_plan *plan = plans_of(((uint32_t)data[0] << 8 | data[1]) % N_PLANS);
    uint8_t key_byte = data[2];
    uint8_t header_byte = data[3];
    data += 4;
    size -= 4;
    struct one_header header = {names[header_byte >> 6], cut(&data, &size, header_byte & 63)};
    struct mr_record_in in = {
        .headers = {&header, header_last}, .topic = "t", .timestamp_ms = -1, .schema_id = -1};
    if ((key_byte & 63) != 63)
        in.key = cut(&data, &size, key_byte & 63);
    if ((key_byte & 128) == 0)
        in.value = (struct mr_slice){data, size};
    decode_all(plan, &in);
    return 0;
}
