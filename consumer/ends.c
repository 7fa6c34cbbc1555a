/* Owns the two ends of a command: opened without a subscription, closed together. */
#include "consumer/ends.h"

#include <string.h>

#include "base/ban.h"

enum { CLOSE_MS = 1000 };

int mr_ends_open(struct mr_ends *ends, const struct mr_config *config, struct mr_err *err)
{
    memset(ends, 0, sizeof *ends);
    mr_env_init_system(&ends->env);
    int rc = mr_wiring_init(&ends->wiring, config, ends->env, err);
    if (rc < 0)
        return rc;
    const struct mr_sink_ops *ops = mr_sink_for_url(config->target.url, err);
    if (ops == NULL)
        return -(int)err->code;
    mr_wiring_sink_opts(&ends->wiring, ends->env, &ends->sink_opts);
    return ops->open(&ends->sink_opts, &ends->sink, err);
}

int mr_ends_open_source(struct mr_ends *ends, struct mr_err *err)
{
    mr_wiring_source_opts(&ends->wiring, ends->env, &ends->source_opts);
    ends->source_opts.n_topics = 0; /* asks, does not subscribe */
    ends->source_opts.n_lanes = 1;
    return mr_source_kafka.open(&ends->source_opts, &ends->source, err);
}

void mr_ends_close(struct mr_ends *ends)
{
    if (ends->source != NULL)
        ends->source->ops->close(ends->source, CLOSE_MS);
    if (ends->sink != NULL)
        ends->sink->ops->close(ends->sink);
    mr_wiring_release(&ends->wiring);
}
