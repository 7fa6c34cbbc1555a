/* A batch's bounds and what it remembers: rows, spans, held records, letters, plans. */
#include "consumer/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumer/source.h"
#include "tests/support/mr_test.h"
#include "tests/support/plan_case.h"

enum { MAX_BYTES = 64 * 1024, BIG = 300 * 1024 };

#define KEY_SCHEMA                                                                                 \
    "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"}]}"
#define VALUE_SCHEMA                                                                               \
    "{\"type\":\"record\",\"name\":\"V\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},"         \
    "{\"name\":\"v\",\"type\":\"string\"}]}"

static struct {
    struct mr_batch batch;
    struct mr_partitions parts;
    struct plan_case pc;
    struct mr_target target;
    struct mr_source source;
    struct mr_err err;
    size_t n_released;
    size_t headers_bytes; /* of a letter's headers */
} f;

static void release_record(struct mr_source *source, struct mr_record *record)
{
    MR_CHECK(source == &f.source);
    MR_CHECK(record->message != NULL);
    record->message = NULL;
    f.n_released++;
}

static void headers_json(struct mr_source *source, const struct mr_record *record,
                         struct mr_buf *out)
{
    (void)source;
    (void)record;
    mr_buf_byte(out, '[');
    for (size_t i = 2; i < f.headers_bytes; i++)
        mr_buf_byte(out, ' ');
    mr_buf_byte(out, ']');
}

static const struct mr_source_ops source_ops = {
    .name = "scripted", .release_record = release_record, .headers_json = headers_json};

static void batch_init(uint32_t max_rows, size_t max_bytes, size_t max_record_bytes)
{
    struct mr_batch_opts opts = {.max_rows = max_rows,
                                 .max_bytes = max_bytes,
                                 .max_record_bytes = max_record_bytes,
                                 .seed = 3};

    mr_batch_release(&f.batch);
    MR_CHECK_OK(mr_batch_init(&f.batch, &opts));
}

MR_SETUP
{
    memset(&f, 0, sizeof f);
    mr_err_clear(&f.err);
    f.source.ops = &source_ops;
    f.headers_bytes = 2;
    f.target.load = &mr_load_upsert;
    snprintf(f.target.label, sizeof f.target.label, "public.t");
    mr_partitions_init(&f.parts, 5);
    plan_case_init(&f.pc);
    MR_CHECK_OK(plan_case_open(&f.pc, KEY_SCHEMA, VALUE_SCHEMA));
    batch_init(1000, 4 << 20, 1 << 20);
}

MR_TEARDOWN
{
    mr_batch_release(&f.batch);
    plan_case_release(&f.pc);
    mr_partitions_release(&f.parts);
}

static struct mr_partition *part_of(int32_t partition)
{
    struct mr_partition *part = mr_partitions_get(&f.parts, "t", partition, 0);

    MR_CHECK(part != NULL);
    return part;
}

static struct mr_record record_at(int32_t partition, int64_t offset)
{
    return (struct mr_record){.message = &f,
                              .stream = "t",
                              .partition = partition,
                              .offset = offset,
                              .timestamp_ms = -1,
                              .leader_epoch = -1,
                              .n_bytes = 100,
                              .part = part_of(partition)};
}

/* Decodes {id, v of `len` letters}, or the delete of id with len -1, and adds it. */
static int add(const struct mr_record *record, int64_t id, int len)
{
    struct mr_buf key = MR_BUF_INIT;
    struct mr_buf value = MR_BUF_INIT;
    char *text = malloc((size_t)(len > 0 ? len : 1));

    MR_CHECK(text != NULL);
    memset(text, 'v', (size_t)(len > 0 ? len : 1));
    wire_long(&key, id);
    wire_long(&value, id);
    wire_bytes(&value, text, len > 0 ? (size_t)len : 0);
    const char *read =
        plan_case_run(&f.pc, wire_slice(&key), len < 0 ? PLAN_NULL : wire_slice(&value));
    MR_CHECK(read[0] != '!');
    int rc = mr_batch_add(&f.batch, &f.target, f.pc.plan, &f.pc.decoded, record, &f.err);
    mr_buf_release(&key);
    mr_buf_release(&value);
    free(text);
    return rc;
}

