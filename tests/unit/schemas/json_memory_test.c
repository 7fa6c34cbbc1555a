/* The memory of JSON records (contract.md G-06, F-11): what a large one took is not kept, a large
 * value is not taken for memory that is out, and memory that is out is no other value. All of it
 * comes through realloc(), which stands at a gate here (CMakeLists.txt). */
#include <stdlib.h>

#include "schemas/json_avro.h"
#include "schemas/transcode.h"
#include "tests/support/mr_test.h"

enum { MAX_BLOCKS = 4096, MIB = 1024 * 1024, NEVER = -1 };

void *__real_realloc(void *ptr, size_t size);
void __real_free(void *ptr);
void *__wrap_realloc(void *ptr, size_t size);
void __wrap_free(void *ptr);

static struct gate {
    const void *blocks[MAX_BLOCKS];
    size_t sizes[MAX_BLOCKS];
    size_t n;
    int let; /* so many go on, then one finds no memory */
    bool refused;
} gate;

static void gate_forget(const void *ptr)
{
    for (size_t i = 0; ptr != NULL && i < gate.n; i++) {
        if (gate.blocks[i] != ptr)
            continue;
        gate.n--;
        gate.blocks[i] = gate.blocks[gate.n];
        gate.sizes[i] = gate.sizes[gate.n];
        return;
    }
}

void *__wrap_realloc(void *ptr, size_t size)
{
    bool refused = gate.let == 0;
    gate.let -= gate.let >= 0 ? 1 : 0;
    if (refused) {
        gate.refused = true;
        return NULL;
    }
    gate_forget(ptr);
    void *block = __real_realloc(ptr, size);
    if (block != NULL && gate.n < MAX_BLOCKS) {
        gate.blocks[gate.n] = block;
        gate.sizes[gate.n++] = size;
    }
    return block;
}

void __wrap_free(void *ptr)
{
    gate_forget(ptr);
    __real_free(ptr);
}

static size_t largest(void)
{
    size_t most = 0;
    for (size_t i = 0; i < gate.n; i++)
        most = gate.sizes[i] > most ? gate.sizes[i] : most;
    return most;
}

static struct fixture {
    struct mr_transcode *transcode;
    struct mr_route route;
    struct mr_frame frame;
    struct mr_buf json;
    struct mr_err err;
} f;

static void stage_new(void)
{
    mr_transcode_free(f.transcode);
    f.transcode = mr_transcode_new((struct mr_env){.rng = {.s = {1, 2, 3, 4}}});
}

MR_SETUP
{
    memset(&f, 0, sizeof f);
    memset(&gate, 0, sizeof gate);
    gate.let = NEVER;
    f.route.max_zero_size_items = 100;
    stage_new();
}

MR_TEARDOWN
{
    mr_transcode_free(f.transcode);
    mr_buf_release(&f.json);
}

static int opened(struct mr_slice json)
{
    const struct mr_transcode_for of = {.route = &f.route};
    mr_err_clear(&f.err);
    MR_CHECK_OK(mr_framing_open(json, false, MR_FORMAT_JSON, NULL, &f.frame, &f.err));
    return mr_transcode_open(f.transcode, &of, &f.frame, &f.err);
}

static void repeat(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mr_buf_str(&f.json, text);
}

/* The record of f.json takes more than 2 MiB; the next one leaves less behind. */
static void check_given_back(void)
{
    static const char small[] = "{\"a\":\"\\n\"}";
    MR_CHECK_OK(opened((struct mr_slice){f.json.data, f.json.len}));
    mr_buf_release(&f.json);
    MR_CHECK_OK(opened(mr_slice_str(small)));
    if (largest() > 2 * MIB)
        MR_FAIL("%zu bytes are kept", largest());
}

/* G-06 */
MR_TEST("the tokens of a large record are not kept")
{
    mr_buf_str(&f.json, "{\"a\":[1");
    repeat(",1", 500000);
    mr_buf_str(&f.json, "]}");
    check_given_back();
}

/* G-06 */
MR_TEST("the text of a large string is not kept")
{
    mr_buf_str(&f.json, "{\"schema\":{\"type\":\"string\"},\"payload\":\"");
    repeat("\\n", 4 * MIB);
    mr_buf_str(&f.json, "\"}");
    check_given_back();
}

/* G-06 */
MR_TEST("the octets of a large base64 are not kept")
{
    mr_buf_str(&f.json, "{\"schema\":{\"type\":\"bytes\"},\"payload\":\"");
    repeat("AAAA", MIB);
    mr_buf_str(&f.json, "\"}");
    check_given_back();
}

/* G-06 */
MR_TEST("large defaults are not kept")
{
    mr_buf_str(&f.json, "{\"schema\":{\"type\":\"array\",\"items\":{\"type\":\"struct\",\"fields\":"
                        "[{\"field\":\"a\",\"type\":\"string\",\"default\":\"");
    repeat("x", 3 * MIB);
    mr_buf_str(&f.json, "\"}]}},\"payload\":[{}]}");
    check_given_back();
}

