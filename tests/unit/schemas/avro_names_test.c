/* Names, namespaces and definitions: contract.md S-11, S-12, F-41. */
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

/* S-11 */
MR_TEST("a namespace comes from the enclosing named type only")
{
    const struct mr_avro_field *fields = parsed_fields(
        "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"namespace\":\"no\",\"items\":"
        "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"S\"]}}},"
        "{\"name\":\"b\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"o\","
        "\"size\":3}},"
        "{\"name\":\"c\",\"type\":{\"type\":\"fixed\",\"name\":\"p.q.G\",\"namespace\":\"o\","
        "\"size\":3}},"
        "{\"name\":\"d\",\"type\":{\"type\":\"fixed\",\"name\":\"N\",\"namespace\":\"\","
        "\"size\":3}},"
        "{\"name\":\"e\",\"type\":\"E\"},{\"name\":\"g\",\"type\":\"o.F\"}");
    MR_CHECK_STR(fields[0].type->items->full_name, "ns.E");
    MR_CHECK_STR(fields[1].type->full_name, "o.F");
    MR_CHECK_STR(fields[2].type->full_name, "p.q.G");
    MR_CHECK_STR(fields[2].type->name, "G");
    MR_CHECK_STR(fields[3].type->full_name, "N");
    MR_CHECK(fields[4].type == fields[0].type->items);
    MR_CHECK(fields[5].type == fields[1].type);
}

/* S-11 */
MR_TEST("names outside the grammar pass where names are lenient")
{
    const char *text = "{\"type\":\"record\",\"name\":\"my-topic.Value\",\"fields\":"
                       "[{\"name\":\"a-b\",\"type\":\"int\"}]}";
    MR_CHECK_STR(parsed_root(text)->fields[0].name, "a-b");
    parsed.opts.lenient_names = false;
    MR_CHECK_INT(parsed_text(text), -MR_SCHEMA_INVALID);
    MR_CHECK_OK(parsed_text("{\"type\":\"record\",\"name\":\"a.b_1.C\",\"fields\":"
                            "[{\"name\":\"_a1\",\"type\":\"int\"}]}"));
    MR_CHECK_INT(parsed_text("{\"type\":\"record\",\"name\":\"C\",\"fields\":"
                             "[{\"name\":\"1a\",\"type\":\"int\"}]}"),
                 -MR_SCHEMA_INVALID);
    MR_CHECK_INT(parsed_text("{\"type\":\"record\",\"name\":\"a..C\",\"fields\":[]}"),
                 -MR_SCHEMA_INVALID);
}

/* Bounds the work per reference: the full name is built for each. */
MR_TEST("a name has at most 4,096 bytes")
{
    for (int n = 4096; n <= 4097; n++) {
        mr_buf_reset(&parsed.text);
        mr_buf_str(&parsed.text, "{\"type\":\"fixed\",\"size\":1,\"name\":\"");
        for (int i = 0; i < n; i++)
            mr_buf_str(&parsed.text, "n");
        mr_buf_str(&parsed.text, "\"}");
        MR_CHECK_INT(parsed_buf(), n == 4096 ? 0 : -MR_SCHEMA_TOO_LARGE);
    }
}

#define ADDRESS                                                                                    \
    "{\"type\":\"record\",\"name\":\"s.Address\",\"fields\":[{\"name\":\"zip\",\"type\":\"int\"}]" \
    "}"

/* F-41; case 21 */
MR_TEST("names of earlier texts are visible in later ones")
{
    static const char *const texts[] = {
        "{\"type\":\"enum\",\"name\":\"s.Country\",\"symbols\":[\"AT\"]}",
        "{\"type\":\"record\",\"name\":\"s.Address\",\"fields\":[{\"name\":\"in\",\"type\":"
        "\"Country\"}]}",
        "{\"type\":\"record\",\"name\":\"t.Person\",\"fields\":[{\"name\":\"home\",\"type\":"
        "\"s.Address\"}]}"};
    MR_CHECK_OK(parsed_texts(texts, 3));
    MR_CHECK_STR(parsed.schema->root->full_name, "t.Person");
    MR_CHECK_STR(parsed.schema->root->fields[0].type->fields[0].type->symbols[0], "AT");
    MR_CHECK_STR(parsed.schema->text, texts[2]);
    MR_CHECK_INT(parsed_text(texts[2]), -MR_SCHEMA_INVALID);
}

/* F-41 */
MR_TEST("a name may be defined again in a later text with the same content only")
{
    static const char *const same[] = {
        ADDRESS, "{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"a\",\"type\":"
                 "{\"type\":\"record\",\"namespace\":\"s\",\"name\":\"Address\",\"doc\":\"again\","
                 "\"fields\":[{\"type\":\"int\",\"name\":\"zip\"}]}},"
                 "{\"name\":\"b\",\"type\":\"s.Address\"}]}"};
    MR_CHECK_OK(parsed_texts(same, 2));
    MR_CHECK(parsed.schema->root->fields[0].type == parsed.schema->root->fields[1].type);
    static const char *const others[] = {
        "{\"type\":\"record\",\"name\":\"s.Address\",\"fields\":[{\"name\":\"zip\",\"type\":"
        "\"long\"}]}",
        "{\"type\":\"record\",\"name\":\"s.Address\",\"fields\":[{\"name\":\"zip\",\"type\":"
        "\"int\",\"default\":0}]}",
        "{\"type\":\"record\",\"name\":\"s.Address\",\"fields\":[{\"name\":\"zip\",\"type\":"
        "{\"type\":\"int\",\"logicalType\":\"date\"}}]}",
        "{\"type\":\"record\",\"name\":\"s.Address\",\"fields\":[]}",
        "{\"type\":\"fixed\",\"name\":\"s.Address\",\"size\":1}",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const char *const texts[] = {ADDRESS, others[i]};
        MR_CHECK_INT(parsed_texts(texts, 2), -MR_SCHEMA_BAD_REFERENCE);
    }
}

/* F-41 */
MR_TEST("a recursive type repeated in a later text is the same type")
{
    static const char *const node =
        "{\"type\":\"record\",\"name\":\"N\",\"fields\":[{\"name\":\"kids\",\"type\":"
        "{\"type\":\"array\",\"items\":\"N\"}},{\"name\":\"u\",\"type\":[\"null\",\"N\"]}]}";
    const char *const texts[] = {node, node};
    MR_CHECK_OK(parsed_texts(texts, 2));
    MR_CHECK(parsed.schema->root->fields[0].type->items == parsed.schema->root);
}
