/* What one entry of `tables` says: how records of a topic become rows of a table. Every field has
 * its default after mr_config_load(); strings are never NULL ("" means not set). The choices' names
 * stand in config/choices.c, the meaning of each setting in contract.md (the ids beside the fields)
 * and in docs/configuration.md. Threads: any; immutable after load. */
#ifndef MR_CONFIG_ROUTE_CONF_H
#define MR_CONFIG_ROUTE_CONF_H

#include <stdbool.h>
#include <stdint.h>

enum mr_conf_strategy {
    MR_CONF_UPSERT,
    MR_CONF_APPEND,
    MR_CONF_FACTS,
    MR_CONF_UPDATE,
    MR_CONF_SOFT_DELETE,
    MR_CONF_SCD2
};
enum mr_conf_evolve {
    MR_CONF_EVOLVE_ADD,
    MR_CONF_EVOLVE_WIDEN,
    MR_CONF_EVOLVE_FREEZE,
    MR_CONF_EVOLVE_DISCARD_COLUMN,
    MR_CONF_EVOLVE_DISCARD_RECORD
};
enum mr_conf_format {
    MR_CONF_FORMAT_AUTO,
    MR_CONF_FORMAT_CONFLUENT,
    MR_CONF_FORMAT_CONFLUENT_HEADER,
    MR_CONF_FORMAT_APICURIO_HEADER,
    MR_CONF_FORMAT_APICURIO8,
    MR_CONF_FORMAT_RAW_AVRO,
    MR_CONF_FORMAT_STRING,
    MR_CONF_FORMAT_JSON,
    MR_CONF_FORMAT_INT32,
    MR_CONF_FORMAT_INT64,
    MR_CONF_FORMAT_BYTES
};
enum mr_conf_route_by { MR_CONF_ROUTE_TOPIC, MR_CONF_ROUTE_SOURCE };
enum mr_conf_key_source { MR_CONF_KEY_SOURCE_KEY, MR_CONF_KEY_SOURCE_VALUE };
enum mr_conf_envelope { MR_CONF_ENVELOPE_AUTO, MR_CONF_ENVELOPE_DEBEZIUM, MR_CONF_ENVELOPE_PLAIN };
enum mr_conf_tombstone { MR_CONF_TOMBSTONE_DELETE, MR_CONF_TOMBSTONE_IGNORE };
enum mr_conf_truncate { MR_CONF_TRUNCATE_APPLY, MR_CONF_TRUNCATE_SKIP, MR_CONF_TRUNCATE_HALT };
enum mr_conf_keyless { MR_CONF_KEYLESS_APPEND, MR_CONF_KEYLESS_MATCH_FULL };
enum mr_conf_key_change { MR_CONF_KEY_CHANGE_RECORD, MR_CONF_KEY_CHANGE_BEFORE };
enum mr_conf_nested { MR_CONF_NESTED_JSON, MR_CONF_NESTED_FLATTEN };
enum mr_conf_detect { MR_CONF_DETECT_AUTO, MR_CONF_DETECT_OFF };
enum mr_conf_missing_row {
    MR_CONF_MISSING_ROW_POISON,
    MR_CONF_MISSING_ROW_HALT,
    MR_CONF_MISSING_ROW_NULL
};
enum mr_conf_text_nul { MR_CONF_TEXT_NUL_POISON, MR_CONF_TEXT_NUL_STRIP, MR_CONF_TEXT_NUL_REPLACE };
enum mr_conf_nanos { MR_CONF_NANOS_TRUNCATE, MR_CONF_NANOS_POISON };
enum mr_conf_excess_scale { MR_CONF_EXCESS_SCALE_POISON, MR_CONF_EXCESS_SCALE_ROUND };
enum mr_conf_case { MR_CONF_CASE_KEEP, MR_CONF_CASE_LOWER, MR_CONF_CASE_UPPER };
enum mr_conf_long_name { MR_CONF_LONG_NAME_HASH, MR_CONF_LONG_NAME_HALT };
enum mr_conf_name_source { MR_CONF_NAME_FIELD, MR_CONF_NAME_ORIGINAL };
enum mr_conf_unmangle { MR_CONF_UNMANGLE_NONE, MR_CONF_UNMANGLE_AVRO_UNICODE };
enum mr_conf_bad_record { MR_CONF_BAD_DEAD_LETTER, MR_CONF_BAD_STOP, MR_CONF_BAD_SKIP };
enum mr_conf_unit {
    MR_CONF_UNIT_NONE,
    MR_CONF_UNIT_S,
    MR_CONF_UNIT_MS,
    MR_CONF_UNIT_US,
    MR_CONF_UNIT_NS,
    MR_CONF_UNIT_DAYS
};
enum mr_conf_mask { MR_CONF_MASK_NONE, MR_CONF_MASK_SHA256 };
enum mr_conf_meta {
    MR_CONF_META_TOPIC,
    MR_CONF_META_PARTITION,
    MR_CONF_META_OFFSET,
    MR_CONF_META_OP,
    MR_CONF_META_TS,
    MR_CONF_META_SOURCE_TS,
    MR_CONF_META_LOADED_AT,
    MR_CONF_META_SCHEMA_ID
};
enum mr_conf_start_kind {
    MR_CONF_START_DEFAULT, /* of a route before load has put the global rule in its place */
    MR_CONF_START_COMMITTED,
    MR_CONF_START_EARLIEST,
    MR_CONF_START_LATEST,
    MR_CONF_START_TIMESTAMP
};

