/* Backoff: the only place that decides how long to wait before the same thing is tried again. Full
 * jitter over an exponential bound (contract.md section 0, RETRY). And what a batch's error asks
 * for before its class decides (contract.md section 8), as data. Pure. */
#ifndef MR_CONSUMER_RETRY_H
#define MR_CONSUMER_RETRY_H

#include "base/clock.h"
#include "base/err.h"

enum { MR_RETRY_FIRST_MS = 100, MR_RETRY_MOST_MS = 30000 };
enum { MR_PAUSE_FIRST_MS = 5000, MR_PAUSE_MOST_MS = 60000 }; /* the probe of a full target */
enum { MR_QUICK_LEAST_MS = 10, MR_QUICK_MOST_MS = 200 };     /* */

/* The wait before attempt number `attempt` (0: the first repetition). */
uint32_t mr_retry_delay_ms(enum mr_class class, uint32_t attempt, struct mr_rng *rng);
/* The wait before a repetition at once. */
uint32_t mr_retry_quick_ms(struct mr_rng *rng);

enum mr_first {
    MR_FIRST_NOTHING, /* as the error's class says */
    MR_FIRST_QUICK,   /* the batch is tried again at once; the class is RETRY */
    MR_FIRST_HALVE,   /* the batch is formed anew with half of its records, if it has two */
    MR_FIRST_SPLIT,   /* a record's value may be the cause: looked for once, then the table halts */
};

/* Errors of one kind count together. */
enum mr_retry_kind {
    MR_RETRY_LOST,      /* another transaction was chosen to go on */
    MR_RETRY_KEY,       /* somebody else wrote the key meanwhile */
    MR_RETRY_REDUCTION, /* */
    MR_RETRY_SESSION,   /* */
    MR_RETRY_CANCELLED, /* */
    MR_RETRY_MEMORY,    /* */
    MR_RETRY_INTERNAL,  /* */
    MR_N_RETRY_KINDS
};

/* What one batch has met so far; {0} at first. */
struct mr_retries {
    uint8_t n[MR_N_RETRY_KINDS];
};

/* Counts an error of a flush and says what comes first. */
enum mr_first mr_retry_first(struct mr_retries *retries, struct mr_err *err);

#endif
