/* One flush: everything that a batch holds, for all its tables, in one transaction together with
 * its dead letters and the positions it covers (contract.md G-01). What to do about an error
 * of the target as a whole is the writer's. Thread: write. */
#ifndef MR_CONSUMER_FLUSH_H
#define MR_CONSUMER_FLUSH_H

#include "consumer/batch.h"
#include "consumer/flush_faults.h"
#include "consumer/flush_letters.h"
#include "consumer/letter_topic.h"
#include "consumer/retry.h"

/* What the writer learnt about tables between flushes; indexed by mr_target.idx. */
struct mr_load_memories {
    struct mr_load_memory *items;
    size_t n_items;
};
/* NULL when memory is out. */
struct mr_load_memory *mr_load_memory_of(struct mr_load_memories *memories, uint32_t idx);
void mr_load_memories_release(struct mr_load_memories *memories);

struct mr_flush_result {
    struct mr_load_stats stats;
    struct mr_target *failed; /* the target whose load failed; NULL where it was not one table's */
    struct mr_flush_faults faults; /* records that were put aside, or stopped the flush */
    bool at_commit;      /* the target refused the COMMIT, after it had taken every statement */
    enum mr_first first; /* what is done about the error before its class decides */
    bool stopped;        /* records must be waited at: mr_flush_faults_stops() */
};
void mr_flush_result_init(struct mr_flush_result *result);
void mr_flush_result_release(struct mr_flush_result *result);

struct mr_flush {
    struct mr_session *session;
    struct mr_batch *batch;
    struct mr_load_memories *memories;
    struct mr_source *source;
    struct mr_letter_topic *topic; /* NULL: letters go to the target */
    struct mr_poisoned *poisoned;  /* NULL: keys with dead letters are not remembered */
    struct mr_retries *retries;    /* of this batch; NULL: an error is what its class says */
    uint64_t now_ms;               /* monotonic */
};

/* 0: durable. -MR_COMMIT_UNKNOWN: see sink.h. What the target refuses in single rows is taken apart
 * here, in a transaction of its own, and ends in result->faults; such an error comes back only
 * where that finds nothing. After every error the session is ready for another run. `result` is
 * emptied first. */
int mr_flush_run(const struct mr_flush *flush, struct mr_flush_result *result, struct mr_err *err);

#endif
