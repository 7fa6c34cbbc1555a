/* Owns the demo's tables as data and their Avro schemas. Must not know values or records. */
#include "consumer/demo_tables.h"

#include "base/ban.h"

static const struct mr_demo_column customers[] = {
    {"id", MR_DEMO_INT, MR_DEMO_KEY, false, true, false, 0},
    {"name", MR_DEMO_TEXT, MR_DEMO_NAME, false, false, false, 0},
    {"email", MR_DEMO_TEXT, MR_DEMO_EMAIL, true, false, false, 0},
    {"tier", MR_DEMO_ENUM, MR_DEMO_TIER, false, false, false, 0},
    {"credit", MR_DEMO_DECIMAL, MR_DEMO_MONEY, true, false, false, 0},
    {"active", MR_DEMO_BOOL, MR_DEMO_FLAG, false, false, false, 0},
    {"born_on", MR_DEMO_DATE, MR_DEMO_DAY, true, true, false, 0},
    {"updated_at", MR_DEMO_ZONED, MR_DEMO_NOW, false, false, false, 0},
};

static const struct mr_demo_column orders[] = {
    {"id", MR_DEMO_INT, MR_DEMO_KEY, false, true, false, 0},
    {"customer_id", MR_DEMO_INT, MR_DEMO_REFERENCE, false, true, false, 0},
    {"status", MR_DEMO_ENUM, MR_DEMO_STATUS, false, false, false, 0},
    {"amount", MR_DEMO_DECIMAL, MR_DEMO_MONEY, false, false, false, 0},
    {"currency", MR_DEMO_TEXT, MR_DEMO_CURRENCY, false, true, false, 0},
    {"created_at", MR_DEMO_MICROS, MR_DEMO_NOW, false, true, false, 0},
    {"order_uuid", MR_DEMO_UUID, MR_DEMO_RANDOM_UUID, false, true, false, 0},
    {"details", MR_DEMO_JSON, MR_DEMO_DOCUMENT, false, false, true, 0},
    {"note", MR_DEMO_TEXT, MR_DEMO_NOTE, true, false, true, 0},
    {"priority", MR_DEMO_SMALLINT, MR_DEMO_SMALL, false, false, false, 0},
    {"shipped_on", MR_DEMO_DATE, MR_DEMO_DAY, true, false, false, 0},
    {"changed_at", MR_DEMO_ZONED, MR_DEMO_NOW, false, false, false, 0},
    {"channel", MR_DEMO_TEXT, MR_DEMO_CHANNEL, true, false, false, 1},
};

static const struct mr_demo_column order_items[] = {
    {"order_id", MR_DEMO_INT, MR_DEMO_KEY, false, true, false, 0},
    {"line_no", MR_DEMO_INT, MR_DEMO_KEY, false, true, false, 0},
    {"sku", MR_DEMO_TEXT, MR_DEMO_SKU, false, false, false, 0},
    {"quantity", MR_DEMO_SMALLINT, MR_DEMO_SMALL, false, false, false, 0},
    {"unit_price", MR_DEMO_DECIMAL, MR_DEMO_MONEY, false, false, false, 0},
    {"discount", MR_DEMO_DECIMAL, MR_DEMO_MONEY, true, false, false, 0},
    {"gift", MR_DEMO_BOOL, MR_DEMO_FLAG, false, false, false, 0},
    {"packed_at", MR_DEMO_ZONED, MR_DEMO_NOW, true, false, false, 0},
};

enum { ORDERS_VALUE = 4, ORDERS_VALUE_2 = 7 };

#define COLUMNS(list) list, sizeof(list) / sizeof((list)[0])
const struct mr_demo_table mr_demo_tables[MR_DEMO_N_TABLES] = {
    [MR_DEMO_CUSTOMERS] =
        {"customers", "shop.public.customers", COLUMNS(customers), 1, 1, true, 1, {2, 2}},
    [MR_DEMO_ORDERS] = {"orders",
                        "shop.public.orders",
                        COLUMNS(orders),
                        1,
                        3,
                        false,
                        3,
                        {ORDERS_VALUE, ORDERS_VALUE_2}},
    [MR_DEMO_ORDER_ITEMS] =
        {"order_items", "shop.public.order_items", COLUMNS(order_items), 2, 2, false, 5, {6, 6}},
};

static const struct mr_demo_schema schemas[] = {
    {1, MR_DEMO_CUSTOMERS, 0, true},
    {2, MR_DEMO_CUSTOMERS, 0, false},
    {3, MR_DEMO_ORDERS, 0, true},
    {ORDERS_VALUE, MR_DEMO_ORDERS, 0, false},
    {5, MR_DEMO_ORDER_ITEMS, 0, true},
    {6, MR_DEMO_ORDER_ITEMS, 0, false},
    {ORDERS_VALUE_2, MR_DEMO_ORDERS, 1, false},
};

const struct mr_demo_schema *mr_demo_schema_at(size_t idx)
{
    return idx < sizeof schemas / sizeof schemas[0] ? &schemas[idx] : NULL;
}

void mr_demo_subject(const struct mr_demo_schema *schema, struct mr_buf *out)
{
    mr_buf_fmt(out, "%s-%s", mr_demo_tables[schema->table].topic, schema->is_key ? "key" : "value");
}

