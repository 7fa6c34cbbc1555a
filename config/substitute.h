/* ${env:NAME}, ${env:NAME:-default} and ${file:PATH} inside a string; $${ stands for ${. One pass:
 * what was put in is not looked at again, so no cycle is possible. Threads: any. */
#ifndef MR_CONFIG_SUBSTITUTE_H
#define MR_CONFIG_SUBSTITUTE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"

enum { MR_SUBSTITUTE_FILE_BYTES = 64 * 1024 };

struct mr_substitution {
    const struct mr_config_args *args; /* the environment */
    const struct mr_conf_origin
        *origin;         /* where the string stands: messages, and the folder of a path */
    const char *setting; /* its key, for messages */
    bool any;            /* out: something was put in */
    bool secret;         /* out: and a part came from a file */
};

/* Appends the result to `out`. One newline at a file's end is dropped. Messages never show the
 * string. */
int mr_substitute(struct mr_substitution *sub, const char *text, struct mr_buf *out,
                  struct mr_err *err);

#endif
