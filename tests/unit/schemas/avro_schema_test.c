/* The schema model as a whole: primitives, limits of S-23, life. */
#include "schemas/avro_schema.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/mr_test.h"
#include "tests/support/parsed_schema.h"

MR_SETUP
{
    parsed_setup();
}

MR_TEARDOWN
{
    parsed_teardown();
}

MR_TEST("the primitives, by name and as an object")
{
    static const char *const names[] = {"null",  "boolean", "int",   "long",
                                        "float", "double",  "bytes", "string"};
    static const uint32_t min_bytes[] = {0, 1, 1, 1, 4, 8, 1, 1};
    for (size_t i = 0; i < 8; i++) {
        char text[64];
        snprintf(text, sizeof text, "\"%s\"", names[i]);
        MR_CHECK_INT(parsed_root(text)->kind, (int)i);
        MR_CHECK_U64(parsed.schema->root->min_bytes, min_bytes[i]);
        snprintf(text, sizeof text, "{\"type\":\"%s\"}", names[i]);
        MR_CHECK_STR(mr_avro_kind_name(parsed_root(text)->kind), names[i]);
        MR_CHECK_U64(parsed.schema->root->min_bytes, min_bytes[i]);
    }
}

MR_TEST("a schema keeps its text, its node count and no id until it is given one")
{
    const char *text = "{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":\"int\"}}";
    parsed_root(text);
    MR_CHECK_STR(parsed.schema->text, text);
    MR_CHECK_U64(parsed.schema->text_len, strlen(text));
    MR_CHECK_U64(parsed.schema->n_nodes, 3);
    MR_CHECK_INT(parsed.schema->id, -1);
    MR_CHECK_INT(parsed.schema->root->kind, MR_AV_ARRAY);
    MR_CHECK_INT(parsed.schema->root->items->kind, MR_AV_MAP);
    MR_CHECK_INT(parsed.schema->root->items->items->kind, MR_AV_INT);
}

/* S-17 */
MR_TEST("nullable is a union of null and one other type, in either order")
{
    const struct mr_avro_node *inner;
    uint32_t null_idx;
    MR_CHECK(mr_avro_nullable(parsed_root("[\"null\",\"int\"]"), &inner, &null_idx));
    MR_CHECK_INT(inner->kind, MR_AV_INT);
    MR_CHECK_U64(null_idx, 0);
    MR_CHECK(mr_avro_nullable(parsed_root("[\"int\",\"null\"]"), &inner, &null_idx));
    MR_CHECK_U64(null_idx, 1);
    MR_CHECK(!mr_avro_nullable(parsed_root("[\"int\",\"string\"]"), &inner, &null_idx));
    MR_CHECK(!mr_avro_nullable(parsed_root("[\"null\",\"int\",\"string\"]"), &inner, &null_idx));
    MR_CHECK(!mr_avro_nullable(parsed_root("[\"null\"]"), &inner, &null_idx));
    MR_CHECK(!mr_avro_nullable(parsed_root("\"int\""), &inner, &null_idx));
}

/* S-23 */
MR_TEST("JSON is nested at most 256 deep")
{
    for (int depth = 256; depth <= 257; depth++) {
        mr_buf_reset(&parsed.text);
        for (int i = 0; i < depth; i++)
            mr_buf_str(&parsed.text, "{\"type\":\"array\",\"items\":");
        mr_buf_str(&parsed.text, "\"int\"");
        for (int i = 0; i < depth; i++)
            mr_buf_str(&parsed.text, "}");
        MR_CHECK_INT(parsed_buf(), depth == 256 ? 0 : -MR_SCHEMA_TOO_LARGE);
    }
}

/* S-23 */
MR_TEST("a schema has at most 65,536 nodes")
{
    for (int n = 65534; n <= 65535; n++) { /* and the array and the union */
        mr_buf_reset(&parsed.text);
        mr_buf_str(&parsed.text, "{\"type\":\"array\",\"items\":[");
        for (int i = 0; i < n; i++)
            mr_buf_fmt(&parsed.text, "%s{\"type\":\"fixed\",\"name\":\"F%d\",\"size\":1}",
                       i > 0 ? "," : "", i);
        mr_buf_str(&parsed.text, "]}");
        MR_CHECK_INT(parsed_buf(), n == 65534 ? 0 : -MR_SCHEMA_TOO_LARGE);
    }
}

/* S-23 */
MR_TEST("texts have at most 8 MiB together")
{
    enum { MOST = 8 * 1024 * 1024 };
    char *text = malloc(MOST + 1);
    memset(text, ' ', MOST + 1);
    memcpy(text, "\"int\"", 5);
    struct mr_schema_text texts[2] = {{text, MOST - 5}, {text, 5}};
    int fits = mr_schema_parse(texts, 2, &parsed.opts, &parsed.schema, &parsed.err);
    mr_schema_unref(parsed.schema);
    parsed.schema = NULL;
    texts[1].len = 6;
    int over = mr_schema_parse(texts, 2, &parsed.opts, &parsed.schema, &parsed.err);
    free(text);
    MR_CHECK_OK(fits);
    MR_CHECK_INT(over, -MR_SCHEMA_TOO_LARGE);
}

MR_TEST("a schema lives as long as its last reference")
{
    parsed_root("\"int\"");
    struct mr_schema *second = mr_schema_ref(parsed.schema);
    mr_schema_unref(parsed.schema);
    parsed.schema = NULL;
    MR_CHECK_INT(second->root->kind, MR_AV_INT);
    mr_schema_unref(second);
}
