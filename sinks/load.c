/* The list of strategies. */
#include "sinks/load.h"

#include "base/ban.h"

void mr_load_left_out(struct mr_load *load, size_t n_rows, uint64_t n_done)
{
    if (n_done < n_rows)
        load->stats->n_left_out += n_rows - n_done;
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
