/* Owns the choice of a reader by the URL: the kinds are those of sinks/sink.c. */
#include "sinks/reader.h"

#include "sinks/sink.h"

#include "base/ban.h"

int mr_reader_open(const char *url, const struct mr_env *env, struct mr_reader **out,
                   struct mr_err *err)
{
    const struct mr_sink_ops *kind = mr_sink_for_url(url, err);

    if (kind == NULL)
        return -(int)MR_CONFIG_INVALID;
    if (kind == &mr_sink_postgresql)
        return mr_reader_postgresql.open(url, env, out, err);
    if (kind == &mr_sink_sqlite)
        return mr_reader_sqlite.open(url, env, out, err);
    return mr_err_set(err, MR_CONFIG_INVALID, "a %s target cannot be read back", kind->name);
}

int mr_reader_begin(struct mr_reader *reader, const struct mr_reader_query *query,
                    struct mr_err *err)
{
    if (query->n_columns == 0 || query->n_columns > MR_READER_MAX_COLUMNS ||
        query->n_key > query->n_columns)
        return mr_err_set(err, MR_BUG, "a query of %zu columns", query->n_columns);
    return reader->ops->begin(reader, query, err);
}

int mr_reader_next(struct mr_reader *reader, const char *const **values, struct mr_err *err)
{
    return reader->ops->next(reader, values, err);
}

void mr_reader_close(struct mr_reader *reader)
{
    if (reader != NULL)
        reader->ops->close(reader);
}
