/* Target and source as a command needs them that asks both and joins nothing. Thread: main. */
#ifndef MR_CONSUMER_ENDS_H
#define MR_CONSUMER_ENDS_H

#include "consumer/wiring.h"

struct mr_ends {
    struct mr_wiring wiring;
    struct mr_sink_opts sink_opts; /* borrowed by the two below */
    struct mr_source_opts source_opts;
    struct mr_sink *sink;
    struct mr_source *source;
    struct mr_env env;
};

/* Opens the target, which connects to nothing yet; the source is NULL. The configuration is
 * borrowed. mr_ends_close() also after an error. */
int mr_ends_open(struct mr_ends *ends, const struct mr_config *config, struct mr_err *err);
int mr_ends_open_source(struct mr_ends *ends, struct mr_err *err);
void mr_ends_close(struct mr_ends *ends);

#endif
