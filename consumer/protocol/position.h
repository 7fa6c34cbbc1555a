/* Decisions about positions, pure: where to start, what a stored position says about a batch in
 * doubt, and whether a stored position still belongs to this log (design.md section 4; contract.md
 * G-02, K-04, K-05, K-06). */
#ifndef MR_CONSUMER_PROTOCOL_POSITION_H
#define MR_CONSUMER_PROTOCOL_POSITION_H

#include "base/err.h"
#include "base/pos.h"

enum mr_start { MR_START_COMMITTED, MR_START_EARLIEST, MR_START_LATEST, MR_START_TIMESTAMP };

/* What the source knows of one partition. -1 / "" where it is not known. */
struct mr_log_facts {
    int64_t low;       /* first offset that can be read */
    int64_t high;      /* one past the last record */
    int64_t committed; /* the group's commit; -1: none */
    int32_t committed_leader_epoch;
    bool committed_is_ours; /* its metadata names this pipeline */
    int64_t at_timestamp;   /* first offset at or after the start time stamp; -1: none */
    int32_t n_partitions;   /* of the topic; 0: not known */
    /* The last position that the log was found not to have: its end is, or was, before it. */
    bool is_cut;
    int64_t cut_at;
    int32_t cut_epoch; /* the position's leader epoch */
    int64_t cut_end;   /* where the two parted; -1: not known */
    const char *stream_id;
    const char *cluster_id;
};

struct mr_start_rule {
    enum mr_start start;
    bool added_later; /* the partition appeared after the pipeline's first start: earliest (K-06) */
    bool continue_on_loss; /* on_data_loss = "continue" */
};

/* Does a partition that has no stored position count as added after the pipeline's first start? A
 * row tells how many partitions its topic had when the row was made, so the smallest number is the
 * first start's: what was there then is not a new one, whoever claims it and when.
 *
 *   stored rows of the topic        partition p
 *   none                            no: this is the first start
 *   some whose number is known      p >= the smallest of these numbers
 *   all with 0, not known           yes: it may be new, and loading all loses nothing */
bool mr_position_added_later(const struct mr_position *stored, size_t n_stored, const char *stream,
                             int32_t partition);

/* The offset to start from where the target has no position. HALT source.position_missing when the
 * group's commit says that this pipeline was loaded before, unless everything is to be loaded. */
int mr_position_start(const struct mr_start_rule *rule, const struct mr_log_facts *log,
                      int64_t *offset, int32_t *leader_epoch, struct mr_err *err);

/* Is the stored position one of this log? HALT source.cluster_changed, source.topic_recreated. */
int mr_position_same_log(const struct mr_position *stored, const struct mr_log_facts *log,
                         struct mr_err *err);

/* May this stored position be continued? HALT source.cluster_changed, source.topic_recreated,
 * source.gap (the lost range is named), source.truncated. With continue_on_loss a gap moves *offset
 * to the log's start instead. */
int mr_position_check(const struct mr_position *stored, const struct mr_start_rule *rule,
                      const struct mr_log_facts *log, int64_t *offset, struct mr_err *err);

/* Where a position shall be put by hand. */
struct mr_place_rule {
    enum { MR_PLACE_EARLIEST, MR_PLACE_LATEST, MR_PLACE_OFFSET, MR_PLACE_TIMESTAMP } to;
    int64_t value; /* the offset, or the time stamp in ms */
    bool reset;    /* whatever log the stored position is of: the one of now takes its place */
};

/* `out`, which holds the names and what is stored (NULL: nothing is), becomes the position as the
 * rule wants it. Without reset only within the log that it is of. Errors: source.cluster_changed,
 * source.topic_recreated; config.usage for an offset that the log does not have. */
int mr_position_place(const struct mr_place_rule *rule, const struct mr_position *stored,
                      const struct mr_log_facts *log, struct mr_position *out, struct mr_err *err);

/* The stored position of a span; NULL: there is none. */
const struct mr_position *mr_position_of(const struct mr_span *span,
                                         const struct mr_position *stored, size_t n_stored);

/* What the stored positions say of a batch whose COMMIT had no answer (contract.md Q-01). */
enum mr_settled { MR_SETTLED_LANDED, MR_SETTLED_ABSENT, MR_SETTLED_MOVED };
enum mr_settled mr_position_settle(const struct mr_span *spans, size_t n_spans,
                                   const struct mr_position *stored, size_t n_stored);

#endif