/* G-06 */
MR_TEST("the text of a guessed schema with long names is not kept")
{
    mr_buf_str(&f.json, "{\"a\":1");
    for (int i = 0; i < 1000; i++) {
        mr_buf_fmt(&f.json, ",\"m%d", i);
        repeat("n", 4000);
        mr_buf_str(&f.json, "\":true");
    }
    mr_buf_str(&f.json, "}");
    check_given_back();
}

/* F-11, P5: the limit of a string's or a value's room is its own size. */
MR_TEST("a value that is larger than those before it is no memory that is out")
{
    static const char text[] = "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"s\","
                               "\"type\":\"string\"},{\"name\":\"b\",\"type\":\"bytes\"}]}";
    static const char json[] =
        "{\"s\":\"0123456789\\n0123456789\",\"b\":\"MDEyMzQ1Njc4OTAxMjM0NTY3ODk=\"}";
    const struct mr_schema_text one = {text, sizeof text - 1};
    const struct mr_schema_opts opts = {0};
    struct mr_schema *schema = NULL;
    struct mr_json_doc doc = MR_JSON_DOC_INIT;
    struct mr_json_avro j;
    struct mr_buf out = MR_BUF_INIT;
    MR_CHECK_OK(mr_schema_parse(&one, 1, &opts, &schema, &f.err));
    MR_CHECK_OK(mr_json_doc_parse(&doc, mr_slice_str(json), &f.err));
    mr_json_avro_init(&j, &out, &f.err);
    j.text.limit = j.octets.limit = 4; /* as a small one left them */
    MR_CHECK_OK(mr_json_avro_put(&j, (struct mr_json_at){&doc, 0}, schema->root, NULL));
    MR_CHECK_MEM(out.data,
                 "\x2a"
                 "0123456789\n0123456789"
                 "\x28"
                 "01234567890123456789",
                 43);
    out.limit = 8; /* that is the record's own, and too large is its fault */
    mr_buf_release(&out);
    MR_CHECK_INT(mr_json_avro_put(&j, (struct mr_json_at){&doc, 0}, schema->root, NULL),
                 -MR_FRAMING_TOO_LARGE);
    mr_json_avro_release(&j);
    mr_json_doc_release(&doc);
    mr_schema_unref(schema);
    mr_buf_release(&out);
}

#define STRUCT(field, payload)                                                                     \
    "{\"schema\":{\"type\":\"struct\",\"fields\":[" field "]},\"payload\":" payload "}"

/* F-11, P5 */
MR_TEST("wherever memory is out, a record is refused or what it is")
{
    static const char *const records[] = {
        "{\"d\":1.50,\"n\":-123456789012345678901234567890}",
        "{\"s\":\"a\\nb\",\"o\":{\"k\":[1,null]}}",
        STRUCT("{\"field\":\"b\",\"type\":\"bytes\"}", "{\"b\":\"MDE=\"}"),
        STRUCT("{\"field\":\"s\",\"type\":\"string\"}", "{\"s\":\"a\\nb\"}"),
        STRUCT("{\"field\":\"d\",\"type\":\"bytes\",\"name\":"
               "\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{\"scale\":\"2\"}}",
               "{\"d\":1.50}"),
        STRUCT("{\"field\":\"v\",\"type\":\"struct\",\"name\":"
               "\"io.debezium.data.VariableScaleDecimal\",\"fields\":[{\"field\":\"scale\","
               "\"type\":\"int32\"},{\"field\":\"value\",\"type\":\"bytes\"}]}",
               "{\"v\":1.50}"),
        STRUCT("{\"field\":\"x\",\"type\":\"string\",\"default\":\"y\"}", "{}"),
        "{\"schema\":{\"type\":\"string\"},\"payload\":\"ab\"}",
    };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        int let = 0;
        MR_CHECK_OK(opened(mr_slice_str(records[i])));
        mr_buf_reset(&f.json);
        mr_buf_add(&f.json, f.frame.body.data, f.frame.body.len);
        do {
            stage_new();
            gate.refused = false;
            gate.let = let++;
            int rc = opened(mr_slice_str(records[i]));
            gate.let = NEVER;
            bool same = rc == 0 && f.frame.body.len == f.json.len &&
                        memcmp(f.frame.body.data, f.json.data, f.json.len) == 0;
            /* buffers with a limit do not say why they are full */
            if (!same && rc != -MR_NO_MEMORY && rc != -MR_SCHEMA_TOO_LARGE &&
                rc != -MR_FRAMING_TOO_LARGE)
                MR_FAIL("%s: %s", records[i], mr_code_printed(rc));
            MR_CHECK(gate.refused || rc == 0);

        } while (gate.refused);
        MR_CHECK(let > 3);
    }
}
