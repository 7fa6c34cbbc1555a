/* The Avro form of a dead letter, decoded by avro-c. */
#include "consumer/letter_avro.h"

#include <stdio.h>
#include <string.h>

#include "schemas/avro_lib.h"
#include "schemas/json.h"
#include "tests/support/mr_test.h"

static struct mr_buf datum;
static struct mr_buf json;
static struct mr_letter_decoder decoded;

MR_SETUP
{
    memset(&decoded, 0, sizeof decoded);
}

MR_TEARDOWN
{
    mr_buf_release(&datum);
    mr_buf_release(&json);
    mr_buf_release(&decoded.value.json);
}

static struct mr_json *read_back(const struct mr_replay_record *record,
                                 const struct mr_letter_decoder *with)
{
    static const struct mr_json_limits limits = {1 << 20, 32, 1000};
    struct mr_json *root = NULL;
    struct mr_err err = MR_ERR_INIT;

    mr_letter_avro_datum(&datum, record, with);
    MR_CHECK_OK(mr_avro_lib_decode_json(mr_letter_avro_schema,
                                        (struct mr_slice){datum.data, datum.len}, &json, &err));
    MR_CHECK_OK(mr_json_parse(mr_buf_cstr(&json), json.len, &limits, &root, &err));
    return root;
}

MR_TEST("every field of a letter comes back by the schema, and nothing is left over")
{
    static const struct mr_letter_header headers[] = {{"h", {(const uint8_t *)"\x00\xff", 2}},
                                                      {"n", {NULL, 0}}};
    struct mr_replay_record record = {.kept = {.id = "17",
                                               .letter = {.stream = "s.public.t",
                                                          .partition = 3,
                                                          .offset = 1099511627776,
                                                          .value = {(const uint8_t *)"{}", 2},
                                                          .timestamp_ms = 1700000000123,
                                                          .code = "db.23514",
                                                          .sqlstate = "23514",
                                                          .detail = "no \xff",
                                                          .target_table = "public.t"},
                                               .attempts = 2,
                                               .state = MR_LETTER_REPLAYED,
                                               .created_ms = 1700000000124,
                                               .updated_ms = 1700000000125,
                                               .changed_by = "me"},
                                      .headers = {headers, 2}};

    decoded.key.null = true;
    decoded.value.read = true;
    decoded.value.schema_id = 7;
    snprintf(decoded.value.schema, sizeof decoded.value.schema, "s.Value");
    mr_buf_str(&decoded.value.json, "{\"a\": 1}");
    struct mr_json *root = read_back(&record, &decoded);
    MR_CHECK_STR(mr_json_text(mr_json_find(root, "id")), "17");
    MR_CHECK_STR(mr_json_text(mr_json_find(root, "state")), "replayed");
    MR_CHECK_INT(mr_json_integer(mr_json_find(root, "offset")), 1099511627776);
    MR_CHECK_INT(mr_json_integer(mr_json_find(mr_json_find(root, "record_timestamp"), "long")),
                 1700000000123);
    MR_CHECK_STR(mr_json_text(mr_json_find(root, "detail")), "no \xef\xbf\xbd");
    MR_CHECK_INT(mr_json_integer(mr_json_find(root, "attempts")), 2);
    MR_CHECK_STR(mr_json_text(mr_json_find(root, "changed_by")), "me");
    MR_CHECK(mr_json_is(mr_json_find(root, "key"), MR_JSON_NULL));
    MR_CHECK(*mr_json_text(mr_json_find(root, "remedy")) != '\0');
    const struct mr_json *side = mr_json_find(mr_json_find(root, "value"), "Side");
    MR_CHECK_STR(mr_json_text(mr_json_find(side, "bytes")), "{}");
    MR_CHECK_INT(mr_json_integer(mr_json_find(mr_json_find(side, "schema_id"), "long")), 7);
    MR_CHECK_STR(mr_json_text(mr_json_find(mr_json_find(side, "schema"), "string")), "s.Value");
    MR_CHECK_STR(mr_json_text(mr_json_find(mr_json_find(side, "decoded"), "string")), "{\"a\": 1}");
    MR_CHECK(mr_json_is(mr_json_find(side, "error"), MR_JSON_NULL));
    MR_CHECK_U64(mr_json_size(mr_json_find(root, "headers")), 2);
    mr_json_free(root);
}

MR_TEST("a letter of nothing but its place is one, too")
{
    struct mr_replay_record record = {.kept = {.id = "1",
                                               .letter = {.stream = "t",
                                                          .timestamp_ms = -1,
                                                          .code = "",
                                                          .sqlstate = "",
                                                          .detail = "",
                                                          .target_table = ""},
                                               .changed_by = ""}};

    decoded.key.null = decoded.value.null = true;
    struct mr_json *root = read_back(&record, &decoded);
    MR_CHECK(mr_json_is(mr_json_find(root, "record_timestamp"), MR_JSON_NULL));
    MR_CHECK_U64(mr_json_size(mr_json_find(root, "headers")), 0);
    mr_json_free(root);
}

MR_TEST("bytes that could not be read have the reason; without a decoder they are bytes alone")
{
    struct mr_replay_record record = {.kept = {.id = "1",
                                               .letter = {.stream = "t",
                                                          .value = {(const uint8_t *)"", 0},
                                                          .timestamp_ms = -1,
                                                          .code = "",
                                                          .sqlstate = "",
                                                          .detail = "",
                                                          .target_table = ""},
                                               .changed_by = ""}};

    decoded.key.null = true;
    decoded.value.schema_id = -1;
    (void)mr_err_set(&decoded.value.why, MR_AVRO_TRAILING, "2 octets");
    struct mr_json *root = read_back(&record, &decoded);
    const struct mr_json *side = mr_json_find(mr_json_find(root, "value"), "Side");
    MR_CHECK_STR(mr_json_text(mr_json_find(side, "bytes")), "");
    MR_CHECK(mr_json_is(mr_json_find(side, "decoded"), MR_JSON_NULL));
    MR_CHECK_STR(mr_json_text(mr_json_find(mr_json_find(side, "error"), "string")),
                 "avro.trailing");
    MR_CHECK_STR(mr_json_text(mr_json_find(mr_json_find(side, "error_detail"), "string")),
                 "2 octets");
    mr_json_free(root);
    mr_buf_reset(&datum);
    mr_buf_reset(&json);
    root = read_back(&record, NULL);
    side = mr_json_find(mr_json_find(root, "value"), "Side");
    MR_CHECK(mr_json_is(mr_json_find(side, "error"), MR_JSON_NULL));
    mr_json_free(root);
}
