/* Payload forms of contract.md section 1.1, by bytes. */
#include "schemas/framing.h"

#include <string.h>

#include "tests/support/mr_test.h"

enum { MAX_HEADERS = 4 };

static struct fixture {
    struct mr_frame frame;
    struct mr_err err;
    struct header {
        const char *name;
        struct mr_slice value;
    } headers[MAX_HEADERS];
    size_t n_headers;
} f;

MR_SETUP
{
    memset(&f, 0, sizeof f);
    memset(&f.frame, 0xa5, sizeof f.frame); /* so that a field left unset is seen */
    mr_err_clear(&f.err);
}

static bool header_last(const void *owner, const char *name, struct mr_slice *value)
{
    const struct fixture *of = owner;
    for (size_t i = of->n_headers; i > 0; i--) {
        if (strcmp(of->headers[i - 1].name, name) == 0) {
            *value = of->headers[i - 1].value;
            return true;
        }
    }
    return false;
}

#define BYTES(text) ((struct mr_slice){(const uint8_t *)(text), sizeof(text) - 1})
#define GUID "\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10"

static void add_header(const char *name, struct mr_slice value)
{
    f.headers[f.n_headers++] = (struct header){name, value};
}

static int open_as(struct mr_slice payload, bool is_key, enum mr_format format)
{
    struct mr_headers headers = {.owner = &f, .last = header_last};
    return mr_framing_open(payload, is_key, format, &headers, &f.frame, &f.err);
}

static int open_value(struct mr_slice payload)
{
    return open_as(payload, false, MR_FORMAT_AUTO);
}

static void check_body(const char *text)
{
    MR_CHECK_U64(f.frame.body.len, strlen(text));
    MR_CHECK_MEM(f.frame.body.data, text, strlen(text));
}

static void check_hint(const char *hint)
{
    if (strstr(f.err.detail, hint) == NULL)
        MR_FAIL("'%s' does not name %s", f.err.detail, hint);
}

/* F-03; case 1 */
MR_TEST("a zero byte and four bytes name a schema id, big-endian")
{
    MR_CHECK_OK(open_value(BYTES("\x00\x00\x01\x02\x03"
                                 "datum")));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_ID);
    MR_CHECK_INT(f.frame.ref.id, 0x010203);
    check_body("datum");
}

/* F-03 */
MR_TEST("a frame may have an empty body")
{
    MR_CHECK_OK(open_value(BYTES("\x00\x00\x00\x00\x07")));
    MR_CHECK_INT(f.frame.ref.id, 7);
    MR_CHECK_U64(f.frame.body.len, 0);
    MR_CHECK(f.frame.body.data != NULL);
}

/* F-03; case 2 */
MR_TEST("a frame that ends inside its id is truncated")
{
    MR_CHECK_INT(open_value(BYTES("\x00\x00")), -MR_FRAMING_TRUNCATED);
    MR_CHECK_INT(open_value(BYTES("\x00\x00\x00\x00")), -MR_FRAMING_TRUNCATED);
    MR_CHECK_INT(open_value(BYTES("\x00")), -MR_FRAMING_TRUNCATED);
    MR_CHECK_INT(f.err.class, MR_CLASS_POISON);
}

/* F-02; case 3 */
MR_TEST("an empty payload is poison and never a tombstone")
{
    static const uint8_t nothing = 0;
    struct mr_slice empty = {&nothing, 0};
    MR_CHECK_INT(open_value(empty), -MR_FRAMING_EMPTY);
    MR_CHECK_INT(open_as(empty, false, MR_FORMAT_JSON), -MR_FRAMING_EMPTY);
    MR_CHECK_INT(open_as(empty, true, MR_FORMAT_INT32), -MR_FRAMING_EMPTY);
    MR_CHECK_INT(open_as(empty, false, MR_FORMAT_RAW_AVRO), -MR_FRAMING_EMPTY);
}

/* F-02 */
MR_TEST("an empty payload is an empty string or empty bytes in those formats")
{
    static const uint8_t nothing = 0;
    struct mr_slice empty = {&nothing, 0};
    MR_CHECK_OK(open_as(empty, true, MR_FORMAT_STRING));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_RAW);
    MR_CHECK_U64(f.frame.body.len, 0);
    MR_CHECK_OK(open_as(empty, false, MR_FORMAT_BYTES));
    MR_CHECK_INT(f.frame.ref.format, MR_FORMAT_BYTES);
}

