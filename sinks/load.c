/* The list of strategies. */
#include "sinks/load.h"

#include "base/ban.h"

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
