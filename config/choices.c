/* Owns the words of every setting that is a choice. Must hold no logic beyond the look-ups: what a
 * word means is the business of whoever switches on its enum. */
#include "config/choices.h"

#include <string.h>

#include "base/ban.h"

/* Enums are stored through an int (config/value.c). */
_Static_assert(sizeof(enum mr_conf_strategy) == sizeof(int), "an enum is as wide as an int");

#define MR_CHOICES(id, ...)                                                                        \
    static const struct mr_choice id##_items[] = {__VA_ARGS__};                                    \
    const struct mr_choices mr_choices_##id = {id##_items,                                         \
                                               sizeof(id##_items) / sizeof(id##_items[0])}

MR_CHOICES(strategy, {"upsert", MR_CONF_UPSERT, false}, {"append", MR_CONF_APPEND, false},
           {"facts", MR_CONF_FACTS, true}, {"update", MR_CONF_UPDATE, true},
           {"soft_delete", MR_CONF_SOFT_DELETE, true}, {"scd2", MR_CONF_SCD2, true});
MR_CHOICES(evolve, {"add", MR_CONF_EVOLVE_ADD, false}, {"widen", MR_CONF_EVOLVE_WIDEN, false},
           {"freeze", MR_CONF_EVOLVE_FREEZE, false},
           {"discard_column", MR_CONF_EVOLVE_DISCARD_COLUMN, false},
           {"discard_record", MR_CONF_EVOLVE_DISCARD_RECORD, false});
MR_CHOICES(format, {"auto", MR_CONF_FORMAT_AUTO, false},
           {"confluent", MR_CONF_FORMAT_CONFLUENT, false},
           {"confluent_header", MR_CONF_FORMAT_CONFLUENT_HEADER, false},
           {"apicurio_header", MR_CONF_FORMAT_APICURIO_HEADER, false},
           {"apicurio8", MR_CONF_FORMAT_APICURIO8, false},
           {"raw_avro", MR_CONF_FORMAT_RAW_AVRO, false}, {"string", MR_CONF_FORMAT_STRING, false},
           {"json", MR_CONF_FORMAT_JSON, false}, {"int32", MR_CONF_FORMAT_INT32, false},
           {"int64", MR_CONF_FORMAT_INT64, false}, {"bytes", MR_CONF_FORMAT_BYTES, false});
MR_CHOICES(route_by, {"topic", MR_CONF_ROUTE_TOPIC, false},
           {"source", MR_CONF_ROUTE_SOURCE, false});
MR_CHOICES(key_source, {"key", MR_CONF_KEY_SOURCE_KEY, false},
           {"value", MR_CONF_KEY_SOURCE_VALUE, false});
MR_CHOICES(envelope, {"auto", MR_CONF_ENVELOPE_AUTO, false},
           {"debezium", MR_CONF_ENVELOPE_DEBEZIUM, false},
           {"plain", MR_CONF_ENVELOPE_PLAIN, false});
MR_CHOICES(tombstone, {"delete", MR_CONF_TOMBSTONE_DELETE, false},
           {"ignore", MR_CONF_TOMBSTONE_IGNORE, false});
MR_CHOICES(truncate, {"apply", MR_CONF_TRUNCATE_APPLY, false},
           {"skip", MR_CONF_TRUNCATE_SKIP, false}, {"halt", MR_CONF_TRUNCATE_HALT, false});
MR_CHOICES(keyless, {"append", MR_CONF_KEYLESS_APPEND, false},
           {"match_full", MR_CONF_KEYLESS_MATCH_FULL, false});
MR_CHOICES(key_change, {"record", MR_CONF_KEY_CHANGE_RECORD, false},
           {"before", MR_CONF_KEY_CHANGE_BEFORE, false});
MR_CHOICES(nested, {"json", MR_CONF_NESTED_JSON, false},
           {"flatten", MR_CONF_NESTED_FLATTEN, false});
MR_CHOICES(detect, {"auto", MR_CONF_DETECT_AUTO, false}, {"off", MR_CONF_DETECT_OFF, false});
MR_CHOICES(missing_row, {"poison", MR_CONF_MISSING_ROW_POISON, false},
           {"halt", MR_CONF_MISSING_ROW_HALT, false}, {"null", MR_CONF_MISSING_ROW_NULL, false});
MR_CHOICES(text_nul, {"poison", MR_CONF_TEXT_NUL_POISON, false},
           {"strip", MR_CONF_TEXT_NUL_STRIP, false}, {"replace", MR_CONF_TEXT_NUL_REPLACE, false});
MR_CHOICES(nanos, {"truncate", MR_CONF_NANOS_TRUNCATE, false},
           {"poison", MR_CONF_NANOS_POISON, false});
MR_CHOICES(excess_scale, {"poison", MR_CONF_EXCESS_SCALE_POISON, false},
           {"round", MR_CONF_EXCESS_SCALE_ROUND, false});
MR_CHOICES(case, {"keep", MR_CONF_CASE_KEEP, false}, {"lower", MR_CONF_CASE_LOWER, false},
           {"upper", MR_CONF_CASE_UPPER, false});
MR_CHOICES(long_name, {"hash", MR_CONF_LONG_NAME_HASH, false},
           {"halt", MR_CONF_LONG_NAME_HALT, false});
MR_CHOICES(name_source, {"field", MR_CONF_NAME_FIELD, false},
           {"original", MR_CONF_NAME_ORIGINAL, false});
MR_CHOICES(unmangle, {"none", MR_CONF_UNMANGLE_NONE, false},
           {"avro_unicode", MR_CONF_UNMANGLE_AVRO_UNICODE, false});
MR_CHOICES(bad_record, {"dead_letter", MR_CONF_BAD_DEAD_LETTER, false},
           {"stop", MR_CONF_BAD_STOP, false}, {"skip", MR_CONF_BAD_SKIP, false});
MR_CHOICES(unit, {"none", MR_CONF_UNIT_NONE, false}, {"s", MR_CONF_UNIT_S, false},
           {"ms", MR_CONF_UNIT_MS, false}, {"us", MR_CONF_UNIT_US, false},
           {"ns", MR_CONF_UNIT_NS, false}, {"days", MR_CONF_UNIT_DAYS, false});
MR_CHOICES(mask, {"none", MR_CONF_MASK_NONE, false}, {"sha256", MR_CONF_MASK_SHA256, true});
MR_CHOICES(meta, {"_topic", MR_CONF_META_TOPIC, false},
           {"_partition", MR_CONF_META_PARTITION, false}, {"_offset", MR_CONF_META_OFFSET, false},
           {"_op", MR_CONF_META_OP, false}, {"_ts", MR_CONF_META_TS, false},
           {"_source_ts", MR_CONF_META_SOURCE_TS, false},
           {"_loaded_at", MR_CONF_META_LOADED_AT, false},
           {"_schema_id", MR_CONF_META_SCHEMA_ID, false});
MR_CHOICES(registry_kind, {"confluent", MR_CONF_REGISTRY_CONFLUENT, false},
           {"apicurio", MR_CONF_REGISTRY_APICURIO, false});
MR_CHOICES(isolation, {"read_committed", MR_CONF_READ_COMMITTED, false},
           {"read_uncommitted", MR_CONF_READ_UNCOMMITTED, false});
MR_CHOICES(data_loss, {"halt", MR_CONF_DATA_LOSS_HALT, false},
           {"continue", MR_CONF_DATA_LOSS_CONTINUE, false});
MR_CHOICES(dlq_to, {"table", MR_CONF_DLQ_TABLE, false}, {"topic", MR_CONF_DLQ_TOPIC, false});
MR_CHOICES(log_level, {"debug", MR_DEBUG, false}, {"info", MR_INFO, false},
           {"warn", MR_WARN, false}, {"error", MR_ERROR, false});
MR_CHOICES(log_format, {"logfmt", MR_LOG_LOGFMT, false}, {"json", MR_LOG_JSON, false});

const struct mr_choice *mr_choices_find(const struct mr_choices *choices, const char *name)
{
    for (size_t i = 0; i < choices->n_items; i++) {
        if (strcmp(choices->items[i].name, name) == 0)
            return &choices->items[i];
    }
    return NULL;
}

const char *mr_choices_name(const struct mr_choices *choices, int value)
{
    for (size_t i = 0; i < choices->n_items; i++) {
        if (choices->items[i].value == value)
            return choices->items[i].name;
    }
    return "";
}

void mr_choices_list(const struct mr_choices *choices, struct mr_buf *out)
{
    const char *between = "";
    for (size_t i = 0; i < choices->n_items; i++) {
        if (choices->items[i].later)
            continue;
        mr_buf_fmt(out, "%s\"%s\"", between, choices->items[i].name);
        between = " | ";
    }
}
