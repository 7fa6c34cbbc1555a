/* The demo's generator: repeatable bytes, an honest model, and everything in the stream that the
 * demo promises to show. avro-c is the second opinion on the bytes. */
#include "consumer/demo_generator.h"

#include <stdlib.h>

#include "schemas/avro_lib.h"
#include "tests/support/mr_test.h"

#include "base/ban.h"

enum { N_RECORDS = 6000 };

static struct {
    struct mr_demo_generator *gen;
    struct mr_err err;
} f;

static void start(uint64_t seed)
{
    struct mr_demo_generator_opts opts = {.n_records = N_RECORDS, .seed = seed};
    MR_CHECK_OK(mr_demo_generator_new(&opts, &f.gen, &f.err));
}

MR_TEARDOWN
{
    mr_demo_generator_free(f.gen);
    f.gen = NULL;
}

static struct mr_demo_record next(void)
{
    struct mr_demo_record record;
    int rc = mr_demo_generator_next(f.gen, &record, &f.err);
    if (rc < 0)
        MR_FAIL("%s", f.err.detail);
    return record;
}

/* FNV-1a over all that is produced. */
static uint64_t digest(uint64_t seed)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    start(seed);
    for (int i = 0; i < N_RECORDS; i++) {
        struct mr_demo_record record = next();
        const struct mr_slice parts[] = {record.key, record.value};
        for (size_t p = 0; p < 2; p++) {
            for (size_t b = 0; b < parts[p].len; b++)
                sum = (sum ^ parts[p].data[b]) * UINT64_C(1099511628211);
        }
        sum = (sum ^ (uint64_t)record.partition) * UINT64_C(1099511628211);
    }
    mr_demo_generator_free(f.gen);
    f.gen = NULL;
    return sum;
}

MR_TEST("the same seed gives the same bytes, another one others")
{
    uint64_t first = digest(7);
    MR_CHECK_U64(digest(7), first);
    MR_CHECK(digest(8) != first);
}

/* F-03 */
MR_TEST(
    "every whole value is what avro-c reads with the schema of its frame, with nothing left over")
{
    struct mr_buf text = MR_BUF_INIT;
    struct mr_buf schema = MR_BUF_INIT;
    struct mr_avro_lib *decoders[8] = {NULL};
    for (size_t i = 0; mr_demo_schema_at(i) != NULL; i++) {
        mr_buf_reset(&schema);
        mr_demo_schema_text(mr_demo_schema_at(i), &schema);
        MR_CHECK_OK(mr_avro_lib_new(mr_buf_cstr(&schema), schema.len,
                                    &decoders[mr_demo_schema_at(i)->id], &f.err));
    }
    start(1);
    int n_broken = 0;
    for (int i = 0; i < N_RECORDS; i++) {
        struct mr_demo_record record = next();
        const struct mr_slice parts[] = {record.key, record.value};
        for (size_t p = 0; p < 2; p++) {
            if (parts[p].data == NULL)
                continue;
            MR_CHECK_INT(parts[p].data[0], 0);
            uint32_t id = mr_get_u32(parts[p].data + 1);
            struct mr_slice body = {parts[p].data + 5, parts[p].len - 5};
            mr_buf_reset(&text);
            int rc = mr_avro_lib_decode(decoders[id], body, &text, &f.err);
            bool cut = p == 1 && record.broken;
            MR_CHECK_INT(rc, cut ? -MR_AVRO_TRUNCATED : 0);
            n_broken += cut ? 1 : 0;
        }
    }
    MR_CHECK_INT(n_broken, 1);
    for (size_t i = 0; i < 8; i++)
        mr_avro_lib_free(decoders[i]);
    mr_buf_release(&text);
    mr_buf_release(&schema);
}

/* E-01, E-02, E-03, E-04, E-10 */
MR_TEST("snapshot, creates, updates, deletes and their tombstones come in every table")
{
    int n[MR_DEMO_N_TABLES][128] = {{0}};
    char before = 0;
    uint16_t table_before = 0;
    start(3);
    for (int i = 0; i < N_RECORDS; i++) {
        struct mr_demo_record record = next();
        n[record.table][(unsigned char)record.op]++;
        MR_CHECK_INT(record.value.data == NULL, record.op == 't');
        MR_CHECK_INT(before == 'd', record.op == 't');
        if (record.op == 't')
            MR_CHECK_INT(record.table, table_before);
        before = record.op;
        table_before = record.table;
    }
    for (size_t t = 0; t < MR_DEMO_N_TABLES; t++) {
        for (const char *op = "rcudt"; *op != '\0'; op++)
            MR_CHECK(n[t][(unsigned char)*op] > 0);
        MR_CHECK(n[t]['d'] - n[t]['t'] <= 1);
    }
}

