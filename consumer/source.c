/* Owns what all sources share: the release of an event. Must not know any kind of source. */
#include "consumer/source.h"

#include <stdlib.h>

#include "base/ban.h"

void mr_source_event_release(struct mr_source_event *event)
{
    free(event->parts);
    event->parts = NULL;
    event->n_parts = 0;
}
