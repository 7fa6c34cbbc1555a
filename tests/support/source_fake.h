/* A source in memory, for component tests of lanes, claims and the poll loop: a log per partition,
 * an assignment that the test decides, and the rules of consumer/source.h kept strictly: a call
 * that the contract forbids (hold or release while the lane reads, a record released twice) fails
 * the test at its end through fake_source_violations(). Any thread. */
#ifndef MR_TESTS_SUPPORT_SOURCE_FAKE_H
#define MR_TESTS_SUPPORT_SOURCE_FAKE_H

#include "consumer/source.h"

extern const struct mr_source_ops mr_source_fake;

/* The fake behind a source that mr_source_fake.open gave. */
struct fake_source;
struct fake_source *fake_source_of(struct mr_source *source);

/* Makes a partition's log, empty, starting at offset `low`. */
void fake_source_partition(struct fake_source *fake, const char *stream, int32_t partition,
                           int64_t low);
/* Appends a record (copied); NULL data is null. Returns its offset. */
int64_t fake_source_append(struct fake_source *fake, const char *stream, int32_t partition,
                           struct mr_slice key, struct mr_slice value);
/* Leaves a gap of `n` offsets, as compaction or transaction markers do. */
void fake_source_gap(struct fake_source *fake, const char *stream, int32_t partition, int64_t n);
/* Forgets everything below `low`, as retention does. */
void fake_source_retain(struct fake_source *fake, const char *stream, int32_t partition,
                        int64_t low);

/* Takes one record away, as compaction does. */
void fake_source_compact(struct fake_source *fake, const char *stream, int32_t partition,
                         int64_t offset);

/* The next poll reports this; the partition must exist. */
void fake_source_assign(struct fake_source *fake, const char *stream, int32_t partition);
void fake_source_revoke(struct fake_source *fake, const char *stream, int32_t partition, bool lost);

/* The next poll reports a fault of the whole source. */
void fake_source_fault(struct fake_source *fake, enum mr_code code);

/* The first `n` releases of the partition answer -MR_AGAIN. */
void fake_source_refuse_seeks(struct fake_source *fake, uint32_t n);

/* While away, it does not answer whether it is there. */
void fake_source_away(struct fake_source *fake, bool away);
/* While silent, nobody answers a question about the partition's log. */
void fake_source_silence(struct fake_source *fake, const char *stream, int32_t partition,
                         bool silent);
/* The time-out of the last question about it; 0: none was asked. */
uint32_t fake_source_asked_ms(struct fake_source *fake, const char *stream, int32_t partition);

/* The next `n` reads of a flowing partition give an error. */
void fake_source_fail_reads(struct fake_source *fake, uint32_t n, enum mr_code code);

int64_t fake_source_committed(struct fake_source *fake, const char *stream, int32_t partition);
bool fake_source_is_held(struct fake_source *fake, const char *stream, int32_t partition);
uint32_t fake_source_n_seeks(struct fake_source *fake);
uint32_t fake_source_n_reads(struct fake_source *fake);
uint32_t fake_source_n_wakes(struct fake_source *fake);       /* of lanes */
uint32_t fake_source_n_outstanding(struct fake_source *fake); /* records not given back */
const char *fake_source_violation(struct fake_source *fake);  /* NULL: none */

#endif
