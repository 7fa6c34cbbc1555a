/* The envelope's text, against what Debezium's documentation shows. */
#include "consumer/demo_envelope.h"

#include "tests/support/mr_test.h"

#include "base/ban.h"

static struct mr_buf out;
static struct mr_demo_value values[MR_DEMO_MAX_COLUMNS];

MR_SETUP
{
    for (size_t i = 0; i < MR_DEMO_MAX_COLUMNS; i++)
        values[i] = (struct mr_demo_value){.text = "x", .number = 7};
}

MR_TEARDOWN
{
    mr_buf_release(&out);
}

static struct mr_demo_change change_of(uint16_t table, char op)
{
    return (struct mr_demo_change){
        .table = &mr_demo_tables[table], .op = op, .ts_us = 5000, .lsn = 100, .transaction = 9};
}

static bool has(const char *text)
{
    return strstr(mr_buf_cstr(&out), text) != NULL;
}

/* E-01 */
MR_TEST("a create tells every column of its version and nothing before")
{
    struct mr_demo_change change = change_of(MR_DEMO_ORDERS, 'c');
    change.after = values;
    mr_demo_envelope_json(&change, &out);
    MR_CHECK(has("{\"before\":null,\"after\":{\"Value\":{\"id\":7,"));
    MR_CHECK(has("\"note\":{\"string\":\"x\"}"));
    MR_CHECK(has("\"op\":\"c\",\"ts_ms\":{\"long\":8}}"));
    MR_CHECK(has("\"snapshot\":{\"string\":\"false\"}"));
    MR_CHECK(!has("channel"));
    mr_buf_reset(&out);
    change.version = 1;
    mr_demo_envelope_json(&change, &out);
    MR_CHECK(has("\"channel\":{\"string\":\"x\"}"));
}

/* E-11 */
MR_TEST("before holds the key and fillers, unless the table has a full replica identity")
{
    struct mr_demo_change change = change_of(MR_DEMO_ORDERS, 'd');
    change.before = values;
    mr_demo_envelope_json(&change, &out);
    MR_CHECK(has("{\"before\":{\"Value\":{\"id\":7,\"customer_id\":0,\"status\":\"\","));
    MR_CHECK(has("\"note\":null"));
    MR_CHECK(has("\"after\":null"));
    mr_buf_reset(&out);
    change = change_of(MR_DEMO_CUSTOMERS, 'd');
    change.before = values;
    mr_demo_envelope_json(&change, &out);
    MR_CHECK(has("{\"before\":{\"Value\":{\"id\":7,\"name\":\"x\","));
}

/* U-01 */
MR_TEST("an unavailable column holds the placeholder, in its union where it is nullable")
{
    bool unavailable[MR_DEMO_MAX_COLUMNS] = {false};
    struct mr_demo_change change = change_of(MR_DEMO_ORDERS, 'u');
    change.after = values;
    change.unavailable = unavailable;
    for (uint16_t i = 0; i < change.table->n_columns; i++)
        unavailable[i] = change.table->columns[i].toasted;
    mr_demo_envelope_json(&change, &out);
    MR_CHECK(has("\"details\":\"__debezium_unavailable_value\""));
    MR_CHECK(has("\"note\":{\"string\":\"__debezium_unavailable_value\"}"));
}

/* F-20 */
MR_TEST("a composite key tells its columns in their order, a snapshot says that it is one")
{
    values[1].number = 8;
    mr_demo_key_json(&mr_demo_tables[MR_DEMO_ORDER_ITEMS], values, &out);
    MR_CHECK_STR(mr_buf_cstr(&out), "{\"order_id\":7,\"line_no\":8}");
    struct mr_demo_change change = change_of(MR_DEMO_ORDER_ITEMS, 'r');
    change.after = values;
    mr_demo_envelope_json(&change, &out);
    MR_CHECK(has("\"snapshot\":{\"string\":\"true\"}"));
}
