/* The form of a dead letter (design.md section 6). */
#include "consumer/dlq.h"

#include <stdio.h>
#include <string.h>

#include "consumer/partitions.h"
#include "consumer/source.h"
#include "tests/support/mr_test.h"

static struct {
    struct mr_arena arena;
    struct mr_partitions parts;
    struct mr_source source;
    struct mr_record record;
    struct mr_letter letter;
    struct mr_err why;
    const char *headers;
    bool headers_fail;
} f;

static void headers_json(struct mr_source *source, const struct mr_record *record,
                         struct mr_buf *out)
{
    MR_CHECK(source == &f.source && record == &f.record);
    mr_buf_str(out, f.headers);
    if (f.headers_fail)
        out->failed = true;
}

static const struct mr_source_ops ops = {.name = "scripted", .headers_json = headers_json};
static const uint8_t key_bytes[] = {0, 0, 0, 0, 2, 14};
static const uint8_t value_bytes[] = {0, 0xff, 0};

MR_SETUP
{
    memset(&f, 0, sizeof f);
    mr_arena_init(&f.arena, 4096, 64 * 1024);
    mr_partitions_init(&f.parts, 1);
    mr_err_clear(&f.why);
    f.source.ops = &ops;
    f.headers = "[]";
    f.record = (struct mr_record){.part = mr_partitions_get(&f.parts, "orders", 7, 0),
                                  .stream = "orders",
                                  .partition = 7,
                                  .offset = 88123,
                                  .timestamp_ms = 1700000000123,
                                  .key = {key_bytes, sizeof key_bytes},
                                  .value = {value_bytes, sizeof value_bytes}};
}

MR_TEARDOWN
{
    mr_arena_release(&f.arena);
    mr_partitions_release(&f.parts);
}

static int make(const char *table)
{
    return mr_letter_make(&f.letter, &f.arena, &f.source, &f.record, table, &f.why);
}

/* contract.md section 0, POISON */
MR_TEST("a letter carries the record's place, time and raw bytes, and the reason")
{
    f.headers = "[{\"k\":\"h\",\"v\":null}]";
    mr_err_set(&f.why, MR_AVRO_TRAILING, "1 byte");
    mr_err_at(&f.why, "orders", 7, 88123);
    MR_CHECK_OK(make("public.orders"));
    MR_CHECK_STR(f.letter.stream, "orders");
    MR_CHECK_INT(f.letter.partition, 7);
    MR_CHECK_INT(f.letter.offset, 88123);
    MR_CHECK_INT(f.letter.timestamp_ms, 1700000000123);
    MR_CHECK_U64(f.letter.key.len, sizeof key_bytes);
    MR_CHECK_MEM(f.letter.key.data, key_bytes, sizeof key_bytes);
    MR_CHECK_U64(f.letter.value.len, sizeof value_bytes);
    MR_CHECK_MEM(f.letter.value.data, value_bytes, sizeof value_bytes);
    MR_CHECK_STR(f.letter.headers_json, "[{\"k\":\"h\",\"v\":null}]");
    MR_CHECK_STR(f.letter.code, "avro.trailing");
    MR_CHECK_STR(f.letter.sqlstate, "");
    MR_CHECK_STR(f.letter.target_table, "public.orders");
    MR_CHECK(strstr(f.letter.detail, "1 byte") != NULL);
    MR_CHECK(strstr(f.letter.detail, "offset 88123") != NULL);
    MR_CHECK(strstr(f.letter.detail, mr_code_remedy(MR_AVRO_TRAILING)) != NULL);
}

MR_TEST("a null stays a null, and an empty value stays empty")
{
    f.record.key = (struct mr_slice){NULL, 0};
    f.record.value = (struct mr_slice){value_bytes, 0};
    mr_err_set(&f.why, MR_FRAMING_EMPTY, "%s", "");
    MR_CHECK_OK(make(""));
    MR_CHECK(f.letter.key.data == NULL);
    MR_CHECK(f.letter.value.data != NULL);
    MR_CHECK_U64(f.letter.value.len, 0);
    MR_CHECK_STR(f.letter.target_table, "");
}

