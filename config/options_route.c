/* Owns the rows of the option table that describe a route (an entry of `tables`) and its own lists.
 * See options.c. */
#include "config/choices.h"
#include "config/options.h"

#include "base/ban.h"

#define DAY ((int64_t)24 * 3600 * 1000)

#define ROWS(rows) rows, sizeof(rows) / sizeof((rows)[0])
#define R(field) .at = offsetof(struct mr_route_conf, field)
#define RLIST(items) R(items), .count = offsetof(struct mr_route_conf, n_##items)
#define C(field) .at = offsetof(struct mr_column_conf, field)
#define NEXT .reload = MR_RELOAD_NEXT_BATCH
#define RESTART .reload = MR_RELOAD_RESTART

static const struct mr_option column_rows[] = {
    {"field", MR_OPT_STR, C(field), .required = true, NEXT, .help = "The record's field."},
    {"name", MR_OPT_STR, C(name), .dflt_says = "the field's name", NEXT,
     .help = "The column that takes it."},
    {"cast", MR_OPT_STR, C(cast), .max = 128, NEXT,
     .help = "The column's type. The only permission for a conversion that can lose information."},
    {"unit", MR_OPT_CHOICE, C(unit), .dflt = "none", .choices = &mr_choices_unit, NEXT,
     .help = "Reads a plain number as a time since 1970 in this unit."},
    {"mask", MR_OPT_CHOICE, C(mask), .dflt = "none", .choices = &mr_choices_mask, NEXT,
     .help = "Stores a digest instead of the value."},
    {"unavailable_detect", MR_OPT_CHOICE, C(unavailable_detect), .dflt = "auto",
     .choices = &mr_choices_detect, NEXT,
     .help = "`off`: the placeholder is an ordinary value in this column."},
};
static const struct mr_options column_options = {
    "Entries of `columns`",
    "Renames, casts and units of single fields; fields without an entry are "
    "loaded as they are.",
    ROWS(column_rows), sizeof(struct mr_column_conf)};

static const struct mr_option constant_rows[] = {
    {"name", MR_OPT_STR, offsetof(struct mr_constant_conf, name), .required = true, NEXT,
     .help = "The column."},
    {"value", MR_OPT_SCALAR, offsetof(struct mr_constant_conf, value), .required = true, NEXT,
     .help = "A string, number or boolean that every row gets."},
    {"cast", MR_OPT_STR, offsetof(struct mr_constant_conf, cast), .max = 128, NEXT,
     .dflt_says = "by the value", .help = "The column's type where the table is created."},
};
static const struct mr_options constant_options = {
    "Entries of `constants`", "Columns with a fixed value.", ROWS(constant_rows),
    sizeof(struct mr_constant_conf)};

static const struct mr_option meta_rows[] = {
    {"from", MR_OPT_CHOICE, offsetof(struct mr_meta_conf, from), .required = true, NEXT,
     .choices = &mr_choices_meta, .help = "What to store."},
    {"name", MR_OPT_STR, offsetof(struct mr_meta_conf, name), .dflt_says = "as `from`", NEXT,
     .help = "The column that takes it."},
};
static const struct mr_options meta_options = {"Entries of `meta`",
                                               "Columns filled from the record's circumstances.",
                                               ROWS(meta_rows), sizeof(struct mr_meta_conf)};

