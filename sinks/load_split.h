/* A load that the target refused for what is in a row, taken apart until the rows at fault are
 * alone (contract.md section 8, R-12, R-14, Q-12 to Q-21). Thread: write. */
#ifndef MR_SINKS_LOAD_SPLIT_H
#define MR_SINKS_LOAD_SPLIT_H

#include "sinks/load.h"

/* Carries out `ops` on the rows as they came, in their order: all at once under a savepoint, and
 * where a record fault comes back, again in parts, down to single records. So the state before each
 * part is that of the records before it, however keys and unique values moved. Where the target
 * names the record at fault (mr_refused), the parts are what comes before it, itself, and the rest,
 * else they are halves: of n records with k at fault 1 + 3 k parts are loaded if it names them all,
 * and at most 1 + 2 k log2(n) + 6 k + 18 whatever it names. A name is no proof: what remains alone
 * and is refused goes to load->faults; the others land. Behind a record that waits (load->may_wait)
 * nothing of its partition is tried: it must not land before it. Other errors as they come. */
int mr_load_split(struct mr_load *load, const struct mr_load_ops *ops, struct mr_err *err);

#endif