static int add_and_take(int32_t partition, int64_t offset, int64_t id, int len)
{
    struct mr_record record = record_at(partition, offset);
    int rc = add(&record, id, len);

    if (rc < 0)
        return rc;
    return mr_batch_take(&f.batch, &record, len < 0 ? MR_COUNT_DELETE : MR_COUNT_CREATE, 10,
                         &f.err);
}

MR_TEST("a fresh batch is empty and not full")
{
    MR_CHECK(mr_batch_is_empty(&f.batch));
    MR_CHECK(!mr_batch_is_full(&f.batch));
    MR_CHECK(!mr_batch_has(&f.batch, part_of(0)));
}

MR_TEST("a span goes from what the target holds to behind the last record, with its time and epoch")
{
    struct mr_partition *part = part_of(0);
    struct mr_record first = record_at(0, 7); /* 5 and 6 are a gap */
    struct mr_record second = record_at(0, 9);

    part->fill_from = 5;
    part->fill_leader_epoch = 3;
    atomic_store(&part->epoch, 42);
    first.timestamp_ms = 1700;
    first.key.len = 4;
    first.value.len = 16;
    first.leader_epoch = 4;
    MR_CHECK_OK(add(&first, 1, 1));
    MR_CHECK_OK(mr_batch_take(&f.batch, &first, MR_COUNT_CREATE, 1234, &f.err));
    MR_CHECK_OK(add(&second, 2, 1));
    MR_CHECK_OK(mr_batch_take(&f.batch, &second, MR_COUNT_UPDATE, 5678, &f.err));
    MR_CHECK_U64(f.batch.n_spans, 1);
    const struct mr_batch_span *span = &f.batch.spans[0];
    MR_CHECK_STR(span->span.stream, "t");
    MR_CHECK_INT(span->span.expected, 5);
    MR_CHECK_INT(span->span.next, 10);
    MR_CHECK_INT(span->span.epoch, 42);
    MR_CHECK_INT(span->span.leader_epoch, 4);
    MR_CHECK_INT(span->span.timestamp_ms, 1700);
    MR_CHECK_INT(span->span.slots, 1);
    MR_CHECK_U64(span->counts[MR_COUNT_CREATE], 1);
    MR_CHECK_U64(span->counts[MR_COUNT_UPDATE], 1);
    MR_CHECK_INT(part->fill_next, 10);
    MR_CHECK_INT(part->fill_from, 10);
    MR_CHECK_INT(part->fill_leader_epoch, 4);
    MR_CHECK_U64(f.batch.first_us, 1234);
    MR_CHECK_U64(f.batch.bytes_consumed, 20);
    MR_CHECK_U64(f.batch.held_bytes, 200);
}

MR_TEST("an add alone takes nothing: no span, no record, no position")
{
    struct mr_record record = record_at(0, 7);

    part_of(0)->fill_next = 7;
    MR_CHECK_OK(add(&record, 1, 1));
    MR_CHECK(mr_batch_is_empty(&f.batch));
    MR_CHECK_U64(f.batch.n_held, 0);
    MR_CHECK_INT(part_of(0)->fill_next, 7);
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK_U64(f.n_released, 0);
}

/* more partitions than the arrays have room for at first, by turns and in runs */
MR_TEST("every row points at its own partition's span, however many there are")
{
    for (int32_t round = 0; round < 2; round++)
        for (int32_t p = 0; p < 40; p++)
            for (int32_t run = 0; run < 2; run++)
                MR_CHECK_OK(add_and_take(p, round * 2 + run, p * 100 + round * 2 + run, 1));
    MR_CHECK_U64(f.batch.n_spans, 40);
    MR_CHECK_U64(f.batch.n_tables, 1);
    const struct mr_rows *rows = &f.batch.tables[0]->rows;
    MR_CHECK_U64(rows->n_rows, 160);
    for (size_t i = 0; i < rows->n_rows; i++) {
        const struct mr_row *row = &rows->rows[i];
        MR_CHECK_INT(f.batch.spans[row->span_idx].span.partition, (i / 2) % 40);
    }
    for (size_t i = 0; i < 40; i++) {
        MR_CHECK(f.batch.spans[i].part == part_of((int32_t)i));
        MR_CHECK_INT(f.batch.spans[i].span.next, 4);
        MR_CHECK(mr_batch_has(&f.batch, part_of((int32_t)i)));
    }
    MR_CHECK(!mr_batch_has(&f.batch, part_of(40)));
}

