/* Records that a load found to be bad while their neighbours land (sinks/load.h): each is put aside
 * in the same transaction, left out, or is where its partition stops, as its route says. */
#ifndef MR_CONSUMER_FLUSH_FAULTS_H
#define MR_CONSUMER_FLUSH_FAULTS_H

#include "consumer/batch.h"

struct mr_flush_fault {
    const struct mr_record *record; /* the batch's */
    struct mr_target *target;
    size_t fault; /* in `found` */
};

struct mr_flush_faults {
    struct mr_load_faults found;
    size_t n_noted;               /* of found */
    struct mr_flush_fault *items; /* a table's in the order of the batch, one a record */
    size_t n_items;
    size_t cap;
    struct mr_letter *letters;
    size_t n_letters;
    struct mr_poisoned_note *notes; /* of letters, in the memory of keys; not durable yet */
    size_t n_notes;
    struct mr_arena arena; /* the letters' texts: bounded by the records they are of */
};

void mr_flush_faults_init(struct mr_flush_faults *faults);
void mr_flush_faults_release(struct mr_flush_faults *faults);
void mr_flush_faults_reset(struct mr_flush_faults *faults);

/* What was found since the last call belongs to `target`. -MR_NO_MEMORY. */
int mr_flush_faults_note(struct mr_flush_faults *faults, const struct mr_batch *batch,
                         struct mr_target *target, struct mr_err *err);
/* After all tables: makes the letters. Where a record must be waited at, which is what
 * on_bad_record = "stop", a HALT and a wait for rows of other tables ask for, answers that fault's
 * negative code with its place: the batch cannot land, and mr_flush_faults_stops() tells the
 * partitions where to stop. */
int mr_flush_faults_settle(struct mr_flush_faults *faults, struct mr_source *source,
                           struct mr_err *err);
/* From item `idx` on there are too many bad records: their tables halt there (poison.flood). */
void mr_flush_faults_flood(struct mr_flush_faults *faults, size_t idx);
/* Marks the first such record of each partition, and when it began to wait (parent_wait.h). */
void mr_flush_faults_stops(const struct mr_flush_faults *faults, const struct mr_batch *batch,
                           uint64_t now_ms);
/* The error of item `idx` with its place. */
void mr_flush_faults_err(const struct mr_flush_faults *faults, size_t idx, struct mr_err *err);
bool mr_flush_faults_is_stop(const struct mr_flush_faults *faults, size_t idx);
/* it waits for rows of other tables, and is not a bad record yet. */
bool mr_flush_faults_is_wait(const struct mr_flush_faults *faults, size_t idx);

#endif
