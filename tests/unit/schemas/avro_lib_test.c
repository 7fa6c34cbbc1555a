/* avro-c as the second opinion: schemas, and datums to bytes and back. Expected bytes are from the
 * Avro specification's binary encoding. */
#include "schemas/avro_lib.h"

#include <pthread.h>

#include "base/lock.h"
#include "tests/support/mr_test.h"

static struct fixture {
    struct mr_buf bytes;
    struct mr_buf text;
    struct mr_err err;
} f;

MR_SETUP
{
    memset(&f, 0, sizeof f);
}

MR_TEARDOWN
{
    mr_buf_release(&f.bytes);
    mr_buf_release(&f.text);
}

static int encode(const char *schema, const char *json)
{
    mr_buf_reset(&f.bytes);
    return mr_avro_lib_encode_json(schema, json, &f.bytes, &f.err);
}

#define CHECK_ENCODED(schema, json, expected)                                                      \
    do {                                                                                           \
        if (encode(schema, json) < 0)                                                              \
            MR_FAIL("%s: %s", json, f.err.detail);                                                 \
        MR_CHECK_U64(f.bytes.len, sizeof(expected) - 1);                                           \
        MR_CHECK_MEM(f.bytes.data, expected, sizeof(expected) - 1);                                \
    } while (0)

#define ENUM "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}"
#define FIXED "{\"type\":\"fixed\",\"name\":\"ns.F\",\"size\":2}"