MR_TEST("a batch is full at max_rows records, skipped ones too")
{
    batch_init(3, 4 << 20, 1 << 20);
    MR_CHECK_OK(add_and_take(0, 0, 1, 1));
    MR_CHECK_OK(add_and_take(0, 1, 1, 1)); /* folded: it counts as a record all the same */
    MR_CHECK(!mr_batch_is_full(&f.batch));
    struct mr_record skipped = record_at(0, 2);
    MR_CHECK_OK(mr_batch_take(&f.batch, &skipped, MR_COUNT_SKIP, 10, &f.err));
    MR_CHECK(mr_batch_is_full(&f.batch));
    MR_CHECK_U64(f.batch.tables[0]->rows.n_rows, 1);
}

MR_TEST("a batch is full by the bytes of held messages and of rows together")
{
    batch_init(1000, 1000, 1 << 20);
    struct mr_record heavy = record_at(0, 0);
    heavy.n_bytes = 999;
    MR_CHECK_OK(mr_batch_take(&f.batch, &heavy, MR_COUNT_SKIP, 10, &f.err));
    MR_CHECK(!mr_batch_is_full(&f.batch));
    MR_CHECK_OK(add_and_take(0, 1, 1, 1));
    MR_CHECK(mr_batch_is_full(&f.batch));
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK(!mr_batch_is_full(&f.batch));
    MR_CHECK_OK(add_and_take(0, 2, 2, 2000)); /* rows alone */
    MR_CHECK(mr_batch_is_full(&f.batch));
}

MR_TEST("a record that does not fit is refused, and the batch is what it was")
{
    int64_t n = 0;
    int rc = 0;

    batch_init(1000, MAX_BYTES, 1 << 20);
    while ((rc = add_and_take(0, n, n, BIG)) == 0 && n < 100)
        n++;
    MR_CHECK_INT(rc, -MR_FULL);
    MR_CHECK(n > 0);
    MR_CHECK_U64(f.batch.n_held, (uint64_t)n);
    MR_CHECK_U64(f.batch.tables[0]->rows.n_rows, (uint64_t)n);
    MR_CHECK_U64(f.batch.tables[0]->n_upserts, (uint64_t)n);
    MR_CHECK_INT(f.batch.spans[0].span.next, n);
    MR_CHECK_INT(part_of(0)->fill_next, n);
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK_OK(add_and_take(0, n, n, BIG)); /* first into the next one */
    MR_CHECK_INT(f.batch.spans[0].span.expected, n);
}

/* G-06 */
MR_TEST("a record larger than a whole batch is let in alone, and the next batch is bounded again")
{
    batch_init(1000, MAX_BYTES, 1 << 20);
    MR_CHECK_OK(add_and_take(0, 0, 0, 3 << 20));
    MR_CHECK(mr_batch_is_full(&f.batch));
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK_OK(add_and_take(0, 1, 1, 1));
    MR_CHECK_INT(add_and_take(0, 2, 2, 3 << 20), -MR_FULL);
}

MR_TEST("upserts and deletes are counted as records, before the reduction")
{
    MR_CHECK_OK(add_and_take(0, 0, 1, 5));
    MR_CHECK_OK(add_and_take(0, 1, 1, 5));
    MR_CHECK_OK(add_and_take(0, 2, 1, -1));
    const struct mr_batch_table *table = f.batch.tables[0];
    MR_CHECK_U64(table->n_upserts, 2);
    MR_CHECK_U64(table->n_deletes, 1);
    MR_CHECK_U64(table->rows.n_rows, 1);
    MR_CHECK_INT(table->rows.rows[0].op, MR_ROW_DELETE);
    MR_CHECK_INT(table->rows.rows[0].offset, 2);
}

