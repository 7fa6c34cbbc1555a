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
    MR_SEM_TSVECTOR,
    MR_SEM_LTREE,
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
    /* Containers with a meaning as a whole: read as bytes, taken apart when they are converted. */
    MR_SEM_VAR_DECIMAL_RECORD, /* T-09 with other fields, or nullable ones */
    MR_SEM_S_DATE,             /* S: structured, T-24 */
    MR_SEM_S_TIME,
    MR_SEM_S_TS,
    MR_SEM_S_ZONED_TIME,
    MR_SEM_S_ZONED_TS,
    MR_SEM_S_DURATION,
    MR_SEM_GEOMETRY,
    MR_SEM_GEOGRAPHY,
    MR_SEM_POINT,
    MR_SEM_CIRCLE,
    MR_SEM_LINE,
    MR_SEM_VECTOR,
    MR_SEM_HALFVEC,
    MR_SEM_SPARSEVEC,
    MR_SEM_STRING_MAP,
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
    bool borrowed; /* its `__debezium.source.*` are another column's (mr_naming_is_borrowed) */
};

/* A container that is read as a whole. */
static inline bool mr_semantic_is_whole(enum mr_semantic semantic)
{
    return semantic >= MR_SEM_VAR_DECIMAL_RECORD && semantic <= MR_SEM_STRING_MAP;
}
/* A record that is one value in a document too; all others stand there as they are built. */
static inline bool mr_semantic_is_leaf_record(enum mr_semantic semantic)
{
    return semantic == MR_SEM_VAR_DECIMAL ||
           (semantic >= MR_SEM_VAR_DECIMAL_RECORD && semantic <= MR_SEM_S_DURATION);
}

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
/* A bit string of any length up to that: the source's column is VARBIT (T-33). */
bool mr_semantic_is_varbit(const struct mr_avro_props *props);
bool mr_semantic_is_bit(const struct mr_avro_props *props); /* the source says BIT */

/* What a type becomes where the target does not have it: ltree text, vectors arrays of floats,
 * sparsevec and hstore jsonb, geometries bytea, figures text. */
void mr_semantic_fallback(struct mr_coltype *type);

/* The type that a `cast` of a route names; false where the name is unknown. */
bool mr_semantic_cast(const char *name, struct mr_coltype *out);

#endif
