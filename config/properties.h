/* The keys of a group that are not millrace's own: properties of the Kafka client. Threads: one. */
#ifndef MR_CONFIG_PROPERTIES_H
#define MR_CONFIG_PROPERTIES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "config/config.h"
#include "config/options.h"
#include "config/setting.h"

struct mr_properties {
    const struct mr_config_args *args;
    struct mr_arena *arena;
    struct mr_err *err;
    const struct mr_options *table; /* for the nearest key of our own */
    const struct mr_option *option; /* the row of type PROPERTIES */
};

/* Appends the setting to the list in `base`, after the Kafka client has looked at it. Refuses by
 * name what millrace sets itself. */
int mr_properties_add(const struct mr_properties *into, const struct mr_setting *setting,
                      void *base);

/* True when a property of that name is never printed: passwords, keys, tokens. */
bool mr_properties_is_secret(const char *name);

#endif
