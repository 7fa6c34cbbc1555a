/* The signals of the commands that serve: taken by the main thread, one at a time. Threads that are
 * started after mr_signals_block inherit the mask, so it comes first. */
#ifndef MR_CONSUMER_CMD_SIGNALS_H
#define MR_CONSUMER_CMD_SIGNALS_H

#include <signal.h>

/* Blocks SIGTERM, SIGINT and SIGHUP in this thread and gives them in `set`; ignores SIGPIPE: a peer
 * that is gone is an error of its write. Thread: main. */
void mr_signals_block(sigset_t *set);

/* The next signal of the set, or 0 when none came within 100 ms. Thread: main. */
int mr_signals_wait(const sigset_t *set);

/* From here on SIGTERM and SIGINT end the process at once with EX_TEMPFAIL, as the second one of a
 * stop does (design.md section 4). Thread: main. */
void mr_signals_release(const sigset_t *set);

#endif
