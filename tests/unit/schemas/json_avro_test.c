/* Defaults that a JSON value needs again and again: kept, and still bounded (contract.md G-06).
 * What JSON gives otherwise is in transcode_json_test.c. */
#include "schemas/json_avro.h"

#include <string.h>

#include "schemas/avro_schema.h"
#include "tests/support/mr_test.h"

static struct mr_buf text;
static struct mr_buf out;
static struct mr_schema *schema;
static struct mr_err err;

MR_SETUP
{
    mr_buf_reset(&text);
    out = (struct mr_buf)MR_BUF_INIT;
    schema = NULL;
    mr_err_clear(&err);
}

MR_TEARDOWN
{
    mr_schema_unref(schema);
    mr_buf_release(&text);
    mr_buf_release(&out);
}

/* A record `r<levels>` of records in each other, all with defaults; the innermost has a string of
 * `len` bytes. */
static void nested(int levels, size_t len)
{
    for (int k = levels; k >= 1; k--)
        mr_buf_fmt(
            &text,
            "{\"type\":\"record\",\"name\":\"r%d\",\"fields\":[{\"name\":\"f\",\"type\":", k);
    mr_buf_str(&text, "{\"type\":\"record\",\"name\":\"r0\",\"fields\":[{\"name\":\"f\",\"type\":"
                      "\"string\",\"default\":\"");
    for (size_t i = 0; i < len; i++)
        mr_buf_byte(&text, 'x');
    mr_buf_str(&text, "\"}]}");
    for (int k = 1; k <= levels; k++)
        mr_buf_str(&text, ",\"default\":{}}]}");
}

static int put(const char *json)
{
    const struct mr_schema_text one = {mr_buf_cstr(&text), text.len};
    const struct mr_schema_opts opts = {0};
    struct mr_json_doc doc = MR_JSON_DOC_INIT;
    struct mr_json_avro j;
    MR_CHECK_OK(mr_schema_parse(&one, 1, &opts, &schema, &err));
    MR_CHECK_OK(mr_json_doc_parse(&doc, mr_slice_str(json), &err));
    out.limit = strlen(json) * 64 + 1024 * 1024;
    mr_json_avro_init(&j, &out, &err);
    int rc = mr_json_avro_put(&j, (struct mr_json_at){&doc, 0}, schema->root, NULL);
    mr_json_avro_release(&j);
    mr_json_doc_release(&doc);
    return rc;
}

/* G-06 */
MR_TEST("defaults that have no room to be kept are made again, in each branch of a union")
{
    mr_buf_str(&text, "{\"type\":\"record\",\"name\":\"top\",\"fields\":[{\"name\":\"u\",\"type\":["
                      "{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"pad\",\"type\":"
                      "\"string\",\"default\":\"y\"},{\"name\":\"d\",\"type\":");
    nested(5, 149000);
    mr_buf_str(&text,
               ",\"default\":{}},{\"name\":\"q\",\"type\":\"int\"}]},"
               "{\"type\":\"record\",\"name\":\"bb\",\"fields\":[{\"name\":\"e\",\"type\":\"r0\","
               "\"default\":{}}]},{\"type\":\"record\",\"name\":\"b\",\"fields\":[{\"name\":"
               "\"z\",\"type\":\"r0\"}]}]}]}");
    int rc = put("{\"u\":{\"z\":{},\"w\":1}}");
    MR_CHECK(rc == 0 || rc == -MR_FRAMING_TOO_LARGE || mr_code_class(rc) == MR_CLASS_POISON);
    for (size_t i = 8; rc == 0 && i < out.len; i++)
        MR_CHECK_INT(out.data[i], 'x');
}

/* G-06: the output has it once */
MR_TEST("a large default deep in others is not refused for its copies")
{
    mr_buf_str(&text,
               "{\"type\":\"record\",\"name\":\"top\",\"fields\":[{\"name\":\"d\",\"type\":");
    nested(10, 150000);
    mr_buf_str(&text, ",\"default\":{}}]}");
    MR_CHECK_OK(put("{}"));
    MR_CHECK(out.len > 150000 && out.len < 151000);
}
