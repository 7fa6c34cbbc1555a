/* The stage in front of the plan: values without a schema, single-object encoding, resolution. */
#include "schemas/transcode.h"

#include "tests/support/mr_test.h"

static struct fixture {
    struct mr_transcode *transcode;
    struct mr_route route;
    struct mr_frame frame;
    struct mr_schema *schema;
    struct mr_err err;
} f;

MR_SETUP
{
    memset(&f, 0, sizeof f);
    f.transcode = mr_transcode_new((struct mr_env){.rng = {.s = {1, 2, 3, 4}}});
    f.route.max_zero_size_items = 100;
}

MR_TEARDOWN
{
    mr_schema_unref(f.schema);
    mr_schema_unref(f.route.value_schema);
    mr_transcode_free(f.transcode);
}

static int open_as(enum mr_format format, bool is_key, const void *bytes, size_t len)
{
    const struct mr_transcode_for of = {.route = &f.route, .is_key = is_key};
    MR_CHECK_OK(
        mr_framing_open((struct mr_slice){bytes, len}, is_key, format, NULL, &f.frame, &f.err));
    int rc = mr_transcode_open(f.transcode, &of, &f.frame, &f.err);
    mr_schema_unref(f.schema);
    f.schema =
        f.frame.ref.kind == MR_REF_MADE ? mr_transcode_schema(f.transcode, &f.frame.ref) : NULL;
    return rc;
}

#define CHECK_BODY(expected)                                                                       \
    do {                                                                                           \
        MR_CHECK_U64(f.frame.body.len, sizeof(expected) - 1);                                      \
        MR_CHECK_MEM(f.frame.body.data, expected, sizeof(expected) - 1);                           \
    } while (0)

/* F-22, E-27 */
MR_TEST("F-22: a string, number or octets as a value become Avro of that one type")
{
    MR_CHECK_OK(open_as(MR_FORMAT_STRING, false, "ab", 2));
    MR_CHECK_INT(f.schema->root->kind, MR_AV_STRING);
    CHECK_BODY("\x04"
               "ab");
    MR_CHECK_OK(open_as(MR_FORMAT_STRING, false, "", 0)); /* F-02 */
    CHECK_BODY("\x00");
    MR_CHECK_OK(open_as(MR_FORMAT_INT32, false, "\xff\xff\xff\xfe", 4));
    MR_CHECK_INT(f.schema->root->kind, MR_AV_INT);
    CHECK_BODY("\x03");
    MR_CHECK_OK(open_as(MR_FORMAT_INT64, false, "\x80\0\0\0\0\0\0\0", 8));
    MR_CHECK_INT(f.schema->root->kind, MR_AV_LONG);
    CHECK_BODY("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    MR_CHECK_OK(open_as(MR_FORMAT_BYTES, false, "\0\xff", 2));
    MR_CHECK_INT(f.schema->root->kind, MR_AV_BYTES);
    CHECK_BODY("\x04\0\xff");
}

MR_TEST("a raw key stays as it is, and so does what a registry's schema describes")
{
    MR_CHECK_OK(open_as(MR_FORMAT_STRING, true, "ab", 2));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_RAW);
    CHECK_BODY("ab");
    MR_CHECK_OK(open_as(MR_FORMAT_CONFLUENT, false, "\0\0\0\0\x07x", 6));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_ID);
    CHECK_BODY("x");
}

static void configure(const char *text)
{
    const struct mr_schema_opts opts = {.lenient_names = true};
    const struct mr_schema_text one = {text, strlen(text)};
    MR_CHECK_OK(mr_schema_parse(&one, 1, &opts, &f.route.value_schema, &f.err));
    MR_CHECK_OK(mr_schema_fingerprint(f.route.value_schema, &f.route.value_fingerprint, &f.err));
}

