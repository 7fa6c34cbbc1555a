/* What a flush does about keys with dead letters (poisoned.h): letters that were found after its
 * records were gathered concern them, too. Thread: write. */
#ifndef MR_CONSUMER_FLUSH_LETTERS_H
#define MR_CONSUMER_FLUSH_LETTERS_H

#include "consumer/flush_faults.h"
#include "consumer/poisoned.h"

struct mr_flush;
/* Puts the batch's letters and those of the load where letters go; in a topic they are then
 * acknowledged. */
int mr_flush_letters_put(const struct mr_flush *flush, const struct mr_flush_faults *faults,
                         struct mr_err *err);

/* Gathers in batch->overtaken what its records overtake. -MR_AGAIN (FLOW) where one that does not
 * carry all columns follows a letter of its key, or a delete that does not know it: the batch is to
 * be formed anew, which puts it aside, or makes it know. */
int mr_flush_letters_meet(struct mr_poisoned *poisoned, struct mr_batch *batch, uint64_t now_ms,
                          struct mr_err *err);
/* The records that the load has found to be letters are remembered, and the batch's others meet
 * them, as above. */
int mr_flush_letters_found(struct mr_poisoned *poisoned, struct mr_batch *batch,
                           struct mr_flush_faults *faults, uint64_t now_ms, struct mr_err *err);
/* The flush did not land, for sure: they are no letters yet. */
void mr_flush_letters_undo(struct mr_poisoned *poisoned, struct mr_flush_faults *faults);

#endif