MR_TEST("scalars are encoded as the specification says")
{
    CHECK_ENCODED("\"null\"", "null", "");
    CHECK_ENCODED("\"boolean\"", "true", "\x01");
    CHECK_ENCODED("\"int\"", "-65", "\x81\x01");
    CHECK_ENCODED("\"long\"", "9223372036854775807", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    CHECK_ENCODED("\"float\"", "1.5", "\x00\x00\xc0\x3f");
    CHECK_ENCODED("\"double\"", "-2", "\x00\x00\x00\x00\x00\x00\x00\xc0");
    CHECK_ENCODED("\"double\"", "\"Infinity\"", "\x00\x00\x00\x00\x00\x00\xf0\x7f");
    CHECK_ENCODED("\"string\"", "\"f\\u00fcr\"",
                  "\x08"
                  "f\xc3\xbcr");
    CHECK_ENCODED("\"bytes\"", "\"\\u0000\\u00ff\\u0080a\"",
                  "\x08\x00\xff\x80"
                  "a");
    CHECK_ENCODED("\"bytes\"", "\"\"", "\x00");
    CHECK_ENCODED(FIXED, "\"\\u0001\\u00e4\"", "\x01\xe4");
    CHECK_ENCODED(ENUM, "\"B\"", "\x02");
}

MR_TEST("containers and unions are encoded in order")
{
    CHECK_ENCODED("{\"type\":\"array\",\"items\":\"int\"}", "[1,2]", "\x04\x02\x04\x00");
    CHECK_ENCODED("{\"type\":\"array\",\"items\":\"int\"}", "[]", "\x00");
    CHECK_ENCODED("{\"type\":\"map\",\"values\":\"int\"}", "{\"k\":3}", "\x02\x02k\x06\x00");
    CHECK_ENCODED("[\"null\",\"string\"]", "null", "\x00");
    CHECK_ENCODED("[\"null\",\"string\"]", "{\"string\":\"a\"}",
                  "\x02\x02"
                  "a");
    CHECK_ENCODED("[\"null\"," FIXED "]", "{\"ns.F\":\"ab\"}",
                  "\x02"
                  "ab");
    CHECK_ENCODED("[\"null\"," FIXED "]", "{\"F\":\"ab\"}",
                  "\x02"
                  "ab");
    CHECK_ENCODED(
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
        "{\"name\":\"b\",\"type\":[\"null\",\"R\"]}]}",
        "{\"b\":{\"R\":{\"a\":2,\"b\":null}},\"a\":1}", "\x02\x02\x04\x00");
    CHECK_ENCODED("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":"
                  "[\"null\",\"int\"]}]}",
                  "{}", "\x00");
}

MR_TEST("JSON that does not fit the schema is refused")
{
    static const struct {
        const char *schema, *json;
    } cases[] = {
        {"\"int\"", "2147483648"},
        {"\"int\"", "1.5"},
        {"\"int\"", "\"1\""},
        {"\"string\"", "1"},
        {"\"boolean\"", "1"},
        {"\"null\"", "0"},
        {"\"double\"", "\"x\""},
        {"\"bytes\"", "\"\\u0100\""},
        {FIXED, "\"abc\""},
        {ENUM, "\"C\""},
        {"[\"null\",\"string\"]", "\"a\""},
        {"[\"null\",\"string\"]", "{\"int\":1}"},
        {"[\"null\"," FIXED "]", "{\"other.F\":\"ab\"}"},
        {"[\"int\",\"string\"]", "null"},
        {"{\"type\":\"array\",\"items\":\"int\"}", "{}"},
        {"{\"type\":\"map\",\"values\":\"int\"}", "[]"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}",
         "{}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rc = encode(cases[i].schema, cases[i].json);
        if (rc != -MR_VALUE_INVALID)
            MR_FAIL("%s as %s: %s", cases[i].json, cases[i].schema, mr_code_printed(rc));
    }
    MR_CHECK_INT(encode("\"int\"", "{"), -MR_SCHEMA_INVALID);
    MR_CHECK_INT(encode("\"nope\"", "1"), -MR_SCHEMA_INVALID);
}

MR_TEST("what is encoded is decoded to the same JSON")
{
    static const char schema[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
        "{\"name\":\"i\",\"type\":\"long\"},{\"name\":\"s\",\"type\":[\"null\",\"string\"]},"
        "{\"name\":\"b\",\"type\":\"bytes\"},{\"name\":\"e\",\"type\":" ENUM "},"
        "{\"name\":\"f\",\"type\":" FIXED "},"
        "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":"
        "\"boolean\"}}}]}";
    static const char json[] = "{\"i\": -7, \"s\": {\"string\": \"x\"}, \"b\": \"\\u0001\", "
                               "\"e\": \"B\", \"f\": \"ab\", \"a\": [{\"k\": true}, {}]}";
    MR_CHECK_OK(encode(schema, json));
    struct mr_slice datum = {f.bytes.data, f.bytes.len};
    if (mr_avro_lib_decode_json(schema, datum, &f.text, &f.err) < 0)
        MR_FAIL("%s", f.err.detail);
    MR_CHECK_STR(mr_buf_cstr(&f.text), json);
}

/* S-42, S-43 */
MR_TEST("a datum that is cut or has bytes left is refused")
{
    MR_CHECK_OK(encode("\"double\"", "1")); /* a cut string would leak inside avro-c 1.11 */
    struct mr_slice cut = {f.bytes.data, f.bytes.len - 1};
    MR_CHECK_INT(mr_avro_lib_decode_json("\"double\"", cut, &f.text, &f.err), -MR_AVRO_TRUNCATED);
    mr_buf_byte(&f.bytes, 0);
    struct mr_slice more = {f.bytes.data, f.bytes.len};
    MR_CHECK_INT(mr_avro_lib_decode_json("\"double\"", more, &f.text, &f.err), -MR_AVRO_TRAILING);
}

MR_TEST("avro-c checks a schema")
{
    static const char good[] = "{\"type\":\"array\",\"items\":\"int\"}";
    static const char bad[] = "{\"type\":\"array\"}";
    MR_CHECK_OK(mr_avro_lib_check(good, strlen(good), &f.err));
    MR_CHECK_INT(mr_avro_lib_check(bad, strlen(bad), &f.err), -MR_SCHEMA_INVALID);
    MR_CHECK(strstr(f.err.detail, "avro-c: ") == f.err.detail);
}

enum { N_THREADS = 4, N_ROUNDS = 200 };

static void *encode_often(void *arg)
{
    int *n_good = arg;
    for (int i = 0; i < N_ROUNDS; i++) {
        struct mr_buf out = MR_BUF_INIT;
        struct mr_err err = MR_ERR_INIT;
        *n_good += mr_avro_lib_encode_json("[\"null\",\"int\"]", "{\"int\":1}", &out, &err) == 0 &&
                   out.len == 2;
        mr_buf_release(&out);
    }
    return NULL;
}

/* Its reference counts are not atomic, also those of its static primitive schemas. */
MR_TEST("threads may use avro-c at the same time")
{
    pthread_t threads[N_THREADS];
    int n_good[N_THREADS] = {0};
    for (int i = 0; i < N_THREADS; i++)
        MR_CHECK_OK(mr_thread_start(&threads[i], "encoder", encode_often, &n_good[i]));
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
        MR_CHECK_INT(n_good[i], N_ROUNDS);
    }
}