/* F-13; the fingerprint of "int" is the Avro specification's and Java's: 7275d51a3f395c8f */
MR_TEST("F-13: single-object encoding is taken where its fingerprint is the schema's")
{
    configure("\"int\"");
    MR_CHECK_OK(
        open_as(MR_FORMAT_RAW_AVRO, false, "\xc3\x01\x8f\x5c\x39\x3f\x1a\xd5\x75\x72\x08", 11));
    MR_CHECK_INT(f.frame.ref.kind, MR_REF_CONFIGURED);
    CHECK_BODY("\x08");
    MR_CHECK_OK(
        open_as(MR_FORMAT_RAW_AVRO, false, "\xc3\x01\x8f\x5c\x39\x3f\x1a\xd5\x75\x73\x08", 11));
    MR_CHECK_U64(f.frame.body.len, 11);
    MR_CHECK_OK(open_as(MR_FORMAT_RAW_AVRO, false, "\xc3\x01", 2)); /* the number -98 */
    CHECK_BODY("\xc3\x01");
}

/* S-01 */
MR_TEST("S-01: a body is resolved, and an empty one is not a tombstone")
{
    static const char writer[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\","
                                 "\"type\":\"int\"}]}";
    const struct mr_schema_opts opts = {.lenient_names = true};
    const struct mr_schema_text one = {writer, sizeof writer - 1};
    const struct mr_record_in in = {.value = {(const uint8_t *)"\x02", 1}};
    struct mr_resolver *resolver;
    struct mr_record_in out;
    MR_CHECK_OK(mr_schema_parse(&one, 1, &opts, &f.schema, &f.err));
    configure("{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}");
    MR_CHECK_OK(mr_resolver_compile(f.schema, f.route.value_schema, &resolver, &f.err));
    const struct mr_transcode_via via = {.value = resolver};
    MR_CHECK_OK(mr_transcode_resolve(f.transcode, &via, &in, &out, &f.err));
    MR_CHECK(out.value.data != NULL);
    MR_CHECK_U64(out.value.len, 0);
    MR_CHECK(out.key.data == NULL && out.old_key.data == NULL);
    mr_resolver_free(resolver);
}

static bool old_key_header(const void *owner, const char *name, struct mr_slice *out)
{
    *out = mr_slice_str(owner);
    return strcmp(name, "__debezium.oldkey") == 0;
}

/* U-30, S-01 */
MR_TEST("the key that a row had before is resolved as its key is, or is none")
{
    static const char writer[] = "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"x\","
                                 "\"type\":\"int\"},{\"name\":\"id\",\"type\":\"int\"}]}";
    const struct mr_schema_opts opts = {.lenient_names = true};
    const struct mr_schema_text one = {writer, sizeof writer - 1};
    static const char key[] = "\x01GUIDGUIDGUIDGUID\x02\x04";
    struct mr_record_in in = {.raw_key = mr_slice_str(key), .headers = {.last = old_key_header}};
    struct mr_resolver *resolver;
    struct mr_record_in out;
    MR_CHECK_OK(mr_schema_parse(&one, 1, &opts, &f.schema, &f.err));
    configure(
        "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"}]}");
    MR_CHECK_OK(mr_resolver_compile(f.schema, f.route.value_schema, &resolver, &f.err));
    const struct mr_transcode_via via = {.key = resolver};
    in.key = (struct mr_slice){in.raw_key.data + 17, 2};
    in.headers.owner = "\x01GUIDGUIDGUIDGUID\x02\x06";
    MR_CHECK_OK(mr_transcode_resolve(f.transcode, &via, &in, &out, &f.err));
    MR_CHECK_MEM(out.key.data, "\x04", 1);
    MR_CHECK_U64(out.old_key.len, 1);
    MR_CHECK_MEM(out.old_key.data, "\x06", 1);
    in.headers.owner = "\x01GUIDGUIDGUIDGUID\x02"; /* cut */
    MR_CHECK_OK(mr_transcode_resolve(f.transcode, &via, &in, &out, &f.err));
    MR_CHECK(out.old_key.data == NULL);
    in.headers.owner = "\x01GUIDGUIDGUIDguid\x02\x06"; /* of another schema */
    MR_CHECK_OK(mr_transcode_resolve(f.transcode, &via, &in, &out, &f.err));
    MR_CHECK(out.old_key.data == NULL);
    mr_resolver_free(resolver);
}
