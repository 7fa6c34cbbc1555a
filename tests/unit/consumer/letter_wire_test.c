/* A letter's form in a topic and back, and what others may write there (design.md section 6,
 * decision 030). */
#include "consumer/letter_wire.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/mr_test.h"

static struct mr_arena arena;
static struct mr_err err;
static struct mr_wire_letter wire;
static struct mr_kafka_header headers[64];
static struct mr_wire_record record;
static struct mr_kept_letter kept;

static struct mr_letter letter;
static const struct mr_wire_stamp stamp = {.pipeline = "shop", .stage = "TASK_PUT", .attempts = 1};

MR_SETUP
{
    mr_err_clear(&err);
    mr_arena_init(&arena, 0, 1 << 20);
    letter = (struct mr_letter){.stream = "shop.public.a-b",
                                .partition = 3,
                                .offset = 42,
                                .key = {(const uint8_t *)"k\0", 2},
                                .value = mr_slice_str("value"),
                                .headers_json = "[]",
                                .timestamp_ms = 1700000000123,
                                .code = "db.23514",
                                .sqlstate = "23514",
                                .detail = "a check",
                                .target_table = "public.t"};
}

MR_TEARDOWN
{
    mr_arena_release(&arena);
}

/* As the record of the topic that it becomes, behind `n_own` headers that its record brought. */
static void as_record(const struct mr_wire_stamp *with, const struct mr_kafka_header *own,
                      size_t n_own)
{
    mr_letter_wire_make(&wire, &letter, with);
    for (size_t i = 0; i < n_own; i++)
        headers[i] = own[i];
    for (size_t i = 0; i < wire.n_headers; i++)
        headers[n_own + i] = wire.headers[i];
    record = (struct mr_wire_record){.key = mr_slice_str(wire.key),
                                     .value = wire.value,
                                     .timestamp_ms = 1800000000000,
                                     .headers = headers,
                                     .n_headers = n_own + wire.n_headers};
}

static int read_as(const char *pipeline, bool with_bytes)
{
    const struct mr_wire_want want = {.pipeline = pipeline, .with_bytes = with_bytes};

    return mr_letter_wire_read(&want, &record, &arena, &kept, &err);
}

/* design.md section 6 */
MR_TEST("a letter comes back as it was sent, its record's own headers without ours")
{
    const struct mr_kafka_header own[] = {{"trace", {(const uint8_t *)"a", 1}},
                                          {"none", {NULL, 0}},
                                          {"__connect.errors.topic", mr_slice_str("another")},
                                          {"__millrace.key", mr_slice_str("theirs")}};

    as_record(&stamp, own, 4);
    MR_CHECK_INT(read_as("shop", true), MR_WIRE_LETTER);
    MR_CHECK(mr_slice_eq(kept.letter.key, letter.key));
    MR_CHECK(mr_slice_eq(kept.letter.value, letter.value));
    MR_CHECK_STR(kept.letter.headers_json,
                 "[{\"k\":\"trace\",\"v\":\"YQ==\"},{\"k\":\"none\",\"v\":null},"
                 "{\"k\":\"__connect.errors.topic\",\"v\":\"YW5vdGhlcg==\"},"
                 "{\"k\":\"__millrace.key\",\"v\":\"dGhlaXJz\"}]");
    MR_CHECK_STR(kept.letter.stream, "shop.public.a-b");
    MR_CHECK_INT(kept.letter.partition, 3);
    MR_CHECK_INT(kept.letter.offset, 42);
    MR_CHECK_INT(kept.letter.timestamp_ms, 1700000000123);
    MR_CHECK_STR(kept.letter.code, "db.23514");
    MR_CHECK_STR(kept.letter.sqlstate, "23514");
    MR_CHECK_STR(kept.letter.detail, "a check");
    MR_CHECK_STR(kept.letter.target_table, "public.t");
    MR_CHECK_INT(kept.state, MR_LETTER_NEW);
    MR_CHECK_INT(kept.attempts, 1);
    MR_CHECK_INT(kept.created_ms, 1800000000000);
    MR_CHECK_INT(kept.updated_ms, 1800000000000);
    MR_CHECK_INT(read_as("shop", false), MR_WIRE_LETTER);
    MR_CHECK(kept.letter.key.data == NULL && kept.letter.value.data == NULL);
    MR_CHECK_STR(kept.letter.headers_json, "[]");
}

