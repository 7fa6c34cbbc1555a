/* The words that settings choose from, one table an enum. A row with `later` is known and refused
 * by this version. Threads: any; const. */
#ifndef MR_CONFIG_CHOICES_H
#define MR_CONFIG_CHOICES_H

#include "config/options.h"

extern const struct mr_choices mr_choices_strategy;
extern const struct mr_choices mr_choices_evolve;
extern const struct mr_choices mr_choices_format;
extern const struct mr_choices mr_choices_route_by;
extern const struct mr_choices mr_choices_key_source;
extern const struct mr_choices mr_choices_envelope;
extern const struct mr_choices mr_choices_tombstone;
extern const struct mr_choices mr_choices_truncate;
extern const struct mr_choices mr_choices_keyless;
extern const struct mr_choices mr_choices_key_change;
extern const struct mr_choices mr_choices_nested;
extern const struct mr_choices mr_choices_detect;
extern const struct mr_choices mr_choices_missing_row;
extern const struct mr_choices mr_choices_text_nul;
extern const struct mr_choices mr_choices_nanos;
extern const struct mr_choices mr_choices_excess_scale;
extern const struct mr_choices mr_choices_case;
extern const struct mr_choices mr_choices_long_name;
extern const struct mr_choices mr_choices_name_source;
extern const struct mr_choices mr_choices_unmangle;
extern const struct mr_choices mr_choices_bad_record;
extern const struct mr_choices mr_choices_unit;
extern const struct mr_choices mr_choices_mask;
extern const struct mr_choices mr_choices_meta;
extern const struct mr_choices mr_choices_registry_kind;
extern const struct mr_choices mr_choices_isolation;
extern const struct mr_choices mr_choices_data_loss;
extern const struct mr_choices mr_choices_dlq_to;
extern const struct mr_choices mr_choices_log_level;
extern const struct mr_choices mr_choices_log_format;

/* The row of that word, or NULL. */
const struct mr_choice *mr_choices_find(const struct mr_choices *choices, const char *name);

/* The word of that value; "" where no row has it. */
const char *mr_choices_name(const struct mr_choices *choices, int value);

/* Appends all words of this version, quoted, with " | " between them. */
void mr_choices_list(const struct mr_choices *choices, struct mr_buf *out);

#endif