/* under ASan a row that points into a freed plan fails here */
MR_TEST("a plan lives as long as the batch that has rows of it, and is kept once")
{
    for (int i = 0; i < 50; i++)
        MR_CHECK_OK(add_and_take(0, i, i, 3));
    MR_CHECK_U64(f.batch.n_plans, 1);
    mr_plan_unref(f.pc.plan); /* the lane's cache drops it */
    f.pc.plan = NULL;
    const struct mr_rows *rows = &f.batch.tables[0]->rows;
    MR_CHECK_U64(rows->rows[49].cols->n_cols, 2);
    MR_CHECK_U64(rows->key.n_cols, 1);
    MR_CHECK_U64(rows->key.cols[0], rows->rows[49].cols->cols[0]);
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK_U64(f.batch.n_plans, 0);
}

MR_TEST("a reset gives each record back once, and the next batch uses the table again")
{
    for (int i = 0; i < 30; i++)
        MR_CHECK_OK(add_and_take(i % 3, i / 3, i, 3));
    struct mr_batch_table *table = f.batch.tables[0];
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK_U64(f.n_released, 30);
    MR_CHECK(mr_batch_is_empty(&f.batch));
    MR_CHECK_U64(f.batch.held_bytes + f.batch.bytes_consumed + f.batch.first_us, 0);
    MR_CHECK_U64(table->rows.n_rows + table->n_upserts, 0);
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK_U64(f.n_released, 30);
    MR_CHECK_OK(add_and_take(0, 10, 1, 3));
    MR_CHECK(f.batch.tables[0] == table);
    MR_CHECK_U64(f.batch.n_tables, 1);
    MR_CHECK_U64(table->rows.n_rows, 1);
}

/* P3: 48 tables, loaded one after the other, once held 400 MB */
MR_TEST("a table that is kept gives back the room of a large batch when it is not used")
{
    for (int i = 0; i < 600; i++)
        MR_CHECK_OK(add_and_take(0, i, i, 3));
    struct mr_batch_table *table = f.batch.tables[0];
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK(table->rows.cap_rows >= 600);
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK_U64(table->rows.cap_rows, 0);
    MR_CHECK_OK(add_and_take(0, 600, 1, 3));
    MR_CHECK(f.batch.tables[0] == table);
    MR_CHECK_U64(table->rows.n_rows, 1);
}

MR_TEST("a table that is kept takes its key's columns from the plan of the new batch")
{
    MR_CHECK_OK(add_and_take(0, 0, 1, 3));
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK_OK(plan_case_open(&f.pc, KEY_SCHEMA, VALUE_SCHEMA)); /* frees the plan before */
    MR_CHECK_OK(add_and_take(0, 1, 2, 3));
    MR_CHECK(f.batch.tables[0]->rows.key.cols == mr_plan_key(f.pc.plan)->cols);
}

/* V-13 */
MR_TEST("a plan of a newer catalogue entry waits until the rows of the old one are gone")
{
    MR_CHECK_OK(add_and_take(0, 0, 1, 3));
    plan_case_table(&f.pc, "id int8 pk, v text, more text");
    MR_CHECK_OK(plan_case_open(&f.pc, KEY_SCHEMA, VALUE_SCHEMA));
    MR_CHECK_INT(add_and_take(0, 1, 2, 3), -MR_FULL);
    MR_CHECK_U64(f.batch.n_held, 1);
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK_OK(add_and_take(0, 1, 2, 3));
    MR_CHECK(f.batch.tables[0]->rows.table == f.pc.table);
    MR_CHECK_U64(f.batch.n_tables, 1);
}