/* P5: a value that is read as none would be replayed as a delete. */
MR_TEST("headers of a record that are called as ours say nothing of its letter")
{
    const struct mr_slice seven = mr_slice_str("7");
    const struct mr_kafka_header own[] = {{"__millrace.null", mr_slice_str("value")},
                                          {"__millrace.timestamp", seven},
                                          {"__millrace.sqlstate", seven},
                                          {"__millrace.table", seven},
                                          {"__millrace.attempts", seven},
                                          {"__millrace.created", seven},
                                          {"__millrace.key", seven},
                                          {"__connect.errors.topic", seven}};

    letter.timestamp_ms = -1;
    letter.sqlstate = "";
    letter.target_table = "";
    as_record(&stamp, own, sizeof own / sizeof *own);
    MR_CHECK_INT(read_as("shop", true), MR_WIRE_LETTER);
    MR_CHECK(kept.letter.value.data != NULL && mr_slice_eq(kept.letter.value, letter.value));
    MR_CHECK(mr_slice_eq(kept.letter.key, letter.key));
    MR_CHECK_INT(kept.letter.timestamp_ms, -1);
    MR_CHECK_STR(kept.letter.sqlstate, "");
    MR_CHECK_STR(kept.letter.target_table, "");
    MR_CHECK_INT(kept.attempts, 1);
    MR_CHECK_INT(kept.created_ms, 1800000000000);
    MR_CHECK(strstr(kept.letter.headers_json, "__millrace.null") != NULL);
    for (size_t i = 0; i < record.n_headers; i++) /* ours are not all there: it is nobody's */
        if (strcmp(headers[i].name, "__connect.errors.topic") == 0)
            headers[i].name = "another";
    MR_CHECK_INT(read_as("shop", true), MR_WIRE_FOREIGN);
}

/* A record without a value closes the letter of its key: a letter is never one. */
MR_TEST("nulls come back as nulls, empty bytes as empty bytes, and no letter has a null value")
{
    letter.key = (struct mr_slice){NULL, 0};
    letter.value = (struct mr_slice){NULL, 0};
    letter.timestamp_ms = -1;
    as_record(&stamp, NULL, 0);
    MR_CHECK(record.value.data != NULL);
    MR_CHECK_INT(read_as("shop", true), MR_WIRE_LETTER);
    MR_CHECK(kept.letter.key.data == NULL && kept.letter.value.data == NULL);
    MR_CHECK_INT(kept.letter.timestamp_ms, -1);
    letter.key = mr_slice_str("");
    letter.value = mr_slice_str("");
    as_record(&stamp, NULL, 0);
    MR_CHECK_INT(read_as("shop", true), MR_WIRE_LETTER);
    MR_CHECK(kept.letter.key.data != NULL && kept.letter.value.data != NULL);
    MR_CHECK_INT(kept.letter.key.len + kept.letter.value.len, 0);
}

MR_TEST("another attempt says which, and keeps the time of the first")
{
    struct mr_wire_stamp second = stamp;

    second.attempts = 2;
    second.created_ms = 1600000000000;
    as_record(&second, NULL, 0);
    MR_CHECK_INT(read_as("shop", false), MR_WIRE_LETTER);
    MR_CHECK_INT(kept.attempts, 2);
    MR_CHECK_INT(kept.created_ms, 1600000000000);
    MR_CHECK_INT(kept.updated_ms, 1800000000000);
}

