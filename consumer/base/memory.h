/* Memory that was asked for and was not there. A buffer or an arena that refuses does so in the
 * same way for its limit and for the system's, and what follows from it may look like a fault of
 * the input: a record too large, a text that is none. So the system's refusals are counted, and
 * who began a piece of work on input asks at its end whether there was one meanwhile: then that is
 * the error, and what was found or made without the memory counts for nothing.
 * Threads: any; each has a count of its own. */
#ifndef MR_BASE_MEMORY_H
#define MR_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Read by mr_memory_mark() only. */
extern _Thread_local uint32_t mr_memory_n_refused;

/* malloc and the like gave nothing; said by who turns that into something else than
 * -MR_NO_MEMORY. */
void mr_memory_note_refused(void);

/* What malloc or the like gave, which is counted where it is nothing. */
static inline void *mr_memory_given(void *given)
{
    if (given == NULL)
        mr_memory_note_refused();
    return given;
}

/* The count now, for mr_memory_judge(). */
static inline uint32_t mr_memory_mark(void)
{
    return mr_memory_n_refused;
}

/* The error where memory was refused in this thread since `mark`: -MR_NO_MEMORY, in `err`. */
int mr_memory_lacked(struct mr_err *err, int rc, const char *during);

/* `rc` and `err` as they are, unless memory was refused in this thread since `mark`: then
 * -MR_NO_MEMORY, also where `rc` is 0. */
static inline int mr_memory_judge(uint32_t mark, int rc, struct mr_err *err, const char *during)
{
    return mark == mr_memory_n_refused ? rc : mr_memory_lacked(err, rc, during);
}

#endif
