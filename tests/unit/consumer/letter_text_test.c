/* How dead letters are shown: nothing in them moves a terminal or breaks JSON (P7). */
#include "consumer/letter_text.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/json.h"
#include "tests/support/mr_test.h"

static struct mr_buf out;
static struct mr_replay_record record;
static struct mr_letter_header header;
static struct mr_letter_decoder decoded;

MR_SETUP
{
    record = (struct mr_replay_record){.kept = {.id = "17",
                                                .letter = {.stream = "s.public.t",
                                                           .partition = 3,
                                                           .offset = 42,
                                                           .headers_json = "[]",
                                                           .timestamp_ms = -1,
                                                           .code = "db.23514",
                                                           .sqlstate = "23514",
                                                           .detail = "db.23514: no",
                                                           .target_table = "public.t"},
                                                .attempts = 1,
                                                .created_ms = 1700000000123,
                                                .updated_ms = 1700000000123,
                                                .changed_by = ""}};
    memset(&decoded, 0, sizeof decoded);
    decoded.key.null = true;
    decoded.key.schema_id = decoded.value.schema_id = -1;
    header = (struct mr_letter_header){.name = "h"};
}

MR_TEARDOWN
{
    mr_buf_release(&out);
    mr_buf_release(&decoded.value.json);
}

static const char *safe(const char *text, size_t len)
{
    mr_buf_reset(&out);
    mr_letter_text_safe(&out, (struct mr_slice){(const uint8_t *)text, len});
    return mr_buf_cstr(&out);
}

MR_TEST("control characters, marks of direction and broken UTF-8 are written, not sent")
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"plain \xc3\xa9 \xe2\x82\xac", "plain \xc3\xa9 \xe2\x82\xac"},
        {"\x1b[2J\x07", "\\x1b[2J\\x07"},
        {"a\nb\r\t", "a\\x0ab\\x0d\\x09"},
        {"\x7f", "\\x7f"},
        {"\xc2\x9b"
         "31m",
         "\\u{9b}31m"}, /* a terminal's CSI in one character */
        {"\xe2\x80\xae"
         "cba",
         "\\u{202e}cba"}, /* shown in another order than it has */
        {"\xe2\x81\xa6", "\\u{2066}"},
        {"\xef\xbb\xbf", "\\u{feff}"},
        {"\xff\xc3", "\\xff\\xc3"},
        {"\xc0\x80", "\\xc0\\x80"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* half a pair */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        MR_CHECK_STR(safe(rows[i].text, strlen(rows[i].text)), rows[i].shown);
    MR_CHECK_STR(safe("a\0b", 3), "a\\x00b");
}

MR_TEST("octets that are no UTF-8 are replaced in JSON")
{
    mr_letter_text_json(&out, mr_slice_str("a\xff\"\x01"));
    MR_CHECK_STR(mr_buf_cstr(&out), "\"a\xef\xbf\xbd\\\"\\u0001\"");
}

/* No octet below a blank but the line's end, whatever a letter holds. */
static void check_harmless(void)
{
    const char *text = mr_buf_cstr(&out);

    for (size_t i = 0; i < out.len; i++)
        if ((uint8_t)text[i] < 0x20 && text[i] != '\n')
            MR_FAIL("octet %02x at %zu of %s", (unsigned)(uint8_t)text[i], i, text);
    MR_CHECK(mr_utf8_valid(out.data, out.len));
}

static struct mr_json *object_parse(bool with)
{
    static const struct mr_json_limits limits = {1 << 20, 32, 1000};
    struct mr_json *root = NULL;
    struct mr_err err = MR_ERR_INIT;

    mr_buf_reset(&out);
    mr_letter_text_object(&out, &record, with ? &decoded : NULL);
    MR_CHECK_OK(mr_json_parse(mr_buf_cstr(&out), out.len, &limits, &root, &err));
    return root;
}

MR_TEST("hostile text in every place of a letter stays text in the table, the page and the JSON")
{
    static const char evil[] = "\x1b]0;x\x07\r\n\xff\xe2\x80\xae\"}{";
    struct mr_letter *letter = &record.kept.letter;

    record.kept.id = record.kept.changed_by = evil;
    letter->stream = letter->code = letter->sqlstate = letter->detail = evil;
    letter->target_table = evil;
    letter->key = letter->value = mr_slice_str(evil);
    header = (struct mr_letter_header){.name = evil, .value = mr_slice_str(evil)};
    record.headers = (struct mr_letter_headers){&header, 1};
    decoded.key.null = false;
    (void)mr_err_set(&decoded.key.why, MR_FRAMING_UNKNOWN_MAGIC, "%s", evil);
    decoded.value.read = true;
    mr_buf_str(&decoded.value.json, "{\"a\": \"\xe2\x80\xae\"}");
    strcpy(decoded.value.schema, evil);
    mr_letter_text_line(&out, &record.kept);
    check_harmless();
    MR_CHECK(strchr(mr_buf_cstr(&out), '\n') == mr_buf_cstr(&out) + out.len - 1);
    mr_buf_reset(&out);
    mr_letter_text_page(&out, &record, &decoded);
    check_harmless();
    struct mr_json *root = object_parse(true);
    check_harmless();
    MR_CHECK(mr_json_find(root, "key") != NULL);
    mr_json_free(root);
}

MR_TEST("a letter's JSON has what the table has, and times as texts")
{
    struct mr_json *root = object_parse(false);

    MR_CHECK_STR(mr_json_text(mr_json_find(root, "id")), "17");
    MR_CHECK_STR(mr_json_text(mr_json_find(root, "state")), "new");
    MR_CHECK_INT(mr_json_integer(mr_json_find(root, "partition")), 3);
    MR_CHECK_INT(mr_json_integer(mr_json_find(root, "offset")), 42);
    MR_CHECK(mr_json_is(mr_json_find(root, "record_timestamp"), MR_JSON_NULL));
    MR_CHECK_STR(mr_json_text(mr_json_find(root, "created_at")), "2023-11-14T22:13:20.123Z");
    MR_CHECK(mr_json_find(root, "value") == NULL);
    mr_json_free(root);
}

MR_TEST("bytes that cannot be read are shown as they are, with what is wrong")
{
    record.kept.letter.value = mr_slice_str("\x01\xfe");
    decoded.value.schema_id = 7;
    (void)mr_err_set(&decoded.value.why, MR_AVRO_TRAILING, "3 bytes");
    mr_letter_text_page(&out, &record, &decoded);
    MR_CHECK(strstr(mr_buf_cstr(&out), "value    schema 7 : cannot be read: avro.trailing: 3 bytes"
                                       "\n         0x01fe\n") != NULL);
    MR_CHECK(strstr(mr_buf_cstr(&out), "key      null\n") != NULL);
    struct mr_json *root = object_parse(true);
    const struct mr_json *value = mr_json_find(root, "value");
    MR_CHECK_STR(mr_json_text(mr_json_find(value, "base64")), "Af4=");
    MR_CHECK_STR(mr_json_text(mr_json_find(value, "error")), "avro.trailing");
    MR_CHECK_INT(mr_json_integer(mr_json_find(value, "schema_id")), 7);
    mr_json_free(root);
}

MR_TEST("each code has its remedy, and a word that is no code has none")
{
    MR_CHECK_STR(mr_letter_text_remedy("avro.trailing"), mr_code_remedy(MR_AVRO_TRAILING));
    MR_CHECK_STR(mr_letter_text_remedy("db.23514"), mr_code_remedy(MR_DB));
    MR_CHECK_STR(mr_letter_text_remedy("nothing"), "");
}
