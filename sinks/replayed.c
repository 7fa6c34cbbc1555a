/* Owns which sinks can note letters that were replayed. */
#include "sinks/replayed.h"

#include "base/ban.h"

static const struct mr_replayed_ops *known(const struct mr_sink *sink)
{
    if (sink->ops == &mr_sink_postgresql)
        return &mr_replayed_postgresql;
    return sink->ops == &mr_sink_sqlite ? &mr_replayed_sqlite : NULL;
}

static const struct mr_replayed_ops *ops_of(const struct mr_sink *sink, struct mr_err *err)
{
    const struct mr_replayed_ops *ops = known(sink);

    if (ops == NULL)
        (void)mr_err_set(err, MR_CONFIG_USAGE, "%s: letters are not replayed there",
                         sink->ops->name);
    return ops;
}

bool mr_replayed_is_kept(const struct mr_sink *sink)
{
    return known(sink) != NULL;
}

int mr_replayed_note(struct mr_session *session, const struct mr_replayed *letters, size_t n,
                     const char *by, struct mr_err *err)
{
    const struct mr_replayed_ops *ops = ops_of(session->sink, err);

    if (ops == NULL)
        return -MR_CONFIG_USAGE;
    return n > 0 ? ops->note(session, letters, n, by, err) : 0;
}

int mr_replayed_forget(struct mr_sink *sink, const struct mr_replayed *letters, size_t n,
                       struct mr_err *err)
{
    const struct mr_replayed_ops *ops = ops_of(sink, err);

    if (ops == NULL)
        return -MR_CONFIG_USAGE;
    return n > 0 ? ops->forget(sink, letters, n, err) : 0;
}

int mr_replayed_read(struct mr_sink *sink, const struct mr_replayed_taker *taker,
                     struct mr_err *err)
{
    const struct mr_replayed_ops *ops = ops_of(sink, err);

    return ops != NULL ? ops->read(sink, taker, err) : -MR_CONFIG_USAGE;
}
