/* Claims: the positions of newly assigned partitions are read, checked against the log, and claimed
 * in the target, all of a list in one statement (design.md section 4, Positions). A thread of its
 * own does it, since both target and brokers are asked and polling must never wait for them. One
 * job runs at a time. */
#ifndef MR_CONSUMER_CLAIMS_H
#define MR_CONSUMER_CLAIMS_H

#include "consumer/partitions.h"
#include "consumer/poisoned.h"
#include "consumer/source.h"
#include "sinks/sink.h"

struct mr_claims_opts {
    struct mr_source *source;
    struct mr_sink *sink;
    const char *pipeline;
    bool continue_on_loss;
    struct mr_partitions *partitions;
    /* Forgets what it knew of a partition that is claimed, and learns what the target knows of it,
     * if that is where the letters are. NULL: nothing does. */
    struct mr_poisoned *poisoned;
    bool poisons_stored;
    struct mr_env env;
};

struct mr_claim_item {
    struct mr_partition *part;
    uint32_t generation;
    int rc;            /* out: 0 or -code */
    struct mr_err err; /* out: of rc */
    int64_t offset;    /* out: where to read from */
    int64_t stored;    /* out: what the target holds */
    int64_t epoch;     /* out */
    int64_t end;       /* out: one past the log's last record; -1 */
    int32_t leader_epoch;
    int64_t timestamp_ms; /* out: of the last loaded record; -1 */
    bool resumed;         /* out: the target had a position before */
    bool envelope;        /* out: a value before `stored` was an envelope */
};

struct mr_claims;
/* Starts the thread. Gives: mr_claims_free. */
int mr_claims_new(const struct mr_claims_opts *opts, struct mr_claims **out, struct mr_err *err);
void mr_claims_free(struct mr_claims *claims); /* waits for the job under way */

/* ---- thread: poll ---- */
bool mr_claims_idle(struct mr_claims *claims);
/* Takes `items` (malloc'd). Only while idle. */
void mr_claims_start(struct mr_claims *claims, struct mr_claim_item *items, size_t n);
/* The finished job's items, once (gives: free()); NULL if there are none. */
struct mr_claim_item *mr_claims_finished(struct mr_claims *claims, size_t *n);

/* After a fault of the source: it is asked again and again until it answers. Thread: poll. */
void mr_claims_source_ask(struct mr_claims *claims);
bool mr_claims_source_answered(struct mr_claims *claims); /* since it was asked; true once */

/* What mirror commits carry: "millrace:<pipeline>:<target id>"; "" before the target was reached.
 * Copies at most `cap` bytes. Any thread. */
void mr_claims_metadata(struct mr_claims *claims, char *out, size_t cap);
/* Has the target answered at all? For /readyz. Any thread. */
bool mr_claims_target_ready(struct mr_claims *claims, struct mr_err *why);

#endif