/* F-01; cases 4, 5 */
MR_TEST("a null payload carries no schema and no body, whatever the format")
{
    static const enum mr_format formats[] = {MR_FORMAT_AUTO, MR_FORMAT_CONFLUENT,
                                             MR_FORMAT_RAW_AVRO, MR_FORMAT_INT64, MR_FORMAT_JSON};
    struct mr_slice null = {NULL, 0};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        MR_CHECK_OK(open_as(null, i % 2, formats[i]));
        MR_CHECK_INT(f.frame.ref.kind, MR_REF_NONE);
        MR_CHECK(f.frame.body.data == NULL);
    }
}

/* F-07 */
MR_TEST("a schema header does not make a tombstone a value")
{
    add_header("__value_schema_id", BYTES("\x00\x00\x00\x00\x01"));
    MR_CHECK_OK(open_value((struct mr_slice){NULL, 0}));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_NONE);
}

/* F-10; case 6 */
MR_TEST("JSON text is an unknown magic with a hint")
{
    MR_CHECK_INT(open_value(BYTES("{\"id\":1}")), -MR_FRAMING_UNKNOWN_MAGIC);
    check_hint("JSON");
    MR_CHECK_INT(open_value(BYTES("[1]")), -MR_FRAMING_UNKNOWN_MAGIC);
    check_hint("JSON");
    MR_CHECK_INT(open_value(BYTES("\x02xyz")), -MR_FRAMING_UNKNOWN_MAGIC);
    check_hint("0x02");
}

/* F-13; case 23 */
MR_TEST("Avro's file and single-object forms are an unknown magic with a hint")
{
    MR_CHECK_INT(open_value(BYTES("Obj\x01more")), -MR_FRAMING_UNKNOWN_MAGIC);
    check_hint("OCF");
    MR_CHECK_INT(open_value(BYTES("\xc3\x01"
                                  "12345678x")),
                 -MR_FRAMING_UNKNOWN_MAGIC);
    check_hint("single-object");
}

/* F-03; cases 7, 8 */
MR_TEST("an id of zero or less is bad")
{
    MR_CHECK_INT(open_value(BYTES("\x00\x00\x00\x00\x00x")), -MR_FRAMING_BAD_ID);
    MR_CHECK_INT(open_value(BYTES("\x00\xff\xff\xff\xffx")), -MR_FRAMING_BAD_ID);
    MR_CHECK_INT(open_value(BYTES("\x00\x80\x00\x00\x00x")), -MR_FRAMING_BAD_ID);
}

/* F-09 */
MR_TEST("an eight-byte id read as a four-byte one is bad, with a hint")
{
    MR_CHECK_INT(open_value(BYTES("\x00\x00\x00\x00\x00\x00\x00\x00\x05x")), -MR_FRAMING_BAD_ID);
    check_hint("apicurio8");
}

/* F-04; case 9 */
MR_TEST("a one byte and sixteen bytes name a schema GUID")
{
    MR_CHECK_OK(open_value(BYTES("\x01" GUID "datum")));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_GUID);
    MR_CHECK_INT(f.frame.ref.id, 0);
    MR_CHECK_MEM(f.frame.ref.guid, GUID, 16);
    check_body("datum");
    MR_CHECK_INT(open_value(BYTES("\x01"
                                  "0123456789abcde")),
                 -MR_FRAMING_TRUNCATED);
}

/* F-05; case 10 */
MR_TEST("with a GUID header the whole payload is the body, also if it begins with zero")
{
    add_header("__value_schema_id", BYTES("\x01" GUID));
    MR_CHECK_OK(open_value(BYTES("\x00\x00\x00\x00\x09rest")));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_GUID);
    MR_CHECK_MEM(f.frame.ref.guid, GUID, 16);
    MR_CHECK_U64(f.frame.body.len, 9);
}

/* F-05; cases 11, 14 */
MR_TEST("an id header of the value does not concern the key")
{
    add_header("__value_schema_id", BYTES("\x00\x00\x00\x00\x01"));
    MR_CHECK_OK(open_value(BYTES("datum")));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_ID);
    MR_CHECK_INT(f.frame.ref.id, 1);
    check_body("datum");
    MR_CHECK_OK(open_as(BYTES("\x00\x00\x00\x00\x05key"), true, MR_FORMAT_AUTO));
    MR_CHECK_INT(f.frame.ref.id, 5);
    check_body("key");
    add_header("__key_schema_id", BYTES("\x00\x00\x00\x00\x06"));
    MR_CHECK_OK(open_as(BYTES("k"), true, MR_FORMAT_AUTO));
    MR_CHECK_INT(f.frame.ref.id, 6);
}

