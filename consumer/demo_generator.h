/* The demo's source: an endless, repeatable sequence of change records of three tables, and the
 * rows that are left behind them. It begins with a snapshot (op r); at its middle the schema of
 * orders grows by a column; a little later one record comes out cut off. The same options give the
 * same bytes. Thread: one owner at a time. */
#ifndef MR_CONSUMER_DEMO_GENERATOR_H
#define MR_CONSUMER_DEMO_GENERATOR_H

#include "consumer/demo_model.h"

enum {
    MR_DEMO_MIN_RECORDS = 1000,
    MR_DEMO_MAX_RECORDS = 1000000000,
    MR_DEMO_MAX_ROWS = 1000000, /* of one table: from there on rows go before new ones come */
    MR_DEMO_MAX_ID = 8388608
};

struct mr_demo_generator_opts {
    uint64_t n_records; /* where snapshot, schema change and the cut record stand; no end */
    uint64_t seed;
};

/* Borrowed from the generator until its next record. */
struct mr_demo_record {
    uint16_t table;
    int32_t partition; /* by the key's bytes */
    char op;           /* c r u d; t: the tombstone behind a d */
    bool broken;       /* cut off: must become a dead letter */
    struct mr_slice key;
    struct mr_slice value; /* data NULL: a tombstone */
};

struct mr_demo_generator;

/* Gives: mr_demo_generator_free(). Errors: internal.no_memory; schema.invalid is a bug of ours. */
int mr_demo_generator_new(const struct mr_demo_generator_opts *opts, struct mr_demo_generator **out,
                          struct mr_err *err);
void mr_demo_generator_free(struct mr_demo_generator *gen); /* NULL is fine */

/* The next record; the model is then as the source is behind it. */
int mr_demo_generator_next(struct mr_demo_generator *gen, struct mr_demo_record *out,
                           struct mr_err *err);
struct mr_demo_model *mr_demo_generator_model(struct mr_demo_generator *gen);
uint64_t mr_demo_generator_count(const struct mr_demo_generator *gen);

#endif