/* V-13: lanes that read a table at once have objects of their own */
MR_TEST("a batch takes rows of two plans whose tables are two readings of the same")
{
    for (int64_t i = 0; i < 2; i++) {
        plan_case_table(&f.pc, "id int8 pk, v text");
        f.pc.table->version = (struct mr_table_version){.v = {7}, .n_words = 1};
        MR_CHECK_OK(plan_case_open(&f.pc, KEY_SCHEMA, VALUE_SCHEMA));
        MR_CHECK_OK(add_and_take(0, i, 1, 3));
    }
    MR_CHECK(mr_plan_table(f.pc.plan) != f.batch.tables[0]->rows.table);
    MR_CHECK_U64(f.batch.tables[0]->rows.n_rows, 1); /* the second met the first's key */
    MR_CHECK_U64(f.batch.n_plans, 2);
    f.pc.table->version.v[0] = 8;
    MR_CHECK_INT(add_and_take(0, 2, 2, 3), -MR_FULL);
}

MR_TEST("two targets have their rows apart")
{
    struct mr_target other = {.load = &mr_load_append};
    struct mr_record record = record_at(0, 1);

    MR_CHECK_OK(add_and_take(0, 0, 1, 3));
    plan_case_run(&f.pc, PLAN_NULL, PLAN_NULL);
    struct mr_target first = f.target;
    f.target.load = &mr_load_append;
    MR_CHECK_OK(add_and_take(0, 1, 2, 3)); /* the same target by address */
    MR_CHECK_U64(f.batch.n_tables, 1);
    f.target = first;
    MR_CHECK_OK(mr_batch_add(&f.batch, &other, f.pc.plan, &f.pc.decoded, &record, &f.err));
    MR_CHECK_U64(f.batch.n_tables, 2);
    MR_CHECK(f.batch.tables[0]->rows.reduce);
    MR_CHECK(!f.batch.tables[1]->rows.reduce);
    MR_CHECK_U64(f.batch.tables[1]->rows.n_rows, 1);
}

static int letter(const struct mr_record *record)
{
    struct mr_err why = MR_ERR_INIT;

    mr_err_set(&why, MR_AVRO_TRAILING, "one byte");
    return mr_batch_add_letter(&f.batch, &f.source, &f.target, record, &why, &f.err);
}

/* case 29 */
MR_TEST("a record that is put aside is held and counted as bad, and its letter names it")
{
    struct mr_record record = record_at(3, 50);

    MR_CHECK_OK(letter(&record));
    MR_CHECK_OK(mr_batch_take(&f.batch, &record, MR_COUNT_BAD, 10, &f.err));
    MR_CHECK_U64(f.batch.n_letters, 1);
    MR_CHECK_STR(f.batch.letters[0].code, "avro.trailing");
    MR_CHECK_STR(f.batch.letters[0].target_table, "public.t");
    MR_CHECK_INT(f.batch.letters[0].offset, 50);
    MR_CHECK_U64(f.batch.spans[0].counts[MR_COUNT_BAD], 1);
    MR_CHECK_INT(f.batch.spans[0].span.next, 51);
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK_U64(f.batch.n_letters, 0);
    MR_CHECK_U64(f.n_released, 1);
}

/* G-06 */
MR_TEST("a letter with too many headers waits for the next batch, where it is let in alone")
{
    batch_init(1000, MAX_BYTES, 1 << 20);
    MR_CHECK_OK(add_and_take(0, 0, 1, 1));
    f.headers_bytes = 2 << 20;
    struct mr_record record = record_at(0, 1);
    MR_CHECK_INT(letter(&record), -MR_FULL);
    MR_CHECK_U64(f.batch.n_letters, 0);
    MR_CHECK_U64(f.batch.n_held, 1);
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK_OK(letter(&record));
    MR_CHECK_U64(strlen(f.batch.letters[0].headers_json), 2 << 20);
}

