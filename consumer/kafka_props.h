/* Whether the Kafka client knows a property and takes a value for it. Threads: any. */
#ifndef MR_CONSUMER_KAFKA_PROPS_H
#define MR_CONSUMER_KAFKA_PROPS_H

#include "config/config.h"

/* For struct mr_config_args: looks the name up as written, then with dots for underscores, tries
 * the value on a configuration that is thrown away, and fills `canonical` or `why`. `arg` is not
 * used. */
int mr_kafka_props_check(struct mr_kafka_check *check, void *arg);

#endif
