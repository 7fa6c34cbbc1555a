/* The schema model: Avro's tree with everything that Connect and Debezium hang on it (connect.name,
 * connect.parameters, defaults, aliases ...), parsed from the schema's JSON. Immutable after
 * parsing, shared by reference count. Recursive types make the graph cyclic: walks carry a depth or
 * visited set (contract.md S-10). Threads: any. */
#ifndef MR_SCHEMAS_AVRO_SCHEMA_H
#define MR_SCHEMAS_AVRO_SCHEMA_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum mr_avro_kind {
    MR_AV_NULL,
    MR_AV_BOOLEAN,
    MR_AV_INT,
    MR_AV_LONG,
    MR_AV_FLOAT,
    MR_AV_DOUBLE,
    MR_AV_BYTES,
    MR_AV_STRING,
    MR_AV_RECORD,
    MR_AV_ENUM,
    MR_AV_FIXED,
    MR_AV_ARRAY,
    MR_AV_MAP,
    MR_AV_UNION
};

enum mr_logical {
    MR_LOGICAL_NONE,
    MR_LOGICAL_DECIMAL,
    MR_LOGICAL_UUID,
    MR_LOGICAL_DATE,
    MR_LOGICAL_TIME_MILLIS,
    MR_LOGICAL_TIME_MICROS,
    MR_LOGICAL_TIMESTAMP_MILLIS,
    MR_LOGICAL_TIMESTAMP_MICROS,
    MR_LOGICAL_TIMESTAMP_NANOS,
    MR_LOGICAL_LOCAL_TIMESTAMP_MILLIS,
    MR_LOGICAL_LOCAL_TIMESTAMP_MICROS,
    MR_LOGICAL_LOCAL_TIMESTAMP_NANOS,
    MR_LOGICAL_DURATION
};

struct mr_avro_param { /* connect.parameters, values are strings */
    const char *name;
    const char *value;
};

/* Attributes of a type object, or of a field whose type is a bare primitive (S-14: the type wins).
 */
struct mr_avro_props {
    const char *connect_name; /* NULL: none */
    const char *connect_type; /* "int8", "int16", "bytes" ...; NULL */
    const struct mr_avro_param *params;
    uint16_t n_params;
    enum mr_logical logical; /* NONE where invalid for its base (S-13) */
    int32_t precision;       /* decimal; -1 */
    int32_t scale;           /* decimal; 0 */
};

struct mr_avro_node;

struct mr_avro_field {
    const char *name;
    const struct mr_avro_node *type;
    struct mr_avro_props
        props; /* the field's own, already merged: what S-14 decides for this field */
    const char *default_json; /* JSON text; NULL: no default */
    const char *const *aliases;
    uint16_t n_aliases;
};

struct mr_avro_node {
    enum mr_avro_kind kind;
    const char *name;      /* unqualified; NULL for unnamed types */
    const char *full_name; /* with namespace */
    struct mr_avro_props props;
    const struct mr_avro_field *fields; /* record */
    uint16_t n_fields;
    const struct mr_avro_node *const *branches; /* union */
    uint16_t n_branches;
    const struct mr_avro_node *items; /* array items, map values */
    const char *const *symbols;       /* enum */
    uint32_t n_symbols;
    const uint32_t *by_name;  /* places of fields or symbols, ordered by name: avro_index.h */
    const char *enum_default; /* NULL */
    uint32_t size;            /* fixed */
    uint32_t min_bytes;       /* least encoded size (S-35), recursion counted as 0, saturating */
    const char *const *aliases;
    uint16_t n_aliases;
    uint32_t node_idx; /* 0..n_nodes-1 in its schema: for visited sets and caches */
};

struct mr_schema {
    _Atomic uint32_t refs;
    struct mr_arena arena;
    const struct mr_avro_node *root;
    uint32_t n_nodes;
    int64_t id;       /* registry id where known; -1 */
    const char *text; /* the schema's JSON, in arena */
    size_t text_len;
    bool encrypted;       /* rule set with ENCRYPT (F-18) */
    const char *odd_name; /* the first name outside Avro's grammar (S-11); NULL: none */
};

/* A named schema that `text` may refer to (registry references, F-41), already parsed texts in
 * dependency order. */
struct mr_schema_text {
    const char *json;
    size_t len;
};

struct mr_schema_opts {
    bool lenient_names; /* S-11 */
};

/* Parses the texts in order (references first, the schema itself last) into one model. A name that
 * an earlier text defined may be defined again with the same content: it is then the same node, so
 * that named types are equal exactly when their pointers are. Names are kept as they are written;
 * aliases of types are full names. Limits of S-23, and of 4,096 bytes for a full name. texts
 * borrowed; the last one is copied as the schema's `text` out    gives: mr_schema_unref();
 * untouched on error Errors: schema.invalid, schema.too_large, schema.bad_reference (same name,
 * different content). Thread: any. */
int mr_schema_parse(const struct mr_schema_text *texts, size_t n_texts,
                    const struct mr_schema_opts *opts, struct mr_schema **out, struct mr_err *err);
struct mr_schema *mr_schema_ref(struct mr_schema *schema);
void mr_schema_unref(struct mr_schema *schema); /* NULL is allowed */

/* Value of a connect parameter, or NULL. */
const char *mr_avro_param(const struct mr_avro_props *props, const char *name);
/* The one non-null branch of a [null, T] / [T, null] union and which index null has; false if it is
 * not such a union (S-17). */
bool mr_avro_nullable(const struct mr_avro_node *node, const struct mr_avro_node **inner,
                      uint32_t *null_idx);
const char *mr_avro_kind_name(enum mr_avro_kind kind);

/* CRC-64-AVRO of the schema's Parsing Canonical Form: what single-object encoding names a schema by
 * (F-13). Errors: -MR_SCHEMA_TOO_LARGE where the form would be larger than 8 MiB.
 * Source: Avro specification, "Parsing Canonical Form for Schemas", "Schema Fingerprints". */
int mr_schema_fingerprint(const struct mr_schema *schema, uint64_t *out, struct mr_err *err);
/* Appends that form. Errors: -MR_NO_MEMORY; check mr_buf_ok() for the buffer's limit. */
int mr_schema_canonical(const struct mr_schema *schema, struct mr_buf *out, struct mr_err *err);

#endif
