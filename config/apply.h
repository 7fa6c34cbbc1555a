/* Settings into the typed configuration, by the option table. Threads: one. */
#ifndef MR_CONFIG_APPLY_H
#define MR_CONFIG_APPLY_H

#include "base/arena.h"
#include "base/err.h"
#include "config/config.h"
#include "config/setting.h"

/* Fills `config` (zeroed by the caller) with the defaults and with what `root` says. Unknown keys,
 * wrong types, values out of range and missing required keys are errors. Computed defaults and
 * cross-checks are validate.c's. */
int mr_apply(const struct mr_config_args *args, const struct mr_setting *root,
             struct mr_arena *arena, struct mr_config *config, struct mr_err *err);

#endif
