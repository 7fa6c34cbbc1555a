/* One option's value: read from a setting, printed, compared, by the row's type. Threads: any. */
#ifndef MR_CONFIG_VALUE_H
#define MR_CONFIG_VALUE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "config/options.h"
#include "config/setting.h"

/* A value on its way into the configuration. */
struct mr_value {
    const struct mr_option *option;
    const struct mr_setting *setting;
    const char *path; /* of the setting, for messages */
    struct mr_arena *arena;
    struct mr_err *err;
};

/* Reads the setting into the field of `base`. For all types but LIST and PROPERTIES.
 * Errors: -MR_CONFIG_TYPE, _RANGE, and _INVALID where this version does not build what is asked. */
int mr_value_set(const struct mr_value *value, void *base);

/* The row's default into the field of `base`; needs no memory. */
void mr_value_default(const struct mr_option *option, void *base);

/* Lists are equal when they have as many entries. */
bool mr_value_equal(const struct mr_option *option, const void *a, const void *b);

/* The value as a JSON literal, secrets as "(secret)", URLs with their passwords replaced. `secret`
 * adds what the row does not know: that it came from a file. A list gives its number of entries. */
void mr_value_print(const struct mr_option *option, const void *base, bool secret,
                    struct mr_buf *out);

/* What the option wants, for messages and the reference: `a time in quotes, such as "500ms" ...`.
 */
void mr_value_expected(const struct mr_option *option, struct mr_buf *out);

/* A JSON string with its quotes. */
void mr_value_quote(const char *text, struct mr_buf *out);

/* Reads and writes fields whose type only the row knows. */
const char *mr_value_str(const struct mr_option *option, const void *base);
uint32_t mr_value_n_items(const struct mr_option *option, const void *base);
const char *mr_value_items(const struct mr_option *option, const void *base);

#endif