/* F-06; case 12 */
MR_TEST("the last of several schema headers decides")
{
    add_header("__value_schema_id", BYTES("bad"));
    add_header("__value_schema_id", BYTES("\x00\x00\x00\x00\x02"));
    MR_CHECK_OK(open_value(BYTES("datum")));
    MR_CHECK_INT(f.frame.ref.id, 2);
}

/* F-06 */
MR_TEST("a null schema header counts as none")
{
    add_header("__value_schema_id", BYTES("\x00\x00\x00\x00\x02"));
    add_header("__value_schema_id", (struct mr_slice){NULL, 0});
    MR_CHECK_OK(open_value(BYTES("\x00\x00\x00\x00\x03x")));
    MR_CHECK_INT(f.frame.ref.id, 3);
    check_body("x");
}

/* F-05; case 13 */
MR_TEST("an empty, short, long or unknown schema header is bad")
{
    const struct mr_slice values[] = {
        {(const uint8_t *)"", 0},          BYTES("\x00\x00\x00\x01"),
        BYTES("\x00\x00\x00\x00\x01\x00"), BYTES("\x01\x00\x00\x00\x01"),
        BYTES("\x02\x00\x00\x00\x01"),
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        f.n_headers = 0;
        add_header("__value_schema_id", values[i]);
        MR_CHECK_INT(open_value(BYTES("\x00\x00\x00\x00\x01x")), -MR_FRAMING_BAD_HEADER);
    }
}

/* F-05 */
MR_TEST("an id of zero or less in a header is bad")
{
    add_header("__value_schema_id", BYTES("\x00\x00\x00\x00\x00"));
    MR_CHECK_INT(open_value(BYTES("x")), -MR_FRAMING_BAD_ID);
    add_header("__value_schema_id", BYTES("\x00\xff\xff\xff\xff"));
    MR_CHECK_INT(open_value(BYTES("x")), -MR_FRAMING_BAD_ID);
}

/* F-08 */
MR_TEST("Apicurio's headers name a global or a content id of eight bytes")
{
    add_header("apicurio.value.contentId", BYTES("\x00\x00\x00\x00\x00\x00\x00\x0a"));
    MR_CHECK_OK(open_value(BYTES("\x00xyz")));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_CONTENT_ID);
    MR_CHECK_INT(f.frame.ref.id, 10);
    MR_CHECK_U64(f.frame.body.len, 4);
    add_header("apicurio.key.globalId", BYTES("\x00\x00\x00\x01\x00\x00\x00\x00"));
    MR_CHECK_OK(open_as(BYTES("k"), true, MR_FORMAT_APICURIO_HEADER));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_GLOBAL_ID);
    MR_CHECK_INT(f.frame.ref.id, 0x100000000);
}

/* F-06, F-08 */
MR_TEST("Confluent's header comes before Apicurio's")
{
    add_header("apicurio.value.globalId", BYTES("\x00\x00\x00\x00\x00\x00\x00\x0a"));
    add_header("__value_schema_id", BYTES("\x00\x00\x00\x00\x03"));
    MR_CHECK_OK(open_value(BYTES("x")));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_ID);
    MR_CHECK_OK(open_as(BYTES("x"), false, MR_FORMAT_APICURIO_HEADER));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_GLOBAL_ID);
}

/* F-08 */
MR_TEST("an Apicurio header of a wrong length is bad, and so is an id of zero")
{
    add_header("apicurio.value.globalId", BYTES("\x00\x00\x00\x0a"));
    MR_CHECK_INT(open_value(BYTES("x")), -MR_FRAMING_BAD_HEADER);
    f.n_headers = 0;
    add_header("apicurio.value.globalId", BYTES("\x00\x00\x00\x00\x00\x00\x00\x00"));
    MR_CHECK_INT(open_value(BYTES("x")), -MR_FRAMING_BAD_ID);
}

MR_TEST("a format that names the header form needs the header")
{
    struct mr_slice framed = BYTES("\x00\x00\x00\x00\x01x");
    MR_CHECK_INT(open_as(framed, false, MR_FORMAT_CONFLUENT_HEADER), -MR_FRAMING_BAD_HEADER);
    MR_CHECK_INT(open_as(framed, false, MR_FORMAT_APICURIO_HEADER), -MR_FRAMING_BAD_HEADER);
}

