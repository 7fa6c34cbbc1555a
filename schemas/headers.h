/* How a record's headers are asked without knowing whose they are. */
#ifndef MR_SCHEMAS_HEADERS_H
#define MR_SCHEMAS_HEADERS_H

#include <stdbool.h>

#include "base/buf.h"

struct mr_headers {
    const void *owner; /* the source's message; NULL: no headers */
    /* The last header of that name (contract.md F-06); false if absent. A null value gives data
     * NULL. */
    bool (*last)(const void *owner, const char *name, struct mr_slice *value);
};

static inline bool mr_headers_last(const struct mr_headers *headers, const char *name,
                                   struct mr_slice *value)
{
    return headers != NULL && headers->owner != NULL && headers->last(headers->owner, name, value);
}

#endif
