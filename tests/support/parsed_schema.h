/* One schema under test: parsed by a test's text, released after the test. */
#ifndef MR_TESTS_SUPPORT_PARSED_SCHEMA_H
#define MR_TESTS_SUPPORT_PARSED_SCHEMA_H

#include "schemas/avro_schema.h"

/* Thread: the test's. */
extern struct parsed_schema {
    struct mr_schema *schema;
    struct mr_schema_opts opts; /* lenient names, unless a test says else */
    struct mr_buf text;         /* for texts that a test builds */
    struct mr_err err;
} parsed;

void parsed_setup(void);
void parsed_teardown(void);

/* Parse in the place of the schema before; the parser's answer. At most 8 texts. */
int parsed_texts(const char *const *texts, size_t n);
int parsed_text(const char *text);
int parsed_buf(void); /* parsed.text */

/* The root of a text that must be valid. */
const struct mr_avro_node *parsed_root(const char *text);
/* The fields of the record ns.R whose list of fields, as JSON without its brackets, is `fields`. */
const struct mr_avro_field *parsed_fields(const char *fields);

#endif
