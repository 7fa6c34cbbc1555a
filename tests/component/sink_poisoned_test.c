/* What the control tables keep for records that come after a dead letter (design.md section 6). */
#include <stdio.h>
#include <string.h>

#include "tests/support/mr_test.h"
#include "tests/support/sink_cases.h"

static char seen[512];

MR_SETUP
{
    mr_case_start();
}

MR_TEARDOWN
{
    mr_case_stop();
}

static const char *code = "avro.trailing";

static void letter_put(const char *stream, int64_t offset, struct mr_slice key)
{
    const struct mr_letter letter = {.stream = stream,
                                     .offset = offset,
                                     .key = key,
                                     .headers_json = "[]",
                                     .timestamp_ms = -1,
                                     .code = code,
                                     .sqlstate = "",
                                     .detail = "",
                                     .target_table = "t"};
    MR_CHECK_OK(mr_case.f.ops->put_letters(mr_case.f.session, &letter, 1, &mr_case.f.err));
}

static void begin(void)
{
    MR_CHECK_OK(mr_case.f.ops->begin(mr_case.f.session, NULL, 0, NULL, 0, &mr_case.f.err));
}

static void take(void *arg, const struct mr_poison *poison)
{
    size_t len = strlen(seen);

    (void)arg;
    MR_CHECK(poison->age_ms >= 0 && poison->age_ms < 60000);
    (void)snprintf(seen + len, sizeof seen - len, "%s %d %lld %lld %zu\n", poison->stream,
                   (int)poison->partition, (long long)poison->offset,
                   (long long)poison->overtaken_by, poison->key.len);
}

static const char *poisons(void)
{
    const struct mr_poison_taker taker = {take, NULL};

    seen[0] = '\0';
    MR_CHECK_OK(mr_case.f.ops->poisons_read(mr_case.f.sink, &taker, &mr_case.f.err));
    return seen;
}

MR_CONFORM(read, "letters with a key are read by their offsets, those without one are not")
{
    static const uint8_t bytes[] = {0x00, 0xff, '\'', '\\', 0x80};
    static uint8_t big[MR_POISONED_KEY_BYTES + 1];

    begin();
    letter_put("b", 9, (struct mr_slice){bytes, sizeof bytes});
    letter_put("a", 8, (struct mr_slice){bytes, 1});
    letter_put("a", 7, (struct mr_slice){NULL, 0});
    letter_put("a", 6, (struct mr_slice){big, sizeof big});
    letter_put("a", 3, (struct mr_slice){big, sizeof big - 1});
    code = "unavailable.orphan"; /* says nothing of a row */
    letter_put("a", 4, (struct mr_slice){bytes, 1});
    code = "avro.trailing";
    mr_case_commit();
    MR_CHECK_STR(poisons(), "a 0 3 -1 1024\na 0 8 -1 1\nb 0 9 -1 5\n");
}

MR_CONFORM(overtaken, "the letters of a key up to a record are overtaken by it, others are not")
{
    const struct mr_slice k = {(const uint8_t *)"k\0", 2};
    const struct mr_slice l = {(const uint8_t *)"l", 1};
    const struct mr_overtaken one = {.stream = "a", .from = 2, .to = 5, .by = 7, .key = k};

    begin();
    letter_put("a", 1, k);
    letter_put("a", 2, k);
    letter_put("a", 3, l);
    letter_put("a", 5, k);
    letter_put("b", 5, k);
    MR_CHECK_OK(mr_case.f.ops->overtaken_put(mr_case.f.session, &one, 1, &mr_case.f.err));
    mr_case_commit();
    MR_CHECK_STR(poisons(), "a 0 1 -1 2\na 0 2 7 2\na 0 3 -1 1\na 0 5 7 2\nb 0 5 -1 2\n");
}

MR_CONFORM(replayed, "a letter that was replayed is met no more")
{
    char sql[256];

    begin();
    letter_put("a", 1, (struct mr_slice){(const uint8_t *)"k", 1});
    letter_put("a", 2, (struct mr_slice){(const uint8_t *)"k", 1});
    mr_case_commit();
    (void)snprintf(sql, sizeof sql, "UPDATE %s SET state = 'replayed' WHERE \"offset\" = 1",
                   mr_sink_fixture_control(&mr_case.f, "dead_letters"));
    (void)mr_sink_fixture_query(&mr_case.f, sql);
    MR_CHECK_STR(poisons(), "a 0 2 -1 1\n");
}