MR_TEST("a format that names the prefix form ignores headers")
{
    add_header("__value_schema_id", BYTES("\x00\x00\x00\x00\x03"));
    MR_CHECK_OK(open_as(BYTES("\x00\x00\x00\x00\x01x"), false, MR_FORMAT_CONFLUENT));
    MR_CHECK_INT(f.frame.ref.id, 1);
    check_body("x");
}

/* F-09 */
MR_TEST("the eight-byte prefix is taken only where the format names it")
{
    struct mr_slice framed = BYTES("\x00\x00\x00\x00\x01\x00\x00\x00\x02x");
    MR_CHECK_OK(open_as(framed, false, MR_FORMAT_APICURIO8));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_GLOBAL_ID);
    MR_CHECK_INT(f.frame.ref.id, 0x100000002);
    check_body("x");
    MR_CHECK_OK(open_value(framed));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_ID);
    MR_CHECK_INT(f.frame.ref.id, 1);
    MR_CHECK_INT(open_as(BYTES("\x00\x00\x00\x00\x00\x00\x00\x00"), false, MR_FORMAT_APICURIO8),
                 -MR_FRAMING_TRUNCATED);
    MR_CHECK_INT(open_as(BYTES("\x01\x00\x00\x00\x00\x00\x00\x00\x01"), false, MR_FORMAT_APICURIO8),
                 -MR_FRAMING_UNKNOWN_MAGIC);
}

/* F-22; cases 24, 25 */
MR_TEST("raw integers have four and eight bytes")
{
    MR_CHECK_OK(open_as(BYTES("\x00\x00\x00\x07"), true, MR_FORMAT_INT32));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_RAW);
    MR_CHECK_INT(f.frame.ref.format, MR_FORMAT_INT32);
    MR_CHECK_U64(f.frame.body.len, 4);
    MR_CHECK_INT(open_as(BYTES("\x00\x00\x07"), true, MR_FORMAT_INT32), -MR_FRAMING_BAD_KEY);
    MR_CHECK_INT(open_as(BYTES("\x00\x00\x00\x07"), true, MR_FORMAT_INT64), -MR_FRAMING_BAD_KEY);
    MR_CHECK_INT(open_as(BYTES("\x00\x00\x07"), false, MR_FORMAT_INT32), -MR_VALUE_INVALID);
}

MR_TEST("raw Avro and raw text are bodies as they are")
{
    MR_CHECK_OK(open_as(BYTES("\x00\x00\x00\x00\x07x"), false, MR_FORMAT_RAW_AVRO));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_CONFIGURED);
    MR_CHECK_U64(f.frame.body.len, 6);
    MR_CHECK_OK(open_as(BYTES("{\"a\":1}"), false, MR_FORMAT_JSON));
    MR_CHECK_INT(f.frame.ref.format, MR_FORMAT_JSON);
    check_body("{\"a\":1}");
}

/* F-13 */
MR_TEST("single-object framing is stepped over where the fingerprint is the configured schema's")
{
    struct mr_slice body = BYTES("\xc3\x01\x08\x07\x06\x05\x04\x03\x02\x01x");
    struct mr_slice other = body;
    struct mr_slice bare = BYTES("\xc3\x01\x08");
    MR_CHECK(!mr_framing_single_object(&other, UINT64_C(0x0102030405060709)));
    MR_CHECK_U64(other.len, 11);
    MR_CHECK(!mr_framing_single_object(&bare, 8));
    MR_CHECK_U64(bare.len, 3);
    MR_CHECK(mr_framing_single_object(&body, UINT64_C(0x0102030405060708)));
    MR_CHECK_U64(body.len, 1);
    MR_CHECK_INT(body.data[0], 'x');
}

/* The reference is a cache's key: bytes that were never set would make two of one. */
MR_TEST("equal references are equal bytes")
{
    struct mr_frame one;
    struct mr_frame two;
    memset(&one, 0x11, sizeof one);
    memset(&two, 0x22, sizeof two);
    MR_CHECK_OK(
        mr_framing_open(BYTES("\x00\x00\x00\x00\x07x"), false, MR_FORMAT_AUTO, NULL, &one, NULL));
    MR_CHECK_OK(mr_framing_open(BYTES("\x00\x00\x00\x00\x07other"), false, MR_FORMAT_AUTO, NULL,
                                &two, NULL));
    MR_CHECK_MEM(&one.ref, &two.ref, sizeof one.ref);
}
