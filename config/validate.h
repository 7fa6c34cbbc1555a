/* What no single option can say: computed defaults, and settings that do not go together. Threads:
 * one. */
#ifndef MR_CONFIG_VALIDATE_H
#define MR_CONFIG_VALIDATE_H

#include "base/arena.h"
#include "base/err.h"
#include "config/config.h"

/* Completes and checks. Errors are FATAL and name the place of the setting at fault. */
int mr_validate(struct mr_config *config, struct mr_arena *arena, struct mr_err *err);

/* The routes' part (validate_route.c), called by mr_validate. */
int mr_validate_routes(struct mr_config *config, struct mr_arena *arena, struct mr_err *err);

/* An error at the setting of that path; the file where nobody wrote it. */
int mr_validate_fail(const struct mr_config *config, struct mr_err *err, const char *path,
                     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* True when the configuration says nothing at that path. */
bool mr_validate_absent(const struct mr_config *config, const char *path);

#endif
