/* The demo's tables and schemas: consistent as data, and valid for both Avro readers. */
#include "consumer/demo_tables.h"

#include "schemas/avro_lib.h"
#include "schemas/avro_schema.h"
#include "tests/support/mr_test.h"

#include "base/ban.h"

/* S-12, S-14 */
MR_TEST("both Avro readers take every schema")
{
    struct mr_buf text = MR_BUF_INIT;
    struct mr_err err = MR_ERR_INIT;
    for (size_t i = 0; mr_demo_schema_at(i) != NULL; i++) {
        struct mr_schema *schema = NULL;
        const struct mr_schema_opts opts = {.lenient_names = false};
        mr_buf_reset(&text);
        mr_demo_schema_text(mr_demo_schema_at(i), &text);
        MR_CHECK_OK(mr_avro_lib_check(mr_buf_cstr(&text), text.len, &err));
        const struct mr_schema_text one = {mr_buf_cstr(&text), text.len};
        MR_CHECK_OK(mr_schema_parse(&one, 1, &opts, &schema, &err));
        mr_schema_unref(schema);
    }
    mr_buf_release(&text);
}

MR_TEST("each table's ids name its own schemas, and no id is there twice")
{
    bool used[32] = {false};
    for (size_t i = 0; mr_demo_schema_at(i) != NULL; i++) {
        const struct mr_demo_schema *schema = mr_demo_schema_at(i);
        const struct mr_demo_table *table = &mr_demo_tables[schema->table];
        MR_CHECK(schema->id < 32 && !used[schema->id]);
        used[schema->id] = true;
        MR_CHECK_INT(schema->id,
                     schema->is_key ? table->key_id : table->value_ids[schema->version]);
    }
    for (size_t t = 0; t < MR_DEMO_N_TABLES; t++) {
        const struct mr_demo_table *table = &mr_demo_tables[t];
        MR_CHECK(used[table->key_id] && used[table->value_ids[0]] && used[table->value_ids[1]]);
        MR_CHECK(table->n_columns <= MR_DEMO_MAX_COLUMNS && table->n_key >= 1);
        MR_CHECK(table->n_partitions <= MR_DEMO_MAX_PARTITIONS);
        for (uint16_t c = 0; c < table->n_key; c++)
            MR_CHECK(table->columns[c].content == MR_DEMO_KEY && !table->columns[c].nullable);
    }
}

/* V-01 */
MR_TEST("the second version of orders has one nullable column more")
{
    struct mr_buf first = MR_BUF_INIT;
    struct mr_buf second = MR_BUF_INIT;
    for (size_t i = 0; mr_demo_schema_at(i) != NULL; i++) {
        const struct mr_demo_schema *schema = mr_demo_schema_at(i);
        if (schema->table == MR_DEMO_ORDERS && !schema->is_key)
            mr_demo_schema_text(schema, schema->version == 0 ? &first : &second);
    }
    MR_CHECK(strstr(mr_buf_cstr(&first), "\"channel\"") == NULL);
    MR_CHECK(strstr(mr_buf_cstr(&second),
                    "{\"name\":\"channel\",\"type\":[\"null\",\"string\"],\"default\":null}") !=
             NULL);
    mr_buf_release(&first);
    mr_buf_release(&second);
}