/* V-01 */
MR_TEST("the second schema of orders begins at the middle and not before")
{
    int n_new = 0;
    start(4);
    for (int i = 0; i < N_RECORDS; i++) {
        struct mr_demo_record record = next();
        if (record.table != MR_DEMO_ORDERS || record.value.data == NULL)
            continue;
        uint32_t id = mr_get_u32(record.value.data + 1);
        MR_CHECK_INT(id, mr_demo_tables[MR_DEMO_ORDERS].value_ids[i >= N_RECORDS / 2]);
        n_new += i >= N_RECORDS / 2;
    }
    MR_CHECK(n_new > N_RECORDS / 10);
}

static bool holds_unavailable(struct mr_slice bytes)
{
    static const char text[] = MR_DEMO_UNAVAILABLE;
    const size_t n = sizeof text - 1;
    for (size_t i = 0; i + n <= bytes.len; i++) {
        if (memcmp(bytes.data + i, text, n) == 0)
            return true;
    }
    return false;
}

/* U-01 */
MR_TEST("some updates of orders leave a column out as unavailable, and the model keeps its value")
{
    int n_unavailable = 0;
    start(5);
    for (int i = 0; i < N_RECORDS; i++) {
        struct mr_demo_record record = next();
        if (holds_unavailable(record.value)) {
            MR_CHECK_INT(record.table, MR_DEMO_ORDERS);
            MR_CHECK_INT(record.op, 'u');
            n_unavailable++;
        }
    }
    MR_CHECK(n_unavailable > 0);
    const struct mr_demo_rows *orders = &mr_demo_generator_model(f.gen)->tables[MR_DEMO_ORDERS];
    for (size_t i = 0; i < orders->n_rows; i++) {
        for (uint16_t c = 0; c < mr_demo_tables[MR_DEMO_ORDERS].n_columns; c++) {
            const char *text = orders->rows[i]->values[c].text;
            MR_CHECK(text == NULL || strcmp(text, MR_DEMO_UNAVAILABLE) != 0);
        }
    }
}

/* A key's fate by its last record: the model must agree. The keys' bytes are compared, so that this
 * follows the stream and not the model's own numbers. */
MR_TEST("the model holds exactly the keys whose last record is no delete")
{
    struct fate {
        uint8_t key[32];
        size_t len;
        uint16_t table;
        bool alive;
    } *fates = calloc(N_RECORDS, sizeof *fates);
    size_t n_fates = 0;
    size_t n_alive = 0;
    start(6);
    for (int i = 0; i < N_RECORDS; i++) {
        struct mr_demo_record record = next();
        MR_CHECK(record.key.len <= sizeof fates[0].key);
        size_t at = 0;
        while (at < n_fates &&
               (fates[at].table != record.table || fates[at].len != record.key.len ||
                memcmp(fates[at].key, record.key.data, record.key.len) != 0))
            at++;
        n_fates += at == n_fates;
        memcpy(fates[at].key, record.key.data, record.key.len);
        fates[at].len = record.key.len;
        fates[at].table = record.table;
        bool alive = record.op != 'd' && record.op != 't';
        /* A new row never takes a key that is there, and nothing changes a row that is not. */
        if (record.op == 'c' || record.op == 'r')
            MR_CHECK(!fates[at].alive);
        if (record.op == 'u' || record.op == 'd')
            MR_CHECK(fates[at].alive);
        fates[at].alive = alive;
    }
    for (size_t i = 0; i < n_fates; i++)
        n_alive += fates[i].alive;
    free(fates);
    MR_CHECK_U64(mr_demo_model_count(mr_demo_generator_model(f.gen)), n_alive);
}

MR_TEST("all records of a key are in one partition, and every partition gets some")
{
    int n[MR_DEMO_N_TABLES][MR_DEMO_MAX_PARTITIONS] = {{0}};
    start(9);
    for (int i = 0; i < N_RECORDS; i++) {
        struct mr_demo_record record = next();
        MR_CHECK(record.partition >= 0 &&
                 record.partition < mr_demo_tables[record.table].n_partitions);
        n[record.table][record.partition]++;
    }
    for (size_t t = 0; t < MR_DEMO_N_TABLES; t++) {
        for (uint16_t p = 0; p < mr_demo_tables[t].n_partitions; p++)
            MR_CHECK(n[t][p] > 0);
    }
}
