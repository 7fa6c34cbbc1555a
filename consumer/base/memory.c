/* Owns the count of refused allocations. Must not allocate. */
#include "base/memory.h"

#include "base/ban.h"

_Thread_local uint32_t mr_memory_n_refused;

void mr_memory_note_refused(void)
{
    mr_memory_n_refused++;
}

int mr_memory_lacked(struct mr_err *err, int rc, const char *during)
{
    return rc == -MR_NO_MEMORY && err != NULL && err->code == MR_NO_MEMORY
               ? rc
               : mr_err_set(err, MR_NO_MEMORY, "while %s", during);
}
