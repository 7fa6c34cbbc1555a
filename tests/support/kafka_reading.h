/* Reading a member's lanes in a test's one thread: what came of each partition, checked on the way:
 * every record at the offset that is next, its value that offset as text (kafka_rig.h). */
#ifndef MR_TESTS_SUPPORT_KAFKA_READING_H
#define MR_TESTS_SUPPORT_KAFKA_READING_H

#include "tests/support/kafka_rig.h"

struct kafka_seen { /* of one partition */
    int64_t next;
    int64_t n_data;
    int64_t end; /* of the last end event; -1 */
    int n_errors;
};

/* All partitions at `next`; `seen` has RIG_MAX_PARTITIONS. */
void kafka_seen_init(struct kafka_seen *seen, int64_t next);
/* Reads one lane once; the count of records, ends and errors. */
size_t kafka_read_once(struct kafka_member *member, uint32_t lane, uint32_t timeout_ms,
                       struct kafka_seen *seen);
/* Serves the client once; a rebalance fails the test. */
void kafka_poll_once(struct kafka_member *member);
/* Reads until the partition stands at `next` and its end was met; at most 30 s. */
void kafka_read_to(struct kafka_member *member, int32_t partition, int64_t next,
                   struct kafka_seen *seen);
/* Reads that long, whatever comes. */
void kafka_read_quiet(struct kafka_member *member, uint32_t lane, uint32_t for_ms,
                      struct kafka_seen *seen);

#endif