/* Names of connect.name are those of Debezium's PostgreSQL connector (contract.md section 5). */
static const char *const kind_types[] = {
    [MR_DEMO_INT] = "\"int\"",
    [MR_DEMO_SMALLINT] = "{\"type\":\"int\",\"connect.type\":\"int16\"}",
    [MR_DEMO_BOOL] = "\"boolean\"",
    [MR_DEMO_TEXT] = "\"string\"",
    [MR_DEMO_ENUM] =
        "{\"type\":\"string\",\"connect.version\":1,\"connect.name\":\"io.debezium.data.Enum\"}",
    [MR_DEMO_UUID] =
        "{\"type\":\"string\",\"connect.version\":1,\"connect.name\":\"io.debezium.data.Uuid\"}",
    [MR_DEMO_JSON] =
        "{\"type\":\"string\",\"connect.version\":1,\"connect.name\":\"io.debezium.data.Json\"}",
    [MR_DEMO_DECIMAL] =
        "{\"type\":\"bytes\",\"scale\":2,\"precision\":12,\"connect.version\":1,"
        "\"connect.parameters\":{\"scale\":\"2\",\"connect.decimal.precision\":\"12\"},"
        "\"connect.name\":\"org.apache.kafka.connect.data.Decimal\",\"logicalType\":\"decimal\"}",
    [MR_DEMO_DATE] =
        "{\"type\":\"int\",\"connect.version\":1,\"connect.name\":\"io.debezium.time.Date\"}",
    [MR_DEMO_MICROS] = "{\"type\":\"long\",\"connect.version\":1,"
                       "\"connect.name\":\"io.debezium.time.MicroTimestamp\"}",
    [MR_DEMO_ZONED] = "{\"type\":\"string\",\"connect.version\":1,"
                      "\"connect.name\":\"io.debezium.time.ZonedTimestamp\"}",
};

static void add_field(struct mr_buf *out, const struct mr_demo_column *column, bool first)
{
    mr_buf_fmt(out, "%s{\"name\":\"%s\",\"type\":", first ? "" : ",", column->name);
    if (column->nullable)
        mr_buf_fmt(out, "[\"null\",%s],\"default\":null}", kind_types[column->kind]);
    else
        mr_buf_fmt(out, "%s}", kind_types[column->kind]);
}

static void add_key(struct mr_buf *out, const struct mr_demo_table *table)
{
    mr_buf_fmt(out, "{\"type\":\"record\",\"name\":\"Key\",\"namespace\":\"%s\",\"fields\":[",
               table->topic);
    for (uint16_t i = 0; i < table->n_key; i++)
        add_field(out, &table->columns[i], i == 0);
    mr_buf_fmt(out, "],\"connect.name\":\"%s.Key\"}", table->topic);
}

static const char source_type[] =
    "{\"type\":\"record\",\"name\":\"Source\",\"namespace\":\"io.debezium.connector.postgresql\","
    "\"fields\":[{\"name\":\"version\",\"type\":\"string\"},"
    "{\"name\":\"connector\",\"type\":\"string\"},{\"name\":\"name\",\"type\":\"string\"},"
    "{\"name\":\"ts_ms\",\"type\":\"long\"},"
    "{\"name\":\"snapshot\",\"type\":[{\"type\":\"string\",\"connect.version\":1,"
    "\"connect.parameters\":{\"allowed\":\"true,first,first_in_data_collection,"
    "last_in_data_collection,last,false,incremental\"},\"connect.default\":\"false\","
    "\"connect.name\":\"io.debezium.data.Enum\"},\"null\"],\"default\":\"false\"},"
    "{\"name\":\"db\",\"type\":\"string\"},"
    "{\"name\":\"sequence\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"schema\",\"type\":\"string\"},{\"name\":\"table\",\"type\":\"string\"},"
    "{\"name\":\"txId\",\"type\":[\"null\",\"long\"],\"default\":null},"
    "{\"name\":\"lsn\",\"type\":[\"null\",\"long\"],\"default\":null}],"
    "\"connect.name\":\"io.debezium.connector.postgresql.Source\"}";

static void add_value(struct mr_buf *out, const struct mr_demo_table *table, uint8_t version)
{
    bool first = true;

    mr_buf_fmt(out,
               "{\"type\":\"record\",\"name\":\"Envelope\",\"namespace\":\"%s\",\"fields\":["
               "{\"name\":\"before\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Value\","
               "\"fields\":[",
               table->topic);
    for (uint16_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].since > version)
            continue;
        add_field(out, &table->columns[i], first);
        first = false;
    }
    mr_buf_fmt(out,
               "],\"connect.name\":\"%s.Value\"}],\"default\":null},"
               "{\"name\":\"after\",\"type\":[\"null\",\"Value\"],\"default\":null},"
               "{\"name\":\"source\",\"type\":%s},{\"name\":\"op\",\"type\":\"string\"},"
               "{\"name\":\"ts_ms\",\"type\":[\"null\",\"long\"],\"default\":null}],"
               "\"connect.version\":2,\"connect.name\":\"%s.Envelope\"}",
               table->topic, source_type, table->topic);
}

void mr_demo_schema_text(const struct mr_demo_schema *schema, struct mr_buf *out)
{
    const struct mr_demo_table *table = &mr_demo_tables[schema->table];

    if (schema->is_key)
        add_key(out, table);
    else
        add_value(out, table, schema->version);
}
