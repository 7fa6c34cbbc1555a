/* Owns the schema under test of tests/unit/schemas/avro_*_test.c. */
#include "tests/support/parsed_schema.h"

#include "tests/support/mr_test.h"

struct parsed_schema parsed;

void parsed_setup(void)
{
    memset(&parsed, 0, sizeof parsed);
    parsed.opts.lenient_names = true;
    mr_err_clear(&parsed.err);
}

void parsed_teardown(void)
{
    mr_schema_unref(parsed.schema);
    mr_buf_release(&parsed.text);
}

int parsed_texts(const char *const *texts, size_t n)
{
    struct mr_schema_text list[8];
    for (size_t i = 0; i < n; i++)
        list[i] = (struct mr_schema_text){texts[i], strlen(texts[i])};
    mr_schema_unref(parsed.schema);
    parsed.schema = NULL;
    return mr_schema_parse(list, n, &parsed.opts, &parsed.schema, &parsed.err);
}

int parsed_text(const char *text)
{
    return parsed_texts(&text, 1);
}

int parsed_buf(void)
{
    return parsed_text(mr_buf_cstr(&parsed.text));
}

const struct mr_avro_node *parsed_root(const char *text)
{
    int rc = parsed_text(text);
    if (rc < 0)
        MR_FAIL("%s: %s", mr_code_printed(rc), parsed.err.detail);
    return parsed.schema->root;
}

const struct mr_avro_field *parsed_fields(const char *fields)
{
    struct mr_buf text = MR_BUF_INIT;
    mr_buf_fmt(&text, "{\"type\":\"record\",\"name\":\"ns.R\",\"fields\":[%s]}", fields);
    const struct mr_avro_node *root = parsed_root(mr_buf_cstr(&text));
    mr_buf_release(&text);
    return root->fields;
}
