/* Owns the reading of component tests of the Kafka source. */
#include "tests/support/kafka_reading.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/mr_test.h"

enum { BATCH = 500, AWAIT_MS = 30000 };

static void look(const struct mr_record *record, struct kafka_seen *seen)
{
    char value[24] = "";

    MR_CHECK(record->partition >= 0 && record->partition < RIG_MAX_PARTITIONS);
    struct kafka_seen *at = &seen[record->partition];
    if (record->kind == MR_RECORD_END) {
        at->end = record->offset;
        return;
    }
    if (record->kind == MR_RECORD_ERROR) {
        at->n_errors++;
        return;
    }
    MR_CHECK_INT(record->offset, at->next);
    MR_CHECK(record->value.len < sizeof value);
    memcpy(value, record->value.data, record->value.len);
    MR_CHECK_INT(atoll(value), record->offset);
    at->next++;
    at->n_data++;
}

size_t kafka_read_once(struct kafka_member *member, uint32_t lane, uint32_t timeout_ms,
                       struct kafka_seen *seen)
{
    static struct mr_record records[BATCH];
    struct mr_source *source = member->source;
    size_t n = source->ops->read(source, lane, records, BATCH, timeout_ms);

    for (size_t i = 0; i < n; i++) {
        look(&records[i], seen);
        source->ops->release_record(source, &records[i]);
    }
    return n;
}

void kafka_poll_once(struct kafka_member *member)
{
    struct mr_source_event event;

    member->source->ops->poll(member->source, 0, &event);
    MR_CHECK(event.kind == MR_SOURCE_NOTHING || event.kind == MR_SOURCE_FAULT);
    mr_source_event_release(&event);
}

void kafka_read_to(struct kafka_member *member, int32_t partition, int64_t next,
                   struct kafka_seen *seen)
{
    uint64_t end_ms = mr_mono_ms(&member->opts.env) + AWAIT_MS;
    uint32_t lane = (uint32_t)partition % member->opts.n_lanes;

    while (seen[partition].next < next || seen[partition].end < next) {
        kafka_read_once(member, lane, 50, seen);
        kafka_poll_once(member);
        if (mr_mono_ms(&member->opts.env) > end_ms)
            MR_FAIL("partition %d stands at %lld, end %lld, instead of %lld", partition,
                    (long long)seen[partition].next, (long long)seen[partition].end,
                    (long long)next);
    }
}

void kafka_read_quiet(struct kafka_member *member, uint32_t lane, uint32_t for_ms,
                      struct kafka_seen *seen)
{
    uint64_t end_ms = mr_mono_ms(&member->opts.env) + for_ms;

    while (mr_mono_ms(&member->opts.env) < end_ms)
        kafka_read_once(member, lane, 20, seen);
}

void kafka_seen_init(struct kafka_seen *seen, int64_t next)
{
    for (int i = 0; i < RIG_MAX_PARTITIONS; i++)
        seen[i] = (struct kafka_seen){.next = next, .end = -1};
}
