/* A batch: the rows of one transaction per table, the spans they cover, the letters put aside, and
 * the records themselves, held until the commit. Filled by the fill thread, then written by the
 * write thread; the hand-over between them is the lane's. */
#ifndef MR_CONSUMER_BATCH_H
#define MR_CONSUMER_BATCH_H

#include "base/arena.h"
#include "consumer/partitions.h"
#include "consumer/record.h"
#include "consumer/targets.h"
#include "schemas/plan.h"
#include "sinks/poisoned.h"
#include "sinks/sink.h"

struct mr_source;

struct mr_batch_opts {
    uint32_t max_rows;
    size_t max_bytes; /* encoded rows + held records */
    size_t max_record_bytes;
    uint64_t seed;
};

struct mr_batch_table {
    struct mr_target *target;
    struct mr_rows rows;
    uint64_t n_upserts, n_deletes; /* records, before reduction */
    uint64_t n_left_out;           /* rows, by the flush (load.h) */
    bool split; /* the flush takes its rows apart: the target refused one (load_split.h) */
    bool constraints_now;      /* it refused it at the commit */
    bool internal_too;         /* the server failed by itself, thrice */
    struct mr_refused refused; /* where the split looks first */
};

/* records by what they were, for millrace_records_total{op} */
enum mr_batch_count {
    MR_COUNT_CREATE,
    MR_COUNT_READ,
    MR_COUNT_UPDATE,
    MR_COUNT_DELETE,
    MR_COUNT_TOMBSTONE,
    MR_COUNT_TRUNCATE,
    MR_COUNT_SKIP,
    MR_COUNT_BAD,
    MR_N_COUNTS
};

struct mr_batch_span {
    struct mr_span span;
    struct mr_partition *part;
    uint64_t counts[MR_N_COUNTS];
};

struct mr_batch {
    struct mr_batch_opts opts;
    struct mr_arena arena;
    struct mr_batch_table **tables;
    size_t n_tables;   /* in use now */
    size_t cap_tables; /* made; those past n_tables wait to be used again */
    struct mr_batch_span *spans;
    size_t n_spans;
    size_t cap_spans;
    struct mr_record *held; /* n_records of them; their messages are the batch's */
    size_t n_held;
    size_t cap_held;
    struct mr_letter *letters; /* their texts are in the arena */
    size_t n_letters;
    size_t cap_letters;
    struct mr_overtaken *overtaken; /* letters that its records overtake; keys are the records' */
    size_t n_overtaken;
    size_t cap_overtaken;
    struct mr_plan **plans; /* references: rows point at their plan's column sets */
    size_t n_plans;
    size_t cap_plans;
    size_t
        n_moved; /* rows that take values of another one: read into memory by the flush, so few */
    size_t held_bytes;
    uint64_t first_us;    /* when the oldest record was taken; monotonic */
    int64_t loaded_at_ms; /* wall clock of the first record: _loaded_at */
    uint64_t bytes_consumed;
    struct mr_batch_table *last_table; /* of the record before: runs are the rule */
    struct mr_batch_span *last_span;
};

/* 0 or -MR_NO_MEMORY. */
int mr_batch_init(struct mr_batch *batch, const struct mr_batch_opts *opts);
void mr_batch_release(struct mr_batch *batch);
/* Empties; gives the held records back to the source. */
void mr_batch_reset(struct mr_batch *batch, struct mr_source *source);

/* Sets opts.max_bytes and max_rows of an empty batch; memory beyond is given back. */
void mr_batch_limit(struct mr_batch *batch, size_t max_bytes, uint32_t max_rows);

static inline bool mr_batch_is_empty(const struct mr_batch *batch)
{
    return batch->n_spans == 0;
}
bool mr_batch_is_full(const struct mr_batch *batch);

/* Adds what a record decoded to; nothing is taken yet. A record that does not fit an empty batch
 * is let in alone. 0; -MR_FULL: hand the batch over first; -MR_NO_MEMORY. */
int mr_batch_add(struct mr_batch *batch, struct mr_target *target, struct mr_plan *plan,
                 const struct mr_decoded *decoded, const struct mr_record *record,
                 struct mr_err *err);
/* empties the table, with `below` of what is older than that guard, and forgets what
 * the batch has for it. 0, -MR_FULL or -MR_NO_MEMORY. */
int mr_batch_truncate(struct mr_batch *batch, struct mr_target *target, struct mr_plan *plan,
                      const struct mr_slice *below, struct mr_err *err);
/* Puts a record aside with its reason (design.md section 6). 0, -MR_FULL or -MR_NO_MEMORY. */
int mr_batch_add_letter(struct mr_batch *batch, struct mr_source *source,
                        const struct mr_target *target, const struct mr_record *record,
                        const struct mr_err *why, struct mr_err *err);
/* The flush is to tell that these letters were overtaken. Memory that is out leaves them as they
 * are. */
void mr_batch_add_overtaken(struct mr_batch *batch, const struct mr_overtaken *overtaken);
/* Takes the record after mr_batch_add (or _letter, or for a skip): holds its message, moves its
 * partition's span behind it and part->fill_next with it. 0, or -MR_NO_MEMORY with nothing taken.
 */
int mr_batch_take(struct mr_batch *batch, struct mr_record *record, enum mr_batch_count count,
                  uint64_t now_us, struct mr_err *err);
/* Moves a partition's span to `next` without a record (its end lies behind markers, F-16). */
int mr_batch_pass(struct mr_batch *batch, struct mr_partition *part, int64_t next, uint64_t now_us,
                  struct mr_err *err);
/* What the batch holds of a route. Looks at every record. */
struct mr_tally mr_batch_tally(const struct mr_batch *batch, const struct mr_route_rule *rule);
bool mr_batch_has(const struct mr_batch *batch, const struct mr_partition *part);

#endif
