/* The list of strategies. */
#include "sinks/load.h"

#include <string.h>

#include "base/ban.h"

bool mr_load_is_internal(const struct mr_err *err)
{
    return err->code == MR_DB && err->class != MR_CLASS_POISON &&
           strcmp(err->sqlstate, "XX000") == 0;
}

bool mr_load_takes_apart(const struct mr_load *load, const struct mr_err *err)
{
    return err->class == MR_CLASS_POISON || (load->internal_too && mr_load_is_internal(err));
}

void mr_load_left_out(struct mr_load *load, size_t n_rows, uint64_t n_done)
{
    if (n_done < n_rows)
        load->stats->n_left_out += n_rows - n_done;
}

bool mr_load_is_foreign(const struct mr_err *err)
{
    return err->code == MR_DB &&
           (strcmp(err->sqlstate, "23503") == 0 || strcmp(err->sqlstate, "23001") == 0);
}

const struct mr_load_ops *mr_load_for(enum mr_strategy strategy)
{
    switch (strategy) {
    case MR_STRATEGY_UPSERT:
        return &mr_load_upsert;
    case MR_STRATEGY_APPEND:
        return &mr_load_append;
    }
    return &mr_load_upsert;
}
