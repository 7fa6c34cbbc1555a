/* What a field means, told by connect.name, then logicalType, then its bare type (contract.md
 * S-14), and the column type that it gets by default (section 5). Pure. Threads: any. */
#ifndef MR_SCHEMAS_SEMANTIC_H
#define MR_SCHEMAS_SEMANTIC_H

#include "schemas/avro_schema.h"
#include "schemas/table.h"

enum mr_semantic {
    MR_SEM_NULL,
    MR_SEM_BOOLEAN,
    MR_SEM_INT16,
    MR_SEM_INT32,
    MR_SEM_INT64,
    MR_SEM_FLOAT,
    MR_SEM_DOUBLE,
    MR_SEM_STRING,
    MR_SEM_ENUM_SET,
    MR_SEM_XML,
    MR_SEM_JSON,
    MR_SEM_ENUM, /* Avro's own: an index into symbols */
    MR_SEM_BYTES,
    MR_SEM_DECIMAL,
    MR_SEM_VAR_DECIMAL,
    MR_SEM_DATE,
    MR_SEM_TIME_MS,
    MR_SEM_TIME_US,
    MR_SEM_TIME_NS,
    MR_SEM_TS_MS,
    MR_SEM_TS_US,
    MR_SEM_TS_NS,
    MR_SEM_TSTZ_MS,
    MR_SEM_TSTZ_US,
    MR_SEM_TSTZ_NS,
    MR_SEM_ZONED_TS,
    MR_SEM_ZONED_TIME,
    MR_SEM_ISO_DATE,
    MR_SEM_ISO_TIME,
    MR_SEM_ISO_TS,
    MR_SEM_DURATION_US,
    MR_SEM_DURATION_NS,
    MR_SEM_INTERVAL,
    MR_SEM_AVRO_DURATION,
    MR_SEM_UUID,
    MR_SEM_UUID_BYTES,
    MR_SEM_BITS,
    MR_SEM_ARRAY,  /* of scalars */
    MR_SEM_NESTED, /* everything else: rendered as JSON */
    MR_N_SEMANTICS
};

/* A type without its nullability. */
struct mr_typed {
    const struct mr_avro_node *node;   /* the non-null branch */
    const struct mr_avro_props *props; /* what decides its meaning */
    int null_branch;                   /* index of null in the union; -1: not nullable */
    enum mr_semantic semantic;
};

/* `props` NULL: the type's own (items, union branches). */
void mr_typed_of(const struct mr_avro_node *node, const struct mr_avro_props *props,
                 struct mr_typed *out);
/* What the items of an MR_SEM_ARRAY are. */
void mr_typed_items(const struct mr_typed *array, struct mr_typed *out);

/* The column that it gets where nothing else is said; length, precision and scale set, oids 0. */
void mr_semantic_column(const struct mr_typed *typed, struct mr_coltype *out);

/* Scale of a DECIMAL; length of BITS (INT32_MAX: unbounded). */
int32_t mr_semantic_scale(const struct mr_avro_props *props);
int32_t mr_semantic_bits(const struct mr_avro_props *props);

/* The type that a `cast` of a route names; false where the name is unknown. */
bool mr_semantic_cast(const char *name, struct mr_coltype *out);

#endif