/* F-16 */
MR_TEST("the end of a partition moves the span without a record")
{
    struct mr_partition *part = part_of(0);

    part->fill_from = 20;
    MR_CHECK_OK(mr_batch_pass(&f.batch, part, 24, 777, &f.err));
    MR_CHECK(!mr_batch_is_empty(&f.batch));
    MR_CHECK_U64(f.batch.n_held, 0);
    MR_CHECK_INT(f.batch.spans[0].span.expected, 20);
    MR_CHECK_INT(f.batch.spans[0].span.next, 24);
    MR_CHECK_INT(part->fill_next, 24);
    MR_CHECK_U64(f.batch.first_us, 777);
    MR_CHECK_OK(add_and_take(0, 24, 1, 1));
    MR_CHECK_INT(f.batch.spans[0].span.next, 25);
    MR_CHECK_U64(f.batch.first_us, 777);
}

/* */
MR_TEST("a span tells of an envelope, met before it or in its middle")
{
    struct mr_partition *part = part_of(0);
    const struct mr_span *span;

    MR_CHECK_OK(add_and_take(0, 0, 1, 1));
    span = &f.batch.spans[0].span;
    MR_CHECK(!span->envelope);
    part->envelope_topic = true;
    MR_CHECK(!span->envelope); /* only once a record is taken */
    MR_CHECK_OK(add_and_take(0, 1, 2, 1));
    MR_CHECK(span->envelope);
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK_OK(mr_batch_pass(&f.batch, part, 9, 10, &f.err));
    MR_CHECK(f.batch.spans[0].span.envelope);
}

MR_TEST("a smaller limit gives memory back, and binds from then on")
{
    batch_init(1000, 8 << 20, 1 << 20);
    for (int i = 0; i < 10; i++)
        MR_CHECK_OK(add_and_take(0, i, i, BIG));
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK(f.batch.arena.held_bytes > (2 << 20));
    mr_batch_limit(&f.batch, MAX_BYTES, f.batch.opts.max_rows);
    MR_CHECK_U64(f.batch.arena.held_bytes, 0);
    int64_t n = 10;
    while (add_and_take(0, n, n, BIG) == 0)
        n++;
    MR_CHECK(n < 15);
    MR_CHECK(f.batch.arena.held_bytes <= (size_t)MAX_BYTES + (1 << 20));
}

MR_TEST("tables past what is kept are freed, those kept are found again")
{
    static struct mr_target targets[100];
    struct mr_record record = record_at(0, 0);

    MR_CHECK_OK(add(&record, 1, 1));
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 100; i++) {
            targets[i].load = &mr_load_upsert;
            MR_CHECK_OK(
                mr_batch_add(&f.batch, &targets[i], f.pc.plan, &f.pc.decoded, &record, &f.err));
        }
        MR_CHECK_U64(f.batch.n_tables, 101);
        mr_batch_reset(&f.batch, &f.source);
        MR_CHECK_U64(f.batch.n_tables, 64);
        MR_CHECK(f.batch.tables[63] != NULL);
        MR_CHECK(f.batch.tables[64] == NULL);
        MR_CHECK_OK(add(&record, 1, 1));
    }
}

/* */
MR_TEST("a truncate drops the table's rows of the batch, and counts as work to be flushed")
{
    MR_CHECK_OK(add_and_take(0, 0, 1, 3));
    MR_CHECK_OK(add_and_take(0, 1, 2, 3));
    struct mr_record record = record_at(0, 2);
    MR_CHECK_OK(mr_batch_truncate(&f.batch, &f.target, f.pc.plan, NULL, &f.err));
    MR_CHECK_OK(mr_batch_take(&f.batch, &record, MR_COUNT_TRUNCATE, 10, &f.err));
    const struct mr_rows *rows = &f.batch.tables[0]->rows;
    MR_CHECK_U64(rows->n_rows, 0);
    MR_CHECK(rows->truncated);
    MR_CHECK_INT(f.batch.spans[0].span.next, 3);
    MR_CHECK_OK(add_and_take(0, 3, 1, 3));
    MR_CHECK_U64(rows->n_rows, 1);
    MR_CHECK_U64(rows->key.n_cols, 1);
    mr_batch_reset(&f.batch, &f.source);
    MR_CHECK(!rows->truncated);
}
