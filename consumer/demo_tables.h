/* The three tables that `millrace demo` pretends to capture: their columns as data, and the Avro
 * schemas that Debezium would register for them (contract.md sections 3 and 5). Orders have two
 * versions: the second one adds a nullable column. Pure. */
#ifndef MR_CONSUMER_DEMO_TABLES_H
#define MR_CONSUMER_DEMO_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { MR_DEMO_CUSTOMERS, MR_DEMO_ORDERS, MR_DEMO_ORDER_ITEMS, MR_DEMO_N_TABLES };
enum { MR_DEMO_MAX_COLUMNS = 16, MR_DEMO_VERSIONS = 2, MR_DEMO_MAX_PARTITIONS = 8 };

/* What a column is to Debezium, hence in Avro and in the target. */
enum mr_demo_kind {
    MR_DEMO_INT,
    MR_DEMO_SMALLINT,
    MR_DEMO_BOOL,
    MR_DEMO_TEXT,
    MR_DEMO_ENUM,
    MR_DEMO_UUID,
    MR_DEMO_JSON,
    MR_DEMO_DECIMAL, /* (12,2); the value is in hundredths */
    MR_DEMO_DATE,    /* days since 1970-01-01 */
    MR_DEMO_MICROS,  /* timestamp without zone; microseconds since 1970 */
    MR_DEMO_ZONED    /* timestamp with time zone; likewise */
};

/* What values a column gets (demo_values.c). */
enum mr_demo_content {
    MR_DEMO_KEY,       /* set by whoever makes the row */
    MR_DEMO_REFERENCE, /* a customer's id */
    MR_DEMO_NAME,
    MR_DEMO_EMAIL,
    MR_DEMO_TIER,
    MR_DEMO_STATUS,
    MR_DEMO_CURRENCY,
    MR_DEMO_CHANNEL,
    MR_DEMO_SKU,
    MR_DEMO_NOTE,
    MR_DEMO_MONEY,
    MR_DEMO_SMALL,
    MR_DEMO_FLAG,
    MR_DEMO_DAY,
    MR_DEMO_NOW,
    MR_DEMO_RANDOM_UUID,
    MR_DEMO_DOCUMENT
};

struct mr_demo_column {
    const char *name;
    enum mr_demo_kind kind;
    enum mr_demo_content content;
    bool nullable;
    bool fixed;    /* never changes after the row was made */
    bool toasted;  /* where an update leaves it alone, it may arrive as unavailable (U-01) */
    uint8_t since; /* the first version that has it: 0 or 1 */
};

struct mr_demo_table {
    const char *name;
    const char *topic;
    const struct mr_demo_column *columns;
    uint16_t n_columns;
    uint16_t n_key; /* the first columns; INT */
    uint16_t n_partitions;
    bool identity_full; /* REPLICA IDENTITY FULL: before is complete, else key and fillers (E-11) */
    uint32_t key_id;    /* schema ids */
    uint32_t value_ids[MR_DEMO_VERSIONS]; /* the same twice where there is one version */
};

extern const struct mr_demo_table mr_demo_tables[MR_DEMO_N_TABLES];

/* A registered schema: its place among the registry's subjects. Numbered from 0; NULL past the end.
 */
struct mr_demo_schema {
    uint32_t id;
    uint16_t table;
    uint8_t version; /* 0, 1: of the subject; registries count from 1 */
    bool is_key;
};
const struct mr_demo_schema *mr_demo_schema_at(size_t idx);
/* "shop.public.orders-value" */
void mr_demo_subject(const struct mr_demo_schema *schema, struct mr_buf *out);
/* The schema's JSON text. */
void mr_demo_schema_text(const struct mr_demo_schema *schema, struct mr_buf *out);

#endif
