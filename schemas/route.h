/* What a route asks of the schemas layer: the options that decide columns, conversions and meaning.
 * Filled by consumer/wiring.c from the configuration; immutable; strings are borrowed from it. */
#ifndef MR_SCHEMAS_ROUTE_H
#define MR_SCHEMAS_ROUTE_H

#include "schemas/avro_schema.h"
#include "schemas/framing.h"
#include "schemas/table.h"

enum mr_strategy { MR_STRATEGY_UPSERT, MR_STRATEGY_APPEND };
enum mr_envelope_mode { MR_ENVELOPE_AUTO, MR_ENVELOPE_DEBEZIUM, MR_ENVELOPE_PLAIN };
enum mr_evolve {
    MR_EVOLVE_ADD,
    MR_EVOLVE_WIDEN,
    MR_EVOLVE_FREEZE,
    MR_EVOLVE_DISCARD_COLUMN,
    MR_EVOLVE_DISCARD_RECORD
};
enum mr_text_nul { MR_TEXT_NUL_POISON, MR_TEXT_NUL_STRIP, MR_TEXT_NUL_REPLACE };
enum mr_truncate { MR_TRUNCATE_APPLY, MR_TRUNCATE_SKIP, MR_TRUNCATE_HALT };
enum mr_missing_row { MR_MISSING_ROW_POISON, MR_MISSING_ROW_HALT, MR_MISSING_ROW_NULL }; /* U-31 */
/* contract.md section 3.1 */
enum mr_guard_kind {
    MR_GUARD_NONE,
    MR_GUARD_LSN,
    MR_GUARD_BINLOG,
    MR_GUARD_SQLSERVER,
    MR_GUARD_SCN,
    MR_GUARD_MONGO,
    MR_GUARD_FIELDS
};
enum mr_meta {
    MR_META_TOPIC,
    MR_META_PARTITION,
    MR_META_OFFSET,
    MR_META_OP,
    MR_META_TS,
    MR_META_SOURCE_TS,
    MR_META_LOADED_AT,
    MR_META_SCHEMA_ID
};

struct mr_route_column { /* an entry of `columns` */
    const char *field;
    const char *name; /* NULL: as the field */
    const char *cast; /* NULL: no lossy conversion allowed */
    const char *unit; /* s ms us ns days; NULL */
    bool detect_off;  /* unavailable_detect = "off" */
};
struct mr_route_meta {
    enum mr_meta from;
    const char *name;
};
enum mr_constant_kind {
    MR_CONSTANT_TEXT,
    MR_CONSTANT_WHOLE,
    MR_CONSTANT_REAL,
    MR_CONSTANT_TRUTH /* `true`, `false` */
};
struct mr_route_constant { /* an entry of `constants` */
    const char *name;
    enum mr_constant_kind kind; /* of the literal */
    const char *text;
    const char *cast; /* the column's type where the table is made; NULL: by the kind */
};

struct mr_route {
    uint32_t route_idx; /* place in `tables` */
    enum mr_strategy strategy;
    enum mr_format key_format, value_format;
    enum mr_envelope_mode envelope;
    enum mr_evolve evolve;
    enum mr_text_nul text_nul;
    enum mr_truncate truncate;
    bool create;
    bool tombstone_ignore;   /* tombstone = "ignore" */
    bool key_from_value;     /* key_source = "value" */
    bool nanos_poison;       /* temporal_nanos = "poison" */
    bool excess_scale_round; /* numeric_excess_scale = "round" */
    int32_t zone_east_s;     /* timestamp_zone */
    bool key_change_before;  /* key_change = "before" (E-12) */
    bool add_defaults;       /* V-06 */
    bool relax_not_null;     /* V-08 */
    bool widen_rewrite;      /* V-04 */
    bool name_original;      /* column_name_source = "original" (I-09) */
    bool unmangle_unicode;   /* column_unmangle = "avro_unicode" (I-10) */
    bool identifier_long_halt;
    uint8_t identifier_case; /* 0 keep, 1 lower, 2 upper */
    bool unavailable_detect;
    bool keep_moved;                 /* unavailable_keep_deleted (U-32) */
    uint64_t moved_tomb_ttl_ms;      /* unavailable_tomb_ttl */
    enum mr_missing_row missing_row; /* unavailable_missing_row */
    const char *const *null_columns; /* unavailable_null_columns: fields */
    uint16_t n_null_columns;
    bool keyless_match_full; /* keyless = "match_full" (E-40) */
    const char *const *key_columns;
    uint16_t n_key_columns;
    enum mr_guard_kind guard;
    const char *const *guard_fields; /* of MR_GUARD_FIELDS */
    uint16_t n_guard_fields;
    const char *guard_column;
    uint64_t guard_tomb_ttl_ms; /* O-07 */
    const char *value_column;   /* E-27; NULL */
    const char *const *include; /* fields; n 0: all */
    uint16_t n_include;
    const char *const *exclude;
    uint16_t n_exclude;
    const struct mr_route_column *columns;
    uint16_t n_columns;
    const struct mr_route_meta *meta;
    uint16_t n_meta;
    const struct mr_route_constant *constants;
    uint16_t n_constants;
    const char *envelope_prefix;  /* E-24: of op and deleted in plain records; NULL: "__" */
    const char *nested_delimiter; /* S-20: nested records become columns a_b; NULL: JSON */
    const char *placeholder;      /* unavailable.placeholder, NUL-terminated octets */
    size_t placeholder_len;
    struct mr_schema *value_schema; /* reader schema (S-01), writer's of raw_avro; NULL */
    struct mr_schema *key_schema;
    uint64_t value_fingerprint; /* of value_schema: single-object encoding (F-13) */
    uint64_t key_fingerprint;
    bool strict_names;             /* schema_lenient_names = false (S-11) */
    uint32_t max_zero_size_items;  /* S-36 */
    size_t max_record_bytes;       /* G-06, F-15 */
    uint32_t max_identifier_bytes; /* I-03; from the target: 63 */
};

#endif
