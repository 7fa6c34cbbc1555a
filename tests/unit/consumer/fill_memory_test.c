/* Records on their way to rows while memory lacks (contract.md G-07): each allocation of the
 * decoder is refused once, over plans of all kinds. It is no fault of the record's, it makes no
 * other row of it, and no harm to the records behind it. */
#include <stdio.h>
#include <string.h>

#include "schemas/canon.h"
#include "schemas/plan.h"
#include "sinks/sink.h"
#include "tests/support/memory_gate.h"
#include "tests/support/mr_test.h"
#include "tests/support/random_datum.h"
#include "tests/support/wide_plan.h"

enum { N_PLANS = 100, STEP = 131, N_RECORDS = 3 };

MR_TEARDOWN
{
    (void)memory_gate_disarm();
}

struct work {
    const struct mr_plan *plan;
    struct mr_decoder *decoder;
    struct mr_record_in in;
    struct mr_buf want; /* what the record comes to */
    struct mr_buf got;
};

static void slice_note(struct mr_buf *out, struct mr_slice slice)
{
    mr_buf_u64(out, slice.data == NULL ? UINT64_MAX : slice.len);
    if (slice.data != NULL)
        mr_buf_add(out, slice.data, slice.len);
}

static void mask_note(struct mr_buf *out, const struct mr_decoded *decoded, const uint64_t *mask)
{
    mr_buf_byte(out, mask != NULL);
    for (unsigned i = 0; mask != NULL && i < (decoded->cols->n_cols + 63u) / 64; i++)
        mr_buf_u64(out, mask[i]);
}

static void outcome_note(struct mr_buf *out, int rc, const struct mr_decoded *decoded)
{
    mr_buf_reset(out);
    mr_buf_u32(out, (uint32_t)-rc);
    if (rc < 0)
        return;
    mr_buf_u32(out, (uint32_t)decoded->op);
    mr_buf_byte(out, (uint8_t)decoded->op_letter);
    const struct mr_slice slices[] = {
        decoded->tuple,         decoded->key,   decoded->key_tuple,    decoded->old_key,
        decoded->old_key_tuple, decoded->match, decoded->new_key_tuple};
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++)
        slice_note(out, slices[i]);
    mask_note(out, decoded, decoded->mask);
    mask_note(out, decoded, decoded->match_mask);
}

static int decode(struct work *work, struct mr_buf *out, bool *refused, struct mr_err *err)
{
    struct mr_decoded decoded = {.op = MR_REC_SKIP};
    int rc = mr_decode_record(work->plan, work->decoder, &work->in, &decoded, err);

    *refused = memory_gate_disarm();
    outcome_note(out, rc, &decoded);
    return rc;
}

/* One record, with the first allocation refused, the second, and so on. How many there are. */
static int record_check(struct work *work)
{
    struct mr_err err = MR_ERR_INIT;
    bool refused = true;
    int n = 0;

    work->decoder = mr_decoder_new();
    (void)decode(work, &work->want, &refused, &err);
    mr_decoder_free(work->decoder);
    for (refused = true; refused; n++) {
        work->decoder = mr_decoder_new();
        MR_CHECK(work->decoder != NULL);
        mr_err_clear(&err);
        memory_gate_arm(n);
        int rc = decode(work, &work->got, &refused, &err);
        if (refused && (rc != -MR_NO_MEMORY || err.code != MR_NO_MEMORY || err.detail[0] == '\0'))
            MR_FAIL("allocation %d: %s, %s", n, mr_code_printed(rc), err.detail);
        mr_err_clear(&err);
        (void)decode(work, &work->got, &refused, &err); /* the next one: the same once more */
        mr_decoder_free(work->decoder);
        refused = rc == -MR_NO_MEMORY;
        MR_CHECK_U64(work->got.len, work->want.len);
        MR_CHECK_MEM(work->got.data, work->want.data, work->want.len);
    }
    return n - 1;
}

static void datum_make(uint64_t *rng, const struct mr_schema *schema, struct mr_buf *room,
                       struct mr_slice *out)
{
    mr_buf_reset(room);
    if (schema != NULL)
        random_datum(rng, 17, schema->root, room);
    *out = (struct mr_slice){schema != NULL ? room->data : NULL, room->len};
}

static int plan_check(uint32_t number, int *n_records)
{
    const struct mr_emit_ops *emits[RANDOM_PLAN_EMITS] = {
        mr_sink_postgresql.emit, mr_sink_sqlite.emit, mr_sink_stdout.emit, &mr_canon};
    uint64_t rng = number * 2654435761u + 1;
    struct wide_plan wide;
    struct mr_buf key = MR_BUF_INIT;
    struct mr_buf value = MR_BUF_INIT;
    int n = 0;

    wide_plan_make(number, emits, &wide);
    for (int i = 0; i < N_RECORDS && wide.plans[0] != NULL; i++) {
        struct work work = {.plan = wide.plans[i % 2],
                            .in = {.topic = "t", .partition = 3, .offset = 5, .schema_id = 7}};
        datum_make(&rng, wide.key, &key, &work.in.key);
        datum_make(&rng, wide.value, &value, &work.in.value);
        n += record_check(&work);
        *n_records += 1;
        mr_buf_release(&work.want);
        mr_buf_release(&work.got);
    }
    mr_buf_release(&key);
    mr_buf_release(&value);
    wide_plan_release(&wide);
    return n;
}

/* G-07 */
MR_TEST("a record that is decoded where memory lacks is no bad record and no other row")
{
    int n = 0;
    int n_records = 0;
    for (uint32_t i = 0; i < N_PLANS; i++) {
        n += plan_check(i * STEP, &n_records);
        n += plan_check(WIDE_PLAN_NESTED + i * STEP, &n_records);
    }
    printf("decoding: %d records, %d allocations\n", n_records, n);
    MR_CHECK(n > 500);
}
