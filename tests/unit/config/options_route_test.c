#include <string.h>

#include "config/options.h"
#include "tests/support/mr_test.h"

/* contract.md section 11 and design.md section 5: the route settings, one name each. */
MR_TEST("every setting of a route that the contract names is a row")
{
    static const char *const names[] = {"topic",
                                        "topic_regex",
                                        "table",
                                        "schema",
                                        "strategy",
                                        "create",
                                        "evolve",
                                        "guard",
                                        "where",
                                        "include",
                                        "exclude",
                                        "columns",
                                        "constants",
                                        "meta",
                                        "registry",
                                        "start",
                                        "key_format",
                                        "value_format",
                                        "schema_lenient_names",
                                        "value_schema",
                                        "key_schema",
                                        "route",
                                        "table_shared",
                                        "key_columns",
                                        "key_source",
                                        "value_column",
                                        "column_name_source",
                                        "column_unmangle",
                                        "envelope",
                                        "tombstone",
                                        "truncate",
                                        "keyless",
                                        "key_change",
                                        "guard_tomb_ttl",
                                        "guard_column",
                                        "nested_mode",
                                        "unavailable_detect",
                                        "unavailable_placeholder",
                                        "unavailable_null_columns",
                                        "unavailable_missing_row",
                                        "unavailable_keep_deleted",
                                        "unavailable_tomb_ttl",
                                        "text_nul",
                                        "temporal_nanos",
                                        "numeric_excess_scale",
                                        "timestamp_zone",
                                        "identifier_case",
                                        "identifier_long",
                                        "add_defaults",
                                        "relax_not_null",
                                        "widen_rewrite",
                                        "on_bad_record",
                                        "fk_wait",
                                        "source_skip_corrupt",
                                        "insert_missing",
                                        "deleted_column",
                                        "tracked",
                                        "valid_from",
                                        "valid_to",
                                        "is_current"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (mr_options_find(&mr_options_route, names[i]) == NULL)
            MR_FAIL("%s is no setting of a route", names[i]);
    }
}

MR_TEST("names of columns that an option takes fit an identifier")
{
    for (size_t i = 0; i < mr_options_route.n_rows; i++) {
        const struct mr_option *row = &mr_options_route.rows[i];
        bool names_column = strstr(row->name, "_column") != NULL && row->type == MR_OPT_STR;
        if (names_column && row->max > MR_CONF_NAME_BYTES)
            MR_FAIL("%s", row->name);
    }
}
