/* Owns the order of places. */
#include "base/pos.h"

#include <string.h>

#include "base/ban.h"

int mr_span_compare(const void *a, const void *b)
{
    const struct mr_span *x = a;
    const struct mr_span *y = b;
    int order = strcmp(x->stream, y->stream);

    if (order != 0)
        return order;
    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    return (x->slot > y->slot) - (x->slot < y->slot);
}