/* contract.md section 8: db.<SQLSTATE> */
MR_TEST("a record that the server refused is filed under its SQLSTATE")
{
    mr_err_set_db(&f.why, MR_CLASS_POISON, "23514", "violates check constraint");
    MR_CHECK_OK(make("t"));
    MR_CHECK_STR(f.letter.code, "db.23514");
    MR_CHECK_STR(f.letter.sqlstate, "23514");
}

/* the error and the target belong to others and change; a letter waits for its flush */
MR_TEST("a letter's texts are its own until the batch is over")
{
    char table[] = "t";

    mr_err_set(&f.why, MR_AVRO_TRAILING, "first");
    MR_CHECK_OK(make(table));
    mr_err_set_db(&f.why, MR_CLASS_POISON, "22003", "second");
    table[0] = 'x';
    MR_CHECK_STR(f.letter.code, "avro.trailing");
    MR_CHECK_STR(f.letter.sqlstate, "");
    MR_CHECK_STR(f.letter.target_table, "t");
    MR_CHECK(strstr(f.letter.detail, "first") != NULL);
}

MR_TEST("headers that could not be written leave an empty list, never no list")
{
    f.headers = "[{\"k\":";
    f.headers_fail = true;
    mr_err_set(&f.why, MR_AVRO_TRAILING, "x");
    MR_CHECK_OK(make("t"));
    MR_CHECK_STR(f.letter.headers_json, "[]");
}

/* Takes all but `left` bytes of an arena of one chunk. */
static void arena_leave(size_t left)
{
    size_t n_bytes = 0;

    mr_arena_reset(&f.arena);
    while (mr_arena_copy(&f.arena, "x", 1) != NULL)
        n_bytes++;
    mr_arena_reset(&f.arena);
    for (; n_bytes > left; n_bytes--)
        MR_CHECK(mr_arena_copy(&f.arena, "x", 1) != NULL);
}

MR_TEST("without room in the arena a letter is refused as full, wherever the room ends")
{
    f.headers = "[{\"k\": \"longer than all the texts behind it, so that they would fit\"}]";
    mr_err_set(&f.why, MR_AVRO_TRAILING, "x");
    MR_CHECK_OK(make("table"));
    size_t needed = f.arena.used_bytes;
    mr_arena_release(&f.arena);
    mr_arena_init(&f.arena, 4096, 4096);
    for (size_t left = 0; left < needed; left++) {
        arena_leave(left);
        MR_CHECK_INT(make("table"), -MR_FULL);
    }
    arena_leave(needed);
    MR_CHECK_OK(make("table"));
    MR_CHECK_STR(f.letter.target_table, "table");
}

/* the table's columns take UTF-8 only; texts are cut at a character's border */
MR_TEST("the longest names and detail still make a text in UTF-8, with the code in front")
{
    char name[400] = "";
    char detail[800] = "";

    for (size_t i = 0; i < 199; i++)
        memcpy(name + 2 * i, "\xc3\xa9", 3);
    for (size_t i = 0; i < 266; i++)
        memcpy(detail + 3 * i, "\xe2\x82\xac", 4);
    mr_err_set_db(&f.why, MR_CLASS_POISON, "22001", "%s", detail);
    mr_err_at(&f.why, name, 2147483647, INT64_MAX);
    mr_err_in(&f.why, name, name);
    MR_CHECK_OK(make(name));
    MR_CHECK(mr_utf8_valid((const uint8_t *)f.letter.detail, strlen(f.letter.detail)));
    MR_CHECK(strncmp(f.letter.detail, "db.22001", 8) == 0);
    MR_CHECK(strstr(f.letter.detail, "9223372036854775807") != NULL);
}