/* design.md section 6: the same record has the same id; another at its place has another. */
MR_TEST("an id is the record's place with a digest of what it was")
{
    char one[MR_LETTER_ID_BYTES];
    char two[MR_LETTER_ID_BYTES];

    mr_letter_wire_id(&letter, one);
    MR_CHECK(strncmp(one, "shop.public.a-b-3-42-", 21) == 0 && strlen(one) == 29);
    MR_CHECK(mr_letter_wire_is_id(one));
    letter.code = "db.23505";
    mr_letter_wire_id(&letter, two);
    MR_CHECK_STR(one, two);
    for (int i = 0; i < 5; i++) {
        struct mr_letter before = letter;
        letter.timestamp_ms += i == 0;
        letter.key = i == 1 ? mr_slice_str("k") : i == 2 ? (struct mr_slice){NULL, 0} : letter.key;
        letter.value = i == 3 ? mr_slice_str("valuf") : letter.value;
        letter.offset += i == 4;
        mr_letter_wire_id(&letter, two);
        MR_CHECK(strcmp(one, two) != 0);
        letter = before;
    }
}

MR_TEST("what no letter has is no id")
{
    static const char *const wrong[] = {"",
                                        "7",
                                        "a-1-2",
                                        "a-1-2-0123456",
                                        "a-1-2-0123456g",
                                        "-1-2-01234567",
                                        "a--2-01234567",
                                        "a-1--01234567",
                                        "a-x-2-01234567",
                                        "b/a-1-2-01234567",
                                        "a-1-2-012345678",
                                        "1-2-01234567"};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (mr_letter_wire_is_id(wrong[i]))
            MR_FAIL("%s", wrong[i]);
    MR_CHECK(mr_letter_wire_is_id("a-1-2-01234567"));
    MR_CHECK(mr_letter_wire_is_id("-1--1-2-01234567"));
}

MR_TEST("what closes a letter says how and by whom; a bare one discards it")
{
    struct mr_kafka_header end[MR_WIRE_END_HEADERS];

    as_record(&stamp, NULL, 0);
    record.n_headers = mr_letter_wire_end(end, MR_LETTER_REPLAYED, "me@here");
    record.headers = end;
    record.value = (struct mr_slice){NULL, 0};
    MR_CHECK_INT(read_as("shop", true), MR_WIRE_END);
    MR_CHECK_INT(kept.state, MR_LETTER_REPLAYED);
    MR_CHECK_STR(kept.changed_by, "me@here");
    MR_CHECK_INT(kept.updated_ms, 1800000000000);
    record.n_headers = 0;
    MR_CHECK_INT(read_as("shop", true), MR_WIRE_END);
    MR_CHECK_INT(kept.state, MR_LETTER_DISCARDED);
    MR_CHECK_STR(kept.changed_by, "");
}

MR_TEST("records of another pipeline, of others, and of a wrong place are no letters")
{
    as_record(&stamp, NULL, 0);
    MR_CHECK_INT(read_as("sho", true), MR_WIRE_FOREIGN);
    MR_CHECK_INT(read_as("shop2", true), MR_WIRE_FOREIGN);
    headers[1].value = mr_slice_str("4"); /* the partition is not the key's */
    MR_CHECK_INT(read_as("shop", true), MR_WIRE_FOREIGN);
    headers[1].value = mr_slice_str("-3");
    MR_CHECK_INT(read_as("shop", true), MR_WIRE_FOREIGN);
    record.n_headers = 0;
    MR_CHECK_INT(read_as("shop", true), MR_WIRE_FOREIGN);
    as_record(&stamp, NULL, 0);
    record.key.len--;
    MR_CHECK_INT(read_as("shop", true), MR_WIRE_FOREIGN);
    record.key = (struct mr_slice){NULL, 0};
    MR_CHECK_INT(read_as("shop", true), MR_WIRE_FOREIGN);
    record.key = (struct mr_slice){(const uint8_t *)"shop/a\0-1-2-01234567", 20};
    MR_CHECK_INT(read_as("shop", true), MR_WIRE_FOREIGN);
}

MR_TEST("memory that is out is told")
{
    struct mr_arena none;

    mr_arena_init(&none, 64, 64);
    as_record(&stamp, NULL, 0);
    const struct mr_wire_want want = {.pipeline = "shop", .with_bytes = true};
    MR_CHECK_INT(mr_letter_wire_read(&want, &record, &none, &kept, &err), -MR_NO_MEMORY);
    mr_arena_release(&none);
}