static const struct mr_option route_rows[] = {
    {"topic", MR_OPT_STR, R(topic), .max = 249, RESTART, .help = "The topic, exactly."},
    {"topic_regex", MR_OPT_STR, R(topic_regex), .max = 1024, RESTART,
     .help = "Or a POSIX extended regular expression that matches the whole name. It never takes "
             "`dlq.topic`, a name that begins with `_`, or Debezium's own topics."},
    {"schema", MR_OPT_STR, R(schema), .max = 63, RESTART, .dflt_says = "target.schema",
     .help = "Schema of the table; with it, `table` is taken whole, dots and all."},
    {"table", MR_OPT_STR, R(table), .max = 256, RESTART, .dflt_says = "made from the topic",
     .help =
         "`name` or `schema.name`; `$1` to `$9` are the groups of topic_regex. Without it, the "
         "topic's last part is the table, and of three parts or more the one before the schema."},
    {"route", MR_OPT_CHOICE, R(route_by), .dflt = "topic", .choices = &mr_choices_route_by, RESTART,
     .help = "`source`: the table is the one that the record's `source` names. `table` and "
             "`schema` may "
             "then use `$db`, `$schema` and `$table` of it; without them the table is the source's "
             "table in the source's schema, or in its database where it has no schemas. Records "
             "without a source are bad records (`route.missing`), tombstones are skipped."},
    {"strategy", MR_OPT_CHOICE, R(strategy), .dflt = "upsert", .choices = &mr_choices_strategy,
     RESTART, .help = "What a record does to the table."},
    {"create", MR_OPT_BOOL, R(create), .dflt = "true", NEXT, .help = "Creates an absent table."},
    {"evolve", MR_OPT_CHOICE, R(evolve), .dflt = "add", .choices = &mr_choices_evolve, NEXT,
     .help = "What happens when the schema grows a field that the table lacks."},
    {"add_defaults", MR_OPT_BOOL, R(add_defaults), .dflt = "false", NEXT,
     .help = "An added column gets the field's default, and rows that are there get it too. Off, "
             "since Debezium gives fillers (0, an empty text) for defaults that are functions."},
    {"relax_not_null", MR_OPT_BOOL, R(relax_not_null), .dflt = "false", NEXT,
     .help = "The NOT NULL of a column whose field may be null is dropped (PostgreSQL; `evolve` "
             "add or widen)."},
    {"widen_rewrite", MR_OPT_BOOL, R(widen_rewrite), .dflt = "false", NEXT,
     .help = "Widening may rewrite the table, as from int to bigint."},
    {"table_shared", MR_OPT_BOOL, R(table_shared), .dflt = "false", RESTART,
     .help = "Several topics or pipelines may load this table."},
    {"start", MR_OPT_START, R(start), .dflt_says = "the top-level start", NEXT,
     .help = "Where a partition of this route without a position begins."},
    {"source_skip_corrupt", MR_OPT_BOOL, R(source_skip_corrupt), .dflt = "false", .later = true,
     NEXT, .help = "Steps over an offset range that the brokers deliver corrupt, as dead letters."},

    {"registry", MR_OPT_STR, R(registry), .dflt = "default", RESTART,
     .help = "The schema registry: `default`, or the name of an entry of `registries`."},
    {"key_format", MR_OPT_CHOICE, R(key_format), .dflt = "auto", .choices = &mr_choices_format,
     NEXT, .help = "Form of the record's key."},
    {"value_format", MR_OPT_CHOICE, R(value_format), .dflt = "auto", .choices = &mr_choices_format,
     NEXT, .help = "Form of the record's value."},
    {"value_schema", MR_OPT_STR, R(value_schema), RESTART, .dflt_says = "the writer's",
     .help = "A reader schema (Avro, as JSON; `${file:...}` reads one); values are resolved to it "
             "first. With value_format `raw_avro` the schema that values are written with; of "
             "`json` without a schema what their members are."},
    {"key_schema", MR_OPT_STR, R(key_schema), RESTART, .dflt_says = "the writer's",
     .help = "The same for keys."},
    {"schema_lenient_names", MR_OPT_BOOL, R(schema_lenient_names), .dflt = "true", NEXT,
     .help = "Accepts names that Avro's grammar refuses, such as `order-id`."},

    {"key_columns", MR_OPT_STRS, R(key_columns), .max = 32, NEXT,
     .dflt_says = "from the record's key", .help = "The key's columns."},
    {"key_source", MR_OPT_CHOICE, R(key_source), .dflt = "key", .choices = &mr_choices_key_source,
     NEXT, .help = "Whether the key's columns are in the record's key or its value."},
    {"value_column", MR_OPT_STR, R(value_column), NEXT,
     .help = "The one column for a value that is no record."},
    {"include", MR_OPT_STRS, R(include), NEXT, .dflt_says = "all", .help = "Fields to load."},
    {"exclude", MR_OPT_STRS, R(exclude), NEXT, .dflt_says = "none", .help = "Fields not to load."},
    {"columns", MR_OPT_LIST, RLIST(columns), .sub = &column_options, .max = 5000, NEXT,
     .help = "Names, types and units of single columns."},
    {"constants", MR_OPT_LIST, RLIST(constants), .sub = &constant_options, .max = 100, NEXT,
     .help = "Columns with a fixed value."},
    {"meta", MR_OPT_LIST, RLIST(meta), .sub = &meta_options, .max = 16, NEXT,
     .help = "Columns for topic, partition, offset and the like."},
    {"column_name_source", MR_OPT_CHOICE, R(column_name_source), .dflt = "field",
     .choices = &mr_choices_name_source, NEXT,
     .help = "`original`: the source's column name, where the record carries it."},
    {"column_unmangle", MR_OPT_CHOICE, R(column_unmangle), .dflt = "none",
     .choices = &mr_choices_unmangle, NEXT, .help = "Undoes Debezium's `avro_unicode` names."},
    {"identifier_case", MR_OPT_CHOICE, R(identifier_case), .dflt = "keep",
     .choices = &mr_choices_case, NEXT, .help = "Folds table and column names."},
    {"identifier_long", MR_OPT_CHOICE, R(identifier_long), .dflt = "hash",
     .choices = &mr_choices_long_name, NEXT,
     .help = "A name beyond the server's length is cut and given a digest, or halts the table."},
    {"nested_mode", MR_OPT_CHOICE, R(nested_mode), .dflt = "json", .choices = &mr_choices_nested,
     NEXT,
     .help =
         "A nested record is one JSON column, or (`flatten`) a column a field. Records that lead "
         "back to themselves stay JSON, and those that `columns` names."},
    {"nested_delimiter", MR_OPT_STR, R(nested_delimiter), .dflt = "_", .max = 8, NEXT,
     .help = "Stands between the names of flattened fields."},

    {"envelope", MR_OPT_CHOICE, R(envelope), .dflt = "auto", .choices = &mr_choices_envelope, NEXT,
     .help = "Whether values are change events or plain rows."},
    {"envelope_prefix", MR_OPT_STR, R(envelope_prefix), .dflt = "__", .max = 32, NEXT,
     .help = "Before `op`, `deleted` and what a guard is made of in flattened change events, and "
             "before the header with the op. Fields that begin with it are no columns unless "
             "`include` or `columns` names "
             "them. `__deleted` always counts."},
    {"tombstone", MR_OPT_CHOICE, R(tombstone), .dflt = "delete", .choices = &mr_choices_tombstone,
     NEXT, .help = "What a null value does to its key's row."},
    {"truncate", MR_OPT_CHOICE, R(truncate), .dflt = "apply", .choices = &mr_choices_truncate, NEXT,
     .help = "What a truncate event does."},
    {"keyless", MR_OPT_CHOICE, R(keyless), .dflt = "append", .choices = &mr_choices_keyless, NEXT,
     .help = "How changes of a table without a key are applied."},
    {"key_change", MR_OPT_CHOICE, R(key_change), .dflt = "record",
     .choices = &mr_choices_key_change, NEXT,
     .help =
         "`before`: an update whose `before` has another key deletes that row. Not for Debezium."},
    {"guard", MR_OPT_STRS, R(guard), .max = 8, RESTART, .dflt_says = "none",
     .help = "`lsn`, `binlog`, `sqlserver`, `scn`, `mongo` or fields: an older record never "
             "overwrites a "
             "newer row."},
    {"guard_column", MR_OPT_STR, R(guard_column), .dflt = "_guard", .min = 1, .max = 63, RESTART,
     .help = "Column that keeps the guard."},
    {"guard_tomb_ttl", MR_OPT_TIME, R(guard_tomb_ttl_ms), .dflt = "24h", .max = 365 * DAY, NEXT,
     .help = "How long a deleted row's guard is kept."},
    {"where", MR_OPT_STR, R(where), .max = 4096, .later = true, NEXT,
     .help = "Filter of records: `field op value`, joined by and, or, not."},

    {"unavailable_detect", MR_OPT_CHOICE, R(unavailable_detect), .dflt = "auto",
     .choices = &mr_choices_detect, NEXT,
     .help = "`off`: the placeholder of unchanged TOAST values is an ordinary value."},
    {"unavailable_placeholder", MR_OPT_STR, R(unavailable_placeholder),
     .dflt = "__debezium_unavailable_value", .min = 1, .max = 256, NEXT,
     .help = "That placeholder; `hex:` before raw octets."},
    {"unavailable_null_columns", MR_OPT_STRS, R(unavailable_null_columns), NEXT,
     .dflt_says = "none", .help = "Columns in which a null of an update means: unchanged."},
    {"unavailable_missing_row", MR_OPT_CHOICE, R(unavailable_missing_row), .dflt = "poison",
     .choices = &mr_choices_missing_row, NEXT,
     .help = "An unavailable value, and no row to keep it from."},
    {"unavailable_keep_deleted", MR_OPT_BOOL, R(unavailable_keep_deleted), .dflt = "true", NEXT,
     .help = "Keeps the values of a row whose key changes until its row under the new key comes, "
             "which may be in a later batch and does not repeat large ones."},
    {"unavailable_tomb_ttl", MR_OPT_TIME, R(unavailable_tomb_ttl_ms), .dflt = "24h",
     .max = 365 * DAY, NEXT, .help = "How long."},

    {"text_nul", MR_OPT_CHOICE, R(text_nul), .dflt = "poison", .choices = &mr_choices_text_nul,
     NEXT, .help = "A string with U+0000, which PostgreSQL cannot store."},
    {"temporal_nanos", MR_OPT_CHOICE, R(temporal_nanos), .dflt = "truncate",
     .choices = &mr_choices_nanos, NEXT, .help = "A time finer than a microsecond."},
    {"numeric_excess_scale", MR_OPT_CHOICE, R(numeric_excess_scale), .dflt = "poison",
     .choices = &mr_choices_excess_scale, NEXT,
     .help = "A number with more fractional digits than its column."},
    {"timestamp_zone", MR_OPT_STR, R(timestamp_zone), .dflt = "UTC", .min = 1, .max = 64, NEXT,
     .help =
         "Offset of a timestamp without one that goes into a timestamptz column: `UTC`, or as in "
         "`+02:00`."},

    {"on_bad_record", MR_OPT_CHOICE, R(on_bad_record), .dflt = "dead_letter",
     .choices = &mr_choices_bad_record, NEXT, .help = "What becomes of a bad record."},
    {"fk_wait", MR_OPT_TIME, R(fk_wait_ms), .dflt = "60s", .max = DAY, NEXT,
     .help = "How long a record waits for the rows of other tables that a foreign key asks for, or "
             "asks to be gone, before it is a bad one. `0s`: it is tried once more, at once."},

    {"insert_missing", MR_OPT_BOOL, R(insert_missing), .dflt = "false", .later = true, NEXT,
     .help = "Strategy `update`: inserts absent keys."},
    {"deleted_column", MR_OPT_STR, R(deleted_column), .dflt = "deleted_at", .min = 1, .max = 63,
     .later = true, RESTART, .help = "Strategy `soft_delete`: when the row was deleted."},
    {"tracked", MR_OPT_STRS, R(tracked), .later = true, RESTART, .dflt_says = "all columns",
     .help = "Strategy `scd2`: a change of these begins a new row, others are overwritten."},
    {"valid_from", MR_OPT_STR, R(valid_from), .dflt = "valid_from", .min = 1, .max = 63,
     .later = true, RESTART, .help = "Strategy `scd2`: column."},
    {"valid_to", MR_OPT_STR, R(valid_to), .dflt = "valid_to", .min = 1, .max = 63, .later = true,
     RESTART, .help = "Strategy `scd2`: column."},
    {"is_current", MR_OPT_STR, R(is_current), .dflt = "is_current", .min = 1, .max = 63,
     .later = true, RESTART, .help = "Strategy `scd2`: column."},
    {"surrogate_key", MR_OPT_STR, R(surrogate_key), .dflt = "_sk", .min = 1, .max = 63,
     .later = true, RESTART, .help = "Strategy `scd2`: column."},
};
const struct mr_options mr_options_route = {"Entries of `tables` (routes)",
                                            "The first entry that matches a topic takes it.",
                                            ROWS(route_rows), sizeof(struct mr_route_conf)};