/* Where a partition without a position begins (K-06). */
struct mr_conf_start {
    enum mr_conf_start_kind kind;
    int64_t timestamp_ms; /* Unix; only with TIMESTAMP */
};

struct mr_strs {
    const char *const *items;
    uint32_t n_items;
};

struct mr_column_conf {
    const char *field;
    const char *name; /* "": as the field */
    const char *cast; /* a type's name: the only permission for a lossy conversion */
    enum mr_conf_unit unit;
    enum mr_conf_mask mask;
    enum mr_conf_detect unavailable_detect;
};

enum mr_conf_constant_kind { MR_CONF_TEXT, MR_CONF_WHOLE, MR_CONF_REAL, MR_CONF_TRUTH };

/* A literal with the form that it has in the file. */
struct mr_conf_scalar {
    enum mr_conf_constant_kind kind;
    const char *text; /* `true` and `false` for TRUTH */
};

struct mr_constant_conf {
    const char *name;
    struct mr_conf_scalar value;
    const char *cast; /* "": by the literal's kind */
};

struct mr_meta_conf {
    enum mr_conf_meta from;
    const char *name; /* "": as `from` */
};

struct mr_route_conf {
    const char *label; /* the topic or the regular expression: names the route to people */
    const char *topic; /* one of these two is set */
    const char *topic_regex;
    const char *schema;             /* "": target.schema, or a part of `table` (I-01) */
    const char *table;              /* "": made from the topic; `$1` to `$9` with topic_regex */
    enum mr_conf_route_by route_by; /* E-30 */
    enum mr_conf_strategy strategy;
    enum mr_conf_evolve evolve;     /* V rows */
    bool create;                    /* V-11 */
    bool add_defaults;              /* V-06 */
    bool relax_not_null;            /* V-08 */
    bool widen_rewrite;             /* V-04 */
    bool table_shared;              /* I-08 */
    struct mr_conf_start start;     /* K-06 */
    bool source_skip_corrupt;       /* K-10 */
    const char *registry;           /* "default" or the name of an entry of `registries` */
    uint32_t registry_idx;          /* for mr_config_registry() */
    enum mr_conf_format key_format; /* F-01 to F-13 */
    enum mr_conf_format value_format;
    const char *value_schema;           /* S-01: reader schema as JSON, or "" */
    const char *key_schema;             /* the same for keys */
    bool schema_lenient_names;          /* S-11 */
    struct mr_strs key_columns;         /* F-21, F-23, F-30 */
    enum mr_conf_key_source key_source; /* F-23 */
    const char *value_column;           /* E-27 */
    struct mr_strs include;             /* fields; empty: all */
    struct mr_strs exclude;
    struct mr_column_conf *columns;
    uint32_t n_columns;
    struct mr_constant_conf *constants;
    uint32_t n_constants;
    struct mr_meta_conf *meta;
    uint32_t n_meta;
    enum mr_conf_name_source column_name_source; /* I-06, I-09 */
    enum mr_conf_unmangle column_unmangle;       /* I-10 */
    enum mr_conf_case identifier_case;           /* I-02 */
    enum mr_conf_long_name identifier_long;      /* I-03 */
    enum mr_conf_nested nested_mode;             /* S-20 */
    const char *nested_delimiter;
    enum mr_conf_envelope envelope;     /* section 3 */
    const char *envelope_prefix;        /* E-24: of op and deleted in plain records */
    enum mr_conf_tombstone tombstone;   /* E-10 */
    enum mr_conf_truncate truncate;     /* E-14 */
    enum mr_conf_keyless keyless;       /* E-40 */
    enum mr_conf_key_change key_change; /* E-12 */
    struct mr_strs guard;               /* section 3.1; a known word or fields */
    const char *guard_column;
    uint64_t guard_tomb_ttl_ms; /* O-07 */
    const char *where;
    enum mr_conf_detect unavailable_detect;           /* U-20 */
    const char *unavailable_placeholder;              /* U-01; hex: for raw octets */
    struct mr_strs unavailable_null_columns;          /* U-13 */
    enum mr_conf_missing_row unavailable_missing_row; /* U-31 */
    bool unavailable_keep_deleted;                    /* U-32 */
    uint64_t unavailable_tomb_ttl_ms;
    enum mr_conf_text_nul text_nul;                 /* T-06 */
    enum mr_conf_nanos temporal_nanos;              /* T-15 */
    enum mr_conf_excess_scale numeric_excess_scale; /* T-71 */
    const char *timestamp_zone;                     /* */
    enum mr_conf_bad_record on_bad_record;
    uint64_t fk_wait_ms;        /* */
    bool insert_missing;        /* strategy update */
    const char *deleted_column; /* strategy soft_delete */
    struct mr_strs tracked;     /* strategy scd2; empty: all columns */
    const char *valid_from;
    const char *valid_to;
    const char *is_current;
    const char *surrogate_key;
};

#endif
