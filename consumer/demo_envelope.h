/* One change as Debezium's PostgreSQL connector tells it: the envelope in Avro's JSON encoding, for
 * avro-c to encode (contract.md section 3). Pure. */
#ifndef MR_CONSUMER_DEMO_ENVELOPE_H
#define MR_CONSUMER_DEMO_ENVELOPE_H

#include "consumer/demo_values.h"

struct mr_demo_change {
    const struct mr_demo_table *table;
    uint8_t version;                    /* of the value's schema */
    char op;                            /* c r u d */
    const struct mr_demo_value *before; /* NULL: null */
    const struct mr_demo_value *after;  /* NULL: null */
    const bool *unavailable;            /* by column, of `after`; NULL: none */
    int64_t ts_us;
    uint64_t transaction;
    uint64_t lsn;
};

/* Appends {"before": ..., "after": ..., "source": ..., "op": ..., "ts_ms": ...}. Of `before` only
 * the key is told where the table has no full replica identity; the rest is fillers (E-11). */
void mr_demo_envelope_json(const struct mr_demo_change *change, struct mr_buf *out);
/* Appends the key's record. */
void mr_demo_key_json(const struct mr_demo_table *table, const struct mr_demo_value *values,
                      struct mr_buf *out);

#endif
