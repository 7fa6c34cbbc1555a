/* Single values of the demo's rows: how they are invented, how the target must show them, and how
 * Debezium writes them. The printing is this file's own and shares nothing with the decode path, so
 * that comparing it with the target means something. Pure. */
#ifndef MR_CONSUMER_DEMO_VALUES_H
#define MR_CONSUMER_DEMO_VALUES_H

#include "base/clock.h"
#include "consumer/demo_tables.h"

/* The text of a column that did not change and is stored out of line (contract.md section 4). */
#define MR_DEMO_UNAVAILABLE "__debezium_unavailable_value"

struct mr_demo_value {
    const char *text; /* of TEXT, ENUM, UUID and JSON */
    int64_t number;   /* of the others, in the unit of the kind */
    bool is_null;
};

/* Where invented values come from. */
struct mr_demo_inventor {
    struct mr_rng *rng;
    struct mr_buf *texts; /* invented texts are appended, each with its NUL */
    int64_t now_us;       /* the source's clock */
    int64_t max_reference;
};

/* A value for the column; null for some where it may be. A text's place is an offset into `texts`
 * kept in `number`, since the buffer moves: mr_demo_values_settle() makes pointers of them. */
void mr_demo_value_invent(const struct mr_demo_inventor *from, const struct mr_demo_column *column,
                          struct mr_demo_value *out);
void mr_demo_values_settle(const struct mr_demo_table *table, struct mr_demo_value *values,
                           const struct mr_buf *texts, const bool *invented);

bool mr_demo_kind_is_text(enum mr_demo_kind kind);

/* Appends what a SELECT of the column as text must give; nothing for NULL. */
void mr_demo_value_print(const struct mr_demo_column *column, const struct mr_demo_value *value,
                         struct mr_buf *out);
/* Appends the value in Avro's JSON encoding, in its union where the column is nullable. */
void mr_demo_value_json(const struct mr_demo_column *column, const struct mr_demo_value *value,
                        struct mr_buf *out);
/* The filler of a required column that REPLICA IDENTITY DEFAULT leaves out of `before` (E-11). */
void mr_demo_value_filler(const struct mr_demo_column *column, struct mr_demo_value *out);

#endif
