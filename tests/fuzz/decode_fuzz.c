/* The plan interpreter over random schemas and random bytes. Input: bytes 0 and 1 name the plan
 * (big-endian, random_plan.h), byte 2 the length of the record key (63: null) with bit 7 for a null
 * value, byte 3 which header there is (upper two bits) and its length, then header, key, value.
 * Beside memory safety: a fault is a record's own and has a code; a tuple is framed as emit.h says
 * and has the plan's fields; a record costs no more than G-06 allows. */
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "schemas/canon.h"
#include "schemas/decode_run.h"
#include "sinks/sink.h"
#include "tests/support/random_plan.h"

/* Memory is counted where the compiler brings ASan's interface: in the builds that fuzz. */
#if defined(__has_feature) && defined(__has_include)
#if __has_feature(address_sanitizer) && __has_include(<sanitizer/allocator_interface.h>)
#include <sanitizer/allocator_interface.h>
#define MR_COUNTS_MEMORY 1
#endif
#endif

enum { N_PLANS = 4096, COST_FLOOR = 1024 * 1024, COST_FACTOR = 64 };

static struct {
    bool made;
    struct random_plan plan;
} cache[N_PLANS];

#ifdef MR_COUNTS_MEMORY
static size_t live;
static size_t peak;
static bool counting;

static void on_malloc(const volatile void *ptr, size_t size)
{
    (void)ptr;
    if (!counting)
        return;
    live += size;
    if (live > peak)
        peak = live;
}

static void on_free(const volatile void *ptr)
{
    if (counting && ptr != NULL)
        live -= __sanitizer_get_allocated_size((const void *)(uintptr_t)ptr);
}
#endif

static uint64_t n_decoded;

static void tell(void)
{
    fprintf(stderr, "records decoded: %llu\n", (unsigned long long)n_decoded);
}

static void check(bool holds)
{
    if (holds)
        return;
    tell();
    abort();
}

static const struct random_plan *plans_of(uint32_t number)
{
    static const struct mr_emit_ops *emits[RANDOM_PLAN_EMITS];
    if (emits[0] == NULL) {
        atexit(tell);
        emits[0] = mr_sink_postgresql.emit;
        emits[1] = mr_sink_sqlite.emit;
        emits[2] = mr_sink_stdout.emit;
        emits[3] = &mr_canon;
#ifdef MR_COUNTS_MEMORY
        __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
#endif
    }
    if (!cache[number].made) {
        random_plan_make(number, emits, &cache[number].plan);
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

/* int16 fields, then each field's length and bytes, and nothing behind them. */
static void check_tuple(struct mr_slice tuple, uint16_t n_fields)
{
    check(tuple.len >= 2 && (uint16_t)(tuple.data[0] << 8 | tuple.data[1]) == n_fields);
    size_t at = 2;
    for (uint16_t i = 0; i < n_fields; i++) {
        check(tuple.len - at >= 4);
        uint32_t len = mr_get_u32(tuple.data + at);
        at += 4;
        if (len == UINT32_MAX)
            continue;
        check(tuple.len - at >= len);
        at += len;
    }
    check(at == tuple.len);
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
    n_decoded++;
#ifdef MR_COUNTS_MEMORY
    live = 0;
    peak = 0;
    counting = true;
#endif
    struct outcome result = {.rc = mr_decode_record(plan, decoder, in, &out, &err)};
#ifdef MR_COUNTS_MEMORY
    counting = false;
    check(peak <= (in->key.len + in->value.len) * COST_FACTOR + COST_FLOOR);
#endif
    check_outcome(result.rc, &out, &err);
    if (result.rc == 0) {
        result.op = out.op;
        result.masked = out.mask != NULL;
        result.key_len = out.key.len;
        result.key_hash = mr_hash(out.key.data, out.key.len, 1);
    }
    return result;
}

/* A value that only one target cannot hold (L-02), or whose form is larger in it. */
static bool may_differ(int rc)
{
    return rc == -MR_VALUE_OUT_OF_RANGE || rc == -MR_FRAMING_TOO_LARGE || rc == -MR_VALUE_TOO_LARGE;
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
